"""The network that trains and predicts: its parameters, and single steps.

It owns parameters and gradient. A step consists of the gradients of the layers (layers.pyx) and the
update of the optimiser (optimizer.pyx). Epochs are in epochs.pyx, which may use several networks. A
network does not store rows.
"""

# SPDX-License-Identifier: BSD-3-Clause
import numpy as np

from libc.math cimport INFINITY
from libc.stdint cimport uint64_t
from libc.string cimport memcpy

from rosenblatt.core.address cimport address
from rosenblatt.core.dispatch cimport active_kernels
from rosenblatt.core.examples cimport Examples
from rosenblatt.core.kernels cimport rb_step
from rosenblatt.core.layer cimport Inputs, Layer
from rosenblatt.core.layers cimport Layers
from rosenblatt.core.optimizer cimport Optimizer
from rosenblatt.core.subnormals cimport rb_flush_subnormals, rb_set_mode
from rosenblatt.core.threads cimport rb_run_team, rb_team

from rosenblatt._architecture import dense_network
from rosenblatt.core.blocks import Blocks
from rosenblatt.core.buffers import aligned_zeros
from rosenblatt.core.examples import span_of

SHARE_ABOVE = 4e6  # about 40 microseconds of one thread, ten times the duration of a barrier


cdef struct Sum:
    # the arguments of `loss_and_gradient`, for its threads
    void *network
    void *examples
    const Py_ssize_t *rows
    Py_ssize_t n_rows
    double total


cdef void _sum_gradients(void *context, rb_team *team, int thread) noexcept nogil:
    cdef Sum *job = <Sum *> context
    cdef uint64_t n_steps = <uint64_t> (<Network> job.network).optimizer.step.t
    cdef double total = (<Network> job.network).layers.gradients(
        &(<Examples> job.examples).inputs, job.rows, job.n_rows, n_steps, team, thread)
    if thread == 0:
        job.total = total


cdef struct Step:
    # the same for `take_step`
    void *network
    rb_step step
    double penalty


cdef void _take_step(void *context, rb_team *team, int thread) noexcept nogil:
    cdef Step *job = <Step *> context
    cdef double penalty = (<Network> job.network).update(&job.step, team, thread)
    if thread == 0:
        job.penalty = penalty


cdef class Network:
    """Parameters and gradient, with the layers and the optimiser that work on them.

    Parameters
    ----------
    widths : sequence of int
        n_features, the hidden layers' widths, n_outputs.
    activations : sequence of str
        One name per hidden layer.
    loss : str
        A row of losses.def.
    batch_size : int
        Maximum number of rows of a step or of a call of `predict`.
    dtype : float32 or float64
    optimizer : str or None
        A row of optimizers.def; None keeps no moments.
    loss_constants : float or sequence of float
        The constant `c` of the loss, one for all outputs or one each; see losses.def.
    normalization : {None, 'batch', 'layer'}
        Normalisation of the hidden layers. With 'batch' a step requires 2 to batch_size rows; a
        last batch of one row is merged into the one before it.
    dropout : sequence of float
        Dropout rates, one per hidden layer; () for none.
    input_dropout, input_noise : float
        Dropout rate of inputs, and standard deviation of the noise on inputs, in training. Noise
        requires dense X.
    trainable : bool
        If False, only `predict` is available, and buffers for training are not allocated.
    is_sparse : bool
        Whether X will be sparse.
    n_threads : int
        Maximum number of threads of a call; small steps use one. Results do not depend on it.

    Attributes
    ----------
    noise_seed : int
        Seed of dropout and noise, together with the number of the step.
    architecture : Architecture
    parameters, gradient : ndarray of shape (n_padded,)
        Blocks, see blocks.py: all learned arrays, padded to whole vectors with zeros, in the layout
        that the products read; `read` and `write` convert them. In `parameters` they are followed
        by averaged arrays, which the optimiser does not change.
    moments : list of ndarray of shape (n_padded,)
    """

    def __init__(self, widths, activations, loss, batch_size, dtype, *, loss_constants=0.0,
                 normalization=None, **options):
        self._build(dense_network(widths, activations, loss, dtype, normalization=normalization,
                                  loss_constants=loss_constants), batch_size, **options)

    @classmethod
    def of(cls, architecture, batch_size, **options):
        """Create the network that an Architecture describes, with the other parameters."""
        network = cls.__new__(cls)
        network._build(architecture, batch_size, **options)
        return network

    def _build(self, architecture, batch_size, *, optimizer=None, dropout=(), input_dropout=0.0,
               input_noise=0.0, trainable=True, is_sparse=False, n_threads=1):
        self.architecture, self.dtype = architecture, architecture.dtype
        self.kernels = active_kernels(self.dtype)
        self.n_threads, self.share_above = n_threads, SHARE_ABOVE
        self.is_trainable = trainable
        self.layers = Layers(architecture, is_sparse=is_sparse, n_threads=n_threads,
                             input_dropout=input_dropout, input_noise=input_noise)
        self.blocks = Blocks(architecture, self.layers.stored)
        self.n_parameters, self.n_stored = self.blocks.n_learned, self.blocks.n_stored
        self.parameters = aligned_zeros(self.n_stored, self.dtype)
        self.gradient = aligned_zeros(self.n_parameters if trainable else 0, self.dtype)
        self.first = address(self.parameters)
        self.blocks.begin(self.parameters)
        self.layers.place(self.blocks, self.parameters, self.gradient if trainable else None)
        self.layers.allocate(batch_size, dropout, trainable)
        self.optimizer = Optimizer(optimizer, self.blocks, self.parameters, self.gradient)

    def read(self, block):
        """Copies of the arrays of a block like `parameters`, see `Blocks.read`."""
        return self.blocks.read(block)

    def write(self, block, *lists):
        """Write lists like those of `read` into a block; other arrays are unchanged."""
        self.blocks.write(block, lists)

    def read_flat(self, block):
        """A copy of the learned values of a block as a flat vector, in the order of the catalogue,
        which does not depend on the instruction set."""
        return self.blocks.flat(block)

    def write_flat(self, block, vector):
        """Write such a vector into a block."""
        self.blocks.write_flat(block, vector)

    # -- code that the threads of a call run ----------------------------------------------

    cdef double train_step(self, Examples examples, const Py_ssize_t *order, Py_ssize_t rows,
                           rb_step *step, rb_team *team, int thread) noexcept nogil:
        """Train on one batch; returns its loss with the penalty, before the step (in thread 0)."""
        cdef double loss
        cdef const Inputs *inputs = &examples.inputs
        step.weight = rows
        if inputs.weights:
            step.weight = self.kernels.output.total_weight(inputs.weights, order, rows)
        if step.weight == 0:
            if thread == 0:
                self.optimizer.squared_norm = 0
            return 0  # all rows have zero weight
        loss = self.layers.gradients(inputs, order, rows, <uint64_t> step.t, team, thread)
        loss /= step.weight
        self.optimizer.begin_step(step)
        return loss + self.update(step, team, thread)

    cdef double update(self, const rb_step *step, rb_team *team, int thread) noexcept nogil:
        """Take one optimiser step; returns the penalty before the step (in thread 0)."""
        cdef double penalty = self.optimizer.update(step, team, thread)
        if step.max_norm < INFINITY:
            self.layers.limit_norms(step.max_norm, team, thread)
        return penalty

    cdef Py_ssize_t rows_of_step(self, Py_ssize_t batch_size, Py_ssize_t n_left) noexcept nogil:
        """Whether a last batch of one row is merged into the one before it, because with 'batch' a
        single row has no variance."""
        if self.layers.needs_batch and n_left == batch_size + 1:
            return n_left
        return min(batch_size, n_left)

    # -- Python interface ----------------------------------------------------------------

    @property
    def takes_steps(self):
        """Whether the network has an optimizer."""
        return self.optimizer.code >= 0

    @property
    def chunk(self):
        """Maximum number of rows that are processed at a time."""
        return self.layers.chunk

    @property
    def moments(self):
        """Blocks like `gradient`."""
        return self.optimizer.moments

    @property
    def noise_seed(self):
        """Seed of dropout and noise, together with the number of the step."""
        return self.layers.noise_seed

    @noise_seed.setter
    def noise_seed(self, value):
        self.layers.noise_seed = value

    def steps_per_epoch(self, n_rows, batch_size):
        """Number of batches for `n_rows` rows."""
        n_steps = -(-n_rows // batch_size)
        joins = self.layers.needs_batch and n_rows % batch_size == 1 and n_steps > 1
        return n_steps - joins

    @property
    def n_steps(self):
        """Optimiser steps taken."""
        return int(self.optimizer.step.t)

    @n_steps.setter
    def n_steps(self, value):
        self.optimizer.step.t = value

    @property
    def squared_norm(self):
        """Squared norm of the last step's gradient, including the penalty."""
        return self.optimizer.squared_norm

    @property
    def step_product(self):
        """The product that the optimiser carries from step to step, see optimizers.def."""
        return self.optimizer.step.product

    @step_product.setter
    def step_product(self, value):
        self.optimizer.step.product = value

    def set_optimizer(self, **constants):
        """Set the constants of a step, see `Optimizer.set_constants`."""
        self.optimizer.set_constants(**constants)

    def check(self, Examples examples, span):
        """Check sizes, precision and row numbers, which kernels do not check."""
        if self.parameters is None:
            raise ValueError("The parameters of this network have been handed over")
        n_features = self.architecture.n_columns
        if examples.X.dtype != self.dtype or examples.n_features != n_features:
            raise ValueError(f"X must have {n_features} features of {self.dtype}, got "
                             f"{examples.n_features} of {examples.X.dtype}.")
        if examples.inputs.is_sparse and not self.layers.takes_sparse:
            raise ValueError("The network was created for dense X, got sparse X")
        lowest, highest = span
        if lowest < 0 or highest >= examples.n_samples:
            raise ValueError(f"rows must be in [0, {examples.n_samples}), got "
                             f"{lowest} to {highest}.")

    def check_step(self, Examples examples, n_rows, most):
        """Check the additional requirements of training: dense X for noise, rows for statistics."""
        if examples.inputs.is_sparse and self.layers.input_noise > 0:
            raise ValueError("Noise on inputs requires dense X, got sparse X")
        if self.layers.needs_batch and not 2 <= n_rows <= most:
            raise ValueError(f"normalization='batch' requires batches of 2 to {most} rows, got "
                             f"{n_rows}.")

    cdef int threads_for(self, Py_ssize_t rows) noexcept:
        """The number of threads: one if a step is too short compared with barriers, else all."""
        return self.n_threads if 6.0 * rows * self.optimizer.n_weights > self.share_above else 1

    def loss_and_gradient(self, Examples examples, const Py_ssize_t[::1] order,
                          Py_ssize_t first_row=0):
        """The weighted sum of the losses of the rows; its gradient is written to `gradient`.

        Dropout and noise are those of the next step if the rows are those of the batch from
        `first_row` on. Running statistics are updated.
        """
        if not self.is_trainable or examples.inputs.targets == NULL or len(order) == 0:
            raise ValueError("A gradient requires a trainable network, targets and a row")
        self.check(examples, span_of(np.asarray(order)))
        self.check_step(examples, len(order), self.layers.chunk)
        cdef Sum job
        job.network, job.examples = <void *> self, <void *> examples
        job.rows, job.n_rows = &order[0], order.shape[0]
        cdef int n_threads = self.threads_for(order.shape[0])
        with nogil:
            self.layers.first_row = first_row
            rb_run_team(_sum_gradients, &job, n_threads)
            self.layers.first_row = 0
        return job.total

    def weight_of(self, Examples examples, const Py_ssize_t[::1] order):
        """The divisor of the sums over these rows in a step: the sum of their weights."""
        self.check(examples, span_of(np.asarray(order)))
        if examples.inputs.weights == NULL or order.shape[0] == 0:
            return float(order.shape[0])
        return self.kernels.output.total_weight(examples.inputs.weights, &order[0], order.shape[0])

    def take_step(self, double learning_rate, double weight):
        """Take one optimiser step from `gradient`; returns the penalty before the step.

        `loss_and_gradient` of a batch followed by this is what `train_epochs` does with a batch.
        The loss of the batch is the loss sum divided by `weight`, plus the penalty.

        Parameters
        ----------
        learning_rate : float
        weight : float > 0
            The divisor of the gradient, see `weight_of`.
        """
        if self.optimizer.code < 0 or self.parameters is None or not weight > 0:
            raise ValueError("A step requires an optimizer, parameters and a weight above 0")
        cdef Step job
        cdef rb_step *step = &self.optimizer.step
        step.learning_rate, step.weight = learning_rate, weight
        self.optimizer.begin_step(step)
        job.network, job.step = <void *> self, step[0]
        # an update takes about as long as a product with a row or two
        cdef int n_threads = self.threads_for(2)
        with nogil:
            rb_run_team(_take_step, &job, n_threads)
        return job.penalty

    def predict(self, Examples examples, const Py_ssize_t[::1] order, *, bint with_loss=False):
        """Predictions for rows `order`, of shape (n_rows, n_outputs).

        With `with_loss`, a pair of the predictions and the weighted sum of the losses.
        """
        if with_loss and examples.inputs.targets == NULL:
            raise ValueError("A loss requires targets")
        self.check(examples, span_of(np.asarray(order)))
        cdef Py_ssize_t n = order.shape[0], start = 0, rows, i
        cdef double total = 0
        cdef Layers layers = self.layers
        cdef const Layer *last = layers.last()
        out = np.empty((n, last.fan_out), dtype=self.dtype)
        cdef char *to = address(out)
        cdef const char *logits
        cdef uint64_t mode
        with nogil:
            mode = rb_flush_subnormals()
            layers.begin_predictions()
            while start < n:
                rows = min(layers.chunk, n - start)
                logits = layers.forward(&examples.inputs, &order[start], 0, rows, NULL)
                self.kernels.output.predict(
                    to + start * last.fan_out * self.kernels.item_size, logits, rows,
                    last.fan_out, last.width, layers.loss, layers.scratch)
                if with_loss:
                    self.kernels.output.loss_gradient(
                        <char *> logits, &layers.row_losses[0], examples.inputs.targets,
                        examples.inputs.weights, &order[start], rows, last.fan_out, last.width,
                        layers.loss, layers.loss_constants, layers.scratch)
                    for i in range(rows):
                        total += layers.row_losses[i]
                start += rows
            rb_set_mode(mode)
        return (out, total) if with_loss else out

    def hand_over(self):
        """(`read` of the parameters, [`read` of each moment]). The network is unusable afterwards.

        The gradient is freed first, and each block when it has been read, so that the memory of a
        fit does not exceed its peak in training.
        """
        # without parameters `check` raises, even if something fails from here on
        block, self.parameters, self.gradient = self.parameters, None, None
        parameters, moments = self.read(block), []
        del block
        for i in range(len(self.moments)):
            moments.append(self.read(self.moments[i]))
            self.moments[i] = None
        return parameters, moments

    def activations(self, Examples examples, const Py_ssize_t[::1] order, int i):
        """Outputs of layer i (from 0) for rows `order`, of shape (n_rows, fan_out)."""
        self.check(examples, span_of(np.asarray(order)))
        if not 0 <= i < self.layers.n_layers - 2:
            raise ValueError(f"There are {self.layers.n_layers - 2} hidden layers, got layer {i}")
        cdef Py_ssize_t n = order.shape[0], start = 0, rows, row
        cdef Layers layers = self.layers
        cdef Layer *layer = &layers.at[1 + i]
        cdef Py_ssize_t size = layer.fan_out * self.kernels.item_size
        out = np.empty((n, layer.fan_out), dtype=self.dtype)
        cdef char *to = address(out)
        cdef uint64_t mode
        with nogil:
            mode = rb_flush_subnormals()
            layers.begin_predictions()
            while start < n:
                rows = min(layers.chunk, n - start)
                layers.forward(&examples.inputs, &order[start], 0, rows, NULL)
                for row in range(rows):
                    memcpy(to + (start + row) * size,
                           layer.output + row * layer.width * self.kernels.item_size, size)
                start += rows
            rb_set_mode(mode)
        return out

    def all_finite(self):
        """Whether all parameters are finite."""
        return self.parameters is not None and self.is_finite()

    cdef bint is_finite(self) noexcept nogil:
        return self.kernels.update.all_finite(self.first, self.n_stored)
