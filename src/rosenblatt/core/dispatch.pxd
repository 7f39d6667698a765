from rosenblatt.core.kernels cimport rb_kernels

cdef const rb_kernels *active_kernels(object dtype) except NULL
