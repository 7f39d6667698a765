"""Learning rates that change while a network trains: what `learning_rate=` takes.

A schedule says which rate a step has; the training loop asks it for those of whole epochs at
once. What a step does with its rate is the optimiser's.
"""

# SPDX-License-Identifier: BSD-3-Clause
import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cache
from numbers import Integral, Real
from typing import ClassVar, NamedTuple

import numpy as np

from rosenblatt._parameter_checks import Interval, Options, validate_values

__all__ = [
    "Adaptive",
    "Constant",
    "Cosine",
    "CosineRestarts",
    "Exponential",
    "InverseScaling",
    "Linear",
    "OneCycle",
    "Plateau",
    "Schedule",
    "Step",
]

_POSITIVE = Interval(Real, 0, None, closed="neither")
_NOT_NEGATIVE = Interval(Real, 0, None, closed="left")
_SHARE = Interval(Real, 0, 1, closed="both")
_COUNT = Interval(Integral, 1, None, closed="left")


class Clock(NamedTuple):
    """Where training stands when rates are asked for.

    Attributes
    ----------
    initial, current : float
        `learning_rate_init`, and where `invscaling`, `adaptive` and `plateau` have taken it;
        of another quantity that is scheduled, what it starts from, both.
    n_steps, n_total : int
        Steps of an epoch, and of the whole training: max_iter epochs.
    n_samples_seen, n_rows : int
        Rows used so far, and of an epoch.
    """

    initial: float
    current: float
    n_steps: int
    n_total: int
    n_samples_seen: int
    n_rows: int


class Scheduled(NamedTuple):
    """A quantity of the steps that changes while a network trains, by its name in a Plan.

    Attributes
    ----------
    initial : float
        What the schedule starts from.
    schedule : Schedule
        Its rates are the quantity's values.
    """

    initial: float
    schedule: object


@dataclass(frozen=True)
class Schedule(ABC):
    """What the schedules share: checked parameters and the warmup.

    In what follows a step's rate is a function of `epoch`, the epochs trained before it: a whole
    number e for schedules by the epoch, e + i / n_steps at step i of an epoch (both from 0) for
    schedules by the step. With a warmup of w steps, step s < w has the rate that the schedule
    begins with, times (s + 1) / w, and the schedule begins at step w [1]_. `invscaling`,
    `adaptive` and `plateau` follow the rows and the scores instead; the factor is all that a
    warmup adds to them.

    In `fit` a schedule by the epoch or the step begins anew; `partial_fit` goes on with it. In
    both, the whole of training is `max_iter` epochs.

    Parameters
    ----------
    warmup : int >= 0 (steps) or float in [0, 1) (share of all steps, rounded), default=0

    Raises
    ------
    ValueError, TypeError
        For a parameter out of range, when it is made.

    References
    ----------
    .. [1] P. Goyal et al., "Accurate, large minibatch SGD: training ImageNet in 1 hour", 2017.
    """

    name: ClassVar[str] = ""
    summary: ClassVar[str] = ""
    sgd_only: ClassVar[bool] = False
    rules: ClassVar[dict] = {}

    def __post_init__(self):
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        warmup = [Interval(Integral, 0, None), Interval(Real, 0, 1, closed="left")]
        validate_values(type(self).__name__, values, {**self.rules, "warmup": warmup})

    def rates(self, first_step, n_epochs, clock):
        """The rate of every step of the next epochs.

        Parameters
        ----------
        first_step : int
            Steps since the schedule began.
        n_epochs : int
        clock : Clock

        Returns
        -------
        ndarray of float64 of shape (n_epochs, n_steps)
        """
        steps = first_step + np.arange(n_epochs * clock.n_steps)
        n_warmup = self._warmup_steps(clock.n_total)
        if n_warmup == 0:
            return self._rates(steps, clock).reshape(n_epochs, clock.n_steps)
        rest = clock._replace(n_total=max(clock.n_total - n_warmup, 1))
        rates = self._rates(np.maximum(steps - n_warmup, 0), rest)
        rates = rates * np.minimum((steps + 1) / n_warmup, 1)
        return rates.reshape(n_epochs, clock.n_steps)

    def _warmup_steps(self, n_total):
        if isinstance(self.warmup, Integral):
            return int(self.warmup)
        return round(self.warmup * n_total)

    @abstractmethod
    def _rates(self, steps, clock):
        """The rates of steps counted from the end of the warmup, an array like `steps`."""

    def next_rate(self, n_epochs, clock):
        """`clock.current` after so many more epochs, where their number alone moves it."""
        return clock.current


@dataclass(frozen=True)
class Constant(Schedule):
    """rate = learning_rate_init.

    Parameters
    ----------
    warmup : int or float, default=0
        See `Schedule`.
    """

    name: ClassVar[str] = "constant"
    summary: ClassVar[str] = "keeps `learning_rate_init`"

    warmup: int | float = 0

    def _rates(self, steps, clock):
        return np.full(len(steps), clock.initial)


@dataclass(frozen=True)
class InverseScaling(Schedule):
    """rate = learning_rate_init / (t + 1)**power_t after each epoch, t rows seen so far (`t_`).

    With solver='sgd' only.

    Parameters
    ----------
    power_t : float >= 0, default=0.5
        The estimator's, where the schedule is given by name.
    warmup : int or float, default=0
        See `Schedule`.
    """

    name: ClassVar[str] = "invscaling"
    summary: ClassVar[str] = "divides it after each epoch by (rows seen + 1)**power_t ('sgd' only)"
    sgd_only: ClassVar[bool] = True
    rules: ClassVar[dict] = {"power_t": [_NOT_NEGATIVE]}

    power_t: float = 0.5
    warmup: int | float = 0

    def next_rate(self, n_epochs, clock):
        return self._rate_after(n_epochs, clock)

    def _rates(self, steps, clock):
        n_epochs = len(steps) // clock.n_steps
        rates = self._rate_after(np.arange(n_epochs), clock)
        rates[0] = clock.current
        return np.repeat(rates, clock.n_steps)

    def _rate_after(self, n_epochs, clock):
        seen = clock.n_samples_seen + clock.n_rows * n_epochs
        return clock.initial / (seen + 1.0) ** self.power_t


@dataclass(frozen=True)
class Adaptive(Schedule):
    """Divides the rate by 5 where training would stop for want of improvement, until it is 1e-6.

    With solver='sgd' only.

    Parameters
    ----------
    warmup : int or float, default=0
        See `Schedule`.
    """

    name: ClassVar[str] = "adaptive"
    summary: ClassVar[str] = (
        "divides it by 5 whenever training would stop for want of improvement, until it is 1e-6 "
        "('sgd' only)"
    )
    sgd_only: ClassVar[bool] = True

    warmup: int | float = 0

    def _rates(self, steps, clock):
        return np.full(len(steps), clock.current)


@dataclass(frozen=True)
class Exponential(Schedule):
    """rate = learning_rate_init * gamma**epoch, by the epoch.

    Parameters
    ----------
    gamma : float in (0, 1], default=0.95
    warmup : int or float, default=0
        See `Schedule`.

    Notes
    -----
    `torch.optim.lr_scheduler.ExponentialLR`, where gamma has no default.
    """

    name: ClassVar[str] = "exponential"
    summary: ClassVar[str] = "multiplies it by gamma=0.95 after each epoch"
    rules: ClassVar[dict] = {"gamma": [Interval(Real, 0, 1, closed="right")]}

    gamma: float = 0.95
    warmup: int | float = 0

    def _rates(self, steps, clock):
        return clock.initial * float(self.gamma) ** (steps // clock.n_steps)


@dataclass(frozen=True)
class Step(Schedule):
    """rate = learning_rate_init * gamma**(epoch // step_size), by the epoch.

    Parameters
    ----------
    step_size : int >= 1, default=30
        In epochs.
    gamma : float in (0, 1], default=0.1
    warmup : int or float, default=0
        See `Schedule`.

    Notes
    -----
    `torch.optim.lr_scheduler.StepLR`, where step_size has no default.
    """

    name: ClassVar[str] = "step"
    summary: ClassVar[str] = "multiplies it by gamma=0.1 after every step_size=30 epochs"
    rules: ClassVar[dict] = {"step_size": [_COUNT], "gamma": [Interval(Real, 0, 1, closed="right")]}

    step_size: int = 30
    gamma: float = 0.1
    warmup: int | float = 0

    def _rates(self, steps, clock):
        return clock.initial * float(self.gamma) ** (steps // (clock.n_steps * self.step_size))


@dataclass(frozen=True)
class Linear(Schedule):
    """rate = learning_rate_init * (start_factor + (end_factor - start_factor) * p), by the step.

    p = min(epoch / total_iters, 1).

    Parameters
    ----------
    start_factor : float in (0, 1], default=1.0
    end_factor : float in [0, 1], default=0.0
    total_iters : float > 0 or None, default=None
        In epochs; None is the whole of training.
    warmup : int or float, default=0
        See `Schedule`.

    Notes
    -----
    `torch.optim.lr_scheduler.LinearLR` with other defaults: its own (1/3, 1.0 and 5) are a warmup,
    which here is a parameter of every schedule.
    """

    name: ClassVar[str] = "linear"
    summary: ClassVar[str] = "lets it fall to 0 along a line"
    rules: ClassVar[dict] = {
        "start_factor": [Interval(Real, 0, 1, closed="right")],
        "end_factor": [_SHARE],
        "total_iters": [None, _POSITIVE],
    }

    start_factor: float = 1.0
    end_factor: float = 0.0
    total_iters: float | None = None
    warmup: int | float = 0

    def _rates(self, steps, clock):
        n_steps = clock.n_total
        if self.total_iters is not None:
            n_steps = self.total_iters * clock.n_steps
        progress = np.minimum(steps / n_steps, 1)
        slope = self.end_factor - self.start_factor
        return clock.initial * (self.start_factor + slope * progress)


@dataclass(frozen=True)
class Cosine(Schedule):
    """rate = eta_min + (learning_rate_init - eta_min) * (1 + cos(pi * epoch / T_max)) / 2.

    By the step. After T_max epochs the cosine rises again, as in PyTorch; with T_max=None the rate
    stays at eta_min.

    Parameters
    ----------
    T_max : float > 0 or None, default=None
        In epochs; None is the whole of training.
    eta_min : float >= 0, default=0.0
        A rate, not a factor.
    warmup : int or float, default=0
        See `Schedule`.

    Notes
    -----
    `torch.optim.lr_scheduler.CosineAnnealingLR`, where T_max has no default.

    References
    ----------
    I. Loshchilov and F. Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017.
    """

    name: ClassVar[str] = "cosine"
    summary: ClassVar[str] = "lets it fall to 0 along half a cosine"
    rules: ClassVar[dict] = {"T_max": [None, _POSITIVE], "eta_min": [_NOT_NEGATIVE]}

    T_max: float | None = None
    eta_min: float = 0.0
    warmup: int | float = 0

    def _rates(self, steps, clock):
        if self.T_max is None:
            progress = np.minimum(steps / clock.n_total, 1)
        else:
            progress = steps / (self.T_max * clock.n_steps)
        return _half_cosine(clock.initial, self.eta_min, progress)


@dataclass(frozen=True)
class CosineRestarts(Schedule):
    """rate = eta_min + (learning_rate_init - eta_min) * (1 + cos(pi * T_cur / T_i)) / 2.

    By the step. T_cur are the epochs since the last restart; the first period T_i is T_0 epochs
    long, and each is T_mult times as long as the one before.

    Parameters
    ----------
    T_0 : int >= 1, default=10
        In epochs.
    T_mult : int >= 1, default=1
    eta_min : float >= 0, default=0.0
        A rate, not a factor.
    warmup : int or float, default=0
        See `Schedule`.

    Notes
    -----
    `torch.optim.lr_scheduler.CosineAnnealingWarmRestarts`, where T_0 has no default.

    References
    ----------
    I. Loshchilov and F. Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017.
    """

    name: ClassVar[str] = "cosine_restarts"
    summary: ClassVar[str] = "does so again and again, every T_0=10 epochs"
    rules: ClassVar[dict] = {"T_0": [_COUNT], "T_mult": [_COUNT], "eta_min": [_NOT_NEGATIVE]}

    T_0: int = 10
    T_mult: int = 1
    eta_min: float = 0.0
    warmup: int | float = 0

    def _rates(self, steps, clock):
        length = self.T_0 * clock.n_steps
        starts = [0]
        while starts[-1] + length <= steps[-1]:
            starts.append(starts[-1] + length)
            length *= self.T_mult
        period = np.searchsorted(starts, steps, side="right") - 1
        lengths = self.T_0 * clock.n_steps * float(self.T_mult) ** period
        progress = (steps - np.asarray(starts)[period]) / lengths
        return _half_cosine(clock.initial, self.eta_min, progress)


@dataclass(frozen=True)
class OneCycle(Schedule):
    """From a low rate up to learning_rate_init and down to a very low one, by the step.

    The rate goes from learning_rate_init / div_factor to learning_rate_init in the first pct_start
    of all steps, and then to learning_rate_init / (div_factor * final_div_factor).

    Parameters
    ----------
    pct_start : float in [0, 1], default=0.3
        The share of all steps in which the rate rises.
    anneal_strategy : {'cos', 'linear'}, default='cos'
        Along half a cosine, or along a line.
    div_factor : float > 0, default=25.0
    final_div_factor : float > 0, default=1e4
    three_phase : bool, default=False
        Whether the rate falls back to where it began in as many steps as it rose, before it falls
        on.
    warmup : int or float, default=0
        See `Schedule`; the rise is a warmup of its own.

    Notes
    -----
    `torch.optim.lr_scheduler.OneCycleLR(max_lr=learning_rate_init, cycle_momentum=False)`.

    References
    ----------
    L. N. Smith and N. Topin, "Super-convergence: very fast training of neural networks using large
    learning rates", 2018.
    """

    name: ClassVar[str] = "one_cycle"
    summary: ClassVar[str] = "raises it to `learning_rate_init` from a 25th, then lets it fall to 0"
    rules: ClassVar[dict] = {
        "pct_start": [_SHARE],
        "anneal_strategy": [Options(str, ("cos", "linear"))],
        "div_factor": [_POSITIVE],
        "final_div_factor": [_POSITIVE],
        "three_phase": ["boolean"],
    }

    pct_start: float = 0.3
    anneal_strategy: str = "cos"
    div_factor: float = 25.0
    final_div_factor: float = 1e4
    three_phase: bool = False
    warmup: int | float = 0

    def _rates(self, steps, clock):
        top = clock.initial
        low = top / self.div_factor
        bottom = low / self.final_div_factor
        rise = self.pct_start * clock.n_total
        ends, corners = [rise - 1, clock.n_total - 1], [low, top, bottom]
        if self.three_phase:
            ends.insert(1, 2 * rise - 2)
            corners.insert(2, low)
        phase = np.minimum(np.searchsorted(ends, steps), len(ends) - 1)
        begins, ends, corners = np.array([0, *ends[:-1]]), np.array(ends), np.array(corners)
        lengths = np.maximum(ends - begins, np.finfo(float).tiny)
        progress = np.minimum((steps - begins[phase]) / lengths[phase], 1)
        if self.anneal_strategy == "linear":
            return corners[phase] + (corners[phase + 1] - corners[phase]) * progress
        return _half_cosine(corners[phase], corners[phase + 1], progress)


@dataclass(frozen=True)
class Plateau(Schedule):
    """rate = max(factor * rate, min_lr) after more than `patience` epochs without improvement.

    What is looked at after every epoch is the validation score where there is one, else the
    training loss. For a loss, an epoch improves that is below best - threshold * |best|, for a
    score one above best + threshold * |best|; with threshold_mode='abs' below best - threshold,
    above best + threshold.

    Training stops after more than `n_iter_no_change` epochs without improvement by `tol`: for the
    rate to fall before, `n_iter_no_change` has to be larger than `patience`.

    Parameters
    ----------
    factor : float in (0, 1), default=0.1
    patience : int >= 0, default=10
    threshold : float >= 0, default=1e-4
    threshold_mode : {'rel', 'abs'}, default='rel'
    cooldown : int >= 0, default=0
        Epochs after a fall in which none counts as one without improvement.
    min_lr : float >= 0, default=0.0
    eps : float >= 0, default=1e-8
        A fall that is not larger is left out.
    warmup : int or float, default=0
        See `Schedule`.

    Notes
    -----
    `torch.optim.lr_scheduler.ReduceLROnPlateau`, which takes best for |best|: a score below 0,
    such as a negative loss, then seems to improve while it falls.
    """

    name: ClassVar[str] = "plateau"
    summary: ClassVar[str] = (
        "multiplies it by factor=0.1 after more than patience=10 epochs in which the validation "
        "score, or without one the loss, did not improve"
    )
    rules: ClassVar[dict] = {
        "factor": [Interval(Real, 0, 1, closed="neither")],
        "patience": [Interval(Integral, 0, None)],
        "threshold": [_NOT_NEGATIVE],
        "threshold_mode": [Options(str, ("rel", "abs"))],
        "cooldown": [Interval(Integral, 0, None)],
        "min_lr": [_NOT_NEGATIVE],
        "eps": [_NOT_NEGATIVE],
    }

    factor: float = 0.1
    patience: int = 10
    threshold: float = 1e-4
    threshold_mode: str = "rel"
    cooldown: int = 0
    min_lr: float = 0.0
    eps: float = 1e-8
    warmup: int | float = 0

    def _rates(self, steps, clock):
        return np.full(len(steps), clock.current)

    def observe(self, rate, value, memory, *, higher_is_better):
        """The rate after an epoch of this loss or score.

        Parameters
        ----------
        rate, value : float
        memory : dict
            Empty at the start; changed.
        higher_is_better : bool
            Whether the value is a score.
        """
        best = memory.get("best", -math.inf if higher_is_better else math.inf)
        margin = self.threshold if self.threshold_mode == "abs" else self.threshold * abs(best)
        if not math.isfinite(best):
            is_better = True
        elif higher_is_better:
            is_better = value > best + margin
        else:
            is_better = value < best - margin
        n_bad = 0 if is_better else memory.get("n_bad", 0) + 1
        cooldown = memory.get("cooldown", 0)
        if cooldown > 0:
            cooldown, n_bad = cooldown - 1, 0
        if n_bad > self.patience:
            lower = max(rate * self.factor, self.min_lr)
            rate = lower if rate - lower > self.eps else rate
            cooldown, n_bad = self.cooldown, 0
        memory.update(best=value if is_better else best, n_bad=n_bad, cooldown=cooldown)
        return rate


@dataclass(frozen=True)
class FromCallable(Schedule):
    """rate = learning_rate_init * function(progress); what a callable `learning_rate` becomes.

    Parameters
    ----------
    function : callable
        From the share of all steps taken before this one, a float in [0, 1], to a finite factor
        of at least 0.
    """

    function: Callable = None
    warmup: int | float = 0
    rules: ClassVar[dict] = {"function": [callable]}

    def _rates(self, steps, clock):
        progress = np.minimum(steps / clock.n_total, 1).tolist()
        return clock.initial * np.array([self._factor(share) for share in progress])

    def _factor(self, progress):
        factor = self.function(progress)
        if not (isinstance(factor, Real) and 0 <= factor < math.inf):
            raise ValueError(
                f"learning_rate={self.function!r} must return a finite number >= 0, got {factor!r} "
                f"for the progress {progress!r}."
            )
        return float(factor)


def _half_cosine(start, end, progress):
    return end + (start - end) * (1 + np.cos(np.pi * progress)) / 2


SCHEDULES = {
    schedule.name: schedule
    for schedule in [
        Constant,
        InverseScaling,
        Adaptive,
        Exponential,
        Step,
        Linear,
        Cosine,
        CosineRestarts,
        OneCycle,
        Plateau,
    ]
}


def as_schedule(learning_rate, power_t):
    """The Schedule that a checked `learning_rate` stands for."""
    if isinstance(learning_rate, Schedule):
        return learning_rate
    if callable(learning_rate):
        return FromCallable(learning_rate)
    if learning_rate == InverseScaling.name:
        return InverseScaling(float(power_t))
    return _of_name(learning_rate)


@cache  # its parameters need no second check
def _of_name(name):
    return SCHEDULES[name]()
