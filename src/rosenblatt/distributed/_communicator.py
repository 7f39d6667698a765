"""Communication between the processes of a training: the interface, and its MPI implementation.

The implementation over sockets is in _star.py. The callers decide what is sent.
"""

# SPDX-License-Identifier: BSD-3-Clause
import contextlib
import pickle
from abc import ABC, abstractmethod

import numpy as np


class PeerError(RuntimeError):
    """Another process of the training failed or can no longer be reached."""


class Communicator(ABC):
    """A fixed group of processes, all of which make the same calls in the same order.

    Attributes
    ----------
    rank : int
        Index of this process, from 0.
    size : int
        Number of processes.
    """

    rank = 0
    size = 1

    @abstractmethod
    def all_reduce(self, block):
        """Replace a block by its sum over all ranks, which has the same bits on each rank.

        Parameters
        ----------
        block : ndarray, C-contiguous, of the same shape and dtype on every rank
            Modified in place.

        Raises
        ------
        PeerError
            If a rank is lost or does not answer in time.
        """

    @abstractmethod
    def broadcast(self, block):
        """Replace a block by that of rank 0."""

    @abstractmethod
    def close(self):
        """Leave the group; the next call of any other rank fails."""


class MPICommunicator(Communicator):
    """The processes of an MPI communicator.

    Parameters
    ----------
    comm : mpi4py.MPI.Intracomm
        It is duplicated, so that its messages do not mix with those of other users.
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
    """All-gather of picklable objects: a list in the order of the ranks."""
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
    """The concatenated arrays of all ranks."""
    return np.concatenate(exchange(communicator, array))


def from_rank_0(communicator, thing):
    """Broadcast a picklable object from rank 0."""
    pickled = np.frombuffer(pickle.dumps(thing), dtype=np.uint8)
    length = np.array([len(pickled)])
    communicator.broadcast(length)
    block = pickled.copy() if communicator.rank == 0 else np.empty(length[0], dtype=np.uint8)
    communicator.broadcast(block)
    return pickle.loads(block.tobytes())


@contextlib.contextmanager
def failing_together(communicator):
    """A context in which an exception on one rank raises an error on every rank.

    Raises
    ------
    PeerError
        If the block failed on another rank. If it failed on this rank, its own exception is
        raised.
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
