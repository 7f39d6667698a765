"""The signatures of probes.pyx, for editors and type checkers."""

from typing import Any

from numpy.typing import ArrayLike, NDArray

INPUT_STREAM: int
FUNCTIONS: tuple[str, ...]

def evaluate(function: str, x: ArrayLike) -> NDArray[Any]: ...
def activate(activation: str, z: ArrayLike) -> tuple[NDArray[Any], NDArray[Any]]: ...
def drop_out(
    x: ArrayLike, rate: float, *, seed: int, step: int, stream: int, first_row: int = 0
) -> NDArray[Any]: ...
def add_noise(
    x: ArrayLike, deviation: float, *, seed: int, step: int, first_row: int = 0
) -> NDArray[Any]: ...
def curvature(activation: str, z: ArrayLike) -> NDArray[Any]: ...
