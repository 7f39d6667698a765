"""Chooses the bin edges of one numeric column: quantiles, every value of a column with few distinct
values, or the splits of a small tree. The encoding by these bins is done elsewhere.
"""

# SPDX-License-Identifier: BSD-3-Clause
from copy import copy

import numpy as np
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

LARGEST = 1e300  # values are clipped to +-LARGEST, so that differences stay finite
_TREE_ROWS = 100_000  # enough to place two dozen splits


class SortedColumn:
    """The non-missing values of a column, sorted, with their weights.

    Parameters
    ----------
    values : ndarray of float64 of shape (n,)
        NaN marks a missing value.
    sample_weight : ndarray of shape (n,) or None
        Rows of weight 0 are ignored.

    Attributes
    ----------
    values : ndarray of float64
        Sorted and clipped to +-1e300.
    n_missing, n_rows : int
        Number of rows with a missing value, and of all rows. Rows of weight 0 are not counted.
    distinct : ndarray of float64
    """

    def __init__(self, values, sample_weight=None):
        if sample_weight is not None:
            used = sample_weight > 0
            values, sample_weight = values[used], sample_weight[used]
        self.n_rows = len(values)
        present = ~np.isnan(values)
        values = np.clip(values[present], -LARGEST, LARGEST)
        self.n_missing = self.n_rows - len(values)
        if sample_weight is None:
            self.values = np.sort(values)
            self._cumulated = np.arange(1, len(values) + 1)
        else:
            order = np.argsort(values, kind="stable")
            self.values = values[order]
            self._cumulated = np.cumsum(sample_weight[present][order], dtype=np.float64)
        first = np.ones(len(values), dtype=bool)
        np.not_equal(self.values[1:], self.values[:-1], out=first[1:])
        self.distinct = self.values[first]

    def frequent(self, share):
        """The values whose share of the total weight exceeds `share`."""
        last = np.searchsorted(self.values, self.distinct, side="right") - 1
        weights = np.diff(self._cumulated[last], prepend=0)
        return self.distinct[weights > share * self._cumulated[-1]]

    def without(self, values):
        """The column without the given values."""
        kept = np.flatnonzero(~np.isin(self.values, values))
        rest = copy(self)
        rest.values, rest.distinct = self.values[kept], np.setdiff1d(self.distinct, values)
        rest._cumulated = np.cumsum(np.diff(self._cumulated, prepend=0)[kept])
        return rest

    def quantiles(self, levels):
        """Weighted quantiles by NumPy's method 'averaged_inverted_cdf'.

        The quantile is the smallest value at which the cumulative share of weight reaches the
        level. If it is reached exactly, the quantile is the mean of this value and the next. A
        weight of 2 is equivalent to repeating the row.

        Returns
        -------
        ndarray of float64, of the shape of `levels`
        """
        total = self._cumulated[-1]
        reached = np.asarray(levels) * total
        slack = 1e-12 * total
        last = len(self.values) - 1
        place = np.minimum(np.searchsorted(self._cumulated, reached - slack), last)
        exact = np.abs(self._cumulated[place] - reached) <= slack
        after = np.minimum(place + exact, last)
        return self.values[place] / 2 + self.values[after] / 2


def quantile_edges(column, n_bins, max_distinct):
    """Edges at the quantiles 0, 1/n_bins, ..., 1, or at each value if there are few.

    A value that outweighs a whole bin, such as zero in a column that is mostly zero, would occupy
    several quantiles. It becomes one edge, and the other bins are placed at the quantiles of the
    remaining values, including their minimum and maximum.

    Parameters
    ----------
    column : SortedColumn
        Must have at least two distinct values.
    n_bins : int
    max_distinct : int
        A column with at most this many distinct values has an edge at each of them.

    Returns
    -------
    ndarray of float64 of shape (n_edges,), strictly increasing, at least two
    """
    if len(column.distinct) <= max_distinct:
        return column.distinct
    edges = np.unique(column.quantiles(np.linspace(0, 1, n_bins + 1)))
    if len(edges) < n_bins + 1:
        frequent = column.frequent(1 / n_bins)
        rest = column.without(frequent)
        if len(rest.values):
            n_left = max(n_bins - 2 * len(frequent), 2)
            of_rest = rest.quantiles(np.linspace(0, 1, n_left + 1))
            edges = np.unique(np.concatenate([frequent, of_rest]))
    return _with_two(edges, column)


def tree_edges(values, y, *, n_bins, classification, sample_weight=None, min_samples_leaf=None):
    """Edges at the minimum, at the splits of a tree fitted to this column alone and at the maximum.

    The tree is fitted to ranks, so the scale of the column does not matter. Each split lies midway
    between two adjacent values.

    Parameters
    ----------
    values : ndarray of float64 of shape (n,)
    y : ndarray of shape (n,) or (n, n_outputs)
    n_bins : int
        Maximum number of leaves.
    classification : bool
    sample_weight : ndarray of shape (n,) or None
    min_samples_leaf : int or None
        None is max(5, n / 200).

    Returns
    -------
    ndarray of float64 of shape (n_edges,), strictly increasing, at least two
    """
    used = ~np.isnan(values)
    if sample_weight is not None:
        used &= sample_weight > 0
    rows = np.flatnonzero(used)
    if len(rows) > _TREE_ROWS:
        rows = np.random.RandomState(0).choice(rows, _TREE_ROWS, replace=False)
    clipped = np.clip(values[rows], -LARGEST, LARGEST)
    distinct, ranks = np.unique(clipped, return_inverse=True)
    if min_samples_leaf is None:
        min_samples_leaf = max(5, len(rows) // 200)
    kind = DecisionTreeClassifier if classification else DecisionTreeRegressor
    tree = kind(max_leaf_nodes=n_bins, min_samples_leaf=min_samples_leaf, random_state=0)
    weights = None if sample_weight is None else sample_weight[rows]
    tree = tree.fit(ranks.reshape(-1, 1), y[rows], sample_weight=weights).tree_
    below = np.unique(np.floor(tree.threshold[tree.children_left >= 0])).astype(np.intp)
    splits = distinct[below] / 2 + distinct[below + 1] / 2
    present = np.clip(values[used], -LARGEST, LARGEST)
    return np.unique(np.concatenate([[present.min()], splits, [present.max()]]))


def _with_two(edges, column):
    """The edges, or the minimum and maximum of the column if only one edge is left."""
    return edges if len(edges) > 1 else column.distinct[[0, -1]]


def inverse_widths(edges):
    """1 / (e_t+1 - e_t), finite."""
    return 1 / np.maximum(np.diff(edges), 1 / LARGEST)


def write_codes(values, columns, low, factor, out):
    """Write clip((x[columns] - low) * factor, 0, 1) into `out`, for every row x of `values`.

    Parameters
    ----------
    values : ndarray of float64 of shape (n, p)
        Without NaN, clipped to +-1e300.
    columns : ndarray of intp of shape (m,)
    low, factor : ndarray of float64 of shape (m,)
    out : ndarray of float32 or float64 of shape (n, m)
    """
    codes = values.take(columns, axis=1)
    codes -= low
    with np.errstate(over="ignore"):
        codes *= factor
    np.clip(codes, 0, 1, out=out, casting="same_kind")
