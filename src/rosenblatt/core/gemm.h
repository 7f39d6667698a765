/* The matrix product C (m, n) = start + A (m, depth) B (depth, n), which both the forward and the
 * backward pass use.
 * Each element of C is a chain of multiply-adds in the order of depth, independent of its tile, so
 * its bits depend neither on blocking nor on the other rows.
 *
 *   A's element (i, q) is A[i * a_row + q * a_step]: a transposed A is the same product;
 *   B, C and start are NAME(columns), row-major or in panels; their columns are whole vectors;
 *   start is the intercepts (row distance 0), C itself (to accumulate), or has no data (zero).
 */
// SPDX-License-Identifier: BSD-3-Clause

/* Columns in panels of PANEL, the width of a tile with many rows. The rows of a panel are
 * contiguous, so that it is read sequentially. In row-major layout, rows that are a power of two
 * apart would map to a few sets of the cache. The last panel has one vector if the number of
 * vectors is odd. */
#undef PANEL
#define PANEL (2 * LANES)

typedef struct {
    real *data;          /* element (q, j): data[j / PANEL * panel + q * row + j % PANEL] */
    ptrdiff_t panel;
    ptrdiff_t row, row_of_last; /* of the last panel, where it has one vector */
} NAME(columns);

ALWAYS_INLINE NAME(columns) NAME(row_major)(const void *data, ptrdiff_t stride) {
    return (NAME(columns)){(real *)data, PANEL, stride, stride};
}
ALWAYS_INLINE NAME(columns) NAME(in_panels)(const void *data, ptrdiff_t rows) {
    return (NAME(columns)){(real *)data, rows * PANEL, PANEL, LANES};
}

/* A layer's weights, fan_in rows of `width` columns, in ROWS or PANELS. */
ALWAYS_INLINE NAME(columns) NAME(laid_out)(const rb_weights *W) {
    return W->layout == PANELS ? NAME(in_panels)(W->data, W->fan_in)
                               : NAME(row_major)(W->data, W->width);
}

/* The position of a tile's vectors; `vectors` is even, or 1 at the end if their number is odd. */
ALWAYS_INLINE real *NAME(at)(const NAME(columns) * matrix, const int vectors, ptrdiff_t q,
                             ptrdiff_t j) {
    const ptrdiff_t row = vectors == 1 ? matrix->row_of_last : matrix->row;
    return matrix->data + j / PANEL * matrix->panel + q * row;
}

typedef struct {
    const real *A;
    ptrdiff_t a_row, a_step, depth;
    ptrdiff_t first;   /* first row of B */
    ptrdiff_t c_first; /* first row of C and start */
    NAME(columns) B, C, start;
} NAME(product);

/* The micro-kernel: `rows` x `vectors` of C in registers. Both are constants where it is inlined,
 * so the loops are unrolled and `sum` stays in registers. */
ALWAYS_INLINE void NAME(tile)(const int rows, const int vectors, const NAME(product) * p,
                              ptrdiff_t i0, ptrdiff_t j0) {
    NAME(vec) sum[12][8];
    const ptrdiff_t b_row = vectors == 1 ? p->B.row_of_last : p->B.row, b_panel = p->B.panel;
    const ptrdiff_t a_row = p->a_row, a_step = p->a_step;
    const real *B = NAME(at)(&p->B, vectors, p->first, j0);
    /* Four rows per pointer: an address is a pointer plus a multiple of one stride, and twelve
     * pointers would not fit into registers. */
    const real *A[3];
    UNROLL for (int g = 0; g < 3; g++) {
        A[g] = p->A + (i0 + (4 * g < rows ? 4 * g : 0)) * a_row;
        HIDE(A[g]);
    }
    UNROLL for (int i = 0; i < rows; i++) {
        const real *start = NAME(at)(&p->start, vectors, p->c_first + i0 + i, j0);
        UNROLL for (int j = 0; j < vectors; j++)
            sum[i][j] = p->start.data
                ? NAME(load)(start + j / 2 * p->start.panel + j % 2 * LANES)
                : (NAME(vec)){0};
    }
    for (ptrdiff_t q = p->depth; q > 0; q--) {
        NAME(vec) b[8];
        UNROLL for (int j = 0; j < vectors; j++)
            b[j] = NAME(load)(B + j / 2 * b_panel + j % 2 * LANES);
        UNROLL for (int i = 0; i < rows; i++) {
            const real a = A[i / 4][i % 4 * a_row];
            UNROLL for (int j = 0; j < vectors; j++) sum[i][j] += a * b[j];
        }
        UNROLL for (int g = 0; g < 3; g++) A[g] += a_step;
        B += b_row;
    }
    UNROLL for (int i = 0; i < rows; i++) {
        real *C = NAME(at)(&p->C, vectors, p->c_first + i0 + i, j0);
        UNROLL for (int j = 0; j < vectors; j++)
            NAME(store)(C + j / 2 * p->C.panel + j % 2 * LANES, sum[i][j]);
    }
}

/* Rows and vectors of a tile of C: enough sums to hide the latency of a multiply-add (8 in flight),
 * but no more than fit the registers. */
#undef TILE_ROWS
#undef VECTORS_FOR
#if N_REGISTERS == 32
#define TILE_ROWS 12
#define VECTORS_FOR(rows) ((rows) <= 3 ? 8 : (rows) <= 6 ? 4 : 2)
#else
#define TILE_ROWS 6
#define VECTORS_FOR(rows) ((rows) == 1 ? 8 : (rows) <= 3 ? 4 : 2)
#endif

/* Columns [j0, j1) of `rows` rows from i0 on. */
ALWAYS_INLINE void NAME(row_block)(const int rows, const NAME(product) * p, ptrdiff_t i0,
                                   ptrdiff_t j0, ptrdiff_t j1) {
    const int most = VECTORS_FOR(rows);
    ptrdiff_t j = j0;
    for (; j + most * LANES <= j1; j += most * LANES) NAME(tile)(rows, most, p, i0, j);
    if (most > 4 && j + 4 * LANES <= j1) { NAME(tile)(rows, 4, p, i0, j); j += 4 * LANES; }
    if (most > 2 && j + 2 * LANES <= j1) { NAME(tile)(rows, 2, p, i0, j); j += 2 * LANES; }
    if (j < j1) NAME(tile)(rows, 1, p, i0, j);
}

#undef ROWS_CASE
#define ROWS_CASE(rows)                                                                  \
    case rows:                                                                           \
        if (rows <= TILE_ROWS) NAME(row_block)(rows, p, i0, j0, j1);                     \
        break;

static void NAME(some_rows)(ptrdiff_t rows, const NAME(product) * p, ptrdiff_t i0,
                            ptrdiff_t j0, ptrdiff_t j1) {
    switch (rows) {
        ROWS_CASE(1) ROWS_CASE(2) ROWS_CASE(3) ROWS_CASE(4) ROWS_CASE(5) ROWS_CASE(6)
        ROWS_CASE(7) ROWS_CASE(8) ROWS_CASE(9) ROWS_CASE(10) ROWS_CASE(11) ROWS_CASE(12)
    }
}

/* Number of columns of B that fit the second-level cache together: 256 KB of B. */
static ptrdiff_t NAME(column_block)(ptrdiff_t depth) {
    const ptrdiff_t columns = (ptrdiff_t)(262144 / sizeof(real)) / (depth > 0 ? depth : 1);
    return columns < PANEL ? PANEL : columns / PANEL * PANEL;
}

/* Multiply-adds on registers only, to measure the peak performance of the processor.
 * Returns the number of operations, two per multiply-add. */
static double NAME(multiply_adds)(ptrdiff_t repeats, void *result) {
    enum { IN_FLIGHT = 12 }; /* at least latency times throughput: 8 or 10 */
    NAME(vec) sum[IN_FLIGHT];
    const NAME(vec) factor = NAME(load)(result), term = factor;
    UNROLL for (int i = 0; i < IN_FLIGHT; i++) sum[i] = factor * (real)i;
    for (ptrdiff_t n = 0; n < repeats; n++)
        UNROLL for (int i = 0; i < IN_FLIGHT; i++) sum[i] = sum[i] * factor + term;
    UNROLL for (int i = 1; i < IN_FLIGHT; i++) sum[0] += sum[i];
    NAME(store)(result, sum[0]);
    return 2.0 * IN_FLIGHT * LANES * (double)repeats;
}
