/* The first layer for rows of codes: bins with fractions and levels of categories stand for many
 * inputs, of which a row has few that are not zero. The products read those few alone, as rows of
 * weights and factors; they give what dense rows of all inputs give, to rounding.
 *
 * A column of bins with the code t + f, 0 <= f <= 1, stands for inputs 1, .., 1 (t of them), f, 0,
 * .., 0. Their product is (1 - f) P_t + f P_t+1 with P_t, the sum of the first t rows of weights:
 * two rows of cumulative sums, which are taken once a step. What is subtracted from every row, the
 * inputs' means, becomes a part of the intercepts. */
// SPDX-License-Identifier: BSD-3-Clause

/* One code's input numbers and factors; returns how many: a bin has two. What lies beyond the
 * inputs, or is no number, is the nearest bin or no level: never a row that does not exist. */
ALWAYS_INLINE ptrdiff_t NAME(decode_one)(real *factors, real *numbers, real code, int kind,
                                         ptrdiff_t first, ptrdiff_t count) {
    if (kind == NUMBER_CODE) {
        factors[0] = code, numbers[0] = (real)first;
        return 1;
    }
    const real most = (real)count;
    if (kind == LEVEL_CODE) {
        const int is_level = code >= ZERO && code < most;
        factors[0] = is_level ? ONE : ZERO;
        numbers[0] = (real)(first + (is_level ? (ptrdiff_t)code : 0));
        return 1;
    }
    const real place = code > ZERO ? code < most ? code : most : ZERO;
    const ptrdiff_t bin = smaller((ptrdiff_t)place, count - 1);
    const real fraction = place - (real)bin;
    factors[0] = bin > 0 ? ONE - fraction : ZERO, factors[1] = fraction;
    numbers[0] = (real)(first + (bin > 0 ? bin - 1 : 0)), numbers[1] = (real)(first + bin);
    return 2;
}

static void NAME(decode)(void *decoded, const void *X, const ptrdiff_t *order, ptrdiff_t m,
                         const rb_coding *coding) {
    const ptrdiff_t n_stored = coding->n_stored;
    for (ptrdiff_t i = 0; i < m; i++) {
        const real *codes = (const real *)X + order[i] * coding->n_columns;
        real *factors = (real *)decoded + i * 2 * n_stored, *numbers = factors + n_stored;
        for (ptrdiff_t c = 0; c < coding->n_columns; c++) {
            const ptrdiff_t n = NAME(decode_one)(factors, numbers, codes[c], coding->kinds[c],
                                                 coding->firsts[c], coding->counts[c]);
            factors += n, numbers += n;
        }
    }
}

/* `rows` x `vectors` of the product from column j on, in registers. */
ALWAYS_INLINE void NAME(coded_tile)(const int rows, const int vectors, real *z, const real *A,
                                    ptrdiff_t n_stored, const NAME(columns) * W, const real *b,
                                    ptrdiff_t j, ptrdiff_t width) {
    const ptrdiff_t row = vectors == 1 ? W->row_of_last : W->row;
    const real *weights = NAME(at)(W, vectors, 0, j);
    NAME(vec) sum[2][4];
    UNROLL for (int i = 0; i < rows; i++)
        UNROLL for (int v = 0; v < vectors; v++) sum[i][v] = NAME(load)(b + j + v * LANES);
    for (ptrdiff_t q = 0; q < n_stored; q++)
        UNROLL for (int i = 0; i < rows; i++) {
            const real factor = A[i * 2 * n_stored + q];
            const real *from = weights + (ptrdiff_t)A[(i * 2 + 1) * n_stored + q] * row;
            UNROLL for (int v = 0; v < vectors; v++)
                sum[i][v] += factor * NAME(load)(from + v / 2 * W->panel + v % 2 * LANES);
        }
    UNROLL for (int i = 0; i < rows; i++)
        UNROLL for (int v = 0; v < vectors; v++)
            NAME(store)(z + i * width + j + v * LANES, sum[i][v]);
}

ALWAYS_INLINE void NAME(coded_columns)(const int vectors, real *z, const real *A,
                                       ptrdiff_t n_stored, const NAME(columns) * W,
                                       const real *b, ptrdiff_t m, ptrdiff_t j,
                                       ptrdiff_t width) {
    ptrdiff_t i = 0;
    for (; i + 2 <= m; i += 2)
        NAME(coded_tile)(2, vectors, z + i * width, A + i * 2 * n_stored, n_stored, W, b, j, width);
    if (i < m)
        NAME(coded_tile)(1, vectors, z + i * width, A + i * 2 * n_stored, n_stored, W, b, j, width);
}

/* Panel by panel: its weights stay in the first-level cache while all rows read them. */
static void NAME(coded_forward)(void *out, void *z, const void *A, const rb_weights *W,
                                const void *b, ptrdiff_t m, int activation) {
    const ptrdiff_t width = W->width, n_stored = W->stride / 2;
    const NAME(columns) weights = NAME(laid_out)(W);
    ptrdiff_t j = 0;
    for (; j + 4 * LANES <= width; j += 4 * LANES)
        NAME(coded_columns)(4, z, A, n_stored, &weights, b, m, j, width);
    for (; j + 2 * LANES <= width; j += 2 * LANES)
        NAME(coded_columns)(2, z, A, n_stored, &weights, b, m, j, width);
    if (j < width) NAME(coded_columns)(1, z, A, n_stored, &weights, b, m, j, width);
    NAME(activate_rows)(out, z, m, 0, width, width, activation);
}

ALWAYS_INLINE void NAME(coded_add)(const int vectors, const NAME(columns) * dW, const real *A,
                                   ptrdiff_t n_stored, const real *dZ, ptrdiff_t m, ptrdiff_t j,
                                   ptrdiff_t width, ptrdiff_t fan_in, int accumulate) {
    const ptrdiff_t row = vectors == 1 ? dW->row_of_last : dW->row;
    real *gradient = NAME(at)(dW, vectors, 0, j);
    if (!accumulate) /* these columns lie together */
        memset(gradient, 0, (size_t)(fan_in * vectors * LANES) * sizeof(real));
    for (ptrdiff_t i = 0; i < m; i++, A += 2 * n_stored, dZ += width) {
        NAME(vec) delta[4];
        UNROLL for (int v = 0; v < vectors; v++) delta[v] = NAME(load)(dZ + j + v * LANES);
        for (ptrdiff_t q = 0; q < n_stored; q++) {
            real *to = gradient + (ptrdiff_t)A[n_stored + q] * row;
            UNROLL for (int v = 0; v < vectors; v++) {
                real *at = to + v / 2 * dW->panel + v % 2 * LANES;
                NAME(store)(at, NAME(load)(at) + A[q] * delta[v]);
            }
        }
    }
}

static void NAME(coded_backward_weights)(const rb_weights *dW, const void *A, const void *dZ,
                                         ptrdiff_t m, ptrdiff_t j0, ptrdiff_t j1,
                                         int accumulate) {
    const ptrdiff_t width = dW->width, n_stored = dW->stride / 2, fan_in = dW->fan_in;
    const NAME(columns) gradient = NAME(laid_out)(dW);
    ptrdiff_t j = j0;
    for (; j + 4 * LANES <= j1; j += 4 * LANES)
        NAME(coded_add)(4, &gradient, A, n_stored, dZ, m, j, width, fan_in, accumulate);
    for (; j + 2 * LANES <= j1; j += 2 * LANES)
        NAME(coded_add)(2, &gradient, A, n_stored, dZ, m, j, width, fan_in, accumulate);
    if (j < j1) NAME(coded_add)(1, &gradient, A, n_stored, dZ, m, j, width, fan_in, accumulate);
}

static void NAME(accumulate_weights)(const rb_weights *sums, void *intercepts,
                                     const rb_weights *W, const void *b, const void *scales,
                                     const rb_coding *coding, ptrdiff_t j0, ptrdiff_t j1) {
    const NAME(columns) to = NAME(laid_out)(sums), from = NAME(laid_out)(W);
    const real *factors = scales, *shifts = coding->shifts;
    for (ptrdiff_t j = j0; j < j1; j += LANES) {
        NAME(vec) sum = {0}, shifted = NAME(load)((const real *)b + j);
        for (ptrdiff_t i = 0; i < W->fan_in; i++) {
            NAME(vec) w = NAME(load)(NAME(vector_at)(&from, i, j, W->width));
            if (factors) w *= factors[i];
            if (coding->begins[i]) sum = (NAME(vec)){0};
            sum += w;
            shifted -= shifts[i] * sum;
            NAME(store)(NAME(vector_at)(&to, i, j, W->width), sum);
        }
        NAME(store)((real *)intercepts + j, shifted);
    }
}

static void NAME(accumulate_gradients)(const rb_weights *dW, const void *db,
                                       const rb_coding *coding, ptrdiff_t j0, ptrdiff_t j1) {
    const NAME(columns) gradient = NAME(laid_out)(dW);
    const real *shifts = coding->shifts;
    for (ptrdiff_t j = j0; j < j1; j += LANES) {
        const NAME(vec) delta = NAME(load)((const real *)db + j);
        NAME(vec) sum = {0};
        for (ptrdiff_t i = dW->fan_in - 1; i >= 0; i--) {
            real *at = NAME(vector_at)(&gradient, i, j, dW->width);
            sum += NAME(load)(at) - shifts[i] * delta;
            NAME(store)(at, sum);
            if (coding->begins[i]) sum = (NAME(vec)){0};
        }
    }
}
