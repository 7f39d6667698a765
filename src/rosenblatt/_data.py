"""Checks what a person hands in and turns it into what the network reads.

The target is encoded here (class indices, indicators, or numbers) and decoded by the
estimators' predict. Nothing is drawn at random: the validation split is training's.
"""

# SPDX-License-Identifier: BSD-3-Clause
import contextlib
from dataclasses import dataclass, replace
from numbers import Real

import numpy as np
import scipy.sparse as sp
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import (
    check_classification_targets,
    type_of_target,
    unique_labels,
)
from sklearn.utils.validation import check_array, column_or_1d, validate_data

from rosenblatt._base import checked_sample_weight, numbers_of, warn_user
from rosenblatt._parameter_checks import Interval, refuse_value
from rosenblatt.core.dispatch import LOSSES

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
    validation : TrainingData or None
        Rows that were handed in to validate on.
    rows, held_out : ndarray of int or None
        Numbers of the rows of X to train on and of those to validate on, where the caller has
        divided them: several fits can share one X this way.
    levels : tuple of float or None
        The quantiles that the outputs are, where `quantile` gives several.
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
    validation: object = None
    rows: np.ndarray | None = None
    held_out: np.ndarray | None = None
    levels: tuple | None = None
    means: tuple | None = None

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
    with numbers_of("X"):
        X = validate_data(
            estimator,
            X,
            accept_sparse="csr",
            dtype=dtype or (np.float64, np.float32),
            order="C",
            reset=reset,
        )
    return _engine_rows(X)


def is_plain(estimator, X, *, reset):
    """Whether validation has nothing to say about X: finite numbers of the width it must have.

    scikit-learn's validation looks for every kind of container, which takes longer than many
    a prediction; arrays whose values it would hand back unchanged are let through here.
    """
    if type(X) is np.ndarray:
        values, is_rows = X, X.ndim == 2
    else:
        is_rows = sp.issparse(X) and X.format == "csr" and len(X.shape) == 2
        values = X.data if is_rows else None
    if not is_rows or values.dtype not in DTYPES or not all(X.shape):
        return False
    fitted = vars(estimator)
    as_wide = reset or fitted.get("n_features_in_") == X.shape[1]
    if "feature_names_in_" in fitted or not as_wide:
        return False
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(values.sum()))


def _engine_rows(X):
    return X if sp.issparse(X) else np.require(X, requirements=["C", "A"])


def checked_pair(estimator, X, y, *, reset, dtype=None, **options):
    """X as `checked_rows` gives it, and y as an array of as many rows."""
    with numbers_of("X or y"):
        X, y = validate_data(
            estimator,
            X,
            y,
            accept_sparse="csr",
            multi_output=True,
            dtype=dtype or estimator.dtype or (np.float64, np.float32),
            order="C",
            reset=reset,
            **options,
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


def training_sample_weight(sample_weight, n_samples, dtype):
    """`checked_sample_weight`, none of them too small to be felt in training, which takes
    subnormal numbers as zero.

    Warns
    -----
    UserWarning
        If some rows weigh so little that they count as 0.
    """
    weights = checked_sample_weight(sample_weight, n_samples, dtype)
    if weights is None:
        return None
    number = np.finfo(dtype)
    largest, least = max(weights.max(), -weights.min()), number.tiny / number.eps
    if largest < least:  # their products with gradients would be subnormal
        raise ValueError(
            f"All of sample_weight is too small for {np.dtype(dtype)}: the largest is "
            f"{largest:.3g}, training takes {least:.3g} or more. Scale it up: but for the "
            "penalty, alpha over the sum of a batch's weights, only their ratios matter."
        )
    n_lost = np.count_nonzero((weights != 0) & (np.abs(weights) < number.tiny))
    if n_lost:
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
    X, y = checked_pair(estimator, X, y, reset=reset, dtype=dtype, y_numeric=True)
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


def partial_fit_classes(known, classes):
    """The classes of a call of `partial_fit`: those of earlier calls, or what `classes=` gives.

    Raises
    ------
    ValueError
        Where neither does, or they disagree.
    """
    if known is None and classes is None:
        raise ValueError("classes must be passed on the first call to partial_fit.")
    if known is None:
        return unique_labels(classes)
    if classes is not None and not np.array_equal(known, unique_labels(classes)):
        raise ValueError(
            f"`classes={classes!r}` is not the same as on last call to partial_fit, was: {known!r}"
        )
    return known


def classification_data(estimator, X, y, sample_weight, *, reset, resolve_classes, validation=None):
    """TrainingData of a classifier, and its classes.

    Parameters
    ----------
    resolve_classes : callable
        Given the labels in y and whether it is multilabel, returns the classes or raises where
        earlier calls disagree.
    validation : tuple or None
        (X_val, y_val, sample_weight_val).

    Returns
    -------
    data : TrainingData
    resolved : (ndarray, bool)
        Classes, and whether y is an indicator matrix.
    """
    X, y = checked_pair(estimator, X, y, reset=reset)
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
    return data, (classes, multilabel)


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
    return TrainingData(X, y, targets, sample_weight, loss, n_outputs, strata, classes)


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
        For weights that are no finite numbers >= 0 or make all rows weigh 0; for a label in
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
        raise ValueError(f"class_weight makes all rows weigh 0, got {class_weight!r}.")
    weights = weights / weights.max()  # the sum of large ones overflows
    return weights / np.average(weights, weights=counts)


def class_counts(data, rows):
    """How many of these rows each class has."""
    return np.bincount(data.strata[rows], minlength=len(data.classes))


def class_weights(classes, counts, class_weight):
    """The weight of every class, which has so many rows."""
    if isinstance(class_weight, str):  # 'balanced'
        return counts.sum() / (np.count_nonzero(counts) * np.maximum(counts, 1))
    largest = float(np.finfo(float).max)  # an integer can be larger, and is no infinity
    if not all(isinstance(w, Real) and 0 <= w <= largest for w in class_weight.values()):
        raise ValueError(f"class_weight must hold finite numbers >= 0, got {class_weight!r}.")
    return compute_class_weight(class_weight, classes=classes, y=classes).astype(float)
