# What kernels.h declares, for Cython.
# SPDX-License-Identifier: BSD-3-Clause
from libc.stdint cimport int32_t, uint64_t

cdef extern from "kernels.h" nogil:
    int OUTPUT, INPUT
    int REAL, BINARY, CLASS
    int ROWS, PANELS, TRANSPOSED
    int UNBOUNDED, NOT_NEGATIVE, POSITIVE, BY_POWER
    int N_ACTIVATIONS, N_ACTIVATION_ALIASES, N_LOSSES, N_OPTIMIZERS
    int ACTIVATION_identity, SLOPES_KEPT, WITH_SLOPES
    int OUTPUT_BLOCK, UPDATE_BLOCK, BATCH_BLOCK

    ctypedef struct rb_activation_row:
        const char *name
        int keeps
        double init_factor

    ctypedef struct rb_activation_alias:
        const char *alias
        int activation

    ctypedef struct rb_loss_row:
        const char *name
        const char *parameter
        const char *out_activation
        const char *constant
        int target, domain

    ctypedef struct rb_optimizer_row:
        const char *name
        const char *parameters
        int n_moments
        double weight_decay

    ctypedef struct rb_step:
        double learning_rate, alpha, l1_ratio, weight_decay, weight
        double max_norm, clip_norm, clip_value, gradient_scale
        double momentum, beta_1, beta_2, rho, rmsprop_momentum, momentum_decay, epsilon
        double t, product, rate, other_rate, unbias
        int nesterovs_momentum, centered

    ctypedef struct rb_statistics:
        void *means
        void *inverse_deviations
        void *running_means
        void *running_variances

    ctypedef struct rb_csr:
        const void *values
        const int32_t *columns
        const Py_ssize_t *starts

    ctypedef struct rb_dropout:
        double rate
        uint64_t key
        Py_ssize_t first_row

    ctypedef struct rb_rows:
        const void *values
        const int32_t *columns
        const Py_ssize_t *starts
        Py_ssize_t stride, n_features
        const Py_ssize_t *classes
        const void *weights

    ctypedef struct rb_perceptron:
        void *weights
        void *intercepts
        void *weight_sums
        void *intercept_sums
        void *shrunk
        Py_ssize_t *met
        void *scores
        void *steps
        const void *one_hot
        const void *own_step
        const void *other_step
        double *loss
        double *penalty
        double *squares
        double *absolutes
        double *true_squares
        double *true_absolutes
        double *correct
        double checked
        const Py_ssize_t *column_of
        Py_ssize_t n_features, width
        double alpha, l1_ratio, decay, shrinkage, due, scale, elapsed, n_averaged
        Py_ssize_t step, average_from
        int penalised, fit_intercept, overflow

    ctypedef struct rb_kernels:
        Py_ssize_t item_size, vector_length
        void (*gather)(
            void *, const void *, const Py_ssize_t *, Py_ssize_t, Py_ssize_t,
            Py_ssize_t) noexcept nogil
        void (*pack)(
            void *, const void *, Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t) noexcept nogil
        void (*dense_forward)(
            void *, void *, const void *, const void *, int, const void *, Py_ssize_t,
            Py_ssize_t, Py_ssize_t, Py_ssize_t, int) noexcept nogil
        void (*narrow_forward)(
            void *, void *, const void *, const void *, const void *, Py_ssize_t, Py_ssize_t,
            Py_ssize_t, Py_ssize_t, Py_ssize_t, int) noexcept nogil
        void (*plain_forward)(
            void *, const void *, const void *, const void *, Py_ssize_t, Py_ssize_t, Py_ssize_t,
            Py_ssize_t, Py_ssize_t, int, int, void *) noexcept nogil
        Py_ssize_t (*plain_room)(
            Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t, int) noexcept nogil
        void (*csr_forward)(
            void *, void *, const rb_csr *, const Py_ssize_t *, const rb_dropout *, const void *,
            const void *, Py_ssize_t, Py_ssize_t, int) noexcept nogil
        void (*transpose)(
            void *, const void *, int, Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t,
            Py_ssize_t, Py_ssize_t) noexcept nogil
        void (*dense_backward_input)(
            void *, const void *, const void *, int, const void *, const void *, Py_ssize_t,
            Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t, int) noexcept nogil
        void (*dense_backward_weights)(
            void *, int, const void *, const void *, const void *, Py_ssize_t, Py_ssize_t,
            Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t, int) noexcept nogil
        void (*narrow_backward_weights)(
            void *, const void *, const void *, Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t,
            Py_ssize_t, Py_ssize_t, Py_ssize_t, int) noexcept nogil
        void (*csr_backward_weights)(
            void *, const rb_csr *, const Py_ssize_t *, const rb_dropout *, const void *,
            Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t, int) noexcept nogil
        void (*column_sums)(void *, const void *, Py_ssize_t, Py_ssize_t, int) noexcept nogil
        void (*drop_out)(
            void *, void *, const void *, Py_ssize_t, Py_ssize_t, int, double, uint64_t,
            Py_ssize_t) noexcept nogil
        void (*add_noise)(
            void *, Py_ssize_t, Py_ssize_t, double, uint64_t, Py_ssize_t) noexcept nogil
        void (*block_statistics)(void *, const void *, Py_ssize_t, Py_ssize_t) noexcept nogil
        void (*batch_statistics)(
            const rb_statistics *, const void *, Py_ssize_t, Py_ssize_t, Py_ssize_t,
            Py_ssize_t) noexcept nogil
        void (*inverse_deviations)(void *, const void *, Py_ssize_t) noexcept nogil
        void (*normalize_columns)(
            void *, void *, void *, const void *, const void *, const void *, const void *,
            Py_ssize_t, Py_ssize_t, int) noexcept nogil
        void (*normalize_rows)(
            void *, void *, void *, void *, const void *, const void *, Py_ssize_t, Py_ssize_t,
            Py_ssize_t, int) noexcept nogil
        void (*normalization_gradients)(
            void *, void *, const void *, const void *, Py_ssize_t, Py_ssize_t, Py_ssize_t,
            Py_ssize_t, int) noexcept nogil
        void (*block_gradients)(
            void *, const void *, const void *, Py_ssize_t, Py_ssize_t) noexcept nogil
        void (*batch_gradients)(
            void *, void *, const void *, Py_ssize_t, Py_ssize_t, Py_ssize_t,
            Py_ssize_t) noexcept nogil
        void (*normalize_columns_backward)(
            void *, const void *, const void *, const void *, const void *, const void *,
            Py_ssize_t, Py_ssize_t, Py_ssize_t) noexcept nogil
        void (*normalize_rows_backward)(
            void *, const void *, const void *, const void *, const void *, Py_ssize_t,
            Py_ssize_t, Py_ssize_t) noexcept nogil
        void (*loss_gradient)(
            void *, double *, const void *, const void *, const Py_ssize_t *, Py_ssize_t,
            Py_ssize_t, Py_ssize_t, int, const void *, void *) noexcept nogil
        double (*total_weight)(const void *, const Py_ssize_t *, Py_ssize_t) noexcept nogil
        void (*predict)(
            void *, const void *, Py_ssize_t, Py_ssize_t, Py_ssize_t, int, void *) noexcept nogil
        void (*tangent_activation)(
            void *, void *, const void *, const void *, const void *, Py_ssize_t,
            int) noexcept nogil
        void (*tangent_backward)(
            void *, void *, const void *, const void *, Py_ssize_t) noexcept nogil
        void (*add)(void *, const void *, Py_ssize_t) noexcept nogil
        void (*tangent_normalize_rows)(
            void *, void *, const void *, const void *, Py_ssize_t, Py_ssize_t,
            Py_ssize_t) noexcept nogil
        void (*tangent_normalize_rows_backward)(
            void *, void *, const void *, const void *, const void *, const void *, Py_ssize_t,
            Py_ssize_t, Py_ssize_t) noexcept nogil
        void (*tangent_loss)(
            void *, const void *, const void *, const Py_ssize_t *, Py_ssize_t, Py_ssize_t,
            Py_ssize_t, int, const void *, void *) noexcept nogil
        void (*begin_step)(rb_step *, int) noexcept nogil
        void (*set_rates)(rb_step *, int) noexcept nogil
        void (*update)(
            void *, const void *, void *, void *, void *, Py_ssize_t, const rb_step *, int,
            double *) noexcept nogil
        double (*moved)(void *, const void *, Py_ssize_t) noexcept nogil
        double (*gradient_squares)(
            const void *, const void *, Py_ssize_t, const rb_step *) noexcept nogil
        void (*limit_norms)(void *, int, Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t,
                            Py_ssize_t, double) noexcept nogil
        int (*all_finite)(const void *, Py_ssize_t) noexcept nogil
        void (*perceptron_learn)(rb_perceptron *, const rb_rows *, const Py_ssize_t *,
                                 Py_ssize_t) noexcept nogil
        void (*perceptron_check)(rb_perceptron *, const rb_rows *, const Py_ssize_t *,
                                 Py_ssize_t) noexcept nogil
        void (*perceptron_settle)(rb_perceptron *) noexcept nogil
        double (*multiply_adds)(Py_ssize_t, void *) noexcept nogil
        void (*evaluate)(void *, const void *, Py_ssize_t, int) noexcept nogil
        void (*activate)(void *, void *, const void *, Py_ssize_t, int) noexcept nogil

    const rb_activation_row *rb_activation_rows
    const rb_activation_alias *rb_activation_aliases
    const rb_loss_row *rb_loss_rows
    const rb_optimizer_row *rb_optimizer_rows

    bint rb_is_narrow(Py_ssize_t, Py_ssize_t)
    int rb_n_levels()
    const char *rb_level_name(int)
    bint rb_level_supported(int)
    int rb_best_level()
    int rb_level()
    void rb_set_level(int)
    const rb_kernels *rb_active(int)
