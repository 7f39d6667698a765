"""Formulas of the hidden activations for ONNX and C: one entry per row of core/activations.def.
Tests compare both with the kernels.
"""

# SPDX-License-Identifier: BSD-3-Clause
from collections.abc import Callable
from typing import NamedTuple

_SELU_SCALE, _SELU_ALPHA = 1.0507009873554804934, 1.6732632423543772848


class Formula(NamedTuple):
    """An activation in other languages.

    Attributes
    ----------
    onnx : callable
        Called with a Graph, the name of the values z and the dtype; adds operators and returns the
        name of the outputs. It uses only operators that onnxruntime also has in float64.
    c : str
        An expression in `z` of type `real`. A name in braces is a function of math.h, whose name
        gets the suffix f in float32. It propagates NaN.
    has_double : bool
        Whether onnxruntime supports it in float64.
    """

    onnx: Callable
    c: str
    has_double: bool = True


def _expm1(graph, z, real):
    return graph.op("Sub", graph.op("Exp", z), real(1))


def _where_positive(graph, z, real, otherwise):
    return graph.op("Where", graph.op("Greater", z, real(0)), z, otherwise)


def _leaky_relu(graph, z, real):
    return _where_positive(graph, z, real, graph.op("Mul", z, real(0.01)))


def _elu(graph, z, real):
    return _where_positive(graph, z, real, _expm1(graph, z, real))


def _selu(graph, z, real):
    below = graph.op("Mul", _expm1(graph, z, real), real(_SELU_ALPHA))
    return graph.op("Mul", _where_positive(graph, z, real, below), real(_SELU_SCALE))


def _softplus(graph, z, real):
    small = graph.op("Exp", graph.op("Neg", graph.op("Abs", z)))
    return graph.op("Add", graph.op("Relu", z), graph.op("Log", graph.op("Add", small, real(1))))


def _mish(graph, z, real):
    return graph.op("Mul", z, graph.op("Tanh", _softplus(graph, z, real)))


def _gelu(graph, z, real):
    share = graph.op("Add", graph.op("Erf", graph.op("Mul", z, real(0.5**0.5))), real(1))
    return graph.op("Mul", graph.op("Mul", z, real(0.5)), share)


def _silu(graph, z, real):
    return graph.op("Mul", z, graph.op("Sigmoid", z))


def _hard_sigmoid(graph, z, real):
    return graph.op("Div", graph.op("Clip", graph.op("Add", z, real(3)), real(0), real(6)), real(6))


def _hard_swish(graph, z, real):
    return graph.op("Mul", z, _hard_sigmoid(graph, z, real))


# In C, z is bounded at -1000 if a factor tends to 0 for z -> -inf, because -inf times 0 is NaN.
FORMULAS = {
    "identity": Formula(lambda graph, z, real: z, "z"),
    "logistic": Formula(
        lambda graph, z, real: graph.op("Sigmoid", z), "(real)1 / ((real)1 + {exp}(-z))"
    ),
    "hard_sigmoid": Formula(
        _hard_sigmoid, "z < (real)-3 ? (real)0 : z > (real)3 ? (real)1 : (z + (real)3) / (real)6"
    ),
    "tanh": Formula(lambda graph, z, real: graph.op("Tanh", z), "{tanh}(z)"),
    "relu": Formula(lambda graph, z, real: graph.op("Relu", z), "z < (real)0 ? (real)0 : z"),
    "leaky_relu": Formula(_leaky_relu, "z < (real)0 ? (real)0.01 * z : z"),
    "elu": Formula(_elu, "z > (real)0 ? z : {expm1}(z)"),
    "selu": Formula(
        _selu,
        f"(real){_SELU_SCALE!r} * (z > (real)0 ? z : (real){_SELU_ALPHA!r} * {{expm1}}(z))",
    ),
    "gelu": Formula(
        _gelu,
        f"(real)0.5 * (z < (real)-1000 ? (real)-1000 : z) * {{erfc}}(z * (real){-(0.5**0.5)!r})",
        has_double=False,
    ),
    "silu": Formula(_silu, "(z < (real)-1000 ? (real)-1000 : z) / ((real)1 + {exp}(-z))"),
    "mish": Formula(
        _mish,
        "z > (real)20 ? z : (z < (real)-1000 ? (real)-1000 : z) * {tanh}({log1p}({exp}(z)))",
    ),
    "softplus": Formula(_softplus, "z > (real)0 ? z + {log1p}({exp}(-z)) : {log1p}({exp}(z))"),
    "hard_swish": Formula(
        _hard_swish,
        "z < (real)-3 ? (real)0 : z > (real)3 ? z : z * ((z + (real)3) / (real)6)",
    ),
}
