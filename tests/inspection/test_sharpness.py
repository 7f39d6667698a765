"""Sharpness: on losses that are quadratic, where all of it has a closed form."""

import copy

import numpy as np
import pytest
from problems import diabetes, iris
from scipy.optimize import brentq
from scipy.stats import sem

from rosenblatt import MLPClassifier, MLPRegressor
from rosenblatt.inspection import _sharpness, gradient, hessian, loss, sharpness
from rosenblatt.inspection._sharpness import units_of_parameters

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def least_squares(at_minimum):
    """A net without hidden layer, whose loss is quadratic, with its exact minimum or without."""
    X, y = diabetes()
    model = MLPRegressor((), alpha=0, max_iter=3, random_state=0, solver="lbfgs").fit(X, y)
    if at_minimum:
        A = np.column_stack([X, np.ones(len(X))])
        solution = np.linalg.lstsq(A, y, rcond=None)[0]
        model.coefs_ = [solution[:-1, np.newaxis]]
        model.intercepts_ = [solution[-1:]]
    return model, X, y


def highest_on_ball(g, H, radius):
    """The maximum of g d + d H d / 2 over |d| <= radius, H positive: (mu - H) d = g, mu > H."""
    values, Q = np.linalg.eigh(H)
    g = Q.T @ g

    def excess(mu):
        return np.linalg.norm(g / (mu - values)) - radius

    mu = brentq(excess, values[-1] * (1 + 1e-12), values[-1] + np.linalg.norm(g) / radius + 1)
    d = g / (mu - values)
    return g @ d + d @ (values * d) / 2


@pytest.mark.parametrize("radius", [0.01, 0.5])
def test_sharpness_of_a_quadratic_minimum(radius):
    """The highest loss is up by half the largest eigenvalue, the mean by half their mean."""
    model, X, y = least_squares(at_minimum=True)
    values = np.linalg.eigvalsh(hessian(model, X, y))
    around = sharpness(model, X, y, radius, n_directions=200, random_state=0)
    assert around.loss == loss(model, X, y)
    assert around.largest_eigenvalue == pytest.approx(values[-1], rel=1e-9)
    assert around.highest_loss - around.loss == pytest.approx(radius**2 * values[-1] / 2, rel=1e-6)
    expected = around.loss + radius**2 * values.mean() / 2
    assert abs(around.mean_loss - expected) < 3 * around.mean_loss_error
    percent = 100 * (around.highest_loss - around.loss) / (1 + around.loss)
    assert around.sharpness == percent
    assert "largest eigenvalue" in str(around)


@pytest.mark.parametrize("radius", [0.05, 1.0])
@pytest.mark.parametrize("relative_to", [None, "parameters"])
def test_highest_loss_away_from_a_minimum(radius, relative_to):
    """Against the solution of the trust-region problem."""
    model, X, y = least_squares(at_minimum=False)
    g, H = gradient(model, X, y), hessian(model, X, y)
    length = np.linalg.norm(np.r_[np.ravel(model.coefs_[0]), model.intercepts_[0]])
    around = sharpness(model, X, y, radius, relative_to=relative_to, random_state=0)
    reach = radius * (length if relative_to else 1)
    rise = highest_on_ball(g, H, reach)
    # 20 steps come this near; it is a lower bound
    assert 0.98 * rise < around.highest_loss - around.loss <= rise * (1 + 1e-12)


@pytest.mark.parametrize("radius", [0.1, 1.0])
def test_where_the_gradient_is_zero_the_eigenvector_leads(radius):
    """The saddle of y = w1 w2 x at (1, 1): (w1 w2 - 1)^2 / 2 rises along (1, -1)."""
    X, y = np.ones((1, 1)), np.ones(1)
    model = MLPRegressor((1,), activation="identity", alpha=0, solver="lbfgs", random_state=0)
    model.fit(X, y)
    model.coefs_ = [np.zeros((1, 1)), np.zeros((1, 1))]
    model.intercepts_ = [np.zeros(1), np.zeros(1)]
    around = sharpness(model, X, y, radius, intercepts=False, random_state=0)
    assert around.highest_loss == pytest.approx((radius**2 / 2 + 1) ** 2 / 2, rel=1e-12)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_both_sides_of_the_eigenvector_are_searched(sign, monkeypatch):
    """exp(w) - w rises higher to the right of its minimum, whichever way the vector points."""
    model = MLPRegressor((), loss="poisson", alpha=0, solver="lbfgs", random_state=0)
    model.fit(np.ones((2, 1)), np.ones(2))
    model.coefs_, model.intercepts_ = [np.zeros((1, 1))], [np.zeros(1)]
    one = np.ones(1), np.full((1, 1), sign)
    monkeypatch.setattr(_sharpness, "extremes_of", lambda *arguments: one)
    X, y = np.ones((2, 1)), np.ones(2)
    around = sharpness(model, X, y, radius=1.0, intercepts=False, random_state=0)
    assert around.highest_loss - around.loss == pytest.approx(np.e - 2, rel=1e-12)


def test_highest_loss_is_no_lower_than_that_in_the_middle(monkeypatch):
    """At a maximum all that the search meets is lower."""
    monkeypatch.setattr(_sharpness, "_highest_loss", lambda *arguments: -1.0)
    around = sharpness(*least_squares(at_minimum=True), random_state=0)
    assert around.highest_loss == around.loss > 0
    assert around.sharpness == 0


def test_error_of_the_mean_loss_is_the_standard_error_over_directions(monkeypatch):
    """scipy's sem of the losses that were met, and their mean."""
    met, loss_at = [], _sharpness.Objective.loss

    def recorded(*arguments):
        met.append(loss_at(*arguments))
        return met[-1]

    monkeypatch.setattr(_sharpness.Objective, "loss", recorded)
    around = sharpness(*least_squares(at_minimum=False), n_directions=5, random_state=0)
    assert len(met) == 5
    assert around.mean_loss == pytest.approx(np.mean(met), rel=1e-14)
    assert around.mean_loss_error == pytest.approx(sem(met), rel=1e-12)


def test_a_dead_unit_does_not_stop_the_search():
    """Its gradient is zero: the highest loss is that of the network without it."""
    X, y = iris()
    model = MLPClassifier((5,), alpha=0, max_iter=20, random_state=0).fit(X, y)
    model.intercepts_[0][2] = -100
    model.coefs_[1][2] = 0
    without = copy.deepcopy(model)
    without.coefs_ = [np.delete(model.coefs_[0], 2, axis=1), np.delete(model.coefs_[1], 2, axis=0)]
    without.intercepts_ = [np.delete(model.intercepts_[0], 2), model.intercepts_[1]]
    highest, expected = (
        sharpness(each, X, y, 0.5, relative_to="units", random_state=0).highest_loss
        for each in (model, without)
    )
    assert highest == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("normalization", [None, "layer", "batch"])
def test_units_of_parameters(normalization):
    """By hand: 4-3-2 units; a scale and its shift belong together."""
    X, y = iris()
    model = MLPRegressor((3,), normalization=normalization, max_iter=1)
    model.fit(X, np.column_stack([y, y]))
    expected = [0, 1, 2] * 4 + [3, 4] * 3 + [0, 1, 2] + [3, 4]
    if normalization:
        expected += [5, 6, 7] * 2
    np.testing.assert_array_equal(units_of_parameters(model), expected)


def test_relative_to_units_the_scale_of_a_unit_does_not_matter():
    """ReLU: twice the weights in, half the weights out is the same function, and as sharp."""
    X, y = iris()
    model = MLPClassifier((8,), alpha=0, max_iter=60, random_state=0).fit(X, y)
    model.intercepts_[1][:] = 0  # it would not be halved

    def rise(relative_to):
        around = sharpness(model, X, y, 0.1, relative_to=relative_to, random_state=0)
        return around.highest_loss - around.loss

    units, plain = rise("units"), rise(None)
    for array in (model.coefs_[0], model.intercepts_[0]):
        array *= 8
    model.coefs_[1] /= 8
    # the search's begins along the eigenvector are not the same
    assert rise("units") == pytest.approx(units, rel=0.02)
    assert rise(None) > 2 * plain


@pytest.mark.parametrize("relative_to", [None, "parameters", "units"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sharpness_repeats(relative_to, dtype):
    """The same seed, the same numbers; perturbations of nets raise the loss as they grow."""
    X, y = iris()
    model = MLPClassifier((5,), normalization="layer", dtype=dtype, max_iter=50, random_state=0)
    model.fit(X, y)
    results = [
        sharpness(model, X, y, radius, relative_to=relative_to, random_state=0)
        for radius in (0.05, 0.05, 0.1)
    ]
    assert results[0] == results[1]
    assert results[0].highest_loss < results[2].highest_loss
    alone = sharpness(model, X, y, relative_to=relative_to, intercepts=False, random_state=0)
    assert alone.highest_loss <= results[0].highest_loss * (1 + 1e-9) or relative_to


@pytest.mark.parametrize(
    ("name", "value"),
    [("radius", 0), ("relative_to", "norm"), ("n_directions", 1), ("random_state", "x")],
)
def test_bad_parameters_are_named(name, value):
    """With the value and what is allowed."""
    model, X, y = least_squares(at_minimum=True)
    with pytest.raises(ValueError, match=name) as error:
        sharpness(model, X, y, **{name: value})
    assert repr(value) in str(error.value)
