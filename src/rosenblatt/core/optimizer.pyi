"""The signatures of optimizer.pyx, for editors and type checkers."""

from typing import Any, final

from numpy.typing import NDArray

@final
class Optimizer:
    @property
    def moments(self) -> list[NDArray[Any]]: ...
    @property
    def n_weights(self) -> int: ...
    def __init__(
        self, name: str | None, blocks: Any, parameters: NDArray[Any], gradient: NDArray[Any]
    ) -> None: ...
    def set_constants(
        self,
        *,
        alpha: float,
        groups: Any = ...,
        l1_ratio: float = 0.0,
        weight_decay: float = 0.0,
        max_norm: float | None = None,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        momentum: float = 0.0,
        nesterovs_momentum: bool = False,
        beta_1: float = 0.0,
        beta_2: float = 0.0,
        rho: float = 0.0,
        centered: bool = False,
        rmsprop_momentum: float = 0.0,
        momentum_decay: float = 0.0,
        epsilon: float = 0.0,
    ) -> None: ...
