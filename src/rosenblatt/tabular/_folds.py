"""Divides rows into folds: stratified, or such that groups stay whole.

Only numbers of folds are computed; which network leaves out which fold is the plan's.
"""

# SPDX-License-Identifier: BSD-3-Clause
import numpy as np
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold


def fold_numbers(order, n_folds, random_state):
    """Each row's fold, such that all folds have about the same share of every class or level.

    Rows are shuffled, sorted by `order` with ties left as shuffled, and dealt to the folds in
    turn. Unlike scikit-learn's StratifiedKFold this takes classes of one row, and numbers.

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
    # each block of n_folds neighbours is dealt in an order of its own
    deals = random_state.random_sample((-(-n_samples // n_folds), n_folds)).argsort(axis=1)
    folds = np.empty(n_samples, np.int32)
    folds[by_order] = deals.ravel()[:n_samples]
    return folds


def grouped_fold_numbers(order, groups, n_folds, random_state, *, stratify):
    """Each row's fold, where rows of one group share it.

    Parameters
    ----------
    order : ndarray of shape (n_samples,)
        Class numbers or a target.
    groups : ndarray of shape (n_samples,)
    n_folds : int
    random_state : numpy.random.RandomState
    stratify : bool
        Whether classes shall have about the same share in every fold.

    Raises
    ------
    ValueError
        For a single group, which cannot be divided.
    """
    n_groups = len(np.unique(groups))
    if n_groups < 2:
        raise ValueError(
            f"groups must name at least 2 groups whose rows weigh something, got {n_groups}. Leave "
            "groups out, or give X_val and y_val."
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
