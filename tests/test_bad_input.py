"""Errors for invalid input, and the outcome of fits that fail."""

import contextlib
import copy
import inspect
import os
import pickle
import re
import signal
import threading
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import sklearn
from parameter_values import bad_values
from problems import assert_close, assert_same_bits, breast_cancer, diabetes, iris, multilabel
from scipy import sparse
from sklearn import neural_network
from sklearn.exceptions import ConvergenceWarning, NotFittedError

import rosenblatt
from rosenblatt import _memory, _training
from rosenblatt._interruption import Interruption
from rosenblatt._parameter_table import SHARED
from rosenblatt.core.buffers import csr_parts
from rosenblatt.schedules import SCHEDULES

CLASSES = ["MLPClassifier", "MLPRegressor"]
NON_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and "
    "need to be preprocessed."
)

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore::RuntimeWarning"
)


class Untouchable:
    """Data that fail the test when anything looks at them."""

    def __array__(self, dtype=None, copy=None):
        raise AssertionError("the data were looked at before the parameters")

    def __len__(self):
        raise AssertionError("the data were looked at before the parameters")

    shape = property(__len__)


# parameters ------------------------------------------------------------------------------------

THEIRS = sorted(set(inspect.signature(neural_network.MLPRegressor).parameters) - {"loss"})


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("name", THEIRS)
def test_bad_parameter_is_refused_before_any_work(name, method):
    """The error names parameter, value and what is allowed, before the data are looked at."""
    for class_name, value in product(CLASSES, bad_values(SHARED[name])):
        model = getattr(rosenblatt, class_name)(**{name: value})
        if name == "solver":
            method = "fit"  # an unknown solver has no partial_fit
        with pytest.raises((ValueError, TypeError)) as error:
            getattr(model, method)(Untouchable(), Untouchable())
        text = str(error.value)
        assert repr(name) in text
        assert class_name in text
        assert repr(value) in text
        assert " must be " in text
        assert not hasattr(model, "coefs_")


@pytest.mark.skipif(not sklearn.__version__.startswith("1.9."), reason="words of scikit-learn 1.9")
@pytest.mark.parametrize("name", sorted({*THEIRS} - {"learning_rate", "warm_start"}))
def test_bad_parameter_is_refused_in_scikit_learns_words(name):
    """The error is a ValueError and a TypeError as theirs is, and names the same choices.

    Where there are more choices than theirs, theirs are among them; those that take more have
    another message.
    """
    for value in bad_values(SHARED[name]):
        errors = []
        for module in (rosenblatt, neural_network):
            with pytest.raises(ValueError) as error:  # noqa: PT011 (texts are compared below)
                module.MLPRegressor(**{name: value}).fit(*diabetes())
            assert isinstance(error.value, TypeError)
            errors.append(str(error.value))
        if name in ("activation", "solver"):
            choices = [set(re.findall(r"'\w+'", error)) for error in errors]
            assert choices[1] < choices[0]
        else:  # the choices stand in a set, whose order is not the same from run to run
            assert sorted(errors[0]) == sorted(errors[1])


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("activation", "gelu_", ["identity", "logistic", "tanh", "relu"]),
        ("solver", "newton", ["adam", "sgd", "lbfgs"]),
        ("learning_rate", "fast", list(SCHEDULES)),
        ("loss", "absolut", ["squared_error", "poisson"]),
        ("loss", None, ["squared_error", "poisson"]),
        ("dtype", "float16", ["float32", "float64"]),
        ("dtype", int, ["float32", "float64"]),
        ("n_jobs", 1.5, ["int", "None"]),
        ("n_jobs", "all", ["int", "None"]),
        ("normalization", "group", ["batch", "layer", "None"]),
        ("normalization", True, ["batch", "layer", "None"]),
        ("dropout", 1.0, ["[0.0, 1.0)", "array-like"]),
        ("dropout", -0.1, ["[0.0, 1.0)", "array-like"]),
        ("dropout", float("nan"), ["[0.0, 1.0)", "array-like"]),
        ("dropout", None, ["[0.0, 1.0)", "array-like"]),
        ("input_dropout", 1, ["[0.0, 1.0)"]),
        ("input_noise", -1, ["[0.0, inf)"]),
        ("input_noise", float("inf"), ["[0.0, inf)"]),
        ("weight_init", "he", ["glorot_uniform", "he_uniform", "orthogonal", "a callable"]),
        ("weight_init", None, ["glorot_uniform", "he_uniform", "orthogonal", "a callable"]),
        ("intercept_init", "prior_", ["uniform", "zeros", "prior"]),
    ],
)
def test_bad_choice_is_told_what_is_allowed(name, value, allowed):
    """The error lists every allowed choice."""
    model = rosenblatt.MLPRegressor(**{name: value})
    with pytest.raises((ValueError, TypeError), match=name) as error:
        model.fit(Untouchable(), Untouchable())
    assert repr(value) in str(error.value)
    for choice in allowed:
        assert choice in str(error.value)


@pytest.mark.parametrize("name", ["activation", "hidden_layer_sizes"])
def test_array_without_dimensions_is_no_sequence(name):
    """It is no number and no name either: the error is the parameter's, not NumPy's."""
    for kind in CLASSES:
        with pytest.raises(ValueError, match=rf"{name}.* must .*[Gg]ot array\(3\)"):
            getattr(rosenblatt, kind)(**{name: np.array(3)}).fit(Untouchable(), Untouchable())


@pytest.mark.parametrize("sizes", [(5, 0), [-1], (3, -2, 4), np.array([0]), (2.5,), ["a"], ((2,),)])
def test_bad_layer_width_is_refused(sizes):
    """Every width must be an integer above zero; the error names the parameter and the value."""
    for name in CLASSES:
        with pytest.raises((ValueError, TypeError), match="hidden_layer_sizes") as error:
            getattr(rosenblatt, name)(sizes).fit(Untouchable(), Untouchable())
        assert str(np.ravel(sizes)[-1]) in str(error.value) or str(sizes) in str(error.value)


@pytest.mark.parametrize(
    "params",
    [
        {"hidden_layer_sizes": range(3, 5)},
        {"hidden_layer_sizes": np.int32(4)},
        {"alpha": np.float32(0.1)},
        {"alpha": 1},
        {"batch_size": np.int64(20)},
        {"momentum": 0},
        {"momentum": 1},
        {"validation_fraction": 0},
        {"n_iter_no_change": np.inf},
        {"max_iter": np.int64(1)},
        {"shuffle": np.True_},
        {"tol": 0},
        {"random_state": np.int64(3)},
        pytest.param({"random_state": np.random.RandomState(2)}, id="RandomState"),
        {"n_jobs": -1},
        {"n_jobs": 2},
        {"dtype": "float32"},
        {"dtype": "float64"},
    ],
    ids=str,
)
def test_values_at_the_border_are_taken(params):
    """What scikit-learn takes, NumPy's numbers included, gives the model that it gives there."""
    params = {"max_iter": 2, "random_state": 0, "solver": "sgd"} | params
    tolerance = 1e-5 if params.get("dtype") == "float32" else 1e-8
    for name in CLASSES:
        theirs = {key: value for key, value in params.items() if key in THEIRS}
        model = getattr(rosenblatt, name)(**copy.deepcopy(params)).fit(*iris())
        expected = getattr(neural_network, name)(**copy.deepcopy(theirs)).fit(*iris())
        for ours, other in zip(model.coefs_, expected.coefs_, strict=True):
            np.testing.assert_allclose(ours, other, rtol=0, atol=tolerance)


def test_validation_fraction_of_nothing_is_refused_by_its_name():
    """Early stopping on no rows at all: the error names the parameter that is to be changed."""
    for name in CLASSES:
        model = getattr(rosenblatt, name)(early_stopping=True, validation_fraction=0)
        with pytest.raises(ValueError, match="validation_fraction"):
            model.fit(*iris())


def test_too_small_validation_set_is_refused_by_its_name():
    """One row to validate on: the error names the parameter that is to be changed."""
    X, y = diabetes()
    model = rosenblatt.MLPRegressor(early_stopping=True)
    for n_rows in (8, 10):
        with pytest.raises(ValueError, match="validation_fraction"):
            model.fit(X[:n_rows], y[:n_rows])
    model.fit(X[:11], y[:11])  # a tenth of them, rounded up, is two


# data ------------------------------------------------------------------------------------------


def with_value(X, value):
    X = X.copy()
    X[3, 1] = value
    return X


BAD_FITS = {
    "nan": lambda X, y: (with_value(X, np.nan), y),
    "infinity": lambda X, y: (with_value(X, np.inf), y),
    "nan-sparse": lambda X, y: (sparse.csr_matrix(with_value(X, np.nan)), y),
    "nan-target": lambda X, y: (X, np.where(np.arange(len(y)) == 3, np.nan, y)),
    "infinite-target": lambda X, y: (X, np.where(np.arange(len(y)) == 3, np.inf, y)),
    "one-dimensional": lambda X, y: (X[:, 0], y),
    "three-dimensional": lambda X, y: (X[:, :, np.newaxis], y),
    "complex": lambda X, y: (X * 1j, y),
    "no-rows": lambda X, y: (X[:0], y[:0]),
    "no-columns": lambda X, y: (X[:, :0], y),
    "fewer-targets": lambda X, y: (X, y[:-1]),
    "more-targets": lambda X, y: (X[:-1], y),
    "no-target": lambda X, y: (X, None),
    "three-dimensional-target": lambda X, y: (X, np.zeros((len(y), 2, 2))),
    "fewer-weights": lambda X, y: (X, y, np.ones(len(y) - 1)),
    "weight-columns": lambda X, y: (X, y, np.ones((len(y), 1))),
    "nan-weight": lambda X, y: (X, y, np.where(np.arange(len(y)) == 3, np.nan, 1.0)),
    "no-weight": lambda X, y: (X, y, np.zeros(len(y))),
}
BAD_CLASSES = {
    "continuous": (lambda y: y + 0.5, "Unknown label type"),
    "many-classes-many-outputs": (lambda y: np.column_stack([y, y]), "Multioutput target data"),
    "continuous-outputs": (lambda y: np.column_stack([y, y]) + 0.5, "continuous-multioutput"),
    "objects": (lambda y: np.array([object()] * len(y)), "Unknown label type"),
}


def raised_by_both(name, call):
    """The two errors that a call on our model and on scikit-learn's raises."""
    errors = []
    for module in (rosenblatt, neural_network):
        with pytest.raises(Exception) as error:  # noqa: PT011 (types and texts are compared)
            call(getattr(module, name)(max_iter=2, random_state=0))
        errors.append(error.value)
    return errors


def assert_same_error(name, call):
    ours, theirs = raised_by_both(name, call)
    assert type(ours) is type(theirs)
    assert str(ours) == str(theirs)


@pytest.mark.skipif(not sklearn.__version__.startswith("1.9."), reason="words of scikit-learn 1.9")
@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("kind", BAD_FITS)
def test_bad_data_are_refused_in_scikit_learns_words(name, kind):
    """Type and text of the error are scikit-learn's."""
    X, y = iris()
    arguments = BAD_FITS[kind](X, y)
    assert_same_error(name, lambda model: model.fit(*arguments))


@pytest.mark.parametrize("kind", BAD_CLASSES)
def test_targets_that_are_no_classes_are_refused(kind):
    """A ValueError (some mixtures have no order: a TypeError) that says what the target is."""
    X, y = iris()
    target, text = BAD_CLASSES[kind]
    with pytest.raises((ValueError, TypeError), match=text):
        rosenblatt.MLPClassifier().fit(X, target(y))


@pytest.mark.parametrize("target", [["a"] * 150, ["1.5"] * 150, [None] * 150, [[1], [2, 3]] * 75])
def test_targets_that_are_no_numbers_are_refused(target):
    """A regressor says in a ValueError or TypeError of its own that y must be numbers.

    NumPy's error about a missing loop of some ufunc tells nobody what to change.
    """
    X, _ = iris()
    with pytest.raises((ValueError, TypeError)) as error:
        rosenblatt.MLPRegressor().fit(X, target)
    assert "ufunc" not in str(error.value)


BAD_CALLS = {
    "unfitted-predict": lambda model, X, y: model.predict(X),
    "unfitted-score": lambda model, X, y: model.score(X, y),
    "narrow-predict": lambda model, X, y: model.fit(X, y).predict(X[:, :3]),
    "wide-predict": lambda model, X, y: model.fit(X, y).predict(np.hstack([X, X])),
    "nan-predict": lambda model, X, y: model.fit(X, y).predict(with_value(X, np.nan)),
    "row-predict": lambda model, X, y: model.fit(X, y).predict(X[0]),
    "no-rows-predict": lambda model, X, y: model.fit(X, y).predict(X[:0]),
    "narrow-sparse-predict": lambda model, X, y: model.fit(X, y).predict(
        sparse.csr_matrix(X[:, :3])
    ),
    "narrow-warm-start": lambda model, X, y: (
        model.set_params(warm_start=True).fit(X, y).fit(X[:, :3], y)
    ),
    "narrow-partial-fit": lambda model, X, y: model.fit(X, y).partial_fit(X[:, :3], y),
}
BAD_CLASSIFIER_CALLS = {
    "unfitted-probabilities": lambda model, X, y: model.predict_proba(X),
    "unfitted-log-probabilities": lambda model, X, y: model.predict_log_proba(X),
    "first-without-classes": lambda model, X, y: model.partial_fit(X, y),
    "unknown-classes": lambda model, X, y: model.partial_fit(X, y, classes=[0, 1]),
    "unknown-classes-later": lambda model, X, y: model.partial_fit(
        X, y, classes=[0, 1, 2]
    ).partial_fit(X, y + 1),
    "unknown-classes-after-fit": lambda model, X, y: model.fit(X, y).partial_fit(X, y + 1),
    "other-classes": lambda model, X, y: model.partial_fit(X, y, classes=[0, 1, 2]).partial_fit(
        X, y, classes=[0, 1, 2, 3]
    ),
    "warm-start-fewer-classes": lambda model, X, y: (
        model.set_params(warm_start=True).fit(X, y).fit(X[:100], y[:100])
    ),
    "warm-start-other-classes": lambda model, X, y: (
        model.set_params(warm_start=True).fit(X, y).fit(X, y + 1)
    ),
}


@pytest.mark.skipif(not sklearn.__version__.startswith("1.9."), reason="words of scikit-learn 1.9")
@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("kind", BAD_CALLS)
def test_bad_calls_are_refused_in_scikit_learns_words(name, kind):
    """Calls out of turn or with another width: type and text of the error are scikit-learn's."""
    X, y = iris()
    assert_same_error(name, lambda model: BAD_CALLS[kind](model, X, y))


@pytest.mark.skipif(not sklearn.__version__.startswith("1.9."), reason="words of scikit-learn 1.9")
@pytest.mark.parametrize("kind", BAD_CLASSIFIER_CALLS)
def test_bad_classes_are_refused_in_scikit_learns_words(kind):
    """Classes that do not fit those seen: type and text of the error are scikit-learn's."""
    X, y = iris()
    assert_same_error("MLPClassifier", lambda model: BAD_CLASSIFIER_CALLS[kind](model, X, y))


def test_unfitted_model_is_told_to_be_fitted():
    """NotFittedError, which is a ValueError too."""
    for name in CLASSES:
        with pytest.raises(NotFittedError, match=f"This {name} instance is not fitted yet"):
            getattr(rosenblatt, name)().predict([[1.0]])


def test_warm_start_with_another_number_of_outputs_is_refused():
    """A regressor of one output that is fitted warm on two: an error that names the shapes."""
    X, y = diabetes()
    model = rosenblatt.MLPRegressor((4,), warm_start=True, max_iter=1).fit(X, y)
    with pytest.raises(ValueError, match="outputs"):
        model.fit(X, np.column_stack([y, y]))
    with pytest.raises(ValueError, match="outputs"):
        model.partial_fit(X, np.column_stack([y, y]))


def test_warm_start_from_labels_to_indicators_is_refused():
    """A classifier that was fitted on a label a row cannot go on with an indicator matrix."""
    X, y = multilabel()
    model = rosenblatt.MLPClassifier((4,), warm_start=True, max_iter=1).fit(X, y[:, 0])
    with pytest.raises(ValueError, match="y"):
        model.fit(X, y)
    with pytest.raises(ValueError, match="y"):
        model.partial_fit(X, y)


@pytest.mark.parametrize("name", CLASSES)
def test_refused_call_leaves_a_fitted_model_as_it_was(name):
    """After an error the model still predicts, and what it remembers is unchanged."""
    X, y = iris()
    model = getattr(rosenblatt, name)((4,), max_iter=2, random_state=0).fit(X, y)
    before, remembered = model.predict(X), set(vars(model))
    for arguments in [
        (X[:, :2], y[:-1]),
        (with_value(X, np.nan), y),
        (X[:, :2], y, np.zeros(150)),
    ]:
        for method in ["fit", "partial_fit"]:
            with pytest.raises(ValueError):  # noqa: PT011 (any of them)
                getattr(model, method)(*arguments)
    np.testing.assert_array_equal(model.predict(X), before)
    assert set(vars(model)) == remembered
    assert model.n_features_in_ == 4


@pytest.mark.parametrize("sizes", [(10**6, 10**9), (10**18,), 10**30, (2**31, 2**31), (2**62, 4)])
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_network_too_large_for_memory_is_a_memory_error(sizes, solver):
    """MemoryError before anything of that size is tried; not a crash, not an overflow."""
    for name in CLASSES:
        with pytest.raises(MemoryError):
            getattr(rosenblatt, name)(sizes, solver=solver).fit(*iris())


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_activations_too_large_for_memory_are_a_memory_error(solver, monkeypatch):
    """Outputs and deltas of 150 rows count too: here 1.2 GB, the parameters 0.2 to 0.8."""
    monkeypatch.setattr("rosenblatt._memory.memory_of_this_machine", lambda: 2**30)
    with pytest.raises(MemoryError, match="hidden_layer_sizes"):
        rosenblatt.MLPClassifier((500_000,), solver=solver).fit(*iris())


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize(
    ("parameters", "copies"),
    [({}, 2), ({"penalty": "l2"}, 2), ({"penalty": "l1"}, 3), ({"average": True}, 5)],
)
def test_perceptron_too_large_for_memory_is_a_memory_error(method, parameters, copies, monkeypatch):
    """Every class has a weight for each feature, kept so many times; the largest CSR matrix too."""
    model = rosenblatt.PerceptronClassifier(max_iter=1, **parameters)
    y = np.arange(40) % 3
    arguments = {"classes": [0, 1, 2]} if method == "partial_fit" else {}
    X = sparse.csr_matrix((40, 2**31 - 1))
    monkeypatch.setattr("rosenblatt._memory.memory_of_this_machine", lambda: 2**35)
    with pytest.raises(MemoryError, match=r"2,147,483,647 features and y has 3 classes"):
        getattr(model, method)(X, y, **arguments)
    assert "coef_" not in vars(model)
    X = sparse.csr_matrix((40, 1000))
    monkeypatch.setattr(
        "rosenblatt._memory.memory_of_this_machine", lambda: copies * 3 * 1000 * 8 - 1
    )
    with pytest.raises(MemoryError):
        getattr(model, method)(X, y, **arguments)
    monkeypatch.setattr("rosenblatt._memory.memory_of_this_machine", lambda: copies * 3 * 1000 * 8)
    getattr(model, method)(X, y, **arguments)


# divergence ------------------------------------------------------------------------------------

DIVERGING = {
    "activation": "identity",
    "hidden_layer_sizes": (5,),
    "solver": "sgd",
    "learning_rate_init": 10.0,
    "batch_size": 50,
    "random_state": 0,
    "max_iter": 400,
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n_outputs", [1, 2])
def test_diverging_fit_raises_scikit_learns_sentence_and_advice(dtype, n_outputs):
    """The ValueError begins with scikit-learn's sentence and adds what to change."""
    X, y = diabetes()
    if n_outputs == 2:
        y = np.column_stack([y, y])
    model = rosenblatt.MLPRegressor(**DIVERGING, dtype=dtype)
    with pytest.raises(ValueError, match="learning_rate_init") as error:
        model.fit(X, y)
    assert str(error.value).startswith(NON_FINITE)
    assert len(str(error.value)) > len(NON_FINITE) + 20
    assert not hasattr(model, "coefs_")


def test_diverging_partial_fit_raises_too():
    """partial_fit checks its weights after every call."""
    X, y = diabetes()
    model = rosenblatt.MLPRegressor(**DIVERGING)

    def train():
        for _ in range(400):
            model.partial_fit(X, y)

    with pytest.raises(ValueError, match="^" + NON_FINITE[:40]):
        train()
    assert all(np.isfinite(array).all() for array in model.coefs_ + model.intercepts_)


def test_lbfgs_without_a_finite_loss_warns():
    """Targets whose square is beyond float64: lbfgs takes no step, warns as scikit-learn does."""
    X, y = diabetes()
    model = rosenblatt.MLPRegressor((5,), solver="lbfgs", random_state=0)
    with pytest.warns(ConvergenceWarning, match="lbfgs failed to converge after 0 iteration"):
        model.fit(X, y * 1e200)
    assert np.isfinite(model.coefs_[0]).all()


def test_diverging_warm_fit_leaves_the_model_as_it_was():
    """A fit that diverges costs no fitted model."""
    X, y = diabetes()
    model = rosenblatt.MLPRegressor((5,), random_state=0, warm_start=True, max_iter=3).fit(X, y)
    before = model.predict(X)
    with pytest.raises(ValueError, match="non-finite"):
        model.set_params(**DIVERGING).fit(X, y)
    np.testing.assert_array_equal(model.set_params(activation="relu").predict(X), before)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_diverging_fit_with_early_stopping_warns_and_keeps_the_best_weights(dtype):
    """A warning, NaN in validation_scores_, and the weights of the epoch that scored best."""
    X, y = diabetes()
    params = DIVERGING | {"early_stopping": True, "n_iter_no_change": 1000, "momentum": 0}
    params |= {"learning_rate_init": 0.5, "validation_fraction": 0.2}
    model = rosenblatt.MLPRegressor(**params, dtype=dtype)
    with pytest.warns(UserWarning, match="non-finite"):
        model.fit(X, y)
    scores = np.array(model.validation_scores_)
    assert np.isnan(scores[-1])
    assert np.isfinite(scores[0])
    best = int(np.nanargmax(scores))
    assert model.best_validation_score_ == scores[best]
    assert np.isfinite(model.predict(X)).all()
    # scikit-learn, stopped at the best epoch, has these weights
    params |= {"max_iter": best + 1}
    theirs = neural_network.MLPRegressor(**params).fit(X.astype(dtype), y)
    # float32: the weights grow at every step, and so does a rounding of 6e-8
    tolerance = {"float32": 1e-3, "float64": 1e-8}[dtype]
    for a, b in zip(model.coefs_, theirs.coefs_, strict=True):
        assert_close(a, b, tolerance, "coefs_")


def test_fit_that_diverges_before_it_scored_raises():
    """The initial weights are not the best of anything; the estimator stays as it was."""
    X, y = diabetes()
    params = DIVERGING | {"early_stopping": True, "learning_rate_init": 1e9}
    model = rosenblatt.MLPRegressor(**params)
    with pytest.raises(ValueError, match="non-finite"):
        model.fit(X, y)
    assert not hasattr(model, "coefs_")


# Ctrl-C ----------------------------------------------------------------------------------------


def fit_interrupted(model, X, y, seconds=0.4):
    """Fits and sends this process SIGINT after a while."""
    timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT))
    try:
        timer.start()
        with pytest.warns(UserWarning, match=r"^Training interrupted by user\.$"):
            model.fit(X, y)
    except KeyboardInterrupt:
        pytest.fail("Ctrl-C came out of fit")
    finally:
        timer.cancel()
        timer.join()


ENDLESS = {
    "hidden_layer_sizes": (20,),
    "max_iter": 10**8,
    "tol": 0,
    "n_iter_no_change": np.inf,
    "random_state": 0,
}
needs_sigint = pytest.mark.skipif(os.name == "nt", reason="os.kill ends the process on Windows")


@needs_sigint
@pytest.mark.parametrize("name", CLASSES)
def test_ctrl_c_stops_and_keeps_the_weights_so_far(name):
    """fit, which would not end, warns, and the model is that of the epochs it counted."""
    X, y = breast_cancer()
    model = getattr(rosenblatt, name)(**ENDLESS)
    fit_interrupted(model, X, y)
    assert len(model.loss_curve_) == model.n_iter_
    # interrupted between an epoch and its bookkeeping there is one more in the weights
    candidates = [
        getattr(rosenblatt, name)(**ENDLESS | {"max_iter": model.n_iter_ + extra}).fit(X, y)
        for extra in (0, 1)
    ]
    assert any(
        all(np.array_equal(a, b) for a, b in zip(model.coefs_, whole.coefs_, strict=True))
        for whole in candidates
    )
    np.testing.assert_array_equal(model.loss_curve_, candidates[0].loss_curve_)
    assert model.score(X, y) > 0.5


@needs_sigint
def test_ctrl_c_with_early_stopping_keeps_the_best_weights():
    """Interrupted training restores the weights that scored best, as training that ends does."""
    X, y = breast_cancer()
    model = rosenblatt.MLPClassifier(**ENDLESS, early_stopping=True)
    fit_interrupted(model, X, y)
    best = int(np.argmax(model.validation_scores_))
    stopped = rosenblatt.MLPClassifier(**ENDLESS | {"max_iter": best + 1}, early_stopping=True)
    stopped.fit(X, y)
    for a, b in zip(model.coefs_, stopped.coefs_, strict=True):
        np.testing.assert_array_equal(a, b)


@needs_sigint
def test_ctrl_c_stops_lbfgs_and_keeps_the_best_weights():
    """Those of the iteration in which it was pressed."""
    X, y = diabetes()
    model = rosenblatt.MLPRegressor((20,), solver="lbfgs", random_state=0, max_iter=3).fit(X, y)
    best = model.coefs_

    def press(record, estimator):
        if record.epoch == 3:
            signal.raise_signal(signal.SIGINT)

    with pytest.warns(UserWarning, match=r"^Training interrupted by user\.$"):
        model.set_params(callbacks=[press], max_iter=1000).fit(X, y)
    assert model.n_iter_ == 3
    np.testing.assert_array_equal(model.coefs_[0], best[0])


@needs_sigint
def test_ctrl_c_leaves_lbfgs_the_lowest_loss_it_met(monkeypatch):
    """Not that of the last point: a line search tries bad ones, and overwrites its vector."""

    def search(objective, start, **options):
        vector = start.copy()
        objective(vector)
        vector *= 100
        objective(vector)
        signal.raise_signal(signal.SIGINT)
        objective(vector)

    X, y = diabetes()
    model = rosenblatt.MLPRegressor((4,), solver="lbfgs", random_state=0, max_iter=1)
    start = model.set_params(tol=1e9).fit(X, y)
    coefs, loss = start.coefs_, start.loss_
    monkeypatch.setattr("scipy.optimize.minimize", search)
    with pytest.warns(UserWarning, match="interrupted"):
        model.fit(X, y)
    assert model.loss_ == loss
    np.testing.assert_array_equal(model.coefs_[0], coefs[0])


class Interrupts:
    """In place of an Interruption: asks for the end, or raises, at the third look."""

    def __init__(self, error=None):
        self.n_looks, self.error = 0, error

    def __call__(self, **options):
        return contextlib.nullcontext(self)

    @property
    def requested(self):
        self.n_looks += 1
        if self.n_looks >= 3 and self.error is not None:
            raise self.error
        return self.n_looks >= 3


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_ctrl_c_ends_a_long_epoch_between_two_steps(n_jobs, monkeypatch):
    """What is left is a fit to the rows that were seen, and all counters say so."""
    random = np.random.RandomState(0)
    X, y = random.normal(size=(1000, 20)), np.arange(1000) % 3
    options = {"hidden_layer_sizes": (500, 500), "batch_size": 100, "shuffle": False}
    options |= {"random_state": 0, "warm_start": "optimizer", "n_jobs": n_jobs}
    model = rosenblatt.MLPClassifier(**options)
    monkeypatch.setattr(_training, "Interruption", Interrupts())
    with pytest.warns(UserWarning, match="interrupted"):
        model.fit(X, y)
    monkeypatch.undo()
    assert (model.t_, model.n_iter_, len(model.loss_curve_)) == (300, 1, 1)
    seen = rosenblatt.MLPClassifier(**options, max_iter=1).fit(X[:300], y[:300])
    assert_same_bits(model, seen)
    assert model.loss_ == seen.loss_
    assert model._optimizer.n_scheduled == model._optimizer.n_steps == 3
    before = dict(vars(model))
    monkeypatch.setattr(_training, "Interruption", Interrupts(KeyboardInterrupt("here")))
    with pytest.raises(KeyboardInterrupt, match="here"):
        model.fit(X, y)
    assert vars(model) == before


@needs_sigint
def test_a_second_ctrl_c_raises_at_once():
    """The first is noted; both are gone with the block."""
    before = signal.getsignal(signal.SIGINT)
    with Interruption() as interruption:
        assert not interruption.requested
        signal.raise_signal(signal.SIGINT)
        assert interruption.requested
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


@needs_sigint
@pytest.mark.parametrize("name", ["MLPClassifier", "PerceptronClassifier"])
def test_ctrl_c_ends_a_loop_of_partial_fit(name, monkeypatch):
    """It comes out of the call, which leaves the model as it was: none is swallowed."""
    (X, y), model = iris(), getattr(rosenblatt, name)(random_state=0, verbose=1)
    model.partial_fit(X, y, classes=[0, 1, 2])
    before = dict(vars(model))
    monkeypatch.setattr("builtins.print", lambda *_, **__: signal.raise_signal(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        model.partial_fit(X, y)
    assert vars(model) == before


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, RuntimeError])
@pytest.mark.parametrize("warm_start", [False, True, "optimizer"])
@pytest.mark.parametrize("name", CLASSES)
def test_what_comes_out_of_a_callback_leaves_the_fitted_model_as_it_was(name, warm_start, error):
    """Whatever it is, and epochs after training began: weights, history, all of it."""
    X, y = iris()

    def fail(record, estimator):
        if record.epoch % 5 == 3:
            raise error("here")

    model = getattr(rosenblatt, name)((4,), max_iter=5, random_state=0, warm_start=warm_start)
    model.fit(X, y)
    before, kept = copy.deepcopy(vars(model)), dict(vars(model))
    with pytest.raises(error, match="here"):
        model.set_params(callbacks=[fail]).fit(X, y)
    model.set_params(callbacks=None)
    assert all(value is kept[name] for name, value in vars(model).items())
    assert set(vars(model)) == set(before)
    assert {len(column) for column in model.history_.values()} == {5}
    assert model.history_["loss"] == before["history_"]["loss"]
    assert model.loss_curve_ == before["loss_curve_"]
    for ours, theirs in zip(model.coefs_, before["coefs_"], strict=True):
        np.testing.assert_array_equal(ours, theirs)


@needs_sigint
def test_model_can_be_trained_on_after_ctrl_c():
    """partial_fit and a warm fit go on from an interrupted fit."""
    X, y = breast_cancer()
    model = rosenblatt.MLPClassifier(**ENDLESS)
    fit_interrupted(model, X, y, seconds=0.2)
    n_epochs = len(model.loss_curve_)
    model.partial_fit(X, y)
    model.set_params(warm_start=True, max_iter=2).fit(X, y)
    assert len(model.loss_curve_) == n_epochs + 3


# numbers too large and too small ----------------------------------------------------------------

HUGE = 10**309
CALLS_WITH_HUGE = {
    "X": lambda model, X, y: model.fit([[HUGE, *row[1:]] for row in X.tolist()], y),
    "X ": lambda model, X, y: model.fit(X, y).predict([[HUGE] * 4]),
    "sample_weight": lambda model, X, y: model.fit(X, y, sample_weight=[HUGE] * len(y)),
    "sample_weight ": lambda model, X, y: model.fit(X, y, sample_weight=HUGE),
}


@pytest.mark.parametrize("what", CALLS_WITH_HUGE)
@pytest.mark.parametrize("name", [*CLASSES, "PerceptronClassifier"])
def test_integers_beyond_floats_are_named(name, what):
    """ValueError, not Python's OverflowError, which says neither what nor where."""
    with pytest.raises(ValueError, match=rf"^{what.strip()} .*beyond 1\.8e\+308"):
        CALLS_WITH_HUGE[what](getattr(rosenblatt, name)(max_iter=2), *iris())


@pytest.mark.parametrize("early_stopping", [False, True])
def test_patience_may_be_any_integer(early_stopping):
    """n_iter_no_change has no upper limit: no OverflowError in training."""
    options = {"n_iter_no_change": HUGE, "early_stopping": early_stopping, "max_iter": 3}
    with pytest.warns(ConvergenceWarning):
        assert rosenblatt.MLPClassifier((4,), **options).fit(*iris()).n_iter_ == 3


def test_target_beyond_floats_is_named():
    """Of classes scikit-learn says that the type of label is not known."""
    with pytest.raises(ValueError, match=r"y has an integer beyond 1\.8e\+308"):
        rosenblatt.MLPRegressor().fit(iris()[0], [HUGE] * 150)


@pytest.mark.parametrize("name", ["MLPClassifier", "PerceptronClassifier"])
def test_class_weight_beyond_floats_is_refused(name):
    """By the parameter's name."""
    with pytest.raises(ValueError, match="class_weight"):
        getattr(rosenblatt, name)(class_weight={0: HUGE}).fit(*iris())


@pytest.mark.parametrize("name", ["max_iter", "n_iter_no_change", "average"])
def test_perceptron_takes_integers_beyond_an_index_as_never(name):
    """As if it were the largest index, which nobody lives to see."""
    X, y = iris()
    fits = [
        rosenblatt.PerceptronClassifier(**({"max_iter": 9, "tol": 1e-3} | {name: value}))
        for value in (10**30, 2**62)
    ]
    ours, theirs = (model.fit(X[y < 2], y[y < 2]) for model in fits)
    np.testing.assert_array_equal(ours.coef_, theirs.coef_)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", CLASSES)
def test_weights_too_small_to_be_felt_are_refused(name, dtype):
    """Training takes subnormal numbers as 0: it would make no step, without a word.

    Larger ones train as ones do, since without a penalty only their ratios matter.
    """
    X, y = iris()[0].astype(dtype), iris()[1]
    number = np.finfo(dtype)
    model = getattr(rosenblatt, name)((3,), alpha=0, max_iter=3, random_state=0)
    for weight in (number.smallest_subnormal, number.tiny / 2, number.tiny):
        with pytest.raises(ValueError, match=f"too small for {np.dtype(dtype)}"):
            model.fit(X, y, sample_weight=np.full(150, weight))
    plain = model.fit(X, y).loss_curve_
    least = 2.0 ** np.ceil(np.log2(number.tiny / number.eps))
    weighted = model.fit(X, y, sample_weight=np.full(150, least)).loss_curve_
    np.testing.assert_allclose(weighted, plain, rtol=100 * number.eps)
    assert plain[-1] < plain[0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", [*CLASSES, "PerceptronClassifier"])
def test_some_weights_too_small_to_be_felt_are_told_of(name, dtype):
    """They count as 0 beside larger ones, also those that float32 rounds to 0: the fit is that
    with zeros. The perceptron, which has no gradients, refuses weights below the smallest number
    alone."""
    X, y = iris()
    X, number = X.astype(dtype), np.finfo(dtype)
    options = {"max_iter": 3, "random_state": 0}
    if name == "PerceptronClassifier":
        model = rosenblatt.PerceptronClassifier(tol=None, **options)
        model.fit(X, y, sample_weight=np.full(150, number.tiny))
        with pytest.raises(ValueError, match=f"too small for {np.dtype(dtype)}"):
            model.fit(X, y, sample_weight=np.full(150, number.tiny / 2))
    else:
        model = getattr(rosenblatt, name)((3,), batch_size=10, **options)
    weights = np.ones(150)
    weights[::3], weights[1::30] = number.tiny / 2, 1e-310
    message = rf"^55 of sample_weight are below {number.tiny:.3g}, .*count as 0"
    with pytest.warns(UserWarning, match=message):
        found = pickle.loads(pickle.dumps(model.fit(X, y, sample_weight=weights)))
    weights[weights < 1] = 0
    model.fit(X, y, sample_weight=weights)
    np.testing.assert_array_equal(found.predict(X), model.predict(X))
    for array in ("coef_", "intercept_") if hasattr(model, "coef_") else ("loss_curve_",):
        np.testing.assert_array_equal(getattr(found, array), getattr(model, array))


# text where numbers are needed ------------------------------------------------------------------


def frame_with(kind, **columns):
    columns = {"age": np.arange(6.0), **columns}
    return pytest.importorskip(kind, reason="of frames").DataFrame(columns)


@pytest.mark.parametrize("kind", ["pandas", "polars", "array", "list"])
@pytest.mark.parametrize("name", [*CLASSES, "PerceptronClassifier"])
def test_text_in_rows_is_told_by_its_column(name, kind):
    """In fit and predict, with what takes such a table."""
    words = {"city": ["Rome", "Oslo"] * 3, "sex": ["m"] * 6}
    if named := kind in ("pandas", "polars"):
        X, rows = frame_with(kind, **words), frame_with(kind, age=["old"] * 6)
        plain = frame_with(kind)
    else:
        X = np.array([np.arange(6.0), *words.values()], dtype=object).T
        X, rows, plain = X if kind == "array" else X.tolist(), [["old"]], np.arange(6.0)[:, None]
    model, y = getattr(rosenblatt, name)(max_iter=1), [0, 1] * 3
    columns = ["city", "sex"] if named else [1, 2]
    table = "TabularMLPRegressor" if name == "MLPRegressor" else "TabularMLPClassifier"
    message = (
        rf"Column {columns[0]!r} of X holds text, 'Rome' for example \(also {columns[1]!r}\), and "
        rf"{name} takes numbers only\. {table} .*"
        rf"handle_unknown='ignore'\), {re.escape(repr(columns))}\).*{name}\(\)"
    )
    with pytest.raises(ValueError, match=message):
        model.fit(X, y)
    with pytest.raises(ValueError, match=r"Column ('age'|0) of X holds text, 'old' for example"):
        model.fit(plain, y).predict(rows)


def test_text_of_one_dimension_is_told():
    """Ragged lists keep their own message."""
    with pytest.raises(ValueError, match="Column 0 of X holds text, 'x' for example"):
        rosenblatt.MLPClassifier().fit(["x"] * 6, [0, 1] * 3)
    with pytest.raises(ValueError, match="inhomogeneous"):
        rosenblatt.MLPClassifier().fit([[1], [2, 3]] * 3, [0, 1] * 3)


def test_dates_and_containers_in_rows_are_told_by_their_column():
    """Each kind of thing by its name; a container is a TypeError, as in scikit-learn."""
    dates = np.arange(6).astype("M8[D]").astype("M8[s]")
    with pytest.raises(ValueError, match="Column 'day' of X holds dates"):
        rosenblatt.MLPClassifier().fit(frame_with("pandas", day=dates), [0, 1] * 3)
    with pytest.raises(TypeError, match=r"Column 'd' of X holds a list, \[1\] .*or drop 'd'"):
        rosenblatt.MLPClassifier().fit(frame_with("pandas", d=[[1]] * 6), [0, 1] * 3)


@pytest.mark.parametrize("as_target", [np.array, list, "Series"])
@pytest.mark.parametrize("name", ["MLPRegressor", "TabularMLPRegressor"])
def test_text_in_the_target_of_a_regressor_names_the_classifier(name, as_target):
    """Arrays of text, and of objects."""
    if as_target == "Series":
        as_target = pytest.importorskip("pandas", reason="of frames").Series
    classifier = name.replace("Regressor", "Classifier")
    message = f"y must hold numbers, got text, 'low' for example.*use {classifier}"
    with pytest.raises(ValueError, match=message):
        getattr(rosenblatt, name)().fit(np.zeros((6, 1)), as_target(["low", "high"] * 3))


# matrices that point outside themselves ---------------------------------------------------------


def broken_csr(how):
    """A CSR matrix that scipy makes without a look at its parts."""
    X = sparse.random_array((40, 6), density=0.5, format="csr", rng=0)
    if how == "index too large":
        X.indices[5] = 10**9
    elif how == "index negative":
        X.indices[5] = -1
    elif how == "indptr decreases":
        X.indptr[3], X.indptr[4] = X.indptr[4] + 2, X.indptr[3]
    else:
        X.indptr[-1] = len(X.data) + 100
    return X


@pytest.mark.parametrize(
    "how", ["index too large", "index negative", "indptr decreases", "indptr too long"]
)
@pytest.mark.parametrize("name", [*CLASSES, "PerceptronClassifier"])
def test_csr_that_points_outside_itself_is_refused(name, how):
    """Kernels read and write where a matrix says; one that lies is a ValueError, not a crash."""
    with pytest.raises(ValueError, match=r"CSR|ind|index"):
        getattr(rosenblatt, name)(max_iter=2).fit(broken_csr(how), np.arange(40) % 2)


@pytest.mark.parametrize(
    "how", ["index too large", "index negative", "indptr decreases", "indptr too long"]
)
@pytest.mark.parametrize("name", [*CLASSES, "PerceptronClassifier"])
def test_csr_that_points_outside_itself_is_refused_at_predict(name, how):
    """Predictions check it as well: the perceptron's are scipy's product, which does not."""
    model = getattr(rosenblatt, name)(max_iter=1).fit(np.eye(40, 6), np.arange(40) % 2)
    with pytest.raises(ValueError, match="valid CSR matrix"):
        model.predict(broken_csr(how))


def test_csr_that_changes_while_it_is_trained_on_is_read_as_it_was_checked():
    """A callback can write to X; what tells the kernels where to read is theirs alone."""
    X, y = sparse.random_array((40, 6), density=0.5, format="csr", rng=0), np.arange(40) % 2

    def corrupt(record, estimator):
        X.indices[:] = 0
        X.indptr[1:-1] = 0

    parameters = {"hidden_layer_sizes": (3,), "max_iter": 3, "random_state": 0}
    untouched = rosenblatt.MLPClassifier(**parameters).fit(X.copy(), y)
    touched = rosenblatt.MLPClassifier(**parameters, callbacks=[corrupt]).fit(X, y)
    for ours, theirs in zip(touched.coefs_, untouched.coefs_, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def misaligned(array):
    """A copy of it that begins one byte off."""
    copy = np.empty(array.nbytes + 1, np.uint8)[1:].view(array.dtype)
    copy[:] = array
    return copy


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("index_dtype", [np.int32, np.int64])
def test_parts_of_a_csr_matrix_are_aligned_and_places_are_copies(dtype, index_dtype):
    """Misaligned numbers are undefined behaviour in C; places that change after a check, a crash.

    Values may be shared: wherever they lead, it is to a wrong number and not out of memory.
    """
    X = sparse.random_array((40, 6), density=0.5, format="csr", dtype=dtype, rng=0)
    X.indices, X.indptr = X.indices.astype(index_dtype), X.indptr.astype(index_dtype)
    assert np.shares_memory(csr_parts(X)[0], X.data)
    X.data, X.indices, X.indptr = map(misaligned, (X.data, X.indices, X.indptr))
    assert not X.data.flags.aligned
    values, columns, starts = csr_parts(X)
    assert all(part.flags.aligned for part in (values, columns, starts))
    assert not np.shares_memory(columns, X.indices)
    assert not np.shares_memory(starts, X.indptr)
    copy = sparse.csr_array((values, columns, starts), shape=X.shape)
    np.testing.assert_array_equal(copy.toarray(), X.toarray())


@pytest.mark.parametrize(("text", "limit"), [("1073741824\n", 2**30), ("max\n", None)])
def test_limit_of_a_control_group_counts(text, limit, monkeypatch):
    """A container has less memory than its machine; "max" is no limit."""
    read_text = Path.read_text

    def read(path, *arguments, **options):
        if path == Path("/sys/fs/cgroup/memory.max"):
            return text
        return read_text(path, *arguments, **options)

    monkeypatch.setattr(Path, "read_text", read)
    monkeypatch.setattr("os.sysconf", lambda name: {"SC_PHYS_PAGES": 2**22}.get(name, 4096))
    assert _memory.memory_of_this_machine.__wrapped__() == (limit or 2**34)


def test_unknown_amount_of_memory_refuses_nothing(monkeypatch):
    """Some systems answer -1 when asked for their memory."""
    ask = os.sysconf
    monkeypatch.setattr("os.sysconf", lambda name: -1 if name == "SC_PHYS_PAGES" else ask(name))
    rosenblatt.MLPRegressor((2,), max_iter=1).fit(np.eye(4), np.arange(4.0))
