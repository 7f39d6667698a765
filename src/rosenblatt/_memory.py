"""The memory check before a fit: compares the memory for training with that of the machine.

It uses the parameters and the description of the network; nothing is allocated here.
"""

# SPDX-License-Identifier: BSD-3-Clause
import contextlib
import os
from functools import cache
from itertools import compress
from pathlib import Path

import numpy as np

from rosenblatt._parameter_table import AUTO_BATCH_SIZE
from rosenblatt.core.dispatch import ACTIVATIONS, OPTIMIZERS

CHUNK_ROWS = 240  # rows that a thread processes at a time, see core/layers.pyx


def refuse_too_large(estimator, architecture, dropout, n_rows, n_threads):
    """Raise MemoryError if training the network needs more memory than this machine has."""
    n_features, *hidden, n_outputs = architecture.widths
    refuse_beyond_memory(
        memory_needed(estimator, architecture, dropout, n_rows, n_threads),
        f"hidden_layer_sizes={tuple(hidden)} with {n_features} features and {n_outputs} "
        f"outputs makes {architecture.n_parameters:,} parameters; training them",
    )


def refuse_beyond_memory(needed, work):
    """Raise MemoryError if `work` needs more bytes than this machine has."""
    available = memory_of_this_machine()
    if needed > available:
        raise MemoryError(
            f"{work} takes {needed / 2**30:,.1f} GiB and {available / 2**30:,.1f} GiB are there."
        )


def memory_needed(estimator, architecture, dropout, n_rows, n_threads):
    """Bytes that a fit needs in addition to X and y, without padding and small arrays."""
    n_parameters, item_size = architecture.n_parameters, architecture.dtype.itemsize
    if estimator.solver == "lbfgs":
        # scipy's workspace of 25 vectors (20 of them past steps), its bounds and copies of its last
        # arguments, all in float64; our flat vectors; parameters and gradient of the core
        needed = n_parameters * (39 * 8 + 4 * item_size)
    else:
        # parameters, gradient, moments, transposed weights and the initial arrays; with early
        # stopping also the best parameters, with tol_params those of the last epoch
        n_copies = 4 + OPTIMIZERS[estimator.solver].n_moments
        n_copies += bool(estimator.early_stopping) + (estimator.tol_params is not None)
        needed = n_copies * n_parameters * item_size
    n_numbers_a_row = _numbers_a_row(architecture, dropout)
    return needed + _rows_at_once(estimator, n_rows, n_threads) * n_numbers_a_row * item_size


def _rows_at_once(estimator, n_rows, n_threads):
    """Maximum number of rows whose activations are stored: a chunk, or with batch normalisation a
    batch, which may have one more row."""
    is_auto = estimator.batch_size == "auto"
    batch_size = AUTO_BATCH_SIZE if is_auto else estimator.batch_size
    if estimator.normalization == "batch":
        return min(n_rows, batch_size + 1)
    rows = n_rows if estimator.solver == "lbfgs" else min(n_rows, batch_size)
    return min(rows, CHUNK_ROWS * n_threads)


def _numbers_a_row(architecture, dropout):
    """Values that the core stores per row: the row, outputs and deltas of each layer, and for
    hidden layers normalised products, and slopes if they are not computed from outputs."""
    n_features, *hidden, n_outputs = architecture.widths
    n_normalized = {None: 0, "batch": 1, "layer": 2}[architecture.normalization]  # 2: both deltas
    has_slopes = [
        rate > 0 or ACTIVATIONS[name].keeps_input
        for name, rate in zip(architecture.activations, dropout, strict=True)
    ]
    n_units = sum(hidden)
    n_slopes = sum(compress(hidden, has_slopes))
    return n_features + 2 * (n_units + n_outputs) + n_normalized * n_units + n_slopes


@cache  # reading a file would be noticeable in a small fit
def memory_of_this_machine():
    """The maximum number of bytes of memory of a process; infinite if unknown."""
    limits = [np.inf]
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        limits.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    with contextlib.suppress(OSError, ValueError):  # no control group, not readable, or "max"
        limits.append(int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return min(limit for limit in limits if limit > 0)  # -1 means unknown
