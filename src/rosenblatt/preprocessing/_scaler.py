"""The robust scaler with smooth clipping for numeric columns. It keeps missing values and does not
handle categories; see `TabularPreprocessor`.
"""

# SPDX-License-Identifier: BSD-3-Clause
from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from rosenblatt._base import RosenblattEstimator, checked_sample_weight
from rosenblatt._parameter_checks import Interval, validate_parameters
from rosenblatt._types import Array, Matrix
from rosenblatt.preprocessing._bins import SortedColumn
from rosenblatt.preprocessing._robust_scale import median_and_scale, smoothly_clipped


class RobustSmoothScaler(OneToOneFeatureMixin, TransformerMixin, RosenblattEstimator):
    """Scale features by median and interquartile range, with smooth clipping of outliers.

    Let z = (x - median) * s with s = 1 / (q75 - q25). If the quartiles are equal,
    s = 2 / (max - min); if all values are equal, s = 0. The output is z / sqrt(1 + (z / clip)**2),
    which is close to z near 0 and tends to +-clip [1]_.

    Parameters
    ----------
    clip : float > 0, default=3.0
        Bound of the output.

    Attributes
    ----------
    center_ : ndarray of float64 of shape (n_features_in_,)
        The medians.
    factor_ : ndarray of float64 of shape (n_features_in_,)
        The factors s.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of str of shape (n_features_in_,)
        Names of the features. Defined only if the column names of X are all strings.

    Notes
    -----
    Missing values (NaN) are ignored in `fit` and stay NaN in `transform`. Infinities become
    +-clip, or 0 in a constant column. float32 input gives float32 output. Quantiles follow NumPy's
    method 'averaged_inverted_cdf', so that a weight of 2 is equivalent to repeating the row.

    References
    ----------
    .. [1] D. Holzmueller, L. Grinsztajn and I. Steinwart, "Better by default: strong pre-tuned
       MLPs and boosted trees on tabular data", NeurIPS 2024.

    Examples
    --------
    >>> import numpy as np
    >>> from rosenblatt.preprocessing import RobustSmoothScaler
    >>> X = np.array([[0.0], [1.0], [2.0], [3.0], [1e6]])
    >>> RobustSmoothScaler().fit_transform(X).round(2).ravel().tolist()
    [-0.95, -0.49, 0.0, 0.49, 3.0]
    """

    __module__ = "rosenblatt.preprocessing"  # the public one: stored models name it

    center_: Array
    factor_: Array

    _parameter_rules: ClassVar[dict] = {"clip": [Interval(Real, 0, None, closed="neither")]}

    def __init__(self, *, clip: float = 3.0) -> None:
        self.clip = clip

    def fit(self, X: Matrix, y: Any = None, sample_weight: ArrayLike | None = None) -> Self:
        """Compute medians and quartiles.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : ignored
        sample_weight : array-like of shape (n_samples,), float or None, default=None
            Weights of the rows in the quantiles, >= 0.

        Returns
        -------
        self
        """
        validate_parameters(self)
        X = self._checked(X, reset=True)
        weights = checked_sample_weight(sample_weight, len(X), np.float64)
        columns = (SortedColumn(X[:, j].astype(np.float64), weights) for j in range(X.shape[1]))
        learnt = np.array([median_and_scale(column) for column in columns])
        self.center_, self.factor_ = learnt[:, 0].copy(), learnt[:, 1].copy()
        return self

    def transform(self, X: Matrix) -> Array:
        """Scale and clip X.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of X's precision, of shape (n_samples, n_features)
        """
        check_is_fitted(self)
        X = self._checked(X)
        with np.errstate(over="ignore", invalid="ignore"):
            Z = (X.astype(np.float64) - self.center_) * self.factor_
        Z = smoothly_clipped(Z, self.clip)
        Z[np.isinf(X) & (self.factor_ == 0)] = 0  # infinity times 0 is NaN
        return Z.astype(X.dtype, copy=False)

    def inverse_transform(self, X: Matrix) -> Array:
        """Undo the scaling and clipping.

        Values of X at or beyond +-clip become infinite: outliers beyond about 1e8 interquartile
        ranges (1e4 in float32) cannot be distinguished from infinity. A constant column gives its
        constant.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of X's precision, of shape (n_samples, n_features)
        """
        check_is_fitted(self)
        X = self._checked(X, named=False)
        share = np.clip(X.astype(np.float64) / self.clip, -1, 1)
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            Z = share * self.clip / np.sqrt(1 - share**2)
            Z = np.where(self.factor_ > 0, Z / self.factor_, np.where(np.isnan(X), np.nan, 0))
            return (Z + self.center_).astype(X.dtype, copy=False)

    def _checked(self, X, *, reset=False, named=True):
        if named:
            return validate_data(
                self, X, reset=reset, dtype=(np.float64, np.float32), ensure_all_finite=False
            )
        X = np.asarray(X)
        X = X if X.dtype == np.float32 else X.astype(np.float64)
        if X.ndim != 2 or X.shape[1] != self.n_features_in_:
            raise ValueError(
                f"X must have the shape (n_samples, {self.n_features_in_}), got {X.shape}."
            )
        return X

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
