"""weight_init and intercept_init: the distributions of the papers, and whole fits with them."""

import numpy as np
import pytest
from problems import counts, diabetes_many, iris, multilabel, row_weights
from scipy.optimize import minimize_scalar
from scipy.special import expit, softmax
from sklearn.metrics import mean_tweedie_deviance

from rosenblatt import MLPClassifier, MLPRegressor
from rosenblatt._initializers import INTERCEPT_INITS, WEIGHT_INITS

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

UNMOVED = {"learning_rate_init": 1e-30, "max_iter": 1, "alpha": 0, "random_state": 0}


def start_of(model, X, y, **fit_params):
    """The model after steps that move nothing: its attributes are the initial draws."""
    return model.set_params(**UNMOVED).fit(X, y, **fit_params)


def wide_start(**params):
    """Initial weights of 200-300-100-3, enough numbers for their variance to be known to 3 %."""
    X = np.random.RandomState(0).normal(size=(20, 200))
    return start_of(MLPClassifier((300, 100), **params), X, np.arange(20) % 3).coefs_


@pytest.mark.parametrize(
    ("name", "variance", "bound"),
    [
        ("glorot_uniform", lambda k, n: 2 / (k + n), lambda k, n: np.sqrt(6 / (k + n))),
        ("he_uniform", lambda k, n: 2 / k, lambda k, n: np.sqrt(6 / k)),
        ("he_normal", lambda k, n: 2 / k, None),
        ("lecun_normal", lambda k, n: 1 / k, None),
    ],
)
def test_variance_and_bound_of_the_draws(name, variance, bound):
    """Each name has its paper's variance; uniform ones fill their bounds, normal ones not."""
    for coef in wide_start(weight_init=name)[:2]:
        k, n = coef.shape
        # the sample variance of 30,000 numbers has a standard error below 1 %
        assert coef.var() == pytest.approx(variance(k, n), rel=0.04)
        assert abs(coef.mean()) < 4 * np.sqrt(variance(k, n) / coef.size)
        if bound is None:
            kurtosis = (coef**4).mean() / coef.var() ** 2
            assert kurtosis == pytest.approx(3, abs=0.15)  # a normal's; a uniform's is 1.8
        else:
            assert 0.999 * bound(k, n) < np.abs(coef).max() <= bound(k, n)


def test_orthogonal_rows_or_columns_are_orthonormal():
    """The fewer of rows and columns are orthonormal, and no sign is favoured."""
    for coef in wide_start(weight_init="orthogonal"):
        fewer = coef if coef.shape[0] <= coef.shape[1] else coef.T
        np.testing.assert_allclose(fewer @ fewer.T, np.eye(len(fewer)), atol=1e-12)
        assert abs(np.sign(coef).mean()) < 5 / np.sqrt(coef.size)


def test_orthogonal_matrices_favour_no_sign():
    """The corner of a product of reflections would be negative in every draw."""
    X, y = iris()
    corners = []
    for seed in range(30):
        model = MLPClassifier((5,), weight_init="orthogonal", **{**UNMOVED, "random_state": seed})
        corners.append(np.sign(model.fit(X, y).coefs_[0][0, 0]))
    assert set(corners) == {-1, 1}


def test_every_name_is_tested_here():
    """A new row of the tables needs its properties in this file."""
    assert set(WEIGHT_INITS) == {
        *("glorot_uniform", "he_uniform", "he_normal", "lecun_normal", "orthogonal")
    }
    assert set(INTERCEPT_INITS) == {"uniform", "zeros", "prior"}


def test_same_seed_same_start():
    """Draws come from random_state alone."""
    for name in WEIGHT_INITS:
        starts = [wide_start(weight_init=name) for _ in range(2)]
        for one, other in zip(*starts, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_callable_gives_the_weights(dtype):
    """It is asked layer by layer from the input's side, with the fit's random state."""
    asked = []

    def weight_init(fan_in, fan_out, random_state):
        asked.append((fan_in, fan_out))
        return random_state.laplace(size=(fan_in, fan_out))

    X, y = iris()
    model = start_of(
        MLPClassifier((5, 4), weight_init=weight_init, intercept_init="zeros", dtype=dtype), X, y
    )
    random_state = np.random.RandomState(0)

    assert asked == [(4, 5), (5, 4), (4, 3)]
    for coef in model.coefs_:
        np.testing.assert_array_equal(coef, random_state.laplace(size=coef.shape).astype(dtype))


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (
            np.zeros((5, 4)),
            r"weight_init must return an array of shape \(4, 5\).*got one of .*5, 4",
        ),
        (np.full((4, 5), np.nan), "weight_init must return finite numbers, got NaN"),
        (np.full((4, 5), 1e300), "weight_init must return finite .* out of range for float32"),
        (np.full((4, 5), "a"), "weight_init must return finite numbers, got <U1"),
    ],
)
def test_what_a_callable_must_not_return(result, message):
    """Shapes, types and values that are no weights are refused."""
    with pytest.raises(ValueError, match=message):
        MLPClassifier((5,), dtype="float32", weight_init=lambda *layer: result).fit(*iris())


def test_zeros_and_prior_leave_hidden_intercepts_at_zero():
    """And draw nothing: the weights are those without them."""
    X, y = iris()
    for name in ("zeros", "prior"):
        model = start_of(MLPClassifier((5, 4), intercept_init=name), X, y)
        for intercept in model.intercepts_[:-1]:
            assert np.abs(intercept).max() < 1e-20
    random_state, bound = np.random.RandomState(0), np.sqrt(6 / (4 + 5))
    np.testing.assert_array_equal(model.coefs_[0], random_state.uniform(-bound, bound, (4, 5)))
    output = start_of(MLPClassifier(intercept_init="zeros"), X, y).intercepts_[-1]
    assert np.abs(output).max() < 1e-20


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_prior_predicts_the_shares_of_classes(weighted):
    """Through softmax and sigmoid: several classes, two classes, labels."""
    X, y = iris()
    uneven = np.r_[0:50, 50:80, 100:103]
    for rows, target in [(uneven, y), (uneven, (y > 0).astype(int))]:
        weights = row_weights(len(rows)) if weighted else np.ones(len(rows))
        model = start_of(
            MLPClassifier((), intercept_init="prior"),
            X[rows],
            target[rows],
            **{"sample_weight": weights} if weighted else {},
        )
        shares = np.bincount(target[rows], weights) / weights.sum()
        logits = model.intercepts_[-1]
        found = softmax(logits) if len(logits) > 1 else np.r_[1 - expit(logits), expit(logits)]
        np.testing.assert_allclose(found, shares, rtol=1e-12)
        if len(logits) > 1:
            np.testing.assert_allclose(logits, np.log(shares), rtol=1e-12)
    X, y = multilabel()
    model = start_of(MLPClassifier((3,), intercept_init="prior"), X, y)
    np.testing.assert_allclose(expit(model.intercepts_[-1]), y.mean(axis=0), rtol=1e-12)


def test_prior_predicts_the_mean_of_targets():
    """On the scale of the link: the identity, and the exponential of the Poisson loss."""
    X, y = diabetes_many()
    weights = row_weights(len(y))
    model = start_of(MLPRegressor((3,), intercept_init="prior"), X, y, sample_weight=weights)
    expected = np.average(y, axis=0, weights=weights)
    np.testing.assert_allclose(model.intercepts_[-1], expected, rtol=1e-12)
    X, y = counts()
    model = start_of(MLPRegressor((3,), intercept_init="prior", loss="poisson"), X, y)
    np.testing.assert_allclose(np.exp(model.intercepts_[-1]), y.mean(), rtol=1e-12)


@pytest.mark.parametrize(
    ("loss", "params", "power"),
    [
        ("poisson", {}, 1),
        ("gamma", {}, 2),
        ("tweedie", {"tweedie_power": 0}, 0),
        ("tweedie", {"tweedie_power": 1.5}, 1.5),
        ("tweedie", {"tweedie_power": 3}, 3),
    ],
)
@pytest.mark.parametrize("scale", [1e-6, 1, 1e6])
def test_prior_of_a_log_link_has_the_least_deviance(loss, params, power, scale):
    """No other constant fits better, by scikit-learn's deviance and scipy's search."""
    X, y = counts()
    y, weights = scale * (y + 0.1), row_weights(len(y))
    model = start_of(
        MLPRegressor((3,), loss=loss, intercept_init="prior", **params), X, y, sample_weight=weights
    )

    def deviance(z):
        # a deviance has units: measured of y / scale, so that the search's tolerance fits
        constant = np.full(len(y), np.exp(z) / scale)
        return mean_tweedie_deviance(y / scale, constant, sample_weight=weights, power=power)

    around = np.log(scale) + np.array([-5, 5])
    best = minimize_scalar(deviance, bounds=around, method="bounded", options={"xatol": 1e-10}).x
    # where a parabola is flat to one part in 1e16 its minimum is known to 1e-8
    np.testing.assert_allclose(model.intercepts_[-1], best, atol=1e-6)


@pytest.mark.parametrize("loss", ["absolute_error", "huber", "log_cosh", "quantile"])
def test_prior_without_a_link_is_the_mean_whatever_the_loss(loss):
    """As the documentation says, though other constants may have a lower loss."""
    X, y = diabetes_many()
    model = start_of(MLPRegressor((3,), loss=loss, intercept_init="prior"), X, y)
    np.testing.assert_allclose(model.intercepts_[-1], y.mean(axis=0), rtol=1e-12)


def test_prior_of_several_quantiles_is_the_mean_of_each():
    """One output a level, all of the same target."""
    X, y = counts()
    levels = [0.1, 0.5, 0.9]
    model = MLPRegressor((3,), loss="quantile", quantile=levels, intercept_init="prior")
    model = start_of(model, X, y)
    np.testing.assert_allclose(model.intercepts_[-1], [y.mean()] * 3, rtol=1e-12)


@pytest.mark.parametrize(
    "params",
    [
        {"loss": "squared_error"},
        {"loss": "focal"},
        {"loss": "log_loss", "label_smoothing": 0.1},
        {"loss": "hinge"},
        {"loss": "squared_hinge"},
        {"loss": "hinge", "multi_class": "crammer_singer"},
        {"loss": "squared_hinge", "multi_class": "crammer_singer"},
    ],
    ids=lambda params: "-".join(map(str, params.values())),
)
def test_prior_is_the_log_of_shares_whatever_the_loss(params):
    """Log shares of three classes, log odds of two and of labels; margins of hinges, too."""
    X, y = iris()
    rows = np.r_[0:50, 50:80, 100:103]
    shares = np.array([50, 30, 3]) / 83
    model = start_of(MLPClassifier((), intercept_init="prior", **params), X[rows], y[rows])
    np.testing.assert_allclose(model.intercepts_[-1], np.log(shares), rtol=1e-12)
    model = start_of(MLPClassifier((), intercept_init="prior", **params), X[rows], y[rows] > 0)
    np.testing.assert_allclose(model.intercepts_[-1], np.log(33 / 50), rtol=1e-12)
    if "multi_class" not in params:  # which takes no labels
        X, y = multilabel()
        model = start_of(MLPClassifier((3,), intercept_init="prior", **params), X, y)
        odds = y.mean(axis=0) / (1 - y.mean(axis=0))
        np.testing.assert_allclose(model.intercepts_[-1], np.log(odds), rtol=1e-12)


def test_prior_of_classes_without_rows_is_finite():
    """They count as half a row: partial_fit may be told of classes that come later."""
    X, y = iris()
    model = MLPClassifier((), intercept_init="prior", **UNMOVED)
    model.partial_fit(X[:50], y[:50], classes=[0, 1, 2])
    np.testing.assert_allclose(np.exp(model.intercepts_[0]), [1, 0.01, 0.01], rtol=1e-12)
    model = start_of(MLPRegressor((), intercept_init="prior", loss="poisson"), X, np.zeros(150))
    np.testing.assert_allclose(np.exp(model.intercepts_[0]), 1 / 300, rtol=1e-12)
    labels = np.c_[np.zeros(150, int), np.ones(150, int), y > 0]
    model = start_of(MLPClassifier((), intercept_init="prior"), X, labels)
    np.testing.assert_allclose(expit(model.intercepts_[0]), [1 / 300, 299 / 300, 2 / 3], rtol=1e-12)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("name", list(WEIGHT_INITS))
def test_training_starts_from_any_of_them(name, solver):
    """Weights at which iris is learned."""
    model = MLPClassifier(
        (10,),
        weight_init=name,
        intercept_init="prior",
        solver=solver,
        random_state=1,
        learning_rate_init=0.01,
        max_iter=100,
    )
    assert model.fit(*iris()).score(*iris()) > 0.9
