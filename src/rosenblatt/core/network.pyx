"""The network that trains and predicts: its parameters, and epochs of steps.

A step is the layers' gradients (layers.pyx) and the optimiser's update (optimizer.pyx); here
parameters and gradient live, rows are handed out, and epochs are run, without the GIL and
without a Python object touched. What may stop training, and the rates, are the training loop's
above.
"""

# SPDX-License-Identifier: BSD-3-Clause
import numpy as np

from libc.math cimport INFINITY, NAN, sqrt
from libc.stdint cimport int32_t, uint64_t
from libc.string cimport memcpy

from rosenblatt.core.address cimport address
from rosenblatt.core.dispatch cimport active_kernels
from rosenblatt.core.kernels cimport PANELS, rb_kernels, rb_step
from rosenblatt.core.layers cimport Inputs, Layer, Layers
from rosenblatt.core.optimizer cimport Optimizer
from rosenblatt.core.subnormals cimport rb_flush_subnormals, rb_set_mode
from rosenblatt.core.threads cimport rb_meet, rb_run_team, rb_team

from rosenblatt._architecture import dense_network
from rosenblatt.core.blocks import Blocks
from rosenblatt.core.buffers import aligned_zeros, csr_parts

EPOCH_FIGURES = ("gradient_norm", "seconds", "parameter_change")  # columns, see train_epochs

SHARE_ABOVE = 4e6  # about 40 microseconds of one thread, some ten times what meeting takes

cdef enum:
    N_FIGURES = 3     # EPOCH_FIGURES


cdef class Examples:
    """What a network reads: rows of X with their targets and weights.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), C-contiguous, or scipy CSR
        Of the network's dtype. Not copied, not written to.
    targets : ndarray or None
        As the loss takes them: (n_samples, n_outputs) of X's dtype, or intp class indices
        (n_samples,).
    sample_weight : ndarray of shape (n_samples,) of X's dtype, or None
    """

    cdef readonly object X, targets, sample_weight
    cdef readonly Py_ssize_t n_samples, n_features
    cdef object csr_parts
    cdef Inputs inputs          # what the layers read of them

    def __init__(self, X, targets=None, sample_weight=None):
        self.n_samples, self.n_features = X.shape
        self.inputs.n_features = self.n_features
        self.inputs.is_sparse = not isinstance(X, np.ndarray)
        if self.inputs.is_sparse:
            self.csr_parts = csr_parts(X)
            self.inputs.csr.values = address(self.csr_parts[0])
            self.inputs.csr.columns = <const int32_t *> address(self.csr_parts[1])
            self.inputs.csr.starts = <const Py_ssize_t *> address(self.csr_parts[2])
            X = self.csr_parts[0]
        else:
            X = np.require(X, requirements=["C", "A"])
            self.inputs.rows = address(X)
        if targets is not None:
            targets = np.require(targets, requirements=["C", "A"])
            if len(targets) != self.n_samples:
                raise ValueError(f"targets have {len(targets)} rows, X has {self.n_samples}.")
        if sample_weight is not None:
            sample_weight = np.require(sample_weight, X.dtype, requirements=["C", "A"])
            if sample_weight.shape != (self.n_samples,):
                raise ValueError(f"sample_weight has the shape {sample_weight.shape}, X has "
                                 f"{self.n_samples} rows.")
        self.X = X
        self.targets = targets
        self.sample_weight = sample_weight
        self.inputs.targets = NULL if targets is None else address(targets)
        self.inputs.weights = NULL if sample_weight is None else address(sample_weight)


cdef extern from "shuffle.h" nogil:
    ctypedef struct rb_mt19937:
        unsigned int key[624]
        int position
    void rb_mt19937_temper(rb_mt19937 *)
    void rb_shuffle(Py_ssize_t *, Py_ssize_t, rb_mt19937 *)


cdef extern from "clock.h" nogil:
    double rb_seconds()


def _span(rows):
    """(lowest, highest) of an array of row numbers."""
    return (int(rows.min()), int(rows.max())) if len(rows) else (0, -1)


cdef class RowOrder:
    """The order in which rows are taken, shuffled anew for every epoch.

    Shuffles compose: each permutes the order of the epoch before, as scikit-learn's do.

    Parameters
    ----------
    rows : ndarray of intp of shape (n_rows,)
        Row numbers, in the order to start from. Copied.
    random_state : numpy.random.RandomState or None
        None keeps the order. A RandomState is left as if its own `shuffle` had been called.
    is_private : bool
        Whether no other thread draws from `random_state`. The core continues a copy of its
        state without the GIL; one that is shared, as NumPy's global one is, must shuffle by
        itself, under its lock.

    Attributes
    ----------
    is_continued_in_core : bool
        Whether epochs can follow each other without Python: only MT19937 is known there.
    span : (int, int)
        The lowest and the highest row number, which are the same in every epoch.
    """

    cdef object array
    cdef Py_ssize_t[::1] rows   # of the array
    cdef readonly tuple span
    cdef object random_state
    cdef dict state
    cdef rb_mt19937 generator
    cdef bint shuffles
    cdef readonly bint is_continued_in_core

    def __init__(self, rows, random_state=None, is_private=True):
        self.rows = self.array = np.array(rows, dtype=np.intp)
        self.span = _span(self.array)
        self.random_state = random_state
        self.is_continued_in_core = random_state is None or (
            is_private and random_state.get_state(legacy=False)["bit_generator"] == "MT19937")
        self.shuffles = random_state is not None and self.is_continued_in_core

    def _begin(self):
        cdef unsigned int[::1] key
        if self.random_state is None:
            return
        if not self.shuffles:
            self.random_state.shuffle(self.array)
            return
        self.state = self.random_state.get_state(legacy=False)
        key = np.ascontiguousarray(self.state["state"]["key"], dtype=np.uint32)
        for i in range(624):
            self.generator.key[i] = key[i]
        self.generator.position = self.state["state"]["pos"]
        rb_mt19937_temper(&self.generator)

    def _end(self):
        if not self.shuffles:
            return
        array = np.empty(624, dtype=np.uint32)
        cdef unsigned int[::1] key = array
        for i in range(624):
            key[i] = self.generator.key[i]
        self.state["state"] = {"key": array, "pos": self.generator.position}
        self.random_state.set_state(self.state)

    @property
    def current(self):
        """The order of the last epoch."""
        return self.array.copy()

    cdef void next_epoch(self) noexcept nogil:
        if self.shuffles:
            rb_shuffle(&self.rows[0], self.rows.shape[0], &self.generator)


cdef class StoppingRule:
    """Counts the epochs in a row whose loss is not `tol` below the best so far.

    Parameters
    ----------
    best : float
    n_without_improvement : int
        Where to go on from.
    tol : float
    patience : float
        `is_exhausted` once there were more.
    """

    cdef readonly double best, tol, patience
    cdef readonly Py_ssize_t n_without_improvement

    def __init__(self, best, n_without_improvement, tol, patience):
        self.best, self.n_without_improvement = best, n_without_improvement
        self.tol, self.patience = tol, patience

    def observe(self, double loss):
        """Counts an epoch with this loss; returns whether training has waited long enough."""
        return self.is_exhausted(loss)

    cdef bint is_exhausted(self, double loss) noexcept nogil:
        if loss > self.best - self.tol:
            self.n_without_improvement += 1
        else:
            self.n_without_improvement = 0
        if loss < self.best:
            self.best = loss
        return self.n_without_improvement > self.patience


cdef struct Job:
    # what `train_epochs` was asked, for the threads that do it
    void *network
    void *examples
    void *order
    void *rule                  # or NULL
    Py_ssize_t *rows
    const double *learning_rates
    double *losses
    double *figures             # (n_epochs, N_FIGURES)
    double tol_params           # negative: parameters may stay where they are
    bint tracks_change
    Py_ssize_t n_rows, n_steps, n_epochs, batch_size
    Py_ssize_t n_done
    bint is_over


cdef void _train_epochs(void *context, rb_team *team, int thread) noexcept nogil:
    """What each thread of `Network.train_epochs` runs; thread 0 decides for all."""
    cdef Job *job = <Job *> context
    cdef rb_step step = (<Network> job.network).optimizer.step
    cdef double loss, change = NAN, started = 0
    cdef double *figures
    while not job.is_over:
        if thread == 0:
            started = rb_seconds()
            (<RowOrder> job.order).next_epoch()
        rb_meet(team)
        loss = (<Network> job.network).train_epoch(job, &step, team, thread)
        rb_meet(team)
        if thread == 0:
            (<Network> job.network).optimizer.step = step
            if job.tracks_change:
                change = (<Network> job.network).moved()
            job.losses[job.n_done] = loss
            figures = job.figures + job.n_done * N_FIGURES
            figures[0] = (<Network> job.network).gradient_norm
            figures[1] = rb_seconds() - started
            figures[2] = change
            job.n_done += 1
            job.is_over = not (<Network> job.network).is_finite()
            if job.rule != NULL and (<StoppingRule> job.rule).is_exhausted(loss):
                job.is_over = True
            if change < job.tol_params:
                job.is_over = True
            if job.n_done == job.n_epochs:
                job.is_over = True
        rb_meet(team)


cdef struct Sum:
    # the same for `loss_and_gradient`
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

    cdef const rb_kernels *kernels
    cdef readonly object architecture, dtype, parameters, gradient
    cdef object blocks
    cdef Layers layers
    cdef Optimizer optimizer
    cdef char *first            # of the parameters
    cdef int n_threads
    cdef bint is_trainable, by_batch
    cdef Py_ssize_t n_parameters
    cdef Py_ssize_t n_stored    # and running statistics
    cdef double gradient_norm   # the root mean square of an epoch's
    cdef object before          # parameters when `moved` was last called, or None
    cdef char *before_data
    cdef public double share_above  # floating-point operations of a step, for several threads

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
        self.by_batch = architecture.normalization == "batch"
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
            step.weight = self.kernels.total_weight(inputs.weights, order, rows)
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

    cdef double train_epoch(self, const Job *job, rb_step *step, rb_team *team,
                            int thread) noexcept nogil:
        """One pass over the job's rows; returns the mean over rows of their batch's loss.

        Leaves the root mean square of the norm of the steps' gradients.
        """
        cdef Py_ssize_t start = 0, i = 0, rows
        cdef double total = 0, squares = 0, t = step.t
        while start < job.n_rows:
            rows = self.rows_of_step(job.batch_size, job.n_rows - start)
            step.learning_rate = job.learning_rates[job.n_done * job.n_steps + i]
            total += rows * self.train_step(
                <Examples> job.examples, job.rows + start, rows, step, team, thread)
            if thread == 0:
                squares += self.optimizer.squared_norm
            start += rows
            i += 1
        if thread == 0:
            self.gradient_norm = sqrt(squares / (step.t - t)) if step.t > t else NAN
        return total / job.n_rows

    cdef Py_ssize_t rows_of_step(self, Py_ssize_t batch_size, Py_ssize_t n_left) noexcept nogil:
        """A single row has no statistics: with 'batch' it joins the batch before it."""
        if self.by_batch and n_left == batch_size + 1:
            return n_left
        return min(batch_size, n_left)

    # -- what Python calls ---------------------------------------------------------------

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
        joins = self.by_batch and n_rows % batch_size == 1 and n_steps > 1
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

    def train_epochs(self, Examples examples, RowOrder order, const double[:, ::1] learning_rates,
                     Py_ssize_t batch_size, StoppingRule rule=None, *, figures=None,
                     tol_params=None, bint tracks_change=False):
        """Epochs over the examples, until the rates are used up or there is reason to stop.

        Parameters
        ----------
        examples : Examples
        order : RowOrder
            Batches are consecutive slices of it, the last may be shorter.
        learning_rates : array of float64 of shape (n_epochs, n_steps)
            One for every batch of every epoch.
        batch_size : int
        rule : StoppingRule or None
            Told every epoch's loss; its exhaustion is a reason to stop.
        figures : ndarray of float64 of shape (n_epochs, 3), C-contiguous, or None
            Filled with each epoch's EPOCH_FIGURES: the root mean square of the norm of the steps'
            gradients (the penalty's included; NaN where every batch was skipped), the seconds
            that it took, and the Euclidean norm of what all parameters moved by, or NaN.
        tol_params : float or None
            A movement below it is a reason to stop.
        tracks_change : bool
            Whether the movement is to be measured without that.

        Returns
        -------
        ndarray of shape (n_epochs_done,)
            Each epoch's loss: the mean over rows of their batch's, taken before the batch's
            step. After an epoch that left parameters that are not finite there is no other.
        """
        cdef Job job
        cdef double[::1] losses = np.empty(learning_rates.shape[0])
        cdef double[:, ::1] table
        table = np.empty((learning_rates.shape[0], N_FIGURES)) if figures is None else figures
        if table.shape[0] < learning_rates.shape[0] or table.shape[1] != N_FIGURES:
            raise ValueError(f"figures must have the shape {(learning_rates.shape[0], N_FIGURES)}.")
        self._check(examples, order.span)
        if self.optimizer.code < 0 or order.rows.shape[0] == 0 or batch_size < 1:
            raise ValueError("a step takes an optimizer, and a row at least")
        self._check_step(examples, min(batch_size, order.rows.shape[0]), self.layers.chunk - 1)
        n_steps = self.steps_per_epoch(order.rows.shape[0], batch_size)
        if learning_rates.shape[0] == 0 or learning_rates.shape[1] < n_steps:
            raise ValueError(f"{learning_rates.shape[0]} epochs of {learning_rates.shape[1]} "
                             f"learning rates are too few for {order.rows.shape[0]} rows in "
                             f"batches of {batch_size}.")
        only_in_python = order.random_state is not None and not order.shuffles
        if learning_rates.shape[0] > 1 and only_in_python:
            raise ValueError("an order that only Python can continue goes one epoch at a time")
        order._begin()
        job.network, job.examples, job.order = <void *> self, <void *> examples, <void *> order
        job.rule = NULL if rule is None else <void *> rule
        job.rows, job.n_rows = &order.rows[0], order.rows.shape[0]
        job.learning_rates, job.losses = &learning_rates[0, 0], &losses[0]
        job.figures = &table[0, 0]
        job.tol_params = -1 if tol_params is None else tol_params
        job.tracks_change = tracks_change or tol_params is not None
        if job.tracks_change:
            self.before = aligned_zeros(self.n_parameters, self.dtype)
            self.before[...] = self.parameters[:self.n_parameters]
            self.before_data = address(self.before)
        job.n_epochs, job.n_steps = learning_rates.shape[0], learning_rates.shape[1]
        job.batch_size, job.n_done, job.is_over = batch_size, 0, False
        cdef int n_threads = self._threads_for(min(batch_size, job.n_rows))
        with nogil:
            rb_run_team(_train_epochs, &job, n_threads)
        order._end()
        return np.asarray(losses)[:job.n_done]

    def _check(self, Examples examples, span):
        """What the kernels cannot: sizes, precision and row numbers fit this network."""
        if self.parameters is None:
            raise ValueError("the network has handed over its parameters")
        n_features = self.architecture.layers[0].fan_in
        if examples.X.dtype != self.dtype or examples.n_features != n_features:
            raise ValueError(f"the network takes {n_features} features of {self.dtype}, got "
                             f"{examples.n_features} of {examples.X.dtype}.")
        if examples.inputs.is_sparse and self.layers.at[0].layout == PANELS:
            raise ValueError("the network was made for X that is not sparse")
        lowest, highest = span
        if lowest < 0 or highest >= examples.n_samples:
            raise ValueError(f"rows must be numbers in [0, {examples.n_samples}), got "
                             f"{lowest} to {highest}.")

    def _check_step(self, Examples examples, n_rows, most):
        """What training takes besides: X that may be filled, and rows that have a variance."""
        if examples.inputs.is_sparse and self.layers.input_noise > 0:
            raise ValueError("noise on inputs takes X that is not sparse")
        if self.by_batch and not 2 <= n_rows <= most:
            raise ValueError(f"normalization='batch' takes batches of 2 to {most} rows, got "
                             f"{n_rows}.")

    cdef int _threads_for(self, Py_ssize_t rows) noexcept:
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
        self._check(examples, _span(np.asarray(order)))
        self._check_step(examples, len(order), self.layers.chunk)
        cdef Sum job
        job.network, job.examples = <void *> self, <void *> examples
        job.rows, job.n_rows = &order[0], order.shape[0]
        cdef int n_threads = self._threads_for(order.shape[0])
        with nogil:
            self.layers.first_row = first_row
            rb_run_team(_sum_gradients, &job, n_threads)
            self.layers.first_row = 0
        return job.total

    def weight_of(self, Examples examples, const Py_ssize_t[::1] order):
        """What a step on these rows divides the sums over them by: their weights' sum."""
        self._check(examples, _span(np.asarray(order)))
        if examples.inputs.weights == NULL or order.shape[0] == 0:
            return float(order.shape[0])
        return self.kernels.total_weight(examples.inputs.weights, &order[0], order.shape[0])

    def take_step(self, double learning_rate, double weight):
        """One step of the optimiser, from what `gradient` holds; returns the penalty it descended.

        After `loss_and_gradient` of a batch it is what `train_epochs` does with that batch, whose
        loss is that sum over `weight`, and the penalty.

        Parameters
        ----------
        learning_rate : float
        weight : float > 0
            What the gradient is divided by, see `weight_of`.
        """
        if self.optimizer.code < 0 or self.parameters is None or not weight > 0:
            raise ValueError("a step takes an optimizer, parameters, and a weight above 0")
        cdef Step job
        cdef rb_step *step = &self.optimizer.step
        step.learning_rate, step.weight = learning_rate, weight
        self.optimizer.begin_step(step)
        job.network, job.step = <void *> self, step[0]
        # an update takes about as long as a product with a row or two
        cdef int n_threads = self._threads_for(2)
        with nogil:
            rb_run_team(_take_step, &job, n_threads)
        return job.penalty

    def predict(self, Examples examples, const Py_ssize_t[::1] order, *, bint with_loss=False):
        """Predictions for rows `order`: ndarray of shape (n_rows, n_outputs).

        With `with_loss` a pair of it and the weighted sum of the rows' losses.
        """
        if with_loss and examples.inputs.targets == NULL:
            raise ValueError("a loss takes targets")
        self._check(examples, _span(np.asarray(order)))
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
            layers.take_running_deviations()
            while start < n:
                rows = min(layers.chunk, n - start)
                logits = layers.forward(&examples.inputs, &order[start], 0, rows, NULL)
                self.kernels.predict(to + start * last.fan_out * self.kernels.item_size, logits,
                                     rows, last.fan_out, last.width, layers.loss,
                                     layers.scratch)
                if with_loss:
                    self.kernels.loss_gradient(
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
        # without parameters `_check` lets nothing through, whatever fails from here on
        block, self.parameters, self.gradient = self.parameters, None, None
        parameters, moments = self.read(block), []
        del block
        for i in range(len(self.moments)):
            moments.append(self.read(self.moments[i]))
            self.moments[i] = None
        return parameters, moments

    def activations(self, Examples examples, const Py_ssize_t[::1] order, int i):
        """Outputs of layer i, counted from 0, for rows `order`: (n_rows, fan_out)."""
        self._check(examples, _span(np.asarray(order)))
        if not 0 <= i < self.layers.n_layers - 1:
            raise ValueError(f"there are {self.layers.n_layers - 1} hidden layers, got layer {i}")
        cdef Py_ssize_t n = order.shape[0], start = 0, rows, row
        cdef Layers layers = self.layers
        cdef Layer *layer = &layers.at[i]
        cdef Py_ssize_t size = layer.fan_out * self.kernels.item_size
        out = np.empty((n, layer.fan_out), dtype=self.dtype)
        cdef char *to = address(out)
        cdef uint64_t mode
        with nogil:
            mode = rb_flush_subnormals()
            layers.take_running_deviations()
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

    cdef double moved(self) noexcept nogil:
        """The norm of what all parameters moved by since the call before."""
        return sqrt(self.kernels.moved(self.before_data, self.first,
                                       self.n_parameters))

    cdef bint is_finite(self) noexcept nogil:
        return self.kernels.all_finite(self.first, self.n_stored)


def multiply_adds(Py_ssize_t repeats, dtype):
    """Runs multiply-adds at the processor's limit; returns how many operations they were."""
    vector = np.ones(16, dtype=dtype)
    cdef const rb_kernels *kernels = active_kernels(vector.dtype)
    cdef char *result = address(vector)
    cdef double operations
    with nogil:
        operations = kernels.multiply_adds(repeats, result)
    return operations
