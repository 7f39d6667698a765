"""Logits, residuals and parameters at the border of the representable numbers."""

import itertools

import numpy as np
import pytest
from networks import (
    ACTIVATION_OPTIMIZER,
    CONSTANTS,
    LOSSES,
    Problem,
    train_epoch,
)
from scipy.special import log_softmax
from sklearn.metrics import log_loss

from rosenblatt.core import dispatch
from rosenblatt.core.examples import Examples
from rosenblatt.core.network import Network

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
    """Logits to +-1e4 have the softmax and the clipped log loss that SciPy's log_softmax gives."""
    pairs = list(itertools.product(EXTREME, EXTREME))
    z = np.array([(a, 0.0, b) for a, b in pairs], dtype=dtype)
    net = logits_network("multiclass_log_loss", 3, dtype)
    examples = Examples(z, np.full(len(z), target))
    epsilon = float(np.finfo(dtype).eps)
    log_probability = log_softmax(z.astype(float), axis=1)
    clipped = np.clip(log_probability[:, target], np.log(epsilon), np.log1p(-epsilon))
    probability = net.predict(examples, np.arange(len(z)))

    # logits of 90 have an absolute rounding of their own: exp(z) is off by as much
    np.testing.assert_allclose(probability, np.exp(log_probability), rtol=0, atol=8 * epsilon)
    for row in range(len(z)):
        loss = net.loss_and_gradient(examples, np.array([row]))

        assert loss == pytest.approx(-clipped[row], rel=4 * epsilon, abs=8 * epsilon), z[row]
        gradient = probability[row] - (np.arange(3) == target)
        np.testing.assert_array_equal(net.read(net.gradient)[1][0], gradient)


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
