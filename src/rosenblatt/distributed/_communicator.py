"""How the processes of a training speak to each other: one interface, and its MPI transport.

The transport over sockets is in _socket_communicator.py. What is sent, and when, is for the callers
to say.
"""

# SPDX-License-Identifier: BSD-3-Clause
import contextlib
import pickle
from abc import ABC, abstractmethod

import numpy as np


class PeerError(RuntimeError):
    """Another process of the training failed, or cannot be reached any more."""


class Communicator(ABC):
    """A fixed group of processes, each of which makes the same calls in the same order.

    Attributes
    ----------
    rank : int
        The number of this process, from 0.
    size : int
        How many there are.
    """

    rank = 0
    size = 1

    @abstractmethod
    def all_reduce(self, block):
        """Replaces a block by its sum over all ranks, the same bits on each.

        Parameters
        ----------
        block : ndarray, C-contiguous, of the same shape and dtype on every rank
            Changed in place.

        Raises
        ------
        PeerError
            If a rank is gone, or silent for too long.
        """

    @abstractmethod
    def broadcast(self, block):
        """Replaces a block by that of rank 0."""

    @abstractmethod
    def close(self):
        """Ends the group; the other ranks' next call fails."""


class MPICommunicator(Communicator):
    """The processes of an MPI communicator.

    Parameters
    ----------
    comm : mpi4py.MPI.Intracomm
        Duplicated, so that nothing else is mixed with what is sent here.
    """

    def __init__(self, comm):
        from mpi4py import MPI

        self._in_place = MPI.IN_PLACE
        self._comm = comm.Dup()
        self.rank, self.size = comm.Get_rank(), comm.Get_size()

    def all_reduce(self, block):
        self._comm.Allreduce(self._in_place, block)

    def broadcast(self, block):
        self._comm.Bcast(block, root=0)

    def close(self):
        self._comm.Free()


def exchange(communicator, thing):
    """What every rank hands in: a list of picklable objects, in the order of the ranks."""
    pickled = np.frombuffer(pickle.dumps(thing), dtype=np.uint8)
    lengths = np.zeros(communicator.size, dtype=np.int64)
    lengths[communicator.rank] = len(pickled)
    communicator.all_reduce(lengths)
    ends = np.cumsum(lengths)
    block = np.zeros(int(ends[-1]), dtype=np.uint8)
    end = ends[communicator.rank]
    block[end - len(pickled) : end] = pickled
    communicator.all_reduce(block)
    parts = np.split(block, ends[:-1])
    return [pickle.loads(part.tobytes()) for part in parts]


def gathered(communicator, array):
    """The arrays of all ranks, one after the other."""
    return np.concatenate(exchange(communicator, array))


def from_rank_0(communicator, thing):
    """What rank 0 hands in, a picklable object, on every rank."""
    pickled = np.frombuffer(pickle.dumps(thing), dtype=np.uint8)
    length = np.array([len(pickled)])
    communicator.broadcast(length)
    block = pickled.copy() if communicator.rank == 0 else np.empty(length[0], dtype=np.uint8)
    communicator.broadcast(block)
    return pickle.loads(block.tobytes())


@contextlib.contextmanager
def failing_together(communicator):
    """An exception that ends the block on one rank is an error on every rank.

    Raises
    ------
    PeerError
        Where another rank's block failed; this rank's own exception where it was this one's.
    """
    error = None
    try:
        yield
    except Exception as own:
        error = own
    told = exchange(communicator, None if error is None else f"{type(error).__name__}: {error}")
    if error is not None:
        raise error
    for rank, message in enumerate(told):
        if message is not None:
            raise PeerError(f"rank {rank} failed with {message}")
