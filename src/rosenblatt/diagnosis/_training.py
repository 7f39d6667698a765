"""Trains other nets with the settings of the diagnosed net, within the time budget.

The choice of nets and the interpretation of their scores are elsewhere. Fits that did not finish
in time are marked: they can be evidence for a net, but not against one.
"""

# SPDX-License-Identifier: BSD-3-Clause
import time
import warnings
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from sklearn.base import clone, is_classifier

from rosenblatt._network_description import hidden_widths
from rosenblatt.core.dispatch import OPTIMIZERS
from rosenblatt.diagnosis._budget import Deadline

# Training takes six operations per weight and row (two in each of three products). The slowest
# machines that the package supports do about five billion operations per second.
SECONDS_PER_WEIGHT_AND_ROW = 6 / 5e9
# The fraction of the remaining time that one fit may take, so that time is left for others.
SHARE_OF_WHAT_IS_LEFT = 0.5
# Minimum number of epochs; if there is no time for them, the net is trained on fewer rows.
FEWEST_EPOCHS = 5
FEWEST_ROWS = 200
# Minimum number of iterations of lbfgs, each of which is a few evaluations over all rows.
FEWEST_ITERATIONS = 20

NO_TIME = "no time was left"
COMPLETE, CUT_SHORT, FAILED, NOT_TRIED = "complete", "cut short", "failed", "not tried"


@dataclass(frozen=True)
class Trained:
    """The result of an attempt to train a net.

    Attributes
    ----------
    net : MLPClassifier, MLPRegressor or None
    status : {'complete', 'cut short', 'failed', 'not tried'}
    seconds : float
    remark : str
        The reason why it is not complete.
    """

    net: object
    status: str
    seconds: float
    remark: str = ""


class Trainer:
    """Trains clones of a net with some parameters changed.

    Callbacks of the net are removed because they may write files. A net without a seed gets one,
    so that a diagnosis is reproducible.

    Parameters
    ----------
    net : MLPClassifier or MLPRegressor
        The fitted net; the duration of its fit is used to predict that of others.
    n_rows : int
        Number of rows that it was fitted on.
    budget : Budget
    random_state : int
    """

    def __init__(self, net, n_rows, budget, random_state):
        self.net, self.budget, self.random_state = net, budget, random_state
        self.seconds_per_row = self._measured(n_rows)
        self.seconds_per_weight_and_row = min(
            self.seconds_per_row / net.n_parameters_, SECONDS_PER_WEIGHT_AND_ROW
        )

    def train(self, name, params, X, y):
        """Fit a clone of the net with `params` set; returns Trained."""
        allowed = SHARE_OF_WHAT_IS_LEFT * self.budget.left
        if allowed <= 0:
            return Trained(None, NOT_TRIED, 0.0, NO_TIME)
        self.budget.announce(name)
        net = self._clone(params)
        begin = time.monotonic()
        try:
            trained = self._train(net, X, y, allowed)
        except (ValueError, MemoryError) as error:
            remark = str(error).split(". ")[0]
            trained = Trained(None, FAILED, time.monotonic() - begin, remark)
        self.budget.tick()
        return trained

    def epoch_seconds(self, net, X):
        """The expected duration of one pass over X.

        It is that of the given net, scaled to the number of weights.
        """
        widths = (X.shape[1], *hidden_widths(net.hidden_layer_sizes), self.net.n_outputs_)
        n_weights = sum((fan_in + 1) * fan_out for fan_in, fan_out in pairwise(widths))
        n_more = max(n_weights - self.net.n_parameters_, 0)
        per_row = self.seconds_per_row + n_more * self.seconds_per_weight_and_row
        return X.shape[0] * per_row

    def _clone(self, params):
        net = clone(self.net)
        vars(net).pop("_skl_callbacks", None)  # set by set_callbacks, shared by clones
        seed = {} if net.random_state is not None else {"random_state": self.random_state}
        settings = {"callbacks": None, "verbose": False, "warm_start": False, **seed}
        return net.set_params(**settings).set_params(**params)

    def _train(self, net, X, y, allowed):
        """Train with the measures that are needed to keep to the time; returns Trained."""
        begin = time.monotonic()
        n_rows, expected = X.shape[0], self.epoch_seconds(net, X)
        if net.solver not in OPTIMIZERS:
            if FEWEST_ITERATIONS * expected > allowed:
                remark = f"no time for {FEWEST_ITERATIONS} iterations of lbfgs"
                return Trained(None, NOT_TRIED, 0.0, remark)
            return self._fit(net, X, y, allowed, begin, "", "iterations")
        if expected * min(FEWEST_EPOCHS, net.max_iter) <= allowed:
            return self._fit(net, X, y, allowed, begin, "")
        n_part = int(n_rows * allowed / (expected * FEWEST_EPOCHS))
        if n_part < min(FEWEST_ROWS, n_rows):
            remark = f"an epoch would take about {expected:.0f} s"
            return Trained(None, NOT_TRIED, 0.0, remark)
        rows = self._some_rows(y, n_part)
        remark = f"trained on {n_part:,} of {n_rows:,} rows"
        return self._fit(net, X[rows], y[rows], allowed, begin, remark)

    def _some_rows(self, y, n_part):
        """Indices of random rows, including one of each class, so that the net has all classes."""
        rows = np.random.RandomState(self.random_state).permutation(len(y))[:n_part]
        if is_classifier(self.net) and y.ndim == 1:
            return np.union1d(rows, np.unique(y, return_index=True)[1])
        return np.sort(rows)

    def _fit(self, net, X, y, allowed, begin, remark, unit="epochs"):
        """Train until completion, or until the epoch or iteration in which the time is used up."""
        deadline = Deadline(allowed, self.budget)
        fit_quietly(net.set_params(callbacks=[deadline]), X, y)
        net.set_params(callbacks=None)
        if deadline.has_stopped and net.n_iter_ < net.max_iter:
            remark = f"{net.n_iter_} of at most {net.max_iter} {unit}" + (remark and ", ") + remark
        return Trained(net, CUT_SHORT if remark else COMPLETE, time.monotonic() - begin, remark)

    def _measured(self, n_rows):
        """Seconds per row of the net's own epochs, or a typical value if unknown."""
        n_weights, seconds = self.net.n_parameters_, self.net.history_["seconds"]
        usual = n_weights * SECONDS_PER_WEIGHT_AND_ROW
        n_epochs = self.net.n_iter_
        if not (n_epochs and seconds):
            return usual
        if self.net.solver in OPTIMIZERS:
            n_rows = self.net.t_ / len(seconds)
        return float(np.mean(seconds[-n_epochs:])) / n_rows


def fit_quietly(net, X, y):
    """Fit without warnings.

    Raises
    ------
    KeyboardInterrupt
        On Ctrl-C, which `fit` would turn into a warning.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        net.fit(X, y)
    if any("interrupted by user" in str(each.message) for each in caught):
        raise KeyboardInterrupt
