"""Estimators with normalisation, dropout and noise: properties of whole fits."""

import copy
import pickle

import numpy as np
import pytest
from problems import assert_same_bits, diabetes, digits, iris
from scipy import sparse
from scipy.special import softmax
from sklearn.base import clone

from rosenblatt import MLPClassifier, MLPRegressor
from rosenblatt._architecture import NORMALIZATION_ATTRIBUTES
from rosenblatt.core.epochs import RowOrder, train_epochs
from rosenblatt.core.examples import Examples
from rosenblatt.core.network import Network

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

LAYERS = {
    "dropout": {"dropout": 0.2},
    "a rate each": {"dropout": [0.0, 0.3]},
    "inputs": {"input_dropout": 0.1, "input_noise": 0.1},
    "batch": {"normalization": "batch"},
    "layer": {"normalization": "layer"},
    "everything": {"normalization": "batch", "dropout": 0.1, "input_noise": 0.1},
}
EACH = pytest.mark.parametrize("options", LAYERS.values(), ids=LAYERS.keys())


def small(options, **params):
    """A classifier of iris with these layers."""
    defaults = {"hidden_layer_sizes": (20, 10), "random_state": 0, "max_iter": 20, "batch_size": 32}
    return MLPClassifier(**defaults | {"learning_rate_init": 0.02} | options | params)


def parameters_of(model):
    """All arrays that a prediction depends on."""
    names = ("coefs_", "intercepts_", *NORMALIZATION_ATTRIBUTES[model.normalization])
    return [array for name in names for array in getattr(model, name)]


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
    before = [array.copy() for array in parameters_of(model)]
    model.set_params(learning_rate_init=1e-30, max_iter=1).fit(X, y)
    for i, (ours, theirs) in enumerate(zip(parameters_of(model), before, strict=True)):
        if i < 10:  # running statistics, the last, follow the batches whatever the rate
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)
    assert model.score(X, y) > 0.8


@EACH
def test_early_stopping_keeps_the_best(options):
    """The score on the validation rows of the model returned is the best one seen."""
    X, y = digits(600)
    model = small(
        options, hidden_layer_sizes=(30, 20), early_stopping=True, n_iter_no_change=3, max_iter=60
    )
    model.fit(X[:300], y[:300], X_val=X[300:], y_val=y[300:])
    assert model.best_validation_score_ == max(model.validation_scores_)
    assert model.validation_scores_[-1] < model.best_validation_score_
    assert model.score(X[300:], y[300:]) == pytest.approx(model.best_validation_score_, abs=1e-12)


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
        ({"dropout": [0.5, 1.0]}, r"dropout must be numbers in the range \[0, 1\), got \[0.5, 1"),
        ({"dropout": [0.5, "a"]}, r"dropout must be numbers in the range \[0, 1\)"),
        ({"dropout": [[0.5, 0.5], [0.5]]}, r"dropout must be numbers in the range \[0, 1\)"),
        (
            {"normalization": "batch", "solver": "lbfgs"},
            r"normalization='batch' needs mini-batches, which solver='lbfgs' does not use: use "
            r"normalization='layer'",
        ),
        (
            {"normalization": "batch", "batch_size": 1},
            r"normalization='batch' needs a batch_size of at least 2, got batch_size=1",
        ),
        ({"dropout": 0.5, "solver": "lbfgs"}, "dropout=0.5 makes the loss.*solver='lbfgs'"),
        ({"input_dropout": 0.5, "solver": "lbfgs"}, "input_dropout=0.5 makes.*'adam'"),
        ({"input_noise": 0.5, "solver": "lbfgs"}, "input_noise=0.5 makes.*'sgd'"),
    ],
)
def test_what_makes_no_sense_is_refused(options, message):
    """Before the data are looked at."""
    with pytest.raises(ValueError, match=message):
        small(options).fit(None, None)


def test_dropout_of_sparse_inputs_is_that_of_their_dense_copy():
    """The same models to rounding, in epochs of several batches, and X is left as it was."""
    X, y = digits()
    options = {"dropout": 0.2, "input_dropout": 0.3}
    stored = sparse.csr_array(X)
    before = stored.data.copy()
    one = small(options, max_iter=3, batch_size=300, alpha=1.0).fit(stored, y)
    other = small(options, max_iter=3, batch_size=300, alpha=1.0).fit(X, y)
    np.testing.assert_array_equal(stored.data, before)
    for ours, theirs in zip(one.coefs_, other.coefs_, strict=True):
        # 18 steps of rounding; Adam divides by what may be small gradients
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-9)


def test_noise_on_sparse_inputs_is_refused():
    """It would fill them."""
    X, y = iris()
    with pytest.raises(ValueError, match=r"input_noise=0.5 needs a dense X.*toarray\(\)"):
        small({"input_noise": 0.5}).fit(sparse.csr_array(X), y)


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


# -- normalisation -----------------------------------------------------------------------

NORMALIZED = pytest.mark.parametrize("normalization", ["batch", "layer"])


def predictions_by_formula(model, X):
    """The classifier's probabilities, from its attributes and the papers' formulas."""
    a = X
    for i, (W, b) in enumerate(zip(model.coefs_[:-1], model.intercepts_[:-1], strict=True)):
        z = a @ W + b
        if model.normalization == "batch":
            mean, variance = model.running_means_[i], model.running_variances_[i]
        else:
            mean, variance = z.mean(axis=1, keepdims=True), z.var(axis=1, keepdims=True)
        z = (z - mean) / np.sqrt(variance + 1e-5)
        a = np.maximum(model.normalization_scales_[i] * z + model.normalization_shifts_[i], 0)
    return softmax(a @ model.coefs_[-1] + model.intercepts_[-1], axis=1)


@NORMALIZED
@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_predictions_follow_from_the_attributes(normalization, kind):
    """Of networks and of arrays that a person has edited."""
    X, y = iris()
    rows = sparse.csr_array(X) if kind == "sparse" else X
    model = small({"normalization": normalization}).fit(rows, y)
    expected = predictions_by_formula(model, X)
    np.testing.assert_allclose(model.predict_proba(rows), expected, rtol=1e-10, atol=1e-14)
    model.normalization_scales_[1] = model.normalization_scales_[1] * 2
    model.normalization_shifts_[0][3] = 1.5
    edited = predictions_by_formula(model, X)
    assert np.abs(edited - expected).max() > 0.01
    np.testing.assert_allclose(model.predict_proba(rows), edited, rtol=1e-10, atol=1e-14)
    # rows of their own, too: nothing is taken from the rows that come with them
    np.testing.assert_allclose(model.predict_proba(rows[5:6]), edited[5:6], rtol=1e-10, atol=1e-14)


def test_variance_beyond_the_precision_is_reported():
    """Weights stay finite where the running variance does not: the fit fails all the same."""
    X, y = diabetes()
    X = (1e20 * X).astype("float32")
    model = MLPRegressor((4,), normalization="batch", alpha=0, max_iter=1, random_state=0)
    with pytest.raises(ValueError, match="non-finite"):
        model.fit(X, y)
    network = Network(
        [10, 4, 1],
        ["relu"],
        "squared_error",
        240,
        "float32",
        optimizer="sgd",
        normalization="batch",
    )
    network.set_optimizer(alpha=0)
    network.write(network.parameters, [np.ones((10, 4)), np.ones((4, 1))])
    examples = Examples(X, y[:, None].astype("float32"))
    train_epochs(network, examples, RowOrder(np.arange(240)), np.full((1, 1), 0.1), 240)
    *learned, _, variances = network.read(network.parameters)
    assert np.isinf(variances[0]).all()
    assert all(np.isfinite(array).all() for arrays in learned for array in arrays)
    assert not network.all_finite()


@NORMALIZED
def test_fitted_attributes_are_one_array_a_hidden_layer(normalization):
    """And are gone after a fit without normalisation."""
    X, y = iris()
    model = small({"normalization": normalization}, dtype="float32").fit(X, y)
    for name in NORMALIZATION_ATTRIBUTES[normalization]:
        arrays = getattr(model, name)
        assert [array.shape for array in arrays] == [(20,), (10,)]
        assert {array.dtype for array in arrays} == {np.dtype("float32")}
        assert all(len(np.unique(array)) > 2 for array in arrays), name
    model.set_params(normalization=None).fit(X, y)
    for name in NORMALIZATION_ATTRIBUTES["batch"]:
        assert not hasattr(model, name)
    model.set_params(normalization=normalization, hidden_layer_sizes=()).fit(X, y)
    assert not hasattr(model, "normalization_scales_")
    assert model.predict(X).shape == y.shape


@NORMALIZED
def test_penalty_leaves_scales_and_shifts_alone(normalization):
    """A step from the same start changes them alike, whatever alpha is, and weights not."""
    X, y = iris()
    models = [
        small({"normalization": normalization}, alpha=alpha, solver="sgd", batch_size=150)
        .set_params(max_iter=1)
        .fit(X, y)
        for alpha in (0, 10)
    ]
    assert not np.array_equal(models[0].coefs_[0], models[1].coefs_[0])
    for ours, theirs in zip(*(parameters_of(model)[3:] for model in models), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_lbfgs_searches_with_layer_normalization():
    """Scales and shifts are among its variables: it ends where the gradient is zero."""
    X, y = iris()
    model = small({"normalization": "layer"}, solver="lbfgs", alpha=0.1, max_iter=500, tol=1e-6)
    model.fit(X, y)
    assert model.score(X, y) > 0.95
    np.testing.assert_allclose(model.predict_proba(X), predictions_by_formula(model, X), rtol=1e-8)

    def loss():
        log_loss = -np.log(model.predict_proba(X)[np.arange(len(y)), y]).mean()
        return log_loss + 0.05 * sum((coef**2).sum() for coef in model.coefs_) / len(y)

    assert loss() == pytest.approx(model.loss_, rel=1e-8)
    step = 1e-4
    for arrays in (model.normalization_scales_, model.normalization_shifts_):
        for array in arrays:
            array[0] += step
            above = loss()
            array[0] -= 2 * step
            below = loss()
            array[0] += step
            # the search ends when the loss hardly falls, before the slope is nothing
            assert (above - below) / (2 * step) == pytest.approx(0, abs=1e-3)
            assert array[0] not in (0, 1)


def test_a_single_row_cannot_be_normalized_by_batch():
    """Whether it is all there is, or all that early stopping leaves; a last one is not alone."""
    X, y = iris()
    model = small({"normalization": "batch"})
    message = "normalization='batch' needs at least 2 rows to train on, got 1"
    with pytest.raises(ValueError, match=message):
        model.partial_fit(X[:1], y[:1], classes=[0, 1, 2])
    regressor = MLPRegressor(
        (5,), normalization="batch", early_stopping=True, validation_fraction=0.5
    )
    with pytest.raises(ValueError, match=message):
        regressor.fit(X[:3], np.arange(3.0))
    # 65 = 32 + 33
    assert small({"normalization": "batch"}).fit(X[:65], y[:65]).t_ == 20 * 65
    for batch_size in ("auto", 64, 65, 1000):
        small({"normalization": "batch"}, batch_size=batch_size).fit(X[:65], y[:65])


@NORMALIZED
def test_warm_start_keeps_the_kind_of_normalization(normalization):
    """Another one has no scales to go on from; arrays of other shapes are named."""
    X, y = iris()
    model = small({"normalization": normalization}, warm_start=True).fit(X, y)
    other = {"batch": "layer", "layer": None}[normalization]
    message = rf"normalization={other!r} cannot go on from a fit with '{normalization}'"
    with pytest.raises(ValueError, match=message):
        model.set_params(normalization=other).fit(X, y)
    with pytest.raises(ValueError, match=message):
        model.partial_fit(X, y)
    model.set_params(normalization=normalization)
    model.normalization_shifts_[0] = np.zeros(3)
    for method in (lambda: model.fit(X, y), lambda: model.predict(X)):
        with pytest.raises(ValueError, match=r"normalization_shifts_ have shapes \[\(3,\), "):
            method()


@NORMALIZED
def test_other_normalization_begins_a_new_optimizer_but_not_a_new_fit(normalization):
    """`fit` draws new parameters, and the moments of the old ones do not fit them."""
    X, y = iris()
    model = small({}, max_iter=5).partial_fit(X, y, classes=[0, 1, 2])
    model.partial_fit(X, y).predict(X)
    model.set_params(normalization=normalization).fit(X, y)
    assert len(model.normalization_scales_) == 2


@NORMALIZED
def test_parameters_are_counted_and_units_shown(normalization, capsys):
    """Scales and shifts are among them; a hidden layer's outputs follow from the attributes."""
    X, y = iris()
    model = small({"normalization": normalization}, hidden_layer_sizes=(20,)).fit(X, y)
    assert model.n_parameters_ == 4 * 20 + 3 * 20 + 20 * 3 + 3
    model.summary()
    lines = capsys.readouterr().out.split("\n")
    assert [int(line.split()[-1]) for line in lines[1:4]] == [140, 63, 203]
    outputs = model.activations(X, 0)
    np.testing.assert_allclose(
        softmax(outputs @ model.coefs_[1] + model.intercepts_[1], axis=1),
        predictions_by_formula(model, X),
        rtol=1e-10,
    )


@EACH
def test_changes_of_parameters_are_told(options):
    """The change of all parameters from epoch to epoch is theirs alone, and finite."""
    X, y = iris()
    model = small(options, tol_params=1e-12).fit(X, y)
    changes = model.history_["parameter_change"]
    assert len(changes) == 20
    assert all(0 < change < 100 for change in changes)


@EACH
@pytest.mark.parametrize("solver", ["adamw", "rmsprop"])
def test_with_gelu_decay_and_limits(options, solver):
    """All at once with the other parameters of a step: flowers are told apart."""
    X, y = iris()
    model = small(
        options, activation="gelu", solver=solver, clip_norm=1.0, max_norm=3.0, weight_decay=0.1
    )
    assert model.set_params(max_iter=60).fit(X, y).score(X, y) > 0.93
