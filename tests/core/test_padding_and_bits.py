"""Padding stays zero; results do not depend on other rows or on memory addresses; precision."""

import numpy as np
import pytest
from networks import (
    ACTIVATION_OPTIMIZER,
    ADAM,
    CONSTANTS,
    LOSSES,
    Problem,
    assert_close,
    assert_gradient_close,
    padding_of,
    train_both,
    train_epoch,
)

from rosenblatt.core import buffers, dispatch
from rosenblatt.core.examples import Examples


@pytest.mark.parametrize("kind", ["dense", "csr"])
@pytest.mark.parametrize(("activation", "optimizer"), ACTIVATION_OPTIMIZER)
def test_padding_stays_zero(activation, optimizer, kind, isa, dtype):
    """Training leaves zeros between the views of parameters, gradient and moments."""
    problem = Problem((5, 17), activation, "binary_log_loss", rows=30, kind=kind, dtype=dtype)
    constants = CONSTANTS[optimizer]

    net, *_ = train_both(problem, optimizer, constants, batch_size=7, epochs=3)

    padding = padding_of(net)
    assert padding.any()
    for block in (net.parameters, net.gradient, *net.moments):
        assert not block[padding].any()
        assert block[~padding].any()


def test_padding_stays_zero_with_the_smallest_epsilon(isa, dtype):
    """An epsilon that is zero in float32 does not make 0 / 0 of what has no gradient."""
    problem = Problem((5,), "tanh", "squared_error", dtype=dtype)

    net, *_ = train_both(problem, "adam", {**ADAM, "epsilon": 1e-50}, batch_size=13)

    assert not net.parameters[padding_of(net)].any()
    assert net.all_finite()


@pytest.mark.parametrize("kind", ["dense", "csr"])
@pytest.mark.parametrize("hidden", [(5, 17), (64,)], ids=str)
def test_nothing_is_written_beside_the_blocks(hidden, kind, isa, dtype):
    """The room that aligns a block stays zero: there a sanitizer would not see a stray write."""
    problem = Problem(hidden, "logistic", "multiclass_log_loss", rows=30, kind=kind, dtype=dtype)

    net, *_ = train_both(problem, "adam", ADAM, batch_size=7, epochs=2)

    for block in (net.parameters, net.gradient, *net.moments):
        owner = block.base
        start = block.ctypes.data - owner.ctypes.data
        assert owner.nbytes == block.nbytes + buffers.ALIGNMENT
        assert not owner[:start].any()
        assert not owner[start + block.nbytes :].any()


@pytest.mark.parametrize("kind", ["dense", "csr"])
@pytest.mark.parametrize("loss", LOSSES)
def test_prediction_of_a_row_does_not_depend_on_the_others(loss, kind, isa, dtype):
    """Each row's prediction has the same bits alone, in any order and in any chunk."""
    problem = Problem(
        (33, 10), "tanh", loss, rows=60, features=37, outputs=5, kind=kind, dtype=dtype
    )
    everything = problem.network(batch_size=60).predict(problem.examples, np.arange(60))
    net = problem.network(batch_size=17)

    shuffled = net.predict(problem.examples, problem.order)

    np.testing.assert_array_equal(shuffled, everything[problem.order])
    for row in range(60):
        alone = net.predict(problem.examples, np.array([row]))
        np.testing.assert_array_equal(alone, everything[[row]])


@pytest.mark.parametrize("optimizer", dispatch.OPTIMIZERS)
def test_same_bits_wherever_the_data_lie(optimizer, isa, dtype):
    """Training twice gives the same bits, though X begins off the vectors' alignment once."""
    problem = Problem(
        (16, 7), "relu", "squared_error", rows=50, features=5, weighted=True, dtype=dtype
    )
    block = np.empty(problem.X.size + 1, dtype)
    moved = block[1:].reshape(problem.X.shape)
    moved[...] = problem.X
    results = []
    for X in (problem.X, moved):
        net = problem.network(optimizer, 10)
        net.set_optimizer(alpha=0.1, **CONSTANTS[optimizer])
        examples = Examples(X, problem.y, problem.weight)
        for _ in range(3):
            train_epoch(net, examples, problem.order, np.full(5, 0.01), 10)
        results.append(net.parameters)

    assert results[0].tobytes() == results[1].tobytes()


@pytest.mark.parametrize("loss", LOSSES)
def test_levels_agree_to_rounding(loss, dtype):
    """Every instruction-set level trains the same model, up to rounding."""
    problem = Problem((16, 7), "tanh", loss, rows=50, dtype=dtype)
    before, results = dispatch.get_isa(), []
    for isa in dispatch.available_isas():
        dispatch.set_isa(isa)
        net, *_ = train_both(problem, "adam", ADAM, batch_size=10, epochs=3)
        results.append(np.concatenate([w.ravel() for w in net.read(net.parameters)[0]]))
    dispatch.set_isa(before)

    for result in results:
        assert_close(result, results[0], dtype, factor=10)  # as for test_epochs_match_reference


@pytest.mark.parametrize("loss", LOSSES)
def test_float32_is_close_to_float64(loss, isa):
    """Single precision, gradient and predictions: the double's value but for its roundings."""
    problem = Problem((20, 9), "tanh", loss, rows=100, weighted=True, dtype="float32")
    single, double = (
        problem.network(batch_size=100),
        problem.network(batch_size=100, dtype="float64"),
    )
    y = problem.y if problem.y.dtype == np.intp else problem.y.astype("float64")
    examples = Examples(problem.X.astype("float64"), y, problem.weight.astype("float64"))

    total = single.loss_and_gradient(problem.examples, problem.order)
    expected = double.loss_and_gradient(examples, problem.order)

    assert single.predict(problem.examples, problem.order).dtype == "float32"
    assert_close(total, expected, "float32")
    assert_gradient_close(single, *double.read(double.gradient), "float32")
    assert_close(
        single.predict(problem.examples, problem.order),
        double.predict(examples, problem.order),
        "float32",
    )
