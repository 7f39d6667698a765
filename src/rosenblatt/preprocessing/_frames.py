"""Extracts the columns of pandas and polars data frames, arrays and lists: the kind of each column
by its dtype, and its cells as numbers, times or distinct values. Neither library is imported.
Nothing is learned from the values and no column is dropped.
"""

# SPDX-License-Identifier: BSD-3-Clause
import sys

import numpy as np
import scipy.sparse as sp
from sklearn.utils.validation import check_array

from rosenblatt.preprocessing._cells import (
    HOW_TO_FLATTEN,
    CellError,
    distinct_values,
    numbers_of,
    refuse_unhashable,
)
from rosenblatt.preprocessing._dates import times_of

NUMBER, CATEGORY, TEXT, DATE, DURATION = "number", "category", "text", "date", "duration"
_KIND_OF_NUMPY = {"b": CATEGORY, "i": NUMBER, "u": NUMBER, "f": NUMBER, "M": DATE, "m": DURATION}
# results of pandas.api.types.infer_dtype for object columns; any other result is a category
_KIND_OF_OBJECTS = {
    "integer": NUMBER,
    "floating": NUMBER,
    "mixed-integer-float": NUMBER,
    "decimal": NUMBER,
    "datetime": DATE,
    "datetime64": DATE,
    "date": DATE,
    "timedelta": DURATION,
    "timedelta64": DURATION,
    "string": TEXT,
}
_FEW_ROWS = 256  # below this, a loop over the cells is faster than pandas' methods


def open_table(X, owner):
    """X as a table of columns.

    Parameters
    ----------
    X : DataFrame of pandas or polars, array-like of shape (n_samples, n_features)
    owner : str
        The estimator's name, for messages.

    Returns
    -------
    PandasTable, PolarsTable or ArrayTable
        An object with `labels` (list), `has_names`, `n_rows`, `columns(positions)`, which returns
        a dict of columns (with fitted=True without their `kind`), and `matrix()`, which returns an
        ndarray of numbers, or None if not all columns are numeric.

    Raises
    ------
    ValueError, TypeError
        If X is sparse, complex, empty or not two-dimensional, or column names are duplicated.
    """
    if type(X) is np.ndarray and X.ndim == 2 and X.dtype.kind == "f" and X.size:
        return ArrayTable(X)
    if sp.issparse(X):
        raise TypeError(
            f"{owner} requires dense X, got a sparse matrix of shape {X.shape}. MLPClassifier and "
            "MLPRegressor accept sparse X; X.toarray() converts it to a dense array."
        )
    if _is_a(X, "pandas", "DataFrame"):
        return _checked(PandasTable(X), owner)
    if _is_a(X, "polars", "DataFrame"):
        return _checked(PolarsTable(X), owner)
    if _is_a(X, "polars", "LazyFrame"):
        raise TypeError(f"{owner} does not accept a polars LazyFrame. Call collect() on it first.")
    if hasattr(X, "to_pandas") and hasattr(X, "column_names"):  # pyarrow's Table
        return open_table(X.to_pandas(), owner)
    return ArrayTable(_as_array(X, owner))


def _is_a(X, library, name):
    kind = getattr(sys.modules.get(library), name, None)
    return kind is not None and isinstance(X, kind)


def _checked(table, owner):
    shape = (table.n_rows, len(table.labels))
    for count, axis in zip(shape, ("sample(s)", "feature(s)"), strict=True):
        if not count:
            raise ValueError(
                f"Found array with 0 {axis} (shape={shape}) while a minimum of 1 is required by "
                f"{owner}."
            )
    if len(set(table.labels)) < len(table.labels):
        twice = sorted({str(name) for name in table.labels if table.labels.count(name) > 1})
        raise ValueError(f"Column names must be unique, got duplicates: {', '.join(twice)}.")
    return table


def _as_array(X, owner):
    if np.ma.isMaskedArray(X):
        X = X.astype(np.float64).filled(np.nan)
    if isinstance(X, (list, tuple)) and np.asarray(X).dtype.kind in "USV":
        X = np.array(X, dtype=object)  # [1, "a"] would become text
    return check_array(X, dtype=None, ensure_all_finite=False, estimator=owner, input_name="X")


class ArrayTable:
    """An array: its columns are numbers (or times) unless the caller declares categories."""

    has_names = False

    def __init__(self, values):
        self.values = values
        self.n_rows, n_columns = values.shape
        self.labels = [f"x{j}" for j in range(n_columns)]

    def matrix(self):
        return self.values if self.values.dtype.kind in "biuf" else None

    def columns(self, wanted, *, fitted=False):
        return {j: ArrayColumn(self.values[:, j], self.labels[j]) for j in wanted}


class CellsColumn:
    """A column of Python objects, to be read with the kind that `fit` found."""

    def __init__(self, values, label):
        self.values = values
        self.label = label

    def numbers(self):
        return numbers_of(self.values, self.label)

    def times(self):
        return times_of(self.values, self.label)

    def seconds(self):
        return numbers_of([_seconds_of_cell(cell) for cell in self.values], self.label)

    def distinct(self):
        return distinct_values(self.values, self.label)

    def cells(self):
        """The cells if a loop over them is the fastest way to read levels, else None."""
        return self.values


class ArrayColumn(CellsColumn):
    """One column of an array."""

    def kind(self):
        return {"M": DATE, "m": DURATION}.get(self.values.dtype.kind, NUMBER)

    def seconds(self):
        return _seconds(self.values) if self.values.dtype.kind == "m" else super().seconds()

    def cells(self):
        return self.values.tolist()


def _seconds_of_cell(cell):
    """The seconds of a timedelta; any other cell unchanged."""
    return cell.total_seconds() if hasattr(cell, "total_seconds") else cell


def _seconds(durations):
    """timedelta64 as float64 seconds, NaN for NaT."""
    return durations / np.timedelta64(1, "s")


class PandasTable:
    """A pandas DataFrame."""

    def __init__(self, frame):
        self.frame = frame
        self.labels = frame.columns.tolist()
        self.has_names = _has_names(self.labels)
        self.n_rows = len(frame)

    def matrix(self):
        dtypes = set(self.frame.dtypes.tolist())
        if all(isinstance(dtype, np.dtype) and dtype.kind in "iuf" for dtype in dtypes):
            return self.frame.to_numpy()
        return None

    def columns(self, wanted, *, fitted=False):
        wanted = set(wanted)
        if fitted and self.n_rows == 1:
            row = self.frame.iloc[0]  # four times as fast as column by column
            if row.dtype == object:  # otherwise integers may have been cast to floats
                cells = row.tolist()
                return {j: CellsColumn([cells[j]], self.labels[j]) for j in wanted}
        if 2 * len(wanted) > len(self.labels):  # iterating over all is twice as fast as selecting
            walk = enumerate(self.frame.items())
            return {j: PandasColumn(series, label) for j, (label, series) in walk if j in wanted}
        return {j: PandasColumn(self.frame.iloc[:, j], self.labels[j]) for j in wanted}


class PandasColumn:
    """One column of a pandas DataFrame."""

    def __init__(self, series, label):
        self.series = series
        self.label = label

    def kind(self):
        return _pandas_kind(self.series, self.label)

    def numbers(self):
        series = self.series
        dtype = series.dtype
        if isinstance(dtype, np.dtype) and dtype.kind in "biuf":
            return series.to_numpy().astype(np.float64)
        if dtype.kind in "biuf" and not hasattr(dtype, "categories"):
            if hasattr(dtype, "subtype"):  # sparse
                return np.asarray(series, dtype=np.float64)
            return series.to_numpy(dtype=np.float64, na_value=np.nan)
        return numbers_of(series.tolist(), self.label)

    def times(self):
        dtype = self.series.dtype
        if isinstance(dtype, np.dtype) and dtype.kind == "M":
            return self.series.to_numpy().astype("M8[us]")
        if type(dtype).__name__ == "DatetimeTZDtype":
            return self.series.to_numpy(dtype="M8[us]")  # in UTC
        if type(dtype).__name__ == "PeriodDtype":
            return self.series.dt.to_timestamp().to_numpy().astype("M8[us]")
        return times_of(self.series.tolist(), self.label)

    def seconds(self):
        dtype = self.series.dtype
        if isinstance(dtype, np.dtype) and dtype.kind == "m":
            return _seconds(self.series.to_numpy())
        if dtype.kind == "m":
            nat = np.timedelta64("NaT")
            return _seconds(self.series.to_numpy(dtype="m8[us]", na_value=nat))
        return numbers_of([_seconds_of_cell(cell) for cell in self.series.tolist()], self.label)

    def distinct(self):
        series = self.series
        if type(series.dtype).__name__ == "CategoricalDtype":
            return series.cat.codes.to_numpy(), series.cat.categories.tolist()
        try:
            codes, distinct = series.factorize()
        except TypeError:
            refuse_unhashable(self.label, series.tolist())
        return codes, distinct.tolist()

    def cells(self):
        return self.series.tolist() if len(self.series) < _FEW_ROWS else None


def _pandas_kind(series, label):
    """The kind of a pandas column by its dtype, or by its cells if the dtype is object."""
    dtype = series.dtype
    name = type(dtype).__name__
    if name in ("CategoricalDtype", "IntervalDtype"):
        return CATEGORY
    if name in ("DatetimeTZDtype", "PeriodDtype"):
        return DATE
    if name == "StringDtype":
        return TEXT
    arrow = getattr(dtype, "pyarrow_dtype", None)
    if arrow is not None:
        return _arrow_kind(dtype, arrow, label)
    if dtype.kind == "c":
        raise ValueError(f"Complex data not supported: column {label!r} is {dtype}.")
    if not (isinstance(dtype, np.dtype) and dtype.kind == "O"):
        return _KIND_OF_NUMPY.get(getattr(dtype, "subtype", dtype).kind, CATEGORY)
    inferred = sys.modules["pandas"].api.types.infer_dtype(series, skipna=True)
    if inferred == "complex":
        raise ValueError(f"Complex data not supported: column {label!r} holds complex numbers.")
    return _KIND_OF_OBJECTS.get(inferred, CATEGORY)


def _arrow_kind(dtype, arrow, label):
    if arrow.num_fields:
        raise CellError(
            f"Column {label!r} has the nested type {arrow}: {HOW_TO_FLATTEN}, or drop the column."
        )
    if str(arrow).startswith("decimal"):
        return NUMBER
    return TEXT if dtype.kind == "U" else _KIND_OF_NUMPY.get(dtype.kind, CATEGORY)


class PolarsTable:
    """A polars DataFrame."""

    has_names = True

    def __init__(self, frame):
        self.frame = frame
        self.labels = list(frame.columns)
        self.n_rows = frame.height

    def matrix(self):
        if all(dtype.is_float() or dtype.is_integer() for dtype in self.frame.dtypes):
            return self.frame.to_numpy()  # nulls become NaN
        return None

    def columns(self, wanted, *, fitted=False):
        return {j: PolarsColumn(self.frame.to_series(j), self.labels[j]) for j in wanted}


class PolarsColumn:
    """One column of a polars DataFrame."""

    def __init__(self, series, label):
        self.series = series
        self.label = label
        self.type = series.dtype.base_type().__name__

    def kind(self):
        if self.series.dtype.is_nested() or self.type == "Object":
            raise CellError(
                f"Column {self.label!r} has the type {self.series.dtype}: {HOW_TO_FLATTEN}, or "
                "drop the column."
            )
        if self.series.dtype.is_numeric():
            return NUMBER
        kinds = {"String": TEXT, "Date": DATE, "Datetime": DATE}
        kinds.update(Duration=DURATION, Time=DURATION)
        return kinds.get(self.type, CATEGORY)

    def numbers(self):
        if self.series.dtype.is_numeric() or self.type == "Boolean":
            return self._cast("Float64").to_numpy()
        return numbers_of(self.series.to_list(), self.label)

    def times(self):
        if self.type in ("Date", "Datetime"):
            zoned = getattr(self.series.dtype, "time_zone", None)
            series = self.series.dt.convert_time_zone("UTC") if zoned else self.series
            series = series.dt.replace_time_zone(None) if zoned else series
            return series.cast(sys.modules["polars"].Datetime("us")).to_numpy()
        return times_of(self.series.to_list(), self.label)

    def seconds(self):
        if self.type == "Time":
            return self.series.to_physical().cast(sys.modules["polars"].Float64).to_numpy() / 1e9
        if self.type == "Duration":
            return _seconds(self.series.to_numpy())
        return self.numbers()

    def distinct(self):
        return distinct_values(self.series.to_list(), self.label)

    def cells(self):
        return self.series.to_list()

    def _cast(self, name):
        return self.series.cast(getattr(sys.modules["polars"], name))


def _has_names(labels):
    """Whether all labels are text.

    Raises
    ------
    TypeError
        If only some labels are text.
    """
    kinds = sorted({type(label).__name__ for label in labels})
    if all(isinstance(label, str) for label in labels):
        return True
    if any(isinstance(label, str) for label in labels):
        raise TypeError(
            "Feature names are only supported if all input features have string names, but your "
            f"input has {kinds} as feature name / column name types. Convert them all to strings, "
            "by using X.columns = X.columns.astype(str) for example."
        )
    return False
