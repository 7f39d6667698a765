"""Validates and encodes targets and weights, and decodes the outputs of the networks.

There is one class for labels and one for numbers, with the same interface. X is not handled here.
"""

# SPDX-License-Identifier: BSD-3-Clause
import numpy as np
from sklearn.utils import check_array
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from rosenblatt._base import checked_sample_weight
from rosenblatt._classes import class_weights
from rosenblatt._data import loss_row
from rosenblatt._not_numbers import first_that_is_no_number, target_of_no_numbers
from rosenblatt._plain_state import stored_as_plain_data
from rosenblatt.preprocessing._cells import is_missing

SMALLEST_PROBABILITY = 1e-7  # clips probabilities in the losses that choose epochs and weights
LARGEST = 1e150  # the largest target whose square is far from overflow; R^2 sums squares


def _checked_weights(sample_weight, n_samples):
    """float64 weights with mean 1 over the rows of nonzero weight, or None."""
    weights = checked_sample_weight(sample_weight, n_samples, np.float64)
    if weights is None:
        return None
    if weights.min() < 0:
        raise ValueError(f"sample_weight must be >= 0, got {weights.min()}.")
    return _of_mean_one(weights)


def _of_mean_one(weights):
    # divided by the largest first, because a sum of weights of 1e300 overflows
    weights = weights / weights.max()
    return weights / weights[weights > 0].mean()


def _as_array(y, name):
    if y is None:
        raise ValueError(f"fit requires {name} to be passed, but the target {name} is None.")
    if hasattr(y, "to_numpy"):  # a pandas or polars Series or DataFrame
        y = y.to_numpy()
    return np.asarray(y)


def _plain_labels(y, name):
    """Validate labels that are Python objects: text is kept, numbers become a numeric array."""
    for row, label in enumerate(y):
        if is_missing(label):
            raise ValueError(f"Input {name} contains NaN: the label of row {row} is {label!r}.")
    kinds = {type(label) for label in y}
    if all(issubclass(kind, str) for kind in kinds):
        return y
    plain = np.array(y.tolist())
    if plain.ndim > 1 or plain.dtype.kind not in "biuf":
        names = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise ValueError(f"{name} must be all text or all numbers, got labels of type {names}.")
    return plain


class ClassTarget:
    """One label per row.

    Parameters
    ----------
    y, sample_weight, class_weight
        As in `fit` of the estimator.
    like : ClassTarget or None
        The target of the training rows, whose classes and class weights are used.
    name : str
        The name of y in error messages.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
        Sorted.
    indices : ndarray of int of shape (n_samples,)
    targets : ndarray
        Targets of the loss: indices for more than two classes, otherwise a column of 0.0 and 1.0.
    order : ndarray
        Values by which folds are stratified.
    sample_weight, given_weight : ndarray of float64 or None
        With and without class weights.
    """

    is_classification = True

    def __init__(self, y, sample_weight=None, class_weight=None, like=None, name="y"):
        y = column_or_1d(_as_array(y, name), warn=True)
        if y.dtype.kind == "O":
            y = _plain_labels(y, name)
        check_array(y[:, None], dtype=None, input_name=name, ensure_min_samples=0)
        check_classification_targets(y)
        self.y = y
        self.classes, self.indices = self._encoded(y, like and like.classes, name)
        self.order = self.indices
        self.n_outputs = len(self.classes)
        weights = self.given_weight = _checked_weights(sample_weight, len(y))
        if class_weight is not None:
            self.class_weights = like and like.class_weights
            if like is None:
                counts = np.bincount(self.indices, minlength=len(self.classes))
                self.class_weights = class_weights(self.classes, counts, class_weight)
            factor = self.class_weights[self.indices]
            weights = factor if weights is None else weights * factor
            if not weights.any():
                raise ValueError(f"class_weight={class_weight!r} gives all rows weight 0.")
            weights = _of_mean_one(weights)
        self.sample_weight = weights
        kind = "class" if len(self.classes) > 2 else "binary"
        self.loss, self.decoder = loss_row("log_loss", kind), ClassDecoder(self.classes)
        self.n_network_outputs = 1 if self.n_outputs <= 2 else self.n_outputs
        if kind == "binary":
            self.targets = self.indices.astype(np.float32)[:, None]
        else:
            self.targets = self.indices

    @staticmethod
    def _encoded(y, classes, name):
        found, indices = np.unique(y, return_inverse=True)
        if classes is None:
            return found, indices.astype(np.intp)
        unknown = np.setdiff1d(found, classes)
        if len(unknown):
            raise ValueError(
                f"{name} contains classes that are not in y: {unknown}; the classes are {classes}."
            )
        return classes, np.searchsorted(classes, y).astype(np.intp)

    def losses(self, predictions, rows):
        """The log losses of the given rows; `predictions` has shape (n_rows, n_classes)."""
        right = predictions[np.arange(len(predictions)), self.indices[rows]]
        return -np.log(np.maximum(right, SMALLEST_PROBABILITY))


@stored_as_plain_data
class ClassDecoder:
    """Decodes the outputs of the networks as probabilities."""

    def __init__(self, classes):
        self.classes = classes
        self.n_outputs = len(classes)

    def decoded(self, outputs):
        """Probabilities of shape (n_samples, n_classes). For two classes the networks output the
        probability of the second only."""
        if outputs.shape[1] > 1:
            return outputs
        if self.n_outputs == 1:
            return np.ones_like(outputs)
        return np.hstack([1 - outputs, outputs])

    def limited(self, predictions):
        """A mean of decoded outputs, unchanged: it is within [0, 1]."""
        return predictions

    def in_shape_of_y(self, predictions):
        """The predictions in the shape that users get."""
        return predictions


class NumberTarget:
    """Numbers, for one target or several.

    Networks are trained on standardised targets.

    Attributes
    ----------
    values : ndarray of float64 of shape (n_samples, n_targets)
    targets : ndarray of float32 of the same shape
        Standardised.
    """

    is_classification = False

    def __init__(self, y, sample_weight=None, scaling=None, name="y"):
        y = _as_array(y, name)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        self.is_flat = y.ndim == 1
        if y.dtype.kind in "USOMm" and (value := first_that_is_no_number(y)) is not None:
            raise ValueError(target_of_no_numbers(name, value, "TabularMLPRegressor"))
        self.y = y = check_array(y, dtype=np.float64, ensure_2d=False, input_name=name)
        if np.abs(y).max() > LARGEST:
            raise ValueError(
                f"The magnitude of {name} must not exceed {LARGEST:g}, got {np.abs(y).max():g}."
            )
        self.values = y.reshape(len(y), -1)
        self.sample_weight = self.given_weight = _checked_weights(sample_weight, len(y))
        self.n_outputs = self.n_network_outputs = self.values.shape[1]
        self.loss, self.classes = loss_row("squared_error", "real"), None
        self.scaling = (
            TargetScaling(self.values, self.sample_weight) if scaling is None else scaling
        )
        n_targets = len(self.scaling.mean)
        if n_targets != self.n_outputs:
            raise ValueError(
                f"{name} must have {n_targets} targets, as y has, got {self.n_outputs}."
            )
        self.targets = self.scaling.transform(self.values)
        self.decoder = NumberDecoder(self.scaling, self.is_flat)
        self.order = self.targets.mean(axis=1)

    def losses(self, predictions, rows):
        """The squared errors of the given rows, summed over standardised targets."""
        scaled = (predictions - self.values[rows]) / self.scaling.scale
        return np.einsum("ij,ij->i", scaled, scaled)


@stored_as_plain_data
class NumberDecoder:
    """Decodes the outputs of the networks as numbers on the scale of y, within its range."""

    def __init__(self, scaling, is_flat):
        self.scaling, self.is_flat = scaling, is_flat
        self.n_outputs = len(scaling.mean)

    def decoded(self, outputs):
        """ndarray of float64 of shape (n_samples, n_targets)."""
        return self.scaling.inverse_transform(outputs)

    def limited(self, predictions):
        """A mean of decoded outputs, clipped to the range of y that rounding may exceed."""
        return np.clip(predictions, self.scaling.low, self.scaling.high)

    def in_shape_of_y(self, predictions):
        """The predictions in the shape that users get: one-dimensional for a 1-d y."""
        return predictions[:, 0] if self.is_flat else predictions


@stored_as_plain_data
class TargetScaling:
    """Mean, standard deviation and range of the training targets.

    Deviations are computed relative to the largest magnitude, so that they do not overflow.
    """

    def __init__(self, values, sample_weight):
        weighted = values if sample_weight is None else values[sample_weight > 0]
        self.low, self.high = weighted.min(axis=0), weighted.max(axis=0)
        unit = np.maximum(np.abs(values).max(axis=0), np.finfo(float).tiny)
        self.mean = np.average(values / unit, axis=0, weights=sample_weight) * unit
        squares = np.square(values / unit - self.mean / unit)
        deviation = np.sqrt(np.average(squares, axis=0, weights=sample_weight)) * unit
        # for a constant target the deviations are rounding errors
        is_constant = deviation <= 1e-12 * unit
        self.scale = np.where(is_constant, 1.0, deviation)
        self.mean = np.where(is_constant, self.low, self.mean)

    def transform(self, values):
        return ((values - self.mean) / self.scale).astype(np.float32)

    def inverse_transform(self, outputs):
        """float64 values on the scale of y, clipped to the training range."""
        return np.clip(outputs * self.scale + self.mean, self.low, self.high)
