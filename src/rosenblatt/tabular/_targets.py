"""Checks and encodes targets and weights, and decodes what the networks predict.

One class for labels and one for numbers, with the same interface. Rows of X are not seen here.
"""

# SPDX-License-Identifier: BSD-3-Clause
import numpy as np
from sklearn.utils import check_array
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from rosenblatt._classes import class_weights
from rosenblatt._data import checked_sample_weight, loss_row
from rosenblatt._plain_state import stored_as_plain_data
from rosenblatt.preprocessing._object_columns import is_missing

SMALLEST_PROBABILITY = 1e-7  # in losses that choose
LARGEST = 1e150  # a target whose squares can be summed: R^2 has them


def _checked_weights(sample_weight, n_samples):
    """Weights of mean 1 over the rows that have any, float64, or None."""
    weights = checked_sample_weight(sample_weight, n_samples, np.float64)
    if weights is None:
        return None
    if weights.min() < 0:
        raise ValueError(f"sample_weight must hold numbers >= 0, got {weights.min()}.")
    return _of_mean_one(weights)


def _of_mean_one(weights):
    # by the largest first: a sum of weights of 1e300 is no number
    weights = weights / weights.max()
    return weights / weights[weights > 0].mean()


def _as_array(y, name):
    if y is None:
        raise ValueError(f"fit requires {name} to be passed, but the target {name} is None.")
    if hasattr(y, "to_numpy"):  # a Series or a frame, of pandas or polars
        y = y.to_numpy()
    return np.asarray(y)


def _plain_labels(y, name):
    """Labels that are Python objects, checked: text as it is, numbers in an array of numbers."""
    for row, label in enumerate(y):
        if is_missing(label):
            raise ValueError(f"Input {name} contains NaN: row {row} has no label but {label!r}.")
    kinds = {type(label) for label in y}
    if all(issubclass(kind, str) for kind in kinds):
        return y
    plain = np.array(y.tolist())
    if plain.ndim > 1 or plain.dtype.kind not in "biuf":
        names = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise ValueError(f"{name} has labels of type {names}: all text or all numbers is allowed.")
    return plain


class ClassTarget:
    """Labels, one a row.

    Parameters
    ----------
    y, sample_weight, class_weight
        As the estimator takes them.
    like : ClassTarget or None
        The training rows', whose classes and weights of classes hold for these rows too.
    name : str
        Of y, for messages.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
        Sorted.
    indices : ndarray of int of shape (n_samples,)
    targets : ndarray
        As the loss takes them: indices for more than two classes, else 0.0 and 1.0 in a column.
    order : ndarray
        What folds are stratified by.
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
                raise ValueError(f"class_weight makes all rows weigh 0, got {class_weight!r}.")
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
                f"{name} has classes that y does not have: {unknown}; y has {classes}."
            )
        return classes, np.searchsorted(classes, y).astype(np.intp)

    def losses(self, predictions, rows):
        """The log loss of some rows, from probabilities of shape (n_rows, n_classes)."""
        right = predictions[np.arange(len(predictions)), self.indices[rows]]
        return -np.log(np.maximum(right, SMALLEST_PROBABILITY))


@stored_as_plain_data
class ClassDecoder:
    """From what networks put out to probabilities."""

    def __init__(self, classes):
        self.classes = classes
        self.n_outputs = len(classes)

    def decoded(self, outputs):
        """ndarray of shape (n_samples, n_classes); networks of two classes put out the
        probability of the second alone."""
        if outputs.shape[1] > 1:
            return outputs
        if self.n_outputs == 1:
            return np.ones_like(outputs)
        return np.hstack([1 - outputs, outputs])

    def limited(self, predictions):
        """A mean of decoded outputs, which needs no limits."""
        return predictions

    def in_shape_of_y(self, predictions):
        """As people get them."""
        return predictions


class NumberTarget:
    """Numbers, of one target or several.

    Networks learn them standardised.

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
        if y.dtype.kind in "USMm":
            raise ValueError(f"{name} must hold numbers, got an array of {y.dtype}.")
        self.y = y = check_array(y, dtype=np.float64, ensure_2d=False, input_name=name)
        if np.abs(y).max() > LARGEST:
            raise ValueError(f"{name} must not go beyond {LARGEST:g}, got {np.abs(y).max():g}.")
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
                f"{name} must have {n_targets} targets as y has, got {self.n_outputs}."
            )
        self.targets = self.scaling.transform(self.values)
        self.decoder = NumberDecoder(self.scaling, self.is_flat)
        self.order = self.targets.mean(axis=1)

    def losses(self, predictions, rows):
        """The squared error of some rows, summed over standardised targets."""
        scaled = (predictions - self.values[rows]) / self.scaling.scale
        return np.einsum("ij,ij->i", scaled, scaled)


@stored_as_plain_data
class NumberDecoder:
    """From what networks put out to numbers in the unit of y, within the training range."""

    def __init__(self, scaling, is_flat):
        self.scaling, self.is_flat = scaling, is_flat
        self.n_outputs = len(scaling.mean)

    def decoded(self, outputs):
        """ndarray of float64 of shape (n_samples, n_targets)."""
        return self.scaling.inverse_transform(outputs)

    def limited(self, predictions):
        """A mean of decoded outputs, which rounding may have brought beyond the range."""
        return np.clip(predictions, self.scaling.low, self.scaling.high)

    def in_shape_of_y(self, predictions):
        """As people get them: one target is one-dimensional."""
        return predictions[:, 0] if self.is_flat else predictions


@stored_as_plain_data
class TargetScaling:
    """Mean, standard deviation and range of training targets.

    Deviations are computed relative to the largest magnitude, so that targets of 1e300 work.
    """

    def __init__(self, values, sample_weight):
        weighted = values if sample_weight is None else values[sample_weight > 0]
        self.low, self.high = weighted.min(axis=0), weighted.max(axis=0)
        unit = np.maximum(np.abs(values).max(axis=0), np.finfo(float).tiny)
        self.mean = np.average(values / unit, axis=0, weights=sample_weight) * unit
        squares = np.square(values / unit - self.mean / unit)
        deviation = np.sqrt(np.average(squares, axis=0, weights=sample_weight)) * unit
        # a constant target: what is left is rounding
        is_constant = deviation <= 1e-12 * unit
        self.scale = np.where(is_constant, 1.0, deviation)
        self.mean = np.where(is_constant, self.low, self.mean)

    def transform(self, values):
        return ((values - self.mean) / self.scale).astype(np.float32)

    def inverse_transform(self, outputs):
        """In the unit of y, float64, within the training range."""
        return np.clip(outputs * self.scale + self.mean, self.low, self.high)
