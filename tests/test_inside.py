"""`augment`, `activations` and `summary`."""

import numpy as np
import pytest
from problems import assert_same_bits, diabetes, iris, multilabel
from scipy import sparse
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import scale

from rosenblatt import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

# augment ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["dense", "csr"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_rows_that_stay_give_the_plain_model(kind, early_stopping):
    """Called once an epoch with the rows trained on; what it returns unchanged changes no bit."""
    X, y = iris()
    X = X if kind == "dense" else sparse.csr_array(X)
    shapes = []

    def keep(X, random_state):
        shapes.append(X.shape)
        return X

    options = {"random_state": 0, "max_iter": 7, "early_stopping": early_stopping}
    model = MLPClassifier((4,), augment=keep, **options).fit(X, y, np.linspace(1, 2, len(y)))
    assert shapes == [(135 if early_stopping else 150, 4)] * 7
    plain = MLPClassifier((4,), **options).fit(X, y, np.linspace(1, 2, len(y)))
    assert_same_bits(model, plain)
    assert model.validation_scores_ == plain.validation_scores_


def test_every_epoch_is_trained_on_its_own_rows():
    """Epoch by epoch the model of a warm start on the rows that were returned."""
    X, y = diabetes()
    options = {"shuffle": False, "solver": "sgd", "momentum": 0, "batch_size": 50}
    given = []

    def scaled(X, random_state):
        given.append(X.copy())
        X *= 1 + len(given)  # in place, on a copy
        return X

    model = MLPRegressor((4,), augment=scaled, max_iter=3, random_state=0, **options).fit(X, y)
    for rows in given:
        np.testing.assert_array_equal(rows, X)
    expected = MLPRegressor((4,), max_iter=1, random_state=0, warm_start=True, **options)
    for factor in (2, 3, 4):
        expected.fit(X * factor, y)
    assert_same_bits(model, expected)


def test_augment_draws_from_the_fits_generator():
    """The same seed gives the same model; draws differ from epoch to epoch."""
    noise = []

    def noisy(X, random_state):
        noise.append(random_state.normal(size=X.shape))
        return X + noise[-1]

    X, y = iris()
    first = MLPClassifier((4,), augment=noisy, max_iter=3, random_state=4).fit(X, y)
    second = MLPClassifier((4,), augment=noisy, max_iter=3, random_state=4).fit(X, y)
    assert_same_bits(first, second)
    assert (noise[0] != noise[1]).all()
    part = MLPClassifier((4,), augment=noisy).partial_fit(X, y, classes=[0, 1, 2])
    assert len(noise) == 7
    assert part.n_iter_ == 1


@pytest.mark.parametrize(
    "augment",
    [
        lambda X, random_state: X[1:],
        lambda X, random_state: X[:, 1:],
        lambda X, random_state: sparse.csr_array(X),
        lambda X, random_state: X * np.nan,
        lambda X, random_state: None,
    ],
    ids=["rows", "columns", "sparse", "nan", "none"],
)
def test_bad_rows_are_refused(augment):
    """The error speaks of augment; the estimator stays as it was."""
    model = MLPClassifier((4,), augment=augment)
    with pytest.raises(ValueError, match="augment"):
        model.fit(*iris())
    assert not hasattr(model, "coefs_")


# inside -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
@pytest.mark.parametrize("kind", ["dense", "csr"])
def test_activations_are_those_of_numpy(activation, kind, dtype):
    """Each hidden layer's outputs; negative numbers count from the last."""
    X, y = iris()
    model = MLPClassifier((5, 300, 3), activation=activation, max_iter=2, dtype=dtype).fit(X, y)
    functions = {"relu": lambda z: np.maximum(z, 0), "tanh": np.tanh, "identity": lambda z: z}
    functions["logistic"] = lambda z: 1 / (1 + np.exp(-z))
    a = X
    for i in range(3):
        a = functions[activation](a @ model.coefs_[i] + model.intercepts_[i])
        for layer in (i, i - 3):
            out = model.activations(X if kind == "dense" else sparse.csr_array(X), layer)
            assert out.dtype == dtype
            # sums of 300 terms of order one
            np.testing.assert_allclose(out, a, rtol=0, atol=1e-4 if dtype == "float32" else 1e-12)


@pytest.mark.parametrize("layer", [2, -3, 1.0, "last", None])
def test_bad_layer_is_refused(layer):
    """The error names what there is."""
    model = MLPClassifier((5, 3), max_iter=1).fit(*iris())
    with pytest.raises((ValueError, TypeError), match="layer") as error:
        model.activations(iris()[0], layer)
    assert repr(layer) in str(error.value)
    with pytest.raises(ValueError, match="layer"):
        MLPRegressor((), max_iter=1).fit(*iris()).activations(iris()[0], 0)
    with pytest.raises(NotFittedError):
        MLPRegressor().activations(iris()[0], 0)


def test_parameters_are_counted():
    """All weights and intercepts."""
    model = MLPClassifier((5, 3), max_iter=1).fit(*iris())
    assert model.n_parameters_ == (4 + 1) * 5 + (5 + 1) * 3 + (3 + 1) * 3
    assert MLPRegressor((), solver="lbfgs").fit(*diabetes()).n_parameters_ == 11


def test_summary_shows_layers_shapes_and_counts(capsys):
    """One line a layer, the total last."""
    model = MLPClassifier((1000, 3), activation="tanh", max_iter=1).fit(*iris())
    model.summary()
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines] == [
        ["layer", "weights", "activation", "parameters"],
        ["hidden", "1", "(4,", "1000)", "tanh", "5,000"],
        ["hidden", "2", "(1000,", "3)", "tanh", "3,003"],
        ["output", "(3,", "3)", "softmax", "12"],
        ["total", "8,015"],
    ]
    assert len({len(line) for line in lines}) == 1  # columns stand below each other
    MLPClassifier((), max_iter=1).fit(*multilabel()).summary()
    assert "logistic" in capsys.readouterr().out
    MLPRegressor((2,), max_iter=1).fit(scale(iris()[0]), iris()[1]).summary()
    assert "identity" in capsys.readouterr().out
