/* Rosenblatt's rule: rows one after another, all classes of a row together.
 * With one column (two classes) the products are vectorised over features. With more columns, the
 * weights of a feature for all classes are contiguous and the products are vectorised over classes,
 * so that a row, dense or sparse, is read once for all of them. The order of a column's sums does
 * not depend on the other columns: dropping a class changes no bit. */
// SPDX-License-Identifier: BSD-3-Clause

/* One row of X; `columns` is NULL for a dense row. */
typedef struct { const real *x; const int32_t *columns; ptrdiff_t count; } NAME(row);

ALWAYS_INLINE NAME(row) NAME(row_of)(const rb_rows *X, ptrdiff_t i) {
    const real *values = X->values;
    if (!X->columns) return (NAME(row)){values + i * X->stride, NULL, X->n_features};
    const ptrdiff_t start = X->starts[i];
    return (NAME(row)){values + start, X->columns + start, X->starts[i + 1] - start};
}

/* Prefetches the first cache lines of a later row, because the hardware cannot predict the address
 * of shuffled rows. For a sparse row and one column there is so little work that all these
 * prefetches at once would delay each other; the score then prefetches the lines one at a time. The
 * start of a row is prefetched even earlier. */
enum { NAME(ROWS_AHEAD) = 4, NAME(ROWS_AHEAD_SPARSE) = 2, NAME(STARTS_AHEAD) = 12 };
ALWAYS_INLINE void NAME(fetch_row)(const rb_rows *X, ptrdiff_t i) {
    const NAME(row) row = NAME(row_of)(X, i);
    const ptrdiff_t count = smaller(row.count, 256), line = 64 / (ptrdiff_t)sizeof(real);
    for (ptrdiff_t q = 0; q < count; q += line) __builtin_prefetch(row.x + q);
    if (row.columns)
        for (ptrdiff_t q = 0; q < count; q += 16) __builtin_prefetch(row.columns + q);
}

/* -- scores --------------------------------------------------------------------------- */

/* x . w for one column; four partial sums hide the latency of an addition. */
ALWAYS_INLINE real NAME(dense_score)(const real *x, const real *w, ptrdiff_t n) {
    NAME(vec) sum[4] = {{0}};
    ptrdiff_t j = 0;
    for (; j + 4 * LANES <= n; j += 4 * LANES)
        UNROLL for (int c = 0; c < 4; c++)
            sum[c] += NAME(load)(x + j + c * LANES) * NAME(load)(w + j + c * LANES);
    for (; j + LANES <= n; j += LANES) sum[0] += NAME(load)(x + j) * NAME(load)(w + j);
    real rest = ZERO;
    for (; j < n; j++) rest += x[j] * w[j];
    const NAME(vec) all = (sum[0] + sum[1]) + (sum[2] + sum[3]);
    for (ptrdiff_t lane = 0; lane < LANES; lane++) rest += all[lane];
    return rest;
}

/* The same for a sparse row; `ahead` is the later row to prefetch. */
ALWAYS_INLINE real NAME(sparse_score)(NAME(row) row, NAME(row) ahead, const real *w) {
    real sum[4] = {0};
    ptrdiff_t q = 0;
    for (; q + 8 <= row.count; q += 8) {
        const ptrdiff_t there = smaller(q, ahead.count);
        __builtin_prefetch(ahead.x + there);
        __builtin_prefetch(ahead.columns + there);
        UNROLL for (int c = 0; c < 8; c++) sum[c % 4] += row.x[q + c] * w[row.columns[q + c]];
    }
    for (; q + 4 <= row.count; q += 4)
        UNROLL for (int c = 0; c < 4; c++) sum[c] += row.x[q + c] * w[row.columns[q + c]];
    for (; q < row.count; q++) sum[0] += row.x[q] * w[row.columns[q]];
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/* `vectors` vectors of classes, again in four sums. W (n_features, width) */
ALWAYS_INLINE void NAME(class_scores)(const int vectors, const int sparse, real *z,
                                      NAME(row) row, const real *W, const real *b, real scale,
                                      ptrdiff_t width) {
    NAME(vec) sum[4][4];
    UNROLL for (int c = 0; c < 4; c++)
        UNROLL for (int v = 0; v < vectors; v++) sum[c][v] = (NAME(vec)){0};
    ptrdiff_t q = 0;
    for (; q + 4 <= row.count; q += 4)
        UNROLL for (int c = 0; c < 4; c++) {
            const real x = row.x[q + c];
            const real *w = W + (sparse ? row.columns[q + c] : q + c) * width;
            UNROLL for (int v = 0; v < vectors; v++) sum[c][v] += x * NAME(load)(w + v * LANES);
        }
    for (; q < row.count; q++) {
        const real *w = W + (sparse ? row.columns[q] : q) * width;
        UNROLL for (int v = 0; v < vectors; v++)
            sum[0][v] += row.x[q] * NAME(load)(w + v * LANES);
    }
    UNROLL for (int v = 0; v < vectors; v++)
        NAME(store)(z + v * LANES,
                    ((sum[0][v] + sum[1][v]) + (sum[2][v] + sum[3][v])) * scale
                        + NAME(load)(b + v * LANES));
}

#undef MOST_VECTORS
#define MOST_VECTORS (N_REGISTERS == 32 ? 4 : 2)

/* p->scores (width,) = x W * scale + b */
ALWAYS_INLINE void NAME(row_scores)(const int single, const int sparse, rb_perceptron *p,
                                    NAME(row) row, NAME(row) ahead, real scale) {
    const real *W = p->weights, *b = p->intercepts;
    const ptrdiff_t width = p->width;
    real *z = p->scores;
    if (single) {
        z[0] = sparse ? NAME(sparse_score)(row, ahead, W) : NAME(dense_score)(row.x, W, row.count);
        z[0] = z[0] * scale + b[0];
        return;
    }
    ptrdiff_t k = 0;
    for (; k + MOST_VECTORS * LANES <= width; k += MOST_VECTORS * LANES)
        NAME(class_scores)(MOST_VECTORS, sparse, z + k, row, W + k, b + k, scale, width);
    if (MOST_VECTORS > 2 && k + 2 * LANES <= width) {
        NAME(class_scores)(2, sparse, z + k, row, W + k, b + k, scale, width);
        k += 2 * LANES;
    }
    if (k < width) NAME(class_scores)(1, sparse, z + k, row, W + k, b + k, scale, width);
}

/* -- the rule ------------------------------------------------------------------------- */

typedef BITS NAME(bits) __attribute__((vector_size(VECTOR_BYTES)));

/* Whether the row is misclassified for any class; a row on the boundary counts as misclassified.
 * one_hot (width,) is 1 at the row's class. */
ALWAYS_INLINE int NAME(any_wrong)(const real *z, const real *one_hot, ptrdiff_t width) {
    NAME(bits) wrong = {0};
    for (ptrdiff_t k = 0; k < width; k += LANES) {
        const NAME(vec) target = NAME(load)(one_hot + k) * 2 - ONE;
        wrong |= (NAME(bits))(NAME(load)(z + k) * target <= ZERO);
    }
    BITS any = 0;
    for (ptrdiff_t lane = 0; lane < LANES; lane++) any |= wrong[lane];
    return any != 0;
}

/* steps (width,) from the scores: zero if the sign is correct, otherwise the signed length of the
 * step. Adds to the losses of the classes. Returns whether any step is nonzero. */
ALWAYS_INLINE int NAME(choose_steps)(rb_perceptron *p, ptrdiff_t width, ptrdiff_t own,
                                     real weight) {
    /* shifted so that its only 1 is at `own`, or outside */
    const real *one_hot = (const real *)p->one_hot + (width - own);
    const real *restrict z = p->scores,
               *restrict own_step = p->own_step, *restrict other_step = p->other_step;
    real *restrict steps = p->steps;
    if (width > 1 && !NAME(any_wrong)(z, one_hot, width)) return 0;
    int any = 0;
    for (ptrdiff_t k = 0; k < width; k++) {
        const int mine = one_hot[k] > ZERO;
        const real margin = mine ? z[k] : -z[k];
        const int wrong = margin <= ZERO;
        steps[k] = wrong ? (mine ? own_step[k] : -other_step[k]) * weight : ZERO;
        p->loss[k] += wrong ? (double)-margin : 0;
        any |= steps[k] != ZERO;
    }
    return any;
}

/* The penalty that the stopping rule adds to a row's loss, from the norms of the weights after
 * their last step and the scale since then. */
ALWAYS_INLINE void NAME(add_penalty)(rb_perceptron *p, ptrdiff_t width) {
    const double l2 = p->alpha * (1 - p->l1_ratio) * 0.5 * p->scale * p->scale;
    const double l1 = p->alpha * p->l1_ratio * p->scale;
    double *restrict penalty = p->penalty;
    const double *restrict squares = p->squares, *restrict absolutes = p->absolutes;
    for (ptrdiff_t k = 0; k < width; k++) penalty[k] += l2 * squares[k] + l1 * absolutes[k];
}

/* w += step * x for one column. With `norms`, *square and *absolute become its norms. */
ALWAYS_INLINE void NAME(add_to_column)(const int sparse, const int norms, rb_perceptron *p,
                                       NAME(row) row, real step, real sum_step) {
    real *w = p->weights, *sums = p->weight_sums;
    BITS probe = 0; /* zero times a finite number has at most the sign bit set; NaN has others */
    double square = sparse ? p->true_squares[0] : 0;
    double absolute = sparse ? p->true_absolutes[0] : 0;
    for (ptrdiff_t q = 0; q < row.count; q++) {
        const ptrdiff_t j = sparse ? row.columns[q] : q;
        const real before = w[j], after = before + step * row.x[q];
        w[j] = after;
        probe |= NAME(to_bits)(after * ZERO);
        if (norms) {
            square += (double)after * after - (sparse ? (double)before * before : 0);
            absolute += (double)NAME(abs)(after) - (sparse ? (double)NAME(abs)(before) : 0);
        }
    }
    if (sums)
        for (ptrdiff_t q = 0; q < row.count; q++)
            sums[sparse ? row.columns[q] : q] += sum_step * row.x[q];
    if (norms) {
        p->squares[0] = p->true_squares[0] = square;
        p->absolutes[0] = p->true_absolutes[0] = absolute;
    }
    p->overflow |= probe << 1 != 0;
}

ALWAYS_INLINE NAME(vec) NAME(magnitude)(NAME(vec) v) {
    return (NAME(vec))((NAME(bits))v << 1 >> 1);
}

/* The same for a vector of classes from column k on; classes with a step of zero do not change. */
ALWAYS_INLINE void NAME(add_to_vector)(const int sparse, const int norms, rb_perceptron *p,
                                       NAME(row) row, ptrdiff_t k, ptrdiff_t width, real rate,
                                       real sum_rate) {
    const NAME(vec) step = NAME(load)((real *)p->steps + k) * rate;
    const NAME(vec) sum_step = step * sum_rate;
    real *W = (real *)p->weights + k;
    real *sums = p->weight_sums ? (real *)p->weight_sums + k : NULL;
    NAME(vec) square = {0}, absolute = {0};
    NAME(bits) probe = {0};
    for (ptrdiff_t q = 0; q < row.count; q++) {
        const ptrdiff_t at = (sparse ? row.columns[q] : q) * width;
        const NAME(vec) before = NAME(load)(W + at), after = before + step * row.x[q];
        NAME(store)(W + at, after);
        probe |= (NAME(bits))(after * ZERO);
        if (sums) NAME(store)(sums + at, NAME(load)(sums + at) + sum_step * row.x[q]);
        if (norms) {
            square += after * after;
            absolute += NAME(magnitude)(after);
            if (sparse) {
                square -= before * before;
                absolute -= NAME(magnitude)(before);
            }
        }
    }
    for (ptrdiff_t lane = 0; lane < LANES; lane++) {
        p->overflow |= probe[lane] << 1 != 0;
        if (!norms || step[lane] == ZERO) continue;
        const ptrdiff_t c = k + lane;
        p->true_squares[c] = (sparse ? p->true_squares[c] : 0) + (double)square[lane];
        p->true_absolutes[c] = (sparse ? p->true_absolutes[c] : 0) + (double)absolute[lane];
        p->squares[c] = p->true_squares[c];
        p->absolutes[c] = p->true_absolutes[c];
    }
}

/* weights += x steps, intercepts += steps. From weight_sums the amount is subtracted that the
 * change would have added to the sum over earlier rows; the sum itself is computed at the end. */
ALWAYS_INLINE void NAME(take_steps)(const int single, const int sparse, const int norms,
                                    rb_perceptron *p, NAME(row) row) {
    const ptrdiff_t width = single ? 1 : p->width;
    const real *steps = p->steps;
    const real rate = (real)(1 / p->scale), sum_rate = (real)-p->elapsed;
    real *intercepts = p->intercepts, *sums = p->intercept_sums;
    if (single) {
        NAME(add_to_column)(sparse, norms, p, row, steps[0] * rate, steps[0] * rate * sum_rate);
    } else {
        for (ptrdiff_t k = 0; k < width; k += LANES) {
            int any = 0;
            for (ptrdiff_t lane = 0; lane < LANES; lane++) any |= steps[k + lane] != ZERO;
            if (any) NAME(add_to_vector)(sparse, norms, p, row, k, width, rate, sum_rate);
        }
    }
    if (!p->fit_intercept) return;
    for (ptrdiff_t k = 0; k < width; k++) {
        intercepts[k] += steps[k];
        p->overflow |= intercepts[k] * ZERO != ZERO;
        if (sums) sums[k] -= steps[k] * (real)p->n_averaged;
    }
}

/* -- penalties ------------------------------------------------------------------------ */

/* Moves `count` weights towards zero, but not across it, until the signed shrinkage applied to each
 * (`shrunk`) equals the total due. */
ALWAYS_INLINE void NAME(shrink)(real *restrict w, real *restrict shrunk, real *restrict sums,
                                ptrdiff_t count, double due, double scale, double elapsed) {
    const real total = (real)due, factor = (real)scale, rate = (real)(1 / scale);
    const real sum_rate = (real)elapsed;
    for (ptrdiff_t i = 0; i < count; i++) {
        const real z = w[i], q = shrunk[i];
        const real down = z - (total + q) * rate, up = z + (total - q) * rate;
        const real after = z > ZERO ? (down > ZERO ? down : ZERO)
                         : z < ZERO ? (up < ZERO ? up : ZERO) : z;
        w[i] = after;
        shrunk[i] = q + factor * (after - z);
        if (sums) sums[i] -= sum_rate * (after - z);
    }
}

/* Adds `sign` times the squares and magnitudes of feature j's weights to the norms, which are
 * updated incrementally for sparse X. Returns whether any weight is nonzero. */
static int NAME(count_norms)(rb_perceptron *p, ptrdiff_t j, ptrdiff_t width, double sign) {
    const real *w = (const real *)p->weights + j * width;
    int any = 0;
    for (ptrdiff_t k = 0; k < width; k++) {
        any |= w[k] != ZERO;
        p->true_squares[k] += sign * w[k] * w[k];
        p->true_absolutes[k] += sign * (double)NAME(abs)(w[k]);
    }
    return any;
}

/* The shrinkage of feature j in one step. */
static void NAME(shrink_feature)(rb_perceptron *p, ptrdiff_t j, ptrdiff_t width, double due,
                                 double scale, double elapsed) {
    if (!NAME(count_norms)(p, j, width, -1)) return;
    NAME(shrink)((real *)p->weights + j * width, (real *)p->shrunk + j * width,
                 p->weight_sums ? (real *)p->weight_sums + j * width : NULL, width, due, scale,
                 elapsed);
    NAME(count_norms)(p, j, width, 1);
}

/* Applies the deferred shrinkage of steps met[j] + 1 to `until` (the last finished step) to feature
 * j of a sparse X, in a single step if neither the scale nor the averaged sum changes. */
static void NAME(catch_up)(rb_perceptron *p, ptrdiff_t j, ptrdiff_t until, ptrdiff_t width) {
    const ptrdiff_t gap = until - p->met[j];
    if (gap <= 0) return;
    p->met[j] = until;
    if (p->decay == 1 && p->elapsed == 0) {
        NAME(shrink_feature)(p, j, width, p->due, p->scale, 0);
        return;
    }
    const real *w = (const real *)p->weights + j * width;
    double scale = p->scale / pow(p->decay, (double)(gap - 1)), elapsed = p->elapsed;
    if (elapsed != 0) {
        double at = scale;
        for (ptrdiff_t i = 0; i < gap; i++, at *= p->decay) elapsed -= at;
    }
    for (ptrdiff_t i = gap - 1, any = 1; i >= 0 && any; i--, scale *= p->decay) {
        NAME(shrink_feature)(p, j, width, p->due - p->shrinkage * (double)i, scale, elapsed);
        if (p->elapsed != 0) elapsed += scale;
        any = 0;
        for (ptrdiff_t k = 0; k < width; k++) any |= w[k] != ZERO;
    }
}

/* All features of a sparse X up to `until`. */
static void NAME(catch_up_all)(rb_perceptron *p, ptrdiff_t until) {
    for (ptrdiff_t j = 0; j < p->n_features; j++) NAME(catch_up)(p, j, until, p->width);
}

static void NAME(settle)(rb_perceptron *p) {
    if (p->met) NAME(catch_up_all)(p, p->step);
    if (!p->penalised) return;
    for (ptrdiff_t k = 0; k < p->width; k++) p->true_squares[k] = p->true_absolutes[k] = 0;
    for (ptrdiff_t j = 0; j < p->n_features; j++) NAME(count_norms)(p, j, p->width, 1);
}

/* Multiplies the weights by the scale and resets it, when it has become too small to divide by. */
static void NAME(fold_scale)(rb_perceptron *p) {
    const real scale = (real)p->scale, elapsed = (real)p->elapsed;
    real *w = p->weights, *sums = p->weight_sums;
    if (sums)
        for (ptrdiff_t i = 0; i < p->n_features * p->width; i++) sums[i] += elapsed * w[i];
    for (ptrdiff_t i = 0; i < p->n_features * p->width; i++) w[i] *= scale;
    for (ptrdiff_t k = 0; k < p->width; k++) {
        p->squares[k] *= p->scale * p->scale;
        p->true_squares[k] *= p->scale * p->scale;
        p->absolutes[k] *= p->scale;
        p->true_absolutes[k] *= p->scale;
    }
    p->elapsed = 0;
    p->scale = 1;
}

static void NAME(decay_weights)(rb_perceptron *p) {
    /* scikit-learn's bounds; a mean is a difference of sums, which are large for a small scale */
    const double smallest = p->weight_sums ? 1e-2 : IS_FLOAT ? 1e-6 : 1e-9;
    if (p->scale * p->decay >= smallest) {
        p->scale *= p->decay;
        return;
    }
    if (p->met) NAME(catch_up_all)(p, p->step - 1);
    p->scale *= p->decay;
    NAME(fold_scale)(p);
}

/* -- rows ----------------------------------------------------------------------------- */

/* One row: scores, steps, penalties, averages, in the order of scikit-learn. */
ALWAYS_INLINE void NAME(learn_row)(const int single, const int sparse, rb_perceptron *p,
                                   NAME(row) row, NAME(row) ahead, ptrdiff_t own, real weight) {
    const ptrdiff_t width = single ? 1 : p->width;
    p->step++;
    if (sparse && p->met)
        for (ptrdiff_t q = 0; q < row.count; q++)
            NAME(catch_up)(p, row.columns[q], p->step - 1, width);
    NAME(row_scores)(single, sparse, p, row, ahead, (real)p->scale);
    const int any = NAME(choose_steps)(p, width, own, weight);
    if (p->penalised) NAME(add_penalty)(p, width);
    if (p->decay != 1) NAME(decay_weights)(p);
    if (any && p->penalised) NAME(take_steps)(single, sparse, 1, p, row);
    else if (any) NAME(take_steps)(single, sparse, 0, p, row);
    if (p->shrunk) {
        p->due += p->shrinkage;
        if (!sparse)
            NAME(shrink)(p->weights, p->shrunk, p->weight_sums, p->n_features * width, p->due,
                         p->scale, p->elapsed);
        else
            for (ptrdiff_t q = 0; q < row.count; q++) {
                const ptrdiff_t j = row.columns[q];
                if (p->met[j] == p->step) continue; /* a duplicate column index */
                NAME(shrink_feature)(p, j, width, p->due, p->scale, p->elapsed);
                p->met[j] = p->step;
            }
    }
    if (p->weight_sums && p->step >= p->average_from) {
        if (sparse && p->met && p->step == p->average_from) NAME(catch_up_all)(p, p->step);
        p->elapsed += p->scale;
        p->n_averaged += 1;
    }
}

ALWAYS_INLINE void NAME(learn_rows)(const int single, const int sparse, rb_perceptron *p,
                                    const rb_rows *X, const ptrdiff_t *order, ptrdiff_t m) {
    const real *weights = X->weights;
    const ptrdiff_t rows_ahead = single && sparse ? NAME(ROWS_AHEAD_SPARSE) : NAME(ROWS_AHEAD);
    for (ptrdiff_t i = 0; i < m; i++) {
        const ptrdiff_t row = order[i], later = order[smaller(i + rows_ahead, m - 1)];
        const ptrdiff_t latest = order[smaller(i + NAME(STARTS_AHEAD), m - 1)];
        if (sparse) __builtin_prefetch(X->starts + latest);
        __builtin_prefetch(X->classes + latest);
        if (!(single && sparse)) NAME(fetch_row)(X, later);
        NAME(learn_row)(single, sparse, p, NAME(row_of)(X, row), NAME(row_of)(X, later),
                        p->column_of[X->classes[row]], weights ? weights[row] : ONE);
    }
}

static void NAME(learn)(rb_perceptron *p, const rb_rows *X, const ptrdiff_t *order,
                                   ptrdiff_t m) {
    if (p->width == 1 && X->columns) NAME(learn_rows)(1, 1, p, X, order, m);
    else if (p->width == 1) NAME(learn_rows)(1, 0, p, X, order, m);
    else if (X->columns) NAME(learn_rows)(0, 1, p, X, order, m);
    else NAME(learn_rows)(0, 0, p, X, order, m);
}

/* As in scikit-learn, the weights are scored without their scale. */
static void NAME(check)(rb_perceptron *p, const rb_rows *X, const ptrdiff_t *order,
                                   ptrdiff_t m) {
    const real *weights = X->weights, *z = p->scores;
    const int single = p->width == 1;
    for (ptrdiff_t i = 0; i < m; i++) {
        const NAME(row) row = NAME(row_of)(X, order[i]);
        const ptrdiff_t own = p->column_of[X->classes[order[i]]];
        const double weight = weights ? (double)weights[order[i]] : 1;
        const NAME(row) ahead = NAME(row_of)(X, order[smaller(i + NAME(ROWS_AHEAD_SPARSE), m - 1)]);
        if (single && row.columns) NAME(row_scores)(1, 1, p, row, ahead, ONE);
        else if (single) NAME(row_scores)(1, 0, p, row, ahead, ONE);
        else if (row.columns) NAME(row_scores)(0, 1, p, row, ahead, ONE);
        else NAME(row_scores)(0, 0, p, row, ahead, ONE);
        for (ptrdiff_t k = 0; k < p->width; k++)
            p->correct[k] += (z[k] > ZERO) == (k == own) ? weight : 0;
        p->checked += weight;
    }
}
