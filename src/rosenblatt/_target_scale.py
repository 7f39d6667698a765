"""Warns of regression targets on a scale that training does not reach, and of y_val on another
scale than y. It changes nothing; targets have been validated.
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

# How far y_val may be from a standardised y, from how many rows on: its median in spreads of y, and
# the ratio of the spreads. Two figures must agree that a spread is another: the quartiles of heavy
# tails and of few values lie together, and their deviations hang on single rows.
MOST_SHIFT, MOST_RATIO, FEWEST_ROWS = 3.0, 4.0, 20

REMEDY = (
    "Standardise y: sklearn.compose.TransformedTargetRegressor(model, transformer=StandardScaler())"
    " does, and predicts in y's own unit."
)


def warn_of_target_scale(plan, data):
    """Warns where the solver will hardly learn targets of this scale.

    Parameters
    ----------
    plan : Plan
    data : TrainingData
        Of a regressor. Losses with a log link are left alone, and targets that do not vary.
    """
    if data.loss.out_activation != "identity":
        return
    targets = data.targets.astype(np.float64, copy=False)
    with np.errstate(over="ignore", invalid="ignore"):
        means, deviations = targets.mean(axis=0), targets.std(axis=0)
    for mean, deviation in zip(means, deviations, strict=True):
        if deviation > 0 and _is_out_of_reach(plan, mean, deviation):
            warn_user(
                f"y has a mean of {mean:.3g} and a standard deviation of {deviation:.3g}, and "
                f"solver={plan.solver!r} learns targets near 0 and 1: the fit may be of no use. "
                f"{REMEDY}"
            )
            return


def _is_out_of_reach(plan, mean, deviation):
    if not plan.is_stochastic:
        return deviation < LEAST_DEVIATION_OF_LBFGS
    if not LEAST_DEVIATION <= deviation <= MOST_DEVIATION:
        return True
    most = MOST_MEAN_OF_SGD if plan.solver == "sgd" else MOST_MEAN
    return plan.intercept_init != "prior" and abs(mean) > most * deviation


def warn_of_other_validation_scale(data):
    """Warns where y_val cannot be what y is: y is standardised and y_val, by its quartiles, is not,
    or the middle of y_val lies beyond the values of y by more than their range.

    Parameters
    ----------
    data : TrainingData
        Of a regressor.
    """
    if data.validation is None or len(data.validation.targets) < FEWEST_ROWS:
        return
    targets, held_out = data.targets.astype(np.float64), data.validation.targets.astype(np.float64)
    quartiles, quartiles_val = (
        np.quantile(y, [0.25, 0.5, 0.75], axis=0) for y in (targets, held_out)
    )
    is_standard = _is_standardised(targets) & _has_other_spread(
        quartiles, quartiles_val, held_out.std(axis=0)
    )
    if not np.any(is_standard | _is_beyond(targets, quartiles_val[1])):
        return
    (low, _, high), (low_val, _, high_val) = quartiles[:, 0:1], quartiles_val[:, 0:1]
    warn_user(
        f"y_val is on another scale than y: its quartiles are {low_val[0]:.3g} and "
        f"{high_val[0]:.3g}, those of y {low[0]:.3g} and {high[0]:.3g}. TransformedTargetRegressor "
        "transforms y alone: hand in y_val as its transformer makes it, "
        "StandardScaler().fit(y.reshape(-1, 1)).transform(y_val.reshape(-1, 1))[:, 0] say, or "
        "leave X_val out and set early_stopping=True."
    )


def _is_standardised(targets):
    is_centred = np.isclose(targets.mean(axis=0), 0, atol=1e-3)
    return is_centred & np.isclose(targets.std(axis=0), 1, atol=1e-3)


def _has_other_spread(quartiles, quartiles_val, deviation_val):
    """Whether y_val is far from a standardised y, or wider or narrower."""
    (low, median, high), (low_val, median_val, high_val) = quartiles, quartiles_val
    spread, spread_val = high - low, high_val - low_val
    widest = np.maximum(spread, 1)
    is_far = np.abs(median_val - median) > MOST_SHIFT * widest
    is_far |= np.minimum(spread_val, deviation_val) > MOST_RATIO * widest
    is_far |= MOST_RATIO * np.maximum(spread_val, deviation_val) < np.minimum(spread, 1)
    return is_far


def _is_beyond(targets, median_val):
    """Whether half of y_val lies where no value of y is near, whatever y was transformed by."""
    lowest, highest = targets.min(axis=0), targets.max(axis=0)
    width = highest - lowest
    is_beyond = (median_val > highest + width) | (median_val < lowest - width)
    return is_beyond & (width > 0)
