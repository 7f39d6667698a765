"""A communicator over sockets with a star topology: rank 0 is connected to each other rank.

It is meant for a small number of processes without MPI, such as dask workers, because the traffic
of rank 0 grows with their number. The address and the key are passed in; there is no discovery.
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

_GREETING = struct.Struct("<q")  # the rank of the connecting process
_PAUSE = 0.05  # seconds between two attempts to connect


class Star(Communicator):
    """The connections of rank 0 to all other ranks.

    Parameters
    ----------
    rank, size : int
    connections : list of Connection
        On rank 0, the connections to ranks 1, 2, ...; on another rank, the connection to rank 0.
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
            for rank in range(1, self.size):  # a fixed order, so that the sum is deterministic
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
            raise PeerError("The group of processes is closed")
        n_received = self._connections[i - 1].recv_bytes_into(data)
        if n_received != len(data):
            raise PeerError(f"Received {n_received} bytes from a peer instead of {len(data)}")

    @contextlib.contextmanager
    def _closed_on_error(self):
        """Close the group on any error, so that no other rank waits for this one."""
        try:
            yield
        except BaseException as error:
            self.close()
            if isinstance(error, BlockingIOError):
                raise PeerError("A process of the training did not answer in time") from error
            if isinstance(error, (EOFError, OSError)):
                raise PeerError(f"A process of the training was lost: {error!r}") from error
            raise


def _bytes_of(block):
    return memoryview(block).cast("B") if block.size else memoryview(b"")


class Hub:
    """The listening socket of rank 0, until all other ranks have connected.

    Parameters
    ----------
    host : str
        The address to listen on; a free port is chosen.

    Attributes
    ----------
    address : (str, int)
        The address to which the other ranks connect.
    """

    def __init__(self, host):
        self._socket = socket.create_server((host, 0), family=_family_of(host), backlog=128)
        self.address = self._socket.getsockname()[:2]

    def gather(self, size, key, timeout):
        """Accept the other ranks; returns the Star of `size` processes for rank 0.

        Parameters
        ----------
        size : int
        key : bytes
            Connections without this key are rejected.
        timeout : float
            Seconds to wait for the other ranks, and later for each of their messages.

        Raises
        ------
        PeerError
            If not all ranks have connected in time.
        """
        connections, end = [None] * (size - 1), time.monotonic() + timeout
        try:
            while None in connections:
                left = end - time.monotonic()
                if left <= 0:
                    missing = [i + 1 for i, each in enumerate(connections) if each is None]
                    raise PeerError(
                        f"Ranks {missing} of {size} did not connect within {timeout:g} s"
                    )
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
        """Accept a connection that knows the key; an unknown peer has one second to prove it."""
        connection = _connection(peer, min(timeout, 1.0))
        try:
            deliver_challenge(connection, key)
            answer_challenge(connection, key)
            (rank,) = _GREETING.unpack(connection.recv_bytes(_GREETING.size))
        except Exception:  # anything that an unknown peer may cause
            connection.close()
            return
        if not 1 <= rank <= len(connections) or connections[rank - 1] is not None:
            connection.close()
            return
        _set_timeout(connection, timeout)
        connections[rank - 1] = connection

    def close(self):
        """Stop listening."""
        self._socket.close()


def join(address, rank, size, key, timeout):
    """Connect to the Hub at `address`; returns the Star for a rank other than 0.

    Raises
    ------
    PeerError
        If no process with the key answers in time.
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
            if connection is not None:
                connection.close()
            time.sleep(_PAUSE)
    raise PeerError(f"Rank 0 cannot be reached at {address}: {error!r}") from error


def _family_of(host):
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _connection(peer, timeout):
    """A multiprocessing Connection over a socket, with TCP_NODELAY because steps wait for it."""
    peer.settimeout(None)
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection = Connection(peer.detach())
    _set_timeout(connection, timeout)
    return connection


def _set_timeout(connection, seconds):
    """Set the timeouts of the operating system, which also apply in the middle of a message."""
    if os.name == "nt":
        limit = struct.pack("<l", int(seconds * 1000))
    else:
        limit = struct.pack("ll", int(seconds), int(seconds % 1 * 1e6))
    peer = socket.socket(fileno=connection.fileno())
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
    peer.detach()  # the Connection keeps the file descriptor
