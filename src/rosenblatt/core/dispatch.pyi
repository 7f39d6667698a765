"""The signatures of dispatch.pyx, for editors and type checkers."""

from typing import NamedTuple

class Activation(NamedTuple):
    code: int
    name: str
    aliases: tuple[str, ...]
    keeps_input: bool
    init_factor: float

class Loss(NamedTuple):
    code: int
    name: str
    parameter: str
    multi_class: str | None
    target: str
    domain: str
    out_activation: str
    constant: str | None

class Optimizer(NamedTuple):
    code: int
    name: str
    n_moments: int
    parameters: tuple[str, ...]
    weight_decay: float

ACTIVATIONS: dict[str, Activation]
ACTIVATION_NAMES: dict[str, str]
LOSSES: dict[str, Loss]
OPTIMIZERS: dict[str, Optimizer]

def built_isas() -> list[str]: ...
def available_isas() -> list[str]: ...
def get_isa() -> str: ...
def set_isa(name: str) -> None: ...
