"""What changes while a network trains: parameters, counters, the optimiser's moments.

Containers only: how a fit begins is in _initializers.py, what changes them in _training.py.
"""

# SPDX-License-Identifier: BSD-3-Clause
from dataclasses import dataclass, field

import numpy as np

from rosenblatt._history import History
from rosenblatt._plain_state import stored_as_plain_data


@dataclass
class State:
    """Parameters and counters; what `fit` ends with is what the estimator keeps.

    Attributes
    ----------
    parameters : list of lists of ndarray
        The network's arrays by the plan's catalogue (Architecture): where training begins and
        what it ends with; None meanwhile: the network has them.
    random_state : numpy.random.RandomState
    n_epochs, n_samples_seen : int
        Of this fit, and of all fits since the parameters were drawn.
    batch_size : int
        Of this fit's steps; with lbfgs all rows.
    loss : float
        The last epoch's.
    loss_curve, validation_scores : lists of float
    history : History
    best_loss, best_validation_score : float
    n_epochs_without_improvement : int
    optimizer : OptimizerState or None
    best_parameters : list of lists of ndarray or None
        What scored best under early stopping.
    is_exhausted : bool
        Whether patience is at its end.
    rows_set_aside : tuple of (int, ndarray of int) or None
        How many rows there were, and the numbers of those that were drawn for validation.
    """

    parameters: list
    random_state: np.random.RandomState
    n_epochs: int = 0
    n_samples_seen: int = 0
    batch_size: int = 0
    loss: float = np.nan
    loss_curve: list = field(default_factory=list)
    validation_scores: list = field(default_factory=list)
    history: History = field(default_factory=History)
    best_loss: float = np.inf
    best_validation_score: float = -np.inf
    n_epochs_without_improvement: int = 0
    optimizer: object = None
    best_parameters: list | None = None
    is_exhausted: bool = False
    rows_set_aside: tuple | None = None


@stored_as_plain_data
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
    moments : list of lists of lists of ndarray
        For each moment the lists of what is learned.
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
        wanted = [entry.shape for entry in plan.architecture.learned]
        return (self.solver, self.learning_rate_init) == (
            plan.solver,
            plan.learning_rate_init,
        ) and all(
            [array.shape for arrays in moment for array in arrays] == wanted
            for moment in self.moments
        )
