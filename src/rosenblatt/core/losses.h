/* The functions in the rows of losses.def: functions of one logit, without branches and loops.
 * Functions of a row of logits are in output.h. */
// SPDX-License-Identifier: BSD-3-Clause

/* As in scikit-learn, probabilities are clipped to [epsilon, 1 - epsilon] if `clips` is 1, but not
 * if it is 0. There is no branch, so that loops are not split. */
ALWAYS_INLINE real NAME(clip_log_loss)(real loss, real clips) {
    const real lowest = clips * (IS_FLOAT ? (real)FLT_EPSILON : (real)DBL_EPSILON);
    const real highest = (IS_FLOAT ? (real)15.942385152878742 : (real)36.04365338911715) / clips;
    return loss < lowest ? lowest : loss > highest ? highest : loss;
}

/* Of two classes, with u the logit of the wrong one: (1 - c/2) log(1 + e^u) + c/2 log(1 + e^-u) */
ALWAYS_INLINE real NAME(smoothed_log_loss)(real u, real c) {
    return NAME(clip_log_loss)(NAME(softplus)(u) - HALF * c * u, (real)(c == ZERO));
}

/* p (1 - p), accurate for small values */
ALWAYS_INLINE real NAME(logistic_slope)(real z) {
    const real e = NAME(exp)(-NAME(abs)(z));
    return e / ((ONE + e) * (ONE + e));
}

/* With u the logit of the right class of two: -(1 - p)^c log(p) for p = logistic(u) */
ALWAYS_INLINE real NAME(focal)(real u, real c) {
    return NAME(exp)(-c * NAME(softplus)(u)) * NAME(softplus)(-u);
}
ALWAYS_INLINE real NAME(focal_slope)(real u, real c) {
    return -NAME(exp)(-c * NAME(softplus)(u))
           * (c * NAME(logistic)(u) * NAME(softplus)(-u) + NAME(logistic)(-u));
}
/* with q = 1 - p and l = -log(p): q^c p (c l (c p - q) + q (2c + 1)) */
ALWAYS_INLINE real NAME(focal_curvature)(real u, real c) {
    const real p = NAME(logistic)(u), q = NAME(logistic)(-u), l = NAME(softplus)(-u);
    return NAME(exp)(-c * NAME(softplus)(u)) * p * (c * l * (c * p - q) + q * (2 * c + ONE));
}

/* u is the logit, negative for the wrong sign; at the kink the slope is 0 */
ALWAYS_INLINE real NAME(hinge)(real u) { return u > ONE ? ZERO : ONE - u; }
ALWAYS_INLINE real NAME(hinge_slope)(real u) { return u >= ONE ? ZERO : u < ONE ? -ONE : u; }

ALWAYS_INLINE real NAME(huber)(real d, real delta) {
    const real size = NAME(abs)(d);
    return size > delta ? delta * (size - HALF * delta) : HALF * d * d;
}
ALWAYS_INLINE real NAME(huber_slope)(real d, real delta) {
    return NAME(abs)(d) > delta ? NAME(copysign)(delta, d) : d;
}

/* log(1 + 2 sinh(d/2)^2), which is accurate for small d; beyond 20 it is |d| - log 2 */
ALWAYS_INLINE real NAME(log_cosh)(real d) {
    const real size = NAME(abs)(d), u = size > 20 ? (real)20 : size;
    const real e = NAME(expm1)(HALF * u), sinh = HALF * (e + e / (e + ONE));
    return size > 20 ? size - (real)0.69314718055994530942 : NAME(log1p)(2 * sinh * sinh);
}

/* log(max(y, the smallest normal number)) */
ALWAYS_INLINE real NAME(log_target)(real y) {
    const real lowest = IS_FLOAT ? (real)FLT_MIN : (real)DBL_MIN;
    return NAME(log)(y < lowest ? lowest : y);
}

/* (e^(kr) - 1) / k, and its limit r at k = 0 */
ALWAYS_INLINE real NAME(box_cox)(real k, real r) {
    return k == ZERO ? r : NAME(expm1)(k * r) / (k == ZERO ? ONE : k);
}

/* Half the deviance of y and e^z: (with a = 2 - p, b = 1 - p)
 * y^a / (ab) - y e^(bz) / b + e^(az) / a, for y > 0 without the cancellation between the three
 * that would take all digits near y = e^z and near p = 1 and 2. For p = 0 y may be negative. */
ALWAYS_INLINE real NAME(tweedie)(real z, real y, real p) {
    const real a = 2 - p, b = ONE - p, log_y = NAME(log_target)(y), r = z - log_y;
    const real above = NAME(exp)(a * log_y) * (NAME(box_cox)(a, r) - NAME(box_cox)(b, r));
    const real at_zero = NAME(exp)(a * z) / a;
    const real below = at_zero - y * NAME(exp)(b * z) / b + (p == ZERO ? HALF * y * y : ZERO);
    return y > ZERO ? above : y < ZERO ? below : at_zero;
}
ALWAYS_INLINE real NAME(tweedie_slope)(real z, real y, real p) {
    const real mean_part = NAME(exp)((2 - p) * z), y_part = y * NAME(exp)((ONE - p) * z);
    return y == ZERO ? mean_part : mean_part - y_part;
}
ALWAYS_INLINE real NAME(tweedie_curvature)(real z, real y, real p) {
    const real a = 2 - p, b = ONE - p;
    const real mean_part = a * NAME(exp)(a * z), y_part = b * y * NAME(exp)(b * z);
    return y == ZERO ? mean_part : mean_part - y_part;
}
