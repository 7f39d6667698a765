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

/* What batch normalisation knows of its layer's products, (width,) each: of the batch, and the
 * running averages that predictions use. */
typedef struct {
    void *means, *inverse_deviations, *running_means, *running_variances;
} rb_statistics;

/* Compressed sparse rows of the caller's X. */
typedef struct { const void *values; const int32_t *columns; const ptrdiff_t *starts; } rb_csr;

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

    /* rows (m, k) = X[order]; X (., k), its rows `x_stride` elements apart */
    void (*gather)(void *rows, const void *X, const ptrdiff_t *order, ptrdiff_t m, ptrdiff_t k,
                   ptrdiff_t x_stride);

    /* packed <- the columns [j0, j1) of W (k, width), rows `width` apart, in panels, see gemm.h;
     * k * width elements in all. j0 is a multiple of 2 vectors. */
    void (*pack)(void *packed, const void *W, ptrdiff_t k, ptrdiff_t width, ptrdiff_t j0,
                 ptrdiff_t j1);
    /* out (m, width) = activation(z), z = A (m, k) W (k, width) + b (width,).
     * A's rows are `a_stride` apart. W is in ROWS or PANELS. `z` may be `out`; it must not be
     * where the activation keeps its input. */
    void (*dense_forward)(void *out, void *z, const void *A, const void *W, int layout,
                          const void *b, ptrdiff_t m, ptrdiff_t k, ptrdiff_t width,
                          ptrdiff_t a_stride, int activation);
    /* the same for a narrow layer, n outputs and WT (n, k_width); A's padding is finite. Of z
     * the first n columns are written. Sums run over every LANES-th input, then over lanes. */
    void (*narrow_forward)(void *out, void *z, const void *A, const void *WT, const void *b,
                           ptrdiff_t m, ptrdiff_t k_width, ptrdiff_t n, ptrdiff_t width,
                           ptrdiff_t a_stride, int activation);
    /* out (m, width) = activation(A (m, k) W (k, n) + b (n,)) where W and b are a caller's arrays,
     * without padding; A's is finite. Bits are those of a layer whose weights are laid out as
     * `layout` says: ROWS, which is quicker for a few rows, PANELS or TRANSPOSED. `room` is for
     * plain_room(k, a_stride, n, width, layout) elements. */
    void (*plain_forward)(void *out, const void *A, const void *W, const void *b, ptrdiff_t m,
                          ptrdiff_t k, ptrdiff_t n, ptrdiff_t width, ptrdiff_t a_stride,
                          int activation, int layout, void *room);
    ptrdiff_t (*plain_room)(ptrdiff_t k, ptrdiff_t a_stride, ptrdiff_t n, ptrdiff_t width,
                            int layout);
    /* dense_forward for rows order[0..m) of a sparse X, its values with `dropout`; W is in ROWS */
    void (*csr_forward)(void *out, void *z, const rb_csr *X, const ptrdiff_t *order,
                        const rb_dropout *dropout, const void *W, const void *b, ptrdiff_t m,
                        ptrdiff_t width, int activation);

    /* WT (n, k_width) in panels <- rows [j0, j1) of the transpose of W (k, width), ROWS or
     * PANELS, whose padding is zero; j0 is a multiple of 16 */
    void (*transpose)(void *WT, const void *W, int layout, ptrdiff_t k, ptrdiff_t n,
                      ptrdiff_t width, ptrdiff_t k_width, ptrdiff_t j0, ptrdiff_t j1);

    /* dA (m, k_width) = dZ (m, width) W^T * slope(kept (m, k_width)). W is in any layout; WT
     * as above, or NULL, which is quicker for a few rows, and for TRANSPOSED always.
     * `activation` may be SLOPES_KEPT. */
    void (*dense_backward_input)(void *dA, const void *dZ, const void *W, int layout,
                                 const void *WT, const void *kept, ptrdiff_t m, ptrdiff_t k,
                                 ptrdiff_t n, ptrdiff_t width, ptrdiff_t k_width,
                                 int activation);

    /* rows [i0, i1) of dW (k, width) = A^T (k, m) dZ (m, width); added to what is there where
     * `accumulate`. dW is in ROWS or PANELS; `packed` is dZ in panels, or NULL. A vector is
     * read past A's last element. */
    void (*dense_backward_weights)(void *dW, int layout, const void *A, const void *dZ,
                                   const void *packed, ptrdiff_t m, ptrdiff_t k, ptrdiff_t i0,
                                   ptrdiff_t i1, ptrdiff_t width, ptrdiff_t a_stride,
                                   int accumulate);
    /* the same for a narrow layer: columns [j0, j1) of dWT (n, k_width) = dZ^T A (m, k_width);
     * j0 is a multiple of 2 vectors */
    void (*narrow_backward_weights)(void *dWT, const void *A, const void *dZ, ptrdiff_t m,
                                    ptrdiff_t k, ptrdiff_t n, ptrdiff_t j0, ptrdiff_t j1,
                                    ptrdiff_t k_width, ptrdiff_t width, int accumulate);
    /* dense_backward_weights for rows order[0..m) of a sparse X with k columns, dropout as above,
     * dW in ROWS; only the first `columns` columns of dW and dZ, a whole number of vectors */
    void (*csr_backward_weights)(void *dW, const rb_csr *X, const ptrdiff_t *order,
                                 const rb_dropout *dropout, const void *dZ, ptrdiff_t m,
                                 ptrdiff_t k, ptrdiff_t columns, ptrdiff_t width,
                                 int accumulate);
    /* db (width,) = the column sums of dZ (m, width); added where `accumulate` */
    void (*column_sums)(void *db, const void *dZ, ptrdiff_t m, ptrdiff_t width, int accumulate);

    /* Dropout. out (m, width) *= a mask of 0 for the share `rate` of its elements and of
     * 1 / (1 - rate) for the others; slopes (m, width) = slope(kept) * the mask, where it is not
     * NULL. `kept` may be `out`; it is `slopes` where `activation` is SLOPES_KEPT. The first row is
     * number `first_row` of its batch. */
    void (*drop_out)(void *out, void *slopes, const void *kept, ptrdiff_t m, ptrdiff_t width,
                     int activation, double rate, uint64_t key, ptrdiff_t first_row);
    /* rows (m, n) += normal numbers with this standard deviation */
    void (*add_noise)(void *rows, ptrdiff_t m, ptrdiff_t n, double deviation, uint64_t key,
                      ptrdiff_t first_row);

    /* Normalisation, see normalize.h. sums (blocks, 2, width) <- the statistics of every
     * BATCH_BLOCK rows of z (m, width), the last may be fewer. */
    void (*block_statistics)(void *sums, const void *z, ptrdiff_t m, ptrdiff_t width);
    /* Columns [j0, j1) of a batch's statistics from those of its blocks, whole vectors, m of 2 or
     * more rows; the running ones take a step towards them. */
    void (*batch_statistics)(const rb_statistics *s, const void *sums, ptrdiff_t m,
                             ptrdiff_t width, ptrdiff_t j0, ptrdiff_t j1);
    /* 1 / the deviations that normalisation divides by, from variances (width,) */
    void (*inverse_deviations)(void *inverses, const void *variances, ptrdiff_t width);
    /* z (m, width) <- x = (z - mean) * inverse, with (width,) of each; pre_activation (m, width)
     * = scale * x + shift; out (m, width) = activation(pre_activation), which it may be. */
    void (*normalize_columns)(void *out, void *pre_activation, void *z, const void *mean,
                              const void *inverse, const void *scale, const void *shift,
                              ptrdiff_t m, ptrdiff_t width, int activation);
    /* the same by each row's own statistics over n columns; inverse (m,) is left for the
     * backward pass */
    void (*normalize_rows)(void *out, void *pre_activation, void *z, void *inverse,
                           const void *scale, const void *shift, ptrdiff_t m, ptrdiff_t n,
                           ptrdiff_t width, int activation);
    /* columns [j0, j1) of d_scale and d_shift (width,) from d_pre and x (m, width); added where
     * `accumulate` */
    void (*normalization_gradients)(void *d_scale, void *d_shift, const void *d_pre,
                                    const void *x, ptrdiff_t m, ptrdiff_t width, ptrdiff_t j0,
                                    ptrdiff_t j1, int accumulate);
    /* sums (blocks, 2, width) <- d_scale and d_shift of every BATCH_BLOCK rows of d_pre and x */
    void (*block_gradients)(void *sums, const void *d_pre, const void *x, ptrdiff_t m,
                            ptrdiff_t width);
    /* columns [j0, j1) of a batch's from those of the blocks of its m rows */
    void (*batch_gradients)(void *d_scale, void *d_shift, const void *sums, ptrdiff_t m,
                            ptrdiff_t width, ptrdiff_t j0, ptrdiff_t j1);
    /* dZ (m, width), which is d_pre on entry, for m of the batch's n_rows rows */
    void (*normalize_columns_backward)(void *dZ, const void *x, const void *inverse,
                                       const void *scale, const void *d_scale,
                                       const void *d_shift, ptrdiff_t n_rows, ptrdiff_t m,
                                       ptrdiff_t width);
    /* dZ (m, width) from d_pre, by rows */
    void (*normalize_rows_backward)(void *dZ, const void *d_pre, const void *x,
                                    const void *inverse, const void *scale, ptrdiff_t m,
                                    ptrdiff_t n, ptrdiff_t width);

    /* Losses. z (m, width) holds n logits a row and becomes their gradient, times the row's
     * weight; losses (m,) are the rows' losses, times their weights. `targets` is (., n) of
     * the kernel's precision, or ptrdiff_t class indices (.,); `weights` is (.,) or NULL;
     * row i of z belongs to row order[i] of both. constants (n,) are the loss's `c`, for each
     * output. scratch: 3 * n * OUTPUT_BLOCK elements. */
    void (*loss_gradient)(void *z, double *losses, const void *targets, const void *weights,
                          const ptrdiff_t *order, ptrdiff_t m, ptrdiff_t n, ptrdiff_t width,
                          int loss, const void *constants, void *scratch);
    /* sum of weights[order[i]] over i < m */
    double (*total_weight)(const void *weights, const ptrdiff_t *order, ptrdiff_t m);
    /* out (m, n) = the loss's output activation of z (m, width) */
    void (*predict)(void *out, const void *z, ptrdiff_t m, ptrdiff_t n, ptrdiff_t width,
                    int loss, void *scratch);

    /* Derivatives along a direction of the parameters, see tangents.h: of a name, r_name. */
    /* r_out (count,) = slope * r_z, and r_z <- curvature * r_z at the pre-activations z and
     * their activations a; nothing overlaps */
    void (*tangent_activation)(void *r_out, void *r_z, const void *z, const void *a,
                               const void *slope, ptrdiff_t count, int activation);
    /* r_delta (count,) <- r_delta * slope + delta * bend, and delta <- delta * slope: `bend` is
     * what tangent_activation left in r_z */
    void (*tangent_backward)(void *delta, void *r_delta, const void *slope, const void *bend,
                             ptrdiff_t count);
    /* out (count,) += x */
    void (*add)(void *out, const void *x, ptrdiff_t count);
    /* r_z (m, width) <- r_x, for rows that normalize_rows made x (m, width) and inverse (m,);
     * r_log_inverse (m,) is left for the way back. The padding of r_z stays as it is. */
    void (*tangent_normalize_rows)(void *r_z, void *r_log_inverse, const void *x,
                                   const void *inverse, ptrdiff_t m, ptrdiff_t n,
                                   ptrdiff_t width);
    /* delta and r_delta (m, width), of x on entry, become those of z */
    void (*tangent_normalize_rows_backward)(void *delta, void *r_delta, const void *x,
                                            const void *r_x, const void *inverse,
                                            const void *r_log_inverse, ptrdiff_t m, ptrdiff_t n,
                                            ptrdiff_t width);
    /* r_z (m, width), of logits z (m, width), becomes that of their loss's gradient without
     * weights; the rest as for loss_gradient */
    void (*tangent_loss)(void *r_z, const void *z, const void *targets, const ptrdiff_t *order,
                         ptrdiff_t m, ptrdiff_t n, ptrdiff_t width, int loss,
                         const void *constants, void *scratch);

    /* Counts a step in t and product, and sets its rates. */
    void (*begin_step)(rb_step *step, int optimizer);
    /* Sets a step's rates anew, for another learning_rate. */
    void (*set_rates)(rb_step *step, int optimizer);
    /* One optimiser step on w (count,), in place, with its gradient and moments (first,
     * second, third: count each; unused ones may be NULL); count is a whole number of vectors.
     * sums (2,) = before the step, the penalty of w without its factor alpha / weight, and the
     * sum of squares of the gradient of the mean loss, penalty included, before scale and
     * clipping. */
    void (*update)(void *w, const void *gradient, void *first, void *second, void *third,
                   ptrdiff_t count, const rb_step *step, int optimizer, double *sums);

    /* before (count,) = w (count,); returns the sum of squares of what they differed by */
    double (*moved)(void *before, const void *w, ptrdiff_t count);
    /* the sum of squares of the gradient that `update` would use but for scale and clipping */
    double (*gradient_squares)(const void *w, const void *gradient, ptrdiff_t count,
                               const rb_step *step);
    /* Scales columns [j0, j1) of W (k, width), in any layout, that are longer than max_norm
     * down to it. j0 and j1 are whole vectors, for TRANSPOSED any numbers. */
    void (*limit_norms)(void *W, int layout, ptrdiff_t k, ptrdiff_t k_width, ptrdiff_t width,
                        ptrdiff_t j0, ptrdiff_t j1, double max_norm);

    /* 1 if all of w (count,) is finite */
    int (*all_finite)(const void *w, ptrdiff_t count);

    /* Rosenblatt's rule on rows order[0..m), one after another. */
    void (*perceptron_learn)(rb_perceptron *p, const rb_rows *X, const ptrdiff_t *order,
                             ptrdiff_t m);
    /* adds to `correct` and `checked` what rows order[0..m) say of the parameters */
    void (*perceptron_check)(rb_perceptron *p, const rb_rows *X, const ptrdiff_t *order,
                             ptrdiff_t m);
    /* brings shrinkage that sparse rows have put off into the weights */
    void (*perceptron_settle)(rb_perceptron *p);

    /* so many times as many multiply-adds as are in flight at once, on registers; `result` is a
     * vector, of ones; for benchmarks */
    double (*multiply_adds)(ptrdiff_t repeats, void *result);

    /* y (count,) = function(x) for tests: 0 exp, 1 log, 2 tanh, 3 logistic, 4 softplus,
     * 5 sqrt, 6 expm1, 7 normal_cdf */
    void (*evaluate)(void *y, const void *x, ptrdiff_t count, int function);
    /* a (count,) = activation(z) and slope (count,); nothing overlaps */
    void (*activate)(void *a, void *slope, const void *z, ptrdiff_t count, int activation);
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
