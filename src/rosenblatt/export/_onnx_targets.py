"""The way back from scaled targets, as operators at the end of a regressor's ONNX model:
TransformedTargetRegressor of scikit-learn.
"""

# SPDX-License-Identifier: BSD-3-Clause
import numpy as np
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    RobustScaler,
    StandardScaler,
)

from rosenblatt.export._onnx_graph import tensor

# factor and summand of `inverse_transform`
_LINEAR = {
    StandardScaler: lambda scaler: (scaler.scale_, scaler.mean_ if scaler.with_mean else None),
    RobustScaler: lambda scaler: (scaler.scale_, scaler.center_),
    MaxAbsScaler: lambda scaler: (scaler.scale_, None),
    MinMaxScaler: lambda scaler: (1 / scaler.scale_, -scaler.min_ / scaler.scale_),
}
_FUNCTIONS = {np.exp: [("Exp", None)], np.expm1: [("Exp", None), ("Sub", 1.0)]}


def with_inverse(onnx_model, transformer):
    """The model with the inverse of a transformer of targets behind its output 'variable'.

    Raises
    ------
    ValueError
        For another transformer than those above.
    """
    from onnx import helper

    graph = onnx_model.graph
    (output,) = graph.output
    dtype = helper.tensor_dtype_to_np_dtype(output.type.tensor_type.elem_type)
    value = f"scaled_{output.name}"
    for node in graph.node:
        for names in (node.input, node.output):
            names[:] = [value if name == output.name else name for name in names]
    steps = _inverse(transformer)
    for i, (kind, operand) in enumerate(steps):
        inputs = [value]
        if operand is not None:
            inputs.append(f"inverse_{i}_operand")
            graph.initializer.append(tensor(np.asarray(operand, dtype), inputs[1]))
        value = output.name if i == len(steps) - 1 else f"inverse_{i}"
        graph.node.append(helper.make_node(kind, inputs, [value]))
    return onnx_model


def _inverse(transformer):
    """The operators, each with its constant operand or None."""
    kind = type(transformer)
    if kind in _LINEAR:
        factor, summand = _LINEAR[kind](transformer)
        steps = [] if factor is None else [("Mul", factor)]
        return [*steps, *([] if summand is None else [("Add", summand)])] or [("Identity", None)]
    if kind is FunctionTransformer and transformer.inverse_func in (None, *_FUNCTIONS):
        return _FUNCTIONS.get(transformer.inverse_func, [("Identity", None)])
    known = ", ".join(each.__name__ for each in _LINEAR)
    raise ValueError(
        f"to_onnx converts targets that were transformed by {known}, or with "
        f"inverse_func=numpy.exp or numpy.expm1; got {transformer!r}."
    )
