"""Validates the target y of a transformer and assigns rows to folds.
The targets of the estimators are validated elsewhere.
"""

# SPDX-License-Identifier: BSD-3-Clause
from numbers import Integral

import numpy as np
from sklearn.model_selection import check_cv
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_array, check_consistent_length, column_or_1d

TARGET_TYPES = ("auto", "classification", "regression")


def checked_target(y, n_rows, target_type):
    """Return class indices and the number of classes, or numbers and None for regression.

    Parameters
    ----------
    y : array-like of shape (n_rows,), or (n_rows, n_outputs) for regression
    n_rows : int
    target_type : {'auto', 'classification', 'regression'}
        'auto' follows scikit-learn's type_of_target: integers and text are classes.

    Raises
    ------
    ValueError
        If the length is wrong, or a value is missing or infinite.
    """
    if target_type == "auto":
        kind = type_of_target(y, input_name="y")
        target_type = "classification" if kind in ("binary", "multiclass") else "regression"
    if target_type == "classification":
        y = column_or_1d(y, warn=True)
        y = check_array(y, ensure_2d=False, dtype=None, input_name="y")
        classes, y = np.unique(y, return_inverse=True)
        n_classes = len(classes)
    else:
        y = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")
        n_classes = None
    check_consistent_length(np.empty(n_rows), y)
    return y, n_classes


def fold_of_rows(cv, y, n_classes, random_state):
    """The fold of every row.

    Parameters
    ----------
    cv : int, cross-validator or iterable of (train, test)
        An int draws stratified random folds.
    y : ndarray of shape (n,) or (n, n_outputs)
    n_classes : int or None
    random_state : RandomState

    Returns
    -------
    ndarray of intp of shape (n,)

    Raises
    ------
    ValueError
        If a row is tested in no fold, or in several.
    """
    folds = np.full(len(y), -1, dtype=np.intp)
    if isinstance(cv, Integral):
        order = random_state.permutation(len(y))
        if n_classes is not None:
            order = order[np.argsort(y[order], kind="stable")]
        folds[order] = np.arange(len(y)) % min(cv, len(y))
        return folds
    tests = [test for _, test in check_cv(cv).split(np.empty((len(y), 1)), y)]
    for fold, test in enumerate(tests):
        folds[test] = fold
    if (folds < 0).any() or sum(np.size(folds[test]) for test in tests) != len(y):
        raise ValueError(f"cv={cv!r} must test every row of X in exactly one fold.")
    return folds
