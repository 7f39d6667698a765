"""Inputs of diagnose: kinds of data, bad input, the time budget."""

import copy
import io
import sys
import warnings
from contextlib import redirect_stderr
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from diagnosis_cases import classifier, fitted, regressor, rows
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import make_classification, make_regression
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, mean_squared_error
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from rosenblatt import PerceptronClassifier, diagnose
from rosenblatt.callbacks import Callback
from rosenblatt.diagnosis import _budget
from rosenblatt.diagnosis._budget import Budget
from rosenblatt.diagnosis._mismatch import auc_of_forest
from rosenblatt.diagnosis._problem import checked_problem
from rosenblatt.diagnosis._rivals import (
    better_optimisers,
    contains_linear,
    larger_nets,
    restraints_of,
    smaller_nets,
)
from rosenblatt.diagnosis._scaling import Standardisation, is_uneven
from rosenblatt.diagnosis._training import CUT_SHORT, FAILED, NOT_TRIED, Trainer

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def halves(X, y):
    """X, y, X_test, y_test."""
    half = X.shape[0] // 2
    return X[:half], y[:half], X[half:], y[half:]


def small_problem(**options):
    X, y = make_classification(n_samples=240, random_state=0, **options)
    return halves(X, y)


def quietly(*handed_in, **options):
    return diagnose(*handed_in, verbose=False, **options)


# what it takes


def test_sparse_rows_give_what_dense_ones_give():
    """The same findings, to rounding."""
    X, y, X_test, y_test = small_problem()
    X[np.abs(X) < 0.5] = 0
    model = classifier(2, max_iter=10)
    dense = quietly(*fitted(model, X, y, X_test, y_test))
    X, X_test = sp.csr_matrix(X), sp.csc_matrix(X_test)
    sparse = quietly(*fitted(model, X, y, X_test, y_test))
    assert sparse.verdict == dense.verdict
    assert sparse.train_score == pytest.approx(dense.train_score)
    assert [f.what for f in sparse.evidence] == [f.what for f in dense.evidence]


def test_wide_sparse_rows_are_told_by_the_features_that_they_have():
    """A forest reads a thousand: those with most values."""
    random = np.random.RandomState(0)
    X = sp.random(600, 5000, 0.002, format="csr", random_state=random)
    X[:, 4321] = random.normal(size=(600, 1))
    shifted = X.tolil()
    shifted[:, 4321] = random.normal(size=(600, 1)) + 2
    X, shifted = sp.csr_array(X), sp.csr_array(shifted)
    area, features = auc_of_forest(SimpleNamespace(X=X, X_test=shifted), 0)
    assert area.value > area.noise
    assert features[0] == 4321


def test_frames_are_taken_and_their_columns_named():
    """No warning of names, and the advice on a mismatch names a column."""
    X, y, X_test, y_test = rows("wine")
    names = [f"column {i}" for i in range(X.shape[1])]
    X_test = X_test + np.where(np.arange(X.shape[1]) == 6, 6.0, 0.0)
    X, X_test = pd.DataFrame(X, columns=names), pd.DataFrame(X_test, columns=names)
    handed_in = fitted(classifier(16), X, pd.Series(y), X_test, pd.Series(y_test))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        diagnosis = quietly(*handed_in)
    assert diagnosis.verdict == "mismatch"
    assert "column 6" in diagnosis.advice


def test_a_pipeline_is_diagnosed_by_its_last_step():
    """What the step alone gives on transformed rows, and parameters with the step's name."""
    X, y, X_test, y_test = small_problem()
    X, X_test = 3 * X + 1, 3 * X_test + 1
    pipeline = make_pipeline(StandardScaler(), classifier(4, max_iter=2)).fit(X, y)
    found = quietly(pipeline, X, y, X_test, y_test)
    scaler, net = pipeline
    alone = quietly(net, scaler.transform(X), y, scaler.transform(X_test), y_test)
    assert found.verdict == alone.verdict == "optimisation"
    assert [str(step) for step in found.evidence] == [str(step) for step in alone.evidence] or (
        [step.score for step in found.evidence] == [step.score for step in alone.evidence]
    )
    assert found.next_steps[0] == {
        f"mlpclassifier__{name}": value for name, value in alone.next_steps[0].items()
    }


@pytest.mark.parametrize("outside", [False, True])
def test_a_transformed_target_is_diagnosed_as_the_network_sees_it(outside):
    """What the net alone gives on transformed targets; the Pipeline is inside it, or around it."""
    X, y, X_test, y_test = halves(*make_regression(240, 8, random_state=0, noise=1))
    X, X_test, net = 3 * X + 1, 3 * X_test + 1, regressor(4, max_iter=2)
    transformed = {"func": np.arcsinh, "inverse_func": np.sinh}
    if outside:
        model = make_pipeline(StandardScaler(), TransformedTargetRegressor(net, **transformed))
        prefix = "transformedtargetregressor__regressor__"
    else:
        model = TransformedTargetRegressor(make_pipeline(StandardScaler(), net), **transformed)
        prefix = "regressor__mlpregressor__"
    with pytest.raises(NotFittedError, match="not fitted"):
        quietly(model, X, y, X_test, y_test)
    found = quietly(model.fit(X, y), X, y, X_test, y_test)
    scaler = StandardScaler().fit(X)
    alone = quietly(
        net.fit(scaler.transform(X), np.arcsinh(y)),
        scaler.transform(X),
        np.arcsinh(y),
        scaler.transform(X_test),
        np.arcsinh(y_test),
    )
    assert found.verdict == alone.verdict
    assert [each.score for each in found.evidence] == [each.score for each in alone.evidence]
    assert found.next_steps == [
        {f"{prefix}{name}": value for name, value in step.items()} for step in alone.next_steps
    ]
    model.set_params(**found.next_steps[0])


def test_string_labels_and_float32():
    """Labels are compared as they are."""
    X, y, X_test, y_test = small_problem()
    X, X_test = X.astype(np.float32), X_test.astype(np.float32)
    y, y_test = np.array(["no", "yes"])[y], np.array(["no", "yes"])[y_test]
    handed_in = fitted(classifier(8), X, y, X_test, y_test)
    diagnosis = quietly(*handed_in)
    assert diagnosis.train_score == pytest.approx(handed_in[0].score(X, y))
    assert diagnosis.test_score == pytest.approx(handed_in[0].score(X_test, y_test))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"loss": "huber"},
        {"normalization": "batch", "dropout": [0.1, 0.2]},
        {"solver": "lbfgs", "normalization": "layer"},
        {"early_stopping": True, "activation": ["relu", "tanh"]},
    ],
)
def test_several_outputs(options):
    """The score is the estimator's."""
    X, y = make_regression(200, 6, n_targets=2, noise=20, random_state=0)
    handed_in = fitted(regressor(4, 4, max_iter=5, **options), *halves(X, y / 100))
    diagnosis = quietly(*handed_in)
    model, X, y, X_test, y_test = handed_in
    assert diagnosis.score_name == "R²"
    assert diagnosis.train_score == pytest.approx(model.score(X, y))
    assert diagnosis.test_score == pytest.approx(model.score(X_test, y_test))


@pytest.mark.parametrize("quantile", [0.8, (0.2, 0.5, 0.9)])
def test_quantiles_are_scored_by_their_own_loss(quantile):
    """D^2 of the pinball loss: of several quantiles the estimator's score."""
    from sklearn.metrics import d2_pinball_score

    X, y = make_regression(200, 6, noise=20, random_state=0)
    model = regressor(4, max_iter=20, loss="quantile", quantile=quantile)
    handed_in = fitted(model, *halves(X, y / 100))
    diagnosis = quietly(*handed_in)
    model, X, y, *_ = handed_in
    if isinstance(quantile, tuple):
        expected = model.score(X, y)
    else:
        expected = d2_pinball_score(y, model.predict(X), alpha=quantile)
    assert diagnosis.score_name == "D²"
    assert diagnosis.train_score == pytest.approx(expected)


def test_several_labels():
    """Rows are right when all their labels are."""
    X, y, X_test, y_test = rows("digits", train_size=200, target=lambda y: np.c_[y % 2, y // 5])
    handed_in = fitted(classifier(8, max_iter=30), X, y, X_test, y_test)
    assert quietly(*handed_in).train_score == pytest.approx(handed_in[0].score(X, y))


def test_classes_of_few_rows():
    """Fewer than folds: they are held out as it comes."""
    X, y, X_test, y_test = small_problem(flip_y=0.3)
    y = y.copy()
    y[:2] = 2
    diagnosis = quietly(*fitted(classifier(32, max_iter=300), X, y, X_test, y_test))
    assert diagnosis.verdict == "overfitting"


def test_four_rows_are_enough_to_say_little():
    """The gates of the lectures: noise of so few rows exceeds any difference."""
    X, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1.0]]), np.array([0, 1, 1, 0])
    assert quietly(*fitted(classifier(), X, y, X, y)).verdict == "fine"


def test_the_estimator_is_left_as_it_was():
    """Also its data."""
    handed_in = fitted(classifier(2, max_iter=5, callbacks=[Callback()]), *small_problem())
    before = copy.deepcopy([vars(handed_in[0]) | {"callbacks": None}, *handed_in[1:]])
    callbacks = handed_in[0].callbacks
    quietly(*handed_in)
    after = [vars(handed_in[0]) | {"callbacks": None}, *handed_in[1:]]
    assert handed_in[0].callbacks is callbacks
    assert set(before[0]) == set(after[0])
    np.testing.assert_equal(
        [c.tolist() for c in before[0]["coefs_"]], [c.tolist() for c in after[0]["coefs_"]]
    )
    for one, other in zip(before[1:], after[1:], strict=True):
        np.testing.assert_array_equal(one, other)


def test_it_can_be_repeated():
    """With a seed of its own for a net that has none."""
    handed_in = fitted(classifier(2, max_iter=5, random_state=None), *small_problem())
    first, second = (quietly(*handed_in, random_state=3) for _ in range(2))
    assert [f.score for f in first.evidence] == [f.score for f in second.evidence]


def test_callbacks_of_the_net_are_not_called():
    """They may write files."""

    class Counting(Callback):
        calls = 0

        def __call__(self, record, estimator):
            type(self).calls += 1

    handed_in = fitted(classifier(2, max_iter=5, callbacks=[Counting()]), *small_problem())
    before = Counting.calls
    quietly(*handed_in)
    assert Counting.calls == before


def test_scikit_learns_callbacks_are_not_called():
    """Clones share them with the net."""
    pytest.importorskip("sklearn.callback")

    class Counting:
        calls = 0

        def setup(self, *given, **named):
            self.calls += 1

        on_fit_task_begin = on_fit_task_end = teardown = setup

    model = classifier(2, max_iter=5)
    X, y, X_test, y_test = small_problem()
    model.fit(X, y)
    model._skl_callbacks = [Counting()]
    quietly(model, X, y, X_test, y_test)
    assert model._skl_callbacks[0].calls == 0


def test_what_cannot_gain_is_not_trained():
    """A training score within tol of 1, and a test score within tol of that, need no other net."""
    X, y, X_test, y_test = rows("digits")
    diagnosis = quietly(*fitted(classifier(32), X, y, X_test, y_test))
    assert [finding.what for finding in diagnosis.evidence] == ["training rows vs. test rows"]


# what it refuses


def test_unfitted_estimator():
    with pytest.raises(NotFittedError, match=r"MLPClassifier is not fitted.*Call fit\(X, y\)"):
        quietly(classifier(2), *small_problem())
    with pytest.raises(NotFittedError, match=r"Pipeline is not fitted.*|not fitted"):
        quietly(make_pipeline(StandardScaler(), classifier(2)), *small_problem())


def test_other_estimators():
    """A perceptron, scikit-learn's, a search: each with the way out."""
    data = small_problem()
    with pytest.raises(TypeError, match=r"MLPClassifier\(hidden_layer_sizes=\(\)\)"):
        quietly(PerceptronClassifier().fit(*data[:2]), *data)
    with pytest.raises(TypeError, match="got a LogisticRegression"):
        quietly(LogisticRegression().fit(*data[:2]), *data)
    with pytest.raises(TypeError, match=r"fitted with refit=True; got a GridSearchCV"):
        quietly(GridSearchCV(classifier(2), {"alpha": [1.0]}), *data)


def test_other_width():
    X, y, X_test, y_test = small_problem()
    model = classifier(2).fit(X, y)
    with pytest.raises(ValueError, match="X has 19 features, but the network was fitted on 20"):
        quietly(model, X[:, 1:], y, X_test, y_test)
    with pytest.raises(ValueError, match="X_test has 19 features"):
        quietly(model, X, y, X_test[:, 1:], y_test)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda y: y[:-1], "inconsistent numbers of samples"),
        (lambda y: y + 5, r"y_test has the classes \[5 6\], none of which"),
        (lambda y: np.c_[y, y], "y_test must be 1-d labels, as was y in fit"),
        (lambda y: y + 0.5, "Unknown label type"),
    ],
)
def test_other_targets_of_a_classifier(change, message):
    X, y, X_test, y_test = small_problem()
    with pytest.raises(ValueError, match=message):
        quietly(classifier(2).fit(X, y), X, y, X_test, change(y_test))


def test_classes_that_were_never_seen():
    """Of the test rows they are rows that the net is wrong on; of the training rows a mistake."""
    X, y, X_test, y_test = rows("digits")
    seen = y < 7
    model = classifier(32).fit(X[seen], y[seen])
    diagnosis = quietly(model, X[seen], y[seen], X_test, y_test)
    assert diagnosis.verdict == "mismatch"
    assert diagnosis.test_score == pytest.approx(model.score(X_test, y_test))
    with pytest.raises(
        ValueError, match=r"y has classes that are not among those of the fit, .*: \[7 8 9\]"
    ):
        quietly(model, X, y, X_test, y_test)


def test_other_targets_of_a_regressor():
    X, y, X_test, y_test = small_problem()
    model = regressor(2).fit(X, y)
    with pytest.raises(ValueError, match="y_test has 2 outputs, but the network was fitted on 1"):
        quietly(model, X, y, X_test, np.c_[y_test, y_test])


def test_parameters_of_another_fit():
    """The other nets would be trained under settings that the given one was not."""
    data = small_problem()
    model = classifier(2).fit(*data[:2]).set_params(hidden_layer_sizes=(3,))
    with pytest.raises(ValueError, match="Set the parameters back"):
        quietly(model, *data)


def test_too_few_rows():
    X, y, X_test, y_test = small_problem()
    with pytest.raises(ValueError, match="X_test has 1"):
        quietly(classifier(2).fit(X, y), X, y, X_test[:1], y_test[:1])


@pytest.mark.parametrize(
    "options", [{"time_budget": 0}, {"tol": -0.1}, {"random_state": None}, {"verbose": "yes"}]
)
def test_parameters_out_of_range(options):
    (name,) = options
    data = small_problem()
    with pytest.raises(ValueError, match=f"The '{name}' parameter of diagnose must be"):
        diagnose(classifier(2).fit(*data[:2]), *data, **{"verbose": False, **options})


# the time budget


@pytest.fixture
def slow_clock(monkeypatch):
    """Every look at the clock finds a second gone."""
    seconds = iter(range(10**6))
    monkeypatch.setattr(_budget.time, "monotonic", lambda: float(next(seconds)))


@pytest.mark.parametrize(("solver", "seconds"), [("adam", 30), ("lbfgs", 12)])
def test_a_fit_is_cut_short_and_said_to_be(slow_clock, solver, seconds):
    """It is a net all the same."""
    X, y, *_ = data = rows("digits", train_size=400)
    net = classifier(8, solver=solver, max_iter=20, tol=0, n_iter_no_change=np.inf).fit(X, y)
    case = checked_problem(net, *data)
    trained = Trainer(case.net, len(y), Budget(seconds, verbose=False), 0).train(
        "", {"alpha": 1.0, "max_iter": 10**5}, X, y
    )
    assert trained.status == CUT_SHORT
    assert trained.net.n_iter_ < 1000
    assert "of at most 100000" in trained.remark
    assert trained.net.get_params()["max_iter"] == 10**5
    assert trained.net.callbacks is None


def test_what_an_epoch_takes_is_judged_by_the_nets_own():
    """As long for smaller nets, longer by the weights of larger ones."""
    X, y, *_ = data = small_problem()
    for solver in ("adam", "lbfgs"):
        case = checked_problem(classifier(4, solver=solver, max_iter=5).fit(X, y), *data)
        trainer = Trainer(case.net, len(y), Budget(100, verbose=False), 0)
        own = np.mean(case.net.history_["seconds"])
        small, same, large = (trainer.epoch_seconds(classifier(n), X) for n in (1, 4, 4000))
        assert small == same == pytest.approx(own)
        assert large > same


def test_what_was_cut_short_is_undecided(slow_clock):
    """Nothing speaks against it; the text says what a larger budget would tell."""
    handed_in = fitted(classifier(2, max_iter=20), *rows("digits"))
    diagnosis = quietly(*handed_in, time_budget=25)
    unfinished = [f for f in diagnosis.evidence if f.remark and not f.counts]
    assert unfinished
    assert all(f.counts is None for f in unfinished)
    assert diagnosis.undecided == [f.what for f in diagnosis.evidence if f.counts is None]
    assert "a larger time_budget may decide" in diagnosis.summary


def test_no_time_at_all():
    """The scores of the given net, and that nothing else was decided."""
    diagnosis = quietly(*fitted(classifier(2, max_iter=20), *rows("digits")), time_budget=1e-9)
    assert diagnosis.verdict == "fine"
    assert {f.counts for f in diagnosis.evidence[1:]} == {None}
    assert "no time was left" in str(diagnosis)
    assert "not all was examined" in diagnosis.summary
    assert "may change the verdict" in diagnosis.advice


def test_a_cut_short_net_that_does_better_is_evidence():
    """Five epochs of the larger net beat all of the given one's."""
    X, y, X_test, y_test = rows("digits")
    handed_in = fitted(classifier(1, max_iter=3), X, y, X_test, y_test)
    case = checked_problem(*handed_in)
    trainer = Trainer(case.net, len(y), Budget(1000, verbose=False), 0)
    trainer.seconds_per_row = 1e3  # so slow that not even a part of the rows can be seen
    trained = trainer.train("", {"hidden_layer_sizes": (1,)}, X, y)
    assert trained.status == NOT_TRIED
    trainer.seconds_per_row = 0.5 * 1000 / 600 / 3  # three epochs of 600 rows are half of 1000 s
    trained = trainer.train("", {"hidden_layer_sizes": (1,)}, X, y)
    assert trained.status == CUT_SHORT
    assert "of 1,257 rows" in trained.remark
    assert set(trained.net.classes_) == set(y)
    assert case.training_loss(trained.net) > 0


def test_a_net_that_diverges_or_is_too_large_is_no_evidence():
    """It is noted with its error."""
    X, y, *_ = data = small_problem()
    case = checked_problem(classifier(4).fit(X, y), *data)
    trainer = Trainer(case.net, len(y), Budget(100, verbose=False), 0)
    params = {"solver": "sgd", "learning_rate_init": 1e300, "activation": "identity"}
    trained = trainer.train("", params, X, y)
    assert trained.status == FAILED
    assert trained.net is None
    assert "non-finite" in trained.remark


def test_a_net_too_large_for_memory_is_noted_as_undecided(monkeypatch):
    """The larger net of a case that asks for one: the diagnosis goes on without it."""
    handed_in = fitted(classifier(2), *rows("digits"))
    fit, refused = type(handed_in[0]).fit, []

    def fit_small(self, X, y):
        if sum(self.hidden_layer_sizes) >= 64:
            refused.append(self.hidden_layer_sizes)
            raise MemoryError("too many parameters")
        return fit(self, X, y)

    monkeypatch.setattr(type(handed_in[0]), "fit", fit_small)
    diagnosis = quietly(*handed_in)
    assert refused
    undecided = [each for each in diagnosis.evidence if each.counts is None]
    assert [each.what for each in undecided] == diagnosis.undecided
    assert "larger net" in diagnosis.undecided
    assert all("too many parameters" in each.remark for each in undecided)


def test_ctrl_c_ends_the_diagnosis(monkeypatch):
    """A fit turns it into a warning; here it is raised again."""
    handed_in = fitted(classifier(2, max_iter=20), *rows("digits"))

    def fit(self, X, y):
        warnings.warn("Training interrupted by user.", stacklevel=1)

    monkeypatch.setattr(type(handed_in[0]), "fit", fit)
    with pytest.raises(KeyboardInterrupt):
        quietly(*handed_in)


# what is shown meanwhile


@pytest.mark.parametrize("is_terminal", [True, False])
def test_progress_is_shown_on_demand(monkeypatch, is_terminal):
    """A bar, of which nothing is left, on a terminal; nothing in a file, or unasked."""
    pytest.importorskip("tqdm")
    handed_in = fitted(classifier(2, max_iter=5), *small_problem())
    stream = io.StringIO()
    stream.isatty = lambda: is_terminal
    monkeypatch.setattr(sys, "stderr", stream)
    quietly(*handed_in)
    assert stream.getvalue() == ""
    diagnose(*handed_in)
    assert ("diagnose" in stream.getvalue()) == is_terminal


def test_progress_without_tqdm_is_lines_on_a_terminal(monkeypatch):
    """And nothing where there is no terminal."""
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    handed_in = fitted(classifier(2, max_iter=5), *small_problem())
    for is_terminal in (True, False):
        stream = io.StringIO()
        stream.isatty = lambda shown=is_terminal: shown
        with redirect_stderr(stream):
            diagnose(*handed_in)
        assert ("same net, lbfgs" in stream.getvalue()) == is_terminal


# the parts


@pytest.mark.parametrize(("n_rows", "n_test"), [(1000, 1000), (100, 900), (900, 100)])
def test_forest_tells_what_differs_and_nothing_else(n_rows, n_test):
    """Of ten draws of equal rows none is told by three standard errors, few by two; shifted rows
    are told, and by which feature."""
    n_told = 0
    for seed in range(10):
        random = np.random.RandomState(seed)
        X, X_test = random.normal(size=(n_rows, 8)), random.normal(size=(n_test, 8))
        area, _ = auc_of_forest(SimpleNamespace(X=X, X_test=X_test), seed)
        assert abs(area.value) < 1.5 * area.noise
        n_told += area.value > area.noise
    assert n_told <= 2
    X_test[:, 5] += 1
    area, features = auc_of_forest(SimpleNamespace(X=X, X_test=X_test), 0)
    assert area.value > area.noise
    assert features[0] == 5
    X_test[:, 5] = 2 * random.normal(size=n_test)
    area, features = auc_of_forest(
        SimpleNamespace(X=sp.csr_matrix(X), X_test=sp.csr_matrix(X_test)),
        0,
    )
    assert area.value > area.noise
    assert features[0] == 5


@pytest.mark.parametrize("options", [{}, {"alpha": 10.0}, {"normalization": "batch"}])
def test_training_loss_is_without_the_penalty(options):
    """scikit-learn's log loss; half its mean squared error."""
    X, y, *_ = data = small_problem(n_classes=3, n_informative=5)
    model = classifier(5, max_iter=20, **options).fit(X, y)
    expected = log_loss(y, model.predict_proba(X))
    assert checked_problem(model, *data).training_loss(model) == pytest.approx(expected)
    model = regressor(5, max_iter=20, **options).fit(X, y)
    expected = mean_squared_error(y, model.predict(X)) / 2
    assert checked_problem(model, *data).training_loss(model) == pytest.approx(expected)


def test_folded_scales_change_no_prediction():
    """A net trained on standardised columns predicts the same of plain ones."""
    random = np.random.RandomState(0)
    X, y = random.normal(size=(60, 3)) * [1, 100, 0] + [5, 0, 7], random.normal(size=60) * 9 + 40
    assert is_uneven(X)
    of_X, of_y = Standardisation(X), Standardisation(y)
    net = regressor(4, max_iter=20).fit(of_X(X), of_y(y))
    expected = net.predict(of_X(X)) * y.std() + y.mean()
    of_X.fold_into_first_layer(net)
    of_y.fold_into_last_layer(net)
    np.testing.assert_allclose(net.predict(X), expected, rtol=1e-10)


def test_a_step_that_takes_standardised_columns_says_so():
    """Its parameters alone do not reach what was measured."""
    X, y, X_test, y_test = rows("wine")
    sizes = 10.0 ** np.arange(X.shape[1])
    handed_in = fitted(classifier(20), X * sizes, y, X_test * sizes, y_test)
    diagnosis = quietly(*handed_in)
    assert "takes standardised columns too" in diagnosis.next_steps[0].reason
    assert "StandardScaler" in diagnosis.advice


def test_following_the_advice_on_an_integer_target_gives_what_was_promised():
    """Its features are standardised already: scaling the target is what was measured."""
    X, y, X_test, y_test = halves(*make_regression(400, 5, random_state=0, noise=1))
    y, y_test = (np.round(1000 * values).astype(int) for values in (y, y_test))
    net = regressor(20, max_iter=20, early_stopping=True)
    diagnosis = quietly(net.fit(X, y), X, y, X_test, y_test)
    step = diagnosis.next_steps[0]
    assert "TransformedTargetRegressor" in diagnosis.advice
    assert "StandardScaler before the network" not in diagnosis.advice
    advised = TransformedTargetRegressor(net.set_params(**step), transformer=StandardScaler())
    (promised,) = (each for each in diagnosis.evidence if "standardised" in each.what)
    assert f"test score {promised.test_score:.3f}" in step.reason
    assert advised.fit(X, y).score(X, y) == pytest.approx(promised.score, abs=0.01)
    assert promised.score > 0.9


def test_a_lower_training_loss_that_costs_the_test_score_is_said_to():
    """The training loss decides first; what it does to the test rows is not kept quiet."""
    X, y, X_test, y_test = rows("diabetes")
    diagnosis = quietly(*fitted(regressor(20, max_iter=300), X, y, X_test, y_test))
    assert diagnosis.verdict == "optimisation"
    assert "loss is that of same net, lbfgs, but its test score falls" in diagnosis.advice
    assert all(step.get("solver") != "lbfgs" for step in diagnosis.next_steps)
    diagnosis = quietly(*fitted(classifier(2), *rows("digits")))
    assert diagnosis.verdict == "model bias"
    assert "falls" not in diagnosis.advice


def test_which_other_nets_are_tried():
    """Those it contains speak of optimisation, larger ones of bias."""
    X, y, *_ = rows("digits", train_size=100)
    net = classifier(20, 12, activation=["relu", "tanh"], dropout=[0.1, 0.2], max_iter=1).fit(X, y)
    assert smaller_nets(net) == [
        ("linear model", {"hidden_layer_sizes": (), "activation": [], "dropout": []}),
        (
            "first hidden layer alone",
            {"hidden_layer_sizes": (20,), "activation": ["relu"], "dropout": [0.1]},
        ),
    ]
    (_, wide), (_, deep) = larger_nets(net)
    assert wide["hidden_layer_sizes"] == (200, 120)
    assert deep["hidden_layer_sizes"] == (200, 120, 64)
    assert deep["activation"] == ["relu", "tanh", "tanh"]
    assert restraints_of(net) == {"dropout": 0.0}
    for params in (wide, deep):
        classifier(20, 12, max_iter=1).set_params(**params).fit(X, y)


def test_a_narrow_net_does_not_contain_the_linear_one():
    """Three units between 64 pixels and ten digits let three dimensions through."""
    X, y, *_ = rows("digits", train_size=100)
    assert not contains_linear(classifier(3, max_iter=1).fit(X, y))
    assert contains_linear(classifier(9, max_iter=1).fit(X, y))
    assert not contains_linear(classifier(max_iter=1).fit(X, y))
    assert contains_linear(classifier(1, max_iter=1).fit(X, y % 2))


def test_the_larger_net_has_64_units_at_least():
    X, y, *_ = rows("digits", train_size=100)
    for sizes, wide in [((), (64,)), ((2,), (64,)), ((3, 3), (33, 33)), ((30,), (300,))]:
        (_, params), _ = larger_nets(classifier(*sizes, max_iter=1).fit(X, y))
        assert params["hidden_layer_sizes"] == wide


@pytest.mark.parametrize(
    ("options", "takes_lbfgs"),
    [
        ({}, True),
        ({"solver": "adamw"}, False),
        ({"early_stopping": True}, False),
        ({"dropout": 0.2}, False),
        ({"normalization": "layer", "solver": "lbfgs"}, True),
        ({"max_norm": 3.0, "clip_norm": 1.0}, False),
        ({"clip_norm": 1.0, "tol_params": 1e-9}, True),
        ({"learning_rate": lambda done: 1 - done}, True),
    ],
)
def test_better_optimisers_keep_what_restrains_the_net(options, takes_lbfgs):
    """lbfgs only where it minimises the same loss; each can be fitted."""
    X, y, *_ = rows("digits", train_size=100)
    net = classifier(4, max_iter=1, **options).fit(X, y)
    tried = better_optimisers(net, len(y))
    assert ("same net, lbfgs" in dict(tried)) == takes_lbfgs
    for _, params in tried:
        changed = classifier(4, max_iter=1, **options).set_params(**params)
        for name in ("early_stopping", "dropout", "normalization", "max_norm"):
            assert getattr(changed, name) == getattr(net, name)
        changed.set_params(max_iter=1).fit(X, y)


def test_the_penalty_of_a_step_is_kept():
    """It is divided by a step's rows: alpha goes with them."""
    X, y, *_ = rows("digits", train_size=400)
    net = classifier(4, max_iter=1, alpha=2.0).fit(X, y)
    tried = dict(better_optimisers(net, len(y)))
    assert tried["same net, lbfgs"]["alpha"] == pytest.approx(2.0 * 400 / 200)
    assert tried["same net, Adam in one cycle"]["alpha"] == pytest.approx(2.0 * 64 / 200)
