"""stuck: each verdict on synthetic histories and on real fits."""

import numpy as np
import pytest
from problems import diabetes, digits, iris
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import StandardScaler

from rosenblatt import MLPClassifier, MLPRegressor, PerceptronClassifier
from rosenblatt._history import History
from rosenblatt.inspection import critical_point, stuck
from rosenblatt.inspection._stuck import _trend

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

EPOCHS = np.arange(100)
NOISE = np.where(EPOCHS % 2, 0.01, -0.01)


def with_history(loss, norms, rates=None, **parameters):
    """An estimator that remembers the given figures."""
    model = MLPRegressor((3,), max_iter=1, random_state=0, **parameters).fit(*diabetes())
    columns = {name: [np.nan] * len(loss) for name in model.history_}
    columns["loss"], columns["gradient_norm"] = list(loss), list(norms)
    columns["learning_rate"] = [1e-3] * len(loss) if rates is None else list(rates)
    model.history_ = History(columns)
    return model


@pytest.mark.parametrize(
    ("loss", "norms", "verdict"),
    [
        (1 / (1 + EPOCHS), 1 / (1 + EPOCHS), "near a critical point"),
        (1 / (1 + EPOCHS), 1 + 0 * EPOCHS, "not a critical point"),
        (1 + np.exp(-EPOCHS) + NOISE, 1 + 0 * EPOCHS, "not a critical point"),
        # a gradient norm just above and just below a tenth of the highest
        (1 / (1 + EPOCHS), np.where(EPOCHS, 0.11, 1.0), "not a critical point"),
        (1 / (1 + EPOCHS), np.where(EPOCHS, 0.09, 1.0), "near a critical point"),
        (0 * EPOCHS + 2.3, 0 * EPOCHS + 1e-9, "near a critical point"),
        (0 * EPOCHS + 2.3, 0 * EPOCHS, "near a critical point"),
        (0 * EPOCHS, 0 * EPOCHS, "near a critical point"),
        (5 - 0.01 * EPOCHS, 1 + 0 * EPOCHS, "still descending"),
        (np.exp(-EPOCHS / 50), np.exp(-EPOCHS / 10), "still descending"),
        (1 + 0.01 * EPOCHS, 1 + 0 * EPOCHS, "diverging"),
        (np.append(EPOCHS, np.nan), np.append(EPOCHS, 1.0), "diverging"),
        (EPOCHS[:9], EPOCHS[:9], "too few epochs"),
    ],
)
def test_verdict_of_given_figures(loss, norms, verdict):
    """Flat or not, small or not, in all combinations; and what is left of it in the text."""
    report = stuck(with_history(loss, norms))
    assert report.verdict == verdict
    assert str(report).startswith(f"Stuck? {verdict}\n")
    assert repr(report) == str(report)
    assert report.evidence
    assert report.advice


@pytest.mark.parametrize(("scale", "shift"), [(1e-6, 0.0), (1e6, 0.0), (1.0, 1e-3), (1.0, -0.5)])
def test_verdict_does_not_depend_on_the_units_of_the_loss(scale, shift):
    """A loss in other units, or with a constant added that is not large, is as flat as before."""
    for norms in (1 / (1 + EPOCHS), 1 + 0 * EPOCHS):
        before = stuck(with_history(1 / (1 + EPOCHS), norms))
        after = stuck(with_history(scale / (1 + EPOCHS) + shift, scale * norms))
        assert after.verdict == before.verdict


def test_first_steps_down_a_wall_make_no_later_gradient_small():
    """In a narrow valley, that of raw features; critical_point agrees."""
    X, y = load_breast_cancer(return_X_y=True)
    model = MLPClassifier((30,), max_iter=300, random_state=0).fit(X, y)
    report = stuck(model)
    assert report.verdict == "not a critical point"
    assert report.gradient_ratio < 0.1
    assert ", but a step of a tenth" in report.evidence[1]
    assert "Standardise" in str(report)
    assert critical_point(model, X, y, progress=False).verdict == report.verdict
    assert stuck(model.fit(StandardScaler().fit_transform(X), y)).is_gradient_small


def test_trend_and_ratio_are_those_of_numpy():
    """The line is numpy.polyfit's over the last fifth; norms are averaged as they are recorded."""
    rng = np.random.RandomState(0)
    loss, norms = rng.rand(100), rng.rand(100)
    report = stuck(with_history(loss, norms))
    slope = np.polyfit(np.arange(20), loss[80:], 1)[0]
    assert report.loss_trend == pytest.approx(19 * slope / np.ptp(loss), rel=1e-9)
    expected = np.sqrt(np.mean(norms[80:] ** 2)) / norms.max()
    assert report.gradient_ratio == pytest.approx(expected, rel=1e-12)


def test_error_of_the_trend_is_that_of_numpy():
    """numpy.polyfit's covariance, with two degrees of freedom taken by the line."""
    loss = np.random.RandomState(1).rand(12)
    trend, error = _trend(loss, scale=0.5)
    (slope, _), covariance = np.polyfit(np.arange(12), loss, 1, cov=True)
    assert trend == pytest.approx(11 * slope / 0.5, rel=1e-9)
    assert error == pytest.approx(11 * np.sqrt(covariance[0, 0]) / 0.5, rel=1e-9)


@pytest.mark.parametrize(("last", "is_decayed"), [(0.001, True), (0.5, False)])
def test_a_cycle_has_decayed_by_its_peak(last, is_decayed):
    """one_cycle begins low: that it ends there again is no constant rate."""
    rates = np.r_[np.linspace(0.001, 1, 50), np.linspace(1, last, 50)]
    report = stuck(with_history(1 - 1e-6 * EPOCHS, 1 + 0 * EPOCHS, rates=rates))
    assert ("schedule" in report.advice[0]) == is_decayed
    assert ("learning rate went from 1 down" in report.evidence[-1]) == is_decayed


def test_a_loss_that_jumps_about_a_level_is_flat():
    """However far the line leans: it leans by less than its error."""
    rng = np.random.RandomState(3)
    loss = 1 + 0.5 * rng.rand(100)
    report = stuck(with_history(loss, 1 + 0 * loss))
    assert report.is_flat
    assert "two standard errors" in str(report)


def test_advice_follows_the_figures():
    """Back and forth: lower the rate. Smoothly: raise it. A rate that has decayed: the schedule."""
    norms = 1 + 0 * EPOCHS
    fast = stuck(with_history(1 + np.exp(-EPOCHS) + NOISE, norms, solver="sgd"))
    assert "set_params(learning_rate_init=0.0002)" in fast.advice[0]
    assert any("solver='adam'" in sentence for sentence in fast.advice)
    slow = stuck(with_history(1 - 1e-6 * EPOCHS, norms))
    assert "set_params(learning_rate_init=0.01)" in slow.advice[0]
    decayed = stuck(with_history(1 - 1e-6 * EPOCHS, norms, rates=0.5**EPOCHS))
    assert "schedule" in decayed.advice[0]
    assert "learning rate" in decayed.evidence[-1]


@pytest.mark.parametrize(
    ("model", "data", "verdict"),
    [
        # signals vanish in eight layers of sigmoids: a plateau from the first epoch on
        (MLPClassifier((20,) * 8, activation="logistic"), iris(), "near a critical point"),
        (MLPRegressor((20,), batch_size=1, alpha=1.0), diabetes(), "not a critical point"),
        (MLPClassifier(solver="sgd", learning_rate_init=1e-6), digits(), "not a critical point"),
        (MLPClassifier((30,)), digits(), "still descending"),
        (MLPRegressor((5,), momentum=0, solver="sgd"), diabetes(), "still descending"),
    ],
)
def test_verdict_of_trainings(model, data, verdict):
    """Nets that vanish, bounce, creep and learn, in either precision."""
    for dtype in ("float32", "float64"):
        model.set_params(max_iter=50, tol=0, n_iter_no_change=np.inf, random_state=0, dtype=dtype)
        assert stuck(model.fit(*data)).verdict == verdict


def test_lbfgs_is_told_nothing_of_rates_and_batches():
    """It has neither: it has iterations, no epochs; each verdict has advice of its own."""
    model = MLPClassifier((4,), solver="lbfgs", max_iter=5, random_state=0)
    assert stuck(model.fit(*iris())).verdict == "too few epochs"
    model.set_params(max_iter=15, tol=0)
    reports = [stuck(model.fit(*data)) for data in (digits(), iris())]
    assert [report.verdict for report in reports] == ["still descending", "near a critical point"]
    model.history_["gradient_norm"] = [1.0] * model.n_iter_
    reports.append(stuck(model))
    model.history_["loss"][-1] = np.inf
    reports.append(stuck(model))
    assert [report.verdict for report in reports[2:]] == ["not a critical point", "diverging"]
    for report in reports:
        for word in ("epoch", "learning_rate", "batch_size", "momentum"):
            assert word not in str(report)


def test_other_estimators_get_a_way_out():
    """Each error names it."""
    with pytest.raises(NotFittedError):
        stuck(MLPClassifier())
    with pytest.raises(TypeError, match="PerceptronClassifier"):
        stuck(PerceptronClassifier().fit(*iris()))
