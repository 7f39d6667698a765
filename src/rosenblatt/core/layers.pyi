"""The signatures of layers.pyx, for editors and type checkers."""

from typing import Any, final

import numpy as np

@final
class Layers:
    noise_seed: int
    @property
    def dtype(self) -> np.dtype[Any]: ...
    @property
    def stored(self) -> list[Any]: ...
    @property
    def chunk(self) -> int: ...
    @property
    def input_noise(self) -> float: ...
    @property
    def takes_sparse(self) -> bool: ...
    def __init__(
        self,
        architecture: Any,
        *,
        is_sparse: bool = ...,
        n_threads: int = ...,
        input_dropout: float = ...,
        input_noise: float = ...,
    ) -> None: ...
    def place(self, blocks: Any, parameters: Any, gradient: Any) -> None: ...
    def allocate(self, batch_size: int, dropout: Any, trainable: bool) -> None: ...
