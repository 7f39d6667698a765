# The kernels in use, for the extensions that call them.
# SPDX-License-Identifier: BSD-3-Clause
from rosenblatt.core.kernels cimport rb_kernels

cdef const rb_kernels *active_kernels(object dtype) except NULL
