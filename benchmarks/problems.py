"""The networks and data that are timed. Random data of fixed seeds: no choice in the package may
depend on them.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Net:
    """A network, its batch size and the rows of an epoch."""

    widths: tuple
    batch_size: int
    n_rows: int

    @property
    def name(self):
        return "-".join(map(str, self.widths))

    @property
    def is_regression(self):
        return self.widths[-1] == 1

    @property
    def n_steps(self):
        return -(-self.n_rows // self.batch_size)

    @property
    def operations_per_step(self):
        """Floating-point operations of the matrix products, two for a multiply-add."""
        products = [k * n for k, n in zip(self.widths[:-1], self.widths[1:], strict=True)]
        # the first layer needs no gradient of its input
        return 2 * self.n_rows / self.n_steps * (3 * sum(products) - products[0])

    def data(self, dtype):
        """X and y."""
        rng = np.random.RandomState(0)
        X = rng.normal(size=(self.n_rows, self.widths[0])).astype(dtype)
        if self.is_regression:
            return X, rng.normal(size=self.n_rows).astype(dtype)
        return X, rng.randint(self.widths[-1], size=self.n_rows)


NETS = [
    Net((4, 16, 3), 16, 150),
    Net((20, 32, 2), 1, 1000),
    Net((13, 100, 3), 32, 178),
    Net((64, 100, 10), 200, 1797),
    Net((8, 64, 64, 1), 200, 4000),
    Net((54, 256, 256, 7), 512, 5120),
    Net((256, 256, 256, 256), 512, 5120),
    Net((784, 100, 10), 200, 4000),
    Net((784, 512, 256, 10), 128, 2560),
]
