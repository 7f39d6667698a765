"""Registers this package's estimators with skl2onnx, and uses it to convert Pipelines and other
scikit-learn estimators that contain them. The operators come from the graphs of the other files.
"""

# SPDX-License-Identifier: BSD-3-Clause
from functools import cache

import numpy as np
import skl2onnx
from skl2onnx.common import data_types
from sklearn.base import is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import Pipeline

from rosenblatt.export._onnx_check import is_missing
from rosenblatt.export._onnx_graph import ML_DOMAIN, ML_OPSET, OPSET, Graph, element_type, tensor
from rosenblatt.export._onnx_inputs import column_dtype, dtype_of, input_dtype
from rosenblatt.export._onnx_networks import NETWORKS
from rosenblatt.export._onnx_tables import TABLES
from rosenblatt.mlp import MLPClassifier

_TYPES = {
    np.dtype(np.float32): data_types.FloatTensorType,
    np.dtype(np.float64): data_types.DoubleTensorType,
    np.dtype(np.int64): data_types.Int64TensorType,
    np.dtype(bool): data_types.BooleanTensorType,
    np.dtype(str): data_types.StringTensorType,
}
_DTYPES = {kind: dtype for dtype, kind in _TYPES.items()}
_OPTIONS = {"zipmap": [True, False, "columns"], "output_class_labels": [False, True]}
_SCORES = {"raw_scores": [False, True]}  # the option that converters of calibration use


def convert(model, X):
    """The ModelProto of an estimator that skl2onnx supports, possibly with ours inside."""
    register()
    options = None
    final = model
    while isinstance(final, Pipeline):
        final = final.steps[-1][1]
    if is_classifier(final):
        options = {id(final): {"zipmap": False}}
    _refuse(model)
    types = _initial_types(X)
    try:
        onnx_model = skl2onnx.to_onnx(
            model,
            initial_types=types,
            target_opset={"": OPSET, ML_DOMAIN: ML_OPSET},
            options=options,
        )
    except Exception as error:  # some of which have no base but Exception
        inner = [part for part in _parts(model) if isinstance(part, TransformedTargetRegressor)]
        if not inner:
            raise
        raise ValueError(
            "TransformedTargetRegressor can be converted as the outermost estimator alone: "
            "TransformedTargetRegressor(make_pipeline(...), transformer=...)."
        ) from error
    return _with_input_names(onnx_model, [name for name, _ in types])


def _refuse(model):
    """Raises ValueError, with the remedy, for what skl2onnx converts not at all or wrongly."""
    for part in _parts(model):
        if len(getattr(getattr(part, "indicator_", None), "features_", ())):
            raise ValueError(
                f"skl2onnx does not convert add_indicator=True of {type(part).__name__}: leave it "
                "out; a column that says where a value is missing can be added to X before fit."
            )
        if isinstance(part, CalibratedClassifierCV):
            if part.method != "sigmoid":
                raise ValueError(
                    "skl2onnx converts CalibratedClassifierCV with method='sigmoid' alone; got "
                    f"method={part.method!r}."
                )
            if isinstance(part.estimator, Pipeline):
                raise ValueError(
                    "skl2onnx converts CalibratedClassifierCV of a classifier, not of a Pipeline: "
                    "put the steps before the classifier outside, as in "
                    "make_pipeline(StandardScaler(), CalibratedClassifierCV(MLPClassifier()))."
                )
        for j, levels in enumerate(getattr(part, "categories_", [])):
            if np.asarray(levels).dtype.kind == "O" and any(map(is_missing, levels)):
                raise ValueError(
                    f"column {j} of {type(part).__name__} has missing text as a category, which "
                    "ONNX does not have: fill the gaps before fit, as in "
                    "frame[names] = frame[names].fillna('missing')."
                )


def _parts(model):
    """A fitted estimator and the fitted ones that its steps are."""
    yield model
    steps = getattr(model, "transformers_", None) or getattr(model, "steps", None)
    for step in steps or getattr(model, "transformer_list", ()):
        if hasattr(step[1], "get_params"):
            yield from _parts(step[1])


def _with_input_names(onnx_model, names):
    """The model with these inputs, which skl2onnx renames where they are no identifiers."""
    renamed = dict(zip((one.name for one in onnx_model.graph.input), names, strict=True))
    for node in onnx_model.graph.node:
        node.input[:] = [renamed.get(name, name) for name in node.input]
    for one in onnx_model.graph.input:
        one.name = renamed[one.name]
    return onnx_model


def _initial_types(X):
    if not hasattr(X, "columns"):
        X = X if hasattr(X, "dtype") else np.asarray(X)
        return [("X", _TYPES[input_dtype(X.dtype, "X")]([None, X.shape[1]]))]
    types = []
    for name in X.columns:
        dtype = column_dtype(X, name)
        dtype = np.dtype(str) if dtype.kind == "O" else input_dtype(dtype, f"column {name!r} of X")
        types.append((str(name), _TYPES[dtype]([None, 1])))
    return types


@cache
def register():
    """Register this package's estimators with skl2onnx, once."""
    for kind in [*NETWORKS, *TABLES]:
        options = None
        if is_classifier(kind()):
            options = _OPTIONS | (_SCORES if hasattr(kind, "decision_function") else {})
        skl2onnx.update_registered_converter(
            kind, f"Rosenblatt{kind.__name__}", _set_output_types, _add_operators, options=options
        )


def _dtype(variable):
    """The dtype of one of skl2onnx's variables."""
    return _DTYPES[type(variable.type)]


def _output_dtype(operator):
    """The dtype of outputs, as in skl2onnx: float64 for float64 inputs, otherwise float32."""
    is_double = any(_dtype(one) == np.float64 for one in operator.inputs)
    return np.dtype(np.float64 if is_double else np.float32)


def _outputs(operator, graph, with_options):
    """Add the estimator to a graph; returns {name: (value, dtype, number of columns)}.

    `with_options` is the scope or container that has the options of the conversion.
    """
    model = operator.raw_operator
    given = [(one.onnx_name, _dtype(one), one.type.shape[1]) for one in operator.inputs]
    if type(model) not in NETWORKS:
        return TABLES[type(model)](graph, model, _columns(graph, model, operator, given))
    is_single = all(dtype == np.float32 for _, dtype, _ in given)
    dtype = dtype_of(model, is_single)
    rows = [name if kind == dtype else graph.cast(name, dtype) for name, kind, _ in given]
    X, add = graph.concat(rows), NETWORKS[type(model)]
    if not is_classifier(model):
        return add(graph, model, X, dtype)
    if not with_options.get_options(model, {"raw_scores": False})["raw_scores"]:
        return add(graph, model, X, dtype)
    options = {"logits": True} if isinstance(model, MLPClassifier) else {}
    outputs = add(graph, model, X, dtype, **options)
    scores, _, n_outputs = outputs.popitem()[1]
    if n_outputs == 1:  # as in skl2onnx for two classes
        scores, n_outputs = graph.concat([graph.op("Neg", scores), scores]), 2
    return outputs | {"scores": (scores, dtype, n_outputs)}


def _columns(graph, model, operator, given):
    """A function that maps the index of a column of `fit` to (value, dtype)."""
    names = [one.raw_name for one in operator.inputs]
    wanted = [str(one) for one in getattr(model, "feature_names_in_", [])]
    if len(names) == model.n_features_in_ and set(names) == set(wanted):
        return lambda j: given[names.index(wanted[j])][:2]
    places = [(i, k) for i, (_, _, width) in enumerate(given) for k in range(width)]

    def column(j):
        i, k = places[j]
        name, dtype, width = given[i]
        return (name if width == 1 else graph.columns(name, [k])), dtype

    return column


def _set_output_types(operator):
    outputs = _outputs(operator, Graph(), operator.scope_inst).values()
    for variable, (_, dtype, n_columns) in zip(operator.outputs, outputs, strict=True):
        dtype = _output_dtype(operator) if np.dtype(dtype).kind == "f" else _label_dtype(dtype)
        variable.type = _TYPES[dtype]([None] if n_columns is None else [None, n_columns])


def _label_dtype(dtype):
    return np.dtype(str) if np.dtype(dtype).kind == "U" else np.dtype(dtype)


def _add_operators(scope, operator, container):
    graph = Graph(scope.get_unique_variable_name)
    outputs = _outputs(operator, graph, container).values()
    for variable, (value, dtype, _) in zip(operator.outputs, outputs, strict=True):
        kind = _output_dtype(operator) if np.dtype(dtype).kind == "f" else _label_dtype(dtype)
        attributes = {"to": element_type(kind)}
        graph.nodes.append(("Cast", [value], [variable.onnx_name], "", attributes))
    for name, array in graph.constants.items():
        if array.dtype.kind in "OU":
            text = [str(one) for one in array.ravel()]
            container.add_initializer(name, element_type(array.dtype), array.shape, text)
        else:
            container.add_initializer(name, element_type(array.dtype), None, tensor(array, name))
    for i, (kind, inputs, made, domain, attributes) in enumerate(graph.nodes):
        container.add_node(
            kind,
            inputs,
            made,
            op_domain=domain,
            op_version=ML_OPSET if domain else OPSET,
            name=scope.get_unique_operator_name(f"{kind}_{i}"),
            **attributes,
        )
