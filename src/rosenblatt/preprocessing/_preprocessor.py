"""The transformer from a raw table to the input of a network. It combines the reader, the target
statistics and the encoder, which are independent of each other.
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

from rosenblatt._base import RosenblattEstimator, checked_sample_weight
from rosenblatt._parameter_checks import Interval, Options, validate_parameters
from rosenblatt._types import Array, CategoricalFeatures, NumericalEncoding, RandomState, TargetType
from rosenblatt.preprocessing._checked_target import TARGET_TYPES, checked_target, fold_of_rows
from rosenblatt.preprocessing._encoder import ENCODINGS, ColumnEncoder
from rosenblatt.preprocessing._input_names import checked_input_names
from rosenblatt.preprocessing._table_reader import ColumnSummary, TableReader
from rosenblatt.preprocessing._target_statistics import (
    MANY_LEVELS,
    TargetStatistics,
    indicators,
)


class TabularPreprocessor(TransformerMixin, RosenblattEstimator):
    """Encode a raw table as a float32 matrix that suits a neural network.

    The input is a pandas or polars DataFrame with text, categories, dates, missing values and
    numbers of any scale, or an array. The dtype determines how a column is read: numbers
    (including nullable dtypes, Arrow dtypes and Decimal) are numbers; category, string, object and
    bool columns are categories; dates become year, month, day, weekday, hour and minute, as far as
    these vary, and the days since the earliest training row; durations become seconds.

    - Numbers are scaled as by `RobustSmoothScaler`, with missing values replaced by the median,
      and also encoded (see `numerical_encoding`). A column with missing values gets an indicator
      column: 1 if missing, -1 if not. A number with two values becomes -1 and 1.
    - A category with two levels becomes one column of -1 and 1, with 0 for a missing value or an
      unseen level. A category with more levels is one-hot encoded, with a column for missing
      values if the training rows had some. If there are more than 30 levels, those that occur in
      fewer than 3 rows are merged with the unseen levels. Levels are compared by value.
    - A category with many levels also gets target statistics: the mean target of each level,
      shrunk towards the overall mean. For the rows of `fit_transform` they are computed out of
      fold.
    - All columns are centred.
    - Columns that are constant, nearly constant or empty are dropped, and so is text that differs
      in nearly every row (with a warning). `columns_` lists how each column was handled.

    Parameters
    ----------
    numerical_encoding : {'quantile', 'tree', 'periodic', 'coarse', 'one_hot', 'none'} or None
        Encoding of numbers, in addition to the scaled value:

        - 'quantile' (default): piecewise-linear with 16 bins of equal weight, or an edge at each
          value if there are at most 32.
        - 'tree': piecewise-linear, with the at most 24 leaves of a decision tree as bins. Requires
          y.
        - 'coarse': piecewise-linear with 8 bins (an edge at each of at most 16 values); for
          regression 32 bins (64 values).
        - 'one_hot': one-hot with the bins of 'coarse'.
        - 'periodic': 12 cosines of random frequency and phase.
        - 'none' or None: no encoding.
    n_bins : int >= 2 or None, default=None
        Number of bins or cosines. None is the default of the encoding.
    categorical_features : 'from_dtype', array-like of str, int or bool, or None, \
default='from_dtype'
        Names, indices or a mask of the categories; all other columns are then numbers or dates.
        None means that no column is a category.
    max_categories : int >= 2, default=64
        Maximum number of columns per category. If there are more levels, the rarest share the last
        column.
    target_statistics : 'auto' or bool, default='auto'
        Which categories get target statistics. 'auto': those with more than 30 levels, if y is
        given. True: those with more than two levels (requires y). False: none.
    cv : int >= 2, cross-validator or list of (train, test), default=5
        Folds for the target statistics of `fit_transform`. An int draws stratified random folds. A
        cross-validator or list must test each row exactly once.
    target_type : {'auto', 'classification', 'regression'}, default='auto'
        Type of y. 'auto' treats integers and text as classes.
    random_state : int, RandomState or None, default=None
        Seeds the draws of folds and of the frequencies and phases of 'periodic'.

    Attributes
    ----------
    columns_ : list of ColumnSummary
        How each column was handled: `name`, `kind`, `detail`, `n_missing`, `used`.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of str of shape (n_features_in_,)
        Names of the features. Defined only if the column names of X are all strings.
    source_of_output_ : ndarray of int of shape (n_features_out,)
        The input column that each output column comes from.

    Notes
    -----
    With target statistics, `fit_transform(X, y)` differs from `fit(X, y).transform(X)`, as it does
    for scikit-learn's TargetEncoder.

    Columns of a DataFrame are matched by name and may be in any order. A fitted transformer stores
    no row of X.

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
        """Learn column kinds, bins, levels and target statistics.

        Parameters
        ----------
        X : DataFrame of pandas or polars, or array-like, of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), or None, default=None
            Target. Used by 'tree' and by target statistics.
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
        """Fit, and return the encoded rows of X with out-of-fold target statistics.

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
        """Encode the rows of a table that has the columns of `fit`.

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
        """(class indices, numbers or None if y is not used; number of classes or None)."""
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
        """The table with out-of-fold target statistics appended to its numbers."""
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
        """Names of the output columns: 'age', 'age_missing', 'age_bin0', 'city_Rome', ...

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
    """Number of rows of X, or None if X has no length (the reader then raises an error)."""
    shape = getattr(X, "shape", None)
    if shape:
        return shape[0]
    return len(X) if hasattr(X, "__len__") else None
