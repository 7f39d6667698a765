"""Fits a plan into a time limit before training, so that learning-rate schedules run to the end."""

# SPDX-License-Identifier: BSD-3-Clause
from dataclasses import replace
from math import ceil, floor

FEWEST_MEMBERS, FEWEST_EPOCHS = 4, 6
RESERVE = 0.1  # share of the remaining time for scoring, calibration and estimation error


def planned_within(plan, seconds_left, seconds_per_epoch, n_jobs):
    """The plan with its epochs reduced so that four members fit into the time.

    The estimate assumes that each member runs all its epochs. If that leaves fewer than six
    epochs, the result is six, or as many as one member has time for. The number of members is not
    reduced here: most stop before their last epoch, and members are started while time is left.

    Parameters
    ----------
    plan : EnsemblePlan
    seconds_left, seconds_per_epoch : float
    n_jobs : int
        Number of threads that train members concurrently.

    Returns
    -------
    EnsemblePlan
    """
    n_epochs = seconds_left * (1 - RESERVE) / seconds_per_epoch  # in sequence
    n_waves = ceil(min(plan.n_members, FEWEST_MEMBERS) / n_jobs)
    share = n_epochs / (n_waves * plan.max_iter)
    if share >= 1:
        return plan
    max_iter = floor(plan.max_iter * share)
    if max_iter < FEWEST_EPOCHS:
        max_iter = max(1, min(FEWEST_EPOCHS, floor(n_epochs), plan.max_iter))
    return replace(plan, max_iter=max_iter)
