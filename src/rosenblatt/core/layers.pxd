# A network's layers, for the extensions that run them.
# SPDX-License-Identifier: BSD-3-Clause
cimport cython
from libc.stdint cimport uint64_t

from rosenblatt.core.kernels cimport rb_coding, rb_kernels
from rosenblatt.core.layer cimport MOST_LAYERS, Inputs, Layer, Pass, Reading
from rosenblatt.core.threads cimport rb_team


@cython.final
cdef class Layers:
    cdef const rb_kernels *kernels
    cdef readonly object dtype
    cdef readonly list stored
    cdef readonly Py_ssize_t chunk
    cdef object constants
    cdef list buffers
    cdef char *free             # what is left of the last of them
    cdef Py_ssize_t n_free      # bytes
    cdef Layer at[MOST_LAYERS + 1]  # the inputs' is the first
    cdef int n_layers, loss, n_threads
    cdef bint needs_batch       # whether statistics of whole batches are taken
    cdef char *scratch          # a thread's part: (3 * n_outputs, OUTPUT_BLOCK)
    cdef double[::1] row_losses
    cdef char *loss_constants   # (n_outputs,)
    cdef rb_coding coding       # how X has the inputs, where it has codes
    cdef tuple coding_arrays
    cdef public uint64_t noise_seed
    cdef public Py_ssize_t first_row

    cdef char *_buffer(self, Py_ssize_t rows, Py_ssize_t columns) except NULL
    cdef _allocate_normalization(self, Layer *layer)
    cdef _allocate_slopes(self, Layer *layer, double dropout)
    cdef _allocate_deltas(self, Layer *layer)
    cdef Py_ssize_t _piece_rows(self, const Layer *layer)
    cdef const char *forward(self, const Inputs *inputs, const Py_ssize_t *order,
                             Py_ssize_t first, Py_ssize_t last,
                             const Pass *training) noexcept nogil
    cdef Reading reading(self, const Layer *layer, const Inputs *inputs, const Py_ssize_t *order,
                         Py_ssize_t first, const Pass *training) noexcept nogil
    cdef void multiply(self, const Layer *layer, const Inputs *inputs, const Py_ssize_t *order,
                       Py_ssize_t first, Py_ssize_t last, const Pass *training) noexcept nogil
    cdef void begin_predictions(self) noexcept nogil
    cdef void backward(self, Py_ssize_t first, Py_ssize_t last, bint transposed,
                       const Pass *training) noexcept nogil
    cdef void multiply_backward(self, const Layer *layer, Py_ssize_t first, Py_ssize_t last,
                                bint transposed, const Pass *training) noexcept nogil
    cdef void backward_weights(self, const Inputs *inputs, const Py_ssize_t *order, bint packed,
                               const Pass *training) noexcept nogil
    cdef void pack_deltas(self, const Pass *training) noexcept nogil
    cdef void transpose_weights(self, rb_team *team, int thread) noexcept nogil
    cdef double gradients(self, const Inputs *inputs, const Py_ssize_t *order, Py_ssize_t rows,
                          uint64_t step, rb_team *team, int thread) noexcept nogil
    cdef _read_coding(self, coding)
    cdef _place_derived(self)
    cdef void derive_weights(self, rb_team *team, int thread) noexcept nogil
    cdef void derive_gradients(self, rb_team *team, int thread) noexcept nogil
    cdef void limit_norms(self, double max_norm, rb_team *team, int thread) noexcept nogil
    cdef const Layer *last(self) noexcept nogil
