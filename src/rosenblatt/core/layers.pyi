"""The signatures of layers.pyx, for editors and type checkers."""

from typing import Any, final

import numpy as np

NORMALIZATIONS: dict[str | None, int]

@final
class Layers:
    dtype: np.dtype[Any]
    stored: list[Any]
    chunk: int
    input_dropout: float
    input_noise: float
    noise_seed: int
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
