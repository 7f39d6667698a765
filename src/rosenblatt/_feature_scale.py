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
MOST_ROWS, FEWEST_ROWS, MOST_VALUES = 2000, 50, 2**17  # the part of X that is examined


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
    n_rows = min(MOST_ROWS, max(FEWEST_ROWS, MOST_VALUES // data.X.shape[1]))
    rows = data.X[:: -(-len(data.X) // n_rows)].astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        means, deviations = np.abs(rows.mean(axis=0)), rows.std(axis=0)
    varies = (deviations > 0) & np.isfinite(deviations)
    if len(rows) < 3 or not varies.any():
        return
    ratio = np.median(means[varies] / deviations[varies])
    deviation = np.median(deviations[varies])
    if ratio > MOST_MEAN:
        found = f"a mean of {ratio:.3g} standard deviations"
    elif data.loss.target == "real" and deviation > MOST_DEVIATION:
        found = f"a standard deviation of {deviation:.3g}"
    else:
        return
    warn_user(
        f"Half of the columns of X have {found} or more, and networks learn from columns with a "
        "mean near 0 and a deviation near 1: the fit may be of no use. Scale X: "
        f"sklearn.pipeline.make_pipeline(StandardScaler(), {owner}()) does."
    )
