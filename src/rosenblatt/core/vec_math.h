/* The vector type and the elementary functions, for one precision.
 * The functions take and give one element and have no branches, so that a loop over them
 * becomes vector code at every instruction set, without intrinsics.
 * Errors, against the true value, for finite arguments (measured by tests/core/test_math.py):
 * exp, expm1, log, tanh, logistic, softplus and erf at most 4 units in the last place, sqrt
 * at most one.
 */
// SPDX-License-Identifier: BSD-3-Clause

#undef ZERO
#undef HALF
#undef ONE
#define ZERO ((real)0)
#define HALF ((real)0.5)
#define ONE ((real)1)

typedef real NAME(vec) __attribute__((vector_size(VECTOR_BYTES), may_alias));

/* Elements in a vector, and the constants of this precision's number format. */
#undef LANES
#undef BITS
#undef SIGNED_BITS
#undef SHIFT
#undef MAGIC
#undef LN2_HIGH
#undef LN2_LOW
#define LANES ((ptrdiff_t)(VECTOR_BYTES / sizeof(real)))
#if IS_FLOAT
#define BITS uint32_t
#define SIGNED_BITS int32_t
#define SHIFT 23
#define MAGIC 0x1.8p23f          /* adding it leaves an integer in the low bits */
#define LN2_HIGH 0x1.62e4p-1f    /* few bits, so that a multiple of it is exact */
#define LN2_LOW 0x1.7f7d1cp-20f
#else
#define BITS uint64_t
#define SIGNED_BITS int64_t
#define SHIFT 52
#define MAGIC 0x1.8p52
#define LN2_HIGH 0x1.62e42fefa3800p-1
#define LN2_LOW 0x1.ef35793c76730p-45
#endif

/* memcpy, because a caller's rows need not start at a vector's alignment */
ALWAYS_INLINE NAME(vec) NAME(load)(const real *from) {
    NAME(vec) v;
    memcpy(&v, from, sizeof v);
    return v;
}
ALWAYS_INLINE void NAME(store)(real *to, NAME(vec) v) { memcpy(to, &v, sizeof v); }

ALWAYS_INLINE real NAME(from_bits)(BITS bits) {
    real x;
    memcpy(&x, &bits, sizeof x);
    return x;
}
ALWAYS_INLINE BITS NAME(to_bits)(real x) {
    BITS bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

#if IS_FLOAT
ALWAYS_INLINE real NAME(abs)(real x) { return __builtin_fabsf(x); }
ALWAYS_INLINE real NAME(copysign)(real x, real sign) { return __builtin_copysignf(x, sign); }
#else
ALWAYS_INLINE real NAME(abs)(real x) { return __builtin_fabs(x); }
ALWAYS_INLINE real NAME(copysign)(real x, real sign) { return __builtin_copysign(x, sign); }
#endif

/* Wide dividers take several cycles for the root of each double. Newton's iteration for
 * 1 / sqrt(x), from the bits of x, runs beside the division that follows in an optimiser; the
 * last step is for the root itself. */
#if !IS_FLOAT && VECTOR_BYTES >= 32
ALWAYS_INLINE real NAME(sqrt)(real x) {
    const real half = x * HALF, three_halves = (real)1.5;
    real inverse = NAME(from_bits)(0x5fe6eb50c7b537a9u - (NAME(to_bits)(x) >> 1)); /* to 3.5 % */
    inverse *= three_halves - half * inverse * inverse;
    inverse *= three_halves - half * inverse * inverse;
    inverse *= three_halves - half * inverse * inverse; /* to 3e-11 */
    const real root = x * inverse;
    const real y = root + HALF * inverse * (x - root * root);
    const real special = x < ZERO ? (real)NAN : x;
    return x >= ZERO && x <= (real)DBL_MAX ? y : special;
}
#elif IS_FLOAT
ALWAYS_INLINE real NAME(sqrt)(real x) { return __builtin_sqrtf(x); }
#else
ALWAYS_INLINE real NAME(sqrt)(real x) { return __builtin_sqrt(x); }
#endif

/* x = k ln 2 + r with |r| <= ln(2)/2: gives 2^(k-1) and expm1(r), from which exp and expm1
 * follow. 2^(k-1) rather than 2^k, which overflows one k before exp does. */
ALWAYS_INLINE void NAME(expm1_parts)(real x, real *half_scale, real *expm1_r) {
    const real shifted = x * (real)0x1.71547652b82fep0 + MAGIC;
    const real k = shifted - MAGIC;
    const real r = (x - k * LN2_HIGH) - k * LN2_LOW;
    const BITS bias = IS_FLOAT ? 126 : 1022;
    *half_scale = NAME(from_bits)((NAME(to_bits)(shifted) + bias) << SHIFT);
    /* Taylor's coefficients: the first left out is below half a unit in the last place */
    real p;
#if IS_FLOAT
    p = (real)(1.0 / 5040);
#else
    p = 1.0 / 87178291200.0;
    p = p * r + 1.0 / 6227020800.0;
    p = p * r + 1.0 / 479001600.0;
    p = p * r + 1.0 / 39916800.0;
    p = p * r + 1.0 / 3628800.0;
    p = p * r + 1.0 / 362880.0;
    p = p * r + 1.0 / 40320.0;
    p = p * r + 1.0 / 5040.0;
#endif
    p = p * r + (real)(1.0 / 720);
    p = p * r + (real)(1.0 / 120);
    p = p * r + (real)(1.0 / 24);
    p = p * r + (real)(1.0 / 6);
    p = p * r + HALF;
    *expm1_r = r + r * r * p;
}

/* Results below 2 * the smallest normal number are zero. */
ALWAYS_INLINE real NAME(exp)(real x) {
    const real highest = IS_FLOAT ? (real)88.722839 : (real)709.782712893384;
    const real lowest = IS_FLOAT ? (real)-86.6 : (real)-707.7;
    real half_scale, expm1_r;
    NAME(expm1_parts)(x, &half_scale, &expm1_r);
    const real y = (ONE + expm1_r) * half_scale * 2;
    return x < lowest ? ZERO : x > highest ? (real)INFINITY : y;
}

/* exp(x) - 1, with the digits of a small x */
ALWAYS_INLINE real NAME(expm1)(real x) {
    const real highest = IS_FLOAT ? (real)88.722839 : (real)709.782712893384;
    const real lowest = -50, u = x < lowest ? lowest : x; /* -1 to the last bit */
    real half_scale, expm1_r;
    NAME(expm1_parts)(u, &half_scale, &expm1_r);
    const real y = (half_scale * expm1_r + (half_scale - HALF)) * 2;
    return x > highest ? (real)INFINITY : NAME(copysign)(y, x);
}

/* x must be positive and normal, or infinite; a NaN stays a NaN. */
ALWAYS_INLINE real NAME(log)(real x) {
    const BITS bits = NAME(to_bits)(x), exponent_of_one = IS_FLOAT ? 127 : 1023;
    const BITS mantissa = ((BITS)1 << SHIFT) - 1;
    /* the biased exponent as a number: put below the mantissa of 2^SHIFT, which is taken off */
    const real exponent = NAME(from_bits)((bits >> SHIFT) | ((exponent_of_one + SHIFT) << SHIFT))
                          - (real)((BITS)1 << SHIFT) - (real)exponent_of_one;
    const real m = NAME(from_bits)((bits & mantissa) | (exponent_of_one << SHIFT));
    const int large = m > (real)1.4142135623730951;
    const real k = large ? exponent + ONE : exponent, f = (large ? m * HALF : m) - ONE;
    /* log(1 + f) = 2 atanh(s) = f - s (f - R), R = 2/3 s^2 + 2/5 s^4 + ... */
    const real s = f / (f + 2), z = s * s;
    real R;
#if IS_FLOAT
    R = (real)(2.0 / 11);
#else
    R = 2.0 / 23;
    R = R * z + 2.0 / 21;
    R = R * z + 2.0 / 19;
    R = R * z + 2.0 / 17;
    R = R * z + 2.0 / 15;
    R = R * z + 2.0 / 13;
    R = R * z + 2.0 / 11;
#endif
    R = R * z + (real)(2.0 / 9);
    R = R * z + (real)(2.0 / 7);
    R = R * z + (real)(2.0 / 5);
    R = R * z + (real)(2.0 / 3);
    R = R * z;
    const real y = k * LN2_HIGH - ((s * (f - R) - k * LN2_LOW) - f);
    return x <= (IS_FLOAT ? (real)FLT_MAX : (real)DBL_MAX) ? y : x;
}

ALWAYS_INLINE real NAME(tanh)(real x) {
    const real one_from = IS_FLOAT ? (real)10 : (real)22; /* tanh is 1 to the last bit */
    const real u = NAME(abs)(x), v = u > one_from ? one_from : u;
    real half_scale, expm1_r;
    NAME(expm1_parts)(v + v, &half_scale, &expm1_r);
    const real scale = half_scale * 2, expm1 = scale * expm1_r + (scale - ONE);
    return NAME(copysign)(expm1 / (expm1 + 2), x);
}

ALWAYS_INLINE real NAME(logistic)(real x) {
    /* exp of minus the magnitude cannot overflow; 1 - s of a small s would lose its digits */
    const real e = NAME(exp)(-NAME(abs)(x));
    return (x < ZERO ? e : ONE) / (ONE + e);
}

/* log(1 + x) for a finite x >= 0 */
ALWAYS_INLINE real NAME(log1p)(real x) {
    const real one_plus_x = ONE + x;
    /* the quotient gives back what rounding 1 + x lost */
    return NAME(log)(one_plus_x) + (x - (one_plus_x - ONE)) / one_plus_x;
}

/* log(1 + exp(x)) */
ALWAYS_INLINE real NAME(softplus)(real x) {
    return (x < ZERO ? ZERO : x) + NAME(log1p)(NAME(exp)(-NAME(abs)(x)));
}

/* p = p * x + each coefficient in turn, highest power first */
#undef HORNER
#define HORNER(p, x, ...)                                                                \
    do {                                                                                 \
        static const real coefficients[] = {__VA_ARGS__};                                \
        UNROLL for (size_t i = 0; i < sizeof coefficients / sizeof(real); i++)           \
            p = p * x + coefficients[i];                                                 \
    } while (0)

/* Up to 1, x times a polynomial in x^2 (interpolation of erf(x) / x at Chebyshev's nodes);
 * beyond, 1 - exp(a polynomial in x - 1), which is fitted to log(erfc(x)) by least squares
 * weighted with erfc. Left out of either is a tenth of a unit in the last place at most. */
ALWAYS_INLINE real NAME(erf)(real x) {
    const real one_from = IS_FLOAT ? (real)4 : (real)6; /* erf is 1 to the last bit */
    const real magnitude = NAME(abs)(x), u = magnitude > one_from ? one_from : magnitude;
    const real squared = x * x, v = u - ONE;
    real low = ZERO, log_erfc = ZERO;
#if IS_FLOAT
    HORNER(low, squared, 0x1.4a5690p-14f, -0x1.a45088p-11f, 0x1.541270p-8f, -0x1.b7fabap-6f,
           0x1.ce2d10p-4f, -0x1.81273ep-2f, 0x1.20dd74p+0f);
    HORNER(log_erfc, v, 0x1.85854ep-13f, -0x1.ded642p-10f, 0x1.441cfcp-7f, -0x1.53f8e8p-5f,
           -0x1.afad3ap-1f, -0x1.51c9aap+1f, -0x1.d97fc0p+0f);
#else
    HORNER(low, squared, -0x1.ac9585a44fe29p-31, 0x1.d76af6ca49787p-27, -0x1.5c131500d3f88p-23,
           0x1.b981d78881a5dp-20, -0x1.f4ca838adb73bp-17, 0x1.f9a2be4f731a1p-14,
           -0x1.c02db0665e53dp-11, 0x1.565bccfa44156p-8, -0x1.b82ce31203772p-6,
           0x1.ce2f21a040f66p-4, -0x1.812746b0379c1p-2, 0x1.20dd750429b6dp+0);
    HORNER(log_erfc, v, -0x1.5633548048e28p-38, 0x1.064cfc0531ed7p-33, -0x1.6a78589930dd3p-30,
           0x1.249d4c1e3a842p-27, -0x1.1ebe995fe1ed0p-25, 0x1.f2179642fb3f8p-25,
           0x1.b7efdcb82c69bp-23, -0x1.1e2745735b2c8p-19, 0x1.44851a4c20ebep-17,
           -0x1.c852ecdcf7005p-16, 0x1.b92dfcb8b267dp-16, 0x1.f1b048ed280cfp-13,
           -0x1.033f5a0c6b6f8p-9, 0x1.48c9d37f7e425p-7, -0x1.5477f099b52c3p-5,
           -0x1.afabc11a2afeep-1, -0x1.51c9b0006c21ap+1, -0x1.d97fbf27aa2a1p+0);
#endif
    const real high = NAME(copysign)(ONE - NAME(exp)(log_erfc), x);
    return magnitude <= ONE ? x * low : high;
}

/* Phi(x), the share of a normal distribution below x, to an epsilon of 1 */
ALWAYS_INLINE real NAME(normal_cdf)(real x) {
    return HALF + HALF * NAME(erf)(x * (real)0.70710678118654752440);
}

/* its density */
ALWAYS_INLINE real NAME(normal_pdf)(real x) {
    return (real)0.39894228040143267794 * NAME(exp)(-HALF * x * x);
}

/* x, or where it is beyond them `lowest` and `highest`; a NaN stays a NaN */
ALWAYS_INLINE real NAME(clamp)(real x, real lowest, real highest) {
    return x < lowest ? lowest : x > highest ? highest : x;
}

/* For mish: tanh(softplus(z)) = n / (n + 2) with n = e^z (e^z + 2), and its
 * derivative. From 20 on they are 1 and as good as 0. */
ALWAYS_INLINE real NAME(tanh_softplus)(real z) {
    const real e = NAME(exp)(z > 20 ? (real)20 : z), n = e * (e + 2);
    return n / (n + 2);
}
ALWAYS_INLINE real NAME(tanh_softplus_slope)(real z) {
    const real e = NAME(exp)(z > 20 ? (real)20 : z), m = e * (e + 2) + 2;
    return 4 * e * (ONE + e) / (m * m);
}
/* of z * tanh(softplus(z)), the second derivative: t' (2 + z (log t')') */
ALWAYS_INLINE real NAME(mish_curvature)(real z) {
    const real e = NAME(exp)(z > 20 ? (real)20 : z), m = e * (e + 2) + 2;
    const real in_log = ONE + e / (ONE + e) - 4 * e * (ONE + e) / m;
    return NAME(tanh_softplus_slope)(z) * (2 + z * in_log);
}

#undef FUNCTION
#define FUNCTION(code, name)                                                             \
    case code:                                                                           \
        for (ptrdiff_t i = 0; i < count; i++) y[i] = NAME(name)(x[i]);                   \
        break;

static void NAME(evaluate)(void *to, const void *from, ptrdiff_t count, int function) {
    real *y = to; /* may be x */
    const real *x = from;
    switch (function) {
        FUNCTION(0, exp)
        FUNCTION(1, log)
        FUNCTION(2, tanh)
        FUNCTION(3, logistic)
        FUNCTION(4, softplus)
        FUNCTION(5, sqrt)
        FUNCTION(6, expm1)
        FUNCTION(7, erf)
    }
}
