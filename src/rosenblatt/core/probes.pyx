"""Single kernels on arrays, for tests alone: no network, and nothing that the package runs."""

# SPDX-License-Identifier: BSD-3-Clause
import numpy as np

from libc.stdint cimport uint64_t

from rosenblatt.core.address cimport address
from rosenblatt.core.dispatch cimport active_kernels
from rosenblatt.core.kernels cimport rb_kernels
from rosenblatt.core.layers cimport INPUT_DROPOUT, INPUT_NOISE

from rosenblatt.core.dispatch import ACTIVATIONS


cdef extern from "random_bits.h" nogil:
    uint64_t rb_stream_key(uint64_t seed, uint64_t step, uint64_t stream)


INPUT_STREAM = INPUT_DROPOUT
FUNCTIONS = ("exp", "log", "tanh", "logistic", "softplus", "sqrt", "expm1", "normal_cdf")


def evaluate(function, x):
    """An elementary function of the kernels at x, an array of float32 or float64.

    Parameters
    ----------
    function : {'exp', 'log', 'tanh', 'logistic', 'softplus', 'sqrt', 'expm1',
        'normal_cdf'}
    """
    x = np.ascontiguousarray(x)
    y = np.empty_like(x)
    cdef const rb_kernels *kernels = active_kernels(x.dtype)
    kernels.evaluate(address(y), address(x), x.size, FUNCTIONS.index(function))
    return y


def activate(activation, z):
    """(value, slope) of an activation at z, an array of float32 or float64."""
    z = np.ascontiguousarray(z)
    value, slope = np.empty_like(z), np.empty_like(z)
    cdef const rb_kernels *kernels = active_kernels(z.dtype)
    kernels.activate(address(value), address(slope), address(z), z.size,
                     ACTIVATIONS[activation].code)
    return value, slope


def drop_out(x, rate, *, seed, step, stream, first_row=0):
    """x (n_rows, n_columns) with dropout, by kernels of its dtype.

    `stream` is the number of a hidden layer, or INPUT_STREAM.
    """
    x = np.array(x, order="C")
    cdef const rb_kernels *kernels = active_kernels(x.dtype)
    kernels.drop_out(address(x), NULL, NULL, x.shape[0], x.shape[1], 0, rate,
                     rb_stream_key(seed, step, stream), first_row)
    return x


def add_noise(x, deviation, *, seed, step, first_row=0):
    """x (n_rows, n_columns) with the noise that inputs get in a step."""
    x = np.array(x, order="C")
    cdef const rb_kernels *kernels = active_kernels(x.dtype)
    kernels.add_noise(address(x), x.shape[0], x.shape[1], deviation,
                      rb_stream_key(seed, step, INPUT_NOISE), first_row)
    return x


def curvature(activation, z):
    """The second derivative of an activation at z, an array of float32 or float64."""
    z = np.ascontiguousarray(z)
    value, slope, r_out = np.empty_like(z), np.empty_like(z), np.empty_like(z)
    bend = np.ones_like(z)
    cdef const rb_kernels *kernels = active_kernels(z.dtype)
    cdef int code = ACTIVATIONS[activation].code
    kernels.activate(address(value), address(slope), address(z), z.size, code)
    kernels.tangent_activation(address(r_out), address(bend), address(z), address(value),
                               address(slope), z.size, code)
    return bend
