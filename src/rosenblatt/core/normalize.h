/* Normalisation of hidden layers, between product and activation: by the statistics of each
 * unit over the batch (Ioffe & Szegedy, 2015) or of each row over the units (Ba, Kiros &
 * Hinton, 2016). The product z is replaced by x = (z - mean) / deviation, and the activation is
 * applied to scale * x + shift. The optimiser updates scales and shifts; the network combines the
 * statistics of blocks to those of a batch. */
// SPDX-License-Identifier: BSD-3-Clause

#undef IN_VARIANCE
#undef OF_RUNNING
#define IN_VARIANCE ((real)1e-5) /* added to variances, as PyTorch's default does */
#define OF_RUNNING ((real)0.1)   /* the weight of a batch in the running statistics, likewise */

/* Means, and sums of squared deviations from them, of `vectors` vectors of columns over a few
 * rows, which stay in the first-level cache between the two passes. */
ALWAYS_INLINE void NAME(few_statistics)(const int vectors, NAME(vec) * mean, NAME(vec) * squares,
                                        const real *z, ptrdiff_t m, ptrdiff_t width) {
    UNROLL for (int v = 0; v < vectors; v++) mean[v] = squares[v] = (NAME(vec)){0};
    NAME(vec) first[4];
    /* relative to the first row, because sums of numbers far from zero would lose digits */
    UNROLL for (int v = 0; v < vectors; v++) first[v] = NAME(load)(z + v * LANES);
    for (ptrdiff_t i = 0; i < m; i++)
        UNROLL for (int v = 0; v < vectors; v++)
            mean[v] += NAME(load)(z + i * width + v * LANES) - first[v];
    UNROLL for (int v = 0; v < vectors; v++) mean[v] = first[v] + mean[v] / (real)m;
    for (ptrdiff_t i = 0; i < m; i++)
        UNROLL for (int v = 0; v < vectors; v++) {
            const NAME(vec) d = NAME(load)(z + i * width + v * LANES) - mean[v];
            squares[v] += d * d;
        }
}

/* Means, and sums of squared deviations from them, of each block of rows. */
static void NAME(block_statistics)(void *sums, const void *products, ptrdiff_t m,
                                   ptrdiff_t width) {
    real *block = sums;
    for (ptrdiff_t i = 0; i < m; i += BATCH_BLOCK, block += 2 * width) {
        const real *z = (const real *)products + i * width;
        const ptrdiff_t rows = smaller(BATCH_BLOCK, m - i);
        NAME(vec) mean[4], squares[4];
        ptrdiff_t j = 0;
        for (; j + 4 * LANES <= width; j += 4 * LANES) {
            NAME(few_statistics)(4, mean, squares, z + j, rows, width);
            UNROLL for (int v = 0; v < 4; v++) {
                NAME(store)(block + j + v * LANES, mean[v]);
                NAME(store)(block + width + j + v * LANES, squares[v]);
            }
        }
        for (; j < width; j += LANES) {
            NAME(few_statistics)(1, mean, squares, z + j, rows, width);
            NAME(store)(block + j, mean[0]);
            NAME(store)(block + width + j, squares[0]);
        }
    }
}

/* Combines the statistics of blocks, one after another (Chan, Golub & LeVeque, 1983). */
static void NAME(batch_statistics)(const rb_statistics *s, const void *sums, ptrdiff_t m,
                                   ptrdiff_t width, ptrdiff_t j0, ptrdiff_t j1) {
    real *means = s->means, *inverses = s->inverse_deviations;
    real *running_means = s->running_means, *running_variances = s->running_variances;
    for (ptrdiff_t j = j0; j < j1; j += LANES) {
        const real *block = (const real *)sums + j;
        NAME(vec) mean = NAME(load)(block), squares = NAME(load)(block + width);
        for (ptrdiff_t i = BATCH_BLOCK; i < m; i += BATCH_BLOCK) {
            const real rows = (real)smaller(BATCH_BLOCK, m - i), share = rows / (real)(i + rows);
            block += 2 * width;
            const NAME(vec) apart = NAME(load)(block) - mean;
            mean += apart * share;
            squares += NAME(load)(block + width) + apart * apart * (share * (real)i);
        }
        NAME(store)(means + j, mean);
        NAME(store)(inverses + j, squares);
    }
    for (ptrdiff_t j = j0; j < j1; j++) {
        const real square = inverses[j];
        inverses[j] = ONE / NAME(sqrt)(square / (real)m + IN_VARIANCE);
        running_means[j] = (ONE - OF_RUNNING) * running_means[j] + OF_RUNNING * means[j];
        running_variances[j] = (ONE - OF_RUNNING) * running_variances[j]
                               + OF_RUNNING * (square / (real)(m - 1));
    }
}

static void NAME(inverse_deviations)(void *inverses, const void *variances, ptrdiff_t width) {
    real *to = inverses;
    const real *from = variances;
    for (ptrdiff_t j = 0; j < width; j++) to[j] = ONE / NAME(sqrt)(from[j] + IN_VARIANCE);
}

static void NAME(normalize_columns)(void *out, void *pre_activation, void *z, const void *mean,
                                    const void *inverse, const void *scale, const void *shift,
                                    ptrdiff_t m, ptrdiff_t width, int activation) {
    const real *means = mean, *inverses = inverse, *scales = scale, *shifts = shift;
    for (ptrdiff_t i = 0; i < m; i++) {
        real *restrict x = (real *)z + i * width, *restrict y = (real *)pre_activation + i * width;
        for (ptrdiff_t j = 0; j < width; j++) {
            x[j] = (x[j] - means[j]) * inverses[j];
            y[j] = scales[j] * x[j] + shifts[j];
        }
    }
    NAME(activate_rows)(out, pre_activation, m, 0, width, width, activation);
}

/* The sum of the lanes of four vectors, in a fixed order. */
ALWAYS_INLINE real NAME(total_of)(const NAME(vec) sum[4]) {
    const NAME(vec) all = (sum[0] + sum[1]) + (sum[2] + sum[3]);
    real lanes[LANES];
    UNROLL for (ptrdiff_t lane = 0; lane < LANES; lane++) lanes[lane] = all[lane];
    UNROLL for (ptrdiff_t half = LANES / 2; half > 0; half /= 2)
        UNROLL for (ptrdiff_t lane = 0; lane < half; lane++) lanes[lane] += lanes[lane + half];
    return lanes[0];
}

/* The mean of z - from, or of its square, over the first n elements of a row. */
ALWAYS_INLINE real NAME(row_mean)(const real *z, real from, const int squared, ptrdiff_t n) {
    NAME(vec) sum[4] = {{0}};
    ptrdiff_t j = 0;
    for (; j + 4 * LANES <= n; j += 4 * LANES)
        UNROLL for (int v = 0; v < 4; v++) {
            NAME(vec) d = NAME(load)(z + j + v * LANES) - from;
            if (squared) d *= d;
            sum[v] += d;
        }
    for (; j + LANES <= n; j += LANES) {
        NAME(vec) d = NAME(load)(z + j) - from;
        if (squared) d *= d;
        sum[0] += d;
    }
    real total = NAME(total_of)(sum);
    for (; j < n; j++) total += squared ? (z[j] - from) * (z[j] - from) : z[j] - from;
    return total / (real)n;
}

static void NAME(normalize_rows)(void *out, void *pre_activation, void *z, void *inverse,
                                 const void *scale, const void *shift, ptrdiff_t m, ptrdiff_t n,
                                 ptrdiff_t width, int activation) {
    const real *scales = scale, *shifts = shift;
    real *inverses = inverse;
    for (ptrdiff_t i = 0; i < m; i++) {
        real *restrict x = (real *)z + i * width, *restrict y = (real *)pre_activation + i * width;
        const real mean = NAME(row_mean)(x, ZERO, 0, n);
        const real variance = NAME(row_mean)(x, mean, 1, n);
        const real by = ONE / NAME(sqrt)(variance + IN_VARIANCE);
        inverses[i] = by;
        for (ptrdiff_t j = 0; j < width; j++) x[j] = (x[j] - mean) * by;
        for (ptrdiff_t j = n; j < width; j++) x[j] = ZERO;
        for (ptrdiff_t j = 0; j < width; j++) y[j] = scales[j] * x[j] + shifts[j];
    }
    NAME(activate_rows)(out, pre_activation, m, 0, width, width, activation);
}

/* The gradients of `vectors` vectors of scales and shifts. */
ALWAYS_INLINE void NAME(sum_gradients)(const int vectors, real *d_scales, real *d_shifts,
                                       const real *delta, const real *x, ptrdiff_t m,
                                       ptrdiff_t width, int accumulate) {
    NAME(vec) scale[2], shift[2];
    UNROLL for (int v = 0; v < vectors; v++) {
        scale[v] = accumulate ? NAME(load)(d_scales + v * LANES) : (NAME(vec)){0};
        shift[v] = accumulate ? NAME(load)(d_shifts + v * LANES) : (NAME(vec)){0};
    }
    for (ptrdiff_t i = 0; i < m; i++)
        UNROLL for (int v = 0; v < vectors; v++) {
            const NAME(vec) d = NAME(load)(delta + i * width + v * LANES);
            shift[v] += d;
            scale[v] += d * NAME(load)(x + i * width + v * LANES);
        }
    UNROLL for (int v = 0; v < vectors; v++) {
        NAME(store)(d_scales + v * LANES, scale[v]);
        NAME(store)(d_shifts + v * LANES, shift[v]);
    }
}

static void NAME(normalization_gradients)(void *d_scale, void *d_shift, const void *d_pre,
                                          const void *normalized, ptrdiff_t m, ptrdiff_t width,
                                          ptrdiff_t j0, ptrdiff_t j1, int accumulate) {
    real *d_scales = d_scale, *d_shifts = d_shift;
    const real *delta = d_pre, *x = normalized;
    ptrdiff_t j = j0;
    for (; j + 2 * LANES <= j1; j += 2 * LANES)
        NAME(sum_gradients)(2, d_scales + j, d_shifts + j, delta + j, x + j, m, width, accumulate);
    for (; j < j1; j += LANES)
        NAME(sum_gradients)(1, d_scales + j, d_shifts + j, delta + j, x + j, m, width, accumulate);
}

/* The contributions of each block of rows to the gradients of scales and shifts. */
static void NAME(block_gradients)(void *sums, const void *d_pre, const void *normalized,
                                  ptrdiff_t m, ptrdiff_t width) {
    real *block = sums;
    for (ptrdiff_t i = 0; i < m; i += BATCH_BLOCK, block += 2 * width)
        NAME(normalization_gradients)(
            block, block + width, (const real *)d_pre + i * width,
            (const real *)normalized + i * width, smaller(BATCH_BLOCK, m - i), width, 0, width, 0);
}

static void NAME(batch_gradients)(void *d_scale, void *d_shift, const void *sums, ptrdiff_t m,
                                  ptrdiff_t width, ptrdiff_t j0, ptrdiff_t j1) {
    real *d_scales = d_scale, *d_shifts = d_shift;
    for (ptrdiff_t j = j0; j < j1; j += LANES) {
        const real *block = (const real *)sums + j;
        NAME(vec) scale = {0}, shift = {0};
        for (ptrdiff_t i = 0; i < m; i += BATCH_BLOCK, block += 2 * width) {
            scale += NAME(load)(block);
            shift += NAME(load)(block + width);
        }
        NAME(store)(d_scales + j, scale);
        NAME(store)(d_shifts + j, shift);
    }
}

static void NAME(normalize_columns_backward)(void *dZ, const void *normalized,
                                             const void *inverse, const void *scale,
                                             const void *d_scale, const void *d_shift,
                                             ptrdiff_t n_rows, ptrdiff_t m, ptrdiff_t width) {
    const real *inverses = inverse, *scales = scale, *d_scales = d_scale, *d_shifts = d_shift;
    const real share = ONE / (real)n_rows;
    for (ptrdiff_t i = 0; i < m; i++) {
        real *restrict delta = (real *)dZ + i * width;
        const real *restrict x = (const real *)normalized + i * width;
        for (ptrdiff_t j = 0; j < width; j++)
            delta[j] = scales[j] * inverses[j]
                       * (delta[j] - share * (d_shifts[j] + x[j] * d_scales[j]));
    }
}

static void NAME(normalize_rows_backward)(void *dZ, const void *d_pre, const void *normalized,
                                          const void *inverse, const void *scale, ptrdiff_t m,
                                          ptrdiff_t n, ptrdiff_t width) {
    const real *scales = scale, *inverses = inverse;
    for (ptrdiff_t i = 0; i < m; i++) {
        real *restrict to = (real *)dZ + i * width;
        const real *restrict delta = (const real *)d_pre + i * width;
        const real *restrict x = (const real *)normalized + i * width;
        NAME(vec) sum[4] = {{0}}, with_x[4] = {{0}};
        for (ptrdiff_t j = 0; j < width; j += LANES) { /* the padding of delta is zero */
            const NAME(vec) d = NAME(load)(delta + j) * NAME(load)(scales + j);
            sum[0] += d;
            with_x[0] += d * NAME(load)(x + j);
        }
        const real mean = NAME(total_of)(sum) / (real)n, slope = NAME(total_of)(with_x) / (real)n;
        const real by = inverses[i];
        for (ptrdiff_t j = 0; j < width; j++)
            to[j] = by * (delta[j] * scales[j] - mean - x[j] * slope);
        for (ptrdiff_t j = n; j < width; j++) to[j] = ZERO;
    }
}
