"""Networks as ONNX operators: from the rows to the predictions of one fitted estimator.

Raw tables are in _table_graph.py, the public function is in _onnx.py.
"""

# SPDX-License-Identifier: BSD-3-Clause
import numpy as np
import scipy.sparse as sp

from rosenblatt._prediction import VARIANCE_EPSILON, fitted_network
from rosenblatt.export._activations import FORMULAS

_OUT_ACTIVATIONS = {
    "identity": lambda graph, z: z,
    "exp": lambda graph, z: graph.op("Exp", z),
    "logistic": lambda graph, z: graph.op("Sigmoid", z),
    "softmax": lambda graph, z: graph.op("Softmax", z, axis=1),
}


def add_network(graph, estimator, X, dtype, *, logits=False):
    """Add a multi-layer perceptron; returns its outputs, or its logits.

    Parameters
    ----------
    graph : Graph
    estimator : MLPClassifier or MLPRegressor
    X : str
        Name of the rows in the graph, of type `dtype`.
    dtype : numpy.dtype
        The dtype of the computation.
    logits : bool
        Whether to return the logits instead of the activated outputs.
    """
    network = fitted_network(estimator).folded()
    architecture = network.architecture
    arrays = {
        name: [np.asarray(array, dtype) for array in arrays]
        for name, arrays in architecture.named(network.lists).items()
    }
    values, real = X, dtype.type
    for i, layer in enumerate(architecture.layers):
        z = graph.op("Gemm", values, arrays["coefs_"][i], arrays["intercepts_"][i])
        if layer.normalization is not None:
            scale, shift = arrays["normalization_scales_"][i], arrays["normalization_shifts_"][i]
            z = _add_layer_normalization(graph, z, scale, shift, real)
        values = FORMULAS[layer.activation].onnx(graph, z, real)
    return values if logits else _OUT_ACTIVATIONS[estimator.out_activation_](graph, values)


def _add_layer_normalization(graph, z, scale, shift, real):
    mean = graph.op("ReduceMean", z, np.array([1]), keepdims=1)
    centred = graph.op("Sub", z, mean)
    square = graph.op("Mul", centred, centred)
    variance = graph.op("ReduceMean", square, np.array([1]), keepdims=1)
    deviation = graph.op("Sqrt", graph.op("Add", variance, real(VARIANCE_EPSILON)))
    return graph.op("Add", graph.op("Mul", graph.op("Div", centred, deviation), scale), shift)


def add_regressor(graph, estimator, X, dtype):
    """{'variable': (value, dtype, number of columns)} of an MLPRegressor."""
    outputs = add_network(graph, estimator, X, dtype)
    n_outputs = estimator.n_outputs_
    if estimator._levels is not None and estimator.non_crossing:
        k = np.array([n_outputs])
        ascending, _ = graph.op("TopK", outputs, k, axis=1, largest=0, sorted=1, n_outputs=2)
        ranks = np.argsort(np.argsort(estimator._levels, kind="stable"), kind="stable")
        outputs = graph.columns(ascending, ranks)
    return {"variable": (outputs, dtype, n_outputs)}


def add_classifier(graph, estimator, X, dtype, *, logits=False):
    """{'label': .., 'probabilities' or 'scores': ..} of an MLPClassifier.

    With `logits` the result has the scores of `decision_function`, even if the loss gives
    probabilities.
    """
    outputs, real = add_network(graph, estimator, X, dtype, logits=logits), dtype.type
    is_probability = estimator.out_activation_ != "identity" and not logits
    is_share = is_probability and estimator.out_activation_ == "logistic"
    threshold = real(0.5 if is_share else 0)
    if estimator._multilabel:
        label = graph.cast(graph.op("Greater", outputs, threshold), np.int64)
        labels = {"label": (label, np.int64, estimator.n_outputs_)}
    else:
        labels = add_labels(graph, outputs, estimator.n_outputs_, threshold, estimator.classes_)
    if is_probability and estimator.n_outputs_ == 1 and not estimator._multilabel:
        other = graph.op("Sub", real(1), outputs)
        return labels | {"probabilities": (graph.concat([other, outputs]), dtype, 2)}
    name = "probabilities" if is_probability else "scores"
    return labels | {name: (outputs, dtype, estimator.n_outputs_)}


def add_perceptron(graph, estimator, X, dtype):
    """{'label': .., 'scores': ..} of a PerceptronClassifier."""
    coef = estimator.coef_.toarray() if sp.issparse(estimator.coef_) else estimator.coef_
    coef, intercept = (np.asarray(one, dtype) for one in (coef.T, estimator.intercept_))
    scores = graph.op("Gemm", X, np.ascontiguousarray(coef), intercept)
    n_outputs = len(intercept)
    labels = add_labels(graph, scores, n_outputs, dtype.type(0), estimator.classes_)
    return labels | {"scores": (scores, dtype, n_outputs)}


def add_labels(graph, outputs, n_outputs, threshold, classes):
    """{'label': ..}: the class of the highest output, or by the threshold for a single output."""
    if n_outputs > 1:
        places = graph.op("ArgMax", outputs, axis=1, keepdims=0)
    else:
        column = graph.op("Squeeze", outputs, np.array([1]))
        places = graph.cast(graph.op("Greater", column, threshold), np.int64)
        if len(classes) == 1:
            places = graph.op("Mul", places, np.int64(0))
    known = known_classes(classes)
    return {"label": (graph.op("Gather", known, places, axis=0), known.dtype, None)}


def known_classes(classes):
    """The classes in a type that ONNX supports.

    Raises
    ------
    ValueError
        If the labels are neither numbers nor text.
    """
    classes = np.asarray(classes)
    if classes.dtype.kind in "iu":
        return classes.astype(np.int64)
    if classes.dtype.kind in "bf":
        return classes
    if all(isinstance(one, str) for one in classes.tolist()):
        return classes.astype(str)
    kinds = sorted({type(one).__name__ for one in classes.tolist()})
    raise ValueError(f"ONNX labels must be numbers or text, got {', '.join(kinds)}.")
