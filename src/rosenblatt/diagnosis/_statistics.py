"""Statistics of a diagnosis with standard errors: scores, differences, areas under the ROC curve.

Nothing is trained or decided here.
"""

# SPDX-License-Identifier: BSD-3-Clause
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

STANDARD_ERRORS = 2  # the noise, in standard errors to either side: about 95 % confidence


@dataclass(frozen=True)
class Difference:
    """One score minus another, or an area under a ROC curve minus 0.5.

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
        """Whether it is significant: it exceeds both its noise and tol."""
        return bool(self.value > self.noise and self.value > tol)

    def is_settled(self, tol):
        """Whether the noise is below tol, so that more rows are unlikely to change the answer."""
        return bool(abs(self.value - tol) > self.noise)


def share_values(predicted, y):
    """1.0 for each row whose labels are all predicted correctly, otherwise 0.0.

    The mean is the accuracy. `predicted` and `y` have shape (n_samples,) or (n_samples, n_labels),
    the result has shape (n_samples,).
    """
    is_right = np.asarray(predicted == y)
    return (is_right if is_right.ndim == 1 else is_right.all(axis=1)).astype(float)


def explained_values(errors, baseline):
    """Values of rows whose mean is 1 - sum(errors) / sum(baseline), averaged over outputs.

    With squared errors and squared distances from the mean this is R^2, with pinball losses D^2. A
    ratio of sums is not a mean over rows, but to first order it equals the mean of these values.
    Their spread therefore gives its standard error (the delta method), and that of a difference
    between two nets on the same rows.

    Parameters
    ----------
    errors, baseline : ndarray of shape (n_samples, n_outputs)
        The errors of a net, and of the best constant.

    Returns
    -------
    ndarray of shape (n_samples,)
        The values. As in scikit-learn, an output with a constant target counts 1 if it has no
        error at all, and 0 otherwise.
    """
    mean_error, mean_baseline = errors.mean(axis=0), baseline.mean(axis=0)
    values = np.repeat((mean_error == 0).astype(float)[None], len(errors), axis=0)
    varies = (mean_error != 0) & (mean_baseline != 0)
    ratio = mean_error[varies] / mean_baseline[varies]
    influence = (ratio * baseline[:, varies] - errors[:, varies]) / mean_baseline[varies]
    values[:, varies] = 1 - ratio + influence
    return values.mean(axis=1)


def pinball_losses(y, predictions, levels):
    """Pinball losses: level * (y - f) for y above f, (1 - level) * (f - y) below."""
    above = y - predictions
    return np.where(above >= 0, levels * above, (levels - 1) * above)


def standard_error(values, *, is_share):
    """Standard error of the mean of row values.

    For fractions, two rows of each kind are added (Agresti & Coull, 1998), because the noise is
    not zero even if, for example, all of ten rows are correct.
    """
    n = len(values)
    if is_share:
        share = (values.sum() + 2) / (n + 4)
        return np.sqrt(share * (1 - share) / (n + 4))
    return values.std(ddof=1) / np.sqrt(n)


def difference_of_rows(values, others):
    """Difference of the scores of two nets on the same rows, with the noise of paired rows."""
    pairs = values - others
    noise = STANDARD_ERRORS * pairs.std(ddof=1) / np.sqrt(len(pairs))
    return Difference(values.mean(), others.mean(), pairs.mean(), noise)


def difference_of_sets(values, others, *, is_share):
    """Difference of the scores on two independent sets of rows."""
    error = np.hypot(
        standard_error(values, is_share=is_share), standard_error(others, is_share=is_share)
    )
    score, against = values.mean(), others.mean()
    return Difference(score, against, score - against, STANDARD_ERRORS * error)


def auc_over_chance(of_test, of_train):
    """The area under the ROC curve compared with 0.5.

    Parameters
    ----------
    of_test, of_train : ndarray
        A score of each test row and of each training row. The area is the fraction of pairs in
        which the test row has the higher score.

    Notes
    -----
    The standard error follows E. R. DeLong, D. M. DeLong and D. L. Clarke-Pearson, "Comparing
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
