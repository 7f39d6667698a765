"""A network's layers at work on the rows of a batch: forward, backward, the weights' gradients.

They own the buffers of one chunk of rows, allocated once; all that a step does runs without the
GIL and touches no Python object. Parameters and gradient are the network's (network.pyx), which
says where they are; what a product, an activation or a loss is stands in the kernels. What
differs between kinds of layers is a row of a small table, read once a call.

Every method that takes a `team` and a `thread` is run by all threads of the team at once:
each does its share, which is of rows or of parameters and never of a sum, and they meet
where one needs what another has done. With one thread the shares are the whole.
"""

# SPDX-License-Identifier: BSD-3-Clause
import numpy as np

from cpython.pyport cimport PY_SSIZE_T_MAX
from libc.stdint cimport uint64_t

from rosenblatt.core.address cimport address
from rosenblatt.core.dispatch cimport active_kernels
from rosenblatt.core.kernels cimport (
    ACTIVATION_identity, BATCH_BLOCK, OUTPUT_BLOCK, PANELS, ROWS, SLOPES_KEPT, TRANSPOSED,
    WITH_SLOPES, rb_dropout, rb_is_narrow, rb_kernels, rb_statistics,
)
from rosenblatt.core.threads cimport rb_meet, rb_share, rb_team

from rosenblatt.core.blocks import Stored
from rosenblatt.core.buffers import aligned_zeros
from rosenblatt.core.dispatch import ACTIVATIONS, LOSSES

NORMALIZATIONS = {None: NOT_NORMALIZED, "batch": BY_BATCH, "layer": BY_LAYER}

cdef enum:
    TILE_ROWS = 12    # rows are shared in multiples of the product's tiles'
    PIECE_ROWS = 48   # whole blocks, see kernels.h, as CHUNK_ROWS are
    CHUNK_ROWS = 240  # a thread's; no more than a panel of backward weights is deep, see dense.h
    FEW_ROWS = 4      # below, transposing weights costs more than it saves
    MANY_ROWS = 48    # below, packing deltas costs more than it saves,
    MANY_INPUTS = 192  # as where fewer inputs than these, so few tiles, read them
    CROWDED = 2048    # rows so many bytes apart share too few sets of a second-level cache
    FEW_NUMBERS = 2048  # of each array: they stay in the first-level cache
    SECOND_LEVEL = 1048576  # weights of more bytes leave little of it to anything else
    FIRST_LEVEL = 98304  # weights of more bytes outgrow the first-level cache by far


cdef extern from "random_bits.h" nogil:
    uint64_t rb_stream_key(uint64_t seed, uint64_t step, uint64_t stream)


# -- kinds of layers -------------------------------------------------------------------------
# Each does a layer's product with what it reads, its share of the weights' gradient, and its share
# of a limit on the units' norms. They read one row of the table a call, not a row of X.


cdef void dense_forward(const rb_kernels *kernels, const Layer *layer, const Reading *read,
                        char *output, char *product, Py_ssize_t rows,
                        int activation) noexcept nogil:
    kernels.dense_forward(output, product, read.rows, layer.weights, layer.layout,
                          layer.intercepts, rows, layer.fan_in, layer.width, layer.stride,
                          activation)


cdef void dense_backward_weights(const rb_kernels *kernels, const Layer *layer,
                                 const Reading *read, Py_ssize_t rows, bint packed,
                                 bint accumulate, rb_team *team, int thread) noexcept nogil:
    cdef Py_ssize_t start, stop
    rb_share(layer.fan_in, TILE_ROWS, team.n_threads, thread, &start, &stop)
    kernels.dense_backward_weights(
        layer.d_weights, layer.layout, read.rows, layer.delta,
        layer.packed_delta if packed else NULL, rows, layer.fan_in, start, stop, layer.width,
        layer.stride, accumulate)


cdef void dense_limit_norms(const rb_kernels *kernels, const Layer *layer, double max_norm,
                            rb_team *team, int thread) noexcept nogil:
    cdef Py_ssize_t start, stop
    rb_share(layer.width, kernels.vector_length, team.n_threads, thread, &start, &stop)
    kernels.limit_norms(layer.weights, layer.layout, layer.fan_in, layer.stride, layer.width,
                        start, stop, max_norm)


cdef void narrow_forward(const rb_kernels *kernels, const Layer *layer, const Reading *read,
                         char *output, char *product, Py_ssize_t rows,
                         int activation) noexcept nogil:
    kernels.narrow_forward(output, product, read.rows, layer.weights, layer.intercepts, rows,
                           layer.stride, layer.fan_out, layer.width, layer.stride, activation)


cdef void narrow_backward_weights(const rb_kernels *kernels, const Layer *layer,
                                  const Reading *read, Py_ssize_t rows, bint packed,
                                  bint accumulate, rb_team *team, int thread) noexcept nogil:
    cdef Py_ssize_t start, stop
    rb_share(layer.stride, 2 * kernels.vector_length, team.n_threads, thread, &start, &stop)
    kernels.narrow_backward_weights(
        layer.d_weights, read.rows, layer.delta, rows, layer.fan_in, layer.fan_out, start, stop,
        layer.stride, layer.width, accumulate)


cdef void narrow_limit_norms(const rb_kernels *kernels, const Layer *layer, double max_norm,
                             rb_team *team, int thread) noexcept nogil:
    cdef Py_ssize_t start, stop
    rb_share(layer.fan_out, 1, team.n_threads, thread, &start, &stop)
    kernels.limit_norms(layer.weights, layer.layout, layer.fan_in, layer.stride, layer.width,
                        start, stop, max_norm)


cdef void sparse_forward(const rb_kernels *kernels, const Layer *layer, const Reading *read,
                         char *output, char *product, Py_ssize_t rows,
                         int activation) noexcept nogil:
    kernels.csr_forward(output, product, read.csr, read.order, &read.dropout, layer.weights,
                        layer.intercepts, rows, layer.width, activation)


cdef void sparse_backward_weights(const rb_kernels *kernels, const Layer *layer,
                                  const Reading *read, Py_ssize_t rows, bint packed,
                                  bint accumulate, rb_team *team, int thread) noexcept nogil:
    cdef Py_ssize_t start, stop
    rb_share(layer.width, kernels.vector_length, team.n_threads, thread, &start, &stop)
    kernels.csr_backward_weights(
        <char *> layer.d_weights + start * kernels.item_size, read.csr, read.order,
        &read.dropout, <char *> layer.delta + start * kernels.item_size, rows, layer.fan_in,
        stop - start, layer.width, accumulate)


cdef Kind DENSE, NARROW, SPARSE
DENSE.forward, DENSE.backward_weights = dense_forward, dense_backward_weights
DENSE.limit_norms = dense_limit_norms
NARROW.forward, NARROW.backward_weights = narrow_forward, narrow_backward_weights
NARROW.limit_norms = narrow_limit_norms
SPARSE.forward, SPARSE.backward_weights = sparse_forward, sparse_backward_weights
SPARSE.limit_norms = dense_limit_norms


cdef class Layers:
    """The layers that an Architecture describes.

    Parameters
    ----------
    architecture : Architecture
    is_sparse : bool
        Whether X may be sparse.
    n_threads : int
        The most that a call uses.
    input_dropout, input_noise : float
        The share of inputs dropped in training, and the standard deviation of what is added
        to them.

    Attributes
    ----------
    stored : list of Stored
        How each layer's weights lie.
    chunk : int
        The most rows that are worked on at once.
    noise_seed : int
    """

    def __init__(self, architecture, *, is_sparse=False, n_threads=1, input_dropout=0.0,
                 input_noise=0.0):
        self.dtype = architecture.dtype
        self.kernels = active_kernels(self.dtype)
        self.buffers = []
        self.n_layers = len(architecture.layers)
        if self.n_layers > MOST_LAYERS:
            raise ValueError(f"hidden_layer_sizes must name at most {MOST_LAYERS - 1} layers, "
                             f"got {self.n_layers - 1}.")
        self.loss = LOSSES[architecture.loss].code
        self.n_threads = n_threads
        self.normalization = NORMALIZATIONS[architecture.normalization]
        self.input_dropout, self.input_noise = input_dropout, input_noise
        self.noise_seed = 0
        self.first_row = 0
        self._lay_out(architecture, is_sparse)
        self.constants = np.array(architecture.loss_constants, dtype=self.dtype)
        self.loss_constants = address(self.constants)

    def _lay_out(self, architecture, is_sparse):
        cdef Layer *layer
        cdef Py_ssize_t below
        vector = self.kernels.vector_length
        n_padded = sum(-(-each.fan_out // vector) * vector * (each.fan_in + vector)
                       for each in architecture.layers)
        if n_padded * self.dtype.itemsize > PY_SSIZE_T_MAX:  # more than an index can count
            raise MemoryError(f"Unable to allocate {n_padded * self.dtype.itemsize} bytes.")
        self.stored, below = [], architecture.layers[0].fan_in
        for i, described in enumerate(architecture.layers):
            layer = &self.at[i]
            layer.fan_in, layer.fan_out = described.fan_in, described.fan_out
            layer.width = -(-layer.fan_out // vector) * vector
            layer.stride, below = below, layer.width
            layer.layout = self._layout_of(i, is_sparse)
            layer.kind = &NARROW if layer.layout == TRANSPOSED else &DENSE
            layer.normalization = NORMALIZATIONS[described.normalization]
            row = ACTIVATIONS[described.activation]
            layer.activation, layer.keeps_input = row.code, row.keeps_input
            panel = 2 * vector if layer.layout == PANELS else layer.width
            self.stored.append(Stored(layer.width, layer.stride, panel, layer.layout == TRANSPOSED))

    cdef int _layout_of(self, int i, bint is_sparse):
        cdef Layer *layer = &self.at[i]
        if i == 0 and is_sparse:
            return ROWS  # as the values of a sparse row find them
        if i > 0 and rb_is_narrow(layer.fan_out, layer.width):
            return TRANSPOSED
        n_bytes = layer.fan_in * layer.width * self.kernels.item_size
        return PANELS if n_bytes > FIRST_LEVEL else ROWS

    def place(self, blocks, parameters, gradient):
        """Tells the layers where their arrays are: in `parameters`, and in `gradient` or None."""
        cdef char *at = address(parameters)
        cdef char *d_at = NULL if gradient is None else address(gradient)
        cdef Py_ssize_t offset
        for entry, start, stop in blocks.places:
            offset = <Py_ssize_t> start * self.kernels.item_size
            self._place(entry, at + offset, d_at + offset if d_at else NULL, stop - start)

    cdef _place(self, entry, char *at, char *d_at, Py_ssize_t count):
        """Tells a layer where one of its arrays is, and where its gradient."""
        cdef Layer *layer = &self.at[entry.layer]
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

    def allocate(self, batch_size, dropout, trainable):
        """Makes the buffers of a chunk of rows."""
        self._allocate_forward(batch_size, dropout)
        if trainable:
            self._allocate_backward()

    cdef char *_buffer(self, Py_ssize_t rows, Py_ssize_t columns) except NULL:
        # products read a vector past the last element
        array = aligned_zeros(rows * columns + self.kernels.vector_length, self.dtype)
        self.buffers.append(array)
        return address(array)

    def _allocate_forward(self, batch_size, dropout):
        cdef Layer *layer
        self.chunk = self._chunk_rows(batch_size)
        self.batch = self._buffer(self.chunk, self.at[0].fan_in)
        for i in range(self.n_layers):
            layer = &self.at[i]
            layer.piece = self._piece_rows(layer)
            layer.output = self._buffer(self.chunk, layer.width)
            if layer.normalization != NOT_NORMALIZED:
                self._allocate_normalization(layer)
            layer.packed_delta = layer.slopes = NULL
            layer.dropout = dropout[i] if i < len(dropout) else 0
            if layer.dropout > 0:
                layer.slopes = self._buffer(self.chunk, layer.width)
            layer.pre_activation = layer.output
            if layer.keeps_input and layer.slopes:
                layer.pre_activation = layer.slopes  # until these are known
            elif layer.keeps_input:
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
            layer = &self.at[i]
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

    cdef const char *forward(self, const Inputs *inputs, const Py_ssize_t *order,
                             Py_ssize_t first, Py_ssize_t last,
                             const Pass *training) noexcept nogil:
        """Activations of all layers for rows order[first..last) of the chunk.

        `training` is NULL in predictions. Returns where the first of these rows' logits are.
        """
        cdef Py_ssize_t start, stop
        cdef Layer *layer = &self.at[self.n_layers - 1]
        cdef int i
        self.gather_inputs(inputs, order, first, last, training)
        for i in range(self.n_layers):
            start = first
            while start < last:
                stop = min(start + self.at[i].piece, last)
                if i > 0:
                    self.finish(i - 1, start, stop, training)
                self.multiply(i, inputs, order, start, stop, training)
                start = stop
            if self.at[i].normalization == BY_BATCH and training:
                self.collect_statistics(&self.at[i], training)
        return layer.output + first * layer.width * self.kernels.item_size

    cdef void gather_inputs(self, const Inputs *inputs, const Py_ssize_t *order, Py_ssize_t first,
                            Py_ssize_t last, const Pass *training) noexcept nogil:
        """Rows [first, last) of the chunk, where they are dense, as the first layer takes them."""
        cdef Py_ssize_t rows = last - first, n_features = inputs.n_features
        cdef char *to = self.batch + first * n_features * self.kernels.item_size
        if inputs.is_sparse:
            return
        self.kernels.gather(to, inputs.rows, order + first, rows, n_features, n_features)
        if training:
            self.disturb_inputs(to, rows, n_features, first, training)

    cdef const Kind *kind_of(self, int i, const Inputs *inputs) noexcept nogil:
        """Sparse rows are read by a layer of their own kind."""
        return &SPARSE if i == 0 and inputs.is_sparse else self.at[i].kind

    cdef Reading reading(self, int i, const Inputs *inputs, const Py_ssize_t *order,
                         Py_ssize_t first, const Pass *training) noexcept nogil:
        """What layer i reads for rows from `first` of the chunk on."""
        cdef Reading reading
        cdef const char *below = self.batch if i == 0 else self.at[i - 1].output
        reading.rows = below + first * self.at[i].stride * self.kernels.item_size
        reading.csr, reading.order = &inputs.csr, order + first
        if i == 0 and inputs.is_sparse:
            reading.dropout = self.dropout_of_inputs(first, training)
        return reading

    cdef void multiply(self, int i, const Inputs *inputs, const Py_ssize_t *order,
                       Py_ssize_t first, Py_ssize_t last, const Pass *training) noexcept nogil:
        """A layer's product for rows [first, last) of the chunk, and what of the rest can be done
        at once: the activation, or a share in the batch's statistics."""
        cdef Layer *layer = &self.at[i]
        cdef Py_ssize_t rows = last - first
        cdef Py_ssize_t offset = first * layer.width * self.kernels.item_size
        cdef char *product = layer.pre_activation + offset
        cdef char *output = layer.output + offset
        cdef int activation = layer.activation + (WITH_SLOPES if training else 0)
        cdef Reading reading = self.reading(i, inputs, order, first, training)
        if layer.normalization != NOT_NORMALIZED:
            product = output = layer.normalized + offset
            activation = ACTIVATION_identity  # after normalisation comes the layer's own
        self.kind_of(i, inputs).forward(self.kernels, layer, &reading, output, product, rows,
                                        activation)
        if layer.normalization == BY_BATCH and training:
            self.kernels.block_statistics(self.sums_of(layer, first), product, rows, layer.width)

    cdef char *sums_of(self, Layer *layer, Py_ssize_t first) noexcept nogil:
        """Where the sums of the block that begins with row `first` of the chunk are."""
        return layer.block_sums + first // BATCH_BLOCK * 2 * layer.width * self.kernels.item_size

    cdef void finish(self, int i, Py_ssize_t first, Py_ssize_t last,
                     const Pass *training) noexcept nogil:
        """What is left of a hidden layer after its product, for rows [first, last) of the chunk:
        all of it on a few rows, while they are in the first-level cache."""
        cdef Layer *layer = &self.at[i]
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
                                      self.noise_key(training, i), self.first_row + training.start + first)
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
            layer = &self.at[i]
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
                                   self.noise_key(training, INPUT_NOISE), self.first_row + training.start + first)
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
            dropout.first_row = self.first_row + training.start + first
        return dropout

    cdef void backward(self, Py_ssize_t first, Py_ssize_t last, bint transposed,
                       const Pass *training) noexcept nogil:
        """Deltas of all layers for rows [first, last) of the chunk, from the last layer's."""
        cdef Py_ssize_t start, stop
        cdef int i
        for i in range(self.n_layers - 1, -1, -1):
            start = first
            while start < last:
                stop = min(start + self.at[i].piece, last)
                if self.at[i].normalization != NOT_NORMALIZED:
                    self.normalize_backward(&self.at[i], start, stop, training)
                if i > 0:
                    self.multiply_backward(i, start, stop, transposed)
                start = stop
            if i > 0 and self.at[i - 1].normalization == BY_BATCH:
                self.collect_gradients(&self.at[i - 1], training)

    cdef void multiply_backward(self, int i, Py_ssize_t first, Py_ssize_t last,
                                bint transposed) noexcept nogil:
        """Deltas of the layer below, before its normalisation, for rows [first, last)."""
        cdef Py_ssize_t size = self.kernels.item_size, rows = last - first
        cdef Layer *layer = &self.at[i]
        cdef Layer *below = &self.at[i - 1]
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

    cdef void backward_weights(self, const Inputs *inputs, const Py_ssize_t *order, bint packed,
                               const Pass *training) noexcept nogil:
        """Gradients of all parameters from the deltas of the chunk's rows."""
        cdef Py_ssize_t rows = training.count
        cdef bint accumulate = training.start > 0
        cdef rb_team *team = training.team
        cdef int thread = training.thread
        cdef Reading reading
        cdef Py_ssize_t vector = self.kernels.vector_length
        cdef Py_ssize_t start, stop
        cdef Layer *layer
        cdef int i
        if packed:
            for i in range(self.n_layers):
                layer = &self.at[i]
                if layer.packed_delta:
                    rb_share(layer.width, 2 * vector, team.n_threads, thread, &start, &stop)
                    self.kernels.pack(layer.packed_delta, layer.delta, rows, layer.width, start,
                                      stop)
            rb_meet(team)
        for i in range(self.n_layers):
            layer = &self.at[i]
            if i % team.n_threads == thread:
                self.kernels.column_sums(layer.d_intercepts, layer.delta, rows, layer.width,
                                         accumulate)
            if layer.normalization == BY_LAYER:
                rb_share(layer.width, vector, team.n_threads, thread, &start, &stop)
                self.kernels.normalization_gradients(
                    layer.d_scales, layer.d_shifts, layer.d_pre_activation, layer.normalized,
                    rows, layer.width, start, stop, accumulate)
            reading = self.reading(i, inputs, order, 0, training)
            self.kind_of(i, inputs).backward_weights(self.kernels, layer, &reading, rows, packed,
                                                     accumulate, team, thread)

    cdef void transpose_weights(self, rb_team *team, int thread) noexcept nogil:
        """Weights as the products of `backward` read them."""
        cdef Py_ssize_t start, stop
        cdef Layer *layer
        cdef int i
        for i in range(1, self.n_layers):
            layer = &self.at[i]
            if layer.transposed:
                rb_share(layer.fan_out, 16, team.n_threads, thread, &start, &stop)
                self.kernels.transpose(layer.transposed, layer.weights, layer.layout,
                                       layer.fan_in, layer.fan_out, layer.width, layer.stride,
                                       start, stop)
        rb_meet(team)

    cdef double gradients(self, const Inputs *inputs, const Py_ssize_t *order, Py_ssize_t rows,
                          uint64_t step, rb_team *team, int thread) noexcept nogil:
        """Fills the gradient with the sum over the rows' gradients.

        `step` is how many steps came before. Returns the sum of the rows' losses (to thread 0).
        """
        cdef bint transposed = rows >= FEW_ROWS, packed = rows >= MANY_ROWS
        cdef Py_ssize_t start = 0, count, first, last, i
        cdef double total = 0
        cdef Pass training
        cdef Layer *output = &self.at[self.n_layers - 1]
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
                logits = <char *> self.forward(inputs, order + start, first, last, &training)
                self.kernels.loss_gradient(
                    logits, &self.row_losses[first], inputs.targets, inputs.weights,
                    order + start + first, last - first, output.fan_out, output.width, self.loss,
                    self.loss_constants, scratch)
                self.backward(first, last, transposed, &training)
            rb_meet(team)
            self.backward_weights(inputs, order + start, packed, &training)
            if thread == 0:
                for i in range(count):
                    total += self.row_losses[i]
            rb_meet(team)
            start += count
        return total

    cdef void limit_norms(self, double max_norm, rb_team *team, int thread) noexcept nogil:
        """Scales every unit's weights down to max_norm where they are longer."""
        cdef int i
        for i in range(self.n_layers):
            self.at[i].kind.limit_norms(self.kernels, &self.at[i], max_norm, team, thread)
        rb_meet(team)

    cdef const Layer *last(self) noexcept nogil:
        """The output layer."""
        return &self.at[self.n_layers - 1]
