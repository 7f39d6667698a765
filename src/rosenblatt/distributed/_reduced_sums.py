"""L-BFGS in several processes: the loss and the gradient are summed over the ranks.

The solver itself is in _lbfgs.py; every rank runs it and takes the same decisions.
"""

# SPDX-License-Identifier: BSD-3-Clause
import numpy as np

from rosenblatt._data import class_counts
from rosenblatt._lbfgs import RowSums
from rosenblatt.distributed._communicator import exchange, failing_together


class ReducedSums:
    """The counterpart of RowSums for the rows of all ranks.

    Parameters
    ----------
    plan : Plan
    data : TrainingData
        The rows of this rank, possibly none.
    communicator : Communicator
    """

    def __init__(self, plan, data, communicator):
        self.communicator, counts = communicator, None
        if plan.class_weight is not None:
            counts = class_counts(data, np.arange(data.X.shape[0]))
            communicator.all_reduce(counts)
        self.own = RowSums(plan, data, counts)
        totals = np.array([self.own.n_rows, self.own.weight])
        communicator.all_reduce(totals)
        self.n_rows, self.weight = int(totals[0]), float(totals[1])

    def __call__(self, network):
        block = np.zeros(network.architecture.n_parameters + 1)
        if self.own.n_rows:
            block[0], block[1:] = self.own(network)
        self.communicator.all_reduce(block)
        return float(block[0]), block[1:]

    def agreed(self, ask):
        with failing_together(self.communicator):
            answer = bool(ask())
        return any(exchange(self.communicator, answer))
