"""Validation sets, early stopping on any score, class weights, training in parts."""

import copy
import pickle
import re
import time
import warnings
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest
import sklearn
from problems import (
    assert_same_bits,
    breast_cancer,
    call_recording_warnings,
    diabetes,
    diabetes_many,
    digits,
    iris,
    multilabel,
    row_weights,
    wine,
)
from scipy import sparse
from sklearn import metrics
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import (
    balanced_accuracy_score,
    get_scorer,
    log_loss,
    make_scorer,
    mean_absolute_error,
    r2_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, RobustScaler, StandardScaler
from sklearn.utils.class_weight import compute_sample_weight

from rosenblatt import (
    MLPClassifier,
    MLPRegressor,
    TabularMLPClassifier,
    TabularMLPRegressor,
    schedules,
)
from rosenblatt._validation_scale import warn_of_other_targets
from rosenblatt.callbacks import Checkpoint

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def halves(problem):
    """Every other row to train on, the rest to validate on."""
    X, y = problem
    return X[::2], y[::2], X[1::2], y[1::2]


# class_weight -----------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize(
    "class_weight", ["balanced", {0: 3.0, 2: 0.5}, {0: 1, 1: 0, 2: 2}], ids=str
)
@pytest.mark.parametrize("weighted", [False, True])
def test_class_weight_is_a_sample_weight_of_mean_one(solver, class_weight, weighted):
    """The model of scikit-learn's compute_sample_weight, divided by its mean, as row weights."""
    X, y = iris()
    X, y = X[:120], y[:120]  # of the third class fewer rows
    weight = row_weights(len(y)) if weighted else None
    options = {"solver": solver, "max_iter": 8, "random_state": 0, "alpha": 0.1}
    of_rows = compute_sample_weight(class_weight, y)
    of_rows /= of_rows.mean()
    of_rows *= 1 if weight is None else weight
    expected = MLPClassifier((4,), **options).fit(X, y, of_rows)
    model = MLPClassifier((4,), class_weight=class_weight, **options).fit(X, y, weight)
    for ours, theirs in zip(model.coefs_, expected.coefs_, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9)  # weights are rounded otherwise


def test_class_weight_counts_the_rows_trained_on():
    """Rows set aside neither count towards the mean nor are weighted in their score."""
    X, y = iris()[0][:113], iris()[1][:113]  # which no split divides evenly
    held_out = []
    options = {"max_iter": 5, "random_state": 0, "early_stopping": True, "alpha": 1.0}

    def remember(estimator, X, y):
        held_out[:] = [X, y]
        return np.mean(estimator.predict(X) == y)

    model = MLPClassifier((4,), class_weight="balanced", scoring=remember, **options).fit(X, y)
    is_held_out = (X[:, None] == held_out[0]).all(axis=2).any(axis=1)
    weight = np.ones(len(y))
    rows = ~is_held_out
    of_rows = compute_sample_weight("balanced", y[rows])
    weight[rows] = of_rows / of_rows.mean()
    expected = MLPClassifier((4,), scoring=remember, **options).fit(X, y, weight)
    np.testing.assert_allclose(model.coefs_[0], expected.coefs_[0], rtol=1e-9)
    assert model.validation_scores_ == expected.validation_scores_


@pytest.mark.parametrize("size", [1e308, 1e-300])
def test_class_weights_of_any_size_are_relative(size):
    """Their sum may be no number: the model is that of the same weights near 1."""
    options = {"max_iter": 3, "random_state": 0}
    expected = MLPClassifier((4,), class_weight={0: 1, 1: 0.5, 2: 1}, **options).fit(*iris())
    large = MLPClassifier((4,), class_weight={0: size, 1: size / 2, 2: size}, **options)
    assert_same_bits(large.fit(*iris()), expected)


def test_class_weight_names_labels():
    """Strings as labels, two classes, and a dict in partial_fit."""
    X, y = wine()
    model = MLPClassifier((4,), class_weight={"barolo": 5}, random_state=0, max_iter=3)
    assert model.fit(X, y).n_iter_ == 3
    model.partial_fit(X, y)
    X, y = breast_cancer()
    heavy = MLPClassifier((4,), class_weight={1: 50}, random_state=0, max_iter=30).fit(X, y)
    plain = MLPClassifier((4,), random_state=0, max_iter=30).fit(X, y)
    assert heavy.predict_proba(X)[:, 1].mean() > plain.predict_proba(X)[:, 1].mean() + 0.02


@pytest.mark.parametrize(
    ("class_weight", "words"),
    [
        ({0: -1}, "class_weight must hold finite numbers"),
        ({0: np.nan}, "class_weight must hold finite numbers"),
        ({0: "many"}, "class_weight must hold finite numbers"),
        ({0: 0, 1: 0, 2: 0}, "gives all rows weight 0"),
        ({7: 2}, "class_weight"),
        ("even", "class_weight"),
        ([1, 2, 3], "class_weight"),
    ],
    ids=str,
)
def test_bad_class_weight_is_refused(class_weight, words):
    """By its name."""
    with pytest.raises((ValueError, TypeError), match=words):
        MLPClassifier((4,), class_weight=class_weight).fit(*iris())


def test_class_weight_where_it_has_no_meaning_is_refused():
    """Multilabel rows have no one class, and partial_fit does not see all rows."""
    with pytest.raises(ValueError, match=r"class_weight='balanced' .* multilabel"):
        MLPClassifier(class_weight="balanced").fit(*multilabel())
    with pytest.raises(ValueError, match=r"class_weight='balanced' .* partial_fit"):
        MLPClassifier(class_weight="balanced").partial_fit(*iris(), classes=[0, 1, 2])


# validation sets --------------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
def test_scores_and_losses_of_a_set_are_scikit_learns(weighted):
    """Recorded after every epoch; nothing stops, and no weight changes."""
    X, y, X_val, y_val = halves(iris())
    weight = row_weights(len(y_val)) if weighted else None
    expected = []

    def score(record, estimator):
        loss = log_loss(y_val, estimator.predict_proba(X_val), sample_weight=weight)
        expected.append((loss, estimator.score(X_val, y_val, weight)))

    options = {"max_iter": 10, "random_state": 0, "alpha": 0.3}
    validation = {"X_val": X_val, "y_val": y_val, "sample_weight_val": weight}
    model = MLPClassifier((4,), callbacks=[score], **options).fit(X, y, **validation)
    columns = model.history_["validation_loss"], model.history_["validation_score"]
    np.testing.assert_allclose(np.transpose(columns), expected)
    assert model.validation_scores_ is None
    assert_same_bits(model, MLPClassifier((4,), **options).fit(X, y))


@pytest.mark.parametrize("kind", ["classifier", "regressor"])
def test_split_rows_without_weight_have_no_score(kind):
    """The error says so, and what to do; one row with a weight is enough."""
    X, y = breast_cancer()
    model = {"classifier": MLPClassifier, "regressor": MLPRegressor}[kind]
    model = model((4,), early_stopping=True, max_iter=2, random_state=0)
    scored = []

    def scoring(estimator, X, y):
        scored.append(X)
        return 0.0

    model.set_params(scoring=scoring).fit(X, y)
    held_out = np.isin(X[:, 0], scored[0][:, 0])
    weights = np.where(held_out, 0.0, 1.0)
    model.set_params(scoring=None)
    with pytest.raises(ValueError, match="validation set sum to 0"):
        model.fit(X, y, sample_weight=weights)
    weights[held_out.argmax()] = 1
    model.fit(X, y, sample_weight=weights)


@pytest.mark.parametrize("kinds", [("dense", "csr"), ("csr", "dense"), ("csr", "csr")])
def test_sets_may_be_sparse(kinds):
    """Each of both by itself."""
    X, y, X_val, y_val = halves(iris())
    made = {"dense": np.asarray, "csr": sparse.csr_array}
    options = {"max_iter": 5, "random_state": 0, "early_stopping": True}
    expected = MLPClassifier((4,), **options).fit(X, y, X_val=X_val, y_val=y_val)
    model = MLPClassifier((4,), **options)
    model.fit(made[kinds[0]](X), y, X_val=made[kinds[1]](X_val), y_val=y_val)
    np.testing.assert_allclose(model.coefs_[0], expected.coefs_[0], rtol=1e-9)
    np.testing.assert_allclose(
        model.history_["validation_loss"], expected.history_["validation_loss"], rtol=1e-9
    )


@pytest.mark.parametrize("problem", [breast_cancer, wine, multilabel, diabetes, diabetes_many])
def test_early_stopping_looks_at_the_given_set(problem):
    """No row of X is set aside; the scores are those of the set, and the best weights return."""
    X, y, X_val, y_val = halves(problem())
    kind = MLPRegressor if problem in (diabetes, diabetes_many) else MLPClassifier
    options = {"random_state": 0, "learning_rate_init": 0.05, "max_iter": 60, "tol": 0}
    models = []
    plain = kind((4,), callbacks=[lambda r, e: models.append(copy.deepcopy(e))], **options)
    plain.fit(X, y)
    model = kind((4,), early_stopping=True, **options).fit(X, y, X_val=X_val, y_val=y_val)
    scores = [each.score(X_val, y_val) for each in models[: model.n_iter_]]
    np.testing.assert_allclose(model.validation_scores_, scores)
    assert_same_bits(model, models[int(np.argmax(model.validation_scores_))])
    assert model.t_ == model.n_iter_ * len(X)
    last = kind((4,), early_stopping=True, restore_best=False, **options)
    last.fit(X, y, X_val=X_val, y_val=y_val)
    assert_same_bits(last, models[model.n_iter_ - 1])


def test_a_set_that_is_recorded_stops_nothing():
    """The training loss decides, as without the set."""
    X, y, X_val, y_val = halves(breast_cancer())
    options = {"learning_rate_init": 0.05, "tol": 1e-3, "random_state": 0, "n_iter_no_change": 3}
    model = MLPClassifier((4,), **options).fit(X, y, X_val=X_val, y_val=y_val[::-1])
    expected = MLPClassifier((4,), **options).fit(X, y)
    assert model.n_iter_ == expected.n_iter_ < 200
    assert_same_bits(model, expected)


def test_sparse_set_of_a_wide_layer():
    """The first layer's weights are laid out so that both kinds of rows can be read."""
    X, y, X_val, y_val = halves(digits())
    options = {"max_iter": 2, "random_state": 0}
    model = MLPClassifier((400,), **options).fit(X, y, X_val=sparse.csr_array(X_val), y_val=y_val)
    expected = MLPClassifier((400,), **options).fit(X, y, X_val=X_val, y_val=y_val)
    np.testing.assert_allclose(
        model.history_["validation_loss"], expected.history_["validation_loss"], rtol=1e-9
    )


def test_fraction_that_is_not_used_gives_a_warning():
    """When it was set, and only when early stopping would have used it."""
    X, y, X_val, y_val = halves(iris())
    for options, warns in [
        ({"early_stopping": True, "validation_fraction": 0.2}, True),
        ({"early_stopping": True}, False),
        ({"validation_fraction": 0.2}, False),
    ]:
        model = MLPClassifier((4,), max_iter=2, **options)
        _, warned = call_recording_warnings(model.fit, X, y, X_val=X_val, y_val=y_val)
        assert any("validation_fraction" in text for _, text in warned) == warns


BAD_SETS = {
    "no-targets": ({"X_val": iris()[0]}, "X_val is provided, but y_val"),
    "no-rows": ({"y_val": iris()[1]}, "y_val is provided, but X_val"),
    "features": ({"X_val": iris()[0][:, :3], "y_val": iris()[1]}, "features"),
    "lengths": ({"X_val": iris()[0], "y_val": iris()[1][:-1]}, "X_val.*inconsistent numbers"),
    "classes": ({"X_val": iris()[0], "y_val": iris()[1] + 5}, "y_val has classes"),
    "labels": ({"X_val": iris()[0], "y_val": np.eye(3)[iris()[1]]}, "y_val must be"),
    "only-weights": (
        {"sample_weight_val": np.ones(150)},
        "sample_weight_val is provided, but X_val",
    ),
    "nan": ({"X_val": iris()[0] * np.nan, "y_val": iris()[1]}, "X_val.*NaN"),
    "weights-cancel": (
        {
            "X_val": iris()[0][:2],
            "y_val": iris()[1][:2],
            "sample_weight_val": [1, -1],
        },
        "sample_weight_val sums to 0",
    ),
    "weights": (
        {"X_val": iris()[0], "y_val": iris()[1], "sample_weight_val": [1, 2]},
        "sample_weight_val",
    ),
}


@pytest.mark.parametrize("case", BAD_SETS)
def test_bad_sets_are_refused(case):
    """The estimator stays as it was."""
    arguments, words = BAD_SETS[case]
    model = MLPClassifier((4,))
    with pytest.raises(ValueError, match=words):
        model.fit(*iris(), **arguments)
    assert not hasattr(model, "coefs_")


def test_bad_sets_of_other_targets_are_refused():
    """Outputs and labels must be as many as in y; lbfgs has no epochs to score."""
    X, y = diabetes()
    with pytest.raises(ValueError, match=r"X_val, y_val.*y >= 0"):
        MLPRegressor((4,), loss="poisson").fit(X, np.abs(y), X_val=X, y_val=-np.abs(y))
    with pytest.raises(ValueError, match="y_val has 3 outputs"):
        MLPRegressor((4,)).fit(X, y, X_val=X, y_val=diabetes_many()[1])
    X, y = multilabel()
    with pytest.raises(ValueError, match="y_val has 3 labels"):
        MLPClassifier((4,)).fit(X, y, X_val=X, y_val=y[:, :3])
    with pytest.raises(ValueError, match="X_val needs a stochastic solver"):
        MLPClassifier((4,), solver="lbfgs").fit(X, y, X_val=X, y_val=y)


def test_sets_pass_through_a_pipeline():
    """transform_input transforms X_val as X."""
    X, y, X_val, y_val = halves((iris()[0] * 100 + 7, iris()[1]))
    options = {"max_iter": 8, "random_state": 0, "early_stopping": True}
    scaler = StandardScaler().fit(X)
    expected = MLPClassifier((4,), **options)
    expected.fit(scaler.transform(X), y, X_val=scaler.transform(X_val), y_val=y_val)
    with sklearn.config_context(enable_metadata_routing=True):
        model = MLPClassifier((4,), **options).set_fit_request(X_val=True, y_val=True)
        pipeline = make_pipeline(StandardScaler(), model, transform_input=["X_val"])
        pipeline.fit(X, y, X_val=X_val, y_val=y_val)
    assert_same_bits(pipeline[-1], expected)
    assert pipeline[-1].validation_scores_ == expected.validation_scores_


# scoring ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize(
    ("scoring", "kind"),
    [
        ("balanced_accuracy", MLPClassifier),
        ("neg_log_loss", MLPClassifier),
        ("f1_macro", MLPClassifier),
        ("neg_mean_absolute_error", MLPRegressor),
        (get_scorer("neg_max_error"), MLPRegressor),
    ],
    ids=str,
)
def test_scorers_of_scikit_learn_decide(given, scoring, kind):
    """Their values on the validation rows; the weights of the best one come back."""
    X, y = iris() if kind is MLPClassifier else diabetes()
    scorer = get_scorer(scoring) if isinstance(scoring, str) else scoring
    seen, models = [], []

    def keep(estimator, X, y):
        seen.append((X, y))
        return scorer(estimator, X, y)

    options = {"max_iter": 12, "random_state": 0, "early_stopping": True, "tol": 0}
    options |= {"learning_rate_init": 0.05}
    arguments = {"X_val": X[::3], "y_val": y[::3]} if given else {}
    by_function = kind((4,), scoring=keep, **options).fit(X, y, **arguments)
    look = [lambda r, e: models.append(copy.deepcopy(e))]
    model = kind((4,), scoring=scoring, callbacks=look, **options).fit(X, y, **arguments)
    assert model.validation_scores_ == by_function.validation_scores_
    assert model.validation_scores_ == [scorer(each, *seen[0]) for each in models]
    assert_same_bits(model, models[int(np.argmax(model.validation_scores_))])


def test_scorers_take_the_weights_of_the_rows():
    """scikit-learn's do; a plain function is called without."""
    X, y, X_val, y_val = halves(iris())
    weight = row_weights(len(y_val))
    arguments = {"X_val": X_val, "y_val": y_val, "sample_weight_val": weight}
    model = MLPClassifier((4,), max_iter=1, scoring="balanced_accuracy", early_stopping=True)
    model.fit(X, y, **arguments)
    expected = balanced_accuracy_score(y_val, model.predict(X_val), sample_weight=weight)
    assert model.validation_scores_ == [expected]
    model = MLPRegressor((4,), max_iter=1, scoring="neg_mean_absolute_error", early_stopping=True)
    model.fit(X, y, **arguments)
    expected = -mean_absolute_error(y_val, model.predict(X_val), sample_weight=weight)
    assert model.validation_scores_ == [pytest.approx(expected)]


@pytest.mark.parametrize("scoring", ["neg_max_error", make_scorer(lambda y, f: -np.ptp(y - f))])
def test_scorers_that_take_no_weights_say_so(scoring):
    """They are called without: the score is that of rows that count alike."""
    X, y = diabetes()
    model = MLPRegressor((4,), max_iter=2, scoring=scoring, early_stopping=True)
    arguments = {"X_val": X, "y_val": y}
    weighted = {**arguments, "sample_weight_val": row_weights(len(y))}
    _, warned = call_recording_warnings(model.fit, X, y, **weighted)
    assert [text for _, text in warned if "does not support sample_weight" in text]
    scorer = get_scorer(scoring) if isinstance(scoring, str) else scoring
    assert model.best_validation_score_ == scorer(model, X, y)
    _, warned = call_recording_warnings(model.fit, X, y, **arguments)
    assert not [text for _, text in warned if "does not support sample_weight" in text]


@pytest.mark.parametrize("scoring", [None, "r2", "neg_mean_absolute_error"])
def test_predictions_that_are_no_numbers_have_no_score(scoring):
    """The scorers of scikit-learn would raise, and end a fit that only records a set."""
    X, y = diabetes()
    model = MLPRegressor((4,), loss="poisson", scoring=scoring, max_iter=2, random_state=0)
    model.fit(X, np.abs(y), X_val=1e6 * X, y_val=np.abs(y))
    assert np.isnan(model.history_["validation_score"]).all()


def test_scores_that_are_no_numbers_leave_the_last_weights():
    """The initial ones, which nothing scored, are not the best of anything."""
    options = {"max_iter": 5, "random_state": 0, "early_stopping": True}
    last = MLPClassifier((4,), restore_best=False, **options).fit(*iris())
    model = MLPClassifier((4,), scoring=lambda *_: np.nan, **options)
    _, warned = call_recording_warnings(model.fit, *iris())
    assert [text for _, text in warned if "No epoch had a validation score" in text]
    assert_same_bits(model, last)
    model.set_params(n_iter_no_change=2).fit(*iris())
    assert model.n_iter_ == 3  # none of them was an improvement


def test_loss_as_score():
    """The negative loss without the penalty: the best weights are those of the lowest."""
    X, y, X_val, y_val = halves(breast_cancer())
    options = {"learning_rate_init": 0.05, "alpha": 0.5, "random_state": 0}
    model = MLPClassifier((20,), scoring="loss", early_stopping=True, **options)
    model.fit(X, y, X_val=X_val, y_val=y_val)
    np.testing.assert_array_equal(
        model.validation_scores_, -np.array(model.history_["validation_loss"])
    )
    best = -log_loss(y_val, model.predict_proba(X_val))
    assert model.best_validation_score_ == max(model.validation_scores_) == pytest.approx(best)


def test_scores_of_frames_give_no_warning():
    """A model that knows names is not scored on rows without them, as far as anybody sees."""
    pd = pytest.importorskip("pandas", reason="names come with frames")
    X, y = iris()
    X = pd.DataFrame(X, columns=list("abcd"))
    model = MLPClassifier((4,), early_stopping=True, scoring="f1_macro", max_iter=2)
    for arguments in ({}, {"X_val": X, "y_val": y}):
        _, warned = call_recording_warnings(model.fit, X, y, **arguments)
        assert not [text for _, text in warned if "feature names" in text]
    assert list(model.feature_names_in_) == list("abcd")


def test_equal_score_is_an_improvement_by_nothing():
    """With tol=0 a score that stays stops nothing, as in scikit-learn; with any tol it does."""
    model = MLPClassifier((4,), early_stopping=True, scoring=lambda *rows: 0.5, max_iter=30)
    assert model.set_params(tol=0).fit(*breast_cancer()).n_iter_ == 30
    assert model.set_params(tol=1e-9).fit(*breast_cancer()).n_iter_ == 12


def test_seconds_of_an_epoch_count_its_scoring():
    """A scorer that sleeps is in the history."""

    def scoring(estimator, X, y):
        time.sleep(0.01)
        return 0.5

    model = MLPClassifier((4,), early_stopping=True, scoring=scoring, max_iter=3)
    assert min(model.fit(*breast_cancer()).history_["seconds"]) >= 0.01


@pytest.mark.parametrize("estimator", [MLPClassifier, MLPRegressor, TabularMLPClassifier])
@pytest.mark.parametrize("metric", [metrics.f1_score, metrics.mean_squared_error])
def test_metric_in_place_of_a_scorer_is_refused(estimator, metric):
    """Before any work, with the way to make one; what is made is taken."""
    remedy = rf"{metric.__name__} is a metric.*scoring=make_scorer\({metric.__name__}\)\."
    with pytest.raises(ValueError, match=remedy):
        estimator(scoring=metric).fit(None, None)
    with pytest.raises((ValueError, TypeError)) as error:
        estimator(scoring=metrics.make_scorer(metric)).fit(None, None)
    assert "scoring" not in str(error.value)


def test_score_that_is_no_number_is_refused():
    """With the parameter's name."""
    model = MLPClassifier((4,), early_stopping=True, scoring=lambda *_: "high")
    with pytest.raises(ValueError, match=r"scoring=.* must return a number, got 'high'"):
        model.fit(*iris())


# scales of targets ------------------------------------------------------------------------------


def scale_warnings(model, *args, **kwargs):
    """What a fit says of the scale of y or y_val."""
    _, warned = call_recording_warnings(model.fit, *args, **kwargs)
    return [
        str(message) for _, message in warned if "y_val" in str(message) or "y has" in str(message)
    ]


def made_up_regression(n_rows=400, seed=0):
    random = np.random.RandomState(seed)
    X = random.normal(size=(n_rows, 3))
    return X, np.exp(X[:, 0]) + X[:, 1] + 0.1 * random.normal(size=n_rows)


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_target_scales_that_are_not_learned_are_told_once(solver):
    """And only these: the scores of the fits with a warning are low, those without are not."""
    X, y = made_up_regression()
    y = (y - y.mean()) / y.std()
    for factor, shift in [(1e-6, 0), (1e-3, 0), (0.2, 0), (1, 3), (1, 0), (50, 50), (1e6, 0)]:
        model = MLPRegressor((20,), solver=solver, random_state=0, learning_rate_init=0.01)
        if (solver, factor) == ("sgd", 1e6):
            continue  # which is an error
        warned = scale_warnings(model, X, factor * y + shift)
        is_reached = 0.1 < factor < 100 or (solver, factor) == ("lbfgs", 1e6)
        assert len(warned) == (not is_reached)
        assert (model.score(X, factor * y + shift) > 0.5) == is_reached
        assert all("TransformedTargetRegressor" in message for message in warned)
    warned = scale_warnings(model.set_params(solver=solver), X, np.full(len(y), 1.5))
    assert warned == []


def test_far_means_are_told_but_for_intercepts_that_begin_there():
    """Twenty standard deviations from zero, for adam."""
    X, y = made_up_regression()
    assert len(scale_warnings(MLPRegressor(max_iter=2), X, y + 100)) == 1
    assert scale_warnings(MLPRegressor(max_iter=2, intercept_init="prior"), X, y + 100) == []
    assert scale_warnings(MLPRegressor(max_iter=2, solver="sgd"), X, y + 100) == []
    assert scale_warnings(MLPRegressor(max_iter=2, loss="poisson"), X, y + 100) == []


def test_tables_and_transformed_targets_are_never_told():
    """Their targets are standardised inside, and one warning does not become many."""
    X, y = made_up_regression(60)
    members = TabularMLPRegressor(preset="fast", n_members=2, n_folds=2, max_iter=2)
    inside = TransformedTargetRegressor(MLPRegressor(max_iter=2), transformer=StandardScaler())
    for model in (members, inside):
        assert scale_warnings(model, X, 1e6 * y) == []


def test_scale_of_the_first_batch_is_told_once():
    """With a remedy that takes batches; not of few rows, nor of a sorted batch near the targets."""
    X, y = made_up_regression(60)
    for far in (1e6 * y, 1e-6 * y, y + 1000):
        model = MLPRegressor((4,))
        _, warned = call_recording_warnings(model.partial_fit, X, far)
        ((kind, message),) = warned
        assert kind is UserWarning
        assert re.search(r"y has a mean of .*StandardScaler, whose partial_fit takes", message)
        assert call_recording_warnings(model.partial_fit, X, far)[1] == []
    for rows, values in ((slice(3), 1e6 * y), (slice(60), 0.9 + 1e-3 * y)):
        model = MLPRegressor((4,))
        assert call_recording_warnings(model.partial_fit, X[rows], values[rows])[1] == []


def test_targets_to_validate_on_that_were_not_transformed_are_told():
    """Inside TransformedTargetRegressor, whatever its transformer; or transformed alone."""
    X, y = made_up_regression()
    scaler = StandardScaler().fit(y.reshape(-1, 1))
    counts = np.exp(y + 3)
    cases = [
        ({"transformer": StandardScaler()}, y, y_val) for y_val in (50 + 20 * y, 1e-3 * y, y + 30)
    ]
    cases += [
        ({"func": np.log1p, "inverse_func": np.expm1}, counts, counts),
        ({"transformer": MinMaxScaler()}, counts, counts),
        ({"transformer": MinMaxScaler()}, 50 * (y - y.mean()), 50 * (y - y.mean())),
        ({"transformer": RobustScaler()}, 10 * (y - y.mean()), 10 * (y - y.mean())),
        ({"transformer": RobustScaler()}, 0.01 * y, 0.01 * y),
        ({}, 100 * (y - y.mean()), scaler.transform(y.reshape(-1, 1))[:, 0]),
        ({}, 100 * (y - y.mean()), RobustScaler().fit_transform(y.reshape(-1, 1))[:, 0]),
    ]
    for how, y, y_val in cases:
        model = TransformedTargetRegressor(MLPRegressor(max_iter=2), **how)
        (message,) = scale_warnings(model, X, y, X_val=X, y_val=y_val)
        assert "y_val is on another scale than y" in message


def test_honest_targets_to_validate_on_are_not_told_of():
    """Transformed as y was, or both as they are: heavy tails, few rows, shifts by three standard
    deviations, values of twice the size or a third of it, counts and values that are mostly 0."""
    draws = {
        "normal": np.random.RandomState.standard_normal,
        "skewed": lambda random, n: np.exp(random.standard_normal(n)),
        "heavy tails": lambda random, n: random.standard_t(1.5, n),
        "counts": lambda random, n: random.poisson(0.7, n).astype(float),
        "zeros": lambda random, n: np.exp(random.standard_normal(n)) * (random.rand(n) < 0.3),
    }
    random, told = np.random.RandomState(0), []
    for name, draw in draws.items():
        for n_val in (20, 100):
            for _ in range(4):
                y, y_val = draw(random, 300), draw(random, n_val)
                wide = min(y.std(), 3.0)  # of heavy tails it is that of single rows
                others = [y_val, 2 * y_val, y_val / 3, y_val + 3 * wide, y_val - 3 * wide]
                for scaler in (FunctionTransformer(), StandardScaler(), RobustScaler()):
                    scaler.fit(y.reshape(-1, 1))
                    data = [scaler.transform(each.reshape(-1, 1)) for each in (y, *others)]
                    told += [(name, type(scaler), i) for i in told_of(*data)]
    assert told == [], str(told)


def told_of(targets, *others):
    """Numbers of the others that are not what the targets are."""
    told = []
    for i, y_val in enumerate(others):
        data = SimpleNamespace(targets=targets, validation=SimpleNamespace(targets=y_val))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            warn_of_other_targets(data)
        told += [i] if caught else []
    return told


# scales of rows ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "scaler", [StandardScaler(), RobustScaler(), MinMaxScaler()], ids=lambda s: type(s).__name__
)
def test_rows_to_validate_on_that_passed_no_pipeline_are_told(scaler):
    """Of a scaled X; not where they were transformed, sorted tables included, nor where neither
    was, nor where one column of many goes on beyond X, as times do."""
    message = (
        r"X_val is on another scale than X in \d+ of \d+ columns: .*transform_input=\['X_val'\]"
    )
    for load in (load_breast_cancer, load_wine, load_digits):
        plain = load().data
        for order in (np.arange(len(plain)), np.argsort(plain[:, 2])):
            X, X_val = plain[order[: len(plain) // 2]], plain[order[len(plain) // 2 :]]
            scaled = scaler.fit(X).transform(X)
            timed, later = X.copy(), X_val.copy()
            timed[:, 0], later[:, 0] = np.arange(len(X)), 1e5 + np.arange(len(X_val))
            cases = [
                (scaled, X_val, True),
                (scaled, scaler.transform(X_val), False),
                (X, X_val, False),
                (scaler.fit_transform(timed), scaler.transform(later), False),
            ]
            for rows, rows_val, is_told in cases:
                model = MLPClassifier((2,), max_iter=1)
                n, n_val = len(rows), len(rows_val)
                _, warned = call_recording_warnings(
                    model.fit, rows, np.arange(n) % 2, X_val=rows_val, y_val=np.arange(n_val) % 2
                )
                told = [text for _, text in warned if "X_val" in str(text)]
                assert len(told) == is_told
                assert all(re.match(message, str(text)) for text in told)


def test_rows_of_one_column_may_lie_beyond():
    """A curve that is to be continued, and columns that are constant."""
    x, y = np.linspace(0, 1, 50)[:, None], np.linspace(0, 1, 50)
    for X, X_val in ((x, x + 3), (np.ones((50, 3)), np.zeros((50, 3)))):
        _, warned = call_recording_warnings(
            MLPRegressor(max_iter=1).fit, X, y, X_val=X_val, y_val=y
        )
        assert not any("X_val" in str(text) for _, text in warned)


def test_rows_in_a_pipeline_are_told_with_what_transforms_them():
    """The remedy is that of the message, and ends it; regressors are told too."""
    X, y = made_up_regression()
    X, net = 100 * X + 1000, MLPRegressor(max_iter=2)
    model = make_pipeline(StandardScaler(), net)
    _, warned = call_recording_warnings(
        model.fit, X, y, mlpregressor__X_val=X, mlpregressor__y_val=y
    )
    assert sum("X_val is on another scale" in str(text) for _, text in warned) == 1
    with sklearn.config_context(enable_metadata_routing=True):
        net.set_fit_request(X_val=True, y_val=True)
        model.set_params(transform_input=["X_val"])
        _, warned = call_recording_warnings(model.fit, X, y, X_val=X, y_val=y)
    assert not any("X_val" in str(text) for _, text in warned)


# partial_fit ------------------------------------------------------------------------------------


def trained_in_parts(model, n_calls, X, y, X_val, y_val):
    """The model after so many calls, and its copies after each."""
    copies = []
    classes = {"classes": np.unique(y)} if isinstance(model, MLPClassifier) else {}
    for _ in range(n_calls):
        model.partial_fit(X, y, X_val=X_val, y_val=y_val, **classes)
        copies.append(copy.deepcopy(model))
    return copies


@pytest.mark.parametrize("restore_best", [True, False])
@pytest.mark.parametrize("pickled", [False, True])
def test_partial_fit_stops_early(restore_best, pickled):
    """Patience is counted over calls; the best weights come back; more calls only warn."""
    sets = halves(diabetes())
    options = {"learning_rate_init": 0.05, "random_state": 0, "n_iter_no_change": 3}
    plain = trained_in_parts(MLPRegressor((8,), **options), 60, *sets)
    scores = [r2_score(sets[3], each.predict(sets[2])) for each in plain]
    best, waited, n_calls = -np.inf, 0, 0
    for score in scores:
        n_calls += 1
        waited = waited + 1 if score < best + 1e-4 else 0
        best = max(best, score)
        if waited > 3:
            break
    assert 5 < n_calls < 60

    model = MLPRegressor((8,), early_stopping=True, restore_best=restore_best, **options)
    for i in range(n_calls):
        trained_in_parts(model, 1, *sets)
        assert model.stopped_ == (i + 1 == n_calls)
        model = pickle.loads(pickle.dumps(model)) if pickled else model
        if not model.stopped_:
            assert_same_bits(model, plain[i])
    np.testing.assert_allclose(model.validation_scores_, scores[:n_calls])
    kept = int(np.argmax(scores[:n_calls])) if restore_best else n_calls - 1
    assert_same_bits(model, plain[kept])

    before = pickle.dumps(model)
    _, warned = call_recording_warnings(trained_in_parts, model, 1, *sets)
    assert any("stopped_" in text for _, text in warned)
    assert pickle.dumps(model) == before
    assert model.fit(*sets[:2]).n_iter_ > 1
    assert not hasattr(model, "stopped_")


def test_partial_fit_records_a_set():
    """Without early stopping the call's score is in history_, and nothing else happens."""
    sets = halves(iris())
    model = MLPClassifier((4,), random_state=0)
    copies = trained_in_parts(model, 3, *sets)
    scores = [each.score(*sets[2:]) for each in copies]
    assert model.history_["validation_score"] == pytest.approx(scores)
    assert not hasattr(model, "stopped_")


def test_partial_fit_without_a_set_is_refused_as_in_scikit_learn():
    """Early stopping needs something to look at."""
    model = MLPClassifier(early_stopping=True)
    with pytest.raises(
        ValueError,
        match=r"early_stopping=True without validation rows.*pass X_val and y_val",
    ):
        model.partial_fit(*iris(), classes=[0, 1, 2])


def test_order_of_rows_repeats_or_continues():
    """Like shuffles of one RandomState over all calls; 'repeat' begins it anew every time."""
    X, y = iris()
    options = {"batch_size": 7, "random_state": 5}
    by_generator = MLPClassifier((4,), batch_size=7, random_state=np.random.RandomState(5))
    goes_on = MLPClassifier((4,), partial_fit_shuffle="continue", **options)
    repeats = MLPClassifier((4,), **options)
    for call in range(3):
        for model in (by_generator, goes_on, repeats):
            model.partial_fit(X, y, classes=[0, 1, 2])
        goes_on = pickle.loads(pickle.dumps(goes_on))
        assert_same_bits(goes_on, by_generator)
        assert (repeats.coefs_[0] == goes_on.coefs_[0]).all() == (call == 0)
    with pytest.raises(ZeroDivisionError):
        goes_on.set_params(callbacks=[lambda record, estimator: 1 / 0]).partial_fit(X, y)
    goes_on.set_params(callbacks=None)
    for model in (by_generator, goes_on):
        model.partial_fit(X, y)
    assert_same_bits(goes_on, by_generator)  # the failed call drew nothing


def test_rows_may_come_from_a_generator_of_memory_mapped_parts(tmp_path):
    """Read-only parts of a file give the bits of arrays in memory."""
    X, y = iris()
    np.save(tmp_path / "X.npy", X)
    np.save(tmp_path / "y.npy", y)

    def parts():
        mapped = [np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in "Xy"]
        for start in range(0, len(y), 40):
            yield tuple(array[start : start + 40] for array in mapped)

    model, expected = (MLPClassifier((4,), random_state=0) for _ in range(2))
    for X_part, y_part in parts():
        assert isinstance(X_part, np.memmap)
        model.partial_fit(X_part, y_part, classes=[0, 1, 2])
    for start in range(0, len(y), 40):
        expected.partial_fit(X[start : start + 40], y[start : start + 40], classes=[0, 1, 2])
    assert_same_bits(model, expected)


# warm_start -------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("pickled", [False, True])
def test_warm_start_with_the_optimizer_goes_on_as_one_fit(solver, pickled):
    """Two fits of 6 epochs are one of 12, with the moments and steps of the first."""
    options = {"solver": solver, "shuffle": False, "random_state": 0, "n_iter_no_change": 50}
    options |= {"learning_rate": "invscaling"} if solver == "sgd" else {}
    whole = MLPClassifier((4,), max_iter=12, **options).fit(*iris())
    model = MLPClassifier((4,), max_iter=6, warm_start="optimizer", **options).fit(*iris())
    model = pickle.loads(pickle.dumps(model)) if pickled else model
    assert_same_bits(model.fit(*iris()), whole)
    assert model.loss_curve_ == whole.loss_curve_
    anew = MLPClassifier((4,), max_iter=6, warm_start=True, **options).fit(*iris()).fit(*iris())
    assert (anew.coefs_[0] != whole.coefs_[0]).any()


class RecordingScorer:
    """Accuracy; keeps the rows' first feature."""

    scored: ClassVar = []

    def __call__(self, estimator, X, y):
        self.scored.append(X[:, 0].copy())
        return estimator.score(X, y)


def test_rows_set_aside_stay_so_when_training_goes_on(tmp_path):
    """A resumed training scores the rows that it never saw, and its best weights are those of the
    best score, also where a checkpoint was written after them."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 30)), rng.integers(0, 2, 200)
    path = tmp_path / "net.pkl"
    options = {"early_stopping": True, "scoring": RecordingScorer(), "validation_fraction": 0.3}
    net = MLPClassifier((32,), warm_start="optimizer", learning_rate_init=0.01, **options)
    net.set_params(n_iter_no_change=100, max_iter=30, random_state=0, callbacks=[Checkpoint(path)])
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        net.fit(X, y)
        loaded = Checkpoint.load(path)
        assert np.argmax(loaded.validation_scores_) < 29  # the best weights are not the last
        loaded.set_params(max_iter=10, callbacks=None).fit(X, y)
    scored = RecordingScorer.scored
    held_out = np.isin(X[:, 0], scored[0])
    assert held_out.sum() == 60
    assert all(np.array_equal(rows, scored[0]) for rows in scored)
    best = loaded.best_validation_score_
    assert best == pytest.approx(loaded.score(X[held_out], y[held_out]))
    assert best == max(loaded.validation_scores_) < 0.7
    for model, rows in ((loaded, slice(150)), (net.set_params(warm_start=True), slice(None))):
        with pytest.warns(UserWarning, match="draws the validation rows anew.*X_val"):
            model.set_params(max_iter=1).fit(X[rows], y[rows])


def test_failing_fit_leaves_the_kept_optimizer_alone():
    """What a plateau has seen, and the rate, are those before the call."""
    plateau = schedules.Plateau(patience=5)
    model = MLPClassifier((4,), warm_start="optimizer", learning_rate=plateau, max_iter=5)
    model.fit(*iris())
    before = copy.deepcopy(model._optimizer)

    def fail(record, estimator):
        if record.epoch > 7:
            raise RuntimeError

    with pytest.raises(RuntimeError):
        model.set_params(callbacks=[fail]).fit(*iris())
    assert model._optimizer.schedule_memory == before.schedule_memory
    assert model._optimizer.learning_rate == before.learning_rate


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("verbose", [False, True])  # epochs one by one, and many a call
def test_patience_grows_with_the_epoch_of_the_best(early_stopping, verbose, capsys):
    """Training ends after the epoch b of the last improvement by 2 + 1.5 b epochs and one."""
    X, y = iris()
    model = MLPClassifier(
        (4,), solver="sgd", learning_rate_init=0.3, batch_size=10, tol=0.01, max_iter=1000,
        n_iter_no_change=2, patience_ratio=1.5, early_stopping=early_stopping, scoring="loss",
        random_state=0, verbose=verbose,
    ).fit(X, y)  # fmt: skip
    values = [-score for score in model.validation_scores_] if early_stopping else model.loss_curve_
    best, last, n_epochs = np.inf, 0, None
    for epoch, value in enumerate(values, 1):
        if value <= best - 0.01:
            last = epoch
        best = min(best, value)
        if epoch - last > 2 + 1.5 * last:
            n_epochs = epoch
            break
    assert n_epochs == model.n_iter_ == len(values)
    assert n_epochs > 5
    assert (f"for {2 + int(1.5 * last)} consecutive" in capsys.readouterr().out) == verbose
