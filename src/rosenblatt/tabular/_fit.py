"""The stages of a fit: read, divide, encode, train, combine, calibrate, score.

Each stage is a file of its own; this one hands results from one to the next. Parameters arrive
checked. The estimator is not touched: what was learned is returned.
"""

# SPDX-License-Identifier: BSD-3-Clause
import time
from dataclasses import dataclass, fields, replace
from math import inf

import numpy as np
from sklearn.utils import check_random_state

from rosenblatt._base import warn_user
from rosenblatt._plan import thread_count
from rosenblatt.tabular._calibration import TemperatureScaling
from rosenblatt.tabular._ensemble import Ensemble, member_outputs
from rosenblatt.tabular._folds import fold_numbers, grouped_fold_numbers
from rosenblatt.tabular._importances import permutation_loss_increases, rows_a_member, shares
from rosenblatt.tabular._intervals import N_FOLDS, PredictionDistribution
from rosenblatt.tabular._member_inputs import MemberInputs
from rosenblatt.tabular._members import (
    MemberTask,
    Watch,
    train_member,
    train_members,
)
from rosenblatt.tabular._oof_score import check_scoring, score_with_error
from rosenblatt.tabular._progress import EnsembleProgress
from rosenblatt.tabular._recipe import ensemble_plan, member_weights
from rosenblatt.tabular._time_limit import RESERVE, planned_within


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

    def __getattr__(self, name):
        known = ", ".join(field.name for field in fields(self))
        raise AttributeError(
            f"the record has no {name!r}, but {known}: callbacks of TabularMLPClassifier and "
            "TabularMLPRegressor are called when a network is ready, not after every epoch."
        )


@dataclass(frozen=True)
class Trained:
    """A trained member with its predictions of the rows that it did not see.

    Attributes
    ----------
    member : MLPClassifier or MLPRegressor
    is_cut : bool
        Whether it was stopped before its end.
    encoder : int
        The number of its encoder.
    rows : ndarray of int
    decoded : ndarray of shape (n_rows, n_outputs)
    loss : float
        Of these rows.
    increases : ndarray of shape (n_columns,)
        What shuffling each column adds to it.
    probed : ndarray or None
        Predictions of the rows by which members are compared; None with a validation set.
    """

    member: object
    is_cut: bool
    encoder: int
    rows: np.ndarray
    decoded: np.ndarray
    loss: float
    increases: np.ndarray
    probed: np.ndarray | None


@dataclass
class Fitted:
    """What a fit leaves; the estimator's attributes are made of it."""

    ensemble: Ensemble
    plan: object
    held_out_prediction: np.ndarray
    score: float
    score_error: float
    importances: np.ndarray
    ended_by: str | None
    n_folds: int


PROBED_ROWS = 500  # by which members are compared
SHARPENING = 0.06  # of the temperature, by the variance that is in one network and not in the mean


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
        # one generator for each purpose: what one draws does not change what others draw, and a
        # member is the same in ensembles of any size
        seeds = check_random_state(estimator.random_state).randint(2**31 - 1, size=4)
        drawn = (np.random.RandomState(seed) for seed in seeds)
        self.of_folds, self.of_inputs, self.of_members, self.of_scores = drawn
        self.n_jobs = thread_count(estimator.n_jobs)
        self.started = started
        self.seconds = self.seconds_per_epoch = 0.0
        self.n_columns = len(reader.columns_)
        self.probe = slice(0, len(rows.table), max(1, len(rows.table) // PROBED_ROWS))

    def run(self):
        """Fit and return Fitted."""
        rows, target = self.rows, self.rows.target
        check_scoring(self.estimator.scoring, (self.validation or rows).target)
        self.plan = ensemble_plan(self.estimator, rows.table, target)
        self.folds = self._folds()
        self.inputs = MemberInputs(rows, self.validation, self.folds, self.plan, self.of_inputs)
        self.ensemble = Ensemble(self.reader, self.inputs.statistics, target.decoder)
        self.ensemble.encoders = self.inputs.encoders
        # members of large tables follow each other, so that only one encoding of the rows is in
        # memory, and threads share their steps
        self.n_workers = self.n_jobs if self.inputs.keeps_all else 1
        self.seeds = self.of_members.randint(2**31 - 1, size=(self.plan.n_members, 2))
        self._train()
        self._combine()
        return self._finish()

    def _folds(self):
        """Each row's fold, in as many divisions as the members need; None where the caller held
        rows out.

        Every fold has rows that weigh something, so there may be fewer than were planned.
        """
        if self.validation is not None:
            return None
        plan = self.plan
        divisions = [self._division() for _ in range(-(-plan.n_members // plan.n_folds))]
        self.plan = replace(plan, n_folds=min(int(one.max()) + 1 for one in divisions))
        # fewer folds take more divisions
        n_missing = -(-plan.n_members // self.plan.n_folds) - len(divisions)
        return np.array(divisions + [self._division() for _ in range(n_missing)])

    def _division(self):
        """Each row's fold, drawn anew."""
        target, groups, random_state = self.rows.target, self.rows.groups, self.of_folds
        order, weights, n_folds = target.order, target.sample_weight, self.plan.n_folds
        weighs = np.ones(len(order), bool) if weights is None else weights > 0
        n_weighing = np.count_nonzero(weighs)
        if n_weighing < 2:
            raise ValueError("sample_weight must be > 0 in at least 2 rows; it is in only 1.")
        if groups is not None:
            of_group = np.zeros(groups.max() + 1, np.int32)
            of_group[groups[weighs]] = grouped_fold_numbers(
                order[weighs],
                groups[weighs],
                n_folds,
                random_state,
                stratify=target.is_classification,
            )
            return of_group[groups]
        n_folds, folds = min(n_folds, n_weighing), np.zeros(len(order), np.int32)
        folds[weighs] = fold_numbers(order[weighs], n_folds, random_state)
        folds[~weighs] = fold_numbers(order[~weighs], n_folds, random_state)
        return folds

    # training

    def _tasks(self):
        """Members to train, encoded when their turn comes."""
        for number in self.inputs.in_turn():
            yield self._task(number, self.plan)

    def _task(self, number, plan):
        data = self.inputs.training_data(number)
        return MemberTask(
            number,
            plan.network(number, self.n_jobs // self.n_workers),
            data,
            int(self.seeds[number, 0]),
            plan.patience_ratio,
        )

    def _train(self):
        if self.deadline < inf:
            self._plan_within_limit()
        plan = self.plan
        self.progress = EnsembleProgress(plan.n_members, plan.max_iter, self.estimator.verbose)
        self.watch = Watch(
            self.interruption,
            self.deadline - RESERVE * (self.deadline - time.monotonic()),
            self.seconds_per_epoch * plan.max_iter,
            self.progress.on_epoch,
        )
        self.ready, self.unfinished = {}, {}  # Trained by member number: whole, and stopped before
        try:
            train_members(
                self._tasks(), self.n_workers, self.watch, self._examined, self._on_member
            )
        finally:
            self.progress.close()
        if not self.ready and not self.unfinished:
            raise KeyboardInterrupt
        self.ended_by = self._what_ended_training()
        self._warn_if_cut()
        # an unfinished network is better than none, and worse than others
        self.trained = self.ready or self.unfinished

    def _plan_within_limit(self):
        """Adapts the plan to the time left, by the speed of the first member's first epochs."""
        task = self._task(self.inputs.in_turn()[0], replace(self.plan, max_iter=3))
        first = train_member(task, Watch(self.interruption, self.deadline))
        self.seconds_per_epoch = min(first.history_["seconds"])
        left = self.deadline - time.monotonic()
        self.plan = planned_within(self.plan, left, self.seconds_per_epoch, self.n_workers)

    def _on_member(self, task, trained, seconds):
        """Keeps what the rest of the fit needs of a member; the encoded rows are not."""
        self.seconds = max(self.seconds, seconds)
        self.watch.seconds_a_member = self.seconds  # no longer an estimate
        if trained is None:
            return
        (self.unfinished if trained.is_cut else self.ready)[task.number] = trained
        if trained.is_cut:
            return
        member = trained.member
        self.progress.on_member(task.number, member.n_iter_, trained.loss)
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

    def _examined(self, task, member, is_cut):
        """A member's predictions of the rows that it did not see, and its use of the columns.

        None for an unfinished member that nobody needs.
        """
        if is_cut and self.ready:
            return None
        target, rows = self.rows.target, task.data.held_out
        if self.validation is not None:
            X, target = task.data.validation.X, self.validation.target
            rows = np.arange(len(X))
        else:
            X = task.data.X[rows]
        encoder_number = self.inputs.encoder_number(task.number)

        def predicted(encoded):
            return target.decoder.decoded(member_outputs(member, encoded))

        decoded = predicted(X)
        weights = None if target.sample_weight is None else target.sample_weight[rows]
        loss = float(np.average(target.losses(decoded, rows), weights=weights))
        random_state, n_columns = np.random.RandomState(self.seeds[task.number, 1]), self.n_columns
        weighing = np.arange(len(X)) if weights is None else np.flatnonzero(weights)
        few = random_state.permutation(weighing)[: rows_a_member(n_columns, self.plan.n_members)]
        increases = permutation_loss_increases(
            X[few],
            self.ensemble.encoders[encoder_number].column_of_output,
            n_columns,
            lambda encoded: target.losses(predicted(encoded), rows[few]),
            None if weights is None else weights[few],
            random_state,
        )
        probed = predicted(task.data.X[self.probe]) if self.validation is None else None
        return Trained(member, is_cut, encoder_number, rows, decoded, loss, increases, probed)

    def _what_ended_training(self):
        """What did before the plan's last member was ready, or None."""
        if len(self.ready) == self.plan.n_members:
            return None
        if self.interruption.requested:
            return "Ctrl-C"
        if self.watch.is_stopped:
            return "callback"
        return "time_limit"

    def _warn_if_cut(self):
        """Fewer members within a time limit are what was asked for; all else is worth a word."""
        n_ready, n_members = len(self.ready), self.plan.n_members
        if not self.ready:
            n_unfinished = len(self.unfinished)
            n_epochs = max(one.member.n_iter_ for one in self.unfinished.values())
            what = f"{n_unfinished} unfinished network(s), of {n_epochs} epoch(s) at most"
        elif self.ended_by == "Ctrl-C":
            what = f"{n_ready} of {n_members} networks"
        else:
            return
        if self.ended_by == "Ctrl-C" and not self.plan.is_classification:
            what += "; the widths of its intervals do not vary"
        warn_user(f"{self.ended_by} ended training: the ensemble consists of {what}.")

    # what follows training

    def _combine(self):
        """Weighs the members and puts together what they predict for rows they did not see."""
        numbers = sorted(self.trained)
        weights = member_weights(
            [self.plan.kinds[k] for k in numbers], [self.trained[k].loss for k in numbers]
        )
        target = self.rows.target if self.validation is None else self.validation.target
        total = np.zeros((len(target.order), target.n_outputs))
        weight_of_row, squares = np.zeros(len(total)), np.zeros(len(total))
        for k, weight in zip(numbers, weights, strict=True):
            one = self.trained[k]
            total[one.rows] += weight * one.decoded
            weight_of_row[one.rows] += weight
            squares[one.rows] += weight**2
        with np.errstate(invalid="ignore"):
            self.prediction = total / weight_of_row[:, None]  # NaN: no member left the row out
        self.known = np.flatnonzero(weight_of_row > 0)
        ensemble = self.ensemble
        ensemble.members = [self.trained[k].member for k in numbers]
        ensemble.encoder_of = [self.trained[k].encoder for k in numbers]
        ensemble.weights = np.asarray(weights) / np.sum(weights)
        self.importances = shares([self.trained[k].increases for k in numbers])
        # the share of the members' variance that is in a left-out row's prediction, which fewer
        # members make, and not in a new row's
        known = self.known
        of_row = np.mean(squares[known] / weight_of_row[known] ** 2)
        self.excess = max(float(of_row - np.square(ensemble.weights).sum()), 0.0)
        self.variance = 0.0
        if self.validation is None and len(numbers) > 1:
            probed = np.array([self.trained[k].probed for k in numbers])
            self.variance = self.excess * probed.var(axis=0, ddof=1).mean(axis=0)
        self.trained.clear()

    def _finish(self):
        held_out = self.rows if self.validation is None else self.validation
        self._calibrate(held_out)
        known, target = self.known, held_out.target
        groups = None if held_out.groups is None else held_out.groups[known]
        weights = None if target.given_weight is None else target.given_weight[known]
        score, score_error = score_with_error(
            target.decoder.in_shape_of_y(self.prediction[known]),
            target.y[known],
            target.classes,
            self.estimator.scoring,
            weights,
            groups,
            self.of_scores,
        )
        with np.errstate(over="ignore"):  # targets beyond float32
            prediction = target.decoder.in_shape_of_y(self.prediction).astype(np.float32)
        return Fitted(
            self.ensemble,
            self.plan,
            prediction,
            score,
            score_error,
            self.importances,
            self.ended_by,
            1 if self.folds is None else self.plan.n_folds,
        )

    def _calibrate(self, held_out):
        """Temperature for classes, the distribution of residuals for numbers."""
        target, known, ensemble = held_out.target, self.known, self.ensemble
        weights = target.sample_weight
        if weights is not None:
            known = known[weights[known] > 0]
            weights = weights[known]
        if target.is_classification:
            # the mean of several networks is less confident than one of them
            ensemble.calibration = TemperatureScaling(1 + SHARPENING * self.excess).fit(
                self.prediction[known], target.indices[known], weights
            )
            self.prediction = ensemble.calibration.transform(self.prediction)
            return
        folds = None if self.folds is None else self.folds[0, known]
        if folds is None or folds.min() == folds.max():
            folds = fold_numbers(target.order[known], N_FOLDS, self.of_scores)
        table = self.inputs.table
        if self.validation is not None:
            table = self.inputs.extended(self.validation.table)
        ensemble.distribution = PredictionDistribution(self.rows.target.scaling).fit(
            table.take(known),
            self.prediction[known],
            target.values[known],
            self.variance,
            folds,
            weights,
            self.of_scores,
            self.n_jobs,
            Watch(self.interruption, self.deadline),
        )
