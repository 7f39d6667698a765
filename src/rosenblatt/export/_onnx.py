"""`to_onnx`: fitted estimators and Pipelines as ONNX models. The inputs are declared here; what is
computed of them is in _network_graph.py and _table_graph.py, Pipelines are skl2onnx's.
"""

# SPDX-License-Identifier: BSD-3-Clause
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.utils.validation import check_is_fitted

from rosenblatt._types import Matrix
from rosenblatt.export._check import check_export
from rosenblatt.export._graph import Graph
from rosenblatt.export._network_graph import add_classifier, add_perceptron, add_regressor
from rosenblatt.export._target_transforms import with_inverse
from rosenblatt.mlp import MLPClassifier, MLPRegressor
from rosenblatt.perceptron import PerceptronClassifier

if TYPE_CHECKING:
    from onnx import ModelProto

# the estimators of arrays, and what adds their outputs to a graph
NETWORKS = {
    MLPClassifier: add_classifier,
    MLPRegressor: add_regressor,
    PerceptronClassifier: add_perceptron,
}


def to_onnx(model: Any, X: Matrix) -> "ModelProto":
    """Convert a fitted estimator or Pipeline to an ONNX model.

    Parameters
    ----------
    model : estimator of this package, or Pipeline or other estimator of scikit-learn
        Fitted. All but this package's own need skl2onnx, to which this package's converters are
        registered.
    X : array-like or DataFrame of shape (n_samples, n_features)
        Some rows as `predict` takes them. Their types become those of the inputs, and up to 100 of
        them are predicted by both models, which must agree. The model of an array has one input
        'X' of its dtype; that of a DataFrame has an input of shape (n_rows, 1) for each column, by
        its name.

    Returns
    -------
    onnx_model : onnx.ModelProto
        A regressor has the output 'variable', of shape (n_rows, n_outputs); a classifier 'label'
        and 'probabilities', of shape (n_rows, n_classes), or, where the loss gives none, 'scores',
        of shape (n_rows, n_outputs). A transformer has 'variable'.

    Raises
    ------
    ImportError
        Without onnx, for a Pipeline without skl2onnx: `pip install onnx skl2onnx`.
    ValueError
        For what ONNX or onnxruntime cannot do: the message names it. If the ONNX model predicts
        other than `model`.

    Notes
    -----
    A network is computed in its `dtype`, where that is None in float32 for rows of float32 and in
    float64 for all others. Edited weights count, batch normalisation is folded into them. The
    operators are those of opset 18.

    Predictions are compared in onnxruntime, without it in onnx's own evaluator. At most 5 % of the
    rows may differ by more than 1e-6, 1e-4 of the largest output, and 100 times what a relative
    change of the inputs of 1e-6 does, together: rounding in float32 is smaller, unless it decides
    on a bin or a leaf.

    Examples
    --------
    >>> from rosenblatt import MLPRegressor, to_onnx
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = MLPRegressor((20,), max_iter=5, dtype="float32").fit(X, y)
    >>> onnx_model = to_onnx(model, X[:1])  # doctest: +SKIP
    >>> with open("model.onnx", "wb") as file:  # doctest: +SKIP
    ...     file.write(onnx_model.SerializeToString())
    """
    require_onnx("onnx")
    onnx_model = _converted(model, X)
    check_export(onnx_model, model, X)
    return onnx_model


def _converted(model, X):
    if type(model) is TransformedTargetRegressor:
        check_is_fitted(model)
        return with_inverse(_converted(model.regressor_, X), model.transformer_)
    kind = type(model)
    if kind not in NETWORKS and kind not in tables():
        return require_onnx("skl2onnx") and _of_others(model, X)
    check_is_fitted(model)
    graph = Graph()
    if kind in NETWORKS:
        rows, dtype = _add_rows(graph, model, X)
        outputs = NETWORKS[kind](graph, model, rows, dtype)
    else:
        outputs = tables()[kind](graph, model, _declared_columns(graph, model, X))
    return graph.to_model(outputs, kind.__name__)


def tables():
    """The estimators and transformers of tables, and what adds their outputs to a graph."""
    from rosenblatt import preprocessing, tabular
    from rosenblatt.export import _table_graph

    return {
        tabular.TabularMLPClassifier: _table_graph.add_ensemble,
        tabular.TabularMLPRegressor: _table_graph.add_ensemble,
        preprocessing.TabularPreprocessor: _table_graph.add_preprocessor,
        preprocessing.RobustSmoothScaler: _table_graph.add_scaler,
        preprocessing.PiecewiseLinearEncoder: _table_graph.add_piecewise,
    }


def reader_of(model):
    """The TableReader of an estimator of raw tables; None for what takes numbers alone."""
    ensemble = getattr(model, "_ensemble", model)
    return getattr(ensemble, "reader", None) or getattr(ensemble, "_reader", None)


def require_onnx(name):
    """Raises ImportError with the remedy where a module is missing."""
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError as error:
        raise ImportError(f"to_onnx needs {name}: pip install {name}") from error


def _add_rows(graph, model, X):
    """(rows of the dtype to compute in, that dtype) of declared inputs."""
    n_features = model.n_features_in_
    inputs = declared_inputs(graph, X, n_features, type(model).__name__)
    is_single = all(graph.inputs[name][0] == np.float32 for name in inputs)
    dtype = dtype_of(model, is_single)
    return graph.concat([as_type(graph, name, dtype) for name in inputs]), dtype


def dtype_of(model, is_single):
    """What a network is computed in, for rows that are all of float32 or not."""
    dtype = getattr(model, "dtype", None)
    return np.dtype((np.float32 if is_single else np.float64) if dtype is None else dtype)


def as_type(graph, name, dtype):
    """An input in the dtype to compute in."""
    return name if graph.inputs[name][0] == dtype else graph.cast(name, dtype)


def declared_inputs(graph, X, n_features, owner):
    """The names of the inputs of numbers that are declared for rows like X."""
    if not hasattr(X, "columns"):
        dtype = getattr(X, "dtype", None)
        X = np.asarray(X) if dtype is None else X
        refuse_width(X.shape[1] if len(X.shape) == 2 else X.shape, n_features, owner)
        return [graph.input("X", input_dtype(X.dtype, "X"), n_features)]
    refuse_width(len(X.columns), n_features, owner)
    return [
        graph.input(str(name), input_dtype(column_dtype(X, name), f"column {name!r}"), 1)
        for name in X.columns
    ]


def refuse_width(given, wanted, owner):
    """Raises ValueError for rows of another width than the model's."""
    if given != wanted:
        raise ValueError(f"X must have {wanted} columns, as {owner} was fitted with; got {given}.")


def _declared_columns(graph, model, X):
    """A function from the number of a column of `fit` to (value, dtype), of declared inputs."""
    owner, reader = type(model).__name__, reader_of(model)
    if not hasattr(X, "columns"):
        (name,) = declared_inputs(graph, X, model.n_features_in_, owner)
        dtype = graph.inputs[name][0]
        return lambda j: (graph.columns(name, [j]), dtype)
    given = [str(one) for one in X.columns]
    refuse_width(len(given), model.n_features_in_, owner)
    names = [str(one) for one in getattr(model, "feature_names_in_", given)]
    if set(names) != set(given):
        raise ValueError(f"X must have the columns {names}, as in fit; got {given}.")
    fitted = {} if reader is None else {one.source: one for one in reader._fitted}
    for label, name in zip(X.columns, given, strict=True):
        dtype = column_dtype(X, label)
        if reader is None:
            dtype = input_dtype(dtype, f"column {label!r}")
        else:
            from rosenblatt.export._table_graph import column_type

            dtype = column_type(fitted.get(names.index(name)), dtype, label)
        if dtype is not None:
            graph.input(name, dtype, 1)
    return lambda j: (names[j], graph.inputs[names[j]][0])


def column_dtype(X, name):
    """The NumPy dtype of a frame's column; object where it is text or anything else."""
    dtype = np.asarray(X[name]).dtype
    return dtype if dtype.kind in "biufmM" else np.dtype(object)


def input_dtype(dtype, where):
    """The type of the input for numbers of a dtype.

    Raises
    ------
    ValueError
        For what are no numbers.
    """
    if dtype.kind == "f":
        return np.dtype(np.float32 if dtype.itemsize <= 4 else np.float64)
    if dtype.kind in "iu":
        return np.dtype(np.int64)
    if dtype.kind == "b":
        return np.dtype(bool)
    raise ValueError(f"to_onnx takes numbers here, and {where} of X is {dtype}.")


def _of_others(model, X):
    from rosenblatt.export import _skl2onnx

    return _skl2onnx.convert(model, X)
