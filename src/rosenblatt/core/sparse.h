/* The first layer's forward pass and its weights' gradient for sparse rows of X, which are read in
 * place. Dropout of inputs is applied to each stored value when it is read. */
// SPDX-License-Identifier: BSD-3-Clause

/* A stored value with dropout; the mask is the same as for a dense row. */
ALWAYS_INLINE real NAME(stored_value)(const rb_csr *X, ptrdiff_t q, const rb_dropout *dropout,
                                      uint64_t row_key) {
    const real value = ((const real *)X->values)[q];
    if (dropout->rate == 0) return value;
    return value * NAME(dropout_factor)(rb_column_bits(row_key, X->columns[q]), dropout->rate);
}

ALWAYS_INLINE uint64_t NAME(key_of_row)(const rb_dropout *dropout, ptrdiff_t i) {
    return rb_row_key(dropout->key, dropout->first_row + i);
}

static void NAME(csr_forward)(void *out, void *z, const rb_csr *X, const ptrdiff_t *order,
                              const rb_dropout *dropout, const rb_weights *W, const void *b,
                              ptrdiff_t m, int activation) {
    const ptrdiff_t width = W->width;
    real *output = out, *before = z;
    const real *weights = W->data;
    for (ptrdiff_t i = 0; i < m; i++) {
        const ptrdiff_t row = order[i];
        const uint64_t key = NAME(key_of_row)(dropout, i);
        real *sum = before + i * width;
        memcpy(sum, b, (size_t)width * sizeof(real));
        for (ptrdiff_t q = X->starts[row]; q < X->starts[row + 1]; q++)
            NAME(add_multiple)(sum, NAME(stored_value)(X, q, dropout, key),
                               weights + X->columns[q] * width, width);
        NAME(forward_of)[activation](output + i * width, sum, width);
    }
}

static void NAME(csr_backward_weights)(const rb_weights *dW, const rb_csr *X,
                                       const ptrdiff_t *order, const rb_dropout *dropout,
                                       const void *dZ, ptrdiff_t m, ptrdiff_t j0, ptrdiff_t j1,
                                       int accumulate) {
    const ptrdiff_t columns = j1 - j0, width = dW->width;
    real *gradient = (real *)dW->data + j0;
    const real *deltas = (const real *)dZ + j0;
    if (!accumulate)
        for (ptrdiff_t i = 0; i < dW->fan_in; i++)
            memset(gradient + i * width, 0, (size_t)columns * sizeof(real));
    for (ptrdiff_t i = 0; i < m; i++) {
        const uint64_t key = NAME(key_of_row)(dropout, i);
        for (ptrdiff_t q = X->starts[order[i]]; q < X->starts[order[i] + 1]; q++)
            NAME(add_multiple)(gradient + X->columns[q] * width,
                               NAME(stored_value)(X, q, dropout, key), deltas + i * width,
                               columns);
    }
}
