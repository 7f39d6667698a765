"""PerceptronClassifier against scikit-learn's Perceptron, NumPy and results known by hand."""

import pickle
import signal
import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris, make_classification
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import Perceptron, SGDClassifier
from sklearn.model_selection import GridSearchCV, StratifiedShuffleSplit
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from rosenblatt import PerceptronClassifier
from rosenblatt.core.dispatch import available_isas, set_isa

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

# Rounding differs from scikit-learn's by the order of the sums alone. Relative to the largest
# weight: a single weight may be close to zero.
CLOSE = 1e-9


def standardised(n_classes, n_samples=203, n_features=11, seed=0):
    """Overlapping classes on standardised data: no score is exactly zero after the first."""
    X, y = make_classification(
        n_samples,
        n_features,
        n_informative=6,
        n_classes=n_classes,
        class_sep=0.7,
        random_state=seed,
    )
    return StandardScaler().fit_transform(X), y


def assert_same_model(ours, theirs, tolerance=CLOSE):
    """The same weights, epochs and samples seen."""
    scale = max(np.abs(theirs.coef_).max(), 1e-300)

    assert ours.coef_.shape == theirs.coef_.shape
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=0, atol=tolerance * scale)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, rtol=0, atol=tolerance * scale)
    assert ours.n_iter_ == theirs.n_iter_
    assert ours.t_ == theirs.t_
    np.testing.assert_array_equal(ours.classes_, theirs.classes_)


OPTIONS = {
    "defaults": {},
    "no intercept": {"fit_intercept": False},
    "eta0": {"eta0": 0.37},
    "tol None": {"tol": None, "max_iter": 7},
    "one epoch": {"max_iter": 1},
    "patience": {"n_iter_no_change": 2, "tol": 1e-2},
    "l2": {"penalty": "l2", "alpha": 3e-3},
    "l2 that clears": {"penalty": "l2", "alpha": 2.0, "eta0": 1.0, "max_iter": 3},
    "l2 that folds its scale": {"penalty": "l2", "alpha": 0.3, "max_iter": 5},
    "l1": {"penalty": "l1", "alpha": 1e-2},
    "elasticnet": {"penalty": "elasticnet", "alpha": 1e-2, "l1_ratio": 0.4},
    "elasticnet that folds": {"penalty": "elasticnet", "alpha": 0.3, "l1_ratio": 0.1},
    "alpha 0": {"penalty": "elasticnet", "alpha": 0.0},
    "early stopping": {"early_stopping": True},
    "early stopping, l2": {"early_stopping": True, "penalty": "l2", "validation_fraction": 0.3},
    "early stopping, l1": {"early_stopping": True, "penalty": "l1", "alpha": 1e-3},
    "early stopping, tol None": {"early_stopping": True, "tol": None, "max_iter": 4},
    "balanced": {"class_weight": "balanced"},
    "class weights": {"class_weight": {0: 0.5, 1: 2.5}},
}


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("weighted", [False, True])
def test_same_model_as_scikit_learn(name, n_classes, weighted, isa):
    """Two classes with shuffling, more without, over all parameters."""
    X, y = standardised(n_classes)
    weights = np.random.RandomState(1).uniform(0, 2, len(y)) * (y != 1) + 0.3 if weighted else None
    options = {"random_state": 3, "shuffle": n_classes == 2, "max_iter": 60, **OPTIONS[name]}

    ours = PerceptronClassifier(**options).fit(X, y, sample_weight=weights)
    theirs = Perceptron(**options).fit(X, y, sample_weight=weights)

    assert_same_model(ours, theirs)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    assert ours.score(X, y) == theirs.score(X, y)
    np.testing.assert_allclose(
        ours.decision_function(X), theirs.decision_function(X), rtol=0, atol=1e-7
    )


@pytest.mark.parametrize("n_classes", [2, 4])
def test_random_state_instance_draws_as_scikit_learn(n_classes):
    """The split and the seeds come from one generator, in the same order."""
    X, y = standardised(n_classes)
    options = {"shuffle": n_classes == 2, "early_stopping": True}
    generators = np.random.RandomState(5), np.random.RandomState(5)

    ours = PerceptronClassifier(random_state=generators[0], **options).fit(X, y)
    theirs = Perceptron(random_state=generators[1], **options).fit(X, y)

    assert_same_model(ours, theirs)
    assert generators[0].randint(1000) == generators[1].randint(1000)


def test_integer_data_agree_to_the_bit():
    """Digits are integers: all sums are exact, and scores of zero are the same ones."""
    X, y = load_digits(return_X_y=True)

    ours = PerceptronClassifier(shuffle=False).fit(X, y)
    theirs = Perceptron(shuffle=False).fit(X, y)

    np.testing.assert_array_equal(ours.coef_, theirs.coef_)
    np.testing.assert_array_equal(ours.intercept_, theirs.intercept_)
    assert ours.n_iter_ == theirs.n_iter_


def test_scores_of_zero_on_rows_set_aside_are_of_no_class():
    """Of small integers many are zero, and they decide when training stops."""
    options = {"fit_intercept": False, "early_stopping": True, "n_iter_no_change": 2}
    n_iter = []
    for seed in range(20):
        rng = np.random.RandomState(seed)
        X, y = rng.randint(-1, 2, (60, 3)).astype(float), rng.randint(2, size=60)
        for kind in (PerceptronClassifier, Perceptron):
            n_iter.append(kind(**options, random_state=seed).fit(X, y).n_iter_)
    assert n_iter[::2] == n_iter[1::2]
    assert len(set(n_iter)) > 2


@pytest.mark.parametrize("penalty", [None, "l2"])
def test_shuffled_many_classes_are_the_binary_problems_in_one_order(penalty):
    """The first class is scikit-learn's; each is the rule on its own, row after row."""
    X, y = standardised(5)
    options = {"penalty": penalty, "random_state": 7, "tol": None, "max_iter": 6}

    ours = PerceptronClassifier(**options).fit(X, y)

    theirs = Perceptron(**options).fit(X, y)
    np.testing.assert_allclose(ours.coef_[0], theirs.coef_[0], rtol=1e-9, atol=1e-9)
    first_seed = np.random.RandomState(7).randint(2**31 - 1, size=5)[0]
    for k in range(5):
        # a binary fit draws its shuffle from the seed as the first class does
        binary = Perceptron(**{**options, "random_state": int(first_seed)}).fit(X, y == k)
        np.testing.assert_allclose(ours.coef_[k], binary.coef_[0], rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(ours.intercept_[k], binary.intercept_[0], rtol=1e-9)


def test_shuffled_classes_stop_by_themselves():
    """Each class has the weights of its own last epoch, n_iter_ is that of the last class."""
    X, y = load_iris(return_X_y=True)
    X = StandardScaler().fit_transform(X)

    ours = PerceptronClassifier(random_state=7).fit(X, y)

    first_seed = int(np.random.RandomState(7).randint(2**31 - 1, size=3)[0])
    alone = [Perceptron(random_state=first_seed).fit(X, y == k) for k in range(3)]
    assert ours.n_iter_ == max(model.n_iter_ for model in alone)
    assert len({model.n_iter_ for model in alone}) > 1
    for k in range(3):
        np.testing.assert_allclose(ours.coef_[k], alone[k].coef_[0], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("n_classes", [2, 3, 17])
@pytest.mark.parametrize("penalty", [None, "l2", "l1", "elasticnet"])
@pytest.mark.parametrize("average", [False, True])
def test_sparse_is_dense(n_classes, penalty, average, isa):
    """The same model from CSR, CSC and COO as from the dense array."""
    X, y = standardised(n_classes, n_features=30)
    X[np.random.RandomState(0).uniform(size=X.shape) < 0.8] = 0
    X[:, 4] = 0
    options = {"penalty": penalty, "alpha": 1e-3, "average": average, "max_iter": 9, "tol": None}

    dense = PerceptronClassifier(**options).fit(X, y)

    for convert in (sp.csr_matrix, sp.csc_array, sp.coo_array):
        sparse = PerceptronClassifier(**options).fit(convert(X), y)
        np.testing.assert_allclose(sparse.coef_, dense.coef_, rtol=0, atol=1e-9)
        np.testing.assert_allclose(sparse.intercept_, dense.intercept_, rtol=0, atol=1e-9)
        np.testing.assert_array_equal(sparse.predict(convert(X)), dense.predict(X))


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("penalty", [None, "l2", "l1", "elasticnet"])
def test_sparse_stops_where_dense_does(penalty, early_stopping):
    """The objective and the validation score do not depend on the format."""
    X, y = standardised(3, n_features=30)
    X[np.random.RandomState(0).uniform(size=X.shape) < 0.8] = 0
    options = {"penalty": penalty, "alpha": 1e-2, "early_stopping": early_stopping}

    dense = PerceptronClassifier(**options).fit(X, y)
    sparse = PerceptronClassifier(**options).fit(sp.csr_array(X), y)

    assert_same_model(sparse, dense)


def test_sparse_with_duplicates_and_unsorted_columns():
    """Entries of one place add up, in whatever order they come."""
    X = sp.csr_matrix(
        (np.array([1.0, 2, 3, 4, -1, 5]), np.array([2, 0, 2, 1, 0, 0]), np.array([0, 3, 4, 6])),
        shape=(3, 3),
    )
    y = [0, 1, 1]
    for penalty in (None, "l1", "l2", "elasticnet"):
        model = PerceptronClassifier(penalty=penalty, max_iter=4, tol=None)

        sparse = clone(model).fit(X, y)
        dense = clone(model).fit(X.toarray(), y)

        np.testing.assert_allclose(sparse.coef_, dense.coef_, rtol=1e-12, atol=1e-12)


# -- averaging -------------------------------------------------------------------------


def averaged_by_hand(X, t, eta0, alpha, l1_ratio, average_from, n_epochs):
    """Last and mean weights of one column, in the order of the rows, with a plain loop."""
    w, b, due = np.zeros(X.shape[1]), 0.0, 0.0
    taken, total, total_b, count = np.zeros_like(w), np.zeros_like(w), 0.0, 0
    for i in range(n_epochs * len(X)):
        x, target = X[i % len(X)], t[i % len(X)]
        wrong = target * (w @ x + b) <= 0
        w = w * max(0, 1 - (1 - l1_ratio) * eta0 * alpha)
        if wrong:
            w = w + eta0 * target * x
            b += eta0 * target
        due += l1_ratio * eta0 * alpha
        before = w.copy()
        w = np.where(w > 0, np.maximum(0, w - (due + taken)), w)
        w = np.where(before < 0, np.minimum(0, before + (due - taken)), w)
        taken += w - before
        if i + 1 >= average_from:
            total, total_b, count = total + w, total_b + b, count + 1
    return (w, b) if count == 0 else (total / count, total_b / count)


@pytest.mark.parametrize("average", [True, 2, 150, 10_000])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    ("penalty", "l1_ratio", "alpha"),
    [(None, 0, 0), ("l2", 0, 0.3), ("l1", 1, 1e-2), ("elasticnet", 0.4, 1e-2)],
)
@pytest.mark.parametrize("convert", [np.asarray, sp.csr_array])
def test_average_is_the_mean_over_rows(average, n_classes, penalty, l1_ratio, alpha, convert):
    """Against a plain loop, with every penalty and whatever the row it starts with."""
    X, y = standardised(n_classes, n_samples=60)
    X[np.abs(X) < 0.6] = 0
    model = PerceptronClassifier(
        average=average,
        penalty=penalty,
        alpha=alpha,
        l1_ratio=0.4,
        eta0=0.5,
        shuffle=False,
        tol=None,
        max_iter=5,
    ).fit(convert(X), y)

    for row in range(len(model.coef_)):
        target = np.where(y == (1 if n_classes == 2 else row), 1, -1)
        w, b = averaged_by_hand(X, target, 0.5, alpha, l1_ratio, int(average), 5)
        np.testing.assert_allclose(model.coef_[row], w, rtol=1e-9, atol=1e-10)
        np.testing.assert_allclose(model.intercept_[row], b, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("average", [True, 30])
@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("penalty", [None, "l2"])
def test_average_as_scikit_learns_sgd(average, n_classes, penalty):
    """fit and, without an intercept, a row of partial_fits.

    With an l1 penalty theirs is not the mean; from the second partial_fit on it mixes the
    last intercept up with the mean.
    """
    X, y = standardised(n_classes)
    options = {
        "penalty": penalty,
        "alpha": 1e-3,
        "average": average,
        "eta0": 0.7,
        "shuffle": n_classes == 2,
        "random_state": 1,
    }
    ours = PerceptronClassifier(max_iter=50, **options)
    theirs = SGDClassifier(
        max_iter=50, loss="perceptron", learning_rate="constant", tol=1e-3, **options
    )

    assert_same_model(ours.fit(X, y), theirs.fit(X, y))
    ours = clone(ours).set_params(fit_intercept=False)
    theirs = clone(theirs).set_params(fit_intercept=False)
    for i in range(4):
        part = slice(i * 15, i * 15 + 15)
        ours.partial_fit(X[part], y[part], classes=np.unique(y))
        theirs.partial_fit(X[part], y[part], classes=np.unique(y))
        np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-9, atol=1e-10)


def test_average_goes_on_after_fit_unless_the_weights_were_edited():
    """An edit is what partial_fit starts from; without one the mean of both calls comes out."""
    X, y = standardised(3)
    model = PerceptronClassifier(average=True, shuffle=False, tol=None, max_iter=1)

    halves = clone(model).fit(X[:100], y[:100]).partial_fit(X[100:], y[100:])
    whole = clone(model).fit(X, y)
    np.testing.assert_allclose(halves.coef_, whole.coef_, rtol=1e-10, atol=1e-12)

    edited = clone(model).fit(X[:100], y[:100])
    edited.coef_[:] = 0
    edited.intercept_ = np.zeros(3)
    edited.partial_fit(X[100:], y[100:])
    np.testing.assert_allclose(edited.coef_, clone(model).fit(X[100:], y[100:]).coef_)


# -- known by hand ---------------------------------------------------------------------

INPUTS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])


@pytest.mark.parametrize(
    ("gate", "outputs", "learned"),
    [
        ("AND", [0, 0, 0, 1], True),
        ("OR", [0, 1, 1, 1], True),
        ("NAND", [1, 1, 1, 0], True),
        ("XOR", [0, 1, 1, 0], False),
    ],
)
def test_logic_gates(gate, outputs, learned):
    """One neuron learns what a line separates, and nothing else."""
    neuron = PerceptronClassifier(tol=None, max_iter=50).fit(INPUTS, outputs)

    assert (neuron.score(INPUTS, outputs) == 1) == learned


def test_logic_not():
    """NOT has one input."""
    neuron = PerceptronClassifier(tol=None, max_iter=10).fit([[0], [1]], [1, 0])

    assert neuron.predict([[0], [1]]).tolist() == [1, 0]


def test_two_steps_by_hand():
    """Zero scores count as mistakes; the second row is right after the first step, the third not.

    w = 0, b = 0. Row (1, 2), t = -1: score 0, so w = (-1, -2), b = -1.
    Row (3, 1), t = -1: score -3 - 2 - 1 = -6, right.
    Row (2, 1), t = +1: score -2 - 2 - 1 = -5, wrong: w = (1, -1), b = 0.
    """
    X, y = [[1.0, 2.0], [3.0, 1.0], [2.0, 1.0]], ["no", "no", "yes"]

    model = PerceptronClassifier(shuffle=False, max_iter=1, tol=None).fit(X, y)

    assert model.coef_.tolist() == [[1.0, -1.0]]
    assert model.intercept_.tolist() == [0.0]
    assert model.n_iter_ == 1
    assert model.t_ == 4
    assert model.predict([[5.0, 1.0], [1.0, 5.0]]).tolist() == ["yes", "no"]


def test_mean_of_two_steps_by_hand():
    """After the rows above w is (-1, -2), (-1, -2), (1, -1): the mean is (-1/3, -5/3)."""
    X, y = [[1.0, 2.0], [3.0, 1.0], [2.0, 1.0]], ["no", "no", "yes"]

    model = PerceptronClassifier(shuffle=False, max_iter=1, tol=None, average=True).fit(X, y)

    np.testing.assert_allclose(model.coef_, [[-1 / 3, -5 / 3]], rtol=1e-15)
    np.testing.assert_allclose(model.intercept_, [-2 / 3], rtol=1e-15)


# -- starting weights, partial_fit, warm_start -------------------------------------------


@pytest.mark.parametrize("n_classes", [2, 3])
def test_partial_fit_as_scikit_learn(n_classes):
    """Pass after pass, also after fit, and with classes that come later."""
    X, y = standardised(n_classes)
    rows = np.argsort(y, kind="stable")
    X, y = X[rows], y[rows]
    options = {"shuffle": n_classes == 2, "penalty": "elasticnet", "alpha": 1e-3}
    ours, theirs = PerceptronClassifier(**options), Perceptron(**options)

    for i in range(0, 200, 40):
        part = slice(i, i + 40)
        for model in (ours, theirs):
            model.partial_fit(X[part], y[part], classes=np.arange(n_classes))
        assert_same_model(ours, theirs)
    assert_same_model(ours.fit(X, y), theirs.fit(X, y))
    assert_same_model(ours.partial_fit(X[:30], y[:30]), theirs.partial_fit(X[:30], y[:30]))


@pytest.mark.parametrize("n_classes", [2, 3])
def test_warm_start_and_initial_weights_as_scikit_learn(n_classes):
    """Also weights that a person has put into the fitted estimator."""
    X, y = standardised(n_classes)
    n_rows = 1 if n_classes == 2 else n_classes
    options = {"shuffle": n_classes == 2, "max_iter": 3, "warm_start": True}
    ours, theirs = PerceptronClassifier(**options), Perceptron(**options)
    coef = np.random.RandomState(0).normal(size=(n_rows, X.shape[1]))
    intercept = np.arange(n_rows) + 0.5

    for model in (ours, theirs):
        # a copy: theirs trains in the array that it is given
        model.fit(X, y, coef_init=coef.copy(), intercept_init=intercept.copy())
    assert_same_model(ours, theirs)
    assert_same_model(ours.fit(X, y), theirs.fit(X, y))
    for model in (ours, theirs):
        model.coef_ = coef.copy()
        model.intercept_ = intercept.copy()
    np.testing.assert_allclose(ours.decision_function(X), theirs.decision_function(X))
    assert_same_model(ours.fit(X, y), theirs.fit(X, y))


def test_what_is_given_is_not_written_to():
    """Read-only data, weights and starting weights are enough."""
    X, y = standardised(3)
    given = [X, np.random.RandomState(0).normal(size=(3, 11)), np.zeros(3), np.ones(len(y))]
    for array in given:
        array.flags.writeable = False
    before = given[1].copy()

    PerceptronClassifier().fit(X, y, given[1], given[2], given[3])

    np.testing.assert_array_equal(given[1], before)


def test_edited_weights_in_place_are_what_counts():
    """predict and partial_fit read coef_ as it is."""
    X, y = standardised(3)
    model = PerceptronClassifier().fit(X, y)
    model.coef_[:] = 0
    model.intercept_[:] = [0, 1, 0]

    assert set(model.predict(X)) == {1}
    model.partial_fit(X[:1], y[:1])
    assert np.count_nonzero(np.abs(model.coef_).sum(axis=0)) == X.shape[1]
    assert np.abs(model.coef_).max() <= np.abs(X[0]).max()


@pytest.mark.parametrize("name", ["coef_", "intercept_"])
@pytest.mark.parametrize("method", ["predict", "partial_fit"])
def test_weights_of_a_wrong_shape_are_refused(name, method):
    """With the attribute's name, its shape and the shape that is needed."""
    X, y = standardised(3)
    model = PerceptronClassifier().fit(X, y)
    setattr(model, name, np.zeros((2, 5)))

    with pytest.raises(ValueError, match=rf"{name} must have shape .*got \(2, 5\)"):
        model.predict(X) if method == "predict" else model.partial_fit(X, y)


@pytest.mark.parametrize("name", ["coef_init", "intercept_init"])
def test_starting_weights_of_a_wrong_shape_are_refused(name):
    """With the parameter's name, its shape and the shape that is needed."""
    X, y = standardised(2)
    with pytest.raises(ValueError, match=rf"{name} must have shape .*got \(7,\)"):
        PerceptronClassifier().fit(X, y, **{name: np.zeros(7)})


def test_sparsified_weights_predict_and_train_on():
    """sparsify and densify change the storage, not the model."""
    X, y = standardised(3)
    model = PerceptronClassifier(penalty="l1", alpha=1e-2).fit(X, y)
    expected = model.decision_function(X)

    assert sp.issparse(model.sparsify().coef_)
    np.testing.assert_allclose(model.decision_function(X), expected, rtol=1e-12, atol=1e-12)
    scores = model.decision_function(sp.csr_array(X))
    np.testing.assert_allclose(scores, expected, rtol=1e-12, atol=1e-12)
    trained_on = pickle.loads(pickle.dumps(model)).partial_fit(X, y)
    dense = model.densify()
    assert isinstance(dense.coef_, np.ndarray)
    np.testing.assert_array_equal(trained_on.coef_, dense.partial_fit(X, y).coef_)


@pytest.mark.parametrize("edit", [("indices", 10**6), ("indptr", 10**6), ("indptr", -1)])
def test_sparse_weights_that_point_outside_themselves_are_refused(edit):
    """scipy reads wherever they point."""
    X, y = standardised(3)
    model = PerceptronClassifier().fit(X, y).sparsify()
    part, value = edit
    getattr(model.coef_, part)[1] = value
    for call in (model.predict, model.densify, lambda X: model.partial_fit(X, y)):
        with pytest.raises(ValueError, match="coef_ is not a valid CSR matrix"):
            call() if call == model.densify else call(X)
    model.coef_ = sp.csc_array((3, 11))
    with pytest.raises(ValueError, match=r"coef_ must be .*format 'csc': coef_\.tocsr"):
        model.predict(X)


# -- numbers that go wrong ----------------------------------------------------------------


@pytest.mark.parametrize("convert", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_overflow_is_an_error_that_says_what_to_change(n_classes, convert):
    """The first sentence is scikit-learn's; the estimator stays unfitted."""
    X, y = standardised(n_classes)
    model = PerceptronClassifier(eta0=1e10)

    with pytest.raises(ValueError, match=r"^Floating-point under-/overflow.*epoch #1\..*eta0=1"):
        model.fit(convert(X * 1e300), y)
    with pytest.raises(NotFittedError):
        model.predict(X)


def test_float32_stays_float32(isa):
    """float32 weights, near those of float64."""
    X, y = standardised(4)
    X = X.astype(np.float32)

    single = PerceptronClassifier(tol=None, max_iter=1).fit(X, y)
    double = PerceptronClassifier(tol=None, max_iter=1).fit(X.astype(np.float64), y)

    assert single.coef_.dtype == single.intercept_.dtype == np.float32
    assert single.decision_function(X).dtype == np.float32
    # an epoch adds some hundred terms of order one, each with a relative error of 6e-8
    np.testing.assert_allclose(single.coef_, double.coef_, atol=1e-4)


@pytest.mark.parametrize("penalty", ["l1", "l2", "elasticnet"])
def test_float32_with_penalties(penalty):
    """Scale, shrinkage and mean in float32 are those of float64."""
    X, y = standardised(4)
    X = X.astype(np.float32)
    for data in (X, sp.csr_array(X)):
        for average in (False, True):
            model = PerceptronClassifier(penalty=penalty, average=average, max_iter=1, alpha=1e-2)

            single = clone(model).fit(data, y)
            double = clone(model).fit(data.astype(np.float64), y)

            np.testing.assert_allclose(single.coef_, double.coef_, atol=1e-4)


# -- shapes and layouts ----------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    n_samples=st.integers(2, 40),
    n_features=st.integers(1, 70),
    n_classes=st.integers(2, 36),
    penalty=st.sampled_from([None, "l1", "l2", "elasticnet"]),
    layout=st.sampled_from(["C", "F", "strided", "big-endian", "read-only", "csr"]),
    seed=st.integers(0, 1000),
)
def test_odd_shapes_and_layouts(n_samples, n_features, n_classes, penalty, layout, seed):
    """Widths around a vector's length, one row more than classes, memory in any order."""
    random = np.random.RandomState(seed)
    X = random.normal(size=(n_samples, n_features))
    y = random.randint(n_classes, size=n_samples)
    y[:2] = 0, n_classes - 1
    options = {"penalty": penalty, "shuffle": False, "max_iter": 6}
    theirs = Perceptron(**options).fit(X, y)
    if layout == "F":
        X = np.asfortranarray(X)
    elif layout == "strided":
        X = np.repeat(np.repeat(X, 2, axis=0), 3, axis=1)[::2, ::3]
    elif layout == "big-endian":
        X = X.astype(">f8")
    elif layout == "read-only":
        X.flags.writeable = False
    elif layout == "csr":
        X = sp.csr_array(X)

    assert_same_model(PerceptronClassifier(**options).fit(X, y), theirs)


def test_levels_agree(isa):
    """All instruction sets give the model of the plainest; with fewer or more digits fused."""
    X, y = standardised(9, n_features=21, n_samples=400)
    here = PerceptronClassifier().fit(X, y)
    set_isa(available_isas()[0])
    plain = PerceptronClassifier().fit(X, y)

    assert_same_model(here, plain)


# -- the estimator -----------------------------------------------------------------------


@parametrize_with_checks(
    [
        PerceptronClassifier(),
        PerceptronClassifier(average=True),
        PerceptronClassifier(penalty="elasticnet"),
    ],
    expected_failed_checks=lambda estimator: {
        # a row of weight 2 is one step of twice the length, not two steps
        "check_sample_weight_equivalence_on_dense_data": "an online rule cannot meet it",
        "check_sample_weight_equivalence_on_sparse_data": "an online rule cannot meet it",
        # weights 1e7 apart: scikit-learn's SGDClassifier(average=True) with this rule fails too
        **({"check_class_weight_classifiers": "early rows weigh on"} if estimator.average else {}),
    },
)
def test_scikit_learns_checks(estimator, check):
    """The contract of an estimator."""
    check(estimator)


def test_parameters_are_scikit_learns_and_average():
    """Names and defaults."""
    ours, theirs = PerceptronClassifier().get_params(), Perceptron().get_params()

    assert ours.pop("average") is False
    assert ours == theirs


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("penalty", "l3"),
        ("alpha", -1),
        ("l1_ratio", 1.5),
        ("fit_intercept", 1),
        ("max_iter", 0),
        ("tol", -1.0),
        ("shuffle", "yes"),
        ("verbose", -1),
        ("eta0", 0),
        ("n_jobs", 1.5),
        ("random_state", -1),
        ("early_stopping", None),
        ("validation_fraction", 1.0),
        ("n_iter_no_change", 0),
        ("class_weight", "even"),
        ("warm_start", 2),
        ("average", -1),
    ],
)
def test_wrong_parameters_are_refused_with_name_value_and_range(name, value):
    """Before any work, and as scikit-learn says it where it knows the parameter."""
    X, y = standardised(2)
    with pytest.raises(ValueError, match=f"The '{name}' parameter of Perc") as ours:
        PerceptronClassifier(**{name: value}).fit(X, y)

    assert repr(value) in str(ours.value)
    if name != "average":
        with pytest.raises(ValueError, match=name) as theirs:
            Perceptron(**{name: value}).fit(X, y)
        # theirs lists options in another order in every session
        texts = [sorted(str(error.value).split("must be")[1]) for error in (ours, theirs)]
        assert texts[0] == texts[1]


def test_partial_fit_refuses_what_it_cannot_do():
    """Balanced weights, early stopping, unknown labels, missing and changed classes."""
    X, y = standardised(3)
    classes = [0, 1, 2]
    with pytest.raises(ValueError, match="class_weight 'balanced' is not supported"):
        PerceptronClassifier(class_weight="balanced").partial_fit(X, y, classes=classes)
    with pytest.raises(ValueError, match="early_stopping should be False"):
        PerceptronClassifier(early_stopping=True).partial_fit(X, y, classes=classes)
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        PerceptronClassifier().partial_fit(X, y)
    with pytest.raises(ValueError, match=r"classes not in .* has \[0 1\]. .y. has \[0 1 2\]"):
        PerceptronClassifier().partial_fit(X, y, classes=[0, 1])
    model = PerceptronClassifier().partial_fit(X, y, classes=classes)
    with pytest.raises(ValueError, match="not the same as on last call"):
        model.partial_fit(X, y, classes=[0, 1, 5])


def test_an_error_leaves_the_fitted_model_as_it_was():
    """Bad data do not cost the model."""
    X, y = standardised(3)
    model = PerceptronClassifier().fit(X, y)
    before = pickle.dumps(model)

    for method in (model.fit, model.partial_fit):
        with pytest.raises(ValueError, match="NaN"):
            method(np.full_like(X, np.nan), y)
        with pytest.raises(ValueError, match="sample_weight"):
            method(X, y, sample_weight=[1.0])

    assert pickle.dumps(model) == before


@pytest.mark.parametrize("convert", [np.array, sp.csr_array])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_arrays_let_through_unconverted_are_checked_all_the_same(convert, bad):
    """What scikit-learn's validation says of plain arrays, in fit and in prediction."""
    X, y = standardised(2)
    model = PerceptronClassifier().fit(convert(X), y)
    broken = X.copy()
    broken[5, 3] = bad

    for call in (lambda X: model.fit(X, y), lambda X: model.partial_fit(X, y), model.predict):
        with pytest.raises(ValueError, match=r"contains (NaN|infinity)"):
            call(convert(broken))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.fit(convert(X), y[1:])
    for call in (lambda X: model.partial_fit(X, y), model.decision_function):
        with pytest.raises(ValueError, match="X has 10 features, but PerceptronClassifier is exp"):
            call(convert(X[:, 1:]))
    with pytest.raises(NotFittedError):
        PerceptronClassifier().predict(convert(X))
    with pytest.raises(ValueError, match="0 sample"):
        model.predict(convert(X[:0]))


def test_finite_numbers_whose_sum_is_not_are_let_through():
    X = np.array([[1e308, 1.0], [1e308, -1.0], [1e308, 2.0], [-1e308, -2.0]])
    model = PerceptronClassifier()
    model.coef_, model.intercept_ = np.array([[0.0, 1.0]]), np.zeros(1)
    model.classes_, model.n_features_in_ = np.array([0, 1]), 2

    np.testing.assert_array_equal(model.predict(X), [1, 0, 1, 0])


def test_names_of_features_are_missed_in_a_plain_array():
    pd = pytest.importorskip("pandas")
    X, y = standardised(2)
    model = PerceptronClassifier().fit(pd.DataFrame(X).add_prefix("x"), y)

    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.predict(X)
    assert not hasattr(model.fit(X, y), "feature_names_in_")


def test_warns_of_labels_that_may_be_a_regressions_target():
    X, _ = standardised(2)

    with pytest.warns(UserWarning, match="number of unique classes is greater than 50%"):
        PerceptronClassifier(max_iter=1).fit(X, np.arange(len(X)) % 150)


def test_rows_of_any_stride_and_integer_labels_of_any_kind():
    X, y = standardised(3)
    expected = PerceptronClassifier().fit(X, y)

    for rows in (np.asfortranarray(X), np.repeat(X, 2, axis=1)[:, ::2], X.astype(">f8")):
        for labels in (y.astype(np.uint8), y.tolist(), y.astype(float)):
            model = PerceptronClassifier().fit(rows, labels)
            np.testing.assert_array_equal(model.coef_, expected.coef_)
        np.testing.assert_array_equal(model.predict(rows), expected.predict(X))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_long_and_short_sparse_rows(dtype, isa):
    """Rows of 0 to 40 entries in any order: the loops' ends, and fetching past a shorter row."""
    random = np.random.RandomState(0)
    X = random.randint(-3, 4, (300, 40)) * (random.rand(300, 40) < random.rand(300, 1))
    y = (X @ random.randint(-3, 4, 40) > 0).astype(int)
    options = {"max_iter": 5, "tol": None}

    ours = PerceptronClassifier(**options).fit(sp.csr_array(X.astype(dtype)), y)
    theirs = Perceptron(**options).fit(X.astype(dtype), y)

    # integers: sums of any order are exact
    np.testing.assert_array_equal(ours.coef_, theirs.coef_)
    np.testing.assert_array_equal(ours.intercept_, theirs.intercept_)


def test_convergence_warning():
    """At max_iter with tol, as in scikit-learn; never without tol."""
    X, y = standardised(3)
    with pytest.warns(ConvergenceWarning, match="Maximum number of iteration"):
        PerceptronClassifier(max_iter=2).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        PerceptronClassifier(max_iter=2, tol=None).fit(X, y)


def test_labels_of_validation_rows_without_weight():
    """A validation set that weighs nothing cannot score."""
    X, y = standardised(2)
    weights = np.zeros(len(y))
    weights[0] = 1
    with pytest.raises(ValueError, match="sample weights for validation set are all zero"):
        PerceptronClassifier(early_stopping=True, random_state=0).fit(X, y, sample_weight=weights)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_verbose_prints_what_scikit_learn_prints(n_classes, capsys):
    """Line by line for two classes but for times; the same lines with the class's name for more."""
    X, y = standardised(n_classes)
    options = {"shuffle": n_classes == 2, "penalty": "l2", "alpha": 1e-3, "verbose": 1}
    PerceptronClassifier(**options).fit(X, y)
    ours = capsys.readouterr().out.splitlines()
    Perceptron(**options).fit(X, y)
    theirs = capsys.readouterr().out.splitlines()

    def reports(lines):
        return sorted(line[line.index("Norm") :] for line in lines if "Norm" in line)

    assert reports(ours) == reports(theirs)
    assert ours[0] == "-- Epoch 1"
    if n_classes == 2:
        assert [line.split(" took")[0] for line in ours if "total" not in line.lower()] == [
            line.split(" took")[0] for line in theirs if "total" not in line.lower()
        ]
    else:
        assert any(line.startswith("Class 2: Convergence after ") for line in ours)


def test_validation_scores_of_zero_are_no_improvement():
    """Held-out rows of the opposite labels: the first 0 is the best so far, the others are not.

    As scikit-learn counts them. With tol=0 a score that is no lower counts as an improvement.
    """
    rng = np.random.RandomState(0)
    X, y = rng.normal(size=(100, 3)), np.arange(100) % 2
    options = {"early_stopping": True, "n_iter_no_change": 3, "random_state": 0, "max_iter": 30}
    _, held_out = next(StratifiedShuffleSplit(test_size=0.1, random_state=0).split(X, y))
    X[:, 0] = np.where(y == 1, 5.0, -5.0)
    X[held_out, 0] *= -1
    for tol, n_iter in ((1e-3, 4), (0.0, 30)):
        theirs = Perceptron(tol=tol, **options).fit(X, y)
        ours = PerceptronClassifier(tol=tol, **options).fit(X, y)
        assert ours.score(X[held_out], y[held_out]) == 0
        assert ours.n_iter_ == theirs.n_iter_ == n_iter
        np.testing.assert_allclose(ours.coef_, theirs.coef_)


def test_verbose_does_not_change_the_model():
    """An epoch a call or many: the same bits."""
    X, y = standardised(4)
    for options in ({}, {"early_stopping": True}, {"penalty": "l1"}):
        quiet = PerceptronClassifier(**options).fit(X, y)
        loud = PerceptronClassifier(verbose=1, **options).fit(X, y)

        np.testing.assert_array_equal(quiet.coef_, loud.coef_)


def test_interrupt_keeps_the_weights_so_far(monkeypatch):
    """A warning, and a model that has learned until then."""
    X, y = standardised(3)
    calls = []

    def interrupt(*args, **kwargs):
        calls.append(args)
        if len(calls) == 3:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("builtins.print", interrupt)
    with pytest.warns(UserWarning, match=r"Training interrupted by user"):
        stopped = PerceptronClassifier(verbose=1, tol=None).fit(X, y)
    monkeypatch.undo()

    expected = PerceptronClassifier(max_iter=stopped.n_iter_, tol=None).fit(X, y)
    assert stopped.n_iter_ < 5
    np.testing.assert_array_equal(stopped.coef_, expected.coef_)


def test_pickle_is_about_as_large_as_the_weights():
    """Nothing of the training data or the trainer is kept."""
    X, y = load_digits(return_X_y=True)
    model = PerceptronClassifier(tol=None, max_iter=2).fit(X, y)
    loaded = pickle.loads(pickle.dumps(model))

    assert len(pickle.dumps(model)) < model.coef_.nbytes + 2500
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    np.testing.assert_array_equal(loaded.partial_fit(X, y).coef_, model.partial_fit(X, y).coef_)


def test_in_pipelines_searches_frames_and_memory_maps(tmp_path):
    """Parameters by name, columns by name, data on disk."""
    import joblib
    import pandas as pd

    X, y = standardised(3)
    frame = pd.DataFrame(X, columns=[f"x{j}" for j in range(X.shape[1])])
    labels = np.array(["one", "two", "three"])[y]
    searches = [
        GridSearchCV(
            Pipeline([("scale", StandardScaler()), ("learn", kind(shuffle=False))]),
            {"learn__penalty": [None, "l2"], "learn__eta0": [1, 0.1]},
            cv=3,
        ).fit(frame, labels)
        for kind in (PerceptronClassifier, Perceptron)
    ]
    model = PerceptronClassifier().fit(frame, labels)
    joblib.dump(X, tmp_path / "X.joblib")
    mapped = joblib.load(tmp_path / "X.joblib", mmap_mode="r")

    ours, theirs = (search.cv_results_["mean_test_score"] for search in searches)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    assert len(set(ours)) > 1
    assert model.feature_names_in_.tolist() == list(frame.columns)
    np.testing.assert_array_equal(PerceptronClassifier().fit(mapped, labels).coef_, model.coef_)


def test_metadata_routing_passes_sample_weight():
    """sample_weight reaches fit through a pipeline when it is asked for."""
    import sklearn

    X, y = standardised(3)
    weights = np.random.RandomState(0).uniform(size=len(y))
    with sklearn.config_context(enable_metadata_routing=True):
        model = PerceptronClassifier().set_fit_request(sample_weight=True)
        routed = make_pipeline(model).fit(X, y, sample_weight=weights)

    np.testing.assert_array_equal(
        routed[-1].coef_, PerceptronClassifier().fit(X, y, sample_weight=weights).coef_
    )
