"""Tells of regression targets on a scale that training does not reach, and of y_val on another
scale than y. It warns and changes nothing; targets arrive checked.
"""

# SPDX-License-Identifier: BSD-3-Clause
import numpy as np

from rosenblatt._base import warn_user

# Where networks of the defaults stopped learning: standardised targets of two tables, multiplied
# and shifted (R^2 of adam: 0.97 as they are; -1.3 at a standard deviation of 0.03, 0.13 at 10,000;
# 0.37 at a mean of 10 standard deviations, -1.7 at 20). sgd finds far means, lbfgs large targets.
LEAST_DEVIATION, MOST_DEVIATION, MOST_MEAN = 0.05, 1000.0, 15.0
MOST_MEAN_OF_SGD = 300.0
LEAST_DEVIATION_OF_LBFGS = 0.003

# How far y_val may be from a scaled y, from how many rows on: its median in spreads of y, and how
# many times its spread may be wider or narrower. Two figures must agree that a spread is another:
# the quartiles of heavy tails and of few values lie together, and their deviations hang on single
# rows. Skewed values of another year or region are wider in both, but within the range of y.
MOST_SHIFT, MOST_TIMES_WIDER, MOST_TIMES_NARROWER, FEWEST_ROWS = 3.0, 4.0, 10.0, 20
# Whatever y is: the middle half of y_val may be so many times as wide as all of y, and a y_val that
# looks scaled may be so many times narrower than y.
MOST_RANGES, MOST_TIMES_NARROWER_ALONE = 5.0, 20.0

REMEDY = (
    "Standardise y: sklearn.compose.TransformedTargetRegressor(model, transformer=StandardScaler())"
    " does, and predicts in y's own unit."
)
REMEDY_OF_BATCHES = (
    "Standardise y: give scaler.transform(y.reshape(-1, 1)) of a StandardScaler, whose partial_fit "
    "takes batches too, and turn predictions back by its inverse_transform."
)


def warn_of_target_scale(plan, data):
    """Warns where the solver will hardly learn targets of this scale.

    Parameters
    ----------
    plan : Plan
    data : TrainingData
        Of a regressor. Losses with a log link are left alone, and targets that do not vary. The
        first batch of `partial_fit` is judged from FEWEST_ROWS rows on.
    """
    if data.loss.out_activation != "identity":
        return
    if plan.incremental and len(data.targets) < FEWEST_ROWS:
        return
    targets = data.targets.astype(np.float64, copy=False)
    with np.errstate(over="ignore", invalid="ignore"):
        means, deviations = targets.mean(axis=0), targets.std(axis=0)
    for mean, deviation in zip(means, deviations, strict=True):
        if deviation > 0 and _is_out_of_reach(plan, mean, deviation):
            warn_user(
                f"y has a mean of {mean:.3g} and a standard deviation of {deviation:.3g}, and "
                f"solver={plan.solver!r} learns targets near 0 and 1: the fit may be of no use. "
                f"{REMEDY_OF_BATCHES if plan.incremental else REMEDY}"
            )
            return


def _is_out_of_reach(plan, mean, deviation):
    if not plan.is_stochastic:
        return deviation < LEAST_DEVIATION_OF_LBFGS
    least, spread = deviation, deviation
    if plan.incremental:  # a batch of sorted rows varies less than all of them
        least, spread = max(deviation, abs(mean)), max(deviation, 1.0)
    if least < LEAST_DEVIATION or deviation > MOST_DEVIATION:
        return True
    most = MOST_MEAN_OF_SGD if plan.solver == "sgd" else MOST_MEAN
    return plan.intercept_init != "prior" and abs(mean) > most * spread


def warn_of_other_validation_scale(data):
    """Warns where y_val cannot be what y is.

    That is, where y is standardised or scaled by its quartiles, and y_val is far from it, wider
    or narrower; and whatever y is, where the middle of y_val lies beyond the values of y by more
    than their range, where y_val is wider than all of y, or where it alone looks scaled.

    Parameters
    ----------
    data : TrainingData
        Of a regressor.
    """
    if data.validation is None or len(data.validation.targets) < FEWEST_ROWS:
        return
    y, y_val = (_Figures(each.targets.astype(np.float64)) for each in (data, data.validation))
    is_other = y.is_scaled & _is_elsewhere(y, y_val)
    is_other |= _is_beyond(y, y_val) | _is_scaled_alone(y, y_val)
    if not np.any(is_other):
        return
    output = np.argmax(is_other)
    of_output = f" of output {output}" if len(is_other) > 1 else ""
    warn_user(
        f"y_val is on another scale than y: its quartiles{of_output} are {y_val.low[output]:.3g} "
        f"and {y_val.high[output]:.3g}, those of y {y.low[output]:.3g} and {y.high[output]:.3g}. "
        "TransformedTargetRegressor transforms y alone: hand in y_val as its transformer makes "
        "it, StandardScaler().fit(y.reshape(-1, 1)).transform(y_val.reshape(-1, 1))[:, 0] say, or "
        "leave X_val out and set early_stopping=True."
    )


class _Figures:
    """Where the values of each output lie, and how far apart: arrays of shape (n_outputs,)."""

    def __init__(self, values):
        self.low, self.median, self.high = np.quantile(values, [0.25, 0.5, 0.75], axis=0)
        self.lowest, self.highest = values.min(axis=0), values.max(axis=0)
        self.spread, self.width = self.high - self.low, self.highest - self.lowest
        self.mean, self.deviation = values.mean(axis=0), values.std(axis=0)

    @property
    def is_scaled(self):
        """Whether they are what StandardScaler or RobustScaler makes."""
        is_standard = np.isclose(self.mean, 0, atol=1e-3) & np.isclose(self.deviation, 1, atol=1e-3)
        is_robust = np.isclose(self.median, 0, atol=1e-3) & np.isclose(self.spread, 1, atol=1e-3)
        return is_standard | is_robust

    @property
    def looks_scaled(self):
        """Whether they may be what a scaler makes that was fitted on other rows."""
        is_standard = (np.abs(self.mean) < 0.5) & _is_about_one(self.deviation)
        is_robust = (np.abs(self.median) < 0.5) & _is_about_one(self.spread)
        return is_standard | is_robust


def _is_about_one(values):
    return (values > 2 / 3) & (values < 3 / 2)


def _is_elsewhere(y, y_val):
    """Whether y_val is far from a scaled y, or wider or narrower."""
    widest = np.maximum(y.spread, y.deviation)
    is_far = np.abs(y_val.median - y.median) > np.maximum(MOST_SHIFT * widest, y.width)
    most = np.maximum(MOST_TIMES_WIDER * widest, y.width)
    is_far |= np.minimum(y_val.spread, y_val.deviation) > most
    narrowest = np.minimum(y.spread, y.deviation)
    is_far |= MOST_TIMES_NARROWER * np.maximum(y_val.spread, y_val.deviation) < narrowest
    return is_far


def _is_beyond(y, y_val):
    """Whether half of y_val lies where no value of y is near, whatever y was transformed by."""
    is_beyond = (y_val.median > y.highest + y.width) | (y_val.median < y.lowest - y.width)
    is_beyond |= y_val.spread > MOST_RANGES * y.width
    return is_beyond & (y.width > 0)


def _is_scaled_alone(y, y_val):
    """Whether y_val was scaled and y was not."""
    widest = np.maximum(y_val.spread, y_val.deviation)
    is_narrow = MOST_TIMES_NARROWER_ALONE * widest < np.minimum(y.spread, y.deviation)
    return is_narrow & y_val.looks_scaled
