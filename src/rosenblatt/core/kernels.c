/* All kernels of one instruction set, for float and then for double.
 * Compiled once per instruction set with -DISA=<name>; exports only rb_kernels_<name>.
 * kernels.def specifies each kernel. */
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

/* prevents the compiler from computing one pointer from another */
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
#include "coded.h"
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
#include "coded.h"
#include "normalize.h"
#include "output.h"
#include "tangents.h"
#include "update.h"
#include "perceptron.h"

#define SUBJECT(name) .name = {
#define END_OF_SUBJECT(name) },
const rb_kernels JOIN(rb_kernels_, ISA)[2] = {
    {
        .item_size = sizeof(float), .vector_length = VECTOR_BYTES / sizeof(float),
#define KERNEL(returned, name, arguments) .name = name##_float,
#include "kernels.def"
#undef KERNEL
    },
    {
        .item_size = sizeof(double), .vector_length = VECTOR_BYTES / sizeof(double),
#define KERNEL(returned, name, arguments) .name = name##_double,
#include "kernels.def"
#undef KERNEL
    },
};
