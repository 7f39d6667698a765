/* Subnormal numbers are flushed to zero while the network computes. The moments of a dead unit
 * decay into the subnormal range, in which each operation takes over a hundred cycles. The effect
 * on weights is negligible. */
// SPDX-License-Identifier: BSD-3-Clause
#ifndef ROSENBLATT_SUBNORMALS_H
#define ROSENBLATT_SUBNORMALS_H

#include <stdint.h>

#if defined(__SSE2__)
#include <xmmintrin.h>
/* Enables flushing in the calling thread; returns the previous mode. */
static inline uint64_t rb_flush_subnormals(void) {
    const unsigned int mode = _mm_getcsr();
    _mm_setcsr(mode | 0x8040); /* results to zero, and arguments */
    return mode;
}
static inline void rb_set_mode(uint64_t mode) { _mm_setcsr((unsigned int)mode); }
#elif defined(__aarch64__)
static inline void rb_set_mode(uint64_t mode) { __asm__ volatile("msr fpcr, %0" : : "r"(mode)); }
static inline uint64_t rb_flush_subnormals(void) {
    uint64_t mode;
    __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
    rb_set_mode(mode | (1 << 24));
    return mode;
}
#else
static inline uint64_t rb_flush_subnormals(void) { return 0; }
static inline void rb_set_mode(uint64_t mode) { (void)mode; }
#endif

#endif
