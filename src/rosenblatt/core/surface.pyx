"""The error surface: the loss as a function of all parameters, its gradient, and products with
its Hessian.

What is differentiated is what predictions compute: no dropout, no noise, batch normalisation by
its running statistics. Products with the Hessian are exact, by the R-operator (Pearlmutter,
1994): every quantity of the forward and the backward pass goes with its derivative along a
direction of the parameters. Training is layers.pyx's; the penalty, and the mean over rows, are
the caller's.

Vectors are flat, in the order of the catalogue (Architecture).
"""

# SPDX-License-Identifier: BSD-3-Clause
import numpy as np

from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int32_t, uint64_t
from libc.string cimport memcpy, memset

from rosenblatt.core.address cimport address
from rosenblatt.core.dispatch cimport active_kernels
from rosenblatt.core.kernels cimport (
    ACTIVATION_identity, OUTPUT_BLOCK, ROWS, SLOPES_KEPT, rb_csr, rb_dropout, rb_kernels,
)
from rosenblatt.core.subnormals cimport rb_flush_subnormals, rb_set_mode

from rosenblatt.core.blocks import Blocks, Stored
from rosenblatt.core.buffers import aligned_zeros, csr_parts
from rosenblatt.core.dispatch import ACTIVATIONS, LOSSES

cdef enum:
    MOST_LAYERS = 256
    CHUNK_ROWS = 60   # whole tiles; what they touch stays in the second-level cache
    CROWDED = 2048    # rows a multiple of so many bytes apart share too few sets of a cache
    LOSS = 0          # what a pass over rows is for
    GRADIENT = 1
    PRODUCT = 2

PASSES = {"loss": LOSS, "gradient": GRADIENT, "product": PRODUCT}


cdef struct Block:
    # a layer's part of a block like the parameters
    char *weights               # (fan_in, width)
    char *intercepts            # (width,)
    char *scales                # (width,), and shifts, of a normalised layer
    char *shifts


cdef struct Layer:
    Py_ssize_t fan_in, fan_out
    Py_ssize_t width            # fan_out, padded to whole vectors
    Py_ssize_t stride           # of its inputs' rows
    int activation
    bint is_normalized
    Block at                    # the parameters
    Block along                 # the direction
    Block sums                  # of the rows' gradients, or of their products
    char *transposed            # weights as the deltas' products read them, or NULL
    char *r_transposed          # and the direction's
    char *output                # (CHUNK_ROWS, width), as all that follow
    char *r_output
    char *slopes
    char *bends                 # curvature * derivative of the pre-activation
    char *normalized
    char *r_normalized
    char *inverses              # (width,) or, of layer normalisation, (CHUNK_ROWS,)
    char *r_log_inverses        # (CHUNK_ROWS,)
    char *running_means         # (width,)


cdef class Surface:
    """Loss, gradient and Hessian-vector products, summed over rows, at a point.

    Parameters
    ----------
    architecture : Architecture
    averaged : sequence of lists of ndarray
        What the network's arrays are that are not learned, in the catalogue's order.

    Attributes
    ----------
    n_parameters : int
        Length of the vectors.
    """

    cdef const rb_kernels *kernels
    cdef readonly object dtype
    cdef readonly Py_ssize_t n_parameters
    cdef list buffers
    cdef object point, direction, total, blocks
    cdef Layer layers[MOST_LAYERS]
    cdef int n_layers, loss
    cdef bint takes_classes, by_layer, has_direction, has_room
    cdef Py_ssize_t n_padded, widest
    cdef char *batch            # (CHUNK_ROWS, n_features) rows of X
    cdef char *pre_activation   # of the layer at work
    cdef char *product          # the second of two products that are added
    cdef char *deltas[2]        # of the layer at work and of the one below it, by turns
    cdef char *r_deltas[2]
    cdef char *zeros            # (widest,)
    cdef char *ones
    cdef char *unread           # (widest,) what is computed along and not wanted
    cdef char *scratch
    cdef char *constants
    cdef double[::1] row_losses
    cdef Py_ssize_t[::1] order
    cdef rb_dropout nothing_dropped

    def __init__(self, architecture, averaged=()):
        self.dtype = architecture.dtype
        self.nothing_dropped.rate = 0
        self.kernels = active_kernels(self.dtype)
        self.buffers = []
        self.n_layers = len(architecture.layers)
        if self.n_layers > MOST_LAYERS:
            raise ValueError(f"at most {MOST_LAYERS} layers, got {self.n_layers}")
        self.loss = LOSSES[architecture.loss].code
        self.takes_classes = LOSSES[architecture.loss].target == "class"
        self.by_layer = architecture.normalization == "layer"
        self._lay_out(architecture)
        self.point, self.total = self._block(), self._block()
        self._place(self.point, 0)
        self._place(self.total, 2)
        for i in range(1, self.n_layers):
            self.layers[i].transposed = self._buffer(self.layers[i].fan_out, self.layers[i].stride)
        self._allocate_forward()
        self._take_running(*averaged)
        constants = np.array(architecture.loss_constants, self.dtype)
        self.buffers.append(constants)
        self.constants = address(constants)

    def _lay_out(self, architecture):
        cdef Layer *layer
        cdef Py_ssize_t below = architecture.layers[0].fan_in
        vector, size = self.kernels.vector_length, self.kernels.item_size
        stored, self.widest = [], 0
        for i, described in enumerate(architecture.layers):
            layer = &self.layers[i]
            layer.fan_in, layer.fan_out = described.fan_in, described.fan_out
            layer.width = (layer.fan_out + vector - 1) // vector * vector
            if layer.width * size % CROWDED == 0:
                layer.width += vector
            layer.stride, below = below, layer.width
            layer.activation = ACTIVATIONS[described.activation].code
            layer.is_normalized = described.normalization is not None
            layer.transposed = layer.r_transposed = NULL
            stored.append(Stored(layer.width, layer.stride, layer.width))
            self.widest = max(self.widest, layer.width)
        self.blocks = Blocks(architecture, stored)
        self.n_parameters, self.n_padded = architecture.n_parameters, self.blocks.n_learned

    def _block(self):
        return aligned_zeros(self.n_padded + self.kernels.vector_length, self.dtype)

    cdef int _place(self, array, int which) except -1:
        """Where each layer's parts of a block are."""
        cdef char *to = address(array)
        cdef char *at
        cdef Layer *layer
        cdef Block *block
        for entry, start, _ in self.blocks.places:
            at = to + <Py_ssize_t> start * self.kernels.item_size
            layer = &self.layers[entry.layer]
            block = &layer.at if which == 0 else &layer.along if which == 1 else &layer.sums
            if entry.attribute == "coefs_":
                block.weights = at
            elif entry.attribute == "intercepts_":
                block.intercepts = at
            elif entry.attribute == "normalization_scales_":
                block.scales = at
            elif entry.attribute == "normalization_shifts_":
                block.shifts = at
            elif entry.group is not None:
                raise ValueError(f"no layer of the surface has {entry.attribute}")
        return 0

    cdef char *_buffer(self, Py_ssize_t rows, Py_ssize_t columns) except NULL:
        # products read a vector past the last element
        array = aligned_zeros(rows * columns + self.kernels.vector_length, self.dtype)
        self.buffers.append(array)
        return address(array)

    def _allocate_forward(self):
        cdef Layer *layer
        self.batch = self._buffer(CHUNK_ROWS, self.layers[0].fan_in)
        for i in range(self.n_layers):
            layer = &self.layers[i]
            layer.output = self._buffer(CHUNK_ROWS, layer.width)
            if i < self.n_layers - 1:
                layer.slopes = self._buffer(CHUNK_ROWS, layer.width)
            if layer.is_normalized:
                layer.normalized = self._buffer(CHUNK_ROWS, layer.width)
                layer.inverses = self._buffer(CHUNK_ROWS if self.by_layer else 1, layer.width)
                layer.running_means = self._buffer(1, layer.width)
        self.pre_activation = self._buffer(CHUNK_ROWS, self.widest)
        self.zeros, self.unread = self._buffer(1, self.widest), self._buffer(1, self.widest)
        ones = np.ones(self.widest, dtype=self.dtype)
        self.buffers.append(ones)
        self.ones = address(ones)
        for i in range(2):
            self.deltas[i] = self._buffer(CHUNK_ROWS, self.widest)
        self.scratch = self._buffer(3 * self.layers[self.n_layers - 1].fan_out, OUTPUT_BLOCK)
        self.row_losses = np.zeros(CHUNK_ROWS)
        self.order = np.arange(CHUNK_ROWS)

    def _take_running(self, means=(), variances=()):
        cdef Layer *layer
        for i, (mean, variance) in enumerate(zip(means, variances, strict=True)):
            layer = &self.layers[i]
            padded = np.zeros((2, layer.width), dtype=self.dtype)
            padded[:, :layer.fan_out] = mean, variance
            memcpy(layer.running_means, address(padded[0]), layer.width * padded.itemsize)
            self.kernels.inverse_deviations(layer.inverses, address(padded[1]), layer.width)

    def _allocate_tangents(self):
        """What products take besides, when the first is asked for."""
        cdef Layer *layer
        self.direction = self._block()
        self._place(self.direction, 1)
        for i in range(self.n_layers):
            layer = &self.layers[i]
            layer.bends = self._buffer(CHUNK_ROWS, layer.width)
            if i < self.n_layers - 1:
                layer.r_output = self._buffer(CHUNK_ROWS, layer.width)
            if i > 0:
                layer.r_transposed = self._buffer(layer.fan_out, layer.stride)
            if layer.is_normalized:
                layer.r_normalized = self._buffer(CHUNK_ROWS, layer.width)
                layer.r_log_inverses = self._buffer(CHUNK_ROWS, 1)
        self.product = self._buffer(CHUNK_ROWS, self.widest)
        for i in range(2):
            self.r_deltas[i] = self._buffer(CHUNK_ROWS, self.widest)
        self.has_room = True

    # -- one chunk of rows ---------------------------------------------------------------

    cdef void forward(self, const rb_csr *sparse, Py_ssize_t first, Py_ssize_t rows,
                      bint curved) noexcept nogil:
        """Outputs and slopes of all layers for a chunk, with their derivatives where `curved`."""
        cdef const char *inputs = self.batch
        cdef const char *r_inputs = NULL
        cdef char *pre
        cdef Layer *layer
        cdef int i
        for i in range(self.n_layers):
            layer = &self.layers[i]
            pre = layer.output if i == self.n_layers - 1 else self.pre_activation
            self.products(layer, sparse, first, rows, inputs, r_inputs, pre, curved)
            if i == self.n_layers - 1:
                return  # the loss goes on from here, and the derivative is in `bends`
            if layer.is_normalized:
                self.normalize(layer, rows, curved)
            self.kernels.activate(layer.output, layer.slopes, self.pre_activation,
                                  rows * layer.width, layer.activation)
            if curved:
                self.kernels.tangent_activation(
                    layer.r_output, layer.bends, self.pre_activation, layer.output, layer.slopes,
                    rows * layer.width, layer.activation)
            inputs, r_inputs = layer.output, layer.r_output

    cdef void products(self, Layer *layer, const rb_csr *sparse, Py_ssize_t first,
                       Py_ssize_t rows, const char *inputs, const char *r_inputs, char *out,
                       bint curved) noexcept nogil:
        """out <- A W + b, and its derivative, into `bends`: A V + A' W + c."""
        cdef char *to
        if layer.is_normalized:
            out = layer.normalized
        self.multiply(out, inputs, layer.at.weights, layer.at.intercepts, layer, sparse, first,
                      rows)
        if not curved:
            return
        to = layer.r_normalized if layer.is_normalized else layer.bends
        self.multiply(to, inputs, layer.along.weights, layer.along.intercepts, layer, sparse,
                      first, rows)
        if r_inputs:
            self.multiply(self.product, r_inputs, layer.at.weights, self.zeros, layer, NULL, 0,
                          rows)
            self.kernels.add(to, self.product, rows * layer.width)

    cdef void multiply(self, char *out, const char *inputs, const char *weights,
                       const char *intercepts, const Layer *layer, const rb_csr *sparse,
                       Py_ssize_t first, Py_ssize_t rows) noexcept nogil:
        """out <- inputs weights + intercepts; sparse inputs are rows [first, first + rows)."""
        cdef Py_ssize_t *order = &self.order[0]
        cdef rb_csr chunk
        if sparse and layer == &self.layers[0]:
            chunk = sparse[0]
            chunk.starts += first
            self.kernels.csr_forward(out, out, &chunk, order, &self.nothing_dropped, weights,
                                     intercepts, rows, layer.width, ACTIVATION_identity)
            return
        self.kernels.dense_forward(out, out, inputs, weights, ROWS, intercepts, rows,
                                   layer.fan_in, layer.width, layer.stride, ACTIVATION_identity)

    cdef void normalize(self, Layer *layer, Py_ssize_t rows, bint curved) noexcept nogil:
        """pre_activation <- scale * x + shift, x the normalised products; its derivative is
        scale * x' + scale' * x + shift'."""
        if self.by_layer:
            self.kernels.normalize_rows(
                self.pre_activation, self.pre_activation, layer.normalized, layer.inverses,
                layer.at.scales, layer.at.shifts, rows, layer.fan_out, layer.width,
                ACTIVATION_identity)
        else:
            self.kernels.normalize_columns(
                self.pre_activation, self.pre_activation, layer.normalized, layer.running_means,
                layer.inverses, layer.at.scales, layer.at.shifts, rows, layer.width,
                ACTIVATION_identity)
        if not curved:
            return
        if self.by_layer:
            self.kernels.tangent_normalize_rows(
                layer.r_normalized, layer.r_log_inverses, layer.normalized, layer.inverses, rows,
                layer.fan_out, layer.width)
        self.kernels.normalize_columns(
            layer.bends, layer.bends, layer.r_normalized, self.zeros,
            self.ones if self.by_layer else layer.inverses, layer.at.scales, layer.along.shifts,
            rows, layer.width, ACTIVATION_identity)
        self.kernels.normalize_columns(
            self.product, self.product, layer.normalized, self.zeros, self.ones,
            layer.along.scales, self.zeros, rows, layer.width, ACTIVATION_identity)
        self.kernels.add(layer.bends, self.product, rows * layer.width)

    cdef void backward(self, const rb_csr *sparse, Py_ssize_t first, Py_ssize_t rows,
                       bint curved) noexcept nogil:
        """Adds the chunk's part to the sums, from the deltas of the last layer in `deltas`."""
        cdef Layer *layer
        cdef Layer *below
        cdef char *swap
        cdef int i
        for i in range(self.n_layers - 1, -1, -1):
            layer = &self.layers[i]
            if layer.is_normalized:
                self.normalize_backward(layer, rows, curved)
            self.add_weights(i, sparse, first, rows, curved)
            if i == 0:
                return
            below = &self.layers[i - 1]
            self.backward_input(self.deltas[1], self.deltas[0], layer, below, False, rows,
                                ACTIVATION_identity if curved else SLOPES_KEPT)
            if curved:
                self.backward_input(self.r_deltas[1], self.r_deltas[0], layer, below, False, rows,
                                    ACTIVATION_identity)
                self.backward_input(self.product, self.deltas[0], layer, below, True, rows,
                                    ACTIVATION_identity)
                self.kernels.add(self.r_deltas[1], self.product, rows * below.width)
                self.kernels.tangent_backward(self.deltas[1], self.r_deltas[1], below.slopes,
                                              below.bends, rows * below.width)
            swap = self.deltas[0]
            self.deltas[0], self.deltas[1] = self.deltas[1], swap
            swap = self.r_deltas[0]
            self.r_deltas[0], self.r_deltas[1] = self.r_deltas[1], swap

    cdef void backward_input(self, char *out, const char *delta, const Layer *layer,
                             const Layer *below, bint along, Py_ssize_t rows,
                             int activation) noexcept nogil:
        """out <- delta W^T, or delta V^T where `along`, times the slopes below where asked."""
        self.kernels.dense_backward_input(
            out, delta, layer.along.weights if along else layer.at.weights, ROWS,
            layer.r_transposed if along else layer.transposed, below.slopes, rows, layer.fan_in,
            layer.fan_out, layer.width, below.width, activation)

    cdef void normalize_backward(self, Layer *layer, Py_ssize_t rows,
                                 bint curved) noexcept nogil:
        """Deltas of the products from those of the pre-activations; adds to scales and shifts."""
        cdef const char *by = self.ones if self.by_layer else layer.inverses
        self.kernels.normalization_gradients(
            layer.sums.scales, layer.sums.shifts, self.r_deltas[0] if curved else self.deltas[0],
            layer.normalized, rows, layer.width, 0, layer.width, True)
        if curved:
            self.kernels.normalization_gradients(
                layer.sums.scales, self.unread, self.deltas[0], layer.r_normalized, rows,
                layer.width, 0, layer.width, True)
            memcpy(self.product, self.deltas[0],
                   rows * layer.width * self.kernels.item_size)
            self.scale_columns(self.product, layer.along.scales, by, layer, rows)
            self.scale_columns(self.r_deltas[0], layer.at.scales, by, layer, rows)
            self.kernels.add(self.r_deltas[0], self.product, rows * layer.width)
        if not self.by_layer:
            self.scale_columns(self.deltas[0], layer.at.scales, by, layer, rows)
        elif not curved:
            memcpy(self.pre_activation, self.deltas[0],
                   rows * layer.width * self.kernels.item_size)
            self.kernels.normalize_rows_backward(
                self.deltas[0], self.pre_activation, layer.normalized, layer.inverses,
                layer.at.scales, rows, layer.fan_out, layer.width)
        else:
            self.scale_columns(self.deltas[0], layer.at.scales, by, layer, rows)
            self.kernels.tangent_normalize_rows_backward(
                self.deltas[0], self.r_deltas[0], layer.normalized, layer.r_normalized,
                layer.inverses, layer.r_log_inverses, rows, layer.fan_out, layer.width)

    cdef void scale_columns(self, char *delta, const char *scales, const char *inverses,
                            const Layer *layer, Py_ssize_t rows) noexcept nogil:
        """delta <- delta * scales * inverses: statistics that do not move pass no gradient."""
        self.kernels.normalize_columns_backward(delta, layer.normalized, inverses, scales,
                                                self.zeros, self.zeros, 1, rows, layer.width)

    cdef void add_weights(self, int i, const rb_csr *sparse, Py_ssize_t first, Py_ssize_t rows,
                          bint curved) noexcept nogil:
        """Adds A^T D, or its derivative A^T D' + A'^T D, and the intercepts' part."""
        cdef Layer *layer = &self.layers[i]
        cdef const char *delta = self.r_deltas[0] if curved else self.deltas[0]
        cdef const char *inputs = self.batch
        cdef rb_csr chunk
        self.kernels.column_sums(layer.sums.intercepts, delta, rows, layer.width, True)
        if i == 0 and sparse:
            chunk = sparse[0]
            chunk.starts += first
            self.kernels.csr_backward_weights(
                layer.sums.weights, &chunk, &self.order[0], &self.nothing_dropped, delta, rows,
                layer.fan_in, layer.width, layer.width, True)
            return
        if i > 0:
            inputs = self.layers[i - 1].output
        self.kernels.dense_backward_weights(
            layer.sums.weights, ROWS, inputs, delta, NULL, rows, layer.fan_in, 0, layer.fan_in,
            layer.width, layer.stride, True)
        if curved and i > 0:
            self.kernels.dense_backward_weights(
                layer.sums.weights, ROWS, self.layers[i - 1].r_output, self.deltas[0], NULL, rows,
                layer.fan_in, 0, layer.fan_in, layer.width, layer.stride, True)

    cdef double chunk_of_rows(self, const char *X, const rb_csr *sparse, const char *targets,
                              Py_ssize_t target_size, Py_ssize_t first, Py_ssize_t rows,
                              int what) noexcept nogil:
        """One chunk, forward and back; returns the sum of its losses."""
        cdef Layer *last = &self.layers[self.n_layers - 1]
        cdef Py_ssize_t size = self.kernels.item_size, i
        cdef Py_ssize_t n_features = self.layers[0].fan_in
        cdef double total = 0
        cdef Py_ssize_t *order = &self.order[0]
        if not sparse:
            memcpy(self.batch, X + first * n_features * size, rows * n_features * size)
        self.forward(sparse, first, rows, what == PRODUCT)
        targets += first * target_size
        if what == PRODUCT:
            self.kernels.tangent_loss(last.bends, last.output, targets, order, rows, last.fan_out,
                                      last.width, self.loss, self.constants, self.scratch)
            memcpy(self.r_deltas[0], last.bends, rows * last.width * size)
        self.kernels.loss_gradient(last.output, &self.row_losses[0], targets, NULL, order, rows,
                                   last.fan_out, last.width, self.loss, self.constants,
                                   self.scratch)
        for i in range(rows):
            total += self.row_losses[i]
        if what != LOSS:
            memcpy(self.deltas[0], last.output, rows * last.width * size)
            self.backward(sparse, first, rows, what == PRODUCT)
        return total

    # -- what Python calls ---------------------------------------------------------------

    def move_to(self, vector):
        """Sets the parameters."""
        self.blocks.write_flat(self.point, vector)
        for i in range(1, self.n_layers):
            self._transpose(&self.layers[i], False)

    def look_along(self, vector):
        """Sets the direction that products are taken with."""
        if not self.has_room:
            self._allocate_tangents()
        self.blocks.write_flat(self.direction, vector)
        for i in range(1, self.n_layers):
            self._transpose(&self.layers[i], True)
        self.has_direction = True

    cdef void _transpose(self, Layer *layer, bint along):
        self.kernels.transpose(
            layer.r_transposed if along else layer.transposed,
            layer.along.weights if along else layer.at.weights, ROWS, layer.fan_in, layer.fan_out,
            layer.width, layer.stride, 0, layer.fan_out)

    def begin(self):
        """Empties the sums."""
        memset(address(self.total), 0, self.n_padded * self.kernels.item_size)

    def add(self, X, targets, what):
        """Adds rows to the sums, and returns the sum of their losses.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features) or scipy CSR, of the surface's dtype
        targets : ndarray
            As the loss takes them: (n_rows, n_outputs) of X's dtype, or intp class indices
            (n_rows,).
        what : {'loss', 'gradient', 'product'}
            What is summed: nothing but the losses, their gradients, or the products of their
            Hessians with the direction.
        """
        cdef Py_ssize_t n_rows = X.shape[0], first = 0, rows, target_size
        cdef const rb_csr *sparse = NULL
        cdef rb_csr csr
        cdef const char *data = NULL
        cdef const char *target_data
        cdef double total = 0
        cdef int code = PASSES[what]
        cdef uint64_t mode
        targets = self._checked(X, targets, code)
        if isinstance(X, np.ndarray):
            X = np.require(X, requirements=["C", "A"])
            data = address(X)
        else:
            parts = csr_parts(X)
            csr.values = address(parts[0])
            csr.columns = <const int32_t *> address(parts[1])
            csr.starts = <const Py_ssize_t *> address(parts[2])
            sparse = &csr
        target_data = address(targets)
        target_size = targets.strides[0]
        while first < n_rows:
            rows = min(<Py_ssize_t> CHUNK_ROWS, n_rows - first)
            with nogil:
                mode = rb_flush_subnormals()
                total += self.chunk_of_rows(data, sparse, target_data, target_size, first, rows,
                                            code)
                rb_set_mode(mode)
            PyErr_CheckSignals()
            first += rows
        return total

    def _checked(self, X, targets, what):
        """Targets as the kernels read them; what these cannot refuse is refused."""
        cdef Layer *last = &self.layers[self.n_layers - 1]
        if X.dtype != self.dtype or X.shape[1] != self.layers[0].fan_in:
            raise ValueError(f"the surface takes {self.layers[0].fan_in} features of {self.dtype}, "
                             f"got {X.shape[1]} of {X.dtype}.")
        if what == PRODUCT and not self.has_direction:
            raise ValueError("a product takes a direction")
        targets = np.require(targets, requirements=["C", "A"])
        if self.takes_classes:
            is_fit = (targets.dtype == np.intp and targets.ndim == 1
                      and targets.min(initial=0) >= 0 and targets.max(initial=0) < last.fan_out)
        else:
            is_fit = targets.dtype == self.dtype and targets.shape[1:] == (last.fan_out,)
        if not is_fit or len(targets) != X.shape[0]:
            raise ValueError("targets are not what the loss takes for these rows")
        return targets

    def sums(self):
        """What was added since `begin`, as a flat vector of the surface's dtype."""
        return self.blocks.flat(self.total)
