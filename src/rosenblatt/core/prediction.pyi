"""The signatures of prediction.pyx, for editors and type checkers."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

def predict_rows(
    X: Any,
    coefs: Sequence[Any],
    intercepts: Sequence[Any],
    activations: Sequence[str],
    loss: str,
    *,
    only_finite: bool,
) -> NDArray[Any] | None: ...
