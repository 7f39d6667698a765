"""Fixtures of all tests."""

import os
import signal

import pytest
from hypothesis import HealthCheck, settings

from rosenblatt.core import dispatch, network


def pytest_addoption(parser, pluginmanager):
    """Without pytest-xdist the option that pyproject.toml gives is there, and does nothing."""
    if not pluginmanager.hasplugin("xdist"):
        parser.addoption("--numprocesses", help="ignored: pytest-xdist is not installed")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config):
    """All processors for the whole suite; files that are named are tested in this process.

    A worker takes two seconds to begin, and hides what a test prints.
    """
    if config.args_source is not config.ArgsSource.TESTPATHS:
        return 0
    config.option.dist = "worksteal"  # neighbours stay together, with the fixtures of their file
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


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
