"""Tells of validation rows that were not transformed as the training rows were: y_val beside y,
X_val beside X. It warns and changes nothing, and only of what no other year or region explains.
"""

# SPDX-License-Identifier: BSD-3-Clause
import numpy as np
import scipy.sparse as sp

from rosenblatt._base import warn_user

# How far y_val may be from a scaled y, from how many rows on: its median in spreads of y, and how
# many times its spread may be wider or narrower. Two figures must agree that a spread is another:
# the quartiles of heavy tails and of few values lie together, and their deviations hang on single
# rows. Skewed values of another year or region are wider in both, but within the range of y.
MOST_SHIFT, MOST_TIMES_WIDER, MOST_TIMES_NARROWER, FEWEST_ROWS = 3.0, 4.0, 10.0, 20
# Whatever y is: the middle half of y_val may be so many times as wide as all of y, and a y_val that
# looks scaled may be so many times narrower than y.
MOST_RANGES, MOST_TIMES_NARROWER_ALONE = 5.0, 20.0

MOST_VALUES = 2**20  # of X, that are looked at


def warn_of_other_targets(data):
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


def warn_of_other_rows(data):
    """Warns where X_val cannot be what X is.

    That is, where most columns look scaled in X, and in X_val most are far from X, wider or
    narrower, or several are very far; and whatever X is, where the middle of X_val lies beyond all
    of X by more than its range in most columns. A single column is left alone.

    Parameters
    ----------
    data : TrainingData
        Sparse rows are left alone, and columns that are constant in X or X_val.
    """
    if data.validation is None or sp.issparse(data.X) or sp.issparse(data.validation.X):
        return
    if data.validation.X.shape[0] < FEWEST_ROWS:
        return
    X, X_val = (_Figures(_some_rows(each.X)) for each in (data, data.validation))
    varies = (X.width > 0) & (X_val.width > 0)
    if varies.sum() < 2:
        return  # a curve may be validated beyond its rows
    is_far, least = varies & _is_beyond(X, X_val), varies.sum() / 2
    is_scaled = varies & (X.looks_scaled | X.is_within_one)
    if is_scaled.sum() > least:
        is_very_far = is_far & (np.abs(X_val.median - X.median) > MOST_RANGES * X.width)
        is_far |= varies & _is_elsewhere(X, X_val)
        least = 1 if is_very_far.sum() > 1 else least
    if is_far.sum() <= least:
        return
    shift = np.where(is_far, np.abs(X_val.median - X.median) / np.where(varies, X.width, 1), -1)
    column = np.argmax(shift)
    warn_user(
        f"X_val is on another scale than X in {is_far.sum()} of {len(is_far)} columns: in column "
        f"{column} the quartiles are {X_val.low[column]:.3g} and {X_val.high[column]:.3g}, those "
        f"of X {X.low[column]:.3g} and {X.high[column]:.3g}. A Pipeline transforms X alone: let it "
        "transform X_val too, by Pipeline(steps, transform_input=['X_val']) with "
        "sklearn.set_config(enable_metadata_routing=True) and set_fit_request(X_val=True, "
        "y_val=True) of the network, or hand in X_val transformed."
    )


def _some_rows(X):
    """Rows at equal distances, as many as are looked at, in float64."""
    n_rows = max(MOST_VALUES // X.shape[1], FEWEST_ROWS)
    return X[:: -(-X.shape[0] // n_rows)].astype(np.float64)


class _Figures:
    """Where the values of each column lie, and how far apart: arrays of shape (n_columns,)."""

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

    @property
    def is_within_one(self):
        """Whether they may be what MinMaxScaler makes."""
        return (self.lowest > -1.01) & (self.highest < 1.01) & (self.width > 0.5)


def _is_about_one(values):
    return (values > 2 / 3) & (values < 3 / 2)


def _is_elsewhere(y, y_val):
    """Whether validation values are far from the values, or wider or narrower."""
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
