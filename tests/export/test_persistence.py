"""Models in files: they load without private types, predict and continue training bitwise."""

import copy
import importlib
import io
import pickle
from functools import cache

import numpy as np
import pytest
import raw_tables
from problems import iris
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import rosenblatt
from rosenblatt import MLPClassifier, MLPRegressor, PerceptronClassifier, callbacks, schedules
from rosenblatt.preprocessing import (
    PiecewiseLinearEncoder,
    RobustSmoothScaler,
    TabularPreprocessor,
)


def flowers(model):
    """(model fitted to irises, their rows)."""
    X, y = iris()
    return model.fit(X, y), X


def goes_on(model):
    """(model of two partial fits, the irises)."""
    X, y = iris()
    model.partial_fit(X, y, classes=[0, 1, 2]).partial_fit(X, y)
    return model, X


def of_people(model):
    """(model fitted to a raw table of text, dates and gaps, the table)."""
    frame, wage = raw_tables.people(n_rows=300)
    frame["street"] = np.random.RandomState(0).choice([f"street {i}" for i in range(40)], 300)
    y = wage > 30 if hasattr(model, "predict_proba") or hasattr(model, "classes_") else wage
    return model.fit(frame, y), frame


CASES = {
    "classifier": lambda: flowers(
        MLPClassifier(
            (7,),
            normalization="batch",
            learning_rate=schedules.Cosine(warmup=2),
            callbacks=[callbacks.TimeLimit(60)],
            max_iter=3,
            random_state=np.random.RandomState(0),
        )
    ),
    "regressor": lambda: flowers(
        MLPRegressor((7, 5), activation=["tanh", "mish"], dtype="float32", max_iter=3)
    ),
    "quantiles": lambda: flowers(
        MLPRegressor((7,), loss="quantile", quantile=(0.1, 0.9), max_iter=3)
    ),
    "lbfgs": lambda: flowers(MLPRegressor((7,), solver="lbfgs", max_iter=3)),
    "going on": lambda: goes_on(
        MLPClassifier(
            (7,), solver="nadam", dropout=0.1, partial_fit_shuffle="continue", random_state=0
        )
    ),
    "warm start": lambda: flowers(
        MLPClassifier((7,), warm_start="optimizer", max_iter=3, random_state=0)
    ),
    "perceptron": lambda: flowers(PerceptronClassifier(average=True)),
    "pipeline": lambda: flowers(
        make_pipeline(StandardScaler(), MLPClassifier((7,), max_iter=3, random_state=0))
    ),
    "tabular classifier": lambda: of_people(raw_tables.classifier()),
    "tabular regressor": lambda: of_people(raw_tables.regressor()),
    "preprocessor": lambda: of_people(TabularPreprocessor("tree", random_state=0)),
    "periodic": lambda: of_people(TabularPreprocessor("periodic", random_state=0)),
    "columns": lambda: of_people(
        make_column_transformer(
            (RobustSmoothScaler(), ["noise"]), (PiecewiseLinearEncoder(), ["age"])
        )
    ),
}


@cache
def fitted(case):
    """(fitted model, rows) of a case, for all tests."""
    return CASES[case]()


def outputs_of(model, X):
    """Everything that the model makes of the rows."""
    names = ("predict", "predict_proba", "predict_interval", "decision_function", "transform")
    return {name: getattr(model, name)(X) for name in names if hasattr(model, name)}


def assert_same_model(model, stored, X):
    """To the bit, also after another fit or call where the model's bits are its own."""
    before, after = outputs_of(model, X), outputs_of(stored, X)
    assert before.keys() == after.keys() != set()
    for name in before:
        np.testing.assert_array_equal(before[name], after[name])
    if hasattr(model, "history_") and hasattr(model, "partial_fit"):
        assert type(stored.history_) is type(model.history_)
        assert stored.history_.last() == pytest.approx(model.history_.last(), nan_ok=True)
    if getattr(model, "random_state", None) != 0 or not isinstance(model, MLPClassifier):
        return
    y = iris()[1]
    model = copy.deepcopy(model)
    for one in (model, stored):
        one.fit(X, y) if model.warm_start else one.partial_fit(X, y)
    for ours, theirs in zip(model.coefs_, stored.coefs_, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("case", CASES)
def test_skops_files_need_public_types_alone_and_lose_nothing(case):
    """Only types of SKOPS_TYPES have to be trusted; what is loaded predicts and goes on alike."""
    skops = pytest.importorskip("skops.io", reason="needs skops: pip install rosenblatt[export]")
    model, X = fitted(case)
    data = skops.dumps(model)
    untrusted = set(skops.get_untrusted_types(data=data))
    if case != "columns":
        assert untrusted
    assert untrusted <= set(rosenblatt.SKOPS_TYPES)
    assert_same_model(model, skops.loads(data, trusted=rosenblatt.SKOPS_TYPES), X)


@pytest.mark.parametrize("case", CASES)
def test_pickles_name_no_private_class_and_lose_nothing(case):
    """A pickle refers to public names: private classes may be renamed without loss of models."""
    model, X = fitted(case)
    found = []

    class Unpickler(pickle.Unpickler):
        def find_class(self, module, name):
            found.append(f"{module}.{name}")
            return super().find_class(module, name)

    stored = Unpickler(io.BytesIO(pickle.dumps(model))).load()
    ours = {name for name in found if name.startswith("rosenblatt.")}
    assert ours <= set(rosenblatt.SKOPS_TYPES)
    assert_same_model(model, stored, X)


def test_the_types_are_all_public_classes_that_models_hold():
    """Every name is public and leads to its class; no schedule, callback or estimator lacks."""
    for name in rosenblatt.SKOPS_TYPES:
        module, _, attribute = name.rpartition(".")
        assert not any(part.startswith("_") for part in name.split("."))
        named = getattr(importlib.import_module(module), attribute)
        assert (named.__module__, named.__name__) == (module, attribute)
    wanted = {getattr(schedules, name) for name in schedules.__all__} - {schedules.Schedule}
    wanted |= {getattr(callbacks, name) for name in callbacks.__all__} - {
        callbacks.Callback,
        callbacks.EpochRecord,
    }
    wanted |= {getattr(rosenblatt.preprocessing, name) for name in rosenblatt.preprocessing.__all__}
    wanted |= {getattr(rosenblatt, name) for name in rosenblatt.__all__ if "MLP" in name}
    names = {f"{one.__module__}.{one.__name__}" for one in wanted}
    assert names <= set(rosenblatt.SKOPS_TYPES)


def test_a_file_of_another_version_is_refused_by_name():
    """A class that is not there any more is named, not an attribute that is missing."""
    model, _ = flowers(MLPClassifier((3,), max_iter=2))
    state = model.__getstate__()
    state["history_"]["rosenblatt class"] = "Chronicle"
    with pytest.raises(
        ValueError, match="'Chronicle' of rosenblatt, which does not exist in this version"
    ):
        MLPClassifier().__setstate__(state)


@pytest.fixture(scope="module")
def mlflow(tmp_path_factory):
    """MLflow with a database of its own; it guesses no requirements, which takes a process each."""
    package = pytest.importorskip("mlflow", reason="needs MLflow: pip install .[test-export]")
    for name in ("mlflow.sklearn", "skops", "sqlalchemy", "alembic"):
        pytest.importorskip(name, reason=f"MLflow needs {name}: pip install .[test-export]")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("mlflow"))
        patch.setattr(package.models, "infer_pip_requirements", lambda *a, fallback, **k: fallback)
        package.set_tracking_uri("sqlite:///mlflow.db")
        yield package


quietly = pytest.mark.filterwarnings(
    "ignore:.*:sklearn.exceptions.ConvergenceWarning",
    "ignore:Precision is ill-defined",
    "ignore::FutureWarning:sklearn",
    "ignore::DeprecationWarning",
    "ignore::UserWarning:mlflow",
)


@quietly
def test_mlflow_stores_every_model_by_default(mlflow):
    """log_model writes skops files; SKOPS_TYPES is all that it has to be told."""
    with mlflow.start_run():
        for case in CASES:
            model, X = fitted(case)
            logged = mlflow.sklearn.log_model(
                model, name=case.replace(" ", "-"), skops_trusted_types=rosenblatt.SKOPS_TYPES
            )
            assert "skops" in logged.flavors["sklearn"]["serialization_format"]
            assert_same_model(model, mlflow.sklearn.load_model(logged.model_uri), X)


@quietly
def test_mlflow_logs_pipelines_by_itself(mlflow, request):
    """autolog: parameters, training scores and a model that is the same to the bit."""
    request.addfinalizer(lambda: mlflow.sklearn.autolog(disable=True))
    mlflow.sklearn.autolog(silent=True)
    X, y = iris()
    table, wage = raw_tables.people(n_rows=300)
    for model, rows, target in (
        (MLPClassifier((7,), max_iter=3, random_state=0), X, y),
        (MLPRegressor((7,), max_iter=3, random_state=0), X, y),
        (PerceptronClassifier(), X, y),
        (raw_tables.classifier(), table, wage > 30),
        (raw_tables.regressor(), table, wage),
    ):
        with mlflow.start_run() as run:
            pipeline = make_pipeline(model).fit(rows, target)
        run, step = mlflow.get_run(run.info.run_id), pipeline.steps[0][0]
        assert run.data.params[f"{step}__random_state"] == str(model.random_state)
        assert run.data.metrics["training_score"] == pipeline.score(rows, target)
        (stored,) = run.outputs.model_outputs
        stored = mlflow.sklearn.load_model(f"models:/{stored.model_id}")
        assert_same_model(pipeline, stored, rows)
