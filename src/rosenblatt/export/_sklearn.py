"""Converts fitted models to scikit-learn's classes and back, if the other class gives the same
predictions. Training parameters that the other class does not have are dropped.
"""

# SPDX-License-Identifier: BSD-3-Clause
import numpy as np
from sklearn.linear_model import Perceptron
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.validation import check_is_fitted

from rosenblatt._architecture import dense_network
from rosenblatt._data import loss_row
from rosenblatt._history import History
from rosenblatt._prediction import fitted_network

# scikit-learn's names of activations, and its solvers and learning-rate schedules
_ACTIVATIONS = ("identity", "logistic", "tanh", "relu")
_KEPT = {
    "solver": ("sgd", "adam", "lbfgs"),
    "learning_rate": ("constant", "invscaling", "adaptive"),
}
_LOSSES = {
    "binary_log_loss": "log_loss",
    "multiclass_log_loss": "log_loss",
    "squared_error": "squared_error",
    "poisson": "poisson",
}
_TWINS = {
    "MLPClassifier": MLPClassifier,
    "MLPRegressor": MLPRegressor,
    "PerceptronClassifier": Perceptron,
}


def _twin_of(cls):
    """The scikit-learn class that corresponds to a class of this package, or to a subclass."""
    return next(_TWINS[base.__name__] for base in cls.__mro__ if base.__name__ in _TWINS)


def to_sklearn(model):
    """The fitted scikit-learn estimator with the same predictions as the model."""
    check_is_fitted(model)
    kind = _twin_of(type(model))
    twin = kind(**_shared_parameters(model, kind))
    fitted = _perceptron_attributes(model) if kind is Perceptron else _network_attributes(model)
    for name in ("n_features_in_", "feature_names_in_", "classes_", "n_iter_", "t_"):
        if hasattr(model, name):
            fitted[name] = getattr(model, name)
    vars(twin).update(fitted)
    if kind is MLPClassifier:
        # it takes the classes from labels, and the number of labels from an indicator matrix
        labels = np.eye(model.n_outputs_, dtype=int) if model._multilabel else model.classes_
        twin._label_binarizer = LabelBinarizer().fit(labels)
    if kind is MLPRegressor:
        twin.loss = _LOSSES[model._architecture.loss]
    return twin


def _shared_parameters(model, kind):
    """The parameters that both classes have, with values that scikit-learn accepts."""
    theirs, shared = kind().get_params(), {}
    for name, value in model.get_params().items():
        is_known = name not in _KEPT or (isinstance(value, str) and value in _KEPT[name])
        if name in theirs and is_known:
            shared[name] = value
    if "activation" in shared:
        shared["activation"] = _common_activation(model)
        shared["warm_start"] = bool(model.warm_start)
    return shared


def _common_activation(model):
    """The activation of all hidden layers.

    Raises
    ------
    ValueError
        If scikit-learn's class does not support the network; the message names the reason.
    """
    architecture = model._architecture
    owner = f"scikit-learn's {_twin_of(type(model)).__name__} does not support"
    found = tuple(dict.fromkeys(architecture.activations)) or ("relu",)
    if len(found) > 1:
        raise ValueError(f"{owner} layers with different activations, got {list(found)}.")
    if found[0] not in _ACTIVATIONS:
        raise ValueError(
            f"{owner} activation={found[0]!r}, only {', '.join(map(repr, _ACTIVATIONS))}."
        )
    if architecture.normalization == "layer":
        raise ValueError(f"{owner} normalization='layer'; 'batch' is folded into the weights.")
    if architecture.loss not in _LOSSES:
        raise ValueError(
            f"{owner} loss={model.loss!r}, only {', '.join(map(repr, _losses_of(model)))}."
        )
    return found[0]


def _losses_of(model):
    return ("log_loss",) if hasattr(model, "classes_") else ("squared_error", "poisson")


def _network_attributes(model):
    """The fitted attributes of scikit-learn's multi-layer perceptrons."""
    network = fitted_network(model).folded()
    coefs, intercepts = ([np.array(one) for one in arrays] for arrays in network.lists)
    fitted = {
        "coefs_": coefs,
        "intercepts_": intercepts,
        "n_layers_": model.n_layers_,
        "n_outputs_": model.n_outputs_,
        "out_activation_": model.out_activation_,
        "loss_": model.loss_,
        "_no_improvement_count": getattr(model, "_n_epochs_without_improvement", 0),
        "_best_coefs": [one.copy() for one in coefs],
        "_best_intercepts": [one.copy() for one in intercepts],
        "hidden_layer_sizes": network.architecture.widths[1:-1],
    }
    for name in ("loss_curve_", "best_loss_", "validation_scores_", "best_validation_score_"):
        if hasattr(model, name):
            fitted[name] = getattr(model, name)
    return fitted


def _perceptron_attributes(model):
    return {"coef_": model.coef_.copy(), "intercept_": np.array(model.intercept_)}


def from_sklearn(cls, fitted):
    """A fitted estimator of the class `cls` with the same predictions as a fitted scikit-learn
    estimator."""
    kind = _twin_of(cls)
    if not isinstance(fitted, kind):
        raise TypeError(
            f"{cls.__name__}.from_sklearn requires scikit-learn's {kind.__name__}, got "
            f"{type(fitted).__module__}.{type(fitted).__name__}."
        )
    check_is_fitted(fitted)
    known = cls._get_param_names()
    ours = cls(**{name: value for name, value in fitted.get_params().items() if name in known})
    for name in ("n_features_in_", "feature_names_in_", "classes_", "n_iter_", "t_"):
        if hasattr(fitted, name):
            setattr(ours, name, getattr(fitted, name))
    if kind is Perceptron:
        ours.coef_, ours.intercept_ = fitted.coef_.copy(), np.array(fitted.intercept_)
        ours._average_state = None
        return ours
    _fill_network(ours, fitted)
    return ours


def _fill_network(ours, fitted):
    """Set the fitted attributes of a multi-layer perceptron of this package."""
    lists = [[np.array(one) for one in arrays] for arrays in (fitted.coefs_, fitted.intercepts_)]
    widths = [lists[0][0].shape[0], *(one.shape[1] for one in lists[0])]
    target = "real"
    if hasattr(fitted, "classes_"):
        target = "class" if fitted.out_activation_ == "softmax" else "binary"
        ours._multilabel = fitted._label_binarizer.y_type_.startswith("multilabel")
        ours._sparse_target = False
    loss = loss_row(ours.loss, target)
    activations = [fitted.activation] * (len(widths) - 2)
    ours._architecture = dense_network(widths, activations, loss.name, lists[0][0].dtype)
    vars(ours).update(ours._architecture.named(lists))
    ours.n_layers_, ours.n_outputs_ = fitted.n_layers_, fitted.n_outputs_
    ours.n_parameters_ = ours._architecture.n_parameters
    ours.loss_ = fitted.loss_
    ours._levels = None
    ours.history_ = History()
    if not hasattr(fitted, "loss_curve_") or fitted.solver == "lbfgs":
        return
    n_rows = max(round(fitted.t_ / fitted.n_iter_), 1)
    ours.batch_size_ = min(200, n_rows) if fitted.batch_size == "auto" else fitted.batch_size
    ours.loss_curve_, ours.best_loss_ = list(fitted.loss_curve_), fitted.best_loss_
    ours.validation_scores_ = fitted.validation_scores_
    ours.best_validation_score_ = fitted.best_validation_score_
    ours._n_epochs_without_improvement = getattr(fitted, "_no_improvement_count", 0)
    ours.history_.extend(loss=list(fitted.loss_curve_))
