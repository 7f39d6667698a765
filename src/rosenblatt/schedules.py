"""Learning-rate schedules: the values of `learning_rate=`.

A schedule gives the rate of every step; the training loop asks for those of whole epochs at
once. Using the rate is the optimiser's part.
"""

# SPDX-License-Identifier: BSD-3-Clause
import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cache
from numbers import Integral, Real
from typing import ClassVar, Literal, NamedTuple

import numpy as np

from rosenblatt._parameter_checks import Interval, Options, validate_values

__all__ = [
    "Adaptive",
    "Constant",
    "Cosine",
    "CosineCycles",
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
    """The state of the training when rates are requested.

    Attributes
    ----------
    initial, current : float
        `learning_rate_init`, and the rate that `invscaling`, `adaptive` and `plateau` have
        reached. For other scheduled quantities, both are the initial value.
    n_steps, n_total : int
        Steps per epoch, and steps of the whole training (max_iter epochs).
    n_samples_seen, n_rows : int
        Rows used so far, and rows per epoch.
    """

    initial: float
    current: float
    n_steps: int
    n_total: int
    n_samples_seen: int
    n_rows: int


class Scheduled(NamedTuple):
    """A quantity of the steps that changes during training, by its name in a Plan.

    Attributes
    ----------
    initial : float
        The initial value, on which the schedule acts.
    schedule : Schedule
        Its rates are the values of the quantity.
    """

    initial: float
    schedule: object


@dataclass(frozen=True)
class Schedule(ABC):
    """Base class of the schedules: parameter validation and warmup.

    The rate of a step is given as a function of `epoch`, the epochs completed before it: an
    integer e for schedules per epoch, e + i / n_steps at step i of an epoch (both counted from 0)
    for schedules per step. With a warmup of w steps, step s < w has the first rate of the schedule
    times (s + 1) / w, and the schedule starts at step w [1]_. `invscaling`, `adaptive` and
    `plateau` depend on the number of rows or on the scores instead; a warmup only multiplies their
    rates by the factor.

    Each `fit` starts a schedule per epoch or per step from the beginning; `partial_fit` continues
    it. In both, the whole training is `max_iter` epochs.

    Parameters
    ----------
    warmup : int >= 0 or float in [0, 1), default=0
        Length of the warmup: an int is a number of steps, a float a share of all steps (rounded).

    Raises
    ------
    ValueError, TypeError
        In the constructor, if a parameter is out of range or of a wrong type.

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
            Steps since the start of the schedule.
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
        """`clock.current` after n_epochs more epochs, if it depends on their number alone."""
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
    """rate = learning_rate_init / (t + 1)**power_t, with t the number of rows seen so far (`t_`).

    The rate changes after each epoch. Only used when solver='sgd'.

    Parameters
    ----------
    power_t : float >= 0, default=0.5
        The exponent. A schedule given by name uses the estimator's `power_t`.
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
    """Divides the rate by 5 when training would stop for lack of improvement, until it is 1e-6.

    Only used when solver='sgd'.

    Parameters
    ----------
    warmup : int or float, default=0
        See `Schedule`.
    """

    name: ClassVar[str] = "adaptive"
    summary: ClassVar[str] = (
        "divides it by 5 whenever training would stop for lack of improvement, until it is 1e-6 "
        "('sgd' only)"
    )
    sgd_only: ClassVar[bool] = True

    warmup: int | float = 0

    def _rates(self, steps, clock):
        return np.full(len(steps), clock.current)


@dataclass(frozen=True)
class Exponential(Schedule):
    """rate = learning_rate_init * gamma**epoch, per epoch.

    Parameters
    ----------
    gamma : float in (0, 1], default=0.95
        The factor of the rate after each epoch.
    warmup : int or float, default=0
        See `Schedule`.

    Notes
    -----
    Equivalent to `torch.optim.lr_scheduler.ExponentialLR`, where gamma has no default.
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
    """rate = learning_rate_init * gamma**(epoch // step_size), per epoch.

    Parameters
    ----------
    step_size : int >= 1, default=30
        Epochs between two changes of the rate.
    gamma : float in (0, 1], default=0.1
        The factor of the rate at each change.
    warmup : int or float, default=0
        See `Schedule`.

    Notes
    -----
    Equivalent to `torch.optim.lr_scheduler.StepLR`, where step_size has no default.
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
    """rate = learning_rate_init * (start_factor + (end_factor - start_factor) * p), per step.

    p = min(epoch / total_iters, 1).

    Parameters
    ----------
    start_factor : float in (0, 1], default=1.0
        The factor of the first step.
    end_factor : float in [0, 1], default=0.0
        The factor after total_iters epochs.
    total_iters : float > 0 or None, default=None
        Length in epochs; None is the whole training.
    warmup : int or float, default=0
        See `Schedule`.

    Notes
    -----
    Equivalent to `torch.optim.lr_scheduler.LinearLR` with other defaults: PyTorch's (1/3, 1.0 and
    5) are a warmup, which is a parameter of every schedule in this package.
    """

    name: ClassVar[str] = "linear"
    summary: ClassVar[str] = "decreases it to 0 linearly"
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

    The rate changes per step. After T_max epochs the cosine rises again, as in PyTorch; with
    T_max=None the rate stays at eta_min.

    Parameters
    ----------
    T_max : float > 0 or None, default=None
        Length of half a period in epochs; None is the whole training.
    eta_min : float >= 0, default=0.0
        The lowest learning rate (not a factor).
    warmup : int or float, default=0
        See `Schedule`.

    Notes
    -----
    Equivalent to `torch.optim.lr_scheduler.CosineAnnealingLR`, where T_max has no default.

    References
    ----------
    I. Loshchilov and F. Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017.
    """

    name: ClassVar[str] = "cosine"
    summary: ClassVar[str] = "decreases it to 0 along half a cosine"
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

    The rate changes per step. T_cur is the number of epochs since the last restart; the first
    period T_i is T_0 epochs long, and each is T_mult times as long as the one before.

    Parameters
    ----------
    T_0 : int >= 1, default=10
        Length of the first period in epochs.
    T_mult : int >= 1, default=1
        The ratio of the lengths of consecutive periods.
    eta_min : float >= 0, default=0.0
        The lowest learning rate (not a factor).
    warmup : int or float, default=0
        See `Schedule`.

    Notes
    -----
    Equivalent to `torch.optim.lr_scheduler.CosineAnnealingWarmRestarts`, where T_0 has no default.

    References
    ----------
    I. Loshchilov and F. Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017.
    """

    name: ClassVar[str] = "cosine_restarts"
    summary: ClassVar[str] = "repeats such a decrease every T_0=10 epochs"
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
class CosineCycles(Schedule):
    """rate = learning_rate_init * (1 - cos(2 pi log2(1 + (2**n_cycles - 1) p))) / 2, per step.

    p is the share of all steps that are completed. Each cycle goes from 0 up to learning_rate_init
    and back to 0, and is about twice as long as the one before: a network that overfits early has
    a good moment to stop at the end of every cycle, and one that does not ends with a long cycle.

    Parameters
    ----------
    n_cycles : int >= 1, default=4
        The number of cycles.
    warmup : int or float, default=0
        See `Schedule`.

    References
    ----------
    D. Holzmueller, L. Grinsztajn and I. Steinwart, "Better by default: strong pre-tuned MLPs and
    boosted trees on tabular data", NeurIPS 2024.
    """

    name: ClassVar[str] = "cosine_cycles"
    summary: ClassVar[str] = (
        "raises it to `learning_rate_init` and decreases it to 0 in n_cycles=4 cycles, each about "
        "twice as long as the one before"
    )
    rules: ClassVar[dict] = {"n_cycles": [Interval(Integral, 1, 32, closed="both")]}

    n_cycles: int = 4
    warmup: int | float = 0

    def _rates(self, steps, clock):
        progress = np.minimum(steps / clock.n_total, 1)
        turns = np.log2(1 + (2.0**self.n_cycles - 1) * progress)
        return clock.initial * (1 - np.cos(2 * np.pi * turns)) / 2


@dataclass(frozen=True)
class OneCycle(Schedule):
    """Raises the rate to learning_rate_init, then decreases it to a much lower one, per step.

    The rate rises from learning_rate_init / div_factor to learning_rate_init in the first pct_start
    of all steps, and then falls to learning_rate_init / (div_factor * final_div_factor).

    Parameters
    ----------
    pct_start : float in [0, 1], default=0.3
        The share of all steps in which the rate rises.
    anneal_strategy : {'cos', 'linear'}, default='cos'
        Shape of the rise and the fall: half a cosine, or linear.
    div_factor : float > 0, default=25.0
        The ratio of the highest rate to the initial one.
    final_div_factor : float > 0, default=1e4
        The ratio of the initial rate to the final one.
    three_phase : bool, default=False
        Whether the rate first falls back to its initial value, in as many steps as it rose, and
        then to the final one.
    warmup : int or float, default=0
        See `Schedule`; seldom useful, since the rise is a warmup already.

    Notes
    -----
    Equivalent to `torch.optim.lr_scheduler.OneCycleLR(max_lr=learning_rate_init,
    cycle_momentum=False)`.

    References
    ----------
    L. N. Smith and N. Topin, "Super-convergence: very fast training of neural networks using large
    learning rates", 2018.
    """

    name: ClassVar[str] = "one_cycle"
    summary: ClassVar[str] = "raises it from 1/25 to `learning_rate_init`, then decreases it to 0"
    rules: ClassVar[dict] = {
        "pct_start": [_SHARE],
        "anneal_strategy": [Options(str, ("cos", "linear"))],
        "div_factor": [_POSITIVE],
        "final_div_factor": [_POSITIVE],
        "three_phase": ["boolean"],
    }

    pct_start: float = 0.3
    anneal_strategy: Literal["cos", "linear"] = "cos"
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

    The monitored value is the validation score if there is one, else the training loss. A loss
    improves if it is below best - threshold * |best|, a score if it is above
    best + threshold * |best|; with threshold_mode='abs', the margin is `threshold` itself.

    Training stops after more than `n_iter_no_change` epochs without improvement by `tol`: for the
    rate to decrease before that, `n_iter_no_change` must be larger than `patience`.

    Parameters
    ----------
    factor : float in (0, 1), default=0.1
        The factor by which the rate is multiplied.
    patience : int >= 0, default=10
        The number of consecutive epochs without improvement that leave the rate unchanged.
    threshold : float >= 0, default=1e-4
        The smallest change that counts as an improvement, see above.
    threshold_mode : {'rel', 'abs'}, default='rel'
        Whether `threshold` is relative to the best value, or absolute.
    cooldown : int >= 0, default=0
        Number of epochs after a decrease that do not count as epochs without improvement.
    min_lr : float >= 0, default=0.0
        The lowest learning rate.
    eps : float >= 0, default=1e-8
        Decreases that are not larger than this are skipped.
    warmup : int or float, default=0
        See `Schedule`.

    Notes
    -----
    Equivalent to `torch.optim.lr_scheduler.ReduceLROnPlateau`, except that PyTorch uses best
    instead of |best|, so that a negative score (such as a negative loss) may count as improved
    when it has fallen.
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
    threshold_mode: Literal["rel", "abs"] = "rel"
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
            State between the calls: empty at the start, changed in place.
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
    """rate = learning_rate_init * function(progress); the schedule of a callable `learning_rate`.

    Parameters
    ----------
    function : callable
        Takes the share of all steps completed before this one, a float in [0, 1]; returns a finite
        factor >= 0.
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
        CosineCycles,
        OneCycle,
        Plateau,
    ]
}


def as_schedule(learning_rate, power_t):
    """The Schedule of a validated `learning_rate`."""
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
