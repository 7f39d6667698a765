"""CSR matrices that the compiled core may read: their parts, checked.

A kernel believes the sizes it is told, so what could lead it astray is refused here.
"""

# SPDX-License-Identifier: BSD-3-Clause
import numpy as np


def csr_parts(X, name="X"):
    """(values, columns, starts) of a CSR matrix: aligned, of its dtype, int32 and intp.

    The columns and starts are copies: what was checked stays as it was, whatever a callback or
    another thread does to the matrix. Of the values, which lead no kernel astray, there is a copy
    only where they are not contiguous or not aligned.

    Raises
    ------
    ValueError
        If the matrix points outside itself, which scipy does not check, or has more columns
        than an int32 can number.
    """
    n_rows, n_columns = X.shape
    largest = np.iinfo(np.int32).max
    if n_columns > largest:
        raise ValueError(f"Sparse {name} may have at most {largest} features, got {n_columns}.")
    values, indices = X.data, X.indices
    starts = np.array(X.indptr, dtype=np.intp)
    stored = min(len(indices), len(values))
    if len(starts) != n_rows + 1 or starts[0] != 0 or starts[-1] > stored:
        raise ValueError(
            f"{name} is no valid CSR matrix: its indptr must have {n_rows + 1} items, from 0 to at "
            f"most {stored}, got {len(starts)} from {starts[:1]} to {starts[-1:]}."
        )
    if (np.diff(starts) < 0).any():
        raise ValueError(f"{name} is no valid CSR matrix: its indptr decreases.")
    indices = np.array(indices[: starts[-1]])
    if len(indices) and not (indices.min() >= 0 and indices.max() < n_columns):
        raise ValueError(
            f"{name} is no valid CSR matrix: its indices must be in [0, {n_columns}), got "
            f"{indices.min()} to {indices.max()}."
        )
    values = np.require(values[: starts[-1]], requirements=["C", "A"])
    return values, indices.astype(np.int32, copy=False), starts
