/* Dropout (Srivastava et al., 2014) and Gaussian noise. The random bits come from random_bits.h: a
 * seed gives the same masks in both precisions. */
// SPDX-License-Identifier: BSD-3-Clause

#undef NOISE_BLOCK
#define NOISE_BLOCK 256 /* columns at a time, whose bits stay in the first-level cache */

/* 0 for the fraction `rate` of all bits, 1 / (1 - rate) for the others; rate < 1 */
ALWAYS_INLINE real NAME(dropout_factor)(uint32_t bits, double rate) {
    return bits < (uint32_t)(rate * 0x1p32) ? ZERO : (real)(1 / (1 - rate));
}

/* mask (count,) of a row's columns from j0 on */
ALWAYS_INLINE void NAME(dropout_mask)(real *restrict mask, double rate, uint64_t key,
                                      ptrdiff_t row, ptrdiff_t j0, ptrdiff_t count) {
    uint32_t bits[NOISE_BLOCK];
    rb_random_bits(bits, key, row, j0, count);
    for (ptrdiff_t j = 0; j < count; j++) mask[j] = NAME(dropout_factor)(bits[j], rate);
}

static void NAME(drop_out)(void *out, void *slopes, const void *kept, ptrdiff_t m,
                           ptrdiff_t width, int activation, double rate, uint64_t key,
                           ptrdiff_t first_row) {
    real mask[NOISE_BLOCK];
    for (ptrdiff_t i = 0; i < m; i++)
        for (ptrdiff_t j0 = 0; j0 < width; j0 += NOISE_BLOCK) {
            const ptrdiff_t count = smaller(NOISE_BLOCK, width - j0), at = i * width + j0;
            real *output = (real *)out + at, *slope = slopes ? (real *)slopes + at : NULL;
            NAME(dropout_mask)(mask, rate, key, first_row + i, j0, count);
            if (slope && slopes == kept) {
                for (ptrdiff_t j = 0; j < count; j++) slope[j] *= mask[j];
            } else if (slope) { /* before writing `out`, which may be `kept` */
                memcpy(slope, mask, (size_t)count * sizeof(real));
                NAME(backward_of)[activation](slope, (const real *)kept + at, count);
            }
            for (ptrdiff_t j = 0; j < count; j++) output[j] *= mask[j];
        }
}

/* The normal distribution's quantile of (1 + x) / 2 over the square root of 2, |x| < 1: Giles's
 * (2010) approximation, of which both branches are computed. Relative error 4e-7. */
ALWAYS_INLINE real NAME(inverse_erf)(real x) {
    const real w = -NAME(log)((ONE - x) * (ONE + x));
    const real near = w - (real)2.5, far = NAME(sqrt)(w) - 3;
    const int is_near = w < 5;
    const real t = is_near ? near : far;
    real p = is_near ? (real)2.81022636e-08 : (real)-0.000200214257;
    p = p * t + (is_near ? (real)3.43273939e-07 : (real)0.000100950558);
    p = p * t + (is_near ? (real)-3.5233877e-06 : (real)0.00134934322);
    p = p * t + (is_near ? (real)-4.39150654e-06 : (real)-0.00367342844);
    p = p * t + (is_near ? (real)0.00021858087 : (real)0.00573950773);
    p = p * t + (is_near ? (real)-0.00125372503 : (real)-0.0076224613);
    p = p * t + (is_near ? (real)-0.00417768164 : (real)0.00943887047);
    p = p * t + (is_near ? (real)0.246640727 : (real)1.00167406);
    p = p * t + (is_near ? (real)1.50140941 : (real)2.83297682);
    return p * x;
}

static void NAME(add_noise)(void *rows, ptrdiff_t m, ptrdiff_t n, double deviation,
                            uint64_t key, ptrdiff_t first_row) {
    uint32_t bits[NOISE_BLOCK];
    const real factor = (real)(deviation * 1.4142135623730951);
    for (ptrdiff_t i = 0; i < m; i++)
        for (ptrdiff_t j0 = 0; j0 < n; j0 += NOISE_BLOCK) {
            const ptrdiff_t count = smaller(NOISE_BLOCK, n - j0);
            real *to = (real *)rows + i * n + j0;
            rb_random_bits(bits, key, first_row + i, j0, count);
            for (ptrdiff_t j = 0; j < count; j++) {
                /* the centres of 2^23 intervals of (-1, 1), all exact floats */
                const int32_t odd = (int32_t)(bits[j] >> 8 | 1) - (1 << 23);
                to[j] += factor * NAME(inverse_erf)((real)odd * (real)0x1p-23);
            }
        }
}
