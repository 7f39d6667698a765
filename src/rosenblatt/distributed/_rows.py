"""The rows of a training that are in several places: blocks of one process, shares of several.

The properties of each process's rows are compared here, and inconsistent rows are rejected. Only
counts, labels and single rows are exchanged. There is no training here.
"""

# SPDX-License-Identifier: BSD-3-Clause
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from rosenblatt._classes import checked_labels
from rosenblatt.core.examples import Examples


class RowBlocks:
    """Vertically stacked blocks of dense rows that are never concatenated.

    Parameters
    ----------
    blocks : list of ndarray of shape (n_rows, n_features)
        Blocks with the same dtype and number of columns.
    """

    def __init__(self, blocks):
        self.blocks = blocks
        self.starts = np.cumsum([0, *map(len, blocks)])
        self.shape = int(self.starts[-1]), blocks[0].shape[1]
        self.dtype = blocks[0].dtype

    def __getitem__(self, rows):
        """A copy of the given rows."""
        rows = np.asarray(rows)
        taken = np.empty((len(rows), self.shape[1]), dtype=self.dtype)
        which = np.searchsorted(self.starts, rows, side="right") - 1
        for i in np.unique(which):
            here = which == i
            taken[here] = self.blocks[i][rows[here] - self.starts[i]]
        return taken


def put_together(parts):
    """Combine several TrainingData into one; X is copied only if it is sparse."""
    first = parts[0]
    if len(parts) == 1:
        return first
    X = [part.X for part in parts]
    return replace(
        first,
        X=sp.vstack(X, format="csr") if sp.issparse(first.X) else RowBlocks(X),
        **{
            name: None
            if getattr(first, name) is None
            else np.concatenate([getattr(part, name) for part in parts])
            for name in ("y", "targets", "sample_weight", "strata")
        },
    )


def batch_of(data, examples, weights, rows):
    """(Examples, row numbers in them) of a batch; the rows of blocks are copied."""
    if not isinstance(data.X, RowBlocks):
        return examples, rows
    weights = None if weights is None else weights[rows]
    return Examples(data.X[rows], data.targets[rows], weights), np.arange(len(rows))


@dataclass(frozen=True)
class Share:
    """Properties of the rows of one process or partition, before they are encoded.

    Attributes
    ----------
    n_rows : int
    labels : ndarray or None
        The sorted labels of a classifier; None for a regressor, or if there are no rows.
    is_multilabel, has_weights : bool
    sample : tuple or None
        The first row as (X, y).
    """

    n_rows: int
    labels: object = None
    is_multilabel: bool = False
    has_weights: bool = False
    sample: object = None


def share_of(X, y, sample_weight, is_classifier):
    """The Share of the rows that the user passed."""
    n_rows = X.shape[0] if hasattr(X, "shape") else len(X)
    if n_rows == 0:
        return Share(0)
    labels, is_multilabel = None, False
    if is_classifier:
        values = y if sp.issparse(y) else np.asarray(y)
        if values.ndim == 2 and values.shape[1] == 1 and not sp.issparse(values):
            values = values.ravel()
        _, labels, is_multilabel = checked_labels(values)
    sample = X[:1] if not hasattr(X, "iloc") else X.iloc[:1], first_of(y)
    return Share(n_rows, labels, is_multilabel, sample_weight is not None, sample)


def first_of(y):
    """The first target, as the y of a single row."""
    return y.iloc[:1] if hasattr(y, "iloc") else y[:1]


def labels_of(shares):
    """The sorted labels of all shares, and whether they are columns of an indicator matrix.

    Raises
    ------
    ValueError
        If shares mix numbers and strings, or labels and indicator matrices.
    """
    told = [share for share in shares if share.labels is not None]
    if not told:
        raise ValueError("No part of the data has rows.")
    if len({share.is_multilabel for share in told}) > 1:
        raise ValueError(
            "y must be an indicator matrix in all parts of the data, or 1-d labels in all parts."
        )
    if len({share.labels.dtype.kind in "biuf" for share in told}) > 1:
        raise ValueError(
            "y must contain numbers in all parts of the data, or strings in all parts."
        )
    if told[0].is_multilabel and len({len(share.labels) for share in told}) > 1:
        raise ValueError("y must have the same number of columns in all parts of the data.")
    return np.unique(np.concatenate([share.labels for share in told])), told[0].is_multilabel


def refuse_differences(told):
    """Raise ValueError if encoded parts are inconsistent.

    Parameters
    ----------
    told : list of dict
        For each part, the dict returned by `properties_of`.
    """
    for name, first in told[0].items():
        for place, other in enumerate(told):
            if other[name] != first:
                raise ValueError(
                    f"{name} must be the same in all parts of the data, got {first} in part 0 and "
                    f"{other[name]} in part {place}."
                )


def properties_of(data, estimator):
    """The properties that must be the same in all parts of the data."""
    names = getattr(estimator, "feature_names_in_", None)
    return {
        "the number of features": data.X.shape[1],
        "the feature names": None if names is None else tuple(names),
        "the dtype of X": str(data.X.dtype),
        "the number of outputs": data.n_outputs,
        "whether X is sparse": sp.issparse(data.X),
        "whether there is a sample_weight": data.sample_weight is not None,
    }


def shared_means(data, communicator):
    """The result of `TrainingData.target_means` for the rows of all ranks."""
    sums = np.zeros(data.n_outputs + 2)
    if data.X.shape[0]:
        means, n_rows = data.target_means()
        weights = data.sample_weight
        weight = n_rows if weights is None else weights.sum(dtype=float)
        sums[:] = *(means * weight), weight, n_rows
    communicator.all_reduce(sums)
    return sums[:-2] / sums[-2], int(sums[-1])


def without_rows(data):
    """TrainingData like `data`, with no rows."""
    none = {
        name: None if getattr(data, name) is None else getattr(data, name)[:0]
        for name in ("X", "y", "targets", "sample_weight", "strata")
    }
    return replace(data, **none)
