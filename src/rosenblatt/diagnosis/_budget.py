"""Time: the budget of a diagnosis and of each fit, the expected duration of an epoch, and the
progress display. What is trained, and on how many rows, is in _training.py.
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

# Computing scores and losses after the last fit takes time too.
SHARE_FOR_TRAINING = 0.95
# Training takes six operations per weight and row (two in each of three products). The slowest
# machines that the package supports do about five billion operations per second.
SECONDS_PER_WEIGHT_AND_ROW = 6 / 5e9
# The fraction of the remaining time that one fit may take, so that time is left for others.
SHARE_OF_WHAT_IS_LEFT = 0.5


class Budget:
    """A time budget that starts now, with a progress display.

    Parameters
    ----------
    seconds : float > 0
    verbose : bool
        Whether to show progress: a tqdm bar in a terminal or notebook, or a line per step in a
        terminal if tqdm is not installed.
    """

    def __init__(self, seconds, *, verbose):
        self.seconds = seconds
        self._begin = time.monotonic()
        self._display = _open_display(seconds) if verbose else None

    @property
    def spent(self):
        """Seconds since the start."""
        return time.monotonic() - self._begin

    @property
    def left(self):
        """Remaining seconds for training; negative if the budget is used up."""
        return SHARE_FOR_TRAINING * self.seconds - self.spent

    @property
    def for_a_fit(self):
        """Seconds that the next fit may take."""
        return SHARE_OF_WHAT_IS_LEFT * self.left

    def announce(self, what):
        """Show the name of the next step."""
        if self._display is not None:
            self._display.announce(what, self.spent)

    def tick(self):
        """Update the time that has passed."""
        if self._display is not None:
            self._display.tick(self.spent)

    def close(self):
        """Remove the bar."""
        if self._display is not None:
            self._display.close()


class EpochTimes:
    """The expected duration of epochs, from those of a fitted net and the number of weights.

    Parameters
    ----------
    net : MLPClassifier or MLPRegressor
        Fitted.
    n_rows : int
        The number of rows that it was fitted on.
    """

    def __init__(self, net, n_rows):
        self.net = net
        self.seconds_per_row = self._measured(n_rows)
        self.seconds_per_weight_and_row = min(
            self.seconds_per_row / net.n_parameters_, SECONDS_PER_WEIGHT_AND_ROW
        )

    def expected(self, net, X):
        """Seconds of one pass over X by another net, scaled from the given net by the number of
        weights.
        """
        widths = (X.shape[1], *hidden_widths(net.hidden_layer_sizes), self.net.n_outputs_)
        n_weights = sum((fan_in + 1) * fan_out for fan_in, fan_out in pairwise(widths))
        n_more = max(n_weights - self.net.n_parameters_, 0)
        per_row = self.seconds_per_row + n_more * self.seconds_per_weight_and_row
        return X.shape[0] * per_row

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


class Deadline(Callback):
    """Stops a fit after the epoch in which its time limit is reached.

    Unlike `TimeLimit` it records whether it did, and updates the bar.

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
        """Return itself, because the caller reads `has_stopped` after the fit."""
        return self


class _Bar:
    """A tqdm bar over the seconds of the budget."""

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
    """A line for each step."""

    def announce(self, what, spent):
        print(f"diagnose, {spent:.0f} s: {what}", file=sys.stderr, flush=True)

    def tick(self, spent):
        """Do nothing: there is no output within a step."""

    def close(self):
        """Do nothing."""


def _open_display(seconds):
    bar = open_bar(
        total=seconds,
        disable=None,  # no bar if standard error is not a terminal
        desc="diagnose",
        bar_format="{desc} |{bar}| {n:.0f} of at most {total:.0f} s",
    )
    if bar is None:
        return _Lines() if sys.stderr.isatty() else None
    return _Bar(bar)
