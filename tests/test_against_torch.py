"""Activations, losses and optimisers against PyTorch: values, gradients, steps.

Needs the extra `test-torch`; without it the tests here are skipped. What PyTorch lacks is
written in its tensors from the formula, so that its derivatives are not ours.
"""

import numpy as np
import pytest

from rosenblatt.core import dispatch, network

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install rosenblatt[test-torch]")
F = torch.nn.functional

# Values of order one go through a handful of operations on either side; where an activation is
# z times something small, both keep the digits of z.
TOLERANCE = {"float32": 40 * np.finfo("float32").eps, "float64": 40 * np.finfo("float64").eps}


def assert_close(actual, expected, dtype, factor=1):
    """Within TOLERANCE of each element, or of 1 where it is smaller."""
    tolerance = factor * TOLERANCE[dtype]
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)


ACTIVATIONS = {
    "identity": lambda z: z,
    "logistic": torch.sigmoid,
    # F.hardsigmoid has a float32's 1/6 as its slope in float64 too
    "hard_sigmoid": lambda z: F.relu6(z + 3) / 6,
    "tanh": torch.tanh,
    "relu": F.relu,
    "leaky_relu": F.leaky_relu,
    "elu": F.elu,
    "selu": F.selu,
    "gelu": F.gelu,
    "silu": F.silu,
    "mish": F.mish,
    # PyTorch's is the identity from `threshold` on, by default where it is 2e-9 off
    "softplus": lambda z: F.softplus(z, threshold=50),
    "hard_swish": F.hardswish,
}


@pytest.mark.parametrize("name", dispatch.ACTIVATIONS)
def test_activation_is_torchs(name, isa, dtype):
    """Value and slope, on a fine grid, the joints of the piecewise ones and far outside."""
    joints = [-1e4, -300, -90, -20, -3, -1, 0, 1, 3, 20, 90, 300, 1e4]
    x = np.unique(np.concatenate([np.linspace(-12, 12, 4001), joints])).astype(dtype)
    z = torch.tensor(x, requires_grad=True)
    expected = ACTIVATIONS[name](z)
    (slope,) = torch.autograd.grad(expected.sum(), z)

    actual = network.activate(name, x)

    assert_close(actual[0], expected.detach().numpy(), dtype)
    assert_close(actual[1], slope.numpy(), dtype)


# losses ----------------------------------------------------------------------------------------


def log_probabilities(z):
    """Of the classes: of a softmax."""
    return F.log_softmax(z, dim=1)


def signs(z, y):
    """1 and -1 for indicators, or for class indices the same in a column each."""
    return 2 * (F.one_hot(y, z.shape[1]).to(z.dtype) if y.ndim == 1 else y) - 1


def crammer_singer(z, y):
    """max(0, 1 - own + best other)."""
    own = F.one_hot(y, z.shape[1]).bool()
    best = z.masked_fill(own, -torch.inf).max(dim=1).values
    return F.relu(1 - z[own] + best)


def binary_focal(z, y, c):
    """-(1 - p)^c log p, p being the probability of what is."""
    log_p = F.logsigmoid(signs(z, y) * z)
    return (-((1 - log_p.exp()) ** c) * log_p).sum()


def multiclass_focal(z, y, c):
    """The same with a softmax."""
    log_p = log_probabilities(z)[range(len(y)), y]
    return (-((1 - log_p.exp()) ** c) * log_p).sum()


def tweedie(z, y, p):
    """Half the deviance, from its definition."""
    mean = z.exp()
    terms = torch.clamp(y, min=0) ** (2 - p) / ((1 - p) * (2 - p))
    return (terms - y * mean ** (1 - p) / (1 - p) + mean ** (2 - p) / (2 - p)).sum()


def poisson(z, y, c):
    """PyTorch's leaves out a term of y alone, or has Stirling's formula for it."""
    return F.poisson_nll_loss(z, y, reduction="sum") + (torch.xlogy(y, y) - y).sum()


def with_sum(function):
    """A loss of PyTorch's, summed over all."""
    return lambda z, y, c: function(z, y, reduction="sum")


def pinball(z, y, c):
    """max(c d, (c - 1) d) for d = y - z."""
    return torch.maximum(c * (y - z), (c - 1) * (y - z)).sum()


LOSSES = {  # name: function of (z, y, c), the constants to try
    "squared_error": (lambda z, y, c: 0.5 * F.mse_loss(z, y, reduction="sum"), [0]),
    "absolute_error": (with_sum(F.l1_loss), [0]),
    "huber": (lambda z, y, c: F.huber_loss(z, y, reduction="sum", delta=c), [0.3, 1.0, 2.5]),
    "log_cosh": (lambda z, y, c: torch.log(torch.cosh(z - y)).sum(), [0]),
    "quantile": (pinball, [0.05, 0.5, 0.9]),
    "poisson": (poisson, [0]),
    "gamma": (lambda z, y, c: (z - y.log() + y * torch.exp(-z) - 1).sum(), [0]),
    "tweedie": (tweedie, [-1.0, 1.1, 1.5, 1.9, 2.5, 3.0]),
    "binary_log_loss": (
        lambda z, y, c: F.binary_cross_entropy_with_logits(z, y * (1 - c) + c / 2, reduction="sum"),
        [0, 0.1, 1.0],
    ),
    "multiclass_log_loss": (
        lambda z, y, c: F.cross_entropy(z, y, reduction="sum", label_smoothing=c),
        [0, 0.1, 1.0],
    ),
    "binary_squared_error": (
        lambda z, y, c: F.mse_loss(torch.sigmoid(z), y, reduction="sum"),
        [0],
    ),
    "multiclass_squared_error": (
        lambda z, y, c: (
            0.5 * F.mse_loss(F.softmax(z, 1), F.one_hot(y, z.shape[1]).to(z.dtype), reduction="sum")
        ),
        [0],
    ),
    "binary_focal": (binary_focal, [0, 0.5, 2.0]),
    "multiclass_focal": (multiclass_focal, [0, 0.5, 2.0]),
    "hinge": (lambda z, y, c: F.relu(1 - signs(z, y) * z).sum(), [0]),
    "ovr_hinge": (lambda z, y, c: F.relu(1 - signs(z, y) * z).sum(), [0]),
    "squared_hinge": (lambda z, y, c: (F.relu(1 - signs(z, y) * z) ** 2).sum(), [0]),
    "ovr_squared_hinge": (lambda z, y, c: (F.relu(1 - signs(z, y) * z) ** 2).sum(), [0]),
    "crammer_singer_hinge": (lambda z, y, c: crammer_singer(z, y).sum(), [0]),
    "crammer_singer_squared_hinge": (lambda z, y, c: (crammer_singer(z, y) ** 2).sum(), [0]),
}
CASES = [(name, c) for name, (_, constants) in LOSSES.items() for c in constants]


def targets_for(name, c, rows, outputs, generator):
    """Targets that the row takes, zeros among them where they are allowed."""
    row = dispatch.LOSSES[name]
    if row.target == "class":
        return generator.randint(outputs, size=rows)
    if row.target == "binary":
        return generator.randint(2, size=(rows, outputs)).astype(float)
    if row.domain == "unbounded" or (row.domain == "by power" and c <= 0):
        return generator.standard_normal((rows, outputs)) * 3
    if row.domain == "not negative" or (row.domain == "by power" and c < 2):
        return generator.poisson(1, size=(rows, outputs)) * 1.3
    return generator.gamma(2, size=(rows, outputs)) + 0.1


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
    net = network.Network([outputs, outputs], [], name, rows, dtype, loss_constants=constant)
    net.write(net.parameters, [np.eye(outputs)], [np.zeros(outputs)])
    examples = network.Examples(X, y)
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
    net = network.Network(widths, ["tanh"], "squared_error", 20, "float64", optimizer=row)
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
    order = network.RowOrder(np.arange(20))
    net.train_epochs(network.Examples(X, y), order, np.full((50, 1), 0.01), 20)

    ours = [x for part in net.read(net.parameters) for x in part]
    for actual, expected in zip(ours, (W, V, a, b), strict=True):
        np.testing.assert_allclose(actual, expected.detach().numpy(), rtol=0, atol=tolerance)
        assert not np.allclose(actual, 0)
