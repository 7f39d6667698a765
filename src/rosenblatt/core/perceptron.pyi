"""The signatures of perceptron.pyx, for editors and type checkers."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

WORK_PER_CALL: int

def permutation(n: int, seed: int) -> NDArray[np.intp]: ...

class Rows:
    @property
    def dtype(self) -> np.dtype[Any]: ...
    @property
    def n_samples(self) -> int: ...
    @property
    def n_features(self) -> int: ...
    @property
    def n_stored(self) -> int: ...
    def __init__(
        self, X: Any, classes: NDArray[np.intp], sample_weight: NDArray[Any] | None = ...
    ) -> None: ...

class Learned(NamedTuple):
    coef: NDArray[Any]
    intercept: NDArray[Any]
    coef_sum: NDArray[Any] | None
    intercept_sum: NDArray[Any] | None
    n_averaged: NDArray[Any]

class PerceptronTrainer:
    @property
    def learned(self) -> Learned: ...
    @property
    def n_epochs(self) -> NDArray[np.intp]: ...
    @property
    def done(self) -> bool: ...
    @property
    def overflow(self) -> bool: ...
    @property
    def epoch(self) -> int: ...
    @property
    def in_epoch(self) -> bool: ...
    def __init__(
        self,
        rows: Rows,
        coef: NDArray[Any],
        intercept: NDArray[Any],
        *,
        classes: Sequence[int],
        n_classes: int,
        own_step: NDArray[Any],
        other_step: NDArray[Any],
        alpha: float = ...,
        l1_ratio: float = ...,
        eta: float = ...,
        count_penalty: bool = ...,
        fit_intercept: bool = ...,
        average_from: int = ...,
        order: NDArray[np.intp] | None = ...,
        validation: NDArray[np.bool_] | None = ...,
        max_iter: int = ...,
        patience: int = ...,
        tol: float = ...,
    ) -> None: ...
    def advance(self, one_epoch: bool = False) -> list[dict[str, Any]] | None: ...
    def stop(self) -> None: ...
    def so_far(self) -> Learned: ...
