"""Statistics of predictions and scores."""

import math
import statistics
from dataclasses import asdict, dataclass

import numpy as np

LEAST = 1e-3  # smaller scores count as this in ratios: a zero has no logarithm
LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
SCORES = {"error": "class error", "log_loss": "log loss", "nrmse": "nRMSE"}


def of_probabilities(probabilities, y):
    """Class error and log loss."""
    right = np.clip(probabilities[np.arange(len(y)), y], 1e-7, 1)
    return {
        "error": float(np.mean(probabilities.argmax(axis=1) != y)),
        "log_loss": float(-np.log(right).mean()),
    }


def of_values(predicted, y):
    """Root mean squared error, in standard deviations of the targets."""
    return {"nrmse": float(np.sqrt(np.mean((predicted - y) ** 2)) / np.std(y))}


def of_quantiles(predicted, y, levels=LEVELS):
    """Pinball loss, in standard deviations of the targets; targets between first and last level."""
    beyond = y[:, None] - predicted
    loss = np.maximum(np.multiply(levels, beyond), np.subtract(levels, 1) * beyond)
    is_within = (predicted[:, 0] <= y) & (y <= predicted[:, -1])
    return {"pinball": float(loss.mean() / np.std(y)), "coverage": float(is_within.mean())}


@dataclass(frozen=True)
class Ratio:
    """One contender's scores over another's, where both have one.

    Parameters
    ----------
    ratio : float
        Geometric mean: over the splits of a table, then over tables.
    stderr : float or None
        Of the ratio: the standard error, over tables, of the mean logarithm, times the ratio.
    n_tables, n_wins : int
        Tables that both have, and those on which the first is better.
    """

    ratio: float
    stderr: float | None
    n_tables: int
    n_wins: int

    def as_row(self):
        return asdict(self)


def paired(scores, others):
    """Compare scores by (table, split).

    Parameters
    ----------
    scores, others : dict of (str, int) to float

    Returns
    -------
    Ratio or None
        None where they share none.
    """
    logs = {}
    for table, split in scores.keys() & others.keys():
        pair = (max(one[table, split], LEAST) for one in (scores, others))
        logs.setdefault(table, []).append(math.log(next(pair) / next(pair)))
    if not logs:
        return None
    means = [statistics.fmean(sorted(logs[table])) for table in sorted(logs)]
    ratio, stderr = math.exp(statistics.fmean(means)), None
    if len(means) > 1:
        stderr = ratio * statistics.stdev(means) / math.sqrt(len(means))
    return Ratio(ratio, stderr, len(means), sum(mean < 0 for mean in means))


def mean_over_tables(values):
    """Mean over the splits of each table, then over tables; None of nothing.

    Parameters
    ----------
    values : dict of (str, int) to float
    """
    columns = {}
    for table, split in sorted(values):
        columns.setdefault(table, []).append(values[table, split])
    return statistics.fmean(map(statistics.fmean, columns.values())) if columns else None
