/* What the network may ask of the kernels, and nothing about how they do it.
 * One struct per instruction set and precision; the network is written once and its
 * precision is which struct it was given: data pointers are void *, scalars double.
 *
 * Conventions, for every kernel:
 *   - a name's shape is in the comment, (rows, columns); matrices are row-major, but for weights
 *     and deltas in panels;
 *   - `width` is a number of columns rounded up to whole vectors; rows of activations and deltas
 *     are `width` apart, and the padding of parameters and deltas is zero and stays zero;
 *   - no two arguments overlap unless the comment says so; parameters, activations and deltas are
 *     aligned to a vector, rows of X and a caller's arrays to their element;
 *   - nothing is allocated, nothing can fail; the order of every sum is fixed by the shapes.
 */
// SPDX-License-Identifier: BSD-3-Clause
#ifndef ROSENBLATT_KERNELS_H
#define ROSENBLATT_KERNELS_H

#include <stddef.h>
#include <stdint.h>

enum { OUTPUT, INPUT };      /* what an activation keeps for the backward pass */
enum { REAL, BINARY, CLASS }; /* what a loss takes as targets */
enum { UNBOUNDED, NOT_NEGATIVE, POSITIVE, BY_POWER }; /* which REAL targets it takes */
/* How a layer's weights lie: rows of `width`; panels of columns (see gemm.h), for weights that
 * outgrow the first-level cache; or transposed, for narrow layers (see narrow.h). */
enum { ROWS, PANELS, TRANSPOSED };
enum { OUT_identity, OUT_exp, OUT_logistic, OUT_softmax }; /* what ends a network */

enum {
#define ACTIVATION(name, ...) ACTIVATION_##name,
#include "activations.def"
#undef ACTIVATION
    N_ACTIVATIONS,
    SLOPES_KEPT = N_ACTIVATIONS, /* for the backward pass: what is kept are the slopes */
    /* added to an activation in a forward pass: it leaves its slopes where its pre-activations
     * were, if it keeps these */
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

/* The rows of the tables as Python sees them. */
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
    double gradient_scale;  /* what clip_norm makes of this step's gradient */
    double momentum, beta_1, beta_2, rho, rmsprop_momentum, momentum_decay, epsilon;
    double t;               /* steps taken, this one included */
    double product;         /* of the steps' factors, and this step's rates: optimizers.def */
    double rate, other_rate, unbias;
    int nesterovs_momentum, centered;
} rb_step;

/* A layer's weights, or an array like them: an input's for every unit. */
typedef struct {
    void *data;
    ptrdiff_t fan_in, fan_out;
    ptrdiff_t width;   /* fan_out, rounded up to whole vectors: outputs and deltas have such rows */
    ptrdiff_t stride;  /* from row to row of the inputs, and of TRANSPOSED weights */
    int layout;        /* ROWS (fan_in, width), PANELS, or TRANSPOSED (fan_out, stride) */
} rb_weights;

/* What batch normalisation knows of its layer's products, (width,) each: of the batch, and the
 * running averages that predictions use. */
typedef struct {
    void *means, *inverse_deviations, *running_means, *running_variances;
} rb_statistics;

/* Compressed sparse rows of the caller's X. */
typedef struct { const void *values; const int32_t *columns; const ptrdiff_t *starts; } rb_csr;

/* How the columns of a coded X stand for the inputs of the first layer, see coded.h: a number is
 * one input itself, a code of bins or of levels stands for `counts` of them from `firsts` on. */
enum { NUMBER_CODE, BIN_CODE, LEVEL_CODE };
typedef struct {
    ptrdiff_t n_columns, n_stored;     /* n_stored: inputs of a row that may not be 0 */
    const ptrdiff_t *firsts, *counts;  /* (n_columns,) */
    const int *kinds;                  /* (n_columns,) */
    const char *begins;                /* (fan_in,) whether no sum of rows of weights goes on here */
    const void *shifts;                /* (fan_in,) what is subtracted, of rows that read sums */
} rb_coding;

/* Dropout of inputs that are not copied: the share, 0 for none, the key of its random bits, and the
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
 * number of vectors. What is said to be in the unit of the weights is without their scale. */
typedef struct {
    void *weights, *intercepts;         /* (n_features, width), to be times scale; (width,),
                                           with -1 as padding: never wrong */
    void *weight_sums, *intercept_sums; /* the same shapes, or NULL: no averaging */
    void *shrunk;                       /* (n_features, width) l1 shrinkage taken; or NULL */
    ptrdiff_t *met;                     /* (n_features,) the step whose shrinkage each feature
                                           has; NULL where every step shrinks all (dense) */
    void *scores, *steps;               /* (width,) */
    const void *one_hot;                /* (2 width + 1,) zeros and a 1 in the middle */
    const void *own_step, *other_step;  /* (width,) lengths for own rows and for others */
    double *loss, *penalty;             /* (width,) sums over the epoch so far */
    double *squares, *absolutes;        /* (width,) norms after the last step, in that unit */
    double *true_squares, *true_absolutes; /* (width,) with the shrinkage since */
    double *correct, checked;           /* (width,) weight of rows scored right, and of all */
    const ptrdiff_t *column_of;         /* (n_classes,) a class's column, or -1 */
    ptrdiff_t n_features, width;
    double alpha, l1_ratio, decay;      /* decay: of the scale, a row */
    double shrinkage, due;              /* l1: a row, and in all */
    double scale, elapsed;              /* elapsed: the sum of averaged rows' scales */
    double n_averaged;
    ptrdiff_t step, average_from;       /* rows learned, and the first that is averaged */
    int penalised, fit_intercept, overflow;
} rb_perceptron;

enum { OUTPUT_BLOCK = 16 };   /* rows that the losses handle at once */
enum { BATCH_BLOCK = 24 };    /* rows of a batch whose statistics are taken at once; whole tiles */
enum { UPDATE_BLOCK = 4096 }; /* parameters whose squares are summed at once */

/* Whether a layer above another is narrow, and TRANSPOSED: few outputs, and they fill no whole
 * vectors. Training and prediction must agree, for their bits are the same. */
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
