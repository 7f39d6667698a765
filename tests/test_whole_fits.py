"""Whole fits against PyTorch, with random combinations of all options of a step.

Each part by itself is in test_against_torch.py, test_layers.py and test_vocabulary.py; here is
what they do to each other: the order of penalty, limits, decay and step, weights, short batches.
"""

from itertools import pairwise

import numpy as np
import pytest
from torch_formulas import ACTIVATIONS, LOSSES, F, targets_for, torch

from rosenblatt import MLPClassifier, MLPRegressor
from rosenblatt.core import dispatch

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore:Got `batch_size`"
)

N_EPOCHS = 2
ALWAYS = {
    "max_iter": N_EPOCHS,
    "n_iter_no_change": np.inf,
    "random_state": 0,
    "shuffle": False,
    "intercept_init": "zeros",
}


def scikit_learns_adam(parameters, lr, eps):
    """Epsilon is added before the second moment's bias is corrected."""
    moments = [(torch.zeros_like(w), torch.zeros_like(w)) for w in parameters]
    for t in range(1, 10**6):
        for w, (m, v) in zip(parameters, moments, strict=True):
            m.mul_(0.9).add_(0.1 * w.grad)
            v.mul_(0.999).add_(0.001 * w.grad**2)
            w -= lr * (1 - 0.999**t) ** 0.5 / (1 - 0.9**t) * m / (v.sqrt() + eps)
        yield


# parameters, options: a function that takes a step
OPTIMIZERS = {
    "sgd": lambda w, o: (
        torch.optim.SGD(w, o["lr"], momentum=o["momentum"], nesterov=o["nesterovs_momentum"]).step
    ),
    "adagrad": lambda w, o: torch.optim.Adagrad(w, o["lr"], eps=o["epsilon"]).step,
    "rmsprop": lambda w, o: (
        torch.optim.RMSprop(
            w,
            o["lr"],
            eps=o["epsilon"],
            centered=o["centered"],
            momentum=o["rmsprop_momentum"],
        ).step
    ),
    "adam": lambda w, o: scikit_learns_adam(w, o["lr"], o["epsilon"]).__next__,
    "adamw": lambda w, o: torch.optim.AdamW(w, o["lr"], eps=o["epsilon"], weight_decay=0).step,
    "nadam": lambda w, o: torch.optim.NAdam(w, o["lr"], eps=o["epsilon"]).step,
    "radam": lambda w, o: torch.optim.RAdam(w, o["lr"], eps=o["epsilon"]).step,
}


def initial_weights(fan_in, fan_out, random_state):
    """What both begin with."""
    return random_state.normal(size=(fan_in, fan_out)) / fan_in**0.5


def drawn_fit(random):
    """(loss row, its constant, hidden widths, options, X, targets, weights), at random."""

    def one_of(*values):
        return values[random.randint(len(values))]

    name = one_of(*LOSSES)
    row, constant = dispatch.LOSSES[name], one_of(*LOSSES[name][1])
    n_rows, n_features, batch_size = one_of(12, 17, 20), one_of(1, 4, 9), one_of(5, 8, 64)
    hidden = tuple(one_of(2, 5, 8, 17) for _ in range(random.randint(4)))
    options = {
        "activation": [one_of(*ACTIVATIONS) for _ in hidden],
        "normalization": one_of(None, None, "batch", "layer"),
        "solver": one_of(*OPTIMIZERS),
        "learning_rate_init": one_of(1e-3, 1e-2),
        "batch_size": batch_size,
        "alpha": one_of(0.0, 0.01, 1.0),
        "l1_ratio": one_of(0.0, 0.5, 1.0),
        "weight_decay": one_of(None, 0.0, 0.1),
        "clip_norm": one_of(None, 0.1, 1.0),
        "clip_value": one_of(None, 0.01, 0.5),
        "max_norm": one_of(None, 0.5, 2.0),
        "epsilon": one_of(1e-8, 1e-4),
        "momentum": one_of(0.5, 0.9),
        "nesterovs_momentum": one_of(True, False),
        "centered": one_of(True, False),
        "rmsprop_momentum": one_of(0.0, 0.5),
    }
    outputs = one_of(3, 4) if row.target == "class" else one_of(1, 3)
    targets = targets_for(name, constant, n_rows, outputs, random)
    if row.target == "class":
        targets[:outputs] = np.arange(outputs)
    weights = one_of(None, None, random.uniform(0.1, 2, n_rows))
    return (
        row,
        constant,
        hidden,
        options,
        random.normal(size=(n_rows, n_features)),
        targets,
        weights,
    )


def our_fit(row, constant, hidden, options, X, targets, weights):
    """The fitted estimator."""
    kind = MLPRegressor if row.target == "real" else MLPClassifier
    options = {**ALWAYS, **options, "loss": row.parameter, "weight_init": initial_weights}
    if row.constant:
        options[row.constant] = constant
    if row.multi_class:
        options["multi_class"] = row.multi_class
    y = targets[:, 0] if targets.ndim == 2 and targets.shape[1] == 1 else targets
    return kind(hidden, **options).fit(X, y, weights)


class TorchNet:
    """The same network in PyTorch, with the estimator's options."""

    def __init__(self, widths, options):
        random_state, self.options = np.random.RandomState(0), options
        self.coefs = [
            torch.tensor(initial_weights(*pair, random_state)) for pair in pairwise(widths)
        ]
        self.intercepts = [torch.zeros(width, dtype=torch.float64) for width in widths[1:]]
        normalized = widths[1:-1] if options["normalization"] else ()
        self.scales = [torch.ones(width, dtype=torch.float64) for width in normalized]
        self.shifts = [torch.zeros(width, dtype=torch.float64) for width in normalized]
        self.means = [torch.zeros(width, dtype=torch.float64) for width in normalized]
        self.variances = [torch.ones(width, dtype=torch.float64) for width in normalized]
        self.parameters = [*self.coefs, *self.intercepts, *self.scales, *self.shifts]
        for parameter in self.parameters:
            parameter.requires_grad_()

    def logits(self, a):
        for i, name in enumerate(self.options["activation"]):
            z = a @ self.coefs[i] + self.intercepts[i]
            if self.options["normalization"] == "batch":
                z = F.batch_norm(
                    z, self.means[i], self.variances[i], self.scales[i], self.shifts[i], True
                )
            elif self.options["normalization"] == "layer":
                z = F.layer_norm(z, z.shape[1:], self.scales[i], self.shifts[i])
            a = ACTIVATIONS[name](z)
        return a @ self.coefs[-1] + self.intercepts[-1]

    def penalty(self):
        alpha, share = self.options["alpha"], self.options["l1_ratio"]
        return alpha * sum(
            share * w.abs().sum() + (1 - share) / 2 * (w**2).sum() for w in self.coefs
        )

    def step(self, loss, take_step):
        """One step; returns the gradient's square before limits."""
        options = self.options
        for parameter in self.parameters:
            parameter.grad = torch.zeros_like(parameter)
        loss.backward()
        square = float(sum((parameter.grad**2).sum() for parameter in self.parameters))
        if options["clip_norm"]:
            torch.nn.utils.clip_grad_norm_(self.parameters, options["clip_norm"])
        if options["clip_value"]:
            torch.nn.utils.clip_grad_value_(self.parameters, options["clip_value"])
        decay = options["weight_decay"]
        if decay is None:
            decay = 0.01 if options["solver"] == "adamw" else 0.0
        with torch.no_grad():
            for w in self.coefs:
                w *= 1 - options["learning_rate_init"] * decay
            take_step()
            for w in self.coefs:
                w *= torch.clamp((options["max_norm"] or np.inf) / w.norm(dim=0), max=1)
        return square

    def train(self, loss_of, X, y, weights):
        """The root mean squares of each epoch's gradients."""
        options = {**self.options, "lr": self.options["learning_rate_init"]}
        take_step, norms = OPTIMIZERS[options["solver"]](self.parameters, options), []
        for _ in range(N_EPOCHS):
            squares = []
            for start in range(0, len(X), options["batch_size"]):
                rows = torch.arange(start, min(start + options["batch_size"], len(X)))
                data = loss_of(self.logits(X[rows]), y[rows], weights[rows])
                loss = (data + self.penalty()) / weights[rows].sum()
                squares.append(self.step(loss, take_step))
            norms.append(np.mean(squares) ** 0.5)
        return norms


@pytest.mark.parametrize("seed", range(25))
def test_fit_is_pytorchs(seed):
    """Every array that is learned, the running statistics and the gradients' norms."""
    row, constant, hidden, options, X, targets, weights = drawn_fit(np.random.RandomState(seed))
    model = our_fit(row, constant, hidden, options, X, targets, weights)
    net = TorchNet([X.shape[1], *hidden, model.n_outputs_], options)

    def loss_of(z, y, weights):
        """The table's are sums over rows: of each row by itself where they are weighted."""
        of = LOSSES[row.name][0]
        if (weights == 1).all():
            return of(z, y, constant)
        return sum(weights[i] * of(z[[i]], y[[i]], constant) for i in range(len(z)))

    ones = np.ones(len(X))
    norms = net.train(
        loss_of, *map(torch.tensor, [X, targets, ones if weights is None else weights])
    )

    pairs = [("coefs_", net.coefs), ("intercepts_", net.intercepts)]
    if hidden and options["normalization"]:
        pairs += [("normalization_scales_", net.scales), ("normalization_shifts_", net.shifts)]
    if hidden and options["normalization"] == "batch":
        pairs += [("running_means_", net.means), ("running_variances_", net.variances)]
    for name, theirs in pairs:
        for ours, expected in zip(getattr(model, name), theirs, strict=True):
            # rounding, as large as an optimiser makes it that divides small gradients by small
            np.testing.assert_allclose(ours, expected.detach(), rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(model.history_["gradient_norm"], norms, rtol=1e-7)
