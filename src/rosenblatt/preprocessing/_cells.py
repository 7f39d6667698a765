"""Reads numbers and distinct values from single columns of Python objects (lists, object arrays),
with errors that name the column. It does not handle data frames; times are read in _dates.py.
"""

# SPDX-License-Identifier: BSD-3-Clause
import math
import reprlib

import numpy as np

HOW_TO_FLATTEN = "put the values of lists and dicts into columns of their own"
_CONTAINERS = (list, dict, set, tuple, np.ndarray)


class CellError(ValueError, TypeError):
    """A cell has a value that cannot be part of a column."""


def is_missing(value):
    """Whether a cell is None, NaN (of any type), NaT or pandas' NA."""
    if value is None:
        return True
    try:
        return bool(value != value)
    except (TypeError, ValueError):  # the truth value of pandas.NA is undefined
        return type(value).__name__ == "NAType"


def refuse_container(label, row, value):
    """Raise CellError for a cell that holds a list, a dict or another container."""
    raise CellError(
        f"Column {label!r} holds a {type(value).__name__} in row {row}, {reprlib.repr(value)}. "
        "Each cell of the argument must be a string or a number, or a date, a truth value or None: "
        f"{HOW_TO_FLATTEN}, or drop the column."
    )


def refuse_unhashable(label, values):
    """Raise CellError for the first value that is not hashable."""
    for row, value in enumerate(values):
        try:
            hash(value)
        except TypeError:
            refuse_container(label, row, value)
    raise AssertionError("all values have a hash")


def numbers_of(values, label):
    """The cells as float64, with NaN for missing cells.

    Parameters
    ----------
    values : sequence, or ndarray of any type
    label : object
        The column's name, for messages.

    Raises
    ------
    ValueError
        If a cell is neither a number nor text that can be parsed as one.
    """
    values = np.asarray(values) if isinstance(values, np.ndarray) else _object_array(values)
    try:
        with np.errstate(over="ignore"):
            return values.astype(np.float64, copy=False)
    except (TypeError, ValueError, OverflowError):
        cells = enumerate(values.tolist())
        return np.array([_number(value, label, row) for row, value in cells], dtype=np.float64)


def _object_array(values):
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _number(value, label, row):
    if is_missing(value):
        return math.nan
    if isinstance(value, _CONTAINERS):
        refuse_container(label, row, value)
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
    except (TypeError, ValueError):
        raise ValueError(
            f"Column {label!r} is numeric but holds {value!r} in row {row}. Text is treated as a "
            "category if X is a DataFrame, or if categorical_features includes the column."
        ) from None


def distinct_values(values, label):
    """Number the distinct cells in order of first appearance.

    Cells are compared with ==: 1, 1.0 and True are one value, '1' is another.

    Returns
    -------
    codes : ndarray of intp of shape (n,)
        -1 for missing cells.
    distinct : list

    Raises
    ------
    CellError
        If a cell is a list, a dict or another value that is not hashable.
    """
    if isinstance(values, np.ndarray) and values.dtype.kind in "biuf":
        return _distinct_numbers(values)
    if isinstance(values, np.ndarray):
        values = values.tolist()
    try:
        order = dict.fromkeys(values)
    except TypeError:
        refuse_unhashable(label, values)
    distinct = [value for value in order if not is_missing(value)]
    order = {value: code for code, value in enumerate(distinct)}
    codes = np.fromiter((order.get(value, -1) for value in values), np.intp, len(values))
    return codes, distinct


def _distinct_numbers(values):
    present = ~np.isnan(values) if values.dtype.kind == "f" else np.ones(len(values), dtype=bool)
    distinct, codes = np.unique(values[present], return_inverse=True)
    full = np.full(len(values), -1, dtype=np.intp)
    full[present] = codes.reshape(-1)
    return full, distinct.tolist()
