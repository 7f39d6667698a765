"""Training by scipy's L-BFGS-B on the whole data: the solver 'lbfgs'.

The core gives loss and gradient; the search is scipy's, over one flat vector of parameters in
the order of the catalogue (_architecture.py).
"""

# SPDX-License-Identifier: BSD-3-Clause
import time

import numpy as np
import scipy.optimize
from sklearn.exceptions import ConvergenceWarning

from rosenblatt._base import warn_user
from rosenblatt._data import training_weights
from rosenblatt._interruption import Interruption
from rosenblatt._stopping import NON_FINITE, NON_FINITE_LOSS
from rosenblatt._training import build_network, keep_parameters
from rosenblatt.core.examples import Examples


class RowSums:
    """Sums over the rows of a training, as the search asks for them.

    Parameters
    ----------
    plan : Plan
    data : TrainingData
    counts : ndarray of int or None
        Rows of each class, where not all rows are here, see `training_weights`.

    Attributes
    ----------
    n_rows : int
    weight : float
        Of all rows: what the sums are divided by.
    """

    def __init__(self, plan, data, counts=None):
        self.rows = np.arange(data.X.shape[0])
        weights = training_weights(data, self.rows, plan.class_weight, counts)
        self.examples = Examples(data.X, data.targets, weights)
        self.n_rows = len(self.rows)
        self.weight = float(self.n_rows if weights is None else weights.sum(dtype=float))

    def __call__(self, network):
        """(loss, gradient) of the network, as a float and a flat vector of float64."""
        loss = network.loss_and_gradient(self.examples, self.rows)
        return loss, network.read_flat(network.gradient).astype(np.float64)

    def agreed(self, ask):
        """Whether `ask()` is true on any machine that searches."""
        return ask()


class Objective:
    """Mean loss plus penalty and its gradient, as functions of one flat float64 vector.

    Parameters
    ----------
    plan : Plan
    sums : RowSums
    network : Network
    interruption : Interruption
        Raised as Stopped between two evaluations.
    state : State
        Its history is given a line for every iteration, and with callbacks it is kept up to date.
    callbacks : CallbackCalls or None
        Told of every iteration; may stop the search.
    update_estimator : callable
        Returns the estimator as the state has it.
    """

    def __init__(
        self, plan, sums, network, interruption, state, callbacks=None, update_estimator=None
    ):
        self.plan, self.network, self.interruption = plan, network, interruption
        self.state, self.callbacks, self.update_estimator = state, callbacks, update_estimator
        self.began = time.perf_counter()
        self.sums, self.weight = sums, sums.weight
        if self.weight == 0:
            raise ValueError("sample_weight sums to 0: the mean loss has no value.")
        ranges = plan.architecture.ranges.items()
        self.penalised = [part for name, part in ranges if plan.groups[name].is_penalised]
        self.best = (np.inf, None)

    def parameters(self):
        """The network's parameters as one vector."""
        return self.network.read_flat(self.network.parameters).astype(np.float64)

    def set_parameters(self, vector):
        """Puts a vector into the network."""
        self.network.write_flat(self.network.parameters, vector)

    def __call__(self, vector):
        """(loss, gradient) at a vector; remembers the lowest loss it met."""
        if self.sums.agreed(lambda: self.interruption.requested):
            raise Stopped(*self.best)
        self.set_parameters(vector)
        alpha = self.plan.alpha
        loss, gradient = self.sums(self.network)
        for part in self.penalised:
            loss += 0.5 * alpha * (vector[part] @ vector[part])
            gradient[part] += alpha * vector[part]
        loss = float(loss / self.weight)
        gradient /= self.weight
        if loss < self.best[0]:
            self.best = (loss, vector.copy())
        self.latest = (loss, float(np.linalg.norm(gradient)))
        return loss, gradient

    def end_iteration(self, vector):
        """Called by the search after each of its iterations, where its last evaluation was."""
        state = self.state
        state.n_epochs = min(state.n_epochs + 1, self.plan.max_epochs)
        (loss, norm), now = self.latest, time.perf_counter()
        state.history.extend(loss=[loss], gradient_norm=[norm], seconds=[now - self.began])
        self.began = now
        if self.sums.agreed(lambda: self.callbacks is not None and self._is_stopped(loss)):
            raise Stopped(loss, vector.copy())
        self.began = time.perf_counter()

    def _is_stopped(self, loss):
        """Tells the callbacks of an iteration; whether one of them ends the search."""
        self.callbacks.begin_epoch()
        self.state.loss = loss
        keep_parameters(self.network, self.state)
        self.update_estimator()
        return self.callbacks.end_epoch(self.state.history.last())


class Stopped(Exception):  # noqa: N818 - no error
    """The search ends: (loss, parameters) are what it has found; None for no parameters."""


def minimize(plan, data, state, callbacks=None, update_estimator=None, sums=None):
    """Minimises the loss and leaves the outcome in the state.

    Parameters
    ----------
    plan, data, state, callbacks, update_estimator
        As `_training.train` takes them; what it calls an epoch is an iteration here.
    sums : RowSums or None
        What gives the loss and its gradient, where that is not the rows of `data` alone.

    Raises
    ------
    ValueError
        If parameters stop being finite numbers.
    """
    sums = RowSums(plan, data) if sums is None else sums
    state.batch_size = sums.n_rows
    network = build_network(plan, data, state, max(data.X.shape[0], 1))
    state.n_epochs, result = 0, None
    with Interruption() as interruption:
        objective = Objective(plan, sums, network, interruption, state, callbacks, update_estimator)
        try:
            result = scipy.optimize.minimize(
                objective,
                objective.parameters(),
                method="L-BFGS-B",
                jac=True,
                options={"maxfun": plan.max_fun, "maxiter": plan.max_epochs, "gtol": plan.tol},
                callback=objective.end_iteration,
            )
        except Stopped as stopped:
            state.loss, vector = stopped.args
    if interruption.requested:
        warn_user("Training interrupted by user.")
    if result is not None:
        _warn_if_not_converged(plan, result)
        state.loss, vector = float(result.fun), result.x
    if vector is not None:
        objective.set_parameters(vector)
    if not network.all_finite():
        raise ValueError(NON_FINITE.format(plan.learning_rate_init))
    if not np.isfinite(state.loss):
        warn_user(NON_FINITE_LOSS.format(plan.learning_rate_init), ConvergenceWarning)
    keep_parameters(network, state)


def _warn_if_not_converged(plan, result):
    if result.status == 0:
        return
    n_iter = min(result.nit, plan.max_epochs)
    message = (
        f"lbfgs failed to converge after {n_iter} iteration(s) (status={result.status}):\n"
        f"{result.message}\n"
    )
    if n_iter == plan.max_epochs:
        message += (
            "\nIncrease the number of iterations to improve the convergence "
            f"(max_iter={plan.max_epochs})."
        )
    message += "\nYou might also want to scale the data (sklearn.preprocessing.StandardScaler)."
    warn_user(message, ConvergenceWarning)
