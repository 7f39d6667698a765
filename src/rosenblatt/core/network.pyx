"""The network: forward pass, backward pass, optimiser step, epoch.

This file is the algorithm. It owns every buffer, allocated once; all that an epoch does runs
without the GIL and touches no Python object. What a product, a loss or an update is stands
in the kernels; what may stop training, and the rates, in the training loop above.

Every method that takes a `team` and a `thread` is run by all threads of the team at once:
each does its share, which is of rows or of parameters and never of a sum, and they meet
where one needs what another has done. With one thread the shares are the whole.
"""

# SPDX-License-Identifier: BSD-3-Clause
import numpy as np

from cpython.pyport cimport PY_SSIZE_T_MAX
from libc.math cimport INFINITY, NAN, sqrt
from libc.stdint cimport int32_t, uint64_t
from libc.string cimport memcpy

from rosenblatt.core.address cimport address
from rosenblatt.core.dispatch cimport active_kernels
from rosenblatt.core.kernels cimport (
    ACTIVATION_identity, BATCH_BLOCK, OUTPUT_BLOCK, PANELS, ROWS, SLOPES_KEPT, TRANSPOSED,
    UPDATE_BLOCK, WITH_SLOPES, rb_csr, rb_dropout, rb_is_narrow, rb_kernels, rb_statistics,
    rb_step,
)
from rosenblatt.core.subnormals cimport rb_flush_subnormals, rb_set_mode

from rosenblatt._architecture import GROUPS, dense_network
from rosenblatt.core.blocks import Blocks, Stored
from rosenblatt.core.buffers import aligned_zeros, csr_parts
from rosenblatt.core.dispatch import ACTIVATIONS, LOSSES, OPTIMIZERS

EPOCH_FIGURES = ("gradient_norm", "seconds", "parameter_change")  # columns, see train_epochs

SHARE_ABOVE = 4e6  # about 40 microseconds of one thread, some ten times what meeting takes

cdef enum:
    MOST_LAYERS = 256
    MOST_GROUPS = 8
    TILE_ROWS = 12    # rows are shared in multiples of the product's tiles'
    PIECE_ROWS = 48   # whole blocks, see kernels.h, as CHUNK_ROWS are
    CHUNK_ROWS = 240  # a thread's; no more than a panel of backward weights is deep, see dense.h
    N_FIGURES = 3     # EPOCH_FIGURES
    FEW_ROWS = 4      # below, transposing weights costs more than it saves
    MANY_ROWS = 48    # below, packing deltas costs more than it saves,
    MANY_INPUTS = 192  # as where fewer inputs than these, so few tiles, read them
    CROWDED = 2048    # rows so many bytes apart share too few sets of a second-level cache
    FEW_NUMBERS = 2048  # of each array: they stay in the first-level cache
    NOT_NORMALIZED = 0
    BY_BATCH = 1
    BY_LAYER = 2
    SECOND_LEVEL = 1048576  # weights of more bytes leave little of it to anything else
    FIRST_LEVEL = 98304  # weights of more bytes outgrow the first-level cache by far


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
    cdef bint is_sparse
    cdef rb_csr csr
    cdef const char *rows
    cdef const void *target_data
    cdef const void *weight_data

    def __init__(self, X, targets=None, sample_weight=None):
        self.n_samples, self.n_features = X.shape
        self.is_sparse = not isinstance(X, np.ndarray)
        if self.is_sparse:
            self.csr_parts = csr_parts(X)
            self.csr.values = address(self.csr_parts[0])
            self.csr.columns = <const int32_t *> address(self.csr_parts[1])
            self.csr.starts = <const Py_ssize_t *> address(self.csr_parts[2])
            X = self.csr_parts[0]
        else:
            X = np.require(X, requirements=["C", "A"])
            self.rows = address(X)
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
        self.target_data = NULL if targets is None else address(targets)
        self.weight_data = NULL if sample_weight is None else address(sample_weight)


cdef extern from "random_bits.h" nogil:
    uint64_t rb_stream_key(uint64_t seed, uint64_t step, uint64_t stream)


cdef extern from "shuffle.h" nogil:
    ctypedef struct rb_mt19937:
        unsigned int key[624]
        int position
    void rb_mt19937_temper(rb_mt19937 *)
    void rb_shuffle(Py_ssize_t *, Py_ssize_t, rb_mt19937 *)


cdef extern from "clock.h" nogil:
    double rb_seconds()


cdef extern from "threads.h" nogil:
    ctypedef struct rb_team:
        int n_threads
    void rb_meet(rb_team *)
    void rb_run_team(void (*)(void *, rb_team *, int) noexcept nogil, void *, int)
    void rb_share(Py_ssize_t, Py_ssize_t, int, int, Py_ssize_t *, Py_ssize_t *)


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

    cdef bint is_exhausted(self, double loss) noexcept nogil:
        if loss > self.best - self.tol:
            self.n_without_improvement += 1
        else:
            self.n_without_improvement = 0
        if loss < self.best:
            self.best = loss
        return self.n_without_improvement > self.patience


NORMALIZATIONS = {None: NOT_NORMALIZED, "batch": BY_BATCH, "layer": BY_LAYER}

cdef enum:
    # streams of random bits: a hidden layer's is its number
    INPUT_DROPOUT = MOST_LAYERS
    INPUT_NOISE


cdef struct Layer:
    Py_ssize_t fan_in, fan_out
    Py_ssize_t width            # fan_out, padded to whole vectors
    Py_ssize_t stride           # of its inputs' rows
    int activation
    int layout                  # of the weights, see kernels.h
    Py_ssize_t n_weights        # with their padding
    Py_ssize_t piece            # rows that go through it together
    char *weights               # (fan_in, width), or (fan_out, stride) where TRANSPOSED
    char *intercepts            # (width,)
    char *d_weights
    char *d_intercepts
    int normalization           # NOT_NORMALIZED, BY_BATCH or BY_LAYER
    char *normalized            # (chunk, width) products, then normalised
    char *block_sums            # BY_BATCH: (blocks, 2, width), of each BATCH_BLOCK rows
    char *scales                # (width,)
    char *shifts                # (width,)
    char *d_scales
    char *d_shifts
    rb_statistics statistics    # BY_BATCH; BY_LAYER only inverse_deviations, (chunk,)
    char *pre_activation        # (chunk, width), then slopes; `output` where it is not kept
    char *output                # (chunk, width)
    double dropout              # the share of outputs that are dropped in training
    char *slopes                # (chunk, width), masks included; NULL without dropout
    const char *kept            # what the backward pass reads: pre-activations or slopes
    int slope                   # and what it makes of them: an activation, or SLOPES_KEPT
    char *d_pre_activation      # (chunk, width); `delta` but for BY_LAYER
    char *delta                 # (chunk, width) of the products; the last layer's is its output
    char *transposed            # (fan_out, stride) in panels, or NULL
    char *packed_delta          # (chunk, width) in panels, or NULL


cdef struct Group:
    # a range of the blocks that the optimiser treats in one way, see _architecture.py
    Py_ssize_t start, count
    Py_ssize_t part             # numbers that a thread takes, and sums the squares of, at once
    Py_ssize_t first_sum        # of its parts, among those of all groups
    bint is_penalised
    double learning_rate_factor, decay_factor


cdef inline Py_ssize_t n_parts(const Group *group) noexcept nogil:
    return (group.count + group.part - 1) // group.part


cdef struct Pass:
    # where in training a forward pass is
    uint64_t step               # steps before this one
    Py_ssize_t start            # the chunk's first row, counted in its batch
    Py_ssize_t count            # the chunk's rows
    rb_team *team
    int thread


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
    cdef rb_step step = (<Network> job.network).step
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
            (<Network> job.network).step = step
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
    cdef double total = (<Network> job.network).gradients(
        <Examples> job.examples, job.rows, job.n_rows, <uint64_t> (<Network> job.network).step.t,
        team, thread)
    if thread == 0:
        job.total = total


cdef struct Step:
    # the same for `take_step`
    void *network
    rb_step step
    double penalty


cdef void _take_step(void *context, rb_team *team, int thread) noexcept nogil:
    cdef Step *job = <Step *> context
    cdef double penalty = (<Network> job.network).update(job.step, team, thread)
    if thread == 0:
        job.penalty = penalty


cdef class Network:
    """Parameters, gradient, moments and the buffers of one chunk of rows.

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
    cdef readonly object architecture, dtype, parameters, gradient, moments
    cdef object constants, blocks
    cdef list buffers
    cdef Layer layers[MOST_LAYERS]
    cdef Group groups[MOST_GROUPS]
    cdef int n_layers, n_groups, loss, optimizer, n_moments, n_threads, normalization
    cdef Py_ssize_t chunk, n_weights, n_parameters
    cdef Py_ssize_t n_stored    # and running statistics
    cdef char *batch            # (chunk, n_features) gathered rows
    cdef char *moment_blocks[3]
    cdef rb_step step
    cdef char *scratch          # a thread's part: (3 * n_outputs, OUTPUT_BLOCK)
    cdef double[::1] row_losses
    cdef double[:, ::1] sums    # of `update`, for each part of each group
    cdef double[::1] gradient_squares
    cdef double squared_norm    # of the last step's gradient
    cdef double gradient_norm   # the root mean square of an epoch's
    cdef object before          # parameters when `moved` was last called, or None
    cdef char *before_data
    cdef char *loss_constants   # (n_outputs,)
    cdef double input_dropout, input_noise
    cdef public uint64_t noise_seed
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
        self.buffers = []
        self.n_layers = len(architecture.layers)
        if self.n_layers > MOST_LAYERS:
            raise ValueError(f"hidden_layer_sizes must name at most {MOST_LAYERS - 1} layers, "
                             f"got {self.n_layers - 1}.")
        self.loss = LOSSES[architecture.loss].code
        self.optimizer = -1 if optimizer is None else OPTIMIZERS[optimizer].code
        self.n_moments = 0 if optimizer is None else OPTIMIZERS[optimizer].n_moments
        self.n_threads = n_threads
        self.share_above = SHARE_ABOVE
        self.normalization = NORMALIZATIONS[architecture.normalization]
        self.input_dropout, self.input_noise = input_dropout, input_noise
        self.noise_seed = 0
        self._lay_out(is_sparse)
        self._allocate_parameters(trainable)
        self._allocate_forward(batch_size, dropout)
        if trainable:
            self._allocate_backward()
        self.constants = np.array(architecture.loss_constants, dtype=self.dtype)
        self.loss_constants = address(self.constants)
        self.step.t, self.step.product, self.step.gradient_scale = 0, 1, 1
        self.set_optimizer(alpha=0.0)

    def _lay_out(self, is_sparse):
        cdef Layer *layer
        cdef Py_ssize_t below
        vector = self.kernels.vector_length
        n_padded = sum(-(-each.fan_out // vector) * vector * (each.fan_in + vector)
                       for each in self.architecture.layers)
        if n_padded * self.dtype.itemsize > PY_SSIZE_T_MAX:  # more than an index can count
            raise MemoryError(f"Unable to allocate {n_padded * self.dtype.itemsize} bytes.")
        stored, below = [], self.architecture.layers[0].fan_in
        for i, described in enumerate(self.architecture.layers):
            layer = &self.layers[i]
            layer.fan_in, layer.fan_out = described.fan_in, described.fan_out
            layer.width = -(-layer.fan_out // vector) * vector
            layer.stride, below = below, layer.width
            layer.layout = self._layout_of(i, is_sparse)
            layer.normalization = NORMALIZATIONS[described.normalization]
            panel = 2 * vector if layer.layout == PANELS else layer.width
            stored.append(Stored(layer.width, layer.stride, panel, layer.layout == TRANSPOSED))
        self.blocks = Blocks(self.architecture, stored)
        self.n_parameters, self.n_stored = self.blocks.n_learned, self.blocks.n_stored
        self._lay_out_groups()

    def _lay_out_groups(self):
        """Matrices are shared among threads part by part; what has vectors alone is little, and
        one part."""
        cdef Group *group
        cdef Py_ssize_t first_sum = 0
        matrices = {entry.group for entry in self.architecture.learned if len(entry.shape) > 1}
        self.n_groups, self.n_weights = len(self.blocks.ranges), 0
        if self.n_groups > MOST_GROUPS:
            raise ValueError(f"at most {MOST_GROUPS} groups of parameters, got {self.n_groups}")
        for i, (name, (start, stop)) in enumerate(self.blocks.ranges.items()):
            group = &self.groups[i]
            group.start, group.count, group.first_sum = start, stop - start, first_sum
            group.part = UPDATE_BLOCK if name in matrices else group.count
            first_sum += n_parts(group)
            if name in matrices:
                self.n_weights += group.count
        self.sums = np.zeros((first_sum, 2))
        self.gradient_squares = np.zeros(first_sum)

    cdef int _layout_of(self, int i, bint is_sparse):
        cdef Layer *layer = &self.layers[i]
        if i == 0 and is_sparse:
            return ROWS  # as the values of a sparse row find them
        if i > 0 and rb_is_narrow(layer.fan_out, layer.width):
            return TRANSPOSED
        n_bytes = layer.fan_in * layer.width * self.kernels.item_size
        return PANELS if n_bytes > FIRST_LEVEL else ROWS

    def _allocate_parameters(self, trainable):
        self.parameters = aligned_zeros(self.n_stored, self.dtype)
        self.gradient = aligned_zeros(self.n_parameters if trainable else 0, self.dtype)
        self.moments = [aligned_zeros(self.n_parameters, self.dtype)
                        for _ in range(self.n_moments)]
        cdef char *parameters = address(self.parameters)
        cdef char *gradient = address(self.gradient)
        cdef Py_ssize_t size = self.kernels.item_size
        for i in range(3):
            self.moment_blocks[i] = NULL
        for i in range(self.n_moments):
            self.moment_blocks[i] = address(self.moments[i])
        for entry, start, stop in self.blocks.places:
            self._place(entry, parameters + <Py_ssize_t> start * size,
                        gradient + <Py_ssize_t> start * size if trainable else NULL,
                        stop - start)
        self.blocks.begin(self.parameters)

    cdef _place(self, entry, char *at, char *d_at, Py_ssize_t count):
        """Tells a layer where one of its arrays is, and where its gradient."""
        cdef Layer *layer = &self.layers[entry.layer]
        if entry.attribute == "coefs_":
            layer.weights, layer.d_weights, layer.n_weights = at, d_at, count
        elif entry.attribute == "intercepts_":
            layer.intercepts, layer.d_intercepts = at, d_at
        elif entry.attribute == "normalization_scales_":
            layer.scales, layer.d_scales = at, d_at
        elif entry.attribute == "normalization_shifts_":
            layer.shifts, layer.d_shifts = at, d_at
        elif entry.attribute == "running_means_":
            layer.statistics.running_means = at
        elif entry.attribute == "running_variances_":
            layer.statistics.running_variances = at
        else:
            raise ValueError(f"no layer of the network has {entry.attribute}")

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

    cdef char *_buffer(self, Py_ssize_t rows, Py_ssize_t columns) except NULL:
        # products read a vector past the last element
        array = aligned_zeros(rows * columns + self.kernels.vector_length, self.dtype)
        self.buffers.append(array)
        return address(array)

    def _allocate_forward(self, batch_size, dropout):
        cdef Layer *layer
        self.chunk = self._chunk_rows(batch_size)
        self.batch = self._buffer(self.chunk, self.layers[0].fan_in)
        for i in range(self.n_layers):
            layer = &self.layers[i]
            row = ACTIVATIONS[self.architecture.layers[i].activation]
            layer.activation = row.code
            layer.piece = self._piece_rows(layer)
            layer.output = self._buffer(self.chunk, layer.width)
            if layer.normalization != NOT_NORMALIZED:
                self._allocate_normalization(layer)
            layer.packed_delta = layer.slopes = NULL
            layer.dropout = dropout[i] if i < len(dropout) else 0
            if layer.dropout > 0:
                layer.slopes = self._buffer(self.chunk, layer.width)
            layer.pre_activation = layer.output
            if row.keeps_input and layer.slopes:
                layer.pre_activation = layer.slopes  # until these are known
            elif row.keeps_input:
                layer.pre_activation = self._buffer(self.chunk, layer.width)
        self.scratch = self._buffer(3 * layer.fan_out * self.n_threads, OUTPUT_BLOCK)
        self.row_losses = np.zeros(self.chunk)

    cdef _allocate_normalization(self, Layer *layer):
        layer.normalized = self._buffer(self.chunk, layer.width)
        if layer.normalization == BY_LAYER:
            layer.statistics.inverse_deviations = self._buffer(self.chunk, 1)
        else:
            layer.block_sums = self._buffer(2 * (self.chunk // BATCH_BLOCK + 1), layer.width)
            layer.statistics.means = self._buffer(1, layer.width)
            layer.statistics.inverse_deviations = self._buffer(1, layer.width)

    def _allocate_backward(self):
        cdef Layer *layer
        for i in range(self.n_layers):
            layer = &self.layers[i]
            layer.kept, layer.slope = layer.pre_activation, layer.activation
            if layer.pre_activation != layer.output:
                layer.slope = SLOPES_KEPT
            if layer.slopes:
                layer.kept, layer.slope = layer.slopes, SLOPES_KEPT
            layer.delta = layer.output
            if i < self.n_layers - 1:
                layer.delta = self._buffer(self.chunk, layer.width)
            layer.d_pre_activation = layer.delta
            if layer.normalization == BY_LAYER:
                layer.d_pre_activation = self._buffer(self.chunk, layer.width)
            layer.transposed = NULL
            if i > 0 and layer.layout != TRANSPOSED:
                layer.transposed = self._buffer(layer.fan_out, layer.stride)
            if (layer.layout == PANELS and layer.fan_in >= MANY_INPUTS
                    and layer.width * self.kernels.item_size % CROWDED == 0):
                layer.packed_delta = self._buffer(self.chunk, layer.width)

    def _chunk_rows(self, batch_size):
        """Rows that are worked on together, so that what they touch stays in the caches.

        A step walks its batch in equal chunks. The gradient's sums run over the rows in the
        same order either way, so this changes no bit.
        """
        if self.normalization == BY_BATCH:
            return batch_size + 1  # all of a step's rows, whose statistics are wanted
        n_chunks = -(-batch_size // (CHUNK_ROWS * self.n_threads))
        rows = -(-batch_size // n_chunks)
        return min(batch_size, -(-rows // TILE_ROWS) * TILE_ROWS)

    cdef Py_ssize_t _piece_rows(self, const Layer *layer):
        """Rows of a chunk that go through a layer together, with what follows one product and
        precedes the next. Weights that outgrow the cache are read anew for every piece."""
        if self.normalization != BY_BATCH:
            return self.chunk
        n_bytes = layer.n_weights * self.kernels.item_size
        return PIECE_ROWS if n_bytes <= SECOND_LEVEL else CHUNK_ROWS

    # -- forward, backward, update -------------------------------------------------------

    cdef const char *forward(self, Examples examples, const Py_ssize_t *order,
                             Py_ssize_t first, Py_ssize_t last,
                             const Pass *training) noexcept nogil:
        """Activations of all layers for rows order[first..last) of the chunk.

        `training` is NULL in predictions. Returns where the first of these rows' logits are.
        """
        cdef Py_ssize_t start, stop
        cdef Layer *layer = &self.layers[self.n_layers - 1]
        cdef int i
        self.gather_inputs(examples, order, first, last, training)
        for i in range(self.n_layers):
            start = first
            while start < last:
                stop = min(start + self.layers[i].piece, last)
                if i > 0:
                    self.finish(i - 1, start, stop, training)
                self.multiply(i, examples, order, start, stop, training)
                start = stop
            if self.layers[i].normalization == BY_BATCH and training:
                self.collect_statistics(&self.layers[i], training)
        return layer.output + first * layer.width * self.kernels.item_size

    cdef void gather_inputs(self, Examples examples, const Py_ssize_t *order, Py_ssize_t first,
                            Py_ssize_t last, const Pass *training) noexcept nogil:
        """Rows [first, last) of the chunk, where they are dense, as the first layer takes them."""
        cdef Py_ssize_t rows = last - first, n_features = examples.n_features
        cdef char *inputs = self.batch + first * n_features * self.kernels.item_size
        if examples.is_sparse:
            return
        self.kernels.gather(inputs, examples.rows, order + first, rows, n_features, n_features)
        if training:
            self.disturb_inputs(inputs, rows, n_features, first, training)

    cdef void multiply(self, int i, Examples examples, const Py_ssize_t *order, Py_ssize_t first,
                       Py_ssize_t last, const Pass *training) noexcept nogil:
        """A layer's product for rows [first, last) of the chunk, and what of the rest can be done
        at once: the activation, or a share in the batch's statistics."""
        cdef Layer *layer = &self.layers[i]
        cdef Py_ssize_t rows = last - first, size = self.kernels.item_size
        cdef Py_ssize_t offset = first * layer.width * size
        cdef const char *inputs = self.batch if i == 0 else self.layers[i - 1].output
        cdef char *product = layer.pre_activation + offset
        cdef char *output = layer.output + offset
        cdef int activation = layer.activation + (WITH_SLOPES if training else 0)
        cdef rb_dropout dropout
        if layer.normalization != NOT_NORMALIZED:
            product = output = layer.normalized + offset
            activation = ACTIVATION_identity  # after normalisation comes the layer's own
        inputs += first * layer.stride * size
        if i == 0 and examples.is_sparse:
            dropout = self.dropout_of_inputs(first, training)
            self.kernels.csr_forward(output, product, &examples.csr, order + first, &dropout,
                                     layer.weights, layer.intercepts, rows, layer.width,
                                     activation)
        elif layer.layout == TRANSPOSED:
            self.kernels.narrow_forward(output, product, inputs, layer.weights, layer.intercepts,
                                        rows, layer.stride, layer.fan_out, layer.width,
                                        layer.stride, activation)
        else:
            self.kernels.dense_forward(output, product, inputs, layer.weights, layer.layout,
                                       layer.intercepts, rows, layer.fan_in, layer.width,
                                       layer.stride, activation)
        if layer.normalization == BY_BATCH and training:
            self.kernels.block_statistics(self.sums_of(layer, first), product, rows, layer.width)

    cdef char *sums_of(self, Layer *layer, Py_ssize_t first) noexcept nogil:
        """Where the sums of the block that begins with row `first` of the chunk are."""
        return layer.block_sums + first // BATCH_BLOCK * 2 * layer.width * self.kernels.item_size

    cdef void finish(self, int i, Py_ssize_t first, Py_ssize_t last,
                     const Pass *training) noexcept nogil:
        """What is left of a hidden layer after its product, for rows [first, last) of the chunk:
        all of it on a few rows, while they are in the first-level cache."""
        cdef Layer *layer = &self.layers[i]
        cdef Py_ssize_t rows = max(1, FEW_NUMBERS // layer.width), stop, offset
        cdef bint drops = training and layer.slopes
        if layer.normalization == NOT_NORMALIZED and not drops:
            return
        while first < last:
            stop = min(first + rows, last)
            if layer.normalization != NOT_NORMALIZED:
                self.normalize(layer, first, stop, training)
            if drops:
                offset = first * layer.width * self.kernels.item_size
                self.kernels.drop_out(layer.output + offset, layer.slopes + offset,
                                      layer.pre_activation + offset, stop - first, layer.width,
                                      SLOPES_KEPT if layer.pre_activation == layer.slopes
                                      else layer.activation, layer.dropout,
                                      self.noise_key(training, i), training.start + first)
            first = stop

    cdef void collect_statistics(self, Layer *layer, const Pass *training) noexcept nogil:
        """A batch's from its blocks', by all threads; each has its share of the columns."""
        cdef Py_ssize_t start, stop
        rb_meet(training.team)
        rb_share(layer.width, self.kernels.vector_length, training.team.n_threads,
                 training.thread, &start, &stop)
        self.kernels.batch_statistics(&layer.statistics, layer.block_sums, training.count,
                                      layer.width, start, stop)
        rb_meet(training.team)

    cdef void take_running_deviations(self) noexcept nogil:
        """What predictions divide by, from the running variances."""
        cdef Layer *layer
        cdef int i
        for i in range(self.n_layers - 1):
            layer = &self.layers[i]
            if layer.normalization == BY_BATCH:
                self.kernels.inverse_deviations(layer.statistics.inverse_deviations,
                                                layer.statistics.running_variances, layer.width)

    cdef void normalize(self, Layer *layer, Py_ssize_t first, Py_ssize_t last,
                        const Pass *training) noexcept nogil:
        """Normalises and activates rows of a layer's products."""
        cdef Py_ssize_t offset = first * layer.width * self.kernels.item_size
        cdef rb_statistics *statistics = &layer.statistics
        cdef int activation = layer.activation + (WITH_SLOPES if training else 0)
        if layer.normalization == BY_BATCH:
            self.kernels.normalize_columns(
                layer.output + offset, layer.pre_activation + offset, layer.normalized + offset,
                statistics.means if training else statistics.running_means,
                statistics.inverse_deviations, layer.scales, layer.shifts, last - first,
                layer.width, activation)
            return
        self.kernels.normalize_rows(
            layer.output + offset, layer.pre_activation + offset, layer.normalized + offset,
            <char *> statistics.inverse_deviations + first * self.kernels.item_size,
            layer.scales, layer.shifts, last - first, layer.fan_out, layer.width, activation)

    cdef uint64_t noise_key(self, const Pass *training, int stream) noexcept nogil:
        return rb_stream_key(self.noise_seed, training.step, stream)

    cdef void disturb_inputs(self, char *inputs, Py_ssize_t rows, Py_ssize_t n_features,
                             Py_ssize_t first, const Pass *training) noexcept nogil:
        """Noise and dropout on gathered rows, the batch's from `first` of the chunk on."""
        if self.input_noise > 0:
            self.kernels.add_noise(inputs, rows, n_features, self.input_noise,
                                   self.noise_key(training, INPUT_NOISE), training.start + first)
        cdef rb_dropout dropout = self.dropout_of_inputs(first, training)
        if dropout.rate > 0:
            self.kernels.drop_out(inputs, NULL, NULL, rows, n_features, 0, dropout.rate,
                                  dropout.key, dropout.first_row)

    cdef rb_dropout dropout_of_inputs(self, Py_ssize_t first,
                                      const Pass *training) noexcept nogil:
        """For rows from `first` of the chunk on; none in predictions."""
        cdef rb_dropout dropout
        dropout.rate, dropout.key, dropout.first_row = 0, 0, 0
        if training and self.input_dropout > 0:
            dropout.rate = self.input_dropout
            dropout.key = self.noise_key(training, INPUT_DROPOUT)
            dropout.first_row = training.start + first
        return dropout

    cdef void backward(self, Py_ssize_t first, Py_ssize_t last, bint transposed,
                       const Pass *training) noexcept nogil:
        """Deltas of all layers for rows [first, last) of the chunk, from the last layer's."""
        cdef Py_ssize_t start, stop
        cdef int i
        for i in range(self.n_layers - 1, -1, -1):
            start = first
            while start < last:
                stop = min(start + self.layers[i].piece, last)
                if self.layers[i].normalization != NOT_NORMALIZED:
                    self.normalize_backward(&self.layers[i], start, stop, training)
                if i > 0:
                    self.multiply_backward(i, start, stop, transposed)
                start = stop
            if i > 0 and self.layers[i - 1].normalization == BY_BATCH:
                self.collect_gradients(&self.layers[i - 1], training)

    cdef void multiply_backward(self, int i, Py_ssize_t first, Py_ssize_t last,
                                bint transposed) noexcept nogil:
        """Deltas of the layer below, before its normalisation, for rows [first, last)."""
        cdef Py_ssize_t size = self.kernels.item_size, rows = last - first
        cdef Layer *layer = &self.layers[i]
        cdef Layer *below = &self.layers[i - 1]
        cdef char *delta = below.d_pre_activation + first * below.width * size
        self.kernels.dense_backward_input(
            delta, layer.delta + first * layer.width * size, layer.weights, layer.layout,
            layer.transposed if transposed else NULL, below.kept + first * below.width * size,
            rows, layer.fan_in, layer.fan_out, layer.width, below.width, below.slope)
        if below.normalization == BY_BATCH:
            self.kernels.block_gradients(
                self.sums_of(below, first), delta,
                below.normalized + first * below.width * size, rows, below.width)

    cdef void normalize_backward(self, Layer *layer, Py_ssize_t first, Py_ssize_t last,
                                 const Pass *training) noexcept nogil:
        """Deltas of a layer's products from those of its pre-activations."""
        cdef Py_ssize_t size = self.kernels.item_size, offset = first * layer.width * size
        if layer.normalization == BY_LAYER:
            self.kernels.normalize_rows_backward(
                layer.delta + offset, layer.d_pre_activation + offset, layer.normalized + offset,
                <char *> layer.statistics.inverse_deviations + first * size, layer.scales,
                last - first, layer.fan_out, layer.width)
            return
        self.kernels.normalize_columns_backward(
            layer.delta + offset, layer.normalized + offset, layer.statistics.inverse_deviations,
            layer.scales, layer.d_scales, layer.d_shifts, training.count, last - first,
            layer.width)

    cdef void collect_gradients(self, Layer *layer, const Pass *training) noexcept nogil:
        """Of scales and shifts, from the blocks' sums, which all threads have left."""
        cdef Py_ssize_t start, stop
        rb_meet(training.team)
        rb_share(layer.width, self.kernels.vector_length, training.team.n_threads,
                 training.thread, &start, &stop)
        self.kernels.batch_gradients(layer.d_scales, layer.d_shifts, layer.block_sums,
                                     training.count, layer.width, start, stop)
        rb_meet(training.team)

    cdef void backward_weights(self, Examples examples, const Py_ssize_t *order, bint packed,
                               const Pass *training) noexcept nogil:
        """Gradients of all parameters from the deltas of the chunk's rows."""
        cdef Py_ssize_t rows = training.count
        cdef bint accumulate = training.start > 0
        cdef rb_team *team = training.team
        cdef int thread = training.thread
        cdef rb_dropout dropout = self.dropout_of_inputs(0, training)
        cdef Py_ssize_t size = self.kernels.item_size, vector = self.kernels.vector_length
        cdef Py_ssize_t start, stop
        cdef const char *inputs
        cdef Layer *layer
        cdef int i
        if packed:
            for i in range(self.n_layers):
                layer = &self.layers[i]
                if layer.packed_delta:
                    rb_share(layer.width, 2 * vector, team.n_threads, thread, &start, &stop)
                    self.kernels.pack(layer.packed_delta, layer.delta, rows, layer.width, start,
                                      stop)
            rb_meet(team)
        for i in range(self.n_layers):
            layer = &self.layers[i]
            inputs = self.batch if i == 0 else self.layers[i - 1].output
            if i % team.n_threads == thread:
                self.kernels.column_sums(layer.d_intercepts, layer.delta, rows, layer.width,
                                         accumulate)
            if layer.normalization == BY_LAYER:
                rb_share(layer.width, vector, team.n_threads, thread, &start, &stop)
                self.kernels.normalization_gradients(
                    layer.d_scales, layer.d_shifts, layer.d_pre_activation, layer.normalized,
                    rows, layer.width, start, stop, accumulate)
            if i == 0 and examples.is_sparse:
                rb_share(layer.width, vector, team.n_threads, thread, &start, &stop)
                self.kernels.csr_backward_weights(
                    layer.d_weights + start * size, &examples.csr, order, &dropout,
                    layer.delta + start * size, rows, layer.fan_in, stop - start, layer.width,
                    accumulate)
            elif layer.layout == TRANSPOSED:
                rb_share(layer.stride, 2 * vector, team.n_threads, thread, &start, &stop)
                self.kernels.narrow_backward_weights(
                    layer.d_weights, inputs, layer.delta, rows, layer.fan_in, layer.fan_out,
                    start, stop, layer.stride, layer.width, accumulate)
            else:
                rb_share(layer.fan_in, TILE_ROWS, team.n_threads, thread, &start, &stop)
                self.kernels.dense_backward_weights(
                    layer.d_weights, layer.layout, inputs, layer.delta,
                    layer.packed_delta if packed else NULL, rows, layer.fan_in, start, stop,
                    layer.width, layer.stride, accumulate)

    cdef void transpose_weights(self, rb_team *team, int thread) noexcept nogil:
        """Weights as the products of `backward` read them."""
        cdef Py_ssize_t start, stop
        cdef Layer *layer
        cdef int i
        for i in range(1, self.n_layers):
            layer = &self.layers[i]
            if layer.transposed:
                rb_share(layer.fan_out, 16, team.n_threads, thread, &start, &stop)
                self.kernels.transpose(layer.transposed, layer.weights, layer.layout,
                                       layer.fan_in, layer.fan_out, layer.width, layer.stride,
                                       start, stop)
        rb_meet(team)

    cdef double gradients(self, Examples examples, const Py_ssize_t *order, Py_ssize_t rows,
                          uint64_t step, rb_team *team, int thread) noexcept nogil:
        """Fills the gradient with the sum over the rows' gradients.

        `step` is how many steps came before. Returns the sum of the rows' losses (to thread 0).
        """
        cdef bint transposed = rows >= FEW_ROWS, packed = rows >= MANY_ROWS
        cdef Py_ssize_t start = 0, count, first, last, i
        cdef double total = 0
        cdef Pass training
        cdef Layer *output = &self.layers[self.n_layers - 1]
        cdef Py_ssize_t size = self.kernels.item_size
        cdef char *scratch = self.scratch + 3 * output.fan_out * OUTPUT_BLOCK * size * thread
        cdef char *logits
        if transposed:
            self.transpose_weights(team, thread)
        while start < rows:
            count = min(self.chunk, rows - start)
            training.step, training.start, training.count = step, start, count
            training.team, training.thread = team, thread
            rb_share(count, TILE_ROWS if self.normalization != BY_BATCH else BATCH_BLOCK,
                     team.n_threads, thread, &first, &last)
            if first < last or self.normalization == BY_BATCH:  # which has its own meetings
                logits = <char *> self.forward(examples, order + start, first, last, &training)
                self.kernels.loss_gradient(
                    logits, &self.row_losses[first], examples.target_data, examples.weight_data,
                    order + start + first, last - first, output.fan_out, output.width, self.loss,
                    self.loss_constants, scratch)
                self.backward(first, last, transposed, &training)
            rb_meet(team)
            self.backward_weights(examples, order + start, packed, &training)
            if thread == 0:
                for i in range(count):
                    total += self.row_losses[i]
            rb_meet(team)
            start += count
        return total

    cdef double update(self, rb_step step, rb_team *team, int thread) noexcept nogil:
        """One optimiser step; returns the penalty that it descended (to thread 0).

        Leaves the squared norm of the step's gradient, the penalty's included.
        """
        cdef Py_ssize_t start, stop, count, i
        cdef double penalty = 0, squares = 0
        cdef Group *group
        cdef rb_step own
        cdef int g
        if step.clip_norm < INFINITY:
            step.gradient_scale = self.clipping(step, team, thread)
        for g in range(self.n_groups):
            group = &self.groups[g]
            own = self.step_of(group, &step)
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
        if step.max_norm < INFINITY:
            self.limit_norms(step.max_norm, team, thread)
        return step.alpha * penalty / step.weight if step.alpha != 0 else 0

    cdef rb_step step_of(self, const Group *group, const rb_step *step) noexcept nogil:
        """What a step is to a group."""
        cdef rb_step own = step[0]
        if not group.is_penalised:
            own.alpha = 0
        own.weight_decay *= group.decay_factor
        if group.learning_rate_factor != 1:
            own.learning_rate *= group.learning_rate_factor
            self.kernels.set_rates(&own, self.optimizer)
        return own

    cdef void share_of(self, const Group *group, rb_team *team, int thread, Py_ssize_t *start,
                       Py_ssize_t *stop) noexcept nogil:
        """A thread's share of a group, whole parts; a single part is the last thread's."""
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
        self.kernels.update(
            self.layers[0].weights + offset, self.layers[0].d_weights + offset, moments[0],
            moments[1], moments[2], count, step, self.optimizer, sums)

    cdef double clipping(self, rb_step step, rb_team *team, int thread) noexcept nogil:
        """The factor that brings the whole gradient, penalty included, to clip_norm at most.

        Squares are summed block by block and then over the blocks, by every thread alike, so
        that the factor does not depend on how many there are.
        """
        cdef Py_ssize_t start, stop, count, i, offset
        cdef double squares = 0, factor
        cdef Group *group
        cdef rb_step own
        cdef int g
        for g in range(self.n_groups):
            group = &self.groups[g]
            own = self.step_of(group, &step)
            self.share_of(group, team, thread, &start, &stop)
            while start < stop:
                count = min(group.part, stop - start)
                offset = (group.start + start) * self.kernels.item_size
                self.gradient_squares[group.first_sum + start // group.part] = (
                    self.kernels.gradient_squares(self.layers[0].weights + offset,
                                                  self.layers[0].d_weights + offset, count, &own))
                start += count
        rb_meet(team)
        for i in range(self.gradient_squares.shape[0]):
            squares += self.gradient_squares[i]
        factor = step.clip_norm / (sqrt(squares) + 1e-6)  # the 1e-6 is PyTorch's
        return factor if factor < 1 else 1

    cdef void limit_norms(self, double max_norm, rb_team *team, int thread) noexcept nogil:
        """Scales every unit's weights down to max_norm where they are longer."""
        cdef Py_ssize_t start, stop
        cdef Layer *layer
        cdef int i
        for i in range(self.n_layers):
            layer = &self.layers[i]
            if layer.layout == TRANSPOSED:
                rb_share(layer.fan_out, 1, team.n_threads, thread, &start, &stop)
            else:
                rb_share(layer.width, self.kernels.vector_length, team.n_threads, thread, &start,
                         &stop)
            self.kernels.limit_norms(layer.weights, layer.layout, layer.fan_in, layer.stride,
                                     layer.width, start, stop, max_norm)
        rb_meet(team)

    cdef double train_step(self, Examples examples, const Py_ssize_t *order, Py_ssize_t rows,
                           rb_step *step, rb_team *team, int thread) noexcept nogil:
        """One batch: returns its loss, the penalty included, before the step (to thread 0)."""
        cdef double loss
        step.weight = rows
        if examples.weight_data:
            step.weight = self.kernels.total_weight(examples.weight_data, order, rows)
        if step.weight == 0:
            if thread == 0:
                self.squared_norm = 0
            return 0  # nothing to learn from, and nothing to divide by
        loss = self.gradients(examples, order, rows, <uint64_t> step.t, team, thread) / step.weight
        self.kernels.begin_step(step, self.optimizer)
        return loss + self.update(step[0], team, thread)

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
                squares += self.squared_norm
            start += rows
            i += 1
        if thread == 0:
            self.gradient_norm = sqrt(squares / (step.t - t)) if step.t > t else NAN
        return total / job.n_rows

    cdef Py_ssize_t rows_of_step(self, Py_ssize_t batch_size, Py_ssize_t n_left) noexcept nogil:
        """A single row has no statistics: with 'batch' it joins the batch before it."""
        if self.normalization == BY_BATCH and n_left == batch_size + 1:
            return n_left
        return min(batch_size, n_left)

    # -- what Python calls ---------------------------------------------------------------

    def steps_per_epoch(self, n_rows, batch_size):
        """How many batches there are of so many rows."""
        n_steps = -(-n_rows // batch_size)
        joins = self.normalization == BY_BATCH and n_rows % batch_size == 1 and n_steps > 1
        return n_steps - joins

    @property
    def n_steps(self):
        """Optimiser steps taken."""
        return int(self.step.t)

    @n_steps.setter
    def n_steps(self, value):
        self.step.t = value

    @property
    def step_product(self):
        """What the optimiser carries from step to step besides moments; see optimizers.def."""
        return self.step.product

    @step_product.setter
    def step_product(self, value):
        self.step.product = value

    def set_optimizer(self, *, alpha, groups=GROUPS, l1_ratio=0.0, weight_decay=0.0, max_norm=None,
                      clip_norm=None, clip_value=None, momentum=0.0, nesterovs_momentum=False,
                      beta_1=0.0, beta_2=0.0, rho=0.0, centered=False, rmsprop_momentum=0.0,
                      momentum_decay=0.0, epsilon=0.0):
        """The constants of `update`; see rb_step in kernels.h and optimizers.def.

        `groups` has a Group by the name of each that the catalogue speaks of.
        """
        for i, name in enumerate(self.blocks.ranges):
            self.groups[i].is_penalised = groups[name].is_penalised
            self.groups[i].learning_rate_factor = groups[name].learning_rate_factor
            self.groups[i].decay_factor = groups[name].decay_factor
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
        if self.optimizer < 0 or order.rows.shape[0] == 0 or batch_size < 1:
            raise ValueError("a step takes an optimizer, and a row at least")
        self._check_step(examples, min(batch_size, order.rows.shape[0]), self.chunk - 1)
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
        if examples.X.dtype != self.dtype or examples.n_features != self.layers[0].fan_in:
            raise ValueError(f"the network takes {self.layers[0].fan_in} features of {self.dtype}, "
                             f"got {examples.n_features} of {examples.X.dtype}.")
        if examples.is_sparse and self.layers[0].layout == PANELS:
            raise ValueError("the network was made for X that is not sparse")
        lowest, highest = span
        if lowest < 0 or highest >= examples.n_samples:
            raise ValueError(f"rows must be numbers in [0, {examples.n_samples}), got "
                             f"{lowest} to {highest}.")

    def _check_step(self, Examples examples, n_rows, most):
        """What training takes besides: X that may be filled, and rows that have a variance."""
        if examples.is_sparse and self.input_noise > 0:
            raise ValueError("noise on inputs takes X that is not sparse")
        if self.normalization == BY_BATCH and not 2 <= n_rows <= most:
            raise ValueError(f"normalization='batch' takes batches of 2 to {most} rows, got "
                             f"{n_rows}.")

    cdef int _threads_for(self, Py_ssize_t rows) noexcept:
        """One where a step is too short to pay for the threads' meetings, else all."""
        return self.n_threads if 6.0 * rows * self.n_weights > self.share_above else 1

    def loss_and_gradient(self, Examples examples, const Py_ssize_t[::1] order):
        """The weighted sum of the rows' losses; its gradient is left in `gradient`.

        With the dropout and the noise that the next step has; running statistics take a step.
        """
        if self.layers[0].d_weights == NULL or examples.target_data == NULL or len(order) == 0:
            raise ValueError("a gradient takes a trainable network, targets, and a row at least")
        self._check(examples, _span(np.asarray(order)))
        self._check_step(examples, len(order), self.chunk)
        cdef Sum job
        job.network, job.examples = <void *> self, <void *> examples
        job.rows, job.n_rows = &order[0], order.shape[0]
        cdef int n_threads = self._threads_for(order.shape[0])
        with nogil:
            rb_run_team(_sum_gradients, &job, n_threads)
        return job.total

    def weight_of(self, Examples examples, const Py_ssize_t[::1] order):
        """What a step on these rows divides the sums over them by: their weights' sum."""
        self._check(examples, _span(np.asarray(order)))
        if examples.weight_data == NULL or order.shape[0] == 0:
            return float(order.shape[0])
        return self.kernels.total_weight(examples.weight_data, &order[0], order.shape[0])

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
        if self.optimizer < 0 or self.parameters is None or not weight > 0:
            raise ValueError("a step takes an optimizer, parameters, and a weight above 0")
        cdef Step job
        self.step.learning_rate, self.step.weight = learning_rate, weight
        self.kernels.begin_step(&self.step, self.optimizer)
        job.network, job.step = <void *> self, self.step
        # an update takes about as long as a product with a row or two
        cdef int n_threads = self._threads_for(2)
        with nogil:
            rb_run_team(_take_step, &job, n_threads)
        return job.penalty

    def predict(self, Examples examples, const Py_ssize_t[::1] order, *, bint with_loss=False):
        """Predictions for rows `order`: ndarray of shape (n_rows, n_outputs).

        With `with_loss` a pair of it and the weighted sum of the rows' losses.
        """
        if with_loss and examples.target_data == NULL:
            raise ValueError("a loss takes targets")
        self._check(examples, _span(np.asarray(order)))
        cdef Py_ssize_t n = order.shape[0], start = 0, rows, i
        cdef double total = 0
        cdef Layer *last = &self.layers[self.n_layers - 1]
        out = np.empty((n, last.fan_out), dtype=self.dtype)
        cdef char *to = address(out)
        cdef const char *logits
        cdef uint64_t mode
        with nogil:
            mode = rb_flush_subnormals()
            self.take_running_deviations()
            while start < n:
                rows = min(self.chunk, n - start)
                logits = self.forward(examples, &order[start], 0, rows, NULL)
                self.kernels.predict(to + start * last.fan_out * self.kernels.item_size, logits,
                                     rows, last.fan_out, last.width, self.loss, self.scratch)
                if with_loss:
                    self.kernels.loss_gradient(
                        <char *> logits, &self.row_losses[0], examples.target_data,
                        examples.weight_data, &order[start], rows, last.fan_out, last.width,
                        self.loss, self.loss_constants, self.scratch)
                    for i in range(rows):
                        total += self.row_losses[i]
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
        for i in range(self.n_moments):
            moments.append(self.read(self.moments[i]))
            self.moments[i] = None
        return parameters, moments

    def activations(self, Examples examples, const Py_ssize_t[::1] order, int i):
        """Outputs of layer i, counted from 0, for rows `order`: (n_rows, fan_out)."""
        self._check(examples, _span(np.asarray(order)))
        if not 0 <= i < self.n_layers - 1:
            raise ValueError(f"there are {self.n_layers - 1} hidden layers, got layer {i}")
        cdef Py_ssize_t n = order.shape[0], start = 0, rows, row
        cdef Layer *layer = &self.layers[i]
        cdef Py_ssize_t size = layer.fan_out * self.kernels.item_size
        out = np.empty((n, layer.fan_out), dtype=self.dtype)
        cdef char *to = address(out)
        cdef uint64_t mode
        with nogil:
            mode = rb_flush_subnormals()
            self.take_running_deviations()
            while start < n:
                rows = min(self.chunk, n - start)
                self.forward(examples, &order[start], 0, rows, NULL)
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
        return sqrt(self.kernels.moved(self.before_data, self.layers[0].weights,
                                       self.n_parameters))

    cdef bint is_finite(self) noexcept nogil:
        return self.kernels.all_finite(self.layers[0].weights, self.n_stored)


FUNCTIONS = ("exp", "log", "tanh", "logistic", "softplus", "sqrt", "expm1", "normal_cdf")


def evaluate(function, x):
    """An elementary function of the kernels at x, an array of float32 or float64; for tests.

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
    """(value, slope) of an activation at z, an array of float32 or float64; for tests."""
    z = np.ascontiguousarray(z)
    value, slope = np.empty_like(z), np.empty_like(z)
    cdef const rb_kernels *kernels = active_kernels(z.dtype)
    kernels.activate(address(value), address(slope), address(z), z.size,
                     ACTIVATIONS[activation].code)
    return value, slope


def drop_out(x, rate, *, seed, step, stream, first_row=0):
    """x (n_rows, n_columns) with dropout, by kernels of its dtype; for tests.

    `stream` is the number of a hidden layer, or INPUT_STREAM.
    """
    x = np.array(x, order="C")
    cdef const rb_kernels *kernels = active_kernels(x.dtype)
    kernels.drop_out(address(x), NULL, NULL, x.shape[0], x.shape[1], 0, rate,
                     rb_stream_key(seed, step, stream), first_row)
    return x


def add_noise(x, deviation, *, seed, step, first_row=0):
    """x (n_rows, n_columns) with the noise that inputs get in a step; for tests."""
    x = np.array(x, order="C")
    cdef const rb_kernels *kernels = active_kernels(x.dtype)
    kernels.add_noise(address(x), x.shape[0], x.shape[1], deviation,
                      rb_stream_key(seed, step, INPUT_NOISE), first_row)
    return x


INPUT_STREAM = INPUT_DROPOUT


def multiply_adds(Py_ssize_t repeats, dtype):
    """Runs multiply-adds at the processor's limit; returns how many operations they were."""
    vector = np.ones(16, dtype=dtype)
    cdef const rb_kernels *kernels = active_kernels(vector.dtype)
    cdef char *result = address(vector)
    cdef double operations
    with nogil:
        operations = kernels.multiply_adds(repeats, result)
    return operations
