"""Converted models that predict otherwise are not returned; what Pipelines need to convert."""

import sys

import numpy as np
import pytest
from onnx_sessions import assert_agrees, outputs_of
from problems import diabetes, iris
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    RobustScaler,
    StandardScaler,
)

from rosenblatt import MLPClassifier, MLPRegressor, to_onnx
from rosenblatt.export import _onnx

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:y has a mean"),
]


@pytest.mark.parametrize("runs_in", ["onnxruntime", "onnx"])
def test_a_model_that_predicts_otherwise_is_not_returned(runs_in, monkeypatch):
    """Whatever made it so: here another network's graph, a hundredth off in its last layer."""
    if runs_in == "onnx":
        monkeypatch.setitem(sys.modules, "onnxruntime", None)
    X, y = iris()
    model = MLPClassifier((5,), max_iter=20, random_state=0).fit(X, y)
    assert to_onnx(model, X) is not None
    add, other = _onnx.NETWORKS[MLPClassifier], MLPClassifier((5,), max_iter=20, random_state=0)
    other.fit(X, y).intercepts_[-1] += [0.01, 0, 0]
    monkeypatch.setitem(_onnx.NETWORKS, MLPClassifier, lambda g, m, *rest: add(g, other, *rest))
    with pytest.raises(ValueError, match=r"probabilities .* model differ .* MLPClass"):
        to_onnx(model, X)


def test_rows_of_thousands_may_round_as_they_do():
    """Sums that cancel round by far more than 1e-6 in float32, which is no other model."""
    rng = np.random.default_rng(0)
    X = (1e5 + rng.normal(size=(60, 30))).astype(np.float32)
    model = MLPRegressor((20,), dtype="float32", max_iter=1, random_state=0).fit(X, X[:, 0])
    model.intercepts_[1] -= model.predict(X).mean().astype(np.float32)
    assert to_onnx(model, X) is not None


def table(n_rows=120):
    pd = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "hours-per-week": rng.integers(10, 60, n_rows).astype(np.float32),
            "trade": rng.choice(["smith", "baker"], n_rows),
        }
    )
    frame.loc[:9, "hours-per-week"] = np.nan
    return frame, (frame["trade"] == "smith").to_numpy(int)


def pipeline_of(**options):
    pytest.importorskip("skl2onnx", reason="Pipelines are converted by skl2onnx")
    columns = make_column_transformer(
        (make_pipeline(SimpleImputer(**options), StandardScaler()), ["hours-per-week"]),
        (OneHotEncoder(handle_unknown="ignore"), ["trade"]),
    )
    return make_pipeline(columns, MLPClassifier((5,), max_iter=20, random_state=0))


def test_columns_keep_names_that_are_no_identifiers():
    """skl2onnx renames them; numbers have gaps, as in the table."""
    X, y = table()
    model = pipeline_of().fit(X, y)
    assert_agrees(outputs_of(model, X)["probabilities"], model.predict_proba(X), 1e-5)


def test_what_pipelines_cannot_convert_is_refused_with_a_remedy():
    """By the name of the parameter or the column."""
    X, y = table()
    with pytest.raises(ValueError, match="add_indicator=True of SimpleImputer: leave it out"):
        to_onnx(pipeline_of(add_indicator=True).fit(X, y), X)
    double = X.astype({"hours-per-week": "float64"})
    with pytest.raises(ValueError, match=r"onnxruntime cannot run .*float32"):
        to_onnx(pipeline_of().fit(double, y), double)
    gaps = X.assign(trade=X["trade"].where(np.arange(len(X)) > 5, None))
    with pytest.raises(ValueError, match=r"missing text as a category.*fillna"):
        to_onnx(pipeline_of().fit(gaps, y), gaps)


def test_calibrated_classifiers():
    """Right with the scaler outside; refused where skl2onnx converts to another model."""
    pytest.importorskip("skl2onnx", reason="Pipelines are converted by skl2onnx")
    X, y = iris()
    X, net = X.astype(np.float32), MLPClassifier((5,), max_iter=20, random_state=0)
    right = make_pipeline(StandardScaler(), CalibratedClassifierCV(net, cv=2)).fit(X, y)
    assert_agrees(outputs_of(right, X)["probabilities"], right.predict_proba(X), 1e-5)
    wrong = CalibratedClassifierCV(make_pipeline(StandardScaler(), net), cv=2).fit(X, y)
    with pytest.raises(ValueError, match="put the steps before the classifier outside"):
        to_onnx(wrong, X)
    with pytest.raises(ValueError, match="method='sigmoid' alone; got method='isotonic'"):
        to_onnx(CalibratedClassifierCV(net, method="isotonic", cv=2).fit(X, y), X)


TRANSFORMERS = [
    StandardScaler(),
    StandardScaler(with_mean=False, with_std=False),
    MinMaxScaler((-1, 1)),
    RobustScaler(),
    MaxAbsScaler(),
    FunctionTransformer(np.log1p, np.expm1),
    FunctionTransformer(np.log, np.exp),
]


@pytest.mark.parametrize("transformer", TRANSFORMERS, ids=str)
@pytest.mark.parametrize("n_targets", [1, 2])
def test_transformed_targets(transformer, n_targets):
    """Around a Pipeline, and around a network."""
    X, y = diabetes()
    X, y = X[:80], np.abs(y[:80]) + 1
    y = y if n_targets == 1 else np.column_stack([y, 100 * y])
    net = MLPRegressor((5,), max_iter=20, random_state=0)
    pytest.importorskip("skl2onnx", reason="Pipelines are converted by skl2onnx")
    for regressor in (net, make_pipeline(StandardScaler(), net)):
        model = TransformedTargetRegressor(regressor, transformer=transformer).fit(X, y)
        assert_agrees(outputs_of(model, X)["variable"], model.predict(X), 1e-9)


def test_other_transforms_of_targets_are_refused():
    """By their repr."""
    X, y = diabetes()
    model = TransformedTargetRegressor(
        MLPRegressor((5,), max_iter=2), func=np.sqrt, inverse_func=abs
    )
    with pytest.raises(ValueError, match=r"StandardScaler.*numpy.expm1; got FunctionTransformer"):
        to_onnx(model.set_params(check_inverse=False).fit(X, np.abs(y)), X)
