"""TrainingDisplay: the recorded values of each epoch, in panels.

It draws `history_`, whose columns are described in `_history.py`.
"""

# SPDX-License-Identifier: BSD-3-Clause
from typing import Any

import numpy as np
from sklearn.base import is_classifier

from rosenblatt.inspection._objective import network_in
from rosenblatt.plot import _style

# panel: (label of its y-axis, the columns drawn in it with their legends)
TITLE, TITLE_OF_ONE = "Training", "Training of "  # an estimator's class

PANELS = {
    "loss": ("loss", {"loss": "training", "validation_loss": "validation"}),
    "score": (None, {"validation_score": "validation"}),
    "learning_rate": ("learning\nrate", {"learning_rate": ""}),
    "gradient_norm": ("gradient\nnorm", {"gradient_norm": ""}),
}


class TrainingDisplay:
    """Losses, scores, learning rate and gradient norm of each epoch.

    There is one panel for each of them that was recorded. Create the display with `from_estimator`
    or `from_history`. To compare several fits, draw them on the same axes and give each a `name`.

    Parameters
    ----------
    loss : array-like of shape (n_epochs,)
        The training loss including the penalty.
    validation_loss : array-like of shape (n_epochs,), default=None
        The mean loss of the validation rows, without the penalty. This and the following values
        are not drawn if they are None, or NaN in every epoch.
    validation_score : array-like of shape (n_epochs,), default=None
        The validation score. It is not drawn if it is the negative of the validation loss.
    learning_rate : array-like of shape (n_epochs,), default=None
        The learning rate of each epoch's last step.
    gradient_norm : array-like of shape (n_epochs,), default=None
        The root mean square of the gradient norm over the steps of an epoch.
    score_name : str, default='validation score'
        The name of the score, used as the axis label.
    unit : str, default='epoch'
        The unit of the x-axis; 'iteration' for solver='lbfgs'.
    title : str, default=None
        The title.
    name : str, default=None
        The name of this training in the legends.

    Attributes
    ----------
    axes_ : ndarray of matplotlib.axes.Axes of shape (n_panels,)
        The axes of the panels, from top to bottom.
    figure_ : matplotlib.figure.Figure
        The figure.
    panels_ : tuple of str
        The panel on each axes: 'loss', 'score', 'learning_rate' or 'gradient_norm'.
    lines_ : dict of matplotlib.lines.Line2D
        The lines, by column of `history_`: 'loss', 'validation_loss' and so on.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from rosenblatt import MLPClassifier
    >>> from rosenblatt.plot import TrainingDisplay
    >>> model = MLPClassifier((8,), early_stopping=True, max_iter=500, random_state=0)
    >>> model = model.fit(*load_iris(return_X_y=True))
    >>> display = TrainingDisplay.from_estimator(model)
    >>> display.panels_
    ('loss', 'score', 'learning_rate', 'gradient_norm')
    >>> display.figure_.savefig("training.png")  # doctest: +SKIP
    """

    def __init__(
        self,
        *,
        loss,
        validation_loss=None,
        validation_score=None,
        learning_rate=None,
        gradient_norm=None,
        score_name="validation score",
        unit="epoch",
        title=None,
        name=None,
    ):
        self.loss = loss
        self.validation_loss = validation_loss
        self.validation_score = validation_score
        self.learning_rate = learning_rate
        self.gradient_norm = gradient_norm
        self.score_name = score_name
        self.unit = unit
        self.title = title
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        panels: Any = None,
        name: str | None = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> "TrainingDisplay":
        """Draw the history of a fitted network.

        Parameters
        ----------
        estimator : MLPClassifier, MLPRegressor, or a Pipeline or search with one inside
            A fitted network. The epochs of solver='lbfgs' are its iterations.
        panels : list of str, default=None
            The panels to draw, in this order, out of 'loss', 'score', 'learning_rate' and
            'gradient_norm'. None draws all that were recorded.
        name : str, default=None
            The name of this fit in the legends.
        ax : matplotlib.axes.Axes or array of Axes, default=None
            A single Axes is the frame into which the panels are placed; an array has one Axes per
            panel. None creates a figure.
        **kwargs : dict
            Keyword arguments for `Axes.plot`, for every line.

        Returns
        -------
        display : TrainingDisplay
            The display.

        Raises
        ------
        TypeError
            If the estimator is not an MLPClassifier or MLPRegressor.
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If the fit recorded no epochs, or nothing for one of `panels`.
        """
        estimator = network_in(estimator, who=cls.__name__)
        # a name implies a comparison, whose title must not name one of the models
        title = TITLE if name else f"{TITLE_OF_ONE}{type(estimator).__name__}"
        columns = _columns(estimator.history_)
        unit = "iteration" if estimator.solver == "lbfgs" else "epoch"
        display = cls(
            **columns, score_name=_score_name(estimator), unit=unit, title=title, name=name
        )
        return display.plot(ax, panels=panels, **kwargs)

    @classmethod
    def from_history(
        cls,
        history: Any,
        *,
        score_name: str = "validation score",
        title: str | None = None,
        panels: Any = None,
        name: str | None = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> "TrainingDisplay":
        """Draw a `history_`, or any mapping with columns of the same names.

        Parameters
        ----------
        history : dict of lists or pandas.DataFrame
            Must have the column 'loss', and may have 'validation_loss', 'validation_score',
            'learning_rate' and 'gradient_norm'. `{"loss": estimator.loss_curve_}` is sufficient.
        score_name : str, default='validation score'
            The name of the score, used as the axis label.
        title : str, default=None
            The title.
        panels, name, ax, **kwargs
            As in `from_estimator`.

        Returns
        -------
        display : TrainingDisplay
            The display.

        Raises
        ------
        ValueError
            If there is no 'loss' or no epoch, or nothing for one of `panels`.
        """
        display = cls(**_columns(history), score_name=score_name, title=title, name=name)
        return display.plot(ax, panels=panels, **kwargs)

    def plot(self, ax: Any = None, *, panels: Any = None, **kwargs: Any) -> "TrainingDisplay":
        """Draw the panels.

        Parameters
        ----------
        ax, panels, **kwargs
            As in `from_estimator`.

        Returns
        -------
        display : TrainingDisplay
            The display itself.
        """
        _style.require_matplotlib(self)
        recorded = self._recorded()
        self.panels_ = self._checked_panels(panels, recorded)
        self.axes_ = _style.stacked_axes(ax, self.panels_)
        self.figure_ = self.axes_[0].figure
        self.lines_ = {}
        place, look = self._place_among_series(), _style.free_place(self.axes_)
        for panel, axes in zip(self.panels_, self.axes_, strict=True):
            self._draw_panel(panel, axes, recorded, (place, look), kwargs)
        _style.count_from_one(self.axes_[-1], self.unit)
        top = self.axes_[0]
        title = top.get_title() or self.title or ""
        if place and title.startswith(TITLE_OF_ONE):
            title = TITLE
        if self.name or place:
            for axes in self.axes_[1:]:  # of the first training, which has no name
                if axes.get_legend() is not None:
                    axes.get_legend().remove()
            _style.add_legend_above(top, title)
            return self
        if len(top.lines) > 1:
            _style.add_legend(top)
        top.set_title(title)
        return self

    def _place_among_series(self):
        """The number of fits that the axes already show."""
        filled = "none" if self.panels_[0] == "score" else "full"
        return sum(line.get_fillstyle() == filled for line in self.axes_[0].lines)

    def _recorded(self):
        """The columns that have recorded values, as arrays."""
        columns = {}
        for _, names in PANELS.values():
            for name in names:
                values = getattr(self, name)
                values = np.asarray([] if values is None else values, dtype=float)
                if not np.isnan(values).all():
                    columns[name] = values
        if "loss" not in columns:
            raise ValueError("There is nothing to draw: no epoch has a finite loss.")
        lengths = {name: len(values) for name, values in columns.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"All columns must have one value per epoch, got {lengths}.")
        return columns

    def _checked_panels(self, panels, recorded):
        there = [panel for panel, (_, names) in PANELS.items() if set(names) & set(recorded)]
        if panels is None:
            if self._score_is_the_loss(recorded):
                there.remove("score")
            return tuple(there)
        wanted = [panels] if isinstance(panels, str) else list(panels)
        if not wanted or not set(wanted) <= set(PANELS):
            raise ValueError(f"panels must be a list with items of {list(PANELS)}, got {panels!r}.")
        for panel in wanted:
            if panel not in there:
                way = " Fit with early_stopping=True or with X_val." if panel == "score" else ""
                raise ValueError(f"panels={panels!r}: no {panel} was recorded.{way}")
        return tuple(panel for panel in PANELS if panel in wanted)

    @staticmethod
    def _score_is_the_loss(recorded):
        """Whether the score is the negative validation loss (scoring='loss')."""
        if not {"validation_loss", "validation_score"} <= set(recorded):
            return False
        return np.array_equal(
            recorded["validation_score"], -recorded["validation_loss"], equal_nan=True
        )

    def _draw_panel(self, panel, axes, recorded, places, kwargs):
        """Draws one panel; `places` are those of the training and of its first style."""
        (label, names), (place, first_look) = PANELS[panel], places
        columns = [name for name in names if name in recorded]
        _style.plain(axes)
        for column in columns:
            role = names[column]
            if place and role and not self.name:  # a second training without a name
                role += f" {place + 1}"
            roles = [role] if len(columns) > 1 or not self.name else []
            style = {"label": ", ".join(filter(None, (self.name, *roles))) or None}
            look = first_look
            if column.startswith("validation"):
                style |= {"fillstyle": "none", "linestyle": "--"}
                # a single fit uses several colours; with several fits each has its own colour
                look += 0 if self.name else 1
            values = recorded[column]
            epochs = np.arange(1, len(values) + 1)
            style |= kwargs
            self.lines_[column] = _style.add_series(axes, epochs, values, look, **style)
        # on two lines, because a panel may be an inch high
        axes.set_ylabel(self.score_name.replace(" ", "\n", 1) if label is None else label)
        if panel == "score":
            self._mark_best(
                axes, recorded["validation_score"], with_legend=not (self.name or place)
            )
            return
        _style.log_where_wide(axes)
        if panel == "learning_rate" and axes.get_yscale() == "linear":
            axes.set_ylim(bottom=0)

    def _mark_best(self, axes, scores, with_legend):
        """A ring around the highest score, whose weights early stopping keeps."""
        best = int(np.nanargmax(scores))
        ring = {
            "facecolors": "none",
            "edgecolors": _style.BLACK,
            "s": 70,
            "zorder": 3,
            "clip_on": False,
        }
        axes.scatter([best + 1], [scores[best]], **ring, label=f"best: {self.unit} {best + 1}")
        if with_legend:
            _style.add_legend(axes)


def _columns(history):
    """The columns of a history that the display draws."""
    if "loss" not in history:
        raise ValueError(f"history must have the column 'loss', got {list(history)}.")
    names = [name for _, names in PANELS.values() for name in names]
    return {name: history[name] for name in names if name in history}


def _score_name(estimator):
    """The name of the validation score."""
    scoring = estimator.scoring
    if scoring is None:
        return "validation accuracy" if is_classifier(estimator) else "validation $R^2$"
    if scoring == "loss":
        return "negative validation loss"
    return f"validation {scoring.replace('_', ' ') if isinstance(scoring, str) else 'score'}"
