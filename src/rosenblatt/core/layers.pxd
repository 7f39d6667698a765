# A network's layers, for the extensions that run them.
# SPDX-License-Identifier: BSD-3-Clause
cimport cython
from libc.stdint cimport uint64_t

from rosenblatt.core.kernels cimport rb_csr, rb_dropout, rb_kernels, rb_statistics
from rosenblatt.core.threads cimport rb_team

cdef enum:
    MOST_LAYERS = 256
    NOT_NORMALIZED = 0
    BY_BATCH = 1
    BY_LAYER = 2
    # streams of random bits: a hidden layer's is its number
    INPUT_DROPOUT = MOST_LAYERS
    INPUT_NOISE


cdef struct Inputs:
    # X with its targets and weights, as Examples holds them
    bint is_sparse
    Py_ssize_t n_features
    const char *rows            # (n_samples, n_features); NULL where sparse
    rb_csr csr
    const void *targets         # or NULL
    const void *weights         # (n_samples,), or NULL


cdef struct Reading:
    # what a layer reads in one call
    const char *rows            # dense, the layer's stride apart
    const rb_csr *csr           # or sparse, of which `order` tells the rows
    const Py_ssize_t *order
    rb_dropout dropout          # of the sparse ones, which are not copied


cdef struct Layer


cdef struct Kind:
    # what differs between layers by how their weights lie and what they read
    void (*forward)(const rb_kernels *, const Layer *, const Reading *, char *output,
                    char *product, Py_ssize_t rows, int activation) noexcept nogil
    void (*backward_weights)(const rb_kernels *, const Layer *, const Reading *, Py_ssize_t rows,
                             bint packed, bint accumulate, rb_team *, int) noexcept nogil
    void (*limit_norms)(const rb_kernels *, const Layer *, double, rb_team *, int) noexcept nogil


cdef struct Layer:
    const Kind *kind
    Py_ssize_t fan_in, fan_out
    Py_ssize_t width            # fan_out, padded to whole vectors
    Py_ssize_t stride           # of its inputs' rows
    int activation
    bint keeps_input            # whether the backward pass wants pre-activations
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


cdef struct Pass:
    # where in training a forward pass is
    uint64_t step               # steps before this one
    Py_ssize_t start            # the chunk's first row, counted in its batch
    Py_ssize_t count            # the chunk's rows
    rb_team *team
    int thread


@cython.final
cdef class Layers:
    cdef const rb_kernels *kernels
    cdef readonly object dtype
    cdef readonly list stored
    cdef readonly Py_ssize_t chunk
    cdef object constants
    cdef list buffers
    cdef Layer at[MOST_LAYERS]
    cdef int n_layers, loss, n_threads, normalization
    cdef char *batch            # (chunk, n_features) gathered rows
    cdef char *scratch          # a thread's part: (3 * n_outputs, OUTPUT_BLOCK)
    cdef double[::1] row_losses
    cdef char *loss_constants   # (n_outputs,)
    cdef readonly double input_dropout, input_noise
    cdef public uint64_t noise_seed
    cdef public Py_ssize_t first_row

    cdef char *_buffer(self, Py_ssize_t rows, Py_ssize_t columns) except NULL
    cdef int _layout_of(self, int i, bint is_sparse)
    cdef _place(self, entry, char *at, char *d_at, Py_ssize_t count)
    cdef _allocate_normalization(self, Layer *layer)
    cdef Py_ssize_t _piece_rows(self, const Layer *layer)
    cdef const char *forward(self, const Inputs *inputs, const Py_ssize_t *order,
                             Py_ssize_t first, Py_ssize_t last,
                             const Pass *training) noexcept nogil
    cdef void gather_inputs(self, const Inputs *inputs, const Py_ssize_t *order,
                            Py_ssize_t first, Py_ssize_t last,
                            const Pass *training) noexcept nogil
    cdef const Kind *kind_of(self, int i, const Inputs *inputs) noexcept nogil
    cdef Reading reading(self, int i, const Inputs *inputs, const Py_ssize_t *order,
                         Py_ssize_t first, const Pass *training) noexcept nogil
    cdef void multiply(self, int i, const Inputs *inputs, const Py_ssize_t *order,
                       Py_ssize_t first, Py_ssize_t last, const Pass *training) noexcept nogil
    cdef char *sums_of(self, Layer *layer, Py_ssize_t first) noexcept nogil
    cdef void finish(self, int i, Py_ssize_t first, Py_ssize_t last,
                     const Pass *training) noexcept nogil
    cdef void collect_statistics(self, Layer *layer, const Pass *training) noexcept nogil
    cdef void take_running_deviations(self) noexcept nogil
    cdef void normalize(self, Layer *layer, Py_ssize_t first, Py_ssize_t last,
                        const Pass *training) noexcept nogil
    cdef uint64_t noise_key(self, const Pass *training, int stream) noexcept nogil
    cdef void disturb_inputs(self, char *inputs, Py_ssize_t rows, Py_ssize_t n_features,
                             Py_ssize_t first, const Pass *training) noexcept nogil
    cdef rb_dropout dropout_of_inputs(self, Py_ssize_t first,
                                      const Pass *training) noexcept nogil
    cdef void backward(self, Py_ssize_t first, Py_ssize_t last, bint transposed,
                       const Pass *training) noexcept nogil
    cdef void multiply_backward(self, int i, Py_ssize_t first, Py_ssize_t last,
                                bint transposed) noexcept nogil
    cdef void normalize_backward(self, Layer *layer, Py_ssize_t first, Py_ssize_t last,
                                 const Pass *training) noexcept nogil
    cdef void collect_gradients(self, Layer *layer, const Pass *training) noexcept nogil
    cdef void backward_weights(self, const Inputs *inputs, const Py_ssize_t *order, bint packed,
                               const Pass *training) noexcept nogil
    cdef void transpose_weights(self, rb_team *team, int thread) noexcept nogil
    cdef double gradients(self, const Inputs *inputs, const Py_ssize_t *order, Py_ssize_t rows,
                          uint64_t step, rb_team *team, int thread) noexcept nogil
    cdef void limit_norms(self, double max_norm, rb_team *team, int thread) noexcept nogil
    cdef const Layer *last(self) noexcept nogil
