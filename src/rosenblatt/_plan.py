"""The plan of a fit, made before training: network, solver, batch size, stopping rules.

A Plan is frozen and has plain values. Training uses it instead of the estimator. The network is
described by its Architecture (_architecture.py); the other fields describe the training.
"""

# SPDX-License-Identifier: BSD-3-Clause
import warnings
from dataclasses import dataclass, fields, replace
from numbers import Real

import numpy as np
from joblib import effective_n_jobs  # a dependency of scikit-learn

from rosenblatt._architecture import GROUPS, INPUT_SCALES, Architecture
from rosenblatt._base import warn_user
from rosenblatt._memory import refuse_too_large
from rosenblatt._network_description import architecture_of
from rosenblatt._parameter_rows import refuse_with_data
from rosenblatt._parameter_table import AUTO_BATCH_SIZE, CLASSIFIER, REGRESSOR, SHARED
from rosenblatt.core.dispatch import ACTIVATION_NAMES, ACTIVATIONS, OPTIMIZERS
from rosenblatt.schedules import Constant, Plateau, Scheduled, as_schedule

MOST_THREADS = 64  # maximum number of threads of a fit, see core/threads.h


@dataclass(frozen=True)
class Plan:
    """The plan of a fit for given parameters and data.

    Attributes
    ----------
    architecture : Architecture
        The network.
    init_factors : tuple of float
        Factors of the bounds of initial weights, one per layer, see `initial_parameters`: that of
        the activation, and for the output layer that of the last hidden layer.
    dropout : tuple of float
        Rates, one per hidden layer.
    input_dropout, input_noise : float
    weight_init, intercept_init : str or callable, str
        Rows of the tables in _initializers.py, or a callable for weights.
    solver : str
    optimizer : dict
        The constants of the solver's step, including penalties and limits.
    groups : dict
        Maps the name of each group of parameters to its Group.
    learning_rate_init : float
    scheduled : dict
        Maps the name of each quantity that changes from step to step to its Scheduled. Training
        computes the values and passes them to the core; 'learning_rate' is always included.
    schedule_epochs : int
        Number of epochs that the schedules span.
    batch_size : int or 'auto'
    max_epochs : int
    tol_params : float or None
    n_iter_no_change, patience_ratio : float
        Training stops after more than n_iter_no_change + patience_ratio * b consecutive epochs
        without improvement, where b is the number of epochs up to the best.
    scoring : None, 'loss' or callable
        A scorer of (estimator, X, y); None means accuracy or R^2.
    class_weight : dict, 'balanced' or None
    augment : callable or None
        Called with (a copy of the training rows, random_state) before every epoch.
    keeps_optimizer : bool
        Whether the state of the optimiser is kept, so that training can be continued.
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
    scheduled: dict
    schedule_epochs: int
    batch_size: int | str
    max_epochs: int
    incremental: bool
    max_fun: int
    shuffle: bool
    tol: object
    tol_params: float | None
    n_iter_no_change: object
    early_stopping: bool
    restore_best: bool
    scoring: object
    augment: object
    keeps_optimizer: bool
    validation_fraction: object
    alpha: float
    verbose: int
    n_threads: int
    patience_ratio: float = 0.0
    class_weight: object = None

    @property
    def schedule(self):
        """The Schedule of the learning rate."""
        return self.scheduled["learning_rate"].schedule

    @property
    def is_stochastic(self):
        """Whether the solver takes steps on mini-batches (lbfgs does not)."""
        return self.solver in OPTIMIZERS

    @property
    def is_noisy(self):
        """Whether layers have dropout or noise."""
        return any(self.dropout) or self.input_dropout > 0 or self.input_noise > 0

    def rows_per_step(self, n_rows):
        """The batch size for `n_rows` training rows, clipped as in scikit-learn."""
        if self.batch_size == "auto":
            return min(AUTO_BATCH_SIZE, n_rows)
        if self.batch_size > n_rows:
            warn_user(
                "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped"
            )
        return min(self.batch_size, n_rows)


_PARAMETERS = SHARED | CLASSIFIER | REGRESSOR
_GIVEN = tuple(field.name for field in fields(Plan) if field.name in _PARAMETERS)
_NUMBERS = {
    field.name: field.type
    for field in fields(Plan)
    if field.name in _PARAMETERS and field.type in (bool, float)
}


def training_plan(estimator, data, *, incremental):
    """The Plan for an estimator whose parameters and data have been validated."""
    refuse_with_data(estimator, data, incremental=incremental)
    architecture, n_threads = architecture_of(estimator, data), thread_count(estimator.n_jobs)
    dropout = dropout_rates(estimator.dropout, len(architecture.hidden))
    refuse_too_large(estimator, architecture, dropout, data.X.shape[0], n_threads)
    weight_decay = estimator.weight_decay
    if weight_decay is None and estimator.solver in OPTIMIZERS:
        weight_decay = OPTIMIZERS[estimator.solver].weight_decay
    values = _as_given(estimator) | {
        "architecture": architecture,
        "init_factors": _init_factors(estimator.activation, architecture.activations),
        "dropout": dropout,
        "optimizer": {
            "l1_ratio": estimator.l1_ratio,
            "weight_decay": weight_decay or 0.0,
            "max_norm": estimator.max_norm,
            "clip_norm": estimator.clip_norm,
            "clip_value": estimator.clip_value,
            **_optimizer_parameters(estimator),
        },
        "groups": _groups(estimator),
        "scheduled": _scheduled(estimator, incremental=incremental),
        "schedule_epochs": estimator.max_iter,
        # may be infinite, or an integer that does not fit into a float
        "n_iter_no_change": min(estimator.n_iter_no_change, 2.0**53),
        "max_epochs": 1 if incremental else estimator.max_iter,
        "incremental": incremental,
        "scoring": _scorer(estimator.scoring),
        "keeps_optimizer": incremental or estimator.warm_start == "optimizer",
        "n_threads": n_threads,
    }
    return Plan(**values)


def _groups(estimator):
    """The groups of parameters, with the learning-rate factors of the estimator."""
    rate = estimator.input_scale_rate or 1.0
    return GROUPS | {INPUT_SCALES.name: replace(INPUT_SCALES, learning_rate_factor=float(rate))}


def _as_given(estimator):
    """The fields of a Plan that are parameters of the estimator."""
    values = {name: getattr(estimator, name) for name in _GIVEN if hasattr(estimator, name)}
    for name, kind in _NUMBERS.items():
        values[name] = kind(values[name])
    return values


def _scorer(scoring):
    if not isinstance(scoring, str) or scoring == "loss":
        return scoring
    from sklearn.metrics import get_scorer  # which take long to import

    return get_scorer(scoring)


def _scheduled(estimator, *, incremental):
    """The quantities that change from step to step, one line each."""
    schedule = _effective_schedule(estimator, incremental=incremental)
    return {"learning_rate": Scheduled(float(estimator.learning_rate_init), schedule)}


def _effective_schedule(estimator, *, incremental):
    """The schedule of `learning_rate`, or a constant one with a warning if it has no effect."""
    schedule = as_schedule(estimator.learning_rate, estimator.power_t)
    solvers = "'sgd'" if schedule.sgd_only else " or ".join(map(repr, OPTIMIZERS))
    if estimator.solver == "lbfgs" or (schedule.sgd_only and estimator.solver != "sgd"):
        if not isinstance(schedule, Constant):
            warn_user(
                f"learning_rate={schedule.name!r} is used by solver={solvers} only; it is ignored "
                f"with solver={estimator.solver!r}."
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
    """The values of the parameters in the solver's row; lbfgs has none."""
    row = OPTIMIZERS.get(estimator.solver)
    return {name: getattr(estimator, name) for name in row.parameters} if row else {}


def thread_count(n_jobs):
    """The number of threads for n_jobs, as in joblib; None is 1 unless set by a joblib context."""
    with warnings.catch_warnings():
        # joblib's warnings about its workers do not apply to the threads of the core
        warnings.simplefilter("ignore", UserWarning)
        return min(effective_n_jobs(n_jobs), MOST_THREADS)


def _init_factors(activation, activations):
    """The factor of each layer; the output layer has that of the last hidden one, as in sklearn."""
    if isinstance(activation, str):
        activations = (*activations, ACTIVATION_NAMES[activation])
    else:
        activations = (*activations, activations[-1] if activations else "identity")
    return tuple(ACTIVATIONS[name].init_factor for name in activations)


def dropout_rates(dropout, n_hidden):
    """The dropout rate of each hidden layer, from one rate or one per layer.

    Raises
    ------
    ValueError
        If a rate is not a number in [0, 1), or the number of rates differs from that of layers.
    """
    if isinstance(dropout, Real):
        return (float(dropout),) * n_hidden
    rates = np.ravel(np.asarray(dropout, dtype=object)).tolist()
    if not all(isinstance(rate, Real) and 0 <= rate < 1 for rate in rates):
        raise ValueError(f"dropout must be numbers in the range [0, 1), got {dropout!r}.")
    if len(rates) != n_hidden:
        raise ValueError(
            f"dropout must be one rate, or one for each of the {n_hidden} hidden layers, got "
            f"{dropout!r}."
        )
    return tuple(map(float, rates))
