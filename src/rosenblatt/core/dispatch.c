/* Selects the kernels: the rows of the tables, the levels that were built, and CPU detection.
 * The only mutable state of the compiled core is `level`, one atomic word. */
// SPDX-License-Identifier: BSD-3-Clause
#include <math.h>
#include <stdatomic.h>

#include "kernels.h"

const rb_activation_row rb_activation_rows[N_ACTIVATIONS] = {
#define ACTIVATION(name, keeps, init_factor, ...) {#name, keeps, init_factor},
#include "activations.def"
#undef ACTIVATION
};

const rb_activation_alias rb_activation_aliases[N_ACTIVATION_ALIASES] = {
#define ACTIVATION(...)
#define ACTIVATION_ALIAS(alias, name) {#alias, ACTIVATION_##name},
#include "activations.def"
#undef ACTIVATION
};

const rb_loss_row rb_loss_rows[N_LOSSES] = {
#define LOSS(name, parameter, target, domain, out_activation, constant, ...) \
    {#name, parameter, #out_activation, #constant, target, domain, OUT_##out_activation},
#define LOSS_BY_ROW(name, parameter, target, domain, out_activation, constant) \
    {#name, parameter, #out_activation, #constant, target, domain, OUT_##out_activation},
#include "losses.def"
#undef LOSS
#undef LOSS_BY_ROW
};

const rb_optimizer_row rb_optimizer_rows[N_OPTIMIZERS] = {
#define OPTIMIZER(name, n_moments, parameters, weight_decay, ...) \
    {#name, parameters, n_moments, weight_decay},
#include "optimizers.def"
#undef OPTIMIZER
};

#if defined(__x86_64__)
#include <cpuid.h>

/* XCR0: the register state that the operating system saves in a context switch. */
static unsigned long long saved_state(void) {
    unsigned low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return ((unsigned long long)high << 32) | low;
}

static int has_bits(unsigned value, unsigned bits) { return (value & bits) == bits; }

/* 0: neither, 1: all that -mavx2 -mfma -mbmi -mbmi2 may emit, 2: AVX-512 F, DQ, CD, BW, VL
 * as well. __builtin_cpu_supports does not link with every toolchain. */
static int vector_level(void) {
    unsigned eax, ebx, ecx, edx;
    const unsigned fma = 1u << 12, osxsave = 1u << 27, avx = 1u << 28;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !has_bits(ecx, fma | osxsave | avx)) return 0;
    const unsigned long long saved = saved_state();
    if ((saved & 0x6) != 0x6) return 0;
    const unsigned bmi = 1u << 3, avx2 = 1u << 5, bmi2 = 1u << 8;
    if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) || !has_bits(ebx, bmi | avx2 | bmi2))
        return 0;
    const unsigned avx512 = (1u << 16) | (1u << 17) | (1u << 28) | (1u << 30) | (1u << 31);
    return has_bits(ebx, avx512) && (saved & 0xe6) == 0xe6 ? 2 : 1;
}
#else
static int vector_level(void) { return 0; }
#endif

/* In ascending order; `needs` is the required result of vector_level. */
static const struct { const char *name; const rb_kernels *kernels; int needs; } levels[] = {
#if defined(__aarch64__)
    {"neon", rb_kernels_base, 0},
#else
    {"base", rb_kernels_base, 0},
#endif
#ifdef HAVE_AVX2
    {"avx2", rb_kernels_avx2, 1},
#endif
#ifdef HAVE_AVX512
    {"avx512", rb_kernels_avx512, 2},
#endif
};

static atomic_int current_level;

int rb_n_levels(void) { return (int)(sizeof levels / sizeof levels[0]); }
const char *rb_level_name(int level) { return levels[level].name; }
int rb_level_supported(int level) { return levels[level].needs <= vector_level(); }
int rb_best_level(void) {
    int level = rb_n_levels() - 1;
    while (!rb_level_supported(level)) level--;
    return level;
}
int rb_level(void) { return atomic_load(&current_level); }
void rb_set_level(int level) { atomic_store(&current_level, level); }
const rb_kernels *rb_active(int is_double) {
    return &levels[atomic_load(&current_level)].kernels[is_double];
}
