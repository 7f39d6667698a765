/* A layer's forward pass with the weights of an estimator: row-major, without padding, not copied.
 * It is used by predictions; training uses padded blocks (dense.h).
 * The order of every sum is that of gemm.h or, for narrow layers, narrow.h: the bits of a row are
 * those that the network computes, independent of the number of rows. */
// SPDX-License-Identifier: BSD-3-Clause

/* Number of columns that are converted to panels at a time: as many as fit the second-level
 * cache. */
#undef MOST_COLUMNS
#define MOST_COLUMNS 1024

static ptrdiff_t NAME(columns_at_once)(ptrdiff_t k) {
    return smaller(NAME(column_block)(k), MOST_COLUMNS);
}

/* out (n,) += a (STEPS,) W (STEPS, n), one row of W after another */
enum { NAME(STEPS) = 8 };
ALWAYS_INLINE void NAME(add_steps)(real *restrict out, const real *restrict a,
                                   const real *restrict W, ptrdiff_t n) {
    for (ptrdiff_t j = 0; j < n; j++) {
        real sum = out[j];
        UNROLL for (int q = 0; q < NAME(STEPS); q++) sum += a[q] * W[q * n + j];
        out[j] = sum;
    }
}

/* For a few rows: W is read once, in memory order. */
static void NAME(forward_few)(real *out, const real *A, const real *W, const real *b, ptrdiff_t m,
                              ptrdiff_t k, ptrdiff_t n, ptrdiff_t width, ptrdiff_t a_stride,
                              int activation) {
    for (ptrdiff_t i = 0; i < m; i++) {
        memcpy(out + i * width, b, (size_t)n * sizeof(real));
        memset(out + i * width + n, 0, (size_t)(width - n) * sizeof(real));
    }
    ptrdiff_t q = 0;
    for (; q + NAME(STEPS) <= k; q += NAME(STEPS))
        for (ptrdiff_t i = 0; i < m; i++)
            NAME(add_steps)(out + i * width, A + i * a_stride + q, W + q * n, n);
    for (; q < k; q++)
        for (ptrdiff_t i = 0; i < m; i++)
            NAME(add_multiple)(out + i * width, A[i * a_stride + q], W + q * n, n);
    NAME(activate_rows)(out, out, m, 0, width, width, activation);
}

/* panels <- `columns` columns of W (k, n) from W on, with zeros up to a whole vector */
static void NAME(panels_of)(real *panels, const real *W, ptrdiff_t k, ptrdiff_t n,
                            ptrdiff_t columns) {
    const NAME(columns) to = NAME(in_panels)(panels, k);
    for (ptrdiff_t j = 0; j < columns; j += PANEL) {
        const ptrdiff_t count = smaller(PANEL, columns - j);
        const int vectors = count > LANES ? 2 : 1;
        const real *from = W + j;
        real *panel = NAME(at)(&to, vectors, 0, j);
        for (ptrdiff_t q = 0; q < k; q++, from += n, panel += vectors * LANES) {
            if (count == PANEL) {
                NAME(store)(panel, NAME(load)(from));
                NAME(store)(panel + LANES, NAME(load)(from + LANES));
                continue;
            }
            for (ptrdiff_t r = 0; r < count; r++) panel[r] = from[r];
            for (ptrdiff_t r = count; r < vectors * LANES; r++) panel[r] = ZERO;
        }
    }
}

static void NAME(forward_many)(real *out, const real *A, const real *W, const real *b, ptrdiff_t m,
                               ptrdiff_t k, ptrdiff_t n, ptrdiff_t width, ptrdiff_t a_stride,
                               int activation, real *panels) {
    real start[MOST_COLUMNS];
    const ptrdiff_t block = NAME(columns_at_once)(k);
    for (ptrdiff_t j0 = 0; j0 < n; j0 += block) {
        const ptrdiff_t count = smaller(block, n - j0), whole = smaller(block, width - j0);
        NAME(panels_of)(panels, W + j0, k, n, count);
        memcpy(start, b + j0, (size_t)count * sizeof(real));
        memset(start + count, 0, (size_t)(whole - count) * sizeof(real));
        const NAME(product) p = {
            .A = A, .a_row = a_stride, .a_step = 1, .depth = k, .B = NAME(in_panels)(panels, k),
            .C = NAME(row_major)(out + j0, width), .start = NAME(row_major)(start, 0)};
        for (ptrdiff_t i = 0; i < m; i += TILE_ROWS) {
            const ptrdiff_t rows = smaller(TILE_ROWS, m - i);
            real *z = out + i * width;
            NAME(some_rows)(rows, &p, i, 0, whole);
            NAME(activate_rows)(z, z, rows, j0, j0 + whole, width, activation);
        }
    }
}

/* A narrow layer, by narrow.h, whose sums have a different order. */
static void NAME(forward_narrow)(real *out, const real *A, const rb_weights *plain, const real *b,
                                 ptrdiff_t m, int activation, real *WT) {
    const ptrdiff_t k = plain->fan_in, n = plain->fan_out, stride = plain->stride;
    const real *W = plain->data;
    rb_weights weights = *plain;
    weights.data = WT;
    for (ptrdiff_t j = 0; j < n; j++) {
        for (ptrdiff_t q = 0; q < k; q++) WT[j * stride + q] = W[q * n + j];
        for (ptrdiff_t q = k; q < stride; q++) WT[j * stride + q] = ZERO;
    }
    memset(out, 0, (size_t)(m * plain->width) * sizeof(real)); /* for the padding */
    NAME(narrow_forward)(out, out, A, &weights, b, m, activation);
}

static void NAME(plain_forward)(void *out, const void *A, const rb_weights *weights, const void *b,
                                ptrdiff_t m, int activation, void *room) {
    const ptrdiff_t k = weights->fan_in, n = weights->fan_out, width = weights->width;
    const ptrdiff_t a_stride = weights->stride;
    const real *W = weights->data;
    switch (weights->layout) {
    case ROWS:
        NAME(forward_few)(out, A, W, b, m, k, n, width, a_stride, activation);
        break;
    case PANELS:
        NAME(forward_many)(out, A, W, b, m, k, n, width, a_stride, activation, room);
        break;
    case TRANSPOSED:
        NAME(forward_narrow)(out, A, weights, b, m, activation, room);
        break;
    }
}

static ptrdiff_t NAME(plain_room)(const rb_weights *W) {
    return W->layout == ROWS ? 0
        : W->layout == TRANSPOSED ? W->fan_out * W->stride
        : W->fan_in * smaller(NAME(columns_at_once)(W->fan_in), W->width);
}
