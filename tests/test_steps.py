"""A loop of single steps is bitwise equivalent to a fit."""

from dataclasses import replace

import numpy as np
import pytest
from problems import digits, iris, row_weights
from scipy import sparse

from rosenblatt import MLPClassifier
from rosenblatt._architecture import GROUPS, WEIGHTS, dense_network
from rosenblatt._initializers import initial_parameters
from rosenblatt._plan import training_plan
from rosenblatt._steps import BatchSums, Steps
from rosenblatt._training import TrainingRun, train
from rosenblatt._training_state import State
from rosenblatt.core.examples import Examples
from rosenblatt.core.network import Network

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

OPTIONS = {
    "adam": {},
    "sgd": {"solver": "sgd", "momentum": 0.9, "learning_rate": "cosine"},
    "nadam, decay": {"solver": "nadam", "weight_decay": 0.1},
    "layer normalization": {"normalization": "layer", "solver": "radam"},
    "batch normalization": {"normalization": "batch", "batch_size": 30},
    "dropout": {"dropout": 0.3, "input_dropout": 0.2, "input_noise": 0.1, "activation": "gelu"},
    "limits": {"clip_norm": 0.05, "max_norm": 0.8, "l1_ratio": 0.5, "alpha": 0.1, "n_jobs": 2},
    "wide": {"hidden_layer_sizes": (310, 3, 40)},
}


def begun(X, y, weights, **options):
    """What `fit` makes before its first epoch: plan, data, state."""
    options = {"hidden_layer_sizes": (20, 5), "batch_size": 32, "max_iter": 3} | options
    model = MLPClassifier(random_state=0, **options)
    data = model._training_data(
        X, y, weights, validation=None, continues=False, incremental=False, classes=None
    )
    plan = training_plan(model, data, incremental=False)
    random_state = np.random.RandomState(0)
    return plan, data, State(initial_parameters(plan, data, random_state), random_state)


def step_by_step(plan, data, state, between=lambda sums: sums):
    """The same training through Steps; returns the network and the epochs' losses."""
    run = TrainingRun(plan, data, state)
    steps, order, losses = Steps(run.network, run.examples), run.rows.copy(), []
    for epoch in range(plan.max_epochs):
        state.random_state.shuffle(order)
        (rates,) = plan.schedule.rates(epoch * run.n_steps, 1, run._clock())
        total, start = 0.0, 0
        for i in range(run.n_steps):
            stop = start + run.batch_size if i < run.n_steps - 1 else len(order)
            batch = order[start:stop]
            total += len(batch) * steps.take(between(steps.sums(batch)), rates[i])
            start = stop
        losses.append(total / len(order))
    return run.network, losses


@pytest.mark.parametrize("kind", ["dense", "csr"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", OPTIONS)
def test_a_loop_of_steps_is_a_fit(name, weighted, kind, isa, dtype):
    """Parameters, running statistics and losses, to the last bit, at every level."""
    X, y = digits()
    X = X.astype(dtype)
    if kind == "csr":
        X = sparse.csr_array(X)
    options = OPTIONS[name]
    if kind == "csr" and "input_noise" in options:
        options = options | {"input_noise": 0.0}
    weights = row_weights(len(y)) if weighted else None
    plan, data, state = begun(X, y, weights, **options)
    train(plan, data, state)
    network, losses = step_by_step(*begun(X, y, weights, **options))
    assert losses == state.loss_curve
    for ours, theirs in zip(network.read(network.parameters), state.parameters, strict=True):
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(one, other)


def test_sums_of_parts_are_those_of_the_batch():
    """What several machines would add up, to rounding."""
    X, y = iris()
    plan, data, state = begun(X, y, row_weights(len(y)))
    run = TrainingRun(plan, data, state)
    steps, rows = Steps(run.network, run.examples), np.arange(32)
    whole = steps.sums(rows)
    parts = [steps.sums(rows[start::3]) for start in range(3)]
    added = BatchSums(*map(sum, zip(*parts, strict=True)))
    assert added.loss == pytest.approx(whole.loss, rel=1e-12)
    assert added.weight == pytest.approx(whole.weight, rel=1e-12)
    np.testing.assert_allclose(added.gradient, whole.gradient, rtol=1e-9, atol=1e-12)


def test_a_batch_without_weight_takes_no_step():
    """As in a fit, which skips it."""
    X, y = iris()
    plan, data, state = begun(X, y, np.append(0, np.ones(len(y) - 1)))
    run = TrainingRun(plan, data, state)
    steps = Steps(run.network, run.examples)
    before = steps.parameters
    assert steps.take(steps.sums([0]), 0.1) == 0
    assert run.network.n_steps == 0
    np.testing.assert_array_equal(steps.parameters, before)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "nadam", "radam", "adabelief"])
def test_groups_have_rates_and_decays_of_their_own(optimizer, isa, dtype):
    """A group's factor is that learning rate; the others' steps do not change."""
    described = dense_network((6, 9, 3), ["tanh"], "squared_error", dtype)
    rng = np.random.RandomState(0)
    X, y = rng.normal(size=(20, 6)).astype(dtype), rng.normal(size=(20, 3)).astype(dtype)
    start = rng.normal(size=described.n_parameters).astype(dtype)
    constants = {"momentum": 0.9, "beta_1": 0.9, "beta_2": 0.99, "epsilon": 1e-8}
    weights = described.ranges["weights"]

    def stepped(rate, **factors):
        network = Network.of(described, 20, optimizer=optimizer)
        groups = GROUPS | {"weights": replace(WEIGHTS, **factors)}
        network.set_optimizer(alpha=0.1, weight_decay=0.2, groups=groups, **constants)
        steps = Steps(network, Examples(X, y))
        steps.parameters = start
        for _ in range(7):
            steps.take(steps.sums(np.arange(5)), rate)
            steps.parameters = np.append(steps.parameters[weights], start[weights.stop :])
        return steps.parameters[weights]

    expected = stepped(0.03)
    np.testing.assert_array_equal(stepped(0.01, learning_rate_factor=3.0), expected)
    np.testing.assert_array_equal(stepped(0.03, decay_factor=1.0), expected)
    assert (stepped(0.03, decay_factor=0.0) != expected).any()
    assert (stepped(0.03, is_penalised=False) != expected).any()


def test_steps_that_cannot_be_taken_are_refused():
    """No optimizer; no weight to divide by."""
    described = dense_network((2, 1), [], "squared_error", "float64")
    with pytest.raises(ValueError, match="requires an optimizer"):
        Network.of(described, 2).take_step(0.1, 1.0)
    with pytest.raises(ValueError, match="weight above 0"):
        Network.of(described, 2, optimizer="sgd").take_step(0.1, 0.0)
