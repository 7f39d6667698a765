"""Learned factors of the inputs, against finite differences and networks of scaled inputs."""

import numpy as np
import pytest
from networks import Problem, assert_close

from rosenblatt._architecture import GROUPS, INPUT_SCALES, Group, dense_network
from rosenblatt.core.epochs import RowOrder, train_epochs
from rosenblatt.core.network import Network

# weights in rows and in panels of every level, and inputs that are the output layer's
HIDDEN = [(), (5,), (300, 9)]


def scaled_network(problem, batch_size=16, **options):
    """A network with random factors of its inputs, and those."""
    architecture = dense_network(
        problem.widths, problem.activations, problem.loss, problem.dtype, scales_inputs=True
    )
    net = Network.of(architecture, batch_size, is_sparse=problem.kind == "csr", **options)
    scales = np.random.RandomState(5).uniform(0.2, 2, problem.widths[0]).astype(problem.dtype)
    net.write(net.parameters, problem.coefs, problem.intercepts, [scales])
    return net, scales


@pytest.mark.parametrize("kind", ["dense", "csr"])
@pytest.mark.parametrize("hidden", HIDDEN, ids=str)
def test_gradient_matches_finite_differences(hidden, kind, isa):
    """By the factors and by the weights that they multiply, over several chunks of rows."""
    features = 40 if len(hidden) == 2 else 6
    problem = Problem(
        hidden, "tanh", "squared_error", rows=40, features=features, kind=kind, weighted=True
    )
    net, _ = scaled_network(problem)
    net.loss_and_gradient(problem.examples, problem.order)
    gradient, point = net.read_flat(net.gradient), net.read_flat(net.parameters)
    rng, step = np.random.RandomState(0), 1e-6
    for index in [*range(-features, 0), *rng.randint(len(point), size=10)]:
        losses = []
        for sign in (1, -1):
            moved = point.copy()
            moved[index] += sign * step
            net.write_flat(net.parameters, moved)
            losses.append(net.loss_and_gradient(problem.examples, problem.order))
        difference = (losses[0] - losses[1]) / (2 * step)
        assert gradient[index] == pytest.approx(difference, rel=1e-6, abs=2e-7)


@pytest.mark.parametrize("kind", ["dense", "csr"])
def test_predicts_what_a_plain_network_predicts_of_scaled_inputs(kind, isa, dtype):
    """The factors belong to the function, not to the data."""
    problem = Problem((17,), "tanh", "multiclass_log_loss", rows=30, dtype=dtype, kind=kind)
    net, scales = scaled_network(problem)

    predictions = net.predict(problem.examples, problem.order)

    assert_close(
        predictions, problem.reference().predict((problem.X * scales)[problem.order]), dtype
    )


def test_factors_have_their_own_rate_and_neither_penalty_nor_decay(isa):
    """A step of gradient descent moves them by their gradient times both rates."""
    problem = Problem((5,), "tanh", "squared_error", rows=12)
    net, scales = scaled_network(problem, optimizer="sgd")
    net.loss_and_gradient(problem.examples, problem.order)
    *_, (gradient,) = net.read(net.gradient)
    rate = Group(INPUT_SCALES.name, is_penalised=False, learning_rate_factor=7, decay_factor=0)
    net.set_optimizer(alpha=0.3, weight_decay=0.5, groups=GROUPS | {rate.name: rate})

    net.take_step(0.01, 12.0)

    *_, (after,) = net.read(net.parameters)
    np.testing.assert_allclose(after, scales - 7 * 0.01 * gradient / 12, rtol=1e-12)


@pytest.mark.parametrize("kind", ["dense", "csr"])
def test_number_of_threads_changes_no_bit(kind, isa, dtype):
    """Sums over the units are of one thread each."""
    problem = Problem((64,), "relu", "squared_error", rows=400, features=50, dtype=dtype, kind=kind)
    results = []
    for n_threads in (1, 2):
        net, _ = scaled_network(problem, 100, optimizer="adam", n_threads=n_threads)
        net.share_above = 0
        net.set_optimizer(alpha=0.1, beta_1=0.9, beta_2=0.999, epsilon=1e-8)
        train_epochs(net, problem.examples, RowOrder(problem.order), np.full((1, 4), 0.01), 100)
        results.append(net.parameters.tobytes())

    assert results[0] == results[1]
