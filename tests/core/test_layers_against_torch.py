"""Normalisation and its order among the layers, against PyTorch: losses, gradients, statistics.

Without PyTorch the tests here are skipped.
"""

import itertools

import numpy as np
import pytest

from rosenblatt.core import probes
from rosenblatt.core.epochs import RowOrder, train_epochs
from rosenblatt.core.examples import Examples
from rosenblatt.core.network import Network

torch = pytest.importorskip("torch", reason="needs PyTorch")

torch.set_num_threads(1)  # several would wait for each other where processors are few


# Sums of up to some hundred terms, divided by a deviation and squared on the way
TOLERANCE = {"float32": 1000 * 2.0**-23, "float64": 1000 * 2.0**-52}
ACTIVATIONS = {"tanh": torch.nn.Tanh, "logistic": torch.nn.Sigmoid}


class FixedDropout(torch.nn.Module):
    """PyTorch's dropout, but with the mask of our step; nothing in predictions."""

    def __init__(self, rate, stream):
        super().__init__()
        self.rate, self.stream, self.step = rate, stream, 0

    def forward(self, x):
        """x times the mask."""
        if not self.training:
            return x
        ones = np.ones(tuple(x.shape), dtype=x.detach().numpy().dtype)
        mask = probes.drop_out(ones, self.rate, seed=3, step=self.step, stream=self.stream)
        return x * torch.from_numpy(mask)


class Pair:
    """The same network, ours and PyTorch's, with random parameters of order one.

    PyTorch's computes in float64 for both precisions: its float32 is further from that than ours.
    """

    def __init__(self, widths, activation, normalization, dropout, dtype, batch_size, n_threads=1):
        rng = np.random.RandomState(0)
        self.widths, self.dtype, self.normalization = widths, dtype, normalization
        hidden = len(widths) - 2
        self.ours = Network(
            widths,
            [activation] * hidden,
            "multiclass_log_loss",
            batch_size,
            dtype,
            optimizer="sgd",
            normalization=normalization,
            dropout=(dropout,) * hidden,
            n_threads=n_threads,
        )
        self.ours.share_above = 0
        self.ours.noise_seed = 3
        torch.manual_seed(0)
        modules = []
        for i, (k, n) in enumerate(itertools.pairwise(widths)):
            modules.append(torch.nn.Linear(k, n))
            if i < hidden:
                kind = {"batch": torch.nn.BatchNorm1d, "layer": torch.nn.LayerNorm}[normalization]
                modules += [kind(n), ACTIVATIONS[activation](), FixedDropout(dropout, i)]
        self.theirs = torch.nn.Sequential(*modules).double()
        self.linears = [m for m in modules if isinstance(m, torch.nn.Linear)]
        self.norms = [
            m for m in modules if isinstance(m, (torch.nn.BatchNorm1d, torch.nn.LayerNorm))
        ]
        self.dropouts = [m for m in modules if isinstance(m, FixedDropout)]
        with torch.no_grad():
            for norm in self.norms:
                for parameter, center in ((norm.weight, 1), (norm.bias, 0)):
                    values = center + rng.uniform(-0.5, 0.5, parameter.shape)
                    parameter.copy_(torch.from_numpy(values.astype(dtype)))
        self.ours.write(self.ours.parameters, *self.lists_of(lambda tensor: tensor))

    def lists_of(self, what):
        """PyTorch's arrays in the order of Network.read: the tensors, or their gradients."""

        def arrays(tensors):
            return [what(tensor).detach().numpy().copy() for tensor in tensors]

        lists = [
            [array.T for array in arrays(m.weight for m in self.linears)],
            arrays(m.bias for m in self.linears),
            arrays(m.weight for m in self.norms),
            arrays(m.bias for m in self.norms),
        ]
        if self.normalization == "batch" and what(self.norms[0].weight) is self.norms[0].weight:
            lists += [
                arrays(m.running_mean for m in self.norms),
                arrays(m.running_var for m in self.norms),
            ]
        return lists

    def loss_and_gradient(self, X, y, step=0):
        """PyTorch's sum of the rows' losses; the gradients are left in its tensors."""
        for dropout in self.dropouts:
            dropout.step = step
        self.theirs.train()
        self.theirs.zero_grad()
        loss = torch.nn.functional.cross_entropy(
            self.theirs(torch.from_numpy(X).double()), torch.from_numpy(y), reduction="sum"
        )
        loss.backward()
        return float(loss.detach())

    def assert_lists_close(self, ours, theirs, factor=1):
        """Within TOLERANCE of the largest element of each array, or of 1."""
        for part, other in zip(ours, theirs, strict=True):
            for one, wanted in zip(part, other, strict=True):
                atol = factor * TOLERANCE[self.dtype] * max(1, np.abs(wanted).max())
                np.testing.assert_allclose(one, wanted, rtol=0, atol=atol)


def data(rows, features, dtype, classes=3):
    """Rows with means far from zero, so that statistics have something to do."""
    rng = np.random.RandomState(1)
    X = (rng.normal(size=(rows, features)) * rng.uniform(0.5, 2, features) + 1).astype(dtype)
    return X, rng.randint(classes, size=rows)


@pytest.mark.parametrize("rows", [2, 3, 300])
@pytest.mark.parametrize(
    ("hidden", "dropout"), [((1,), 0.0), ((17, 3, 40), 0.0), ((130, 65), 0.4)], ids=str
)
@pytest.mark.parametrize("activation", ["tanh", "logistic"])
@pytest.mark.parametrize("normalization", ["batch", "layer"])
def test_loss_gradient_and_statistics_are_torchs(
    normalization, activation, hidden, rows, dropout, isa, dtype
):
    """In training; then the predictions, by the running statistics of that one step."""
    X, y = data(rows, 6, dtype)
    pair = Pair([6, *hidden, 3], activation, normalization, dropout, dtype, rows)
    examples, order = Examples(X, y), np.arange(rows)

    total = pair.ours.loss_and_gradient(examples, order)

    assert total == pytest.approx(pair.loss_and_gradient(X, y), rel=TOLERANCE[dtype])
    # two rows at almost the same z: the division by their distance costs digits
    # and a unit alone in its layer is its own mean: what is left of it is divided by 0.003
    factor = 300 if rows < 5 or hidden == (1,) else 1
    gradient = list(pair.ours.read(pair.ours.gradient))
    expected = pair.lists_of(lambda tensor: tensor.grad)
    # a batch's mean takes intercepts away: sums of deltas that cancel but for their roundings
    pair.assert_lists_close([gradient.pop(1)], [expected.pop(1)], max(factor, 30))
    pair.assert_lists_close(gradient, expected, factor)
    pair.assert_lists_close(pair.ours.read(pair.ours.parameters), pair.lists_of(lambda t: t))

    pair.theirs.eval()
    expected = torch.softmax(pair.theirs(torch.from_numpy(X).double()), 1).detach().numpy()
    predictions = pair.ours.predict(examples, order)
    np.testing.assert_allclose(predictions, expected, rtol=0, atol=TOLERANCE[dtype])


def test_weights_that_outgrow_the_cache_are_torchs(dtype):
    """More than 1 MB of them: a batch goes through such layers in larger pieces."""
    test_loss_gradient_and_statistics_are_torchs("batch", "tanh", (530, 530), 300, 0.4, None, dtype)


@pytest.mark.parametrize("n_threads", [1, 3])
@pytest.mark.parametrize("normalization", ["batch", "layer"])
def test_training_is_torchs(normalization, n_threads, isa):
    """Five epochs of SGD with momentum and dropout in float64: all parameters and statistics."""
    X, y = data(100, 6, "float64")
    pair = Pair([6, 20, 9, 3], "tanh", normalization, 0.3, "float64", 32, n_threads)
    pair.ours.set_optimizer(alpha=0, momentum=0.9)
    optimizer = torch.optim.SGD(pair.theirs.parameters(), lr=0.05, momentum=0.9)
    order = np.random.RandomState(2).permutation(100)

    train_epochs(pair.ours, Examples(X, y), RowOrder(order), np.full((5, 4), 0.05), 32)
    step = 0
    for _ in range(5):
        for start in range(0, 100, 32):
            rows = order[start : start + 32]
            pair.loss_and_gradient(X[rows], y[rows], step)
            for parameter in pair.theirs.parameters():
                parameter.grad /= len(rows)
            optimizer.step()
            step += 1

    # twenty steps pass on each other's roundings
    pair.assert_lists_close(
        pair.ours.read(pair.ours.parameters), pair.lists_of(lambda t: t), factor=10
    )
