/* The optimisers' steps: one pass over parameters, gradient and moments, whole vectors at a time,
 * in which the squares that loss and history ask for are summed too. */
// SPDX-License-Identifier: BSD-3-Clause

static inline double NAME(sum_of_lanes)(NAME(vec) v) {
    double lanes[LANES];
    UNROLL for (ptrdiff_t lane = 0; lane < LANES; lane++) lanes[lane] = (double)v[lane];
    UNROLL for (ptrdiff_t half = LANES / 2; half > 0; half /= 2)
        UNROLL for (ptrdiff_t lane = 0; lane < half; lane++) lanes[lane] += lanes[lane + half];
    return lanes[0];
}

/* before <- w; returns the sum of the squares of what they differed by */
static double NAME(moved)(void *before, const void *w, ptrdiff_t count) {
    const real *to = w;
    real *from = before;
    double total = 0;
    for (ptrdiff_t i0 = 0; i0 < count; i0 += UPDATE_BLOCK) {
        const ptrdiff_t stop = smaller(i0 + UPDATE_BLOCK, count);
        NAME(vec) sums = {0};
        for (ptrdiff_t i = i0; i < stop; i += LANES) {
            const NAME(vec) d = NAME(load)(to + i) - NAME(load)(from + i);
            sums += d * d;
        }
        total += NAME(sum_of_lanes)(sums);
    }
    for (ptrdiff_t i = 0; i < count; i++) from[i] = to[i];
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
                                    ptrdiff_t count, const rb_step *s,                   \
                                    double *restrict squares) {                          \
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
        NAME(vec) of_w = {0}, of_g = {0};                                                \
        for (ptrdiff_t i0 = 0; i0 < count; i0 += LANES) {                                \
            const NAME(vec) v = NAME(load)(weights + i0),                                \
                            d = NAME(load)(gradient + i0) + alpha * v;                   \
            of_w += v * v;                                                               \
            of_g += d * d;                                                               \
            _Pragma("GCC unroll 1") /* unrolled early it would not become a vector */    \
            for (ptrdiff_t i = i0; i < i0 + LANES; i++) {                                \
                real w = weights[i];                                                     \
                const real g = (gradient[i] + alpha * w) * per_weight;                   \
                real first = n_moments > 0 ? firsts[i] : ZERO;                           \
                real second = n_moments > 1 ? seconds[i] : ZERO;                         \
                __VA_ARGS__                                                              \
                (void)first, (void)second;                                               \
                weights[i] = w;                                                          \
                if (n_moments > 0) firsts[i] = first;                                    \
                if (n_moments > 1) seconds[i] = second;                                  \
            }                                                                            \
        }                                                                                \
        squares[0] = NAME(sum_of_lanes)(of_w);                                           \
        squares[1] = NAME(sum_of_lanes)(of_g);                                           \
    }
#include "optimizers.def"
#undef OPTIMIZER

typedef void NAME(update_function)(real *, const real *, real *, real *, ptrdiff_t,
                                   const rb_step *, double *);
static NAME(update_function) *const NAME(update_of)[N_OPTIMIZERS] = {
#define OPTIMIZER(name, ...) NAME(update_##name),
#include "optimizers.def"
#undef OPTIMIZER
};

static void NAME(update)(void *w, const void *gradient, void *first, void *second,
                         ptrdiff_t count, const rb_step *step, int optimizer, double *squares) {
    NAME(update_of)[optimizer](w, gradient, first, second, count, step, squares);
}
