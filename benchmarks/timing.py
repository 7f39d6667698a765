"""Timing: all candidates alternate for several rounds, and medians are taken.

What is timed is a function that returns the seconds it took, so that it can leave out its own
preparations; `timed` makes one of any function.
"""

import contextlib
import statistics
import sys
import time
from dataclasses import dataclass

from threadpoolctl import threadpool_info, threadpool_limits

from benchmarks.progress import progress

OURS = "rosenblatt"


@dataclass(frozen=True)
class Times:
    """Seconds of each contender in each round; those of a round were taken in turn.

    Parameters
    ----------
    rounds : dict of str to list of float
    """

    rounds: dict

    @property
    def medians(self):
        """Seconds of each contender."""
        return {name: statistics.median(column) for name, column in self.rounds.items()}

    @property
    def faster_peer(self):
        """Name of the fastest contender but this package, None where it is alone."""
        peers = {name: seconds for name, seconds in self.medians.items() if name != OURS}
        return min(peers, key=peers.get, default=None)

    def ratio(self, slow, fast):
        """Median over the rounds of one contender's seconds over another's.

        A machine that slows down for a while slows both sides of a round.
        """
        pairs = zip(self.rounds[slow], self.rounds[fast], strict=True)
        return statistics.median(a / b for a, b in pairs)

    def without(self, *names):
        """The times of the other contenders."""
        return Times({name: column for name, column in self.rounds.items() if name not in names})

    def as_row(self):
        """Medians, the faster peer and the ratio to it, for a table's row; all rounds, for JSON."""
        row, peer = {**self.medians, "rounds": self.rounds}, self.faster_peer
        if peer:
            row |= {"faster_peer": peer, "ratio": self.ratio(peer, OURS)}
        return row


def in_turn(functions, rounds, name, *, warm_up=True):
    """Call all functions in every round, one after the other.

    Parameters
    ----------
    functions : dict of str to function
        Each returns seconds.
    rounds : int
    name : str
        What the progress display calls this.
    warm_up : bool
        Whether to call each once before, to load code and fill caches.

    Returns
    -------
    Times
    """
    columns = {contender: [] for contender in functions}
    for i in range(-1 if warm_up else 0, rounds):
        for contender, function in functions.items():
            progress.show(f"{name}, {contender}, round {max(i + 1, 0)} of {rounds}")
            seconds = function()
            if i >= 0:
                columns[contender].append(seconds)
    return Times(columns)


def timed(function, *args, **kwargs):
    """Return a function that calls this one and returns the seconds it took."""

    def seconds():
        start = time.perf_counter()
        function(*args, **kwargs)
        return time.perf_counter() - start

    return seconds


def enough(seconds_of, target, most=1_000_000):
    """How many repetitions take `target` seconds, or a little less.

    Parameters
    ----------
    seconds_of : function of int
        Does so many repetitions and returns their seconds.
    target : float
    most : int
    """
    n = 1
    seconds = min(seconds_of(n), seconds_of(n))  # the first call loads code and fills caches
    while n < most and seconds < 0.5 * target:
        # at most ten times as many: the first repetitions may not be typical
        n = max(n + 1, min(most, 10 * n, int(n * 0.9 * target / max(seconds, 1e-9))))
        seconds = seconds_of(n)
    return n


def per_call(function, target):
    """Return a function that calls a short one often enough and returns the seconds of a call."""

    def seconds_of(n):
        start = time.perf_counter()
        for _ in range(n):
            function()
        return time.perf_counter() - start

    n = enough(seconds_of, target)
    return lambda: seconds_of(n) / n


@contextlib.contextmanager
def threads(n_threads):
    """Limit NumPy's, SciPy's and PyTorch's pools; this package is told by n_jobs."""
    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch else None
    with threadpool_limits(n_threads):
        if torch:
            torch.set_num_threads(n_threads)
        try:
            yield
        finally:
            if torch:
                torch.set_num_threads(before)


def thread_counts(ours=1):
    """This package's threads, the pools that are loaded and what each is limited to, as text."""
    counts = {f"{pool['internal_api']} {pool['num_threads']}" for pool in threadpool_info()}
    if "torch" in sys.modules:
        counts.add(f"PyTorch {sys.modules['torch'].get_num_threads()}")
    return ", ".join([f"{OURS} {ours}", *sorted(counts)])
