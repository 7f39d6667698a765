"""Out-of-fold predictions and their score, calibration, importances."""

# SPDX-License-Identifier: BSD-3-Clause
import numpy as np
import pandas as pd
import pytest
from raw_tables import classifier, people, regressor
from scipy.optimize import minimize_scalar
from scipy.special import softmax
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.inspection import permutation_importance
from sklearn.metrics import get_scorer, log_loss, mean_absolute_error, roc_auc_score

from rosenblatt.tabular import _members, _recipe
from rosenblatt.tabular._calibration import TemperatureScaling
from rosenblatt.tabular._importances import shares
from rosenblatt.tabular._oof_score import score_with_error

pytestmark = pytest.mark.filterwarnings("ignore:Got `batch_size`")

FOUR = {"n_members": 4, "n_folds": 4, "max_iter": 20}


# honesty ---------------------------------------------------------------------------------------


def noise_of_numbers(rng):
    return rng.normal(size=(600, 8))


def noise_of_categories(rng):
    return pd.DataFrame({"a": rng.randint(0, 150, 600), "b": rng.randint(0, 90, 600)}).astype(str)


@pytest.mark.parametrize("table", [noise_of_numbers, noise_of_categories])
@pytest.mark.parametrize("make", [classifier, regressor])
def test_noise_has_the_score_of_chance(make, table):
    """Labels that nothing tells: over five tables accuracy is near 1/2, log loss near log 2 and R^2
    not positive. The epoch is chosen by the rows that are scored, which may flatter accuracy by
    some .02; statistics of categories that had seen these rows gave .59 and a log loss of .66."""
    scores, losses = [], []
    for seed in range(5):
        rng = np.random.RandomState(seed)
        X = table(rng)
        y = rng.randint(0, 2, 600) if make is classifier else rng.normal(size=600)
        params = FOUR | {"random_state": seed}
        model = make(**params).fit(X, y)
        scores.append(model.oof_score_)
        if make is classifier:
            losses.append(log_loss(y, model.oof_prediction_))
    if make is regressor:
        assert np.mean(scores) < 0.02
        return
    assert abs(np.mean(scores) - 0.5) < 0.02 + 3 * 0.5 / np.sqrt(3000)
    assert np.log(2) - 0.012 < np.mean(losses) < np.log(2) + 0.01


@pytest.fixture
def bins_of_trees_alone(monkeypatch):
    monkeypatch.setattr(_recipe, "ENCODINGS", ("tree",))


@pytest.mark.usefixtures("bins_of_trees_alone")
def test_noise_has_the_score_of_chance_with_bins_of_trees():
    scores = []
    for seed in range(5):
        rng = np.random.RandomState(seed)
        params = FOUR | {"random_state": seed}
        model = classifier(**params).fit(noise_of_numbers(rng), rng.randint(0, 2, 600))
        scores.append(model.oof_score_)
    assert abs(np.mean(scores) - 0.5) < 0.02 + 3 * 0.5 / np.sqrt(3000)


@pytest.mark.usefixtures("bins_of_trees_alone")
def test_bins_of_trees_do_not_depend_on_left_out_targets(monkeypatch):
    """Targets of the rows that the first network leaves out are dealt anew among them: its inputs
    are the same, those of the second, which trains on them, are not. Folds of groups do not look at
    targets."""
    tasks, train = {}, _members.train_member

    def spied(task, watch):
        tasks[task.number] = task
        return train(task, watch)

    monkeypatch.setattr(_members, "train_member", spied)
    rng = np.random.RandomState(0)
    X, groups = rng.normal(size=(400, 3)), np.arange(400) // 2
    y = np.sin(3 * X[:, 0]) + rng.normal(size=400)
    first = regressor(max_iter=1).fit(X, y, groups=groups)
    held_out = tasks[0].data.held_out
    dealt = y.copy()
    dealt[held_out] = rng.permutation(y[held_out])
    second = regressor(max_iter=1).fit(X, dealt, groups=groups)
    np.testing.assert_array_equal(tasks[0].data.held_out, held_out)
    np.testing.assert_allclose(second.encode(X, 0), first.encode(X, 0), atol=1e-5)
    before, after = first.encode(X, 1), second.encode(X, 1)
    assert before.shape != after.shape or np.abs(before - after).max() > 0.1


@pytest.mark.parametrize("make", [classifier, regressor])
def test_oof_score_is_that_of_new_rows(make):
    """Real tables: the score of as many rows that the fit was not given is within three standard
    errors of the difference: binomial ones of accuracy, the estimate of R^2."""
    load = load_breast_cancer if make is classifier else load_diabetes
    X, y = load(return_X_y=True, as_frame=True)
    order = np.random.RandomState(0).permutation(len(X))
    train, test = order[: len(X) // 2], order[len(X) // 2 :]
    params = FOUR | {"max_iter": 60}
    model = make(**params).fit(X.iloc[train], y.iloc[train])
    on_test = model.score(X.iloc[test], y.iloc[test])
    assert 0 < model.oof_score_stderr_ < 0.1
    errors = [model.oof_score_stderr_] * 2
    if make is classifier:
        errors = [np.sqrt(one * (1 - one) / len(test)) for one in (model.oof_score_, on_test)]
        assert 0.3 * errors[0] < model.oof_score_stderr_ < 3 * errors[0]
    assert abs(model.oof_score_ - on_test) < 3 * np.hypot(*errors)
    assert np.isfinite(model.oof_prediction_).all()
    assert model.oof_prediction_.dtype == np.float32


@pytest.mark.parametrize(
    ("scoring", "expected"),
    [
        (None, lambda y, p: (p.argmax(axis=1) == y).mean()),
        ("neg_log_loss", lambda y, p: -log_loss(y, p)),
        ("roc_auc", lambda y, p: roc_auc_score(y, p[:, 1])),
        (get_scorer("neg_log_loss"), lambda y, p: -log_loss(y, p)),
    ],
)
def test_oof_score_is_scikit_learns_metric_of_the_oof_prediction(scoring, expected):
    X = np.random.RandomState(0).normal(size=(200, 3))
    y = (X[:, 0] + np.random.RandomState(1).normal(size=200) > 0).astype(int)
    model = classifier(scoring=scoring).fit(X, y)
    # oof_prediction_ is rounded to float32, the score is not
    np.testing.assert_allclose(model.oof_score_, expected(y, model.oof_prediction_), rtol=1e-5)
    assert 0 < model.oof_score_stderr_ < 0.2


def test_oof_score_of_a_regression_takes_any_metric():
    X = np.random.RandomState(0).normal(size=(200, 3))
    model = regressor(scoring="neg_mean_absolute_error").fit(X, X[:, 0])
    expected = -mean_absolute_error(X[:, 0], model.oof_prediction_)
    np.testing.assert_allclose(model.oof_score_, expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("make", "scoring"),
    [(classifier, "loss"), (regressor, "accuracy"), (regressor, "neg_mean_squared_log_error")],
)
def test_scorers_that_cannot_score_are_refused_before_training(make, scoring):
    """By name, and no network was trained: the callback is never called."""
    X = np.random.RandomState(0).normal(size=(60, 2))
    y = X[:, 0] > 0 if make is classifier else X[:, 0]
    model = make(scoring=scoring, callbacks=[lambda record, estimator: pytest.fail("trained")])
    with pytest.raises(ValueError, match=f"scoring='{scoring}' cannot score this y"):
        model.fit(X, y)


def test_standard_error_of_accuracy_is_the_binomial_one():
    """Mean over draws of the jackknife's square is p (1 - p) / n; of AUC, the bootstrap's."""
    p, n, squares = 0.8, 500, []
    for seed in range(20):
        rng = np.random.RandomState(seed)
        y = rng.randint(0, 2, n)
        right = rng.random_sample(n) < p
        indices = np.where(right, y, 1 - y)
        probabilities = np.eye(2)[indices]
        classes = np.array([0, 1])
        score, error = score_with_error(probabilities, y, classes, None, None, None, rng)
        assert score == right.mean()
        squares.append(error**2)
    # a variance from 20 parts has a relative error of sqrt(2 / 19) = .32, the mean of 20 .07
    np.testing.assert_allclose(np.mean(squares), p * (1 - p) / n, rtol=0.25)
    rng = np.random.RandomState(0)
    y = rng.randint(0, 2, n)
    second = 1 / (1 + np.exp(-rng.normal(y, 1)))
    probabilities = np.column_stack([1 - second, second])
    draws = [rng.randint(0, n, n) for _ in range(200)]
    bootstrap = np.std([roc_auc_score(y[rows], second[rows]) for rows in draws])
    errors = [
        score_with_error(
            probabilities, y, classes, "roc_auc", None, None, np.random.RandomState(seed)
        )[1]
        for seed in range(20)
    ]
    np.testing.assert_allclose(np.sqrt(np.mean(np.square(errors))), bootstrap, rtol=0.25)


def test_standard_error_of_groups_is_that_of_group_means():
    """All rows of a group are right or wrong together: the error is that of 50 coins."""
    squares = []
    for seed in range(20):
        rng = np.random.RandomState(seed)
        groups = np.repeat(np.arange(50), 10)
        y = rng.randint(0, 2, 500)
        right = (rng.random_sample(50) < 0.7)[groups]
        probabilities = np.eye(2)[np.where(right, y, 1 - y)]
        _, error = score_with_error(probabilities, y, np.array([0, 1]), None, None, groups, rng)
        squares.append(error**2)
    np.testing.assert_allclose(np.mean(squares), 0.7 * 0.3 / 50, rtol=0.3)


# calibration -----------------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0])
@pytest.mark.parametrize("n_classes", [2, 5])
def test_temperature_is_the_minimum_of_the_log_loss(temperature, n_classes, weighted):
    """Against scipy's minimiser, for probabilities that are too sure or not sure enough; then
    1 / (n + 1) of the uniform distribution."""
    rng = np.random.RandomState(0)
    logits = 2 * rng.normal(size=(400, n_classes))
    y = np.array([rng.choice(n_classes, p=row) for row in softmax(logits / temperature, axis=1)])
    p = softmax(logits, axis=1)
    weight = rng.uniform(0, 2, 400) if weighted else None

    def loss(log_c):
        q = softmax(np.exp(log_c) * np.log(p), axis=1)
        return np.average(-np.log(q[np.arange(400), y]), weights=weight)

    best = minimize_scalar(loss, bounds=(-5, 5), method="bounded", options={"xatol": 1e-10})
    scaling = TemperatureScaling().fit(p, y, weight)
    np.testing.assert_allclose(np.log(scaling.inverse_temperature_), best.x, atol=1e-6)
    share = 1 / 401
    q = softmax(scaling.inverse_temperature_ * np.log(p), axis=1)
    np.testing.assert_allclose(scaling.transform(p), (1 - share) * q + share / n_classes, rtol=1e-9)


def test_temperature_of_certain_and_impossible_rows():
    """Probabilities of 0 and 1: right ones stay finite, wrong ones lead to the uniform."""
    p = np.eye(3)[np.arange(90) % 3]
    right, wrong = np.arange(90) % 3, (np.arange(90) + 1) % 3
    for y in (right, wrong):
        q = TemperatureScaling().fit(p, y).transform(p)
        assert (q > 0).all()
        np.testing.assert_allclose(q.sum(axis=1), 1)
        np.testing.assert_allclose(q[:, 0][y == 0].mean(), 1 if y is right else 1 / 3, atol=0.02)


def test_probabilities_of_an_ensemble_are_calibrated():
    """Labels drawn with a known probability: the out-of-fold log loss beats a constant's, no other
    temperature is better, and no class of no row has a probability of zero."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(800, 3))
    y = (rng.random_sample(800) < 1 / (1 + np.exp(-2 * X[:, 0]))).astype(int)
    model = classifier(**FOUR | {"max_iter": 60}).fit(X, y)
    oof = model.oof_prediction_.astype(float)
    loss = log_loss(y, oof)
    assert loss < 0.93 * np.log(2)
    for factor in (0.8, 1.25):
        assert loss <= log_loss(y, softmax(factor * np.log(oof), axis=1)) + 1e-4
    assert model.predict_proba(1e9 * X).min() >= 0.5 / 801 - 1e-12
    log_proba = model.predict_log_proba(X)
    np.testing.assert_array_equal(log_proba, np.log(model.predict_proba(X)))


# importances -----------------------------------------------------------------------------------


def test_importances_are_the_positive_shares_of_the_sums():
    """By hand: of 4, -4 and 1 there are 4/5, nothing and 1/5; of nothing there is nothing."""
    increases = [np.array([2.0, -5, 1]), np.array([2.0, 1, 0])]
    np.testing.assert_allclose(shares(increases), [0.8, 0, 0.2], rtol=1e-15)
    np.testing.assert_array_equal(shares([np.array([0.0, -1])]), 0)


@pytest.mark.parametrize("make", [classifier, regressor])
def test_importances_find_the_columns_that_tell(make):
    """In the order of scikit-learn's permutation importance on new rows; shares of one; the column
    of noise has next to none."""
    frame, wage = people(800)
    y = np.where(wage > np.median(wage), "rich", "poor") if make is classifier else wage
    params = FOUR | {"max_iter": 60}
    model = make(**params).fit(frame[:500], y[:500])
    importances = dict(zip(frame, model.feature_importances_, strict=True))
    np.testing.assert_allclose(sum(importances.values()), 1)
    assert min(importances.values()) >= 0
    ours = sorted(importances, key=importances.get)
    # without gaps, as scikit-learn shuffles in place; by a loss that sees probabilities
    scoring = "neg_log_loss" if make is classifier else "neg_mean_squared_error"
    theirs = permutation_importance(
        model, frame[500:], y[500:], scoring=scoring, n_repeats=5, random_state=0
    ).importances_mean
    best = [frame.columns[j] for j in np.argsort(theirs)[::-1][:2]]
    assert ours[::-1][:2] == best
    assert set(best) == {"trade", "age"}
    assert importances["noise"] + importances["married"] < 0.15


def test_importances_of_noise_alone_are_shares_or_nothing():
    rng = np.random.RandomState(0)
    model = classifier(**FOUR).fit(rng.normal(size=(200, 4)), rng.randint(0, 2, 200))
    assert model.feature_importances_.shape == (4,)
    assert (model.feature_importances_ >= 0).all()
    total = model.feature_importances_.sum()
    assert total == 0 or abs(total - 1) < 1e-9


def test_store_oof_false_keeps_the_score_alone():
    X = np.random.RandomState(0).normal(size=(80, 2))
    with_rows = classifier().fit(X, X[:, 0] > 0)
    without = classifier(store_oof=False).fit(X, X[:, 0] > 0)
    assert not hasattr(without, "oof_prediction_")
    assert without.oof_score_ == with_rows.oof_score_
    with_rows.set_params(store_oof=False).fit(X, X[:, 0] > 0)
    assert not hasattr(with_rows, "oof_prediction_")
