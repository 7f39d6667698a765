"""Trains the networks of an ensemble on rows of encoded tables.

The only file of this package that knows the stages of a network's fit. Which rows and inputs a
network gets is decided before; what becomes of its outputs is decided in _ensemble.py.
"""

# SPDX-License-Identifier: BSD-3-Clause
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from math import inf

import numpy as np

from rosenblatt._plan import training_plan
from rosenblatt._state import State, initial_parameters
from rosenblatt._training import TrainingRun


@dataclass(frozen=True)
class MemberTask:
    """One network to train.

    Attributes
    ----------
    number : int
        Its place in the ensemble.
    estimator : MLPClassifier or MLPRegressor
        Unfitted, with the parameters to train with.
    data : TrainingData
        Encoded rows, which members may share, with targets and weights. Its `rows` are trained
        on; its `held_out` or `validation` are scored after every epoch.
    seed : int
    patience_ratio : float
        See `Plan`.
    pilot : MLPClassifier, MLPRegressor or None
        The network whose first layer weighs the inputs, unfitted.
    """

    number: int
    estimator: object
    data: object
    seed: int
    patience_ratio: float
    pilot: object = None


class Watch:
    """Tells running members when to stop, and the progress display how far they are.

    Training calls it after every epoch, from several threads.

    Parameters
    ----------
    interruption : Interruption
        Ctrl-C during this fit.
    deadline : float
        The value of `time.monotonic()` at which training ends.
    on_epoch : callable or None
        Called with the member's number after each of its epochs.
    """

    sees_estimator = False
    tracks_change = False

    def __init__(self, interruption, deadline=inf, on_epoch=None):
        self.interruption, self.deadline, self.on_epoch = interruption, deadline, on_epoch
        self.is_stopped = False  # by a callback

    @property
    def is_over(self):
        """Whether no member shall start or go on."""
        return self.is_stopped or self.interruption.requested or time.monotonic() >= self.deadline

    def of_member(self, number):
        """What the training of one member calls."""
        return _MemberWatch(self, number)


class _MemberWatch:
    """One member's part of a Watch, in the form that training expects of an onlooker."""

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


def train_members(tasks, n_jobs, watch, on_member):
    """Train members, on several threads if asked; the bits do not depend on their number.

    Parameters
    ----------
    tasks : iterable of MemberTask
        Taken one at a time, as threads become free.
    n_jobs : int
    watch : Watch
    on_member : callable
        Called with a task and its fitted estimator, or None where it was stopped before its
        first epoch ended; in the thread that trained it, one call at a time.
    """
    lock, tasks = threading.Lock(), iter(tasks)

    def train_until_none_is_left():
        while not watch.is_over:
            with lock:
                task = next(tasks, None)
            if task is None:
                return
            member = train_member(task, watch)
            with lock:
                on_member(task, member)

    if n_jobs == 1:
        train_until_none_is_left()
        return
    with ThreadPoolExecutor(n_jobs, thread_name_prefix="rosenblatt") as pool:
        try:
            for future in [pool.submit(train_until_none_is_left) for _ in range(n_jobs)]:
                future.result()
        except BaseException:
            watch.is_stopped = True  # the other threads end after their epoch
            raise


def train_member(task, watch):
    """Fit the task's estimator.

    Returns
    -------
    estimator : MLPClassifier, MLPRegressor or None
        Fitted to the encoded rows as they are: the input weights are in `coefs_[0]`. None where
        it was stopped before an epoch ended.
    """
    random_state, data, scale = np.random.RandomState(task.seed), task.data, None
    if task.pilot is not None:
        pilot = _trained(task.pilot, data, random_state, watch.of_member(task.number))
        if pilot is None:
            return None
        scale = input_scale(pilot.coefs_[0])
        data = replace(data, X=data.X * scale)
    member = _trained(
        task.estimator, data, random_state, watch.of_member(task.number), task.patience_ratio
    )
    if member is not None and scale is not None:
        member.coefs_[0] *= scale[:, None]
    return member


def _trained(estimator, data, random_state, watch, patience_ratio=0.0):
    if watch.requested:
        return None
    plan = training_plan(estimator, data, incremental=False)
    plan = replace(plan, patience_ratio=patience_ratio)
    state = State(*initial_parameters(plan, data, random_state), random_state)
    run = TrainingRun(plan, data, state, watch)
    run.epochs(watch)
    run.hand_over()
    estimator.n_features_in_ = data.X.shape[1]
    if data.classes is not None:
        estimator.classes_, estimator._multilabel = data.classes, False
    estimator._set_fitted(plan, data, state)
    del estimator._optimizer  # twice the network's size, and nothing goes on from here
    return estimator


# how much an input may be weakened and strengthened, and how strongly the norms tell
WEAKEST, STRONGEST, POWER = 0.05, 8.0, 1.5


def input_scale(coef):
    """Factors for the inputs from the first layer of a network that was trained on them.

    Parameters
    ----------
    coef : ndarray of shape (n_inputs, n_units)

    Returns
    -------
    scale : ndarray of float32 of shape (n_inputs,)
        clip(g / rms(g), 0.05, 8)**1.5, with g the Euclidean norm of an input's weights.
    """
    norms = np.sqrt(np.einsum("ij,ij->i", coef, coef, dtype=np.float64))
    root_mean_square = np.sqrt(np.mean(norms**2))
    if not root_mean_square > 0:
        return np.ones(len(norms), np.float32)
    scale = np.clip(norms / root_mean_square, WEAKEST, STRONGEST) ** POWER
    return scale.astype(np.float32)
