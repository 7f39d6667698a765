"""The stochastic training loop: one call of the core per epoch.

Draws the order of rows, sets the learning rate, scores, decides when to stop. The arithmetic
of an epoch is the core's; parameters and data arrive checked.
"""

# SPDX-License-Identifier: BSD-3-Clause
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split

from rosenblatt._state import OptimizerState
from rosenblatt.core.network import Examples, Network

NON_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and "
    "need to be preprocessed. Scale the features (sklearn.preprocessing.StandardScaler does), "
    "scale a large regression target, or lower learning_rate_init (it is {:g})."
)


def train(plan, data, state):
    """Runs the plan's epochs on the data and leaves the outcome in the state.

    Raises
    ------
    ValueError
        If parameters stop being finite numbers and there is no early stopping, or if the
        validation set would be too small.
    """
    run = TrainingRun(plan, data, state)
    try:
        run.epochs()
    except KeyboardInterrupt:
        warnings.warn("Training interrupted by user.", UserWarning, stacklevel=4)
    run.keep()


class TrainingRun:
    """One fit's network with the rows it trains on and those it is validated on.

    Parameters
    ----------
    plan : Plan
    data : TrainingData
    state : State
        Read at the start, written after every epoch and by `keep`.
    """

    def __init__(self, plan, data, state):
        self.plan, self.data, self.state = plan, data, state
        self.rows, self.validation_rows = split_rows(plan, data, state.random_state)
        self.batch_size = plan.rows_per_step(len(self.rows))
        self.examples = Examples(data.X, data.targets, data.sample_weight)
        self.network = build_network(plan, state, self.batch_size)
        self._resume_optimizer()
        self.best_parameters = self.network.parameters.copy() if plan.early_stopping else None

    def epochs(self):
        """Trains until the plan's rules say stop."""
        order = np.arange(len(self.rows))
        self.state.n_epochs = 0
        while self.state.n_epochs < self.plan.max_epochs:
            if self.plan.shuffle:
                permutation = np.arange(len(order))
                self.state.random_state.shuffle(permutation)
                order = order[permutation]  # permutations compose, as scikit-learn's do
            self._train_epoch(self.rows[order])
            if not self.network.all_finite():
                self._diverged()
                return
            if self.plan.early_stopping:
                self._validate()
            else:
                self._compare_loss()
            if self._is_finished() or self.plan.incremental:
                return
        warnings.warn(
            f"Stochastic Optimizer: Maximum iterations ({self.plan.max_epochs}) reached and the "
            "optimization hasn't converged yet.",
            ConvergenceWarning,
            stacklevel=5,
        )

    def keep(self):
        """Copies parameters and optimiser state out of the network."""
        if self.best_parameters is not None:
            self.network.parameters[...] = self.best_parameters
        keep_parameters(self.network, self.state)
        optimizer = self.state.optimizer
        optimizer.n_steps = self.network.n_steps
        optimizer.moments = [
            tuple([view.copy() for view in views] for views in self.network.views(moment))
            for moment in self.network.moments
        ]

    def _resume_optimizer(self):
        """Goes on with the moments of the last call where they belong to this plan."""
        optimizer = self.state.optimizer
        if optimizer is None or not optimizer.serves(self.plan):
            rate = self.plan.learning_rate_init
            self.state.optimizer = OptimizerState(self.plan.solver, rate, rate)
            return
        self.network.n_steps = optimizer.n_steps
        for moment, kept in zip(self.network.moments, optimizer.moments, strict=True):
            for views, arrays in zip(self.network.views(moment), kept, strict=True):
                copy_arrays(views, arrays)

    def _train_epoch(self, rows):
        state = self.state
        n_steps = -(-len(rows) // self.batch_size)
        rates = np.full(n_steps, state.optimizer.learning_rate)
        loss = self.network.train_epoch(self.examples, rows, rates, self.batch_size)
        state.n_epochs += 1
        state.n_samples_seen += len(rows)
        state.loss = loss
        state.loss_curve.append(loss)
        if self.plan.verbose:
            print(f"Iteration {state.n_epochs}, loss = {loss:.8f}")

    def _compare_loss(self):
        state = self.state
        if state.loss > state.best_loss - self.plan.tol:
            state.n_epochs_without_improvement += 1
        else:
            state.n_epochs_without_improvement = 0
        state.best_loss = min(state.best_loss, state.loss)

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
        rows, data = self.validation_rows, self.data
        predictions = self.network.predict(self.examples, rows)
        weights = None if data.sample_weight is None else data.sample_weight[rows]
        targets = data.targets[rows]
        if data.loss.target == "real":
            if not np.isfinite(predictions).all():
                return np.nan
            return r2_score(targets, predictions, sample_weight=weights)
        if data.loss.target == "class":
            is_right = predictions.argmax(axis=1) == targets
        else:
            is_right = ((predictions > 0.5) == targets).all(axis=1)
        return float(np.average(is_right, weights=weights))

    def _diverged(self):
        """Parameters that are no numbers stay so: there is nothing to wait for."""
        message = NON_FINITE.format(self.plan.learning_rate_init)
        if not self.plan.early_stopping:
            raise ValueError(message)
        self.state.validation_scores.append(np.nan)
        warnings.warn(f"{message} The best weights are kept.", ConvergenceWarning, stacklevel=6)

    def _is_finished(self):
        """Applies the schedule at an epoch's end; True where training is to stop."""
        plan, state, optimizer = self.plan, self.state, self.state.optimizer
        if plan.schedule == "invscaling":
            optimizer.learning_rate = (
                plan.learning_rate_init / (state.n_samples_seen + 1) ** plan.power_t
            )
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
            self._tell(f"{message} Setting learning rate to {optimizer.learning_rate:f}")
            return False
        too_small = " Learning rate too small." if plan.schedule == "adaptive" else ""
        self._tell(f"{message}{too_small} Stopping.")
        return True

    def _tell(self, message):
        if self.plan.verbose:
            print(message)


def build_network(plan, state, batch_size):
    """A network of the plan with the state's parameters in it."""
    optimizer = plan.solver if plan.is_stochastic else None
    network = Network(
        plan.widths, plan.activations, plan.loss, batch_size, plan.dtype, optimizer=optimizer
    )
    network.set_optimizer(alpha=plan.alpha, **plan.optimizer)
    copy_arrays(network.coefs, state.coefs)
    copy_arrays(network.intercepts, state.intercepts)
    return network


def keep_parameters(network, state):
    """Copies the network's parameters into the state, as plain arrays of their own."""
    state.coefs = [view.copy() for view in network.coefs]
    state.intercepts = [view.copy() for view in network.intercepts]


def copy_arrays(to, source):
    """Copies each array of a list into its counterpart."""
    for target, values in zip(to, source, strict=True):
        target[...] = values


def split_rows(plan, data, random_state):
    """Indices of the rows to train on and of those to validate on (None without)."""
    every = np.arange(data.X.shape[0])
    if not plan.early_stopping:
        return every, None
    options = {"random_state": random_state, "test_size": plan.validation_fraction}
    try:
        rows, validation = train_test_split(every, stratify=data.strata, **options)
    except ValueError as error:
        if data.loss.target != "class":
            raise
        warnings.warn(
            f"The validation set cannot keep the classes' shares and is drawn without: {error}",
            UserWarning,
            stacklevel=6,
        )
        rows, validation = train_test_split(every, **options)
    if len(validation) < 2:
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' or the size of your "
            "dataset."
        )
    if data.sample_weight is not None and data.sample_weight[validation].sum() == 0:
        raise ValueError(
            "The sample_weight of the validation set's rows sum to 0: they have no score. Increase "
            "'validation_fraction' or leave out rows without weight."
        )
    return rows, validation
