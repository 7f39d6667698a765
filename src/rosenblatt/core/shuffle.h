/* The random permutations of numpy.random.RandomState, continued from its state: the same draws,
 * without a call into Python for every epoch. Used by epochs.pyx only.
 * MT19937: Matsumoto & Nishimura (1998). */
// SPDX-License-Identifier: BSD-3-Clause
#ifndef ROSENBLATT_SHUFFLE_H
#define ROSENBLATT_SHUFFLE_H

#include <stddef.h>
#include <stdint.h>

enum { MT_WORDS = 624, MT_SHIFT = 397, RB_PICKS = 256 };

typedef struct {
    uint32_t key[MT_WORDS];
    uint32_t words[MT_WORDS]; /* the outputs from `key` */
    int position;             /* number of outputs used */
} rb_mt19937;

static uint32_t rb_mt19937_twist(uint32_t first, uint32_t second, uint32_t shifted) {
    const uint32_t highest_bit = 0x80000000u, twist = 0x9908b0dfu;
    const uint32_t mixed = (first & highest_bit) | (second & ~highest_bit);
    return shifted ^ (mixed >> 1) ^ (-(mixed & 1) & twist);
}

/* Must be called after writing `key`. */
static void rb_mt19937_temper(rb_mt19937 *mt) {
    for (int i = 0; i < MT_WORDS; i++) {
        uint32_t y = mt->key[i];
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c5680u;
        y ^= (y << 15) & 0xefc60000u;
        mt->words[i] = y ^ (y >> 18);
    }
}

static void rb_mt19937_renew(rb_mt19937 *mt) {
    uint32_t *key = mt->key;
    int i = 0;
    for (; i < MT_WORDS - MT_SHIFT; i++)
        key[i] = rb_mt19937_twist(key[i], key[i + 1], key[i + MT_SHIFT]);
    for (; i < MT_WORDS - 1; i++)
        key[i] = rb_mt19937_twist(key[i], key[i + 1], key[i + MT_SHIFT - MT_WORDS]);
    key[i] = rb_mt19937_twist(key[i], key[0], key[MT_SHIFT - 1]);
    rb_mt19937_temper(mt);
    mt->position = 0;
}

static uint32_t rb_mt19937_next(rb_mt19937 *mt) {
    if (mt->position >= MT_WORDS) rb_mt19937_renew(mt);
    return mt->words[mt->position++];
}

/* picks[n], n = 0, 1, ...: uniform integers in [0, highest - n], for at most RB_PICKS of them
 * and while highest - n > lowest. Each is the first draw, of as many bits as `mask`, that
 * fits. Returns their number. There are no branches on the draws, because they are
 * unpredictable. */
static ptrdiff_t rb_pick(ptrdiff_t *picks, ptrdiff_t highest, ptrdiff_t lowest, uint64_t mask,
                         rb_mt19937 *mt) {
    ptrdiff_t n = 0, most = highest - lowest < RB_PICKS ? highest - lowest : RB_PICKS;
    while (n < most) {
        uint64_t value = rb_mt19937_next(mt);
        if (mask > 0xffffffffu) /* the first word is the high half */
            value = (value << 32) | rb_mt19937_next(mt);
        picks[n] = (ptrdiff_t)(value & mask);
        n += picks[n] <= highest - n;
    }
    return n;
}

/* order (n,) <- order[p] for p = the permutation that RandomState.shuffle makes of 0..n-1;
 * exchanging the rows themselves is the same. */
static void rb_shuffle(ptrdiff_t *order, ptrdiff_t n, rb_mt19937 *mt) {
    ptrdiff_t picks[RB_PICKS];
    for (ptrdiff_t i = n - 1; i > 0;) {
        uint64_t mask = (uint64_t)i;
        for (int shift = 1; shift < 64; shift *= 2) mask |= mask >> shift;
        const ptrdiff_t n_picks = rb_pick(picks, i, (ptrdiff_t)(mask >> 1), mask, mt);
        for (ptrdiff_t k = 0; k < n_picks; k++, i--) {
            const ptrdiff_t kept = order[i];
            order[i] = order[picks[k]];
            order[picks[k]] = kept;
        }
    }
}

#endif
