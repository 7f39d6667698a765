/* Narrow layers: layers above another one, with few outputs that do not fill whole vectors. Their
 * weights are TRANSPOSED, (n, k_width), so that products are vectorised over the inputs. As
 * columns, the outputs would be padded in every product and in the optimiser's step. The deltas of
 * the inputs are computed in dense.h, which needs no transpose for them. */
// SPDX-License-Identifier: BSD-3-Clause

/* z (rows, n; width apart) = A WT^T + b, for as many rows as fill a vector with their sums;
 * `rows` may be fewer. intercepts: a vector, b repeated. */
ALWAYS_INLINE void NAME(narrow_rows)(const int n, real *z, const real *A, const real *WT,
                                     NAME(vec) intercepts, ptrdiff_t rows, ptrdiff_t k_width,
                                     ptrdiff_t width, ptrdiff_t a_stride) {
    const int most = (int)LANES / n;
    NAME(vec) sum[LANES] = {{0}};
    const real *row[LANES];
    real out[LANES];
    UNROLL for (int r = 0; r < most; r++) row[r] = A + (r < rows ? r : 0) * a_stride;
    for (ptrdiff_t q = 0; q < k_width; q += LANES) {
        NAME(vec) w[LANES];
        UNROLL for (int j = 0; j < n; j++) w[j] = NAME(load)(WT + j * k_width + q);
        UNROLL for (int r = 0; r < most; r++) {
            const NAME(vec) a = NAME(load)(row[r] + q);
            UNROLL for (int j = 0; j < n; j++) sum[r * n + j] += a * w[j];
        }
    }
    NAME(store)(out, NAME(sum_lanes)(sum) + intercepts);
    for (ptrdiff_t r = 0; r < rows; r++)
        UNROLL for (int j = 0; j < n; j++) z[r * width + j] = out[r * n + j];
}

#undef NARROW_CASE
#define NARROW_CASE(outputs)                                                             \
    case outputs:                                                                        \
        if (outputs <= LANES)                                                            \
            for (ptrdiff_t i = 0; i < m; i += LANES / outputs)                           \
                NAME(narrow_rows)(outputs, z + i * width, A + i * a_stride, WT,          \
                                  NAME(load)(intercepts), smaller(LANES / outputs, m - i), \
                                  k_width, width, a_stride);                             \
        break;

/* n outputs, at most LANES of them */
static void NAME(narrow_group)(real *z, const real *A, const real *WT, const real *b,
                               ptrdiff_t m, ptrdiff_t k_width, ptrdiff_t n, ptrdiff_t width,
                               ptrdiff_t a_stride) {
    real intercepts[LANES];
    for (ptrdiff_t j = 0; j < LANES; j++) intercepts[j] = b[j % n];
    switch (n) {
        NARROW_CASE(1) NARROW_CASE(2) NARROW_CASE(3) NARROW_CASE(4)
        NARROW_CASE(5) NARROW_CASE(6) NARROW_CASE(7) NARROW_CASE(8)
        NARROW_CASE(9) NARROW_CASE(10) NARROW_CASE(11) NARROW_CASE(12)
        NARROW_CASE(13) NARROW_CASE(14) NARROW_CASE(15) NARROW_CASE(16)
    }
}

static void NAME(narrow_forward)(void *out, void *z, const void *A, const rb_weights *W,
                                 const void *b, ptrdiff_t m, int activation) {
    const ptrdiff_t k_width = W->stride, n = W->fan_out, width = W->width;
    for (ptrdiff_t j = 0; j < n; j += LANES)
        NAME(narrow_group)((real *)z + j, A, (const real *)W->data + j * k_width,
                           (const real *)b + j, m, k_width, smaller(LANES, n - j), width, k_width);
    /* the padding still has outputs of the activation from the last call */
    for (ptrdiff_t i = 0; i < m; i++)
        for (ptrdiff_t j = n; j < width; j++) ((real *)z)[i * width + j] = ZERO;
    NAME(activate_rows)(out, z, m, 0, width, width, activation);
}

static void NAME(narrow_backward_weights)(const rb_weights *dW, const void *A, const void *dZ,
                                          ptrdiff_t m, ptrdiff_t j0, ptrdiff_t j1,
                                          int accumulate) {
    const ptrdiff_t k = dW->fan_in, n = dW->fan_out, k_width = dW->stride, width = dW->width;
    real *gradient = dW->data;
    const NAME(product) p = {
        .A = dZ, .a_row = 1, .a_step = width, .depth = m,
        .B = NAME(row_major)(A, k_width), .C = NAME(row_major)(gradient, k_width),
        .start = NAME(row_major)(accumulate ? gradient : NULL, k_width)};
    for (ptrdiff_t i = 0; i < n; i += TILE_ROWS)
        NAME(some_rows)(smaller(TILE_ROWS, n - i), &p, i, j0, j1);
    /* the padding of the inputs is activation(0) */
    for (ptrdiff_t i = 0; i < n && j1 == k_width; i++)
        for (ptrdiff_t q = k; q < k_width; q++) gradient[i * k_width + q] = ZERO;
}
