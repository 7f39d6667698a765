"""The validation rows, drawn from the data or given by the user, and their score in every epoch.

Training decides how the score is used.
"""

# SPDX-License-Identifier: BSD-3-Clause
import copy
import math
from inspect import signature
from numbers import Real

import numpy as np

from rosenblatt._base import warn_user
from rosenblatt._scores import validation_score
from rosenblatt.core.examples import Examples

DRAWN_ANEW = (
    "early_stopping=True draws the validation rows anew, and the network may have been trained on "
    "them before: their score is then too high. Pass X_val and y_val to fit; or use "
    "warm_start='optimizer' from the first fit on, which keeps the rows that were set aside as "
    "long as X has the same number of rows."
)


def split_rows(plan, data, state):
    """(rows to train on, ValidationSet or None); the state remembers rows that were drawn."""
    every = np.arange(data.X.shape[0]) if data.rows is None else data.rows
    if data.held_out is not None:
        return every, ValidationSet(plan, data, data.held_out)
    if data.validation is not None:
        return every, ValidationSet(plan, data.validation)
    if not plan.early_stopping:
        return every, None
    n_validation = math.ceil(plan.validation_fraction * len(every))
    if n_validation < 2:
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' or the size of your "
            f"dataset: validation_fraction={plan.validation_fraction} of n_samples={len(every)} "
            f"gives {n_validation} rows, but at least 2 are needed."
        )
    n_rows, validation = state.rows_set_aside or (0, None)
    if n_rows == len(every):
        validation = validation.astype(np.intp)
        rows = np.setdiff1d(every, validation)
    else:
        if state.n_samples_seen:
            warn_user(DRAWN_ANEW)
        strata, draws = _strata(data, n_validation), state.random_state
        rows, validation = random_split(every, plan.validation_fraction, draws, strata)
        state.rows_set_aside = len(every), validation.astype(np.min_scalar_type(len(every)))
    if data.sample_weight is not None and data.sample_weight[validation].sum() == 0:
        raise ValueError(
            "The sample weights of the validation set sum to 0, so its score is undefined. "
            "Increase 'validation_fraction' or drop rows of zero weight."
        )
    return rows, ValidationSet(plan, data, validation)


def random_split(rows, fraction, random_state, strata):
    """(training rows, validation rows), drawn as in scikit-learn.

    Parameters
    ----------
    rows : ndarray of int
    fraction : float
        The fraction of validation rows.
    random_state : int, RandomState instance or None
    strata : ndarray of shape of `rows` or None
        The classes of the rows, for a stratified split.
    """
    # imported here because it imports sklearn.metrics, which takes longer than this package
    from sklearn.model_selection import train_test_split

    return train_test_split(rows, test_size=fraction, random_state=random_state, stratify=strata)


def _strata(data, n_validation):
    """The classes for a stratified split; None, with a warning, if it is impossible.

    For two classes, train_test_split raises an error instead, as in scikit-learn.
    """
    if data.loss.target != "class":
        return data.strata
    counts = np.bincount(data.strata)
    counts = counts[counts > 0]
    if counts.min() >= 2 and len(counts) <= min(n_validation, len(data.strata) - n_validation):
        return data.strata
    warn_user(
        "The validation set is not stratified, because that requires two rows of every class, and "
        f"at least as many rows as classes in both parts. The smallest of {len(counts)} classes "
        f"has {counts.min()} rows, the validation set has {n_validation}."
    )
    return None


class ValidationSet:
    """Validation rows and their score.

    Parameters
    ----------
    plan : Plan
    data : TrainingData
    rows : ndarray of int or None
        The rows of `data` to use; None for all.
    """

    def __init__(self, plan, data, rows=None):
        self.scoring, self.data = plan.scoring, data
        self.examples = Examples(data.X, data.targets, data.sample_weight)
        self.rows = np.arange(data.X.shape[0]) if rows is None else rows
        self.targets = data.targets[self.rows]
        self.weights = None if data.sample_weight is None else data.sample_weight[self.rows]
        self.total_weight = float(
            len(self.rows) if self.weights is None else self.weights.sum(dtype=float)
        )
        if self.total_weight == 0:
            raise ValueError("sample_weight_val sums to 0, so the validation score is undefined.")
        self._as_given = None
        self._scorer_takes_weights = self.weights is not None and self._may_scorer_weigh()

    def score(self, network, fitted):
        """The (score, loss) of the network's parameters; the score is NaN for predictions that are
        not finite.

        Parameters
        ----------
        network : Network
        fitted : callable
            Returns the estimator with these parameters; called where a scorer asks for it.
        """
        predictions, loss = network.predict(self.examples, self.rows, with_loss=True)
        loss /= self.total_weight
        if self.scoring is None:
            return self._default_score(predictions), loss
        if self.scoring == "loss":
            return -loss, loss
        if not np.isfinite(predictions).all():
            return math.nan, loss  # scikit-learn's scorers would raise an error
        return self._scorers_score(fitted()), loss

    def _default_score(self, predictions):
        """The same score as `score` of the estimator."""
        row = self.data.loss
        return validation_score(
            predictions,
            self.targets,
            self.weights,
            row.target,
            threshold=0.5 if row.out_activation == "logistic" else 0.0,
            levels=self.data.levels,
        )

    def _scorers_score(self, estimator):
        if self._as_given is None:
            self._as_given = self.data.X[self.rows], self.data.y[self.rows]
        # a copy without feature names, because the rows are an array
        estimator = copy.copy(estimator)
        vars(estimator).pop("feature_names_in_", None)
        weights = {"sample_weight": self.weights} if self._scorer_takes_weights else {}
        score = self.scoring(estimator, *self._as_given, **weights)
        if not isinstance(score, Real):
            raise ValueError(f"scoring={self.scoring!r} must return a number, got {score!r}.")
        return float(score)

    def _may_scorer_weigh(self):
        """Whether it is a scikit-learn scorer of a metric with sample_weight."""
        metric = getattr(self.scoring, "_score_func", None)
        if metric is None:
            return False
        if "sample_weight" in signature(metric).parameters:
            return True
        warn_user(
            f"scoring={self.scoring!r} does not support sample_weight; all validation rows have "
            "equal weight."
        )
        return False
