"""The fast and the general path of predict: same values, same bits, same errors."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from problems import (
    breast_cancer,
    counts,
    diabetes,
    diabetes_many,
    digits,
    iris,
    multilabel,
    one_class,
)
from scipy import sparse
from sklearn import neural_network
from sklearn.exceptions import NotFittedError

import rosenblatt
from rosenblatt import _multilayer

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore:Got `batch_size`"
)

KINDS = {
    "multiclass": ("MLPClassifier", iris, {}),
    "ten classes": ("MLPClassifier", digits, {}),
    "binary": ("MLPClassifier", breast_cancer, {}),
    "one class": ("MLPClassifier", one_class, {}),
    "multilabel": ("MLPClassifier", multilabel, {"activation": "logistic"}),
    "regression": ("MLPRegressor", diabetes, {"activation": "tanh"}),
    "many outputs": ("MLPRegressor", diabetes_many, {"activation": "identity"}),
    "poisson": ("MLPRegressor", counts, {"loss": "poisson"}),
    "linear": ("MLPClassifier", digits, {"hidden_layer_sizes": ()}),
}
METHODS = {
    "MLPClassifier": ["predict", "predict_proba", "predict_log_proba"],
    "MLPRegressor": ["predict"],
}


def fitted(kind, dtype="float64", module=rosenblatt):
    """(model, X, its prediction methods), trained for a moment."""
    name, data, parameters = KINDS[kind]
    X, y = data()
    X = np.ascontiguousarray(X, dtype=dtype)
    parameters = {"hidden_layer_sizes": (11, 6), "max_iter": 5, "random_state": 0, **parameters}
    return getattr(module, name)(**parameters).fit(X, y), X, METHODS[name]


@pytest.fixture
def long_way(monkeypatch):
    """Calling it closes the quick way."""
    return lambda: monkeypatch.setattr(
        _multilayer, "outputs_of_plain_rows", lambda estimator, X, *, logits=False: None
    )


@pytest.mark.parametrize("kind", KINDS)
def test_quick_way_is_taken_and_has_the_bits_of_the_long_one(kind, dtype, long_way, monkeypatch):
    """Plain rows are not validated, and nothing else tells: one row, few, all; dense and CSR."""
    model, X, methods = fitted(kind, dtype)
    sizes = (1, 3, 30, len(X))
    with monkeypatch.context() as patch:
        patch.setattr(_multilayer, "checked_rows", None)
        quick = [getattr(model, method)(X[:size]) for method in methods for size in sizes]
    long_way()
    for rows in (X, sparse.csr_array(X)):
        others = [getattr(model, method)(rows[:size]) for method in methods for size in sizes]
        for one, other in zip(quick, others, strict=True):
            assert one.dtype == other.dtype
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_rows", [1, 50])
def test_predictions_are_scikit_learns_for_the_same_weights(kind, n_rows, dtype):
    """scikit-learn's class with our coefs_ and intercepts_ says the same."""
    model, X, methods = fitted(kind, dtype)
    theirs, _, _ = fitted(kind, dtype, neural_network)
    theirs.coefs_, theirs.intercepts_ = model.coefs_, model.intercepts_
    for method in methods:
        ours = getattr(model, method)(X[:n_rows])
        expected = getattr(theirs, method)(X[:n_rows])
        assert ours.shape == expected.shape
        # sums of up to 64 terms in another order, through three layers; logarithms of small
        # probabilities are as exact as the probabilities' relative error
        np.testing.assert_allclose(ours, expected, rtol=200 * np.finfo(dtype).eps, atol=1e-7)


def nan_in(X):
    X = X.copy()
    X[-1, 0] = np.nan
    return X


def infinity_in(X):
    X = X.copy()
    X[-1, 0] = -np.inf
    return X


BAD = {
    "NaN": nan_in,
    "infinity": infinity_in,
    "a column more": lambda X: np.hstack([X, X[:, :1]]),
    "a column less": lambda X: np.ascontiguousarray(X[:, 1:]),
    "one dimension": lambda X: X[0],
    "three dimensions": lambda X: X[None],
    "no rows": lambda X: X[:0],
}


@pytest.mark.parametrize("how", BAD)
@pytest.mark.parametrize("kind", ["multiclass", "regression"])
@pytest.mark.parametrize("n_rows", [1, 100])
def test_rows_are_refused_in_scikit_learns_words(kind, n_rows, how):
    """What the quick way does not take is refused as ever."""
    model, X, methods = fitted(kind)
    theirs, _, _ = fitted(kind, module=neural_network)
    bad = BAD[how](X[:n_rows])
    for method in methods:
        with pytest.raises(ValueError, match=r"X|array") as expected:
            getattr(theirs, method)(bad)
        with pytest.raises(ValueError, match=r"X|array") as refused:
            getattr(model, method)(bad)
        assert str(refused.value) == str(expected.value)


def test_unfitted_models_are_told_so():
    """However plain the rows."""
    for model in (rosenblatt.MLPClassifier(), rosenblatt.MLPRegressor()):
        with pytest.raises(NotFittedError):
            model.predict(np.zeros((1, 3)))


def test_model_of_named_features_warns_of_rows_without_names():
    """As scikit-learn's does, so such models take the long way."""
    X, y = iris()
    frame = pd.DataFrame(X, columns=list("abcd"))
    model = rosenblatt.MLPClassifier((5,), max_iter=2, random_state=0).fit(frame, y)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        by_array = model.predict_proba(X)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(model.predict_proba(frame), by_array)


def test_assume_finite_lets_nan_through():
    """Under scikit-learn's setting NaN is the user's business, whichever way rows go."""
    model, X, _ = fitted("regression")
    with sklearn.config_context(assume_finite=True):
        outputs = model.predict(nan_in(X))
    assert np.isnan(outputs[-1])
    np.testing.assert_array_equal(outputs[:-1], model.predict(X[:-1]))


def test_nothing_is_kept_between_calls():
    """Weights edited in place, assigned, pickled, of another layout or precision: all count."""
    model, X, _ = fitted("multiclass")
    theirs, _, _ = fitted("multiclass", module=neural_network)

    def agree(tolerance=1e-13):  # a few roundings of float64
        theirs.coefs_, theirs.intercepts_ = model.coefs_, model.intercepts_
        for rows in (X[:1], X):
            expected = theirs.predict_proba(rows)
            np.testing.assert_allclose(model.predict_proba(rows), expected, rtol=tolerance)

    agree()
    model.coefs_[0][0] += 1
    agree()
    model.intercepts_ = [intercept - 0.5 for intercept in model.intercepts_]
    agree()
    model = pickle.loads(pickle.dumps(model))
    model.coefs_[1] *= -1
    agree()
    model.coefs_[0] = np.asfortranarray(model.coefs_[0])
    agree()
    model.coefs_[0] = model.coefs_[0].astype(np.float32)
    agree()
    model.coefs_[0] = model.coefs_[0].astype(np.longdouble)
    agree()
    model.coefs_ = tuple(model.coefs_)
    agree()


@pytest.mark.parametrize("dtype", ["complex128", "O", "U8"])
def test_weights_that_are_no_real_numbers_are_refused(dtype):
    """By the name of the attribute, for one row and for many, dense and sparse."""
    model, X, _ = fitted("multiclass")
    model.intercepts_[1] = model.intercepts_[1].astype(dtype)
    for rows in (X[:1], X, sparse.csr_array(X)):
        with pytest.raises(ValueError, match="intercepts_ must be real numbers, got dtypes"):
            model.predict(rows)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtype_decides_the_precision(dtype):
    """An X of the other precision is converted, by the long way."""
    X, y = iris()
    model = rosenblatt.MLPClassifier((5,), max_iter=2, random_state=0, dtype=dtype).fit(X, y)
    for given in ("float32", "float64"):
        rows = X.astype(given)
        probabilities = model.predict_proba(rows)
        assert probabilities.dtype == dtype
        np.testing.assert_array_equal(probabilities, model.predict_proba(rows.astype(dtype)))


def test_weights_of_a_wrong_shape_are_named():
    """The error is the one that says which shapes there are and which there must be."""
    model, X, _ = fitted("multiclass")
    for layer, columns in [(0, 10), (2, 2)]:
        right = model.coefs_[layer]
        model.coefs_[layer] = np.ascontiguousarray(right[:, :columns])
        with pytest.raises(ValueError, match=r"coefs_ have shapes .* but must have"):
            model.predict(X[:1])
        model.coefs_[layer] = right
