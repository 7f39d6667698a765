"""Time: what a diagnosis and each of its fits may take, what an epoch is expected to take, and the
bar that shows how much is gone. What is trained, and on how many rows, is _training.py's.
"""

# SPDX-License-Identifier: BSD-3-Clause
import sys
import time
from itertools import pairwise

import numpy as np

from rosenblatt._network_description import hidden_widths
from rosenblatt._progress import open_bar
from rosenblatt.callbacks import Callback
from rosenblatt.core.dispatch import OPTIMIZERS

# What comes after the last fit, scores and losses, takes time too.
SHARE_FOR_TRAINING = 0.95
# A training takes six operations for a weight and a row (two in each of three products), and the
# slowest machines that the package is built for do some five billion a second.
SECONDS_PER_WEIGHT_AND_ROW = 6 / 5e9
# The share of what is left that one fit may take, so that a slow one leaves time for others.
SHARE_OF_WHAT_IS_LEFT = 0.5


class Budget:
    """Seconds from now on, and a display of their passing.

    Parameters
    ----------
    seconds : float > 0
    verbose : bool
        Whether to show progress where standard error is a terminal: tqdm's bar where tqdm is
        installed, which notebooks show too, else a line for every step.
    """

    def __init__(self, seconds, *, verbose):
        self.seconds = seconds
        self._begin = time.monotonic()
        self._display = _open_display(seconds) if verbose else None

    @property
    def spent(self):
        """Seconds since the begin."""
        return time.monotonic() - self._begin

    @property
    def left(self):
        """Seconds for what is yet to be trained; negative when they are over."""
        return SHARE_FOR_TRAINING * self.seconds - self.spent

    @property
    def for_a_fit(self):
        """Seconds that the next fit may take."""
        return SHARE_OF_WHAT_IS_LEFT * self.left

    def announce(self, what):
        """Shows what begins."""
        if self._display is not None:
            self._display.announce(what, self.spent)

    def tick(self):
        """Shows how much is gone."""
        if self._display is not None:
            self._display.tick(self.spent)

    def close(self):
        """Takes the bar away."""
        if self._display is not None:
            self._display.close()


class EpochTimes:
    """What epochs are expected to take: what those of a fitted net took, and more for more weights.

    Parameters
    ----------
    net : MLPClassifier or MLPRegressor
        Fitted.
    n_rows : int
        That it was fitted on.
    """

    def __init__(self, net, n_rows):
        self.net = net
        self.seconds_per_row = self._measured(n_rows)
        self.seconds_per_weight_and_row = min(
            self.seconds_per_row / net.n_parameters_, SECONDS_PER_WEIGHT_AND_ROW
        )

    def expected(self, net, X):
        """Seconds of one pass over X by another net.

        As long as one of the given net did, and what more weights cost.
        """
        widths = (X.shape[1], *hidden_widths(net.hidden_layer_sizes), self.net.n_outputs_)
        n_weights = sum((fan_in + 1) * fan_out for fan_in, fan_out in pairwise(widths))
        n_more = max(n_weights - self.net.n_parameters_, 0)
        per_row = self.seconds_per_row + n_more * self.seconds_per_weight_and_row
        return X.shape[0] * per_row

    def _measured(self, n_rows):
        """Seconds that the net's own epochs took for every row; what is usual for unknown ones."""
        n_weights, seconds = self.net.n_parameters_, self.net.history_["seconds"]
        usual = n_weights * SECONDS_PER_WEIGHT_AND_ROW
        n_epochs = self.net.n_iter_
        if not (n_epochs and seconds):
            return usual
        if self.net.solver in OPTIMIZERS:
            n_rows = self.net.t_ / len(seconds)
        return float(np.mean(seconds[-n_epochs:])) / n_rows


class Deadline(Callback):
    """Ends a fit after the epoch that is over when its seconds are.

    Unlike `TimeLimit` it tells whether it did, and moves the bar.

    Attributes
    ----------
    has_stopped : bool
    """

    def __init__(self, seconds, budget):
        self.seconds, self.budget = seconds, budget
        self.has_stopped = False
        self._end = time.monotonic() + seconds

    def __call__(self, record, estimator):
        self.budget.tick()
        self.has_stopped = time.monotonic() >= self._end
        return self.has_stopped

    def __deepcopy__(self, memo):
        """Itself: who set it asks it."""
        return self


class _Bar:
    """tqdm's, over the seconds of the budget."""

    def __init__(self, bar):
        self._bar = bar

    def announce(self, what, spent):
        self._bar.set_description_str(f"diagnose: {what}", refresh=False)
        self.tick(spent)
        self._bar.refresh()

    def tick(self, spent):
        self._bar.update(min(spent, self._bar.total) - self._bar.n)

    def close(self):
        self._bar.close()


class _Lines:
    """A line for every step."""

    def announce(self, what, spent):
        print(f"diagnose, {spent:.0f} s: {what}", file=sys.stderr, flush=True)

    def tick(self, spent):
        """Nothing: within a step nothing is shown."""

    def close(self):
        """Nothing is open."""


def _open_display(seconds):
    bar = open_bar(
        total=seconds,
        disable=None,  # no bar where standard error is no terminal
        desc="diagnose",
        bar_format="{desc} |{bar}| {n:.0f} of at most {total:.0f} s",
    )
    if bar is None:
        return _Lines() if sys.stderr.isatty() else None
    return _Bar(bar)
