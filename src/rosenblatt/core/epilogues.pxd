# The epilogues of layers, for the extensions that run layers.
# SPDX-License-Identifier: BSD-3-Clause
from rosenblatt.core.kernels cimport rb_dropout, rb_kernels
from rosenblatt.core.layer cimport Epilogue, Layer, Pass

cdef const Epilogue *epilogue_of(normalization) except NULL
cdef const Epilogue *epilogue_of_inputs(bint are_disturbed) noexcept
cdef rb_dropout dropout_of(const Layer *inputs, Py_ssize_t first,
                           const Pass *training) noexcept nogil
cdef void finish(const rb_kernels *kernels, const Layer *layer, Py_ssize_t first, Py_ssize_t last,
                 const Pass *training) noexcept nogil
