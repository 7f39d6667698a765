/* The matrix product, C (m, n) = start + A (m, depth) B (depth, n): the one product that
 * forward and backward pass are made of.
 * Each element of C is a chain of multiply-adds in the order of depth, whatever the tile it
 * falls into, so its bits depend neither on blocking nor on the other rows.
 *
 *   A's element (i, q) is A[i * a_row + q * a_step]: a transposed A is the same product;
 *   B's and C's rows are ldb and ldc apart, n is a whole number of vectors;
 *   start is a row (start_row = 0: the intercepts), a matrix (C itself, to add to it) or NULL.
 */
// SPDX-License-Identifier: BSD-3-Clause

typedef struct {
    real *C;
    const real *A, *B, *start;
    ptrdiff_t ldc, a_row, a_step, ldb, start_row, depth;
} NAME(product);

/* The micro-kernel: `rows` x `vectors` of C in registers. Both are constants wherever it is
 * inlined, so the loops unroll and `sum` never touches memory. */
ALWAYS_INLINE void NAME(tile)(const int rows, const int vectors, const NAME(product) * p,
                              ptrdiff_t i0, ptrdiff_t j0) {
    NAME(vec) sum[12][8];
    const real *A = p->A + i0 * p->a_row, *B = p->B + j0;
    const ptrdiff_t a_row = p->a_row, a_step = p->a_step, ldb = p->ldb;
    UNROLL for (int i = 0; i < rows; i++)
        UNROLL for (int j = 0; j < vectors; j++)
            sum[i][j] = p->start
                ? NAME(load)(p->start + (i0 + i) * p->start_row + j0 + j * LANES)
                : (NAME(vec)){0};
    for (ptrdiff_t q = p->depth; q > 0; q--) {
        NAME(vec) b[8];
        UNROLL for (int j = 0; j < vectors; j++) b[j] = NAME(load)(B + j * LANES);
        UNROLL for (int i = 0; i < rows; i++) {
            const real a = A[i * a_row];
            UNROLL for (int j = 0; j < vectors; j++) sum[i][j] += a * b[j];
        }
        A += a_step;
        B += ldb;
    }
    UNROLL for (int i = 0; i < rows; i++)
        UNROLL for (int j = 0; j < vectors; j++)
            NAME(store)(p->C + (i0 + i) * p->ldc + j0 + j * LANES, sum[i][j]);
}

/* Rows of C at once, and the vectors that go with so many rows: as many sums as hide the
 * latency of a multiply-add (8 in flight) and still fit the registers. */
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

/* Columns of B that stay in the second-level cache together: 256 KB of B. */
static ptrdiff_t NAME(column_block)(ptrdiff_t depth) {
    const ptrdiff_t step = 2 * LANES;
    const ptrdiff_t columns = (ptrdiff_t)(262144 / sizeof(real)) / (depth > 0 ? depth : 1);
    return columns < step ? step : columns / step * step;
}
