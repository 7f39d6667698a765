"""The piecewise-linear encoder for numeric columns. It does not scale and does not handle
categories; see `TabularPreprocessor`.
"""

# SPDX-License-Identifier: BSD-3-Clause
from numbers import Integral
from typing import ClassVar, Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from rosenblatt._base import RosenblattEstimator, checked_sample_weight
from rosenblatt._parameter_checks import Interval, Options, validate_parameters
from rosenblatt._types import Array, Matrix, TargetType
from rosenblatt.preprocessing._bins import (
    LARGEST,
    SortedColumn,
    inverse_widths,
    quantile_edges,
    tree_edges,
    write_codes,
)
from rosenblatt.preprocessing._checked_target import TARGET_TYPES, checked_target
from rosenblatt.preprocessing._input_names import checked_input_names

_CHUNK = 2**15  # elements per chunk of rows


class PiecewiseLinearEncoder(TransformerMixin, RosenblattEstimator):
    """Piecewise-linear encoding of numeric features.

    A column with the bin edges e_0 < .. < e_T has T codes. Code t = 0 .. T - 1 of a value x is
    clip((x - e_t) / (e_t+1 - e_t), 0, 1): 1 for the bins below x, 0 for the bins above x, and
    linear in the bin of x [1]_. A linear function of the codes can represent any continuous
    function of x that is linear in each bin and constant beyond the edges.

    Parameters
    ----------
    n_bins : int >= 1 or None, default=None
        Maximum number of bins per column. None means 16 for strategy='quantile' and 24 for
        strategy='tree'.
    strategy : {'quantile', 'tree'}, default='quantile'
        How bin edges are chosen: 'quantile' gives bins of equal weight, 'tree' takes the splits of
        a decision tree fitted to the column alone, which requires y.
    max_distinct : int >= 0, default=32
        With strategy='quantile', a column with at most this many distinct values has an edge at
        each of them.
    min_samples_leaf : int >= 1 or None, default=None
        Minimum number of samples per bin for strategy='tree'. None means max(5, n_samples / 200).
    keep_input : bool, default=False
        If True, the input columns are prepended to the output, with NaN replaced by the median.
    target_type : {'auto', 'classification', 'regression'}, default='auto'
        Type of y for strategy='tree'. 'auto' treats integers and text as classes.

    Attributes
    ----------
    bin_edges_ : list of ndarray of float64
        The bin edges of each column. A constant column has one edge and an empty column has none;
        neither has codes.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of str of shape (n_features_in_,)
        Names of the features. Defined only if the column names of X are all strings.

    Notes
    -----
    Missing values (NaN) are encoded as the median of the column. Values, including infinities, are
    clipped to +-1e300. float32 input gives float32 output.

    References
    ----------
    .. [1] Y. Gorishniy, I. Rubachev and A. Babenko, "On embeddings for numerical features in
       tabular deep learning", NeurIPS 2022.

    Examples
    --------
    >>> import numpy as np
    >>> from rosenblatt.preprocessing import PiecewiseLinearEncoder
    >>> X = np.array([[0.0], [1.0], [3.0], [2.0]])
    >>> encoder = PiecewiseLinearEncoder().fit(X)
    >>> encoder.transform([[2.5], [0.25]]).tolist()
    [[1.0, 1.0, 0.5], [0.25, 0.0, 0.0]]
    """

    __module__ = "rosenblatt.preprocessing"  # the public one: stored models name it

    bin_edges_: list[Array]

    _parameter_rules: ClassVar[dict] = {
        "n_bins": [None, Interval(Integral, 1, None)],
        "strategy": [Options(str, ["quantile", "tree"])],
        "max_distinct": [Interval(Integral, 0, None)],
        "min_samples_leaf": [None, Interval(Integral, 1, None)],
        "keep_input": ["boolean"],
        "target_type": [Options(str, TARGET_TYPES)],
    }

    def __init__(
        self,
        n_bins: int | None = None,
        *,
        strategy: Literal["quantile", "tree"] = "quantile",
        max_distinct: int = 32,
        min_samples_leaf: int | None = None,
        keep_input: bool = False,
        target_type: TargetType = "auto",
    ) -> None:
        self.n_bins = n_bins
        self.strategy = strategy
        self.max_distinct = max_distinct
        self.min_samples_leaf = min_samples_leaf
        self.keep_input = keep_input
        self.target_type = target_type

    def fit(
        self, X: Matrix, y: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Compute the bin edges.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), or None
            Target. Used by strategy='tree' only.
        sample_weight : array-like of shape (n_samples,), float or None, default=None

        Returns
        -------
        self
        """
        validate_parameters(self)
        X = self._checked(X, reset=True)
        weights = checked_sample_weight(sample_weight, len(X), np.float64)
        y, is_classification = self._checked_target(X, y)
        self.bin_edges_, self._medians = [], np.zeros(X.shape[1])
        for j in range(X.shape[1]):
            values = X[:, j].astype(np.float64)
            column = SortedColumn(values, weights)
            if len(column.values):
                self._medians[j] = column.quantiles([0.5])[0]
            self.bin_edges_.append(self._edges(column, values, y, is_classification, weights))
        self._flatten()
        return self

    def _checked_target(self, X, y):
        if self.strategy != "tree":
            return None, None
        if y is None:
            raise ValueError(
                f"strategy='tree' of {type(self).__name__} requires y to be passed, but the "
                "target y is None."
            )
        y, n_classes = checked_target(y, len(X), self.target_type)
        return y, n_classes is not None

    def _edges(self, column, values, y, is_classification, weights):
        if len(column.distinct) < 2:
            return column.distinct
        if self.strategy == "quantile":
            return quantile_edges(column, self.n_bins or 16, self.max_distinct)
        return tree_edges(
            values,
            y,
            n_bins=max(self.n_bins or 24, 2),
            classification=is_classification,
            sample_weight=weights,
            min_samples_leaf=self.min_samples_leaf,
        )

    def _flatten(self):
        """Lays the bins of all columns side by side: `transform` handles them at once."""
        bins = [edges if len(edges) > 1 else edges[:0] for edges in self.bin_edges_]
        n_codes = [max(len(edges) - 1, 0) for edges in bins]
        self._columns = np.repeat(np.arange(len(bins)), n_codes)
        self._low = np.concatenate([edges[:-1] for edges in bins])
        self._factor = np.concatenate([inverse_widths(edges) for edges in bins])
        self._width = np.concatenate([np.diff(edges) for edges in bins])
        self._number = np.concatenate([np.arange(n) for n in n_codes]).astype(int)

    def transform(self, X: Matrix) -> Array:
        """Encode X.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of X's precision, of shape (n_samples, n_features_out)
            The codes of the first column, then those of the second, and so on.
        """
        check_is_fitted(self)
        X = self._checked(X)
        n_kept = X.shape[1] if self.keep_input else 0
        out = np.empty((len(X), n_kept + len(self._low)), X.dtype)
        length = max(_CHUNK // max(out.shape[1], X.shape[1], 1), 16)
        for start in range(0, len(X), length):
            rows = slice(start, start + length)
            values = np.where(np.isnan(X[rows]), self._medians, X[rows])
            np.clip(values, -LARGEST, LARGEST, out=values)
            with np.errstate(over="ignore"):
                out[rows, :n_kept] = values[:, :n_kept]
            write_codes(values, self._columns, self._low, self._factor, out[rows, n_kept:])
        return out

    def inverse_transform(self, X: Matrix) -> Array:
        """Decode X: the first edge plus the sum of codes times bin widths.

        The result lies between the first and the last edge, even if the encoded value did not.
        Missing values come back as the median.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features_out)

        Returns
        -------
        ndarray of X's precision, of shape (n_samples, n_features)
        """
        check_is_fitted(self)
        X = np.asarray(X)
        X = X if X.dtype == np.float32 else X.astype(np.float64)
        n_kept = self.n_features_in_ if self.keep_input else 0
        if X.ndim != 2 or X.shape[1] != n_kept + len(self._low):
            raise ValueError(
                f"X must have the shape (n_samples, {n_kept + len(self._low)}), got {X.shape}."
            )
        first = [edges[0] if len(edges) else np.nan for edges in self.bin_edges_]
        numbers = np.tile(np.array(first), (len(X), 1))
        np.add.at(numbers, (slice(None), self._columns), X[:, n_kept:] * self._width)
        return numbers.astype(X.dtype, copy=False)

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> Array:
        """Names of the output columns: 'age_bin0', 'age_bin1', ...

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Names of the input columns. None uses feature_names_in_, or x0, x1, ... if undefined.

        Returns
        -------
        ndarray of object of shape (n_features_out,)
        """
        check_is_fitted(self)
        names = checked_input_names(self, input_features)
        pairs = zip(self._columns, self._number, strict=True)
        codes = [f"{names[j]}_bin{k}" for j, k in pairs]
        return np.array([*(names if self.keep_input else []), *codes], dtype=object)

    def _checked(self, X, *, reset=False):
        return validate_data(
            self, X, reset=reset, dtype=(np.float64, np.float32), ensure_all_finite=False
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.target_tags.required = self.strategy == "tree"
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
