/* The random permutations of numpy.random.RandomState, continued from its state: the same
 * draws, without a call into Python for every epoch. For network.pyx alone.
 * MT19937: Matsumoto & Nishimura (1998). */
// SPDX-License-Identifier: BSD-3-Clause
#ifndef ROSENBLATT_SHUFFLE_H
#define ROSENBLATT_SHUFFLE_H

#include <stddef.h>
#include <stdint.h>

enum { MT_WORDS = 624, MT_SHIFT = 397 };

typedef struct {
    uint32_t key[MT_WORDS];
    int position; /* words of `key` that have been handed out */
} rb_mt19937;

static void rb_mt19937_renew(rb_mt19937 *mt) {
    const uint32_t highest_bit = 0x80000000u, twist = 0x9908b0dfu;
    for (int i = 0; i < MT_WORDS; i++) {
        const uint32_t mixed = (mt->key[i] & highest_bit)
                             | (mt->key[(i + 1) % MT_WORDS] & ~highest_bit);
        mt->key[i] = mt->key[(i + MT_SHIFT) % MT_WORDS] ^ (mixed >> 1) ^ ((mixed & 1) ? twist : 0);
    }
    mt->position = 0;
}

static uint32_t rb_mt19937_next(rb_mt19937 *mt) {
    if (mt->position >= MT_WORDS) rb_mt19937_renew(mt);
    uint32_t y = mt->key[mt->position++];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
}

/* A uniform integer in [0, highest]: draws with as many bits as `highest`, until one fits. */
static uint64_t rb_mt19937_at_most(rb_mt19937 *mt, uint64_t highest, uint64_t mask) {
    uint64_t value;
    do {
        value = rb_mt19937_next(mt);
        if (highest > 0xffffffffu) /* the first word is the high half */
            value = (value << 32) | rb_mt19937_next(mt);
        value &= mask;
    } while (value > highest);
    return value;
}

/* order (n,) <- order[p] for p = the permutation that RandomState.shuffle makes of 0..n-1;
 * exchanging the rows themselves is the same. */
static void rb_shuffle(ptrdiff_t *order, ptrdiff_t n, rb_mt19937 *mt) {
    for (ptrdiff_t i = n - 1; i > 0; i--) {
        uint64_t mask = (uint64_t)i;
        for (int shift = 1; shift < 64; shift *= 2) mask |= mask >> shift;
        const ptrdiff_t j = (ptrdiff_t)rb_mt19937_at_most(mt, (uint64_t)i, mask);
        const ptrdiff_t kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
}

#endif
