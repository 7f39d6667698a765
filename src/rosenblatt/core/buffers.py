"""Memory for the compiled core: aligned blocks, and CSR matrices that are safe to read.

Kernels do not check bounds, so inconsistent input is rejected here.
"""

# SPDX-License-Identifier: BSD-3-Clause
import math

import numpy as np

ALIGNMENT = 64


def aligned_zeros(shape, dtype):
    """An array of zeros aligned to 64 bytes. Raises MemoryError if it cannot be allocated."""
    dtype = np.dtype(dtype)
    count = math.prod(shape) if isinstance(shape, tuple) else shape
    try:
        block = np.zeros(count * dtype.itemsize + ALIGNMENT, dtype=np.uint8)
    except (ValueError, OverflowError) as error:  # larger than the largest index
        raise MemoryError(f"Unable to allocate {count * dtype.itemsize} bytes.") from error
    start = -block.ctypes.data % ALIGNMENT
    return block[start : start + count * dtype.itemsize].view(dtype).reshape(shape)


def csr_parts(X, name="X"):
    """(values, columns, starts) of a CSR matrix: aligned, of its dtype, int32 and intp.

    The columns and starts are copies, so that they stay valid if a callback or another thread
    changes the matrix. The values cannot cause invalid memory accesses; they are copied only if
    they are not contiguous or not aligned.

    Raises
    ------
    ValueError
        If an index is out of range, which scipy does not check, or there are more columns than fit
        into an int32.
    """
    n_rows, n_columns = X.shape
    largest = np.iinfo(np.int32).max
    if n_columns > largest:
        raise ValueError(f"Sparse {name} must have at most {largest} features, got {n_columns}.")
    values, indices = X.data, X.indices
    starts = np.array(X.indptr, dtype=np.intp)
    stored = min(len(indices), len(values))
    if len(starts) != n_rows + 1 or starts[0] != 0 or starts[-1] > stored:
        raise ValueError(
            f"{name} is not a valid CSR matrix: its indptr must have {n_rows + 1} items, from 0 to "
            f"at most {stored}, got {len(starts)} from {starts[:1]} to {starts[-1:]}."
        )
    if (np.diff(starts) < 0).any():
        raise ValueError(f"{name} is not a valid CSR matrix: its indptr decreases.")
    indices = np.array(indices[: starts[-1]])
    if len(indices) and not (indices.min() >= 0 and indices.max() < n_columns):
        raise ValueError(
            f"{name} is not a valid CSR matrix: its indices must be in [0, {n_columns}), got "
            f"{indices.min()} to {indices.max()}."
        )
    values = np.require(values[: starts[-1]], requirements=["C", "A"])
    return values, indices.astype(np.int32, copy=False), starts
