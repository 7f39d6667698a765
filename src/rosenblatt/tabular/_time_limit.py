"""Fits a plan into a time limit before training begins, so that learning-rate schedules end."""

# SPDX-License-Identifier: BSD-3-Clause
from dataclasses import replace
from math import ceil, floor

FEWEST_MEMBERS, FEWEST_EPOCHS = 4, 6
RESERVE = 0.1  # of what is left: for scoring, calibration and what was estimated too low


def planned_within(plan, seconds_left, seconds_per_epoch, n_jobs):
    """The plan with as many members and epochs as fit into the time.

    Members are left out first, down to four, then epochs, down to six, then members again.

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

    def n_fitting(epochs_a_member):
        return max(1, floor(n_epochs / epochs_a_member)) * n_jobs

    whole = plan.max_iter + plan.pilot_epochs
    if ceil(plan.n_members / n_jobs) * whole <= n_epochs:
        return plan
    n_members = min(plan.n_members, max(n_fitting(whole), FEWEST_MEMBERS))
    share = min(1.0, n_epochs / (ceil(n_members / n_jobs) * whole))
    max_iter = max(FEWEST_EPOCHS, floor(plan.max_iter * share))
    pilot_epochs = ceil(plan.pilot_epochs * max_iter / plan.max_iter)
    n_members = min(n_members, n_fitting(max_iter + pilot_epochs))
    return replace(plan, n_members=n_members, max_iter=max_iter, pilot_epochs=pilot_epochs)
