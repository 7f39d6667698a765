"""Loss, gradient and Hessian-vector product of estimators: PyTorch's double backward, closed
forms, and what training itself reports.
"""

import itertools
import pickle
import tracemalloc

import numpy as np
import pytest
from scipy import sparse
from sklearn import neural_network
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_digits, load_iris, make_multilabel_classification, make_regression
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from rosenblatt import MLPClassifier, MLPRegressor, PerceptronClassifier
from rosenblatt.core import dispatch
from rosenblatt.inspection import critical_point, gradient, hessian_vector_product, loss, stuck
from rosenblatt.inspection._objective import Objective

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

CLASSIFICATION = sorted({row.parameter for row in dispatch.LOSSES.values() if row.target != "real"})
REGRESSION = sorted({row.parameter for row in dispatch.LOSSES.values() if row.target == "real"})


@pytest.fixture(scope="module")
def iris():
    """Standardised, so that five epochs get somewhere."""
    X, y = load_iris(return_X_y=True)
    return (X - X.mean(axis=0)) / X.std(axis=0), y


def fitted(X, y, cls=MLPClassifier, **parameters):
    """A small network after a few epochs."""
    parameters = {"hidden_layer_sizes": (7, 5), "max_iter": 5, "random_state": 0, **parameters}
    return cls(**parameters).fit(X, y)


# what is differentiated ------------------------------------------------------------------------


@pytest.mark.parametrize("l1_ratio", [0.0, 0.3])
def test_value_is_what_a_full_batch_step_descends(iris, l1_ratio):
    """The loss that an epoch of one batch records is taken before its step: at the start."""
    X, y = iris
    net = MLPClassifier((7, 5), alpha=0.5, l1_ratio=l1_ratio, batch_size=150, max_iter=1)
    net.set_params(random_state=0, warm_start=True, activation="gelu").fit(X, y)
    before, norm = loss(net, X, y), np.linalg.norm(gradient(net, X, y))
    net.fit(X, y)
    assert before == pytest.approx(net.history_["loss"][-1], rel=1e-12)
    assert norm == pytest.approx(net.history_["gradient_norm"][-1], rel=1e-10)


def test_penalty_is_divided_by_the_fits_batch_size(iris):
    """Whatever the number of rows handed in; the loss itself is their mean."""
    X, y = iris
    net = fitted(X, y, alpha=2.0, batch_size=30)
    penalty = 2.0 / 2 * sum((coef**2).sum() for coef in net.coefs_) / 30
    log_loss = -np.log(net.predict_proba(X[:20])[range(20), y[:20]]).mean()
    assert net.batch_size_ == 30
    assert loss(net, X[:20], y[:20]) == pytest.approx(log_loss + penalty, rel=1e-12)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, 150),
        ({"batch_size": 40}, 40),
        ({"solver": "lbfgs"}, 150),
        ({"early_stopping": True}, 135),
    ],
)
def test_batch_size_of_the_fit(iris, parameters, expected):
    """As it was clipped to the rows trained on."""
    assert fitted(*iris, **parameters).batch_size_ == expected


def test_lbfgs_ends_where_the_gradient_is_small(iris):
    """It searched this very function, until the gradient, or what an iteration gained, was tiny."""
    X, y = iris
    net = fitted(X, y, solver="lbfgs", alpha=1.0, activation="tanh", max_iter=2000, tol=1e-6)
    assert loss(net, X, y) == pytest.approx(net.loss_, rel=1e-12)
    assert np.abs(gradient(net, X, y)).max() < 1e-3


@pytest.mark.parametrize("class_weight", [{0: 5}, "balanced"])
def test_weights_dropout_and_noise_are_left_out(iris, class_weight):
    """The function is that of a plain network."""
    X, y = iris
    options = {"dropout": 0.5, "input_noise": 1.0, "input_dropout": 0.3}
    net = fitted(X, y, alpha=0, class_weight=class_weight, **options)
    log_loss = -np.log(net.predict_proba(X)[range(150), y]).mean()
    assert loss(net, X, y) == pytest.approx(log_loss, rel=1e-12)


def test_parameters_are_read_as_they_are_now(iris):
    """A person may set them and look."""
    X, y = iris
    net = fitted(X, y, alpha=0)
    net.coefs_ = [0 * coef for coef in net.coefs_]
    net.intercepts_ = [0 * intercept for intercept in net.intercepts_]
    assert loss(net, X, y) == pytest.approx(np.log(3), rel=1e-14)


# derivatives -----------------------------------------------------------------------------------


def torch_objective(net, X, y):
    """The objective in PyTorch's words: a function of a flat tensor."""
    from torch_formulas import ACTIVATIONS, LOSSES, F, torch

    objective = Objective(net, X, y)
    targets = torch.tensor(objective._targets)
    targets = targets if targets.dtype == torch.int64 else targets.double()
    X = torch.tensor(np.asarray(X, dtype=float))
    shapes = [np.shape(a) for a in itertools.chain(net.coefs_, net.intercepts_)]
    hidden, normalization = len(net.coefs_) - 1, net.normalization
    if normalization:
        shapes += [np.shape(a) for a in net.normalization_scales_] * 2
    constant = dispatch.LOSSES[net._architecture.loss].constant
    constant = getattr(net, constant) if constant else 0.0

    def function(vector):
        parts = vector.split([int(np.prod(shape)) for shape in shapes])
        arrays = [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]
        coefs, others = arrays[: hidden + 1], arrays[hidden + 1 :]
        intercepts, scales = others[: hidden + 1], others[hidden + 1 :]
        a = X
        for i, (coef, intercept) in enumerate(zip(coefs, intercepts, strict=True)):
            a = a @ coef + intercept
            if i == hidden:
                break
            if normalization == "layer":
                a = F.layer_norm(a, a.shape[1:], scales[i], scales[hidden + i], 1e-5)
            elif normalization == "batch":
                means, variances = net.running_means_[i], net.running_variances_[i]
                a = F.batch_norm(
                    a, torch.tensor(means), torch.tensor(variances), scales[i], scales[hidden + i]
                )
            a = ACTIVATIONS[net.activations_[i]](a)
        penalty = sum((coef**2).sum() for coef in coefs) * net.alpha / 2 / net.batch_size_
        return LOSSES[net._architecture.loss][0](a, targets, constant) / len(X) + penalty

    return function, torch


def assert_torchs(net, X, y):
    """Value, gradient and product along a random direction."""
    function, torch = torch_objective(net, X, y)
    objective = Objective(net, X, y)
    point = torch.tensor(objective.parameters, requires_grad=True)
    direction = np.random.RandomState(1).standard_normal(objective.n_parameters)
    value = function(point)
    (slope,) = torch.autograd.grad(value, point, create_graph=True)
    (product,) = torch.autograd.grad(slope @ torch.tensor(direction), point)

    assert loss(net, X, y) == pytest.approx(value.item(), rel=1e-12)
    actual, expected = gradient(net, X, y), slope.detach().numpy()
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-12 * max(1, abs(expected).max()))
    actual = hessian_vector_product(net, X, y, direction)
    expected = product.numpy(force=True)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-11 * max(1, abs(expected).max()))


@pytest.mark.parametrize("normalization", [None, "batch", "layer"])
@pytest.mark.parametrize("activation", dispatch.ACTIVATIONS)
def test_double_backward_of_activations(iris, activation, normalization):
    """Every activation, smooth or not, between and around every normalisation."""
    net = fitted(*iris, activation=activation, normalization=normalization, alpha=0.1)
    assert_torchs(net, *iris)


@pytest.mark.parametrize("name", CLASSIFICATION)
@pytest.mark.parametrize("kind", ["several classes", "two classes", "multilabel"])
def test_double_backward_of_classifiers_losses(iris, name, kind):
    """Of every kind of target."""
    X, y = iris
    if kind == "two classes":
        X, y = X[:100], y[:100]
    elif kind == "multilabel":
        X, y = make_multilabel_classification(n_samples=60, n_features=5, random_state=0)
        X = X / 10
    assert_torchs(fitted(X, y, loss=name, activation="tanh"), X, y)


@pytest.mark.parametrize("name", REGRESSION)
def test_double_backward_of_regressors_losses(name):
    """Of two outputs, positive where the loss asks for it."""
    X, y = make_regression(n_samples=50, n_features=6, n_targets=2, random_state=0)
    y = np.abs(y / 100) + 0.1
    assert_torchs(fitted(X, y, MLPRegressor, loss=name, activation="softplus"), X, y)


def test_coefs_alone(iris):
    """With intercepts=False everything is the part of coefs_."""
    X, y = iris
    net = fitted(X, y, activation="tanh", normalization="layer")
    n_coefs = sum(coef.size for coef in net.coefs_)
    v = np.random.RandomState(0).standard_normal(n_coefs)
    padded = np.append(v, np.zeros(net.n_parameters_ - n_coefs))
    everything = hessian_vector_product(net, X, y, padded)
    np.testing.assert_array_equal(
        hessian_vector_product(net, X, y, v, intercepts=False), everything[:n_coefs]
    )
    np.testing.assert_array_equal(
        gradient(net, X, y, intercepts=False), gradient(net, X, y)[:n_coefs]
    )


def test_lectures_example():
    """y = w1 w2 x at (1, 1): half the lectures' Hessian, for half their squared error."""
    net = MLPRegressor((1,), activation="identity", alpha=0, solver="lbfgs").fit([[1.0]], [1.0])
    net.coefs_ = [np.zeros((1, 1)), np.zeros((1, 1))]
    net.intercepts_ = [np.zeros(1), np.zeros(1)]
    point = [[1.0]], [1.0]
    assert loss(net, *point) == 0.5
    np.testing.assert_array_equal(gradient(net, *point, intercepts=False), [0, 0])
    rows = [hessian_vector_product(net, *point, v, intercepts=False) for v in np.eye(2)]
    np.testing.assert_array_equal(rows, [[0, -1], [-1, 0]])


# data ------------------------------------------------------------------------------------------


def test_kinds_of_rows_agree(iris):
    """Sparse, single precision, lists, pieces of a long X: the same numbers."""
    X, y = iris
    X, y = np.tile(X, (60, 1)), np.tile(y, 60)  # 9000 rows: several pieces of float32
    X = X.astype(np.float32)
    net = fitted(X.astype(float), y, max_iter=2)
    v = np.random.RandomState(0).standard_normal(net.n_parameters_)
    expected = hessian_vector_product(net, X.astype(float), y, v)
    for other in (X, sparse.csr_matrix(X), sparse.coo_array(X.astype(float)), X.tolist()):
        actual = hessian_vector_product(net, other, y, v)
        np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-12 * abs(expected).max())


def test_network_of_float32(iris):
    """Its numbers are taken as they are and worked on in float64."""
    X, y = iris[0].astype(np.float32), iris[1]
    net = fitted(X, y, activation="silu")
    assert net.coefs_[0].dtype == np.float32
    assert_torchs(net, X, y)


def test_labels_may_be_strings_and_some_of_the_classes(iris):
    """Rows of one class are data like others."""
    X, y = iris
    names = np.array(["a", "b", "c"])[y]
    net = fitted(X, names, alpha=0)
    expected = -np.log(net.predict_proba(X[:9])[:, 0]).mean()
    assert loss(net, X[:9], names[:9]) == pytest.approx(expected, rel=1e-12)


def test_memory_of_a_product_does_not_grow_with_rows():
    """And is at most 2.5 times that of a gradient."""
    X, y = load_digits(return_X_y=True)
    X, y = np.tile(X / 16, (20, 1)), np.tile(y, 20)
    net = fitted(X[:500], y[:500], hidden_layer_sizes=(300, 200), max_iter=1)
    v = np.ones(net.n_parameters_)

    def measured(function, *arguments):
        tracemalloc.start()
        try:
            function(net, *arguments)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    few, many = (measured(hessian_vector_product, X[:n], y[:n], v) for n in (2000, len(X)))
    assert many < few + 5 * y.nbytes  # the targets' encoding is a few vectors
    assert few < 2.5 * measured(gradient, X[:2000], y[:2000])


# the way back ----------------------------------------------------------------------------------


@pytest.mark.parametrize("normalization", [None, "batch"])
@pytest.mark.parametrize("intercepts", [True, False])
def test_estimator_at(iris, intercepts, normalization):
    """A copy with other parameters, that predicts, pickles and trains on; the given one stays."""
    X, y = iris
    net = fitted(X, y, normalization=normalization)
    before = pickle.dumps(net)
    objective = Objective(net, X, y, intercepts=intercepts)
    moved = objective.parameters + 0.1
    other = objective.estimator_at(moved)
    np.testing.assert_array_equal(Objective(other, X, y, intercepts=intercepts).parameters, moved)
    assert loss(other, X, y) == pytest.approx(objective.loss(moved), rel=1e-14)
    assert loss(other, X, y) != pytest.approx(objective.loss(), rel=1e-3)
    pickle.loads(pickle.dumps(other)).partial_fit(X, y).predict(X)
    assert pickle.dumps(net) == before


# bad input -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (PerceptronClassifier(), "loss='hinge'"),
        (make_pipeline(LogisticRegression()), "MLPRegressor, possibly .*, got LogisticRegression"),
        (GridSearchCV(MLPClassifier(), {}), "got GridSearchCV. Fit this search first"),
        (
            LogisticRegression(),
            "MLPClassifier or MLPRegressor, possibly .*, got LogisticRegression",
        ),
        (neural_network.MLPRegressor(), "got MLPRegressor. This class is from sklearn"),
    ],
)
def test_other_estimators(iris, estimator, message):
    """Each error says what to hand in."""
    with pytest.raises(TypeError, match=message):
        loss(estimator, *iris)


def test_unfitted(iris):
    """scikit-learn's error."""
    with pytest.raises(NotFittedError, match="fit"):
        gradient(MLPClassifier(), *iris)
    with pytest.raises(NotFittedError, match="fit"):
        gradient(make_pipeline(StandardScaler(), MLPClassifier()), *iris)


def test_network_inside_others_is_looked_at(iris):
    """X as a Pipeline's other steps transform it, y as TransformedTargetRegressor does; a search's
    best; any of these in another."""
    X, y = iris
    net = MLPRegressor((3,), max_iter=5, random_state=0)
    pipeline = make_pipeline(StandardScaler(), net)
    around = TransformedTargetRegressor(pipeline, transformer=StandardScaler())
    search = GridSearchCV(around, {"regressor__mlpregressor__alpha": [0.1]}, cv=2).fit(X, y)
    inside = search.best_estimator_.regressor_[-1]
    seen = StandardScaler().fit_transform(X), StandardScaler().fit_transform(y[:, np.newaxis])
    assert loss(search, X, y) == pytest.approx(loss(inside, seen[0], seen[1][:, 0]), rel=1e-12)
    moved = Objective(search, X, y).estimator_at(Objective(search, X, y).parameters)
    np.testing.assert_array_equal(moved.coefs_[0], inside.coefs_[0])
    assert str(stuck(search)) == str(stuck(inside))


def test_data_that_do_not_fit(iris):
    """Width, labels, lengths, changed loss, changed arrays."""
    X, y = iris
    net = fitted(X, y)
    with pytest.raises(ValueError, match=r"3 features.*expecting 4"):
        loss(net, X[:, :3], y)
    with pytest.raises(ValueError, match="not in `self"):
        loss(net, X, y + 1)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        loss(net, X, y[:-1])
    with pytest.raises(ValueError, match="finite values"):
        hessian_vector_product(net, X, y, np.ones(3))
    with pytest.raises(ValueError, match="only coefs_"):
        hessian_vector_product(net, X, y, np.ones(net.n_parameters_), intercepts=False)
    with pytest.raises(ValueError, match="'intercepts' parameter"):
        gradient(net, X, y, intercepts=None)
    with pytest.raises(ValueError, match="parameters must have shape"):
        Objective(net, X, y).loss(np.ones(3))
    with pytest.raises(ValueError, match="not what was fitted"):
        loss(fitted(X, y).set_params(loss="hinge"), X, y)
    net.coefs_ = net.coefs_[:1]
    with pytest.raises(ValueError, match="coefs_ have shapes"):
        loss(net, X, y)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of what overflows
def test_numbers_that_are_not_finite(iris):
    """In the parameters, in a direction, or in the Hessian alone: the error says where."""
    X, y = iris
    net = fitted(X, y)
    v = np.zeros(net.n_parameters_)
    v[3] = np.nan
    with pytest.raises(ValueError, match="of which 1 are NaN or infinite"):
        hessian_vector_product(net, X, y, v)
    net.coefs_ = [1e200 * coef for coef in net.coefs_]
    with pytest.raises(ValueError, match="out of range for float64"):
        critical_point(net, X, y)
    net.coefs_[0][0, 0] = np.nan
    with pytest.raises(ValueError, match="coefs_ and intercepts_ must be finite"):
        loss(net, X, y)
