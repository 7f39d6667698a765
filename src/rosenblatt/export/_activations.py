"""Formulas of the hidden activations for ONNX and C: one entry per row of core/activations.def.
Tests compare both with the kernels.
"""

# SPDX-License-Identifier: BSD-3-Clause
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.polynomial import chebyshev
from scipy.special import erfcx

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
    """

    onnx: Callable
    c: str


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
    if real is np.float64:
        return _gelu_without_erf(graph, z)
    share = graph.op("Add", graph.op("Erf", graph.op("Mul", z, real(0.5**0.5))), real(1))
    return graph.op("Mul", graph.op("Mul", z, real(0.5)), share)


_TAIL_SCALE, _TAIL_END, _TAIL_DEGREE = 5.0, 8.5, 16
_TAIL_HALF = _TAIL_END / (_TAIL_END + _TAIL_SCALE) / 2


def _gelu_without_erf(graph, z):
    """gelu in float64, in which onnxruntime has no Erf, within a few units in the last place of z.

    With u = |z|, a = 5 and s = u / (u + a), gelu(z) = relu(z) - s exp(-u**2 / 2) R(s), where
    R(s) = (u + a) exp(u**2 / 2) (1 - Phi(u)) is smooth: a polynomial up to u = 8.5, from where on
    the exponential is below 1e-15.
    """
    u = graph.op("Abs", z)
    # as the difference, which is 1 for an infinite u
    share = graph.op("Div", np.float64(_TAIL_SCALE), graph.op("Add", u, np.float64(_TAIL_SCALE)))
    s = graph.op("Sub", np.float64(1), share)
    t = graph.op("Sub", graph.op("Mul", s, np.float64(1 / _TAIL_HALF)), np.float64(1))
    t = graph.op("Min", t, np.float64(1))
    first, *others = _tail_polynomial()[::-1]
    value = graph.constant(first)
    for coefficient in others:
        value = graph.op("Add", graph.op("Mul", value, t), coefficient)
    bell = graph.op("Exp", graph.op("Mul", graph.op("Mul", u, u), np.float64(-0.5)))
    tail = graph.op("Mul", graph.op("Mul", s, bell), value)
    return graph.op("Sub", graph.op("Relu", z), tail)


@cache
def _tail_polynomial():
    """The coefficients of R in powers of t = s / _TAIL_HALF - 1, from 1 up."""

    def scaled_tail(t):
        s = (t + 1) * _TAIL_HALF
        u = _TAIL_SCALE * s / (1 - s)
        return erfcx(u * 0.5**0.5) / 2 * (u + _TAIL_SCALE)

    return chebyshev.cheb2poly(chebyshev.chebinterpolate(scaled_tail, _TAIL_DEGREE))


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
