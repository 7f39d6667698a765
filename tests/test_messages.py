"""Messages that name what a person meant, or what takes their data; other bad input is in
test_bad_input.py.
"""

import warnings

import numpy as np
import pytest
from problems import diabetes, iris
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

import rosenblatt
from rosenblatt import MLPClassifier, MLPRegressor, TabularMLPClassifier

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("auc", "'roc_auc'"),
        ("log_loss", "'loss' or 'neg_log_loss'"),
        ("RMSE", "'neg_root_mean_squared_error'"),
        ("f1-macro", "'f1_macro'"),
        ("mean_squared_error", "'neg_mean_squared_error'"),
        ("recal", "'recall'"),
    ],
)
def test_near_names_of_scorers(given, meant):
    """Instead of sixty names; each that is proposed is one."""
    for model in (MLPRegressor(scoring=given), TabularMLPClassifier(scoring=given)):
        with pytest.raises(
            ValueError, match=f"Got '{given}' instead. Did you mean {meant}"
        ) as told:
            model.fit(*iris())
        assert len(str(told.value)) < 200
    for name in meant.replace("'", "").split(" or "):
        MLPClassifier((2,), scoring=name, early_stopping=True, max_iter=1)._check_parameters()


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor", "PerceptronClassifier"])
def test_missing_values_name_the_estimator_that_takes_them(name):
    """In fit and in predict."""
    X, y = diabetes() if name == "MLPRegressor" else iris()
    gaps = X.copy()
    gaps[::3, 1] = np.nan
    taker = "TabularMLPRegressor" if name == "MLPRegressor" else "TabularMLPClassifier"
    for call in (lambda model: model.fit(gaps, y), lambda model: model.fit(X, y).predict(gaps)):
        with pytest.raises(ValueError, match="NaN") as told:
            call(getattr(rosenblatt, name)(max_iter=2))
        assert told.value.__notes__ == [f"rosenblatt.{taker} accepts missing values."]


def test_a_score_that_nothing_looks_at_is_told():
    """Not where there are validation rows."""
    X, y = iris()
    with pytest.warns(UserWarning, match="scoring='f1_macro' is not used: without early_stopping"):
        MLPClassifier((2,), scoring="f1_macro", max_iter=1).fit(X, y)


def test_why_there_are_no_probabilities():
    """In the first message, the way out included."""
    model = MLPClassifier((2,), loss="hinge", max_iter=2).fit(*iris())
    assert not hasattr(model, "predict_proba")
    words = "'MLPClassifier' has no attribute 'predict_proba'.*loss='hinge'.*CalibratedClassifierCV"
    with pytest.raises(AttributeError, match=words):
        model.predict_proba(iris()[0])


@pytest.mark.parametrize("name", ["MLPClassifier", "TabularMLPClassifier"])
def test_unknown_arguments_name_no_private_class(name):
    """Python's message has the method alone."""
    with pytest.raises(TypeError, match=r"^fit\(\) got an unexpected keyword argument 'X_vall'"):
        getattr(rosenblatt, name)().fit(*iris(), X_vall=1)


def test_callbacks_of_epochs_hear_that_tables_have_none():
    """A callback that reports epochs, to Optuna say."""

    def report(record, estimator):
        print(record.validation_score, record.epoch)

    X, y = iris()
    with pytest.raises(
        AttributeError, match=r"no 'validation_score', but member, .* not after every"
    ):
        TabularMLPClassifier("fast", n_members=2, max_iter=2, callbacks=[report]).fit(X, y)


def test_features_far_from_what_networks_learn_from_are_told():
    """Most of them far from 0, for a regressor also large; not one of them, nor scaled ones."""
    X, y = iris()
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    one = Z * [3000, 1, 1, 1] + [1e5, 0, 0, 0]
    with pytest.warns(UserWarning, match=r"a mean more than 50 standard .*StandardScaler"):
        MLPClassifier((4,), max_iter=1).fit(Z + 100, y)
    with pytest.warns(UserWarning, match="columns of X have a standard deviation above 100"):
        MLPRegressor((4,), max_iter=1).fit(np.hstack([Z * 200, np.ones_like(Z)]), Z[:, 0])
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        for rows in (X, Z, one, Z * 20, np.zeros_like(Z), sparse.csr_array(Z + 100)):
            MLPClassifier((4,), max_iter=1).fit(rows, y)
            MLPRegressor((4,), max_iter=1).fit(rows, Z[:, 0])
        MLPClassifier((4,), max_iter=1).fit(Z * 1000, y)
        MLPClassifier((4,), max_iter=1, normalization="batch").fit(Z + 100, y)
