"""Determines from history_ whether training is stuck, and whether the gradient is then small.

It uses neither data nor derivatives. _critical_point.py analyses the loss surface at a network.
"""

# SPDX-License-Identifier: BSD-3-Clause
import math
import textwrap
from dataclasses import dataclass
from typing import Any

import numpy as np

from rosenblatt._prediction import fitted_network
from rosenblatt.inspection._objective import network_in

# The window is the last fifth of the epochs, but at least this many: with fewer, the noise of a
# straight-line fit cannot be estimated.
LEAST_WINDOW = 5
LEAST_EPOCHS = 2 * LEAST_WINDOW

# The loss is flat if its trend over the window is below a hundredth of its scale (its range over
# all epochs, or its level if that is larger). Training for as many epochs again is five such
# windows and would gain less than a twentieth.
FLAT = 0.01

# The gradient is small at a tenth of the highest norm. Around a minimum the excess loss is
# proportional to the squared norm, so a hundredth of the descent remains. This does not hold if
# norm * |parameters| is as large as the loss: compared with the first steps down the wall of a
# narrow valley, any gradient along the valley is small.
SMALL_RATIO = 0.1
LARGE_RELATIVE = 1.0

# The gradient is small in absolute terms if norm * |parameters| / |loss| is below this. A step of a
# tenth of the parameters' length then changes the loss by less than a hundredth (the relative
# gradient of Dennis & Schnabel, 1983, section 7.2).
SMALL_RELATIVE = 0.1

# A smoothly falling loss rises in no epoch, an oscillating loss in every other epoch; the threshold
# is half way between.
BACK_AND_FORTH = 0.25

# Below this fraction of the highest learning rate, the schedule has reached its end.
DECAYED = 0.01


@dataclass(frozen=True, repr=False)
class StuckReport:
    """The state in which a training ended, according to its history.

    Attributes
    ----------
    verdict : str
        'near a critical point': the loss is flat and the gradient is small; 'not a critical
        point': the loss is flat but the gradient is not small; 'still descending'; 'diverging':
        the loss rises or is not finite; 'too few epochs'.
    is_flat, is_gradient_small : bool
        Whether the loss is flat, and whether the gradient is small.
    loss_trend : float
        The change of the loss over the last fifth of the epochs, by a straight-line fit, as a
        fraction of its range over all epochs or of its level, whichever is larger. Negative if the
        loss falls.
    gradient_ratio : float
        The gradient norm of the last fifth of the epochs (root mean square) over the highest of
        all epochs.
    evidence : tuple of str
        The figures on which the verdict is based, as sentences.
    advice : tuple of str
        What to do, in order.
    """

    verdict: str
    is_flat: bool
    is_gradient_small: bool
    loss_trend: float
    gradient_ratio: float
    evidence: tuple
    advice: tuple

    def __str__(self):
        lines = [f"Stuck? {self.verdict}", "", "Evidence"]
        lines += [_wrapped("- ", sentence) for sentence in self.evidence]
        lines += ["", "What to do"]
        lines += [_wrapped(f"{i}. ", sentence) for i, sentence in enumerate(self.advice, 1)]
        return "\n".join(lines)

    __repr__ = __str__


def _wrapped(mark, sentence):
    return textwrap.fill(
        sentence, 88, initial_indent=f"  {mark}", subsequent_indent=" " * (2 + len(mark))
    )


def stuck(estimator: Any) -> StuckReport:
    """Determine whether training is stuck, and whether a flat loss has a small gradient.

    A loss that no longer falls is often attributed to a critical point. More often the gradient is
    still large, and the steps oscillate between the walls of a valley, which requires a different
    remedy. The function examines the last fifth of the epochs in `history_`.

    The recorded norms are those of mini-batch gradients, which include the noise of the batches.
    They stay above zero at a minimum of the loss over all rows, and are larger for smaller
    batches. `gradient(estimator, X, y)` computes the gradient over all rows.

    Parameters
    ----------
    estimator : MLPClassifier, MLPRegressor, or a Pipeline or search with one inside
        A fitted network. The epochs of solver='lbfgs' are its iterations.

    Returns
    -------
    report : StuckReport
        The report, which prints as verdict, evidence and advice. The loss is flat if a straight
        line fitted to the last fifth of the epochs changes by less than 1 % of the range of the
        loss (or of its level, if that is larger), or by less than two standard errors. Training
        for as many epochs again would then gain less than 5 %. The gradient is small if its norm is
        at most a tenth of the highest norm (around a minimum a hundredth of the descent then
        remains) and norm times |parameters| is at most the range or level of the loss, or if this
        product is at most a tenth of it.

    Raises
    ------
    TypeError
        If the estimator is not an MLPClassifier or MLPRegressor.
    NotFittedError
        If the estimator is not fitted.

    Examples
    --------
    Signals vanish in eight layers of sigmoids, so that the loss hardly depends on the inputs.

    >>> from sklearn.datasets import load_iris
    >>> from rosenblatt import MLPClassifier
    >>> from rosenblatt.inspection import stuck
    >>> model = MLPClassifier((20,) * 8, activation="logistic", random_state=0)
    >>> model = model.set_params(max_iter=60, n_iter_no_change=60)
    >>> stuck(model.fit(*load_iris(return_X_y=True))).verdict
    'near a critical point'
    """
    estimator = network_in(estimator)
    history = estimator.history_
    loss, norms = np.asarray(history["loss"]), np.asarray(history["gradient_norm"])
    if not (np.isfinite(loss).all() and np.isfinite(norms).all()):
        return _not_finite(estimator, loss, norms)
    if len(loss) < LEAST_EPOCHS:
        return _too_few(loss)
    window = max(LEAST_WINDOW, len(loss) // 5)
    trend, error = _trend(loss[-window:], _scale(loss, window))
    ratio, relative = _gradient_ratios(estimator, loss, norms, window)
    is_flat = abs(trend) < max(FLAT, 2 * error)
    is_small = relative <= (LARGE_RELATIVE if ratio <= SMALL_RATIO else SMALL_RELATIVE)
    if not is_flat:
        verdict = "still descending" if trend < 0 else "diverging"
    else:
        verdict = "near a critical point" if is_small else "not a critical point"
    figures = _Figures(estimator, loss, norms, window, trend, error, ratio, relative, is_small)
    return StuckReport(
        verdict, is_flat, is_small, trend, ratio, figures.evidence(), _advice(verdict, figures)
    )


def _scale(loss, window):
    """The scale of a change of the loss: its range, or its level if that is larger."""
    return max(np.ptp(loss), abs(loss[-window:].mean())) or 1.0


def _trend(loss, scale):
    """Change along the least-squares line, and its standard error, both divided by `scale`."""
    epochs = np.arange(len(loss)) - (len(loss) - 1) / 2
    square = epochs @ epochs
    slope = epochs @ loss / square
    residual = loss - loss.mean() - slope * epochs
    error = math.sqrt(residual @ residual / (len(loss) - 2) / square)
    length = len(loss) - 1
    return float(slope * length / scale), float(error * length / scale)


def _gradient_ratios(estimator, loss, norms, window):
    """The norm of the window over the highest norm, and norm * |parameters| / |loss|."""
    recent = math.sqrt(np.mean(norms[-window:] ** 2))
    highest = norms.max()
    ratio = recent / highest if highest > 0 else 0.0
    network = fitted_network(estimator)
    parameters = network.architecture.flat(network.lists).astype(float)
    length = float(np.linalg.norm(parameters))
    return ratio, recent * max(length, 1.0) / _scale(loss, window)


@dataclass(frozen=True)
class _Figures:
    """The figures from which evidence and advice are written."""

    estimator: object
    loss: np.ndarray
    norms: np.ndarray
    window: int
    trend: float
    error: float
    ratio: float
    relative: float
    is_gradient_small: bool

    @property
    def has_rate(self):
        """Whether steps had a learning rate, which those of lbfgs do not."""
        return not math.isnan(self.estimator.history_["learning_rate"][-1])

    @property
    def unit(self):
        """The unit of history_: 'epoch', or 'iteration' for lbfgs."""
        return "epoch" if self.has_rate else "iteration"

    @property
    def scale_name(self):
        """The name of the scale: 'range' or 'level'."""
        level = abs(self.loss[-self.window :].mean())
        return "range" if np.ptp(self.loss) >= level else "level"

    @property
    def goes_back_and_forth(self):
        """Whether the loss rose in many epochs of the window, that is, whether it oscillates."""
        return self.share_of_rises >= BACK_AND_FORTH

    @property
    def share_of_rises(self):
        """The fraction of epochs in the window with a higher loss than the one before."""
        return float(np.mean(np.diff(self.loss[-self.window :]) > 0))

    @property
    def is_rate_decayed(self):
        """Whether the learning-rate schedule has reached its end."""
        rates = self.estimator.history_["learning_rate"]
        return rates[-1] < DECAYED * max(rates)

    def evidence(self):
        """The figures as sentences."""
        return (self._about_loss(), self._about_gradient(), *self._about_rate())

    def _about_loss(self):
        first, last, n = self.loss[0], self.loss[-1], len(self.loss)
        direction = "fell" if self.trend < 0 else "rose"
        noise = (
            ", which is less than two standard errors" if abs(self.trend) < 2 * self.error else ""
        )
        return (
            f"The loss went from {first:.4g} to {last:.4g} in {n} {self.unit}s. Over the last "
            f"{self.window} it {direction} by {100 * abs(self.trend):.2g}% of its {self.scale_name}"
            f"{noise}; it rose in {100 * self.share_of_rises:.0f}% of them."
        )

    def _about_gradient(self):
        highest = int(self.norms.argmax())
        recent = math.sqrt(np.mean(self.norms[-self.window :] ** 2))
        is_small = "small" if self.is_gradient_small else "not small"
        why = ""
        if (self.ratio <= SMALL_RATIO) != self.is_gradient_small:
            why = (
                f", {'and' if self.is_gradient_small else 'but'} a step of a tenth of the "
                f"parameters' length would change the loss by {self.relative / 10:.2g} of its "
                f"{self.scale_name}"
            )
        return (
            f"The gradient norm is {recent:.3g}, {self.ratio:.2g} of its highest "
            f"({self.norms[highest]:.3g} in {self.unit} {highest + 1}){why}: it is {is_small}."
        )

    def _about_rate(self):
        if not self.is_rate_decayed:
            return ()
        rates = self.estimator.history_["learning_rate"]
        return (f"The learning rate went from {max(rates):.3g} down to {rates[-1]:.3g}.",)


def _advice(verdict, figures):
    return ADVICE[verdict](figures) if figures.has_rate else LBFGS_ADVICE[verdict]


def _rate(estimator, factor):
    return f"set_params(learning_rate_init={estimator.learning_rate_init * factor:.3g})"


WHICH_KIND = (
    "rosenblatt.inspection.critical_point(estimator, X, y) tells which kind it is. A local "
    "minimum with a loss that is low enough is the end of training; with one that is too "
    "high, try another random_state, or a larger network.",
    "At a saddle point the way on is down the most negative curvature: "
    "rosenblatt.inspection.escape_saddle(estimator, X, y).",
)


STANDARDISE = (
    "Standardise the features (sklearn.preprocessing.StandardScaler): on a narrow error "
    "surface no single rate suits all weights."
)


def _near_critical_point(figures):
    estimator = figures.estimator
    advice = [
        *WHICH_KIND,
        "Smaller batches make the gradient noisy, and what is critical for all rows is not for "
        f"few: set_params({_smaller_batch(estimator)}).",
    ]
    if estimator.solver != "sgd":
        advice.append(
            "Momentum carries a step across flat places: solver='sgd' with momentum=0.9, say. "
            f"solver={estimator.solver!r} divides by the gradient's size and hardly rests there."
        )
    elif estimator.momentum < 0.9:
        advice.append("Momentum carries a step across flat places: set_params(momentum=0.9).")
    else:
        advice.append("A rate of its own for every weight: set_params(solver='adam').")
    return tuple(advice)


def _smaller_batch(estimator):
    batch = estimator.batch_size
    return "batch_size=32" if batch == "auto" or batch > 32 else f"batch_size={max(1, batch // 4)}"


def _not_critical_point(figures):
    estimator = figures.estimator
    noise = (
        "The norm is that of batches, whose differences are in it: compare "
        "numpy.linalg.norm(rosenblatt.inspection.gradient(estimator, X, y)), which is without."
    )
    if figures.is_rate_decayed:
        return (
            "The learning rate has decayed before training was done. Give the schedule longer "
            f"(max_iter={2 * estimator.max_iter}), or another one.",
            noise,
        )
    if not figures.goes_back_and_forth:
        return (
            f"The loss falls smoothly, but very slowly: the learning rate is too small. "
            f"{_rate(estimator, 10)}.",
            _per_weight_rate(estimator),
            STANDARDISE,
            noise,
        )
    return (
        "Do not look for a critical point: the steps go back and forth between the walls of a "
        f"valley. Lower the learning rate: {_rate(estimator, 0.2)}.",
        "Or let it fall while training goes on: set_params(learning_rate='cosine').",
        _per_weight_rate(estimator),
        STANDARDISE,
        noise,
    )


def _per_weight_rate(estimator):
    if estimator.solver == "sgd":
        return "A rate of its own for every weight: set_params(solver='adam')."
    return (
        f"solver={estimator.solver!r} has rates of their own for all weights, which may burst "
        "where gradients were small for long: set_params(clip_norm=1.0)."
    )


def _still_descending(figures):
    estimator = figures.estimator
    return (
        f"Train longer: set_params(max_iter={2 * estimator.max_iter}), with warm_start=True to go "
        "on from here.",
        "If that takes too long, raise the learning rate as long as the loss falls smoothly: "
        f"{_rate(estimator, 3)}.",
    )


def _diverging(figures):
    estimator = figures.estimator
    return (
        f"Lower the learning rate: {_rate(estimator, 0.1)}.",
        "Begin with small steps: learning_rate=rosenblatt.schedules.Cosine(warmup=0.05).",
        "Bound the steps: set_params(clip_norm=1.0).",
        "Standardise the features, and a large regression target.",
    )


ADVICE = {
    "near a critical point": _near_critical_point,
    "not a critical point": _not_critical_point,
    "still descending": _still_descending,
    "diverging": _diverging,
}


SCALE = "Standardise the features (sklearn.preprocessing.StandardScaler), and a large target."
LBFGS_ADVICE = {
    "near a critical point": WHICH_KIND,
    "not a critical point": (
        "The search hardly gets on, though the gradient is not small: the surface is narrow, or "
        f"has kinks where its model of the curvature fails. {SCALE}",
        "Solvers that take steps on batches pass such places: set_params(solver='adam').",
    ),
    "still descending": ("Search longer: set_params(max_iter=1000), and a smaller tol.",),
    "diverging": (SCALE,),
}


def _not_finite(estimator, loss, norms):
    figures = _Figures(estimator, loss, norms, len(loss), math.nan, math.nan, math.nan, 0.0, False)
    first = 1 + int(np.argmin(np.isfinite(loss) & np.isfinite(norms)))
    evidence = (f"The loss or the gradient norm is not a finite number in {figures.unit} {first}.",)
    return StuckReport(
        "diverging", False, False, math.nan, math.nan, evidence, _advice("diverging", figures)
    )


def _too_few(loss):
    return StuckReport(
        "too few epochs",
        False,
        False,
        math.nan,
        math.nan,
        (f"history_ has {len(loss)} epochs; a trend takes {LEAST_EPOCHS}.",),
        (f"Train for {LEAST_EPOCHS} epochs at least: max_iter, tol=0.",),
    )
