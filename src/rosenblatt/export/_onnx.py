"""`to_onnx`: fitted estimators and Pipelines as ONNX models. _onnx_inputs.py declares the inputs;
what is computed of them is in _onnx_networks.py and _onnx_tables.py, Pipelines are skl2onnx's.
"""

# SPDX-License-Identifier: BSD-3-Clause
from typing import TYPE_CHECKING, Any

from sklearn.utils.validation import check_is_fitted

from rosenblatt._types import Matrix
from rosenblatt.export._onnx_graph import Graph
from rosenblatt.export._onnx_inputs import add_rows, declared_columns
from rosenblatt.export._onnx_networks import NETWORKS
from rosenblatt.export._onnx_tables import TABLES

if TYPE_CHECKING:
    from onnx import ModelProto


def to_onnx(model: Any, X: Matrix) -> "ModelProto":
    """Convert a fitted estimator or Pipeline to an ONNX model.

    Parameters
    ----------
    model : estimator of this package, or Pipeline or other estimator of scikit-learn
        Fitted. All but this package's own need skl2onnx, to which this package's converters are
        registered.
    X : array-like or DataFrame of shape (n_samples, n_features)
        Some rows, of which the types are read alone. The model of an array has one input 'X' of
        its dtype; that of a DataFrame has an input of shape (n_rows, 1) for each column, by its
        name.

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
        For what ONNX or onnxruntime cannot do: the message names it.

    Notes
    -----
    A network is computed in its `dtype`, where that is None in float32 for rows of float32 and in
    float64 for all others. Edited weights count, batch normalisation is folded into them. The
    operators are those of opset 18.

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
    kind = type(model)
    if kind not in NETWORKS and kind not in TABLES:
        return require_onnx("skl2onnx") and _of_others(model, X)
    check_is_fitted(model)
    graph = Graph()
    if kind in NETWORKS:
        rows, dtype = add_rows(graph, model, X)
        outputs = NETWORKS[kind](graph, model, rows, dtype)
    else:
        outputs = TABLES[kind](graph, model, declared_columns(graph, model, X))
    return graph.to_model(outputs, kind.__name__)


def require_onnx(name):
    """Raises ImportError with the remedy where a module is missing."""
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError as error:
        raise ImportError(f"to_onnx needs {name}: pip install {name}") from error


def _of_others(model, X):
    from rosenblatt.export import _skl2onnx  # which imports skl2onnx

    return _skl2onnx.convert(model, X)
