"""Critical points: verdicts with known answers, the search for one and the escape from one."""

import numpy as np
import pytest
import scipy.sparse as sp
from problems import diabetes, iris
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from rosenblatt import MLPClassifier, MLPRegressor, PerceptronClassifier
from rosenblatt.inspection import (
    _critical_point,
    _lanczos,
    approach_critical_point,
    critical_point,
    escape_saddle,
    gradient,
    hessian,
    loss,
)

quiet = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def product_of_two(w1, w2, y=1.0, dtype="float64"):
    """y = w1 w2 x on the one point (1, y): the loss is (w1 w2 - y)^2 / 2."""
    X, y = np.ones((1, 1)), np.array([y])
    model = MLPRegressor((1,), activation="identity", alpha=0, solver="lbfgs", dtype=dtype)
    model.set_params(random_state=0).fit(X, y)
    model.coefs_ = [np.array([[w]], dtype=dtype) for w in (w1, w2)]
    model.intercepts_ = [np.zeros(1, dtype=dtype) for _ in range(2)]
    return model, X, y


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_saddle_of_the_lectures(dtype):
    """At the origin: no gradient, and the Hessian [[0, -1], [-1, 0]]."""
    model, X, y = product_of_two(0, 0, dtype=dtype)
    np.testing.assert_array_equal(gradient(model, X, y, intercepts=False), 0)
    np.testing.assert_array_equal(hessian(model, X, y, intercepts=False), [[0, -1], [-1, 0]])
    point = critical_point(model, X, y, intercepts=False)
    assert point.verdict == "saddle point"
    np.testing.assert_allclose(point.eigenvalues, [-1, 1], atol=1e-15)
    assert (point.n_negative, point.n_zero, point.n_positive) == (1, 0, 1)
    assert (point.loss, point.gradient_norm, point.minimum_ratio) == (0.5, 0, 0.5)
    assert str(point).startswith("saddle point\n")


@pytest.mark.parametrize(
    ("w1", "w2", "y", "verdict", "signs"),
    [
        (0, 0, 1, "saddle point", (1, 0, 1)),
        (0, 0, -3, "saddle point", (1, 0, 1)),
        # along w1 w2 = 1 the loss is level; across it the curvature is w1^2 + w2^2
        (1, 1, 1, "local minimum", (0, 1, 1)),
        (2, 0.5, 1, "local minimum", (0, 1, 1)),
        # (w1 w2)^2 / 2 has no second derivatives at the origin
        (0, 0, 0, "flat", (0, 2, 0)),
        (0.5, 0.5, 1, "not a critical point", (1, 0, 1)),
        (2, 2, 1, "not a critical point", (1, 0, 1)),
    ],
)
def test_verdicts_on_the_product_of_two_weights(w1, w2, y, verdict, signs):
    """[[w2^2, 2 w1 w2 - y], [2 w1 w2 - y, w1^2]] is the Hessian."""
    point = critical_point(*product_of_two(w1, w2, float(y)), intercepts=False)
    mixed = 2 * w1 * w2 - y
    expected = np.linalg.eigvalsh([[w2**2, mixed], [mixed, w1**2]])
    np.testing.assert_allclose(point.eigenvalues, expected, atol=1e-14)
    assert (point.n_negative, point.n_zero, point.n_positive) == signs
    assert point.verdict == verdict
    assert point.minimum_ratio == signs[2] / 2


@pytest.mark.parametrize(
    ("eigenvalues", "verdict"),
    [
        ([-1, 1], "saddle point"),
        ([-1, 0, 1], "saddle point"),
        ([-1, -0.5], "local maximum"),
        ([-1, 0], "local maximum"),
        ([0, 1], "local minimum"),
        ([-0.01, 1], "local minimum"),
        ([-1, 0.01], "local maximum"),
        ([0, 0], "flat"),
    ],
)
def test_kinds_of_critical_points(eigenvalues, verdict):
    """Up to the tolerance, here 0.01, an eigenvalue is zero; the tolerance itself is within."""
    assert _critical_point._kind(np.array(eigenvalues, dtype=float), 0.01) == verdict


def test_tolerances_are_what_they_are_said_to_be():
    """tol is relative to the largest eigenvalue; the gradient's to the loss over the length."""
    model, X, y = product_of_two(0.5, 0.5)
    point = critical_point(model, X, y, intercepts=False, tol=0.5)
    high = point.eigenvalues[1]  # beside -0.25
    assert point.zero_tolerance == pytest.approx(0.5 * high)
    assert (point.n_negative, point.n_zero, point.n_positive) == (0, 1, 1)
    # the loss is 0.28 here and 0.5 at the origin; the length is less than 1 and counts as 1
    assert point.gradient_tolerance == pytest.approx(0.1 * 0.5)
    assert critical_point(model, X, y, intercepts=False, gradient_tol=2.0).verdict == "saddle point"
    longer, *data = product_of_two(3, 4)
    assert critical_point(longer, *data, intercepts=False).gradient_tolerance == pytest.approx(
        0.1 * (12 - 1) ** 2 / 2 / 5
    )


@quiet
def test_rounding_is_no_curvature():
    """Sigmoids so far out that nothing the loss can show is left of their slopes are flat."""
    model = MLPRegressor((3,), activation="logistic", alpha=0, max_iter=1, random_state=0)
    X, y = diabetes()
    model.fit(X, y)
    model.coefs_[0][:] = 0
    model.intercepts_[0][:] = -40.0
    point = critical_point(model, X, y, intercepts=False)
    assert 0 < np.abs(point.eigenvalues).max() < 1e-16
    assert (point.n_negative, point.n_zero, point.n_positive) == (0, 33, 0)


@quiet
def test_a_new_net_is_at_no_critical_point_and_a_trained_one_at_a_minimum():
    """A strong penalty leaves no direction level."""
    X, y = diabetes()
    model = MLPRegressor((5,), activation="tanh", alpha=5.0, random_state=0, max_iter=1)
    assert critical_point(model.fit(X, y), X, y).verdict == "not a critical point"
    model.set_params(solver="lbfgs", max_iter=3000, max_fun=10**5, tol=1e-8)
    point = critical_point(model.fit(X, y), X, y)
    assert point.verdict == "local minimum"
    assert point.n_zero + point.n_positive == point.n_parameters == 61


@quiet
def test_beyond_the_dense_size_the_counts_are_estimates(monkeypatch):
    """The same verdict and nearly the same ratio as from all eigenvalues."""
    X, y = iris()
    model = MLPClassifier((15, 8), activation="tanh", alpha=0.1, random_state=0, max_iter=300)
    model.fit(X, y)
    exact = critical_point(model, X, y, gradient_tol=10, tol=0.01)
    monkeypatch.setattr(_critical_point, "DENSE_LIMIT", 100)
    monkeypatch.setattr(_lanczos, "SMALL", 100)
    estimated = critical_point(model, X, y, gradient_tol=10, tol=0.01, random_state=0)
    assert exact.spectrum is None
    assert exact.minimum_ratio_error == 0
    assert estimated.spectrum.n_parameters == estimated.n_parameters == 230
    assert estimated.verdict == exact.verdict
    np.testing.assert_allclose(
        estimated.eigenvalues,
        np.r_[exact.eigenvalues[:3], exact.eigenvalues[-3:]],
        rtol=0,
        atol=4e-5 * np.abs(exact.eigenvalues).max(),
    )
    assert 0 < estimated.minimum_ratio_error < 0.05
    assert abs(estimated.minimum_ratio - exact.minimum_ratio) < 3 * estimated.minimum_ratio_error
    counts = (estimated.n_negative, estimated.n_zero, estimated.n_positive)
    assert sum(counts) == 230
    assert "about" in str(estimated)
    assert "+-" in str(estimated)


# on the way -----------------------------------------------------------------------------------


def test_approach_finds_the_saddle_nearby():
    """From (0.3, 0.2) a descent would leave for w1 w2 = 1; this goes to the origin."""
    model, X, y = product_of_two(0.3, 0.2)
    there, path = approach_critical_point(model, X, y, intercepts=False, gradient_tol=1e-10)
    np.testing.assert_allclose(there.coefs_, np.zeros((2, 1, 1)), atol=1e-10)
    assert critical_point(there, X, y, intercepts=False).verdict == "saddle point"
    assert path.has_arrived
    assert path.loss[0] < path.loss[-1] == pytest.approx(0.5)  # uphill
    np.testing.assert_array_equal(np.ravel(model.coefs_), [0.3, 0.2])


@quiet
@pytest.mark.parametrize("max_iter", [1, 50])
def test_approach_lowers_the_gradient_norm(max_iter):
    """In every step, as the path and the gradient at its ends say."""
    X, y = diabetes()
    model = MLPRegressor((6,), activation="tanh", alpha=0.1, max_iter=max_iter, random_state=0)
    model.fit(X, y)
    there, path = approach_critical_point(model, X, y)
    assert path.has_arrived
    assert np.all(np.diff(path.gradient_norm) < 0)
    assert len(path.loss) == len(path.gradient_norm) > 1
    for estimator, i in ((model, 0), (there, -1)):
        assert path.loss[i] == pytest.approx(loss(estimator, X, y), rel=1e-12)
        norm = np.linalg.norm(gradient(estimator, X, y))
        assert path.gradient_norm[i] == pytest.approx(norm, rel=1e-9)
    assert critical_point(there, X, y).verdict != "not a critical point"
    assert "arrived" in str(path)


@quiet
def test_approach_says_when_it_did_not_arrive():
    """By a warning that names max_iter, and in the path."""
    X, y = diabetes()
    model = MLPRegressor((6,), activation="tanh", max_iter=1, random_state=0).fit(X, y)
    with pytest.warns(ConvergenceWarning, match="max_iter"):
        _, path = approach_critical_point(model, X, y, max_iter=1, gradient_tol=0)
    assert not path.has_arrived
    assert len(path.loss) == 2
    assert "not arrived" in str(path)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("y", [1.0, -3.0, 1e-3])
def test_escape_leaves_the_saddle_of_the_lectures(dtype, y):
    """Along (1, 1) or (1, -1), whichever the sign of y asks for, to a lower loss."""
    model, X, y = product_of_two(0, 0, y, dtype=dtype)
    there = escape_saddle(model, X, y, intercepts=False)
    w1, w2 = np.ravel(there.coefs_)
    assert abs(w1) == pytest.approx(abs(w2), rel=1e-5)
    assert w1 * w2 * y[0] > 0
    assert loss(there, X, y) < loss(model, X, y)
    assert there.coefs_[0].dtype == dtype
    assert not np.any(model.coefs_)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_escape_looks_at_what_the_estimator_can_hold(dtype, monkeypatch):
    """Parameters are rounded to its precision before their loss is compared."""
    tried, inner = [], _critical_point.Objective.loss

    def recorded(objective, parameters=None):
        if parameters is not None:
            tried.append(parameters)
        return inner(objective, parameters)

    monkeypatch.setattr(_critical_point.Objective, "loss", recorded)
    escape_saddle(*product_of_two(0.1, 0.3, dtype=dtype), intercepts=False)
    assert all(np.array_equal(p, p.astype(dtype)) for p in tried)
    assert any(np.any(p != p.astype("float32")) for p in tried) == (dtype == "float64")


def test_escape_takes_the_lower_side():
    """Off the saddle one side of the same direction is better: both are tried."""
    for sign in (1, -1):
        model, X, y = product_of_two(0.1 * sign, 0.1 * sign)
        there = escape_saddle(model, X, y, intercepts=False)
        assert np.sign(there.coefs_[0]) == sign


@quiet
def test_escape_refuses_where_there_is_no_negative_curvature():
    """At a minimum, on a plateau, and where tol counts it as zero: the error says what it saw."""
    for w1, w2, y in ((1, 1, 1.0), (0, 0, 0.0)):
        with pytest.raises(ValueError, match="no negative curvature"):
            escape_saddle(*product_of_two(w1, w2, y), intercepts=False)
    with pytest.raises(ValueError, match="critical_point"):
        escape_saddle(*product_of_two(0, 0), intercepts=False, tol=1.0)


@quiet
@pytest.mark.parametrize(
    ("normalization", "dtype", "sparse"),
    [
        (None, "float32", True),
        (None, "float64", False),
        ("layer", "float32", False),
        ("layer", "float64", True),
        ("batch", "float32", True),
        ("batch", "float64", False),
    ],
)
def test_nets_of_every_kind(normalization, dtype, sparse):
    """A classifier that is hardly trained: to a critical point and, from a saddle, away."""
    X, y = iris()
    X = sp.csr_array(X) if sparse else X
    model = MLPClassifier(
        (6,), activation="tanh", normalization=normalization, dtype=dtype, random_state=0
    )
    model.set_params(max_iter=3, alpha=0.1).fit(X, y)
    there, path = approach_critical_point(model, X, y)
    assert path.gradient_norm[-1] < path.gradient_norm[0] / 10
    point = critical_point(there, X, y)
    assert point.n_parameters == model.n_parameters_
    away = escape_saddle(model, X, y)
    assert loss(away, X, y) < loss(model, X, y)
    assert all(coef.dtype == dtype for coef in away.coefs_)
    away.predict(X)


@quiet
@pytest.mark.parametrize("function", [critical_point, approach_critical_point, escape_saddle])
def test_bad_input_gets_a_way_out(function):
    """Other estimators, unfitted ones, rows of another width, parameters out of range."""
    X, y = iris()
    with pytest.raises(TypeError, match="PerceptronClassifier"):
        function(PerceptronClassifier().fit(X, y), X, y)
    with pytest.raises(NotFittedError):
        function(MLPClassifier(), X, y)
    model = MLPClassifier((3,), max_iter=2).fit(X, y)
    with pytest.raises(ValueError, match="features"):
        function(model, X[:, :2], y)
    name = "tol" if function is not approach_critical_point else "gradient_tol"
    with pytest.raises(ValueError, match=f"'{name}'.*-1"):
        function(model, X, y, **{name: -1})
