"""Validates X, y and weights, and encodes them for the network.

The target is encoded here (class indices, indicators, or numbers) and decoded by the
estimators' predict. Nothing is drawn at random: the validation split is training's.
"""

# SPDX-License-Identifier: BSD-3-Clause
import contextlib
import sys
from dataclasses import dataclass, replace
from numbers import Number, Real

import numpy as np
import scipy.sparse as sp
from sklearn.utils.validation import check_array, column_or_1d, validate_data

from rosenblatt._base import warn_user
from rosenblatt._classes import checked_labels, class_weights
from rosenblatt._not_numbers import (
    first_that_is_no_number,
    target_of_no_numbers,
    telling_what_is_no_number,
)
from rosenblatt._parameter_checks import Interval, refuse_value
from rosenblatt.core.dispatch import LOSSES
from rosenblatt.out_of_core._dataset import refuse_dataset

DTYPES = (np.dtype(np.float64), np.dtype(np.float32))  # that are computed in
QUANTILE_LEVEL = Interval(Real, 0, 1, closed="neither")


@dataclass(frozen=True)
class TrainingData:
    """Rows, encoded targets and weights, of one precision.

    Attributes
    ----------
    X : ndarray of shape (n_samples, n_features), C-contiguous, or CSR matrix
    y : ndarray
        Labels or numbers as they came.
    targets : ndarray
        (n_samples,) class indices where the loss takes classes, else (n_samples, n_outputs).
    sample_weight : ndarray of shape (n_samples,) or None
    loss : Loss
        The row of the engine's table that fits the target.
    n_outputs : int
    strata : ndarray of shape (n_samples,) or None
        The rows' classes, as numbers; None for multilabel and regression.
    classes : ndarray or None
        The labels in the order of these numbers; None for regression.
    is_multilabel, is_sparse_target : bool
        Whether y is an indicator matrix, and whether it came as a sparse one.
    validation : TrainingData or None
        Rows that were handed in to validate on.
    rows, held_out : ndarray of int or None
        Numbers of the rows of X to train on and of those to validate on, where the caller has
        divided them: several fits can share one X this way.
    levels : tuple of float or None
        The quantiles that the outputs are, where `quantile` gives several.
    coding : CodedInputs or None
        How the columns of X stand for the network's inputs; None where they are these.
    means : (ndarray of float64 of shape (n_outputs,), int) or None
        Of the targets (of classes their shares) and of how many rows, where those are not all
        here; see `target_means`.
    """

    X: object
    y: np.ndarray
    targets: np.ndarray
    sample_weight: np.ndarray | None
    loss: object
    n_outputs: int
    strata: np.ndarray | None
    classes: np.ndarray | None = None
    is_multilabel: bool = False
    is_sparse_target: bool = False
    validation: object = None
    rows: np.ndarray | None = None
    held_out: np.ndarray | None = None
    levels: tuple | None = None
    means: tuple | None = None
    coding: object = None

    def target_means(self):
        """(the targets' weighted means, or the classes' shares; of how many rows)."""
        if self.means is not None:
            return self.means
        weights = self.sample_weight
        weights = np.ones(self.X.shape[0]) if weights is None else weights.astype(np.float64)
        if self.loss.target == "class":
            sums = np.bincount(self.targets, weights, minlength=self.n_outputs)
            return sums / weights.sum(), len(weights)
        means = np.average(self.targets.astype(np.float64), axis=0, weights=weights)
        return means, len(weights)


def augmented_rows(augment, X, random_state):
    """augment(a copy of X, random_state), checked to be rows like X's.

    Raises
    ------
    ValueError
        If they are of another shape, not finite, or no numbers.
    """
    rows = augment(X.copy(), random_state)
    if getattr(rows, "shape", None) != X.shape or sp.issparse(rows) != sp.issparse(X):
        kind = "a sparse matrix" if sp.issparse(X) else "an array"
        raise ValueError(
            f"augment={augment!r} must return {kind} of the shape {X.shape}, as it was given, got "
            f"{type(rows).__name__} of the shape {getattr(rows, 'shape', None)}."
        )
    name = "what augment returned"
    return _engine_rows(
        check_array(rows, accept_sparse="csr", dtype=X.dtype, order="C", input_name=name)
    )


def checked_rows(estimator, X, *, reset=False, dtype=None):
    """X as C-ordered rows (or CSR) of float32 or float64, and of `dtype` where it is given."""
    with numbers_of("X"), telling_what_is_no_number(estimator, X):
        X = validate_data(
            estimator,
            X,
            accept_sparse="csr",
            dtype=dtype or (np.float64, np.float32),
            order="C",
            reset=reset,
        )
    return _engine_rows(X)


def is_plain(fitted, X, *, reset, dtypes=DTYPES):
    """Whether validation has nothing to say about X: finite numbers of the width it must have.

    scikit-learn's validation looks for every kind of container, which takes longer than many
    a prediction; arrays whose values it would hand back unchanged are let through here. `fitted`
    are the estimator's attributes by name.
    """
    if type(X) is np.ndarray:
        values, is_rows = X, X.ndim == 2
    else:
        is_rows = sp.issparse(X) and X.format == "csr" and len(X.shape) == 2
        values = X.data if is_rows else None
    if not is_rows or values.dtype not in dtypes or not all(X.shape):
        return False
    as_wide = reset or fitted.get("n_features_in_") == X.shape[1]
    if "feature_names_in_" in fitted or not as_wide:
        return False
    return _sum_is_finite(values)


def _is_plain_target(y, n_rows):
    """Whether validation has nothing to say about y: a finite number for each row."""
    if type(y) is not np.ndarray or y.shape != (n_rows,):
        return False
    return y.dtype.kind in "biu" or (y.dtype in DTYPES and _sum_is_finite(y))


def _sum_is_finite(values):
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(values.sum()))


def _engine_rows(X):
    return X if sp.issparse(X) else np.require(X, requirements=["C", "A"])


def checked_pair(estimator, X, y, *, reset, dtype=None, **options):
    """X as `checked_rows` gives it, and y as an array of as many rows.

    Parameters
    ----------
    dtype : dtype or tuple of dtypes or None
        What X is to be computed in: one of these, float32 and float64 for None.
    **options
        Of scikit-learn's `validate_data`.
    """
    dtypes = DTYPES if dtype is None else dtype if isinstance(dtype, tuple) else (np.dtype(dtype),)
    if is_plain(vars(estimator), X, reset=reset, dtypes=dtypes) and _is_plain_target(y, X.shape[0]):
        if reset:
            estimator.n_features_in_ = X.shape[1]
        return _engine_rows(X), y
    refuse_dataset(X)
    with numbers_of("X or y"), telling_what_is_no_number(estimator, X, y):
        X, y = validate_data(
            estimator,
            X,
            y,
            accept_sparse="csr",
            dtype=dtypes,
            order="C",
            reset=reset,
            **{"multi_output": True, **options},
        )
    if y.ndim == 2 and y.shape[1] == 1 and not sp.issparse(y):
        y = column_or_1d(y, warn=True)
    return _engine_rows(X), y


@contextlib.contextmanager
def _of_validation_rows():
    """Errors of the block, in whose words X may be X_val, say which rows they are about."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"Of X_val, y_val, sample_weight_val: {error}") from error


def training_sample_weight(sample_weight, n_samples, dtype, *, least=None):
    """`checked_sample_weight`, those that are too small to be felt in training set to 0.

    Parameters
    ----------
    least : float, default=None
        What the largest weight must be; None is for training whose products with gradients would
        be subnormal below it.

    Warns
    -----
    UserWarning
        If some rows weigh so little that they count as 0.
    """
    weights = checked_sample_weight(sample_weight, n_samples, dtype)
    if weights is None:
        return None
    number = np.finfo(dtype)
    least = number.tiny / number.eps if least is None else least
    largest = max(weights.max(), -weights.min())
    if largest < least:
        raise ValueError(
            f"All of sample_weight is too small for {np.dtype(dtype)}: the largest is "
            f"{largest:.3g}, training takes {least:.3g} or more. Scale it up: but for the "
            "penalty, only their ratios matter."
        )
    # as they were handed in: another dtype may have rounded them to 0
    given, is_small = np.asarray(sample_weight, dtype=np.float64), np.abs(weights) < number.tiny
    n_lost = np.count_nonzero((given != 0) & is_small)
    if n_lost:
        weights = np.where(is_small, weights.dtype.type(0), weights)
        warn_user(
            f"{n_lost} of sample_weight are below {number.tiny:.3g}, the smallest normal "
            f"number of {np.dtype(dtype)}, and count as 0. If these rows matter, scale "
            "sample_weight up."
        )
    return weights


def regression_data(estimator, X, y, sample_weight, *, reset, validation=None):
    """TrainingData of a regressor: y of shape (n_samples,) or (n_samples, n_outputs).

    Parameters
    ----------
    validation : tuple or None
        (X_val, y_val, sample_weight_val).
    """
    data = _regression_rows(estimator, X, y, sample_weight, reset=reset)
    if validation is None:
        return data
    with _of_validation_rows():
        held_out = _regression_rows(estimator, *validation, reset=False, dtype=data.X.dtype)
    if held_out.n_outputs != data.n_outputs:
        raise ValueError(f"y_val has {held_out.n_outputs} outputs, y has {data.n_outputs}.")
    return replace(data, validation=held_out)


def _regression_rows(estimator, X, y, sample_weight, *, reset, dtype=None):
    X, y = checked_pair(
        estimator, X, y, reset=reset, dtype=dtype or estimator.dtype, y_numeric=True
    )
    if not sp.issparse(y) and y.dtype.kind in "USO":
        value = first_that_is_no_number(y)
        raise ValueError(target_of_no_numbers("y", value, type(estimator).__name__))
    if sp.issparse(y) or y.dtype.kind not in "fiub":
        kind = "a sparse matrix" if sp.issparse(y) else f"values of type {y.dtype}"
        raise ValueError(f"y must be an array of numbers, got {kind}.")
    sample_weight = training_sample_weight(sample_weight, X.shape[0], X.dtype)
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
    n_outputs = targets.shape[1]
    return TrainingData(X, y, targets, sample_weight, loss, n_outputs, None, levels=levels)


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


def classification_data(estimator, X, y, sample_weight, *, reset, resolve_classes, validation=None):
    """TrainingData of a classifier.

    Parameters
    ----------
    resolve_classes : callable
        Given the labels in y and whether it is multilabel, returns the classes or raises where
        earlier calls disagree.
    validation : tuple or None
        (X_val, y_val, sample_weight_val).
    """
    is_sparse_target = sp.issparse(y)
    X, y = checked_pair(estimator, X, y, reset=reset, dtype=estimator.dtype)
    sample_weight = training_sample_weight(sample_weight, X.shape[0], X.dtype)
    y, labels, multilabel = checked_labels(y)
    classes = resolve_classes(labels, multilabel)
    data = _encoded(estimator, X, y, sample_weight, classes, multilabel)
    if validation is not None:
        X, y, sample_weight = validation
        with _of_validation_rows():
            X, y = checked_pair(estimator, X, y, reset=False, dtype=data.X.dtype)
            sample_weight = training_sample_weight(sample_weight, X.shape[0], X.dtype)
            y, labels, of_same_kind = checked_labels(y)
        _refuse_other_classes(labels, of_same_kind, classes, multilabel)
        held_out = _encoded(estimator, X, y, sample_weight, classes, multilabel)
        data = replace(data, validation=held_out)
    return replace(data, is_sparse_target=True) if is_sparse_target else data


def _encoded(estimator, X, y, sample_weight, classes, multilabel):
    """TrainingData of checked rows and labels."""
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
    return TrainingData(
        X, y, targets, sample_weight, loss, n_outputs, strata, classes, is_multilabel=multilabel
    )


def _refuse_other_classes(labels, is_multilabel, classes, multilabel):
    """Raises ValueError for labels of a y_val that the classes of y do not describe."""
    if is_multilabel != multilabel:
        raise ValueError("y_val must be what y is: an indicator matrix, or one label a row.")
    if multilabel and len(labels) != len(classes):
        raise ValueError(f"y_val has {len(labels)} labels, y has {len(classes)}.")
    unknown = [] if multilabel else np.setdiff1d(labels, classes)
    if len(unknown):
        raise ValueError(f"y_val has classes that y does not have: {unknown}; y has {classes}.")


def _class_targets(estimator, indices, n_classes, dtype):
    """One output, of the second class, for up to two classes, else one each."""
    if n_classes <= 2:
        return loss_row(estimator.loss, "binary"), 1, indices.astype(dtype).reshape(-1, 1)
    return loss_row(estimator.loss, "class", estimator.multi_class), n_classes, indices


def training_weights(data, rows, class_weight, counts=None):
    """The weights of all rows where those in `rows` are trained on, or None.

    A row of them has sample_weight * class_weight / mean of class_weight over `rows`; the
    others keep their sample_weight.

    Parameters
    ----------
    data : TrainingData
    rows : ndarray of int
    class_weight : dict, 'balanced' or None
    counts : ndarray of int of shape (n_classes,) or None
        How many rows of each class are trained on, where they are not all here.

    Raises
    ------
    ValueError
        For weights that are not finite numbers >= 0 or that are 0 for all rows; for a label in
        the dict that is no class.
    """
    if class_weight is None:
        return data.sample_weight
    strata = data.strata[rows]
    if counts is None:
        of_class = class_weights(data.classes, class_counts(data, rows), class_weight)
        of_row = _relative(of_class[strata], None, class_weight)
    else:
        of_class = np.where(counts > 0, class_weights(data.classes, counts, class_weight), 0)
        of_row = _relative(of_class, counts, class_weight)[strata]
    weights = np.ones(data.X.shape[0]) if data.sample_weight is None else data.sample_weight
    weights = weights.astype(float)
    weights[rows] *= of_row
    return weights.astype(data.X.dtype)


def _relative(weights, counts, class_weight):
    """Weights over their mean, each of which counts so many times."""
    if not weights.any():
        raise ValueError(f"class_weight={class_weight!r} gives all rows weight 0.")
    weights = weights / weights.max()  # the sum of large ones overflows
    return weights / np.average(weights, weights=counts)


def class_counts(data, rows):
    """How many of these rows each class has."""
    return np.bincount(data.strata[rows], minlength=len(data.classes))


@contextlib.contextmanager
def numbers_of(name):
    """Raise ValueError that names the argument for integers that are too large for a float.

    A note that names the estimators with support for missing values is added to scikit-learn's
    message about them.
    """
    try:
        yield
    except OverflowError as error:
        raise ValueError(
            f"{name} has an integer beyond {sys.float_info.max:.2g}, the largest number of "
            "float64: scale it down."
        ) from error
    except ValueError as error:
        if "missing values encoded as NaN natively" in str(error):  # in scikit-learn's words
            kind = "Regressor" if "Regressor does not" in str(error) else "Classifier"
            error.add_note(f"rosenblatt.TabularMLP{kind} accepts missing values.")
        raise


def checked_sample_weight(sample_weight, n_samples, dtype):
    """The weights as a contiguous array of shape (n_samples,), or None.

    Raises
    ------
    ValueError
        If they are not one number, or one number per row, not finite, or all zero.
    """
    if sample_weight is None:
        return None
    with numbers_of("sample_weight"):
        if isinstance(sample_weight, Number):
            sample_weight = np.full(n_samples, sample_weight, dtype=dtype)
        weights = check_array(
            sample_weight,
            ensure_2d=False,
            dtype=(np.float64, np.float32),
            order="C",
            input_name="sample_weight",
        )
    if weights.ndim != 1:
        raise ValueError(
            f"Sample weights must be 1D array or scalar, got {weights.ndim}D array. Expected "
            f"either a scalar value or a 1D array of length {n_samples}."
        )
    if weights.shape != (n_samples,):
        raise ValueError(f"sample_weight.shape == {weights.shape}, expected {(n_samples,)}!")
    if not weights.any():
        raise ValueError("Sample weights must contain at least one non-zero number.")
    with np.errstate(over="ignore"):
        weights = np.require(weights, dtype=dtype, requirements=["C", "A"])
    if not np.isfinite(weights).all():
        raise ValueError(f"sample_weight has values too large for {np.dtype(dtype)}.")
    if not weights.any():
        raise ValueError(f"All of sample_weight is too small for {np.dtype(dtype)}: scale it up.")
    return weights
