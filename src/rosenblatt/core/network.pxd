# A network, for the extensions that train it.
# SPDX-License-Identifier: BSD-3-Clause
cimport cython

from rosenblatt.core.examples cimport Examples
from rosenblatt.core.kernels cimport rb_kernels, rb_step
from rosenblatt.core.layers cimport Layers
from rosenblatt.core.optimizer cimport Optimizer
from rosenblatt.core.threads cimport rb_team


@cython.final
cdef class Network:
    cdef const rb_kernels *kernels
    cdef readonly object architecture, dtype, parameters, gradient
    cdef object blocks
    cdef Layers layers
    cdef Optimizer optimizer
    cdef char *first            # of the parameters
    cdef int n_threads
    cdef bint is_trainable
    cdef Py_ssize_t n_parameters
    cdef Py_ssize_t n_stored    # and running statistics
    cdef public double share_above  # floating-point operations of a step, for several threads

    cdef double train_step(self, Examples examples, const Py_ssize_t *order, Py_ssize_t rows,
                           rb_step *step, rb_team *team, int thread) noexcept nogil
    cdef double update(self, const rb_step *step, rb_team *team, int thread) noexcept nogil
    cdef Py_ssize_t rows_of_step(self, Py_ssize_t batch_size, Py_ssize_t n_left) noexcept nogil
    cdef bint is_finite(self) noexcept nogil
    cdef int threads_for(self, Py_ssize_t rows) noexcept
