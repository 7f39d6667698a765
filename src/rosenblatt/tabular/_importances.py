"""Which columns the networks rely on: permutation importance on rows they did not see.

Works on encoded rows, so that nothing is encoded twice.
"""

# SPDX-License-Identifier: BSD-3-Clause
import numpy as np

ROWS_AT_MOST = 60_000  # passed through networks altogether


class PermutationImportance:
    """Sums, member by member, what shuffling a column adds to the loss of left-out rows [1]_.

    Parameters
    ----------
    n_columns : int
        Of the table as it was handed in.
    n_members : int
        That will be added.

    References
    ----------
    .. [1] L. Breiman, "Random forests", Machine Learning 45, 2001.
    """

    def __init__(self, n_columns, n_members):
        self.sums, self.n_rows = np.zeros(n_columns), 0.0
        self.rows_a_member = max(32, ROWS_AT_MOST // (max(n_columns, 1) * n_members))

    def add(self, X, column_of_input, loss_of, weights, random_state):
        """Shuffle each column of a member's left-out rows.

        Parameters
        ----------
        X : ndarray of float32 of shape (n_rows, n_inputs)
            Encoded rows.
        column_of_input : ndarray of int of shape (n_inputs,)
            The table's column that each input comes from.
        loss_of : callable
            From encoded rows to the losses, of shape (n_rows,).
        weights : ndarray of shape (n_rows,) or None
        random_state : numpy.random.RandomState
        """
        if not len(X):
            return
        base = np.average(loss_of(X), weights=weights)
        order = random_state.permutation(len(X))
        shuffled = X.copy()
        for column in np.unique(column_of_input):
            inputs = np.flatnonzero(column_of_input == column)
            shuffled[:, inputs] = X[np.ix_(order, inputs)]
            rise = np.average(loss_of(shuffled), weights=weights) - base
            self.sums[column] += len(X) * rise
            shuffled[:, inputs] = X[:, inputs]
        self.n_rows += len(X)

    def result(self):
        """Importances of all columns: not negative, their sum 1 unless all are 0."""
        positive = np.maximum(self.sums, 0)
        total = positive.sum()
        return positive / total if total > 0 else positive
