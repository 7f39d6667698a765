"""Scores of predictions: accuracy, R^2 and D^2 as scikit-learn defines them, on encoded targets.

For the epoch-by-epoch scores of training, which know their arrays: nothing is checked here,
and scikit-learn's checks take longer than the scores. Estimators' `score` is scikit-learn's.
"""

# SPDX-License-Identifier: BSD-3-Clause
import numpy as np


def validation_score(predictions, targets, sample_weight, target, *, threshold=0.5, levels=None):
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
    threshold : float
        Above which an output of 'binary' is a 1.
    levels : sequence of float or None
        Of the quantiles of one target that the outputs are.

    Returns
    -------
    float
        For a regression R^2, or of several quantiles D^2, NaN where predictions are not finite;
        else the share of the weight whose rows are right, in all labels for multilabel.
    """
    if target == "real":
        if levels is not None and np.isfinite(predictions).all():
            return mean_d2_score(targets[:, 0], predictions, levels, sample_weight)
        return r2(predictions, targets, sample_weight)
    if target == "class":
        is_right = predictions.argmax(axis=1) == targets
    else:
        is_right = ((predictions > threshold) == targets).all(axis=1)
    return float(np.average(is_right, weights=sample_weight))


def mean_d2_score(y, predictions, levels, sample_weight):
    """D^2 of the pinball loss, averaged over the levels that the predictions' columns are."""
    from sklearn.metrics import d2_pinball_score  # whose import takes long, and few need it

    return float(
        np.mean(
            [
                d2_pinball_score(y, column, alpha=level, sample_weight=sample_weight)
                for column, level in zip(predictions.T, levels, strict=True)
            ]
        )
    )


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
