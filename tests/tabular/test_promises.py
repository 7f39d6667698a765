"""Documented properties that could break silently: confident classes, weights of members, bounds of
intervals, what ended a fit, memory of quantiles."""

# SPDX-License-Identifier: BSD-3-Clause
import tracemalloc
from types import SimpleNamespace

import numpy as np
import pytest

from rosenblatt import TabularMLPClassifier, TabularMLPRegressor
from rosenblatt.tabular._recipe import Kind, ensemble_plan, member_weights

SMALL = {"preset": "fast", "max_iter": 30, "n_members": 2, "n_folds": 2, "random_state": 0}


def test_probabilities_of_separable_classes_do_not_jump():
    """Half-way between two blobs, where every out-of-fold row is right, neither is certain."""
    rng = np.random.RandomState(0)
    X = rng.normal(scale=0.3, size=(60, 2))
    y = np.repeat([0, 1], 30)
    X[y == 1, 0] += 4
    model = TabularMLPClassifier("fast", random_state=0).fit(X, y)
    assert model.oof_score_ == 1
    ramp = np.column_stack([np.linspace(0, 4, 41), np.zeros(41)])
    steps = np.diff(model.predict_proba(ramp)[:, 1])
    assert steps.max() < 0.5


def test_no_member_is_thrown_out_for_the_outliers_of_its_fold():
    kinds = [Kind(name, (8,), "relu") for name in ("quantile", "tree", "periodic")]
    weights = member_weights(kinds, [1.0, 1.1, 100.0])
    np.testing.assert_allclose(weights, np.array([1, 1.1**-4, 0.5]) / (1.5 + 1.1**-4))


def test_intervals_with_a_narrow_validation_set_hold_the_prediction():
    """Bounds are the training targets', not those of the rows held out."""
    rng = np.random.RandomState(0)
    X = rng.uniform(size=(300, 1))
    y = 20 * X[:, 0] + rng.normal(size=300)
    middle = (X[:, 0] > 0.4) & (X[:, 0] < 0.6)
    model = TabularMLPRegressor(**SMALL).fit(X, y, X_val=X[middle], y_val=y[middle])
    low, high = model.predict_interval([[0.95]])[0]
    assert low < high
    assert low <= model.predict([[0.95]])[0] <= high
    assert model.n_folds_ == 1


@pytest.mark.parametrize(("stops_at", "expected"), [(1, "callback"), (2, None)])
def test_a_callback_ends_a_fit_only_where_members_were_to_come(stops_at, expected):
    def stop(record, estimator):
        return record.n_ready == stops_at

    X = np.random.RandomState(0).normal(size=(100, 2))
    model = TabularMLPRegressor(**SMALL, callbacks=[stop]).fit(X, X[:, 0])
    assert model.ended_by_ == expected
    assert model.n_members_ == stops_at


def test_an_error_of_a_callback_ends_the_other_threads():
    """Members that have not begun do not train."""
    seen = []

    def fail(record, estimator):
        seen.append(record.member)
        raise RuntimeError("not today")

    X = np.random.RandomState(0).normal(size=(100, 2))
    params = SMALL | {"n_members": 12, "n_jobs": 2}
    with pytest.raises(RuntimeError, match="not today"):
        TabularMLPRegressor(**params, callbacks=[fail]).fit(X, X[:, 0])
    assert len(seen) <= 2


def test_quantiles_take_bounded_memory():
    rng = np.random.RandomState(0)
    X = rng.normal(size=(300, 8))
    model = TabularMLPRegressor(**SMALL).fit(X, X[:, 0])
    rows = rng.normal(size=(40_000, 8))
    model.predict_quantiles(rows[:3000], [0.1, 0.9])
    tracemalloc.start()
    try:
        quantiles = model.predict_quantiles(rows, [0.1, 0.9])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # at once the matrix of inputs and the grid of quantiles would be over 40 MB
    assert peak < 12e6
    alone = model.predict_quantiles(rows[5000:5001], [0.1, 0.9])
    np.testing.assert_array_equal(quantiles[5000], alone[0])


def test_weights_of_classes_are_those_of_the_training_rows():
    """'balanced' counts y, also for rows that are held out."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(200, 2))
    y = (X[:, 0] > 1).astype(int)
    held_out = {"X_val": X[:50], "y_val": y[:50]}
    balanced = TabularMLPClassifier(**SMALL, class_weight="balanced").fit(X, y, **held_out)
    counts = np.bincount(y)
    weights = dict(enumerate(200 / (2 * counts)))
    same = TabularMLPClassifier(**SMALL, class_weight=weights).fit(X, y, **held_out)
    np.testing.assert_allclose(balanced.predict_proba(X), same.predict_proba(X), rtol=1e-5)


@pytest.mark.parametrize("n_rows", [1_000, 60_000, 200_000, 500_000])
def test_presets_differ_at_every_size(n_rows):
    """More members from preset to preset; epochs and members fall with the rows."""
    target = SimpleNamespace(is_classification=True)
    plans = [
        ensemble_plan(TabularMLPClassifier(preset), range(n_rows), target)
        for preset in ("fast", "default", "best")
    ]
    assert plans[0].n_members < plans[1].n_members < plans[2].n_members
    assert plans[1].max_iter == {1_000: 200, 60_000: 24, 200_000: 17, 500_000: 12}[n_rows]
