"""What a fit is going to do, decided before any work: the network, rules, batch, counts.

A Plan is frozen and holds plain values: training needs nothing of the estimator but it. What the
network is stands in its Architecture (_architecture.py); the rest is how it is trained.
"""

# SPDX-License-Identifier: BSD-3-Clause
import warnings
from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np
import scipy.sparse as sp
from joblib import effective_n_jobs  # which scikit-learn depends on

from rosenblatt._architecture import GROUPS, Architecture, dense_network
from rosenblatt._base import warn_user
from rosenblatt._memory import refuse_too_large
from rosenblatt._parameter_checks import refuse_value
from rosenblatt._parameter_table import ACTIVATION_OPTIONS, AUTO_BATCH_SIZE
from rosenblatt.core.dispatch import ACTIVATION_NAMES, ACTIVATIONS, OPTIMIZERS
from rosenblatt.schedules import Constant, Plateau, Schedule, as_schedule

MOST_THREADS = 64  # of one fit, see core/threads.h
MOST_HIDDEN_LAYERS = 255  # see core/layers.pxd


@dataclass(frozen=True)
class Plan:
    """The fit that parameters and data ask for.

    Attributes
    ----------
    architecture : Architecture
        The network.
    init_factors : tuple of float
        One per layer, of the initial weights' bound, see `initial_parameters`: the
        activation's own, and for the output layer that of the last hidden one.
    dropout : tuple of float
        One per hidden layer.
    input_dropout, input_noise : float
    weight_init, intercept_init : str or callable, str
        Rows of _initializers.py's tables, or what to call for weights.
    solver : str
    optimizer : dict
        The constants of the solver's step, penalties and limits included.
    groups : dict
        From the name of each group of parameters to the Group that says how steps treat it.
    learning_rate_init, schedule : float, Schedule
    schedule_epochs : int
        How many are the whole of training to the schedule.
    batch_size : int or 'auto'
    max_epochs : int
    tol_params : float or None
    n_iter_no_change, patience_ratio : float
        Training stops after more than n_iter_no_change + patience_ratio * b consecutive epochs
        without improvement, b of them the epochs up to the best.
    scoring : None, 'loss' or callable
        A scorer of (estimator, X, y); None is accuracy or R^2.
    class_weight : dict, 'balanced' or None
    augment : callable or None
        Of (X, random_state); called with a copy of the training rows before every epoch.
    keeps_optimizer : bool
        Whether training may go on from where this fit ends, its optimiser's state included.
    """

    architecture: Architecture
    init_factors: tuple
    dropout: tuple
    input_dropout: float
    input_noise: float
    weight_init: object
    intercept_init: str
    solver: str
    optimizer: dict
    groups: dict
    learning_rate_init: float
    schedule: Schedule
    schedule_epochs: int
    batch_size: int | str
    max_epochs: int
    incremental: bool
    max_fun: int
    shuffle: bool
    tol: float
    tol_params: float | None
    n_iter_no_change: float
    patience_ratio: float
    early_stopping: bool
    restore_best: bool
    scoring: object
    class_weight: object
    augment: object
    keeps_optimizer: bool
    validation_fraction: float
    alpha: float
    verbose: int
    n_threads: int

    @property
    def is_stochastic(self):
        """Whether the solver takes steps on batches (lbfgs takes the whole)."""
        return self.solver in OPTIMIZERS

    @property
    def is_noisy(self):
        """Whether steps draw at random within the layers."""
        return any(self.dropout) or self.input_dropout > 0 or self.input_noise > 0

    def rows_per_step(self, n_rows):
        """The batch size for so many training rows, as scikit-learn clips it."""
        if self.batch_size == "auto":
            return min(AUTO_BATCH_SIZE, n_rows)
        if self.batch_size > n_rows:
            warn_user(
                "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped"
            )
        return min(self.batch_size, n_rows)


def training_plan(estimator, data, *, incremental):
    """The Plan for an estimator whose parameters and data have been checked."""
    architecture, n_threads = architecture_of(estimator, data), thread_count(estimator.n_jobs)
    dropout = dropout_rates(estimator.dropout, len(architecture.hidden))
    refuse_too_large(estimator, architecture, dropout, data.X.shape[0], n_threads)
    if sp.issparse(data.X):
        refuse_for_sparse(estimator)
    weight_decay = estimator.weight_decay
    if weight_decay is None and estimator.solver in OPTIMIZERS:
        weight_decay = OPTIMIZERS[estimator.solver].weight_decay
    return Plan(
        architecture=architecture,
        init_factors=_init_factors(estimator.activation, architecture.activations),
        dropout=dropout,
        input_dropout=float(estimator.input_dropout),
        input_noise=float(estimator.input_noise),
        weight_init=estimator.weight_init,
        intercept_init=estimator.intercept_init,
        solver=estimator.solver,
        optimizer={
            "l1_ratio": estimator.l1_ratio,
            "weight_decay": weight_decay or 0.0,
            "max_norm": estimator.max_norm,
            "clip_norm": estimator.clip_norm,
            "clip_value": estimator.clip_value,
            **_optimizer_parameters(estimator),
        },
        groups=GROUPS,
        learning_rate_init=float(estimator.learning_rate_init),
        schedule=_effective_schedule(estimator, incremental=incremental),
        schedule_epochs=estimator.max_iter,
        batch_size=estimator.batch_size,
        max_epochs=1 if incremental else estimator.max_iter,
        incremental=incremental,
        max_fun=estimator.max_fun,
        shuffle=bool(estimator.shuffle),
        tol=estimator.tol,
        tol_params=estimator.tol_params,
        n_iter_no_change=estimator.n_iter_no_change,
        patience_ratio=0.0,
        early_stopping=bool(estimator.early_stopping),
        restore_best=bool(estimator.restore_best),
        scoring=_scorer(estimator.scoring),
        class_weight=getattr(estimator, "class_weight", None),
        augment=estimator.augment,
        keeps_optimizer=incremental or estimator.warm_start == "optimizer",
        validation_fraction=estimator.validation_fraction,
        alpha=float(estimator.alpha),
        verbose=estimator.verbose,
        n_threads=n_threads,
    )


def architecture_of(estimator, data):
    """The network that an estimator's parameters and checked data ask for."""
    hidden = hidden_widths(estimator.hidden_layer_sizes)
    return dense_network(
        (data.X.shape[1], *hidden, data.n_outputs),
        hidden_activations(estimator.activation, len(hidden)),
        data.loss.name,
        data.X.dtype,
        normalization=estimator.normalization,
        loss_constants=loss_constants(estimator, data),
    )


def _scorer(scoring):
    if not isinstance(scoring, str) or scoring == "loss":
        return scoring
    from sklearn.metrics import get_scorer  # which take long to import

    return get_scorer(scoring)


def _effective_schedule(estimator, *, incremental):
    """The schedule of `learning_rate`, or a constant one, with a warning, where it cannot act."""
    schedule = as_schedule(estimator.learning_rate, estimator.power_t)
    solvers = "'sgd'" if schedule.sgd_only else " or ".join(map(repr, OPTIMIZERS))
    if estimator.solver == "lbfgs" or (schedule.sgd_only and estimator.solver != "sgd"):
        if not isinstance(schedule, Constant):
            warn_user(
                f"learning_rate={schedule.name!r} acts with solver={solvers} only: with "
                f"solver={estimator.solver!r} it is ignored."
            )
        return Constant(warmup=schedule.warmup)
    stops_first = isinstance(schedule, Plateau) and schedule.patience >= estimator.n_iter_no_change
    if stops_first and not incremental:
        warn_user(
            f"learning_rate='plateau' lowers the rate after more than patience={schedule.patience} "
            f"epochs without improvement, when training stops for "
            f"n_iter_no_change={estimator.n_iter_no_change}: set that higher."
        )
    return schedule


def _optimizer_parameters(estimator):
    """The estimator's values of the parameters that its solver's row names; lbfgs has none."""
    row = OPTIMIZERS.get(estimator.solver)
    return {name: getattr(estimator, name) for name in row.parameters} if row else {}


def loss_constants(estimator, data):
    """The loss's constant for each output: that of `quantile` may differ between them."""
    if data.loss.constant is None:
        return (0.0,) * data.n_outputs
    if data.levels is not None:
        return data.levels
    return (float(getattr(estimator, data.loss.constant)),) * data.n_outputs


def thread_count(n_jobs):
    """Threads for n_jobs as joblib counts them; None is 1 unless a joblib context says more."""
    with warnings.catch_warnings():
        # joblib's remarks on its own workers; these are threads of the core
        warnings.simplefilter("ignore", UserWarning)
        return min(effective_n_jobs(n_jobs), MOST_THREADS)


def _items(given):
    """What a sequence holds; what is none, as an array without dimensions, is the only one."""
    try:
        return list(given)
    except TypeError:
        return [given]


def hidden_widths(hidden_layer_sizes):
    """hidden_layer_sizes as a tuple of positive ints.

    Raises
    ------
    ValueError
        If a width is not an integer of at least 1, or there are more than 255.
    """
    given = hidden_layer_sizes
    sizes = _items(given)
    if not all(isinstance(size, Integral) and not isinstance(size, bool) for size in sizes):
        raise ValueError(f"hidden_layer_sizes must hold integers, got {given!r}.")
    if any(size <= 0 for size in sizes):
        raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}.")
    if len(sizes) > MOST_HIDDEN_LAYERS:
        raise ValueError(
            f"hidden_layer_sizes must name at most {MOST_HIDDEN_LAYERS} layers, got {len(sizes)}."
        )
    return tuple(int(size) for size in sizes)


def hidden_activations(activation, n_hidden):
    """Each hidden layer's activation, by its row's own name, from one name or a name for each.

    Raises
    ------
    ValueError
        If there are not as many names as hidden layers, or one is no activation.
    """
    if isinstance(activation, str):
        return (ACTIVATION_NAMES[activation],) * n_hidden
    names = _items(activation)
    for i, name in enumerate(names):
        refuse_value(f"activation[{i}]", name, [ACTIVATION_OPTIONS])
    if len(names) != n_hidden:
        raise ValueError(
            f"activation must be one name, or one for each of the {n_hidden} hidden layers, got "
            f"{activation!r}."
        )
    return tuple(ACTIVATION_NAMES[name] for name in names)


def _init_factors(activation, activations):
    """Of every layer; the output layer goes with the last hidden one, as in scikit-learn."""
    if isinstance(activation, str):
        activations = (*activations, ACTIVATION_NAMES[activation])
    else:
        activations = (*activations, activations[-1] if activations else "identity")
    return tuple(ACTIVATIONS[name].init_factor for name in activations)


def dropout_rates(dropout, n_hidden):
    """Each hidden layer's share of dropped units, from one rate or a rate for each.

    Raises
    ------
    ValueError
        If a rate is not a number in [0, 1), or there are not as many as hidden layers.
    """
    if isinstance(dropout, Real):
        return (float(dropout),) * n_hidden
    rates = np.ravel(np.asarray(dropout, dtype=object)).tolist()
    if not all(isinstance(rate, Real) and 0 <= rate < 1 for rate in rates):
        raise ValueError(f"dropout must hold numbers in the range [0, 1), got {dropout!r}.")
    if len(rates) != n_hidden:
        raise ValueError(
            f"dropout must be one rate, or one for each of the {n_hidden} hidden layers, got "
            f"{dropout!r}."
        )
    return tuple(map(float, rates))


def refuse_single_rows(estimator):
    """Raises ValueError for batch normalisation of batches that are one row."""
    if estimator.normalization == "batch" and estimator.batch_size == 1:
        raise ValueError(
            "normalization='batch' needs a batch_size of at least 2, got batch_size=1: a "
            "single row has no variance. normalization='layer' takes any."
        )


def refuse_for_sparse(estimator):
    """Raises ValueError for what would fill a sparse X."""
    if estimator.input_noise > 0:
        raise ValueError(
            f"input_noise={estimator.input_noise!r} takes a dense X, got a sparse one: use "
            "X.toarray(), or input_noise=0. input_dropout takes a sparse X too."
        )
