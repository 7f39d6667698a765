"""The multi-layer perceptron in plain NumPy: what the compiled engine is meant to compute.

Written to be read, not to be fast: the tests compare the engine with it. Every row of the
engine's three tables has its row here, its mathematics and its tolerance side by side; a row
that is missing here fails `test_every_row_of_the_tables_has_a_reference`.

Shapes: X (m, n_features), z and a of a layer (m, fan_out), its W (fan_in, fan_out) and b
(fan_out,). y is (m, n_outputs), or (m,) class indices for the multiclass log loss.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.special import expit, log_softmax, softmax, xlogy


class Activation(NamedTuple):
    """a = value(z), da/dz = slope(z); both work in whatever precision z has."""

    value: Callable
    slope: Callable
    value_ulps: dict  # error of the value, in units in the last place of the true value
    slope_epsilons: dict  # error of the slope, in machine epsilons


def ulps(float32, float64):
    """A tolerance per precision."""
    return {"float32": float32, "float64": float64}


# The functions of vec_math.h promise 4 ulp. A slope computed from a rounded `a` inherits the
# rounding of `a` in absolute terms: 1 - a * a doubles the 4 ulp and adds its own roundings.
EXACT, FOUR, TEN = ulps(0, 0), ulps(4, 4), ulps(10, 10)
ACTIVATIONS = {
    "identity": Activation(lambda z: z, np.ones_like, EXACT, EXACT),
    "logistic": Activation(expit, lambda z: expit(z) * expit(-z), FOUR, FOUR),
    "tanh": Activation(np.tanh, lambda z: 1 / np.cosh(z) ** 2, FOUR, TEN),
    "relu": Activation(lambda z: np.maximum(z, 0), lambda z: (z > 0).astype(z.dtype), EXACT, EXACT),
}


class Loss(NamedTuple):
    """Rows' losses and their gradient with respect to the logits z, and what z predicts."""

    value: Callable  # (z, y) -> (m,)
    gradient: Callable  # (z, y) -> (m, n_outputs)
    predict: Callable  # z -> (m, n_outputs)
    epsilons: dict  # error of a row's loss, relative to its largest term, in machine epsilons


def clip_log_loss(losses):
    """scikit-learn's clipping: a probability counts as at least epsilon from 0 and from 1."""
    epsilon = np.finfo(losses.dtype).eps
    return np.clip(losses, epsilon, -np.log(epsilon))


def one_hot(y, z):
    """(m, n_outputs) zeros and ones, of z's precision."""
    return (y[:, None] == np.arange(z.shape[1])).astype(z.dtype)


LOSSES = {
    "squared_error": Loss(
        lambda z, y: 0.5 * ((z - y) ** 2).sum(axis=1),
        lambda z, y: z - y,
        lambda z: z,
        ulps(8, 8),
    ),
    "poisson": Loss(
        lambda z, y: (np.exp(z) - y * z + xlogy(y, y) - y).sum(axis=1),
        lambda z, y: np.exp(z) - y,
        np.exp,
        ulps(16, 16),
    ),
    "binary_log_loss": Loss(
        lambda z, y: clip_log_loss(np.logaddexp(0, (1 - 2 * y) * z)).sum(axis=1),
        lambda z, y: expit(z) - y,
        expit,
        ulps(8, 8),
    ),
    "multiclass_log_loss": Loss(
        lambda z, y: clip_log_loss(-log_softmax(z, axis=1)[np.arange(len(y)), y]),
        lambda z, y: softmax(z, axis=1) - one_hot(y, z),
        lambda z: softmax(z, axis=1),
        ulps(8, 8),
    ),
}


def sgd_step(w, g, moments, t, *, learning_rate, momentum, nesterovs_momentum):
    """Stochastic gradient descent with (Nesterov's) momentum, in place."""
    (velocity,) = moments
    velocity[...] = momentum * velocity - learning_rate * g
    w += momentum * velocity - learning_rate * g if nesterovs_momentum else velocity


def adam_step(w, g, moments, t, *, learning_rate, beta_1, beta_2, epsilon):
    """Adam, in place; t counts the steps from 1."""
    first, second = moments
    first[...] = beta_1 * first + (1 - beta_1) * g
    second[...] = beta_2 * second + (1 - beta_2) * g**2
    rate = learning_rate * np.sqrt(1 - beta_2**t) / (1 - beta_1**t)
    w -= rate * first / (np.sqrt(second) + epsilon)


OPTIMIZERS = {"sgd": (sgd_step, 1), "adam": (adam_step, 2)}  # step, number of moments


class MLP:
    """A network of the given parameters; `train_epoch` changes them in place."""

    def __init__(self, coefs, intercepts, activations, loss):
        self.coefs, self.intercepts = coefs, intercepts
        self.activations = [ACTIVATIONS[name] for name in activations]
        self.loss = LOSSES[loss]

    def forward(self, X):
        """(zs, activations): every layer's pre-activations; X and what each layer passes on."""
        zs, passed_on = [], [X]
        for i, (W, b) in enumerate(zip(self.coefs, self.intercepts, strict=True)):
            zs.append(passed_on[-1] @ W + b)
            if i < len(self.activations):
                passed_on.append(self.activations[i].value(zs[-1]))
        return zs, passed_on

    def predict(self, X):
        """What the loss's own activation makes of the logits."""
        return self.loss.predict(self.forward(X)[0][-1])

    def loss_and_gradient(self, X, y, weight):
        """Weighted sum of the rows' losses; its gradients by every W and every b."""
        zs, passed_on = self.forward(X)
        total = weight @ self.loss.value(zs[-1], y)
        delta = weight[:, None] * self.loss.gradient(zs[-1], y)
        dWs, dbs = [], []
        for i in reversed(range(len(zs))):
            dWs.insert(0, passed_on[i].T @ delta)
            dbs.insert(0, delta.sum(axis=0))
            if i > 0:
                delta = (delta @ self.coefs[i].T) * self.activations[i - 1].slope(zs[i - 1])
        return total, dWs, dbs

    def set_optimizer(self, name, *, alpha, **constants):
        """The optimiser, its moments at zero, and the weight of the penalty."""
        self.step, n_moments = OPTIMIZERS[name]
        self.alpha, self.constants, self.n_steps = alpha, constants, 0
        self.moments = [
            [np.zeros_like(w) for _ in range(n_moments)] for w in (*self.coefs, *self.intercepts)
        ]

    def train_batch(self, X, y, weight, learning_rate):
        """One step; returns the batch's mean loss, the penalty included, before the step."""
        total_weight = weight.sum()
        if total_weight == 0:
            return 0.0  # such a batch is skipped
        total, dWs, dbs = self.loss_and_gradient(X, y, weight)
        total += 0.5 * self.alpha * sum((W**2).sum() for W in self.coefs)
        dWs = [dW + self.alpha * W for dW, W in zip(dWs, self.coefs, strict=True)]
        self.n_steps += 1
        for w, g, moments in zip(
            (*self.coefs, *self.intercepts), (*dWs, *dbs), self.moments, strict=True
        ):
            self.step(
                w,
                g / total_weight,
                moments,
                self.n_steps,
                learning_rate=learning_rate,
                **self.constants,
            )
        return total / total_weight

    def train_epoch(self, X, y, weight, order, learning_rates, batch_size):
        """Batches are consecutive slices of `order`; returns the mean over rows of their losses."""
        total = 0.0
        for i, start in enumerate(range(0, len(order), batch_size)):
            rows = order[start : start + batch_size]
            loss = self.train_batch(X[rows], y[rows], weight[rows], learning_rates[i])
            total += len(rows) * loss
        return total / len(order)
