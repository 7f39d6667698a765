"""The composition of batches when rows are in several processes: shares of ranks, and row orders.

There is no communication here: each process can compute the batches of all processes.
"""

# SPDX-License-Identifier: BSD-3-Clause
import numpy as np

_ORDER, _NOISE, _AUGMENT, _HELD_OUT = range(4)  # streams of random numbers


def taken_after(counts, positions):
    """Number of rows that each rank has contributed when an epoch has reached `positions`.

    The rows of all ranks are interleaved evenly: row j of n is at (j + 1/2) / n of the epoch, with
    ties in the order of the ranks. A batch thus has as many rows as on one machine, and each rank
    contributes its proportion, rounded to a row.

    Parameters
    ----------
    counts : ndarray of int of shape (n_ranks,)
        Number of rows of each rank, with at least one row in total.
    positions : sequence of int
        Ends of batches, in [0, sum of `counts`].

    Returns
    -------
    ndarray of int of shape (n_positions, n_ranks)
        The sum of each row is its position.
    """
    counts = np.asarray(counts, dtype=np.int64)
    table = np.empty((len(positions), len(counts)), dtype=np.int64)
    total, rows = int(counts.sum()), np.maximum(counts, 1)
    for line, position in zip(table, positions, strict=True):
        line[...] = np.minimum(np.floor(position / total * counts + 0.5), counts)
        while True:
            surplus = int(line.sum()) - position
            first_left = np.where(line < counts, (line + 0.5) / rows, np.inf)
            last_taken = np.where(line > 0, (line - 0.5) / rows, -np.inf)
            enters = int(np.argmin(first_left))
            leaves = len(rows) - 1 - int(np.argmax(last_taken[::-1]))
            is_in_order = (last_taken[leaves], leaves) < (first_left[enters], enters)
            if surplus == 0 and is_in_order:
                break
            if surplus >= 0:
                line[leaves] -= 1
            if surplus <= 0:
                line[enters] += 1
    return table


def batch_ends(n_rows, batch_size, n_steps):
    """The ends of the batches of an epoch; the last batch has all remaining rows."""
    ends = np.arange(1, n_steps + 1) * batch_size
    ends[-1] = n_rows
    return ends


def random_state(seed, stream, *numbers):
    """An independent random number generator for a purpose, rank and epoch."""
    sequence = np.random.SeedSequence([seed, stream, *numbers])
    return np.random.RandomState(np.random.MT19937(sequence))


def epoch_order(seed, rank, epoch, rows):
    """The permutation of a rank's `rows` in an epoch."""
    return random_state(seed, _ORDER, rank, epoch).permutation(rows)


def noise_seed(seed):
    """The seed for dropout and noise, common to all ranks."""
    return int(np.random.SeedSequence([seed, _NOISE]).generate_state(1, np.uint64)[0])


def augmentation_state(seed, rank, epoch):
    """The random number generator for `augment` on a rank in an epoch."""
    return random_state(seed, _AUGMENT, rank, epoch)


def held_out_rows(seed, block, n_rows, fraction, strata=None):
    """The sorted indices of a block's validation rows: a systematic sample of a random order.

    Parameters
    ----------
    seed, block : int
    n_rows : int
    fraction : float
    strata : ndarray of shape (n_rows,) or None
        The classes of the rows, if the sample is stratified.
    """
    draws = random_state(seed, _HELD_OUT, block)
    order = draws.permutation(n_rows)
    if strata is not None:
        order = order[np.argsort(strata[order], kind="stable")]
    marks = np.floor(np.arange(n_rows + 1) * fraction + draws.uniform())
    return np.sort(order[np.diff(marks) > 0])
