/* Seconds since an arbitrary moment, to time epochs. Used by epochs.pyx only. */
// SPDX-License-Identifier: BSD-3-Clause
#ifndef ROSENBLATT_CLOCK_H
#define ROSENBLATT_CLOCK_H

#include <time.h>

static inline double rb_seconds(void) {
    struct timespec now;
#if defined(_WIN32)
    timespec_get(&now, TIME_UTC); /* no steady clock in the C library there */
#else
    clock_gettime(CLOCK_MONOTONIC, &now);
#endif
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

#endif
