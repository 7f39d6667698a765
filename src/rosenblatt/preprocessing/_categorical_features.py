"""Resolves `categorical_features` as HistGradientBoosting does: names, indices or a mask.
'from_dtype' is not resolved here.
"""

# SPDX-License-Identifier: BSD-3-Clause
import numpy as np


def categorical_mask(categorical_features, labels, has_names):
    """Mask of the categorical columns.

    Parameters
    ----------
    categorical_features : 'from_dtype', None, or array-like of str, int or bool
    labels : list
        The columns' labels.
    has_names : bool
        Whether the labels are names.

    Returns
    -------
    ndarray of bool of shape (n_features,) or None
        None for 'from_dtype'.

    Raises
    ------
    ValueError
        If a name is not a column of X, an index is out of range, a mask has the wrong length, or
        the type is not supported.
    """
    n_features = len(labels)
    mask = np.zeros(n_features, dtype=bool)
    if isinstance(categorical_features, str):
        if categorical_features == "from_dtype":
            return None
        raise ValueError(_allowed(categorical_features))
    if categorical_features is None:
        return mask
    given = np.asarray(categorical_features)
    if given.ndim != 1:
        raise ValueError(_allowed(categorical_features))
    if not given.size:
        return mask
    if given.dtype.kind == "b":
        if len(given) != n_features:
            raise ValueError(
                "categorical_features set as a boolean mask must have shape (n_features,), got: "
                f"{given.shape} for {n_features} features."
            )
        return given.copy()
    if given.dtype.kind in "iu":
        if given.min() < 0 or given.max() >= n_features:
            raise ValueError(
                "categorical_features set as integer indices must be in [0, n_features - 1], got "
                f"{given.tolist()} for {n_features} features."
            )
        mask[given] = True
        return mask
    if not all(isinstance(name, str) for name in given.tolist()):
        raise ValueError(_allowed(categorical_features))
    return _mask_of_names(given.tolist(), labels, has_names)


def _mask_of_names(names, labels, has_names):
    if not has_names:
        raise ValueError(
            f"categorical_features={names!r} names columns, but X has no column names. Pass "
            "indices or a mask, or pass X as a DataFrame."
        )
    unknown = [name for name in names if name not in labels]
    if unknown:
        raise ValueError(
            f"categorical_features names {unknown[0]!r}, which is not a column of X. The columns "
            f"are {labels[:20]}{' and others' * (len(labels) > 20)}."
        )
    return np.isin(np.array(labels, dtype=object), names)


def _allowed(given):
    return (
        "categorical_features must be 'from_dtype', None, or an array-like of names, of integer "
        f"indices or of bools (a mask), got {given!r}."
    )
