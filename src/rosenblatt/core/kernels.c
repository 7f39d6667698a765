/* All kernels of one instruction set, for float and then for double.
 * Compiled once per instruction set with -DISA=<name>; exports rb_kernels_<name> alone.
 * What each kernel is asked to do stands in kernels.h. */
// SPDX-License-Identifier: BSD-3-Clause
#include <float.h>
#include <math.h>
#include <string.h>

#include "kernels.h"
#include "random_bits.h"

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)

#if defined(__AVX512F__)
#define VECTOR_BYTES 64
#define N_REGISTERS 32
#elif defined(__AVX2__)
#define VECTOR_BYTES 32
#define N_REGISTERS 16
#elif defined(__aarch64__)
#define VECTOR_BYTES 16
#define N_REGISTERS 32
#else
#define VECTOR_BYTES 16
#define N_REGISTERS 16
#endif

#define ALWAYS_INLINE static inline __attribute__((always_inline))
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 32")
#endif

/* keeps the compiler from expressing a pointer by another one */
#define HIDE(pointer) __asm__("" : "+r"(pointer))

static inline ptrdiff_t smaller(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }

#define real float
#define NAME(name) JOIN(name, _float)
#define IS_FLOAT 1
#include "vec_math.h"
#include "lanes.h"
#include "gather.h"
#include "gemm.h"
#include "dense.h"
#include "narrow.h"
#include "rows.h"
#include "losses.h"
#include "noise.h"
#include "sparse.h"
#include "normalize.h"
#include "output.h"
#include "tangents.h"
#include "update.h"
#include "perceptron.h"
#undef real
#undef NAME
#undef IS_FLOAT

#define real double
#define NAME(name) JOIN(name, _double)
#define IS_FLOAT 0
#include "vec_math.h"
#include "lanes.h"
#include "gather.h"
#include "gemm.h"
#include "dense.h"
#include "narrow.h"
#include "rows.h"
#include "losses.h"
#include "noise.h"
#include "sparse.h"
#include "normalize.h"
#include "output.h"
#include "tangents.h"
#include "update.h"
#include "perceptron.h"

#define TABLE(type)                                                                      \
    {                                                                                    \
        .item_size = sizeof(type), .vector_length = VECTOR_BYTES / sizeof(type),         \
        .gather = gather_##type, .pack = pack_##type,                                    \
        .dense_forward = dense_forward_##type,                                           \
        .narrow_forward = narrow_forward_##type,                                         \
        .plain_forward = plain_forward_##type, .plain_room = plain_room_##type,          \
        .csr_forward = csr_forward_##type, .transpose = transpose_##type,                \
        .dense_backward_input = dense_backward_input_##type,                             \
        .dense_backward_weights = dense_backward_weights_##type,                         \
        .narrow_backward_weights = narrow_backward_weights_##type,                       \
        .csr_backward_weights = csr_backward_weights_##type,                             \
        .column_sums = column_sums_##type, .drop_out = drop_out_##type,                  \
        .add_noise = add_noise_##type, .block_statistics = block_statistics_##type,      \
        .batch_statistics = batch_statistics_##type,                                     \
        .block_gradients = block_gradients_##type,                                       \
        .batch_gradients = batch_gradients_##type,                                       \
        .inverse_deviations = inverse_deviations_##type,                                 \
        .normalize_columns = normalize_columns_##type,                                   \
        .normalize_rows = normalize_rows_##type,                                         \
        .normalization_gradients = normalization_gradients_##type,                       \
        .normalize_columns_backward = normalize_columns_backward_##type,                 \
        .normalize_rows_backward = normalize_rows_backward_##type,                       \
        .loss_gradient = loss_gradient_##type, .total_weight = total_weight_##type,      \
        .predict = predict_##type,                                                       \
        .tangent_activation = tangent_activation_##type,                                 \
        .tangent_backward = tangent_backward_##type, .add = add_##type,                  \
        .tangent_normalize_rows = tangent_normalize_rows_##type,                         \
        .tangent_normalize_rows_backward = tangent_normalize_rows_backward_##type,       \
        .tangent_loss = tangent_loss_##type,                                             \
        .perceptron_learn = perceptron_learn_##type,                                     \
        .perceptron_check = perceptron_check_##type,                                     \
        .perceptron_settle = perceptron_settle_##type,                                   \
        .multiply_adds = multiply_adds_##type, .update = update_##type,                  \
        .moved = moved_##type,                                                           \
        .begin_step = begin_step_##type, .set_rates = set_rates_##type,                  \
        .gradient_squares = gradient_squares_##type,                                     \
        .limit_norms = limit_norms_##type,                                               \
        .all_finite = all_finite_##type, .evaluate = evaluate_##type,                    \
        .activate = activate_##type,                                                     \
    }

const rb_kernels JOIN(rb_kernels_, ISA)[2] = {TABLE(float), TABLE(double)};
