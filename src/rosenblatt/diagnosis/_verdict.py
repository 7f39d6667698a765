"""The order of the decisions, and the evidence for each.

    1. mismatch      the test score is below that of held-out training rows, and a forest
                     distinguishes test rows from training rows
    2. optimisation  the same net with a better optimiser, or a net that it contains, has the
       model bias    lowest training loss; model bias if a larger net has the lowest loss
    3. overfitting   the training score exceeds the test score
    4. fine

It returns as soon as no net that remains to be trained could change the answer.
"""

# SPDX-License-Identifier: BSD-3-Clause
import math
from dataclasses import dataclass, replace

import numpy as np

from rosenblatt.diagnosis._mismatch import auc_of_forest, hold_out, is_separable_by_errors
from rosenblatt.diagnosis._report import Finding, LearningCurve, NetScores
from rosenblatt.diagnosis._rivals import (
    better_optimisers,
    larger_nets,
    restraints_of,
    smaller_nets,
)
from rosenblatt.diagnosis._scaling import Standardisation, is_uneven, scales_target
from rosenblatt.diagnosis._statistics import difference_of_rows, difference_of_sets
from rosenblatt.diagnosis._training import COMPLETE, NO_TIME

BEST_SCORE = 1.0  # the maximum of accuracy, R^2 and D^2
NESTED_SHARES = (0.25, 0.5)  # fractions of the rows; the held-out fits give the largest one
FEWEST_ROWS_OF_A_SUBSET = 20


@dataclass(frozen=True)
class Rival:
    """Another net trained on the same training rows.

    Attributes
    ----------
    name : str
    params : dict
        Parameters for `set_params` of the net.
    verdict : str
        The verdict that it supports if it lowers the training loss.
    values : ndarray
        Values of the scored training rows.
    finding : Finding
    scaled : tuple of str
        The data that were standardised for its training: "features", "target", both or neither.
    """

    name: str
    params: dict
    verdict: str
    values: np.ndarray
    finding: Finding
    scaled: tuple = ()


class DiagnosisRun:
    """A diagnosis in progress.

    Parameters
    ----------
    problem : Problem
    trainer : Trainer
    tol : float
    random_state : int

    Attributes
    ----------
    findings : list of Finding
        In the order in which they were made.
    rivals : list of Rival
    held_out : HeldOut or None
    telling_features : ndarray of int
        Features by which the forest distinguishes test rows, the most important first.
    deciding_rival : Rival or None
    learning_curve : LearningCurve or None
    """

    def __init__(self, problem, trainer, tol, random_state):
        self.problem, self.trainer = problem, trainer
        self.tol, self.random_state = tol, random_state
        self.findings, self.rivals = [], []
        self.held_out, self.telling_features = None, None
        self.deciding_rival, self.learning_curve = None, None
        self.given = problem.training_values(problem.net)
        self.given_loss = problem.training_loss(problem.net)
        self.of_test = problem.values(problem.net, problem.X_test, problem.y_test)

    def verdict(self):
        """One of VERDICTS."""
        gap = self._gap()
        if gap.counts(self.tol) and self._is_mismatch():
            return "mismatch"
        self._try_rivals()
        if self.deciding_rival is not None:
            return self.deciding_rival.verdict
        if not gap.counts(self.tol):
            return "fine"
        self._train_on_subsets()
        return "overfitting"

    def _gap(self):
        """Whether the training score exceeds the test score significantly. If not, there is neither
        mismatch nor overfitting, because held-out rows score no higher than training rows."""
        gap = difference_of_sets(self.given, self.of_test, is_share=self.problem.is_classifier)
        counts = gap.counts(self.tol)
        self._note("training rows vs. test rows", gap, counts, training_loss=self.given_loss)
        return gap

    def _is_mismatch(self):
        self.held_out = hold_out(self.problem, self.trainer, self.tol, self.random_state)
        name = "held-out training rows vs. test rows"
        if self.held_out is None:
            self._note_missing(name, "too few rows, or no net could be trained in time")
            return False
        held, fall = self.held_out, self.held_out.fall
        falls = fall.counts(self.tol)
        times = "once" if held.n_folds == 1 else f"{held.n_folds} times"
        remark = f"same net, {times}, on three quarters of the rows"
        counts = falls if falls or held.is_complete else None
        self._note(name, fall, counts, seconds=held.seconds, remark=remark)
        memorised = held.memorised.counts(self.tol)
        self._note("training rows vs. held-out rows", held.memorised, memorised)
        return falls and self._is_told()

    def _is_told(self):
        """Whether test rows can be distinguished by their features or by the errors of nets."""
        self.trainer.budget.announce("a forest that is to tell test rows")
        area, self.telling_features = auc_of_forest(self.problem, self.random_state)
        is_separable = area.value > area.noise
        self._note("test rows told by features (AUC)", area, is_separable)
        if is_separable:
            return True
        self.telling_features = None
        area = self.held_out.of_errors
        is_separable = is_separable_by_errors(area)
        self._note("test rows told by unseen nets' errors (AUC)", area, is_separable)
        return is_separable

    def _try_rivals(self):
        """Train other nets, the cheapest first, until the decision is made.

        If the training score is within tol of 1, no net can be significantly better. If the same
        net reaches such a score with another optimiser, no larger net is needed.
        """
        if self.given.mean() >= BEST_SCORE - self.tol:
            return None
        net = self.problem.net
        for name, params in smaller_nets(net):
            self._try(name, params, "optimisation")
        if self._has_best("optimisation"):
            return self._decide()
        for name, params in better_optimisers(net, self.problem.X.shape[0]):
            self._try(name, params, "optimisation")
            if self._has_best("optimisation"):
                return self._decide()
        self._try_standardised()
        if self._has_best("optimisation"):
            return self._decide()
        for name, params in larger_nets(net):
            if self._try(name, params, "model bias"):
                return self._decide()
        if free := restraints_of(net):
            self._try("same net without restraints", free, "model bias")
        return self._decide()

    def _try(self, name, params, verdict):
        """Train a rival; returns whether it is significantly better."""
        problem = self.problem
        outcome = self.trainer.train(name, params, problem.X, problem.y)
        return self._weigh(name, params, verdict, outcome)

    def _try_standardised(self):
        """Train the same net on standardised columns, if their scales are very different.

        It is skipped for a net with regularisation, whose effect would differ on scaled columns.
        """
        problem, net = self.problem, self.problem.net
        features = is_uneven(problem.X[problem.scored])
        target = scales_target(net, problem.y[problem.scored])
        if restraints_of(net) or not (features or target):
            return
        name, params = better_optimisers(net, problem.X.shape[0])[-1]
        name += ", standardised"
        if self.trainer.budget.left <= 0:
            self._note_missing(name, NO_TIME)
            return
        X, y = problem.X, problem.y
        if features:
            of_features = Standardisation(X)
            X = of_features(X)
        if target:
            of_target = Standardisation(y)
            y = of_target(y)
        outcome = self.trainer.train(name, params, X, y)
        if outcome.net is not None and features:
            of_features.fold_into_first_layer(outcome.net)
        if outcome.net is not None and target:
            of_target.fold_into_last_layer(outcome.net)
        scaled = ("features",) * features + ("target",) * target
        self._weigh(name, params, "optimisation", outcome, scaled)

    def _weigh(self, name, params, verdict, outcome, scaled=()):
        if outcome.net is None:
            self._note_missing(name, outcome.remark, outcome.seconds)
            return False
        problem, is_complete = self.problem, outcome.status == COMPLETE
        values = problem.training_values(outcome.net)
        loss = problem.training_loss(outcome.net)
        difference = difference_of_rows(values, self.given)
        is_better = difference.counts(self.tol) and not loss >= self.given_loss
        finding = self._note(
            name,
            difference,
            is_better if is_better or is_complete else None,
            training_loss=loss,
            test_score=float(problem.values(outcome.net, problem.X_test, problem.y_test).mean()),
            seconds=outcome.seconds,
            remark=outcome.remark,
        )
        self.rivals.append(Rival(name, params, verdict, values, finding, scaled))
        return is_better

    def better(self, verdict):
        """Significantly better rivals that support a verdict, the lowest training loss first."""
        better = [r for r in self.rivals if r.verdict == verdict and r.finding.counts]
        return sorted(better, key=lambda rival: rival.finding.training_loss)

    def _has_best(self, verdict):
        return any(r.finding.score >= BEST_SCORE - self.tol for r in self.better(verdict))

    def _decide(self):
        """The verdict by the lowest training loss. A larger net must also be significantly better
        than the same net with a better optimiser; otherwise it is not needed."""
        optimised, larger = self.better("optimisation"), self.better("model bias")
        if optimised and larger:
            lead = difference_of_rows(larger[0].values, optimised[0].values)
            is_lower = larger[0].finding.training_loss < optimised[0].finding.training_loss
            needs_larger = is_lower and lead.counts(self.tol)
            self.deciding_rival = larger[0] if needs_larger else optimised[0]
        elif optimised or larger:
            self.deciding_rival = (optimised or larger)[0]

    def _train_on_subsets(self):
        """Compute the learning curve on nested subsets, to see whether more rows would help."""
        if self.held_out is None:
            return
        fit_rows, held_rows, of_trained, of_held = self.held_out.first
        problem = self.problem
        order = np.random.RandomState(self.random_state).permutation(fit_rows)
        points = []
        for share in NESTED_SHARES:
            rows = order[: int(share * len(order))]
            if len(rows) < FEWEST_ROWS_OF_A_SUBSET:
                continue
            name = f"same net, {len(rows):,} rows"
            net = self.trainer.train(name, {}, problem.X[rows], problem.y[rows]).net
            if net is None:
                continue
            on_rows = problem.values(net, problem.X[rows], problem.y[rows]).mean()
            on_held = problem.values(net, problem.X[held_rows], problem.y[held_rows]).mean()
            points.append((len(rows), float(on_rows), float(on_held)))
        points.append((len(fit_rows), float(of_trained), float(of_held)))
        n_rows, train, held_out = map(np.array, zip(*points, strict=True))
        self.learning_curve = LearningCurve(n_rows, train, held_out)

    def nets(self):
        """NetScores of the given net, of those on part of the rows, and of the rivals."""
        nets = [NetScores("as given", self.given.mean(), math.nan, self.of_test.mean())]
        if self.learning_curve is not None:
            curve = zip(*(column[:-1] for column in self.learning_curve), strict=True)
            nets += [NetScores(f"same net, {n:,} rows", *pair, math.nan) for n, *pair in curve]
        if self.held_out is not None:
            fall, memorised = self.held_out.fall, self.held_out.memorised
            name = "same net, ¾ of the rows"
            nets.append(NetScores(name, memorised.score, fall.score, fall.against))
        for rival in self.rivals:
            finding = rival.finding
            nets.append(NetScores(rival.name, finding.score, math.nan, finding.test_score))
        return [NetScores(net.name, *map(float, net[1:])) for net in nets]

    def _note(self, what, difference, counts, **more):
        finding = Finding(
            what,
            float(difference.score),
            float(difference.against),
            float(difference.value),
            float(difference.noise),
            counts if counts is None else bool(counts),
        )
        self.findings.append(replace(finding, **more))
        return self.findings[-1]

    def _note_missing(self, what, remark, seconds=0.0):
        unknown = [math.nan] * 4
        self.findings.append(Finding(what, *unknown, None, seconds=seconds, remark=remark))
