"""Reads blocks of rows from arrays, files and functions, as (X, y, sample_weight).

The order of the blocks and the encoding of the rows are decided elsewhere.
"""

# SPDX-License-Identifier: BSD-3-Clause
import os
from numbers import Integral
from pathlib import Path

import numpy as np

# blocks of arrays: long enough to be read at the speed of the disk, and short enough that a buffer
# holds many of them, so that sorted rows are mixed; see docs/several_machines.md
_MOST_BLOCK_BYTES = 2**20
_BLOCKS_OF_BUFFER = 64
_PART_ROWS = 2**14  # of a row group, at once in memory
_CACHE_BYTES = 2**19  # of rows that columns are written to at once


def source_of(dataset):
    """The reader of a Dataset.

    Raises
    ------
    TypeError
        If the source has an unsupported type.
    """
    source = dataset.source
    if callable(source):
        return BatchSource(dataset)
    paths = [source] if isinstance(source, (str, os.PathLike)) else source
    if isinstance(paths, (list, tuple)) and all(isinstance(p, (str, os.PathLike)) for p in paths):
        files = [file for path in map(Path, paths) for file in _files(path)]
        if len(files) == 1 and files[0].suffix == ".npy":
            return ArraySource(dataset, rows_of_file(files[0]))
        return ParquetSource(dataset, files)
    if isinstance(source, np.ndarray):
        return ArraySource(dataset, source)
    raise TypeError(
        "The source of a Dataset must be an array, a path of a .npy file or of Parquet files, or a "
        f"function that returns an iterator of batches, got {type(source).__name__}."
    )


def _files(path):
    if path.is_dir():
        found = sorted(path.rglob("*.parquet"))
        if not found:
            raise FileNotFoundError(f"there are no .parquet files in {path}")
        return found
    if not path.exists():
        raise FileNotFoundError(f"there is no file {path}")
    return [path]


class FileRows:
    """The array of a .npy file, of which slices are read.

    The file is not memory-mapped, because mapped pages count as memory of the process until the
    operating system reclaims them.

    Parameters
    ----------
    path : path
    mapped : numpy.memmap
        The C-contiguous array that `numpy.load` returns, for its shape, dtype and offset.
    """

    def __init__(self, path, mapped):
        self.path, self.shape, self.dtype = path, mapped.shape, mapped.dtype
        self.ndim, self.strides, self._offset = mapped.ndim, mapped.strides, mapped.offset

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, rows):
        start, stop, _ = rows.indices(len(self))
        size, columns = self.strides[0], self.shape[1]
        rows = np.fromfile(
            self.path,
            dtype=self.dtype,
            count=(stop - start) * columns,
            offset=self._offset + start * size,
        )
        return rows.reshape(-1, columns)


def rows_of_file(path):
    """The array of a .npy file, which can be sliced."""
    mapped = np.load(path, mmap_mode="r")
    if mapped.ndim != 2 or not mapped.flags.c_contiguous:
        return mapped
    return FileRows(path, mapped)


class _Column:
    """One column of an array, which can be sliced."""

    def __init__(self, array, number):
        self._array, self._number = array, number
        self.shape = array.shape[:1]

    def __getitem__(self, rows):
        return self._array[rows][:, self._number]


class ArraySource:
    """The rows of an array, typically of a file.

    Attributes
    ----------
    block_rows : list of int or None
        Number of rows of each block. Blocks can be read in any order. None means that their order
        is fixed.
    """

    def __init__(self, dataset, array):
        if array.ndim != 2 or array.dtype.kind not in "biuf":
            raise ValueError(
                f"A Dataset requires a numeric array of 2 dimensions, got {array.ndim} of "
                f"{array.dtype}."
            )
        self._array, n_rows = array, len(array)
        taken = [n for n in (dataset.target, dataset.sample_weight) if isinstance(n, Integral)]
        for number in taken:
            if number >= array.shape[1]:
                raise ValueError(
                    f"target and sample_weight must be column numbers below {array.shape[1]}, as "
                    f"many as the array has, or arrays; got {number}."
                )
        self._features = None
        if taken:
            self._features = np.setdiff1d(np.arange(array.shape[1]), taken)
        self._target = self._beside(dataset.target, "target")
        self._weight = self._beside(dataset.sample_weight, "sample_weight")
        if self._target is None:
            raise ValueError(
                "A Dataset of an array requires target: the index of a column, an array, or the "
                "path of a .npy file. Got None."
            )
        size = min(_MOST_BLOCK_BYTES, dataset.buffer_size * 2**20 / _BLOCKS_OF_BUFFER)
        size = max(1, int(size // max(1, array.strides[0])))
        self._starts = list(range(0, n_rows, size))
        self.block_rows = [min(size, n_rows - start) for start in self._starts]

    def _beside(self, given, name):
        if given is None:
            return None
        if isinstance(given, Integral):
            return _Column(self._array, int(given))
        if isinstance(given, (str, os.PathLike)):
            if not Path(given).exists():
                raise ValueError(
                    f"{name}={given!r} must be a column's number from 0 to "
                    f"{self._array.shape[1] - 1}, an array or the path of a .npy file, because the "
                    "columns of an array have no names: there is no such file."
                )
            given = np.load(given, mmap_mode="r")
        if np.shape(given)[:1] != self._array.shape[:1]:
            raise ValueError(f"{name} has {np.shape(given)[0]} rows, X has {len(self._array)}.")
        return given

    def blocks(self, order=None):
        """Yield the blocks, in the given order or in ascending order."""
        for i in range(len(self._starts)) if order is None else order:
            rows = slice(self._starts[i], self._starts[i] + self.block_rows[i])
            X = self._array[rows]
            X = X if self._features is None else X[:, self._features]
            yield X, *self._targets(rows)

    def targets(self):
        """Yield (y, sample_weight) of every block, without reading X."""
        for start, n_rows in zip(self._starts, self.block_rows, strict=True):
            yield self._targets(slice(start, start + n_rows))

    def _targets(self, rows):
        weight = None if self._weight is None else np.asarray(self._weight[rows])
        return np.asarray(self._target[rows]), weight


class _Tables:
    """Base class of sources with named columns."""

    def __init__(self, dataset):
        self._columns, self._names = dataset.columns, None
        self._index = ()  # columns that are the index of a frame
        self._target, self._weight = dataset.target, dataset.sample_weight

    def _names_among(self, names):
        if self._names is None:
            if self._target is None:
                raise ValueError(
                    f"target must be the name of the column to predict, one of {list(names)}; got "
                    "None."
                )
            self._target = _name_among(names, self._target, "target")
            if self._weight is not None:
                self._weight = _name_among(names, self._weight, "sample_weight")
            for name in self._columns or ():
                _name_among(names, name, "columns")
            others = (self._target, self._weight, *self._index)
            self._names = self._columns or [name for name in names if name not in others]
        return self._names

    def _block(self, table, names):
        """(Columns, y, sample_weight) of an Arrow, pandas or polars table."""
        columns = [_as_array(table[name]) for name in self._names_among(names)]
        if not columns:
            raise ValueError("the Dataset has no columns besides target and sample_weight.")
        texts = [
            name
            for name, column in zip(self._names, columns, strict=True)
            if column.dtype.kind not in "biuf"
        ]
        if texts:
            raise ValueError(
                f"The columns {texts} are not numeric. Encode them, for example with "
                "rosenblatt.preprocessing.TabularPreprocessor, or omit them from `columns`."
            )
        return Columns(columns, tuple(self._names)), *self._beside(table)

    def _beside(self, table):
        weight = None if self._weight is None else _as_array(table[self._weight])
        return _as_array(table[self._target]), weight


def _name_among(names, given, parameter):
    """The name of the column with the given name or index."""
    names = list(names)
    if isinstance(given, Integral) and given not in names and given < len(names):
        return names[given]
    if not isinstance(given, (str, Integral)) or given not in names:
        shown = repr(given) if np.ndim(given) == 0 else f"{type(given).__name__}"
        raise ValueError(
            f"{parameter}={shown} is no column of the data, which has the columns {names}."
        )
    return given


class Columns:
    """Rows stored as the columns of a table, until they are written to an array.

    Parameters
    ----------
    columns : list of ndarray of shape (n_rows,)
    names : tuple of str
    """

    ndim = 2

    def __init__(self, columns, names):
        self.columns, self.names = columns, names
        self.shape = len(columns[0]), len(columns)

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, rows):
        """A slice of the rows; nothing is copied."""
        return Columns([column[rows] for column in self.columns], self.names)

    def __array__(self, dtype=None, copy=None):
        if dtype is None:
            dtype = np.result_type(np.float32, *{column.dtype for column in self.columns})
        rows = np.empty(self.shape, dtype=dtype)
        self.write(rows)
        return rows

    def write(self, rows):
        """Write the rows to an array, in parts that fit into the cache."""
        size = max(256, _CACHE_BYTES // max(1, rows.strides[0]))
        for start in range(0, len(self), size):
            part = slice(start, start + size)
            for i, column in enumerate(self.columns):
                rows[part, i] = column[part]


def _as_array(column):
    """An Arrow, pandas or polars column as an array."""
    if type(column).__module__.startswith("pyarrow"):
        return np.asarray(column.to_numpy(zero_copy_only=False))
    return np.asarray(column.to_numpy() if hasattr(column, "to_numpy") else column)


def _index_columns(schema):
    """The columns of Arrow that pandas made of a frame's index."""
    metadata = schema.pandas_metadata or {}
    return [name for name in metadata.get("index_columns", ()) if isinstance(name, str)]


class ParquetSource(_Tables):
    """The row groups of Parquet files.

    Attributes
    ----------
    block_rows : list of int
    """

    def __init__(self, dataset, files):
        super().__init__(dataset)
        self._files = _opened(files)
        names = [file.schema_arrow.names for file in self._files]
        if any(other != names[0] for other in names):
            raise ValueError("Parquet files of one Dataset must have the same columns.")
        self._index = _index_columns(self._files[0].schema_arrow)
        self._names_among(names[0])
        self._beside_names = [name for name in (self._target, self._weight) if name is not None]
        self._groups = [(file, i) for file in self._files for i in range(file.num_row_groups)]
        self.block_rows = [file.metadata.row_group(i).num_rows for file, i in self._groups]

    def blocks(self, order=None):
        """Yield the row groups in parts, in the given order or in ascending order."""
        names = [*self._names, *self._beside_names]
        for part in self._parts(range(len(self._groups)) if order is None else order, names):
            yield self._block(part, names)

    def targets(self):
        """Yield (y, sample_weight) of every part of a row group, without reading X."""
        for part in self._parts(range(len(self._groups)), self._beside_names):
            yield self._beside(part)

    def _parts(self, numbers, columns, n_rows=_PART_ROWS):
        for number in numbers:
            file, group = self._groups[number]
            yield from file.iter_batches(
                n_rows, row_groups=[group], columns=columns, use_threads=False
            )


def _opened(files):
    """ParquetFiles of paths, whose rows are allocated by the C library.

    Arrow's own allocator returns memory to the system while a buffer is trained on; getting it back
    for the next buffer can take longer than reading.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise ImportError("Parquet files need pyarrow: pip install pyarrow") from error
    pool = pa.default_memory_pool()
    pa.set_memory_pool(pa.system_memory_pool())  # a file keeps the one that it was opened with
    try:
        return [_opened_file(pq, file) for file in files]
    finally:
        pa.set_memory_pool(pool)


def _opened_file(pq, file):
    try:
        return pq.ParquetFile(file)
    except ValueError as error:  # of pyarrow, about bytes
        raise ValueError(
            f"{file} is no Parquet file ({error}). Of other formats, give a function that returns "
            "an iterator of frames: lambda: pandas.read_csv(path, chunksize=10_000), say."
        ) from error


class BatchSource(_Tables):
    """Batches from a function that is called once per epoch."""

    block_rows = None

    def __init__(self, dataset):
        super().__init__(dataset)
        self._batches = dataset.source

    def blocks(self, order=None):
        """Yield the batches in the order of the function."""
        for batch in self._batches():
            if isinstance(batch, tuple):
                yield *map(np.asarray, batch[:2]), batch[2] if len(batch) > 2 else None
                continue
            is_arrow = type(batch).__module__.startswith("pyarrow")
            self._index = _index_columns(batch.schema) if is_arrow else ()
            yield self._block(batch, batch.schema.names if is_arrow else list(batch.columns))

    def targets(self):
        """Yield (y, sample_weight) of every batch."""
        for _, *beside in self.blocks():
            yield tuple(beside)
