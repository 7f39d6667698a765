"""Target statistics of categories with many levels: shrunken means of the target, out of fold for
training rows. The caller decides which columns get them.
"""

# SPDX-License-Identifier: BSD-3-Clause
import numpy as np

from rosenblatt._plain_state import stored_as_plain_data

MANY_LEVELS = 30  # categories with more levels get target statistics
SMOOTH = 10.0


@stored_as_plain_data
class TargetStatistics:
    """Mean target of each level, shrunk towards the mean of all rows.

    Let S be the sum of the weights of a level's rows, T the sum of weight times target over these
    rows, and m the mean target of all rows. The statistic of the level is
    (T + smooth * m) / (S + smooth), as in scikit-learn's TargetEncoder with a numeric `smooth`.
    The statistic of code -1 is m.

    Parameters
    ----------
    smooth : float >= 0, default=10.0
        Amount of shrinkage, as a number of rows of mean weight.

    Attributes
    ----------
    n_columns : int
        Number of output columns: columns of codes times columns of targets.
    """

    def __init__(self, smooth=SMOOTH):
        self.smooth = smooth

    def fit(self, codes, targets, sample_weight=None):
        """Compute the statistics.

        Parameters
        ----------
        codes : ndarray of int of shape (n, q)
            -1 marks a cell without a level.
        targets : ndarray of float of shape (n, t)
            Numbers, or the `indicators` of the classes.
        sample_weight : ndarray of float of shape (n,) or None

        Returns
        -------
        self
        """
        self._of_sums(*_sums(codes, targets, _unit_weights(sample_weight, len(codes))))
        return self

    def fit_transform(self, codes, targets, folds, sample_weight=None):
        """Fit, and return out-of-fold statistics: those of a row are computed from the other folds.

        Parameters
        ----------
        codes, targets, sample_weight
            As for `fit`.
        folds : ndarray of int of shape (n,)
            The fold of each row. There must be at least two folds.

        Returns
        -------
        ndarray of float64 of shape (n, n_columns)
            The statistics of one column of codes are adjacent.
        """
        weights = _unit_weights(sample_weight, len(codes))
        total = _sums(codes, targets, weights)
        out = np.empty((len(codes), codes.shape[1] * targets.shape[1]))
        offsets = _offsets(codes)
        for fold in np.unique(folds):
            rows = np.flatnonzero(folds == fold)
            of_fold = _sums(codes[rows], targets[rows], weights[rows], offsets)
            rest = TargetStatistics(self.smooth)
            differences = [a - b for a, b in zip(total[1:], of_fold[1:], strict=True)]
            out[rows] = rest._of_sums(offsets, *differences).transform(codes[rows])
        self._of_sums(*total)
        return out

    def transform(self, codes):
        """The statistics of each row's levels, computed from all rows of `fit`.

        Returns
        -------
        ndarray of float64 of shape (n, n_columns)
        """
        width = np.diff(self._offsets)
        known = np.where(codes < width - 1, codes, -1)
        return self._table[known + 1 + self._offsets[:-1]].reshape(len(codes), -1)

    def _of_sums(self, offsets, weights, targets, all_weight, all_targets):
        """Set the table of statistics, of shape (number of codes of all columns, t)."""
        self._offsets = offsets
        # if the other folds have no weight at all, every statistic is 0
        mean = all_targets / all_weight if all_weight > 0 else np.zeros_like(all_targets)
        weights = np.maximum(weights, 0).reshape(-1, 1)
        divisor = weights + self.smooth
        share = np.divide(weights, divisor, out=np.zeros_like(divisor), where=divisor > 0)
        level = np.divide(targets, weights, out=np.zeros_like(targets), where=weights > 1e-9)
        self._table = mean + share * (level - mean)
        self._table[offsets[:-1]] = mean
        self.n_columns = (len(offsets) - 1) * self._table.shape[1]
        return self


def indicators(indices, n_classes):
    """Class indicators as float64: (n, n_classes), or (n, 1) for the second of two classes."""
    if n_classes == 2:
        return np.asarray(indices, dtype=np.float64).reshape(-1, 1)
    return np.eye(n_classes)[indices]


def _unit_weights(sample_weight, n_rows):
    """Weights with mean 1 over the rows of nonzero weight, so that `smooth` is a number of rows."""
    if sample_weight is None:
        return np.ones(n_rows)
    weights = np.asarray(sample_weight, dtype=np.float64)
    return weights * (np.count_nonzero(weights) / weights.sum())


def _offsets(codes):
    """The start of the codes -1, 0, 1, ... of each column in one flat array, and its length."""
    n_codes = codes.max(axis=0, initial=-1) + 2
    return np.concatenate([[0], np.cumsum(n_codes)])


def _sums(codes, targets, weights, offsets=None):
    """(offsets, weight and weighted targets of each code, the same sums over all rows)."""
    offsets = _offsets(codes) if offsets is None else offsets
    flat = (codes + 1 + offsets[:-1]).ravel()
    n_columns = codes.shape[1]
    of_codes = np.bincount(flat, np.repeat(weights, n_columns), offsets[-1])
    weighted = targets * weights.reshape(-1, 1)
    sums = np.empty((offsets[-1], targets.shape[1]))
    for k in range(targets.shape[1]):
        sums[:, k] = np.bincount(flat, np.repeat(weighted[:, k], n_columns), offsets[-1])
    return offsets, of_codes, sums, weights.sum(), weighted.sum(axis=0)
