"""The time a diagnosis may take, and the bar that shows how much of it is gone.

It knows seconds and names of what is being done; what is trained is no business of its own.
"""

# SPDX-License-Identifier: BSD-3-Clause
import sys
import time

from rosenblatt._progress import open_bar
from rosenblatt.callbacks import Callback

# What comes after the last fit, scores and losses, takes time too.
SHARE_FOR_TRAINING = 0.95


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
