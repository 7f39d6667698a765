"""Single kernels on arrays, for tests and benchmarks. The package itself does not use them."""

# SPDX-License-Identifier: BSD-3-Clause
import numpy as np

from libc.stdint cimport uint64_t

from rosenblatt.core.address cimport address
from rosenblatt.core.dispatch cimport active_kernels
from rosenblatt.core.kernels cimport rb_kernels
from rosenblatt.core.layer cimport INPUT_DROPOUT, INPUT_NOISE

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
    kernels.probes.evaluate(address(y), address(x), <Py_ssize_t> x.size,
                            <int> FUNCTIONS.index(function))
    return y


def activate(activation, z):
    """(value, slope) of an activation at z, an array of float32 or float64."""
    z = np.ascontiguousarray(z)
    value, slope = np.empty_like(z), np.empty_like(z)
    cdef const rb_kernels *kernels = active_kernels(z.dtype)
    kernels.tangents.activate(address(value), address(slope), address(z), <Py_ssize_t> z.size,
                              <int> ACTIVATIONS[activation].code)
    return value, slope


def drop_out(x, double rate, *, seed, step, stream, Py_ssize_t first_row=0):
    """x (n_rows, n_columns) with dropout, by kernels of its dtype.

    `stream` is the number of a hidden layer, or INPUT_STREAM.
    """
    x = np.array(x, order="C")
    cdef const rb_kernels *kernels = active_kernels(x.dtype)
    kernels.noise.drop_out(address(x), NULL, NULL, <Py_ssize_t> x.shape[0],
                           <Py_ssize_t> x.shape[1], 0, rate, rb_stream_key(seed, step, stream),
                           first_row)
    return x


def add_noise(x, double deviation, *, seed, step, Py_ssize_t first_row=0):
    """x (n_rows, n_columns) with the noise that inputs get in a step."""
    x = np.array(x, order="C")
    cdef const rb_kernels *kernels = active_kernels(x.dtype)
    kernels.noise.add_noise(address(x), <Py_ssize_t> x.shape[0], <Py_ssize_t> x.shape[1],
                            deviation, rb_stream_key(seed, step, INPUT_NOISE), first_row)
    return x


def curvature(activation, z):
    """The second derivative of an activation at z, an array of float32 or float64."""
    z = np.ascontiguousarray(z)
    value, slope, r_out = np.empty_like(z), np.empty_like(z), np.empty_like(z)
    bend = np.ones_like(z)
    cdef const rb_kernels *kernels = active_kernels(z.dtype)
    cdef int code = ACTIVATIONS[activation].code
    cdef Py_ssize_t count = z.size
    kernels.tangents.activate(address(value), address(slope), address(z), count, code)
    kernels.tangents.tangent_activation(address(r_out), address(bend), address(z), address(value),
                                        address(slope), count, code)
    return bend


def multiply_adds(Py_ssize_t repeats, dtype):
    """Runs multiply-adds at the processor's limit; returns how many operations they were."""
    vector = np.ones(16, dtype=dtype)
    cdef const rb_kernels *kernels = active_kernels(vector.dtype)
    cdef char *result = address(vector)
    cdef double operations
    with nogil:
        operations = kernels.probes.multiply_adds(repeats, result)
    return operations
