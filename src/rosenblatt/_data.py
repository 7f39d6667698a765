"""Checks what a person hands in and turns it into what the network reads.

The target is encoded here (class indices, indicators, or numbers) and decoded by the
estimators' predict. Nothing is drawn at random: the validation split is training's.
"""

# SPDX-License-Identifier: BSD-3-Clause
from dataclasses import dataclass
from numbers import Real

import numpy as np
import scipy.sparse as sp
from sklearn.utils.multiclass import (
    check_classification_targets,
    type_of_target,
    unique_labels,
)
from sklearn.utils.validation import column_or_1d, validate_data

from rosenblatt._base import checked_sample_weight
from rosenblatt._parameters import Interval, refuse_value
from rosenblatt.core.dispatch import LOSSES

QUANTILE_LEVEL = Interval(Real, 0, 1, closed="neither")


@dataclass(frozen=True)
class TrainingData:
    """Rows, encoded targets and weights, of one precision.

    Attributes
    ----------
    X : ndarray of shape (n_samples, n_features), C-contiguous, or CSR matrix
    targets : ndarray
        (n_samples,) class indices where the loss takes classes, else (n_samples, n_outputs).
    sample_weight : ndarray of shape (n_samples,) or None
    loss : Loss
        The row of the engine's table that fits the target.
    n_outputs : int
    strata : ndarray of shape (n_samples,) or None
        What a validation split keeps the shares of; None for multilabel and regression.
    levels : tuple of float or None
        The quantiles that the outputs are, where `quantile` gives several.
    """

    X: object
    targets: np.ndarray
    sample_weight: np.ndarray | None
    loss: object
    n_outputs: int
    strata: np.ndarray | None
    levels: tuple | None = None


def checked_rows(estimator, X, *, reset=False, dtype=None):
    """X as C-ordered rows (or CSR) of float32 or float64, and of `dtype` where it is given."""
    X = validate_data(
        estimator,
        X,
        accept_sparse="csr",
        dtype=dtype or (np.float64, np.float32),
        order="C",
        reset=reset,
    )
    return _engine_rows(X)


def _engine_rows(X):
    return X if sp.issparse(X) else np.require(X, requirements=["C", "A"])


def _checked_pair(estimator, X, y, reset, **options):
    X, y = validate_data(
        estimator,
        X,
        y,
        accept_sparse="csr",
        multi_output=True,
        dtype=estimator.dtype or (np.float64, np.float32),
        order="C",
        reset=reset,
        **options,
    )
    if y.ndim == 2 and y.shape[1] == 1 and not sp.issparse(y):
        y = column_or_1d(y, warn=True)
    return _engine_rows(X), y


def regression_data(estimator, X, y, sample_weight, *, reset):
    """TrainingData of a regressor: y of shape (n_samples,) or (n_samples, n_outputs)."""
    X, y = _checked_pair(estimator, X, y, reset, y_numeric=True)
    if sp.issparse(y) or y.dtype.kind not in "fiub":
        kind = "a sparse matrix" if sp.issparse(y) else f"values of type {y.dtype}"
        raise ValueError(f"y must be an array of numbers, got {kind}.")
    sample_weight = checked_sample_weight(sample_weight, X.shape[0], X.dtype)
    loss, levels = loss_row(estimator.loss, "real"), quantile_levels(estimator)
    _refuse_outside_domain(estimator, loss, y.min())
    with np.errstate(over="ignore"):
        targets = np.require(y.reshape(len(y), -1), dtype=X.dtype, requirements=["C", "A"])
    if not np.isfinite(targets).all():
        raise ValueError(f"y has values too large for {X.dtype}; scale it, or use dtype='float64'.")
    _refuse_outside_domain(estimator, loss, targets.min())  # it may have been rounded to 0
    if levels is not None:
        if targets.shape[1] > 1:
            raise ValueError(
                f"quantile={estimator.quantile!r} with {targets.shape[1]} outputs: several "
                "quantiles are learned of one output only. Fit one model for each output "
                "(sklearn.multioutput.MultiOutputRegressor), or give one quantile."
            )
        targets = np.repeat(targets, len(levels), axis=1)
    return TrainingData(X, targets, sample_weight, loss, targets.shape[1], None, levels)


def loss_row(parameter, target, multi_class=None):
    """The row of the engine's table for a `loss` parameter and a kind of target."""
    rows = [row for row in LOSSES.values() if (row.parameter, row.target) == (parameter, target)]
    return next(row for row in rows if row.multi_class in (None, multi_class))


def quantile_levels(estimator):
    """The levels that `quantile` gives where it is a sequence, as a tuple; None for one number.

    Raises
    ------
    ValueError
        If a level is not in (0, 1), there is none, or the loss is another.
    """
    given = estimator.quantile
    if not np.ndim(given):
        return None
    if estimator.loss != "quantile":
        raise ValueError(
            f"quantile={given!r} asks for several quantiles, and loss={estimator.loss!r} learns "
            "none: use loss='quantile'."
        )
    if np.ndim(given) > 1 or not len(given):
        raise ValueError(f"quantile must be a number or a sequence of numbers, got {given!r}.")
    for i, level in enumerate(given):
        refuse_value(f"quantile[{i}]", level, [QUANTILE_LEVEL])
    return tuple(float(level) for level in given)


def _refuse_outside_domain(estimator, loss, lowest):
    """Raises ValueError where the lowest target is none that the loss takes."""
    domain, subject = loss.domain, f"loss={estimator.loss!r}"
    if domain == "by power":
        power = estimator.tweedie_power
        subject += f" with tweedie_power={power}"
        domain = "unbounded" if power <= 0 else "not negative" if power < 2 else "positive"
    if domain == "not negative" and lowest < 0:
        raise ValueError(f"{subject} takes targets y >= 0, got {lowest:g}.")
    if domain == "positive" and lowest <= 0:
        raise ValueError(f"{subject} takes targets y > 0, got {lowest:g}.")


def checked_labels(y):
    """(y, its labels sorted, whether it is an indicator matrix); a sparse one is made dense.

    Raises
    ------
    ValueError
        For targets that are no classes, or of several columns that are no indicators.
    """
    if y.ndim == 1 and y.dtype.kind in "biu":
        # plain integers: scikit-learn would look through them five times
        labels = np.unique(y)
        if len(labels) > len(y) / 2:
            check_classification_targets(y)  # warns of so many, where there are rows enough
        return y, labels, False
    kind = type_of_target(y, input_name="y")
    if kind == "multiclass-multioutput":
        raise ValueError("Multioutput target data is not supported with label binarization")
    check_classification_targets(y)
    y = y.toarray() if sp.issparse(y) else y
    return y, unique_labels(y), kind.startswith("multilabel")


def classification_data(estimator, X, y, sample_weight, *, reset, resolve_classes):
    """TrainingData of a classifier, and its classes.

    Parameters
    ----------
    resolve_classes : callable
        Given the labels in y and whether it is multilabel, returns the classes or raises where
        earlier calls disagree.

    Returns
    -------
    data : TrainingData
    resolved : (ndarray, bool)
        Classes, and whether y is an indicator matrix.
    """
    X, y = _checked_pair(estimator, X, y, reset)
    sample_weight = checked_sample_weight(sample_weight, X.shape[0], X.dtype)
    y, labels, multilabel = checked_labels(y)
    classes = resolve_classes(labels, multilabel)
    if multilabel:
        values = np.unique(y)
        if len(values) == 2 and 0 not in values:
            raise ValueError(
                f"A multilabel y must be an indicator matrix of 0 and 1, got the values {values}."
            )
        targets = np.require(y != 0, dtype=X.dtype, requirements=["C", "A"])
        loss, n_outputs, strata = loss_row(estimator.loss, "binary"), targets.shape[1], None
        if estimator.multi_class == "crammer_singer" and "hinge" in estimator.loss:
            raise ValueError(
                "multi_class='crammer_singer' compares classes of which a row has one: it takes "
                "no multilabel target. Use multi_class='ovr'."
            )
    else:
        strata = np.searchsorted(classes, y).astype(np.intp)
        loss, n_outputs, targets = _class_targets(estimator, strata, len(classes), X.dtype)
    data = TrainingData(X, targets, sample_weight, loss, n_outputs, strata)
    return data, (classes, multilabel)


def _class_targets(estimator, indices, n_classes, dtype):
    """One output, of the second class, for up to two classes, else one each."""
    if n_classes <= 2:
        return loss_row(estimator.loss, "binary"), 1, indices.astype(dtype).reshape(-1, 1)
    return loss_row(estimator.loss, "class", estimator.multi_class), n_classes, indices
