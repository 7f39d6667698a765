"""Buffers of shuffled rows from a source, with the blocks in a new order in each epoch.

A thread reads ahead. The encoding of the rows is passed in as a function.
"""

# SPDX-License-Identifier: BSD-3-Clause
import copy
import queue
import threading
from itertools import pairwise

import numpy as np

from rosenblatt.distributed._batches import epoch_order

_PLACES = 4  # copies of rows: in training, waiting, being filled, and the rest of a block


class Stream:
    """The training rows of a Dataset, for one fit.

    Parameters
    ----------
    source : ArraySource, ParquetSource or BatchSource
    encode : callable
        Maps the arrays (X, y, sample_weight) to TrainingData.
    n_rows, n_features : int
    dtype : numpy.dtype
        The dtype for training.
    buffer_size : float
        In mebibytes.
    batch_size : int
    joins_last : bool
        Whether a last batch of one row is merged into the batch before it.
    """

    def __init__(
        self, source, encode, n_rows, n_features, dtype, buffer_size, batch_size, joins_last
    ):
        self.source, self.encode, self.n_rows = source, encode, n_rows
        row_bytes = max(1, n_features) * np.dtype(dtype).itemsize
        n_batches = max(1, int(buffer_size * 2**20 / row_bytes / batch_size))
        self.buffer_rows = n_batches * batch_size
        self.n_features, self.dtype, self.joins_last = n_features, dtype, joins_last
        self._names = None

    def buffers(self, seed, epoch, shuffle=True, n_done=0):
        """Yield (TrainingData, order of its rows) for an epoch. Buffers end where batches end.

        Parameters
        ----------
        seed, epoch : int
            Determine the order of the rows.
        shuffle : bool
        n_done : int
            Number of rows that were already used in this epoch. Their buffers are skipped.
        """
        ends = self._ends()
        skipped = [start for start, stop in ends if stop <= n_done]
        rows = self._rows(self._block_order(seed, epoch, shuffle), n_done)
        carried = (np.empty((0, self.n_features), self.dtype), None, None)
        for number, (start, stop) in enumerate(ends[len(skipped) :], start=len(skipped)):
            parts, carried = _filled(rows, carried, stop - start)
            order = np.arange(stop - start)
            if shuffle:
                order = epoch_order(seed, number, epoch, order)
            yield self.encode(*parts), order
        if len(carried[0]) or next(rows, None) is not None:
            raise ValueError(
                f"The source has more rows than the {self.n_rows} that were counted before "
                "training. It must give the same rows in every epoch."
            )

    def _ends(self):
        """The (start, stop) row positions of the buffers of an epoch."""
        marks = [*range(0, self.n_rows, self.buffer_rows), self.n_rows]
        if self.joins_last and len(marks) > 2 and marks[-1] - marks[-2] == 1:
            del marks[-2]
        return list(pairwise(marks))

    def _block_order(self, seed, epoch, shuffle):
        if self.source.block_rows is None:
            return None
        order = np.arange(len(self.source.block_rows))
        return epoch_order(seed, 2**32, epoch, order) if shuffle else order

    def _rows(self, order, n_done):
        """The blocks in the given order, without the first n_done rows. Skips whole blocks."""
        if order is not None and n_done:
            counts = np.cumsum(np.asarray(self.source.block_rows)[order])
            n_blocks = int(np.searchsorted(counts, n_done, side="right"))
            n_done -= int(counts[n_blocks - 1]) if n_blocks else 0
            order = order[n_blocks:]
        for number, (X, y, weight) in enumerate(self.source.blocks(order)):
            if n_done >= len(X):
                n_done -= len(X)
                continue
            names = getattr(X, "names", None)
            if X.ndim != 2 or X.shape[1] != self.n_features or len(y) != len(X):
                raise ValueError(
                    f"Block {number} has X of shape {X.shape} and {len(y)} targets; it must have "
                    f"{self.n_features} columns and as many targets as rows."
                )
            if self._names is not None and names != self._names:
                raise ValueError(f"Block {number} has other columns than the first block.")
            self._names = names
            weight = None if weight is None else weight[n_done:]
            yield X[n_done:], y[n_done:], weight
            n_done = 0


def _filled(rows, carried, n_rows):
    """(X, y, weights) of the next n_rows rows, and the rest of the block in which they end."""
    X = np.empty((n_rows, carried[0].shape[1]), dtype=carried[0].dtype)
    y, weights, n_filled, block = [], [], 0, carried
    while True:
        n_taken = min(len(block[0]), n_rows - n_filled)
        if n_taken:
            X[n_filled : n_filled + n_taken] = block[0][:n_taken]
            y.append(block[1][:n_taken])
            weights.append(None if block[2] is None else block[2][:n_taken])
            n_filled += n_taken
            block = (
                block[0][n_taken:],
                block[1][n_taken:],
                None if block[2] is None else block[2][n_taken:],
            )
        if n_filled == n_rows:
            break
        block = next(rows, None)
        if block is None:
            raise ValueError(
                f"The source ended {n_rows - n_filled} rows short of the number counted before "
                "training. It must give the same rows in every epoch."
            )
    weights = None if weights[0] is None else np.concatenate(weights)
    left = block
    if len(left[0]) and len(left[0]) < n_taken:  # copied, so that the block can be freed
        left = copy.deepcopy(left)
    return (X, np.concatenate(y), weights), (np.asarray(left[0]), *left[1:])


class ReadAhead:
    """A context manager with a thread that prefetches the next item of an iterator.

    Parameters
    ----------
    items : iterator
        Consumed by the thread only.
    """

    def __init__(self, items):
        self._items, self._queue, self._is_over = items, queue.Queue(maxsize=1), threading.Event()
        self._thread = threading.Thread(target=self._read, name="rosenblatt-read", daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __iter__(self):
        while True:
            kind, item = self._queue.get()
            if kind == "end":
                return
            if kind == "error":
                raise item
            yield item

    def _read(self):
        try:
            for item in self._items:
                self._put(("item", item))
                del item  # drop the reference, so that the consumer can free the item
                if self._is_over.is_set():
                    return
            self._put(("end", None))
        except BaseException as error:
            self._put(("error", error))

    def _put(self, told):
        while not self._is_over.is_set():
            try:
                self._queue.put(told, timeout=0.1)
                return
            except queue.Full:
                continue

    def __exit__(self, *exception):
        self._is_over.set()
        self._thread.join()
