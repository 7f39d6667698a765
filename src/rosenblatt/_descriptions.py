"""What the parameters and attributes of the two networks are: the texts of their docstrings.

Names of activations, optimisers, schedules and initialisers come from the tables. No code of a
fit is here.
"""

# SPDX-License-Identifier: BSD-3-Clause
import textwrap

from rosenblatt._state import INTERCEPT_INITS, WEIGHT_INITS
from rosenblatt.core.dispatch import ACTIVATION_NAMES, OPTIMIZERS
from rosenblatt.schedules import SCHEDULES

_ACTIVATION_NAMES = textwrap.fill(
    ", ".join(map(repr, ACTIVATION_NAMES)), 88, subsequent_indent=" " * 8, break_on_hyphens=False
)

PARAMETERS = f"""\
hidden_layer_sizes : int or array-like of int, default=(100,)
        The number of units of each hidden layer, from the input's side. `()` is a network
        without hidden layers: a linear model.

    activation : str or sequence of str, default='relu'
        What the hidden units compute of their weighted sum z, one name for all hidden layers
        or one for each: {_ACTIVATION_NAMES}.
        Formulas and papers are in docs/vocabulary.md. 'relu' is max(0, z), 'logistic' the
        sigmoid 1 / (1 + exp(-z)), 'identity' z itself.
"""

LAYER_PARAMETERS = f"""\
normalization : {{None, 'batch', 'layer'}}, default=None
        Of the hidden layers' weighted sums z, intercepts included, before the activation:
        scale * (z - mean) / sqrt(variance + 1e-5) + shift, with a scale and a shift learned for
        every unit. 'batch' (Ioffe & Szegedy, 2015) takes mean and variance of each unit over
        the batch, whatever the rows' weights, and for predictions running averages, of which
        every step replaces a tenth; it needs batches of 2 rows or more (a single last row
        joins the batch before it) and is not for solver='lbfgs'. 'layer' (Ba, Kiros & Hinton,
        2016) takes them of each row over the layer's units. Scales and shifts carry no penalty.

    dropout : float in [0, 1) or sequence of float, default=0.0
        The share of a hidden layer's outputs that every step of training sets to zero
        (Srivastava et al., 2014), one for all hidden layers or one for each; the others are
        divided by 1 - dropout, so that predictions, which drop nothing, see the same mean.
        Not with solver='lbfgs', and neither are the next two.

    input_dropout : float in [0, 1), default=0.0
        The same for the features. X is not changed; of a sparse one the stored values are
        dropped, and the model is that of the dense copy, to rounding.

    input_noise : float >= 0, default=0.0
        Standard deviation of the normal numbers that every step of training adds to the
        features (Bishop, 1995); scale the features. X must be dense, and is not changed.

    weight_init : {{{", ".join(map(repr, WEIGHT_INITS))}}} or callable, default='glorot_uniform'
        How weights are drawn. 'glorot_uniform' (Glorot & Bengio, 2010) is scikit-learn's:
        uniform within sqrt(6 / (fan_in + fan_out)), for 'logistic' sqrt(2 / ...). 'he_uniform'
        and 'he_normal' (He et al., 2015) have the variance 2 / fan_in, for relu and its kin;
        'lecun_normal' (LeCun et al., 1998) 1 / fan_in, for selu; 'orthogonal' (Saxe et al.,
        2014) keeps lengths: its rows, or its columns if they are fewer, are orthonormal. A
        callable is given (fan_in, fan_out, random_state), for every layer from the input's
        side, and returns an array of shape (fan_in, fan_out).

    intercept_init : {{{", ".join(map(repr, INTERCEPT_INITS))}}}, default='uniform'
        How intercepts begin. 'uniform' is scikit-learn's, drawn within 'glorot_uniform''s
        bounds; 'zeros' draws nothing; 'prior' is zero in the hidden layers and in the output
        layer what predicts, alone, the classes' shares or the targets' mean (by sample_weight;
        a class without rows counts as half a row). That is, whatever the loss, the log of the
        shares or, of two classes and of labels, log(p / (1 - p)); the mean, of every quantile
        too; and where the loss has a log link the log of the mean.
"""

_SOLVER_NAMES = textwrap.fill(
    ", ".join(map(repr, OPTIMIZERS)), 88, subsequent_indent=" " * 8, break_on_hyphens=False
)

MORE_PARAMETERS = f"""\
solver : {{{_SOLVER_NAMES}, 'lbfgs'}}, default='adam'
        'lbfgs' is scipy's quasi-Newton method on all rows at once, good for small data; all
        others take a step for every batch of rows. Formulas, papers and each one's own
        parameters are in docs/vocabulary.md.

    alpha : float >= 0, default=0.0001
        Strength of the penalty alpha * (l1_ratio * sum(|w|) + (1 - l1_ratio) / 2 * sum(w**2))
        over `coefs_`, divided by the sum of the batch's weights (its rows, where there are no
        weights). Intercepts are free.

    l1_ratio : float in [0, 1], default=0.0
        The share of L1 in the penalty. It enters as its subgradient, alpha * l1_ratio *
        sign(w) with sign(0) = 0: it shrinks weights towards 0 but makes none exactly 0. Not
        with 'lbfgs'.

    weight_decay : float >= 0 or None, default=None
        Before each step weights (not intercepts) shrink by learning rate * weight_decay of
        themselves, besides the penalty (Loshchilov & Hutter, 2019). None is 0.01 for 'adamw'
        and 0 for all others. Not with 'lbfgs'.

    max_norm : float > 0 or None, default=None
        After each step, weights into a unit whose Euclidean norm is larger are scaled down to
        it, in every layer (Srebro & Shraibman, 2005). Not with 'lbfgs'.

    clip_norm : float > 0 or None, default=None
        A step's gradient, of all parameters and penalty included, is scaled by
        clip_norm / (norm + 1e-6) where that is less than 1 (Pascanu et al., 2013). Not with
        'lbfgs'.

    clip_value : float > 0 or None, default=None
        Every component of the gradient, penalty included, is cut to [-clip_value, clip_value],
        after `clip_norm`. Not with 'lbfgs'.

    batch_size : int >= 1 or 'auto', default='auto'
        Rows of a batch; 'auto' is min(200, n_samples). lbfgs does not use it.

    learning_rate : str, schedule or callable, default='constant'
        What becomes of the rate of the stochastic solvers while they train. A name:

        @SCHEDULES@

        A schedule of `rosenblatt.schedules` with parameters of its own, and a warmup if wanted,
        such as Cosine(warmup=0.05). Or a callable from the share of training that is done, a
        float in [0, 1], to the factor of `learning_rate_init` for the next step.

    learning_rate_init : float > 0, default=0.001
        The step size, for all solvers but 'lbfgs'.

    power_t : float >= 0, default=0.5
        The exponent of learning_rate='invscaling'.

    max_iter : int >= 1, default=200
        The most epochs (each row is used once in an epoch), for 'lbfgs' iterations.

    shuffle : bool, default=True
        Whether every epoch takes the rows in a new order. Not used by lbfgs.

    random_state : int, RandomState instance or None, default=None
        Draws the initial weights and intercepts, the validation split and the order of rows.
        The draws are scikit-learn's: the same seed gives the same model.

    tol : float >= 0, default=1e-4
        An epoch that does not lower the loss by `tol` (with early stopping: raise the
        validation score by it) counts as one without improvement. For lbfgs, the largest
        component of the projected gradient at which to stop.

    verbose : bool or int, default=False
        Whether to print each epoch's loss.

    warm_start : bool or 'optimizer', default=False
        Whether `fit` goes on from the weights of the last `fit`, with a new optimiser; with
        'optimizer' with the last one's state too (moments, steps, and the rate where
        'invscaling', 'adaptive' or 'plateau' had taken it).

    momentum : float in [0, 1], default=0.9
        Of the velocity. Only used when solver='sgd'.

    nesterovs_momentum : bool, default=True
        Whether to look ahead along the velocity (Nesterov, 1983). Only used when solver='sgd'.

    early_stopping : bool, default=False
        Whether to set a share of the rows aside, score it after every epoch, stop when the
        score no longer improves, and keep the weights that scored best. The split keeps
        the classes' shares (multilabel targets: it does not). Not used by lbfgs.

    validation_fraction : float in [0, 1), default=0.1
        The share of rows set aside by `early_stopping`, unless `fit` is given X_val.

    scoring : str, callable or None, default=None
        What early stopping looks at, the higher the better: None is accuracy (of whole rows
        for multilabel) or R^2; 'loss' the negative mean loss without the penalty; or a
        scorer's name, or a callable of (estimator, X, y), as in scikit-learn. Validation rows
        count with their sample_weight, also in scikit-learn's scorers if their metric has it.

    restore_best : bool, default=True
        Whether early stopping ends with the weights that scored best, or with the last.

    partial_fit_shuffle : {{'repeat', 'continue'}}, default='repeat'
        With an int `random_state`: whether every call of `partial_fit` draws the same order of
        rows, as in scikit-learn, or goes on drawing where the last call ended.

    beta_1, beta_2 : float in [0, 1), default=0.9, 0.999
        Decay rates of the means of the gradient and of its square. Only used by the solvers
        of adam's kind.

    epsilon : float > 0, default=1e-8
        Added to the denominator. Not used by 'sgd' and 'lbfgs'.

    rho : float in [0, 1), default=0.99
        Decay rate of the mean of the squared gradient. Only used when solver='rmsprop'.

    centered : bool, default=False
        Whether to divide by the gradient's standard deviation instead of the root of its mean
        square. Only used when solver='rmsprop'.

    rmsprop_momentum : float in [0, 1), default=0.0
        Of the scaled gradient. Only used when solver='rmsprop'.

    momentum_decay : float >= 0, default=0.004
        How fast the momentum grows towards beta_1. Only used when solver='nadam'.

    augment : callable or None, default=None
        Called before every epoch with a copy of the rows trained on and the fit's RandomState;
        returns rows of the same shape to use in that epoch in their place. Validation rows
        stay as they are. Not for lbfgs.

    tol_params : float >= 0 or None, default=None
        Training stops after an epoch in which the parameters moved less: the Euclidean norm of
        the change of all weights and intercepts. Not for lbfgs.

    callbacks : list of callables or None, default=None
        Each is called after every epoch with that epoch's record, a line of `history_`, and the
        estimator, which predicts; one that returns True stops training. `rosenblatt.callbacks`
        has some. Clones get copies. Not for lbfgs.

    n_iter_no_change : int >= 1 or inf, default=10
        Training stops once there were more than so many epochs in a row without improvement,
        that is, after n_iter_no_change + 1 of them (scikit-learn counts the same way).

    max_fun : int >= 1, default=15000
        The most evaluations of the loss by lbfgs.

    n_jobs : int or None, default=None
        Threads inside one fit, at most 64; None is 1 unless joblib says otherwise. Steps too
        short to share are left to one. The model's bits do not depend on it.

    dtype : {{"float32", "float64"}} or None, default=None
        What to compute in. None follows X (float32 stays, everything else is float64);
        'float32' takes half the memory and about half the time whatever X is.
"""

MORE_PARAMETERS = MORE_PARAMETERS.replace(
    "@SCHEDULES@",
    "\n        ".join(f"- {name!r} {row.summary}" for name, row in SCHEDULES.items()),
)

ATTRIBUTES = """\
coefs_ : list of ndarray of shape (fan_in, fan_out)
        The weights, a matrix for each layer; `predict`, a warm start and `partial_fit` use
        them as they are, so they may be assigned or edited.

    intercepts_ : list of ndarray of shape (fan_out,)
        The intercepts, likewise.

    normalization_scales_, normalization_shifts_ : list of ndarray of shape (n_units,)
        With `normalization`, one array for each hidden layer, likewise.

    running_means_, running_variances_ : list of ndarray of shape (n_units,)
        With normalization='batch', what predictions normalise by, likewise.

    n_features_in_ : int
        Number of features seen during `fit`.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where X had names that are all strings.

    n_iter_ : int
        Epochs (or iterations of lbfgs) of the last fit.

    activations_ : list of str
        Each hidden layer's activation, by its own name where an alias was given.

    n_layers_, n_outputs_ : int
        Layers, input and output included, and outputs.

    n_parameters_ : int
        Weights and intercepts, and with `normalization` scales and shifts, all together.

    out_activation_ : str
        What makes predictions of the last layer's sums: 'identity', 'exp', 'logistic' or
        'softmax'.

    batch_size_ : int
        Rows of a batch in the last fit or call of `partial_fit`; with lbfgs all of them.

    loss_ : float
        The last epoch's loss, penalty included.

    loss_curve_ : list of float
        The loss of every epoch, averaged over its batches, each taken before its step; it
        grows over warm starts and calls of `partial_fit`. Not with lbfgs.

    history_ : dict of lists of float
        For every epoch, over warm starts and calls of `partial_fit`: 'loss'; 'validation_loss'
        and 'validation_score', NaN without validation rows; 'learning_rate', the last step's;
        'gradient_norm', the root mean square over the steps of the norm of the batch's gradient,
        penalty included; 'seconds'; and 'parameter_change', what `tol_params` looks at, NaN
        where neither it nor a callback asks. `history_.to_frame()` is a pandas.DataFrame. With
        lbfgs, for every iteration 'loss' and 'gradient_norm' of all rows where it ended, and
        'seconds'; the others are NaN.

    best_loss_ : float or None
        The lowest of `loss_curve_`; None with early stopping. Not with lbfgs.

    stopped_ : bool
        After `partial_fit` with early stopping: whether patience is at its end. The best
        weights are then put back, and further calls warn and do nothing.

    validation_scores_ : list of float or None
        With early stopping, every epoch's score on the validation rows; NaN where
        predictions were no numbers.

    best_validation_score_ : float or None
        The highest of them.

    t_ : int
        Rows used for training so far.
"""
