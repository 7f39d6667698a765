"""The passes of a network over the rows of a batch: forward, backward, gradients of weights.

`Layers` owns the buffers for one chunk of rows, which are allocated once. A step runs without the
GIL and does not access Python objects. Parameters and gradient belong to the network (network.pyx),
which sets their addresses. Products are in layer_kinds.pyx, epilogues in epilogues.pyx. The lowest
layer is the input layer, which gathers rows of X and has no arrays.

Every method with the arguments `team` and `thread`, or with a Pass that has them, is run by all
threads of the team. The threads divide rows or parameters, never a sum, and synchronise at barriers
where one needs results of another.
"""

# SPDX-License-Identifier: BSD-3-Clause
import numpy as np

from cpython.pyport cimport PY_SSIZE_T_MAX
from libc.stdint cimport uint64_t

from rosenblatt.core.address cimport address
from rosenblatt.core.dispatch cimport active_kernels
from rosenblatt.core.epilogues cimport dropout_of, epilogue_of, epilogue_of_inputs, finish
from rosenblatt.core.kernels cimport (
    ACTIVATION_identity, BATCH_BLOCK, BIN_CODE, LEVEL_CODE, NUMBER_CODE, OUTPUT_BLOCK, PANELS,
    SLOPES_KEPT, WITH_SLOPES,
)
from rosenblatt.core.layer_kinds cimport begin_inputs, kind_of, lay_out, place
from rosenblatt.core.layer cimport (
    MOST_LAYERS, Inputs, Kind, Layer, Pass, Reading, set_weights,
)
from rosenblatt.core.threads cimport rb_meet, rb_share, rb_team

from rosenblatt.core.buffers import aligned_zeros
from rosenblatt.core.dispatch import LOSSES

cdef enum:
    TILE_ROWS = 12    # rows are divided among threads in multiples of the rows of a tile
    PIECE_ROWS = 48   # whole blocks, see kernels.h, like CHUNK_ROWS
    CHUNK_ROWS = 240  # per thread; at most the depth of a panel of backward weights, see dense.h
    FEW_ROWS = 4      # with fewer rows, transposing weights costs more than it saves
    MANY_ROWS = 48    # with fewer rows, packing deltas costs more than it saves,
    MANY_INPUTS = 192  # and also with fewer inputs, because few tiles read the deltas
    CROWDED = 2048    # rows this many bytes apart map to too few sets of a second-level cache
    ROOM = 65536      # bytes of a buffer that small arrays share
    ALIGNMENT = 64    # that of aligned_zeros
    SECOND_LEVEL = 1048576  # weights with more bytes fill most of the second-level cache


KINDS_OF_CODES = {"number": NUMBER_CODE, "bin": BIN_CODE, "level": LEVEL_CODE}


cdef class Layers:
    """The layers that an Architecture describes.

    Parameters
    ----------
    architecture : Architecture
    is_sparse : bool
        Whether X may be sparse.
    n_threads : int
        Maximum number of threads of a call.
    input_dropout, input_noise : float
        The dropout rate of inputs, and the standard deviation of the noise on inputs, in training.

    Attributes
    ----------
    stored : list of Stored
        The layout of each layer's weights.
    chunk : int
        Maximum number of rows that are processed at a time.
    noise_seed : int
    """

    def __init__(self, architecture, *, is_sparse=False, n_threads=1, input_dropout=0.0,
                 input_noise=0.0):
        self.dtype = architecture.dtype
        self.kernels = active_kernels(self.dtype)
        self.buffers = []
        self.n_layers = 1 + len(architecture.layers)
        if self.n_layers > MOST_LAYERS + 1:
            raise ValueError(f"hidden_layer_sizes must have at most {MOST_LAYERS - 1} layers, "
                             f"got {self.n_layers - 2}.")
        self.loss = LOSSES[architecture.loss].code
        self.n_threads = n_threads
        self.noise_seed = 0
        self.first_row = 0
        if architecture.layers[0].coding and (is_sparse or input_dropout or input_noise):
            raise ValueError("codes take X that is not sparse, without dropout and noise of inputs")
        self._lay_out(architecture, is_sparse)
        self.at[0].dropout, self.at[0].noise = input_dropout, input_noise
        self.at[0].epilogue = epilogue_of_inputs(input_dropout > 0 or input_noise > 0)
        self.constants = np.array(architecture.loss_constants, dtype=self.dtype)
        self.loss_constants = address(self.constants)

    def _lay_out(self, architecture, is_sparse):
        cdef Layer *layer
        vector = self.kernels.vector_length
        n_padded = sum(-(-each.fan_out // vector) * vector * (each.fan_in + vector)
                       for each in architecture.layers)
        if n_padded * self.dtype.itemsize > PY_SSIZE_T_MAX:  # more than an index can count
            raise MemoryError(f"Unable to allocate {n_padded * self.dtype.itemsize} bytes.")
        self._read_coding(architecture.layers[0].coding)
        begin_inputs(&self.at[0], architecture.layers[0].fan_in,
                     &self.coding if self.coding_arrays else NULL)
        self.stored, self.needs_batch = [], False
        for i, described in enumerate(architecture.layers):
            layer = &self.at[1 + i]
            layer.number, layer.below = i, &self.at[i]
            layer.epilogue = epilogue_of(described.normalization)
            self.needs_batch |= layer.epilogue.needs_batch
            self.stored.append(lay_out(self.kernels, layer, described, is_sparse, False))

    cdef _read_coding(self, coding):
        """Describe the encoding of the inputs to the kernels; `coding` is a CodedInputs or None."""
        if coding is None:
            return
        kinds = [KINDS_OF_CODES[kind] for kind, _ in coding.columns]
        counts = [count for _, count in coding.columns]
        self.coding_arrays = (
            np.array(coding.firsts, np.intp), np.array(counts, np.intp), np.array(kinds, np.intc),
            np.array(coding.begins, np.int8), np.array(coding.shifts, self.dtype),
        )
        firsts, counts, kinds, begins, shifts = self.coding_arrays
        self.coding.n_columns, self.coding.n_stored = len(kinds), coding.n_stored
        self.coding.firsts = <const Py_ssize_t *> address(firsts)
        self.coding.counts = <const Py_ssize_t *> address(counts)
        self.coding.kinds = <const int *> address(kinds)
        self.coding.begins = address(begins)
        self.coding.shifts = address(shifts)

    @property
    def input_noise(self):
        """The standard deviation of the noise on inputs in training."""
        return self.at[0].noise

    @property
    def takes_sparse(self):
        """Whether the layout of the first layer's weights supports sparse rows."""
        return self.at[1].sparse_kind != NULL and self.at[1].layout != PANELS

    def place(self, blocks, parameters, gradient):
        """Set the addresses of the layers' arrays in `parameters` and, if not None, `gradient`."""
        cdef char *at = address(parameters)
        cdef char *d_at = NULL if gradient is None else address(gradient)
        cdef Py_ssize_t offset
        cdef Layer *layer
        for entry, start, _ in blocks.places:
            offset = <Py_ssize_t> start * self.kernels.item_size
            layer = &self.at[1 + entry.layer]
            place(&layer.at, layer, entry.role, at + offset)
            if d_at and entry.group is not None:
                place(&layer.d, layer, entry.role, d_at + offset)
            layer.statistics.running_means = layer.at.running_means
            layer.statistics.running_variances = layer.at.running_variances
        for i in range(1, self.n_layers):
            self.at[i].learned = self.at[i].at.weights
            self.at[i].learned_intercepts = self.at[i].at.intercepts
        self._place_derived()

    cdef _place_derived(self):
        """Allocate the first layer's weights as products read them: times the input scales, and for
        encoded inputs summed, with intercepts that account for the inputs' means."""
        cdef Layer *layer = &self.at[1]
        if layer.at.input_scales or layer.coding:
            n_numbers = self.stored[0].size_of((layer.fan_in, layer.fan_out))
            set_weights(&layer.at.weights, layer, self._buffer(1, n_numbers))
        if layer.coding:
            layer.at.intercepts = self._buffer(1, layer.width)

    def allocate(self, batch_size, dropout, trainable):
        """Allocate the buffers of a chunk of rows."""
        cdef Layer *layer
        self.chunk = self._chunk_rows(batch_size)
        for i in range(self.n_layers):
            layer = &self.at[i]
            layer.piece = self._piece_rows(layer)
            layer.output = self._buffer(self.chunk, layer.width)
            if layer.epilogue.keeps_products:
                self._allocate_normalization(layer)
            if i > 0:
                self._allocate_slopes(layer, dropout[i - 1] if i - 1 < len(dropout) else 0)
            if trainable and i > 0:
                self._allocate_deltas(layer)
        self.scratch = self._buffer(3 * self.last().fan_out * self.n_threads, OUTPUT_BLOCK)
        self.row_losses = np.zeros(self.chunk)

    cdef char *_buffer(self, Py_ssize_t rows, Py_ssize_t columns) except NULL:
        """An aligned array of zeros. Small arrays share a buffer, because each allocation by NumPy
        takes 5 microseconds, which is noticeable for small networks."""
        cdef Py_ssize_t size = self.kernels.item_size, n_bytes
        cdef char *start
        if columns > 0 and rows > PY_SSIZE_T_MAX // columns // size - ROOM:
            raise MemoryError(f"Unable to allocate {rows} rows of {columns} elements.")
        # products read a vector past the last element
        n_bytes = (rows * columns + self.kernels.vector_length) * size
        n_bytes = (n_bytes + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT
        if n_bytes > ROOM // 4:
            array = aligned_zeros(n_bytes, np.uint8)
            self.buffers.append(array)
            return address(array)
        if n_bytes > self.n_free:
            array = aligned_zeros(ROOM, np.uint8)
            self.buffers.append(array)
            self.free, self.n_free = address(array), ROOM
        start = self.free
        self.free += n_bytes
        self.n_free -= n_bytes
        return start

    cdef _allocate_normalization(self, Layer *layer):
        layer.normalized = self._buffer(self.chunk, layer.width)
        if not layer.epilogue.needs_batch:
            layer.statistics.inverse_deviations = self._buffer(self.chunk, 1)
            return
        layer.block_sums = self._buffer(2 * (self.chunk // BATCH_BLOCK + 1), layer.width)
        layer.statistics.means = self._buffer(1, layer.width)
        layer.statistics.inverse_deviations = self._buffer(1, layer.width)

    cdef _allocate_slopes(self, Layer *layer, double dropout):
        layer.dropout = dropout
        if dropout > 0:
            layer.slopes = self._buffer(self.chunk, layer.width)
        layer.pre_activation = layer.output
        if layer.keeps_input:  # later overwritten by the slopes of dropout
            layer.pre_activation = layer.slopes or self._buffer(self.chunk, layer.width)
        layer.kept, layer.slope = layer.pre_activation, layer.activation
        if layer.pre_activation != layer.output:
            layer.slope = SLOPES_KEPT
        if layer.slopes:
            layer.kept, layer.slope = layer.slopes, SLOPES_KEPT

    cdef _allocate_deltas(self, Layer *layer):
        layer.delta = layer.output
        if layer != self.last():
            layer.delta = self._buffer(self.chunk, layer.width)
        layer.d_pre_activation = layer.delta
        if layer.epilogue.keeps_products and not layer.epilogue.needs_batch:
            layer.d_pre_activation = self._buffer(self.chunk, layer.width)
        if layer.passes_on and layer.kind.prepare:
            layer.at.transposed = self._buffer(layer.fan_out, layer.stride)
        if (layer.kind.pack and layer.layout == PANELS and layer.fan_in >= MANY_INPUTS
                and layer.width * self.kernels.item_size % CROWDED == 0):
            layer.packed_delta = self._buffer(self.chunk, layer.width)

    def _chunk_rows(self, batch_size):
        """Number of rows that are processed together, so that their data stay in the caches.

        A step processes its batch in equal chunks. The sums of the gradient run over the rows in
        the same order for any chunk size, so this changes no bit.
        """
        if self.needs_batch:
            return batch_size + 1  # all rows of a step, because their statistics are needed
        n_chunks = -(-batch_size // (CHUNK_ROWS * self.n_threads))
        rows = -(-batch_size // n_chunks)
        return min(batch_size, -(-rows // TILE_ROWS) * TILE_ROWS)

    cdef Py_ssize_t _piece_rows(self, const Layer *layer):
        """Number of rows of a chunk that pass through a layer together, including the epilogue.
        Weights that are larger than the cache are read again for each piece."""
        if not self.needs_batch or layer.below == NULL:
            return self.chunk
        n_numbers = self.stored[layer.number].size_of((layer.fan_in, layer.fan_out))
        return PIECE_ROWS if n_numbers * self.kernels.item_size <= SECOND_LEVEL else CHUNK_ROWS

    cdef const char *forward(self, const Inputs *inputs, const Py_ssize_t *order,
                             Py_ssize_t first, Py_ssize_t last,
                             const Pass *training) noexcept nogil:
        """Activations of all layers for rows order[first..last) of the chunk.

        `training` is NULL in predictions. Returns the address of the logits of the first row.
        """
        cdef Py_ssize_t start, stop
        cdef Layer *layer = &self.at[0]
        cdef int i
        for i in range(self.n_layers):
            layer = &self.at[i]
            start = first
            while start < last:
                stop = min(start + layer.piece, last)
                if i > 1 or (i == 1 and not inputs.is_sparse):
                    finish(self.kernels, layer.below, start, stop, training)
                self.multiply(layer, inputs, order, start, stop, training)
                start = stop
            if training and layer.epilogue.collect:
                layer.epilogue.collect(self.kernels, layer, first, last, training)
        return layer.output + first * layer.width * self.kernels.item_size

    cdef Reading reading(self, const Layer *layer, const Inputs *inputs, const Py_ssize_t *order,
                         Py_ssize_t first, const Pass *training) noexcept nogil:
        """The input of a layer for rows from `first` of the chunk on."""
        cdef Reading reading
        reading.rows = inputs.rows
        if layer.below:
            reading.rows = layer.below.output + first * layer.stride * self.kernels.item_size
        reading.csr, reading.order = &inputs.csr, order + first
        reading.dropout = dropout_of(&self.at[0], first, training if inputs.is_sparse else NULL)
        return reading

    cdef void multiply(self, const Layer *layer, const Inputs *inputs, const Py_ssize_t *order,
                       Py_ssize_t first, Py_ssize_t last, const Pass *training) noexcept nogil:
        """A layer's product for rows [first, last) of the chunk, followed by the activation or by
        the contribution to the statistics of the batch."""
        cdef Py_ssize_t offset = first * layer.width * self.kernels.item_size
        cdef char *product = layer.pre_activation + offset
        cdef char *output = layer.output + offset
        cdef int activation = layer.activation + (WITH_SLOPES if training else 0)
        cdef Reading reading = self.reading(layer, inputs, order, first, training)
        cdef const Kind *kind = kind_of(layer, inputs)
        if layer.epilogue.keeps_products:
            product = output = layer.normalized + offset
            activation = ACTIVATION_identity  # the layer's activation follows the normalisation
        if kind.forward:
            kind.forward(self.kernels, layer, &layer.at, &reading, output, product, last - first,
                         activation)
        if training and layer.epilogue.after_product:
            layer.epilogue.after_product(self.kernels, layer, first, last, training)

    cdef void derive_weights(self, rb_team *team, int thread) noexcept nogil:
        """Compute the weights that products read, if they differ from the learned ones; without a
        team all of them."""
        cdef const Layer *layer = &self.at[1]
        cdef int n_threads = team.n_threads if team else 1
        cdef Py_ssize_t start, stop
        if layer.coding:
            rb_share(layer.width, 2 * self.kernels.vector_length, n_threads, thread, &start, &stop)
            self.kernels.products.accumulate_weights(
                &layer.at.weights, layer.at.intercepts, &layer.learned, layer.learned_intercepts,
                layer.at.input_scales, layer.coding, start, stop)
        elif layer.at.input_scales:
            rb_share(layer.fan_in, TILE_ROWS, n_threads, thread, &start, &stop)
            self.kernels.products.scale_weights(&layer.at.weights, &layer.learned,
                                                layer.at.input_scales, start, stop)
        else:
            return
        if team:
            rb_meet(team)

    cdef void derive_gradients(self, rb_team *team, int thread) noexcept nogil:
        """Compute the gradients of the learned arrays from those of what products read."""
        cdef const Layer *layer = &self.at[1]
        cdef Py_ssize_t start, stop
        if layer.coding:
            rb_share(layer.width, 2 * self.kernels.vector_length, team.n_threads, thread, &start,
                     &stop)
            self.kernels.products.accumulate_gradients(&layer.d.weights, layer.d.intercepts,
                                                       layer.coding, start, stop)
            rb_meet(team)
        if layer.at.input_scales == NULL:
            return
        rb_share(layer.fan_in, TILE_ROWS, team.n_threads, thread, &start, &stop)
        self.kernels.products.scale_gradients(&layer.d.weights, layer.d.input_scales,
                                              &layer.learned, layer.at.input_scales, start, stop)
        rb_meet(team)

    cdef void begin_predictions(self) noexcept nogil:
        """Compute the values that predictions need in addition to the parameters."""
        cdef Layer *layer
        cdef int i
        self.derive_weights(NULL, 0)
        for i in range(self.n_layers):
            layer = &self.at[i]
            if layer.epilogue.begin_predictions:
                layer.epilogue.begin_predictions(self.kernels, layer, 0, 0, NULL)

    cdef void backward(self, Py_ssize_t first, Py_ssize_t last, bint transposed,
                       const Pass *training) noexcept nogil:
        """Deltas of all layers for rows [first, last) of the chunk, from the last layer down to the
        lowest layer that learns."""
        cdef Py_ssize_t start, stop
        cdef Layer *layer
        cdef int i
        for i in range(self.n_layers - 1, 0, -1):
            layer = &self.at[i]
            start = first
            while start < last:
                stop = min(start + layer.piece, last)
                if layer.epilogue.backward:
                    layer.epilogue.backward(self.kernels, layer, start, stop, training)
                if layer.passes_on:
                    self.multiply_backward(layer, start, stop, transposed, training)
                start = stop
            if layer.passes_on and layer.below.epilogue.collect_gradients:
                layer.below.epilogue.collect_gradients(self.kernels, layer.below, first, last,
                                                       training)

    cdef void multiply_backward(self, const Layer *layer, Py_ssize_t first, Py_ssize_t last,
                                bint transposed, const Pass *training) noexcept nogil:
        """Deltas of the layer below, before its normalisation, for rows [first, last)."""
        cdef Py_ssize_t size = self.kernels.item_size
        cdef const Layer *below = layer.below
        cdef Py_ssize_t offset = first * below.width * size
        layer.kind.backward_input(
            self.kernels, layer, &layer.at, transposed, layer.delta + first * layer.width * size,
            below.d_pre_activation + offset, below.kept + offset, below.slope, last - first)
        if below.epilogue.after_deltas:
            below.epilogue.after_deltas(self.kernels, below, first, last, training)

    cdef void backward_weights(self, const Inputs *inputs, const Py_ssize_t *order, bint packed,
                               const Pass *training) noexcept nogil:
        """Gradients of all parameters from the deltas of the chunk's rows."""
        cdef Py_ssize_t rows = training.count
        cdef bint accumulate = training.start > 0
        cdef int n_threads = training.team.n_threads, thread = training.thread
        cdef Reading reading
        cdef Layer *layer
        cdef int i
        if packed:
            self.pack_deltas(training)
        for i in range(1, self.n_layers):
            layer = &self.at[i]
            if i % n_threads == thread and layer.d.intercepts:
                self.kernels.products.column_sums(layer.d.intercepts, layer.delta, rows,
                                                  layer.width, accumulate)
            if layer.epilogue.add_gradients:
                layer.epilogue.add_gradients(self.kernels, layer, 0, rows, training)
            reading = self.reading(layer, inputs, order, 0, training)
            kind_of(layer, inputs).backward_weights(
                self.kernels, layer, &layer.d, &reading, layer.delta,
                layer.packed_delta if packed else NULL, rows, accumulate, n_threads, thread)

    cdef void pack_deltas(self, const Pass *training) noexcept nogil:
        """Pack deltas in the layout that `backward_weights` reads."""
        cdef Layer *layer
        cdef int i
        for i in range(1, self.n_layers):
            layer = &self.at[i]
            if layer.packed_delta:
                layer.kind.pack(self.kernels, layer, training.count, training.team.n_threads,
                                training.thread)
        rb_meet(training.team)

    cdef void transpose_weights(self, rb_team *team, int thread) noexcept nogil:
        """Transpose weights to the layout that `backward` reads."""
        cdef Layer *layer
        cdef int i
        for i in range(1, self.n_layers):
            layer = &self.at[i]
            if layer.at.transposed:
                layer.kind.prepare(self.kernels, layer, &layer.at, team.n_threads, thread)
        rb_meet(team)

    cdef double gradients(self, const Inputs *inputs, const Py_ssize_t *order, Py_ssize_t rows,
                          uint64_t step, rb_team *team, int thread) noexcept nogil:
        """Compute the gradient as the sum over rows.

        `step` is the number of previous steps. Returns the sum of the losses (in thread 0).
        """
        cdef bint transposed = rows >= FEW_ROWS, packed = rows >= MANY_ROWS
        cdef Py_ssize_t start = 0, count, first, last, i
        cdef double total = 0
        cdef Pass training
        cdef const Layer *output = self.last()
        cdef Py_ssize_t size = self.kernels.item_size
        cdef char *scratch = self.scratch + 3 * output.fan_out * OUTPUT_BLOCK * size * thread
        cdef char *logits
        self.derive_weights(team, thread)
        if transposed:
            self.transpose_weights(team, thread)
        while start < rows:
            count = min(self.chunk, rows - start)
            training.noise_seed, training.step = self.noise_seed, step
            training.first_row, training.start, training.count = self.first_row, start, count
            training.team, training.thread = team, thread
            rb_share(count, BATCH_BLOCK if self.needs_batch else TILE_ROWS, team.n_threads, thread,
                     &first, &last)
            if first < last or self.needs_batch:  # batch statistics have their own barriers
                logits = <char *> self.forward(inputs, order + start, first, last, &training)
                self.kernels.output.loss_gradient(
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
        self.derive_gradients(team, thread)
        return total

    cdef void limit_norms(self, double max_norm, rb_team *team, int thread) noexcept nogil:
        """Scale the weights of each unit down to the norm max_norm if theirs is larger."""
        cdef Layer *layer
        cdef int i
        for i in range(1, self.n_layers):
            layer = &self.at[i]
            if layer.kind.limit_norms:
                layer.kind.limit_norms(self.kernels, layer, max_norm, team.n_threads, thread)
        rb_meet(team)

    cdef const Layer *last(self) noexcept nogil:
        """The output layer."""
        return &self.at[self.n_layers - 1]
