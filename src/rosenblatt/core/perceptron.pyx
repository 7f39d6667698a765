"""Training by Rosenblatt's rule: epochs, the order of rows, and the stopping of each class.

The rule for one row is in perceptron.h. `advance` does a bounded amount of work and then returns to
Python; the division into calls changes no bit.
"""

# SPDX-License-Identifier: BSD-3-Clause
from typing import NamedTuple

import numpy as np

from libc.math cimport INFINITY, sqrt
from libc.stdint cimport int32_t, uint32_t

from rosenblatt.core.address cimport address
from rosenblatt.core.dispatch cimport active_kernels
from rosenblatt.core.kernels cimport rb_kernels, rb_perceptron, rb_rows

from rosenblatt.core.buffers import aligned_zeros, csr_parts

# Multiply-adds of one call: far below 0.1 s, the most that Ctrl-C should wait, and far
# above the microsecond that a call costs.
WORK_PER_CALL = 20_000_000


def permutation(Py_ssize_t n, uint32_t seed):
    """The shuffle that scikit-learn applies to the order of rows at the start of every epoch.

    Fisher and Yates' shuffle of 0..n-1 with Marsaglia's 32-bit xorshift generator, whose
    low 31 bits are taken modulo the number of places left.
    """
    result = np.arange(n, dtype=np.intp)
    cdef Py_ssize_t[::1] order = result
    cdef Py_ssize_t i, j, kept
    cdef uint32_t state = seed
    for i in range(n - 1):
        if state == 0:
            state = 1
        state ^= state << 13
        state ^= state >> 17
        state ^= state << 5
        j = i + <Py_ssize_t> (state & 0x7fffffffu) % (n - i)
        kept = order[i]
        order[i] = order[j]
        order[j] = kept
    return result


cdef class Rows:
    """The training rows: X with classes and weights.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), C-contiguous, or scipy CSR
        float32 or float64. Not written to.
    classes : ndarray of intp of shape (n_samples,)
    sample_weight : ndarray of shape (n_samples,) of X's dtype, or None
    """

    cdef readonly object dtype
    cdef readonly Py_ssize_t n_samples, n_features, n_stored
    cdef tuple kept_alive
    cdef rb_rows rows

    def __init__(self, X, classes, sample_weight=None):
        self.n_samples, self.n_features = X.shape
        self.dtype = X.dtype
        if isinstance(X, np.ndarray):
            values = np.require(X, requirements=["C", "A"])
            self.n_stored = self.n_samples * self.n_features
            self.rows.columns = NULL
            self.rows.starts = NULL
            parts = ()
        else:
            values, *parts = csr_parts(X)
            self.n_stored = values.shape[0]
            self.rows.columns = <const int32_t *> address(parts[0])
            self.rows.starts = <const Py_ssize_t *> address(parts[1])
        self.kept_alive = (values, classes, sample_weight, parts)
        self.rows.values = address(values)
        self.rows.stride = self.n_features
        self.rows.n_features = self.n_features
        self.rows.classes = <const Py_ssize_t *> address(classes)
        self.rows.weights = NULL if sample_weight is None else address(sample_weight)


class Learned(NamedTuple):
    """The result of training.

    Attributes
    ----------
    coef, intercept : ndarray of shape (n_columns, n_features) and (n_columns,)
        The weights.
    coef_sum, intercept_sum : ndarray or None
        Sums of the weights over the averaged rows.
    n_averaged : ndarray of shape (n_columns,)
        Number of averaged rows.
    """

    coef: object
    intercept: object
    coef_sum: object
    intercept_sum: object
    n_averaged: object


cdef class PerceptronTrainer:
    """One fit: the parameters of the classes still in training and the result of the others.

    Parameters
    ----------
    rows : Rows
    coef : ndarray of shape (n_columns, n_features)
        Weights to start from; one column of the trainer for each row of it.
    intercept : ndarray of shape (n_columns,)
    classes : sequence of int
        The class of each column.
    own_step, other_step : ndarray of shape (n_columns,)
        Step length after a mistake, for rows of the class and for other rows.
    n_classes : int
    alpha, l1_ratio, eta : float
        The penalty is alpha * ((1 - l1_ratio) / 2 * ||w||^2 + l1_ratio * ||w||_1).
    count_penalty : bool
        Whether the objective includes it.
    fit_intercept : bool
    average_from : int
        The number of the training row, from 1, from which on weights are averaged; 0 for never.
    order : ndarray of intp of shape (n_samples,) or None
        Permutation applied to the order of rows before each epoch; None for no shuffling.
    validation : ndarray of bool of shape (n_samples,) or None
        Rows that are scored and not used for training.
    max_iter, patience : int
    tol : float
        -inf never stops.

    Attributes
    ----------
    learned : Learned
        Result of the classes that have stopped.
    n_epochs : ndarray of shape (n_columns,)
    epoch : int
        Number of started epochs.
    done : bool
    overflow : bool
        Whether a weight became infinite or NaN; training then stops.
    """

    cdef const rb_kernels *kernels
    cdef rb_perceptron p
    cdef Rows rows
    cdef readonly object learned, n_epochs
    cdef readonly bint done, overflow
    cdef readonly Py_ssize_t epoch
    cdef object dtype, blocks, columns, column_of, met
    cdef object permutation_array, order_array, next_array, training_array, validation_array
    cdef object sums, bests, counts, stopped
    cdef Py_ssize_t *permutation
    cdef Py_ssize_t *order
    cdef Py_ssize_t *scratch_order
    cdef Py_ssize_t *training
    cdef Py_ssize_t *validation
    cdef const char *is_validation
    cdef Py_ssize_t n_training, n_validation, position, n_columns, max_iter, patience
    cdef double tol
    cdef bint epoch_ended, any_stopped
    cdef double *best
    cdef Py_ssize_t *count
    cdef char *is_stopped

    def __init__(self, Rows rows, coef, intercept, *, classes, n_classes, own_step, other_step,
                 alpha=0.0, l1_ratio=0.0, eta=1.0, count_penalty=False, fit_intercept=True,
                 average_from=0, order=None, validation=None, max_iter=1, patience=5,
                 tol=-np.inf):
        self.rows = rows
        self.dtype = rows.dtype
        self.kernels = active_kernels(self.dtype)
        shapes = [np.shape(coef), np.shape(intercept)]
        n_columns = shapes[0][0]
        self.n_epochs = np.zeros(n_columns, dtype=np.intp)
        self.learned = Learned(
            *[np.zeros(shape, self.dtype) for shape in shapes],
            *[np.zeros(shape, self.dtype) if average_from else None for shape in shapes],
            np.zeros(n_columns),
        )
        self.column_of = np.full(n_classes, -1, dtype=np.intp)
        self.max_iter, self.patience, self.tol = max_iter, patience, tol
        self.epoch = self.position = 0
        self._set_rule(alpha, l1_ratio, eta, count_penalty, fit_intercept, average_from)
        self._allocate(np.asarray(classes), own_step, other_step)
        self._begin_from(np.asarray(coef, self.dtype), np.asarray(intercept, self.dtype))
        self._set_order(order, validation)

    def _set_rule(self, double alpha, double l1_ratio, double eta, bint count_penalty,
                  bint fit_intercept, Py_ssize_t average_from):
        self.p.alpha = alpha
        self.p.l1_ratio = l1_ratio
        self.p.decay = max(0.0, 1.0 - (1.0 - l1_ratio) * eta * alpha)
        self.p.shrinkage = l1_ratio * eta * alpha
        self.p.penalised = count_penalty
        self.p.fit_intercept = fit_intercept
        self.p.average_from = average_from
        self.p.n_features = self.rows.n_features
        self.p.scale = 1
        self.p.due = self.p.elapsed = self.p.n_averaged = self.p.checked = 0
        self.p.step = self.p.overflow = 0

    def _allocate(self, classes, own_step, other_step):
        """Blocks of (rows, width), one column for each class; `columns` numbers these."""
        n = len(classes)
        F = self.rows.n_features
        vector = self.kernels.vector_length
        width = 1 if n == 1 else -(-n // vector) * vector
        averaging, l1 = self.p.average_from != 0, self.p.shrinkage != 0
        self.columns = np.arange(n)
        self.blocks = {
            "weights": aligned_zeros((F, width), self.dtype),
            "intercepts": aligned_zeros((1, width), self.dtype),
            "weight_sums": aligned_zeros((F, width), self.dtype) if averaging else None,
            "intercept_sums": aligned_zeros((1, width), self.dtype) if averaging else None,
            "shrunk": aligned_zeros((F, width), self.dtype) if l1 else None,
            "own_step": aligned_zeros((1, width), self.dtype),
            "other_step": aligned_zeros((1, width), self.dtype),
            "norms": aligned_zeros((4, width), np.float64),
        }
        self.blocks["own_step"][0, :n] = own_step
        self.blocks["other_step"][0, :n] = other_step
        self.column_of[classes] = self.columns
        sparse = self.rows.rows.columns != NULL
        self.met = np.zeros(F, dtype=np.intp) if l1 and sparse else None
        self.bests = np.full(n, INFINITY)
        self.counts = np.zeros(n, dtype=np.intp)
        self._point(width)

    def _begin_from(self, coef, intercept):
        """Fills the blocks with the weights to start from, and with their norms."""
        n = len(intercept)
        self.blocks["weights"][:, :n] = coef.T
        self.blocks["intercepts"][0, :n] = intercept
        if self.p.penalised:
            for k in range(n):  # one at a time, because a copy of all would need as much memory
                weights = coef[k].astype(np.float64, copy=False)
                self.blocks["norms"][0::2, k] = (weights * weights).sum()
                self.blocks["norms"][1::2, k] = np.abs(weights).sum()

    def _point(self, Py_ssize_t width):
        """Point the kernels at the blocks."""
        cdef double *sums
        cdef double *norms
        blocks = self.blocks
        self.sums = aligned_zeros((3, width), np.float64)
        self.stopped = np.zeros(len(self.columns), dtype=np.uint8)
        self.n_columns = len(self.columns)
        self.p.width = width
        self.p.weights = address(blocks["weights"])
        self.p.intercepts = address(blocks["intercepts"])
        self.p.weight_sums = self.p.intercept_sums = self.p.shrunk = NULL
        if blocks["weight_sums"] is not None:
            self.p.weight_sums = address(blocks["weight_sums"])
            self.p.intercept_sums = address(blocks["intercept_sums"])
        if blocks["shrunk"] is not None:
            self.p.shrunk = address(blocks["shrunk"])
        self.p.met = NULL if self.met is None else <Py_ssize_t *> address(self.met)
        blocks["intercepts"][0, self.n_columns:] = -1  # padding
        blocks["one_hot"] = aligned_zeros((1, 2 * width + 1), self.dtype)
        blocks["one_hot"][0, width] = 1
        blocks["scratch"] = aligned_zeros((2, width), self.dtype)
        self.p.scores = address(blocks["scratch"])
        self.p.steps = address(blocks["scratch"][1])
        self.p.one_hot = address(blocks["one_hot"])
        self.p.own_step = address(blocks["own_step"])
        self.p.other_step = address(blocks["other_step"])
        sums = <double *> address(self.sums)
        self.p.loss, self.p.penalty, self.p.correct = sums, sums + width, sums + 2 * width
        norms = <double *> address(blocks["norms"])
        self.p.squares, self.p.absolutes = norms, norms + width
        self.p.true_squares, self.p.true_absolutes = norms + 2 * width, norms + 3 * width
        self.p.column_of = <const Py_ssize_t *> address(self.column_of)
        self.best = <double *> address(self.bests)
        self.count = <Py_ssize_t *> address(self.counts)
        self.is_stopped = address(self.stopped)

    def _set_order(self, order, validation):
        n = self.rows.n_samples
        self.order_array = np.arange(n, dtype=np.intp)
        self.order = <Py_ssize_t *> address(self.order_array)
        self.permutation = self.validation = NULL
        self.training = self.order
        self.is_validation = NULL
        self.n_training, self.n_validation = n, 0
        if order is not None:
            self.permutation_array = order
            self.permutation = <Py_ssize_t *> address(order)
            self.next_array = np.empty(n, dtype=np.intp)
            self.scratch_order = <Py_ssize_t *> address(self.next_array)
        if validation is not None:
            # the mask itself is kept as the second item
            self.validation_array = (np.flatnonzero(validation), validation)
            self.training_array = np.empty(n, dtype=np.intp)
            self.validation = <Py_ssize_t *> address(self.validation_array[0])
            self.is_validation = address(validation)
            self.training = <Py_ssize_t *> address(self.training_array)
            self.n_validation = len(self.validation_array[0])
            self.n_training = n - self.n_validation

    # -- an epoch -------------------------------------------------------------------------

    cdef void _begin_epoch(self) noexcept nogil:
        """Shuffles, and leaves out the rows of the validation set."""
        cdef Py_ssize_t n = self.rows.n_samples, i, k = 0
        cdef Py_ssize_t *swap
        self.epoch += 1
        if self.permutation:
            for i in range(n):
                self.scratch_order[i] = self.order[self.permutation[i]]
            swap = self.order
            self.order = self.scratch_order
            self.scratch_order = swap
        if not self.n_validation:
            self.training = self.order
        else:
            for i in range(n):
                if not self.is_validation[self.order[i]]:
                    self.training[k] = self.order[i]
                    k += 1
        for i in range(self.p.width):
            self.p.loss[i] = self.p.penalty[i] = self.p.correct[i] = 0
        self.p.checked = 0

    cdef void _end_epoch(self) noexcept nogil:
        """Which classes stop: no gain of tol on the best for `patience` epochs in a row.

        `best` holds the lowest objective, or minus the highest score on the validation set.
        """
        cdef Py_ssize_t k
        cdef double value
        self.position = 0
        self.epoch_ended = True
        self.overflow = self.p.overflow
        for k in range(self.n_columns):
            if self.is_stopped[k]:
                continue
            value = self._objective(k)
            if self.n_validation:
                value = -self.p.correct[k] / self.p.checked
            if self.tol > -INFINITY and value > self.best[k] - self.tol:
                self.count[k] += 1
            else:
                self.count[k] = 0
            self.best[k] = min(self.best[k], value)
            if self.count[k] >= self.patience or self.epoch == self.max_iter:
                self.is_stopped[k] = self.any_stopped = True

    cdef double _objective(self, Py_ssize_t k) noexcept nogil:
        return (self.p.loss[k] + self.p.penalty[k]) / self.n_training

    cdef void _advance(self, Py_ssize_t n_rows, bint one_epoch) noexcept nogil:
        cdef Py_ssize_t m, start
        while n_rows > 0 and not self.any_stopped and not self.overflow:
            if self.position == 0:
                self._begin_epoch()
            start = self.position
            if start < self.n_training:
                m = min(n_rows, self.n_training - start)
                self.kernels.perceptron.learn(&self.p, &self.rows.rows, self.training + start, m)
                if start + m == self.n_training:
                    self.kernels.perceptron.settle(&self.p)
            else:
                m = min(n_rows, self.n_training + self.n_validation - start)
                self.kernels.perceptron.check(&self.p, &self.rows.rows,
                                              self.validation + (start - self.n_training), m)
            self.position += m
            n_rows -= m
            if self.position == self.n_training + self.n_validation:
                self._end_epoch()
                if one_epoch:
                    return

    # -- Python interface -----------------------------------------------------------------

    def advance(self, bint one_epoch=False):
        """Train for a bounded time, at most to the end of the epoch if `one_epoch`.

        Returns
        -------
        list of dict or None
            At the end of an epoch, if `one_epoch`: a report for each class in training, with
            column, norm, n_nonzero, intercept, loss, objective, score (or None) and stopped.
        """
        cdef Py_ssize_t per_row = self.rows.n_stored * self.p.width // self.rows.n_samples + 1
        if self.p.shrunk and not self.p.met:
            per_row += 4 * self.p.n_features * self.p.width
        cdef Py_ssize_t n_rows = WORK_PER_CALL // per_row + 1
        self.epoch_ended = False
        with nogil:
            self._advance(n_rows, one_epoch)
        report = self._report() if one_epoch and self.epoch_ended else None
        if self.overflow:
            self.done = True
        elif self.any_stopped:
            self._retire()
        return report

    @property
    def in_epoch(self):
        """Whether an epoch has started and not ended."""
        return self.position != 0

    def stop(self):
        """End training now: the weights so far are the result."""
        self.kernels.perceptron.settle(&self.p)
        for k in range(self.n_columns):
            self.is_stopped[k] = True
        self._retire()

    def _report(self):
        cdef Py_ssize_t k
        report = []
        for k in range(self.n_columns):
            weights = self.blocks["weights"][:, k].astype(np.float64) * self.p.scale
            report.append({
                "column": int(self.columns[k]),
                "n_learned": self.epoch * self.n_training,
                "norm": sqrt(weights @ weights),
                "n_nonzero": int(np.count_nonzero(weights)),
                "intercept": float(self.blocks["intercepts"][0, k]),
                "loss": self.p.loss[k] / self.n_training,
                "objective": self._objective(k),
                "score": self.p.correct[k] / self.p.checked if self.n_validation else None,
                "stopped": bool(self.is_stopped[k]) and self.count[k] >= self.patience,
            })
        return report

    def so_far(self):
        """The Learned of the current state, as if training ended with this epoch."""
        parts = [None if part is None else part.copy() for part in self.learned]
        result = Learned(*parts)
        self._write_down(range(self.n_columns), result)
        return result

    def _write_down(self, columns, to):
        """Write the results of these columns to the arrays of `to`, without copying all of them."""
        blocks = self.blocks
        scale = self.dtype.type(self.p.scale)
        elapsed, n_averaged = self.dtype.type(self.p.elapsed), self.dtype.type(self.p.n_averaged)
        for k in columns:
            row, weights, intercept = self.columns[k], blocks["weights"][:, k], blocks["intercepts"]
            to.coef[row] = weights * scale
            to.intercept[row] = intercept[0, k]
            if to.coef_sum is not None:
                to.coef_sum[row] = blocks["weight_sums"][:, k] + elapsed * weights
                to.intercept_sum[row] = (
                    blocks["intercept_sums"][0, k] + n_averaged * intercept[0, k]
                )
                to.n_averaged[row] = self.p.n_averaged

    def _retire(self):
        """Write down the classes that have stopped, and close up the others."""
        stopped = self.stopped.astype(bool)
        self.n_epochs[self.columns[stopped]] = self.epoch
        self._write_down(np.flatnonzero(stopped), self.learned)
        self.any_stopped = False
        self.done = bool(stopped.all())
        if not self.done:
            self._close_up(~stopped)

    def _close_up(self, active):
        """Drop the inactive columns; the bits of a column do not depend on its position."""
        n = self.n_columns
        kept = int(active.sum())
        vector = self.kernels.vector_length
        width = -(-kept // vector) * vector
        for name, block in self.blocks.items():
            if block is None or name in ("scratch", "one_hot"):
                continue
            dropped = aligned_zeros((block.shape[0], width), block.dtype)
            dropped[:, :kept] = block[:, :n][:, active]
            self.blocks[name] = dropped
        places = np.full(n + 1, -1, dtype=np.intp)  # the last one for classes without a column
        places[:n][active] = np.arange(kept)
        self.column_of = places[self.column_of]
        self.columns = self.columns[active]
        self.bests = self.bests[active]
        self.counts = self.counts[active]
        self._point(width)
