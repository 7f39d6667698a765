/* The last layer: losses, their gradients and predictions from the logits.
 * Blocks of OUTPUT_BLOCK rows are transposed so that the values of a column are contiguous. Every
 * operation, including sums over classes, is then vectorised over rows, and the order of each
 * row's sum is that of its columns. */
// SPDX-License-Identifier: BSD-3-Clause

#undef FOR_ROWS
#define FOR_ROWS for (int r = 0; r < OUTPUT_BLOCK; r++)

/* block (n, OUTPUT_BLOCK) <- z (rows, n; width apart, n padded to whole vectors); missing rows
 * repeat the last */
static void NAME(load_block)(real *restrict block, const real *restrict z, ptrdiff_t rows,
                             ptrdiff_t n, ptrdiff_t width) {
    for (ptrdiff_t r0 = 0; r0 < OUTPUT_BLOCK; r0 += LANES)
        for (ptrdiff_t j = 0; j < n; j += LANES) {
            NAME(vec) v[LANES];
            UNROLL for (ptrdiff_t r = 0; r < LANES; r++)
                v[r] = NAME(load)(z + smaller(r0 + r, rows - 1) * width + j);
            NAME(transpose_lanes)(v);
            UNROLL for (ptrdiff_t c = 0; c < LANES; c++)
                if (j + c < n) NAME(store)(block + (j + c) * OUTPUT_BLOCK + r0, v[c]);
        }
}

/* The inverse of the transposition; writes zeros into the padding. */
static void NAME(store_block)(real *restrict z, const real *restrict block, ptrdiff_t rows,
                              ptrdiff_t n, ptrdiff_t width) {
    for (ptrdiff_t r0 = 0; r0 < rows; r0 += LANES)
        for (ptrdiff_t j = 0; j < n; j += LANES) {
            NAME(vec) v[LANES];
            UNROLL for (ptrdiff_t c = 0; c < LANES; c++)
                v[c] = j + c < n ? NAME(load)(block + (j + c) * OUTPUT_BLOCK + r0)
                                 : (NAME(vec)){0};
            NAME(transpose_lanes)(v);
            UNROLL for (ptrdiff_t r = 0; r < LANES; r++)
                if (r0 + r < rows) NAME(store)(z + (r0 + r) * width + j, v[r]);
        }
}

/* out (rows, n), no padding, <- block */
static void NAME(store_rows)(real *restrict out, const real *restrict block, ptrdiff_t rows,
                             ptrdiff_t n) {
    for (ptrdiff_t r = 0; r < rows; r++)
        for (ptrdiff_t j = 0; j < n; j++) out[r * n + j] = block[j * OUTPUT_BLOCK + r];
}

/* p (n, OUTPUT_BLOCK) = softmax over n of z, computed as that of z - highest, and `sum` its
 * denominator; all of the block is in cache. p may be z. */
static void NAME(softmax_block)(real *p, const real *z, real *restrict highest,
                                real *restrict sum, ptrdiff_t n) {
    real inverse[OUTPUT_BLOCK];
    FOR_ROWS highest[r] = z[r], sum[r] = ZERO;
    for (ptrdiff_t j = 1; j < n; j++)
        FOR_ROWS {
            const real zj = z[j * OUTPUT_BLOCK + r];
            highest[r] = zj < highest[r] ? highest[r] : zj;
        }
    for (ptrdiff_t j = 0; j < n; j++)
        FOR_ROWS {
            const real e = NAME(exp)(z[j * OUTPUT_BLOCK + r] - highest[r]);
            p[j * OUTPUT_BLOCK + r] = e;
            sum[r] += e;
        }
    FOR_ROWS inverse[r] = ONE / sum[r];
    for (ptrdiff_t j = 0; j < n; j++) FOR_ROWS p[j * OUTPUT_BLOCK + r] *= inverse[r];
}

/* A block of rows for a loss: z is overwritten by the gradient, loss by the losses of the rows. */
typedef struct {
    real *z;                   /* (n, OUTPUT_BLOCK) logits, later gradients */
    real *y;                   /* (n, OUTPUT_BLOCK) targets, for REAL and BINARY */
    const ptrdiff_t *classes;  /* (OUTPUT_BLOCK,) class indices, for CLASS; y is then scratch */
    const real *constants;     /* (n,) the loss's `c` for each output */
    real *loss;                /* (OUTPUT_BLOCK,) */
    ptrdiff_t n;
} NAME(output_block);

/* y (n, OUTPUT_BLOCK) <- 1 in the column of the true class, 0 elsewhere */
static inline void NAME(one_hot)(const NAME(output_block) * block) {
    for (ptrdiff_t j = 0; j < block->n; j++)
        FOR_ROWS block->y[j * OUTPUT_BLOCK + r] = block->classes[r] == j ? ONE : ZERO;
}

/* The target is c / n for every class, plus 1 - c for the true class. */
static __attribute__((noinline)) void NAME(smoothed_multiclass_log_loss)(
    const NAME(output_block) * block) {
    const ptrdiff_t n = block->n;
    const real c = block->constants[0], share = c / (real)n;
    real own[OUTPUT_BLOCK], sum[OUTPUT_BLOCK] = {0}, highest[OUTPUT_BLOCK],
        log_sum[OUTPUT_BLOCK];
    FOR_ROWS own[r] = block->z[block->classes[r] * OUTPUT_BLOCK + r];
    NAME(softmax_block)(block->y, block->z, highest, log_sum, n);
    FOR_ROWS log_sum[r] = NAME(log)(log_sum[r]);
    for (ptrdiff_t j = 0; j < n; j++)
        FOR_ROWS {
            const ptrdiff_t i = j * OUTPUT_BLOCK + r;
            sum[r] += log_sum[r] - (block->z[i] - highest[r]);
            block->z[i] = block->y[i] - share;
        }
    FOR_ROWS block->z[block->classes[r] * OUTPUT_BLOCK + r] -= ONE - c;
    FOR_ROWS block->loss[r] = (ONE - c) * (log_sum[r] - (own[r] - highest[r])) + share * sum[r];
}

static void NAME(output_multiclass_log_loss)(const NAME(output_block) * block) {
    if (block->constants[0] != ZERO) {
        NAME(smoothed_multiclass_log_loss)(block);
        return;
    }
    real own[OUTPUT_BLOCK], highest[OUTPUT_BLOCK], sum[OUTPUT_BLOCK];
    FOR_ROWS own[r] = block->z[block->classes[r] * OUTPUT_BLOCK + r];
    NAME(softmax_block)(block->z, block->z, highest, sum, block->n);
    FOR_ROWS block->z[block->classes[r] * OUTPUT_BLOCK + r] -= ONE;
    /* in this order, so that large logits do not cost digits of a small loss */
    FOR_ROWS block->loss[r] = NAME(clip_log_loss)(NAME(log)(sum[r]) - (own[r] - highest[r]), ONE);
}

/* Half the squares of p - y, summed over the classes; dp_j/dz_k = p_j ((j == k) - p_k). */
static void NAME(output_multiclass_squared_error)(const NAME(output_block) * block) {
    real *p = block->z, *error = block->y, loss[OUTPUT_BLOCK] = {0}, mean[OUTPUT_BLOCK] = {0},
         highest[OUTPUT_BLOCK], sum[OUTPUT_BLOCK];
    NAME(one_hot)(block);
    NAME(softmax_block)(p, p, highest, sum, block->n);
    for (ptrdiff_t j = 0; j < block->n; j++)
        FOR_ROWS {
            const ptrdiff_t i = j * OUTPUT_BLOCK + r;
            error[i] = p[i] - error[i];
            loss[r] += HALF * error[i] * error[i];
            mean[r] += p[i] * error[i];
        }
    for (ptrdiff_t j = 0; j < block->n; j++)
        FOR_ROWS {
            const ptrdiff_t i = j * OUTPUT_BLOCK + r;
            p[i] *= error[i] - mean[r];
        }
    FOR_ROWS block->loss[r] = loss[r];
}

/* -(1 - q)^c log(q) for the probability q of the true class. 1 - q is computed as the sum of the
 * other probabilities, which is accurate near q = 1, and there log(q) is computed from it. */
static void NAME(output_multiclass_focal)(const NAME(output_block) * block) {
    const real c = block->constants[0], lowest = IS_FLOAT ? (real)FLT_MIN : (real)DBL_MIN;
    real *p = block->z, own[OUTPUT_BLOCK], rest[OUTPUT_BLOCK] = {0}, highest[OUTPUT_BLOCK],
         sum[OUTPUT_BLOCK], factor[OUTPUT_BLOCK];
    const real *y = block->y;
    NAME(one_hot)(block);
    FOR_ROWS own[r] = p[block->classes[r] * OUTPUT_BLOCK + r];
    NAME(softmax_block)(p, p, highest, sum, block->n);
    for (ptrdiff_t j = 0; j < block->n; j++)
        FOR_ROWS rest[r] += (ONE - y[j * OUTPUT_BLOCK + r]) * p[j * OUTPUT_BLOCK + r];
    FOR_ROWS {
        const real q = p[block->classes[r] * OUTPUT_BLOCK + r];
        const real u = rest[r] < lowest ? lowest : rest[r];
        const real near = NAME(log1p)(u / (q > HALF ? q : HALF));
        const real log_loss = q > HALF ? near : NAME(log)(sum[r]) - (own[r] - highest[r]);
        const real power = NAME(exp)(c * NAME(log)(u));
        block->loss[r] = power * log_loss;
        factor[r] = power * (ONE + c * q * log_loss / u);
    }
    for (ptrdiff_t j = 0; j < block->n; j++)
        FOR_ROWS {
            const ptrdiff_t i = j * OUTPUT_BLOCK + r;
            p[i] = factor[r] * (y[i] == ONE ? -rest[r] : p[i]);
        }
}

/* margin = max(0, 1 - (the logit of the true class - the largest other logit)). z is overwritten by
 * its gradient; NaNs propagate. */
static void NAME(crammer_singer)(const NAME(output_block) * block, real *restrict margin) {
    real *z = block->z, best[OUTPUT_BLOCK], spoilt[OUTPUT_BLOCK] = {0};
    ptrdiff_t best_class[OUTPUT_BLOCK];
    FOR_ROWS best[r] = -(real)INFINITY, best_class[r] = -1;
    for (ptrdiff_t j = 0; j < block->n; j++)
        FOR_ROWS {
            const real zj = z[j * OUTPUT_BLOCK + r];
            const int is_better = zj > best[r] && block->classes[r] != j;
            best[r] = is_better ? zj : best[r];
            best_class[r] = is_better ? j : best_class[r];
            spoilt[r] += zj - zj; /* 0, or NaN if zj is not finite */
        }
    FOR_ROWS {
        const real own = z[block->classes[r] * OUTPUT_BLOCK + r];
        const real loss = ONE - (own - best[r]) + spoilt[r];
        margin[r] = loss < ZERO ? ZERO : loss;
    }
    for (ptrdiff_t j = 0; j < block->n; j++)
        FOR_ROWS {
            const ptrdiff_t i = j * OUTPUT_BLOCK + r;
            const real slope = block->classes[r] == j ? -ONE : best_class[r] == j ? ONE : ZERO;
            z[i] = (margin[r] > ZERO ? slope : ZERO) + (z[i] - z[i]);
        }
}

static void NAME(output_crammer_singer_hinge)(const NAME(output_block) * block) {
    real margin[OUTPUT_BLOCK];
    NAME(crammer_singer)(block, margin);
    FOR_ROWS block->loss[r] = margin[r];
}

static void NAME(output_crammer_singer_squared_hinge)(const NAME(output_block) * block) {
    real margin[OUTPUT_BLOCK];
    NAME(crammer_singer)(block, margin);
    for (ptrdiff_t j = 0; j < block->n; j++)
        FOR_ROWS block->z[j * OUTPUT_BLOCK + r] *= 2 * margin[r];
    FOR_ROWS block->loss[r] = margin[r] * margin[r];
}

#define LOSS(name, parameter, target, domain, out_activation, constant, value, slope, ...) \
    static void NAME(output_##name)(const NAME(output_block) * block) {                  \
        real sum[OUTPUT_BLOCK] = {0};                                                    \
        if (target == CLASS) NAME(one_hot)(block);                                       \
        for (ptrdiff_t j = 0; j < block->n; j++) {                                       \
            real *restrict logits = block->z + j * OUTPUT_BLOCK;                         \
            const real *restrict targets = block->y + j * OUTPUT_BLOCK;                  \
            const real c = block->constants[j];                                          \
            (void)c;                                                                     \
            FOR_ROWS {                                                                   \
                const real z = logits[r], y = targets[r];                                \
                sum[r] += value;                                                         \
                logits[r] = slope;                                                       \
            }                                                                            \
        }                                                                                \
        FOR_ROWS block->loss[r] = sum[r];                                                \
    }
#define LOSS_BY_ROW(name, ...)
#include "losses.def"
#undef LOSS
#undef LOSS_BY_ROW

typedef void NAME(output_function)(const NAME(output_block) *);
static NAME(output_function) *const NAME(output_of)[N_LOSSES] = {
#define LOSS(name, ...) NAME(output_##name),
#define LOSS_BY_ROW(name, ...) NAME(output_##name),
#include "losses.def"
#undef LOSS
#undef LOSS_BY_ROW
};

/* Copies the targets of rows order[0..rows) into the block or, for CLASS, into `classes`; missing
 * rows repeat the last. */
static void NAME(load_targets)(const NAME(output_block) * block, ptrdiff_t *classes,
                               const void *targets, const ptrdiff_t *order, ptrdiff_t rows,
                               int loss) {
    const real *target_of = targets;
    FOR_ROWS {
        const ptrdiff_t row = order[r < rows ? r : rows - 1];
        if (rb_loss_rows[loss].target == CLASS)
            classes[r] = ((const ptrdiff_t *)targets)[row];
        else
            for (ptrdiff_t j = 0; j < block->n; j++)
                block->y[j * OUTPUT_BLOCK + r] = target_of[row * block->n + j];
    }
}

static void NAME(loss_gradient)(void *logits, double *losses, const void *targets,
                                const void *weights, const ptrdiff_t *order, ptrdiff_t m,
                                ptrdiff_t n, ptrdiff_t width, int loss,
                                const void *constants, void *scratch) {
    real row_loss[OUTPUT_BLOCK], row_weight[OUTPUT_BLOCK];
    ptrdiff_t classes[OUTPUT_BLOCK] = {0};
    const real *weight_of = weights;
    const NAME(output_block) block = {
        .z = scratch, .y = (real *)scratch + n * OUTPUT_BLOCK, .classes = classes,
        .constants = constants, .loss = row_loss, .n = n};
    for (ptrdiff_t i = 0; i < m; i += OUTPUT_BLOCK) {
        const ptrdiff_t rows = smaller(OUTPUT_BLOCK, m - i);
        real *z = (real *)logits + i * width;
        NAME(load_block)(block.z, z, rows, n, width);
        NAME(load_targets)(&block, classes, targets, order + i, rows, loss);
        FOR_ROWS row_weight[r] = weight_of ? weight_of[order[i + (r < rows ? r : rows - 1)]] : ONE;
        NAME(output_of)[loss](&block);
        if (weight_of)
            for (ptrdiff_t j = 0; j < n; j++)
                FOR_ROWS block.z[j * OUTPUT_BLOCK + r] *= row_weight[r];
        NAME(store_block)(z, block.z, rows, n, width);
        for (ptrdiff_t r = 0; r < rows; r++)
            losses[i + r] = (double)row_weight[r] * row_loss[r];
    }
}

static double NAME(total_weight)(const void *weights, const ptrdiff_t *order, ptrdiff_t m) {
    const real *weight_of = weights;
    double total = 0;
    for (ptrdiff_t i = 0; i < m; i++) total += (double)weight_of[order[i]];
    return total;
}

static void NAME(predict)(void *out, const void *logits, ptrdiff_t m, ptrdiff_t n,
                          ptrdiff_t width, int loss, void *scratch) {
    real *to = out, *block = scratch, highest[OUTPUT_BLOCK], sum[OUTPUT_BLOCK];
    for (ptrdiff_t i = 0; i < m; i += OUTPUT_BLOCK) {
        const ptrdiff_t rows = smaller(OUTPUT_BLOCK, m - i);
        NAME(load_block)(block, (const real *)logits + i * width, rows, n, width);
        switch (rb_loss_rows[loss].out) {
        case OUT_softmax: NAME(softmax_block)(block, block, highest, sum, n); break;
        case OUT_logistic: NAME(forward_logistic)(block, block, n * OUTPUT_BLOCK); break;
        case OUT_exp:
            for (ptrdiff_t j = 0; j < n * OUTPUT_BLOCK; j++) block[j] = NAME(exp)(block[j]);
            break;
        }
        NAME(store_rows)(to + i * n, block, rows, n);
    }
}
