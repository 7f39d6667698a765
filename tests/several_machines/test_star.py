"""Processes connected by sockets: sums, unknown peers, and lost processes."""

import multiprocessing
import os
import signal
import socket
import time
from multiprocessing.connection import Connection, answer_challenge

import numpy as np
import pytest

from rosenblatt.distributed._batches import held_out_rows, taken_after
from rosenblatt.distributed._communicator import PeerError, exchange, failing_together, from_rank_0
from rosenblatt.distributed._star import Hub, join

KEY, SPAWN = b"secret", multiprocessing.get_context("spawn")
LONG = 20.0  # seconds for a process to start on a busy machine


def take_part(address, rank, size, behaviour):
    """A process of a group; it shows itself by its exit code."""
    group = join(address, rank, size, KEY, LONG)
    for n_numbers in (1, 3, 70_000):
        block = np.arange(n_numbers, dtype=np.float64) * (rank + 1)
        group.all_reduce(block)
        np.testing.assert_array_equal(block, np.arange(n_numbers) * size * (size + 1) / 2)
    assert exchange(group, {"rank": rank}) == [{"rank": i} for i in range(size)]
    assert from_rank_0(group, rank) == 0
    behaviours = {"dies": lambda: os.kill(os.getpid(), signal.SIGKILL), "raises": _raise}
    try:
        with failing_together(group):
            behaviours.get(behaviour, lambda: None)()
    except ValueError:
        return
    if behaviour == "is silent":
        time.sleep(60)
    group.close()


def _raise():
    raise ValueError("no such column")


class Group:
    """Processes that have joined rank 0, which this one is."""

    def __init__(self, *behaviours, timeout=LONG):
        hub, self.size = Hub("127.0.0.1"), len(behaviours) + 1
        self.processes = [
            SPAWN.Process(target=take_part, args=(hub.address, i + 1, self.size, behaviour))
            for i, behaviour in enumerate(behaviours)
        ]
        for process in self.processes:
            process.start()
        self.star = hub.gather(self.size, KEY, timeout)

    def open(self):
        """Rank 0's part of what `take_part` begins with."""
        for n_numbers in (1, 3, 70_000):
            self.star.all_reduce(np.arange(n_numbers, dtype=np.float64))
        exchange(self.star, {"rank": 0})
        from_rank_0(self.star, 0)

    def end(self):
        """The processes' exit codes."""
        self.star.close()
        for process in self.processes:
            process.join(LONG)
        return [process.exitcode for process in self.processes]


def test_processes_add_up_and_agree():
    """Small and large blocks; objects; an end that all reach."""
    group = Group("works", "works")
    group.open()
    with failing_together(group.star):
        pass
    assert group.end() == [0, 0]


def test_an_exception_of_one_is_told_to_all():
    """With its words."""
    group = Group("raises")
    group.open()
    told = pytest.raises(PeerError, match="rank 1 failed with ValueError: no such column")
    with told, failing_together(group.star):
        pass
    assert group.end() == [0]


def test_a_death_ends_all():
    """The other processes get an error at once, not after their limit of time."""
    group = Group("works", "dies")
    group.open()
    with pytest.raises(PeerError, match="was lost"), failing_together(group.star):
        pass
    codes = group.end()
    assert codes[1] == -signal.SIGKILL
    assert codes[0] == 1  # PeerError there too


def test_silence_has_a_limit():
    """A process that hangs is no reason to wait for ever."""
    group = Group("is silent", timeout=LONG)
    group.open()
    with failing_together(group.star):
        pass
    from rosenblatt.distributed._star import _set_timeout

    for connection in group.star._connections:
        _set_timeout(connection, 0.2)
    with pytest.raises(PeerError, match="did not answer in time"):
        group.star.all_reduce(np.zeros(3))
    group.processes[0].kill()
    group.end()


def test_strangers_are_turned_away():
    """Who is silent, who has another key; and nobody comes at all."""
    hub = Hub("127.0.0.1")
    silent = socket.create_connection(hub.address)
    liar = socket.create_connection(hub.address)
    process = SPAWN.Process(target=take_part, args=(hub.address, 1, 2, "works"))
    process.start()
    star = hub.gather(2, KEY, LONG)
    with pytest.raises(Exception, match=r".*"):
        answer_challenge(Connection(liar.detach()), b"guess")
    silent.close()
    star.close()
    process.join(LONG)
    empty = Hub("127.0.0.1")
    with pytest.raises(PeerError, match=r"Ranks \[1, 2\] of 3 did not connect"):
        empty.gather(3, KEY, 0.1)
    with pytest.raises(PeerError, match="cannot be reached"):
        join(empty.address, 1, 2, KEY, 0.2)


@pytest.mark.parametrize("counts", [[7], [3, 3], [0, 5, 1], [100, 1, 37, 0]])
def test_batches_take_each_ranks_share(counts):
    """Of every batch as many rows as on one machine, of each rank its share to a row."""
    n_rows, counts = sum(counts), np.array(counts)
    taken = taken_after(counts, range(n_rows + 1))

    np.testing.assert_array_equal(taken.sum(axis=1), np.arange(n_rows + 1))
    np.testing.assert_array_equal(taken[-1], counts)
    assert (np.diff(taken, axis=0) >= 0).all()
    assert np.abs(taken - np.outer(np.arange(n_rows + 1), counts / n_rows)).max() < 1


def test_held_out_rows_keep_the_classes():
    """The share of each to a row, whatever the block."""
    strata = np.repeat([0, 1, 2], [300, 50, 7])
    rows = held_out_rows(0, 3, len(strata), 0.2, strata)

    assert len(np.unique(rows)) == len(rows)
    np.testing.assert_allclose(np.bincount(strata[rows]), [60, 10, 1.4], atol=1)
    assert not np.array_equal(rows, held_out_rows(0, 4, len(strata), 0.2, strata))
