"""Scores of predictions: accuracy, R^2 and D^2 as scikit-learn defines them, on encoded targets.

They are used for validation scores in every epoch. Nothing is validated here, because the arrays
are known and scikit-learn's validation takes longer than the scores. `score` of the estimators is
scikit-learn's.
"""

# SPDX-License-Identifier: BSD-3-Clause
import numpy as np


def validation_score(predictions, targets, sample_weight, target, *, threshold=0.5, levels=None):
    """The score that early stopping uses.

    Parameters
    ----------
    predictions : ndarray of shape (n_samples, n_outputs)
        Outputs of the network.
    targets : ndarray
        Targets of the loss: class indices (n_samples,), or of the shape of predictions.
    sample_weight : ndarray of shape (n_samples,) or None
    target : {'real', 'binary', 'class'}
        The kind of targets of the loss.
    threshold : float
        An output of 'binary' above it is predicted as 1.
    levels : sequence of float or None
        Quantile levels of the outputs, if they are quantiles of one target.

    Returns
    -------
    float
        For regression R^2, or D^2 for several quantiles, or NaN if predictions are not finite.
        Otherwise the weighted accuracy, for multilabel targets of whole rows.
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
    """D^2 of the pinball loss, averaged over the levels of the columns of predictions."""
    from sklearn.metrics import d2_pinball_score  # a slow import that is rarely needed

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

    An output with a constant target counts 1 if all predictions are exact, and 0 otherwise.
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
