"""Predictions from the arrays of an estimator.

`coefs_` and `intercepts_` are read in place, and nothing is cached between calls, so that changes
made by the user take effect. Rows are processed in chunks; the memory does not depend on their
number, nor, beyond one panel, on the size of the weights. Sparse rows, and predictions during
training, are handled by the network (network.pyx), with the same bits.
"""

# SPDX-License-Identifier: BSD-3-Clause
import numpy as np

from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS, PyBUF_FORMAT, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer,
)
from libc.stdint cimport uint64_t
from libc.stdlib cimport free, malloc

from rosenblatt.core.dispatch cimport active_kernels
from rosenblatt.core.kernels cimport (
    OUTPUT_BLOCK, PANELS, ROWS, TRANSPOSED, rb_is_narrow, rb_kernels,
)
from rosenblatt.core.layer cimport Layer, set_sizes, set_weights
from rosenblatt.core.subnormals cimport rb_flush_subnormals, rb_set_mode

from rosenblatt.core.dispatch import ACTIVATIONS, LOSSES

cdef enum:
    CHUNK_ROWS = 480  # activations fit the second-level cache, and weights are rarely rearranged
    FEW_ROWS = 3      # up to this many rows, rearranging weights costs more than it saves
    ALIGNMENT = 64

cdef double LONG = 2e5  # multiply-adds, some 20 microseconds: others may have the GIL meanwhile

cdef object FLOAT32 = np.dtype(np.float32), FLOAT64 = np.dtype(np.float64)


cdef class _Forward:
    """The view of the arrays and the working memory of one call; both are released with it."""

    cdef const rb_kernels *kernels
    cdef Py_buffer *views
    cdef Py_ssize_t n_views
    cdef Layer *layers          # sizes, activations, and arrays without padding
    cdef Py_ssize_t n_layers, n_rows, chunk
    cdef const char *rows
    cdef char *memory
    cdef char *outputs[2]       # (chunk, the largest width): a layer reads one, writes the other
    cdef char *room             # for weights laid out
    cdef char *scratch          # (n_outputs, OUTPUT_BLOCK)
    cdef char letter            # of the dtype

    def __dealloc__(self):
        for i in range(self.n_views):
            PyBuffer_Release(&self.views[i])
        free(self.views)
        free(self.layers)
        free(self.memory)

    cdef Py_buffer *view(self, array, int n_dimensions, int flags) except? NULL:
        """The array's buffer; NULL unless it is C-contiguous, aligned and of the dtype."""
        cdef Py_buffer *view = &self.views[self.n_views]
        try:
            PyObject_GetBuffer(array, view, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | flags)
        except (BufferError, TypeError, ValueError):
            return NULL
        self.n_views += 1
        if view.ndim != n_dimensions or view.format == NULL or view.format[1] != 0:
            return NULL
        if self.letter == 0 and (view.format[0] == c"f" or view.format[0] == c"d"):
            self.letter = view.format[0]
        if view.format[0] != self.letter or <size_t> view.buf % <size_t> view.itemsize:
            return NULL
        return view

    cdef bint read(self, X, coefs, intercepts, activations) except -1:
        """Whether the arrays can be read in place and have consistent shapes."""
        cdef Py_ssize_t i, fan_in, stride, vector
        cdef Py_buffer *view
        cdef Layer *layer
        coefs, intercepts = tuple(coefs), tuple(intercepts)
        self.n_layers = len(activations) + 1
        if len(coefs) != self.n_layers or len(intercepts) != self.n_layers:
            return False
        self.views = <Py_buffer *> malloc((2 * self.n_layers + 2) * sizeof(Py_buffer))
        self.layers = <Layer *> malloc(self.n_layers * sizeof(Layer))
        if self.views == NULL or self.layers == NULL:
            raise MemoryError
        view = self.view(X, 2, 0)
        if view == NULL or view.shape[0] == 0:
            return False
        self.rows, self.n_rows = <const char *> view.buf, view.shape[0]
        fan_in = stride = view.shape[1]
        self.kernels = active_kernels(FLOAT32 if self.letter == c"f" else FLOAT64)
        vector = self.kernels.vector_length
        for i in range(self.n_layers):
            layer = &self.layers[i]
            view = self.view(coefs[i], 2, 0)
            if view == NULL or view.shape[0] != fan_in or view.shape[1] == 0:
                return False
            set_sizes(layer, fan_in, view.shape[1], stride, vector)
            layer.at.weights.data = view.buf
            view = self.view(intercepts[i], 1, 0)
            if view == NULL or view.shape[0] != layer.fan_out:
                return False
            layer.at.intercepts = <char *> view.buf
            # the loss applies the last activation
            name = activations[i] if i < self.n_layers - 1 else "identity"
            layer.activation = ACTIVATIONS[name].code
            fan_in, stride = layer.fan_out, layer.width
        return True

    cdef int allocate(self) except -1:
        """Allocate the memory for a chunk of rows in one block."""
        cdef Py_ssize_t size = self.kernels.item_size, widest = 0, room = 0, outputs, scratch, i
        cdef Layer *layer
        cdef char *start
        self.chunk = min(self.n_rows, CHUNK_ROWS)
        for i in range(self.n_layers):
            layer = &self.layers[i]
            widest = max(widest, layer.width)
            layer.layout = PANELS if self.chunk > FEW_ROWS else ROWS
            if i > 0 and rb_is_narrow(layer.fan_out, layer.width):
                layer.layout = TRANSPOSED
            set_weights(&layer.at.weights, layer, layer.at.weights.data)
            room = max(room, self.kernels.products.plain_room(&layer.at.weights))
        outputs = self.chunk * widest
        scratch = self.layers[self.n_layers - 1].fan_out * OUTPUT_BLOCK
        self.memory = <char *> malloc((2 * outputs + room + scratch) * size + ALIGNMENT)
        if self.memory == NULL:
            raise MemoryError
        # all but the last part are whole vectors
        start = self.memory + (-<size_t> self.memory) % ALIGNMENT
        self.outputs[0] = start
        self.outputs[1] = start + outputs * size
        self.room = start + 2 * outputs * size
        self.scratch = start + (2 * outputs + room) * size
        return 0

    cdef bint predict(self, char *to, int loss, bint only_finite) noexcept nogil:
        """Fill `to`, (n_rows, n_outputs); returns False if a row is not finite."""
        cdef uint64_t mode = rb_flush_subnormals()
        cdef bint done = self._predict(to, loss, only_finite)
        rb_set_mode(mode)
        return done

    cdef bint _predict(self, char *to, int loss, bint only_finite) noexcept nogil:
        cdef Py_ssize_t start = 0, rows, i, size = self.kernels.item_size
        cdef Py_ssize_t n_features = self.layers[0].fan_in
        cdef Layer *layer = &self.layers[0]
        cdef const char *inputs
        while start < self.n_rows:
            rows = min(self.chunk, self.n_rows - start)
            inputs = self.rows + start * n_features * size
            if only_finite and not self.kernels.update.all_finite(inputs, rows * n_features):
                return False
            for i in range(self.n_layers):
                layer = &self.layers[i]
                self.kernels.products.plain_forward(
                    self.outputs[i % 2], inputs, &layer.at.weights, layer.at.intercepts, rows,
                    layer.activation, self.room)
                inputs = self.outputs[i % 2]
            self.kernels.output.predict(to + start * layer.fan_out * size, inputs, rows,
                                        layer.fan_out, layer.width, loss, self.scratch)
            start += rows
        return True

    cdef double multiply_adds(self) noexcept:
        cdef double n = 0
        for i in range(self.n_layers):
            n += <double> self.layers[i].fan_in * self.layers[i].fan_out
        return n * self.n_rows


def predict_rows(X, coefs, intercepts, activations, loss, *, bint only_finite):
    """Predictions for dense rows, or None if the arrays cannot be read in place.

    Parameters
    ----------
    X : array of shape (n_rows, n_features)
    coefs, intercepts : lists of array, of shapes (fan_in, fan_out) and (fan_out,)
    activations : sequence of str
        One name per hidden layer.
    loss : str
        A row of losses.def.
    only_finite : bool
        Whether X is checked for values that are not finite.

    Returns
    -------
    ndarray of shape (n_rows, n_outputs) or None
        None unless all arrays are C-contiguous, aligned and of the same dtype, float32 or float64,
        their shapes are consistent, there is at least one row, and X is finite if `only_finite`.
    """
    cdef _Forward forward = _Forward.__new__(_Forward)
    cdef Py_buffer *view
    cdef bint done
    cdef int code = LOSSES[loss].code
    if not forward.read(X, coefs, intercepts, activations):
        return None
    forward.allocate()
    n_outputs = forward.layers[forward.n_layers - 1].fan_out
    out = np.empty((forward.n_rows, n_outputs), FLOAT32 if forward.letter == c"f" else FLOAT64)
    view = forward.view(out, 2, PyBUF_WRITABLE)
    if forward.multiply_adds() < LONG:
        done = forward.predict(<char *> view.buf, code, only_finite)
    else:
        with nogil:
            done = forward.predict(<char *> view.buf, code, only_finite)
    return out if done else None
