"""Permutation importance of the columns, on rows that the networks were not trained on.

It shuffles encoded rows, so that nothing is encoded twice.
"""

# SPDX-License-Identifier: BSD-3-Clause
import numpy as np

ROWS_AT_MOST = 60_000  # total number of rows passed through the networks
FEWEST_ROWS = 32  # minimum number of rows per member


def rows_a_member(n_columns, n_members):
    """Number of rows that are shuffled for each member."""
    return max(FEWEST_ROWS, ROWS_AT_MOST // (max(n_columns, 1) * n_members))


def permutation_loss_increases(X, column_of_input, n_columns, loss_of, weights, random_state):
    """The increase of the loss on a member's left-out rows when a column is shuffled [1]_.

    Parameters
    ----------
    X : ndarray of float32 of shape (n_rows, n_inputs)
        Encoded rows.
    column_of_input : ndarray of int of shape (n_inputs,)
        The column of the table that each input comes from.
    n_columns : int
    loss_of : callable
        Maps encoded rows to losses of shape (n_rows,).
    weights : ndarray of shape (n_rows,) or None
    random_state : numpy.random.RandomState

    Returns
    -------
    increases : ndarray of shape (n_columns,)
        Sums over rows; 0 for a column without an input.

    References
    ----------
    .. [1] L. Breiman, "Random forests", Machine Learning 45, 2001.
    """
    increases = np.zeros(n_columns)
    if not len(X):
        return increases
    base, order, shuffled = loss_of(X), random_state.permutation(len(X)), X.copy()
    for column in np.unique(column_of_input):
        inputs = np.flatnonzero(column_of_input == column)
        shuffled[:, inputs] = X[np.ix_(order, inputs)]
        increases[column] = np.average(loss_of(shuffled) - base, weights=weights) * len(X)
        shuffled[:, inputs] = X[:, inputs]
    return increases


def shares(increases):
    """Importances: nonnegative, with sum 1 unless all are 0.

    Parameters
    ----------
    increases : list of ndarray of shape (n_columns,)
        The increases of each member.
    """
    positive = np.maximum(np.sum(increases, axis=0), 0)
    total = positive.sum()
    return positive / total if total > 0 else positive
