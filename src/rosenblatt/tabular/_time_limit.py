"""Fits a plan into a time limit before training begins, so that learning-rate schedules end."""

# SPDX-License-Identifier: BSD-3-Clause
from dataclasses import replace
from math import ceil, floor

FEWEST_MEMBERS, FEWEST_EPOCHS = 4, 6
RESERVE = 0.1  # of what is left: for scoring, calibration and what was estimated too low


def planned_within(plan, seconds_left, seconds_per_epoch, n_jobs):
    """The plan with so many epochs that four members fit into the time if each takes them all.

    Where that would leave fewer than six epochs, there are six, or what one member has time for.
    How many of the plan's members train is seen as time goes by: most stop before their last
    epoch.

    Parameters
    ----------
    plan : EnsemblePlan
    seconds_left, seconds_per_epoch : float
    n_jobs : int
        Threads that train members at the same time.

    Returns
    -------
    EnsemblePlan
    """
    n_epochs = seconds_left * (1 - RESERVE) / seconds_per_epoch  # that follow one another
    n_waves = ceil(min(plan.n_members, FEWEST_MEMBERS) / n_jobs)
    share = n_epochs / (n_waves * plan.max_iter)
    if share >= 1:
        return plan
    max_iter = floor(plan.max_iter * share)
    if max_iter < FEWEST_EPOCHS:
        max_iter = max(1, min(FEWEST_EPOCHS, floor(n_epochs), plan.max_iter))
    return replace(plan, max_iter=max_iter)
