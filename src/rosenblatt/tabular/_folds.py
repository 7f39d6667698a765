"""Assigns rows to folds: stratified, or such that each group is in one fold.

It only computes fold numbers; the plan decides which network leaves out which fold.
"""

# SPDX-License-Identifier: BSD-3-Clause
import numpy as np
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold


def fold_numbers(order, n_folds, random_state):
    """The fold of each row, such that each class or range of `order` is spread evenly.

    Rows are shuffled, sorted by `order` with ties in shuffled order, and dealt to the folds in
    turn. Unlike scikit-learn's StratifiedKFold, this supports classes with a single row, and
    numeric targets.

    Parameters
    ----------
    order : ndarray of shape (n_samples,)
        Class numbers, or a target.
    n_folds : int
    random_state : numpy.random.RandomState

    Returns
    -------
    folds : ndarray of int32 of shape (n_samples,)
    """
    n_samples = len(order)
    shuffled = random_state.permutation(n_samples)
    by_order = shuffled[np.argsort(order[shuffled], kind="stable")]
    # each block of n_folds consecutive rows is dealt in its own random order
    deals = random_state.random_sample((-(-n_samples // n_folds), n_folds)).argsort(axis=1)
    folds = np.empty(n_samples, np.int32)
    folds[by_order] = deals.ravel()[:n_samples]
    return folds


def grouped_fold_numbers(order, groups, n_folds, random_state, *, stratify):
    """The fold of each row, such that the rows of a group share a fold.

    Parameters
    ----------
    order : ndarray of shape (n_samples,)
        Class numbers or a target.
    groups : ndarray of shape (n_samples,)
    n_folds : int
    random_state : numpy.random.RandomState
    stratify : bool
        Whether classes are spread evenly over the folds.

    Raises
    ------
    ValueError
        If there is only one group.
    """
    n_groups = len(np.unique(groups))
    if n_groups < 2:
        raise ValueError(
            "groups must contain at least 2 groups with rows of nonzero weight, got "
            f"{n_groups}. Omit groups, or pass X_val and y_val."
        )
    n_folds = min(n_folds, n_groups)
    seed = random_state.randint(2**31 - 1)
    if stratify and np.bincount(order).max() >= n_folds:
        splitter = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
    else:
        splitter = GroupKFold(n_folds, shuffle=True, random_state=seed)
    folds = np.empty(len(order), np.int32)
    for number, (_, held_out) in enumerate(splitter.split(order[:, None], order, groups)):
        folds[held_out] = number
    return folds
