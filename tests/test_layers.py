"""Estimators with dropout and noise: what whole fits promise of them."""

import copy
import pickle

import numpy as np
import pytest
from problems import assert_same_bits, diabetes, digits, iris
from scipy import sparse
from sklearn.base import clone

from rosenblatt import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

LAYERS = {
    "dropout": {"dropout": 0.2},
    "a rate each": {"dropout": [0.0, 0.3]},
    "inputs": {"input_dropout": 0.1, "input_noise": 0.1},
}
EACH = pytest.mark.parametrize("options", LAYERS.values(), ids=LAYERS.keys())


def small(options, **params):
    """A classifier of iris with these layers."""
    defaults = {"hidden_layer_sizes": (20, 10), "random_state": 0, "max_iter": 20, "batch_size": 32}
    return MLPClassifier(**defaults | {"learning_rate_init": 0.02} | options | params)


def parameters_of(model):
    """All arrays that a prediction depends on."""
    return [*model.coefs_, *model.intercepts_]


@EACH
def test_learns_and_changes_the_model(options):
    """Flowers are told apart, by another model than the plain one."""
    X, y = iris()
    model = small(options, max_iter=60).fit(X, y)
    assert model.score(X, y) > 0.93
    plain = small({}, max_iter=60).fit(X, y)
    assert not np.array_equal(model.coefs_[0], plain.coefs_[0])


@EACH
def test_same_seed_same_bits(options):
    """For any number of threads, with NumPy's own random state, and not for another seed."""
    X, y = digits()
    layers = {"hidden_layer_sizes": (200, 100), "max_iter": 3, "batch_size": 200}
    model = small(options, **layers).fit(X, y)
    assert_same_bits(small(options, **layers, n_jobs=2).fit(X, y), model)
    assert_same_bits(
        small(options, **layers).set_params(random_state=np.random.RandomState(0)).fit(X, y), model
    )
    other = small(options, **layers).set_params(random_state=1).fit(X, y)
    assert not np.array_equal(other.coefs_[0], model.coefs_[0])


@EACH
def test_copies_predict_the_same(options):
    """Pickles, deep copies, and clones fitted anew."""
    X, y = iris()
    model = small(options).fit(X, y)
    for twin in (
        pickle.loads(pickle.dumps(model)),
        copy.deepcopy(model),
        copy.copy(model),
        clone(model).fit(X, y),
    ):
        np.testing.assert_array_equal(twin.predict_proba(X), model.predict_proba(X))


@EACH
def test_partial_fit_goes_on_from_a_pickle(options):
    """Moments and counters are in it: the next call gives what it would have given."""
    X, y = iris()
    model = small(options)
    for _ in range(3):
        model.partial_fit(X, y, classes=[0, 1, 2])
    twin = pickle.loads(pickle.dumps(model))
    for one in (model, twin):
        one.partial_fit(X, y)
    for ours, theirs in zip(parameters_of(model), parameters_of(twin), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    for _ in range(40):
        model.partial_fit(X, y)
    assert model.score(X, y) > 0.93


@EACH
def test_warm_start_goes_on(options):
    """From the parameters of the last fit: a rate of nothing leaves its predictions."""
    X, y = iris()
    model = small(options, warm_start=True).fit(X, y)
    before = [array.copy() for array in model.coefs_]
    model.set_params(learning_rate_init=1e-30, max_iter=1).fit(X, y)
    for ours, theirs in zip(model.coefs_, before, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)


@EACH
def test_early_stopping_keeps_the_best(options):
    """The score on the validation rows of the model returned is the best one seen."""
    X, y = digits(600)
    model = small(
        options, hidden_layer_sizes=(30, 20), early_stopping=True, n_iter_no_change=3, max_iter=60
    )
    model.set_params(validation_fraction=0.5).fit(X, y)
    assert model.best_validation_score_ == max(model.validation_scores_)
    validation = validation_rows(model, X, y)
    assert model.score(X[validation], y[validation]) == pytest.approx(
        model.best_validation_score_, abs=1e-12
    )


def validation_rows(model, X, y):
    """The rows that a fit of this model set aside: the split follows the draws before it."""
    from rosenblatt import _training

    rows, split = [], _training.split_rows

    def remember(*args):
        rows.append(split(*args))
        return rows[-1]

    _training.split_rows = remember
    try:
        again = clone(model).fit(X, y)
    finally:
        _training.split_rows = split
    assert_same_bits(again, model)
    return rows[0][1]


@EACH
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_regression_in_both_precisions(options, dtype):
    """Fitted arrays are of the precision, X is as it was."""
    X, y = diabetes()
    before = X.copy()
    model = MLPRegressor(
        (20, 10), random_state=0, max_iter=50, learning_rate_init=0.01, dtype=dtype, **options
    ).fit(X, y)
    assert model.score(X, y) > 0.4
    assert {array.dtype for array in parameters_of(model)} == {np.dtype(dtype)}
    np.testing.assert_array_equal(X, before)


# -- what is refused ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dropout": [0.5]}, r"dropout must be one rate, or one for each of the 2 hidden layers"),
        ({"dropout": [0.5, 1.0]}, r"dropout must hold numbers in the range \[0, 1\), got \[0.5, 1"),
        ({"dropout": [0.5, "a"]}, r"dropout must hold numbers in the range \[0, 1\)"),
        ({"dropout": [[0.5, 0.5], [0.5]]}, r"dropout must hold numbers in the range \[0, 1\)"),
        ({"dropout": 0.5, "solver": "lbfgs"}, "dropout=0.5 makes the loss.*solver='lbfgs'"),
        ({"input_dropout": 0.5, "solver": "lbfgs"}, "input_dropout=0.5 makes.*'adam'"),
        ({"input_noise": 0.5, "solver": "lbfgs"}, "input_noise=0.5 makes.*'sgd'"),
    ],
)
def test_what_makes_no_sense_is_refused(options, message):
    """Before the data are looked at."""
    with pytest.raises(ValueError, match=message):
        small(options).fit(None, None)


def test_sparse_inputs_take_dropout_of_hidden_layers_only():
    """Noise would fill them."""
    X, y = iris()
    assert small({"dropout": 0.2}, max_iter=60).fit(sparse.csr_array(X), y).score(X, y) > 0.9
    for name in ("input_dropout", "input_noise"):
        with pytest.raises(ValueError, match=rf"{name}=0.5 takes a dense X.*toarray\(\)"):
            small({name: 0.5}).fit(sparse.csr_array(X), y)


def test_rates_of_zero_are_no_dropout():
    """Nothing is drawn for them: the model is the plain one, also with lbfgs."""
    X, y = iris()
    for solver in ("adam", "lbfgs"):
        plain = small({}, solver=solver).fit(X, y)
        zeros = small({"dropout": np.zeros(2), "input_dropout": 0, "input_noise": 0.0})
        assert_same_bits(zeros.set_params(solver=solver).fit(X, y), plain)


@pytest.mark.parametrize("hidden", [(), (3,)])
def test_one_rate_serves_any_number_of_hidden_layers(hidden):
    """None included."""
    small({"dropout": 0.1}, hidden_layer_sizes=hidden).fit(*iris())
