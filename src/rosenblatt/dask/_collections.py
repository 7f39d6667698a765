"""Splits dask collections into partitions for training, and returns predictions as collections.

The rows of a partition are validated and encoded in _partitions.py.
"""

# SPDX-License-Identifier: BSD-3-Clause
import math

import numpy as np


def is_collection(thing):
    """Whether this is a dask collection or a list of delayed partitions."""
    if isinstance(thing, (list, tuple)):
        return len(thing) > 0 and all(map(_is_piece, thing))
    return hasattr(thing, "__dask_graph__") or hasattr(thing, "to_delayed")


def _is_piece(thing):
    return hasattr(thing, "__dask_graph__") or type(thing).__module__.startswith("distributed.")


def pieces_of(X, y, sample_weight=None):
    """A list of partitions (X, y, sample_weight), each computable by dask.

    Parameters
    ----------
    X, y, sample_weight : dask array, DataFrame or Series, or list of delayed partitions
        X is rechunked to one chunk of columns. y and sample_weight are rechunked like X if the
        chunk sizes are known. sample_weight may be None.

    Raises
    ------
    TypeError
        If one of them is not a collection.
    ValueError
        If the numbers of partitions differ.
    """
    given = {"X": X, "y": y}
    if sample_weight is not None:
        given["sample_weight"] = sample_weight
    for name, collection in given.items():
        if not is_collection(collection):
            raise TypeError(
                f"{name} must be a dask array, DataFrame or Series, or a list of delayed "
                f"partitions, got {type(collection).__name__}. For data in memory use "
                "rosenblatt.MLPClassifier or MLPRegressor."
            )
    X_chunks = _row_chunks(X)
    pieces = []
    for name, collection in given.items():
        chunks = _row_chunks(collection)
        if name != "X" and X_chunks and chunks and chunks != X_chunks:
            if sum(chunks) != sum(X_chunks):
                raise ValueError(f"{name} has {sum(chunks)} rows, X has {sum(X_chunks)}.")
            collection = collection.rechunk({0: X_chunks})
        pieces.append(_pieces(collection))
    counts = dict(zip(given, map(len, pieces), strict=True))
    if len(set(counts.values())) > 1:
        raise ValueError(
            f"X, y and sample_weight must have the same number of partitions, got {counts}."
        )
    if sample_weight is None:
        pieces.append([None] * counts["X"])
    return list(zip(*pieces, strict=True))


def _row_chunks(collection):
    """The number of rows of each chunk of an array; None if unknown."""
    chunks = getattr(collection, "chunks", None)
    if not chunks or any(math.isnan(n) for n in chunks[0]):
        return None
    return tuple(chunks[0])


def _pieces(collection):
    if isinstance(collection, (list, tuple)):
        return list(collection)
    if getattr(collection, "ndim", 1) == 2 and len(getattr(collection, "chunks", ())) == 2:
        collection = collection.rechunk({1: -1})
    return np.ravel(np.asarray(collection.to_delayed(), dtype=object)).tolist()


def computed(collection):
    """The value of a collection, computed into this process; other objects unchanged."""
    if collection is None or not is_collection(collection):
        return collection
    import dask

    if not isinstance(collection, (list, tuple)):
        return collection.compute()
    from distributed import default_client

    pieces = [getattr(piece, "key", None) and piece for piece in collection]
    if hasattr(pieces[0], "__dask_graph__"):
        pieces = dask.compute(*pieces)
    else:
        pieces = default_client().gather(pieces)
    if hasattr(pieces[0], "iloc"):
        import pandas as pd

        return pd.concat(pieces)
    return np.concatenate(pieces)


def mapped(method, model, X):
    """Apply a method of a model to every partition of X; returns a collection like X.

    Parameters
    ----------
    method : str
    model : MLPClassifier or MLPRegressor
        The fitted model.
    X : dask array, dask DataFrame, or list of delayed partitions
    """
    import dask

    # the model is a separate task, so that it is sent to each worker only once
    sent = dask.delayed(model, pure=False)
    sample = _outputs_of_no_rows(method, model)
    if isinstance(X, (list, tuple)):
        return [dask.delayed(_called)(piece, method, sent) for piece in X]
    if hasattr(X, "map_partitions"):
        meta = _as_frame(sample, model, method, X._meta.index[:0])
        return X.map_partitions(_called_on_frame, method, sent, meta=meta)
    X = X.rechunk({1: -1})
    options = {"dtype": sample.dtype, "meta": sample}
    if sample.ndim == 1:
        options["drop_axis"] = 1
    else:
        options["chunks"] = (X.chunks[0], (sample.shape[1],))
    return X.map_blocks(_called, method, model=sent, **options)


def _outputs_of_no_rows(method, model):
    row = np.zeros((1, model.n_features_in_), dtype=model.coefs_[0].dtype)
    return _called(row, method, model)[:0]


def _called(X, method, model):
    import warnings

    n_rows = X.shape[0]
    X = X if n_rows else np.zeros((1, model.n_features_in_), dtype=model.coefs_[0].dtype)
    with warnings.catch_warnings():
        if not hasattr(X, "columns"):
            warnings.filterwarnings("ignore", "X does not have valid feature names")
        return getattr(model, method)(X)[:n_rows]


def _called_on_frame(X, method, model):
    return _as_frame(_called(X, method, model), model, method, X.index)


def _as_frame(outputs, model, method, index):
    import pandas as pd

    if outputs.ndim == 1:
        return pd.Series(outputs, index=index)
    columns = getattr(model, "classes_", range(outputs.shape[1]))
    columns = columns if len(columns) == outputs.shape[1] else range(outputs.shape[1])
    return pd.DataFrame(outputs, index=index, columns=list(columns))
