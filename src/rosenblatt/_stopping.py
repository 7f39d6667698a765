"""When training ends: parameters that are no finite numbers or hardly move, a loss or a
validation score, NaN included, that does not improve any more.

_training.py asks after every epoch. Where the core runs several in one call, its StoppingRule
(core/epochs.pyx) counts them in the same way. Ctrl-C is in _interruption.py.
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
    """Counts an epoch without improvement, or begins to count anew; for early stopping.

    Parameters
    ----------
    plan : Plan
    state : State
    score : float
        The epoch's validation score.

    Returns
    -------
    is_best : bool
        Whether it is higher than all before it.
    """
    state.validation_scores.append(score)
    # NaN is no improvement, and neither smaller nor larger than anything
    if score >= state.best_validation_score + plan.tol:
        state.n_epochs_without_improvement = 0
    else:
        state.n_epochs_without_improvement += 1
    is_best = score > state.best_validation_score
    if is_best:
        state.best_validation_score = score
    return is_best


def has_scored(state):
    """Whether an epoch had a score; before, what counts as best are the first weights."""
    return state.best_validation_score > -math.inf


def stop_diverged(plan, state, *, keeps_best):
    """Ends a fit whose parameters are no finite numbers: they would stay so.

    Raises
    ------
    ValueError
        Where there are no best parameters to go back to.
    """
    message = NON_FINITE.format(plan.learning_rate_init)
    if not (keeps_best and has_scored(state)):
        raise ValueError(message)
    state.validation_scores.append(np.nan)
    warn_user(f"{message} The best weights are kept.", ConvergenceWarning)


def parameters_hardly_move(plan, state):
    """Whether the last epoch moved them by less than `tol_params`."""
    if plan.tol_params is None or not state.history["parameter_change"][-1] < plan.tol_params:
        return False
    _say(plan, f"Parameters moved less than tol_params={plan.tol_params:g}. Stopping.")
    return True


def is_out_of_patience(plan, state):
    """Whether patience is at its end and learning_rate='adaptive' has nothing to lower."""
    optimizer, state.is_exhausted = state.optimizer, False
    n_missed = state.n_epochs_without_improvement
    patience = plan.n_iter_no_change + plan.patience_ratio * (state.n_epochs - n_missed)
    if n_missed <= patience:
        return False
    message = (
        ("Validation score" if plan.early_stopping else "Training loss")
        + f" did not improve more than tol={plan.tol:f} for {plan.n_iter_no_change} "
        "consecutive epochs."
    )
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
