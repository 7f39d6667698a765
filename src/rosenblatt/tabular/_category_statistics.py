"""Adds target statistics of categories with many levels to a table.

This file decides which columns get them and how they are named. The arithmetic is in
preprocessing/_target_statistics.py.
"""

# SPDX-License-Identifier: BSD-3-Clause
import numpy as np

from rosenblatt._plain_state import stored_as_plain_data
from rosenblatt.preprocessing._target_statistics import (
    MANY_LEVELS,
    TargetStatistics,
    indicators,
)

MOST_CLASSES = 10  # with more classes, a column of statistics per class costs more than it gains


@stored_as_plain_data
class CategoryStatistics:
    """Shrunken means of the target for categories with more than 30 levels.

    Parameters
    ----------
    table : Table
    target : ClassTarget or NumberTarget

    Attributes
    ----------
    columns : list of int
        Columns of `table.codes` that get statistics.
    """

    def __init__(self, table, target):
        levels = table.layout.levels
        self.columns = [j for j in range(len(levels)) if len(levels[j]) > MANY_LEVELS]
        if target.is_classification and not 2 <= target.n_outputs <= MOST_CLASSES:
            self.columns = []
        self.statistics = TargetStatistics()

    def fit_extend(self, table, target, folds, is_left_out=None):
        """The table with out-of-fold statistics: those of a row are computed from the other folds.

        Parameters
        ----------
        table : Table
        target : ClassTarget or NumberTarget
        folds : ndarray of int of shape (n_samples,)
        is_left_out : ndarray of bool of shape (n_samples,) or None
            Rows that are excluded from all statistics; they must have their own fold. None keeps
            the statistics of all rows for `extend`.
        """
        if target.is_classification:
            y = indicators(target.indices, target.n_outputs)
        else:
            y = target.targets.astype(np.float64)
        weights, statistics = target.given_weight, self.statistics
        if is_left_out is not None:
            weights = np.ones(len(y)) if weights is None else weights
            weights, statistics = np.where(is_left_out, 0, weights), TargetStatistics()
        codes = table.codes[:, self.columns]
        return self._with(table, statistics.fit_transform(codes, y, folds, weights))

    def extend(self, table):
        """The table with the statistics of all training rows."""
        return self._with(table, self.statistics.transform(table.codes[:, self.columns]))

    def _with(self, table, values):
        n_each = values.shape[1] // len(self.columns)
        names = [table.layout.code_names[j] for j in self.columns]
        sources = [table.layout.code_sources[j] for j in self.columns]
        return table.with_numbers(
            values,
            [f"{name}_target{i}" for name in names for i in range(n_each)],
            np.repeat(sources, n_each).tolist(),
        )
