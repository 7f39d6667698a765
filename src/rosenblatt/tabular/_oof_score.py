"""Scores precomputed predictions with any scikit-learn scorer, and estimates standard errors."""

# SPDX-License-Identifier: BSD-3-Clause
import warnings
from inspect import signature

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.metrics import get_scorer

N_GROUPS = 20  # parts of the jackknife


class _KnownClasses(ClassifierMixin, BaseEstimator):
    """A classifier that returns precomputed predictions; its X are row numbers."""

    def __init__(self, probabilities, classes):
        self.probabilities, self.classes_ = probabilities, classes

    def __sklearn_is_fitted__(self):
        return True

    def predict_proba(self, X):
        return self.probabilities[X[:, 0]]

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class _KnownNumbers(RegressorMixin, BaseEstimator):
    """A regressor that returns precomputed predictions; its X are row numbers."""

    def __init__(self, values):
        self.values = values

    def __sklearn_is_fitted__(self):
        return True

    def predict(self, X):
        return self.values[X[:, 0]]


def score_with_error(predictions, y, classes, scoring, sample_weight, groups, random_state):
    """The score of precomputed predictions and its standard error.

    The standard error is the jackknife estimate over g = 20 random parts of the rows,
    sqrt((g - 1) / g * sum (s_i - mean s)**2), where s_i is the score without part i. It is valid
    for any smooth score, including ratios such as R^2 and ranks such as AUC. The rows of a group
    are in the same part.

    Parameters
    ----------
    predictions : ndarray
        Probabilities of shape (n_samples, n_classes), or values.
    y : ndarray
    classes : ndarray or None
        None for regression.
    scoring : str, callable or None
        None means accuracy or R^2.
    sample_weight, groups : ndarray of shape (n_samples,) or None
    random_state : numpy.random.RandomState

    Returns
    -------
    score, standard_error : float
        The standard error is NaN if the score without some part is undefined.
    """
    score = _score_of_rows(predictions, y, classes, scoring, sample_weight)
    every = np.arange(len(y))
    total = score(every)
    units = every if groups is None else np.unique(groups, return_inverse=True)[1].ravel()
    n_units = units.max() + 1
    n_parts = min(N_GROUPS, n_units)
    if n_parts < 2:
        return total, np.nan
    part = (random_state.permutation(n_units) % n_parts)[units]
    try:
        scores = np.array([score(every[part != i]) for i in range(n_parts)])
    except ValueError:  # a metric that requires every class, one of which is in a single part
        return total, np.nan
    return total, float(np.sqrt((n_parts - 1) * scores.var()))


def _score_of_rows(predictions, y, classes, scoring, sample_weight):
    """A function that maps row numbers to the score of these rows."""
    scorer = as_scorer(scoring, classes is not None)
    known = _KnownNumbers(predictions) if classes is None else _KnownClasses(predictions, classes)
    weights = sample_weight if _takes_weights(scorer) else None

    def score(rows):
        extra = {} if weights is None else {"sample_weight": weights[rows]}
        return float(scorer(known, rows[:, None], y[rows], **extra))

    return score


def check_scoring(scoring, target):
    """Score perfect predictions, so that an unsuitable scorer fails before training.

    Raises
    ------
    ValueError
        If the scorer fails; the message names `scoring`.
    """
    if scoring is None:
        return
    classes, perfect = target.classes, target.y
    if classes is not None:
        perfect = np.eye(len(classes))[target.indices]
    try:
        score = _score_of_rows(perfect, target.y, classes, scoring, target.given_weight)
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            score(np.arange(len(target.y)))
    except (ValueError, TypeError) as error:
        raise ValueError(f"scoring={scoring!r} cannot score this y: {error}") from error


def as_scorer(scoring, is_classification):
    """The scorer given by the parameter `scoring`."""
    if scoring is None:
        return get_scorer("accuracy" if is_classification else "r2")
    return get_scorer(scoring) if isinstance(scoring, str) else scoring


def _takes_weights(scorer):
    metric = getattr(scorer, "_score_func", scorer)
    return "sample_weight" in signature(metric).parameters
