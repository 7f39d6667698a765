"""The table `history_` with the recorded values of every epoch, and the type of its rows.

The values are computed by the core and by scoring.
"""

# SPDX-License-Identifier: BSD-3-Clause
import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from rosenblatt._plain_state import stored_as_plain_data

if TYPE_CHECKING:
    import pandas as pd


class EpochRecord(NamedTuple):
    """The record of one epoch, or of one iteration of solver='lbfgs'.

    For 'lbfgs' only the loss, the gradient norm and the time are recorded; other values are NaN.

    Attributes
    ----------
    epoch : int
        The number of the epoch, counted from 1, including warm starts and calls of `partial_fit`.
    loss : float
        The training loss, as in `loss_curve_`; for 'lbfgs' the loss at the end of the iteration.
    validation_loss, validation_score : float
        The mean loss without the penalty and the score used by early stopping, on the validation
        rows; NaN without such rows.
    learning_rate : float
        The learning rate of the last step.
    gradient_norm : float
        The root mean square over the steps of the Euclidean norm of the gradient, including the
        penalty; for 'lbfgs' the norm at the end of the iteration.
    seconds : float
        Duration of training and scoring in seconds.
    parameter_change : float
        The Euclidean norm of the change of all weights and intercepts; NaN unless `tol_params` is
        set or a callback has `tracks_change`.
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
    """The history of a fit: a list of float for each field of `EpochRecord`.

    It is a dict of lists; for example, `history_["loss"][-1]` is the loss of the last epoch. Epoch
    n is item n - 1 of each list.
    """

    def __init__(self, columns: Mapping[str, Iterable[float]] | None = None) -> None:
        super().__init__({name: [] for name in COLUMNS})
        self.update({name: list(values) for name, values in dict(columns or {}).items()})

    @property
    def n_epochs(self) -> int:
        """Number of epochs."""
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
        """Add epochs: a list for each given column; other columns become NaN."""
        unknown = [math.nan] * len(columns["loss"])
        for name in COLUMNS:
            self[name] += columns.get(name, unknown)

    def last(self) -> EpochRecord:
        """The EpochRecord of the last epoch."""
        return EpochRecord(self.n_epochs, *(self[name][-1] for name in COLUMNS))

    def to_frame(self) -> "pd.DataFrame":
        """Convert to a pandas.DataFrame with the numbers of the epochs as index.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError("history_.to_frame() requires pandas: pip install pandas") from error
        epochs = pd.RangeIndex(1, self.n_epochs + 1, name="epoch")
        return pd.DataFrame(dict(self), index=epochs)
