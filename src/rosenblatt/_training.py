"""The stochastic training loop: at most one call of the core per epoch.

It sets the learning rates, scores and keeps the best weights; _stopping.py decides when to stop.
The core computes an epoch and shuffles rows; parameters and data have been validated.
"""

# SPDX-License-Identifier: BSD-3-Clause
import math
import time

import numpy as np
import scipy.sparse as sp
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from rosenblatt._base import warn_user
from rosenblatt._data import augmented_rows, training_weights
from rosenblatt._initializers import draw_noise_seed
from rosenblatt._interruption import Interruption
from rosenblatt._stopping import (
    NON_FINITE_LOSS,
    count_score,
    has_scored,
    is_out_of_patience,
    parameters_hardly_move,
    stop_diverged,
)
from rosenblatt._training_state import OptimizerState
from rosenblatt._validation_set import split_rows
from rosenblatt.core.epochs import EPOCH_FIGURES, RowOrder, StoppingRule, train_epochs
from rosenblatt.core.examples import Examples
from rosenblatt.core.network import Network
from rosenblatt.schedules import Clock, Plateau

# what one call of the core may take, if an epoch is not longer
SECONDS_PER_CALL = 0.1


def train(plan, data, state, callbacks=None, update_estimator=None):
    """Runs the plan's epochs on the data and leaves the outcome in the state.

    Parameters
    ----------
    plan : Plan
    data : TrainingData
    state : State
    callbacks : CallbackCalls or None
        Told of every epoch; may stop training.
    update_estimator : callable
        Returns the estimator as the state has it, for callbacks and scorers.

    Raises
    ------
    ValueError
        If parameters stop being finite numbers and there is no early stopping, or if the
        validation set would be too small.
    """
    run = TrainingRun(plan, data, state, callbacks, update_estimator)
    with Interruption(is_noted=not plan.incremental) as interruption:
        run_to_its_end(run, interruption)


def run_to_its_end(run, interruption):
    """All epochs of a run, with the warnings that a fit gives.

    Parameters
    ----------
    run : TrainingRun
    interruption : Interruption
    """
    if not run.epochs(interruption):
        warn_user(
            f"Stochastic Optimizer: Maximum iterations ({run.plan.max_epochs}) reached and the "
            "optimization hasn't converged yet.",
            ConvergenceWarning,
        )
    is_finite = run.network.all_finite()
    run.hand_over()
    if interruption.requested:
        warn_user("Training interrupted by user.")
    if not math.isfinite(run.state.loss) and is_finite:
        warn_user(NON_FINITE_LOSS.format(run.plan.learning_rate_init), ConvergenceWarning)


class TrainingRun:
    """One fit's network with the rows it trains on and those it is validated on.

    Parameters
    ----------
    plan : Plan
    data : TrainingData
    state : State
        Read at the start, written after every epoch and by `hand_over`.
    """

    def __init__(self, plan, data, state, callbacks=None, update_estimator=None):
        self.plan, self.data, self.state = plan, data, state
        self.callbacks, self.update_estimator = callbacks, update_estimator
        noise_seed = draw_noise_seed(plan, state.random_state)
        self.rows, self.validation = self._divide_rows()
        self.n_rows = self._count_rows()
        self.batch_size = state.batch_size = plan.rows_per_step(self.n_rows)
        weights = self._weights()
        self.augmented = None
        if plan.augment is not None:
            self._begin_augmentation(weights)
        else:
            self.examples = self._examples(weights)
        if plan.architecture.normalization == "batch" and self.n_rows < 2:
            raise ValueError(
                "normalization='batch' needs at least 2 rows to train on, got "
                f"{self.n_rows}: a single row has no variance."
            )
        # check_random_state(None) is NumPy's global generator, from which others draw too
        is_private = state.random_state is not check_random_state(None)
        self.order = RowOrder(
            self.rows, state.random_state if plan.shuffle else None, is_private=is_private
        )
        self.network = build_network(plan, data, state, self.batch_size)
        self.network.noise_seed = noise_seed
        self.n_steps = self.network.steps_per_epoch(self.n_rows, self.batch_size)
        self._resume_optimizer()
        self.best_parameters = self._first_best_parameters()

    def _divide_rows(self):
        """(numbers of the rows to train on, what is scored after every epoch or None)."""
        return split_rows(self.plan, self.data, self.state)

    def _count_rows(self):
        """How many rows an epoch has."""
        return len(self.rows)

    def _weights(self):
        return training_weights(self.data, self.rows, self.plan.class_weight)

    def _examples(self, weights):
        return Examples(self.data.X, self.data.targets, weights)

    def epochs(self, interruption):
        """Trains until the plan's rules or Ctrl-C say stop.

        Where Python has nothing to do between epochs the core runs many in one call, for about
        SECONDS_PER_CALL, so that Ctrl-C is heard; it ends a long epoch between two steps. Where
        calls are split changes no bit.

        Returns
        -------
        is_stopped : bool
            False where training would have gone on after the plan's last epoch.
        """
        state, plan = self.state, self.plan
        n_epochs, core_runs_alone = 1, self._may_core_run_alone()
        while state.n_epochs < plan.max_epochs:
            started = time.perf_counter()
            if self.callbacks is not None:
                self.callbacks.begin_epoch()
            if self.augmented is not None:
                self._augment()
            n_left = plan.max_epochs - state.n_epochs
            n_done = self._train_epochs(min(n_epochs, n_left), interruption)
            if not self.network.all_finite():
                stop_diverged(plan, state, keeps_best=self.best_parameters is not None)
                return True
            if self.validation is not None:
                self._validate()
            self._look_for_plateau()
            is_stopped, is_finished = self._is_stopped(), self._is_finished()
            if is_stopped or is_finished or plan.incremental or interruption.requested:
                return True
            if core_runs_alone:
                seconds = max(time.perf_counter() - started, 1e-9)
                n_epochs = max(1, min(int(n_done * SECONDS_PER_CALL / seconds), 2 * n_epochs))
        return False

    def _may_core_run_alone(self):
        """Whether nothing in Python has to see an epoch."""
        plan = self.plan
        looks = (
            self.validation is not None
            or plan.augment is not None
            or plan.verbose
            or isinstance(plan.schedule, Plateau)
        )
        return not looks and self.callbacks is None and self.order.is_continued_in_core

    def hand_over(self):
        """Leaves parameters and optimiser state with the state; the network ends here.

        The best parameters take the place of the last where training is over, which one call of
        partial_fit does not mean.
        """
        network, state, plan = self.network, self.state, self.plan
        if self.best_parameters is not None:
            if not plan.incremental or state.is_exhausted or not network.all_finite():
                self._restore_best()
            best = network.read(self.best_parameters) if plan.incremental else None
            state.best_parameters = best
            self.best_parameters = None
        state.optimizer.n_steps = network.n_steps
        state.optimizer.step_product = network.step_product
        state.parameters, state.optimizer.moments = network.hand_over()

    def _restore_best(self):
        """Puts the best weights in, if any have scored."""
        if not has_scored(self.state):
            warn_user(
                "No epoch had a validation score that is a number: there are no best weights to "
                "restore, the last are kept."
            )
            return
        self.network.parameters[...] = self.best_parameters

    def _begin_augmentation(self, weights):
        """From here on training knows its own rows alone, and they change from epoch to epoch."""
        data, rows = self.data, self.rows
        self.augmented = data.X[rows], data.targets[rows]
        self.augmented += (None if weights is None else weights[rows],)
        self.rows = np.arange(len(rows))

    def _augment(self):
        X, targets, weights = self.augmented
        X = augmented_rows(self.plan.augment, X, self.state.random_state)
        self.examples = Examples(X, targets, weights)

    def _first_best_parameters(self):
        """A block for the best parameters so far, or None; partial_fit goes on with its own."""
        if not (self.plan.early_stopping and self.plan.restore_best):
            return None
        block = self.network.parameters.copy()
        if self.state.best_parameters is not None:
            self.network.write(block, *self.state.best_parameters)
        return block

    def _keep_optimizer(self):
        optimizer = self.state.optimizer
        optimizer.n_steps = self.network.n_steps
        optimizer.step_product = self.network.step_product
        optimizer.moments = [self.network.read(moment) for moment in self.network.moments]

    def _resume_optimizer(self):
        """Goes on with the moments of the last call where they belong to this plan."""
        optimizer = self.state.optimizer
        if optimizer is None or not optimizer.is_compatible_with(self.plan):
            rate = self.plan.learning_rate_init
            self.state.optimizer = OptimizerState(self.plan.solver, rate, rate)
            return
        self.network.n_steps = optimizer.n_steps
        self.network.step_product = optimizer.step_product
        for moment, kept in zip(self.network.moments, optimizer.moments, strict=True):
            self.network.write(moment, *kept)

    def _train_epochs(self, n_epochs, interruption):
        """At most n_epochs in one call of the core; returns how many there were, one that an
        interruption ended early included."""
        plan, state = self.plan, self.state
        rule = None
        if not plan.early_stopping:
            rule = StoppingRule(
                state.best_loss,
                state.n_epochs_without_improvement,
                plan.tol,
                plan.n_iter_no_change,
                patience_ratio=plan.patience_ratio,
                n_epochs=state.n_epochs,
            )
        optimizer, values = state.optimizer, self._scheduled_values(n_epochs)
        rates = values.pop("learning_rate")
        figures = np.empty((n_epochs, len(EPOCH_FIGURES)))
        losses, n_taken = self._take_steps(rates, values, rule, figures, interruption)
        n_done = len(losses)
        self._keep_history(losses, rates[:n_done, -1], figures[:n_done])
        optimizer.learning_rate = float(plan.schedule.next_rate(n_done, self._clock()))
        n_whole = n_done - 1
        optimizer.n_scheduled += n_whole * self.n_steps
        optimizer.n_scheduled += self.network.steps_per_epoch(n_taken, self.batch_size)
        state.n_epochs += n_done
        state.n_samples_seen += n_whole * self.n_rows + n_taken
        state.loss = float(losses[-1])
        state.loss_curve += losses.tolist()
        if rule is not None:
            state.best_loss = rule.best
            state.n_epochs_without_improvement = rule.n_without_improvement
        if plan.verbose:
            print(f"Iteration {state.n_epochs}, loss = {state.loss:.8f}")
        return n_done

    def _take_steps(self, rates, scheduled, rule, figures, interruption):
        """Epochs with these rates and other scheduled values; fills in their figures.

        Returns
        -------
        losses : ndarray
            Of the epochs that the rule and the interruption let happen.
        n_taken : int
            How many rows the last of them saw.
        """
        losses = train_epochs(
            self.network,
            self.examples,
            self.order,
            rates,
            self.batch_size,
            rule,
            scheduled=scheduled,
            figures=figures,
            tol_params=self.plan.tol_params,
            tracks_change=self._tracks_change(),
            interruption=interruption,
        )
        return losses, self.order.n_taken

    def _tracks_change(self):
        return self.callbacks is not None and self.callbacks.tracks_change

    def _keep_history(self, losses, rates, figures):
        """Adds epochs to the history; scores come later."""
        self.state.history.extend(
            loss=losses.tolist(),
            learning_rate=rates.tolist(),
            **dict(zip(EPOCH_FIGURES, figures.T.tolist(), strict=True)),
        )

    def _scheduled_values(self, n_epochs):
        """A dict from each scheduled quantity to its values, an array of (n_epochs, n_steps)."""
        first_step = self.state.optimizer.n_scheduled
        return {
            name: each.schedule.rates(first_step, n_epochs, self._clock(name))
            for name, each in self.plan.scheduled.items()
        }

    def _clock(self, quantity="learning_rate"):
        plan, state = self.plan, self.state
        initial = plan.scheduled[quantity].initial
        return Clock(
            initial=initial,
            current=state.optimizer.learning_rate if quantity == "learning_rate" else initial,
            n_steps=self.n_steps,
            n_total=plan.schedule_epochs * self.n_steps,
            n_samples_seen=state.n_samples_seen,
            n_rows=self.n_rows,
        )

    def _validate(self):
        state, plan, started = self.state, self.plan, time.perf_counter()
        score, loss = self.validation.score(self.network, self._fitted_estimator)
        state.history["validation_score"][-1] = score
        state.history["validation_loss"][-1] = loss
        state.history["seconds"][-1] += time.perf_counter() - started
        if plan.verbose:
            print(f"Validation score: {score:f}")
        is_best = plan.early_stopping and count_score(plan, state, score)
        if is_best and self.best_parameters is not None:
            self.best_parameters[...] = self.network.parameters

    def _fitted_estimator(self):
        keep_parameters(self.network, self.state)
        if self.plan.keeps_optimizer:
            self._keep_optimizer()
            if self.best_parameters is not None:
                self.state.best_parameters = self.network.read(self.best_parameters)
        return self.update_estimator()

    def _look_for_plateau(self):
        schedule, state = self.plan.schedule, self.state
        if not isinstance(schedule, Plateau):
            return
        optimizer, is_scored = state.optimizer, self.validation is not None
        optimizer.learning_rate = schedule.observe(
            optimizer.learning_rate,
            state.history["validation_score"][-1] if is_scored else state.loss,
            optimizer.schedule_memory,
            higher_is_better=is_scored,
        )

    def _is_stopped(self):
        """Whether a callback, or parameters that hardly move, end training."""
        is_stopped = False
        if self.callbacks is not None:
            if self.callbacks.sees_estimator:
                self._fitted_estimator()
            is_stopped = self.callbacks.end_epoch(self.state.history.last())
        return parameters_hardly_move(self.plan, self.state) or is_stopped

    def _is_finished(self):
        return is_out_of_patience(self.plan, self.state)


def build_network(plan, data, state, batch_size):
    """A network of the plan with the state's parameters in it, which the state gives up."""
    optimizer, validation = plan.solver if plan.is_stochastic else None, data.validation
    network = Network.of(
        plan.architecture,
        batch_size,
        optimizer=optimizer,
        dropout=plan.dropout,
        input_dropout=plan.input_dropout,
        input_noise=plan.input_noise,
        is_sparse=sp.issparse(data.X) or (validation is not None and sp.issparse(validation.X)),
        n_threads=plan.n_threads,
    )
    network.set_optimizer(alpha=plan.alpha, groups=plan.groups, **plan.optimizer)
    network.write(network.parameters, *state.parameters)
    state.parameters = None
    return network


def keep_parameters(network, state):
    """Copies the network's parameters into the state, as plain arrays of their own."""
    state.parameters = network.read(network.parameters)
