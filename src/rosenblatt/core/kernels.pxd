# The declarations of kernels.h, for Cython.
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

    ctypedef struct rb_weights:
        void *data
        Py_ssize_t fan_in, fan_out, width, stride
        int layout

    ctypedef struct rb_statistics:
        void *means
        void *inverse_deviations
        void *running_means
        void *running_variances

    ctypedef struct rb_csr:
        const void *values
        const int32_t *columns
        const Py_ssize_t *starts

    int NUMBER_CODE, BIN_CODE, LEVEL_CODE

    ctypedef struct rb_coding:
        Py_ssize_t n_columns, n_stored
        const Py_ssize_t *firsts
        const Py_ssize_t *counts
        const int *kinds
        const char *begins
        const void *shifts

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

    # Kernels by name: how many arguments there are, and their types, the C compiler compares with
    # kernels.def. The structs have no names in C.
    ctypedef struct rb_products_table:
        void (*gather)(...) noexcept nogil
        void (*pack)(...) noexcept nogil
        void (*dense_forward)(...) noexcept nogil
        void (*narrow_forward)(...) noexcept nogil
        void (*plain_forward)(...) noexcept nogil
        Py_ssize_t (*plain_room)(...) noexcept nogil
        void (*csr_forward)(...) noexcept nogil
        void (*decode)(...) noexcept nogil
        void (*coded_forward)(...) noexcept nogil
        void (*coded_backward_weights)(...) noexcept nogil
        void (*accumulate_weights)(...) noexcept nogil
        void (*accumulate_gradients)(...) noexcept nogil
        void (*transpose)(...) noexcept nogil
        void (*dense_backward_input)(...) noexcept nogil
        void (*dense_backward_weights)(...) noexcept nogil
        void (*narrow_backward_weights)(...) noexcept nogil
        void (*csr_backward_weights)(...) noexcept nogil
        void (*column_sums)(...) noexcept nogil
        void (*limit_norms)(...) noexcept nogil
        void (*scale_weights)(...) noexcept nogil
        void (*scale_gradients)(...) noexcept nogil

    ctypedef struct rb_noise_table:
        void (*drop_out)(...) noexcept nogil
        void (*add_noise)(...) noexcept nogil

    ctypedef struct rb_normalization_table:
        void (*block_statistics)(...) noexcept nogil
        void (*batch_statistics)(...) noexcept nogil
        void (*inverse_deviations)(...) noexcept nogil
        void (*normalize_columns)(...) noexcept nogil
        void (*normalize_rows)(...) noexcept nogil
        void (*normalization_gradients)(...) noexcept nogil
        void (*block_gradients)(...) noexcept nogil
        void (*batch_gradients)(...) noexcept nogil
        void (*normalize_columns_backward)(...) noexcept nogil
        void (*normalize_rows_backward)(...) noexcept nogil

    ctypedef struct rb_output_table:
        void (*loss_gradient)(...) noexcept nogil
        double (*total_weight)(...) noexcept nogil
        void (*predict)(...) noexcept nogil

    ctypedef struct rb_update_table:
        void (*begin_step)(...) noexcept nogil
        void (*set_rates)(...) noexcept nogil
        void (*update)(...) noexcept nogil
        double (*moved)(...) noexcept nogil
        double (*gradient_squares)(...) noexcept nogil
        int (*all_finite)(...) noexcept nogil

    ctypedef struct rb_tangents_table:
        void (*activate)(...) noexcept nogil
        void (*tangent_activation)(...) noexcept nogil
        void (*tangent_backward)(...) noexcept nogil
        void (*add)(...) noexcept nogil
        void (*tangent_normalize_rows)(...) noexcept nogil
        void (*tangent_normalize_rows_backward)(...) noexcept nogil
        void (*tangent_loss)(...) noexcept nogil

    ctypedef struct rb_perceptron_table:
        void (*learn)(...) noexcept nogil
        void (*check)(...) noexcept nogil
        void (*settle)(...) noexcept nogil

    ctypedef struct rb_probes_table:
        double (*multiply_adds)(...) noexcept nogil
        void (*evaluate)(...) noexcept nogil

    ctypedef struct rb_kernels:
        Py_ssize_t item_size, vector_length
        rb_products_table products
        rb_noise_table noise
        rb_normalization_table normalization
        rb_output_table output
        rb_update_table update
        rb_tangents_table tangents
        rb_perceptron_table perceptron
        rb_probes_table probes

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
