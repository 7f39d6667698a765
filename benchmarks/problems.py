"""The networks and data for timing. Random data of fixed seeds: no choice in the package may
depend on them.
"""

from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
from sklearn.datasets import load_digits


@dataclass(frozen=True)
class Parts:
    """What the hidden layers and the solver are, by the names of the estimators' parameters."""

    activation: str = "relu"
    normalization: str | None = None
    dropout: float = 0.0
    solver: str = "adam"

    @property
    def parameters(self):
        """Those that are not the default, which scikit-learn's classes may not have."""
        return {name: value for name, value in vars(self).items() if value != getattr(Parts, name)}


@dataclass(frozen=True)
class Net:
    """A network, its batch size and the rows of an epoch."""

    widths: tuple
    batch_size: int
    n_rows: int
    parts: Parts = Parts()

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
        first, *others = self._products
        # the first layer needs no gradient of its input
        return 2 * self.n_rows / self.n_steps * (2 * first + 3 * sum(others))

    @property
    def operations_per_row(self):
        """The same of the forward pass alone, for one row."""
        return 2 * sum(self._products)

    @property
    def _products(self):
        return [k * n for k, n in zip(self.widths[:-1], self.widths[1:], strict=True)]

    def data(self, dtype):
        """X and y."""
        rng = np.random.RandomState(0)
        X = rng.normal(size=(self.n_rows, self.widths[0])).astype(dtype)
        if self.is_regression:
            return X, rng.normal(size=self.n_rows).astype(dtype)
        return X, rng.randint(self.widths[-1], size=self.n_rows)

    def with_rows(self, n_rows):
        """The same network on so many rows."""
        return replace(self, n_rows=n_rows)


DIGITS = Net((64, 100, 10), 200, 1797)
COVERTYPE = Net((54, 256, 256, 7), 512, 5120)
WIDE = Net((784, 512, 256, 10), 128, 2560)
NETS = [
    Net((4, 16, 3), 16, 150),
    Net((20, 32, 2), 1, 1000),
    Net((13, 100, 3), 32, 178),
    DIGITS,
    Net((8, 64, 64, 1), 200, 4000),
    COVERTYPE,
    Net((256, 256, 256, 256), 512, 5120),
    Net((784, 100, 10), 200, 4000),
    WIDE,
]


def digits(dtype):
    """The 1,797 images that scikit-learn brings, pixels from 0 to 1, and their labels."""
    pixels, y = load_digits(return_X_y=True)
    return (pixels / 16).astype(dtype), y


def text_like(n_rows, n_words, n_classes):
    """CSR rows of about a hundred words whose frequencies follow Zipf's law, and their labels."""
    rng = np.random.RandomState(0)
    words = (n_words ** rng.uniform(size=(n_rows, 100))).astype(np.int32) - 1
    starts = np.arange(0, words.size + 1, 100)
    counts = sp.csr_matrix((np.ones(words.size), words.ravel(), starts), (n_rows, n_words))
    counts.sum_duplicates()
    X = counts.multiply(1 / np.sqrt(counts.multiply(counts).sum(axis=1))).tocsr()
    scores = X @ rng.normal(size=(n_words, n_classes))
    return X, (scores + 0.1 * rng.normal(size=scores.shape)).argmax(axis=1)
