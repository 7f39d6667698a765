"""Trains the networks of an ensemble on encoded rows.

No other file of this package uses the stages of a network's fit. The rows and inputs of a network
are chosen in _member_inputs.py; its outputs are combined in _ensemble.py.
"""

# SPDX-License-Identifier: BSD-3-Clause
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from math import inf
from types import SimpleNamespace

import numpy as np
from joblib import Parallel, delayed
from joblib.parallel import get_active_backend

from rosenblatt._initializers import initial_parameters
from rosenblatt._plan import training_plan
from rosenblatt._prediction import FittedNetwork
from rosenblatt._training import TrainingRun
from rosenblatt._training_state import State


@dataclass(frozen=True)
class MemberTask:
    """One network to train.

    Attributes
    ----------
    number : int
        Number of the member in the ensemble.
    estimator : MLPClassifier or MLPRegressor
        The unfitted network, with its parameters.
    data : TrainingData
        Encoded rows, which members may share, with targets and weights. The network is trained on
        its `rows` and scored on its `held_out` or `validation` rows after every epoch.
    seed : int
    """

    number: int
    estimator: object
    data: object
    seed: int


class Watch:
    """Requests running members to stop, and reports their progress.

    Training calls it after every epoch, possibly from several threads.

    Parameters
    ----------
    interruption : Interruption
        Records Ctrl-C during this fit.
    deadline : float
        The value of `time.monotonic()` at which training ends.
    seconds_a_member : float
        Expected training time of a member. Members that would not finish in time are not started.
    on_epoch : callable or None
        Called with the number of the member after each epoch.
    """

    def __init__(self, interruption, deadline=inf, seconds_a_member=0.0, on_epoch=None):
        self.interruption, self.deadline, self.on_epoch = interruption, deadline, on_epoch
        self.seconds_a_member = seconds_a_member
        self.is_stopped = False  # by a callback
        self.n_started = 0

    @property
    def is_over(self):
        """Whether all members must stop."""
        return self.is_stopped or self.interruption.requested or time.monotonic() >= self.deadline

    def may_start(self):
        """Whether another member may be started. The first always may, so that there is a model."""
        if self.is_stopped or self.interruption.requested:
            return False
        if self.n_started and time.monotonic() + self.seconds_a_member > self.deadline:
            return False
        self.n_started += 1
        return True

    def of_member(self, number):
        """The callback for the training of one member."""
        return _MemberWatch(self, number)


class _MemberWatch:
    """The Watch of one member, with the interface that training expects of a callback."""

    sees_estimator = False
    tracks_change = False

    def __init__(self, watch, number):
        self.watch, self.number = watch, number

    @property
    def requested(self):
        return self.watch.is_over

    def begin_epoch(self):
        pass

    def end_epoch(self, record):
        if self.watch.on_epoch is not None:
            self.watch.on_epoch(self.number)
        return False


def train_members(tasks, n_jobs, watch, examine, on_member):
    """Train members, on `n_jobs` threads. The result does not depend on the number of threads.

    In a joblib.parallel_config context with a multiprocess backend, such as 'loky' or 'dask',
    each member is a task of that backend.

    Parameters
    ----------
    tasks : iterable of MemberTask
        Consumed one at a time, as threads become free.
    n_jobs : int
    watch : Watch
    examine : callable
        Called with a task, its fitted estimator and whether it was stopped before its end. It runs
        in the thread that trained the member, or in this thread if other processes train.
    on_member : callable
        Called with a task, the result of `examine` and the training time in seconds, in the same
        thread. Calls do not overlap.
    """
    backend, _ = get_active_backend(prefer="threads")
    if not getattr(backend, "supports_sharedmem", False):
        _train_elsewhere(tasks, n_jobs, watch, examine, on_member)
        return
    lock, tasks = threading.Lock(), iter(tasks)

    def train_until_none_is_left():
        while True:
            with lock:
                task = next(tasks, None) if watch.may_start() else None
            if task is None:
                return
            started = time.monotonic()
            try:
                member = train_member(task, watch)
                seconds = time.monotonic() - started
                examined = examine(task, member, watch.is_over)
                with lock:
                    on_member(task, examined, seconds)
            except BaseException:
                watch.is_stopped = True  # other threads stop after the current epoch
                raise

    if n_jobs == 1:
        train_until_none_is_left()
        return
    with ThreadPoolExecutor(n_jobs, thread_name_prefix="rosenblatt") as pool:
        try:
            for future in [pool.submit(train_until_none_is_left) for _ in range(n_jobs)]:
                future.result()
        except BaseException:  # raised in this thread by a second Ctrl-C
            watch.is_stopped = True
            raise


def _train_elsewhere(tasks, n_jobs, watch, examine, on_member):
    """Train members as tasks of joblib's active backend."""
    sent = {}

    def started():
        for task in tasks:
            if not watch.may_start():
                return
            sent[task.number] = task
            yield delayed(_train_alone)(task, watch.deadline - time.monotonic())

    members = Parallel(n_jobs, pre_dispatch=n_jobs, return_as="generator_unordered")(started())
    for number, member, is_over, seconds in members:
        task = sent.pop(number)
        on_member(task, examine(task, member, is_over), seconds)


def _train_alone(task, seconds_left):
    """Train a member in another process: (number, fitted estimator, whether stopped, seconds)."""
    started = time.monotonic()
    never = SimpleNamespace(requested=False)  # the main process handles Ctrl-C
    watch = Watch(never, deadline=started + seconds_left)
    member = train_member(task, watch)
    return task.number, member, watch.is_over, time.monotonic() - started


def train_member(task, watch):
    """Fit the task's estimator.

    Returns
    -------
    estimator : MLPClassifier or MLPRegressor
        Its learned input factors are folded into `coefs_[0]`, so that they cost nothing in
        prediction.
    """
    run, estimator, data = _begun(task, watch.of_member(task.number)), task.estimator, task.data
    run.epochs(run.callbacks)
    run.hand_over()
    network = FittedNetwork(run.plan.architecture, run.state.parameters).folded()
    architecture = network.architecture.without_coding  # predictions read all inputs
    plan, run.state.parameters = replace(run.plan, architecture=architecture), network.lists
    estimator.input_scale_rate = 0.0  # training that continues from the member has no factors
    estimator.n_features_in_ = architecture.widths[0]
    estimator._set_fitted(plan, data, run.state)
    del estimator._optimizer  # twice the size of the network; the member is not trained further
    return estimator


def _begun(task, watch):
    """The TrainingRun of a task before its first epoch."""
    random_state = np.random.RandomState(task.seed)
    plan = training_plan(task.estimator, task.data, incremental=False)
    state = State(initial_parameters(plan, task.data, random_state), random_state)
    return TrainingRun(plan, task.data, state, watch)
