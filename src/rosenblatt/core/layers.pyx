"""A network's layers at work on the rows of a batch: forward, backward, the weights' gradients.

They own the buffers of one chunk of rows, allocated once; all that a step does runs without the
GIL and touches no Python object. Parameters and gradient are the network's (network.pyx), which
says where they are; what a product is stands in layer_kinds.pyx, what follows it in
epilogues.pyx. The lowest layer is the inputs': it brings rows of X together, and has no arrays.

Every method that takes a `team` and a `thread`, or a Pass with them, is run by all threads of the
team at once: each does its share, which is of rows or of parameters and never of a sum, and they
meet where one needs what another has done. With one thread the shares are the whole.
"""

# SPDX-License-Identifier: BSD-3-Clause
import numpy as np

from cpython.pyport cimport PY_SSIZE_T_MAX
from libc.stdint cimport uint64_t

from rosenblatt.core.address cimport address
from rosenblatt.core.dispatch cimport active_kernels
from rosenblatt.core.epilogues cimport dropout_of, epilogue_of, epilogue_of_inputs, finish
from rosenblatt.core.kernels cimport (
    ACTIVATION_identity, BATCH_BLOCK, OUTPUT_BLOCK, PANELS, SLOPES_KEPT, WITH_SLOPES,
)
from rosenblatt.core.layer_kinds cimport begin_inputs, kind_of, lay_out, place
from rosenblatt.core.layer cimport (
    MOST_LAYERS, Inputs, Kind, Layer, Pass, Reading, set_weights,
)
from rosenblatt.core.threads cimport rb_meet, rb_share, rb_team

from rosenblatt.core.buffers import aligned_zeros
from rosenblatt.core.dispatch import LOSSES

cdef enum:
    TILE_ROWS = 12    # rows are shared in multiples of the product's tiles'
    PIECE_ROWS = 48   # whole blocks, see kernels.h, as CHUNK_ROWS are
    CHUNK_ROWS = 240  # a thread's; no more than a panel of backward weights is deep, see dense.h
    FEW_ROWS = 4      # below, transposing weights costs more than it saves
    MANY_ROWS = 48    # below, packing deltas costs more than it saves,
    MANY_INPUTS = 192  # as where fewer inputs than these, so few tiles, read them
    CROWDED = 2048    # rows so many bytes apart share too few sets of a second-level cache
    ROOM = 65536      # bytes of a buffer that small ones share
    ALIGNMENT = 64    # of aligned_zeros
    SECOND_LEVEL = 1048576  # weights of more bytes leave little of it to anything else


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
        self.n_layers = 1 + len(architecture.layers)
        if self.n_layers > MOST_LAYERS + 1:
            raise ValueError(f"hidden_layer_sizes must name at most {MOST_LAYERS - 1} layers, "
                             f"got {self.n_layers - 2}.")
        self.loss = LOSSES[architecture.loss].code
        self.n_threads = n_threads
        self.noise_seed = 0
        self.first_row = 0
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
        begin_inputs(&self.at[0], architecture.layers[0].fan_in)
        self.stored, self.needs_batch = [], False
        for i, described in enumerate(architecture.layers):
            layer = &self.at[1 + i]
            layer.number, layer.below = i, &self.at[i]
            layer.epilogue = epilogue_of(described.normalization)
            self.needs_batch |= layer.epilogue.needs_batch
            self.stored.append(lay_out(self.kernels, layer, described, is_sparse, False))

    @property
    def input_noise(self):
        """The deviation of what is added to inputs in training."""
        return self.at[0].noise

    @property
    def takes_sparse(self):
        """Whether the first layer's weights lie as the values of sparse rows find them."""
        return self.at[1].sparse_kind != NULL and self.at[1].layout != PANELS

    def place(self, blocks, parameters, gradient):
        """Tells the layers where their arrays are: in `parameters`, and in `gradient` or None."""
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
        self._place_scaled_weights()

    cdef _place_scaled_weights(self):
        """With input scales, products read the first layer's weights times these."""
        cdef Layer *layer = &self.at[1]
        if layer.at.input_scales:
            n_numbers = self.stored[0].size_of((layer.fan_in, layer.fan_out))
            set_weights(&layer.at.weights, layer, self._buffer(1, n_numbers))

    def allocate(self, batch_size, dropout, trainable):
        """Makes the buffers of a chunk of rows."""
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
        """Zeros, aligned. Small ones lie together: each that NumPy is asked for takes 5
        microseconds, which shows in fits of small networks."""
        cdef Py_ssize_t size = self.kernels.item_size, n_bytes
        cdef char *start
        if columns > 0 and rows > PY_SSIZE_T_MAX // columns // size - ROOM:
            raise MemoryError(f"Unable to allocate {rows} rows of {columns} numbers.")
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
        if layer.keeps_input:  # dropout's slopes take their place when they are known
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
        """Rows that are worked on together, so that what they touch stays in the caches.

        A step walks its batch in equal chunks. The gradient's sums run over the rows in the
        same order either way, so this changes no bit.
        """
        if self.needs_batch:
            return batch_size + 1  # all of a step's rows, whose statistics are wanted
        n_chunks = -(-batch_size // (CHUNK_ROWS * self.n_threads))
        rows = -(-batch_size // n_chunks)
        return min(batch_size, -(-rows // TILE_ROWS) * TILE_ROWS)

    cdef Py_ssize_t _piece_rows(self, const Layer *layer):
        """Rows of a chunk that go through a layer together, with what follows one product and
        precedes the next. Weights that outgrow the cache are read anew for every piece."""
        if not self.needs_batch or layer.below == NULL:
            return self.chunk
        n_numbers = self.stored[layer.number].size_of((layer.fan_in, layer.fan_out))
        return PIECE_ROWS if n_numbers * self.kernels.item_size <= SECOND_LEVEL else CHUNK_ROWS

    cdef const char *forward(self, const Inputs *inputs, const Py_ssize_t *order,
                             Py_ssize_t first, Py_ssize_t last,
                             const Pass *training) noexcept nogil:
        """Activations of all layers for rows order[first..last) of the chunk.

        `training` is NULL in predictions. Returns where the first of these rows' logits are.
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
        """What a layer reads for rows from `first` of the chunk on."""
        cdef Reading reading
        reading.rows = inputs.rows
        if layer.below:
            reading.rows = layer.below.output + first * layer.stride * self.kernels.item_size
        reading.csr, reading.order = &inputs.csr, order + first
        reading.dropout = dropout_of(&self.at[0], first, training if inputs.is_sparse else NULL)
        return reading

    cdef void multiply(self, const Layer *layer, const Inputs *inputs, const Py_ssize_t *order,
                       Py_ssize_t first, Py_ssize_t last, const Pass *training) noexcept nogil:
        """A layer's product for rows [first, last) of the chunk, and what of the rest can be done
        at once: the activation, or a share in the batch's statistics."""
        cdef Py_ssize_t offset = first * layer.width * self.kernels.item_size
        cdef char *product = layer.pre_activation + offset
        cdef char *output = layer.output + offset
        cdef int activation = layer.activation + (WITH_SLOPES if training else 0)
        cdef Reading reading = self.reading(layer, inputs, order, first, training)
        cdef const Kind *kind = kind_of(layer, inputs)
        if layer.epilogue.keeps_products:
            product = output = layer.normalized + offset
            activation = ACTIVATION_identity  # after normalisation comes the layer's own
        if kind.forward:
            kind.forward(self.kernels, layer, &layer.at, &reading, output, product, last - first,
                         activation)
        if training and layer.epilogue.after_product:
            layer.epilogue.after_product(self.kernels, layer, first, last, training)

    cdef void scale_weights(self, rb_team *team, int thread) noexcept nogil:
        """The weights that products read, where inputs have scales; without a team all of them."""
        cdef const Layer *layer = &self.at[1]
        cdef Py_ssize_t start = 0, stop = layer.fan_in
        if layer.at.input_scales == NULL:
            return
        if team:
            rb_share(layer.fan_in, TILE_ROWS, team.n_threads, thread, &start, &stop)
        self.kernels.products.scale_weights(&layer.at.weights, &layer.learned,
                                            layer.at.input_scales, start, stop)
        if team:
            rb_meet(team)

    cdef void scale_gradients(self, rb_team *team, int thread) noexcept nogil:
        """The gradients of weights and input scales from that of their product."""
        cdef const Layer *layer = &self.at[1]
        cdef Py_ssize_t start, stop
        if layer.at.input_scales == NULL:
            return
        rb_share(layer.fan_in, TILE_ROWS, team.n_threads, thread, &start, &stop)
        self.kernels.products.scale_gradients(&layer.d.weights, layer.d.input_scales,
                                              &layer.learned, layer.at.input_scales, start, stop)
        rb_meet(team)

    cdef void begin_predictions(self) noexcept nogil:
        """What predictions take besides the parameters is made of these."""
        cdef Layer *layer
        cdef int i
        self.scale_weights(NULL, 0)
        for i in range(self.n_layers):
            layer = &self.at[i]
            if layer.epilogue.begin_predictions:
                layer.epilogue.begin_predictions(self.kernels, layer, 0, 0, NULL)

    cdef void backward(self, Py_ssize_t first, Py_ssize_t last, bint transposed,
                       const Pass *training) noexcept nogil:
        """Deltas of all layers for rows [first, last) of the chunk, from the last layer's, down to
        the lowest that learns."""
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
        """Deltas as the products of `backward_weights` read them."""
        cdef Layer *layer
        cdef int i
        for i in range(1, self.n_layers):
            layer = &self.at[i]
            if layer.packed_delta:
                layer.kind.pack(self.kernels, layer, training.count, training.team.n_threads,
                                training.thread)
        rb_meet(training.team)

    cdef void transpose_weights(self, rb_team *team, int thread) noexcept nogil:
        """Weights as the products of `backward` read them."""
        cdef Layer *layer
        cdef int i
        for i in range(1, self.n_layers):
            layer = &self.at[i]
            if layer.at.transposed:
                layer.kind.prepare(self.kernels, layer, &layer.at, team.n_threads, thread)
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
        cdef const Layer *output = self.last()
        cdef Py_ssize_t size = self.kernels.item_size
        cdef char *scratch = self.scratch + 3 * output.fan_out * OUTPUT_BLOCK * size * thread
        cdef char *logits
        self.scale_weights(team, thread)
        if transposed:
            self.transpose_weights(team, thread)
        while start < rows:
            count = min(self.chunk, rows - start)
            training.noise_seed, training.step = self.noise_seed, step
            training.first_row, training.start, training.count = self.first_row, start, count
            training.team, training.thread = team, thread
            rb_share(count, BATCH_BLOCK if self.needs_batch else TILE_ROWS, team.n_threads, thread,
                     &first, &last)
            if first < last or self.needs_batch:  # which has its own meetings
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
        self.scale_gradients(team, thread)
        return total

    cdef void limit_norms(self, double max_norm, rb_team *team, int thread) noexcept nogil:
        """Scales every unit's weights down to max_norm where they are longer."""
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
