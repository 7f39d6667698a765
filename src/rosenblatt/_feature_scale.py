"""Warns of features on a scale on which networks hardly learn. It changes nothing.

Targets are in _target_scale.py.
"""

# SPDX-License-Identifier: BSD-3-Clause
import numpy as np
import scipy.sparse as sp

from rosenblatt._base import warn_user

# Standardised features, shifted and multiplied, with one hidden layer and Adam. All of them 30
# standard deviations from 0: accuracy 0.63, 0.46, 0.72 (breast cancer, wine, digits; 0.97, 0.99,
# 0.98 as they are), at 100 that of guessing; one of them so far did no harm. All of them times 100:
# R^2 -19, -5, -10, 0.1 (diabetes, Friedman, linear, houses; 0.3, 0.9, 1.0, 0.8 as they are), at 300
# below -3; one of them times 3,000 did no harm, nor did any factor to classifiers.
MOST_MEAN, MOST_DEVIATION = 50.0, 100.0
MOST_ROWS = 200  # of X, which are examined: a fit of a small table takes little longer than this


def warn_of_feature_scale(plan, data, owner):
    """Warn if more than half of the columns that are not constant have such a scale.

    Parameters
    ----------
    plan : Plan
    data : TrainingData
    owner : str
        The name of the estimator's class.
    """
    if sp.issparse(data.X) or not plan.is_stochastic or plan.architecture.normalization:
        return
    rows = data.X[:: -(-len(data.X) // MOST_ROWS)].astype(np.float64)
    if len(rows) < 3:
        return
    with np.errstate(over="ignore", invalid="ignore"):
        means = rows.mean(axis=0)
        rows -= means
        deviations = np.sqrt(np.einsum("ij,ij->j", rows, rows) / len(rows))
        n_varying = np.count_nonzero(deviations)
        is_far = np.abs(means) > MOST_MEAN * deviations
    if np.count_nonzero(is_far & (deviations > 0)) > n_varying / 2:
        found = f"a mean more than {MOST_MEAN:g} standard deviations from 0"
    elif (
        data.loss.target == "real" and np.count_nonzero(deviations > MOST_DEVIATION) > n_varying / 2
    ):
        found = f"a standard deviation above {MOST_DEVIATION:g}"
    else:
        return
    warn_user(
        f"More than half of the columns of X have {found}, and networks learn from columns with a "
        "mean near 0 and a deviation near 1: the fit may be of no use. Scale X: "
        f"sklearn.pipeline.make_pipeline(StandardScaler(), {owner}()) does."
    )
