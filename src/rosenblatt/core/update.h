/* The optimisers' steps: one pass over parameters, gradient and moments. */
// SPDX-License-Identifier: BSD-3-Clause

/* Summed in vectors of the kernel's precision, in double from block to block. */
static double NAME(sum_of_squares)(const void *w, ptrdiff_t count) {
    enum { IN_FLIGHT = 8 }; /* sums, as many as additions are under way at once */
    const real *x = w;
    double total = 0;
    for (ptrdiff_t i0 = 0; i0 < count; i0 += UPDATE_BLOCK) {
        const ptrdiff_t stop = smaller(i0 + UPDATE_BLOCK, count);
        NAME(vec) sums[IN_FLIGHT] = {{0}};
        ptrdiff_t i = i0;
        for (; i + IN_FLIGHT * LANES <= stop; i += IN_FLIGHT * LANES)
            UNROLL for (int n = 0; n < IN_FLIGHT; n++) {
                const NAME(vec) v = NAME(load)(x + i + n * LANES);
                sums[n] += v * v;
            }
        for (; i < stop; i += LANES) { /* parameters are whole vectors */
            const NAME(vec) v = NAME(load)(x + i);
            sums[0] += v * v;
        }
        UNROLL for (int n = 1; n < IN_FLIGHT; n++) sums[0] += sums[n];
        double lanes[LANES];
        UNROLL for (ptrdiff_t lane = 0; lane < LANES; lane++) lanes[lane] = (double)sums[0][lane];
        UNROLL for (ptrdiff_t half = LANES / 2; half > 0; half /= 2)
            UNROLL for (ptrdiff_t lane = 0; lane < half; lane++)
                lanes[lane] += lanes[lane + half];
        total += lanes[0];
    }
    return total;
}

static int NAME(all_finite)(const void *w, ptrdiff_t count) {
    const real *x = w, highest = IS_FLOAT ? (real)FLT_MAX : (real)DBL_MAX;
    int n_bad = 0;
    for (ptrdiff_t i = 0; i < count; i++) n_bad |= !(NAME(abs)(x[i]) <= highest);
    return !n_bad;
}

#define OPTIMIZER(name, n_moments, rate_of_step, ...)                                    \
    static void NAME(update_##name)(real *restrict weights, const real *restrict gradient, \
                                    real *restrict firsts, real *restrict seconds,       \
                                    ptrdiff_t count, const rb_step *s) {                 \
        const real rate = (real)(rate_of_step), momentum = (real)s->momentum,            \
                   beta_1 = (real)s->beta_1, rest_1 = (real)(1 - s->beta_1),             \
                   beta_2 = (real)s->beta_2, rest_2 = (real)(1 - s->beta_2),             \
                   epsilon = (real)fmax(s->epsilon, IS_FLOAT ? FLT_MIN : DBL_MIN),       \
                   alpha = (real)s->alpha,                                               \
                   per_weight = (real)(1 / s->weight);                                   \
        const int nesterovs_momentum = s->nesterovs_momentum;                            \
        (void)momentum, (void)beta_1, (void)beta_2, (void)rest_1, (void)rest_2;          \
        (void)epsilon;                                                                   \
        (void)nesterovs_momentum;                                                        \
        for (ptrdiff_t i = 0; i < count; i++) {                                          \
            real w = weights[i];                                                         \
            const real g = (gradient[i] + alpha * w) * per_weight;                       \
            real first = n_moments > 0 ? firsts[i] : ZERO;                               \
            real second = n_moments > 1 ? seconds[i] : ZERO;                             \
            __VA_ARGS__                                                                  \
            (void)first, (void)second;                                                   \
            weights[i] = w;                                                              \
            if (n_moments > 0) firsts[i] = first;                                        \
            if (n_moments > 1) seconds[i] = second;                                      \
        }                                                                                \
    }
#include "optimizers.def"
#undef OPTIMIZER

typedef void NAME(update_function)(real *, const real *, real *, real *, ptrdiff_t,
                                   const rb_step *);
static NAME(update_function) *const NAME(update_of)[N_OPTIMIZERS] = {
#define OPTIMIZER(name, ...) NAME(update_##name),
#include "optimizers.def"
#undef OPTIMIZER
};

static double NAME(update)(void *w, const void *gradient, void *first, void *second,
                           ptrdiff_t count, const rb_step *step, int optimizer) {
    const double squares = step->alpha != 0 ? NAME(sum_of_squares)(w, count) : 0;
    NAME(update_of)[optimizer](w, gradient, first, second, count, step);
    return squares;
}
