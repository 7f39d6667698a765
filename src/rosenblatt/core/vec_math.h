/* The vector type and the elementary functions, for one precision.
 * The functions map one element to one element and have no branches, so that the compiler
 * vectorises a loop over them for every instruction set, without intrinsics.
 * Errors, against the true value, for finite arguments (measured by tests/core/test_math.py):
 * exp, expm1, log, tanh, logistic and softplus at most 4 units in the last place, sqrt at most
 * one, normal_cdf an epsilon of 1.
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

/* memcpy, because a caller's rows may not be aligned to a vector */
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

/* The hardware takes several cycles for the square root of each double. Newton's iteration for
 * 1 / sqrt(x), started from the bits of x, overlaps with the division that follows in an optimiser;
 * the last step computes the root itself. */
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
 * follow. 2^(k-1) is used because 2^k overflows before exp does. */
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

/* exp(x) - 1, accurate for small x */
ALWAYS_INLINE real NAME(expm1)(real x) {
    const real highest = IS_FLOAT ? (real)88.722839 : (real)709.782712893384;
    const real lowest = -50, u = x < lowest ? lowest : x; /* -1 to the last bit */
    real half_scale, expm1_r;
    NAME(expm1_parts)(u, &half_scale, &expm1_r);
    const real y = (half_scale * expm1_r + (half_scale - HALF)) * 2;
    return x > highest ? (real)INFINITY : NAME(copysign)(y, x);
}

/* x must be positive and normal, or infinite; NaN propagates. */
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
    /* exp of minus the magnitude cannot overflow; 1 - s would be inaccurate for small s */
    const real e = NAME(exp)(-NAME(abs)(x));
    return (x < ZERO ? e : ONE) / (ONE + e);
}

/* log(1 + x) for a finite x >= 0 */
ALWAYS_INLINE real NAME(log1p)(real x) {
    const real one_plus_x = ONE + x;
    /* the quotient corrects the rounding error of 1 + x */
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

/* The density of the normal distribution, but for its factor 1 / sqrt(2 pi) */
ALWAYS_INLINE real NAME(bell)(real x) { return NAME(exp)(-HALF * x * x); }

ALWAYS_INLINE real NAME(normal_pdf)(real x) {
    return (real)0.39894228040143267794 * NAME(bell)(x);
}

/* Phi(x), the share of a normal distribution below x. With u = |x| and s = u / (u + a), what lies
 * beyond u is bell(u) (a / 2 + s P(2 s - 1)) / (u + a), an expansion like Shepherd & Laframboise's
 * (1981); the polynomial P interpolates at Chebyshev's nodes up to `last`, from where on the tail
 * is less than an epsilon of 1 and counts as zero. The exponential is the density's, so whoever
 * wants both has one. */
ALWAYS_INLINE real NAME(normal_cdf)(real x) {
    const real a = IS_FLOAT ? 4 : 5, last = IS_FLOAT ? (real)6 : (real)8.5, u = NAME(abs)(x);
    const real inverse = ONE / (u + a), s = u * inverse, t = s + s - ONE;
    real p = ZERO;
#if IS_FLOAT
    HORNER(p, t, 0x1.314280p-10f, 0x1.73ef1cp-9f, -0x1.385686p-7f, -0x1.6aefd4p-8f,
           0x1.02b1e0p-3f, -0x1.ff589ap-2f, 0x1.460d0ap+0f, -0x1.3ea5a2p+1f);
#else
    HORNER(p, t, 0x1.45a665654ee50p-24, 0x1.18da90528b0b5p-21, 0x1.0fb9e6be0baa9p-20,
           -0x1.3d693e4e86c45p-20, -0x1.1740aec1cfe79p-18, 0x1.96e59f008a4f6p-17,
           0x1.63bfc54564250p-16, -0x1.fa6d8bf9000c4p-14, 0x1.0b1e49e9bf404p-19,
           0x1.1d299dd65a522p-10, -0x1.5fbce92babc0dp-9, -0x1.b0f534486b6bbp-9,
           0x1.6fc42837de9a7p-5, -0x1.770d2f5a99140p-3, 0x1.06be6526277a1p-1,
           -0x1.23e69d8f4e87ap+0, 0x1.10bfa815c501dp+1, -0x1.bb162a0f03529p+1);
#endif
    const real beyond = NAME(bell)(x) * ((HALF * a + s * p) * inverse);
    const real tail = u > last ? ZERO : beyond;
    return x < ZERO ? tail : ONE - tail;
}

/* x clipped to [lowest, highest]; NaN propagates */
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
        FUNCTION(7, normal_cdf)
    }
}
