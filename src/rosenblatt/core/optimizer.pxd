# The optimiser's pass over a network's parameters, for network.pyx.
# SPDX-License-Identifier: BSD-3-Clause
cimport cython

from rosenblatt.core.kernels cimport rb_kernels, rb_step
from rosenblatt.core.threads cimport rb_team

cdef enum:
    MOST_GROUPS = 8


cdef struct Group:
    # a range of the blocks that the optimiser treats in one way, see _architecture.py
    Py_ssize_t start, count
    Py_ssize_t part             # numbers that a thread takes, and sums the squares of, at once
    Py_ssize_t first_sum        # of its parts, among those of all groups
    bint is_penalised
    double learning_rate_factor, decay_factor


@cython.final
cdef class Optimizer:
    cdef const rb_kernels *kernels
    cdef readonly list moments
    cdef list groups_named
    cdef Group groups[MOST_GROUPS]
    cdef int code, n_groups
    cdef bint has_rates         # whether a group has a rate of its own
    cdef char *parameters
    cdef char *gradient
    cdef char *moment_blocks[3]
    cdef rb_step step
    cdef double[:, ::1] sums    # of `update`, for each part of each group
    cdef double[::1] gradient_squares
    cdef double squared_norm    # of the last step's gradient
    cdef readonly Py_ssize_t n_weights

    cdef void begin_step(self, rb_step *step) noexcept nogil
    cdef double update(self, const rb_step *step, rb_team *team, int thread) noexcept nogil
    cdef void adapt(self, rb_step *own, const rb_step *step, const Group *group) noexcept nogil
    cdef void share_of(self, const Group *group, rb_team *team, int thread, Py_ssize_t *start,
                       Py_ssize_t *stop) noexcept nogil
    cdef void _update_part(self, const rb_step *step, Py_ssize_t start, Py_ssize_t count,
                           double *sums) noexcept nogil
    cdef double clipping(self, const rb_step *step, rb_team *team, int thread) noexcept nogil
