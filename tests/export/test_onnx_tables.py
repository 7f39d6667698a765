"""Raw tables and Pipelines as ONNX models: from columns to predictions in one graph."""

import numpy as np
import pandas as pd
import pytest
import raw_tables
from onnx_sessions import assert_agrees, feeds_of, outputs_of, session_of
from problems import fitted, iris
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.ensemble import StackingRegressor
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from rosenblatt import MLPClassifier, MLPRegressor, PerceptronClassifier, to_onnx
from rosenblatt.preprocessing import (
    PiecewiseLinearEncoder,
    RobustSmoothScaler,
    TabularPreprocessor,
)

TOLERANCE = 1e-5  # of what comes out of a table


def people():
    """(training rows, new rows with levels never seen, wages): every kind of column but dates."""
    frame, wage = raw_tables.people(n_rows=300)
    rng = np.random.RandomState(0)
    frame = frame.drop(columns="since")
    frame["street"] = rng.choice([f"street {i}" for i in range(40)], len(frame))
    frame["floor"] = pd.Categorical(rng.choice([0, 1, 2], len(frame)))
    frame["children"] = rng.choice([0, 1, 2, 3], len(frame))
    frame["nullable"] = pd.array(rng.choice([1, 2, 3], len(frame)), dtype="Int64")
    frame.loc[::20, "nullable"] = pd.NA
    frame["planet"] = "earth"
    frame["weight"] = np.where(rng.random_sample(len(frame)) < 0.03, np.inf, rng.normal(size=300))
    new = frame.copy()
    new.loc[:9, "trade"], new.loc[5:19, "street"] = "tanner", "elsewhere"
    new.loc[20:30, "age"] = np.nan
    new["weight"] = np.where(rng.random_sample(len(new)) < 0.1, -np.inf, new["weight"])
    return frame, new, wage


@pytest.mark.parametrize("preset", ["fast", "default"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_tabular_classifiers(n_classes, preset):
    """Scaling, bins, categories, target statistics, members and calibration."""
    frame, new, wage = people()
    y = np.array(["low", "middle", "high"])[np.digitize(wage, [28, 36][: n_classes - 1])]
    model = raw_tables.classifier(preset=preset, n_members=3).fit(frame, y)
    outputs = outputs_of(model, new)
    assert list(outputs) == ["label", "probabilities"]
    np.testing.assert_array_equal(outputs["label"], model.predict(new))
    assert_agrees(outputs["probabilities"], model.predict_proba(new), TOLERANCE)


@pytest.mark.parametrize("n_targets", [1, 2])
def test_tabular_regressors(n_targets):
    """In the unit of y, of one target and of two."""
    frame, new, wage = people()
    y = wage if n_targets == 1 else np.column_stack([wage, -(wage**2)])
    model = raw_tables.regressor(preset="default", n_members=3).fit(frame, y)
    assert_agrees(outputs_of(model, new)["variable"], model.predict(new), TOLERANCE)


@pytest.mark.parametrize("n_rows", [150, 300])
@pytest.mark.parametrize("n_targets", [1, 2])
def test_intervals_and_quantiles_are_further_outputs(n_targets, n_rows):
    """As the methods give them, from networks and, below 200 rows, without; levels in any order."""
    frame, new, wage = people()
    y = wage if n_targets == 1 else np.column_stack([wage, -(wage**2)])
    model = raw_tables.regressor().fit(frame[:n_rows], y[:n_rows])
    for residuals in model._ensemble.distribution.residuals_:
        residuals.smallest_spread_ *= 20  # so that it counts for some rows
    levels = [0.9, 0.001, 0.33]
    outputs = outputs_of(model, new, coverage=0.8, levels=levels)
    assert list(outputs) == ["variable", "interval", "quantiles"]
    for name, expected in (
        ("variable", model.predict(new).reshape(len(new), -1)),
        ("interval", model.predict_interval(new, 0.8)),
        ("quantiles", model.predict_quantiles(new, levels)),
    ):
        assert outputs[name].shape == expected.shape
        assert_agrees(outputs[name], expected, TOLERANCE)


def test_intervals_of_what_has_none_are_refused():
    """Before anything else is converted; so are shares and levels that are none."""
    frame, _, wage = people()
    model = raw_tables.regressor().fit(frame, wage)
    with pytest.raises(ValueError, match=r"coverage must be a number in \(0, 1\), got 90"):
        to_onnx(model, frame, coverage=90)
    with pytest.raises(ValueError, match="levels must be a sequence of numbers"):
        to_onnx(model, frame, levels=[0.5, 1.0])
    X, y = iris()
    for other in (MLPRegressor((3,), max_iter=1), make_pipeline(StandardScaler(), Ridge())):
        with pytest.raises(ValueError, match=f"a TabularMLPRegressor; got {type(other).__name__}"):
            to_onnx(fitted(other, X, y), X, coverage=0.9)


def test_tables_that_are_arrays():
    """One input, of gaps too; a category by its index."""
    X, y = iris()
    X = np.column_stack([np.where(X > 1.5, np.nan, X), np.arange(len(X)) % 4])
    model = raw_tables.regressor(categorical_features=[4]).fit(X, y)
    rows = np.vstack([X, np.full((3, 5), np.nan), [[0, 0, 0, 0, 9]]])
    assert_agrees(outputs_of(model, rows)["variable"], model.predict(rows), TOLERANCE)


@pytest.mark.parametrize("encoding", ["quantile", "tree", "periodic", "coarse", "one_hot", None])
def test_every_encoding_of_numbers(encoding):
    """Column by column what the transformer gives."""
    frame, new, wage = people()
    model = TabularPreprocessor(encoding, target_statistics=True, random_state=0)
    model.fit(frame, wage > 30)
    assert_agrees(outputs_of(model, new)["variable"], model.transform(new), 1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "model", [RobustSmoothScaler(clip=2), PiecewiseLinearEncoder(keep_input=True, n_bins=5)]
)
def test_transformers_of_arrays(model, dtype):
    """Gaps, outliers and a constant column."""
    X = np.column_stack([iris()[0], np.full(150, 3.0)])
    rows = np.vstack([X * 5, np.full(5, np.nan), np.full(5, np.inf)]).astype(dtype)
    model.fit(X.astype(dtype))
    found = outputs_of(model, rows)["variable"]
    assert found.dtype == dtype
    assert_agrees(found, model.transform(rows), 1e-6)


PIPELINES = {
    "scaled": (StandardScaler(), MLPClassifier((9,), max_iter=5, dtype="float32")),
    "bins": (PiecewiseLinearEncoder(), MLPRegressor((9,), max_iter=5)),
    "smooth": (RobustSmoothScaler(), MLPRegressor((9,), normalization="batch", max_iter=5)),
    "perceptron": (StandardScaler(), PerceptronClassifier()),
    "stacked": (StackingRegressor([("net", MLPRegressor((5,), max_iter=5))], Ridge(), cv=2),),
    "calibrated": (CalibratedClassifierCV(MLPClassifier((5,), max_iter=5), cv=2),),
    "calibrated scores": (CalibratedClassifierCV(PerceptronClassifier(), cv=2),),
}


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("name", PIPELINES)
def test_pipelines(name, n_classes):
    """With skl2onnx, to which the package's converters are registered."""
    pytest.importorskip("skl2onnx", reason="needs skl2onnx: pip install rosenblatt[export]")
    X, y = iris()
    X, y = X.astype(np.float32), np.minimum(y, n_classes - 1)
    model = fitted(make_pipeline(*PIPELINES[name]), X, y)
    outputs = outputs_of(model, X)
    if not hasattr(model, "classes_"):
        assert_agrees(outputs["variable"], model.predict(X), 1e-5)
        return
    assert list(outputs) == ["label", "probabilities"]
    np.testing.assert_array_equal(outputs["label"], model.predict(X))
    if hasattr(model, "predict_proba"):
        assert_agrees(outputs["probabilities"], model.predict_proba(X), 1e-6)
    else:
        assert_agrees(outputs["probabilities"], model.decision_function(X), 1e-5)


@pytest.mark.parametrize("kind", ["columns", "preprocessor", "ensemble"])
def test_pipelines_of_tables(kind):
    """Columns come in one by one, also through a ColumnTransformer."""
    pytest.importorskip("skl2onnx", reason="needs skl2onnx: pip install rosenblatt[export]")
    frame, new, wage = people()
    columns = ["age", "noise", "children", "street", "married"]
    frame, new = frame[columns].fillna(40), new[columns].fillna(40)
    if kind == "columns":
        columns = ["age", "noise", "street"]
        frame, new = frame[columns], new[columns]
        one_hot = OneHotEncoder(handle_unknown="ignore")
        first = make_column_transformer((StandardScaler(), columns[:2]), (one_hot, columns[2:]))
        model = make_pipeline(first, MLPRegressor((9,), max_iter=5, random_state=0))
    elif kind == "preprocessor":
        net = MLPRegressor((9,), max_iter=5, random_state=0)
        model = make_pipeline(TabularPreprocessor(random_state=0), net)
    else:
        model = make_pipeline(raw_tables.regressor())
    fitted(model, frame, wage)
    assert_agrees(outputs_of(model, new)["variable"], model.predict(new), TOLERANCE)


def test_columns_are_found_by_name_and_unused_ones_may_be_dates():
    """Rows in another order of columns; a constant date has no input."""
    frame, new, wage = people()
    frame["made"] = pd.Timestamp("2026-01-01")
    model = raw_tables.regressor().fit(frame, wage)
    new = new.assign(made=frame["made"])[frame.columns[::-1]]
    session = session_of(model, new)
    assert {one.name for one in session.get_inputs()} == set(frame.columns) - {"made"}
    (found,) = session.run(None, feeds_of(session, new))
    assert_agrees(found, model.predict(new), TOLERANCE)


def test_what_onnx_has_not_is_refused_by_name():
    """Dates, durations, categories of other things, text that is empty, other columns."""
    frame, wage = raw_tables.people()
    model = raw_tables.regressor().fit(frame, wage)
    with pytest.raises(ValueError, match="not support column 'since': ONNX has no type for a date"):
        to_onnx(model, frame)
    frame["since"] = frame["since"] - frame["since"].min()
    model = raw_tables.regressor().fit(frame, wage)
    with pytest.raises(ValueError, match="'since': ONNX has no type for a duration"):
        to_onnx(model, frame)
    del frame["since"]
    model = raw_tables.regressor().fit(frame, wage)
    with pytest.raises(ValueError, match=r"X must have the columns \['age', .* as in fit; got"):
        to_onnx(model, frame.rename(columns={"age": "years"}))
    frame["mixed"] = pd.Series([1.5, "a", "b"] * (len(frame) // 3), dtype=object)
    model = raw_tables.regressor().fit(frame, wage)
    with pytest.raises(ValueError, match="'mixed', a category of float, str"):
        to_onnx(model, frame)
    frame["mixed"] = np.resize(["", "a", "b", None], len(frame))
    model = raw_tables.regressor().fit(frame, wage)
    with pytest.raises(ValueError, match="the empty string as a category"):
        to_onnx(model, frame)
