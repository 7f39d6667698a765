"""The parameters of the multi-layer perceptrons, one row each: allowed values, meaning, and the
combinations that are refused. _parameter_rows.py defines the row; the perceptron has its own rows.

Rules, docstrings, refusals and docs/parameters.md come from these rows; defaults are in the
signatures, where an editor shows them. The effect of a parameter is elsewhere, in Plan or the core.
"""

# SPDX-License-Identifier: BSD-3-Clause
import textwrap
from numbers import Integral, Real

import numpy as np
import scipy.sparse as sp

from rosenblatt._architecture import NORMALIZATION_ATTRIBUTES
from rosenblatt._data import QUANTILE_LEVEL
from rosenblatt._initializers import INTERCEPT_INITS, WEIGHT_INITS
from rosenblatt._parameter_checks import Interval, Options
from rosenblatt._parameter_rows import (
    CANNOT_SEARCH,
    NO_BATCHES,
    Needs,
    Page,
    Parameter,
    Refusal,
    RefusalByData,
)
from rosenblatt.core.dispatch import ACTIVATION_NAMES, LOSSES, OPTIMIZERS
from rosenblatt.schedules import SCHEDULES, Schedule

AUTO_BATCH_SIZE = 200  # rows of batch_size='auto', if there are so many


def _loss_parameters(is_regression):
    """The values of `loss`, in the table's order."""
    rows = [row for row in LOSSES.values() if (row.target == "real") == is_regression]
    return tuple(dict.fromkeys(row.parameter for row in rows))


REGRESSION_LOSSES, CLASSIFICATION_LOSSES = _loss_parameters(True), _loss_parameters(False)
_MULTI_CLASS = tuple(sorted({row.multi_class for row in LOSSES.values()} - {None}))

ACTIVATION_OPTIONS = Options(
    str,
    tuple(ACTIVATION_NAMES),
    {
        "step": " A step has no gradient to learn from: PerceptronClassifier is the model with "
        "this activation; in a hidden layer use 'logistic', 'tanh' or 'hard_sigmoid'."
    },
)


def _is_given(value):
    return value is not None


def _is_positive(value):
    return value is not None and value > 0


def _are_positive(values):
    return bool(np.any(np.asarray(values) > 0))


def _listed(names):
    return textwrap.fill(
        ", ".join(map(repr, names)), 88, subsequent_indent=" " * 8, break_on_hyphens=False
    )


def _options(names):
    return f"{{{_listed(names)}}}"


_SCHEDULES = "\n        ".join(f"- {name!r} {row.summary}" for name, row in SCHEDULES.items())

# the parameters of both networks
SHARED = {
    "hidden_layer_sizes": Parameter(
        "int or array-like of int",
        """
        The number of units of each hidden layer, from input to output. `()` is a network
        without hidden layers: a linear model.
        """,
        ["array-like", Interval(Integral, 1, None, closed="left")],
        page=Page("The network", "units of each hidden layer; `()` is a linear model"),
        is_common=True,
    ),
    "activation": Parameter(
        "str or sequence of str",
        f"""
        Activation function of the hidden units, applied to the pre-activation z: one name for
        all hidden layers or one for each: {_listed(ACTIVATION_NAMES)}.
        Formulas and papers are in docs/vocabulary.md. 'relu' is max(0, z), 'logistic' the
        sigmoid 1 / (1 + exp(-z)), 'identity' z itself.
        """,
        [ACTIVATION_OPTIONS, "array-like"],
        page=Page(
            "The network",
            "one name, or one for each hidden layer: [activations](vocabulary.md#activations)",
        ),
        is_common=True,
    ),
    "normalization": Parameter(
        "{None, 'batch', 'layer'}",
        """
        Normalises the pre-activations z of each hidden layer, intercepts included:
        scale * (z - mean) / sqrt(variance + 1e-5) + shift, with a learned scale and shift for
        every unit. 'batch' (Ioffe & Szegedy, 2015) computes mean and variance of each unit over
        the batch, ignoring sample_weight; predictions use running averages, updated in every
        step with a weight of 0.1. It needs batches of at least 2 rows (a single last row joins
        the batch before it) and does not support solver='lbfgs'. 'layer' (Ba, Kiros & Hinton,
        2016) computes them for each row over the layer's units. Scales and shifts are not
        penalised.
        """,
        [None, Options(str, tuple(filter(None, NORMALIZATION_ATTRIBUTES)))],
        needs_steps=Needs(lambda kind: kind == "batch", NO_BATCHES),
        refusals=(
            Refusal(
                lambda model: model.normalization == "batch" and model.batch_size == 1,
                "needs a batch_size of at least 2, got batch_size=1: a single row has no "
                "variance. normalization='layer' works with any batch_size.",
            ),
        ),
        page=Page(
            "The network",
            "`'batch'` or `'layer'` normalisation of the pre-activations: [layers](layers.md)",
        ),
    ),
    "dropout": Parameter(
        "float in [0, 1) or sequence of float",
        """
        The probability with which a hidden layer's outputs are set to zero in a training step
        (Srivastava et al., 2014), one for all hidden layers or one for each. The other outputs
        are divided by 1 - dropout, so that their mean is the same in predictions, where nothing
        is dropped. Not supported by solver='lbfgs'.
        """,
        [Interval(Real, 0, 1, closed="left"), "array-like"],
        needs_steps=Needs(_are_positive, CANNOT_SEARCH),
        page=Page("Against overfitting", "probability of dropping a hidden output in a step"),
    ),
    "input_dropout": Parameter(
        "float in [0, 1)",
        """
        The dropout probability of the features. X is not changed. If X is sparse, only stored
        values are dropped, and the model equals that of the dense copy up to rounding. Not
        supported by solver='lbfgs'.
        """,
        [Interval(Real, 0, 1, closed="left")],
        needs_steps=Needs(_is_positive, CANNOT_SEARCH),
        page=Page("Against overfitting", "probability of dropping a feature in a step"),
    ),
    "input_noise": Parameter(
        "float >= 0",
        """
        Standard deviation of the Gaussian noise that is added to the features in every training
        step (Bishop, 1995); scale the features. X must be dense, and is not changed. Not
        supported by solver='lbfgs'.
        """,
        [Interval(Real, 0, None, closed="left")],
        needs_steps=Needs(_is_positive, CANNOT_SEARCH),
        refusals=(
            RefusalByData(
                lambda model, data, incremental: model.input_noise > 0 and sp.issparse(data.X),
                "needs a dense X, got a sparse one: use X.toarray(), or input_noise=0. "
                "input_dropout supports a sparse X.",
            ),
        ),
        page=Page(
            "Against overfitting", "standard deviation of noise on the features, for dense X"
        ),
    ),
    "input_scale_rate": Parameter(
        "float >= 0",
        """
        If positive, each feature is multiplied by a learned factor, `input_scales_`, before the
        first layer. Factors start at 1, are not penalised and do not decay, and are learned at
        input_scale_rate times the learning rate: values from 5 to 50 let informative features
        grow quickly, which helps if many features are not (Holzmueller et al., 2024). Not
        supported by 'lbfgs'.
        """,
        [Interval(Real, 0, None, closed="left")],
        needs_steps=Needs(_is_positive),
        page=Page(
            "The network",
            "learning rate of a learned factor of each feature, as a multiple; 0 learns none",
        ),
    ),
    "weight_init": Parameter(
        _options(WEIGHT_INITS) + " or callable",
        """
        Distribution of the initial weights. 'glorot_uniform' (Glorot & Bengio, 2010) is
        scikit-learn's: uniform in [-b, b] with b = sqrt(6 / (fan_in + fan_out)), for
        'logistic' sqrt(2 / (fan_in + fan_out)). 'he_uniform' and 'he_normal' (He et al., 2015)
        have variance 2 / fan_in and suit relu and similar activations; 'lecun_normal' (LeCun et
        al., 1998) has variance 1 / fan_in and suits selu; 'orthogonal' (Saxe et al., 2014)
        preserves norms: its rows, or its columns if they are fewer, are orthonormal. A callable
        is called with (fan_in, fan_out, random_state) for every layer, from input to output,
        and returns an array of shape (fan_in, fan_out).
        """,
        [Options(str, tuple(WEIGHT_INITS)), "function"],
        page=Page("The network", "distribution of the initial weights: a name or a callable"),
    ),
    "intercept_init": Parameter(
        _options(INTERCEPT_INITS),
        """
        Initial values of the intercepts. 'uniform' is scikit-learn's: drawn within the bounds
        of 'glorot_uniform'. 'zeros' draws nothing. 'prior' is zero in the hidden layers; in the
        output layer it predicts the class frequencies or the mean of the targets (weighted by
        sample_weight; a class without rows counts as half a row). For classifiers, whatever the
        loss, this is the log of the frequencies, or log(p / (1 - p)) for two classes and for
        multilabel targets; for regressors it is the mean, also for quantiles, or the log of the
        mean if the loss has a log link.
        """,
        [Options(str, tuple(INTERCEPT_INITS))],
        page=Page(
            "The network",
            "initial intercepts; `'prior'` starts from the class frequencies or the targets' mean",
        ),
    ),
    "solver": Parameter(
        _options((*OPTIMIZERS, "lbfgs")),
        """
        The optimiser. 'lbfgs' is scipy's quasi-Newton method on all rows at once, suited to
        small data; all others take a step for every mini-batch. Formulas, papers and the
        parameters of each optimiser are in docs/vocabulary.md.
        """,
        [Options(str, (*OPTIMIZERS, "lbfgs"))],
        page=Page(
            "Steps",
            "the optimiser: [optimisers](vocabulary.md#optimisers); `'lbfgs'` uses all rows "
            "at once",
        ),
        is_common=True,
    ),
    "alpha": Parameter(
        "float >= 0",
        """
        Strength of the penalty alpha * (l1_ratio * sum(|w|) + (1 - l1_ratio) / 2 * sum(w**2))
        over `coefs_`, divided by the sum of the batch's sample weights (its number of rows if
        there are none). Intercepts are not penalised.
        """,
        [Interval(Real, 0, None, closed="left")],
        page=Page(
            "Against overfitting",
            "strength of the penalty on weights, divided by the number of rows in a batch: "
            "useful values reach 10",
        ),
        is_common=True,
    ),
    "l1_ratio": Parameter(
        "float in [0, 1]",
        """
        The share of L1 in the penalty. Steps use its subgradient, alpha * l1_ratio * sign(w)
        with sign(0) = 0, which shrinks weights towards 0 but makes none exactly 0. Not
        supported by 'lbfgs'.
        """,
        [Interval(Real, 0, 1, closed="both")],
        needs_steps=Needs(_is_positive),
        page=Page(
            "Against overfitting",
            "share of L1 in the penalty; L1 needs a much smaller `alpha`: above 1 it may shrink "
            "all weights to 0",
        ),
    ),
    "weight_decay": Parameter(
        "float >= 0 or None",
        """
        Decoupled weight decay (Loshchilov & Hutter, 2019), in addition to the penalty: before
        each step, weights (not intercepts) are multiplied by 1 - learning rate * weight_decay.
        None is 0.01 for 'adamw' and 0 for all others. Not supported by 'lbfgs'.
        """,
        [None, Interval(Real, 0, None, closed="left")],
        needs_steps=Needs(_is_positive),
        page=Page(
            "Against overfitting",
            "decoupled weight decay; `None` is 0.01 for `'adamw'`, 0 for others",
        ),
    ),
    "max_norm": Parameter(
        "float > 0 or None",
        """
        Upper bound of the Euclidean norm of the weights into a unit, in every layer: after each
        step, longer weight vectors are scaled down to it (Srebro & Shraibman, 2005). Not
        supported by 'lbfgs'.
        """,
        [None, Interval(Real, 0, None, closed="neither")],
        needs_steps=Needs(_is_given),
        page=Page("Against overfitting", "largest norm of the weights into a unit"),
    ),
    "clip_norm": Parameter(
        "float > 0 or None",
        """
        Gradient clipping by norm (Pascanu et al., 2013): the gradient of a step, over all
        parameters and including the penalty, is multiplied by clip_norm / (norm + 1e-6) if
        that is less than 1. Not supported by 'lbfgs'.
        """,
        [None, Interval(Real, 0, None, closed="neither")],
        needs_steps=Needs(_is_given, shapes_loss=False),
        page=Page("Steps", "largest norm of a step's gradient"),
    ),
    "clip_value": Parameter(
        "float > 0 or None",
        """
        Gradient clipping by value: every component of the gradient, including the penalty, is
        clipped to [-clip_value, clip_value], after `clip_norm`. Not supported by 'lbfgs'.
        """,
        [None, Interval(Real, 0, None, closed="neither")],
        needs_steps=Needs(_is_given, shapes_loss=False),
        page=Page("Steps", "largest component of a step's gradient"),
    ),
    "batch_size": Parameter(
        "int >= 1 or 'auto'",
        f"""
        Rows of a mini-batch; 'auto' is min({AUTO_BATCH_SIZE}, n_samples). Not used by 'lbfgs'.
        """,
        [Options(str, ("auto",)), Interval(Integral, 1, None, closed="left")],
        page=Page("Steps", "rows of a step; `'auto'` is 200"),
        is_common=True,
    ),
    "learning_rate": Parameter(
        "str, schedule or callable",
        f"""
        Learning-rate schedule of the stochastic solvers. A name:

        {_SCHEDULES}

        Or an object of `rosenblatt.schedules`, which has parameters and an optional warmup, such
        as Cosine(warmup=0.05). Or a callable that is given the completed share of training, a
        float in [0, 1], and returns the factor of `learning_rate_init` for the next step.
        """,
        [Options(str, tuple(SCHEDULES)), Schedule, "function"],
        needs_steps=Needs(lambda rate: not isinstance(rate, str), shapes_loss=False),
        page=Page(
            "Steps",
            "learning-rate schedule: a name, an object of `rosenblatt.schedules`, or a callable",
        ),
    ),
    "learning_rate_init": Parameter(
        "float > 0",
        """
        The initial learning rate. Not used by 'lbfgs'.
        """,
        [Interval(Real, 0, None, closed="neither")],
        page=Page("Steps", "initial learning rate; for `'sgd'` try 0.01 to 0.3"),
        is_common=True,
    ),
    "power_t": Parameter(
        "float >= 0",
        """
        The exponent of learning_rate='invscaling'.
        """,
        [Interval(Real, 0, None, closed="left")],
        page=Page("Steps", "exponent of `learning_rate='invscaling'`"),
    ),
    "max_iter": Parameter(
        "int >= 1",
        """
        Maximum number of epochs (each row is used once per epoch), or of iterations for 'lbfgs'.
        Each call of `fit` counts its own, also with warm_start.
        """,
        [Interval(Integral, 1, None, closed="left")],
        page=Page(
            "When to stop", "maximum number of epochs; schedules such as `'cosine'` span them"
        ),
        is_common=True,
    ),
    "shuffle": Parameter(
        "bool",
        """
        Whether to shuffle the rows in every epoch. Not used by 'lbfgs'.
        """,
        ["boolean"],
        page=Page("Steps", "whether to shuffle the rows in every epoch"),
    ),
    "random_state": Parameter(
        "int, RandomState instance or None",
        """
        Determines the initial weights and intercepts, the validation split and the order of
        rows. The draws are those of scikit-learn: the same seed gives the same model.
        """,
        ["random_state"],
        page=Page("Running", "an int makes a fit reproducible, to the bit"),
        is_common=True,
    ),
    "tol": Parameter(
        "float >= 0",
        """
        Tolerance of the stopping criterion: an epoch that does not lower the loss by at least
        `tol` (with early stopping: does not raise the validation score by it) counts as one
        without improvement. 'lbfgs' stops when no component of the projected gradient is larger.
        """,
        [Interval(Real, 0, None, closed="left")],
        page=Page("When to stop", "smallest change that counts as an improvement"),
    ),
    "verbose": Parameter(
        "bool or int",
        """
        Whether to print each epoch's loss.
        """,
        ["verbose"],
        page=Page("Running", "whether to print the loss of each epoch"),
    ),
    "warm_start": Parameter(
        "bool or 'optimizer'",
        """
        Whether `fit` continues from the weights of the last `fit`, with a new optimiser.
        'optimizer' also continues from the optimiser's state: moments, number of steps, and the
        learning rate that 'invscaling', 'adaptive' or 'plateau' had reached. It also keeps the
        rows that early stopping set aside, as long as X has the same number of rows; with True
        they are drawn anew, with a warning.
        """,
        ["boolean", Options(str, ("optimizer",))],
        page=Page(
            "Running", "whether `fit` continues from the last; `'optimizer'` includes its moments"
        ),
    ),
    "momentum": Parameter(
        "float in [0, 1]",
        """
        Momentum coefficient of SGD. Only used when solver='sgd'.
        """,
        [Interval(Real, 0, 1, closed="both")],
        page=Page("Of one optimiser", "`'sgd'`"),
    ),
    "nesterovs_momentum": Parameter(
        "bool",
        """
        Whether to use Nesterov's momentum (Nesterov, 1983). Only used when solver='sgd'.
        """,
        ["boolean"],
        page=Page("Of one optimiser", "`'sgd'`"),
    ),
    "early_stopping": Parameter(
        "bool",
        """
        Whether to set aside validation rows, score them after every epoch, stop when the score
        no longer improves, and keep the weights with the best score. The split is stratified,
        except for multilabel targets. Not used by 'lbfgs'.
        """,
        ["boolean"],
        page=Page("When to stop", "stop by the score of validation rows instead of the loss"),
        is_common=True,
    ),
    "validation_fraction": Parameter(
        "float in [0, 1)",
        """
        The share of rows set aside by `early_stopping`, unless `fit` is given X_val.
        """,
        [Interval(Real, 0, 1, closed="left")],
        page=Page("When to stop", "share of rows set aside for validation"),
    ),
    "beta_1": Parameter(
        "float in [0, 1)",
        """
        Decay rate of the running mean of the gradient. Only used by 'adam', 'adamw', 'nadam',
        'radam' and 'adabelief'.
        """,
        [Interval(Real, 0, 1, closed="left")],
        page=Page("Of one optimiser", "`'adam'` and its kin"),
    ),
    "beta_2": Parameter(
        "float in [0, 1)",
        """
        Decay rate of the running mean of the squared gradient (for 'adabelief', of its squared
        deviation from the mean). Only used by 'adam', 'adamw', 'nadam', 'radam' and 'adabelief'.
        """,
        [Interval(Real, 0, 1, closed="left")],
        page=Page("Of one optimiser", "`'adam'` and its kin"),
    ),
    "epsilon": Parameter(
        "float > 0",
        """
        Added to the denominator of the step for numerical stability. Not used by 'sgd' and
        'lbfgs'.
        """,
        [Interval(Real, 0, None, closed="neither")],
        page=Page("Of one optimiser", "all but `'sgd'` and `'lbfgs'`"),
    ),
    "rho": Parameter(
        "float in [0, 1)",
        """
        Decay rate of the running mean of the squared gradient. Only used when solver='rmsprop'.
        """,
        [Interval(Real, 0, 1, closed="left")],
        page=Page("Of one optimiser", "`'rmsprop'`"),
    ),
    "centered": Parameter(
        "bool",
        """
        Whether to divide by the gradient's standard deviation instead of the root of its mean
        square. Only used when solver='rmsprop'.
        """,
        ["boolean"],
        page=Page("Of one optimiser", "`'rmsprop'`"),
    ),
    "rmsprop_momentum": Parameter(
        "float in [0, 1)",
        """
        Momentum coefficient of RMSprop. Only used when solver='rmsprop'.
        """,
        [Interval(Real, 0, 1, closed="left")],
        page=Page("Of one optimiser", "`'rmsprop'`"),
    ),
    "momentum_decay": Parameter(
        "float >= 0",
        """
        How fast the momentum grows towards beta_1. Only used when solver='nadam'.
        """,
        [Interval(Real, 0, None, closed="left")],
        page=Page("Of one optimiser", "`'nadam'`"),
    ),
    "n_iter_no_change": Parameter(
        "int >= 1 or inf",
        """
        Training stops after more than n_iter_no_change consecutive epochs without improvement,
        that is, after n_iter_no_change + 1 of them (scikit-learn counts the same way).
        """,
        [Interval(Integral, 1, None, closed="left"), Options(Real, (np.inf,))],
        page=Page(
            "When to stop",
            "epochs without improvement before training stops; `np.inf` lets a schedule run to "
            "its end",
        ),
    ),
    "patience_ratio": Parameter(
        "float >= 0",
        """
        Training goes on for patience_ratio * b more epochs without improvement, where b is the
        epoch of the last improvement: the patience is n_iter_no_change + patience_ratio * b.
        Not supported by solver='lbfgs'.
        """,
        [Interval(Real, 0, None, closed="left")],
        needs_steps=Needs(_is_positive),
        page=Page(
            "When to stop", "further epochs without improvement, as a share of the epochs before"
        ),
    ),
    "max_fun": Parameter(
        "int >= 1",
        """
        Maximum number of evaluations of the loss. Only used when solver='lbfgs'.
        """,
        [Interval(Integral, 1, None, closed="left")],
        page=Page("Of one optimiser", "`'lbfgs'`: maximum number of evaluations"),
    ),
    "n_jobs": Parameter(
        "int or None",
        """
        Number of threads inside one fit, at most 64. None means 1 unless in a joblib context.
        Steps that are too short to divide run on one thread. The model is bitwise the same for
        any number of threads.
        """,
        [
            None,
            Interval(Integral, 1, None, closed="left"),
            Interval(Integral, None, -1, closed="right"),
        ],
        page=Page("Running", "threads inside one fit; the model does not depend on it"),
    ),
    "dtype": Parameter(
        "{'float32', 'float64'}, numpy.dtype or None",
        """
        Precision of the computation: a name, a NumPy type (numpy.float32) or a numpy.dtype.
        None follows X (float32 stays float32, everything else becomes float64). Compared with
        'float64', 'float32' needs half the memory and about half the time, whatever X is.
        """,
        [None, "float dtype"],
        page=Page(
            "The network", "`'float32'` halves memory and about halves time; `None` follows X"
        ),
    ),
    "scoring": Parameter(
        "str, callable or None",
        """
        The validation score of early stopping, higher is better. None is accuracy (subset
        accuracy for multilabel targets) or R^2; 'loss' is the negative mean loss without the
        penalty; otherwise the name of a scorer, or a callable with the signature
        (estimator, X, y), as in scikit-learn. Validation rows are weighted by their
        sample_weight, also in scikit-learn's scorers if their metric supports it.
        """,
        [None, "scoring", "scorer"],
        page=Page(
            "When to stop",
            "score of early stopping: accuracy or R² (`None`), `'loss'`, or any scorer of "
            "scikit-learn",
        ),
    ),
    "restore_best": Parameter(
        "bool",
        """
        Whether early stopping keeps the weights with the best score, or the last ones.
        """,
        ["boolean"],
        page=Page("When to stop", "whether to keep the weights of the best epoch"),
    ),
    "partial_fit_shuffle": Parameter(
        "{'repeat', 'continue'}",
        """
        With an int `random_state`: whether every call of `partial_fit` repeats the same order
        of rows, as in scikit-learn, or continues the random sequence of the last call.
        """,
        [Options(str, ("repeat", "continue"))],
        page=Page(
            "Running",
            "`'continue'`: every call of `partial_fit` draws a new order, with an int "
            "`random_state`",
        ),
    ),
    "augment": Parameter(
        "callable or None",
        """
        Data augmentation: called before every epoch with a copy of the training rows and the
        fit's RandomState; returns rows of the same shape, which replace them in that epoch.
        Validation rows are not augmented. Not supported by 'lbfgs'.
        """,
        [None, "function"],
        needs_steps=Needs(_is_given),
        page=Page("Against overfitting", "a function that changes the rows before every epoch"),
    ),
    "tol_params": Parameter(
        "float >= 0 or None",
        """
        Training stops after an epoch in which the parameters change by less than this, measured
        as the Euclidean norm of the change of all weights and intercepts. Not supported by
        'lbfgs'.
        """,
        [None, Interval(Real, 0, None, closed="left")],
        needs_steps=Needs(_is_given, shapes_loss=False),
        page=Page("When to stop", "stop when the parameters change less than this in an epoch"),
    ),
    "callbacks": Parameter(
        "list of callables or None",
        """
        Each is called after every epoch (for 'lbfgs', every iteration) with that epoch's record,
        a row of `history_`, and the estimator, which can predict at that point. Training stops
        if one returns True. `rosenblatt.callbacks` has ready-made ones. Clones get copies;
        pickles of a fitted model include the callbacks that can be pickled.
        """,
        [None, "functions"],
        page=Page(
            "Running",
            "functions called after every epoch: `Progress`, `TimeLimit`, `Checkpoint`, "
            "`Trajectory` of `rosenblatt.callbacks`",
        ),
    ),
}


# additional parameters of MLPClassifier
CLASSIFIER = {
    "loss": Parameter(
        _options(CLASSIFICATION_LOSSES),
        """
        The loss function, with p the probability of the right class. 'log_loss' is -log p.
        'squared_error' is half the squared error of the probabilities, summed over the classes
        (over both classes if there are two). 'focal' is -(1 - p)**focal_gamma log p. 'hinge' is
        max(0, 1 - s f) for an output f, with s = 1 for the right class and -1 for the others;
        'squared_hinge' is its square; neither gives probabilities. For multilabel targets, the
        loss is summed over the labels. Formulas and papers are in docs/vocabulary.md.
        """,
        [Options(str, CLASSIFICATION_LOSSES)],
        page=Page(
            "What is learned", "or squared error, focal, hinges: [losses](vocabulary.md#losses)"
        ),
        is_common=True,
    ),
    "label_smoothing": Parameter(
        "float in [0, 1]",
        """
        The target of the right class is 1 - label_smoothing, and label_smoothing / n_classes is
        added to the target of every class. Must be 0 if the loss is not 'log_loss'.
        """,
        [Interval(Real, 0, 1, closed="both")],
        refusals=(
            Refusal(
                lambda model: model.label_smoothing > 0 and model.loss != "log_loss",
                "needs loss='log_loss', got loss={model.loss!r}: use label_smoothing=0.",
            ),
        ),
        page=Page("What is learned", "share of each target spread over all classes (`'log_loss'`)"),
    ),
    "focal_gamma": Parameter(
        "float >= 0",
        """
        The focusing exponent: the larger it is, the less weight well-predicted rows have. Only
        used when loss='focal'.
        """,
        [Interval(Real, 0, None, closed="left")],
        page=Page("What is learned", "how strongly easy rows are down-weighted (`'focal'`)"),
    ),
    "multi_class": Parameter(
        "{'ovr', 'crammer_singer'}",
        """
        Multi-class hinge loss, for three or more classes: 'ovr' sums one hinge per class,
        'crammer_singer' is max(0, 1 - f of the right class + the highest other f). Only used
        when loss is 'hinge' or 'squared_hinge'.
        """,
        [Options(str, _MULTI_CLASS)],
        page=Page("What is learned", "hinge losses of three or more classes"),
    ),
    "class_weight": Parameter(
        "dict, 'balanced' or None",
        """
        Weights of the classes: a dict {label: weight}, where missing labels have weight 1, or
        'balanced' for n_samples / (n_classes * n_samples of the class). The weight of a
        training row is sample_weight * class_weight / mean of class_weight over the training
        rows; validation rows have their sample_weight only. Not supported for multilabel
        targets; 'balanced' is not supported by `partial_fit`.
        """,
        [None, dict, Options(str, ("balanced",))],
        refusals=(
            RefusalByData(
                lambda model, data, incremental: (
                    model.class_weight is not None and data.is_multilabel
                ),
                "is not supported for multilabel targets, whose rows have several classes. Use "
                "sample_weight.",
            ),
            RefusalByData(
                lambda model, data, incremental: (
                    incremental and isinstance(model.class_weight, str)
                ),
                "is not supported for partial_fit, which does not see all rows: give the weights "
                "as a dict.",
            ),
        ),
        page=Page("What is learned", "`'balanced'`, or a weight for each class: `{label: weight}`"),
    ),
}


# additional parameters of MLPRegressor
REGRESSOR = {
    "loss": Parameter(
        _options(REGRESSION_LOSSES),
        """
        The loss function, with f the prediction. 'squared_error' is 0.5 * (y - f)**2,
        'absolute_error' is |y - f|, 'log_cosh' is log(cosh(y - f)), 'huber' is the squared
        error for |y - f| <= huber_delta and huber_delta * (|y - f| - huber_delta / 2) beyond,
        'quantile' is the pinball loss. 'poisson', for y >= 0, is y log(y / f) - y + f, where f
        is the exponential of the output unit's pre-activation; 'gamma', for y > 0, and
        'tweedie' are half of their deviances, with the same f. Formulas and papers are in
        docs/vocabulary.md.
        """,
        [Options(str, REGRESSION_LOSSES)],
        page=Page(
            "What is learned",
            "or absolute error, Huber, quantiles, counts: [losses](vocabulary.md#mlpregressor)",
        ),
        is_common=True,
    ),
    "huber_delta": Parameter(
        "float > 0",
        """
        The absolute error, in units of y, beyond which the loss is linear. Only used when
        loss='huber'.
        """,
        [Interval(Real, 0, None, closed="neither")],
        page=Page("What is learned", "error beyond which the loss is linear (`'huber'`)"),
    ),
    "quantile": Parameter(
        "float in (0, 1) or sequence of them",
        """
        The quantile level. A sequence learns several levels of one target at once, and
        `predict` returns a column for each. Only used when loss='quantile'.
        """,
        [QUANTILE_LEVEL, "array-like"],
        page=Page("What is learned", "the level, or several at once (`'quantile'`)"),
    ),
    "non_crossing": Parameter(
        "bool",
        """
        Whether `predict` sorts each row's quantiles, so that they do not cross. Only used when
        `quantile` is a sequence.
        """,
        ["boolean"],
        page=Page("What is learned", "whether `predict` sorts each row's quantiles"),
    ),
    "tweedie_power": Parameter(
        "float <= 0 or >= 1",
        """
        The variance is proportional to the mean to this power: 0 is the normal distribution, 1
        Poisson, 2 gamma, 3 inverse Gaussian. y may be any number if the power is at most 0,
        must be >= 0 if it is in [1, 2), and > 0 from 2 on. Only used when loss='tweedie'.
        """,
        [Interval(Real, None, 0, closed="right"), Interval(Real, 1, None, closed="left")],
        page=Page("What is learned", "exponent of the mean in the variance (`'tweedie'`)"),
    ),
}
