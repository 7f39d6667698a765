"""The deliberate differences from scikit-learn, one test or more for each.

Every docstring says what scikit-learn 1.9 does and what this package does instead; the tests
show both. A letter marks the tests of one difference; the page
docs/differences_from_scikit_learn.md explains them to users.
"""

import pickle

import numpy as np
import pytest
import sklearn
from problems import (
    assert_close,
    breast_cancer,
    counts,
    diabetes,
    diabetes_many,
    digits,
    iris,
    row_weights,
)
from sklearn import model_selection, neural_network
from sklearn.neural_network import _multilayer_perceptron as their_module

import rosenblatt

if not sklearn.__version__.startswith("1.9."):
    pytest.skip(
        f"the differences are from scikit-learn 1.9, this is {sklearn.__version__}",
        allow_module_level=True,
    )

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::RuntimeWarning")

TOLERANCE = 1e-8  # 15 epochs of float64, see test_against_scikit_learn.py


def pair(name, **params):
    """The same estimator of this package and of scikit-learn."""
    params = {"hidden_layer_sizes": (8,), "max_iter": 15, "random_state": 1} | params
    return getattr(rosenblatt, name)(**params), getattr(neural_network, name)(**params)


def assert_same_weights(ours, theirs, tolerance=TOLERANCE):
    for name in ["coefs_", "intercepts_"]:
        for a, b in zip(getattr(ours, name), getattr(theirs, name), strict=True):
            assert_close(a, b, tolerance, name)


def squared_error_of(coefs, intercepts, X, Y, alpha):
    """Half the squared error, summed over outputs and averaged over rows, plus the penalty."""
    a = X
    for W, b in zip(coefs[:-1], intercepts[:-1], strict=True):
        a = np.tanh(a @ W + b)
    residual = a @ coefs[-1] + intercepts[-1] - Y
    penalty = 0.5 * alpha * sum((W**2).sum() for W in coefs)
    return 0.5 * (residual**2).sum(axis=1).mean() + penalty / len(X)


# (a) several outputs ---------------------------------------------------------------------------


def test_several_outputs_report_the_loss_summed_over_outputs():
    """(a) scikit-learn reports the mean over outputs, a third of ours here."""
    ours, theirs = pair("MLPRegressor", alpha=0, tol=0, n_iter_no_change=100)
    X, Y = diabetes_many()
    ours.fit(X, Y)
    theirs.fit(X, Y)
    np.testing.assert_allclose(ours.loss_curve_, 3 * np.array(theirs.loss_curve_), rtol=TOLERANCE)
    assert ours.best_loss_ == pytest.approx(3 * theirs.best_loss_, rel=TOLERANCE)
    assert_same_weights(ours, theirs)


def test_several_outputs_penalty_is_not_multiplied():
    """(a) Only the data part is n_outputs times scikit-learn's; the penalty is as theirs."""
    losses = {}
    X, Y = diabetes_many()
    for alpha in [0.0, 5.0]:
        ours, theirs = pair("MLPRegressor", alpha=alpha, max_iter=1, batch_size=len(X))
        losses[alpha] = ours.fit(X, Y).loss_, theirs.fit(X, Y).loss_
    assert losses[5.0][0] - losses[0.0][0] == pytest.approx(
        losses[5.0][1] - losses[0.0][1], rel=1e-9
    )  # a difference of two sums of 720 terms


def test_several_outputs_gradient_belongs_to_the_reported_loss():
    """(a) scikit-learn's gradient is n_outputs times its loss's; ours is that of our loss.

    One step of plain sgd tells the gradient. Central differences of a step of 1e-6 are good to
    1e-8 here.
    """
    X, Y = diabetes_many()
    ours, _ = pair(
        "MLPRegressor",
        activation="tanh",
        solver="sgd",
        momentum=0,
        learning_rate_init=0.5,
        batch_size=len(X),
        alpha=2.0,
        warm_start=True,
        max_iter=1,
    )
    ours.fit(X, Y)
    before = [[array.copy() for array in arrays] for arrays in (ours.coefs_, ours.intercepts_)]
    ours.fit(X, Y)
    assert ours.loss_ == pytest.approx(squared_error_of(*before, X, Y, 2.0), rel=1e-12)
    for arrays, after in zip(before, (ours.coefs_, ours.intercepts_), strict=True):
        for array, changed in zip(arrays, after, strict=True):
            gradient = (array - changed) / 0.5
            index = np.unravel_index(np.abs(gradient).argmax(), gradient.shape)
            value = array[index]
            sides = []
            for shift in (1e-6, -1e-6):
                array[index] = value + shift
                sides.append(squared_error_of(*before, X, Y, 2.0))
            array[index] = value
            assert gradient[index] == pytest.approx((sides[0] - sides[1]) / 2e-6, rel=1e-6)


def test_several_outputs_lbfgs_reaches_least_squares():
    """(a) scikit-learn's lbfgs line search is misled by its gradient; ours finds the minimum."""
    X, Y = diabetes_many()
    ours, _ = pair(
        "MLPRegressor", hidden_layer_sizes=(), solver="lbfgs", alpha=0, tol=1e-9, max_iter=500
    )
    ours.fit(X, Y)
    solution = np.linalg.lstsq(np.column_stack([X, np.ones(len(X))]), Y, rcond=None)[0]
    # scipy stops when the loss falls by less than 2.2e-9 of itself: the weights are good to 1e-3
    np.testing.assert_allclose(ours.coefs_[0], solution[:-1], atol=2e-3)
    np.testing.assert_allclose(ours.intercepts_[0], solution[-1], atol=2e-3)


# (b) early stopping stratifies -----------------------------------------------------------------


def validation_shares(model, X, y):
    """The share of each class in the validation rows, read off the scores of constant models.

    The weights say one class only and the learning rate is too small to change them, so the
    first validation score is that class's share.
    """
    model.set_params(
        hidden_layer_sizes=(),
        early_stopping=True,
        warm_start=True,
        max_iter=1,
        learning_rate_init=1e-300,
        validation_fraction=0.2,
    )
    shares = []
    for k in range(len(np.unique(y))):
        model.fit(X, y)
        model.coefs_[0][...] = 0
        model.intercepts_[0][...] = 0
        model.intercepts_[0][k] = 100
        shares.append(model.fit(X, y).validation_scores_[-1])
    return shares


def test_early_stopping_stratifies_many_classes():
    """(b) scikit-learn draws the validation rows of many classes without regard to the classes,
    against its documentation; ours keep the classes' shares."""
    y = np.repeat([0, 1, 2], [60, 30, 10])
    X = np.random.RandomState(0).normal(size=(100, 3))
    theirs_kept_shares = []
    for seed in range(5):
        ours, theirs = pair("MLPClassifier", random_state=seed)
        assert validation_shares(ours, X, y) == pytest.approx([0.6, 0.3, 0.1])
        theirs_kept_shares.append(validation_shares(theirs, X, y) == pytest.approx([0.6, 0.3, 0.1]))
    assert not all(theirs_kept_shares)


@pytest.mark.parametrize("weighted", [False, True])
def test_early_stopping_of_many_classes_is_scikit_learns_but_for_the_split(monkeypatch, weighted):
    """(b) With scikit-learn's split replaced by a stratified one the two models agree."""

    def stratified(X, y, *arrays, stratify, **kwargs):
        return model_selection.train_test_split(X, y, *arrays, stratify=y.argmax(axis=1), **kwargs)

    monkeypatch.setattr(their_module, "train_test_split", stratified)
    ours, theirs = pair("MLPClassifier", early_stopping=True, batch_size=32)
    X, y = digits()
    weights = row_weights(len(y)) if weighted else None
    ours.fit(X, y, sample_weight=weights)
    theirs.fit(X, y, sample_weight=weights)
    assert_same_weights(ours, theirs)
    np.testing.assert_allclose(ours.validation_scores_, theirs.validation_scores_, rtol=1e-12)


def test_class_of_one_row_cannot_be_stratified():
    """(b) A class of one row among many: scikit-learn's plain split, and a warning."""
    X, y = iris()
    y = y.copy()
    y[3] = 7
    ours, theirs = pair("MLPClassifier", early_stopping=True)
    with pytest.warns(UserWarning, match="is not stratified"):
        ours.fit(X, y)
    assert_same_weights(ours, theirs.fit(X, y))


def test_more_classes_than_validation_rows_cannot_be_stratified():
    """(b) Four rows cannot have one of each of twenty classes: the same split and warning."""
    X, y = np.random.RandomState(0).normal(size=(40, 3)), np.repeat(np.arange(20), 2)
    ours, theirs = pair("MLPClassifier", early_stopping=True)
    with pytest.warns(UserWarning, match="is not stratified"):
        ours.fit(X, y)
    assert_same_weights(ours, theirs.fit(X, y))


def test_binary_class_of_one_row_stays_an_error():
    """(b) Two classes of which one has a single row: scikit-learn's ValueError stays."""
    X, y = iris()
    for model in pair("MLPClassifier", early_stopping=True):
        with pytest.raises(ValueError, match="least populated class"):
            model.fit(X, np.arange(len(y)) == 3)


# (c) partial_fit with lbfgs --------------------------------------------------------------------


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_lbfgs_has_no_partial_fit(name):
    """(c) scikit-learn's regressor runs a whole lbfgs fit in partial_fit; ours has none."""
    ours, theirs = pair(name, solver="lbfgs")
    assert not hasattr(ours, "partial_fit")
    assert hasattr(theirs, "partial_fit") == (name == "MLPRegressor")
    with pytest.raises(AttributeError) as error:
        _ = ours.partial_fit
    assert str(error.value.__cause__) == (
        "partial_fit is only available for stochastic optimizers. lbfgs is not stochastic."
    )
    assert hasattr(ours.set_params(solver="sgd"), "partial_fit")


# (d) batches of no weight ----------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_batch_of_zero_weights_is_skipped(solver):
    """(d) scikit-learn ends in ZeroDivisionError; ours trains as if the batch were not there."""
    X, y = diabetes()
    X, y = X[:40], y[:40]
    weights = np.ones(40)
    weights[8:16] = 0
    weights[30:] = 0
    params = {"solver": solver, "batch_size": 4, "shuffle": False, "max_iter": 3}
    ours, theirs = pair("MLPRegressor", **params)
    with pytest.raises(ZeroDivisionError):
        theirs.fit(X, y, sample_weight=weights)
    ours.fit(X, y, sample_weight=weights)
    # rows 28 and 29 share a batch with two rows of weight 0 and come last in both fits
    kept = weights > 0
    assert_same_weights(ours, theirs.fit(X[kept], y[kept]))
    assert np.isfinite(ours.loss_curve_).all()
    assert ours.t_ == 3 * 40


def test_zero_weights_in_batches_of_one():
    """(d) Rows of weight 0 change nothing when every row is its own batch."""
    X, y = iris()
    weights = np.tile([1.0, 0.0], 75)
    ours, theirs = pair("MLPClassifier", batch_size=1, shuffle=False, max_iter=2)
    assert_same_weights(ours.fit(X, y, weights), theirs.fit(X[::2], y[::2]))


# (e) float32 stays float32 ---------------------------------------------------------------------


def test_lbfgs_keeps_float32():
    """(e) scikit-learn's lbfgs turns a float32 model into float64; ours stays float32."""
    X, y = diabetes()
    X = X.astype(np.float32)
    ours, theirs = pair("MLPRegressor", solver="lbfgs", alpha=1.0, max_iter=8)
    ours.fit(X, y)
    theirs.fit(X, y)
    assert {array.dtype for array in ours.coefs_ + ours.intercepts_} == {np.dtype("float32")}
    assert theirs.coefs_[0].dtype == np.float64
    assert ours.predict(X).dtype == np.float32
    # 8 iterations amplify float32's 6e-8 in the line search
    assert ours.loss_ == pytest.approx(theirs.loss_, rel=1e-3)


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_stochastic_solvers_keep_float32(solver):
    """(e) scikit-learn's adam computes its update in float64 even for float32; ours in float32.

    One step from the same start: moments and update are roundings of 6e-8 apart, which the
    division by the root of the second moment may double a few times.
    """
    X, y = digits()
    X = X.astype(np.float32)
    ours, theirs = pair("MLPClassifier", solver=solver, batch_size=len(X), max_iter=1)
    ours.fit(X, y)
    theirs.fit(X, y)
    assert {array.dtype for array in ours.coefs_ + ours.intercepts_} == {np.dtype("float32")}
    assert_same_weights(ours, theirs, tolerance=1e-5)
    assert ours.predict_proba(X).dtype == np.float32


# (g), (h) partial_fit --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_early_stopping_is_refused_in_partial_fit(name):
    """(g) As in scikit-learn, with the same words."""
    X, y = iris()
    for model in pair(name, early_stopping=True):
        with pytest.raises(ValueError, match=r"^partial_fit does not support early_stopping=True"):
            model.partial_fit(X, y, **({"classes": [0, 1, 2]} if name == "MLPClassifier" else {}))


def test_int_seed_shuffles_every_partial_fit_alike():
    """(h) As in scikit-learn: two calls with an int seed take the rows in the same order.

    Without momentum, two calls on the data in the order that the first call drew equal two
    calls with shuffling: the order does not change from call to call.
    """
    X, y = iris()
    X, y = X[:150:10], y[:150:10]
    params = {"solver": "sgd", "momentum": 0, "batch_size": 1, "hidden_layer_sizes": ()}
    shuffled, _ = pair("MLPClassifier", **params)
    ordered, _ = pair("MLPClassifier", **params, shuffle=False)
    rng = np.random.RandomState(1)
    order = np.arange(len(y))
    shuffled.partial_fit(X, y, classes=[0, 1, 2])
    bound = np.sqrt(6 / (4 + 3))
    rng.uniform(-bound, bound, (4, 3)), rng.uniform(-bound, bound, 3)
    rng.shuffle(order)  # the first call draws weights first
    ordered.partial_fit(X[order], y[order], classes=[0, 1, 2])
    np.testing.assert_array_equal(shuffled.coefs_[0], ordered.coefs_[0])
    order = np.arange(len(y))
    np.random.RandomState(1).shuffle(order)  # all later calls begin with the same draw
    for _ in range(3):
        shuffled.partial_fit(X, y)
        ordered.partial_fit(X[order], y[order])
        np.testing.assert_array_equal(shuffled.coefs_[0], ordered.coefs_[0])


# (i) pickles -----------------------------------------------------------------------------------


def n_parameter_bytes(model):
    return sum(array.nbytes for array in model.coefs_ + model.intercepts_)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_fitted_model_pickles_to_its_parameters(early_stopping):
    """(i) scikit-learn pickles moments and best weights too, 3 to 4 times the size of ours."""
    X, y = breast_cancer()
    ours, theirs = pair("MLPClassifier", hidden_layer_sizes=(300,), early_stopping=early_stopping)
    size = len(pickle.dumps(ours.fit(X, y)))
    assert size < 1.1 * n_parameter_bytes(ours)
    assert len(pickle.dumps(theirs.fit(X, y))) > 3 * n_parameter_bytes(theirs)


def test_optimiser_state_is_pickled_after_partial_fit():
    """(i) After partial_fit the moments go with the pickle, and training goes on as in theirs."""
    X, y = digits()
    ours, theirs = pair("MLPClassifier", hidden_layer_sizes=(50,))
    for model in (ours, theirs):
        model.fit(X, y)
        model.partial_fit(X, y)
    pickled = pickle.dumps(ours)
    assert 2.9 * n_parameter_bytes(ours) < len(pickled) < 3.3 * n_parameter_bytes(ours)
    loaded = pickle.loads(pickled)
    for _ in range(3):
        loaded.partial_fit(X, y)
        theirs.partial_fit(X, y)
    assert_same_weights(loaded, theirs)


def test_partial_fit_on_a_loaded_fit_starts_a_new_optimiser():
    """(i) scikit-learn goes on with the pickled moments; ours has none and starts anew."""
    X, y = digits()
    ours, theirs = pair("MLPClassifier")
    ours.fit(X, y)
    theirs.fit(X, y)
    loaded = pickle.loads(pickle.dumps(ours))
    del theirs._optimizer  # what scikit-learn's partial_fit does without one is the oracle
    for _ in range(3):
        loaded.partial_fit(X, y)
        theirs.partial_fit(X, y)
    assert_same_weights(loaded, theirs)
    assert len(loaded.loss_curve_) == 18


# (j) warm start --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
@pytest.mark.parametrize("sizes", [(9,), (8, 8), (), 7])
def test_warm_start_refuses_other_layer_sizes(name, sizes):
    """(j) scikit-learn ignores a changed hidden_layer_sizes or stumbles; ours is a ValueError."""
    X, y = iris()
    ours, _ = pair(name, warm_start=True)
    ours.fit(X, y)
    before = ours.predict(X)
    with pytest.raises(ValueError, match="hidden_layer_sizes"):
        ours.set_params(hidden_layer_sizes=sizes).fit(X, y)
    np.testing.assert_array_equal(before, ours.predict(X))


def test_scikit_learn_ignores_other_layer_sizes():
    """(j) What the difference is from: their second fit keeps the old width without a word."""
    X, y = iris()
    _, theirs = pair("MLPClassifier", warm_start=True)
    theirs.fit(X, y).set_params(hidden_layer_sizes=(9,)).fit(X, y)
    assert theirs.coefs_[0].shape == (4, 8)


def test_partial_fit_refuses_other_layer_sizes():
    """(j) The same holds in partial_fit."""
    X, y = iris()
    ours, _ = pair("MLPRegressor")
    ours.partial_fit(X, y)
    with pytest.raises(ValueError, match="hidden_layer_sizes"):
        ours.set_params(hidden_layer_sizes=(9,)).partial_fit(X, y)


def test_warm_start_starts_a_new_optimiser():
    """(j) As in scikit-learn the moments of the last fit are lost: a warm epoch of plain fit
    differs from a partial_fit, which keeps them."""
    X, y = iris()
    warm, theirs = pair("MLPRegressor", warm_start=True, max_iter=3)
    warm.fit(X, y).fit(X, y)
    theirs.fit(X, y).fit(X, y)
    assert_same_weights(warm, theirs)
    going_on, _ = pair("MLPRegressor", max_iter=3)
    going_on.fit(X, y)
    for _ in range(3):
        going_on.partial_fit(X, y)
    assert np.abs(going_on.coefs_[0] - warm.coefs_[0]).max() > 1e-4


# (k), (l) --------------------------------------------------------------------------------------


def test_negative_targets_are_refused_for_poisson():
    """(k) scikit-learn trains on negative counts without a word; ours is a ValueError."""
    X, y = counts()
    y = y.copy()
    y[5] = -1
    ours, theirs = pair("MLPRegressor", loss="poisson", max_iter=2)
    theirs.fit(X, y)
    with pytest.raises(ValueError, match=r"poisson.*>= 0.*-1"):
        ours.fit(X, y)
    with pytest.raises(ValueError, match=r"poisson.*>= 0.*-1"):
        ours.partial_fit(X, y)
    y[5] = 0
    ours.fit(X, y)


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("n_iter_no_change", [1, 4])
def test_training_stops_one_epoch_after_n_iter_no_change(early_stopping, n_iter_no_change):
    """(l) As in scikit-learn, training stops after n_iter_no_change + 1 epochs without
    improvement; the first epoch always counts as one, so that many and one are run."""
    X, y = diabetes()
    for model in pair(
        "MLPRegressor",
        tol=1e6,
        n_iter_no_change=n_iter_no_change,
        early_stopping=early_stopping,
        max_iter=50,
    ):
        assert model.fit(X, y).n_iter_ == 1 + n_iter_no_change + 1


def test_adaptive_rate_is_divided_after_n_iter_no_change_plus_one_epochs(capsys):
    """(l) As in scikit-learn the rate is divided after n_iter_no_change + 1 epochs, not two."""
    X, y = diabetes()
    for model in pair(
        "MLPRegressor",
        solver="sgd",
        learning_rate="adaptive",
        tol=1e6,
        n_iter_no_change=3,
        max_iter=12,
        verbose=True,
    ):
        model.fit(X, y)
        lines = capsys.readouterr().out.splitlines()
        divided = [i for i, line in enumerate(lines) if "Setting learning rate" in line]
        # after epoch 5 (the first cannot count), then after 4 more; each message is a line too
        assert divided == [5, 10]


# what has no letter ----------------------------------------------------------------------------


def test_hidden_layer_sizes_comes_first_in_both_classes():
    """scikit-learn's regressor takes loss first since 1.7; here both take hidden_layer_sizes."""
    assert rosenblatt.MLPRegressor((4,)).hidden_layer_sizes == (4,)
    assert rosenblatt.MLPClassifier((4,)).hidden_layer_sizes == (4,)
    assert neural_network.MLPRegressor((4,)).loss == (4,)
    with pytest.raises(TypeError):
        rosenblatt.MLPRegressor((4,), "relu", "poisson")


def test_warm_start_with_early_stopping_keeps_the_best_weights_of_all_fits():
    """A warm fit that finds no better score keeps the weights that scored best before.

    scikit-learn means to, but trains the arrays that it keeps as the best in place, so that the
    last epoch's weights come out.
    """
    X, y = diabetes()
    ours, theirs = pair(
        "MLPRegressor", early_stopping=True, warm_start=True, max_iter=5, learning_rate_init=1e-4
    )
    for model in (ours, theirs):
        model.fit(X, y)
    best = [array.copy() for array in ours.coefs_]
    score = ours.best_validation_score_
    for model in (ours, theirs):
        # steps far too large: no epoch can be better
        model.set_params(learning_rate_init=100.0, solver="sgd", momentum=0, max_iter=1)
        model.fit(X, y)
        assert model.best_validation_score_ == pytest.approx(score, rel=1e-9)
    for a, b in zip(ours.coefs_, best, strict=True):
        np.testing.assert_array_equal(a, b)
    assert np.abs(theirs.coefs_[0] - best[0]).max() > 0.1


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"solver": "lbfgs"}, {"solver": "adam"}),
        ({"solver": "adam"}, {"solver": "lbfgs"}),
        ({"early_stopping": True}, {"early_stopping": False}),
        ({"early_stopping": False}, {"early_stopping": True}),
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_warm_start_may_change_solver_and_early_stopping(name, before, after):
    """A warm fit goes on after another solver, with or without early stopping.

    scikit-learn ends in AttributeError or TypeError wherever the first fit left no loss_curve_,
    best_loss_ or validation_scores_.
    """
    X, y = iris()
    ours, _ = pair(name, warm_start=True, max_iter=3, **before)
    ours.fit(X, y)
    start = ours.score(X, y)
    ours.set_params(**after, learning_rate_init=1e-12).fit(X, y)
    if ours.solver != "lbfgs":
        assert ours.n_iter_ == 3
        # a rate of 1e-12 leaves the weights, which are therefore those of the first fit
        assert ours.score(X, y) == pytest.approx(start, abs=1e-6)
        assert (ours.best_loss_ is None) == ours.early_stopping


def test_loss_of_saturated_probabilities_keeps_its_digits():
    """The log loss comes from the logits, so that a row that is wrong by a logit of 30 has a loss
    of 30; scikit-learn subtracts a rounded probability from 1 and loses digits."""
    X, y = np.ones((40, 1)), np.repeat([0, 1], 20)
    losses = []
    for model in pair("MLPClassifier", hidden_layer_sizes=(), alpha=0, warm_start=True, max_iter=1):
        model.fit(X, y)
        model.coefs_[0][...] = 0
        model.intercepts_[0][...] = 30
        losses.append(model.fit(X, y).loss_)
    exact = (np.logaddexp(0, 30) + np.logaddexp(0, -30)) / 2
    assert losses[0] == pytest.approx(exact, rel=1e-14)
    assert losses[1] == pytest.approx(exact, rel=1e-4)
    assert losses[1] != pytest.approx(exact, rel=1e-7)


def test_loss_of_one_row_is_clipped_as_in_scikit_learn():
    """scikit-learn clips probabilities to [eps, 1 - eps]: no row has a loss above -log(eps)."""
    X, y = np.ones((40, 1)), np.repeat([0, 1], 20)
    for model in pair("MLPClassifier", hidden_layer_sizes=(), alpha=0, warm_start=True, max_iter=1):
        model.fit(X, y)
        model.coefs_[0][...] = 0
        model.intercepts_[0][...] = 1000
        loss = -np.log(np.finfo(float).eps) / 2
        assert model.fit(X, y).loss_ == pytest.approx(loss, rel=1e-12)


def test_changed_learning_rate_acts_on_the_next_partial_fit():
    """scikit-learn's partial_fit ignores a learning_rate_init set after the first call; ours
    takes it, with a new optimiser."""
    X, y = iris()
    ours, theirs = pair("MLPRegressor", solver="sgd", momentum=0, batch_size=len(y))
    steps = []
    for model in (ours, theirs):
        model.partial_fit(X, y)
        before = model.coefs_[0].copy()
        model.set_params(learning_rate_init=1e-9).partial_fit(X, y)
        steps.append(np.abs(model.coefs_[0] - before).max())
    assert 0 < steps[0] < 1e-6
    assert steps[1] > 1e-5
