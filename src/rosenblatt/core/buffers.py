"""Memory for the compiled core: arrays of zeros whose start is aligned for vectors."""

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
