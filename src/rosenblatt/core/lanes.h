/* Permutations of vector lanes: the transpose of a block of LANES vectors, and sums across lanes.
 * Both exchange lanes at a distance that is halved until it is one. */
// SPDX-License-Identifier: BSD-3-Clause

#undef N_LANES
#undef LIST
#undef FOR_DISTANCES
#define N_LANES (VECTOR_BYTES / (8 - 4 * IS_FLOAT)) /* LANES, for the preprocessor */
#if N_LANES == 16
#define LIST(f, d) LIST_16(f, d)
#define FOR_DISTANCES(X) X(8) X(4) X(2) X(1)
#elif N_LANES == 8
#define LIST(f, d) LIST_8(f, d, 0)
#define FOR_DISTANCES(X) X(4) X(2) X(1)
#elif N_LANES == 4
#define LIST(f, d) LIST_4(f, d, 0)
#define FOR_DISTANCES(X) X(2) X(1)
#else
#define LIST(f, d) LIST_2(f, d, 0)
#define FOR_DISTANCES(X) X(1)
#endif

#ifndef LIST_2
#define LIST_2(f, d, l) f(l, d), f(l + 1, d)
#define LIST_4(f, d, l) LIST_2(f, d, l), LIST_2(f, d, l + 2)
#define LIST_8(f, d, l) LIST_4(f, d, l), LIST_4(f, d, l + 4)
#define LIST_16(f, d) LIST_8(f, d, 0), LIST_8(f, d, 8)
/* The source of lane `l` when a and b are combined: the lanes of a and b whose number does not have
 * the bit `d`, or those that have it. The lanes of b are numbered after those of a. */
#define LOWER(l, d) (((l) & (d)) ? N_LANES + (l) - (d) : (l))
#define UPPER(l, d) (((l) & (d)) ? N_LANES + (l) : (l) + (d))
#if defined(__clang__)
#define SHUFFLE(a, b, f, d) __builtin_shufflevector(a, b, LIST(f, d))
#else
#define SHUFFLE(a, b, f, d) __builtin_shuffle(a, b, (NAME(lane_numbers)){LIST(f, d)})
#endif
#endif

typedef SIGNED_BITS NAME(lane_numbers) __attribute__((vector_size(VECTOR_BYTES)));

/* v[i]'s lane j becomes v[j]'s lane i */
ALWAYS_INLINE void NAME(transpose_lanes)(NAME(vec) v[LANES]) {
#define EXCHANGE(d)                                                                      \
    UNROLL for (int i = 0; i < LANES; i++) if (!(i & (d))) {                             \
        const NAME(vec) a = v[i], b = v[i + (d)];                                        \
        v[i] = SHUFFLE(a, b, LOWER, d);                                                  \
        v[i + (d)] = SHUFFLE(a, b, UPPER, d);                                            \
    }
    FOR_DISTANCES(EXCHANGE)
#undef EXCHANGE
}

/* lane i of the result is the sum of v[i]'s lanes; v is used up */
ALWAYS_INLINE NAME(vec) NAME(sum_lanes)(NAME(vec) v[LANES]) {
#define FOLD(d)                                                                          \
    UNROLL for (int i = 0; i < (d); i++)                                                 \
        v[i] = SHUFFLE(v[i], v[i + (d)], LOWER, d) + SHUFFLE(v[i], v[i + (d)], UPPER, d);
    FOR_DISTANCES(FOLD)
#undef FOLD
    return v[0];
}
