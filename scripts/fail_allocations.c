/* Stands before the C library's allocator and lets one allocation fail, the n-th of the thread that
 * asked for it. For scripts/fail_allocations, which preloads it. */
// SPDX-License-Identifier: BSD-3-Clause
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

static _Thread_local long counted = -1, failing = -1; /* negative: not now */
static _Thread_local size_t least;

/* Counts allocations of at least `size` bytes from here on; the one of this number fails. */
void count_allocations(long number, size_t size) {
    failing = number;
    least = size;
    counted = 0;
}

/* Ends counting; how many there were. */
long counted_allocations(void) {
    const long n = counted;
    counted = failing = -1;
    return n;
}

static int fails(size_t size) {
    if (counted < 0 || size < least) return 0;
    if (++counted != failing) return 0;
    errno = ENOMEM;
    return 1;
}

/* What dlsym itself asks for before the real functions are known. */
static char early[1 << 16];
static size_t early_used;
static int is_early(const void *block) {
    return (const char *)block >= early && (const char *)block < early + sizeof early;
}
static void *early_block(size_t size) {
    void *block = early + early_used;
    early_used += (size + 15) / 16 * 16;
    return early_used <= sizeof early ? block : NULL;
}

static void *(*real_malloc)(size_t), *(*real_calloc)(size_t, size_t);
static void *(*real_realloc)(void *, size_t);
static void (*real_free)(void *);
static int (*real_posix_memalign)(void **, size_t, size_t);
static void *(*real_aligned_alloc)(size_t, size_t);
static int is_looking;

__attribute__((constructor)) static void look_up(void) {
    if (is_looking || real_free) return;
    is_looking = 1;
    real_malloc = dlsym(RTLD_NEXT, "malloc");
    real_calloc = dlsym(RTLD_NEXT, "calloc");
    real_realloc = dlsym(RTLD_NEXT, "realloc");
    real_posix_memalign = dlsym(RTLD_NEXT, "posix_memalign");
    real_aligned_alloc = dlsym(RTLD_NEXT, "aligned_alloc");
    real_free = dlsym(RTLD_NEXT, "free");
    is_looking = 0;
}

void *malloc(size_t size) {
    if (!real_malloc) look_up();
    if (!real_malloc) return early_block(size);
    return fails(size) ? NULL : real_malloc(size);
}

void *calloc(size_t count, size_t size) {
    if (!real_calloc) look_up();
    if (!real_calloc) return early_block(count * size); /* static memory is zero */
    return fails(count * size) ? NULL : real_calloc(count, size);
}

void *realloc(void *block, size_t size) {
    if (!real_realloc) look_up();
    if (is_early(block)) {
        void *moved = real_malloc(size);
        if (moved) memcpy(moved, block, size < 4096 ? size : 4096);
        return moved;
    }
    return fails(size) ? NULL : real_realloc(block, size);
}

int posix_memalign(void **block, size_t alignment, size_t size) {
    if (!real_posix_memalign) look_up();
    return fails(size) ? ENOMEM : real_posix_memalign(block, alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    if (!real_aligned_alloc) look_up();
    return fails(size) ? NULL : real_aligned_alloc(alignment, size);
}

void free(void *block) {
    if (!is_early(block)) real_free(block);
}
