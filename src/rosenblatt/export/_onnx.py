"""`to_onnx`: fitted estimators and Pipelines as ONNX models. This file declares the inputs; the
operators are in _network_graph.py and _table_graph.py. Pipelines are converted by skl2onnx.
"""

# SPDX-License-Identifier: BSD-3-Clause
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
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

# the estimators for arrays, and the functions that add their outputs to a graph
NETWORKS = {
    MLPClassifier: add_classifier,
    MLPRegressor: add_regressor,
    PerceptronClassifier: add_perceptron,
}


def to_onnx(
    model: Any, X: Matrix, *, coverage: float | None = None, levels: ArrayLike | None = None
) -> "ModelProto":
    """Convert a fitted estimator or Pipeline to an ONNX model.

    Parameters
    ----------
    model : estimator of this package, or Pipeline or other estimator of scikit-learn
        The fitted model. Estimators other than those of this package require skl2onnx, with which
        the converters of this package are registered.
    X : array-like or DataFrame of shape (n_samples, n_features)
        Example rows as `predict` accepts them. Their types are the types of the inputs, and up to
        100 of them are predicted by both models, which must agree. For an array, the ONNX model has
        one input 'X' of its dtype. For a DataFrame, it has one input of shape (n_rows, 1) per
        column, with the name of the column.
    coverage : float in (0, 1) or None, default=None
        For a TabularMLPRegressor: adds the output 'interval' of `predict_interval(X, coverage)`.
    levels : array-like of shape (n_levels,) or None, default=None
        For a TabularMLPRegressor: adds the output 'quantiles' of `predict_quantiles(X, levels)`.

    Returns
    -------
    onnx_model : onnx.ModelProto
        The ONNX model. A regressor has the output 'variable' of shape (n_rows, n_outputs). A
        classifier has the outputs 'label' and 'probabilities' of shape (n_rows, n_classes), or
        'scores' of shape (n_rows, n_outputs) if the loss does not give probabilities. A
        transformer has the output 'variable'. The outputs 'interval' and
        'quantiles' have the shapes of the results of these methods.

    Raises
    ------
    ImportError
        If onnx is not installed, or skl2onnx for a Pipeline: `pip install onnx skl2onnx`.
    ValueError
        If ONNX or onnxruntime does not support the model; the message names the reason. If the
        predictions of the ONNX model differ from those of `model`.

    Notes
    -----
    A network is computed in its `dtype`. If that is None, it is computed in float32 for float32
    rows and in float64 otherwise. Changes made to the weights after `fit` are included. Batch
    normalisation is folded into the weights. The operators are those of opset 18.

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
    onnx_model = _converted(model, X, coverage, levels)
    check_export(onnx_model, model, X)
    return onnx_model


def _converted(model, X, coverage, levels):
    if type(model) is TransformedTargetRegressor:
        check_is_fitted(model)
        _levels_of_outputs(model, coverage, levels)
        return with_inverse(_converted(model.regressor_, X, None, None), model.transformer_)
    kind = type(model)
    quantiles = _levels_of_outputs(model, coverage, levels)
    if kind not in NETWORKS and kind not in tables():
        return require_onnx("skl2onnx") and _of_others(model, X)
    check_is_fitted(model)
    graph = Graph()
    if kind in NETWORKS:
        rows, dtype = _add_rows(graph, model, X)
        outputs = NETWORKS[kind](graph, model, rows, dtype)
    else:
        options = {"quantiles": quantiles} if quantiles else {}
        outputs = tables()[kind](graph, model, _declared_columns(graph, model, X), **options)
    return graph.to_model(outputs, kind.__name__)


def _levels_of_outputs(model, coverage, levels):
    """{name of an additional output: levels of its quantiles}."""
    if coverage is None and levels is None:
        return {}
    from rosenblatt.tabular import TabularMLPRegressor
    from rosenblatt.tabular._intervals import checked_levels, levels_of_interval

    if type(model) is not TabularMLPRegressor:
        raise ValueError(
            "coverage and levels ask for the intervals of a TabularMLPRegressor; got "
            f"{type(model).__name__}, which has none."
        )
    wanted = {} if coverage is None else {"interval": levels_of_interval(coverage)}
    return wanted if levels is None else wanted | {"quantiles": checked_levels(levels)}


def tables():
    """The estimators and transformers for tables, and the functions that add them to a graph."""
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
    """The TableReader of an estimator for raw tables; None for estimators of numeric arrays."""
    ensemble = getattr(model, "_ensemble", model)
    return getattr(ensemble, "reader", None) or getattr(ensemble, "_reader", None)


def require_onnx(name):
    """Raise ImportError with installation instructions if a module is missing."""
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError as error:
        raise ImportError(f"to_onnx requires {name}: pip install {name}") from error


def _add_rows(graph, model, X):
    """Declare the inputs; returns (rows cast to the dtype of the computation, that dtype)."""
    n_features = model.n_features_in_
    inputs = declared_inputs(graph, X, n_features, type(model).__name__)
    is_single = all(graph.inputs[name][0] == np.float32 for name in inputs)
    dtype = dtype_of(model, is_single)
    return graph.concat([as_type(graph, name, dtype) for name in inputs]), dtype


def dtype_of(model, is_single):
    """The dtype of a network's computation; `is_single` says whether all rows are float32."""
    dtype = getattr(model, "dtype", None)
    return np.dtype((np.float32 if is_single else np.float64) if dtype is None else dtype)


def as_type(graph, name, dtype):
    """The input, cast to the dtype of the computation."""
    return name if graph.inputs[name][0] == dtype else graph.cast(name, dtype)


def declared_inputs(graph, X, n_features, owner):
    """Declare numeric inputs for rows like X; returns their names."""
    if not hasattr(X, "columns"):
        dtype = getattr(X, "dtype", None)
        X = np.asarray(X) if dtype is None else X
        refuse_width(X.shape[1] if len(X.shape) == 2 else X.shape, n_features, owner)
        return [graph.input("X", input_dtype(X.dtype, "X"), n_features)]
    refuse_width(len(X.columns), n_features, owner)
    return [
        graph.input(str(name), input_dtype(column_dtype(X, name), f"column {name!r} of X"), 1)
        for name in X.columns
    ]


def refuse_width(given, wanted, owner):
    """Raise ValueError if the number of columns differs from that of the model."""
    if given != wanted:
        raise ValueError(f"X must have {wanted} columns, as in fit of {owner}; got {given}.")


def _declared_columns(graph, model, X):
    """Declare inputs; returns a function from the index of a column of `fit` to (value, dtype)."""
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
            dtype = input_dtype(dtype, f"column {label!r} of X")
        else:
            from rosenblatt.export._table_graph import column_type

            dtype = column_type(fitted.get(names.index(name)), dtype, label)
        if dtype is not None:
            graph.input(name, dtype, 1)
    return lambda j: (names[j], graph.inputs[names[j]][0])


def column_dtype(X, name):
    """The NumPy dtype of a column of a DataFrame; object for text and other types."""
    dtype = np.asarray(X[name]).dtype
    return dtype if dtype.kind in "biufmM" else np.dtype(object)


def input_dtype(dtype, where):
    """The type of an ONNX input for numbers of a dtype.

    Raises
    ------
    ValueError
        If the dtype is not numeric.
    """
    if dtype.kind == "f":
        return np.dtype(np.float32 if dtype.itemsize <= 4 else np.float64)
    if dtype.kind in "iu":
        return np.dtype(np.int64)
    if dtype.kind == "b":
        return np.dtype(bool)
    raise ValueError(f"to_onnx requires numeric input for this model, but {where} is {dtype}.")


def _of_others(model, X):
    from rosenblatt.export import _skl2onnx

    return _skl2onnx.convert(model, X)
