"""A fitted network: its description and its arrays, nothing compiled.

It predicts, gives hidden activations and the loss of rows. Nothing is kept between calls of an
estimator: what a person assigned to `coefs_` or edited a moment ago counts. Rows of X arrive
checked, but for those that take the short way of `outputs_of_plain_rows`.
"""

# SPDX-License-Identifier: BSD-3-Clause
from dataclasses import replace

import numpy as np
import scipy.sparse as sp

from rosenblatt._architecture import NORMALIZATION_ATTRIBUTES
from rosenblatt.core.dispatch import LOSSES
from rosenblatt.core.examples import Examples
from rosenblatt.core.network import Network
from rosenblatt.core.prediction import predict_rows

LOGITS = "squared_error"  # a loss that predicts the output layer's sums themselves
VARIANCE_EPSILON = 1e-5  # of normalisation, see core/normalize.h


class FittedNetwork:
    """What predicts.

    Parameters
    ----------
    architecture : Architecture
        Its dtype is that of the fit; what is computed is of the dtype of the rows.
    lists : list of lists of array-like
        For each of the architecture's attributes its arrays, of the shapes that it says.
    """

    def __init__(self, architecture, lists):
        self.architecture, self.lists = architecture, lists

    def dtype_with(self, X):
        """What rows like X are computed in: float32 where everything is."""
        dtypes = [np.asarray(array).dtype for arrays in self.lists for array in arrays]
        is_single = np.result_type(X.dtype, *dtypes) == np.float32
        return np.dtype(np.float32 if is_single else np.float64)

    def folded(self):
        """The same function without input scales and batch normalisation, which are in the
        weights then."""
        network = self._with_folded_input_scales()
        if network.architecture.normalization != "batch":
            return network
        architecture = network.architecture.without_normalization
        named = fold_normalization(network.architecture.named(network.lists))
        return FittedNetwork(architecture, [named[name] for name in architecture.attributes])

    def _with_folded_input_scales(self):
        architecture = self.architecture
        if not architecture.scales_inputs:
            return self
        named = architecture.named(self.lists)
        (scales,) = named.pop("input_scales_")
        first, *others = named["coefs_"]
        scaled = np.asarray(first) * np.asarray(scales)[:, np.newaxis]
        named["coefs_"] = [scaled, *others]
        return FittedNetwork(architecture.without_input_scales, list(named.values()))

    def outputs(self, X, *, logits=False):
        """The output layer's predictions, or its sums: ndarray of shape (n_samples, n_outputs).

        Parameters
        ----------
        X : ndarray or CSR matrix of shape (n_samples, n_features)
            Of the dtype to compute in.
        logits : bool
        """
        architecture = self.architecture
        loss = LOGITS if logits else architecture.loss
        if sp.issparse(X) or not architecture.is_plain:
            return self._engine(X, loss).predict(Examples(X), np.arange(X.shape[0]))
        coefs, intercepts = (
            [np.require(array, X.dtype, ["C", "A"]) for array in arrays] for arrays in self.lists
        )
        return predict_rows(X, coefs, intercepts, architecture.activations, loss, only_finite=False)

    def activations(self, X, layer):
        """Outputs of a hidden layer, counted from 0: ndarray of shape (n_samples, units)."""
        engine = self._engine(X, self.architecture.loss)
        return engine.activations(Examples(X), np.arange(X.shape[0]), layer)

    def loss(self, X, targets):
        """The mean loss of rows, without penalty, for targets as the loss takes them."""
        rows = np.arange(X.shape[0])
        engine = self._engine(X, self.architecture.loss)
        return engine.predict(Examples(X, targets), rows, with_loss=True)[1] / len(rows)

    def summary(self):
        """A table of the layers, the shapes of their weights and how many parameters they have."""
        architecture = self.architecture
        names = [f"hidden {i}" for i in range(1, len(architecture.layers))] + ["output"]
        functions = [*architecture.activations, LOSSES[architecture.loss].out_activation]
        lines = [("layer", "weights", "activation", "parameters")]
        for i, (name, function) in enumerate(zip(names, functions, strict=True)):
            layer = architecture.layers[i]
            n_parameters = sum(entry.size for entry in architecture.learned if entry.layer == i)
            shape = str((layer.fan_in, layer.fan_out))
            lines.append((name, shape, function, f"{n_parameters:,}"))
        lines.append(("total", "", "", f"{architecture.n_parameters:,}"))
        first, second, third, last = (max(map(len, column)) for column in zip(*lines, strict=True))
        return "\n".join(
            f"{name:<{first}}  {shape:<{second}}  {function:<{third}}  {count:>{last}}"
            for name, shape, function, count in lines
        )

    def _engine(self, X, loss):
        """The core's network for rows like X, with these arrays."""
        network = Network.of(
            replace(self.architecture, loss=loss, dtype=X.dtype),
            X.shape[0],
            trainable=False,
            is_sparse=sp.issparse(X),
        )
        network.write(network.parameters, *self.lists)
        return network


def fitted_network(estimator):
    """The network of a fitted estimator, with the arrays that it has at this moment.

    Raises
    ------
    ValueError
        Where those that a person assigned do not fit each other.
    """
    fitted = estimator._architecture
    n_features, *_, n_outputs = fitted.widths
    n_hidden = len(fitted.hidden)
    hidden = [np.shape(coef)[1] for coef in estimator.coefs_[:-1] if np.ndim(coef) == 2]
    hidden = hidden[:n_hidden]
    hidden += [hidden[-1] if hidden else 1] * (n_hidden - len(hidden))
    architecture = fitted.resized(hidden)
    lists = architecture.read(estimator)
    architecture.refuse_other_shapes(
        lists,
        f"a network of {n_features} features, {n_hidden} hidden layers and {n_outputs} outputs",
    )
    return FittedNetwork(architecture, lists)


def arrays_for(architecture, estimator, remedy):
    """The lists of a fitted estimator's arrays, to go on from as this architecture.

    Parameters
    ----------
    architecture : Architecture
        What the estimator's parameters ask for now.
    estimator : MLPClassifier or MLPRegressor
    remedy : str
        What the message for arrays of other shapes ends with.

    Raises
    ------
    ValueError
        Where the estimator was fitted as another network, or a person assigned other shapes.
    """
    if architecture.scales_inputs != estimator._architecture.scales_inputs:
        raise ValueError(
            f"input_scale_rate={estimator.input_scale_rate!r} cannot go on from a fit "
            f"{'without' if architecture.scales_inputs else 'with'} learned factors of the "
            "features. Keep it as it was, or fit with warm_start=False."
        )
    fitted, wanted = estimator._architecture.normalization, architecture.normalization
    if wanted != fitted:
        raise ValueError(
            f"normalization={wanted!r} cannot go on from a fit with {fitted!r}. Keep "
            f"normalization={fitted!r}, or fit with warm_start=False."
        )
    lists = architecture.read(estimator)
    architecture.refuse_other_shapes(
        lists,
        f"hidden_layer_sizes={estimator.hidden_layer_sizes!r} with {architecture.widths[0]} "
        f"features and {architecture.widths[-1]} outputs. {remedy}",
    )
    return lists


def outputs_of_plain_rows(fitted, X, *, logits=False):
    """`outputs` for an X that needs no conversion; None where something has to be looked at.

    Validation takes longer than a small network does. Here it is what such an X leaves open:
    fitted, as wide as in fit, finite.

    Parameters
    ----------
    fitted : dict
        The estimator's attributes by name, as they were at one moment.
    X : object
        The rows.
    logits : bool
    """
    architecture = fitted.get("_architecture")
    if (
        type(X) is not np.ndarray
        or architecture is None
        or X.ndim != 2
        or X.shape[1] != fitted["n_features_in_"]
        or not architecture.is_plain
        or "feature_names_in_" in fitted  # which an array lacks: there is a warning to give
        or not (fitted["dtype"] is None or fitted["dtype"] == X.dtype)
    ):
        return None
    outputs = predict_rows(
        X,
        fitted["coefs_"],
        fitted["intercepts_"],
        architecture.activations,
        LOGITS if logits else architecture.loss,
        only_finite=True,
    )
    return outputs if outputs is not None and outputs.shape[1] == fitted["n_outputs_"] else None


def fold_normalization(named):
    """The lists by name, with weights and intercepts that do what the hidden layers do with batch
    normalisation after them.

    scale * (z - mean) / deviation + shift, with z = X @ coef + intercept, is such a sum itself.
    Computed in float64 and then rounded.
    """
    coefs, intercepts = list(named["coefs_"]), list(named["intercepts_"])
    normalization = zip(*(named[name] for name in NORMALIZATION_ATTRIBUTES["batch"]), strict=True)
    for i, (scale, shift, mean, variance) in enumerate(normalization):
        coef, intercept = np.asarray(coefs[i]), np.asarray(intercepts[i])
        factor = scale / np.sqrt(np.asarray(variance, np.float64) + VARIANCE_EPSILON)
        dtype = np.result_type(np.float32, coef, intercept, scale, shift, mean, variance)
        coefs[i] = (coef * factor).astype(dtype)
        intercepts[i] = ((intercept - mean) * factor + shift).astype(dtype)
    return named | {"coefs_": coefs, "intercepts_": intercepts}
