"""scikit-learn's estimator checks, and bitwise reproducibility."""

# SPDX-License-Identifier: BSD-3-Clause
import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from rosenblatt import TabularMLPClassifier, TabularMLPRegressor

SMALL = {"preset": "fast", "max_iter": 20, "n_members": 2, "n_folds": 4}
DRAWN_BY_ROW = "folds and batches are drawn by row: a row of weight 2 is not two rows"


def expected_failures(estimator):
    return {
        "check_sample_weight_equivalence_on_dense_data": DRAWN_BY_ROW,
        "check_sample_weight_equivalence_on_sparse_data": DRAWN_BY_ROW,
    }


@parametrize_with_checks(
    [TabularMLPClassifier(**SMALL), TabularMLPRegressor(**SMALL)],
    expected_failed_checks=expected_failures,
)
@pytest.mark.filterwarnings("ignore")
def test_scikit_learns_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("kind", [TabularMLPClassifier, TabularMLPRegressor])
def test_bits_do_not_depend_on_threads(kind):
    random_state = np.random.RandomState(0)
    X = random_state.normal(size=(300, 5))
    y = np.round(X[:, 0] + X[:, 1] ** 2)
    if kind is TabularMLPClassifier:
        y = y > 0
    models = [kind(**SMALL, n_jobs=n_jobs, random_state=1).fit(X, y) for n_jobs in (1, 2, 3)]
    for model in models[1:]:
        np.testing.assert_array_equal(model.oof_prediction_, models[0].oof_prediction_)
        np.testing.assert_array_equal(model.predict(X), models[0].predict(X))
        np.testing.assert_array_equal(model.feature_importances_, models[0].feature_importances_)
