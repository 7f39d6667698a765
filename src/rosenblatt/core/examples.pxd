# The rows that a network reads, for the extensions that read them.
# SPDX-License-Identifier: BSD-3-Clause
from rosenblatt.core.layer cimport Inputs


cdef class Examples:
    cdef readonly object X, targets, sample_weight
    cdef readonly Py_ssize_t n_samples, n_features
    cdef object csr_parts
    cdef Inputs inputs          # what the layers read of them
