"""CSR matrices that the compiled core can read safely.

Kernels do not check bounds, so inconsistent matrices are rejected here.
"""

# SPDX-License-Identifier: BSD-3-Clause
import numpy as np


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
