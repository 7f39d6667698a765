"""A communicator over sockets: rank 0 in the middle, a connection to each of the others.

For a few processes that have no MPI, such as dask's workers: what rank 0 sends and receives
grows with their number. It finds nobody by itself: an address and a key are handed in.
"""

# SPDX-License-Identifier: BSD-3-Clause
import contextlib
import os
import socket
import struct
import time
from multiprocessing.connection import Connection, answer_challenge, deliver_challenge

import numpy as np

from rosenblatt.distributed._communicator import Communicator, PeerError

_GREETING = struct.Struct("<q")  # the rank of who connects
_PAUSE = 0.05  # seconds between two attempts to connect


class Star(Communicator):
    """Connections of rank 0 to all others.

    Parameters
    ----------
    rank, size : int
    connections : list of Connection
        Of rank 0 those to ranks 1, 2, ...; of another rank the one to rank 0.
    """

    def __init__(self, rank, size, connections):
        self.rank, self.size, self._connections = rank, size, connections

    def all_reduce(self, block):
        data = _bytes_of(block)
        with self._closed_on_error():
            if self.rank:
                self._connections[0].send_bytes(data)
                self._receive(1, data)
                return
            part = np.empty_like(block)
            for rank in range(1, self.size):  # in this order: the sum has the same bits each time
                self._receive(rank, _bytes_of(part))
                block += part
            for connection in self._connections:
                connection.send_bytes(data)

    def broadcast(self, block):
        data = _bytes_of(block)
        with self._closed_on_error():
            if self.rank:
                self._receive(1, data)
                return
            for connection in self._connections:
                connection.send_bytes(data)

    def close(self):
        for connection in self._connections:
            connection.close()
        self._connections = []

    def _receive(self, i, data):
        if not self._connections:
            raise PeerError("the group of processes is closed")
        n_received = self._connections[i - 1].recv_bytes_into(data)
        if n_received != len(data):
            raise PeerError(f"got {n_received} bytes of a peer where {len(data)} were due")

    @contextlib.contextmanager
    def _closed_on_error(self):
        """Whatever fails ends the group, so that no other rank waits for this one."""
        try:
            yield
        except BaseException as error:
            self.close()
            if isinstance(error, BlockingIOError):
                raise PeerError("a process of the training was silent for too long") from error
            if isinstance(error, (EOFError, OSError)):
                raise PeerError(f"a process of the training is gone: {error!r}") from error
            raise


def _bytes_of(block):
    return memoryview(block).cast("B") if block.size else memoryview(b"")


class Hub:
    """Where rank 0 listens until all others have come.

    Parameters
    ----------
    host : str
        The address to listen at; the port is one that is free.

    Attributes
    ----------
    address : (str, int)
        What the others connect to.
    """

    def __init__(self, host):
        self._socket = socket.create_server((host, 0), family=_family_of(host), backlog=128)
        self.address = self._socket.getsockname()[:2]

    def gather(self, size, key, timeout):
        """The Star of `size` processes, as its rank 0.

        Parameters
        ----------
        size : int
        key : bytes
            Who does not know it is turned away.
        timeout : float
            Seconds to wait for the others, and later for each of their messages.

        Raises
        ------
        PeerError
            If they have not all come in time.
        """
        connections, end = [None] * (size - 1), time.monotonic() + timeout
        try:
            while None in connections:
                left = end - time.monotonic()
                if left <= 0:
                    missing = [i + 1 for i, each in enumerate(connections) if each is None]
                    raise PeerError(f"ranks {missing} of {size} did not come in {timeout:g} s")
                self._socket.settimeout(left)
                with contextlib.suppress(TimeoutError):
                    self._let_in(self._socket.accept()[0], connections, key, timeout)
        except BaseException:
            for connection in filter(None, connections):
                connection.close()
            raise
        finally:
            self.close()
        return Star(0, size, connections)

    def _let_in(self, peer, connections, key, timeout):
        """Takes a peer's connection if it knows the key; strangers have a second."""
        connection = _connection(peer, min(timeout, 1.0))
        try:
            deliver_challenge(connection, key)
            answer_challenge(connection, key)
            (rank,) = _GREETING.unpack(connection.recv_bytes(_GREETING.size))
        except Exception:  # of whatever a stranger says
            connection.close()
            return
        if not 1 <= rank <= len(connections) or connections[rank - 1] is not None:
            connection.close()
            return
        _set_timeout(connection, timeout)
        connections[rank - 1] = connection

    def close(self):
        """Stops listening; another thread that is in `gather` ends with an OSError."""
        with contextlib.suppress(OSError):  # of systems that let nobody shut down a listener
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


def join(address, rank, size, key, timeout):
    """The Star that listens at an address, as one of its other ranks.

    Raises
    ------
    PeerError
        If nobody who knows the key answers there in time.
    """
    end, error = time.monotonic() + timeout, None
    while time.monotonic() < end:
        connection = None
        try:
            peer = socket.create_connection(address, timeout=max(end - time.monotonic(), _PAUSE))
            connection = _connection(peer, timeout)
            answer_challenge(connection, key)
            deliver_challenge(connection, key)
            connection.send_bytes(_GREETING.pack(rank))
            return Star(rank, size, [connection])
        except Exception as latest:
            error = latest
            if isinstance(latest, ConnectionRefusedError):  # it listened before this was called
                break
            if connection is not None:
                connection.close()
            time.sleep(_PAUSE)
    raise PeerError(f"rank 0 cannot be reached at {address}: {error!r}") from error


def _family_of(host):
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _connection(peer, timeout):
    """A standard library's Connection over a socket; without delay, as a step waits for it."""
    peer.settimeout(None)
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection = Connection(peer.detach())
    _set_timeout(connection, timeout)
    return connection


def _set_timeout(connection, seconds):
    """The system's own limits: they hold in the middle of a message too."""
    if os.name == "nt":
        limit = struct.pack("<l", int(seconds * 1000))
    else:
        limit = struct.pack("ll", int(seconds), int(seconds % 1 * 1e6))
    peer = socket.socket(fileno=connection.fileno())
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
    peer.detach()  # the connection's it stays
