"""The state of training: parameters, counters and the moments of the optimiser.

These are containers only. They are initialised in _initializers.py and trained in _training.py.
"""

# SPDX-License-Identifier: BSD-3-Clause
from dataclasses import dataclass, field

import numpy as np

from rosenblatt._history import History
from rosenblatt._plain_state import stored_as_plain_data


@dataclass
class State:
    """Parameters and counters; after `fit` the estimator stores the state.

    Attributes
    ----------
    parameters : list of lists of ndarray
        The arrays of the network in the order of the catalogue (Architecture), before and after
        training; None during training, when the network has them.
    random_state : numpy.random.RandomState
    n_epochs, n_samples_seen : int
        Epochs of this fit, and rows of all fits since the parameters were initialised.
    batch_size : int
        The batch size of this fit; for lbfgs the number of rows.
    loss : float
        The loss of the last epoch.
    loss_curve, validation_scores : lists of float
    history : History
    best_loss, best_validation_score : float
    n_epochs_without_improvement : int
    optimizer : OptimizerState or None
    best_parameters : list of lists of ndarray or None
        The parameters with the best score under early stopping.
    is_exhausted : bool
        Whether the patience is exhausted.
    rows_set_aside : tuple of (int, ndarray of int) or None
        The number of rows, and the numbers of those that were drawn for validation.
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
    """The state of a stochastic solver.

    Attributes
    ----------
    solver : str
    learning_rate_init, learning_rate : float
        The initial and the current learning rate.
    n_scheduled : int
        Number of steps since the start of the schedule.
    schedule_memory : dict
        The state of the schedule 'plateau'.
    n_steps : int
    step_product : float
        A product over the steps, see core/optimizers.def.
    moments : list of lists of lists of ndarray
        For each moment, the lists of learned arrays.
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
        """Whether a fit with this plan can continue from this state."""
        wanted = [entry.shape for entry in plan.architecture.learned]
        return (self.solver, self.learning_rate_init) == (
            plan.solver,
            plan.learning_rate_init,
        ) and all(
            [array.shape for arrays in moment for array in arrays] == wanted
            for moment in self.moments
        )
