"""`to_onnx`: fitted estimators and Pipelines as ONNX models. _onnx_inputs.py declares the inputs;
the operators are in _onnx_networks.py and _onnx_tables.py. Pipelines are converted by skl2onnx.
"""

# SPDX-License-Identifier: BSD-3-Clause
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike
from sklearn.compose import TransformedTargetRegressor
from sklearn.utils.validation import check_is_fitted

from rosenblatt._types import Matrix
from rosenblatt.export._onnx_check import check_export
from rosenblatt.export._onnx_graph import Graph
from rosenblatt.export._onnx_inputs import add_rows, declared_columns
from rosenblatt.export._onnx_networks import NETWORKS
from rosenblatt.export._onnx_tables import TABLES
from rosenblatt.export._onnx_targets import with_inverse
from rosenblatt.tabular import TabularMLPRegressor
from rosenblatt.tabular._intervals import checked_levels, levels_of_interval

if TYPE_CHECKING:
    from onnx import ModelProto


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
    if kind not in NETWORKS and kind not in TABLES:
        return require_onnx("skl2onnx") and _of_others(model, X)
    check_is_fitted(model)
    graph = Graph()
    if kind in NETWORKS:
        rows, dtype = add_rows(graph, model, X)
        outputs = NETWORKS[kind](graph, model, rows, dtype)
    else:
        options = {"quantiles": quantiles} if quantiles else {}
        outputs = TABLES[kind](graph, model, declared_columns(graph, model, X), **options)
    return graph.to_model(outputs, kind.__name__)


def _levels_of_outputs(model, coverage, levels):
    """{name of an additional output: levels of its quantiles}."""
    if coverage is None and levels is None:
        return {}
    if type(model) is not TabularMLPRegressor:
        raise ValueError(
            "coverage and levels ask for the intervals of a TabularMLPRegressor; got "
            f"{type(model).__name__}, which has none."
        )
    wanted = {} if coverage is None else {"interval": levels_of_interval(coverage)}
    return wanted if levels is None else wanted | {"quantiles": checked_levels(levels)}


def require_onnx(name):
    """Raise ImportError with installation instructions if a module is missing."""
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError as error:
        raise ImportError(f"to_onnx requires {name}: pip install {name}") from error


def _of_others(model, X):
    from rosenblatt.export import _skl2onnx  # which imports skl2onnx

    return _skl2onnx.convert(model, X)
