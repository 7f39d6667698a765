"""Validates and encodes partitions on the workers before training.

It has the dask tasks, which can be rerun on any worker, and the use of their results on the client.
"""

# SPDX-License-Identifier: BSD-3-Clause
import copy
from dataclasses import dataclass, replace

import numpy as np

from rosenblatt._data import class_counts
from rosenblatt.distributed._rows import (
    labels_of,
    properties_of,
    refuse_differences,
    share_of,
)


@dataclass(frozen=True)
class Partitions:
    """The rows of a training on the workers.

    Attributes
    ----------
    futures : list of distributed.Future
        Futures of TrainingData, each with at least one row.
    n_rows : list of int
    template : TrainingData
        TrainingData of a single row, on the client; it has the validation rows, if any.
    """

    futures: list
    n_rows: list
    template: object

    def class_counts(self, client):
        """The number of rows of each class."""
        return sum(client.gather(client.map(_class_counts, self.futures, pure=False)))

    def means(self, client):
        """The result of TrainingData.target_means for all rows."""
        told = client.gather(client.map(_weighted_means, self.futures, pure=False))
        weight = sum(weight for _, weight in told)
        return sum(means for means, _ in told) / weight, sum(self.n_rows)


def partitions_of(client, for_workers, pieces, is_classifier, make_template):
    """Validate and encode pieces on the workers that hold them; returns Partitions.

    Parameters
    ----------
    client : distributed.Client
    for_workers : callable
        Returns the estimator to send to workers. Called after make_template.
    pieces : list of (X, y, sample_weight)
    is_classifier : bool
    make_template : callable
        Called on the client with (X, y, sample_weight) of one row and the labels of all
        partitions. Returns TrainingData, and sets the classes and features of the estimator.

    Raises
    ------
    ValueError
        If rows are invalid, or partitions are inconsistent.
    """
    from dask import delayed

    gathered = [delayed(_piece)(*piece) for piece in pieces]
    raw = client.compute(gathered)
    shares = client.gather(client.map(_share, raw, is_classifier=is_classifier, pure=False))
    if not any(share.n_rows for share in shares):
        raise ValueError("X has no rows; all its partitions are empty.")
    labels = labels_of(shares)[0] if is_classifier else None
    X, y = next(share.sample for share in shares if share.n_rows)
    has_weights = any(share.has_weights for share in shares)
    template = make_template(X, y, np.ones(1) if has_weights else None, labels)
    estimator = client.submit(_given, for_workers(), pure=False)
    futures = [
        client.submit(_encoded, piece, estimator, labels, pure=False)
        for piece, share in zip(raw, shares, strict=True)
        if share.n_rows
    ]
    refuse_differences(client.gather(client.map(_properties, futures, pure=False)))
    return Partitions(futures, [share.n_rows for share in shares if share.n_rows], template)


def _given(thing):
    return thing


def _piece(X, y, sample_weight):
    """The rows of one piece, as the result of a task."""
    return X, y, sample_weight


def _share(piece, is_classifier):
    X, y, sample_weight = piece
    if np.ndim(X) != 2:
        raise ValueError(f"Partitions of X must have 2 dimensions, got {np.ndim(X)}.")
    if X.shape[0] != len(y):
        raise ValueError(
            f"A partition of X has {X.shape[0]} rows, but that of y has {len(y)} rows."
        )
    return share_of(X, y, sample_weight, is_classifier)


def _encoded(piece, estimator, labels):
    """(TrainingData, the properties that must be the same for all pieces) of a piece."""
    estimator = copy.copy(estimator)  # other tasks share it
    if labels is not None:
        estimator._labels_everywhere = labels
    data = estimator._rows_in_memory(*piece)
    return data, properties_of(data, estimator)


def _properties(encoded):
    return encoded[1]


def _class_counts(encoded):
    data = encoded[0]
    return class_counts(data, np.arange(data.X.shape[0]))


def _weighted_means(encoded):
    means, n_rows = encoded[0].target_means()
    weights = encoded[0].sample_weight
    weight = n_rows if weights is None else weights.sum(dtype=float)
    return means * weight, weight


def for_validation(data, rank, size):
    """The share of the validation rows that rank `rank` of `size` predicts."""
    every = slice(rank, None, size)
    parts = {
        name: None if getattr(data, name) is None else getattr(data, name)[every]
        for name in ("X", "y", "targets", "sample_weight", "strata")
    }
    return replace(data, **parts)
