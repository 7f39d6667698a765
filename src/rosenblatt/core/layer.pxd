# The structs of a layer, for the extensions that run layers: sizes, arrays, and the functions of
# its kind and its epilogue. The functions themselves are in kinds.pyx and epilogues.pyx.
# SPDX-License-Identifier: BSD-3-Clause
from libc.stdint cimport uint64_t

from rosenblatt.core.kernels cimport (
    rb_coding, rb_csr, rb_dropout, rb_kernels, rb_statistics, rb_weights,
)
from rosenblatt.core.threads cimport rb_team

cdef enum:
    MOST_LAYERS = 256           # that have arrays; below them lies the layer of the inputs
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
    const char *rows            # dense, the layer's stride apart; for the inputs' layer all of X
    const rb_csr *csr           # or sparse
    const Py_ssize_t *order     # which rows of X
    rb_dropout dropout          # of the sparse ones, which are not copied


cdef struct Arrays:
    # a layer's part of a block: of parameters, of a gradient, of a direction. What a layer has none
    # of is NULL. How it stands in the catalogue: the names of its roles (_architecture.py).
    rb_weights weights
    char *intercepts            # (width,)
    char *scales                # (width,)
    char *shifts                # (width,)
    char *running_means         # (width,)
    char *running_variances     # (width,)
    char *input_scales          # (fan_in,)
    char *transposed            # (fan_out, stride) the weights in panels, or NULL


cdef struct Pass:
    # where in training a pass over a chunk of rows is
    uint64_t noise_seed
    uint64_t step               # steps before this one
    Py_ssize_t first_row        # rows of the batch that lie elsewhere, before the first of these
    Py_ssize_t start            # the chunk's first row, counted in its batch
    Py_ssize_t count            # the chunk's rows
    rb_team *team
    int thread


cdef struct Layer


cdef struct Kind:
    # A layer's product: linear in what it reads and in its arrays, so that derivatives along a
    # direction are the same calls with other arrays. NULL: there is nothing to do.
    # Where there are n_threads, each does its share.

    # output <- activation(product), product <- inputs times weights + intercepts
    void (*forward)(const rb_kernels *, const Layer *, const Arrays *, const Reading *,
                    char *output, char *product, Py_ssize_t rows, int activation) noexcept nogil
    # d_inputs <- the gradient with respect to what it reads, times the slopes below; with
    # `transposed` by way of the arrays' transposed weights
    void (*backward_input)(const rb_kernels *, const Layer *, const Arrays *, bint transposed,
                           const char *delta, char *d_inputs, const char *kept, int slope,
                           Py_ssize_t rows) noexcept nogil
    # the gradient of its weights, from those rows' deltas, which may be packed
    void (*backward_weights)(const rb_kernels *, const Layer *, const Arrays *gradient,
                             const Reading *, const char *delta, const char *packed,
                             Py_ssize_t rows, bint accumulate, int n_threads,
                             int thread) noexcept nogil
    # transposes weights, before deltas are taken through them
    void (*prepare)(const rb_kernels *, const Layer *, const Arrays *, int n_threads,
                    int thread) noexcept nogil
    # packs deltas, before the weights' gradient is taken
    void (*pack)(const rb_kernels *, const Layer *, Py_ssize_t rows, int n_threads,
                 int thread) noexcept nogil
    void (*limit_norms)(const rb_kernels *, const Layer *, double max_norm, int n_threads,
                        int thread) noexcept nogil


# what an epilogue does with rows [first, last) of a chunk; outside training `training` is NULL
ctypedef void (*Work)(const rb_kernels *, const Layer *, Py_ssize_t first, Py_ssize_t last,
                      const Pass *training) noexcept nogil


cdef struct Epilogue:
    # What follows a layer's product, and comes before the layer above reads it. NULL: there is
    # nothing to do.
    bint keeps_products         # they go to `normalized`; if not, the activation is the product's
    bint needs_batch            # a chunk is a whole batch, and threads meet
    Work after_product          # in training: on rows just multiplied
    Work collect                # in training: when all rows have been, by all threads
    Work finish                 # on a few rows, when the layer above is about to read them
    Work after_deltas           # on rows whose deltas have just come from the layer above
    Work collect_gradients      # when all rows have been, by all threads
    Work backward               # deltas of the products from those of what followed them
    Work add_gradients          # of its parameters, from all rows of the chunk, by all threads
    Work begin_predictions      # once, no rows


cdef struct Layer:
    const Kind *kind
    const Kind *sparse_kind     # what takes its place where X is sparse, or NULL
    const Epilogue *epilogue
    Layer *below                # what it reads; NULL for the inputs' layer
    uint64_t number             # of a hidden layer, counted from 0
    Py_ssize_t fan_in, fan_out
    Py_ssize_t width            # fan_out, padded to whole vectors; of inputs not padded
    Py_ssize_t stride           # of its inputs' rows
    int layout                  # of the weights, see kernels.h
    const rb_coding *coding     # of the inputs' layer and the first, where X has codes, or NULL
    bint passes_on              # whether a layer below learns, and is to have a gradient
    Py_ssize_t piece            # rows that go through it together
    Arrays at                   # the parameters, with the weights that products read
    # what is learned of these: others than products read with input scales and with codes
    rb_weights learned
    char *learned_intercepts
    Arrays d                    # their gradient
    int activation
    bint keeps_input            # whether the backward pass wants pre-activations
    char *normalized            # (chunk, width) products, then normalised
    char *block_sums            # of batch statistics: (blocks, 2, width), of each BATCH_BLOCK rows
    rb_statistics statistics    # of rows only inverse_deviations, (chunk,)
    char *pre_activation        # (chunk, width), then slopes; `output` where it is not kept
    char *output                # (chunk, width)
    double noise                # deviation of what is added to inputs in training
    double dropout              # the share of outputs that are dropped in training
    char *slopes                # (chunk, width), masks included; NULL without dropout
    const char *kept            # what the backward pass reads: pre-activations or slopes
    int slope                   # and what it makes of them: an activation, or SLOPES_KEPT
    char *d_pre_activation      # (chunk, width); `delta` but for layer normalisation
    char *delta                 # (chunk, width) of the products; the last layer's is its output
    char *packed_delta          # (chunk, width) in panels, or NULL


cdef inline void set_sizes(Layer *layer, Py_ssize_t fan_in, Py_ssize_t fan_out, Py_ssize_t stride,
                           Py_ssize_t vector) noexcept nogil:
    """The weights of a layer whose input rows are `stride` apart."""
    layer.fan_in, layer.fan_out, layer.stride = fan_in, fan_out, stride
    layer.width = (fan_out + vector - 1) // vector * vector


cdef inline void set_weights(rb_weights *weights, const Layer *layer, void *data) noexcept nogil:
    """Weights with the sizes and the layout of the layer."""
    weights.data, weights.layout = data, layer.layout
    weights.fan_in, weights.fan_out = layer.fan_in, layer.fan_out
    weights.width, weights.stride = layer.width, layer.stride
