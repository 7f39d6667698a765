"""The Hessian and its spectrum: against closed forms, PyTorch and the dense matrix."""

import sys

import numpy as np
import pytest
import scipy.sparse as sp
from problems import breast_cancer, diabetes, digits, iris
from scipy.stats import sem

from rosenblatt import MLPClassifier, MLPRegressor
from rosenblatt.inspection import _hessian, _lanczos, gradient, hessian, hessian_spectrum

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def least_squares(alpha=0.5, **parameters):
    """A net without hidden layer, and the Hessian that it has wherever it is."""
    X, y = diabetes()
    model = MLPRegressor((), alpha=alpha, max_iter=3, random_state=0, **parameters).fit(X, y)
    A = np.column_stack([X, np.ones(len(X))])
    H = A.T @ A / len(X)
    H[:-1, :-1] += alpha / model.batch_size_ * np.eye(X.shape[1])
    return model, X, y, H


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_hessian_of_least_squares(solver):
    """X^T X / n plus the penalty over the batch, with and without the intercept."""
    model, X, y, H = least_squares(solver=solver)
    np.testing.assert_allclose(hessian(model, X, y), H, rtol=0, atol=1e-13)
    np.testing.assert_allclose(
        hessian(model, X, y, intercepts=False), H[:-1, :-1], rtol=0, atol=1e-13
    )


def test_hessian_of_logistic_regression():
    """X^T diag(p (1 - p)) X / n."""
    X, y = breast_cancer()
    model = MLPClassifier((), alpha=0, max_iter=3, random_state=0).fit(X, y)
    p = model.predict_proba(X)[:, 1]
    A = np.column_stack([X, np.ones(len(X))])
    H = A.T @ (A * (p * (1 - p))[:, np.newaxis]) / len(X)
    # predict_proba is good to a few units of the last digit
    np.testing.assert_allclose(hessian(model, X, y), H, rtol=0, atol=1e-12)


@pytest.mark.parametrize("activation", ["tanh", "logistic", "softplus"])
def test_hessian_is_pytorchs(activation):
    """torch.autograd.functional.hessian of a net of two hidden layers in float64."""
    torch = pytest.importorskip("torch")
    X, y = iris()
    model = MLPClassifier((4, 3), activation=activation, alpha=0.3, max_iter=5, random_state=0)
    model.fit(X, y)
    function = {"tanh": torch.tanh, "logistic": torch.sigmoid}.get(
        activation, torch.nn.functional.softplus
    )
    shapes = [array.shape for array in (*model.coefs_, *model.intercepts_)]
    sizes = [int(np.prod(shape)) for shape in shapes]

    def loss(flat):
        parts = [t.reshape(s) for t, s in zip(torch.split(flat, sizes), shapes, strict=True)]
        layer = torch.tensor(X)
        for i in range(3):
            layer = layer @ parts[i] + parts[3 + i]
            layer = function(layer) if i < 2 else layer
        penalty = sum((part**2).sum() for part in parts[:3])
        error = torch.nn.functional.cross_entropy(layer, torch.tensor(y))
        return error + 0.3 / 2 / model.batch_size_ * penalty

    flat = np.concatenate([a.ravel() for a in (*model.coefs_, *model.intercepts_)])
    expected = torch.autograd.functional.hessian(loss, torch.tensor(flat)).numpy()
    np.testing.assert_allclose(hessian(model, X, y), expected, rtol=0, atol=1e-12)


def test_a_hessian_too_large_is_refused():
    """The error says how large, how large it may be, and what to do instead."""
    X, y = digits()
    model = MLPClassifier((40,), max_iter=1, random_state=0).fit(X, y)
    with pytest.raises(ValueError, match=r"3010 parameters.*3000.*hessian_spectrum"):
        hessian(model, X, y)


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
def test_spectrum_is_that_of_the_matrix(normalization, dtype, sparse, monkeypatch):
    """Extreme eigenvalues, trace and shares, on nets of every kind."""
    monkeypatch.setattr(_lanczos, "SMALL", 50)  # or the matrix would be made
    X, y = iris()
    X = sp.csr_array(X) if sparse else X
    model = MLPClassifier(
        (25,), activation="tanh", normalization=normalization, dtype=dtype, random_state=0
    )
    model.set_params(max_iter=20, alpha=0.1).fit(X, y)
    eigenvalues = np.linalg.eigvalsh(hessian(model, X, y))
    spectrum = hessian_spectrum(model, X, y, random_state=0)
    assert spectrum.n_parameters == len(eigenvalues) > 200
    largest = np.abs(eigenvalues).max()
    expected = np.r_[eigenvalues[:3], eigenvalues[-3:]]
    np.testing.assert_allclose(spectrum.eigenvalues, expected, rtol=0, atol=4e-5 * largest)
    assert abs(spectrum.trace - eigenvalues.sum()) < 3 * spectrum.trace_error
    width = 0.02 * largest
    for level in (width, -width, 0.1 * largest):
        share, error = spectrum.share(level, np.inf)
        # the nodes in the bulk are about a hundredth of the range apart
        low, high = (np.mean(eigenvalues > level + d) for d in (width, -width))
        assert low - 3 * error - 0.01 < share < high + 3 * error + 0.01
    area = spectrum.density.sum() * np.diff(spectrum.density_grid[:2])[0]
    assert area == pytest.approx(1, rel=1e-3)


def test_spectrum_of_few_parameters_has_them_all():
    """Where there are fewer than k, and of the coefficients alone."""
    model, X, y, H = least_squares()
    eigenvalues = np.linalg.eigvalsh(H)
    all_of_them = hessian_spectrum(model, X, y, 30, random_state=0)
    np.testing.assert_allclose(all_of_them.eigenvalues, eigenvalues, atol=1e-12)
    odd = hessian_spectrum(model, X, y, k=3, random_state=0)
    np.testing.assert_allclose(odd.eigenvalues, eigenvalues[[0, -2, -1]], atol=1e-12)
    alone = hessian_spectrum(model, X, y, 30, intercepts=False, random_state=0)
    np.testing.assert_allclose(alone.eigenvalues, np.linalg.eigvalsh(H[:-1, :-1]), atol=1e-12)


def test_spectrum_repeats_and_leaves_the_estimator_alone():
    """The same seed gives the same bits; coefs_ are as they were."""
    X, y = iris()
    model = MLPClassifier((5,), max_iter=5, random_state=0).fit(X, y)
    before, slope = [c.copy() for c in model.coefs_], gradient(model, X, y)
    first, second = (hessian_spectrum(model, X, y, random_state=3) for _ in range(2))
    np.testing.assert_array_equal(first.eigenvalues, second.eigenvalues)
    np.testing.assert_array_equal(first.density, second.density)
    assert (first.trace, first.trace_error) == (second.trace, second.trace_error)
    assert all(np.array_equal(*pair) for pair in zip(before, model.coefs_, strict=True))
    np.testing.assert_array_equal(slope, gradient(model, X, y))
    assert "trace" in str(first)


def test_error_of_the_trace_is_the_standard_error_over_the_probes(monkeypatch):
    """scipy's sem of the traces that the probes gave; their mean is the trace."""
    traces = [3.0, 5.0, 4.5, 9.0]
    found = []

    def quadrature(*arguments):
        nodes, weights, coarse, _ = _lanczos.stochastic_quadrature(*arguments)
        found.append((nodes, weights, coarse))
        return nodes, weights, coarse, traces

    monkeypatch.setattr(_hessian, "stochastic_quadrature", quadrature)
    model, X, y, _ = least_squares()
    spectrum = hessian_spectrum(model, X, y, n_probes=4, random_state=0)
    assert len(found) == 1
    assert spectrum.trace == np.mean(traces)
    assert spectrum.trace_error == pytest.approx(sem(traces), rel=1e-14)


def test_share_of_given_nodes():
    """By hand: above `low`, up to and with `high`; its error is of probes and of fewer steps."""
    nodes = [np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 2.0]), np.array([0.5, 1.0, 3.0])]
    weights = [np.array([0.2, 0.3, 0.5]), np.array([0.1, 0.6, 0.3]), np.array([0.5, 0.25, 0.25])]
    coarse = [(np.array([1.0]), np.array([share])) for share in (0.4, 0.4, 0.4)]
    empty = np.zeros(0)
    spectrum = _hessian.Spectrum(3, empty, 0.0, 0.0, empty, empty, nodes, weights, coarse)
    # of (0, 1]: 0.3, 0.6, 0.5 + 0.25; of (1, 2]: 0.5, 0.3, 0
    for interval, shares, changes in [
        ((0.0, 1.0), [0.3, 0.6, 0.75], [-0.1, 0.2, 0.35]),
        ((1.0, 2.0), [0.5, 0.3, 0.0], [0.5, 0.3, 0.0]),
    ]:
        share, error = spectrum.share(*interval)
        assert share == pytest.approx(np.mean(shares), rel=1e-14)
        assert error == pytest.approx(np.hypot(sem(shares), np.mean(changes)), rel=1e-14)


@pytest.mark.parametrize(
    ("name", "value"), [("k", 0), ("k", 2.0), ("n_probes", 1), ("n_steps", 0), ("random_state", -1)]
)
def test_bad_parameters_are_named(name, value):
    """With the value and what is allowed."""
    model, X, y, _ = least_squares()
    with pytest.raises(ValueError, match=name) as error:
        hessian_spectrum(model, X, y, **{name: value})
    assert repr(value) in str(error.value)


def test_products_are_counted_on_a_bar(monkeypatch):
    """Where tqdm is; without it nothing is shown and nothing fails."""
    bars = []

    class Bar:
        def __init__(self, **options):
            self.options, self.n = options, 0
            bars.append(self)

        def __enter__(self):
            return self

        def __exit__(self, *error):
            return None

        def update(self, n):
            self.n += n

    monkeypatch.setitem(sys.modules, "tqdm.auto", type("auto", (), {"tqdm": Bar}))
    with _hessian.counted(lambda v: 2 * v, "products", 3, True) as product:
        assert [product(i) for i in range(3)] == [0, 2, 4]
    assert bars[0].n == bars[0].options["total"] == 3
    with _hessian.counted(abs, "products", 3, False) as product:
        assert product is abs
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with _hessian.counted(abs, "products", 3, True) as product:
        assert product is abs
