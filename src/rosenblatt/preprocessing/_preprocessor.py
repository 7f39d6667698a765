"""The transformer from a raw table to what a network reads: it puts together the reader, the
target statistics and the encoder, which know nothing of each other.
"""

# SPDX-License-Identifier: BSD-3-Clause
from numbers import Integral
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import TransformerMixin
from sklearn.model_selection import BaseCrossValidator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from rosenblatt._base import RosenblattEstimator
from rosenblatt._data import checked_sample_weight
from rosenblatt._parameter_checks import Interval, Options, validate_parameters
from rosenblatt._types import Array, CategoricalFeatures, NumericalEncoding, RandomState, TargetType
from rosenblatt.preprocessing._encoder import ENCODINGS, ColumnEncoder
from rosenblatt.preprocessing._feature_names import checked_input_names
from rosenblatt.preprocessing._table_reader import ColumnSummary, TableReader
from rosenblatt.preprocessing._target_statistics import (
    MANY_LEVELS,
    TargetStatistics,
    indicators,
)
from rosenblatt.preprocessing._transformer_target import TARGET_TYPES, checked_target, fold_of_rows


class TabularPreprocessor(TransformerMixin, RosenblattEstimator):
    """Turn a raw table into the float32 matrix that a network learns from quickly.

    Takes frames of pandas and polars, with text, categories, dates, gaps and numbers of any
    scale, and arrays. The dtype decides: numbers (nullable, Arrow's, Decimals) are numbers;
    category, string, object and bool are categories; dates become year, month, day, weekday,
    hour and minute, where these vary, and the days since the first; durations seconds.

    - Every number is scaled as `RobustSmoothScaler` does, a gap being the median, and encoded
      besides (`numerical_encoding`). A column of gaps says where they are, by -1 and 1. Two
      values are -1 and 1.
    - A category of two levels is one column of -1 and 1, 0 for a gap or a new level; of more, one
      column a level, and one for gaps if there were some. Of more than 30 levels those of fewer
      than 3 rows are merged with those not seen in `fit`. Levels are compared by value.
    - A category of many levels is besides the shrunken mean of the target there, of other folds'
      rows for the rows of `fit_transform`.
    - All columns are centred.
    - Constant and nearly constant columns, those without a value, and text that differs in
      nearly every row (with a warning) are left out: `columns_` says what became of each.

    Parameters
    ----------
    numerical_encoding : {'quantile', 'tree', 'periodic', 'coarse', 'one_hot', 'none'} or None
        'quantile' (default): piecewise-linear, 16 bins of equal weight, or each value where there
        are at most 32. 'tree': piecewise-linear, at most 24 bins of a tree of y. 'coarse':
        piecewise-linear with 8 bins (16 values), for regression 32 (64). 'one_hot': those bins
        as 0 and 1. 'periodic': 12 cosines of random frequency. 'none' or None: no encoding.
    n_bins : int >= 2 or None, default=None
        Another number of bins or cosines.
    categorical_features : 'from_dtype', array-like of str, int or bool, or None, \
default='from_dtype'
        Names, indices or a mask of the categories: all others are then numbers or dates. None:
        there are none.
    max_categories : int >= 2, default=64
        The most columns of a category; the rarest levels share the last.
    target_statistics : 'auto' or bool, default='auto'
        'auto': for categories of more than 30 levels, if y is given; True: for all of more than
        two (needs y); False: none.
    cv : int >= 2, cross-validator or list of (train, test), default=5
        The folds of `fit_transform`, for the target statistics: a number, which are drawn at
        random with equal shares of the classes, or folds in which each row is tested once.
    target_type : {'auto', 'classification', 'regression'}, default='auto'
        What y is; 'auto' takes integers and text for classes.
    random_state : int, RandomState or None, default=None
        Draws folds and frequencies.

    Attributes
    ----------
    columns_ : list of ColumnSummary
        What became of every column: `name`, `kind`, `detail`, `n_missing`, `used`.
    n_features_in_ : int
    feature_names_in_ : ndarray of str of shape (n_features_in_,)
        Only where X has text names.
    source_of_output_ : ndarray of int of shape (n_features_out,)
        The input column that each output column comes from.

    Notes
    -----
    `fit_transform(X, y)` is not `fit(X, y).transform(X)` where there are target statistics, as
    with scikit-learn's TargetEncoder.

    Columns of frames are found by name, in any order. A fitted transformer holds no row of X.

    Examples
    --------
    >>> import pandas as pd
    >>> from rosenblatt.preprocessing import TabularPreprocessor
    >>> X = pd.DataFrame({"size": [1.0, 2.0, None, 4.0], "kind": ["a", "b", "a", "c"]})
    >>> TabularPreprocessor(numerical_encoding=None).fit(X).get_feature_names_out().tolist()
    ['size_missing', 'size', 'kind_a', 'kind_b', 'kind_c']
    """

    __module__ = "rosenblatt.preprocessing"  # the public one: stored models name it

    columns_: list[ColumnSummary]
    source_of_output_: Array

    _parameter_rules: ClassVar[dict] = {
        "numerical_encoding": [None, Options(str, ENCODINGS)],
        "n_bins": [None, Interval(Integral, 2, None)],
        "categorical_features": [None, str, "array-like"],
        "max_categories": [Interval(Integral, 2, None)],
        "target_statistics": ["boolean", Options(str, ["auto"])],
        "cv": [Interval(Integral, 2, None), BaseCrossValidator, "array-like"],
        "target_type": [Options(str, TARGET_TYPES)],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        numerical_encoding: NumericalEncoding = "quantile",
        *,
        n_bins: int | None = None,
        categorical_features: CategoricalFeatures = "from_dtype",
        max_categories: int = 64,
        target_statistics: bool | Literal["auto"] = "auto",
        cv: Any = 5,
        target_type: TargetType = "auto",
        random_state: RandomState = None,
    ) -> None:
        self.numerical_encoding = numerical_encoding
        self.n_bins = n_bins
        self.categorical_features = categorical_features
        self.max_categories = max_categories
        self.target_statistics = target_statistics
        self.cv = cv
        self.target_type = target_type
        self.random_state = random_state

    def fit(
        self, X: Any, y: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Learn columns, bins, levels and statistics.

        Parameters
        ----------
        X : DataFrame of pandas or polars, or array-like, of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), or None, default=None
            For 'tree' and target statistics.
        sample_weight : array-like of shape (n_samples,), float or None, default=None

        Returns
        -------
        self
        """
        with self._unchanged_on_error():
            self._fit(X, y, sample_weight, transform=False)
        return self

    def fit_transform(
        self, X: Any, y: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> Array:
        """As `fit`, and the encoded rows of X, with target statistics of other folds' rows.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.

        Returns
        -------
        ndarray of float32 of shape (n_samples, n_features_out)
        """
        with self._unchanged_on_error():
            return self._fit(X, y, sample_weight, transform=True)

    def transform(self, X: Any) -> Array:
        """Encode rows of a table like that of `fit`.

        Parameters
        ----------
        X : DataFrame of pandas or polars, or array-like, of shape (n_samples, n_features)

        Returns
        -------
        ndarray of float32 of shape (n_samples, n_features_out)
        """
        check_is_fitted(self)
        table = self._reader.read(X)
        if self._statistics is not None:
            codes = table.codes[:, self._many]
            table = self._with_statistics(table, self._statistics.transform(codes))
        return self._encoder.transform(table)

    def _fit(self, X, y, sample_weight, *, transform):
        validate_parameters(self)
        reader = TableReader(type(self).__name__)
        n_rows = _n_rows(X)
        weights = None
        if sample_weight is not None and n_rows is not None:
            weights = checked_sample_weight(sample_weight, n_rows, np.float64)
        table = reader.fit_read(X, self.categorical_features, weights)
        self._reader = reader
        self._copy_names(reader)
        random_state = check_random_state(self.random_state)
        targets, n_classes = self._targets(y, table)
        table = self._learn_statistics(table, targets, n_classes, weights, random_state)
        self._encoder = ColumnEncoder(
            self.numerical_encoding or "none",
            n_bins=self.n_bins,
            classification=n_classes is not None,
            max_categories=self.max_categories,
            scaled_only=self._statistic_names if (n_classes or 2) > 2 else (),
            random_state=random_state,
        )
        fit = self._encoder.fit_transform if transform else self._encoder.fit
        encoded = fit(table, targets, weights)
        del self._encoder.random_state
        self.source_of_output_ = self._encoder.column_of_output
        return encoded

    def _copy_names(self, reader):
        self.columns_ = reader.columns_
        self.n_features_in_ = reader.n_features_in_
        if hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        if hasattr(reader, "feature_names_in_"):
            self.feature_names_in_ = reader.feature_names_in_

    def _targets(self, y, table):
        """(class indices or numbers or None, number of classes or None) of what y is used for."""
        self._many = self._columns_of_statistics(y, table)
        if y is None and self.__sklearn_tags__().target_tags.required:
            raise ValueError(
                f"{type(self).__name__} with numerical_encoding={self.numerical_encoding!r} and "
                f"target_statistics={self.target_statistics!r} requires y to be passed, but the "
                "target y is None."
            )
        if y is None:
            return None, None if self.target_type == "regression" else 2
        needed = self.numerical_encoding in ("tree", "coarse", "one_hot")
        if not self._many and not needed:
            return None, 2
        return checked_target(y, len(table), self.target_type)

    def _columns_of_statistics(self, y, table):
        if not self.target_statistics or y is None:
            return []
        least = MANY_LEVELS if self.target_statistics == "auto" else 2
        return [j for j, levels in enumerate(table.layout.levels) if len(levels) > least]

    def _learn_statistics(self, table, targets, n_classes, weights, random_state):
        """The table with its statistics, out of fold, as more numbers."""
        self._statistics, self._statistic_names, self._statistic_sources = None, (), ()
        if not self._many:
            return table
        wanted = indicators(targets, n_classes) if n_classes else targets.astype(np.float64)
        wanted = wanted.reshape(len(table), -1)
        folds = fold_of_rows(self.cv, targets, n_classes, random_state)
        self._statistics = TargetStatistics()
        layout, n_targets = table.layout, wanted.shape[1]
        tails = [""] if n_targets == 1 else [f"_{k}" for k in range(n_targets)]
        self._statistic_names = tuple(
            f"{layout.code_names[j]}_target{tail}" for j in self._many for tail in tails
        )
        self._statistic_sources = tuple(layout.code_sources[j] for j in self._many for _ in tails)
        codes = table.codes[:, self._many]
        out_of_fold = self._statistics.fit_transform(codes, wanted, folds, weights)
        return self._with_statistics(table, out_of_fold)

    def _with_statistics(self, table, numbers):
        return table.with_numbers(numbers, self._statistic_names, self._statistic_sources)

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> Array:
        """Names of the output columns: 'age', 'age_missing', 'age_bin0', 'city_Rome', ..

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Names of the input columns; None is feature_names_in_, or x0, x1, ..

        Returns
        -------
        ndarray of object of shape (n_features_out,)
        """
        check_is_fitted(self)
        names = checked_input_names(self, input_features)
        pairs = zip(self._encoder.names, self.source_of_output_, strict=True)
        named = [names[j] + name[len(self.columns_[j].name) :] for name, j in pairs]
        return np.array(named, dtype=object)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.target_tags.required = (
            self.numerical_encoding == "tree" or self.target_statistics is True
        )
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


def _n_rows(X):
    """The rows of X; None where it has no length, which the reader refuses."""
    shape = getattr(X, "shape", None)
    if shape:
        return shape[0]
    return len(X) if hasattr(X, "__len__") else None
