"""Training taken apart: the gradient of a batch, then the step that it leads to.

For the package's own use, where something comes between the two, such as a sum over the machines
of a data-parallel training. `train_epochs` of the core takes the same steps without coming back to
Python, and a loop of these gives its bits.
"""

# SPDX-License-Identifier: BSD-3-Clause
from typing import NamedTuple

import numpy as np


class BatchSums(NamedTuple):
    """What a batch gives: sums over its rows, which add up over parts of a batch.

    Attributes
    ----------
    loss : float
        Of the rows' losses times their weights.
    weight : float
        Of the weights; how many rows there are, where they have none.
    gradient : ndarray of shape (n_parameters,)
        Of the gradients of these losses, without the penalty: a flat vector in the order of the
        catalogue (Architecture), the same at every instruction-set level.
    """

    loss: float
    weight: float
    gradient: np.ndarray


class Steps:
    """A network's training, batch by batch.

    Parameters
    ----------
    network : Network
        With an optimizer; it is changed.
    examples : Examples
    """

    def __init__(self, network, examples):
        self.network, self.examples = network, examples

    @property
    def parameters(self):
        """A copy of all that is learned, as a flat vector; may be set."""
        return self.network.read_flat(self.network.parameters)

    @parameters.setter
    def parameters(self, vector):
        self.network.write_flat(self.network.parameters, vector)

    def sums(self, rows, first_row=0):
        """The BatchSums of rows, with the dropout and the noise that the next step has where they
        are those of the batch from `first_row` on.

        Running statistics move, as in any step.
        """
        rows = np.ascontiguousarray(rows, dtype=np.intp)
        weight = self.network.weight_of(self.examples, rows)
        if weight == 0:
            return BatchSums(0.0, 0.0, np.zeros_like(self.parameters))
        loss = self.network.loss_and_gradient(self.examples, rows, first_row)
        return BatchSums(loss, weight, self.network.read_flat(self.network.gradient))

    def take(self, sums, learning_rate, scheduled=None):
        """Takes the step that a batch's sums lead to; returns the batch's loss, penalty included.

        `scheduled` has the other constants that change with this step, as `Network.take_step`
        takes them. A batch without weight has nothing to say: there is no step.
        """
        if sums.weight == 0:
            return 0.0
        self.network.write_flat(self.network.gradient, sums.gradient)
        penalty = self.network.take_step(learning_rate, sums.weight, scheduled)
        return sums.loss / sums.weight + penalty
