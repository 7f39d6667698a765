"""Small real data sets and helpers, shared by the tests of whole estimators.

Every array is read-only: a fit that writes to its input fails wherever it is tested.
"""

import warnings
from functools import cache

import numpy as np
from sklearn import datasets
from sklearn.preprocessing import StandardScaler


def _frozen(*arrays):
    for array in arrays:
        array.flags.writeable = False
    return arrays


@cache
def digits(n_samples=300):
    """Ten classes, 64 pixels in [0, 1], some of them zero in every image."""
    X, y = datasets.load_digits(return_X_y=True)
    return _frozen(X[:n_samples] / 16, y[:n_samples])


@cache
def iris():
    """Three classes of 50 flowers, 4 standardised lengths."""
    X, y = datasets.load_iris(return_X_y=True)
    return _frozen(StandardScaler().fit_transform(X), y)


@cache
def wine():
    """Three classes named by strings, 13 standardised measurements."""
    X, y = datasets.load_wine(return_X_y=True)
    return _frozen(StandardScaler().fit_transform(X), np.array(["barolo", "grignolino", "x"])[y])


@cache
def breast_cancer(n_samples=240):
    """Two classes, 30 standardised measurements."""
    X, y = datasets.load_breast_cancer(return_X_y=True)
    return _frozen(StandardScaler().fit_transform(X)[:n_samples], y[:n_samples])


@cache
def multilabel():
    """Four labels of which a row may have any number, none included."""
    X, y = datasets.make_multilabel_classification(
        n_samples=150, n_features=12, n_classes=4, n_labels=2, random_state=3
    )
    return _frozen(StandardScaler().fit_transform(X), y)


@cache
def one_class():
    """Flowers that are all of the same kind."""
    X, _ = iris()
    return X, *_frozen(np.zeros(len(X), dtype=int))


@cache
def diabetes(n_samples=240):
    """One real target of order one, 10 standardised measurements."""
    X, y = datasets.load_diabetes(return_X_y=True)
    X, y = StandardScaler().fit_transform(X), (y - y.mean()) / y.std()
    return _frozen(X[:n_samples], y[:n_samples])


@cache
def diabetes_many():
    """Three real targets of order one."""
    X, y = diabetes()
    return X, *_frozen(np.column_stack([y, X[:, 2] * X[:, 3], np.abs(y)]))


@cache
def counts():
    """Targets that are counts from 0 to 6, as for the Poisson loss."""
    X, y = diabetes()
    return X, *_frozen(np.floor(np.exp(0.8 * y)))


@cache
def row_weights(n_samples):
    """Weights from 0 to 3, a tenth of them zero."""
    rng = np.random.RandomState(11)
    weights = rng.uniform(0, 3, n_samples)
    weights[rng.permutation(n_samples)[: n_samples // 10]] = 0
    return _frozen(weights)[0]


def fitted(model, X, y):
    """The model after a fit whose few epochs nobody shall be warned of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(X, y)


def call_recording_warnings(function, *args, **kwargs):
    """(result, the UserWarnings it gave as pairs of category and text)."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = function(*args, **kwargs)
    return result, [
        (w.category, str(w.message)) for w in caught if issubclass(w.category, UserWarning)
    ]


def assert_close(actual, desired, tolerance, name):
    """Equal up to `tolerance` times the largest magnitude in `desired`; same shape and dtype."""
    actual, desired = np.asarray(actual), np.asarray(desired)
    assert actual.shape == desired.shape, name
    assert actual.dtype == desired.dtype, name
    largest = np.abs(desired[np.isfinite(desired)]).max(initial=0)
    np.testing.assert_allclose(
        actual, desired, rtol=tolerance, atol=tolerance * largest, err_msg=name
    )


def assert_same_bits(actual, desired):
    """Two fitted models have the same parameters to the last bit."""
    for ours, theirs in zip(
        [*actual.coefs_, *actual.intercepts_],
        [*desired.coefs_, *desired.intercepts_],
        strict=True,
    ):
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)
