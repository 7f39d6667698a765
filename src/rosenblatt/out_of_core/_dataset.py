"""What a person says of data that do not fit into memory.

How they are read is in _sources.py, how rows are mixed in _stream.py, the fits in _run.py.
"""

# SPDX-License-Identifier: BSD-3-Clause
from inspect import signature
from numbers import Integral, Real

import numpy as np

from rosenblatt._parameter_checks import Interval, validate_values

_RULES = {
    "buffer_size": [Interval(Real, 0, None, closed="neither")],
    "checkpoint_seconds": [Interval(Real, 0, None)],
    "progress": ["boolean"],
}


class Dataset:
    """Rows on disk, or that a function yields, which `fit` reads block by block.

    ``MLPClassifier().fit(Dataset("rows.parquet", target="label"))`` trains as on arrays: an
    epoch is one pass over all rows. Blocks come in an order drawn for each epoch; as many as
    fill the buffer are mixed row by row, while a thread reads the next. What training adds to
    the memory of the process is about six times `buffer_size`, the network, and of Parquet files
    one row group.

    Parameters
    ----------
    source : array of shape (n_samples, n_columns), path, list of paths, or callable
        An array, mostly a numpy.memmap; the path of a .npy file; paths of Parquet
        files (pyarrow reads them, a row group at a time: 2**16 rows a group are a good size); or
        a function that returns a new iterator of batches for each epoch: tables of Arrow, pandas
        or polars, or pairs of arrays (X, y). The batches of a function come in its own order.
    target : str, int, array of shape (n_samples,) or (n_samples, n_outputs), or path
        The name or number of the column to predict; of arrays also the targets themselves, or
        the path of their .npy file. Not needed for pairs of arrays.
    sample_weight : str, int or array of shape (n_samples,), default=None
        The column of the rows' weights, or the weights.
    columns : list of str, default=None
        The features' names, of tables; None is all columns but target, sample_weight and, of
        what pandas wrote with an index, that.
    classes : array-like of shape (n_classes,), default=None
        All labels, of a classifier. Without them one pass counts them before training.
    buffer_size : float, default=64.0
        Megabytes (2**20 bytes) of rows that are mixed at once.
    checkpoint : path, default=None
        A file to note the training in, between two buffers and two epochs, whole at any moment. A
        fit with the same parameters that finds it goes on from there, and ends with the same
        bits. It is deleted at the end of a fit that was not interrupted.
    checkpoint_seconds : float, default=60.0
        The least time between two notes.
    progress : bool, default=False
        Whether a bar of tqdm shows the rows of each epoch.

    Raises
    ------
    ValueError, TypeError
        For a parameter out of range, when it is made; for data that cannot be trained on, when
        they are read.

    See Also
    --------
    rosenblatt.callbacks.Checkpoint : Fitted estimators, after epochs.
    """

    def __init__(
        self,
        source,
        target=None,
        *,
        sample_weight=None,
        columns=None,
        classes=None,
        buffer_size=64.0,
        checkpoint=None,
        checkpoint_seconds=60.0,
        progress=False,
    ):
        values = {
            "buffer_size": buffer_size,
            "checkpoint_seconds": checkpoint_seconds,
            "progress": progress,
        }
        validate_values("Dataset", values, _RULES)
        if isinstance(target, bool) or (isinstance(target, Integral) and target < 0):
            raise ValueError(f"target must be a column's name or number from 0, got {target!r}.")
        self.source, self.target, self.sample_weight = source, target, sample_weight
        self.columns, self.classes = columns, classes
        self.buffer_size, self.progress = buffer_size, progress
        self.checkpoint, self.checkpoint_seconds = checkpoint, checkpoint_seconds

    def __repr__(self):
        """The parameters that differ from their defaults; of arrays their shapes."""
        given = [
            (name, getattr(self, name), parameter.default)
            for name, parameter in signature(type(self)).parameters.items()
        ]
        shown = [
            _shown(value) if name == "source" else f"{name}={_shown(value)}"
            for name, value, default in given
            if name == "source" or np.ndim(value) or value != default
        ]
        return f"Dataset({', '.join(shown)})"


def _shown(value):
    if isinstance(value, np.ndarray):
        return f"<{type(value).__name__} of shape {value.shape}, {value.dtype}>"
    return repr(value)
