"""DiagnosisDisplay: the scores of all nets that a diagnosis compared, one line per net.

It draws a Diagnosis, which is computed in rosenblatt.diagnosis.
"""

# SPDX-License-Identifier: BSD-3-Clause
import math
from typing import Any

from rosenblatt._types import Matrix
from rosenblatt.plot import _style

LINE_HEIGHT, MARGINS = 0.34, 1.7  # inches, of a new figure
TITLE_PAD = 38  # points, with room for the legend
MOST_BELOW = 1.5  # scores further below the given net's training score are outside the view
MARKER_SIZE = 7  # points
# the scores of each net: the attribute of NetScores, the legend, the index of the style
MARKS = (
    ("train", "training rows", 0),
    ("held_out", "held-out training rows", 2),
    ("test", "test rows", 1),
)


class DiagnosisDisplay:
    """Training, held-out and test scores of the given net and of those it was compared with.

    Create it with `from_estimator` or `Diagnosis.plot`. Error bars are two standard errors to
    either side. The vertical line is the training score of the given net. Significantly better
    nets are to the right of the grey band, whose width is `tol` (with large noise, further to the
    right).

    Parameters
    ----------
    diagnosis : Diagnosis
        The result of `rosenblatt.diagnose`.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
    figure_ : matplotlib.figure.Figure
    marks_ : dict of matplotlib.lines.Line2D
        The marks of 'train', 'held_out' and 'test', if there are such scores.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import train_test_split
    >>> from rosenblatt import MLPClassifier
    >>> from rosenblatt.plot import DiagnosisDisplay
    >>> X, X_test, y, y_test = train_test_split(*load_iris(return_X_y=True), random_state=0)
    >>> model = MLPClassifier((8,), solver="lbfgs", random_state=0).fit(X, y)
    >>> display = DiagnosisDisplay.from_estimator(model, X, y, X_test, y_test, verbose=False)
    >>> display.diagnosis.verdict
    'fine'
    """

    def __init__(self, diagnosis: Any) -> None:
        self.diagnosis = diagnosis

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Matrix,
        y: Matrix,
        X_test: Matrix,
        y_test: Matrix,
        time_budget: float = 30,
        *,
        ax: Any = None,
        **options: Any,
    ) -> "DiagnosisDisplay":
        """Diagnose a fitted network and draw the result.

        Parameters
        ----------
        estimator, X, y, X_test, y_test, time_budget, **options
            As in `rosenblatt.diagnose`.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on. None creates a figure.

        Returns
        -------
        display : DiagnosisDisplay
            The display.
        """
        from rosenblatt.diagnosis import diagnose

        display = cls(None)
        _style.require_matplotlib(display)  # checked before half a minute of work
        display.diagnosis = diagnose(estimator, X, y, X_test, y_test, time_budget, **options)
        return display.plot(ax)

    def plot(self, ax: Any = None) -> "DiagnosisDisplay":
        """Draw the scores.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on. None creates a figure.

        Returns
        -------
        display : DiagnosisDisplay
            The display itself.
        """
        _style.require_matplotlib(self)
        nets = self.diagnosis.nets
        height = MARGINS + LINE_HEIGHT * len(nets)
        self.ax_ = _style.axes_or_new(ax, figsize=(_style.WIDTH, height))
        self.figure_ = self.ax_.figure
        _style.plain(self.ax_)
        self.marks_ = {}
        for attribute, label, place in MARKS:
            self._draw_marks(attribute, label, place)
        self._draw_noise()
        self._draw_band()
        self.ax_.set_yticks(range(len(nets)), [net.name for net in nets])
        self.ax_.set_ylim(len(nets) - 0.4, -0.6)
        self.ax_.set_xlabel(self.diagnosis.score_name)
        self.ax_.set_title(f"Diagnosis: {self.diagnosis.verdict}", loc="left", pad=TITLE_PAD)
        self._keep_in_view()
        self.ax_.legend(
            loc="lower left",
            bbox_to_anchor=(0, 1),
            ncols=2,
            frameon=False,
            fontsize="small",
            handletextpad=0.1,
            columnspacing=1.0,
            borderaxespad=0.2,
        )
        return self

    def _draw_marks(self, attribute, label, place):
        points = [
            (getattr(net, attribute), line)
            for line, net in enumerate(self.diagnosis.nets)
            if not math.isnan(getattr(net, attribute))
        ]
        if points:
            self.marks_[attribute] = _style.add_series(
                self.ax_,
                *zip(*points, strict=True),
                place,
                label=label,
                linestyle="none",
                markersize=MARKER_SIZE,
                zorder=3,
                alpha=0.9,
                markevery=1,
            )

    def _draw_noise(self):
        """Draw the error bars of the given net's two scores."""
        given = self.diagnosis
        for score, noise, place in (
            (given.train_score, given.train_noise, 0),
            (given.test_score, given.test_noise, 1),
        ):
            self.ax_.hlines(
                0, score - noise, score + noise, colors=_style.SERIES[place]["color"], linewidth=2
            )

    def _draw_band(self):
        score, tol = self.diagnosis.train_score, self.diagnosis.tol
        label = f"better by less than {tol:g}"
        self.ax_.axvspan(score, score + tol, color="0.85", zorder=0, linewidth=0, label=label)
        self.ax_.axvline(score, color=_style.GREY, linewidth=1, zorder=1)

    def _keep_in_view(self):
        """Write scores far below all others, such as a negative R^2, at the edge, because they
        would compress the scale."""
        given = self.diagnosis
        scores = [score for net in given.nets for score in net[1:] if not math.isnan(score)]
        scores += [given.train_score - given.tol, given.test_score - given.test_noise]
        left = max(min(scores), given.train_score - MOST_BELOW)
        right = max(*scores, given.train_score + min(given.tol, given.train_noise))
        margin = 0.05 * (right - left)
        self.ax_.set_xlim(left - margin, right + margin)
        for line, net in enumerate(given.nets):
            outside = [f"{score:.3g}" for score in net[1:] if score < left - margin]
            if outside:
                self.ax_.text(left - margin, line + 0.35, f" ← {', '.join(outside)}", va="center")
