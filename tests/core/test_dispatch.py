"""The choice of the instruction-set level."""

import os
import subprocess
import sys

import numpy as np
import pytest

from rosenblatt.core import dispatch, network


def level_in_new_process(wanted):
    """(level in use, warnings) of a Python started with ROSENBLATT_ISA set to `wanted`."""
    code = "from rosenblatt.core import dispatch; print(dispatch.get_isa())"
    environment = {**os.environ, "ROSENBLATT_ISA": wanted}
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip(), done.stderr


def test_available_levels_are_built_in_order():
    """What the machine has is the plainest levels of what was built."""
    built, available = dispatch.built_isas(), dispatch.available_isas()

    assert available == built[: len(available)]
    assert available


def test_environment_chooses_the_level():
    """ROSENBLATT_ISA overrides what the processor would allow."""
    plainest = dispatch.available_isas()[0]

    level, warnings = level_in_new_process(plainest)

    assert level == plainest
    assert "ROSENBLATT_ISA" not in warnings


def test_unknown_level_in_the_environment_is_ignored_with_a_warning():
    """A level that does not exist leaves the best one in use and says so."""
    level, warnings = level_in_new_process("abacus")

    assert level == dispatch.available_isas()[-1]
    assert "ROSENBLATT_ISA='abacus' is ignored" in warnings


def test_unknown_level_is_refused():
    """set_isa names what it takes, and the level in use stays."""
    before = dispatch.get_isa()

    with pytest.raises(ValueError, match=r"isa must be one of .* got 'abacus'"):
        dispatch.set_isa("abacus")

    assert dispatch.get_isa() == before


def test_level_is_what_set_isa_named(isa, dtype, vector_length):
    """The level in use is the one that was set, and its vectors have its registers' size."""
    assert dispatch.get_isa() == isa
    assert (
        vector_length * np.dtype(dtype).itemsize
        == {"base": 16, "neon": 16, "avx2": 32, "avx512": 64}[isa]
    )


def test_network_keeps_the_level_it_was_made_with():
    """Changing the level does not change networks whose blocks are padded for another one."""
    levels, before = dispatch.available_isas(), dispatch.get_isa()
    dispatch.set_isa(levels[0])
    net = network.Network([3, 5, 2], ["relu"], "squared_error", 4, "float64")
    size = net.parameters.size
    dispatch.set_isa(levels[-1])
    net.parameters[...] = np.nan

    assert net.parameters.size == size
    assert not net.all_finite()
    dispatch.set_isa(before)
