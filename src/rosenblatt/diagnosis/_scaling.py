"""Training on standardised columns, which makes the optimisation of the same net easier.

Scales and means are then folded into the first and last weights, so that the net accepts the
original rows. Nothing is decided here.
"""

# SPDX-License-Identifier: BSD-3-Clause
import numpy as np
import scipy.sparse as sp

from rosenblatt.mlp import MLPRegressor

# Means or spreads that differ by this factor make the loss a narrow valley, because its curvature
# is proportional to their squares.
UNEVEN_SIZES = 10.0
# The losses whose minimiser is shifted and scaled with the target.
LOSSES_OF_ANY_SIZE = ("squared_error", "absolute_error", "quantile")


def is_uneven(values):
    """Whether the means or spreads of the columns differ so much that they slow descent down."""
    if sp.issparse(values):
        return False  # sparse columns are mostly zeros, and cannot be centred
    deviations = values.std(axis=0, dtype=float)
    means = np.abs(values.mean(axis=0, dtype=float))
    deviations, means = deviations[deviations > 0], means[deviations > 0]
    if not len(deviations):
        return False
    least, most = deviations.min(), deviations.max()
    return bool(
        most > UNEVEN_SIZES * least
        or not 1 / UNEVEN_SIZES <= most <= UNEVEN_SIZES
        or (means > UNEVEN_SIZES * deviations).any()
    )


def scales_target(net, y):
    """Whether the target can be standardised and should be."""
    may = isinstance(net, MLPRegressor) and net.loss in LOSSES_OF_ANY_SIZE
    return may and is_uneven(y.reshape(len(y), -1))


class Standardisation:
    """Means and standard deviations of columns; a constant column is not scaled."""

    def __init__(self, values):
        self.means = values.mean(axis=0, dtype=float)
        deviations = values.std(axis=0, dtype=float)
        self.deviations = np.where(deviations > 0, deviations, 1.0)

    def __call__(self, values):
        """The standardised values, in the same dtype."""
        dtype = values.dtype if values.dtype.kind == "f" else np.dtype(float)
        scaled = values - self.means.astype(dtype)
        scaled /= self.deviations.astype(dtype)
        return scaled

    def fold_into_first_layer(self, net):
        """Change a net that was trained on standardised features so that it accepts plain ones."""
        weights = np.asarray(net.coefs_[0], float) / self.deviations[:, None]
        net.intercepts_[0] = net.intercepts_[0] - self.means @ weights
        net.coefs_[0] = weights

    def fold_into_last_layer(self, net):
        """Change a net that was trained on standardised targets so that it predicts plain ones."""
        net.coefs_[-1] = net.coefs_[-1] * self.deviations
        net.intercepts_[-1] = net.intercepts_[-1] * self.deviations + self.means
