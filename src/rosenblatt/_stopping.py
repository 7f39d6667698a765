"""The rules that end training: parameters that are not finite or hardly change, and a loss or
validation score (NaN included) that does not improve.

_training.py applies them after every epoch. If the core runs several epochs in one call, its
StoppingRule (core/epochs.pyx) counts them in the same way. Ctrl-C is in _interruption.py.
"""

# SPDX-License-Identifier: BSD-3-Clause
import math

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from rosenblatt._base import warn_user
from rosenblatt.schedules import Adaptive

NON_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and "
    "need to be preprocessed. Scale the features (sklearn.preprocessing.StandardScaler does), "
    "scale a large regression target, or lower learning_rate_init (it is {:g})."
)

NON_FINITE_LOSS = (
    "The loss is not a finite number, though the weights are: the model is of no use. Scale the "
    "features and a large regression target, or lower learning_rate_init (it is {:g})."
)


def count_score(plan, state, score):
    """Update the number of epochs without improvement; for early stopping.

    Parameters
    ----------
    plan : Plan
    state : State
    score : float
        The validation score of the epoch.

    Returns
    -------
    is_best : bool
        Whether it is higher than all scores before it.
    """
    state.validation_scores.append(score)
    # NaN is not an improvement, and compares as neither smaller nor larger
    if score >= state.best_validation_score + plan.tol:
        state.n_epochs_without_improvement = 0
    else:
        state.n_epochs_without_improvement += 1
    is_best = score > state.best_validation_score
    if is_best:
        state.best_validation_score = score
    return is_best


def has_scored(state):
    """Whether an epoch has a score; until then, the initial weights count as the best."""
    return state.best_validation_score > -math.inf


def stop_diverged(plan, state, *, keeps_best):
    """End a fit whose parameters are not finite, because they would not recover.

    Raises
    ------
    ValueError
        If there are no best parameters to restore.
    """
    message = NON_FINITE.format(plan.learning_rate_init)
    if not (keeps_best and has_scored(state)):
        raise ValueError(message)
    state.validation_scores.append(np.nan)
    warn_user(f"{message} The best weights are kept.", ConvergenceWarning)


def parameters_hardly_move(plan, state):
    """Whether the last epoch changed the parameters by less than `tol_params`."""
    if plan.tol_params is None or not state.history["parameter_change"][-1] < plan.tol_params:
        return False
    _say(plan, f"Parameters moved less than tol_params={plan.tol_params:g}. Stopping.")
    return True


def is_out_of_patience(plan, state):
    """Whether the patience is exhausted and learning_rate='adaptive' cannot decrease the rate."""
    optimizer, state.is_exhausted = state.optimizer, False
    n_missed = state.n_epochs_without_improvement
    patience = plan.n_iter_no_change + plan.patience_ratio * (state.n_epochs - n_missed)
    if n_missed <= patience:
        return False
    n_waited = int(patience) if plan.patience_ratio else plan.n_iter_no_change
    message = (
        "Validation score" if plan.early_stopping else "Training loss"
    ) + f" did not improve more than tol={plan.tol:f} for {n_waited} consecutive epochs."
    is_adaptive = isinstance(plan.schedule, Adaptive)
    if is_adaptive and optimizer.learning_rate > 1e-6:
        optimizer.learning_rate /= 5
        state.n_epochs_without_improvement = 0
        _say(plan, f"{message} Setting learning rate to {optimizer.learning_rate:f}")
        return False
    too_small = " Learning rate too small." if is_adaptive else ""
    _say(plan, f"{message}{too_small} Stopping.")
    state.is_exhausted = True
    return True


def _say(plan, message):
    if plan.verbose:
        print(message)
