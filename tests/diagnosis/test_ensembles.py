"""Functions for a single network explain how to pass a member of an ensemble, and accept it."""

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline

from rosenblatt import TabularMLPClassifier, TabularMLPRegressor, diagnose, inspection, plot

FEW = {"n_members": 2, "n_folds": 2, "hidden_layer_sizes": (8,), "max_iter": 60, "random_state": 0}


def table(n_rows=300):
    """A frame with text and gaps, labels and numbers that depend on it."""
    random = np.random.RandomState(0)
    X = pd.DataFrame(
        {"a": random.normal(size=n_rows), "b": random.choice(["red", "blue"], size=n_rows)}
    )
    numbers = 50 + 10 * X["a"] + 5 * (X["b"] == "red") + random.normal(size=n_rows)
    X.loc[::11, "b"] = None
    return X, np.where(numbers > 50, "high", "low"), numbers.to_numpy()


def fitted(kind):
    """The ensemble and X, y, X_test, y_test as a person has them."""
    X, labels, numbers = table()
    y = labels if kind is TabularMLPClassifier else numbers
    model = kind("fast", **FEW).fit(X[:200], y[:200])
    return model, X[:200], y[:200], X[200:], y[200:]


@pytest.fixture(scope="module")
def classifier():
    return fitted(TabularMLPClassifier)


@pytest.fixture(scope="module")
def regressor():
    return fitted(TabularMLPRegressor)


def member_of(model):
    """As the message says; diagnose trains it anew, and an estimator's patience is an int."""
    member = model.members_[0]
    return member.set_params(n_iter_no_change=int(member.n_iter_no_change))


def test_diagnose_says_what_to_hand_in(classifier, regressor):
    """The message is a call to type; of a regressor it says what y has to be."""
    call = (
        r"diagnose\(model\.members_\[0\], model\.encode\(X\), y, model\.encode\(X_test\), y_test\)"
    )
    with pytest.raises(TypeError, match=f"a TabularMLPClassifier is an ensemble.*{call}.$"):
        diagnose(*classifier)
    with pytest.raises(TypeError, match=rf"{call}\. Its networks are trained on standardised"):
        diagnose(*regressor)
    model, *data = classifier
    with pytest.raises(TypeError, match=call):
        diagnose(make_pipeline(model), *data)


def test_a_member_of_a_classifier_is_diagnosed(classifier):
    """On encoded rows, with the labels as they are."""
    model, X, y, X_test, y_test = classifier
    found = diagnose(
        member_of(model), model.encode(X), y, model.encode(X_test), y_test, verbose=False
    )

    assert found.score_name == "accuracy"
    assert found.train_score > 0.8
    assert found.test_score == np.mean(model.members_[0].predict(model.encode(X_test)) == y_test)
    assert found.verdict in ("fine", "optimisation", "model bias", "overfitting")
    assert found.evidence


def test_a_member_of_a_regressor_is_diagnosed(regressor):
    """With targets that are standardised, as the message says."""
    model, X, y, X_test, y_test = regressor
    mean, std = y.mean(), y.std()
    found = diagnose(
        member_of(model),
        model.encode(X),
        (y - mean) / std,
        model.encode(X_test),
        (y_test - mean) / std,
        verbose=False,
    )

    assert found.score_name == "R²"
    assert found.train_score > 0.7
    assert found.test_score > 0.7


@pytest.mark.parametrize(
    "look",
    [
        inspection.loss,
        inspection.critical_point,
        lambda model, X, y: inspection.stuck(model),
        lambda model, X, y: plot.TrainingDisplay.from_estimator(model),
        lambda model, X, y: plot.WeightsDisplay.from_estimator(model),
        plot.LossSurfaceDisplay.from_estimator,
        plot.SpectrumDisplay.from_estimator,
    ],
)
def test_what_looks_at_one_network_says_which(look, classifier):
    """Every door names the way in."""
    model, X, y, *_ = classifier
    with pytest.raises(
        TypeError, match=r"got TabularMLPClassifier\..*members_\[0\].*estimator\.encode\(X\)"
    ):
        look(model, X, y)


def test_a_member_can_be_looked_at(classifier):
    """What the message names is taken."""
    model, X, y, *_ = classifier
    member, X = model.members_[0], model.encode(X)

    assert np.isfinite(inspection.loss(member, X, y))
    assert plot.TrainingDisplay.from_estimator(member).panels_[0] == "loss"
    assert plot.LossSurfaceDisplay.from_estimator(member, X, y, grid_resolution=5) is not None
