"""Networks of the core with random parameters, their NumPy references, and tolerances.

Shared by the tests of tests/core. Data sets and checks of whole estimators are in problems.py.
"""

import itertools

import numpy as np
import reference
from scipy import sparse

from rosenblatt.core import dispatch
from rosenblatt.core.epochs import RowOrder, train_epochs
from rosenblatt.core.examples import Examples
from rosenblatt.core.network import Network

ACTIVATIONS, LOSSES = list(dispatch.ACTIVATIONS), list(dispatch.LOSSES)

# Sums of up to some hundred terms of order one, a few of them after one another: relative to
# the largest element a few hundred roundings.
TOLERANCE = {"float32": 500 * np.finfo("float32").eps, "float64": 500 * np.finfo("float64").eps}

SGD = {"momentum": 0.9, "nesterovs_momentum": True}
ADAM = {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8}
RMSPROP = {"rho": 0.99, "centered": True, "rmsprop_momentum": 0.9, "epsilon": 1e-8}
VALUES = {**SGD, **ADAM, **RMSPROP, "momentum_decay": 0.004}
CONSTANTS = {
    row.name: {name: VALUES[name] for name in row.parameters}
    for row in dispatch.OPTIMIZERS.values()
}

# No hidden layer to three; widths below, at and above whole vectors of every level
HIDDEN = [(), (5,), (16, 7), (17, 3, 8)]
ACTIVATION_OPTIMIZER = [
    *((name, "adam") for name in ACTIVATIONS),
    *(("tanh", name) for name in CONSTANTS if name != "adam"),
]

# whose slopes jump
BROKEN = {
    *("relu", "leaky_relu", "selu", "hard_sigmoid", "hard_swish"),
    *("absolute_error", "quantile", "hinge", "ovr_hinge"),
    *("crammer_singer_hinge", "crammer_singer_squared_hinge"),
}


def assert_close(actual, expected, dtype, factor=1):
    """Within TOLERANCE of the largest expected element, or of 1 where all are smaller."""
    actual, expected = np.asarray(actual, float), np.asarray(expected, float)
    scale = max(1.0, np.abs(expected).max(initial=0))
    atol = factor * TOLERANCE[dtype] * scale
    np.testing.assert_allclose(actual, expected, rtol=0, atol=atol)


def assert_all_close(actual, expected, dtype, factor=1):
    """`assert_close` for lists of arrays: one per layer."""
    for one, other in zip(actual, expected, strict=True):
        assert_close(one, other, dtype, factor)


def assert_gradient_close(net, dWs, dbs, dtype):
    """`assert_close` for every layer's part of the gradient."""
    coefs, intercepts = net.read(net.gradient)
    assert_all_close(coefs, dWs, dtype)
    assert_all_close(intercepts, dbs, dtype)


def assert_parameters_close(net, mlp, dtype, factor=1):
    """`assert_close` for every layer's parameters and those of the reference."""
    coefs, intercepts = net.read(net.parameters)
    assert_all_close(coefs, mlp.coefs, dtype, factor)
    assert_all_close(intercepts, mlp.intercepts, dtype, factor)


def train_epoch(net, examples, order, rates, batch_size):
    """One epoch over rows in a given order; its loss."""
    return train_epochs(net, examples, RowOrder(order), np.array([rates]), batch_size)[0]


class Problem:
    """Random data for a loss, and networks and references of the same random parameters."""

    def __init__(
        self,
        hidden,
        activation,
        loss,
        *,
        rows=13,
        features=6,
        outputs=3,
        seed=0,
        dtype="float64",
        kind="dense",
        weighted=False,
    ):
        generator = np.random.RandomState(seed)
        self.widths, self.dtype, self.loss = [features, *hidden, outputs], dtype, loss
        self.activations, self.kind = [activation] * len(hidden), kind
        self.X = generator.standard_normal((rows, features)).astype(dtype)
        if kind == "csr":
            self.X *= generator.uniform(size=self.X.shape) < 0.5
        self.y = self._targets(generator, rows, outputs)
        self.weight = (generator.uniform(0.5, 2, rows) if weighted else np.ones(rows)).astype(dtype)
        self.coefs = [
            (generator.standard_normal(shape) / np.sqrt(shape[0])).astype(dtype)
            for shape in itertools.pairwise(self.widths)
        ]
        self.intercepts = [
            generator.uniform(-0.5, 0.5, width).astype(dtype) for width in self.widths[1:]
        ]
        self.examples = Examples(
            sparse.csr_array(self.X) if kind == "csr" else self.X,
            self.y,
            self.weight if weighted else None,
        )
        self.order = generator.permutation(rows)

    def _targets(self, generator, rows, outputs):
        kind = dispatch.LOSSES[self.loss].target
        if kind == "class":
            return generator.randint(outputs, size=rows)
        if kind == "binary":
            return generator.randint(2, size=(rows, outputs)).astype(self.dtype)
        draw = reference.LOSSES[self.loss].targets
        if draw is not None:
            return draw(generator, (rows, outputs)).astype(self.dtype)
        return generator.standard_normal((rows, outputs)).astype(self.dtype)

    def network(self, optimizer=None, batch_size=8, dtype=None, **options):
        """A network of the core with these parameters; what `options` add is random."""
        net = Network(
            self.widths,
            self.activations,
            self.loss,
            batch_size,
            dtype or self.dtype,
            optimizer=optimizer,
            is_sparse=self.kind == "csr",
            loss_constants=reference.LOSSES[self.loss].constant,
            **options,
        )
        net.write(net.parameters, self.coefs, self.intercepts, *self._normalization(net))
        return net

    def _normalization(self, net):
        """Random scales, shifts, running means and variances, as many as the network has."""
        generator = np.random.RandomState(1)
        return [
            [
                (generator.uniform(-0.5, 0.5, a.size) + (i % 2 == i // 2)).astype(self.dtype)
                for a in arrays
            ]
            for i, arrays in enumerate(net.read(net.parameters)[2:])
        ]

    def reference(self):
        """The NumPy network with these parameters."""
        coefs, intercepts = [w.copy() for w in self.coefs], [b.copy() for b in self.intercepts]
        return reference.MLP(coefs, intercepts, self.activations, self.loss)


def train_both(problem, optimizer, constants, *, alpha=0.1, batch_size, epochs=1, rates=None):
    """(network, loss of the last epoch, reference, loss) after the same training."""
    net, mlp = problem.network(optimizer, batch_size), problem.reference()
    net.set_optimizer(alpha=alpha, **constants)
    mlp.set_optimizer(optimizer, alpha=alpha, **constants)
    rates = np.full(-(-len(problem.order) // batch_size), 0.01) if rates is None else rates
    for epoch in range(epochs):
        order = np.roll(problem.order, epoch)
        loss = train_epoch(net, problem.examples, order, rates, batch_size)
        expected = mlp.train_epoch(problem.X, problem.y, problem.weight, order, rates, batch_size)
    return net, loss, mlp, expected


def padding_of(net):
    """Mask of the elements of a block of parameters that `write` leaves alone."""
    mask = np.ones(net.parameters.size)
    net.write(mask, *[[0 * array for array in arrays] for arrays in net.read(mask)])
    return mask == 1
