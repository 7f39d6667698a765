"""Steps of the optimisers and whole epochs against reference.py and closed forms."""

import numpy as np
import pytest
from networks import (
    ADAM,
    CONSTANTS,
    LOSSES,
    RMSPROP,
    SGD,
    Problem,
    assert_all_close,
    assert_close,
    assert_gradient_close,
    assert_parameters_close,
    padding_of,
    train_both,
    train_epoch,
)

from rosenblatt.core import dispatch
from rosenblatt.core.examples import Examples
from rosenblatt.core.network import Network

STEPS = [
    ("sgd", {"momentum": 0.0, "nesterovs_momentum": False}),
    ("sgd", {"momentum": 0.9, "nesterovs_momentum": False}),
    ("sgd", {"momentum": 0.9, "nesterovs_momentum": True}),
    ("rmsprop", RMSPROP | {"centered": False, "rmsprop_momentum": 0.0}),
    *((name, constants) for name, constants in CONSTANTS.items() if name != "sgd"),
]
STEP_IDS = ["sgd-plain", "sgd-momentum", "sgd-nesterov", "rmsprop-plain"]
STEP_IDS += [name for name in CONSTANTS if name != "sgd"]


@pytest.mark.parametrize("alpha", [0.0, 0.5])
@pytest.mark.parametrize(("optimizer", "constants"), STEPS, ids=STEP_IDS)
def test_single_step_matches_reference(optimizer, constants, alpha, isa, dtype):
    """One step changes parameters as the formula says, and returns the loss before it."""
    problem = Problem((5,), "tanh", "squared_error", rows=8, weighted=True, dtype=dtype)

    net, total, mlp, expected = train_both(problem, optimizer, constants, alpha=alpha, batch_size=8)

    assert net.n_steps == 1
    assert_close(total, expected, dtype)
    # adam divides by the root of a gradient as small as 0.01
    assert_parameters_close(net, mlp, dtype)
    for order, block in enumerate(net.moments):
        moments = [m[order] for m in mlp.moments]
        coefs, intercepts = net.read(block)
        assert_all_close(coefs + intercepts, moments, dtype)


@pytest.mark.parametrize(
    ("optimizer", "constants", "loss"),
    [
        *((*step, "squared_error") for step in STEPS),
        *(("adam", ADAM, loss) for loss in LOSSES if loss != "squared_error"),
    ],
    ids=[*STEP_IDS, *(loss for loss in LOSSES if loss != "squared_error")],
)
def test_epochs_match_reference(optimizer, constants, loss, isa):
    """Three epochs in shuffled batches, the last one short, with a rate for every step."""
    problem = Problem((16, 7), "tanh", loss, rows=25, weighted=True)
    rates = np.array([0.02, 0.01, 0.005])

    net, total, mlp, expected = train_both(
        problem, optimizer, constants, batch_size=10, epochs=3, rates=rates
    )

    assert net.n_steps == 9
    # adam's quotient of moments magnifies roundings where gradients are small
    assert_close(total, expected, "float64", factor=10)
    assert_parameters_close(net, mlp, "float64", factor=10)


def test_gradients_that_stay_have_no_negative_variance(isa, dtype):
    """Centred second moments of a constant are zero but for a rounding, whichever way it goes."""
    problem = Problem((30,), "tanh", "squared_error", rows=8, dtype=dtype)
    net = problem.network("rmsprop")
    net.set_optimizer(alpha=0, **CONSTANTS["rmsprop"] | {"rho": 0.5})
    for _ in range(100):
        train_epoch(net, problem.examples, np.arange(8), np.zeros(1), 8)

    assert net.all_finite()
    assert all(np.isfinite(moment).all() for moment in net.moments)


def test_steps_taken_before_count_in_adam(isa, dtype):
    """A network told that it took steps corrects adam's bias as after these steps."""
    problem = Problem((), "identity", "squared_error", rows=8, dtype=dtype)
    net, mlp = problem.network("adam"), problem.reference()
    net.set_optimizer(alpha=0, **ADAM)
    mlp.set_optimizer("adam", alpha=0, **ADAM)
    net.n_steps = mlp.n_steps = 41

    train_epoch(net, problem.examples, problem.order, np.array([0.01]), 8)
    mlp.train_epoch(problem.X, problem.y, problem.weight, problem.order, [0.01], 8)

    assert net.n_steps == 42
    assert_parameters_close(net, mlp, dtype)


LIMITS = {
    "l1": {"l1_ratio": 1.0},
    "elastic-net": {"l1_ratio": 0.3},
    "decay": {"weight_decay": 0.1},
    "max-norm": {"max_norm": 0.8},
    "clip-norm": {"clip_norm": 0.05},
    "clip-value": {"clip_value": 0.002},
    "loose": {"max_norm": 1e3, "clip_norm": 1e3, "clip_value": 1e3},
    "all": {
        "l1_ratio": 0.5,
        "weight_decay": 0.1,
        "max_norm": 0.9,
        "clip_norm": 0.5,
        "clip_value": 0.01,
    },
}


@pytest.mark.parametrize("kind", ["dense", "csr"])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("limits", LIMITS.values(), ids=LIMITS)
def test_penalties_and_limits_match_reference(limits, optimizer, kind, isa, dtype):
    """On every layout of weights: rows, panels, and transposed for few outputs."""
    problem = Problem(
        (300, 90),
        "tanh",
        "squared_error",
        rows=25,
        features=90,
        kind=kind,
        weighted=True,
        dtype=dtype,
    )
    problem.coefs[0][:, 3] = problem.coefs[2][:, 1] = 0  # no sign, and no norm to divide by
    constants = {**CONSTANTS[optimizer], **limits}

    net, total, mlp, expected = train_both(problem, optimizer, constants, alpha=0.3, batch_size=10)

    assert_close(total, expected, dtype)
    # adam's quotient of moments magnifies roundings where gradients are small
    for ours, theirs in zip(net.read(net.parameters), (mlp.coefs, mlp.intercepts), strict=True):
        assert_all_close(ours, theirs, dtype, factor=10)
    assert not net.parameters[padding_of(net)].any()


@pytest.mark.parametrize("optimizer", dispatch.OPTIMIZERS)
def test_decay_comes_before_the_step_and_spares_intercepts(optimizer, isa):
    """Without a gradient a step is w - learning_rate * weight_decay * w, and nothing else."""
    problem = Problem((5,), "tanh", "squared_error", rows=8)
    net = problem.network(optimizer)
    net.set_optimizer(alpha=0.0, weight_decay=0.5, **CONSTANTS[optimizer])
    zeros = problem.y * 0 + problem.reference().predict(problem.X)
    before = net.read(net.parameters)

    train_epoch(net, Examples(problem.X, zeros), np.arange(8), np.array([0.2]), 8)

    after = net.read(net.parameters)
    for w, then in zip(after[0], before[0], strict=True):
        np.testing.assert_allclose(w, then * (1 - 0.2 * 0.5), rtol=0, atol=0.21)
    if optimizer == "sgd":  # the others divide a gradient of roundings by itself
        assert_all_close(after[0], [then * 0.9 for then in before[0]], "float64")
        assert_all_close(after[1], before[1], "float64")


def test_limits_that_are_not_reached_change_no_bit(isa, dtype):
    """Far limits, no share of L1 and no decay: the bits of a step that has none of them."""
    problem = Problem((20,), "tanh", "squared_error", rows=20, dtype=dtype)
    plain, limited = problem.network("adam"), problem.network("adam")
    plain.set_optimizer(alpha=0.1, **ADAM)
    limited.set_optimizer(alpha=0.1, max_norm=1e9, clip_norm=1e9, clip_value=1e9, **ADAM)
    for net in (plain, limited):
        train_epoch(net, problem.examples, problem.order, np.full(2, 0.01), 10)

    assert_close(limited.parameters, plain.parameters, dtype)


def test_gradient_that_is_not_finite_is_not_clipped_away(isa, dtype):
    """A NaN passes through norm and limit, and is noticed."""
    problem = Problem((5,), "tanh", "squared_error", rows=8, dtype=dtype)
    problem.y[2] = np.nan
    net = problem.network("sgd")
    net.set_optimizer(alpha=0.0, clip_norm=1.0, clip_value=1.0, max_norm=1.0)

    train_epoch(net, problem.examples, problem.order, np.array([0.1]), 8)

    assert not net.all_finite()


def test_ten_thousand_examples_in_batches_of_ten_are_a_thousand_updates(isa):
    """The lecture's count, and the parameters after all of them are the reference's."""
    problem = Problem((), "identity", "squared_error", rows=10_000, features=3, outputs=1)

    net, _, mlp, _ = train_both(problem, "sgd", SGD, batch_size=10)

    assert net.n_steps == 1_000
    assert_parameters_close(net, mlp, "float64")


def test_step_of_gradient_descent_of_the_lecture(isa, dtype):
    """Half the mean squared error of two examples, from zero weights, worked by hand.

    The lecture prints -63 for the gradient's last component and 2956.286 for the error after
    the step. Both are slips: (6 * 3 + 15 * 6) / 2 = 54, and the predictions 28.2 and 67.35
    are 22.2 and 52.35 off, which gives (22.2 ** 2 + 52.35 ** 2) / 2 = 1616.68125.
    """
    X = np.array([[1, 2, 3], [4, 5, 6]], dtype=dtype)
    examples = Examples(X, np.array([[6], [15]], dtype=dtype))
    net = Network([3, 1], [], "squared_error", 2, dtype, optimizer="sgd")
    net.set_optimizer(alpha=0)
    tolerance = 4 * float(np.finfo(dtype).eps)  # a few products and sums

    train_epoch(net, examples, np.arange(2), np.array([0.1]), 2)

    (gradient,), _ = net.read(net.gradient)
    (coef,), (intercept,) = net.read(net.parameters)
    np.testing.assert_allclose(gradient[:, 0] / 2, [-33, -43.5, -54], rtol=tolerance)
    np.testing.assert_allclose(coef[:, 0], [3.3, 4.35, 5.4], rtol=tolerance)
    net.write(net.parameters, [coef], [0 * intercept])  # the lecture's model has none
    squared_error = 2 * net.loss_and_gradient(examples, np.arange(2)) / 2
    assert squared_error == pytest.approx(1616.68125, rel=8 * tolerance)


def test_short_last_batch_is_a_step_of_its_own(isa):
    """25 rows in batches of 10: the last step averages over its 5 rows, the loss over all 25."""
    problem = Problem((5,), "logistic", "poisson", rows=25)
    net = problem.network("sgd", 10)
    net.set_optimizer(alpha=0)
    order = np.arange(25)

    mean = train_epoch(net, problem.examples, order, np.zeros(3), 10)  # rates of 0: no change

    assert net.n_steps == 3
    expected = problem.reference().loss_and_gradient(problem.X, problem.y, problem.weight)[0] / 25
    assert_close(mean, expected, "float64")
    last = problem.reference().loss_and_gradient(problem.X[20:], problem.y[20:], np.ones(5))[1]
    assert_all_close(net.read(net.gradient)[0], last, "float64")


@pytest.mark.parametrize("optimizer", dispatch.OPTIMIZERS)
def test_batch_without_weight_is_skipped(optimizer, isa):
    """A batch whose weights are all zero takes no step: no division by zero, no decay."""
    constants = CONSTANTS[optimizer]
    problem = Problem((5,), "tanh", "squared_error", rows=30, weighted=True)
    problem.weight[10:20] = 0
    net, others = problem.network(optimizer, 10), problem.network(optimizer, 10)
    for each in (net, others):
        each.set_optimizer(alpha=0.1, **constants)
    rows = np.arange(30)

    mean = train_epoch(net, problem.examples, rows, np.array([0.1, 9.0, 0.1]), 10)
    mean_of_others = train_epoch(
        others, problem.examples, np.concatenate([rows[:10], rows[20:]]), np.full(2, 0.1), 10
    )

    assert net.n_steps == 2
    np.testing.assert_array_equal(net.parameters, others.parameters)
    # it counts as rows of loss zero; the two divide by 30 and by 20
    assert mean * 30 == pytest.approx(mean_of_others * 20, rel=1e-14)


def test_rows_without_weight_do_not_count(isa, dtype):
    """A batch of which half the rows weigh nothing is the batch of the other half."""
    problem = Problem((5,), "tanh", "multiclass_log_loss", rows=20, weighted=True, dtype=dtype)
    problem.weight[::2] = 0
    all_rows, half = problem.network("sgd", 20), problem.network("sgd", 20)
    for each, order in ((all_rows, np.arange(20)), (half, np.arange(1, 20, 2))):
        each.set_optimizer(alpha=0.1)
        train_epoch(each, problem.examples, order, np.array([0.1]), 20)

    assert_close(all_rows.parameters, half.parameters, dtype)


def test_integer_weights_are_repetitions(isa, dtype):
    """A row of weight 3 is the row three times."""
    problem = Problem((7,), "relu", "squared_error", rows=9, weighted=True, dtype=dtype)
    problem.weight[:] = [1, 2, 3, 0, 1, 2, 3, 0, 4]
    plain = Examples(problem.X, problem.y)
    net, repeated = problem.network("sgd", 16), problem.network("sgd", 16)
    for each in (net, repeated):
        each.set_optimizer(alpha=0.1)

    train_epoch(net, problem.examples, np.arange(9), np.array([0.1]), 9)
    order = np.repeat(np.arange(9), problem.weight.astype(int))
    train_epoch(repeated, plain, order, np.array([0.1]), len(order))

    assert_close(net.parameters, repeated.parameters, dtype)


@pytest.mark.parametrize("hidden", [(30,), (400, 300)], ids=str)
@pytest.mark.parametrize("kind", ["dense", "csr"])
def test_chunks_of_a_batch_change_no_bit_of_the_gradient(kind, hidden, isa, dtype):
    """A batch walked 7 or 96 rows at a time has the gradient, to the bit, of one walked at once.

    A network is made for a batch size and walks larger batches in chunks of that size; wide
    networks choose smaller chunks by themselves. 500 rows are more than the products over the
    rows of a batch take at once.
    """
    problem = Problem(
        hidden,
        "tanh",
        "multiclass_log_loss",
        rows=500,
        features=50,
        kind=kind,
        weighted=True,
        dtype=dtype,
    )
    whole, parts = problem.network(batch_size=500), problem.network(batch_size=7)

    total = whole.loss_and_gradient(problem.examples, problem.order)
    total_of_parts = parts.loss_and_gradient(problem.examples, problem.order)

    np.testing.assert_array_equal(whole.gradient, parts.gradient)
    # losses are summed in double, chunk by chunk: this sum's order may differ
    assert total == pytest.approx(total_of_parts, rel=1e-13)
    expected, dWs, dbs = problem.reference().loss_and_gradient(problem.X, problem.y, problem.weight)
    assert_close(total, expected, dtype)
    assert_gradient_close(whole, dWs, dbs, dtype)
