/* A layer's forward pass and its two backward products, dense and for sparse rows of X,
 * with intercepts, activation and slope applied to rows that are still in cache. */
// SPDX-License-Identifier: BSD-3-Clause

/* out = activation(z) for `rows` rows of `width` columns, `stride` apart */
typedef void NAME(activation_function)(real *out, const real *z, ptrdiff_t count);
/* delta *= slope(kept) */
typedef void NAME(slope_function)(real *delta, const real *kept, ptrdiff_t count);

#undef ACTIVATION
#define ACTIVATION(name, keeps, init_factor, value, slope)                               \
    static void NAME(forward_##name)(real *out, const real *from, ptrdiff_t count) {     \
        for (ptrdiff_t i = 0; i < count; i++) {                                          \
            const real z = from[i];                                                      \
            out[i] = value;                                                              \
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

static NAME(activation_function) *const NAME(forward_of)[N_ACTIVATIONS] = {
#define ACTIVATION(name, ...) NAME(forward_##name),
#include "activations.def"
#undef ACTIVATION
};
static NAME(slope_function) *const NAME(backward_of)[N_ACTIVATIONS] = {
#define ACTIVATION(name, ...) NAME(backward_##name),
#include "activations.def"
#undef ACTIVATION
};

static void NAME(activate)(void *a, void *slope, const void *z, ptrdiff_t count,
                           int activation) {
    real *out = a, *delta = slope;
    NAME(forward_of)[activation](out, z, count);
    for (ptrdiff_t i = 0; i < count; i++) delta[i] = ONE;
    NAME(backward_of)[activation](
        delta, rb_activation_rows[activation].keeps == OUTPUT ? out : z, count);
}

/* Columns [j0, j1) of rows that are `stride` apart: one call where they are contiguous. */
static void NAME(activate_rows)(real *out, const real *z, ptrdiff_t rows, ptrdiff_t j0,
                                ptrdiff_t j1, ptrdiff_t stride, int activation) {
    if (activation == ACTIVATION_identity && out == z) return;
    if (j1 - j0 == stride) {
        NAME(forward_of)[activation](out, z, rows * stride);
        return;
    }
    for (ptrdiff_t i = 0; i < rows; i++)
        NAME(forward_of)[activation](out + i * stride + j0, z + i * stride + j0, j1 - j0);
}

static void NAME(dense_forward)(void *out, void *z, const void *A, const void *W,
                                const void *packed, const void *b, ptrdiff_t m, ptrdiff_t k,
                                ptrdiff_t width, ptrdiff_t a_stride, int activation) {
    real *output = out, *before = z;
    const NAME(product) p = {
        .A = A, .a_row = a_stride, .a_step = 1, .depth = k,
        .B = packed ? NAME(in_panels)(packed, k) : NAME(row_major)(W, width),
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

static void NAME(csr_forward)(void *out, void *z, const rb_csr *X, const ptrdiff_t *order,
                              const void *W, const void *b, ptrdiff_t m, ptrdiff_t width,
                              int activation) {
    real *output = out, *before = z;
    const real *weights = W, *values = X->values;
    for (ptrdiff_t i = 0; i < m; i++) {
        const ptrdiff_t row = order[i];
        real *sum = before + i * width;
        memcpy(sum, b, (size_t)width * sizeof(real));
        for (ptrdiff_t q = X->starts[row]; q < X->starts[row + 1]; q++)
            NAME(add_multiple)(sum, values[q], weights + X->columns[q] * width, width);
        NAME(forward_of)[activation](output + i * width, sum, width);
    }
}

/* Panels of the columns [j0, j1) of W; j0 is where a panel begins. */
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

/* The transpose in panels; n rows of it, from row j0 of n_all on. */
static void NAME(transpose)(void *transposed, const void *W, ptrdiff_t k, ptrdiff_t n_all,
                            ptrdiff_t width, ptrdiff_t k_width, ptrdiff_t j0, ptrdiff_t j1) {
    enum { BLOCK = 16 }; /* a block of reads and writes stays in the first-level cache */
    const NAME(columns) to = NAME(in_panels)(transposed, n_all);
    const real *from = W;
    for (ptrdiff_t i0 = 0; i0 < k_width; i0 += LANES) {
        const int alone = k_width - i0 / PANEL * PANEL == LANES; /* a panel of one vector */
        const ptrdiff_t row = alone ? to.row_of_last : to.row;
        real *panel = to.data + i0 / PANEL * to.panel + i0 % PANEL;
        const ptrdiff_t here = smaller(LANES, k - i0);
        for (ptrdiff_t jb = j0; jb < j1; jb += BLOCK)
            for (ptrdiff_t j = jb; j < smaller(jb + BLOCK, j1); j++) {
                for (ptrdiff_t i = 0; i < here; i++)
                    panel[j * row + i] = from[(i0 + i) * width + j];
                for (ptrdiff_t i = here > 0 ? here : 0; i < LANES; i++) panel[j * row + i] = ZERO;
            }
    }
}

/* sum over j of x[j] * y[j]; whole vectors, lanes added from the first to the last */
ALWAYS_INLINE real NAME(dot)(const real *x, const real *y, ptrdiff_t count) {
    NAME(vec) sums = {0};
    for (ptrdiff_t j = 0; j < count; j += LANES)
        sums += NAME(load)(x + j) * NAME(load)(y + j);
    real sum = ZERO;
    for (ptrdiff_t lane = 0; lane < LANES; lane++) sum += sums[lane];
    return sum;
}

/* A few rows: products with the rows of W as they lie, where transposing W would cost more. */
static void NAME(backward_input_by_rows)(real *dA, const real *dZ, const real *W, ptrdiff_t m,
                                         ptrdiff_t k, ptrdiff_t n, ptrdiff_t width,
                                         ptrdiff_t k_width) {
    for (ptrdiff_t i = 0; i < m; i++) {
        const real *delta = dZ + i * width;
        real *out = dA + i * k_width;
        for (ptrdiff_t q = 0; q < k; q++) {
            const real *row = W + q * width;
            real sum = ZERO;
            if (n < LANES)
                for (ptrdiff_t j = 0; j < n; j++) sum += delta[j] * row[j];
            else
                sum = NAME(dot)(delta, row, width);
            out[q] = sum;
        }
        for (ptrdiff_t q = k; q < k_width; q++) out[q] = ZERO;
    }
}

static void NAME(dense_backward_input)(void *dA, const void *dZ, const void *W, const void *WT,
                                       const void *kept, ptrdiff_t m, ptrdiff_t k, ptrdiff_t n,
                                       ptrdiff_t width, ptrdiff_t k_width, int activation) {
    real *out = dA;
    const real *input = kept;
    NAME(slope_function) *const times_slope = NAME(backward_of)[activation];
    if (!WT) {
        NAME(backward_input_by_rows)(out, dZ, W, m, k, n, width, k_width);
        times_slope(out, input, m * k_width);
        return;
    }
    const NAME(product) p = {
        .A = dZ, .a_row = width, .a_step = 1, .depth = n,
        .B = NAME(in_panels)(WT, n), .C = NAME(row_major)(out, k_width)};
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

static void NAME(column_sums)(void *db, const void *dZ, ptrdiff_t m, ptrdiff_t width,
                              int accumulate) {
    real *restrict sums = db;
    const real *restrict deltas = dZ;
    if (!accumulate) memset(sums, 0, (size_t)width * sizeof(real));
    for (ptrdiff_t i = 0; i < m; i++)
        for (ptrdiff_t j = 0; j < width; j++) sums[j] += deltas[i * width + j];
}

/* The panel of A that a row block of the product reads, brought together: in place its
 * elements lie a_stride apart and would be fetched anew for every tile. */
ALWAYS_INLINE void NAME(pack_columns)(real *restrict panel, const real *restrict A,
                                      ptrdiff_t depth, ptrdiff_t a_stride,
                                      const ptrdiff_t rows) {
    for (ptrdiff_t q = 0; q < depth; q++)
        for (ptrdiff_t i = 0; i < rows; i++) panel[q * rows + i] = A[q * a_stride + i];
}

static void NAME(dense_backward_weights)(void *dW, const void *A, const void *dZ,
                                         const void *packed, ptrdiff_t m, ptrdiff_t k,
                                         ptrdiff_t width, ptrdiff_t a_stride, int accumulate) {
    enum { DEPTH = 256 }; /* rows of the batch at once: their panel is 24 KB at most */
    real panel[DEPTH * TILE_ROWS];
    const int pack = width > 2 * LANES; /* one tile alone reads the panel once */
    for (ptrdiff_t q0 = 0; q0 < m; q0 += DEPTH) {
        const ptrdiff_t depth = smaller(DEPTH, m - q0);
        const int add = accumulate || q0 > 0;
        for (ptrdiff_t i = 0; i < k; i += TILE_ROWS) {
            const ptrdiff_t rows = smaller(TILE_ROWS, k - i);
            const real *inputs = (const real *)A + q0 * a_stride + i;
            real *gradient = (real *)dW + i * width;
            if (pack && rows == TILE_ROWS)
                NAME(pack_columns)(panel, inputs, depth, a_stride, TILE_ROWS);
            else if (pack)
                NAME(pack_columns)(panel, inputs, depth, a_stride, rows);
            const NAME(product) p = {
                .A = pack ? panel : inputs, .a_row = 1, .a_step = pack ? rows : a_stride,
                .depth = depth, .first = q0,
                .B = packed ? NAME(in_panels)(packed, m) : NAME(row_major)(dZ, width),
                .C = NAME(row_major)(gradient, width),
                .start = NAME(row_major)(add ? gradient : NULL, width)};
            NAME(some_rows)(rows, &p, 0, 0, width);
        }
    }
}

static void NAME(csr_backward_weights)(void *dW, const rb_csr *X, const ptrdiff_t *order,
                                       const void *dZ, ptrdiff_t m, ptrdiff_t k,
                                       ptrdiff_t columns, ptrdiff_t width, int accumulate) {
    real *gradient = dW;
    const real *deltas = dZ, *values = X->values;
    if (!accumulate)
        for (ptrdiff_t i = 0; i < k; i++)
            memset(gradient + i * width, 0, (size_t)columns * sizeof(real));
    for (ptrdiff_t i = 0; i < m; i++)
        for (ptrdiff_t q = X->starts[order[i]]; q < X->starts[order[i] + 1]; q++)
            NAME(add_multiple)(gradient + X->columns[q] * width, values[q],
                               deltas + i * width, columns);
}
