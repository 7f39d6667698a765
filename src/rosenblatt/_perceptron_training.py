"""The training of a perceptron: the draws of a fit, the loop over epochs, the mean of the weights.

Data and starting weights arrive checked; signatures and predictions are in perceptron.py. No
arithmetic here: the rule is in core/perceptron.h, epochs and stopping in core/perceptron.pyx.
"""

# SPDX-License-Identifier: BSD-3-Clause
import sys
import threading
import time
from numbers import Integral

import numpy as np
from sklearn.utils import check_random_state

from rosenblatt._base import warn_user
from rosenblatt._classes import class_weights
from rosenblatt._validation_set import random_split
from rosenblatt.core.perceptron import PerceptronTrainer, Rows, permutation

_LARGEST_SEED = np.iinfo(np.int32).max


class _Generator(threading.local):
    """A generator for each thread: a new one takes as long as an epoch of a small fit."""

    def __init__(self):
        self.random_state = np.random.RandomState(0)

    def seeded(self, seed):
        """RandomState(seed), until the next call."""
        self.random_state.seed(seed)
        return self.random_state


_GENERATOR = _Generator()


def trainer_of(learner, X, classes, sample_weight, start, max_iter):
    """The core's trainer of one call of `fit` or `partial_fit`.

    Parameters
    ----------
    learner : PerceptronClassifier
        Its parameters are read, and `classes_`, `t_` and the state of its averaging.
    X : ndarray or CSR matrix of shape (n_samples, n_features)
    classes : ndarray of intp of shape (n_samples,)
        Of each row the index in `classes_`.
    sample_weight : ndarray of shape (n_samples,) or None
    start : (coef, intercept)
        The weights to start from.
    max_iter : int

    Raises
    ------
    ValueError
        Where the rows cannot be divided for early stopping.
    """
    n_classes = len(learner.classes_)
    own_step, other_step = _steps(learner, classes, n_classes)
    validation, order = _draws(learner, classes, n_classes, sample_weight)
    coef, intercept, average_from = _averaging_start(learner, *start)
    l1_ratio = {"l1": 1.0, "elasticnet": learner.l1_ratio}.get(learner.penalty, 0.0)
    return PerceptronTrainer(
        Rows(X, classes, sample_weight),
        coef,
        intercept,
        classes=[1] if n_classes == 2 else range(n_classes),
        n_classes=n_classes,
        own_step=own_step,
        other_step=other_step,
        alpha=0.0 if learner.penalty is None else learner.alpha,
        l1_ratio=l1_ratio,
        eta=learner.eta0,
        count_penalty=_objective_counts(learner) and learner.penalty is not None,
        fit_intercept=learner.fit_intercept,
        average_from=average_from,
        order=order,
        validation=validation,
        max_iter=min(max_iter, sys.maxsize),
        patience=min(learner.n_iter_no_change, sys.maxsize),
        tol=-np.inf if learner.tol is None else learner.tol,
    )


def _objective_counts(learner):
    """Whether anything looks at the objective: the stopping rule, or a person."""
    return bool(learner.verbose) or (learner.tol is not None and not learner.early_stopping)


def _steps(learner, classes, n_classes):
    """Lengths of the steps of each class's weights: for its own rows and for the others."""
    weight = np.ones(n_classes)
    if learner.class_weight is not None:
        counts = np.bincount(classes, minlength=len(learner.classes_))
        weight = class_weights(learner.classes_, counts, learner.class_weight)
    if n_classes == 2:
        return learner.eta0 * weight[1:], learner.eta0 * weight[:1]
    return learner.eta0 * weight, np.full(n_classes, learner.eta0)


def _draws(learner, classes, n_classes, sample_weight):
    """(mask of the validation rows or None, permutation of an epoch or None).

    The order of the draws is scikit-learn's, whether `random_state` is a seed or a
    generator: for two classes the first seed, the split, the second seed; for more the
    split, then a seed for each class, from which the first class's two are drawn.
    """
    validation, order = None, None
    if n_classes > 2 and learner.early_stopping:
        validation = _validation_mask(learner, classes, sample_weight)
    if isinstance(learner.random_state, Integral):
        random_state = _GENERATOR.seeded(learner.random_state)
    else:
        random_state = check_random_state(learner.random_state)
    if n_classes > 2:
        seeds = random_state.randint(_LARGEST_SEED, size=n_classes)
        random_state = _GENERATOR.seeded(seeds[0])
    random_state.randint(1, _LARGEST_SEED)
    if n_classes == 2 and learner.early_stopping:
        validation = _validation_mask(learner, classes, sample_weight)
    seed = random_state.randint(_LARGEST_SEED)
    if learner.shuffle:
        order = permutation(len(classes), seed)
    return validation, order


def _validation_mask(learner, classes, sample_weight):
    _, rows = random_split(
        np.arange(len(classes)), learner.validation_fraction, learner.random_state, classes
    )
    if sample_weight is not None and not np.any(sample_weight[rows] > 0):
        raise ValueError(
            "The sample weights for validation set are all zero, consider using a different "
            "random state."
        )
    mask = np.zeros(len(classes), dtype=np.bool_)
    mask[rows] = True
    return mask


def train(learner, trainer, n_samples, publish, tasks, interruption):
    """Trains to the end, until a callback says so, or until the keyboard interrupts.

    Parameters
    ----------
    learner : PerceptronClassifier
        Receives the weights, `n_iter_` and `t_`.
    trainer : PerceptronTrainer
        Of this learner.
    n_samples : int
        Rows of an epoch.
    publish : callable without arguments
        Called whenever the learner has received what was learned so far.
    tasks : ScikitLearnTasks or None
        Told of every epoch.
    interruption : Interruption

    Raises
    ------
    ValueError
        Where the weights overflow.
    """
    t_before, average_before = learner.t_, learner._average_state

    def update_estimator(learned, n_epochs):
        learner.n_iter_, learner.t_ = n_epochs, t_before + n_epochs * n_samples
        _set_weights(learner, learned, average_before)
        publish()

    _run(learner, trainer, tasks, update_estimator, interruption)
    update_estimator(trainer.learned, int(trainer.n_epochs.max()))


def _run(learner, trainer, tasks, update_estimator, interruption):
    """The loop over epochs. `update_estimator` takes what was learned, and in how many epochs."""
    started, stops = time.perf_counter(), False
    by_epochs = bool(learner.verbose) or tasks is not None
    with interruption:
        while not (trainer.done or stops or interruption.requested):
            if learner.verbose and not trainer.in_epoch:
                print(f"-- Epoch {trainer.epoch + 1}")
            if tasks is not None and not trainer.in_epoch:
                tasks.begin_epoch()
            report = trainer.advance(one_epoch=by_epochs)
            if report and learner.verbose:
                _print(learner, report, trainer.epoch, time.perf_counter() - started)
            if report and tasks is not None and not trainer.overflow:
                update_estimator(trainer.so_far(), trainer.epoch)
                stops = tasks.end_epoch()
        if not trainer.done:
            trainer.stop()
    if interruption.requested:
        warn_user("Training interrupted by user.")
    if trainer.overflow:
        raise ValueError(
            f"Floating-point under-/overflow occurred at epoch #{trainer.epoch}. Scaling "
            "input data with StandardScaler or MinMaxScaler might help, and so might "
            f"smaller steps: eta0={learner.eta0!r}, class_weight and sample_weight multiply "
            "each."
        )


def _print(learner, report, epoch, seconds):
    for row in report:
        if len(learner.classes_) > 2:
            print(f"Class {learner.classes_[row['column']]}:", end=" ")
        print(
            f"Norm: {row['norm']:.2f}, NNZs: {row['n_nonzero']}, "
            f"Bias: {row['intercept']:.6f}, T: {row['n_learned']}, "
            f"Avg. loss: {row['loss']:f}, Objective: {row['objective']:f}",
            end="\n" if row["score"] is None else f", Validation score: {row['score']:f}\n",
        )
    print(f"Total training time: {seconds:.2f} seconds.")
    for row in report:
        if row["stopped"]:
            if len(learner.classes_) > 2:
                print(f"Class {learner.classes_[row['column']]}:", end=" ")
            print(f"Convergence after {epoch} epochs took {seconds:.2f} seconds")


def _averaging_start(learner, coef, intercept):
    """(coef, intercept) to start from, and the row of this call that averaging starts with.

    A mean goes on where the last call of partial_fit left it, as long as coef_ and
    intercept_ are still that mean; else it starts anew from them.
    """
    if not learner.average:
        learner._average_state = None
        return coef, intercept, 0
    state = getattr(learner, "_average_state", None)
    if state is not None:
        mean = _mean_weights(state)
        if not (np.array_equal(mean[0], coef) and np.array_equal(mean[1], intercept)):
            learner._average_state = state = None
    if state is not None:
        coef, intercept = state["coef"], state["intercept"]
    return coef, intercept, min(max(1, int(learner.average) - int(learner.t_) + 1), sys.maxsize)


def _set_weights(learner, learned, before):
    """Makes what was learned, or its mean with the rows of a state `before`, the attributes."""
    if not learner.average:
        learner.coef_, learner.intercept_ = learned.coef, learned.intercept
        _refuse_infinite(learner.coef_)
        return
    state = {
        "coef": learned.coef,
        "intercept": learned.intercept,
        "coef_sum": learned.coef_sum,
        "intercept_sum": learned.intercept_sum,
        "count": learned.n_averaged,
    }
    if before is not None:
        for name in ("coef_sum", "intercept_sum", "count"):
            state[name] = state[name] + before[name]
    learner._average_state = state
    learner.coef_, learner.intercept_ = _mean_weights(state)
    _refuse_infinite(learner.coef_)


def _mean_weights(state):
    """(coef, intercept): the mean over the averaged rows, or the last ones if there are none."""
    count = state["count"]
    if not count.all():
        return state["coef"].copy(), state["intercept"].copy()
    dtype = state["coef"].dtype
    coef = (state["coef_sum"] / count[:, np.newaxis]).astype(dtype)
    return coef, (state["intercept_sum"] / count).astype(dtype)


def _refuse_infinite(coef):
    # the sums that are averaged can overflow where the weights themselves do not
    if not np.isfinite(coef).all():
        raise ValueError(
            "Floating-point under-/overflow occurred in the mean of the weights. Scaling input "
            "data with StandardScaler or MinMaxScaler might help."
        )
