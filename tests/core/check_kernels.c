/* The kernels and the threads without Python: what can be run on a system, or in an emulator,
 * that has no interpreter. scripts/cross_compile builds and runs it.
 * Compared with the C library, plain loops and finite differences; no measure of precision, for
 * which tests/core/test_math.py has better oracles. */
// SPDX-License-Identifier: BSD-3-Clause
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels.h"
#include "threads.h"

static int n_failures = 0;

static void expect(int holds, const char *level, const char *what, const char *of) {
    if (holds) return;
    n_failures++;
    printf("FAILED at level %s: %s of %s\n", level, what, of);
}

/* Element i of an array of either precision, and how to set it. */
static double at(const void *array, int is_double, ptrdiff_t i) {
    return is_double ? ((const double *)array)[i] : ((const float *)array)[i];
}
static void put(void *array, int is_double, ptrdiff_t i, double value) {
    if (is_double) ((double *)array)[i] = value;
    else ((float *)array)[i] = (float)value;
}

enum { MOST = 4096 };
static _Alignas(64) double room[6][MOST + 16];

static int is_close(double got, double wanted, double tolerance) {
    return fabs(got - wanted) <= tolerance * (1 + fabs(wanted));
}

static void check_functions(const rb_kernels *kernels, int is_double, const char *level) {
    static double (*const functions[])(double) = {exp, log, tanh, NULL, NULL, sqrt, expm1};
    static const char *const names[] = {"exp", "log", "tanh", "", "", "sqrt", "expm1"};
    for (int f = 0; f < 7; f++) {
        if (functions[f] == NULL) continue;
        int is_right = 1;
        for (int i = 0; i < 100; i++) put(room[0], is_double, i, 0.05 + 0.09 * i);
        kernels->probes.evaluate(room[1], room[0], 100, f);
        for (int i = 0; i < 100; i++)
            is_right &= is_close(at(room[1], is_double, i), functions[f](at(room[0], is_double, i)),
                                 is_double ? 1e-14 : 1e-6);
        expect(is_right, level, "values", names[f]);
    }
}

/* Slopes against central differences of the values, away from the bends of the piecewise ones. */
static void check_activations(const rb_kernels *kernels, int is_double, const char *level) {
    const double step = is_double ? 1e-6 : 1e-2, tolerance = is_double ? 1e-7 : 1e-2;
    for (int activation = 0; activation < N_ACTIVATIONS; activation++) {
        int is_right = 1;
        for (int i = 0; i < 64; i++) {
            const double z = -4.93 + 0.155 * i;
            put(room[0], is_double, i, z);
            put(room[1], is_double, i, z - step);
            put(room[2], is_double, i, z + step);
        }
        kernels->tangents.activate(room[3], room[5], room[1], 64, activation);
        kernels->tangents.activate(room[4], room[5], room[2], 64, activation);
        for (int i = 0; i < 64; i++) {
            const double run = at(room[2], is_double, i) - at(room[1], is_double, i);
            put(room[1], is_double, i,
                (at(room[4], is_double, i) - at(room[3], is_double, i)) / run);
        }
        kernels->tangents.activate(room[3], room[5], room[0], 64, activation);
        for (int i = 0; i < 64; i++)
            is_right &= is_close(at(room[5], is_double, i), at(room[1], is_double, i), tolerance);
        expect(is_right, level, "slopes", rb_activation_rows[activation].name);
    }
}

/* The forward product against three loops, for sizes at the edges of tiles and vectors. */
static void check_products(const rb_kernels *kernels, int is_double, const char *level) {
    const ptrdiff_t vector = kernels->vector_length;
    for (ptrdiff_t m = 1; m < 27; m += 5)
        for (ptrdiff_t k = 1; k < 40; k += 9)
            for (ptrdiff_t n = 1; n < 70; n += 17) {
                const ptrdiff_t width = (n + vector - 1) / vector * vector;
                memset(room, 0, sizeof room);
                for (ptrdiff_t i = 0; i < m * k; i++)
                    put(room[0], is_double, i, (double)(i * 7 % 13) - 6);
                for (ptrdiff_t i = 0; i < k; i++)
                    for (ptrdiff_t j = 0; j < n; j++)
                        put(room[1], is_double, i * width + j, (double)((i * 5 + j * 3) % 11) - 5);
                for (ptrdiff_t j = 0; j < n; j++) put(room[2], is_double, j, (double)j);
                const rb_weights weights = {room[1], k, n, width, k, ROWS};
                kernels->products.dense_forward(room[3], room[3], room[0], &weights, room[2], m,
                                                ACTIVATION_identity);
                int is_right = 1;
                for (ptrdiff_t i = 0; i < m; i++)
                    for (ptrdiff_t j = 0; j < n; j++) {
                        double sum = (double)j;
                        for (ptrdiff_t inner = 0; inner < k; inner++)
                            sum += at(room[0], is_double, i * k + inner) *
                                   at(room[1], is_double, inner * width + j);
                        is_right &= at(room[3], is_double, i * width + j) == sum; /* integers */
                    }
                expect(is_right, level, "elements", "dense_forward");
            }
}

/* A softmax's gradient against differences of its loss. */
static void check_loss(const rb_kernels *kernels, int is_double, const char *level) {
    enum { M = 21, N = 5 };
    const ptrdiff_t width = (N + kernels->vector_length - 1) / kernels->vector_length *
                            kernels->vector_length;
    static ptrdiff_t classes[M], order[M];
    static double losses[3][M];
    static const double no_smoothing[N];
    const double step = is_double ? 1e-6 : 1e-2;
    int is_right = 1;
    for (int i = 0; i < M; i++) classes[i] = i % N, order[i] = i;
    for (int j = 0; j < N; j++) {
        for (int side = 0; side < 3; side++) {
            memset(room[side], 0, sizeof room[side]);
            for (int i = 0; i < M; i++)
                for (int c = 0; c < N; c++)
                    put(room[side], is_double, i * width + c,
                        sin(i + 3.0 * c) + (c == j ? (side - 1) * step : 0));
            kernels->output.loss_gradient(room[side], losses[side], classes, NULL, order, M, N, width,
                                   LOSS_multiclass_log_loss, no_smoothing, room[4]);
        }
        for (int i = 0; i < M; i++)
            is_right &= is_close(at(room[1], is_double, i * width + j),
                                 (losses[2][i] - losses[0][i]) / (2 * step),
                                 is_double ? 1e-8 : 1e-2);
    }
    expect(is_right, level, "gradients", "the softmax's loss");
}

enum { ROUNDS = 2000, CELLS = 1000 };
static ptrdiff_t cells[CELLS];
static int n_early = 0, most_threads = 0;

/* Every thread adds its number of the round to its share, and looks at another's after meeting. */
static void count_rounds(void *context, rb_team *team, int thread) {
    ptrdiff_t from, to;
    (void)context;
    rb_share(CELLS, 8, team->n_threads, thread, &from, &to);
    if (thread == 0) most_threads = team->n_threads;
    for (ptrdiff_t round = 1; round <= ROUNDS; round++) {
        for (ptrdiff_t i = from; i < to; i++) cells[i] += round;
        rb_meet(team);
        if (thread == 0)
            for (ptrdiff_t i = 0; i < CELLS; i++) n_early += cells[i] != round * (round + 1) / 2;
        rb_meet(team);
    }
}

static void check_threads(void) {
    for (int n_threads = 1; n_threads <= 4; n_threads++) {
        memset(cells, 0, sizeof cells);
        rb_run_team(count_rounds, NULL, n_threads);
        expect(n_early == 0, "any", "meetings", "threads");
        expect(most_threads == (RB_HAVE_THREADS ? n_threads : 1), "any", "number", "threads");
    }
}

int main(void) {
    for (int level = 0; level < rb_n_levels(); level++) {
        if (!rb_level_supported(level)) continue;
        rb_set_level(level);
        for (int is_double = 0; is_double < 2; is_double++) {
            const rb_kernels *kernels = rb_active(is_double);
            check_functions(kernels, is_double, rb_level_name(level));
            check_activations(kernels, is_double, rb_level_name(level));
            check_products(kernels, is_double, rb_level_name(level));
            check_loss(kernels, is_double, rb_level_name(level));
        }
        printf("level %s checked\n", rb_level_name(level));
    }
    check_threads();
    printf("threads checked, up to %d at once\n", most_threads);
    printf(n_failures ? "%d failures\n" : "all well\n", n_failures);
    return n_failures != 0;
}
