"""The figures of a diagnosis and their noise: row values, differences, the area under a ROC curve.

Nothing is trained or decided here.
"""

# SPDX-License-Identifier: BSD-3-Clause
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

STANDARD_ERRORS = 2  # of noise, on either side: about 95 % of what chance does


@dataclass(frozen=True)
class Difference:
    """One score less another, or an area under a ROC curve less 0.5.

    Attributes
    ----------
    score, against : float
    value : float
        score - against.
    noise : float
        Two standard errors of the value.
    """

    score: float
    against: float
    value: float
    noise: float

    def counts(self, tol):
        """Whether it exceeds both its noise and what is worth acting on."""
        return bool(self.value > self.noise and self.value > tol)

    def is_settled(self, tol):
        """Whether more rows would not change the answer: the noise does not reach tol."""
        return bool(abs(self.value - tol) > self.noise)


def share_values(predicted, y):
    """1.0 for every row that is right, in all its labels where there are several, else 0.0.

    Their mean is the accuracy. Shapes: (n_samples,) or (n_samples, n_labels) both; (n_samples,).
    """
    is_right = np.asarray(predicted == y)
    return (is_right if is_right.ndim == 1 else is_right.all(axis=1)).astype(float)


def explained_values(errors, baseline):
    """Row values whose mean is 1 - sum(errors) / sum(baseline), averaged over outputs.

    With squared errors and squared distances from the mean that is R^2, with pinball losses D^2. A
    ratio of sums is no mean over rows; to first order it is that of these values, so that their
    spread gives its standard error (the delta method), also of a difference between two nets on
    the same rows.

    Parameters
    ----------
    errors, baseline : ndarray of shape (n_samples, n_outputs)
        Of a net, and of the best constant.

    Returns
    -------
    ndarray of shape (n_samples,)
        An output of constant targets counts 1 where there is no error at all, else 0, as in
        scikit-learn.
    """
    mean_error, mean_baseline = errors.mean(axis=0), baseline.mean(axis=0)
    values = np.repeat((mean_error == 0).astype(float)[None], len(errors), axis=0)
    varies = (mean_error != 0) & (mean_baseline != 0)
    ratio = mean_error[varies] / mean_baseline[varies]
    influence = (ratio * baseline[:, varies] - errors[:, varies]) / mean_baseline[varies]
    values[:, varies] = 1 - ratio + influence
    return values.mean(axis=1)


def pinball_losses(y, predictions, levels):
    """Rows of the losses of quantiles: level * (y - f) above f, (1 - level) * (f - y) below."""
    above = y - predictions
    return np.where(above >= 0, levels * above, (levels - 1) * above)


def standard_error(values, *, is_share):
    """Of the mean of row values.

    For shares with two rows added of either kind (Agresti & Coull, 1998): that all of ten rows
    are right does not mean that there is no noise.
    """
    n = len(values)
    if is_share:
        share = (values.sum() + 2) / (n + 4)
        return np.sqrt(share * (1 - share) / (n + 4))
    return values.std(ddof=1) / np.sqrt(n)


def difference_of_rows(values, others):
    """Difference of two nets' scores on the same rows, with the noise of the pairs."""
    pairs = values - others
    noise = STANDARD_ERRORS * pairs.std(ddof=1) / np.sqrt(len(pairs))
    return Difference(values.mean(), others.mean(), pairs.mean(), noise)


def difference_of_sets(values, others, *, is_share):
    """Difference of scores on two sets of rows."""
    error = np.hypot(
        standard_error(values, is_share=is_share), standard_error(others, is_share=is_share)
    )
    score, against = values.mean(), others.mean()
    return Difference(score, against, score - against, STANDARD_ERRORS * error)


def auc_over_chance(of_test, of_train):
    """Difference of the area under the ROC curve from 0.5.

    Parameters
    ----------
    of_test, of_train : ndarray
        A figure of every test row and of every training row. The area is the share of pairs in
        which the test row has the higher one.

    Notes
    -----
    The standard error is that of E. R. DeLong, D. M. DeLong and D. L. Clarke-Pearson, "Comparing
    the areas under two or more correlated receiver operating characteristic curves", Biometrics
    1988.
    """
    n_test, n_train = len(of_test), len(of_train)
    ranks = rankdata(np.concatenate([of_test, of_train]))
    share_below = (ranks[:n_test] - rankdata(of_test)) / n_train
    share_above = 1 - (ranks[n_test:] - rankdata(of_train)) / n_test
    area = share_below.mean()
    error = np.sqrt(share_below.var(ddof=1) / n_test + share_above.var(ddof=1) / n_train)
    return Difference(area, 0.5, area - 0.5, STANDARD_ERRORS * error)
