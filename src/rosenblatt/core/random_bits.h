/* Counter-based random bits: a hash of seed, step, stream, row and column. They do not depend on
 * the thread, the part or the order in which they are computed. Used for dropout and noise; initial
 * weights and shuffles are drawn by NumPy.
 * The 64-bit mix is splitmix64's (Steele, Lea & Flood, 2014), the 32-bit one Wellons's (2018). */
// SPDX-License-Identifier: BSD-3-Clause
#ifndef ROSENBLATT_RANDOM_BITS_H
#define ROSENBLATT_RANDOM_BITS_H

#include <stddef.h>
#include <stdint.h>

static inline uint64_t rb_mix(uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/* The key of the bits of one stream in one step; each layer that needs random bits has a stream. */
static inline uint64_t rb_stream_key(uint64_t seed, uint64_t step, uint64_t stream) {
    const uint64_t golden = 0x9e3779b97f4a7c15u;
    return rb_mix(rb_mix(seed + golden * (step + 1)) + golden * (stream + 1));
}

/* The key of the bits of one row. It has two words, because with one word the columns of two rows
 * could be shifted copies of each other. */
static inline uint64_t rb_row_key(uint64_t key, ptrdiff_t row) {
    return rb_mix(key + 0x9e3779b97f4a7c15u * ((uint64_t)row + 1));
}

static inline uint32_t rb_column_bits(uint64_t row_key, ptrdiff_t column) {
    uint32_t x = (uint32_t)row_key + (uint32_t)column * 0x9e3779b9u;
    x = (x ^ (x >> 16)) * 0x21f0aaadu;
    x = (x ^ (x >> 15) ^ (uint32_t)(row_key >> 32)) * 0xd35a2d97u;
    return x ^ (x >> 15);
}

/* bits (count,) of columns j0, j0 + 1, ... of a row */
static inline void rb_random_bits(uint32_t *restrict bits, uint64_t key, ptrdiff_t row,
                                  ptrdiff_t j0, ptrdiff_t count) {
    const uint64_t row_key = rb_row_key(key, row);
    for (ptrdiff_t j = 0; j < count; j++) bits[j] = rb_column_bits(row_key, j0 + j);
}

#endif
