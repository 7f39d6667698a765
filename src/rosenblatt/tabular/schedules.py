"""The learning-rate schedules of the ensemble's networks, as functions of training progress."""

# SPDX-License-Identifier: BSD-3-Clause
import math


def four_cycles(progress):
    """Factor of the learning rate: four cosine cycles, each twice as long as the one before.

    The factor is (1 - cos(2 pi log2(1 + 15 t))) / 2 after the fraction t of all steps [1]_. It
    rises from 0 to 1 and falls to 0 in each cycle.

    References
    ----------
    .. [1] D. Holzmueller, L. Grinsztajn, I. Steinwart, "Better by default: strong pre-tuned MLPs
       and boosted trees on tabular data", NeurIPS 2024.
    """
    return (1 - math.cos(2 * math.pi * math.log2(1 + 15 * progress))) / 2


def one_cycle(progress):
    """Factor of the learning rate: warmup in the first tenth of the steps, then cosine decay."""
    if progress < 0.1:
        return progress / 0.1
    return (1 + math.cos(math.pi * (progress - 0.1) / 0.9)) / 2
