"""L-BFGS on dask: loss and gradient of each partition are tasks; the solver runs on the client.

Tasks are stateless and open no ports, so dask reruns the tasks of a lost worker elsewhere.
"""

# SPDX-License-Identifier: BSD-3-Clause
import numpy as np
import scipy.sparse as sp

from rosenblatt._lbfgs import RowSums
from rosenblatt.core.network import Network

_AT_ONCE = 8  # number of vectors that one task sums


class PartitionSums:
    """The counterpart of _lbfgs.RowSums for partitions on a dask cluster.

    Parameters
    ----------
    client : distributed.Client
    plan : Plan
    partitions : Partitions
    """

    def __init__(self, client, plan, partitions):
        self.client, self.partitions = client, partitions
        counts = None
        if plan.class_weight is not None:
            counts = partitions.class_counts(client)
        self.settings = client.submit(_given, (plan, counts), pure=False)
        weights = client.map(_weight, partitions.futures, settings=self.settings, pure=False)
        self.weight = float(sum(client.gather(weights)))
        self.n_rows = sum(partitions.n_rows)

    def __call__(self, network):
        # a separate task, so that it is sent to each worker once and can be rerun
        vector = self.client.submit(
            _given, network.read_flat(network.parameters), pure=False, key=None
        )
        sums = [
            self.client.submit(_sums, part, self.settings, vector, pure=False)
            for part in self.partitions.futures
        ]
        while len(sums) > 1:
            sums = [
                self.client.submit(_added, sums[i : i + _AT_ONCE], pure=False)
                for i in range(0, len(sums), _AT_ONCE)
            ]
        loss, gradient = sums[0].result()
        return loss, gradient

    def agreed(self, ask):
        return ask()


def _given(thing):
    return thing


def _weight(encoded, settings):
    plan, counts = settings
    return RowSums(plan, encoded[0], counts).weight


def _sums(encoded, settings, vector):
    """(loss, gradient) of a partition's rows at a vector of parameters."""
    (data, _), (plan, counts) = encoded, settings
    network = Network.of(
        plan.architecture,
        data.X.shape[0],
        is_sparse=sp.issparse(data.X),
        n_threads=plan.n_threads,
    )
    network.write_flat(network.parameters, np.array(vector))
    return RowSums(plan, data, counts)(network)


def _added(sums):
    """The sum of the arguments, added in order."""
    losses, gradients = zip(*sums, strict=True)
    return sum(losses), np.sum(gradients, axis=0)
