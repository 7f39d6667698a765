"""Says which column of X, or that y, holds text where numbers are needed, and what takes it.

It is asked after a conversion has failed, and converts nothing.
"""

# SPDX-License-Identifier: BSD-3-Clause
import contextlib
import datetime

import numpy as np
from sklearn.base import is_regressor

_MOST_NAMED = 5  # columns of a message
_WORDS_OF_CONVERSION = ("could not convert", "float() argument", "setting an array element")
_CONTAINERS = (list, dict, set, tuple, np.ndarray)


@contextlib.contextmanager
def telling_what_is_no_number(estimator, X, y=None):
    """A context in which X, and y of a regressor, are converted to numbers.

    Raises
    ------
    ValueError
        In place of an error of the block, if a value is no number; TypeError for a container.
    """
    try:
        yield
    except (ValueError, TypeError) as error:
        if not _is_about_conversion(error):
            raise
        message, value = _found_in(estimator, X, y)
        if message is None:
            raise
        raise (TypeError if isinstance(value, _CONTAINERS) else ValueError)(message) from error


def first_that_is_no_number(values):
    """The first value that `float` does not take, missing ones left aside; None if there is none.

    Arrays of text are text, whatever it says.
    """
    values = np.asarray(values)
    if values.dtype.kind in "biufc":
        return None
    if values.dtype.kind in "USmM":
        return values.ravel()[0] if values.size else None
    for value in values.ravel():
        try:
            float(value)
        except (TypeError, ValueError):
            if value is not None and type(value).__name__ != "NAType":
                return value
    return None


def target_of_no_numbers(name, value, regressor):
    """The message about a value in the target of a regressor; `regressor` is its class's name."""
    return (
        f"{name} must hold numbers, got {_kind_of(value)}, {_shown(value)} for example. "
        f"{regressor} predicts numbers; to predict classes, use "
        f"{regressor.replace('Regressor', 'Classifier')}."
    )


def _is_about_conversion(error):
    promotes = type(error).__name__ == "DTypePromotionError"
    return promotes or any(words in str(error) for words in _WORDS_OF_CONVERSION)


def _found_in(estimator, X, y):
    """(message, value) of what is no number; (None, None) if there is nothing."""
    found = []
    for label, values in _columns(X):
        value = first_that_is_no_number(values)
        if value is not None:
            found.append((label, value))
    if found:
        return _message_of_columns(estimator, found), found[0][1]
    if y is not None and is_regressor(estimator):
        value = first_that_is_no_number(y)
        if value is not None:
            return target_of_no_numbers("y", value, type(estimator).__name__), value
    return None, None


def _columns(X):
    """(label or number, values) of each column of a frame, an array or nested lists."""
    if getattr(X, "columns", None) is not None:
        for j, label in enumerate(X.columns):
            yield label, X.iloc[:, j] if hasattr(X, "iloc") else X[label]
        return
    rows = np.empty(0)
    with contextlib.suppress(ValueError):
        rows = np.asarray(X, dtype=object)
    if rows.ndim == 2:
        yield from enumerate(rows.T)
    elif rows.ndim == 1 and isinstance(first_that_is_no_number(rows), str):
        yield 0, rows


def _message_of_columns(estimator, found):
    (label, value), name = found[0], type(estimator).__name__
    labels = [label for label, _ in found]
    others = ""
    if len(found) > 1:
        more = ", ".join(map(repr, labels[1:_MOST_NAMED])) + ", ..." * (len(found) > _MOST_NAMED)
        others = f" (also {more})"
    start = (
        f"Column {label!r} of X holds {_kind_of(value)}, {_shown(value)} for example{others}, and "
        f"{name} takes numbers only. "
    )
    if isinstance(value, _CONTAINERS):
        return (
            f"{start}Each cell of the argument must be a string or a number: put the values of "
            f"lists and dicts into columns of their own, or drop {label!r}."
        )
    table = "TabularMLPRegressor" if is_regressor(estimator) else "TabularMLPClassifier"
    return (
        f"{start}{table} takes such tables as they are. Or encode the columns first: "
        "make_pipeline(make_column_transformer((OneHotEncoder(handle_unknown='ignore'), "
        f"{labels[:_MOST_NAMED]!r}), remainder='passthrough'), {name}())."
    )


def _kind_of(value):
    if isinstance(value, (str, bytes)):
        return "text"
    if isinstance(value, (np.datetime64, datetime.date)):
        return "dates"
    return f"a {type(value).__name__}"


def _shown(value):
    return repr(value.item() if isinstance(value, np.str_) else value)
