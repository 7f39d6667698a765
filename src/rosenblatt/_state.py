"""What changes while a network trains, and how it begins.

The order of random draws is part of the contract with scikit-learn: `initial_parameters`
makes the first ones; training makes the rest (validation split, then shuffles).
"""

# SPDX-License-Identifier: BSD-3-Clause
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from rosenblatt._history import History

DRAWS_AT_ONCE = 2**16  # half a megabyte of float64


@dataclass
class State:
    """Parameters and counters; what `fit` ends with is what the estimator keeps.

    Attributes
    ----------
    coefs, intercepts : lists of ndarray
        Where training begins and what it ends with; None meanwhile: the network has them.
    random_state : numpy.random.RandomState
    n_epochs, n_samples_seen : int
        Of this fit, and of all fits since the parameters were drawn.
    loss : float
        The last epoch's.
    loss_curve, validation_scores : lists of float
    history : History
    best_loss, best_validation_score : float
    n_epochs_without_improvement : int
    optimizer : OptimizerState or None
    best_parameters : (list of ndarray, list of ndarray) or None
        coefs and intercepts that scored best, under early stopping.
    is_exhausted : bool
        Whether patience is at its end.
    """

    coefs: list
    intercepts: list
    random_state: np.random.RandomState
    n_epochs: int = 0
    n_samples_seen: int = 0
    loss: float = np.nan
    loss_curve: list = field(default_factory=list)
    validation_scores: list = field(default_factory=list)
    history: History = field(default_factory=History)
    best_loss: float = np.inf
    best_validation_score: float = -np.inf
    n_epochs_without_improvement: int = 0
    optimizer: object = None
    best_parameters: tuple | None = None
    is_exhausted: bool = False


@dataclass
class OptimizerState:
    """What a stochastic solver carries from step to step.

    Attributes
    ----------
    solver : str
    learning_rate_init, learning_rate : float
        What the schedule started from, and where the epochs have taken it.
    n_scheduled : int
        Steps since the schedule began.
    schedule_memory : dict
        What the schedule 'plateau' has seen.
    n_steps : int
    step_product : float
        What the steps carry besides moments, see core/optimizers.def.
    moments : list of (list of ndarray, list of ndarray)
        For each moment the arrays for coefs and for intercepts.
    """

    solver: str
    learning_rate_init: float
    learning_rate: float
    n_scheduled: int = 0
    schedule_memory: dict = field(default_factory=dict)
    n_steps: int = 0
    step_product: float = 1.0
    moments: list = field(default_factory=list)

    def is_compatible_with(self, plan):
        """Whether a fit of this plan can go on from here."""
        shapes = [tuple(array.shape) for coefs, _ in self.moments for array in coefs]
        return (self.solver, self.learning_rate_init) == (
            plan.solver,
            plan.learning_rate_init,
        ) and shapes == list(pairwise(plan.widths)) * len(self.moments)


def initial_parameters(plan, random_state):
    """Glorot & Bengio's (2010) uniform draws, for intercepts too, layer by layer.

    Weights and intercepts lie within sqrt(init_factor / (fan_in + fan_out)), in the output
    layer too; they are drawn in float64 and then rounded, so that float32 starts from the same
    network.
    """
    coefs, intercepts = [], []
    layers = zip(pairwise(plan.widths), plan.init_factors, strict=True)
    for (fan_in, fan_out), init_factor in layers:
        bound = np.sqrt(init_factor / (fan_in + fan_out))
        coefs.append(_uniform(random_state, bound, (fan_in, fan_out), plan.dtype))
        intercepts.append(_uniform(random_state, bound, (fan_out,), plan.dtype))
    return coefs, intercepts


def _uniform(random_state, bound, shape, dtype):
    """The draws of one call of `uniform`, taken and rounded a part at a time."""
    array = np.empty(shape, dtype)
    draws = array.reshape(-1)
    for start in range(0, draws.size, DRAWS_AT_ONCE):
        part = draws[start : start + DRAWS_AT_ONCE]
        part[...] = random_state.uniform(-bound, bound, part.size)
    return array
