"""Fixtures of all tests."""

import signal

import pytest
from hypothesis import HealthCheck, settings

from rosenblatt.core import dispatch, network

# a process in a shell's background ignores Ctrl-C, and tests that send it would wait for ever
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# no deadline: a busy machine is not a failure; the fixtures below do not change between examples
settings.register_profile(
    "rosenblatt",
    deadline=None,
    max_examples=50,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
settings.load_profile("rosenblatt")


@pytest.fixture(params=dispatch.available_isas())
def isa(request):
    """Each instruction-set level of this machine, in use during the test."""
    before = dispatch.get_isa()
    dispatch.set_isa(request.param)
    yield request.param
    dispatch.set_isa(before)


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    """Each precision, by name."""
    return request.param


@pytest.fixture
def vector_length(isa, dtype):
    """Elements of a vector of this level and precision: a layer of one output is padded to it."""
    net = network.Network([1, 1], [], "squared_error", 1, dtype)
    return net.parameters.size // 2  # one row of weights and the intercepts
