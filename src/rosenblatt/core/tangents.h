/* Derivatives along a direction in the space of the parameters, for Hessian-vector products
 * (the R-operator; Pearlmutter, 1994), through activations, normalisation and losses. A name that
 * begins with r_ is such a derivative. loss_derivatives.pyx calls these kernels and computes the
 * products. */
// SPDX-License-Identifier: BSD-3-Clause

/* r_out (count,) = slope * r_z; r_z becomes curvature * r_z, which the backward pass needs */
typedef void NAME(tangent_function)(real *restrict r_out, real *restrict r_z, const real *restrict z,
                                    const real *restrict a, const real *restrict slope,
                                    ptrdiff_t count);

#define ACTIVATION(name, keeps, init_factor, value, slope, curvature)                    \
    static void NAME(tangent_##name)(                                                    \
        real *restrict r_out, real *restrict r_zs, const real *restrict zs,              \
        const real *restrict as, const real *restrict slopes, ptrdiff_t count) {         \
        for (ptrdiff_t i = 0; i < count; i++) {                                          \
            const real z = zs[i], a = as[i], s = slopes[i], r = r_zs[i];                 \
            (void)z, (void)a;                                                            \
            r_out[i] = s * r;                                                            \
            r_zs[i] = (curvature) * r;                                                   \
        }                                                                                \
    }
#include "activations.def"
#undef ACTIVATION

static NAME(tangent_function) *const NAME(tangent_of)[N_ACTIVATIONS] = {
#define ACTIVATION(name, ...) NAME(tangent_##name),
#include "activations.def"
#undef ACTIVATION
};

static void NAME(tangent_activation)(void *r_out, void *r_z, const void *z, const void *a,
                                     const void *slope, ptrdiff_t count, int activation) {
    NAME(tangent_of)[activation](r_out, r_z, z, a, slope, count);
}

static void NAME(tangent_backward)(void *delta, void *r_delta, const void *slope,
                                   const void *bend, ptrdiff_t count) {
    real *restrict d = delta, *restrict r_d = r_delta;
    const real *restrict slopes = slope, *restrict bends = bend;
    for (ptrdiff_t i = 0; i < count; i++) {
        r_d[i] = r_d[i] * slopes[i] + d[i] * bends[i];
        d[i] *= slopes[i];
    }
}

static void NAME(add)(void *out, const void *x, ptrdiff_t count) {
    real *restrict sums = out;
    const real *restrict terms = x;
    for (ptrdiff_t i = 0; i < count; i++) sums[i] += terms[i];
}

/* With z' = r_z and x = (z - mean) * inverse: x' = inverse * (z' - mean(z') - x * mean(x z')),
 * and inverse' / inverse = -inverse * mean(x z'). */
static void NAME(tangent_normalize_rows)(void *r_z, void *r_log_inverse, const void *normalized,
                                         const void *inverse, ptrdiff_t m, ptrdiff_t n,
                                         ptrdiff_t width) {
    real *r_logs = r_log_inverse;
    const real *inverses = inverse;
    for (ptrdiff_t i = 0; i < m; i++) {
        real *restrict r_x = (real *)r_z + i * width;
        const real *restrict x = (const real *)normalized + i * width;
        real sum = ZERO, with_x = ZERO;
        for (ptrdiff_t j = 0; j < n; j++) sum += r_x[j], with_x += x[j] * r_x[j];
        const real mean = sum / (real)n, slope = with_x / (real)n, by = inverses[i];
        for (ptrdiff_t j = 0; j < n; j++) r_x[j] = by * (r_x[j] - mean - x[j] * slope);
        r_logs[i] = -by * slope;
    }
}

/* From g and g', those of x: d = inverse * (g - mean(g) - x mean(g x)) and its derivative
 * d' = inverse'/inverse * d + inverse * (g' - mean(g') - x' mean(g x) - x mean(g' x + g x')). */
static void NAME(tangent_normalize_rows_backward)(void *delta, void *r_delta,
                                                  const void *normalized,
                                                  const void *r_normalized, const void *inverse,
                                                  const void *r_log_inverse, ptrdiff_t m,
                                                  ptrdiff_t n, ptrdiff_t width) {
    const real *inverses = inverse, *r_logs = r_log_inverse, share = ONE / (real)n;
    for (ptrdiff_t i = 0; i < m; i++) {
        real *restrict d = (real *)delta + i * width, *restrict r_d = (real *)r_delta + i * width;
        const real *restrict x = (const real *)normalized + i * width;
        const real *restrict r_x = (const real *)r_normalized + i * width;
        real mean = ZERO, slope = ZERO, r_mean = ZERO, r_slope = ZERO;
        for (ptrdiff_t j = 0; j < n; j++) {
            mean += d[j], slope += d[j] * x[j];
            r_mean += r_d[j], r_slope += r_d[j] * x[j] + d[j] * r_x[j];
        }
        mean *= share, slope *= share, r_mean *= share, r_slope *= share;
        for (ptrdiff_t j = 0; j < n; j++) {
            const real out = inverses[i] * (d[j] - mean - x[j] * slope);
            r_d[j] = r_logs[i] * out
                     + inverses[i] * (r_d[j] - r_mean - r_x[j] * slope - x[j] * r_slope);
            d[j] = out;
        }
    }
}

/* A block of rows: r is overwritten by the derivative of the gradient. */
typedef struct {
    NAME(output_block) of;     /* z is unchanged, and there are no losses */
    real *r;                   /* (n, OUTPUT_BLOCK) */
} NAME(tangent_block);

/* r (n, OUTPUT_BLOCK) <- r - r[the classes in `from`], which does not change the softmax; the
 * result is small if one probability is near 1. */
static void NAME(shift_tangents)(real *restrict r, const ptrdiff_t *from, ptrdiff_t n) {
    real origin[OUTPUT_BLOCK];
    for (int i = 0; i < OUTPUT_BLOCK; i++) origin[i] = r[from[i] * OUTPUT_BLOCK + i];
    for (ptrdiff_t j = 0; j < n; j++)
        for (int i = 0; i < OUTPUT_BLOCK; i++) r[j * OUTPUT_BLOCK + i] -= origin[i];
}

/* r <- softmax' = p (r - sum(p r)), with p left in z */
static void NAME(tangent_softmax)(const NAME(tangent_block) * block) {
    const ptrdiff_t n = block->of.n;
    real *p = block->of.z, *r = block->r, highest[OUTPUT_BLOCK], sum[OUTPUT_BLOCK],
         mean[OUTPUT_BLOCK] = {0};
    ptrdiff_t likeliest[OUTPUT_BLOCK] = {0};
    NAME(softmax_block)(p, p, highest, sum, n);
    for (ptrdiff_t j = 1; j < n; j++)
        for (int i = 0; i < OUTPUT_BLOCK; i++)
            if (p[j * OUTPUT_BLOCK + i] > p[likeliest[i] * OUTPUT_BLOCK + i]) likeliest[i] = j;
    NAME(shift_tangents)(r, likeliest, n);
    for (ptrdiff_t j = 0; j < n; j++)
        for (int i = 0; i < OUTPUT_BLOCK; i++)
            mean[i] += p[j * OUTPUT_BLOCK + i] * r[j * OUTPUT_BLOCK + i];
    for (ptrdiff_t j = 0; j < n; j++)
        for (int i = 0; i < OUTPUT_BLOCK; i++)
            r[j * OUTPUT_BLOCK + i] = p[j * OUTPUT_BLOCK + i] * (r[j * OUTPUT_BLOCK + i] - mean[i]);
}

/* The gradient is p - y, for any label smoothing. */
static void NAME(tangent_multiclass_log_loss)(const NAME(tangent_block) * block) {
    NAME(tangent_softmax)(block);
}

/* The gradient is p (e - sum(p e)) with e = p - y. */
static void NAME(tangent_multiclass_squared_error)(const NAME(tangent_block) * block) {
    const ptrdiff_t size = block->of.n * OUTPUT_BLOCK;
    real *p = block->of.z, *error = block->of.y, *r = block->r, mean[OUTPUT_BLOCK] = {0},
         r_mean[OUTPUT_BLOCK] = {0};
    NAME(one_hot)(&block->of);
    NAME(tangent_softmax)(block);
    for (ptrdiff_t i = 0; i < size; i++) {
        error[i] = p[i] - error[i];
        mean[i % OUTPUT_BLOCK] += p[i] * error[i];
        r_mean[i % OUTPUT_BLOCK] += r[i] * (error[i] + p[i]);
    }
    for (ptrdiff_t i = 0; i < size; i++)
        r[i] = r[i] * (error[i] - mean[i % OUTPUT_BLOCK]) + p[i] * (r[i] - r_mean[i % OUTPUT_BLOCK]);
}

/* The gradient is f p_j, and -f u for the own class, with q its probability, u = 1 - q and
 * f = u^c (1 - c q log(q) / u). Tangents are taken from the own class's, so that
 * s = sum(p_j r_j), q' = -q s, and f' = c u^(c - 1) q s (2 + log(q) - (c - 1) q log(q) / u). */
static void NAME(tangent_multiclass_focal)(const NAME(tangent_block) * block) {
    const ptrdiff_t n = block->of.n, *own = block->of.classes;
    const real c = block->of.constants[0], lowest = IS_FLOAT ? (real)FLT_MIN : (real)DBL_MIN;
    real *p = block->of.z, *r = block->r, own_z[OUTPUT_BLOCK], rest[OUTPUT_BLOCK] = {0},
         s[OUTPUT_BLOCK] = {0}, highest[OUTPUT_BLOCK], sum[OUTPUT_BLOCK], factor[OUTPUT_BLOCK],
         r_factor[OUTPUT_BLOCK];
    for (int i = 0; i < OUTPUT_BLOCK; i++) own_z[i] = p[own[i] * OUTPUT_BLOCK + i];
    NAME(softmax_block)(p, p, highest, sum, n);
    NAME(shift_tangents)(r, own, n);
    for (ptrdiff_t j = 0; j < n; j++)
        for (int i = 0; i < OUTPUT_BLOCK; i++) {
            rest[i] += own[i] == j ? ZERO : p[j * OUTPUT_BLOCK + i];
            s[i] += p[j * OUTPUT_BLOCK + i] * r[j * OUTPUT_BLOCK + i];
        }
    for (int i = 0; i < OUTPUT_BLOCK; i++) {
        const real q = p[own[i] * OUTPUT_BLOCK + i], u = rest[i] < lowest ? lowest : rest[i];
        const real near = NAME(log1p)(u / (q > HALF ? q : HALF)); /* -log(q), as in output.h */
        const real loss = q > HALF ? near : NAME(log)(sum[i]) - (own_z[i] - highest[i]);
        const real power = NAME(exp)(c * NAME(log)(u));
        factor[i] = power * (ONE + c * q * loss / u);
        r_factor[i] = c * power * (q * s[i] / u) * (2 - loss + (c - ONE) * q * loss / u);
    }
    for (ptrdiff_t j = 0; j < n; j++)
        for (int i = 0; i < OUTPUT_BLOCK; i++) {
            const real q = p[own[i] * OUTPUT_BLOCK + i], pj = p[j * OUTPUT_BLOCK + i];
            const real of_others = r_factor[i] * pj + factor[i] * pj * (r[j * OUTPUT_BLOCK + i] - s[i]);
            const real of_own = -r_factor[i] * rest[i] - factor[i] * q * s[i];
            r[j * OUTPUT_BLOCK + i] = own[i] == j ? of_own : of_others;
        }
}

/* The gradient is constant between its jumps. */
static void NAME(tangent_crammer_singer_hinge)(const NAME(tangent_block) * block) {
    for (ptrdiff_t i = 0; i < block->of.n * OUTPUT_BLOCK; i++) block->r[i] = ZERO;
}

/* The gradient is 2 margin g, with g the margin's: -1 for the own class, 1 for the best other. */
static void NAME(tangent_crammer_singer_squared_hinge)(const NAME(tangent_block) * block) {
    const ptrdiff_t size = block->of.n * OUTPUT_BLOCK;
    real margin[OUTPUT_BLOCK], r_margin[OUTPUT_BLOCK] = {0};
    NAME(crammer_singer)(&block->of, margin);
    for (ptrdiff_t i = 0; i < size; i++) r_margin[i % OUTPUT_BLOCK] += block->of.z[i] * block->r[i];
    for (ptrdiff_t i = 0; i < size; i++)
        block->r[i] = 2 * r_margin[i % OUTPUT_BLOCK] * block->of.z[i];
}

#define LOSS(name, parameter, target, domain, out_activation, constant, value, slope, curvature) \
    static void NAME(tangent_##name)(const NAME(tangent_block) * block) {                \
        if (target == CLASS) NAME(one_hot)(&block->of);                                  \
        for (ptrdiff_t j = 0; j < block->of.n; j++) {                                    \
            const real c = block->of.constants[j];                                       \
            (void)c;                                                                     \
            for (ptrdiff_t i = j * OUTPUT_BLOCK; i < (j + 1) * OUTPUT_BLOCK; i++) {      \
                const real z = block->of.z[i], y = block->of.y[i];                       \
                (void)z, (void)y;                                                        \
                block->r[i] *= curvature;                                                \
            }                                                                            \
        }                                                                                \
    }
#define LOSS_BY_ROW(name, ...)
#include "losses.def"
#undef LOSS
#undef LOSS_BY_ROW

static void (*const NAME(loss_tangent_of)[N_LOSSES])(const NAME(tangent_block) *) = {
#define LOSS(name, ...) NAME(tangent_##name),
#define LOSS_BY_ROW(name, ...) NAME(tangent_##name),
#include "losses.def"
#undef LOSS
#undef LOSS_BY_ROW
};

static void NAME(tangent_loss)(void *r_logits, const void *logits, const void *targets,
                               const ptrdiff_t *order, ptrdiff_t m, ptrdiff_t n, ptrdiff_t width,
                               int loss, const void *constants, void *scratch) {
    ptrdiff_t classes[OUTPUT_BLOCK] = {0};
    const ptrdiff_t size = n * OUTPUT_BLOCK;
    const NAME(tangent_block) block = {
        .of = {.z = scratch, .y = (real *)scratch + size, .classes = classes,
               .constants = constants, .n = n},
        .r = (real *)scratch + 2 * size};
    for (ptrdiff_t i = 0; i < m; i += OUTPUT_BLOCK) {
        const ptrdiff_t rows = smaller(OUTPUT_BLOCK, m - i);
        real *r_z = (real *)r_logits + i * width;
        NAME(load_block)(block.of.z, (const real *)logits + i * width, rows, n, width);
        NAME(load_block)(block.r, r_z, rows, n, width);
        NAME(load_targets)(&block.of, classes, targets, order + i, rows, loss);
        NAME(loss_tangent_of)[loss](&block);
        NAME(store_block)(r_z, block.r, rows, n, width);
    }
}
