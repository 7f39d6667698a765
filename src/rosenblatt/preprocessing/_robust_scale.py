"""The formulas of robust scaling and smooth clipping, used by the scaler and the encoder.
Medians and quartiles come from `SortedColumn`.
"""

# SPDX-License-Identifier: BSD-3-Clause
import numpy as np

CLIP = 3.0
LARGEST_ROOT = 1e150  # its square is finite


def median_and_scale(column):
    """(median, s) of a SortedColumn: s = 1 / (q75 - q25); if that is 0, 2 / (max - min), or 0."""
    if not len(column.values):
        return 0.0, 0.0
    median, low, high = column.quantiles([0.5, 0.25, 0.75])
    width = high - low
    if width == 0:
        width = (column.values[-1] - column.values[0]) / 2
    return median, 0.0 if width == 0 else min(1 / max(width, 1e-300), 1e300)


def smoothly_clipped(values, clip=CLIP):
    """Compute values / sqrt(1 + (values / clip)**2) in place; infinities become +-clip."""
    np.clip(values, -LARGEST_ROOT, LARGEST_ROOT, out=values)
    divisor = values * (1 / clip)
    divisor *= divisor
    divisor += 1
    values /= np.sqrt(divisor, out=divisor)
    return values
