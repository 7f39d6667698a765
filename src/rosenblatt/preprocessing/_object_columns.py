"""Reads single columns whose cells are Python objects: numbers and distinct values out of lists and
object arrays, with errors that name the column. Knows nothing of frames; times are in _dates.py.
"""

# SPDX-License-Identifier: BSD-3-Clause
import math

import numpy as np

_CONTAINERS = (list, dict, set, tuple, np.ndarray)


class CellError(ValueError, TypeError):
    """A cell holds what no column can be read from."""


def is_missing(value):
    """Whether a cell is None, NaN (of any type), NaT or pandas' NA."""
    if value is None:
        return True
    try:
        return bool(value != value)
    except (TypeError, ValueError):  # pandas.NA is neither true nor false
        return type(value).__name__ == "NAType"


def refuse_container(label, row, value):
    """Raises CellError."""
    raise CellError(
        f"Column {label!r} holds a {type(value).__name__} in row {row}, {value!r}: every cell, as "
        "an argument must be a string or a number (or None, a date, a truth value), no container."
    )


def refuse_unhashable(label, values):
    """Raises CellError for the first of the values that has no hash."""
    for row, value in enumerate(values):
        try:
            hash(value)
        except TypeError:
            refuse_container(label, row, value)
    raise AssertionError("all values have a hash")


def numbers_of(values, label):
    """The cells as float64, NaN where they are missing.

    Parameters
    ----------
    values : sequence, or ndarray of any type
    label : object
        The column's name, for messages.

    Raises
    ------
    ValueError
        For a cell that is no number and no text that reads as one.
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
            f"Column {label!r} is read as numbers and holds {value!r} in row {row}. Text is taken "
            "as a category where X is a DataFrame, or where categorical_features names the column."
        ) from None


def distinct_values(values, label):
    """Number the distinct cells in the order in which they come.

    Cells are compared as Python compares them: 1, 1.0 and True are one value, '1' is another.

    Returns
    -------
    codes : ndarray of intp of shape (n,)
        -1 for missing cells.
    distinct : list

    Raises
    ------
    CellError
        For a list, a dict or another value without a hash.
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
