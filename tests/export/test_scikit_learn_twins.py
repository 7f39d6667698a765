"""Models as scikit-learn's own classes and back: scikit-learn's code is the oracle."""

import numpy as np
import pytest
from problems import fitted, iris, multilabel, wine
from sklearn.base import clone
from sklearn.linear_model import Perceptron, Ridge
from sklearn.neural_network import MLPClassifier as TheirClassifier
from sklearn.neural_network import MLPRegressor as TheirRegressor

from rosenblatt import MLPClassifier, MLPRegressor, PerceptronClassifier


def assert_same_predictions(one, other, X):
    """Labels alike, numbers to rounding."""
    for name in ("predict", "predict_proba", "decision_function"):
        if hasattr(one, name) and hasattr(other, name):
            ours, theirs = getattr(one, name)(X), getattr(other, name)(X)
            if ours.dtype.kind == "f":
                np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)
            else:
                np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs", "nadam"])
@pytest.mark.parametrize(
    ("activation", "normalization"),
    [("identity", None), ("logistic", None), ("tanh", "batch"), ("relu", None)],
)
@pytest.mark.parametrize("case", ["three", "two", "multilabel", "numbers", "several numbers"])
def test_both_ways_the_predictions_stay(case, activation, normalization, solver):
    """And with both classes training goes on alike: to rounding, where a step is no sign."""
    X, y = multilabel() if case == "multilabel" else wine() if case == "three" else iris()
    if solver == "lbfgs":
        normalization = None
    y = y > 0 if case == "two" else X[:, :2] * 2 if case == "several numbers" else y
    kinds = (
        (MLPRegressor, TheirRegressor) if "numbers" in case else (MLPClassifier, TheirClassifier)
    )
    model = kinds[0]((6, 5), activation, normalization=normalization, solver=solver, max_iter=4)
    fitted(model.set_params(random_state=0, warm_start="optimizer", dropout=0.0), X, y)
    theirs = model.to_sklearn()
    assert type(theirs) is kinds[1]
    assert_same_predictions(model, theirs, X)
    ours = kinds[0].from_sklearn(theirs)
    assert type(ours) is kinds[0]
    assert_same_predictions(ours, theirs, X)
    assert clone(ours).get_params()["activation"] == activation
    if solver == "sgd":
        fitted(ours, X, y)
        fitted(theirs, X, y)
        assert_same_predictions(ours, theirs, X)


def test_models_of_scikit_learn_come_over():
    """Fitted there, with its own loss curve; it goes on here."""
    X, y = iris()
    for theirs, ours in ((TheirClassifier, MLPClassifier), (TheirRegressor, MLPRegressor)):
        model = fitted(
            theirs(hidden_layer_sizes=(6,), max_iter=5, early_stopping=True, random_state=0), X, y
        )
        twin = ours.from_sklearn(model)
        assert_same_predictions(twin, model, X)
        assert twin.history_["loss"] == model.loss_curve_
        assert twin.batch_size_ == len(X) - 15
        assert twin.set_params(early_stopping=False).partial_fit(X, y).t_ > model.t_
    model = fitted(TheirRegressor("poisson", (6,), solver="lbfgs", max_iter=5), X, y)
    assert_same_predictions(MLPRegressor.from_sklearn(model), model, X)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_perceptrons(n_classes):
    """Both ways; afterwards both learn on."""
    X, y = iris()
    y = np.minimum(y, n_classes - 1)
    model = PerceptronClassifier(average=True).fit(X, y)
    theirs = model.to_sklearn()
    assert type(theirs) is Perceptron
    assert_same_predictions(model, theirs, X)
    theirs.partial_fit(X, y)
    ours = PerceptronClassifier.from_sklearn(theirs)
    assert_same_predictions(ours, theirs, X)
    assert ours.partial_fit(X, y).t_ > theirs.t_


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"activation": "gelu"}, "does not support activation='gelu', only 'identity'"),
        ({"activation": ["relu", "tanh"]}, "does not support layers with different activations"),
        ({"normalization": "layer"}, "does not support normalization='layer'"),
        ({"loss": "huber"}, "does not support loss='huber', only 'squared_error', 'poisson'"),
    ],
)
def test_what_their_classes_cannot_hold_is_named(params, message):
    """Instead of another model."""
    X, y = iris()
    model = fitted(MLPRegressor((3, 3), max_iter=1, **params), X, y)
    with pytest.raises(ValueError, match=f"scikit-learn's MLPRegressor {message}"):
        model.to_sklearn()
    with pytest.raises(TypeError, match=r"scikit-learn's MLPRegressor, got sklearn.*Ridge"):
        MLPRegressor.from_sklearn(Ridge().fit(X, y))
