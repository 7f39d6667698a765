"""Targets of any type and scale, weights, groups and validation rows; errors for invalid input."""

# SPDX-License-Identifier: BSD-3-Clause
import decimal
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from raw_tables import classifier, people, regressor
from sklearn.metrics import accuracy_score, log_loss, r2_score

from rosenblatt.tabular._target_codec import TargetScaling

pytestmark = pytest.mark.filterwarnings("ignore:Got `batch_size`")

X = np.random.RandomState(1).normal(size=(120, 3))
Z = X[:, 0]
SIGN = Z > 0
LEARN = {"max_iter": 100}


@pytest.fixture(scope="module")
def probabilities():
    """Of a model that was fitted to the truth values."""
    return classifier(**LEARN).fit(X, SIGN).predict_proba(X)


@pytest.fixture(scope="module")
def numbers():
    """A regressor of the first column."""
    return regressor(**LEARN).fit(X, Z)


# labels ----------------------------------------------------------------------------------------

LABELS = {
    "text": np.where(SIGN, "yes", "no"),
    "object": np.where(SIGN, "yes", "no").astype(object),
    "the text nan": np.where(SIGN, "nan", "None"),
    "int": np.where(SIGN, 3, -7),
    "int64 above float": np.where(SIGN, 2**60 + 1, 2**60),
    "float": np.where(SIGN, 2.0, 1.0),
    "objects of int": np.where(SIGN, 2, 1).astype(object),
    "objects of bool": SIGN.astype(object),
    "list": SIGN.tolist(),
    "Series": pd.Series(SIGN, index=range(120, 0, -1)),
    "categorical": pd.Series(pd.Categorical(np.where(SIGN, "b", "a"), categories=["b", "a", "c"])),
    "string": pd.Series(np.where(SIGN, "b", "a"), dtype="string"),
    "Int64": pd.Series(np.where(SIGN, 1, 0), dtype="Int64"),
    "boolean": pd.Series(SIGN, dtype="boolean"),
    "polars": pl.Series(np.where(SIGN, "b", "a").tolist()),
    "polars enum": pl.Series(np.where(SIGN, "b", "a").tolist(), dtype=pl.Enum(["b", "a"])),
}


@pytest.mark.parametrize("kind", LABELS)
def test_labels_of_every_type(kind, probabilities):
    """The classes are NumPy's sorted distinct labels, and the probabilities those of the first and
    the second, whatever they are called."""
    labels = LABELS[kind]
    model = classifier(**LEARN).fit(X, labels)
    plain = np.asarray(labels)
    assert list(model.classes_) == sorted(set(plain.tolist()))
    second = plain == model.classes_[1]
    given = model.predict_proba(X)
    np.testing.assert_array_equal(given if (second == SIGN).all() else given[:, ::-1], given)
    if (second == SIGN).all():
        np.testing.assert_array_equal(given, probabilities)
    assert (model.predict(X) == plain).mean() > 0.85
    assert set(model.predict(X).tolist()) <= set(plain.tolist())


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.where(SIGN, np.nan, 1.0), "NaN"),
        (np.where(SIGN, None, "a"), "the label of row 0 is None"),
        (pd.Series(np.where(SIGN, "a", None), dtype="string"), "is <NA>"),
        (pd.Series(np.where(SIGN, 1, None), dtype="Int64"), "NaN"),
        (pl.Series([None if one else "a" for one in SIGN]), "the label of row 0 is None"),
        (np.array([1 if one else "a" for one in SIGN], dtype=object), "of type int, str"),
        (np.array([(1,) if one else (2,) for one in SIGN] + [None], object)[:-1], "of type tuple"),
        (Z, "continuous"),
        (np.column_stack([SIGN, SIGN]), "1d array"),
        (SIGN[:-1], "inconsistent numbers of samples"),
        (None, "y is None"),
    ],
)
def test_labels_that_are_none_are_refused(labels, message):
    """Before training, in words that name what is wrong."""
    with pytest.raises(ValueError, match=message):
        classifier().fit(X, labels)


def test_many_classes_and_rare_ones():
    """40 classes of one number each are told apart; a class of one row has its column; the log
    loss of the rows left out is finite."""
    rng = np.random.RandomState(0)
    y = rng.randint(0, 40, 1600)
    x = np.column_stack([y + rng.uniform(-0.3, 0.3, len(y)), rng.normal(size=len(y))])
    y[0] = 99
    model = classifier(max_iter=60, hidden_layer_sizes=(64,)).fit(x, y)
    assert model.predict_proba(x).shape == (1600, 41)
    assert model.oof_score_ > 0.8
    assert np.isfinite(log_loss(y, model.oof_prediction_, labels=model.classes_))
    assert model.classes_[-1] == 99


def test_imbalance():
    """One row of 2,000, and 1 % that a column tells: probabilities follow the shares."""
    rng = np.random.RandomState(0)
    x = rng.normal(size=(2000, 2))
    lone = np.arange(2000) == 77
    model = classifier().fit(x, lone)
    assert model.predict_proba(x)[:, 1].mean() < 0.01
    assert model.predict_proba(x).min() > 0
    rare = x[:, 0] > 2.3
    model = classifier(max_iter=60).fit(x, rare)
    assert model.oof_score_ > 0.995
    np.testing.assert_allclose(model.predict_proba(x)[:, 1].mean(), rare.mean(), atol=0.005)


def test_one_class_only():
    """Whatever is asked for, the answer is the one label there is."""
    model = classifier().fit(X, np.full(120, "only"))
    np.testing.assert_array_equal(model.predict(X), np.full(120, "only"))
    np.testing.assert_array_equal(model.predict_proba(X), np.ones((120, 1)))
    assert model.oof_score_ == 1


@pytest.mark.parametrize("n_rows", [2, 3, 5, 20])
def test_few_rows_train(n_rows):
    """Also more folds asked for than there are rows."""
    for make, y in ((classifier, np.arange(n_rows) % 2), (regressor, Z[:n_rows])):
        model = make(n_folds=8, n_members=8, max_iter=3).fit(X[:n_rows], y)
        assert np.isfinite(model.oof_prediction_).all()
        assert len(model.predict(X)) == 120
    assert model.predict_interval(X).shape == (120, 2)


# numbers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scale", "offset"), [(1e-12, 0), (1e12, 0), (2.0**-60, 0), (1, 1e9), (-3, 7), (1e140, 0)]
)
def test_targets_of_any_scale_are_learnt_alike(scale, offset, numbers):
    """Predictions, intervals and R^2 follow y up to rounding of the offset and float32."""
    model = regressor(**LEARN).fit(X, scale * Z + offset)
    np.testing.assert_allclose(model.oof_score_, numbers.oof_score_, atol=0.03)
    if scale > 0:
        expected, wide = numbers.predict(X), numbers.predict_interval(X)
        tolerance = 1e-3  # float32 networks, and residuals of 1e9 that have seven digits
        np.testing.assert_allclose((model.predict(X) - offset) / scale, expected, atol=tolerance)
        given = (model.predict_interval(X) - offset) / scale
        np.testing.assert_allclose(given, wide, atol=tolerance)


def test_skewed_targets_stay_within_the_training_range():
    """exp(3 z) and an outlier of 1e15: predictions and intervals never leave the range of y."""
    for y in (np.exp(3 * Z), np.append(1e15, np.exp(Z[1:]))):
        model = regressor(max_iter=20).fit(X, y)
        far = 1e6 * X
        for given in (model.predict(far), model.predict_interval(far)):
            assert given.min() >= y.min()
            assert given.max() <= y.max()
        oof = model.oof_prediction_
        assert y.min() * (1 - 1e-6) <= oof.min() <= oof.max() <= y.max() * (1 + 1e-6)


def test_several_targets_and_a_constant_one():
    """Each target is learnt in its own unit; the constant one is exact."""
    Y = np.column_stack([Z, 1e9 * X[:, 1], np.full(120, 0.1)])
    for targets in (Y, pd.DataFrame(Y), pl.DataFrame(Y), Y.tolist()):
        model = regressor(**LEARN).fit(X, targets)
        assert model.predict(X).shape == (120, 3)
        np.testing.assert_array_equal(model.predict(X)[:, 2], 0.1)
    assert (r2_score(Y, model.predict(X), multioutput="raw_values") > 0.8).all()
    assert model.oof_prediction_.shape == (120, 3)
    assert model.predict_interval(X).shape == (120, 3, 2)
    assert model.predict_quantiles(X, [0.2]).shape == (120, 3, 1)
    np.testing.assert_array_equal(model.predict_interval(X)[:, 2], 0.1)
    constant = regressor().fit(X, np.full(120, -4.2))
    np.testing.assert_array_equal(constant.predict(X), -4.2)
    np.testing.assert_array_equal(constant.predict_interval(X), -4.2)


def test_numbers_of_every_container_are_one_target(numbers):
    """Series with another index, nullable, polars, Decimals, objects, integers as bool."""
    expected = numbers.predict(X)
    series = pd.Series(Z, index=range(120, 0, -1))
    decimals = [decimal.Decimal(float(value)) for value in Z]
    for y in (series, series.astype("Float64"), pl.Series(Z), Z.astype(object), decimals, list(Z)):
        np.testing.assert_array_equal(regressor(**LEARN).fit(X, y).predict(X), expected)
    as_bool, as_float = regressor().fit(X, SIGN), regressor().fit(X, SIGN.astype(float))
    np.testing.assert_array_equal(as_bool.predict(X), as_float.predict(X))


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.append(np.nan, Z[1:]), "NaN"),
        (np.append(np.inf, Z[1:]), "infinity"),
        (Z * 1e300, r"must not exceed 1e\+150"),
        (pl.Series([None, *Z[1:]]), "NaN"),
        (np.array(["a"] * 120), "must hold numbers"),
        (np.arange(120).astype("M8[D]"), "must hold numbers"),
        (Z + 1j, "Complex"),
        (np.zeros((120, 2, 2)), "dim 3"),
        (Z[1:], "inconsistent numbers of samples"),
        (None, "y is None"),
    ],
)
def test_numbers_that_are_none_are_refused(y, message):
    with pytest.raises(ValueError, match=message):
        regressor().fit(X, y)


# weights ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [classifier, regressor])
def test_rows_of_weight_zero_are_as_if_absent(make):
    """Half of the rows say the contrary, hold text never seen elsewhere and numbers of 1e6, and
    weigh nothing: the model is that of the other half, as are score, columns and range."""
    frame, wage = people(300)
    y = np.where(wage > np.median(wage), "rich", "poor") if make is classifier else wage
    wrong = frame.assign(age=1e6 * frame["age"], trade="liar", noise=np.inf)
    lies = y[::-1] if make is classifier else -1e6 * y
    both, targets = pd.concat([frame, wrong]), np.concatenate([y, lies])
    weight = np.repeat([1.0, 0.0], 300)
    model = make(max_iter=60).fit(both, targets, weight)
    alone = make(max_iter=60).fit(frame, y)
    assert [one.detail for one in model.columns_] == [one.detail for one in alone.columns_]
    assert [one.n_missing for one in model.columns_] == [one.n_missing for one in alone.columns_]
    # other batches, the same knowledge
    assert abs(model.oof_score_ - alone.oof_score_) < 4 * alone.oof_score_stderr_
    assert model.score(frame, y) > (0.65 if make is classifier else 0.5)
    if make is regressor:
        assert model.predict(frame).min() >= y.min()
        assert model.predict_interval(frame).min() >= y.min()
    honest = model.oof_prediction_[:300]
    known = accuracy_score(y, model.classes_[honest.argmax(1)]) if make is classifier else None
    known = r2_score(y, honest) if known is None else known
    np.testing.assert_allclose(model.oof_score_, known, rtol=1e-5)  # float32 of oof_prediction_


def test_scaling_of_targets_is_that_of_the_rows_that_weigh():
    """NumPy's weighted mean and deviation; the range, beyond which nothing is predicted, is of the
    rows with a weight."""
    rng = np.random.RandomState(0)
    values, weight = rng.normal(3, 2, size=(50, 2)), rng.randint(0, 3, 50).astype(float)
    values[weight == 0] *= 1e6
    scaling = TargetScaling(values, weight)
    mean = np.average(values, axis=0, weights=weight)
    deviation = np.sqrt(np.average((values - mean) ** 2, axis=0, weights=weight))
    seen = values[weight > 0]
    outputs = np.array([[-1e9, 1e9], [0.1, -0.1]])
    expected = [[seen[:, 0].min(), seen[:, 1].max()], mean + deviation * outputs[1]]
    np.testing.assert_allclose(scaling.inverse_transform(outputs), expected, rtol=1e-6)


def test_hardly_any_row_weighs_something():
    """16 of 3,000 rows, and 200 columns of which importances draw a few rows each."""
    rng = np.random.RandomState(0)
    x = rng.normal(size=(3000, 200))
    weight = (np.arange(3000) < 16) * 1.0
    model = classifier(n_members=4, n_folds=4, max_iter=2).fit(x, x[:, 0] > 0, weight)
    assert np.isfinite(model.feature_importances_).all()
    assert np.isfinite(model.oof_score_)


def test_weights_count_in_loss_calibration_and_score():
    """Rows of one x have both labels, 3 of 4 times 'a', but the others weigh 9 times as much: the
    probability of 'a' is 3 / (3 + 9)."""
    y = np.tile(["a", "a", "a", "b"], 60)
    x = np.random.RandomState(0).normal(size=(240, 2))
    weight = np.where(y == "b", 9.0, 1.0)
    model = classifier(max_iter=30).fit(x, y, weight)
    np.testing.assert_allclose(model.predict_proba(x)[:, 0].mean(), 0.25, atol=0.08)
    correct = model.classes_[model.oof_prediction_.argmax(axis=1)] == y
    np.testing.assert_allclose(model.oof_score_, np.average(correct, weights=weight), rtol=1e-12)
    plain = classifier(max_iter=30).fit(x, y)
    np.testing.assert_allclose(plain.predict_proba(x)[:, 0].mean(), 0.75, atol=0.08)


@pytest.mark.parametrize("make", [classifier, regressor])
def test_only_ratios_of_weights_matter(make):
    """A factor that is a power of two changes no bit, be it 2**-900; equal weights are none."""
    y = SIGN if make is classifier else Z
    weight = np.random.RandomState(0).uniform(0, 2, 120)
    one, scaled = make().fit(X, y, weight), make().fit(X, y, weight * 2.0**-900)
    np.testing.assert_array_equal(scaled.predict(X), one.predict(X))
    assert scaled.oof_score_ == one.oof_score_
    sevens = make().fit(X, y, np.full(120, 7.0))
    np.testing.assert_allclose(sevens.oof_score_, make().fit(X, y).oof_score_, atol=1e-6)


@pytest.mark.parametrize("make", [classifier, regressor])
@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (np.zeros(120), "non-zero"),
        (-np.ones(120), ">= 0"),
        (np.append(-1, np.ones(119)), ">= 0"),
        (np.append(np.nan, np.ones(119)), "sample_weight contains NaN"),
        (np.append(np.inf, np.ones(119)), "infinity"),
        (np.ones(119), "sample_weight.shape"),
        (np.ones((120, 1)), "1D"),
    ],
)
def test_bad_weights_are_refused(make, weight, message):
    with pytest.raises(ValueError, match=message):
        make().fit(X, SIGN.astype(float), weight)


def test_class_weight_multiplies_weights():
    """A dict and 'balanced' are the row weights that scikit-learn's definition makes of them, in
    everything but the score, which stays that of the rows."""
    y = np.where(Z > 0.8, "few", "many")
    few = y == "few"
    options = LEARN | {"n_members": 8}  # whose mean depends little on the draws of each
    balanced = 120 / (2 * np.where(few, few.sum(), (~few).sum()))
    for class_weight, factor in (
        ("balanced", balanced),
        ({"few": 5, "many": 0.5}, np.where(few, 5, 0.5)),
    ):
        by_class = classifier(class_weight=class_weight, **options).fit(X, y)
        mean = by_class.oof_prediction_.mean(axis=0)
        correct = by_class.classes_[by_class.oof_prediction_.argmax(axis=1)] == y
        np.testing.assert_allclose(by_class.oof_score_, correct.mean(), rtol=1e-12)
        plain = classifier(**options).fit(X, y).oof_prediction_.mean(axis=0)
        assert mean[0] > plain[0]
        # bins and medians are those of the rows: only statistics tell the two apart
        by_row = classifier(**options).fit(X, y, factor)
        np.testing.assert_allclose(by_row.oof_prediction_.mean(axis=0)[0], mean[0], atol=0.05)
    with pytest.raises(ValueError, match="gives all rows weight 0"):
        classifier(class_weight={"few": 0, "many": 0}).fit(X, y)
    with pytest.raises(ValueError, match="class_weight must hold finite numbers >= 0"):
        classifier(class_weight={"few": -1, "many": 1}).fit(X, y)


# groups and validation rows --------------------------------------------------------------------


@pytest.mark.parametrize("as_text", [False, True])
def test_groups_are_not_split(as_text):
    """Every group has labels of its own by chance and a column that names it: rows left out with
    their group are predicted no better than chance, rows left out alone perfectly."""
    rng = np.random.RandomState(0)
    group = rng.permutation(np.repeat(np.arange(40), 15))
    y = (rng.random_sample(40) < 0.5)[group]
    frame = pd.DataFrame({"group": [f"g{one}" for one in group]})
    params = {"max_iter": 40, "n_members": 4, "n_folds": 4}
    alone = classifier(**params).fit(frame, y)
    assert alone.oof_score_ > 0.98
    groups = pd.Series([f"g{one}" for one in group]) if as_text else group
    together = classifier(**params).fit(frame, y, groups=groups)
    assert together.oof_score_ < 0.75  # 40 coins: 0.5 +- 0.08, and the epoch is chosen on them
    assert together.oof_score_stderr_ > 3 * np.sqrt(0.25 / 600)  # whole groups are left out


def test_networks_never_see_the_groups_that_they_are_scored_on(monkeypatch):
    """The row numbers handed to the core: no group is both trained on and left out."""
    from rosenblatt.tabular import _members

    tasks, train = [], _members.train_member
    monkeypatch.setattr(
        _members, "train_member", lambda task, *rest: tasks.append(task) or train(task, *rest)
    )
    groups = np.random.RandomState(0).randint(0, 9, 120)
    for make, y in ((classifier, SIGN), (regressor, Z)):
        for params in ({"n_members": 4, "n_folds": 4}, {"n_members": 3, "n_folds": 3}):
            tasks.clear()
            make(max_iter=2, **params).fit(X, y, groups=groups)
            members = tasks[: params["n_members"]]
            held_out = np.concatenate([task.data.held_out for task in members])
            assert sorted(held_out) == list(range(120))
            for task in members:
                assert not set(groups[task.data.rows]) & set(groups[task.data.held_out])
                assert len(task.data.rows) + len(task.data.held_out) == 120


def test_fewer_groups_than_folds_and_groups_without_weight():
    """Two groups make two folds, whatever was asked for; a group of weight 0 is no fold."""
    groups = np.arange(120) // 40
    model = classifier(n_members=4, n_folds=4).fit(X, SIGN, groups=np.minimum(groups, 1))
    assert np.isfinite(model.oof_prediction_).all()
    for make, y in ((classifier, SIGN), (regressor, Z)):
        model = make(n_members=3, n_folds=3).fit(X, y, (groups > 0) * 1.0, groups=groups)
        assert np.isfinite(model.oof_score_)


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (np.zeros(120), "at least 2 groups"),
        (np.arange(119), r"groups must have shape \(120,\)"),
        (X, r"groups must have shape \(120,\)"),
        (np.append(None, np.arange(119)), "groups must not be missing in any row, got None"),
        (np.append(np.nan, np.arange(119)), "groups must not be missing in any row, got nan"),
    ],
)
def test_bad_groups_are_refused(groups, message):
    with pytest.raises(ValueError, match=message):
        classifier().fit(X, SIGN, groups=groups)


def test_validation_rows_take_the_place_of_folds():
    """oof_prediction_ and oof_score_ are of X_val, which may hold levels and gaps that X has not;
    every network trains on all of X; weights count."""
    frame, wage = people(400)
    y = np.where(wage > np.median(wage), "rich", "poor")
    val = frame[300:].assign(city="Ur")
    weight = np.arange(100.0)
    model = classifier(max_iter=60).fit(
        frame[:300], y[:300], X_val=val, y_val=y[300:], sample_weight_val=weight
    )
    assert model.oof_prediction_.shape == (100, 2)
    np.testing.assert_allclose(model.oof_prediction_, model.predict_proba(val), atol=1e-6)
    correct = model.predict(val) == y[300:]
    np.testing.assert_allclose(model.oof_score_, np.average(correct, weights=weight), rtol=1e-9)
    balanced = classifier(class_weight="balanced")
    balanced.fit(frame[:300], y[:300], np.ones(300), X_val=val, y_val=y[300:])
    number = regressor(max_iter=60).fit(frame[:300], wage[:300], X_val=val, y_val=wage[300:])
    np.testing.assert_allclose(number.oof_prediction_, number.predict(val), rtol=1e-5)
    np.testing.assert_allclose(number.oof_score_, number.score(val, wage[300:]), rtol=1e-5)
    assert number.predict_interval(val).shape == (100, 2)
    both = np.column_stack([wage, -wage])
    several = regressor().fit(frame[:300], both[:300], X_val=val, y_val=both[300:])
    assert several.oof_prediction_.shape == (100, 2)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"X_val": X}, "X_val is provided, but y_val was not"),
        ({"y_val": SIGN}, "y_val is provided, but X_val was not"),
        ({"sample_weight_val": Z**2}, "sample_weight_val is provided, but X_val was not"),
        ({"X_val": X, "y_val": SIGN, "groups": np.arange(120)}, "groups determines the folds"),
        ({"X_val": X, "y_val": np.arange(120)}, "y_val contains classes that are not in y"),
        ({"X_val": X[:, :2], "y_val": SIGN}, "X has 2 features"),
        ({"X_val": X[:9], "y_val": SIGN}, "inconsistent numbers of samples"),
        ({"X_val": X, "y_val": SIGN, "sample_weight_val": -(Z**2)}, ">= 0"),
    ],
)
@pytest.mark.filterwarnings("ignore:The number of unique classes")
def test_bad_validation_rows_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        classifier().fit(X, SIGN, **given)


def test_validation_targets_of_another_number_are_refused():
    with pytest.raises(ValueError, match="y_val must have 2 targets"):
        regressor().fit(X, X[:, :2], X_val=X, y_val=Z)


def test_small_tables_train_without_a_warning():
    """Of 40 rows no batch is as large as the recipe's."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        classifier().fit(X[:40], SIGN[:40])
        regressor().fit(X[:40], Z[:40])
