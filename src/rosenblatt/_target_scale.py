"""Warns of regression targets on a scale that training does not reach. It changes nothing; targets
have been validated. _validation_scale.py warns of validation rows on another scale.
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

FEWEST_ROWS = 20  # of a batch, that tell of its scale

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
