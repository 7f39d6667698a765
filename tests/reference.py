"""The multi-layer perceptron in plain NumPy: the specification of the compiled core.

Written to be read, not to be fast: the tests compare the engine with it. Every row of the
engine's three tables has its row here, its mathematics and its tolerance side by side; a row
that is missing here fails `test_every_row_of_the_tables_has_a_reference`.

Shapes: X (m, n_features), z and a of a layer (m, fan_out), its W (fan_in, fan_out) and b
(fan_out,). y is (m, n_outputs), or (m,) class indices for the multiclass log loss.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.special import expit, huber, log_softmax, ndtr, softmax, xlogy


class Activation(NamedTuple):
    """a = value(z), da/dz = slope(z); both work in whatever precision z has."""

    value: Callable
    slope: Callable
    value_ulps: dict  # error of the value, in units in the last place of the true value
    slope_epsilons: dict  # error of the slope, in machine epsilons
    ulps_of_z: bool = False  # the value's error is measured in ulps of z, where that is larger


def ulps(float32, float64):
    """A tolerance per precision."""
    return {"float32": float32, "float64": float64}


# The functions of vec_math.h promise 4 ulp. A slope computed from a rounded `a` inherits the
# rounding of `a` in absolute terms: 1 - a * a doubles the 4 ulp and adds its own roundings.
EXACT, TWO, FOUR, TEN = ulps(0, 0), ulps(2, 2), ulps(4, 4), ulps(10, 10)
SELU_SCALE, SELU_ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717


def normal_pdf(z):
    """Density of the normal distribution."""
    return np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)


def mish_slope(z):
    """t + z (1 - t^2) sigmoid(z) for t = tanh(softplus(z)), with 1 - t^2 as it is exactly."""
    softplus = np.logaddexp(0, z)
    return np.tanh(softplus) + z * expit(z) / np.cosh(softplus) ** 2


ACTIVATIONS = {
    "identity": Activation(lambda z: z, np.ones_like, EXACT, EXACT),
    "logistic": Activation(expit, lambda z: expit(z) * expit(-z), FOUR, FOUR),
    "tanh": Activation(np.tanh, lambda z: 1 / np.cosh(z) ** 2, FOUR, TEN),
    "relu": Activation(lambda z: np.maximum(z, 0), lambda z: (z > 0).astype(z.dtype), EXACT, EXACT),
    "hard_sigmoid": Activation(
        lambda z: np.clip(z + 3, 0, 6) / 6,
        lambda z: ((z > -3) & (z < 3)) / z.dtype.type(6),
        TWO,
        TWO,
    ),
    "leaky_relu": Activation(
        lambda z: np.where(z > 0, z, z * 0.01), lambda z: np.where(z > 0, 1, 0.01), TWO, TWO
    ),
    "elu": Activation(
        lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),
        lambda z: np.exp(np.minimum(z, 0)),
        FOUR,
        FOUR,
    ),
    "selu": Activation(
        lambda z: SELU_SCALE * np.where(z > 0, z, SELU_ALPHA * np.expm1(np.minimum(z, 0))),
        lambda z: SELU_SCALE * np.where(z > 0, 1, SELU_ALPHA * np.exp(np.minimum(z, 0))),
        FOUR,
        TEN,
    ),
    # z Phi(z): Phi is right to an epsilon of 1, so that for z below 0 the digits of z count
    "gelu": Activation(
        lambda z: z * ndtr(z.astype(float)),
        lambda z: ndtr(z.astype(float)) + z * normal_pdf(z),
        FOUR,
        TEN,
        ulps_of_z=True,
    ),
    "silu": Activation(
        lambda z: z * expit(z), lambda z: expit(z) * (1 + z * expit(-z)), ulps(5, 5), TEN
    ),
    "mish": Activation(lambda z: z * np.tanh(np.logaddexp(0, z)), mish_slope, TEN, TEN),
    "softplus": Activation(lambda z: np.logaddexp(0, z), expit, FOUR, TEN),
    "hard_swish": Activation(
        lambda z: z * np.clip(z + 3, 0, 6) / 6,
        lambda z: np.where(z <= -3, 0, np.where(z < 3, z / 3 + 0.5, 1)),
        FOUR,
        FOUR,
    ),
}


class Loss(NamedTuple):
    """Rows' losses and their gradient with respect to the logits z, and what z predicts.

    `c` is the loss's constant, a number or one for each output; most rows have none.
    """

    value: Callable  # (z, y, c) -> (m,)
    gradient: Callable  # (z, y, c) -> (m, n_outputs)
    predict: Callable  # z -> (m, n_outputs)
    constant: object = 0.0  # what the tests take for c
    targets: Callable = None  # (generator, shape) -> REAL targets; None: normally distributed


def clip_log_loss(losses):
    """scikit-learn's clipping: a probability counts as at least epsilon from 0 and from 1."""
    epsilon = np.finfo(losses.dtype).eps
    return np.clip(losses, epsilon, -np.log(epsilon))


def one_hot(y, z):
    """(m, n_outputs) zeros and ones, of z's precision."""
    return (y[:, None] == np.arange(z.shape[1])).astype(z.dtype)


def summed(loss):
    """A loss of single outputs as one of rows."""
    return lambda z, y, c: loss(z, y, c).sum(axis=1)


def softmax_rows(z):
    """Softmax of each row."""
    return softmax(z, axis=1)


def identity(z):
    """The logits are the predictions."""
    return z


def log_cosh(z, y, c):
    """log(cosh(d)), cosh(d) = (e^|d| + e^-|d|) / 2."""
    d = np.abs(z - y)
    return np.logaddexp(d, -d) - np.log(2)


def tweedie(z, y, p):
    """Half the Tweedie deviance of y and exp(z), for p other than 1 and 2."""
    return (
        np.maximum(y, 0) ** (2 - p) / ((1 - p) * (2 - p))
        - y * np.exp((1 - p) * z) / (1 - p)
        + np.exp((2 - p) * z) / (2 - p)
    )


def log_loss(z, y, c):
    """Cross-entropy of the classes 0 and 1 with the target smoothed by c."""
    if c == 0:
        return clip_log_loss(np.logaddexp(0, (1 - 2 * y) * z))
    y = y * (1 - c) + c / 2
    return y * np.logaddexp(0, -z) + (1 - y) * np.logaddexp(0, z)


def multiclass_log_loss(z, y, c):
    """Cross-entropy with the one-hot target smoothed by c."""
    log_p = log_softmax(z, axis=1)
    if c == 0:
        return clip_log_loss(-log_p[np.arange(len(y)), y])
    return -(log_p * (one_hot(y, z) * (1 - c) + c / z.shape[1])).sum(axis=1)


def squared_softmax_gradient(z, y, c):
    """d = p - y goes through the softmax's Jacobian."""
    p = softmax_rows(z)
    d = p - one_hot(y, z)
    return p * (d - (p * d).sum(axis=1, keepdims=True))


def own_probability(z, y):
    """(m, 1), of the own class."""
    return softmax_rows(z)[np.arange(len(y)), y][:, None]


def focal_slope(q, c):
    """Of -(1 - q)^c log(q), by log(q)."""
    return c * q * (1 - q) ** (c - 1) * np.log(q) - (1 - q) ** c


def signs(y, z):
    """-1 and 1 for targets of 0 and 1, or for class indices."""
    return 2 * (one_hot(y, z) if y.ndim == 1 else y) - 1


def hinge(z, y, c):
    """max(0, 1 - s z) of each output."""
    return np.maximum(0, 1 - signs(y, z) * z)


def hinge_slope(z, y, c):
    """-s where the loss is above 0."""
    return -signs(y, z) * (signs(y, z) * z < 1)


def crammer_singer(z, y):
    """(loss, gradient) of max(0, 1 - the own logit + the best other's)."""
    own = one_hot(y, z) == 1
    best = np.where(own, -np.inf, z).argmax(axis=1)
    loss = np.maximum(0, 1 - z[own] + z[np.arange(len(y)), best]) if z.shape[1] > 1 else 0 * z[own]
    return loss, (loss > 0)[:, None] * (one_hot(best, z) - own)


def squared_crammer_singer_gradient(z, y, c):
    """Twice the loss times its gradient."""
    loss, gradient = crammer_singer(z, y)
    return 2 * loss[:, None] * gradient


LOSSES = {
    "squared_error": Loss(
        summed(lambda z, y, c: 0.5 * (z - y) ** 2), lambda z, y, c: z - y, identity
    ),
    "absolute_error": Loss(
        summed(lambda z, y, c: np.abs(z - y)), lambda z, y, c: np.sign(z - y), identity
    ),
    "huber": Loss(
        summed(lambda z, y, c: huber(c, z - y)),
        lambda z, y, c: np.clip(z - y, -c, c),
        identity,
        0.7,
    ),
    "log_cosh": Loss(summed(log_cosh), lambda z, y, c: np.tanh(z - y), identity),
    "quantile": Loss(
        summed(lambda z, y, c: np.maximum(c * (y - z), (c - 1) * (y - z))),
        lambda z, y, c: np.where(z > y, 1 - c, -c),
        identity,
        0.3,
    ),
    "poisson": Loss(
        summed(lambda z, y, c: np.exp(z) - y * z + xlogy(y, y) - y),
        lambda z, y, c: np.exp(z) - y,
        np.exp,
        targets=lambda generator, shape: generator.poisson(2, size=shape),
    ),
    "gamma": Loss(
        summed(lambda z, y, c: z - np.log(y) + y * np.exp(-z) - 1),
        lambda z, y, c: 1 - y * np.exp(-z),
        np.exp,
        targets=lambda generator, shape: generator.gamma(2, size=shape) + 0.1,
    ),
    "tweedie": Loss(
        summed(tweedie),
        lambda z, y, p: np.exp((2 - p) * z) - y * np.exp((1 - p) * z),
        np.exp,
        1.5,
        targets=lambda generator, shape: generator.poisson(1, size=shape) * 1.3,
    ),
    "binary_log_loss": Loss(summed(log_loss), lambda z, y, c: expit(z) - y - c * (0.5 - y), expit),
    "multiclass_log_loss": Loss(
        multiclass_log_loss,
        lambda z, y, c: softmax_rows(z) - (1 - c) * one_hot(y, z) - c / z.shape[1],
        softmax_rows,
    ),
    # both classes' half squares are equal
    "binary_squared_error": Loss(
        summed(lambda z, y, c: (expit(z) - y) ** 2),
        lambda z, y, c: 2 * (expit(z) - y) * expit(z) * expit(-z),
        expit,
    ),
    "multiclass_squared_error": Loss(
        lambda z, y, c: 0.5 * ((softmax_rows(z) - one_hot(y, z)) ** 2).sum(axis=1),
        squared_softmax_gradient,
        softmax_rows,
    ),
    "binary_focal": Loss(
        summed(lambda z, y, c: expit(-signs(y, z) * z) ** c * np.logaddexp(0, -signs(y, z) * z)),
        lambda z, y, c: (
            signs(y, z) * focal_slope(expit(signs(y, z) * z), c) * expit(-signs(y, z) * z)
        ),
        expit,
        2.0,
    ),
    "multiclass_focal": Loss(
        lambda z, y, c: -((1 - own_probability(z, y)) ** c * np.log(own_probability(z, y)))[:, 0],
        lambda z, y, c: focal_slope(own_probability(z, y), c) * (one_hot(y, z) - softmax_rows(z)),
        softmax_rows,
        2.0,
    ),
    "hinge": Loss(summed(hinge), hinge_slope, identity),
    "ovr_hinge": Loss(summed(hinge), hinge_slope, identity),
    "squared_hinge": Loss(
        summed(lambda z, y, c: hinge(z, y, c) ** 2),
        lambda z, y, c: 2 * hinge(z, y, c) * hinge_slope(z, y, c),
        identity,
    ),
    "ovr_squared_hinge": Loss(
        summed(lambda z, y, c: hinge(z, y, c) ** 2),
        lambda z, y, c: 2 * hinge(z, y, c) * hinge_slope(z, y, c),
        identity,
    ),
    "crammer_singer_hinge": Loss(
        lambda z, y, c: crammer_singer(z, y)[0], lambda z, y, c: crammer_singer(z, y)[1], identity
    ),
    "crammer_singer_squared_hinge": Loss(
        lambda z, y, c: crammer_singer(z, y)[0] ** 2, squared_crammer_singer_gradient, identity
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


def adagrad_step(w, g, moments, t, *, learning_rate, epsilon):
    """Adagrad (Duchi et al., 2011), in place."""
    (squares,) = moments
    squares += g**2
    w -= learning_rate * g / (np.sqrt(squares) + epsilon)


def rmsprop_step(w, g, moments, t, *, learning_rate, rho, centered, rmsprop_momentum, epsilon):
    """RMSprop (Tieleman & Hinton, 2012; centered: Graves, 2013), in place."""
    squares, mean, velocity = moments
    squares[...] = rho * squares + (1 - rho) * g**2
    if centered:
        mean[...] = rho * mean + (1 - rho) * g
    spread = np.sqrt(np.maximum(squares - mean**2, 0)) + epsilon
    velocity[...] = rmsprop_momentum * velocity + g / spread
    w -= learning_rate * velocity


def update_means(first, second, g, beta_1, beta_2):
    """The means of the gradient and of its square, in place."""
    first[...] = beta_1 * first + (1 - beta_1) * g
    second[...] = beta_2 * second + (1 - beta_2) * g**2


def adamw_step(w, g, moments, t, *, learning_rate, beta_1, beta_2, epsilon):
    """AdamW (Loshchilov & Hutter, 2019) but for the decay, which all optimisers have."""
    first, second = moments
    update_means(first, second, g, beta_1, beta_2)
    root = np.sqrt(second / (1 - beta_2**t))
    w -= learning_rate * first / (1 - beta_1**t) / (root + epsilon)


def nadam_step(w, g, moments, t, *, learning_rate, beta_1, beta_2, epsilon, momentum_decay):
    """NAdam (Dozat, 2016), in place."""
    first, second = moments
    update_means(first, second, g, beta_1, beta_2)
    mus = beta_1 * (1 - 0.5 * 0.96 ** (momentum_decay * np.arange(1, t + 2)))
    of_gradient = (1 - mus[t - 1]) / (1 - np.prod(mus[:t]))
    of_mean = mus[t] / (1 - np.prod(mus))
    root = np.sqrt(second / (1 - beta_2**t)) + epsilon
    w -= learning_rate * (of_gradient * g + of_mean * first) / root


def radam_step(w, g, moments, t, *, learning_rate, beta_1, beta_2, epsilon):
    """RAdam (Liu et al., 2020), in place."""
    first, second = moments
    update_means(first, second, g, beta_1, beta_2)
    mean = first / (1 - beta_1**t)
    longest = 2 / (1 - beta_2) - 1
    length = longest - 2 * t * beta_2**t / (1 - beta_2**t)
    if length <= 5:
        w -= learning_rate * mean
        return
    rectification = np.sqrt(
        (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
    )
    w -= learning_rate * rectification * mean * np.sqrt(1 - beta_2**t) / (np.sqrt(second) + epsilon)


def adabelief_step(w, g, moments, t, *, learning_rate, beta_1, beta_2, epsilon):
    """AdaBelief (Zhuang et al., 2020), in place; epsilon's sum is kept out of the moment."""
    first, second = moments
    first[...] = beta_1 * first + (1 - beta_1) * g
    second[...] = beta_2 * second + (1 - beta_2) * (g - first) ** 2
    belief = second + epsilon * sum(beta_2**i for i in range(t))
    root = np.sqrt(belief / (1 - beta_2**t)) + epsilon
    w -= learning_rate * first / (1 - beta_1**t) / root


OPTIMIZERS = {  # step, number of moments
    "sgd": (sgd_step, 1),
    "adagrad": (adagrad_step, 1),
    "rmsprop": (rmsprop_step, 3),
    "adam": (adam_step, 2),
    "adamw": (adamw_step, 2),
    "nadam": (nadam_step, 2),
    "radam": (radam_step, 2),
    "adabelief": (adabelief_step, 2),
}


class MLP:
    """A network of the given parameters; `train_epoch` changes them in place."""

    def __init__(self, coefs, intercepts, activations, loss, loss_constant=None):
        self.coefs, self.intercepts = coefs, intercepts
        self.activations = [ACTIVATIONS[name] for name in activations]
        self.loss = LOSSES[loss]
        self.loss_constant = self.loss.constant if loss_constant is None else loss_constant

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
        total = weight @ self.loss.value(zs[-1], y, self.loss_constant)
        delta = weight[:, None] * self.loss.gradient(zs[-1], y, self.loss_constant)
        dWs, dbs = [], []
        for i in reversed(range(len(zs))):
            dWs.insert(0, passed_on[i].T @ delta)
            dbs.insert(0, delta.sum(axis=0))
            if i > 0:
                delta = (delta @ self.coefs[i].T) * self.activations[i - 1].slope(zs[i - 1])
        return total, dWs, dbs

    def set_optimizer(
        self,
        name,
        *,
        alpha,
        l1_ratio=0.0,
        weight_decay=0.0,
        max_norm=np.inf,
        clip_norm=np.inf,
        clip_value=np.inf,
        **constants,
    ):
        """The optimiser, its moments at zero, the penalty and the limits."""
        self.step, n_moments = OPTIMIZERS[name]
        self.alpha, self.constants, self.n_steps = alpha, constants, 0
        self.l1_ratio, self.weight_decay, self.max_norm = l1_ratio, weight_decay, max_norm
        self.clip_norm, self.clip_value = clip_norm, clip_value
        self.moments = [
            [np.zeros_like(w) for _ in range(n_moments)] for w in (*self.coefs, *self.intercepts)
        ]

    def train_batch(self, X, y, weight, learning_rate):
        """One step; returns the batch's mean loss, the penalty included, before the step."""
        total_weight = weight.sum()
        if total_weight == 0:
            return 0.0  # such a batch is skipped
        total, dWs, dbs = self.loss_and_gradient(X, y, weight)
        lasso, ridge = self.alpha * self.l1_ratio, self.alpha * (1 - self.l1_ratio)
        total += sum(lasso * np.abs(W).sum() + 0.5 * ridge * (W**2).sum() for W in self.coefs)
        dWs = [dW + lasso * np.sign(W) + ridge * W for dW, W in zip(dWs, self.coefs, strict=True)]
        gradients = self.clipped([g / total_weight for g in (*dWs, *dbs)])
        self.n_steps += 1
        for W in self.coefs:
            W -= learning_rate * self.weight_decay * W
        for w, g, moments in zip(
            (*self.coefs, *self.intercepts), gradients, self.moments, strict=True
        ):
            self.step(
                w,
                g,
                moments,
                self.n_steps,
                learning_rate=learning_rate,
                **self.constants,
            )
        for W in self.coefs:
            norms = np.sqrt((W**2).sum(axis=0))
            W *= np.where(norms > self.max_norm, self.max_norm / np.maximum(norms, 1e-300), 1)
        return total / total_weight

    def clipped(self, gradients):
        """All gradients, scaled to clip_norm together, then each component to clip_value."""
        norm = np.sqrt(sum((g**2).sum() for g in gradients))
        scale = min(1, self.clip_norm / (norm + 1e-6))
        return [np.clip(g * scale, -self.clip_value, self.clip_value) for g in gradients]

    def train_epoch(self, X, y, weight, order, learning_rates, batch_size):
        """Batches are consecutive slices of `order`; returns the mean over rows of their losses."""
        total = 0.0
        for i, start in enumerate(range(0, len(order), batch_size)):
            rows = order[start : start + batch_size]
            loss = self.train_batch(X[rows], y[rows], weight[rows], learning_rates[i])
            total += len(rows) * loss
        return total / len(order)
