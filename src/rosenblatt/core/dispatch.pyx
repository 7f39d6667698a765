"""The instruction-set level of the kernels, and the rows of the core's tables.

Only this module links the kernels. The network and the perceptron access them through
``active_kernels``, so there is a single current level. There is no arithmetic here.
"""

# SPDX-License-Identifier: BSD-3-Clause
import os
import warnings
from typing import NamedTuple

from rosenblatt.core.kernels cimport (
    BINARY, BY_POWER, N_ACTIVATION_ALIASES, N_ACTIVATIONS, N_LOSSES, N_OPTIMIZERS, NOT_NEGATIVE,
    OUTPUT, POSITIVE, REAL, UNBOUNDED,
    rb_active, rb_activation_aliases, rb_activation_rows, rb_best_level, rb_kernels, rb_level,
    rb_level_name, rb_level_supported, rb_loss_rows, rb_n_levels, rb_optimizer_rows, rb_set_level,
)


class Activation(NamedTuple):
    """A row of activations.def, with its aliases."""

    code: int
    name: str
    aliases: tuple
    keeps_input: bool
    init_factor: float


class Loss(NamedTuple):
    """A row of losses.def."""

    code: int
    name: str
    parameter: str
    multi_class: str | None
    target: str
    domain: str
    out_activation: str
    constant: str | None


class Optimizer(NamedTuple):
    """A row of optimizers.def."""

    code: int
    name: str
    n_moments: int
    parameters: tuple
    weight_decay: float


cdef _target_name(int target):
    return "real" if target == REAL else "binary" if target == BINARY else "class"


cdef _domain_name(int domain):
    return {UNBOUNDED: "unbounded", NOT_NEGATIVE: "not negative", POSITIVE: "positive",
            BY_POWER: "by power"}[domain]


def _activations():
    for code in range(N_ACTIVATIONS):
        row = rb_activation_rows[code]
        aliases = tuple(rb_activation_aliases[i].alias.decode() for i in range(N_ACTIVATION_ALIASES)
                        if rb_activation_aliases[i].activation == code)
        yield Activation(code, row.name.decode(), aliases, row.keeps != OUTPUT, row.init_factor)


def _losses():
    for code in range(N_LOSSES):
        row = rb_loss_rows[code]
        parameter, _, multi_class = row.parameter.decode().partition(":")
        constant = row.constant.decode()
        yield Loss(code, row.name.decode(), parameter, multi_class or None,
                   _target_name(row.target), _domain_name(row.domain),
                   row.out_activation.decode(), None if constant == "none" else constant)


def _optimizers():
    for code in range(N_OPTIMIZERS):
        row = rb_optimizer_rows[code]
        assert row.n_moments <= 3, "the network keeps room for three moments"
        yield Optimizer(code, row.name.decode(), row.n_moments,
                        tuple(row.parameters.decode().split()), row.weight_decay)


ACTIVATIONS = {row.name: row for row in _activations()}
ACTIVATION_NAMES = {name: row.name for row in ACTIVATIONS.values()
                    for name in (row.name, *row.aliases)}
LOSSES = {row.name: row for row in _losses()}
OPTIMIZERS = {row.name: row for row in _optimizers()}


def built_isas():
    """Names of the instruction-set levels that were built, in ascending order."""
    return [rb_level_name(level).decode() for level in range(rb_n_levels())]


def available_isas():
    """Names of the built levels that this processor supports, in ascending order."""
    return [rb_level_name(level).decode() for level in range(rb_n_levels())
            if rb_level_supported(level)]


def get_isa():
    """Name of the current level."""
    return rb_level_name(rb_level()).decode()


def set_isa(name):
    """Set the level of networks that are created afterwards.

    Parameters
    ----------
    name : str
        One of `available_isas()`.

    Raises
    ------
    ValueError
        If the level was not built or the processor does not support it.
    """
    if name not in available_isas():
        raise ValueError(f"isa must be one of {available_isas()}, got {name!r}.")
    rb_set_level(built_isas().index(name))


def _choose_at_import():
    rb_set_level(rb_best_level())
    wanted = os.environ.get("ROSENBLATT_ISA", "").lower()
    if not wanted:
        return
    if wanted in available_isas():
        set_isa(wanted)
    else:
        warnings.warn(
            f"ROSENBLATT_ISA={wanted!r} is ignored: it must be one of {available_isas()}. "
            f"Running {get_isa()!r}.", RuntimeWarning, stacklevel=2)


cdef const rb_kernels *active_kernels(object dtype) except NULL:
    """The kernels in use for a NumPy dtype, float32 or float64."""
    if dtype.char not in "fd" or not dtype.isnative:
        raise TypeError(f"dtype must be float32 or float64, got {dtype}.")
    return rb_active(dtype.char == "d")


_choose_at_import()
