"""The kinds of layers: the forward and backward products, by the layout of the weights.

A kind is a table of functions (layer.pxd). A new kind is added here, with its kernels, and selected
in `lay_out`; the passes (layers.pyx) and the derivatives of the loss (loss_derivatives.pyx) need no
change. Epilogues of products are in epilogues.pyx.
"""

# SPDX-License-Identifier: BSD-3-Clause
from rosenblatt.core.kernels cimport (
    PANELS, ROWS, TRANSPOSED, rb_coding, rb_is_narrow, rb_kernels,
)
from rosenblatt.core.layer cimport (
    Arrays, Inputs, Kind, Layer, Reading, set_sizes, set_weights,
)
from rosenblatt.core.threads cimport rb_share

from rosenblatt.core.blocks import Stored
from rosenblatt.core.dispatch import ACTIVATIONS

cdef enum:
    TILE_ROWS = 12    # inputs are divided among threads in multiples of the rows of a tile
    FIRST_LEVEL = 98304  # weights with more bytes are much larger than the first-level cache
    CROWDED = 2048    # rows a multiple of this many bytes apart map to too few sets of a cache


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


# -- narrow: few outputs, with transposed weights --------------------------------------------

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


# -- sparse: a first layer that reads a sparse X in place ------------------------------------

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


# -- coded: a first layer whose inputs are encoded in fewer columns of X ---------------------

cdef void coded_forward(const rb_kernels *kernels, const Layer *layer, const Arrays *arrays,
                        const Reading *read, char *output, char *product, Py_ssize_t rows,
                        int activation) noexcept nogil:
    kernels.products.coded_forward(output, product, read.rows, &arrays.weights, arrays.intercepts,
                                   rows, activation)


cdef void coded_backward_weights(const rb_kernels *kernels, const Layer *layer,
                                 const Arrays *gradient, const Reading *read, const char *delta,
                                 const char *packed, Py_ssize_t rows, bint accumulate,
                                 int n_threads, int thread) noexcept nogil:
    cdef Py_ssize_t start, stop
    rb_share(layer.width, 2 * kernels.vector_length, n_threads, thread, &start, &stop)
    kernels.products.coded_backward_weights(&gradient.weights, read.rows, delta, rows, start,
                                            stop, accumulate)


cdef Kind CODED
CODED.forward, CODED.backward_weights = coded_forward, coded_backward_weights
CODED.limit_norms = dense_limit_norms


# -- the input layer: gathered rows of X -----------------------------------------------------

cdef void gather(const rb_kernels *kernels, const Layer *layer, const Arrays *arrays,
                 const Reading *read, char *output, char *product, Py_ssize_t rows,
                 int activation) noexcept nogil:
    kernels.products.gather(output, read.rows, read.order, rows, layer.width, layer.width)


cdef void decode(const rb_kernels *kernels, const Layer *layer, const Arrays *arrays,
                 const Reading *read, char *output, char *product, Py_ssize_t rows,
                 int activation) noexcept nogil:
    kernels.products.decode(output, read.rows, read.order, rows, layer.coding)


cdef Kind INPUTS, UNREAD  # the second for sparse X, whose rows are not gathered
cdef Kind CODES           # decoded rows of X, for a coded layer
INPUTS.forward, CODES.forward = gather, decode


# -- selection -------------------------------------------------------------------------------

cdef const Kind *kind_of(const Layer *layer, const Inputs *inputs) noexcept nogil:
    """The kind of a layer for the given inputs."""
    return layer.sparse_kind if inputs.is_sparse and layer.sparse_kind else layer.kind


cdef void begin_inputs(Layer *layer, Py_ssize_t n_features, const rb_coding *coding) noexcept:
    """Set up the input layer, which is below all others; `coding` is NULL if the columns of X are
    the inputs."""
    if coding:
        n_features = 2 * coding.n_stored
    set_sizes(layer, n_features, n_features, n_features, 1)
    layer.kind, layer.sparse_kind, layer.below = &INPUTS, &UNREAD, NULL
    layer.coding = coding
    if coding:
        layer.kind, layer.sparse_kind = &CODES, NULL
    layer.layout, layer.passes_on = ROWS, False


cdef object lay_out(const rb_kernels *kernels, Layer *layer, described, bint is_sparse,
                    bint in_rows):
    """Set the kind, the sizes and the activation of a layer, whose `below` is set.

    Parameters
    ----------
    described : a layer of an Architecture
    is_sparse : bool
        Whether X may be sparse.
    in_rows : bool
        Whether weights must be in ROWS, as for weights that change in every call. The stride of
        rows is then chosen to avoid cache conflicts.

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
    layer.coding = layer.below.coding if is_first else NULL
    if layer.coding:
        layer.layout, layer.kind, layer.sparse_kind = PANELS, &CODED, NULL
    layer.passes_on = not is_first
    row = ACTIVATIONS[described.activation]
    layer.activation, layer.keeps_input = row.code, row.keeps_input
    panel = 2 * vector if layer.layout == PANELS else layer.width
    return Stored(layer.fan_out, layer.width, layer.stride, panel, vector,
                  layer.layout == TRANSPOSED)


cdef int layout_of(const rb_kernels *kernels, const Layer *layer, bint is_first, bint is_sparse):
    if is_first and is_sparse:
        return ROWS  # required by sparse rows
    if not is_first and rb_is_narrow(layer.fan_out, layer.width):
        return TRANSPOSED
    n_bytes = layer.fan_in * layer.width * kernels.item_size
    return PANELS if n_bytes > FIRST_LEVEL else ROWS


cdef int place(Arrays *arrays, const Layer *layer, role, char *at) except -1:
    """Set the address of one of a layer's arrays in a block, by its role in the catalogue."""
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
        raise ValueError(f"Layers of the core have no array {role}")
    return 0
