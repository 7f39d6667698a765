"""What is diagnosed: the fitted net and its rows, checked once, and how it is scored.

A Pipeline is taken apart here: what comes before the net transforms the rows, once, as what is
around a TransformedTargetRegressor transforms the targets. Nothing is trained here.
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

# Scores of so many rows have a standard error of at most 0.004: more would tell nothing new.
MOST_SCORED_ROWS = 20_000


@dataclass(frozen=True)
class Problem:
    """A fitted net and the rows it is judged on.

    Attributes
    ----------
    net : MLPClassifier or MLPRegressor
        A copy that knows no feature names: the rows are arrays by now.
    prefix : str
        Before the names of its parameters in `set_params` of what was handed in: '' or a step's
        name and '__'.
    X, X_test : ndarray or CSR matrix
    y, y_test : ndarray
    scored : ndarray of int
        The training rows that scores are taken of, sorted.
    feature_names : sequence of str or None
        Of the columns that the net sees, where they have names.
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
        """Whether scores are shares of rows."""
        return isinstance(self.net, MLPClassifier)

    @property
    def score_name(self):
        """What the score is."""
        if self.is_classifier:
            return "accuracy"
        return "D²" if self.net.loss == "quantile" else "R²"

    def name_of(self, feature):
        """What a column is called."""
        if self.feature_names is None:
            return f"feature {feature}"
        return str(self.feature_names[feature])

    @staticmethod
    def some_of(rows):
        """As many of some row numbers as are worth scoring, drawn at random, sorted."""
        if len(rows) <= MOST_SCORED_ROWS:
            return rows
        return np.sort(np.random.RandomState(0).permutation(rows)[:MOST_SCORED_ROWS])

    def values(self, net, X, y):
        """A value of every row, whose mean is the net's score; (n_samples,)."""
        if self.is_classifier:
            return share_values(net.predict(X), y)
        return explained_values(*self._errors(net, X, y))

    def errors(self, net, X, y):
        """How far every row's prediction is off: 0 or 1, or what the score sums; (n_samples,)."""
        if self.is_classifier:
            return 1 - share_values(net.predict(X), y)
        errors, baseline = self._errors(net, X, y)
        scale = baseline.mean(axis=0)
        return (errors / np.where(scale > 0, scale, 1)).mean(axis=1)

    def training_values(self, net):
        """Those of the training rows that are scored."""
        return self.values(net, self.X[self.scored], self.y[self.scored])

    def training_loss(self, net):
        """The mean loss of the same rows, without the penalty: what nets of any size share."""
        data = checked_data(net, self.X[self.scored], self.y[self.scored])
        return _network_of(net, data).loss(data.X, data.targets)

    def _errors(self, net, X, y):
        """Errors of the predictions and of the best constant: (n_samples, n_outputs) each."""
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
    """The Problem of what a person hands in.

    Raises
    ------
    TypeError
        For an estimator that is none of this package's single networks.
    NotFittedError
    ValueError
        For rows that are not as the net's, or parameters that were changed after its fit.
    """
    estimator, prefix, (X, y), (X_test, y_test) = unwrapped(
        estimator, (X, y), (X_test, y_test), refuse=_refuse_other_estimators
    )
    check_is_fitted(
        estimator,
        msg="This %(name)s is not fitted: diagnose reads what training has made of it. Call "
        "fit(X, y) first.",
    )
    _refuse_other_width(estimator, X, "X")
    _refuse_other_width(estimator, X_test, "X_test")
    training, names = checked_data(estimator, X, y), getattr(X, "columns", None)
    X_test, y_test = _checked_test(estimator, X_test, y_test)
    _refuse_changed_parameters(estimator, training)
    n_rows = training.X.shape[0]
    if n_rows < 2 or X_test.shape[0] < 2:
        raise ValueError(
            f"X has {n_rows} rows and X_test {X_test.shape[0]}; noise is judged by the spread "
            "over rows, which takes 2 of each, and many more to be of use."
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
        For rows that are none of its kind.
    """
    if isinstance(net, MLPClassifier):
        resolve = partial(_known_classes, net)
        return classification_data(net, X, y, None, reset=False, resolve_classes=resolve)
    return _with_as_many_outputs(net, regression_data(net, X, y, None, reset=False), "y")


def _checked_test(net, X_test, y_test):
    """(X_test, y_test) as arrays. Classes that the net does not know are taken: it is wrong on
    them, as it will be whenever they turn up."""
    if not isinstance(net, MLPClassifier):
        data = regression_data(net, X_test, y_test, None, reset=False)
        data = _with_as_many_outputs(net, data, "y_test")
        return data.X, data.y
    X_test, y_test = checked_pair(net, X_test, y_test, reset=False, dtype=net.dtype)
    y_test, labels, multilabel = checked_labels(y_test)
    _refuse_other_kind(net, "y_test", labels, multilabel)
    if not multilabel and not np.isin(labels, net.classes_).any():
        raise ValueError(
            f"y_test has the classes {labels}, none of which the network was fitted on; it knows "
            f"{net.classes_}. Hand in labels of the same kind."
        )
    return X_test, y_test


def _refuse_other_estimators(estimator):
    if isinstance(estimator, (MLPClassifier, MLPRegressor)):
        return
    name = type(estimator).__name__
    if isinstance(estimator, PerceptronClassifier):
        raise TypeError(
            f"diagnose trains other networks under the same settings, and a {name} descends no "
            "loss. MLPClassifier(hidden_layer_sizes=()) is the linear model that does: fit and "
            "diagnose that."
        )
    if hasattr(type(estimator), "members_"):
        raise TypeError(_how_to_diagnose_a_member(name))
    raise TypeError(
        "diagnose takes a fitted MLPClassifier or MLPRegressor of this package, or a Pipeline "
        "that ends in one, a TransformedTargetRegressor around one, or a search that was fitted "
        f"with refit=True; got a {name}."
    )


def _how_to_diagnose_a_member(name):
    hint = ""
    if name.endswith("Regressor"):
        hint = (
            " Networks learn targets standardised: take mean = y.mean(), std = y.std() of the rows "
            "of the fit, and hand in (y - mean) / std and (y_test - mean) / std."
        )
    return (
        f"diagnose judges one network, and a {name} is the mean of several. Hand in one of them, "
        "and the rows as it sees them: diagnose(model.members_[0], model.encode(X), y, "
        f"model.encode(X_test), y_test).{hint}"
    )


def _refuse_other_width(net, X, name):
    shape = np.shape(X)
    if len(shape) == 2 and shape[1] != net.n_features_in_:
        raise ValueError(
            f"{name} has {shape[1]} features, and the network was fitted on "
            f"{net.n_features_in_}: hand in the rows it was fitted on as X, and rows of the same "
            "columns as X_test."
        )


def _refuse_changed_parameters(net, data):
    """The other nets are trained with these parameters: they must be those of the fit."""
    net._check_parameters()
    _network_of(net, data)


def _network_of(net, data):
    """The net as its parameters describe it now."""
    architecture = architecture_of(net, data)
    remedy = "Set the parameters back to those of the fit, or fit again"
    return FittedNetwork(architecture, arrays_for(architecture, net, remedy))


def _known_classes(net, labels, multilabel):
    _refuse_other_kind(net, "y", labels, multilabel)
    unknown = [] if multilabel else np.setdiff1d(labels, net.classes_)
    if len(unknown):
        raise ValueError(
            f"y has classes that the network was not fitted on: {unknown}; it knows "
            f"{net.classes_}. Hand in the rows it was fitted on."
        )
    return net.classes_


def _refuse_other_kind(net, name, labels, multilabel):
    if multilabel != net._multilabel:
        fitted = "an indicator matrix" if net._multilabel else "one label a row"
        raise ValueError(f"{name} must be what the y of the fit was, {fitted}.")
    if multilabel and len(labels) != len(net.classes_):
        raise ValueError(f"{name} has {len(labels)} labels, and the y of the fit {net.n_outputs_}.")


def _with_as_many_outputs(net, data, name):
    if data.n_outputs != net.n_outputs_:
        raise ValueError(
            f"{name} has {data.n_outputs} outputs, and the network was fitted on {net.n_outputs_}."
        )
    return data
