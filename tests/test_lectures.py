"""The lecture's worked examples, with numbers that can be followed on paper.

Weights are set by hand on a fitted model; a step of training is seen in what it changes.
"""

import numpy as np
import pytest
from problems import diabetes, iris
from scipy.special import expit

from rosenblatt import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore:Got `batch_size`"
)

INPUTS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
GATES = {"and": [0, 0, 0, 1], "or": [0, 1, 1, 1], "nand": [1, 1, 1, 0], "xor": [0, 1, 1, 0]}


def neuron(**params):
    """A linear model that takes plain steps of gradient descent and goes on when fitted again."""
    return {
        "hidden_layer_sizes": (),
        "solver": "sgd",
        "momentum": 0,
        "alpha": 0,
        "warm_start": True,
        "max_iter": 1,
        "random_state": 0,
    } | params


def set_parameters(model, coefs, intercepts):
    """Writes weights into a fitted model, in place."""
    for own, given in zip([*model.coefs_, *model.intercepts_], [*coefs, *intercepts], strict=True):
        own[...] = given
    return model


def gradient(model, X, y):
    """The gradient at the model's parameters: what one step of plain sgd at rate 1 takes away."""
    before = [array.copy() for array in model.coefs_ + model.intercepts_]
    model.partial_fit(X, y)
    after = model.coefs_ + model.intercepts_
    result = [a - b for a, b in zip(before, after, strict=True)]
    set_parameters(model, before[: len(model.coefs_)], before[len(model.coefs_) :])
    return result


@pytest.mark.parametrize("gate", ["and", "or", "nand"])
def test_one_neuron_learns_a_linear_gate(gate):
    """AND, OR and NAND are linearly separable: a network without hidden layers learns them."""
    model = MLPClassifier((), solver="lbfgs", random_state=0).fit(INPUTS, GATES[gate])
    np.testing.assert_array_equal(model.predict(INPUTS), GATES[gate])


def test_one_neuron_learns_not():
    """NOT is a neuron of one input with a negative weight."""
    model = MLPClassifier((), solver="lbfgs", random_state=0).fit([[0], [1]], [1, 0])
    np.testing.assert_array_equal(model.predict([[0], [1]]), [1, 0])
    assert model.coefs_[0][0, 0] < 0


@pytest.mark.parametrize("seed", range(5))
def test_one_neuron_cannot_learn_xor(seed):
    """No line separates XOR: three of the four rows at best, whatever the start."""
    model = MLPClassifier((), solver="lbfgs", random_state=seed).fit(INPUTS, GATES["xor"])
    assert model.score(INPUTS, GATES["xor"]) <= 0.75


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_hidden_layer_learns_xor(solver):
    """A hidden layer of four tanh units learns XOR with every solver."""
    model = MLPClassifier(
        (4,),
        activation="tanh",
        solver=solver,
        alpha=0,
        learning_rate_init=0.1,
        max_iter=500,
        random_state=1,
    )
    model.fit(INPUTS, GATES["xor"])
    np.testing.assert_array_equal(model.predict(INPUTS), GATES["xor"])


def test_xor_is_nand_and_or():
    """XOR written out by hand: hidden neurons OR and NAND, an output neuron AND."""
    model = MLPClassifier((2,), activation="logistic", max_iter=1).fit(INPUTS, GATES["xor"])
    set_parameters(
        model,
        coefs=[[[20, -20], [20, -20]], [[20], [20]]],
        intercepts=[[-10, 30], [-30]],
    )
    np.testing.assert_array_equal(model.predict(INPUTS), GATES["xor"])
    # a logistic unit with input +-10 is within 5e-5 of 0 or 1
    np.testing.assert_allclose(model.predict_proba(INPUTS)[:, 1], GATES["xor"], atol=1e-4)


def test_first_step_of_gradient_descent():
    """One step from zero weights on two rows with learning rate 0.1, as in the lecture.

    The gradient of the half mean squared error is X^T (X w - y) / 2 = (-33, -43.5, -54), the new
    weights are (3.3, 4.35, 5.4) and the mean squared error after the step, without an
    intercept, is (22.2^2 + 52.35^2) / 2 = 1616.68125. The lecture prints -63 for the last
    component and 2956.286 for the error: both are slips of arithmetic. The intercept, which the
    lecture leaves out, does not act on the first step of the weights because it starts at
    zero; it is set back to zero before the error is taken.
    """
    X, y = np.array([[1.0, 2, 3], [4, 5, 6]]), np.array([6.0, 15])
    model = MLPRegressor(**neuron(learning_rate_init=0.1)).fit(X, y)
    set_parameters(model, [np.zeros((3, 1))], [np.zeros(1)])
    model.fit(X, y)
    assert model.loss_ == pytest.approx((6**2 + 15**2) / 2 / 2, rel=1e-14)
    weights = model.coefs_[0][:, 0]
    # three roundings of float64
    np.testing.assert_allclose(weights, [3.3, 4.35, 5.4], rtol=1e-14)
    np.testing.assert_allclose(-weights / 0.1, [-33, -43.5, -54], rtol=1e-14)
    assert -weights[2] / 0.1 != pytest.approx(-63)
    assert model.intercepts_[0] == pytest.approx([0.1 * (6 + 15) / 2], rel=1e-14)
    model.intercepts_[0][...] = 0
    error = np.mean((model.predict(X) - y) ** 2)
    assert error == pytest.approx(1616.68125, rel=1e-13)
    assert error != pytest.approx(2956.286, rel=0.1)


@pytest.mark.parametrize(
    ("batch_size", "n_updates"), [(10, 1000), (1, 10_000), (10_000, 1), (200, 50), (300, 34)]
)
def test_updates_per_epoch(batch_size, n_updates):
    """10,000 examples in batches of 10 are 1,000 updates per epoch, and so on.

    On rows of zeros only the penalty acts: every update shrinks the weight by the factor
    1 - rate * alpha / batch_size, so its logarithm counts the updates.
    """
    X, y = np.zeros((10_000, 1)), np.zeros(10_000)
    model = MLPRegressor(
        **neuron(batch_size=batch_size, alpha=1e-4 * batch_size, learning_rate_init=1.0)
    ).fit(X, y)
    set_parameters(model, [[[1.0]]], [[0.0]])
    model.fit(X, y)
    shrunk = np.log(model.coefs_[0][0, 0])
    if 10_000 % batch_size == 0:
        expected = n_updates * np.log1p(-1e-4)
    else:  # the last batch holds 100 rows, on which the penalty is divided by 100
        expected = (n_updates - 1) * np.log1p(-1e-4) + np.log1p(-3e-4)
    # every update is a rounding of 1e-16 of a weight that loses 1e-4 of itself
    assert shrunk == pytest.approx(expected, rel=1e-10)
    assert model.t_ == 20_000


def test_two_class_softmax_is_the_sigmoid_of_the_difference():
    """softmax over two logits gives the second class sigmoid(z1 - z0).

    A third class whose logit is -1000 has probability exp(-1000) = 0 and leaves two; the same
    two-class model as one logistic neuron gives the same probabilities.
    """
    X, y = iris()
    softmax = MLPClassifier((), max_iter=1).fit(X, y)
    softmax.intercepts_[0][2] = -1000
    softmax.coefs_[0][:, 2] = 0
    logits = X @ softmax.coefs_[0] + softmax.intercepts_[0]
    sigmoid = MLPClassifier((), max_iter=1).fit(X[:100], y[:100])
    set_parameters(
        sigmoid,
        [softmax.coefs_[0][:, [1]] - softmax.coefs_[0][:, [0]]],
        [softmax.intercepts_[0][[1]] - softmax.intercepts_[0][[0]]],
    )
    assert (softmax.out_activation_, sigmoid.out_activation_) == ("softmax", "logistic")
    # a few roundings of float64 in each
    expected = expit(logits[:, 1] - logits[:, 0])
    np.testing.assert_allclose(softmax.predict_proba(X)[:, 1], expected, rtol=1e-13)
    np.testing.assert_allclose(sigmoid.predict_proba(X)[:, 1], expected, rtol=1e-13)


def test_softmax_does_not_change_when_all_logits_are_shifted():
    """A number added to every logit leaves the probabilities, even at logits of 1e4."""
    X, y = iris()
    model = MLPClassifier((), max_iter=1).fit(X, y)
    before = model.predict_proba(X)
    model.intercepts_[0] += 1e4
    # logits of 1e4 are rounded to 1e-12
    np.testing.assert_allclose(model.predict_proba(X), before, rtol=1e-11)
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1, rtol=1e-14)


STEP = {
    "hidden_layer_sizes": (5,),
    "activation": "tanh",
    "solver": "sgd",
    "momentum": 0,
    "alpha": 0,
    "learning_rate_init": 1.0,
    "random_state": 3,
    "batch_size": 1000,
    "max_iter": 1,
}


@pytest.mark.parametrize("kind", ["regression", "poisson", "binary", "multiclass"])
def test_mean_of_single_sample_gradients_is_the_gradient_of_the_whole(kind):
    """The loss is a mean over rows, so its gradient is the mean of the rows' gradients."""
    if kind in ("regression", "poisson"):
        X, y = diabetes()
        X, y = X[:20], y[:20]
        y = np.abs(y) if kind == "poisson" else y
        loss = "poisson" if kind == "poisson" else "squared_error"
        model = MLPRegressor(loss=loss, **STEP).fit(X, y)
    else:
        X, y = iris()
        X, y = X[::5], y[::5]
        y = y % 2 if kind == "binary" else y
        model = MLPClassifier(**STEP).fit(X, y)
    whole = gradient(model, X, y)
    single = [gradient(model, X[[i]], y[[i]]) for i in range(len(y))]
    for i, expected in enumerate(whole):
        mean = np.mean([gradients[i] for gradients in single], axis=0)
        # differences of weights of order one: 1e-16 each
        np.testing.assert_allclose(mean, expected, atol=1e-14)


def test_output_gradient_is_prediction_minus_target():
    """Log loss under a softmax, and under a sigmoid: the logits' gradient is p - y.

    The intercepts of the output layer see it averaged over rows.
    """
    X, y = iris()
    model = MLPClassifier(**STEP).fit(X, y)
    expected = (model.predict_proba(X) - np.eye(3)[y]).mean(axis=0)
    np.testing.assert_allclose(gradient(model, X, y)[-1], expected, atol=1e-14)
    model = MLPClassifier(**STEP).fit(X, y == 1)
    expected = (model.predict_proba(X)[:, 1] - (y == 1)).mean()
    np.testing.assert_allclose(gradient(model, X, y == 1)[-1], [expected], atol=1e-14)


def test_sigmoid_of_zero_is_a_half():
    """All weights zero: probability one half for two classes, a third each for three."""
    X, y = iris()
    for target, n_classes in [(y, 3), (y == 1, 2)]:
        model = MLPClassifier(max_iter=1).fit(X, target)
        for array in model.coefs_ + model.intercepts_:
            array[...] = 0
        np.testing.assert_allclose(model.predict_proba(X), 1 / n_classes, rtol=1e-15)
