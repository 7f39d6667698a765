"""The network that trains and predicts: its parameters, and one step.

A step is the layers' gradients (layers.pyx) and the optimiser's update (optimizer.pyx); here
parameters and gradient live. Epochs of steps are run in epochs.pyx, which may have several
networks; a network knows nothing of rows but those of the call.
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
from rosenblatt.core.optimizer import STEP_CONSTANTS

SHARE_ABOVE = 4e6  # about 40 microseconds of one thread, some ten times what meeting takes


cdef struct Sum:
    # what `loss_and_gradient` was asked, for the threads that do it
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
        The most rows a step, or a call of `predict`, will see.
    dtype : float32 or float64
    optimizer : str or None
        A row of optimizers.def; None keeps no moments.
    loss_constants : float or sequence of float
        The loss's `c`, one for all outputs or one each; see losses.def.
    normalization : {None, 'batch', 'layer'}
        Of the hidden layers' products. With 'batch' a step takes 2 rows at least and
        batch_size at most; a last batch of one row joins the one before it.
    dropout : sequence of float
        The share of outputs dropped in training, one per hidden layer; () for none.
    input_dropout, input_noise : float
        The share of inputs dropped in training, and the standard deviation of what is added
        to them. Noise takes X that is dense.
    trainable : bool
        Without it there is room for `predict` only.
    is_sparse : bool
        Whether X will be sparse.
    n_threads : int
        The most threads that a call uses; small steps take one. Results do not depend on it.

    Attributes
    ----------
    noise_seed : int
        What dropout and noise are drawn from, together with the number of the step.
    architecture : Architecture
    parameters, gradient : ndarray of shape (n_padded,)
        Blocks, see blocks.py: all that is learned, padded to whole vectors with zeros and laid
        out as the products read it; `read` and `write` translate. `parameters` goes on with what
        is averaged, which is the model's but not the optimiser's.
    moments : list of ndarray of shape (n_padded,)
    """

    def __init__(self, widths, activations, loss, batch_size, dtype, *, loss_constants=0.0,
                 normalization=None, **options):
        self._build(dense_network(widths, activations, loss, dtype, normalization=normalization,
                                  loss_constants=loss_constants), batch_size, **options)

    @classmethod
    def of(cls, architecture, batch_size, **options):
        """The network that an Architecture describes, with the other parameters."""
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
        """Copies of what a block like `parameters` holds, in lists, see `Blocks.read`."""
        return self.blocks.read(block)

    def write(self, block, *lists):
        """Puts lists like those of `read` into a block; what is not given stays."""
        self.blocks.write(block, lists)

    def read_flat(self, block):
        """A block's learned numbers in the order of the catalogue, which is the same whatever
        the instruction set: a copy."""
        return self.blocks.flat(block)

    def write_flat(self, block, vector):
        """Puts such a vector into a block."""
        self.blocks.write_flat(block, vector)

    # -- what the threads of a call run ---------------------------------------------------

    cdef double train_step(self, Examples examples, const Py_ssize_t *order, Py_ssize_t rows,
                           rb_step *step, rb_team *team, int thread) noexcept nogil:
        """One batch: returns its loss, the penalty included, before the step (to thread 0)."""
        cdef double loss
        cdef const Inputs *inputs = &examples.inputs
        step.weight = rows
        if inputs.weights:
            step.weight = self.kernels.output.total_weight(inputs.weights, order, rows)
        if step.weight == 0:
            if thread == 0:
                self.optimizer.squared_norm = 0
            return 0  # nothing to learn from, and nothing to divide by
        loss = self.layers.gradients(inputs, order, rows, <uint64_t> step.t, team, thread)
        loss /= step.weight
        self.optimizer.begin_step(step)
        return loss + self.update(step, team, thread)

    cdef double update(self, const rb_step *step, rb_team *team, int thread) noexcept nogil:
        """One optimiser step; returns the penalty that it descended (to thread 0)."""
        cdef double penalty = self.optimizer.update(step, team, thread)
        if step.max_norm < INFINITY:
            self.layers.limit_norms(step.max_norm, team, thread)
        return penalty

    cdef Py_ssize_t rows_of_step(self, Py_ssize_t batch_size, Py_ssize_t n_left) noexcept nogil:
        """A single row has no statistics: with 'batch' it joins the batch before it."""
        if self.layers.needs_batch and n_left == batch_size + 1:
            return n_left
        return min(batch_size, n_left)

    # -- what Python calls ---------------------------------------------------------------

    @property
    def takes_steps(self):
        """Whether it has an optimizer."""
        return self.optimizer.code >= 0

    @property
    def chunk(self):
        """The most rows that are worked on at once."""
        return self.layers.chunk

    @property
    def moments(self):
        """Blocks like `gradient`."""
        return self.optimizer.moments

    @property
    def noise_seed(self):
        """What dropout and noise are drawn from, together with the number of the step."""
        return self.layers.noise_seed

    @noise_seed.setter
    def noise_seed(self, value):
        self.layers.noise_seed = value

    def steps_per_epoch(self, n_rows, batch_size):
        """How many batches there are of so many rows."""
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
        """Of the last step's gradient, the penalty's included."""
        return self.optimizer.squared_norm

    @property
    def step_product(self):
        """What the optimiser carries from step to step besides moments; see optimizers.def."""
        return self.optimizer.step.product

    @step_product.setter
    def step_product(self, value):
        self.optimizer.step.product = value

    def set_optimizer(self, **constants):
        """The constants of a step, see `Optimizer.set_constants`."""
        self.optimizer.set_constants(**constants)

    def check(self, Examples examples, span):
        """What the kernels cannot: sizes, precision and row numbers fit this network."""
        if self.parameters is None:
            raise ValueError("the network has handed over its parameters")
        n_features = self.architecture.layers[0].fan_in
        if examples.X.dtype != self.dtype or examples.n_features != n_features:
            raise ValueError(f"the network takes {n_features} features of {self.dtype}, got "
                             f"{examples.n_features} of {examples.X.dtype}.")
        if examples.inputs.is_sparse and not self.layers.takes_sparse:
            raise ValueError("the network was made for X that is not sparse")
        lowest, highest = span
        if lowest < 0 or highest >= examples.n_samples:
            raise ValueError(f"rows must be numbers in [0, {examples.n_samples}), got "
                             f"{lowest} to {highest}.")

    def check_step(self, Examples examples, n_rows, most):
        """What training takes besides: X that may be filled, and rows that have a variance."""
        if examples.inputs.is_sparse and self.layers.input_noise > 0:
            raise ValueError("noise on inputs takes X that is not sparse")
        if self.layers.needs_batch and not 2 <= n_rows <= most:
            raise ValueError(f"normalization='batch' takes batches of 2 to {most} rows, got "
                             f"{n_rows}.")

    cdef int threads_for(self, Py_ssize_t rows) noexcept:
        """One where a step is too short to pay for the threads' meetings, else all."""
        return self.n_threads if 6.0 * rows * self.optimizer.n_weights > self.share_above else 1

    def loss_and_gradient(self, Examples examples, const Py_ssize_t[::1] order,
                          Py_ssize_t first_row=0):
        """The weighted sum of the rows' losses; its gradient is left in `gradient`.

        With the dropout and the noise that the next step has, where the rows are those of the
        batch from `first_row` on; running statistics take a step.
        """
        if not self.is_trainable or examples.inputs.targets == NULL or len(order) == 0:
            raise ValueError("a gradient takes a trainable network, targets, and a row at least")
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
        """What a step on these rows divides the sums over them by: their weights' sum."""
        self.check(examples, span_of(np.asarray(order)))
        if examples.inputs.weights == NULL or order.shape[0] == 0:
            return float(order.shape[0])
        return self.kernels.output.total_weight(examples.inputs.weights, &order[0], order.shape[0])

    def take_step(self, double learning_rate, double weight, dict scheduled=None):
        """One step of the optimiser, from what `gradient` holds; returns the penalty it descended.

        After `loss_and_gradient` of a batch it is what `train_epochs` does with that batch, whose
        loss is that sum over `weight`, and the penalty.

        Parameters
        ----------
        learning_rate : float
        weight : float > 0
            What the gradient is divided by, see `weight_of`.
        scheduled : dict or None
            From names of other constants of a step, see `STEP_CONSTANTS`, to their values from
            this step on.
        """
        if self.optimizer.code < 0 or self.parameters is None or not weight > 0:
            raise ValueError("a step takes an optimizer, parameters, and a weight above 0")
        cdef Step job
        cdef rb_step *step = &self.optimizer.step
        step.learning_rate, step.weight = learning_rate, weight
        cdef Py_ssize_t place
        for name, value in (scheduled or {}).items():
            place = STEP_CONSTANTS[name]
            (<double *> (<char *> step + place))[0] = value
        self.optimizer.begin_step(step)
        job.network, job.step = <void *> self, step[0]
        # an update takes about as long as a product with a row or two
        cdef int n_threads = self.threads_for(2)
        with nogil:
            rb_run_team(_take_step, &job, n_threads)
        return job.penalty

    def predict(self, Examples examples, const Py_ssize_t[::1] order, *, bint with_loss=False):
        """Predictions for rows `order`: ndarray of shape (n_rows, n_outputs).

        With `with_loss` a pair of it and the weighted sum of the rows' losses.
        """
        if with_loss and examples.inputs.targets == NULL:
            raise ValueError("a loss takes targets")
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
        """(what `read` gives of the parameters, [the same of each moment]); then it is over.

        The gradient goes first and each block when it has been read, so that a fit's memory is
        at its highest while it trains.
        """
        # without parameters `check` lets nothing through, whatever fails from here on
        block, self.parameters, self.gradient = self.parameters, None, None
        parameters, moments = self.read(block), []
        del block
        for i in range(len(self.moments)):
            moments.append(self.read(self.moments[i]))
            self.moments[i] = None
        return parameters, moments

    def activations(self, Examples examples, const Py_ssize_t[::1] order, int i):
        """Outputs of layer i, counted from 0, for rows `order`: (n_rows, fan_out)."""
        self.check(examples, span_of(np.asarray(order)))
        if not 0 <= i < self.layers.n_layers - 2:
            raise ValueError(f"there are {self.layers.n_layers - 2} hidden layers, got layer {i}")
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
        """Whether every parameter is a finite number."""
        return self.parameters is not None and self.is_finite()

    cdef bint is_finite(self) noexcept nogil:
        return self.kernels.update.all_finite(self.first, self.n_stored)
