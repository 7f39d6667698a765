"""The stochastic training loop: at most one call of the core per epoch.

Sets the learning rates, scores, decides when to stop. The arithmetic of an epoch and the
shuffling of rows are the core's; parameters and data arrive checked.
"""

# SPDX-License-Identifier: BSD-3-Clause
import math
import time

import numpy as np
import scipy.sparse as sp
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from rosenblatt._base import warn_user
from rosenblatt._interruption import Interruption
from rosenblatt._scores import validation_score
from rosenblatt._state import OptimizerState, draw_noise_seed
from rosenblatt.core.network import Examples, Network, RowOrder, StoppingRule

NON_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and "
    "need to be preprocessed. Scale the features (sklearn.preprocessing.StandardScaler does), "
    "scale a large regression target, or lower learning_rate_init (it is {:g})."
)

NON_FINITE_LOSS = (
    "The loss is not a finite number, though the weights are: the model is of no use. Scale the "
    "features and a large regression target, or lower learning_rate_init (it is {:g})."
)

# what one call of the core may take, if an epoch is not longer
SECONDS_PER_CALL = 0.1


def train(plan, data, state):
    """Runs the plan's epochs on the data and leaves the outcome in the state.

    Raises
    ------
    ValueError
        If parameters stop being finite numbers and there is no early stopping, or if the
        validation set would be too small.
    """
    run = TrainingRun(plan, data, state)
    with Interruption() as interruption:
        run.epochs(interruption)
        is_finite = run.network.all_finite()
        run.hand_over()
    if interruption.requested:
        warn_user("Training interrupted by user.")
    if not math.isfinite(state.loss) and is_finite:
        warn_user(NON_FINITE_LOSS.format(plan.learning_rate_init), ConvergenceWarning)


class TrainingRun:
    """One fit's network with the rows it trains on and those it is validated on.

    Parameters
    ----------
    plan : Plan
    data : TrainingData
    state : State
        Read at the start, written after every epoch and by `hand_over`.
    """

    def __init__(self, plan, data, state):
        self.plan, self.data, self.state = plan, data, state
        noise_seed = draw_noise_seed(plan, state.random_state)
        self.rows, self.validation_rows = split_rows(plan, data, state.random_state)
        self.batch_size = plan.rows_per_step(len(self.rows))
        self.examples = Examples(data.X, data.targets, data.sample_weight)
        self.validation_targets = self.validation_weight = None
        if plan.early_stopping:
            self.validation_targets = data.targets[self.validation_rows]
            if data.sample_weight is not None:
                self.validation_weight = data.sample_weight[self.validation_rows]
        if plan.normalization == "batch" and len(self.rows) < 2:
            raise ValueError(
                "normalization='batch' needs at least 2 rows to train on, got "
                f"{len(self.rows)}: a single row has no variance."
            )
        # check_random_state(None) is NumPy's global generator, from which others draw too
        is_private = state.random_state is not check_random_state(None)
        self.order = RowOrder(
            self.rows, state.random_state if plan.shuffle else None, is_private=is_private
        )
        self.network = build_network(plan, data, state, self.batch_size)
        self.network.noise_seed = noise_seed
        self.n_steps = self.network.steps_per_epoch(len(self.rows), self.batch_size)
        self._resume_optimizer()
        self.best_parameters = self.network.parameters.copy() if plan.early_stopping else None

    def epochs(self, interruption):
        """Trains until the plan's rules or Ctrl-C say stop.

        Where Python has nothing to do between epochs the core runs many in one call, for about
        SECONDS_PER_CALL, so that Ctrl-C is heard. Where calls are split changes no bit.
        """
        state, plan = self.state, self.plan
        state.n_epochs = 0
        n_epochs = 1
        while state.n_epochs < plan.max_epochs:
            started = time.perf_counter()
            n_done = self._train_epochs(min(n_epochs, plan.max_epochs - state.n_epochs))
            if not self.network.all_finite():
                self._diverged()
                return
            if plan.early_stopping:
                self._validate()
            if self._is_finished() or plan.incremental or interruption.requested:
                return
            if self.core_runs_alone:
                seconds = max(time.perf_counter() - started, 1e-9)
                n_epochs = max(1, min(int(n_done * SECONDS_PER_CALL / seconds), 2 * n_epochs))
        warn_user(
            f"Stochastic Optimizer: Maximum iterations ({plan.max_epochs}) reached and the "
            "optimization hasn't converged yet.",
            ConvergenceWarning,
        )

    @property
    def core_runs_alone(self):
        """Whether nothing in Python has to see an epoch."""
        looks = self.plan.early_stopping or self.plan.verbose
        return not looks and self.order.is_continued_in_core

    def hand_over(self):
        """Leaves parameters and optimiser state with the state; the network ends here."""
        network, optimizer = self.network, self.state.optimizer
        if self.best_parameters is not None:
            network.parameters[...] = self.best_parameters
            self.best_parameters = None
        optimizer.n_steps = network.n_steps
        parameters, optimizer.moments = network.hand_over()
        self.state.coefs, self.state.intercepts, *normalization = parameters
        self.state.normalization = tuple(normalization)

    def _resume_optimizer(self):
        """Goes on with the moments of the last call where they belong to this plan."""
        optimizer = self.state.optimizer
        if optimizer is None or not optimizer.is_compatible_with(self.plan):
            rate = self.plan.learning_rate_init
            self.state.optimizer = OptimizerState(self.plan.solver, rate, rate)
            return
        self.network.n_steps = optimizer.n_steps
        for moment, kept in zip(self.network.moments, optimizer.moments, strict=True):
            self.network.write(moment, *kept)

    def _train_epochs(self, n_epochs):
        """At most n_epochs in one call of the core; returns how many there were."""
        plan, state = self.plan, self.state
        rule = None
        if not plan.early_stopping:
            rule = StoppingRule(
                state.best_loss, state.n_epochs_without_improvement, plan.tol, plan.n_iter_no_change
            )
        rates = self._learning_rates(n_epochs)
        losses = self.network.train_epochs(
            self.examples,
            self.order,
            np.repeat(rates[:-1, None], self.n_steps, axis=1),
            self.batch_size,
            rule,
        )
        n_done = len(losses)
        state.optimizer.learning_rate = float(rates[n_done])
        state.n_epochs += n_done
        state.n_samples_seen += n_done * len(self.rows)
        state.loss = float(losses[-1])
        state.loss_curve += losses.tolist()
        if rule is not None:
            state.best_loss = rule.best
            state.n_epochs_without_improvement = rule.n_without_improvement
        self._print_if_verbose(f"Iteration {state.n_epochs}, loss = {state.loss:.8f}")
        return n_done

    def _learning_rates(self, n_epochs):
        """The rate of each of the next epochs, and of the one after them."""
        plan, rate = self.plan, self.state.optimizer.learning_rate
        rates = np.full(n_epochs + 1, rate)
        if plan.schedule == "invscaling":
            seen = self.state.n_samples_seen + len(self.rows) * np.arange(1, n_epochs + 1)
            rates[1:] = plan.learning_rate_init / (seen + 1.0) ** plan.power_t
        return rates

    def _validate(self):
        state = self.state
        score = self._validation_score()
        state.validation_scores.append(score)
        if self.plan.verbose:
            print(f"Validation score: {score:f}")
        if score < state.best_validation_score + self.plan.tol:
            state.n_epochs_without_improvement += 1
        else:
            state.n_epochs_without_improvement = 0
        if score > state.best_validation_score:
            state.best_validation_score = score
            self.best_parameters[...] = self.network.parameters

    def _validation_score(self):
        """Accuracy (of whole rows for multilabel) or R^2 on the validation rows."""
        predictions = self.network.predict(self.examples, self.validation_rows)
        return validation_score(
            predictions, self.validation_targets, self.validation_weight, self.data.loss.target
        )

    def _diverged(self):
        """Parameters that are no numbers stay so: there is nothing to wait for."""
        message = NON_FINITE.format(self.plan.learning_rate_init)
        if not self.plan.early_stopping:
            raise ValueError(message)
        self.state.validation_scores.append(np.nan)
        warn_user(f"{message} The best weights are kept.", ConvergenceWarning)

    def _is_finished(self):
        """Whether patience is at its end and learning_rate='adaptive' has nothing to lower."""
        plan, state, optimizer = self.plan, self.state, self.state.optimizer
        if state.n_epochs_without_improvement <= plan.n_iter_no_change:
            return False
        message = (
            ("Validation score" if plan.early_stopping else "Training loss")
            + f" did not improve more than tol={plan.tol:f} for {plan.n_iter_no_change} "
            "consecutive epochs."
        )
        if plan.schedule == "adaptive" and optimizer.learning_rate > 1e-6:
            optimizer.learning_rate /= 5
            state.n_epochs_without_improvement = 0
            self._print_if_verbose(
                f"{message} Setting learning rate to {optimizer.learning_rate:f}"
            )
            return False
        too_small = " Learning rate too small." if plan.schedule == "adaptive" else ""
        self._print_if_verbose(f"{message}{too_small} Stopping.")
        return True

    def _print_if_verbose(self, message):
        if self.plan.verbose:
            print(message)


def build_network(plan, data, state, batch_size):
    """A network of the plan with the state's parameters in it, which the state gives up."""
    optimizer = plan.solver if plan.is_stochastic else None
    network = Network(
        plan.widths,
        plan.activations,
        plan.loss,
        batch_size,
        plan.dtype,
        optimizer=optimizer,
        normalization=plan.normalization,
        dropout=plan.dropout,
        input_dropout=plan.input_dropout,
        input_noise=plan.input_noise,
        is_sparse=sp.issparse(data.X),
        n_threads=plan.n_threads,
    )
    network.set_optimizer(alpha=plan.alpha, **plan.optimizer)
    network.write(network.parameters, state.coefs, state.intercepts, *state.normalization)
    state.coefs, state.intercepts, state.normalization = None, None, ()
    return network


def keep_parameters(network, state):
    """Copies the network's parameters into the state, as plain arrays of their own."""
    state.coefs, state.intercepts, *normalization = network.read(network.parameters)
    state.normalization = tuple(normalization)


def split_rows(plan, data, random_state):
    """Indices of the rows to train on and of those to validate on (None without)."""
    every = np.arange(data.X.shape[0])
    if not plan.early_stopping:
        return every, None
    # with scikit-learn's metrics behind it, which take longer to import than this package
    from sklearn.model_selection import train_test_split

    n_validation = math.ceil(plan.validation_fraction * len(every))
    if n_validation < 2:
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' or the size of your "
            f"dataset: validation_fraction={plan.validation_fraction} of n_samples={len(every)} "
            f"makes {n_validation}, and 2 are needed."
        )
    rows, validation = train_test_split(
        every,
        test_size=plan.validation_fraction,
        random_state=random_state,
        stratify=_strata(data, n_validation),
    )
    if data.sample_weight is not None and data.sample_weight[validation].sum() == 0:
        raise ValueError(
            "The sample_weight of the validation set's rows sum to 0: they have no score. Increase "
            "'validation_fraction' or leave out rows without weight."
        )
    return rows, validation


def _strata(data, n_validation):
    """The classes whose shares the split keeps; None, with a warning, where it cannot.

    Two classes that cannot be kept are an error, of train_test_split, as in scikit-learn.
    """
    if data.loss.target != "class":
        return data.strata
    counts = np.bincount(data.strata)
    counts = counts[counts > 0]
    if counts.min() >= 2 and len(counts) <= min(n_validation, len(data.strata) - n_validation):
        return data.strata
    warn_user(
        "The validation set is drawn without keeping the classes' shares: that takes two rows of "
        f"every class and a row for each in both parts. The smallest of {len(counts)} classes "
        f"has {counts.min()}, the validation set {n_validation}."
    )
    return None
