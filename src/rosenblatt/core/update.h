/* The steps of the optimisers: one vectorised pass over parameters, gradient and moments, which
 * also computes the sums of squares for the loss and the history. */
// SPDX-License-Identifier: BSD-3-Clause

static inline double NAME(sum_of_lanes)(NAME(vec) v) {
    double lanes[LANES];
    UNROLL for (ptrdiff_t lane = 0; lane < LANES; lane++) lanes[lane] = (double)v[lane];
    UNROLL for (ptrdiff_t half = LANES / 2; half > 0; half /= 2)
        UNROLL for (ptrdiff_t lane = 0; lane < half; lane++) lanes[lane] += lanes[lane + half];
    return lanes[0];
}

/* before <- w; returns the sum of squares of their difference */
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

static double NAME(sum_of_squares)(const void *w, ptrdiff_t count) {
    const real *x = w;
    NAME(vec) sums = {0};
    for (ptrdiff_t i = 0; i < count; i += LANES) {
        const NAME(vec) v = NAME(load)(x + i);
        sums += v * v;
    }
    return NAME(sum_of_lanes)(sums);
}

static double NAME(sum_of_absolutes)(const void *w, ptrdiff_t count) {
    const real *x = w;
    double sums[LANES] = {0}, total = 0;
    for (ptrdiff_t i = 0; i < count; i += LANES)
        for (ptrdiff_t lane = 0; lane < LANES; lane++) sums[lane] += (double)NAME(abs)(x[i + lane]);
    for (ptrdiff_t lane = 0; lane < LANES; lane++) total += sums[lane];
    return total;
}

/* The factor of alpha in the penalty. */
static double NAME(penalty)(const void *w, ptrdiff_t count, const rb_step *s) {
    return s->l1_ratio * NAME(sum_of_absolutes)(w, count)
         + (1 - s->l1_ratio) * 0.5 * NAME(sum_of_squares)(w, count);
}

#if IS_FLOAT /* once for both precisions */
/* NAdam's momentum at step t, which increases towards beta_1. */
static inline double nadam_momentum(const rb_step *s, double t) {
    return s->beta_1 * (1 - 0.5 * pow(0.96, t * s->momentum_decay));
}

/* RAdam's factor of the adaptive rate, including the correction of the second moment; 0 in the
 * first steps, in which the rate is not adaptive. */
static inline double radam_rectification(const rb_step *s) {
    const double power = pow(s->beta_2, s->t), longest = 2 / (1 - s->beta_2) - 1;
    const double length = longest - 2 * s->t * power / (1 - power);
    if (!(length > 5)) return 0;
    return sqrt((length - 4) * (length - 2) * longest * (1 - power)
                / ((longest - 4) * (longest - 2) * length));
}
#endif

/* The constants of a step in the kernel's precision. */
typedef struct { real ridge, lasso, per_weight, scale, clip, keep; } NAME(gradient_rule);

ALWAYS_INLINE NAME(gradient_rule) NAME(rule_of)(const rb_step *s) {
    return (NAME(gradient_rule)){
        .ridge = (real)(s->alpha * (1 - s->l1_ratio)), .lasso = (real)(s->alpha * s->l1_ratio),
        .per_weight = (real)(1 / s->weight), .scale = (real)s->gradient_scale,
        .clip = (real)s->clip_value,
        .keep = (real)(1 - s->learning_rate * s->weight_decay)};
}

/* The gradient of the mean loss including the penalty; a plain step has no l1. */
ALWAYS_INLINE real NAME(penalised)(const int plain, const NAME(gradient_rule) * rule,
                                   real gradient, real w) {
    if (plain) return (gradient + rule->ridge * w) * rule->per_weight;
    const real sign = w > ZERO ? ONE : w < ZERO ? -ONE : ZERO;
    return (gradient + (rule->ridge * w + rule->lasso * sign)) * rule->per_weight;
}

static double NAME(gradient_squares)(const void *w, const void *gradient, ptrdiff_t count,
                                     const rb_step *step) {
    const real *weights = w, *gradients = gradient;
    const NAME(gradient_rule) rule = NAME(rule_of)(step);
    double sums[LANES] = {0}, total = 0;
    for (ptrdiff_t i = 0; i < count; i += LANES)
        for (ptrdiff_t lane = 0; lane < LANES; lane++) {
            const double g = NAME(penalised)(0, &rule, gradients[i + lane], weights[i + lane]);
            sums[lane] += g * g;
        }
    for (ptrdiff_t lane = 0; lane < LANES; lane++) total += sums[lane];
    return total;
}

/* Each row of optimizers.def is compiled twice: a plain step with scikit-learn's options and
 * decoupled weight decay, and a step with all options. A plain step sums the squares in the same
 * pass. */
#define OPTIMIZER(name, n_moments, parameters, decay, factor, rate_of, other_of, unbias_of, ...) \
    ALWAYS_INLINE void NAME(step_##name)(                                                \
        const int plain, real *restrict weights, const real *restrict gradient,          \
        real *restrict firsts, real *restrict seconds, real *restrict thirds,            \
        ptrdiff_t count, const rb_step *s, double *sums) {                               \
        const NAME(gradient_rule) rule = NAME(rule_of)(s);                               \
        const real rate = (real)s->rate, other_rate = (real)s->other_rate,               \
                   unbias = (real)s->unbias, momentum = (real)s->momentum,               \
                   beta_1 = (real)s->beta_1, rest_1 = (real)(1 - s->beta_1),             \
                   beta_2 = (real)s->beta_2, rest_2 = (real)(1 - s->beta_2),             \
                   rho = (real)s->rho, rest_rho = (real)(1 - s->rho),                    \
                   rmsprop_momentum = (real)s->rmsprop_momentum,                         \
                   epsilon = (real)fmax(s->epsilon, IS_FLOAT ? FLT_MIN : DBL_MIN);       \
        const int nesterovs_momentum = s->nesterovs_momentum, centered = s->centered;    \
        (void)other_rate, (void)momentum, (void)beta_1, (void)beta_2, (void)rest_1;      \
        (void)rest_2, (void)unbias, (void)rho, (void)rest_rho, (void)rmsprop_momentum;   \
        (void)epsilon, (void)nesterovs_momentum, (void)centered;                         \
        NAME(vec) of_w = {0}, of_g = {0};                                                \
        for (ptrdiff_t i0 = 0; i0 < count; i0 += LANES) {                                \
            if (plain) {                                                                 \
                const NAME(vec) v = NAME(load)(weights + i0),                            \
                                d = NAME(load)(gradient + i0) + rule.ridge * v;          \
                of_w += v * v;                                                           \
                of_g += d * d;                                                           \
            }                                                                            \
            _Pragma("GCC unroll 1") /* early unrolling would prevent vectorisation */    \
            for (ptrdiff_t i = i0; i < i0 + LANES; i++) {                                \
                real w = weights[i];                                                     \
                real g = NAME(penalised)(plain, &rule, gradient[i], w);                  \
                if (!plain) g = NAME(clamp)(g * rule.scale, -rule.clip, rule.clip);      \
                w *= rule.keep;                                                          \
                real first = n_moments > 0 ? firsts[i] : ZERO;                           \
                real second = n_moments > 1 ? seconds[i] : ZERO;                         \
                real third = n_moments > 2 ? thirds[i] : ZERO;                           \
                __VA_ARGS__                                                              \
                (void)first, (void)second, (void)third;                                  \
                weights[i] = w;                                                          \
                if (n_moments > 0) firsts[i] = first;                                    \
                if (n_moments > 1) seconds[i] = second;                                  \
                if (n_moments > 2) thirds[i] = third;                                    \
            }                                                                            \
        }                                                                                \
        if (plain) {                                                                     \
            sums[0] = 0.5 * NAME(sum_of_lanes)(of_w);                                    \
            sums[1] = NAME(sum_of_lanes)(of_g) / s->weight / s->weight;                  \
        }                                                                                \
    }                                                                                    \
    static void NAME(plain_##name)(real *w, const real *g, real *a, real *b, real *c,    \
                                   ptrdiff_t count, const rb_step *s, double *sums) {    \
        NAME(step_##name)(1, w, g, a, b, c, count, s, sums);                             \
    }                                                                                    \
    static void NAME(full_##name)(real *w, const real *g, real *a, real *b, real *c,     \
                                  ptrdiff_t count, const rb_step *s, double *sums) {     \
        NAME(step_##name)(0, w, g, a, b, c, count, s, sums);                             \
    }
#include "optimizers.def"
#undef OPTIMIZER

typedef void NAME(update_function)(real *, const real *, real *, real *, real *, ptrdiff_t,
                                   const rb_step *, double *);
static NAME(update_function) *const NAME(update_of)[N_OPTIMIZERS][2] = {
#define OPTIMIZER(name, ...) {NAME(full_##name), NAME(plain_##name)},
#include "optimizers.def"
#undef OPTIMIZER
};

static void NAME(update)(void *w, const void *gradient, void *first, void *second, void *third,
                         ptrdiff_t count, const rb_step *s, int optimizer, double *sums) {
    const int plain = (s->l1_ratio == 0 || s->alpha == 0) && s->gradient_scale == 1
                      && isinf(s->clip_value);
    if (!plain) {
        sums[0] = NAME(penalty)(w, count, s);
        sums[1] = NAME(gradient_squares)(w, gradient, count, s);
    }
    NAME(update_of)[optimizer][plain](w, gradient, first, second, third, count, s, sums);
}

static void NAME(set_rates)(rb_step *s, int optimizer) {
    switch (optimizer) {
#define OPTIMIZER(name, n_moments, parameters, decay, factor, rate_of, other_of, unbias_of, ...) \
    case OPTIMIZER_##name:                                                               \
        s->rate = (rate_of), s->other_rate = (other_of), s->unbias = (unbias_of);        \
        break;
#include "optimizers.def"
#undef OPTIMIZER
    }
}

static void NAME(begin_step)(rb_step *s, int optimizer) {
    s->t += 1;
    switch (optimizer) {
#define OPTIMIZER(name, n_moments, parameters, decay, factor, ...)                       \
    case OPTIMIZER_##name:                                                               \
        s->product *= (factor);                                                          \
        break;
#include "optimizers.def"
#undef OPTIMIZER
    }
    NAME(set_rates)(s, optimizer);
}

static void NAME(limit_norms)(const rb_weights *weights, ptrdiff_t j0, ptrdiff_t j1,
                              double max_norm) {
    const ptrdiff_t k = weights->fan_in, k_width = weights->stride, width = weights->width;
    const real most = (real)max_norm;
    if (weights->layout == TRANSPOSED) {
        for (ptrdiff_t j = j0; j < j1; j++) {
            real *row = (real *)weights->data + j * k_width;
            const double norm = sqrt(NAME(sum_of_squares)(row, k_width));
            if (norm > max_norm)
                for (ptrdiff_t i = 0; i < k_width; i++) row[i] *= (real)(max_norm / norm);
        }
        return;
    }
    const NAME(columns) W = NAME(laid_out)(weights);
    for (ptrdiff_t j = j0; j < j1; j += LANES) {
        NAME(vec) factor, squares = {0};
        for (ptrdiff_t i = 0; i < k; i++) {
            const NAME(vec) w = NAME(load)(NAME(vector_at)(&W, i, j, width));
            squares += w * w;
        }
        for (ptrdiff_t lane = 0; lane < LANES; lane++) {
            const real norm = NAME(sqrt)(squares[lane]);
            factor[lane] = norm > most ? most / norm : ONE;
        }
        for (ptrdiff_t i = 0; i < k; i++) {
            real *at = NAME(vector_at)(&W, i, j, width);
            NAME(store)(at, NAME(load)(at) * factor);
        }
    }
}

static void NAME(scale_weights)(const rb_weights *scaled, const rb_weights *weights,
                                const void *scales, ptrdiff_t i0, ptrdiff_t i1) {
    const NAME(columns) to = NAME(laid_out)(scaled), from = NAME(laid_out)(weights);
    const real *factors = scales;
    for (ptrdiff_t i = i0; i < i1; i++)
        for (ptrdiff_t j = 0; j < weights->width; j += LANES)
            NAME(store)(NAME(vector_at)(&to, i, j, weights->width),
                        NAME(load)(NAME(vector_at)(&from, i, j, weights->width)) * factors[i]);
}

static void NAME(scale_gradients)(const rb_weights *gradient, void *d_scales,
                                  const rb_weights *weights, const void *scales, ptrdiff_t i0,
                                  ptrdiff_t i1) {
    const NAME(columns) to = NAME(laid_out)(gradient), from = NAME(laid_out)(weights);
    const real *factors = scales;
    real *sums = d_scales;
    for (ptrdiff_t i = i0; i < i1; i++) {
        NAME(vec) sum = {0};
        for (ptrdiff_t j = 0; j < weights->width; j += LANES) {
            real *at = NAME(vector_at)(&to, i, j, weights->width);
            const NAME(vec) d = NAME(load)(at);
            sum += d * NAME(load)(NAME(vector_at)(&from, i, j, weights->width));
            NAME(store)(at, d * factors[i]);
        }
        sums[i] = (real)NAME(sum_of_lanes)(sum);
    }
}
