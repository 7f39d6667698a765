"""The optimiser: one step of all parameters, group by group, from the gradient.

It owns the moments and the constants of a step, but not the parameters. The formulas are in the
kernels (optimizers.def), the limits on norms in layers.pyx. Methods with the arguments `team` and
`thread` are run by all threads of the team; no sum is split among them.
"""

# SPDX-License-Identifier: BSD-3-Clause
import numpy as np

from libc.math cimport INFINITY, sqrt

from rosenblatt.core.address cimport address
from rosenblatt.core.dispatch cimport active_kernels
from rosenblatt.core.kernels cimport UPDATE_BLOCK, rb_step
from rosenblatt.core.threads cimport rb_meet, rb_share, rb_team

from rosenblatt._architecture import GROUPS
from rosenblatt.core.buffers import aligned_zeros
from rosenblatt.core.dispatch import OPTIMIZERS


cdef rb_step _step

# the constants of a step that may change from step to step, and their offsets in an rb_step
STEP_CONSTANTS = {
    "alpha": <char *> &_step.alpha - <char *> &_step,
    "l1_ratio": <char *> &_step.l1_ratio - <char *> &_step,
    "learning_rate": <char *> &_step.learning_rate - <char *> &_step,
    "momentum": <char *> &_step.momentum - <char *> &_step,
    "weight_decay": <char *> &_step.weight_decay - <char *> &_step,
}


cdef inline Py_ssize_t n_parts(const Group *group) noexcept nogil:
    return (group.count + group.part - 1) // group.part


cdef class Optimizer:
    """Steps of one optimiser.

    Parameters
    ----------
    name : str or None
        A row of optimizers.def; None keeps no moments and takes no steps.
    blocks : Blocks
    parameters, gradient : ndarray
        Blocks, which the caller must keep alive.
    """

    def __init__(self, name, blocks, parameters, gradient):
        dtype = blocks.architecture.dtype
        self.kernels = active_kernels(dtype)
        self.code = -1 if name is None else OPTIMIZERS[name].code
        n_moments = 0 if name is None else OPTIMIZERS[name].n_moments
        self.moments = [aligned_zeros(blocks.n_learned, dtype) for _ in range(n_moments)]
        for i in range(3):
            self.moment_blocks[i] = address(self.moments[i]) if i < n_moments else NULL
        self.parameters, self.gradient = address(parameters), address(gradient)
        self._lay_out_groups(blocks)
        self.step.t, self.step.product, self.step.gradient_scale = 0, 1, 1
        self.set_constants(alpha=0.0)

    def _lay_out_groups(self, blocks):
        """Divide groups into parts for the threads. A group with matrices has several parts; a
        group of vectors is small and has one part."""
        cdef Group *group
        cdef Py_ssize_t first_sum = 0
        matrices = {entry.group for entry in blocks.architecture.learned if len(entry.shape) > 1}
        self.groups_named, self.n_weights = list(blocks.ranges), 0
        self.n_groups = len(self.groups_named)
        if self.n_groups > MOST_GROUPS:
            raise ValueError(f"There must be at most {MOST_GROUPS} groups, got {self.n_groups}")
        for i, (name, (start, stop)) in enumerate(blocks.ranges.items()):
            group = &self.groups[i]
            group.start, group.count, group.first_sum = start, stop - start, first_sum
            group.part = UPDATE_BLOCK if name in matrices else group.count
            first_sum += n_parts(group)
            if name in matrices:
                self.n_weights += group.count
        self.sums = np.zeros((first_sum, 2))
        self.gradient_squares = np.zeros(first_sum)

    def set_constants(self, *, alpha, groups=GROUPS, l1_ratio=0.0, weight_decay=0.0, max_norm=None,
                      clip_norm=None, clip_value=None, momentum=0.0, nesterovs_momentum=False,
                      beta_1=0.0, beta_2=0.0, rho=0.0, centered=False, rmsprop_momentum=0.0,
                      momentum_decay=0.0, epsilon=0.0):
        """Set the constants of `update`; see rb_step in kernels.h and optimizers.def.

        `groups` maps the name of each group of the catalogue to its Group.
        """
        for i, name in enumerate(self.groups_named):
            self.groups[i].is_penalised = groups[name].is_penalised
            self.groups[i].learning_rate_factor = groups[name].learning_rate_factor
            self.groups[i].decay_factor = groups[name].decay_factor
        self.has_rates = any(groups[name].learning_rate_factor != 1 for name in self.groups_named)
        self.step.alpha = alpha
        self.step.l1_ratio = l1_ratio
        self.step.weight_decay = weight_decay
        self.step.max_norm = INFINITY if max_norm is None else max_norm
        self.step.clip_norm = INFINITY if clip_norm is None else clip_norm
        self.step.clip_value = INFINITY if clip_value is None else clip_value
        self.step.rho = rho
        self.step.centered = centered
        self.step.rmsprop_momentum = rmsprop_momentum
        self.step.momentum_decay = momentum_decay
        self.step.momentum = momentum
        self.step.nesterovs_momentum = nesterovs_momentum
        self.step.beta_1 = beta_1
        self.step.beta_2 = beta_2
        self.step.epsilon = epsilon

    cdef void begin_step(self, rb_step *step) noexcept nogil:
        self.kernels.update.begin_step(step, self.code)

    cdef double update(self, const rb_step *step, rb_team *team, int thread) noexcept nogil:
        """Take one optimiser step; returns the penalty before the step (in thread 0).

        Sets the squared norm of the gradient, including the penalty.
        """
        cdef Py_ssize_t start, stop, count, i
        cdef double penalty = 0, squares = 0
        cdef Group *group
        cdef rb_step own = step[0]
        cdef int g
        if step.clip_norm < INFINITY:
            own.gradient_scale = self.clipping(step, team, thread)
        for g in range(self.n_groups):
            group = &self.groups[g]
            self.adapt(&own, step, group)
            self.share_of(group, team, thread, &start, &stop)
            while start < stop:
                count = min(group.part, stop - start)
                self._update_part(&own, group.start + start, count,
                                  &self.sums[group.first_sum + start // group.part, 0])
                start += count
        rb_meet(team)
        if thread == 0:
            for g in range(self.n_groups):
                group = &self.groups[g]
                for i in range(group.first_sum, group.first_sum + n_parts(group)):
                    if group.is_penalised:
                        penalty += self.sums[i, 0]
                    squares += self.sums[i, 1]
            self.squared_norm = squares
        return step.alpha * penalty / step.weight if step.alpha != 0 else 0

    cdef void adapt(self, rb_step *own, const rb_step *step, const Group *group) noexcept nogil:
        """Adapt a copy of the step to a group."""
        own.alpha = step.alpha if group.is_penalised else 0
        own.weight_decay = step.weight_decay * group.decay_factor
        own.learning_rate = step.learning_rate * group.learning_rate_factor
        if self.has_rates:
            self.kernels.update.set_rates(own, self.code)

    cdef void share_of(self, const Group *group, rb_team *team, int thread, Py_ssize_t *start,
                       Py_ssize_t *stop) noexcept nogil:
        """A thread's parts of a group; a single part goes to the last thread."""
        if group.part < group.count:
            rb_share(group.count, group.part, team.n_threads, thread, start, stop)
            return
        start[0], stop[0] = 0, group.count if thread == team.n_threads - 1 else 0

    cdef void _update_part(self, const rb_step *step, Py_ssize_t start, Py_ssize_t count,
                           double *sums) noexcept nogil:
        cdef Py_ssize_t offset = start * self.kernels.item_size
        cdef char *moments[3]
        cdef int i
        for i in range(3):
            moments[i] = self.moment_blocks[i] + offset if self.moment_blocks[i] else NULL
        self.kernels.update.update(
            self.parameters + offset, self.gradient + offset, moments[0],
            moments[1], moments[2], count, step, self.code, sums)

    cdef double clipping(self, const rb_step *step, rb_team *team, int thread) noexcept nogil:
        """The factor that limits the norm of the gradient, including the penalty, to clip_norm.

        Every thread sums the squares block by block and then over the blocks, so that the factor
        does not depend on the number of threads.
        """
        cdef Py_ssize_t start, stop, count, i, offset
        cdef double squares = 0, factor
        cdef Group *group
        cdef rb_step own = step[0]
        cdef int g
        for g in range(self.n_groups):
            group = &self.groups[g]
            self.adapt(&own, step, group)
            self.share_of(group, team, thread, &start, &stop)
            while start < stop:
                count = min(group.part, stop - start)
                offset = (group.start + start) * self.kernels.item_size
                self.gradient_squares[group.first_sum + start // group.part] = (
                    self.kernels.update.gradient_squares(
                        self.parameters + offset, self.gradient + offset, count, &own))
                start += count
        rb_meet(team)
        for i in range(self.gradient_squares.shape[0]):
            squares += self.gradient_squares[i]
        factor = step.clip_norm / (sqrt(squares) + 1e-6)  # the 1e-6 is PyTorch's
        return factor if factor < 1 else 1
