"""A model of the duration of a step on many machines, from measurements of one machine.

Numbers in, numbers out; what one machine takes is measured in sections/machines.py. Measured on
two processes of one machine the model is checked only for computing: loopback is no network.
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Network:
    """What connects the machines.

    Attributes
    ----------
    name : str
    latency : float
        Seconds that a message takes, however small.
    bandwidth : float
        Bytes a second, of one machine in one direction.
    """

    name: str
    latency: float
    bandwidth: float


NETWORKS = [
    Network("1 Gbit/s", 100e-6, 0.125e9),
    Network("10 Gbit/s", 40e-6, 1.25e9),
    Network("100 Gbit/s, RDMA", 2e-6, 12.5e9),
]
WORKERS = [2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]


@dataclass(frozen=True)
class Step:
    """A step of one machine.

    Attributes
    ----------
    seconds_a_row : float
        Of gradients.
    seconds_besides : float
        Of the update, and of what Python does between gradients and update.
    n_bytes : int
        Of the gradient.
    """

    seconds_a_row: float
    seconds_besides: float
    n_bytes: int

    def computing(self, rows):
        """Seconds for so many rows of one machine."""
        return self.seconds_a_row * rows + self.seconds_besides

    def seconds(self, rows, workers, network, all_reduce):
        """Of a step in which each of the workers has so many rows."""
        return self.computing(rows) + all_reduce(self.n_bytes, workers, network)


def by_tree(n_bytes, workers, network):
    """MPI's all-reduce of a large block: halves are exchanged, then put together [1]_.

    2 log2(P) messages, and 2 (P - 1) / P of the block in each direction.

    .. [1] R. Thakur, R. Rabenseifner, W. Gropp, "Optimization of collective communication
       operations in MPICH", 2005.
    """
    if workers == 1:
        return 0.0
    sent = 2 * (workers - 1) / workers * n_bytes / network.bandwidth
    return 2 * math.log2(workers) * network.latency + sent


def by_star(n_bytes, workers, network):
    """Rank 0 receives all blocks one after the other, and sends the sum to each."""
    if workers == 1:
        return 0.0
    return 2 * network.latency + 2 * (workers - 1) * n_bytes / network.bandwidth


def strong(step, batch_size, workers, network, all_reduce):
    """How much faster an epoch is where the batch stays as it is."""
    alone = step.computing(batch_size)
    return alone / step.seconds(batch_size / workers, workers, network, all_reduce)


def weak(step, rows, workers, network, all_reduce):
    """How much faster an epoch is where each worker has the batch that one machine had."""
    return workers * step.computing(rows) / step.seconds(rows, workers, network, all_reduce)


def where_it_stops_paying(speed_up, least_gain=1.2):
    """The largest number of workers reached by a doubling that gains at least `least_gain`.

    Parameters
    ----------
    speed_up : callable
        The speedup as a function of the number of workers.
    """
    paying = [n for n in WORKERS if speed_up(n) >= least_gain * speed_up(n // 2)]
    return max(paying, default=1)
