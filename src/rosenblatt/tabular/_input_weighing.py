"""Training of a network that weighs its inputs anew after every epoch.

What a learned scale of the inputs would do, without a kernel for it. When and on which rows a
network trains is decided in _members.py.
"""

# SPDX-License-Identifier: BSD-3-Clause
from dataclasses import replace

import numpy as np

from rosenblatt._training import TrainingRun


class WeighingRun(TrainingRun):
    """Training that weighs its inputs anew after every epoch.

    Inputs that the first layer uses much get larger, the others smaller, while weights and
    moments change such that the network's function and what the optimiser has seen of it stay.
    From then on steps of large inputs' weights count for more: the rate of an input's weights
    follows its use. It does for the first layer what a learned input scale would do.

    Parameters
    ----------
    plan, data, state, watch : as in TrainingRun
    exponent : float
        See `input_scale`.
    """

    def __init__(self, plan, data, state, watch, exponent):
        # its own rows, which it multiplies in place
        data = replace(data, X=data.X.copy())
        if data.validation is not None:
            data = replace(data, validation=replace(data.validation, X=data.validation.X.copy()))
        super().__init__(plan, data, state, watch)
        self.exponent = exponent
        self.scale = self.best_scale = np.ones(data.X.shape[1], np.float32)

    def _validate(self):
        best = self.state.best_validation_score
        super()._validate()
        if self.state.best_validation_score > best:
            self.best_scale = self.scale
        self._weigh_inputs()

    def _weigh_inputs(self):
        network = self.network
        coefs, intercepts = network.read(network.parameters)
        scale = input_scale(coefs[0] * self.scale[:, None], self.exponent)
        factor = scale / self.scale
        self.data.X[...] *= factor
        if self.data.validation is not None:
            self.data.validation.X[...] *= factor
        coefs[0] /= factor[:, None]
        network.write(network.parameters, coefs, intercepts)
        for power, moment in enumerate(network.moments, start=1):  # of the gradient, its square
            coefs, intercepts = network.read(moment)
            coefs[0] *= factor[:, None] ** power
            network.write(moment, coefs, intercepts)
        self.scale = scale

    def hand_over(self):
        scale = self.best_scale if self._has_scored() else self.scale
        super().hand_over()
        self.state.parameters[0][0] *= scale[:, None]


# how much an input may be weakened and strengthened
WEAKEST, STRONGEST = 0.05, 8.0


def input_scale(coef, exponent):
    """Factors for the inputs from the weights that a first layer gives them.

    Parameters
    ----------
    coef : ndarray of shape (n_inputs, n_units)
    exponent : float

    Returns
    -------
    scale : ndarray of float32 of shape (n_inputs,)
        clip(g / rms(g), 0.05, 8)**exponent, with g the Euclidean norm of an input's weights.
    """
    norms = np.sqrt(np.einsum("ij,ij->i", coef, coef, dtype=np.float64))
    root_mean_square = np.sqrt(np.mean(norms**2))
    if not root_mean_square > 0:
        return np.ones(len(norms), np.float32)
    return (np.clip(norms / root_mean_square, WEAKEST, STRONGEST) ** exponent).astype(np.float32)
