"""Gradients, optimiser steps and epochs against finite differences and reference.py."""

import itertools

import numpy as np
import pytest
import reference
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.metrics import log_loss

from rosenblatt.core import buffers, dispatch
from rosenblatt.core.epochs import RowOrder, train_epochs
from rosenblatt.core.examples import Examples
from rosenblatt.core.network import Network

ACTIVATIONS, LOSSES = list(dispatch.ACTIVATIONS), list(dispatch.LOSSES)

# Sums of up to some hundred terms of order one, a few of them after one another: relative to
# the largest element a few hundred roundings.
TOLERANCE = {"float32": 500 * np.finfo("float32").eps, "float64": 500 * np.finfo("float64").eps}

SGD = {"momentum": 0.9, "nesterovs_momentum": True}
ADAM = {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8}
RMSPROP = {"rho": 0.99, "centered": True, "rmsprop_momentum": 0.9, "epsilon": 1e-8}
VALUES = {**SGD, **ADAM, **RMSPROP, "momentum_decay": 0.004}
CONSTANTS = {
    row.name: {name: VALUES[name] for name in row.parameters}
    for row in dispatch.OPTIMIZERS.values()
}

# No hidden layer to three; widths below, at and above whole vectors of every level
HIDDEN = [(), (5,), (16, 7), (17, 3, 8)]
# every activation with a plain loss, every loss with a plain activation
HIDDEN_ACTIVATION_LOSS = [
    *(((), "identity", loss) for loss in LOSSES),
    *itertools.product(HIDDEN[1:], ACTIVATIONS, ["squared_error"]),
    *itertools.product(HIDDEN[1:], ["tanh"], [loss for loss in LOSSES if loss != "squared_error"]),
]

ACTIVATION_OPTIMIZER = [
    *((name, "adam") for name in ACTIVATIONS),
    *(("tanh", name) for name in CONSTANTS if name != "adam"),
]

# whose slopes jump
BROKEN = {
    *("relu", "leaky_relu", "selu", "hard_sigmoid", "hard_swish"),
    *("absolute_error", "quantile", "hinge", "ovr_hinge"),
    *("crammer_singer_hinge", "crammer_singer_squared_hinge"),
}


def assert_close(actual, expected, dtype, factor=1):
    """Within TOLERANCE of the largest expected element, or of 1 where all are smaller."""
    actual, expected = np.asarray(actual, float), np.asarray(expected, float)
    scale = max(1.0, np.abs(expected).max(initial=0))
    atol = factor * TOLERANCE[dtype] * scale
    np.testing.assert_allclose(actual, expected, rtol=0, atol=atol)


def assert_all_close(actual, expected, dtype, factor=1):
    """`assert_close` for lists of arrays: one per layer."""
    for one, other in zip(actual, expected, strict=True):
        assert_close(one, other, dtype, factor)


def assert_gradient_close(net, dWs, dbs, dtype):
    """`assert_close` for every layer's part of the gradient."""
    coefs, intercepts = net.read(net.gradient)
    assert_all_close(coefs, dWs, dtype)
    assert_all_close(intercepts, dbs, dtype)


def assert_parameters_close(net, mlp, dtype, factor=1):
    """`assert_close` for every layer's parameters and those of the reference."""
    coefs, intercepts = net.read(net.parameters)
    assert_all_close(coefs, mlp.coefs, dtype, factor)
    assert_all_close(intercepts, mlp.intercepts, dtype, factor)


def train_epoch(net, examples, order, rates, batch_size):
    """One epoch over rows in a given order; its loss."""
    return train_epochs(net, examples, RowOrder(order), np.array([rates]), batch_size)[0]


class Problem:
    """Random data for a loss, and networks and references of the same random parameters."""

    def __init__(
        self,
        hidden,
        activation,
        loss,
        *,
        rows=13,
        features=6,
        outputs=3,
        seed=0,
        dtype="float64",
        kind="dense",
        weighted=False,
    ):
        generator = np.random.RandomState(seed)
        self.widths, self.dtype, self.loss = [features, *hidden, outputs], dtype, loss
        self.activations, self.kind = [activation] * len(hidden), kind
        self.X = generator.standard_normal((rows, features)).astype(dtype)
        if kind == "csr":
            self.X *= generator.uniform(size=self.X.shape) < 0.5
        self.y = self._targets(generator, rows, outputs)
        self.weight = (generator.uniform(0.5, 2, rows) if weighted else np.ones(rows)).astype(dtype)
        self.coefs = [
            (generator.standard_normal(shape) / np.sqrt(shape[0])).astype(dtype)
            for shape in itertools.pairwise(self.widths)
        ]
        self.intercepts = [
            generator.uniform(-0.5, 0.5, width).astype(dtype) for width in self.widths[1:]
        ]
        self.examples = Examples(
            sparse.csr_array(self.X) if kind == "csr" else self.X,
            self.y,
            self.weight if weighted else None,
        )
        self.order = generator.permutation(rows)

    def _targets(self, generator, rows, outputs):
        kind = dispatch.LOSSES[self.loss].target
        if kind == "class":
            return generator.randint(outputs, size=rows)
        if kind == "binary":
            return generator.randint(2, size=(rows, outputs)).astype(self.dtype)
        draw = reference.LOSSES[self.loss].targets
        if draw is not None:
            return draw(generator, (rows, outputs)).astype(self.dtype)
        return generator.standard_normal((rows, outputs)).astype(self.dtype)

    def network(self, optimizer=None, batch_size=8, dtype=None):
        """An engine with these parameters."""
        net = Network(
            self.widths,
            self.activations,
            self.loss,
            batch_size,
            dtype or self.dtype,
            optimizer=optimizer,
            is_sparse=self.kind == "csr",
            loss_constants=reference.LOSSES[self.loss].constant,
        )
        net.write(net.parameters, self.coefs, self.intercepts)
        return net

    def reference(self):
        """The NumPy network with these parameters."""
        coefs, intercepts = [w.copy() for w in self.coefs], [b.copy() for b in self.intercepts]
        return reference.MLP(coefs, intercepts, self.activations, self.loss)


def train_both(problem, optimizer, constants, *, alpha=0.1, batch_size, epochs=1, rates=None):
    """(network, loss of the last epoch, reference, loss) after the same training."""
    net, mlp = problem.network(optimizer, batch_size), problem.reference()
    net.set_optimizer(alpha=alpha, **constants)
    mlp.set_optimizer(optimizer, alpha=alpha, **constants)
    rates = np.full(-(-len(problem.order) // batch_size), 0.01) if rates is None else rates
    for epoch in range(epochs):
        order = np.roll(problem.order, epoch)
        loss = train_epoch(net, problem.examples, order, rates, batch_size)
        expected = mlp.train_epoch(problem.X, problem.y, problem.weight, order, rates, batch_size)
    return net, loss, mlp, expected


def padding_of(net):
    """Mask of the elements of a block of parameters that `write` leaves alone."""
    mask = np.ones(net.parameters.size)
    net.write(mask, *[[0 * array for array in arrays] for arrays in net.read(mask)])
    return mask == 1


# -- gradients ---------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("kind", ["dense", "csr"])
@pytest.mark.parametrize(("hidden", "activation", "loss"), HIDDEN_ACTIVATION_LOSS, ids=str)
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


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("kind", ["dense", "csr"])
@pytest.mark.parametrize(("hidden", "activation", "loss"), HIDDEN_ACTIVATION_LOSS, ids=str)
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
    # low, or Poisson's exp would magnify differences; gamma's exp(-z) has no bound in the data
    rates = np.full(rows, 1e-6 if loss == "gamma" else 1e-3)

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


# -- steps and epochs --------------------------------------------------------------------

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


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(("optimizer", "constants"), STEPS, ids=STEP_IDS)
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


# -- padding, bits, precision ------------------------------------------------------------


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


# -- extremes ----------------------------------------------------------------------------

EXTREME = np.array([-1e4, -700, -90, -40, -1e-3, 0, 1e-3, 40, 90, 700, 1e4])


def logits_network(loss, outputs, dtype, intercepts=0, constant=0.0):
    """A network that predicts from X itself: its logits are its inputs and the intercepts."""
    net = Network([outputs, outputs], [], loss, 16, dtype, loss_constants=constant)
    net.write(net.parameters, [np.eye(outputs)], [np.full(outputs, intercepts)])
    return net


@pytest.mark.parametrize("target", [0, 1])
def test_binary_log_loss_of_extreme_logits(target, isa, dtype):
    """Logits to +-1e4 have scikit-learn's clipped log loss, and probability minus target."""
    z = EXTREME.astype(dtype)[:, None]
    net = logits_network("binary_log_loss", 1, dtype)
    examples = Examples(z, np.full_like(z, target))
    epsilon = float(np.finfo(dtype).eps)
    probability = net.predict(examples, np.arange(len(z)))

    for row in range(len(z)):
        loss = net.loss_and_gradient(examples, np.array([row]))

        expected = log_loss([target], probability[[row]], labels=[0, 1])
        # scikit-learn takes 1 - p of a rounded p: an epsilon at 1 is all of its digits
        assert loss == pytest.approx(expected, rel=4 * epsilon, abs=4 * epsilon), z[row]
        assert net.read(net.gradient)[1][0][0] == probability[row, 0] - target
    assert probability[0] == 0
    assert probability[-1] == 1


@pytest.mark.parametrize("target", [0, 1, 2])
def test_multiclass_log_loss_of_extreme_logits(target, isa, dtype):
    """Logits to +-1e4 have scikit-learn's clipped log loss, and probabilities that sum to 1."""
    pairs = list(itertools.product(EXTREME, EXTREME))
    z = np.array([(a, 0.0, b) for a, b in pairs], dtype=dtype)
    net = logits_network("multiclass_log_loss", 3, dtype)
    examples = Examples(z, np.full(len(z), target))
    epsilon = float(np.finfo(dtype).eps)
    probability = net.predict(examples, np.arange(len(z)))

    for row in range(len(z)):
        loss = net.loss_and_gradient(examples, np.array([row]))

        expected = log_loss([target], probability[[row]], labels=[0, 1, 2])
        # a p some roundings off makes log(p) as many epsilons off
        assert loss == pytest.approx(expected, rel=4 * epsilon, abs=8 * epsilon), z[row]
        gradient = probability[row] - (np.arange(3) == target)
        np.testing.assert_array_equal(net.read(net.gradient)[1][0], gradient)
    np.testing.assert_allclose(probability.sum(axis=1), 1, rtol=4 * epsilon)


def test_log_loss_is_clipped_at_the_precisions_epsilon(isa, dtype):
    """A hopeless row costs -log(epsilon), a perfect one epsilon, for either log loss."""
    epsilon = float(np.finfo(dtype).eps)
    for loss, right, wrong in (
        ("binary_log_loss", [[1.0]], [[0.0]]),
        ("multiclass_log_loss", [0], [1]),
    ):
        outputs = 1 if loss == "binary_log_loss" else 2
        z = np.array([[1e4, 0]], dtype=dtype)[:, :outputs].copy()
        kind = dtype if outputs == 1 else np.intp
        net = logits_network(loss, outputs, dtype)

        best = net.loss_and_gradient(Examples(z, np.array(right, kind)), np.array([0]))
        worst = net.loss_and_gradient(Examples(z, np.array(wrong, kind)), np.array([0]))

        assert best == epsilon
        assert worst == pytest.approx(-np.log(epsilon), rel=epsilon)


def test_poisson_of_zero_targets_and_small_means(isa, dtype):
    """A count of zero costs its mean, and a vanishing mean costs its logit for each count."""
    net = logits_network("poisson", 1, dtype)
    cases = [(0.0, 0.0, 1.0), (-1e4, 0.0, 0.0), (-50.0, 3.0, 150 + 3 * np.log(3) - 3)]
    for z, y, expected in cases:
        examples = Examples(np.full((1, 1), z, dtype), np.full((1, 1), y, dtype))

        loss = net.loss_and_gradient(examples, np.array([0]))

        assert loss == pytest.approx(expected, rel=8 * float(np.finfo(dtype).eps))
        assert np.isfinite(net.gradient).all()


@pytest.mark.parametrize(
    ("loss", "value", "slope"),
    [
        ("squared_error", lambda d: d**2 / 2, lambda d: d),
        ("absolute_error", np.abs, np.sign),
        ("huber", lambda d: 0.3 * (abs(d) - 0.15), lambda d: 0.3 * np.sign(d)),
        ("log_cosh", lambda d: abs(d) - np.log(2), np.sign),
        ("quantile", lambda d: max(0.7 * d, -0.3 * d), lambda d: 0.7 if d > 0 else -0.3),
    ],
)
@pytest.mark.parametrize("residual", [-1e4, -30, 30, 1e4])
def test_losses_of_large_residuals(residual, loss, value, slope, isa, dtype):
    """By hand: beyond 20, log cosh is |d| - log 2 to all digits."""
    net = logits_network(loss, 1, dtype, constant=0.3)
    examples = Examples(np.full((1, 1), residual, dtype), np.zeros((1, 1), dtype))
    epsilon = 4 * float(np.finfo(dtype).eps)
    assert net.loss_and_gradient(examples, np.array([0])) == pytest.approx(
        value(residual), rel=epsilon
    )
    assert net.read(net.gradient)[1][0] == pytest.approx(slope(residual), rel=epsilon)


@pytest.mark.parametrize(
    ("loss", "z", "target"),
    [("absolute_error", 2, 2), ("quantile", 2, 2), ("hinge", 1, 1), ("hinge", -1, 0)],
)
def test_slope_at_a_kink_is_zero(loss, z, target, isa, dtype):
    """Where the row is right to the last bit nothing pulls."""
    net = logits_network(loss, 1, dtype, constant=0.3)
    examples = Examples(np.full((1, 1), z, dtype), np.full((1, 1), target, dtype))
    assert net.loss_and_gradient(examples, np.array([0])) == 0
    assert net.read(net.gradient)[1][0] == 0


@pytest.mark.parametrize("loss", LOSSES)
def test_extreme_logits_spoil_no_loss(loss, isa, dtype):
    """To +-1e4 there is no NaN, and no infinity but for a mean exp(1e4) or its inverse."""
    row = dispatch.LOSSES[loss]
    z = np.array(list(itertools.product(EXTREME[::2], EXTREME[::2])), dtype=dtype)
    net = logits_network(loss, 2, dtype, constant=1.5 if loss == "tweedie" else 0.5)
    lowest = {"not negative": 0, "by power": 0, "positive": 1e-30}.get(row.domain, -1e4)
    targets = [0, 1] if row.target != "real" else [lowest, 1e-3, 1, 1e4]
    for target in targets:
        y = np.full(len(z), target) if row.target == "class" else np.full_like(z, target)
        examples = Examples(z, y)
        for i in range(len(z)):
            loss_of_row = net.loss_and_gradient(examples, np.array([i]))
            gradient = net.read(net.gradient)[1][0]

            assert not np.isnan(loss_of_row), (z[i], target)
            assert not np.isnan(gradient).any(), (z[i], target)
            if row.out_activation != "exp":
                assert np.isfinite(loss_of_row)
                assert np.isfinite(gradient).all()


@pytest.mark.parametrize("loss", LOSSES)
def test_nan_logit_gives_nan_loss_and_gradient(loss, isa, dtype):
    """A diverged output shows in the loss, whichever output it is and whatever the target."""
    for position, target in itertools.product(range(3), range(3)):
        z = np.array([[0.5, 2, 1]], dtype=dtype)
        z[0, position] = np.nan
        is_class = dispatch.LOSSES[loss].target == "class"
        y = np.array([target]) if is_class else np.ones((1, 3), dtype)
        # not through X, whose NaN would reach every logit
        net = logits_network(loss, 3, dtype, intercepts=z[0])

        total = net.loss_and_gradient(Examples(np.zeros_like(z), y), np.array([0]))

        assert np.isnan(total)
        assert np.isnan(net.read(net.gradient)[1][0][position])


@pytest.mark.parametrize(("activation", "optimizer"), ACTIVATION_OPTIMIZER)
def test_divergence_reaches_the_parameters(activation, optimizer, isa, dtype):
    """An overflow is not masked by an activation or an optimiser: all_finite() becomes False."""
    problem = Problem((5,), activation, "squared_error", rows=20, dtype=dtype)
    net = problem.network(optimizer, 10)
    net.set_optimizer(alpha=0, **CONSTANTS[optimizer])
    assert net.all_finite()
    problem.y[3] = np.nan

    train_epoch(net, problem.examples, np.arange(20), np.full(2, 0.01), 10)

    assert not net.all_finite()
    assert all(np.isnan(b).any() for b in net.read(net.parameters)[1])


def test_learning_rate_too_large_is_noticed(isa, dtype):
    """Plain gradient descent that overshoots ends in parameters that are not finite."""
    problem = Problem((5,), "relu", "squared_error", rows=20, dtype=dtype)
    net = problem.network("sgd", 10)
    net.set_optimizer(alpha=0, momentum=0.9)

    for _ in range(20):
        train_epoch(net, problem.examples, problem.order, np.full(2, 1e30), 10)

    assert not net.all_finite()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_all_finite_sees_any_position(bad, isa, dtype):
    """One number that is not finite is found in every place, and the largest finite ones not."""
    net = Network([3, 17, 2], ["relu"], "squared_error", 1, dtype)
    net.parameters[:] = np.finfo(dtype).max
    assert net.all_finite()
    net.parameters[::2] = np.finfo(dtype).min
    assert net.all_finite()

    for index, value in enumerate(net.parameters):
        net.parameters[index] = bad
        assert not net.all_finite()
        net.parameters[index] = value
    assert net.all_finite()


# -- what goes in ------------------------------------------------------------------------


def fortran_ordered(X):
    """X, its columns contiguous."""
    return np.asfortranarray(X)


def strided(X):
    """X as every second row and column of a larger array."""
    larger = np.full((2 * X.shape[0], 2 * X.shape[1]), np.nan, X.dtype)
    larger[::2, ::2] = X
    return larger[::2, ::2]


def read_only(X):
    """X, not writeable, as from a memory map."""
    X = X.copy()
    X.flags.writeable = False
    return X


def unaligned(X):
    """X one byte off the alignment of its elements."""
    block = np.empty(X.nbytes + 1, np.uint8)[1:].view(X.dtype).reshape(X.shape)
    block[...] = X
    return block


def unsorted_csr(X):
    """X as CSR with the columns of each row backwards and every value in two halves."""
    rows = [np.flatnonzero(row)[::-1].repeat(2) for row in X]
    values = [row[columns] / 2 for row, columns in zip(X, rows, strict=True)]
    starts = np.cumsum([0, *map(len, rows)])
    return sparse.csr_array((np.concatenate(values), np.concatenate(rows), starts), shape=X.shape)


def wide_index_csr(X):
    """X as CSR with 64-bit indices."""
    X = sparse.csr_array(X)
    X.indices, X.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    return X


@pytest.mark.parametrize(
    "form", [fortran_ordered, strided, read_only, unaligned, unsorted_csr, wide_index_csr]
)
def test_any_form_of_x_is_read_right(form, isa, dtype):
    """However X lies in memory, the network reads the same numbers."""
    problem = Problem((9,), "tanh", "squared_error", rows=20, dtype=dtype)
    X = form(problem.X)
    assert (X if sparse.issparse(X) else np.ascontiguousarray(X)).dtype == dtype

    predictions = problem.network().predict(Examples(X), problem.order)

    assert_close(predictions, problem.reference().predict(problem.X[problem.order]), dtype)


def test_sparse_rows_and_columns_may_be_empty(isa, dtype):
    """A sparse X of zeros is the intercepts' network; its gradient by the weights is zero."""
    problem = Problem((9,), "tanh", "squared_error", rows=20, dtype=dtype)
    zeros = np.zeros_like(problem.X)
    examples = Examples(sparse.csr_array(zeros), problem.y)
    net = problem.network()
    net.gradient[~padding_of(net)] = np.nan  # what an earlier batch left

    total = net.loss_and_gradient(examples, problem.order)

    expected, dWs, dbs = problem.reference().loss_and_gradient(zeros, problem.y, problem.weight)
    assert_close(total, expected, dtype)
    assert_gradient_close(net, dWs, dbs, dtype)


@pytest.mark.parametrize("kind", ["dense", "csr"])
def test_data_are_not_written_to(kind, isa, dtype):
    """Training reads X, targets and weights and changes none of them."""
    problem = Problem((9,), "logistic", "poisson", rows=20, weighted=True, kind=kind, dtype=dtype)
    before = [problem.X.copy(), problem.y.copy(), problem.weight.copy()]

    train_both(problem, "sgd", SGD, batch_size=7)

    for now, then in zip((problem.X, problem.y, problem.weight), before, strict=True):
        np.testing.assert_array_equal(now, then)
    if kind == "csr":
        np.testing.assert_array_equal(sparse.csr_array(before[0]).data, problem.examples.X)


def test_prediction_of_no_rows_is_empty(isa, dtype):
    """No rows in, no rows out, of the right width and precision."""
    problem = Problem((9,), "tanh", "squared_error", dtype=dtype)

    predictions = problem.network().predict(problem.examples, np.array([], dtype=np.intp))

    assert predictions.shape == (0, 3)
    assert predictions.dtype == dtype


def test_network_for_prediction_predicts_the_same(isa, dtype):
    """Without room for training, predictions have the bits of a network that can train."""
    problem = Problem((9, 20), "tanh", "multiclass_log_loss", rows=50, dtype=dtype)
    trainable = problem.network(batch_size=20)
    net = Network(problem.widths, problem.activations, problem.loss, 20, dtype, trainable=False)
    net.parameters[:] = trainable.parameters

    predictions = net.predict(problem.examples, problem.order)

    expected = trainable.predict(problem.examples, problem.order)
    np.testing.assert_array_equal(predictions, expected)
    assert net.gradient.size == len(net.moments) == 0


# -- memory ------------------------------------------------------------------------------


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
    with pytest.raises(ValueError, match="hidden_layer_sizes must name at most 255 layers"):
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

    with pytest.raises(ValueError, match=r"have the shapes .* must have"):
        net.write(net.parameters, *arrays)
