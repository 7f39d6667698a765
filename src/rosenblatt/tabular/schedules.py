"""The learning-rate schedules of the ensemble's networks, as functions of the progress.

A public module among private ones: files of fitted models name these functions.
"""

# SPDX-License-Identifier: BSD-3-Clause
import math


def four_cycles(progress):
    """Factor of the rate: four cosine cycles from 0 to 1 to 0, each twice as long as the last.

    (1 - cos(2 pi log2(1 + 15 t))) / 2 for the share t of all steps [1]_.

    References
    ----------
    .. [1] D. Holzmueller, L. Grinsztajn, I. Steinwart, "Better by default: strong pre-tuned MLPs
       and boosted trees on tabular data", NeurIPS 2024.
    """
    return (1 - math.cos(2 * math.pi * math.log2(1 + 15 * progress))) / 2


def one_cycle(progress):
    """Factor of the rate: up in the first tenth of the steps, then down along a cosine."""
    if progress < 0.1:
        return progress / 0.1
    return (1 + math.cos(math.pi * (progress - 0.1) / 0.9)) / 2
