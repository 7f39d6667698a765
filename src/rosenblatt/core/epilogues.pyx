"""The epilogue of a layer's product: normalisation, activation and dropout; for inputs, noise.

An epilogue is a table of functions (layer.pxd). It works on rows that are still in the cache: the
passes (layers.pyx) call `finish` of a layer inside the loop over pieces of the layer above. Without
normalisation, the kernel of the product applies the activation, and only dropout is left.
"""

# SPDX-License-Identifier: BSD-3-Clause
from libc.stdint cimport uint64_t

from rosenblatt.core.kernels cimport (
    BATCH_BLOCK, SLOPES_KEPT, WITH_SLOPES, rb_dropout, rb_kernels,
)
from rosenblatt.core.layer cimport INPUT_DROPOUT, INPUT_NOISE, Epilogue, Layer, Pass
from rosenblatt.core.threads cimport rb_meet, rb_share

cdef enum:
    FEW_NUMBERS = 2048  # elements of each array that stay in the first-level cache


cdef extern from "random_bits.h" nogil:
    uint64_t rb_stream_key(uint64_t seed, uint64_t step, uint64_t stream)


cdef void finish(const rb_kernels *kernels, const Layer *layer, Py_ssize_t first, Py_ssize_t last,
                 const Pass *training) noexcept nogil:
    """The epilogue of a layer for rows [first, last) of the chunk, applied to a few rows at a time
    while they are in the first-level cache."""
    cdef Py_ssize_t rows, stop
    cdef bint drops = training and layer.slopes
    if layer.epilogue.finish == NULL and not drops:
        return
    rows = max(1, FEW_NUMBERS // layer.width)
    while first < last:
        stop = min(first + rows, last)
        if layer.epilogue.finish:
            layer.epilogue.finish(kernels, layer, first, stop, training)
        if drops:
            drop_out(kernels, layer, first, stop, training)
        first = stop


cdef void drop_out(const rb_kernels *kernels, const Layer *layer, Py_ssize_t first,
                   Py_ssize_t last, const Pass *training) noexcept nogil:
    """Multiply outputs and slopes by the dropout masks."""
    cdef Py_ssize_t offset = first * layer.width * kernels.item_size
    kernels.noise.drop_out(
        layer.output + offset, layer.slopes + offset, layer.pre_activation + offset, last - first,
        layer.width, SLOPES_KEPT if layer.pre_activation == layer.slopes else layer.activation,
        layer.dropout, rb_stream_key(training.noise_seed, training.step, layer.number),
        training.first_row + training.start + first)


# -- batch normalisation: requires the statistics of all rows --------------------------------

cdef inline char *sums_of(const rb_kernels *kernels, const Layer *layer,
                          Py_ssize_t first) noexcept nogil:
    """The address of the sums of the block that starts at row `first` of the chunk."""
    return layer.block_sums + first // BATCH_BLOCK * 2 * layer.width * kernels.item_size


cdef void batch_after_product(const rb_kernels *kernels, const Layer *layer, Py_ssize_t first,
                              Py_ssize_t last, const Pass *training) noexcept nogil:
    kernels.normalization.block_statistics(
        sums_of(kernels, layer, first),
        layer.normalized + first * layer.width * kernels.item_size, last - first, layer.width)


cdef void batch_collect(const rb_kernels *kernels, const Layer *layer, Py_ssize_t first,
                        Py_ssize_t last, const Pass *training) noexcept nogil:
    """The statistics of a batch from those of its blocks; columns are divided among threads."""
    cdef Py_ssize_t start, stop
    rb_meet(training.team)
    rb_share(layer.width, kernels.vector_length, training.team.n_threads, training.thread, &start,
             &stop)
    kernels.normalization.batch_statistics(&layer.statistics, layer.block_sums, training.count,
                                           layer.width, start, stop)
    rb_meet(training.team)


cdef void batch_finish(const rb_kernels *kernels, const Layer *layer, Py_ssize_t first,
                       Py_ssize_t last, const Pass *training) noexcept nogil:
    """Normalises and activates."""
    cdef Py_ssize_t offset = first * layer.width * kernels.item_size
    kernels.normalization.normalize_columns(
        layer.output + offset, layer.pre_activation + offset, layer.normalized + offset,
        layer.statistics.means if training else layer.statistics.running_means,
        layer.statistics.inverse_deviations, layer.at.scales, layer.at.shifts, last - first,
        layer.width, layer.activation + (WITH_SLOPES if training else 0))


cdef void batch_after_deltas(const rb_kernels *kernels, const Layer *layer, Py_ssize_t first,
                             Py_ssize_t last, const Pass *training) noexcept nogil:
    cdef Py_ssize_t offset = first * layer.width * kernels.item_size
    kernels.normalization.block_gradients(
        sums_of(kernels, layer, first), layer.d_pre_activation + offset,
        layer.normalized + offset, last - first, layer.width)


cdef void batch_collect_gradients(const rb_kernels *kernels, const Layer *layer, Py_ssize_t first,
                                  Py_ssize_t last, const Pass *training) noexcept nogil:
    """The gradients of scales and shifts, from the sums of the blocks of all threads."""
    cdef Py_ssize_t start, stop
    rb_meet(training.team)
    rb_share(layer.width, kernels.vector_length, training.team.n_threads, training.thread, &start,
             &stop)
    kernels.normalization.batch_gradients(layer.d.scales, layer.d.shifts, layer.block_sums,
                                          training.count, layer.width, start, stop)
    rb_meet(training.team)


cdef void batch_backward(const rb_kernels *kernels, const Layer *layer, Py_ssize_t first,
                         Py_ssize_t last, const Pass *training) noexcept nogil:
    cdef Py_ssize_t offset = first * layer.width * kernels.item_size
    kernels.normalization.normalize_columns_backward(
        layer.delta + offset, layer.normalized + offset, layer.statistics.inverse_deviations,
        layer.at.scales, layer.d.scales, layer.d.shifts, training.count, last - first,
        layer.width)


cdef void batch_begin_predictions(const rb_kernels *kernels, const Layer *layer, Py_ssize_t first,
                                  Py_ssize_t last, const Pass *training) noexcept nogil:
    """The inverse deviations for predictions, from the running variances."""
    kernels.normalization.inverse_deviations(layer.statistics.inverse_deviations,
                                             layer.statistics.running_variances, layer.width)


# -- layer normalisation: rows are independent -----------------------------------------------

cdef void layer_finish(const rb_kernels *kernels, const Layer *layer, Py_ssize_t first,
                       Py_ssize_t last, const Pass *training) noexcept nogil:
    """Normalises and activates."""
    cdef Py_ssize_t offset = first * layer.width * kernels.item_size
    kernels.normalization.normalize_rows(
        layer.output + offset, layer.pre_activation + offset, layer.normalized + offset,
        <char *> layer.statistics.inverse_deviations + first * kernels.item_size, layer.at.scales,
        layer.at.shifts, last - first, layer.fan_out, layer.width,
        layer.activation + (WITH_SLOPES if training else 0))


cdef void layer_backward(const rb_kernels *kernels, const Layer *layer, Py_ssize_t first,
                         Py_ssize_t last, const Pass *training) noexcept nogil:
    cdef Py_ssize_t offset = first * layer.width * kernels.item_size
    kernels.normalization.normalize_rows_backward(
        layer.delta + offset, layer.d_pre_activation + offset, layer.normalized + offset,
        <char *> layer.statistics.inverse_deviations + first * kernels.item_size, layer.at.scales,
        last - first, layer.fan_out, layer.width)


cdef void layer_add_gradients(const rb_kernels *kernels, const Layer *layer, Py_ssize_t first,
                              Py_ssize_t last, const Pass *training) noexcept nogil:
    """The gradients of scales and shifts; columns are divided among threads."""
    cdef Py_ssize_t start, stop
    rb_share(layer.width, kernels.vector_length, training.team.n_threads, training.thread, &start,
             &stop)
    kernels.normalization.normalization_gradients(
        layer.d.scales, layer.d.shifts, layer.d_pre_activation, layer.normalized, last - first,
        layer.width, start, stop, <bint> (training.start > 0))


# -- inputs: noise and dropout, on rows that were gathered -----------------------------------

cdef void inputs_finish(const rb_kernels *kernels, const Layer *layer, Py_ssize_t first,
                        Py_ssize_t last, const Pass *training) noexcept nogil:
    cdef char *rows = layer.output + first * layer.width * kernels.item_size
    cdef rb_dropout dropout
    if training == NULL:
        return
    if layer.noise > 0:
        kernels.noise.add_noise(
            rows, last - first, layer.width, layer.noise,
            rb_stream_key(training.noise_seed, training.step, INPUT_NOISE),
            training.first_row + training.start + first)
    dropout = dropout_of(layer, first, training)
    if dropout.rate > 0:
        kernels.noise.drop_out(rows, NULL, NULL, last - first, layer.width, 0, dropout.rate,
                               dropout.key, dropout.first_row)


cdef rb_dropout dropout_of(const Layer *inputs, Py_ssize_t first,
                           const Pass *training) noexcept nogil:
    """Dropout of inputs for rows from `first` of the chunk on; none in predictions."""
    cdef rb_dropout dropout
    dropout.rate, dropout.key, dropout.first_row = 0, 0, 0
    if training and inputs.dropout > 0:
        dropout.rate = inputs.dropout
        dropout.key = rb_stream_key(training.noise_seed, training.step, INPUT_DROPOUT)
        dropout.first_row = training.first_row + training.start + first
    return dropout


# -- selection -------------------------------------------------------------------------------

cdef Epilogue PLAIN, BY_BATCH, BY_LAYER, INPUTS
BY_BATCH.keeps_products = BY_BATCH.needs_batch = True
BY_BATCH.after_product, BY_BATCH.collect = batch_after_product, batch_collect
BY_BATCH.finish, BY_BATCH.backward = batch_finish, batch_backward
BY_BATCH.after_deltas, BY_BATCH.collect_gradients = batch_after_deltas, batch_collect_gradients
BY_BATCH.begin_predictions = batch_begin_predictions
BY_LAYER.keeps_products = True
BY_LAYER.finish, BY_LAYER.backward = layer_finish, layer_backward
BY_LAYER.add_gradients = layer_add_gradients
INPUTS.finish = inputs_finish


cdef const Epilogue *epilogue_of(normalization) except NULL:
    """The epilogue of a layer with the given normalisation."""
    if normalization is None:
        return &PLAIN
    return &BY_BATCH if normalization == "batch" else &BY_LAYER


cdef const Epilogue *epilogue_of_inputs(bint are_disturbed) noexcept:
    """The epilogue of the input layer, with optional noise and dropout."""
    return &INPUTS if are_disturbed else &PLAIN
