"""The result of diagnose: verdict, evidence and next steps, as text, as HTML and as a plot.

It is only stored and shown here; _verdict.py decides.
"""

# SPDX-License-Identifier: BSD-3-Clause
import html
import math
import textwrap
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

VERDICTS = {
    "mismatch": "the test rows are of another kind than the training rows",
    "optimisation": "the network could fit the training rows better, but training did not get "
    "there",
    "model bias": "the network is too simple, or too strongly regularised, to fit the training "
    "rows",
    "overfitting": "the network fits the training rows but does not generalise to others",
    "fine": "no problem larger than tol was found",
}

COUNTS = {True: "yes", False: "no", None: "undecided"}
WIDTH = 96  # of the text, in characters


@dataclass(frozen=True)
class Finding:
    """One row of evidence: the comparison of two scores.

    Attributes
    ----------
    what : str
        The comparison.
    score, against : float
        For another net, its training score and that of the given one; NaN if there is none.
    difference, noise : float
        score - against, and two standard errors of it.
    counts : bool or None
        Whether the difference exceeds both its noise and tol (for another net, also whether its
        training loss is lower); None if the time budget did not suffice to decide.
    training_loss : float
        The mean loss of the training rows without the penalty; NaN if it is not used.
    test_score : float
        The test score of another net; NaN for comparisons of rows. Not used for the verdict; next
        steps are in its order.
    seconds : float
        Training time.
    remark : str
        Further explanation, or empty.
    """

    what: str
    score: float
    against: float
    difference: float
    noise: float
    counts: bool | None
    training_loss: float = math.nan
    test_score: float = math.nan
    seconds: float = 0.0
    remark: str = ""


class LearningCurve(NamedTuple):
    """Scores of the same net on nested subsets of the training rows.

    Attributes
    ----------
    n_rows : ndarray of int
        Number of training rows, ascending.
    train, held_out : ndarray of float
        Scores on these rows, and on training rows that were held out.
    """

    n_rows: np.ndarray
    train: np.ndarray
    held_out: np.ndarray


class NetScores(NamedTuple):
    """Scores of one net; NaN if not available.

    Attributes
    ----------
    name : str
    train : float
        The score on the rows it was trained on.
    held_out : float
        The score on training rows that were held out of its training.
    test : float
        The score on test rows.
    """

    name: str
    train: float
    held_out: float
    test: float


class NextStep(dict):
    """Parameters for `set_params` of the estimator that was diagnosed, with a reason.

    Parameters
    ----------
    params : dict
    reason : str
    """

    def __init__(self, params, reason):
        super().__init__(params)
        self.reason = reason

    def __reduce__(self):
        return NextStep, (dict(self), self.reason)

    def __str__(self):
        return ", ".join(f"{name}={_plain(value)!r}" for name, value in self.items())


@dataclass(frozen=True)
class Diagnosis:
    """The result of `rosenblatt.diagnose`.

    Attributes
    ----------
    verdict : {'mismatch', 'optimisation', 'model bias', 'overfitting', 'fine'}
    evidence : list of Finding
        The comparisons, in the order in which they were made; `to_frame` returns them as a
        data frame.
    next_steps : list of NextStep
        Suggestions: dicts for `set_params(**step)`, each with a `reason`. First those that were
        measured and did better, the best test score first; then others, marked "Not tried". What
        was measured and lowered a score is not suggested. Empty if the verdict is 'fine'.
    advice : str
        Remedies other than parameters.
    undecided : list of str
        The comparisons for which the time budget did not suffice.
    score_name : str
        The name of the score: 'accuracy', 'R²', or 'D²' (of the pinball loss).
    train_score, test_score : float
        The scores of the given estimator.
    train_noise, test_noise : float
        Two standard errors of these scores.
    held_out_score : float
        The score of the same net on training rows held out of its training; NaN if it was not
        needed.
    learning_curve : LearningCurve or None
        With 'overfitting', if there was enough time.
    nets : list of NetScores
        All nets that were scored, the given one first; `plot` draws them.
    tol : float
        The smallest difference worth acting on.
    seconds : float
        Duration of the diagnosis.
    """

    verdict: str
    evidence: list[Finding] = field(repr=False)
    next_steps: list[NextStep] = field(repr=False)
    advice: str = field(repr=False)
    undecided: list[str] = field(repr=False)
    score_name: str
    train_score: float
    test_score: float
    train_noise: float
    test_noise: float
    held_out_score: float
    learning_curve: LearningCurve | None = field(repr=False)
    nets: list[NetScores] = field(repr=False)
    tol: float
    seconds: float

    def to_frame(self) -> "pd.DataFrame":
        """The evidence as a pandas.DataFrame, a row for each finding.

        Raises
        ------
        ImportError
            Without pandas.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError("to_frame() requires pandas: pip install pandas") from error
        return pd.DataFrame([vars(finding) for finding in self.evidence])

    def plot(self, ax: Any = None) -> Any:
        """Draw it; a `rosenblatt.plot.DiagnosisDisplay`.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None is a new figure.

        Raises
        ------
        ImportError
            Without matplotlib.
        """
        from rosenblatt.plot import DiagnosisDisplay

        return DiagnosisDisplay(self).plot(ax=ax)

    @property
    def summary(self) -> str:
        """One or two sentences."""
        says = VERDICTS[self.verdict]
        if self.verdict == "fine" and self.undecided:
            says = "no problem was found, but not all was examined"
        text = (
            f"{self.score_name} {self.train_score:.3f} on training rows, {self.test_score:.3f} on "
            f"test rows: {says}."
        )
        if self.undecided:
            text += (
                " Undecided within the budget: "
                f"{', '.join(self.undecided)}; a larger time_budget may decide."
            )
        return text

    def __str__(self):
        lines = [f"Diagnosis: {self.verdict}", "", *textwrap.wrap(self.summary, WIDTH), ""]
        lines += _aligned([HEADINGS, *map(_cells, self.evidence)])
        remarks = [f"{each.what}: {each.remark}" for each in self.evidence if each.remark]
        lines += [""] + [line for text in remarks for line in _item("- ", text)] if remarks else []
        if self.next_steps:
            lines += ["", "Next steps"]
        for number, step in enumerate(self.next_steps, 1):
            lines += _item(f"{number}. ", f"set_params({step})")
            lines += textwrap.wrap(
                step.reason, WIDTH, initial_indent="   ", subsequent_indent="   "
            )
        lines += ["", *textwrap.wrap(self.advice, WIDTH)]
        return "\n".join(lines)

    def _repr_pretty_(self, printer, cycle):
        """IPython's representation in a terminal."""
        printer.text("Diagnosis(...)" if cycle else str(self))

    def _repr_html_(self):
        """The representation in a notebook."""
        rows = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in _cells(finding)) + "</tr>"
            for finding in self.evidence
        )
        header = "".join(f"<th>{html.escape(name)}</th>" for name in HEADINGS)
        steps = "".join(
            f"<li><code>set_params({html.escape(str(step))})</code><br/>"
            f"{html.escape(step.reason)}</li>"
            for step in self.next_steps
        )
        remarks = "".join(
            f"<li>{html.escape(each.what)}: {html.escape(each.remark)}</li>"
            for each in self.evidence
            if each.remark
        )
        return (
            f"<div><h4>Diagnosis: {html.escape(self.verdict)}</h4>"
            f"<p>{html.escape(self.summary)}</p>"
            f"<table><thead><tr>{header}</tr></thead><tbody>{rows}</tbody></table>"
            + (f"<ul>{remarks}</ul>" if remarks else "")
            + (f"<p>Next steps</p><ol>{steps}</ol>" if steps else "")
            + f"<p>{html.escape(self.advice)}</p></div>"
        )


# the last two: the training loss, and the test score of another net
HEADINGS = ("evidence", "score", "against", "difference", "significant", "loss", "test")


def _cells(finding):
    """The cells of a row of evidence, as text."""
    difference = ""
    if not math.isnan(finding.difference):
        difference = f"{finding.difference:+.3f} ± {finding.noise:.3f}"
    return (
        finding.what,
        _number(finding.score, ".3f"),
        _number(finding.against, ".3f"),
        difference,
        COUNTS[finding.counts],
        _number(finding.training_loss, ".3g"),
        _number(finding.test_score, ".3f"),
    )


def _number(value, form):
    return "" if math.isnan(value) else format(value, form)


def _aligned(rows):
    """Lines of cells in columns, the first to the left and the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            [
                row[0].ljust(widths[0]),
                *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True)),
            ]
        ).rstrip()
        for row in rows
    ]


def _item(mark, text):
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=mark,
        subsequent_indent=" " * len(mark),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _plain(value):
    """NumPy's numbers as Python's, which print as they are typed."""
    return value.item() if isinstance(value, np.generic) else value
