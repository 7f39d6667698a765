"""The description of data that do not fit into memory.

Reading is in _sources.py, shuffling in _stream.py, and fitting in _fit.py.
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
    """Rows in files or from a function, which `fit` reads block by block.

    ``MLPClassifier().fit(Dataset("rows.parquet", target="label"))`` trains as on arrays: an epoch
    is one pass over all rows. Blocks are read in a random order drawn for each epoch. The rows in
    the buffer are shuffled while a thread reads the next blocks. Training uses about six times
    `buffer_size` of memory, plus the network and, for Parquet files, one row group.

    Parameters
    ----------
    source : array of shape (n_samples, n_columns), path, list of paths, or callable
        One of the following:

        - An array, typically a numpy.memmap, or the path of a .npy file.
        - The path of a Parquet file, a directory of Parquet files or a list of paths. pyarrow
          reads one row group at a time; 2**14 to 2**16 rows per group is a good size.
        - A function that returns a new iterator of batches for each epoch. A batch is an Arrow,
          pandas or polars table, or a pair of arrays (X, y). Batches are used in the order in
          which the function yields them.
    target : str, int, array of shape (n_samples,) or (n_samples, n_outputs), or path
        The name or index of the column to predict. If `source` is an array, it may also be the
        array of targets or the path of its .npy file. Not needed for pairs of arrays.
    sample_weight : str, int or array of shape (n_samples,), default=None
        The name or index of the column of sample weights, or the weights.
    columns : list of str, default=None
        Names of the feature columns of tables. None selects all columns except target,
        sample_weight and the index of a pandas DataFrame.
    classes : array-like of shape (n_classes,), default=None
        All labels, for a classifier. None finds them by a pass over the targets before training.
    buffer_size : float, default=64.0
        Size of the shuffle buffer in mebibytes (2**20 bytes).
    checkpoint : path, default=None
        File in which the state of training is saved, between two buffers and between two epochs. It
        is replaced atomically. If the file exists, a fit with the same parameters resumes from it
        and gives the same bits as an uninterrupted fit. It is deleted when a fit completes.
    checkpoint_seconds : float, default=60.0
        Least time between two saves, in seconds.
    progress : bool, default=False
        Whether to show a tqdm progress bar over the rows of each epoch.

    Raises
    ------
    ValueError, TypeError
        In the constructor, if a parameter is invalid. In `fit`, if the data cannot be used for
        training.

    See Also
    --------
    rosenblatt.callbacks.Checkpoint : Saves fitted estimators after epochs.
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
            raise ValueError(f"target must be the name or the index of a column, got {target!r}.")
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

    def __array__(self, dtype=None, copy=None):
        raise TypeError(
            "a Dataset is read by `fit` and `partial_fit` of MLPClassifier and MLPRegressor alone, "
            "not by other estimators, Pipelines, or predictions: hand these an array or a frame, "
            "of some of its rows say."
        )


def _shown(value):
    if isinstance(value, np.ndarray):
        return f"<{type(value).__name__} of shape {value.shape}, {value.dtype}>"
    return repr(value)


def refuse_dataset(X):
    """Raises TypeError for a Dataset."""
    if isinstance(X, Dataset):
        X.__array__()
