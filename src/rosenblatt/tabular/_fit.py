"""Runs the stages of a fit: read, split into folds, encode, train, combine, calibrate, score.

Each stage is in its own file; this file passes results from one to the next. Parameters have been
validated. The estimator is not modified: the result is returned.
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
from rosenblatt.tabular._member_inputs import MemberInputs, dense_rows
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
    """The record that callbacks receive when a network is finished.

    Attributes
    ----------
    member, n_ready, n_members : int
        Number of this network (from 0), number of finished networks, and number of networks in the
        ensemble.
    n_epochs : int
        Number of epochs of this network.
    validation_loss : float
        Loss on the rows that it left out: log loss, or squared error of standardised targets.
    seconds : float
        Time since the start of the fit.
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
    """A trained member with its predictions for the rows that it was not trained on.

    Attributes
    ----------
    member : MLPClassifier or MLPRegressor
    is_cut : bool
        Whether training was stopped before its end.
    encoder : int
        The index of its encoder.
    rows : ndarray of int
        The rows that it was not trained on.
    decoded : ndarray of shape (n_rows, n_outputs)
        Predictions for these rows.
    loss : float
        Loss on these rows.
    increases : ndarray of shape (n_columns,)
        Increase of the loss when each column is shuffled.
    probed : ndarray or None
        Predictions for the rows on which members are compared; None with a validation set.
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
    """The result of a fit, from which the estimator's attributes are set."""

    ensemble: Ensemble
    plan: object
    held_out_prediction: np.ndarray
    score: float
    score_error: float
    importances: np.ndarray
    ended_by: str | None
    n_folds: int


PROBED_ROWS = 500  # number of rows on which the predictions of members are compared
SHARPENING = 0.06  # increase of the inverse temperature per unit of excess variance


class EnsembleFit:
    """One fit of an ensemble.

    Parameters
    ----------
    estimator : TabularMLPClassifier or TabularMLPRegressor
        Not modified.
    rows : Rows
    validation : Rows or None
        Validation rows given by the caller; there are then no folds.
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
        # a separate generator for each purpose, so that their draws are independent and a member
        # is the same in ensembles of any size
        seeds = check_random_state(estimator.random_state).randint(2**31 - 1, size=4)
        drawn = (np.random.RandomState(seed) for seed in seeds)
        self.of_folds, self.of_inputs, self.of_members, self.of_scores = drawn
        self.n_jobs = thread_count(estimator.n_jobs)
        self.started = started
        self.seconds = self.seconds_per_epoch = 0.0
        self.n_columns = len(reader.columns_)
        self.probe = slice(0, len(rows.table), max(1, len(rows.table) // PROBED_ROWS))

    def run(self):
        """Run the fit and return Fitted."""
        rows, target = self.rows, self.rows.target
        check_scoring(self.estimator.scoring, (self.validation or rows).target)
        self.plan = ensemble_plan(self.estimator, rows.table, target)
        self.folds = self._folds()
        self.inputs = MemberInputs(rows, self.validation, self.folds, self.plan, self.of_inputs)
        self.ensemble = Ensemble(self.reader, self.inputs.statistics, target.decoder)
        self.ensemble.encoders = self.inputs.encoders
        # on large tables members are trained one after another, so that only one encoding of the
        # rows is in memory; the threads then share the steps of each member
        self.n_workers = self.n_jobs if self.inputs.keeps_all else 1
        self.seeds = self.of_members.randint(2**31 - 1, size=(self.plan.n_members, 2))
        self._train()
        self._combine()
        return self._finish()

    def _folds(self):
        """The fold of each row, in as many divisions as the members need; None with a validation
        set.

        Every fold has rows of nonzero weight, so there may be fewer folds than planned.
        """
        if self.validation is not None:
            return None
        plan = self.plan
        divisions = [self._division() for _ in range(-(-plan.n_members // plan.n_folds))]
        self.plan = replace(plan, n_folds=min(int(one.max()) + 1 for one in divisions))
        # fewer folds require more divisions
        n_missing = -(-plan.n_members // self.plan.n_folds) - len(divisions)
        return np.array(divisions + [self._division() for _ in range(n_missing)])

    def _division(self):
        """The fold of each row, in a new random division."""
        target, groups, random_state = self.rows.target, self.rows.groups, self.of_folds
        order, weights, n_folds = target.order, target.sample_weight, self.plan.n_folds
        weighs = np.ones(len(order), bool) if weights is None else weights > 0
        n_weighing = np.count_nonzero(weighs)
        if n_weighing < 2:
            raise ValueError("sample_weight must be > 0 in at least 2 rows, but is > 0 in only 1.")
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
        """Yield the members to train; each is encoded when it is its turn."""
        for number in self.inputs.in_turn():
            yield self._task(number, self.plan)

    def _task(self, number, plan):
        data = self.inputs.training_data(number)
        return MemberTask(
            number,
            plan.network(number, self.n_jobs // self.n_workers),
            data,
            int(self.seeds[number, 0]),
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
        self.ready, self.unfinished = {}, {}  # member number: Trained
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
        # an unfinished network is used only if no network was finished
        self.trained = self.ready or self.unfinished

    def _plan_within_limit(self):
        """Adapt the plan to the remaining time, by timing the first epochs of the first member."""
        task = self._task(self.inputs.in_turn()[0], replace(self.plan, max_iter=3))
        first = train_member(task, Watch(self.interruption, self.deadline))
        self.seconds_per_epoch = min(first.history_["seconds"])
        left = self.deadline - time.monotonic()
        self.plan = planned_within(self.plan, left, self.seconds_per_epoch, self.n_workers)

    def _on_member(self, task, trained, seconds):
        """Store the results of a member that later stages need, without its encoded rows."""
        self.seconds = max(self.seconds, seconds)
        self.watch.seconds_a_member = self.seconds  # measured, replaces the estimate
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
        """A member's predictions for the rows that it was not trained on, and its importances.

        None for an unfinished member that is not needed.
        """
        if is_cut and self.ready:
            return None
        target, rows = self.rows.target, task.data.held_out
        if self.validation is not None:
            target = self.validation.target
            rows = np.arange(len(task.data.validation.X))
            X = dense_rows(task.data.validation, rows)
        else:
            X = dense_rows(task.data, rows)
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
        probed = None
        if self.validation is None:
            probed = predicted(dense_rows(task.data, self.probe))
        return Trained(member, is_cut, encoder_number, rows, decoded, loss, increases, probed)

    def _what_ended_training(self):
        """The reason why training ended before the last member was finished, or None."""
        if len(self.ready) == self.plan.n_members:
            return None
        if self.interruption.requested:
            return "Ctrl-C"
        if self.watch.is_stopped:
            return "callback"
        return "time_limit"

    def _warn_if_cut(self):
        """Warn if training ended early, unless a time limit only reduced the members."""
        n_ready, n_members = len(self.ready), self.plan.n_members
        if not self.ready:
            n_unfinished = len(self.unfinished)
            n_epochs = max(one.member.n_iter_ for one in self.unfinished.values())
            what = f"{n_unfinished} unfinished network(s), trained for at most {n_epochs} epoch(s)"
        elif self.ended_by == "Ctrl-C":
            what = f"{n_ready} of {n_members} networks"
        else:
            return
        if self.ended_by == "Ctrl-C" and not self.plan.is_classification:
            what += "; all prediction intervals have the same width"
        warn_user(f"{self.ended_by} ended training: the ensemble consists of {what}.")

    # after training

    def _combine(self):
        """Compute the members' weights and combine their out-of-fold predictions."""
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
        # an out-of-fold prediction averages fewer members than the prediction of a new row; this is
        # its excess variance, as a fraction of the variance of a single member
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
        with np.errstate(over="ignore"):  # targets out of range for float32
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
        """Fit the temperature (classification) or the distribution of residuals (regression)."""
        target, known, ensemble = held_out.target, self.known, self.ensemble
        weights = target.sample_weight
        if weights is not None:
            known = known[weights[known] > 0]
            weights = weights[known]
        if target.is_classification:
            # the mean of several networks is less confident than a single one
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
