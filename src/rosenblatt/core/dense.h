/* A layer's forward pass and its two backward products; intercepts, activation and slope are
 * applied while the rows are still in cache. */
// SPDX-License-Identifier: BSD-3-Clause

/* out (count,) = activation(z); out may be z. With slopes, an activation that keeps its input
 * writes them to z, which must then not be out. */
typedef void NAME(activation_function)(real *out, real *z, ptrdiff_t count);
/* delta *= slope(kept) */
typedef void NAME(slope_function)(real *delta, const real *kept, ptrdiff_t count);

#undef ACTIVATION
#define ACTIVATION(name, keeps, init_factor, value, slope, curvature)                    \
    static void NAME(forward_##name)(real *out, real *from, ptrdiff_t count) {           \
        for (ptrdiff_t i = 0; i < count; i++) {                                          \
            const real z = from[i];                                                      \
            out[i] = value;                                                              \
        }                                                                                \
    }                                                                                    \
    static void NAME(train_##name)(real *restrict out, real *restrict from,              \
                                   ptrdiff_t count) {                                    \
        for (ptrdiff_t i = 0; i < count; i++) { /* common subexpressions are computed once */ \
            const real z = from[i], a = value;                                           \
            out[i] = a;                                                                  \
            from[i] = slope;                                                             \
            (void)z;                                                                     \
        }                                                                                \
    }                                                                                    \
    static void NAME(backward_##name)(real *delta, const real *kept, ptrdiff_t count) {  \
        for (ptrdiff_t i = 0; i < count; i++) {                                          \
            const real a = kept[i], z = a;                                               \
            (void)a, (void)z;                                                            \
            delta[i] *= slope;                                                           \
        }                                                                                \
    }
#include "activations.def"
#undef ACTIVATION

static NAME(activation_function) *const NAME(forward_of)[2 * N_ACTIVATIONS] = {
#define ACTIVATION(name, ...) NAME(forward_##name),
#include "activations.def"
#undef ACTIVATION
#define ACTIVATION(name, keeps, ...)                                                     \
    [WITH_SLOPES + ACTIVATION_##name] =                                                  \
        keeps == INPUT ? NAME(train_##name) : NAME(forward_##name),
#include "activations.def"
#undef ACTIVATION
};
/* delta *= slopes, which were computed before */
static void NAME(backward_by_slopes)(real *delta, const real *slopes, ptrdiff_t count) {
    for (ptrdiff_t i = 0; i < count; i++) delta[i] *= slopes[i];
}
static NAME(slope_function) *const NAME(backward_of)[N_ACTIVATIONS + 1] = {
#define ACTIVATION(name, ...) NAME(backward_##name),
#include "activations.def"
#undef ACTIVATION
    [SLOPES_KEPT] = NAME(backward_by_slopes),
};

static void NAME(activate)(void *a, void *slope, const void *z, ptrdiff_t count,
                           int activation) {
    real *out = a, *delta = slope;
    NAME(forward_of)[activation](out, (real *)z, count);
    for (ptrdiff_t i = 0; i < count; i++) delta[i] = ONE;
    NAME(backward_of)[activation](
        delta, rb_activation_rows[activation].keeps == OUTPUT ? out : z, count);
}

/* Columns [j0, j1) of rows that are `stride` apart; one call if they are contiguous. */
static void NAME(activate_rows)(real *out, real *z, ptrdiff_t rows, ptrdiff_t j0,
                                ptrdiff_t j1, ptrdiff_t stride, int activation) {
    if (activation % N_ACTIVATIONS == ACTIVATION_identity && out == z) return;
    if (j1 - j0 == stride) {
        NAME(forward_of)[activation](out, z, rows * stride);
        return;
    }
    for (ptrdiff_t i = 0; i < rows; i++)
        NAME(forward_of)[activation](out + i * stride + j0, z + i * stride + j0, j1 - j0);
}

static void NAME(dense_forward)(void *out, void *z, const void *A, const rb_weights *W,
                                const void *b, ptrdiff_t m, int activation) {
    const ptrdiff_t k = W->fan_in, width = W->width;
    real *output = out, *before = z;
    const NAME(product) p = {
        .A = A, .a_row = W->stride, .a_step = 1, .depth = k, .B = NAME(laid_out)(W),
        .C = NAME(row_major)(before, width), .start = NAME(row_major)(b, 0)};
    const ptrdiff_t block = NAME(column_block)(k);
    for (ptrdiff_t j0 = 0; j0 < width; j0 += block) {
        const ptrdiff_t j1 = smaller(j0 + block, width);
        for (ptrdiff_t i = 0; i < m; i += TILE_ROWS) {
            const ptrdiff_t rows = smaller(TILE_ROWS, m - i);
            NAME(some_rows)(rows, &p, i, j0, j1);
            NAME(activate_rows)(output + i * width, before + i * width, rows, j0, j1, width,
                                activation);
        }
    }
}

/* out (count,) += factor * x (count,), whole vectors */
ALWAYS_INLINE void NAME(add_multiple)(real *restrict out, real factor,
                                      const real *restrict x, ptrdiff_t count) {
    for (ptrdiff_t j = 0; j < count; j++) out[j] += factor * x[j];
}

/* Panels of the columns [j0, j1) of W; j0 is the start of a panel. */
static void NAME(pack)(void *packed, const void *W, ptrdiff_t k, ptrdiff_t width,
                       ptrdiff_t j0, ptrdiff_t j1) {
    const NAME(columns) to = NAME(in_panels)(packed, k);
    for (ptrdiff_t j = j0; j < j1; j += PANEL) {
        const real *from = (const real *)W + j;
        const int vectors = j1 - j > LANES ? 2 : 1;
        real *panel = NAME(at)(&to, vectors, 0, j);
        for (ptrdiff_t i = 0; i < k; i++, from += width, panel += vectors * LANES) {
            NAME(store)(panel, NAME(load)(from));
            if (vectors == 2) NAME(store)(panel + LANES, NAME(load)(from + LANES));
        }
    }
}

/* The number of vectors of the panel of column j, with `width` columns in total. */
ALWAYS_INLINE int NAME(vectors_at)(ptrdiff_t j, ptrdiff_t width) {
    return width - j / PANEL * PANEL == LANES ? 1 : 2;
}

/* The position of the vector at row q and column j. */
ALWAYS_INLINE real *NAME(vector_at)(const NAME(columns) * matrix, ptrdiff_t q, ptrdiff_t j,
                                    ptrdiff_t width) {
    return NAME(at)(matrix, NAME(vectors_at)(j, width), q, j) + j % PANEL;
}

/* The transpose in panels; rows [j0, j1) of it. */
static void NAME(transpose)(void *transposed, const rb_weights *W, ptrdiff_t j0, ptrdiff_t j1) {
    const ptrdiff_t k = W->fan_in, width = W->width, k_width = W->stride;
    const NAME(columns) from = NAME(laid_out)(W);
    const NAME(columns) to = NAME(in_panels)(transposed, W->fan_out);
    for (ptrdiff_t i = 0; i < k_width; i += LANES) {
        const ptrdiff_t row = NAME(vectors_at)(i, k_width) == 1 ? to.row_of_last : to.row;
        for (ptrdiff_t j = j0; j < j1; j += LANES) {
            NAME(vec) block[LANES];
            UNROLL for (int r = 0; r < LANES; r++)
                block[r] = i + r < k ? NAME(load)(NAME(vector_at)(&from, i + r, j, width))
                                     : (NAME(vec)){0};
            NAME(transpose_lanes)(block);
            real *panel = NAME(vector_at)(&to, j, i, k_width);
            for (ptrdiff_t c = 0; c < smaller(LANES, j1 - j); c++)
                NAME(store)(panel + c * row, block[c]);
        }
    }
}

/* For a few rows, for which transposing W would cost more: products with the rows of W in place.
 * LANES rows of W at a time, so that their sums across lanes form one vector. */
static void NAME(backward_input_by_rows)(real *dA, const real *dZ, const NAME(columns) * W,
                                         ptrdiff_t m, ptrdiff_t k, ptrdiff_t width,
                                         ptrdiff_t k_width) {
    for (ptrdiff_t i = 0; i < m; i++)
        for (ptrdiff_t q = 0; q < k_width; q += LANES) {
            NAME(vec) sum[LANES] = {{0}};
            for (ptrdiff_t j = 0; j < width; j += LANES) {
                const NAME(vec) delta = NAME(load)(dZ + i * width + j);
                UNROLL for (int r = 0; r < LANES; r++)
                    if (q + r < k)
                        sum[r] += delta * NAME(load)(NAME(vector_at)(W, q + r, j, width));
            }
            NAME(store)(dA + i * k_width + q, NAME(sum_lanes)(sum));
        }
}

static void NAME(dense_backward_input)(void *dA, const void *dZ, const rb_weights *W,
                                       const void *WT, const void *kept, ptrdiff_t m,
                                       int activation) {
    const ptrdiff_t k = W->fan_in, n = W->fan_out, width = W->width, k_width = W->stride;
    const int layout = W->layout;
    real *out = dA;
    const real *input = kept;
    NAME(slope_function) *const times_slope = NAME(backward_of)[activation];
    if (!WT && layout != TRANSPOSED) {
        const NAME(columns) weights = NAME(laid_out)(W);
        NAME(backward_input_by_rows)(out, dZ, &weights, m, k, width, k_width);
        times_slope(out, input, m * k_width);
        return;
    }
    const NAME(product) p = {
        .A = dZ, .a_row = width, .a_step = 1, .depth = n,
        .B = layout == TRANSPOSED ? NAME(row_major)(W->data, k_width) : NAME(in_panels)(WT, n),
        .C = NAME(row_major)(out, k_width)};
    const ptrdiff_t block = NAME(column_block)(n);
    for (ptrdiff_t j0 = 0; j0 < k_width; j0 += block) {
        const ptrdiff_t j1 = smaller(j0 + block, k_width);
        for (ptrdiff_t i = 0; i < m; i += TILE_ROWS) {
            const ptrdiff_t rows = smaller(TILE_ROWS, m - i);
            NAME(some_rows)(rows, &p, i, j0, j1);
            if (j1 - j0 == k_width)
                times_slope(out + i * k_width, input + i * k_width, rows * k_width);
            else
                for (ptrdiff_t r = i; r < i + rows; r++)
                    times_slope(out + r * k_width + j0, input + r * k_width + j0, j1 - j0);
        }
    }
}

/* The sums of `vectors` vectors of columns, held in registers. */
ALWAYS_INLINE void NAME(sum_columns)(const int vectors, real *sums, const real *deltas,
                                     ptrdiff_t m, ptrdiff_t width, int accumulate) {
    NAME(vec) sum[4];
    UNROLL for (int j = 0; j < vectors; j++)
        sum[j] = accumulate ? NAME(load)(sums + j * LANES) : (NAME(vec)){0};
    for (ptrdiff_t i = 0; i < m; i++, deltas += width)
        UNROLL for (int j = 0; j < vectors; j++) sum[j] += NAME(load)(deltas + j * LANES);
    UNROLL for (int j = 0; j < vectors; j++) NAME(store)(sums + j * LANES, sum[j]);
}

static void NAME(column_sums)(void *db, const void *dZ, ptrdiff_t m, ptrdiff_t width,
                              int accumulate) {
    real *sums = db;
    const real *deltas = dZ;
    ptrdiff_t j = 0;
    for (; j + 4 * LANES <= width; j += 4 * LANES)
        NAME(sum_columns)(4, sums + j, deltas + j, m, width, accumulate);
    for (; j < width; j += LANES)
        NAME(sum_columns)(1, sums + j, deltas + j, m, width, accumulate);
}

/* Copies the panel of A that a row block of the product reads. In place, its elements are a_stride
 * apart and would be fetched again for every tile. Whole vectors are copied, each of which
 * overwrites the excess of the one before; panel and A must extend by one vector. */
ALWAYS_INLINE void NAME(pack_columns)(real *panel, const real *A, ptrdiff_t depth,
                                      ptrdiff_t a_stride, const ptrdiff_t rows) {
    for (ptrdiff_t q = 0; q < depth; q++, panel += rows, A += a_stride)
        UNROLL for (ptrdiff_t i = 0; i < rows; i += LANES)
            NAME(store)(panel + i, NAME(load)(A + i));
}

static void NAME(dense_backward_weights)(const rb_weights *dW, const void *A, const void *dZ,
                                         const void *packed, ptrdiff_t m, ptrdiff_t i0,
                                         ptrdiff_t i1, int accumulate) {
    enum { DEPTH = 256 }; /* rows of the batch at a time, whose panel has at most 24 KB */
    const ptrdiff_t width = dW->width, a_stride = dW->stride;
    real panel[DEPTH * TILE_ROWS + 2 * LANES];
    const int pack = width > 2 * LANES; /* a single tile reads the panel only once */
    const NAME(columns) gradient = NAME(laid_out)(dW);
    for (ptrdiff_t q0 = 0; q0 < m; q0 += DEPTH) {
        const ptrdiff_t depth = smaller(DEPTH, m - q0);
        for (ptrdiff_t i = i0; i < i1; i += TILE_ROWS) {
            const ptrdiff_t rows = smaller(TILE_ROWS, i1 - i);
            const real *inputs = (const real *)A + q0 * a_stride + i;
            if (pack && rows == TILE_ROWS)
                NAME(pack_columns)(panel, inputs, depth, a_stride, TILE_ROWS);
            else if (pack)
                NAME(pack_columns)(panel, inputs, depth, a_stride, rows);
            const NAME(product) p = {
                .A = pack ? panel : inputs, .a_row = 1, .a_step = pack ? rows : a_stride,
                .depth = depth, .first = q0, .c_first = i,
                .B = packed ? NAME(in_panels)(packed, m) : NAME(row_major)(dZ, width),
                .C = gradient,
                .start = accumulate || q0 > 0 ? gradient : NAME(row_major)(NULL, 0)};
            NAME(some_rows)(rows, &p, 0, 0, width);
        }
    }
}
