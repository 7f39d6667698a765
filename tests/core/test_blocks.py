"""Blocks of parameters: their size, alignment, types, and who owns them."""

import itertools

import numpy as np
import pytest
from networks import (
    Problem,
    train_epoch,
)

from rosenblatt.core import buffers
from rosenblatt.core.network import Network


@pytest.mark.parametrize("shape", [(2**62,), (2**40, 2**20), (2**80,), (2**48,)], ids=str)
def test_block_too_large_is_a_memory_error(shape):
    """No size crashes or overflows: there is no room, and MemoryError says so."""
    with pytest.raises(MemoryError):
        buffers.aligned_zeros(shape, "float64")


@pytest.mark.parametrize(
    "widths",
    [(10, 2**40, 1), (10, 2**31, 2**31, 1), (10, 2**40, 2**40, 1), (10, 2**62, 1)],
    ids=str,
)
def test_network_too_large_is_a_memory_error(widths, isa, dtype):
    """A network that no memory holds is refused when it is made."""
    with pytest.raises(MemoryError):
        Network(widths, ["relu"] * (len(widths) - 2), "squared_error", 200, dtype, optimizer="adam")


def test_too_many_layers_are_refused():
    """There is room for 255 hidden layers, and the message says so."""
    most = Network([2, *[1] * 255, 1], ["relu"] * 255, "squared_error", 1, "float64")

    assert len(most.read(most.parameters)[0]) == 256
    with pytest.raises(ValueError, match="hidden_layer_sizes must have at most 255 layers"):
        Network([2, *[1] * 256, 1], ["relu"] * 256, "squared_error", 1, "float64")


@pytest.mark.parametrize("dtype", ["float16", "int64", "complex128", ">f8"])
def test_other_types_are_refused(dtype):
    """There are kernels for float32 and float64 of this machine's byte order and no others."""
    with pytest.raises(TypeError, match="float32 or float64"):
        Network([2, 1], [], "squared_error", 1, dtype)


@pytest.mark.parametrize(
    "widths", [(3, 5, 2), (700, 50, 300, 1), (300, 300), (40, 16, 17)], ids=str
)
@pytest.mark.parametrize("is_sparse", [False, True], ids=["dense", "sparse"])
def test_blocks_are_aligned_and_give_back_what_is_written(widths, is_sparse, isa, dtype):
    """Blocks begin at a cache line; each number is in them once, in every layout."""
    net = Network(
        widths,
        ["relu"] * (len(widths) - 2),
        "squared_error",
        1,
        dtype,
        optimizer="adam",
        is_sparse=is_sparse,
    )
    numbers = itertools.count(1)
    coefs = [
        np.reshape([next(numbers) for _ in range(k * n)], (k, n)).astype(dtype)
        for k, n in itertools.pairwise(widths)
    ]
    intercepts = [np.array([next(numbers) for _ in range(n)], dtype) for n in widths[1:]]

    for block in (net.parameters, net.gradient, *net.moments):
        assert block.dtype == dtype
    assert net.parameters.ctypes.data % 64 == net.gradient.ctypes.data % 64 == 0
    net.write(net.parameters, coefs, intercepts)
    for ours, theirs in zip(net.read(net.parameters), (coefs, intercepts), strict=True):
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(one, other)
    written = net.parameters[net.parameters != 0]
    np.testing.assert_array_equal(np.sort(written), np.arange(1, next(numbers)))


def test_network_that_has_handed_over_is_over(isa):
    """It gives what it had, and then refuses to work on memory that it no longer owns."""
    problem = Problem((8,), "relu", "squared_error", rows=10)
    net = problem.network(optimizer="adam", batch_size=4)
    train_epoch(net, problem.examples, problem.order, np.ones(3), 4)
    expected = [net.read(block) for block in (net.parameters, *net.moments)]

    parameters, moments = net.hand_over()

    for ours, theirs in zip([parameters, *moments], expected, strict=True):
        for one, other in zip(ours[0] + ours[1], theirs[0] + theirs[1], strict=True):
            np.testing.assert_array_equal(one, other)
    assert not net.all_finite()
    for call in (
        lambda: net.predict(problem.examples, problem.order),
        lambda: net.loss_and_gradient(problem.examples, problem.order),
        lambda: train_epoch(net, problem.examples, problem.order, np.ones(3), 4),
    ):
        with pytest.raises(ValueError, match="handed over"):
            call()


@pytest.mark.parametrize("place", [0, 1], ids=["coefs", "intercepts"])
def test_arrays_of_other_shapes_are_not_written(place):
    """What NumPy would broadcast is refused."""
    net = Network([3, 5, 2], ["relu"], "squared_error", 1, "float64")
    arrays = net.read(net.parameters)
    arrays[place][1] = arrays[place][1][:1]

    with pytest.raises(ValueError, match=r"have shapes .* must have"):
        net.write(net.parameters, *arrays)
