"""Raw tables: every kind of column is accepted, by value and by name; what cannot be used is
refused by name."""

# SPDX-License-Identifier: BSD-3-Clause
import datetime
import decimal
import warnings
from types import SimpleNamespace

import numpy as np
import pandas as pd
import polars as pl
import pytest
from raw_tables import classifier, people, regressor
from scipy import sparse

from rosenblatt.tabular._category_statistics import MANY_LEVELS, CategoryStatistics

pytestmark = pytest.mark.filterwarnings("ignore:Got `batch_size`")

X, WAGE = people()
Y = np.where(np.median(WAGE) < WAGE, "rich", "poor")
NUMBERS = np.random.RandomState(1).normal(size=(120, 3))
SIGN = NUMBERS[:, 0] > 0


@pytest.fixture(scope="module")
def model():
    """Fitted to a pandas frame of every usual kind of column."""
    return classifier(max_iter=100).fit(X, Y)


def kinds(model):
    return {column.name: column.kind for column in model.columns_}


def accuracy_of_a_column(column, y, **params):
    """The oof_score_ of a table of one column beside a constant."""
    frame = pd.DataFrame({"column": column, "constant": 1.0})
    return classifier(max_iter=100, **params).fit(frame, y).oof_score_


# dtypes decide ---------------------------------------------------------------------------------


def test_a_frame_of_every_kind_of_column_is_learnt(model):
    """Far better than the majority, which is half; dtypes say what each column is."""
    assert model.oof_score_ > 0.65
    assert model.score(X, Y) > 0.65
    assert kinds(model) == {
        "age": "integer",
        "trade": "category",
        "city": "category",
        "married": "category",
        "since": "date",
        "noise": "number",
    }
    assert [column.n_missing for column in model.columns_] == [X[name].isna().sum() for name in X]
    assert list(model.feature_names_in_) == list(X)
    assert model.n_features_in_ == 6


def test_polars_pandas_and_arrow_frames_are_one_table(model):
    """The same values in frames of other libraries and dtypes give the same bits, fitted or
    predicted."""
    expected = model.predict_proba(X)
    arrow = X.convert_dtypes(dtype_backend="pyarrow")
    nullable = X.convert_dtypes()
    polars = pl.from_pandas(X)
    for other in (polars, arrow, nullable, X.astype({"city": object, "age": object})):
        np.testing.assert_array_equal(model.predict_proba(other), expected)
    for other in (polars, nullable, arrow):
        twin = classifier(max_iter=100).fit(other, Y)
        np.testing.assert_array_equal(twin.predict_proba(X), expected)


def test_index_of_the_rows_does_not_matter(model):
    """Rows are taken as they stand, not by their index; y and weights likewise."""
    shuffled = X.set_axis(np.random.RandomState(0).permutation(len(X)))
    doubled = X.set_axis([0] * len(X))
    expected = model.predict_proba(X)
    y = pd.Series(Y, index=range(1000, 1000 + len(Y)))
    for frame in (shuffled, doubled):
        np.testing.assert_array_equal(model.predict_proba(frame), expected)
        twin = classifier(max_iter=100).fit(frame, y)
        np.testing.assert_array_equal(twin.predict_proba(X), expected)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8", "uint8", "bool"])
def test_arrays_are_numbers(dtype):
    """Columns of arrays of any numeric dtype are numbers, also where values are few."""
    array = (10 * NUMBERS).clip(0, 100).astype(dtype)
    model = classifier().fit(array, SIGN)
    assert set(kinds(model).values()) <= {"number", "integer", "binary"}
    assert not hasattr(model, "feature_names_in_")
    np.testing.assert_array_equal(
        model.predict_proba(array.astype(float)), model.predict_proba(array)
    )
    np.testing.assert_array_equal(model.predict_proba(array.tolist()), model.predict_proba(array))


@pytest.mark.parametrize(
    "categorical_features", [[0], [True, False, False], np.array([0]), ("code",), ["code"]]
)
def test_categorical_features_make_categories_of_numbers(categorical_features):
    """Indices, masks and names: the classes alternate from code to code, which eight categories
    tell at once and one number does not in a few epochs; columns not named are numbers."""
    rng = np.random.RandomState(3)
    code = rng.randint(0, 8, 300)
    frame = pd.DataFrame({"code": code, "a": rng.normal(size=300), "b": rng.normal(size=300)})
    table = frame if isinstance(categorical_features[0], str) else frame.to_numpy()
    model = classifier(categorical_features=categorical_features, max_iter=100).fit(table, code % 2)
    assert [column.kind for column in model.columns_] == ["category", "number", "number"]
    assert model.oof_score_ > 0.9
    strange = table.copy()
    strange[strange == 3] = 55  # unseen: about the mean, not beyond the greatest code
    assert np.isfinite(model.predict_proba(strange)).all()


def test_categorical_features_none_makes_numbers_of_categories():
    """None: there are none, so that text cannot be read and truth values are 0 and 1."""
    frame = pd.DataFrame({"flag": SIGN, "code": pd.Categorical([1, 2, 3, 4] * 30)})
    model = classifier(categorical_features=None, max_iter=100).fit(frame, SIGN)
    assert kinds(model) == {"flag": "binary", "code": "integer"}
    assert model.oof_score_ > 0.95
    with pytest.raises(ValueError, match="'trade' is numeric but holds"):
        classifier(categorical_features=None).fit(X[["trade"]], Y)


# gaps, unseen levels, odd numbers --------------------------------------------------------------


def test_gaps_are_information():
    """Whether a cell is missing decides the class: numbers, text, categories, dates, nullable."""
    gone = np.random.RandomState(0).random_sample(200) < 0.5
    day = pd.Series(pd.date_range("2020", periods=200))
    text = pd.Series(np.tile(list("abcd"), 50))
    numbers = pd.Series(np.random.RandomState(1).normal(size=200))
    columns = [
        numbers.mask(gone),
        numbers.mask(gone).astype("Float64"),
        text.mask(gone),
        text.mask(gone).astype("category"),
        text.mask(gone).astype("string"),
        day.mask(gone),
        pd.Series(7.0, index=range(200)).mask(gone),
    ]
    for column in columns:
        assert accuracy_of_a_column(column, gone) == 1.0, column.dtype


def test_missing_and_unseen_cells_at_predict_are_read(model):
    """A row of gaps, and one of values never seen, have finite probabilities in every column;
    unseen levels of a category are all alike."""
    nothing = X.iloc[:5].assign(**dict.fromkeys(X, None))
    strange = X.iloc[:5].assign(
        age=1e300, trade="pope", city="Ur", married=None, since=pd.Timestamp("1700-01-01")
    )
    for frame in (nothing, strange, strange.assign(age=-np.inf)):
        probabilities = model.predict_proba(frame)
        np.testing.assert_allclose(probabilities.sum(axis=1), 1)
        assert (probabilities > 0).all()
    np.testing.assert_array_equal(
        model.predict_proba(strange.assign(trade="nun")), model.predict_proba(strange)
    )


def test_categories_are_compared_by_value(model):
    """Codes of a pandas categorical in another order, unused or new categories, and text instead
    of a categorical are the same levels."""
    expected = model.predict_proba(X)
    reverse = X["city"].cat.set_categories(["Ur", "Rome", "Oslo", "Lyon", "Bern", "Aix"])
    for city in (reverse, X["city"].astype(str), X["city"].cat.as_ordered()):
        np.testing.assert_array_equal(model.predict_proba(X.assign(city=city)), expected)
    rows = np.flatnonzero(X["city"] == "Oslo")
    part = X.iloc[rows].assign(city=X["city"].iloc[rows].cat.remove_unused_categories())
    np.testing.assert_array_equal(model.predict_proba(part), expected[rows])
    assert not np.array_equal(model.predict_proba(X.iloc[rows].assign(city="Rome")), expected[rows])


def test_numbers_of_every_size_are_learnt():
    """1e300, 1e-300, offsets, infinities, integers beyond 64 bits, Decimals and durations: each
    tells the class alone, without a warning."""
    z = NUMBERS[:, 0]
    columns = {
        "large": z * 1e300,
        "small": z * 1e-300,
        "offset": 1e9 + np.round(1000 * z),
        "infinite": np.where(z > 1, np.inf, np.where(z < -1, -np.inf, z)),
        "skewed": np.exp(20 * z),
        "two": np.where(z > 0, 7, -3),
        "few": np.round(z * 2),
        "unbounded": [int(value * 10) * 10**30 for value in z],
        "decimal": [decimal.Decimal(str(value)) for value in z],
        "duration": pd.to_timedelta(z, unit="h"),
        "objects": z.astype(object),
    }
    for name, column in columns.items():
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            assert accuracy_of_a_column(column, SIGN) > 0.85, name


def test_times_are_learnt():
    """Weekend or not from dates, objects of dates, zoned times, periods and strings of polars."""
    days = pd.Series(pd.date_range("2021-01-01", periods=400))
    weekend = (days.dt.day_of_week >= 5).to_numpy()
    zoned = days.dt.tz_localize("UTC")
    columns = [days, days.dt.date, zoned, days.dt.to_period("D"), days.astype("datetime64[s]")]
    for column in columns:
        assert accuracy_of_a_column(column, weekend) > 0.95, column.dtype
    frame = pl.DataFrame({"day": days.dt.date.tolist()})
    assert classifier(max_iter=100).fit(frame, weekend).oof_score_ > 0.95


def test_columns_without_information_are_left_out():
    """Constant, nearly constant and all-missing columns change nothing but the list of columns."""
    frame = pd.DataFrame(NUMBERS, columns=list("abc"))
    more = frame.assign(
        one=1, same="x", none=None, nan=np.nan, nearly=1 + 1e-9 * NUMBERS[:, 1], day=pd.NaT
    )
    model = classifier().fit(more, SIGN)
    used = {column.name for column in model.columns_ if column.used}
    assert used == {"a", "b", "c"}
    assert kinds(model)["one"] == kinds(model)["same"] == kinds(model)["nearly"] == "constant"
    assert kinds(model)["none"] == kinds(model)["nan"] == "all missing"
    np.testing.assert_array_equal(model.feature_importances_[3:], 0)
    np.testing.assert_array_equal(
        model.predict_proba(more), classifier().fit(frame, SIGN).predict_proba(frame)
    )


def test_mixed_objects_are_categories_by_value():
    """1, '1', 2.5, None, True-or-not, tuples, dates and bytes in one column."""
    cells = [1, "1", 2.5, None, (1, 2), datetime.date(2020, 1, 1), b"x", False] * 20
    right = np.array([0, 1, 0, 1, 0, 1, 0, 1] * 20)
    model = classifier(max_iter=100).fit(pd.DataFrame({"cell": cells}), right)
    assert kinds(model) == {"cell": "category"}
    assert model.oof_score_ == 1.0
    one = pd.DataFrame({"cell": np.array([1.0], dtype=object)})  # 1 == 1.0
    np.testing.assert_array_equal(model.predict(one), [0])


def test_thousands_of_levels_are_learnt_by_their_target():
    """200 levels of ten rows each are good or bad, which their rows in other folds tell; 1,000 of
    a single row are merged."""
    rng = np.random.RandomState(0)
    level = np.concatenate([np.repeat(np.arange(200), 10), 200 + np.arange(1000)])
    good = rng.random_sample(1200) < 0.5
    y = np.where(level < 200, good[level], rng.random_sample(len(level)) < 0.5)
    frame = pd.DataFrame({"level": [f"L{number}" for number in level], "z": rng.normal(size=3000)})
    model = classifier(max_iter=50, n_members=4, n_folds=4).fit(frame, y)
    frequent = level < 200
    oof = model.oof_prediction_[frequent].argmax(axis=1) == y[frequent]
    assert oof.mean() > 0.9
    assert "merged" in model.columns_[0].detail
    assert model.encode(frame.iloc[:2]).shape[1] < 150  # and not a column for each level


def test_text_that_is_nearly_unique_is_dropped_with_one_warning(capsys):
    """One warning names all such columns and no other; summary() says so."""
    frame = X.assign(name=[f"n{i}" for i in range(len(X))], remark=[f"r{i}" for i in range(len(X))])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = classifier().fit(frame, Y)
    texts = [str(one.message) for one in caught if "text" in str(one.message)]
    assert len(texts) == 1
    assert "'name', 'remark'" in texts[0]
    assert "trade" not in texts[0]
    model.summary()
    lines = capsys.readouterr().out.splitlines()
    for name in frame:
        assert any(line.startswith(f"{name} ") for line in lines), name
    assert any("dropped text" in line and line.startswith("name") for line in lines)
    assert f"{model.oof_score_:.4f}" in lines[-1]
    np.testing.assert_array_equal(
        model.predict_proba(frame.assign(name="other", remark=None)), model.predict_proba(frame)
    )


def test_columns_are_found_by_name(model):
    """In any order, of pandas and polars; missing, unknown and duplicated ones are refused by
    name, in fit and at predict."""
    expected = model.predict_proba(X)
    backwards = X[list(X)[::-1]]
    np.testing.assert_array_equal(model.predict_proba(backwards), expected)
    np.testing.assert_array_equal(model.predict_proba(pl.from_pandas(backwards)), expected)
    with pytest.raises(ValueError, match=r"now missing:\n- city"):
        model.predict(X.drop(columns="city"))
    with pytest.raises(ValueError, match=r"unseen at fit time:\n- town"):
        model.predict(X.assign(town="Ur"))
    twice = pd.concat([X, X[["noise"]]], axis=1)
    for call in (model.predict, lambda frame: classifier().fit(frame, Y)):
        with pytest.raises(ValueError, match="duplicates: noise"):
            call(twice)
    with pytest.warns(UserWarning, match="valid feature names"):
        model.predict(X.to_numpy())


@pytest.mark.parametrize(
    "columns", [[3, 1, 2], pd.MultiIndex.from_product([["a"], ["x", "y", "z"]]), [0.5, 1.5, 2.5]]
)
def test_labels_that_are_no_text_are_positions(columns):
    """As everywhere in scikit-learn: no feature_names_in_."""
    frame = pd.DataFrame(NUMBERS, columns=columns)
    model = classifier().fit(frame, SIGN)
    assert not hasattr(model, "feature_names_in_")
    np.testing.assert_array_equal(model.predict(frame), model.predict(NUMBERS))


def test_wide_and_narrow_tables():
    """500 columns of 50 rows; categories alone; a truth value with gaps alone."""
    wide = np.random.RandomState(0).normal(size=(50, 500))
    y = np.arange(50) % 2
    assert classifier(max_iter=2).fit(wide, y).predict_proba(wide).shape == (50, 2)
    gaps = pd.DataFrame({"flag": pd.array([True, None, False] * 30, dtype="boolean")})
    letters = pd.DataFrame({"a": np.where(y, "u", "v"), "b": "w"})
    y_gaps = gaps["flag"].isna().to_numpy()
    assert classifier(max_iter=100).fit(gaps, y_gaps).score(gaps, y_gaps) == 1
    assert classifier(max_iter=100).fit(letters, y).oof_score_ == 1


# what is refused -------------------------------------------------------------------------------

BAD_CELLS = {
    "list": ([[1, 2]] * 120, "list"),
    "dict": ([{"a": 1}] * 120, "dict"),
    "set": ([{1}] * 120, "set"),
    "array": ([np.zeros(2)] * 120, "ndarray"),
    "complex": (NUMBERS[:, 0] + 1j, "[Cc]omplex"),
}


@pytest.mark.parametrize("kind", BAD_CELLS)
@pytest.mark.parametrize("make", [classifier, regressor])
def test_containers_in_cells_are_refused_by_column(kind, make):
    """ValueError with the column's name; the estimator is as it was."""
    cells, word = BAD_CELLS[kind]
    frame = pd.DataFrame({"good": NUMBERS[:, 0], "bad": cells})
    model = make()
    with pytest.raises(ValueError, match=f"(?s)'bad'.*{word}|{word}.*'bad'"):
        model.fit(frame, SIGN.astype(float))
    assert not [name for name in vars(model) if name.endswith("_")]


def test_containers_in_cells_are_refused_at_predict(model):
    for name in ("age", "trade"):
        with pytest.raises(ValueError, match=f"'{name}' holds a list in row 0"):
            model.predict(X.iloc[:3].assign(**{name: [[1]] * 3}))


@pytest.mark.parametrize(
    "column",
    [
        pl.Series([[1, 2]] * 120),
        pl.Series([{"a": 1}] * 120),
        pl.Series([object()] * 120, dtype=pl.Object),
    ],
)
def test_nested_columns_of_polars_are_refused_by_name(column):
    frame = pl.DataFrame({"good": NUMBERS[:, 0], "bad": column})
    with pytest.raises(ValueError, match="'bad' has the type"):
        classifier().fit(frame, SIGN)


def test_sparse_tables_are_refused(model):
    """The message names the estimator that takes them."""
    for kind in (sparse.csr_matrix, sparse.csc_array):
        with pytest.raises(TypeError, match="MLPClassifier"):
            classifier().fit(kind(NUMBERS), SIGN)
        with pytest.raises(TypeError, match="MLPClassifier"):
            model.predict(kind(NUMBERS))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (NUMBERS[:, 0], "2D array"),
        (NUMBERS[None], "dim 3"),
        (NUMBERS[:0], "0 sample"),
        (pd.DataFrame(index=range(120)), "0 feature"),
        (pd.DataFrame(NUMBERS[:0]), "0 sample"),
        (pd.DataFrame({"a": [1] * 120, "b": [None] * 120}), "'a' .constant., 'b' .all missing"),
        (pd.DataFrame(NUMBERS, columns=["a", 1, 2]), "string"),
        (pl.DataFrame({"a": NUMBERS[:, 0]}).lazy(), "collect"),
        (None, "2D array"),
        (NUMBERS[:1], "at least 2 rows"),
    ],
)
def test_tables_that_are_none_are_refused(table, message):
    y = SIGN[: len(table)] if isinstance(table, np.ndarray) and table.ndim == 2 else SIGN
    with pytest.raises((ValueError, TypeError), match=message):
        classifier().fit(table, y)


def test_text_where_numbers_were_is_refused_by_column(model):
    """Numbers as text are read, other text is refused with row and column."""
    as_text = X.assign(age=X["age"].astype(object).where(X["age"].isna(), X["age"].astype(str)))
    np.testing.assert_array_equal(model.predict(as_text), model.predict(X))
    with pytest.raises(ValueError, match="'age' is numeric but holds 'old' in row 0"):
        model.predict(X.assign(age="old"))
    with pytest.raises(ValueError, match="'since' held dates in fit but holds 'soon'"):
        model.predict(X.assign(since="soon"))


def test_statistics_of_the_target_are_of_columns_with_many_levels():
    """More than MANY_LEVELS, and of no target of a single class."""
    levels = [range(MANY_LEVELS), range(MANY_LEVELS + 1)]
    table = SimpleNamespace(layout=SimpleNamespace(levels=levels))
    numbers = SimpleNamespace(is_classification=False, n_outputs=1)
    one_class = SimpleNamespace(is_classification=True, n_outputs=1)
    assert CategoryStatistics(table, numbers).columns == [1]
    assert CategoryStatistics(table, one_class).columns == []
