"""Which rows make a batch when they lie in several processes: shares of it, and their order.

Numbers only: no process speaks to another here, each can work out the batches of all.
"""

# SPDX-License-Identifier: BSD-3-Clause
import numpy as np

_ORDER, _NOISE, _AUGMENT, _HELD_OUT = range(4)  # streams of random numbers


def taken_after(counts, positions):
    """How many of its rows each rank has given when an epoch is at these positions.

    The ranks' rows are merged as evenly as can be: row j of n has its place at (j + 1/2) / n of
    the epoch, ties in the order of the ranks. So batches hold as many rows as on one machine,
    and of each rank its share, to a row.

    Parameters
    ----------
    counts : ndarray of int of shape (n_ranks,)
        Rows of each rank, at least one in all.
    positions : sequence of int
        Ends of batches, between 0 and the sum of `counts`.

    Returns
    -------
    ndarray of int of shape (n_positions, n_ranks)
        Each line's sum is its position.
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
    """Where the batches of an epoch end; the last takes what is left."""
    ends = np.arange(1, n_steps + 1) * batch_size
    ends[-1] = n_rows
    return ends


def random_state(seed, stream, *numbers):
    """Random numbers of one purpose, rank and epoch, whatever was drawn before."""
    sequence = np.random.SeedSequence([seed, stream, *numbers])
    return np.random.RandomState(np.random.MT19937(sequence))


def epoch_order(seed, rank, epoch, rows):
    """The order in which a rank takes its rows in an epoch, an array like `rows`."""
    return random_state(seed, _ORDER, rank, epoch).permutation(rows)


def noise_seed(seed):
    """What dropout and noise of all ranks are drawn from."""
    return int(np.random.SeedSequence([seed, _NOISE]).generate_state(1, np.uint64)[0])


def augmentation_state(seed, rank, epoch):
    """What `augment` of a rank draws from in an epoch."""
    return random_state(seed, _AUGMENT, rank, epoch)


def held_out_rows(seed, block, n_rows, fraction, strata=None):
    """Numbers of the rows of a block to validate on, sorted: every so-many-th of a random order.

    Parameters
    ----------
    seed, block : int
    n_rows : int
    fraction : float
    strata : ndarray of shape (n_rows,) or None
        The rows' classes, whose shares are kept.
    """
    draws = random_state(seed, _HELD_OUT, block)
    order = draws.permutation(n_rows)
    if strata is not None:
        order = order[np.argsort(strata[order], kind="stable")]
    marks = np.floor(np.arange(n_rows + 1) * fraction + draws.uniform())
    return np.sort(order[np.diff(marks) > 0])
