"""What is remembered of every epoch: the table `history_` and one line of it.

The figures come from the core and from scoring; this is only where they are kept.
"""

# SPDX-License-Identifier: BSD-3-Clause
import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from rosenblatt._plain_state import stored_as_plain_data

if TYPE_CHECKING:
    import pandas as pd


class EpochRecord(NamedTuple):
    """One epoch of a training; one iteration of 'lbfgs', which has loss, norm and seconds alone.

    Attributes
    ----------
    epoch : int
        Counted from 1, over warm starts and calls of `partial_fit`.
    loss : float
        The training loss, as in `loss_curve_`; of 'lbfgs' the loss that the iteration reached.
    validation_loss, validation_score : float
        On the validation rows: the mean loss without the penalty, and the score that early
        stopping looks at; NaN without such rows.
    learning_rate : float
        Of the last step.
    gradient_norm : float
        The root mean square, over the epoch's steps, of the Euclidean norm of the batch's
        gradient, the penalty's included; of 'lbfgs' the norm where the iteration ended.
    seconds : float
        That training and scoring took.
    parameter_change : float
        The Euclidean norm of what all weights and intercepts moved by; NaN where nobody asked:
        neither `tol_params` nor a callback with `tracks_change`.
    """

    epoch: int
    loss: float
    validation_loss: float
    validation_score: float
    learning_rate: float
    gradient_norm: float
    seconds: float
    parameter_change: float


COLUMNS = EpochRecord._fields[1:]


@stored_as_plain_data
class History(dict[str, list[float]]):
    """The epochs of a training: a list of float for each of the names in `EpochRecord`.

    It is a dict of lists, `history_["loss"][-1]` the last epoch's loss. The epochs' numbers are
    the lists' places, counted from 1.
    """

    def __init__(self, columns: Mapping[str, Iterable[float]] | None = None) -> None:
        super().__init__({name: [] for name in COLUMNS})
        self.update({name: list(values) for name, values in dict(columns or {}).items()})

    @property
    def n_epochs(self) -> int:
        """How many epochs there are."""
        return len(self["loss"])

    def __repr__(self) -> str:
        if not self.n_epochs:
            return "History of no epochs"
        last = ((name, self[name][-1]) for name in COLUMNS)
        shown = [f"{name} {value:.4g}" for name, value in last if not math.isnan(value)]
        return f"History of {self.n_epochs} epochs, the last: {', '.join(shown)}"

    def __missing__(self, name: object) -> list[float]:
        raise KeyError(
            f"history_ has no {name!r}: it has a list for each of {', '.join(COLUMNS)}, in which "
            "epoch 1 has place 0; to_frame() has the epochs' numbers as its index."
        )

    def extend(self, **columns: list[float]) -> None:
        """Adds epochs: a list for every column that is known; the others are NaN."""
        unknown = [math.nan] * len(columns["loss"])
        for name in COLUMNS:
            self[name] += columns.get(name, unknown)

    def last(self) -> EpochRecord:
        """The last epoch's EpochRecord."""
        return EpochRecord(self.n_epochs, *(self[name][-1] for name in COLUMNS))

    def to_frame(self) -> "pd.DataFrame":
        """The table as a pandas.DataFrame, the epochs' numbers as its index.

        Raises
        ------
        ImportError
            Without pandas.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError("history_.to_frame() needs pandas: pip install pandas") from error
        epochs = pd.RangeIndex(1, self.n_epochs + 1, name="epoch")
        return pd.DataFrame(dict(self), index=epochs)
