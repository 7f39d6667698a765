"""Scores of predictions: accuracy and R^2 as scikit-learn defines them, on encoded targets.

For the epoch-by-epoch scores of training, which know their arrays: nothing is checked here,
and scikit-learn's checks take longer than the scores. Estimators' `score` is scikit-learn's.
"""

# SPDX-License-Identifier: BSD-3-Clause
import numpy as np


def validation_score(predictions, targets, sample_weight, target):
    """The score that early stopping watches.

    Parameters
    ----------
    predictions : ndarray of shape (n_samples, n_outputs)
        Outputs of the network.
    targets : ndarray
        As the loss takes them: class indices (n_samples,), or of predictions' shape.
    sample_weight : ndarray of shape (n_samples,) or None
    target : {'real', 'binary', 'class'}
        What the loss takes as targets.

    Returns
    -------
    float
        R^2 for 'real', NaN where predictions are not finite; else the share of the weight whose
        rows are right, in all labels for 'binary'.
    """
    if target == "real":
        return r2(predictions, targets, sample_weight)
    if target == "class":
        is_right = predictions.argmax(axis=1) == targets
    else:
        is_right = ((predictions > 0.5) == targets).all(axis=1)
    return float(np.average(is_right, weights=sample_weight))


def r2(predictions, targets, sample_weight):
    """R^2, averaged over outputs: 1 - sum((y - f)**2) / sum((y - mean(y))**2), weighted.

    An output whose target is constant counts 1 where predictions are right, else 0.
    """
    if not np.isfinite(predictions).all():
        return np.nan
    weights = 1 if sample_weight is None else sample_weight[:, None]
    mean = np.average(targets, axis=0, weights=sample_weight)
    unexplained = np.sum(weights * (targets - predictions) ** 2, axis=0)
    total = np.sum(weights * (targets - mean) ** 2, axis=0)
    scores = np.where(unexplained == 0, 1, 0).astype(total.dtype)
    counts = (unexplained != 0) & (total != 0)
    scores[counts] = 1 - unexplained[counts] / total[counts]
    return float(scores.mean())
