"""Loss, gradient and prediction of a batch against finite differences and reference.py."""

import itertools

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from networks import (
    ACTIVATIONS,
    BROKEN,
    HIDDEN,
    LOSSES,
    SGD,
    Problem,
    assert_close,
    assert_gradient_close,
    assert_parameters_close,
    padding_of,
    train_both,
)

from rosenblatt.core import dispatch
from rosenblatt.core.examples import Examples
from rosenblatt.core.network import Network

KINDS = list(itertools.product(["dense", "csr"], [False, True]))  # of X, with weights or without
# Every activation, every loss with and without a hidden layer, every depth with every kind of data.
# A kernel knows of one of these alone, so the others go round instead of being multiplied.
CASES = [
    *(
        (HIDDEN[1 + i % 3], name, "squared_error", *KINDS[i % 4])
        for i, name in enumerate(ACTIVATIONS)
    ),
    *(((), "identity", name, *KINDS[i % 4]) for i, name in enumerate(LOSSES)),
    *((HIDDEN[1 + i % 3], "tanh", name, *KINDS[(i + 2) % 4]) for i, name in enumerate(LOSSES)),
    *((widths, "tanh", "multiclass_log_loss", *kind) for widths in HIDDEN for kind in KINDS),
]


@pytest.mark.parametrize(("hidden", "activation", "loss", "kind", "weighted"), CASES, ids=str)
def test_gradient_matches_finite_differences(hidden, activation, loss, kind, weighted, isa):
    """In float64 the gradient by every parameter is the central difference of the loss."""
    problem = Problem(
        hidden, activation, loss, rows=7, features=3, outputs=2, kind=kind, weighted=weighted
    )
    net = problem.network()
    step = 1e-6

    net.loss_and_gradient(problem.examples, problem.order)

    gradient = net.gradient.copy()
    padding = padding_of(net)
    assert not gradient[padding].any()
    for index in np.flatnonzero(~padding):
        value = net.parameters[index]
        net.parameters[index] = value + step
        above = net.loss_and_gradient(problem.examples, problem.order)
        net.parameters[index] = value - step
        below = net.loss_and_gradient(problem.examples, problem.order)
        net.parameters[index] = value
        # the loss is of order 10: its rounding, over the step, is 1e-9; the rest is slack.
        # gamma's deviance reaches a hundred times as much
        difference = (above - below) / (2 * step)
        assert gradient[index] == pytest.approx(difference, abs=3e-8, rel=3e-9)


@pytest.mark.parametrize(("hidden", "activation", "loss", "kind", "weighted"), CASES, ids=str)
def test_loss_and_gradient_match_reference(hidden, activation, loss, kind, weighted, isa, dtype):
    """Loss, gradients and predictions are those of the NumPy network."""
    problem = Problem(hidden, activation, loss, kind=kind, weighted=weighted, dtype=dtype)
    net = problem.network()
    rows = problem.order[:11]

    total = net.loss_and_gradient(problem.examples, rows)
    predictions = net.predict(problem.examples, rows)

    mlp = problem.reference()
    expected, dWs, dbs = mlp.loss_and_gradient(
        problem.X[rows], problem.y[rows], problem.weight[rows]
    )
    assert_close(total, expected, dtype)
    assert_gradient_close(net, dWs, dbs, dtype)
    assert_close(predictions, mlp.predict(problem.X[rows]), dtype)


@pytest.mark.parametrize("rows", [1, 2, 3, 4, 5, 95, 300])
@pytest.mark.parametrize("kind", ["dense", "csr"])
def test_wide_network_matches_reference(kind, rows, isa, dtype):
    """Blocks of columns, of batch rows and the paths for a few rows leave the result alone.

    700 inputs and 300 outputs are several column blocks of every level, forward and backward;
    95 rows are one chunk and 300 several.
    """
    problem = Problem(
        (300, 260), "tanh", "multiclass_log_loss", rows=300, features=700, kind=kind, dtype=dtype
    )
    net = problem.network(batch_size=rows)

    total = net.loss_and_gradient(problem.examples, problem.order[:rows])

    X, y = problem.X[problem.order[:rows]], problem.y[problem.order[:rows]]
    expected, dWs, dbs = problem.reference().loss_and_gradient(X, y, np.ones(rows, dtype))
    assert_close(total, expected, dtype)
    assert_gradient_close(net, dWs, dbs, dtype)


@given(
    rows=st.integers(1, 40),
    features=st.integers(1, 40),
    hidden=st.lists(st.integers(1, 40), max_size=3),
    outputs=st.integers(1, 40),
    batch_size=st.integers(1, 50),
    activation=st.sampled_from(ACTIVATIONS),
    loss=st.sampled_from(LOSSES),
    kind=st.sampled_from(["dense", "csr"]),
    seed=st.integers(0, 2**16),
)
def test_any_shape_matches_reference(
    rows, features, hidden, outputs, batch_size, activation, loss, kind, seed, isa, dtype
):
    """One row, column or output, any width and a batch larger than the data: an epoch of SGD."""
    problem = Problem(
        hidden,
        activation,
        loss,
        rows=rows,
        features=features,
        outputs=outputs,
        seed=seed,
        kind=kind,
        weighted=True,
        dtype=dtype,
    )
    # low, or an exp in the loss would magnify differences: it has no bound in the data
    rates = np.full(rows, 1e-6 if dispatch.LOSSES[loss].out_activation == "exp" else 1e-3)

    net, total, mlp, expected = train_both(problem, "sgd", SGD, batch_size=batch_size, rates=rates)
    assume(expected < 1e6)  # Poisson's exp can run away all the same, and magnifies rounding then
    whole = problem.network(batch_size=batch_size)
    whole.loss_and_gradient(problem.examples, problem.order)

    assert_close(total, expected, dtype)
    assert not net.parameters[padding_of(net)].any()
    if dtype == "float32" and (activation in BROKEN or loss in BROKEN):
        return  # one of many z may be at the joint but for a rounding; its slope is then either's
    assert_parameters_close(net, mlp, dtype)
    _, dWs, dbs = problem.reference().loss_and_gradient(problem.X, problem.y, problem.weight)
    assert_gradient_close(whole, dWs, dbs, dtype)


def test_mean_of_single_gradients_is_gradient_of_the_whole(isa, dtype):
    """The gradient of a batch is the sum of its examples' gradients."""
    problem = Problem((9, 20), "tanh", "multiclass_log_loss", rows=50, dtype=dtype)
    net = problem.network(batch_size=50)
    singles, losses = [], []
    for row in range(50):
        losses.append(net.loss_and_gradient(problem.examples, np.array([row])))
        singles.append(net.gradient.copy())

    total = net.loss_and_gradient(problem.examples, np.arange(50))

    assert_close(net.gradient / 50, np.mean(singles, axis=0), dtype)
    assert_close(total / 50, np.mean(losses), dtype)


def test_two_class_softmax_is_sigmoid_of_the_difference(isa, dtype):
    """Two logits with a softmax predict and learn what their difference does with a sigmoid."""
    two = Problem((), "identity", "multiclass_log_loss", rows=30, outputs=2, dtype=dtype)
    softmax = two.network()
    sigmoid = Network([6, 1], [], "binary_log_loss", 8, dtype)
    sigmoid.write(
        sigmoid.parameters,
        [np.diff(two.coefs[0], axis=1)],
        [np.diff(two.intercepts[0])],
    )
    examples = Examples(two.X, two.y[:, None].astype(dtype))

    total = softmax.loss_and_gradient(two.examples, two.order)
    expected = sigmoid.loss_and_gradient(examples, two.order)

    assert_close(total, expected, dtype)
    (softmax_gradient,), (sigmoid_gradient,) = [
        net.read(net.gradient)[0] for net in (softmax, sigmoid)
    ]
    assert_close(softmax_gradient[:, 1], sigmoid_gradient[:, 0], dtype)
    assert_close(softmax_gradient[:, 0], -sigmoid_gradient[:, 0], dtype)
    assert_close(
        softmax.predict(two.examples, two.order)[:, 1],
        sigmoid.predict(examples, two.order)[:, 0],
        dtype,
    )
