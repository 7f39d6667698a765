"""predict_interval and predict_quantiles against the known distribution of simulated targets."""

# SPDX-License-Identifier: BSD-3-Clause
import numpy as np
import pytest
from raw_tables import classifier, regressor
from scipy.stats import norm
from sklearn.metrics import mean_pinball_loss

from rosenblatt.tabular._intervals import PredictionDistribution

pytestmark = pytest.mark.filterwarnings("ignore:Got `batch_size`")


def simulated(n_rows, seed):
    """(X, y, scale): y is normal around x0 + x1 with a scale from 0.2 to 2 that x2 decides."""
    rng = np.random.RandomState(seed)
    X = rng.uniform(-1, 1, size=(n_rows, 4))
    scale = np.exp(1.15 * X[:, 2] - 0.45)
    return X, X[:, 0] + X[:, 1] + scale * rng.normal(size=n_rows), scale


TRAIN, TEST = simulated(1500, 0), simulated(3000, 1)


@pytest.fixture(scope="module")
def model():
    return regressor(n_members=4, n_folds=4, max_iter=40).fit(*TRAIN[:2])


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.9, 0.95])
def test_intervals_hold_their_share_of_new_rows(model, coverage):
    """To .02 and three binomial errors of both samples, on the whole and below and above."""
    X, y, _ = TEST
    low, high = model.predict_interval(X, coverage).T
    error = np.sqrt(coverage * (1 - coverage) * (1 / 1500 + 1 / 3000))
    assert abs(np.mean((low <= y) & (y <= high)) - coverage) < 0.02 + 3 * error
    for share in (np.mean(y < low), np.mean(y > high)):
        assert abs(share - (1 - coverage) / 2) < 0.02 + 3 * error


def test_widths_follow_the_noise(model):
    """Where the scale is ten times as large, so is the interval, and both kinds of rows are
    covered; the ideal width of 90 % is 3.29 scales."""
    X, y, scale = TEST
    low, high = model.predict_interval(X).T
    ideal = 2 * norm.ppf(0.95) * scale
    assert np.corrcoef(np.log(high - low), np.log(scale))[0, 1] > 0.9
    for rows in (scale < 0.4, scale > 1):
        inside = (low[rows] <= y[rows]) & (y[rows] <= high[rows])
        assert 0.83 < inside.mean() < 0.97
        np.testing.assert_allclose(np.median((high - low)[rows] / ideal[rows]), 1, atol=0.3)


def test_quantiles_are_near_the_ideal(model):
    """The pinball loss is at most a tenth above that of the true quantiles."""
    X, y, scale = TEST
    levels = [0.05, 0.25, 0.5, 0.75, 0.95]
    quantiles = model.predict_quantiles(X, levels)
    for level, column in zip(levels, quantiles.T, strict=True):
        ideal = X[:, 0] + X[:, 1] + scale * norm.ppf(level)
        best = mean_pinball_loss(y, ideal, alpha=level)
        assert mean_pinball_loss(y, column, alpha=level) < 1.1 * best


def test_quantiles_ascend_with_their_levels(model):
    """In any order and density of levels, beyond the first and the last too; the interval is its
    two quantiles; values stay within the range of the training targets."""
    X, y = TEST[0][:300], TRAIN[1]
    levels = np.r_[1e-9, np.linspace(0.001, 0.999, 300), 1 - 1e-9]
    quantiles = model.predict_quantiles(X, levels)
    assert (np.diff(quantiles, axis=1) >= 0).all()
    assert quantiles.min() >= y.min()
    assert quantiles.max() <= y.max()
    order = np.random.RandomState(0).permutation(len(levels))
    np.testing.assert_array_equal(model.predict_quantiles(X, levels[order]), quantiles[:, order])
    twice = model.predict_quantiles(X, [0.3, 0.3])
    np.testing.assert_array_equal(twice[:, 0], twice[:, 1])
    levels = [(1 - 0.8) / 2, (1 + 0.8) / 2]
    np.testing.assert_array_equal(
        model.predict_interval(X, 0.8), model.predict_quantiles(X, levels)
    )


def test_a_row_has_the_same_quantiles_whatever_rows_come_with_it():
    """Also where hardly any spread is left, which counts as a share of the training rows' mean."""
    rng = np.random.RandomState(0)
    X = rng.uniform(-1, 1, size=(1000, 2))
    y = X[:, 0] + np.where(X[:, 1] > 0, 3, 0.001) * rng.normal(size=1000)
    model = regressor(max_iter=30).fit(X, y)
    every = model.predict_interval(X)
    quiet = np.argsort(every[:, 1] - every[:, 0])[:9]
    np.testing.assert_allclose(model.predict_interval(X[quiet]), every[quiet], rtol=1e-5)


def test_few_rows_give_intervals_of_equal_noise():
    """40 rows: wide enough for 80 % of new rows."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(2040, 2))
    y = X[:, 0] + rng.normal(size=2040)
    model = regressor(max_iter=60).fit(X[:40], y[:40])
    low, high = model.predict_interval(X[40:]).T
    assert np.mean((low <= y[40:]) & (y[40:] <= high)) > 0.8


def test_weights_shape_the_quantiles():
    """Errors of weight 0 widen nothing: every second row has a hundred times the noise."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(800, 2))
    noisy = np.arange(800) % 2
    y = X[:, 0] + rng.normal(size=800) * np.where(noisy, 10, 0.1)
    low, high = regressor(max_iter=60).fit(X, y, 1.0 - noisy).predict_interval(X).T
    assert np.median(high - low) < 2
    assert np.mean((low <= y) & (y <= high), where=noisy == 0) > 0.8


@pytest.mark.parametrize("coverage", [0, 1, -0.5, 2, np.nan, "a", None, [0.9]])
def test_bad_coverage_is_refused(model, coverage):
    with pytest.raises(ValueError, match=r"coverage must be a number in \(0, 1\), got"):
        model.predict_interval(TEST[0][:2], coverage)


@pytest.mark.parametrize("levels", [[], 0.5, [0.0], [1.0], [0.5, np.nan], [[0.5]], ["a"], None])
def test_bad_levels_are_refused(model, levels):
    with pytest.raises(ValueError, match=r"levels must be a sequence of numbers in \(0, 1\), got"):
        model.predict_quantiles(TEST[0][:2], levels)


def test_classifiers_have_no_intervals():
    assert not hasattr(classifier(), "predict_interval")


@pytest.mark.parametrize(
    ("variance", "left"),
    [(0.0, 1.0), (0.5, 0.75), (3.9, 0.25)],  # by hand: 1 - v / 2, and a quarter at least
)
def test_residuals_are_without_the_variance_of_the_other_members(variance, left):
    """Their mean square, with weights 2, is lower by it; targets without error stay so."""
    residuals, weights = np.array([[1.0, 0], [-2, 0], [9, 0]]), np.array([2.0, 1, 0])
    kept = PredictionDistribution._residuals(residuals, np.array([variance, variance]), weights)
    np.testing.assert_allclose(kept[:, 0], residuals[:, 0] * np.sqrt(left), rtol=1e-14)
    np.testing.assert_array_equal(kept[:, 1], 0)
