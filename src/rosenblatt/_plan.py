"""What a fit is going to do, decided before any work: widths, rules, batch, counts.

A Plan is frozen and holds plain values: training needs nothing of the estimator but it.
"""

# SPDX-License-Identifier: BSD-3-Clause
import contextlib
import os
import warnings
from dataclasses import dataclass
from itertools import pairwise
from numbers import Integral, Real
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from joblib import effective_n_jobs  # which scikit-learn depends on

from rosenblatt._base import warn_user
from rosenblatt.core.dispatch import ACTIVATIONS, OPTIMIZERS

MOST_THREADS = 64  # of one fit, see core/threads.h
MOST_HIDDEN_LAYERS = 255  # see core/network.pyx


@dataclass(frozen=True)
class Plan:
    """The fit that parameters and data ask for.

    Attributes
    ----------
    widths : tuple of int
        n_features, the hidden layers, n_outputs.
    activations : tuple of str
        One per hidden layer.
    init_factor : float
        Of the initial weights' bound, see `initial_parameters`; the activation's own.
    normalization : str or None
        None, too, where there is no hidden layer.
    dropout : tuple of float
        One per hidden layer.
    input_dropout, input_noise : float
    weight_init, intercept_init : str or callable, str
        Rows of _state.py's tables, or what to call for weights.
    loss : str
        A row of the engine's losses.
    solver : str
    optimizer : dict
        The constants of the solver's step.
    learning_rate_init, schedule, power_t : float, str, float
        `schedule` is 'constant' for solvers that have none.
    dtype : numpy.dtype
    batch_size : int or 'auto'
    max_epochs : int
    """

    widths: tuple
    activations: tuple
    init_factor: float
    normalization: str | None
    dropout: tuple
    input_dropout: float
    input_noise: float
    weight_init: object
    intercept_init: str
    loss: str
    solver: str
    optimizer: dict
    learning_rate_init: float
    schedule: str
    power_t: float
    dtype: np.dtype
    batch_size: int | str
    max_epochs: int
    incremental: bool
    max_fun: int
    shuffle: bool
    tol: float
    n_iter_no_change: float
    early_stopping: bool
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
            return min(200, n_rows)
        if self.batch_size > n_rows:
            warn_user(
                "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped"
            )
        return min(self.batch_size, n_rows)


def training_plan(estimator, data, *, incremental):
    """The Plan for an estimator whose parameters and data have been checked."""
    hidden = hidden_widths(estimator.hidden_layer_sizes)
    widths = (data.X.shape[1], *hidden, data.n_outputs)
    refuse_too_large(estimator, widths, data.X.dtype)
    if sp.issparse(data.X):
        refuse_for_sparse(estimator)
    sgd = estimator.solver == "sgd"
    return Plan(
        widths=widths,
        activations=(estimator.activation,) * len(hidden),
        init_factor=ACTIVATIONS[estimator.activation].init_factor,
        normalization=estimator.normalization if hidden else None,
        dropout=dropout_rates(estimator.dropout, len(hidden)),
        input_dropout=float(estimator.input_dropout),
        input_noise=float(estimator.input_noise),
        weight_init=estimator.weight_init,
        intercept_init=estimator.intercept_init,
        loss=data.loss.name,
        solver=estimator.solver,
        optimizer={
            "momentum": estimator.momentum,
            "nesterovs_momentum": bool(estimator.nesterovs_momentum),
            "beta_1": estimator.beta_1,
            "beta_2": estimator.beta_2,
            "epsilon": estimator.epsilon,
        },
        learning_rate_init=float(estimator.learning_rate_init),
        schedule=estimator.learning_rate if sgd else "constant",
        power_t=float(estimator.power_t),
        dtype=data.X.dtype,
        batch_size=estimator.batch_size,
        max_epochs=1 if incremental else estimator.max_iter,
        incremental=incremental,
        max_fun=estimator.max_fun,
        shuffle=bool(estimator.shuffle),
        tol=estimator.tol,
        n_iter_no_change=estimator.n_iter_no_change,
        early_stopping=bool(estimator.early_stopping),
        validation_fraction=estimator.validation_fraction,
        alpha=float(estimator.alpha),
        verbose=estimator.verbose,
        n_threads=_thread_count(estimator.n_jobs),
    )


def _thread_count(n_jobs):
    """Threads for n_jobs as joblib counts them; None is 1 unless a joblib context says more."""
    with warnings.catch_warnings():
        # joblib's remarks on its own workers; these are threads of the core
        warnings.simplefilter("ignore", UserWarning)
        return min(effective_n_jobs(n_jobs), MOST_THREADS)


def hidden_widths(hidden_layer_sizes):
    """hidden_layer_sizes as a tuple of positive ints.

    Raises
    ------
    ValueError
        If a width is not an integer of at least 1, or there are more than 255.
    """
    given = hidden_layer_sizes
    sizes = list(given) if hasattr(given, "__iter__") else [given]
    if not all(isinstance(size, Integral) and not isinstance(size, bool) for size in sizes):
        raise ValueError(f"hidden_layer_sizes must hold integers, got {given!r}.")
    if any(size <= 0 for size in sizes):
        raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}.")
    if len(sizes) > MOST_HIDDEN_LAYERS:
        raise ValueError(
            f"hidden_layer_sizes must name at most {MOST_HIDDEN_LAYERS} layers, got {len(sizes)}."
        )
    return tuple(int(size) for size in sizes)


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


def refuse_layers_without_steps(estimator, rates):
    """Raises ValueError for what changes from step to step, with a solver that takes none, and
    for batch normalisation of single rows."""
    if estimator.solver in OPTIMIZERS:
        if estimator.normalization == "batch" and estimator.batch_size == 1:
            raise ValueError(
                "normalization='batch' needs a batch_size of at least 2, got batch_size=1: a "
                "single row has no variance. normalization='layer' takes any."
            )
        return
    if estimator.normalization == "batch":
        raise ValueError(
            f"normalization='batch' needs batches, which solver={estimator.solver!r} has not: use "
            f"normalization='layer', or a solver among {', '.join(map(repr, OPTIMIZERS))}."
        )
    given = {
        "dropout": any(rates),
        "input_dropout": estimator.input_dropout > 0,
        "input_noise": estimator.input_noise > 0,
    }
    for name, is_on in given.items():
        if is_on:
            raise ValueError(
                f"{name}={getattr(estimator, name)!r} makes the loss another one at every look, "
                f"which solver={estimator.solver!r} cannot search; it must be one of "
                f"{', '.join(map(repr, OPTIMIZERS))}."
            )


def refuse_for_sparse(estimator):
    """Raises ValueError for what would fill a sparse X, or copy it."""
    for name in ("input_dropout", "input_noise"):
        if getattr(estimator, name) > 0:
            raise ValueError(
                f"{name}={getattr(estimator, name)!r} takes a dense X, got a sparse one: use "
                f"X.toarray(), or {name}=0."
            )


def refuse_too_large(estimator, widths, dtype):
    """Raises MemoryError for a network that this machine cannot hold, before any work."""
    n_parameters = sum((k + 1) * n for k, n in pairwise(widths))
    if estimator.solver == "lbfgs":
        # scipy keeps 20 vectors of past steps, all in float64, besides its and our working ones
        needed = 24 * n_parameters * 8
    else:
        # parameters, gradient, moments, two arrangements of the weights, and with early stopping
        # the best parameters so far
        needed = (6 + bool(estimator.early_stopping)) * n_parameters * np.dtype(dtype).itemsize
    available = _memory_of_this_machine()
    if needed > available:
        raise MemoryError(
            f"hidden_layer_sizes={widths[1:-1]} with {widths[0]} features and {widths[-1]} outputs "
            f"makes {n_parameters:,} parameters; training them takes {needed / 2**30:,.1f} GiB and "
            f"{available / 2**30:,.1f} GiB are there."
        )


def _memory_of_this_machine():
    """Bytes of memory that a process may have at most; infinite where that is not told."""
    limits = [np.inf]
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        limits.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    with contextlib.suppress(OSError, ValueError):  # no control group, not readable, or "max"
        limits.append(int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return min(limit for limit in limits if limit > 0)  # -1: not known
