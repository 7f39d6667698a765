"""The time budget of a diagnosis, and its progress display.

It handles seconds and the names of steps; it does not depend on what is trained.
"""

# SPDX-License-Identifier: BSD-3-Clause
import sys
import time

from rosenblatt._progress import open_bar
from rosenblatt.callbacks import Callback

# Computing scores and losses after the last fit takes time too.
SHARE_FOR_TRAINING = 0.95


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
