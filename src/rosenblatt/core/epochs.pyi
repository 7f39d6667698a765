"""The signatures of epochs.pyx, for editors and type checkers."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rosenblatt.core.examples import Examples
from rosenblatt.core.network import Network

EPOCH_FIGURES: tuple[str, ...]

class RowOrder:
    @property
    def current(self) -> NDArray[np.intp]: ...
    @property
    def span(self) -> tuple[int, int]: ...
    @property
    def is_continued_in_core(self) -> bool: ...
    def __init__(
        self,
        rows: NDArray[np.intp],
        random_state: np.random.RandomState | None = ...,
        is_private: bool = ...,
    ) -> None: ...

class StoppingRule:
    @property
    def best(self) -> float: ...
    @property
    def tol(self) -> float: ...
    @property
    def patience(self) -> float: ...
    @property
    def patience_ratio(self) -> float: ...
    @property
    def n_without_improvement(self) -> int: ...
    @property
    def n_epochs(self) -> int: ...
    def __init__(
        self,
        best: float,
        n_without_improvement: int,
        tol: float,
        patience: float,
        *,
        patience_ratio: float = 0.0,
        n_epochs: int = 0,
    ) -> None: ...

def train_epochs(
    network: Network,
    examples: Examples,
    order: RowOrder,
    learning_rates: NDArray[np.float64],
    batch_size: int,
    rule: StoppingRule | None = None,
    *,
    scheduled: dict[str, NDArray[np.float64]] | None = None,
    figures: NDArray[np.float64] | None = None,
    tol_params: float | None = None,
    tracks_change: bool = False,
    interruption: Any = None,
) -> NDArray[np.float64]: ...
