/* Brings the rows of a batch together. Only the rows of X: targets and weights are read
 * where they lie. */
// SPDX-License-Identifier: BSD-3-Clause

static void NAME(gather)(void *rows, const void *X, const ptrdiff_t *order, ptrdiff_t m,
                         ptrdiff_t k, ptrdiff_t x_stride) {
    real *to = rows;
    const real *from = X;
    for (ptrdiff_t i = 0; i < m; i++)
        memcpy(to + i * k, from + order[i] * x_stride, (size_t)k * sizeof(real));
}
