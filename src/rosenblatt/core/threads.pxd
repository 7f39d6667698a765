# The declarations of threads.h, for Cython.
# SPDX-License-Identifier: BSD-3-Clause

cdef extern from "threads.h" nogil:
    ctypedef struct rb_team:
        int n_threads
    void rb_meet(rb_team *)
    void rb_run_team(void (*)(void *, rb_team *, int) noexcept nogil, void *, int)
    void rb_share(Py_ssize_t, Py_ssize_t, int, int, Py_ssize_t *, Py_ssize_t *)
