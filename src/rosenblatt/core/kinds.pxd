# The kinds of layers, for the extensions that run layers.
# SPDX-License-Identifier: BSD-3-Clause
from rosenblatt.core.kernels cimport rb_coding, rb_kernels
from rosenblatt.core.layer cimport Arrays, Inputs, Kind, Layer

cdef void begin_inputs(Layer *layer, Py_ssize_t n_features, const rb_coding *coding) noexcept
cdef object lay_out(const rb_kernels *kernels, Layer *layer, described, bint is_sparse,
                    bint in_rows)
cdef int place(Arrays *arrays, const Layer *layer, role, char *at) except -1
cdef const Kind *kind_of(const Layer *layer, const Inputs *inputs) noexcept nogil
