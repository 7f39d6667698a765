"""The input of a diagnosis: the fitted net and its rows, validated once, and the score.

A Pipeline is unwrapped here: its other steps transform the rows once, and the transformer of a
TransformedTargetRegressor transforms the targets. Nothing is trained here.
"""

# SPDX-License-Identifier: BSD-3-Clause
import copy
from dataclasses import dataclass
from functools import partial

import numpy as np
from sklearn.utils.validation import check_is_fitted

from rosenblatt._classes import checked_labels
from rosenblatt._data import checked_pair, classification_data, regression_data
from rosenblatt._network_description import architecture_of
from rosenblatt._prediction import FittedNetwork, arrays_for
from rosenblatt._unwrapping import unwrapped
from rosenblatt.diagnosis._statistics import explained_values, pinball_losses, share_values
from rosenblatt.mlp import MLPClassifier, MLPRegressor
from rosenblatt.perceptron import PerceptronClassifier

# The standard error of a score over this many rows is at most 0.004; more rows are not needed.
MOST_SCORED_ROWS = 20_000


@dataclass(frozen=True)
class Problem:
    """A fitted net and the rows on which it is evaluated.

    Attributes
    ----------
    net : MLPClassifier or MLPRegressor
        A copy without feature names, because the rows are arrays.
    prefix : str
        Prefix of its parameters in `set_params` of the given estimator: '' or e.g. 'step__'.
    X, X_test : ndarray or CSR matrix
    y, y_test : ndarray
    scored : ndarray of int
        Sorted indices of the training rows that are scored.
    feature_names : sequence of str or None
        Names of the columns of X, if they have names.
    """

    net: object
    prefix: str
    X: object
    y: np.ndarray
    X_test: object
    y_test: np.ndarray
    scored: np.ndarray
    feature_names: object = None

    @property
    def is_classifier(self):
        """Whether the net is a classifier, so that scores are fractions of rows."""
        return isinstance(self.net, MLPClassifier)

    @property
    def score_name(self):
        """The name of the score."""
        if self.is_classifier:
            return "accuracy"
        return "D²" if self.net.loss == "quantile" else "R²"

    def name_of(self, feature):
        """The name of a column."""
        if self.feature_names is None:
            return f"feature {feature}"
        return str(self.feature_names[feature])

    @staticmethod
    def some_of(rows):
        """A sorted random subset of row indices, of the size that is scored."""
        if len(rows) <= MOST_SCORED_ROWS:
            return rows
        return np.sort(np.random.RandomState(0).permutation(rows)[:MOST_SCORED_ROWS])

    def values(self, net, X, y):
        """Values of the rows, of shape (n_samples,), whose mean is the score of the net."""
        if self.is_classifier:
            return share_values(net.predict(X), y)
        return explained_values(*self._errors(net, X, y))

    def errors(self, net, X, y):
        """The error of each row, of shape (n_samples,): 0 or 1, or the loss behind the score."""
        if self.is_classifier:
            return 1 - share_values(net.predict(X), y)
        errors, baseline = self._errors(net, X, y)
        scale = baseline.mean(axis=0)
        return (errors / np.where(scale > 0, scale, 1)).mean(axis=1)

    def training_values(self, net):
        """The values of the scored training rows."""
        return self.values(net, self.X[self.scored], self.y[self.scored])

    def training_loss(self, net):
        """The mean loss of the scored training rows, without the penalty."""
        data = checked_data(net, self.X[self.scored], self.y[self.scored])
        return _network_of(net, data).loss(data.X, data.targets)

    def _errors(self, net, X, y):
        """Errors of the predictions and of the best constant, each (n_samples, n_outputs)."""
        predictions, y = np.asarray(net.predict(X), float), np.asarray(y, float)
        predictions, y = predictions.reshape(len(y), -1), y.reshape(len(y), -1)
        if self.net.loss != "quantile":
            return (y - predictions) ** 2, (y - y.mean(axis=0)) ** 2
        levels = np.asarray(net._levels or [net.quantile])
        y = np.broadcast_to(y, predictions.shape)
        if net._levels is None:
            constant = np.quantile(y, net.quantile, axis=0)
        else:
            constant = np.quantile(y[:, 0], levels)
        return pinball_losses(y, predictions, levels), pinball_losses(y, constant, levels)


def checked_problem(estimator, X, y, X_test, y_test):
    """Validate the arguments of diagnose; returns the Problem.

    Raises
    ------
    TypeError
        If the estimator is not a single network of this package.
    NotFittedError
        If the estimator is not fitted.
    ValueError
        If the rows do not match the net, or parameters were changed after the fit.
    """
    estimator, prefix, (X, y), (X_test, y_test) = unwrapped(
        estimator, (X, y), (X_test, y_test), refuse=_refuse_other_estimators
    )
    check_is_fitted(
        estimator,
        msg="This %(name)s is not fitted. Call fit(X, y) before diagnose.",
    )
    _refuse_other_width(estimator, X, "X")
    _refuse_other_width(estimator, X_test, "X_test")
    training, names = checked_data(estimator, X, y), getattr(X, "columns", None)
    X_test, y_test = _checked_test(estimator, X_test, y_test)
    _refuse_changed_parameters(estimator, training)
    n_rows = training.X.shape[0]
    if n_rows < 2 or X_test.shape[0] < 2:
        raise ValueError(
            f"X has {n_rows} rows and X_test has {X_test.shape[0]}. At least 2 rows of each are "
            "required to estimate the noise, and many more for a useful result."
        )
    net = copy.copy(estimator)
    vars(net).pop("feature_names_in_", None)
    of_test = Problem.some_of(np.arange(X_test.shape[0]))
    return Problem(
        net,
        prefix,
        training.X,
        training.y,
        X_test[of_test],
        y_test[of_test],
        Problem.some_of(np.arange(n_rows)),
        names,
    )


def checked_data(net, X, y):
    """TrainingData of rows for a fitted net.

    Raises
    ------
    ValueError
        If the rows do not match the net.
    """
    if isinstance(net, MLPClassifier):
        resolve = partial(_known_classes, net)
        return classification_data(net, X, y, None, reset=False, resolve_classes=resolve)
    return _with_as_many_outputs(net, regression_data(net, X, y, None, reset=False), "y")


def _checked_test(net, X_test, y_test):
    """(X_test, y_test) as arrays. Classes that are unknown to the net are accepted and count as
    errors."""
    if not isinstance(net, MLPClassifier):
        data = regression_data(net, X_test, y_test, None, reset=False)
        data = _with_as_many_outputs(net, data, "y_test")
        return data.X, data.y
    X_test, y_test = checked_pair(net, X_test, y_test, reset=False, dtype=net.dtype)
    y_test, labels, multilabel = checked_labels(y_test)
    _refuse_other_kind(net, "y_test", labels, multilabel)
    if not multilabel and not np.isin(labels, net.classes_).any():
        raise ValueError(
            f"y_test has the classes {labels}, none of which is among the classes of the fit, "
            f"{net.classes_}. Pass labels of the same kind."
        )
    return X_test, y_test


def _refuse_other_estimators(estimator):
    if isinstance(estimator, (MLPClassifier, MLPRegressor)):
        return
    name = type(estimator).__name__
    if isinstance(estimator, PerceptronClassifier):
        raise TypeError(
            f"diagnose trains other networks with the same settings, but a {name} does not "
            "minimise a loss. Fit and diagnose MLPClassifier(hidden_layer_sizes=()), a linear "
            "model that does."
        )
    if hasattr(type(estimator), "members_"):
        raise TypeError(_how_to_diagnose_a_member(name))
    raise TypeError(
        "diagnose requires a fitted MLPClassifier or MLPRegressor of this package, a Pipeline that "
        "ends with one, a TransformedTargetRegressor of one, or a search fitted with refit=True; "
        f"got a {name}."
    )


def _how_to_diagnose_a_member(name):
    hint = ""
    if name.endswith("Regressor"):
        hint = (
            " Its networks are trained on standardised targets: with mean = y.mean() and "
            "std = y.std() of the rows of the fit, pass (y - mean) / std and (y_test - mean) / std."
        )
    return (
        f"diagnose requires a single network, but a {name} is an ensemble. Pass one of its "
        "networks with its encoded rows: diagnose(model.members_[0], model.encode(X), y, "
        f"model.encode(X_test), y_test).{hint}"
    )


def _refuse_other_width(net, X, name):
    shape = np.shape(X)
    if len(shape) == 2 and shape[1] != net.n_features_in_:
        raise ValueError(
            f"{name} has {shape[1]} features, but the network was fitted on "
            f"{net.n_features_in_}. Pass the rows of the fit as X, and rows with the same columns "
            "as X_test."
        )


def _refuse_changed_parameters(net, data):
    """Raise ValueError if parameters, which the other nets use, differ from those of the fit."""
    net._check_parameters()
    _network_of(net, data)


def _network_of(net, data):
    """The network that the current parameters describe."""
    architecture = architecture_of(net, data)
    remedy = "Set the parameters back to those of the fit, or fit again"
    return FittedNetwork(architecture, arrays_for(architecture, net, remedy))


def _known_classes(net, labels, multilabel):
    _refuse_other_kind(net, "y", labels, multilabel)
    unknown = [] if multilabel else np.setdiff1d(labels, net.classes_)
    if len(unknown):
        raise ValueError(
            f"y has classes that are not among those of the fit, {net.classes_}: {unknown}. Pass "
            "the rows of the fit."
        )
    return net.classes_


def _refuse_other_kind(net, name, labels, multilabel):
    if multilabel != net._multilabel:
        fitted = "an indicator matrix" if net._multilabel else "1-d labels"
        raise ValueError(f"{name} must be {fitted}, as was y in fit.")
    if multilabel and len(labels) != len(net.classes_):
        raise ValueError(f"{name} has {len(labels)} labels, but y in fit had {net.n_outputs_}.")


def _with_as_many_outputs(net, data, name):
    if data.n_outputs != net.n_outputs_:
        raise ValueError(
            f"{name} has {data.n_outputs} outputs, but the network was fitted on {net.n_outputs_}."
        )
    return data
