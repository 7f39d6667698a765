"""Single training steps: the gradient of a batch, and the optimiser step from a gradient.

It is used internally if something happens between the two, such as a sum over machines.
`train_epochs` of the core takes the same steps without returning to Python; a loop over these steps
gives bitwise the same result.
"""

# SPDX-License-Identifier: BSD-3-Clause
from typing import NamedTuple

import numpy as np


class BatchSums(NamedTuple):
    """Sums over the rows of a batch, which are additive over parts of a batch.

    Attributes
    ----------
    loss : float
        Sum of the losses times the weights.
    weight : float
        Sum of the weights, or the number of rows without weights.
    gradient : ndarray of shape (n_parameters,)
        Gradient of the loss sum, without the penalty: a flat vector in the order of the catalogue
        (Architecture), which does not depend on the instruction-set level.
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

    def take(self, sums, learning_rate):
        """Take the step for the sums of a batch; returns its loss including the penalty.

        For a batch with zero weight no step is taken.
        """
        if sums.weight == 0:
            return 0.0
        self.network.write_flat(self.network.gradient, sums.gradient)
        return sums.loss / sums.weight + self.network.take_step(learning_rate, sums.weight)
