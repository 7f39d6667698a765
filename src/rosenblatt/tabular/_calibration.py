"""Calibrates a classifier's probabilities on rows that it was not trained on.

Temperature scaling, followed by mixing with the uniform distribution. It works on probabilities
alone and does not depend on networks.
"""

# SPDX-License-Identifier: BSD-3-Clause
import numpy as np
from scipy.special import softmax

from rosenblatt._plain_state import stored_as_plain_data

# upper bound of the inverse temperature: if every row is classified correctly, the optimum is
# infinite and probabilities would be 0 or 1
LOWEST_LOG, HIGHEST_LOG = -16.0, 1.5
N_BISECTIONS = 30
SMALLEST = 1e-12  # smaller probabilities are clipped to this


@stored_as_plain_data
class TemperatureScaling:
    """Probabilities q proportional to p**c, mixed with the uniform distribution.

    The inverse temperature c <= 4.5 minimises the log loss on the given rows. It is found by
    bisection of the derivative, mean(sum_k q_k log p_k) - mean(log p_y), which increases with c.
    The result is (1 - u) q + u / n_classes with u = 1 / (n_samples + 1), so that no class has
    probability zero [1]_.

    Parameters
    ----------
    sharper : float, default=1.0
        Factor by which c is multiplied after fitting. It corrects for predictions of the given
        rows that are more confident than those of new rows will be.

    Attributes
    ----------
    inverse_temperature_ : float
    uniform_share_ : float

    References
    ----------
    .. [1] C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, "On calibration of modern neural
       networks", ICML 2017. E. Berta, D. Holzmueller, M. I. Jordan, F. Bach, "Rethinking early
       stopping: refine, then calibrate", 2025.
    """

    def __init__(self, sharper=1.0):
        self.sharper = sharper

    def fit(self, probabilities, indices, sample_weight=None):
        """Fit the inverse temperature.

        Parameters
        ----------
        probabilities : ndarray of shape (n_samples, n_classes)
        indices : ndarray of int of shape (n_samples,)
            The true classes.
        sample_weight : ndarray of shape (n_samples,) or None
        """
        logs = np.log(np.maximum(probabilities.astype(np.float64), SMALLEST))
        right = logs[np.arange(len(logs)), indices]
        low, high = LOWEST_LOG, HIGHEST_LOG
        for _ in range(N_BISECTIONS):
            middle = (low + high) / 2
            q = softmax(np.exp(middle) * logs, axis=1)
            slope = np.average(np.einsum("ij,ij->i", q, logs) - right, weights=sample_weight)
            low, high = (low, middle) if slope > 0 else (middle, high)
        self.inverse_temperature_ = self.sharper * float(np.exp((low + high) / 2))
        self.uniform_share_ = 1.0 / (len(logs) + 1)
        return self

    def transform(self, probabilities):
        """The calibrated probabilities, in the dtype of the input."""
        if probabilities.shape[1] == 1:
            return np.ones_like(probabilities)
        logs = np.log(np.maximum(probabilities, np.asarray(SMALLEST, probabilities.dtype)))
        logs *= self.inverse_temperature_
        logs -= logs.max(axis=1, keepdims=True)
        q = np.exp(logs, out=logs)
        q /= q.sum(axis=1, keepdims=True)
        q *= 1 - self.uniform_share_
        q += self.uniform_share_ / q.shape[1]
        return q
