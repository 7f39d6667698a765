"""Where the bins of one column of numbers end: at its quantiles, at each of its few values, or
where a small tree splits. Each function sees one column; what is made of the bins is not here.
"""

# SPDX-License-Identifier: BSD-3-Clause
from copy import copy

import numpy as np
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

LARGEST = 1e300  # numbers beyond are taken as this: differences stay finite
_TREE_ROWS = 100_000  # enough to place two dozen splits


class SortedColumn:
    """The values of a column that are there, sorted, and their weights.

    Parameters
    ----------
    values : ndarray of float64 of shape (n,)
        NaN is missing.
    sample_weight : ndarray of shape (n,) or None
        Rows of weight 0 do not count.

    Attributes
    ----------
    values : ndarray of float64
        Sorted; numbers beyond +-1e300 are +-1e300.
    n_missing, n_rows : int
        Rows without a value and all rows, of those that count.
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
        """The values that have more than a share of the weight each."""
        last = np.searchsorted(self.values, self.distinct, side="right") - 1
        weights = np.diff(self._cumulated[last], prepend=0)
        return self.distinct[weights > share * self._cumulated[-1]]

    def without(self, values):
        """The column without some of its values."""
        kept = np.flatnonzero(~np.isin(self.values, values))
        rest = copy(self)
        rest.values, rest.distinct = self.values[kept], np.setdiff1d(self.distinct, values)
        rest._cumulated = np.cumsum(np.diff(self._cumulated, prepend=0)[kept])
        return rest

    def quantiles(self, levels):
        """Weighted quantiles: NumPy's 'averaged_inverted_cdf'.

        The least value at which the share of weight reaches the level; where it is reached
        exactly, the mean of this value and the next. A weight of 2 is the same as the row twice.

        Returns
        -------
        ndarray of float64 of the levels' shape
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
    """Edges at the quantiles 0, 1/n_bins, .., 1; at each value where there are few.

    Values that make up more than a bin, the zeros of a column that is mostly zero, would take
    several quantiles. They are edges once, and the other bins go to the quantiles of the rest,
    the least and the greatest of them included.

    Parameters
    ----------
    column : SortedColumn
        With at least two distinct values.
    n_bins : int
    max_distinct : int
        With at most so many distinct values, each is an edge.

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
    """Edges at the least value, the splits of a tree of this column alone, and the greatest.

    The tree splits ranks, so it does not matter how the column is scaled; each split lies in the
    middle between two values.

    Parameters
    ----------
    values : ndarray of float64 of shape (n,)
    y : ndarray of shape (n,) or (n, n_outputs)
    n_bins : int
        The most leaves.
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
    """The edges; where only one is left, the ends of the column."""
    return edges if len(edges) > 1 else column.distinct[[0, -1]]


def inverse_widths(edges):
    """1 / (e_t+1 - e_t), finite."""
    return 1 / np.maximum(np.diff(edges), 1 / LARGEST)


def write_codes(values, columns, low, factor, out):
    """Writes clip((x - low) * factor, 0, 1) of the rows x[columns] of `values` into `out`.

    Parameters
    ----------
    values : ndarray of float64 of shape (n, p)
        Without NaN, within +-1e300.
    columns : ndarray of intp of shape (m,)
    low, factor : ndarray of float64 of shape (m,)
    out : ndarray of float32 or float64 of shape (n, m)
    """
    codes = values.take(columns, axis=1)
    codes -= low
    with np.errstate(over="ignore"):
        codes *= factor
    np.clip(codes, 0, 1, out=out, casting="same_kind")
