"""The kinds of layers: what a product does forward and backward, by how its weights lie.

A kind is a row of functions (layer.pxd), read once a call. A new one is written here, with its
kernels, and told apart in `lay_out`; the passes (layers.pyx) and the derivatives of the loss
(loss_derivatives.pyx) stay as they are. What follows a product is an epilogue (epilogues.pyx).
"""

# SPDX-License-Identifier: BSD-3-Clause
from rosenblatt.core.kernels cimport PANELS, ROWS, TRANSPOSED, rb_is_narrow, rb_kernels
from rosenblatt.core.layer cimport (
    Arrays, Inputs, Kind, Layer, Reading, set_sizes, set_weights,
)
from rosenblatt.core.threads cimport rb_share

from rosenblatt.core.parameter_blocks import Stored
from rosenblatt.core.dispatch import ACTIVATIONS

cdef enum:
    TILE_ROWS = 12    # inputs are shared in multiples of the product's tiles' rows
    FIRST_LEVEL = 98304  # weights of more bytes outgrow the first-level cache by far
    CROWDED = 2048    # rows a multiple of so many bytes apart share too few sets of a cache


# -- dense -----------------------------------------------------------------------------------

cdef void dense_forward(const rb_kernels *kernels, const Layer *layer, const Arrays *arrays,
                        const Reading *read, char *output, char *product, Py_ssize_t rows,
                        int activation) noexcept nogil:
    kernels.products.dense_forward(output, product, read.rows, &arrays.weights, arrays.intercepts,
                                   rows, activation)


cdef void dense_backward_input(const rb_kernels *kernels, const Layer *layer,
                               const Arrays *arrays, bint transposed, const char *delta,
                               char *d_inputs, const char *kept, int slope,
                               Py_ssize_t rows) noexcept nogil:
    kernels.products.dense_backward_input(
        d_inputs, delta, &arrays.weights, arrays.transposed if transposed else NULL, kept, rows,
        slope)


cdef void dense_backward_weights(const rb_kernels *kernels, const Layer *layer,
                                 const Arrays *gradient, const Reading *read, const char *delta,
                                 const char *packed, Py_ssize_t rows, bint accumulate,
                                 int n_threads, int thread) noexcept nogil:
    cdef Py_ssize_t start, stop
    rb_share(layer.fan_in, TILE_ROWS, n_threads, thread, &start, &stop)
    kernels.products.dense_backward_weights(&gradient.weights, read.rows, delta, packed, rows,
                                            start, stop, accumulate)


cdef void dense_prepare(const rb_kernels *kernels, const Layer *layer, const Arrays *arrays,
                        int n_threads, int thread) noexcept nogil:
    cdef Py_ssize_t start, stop
    rb_share(layer.fan_out, 16, n_threads, thread, &start, &stop)
    kernels.products.transpose(arrays.transposed, &arrays.weights, start, stop)


cdef void dense_pack(const rb_kernels *kernels, const Layer *layer, Py_ssize_t rows,
                     int n_threads, int thread) noexcept nogil:
    cdef Py_ssize_t start, stop
    rb_share(layer.width, 2 * kernels.vector_length, n_threads, thread, &start, &stop)
    kernels.products.pack(layer.packed_delta, layer.delta, rows, layer.width, start, stop)


cdef void dense_limit_norms(const rb_kernels *kernels, const Layer *layer, double max_norm,
                            int n_threads, int thread) noexcept nogil:
    cdef Py_ssize_t start, stop
    rb_share(layer.width, kernels.vector_length, n_threads, thread, &start, &stop)
    kernels.products.limit_norms(&layer.learned, start, stop, max_norm)


cdef Kind DENSE
DENSE.forward, DENSE.backward_input = dense_forward, dense_backward_input
DENSE.backward_weights, DENSE.limit_norms = dense_backward_weights, dense_limit_norms
DENSE.prepare, DENSE.pack = dense_prepare, dense_pack


# -- narrow: a few outputs, of which the weights are transposed ------------------------------

cdef void narrow_forward(const rb_kernels *kernels, const Layer *layer, const Arrays *arrays,
                         const Reading *read, char *output, char *product, Py_ssize_t rows,
                         int activation) noexcept nogil:
    kernels.products.narrow_forward(output, product, read.rows, &arrays.weights,
                                    arrays.intercepts, rows, activation)


cdef void narrow_backward_weights(const rb_kernels *kernels, const Layer *layer,
                                  const Arrays *gradient, const Reading *read, const char *delta,
                                  const char *packed, Py_ssize_t rows, bint accumulate,
                                  int n_threads, int thread) noexcept nogil:
    cdef Py_ssize_t start, stop
    rb_share(layer.stride, 2 * kernels.vector_length, n_threads, thread, &start, &stop)
    kernels.products.narrow_backward_weights(&gradient.weights, read.rows, delta, rows, start,
                                             stop, accumulate)


cdef void narrow_limit_norms(const rb_kernels *kernels, const Layer *layer, double max_norm,
                             int n_threads, int thread) noexcept nogil:
    cdef Py_ssize_t start, stop
    rb_share(layer.fan_out, 1, n_threads, thread, &start, &stop)
    kernels.products.limit_norms(&layer.learned, start, stop, max_norm)


cdef Kind NARROW
NARROW.forward, NARROW.backward_input = narrow_forward, dense_backward_input
NARROW.backward_weights, NARROW.limit_norms = narrow_backward_weights, narrow_limit_norms


# -- sparse: a first layer that reads a sparse X where it lies -------------------------------

cdef void sparse_forward(const rb_kernels *kernels, const Layer *layer, const Arrays *arrays,
                         const Reading *read, char *output, char *product, Py_ssize_t rows,
                         int activation) noexcept nogil:
    kernels.products.csr_forward(output, product, read.csr, read.order, &read.dropout,
                                 &arrays.weights, arrays.intercepts, rows, activation)


cdef void sparse_backward_weights(const rb_kernels *kernels, const Layer *layer,
                                  const Arrays *gradient, const Reading *read, const char *delta,
                                  const char *packed, Py_ssize_t rows, bint accumulate,
                                  int n_threads, int thread) noexcept nogil:
    cdef Py_ssize_t start, stop
    rb_share(layer.width, kernels.vector_length, n_threads, thread, &start, &stop)
    kernels.products.csr_backward_weights(
        &gradient.weights, read.csr, read.order, &read.dropout, delta, rows, start, stop,
        accumulate)


cdef Kind SPARSE
SPARSE.forward, SPARSE.backward_weights = sparse_forward, sparse_backward_weights
SPARSE.limit_norms = dense_limit_norms


# -- the inputs' own layer: rows of X, as many as are worked on ------------------------------

cdef void gather(const rb_kernels *kernels, const Layer *layer, const Arrays *arrays,
                 const Reading *read, char *output, char *product, Py_ssize_t rows,
                 int activation) noexcept nogil:
    kernels.products.gather(output, read.rows, read.order, rows, layer.width, layer.width)


cdef Kind INPUTS, UNREAD  # the second where X is sparse, which has no rows to bring together
INPUTS.forward = gather


# -- which is which --------------------------------------------------------------------------

cdef const Kind *kind_of(const Layer *layer, const Inputs *inputs) noexcept nogil:
    """A layer's, for rows of these inputs."""
    return layer.sparse_kind if inputs.is_sparse and layer.sparse_kind else layer.kind


cdef void begin_inputs(Layer *layer, Py_ssize_t n_features) noexcept:
    """Makes a layer the one that others stand on."""
    set_sizes(layer, n_features, n_features, n_features, 1)
    layer.kind, layer.sparse_kind, layer.below = &INPUTS, &UNREAD, NULL
    layer.layout, layer.passes_on = ROWS, False


cdef object lay_out(const rb_kernels *kernels, Layer *layer, described, bint is_sparse,
                    bint in_rows):
    """Gives a layer, whose `below` is known, the kind, the sizes and the activation that a
    description says.

    Parameters
    ----------
    described : a layer of an Architecture
    is_sparse : bool
        Whether X may be sparse.
    in_rows : bool
        Whether weights are to lie in ROWS, as those that change at every call do; rows are then
        kept from crowding.

    Returns
    -------
    Stored
    """
    cdef Py_ssize_t vector = kernels.vector_length
    cdef bint is_first = layer.below.below == NULL
    set_sizes(layer, described.fan_in, described.fan_out, layer.below.width, vector)
    if in_rows and layer.width * kernels.item_size % CROWDED == 0:
        layer.width += vector
    layer.layout = ROWS if in_rows else layout_of(kernels, layer, is_first, is_sparse)
    layer.kind = &NARROW if layer.layout == TRANSPOSED else &DENSE
    layer.sparse_kind = &SPARSE if is_first else NULL
    layer.passes_on = not is_first
    row = ACTIVATIONS[described.activation]
    layer.activation, layer.keeps_input = row.code, row.keeps_input
    panel = 2 * vector if layer.layout == PANELS else layer.width
    return Stored(layer.fan_out, layer.width, layer.stride, panel, vector,
                  layer.layout == TRANSPOSED)


cdef int layout_of(const rb_kernels *kernels, const Layer *layer, bint is_first, bint is_sparse):
    if is_first and is_sparse:
        return ROWS  # as the values of a sparse row find them
    if not is_first and rb_is_narrow(layer.fan_out, layer.width):
        return TRANSPOSED
    n_bytes = layer.fan_in * layer.width * kernels.item_size
    return PANELS if n_bytes > FIRST_LEVEL else ROWS


cdef int place(Arrays *arrays, const Layer *layer, role, char *at) except -1:
    """Tells a layer where one of its arrays is in a block, by its role in the catalogue."""
    if role == "weights":
        set_weights(&arrays.weights, layer, at)
    elif role == "intercepts":
        arrays.intercepts = at
    elif role == "scales":
        arrays.scales = at
    elif role == "shifts":
        arrays.shifts = at
    elif role == "running_means":
        arrays.running_means = at
    elif role == "running_variances":
        arrays.running_variances = at
    elif role == "input_scales":
        arrays.input_scales = at
    else:
        raise ValueError(f"no layer of the core has {role}")
    return 0
