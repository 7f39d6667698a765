/* The interface between the network and the kernels, without their implementation.
 * There is one struct of function pointers per instruction set and precision. The network is
 * written once, and its precision is that of its struct: data pointers are void *, scalars double.
 *
 * Conventions, for every kernel:
 *   - shapes are given in the comments as (rows, columns); matrices are row-major, except weights
 *     and deltas in panels;
 *   - `width` is a number of columns rounded up to whole vectors; rows of activations and deltas
 *     are `width` apart, and the padding of parameters and deltas is zero and stays zero;
 *   - no two arguments overlap unless the comment says so; parameters, activations and deltas are
 *     aligned to a vector, rows of X and a caller's arrays to their element;
 *   - kernels do not allocate memory and cannot fail; the order of every sum is determined by the
 *     shapes.
 */
// SPDX-License-Identifier: BSD-3-Clause
#ifndef ROSENBLATT_KERNELS_H
#define ROSENBLATT_KERNELS_H

#include <stddef.h>
#include <stdint.h>

enum { OUTPUT, INPUT };      /* the array that an activation keeps for the backward pass */
enum { REAL, BINARY, CLASS }; /* the kind of targets of a loss */
enum { UNBOUNDED, NOT_NEGATIVE, POSITIVE, BY_POWER }; /* the domain of REAL targets */
/* The layout of a layer's weights: rows of `width`; panels of columns (see gemm.h), for weights
 * that exceed the first-level cache; or transposed, for narrow layers (see narrow.h). */
enum { ROWS, PANELS, TRANSPOSED };
enum { OUT_identity, OUT_exp, OUT_logistic, OUT_softmax }; /* output activations */

enum {
#define ACTIVATION(name, ...) ACTIVATION_##name,
#include "activations.def"
#undef ACTIVATION
    N_ACTIVATIONS,
    SLOPES_KEPT = N_ACTIVATIONS, /* for the backward pass: the kept array has the slopes */
    /* added to an activation in a forward pass: if it keeps its pre-activations, they are
     * overwritten by the slopes */
    WITH_SLOPES = N_ACTIVATIONS
};

enum {
#define ACTIVATION(...)
#define ACTIVATION_ALIAS(alias, name) ACTIVATION_ALIAS_##alias,
#include "activations.def"
#undef ACTIVATION
    N_ACTIVATION_ALIASES
};

enum {
#define LOSS(name, ...) LOSS_##name,
#define LOSS_BY_ROW(name, ...) LOSS_##name,
#include "losses.def"
#undef LOSS
#undef LOSS_BY_ROW
    N_LOSSES
};

enum {
#define OPTIMIZER(name, ...) OPTIMIZER_##name,
#include "optimizers.def"
#undef OPTIMIZER
    N_OPTIMIZERS
};

/* The rows of the tables as exposed to Python. */
typedef struct { const char *name; int keeps; double init_factor; } rb_activation_row;
typedef struct { const char *alias; int activation; } rb_activation_alias;
typedef struct {
    const char *name, *parameter, *out_activation, *constant;
    int target, domain, out;
} rb_loss_row;
typedef struct {
    const char *name, *parameters;
    int n_moments;
    double weight_decay;
} rb_optimizer_row;

extern const rb_activation_row rb_activation_rows[N_ACTIVATIONS];
extern const rb_activation_alias rb_activation_aliases[N_ACTIVATION_ALIASES];
extern const rb_loss_row rb_loss_rows[N_LOSSES];
extern const rb_optimizer_row rb_optimizer_rows[N_OPTIMIZERS];

/* One optimiser step: the gradient used is
 *     (gradient + alpha * (l1_ratio * sign(w) + (1 - l1_ratio) * w)) / weight,
 * times gradient_scale, cut to +-clip_value; before, w shrinks by learning_rate * weight_decay. */
typedef struct {
    double learning_rate, alpha, l1_ratio, weight_decay, weight;
    double max_norm, clip_norm, clip_value; /* infinite: no limit */
    double gradient_scale;  /* the factor of this step's gradient by clip_norm */
    double momentum, beta_1, beta_2, rho, rmsprop_momentum, momentum_decay, epsilon;
    double t;               /* number of steps, including this one */
    double product;         /* product of the steps' factors; the rates: see optimizers.def */
    double rate, other_rate, unbias;
    int nesterovs_momentum, centered;
} rb_step;

/* A layer's weights, or an array of the same shape and layout. */
typedef struct {
    void *data;
    ptrdiff_t fan_in, fan_out;
    ptrdiff_t width;   /* fan_out rounded up to whole vectors; row length of outputs and deltas */
    ptrdiff_t stride;  /* distance between rows of the inputs, and of TRANSPOSED weights */
    int layout;        /* ROWS (fan_in, width), PANELS, or TRANSPOSED (fan_out, stride) */
} rb_weights;

/* The statistics of batch normalisation, (width,) each: of the batch, and the running averages that
 * predictions use. */
typedef struct {
    void *means, *inverse_deviations, *running_means, *running_variances;
} rb_statistics;

/* Compressed sparse rows of the caller's X. */
typedef struct { const void *values; const int32_t *columns; const ptrdiff_t *starts; } rb_csr;

/* How the columns of X encode the inputs of the first layer, see coded.h: a number is one input, a
 * position in bins or a level encodes `counts` inputs from number `firsts` on. */
enum { NUMBER_CODE, BIN_CODE, LEVEL_CODE };
typedef struct {
    ptrdiff_t n_columns, n_stored;     /* n_stored: rows of weights that one row of X reads */
    const ptrdiff_t *firsts, *counts;  /* (n_columns,) */
    const int *kinds;                  /* (n_columns,) */
    const char *begins;                /* (fan_in,) whether a cumulative sum starts here */
    const void *shifts;                /* (fan_in,) means of the factors of cumulative sums */
} rb_coding;

/* Dropout of inputs that are not copied: the rate (0 for none), the key of the random bits, and the
 * number of the first row in its batch. */
typedef struct { double rate; uint64_t key; ptrdiff_t first_row; } rb_dropout;

/* The caller's X for the perceptron: dense with rows `stride` elements apart, or sparse with
 * `columns` and `starts` as in rb_csr. */
typedef struct {
    const void *values;
    const int32_t *columns;      /* NULL where dense */
    const ptrdiff_t *starts;
    ptrdiff_t stride, n_features;
    const ptrdiff_t *classes;    /* (n_samples,) each row's class */
    const void *weights;         /* (n_samples,), or NULL: all one */
} rb_rows;

/* The perceptron's parameters and counters. A column is a class; `width` is 1 or a whole
 * number of vectors. The stored weights are to be multiplied by `scale`. */
typedef struct {
    void *weights, *intercepts;         /* (n_features, width), without the scale; (width,),
                                           padded with -1, so that padding is never wrong */
    void *weight_sums, *intercept_sums; /* the same shapes, or NULL: no averaging */
    void *shrunk;                       /* (n_features, width) l1 shrinkage applied; or NULL */
    ptrdiff_t *met;                     /* (n_features,) the last step whose shrinkage was applied
                                           to each feature; NULL for dense X (all, every step) */
    void *scores, *steps;               /* (width,) */
    const void *one_hot;                /* (2 width + 1,) zeros and a 1 in the middle */
    const void *own_step, *other_step;  /* (width,) step lengths for rows of the class and others */
    double *loss, *penalty;             /* (width,) sums over the epoch so far */
    double *squares, *absolutes;        /* (width,) norms after the last step, without the scale */
    double *true_squares, *true_absolutes; /* (width,) the same including later shrinkage */
    double *correct, checked;           /* (width,) weight of correctly scored rows, and of all */
    const ptrdiff_t *column_of;         /* (n_classes,) the column of a class, or -1 */
    ptrdiff_t n_features, width;
    double alpha, l1_ratio, decay;      /* decay: factor of the scale per row */
    double shrinkage, due;              /* l1 shrinkage per row, and in total */
    double scale, elapsed;              /* elapsed: the sum of the scales of averaged rows */
    double n_averaged;
    ptrdiff_t step, average_from;       /* number of learned rows, and the first averaged one */
    int penalised, fit_intercept, overflow;
} rb_perceptron;

enum { OUTPUT_BLOCK = 16 };   /* rows per block of the losses */
enum { BATCH_BLOCK = 24 };    /* rows per block of batch statistics; whole tiles */
enum { UPDATE_BLOCK = 4096 }; /* parameters per block of a sum of squares */

/* Whether a layer above another one is narrow, and TRANSPOSED: it has few outputs, which do not
 * fill whole vectors. Training and prediction must agree, because their bits must be the same. */
static inline int rb_is_narrow(ptrdiff_t n, ptrdiff_t width) { return n < 16 && n < width; }

typedef struct {
    ptrdiff_t item_size;     /* bytes of an element */
    ptrdiff_t vector_length; /* elements of a vector */

#define SUBJECT(name) struct {
#define KERNEL(returned, name, arguments) returned (*name) arguments;
#define END_OF_SUBJECT(name) } name;
#include "kernels.def"
#undef SUBJECT
#undef KERNEL
#undef END_OF_SUBJECT
} rb_kernels;

/* kernels of one level: [0] float, [1] double */
extern const rb_kernels rb_kernels_base[2], rb_kernels_avx2[2], rb_kernels_avx512[2];

/* dispatch.c */
int rb_n_levels(void);                      /* levels built in */
const char *rb_level_name(int level);
int rb_level_supported(int level);          /* by this processor and operating system */
int rb_best_level(void);
int rb_level(void);                         /* the one in use */
void rb_set_level(int level);
const rb_kernels *rb_active(int is_double); /* kernels of the level in use */

#endif
