"""Derivatives of the loss: its value as a function of all parameters, its gradient, and products
with its Hessian.

The network is differentiated as in predictions: without dropout and noise, with the running
statistics of batch normalisation. Hessian products are exact, by the R-operator (Pearlmutter,
1994): each quantity of the forward and the backward pass is computed together with its derivative
along a direction of the parameters. A layer's product is linear in its inputs and in its arrays,
so its derivative uses the same functions of its kind (layer_kinds.pyx) with other arrays. Training
is in layers.pyx. The caller adds the penalty and divides by the number of rows. Vectors are flat,
in the order of the catalogue (Architecture).
"""

# SPDX-License-Identifier: BSD-3-Clause
import numpy as np

from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int32_t, uint64_t
from libc.string cimport memcpy, memset

from rosenblatt.core.address cimport address
from rosenblatt.core.dispatch cimport active_kernels
from rosenblatt.core.epilogues cimport epilogue_of
from rosenblatt.core.kernels cimport (
    ACTIVATION_identity, OUTPUT_BLOCK, SLOPES_KEPT, rb_kernels,
)
from rosenblatt.core.layer_kinds cimport begin_inputs, kind_of, lay_out, place
from rosenblatt.core.layer cimport MOST_LAYERS, Arrays, Inputs, Layer, Reading
from rosenblatt.core.subnormals cimport rb_flush_subnormals, rb_set_mode

from rosenblatt.core.parameter_blocks import Blocks
from rosenblatt.core.buffers import aligned_zeros
from rosenblatt.core.csr import csr_parts
from rosenblatt.core.dispatch import LOSSES

cdef enum:
    CHUNK_ROWS = 60   # whole tiles, whose data stay in the second-level cache
    LOSS = 0          # the purpose of a pass over rows
    GRADIENT = 1
    PRODUCT = 2

PASSES = {"loss": LOSS, "gradient": GRADIENT, "product": PRODUCT}


cdef struct Tangent:
    # additional arrays of a layer for derivatives along a direction
    Arrays along                # the direction
    char *output                # (CHUNK_ROWS, width), as all that follow; NULL of X, which is fixed
    char *bends                 # curvature * derivative of the pre-activation
    char *normalized
    char *log_inverses          # (CHUNK_ROWS,)


cdef class LossDerivatives:
    """Loss, gradient and Hessian-vector products, summed over rows, at a point.

    Parameters
    ----------
    architecture : Architecture
    averaged : sequence of lists of ndarray
        The arrays of the network that are not learned, in the order of the catalogue.

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
    cdef Layer layers[MOST_LAYERS + 1]  # the inputs' is the first; `d` are the sums
    cdef Tangent tangents[MOST_LAYERS + 1]
    cdef int n_layers, loss
    cdef bint takes_classes, by_layer, has_direction, has_room
    cdef Py_ssize_t n_padded, widest
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

    def __init__(self, architecture, averaged=()):
        self.dtype = architecture.dtype
        self.kernels = active_kernels(self.dtype)
        self.buffers = []
        self.n_layers = 1 + len(architecture.layers)
        if self.n_layers > MOST_LAYERS + 1:
            raise ValueError(f"at most {MOST_LAYERS} layers, got {self.n_layers - 1}")
        self.loss = LOSSES[architecture.loss].code
        self.takes_classes = LOSSES[architecture.loss].target == "class"
        self.by_layer = architecture.normalization == "layer"
        self._lay_out(architecture)
        self.point, self.total = self._block(), self._block()
        self._place_parameters()
        self._allocate_forward()
        self._take_running(*averaged)
        constants = np.array(architecture.loss_constants, self.dtype)
        self.buffers.append(constants)
        self.constants = address(constants)

    def _lay_out(self, architecture):
        cdef Layer *layer
        if architecture.layers[0].coding:
            raise ValueError("derivatives take X that has the inputs, not codes")
        begin_inputs(&self.layers[0], architecture.layers[0].fan_in, NULL)
        stored, self.widest = [], 0
        for i, described in enumerate(architecture.layers):
            layer = &self.layers[1 + i]
            layer.number, layer.below = i, &self.layers[i]
            layer.epilogue = epilogue_of(described.normalization)
            stored.append(lay_out(self.kernels, layer, described, True, True))
            self.widest = max(self.widest, layer.width)
        self.blocks = Blocks(architecture, stored)
        self.n_parameters, self.n_padded = architecture.n_parameters, self.blocks.n_learned

    def _block(self):
        return aligned_zeros(self.n_padded + self.kernels.vector_length, self.dtype)

    def _place_parameters(self):
        """Set the addresses of the layers' arrays in the point and in the sums."""
        cdef char *at = address(self.point)
        cdef char *d_at = address(self.total)
        cdef Layer *layer
        cdef Py_ssize_t offset
        for entry, start, _ in self.blocks.places:
            if entry.group is not None:
                layer = &self.layers[1 + entry.layer]
                offset = <Py_ssize_t> start * self.kernels.item_size
                place(&layer.at, layer, entry.role, at + offset)
                place(&layer.d, layer, entry.role, d_at + offset)

    def _place_direction(self):
        cdef char *at = address(self.direction)
        cdef Layer *layer
        for entry, start, _ in self.blocks.places:
            if entry.group is not None:
                layer = &self.layers[1 + entry.layer]
                place(&self.tangents[1 + entry.layer].along, layer, entry.role,
                      at + <Py_ssize_t> start * self.kernels.item_size)

    cdef char *_buffer(self, Py_ssize_t rows, Py_ssize_t columns) except NULL:
        # products read a vector past the last element
        array = aligned_zeros(rows * columns + self.kernels.vector_length, self.dtype)
        self.buffers.append(array)
        return address(array)

    def _allocate_forward(self):
        cdef Layer *layer
        self.layers[0].output = self._buffer(CHUNK_ROWS, self.layers[0].width)
        for i in range(1, self.n_layers):
            layer = &self.layers[i]
            layer.output = self._buffer(CHUNK_ROWS, layer.width)
            if i < self.n_layers - 1:
                layer.slopes = self._buffer(CHUNK_ROWS, layer.width)
            if layer.passes_on and layer.kind.prepare:
                layer.at.transposed = self._buffer(layer.fan_out, layer.stride)
            if layer.epilogue.keeps_products:
                layer.normalized = self._buffer(CHUNK_ROWS, layer.width)
                layer.statistics.inverse_deviations = self._buffer(
                    CHUNK_ROWS if self.by_layer else 1, layer.width)
                layer.statistics.running_means = self._buffer(1, layer.width)
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
        normalized = [i for i in range(self.n_layers) if self.layers[i].normalized]
        for i, mean, variance in zip(normalized[:len(means)], means, variances, strict=True):
            layer = &self.layers[i]
            padded = np.zeros((2, layer.width), dtype=self.dtype)
            padded[:, :layer.fan_out] = mean, variance
            memcpy(layer.statistics.running_means, address(padded[0]),
                   layer.width * self.kernels.item_size)
            self.kernels.normalization.inverse_deviations(
                layer.statistics.inverse_deviations, address(padded[1]), layer.width)

    def _allocate_tangents(self):
        """Allocate the additional buffers of Hessian products, on first use."""
        cdef Layer *layer
        cdef Tangent *tangent
        self.direction = self._block()
        self._place_direction()
        for i in range(1, self.n_layers):
            layer, tangent = &self.layers[i], &self.tangents[i]
            tangent.bends = self._buffer(CHUNK_ROWS, layer.width)
            if i < self.n_layers - 1:
                tangent.output = self._buffer(CHUNK_ROWS, layer.width)
            if layer.at.transposed:
                tangent.along.transposed = self._buffer(layer.fan_out, layer.stride)
            if layer.epilogue.keeps_products:
                tangent.normalized = self._buffer(CHUNK_ROWS, layer.width)
                tangent.log_inverses = self._buffer(CHUNK_ROWS, 1)
        self.product = self._buffer(CHUNK_ROWS, self.widest)
        for i in range(2):
            self.r_deltas[i] = self._buffer(CHUNK_ROWS, self.widest)
        self.has_room = True

    # -- one chunk of rows ---------------------------------------------------------------

    cdef void forward(self, const Inputs *inputs, Py_ssize_t rows, bint curved) noexcept nogil:
        """Outputs and slopes of all layers for a chunk, with their derivatives if `curved`."""
        cdef char *pre
        cdef Layer *layer
        cdef Tangent *tangent
        cdef int i
        for i in range(1, self.n_layers):
            layer, tangent = &self.layers[i], &self.tangents[i]
            pre = layer.output if i == self.n_layers - 1 else self.pre_activation
            self.products(i, inputs, rows, pre, curved)
            if i == self.n_layers - 1:
                return  # the loss continues from here, with the derivative in `bends`
            if layer.epilogue.keeps_products:
                self.normalize(layer, tangent, rows, curved)
            self.kernels.tangents.activate(layer.output, layer.slopes, self.pre_activation,
                                           rows * layer.width, layer.activation)
            if curved:
                self.kernels.tangents.tangent_activation(
                    tangent.output, tangent.bends, self.pre_activation, layer.output,
                    layer.slopes, rows * layer.width, layer.activation)

    cdef void products(self, int i, const Inputs *inputs, Py_ssize_t rows, char *out,
                       bint curved) noexcept nogil:
        """out <- A W + b, and its derivative, into `bends`: A V + A' W + c."""
        cdef Layer *layer = &self.layers[i]
        cdef Tangent *tangent = &self.tangents[i]
        cdef Reading reading = self.reading(layer.below.output, inputs)
        cdef Arrays linear = layer.at
        cdef char *to = tangent.bends
        if layer.epilogue.keeps_products:
            out, to = layer.normalized, tangent.normalized
        self.multiply(layer, inputs, &layer.at, &reading, out, rows)
        if not curved:
            return
        self.multiply(layer, inputs, &tangent.along, &reading, to, rows)
        if self.tangents[i - 1].output:
            reading.rows = self.tangents[i - 1].output
            linear.intercepts = self.zeros
            self.multiply(layer, inputs, &linear, &reading, self.product, rows)
            self.kernels.tangents.add(to, self.product, rows * layer.width)

    cdef Reading reading(self, const char *rows, const Inputs *inputs) noexcept nogil:
        """The input of a layer for a chunk: dense or sparse rows."""
        cdef Reading reading
        reading.rows, reading.csr, reading.order = rows, &inputs.csr, &self.order[0]
        reading.dropout.rate, reading.dropout.key, reading.dropout.first_row = 0, 0, 0
        return reading

    cdef void multiply(self, const Layer *layer, const Inputs *inputs, const Arrays *arrays,
                       const Reading *reading, char *out, Py_ssize_t rows) noexcept nogil:
        kind_of(layer, inputs).forward(self.kernels, layer, arrays, reading, out, out, rows,
                                       ACTIVATION_identity)

    cdef void normalize(self, const Layer *layer, const Tangent *tangent, Py_ssize_t rows,
                        bint curved) noexcept nogil:
        """pre_activation <- scale * x + shift, x the normalised products; its derivative is
        scale * x' + scale' * x + shift'."""
        cdef const rb_kernels *kernels = self.kernels
        cdef char *pre = self.pre_activation
        cdef char *inverses = <char *> layer.statistics.inverse_deviations
        cdef char *means = <char *> layer.statistics.running_means
        if self.by_layer:
            kernels.normalization.normalize_rows(
                pre, pre, layer.normalized, inverses, layer.at.scales, layer.at.shifts, rows,
                layer.fan_out, layer.width, ACTIVATION_identity)
        else:
            kernels.normalization.normalize_columns(
                pre, pre, layer.normalized, means, inverses, layer.at.scales, layer.at.shifts,
                rows, layer.width, ACTIVATION_identity)
        if not curved:
            return
        if self.by_layer:
            kernels.tangents.tangent_normalize_rows(
                tangent.normalized, tangent.log_inverses, layer.normalized, inverses, rows,
                layer.fan_out, layer.width)
        kernels.normalization.normalize_columns(
            tangent.bends, tangent.bends, tangent.normalized, self.zeros,
            self.ones if self.by_layer else inverses, layer.at.scales, tangent.along.shifts, rows,
            layer.width, ACTIVATION_identity)
        kernels.normalization.normalize_columns(
            self.product, self.product, layer.normalized, self.zeros, self.ones,
            tangent.along.scales, self.zeros, rows, layer.width, ACTIVATION_identity)
        kernels.tangents.add(tangent.bends, self.product, rows * layer.width)

    cdef void backward(self, const Inputs *inputs, Py_ssize_t rows, bint curved) noexcept nogil:
        """Add the contribution of the chunk to the sums, from the last layer's deltas."""
        cdef Layer *layer
        cdef char *swap
        cdef int i
        for i in range(self.n_layers - 1, 0, -1):
            layer = &self.layers[i]
            if layer.epilogue.keeps_products:
                self.normalize_backward(layer, &self.tangents[i], rows, curved)
            self.add_weights(i, inputs, rows, curved)
            if not layer.passes_on:
                return
            self.multiply_backward(i, rows, curved)
            swap = self.deltas[0]
            self.deltas[0], self.deltas[1] = self.deltas[1], swap
            swap = self.r_deltas[0]
            self.r_deltas[0], self.r_deltas[1] = self.r_deltas[1], swap

    cdef void multiply_backward(self, int i, Py_ssize_t rows, bint curved) noexcept nogil:
        """Deltas of the layer below: D W^T times its slopes, and the derivative of that."""
        cdef Layer *layer = &self.layers[i]
        cdef Layer *below = layer.below
        cdef Tangent *tangent = &self.tangents[i]
        cdef const Arrays *at = &layer.at
        self.pass_on(layer, at, self.deltas[0], self.deltas[1], rows,
                     ACTIVATION_identity if curved else SLOPES_KEPT)
        if not curved:
            return
        self.pass_on(layer, at, self.r_deltas[0], self.r_deltas[1], rows, ACTIVATION_identity)
        self.pass_on(layer, &tangent.along, self.deltas[0], self.product, rows,
                     ACTIVATION_identity)
        self.kernels.tangents.add(self.r_deltas[1], self.product, rows * below.width)
        self.kernels.tangents.tangent_backward(self.deltas[1], self.r_deltas[1], below.slopes,
                                               self.tangents[i - 1].bends, rows * below.width)

    cdef void pass_on(self, const Layer *layer, const Arrays *arrays, const char *delta, char *out,
                      Py_ssize_t rows, int slope) noexcept nogil:
        layer.kind.backward_input(self.kernels, layer, arrays, True, delta, out,
                                  layer.below.slopes, slope, rows)

    cdef void normalize_backward(self, const Layer *layer, const Tangent *tangent,
                                 Py_ssize_t rows, bint curved) noexcept nogil:
        """Deltas of the products from those of the pre-activations; adds to scales and shifts."""
        cdef char *inverses = <char *> layer.statistics.inverse_deviations
        cdef char *by = self.ones if self.by_layer else inverses
        self.kernels.normalization.normalization_gradients(
            layer.d.scales, layer.d.shifts, self.r_deltas[0] if curved else self.deltas[0],
            layer.normalized, rows, layer.width, 0, layer.width, 1)
        if curved:
            self.kernels.normalization.normalization_gradients(
                layer.d.scales, self.unread, self.deltas[0], tangent.normalized, rows,
                layer.width, 0, layer.width, 1)
            memcpy(self.product, self.deltas[0],
                   rows * layer.width * self.kernels.item_size)
            self.scale_columns(self.product, tangent.along.scales, by, layer, rows)
            self.scale_columns(self.r_deltas[0], layer.at.scales, by, layer, rows)
            self.kernels.tangents.add(self.r_deltas[0], self.product, rows * layer.width)
        if not self.by_layer:
            self.scale_columns(self.deltas[0], layer.at.scales, by, layer, rows)
        elif not curved:
            memcpy(self.pre_activation, self.deltas[0],
                   rows * layer.width * self.kernels.item_size)
            self.kernels.normalization.normalize_rows_backward(
                self.deltas[0], self.pre_activation, layer.normalized, inverses,
                layer.at.scales, rows, layer.fan_out, layer.width)
        else:
            self.scale_columns(self.deltas[0], layer.at.scales, by, layer, rows)
            self.kernels.tangents.tangent_normalize_rows_backward(
                self.deltas[0], self.r_deltas[0], layer.normalized, tangent.normalized,
                inverses, tangent.log_inverses, rows, layer.fan_out, layer.width)

    cdef void scale_columns(self, char *delta, const char *scales, const char *inverses,
                            const Layer *layer, Py_ssize_t rows) noexcept nogil:
        """delta <- delta * scales * inverses, because the statistics are constants."""
        self.kernels.normalization.normalize_columns_backward(
            delta, layer.normalized, inverses, scales, self.zeros, self.zeros, 1, rows,
            layer.width)

    cdef void add_weights(self, int i, const Inputs *inputs, Py_ssize_t rows,
                          bint curved) noexcept nogil:
        """Add A^T D, or its derivative A^T D' + A'^T D, and the part of the intercepts."""
        cdef Layer *layer = &self.layers[i]
        cdef const char *delta = self.r_deltas[0] if curved else self.deltas[0]
        cdef Reading reading = self.reading(layer.below.output, inputs)
        if layer.d.intercepts:
            self.kernels.products.column_sums(layer.d.intercepts, delta, rows, layer.width, 1)
        kind_of(layer, inputs).backward_weights(self.kernels, layer, &layer.d, &reading, delta,
                                                NULL, rows, True, 1, 0)
        if curved and self.tangents[i - 1].output:
            reading.rows = self.tangents[i - 1].output
            layer.kind.backward_weights(self.kernels, layer, &layer.d, &reading, self.deltas[0],
                                        NULL, rows, True, 1, 0)

    cdef double chunk_of_rows(self, const Inputs *inputs, Py_ssize_t target_size,
                              Py_ssize_t first, Py_ssize_t rows, int what) noexcept nogil:
        """Forward and backward pass of a chunk; returns the sum of its losses."""
        cdef Layer *last = &self.layers[self.n_layers - 1]
        cdef Py_ssize_t size = self.kernels.item_size, i
        cdef double total = 0
        cdef Py_ssize_t *order = &self.order[0]
        cdef Inputs chunk = inputs[0]
        cdef const char *targets = <const char *> inputs.targets + first * target_size
        if inputs.is_sparse:
            chunk.csr.starts += first
        else:
            chunk.rows += first * inputs.n_features * size
            memcpy(self.layers[0].output, chunk.rows, rows * inputs.n_features * size)
        self.forward(&chunk, rows, what == PRODUCT)
        if what == PRODUCT:
            self.kernels.tangents.tangent_loss(
                self.tangents[self.n_layers - 1].bends, last.output, targets, order, rows,
                last.fan_out, last.width, self.loss, self.constants, self.scratch)
            memcpy(self.r_deltas[0], self.tangents[self.n_layers - 1].bends,
                   rows * last.width * size)
        self.kernels.output.loss_gradient(last.output, &self.row_losses[0], targets, NULL, order,
                                          rows, last.fan_out, last.width, self.loss,
                                          self.constants, self.scratch)
        for i in range(rows):
            total += self.row_losses[i]
        if what != LOSS:
            memcpy(self.deltas[0], last.output, rows * last.width * size)
            self.backward(&chunk, rows, what == PRODUCT)
        return total

    # -- Python interface ----------------------------------------------------------------

    def move_to(self, vector):
        """Set the parameters."""
        self.blocks.write_flat(self.point, vector)
        for i in range(1, self.n_layers):
            self.prepare(i, &self.layers[i].at)

    def look_along(self, vector):
        """Set the direction of Hessian products."""
        if not self.has_room:
            self._allocate_tangents()
        self.blocks.write_flat(self.direction, vector)
        for i in range(1, self.n_layers):
            self.prepare(i, &self.tangents[i].along)
        self.has_direction = True

    cdef void prepare(self, int i, const Arrays *arrays):
        if arrays.transposed:
            self.layers[i].kind.prepare(self.kernels, &self.layers[i], arrays, 1, 0)

    def begin(self):
        """Set the sums to zero."""
        memset(address(self.total), 0, self.n_padded * self.kernels.item_size)

    def add(self, X, targets, what):
        """Add rows to the sums; returns the sum of their losses.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features) or scipy CSR, of the network's dtype
        targets : ndarray
            Targets of the loss: (n_rows, n_outputs) of X's dtype, or intp class indices (n_rows,).
        what : {'loss', 'gradient', 'product'}
            The quantity to sum: only the losses, their gradients, or the products of their Hessians
            with the direction.
        """
        cdef Py_ssize_t n_rows = X.shape[0], first = 0, rows, target_size
        cdef Inputs inputs
        cdef double total = 0
        cdef int code = PASSES[what]
        cdef uint64_t mode
        targets = self._checked(X, targets, code)
        inputs.n_features, inputs.is_sparse = X.shape[1], not isinstance(X, np.ndarray)
        if inputs.is_sparse:
            parts = csr_parts(X)
            inputs.csr.values = address(parts[0])
            inputs.csr.columns = <const int32_t *> address(parts[1])
            inputs.csr.starts = <const Py_ssize_t *> address(parts[2])
        else:
            X = np.require(X, requirements=["C", "A"])
            inputs.rows = address(X)
        inputs.targets, target_size = address(targets), targets.strides[0]
        while first < n_rows:
            rows = min(<Py_ssize_t> CHUNK_ROWS, n_rows - first)
            with nogil:
                mode = rb_flush_subnormals()
                total += self.chunk_of_rows(&inputs, target_size, first, rows, code)
                rb_set_mode(mode)
            PyErr_CheckSignals()
            first += rows
        return total

    def _checked(self, X, targets, what):
        """Validate the input, which kernels do not do; returns targets in the kernels' form."""
        cdef Layer *last = &self.layers[self.n_layers - 1]
        if X.dtype != self.dtype or X.shape[1] != self.layers[0].fan_in:
            raise ValueError(f"X must have {self.layers[0].fan_in} features of {self.dtype}, "
                             f"got {X.shape[1]} of {X.dtype}.")
        if what == PRODUCT and not self.has_direction:
            raise ValueError("A product requires a direction")
        targets = np.require(targets, requirements=["C", "A"])
        if self.takes_classes:
            is_fit = (targets.dtype == np.intp and targets.ndim == 1
                      and targets.min(initial=0) >= 0 and targets.max(initial=0) < last.fan_out)
        else:
            is_fit = targets.dtype == self.dtype and targets.shape[1:] == (last.fan_out,)
        if not is_fit or len(targets) != X.shape[0]:
            raise ValueError("The shape or dtype of targets does not match the loss and X")
        return targets

    def sums(self):
        """The sums since `begin`, as a flat vector of the network's dtype."""
        return self.blocks.flat(self.total)
