"""Memory that the compiled core works on: arrays of zeros that begin where vectors are aligned."""

# SPDX-License-Identifier: BSD-3-Clause
import math

import numpy as np

ALIGNMENT = 64


def aligned_zeros(shape, dtype):
    """An array of zeros that starts at a multiple of 64 bytes; MemoryError if there is no room."""
    dtype = np.dtype(dtype)
    count = math.prod(shape) if isinstance(shape, tuple) else shape
    try:
        block = np.zeros(count * dtype.itemsize + ALIGNMENT, dtype=np.uint8)
    except (ValueError, OverflowError) as error:  # more than an index can count
        raise MemoryError(f"Unable to allocate {count * dtype.itemsize} bytes.") from error
    start = -block.ctypes.data % ALIGNMENT
    return block[start : start + count * dtype.itemsize].view(dtype).reshape(shape)
