"""Prediction intervals and quantiles of a regressor, from its out-of-fold residuals.

Small networks predict the quantiles of the residuals from the row. The predictions are then
shifted so that each quantile level has the correct coverage on rows they were not trained on.
"""

# SPDX-License-Identifier: BSD-3-Clause
from dataclasses import replace
from numbers import Real

import numpy as np
from sklearn.base import clone

from rosenblatt._data import TrainingData, loss_row
from rosenblatt._plain_state import stored_as_plain_data
from rosenblatt.mlp import MLPRegressor
from rosenblatt.preprocessing._encoder import ColumnEncoder
from rosenblatt.schedules import Cosine
from rosenblatt.tabular._members import MemberTask, train_members

LEARNED = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98)
LOW, HIGH = LEARNED.index(0.2), LEARNED.index(0.8)  # the spread is the distance between them
# levels with their own shift; quantiles between them are interpolated
GRID = np.unique(
    np.round(np.r_[0.005, 0.01, 0.015, 0.02:0.9801:0.02, 0.025, 0.975, 0.985, 0.99, 0.995], 4)
)
FEWEST_ROWS = 200  # with fewer rows, the spread is assumed to be the same for all rows
MOST_ROWS = 20_000
N_FOLDS = 4
FEWEST_STEPS = 600
MOST_VARIANCE = 0.75  # upper bound of the share of the squared error due to members' variance


def levels_of_interval(coverage):
    """The levels of the ends of an interval that holds the share `coverage`, which is checked."""
    if not isinstance(coverage, Real) or not 0 < coverage < 1:
        raise ValueError(f"coverage must be a number in (0, 1), got {coverage!r}.")
    return np.array([(1 - coverage) / 2, (1 + coverage) / 2])


def checked_levels(levels):
    """ndarray of shape (n_levels,) of what a person asks for."""
    given = np.asarray(levels)
    if (
        given.dtype.kind != "f"
        or given.ndim != 1
        or not len(given)
        or not ((given > 0) & (given < 1)).all()
    ):
        raise ValueError(f"levels must be a sequence of numbers in (0, 1), got {levels!r}.")
    return given


@stored_as_plain_data
class ResidualQuantiles:
    """The distribution of one target around its prediction.

    For a level a, the quantile of the residual y - prediction of a row x is

        q_a(x) + d_a * s(x),    s(x) = q_0.8(x) - q_0.2(x),

    where the q are the sorted outputs of networks that minimise the pinball loss of the residuals
    [1]_, and d_a is the a-quantile of (residual - q_a) / s over rows that the networks were not
    trained on. This is conformalised quantile regression [2]_. With fewer than 200 rows, q is 0
    and s is 1.

    References
    ----------
    .. [1] R. Koenker and G. Bassett, "Regression quantiles", Econometrica 46, 1978.
    .. [2] Y. Romano, E. Patterson, E. Candes, "Conformalized quantile regression", NeurIPS 2019.
    """

    def fit(self, X, residuals, folds, sample_weight, random_state, n_jobs, watch):
        """Learn from out-of-fold residuals.

        Parameters
        ----------
        X : ndarray of float32 of shape (n_samples, n_inputs)
            Scaled inputs on which the spread may depend.
        residuals : ndarray of shape (n_samples,)
        folds : ndarray of int of shape (n_samples,)
        sample_weight : ndarray of shape (n_samples,) or None
        random_state : numpy.random.RandomState
        n_jobs : int
        watch : Watch
        """
        self.unit_ = float(np.abs(residuals).mean()) or 1.0
        rows, folds = np.arange(len(X)), np.unique(folds, return_inverse=True)[1].ravel()
        n_folds = min(N_FOLDS, int(folds.max()) + 1)
        if len(rows) > MOST_ROWS:
            rows = np.sort(random_state.permutation(rows)[:MOST_ROWS])
        X, scaled, part = X[rows], residuals[rows] / self.unit_, folds[rows] % n_folds
        weights = None if sample_weight is None else sample_weight[rows]
        self.networks_, known = [], np.zeros((len(rows), len(LEARNED)))
        if len(rows) >= FEWEST_ROWS and n_folds > 1:
            data = _training_data(X, scaled, weights)
            tasks = _tasks(data, part, n_folds, random_state)
            fitted = {}
            train_members(
                tasks,
                n_jobs,
                watch,
                lambda task, network, is_cut: None if is_cut else network,
                lambda task, network, seconds: fitted.update({task.number: network}),
            )
            if len(fitted) == n_folds and all(fitted.values()):
                self.networks_ = [fitted[number] for number in range(n_folds)]
                for number, network in enumerate(self.networks_):
                    held_out = part == number
                    known[held_out] = np.sort(network._outputs(X[held_out]), axis=1)
        # what shifts are multiplied by at least: the quantiles of a row may coincide
        distance = float(np.mean(known[:, HIGH] - known[:, LOW]))
        self.smallest_spread_ = 0.05 * max(distance, 1e-12)
        self.shifts_ = self._shifts(known, scaled, weights)
        return self

    def _shifts(self, known, residuals, weights):
        """The shift d for each level of the grid."""
        at_grid, spread = self._at_grid(known), self._spread(known)
        scores = (residuals[:, None] - at_grid) / spread[:, None]
        return np.array([_quantile(scores[:, i], level, weights) for i, level in enumerate(GRID)])

    def _spread(self, known):
        if not self.networks_:
            return np.ones(len(known))
        return np.maximum(known[:, HIGH] - known[:, LOW], self.smallest_spread_)

    @staticmethod
    def _at_grid(known):
        """The learned quantiles, interpolated linearly at the grid levels, constant beyond."""
        right = np.clip(np.searchsorted(LEARNED, GRID), 1, len(LEARNED) - 1)
        low, high = np.take(LEARNED, right - 1), np.take(LEARNED, right)
        share = np.clip((GRID - low) / (high - low), 0, 1)
        return known[:, right - 1] * (1 - share) + known[:, right] * share

    def predict(self, X, levels):
        """Quantiles of the residuals of rows.

        Parameters
        ----------
        X : ndarray of float32 of shape (n_samples, n_inputs)
        levels : ndarray of shape (n_levels,)
            Ascending levels in (0, 1), which are clipped to [0.005, 0.995].

        Returns
        -------
        quantiles : ndarray of shape (n_samples, n_levels)
            Each row is nondecreasing.
        """
        known = np.zeros((len(X), len(LEARNED)))
        if self.networks_:
            outputs = [np.sort(network._outputs(X), axis=1) for network in self.networks_]
            known = np.mean(outputs, axis=0, dtype=np.float64)
        at_grid = self._at_grid(known) + self.shifts_ * self._spread(known)[:, None]
        return self._at_levels(np.sort(at_grid, axis=1) * self.unit_, levels)

    @staticmethod
    def _at_levels(at_grid, levels):
        """Quantiles at other levels than the grid's, linear between and constant beyond."""
        right = np.clip(np.searchsorted(GRID, levels), 1, len(GRID) - 1)
        share = np.clip((levels - GRID[right - 1]) / (GRID[right] - GRID[right - 1]), 0, 1)
        return at_grid[:, right - 1] * (1 - share) + at_grid[:, right] * share


@stored_as_plain_data
class PredictionDistribution:
    """The quantiles of every target, given the rows and their predictions.

    Parameters
    ----------
    scaling : TargetScaling
        The range of the training targets, to which quantiles are clipped.
    """

    def __init__(self, scaling):
        self.scaling = scaling

    def fit(
        self, table, prediction, values, variance, folds, sample_weight, random_state, n_jobs, watch
    ):
        """Learn from out-of-fold predictions.

        An out-of-fold prediction averages fewer members than the prediction of a new row, so its
        error is larger. Let v be the variance that the other members would remove. Residuals r are
        scaled to r * sqrt(1 - v / mean(r**2)).

        Parameters
        ----------
        table : Table
        prediction, values : ndarray of shape (n_samples, n_targets)
            The out-of-fold predictions, and the targets.
        variance : ndarray of shape (n_targets,) or 0.0
            The amount by which the mean squared error of a new row is lower.
        folds, sample_weight, random_state, n_jobs, watch : as in ResidualQuantiles.fit
        """
        # only the prediction is encoded by bins; for the numbers scaling suffices
        self.encoder_ = ColumnEncoder("quantile", scaled_only=table.layout.number_names)
        X = self.encoder_.fit_transform(_with_prediction(table, prediction), None, sample_weight)
        self.residuals_ = [
            ResidualQuantiles().fit(X, column, folds, sample_weight, random_state, n_jobs, watch)
            for column in self._residuals(values - prediction, variance, sample_weight).T
        ]
        return self

    @staticmethod
    def _residuals(residuals, variance, sample_weight):
        square = np.average(np.square(residuals), axis=0, weights=sample_weight)
        share = np.divide(variance, square, out=np.zeros_like(square), where=square > 0)
        return residuals * np.sqrt(1 - np.minimum(share, MOST_VARIANCE))

    def quantiles(self, table, prediction, levels):
        """Quantiles of shape (n_samples, n_targets, n_levels); `levels` must be ascending."""
        X = self.encoder_.transform(_with_prediction(table, prediction))
        residuals = np.stack([one.predict(X, levels) for one in self.residuals_], axis=1)
        bounds = self.scaling.low[:, None], self.scaling.high[:, None]
        return np.clip(prediction[:, :, None] + residuals, *bounds)


def _with_prediction(table, prediction):
    names = [f"prediction{i}" for i in range(prediction.shape[1])]
    return table.with_numbers(prediction, names, [0] * len(names))


def _quantile(values, level, weights):
    """The weighted quantile with the conformal correction, which moves the level away from 0.5."""
    order = np.argsort(values, kind="stable")
    values = values[order]
    weights = np.ones(len(values)) if weights is None else weights[order]
    # conformal correction: a new row has any of n + 1 ranks
    shares = (np.cumsum(weights) - weights / 2) / weights.sum()
    n = np.square(weights.sum()) / np.square(weights).sum()
    level = np.clip(0.5 + (level - 0.5) * (n + 1) / n, 0, 1)
    return float(np.interp(level, shares, values))


def _training_data(X, residuals, weights):
    targets = np.repeat(residuals.astype(np.float32)[:, None], len(LEARNED), axis=1)
    return TrainingData(
        X=X,
        y=residuals,
        targets=targets,
        sample_weight=None if weights is None else weights.astype(np.float32),
        loss=loss_row("quantile", "real"),
        n_outputs=len(LEARNED),
        strata=None,
        levels=LEARNED,
    )


def _tasks(data, part, n_folds, random_state):
    n_rows = len(data.X)
    batch_size = 64 if n_rows < 2_500 else 128 if n_rows < 10_000 else 256
    batch_size = min(batch_size, min(np.count_nonzero(part != i) for i in range(n_folds)))
    n_steps = max(1, n_rows * (n_folds - 1) // (n_folds * batch_size))
    network = MLPRegressor(
        (48,),
        loss="quantile",
        quantile=LEARNED,
        solver="adamw",
        weight_init="he_normal",
        intercept_init="zeros",
        learning_rate=Cosine(warmup=0.1),
        learning_rate_init=0.005,
        weight_decay=0.1,
        alpha=0.0,
        dropout=0.1,
        beta_2=0.95,
        batch_size=batch_size,
        max_iter=int(np.clip(-(-FEWEST_STEPS // n_steps), 8, 60)),
        tol=0.0,
        n_iter_no_change=np.inf,
        early_stopping=True,
        scoring="loss",
        dtype="float32",
    )
    for number in range(n_folds):
        rows, held_out = np.flatnonzero(part != number), np.flatnonzero(part == number)
        divided = replace(data, rows=rows, held_out=held_out)
        seed = random_state.randint(2**31 - 1)
        yield MemberTask(number, clone(network), divided, seed)
