"""A fitted ensemble: its attributes, copies, predictions row by row, scikit-learn's tools."""

# SPDX-License-Identifier: BSD-3-Clause
import copy
import io
import pickle
import tracemalloc

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from raw_tables import classifier, people, regressor
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import rosenblatt
from rosenblatt import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore:Got `batch_size`")

FRAME, WAGE = people(200)
RICH = np.where(np.median(WAGE) < WAGE, "rich", "poor")
MAKERS = {"classifier": (classifier, RICH), "regressor": (regressor, WAGE)}


@pytest.fixture(scope="module", params=MAKERS)
def model(request):
    make, y = MAKERS[request.param]
    return make(n_members=4, n_folds=4).fit(FRAME, y)


def answers(model, X=FRAME):
    """All that a model says of rows, as one array."""
    if is_classifier(model):
        return model.predict_proba(X)
    return np.column_stack([model.predict(X), model.predict_interval(X)])


# what it holds ---------------------------------------------------------------------------------


def test_copies_say_the_same_bits(model):
    """pickle in the oldest and newest protocol, joblib, memory-mapped too, and deepcopy."""
    buffer = io.BytesIO()
    joblib.dump(model, buffer)
    buffer.seek(0)
    twins = [pickle.loads(pickle.dumps(model, protocol)) for protocol in (2, 5)]
    for twin in [*twins, joblib.load(buffer), copy.deepcopy(model)]:
        np.testing.assert_array_equal(answers(twin), answers(model))
        np.testing.assert_array_equal(twin.oof_prediction_, model.oof_prediction_)
        assert twin.get_params() == model.get_params()
        assert twin.n_iter_ == model.n_iter_


def test_memory_mapped_models_predict(model, tmp_path):
    joblib.dump(model, tmp_path / "model")
    mapped = joblib.load(tmp_path / "model", mmap_mode="r")
    np.testing.assert_array_equal(answers(mapped), answers(model))


@pytest.mark.parametrize("kind", MAKERS)
def test_pickles_hold_no_row_and_stay_small(kind):
    """Cells that occur in a few rows, as number or text, are not in the pickle; four times the
    rows do not make it larger, but for oof_prediction_."""
    make, _ = MAKERS[kind]
    sizes = []
    for n_rows in (500, 2000):
        rng = np.random.RandomState(0)
        X = pd.DataFrame({"z": rng.normal(size=n_rows), "k": rng.choice(list("abc"), n_rows)})
        X["level"] = [f"level{number % 60}" for number in range(n_rows)]
        marks = np.array([0.123456789012345, 7.987654321098765e17])
        X.loc[[3, 7], "z"] = marks
        X.loc[[5, 9], "level"] = "sentinel"
        y = X["z"] > 0 if make is classifier else np.clip(X["z"].to_numpy(), -1, 1)
        model = make(store_oof=False).fit(X, y)
        data = pickle.dumps(model)
        assert b"sentinel" not in data
        inner = marks[0]  # the greatest number is an end of the range, an inner one is a row's
        assert inner.tobytes() not in data
        assert inner.astype(np.float32).tobytes() not in data
        sizes.append(len(data))
    # as many rows as can be float32 would be 4 bytes each in every column
    assert sizes[1] < sizes[0] + 4 * 1500
    assert sizes[1] < 400_000


def test_members_and_encode_reproduce_the_mean(model):
    """The members are networks of this package on encoded rows; their weighted mean, by hand, has
    the order of the ensemble's probabilities, which are calibrated, or is its prediction."""
    kind = MLPClassifier if is_classifier(model) else MLPRegressor
    assert len(model.members_) == model.n_members_ == 4
    total = 0
    for k, (member, weight) in enumerate(zip(model.members_, model.member_weights_, strict=True)):
        assert isinstance(member, kind)
        encoded = model.encode(FRAME, k)
        assert encoded.dtype == np.float32
        assert encoded.shape == (200, member.n_features_in_)
        h = encoded.astype(float)
        for layer, (coef, intercept) in enumerate(
            zip(member.coefs_, member.intercepts_, strict=True)
        ):
            h = (np.maximum(h, 0) if layer else h) @ coef + intercept
        if kind is MLPClassifier:
            total = total + weight / (1 + np.exp(-h[:, 0]))
        else:
            wage = h[:, 0] * WAGE.std() + WAGE.mean()
            total = total + weight * np.clip(wage, WAGE.min(), WAGE.max())
    if kind is MLPRegressor:
        np.testing.assert_allclose(total, model.predict(FRAME), rtol=1e-5)  # float32
    else:
        given = model.predict_proba(FRAME)[:, 1]
        assert (np.diff(given[np.argsort(total)]) > -1e-6).all()
    np.testing.assert_array_equal(model.encode(FRAME, -1), model.encode(FRAME, 3))
    for bad in (4, -5, 1.0, "0"):
        with pytest.raises(ValueError, match="member must be an int in"):
            model.encode(FRAME, bad)


def test_history_and_plots_of_members(model):
    assert len(model.history_) == 4
    for member, history in zip(model.members_, model.history_, strict=True):
        assert len(history["loss"]) >= member.n_iter_
        assert np.isfinite(history["loss"]).all()
    assert model.n_iter_ == max(member.n_iter_ for member in model.members_) <= model.n_epochs_


def test_unfitted_models_say_so():
    for make, _ in MAKERS.values():
        model = make()
        for call in (model.predict, model.encode):
            with pytest.raises(NotFittedError):
                call(FRAME)
        with pytest.raises(NotFittedError):
            model.summary()
        for name in ("members_", "n_members_", "n_iter_", "history_", "oof_score_"):
            assert not hasattr(model, name)
    assert is_classifier(classifier())
    assert is_regressor(regressor())


# rows ------------------------------------------------------------------------------------------


def test_one_row_has_the_bits_of_many(model):
    """As frame, in chunks of any size, and on several threads."""
    many = pd.concat([FRAME] * 25, ignore_index=True)  # 5,000 rows: several chunks
    expected = answers(model, many)
    np.testing.assert_array_equal(expected, np.tile(answers(model), (25, 1)))
    for row in (0, 77, 199):
        np.testing.assert_array_equal(answers(model, FRAME.iloc[[row]]), expected[[row]])
        one = pl.from_pandas(FRAME.iloc[[row]])
        np.testing.assert_array_equal(answers(model, one), expected[[row]])
    np.testing.assert_array_equal(answers(model, many[10:2100]), expected[10:2100])
    model.set_params(n_jobs=3)
    np.testing.assert_array_equal(answers(model, many), expected)
    model.set_params(n_jobs=None)


@pytest.mark.parametrize("kind", MAKERS)
def test_one_row_of_an_array_has_the_bits_of_many(kind):
    make, _ = MAKERS[kind]
    X = np.random.RandomState(0).normal(size=(300, 4)).round(1)
    X[::7, 1] = np.nan
    y = X[:, 0] > 0 if make is classifier else X[:, 0]
    model = make().fit(X, y)
    expected = answers(model, X)
    for row in range(0, 300, 50):
        np.testing.assert_array_equal(answers(model, X[[row]]), expected[[row]])
        np.testing.assert_array_equal(answers(model, X[[row]].tolist()), expected[[row]])
    np.testing.assert_array_equal(answers(model, np.asfortranarray(X)), expected)
    np.testing.assert_array_equal(answers(model, X[::-1])[::-1], expected)


@pytest.mark.parametrize("kind", MAKERS)
def test_predictions_take_bounded_memory(kind):
    """200,000 rows of three numbers are encoded as 150 columns of float32, 120 MB: predictions
    take less than 40 MB besides, of which inputs in float64 and outputs are 8."""
    make, _ = MAKERS[kind]
    X = np.random.RandomState(0).normal(size=(200_000, 3))
    y = X[:500, 0] > 0 if make is classifier else X[:500, 0]
    model = make(max_iter=2).fit(X[:500], y)
    model.predict(X[:10])
    tracemalloc.start()
    model.predict(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40e6


# fits after fits -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", MAKERS)
def test_a_failed_fit_leaves_the_old_one(kind):
    """Bad y, bad columns, bad parameters: nothing of the model has changed."""
    make, y = MAKERS[kind]
    model = make().fit(FRAME, y)
    before, names = answers(model), sorted(vars(model))
    bad = [
        (FRAME, [None] * 200),
        (FRAME.assign(age=[[1]] * 200), y),
        (FRAME.iloc[:, :2], y[:-1]),
    ]
    for X, target in bad:
        with pytest.raises((ValueError, TypeError)):
            model.fit(X, target)
    model.set_params(max_iter=-1)
    with pytest.raises(ValueError, match="max_iter"):
        model.fit(FRAME, y)
    np.testing.assert_array_equal(answers(model), before)
    assert sorted(vars(model)) == names


def test_a_fit_to_another_table_forgets_the_first():
    model = classifier().fit(FRAME, RICH)
    X = np.random.RandomState(0).normal(size=(90, 2))
    model.fit(X, np.arange(90) % 3)
    assert not hasattr(model, "feature_names_in_")
    assert model.n_features_in_ == 2
    assert model.predict_proba(X).shape == (90, 3)
    assert model.oof_prediction_.shape == (90, 3)
    with pytest.raises(ValueError, match="X has 6 features"):
        model.predict(FRAME.to_numpy())


def test_the_table_that_was_handed_in_is_not_changed():
    X = FRAME.copy()
    y = RICH.copy()
    weight = np.ones(200)
    array = np.random.RandomState(0).normal(size=(100, 3))
    array.flags.writeable = False
    classifier().fit(X, y, weight).predict(X)
    regressor().fit(array, array[:, 0]).predict(array)
    pd.testing.assert_frame_equal(X, FRAME)
    np.testing.assert_array_equal(y, RICH)


# scikit-learn's tools --------------------------------------------------------------------------


def test_clone_has_parameters_and_nothing_else(model):
    twin = clone(model)
    assert twin.get_params() == model.get_params()
    assert not [name for name in vars(twin) if name.endswith("_")]
    y = RICH if is_classifier(model) else WAGE
    np.testing.assert_array_equal(answers(twin.fit(FRAME, y)), answers(model))
    with pytest.raises(ValueError, match="Invalid parameter 'members'"):
        model.set_params(members=3)


def test_html_shows_the_model(model):
    html = model._repr_html_()
    assert "n_members" in html
    assert type(model).__name__ in html
    assert "fitted" in html
    assert "TabularMLP" in repr(type(model)())


def test_importable_from_the_package():
    assert rosenblatt.TabularMLPClassifier is type(classifier())
    assert {"TabularMLPClassifier", "TabularMLPRegressor"} <= set(rosenblatt.__all__)


def test_pipelines_and_searches():
    """Frames pass through a pipeline whole; grids over its parameters; cross-validation."""
    pipe = make_pipeline(FunctionTransformer(lambda X: X.drop(columns="noise")), classifier())
    search = GridSearchCV(pipe, {"tabularmlpclassifier__max_iter": [1, 60]}, cv=3)
    search.fit(FRAME, RICH)
    assert search.best_params_ == {"tabularmlpclassifier__max_iter": 60}
    assert search.best_score_ > 0.65
    assert list(search.best_estimator_[-1].feature_names_in_) == list(FRAME.columns[:-1])
    scores = cross_val_score(regressor(max_iter=60), FRAME, WAGE, cv=3)
    assert scores.min() > 0.4
    numbers = FRAME[["age", "noise"]]
    scaled = make_pipeline(StandardScaler().set_output(transform="pandas"), regressor())
    assert list(scaled.fit(numbers, WAGE)[-1].feature_names_in_) == ["age", "noise"]


def test_metadata_is_routed():
    """sample_weight and groups reach fit through cross_validate: the weights of one label decide
    what is predicted, and groups are asked for by the folds inside."""
    weight = np.where(RICH == "rich", 1.0, 1e-9)
    groups = np.arange(200) // 4
    with sklearn.config_context(enable_metadata_routing=True):
        model = classifier(max_iter=100).set_fit_request(sample_weight=True, groups=True)
        model.set_score_request(sample_weight=False)
        result = cross_validate(
            model,
            FRAME,
            RICH,
            cv=GroupKFold(2),
            params={"sample_weight": weight, "groups": groups},
            return_estimator=True,
        )
        for fitted in result["estimator"]:
            assert np.mean(fitted.predict(FRAME) == "rich") > 0.9  # without weights about half
            assert fitted.oof_score_ > 0.95  # of the rich, who alone weigh
        with pytest.raises(ValueError, match="groups"):
            cross_validate(
                classifier().set_fit_request(groups=True),
                FRAME,
                RICH,
                cv=2,
                params={"groups": np.zeros(200)},
                error_score="raise",
            )
