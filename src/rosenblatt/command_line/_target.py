"""Finds the target column and the task, and splits the rows into a training and a test set."""

# SPDX-License-Identifier: BSD-3-Clause
import difflib
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pandas.api import types
from sklearn.model_selection import train_test_split

from rosenblatt.command_line._text import DataError, count, quoted, shortened
from rosenblatt.command_line._training import TEST_SIZE

MIN_ROWS = 20
MAX_GUESSED_CLASSES = 20
# beyond this the variance overflows and standardisation fails
LARGEST_VALUE = 1e100


@dataclass(frozen=True)
class Problem:
    """A training and a test set.

    Attributes
    ----------
    target : str or int
        The column's label in the frame.
    task : {'classification', 'regression'}
    n_without_target : int
        Number of rows that are dropped because the target is missing.
    X_train, X_test : pandas.DataFrame
    y_train, y_test : ndarray
    """

    target: object
    task: str
    n_without_target: int
    X_train: pd.DataFrame
    X_test: pd.DataFrame
    y_train: np.ndarray
    y_test: np.ndarray

    @property
    def is_classification(self):
        """Whether the score is the accuracy; otherwise it is R2."""
        return self.task == "classification"

    @property
    def rows(self):
        """The rows in the form that `train` requires."""
        return self.X_train, self.X_test, self.y_train, self.y_test


def open_problem(frame, target, task, random_state):
    """The Problem of a table.

    Parameters
    ----------
    frame : pandas.DataFrame
    target : str or None
        Name or index of a column; negative indices count from the end.
    task : {'classification', 'regression'} or None
        None guesses it from the target.
    random_state : int

    Raises
    ------
    DataError
        If the target cannot be predicted.
    """
    label = find_target(frame, target)
    if frame.shape[1] == 1:
        raise DataError(f"{quoted(label)} is the only column; there is nothing to predict it from")
    has_target = frame[label].notna().to_numpy()
    frame = frame[has_target].reset_index(drop=True)
    if len(frame) < MIN_ROWS:
        having = "" if has_target.all() else f" with a value in {quoted(label)}"
        raise DataError(
            f"there {'is' if len(frame) == 1 else 'are'} {count(len(frame), 'row')} of data"
            f"{having}; at least {MIN_ROWS} are needed"
        )
    task = task or guess_task(frame[label])
    y = _classes(frame[label]) if task == "classification" else _numbers(frame[label])
    if len(np.unique(y)) == 1:
        raise DataError(
            f"column {quoted(label)} is {quoted(y[0])} in every row; there is nothing to learn"
        )
    X = frame.drop(columns=label)
    is_class = task == "classification"
    train, test = _parts(y, is_class, label, random_state)
    n_without = int((~has_target).sum())
    return Problem(label, task, n_without, X.iloc[train], X.iloc[test], y[train], y[test])


def find_target(frame, target):
    """The label of the column whose name or index is ``target``."""
    labels = list(frame.columns)
    names = [str(label) for label in labels]
    # the first and the last columns, because the target is often there
    shown = [shortened(name, 40) for name in names]
    known = ", ".join(shown if len(names) <= 20 else [*shown[:15], "...", *shown[-5:]])
    if target is None:
        raise DataError(f"--target must name the column to predict; the columns are: {known}")
    if target in names:
        return labels[names.index(target)]
    try:
        return labels[range(len(names))[int(target)]]
    except (ValueError, IndexError):
        nearest = _nearest(target, names)
        hint = f", did you mean {quoted(nearest)}? The" if nearest else "; the"
        raise DataError(f"no column {quoted(target)}{hint} columns are: {known}") from None


def _nearest(target, names):
    lower = {name.lower(): name for name in names}
    found = difflib.get_close_matches(target.lower(), lower, n=1)
    return lower[found[0]] if found else None


def guess_task(column):
    """Classification for text or few distinct integers, regression for other numbers."""
    if types.is_bool_dtype(column):
        return "classification"
    if types.is_numeric_dtype(column):
        distinct = column.unique().astype(float)
        few = len(distinct) <= min(MAX_GUESSED_CLASSES, len(column) / 2)
        return "classification" if few and np.all(distinct == np.rint(distinct)) else "regression"
    _refuse_dates(column)
    if not isinstance(column.dtype, pd.CategoricalDtype):
        is_number = pd.to_numeric(column, errors="coerce").notna()
        if is_number.mean() > 0.5:
            raise DataError(
                f"{_cell(column, ~is_number)} is text in a column of numbers; correct it, or add "
                "--task classification if the numbers are classes"
            )
    return "classification"


def _refuse_dates(column):
    if types.is_datetime64_any_dtype(column) or types.is_timedelta64_dtype(column):
        raise DataError(
            f"column {quoted(column.name)} contains dates or times; to predict them, convert them "
            "to numbers, such as days since a first day"
        )


def _cell(column, mask):
    """The first value for which the mask is true, with its position."""
    row = int(np.flatnonzero(mask)[0])
    return f"column {quoted(column.name)}, row {row + 1} of the data: {quoted(column.iloc[row])}"


def _classes(column):
    """The labels as a NumPy array, converted to text if they cannot be sorted."""
    labels = column.to_numpy()
    if labels.dtype != object:
        return labels
    try:
        np.unique(labels)
    except TypeError:  # of several types
        return labels.astype(str)
    return labels


def _numbers(column):
    _refuse_dates(column)
    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    if np.isnan(values).any():
        raise DataError(
            f"{_cell(column, np.isnan(values))} is not a number; regression requires numbers"
        )
    too_large = np.abs(values) > LARGEST_VALUE
    if too_large.any():
        raise DataError(f"{_cell(column, too_large)} is too large or infinite; correct the value")
    return values


def _parts(y, is_classification, label, random_state):
    """Row numbers of the training and the test set, stratified by class.

    A class with a single row is in the training set.
    """
    rows, alone, shares = np.arange(len(y)), [], None
    if is_classification:
        classes, indices, counts = np.unique(y, return_inverse=True, return_counts=True)
        if len(classes) > TEST_SIZE * len(y):
            raise DataError(
                f"{count(len(y), 'row')} are too few for the {len(classes):,} classes of column "
                f"{quoted(label)}; at least {round(len(classes) / TEST_SIZE):,} are needed"
            )
        is_alone = counts[indices] == 1
        rows, alone, shares = rows[~is_alone], rows[is_alone], y[~is_alone]
    train, test = train_test_split(
        rows, test_size=TEST_SIZE, stratify=shares, random_state=random_state
    )
    return np.concatenate([train, alone]).astype(int), test
