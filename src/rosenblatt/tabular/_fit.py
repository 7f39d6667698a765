"""The stages of a fit: read, divide, encode, train, combine, calibrate, score.

Each stage is a file of its own; this one hands results from one to the next. Parameters arrive
checked. The estimator is not touched: what was learned is returned.
"""

# SPDX-License-Identifier: BSD-3-Clause
import time
from dataclasses import dataclass, replace
from math import inf

import numpy as np
from sklearn.utils import check_random_state

from rosenblatt._base import warn_user
from rosenblatt._data import TrainingData
from rosenblatt._plan import thread_count
from rosenblatt.preprocessing._encoder import ColumnEncoder
from rosenblatt.tabular._calibration import TemperatureScaling
from rosenblatt.tabular._category_statistics import CategoryStatistics
from rosenblatt.tabular._ensemble import Ensemble, member_outputs
from rosenblatt.tabular._folds import fold_numbers, grouped_fold_numbers
from rosenblatt.tabular._importances import PermutationImportance
from rosenblatt.tabular._intervals import N_FOLDS, PredictionDistribution
from rosenblatt.tabular._members import MemberTask, Watch, train_member, train_members
from rosenblatt.tabular._oof_score import score_with_error
from rosenblatt.tabular._progress import EnsembleProgress
from rosenblatt.tabular._recipe import ensemble_plan
from rosenblatt.tabular._time_limit import planned_within


@dataclass(frozen=True)
class Rows:
    """Rows as the stages pass them on.

    Attributes
    ----------
    table : Table
    target : ClassTarget or NumberTarget
    groups : ndarray or None
    """

    table: object
    target: object
    groups: np.ndarray | None = None


@dataclass(frozen=True)
class MemberRecord:
    """What callbacks are told of a network that is ready.

    Attributes
    ----------
    member, n_ready, n_members : int
        Its number from 0, how many are ready, and how many there will be.
    n_epochs : int
    validation_loss : float
        Of the rows that it left out: log loss, or squared error of standardised targets.
    seconds : float
        Since the fit began.
    """

    member: int
    n_ready: int
    n_members: int
    n_epochs: int
    validation_loss: float
    seconds: float


@dataclass(frozen=True)
class Trained:
    """A trained member with its predictions of the rows that it did not see.

    Attributes
    ----------
    member : MLPClassifier or MLPRegressor
    encoder : int
        The number of its encoder.
    rows : ndarray of int or None
        None is all rows of the validation set.
    decoded : ndarray of shape (n_rows, n_outputs)
    loss : float
    """

    member: object
    encoder: int
    rows: np.ndarray | None
    decoded: np.ndarray
    loss: float


@dataclass
class Fitted:
    """What a fit leaves; the estimator's attributes are made of it."""

    ensemble: Ensemble
    plan: object
    held_out_prediction: np.ndarray
    score: float
    score_error: float
    importances: np.ndarray
    is_whole: bool


class EnsembleFit:
    """One fit.

    Parameters
    ----------
    estimator : TabularMLPClassifier or TabularMLPRegressor
        Read, not written.
    rows : Rows
    validation : Rows or None
        Held out by the caller: there are no folds then.
    reader : TableReader
    interruption : Interruption
    started : float
        `time.monotonic()` when the fit began.
    """

    def __init__(self, estimator, rows, validation, reader, interruption, started):
        self.estimator, self.rows, self.validation = estimator, rows, validation
        self.reader, self.interruption = reader, interruption
        limit = estimator.time_limit
        self.deadline = inf if limit is None else started + limit
        self.random_state = check_random_state(estimator.random_state)
        self.n_jobs = thread_count(estimator.n_jobs)
        self.started = started

    def run(self):
        """Fit and return Fitted."""
        rows, target = self.rows, self.rows.target
        self.plan = ensemble_plan(self.estimator, rows.table, target)
        self.folds = self._folds()
        table, statistics = self._with_statistics()
        self.rows = replace(rows, table=table)
        self.ensemble = Ensemble(self.reader, statistics, target.decoder)
        self.seeds = self.random_state.randint(2**31 - 1, size=(3, self.plan.n_members))
        self._train()
        self._combine()
        return self._finish()

    def _folds(self):
        """Each row's fold; None where the caller held rows out."""
        if self.validation is not None:
            return None
        rows, n_folds = self.rows, self.plan.n_folds
        order, seed = rows.target.order, self.random_state
        if rows.groups is None:
            return fold_numbers(order, n_folds, seed)
        stratify = rows.target.is_classification
        return grouped_fold_numbers(order, rows.groups, n_folds, seed, stratify=stratify)

    def _with_statistics(self):
        """(table, CategoryStatistics or None)."""
        rows = self.rows
        statistics = CategoryStatistics(rows.table, rows.target)
        if not statistics.columns:
            return rows.table, None
        folds = self.folds
        if folds is None:
            folds = fold_numbers(rows.target.order, self.plan.n_folds, self.random_state)
        table = statistics.fit_extend(rows.table, rows.target, folds)
        if self.validation is not None:
            extended = statistics.extend(self.validation.table)
            self.validation = replace(self.validation, table=extended)
        return table, statistics

    # training

    def _tasks(self, plan):
        """Encode and yield members to train, those of one encoding one after the other."""
        for encoding in dict.fromkeys(plan.encodings):
            numbers = [k for k, name in enumerate(plan.encodings) if name == encoding]
            target = self.rows.target
            encoder = ColumnEncoder(
                encoding,
                classification=target.is_classification,
                random_state=int(self.seeds[0, numbers[0]]),
            )
            y = target.indices if target.is_classification else target.targets
            X = encoder.fit_transform(self.rows.table, y, target.given_weight)
            self.ensemble.encoders.append(encoder)
            data = self._training_data(self.rows, X)
            if self.validation is not None:
                X = encoder.transform(self.validation.table)
                data = replace(data, validation=self._training_data(self.validation, X))
            for k in numbers:
                yield self._task(k, plan, encoding, data)

    @staticmethod
    def _training_data(rows, X):
        target, weights = rows.target, rows.target.sample_weight
        return TrainingData(
            X=X,
            y=target.y,
            targets=target.targets,
            sample_weight=None if weights is None else weights.astype(np.float32),
            loss=target.loss,
            n_outputs=target.n_network_outputs,
            strata=target.indices if target.is_classification else None,
            classes=target.classes,
        )

    def _task(self, number, plan, encoding, data):
        if self.folds is not None:
            fold = number % plan.n_folds
            data = replace(
                data,
                rows=np.flatnonzero(self.folds != fold),
                held_out=np.flatnonzero(self.folds == fold),
            )
        return MemberTask(
            number,
            plan.network(encoding),
            data,
            int(self.seeds[1, number]),
            plan.patience_ratio,
            plan.pilot(encoding),
        )

    def _train(self):
        if self.deadline < inf:
            self.plan = self._planned_within_limit()
        plan = self.plan
        self.progress = EnsembleProgress(plan.n_members, plan.max_iter, self.estimator.verbose)
        self.watch = Watch(self.interruption, self.deadline, self.progress.on_epoch)
        self.importance = PermutationImportance(len(self.reader.columns_), plan.n_members)
        self.ready, self.cut = {}, {}  # Trained by member number: whole, and stopped before
        try:
            train_members(self._tasks(plan), self.n_jobs, self.watch, self._on_member)
        finally:
            self.progress.close()
        if not self.ready and not self.cut:
            raise KeyboardInterrupt  # or no time for a single epoch
        self.is_whole = len(self.ready) == plan.n_members
        self._warn_if_not_whole()
        # an unfinished network is better than none, and worse than others
        self.trained = self.ready or self.cut

    def _planned_within_limit(self):
        """The plan that the time left allows, by the speed of two epochs of the first member."""
        plan = replace(self.plan, max_iter=2, pilot_epochs=0)
        task = next(iter(self._tasks(replace(plan, encodings=plan.encodings[:1]))))
        self.ensemble.encoders.clear()
        started = time.monotonic()
        train_member(task, Watch(self.interruption))
        seconds = (time.monotonic() - started) / 2
        left = self.deadline - time.monotonic()
        return planned_within(self.plan, left, seconds, self.n_jobs)

    def _on_member(self, task, member):
        """Keeps what the rest of the fit needs of a member; the encoded rows are not."""
        if member is None:
            return
        is_cut = self.watch.is_over
        trained = self._examined(task, member)
        (self.cut if is_cut else self.ready)[task.number] = trained
        if is_cut:
            return
        self.progress.on_member(task.number, trained.loss)
        record = MemberRecord(
            member=task.number,
            n_members=self.plan.n_members,
            n_ready=len(self.ready),
            n_epochs=member.n_iter_,
            validation_loss=trained.loss,
            seconds=time.monotonic() - self.started,
        )
        answers = [callback(record, self.estimator) for callback in self.estimator.callbacks or ()]
        if any(answer is True or answer is np.True_ for answer in answers):
            self.watch.is_stopped = True

    def _examined(self, task, member):
        """A member's predictions of the rows that it did not see, and its use of the columns."""
        encoder_number = self.plan.encoder_of(task.number)
        target, rows = self.rows.target, task.data.held_out
        if self.validation is not None:
            X, target, rows = task.data.validation.X, self.validation.target, None
        else:
            X = task.data.X[rows]
        decoded = target.decoder.decoded(member_outputs(member, X))
        weights = target.sample_weight
        weights = weights if rows is None or weights is None else weights[rows]
        losses = target.losses(decoded, rows)
        self._add_importances(member, X, target, rows, weights, encoder_number, task.number)
        loss = float(np.average(losses, weights=weights)) if len(losses) else np.nan
        return Trained(member, encoder_number, rows, decoded, loss)

    def _add_importances(self, member, X, target, rows, weights, encoder_number, number):
        most = self.importance.rows_a_member
        random_state = np.random.RandomState(self.seeds[2, number])
        few = random_state.permutation(len(X))[:most]
        chosen = few if rows is None else rows[few]

        def loss_of(encoded):
            return target.losses(target.decoder.decoded(member_outputs(member, encoded)), chosen)

        self.importance.add(
            X[few],
            self.ensemble.encoders[encoder_number].column_of_output,
            loss_of,
            None if weights is None else weights[few],
            random_state,
        )

    def _warn_if_not_whole(self):
        if self.is_whole or self.watch.is_stopped:
            return
        n_ready, n_members = len(self.ready), self.plan.n_members
        reason = "Ctrl-C" if self.interruption.requested else "time_limit"
        what = f"{n_ready} of {n_members} networks" if n_ready else "one network that is not ready"
        warn_user(f"{reason} ended training: the ensemble consists of {what}.")

    # what follows training

    def _combine(self):
        """Weighs the members and puts together what they predict for rows they did not see."""
        numbers = sorted(self.trained)
        weights = self.plan.member_weights([self.trained[k] for k in numbers])
        target = self.rows.target if self.validation is None else self.validation.target
        total = np.zeros((len(target.order), target.n_outputs))
        weight_of_row = np.zeros(len(total))
        for k, weight in zip(numbers, weights, strict=True):
            one = self.trained[k]
            rows = slice(None) if one.rows is None else one.rows
            total[rows] += weight * one.decoded
            weight_of_row[rows] += weight
        with np.errstate(invalid="ignore"):
            self.prediction = total / weight_of_row[:, None]  # NaN: no member left the row out
        self.known = np.flatnonzero(weight_of_row > 0)
        ensemble = self.ensemble
        ensemble.members = [self.trained[k].member for k in numbers]
        ensemble.encoder_of = [self.trained[k].encoder for k in numbers]
        ensemble.weights = np.asarray(weights) / np.sum(weights)
        self.trained.clear()

    def _finish(self):
        held_out = self.rows if self.validation is None else self.validation
        self._calibrate(held_out)
        known, target = self.known, held_out.target
        groups = None if held_out.groups is None else held_out.groups[known]
        weights = None if target.given_weight is None else target.given_weight[known]
        score, score_error = score_with_error(
            target.decoder.presented(self.prediction[known]),
            target.y[known],
            target.classes,
            self.estimator.scoring,
            weights,
            groups,
            self.random_state,
        )
        return Fitted(
            self.ensemble,
            self.plan,
            target.decoder.presented(self.prediction).astype(np.float32),
            score,
            score_error,
            self.importance.result(),
            self.is_whole,
        )

    def _calibrate(self, held_out):
        """Temperature for classes, the distribution of residuals for numbers."""
        target, known, ensemble = held_out.target, self.known, self.ensemble
        weights = None if target.sample_weight is None else target.sample_weight[known]
        if target.is_classification:
            ensemble.calibration = TemperatureScaling().fit(
                self.prediction[known], target.indices[known], weights
            )
            self.prediction = ensemble.calibration.transform(self.prediction)
            return
        folds = fold_numbers(target.order, N_FOLDS, self.random_state)
        if self.folds is not None:
            folds = self.folds
        ensemble.distribution = PredictionDistribution().fit(
            held_out.table.take(known),
            self.prediction[known],
            target.values[known],
            folds[known],
            weights,
            self.random_state,
            self.n_jobs,
            Watch(self.interruption),
        )
