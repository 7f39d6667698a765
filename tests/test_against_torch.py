"""Activations, losses and optimisers against PyTorch: values, derivatives, steps.

Needs the extra `test-torch`; without it the tests here are skipped. Its activations and losses
by our names are in torch_formulas.py.
"""

import numpy as np
import pytest
from torch_formulas import ACTIVATIONS, LOSSES, F, targets_for, torch

from rosenblatt._architecture import dense_network
from rosenblatt.core import dispatch, probes
from rosenblatt.core.epochs import RowOrder, train_epochs
from rosenblatt.core.examples import Examples
from rosenblatt.core.loss_derivatives import LossDerivatives
from rosenblatt.core.network import Network

# Values of order one go through a handful of operations on either side; where an activation is
# z times something small, both keep the digits of z.
TOLERANCE = {"float32": 40 * np.finfo("float32").eps, "float64": 40 * np.finfo("float64").eps}


def assert_close(actual, expected, dtype, factor=1):
    """Within TOLERANCE of each element, or of 1 where it is smaller."""
    tolerance = factor * TOLERANCE[dtype]
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", dispatch.ACTIVATIONS)
def test_activation_is_torchs(name, isa, dtype):
    """Value and slope, on a fine grid, the joints of the piecewise ones and far outside."""
    joints = [-1e4, -300, -90, -20, -3, -1, 0, 1, 3, 20, 90, 300, 1e4]
    x = np.unique(np.concatenate([np.linspace(-12, 12, 4001), joints])).astype(dtype)
    z = torch.tensor(x, requires_grad=True)
    expected = ACTIVATIONS[name](z)
    (slope,) = torch.autograd.grad(expected.sum(), z)

    actual = probes.activate(name, x)

    assert_close(actual[0], expected.detach().numpy(), dtype)
    assert_close(actual[1], slope.numpy(), dtype)


@pytest.mark.parametrize("name", dispatch.ACTIVATIONS)
def test_curvature_is_torchs(name, isa, dtype):
    """The slope's derivative, on a fine grid and far outside, but not where slopes jump."""
    outside = [-1e4, -300, -90, -20, 20, 90, 300, 1e4]
    x = np.unique(np.concatenate([np.linspace(-12, 12, 4000), outside])).astype(dtype)
    z = torch.tensor(x, requires_grad=True)
    (slope,) = torch.autograd.grad(ACTIVATIONS[name](z).sum(), z, create_graph=True)
    expected = np.zeros_like(x)
    if slope.requires_grad:  # that of a piecewise linear one is a constant to PyTorch
        (curvature,) = torch.autograd.grad(slope.sum(), z, allow_unused=True)
        expected = expected if curvature is None else curvature.numpy()
    expected = np.where(np.isnan(expected), 0, expected)  # PyTorch's mish, from 90 on

    assert_close(probes.curvature(name, x), expected, dtype)


# losses ----------------------------------------------------------------------------------------

CASES = [(name, c) for name, (_, constants) in LOSSES.items() for c in constants]


def test_every_loss_has_its_oracle():
    """No row of the table goes untested here."""
    assert sorted(LOSSES) == sorted(dispatch.LOSSES)


@pytest.mark.parametrize(("name", "constant"), CASES)
def test_loss_and_gradient_are_torchs(name, constant, isa, dtype):
    """One row at a time: the loss and its gradient by the logits, which are X itself."""
    generator, rows, outputs = np.random.RandomState(0), 40, 4
    X = (generator.standard_normal((rows, outputs)) * 2).astype(dtype)
    y = targets_for(name, constant, rows, outputs, generator)
    y = y if y.ndim == 1 else y.astype(dtype)
    net = Network([outputs, outputs], [], name, rows, dtype, loss_constants=constant)
    net.write(net.parameters, [np.eye(outputs)], [np.zeros(outputs)])
    examples = Examples(X, y)
    for row in range(rows):
        z = torch.tensor(X[[row]].astype("float64"), requires_grad=True)
        expected = LOSSES[name][0](
            z, torch.tensor(y[[row]]).to(torch.int64 if y.ndim == 1 else torch.float64), constant
        )
        (gradient,) = torch.autograd.grad(expected, z)

        loss = net.loss_and_gradient(examples, np.array([row]))

        # a deviance is what is left of terms as large as its gradient's
        scale = max(1, np.abs(gradient.numpy()).max())
        assert_close(loss / scale, expected.item() / scale, dtype)
        assert_close(net.read(net.gradient)[1][0] / scale, gradient.numpy()[0] / scale, dtype)


@pytest.mark.parametrize(("name", "constant"), CASES)
def test_curvature_of_a_loss_is_torchs(name, constant, isa, dtype):
    """One row at a time: the Hessian by the logits times a direction of them."""
    generator, rows, outputs = np.random.RandomState(0), 40, 4
    X = (generator.standard_normal((rows, outputs)) * 2).astype(dtype)
    y = targets_for(name, constant, rows, outputs, generator)
    y = y if y.ndim == 1 else y.astype(dtype)
    net = LossDerivatives(
        dense_network([outputs, outputs], [], name, dtype, loss_constants=constant)
    )
    net.move_to(np.append(np.eye(outputs), np.zeros(outputs)))
    direction = generator.standard_normal(outputs).astype(dtype)
    net.look_along(np.append(np.zeros((outputs, outputs)), direction))
    for row in range(rows):
        z = torch.tensor(X[[row]].astype("float64"), requires_grad=True)
        target = torch.tensor(y[[row]]).to(torch.int64 if y.ndim == 1 else torch.float64)
        (gradient,) = torch.autograd.grad(
            LOSSES[name][0](z, target, constant), z, create_graph=True
        )
        expected = np.zeros(outputs)
        if gradient.requires_grad:
            along = (gradient[0] * torch.tensor(direction.astype("float64"))).sum()
            expected = torch.autograd.grad(along, z)[0].numpy(force=True)[0]
        net.begin()
        net.add(X[[row]], y[[row]], "product")

        # the terms of a deviance's curvature are as large as those of its gradient
        scale = max(1, np.abs(gradient.detach().numpy()).max())
        assert_close(net.sums()[-outputs:] / scale, expected / scale, dtype)


# optimisers ------------------------------------------------------------------------------------

ADAM = {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8}
TORCH_ADAM = {"betas": (0.9, 0.999), "eps": 1e-8}
RMSPROP = {"rho": 0.99, "centered": False, "rmsprop_momentum": 0.0, "epsilon": 1e-8}
OPTIMIZERS = {  # row, our constants, PyTorch's class and its constants, tolerance
    "sgd": ("sgd", {}, "SGD", {}, 1e-9),
    "sgd-momentum": ("sgd", {"momentum": 0.9}, "SGD", {"momentum": 0.9}, 1e-9),
    "adagrad-torchs-epsilon": ("adagrad", {"epsilon": 1e-10}, "Adagrad", {"eps": 1e-10}, 1e-9),
    # ours at its default against theirs at its own, for gradients that are not tiny: a step
    # differs by learning_rate * epsilon / |gradient|
    "adagrad": ("adagrad", {"epsilon": 1e-8}, "Adagrad", {}, 1e-6),
    "rmsprop": ("rmsprop", RMSPROP, "RMSprop", {}, 1e-9),
    "rmsprop-centered": (
        "rmsprop",
        RMSPROP | {"centered": True, "rmsprop_momentum": 0.8, "rho": 0.9, "epsilon": 1e-3},
        "RMSprop",
        {"centered": True, "momentum": 0.8, "alpha": 0.9, "eps": 1e-3},
        1e-9,
    ),
    "adamw": ("adamw", {**ADAM, "weight_decay": 0.01}, "AdamW", TORCH_ADAM, 1e-9),
    "adamw-decay": (
        "adamw",
        {**ADAM, "weight_decay": 0.5},
        "AdamW",
        {**TORCH_ADAM, "weight_decay": 0.5},
        1e-9,
    ),
    "nadam": ("nadam", {**ADAM, "momentum_decay": 0.004}, "NAdam", TORCH_ADAM, 1e-9),
    "nadam-decay": (
        "nadam",
        {**ADAM, "momentum_decay": 0.1, "weight_decay": 0.2},
        "NAdam",
        {**TORCH_ADAM, "momentum_decay": 0.1, "weight_decay": 0.2, "decoupled_weight_decay": True},
        1e-9,
    ),
    "radam": ("radam", ADAM, "RAdam", TORCH_ADAM, 1e-9),
    "radam-short": ("radam", {**ADAM, "beta_2": 0.9}, "RAdam", {"betas": (0.9, 0.9)}, 1e-9),
    "clip-norm": ("sgd", {"clip_norm": 0.1}, "SGD", {}, 1e-9),
    "clip-value": ("sgd", {"clip_value": 0.01}, "SGD", {}, 1e-9),
}


@pytest.fixture
def torch_float64():
    """PyTorch's scalars of state, such as nadam's product, have its default type."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


@pytest.mark.parametrize(
    ("row", "constants", "name", "theirs", "tolerance"), OPTIMIZERS.values(), ids=OPTIMIZERS
)
def test_fifty_steps_are_torchs(row, constants, name, theirs, tolerance, isa, torch_float64):
    """One network, one start, the same batch 50 times: the parameters of torch.optim."""
    generator = np.random.RandomState(1)
    X, y = generator.standard_normal((20, 6)), generator.standard_normal((20, 3))
    shapes, widths = [(6, 7), (7, 3)], [6, 7, 3]
    coefs = [generator.standard_normal(shape) for shape in shapes]
    intercepts = [generator.standard_normal(width) for width in widths[1:]]
    net = Network(widths, ["tanh"], "squared_error", 20, "float64", optimizer=row)
    net.write(net.parameters, coefs, intercepts)
    net.set_optimizer(alpha=0.0, **constants)
    (W, V), (a, b) = (
        [torch.tensor(x, requires_grad=True) for x in part] for part in (coefs, intercepts)
    )
    optimizer = getattr(torch.optim, name)(
        [{"params": [W, V]}, {"params": [a, b], "weight_decay": 0.0}], lr=0.01, **theirs
    )

    for _ in range(50):
        optimizer.zero_grad()
        z = torch.tanh(torch.tensor(X) @ W + a) @ V + b
        (0.5 * F.mse_loss(z, torch.tensor(y), reduction="sum") / 20).backward()
        if "clip_norm" in constants:
            torch.nn.utils.clip_grad_norm_([W, V, a, b], constants["clip_norm"])
        if "clip_value" in constants:
            torch.nn.utils.clip_grad_value_([W, V, a, b], constants["clip_value"])
        optimizer.step()
    order = RowOrder(np.arange(20))
    train_epochs(net, Examples(X, y), order, np.full((50, 1), 0.01), 20)

    ours = [x for part in net.read(net.parameters) for x in part]
    for actual, expected in zip(ours, (W, V, a, b), strict=True):
        np.testing.assert_allclose(actual, expected.detach().numpy(), rtol=0, atol=tolerance)
        assert not np.allclose(actual, 0)
