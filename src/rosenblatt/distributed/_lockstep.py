"""Synchronous mini-batch training in several processes, each of which has its own rows.

In every step each process computes the gradient of its part of the batch, the gradients are summed
over all processes, and all apply the same update. Epochs, schedules, stopping and history are
inherited from _training.TrainingRun; rows, steps and decisions are overridden here.
"""

# SPDX-License-Identifier: BSD-3-Clause
import contextlib
import math
import time
import zlib
from dataclasses import replace

import numpy as np

from rosenblatt._data import class_counts, training_weights
from rosenblatt._steps import BatchSums, Steps
from rosenblatt._training import TrainingRun, run_to_its_end
from rosenblatt._validation_set import ValidationSet
from rosenblatt.core.dispatch import available_isas, built_isas, get_isa, set_isa
from rosenblatt.core.examples import Examples
from rosenblatt.distributed._batches import (
    augmentation_state,
    batch_ends,
    epoch_order,
    held_out_rows,
    noise_seed,
    taken_after,
)
from rosenblatt.distributed._communicator import (
    PeerError,
    exchange,
    failing_together,
    gathered,
)
from rosenblatt.distributed._rows import RowBlocks, batch_of

MOST_HELD_OUT = (
    "The validation set is too small. Increase validation_fraction or the number of rows: {}."
)


@contextlib.contextmanager
def common_isa(communicator):
    """A context in which networks use the best instruction set that all ranks support.

    Raises
    ------
    PeerError
        If the ranks have no instruction set in common.
    """
    own, told = get_isa(), exchange(communicator, (available_isas(), get_isa()))
    levels = {name: level for level, name in enumerate(built_isas())}
    highest = min(levels.get(used, -1) for _, used in told)
    common = set.intersection(*(set(available) for available, _ in told))
    common = [name for name in common if levels.get(name, highest + 1) <= highest]
    if not common:
        raise PeerError(f"The processes have no instruction set in common: {told}")
    set_isa(max(common, key=levels.get))
    try:
        yield
    finally:
        set_isa(own)


class SharedInterruption:
    """Whether Ctrl-C ends training, as agreed by all ranks."""

    requested = False


class LockstepRun(TrainingRun):
    """One rank's part of a synchronous training run.

    Parameters
    ----------
    plan : Plan
        The same on every rank.
    data : TrainingData
        The rows of this rank, possibly none; X may be RowBlocks.
    state : State
        The same on every rank.
    communicator : Communicator
    seed : int
        Determines the order of rows, the held-out rows, dropout and noise.
    callbacks, update_estimator
        As in TrainingRun; those of rank 0 are called.
    interruption : Interruption or None
        The interruption of this rank.
    seconds : float
        Training pauses after the epoch in which rank 0 reaches this time.
    blocks : sequence of (int, int)
        Index and number of rows of each block of the data. Held-out rows are drawn per block, so
        that they do not depend on which rank has a block.

    Attributes
    ----------
    is_paused : bool
        Whether training is to be resumed by another run, from the state of `hand_over`.
    """

    def __init__(
        self,
        plan,
        data,
        state,
        communicator,
        seed,
        *,
        callbacks=None,
        update_estimator=None,
        interruption=None,
        seconds=math.inf,
        blocks=None,
    ):
        self.communicator, self.seed = communicator, seed
        self.interruption, self.agreed = interruption, SharedInterruption()
        self.blocks = [(communicator.rank, data.X.shape[0])] if blocks is None else blocks
        self.end, self.is_paused = time.monotonic() + seconds, False
        callbacks = callbacks if communicator.rank == 0 else None
        with common_isa(communicator):
            super().__init__(plan, data, state, callbacks, update_estimator)
        self.network.noise_seed = noise_seed(seed)
        self.steps = Steps(self.network, None)  # examples are set for each batch
        self._share_batches()
        tracks = callbacks is not None and callbacks.tracks_change
        self.tracks_change = any(exchange(communicator, bool(tracks)))

    # -- rows ---------------------------------------------------------------------------

    def _divide_rows(self):
        plan, data = self.plan, self.data
        every = np.arange(data.X.shape[0])
        has_validation = exchange(self.communicator, data.validation is not None)
        if any(has_validation):
            return every, SharedValidation(plan, data.validation, None, self.communicator)
        if not plan.early_stopping:
            return every, None
        held_out = self._held_out_rows()
        counts = exchange(self.communicator, (len(held_out), len(every)))
        n_held_out, n_rows = map(sum, zip(*counts, strict=True))
        if n_held_out < 2 or n_held_out == n_rows:
            raise ValueError(
                MOST_HELD_OUT.format(f"{n_held_out} of {n_rows}; at least 2 are needed")
            )
        return np.setdiff1d(every, held_out, assume_unique=True), SharedValidation(
            plan, data, held_out, self.communicator
        )

    def _held_out_rows(self):
        first, held_out, fraction = 0, [], self.plan.validation_fraction
        for block, n_rows in self.blocks:
            strata = self.data.strata
            strata = None if strata is None else strata[first : first + n_rows]
            held_out.append(first + held_out_rows(self.seed, block, n_rows, fraction, strata))
            first += n_rows
        return np.concatenate(held_out) if held_out else np.empty(0, dtype=np.intp)

    def _count_rows(self):
        self.counts = np.zeros(self.communicator.size, dtype=np.int64)
        self.counts[self.communicator.rank] = len(self.rows)
        self.communicator.all_reduce(self.counts)
        return int(self.counts.sum())

    def _weights(self):
        counts = None
        if self.plan.class_weight is not None:
            counts = class_counts(self.data, self.rows)
            self.communicator.all_reduce(counts)
        self.weights = training_weights(self.data, self.rows, self.plan.class_weight, counts)
        return self.weights

    def _examples(self, weights):
        if isinstance(self.data.X, RowBlocks):
            return None
        return super()._examples(weights)

    def _share_batches(self):
        """Compute which rows this rank contributes to each batch, and their position in it."""
        ends = batch_ends(self.n_rows, self.batch_size, self.n_steps)
        taken = np.vstack([0 * self.counts, taken_after(self.counts, ends)])
        shares, rank = np.diff(taken, axis=0), self.communicator.rank
        if self.plan.architecture.normalization == "batch" and (shares == 1).any():
            raise ValueError(
                "normalization='batch' computes statistics over each process's part of a batch, "
                f"but with batch_size={self.batch_size} some part has a single row. Use a larger "
                "batch_size, or normalization='layer'."
            )
        self.batch_counts = shares.sum(axis=1)
        self.parts = list(zip(taken[:-1, rank], taken[1:, rank], strict=True))
        self.first_rows = shares[:, :rank].sum(axis=1)

    def _augment(self):
        epoch = self.state.n_epochs
        self.state.random_state = augmentation_state(self.seed, self.communicator.rank, epoch)
        super()._augment()
        self.weights = self.augmented[2]

    # -- epochs -------------------------------------------------------------------------

    def run(self):
        """Run epochs until the end or a pause; the result is in the state."""
        run_to_its_end(self, self.agreed)

    def _may_core_run_alone(self):
        return False

    def _tracks_change(self):
        return self.tracks_change

    def _take_steps(self, rates, scheduled, rule, figures, interruption):
        assert not scheduled, "a single step takes a learning rate and nothing else"
        started, squares, n_taken = time.perf_counter(), 0.0, 0
        order = self._order()
        weights = self._batch_weights(order)
        tracks = self.tracks_change or self.plan.tol_params is not None
        before = self.steps.parameters if tracks else None
        loss = np.zeros(1)
        for i, (start, stop) in enumerate(self.parts):
            if weights[i] == 0:
                continue
            loss += self.batch_counts[i] * self._take_step(i, order[start:stop], weights[i], rates)
            squares += self.network.squared_norm
            n_taken += 1
        self.communicator.all_reduce(loss)
        self._average_statistics()
        loss = float(loss[0] / self.n_rows)
        change = math.nan
        if tracks:
            change = np.linalg.norm(self.steps.parameters.astype(float) - before)
        norm = math.sqrt(squares / n_taken) if n_taken else math.nan
        figures[0] = norm, time.perf_counter() - started, change
        if rule is not None:
            rule.observe(loss)
        return np.array([loss]), self.n_rows

    def _take_step(self, i, rows, weight, rates):
        """Take one step; returns this rank's contribution to the loss of the batch."""
        if self.augmented is None:
            examples, rows = batch_of(self.data, self.examples, self.weights, rows)
        else:
            examples = self.examples
        self.steps.examples = examples
        part = self.steps.sums(rows, int(self.first_rows[i]))
        self.communicator.all_reduce(part.gradient)
        penalty = self.steps.take(BatchSums(0.0, weight, part.gradient), rates[0, i])
        return part.loss / weight + (penalty if self.communicator.rank == 0 else 0.0)

    def _order(self):
        if not self.plan.shuffle:
            return self.rows
        return epoch_order(self.seed, self.communicator.rank, self.state.n_epochs, self.rows)

    def _batch_weights(self, order):
        """The divisors of the sums of each batch of the epoch."""
        has_weights = self.data.sample_weight is not None or self.plan.class_weight is not None
        if not has_weights:
            return self.batch_counts.astype(float)
        of_rows = np.append(0.0, np.cumsum(self.weights[order], dtype=float))
        weights = np.array([of_rows[stop] - of_rows[start] for start, stop in self.parts])
        self.communicator.all_reduce(weights)
        return weights

    def _average_statistics(self):
        """Average the running statistics, which each rank computes from its own rows."""
        architecture, network = self.plan.architecture, self.network
        if architecture.normalization != "batch" or self.communicator.size == 1:
            return
        lists = network.read(network.parameters)
        has_rows = np.array([float(len(self.rows) > 0)])
        factor = float(has_rows[0])
        self.communicator.all_reduce(has_rows)
        for arrays in architecture.averaged(lists):
            for array in arrays:
                array *= factor / has_rows[0]
                self.communicator.all_reduce(array)
        network.write(network.parameters, *lists)

    # -- decisions ----------------------------------------------------------------------

    def _is_stopped(self):
        """Whether any rank requests training to stop. Also compares the ranks' parameters."""
        error, wants_stop = None, False
        try:
            wants_stop = super()._is_stopped()
        except BaseException as own:
            error = own
        is_interrupted = self.interruption is not None and self.interruption.requested
        is_late = self.communicator.rank == 0 and time.monotonic() >= self.end
        own = np.array([error is not None, wants_stop, is_interrupted, is_late])
        n_flags, size = len(own), self.communicator.size
        block = np.zeros(n_flags + size, dtype=np.int64)
        block[:n_flags] = own
        block[n_flags + self.communicator.rank] = zlib.crc32(self.steps.parameters.tobytes())
        self.communicator.all_reduce(block)
        n_failed, n_stops, n_interrupted, n_late = block[:n_flags]
        if error is not None:
            raise error
        if n_failed:
            raise PeerError("Another process of the training failed between two epochs")
        if len(set(block[n_flags:].tolist())) > 1:
            raise PeerError(
                f"The parameters of the processes differ after epoch {self.state.n_epochs}: their "
                "processors or libraries give different results."
            )
        self.agreed.requested = bool(n_interrupted)
        if n_stops or n_interrupted:
            return True
        self.is_paused = bool(n_late)
        return self.is_paused

    def _is_finished(self):
        is_finished = super()._is_finished()
        if is_finished or self.state.n_epochs >= self.plan.max_epochs:
            self.is_paused = False
        return is_finished

    def hand_over(self):
        """Store the result in the state or, for a paused run, what the next run resumes from."""
        best = self.best_parameters
        if not self.is_paused or best is None:
            super().hand_over()
            return
        self.state.best_parameters, self.best_parameters = self.network.read(best), None
        super().hand_over()


class SharedValidation(ValidationSet):
    """A validation set distributed over ranks, scored as a whole.

    Each rank predicts its own rows, and the predictions are gathered on all ranks. User-defined
    scorers, which are called with an estimator and rows, get all rows on rank 0.

    Parameters
    ----------
    plan : Plan
    data : TrainingData or None
        None if this rank has no rows but others do.
    rows : ndarray of int or None
        The rows of `data` to use; None for all.
    communicator : Communicator
    """

    def __init__(self, plan, data, rows, communicator):
        self.scoring, self.communicator = plan.scoring, communicator
        with failing_together(communicator):
            if data is None:
                raise ValueError("X_val must be passed on all processes or on none.")
        rows = np.arange(data.X.shape[0]) if rows is None else rows
        weights = None if data.sample_weight is None else data.sample_weight[rows]
        X, targets = data.X[rows], data.targets[rows]
        self.examples, self.rows = Examples(X, targets, weights), np.arange(len(rows))
        counts = np.cumsum(exchange(communicator, len(rows)))
        self.n_all, self.start = int(counts[-1]), int(counts[communicator.rank]) - len(rows)
        self.targets = gathered(communicator, targets)
        self.weights = None if weights is None else gathered(communicator, weights)
        self.total_weight = float(
            self.n_all if self.weights is None else self.weights.sum(dtype=float)
        )
        if self.total_weight == 0:
            raise ValueError("sample_weight_val sums to 0, so the validation score is undefined.")
        self.data = replace(data, X=None, y=None, validation=None)
        self._as_given = None
        if callable(self.scoring):
            self._as_given = gathered(communicator, X), gathered(communicator, data.y[rows])
        self._scorer_takes_weights = (
            callable(self.scoring) and self.weights is not None and self._may_scorer_weigh()
        )

    def score(self, network, fitted):
        predictions, loss = network.predict(self.examples, self.rows, with_loss=True)
        block = np.zeros((self.n_all, predictions.shape[1]), dtype=predictions.dtype)
        block[self.start : self.start + len(predictions)] = predictions
        total = np.array([loss])
        self.communicator.all_reduce(block)
        self.communicator.all_reduce(total)
        loss = float(total[0] / self.total_weight)
        if self.scoring is None:
            return self._default_score(block), loss
        if self.scoring == "loss":
            return -loss, loss
        if not np.isfinite(block).all():
            return math.nan, loss
        score = np.zeros(1)
        with failing_together(self.communicator):
            if self.communicator.rank == 0:
                score[0] = self._scorers_score(fitted())
        self.communicator.broadcast(score)
        return float(score[0]), loss
