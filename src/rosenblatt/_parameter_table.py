"""The parameters of the multi-layer perceptrons, a row each: what it takes, what it means, what
refuses it. What a row is, is in _parameter_rows.py; the perceptron has rows of its own.

Rules, docstrings, refusals and docs/parameters.md come from these rows; defaults stand in the
signatures, where an editor reads them. What a parameter does is elsewhere, in the Plan or the core.
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
    """What `loss=` takes, in the table's order."""
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

# what both networks have
SHARED = {
    "hidden_layer_sizes": Parameter(
        "int or array-like of int",
        """
        The number of units of each hidden layer, from the input's side. `()` is a network
        without hidden layers: a linear model.
        """,
        ["array-like", Interval(Integral, 1, None, closed="left")],
        page=Page("The network", "units of each hidden layer; `()` is a linear model"),
        is_common=True,
    ),
    "activation": Parameter(
        "str or sequence of str",
        f"""
        What the hidden units compute of their weighted sum z, one name for all hidden layers
        or one for each: {_listed(ACTIVATION_NAMES)}.
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
        Of the hidden layers' weighted sums z, intercepts included, before the activation:
        scale * (z - mean) / sqrt(variance + 1e-5) + shift, with a scale and a shift learned for
        every unit. 'batch' (Ioffe & Szegedy, 2015) takes mean and variance of each unit over
        the batch, whatever the rows' weights, and for predictions running averages, of which
        every step replaces a tenth; it needs batches of 2 rows or more (a single last row
        joins the batch before it) and is not for solver='lbfgs'. 'layer' (Ba, Kiros & Hinton,
        2016) takes them of each row over the layer's units. Scales and shifts carry no penalty.
        """,
        [None, Options(str, tuple(filter(None, NORMALIZATION_ATTRIBUTES)))],
        needs_steps=Needs(lambda kind: kind == "batch", NO_BATCHES),
        refusals=(
            Refusal(
                lambda model: model.normalization == "batch" and model.batch_size == 1,
                "needs a batch_size of at least 2, got batch_size=1: a single row has no "
                "variance. normalization='layer' takes any.",
            ),
        ),
        page=Page(
            "The network",
            "`'batch'` or `'layer'`, of each hidden layer's sums: [layers](layers.md)",
        ),
    ),
    "dropout": Parameter(
        "float in [0, 1) or sequence of float",
        """
        The share of a hidden layer's outputs that every step of training sets to zero
        (Srivastava et al., 2014), one for all hidden layers or one for each; the others are
        divided by 1 - dropout, so that predictions, which drop nothing, see the same mean.
        Not with solver='lbfgs', and neither are the next two.
        """,
        [Interval(Real, 0, 1, closed="left"), "array-like"],
        needs_steps=Needs(_are_positive, CANNOT_SEARCH),
        page=Page("Against overfitting", "share of hidden outputs that a step leaves out"),
    ),
    "input_dropout": Parameter(
        "float in [0, 1)",
        """
        The same for the features. X is not changed; of a sparse one the stored values are
        dropped, and the model is that of the dense copy, to rounding.
        """,
        [Interval(Real, 0, 1, closed="left")],
        needs_steps=Needs(_is_positive, CANNOT_SEARCH),
        page=Page("Against overfitting", "share of features that a step leaves out"),
    ),
    "input_noise": Parameter(
        "float >= 0",
        """
        Standard deviation of the normal numbers that every step of training adds to the
        features (Bishop, 1995); scale the features. X must be dense, and is not changed.
        """,
        [Interval(Real, 0, None, closed="left")],
        needs_steps=Needs(_is_positive, CANNOT_SEARCH),
        refusals=(
            RefusalByData(
                lambda model, data, incremental: model.input_noise > 0 and sp.issparse(data.X),
                "takes a dense X, got a sparse one: use X.toarray(), or input_noise=0. "
                "input_dropout takes a sparse X too.",
            ),
        ),
        page=Page(
            "Against overfitting", "standard deviation of noise on the features; X must be dense"
        ),
    ),
    "weight_init": Parameter(
        _options(WEIGHT_INITS) + " or callable",
        """
        How weights are drawn. 'glorot_uniform' (Glorot & Bengio, 2010) is scikit-learn's:
        uniform within sqrt(6 / (fan_in + fan_out)), for 'logistic' sqrt(2 / ...). 'he_uniform'
        and 'he_normal' (He et al., 2015) have the variance 2 / fan_in, for relu and its kin;
        'lecun_normal' (LeCun et al., 1998) 1 / fan_in, for selu; 'orthogonal' (Saxe et al.,
        2014) keeps lengths: its rows, or its columns if they are fewer, are orthonormal. A
        callable is given (fan_in, fan_out, random_state), for every layer from the input's
        side, and returns an array of shape (fan_in, fan_out).
        """,
        [Options(str, tuple(WEIGHT_INITS)), "function"],
        page=Page("The network", "how weights are drawn: a name or a function"),
    ),
    "intercept_init": Parameter(
        _options(INTERCEPT_INITS),
        """
        How intercepts begin. 'uniform' is scikit-learn's, drawn within 'glorot_uniform''s
        bounds; 'zeros' draws nothing; 'prior' is zero in the hidden layers and in the output
        layer what predicts, alone, the classes' shares or the targets' mean (by sample_weight;
        a class without rows counts as half a row). That is, whatever the loss, the log of the
        shares or, of two classes and of labels, log(p / (1 - p)); the mean, of every quantile
        too; and where the loss has a log link the log of the mean.
        """,
        [Options(str, tuple(INTERCEPT_INITS))],
        page=Page(
            "The network",
            "how intercepts begin; `'prior'` begins at the classes' shares or the targets' mean",
        ),
    ),
    "solver": Parameter(
        _options((*OPTIMIZERS, "lbfgs")),
        """
        'lbfgs' is scipy's quasi-Newton method on all rows at once, good for small data; all
        others take a step for every batch of rows. Formulas, papers and each one's own
        parameters are in docs/vocabulary.md.
        """,
        [Options(str, (*OPTIMIZERS, "lbfgs"))],
        page=Page(
            "Steps",
            "the optimiser: [optimisers](vocabulary.md#optimisers); `'lbfgs'` takes all rows "
            "at once",
        ),
        is_common=True,
    ),
    "alpha": Parameter(
        "float >= 0",
        """
        Strength of the penalty alpha * (l1_ratio * sum(|w|) + (1 - l1_ratio) / 2 * sum(w**2))
        over `coefs_`, divided by the sum of the batch's weights (its rows, where there are no
        weights). Intercepts are free.
        """,
        [Interval(Real, 0, None, closed="left")],
        page=Page(
            "Against overfitting",
            "penalty on weights, divided by the batch's rows: so useful values may be as "
            "large as 10",
        ),
        is_common=True,
    ),
    "l1_ratio": Parameter(
        "float in [0, 1]",
        """
        The share of L1 in the penalty. It enters as its subgradient, alpha * l1_ratio *
        sign(w) with sign(0) = 0: it shrinks weights towards 0 but makes none exactly 0. Not
        with 'lbfgs'.
        """,
        [Interval(Real, 0, 1, closed="both")],
        needs_steps=Needs(_is_positive),
        page=Page(
            "Against overfitting",
            "the share of it that is L1, which takes a far smaller `alpha`: above 1 it may "
            "leave nothing",
        ),
    ),
    "weight_decay": Parameter(
        "float >= 0 or None",
        """
        Before each step weights (not intercepts) shrink by learning rate * weight_decay of
        themselves, besides the penalty (Loshchilov & Hutter, 2019). None is 0.01 for 'adamw'
        and 0 for all others. Not with 'lbfgs'.
        """,
        [None, Interval(Real, 0, None, closed="left")],
        needs_steps=Needs(_is_positive),
        page=Page(
            "Against overfitting",
            "shrinking apart from the gradient; `None` is 0.01 for `'adamw'`, 0 for others",
        ),
    ),
    "max_norm": Parameter(
        "float > 0 or None",
        """
        After each step, weights into a unit whose Euclidean norm is larger are scaled down to
        it, in every layer (Srebro & Shraibman, 2005). Not with 'lbfgs'.
        """,
        [None, Interval(Real, 0, None, closed="neither")],
        needs_steps=Needs(_is_given),
        page=Page("Against overfitting", "longest column of weights into a unit"),
    ),
    "clip_norm": Parameter(
        "float > 0 or None",
        """
        A step's gradient, of all parameters and penalty included, is scaled by
        clip_norm / (norm + 1e-6) where that is less than 1 (Pascanu et al., 2013). Not with
        'lbfgs'.
        """,
        [None, Interval(Real, 0, None, closed="neither")],
        needs_steps=Needs(_is_given, shapes_loss=False),
        page=Page("Steps", "longest gradient that a step may have"),
    ),
    "clip_value": Parameter(
        "float > 0 or None",
        """
        Every component of the gradient, penalty included, is cut to [-clip_value, clip_value],
        after `clip_norm`. Not with 'lbfgs'.
        """,
        [None, Interval(Real, 0, None, closed="neither")],
        needs_steps=Needs(_is_given, shapes_loss=False),
        page=Page("Steps", "largest component that it may have"),
    ),
    "batch_size": Parameter(
        "int >= 1 or 'auto'",
        f"""
        Rows of a batch; 'auto' is min({AUTO_BATCH_SIZE}, n_samples). lbfgs does not use it.
        """,
        [Options(str, ("auto",)), Interval(Integral, 1, None, closed="left")],
        page=Page("Steps", "rows of a step; `'auto'` is 200"),
        is_common=True,
    ),
    "learning_rate": Parameter(
        "str, schedule or callable",
        f"""
        What becomes of the rate of the stochastic solvers while they train. A name:

        {_SCHEDULES}

        A schedule of `rosenblatt.schedules` with parameters of its own, and a warmup if wanted,
        such as Cosine(warmup=0.05). Or a callable from the share of training that is done, a
        float in [0, 1], to the factor of `learning_rate_init` for the next step.
        """,
        [Options(str, tuple(SCHEDULES)), Schedule, "function"],
        needs_steps=Needs(lambda rate: not isinstance(rate, str), shapes_loss=False),
        page=Page(
            "Steps",
            "what becomes of the step size: a schedule's name, an object of "
            "`rosenblatt.schedules`, a function",
        ),
    ),
    "learning_rate_init": Parameter(
        "float > 0",
        """
        The step size, for all solvers but 'lbfgs'.
        """,
        [Interval(Real, 0, None, closed="neither")],
        page=Page("Steps", "the step size; for `'sgd'` try 0.01 to 0.3"),
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
        The most epochs (each row is used once in an epoch), for 'lbfgs' iterations.
        """,
        [Interval(Integral, 1, None, closed="left")],
        page=Page(
            "When to stop", "the most epochs; schedules such as `'cosine'` are laid over as many"
        ),
        is_common=True,
    ),
    "shuffle": Parameter(
        "bool",
        """
        Whether every epoch takes the rows in a new order. Not used by lbfgs.
        """,
        ["boolean"],
        page=Page("Steps", "whether every epoch takes the rows in a new order"),
    ),
    "random_state": Parameter(
        "int, RandomState instance or None",
        """
        Draws the initial weights and intercepts, the validation split and the order of rows.
        The draws are scikit-learn's: the same seed gives the same model.
        """,
        ["random_state"],
        page=Page("Running", "an int makes a fit repeatable, to the bit"),
        is_common=True,
    ),
    "tol": Parameter(
        "float >= 0",
        """
        An epoch that does not lower the loss by `tol` (with early stopping: raise the
        validation score by it) counts as one without improvement. For lbfgs, the largest
        component of the projected gradient at which to stop.
        """,
        [Interval(Real, 0, None, closed="left")],
        page=Page("When to stop", "what counts as improvement"),
    ),
    "verbose": Parameter(
        "bool or int",
        """
        Whether to print each epoch's loss.
        """,
        ["verbose"],
        page=Page("Running", "a line an epoch"),
    ),
    "warm_start": Parameter(
        "bool or 'optimizer'",
        """
        Whether `fit` goes on from the weights of the last `fit`, with a new optimiser; with
        'optimizer' with the last one's state too (moments, steps, and the rate where
        'invscaling', 'adaptive' or 'plateau' had taken it).
        """,
        ["boolean", Options(str, ("optimizer",))],
        page=Page(
            "Running", "whether `fit` goes on from the last; `'optimizer'`: with its moments too"
        ),
    ),
    "momentum": Parameter(
        "float in [0, 1]",
        """
        Of the velocity. Only used when solver='sgd'.
        """,
        [Interval(Real, 0, 1, closed="both")],
        page=Page("Of one optimiser", "`'sgd'`"),
    ),
    "nesterovs_momentum": Parameter(
        "bool",
        """
        Whether to look ahead along the velocity (Nesterov, 1983). Only used when solver='sgd'.
        """,
        ["boolean"],
        page=Page("Of one optimiser", "`'sgd'`"),
    ),
    "early_stopping": Parameter(
        "bool",
        """
        Whether to set a share of the rows aside, score it after every epoch, stop when the
        score no longer improves, and keep the weights that scored best. The split keeps
        the classes' shares (multilabel targets: it does not). Not used by lbfgs.
        """,
        ["boolean"],
        page=Page("When to stop", "look at rows that are set aside instead of the training loss"),
        is_common=True,
    ),
    "validation_fraction": Parameter(
        "float in [0, 1)",
        """
        The share of rows set aside by `early_stopping`, unless `fit` is given X_val.
        """,
        [Interval(Real, 0, 1, closed="left")],
        page=Page("When to stop", "how many"),
    ),
    "beta_1": Parameter(
        "float in [0, 1)",
        """
        Decay rates of the means of the gradient and of its square. Only used by the solvers
        of adam's kind.
        """,
        [Interval(Real, 0, 1, closed="left")],
        page=Page("Of one optimiser", "`'adam'` and its kin"),
    ),
    "beta_2": Parameter(
        "float in [0, 1)",
        """
        Decay rates of the means of the gradient and of its square. Only used by the solvers
        of adam's kind.
        """,
        [Interval(Real, 0, 1, closed="left")],
        page=Page("Of one optimiser", "`'adam'` and its kin"),
    ),
    "epsilon": Parameter(
        "float > 0",
        """
        Added to the denominator. Not used by 'sgd' and 'lbfgs'.
        """,
        [Interval(Real, 0, None, closed="neither")],
        page=Page("Of one optimiser", "all but `'sgd'` and `'lbfgs'`"),
    ),
    "rho": Parameter(
        "float in [0, 1)",
        """
        Decay rate of the mean of the squared gradient. Only used when solver='rmsprop'.
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
        Of the scaled gradient. Only used when solver='rmsprop'.
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
        Training stops once there were more than so many epochs in a row without improvement,
        that is, after n_iter_no_change + 1 of them (scikit-learn counts the same way).
        """,
        [Interval(Integral, 1, None, closed="left"), Options(Real, (np.inf,))],
        page=Page(
            "When to stop",
            "epochs without improvement before training stops; `np.inf` lets a schedule come to "
            "its end",
        ),
    ),
    "max_fun": Parameter(
        "int >= 1",
        """
        The most evaluations of the loss by lbfgs.
        """,
        [Interval(Integral, 1, None, closed="left")],
        page=Page("Of one optimiser", "`'lbfgs'`: the most evaluations"),
    ),
    "n_jobs": Parameter(
        "int or None",
        """
        Threads inside one fit, at most 64; None is 1 unless joblib says otherwise. Steps too
        short to share are left to one. The model's bits do not depend on it.
        """,
        [
            None,
            Interval(Integral, 1, None, closed="left"),
            Interval(Integral, None, -1, closed="right"),
        ],
        page=Page("Running", "threads inside one fit; no bit depends on it"),
    ),
    "dtype": Parameter(
        "{'float32', 'float64'}, numpy.dtype or None",
        """
        What to compute in: a name, NumPy's type (numpy.float32) or a numpy.dtype. None follows
        X (float32 stays, everything else is float64); 'float32' takes half the memory and about
        half the time whatever X is.
        """,
        [None, "float dtype"],
        page=Page(
            "The network", "`'float32'` halves memory and about halves time; `None` follows X"
        ),
    ),
    "scoring": Parameter(
        "str, callable or None",
        """
        What early stopping looks at, the higher the better: None is accuracy (of whole rows
        for multilabel) or R^2; 'loss' the negative mean loss without the penalty; or a
        scorer's name, or a callable of (estimator, X, y), as in scikit-learn. Validation rows
        count with their sample_weight, also in scikit-learn's scorers if their metric has it.
        """,
        [None, "scoring", "scorer"],
        page=Page(
            "When to stop",
            "what early stopping looks at: accuracy or R² (`None`), `'loss'`, or any scorer of "
            "scikit-learn",
        ),
    ),
    "restore_best": Parameter(
        "bool",
        """
        Whether early stopping ends with the weights that scored best, or with the last.
        """,
        ["boolean"],
        page=Page("When to stop", "whether to end with the best epoch's weights"),
    ),
    "partial_fit_shuffle": Parameter(
        "{'repeat', 'continue'}",
        """
        With an int `random_state`: whether every call of `partial_fit` draws the same order of
        rows, as in scikit-learn, or goes on drawing where the last call ended.
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
        Called before every epoch with a copy of the rows trained on and the fit's RandomState;
        returns rows of the same shape to use in that epoch in their place. Validation rows
        stay as they are. Not for lbfgs.
        """,
        [None, "function"],
        needs_steps=Needs(_is_given),
        page=Page("Against overfitting", "a function that changes the rows before every epoch"),
    ),
    "tol_params": Parameter(
        "float >= 0 or None",
        """
        Training stops after an epoch in which the parameters moved less: the Euclidean norm of
        the change of all weights and intercepts. Not for lbfgs.
        """,
        [None, Interval(Real, 0, None, closed="left")],
        needs_steps=Needs(_is_given, shapes_loss=False),
        page=Page("When to stop", "stop when the parameters move less than this in an epoch"),
    ),
    "callbacks": Parameter(
        "list of callables or None",
        """
        Each is called after every epoch with that epoch's record, a line of `history_`, and the
        estimator, which predicts; one that returns True stops training. Of 'lbfgs' an epoch is
        an iteration. `rosenblatt.callbacks` has some. Clones get copies, and pickles of a fitted
        model those that can be pickled.
        """,
        [None, "functions"],
        page=Page(
            "Running",
            "functions called after every epoch: `Progress`, `TimeLimit`, `Checkpoint`, "
            "`Trajectory` of `rosenblatt.callbacks`",
        ),
    ),
}


# what MLPClassifier has besides
CLASSIFIER = {
    "loss": Parameter(
        _options(CLASSIFICATION_LOSSES),
        """
        'log_loss' is -log p of the right class. 'squared_error' is half the squared errors of
        the probabilities, summed over the classes (two also where one output serves them).
        'focal' is -(1 - p)**focal_gamma log p. 'hinge' is max(0, 1 - s f) for an output f
        and s = 1 for the right class, -1 for another; 'squared_hinge' its square; they
        give no probabilities. Multilabel: summed over the labels. Formulas and papers are in
        docs/vocabulary.md.
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
        The right class's target is 1 - label_smoothing, and label_smoothing / n_classes is
        added to every class's. With a loss other than 'log_loss' it must be 0.
        """,
        [Interval(Real, 0, 1, closed="both")],
        refusals=(
            Refusal(
                lambda model: model.label_smoothing > 0 and model.loss != "log_loss",
                "smooths the targets of loss='log_loss', got loss={model.loss!r}: use "
                "label_smoothing=0.",
            ),
        ),
        page=Page(
            "What is learned", "share of each target that goes to all classes alike (`'log_loss'`)"
        ),
    ),
    "focal_gamma": Parameter(
        "float >= 0",
        """
        How much less a row counts that is well predicted. Only used when loss='focal'.
        """,
        [Interval(Real, 0, None, closed="left")],
        page=Page("What is learned", "how much less easy rows count (`'focal'`)"),
    ),
    "multi_class": Parameter(
        "{'ovr', 'crammer_singer'}",
        """
        For three classes or more: one hinge for every class, summed, or
        max(0, 1 - f of the right class + the highest other f). Only used when loss is 'hinge'
        or 'squared_hinge'.
        """,
        [Options(str, _MULTI_CLASS)],
        page=Page("What is learned", "how hinges treat three classes and more"),
    ),
    "class_weight": Parameter(
        "dict, 'balanced' or None",
        """
        Weights of the classes, one where a dict has none, or n_rows / (n_classes * rows of the
        class). A row trained on weighs sample_weight * class_weight / mean of class_weight
        over the rows trained on; validation rows have their sample_weight alone. Not for
        multilabel; 'balanced' not in `partial_fit`.
        """,
        [None, dict, Options(str, ("balanced",))],
        refusals=(
            RefusalByData(
                lambda model, data, incremental: (
                    model.class_weight is not None and data.is_multilabel
                ),
                "is not supported for multilabel targets: a row has no one class. Use "
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


# what MLPRegressor has besides
REGRESSOR = {
    "loss": Parameter(
        _options(REGRESSION_LOSSES),
        """
        Of an output f: 'squared_error' is 0.5 * (y - f)**2, 'absolute_error' |y - f|,
        'log_cosh' log(cosh(y - f)), 'huber' the first within `huber_delta` of y and
        huber_delta * (|y - f| - huber_delta / 2) beyond, 'quantile' the pinball loss.
        'poisson', for y >= 0, is y log(y / f) - y + f with f the exponential of the output
        layer's sum; 'gamma', for y > 0, and 'tweedie' are half their deviances, with the
        same f. Formulas and papers are in docs/vocabulary.md.
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
        In the unit of y. Only used when loss='huber'.
        """,
        [Interval(Real, 0, None, closed="neither")],
        page=Page("What is learned", "distance from which errors count linearly (`'huber'`)"),
    ),
    "quantile": Parameter(
        "float in (0, 1) or sequence of them",
        """
        The level that is learned; a sequence learns several of one target at once, and
        `predict` gives a column for each. Only used when loss='quantile'.
        """,
        [QUANTILE_LEVEL, "array-like"],
        page=Page("What is learned", "the level, or several at once (`'quantile'`)"),
    ),
    "non_crossing": Parameter(
        "bool",
        """
        Whether `predict` sorts each row's quantiles, so that a higher level has no lower
        value. Only used when `quantile` is a sequence.
        """,
        ["boolean"],
        page=Page("What is learned", "sort each row's quantiles in `predict`"),
    ),
    "tweedie_power": Parameter(
        "float <= 0 or >= 1",
        """
        The variance's power of the mean: 0 is normal, 1 Poisson, 2 gamma, 3 inverse
        Gaussian. y may be any number up to 0, y >= 0 from 1, y > 0 from 2 on. Only used when
        loss='tweedie'.
        """,
        [Interval(Real, None, 0, closed="right"), Interval(Real, 1, None, closed="left")],
        page=Page("What is learned", "the variance's power of the mean (`'tweedie'`)"),
    ),
}
