# The declarations of subnormals.h, for Cython.
# SPDX-License-Identifier: BSD-3-Clause
from libc.stdint cimport uint64_t

cdef extern from "subnormals.h" nogil:
    uint64_t rb_flush_subnormals()
    void rb_set_mode(uint64_t)
