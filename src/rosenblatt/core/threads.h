/* A team of threads for the duration of one call, and its barrier.
 * Threads are created and joined in every call (about 20 microseconds). There is no pool that a
 * fork could break. Work is divided by output and sums are never split, so results do not depend on
 * the number of threads. Used by the network and its parts only. */
// SPDX-License-Identifier: BSD-3-Clause
#ifndef ROSENBLATT_THREADS_H
#define ROSENBLATT_THREADS_H

#include <stdatomic.h>
#include <stddef.h>

#include "subnormals.h"

#if defined(__wasm__)
#define RB_HAVE_THREADS 0 /* Pyodide's packages must not ask for threads */
#elif defined(_WIN32)
#define RB_HAVE_THREADS 1
#define WIN32_LEAN_AND_MEAN
#define NOMINMAX
#define NOGDI
#define NOUSER /* it defines a type INPUT, and kernels.h has a constant of that name */
#include <windows.h>
typedef HANDLE rb_handle;
#define RB_THREAD_RESULT DWORD WINAPI
#define rb_yield() SwitchToThread()
#else
#define RB_HAVE_THREADS 1
#include <pthread.h>
#include <sched.h>
typedef pthread_t rb_handle;
#define RB_THREAD_RESULT void *
#define rb_yield() sched_yield()
#endif

enum { RB_MOST_THREADS = 64, RB_SPINS = 4000 };

typedef struct {
    int n_threads; /* number of threads; may be fewer than requested */
    /* in separate cache lines, because one is written while all threads read the other */
    _Alignas(64) atomic_uint arrived; /* threads at the current barrier */
    _Alignas(64) atomic_uint passed;  /* completed barriers; it may wrap around */
} rb_team;

/* Returns when every thread of the team has arrived. It spins for a few microseconds, the usual
 * duration of a barrier within a step, and then yields. */
static inline void rb_meet(rb_team *team) {
    if (team->n_threads == 1) return;
    const unsigned passed = atomic_load_explicit(&team->passed, memory_order_acquire);
    if (atomic_fetch_add(&team->arrived, 1) == (unsigned)team->n_threads - 1) {
        atomic_store_explicit(&team->arrived, 0, memory_order_relaxed);
        atomic_store_explicit(&team->passed, passed + 1, memory_order_release);
        return;
    }
#if RB_HAVE_THREADS
    for (int spins = 0; atomic_load_explicit(&team->passed, memory_order_acquire) == passed;)
        if (++spins > RB_SPINS) rb_yield();
#endif
}

typedef void rb_work(void *context, rb_team *team, int thread);

typedef struct {
    rb_work *work;
    void *context;
    rb_team *team;
    atomic_int *may_start; /* 0 until the number of threads is known */
    int thread;
} rb_member;

#if RB_HAVE_THREADS
static RB_THREAD_RESULT rb_member_main(void *argument) {
    const rb_member *member = argument;
    while (!atomic_load_explicit(member->may_start, memory_order_acquire)) rb_yield();
    rb_flush_subnormals();
    member->work(member->context, member->team, member->thread);
    return 0;
}

/* Whether the operating system created the thread. */
static inline int rb_begin_thread(rb_handle *handle, rb_member *member) {
#if defined(_WIN32)
    *handle = CreateThread(NULL, 0, rb_member_main, member, 0, NULL);
    return *handle != NULL;
#else
    return pthread_create(handle, NULL, rb_member_main, member) == 0;
#endif
}

static inline void rb_join_thread(rb_handle handle) {
#if defined(_WIN32)
    WaitForSingleObject(handle, INFINITE);
    CloseHandle(handle);
#else
    pthread_join(handle, NULL);
#endif
}
#endif

/* Runs work(context, team, i) in all threads i of the team, with 0 in the calling thread, and with
 * subnormal numbers flushed to zero. If the system creates fewer threads, fewer share the work. */
static inline void rb_run_team(rb_work *work, void *context, int n_threads) {
    rb_team team = {.n_threads = 1};
#if RB_HAVE_THREADS
    rb_handle handles[RB_MOST_THREADS];
    rb_member members[RB_MOST_THREADS];
    atomic_int may_start = 0;
    if (n_threads > RB_MOST_THREADS) n_threads = RB_MOST_THREADS;
    for (; team.n_threads < n_threads; team.n_threads++) {
        const int i = team.n_threads;
        members[i] = (rb_member){work, context, &team, &may_start, i};
        if (!rb_begin_thread(&handles[i], &members[i])) break;
    }
    atomic_store_explicit(&may_start, 1, memory_order_release);
#else
    (void)n_threads;
#endif
    const uint64_t mode = rb_flush_subnormals();
    work(context, &team, 0);
    rb_set_mode(mode);
#if RB_HAVE_THREADS
    for (int i = 1; i < team.n_threads; i++) rb_join_thread(handles[i]);
#endif
}

/* Part `thread` of [0, count), in whole multiples of `unit`: [*from, *to). */
static inline void rb_share(ptrdiff_t count, ptrdiff_t unit, int n_threads, int thread,
                            ptrdiff_t *from, ptrdiff_t *to) {
    const ptrdiff_t units = (count + unit - 1) / unit;
    *from = units * thread / n_threads * unit;
    *to = units * (thread + 1) / n_threads * unit;
    if (*from > count) *from = count;
    if (*to > count) *to = count;
}

#endif
