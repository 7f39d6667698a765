/* Gathers the rows of a batch of X. Targets and weights are read in place. */
// SPDX-License-Identifier: BSD-3-Clause

static void NAME(gather)(void *rows, const void *X, const ptrdiff_t *order, ptrdiff_t m,
                         ptrdiff_t k, ptrdiff_t x_stride) {
    enum { AHEAD = 4, MOST = 4096 }; /* rows, bytes of each; the CPU prefetches the rest */
    const size_t n_bytes = (size_t)k * sizeof(real);
    const ptrdiff_t fetched = n_bytes < MOST ? (ptrdiff_t)n_bytes : MOST;
    real *to = rows;
    const real *from = X;
    for (ptrdiff_t i = 0; i < m; i++) {
        const char *next = (const char *)(from + order[smaller(i + AHEAD, m - 1)] * x_stride);
        for (ptrdiff_t byte = 0; byte < fetched; byte += 64) __builtin_prefetch(next + byte);
        memcpy(to + i * k, from + order[i] * x_stride, n_bytes);
    }
}
