"""PyTorch's activations and losses by the names of the engine's tables, for tests.

What PyTorch lacks is written in its tensors from the formula, so that its derivatives are not
ours. Importing this skips the module of tests that does where there is no PyTorch.
"""

import pytest

from rosenblatt.core import dispatch

torch = pytest.importorskip("torch", reason="needs PyTorch: python -m pip install torch")
F = torch.nn.functional

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
