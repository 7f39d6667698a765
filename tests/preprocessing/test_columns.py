"""Reading raw tables: the rules about dtypes, missing values, levels, dates and names."""

import datetime
import decimal
import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp

from rosenblatt.preprocessing._table_reader import TableReader

try:
    import pyarrow as pa
except ImportError:  # pandas and polars work without
    pa = None

NA = float("nan")


def fitted(X, categorical_features="from_dtype", sample_weight=None):
    """(the reader, its table) of X."""
    reader = TableReader("TabularPreprocessor")
    return reader, reader.fit_read(X, categorical_features, sample_weight)


def kinds(reader):
    """The kind of every column."""
    return [column.kind for column in reader.columns_]


def codes_by_level(reader, j=0):
    """The levels of a column of codes."""
    return reader.layout_.levels[j].values


# ---- dtypes ----


def number_columns():
    """The numbers 1, 2.5 and a gap, or without a gap, in many types."""
    cents = decimal.Decimal("2.5")
    columns = {
        "float64": (pd.Series([1, 2.5, NA]), 2.5),
        "float32": (pd.Series([1, 2.5, NA], dtype="float32"), 2.5),
        "int64": (pd.Series([1, 2, 7]), 2),
        "uint8": (pd.Series([1, 2, 7], dtype="uint8"), 2),
        "Int64": (pd.Series([1, 2, None], dtype="Int64"), 2),
        "Float64": (pd.Series([1, 2.5, None], dtype="Float64"), 2.5),
        "Decimal": (pd.Series([decimal.Decimal(1), cents, None]), 2.5),
        "object": (pd.Series([1, 2.5, None], dtype=object), 2.5),
        "object NA": (pd.Series([1, 2, pd.NA], dtype=object), 2),
        "sparse": (pd.Series(pd.arrays.SparseArray([1, 2.5, NA])), 2.5),
        "polars": (pl.Series([1.0, 2.5, None]), 2.5),
        "polars int": (pl.Series([1, 2, None]), 2),
        "polars NaN": (pl.Series([1.0, 2.5, NA]), 2.5),
        "polars decimal": (pl.Series([decimal.Decimal(1), cents, None]), 2.5),
        "masked": (np.ma.masked_invalid([[1], [2.5], [NA]]), 2.5),
        "list": ([[1], [2.5], [None]], 2.5),
        "object array": (np.array([[1], ["2.5"], [None]], dtype=object), 2.5),
        "text array": (np.array([["1"], ["2.5"], ["nan"]]), 2.5),
    }
    if pa is not None:
        arrow, money = pd.ArrowDtype, [decimal.Decimal(1), cents, None]
        columns["arrow int"] = (pd.Series([1, 2, None], dtype=arrow(pa.int32())), 2)
        columns["arrow double"] = (pd.Series([1, 2.5, None], dtype=arrow(pa.float64())), 2.5)
        columns["arrow decimal"] = (pd.Series(money, dtype=arrow(pa.decimal128(9, 2))), 2.5)
    return columns


def as_table(column):
    """A frame of one column, or the array as it is."""
    if isinstance(column, pd.Series):
        return column.to_frame("c")
    return pl.DataFrame({"c": column}) if isinstance(column, pl.Series) else column


@pytest.mark.parametrize("name", number_columns())
def test_numbers_of_any_type_are_numbers(name):
    """Nullable, Arrow, Decimal, object and polars numbers become float64, gaps NaN."""
    column, second = number_columns()[name]
    reader, table = fitted(as_table(column))
    third = 7 if name in ("int64", "uint8") else NA

    np.testing.assert_array_equal(table.numbers, [[1], [second], [third]])
    assert table.codes.shape == (3, 0)
    # and alone, which takes another way
    np.testing.assert_array_equal(reader.read(as_table(column)[1:2]).numbers, [[second]])


def category_columns():
    """The levels x, y, z and a gap in many types."""
    values = ["z", "x", None, "y"]
    columns = {
        "str": pd.Series(values),
        "object": pd.Series(values, dtype=object),
        "string": pd.Series(values, dtype="string"),
        "category": pd.Series(pd.Categorical(values, categories=["unseen", "z", "y", "x"])),
        "polars": pl.Series(values),
        "polars categorical": pl.Series(values, dtype=pl.Categorical),
        "polars enum": pl.Series(values, dtype=pl.Enum(["y", "unseen", "x", "z"])),
    }
    if pa is not None:
        dictionary = pa.dictionary(pa.int32(), pa.string())
        columns["arrow"] = pd.Series(values, dtype=pd.ArrowDtype(pa.string()))
        columns["arrow dictionary"] = pd.Series(values, dtype=pd.ArrowDtype(dictionary))
    return columns


@pytest.mark.parametrize("name", category_columns())
def test_text_is_a_category_of_the_levels_that_occur(name):
    """Levels are those of training rows, sorted; gaps are a level; declared ones are not."""
    X = as_table(category_columns()[name])
    reader, table = fitted(X)

    assert codes_by_level(reader) == ("x", "y", "z")
    assert table.codes.ravel().tolist() == [2, 0, 3, 1]
    assert reader.layout_.levels[0].names == ["x", "y", "z", "missing"]
    assert kinds(reader) == ["category"]
    for row in range(4):
        assert reader.read(X[row : row + 1]).codes[0, 0] == table.codes[row, 0]


@pytest.mark.parametrize("dtype", [bool, "boolean", object])
def test_truth_values_are_categories(dtype):
    """Also with gaps, which have no level beside two values."""
    values = [True, False] if dtype is bool else [True, False, None]
    reader, table = fitted(pd.DataFrame({"b": pd.Series(values, dtype=dtype)}))

    assert codes_by_level(reader) == (False, True)
    assert table.codes.ravel().tolist() == [1, 0, -1][: len(values)]


def test_categories_are_matched_by_value_never_by_code():
    """A categorical with its categories in another order, or as plain text, has the same codes."""
    levels = ["a", "b", "c"]
    X = pd.DataFrame({"c": pd.Categorical(levels, categories=levels)})
    reader, table = fitted(X)
    reversed_codes = pd.DataFrame({"c": pd.Categorical(levels, categories=levels[::-1])})

    for same in (reversed_codes, X.astype(object), pl.DataFrame({"c": levels})):
        assert reader.read(same).codes.tolist() == table.codes.tolist()


def test_mixed_objects_are_categories_as_python_compares():
    """1, 1.0 and True are one level; the text '1' is another."""
    values = [1, "1", 1.0, True, "a", None, 2.5]
    _, table = fitted(pd.DataFrame({"c": pd.Series(values, dtype=object)}))

    one, text, a, half = (table.codes[i, 0] for i in (0, 1, 4, 6))
    assert table.codes.ravel().tolist() == [one, text, one, one, a, table.codes[5, 0], half]
    assert len({one, text, a, half, table.codes[5, 0]}) == 5


def test_numbers_marked_as_categories_are_matched_by_value():
    """Integers at fit are found again as floats beside gaps."""
    reader, table = fitted(pd.DataFrame({"c": [3, 1, 2]}), ["c"])

    again = reader.read(pd.DataFrame({"c": [1.0, NA, 3.0, 9.0]}))

    assert table.codes.ravel().tolist() == [2, 0, 1]
    assert again.codes.ravel().tolist() == [0, -1, 2, -1]


def test_integers_too_large_for_floats_are_categories_apart():
    """One row of a frame of integers and floats is not read by way of floats."""
    big = 2**60
    X = pd.DataFrame({"id": [big, big + 1, big + 2], "x": [0.5, 1.5, 2.5]})
    reader, table = fitted(X, ["id"])

    assert [reader.read(X.iloc[i : i + 1]).codes[0, 0] for i in range(3)] == [0, 1, 2]
    assert table.codes.ravel().tolist() == [0, 1, 2]


def test_durations_are_seconds():
    """In pandas, polars, arrays; and so is a time of day in polars."""
    hours = [1, 2, 5]
    steps = np.array(hours, dtype="m8[h]")
    frames = [
        pd.DataFrame({"t": pd.to_timedelta(hours, unit="h")}),
        pl.DataFrame({"t": [datetime.timedelta(hours=h) for h in hours]}),
        pl.DataFrame({"t": [datetime.time(hour=h) for h in hours]}),
        pd.DataFrame({"t": pd.Series([datetime.timedelta(hours=h) for h in hours], dtype=object)}),
        steps.reshape(-1, 1),
    ]
    for X in frames:
        reader, table = fitted(X)
        assert table.numbers.ravel().tolist() == [3600.0, 7200.0, 18000.0]
        assert kinds(reader) == ["duration"]
        assert reader.read(X[:1]).numbers.tolist() == [[3600.0]]


# ---- dates ----


def date_columns():
    """Three times and a gap: 2020-02-29 13:00, 2021-03-01 13:00, 2021-03-07 14:00."""
    times = [datetime.datetime(2020, 2, 29, 13), datetime.datetime(2021, 3, 1, 13)]
    times += [datetime.datetime(2021, 3, 7, 14), None]
    berlin = pd.Series(times).dt.tz_localize("UTC").dt.tz_convert("Europe/Berlin")
    columns = {
        "pandas": pd.Series(times),
        "zone": berlin,
        "object": pd.Series(times, dtype=object),
        "object zone": berlin.astype(object),
        "polars": pl.Series(times),
        "polars zone": pl.Series(times, dtype=pl.Datetime("ns"))
        .dt.replace_time_zone("UTC")
        .dt.convert_time_zone("Europe/Berlin"),
        "array": np.array(times, dtype="M8[us]").reshape(-1, 1),
    }
    if pa is not None:
        zoned = pd.ArrowDtype(pa.timestamp("us", "Europe/Berlin"))
        columns["arrow"] = pd.Series(times, dtype=pd.ArrowDtype(pa.timestamp("us")))
        columns["arrow zone"] = berlin.astype(zoned)
    return columns


@pytest.mark.parametrize("name", date_columns())
def test_dates_become_parts_that_vary_and_elapsed_days(name):
    """Zones are read in UTC; the minute, which never varies, is left out."""
    X = as_table(date_columns()[name])
    reader, table = fitted(X)

    label = "x0" if name == "array" else "c"
    parts = ["year", "month", "day", "weekday", "hour", "elapsed_days"]
    assert list(reader.layout_.number_names) == [f"{label}_{part}" for part in parts]
    expected = [
        [2020, 2, 29, 5, 13, 0],
        [2021, 3, 1, 0, 13, 366],
        [2021, 3, 7, 6, 14, 372 + 1 / 24],
        [NA] * 6,
    ]
    np.testing.assert_allclose(table.numbers, expected, rtol=1e-12)
    for row in range(4):
        np.testing.assert_array_equal(reader.read(X[row : row + 1]).numbers[0], table.numbers[row])


@pytest.mark.parametrize(
    "X",
    [
        pd.DataFrame({"d": pd.Series([datetime.date(1969, 12, 31), datetime.date(1970, 2, 2)])}),
        pl.DataFrame({"d": [datetime.date(1969, 12, 31), datetime.date(1970, 2, 2)]}),
    ],
    ids=["pandas", "polars"],
)
def test_dates_without_time_before_the_epoch(X):
    """Days before 1970 have parts like any other."""
    _, table = fitted(X)

    assert table.numbers.tolist() == [[1969, 12, 31, 2, 0], [1970, 2, 2, 0, 33]]


def test_periods_are_dates():
    """A period is its first moment."""
    X = pd.DataFrame({"m": pd.period_range("2020-01", periods=3, freq="M")})
    reader, table = fitted(X)

    assert table.numbers.tolist() == [[1, 2, 0], [2, 5, 31], [3, 6, 60]]
    assert reader.read(X[1:2]).numbers.tolist() == [[2, 5, 31]]


def test_date_that_arrives_as_iso_text_is_read_and_other_text_refused():
    """The error names the column, the value and what is allowed."""
    X = pd.DataFrame({"sold": pd.to_datetime(["2020-01-01", "2020-01-03"])})
    reader, table = fitted(X)

    assert reader.read(X.astype(str)).numbers.tolist() == table.numbers.tolist()
    with pytest.raises(ValueError, match=r"Column 'sold' held dates .* 'soon' in row 0.*ISO 8601"):
        reader.read(pd.DataFrame({"sold": ["soon", "2020-01-01"]}))


# ---- gaps, constants, infinities ----


def test_columns_that_tell_nothing_are_left_out():
    """Constant, nearly constant, without a value: of numbers, categories and dates."""
    n = 40
    X = pd.DataFrame(
        {
            "constant": np.full(n, 3.5),
            "rounding": 5 + 1e-9 * np.arange(n),
            "empty": np.full(n, NA),
            "none": pd.Series([None] * n, dtype=object),
            "one level": ["a"] * n,
            "never": pd.Series([pd.NaT] * n),
            "one day": pd.Timestamp("2020-01-01"),
            "infinite": np.full(n, np.inf),
            "x": np.arange(n) / 7,
        }
    )
    reader, table = fitted(X)

    gone = ["constant", "constant", "all missing", "all missing", "constant", "all missing"]
    assert kinds(reader) == [*gone, "constant", "all missing", "number"]
    assert [column.used for column in reader.columns_] == [False] * 8 + [True]
    assert table.numbers.shape == (n, 1)


def test_large_integers_of_small_relative_range_are_kept():
    """Seconds since 1970 are not nearly constant."""
    X = pd.DataFrame({"t": 1_700_000_000 + np.arange(50)})

    assert kinds(fitted(X)[0]) == ["integer"]


def test_constant_with_gaps_is_kept_for_its_gaps():
    """Numbers, levels and dates."""
    X = pd.DataFrame(
        {
            "number": [1.0, NA, 1.0],
            "level": ["a", None, "a"],
            "date": pd.to_datetime(["2020", None, "2020"]),
        }
    )
    reader, table = fitted(X)

    assert [column.used for column in reader.columns_] == [True] * 3
    assert [column.n_missing for column in reader.columns_] == [1] * 3
    assert table.codes.ravel().tolist() == [0, 1, 0]


def test_infinities_become_the_ends_of_the_finite_training_range():
    """In fit and read; other numbers beyond the range stay."""
    X = np.array([[1.0], [np.inf], [5.0], [-np.inf], [NA]])
    reader, table = fitted(X)

    np.testing.assert_array_equal(table.numbers.ravel(), [1, 5, 5, 1, NA])
    assert reader.read([[-np.inf], [9.0], [np.inf]]).numbers.ravel().tolist() == [1, 9, 5]


def test_kinds_of_numbers():
    """Two values, integers, others."""
    X = np.array([[0, 1, 1.5], [1, 2, 2], [0, 3, 7]])

    assert kinds(fitted(X)[0]) == ["binary", "integer", "number"]


# ---- levels ----


def test_unseen_levels_have_no_code():
    """Gaps neither, where fit saw none."""
    reader, _ = fitted(pd.DataFrame({"c": ["a", "b", "c"]}))

    again = reader.read(pd.DataFrame({"c": ["new", None, "c"]}))

    assert again.codes.ravel().tolist() == [-1, -1, 2]


def test_rare_levels_share_a_code_with_unseen_ones():
    """Of more than 30 levels those of fewer than three rows are merged."""
    often = [f"often{i:02}" for i in range(40)] * 3
    X = pd.DataFrame({"c": [*often, "once", "twice", "twice", None]})
    reader, table = fitted(X)
    levels = reader.layout_.levels[0]

    assert levels.values == tuple(sorted(set(often)))
    assert table.codes[-4:].ravel().tolist() == [41, 41, 41, 40]
    again = reader.read(pd.DataFrame({"c": ["new", "once", None, "often07"]}))
    assert again.codes.ravel().tolist() == [41, 41, 40, 7]
    assert levels.names[-2:] == ["missing", "infrequent"]


def test_up_to_thirty_levels_are_kept_however_rare():
    """A level of one row is a level."""
    X = pd.DataFrame({"c": [f"{i:02}" for i in range(30)]})

    assert len(codes_by_level(fitted(X)[0])) == 30


def test_text_that_is_nearly_unique_is_dropped_with_one_warning():
    """The warning names all such columns; numbers and repeated text are no such text."""
    n = 60
    X = pd.DataFrame(
        {
            "name": [f"Mr. {i}" for i in range(n)],
            "remark": pd.Series([None] * 3 + [f"r{i}" for i in range(n - 3)]),
            "id": np.arange(n),
            "town": ["a", "b", "c"] * 20,
        }
    )
    with pytest.warns(UserWarning, match="'name', 'remark'") as caught:
        reader, _ = fitted(X)

    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert kinds(reader) == ["dropped text", "dropped text", "integer", "category"]


def test_few_rows_of_distinct_text_are_a_category():
    """Of up to 50 rows nobody knows."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        reader, _ = fitted(pd.DataFrame({"c": [f"{i}" for i in range(30)]}))

    assert kinds(reader) == ["category"]


def test_rows_without_weight_teach_nothing():
    """Neither levels nor ranges nor which columns vary."""
    X = pd.DataFrame({"c": ["a", "b", "c", "d"], "x": [1.0, 2, 3, 99], "k": [1.0, 1, 1, 2]})
    reader, table = fitted(X, sample_weight=np.array([1.0, 1, 1, 0]))

    assert codes_by_level(reader) == ("a", "b", "c")
    assert kinds(reader) == ["category", "integer", "constant"]
    assert table.codes.ravel().tolist() == [0, 1, 2, -1]
    assert reader.read(X.assign(x=np.inf)).numbers[0, 0] == 3


# ---- categorical_features ----


@pytest.mark.parametrize("given", [["b"], [1], [False, True], np.array(["b"]), (1,)], ids=str)
def test_categorical_features_by_name_index_and_mask(given):
    """Those named are categories, the others numbers."""
    reader, table = fitted(pd.DataFrame({"a": [1.5, 2.5, 4], "b": [7, 8, 9]}), given)

    assert kinds(reader) == ["number", "category"]
    assert table.codes.ravel().tolist() == [0, 1, 2]


@pytest.mark.parametrize("given", [None, []], ids=str)
def test_without_categorical_features_text_must_read_as_numbers(given):
    """Also where the dtype says category; truth values are 0 and 1."""
    X = pd.DataFrame({"a": pd.Categorical(["1.5", "2"]), "b": [True, False]})
    _, table = fitted(X, given)

    assert table.numbers.tolist() == [[1.5, 1], [2, 0]]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["c"], "names 'c', which is not a column of X"),
        ([2], r"must be in \[0, n_features - 1\], got \[2\]"),
        ([-1], r"must be in \[0, n_features - 1\], got \[-1\]"),
        ([True], "boolean mask must have shape"),
        ("all", "got 'all'"),
        ([1.5], r"got \[1.5\]"),
        ([[0]], r"got \[\[0\]\]"),
    ],
)
def test_wrong_categorical_features(given, message):
    """The message says what was given."""
    with pytest.raises(ValueError, match=message):
        fitted(pd.DataFrame({"a": [1, 2], "b": [3, 4]}), given)


def test_names_of_categories_need_names_of_columns():
    """An array has none."""
    with pytest.raises(ValueError, match="X has no column names"):
        fitted(np.ones((3, 2)), ["a"])


def test_categories_of_an_array():
    """An object array with text in a column that is named."""
    X = np.array([[1, "a"], [2.5, "b"], [None, "a"], [4, "b"]], dtype=object)
    reader, table = fitted(X, [1])

    np.testing.assert_array_equal(table.numbers.ravel(), [1, 2.5, NA, 4])
    assert table.codes.ravel().tolist() == [0, 1, 0, 1]
    assert fitted(X.tolist(), [1])[1].codes.ravel().tolist() == [0, 1, 0, 1]
    assert kinds(reader) == ["number", "category"]


# ---- errors ----


@pytest.mark.parametrize("cell", [[1], {"a": 1}, {1}, np.ones(2)], ids=lambda v: type(v).__name__)
def test_containers_in_cells_are_refused(cell):
    """In categories, in numbers, at fit and later; the message names column, row and value."""
    mixed = pd.DataFrame({"bad": pd.Series(["a", cell, "b"], dtype=object)})
    message = (
        rf"Column 'bad' holds a {type(cell).__name__} in row 1, .*Each cell of the argument must "
        "be a string or a number.*into columns of their own, or drop the column"
    )
    with pytest.raises(ValueError, match=message):
        fitted(mixed)
    reader, _ = fitted(pd.DataFrame({"bad": ["a", "b", "a"]}))
    with pytest.raises(ValueError, match=message):
        reader.read(mixed)
    reader, _ = fitted(pd.DataFrame({"bad": [1.0, 2, 3]}))
    with pytest.raises(ValueError, match=r"Column 'bad'"):
        reader.read(mixed)


def test_nested_types_are_refused():
    """Of polars and Arrow."""
    pytest.importorskip("pyarrow")
    with pytest.raises(ValueError, match=r"Column 'l' has the type List\(Int64\)"):
        fitted(pl.DataFrame({"l": [[1], [2]]}))
    nested = pd.Series([[1], [2]], dtype=pd.ArrowDtype(pa.list_(pa.int64())))
    with pytest.raises(ValueError, match="Column 'l' has the nested type list"):
        fitted(pd.DataFrame({"l": nested}))


def test_text_in_an_array_names_column_value_and_way_out():
    """A DataFrame or categorical_features."""
    message = r"Column 'x1' is numeric but holds 'tall' in row 1.*DataFrame.*categorical"
    with pytest.raises(ValueError, match=message):
        fitted([[1, 2], [3, "tall"]])


def test_number_that_arrives_as_text():
    """Text that reads as a number is one; other text is refused."""
    reader, _ = fitted(pd.DataFrame({"a": [1.0, 2.0, 4.0]}))

    assert reader.read(pd.DataFrame({"a": ["1.5", None]})).numbers[0, 0] == 1.5
    with pytest.raises(ValueError, match=r"Column 'a' is numeric but holds 'old' in row 0"):
        reader.read(pd.DataFrame({"a": ["old"]}))


def test_sparse_names_the_estimators_that_take_it():
    """MLPClassifier and MLPRegressor."""
    with pytest.raises(TypeError, match=r"sparse matrix.*MLPClassifier and MLPRegressor"):
        fitted(sp.eye(3, format="csr"))


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (np.ones(3), ValueError, "Expected 2D array, got 1D array"),
        (np.ones((2, 2, 2)), ValueError, "dim 3"),
        (np.ones((2, 2)) * 1j, ValueError, "Complex data not supported"),
        (pd.DataFrame({"z": [1j, 2j]}), ValueError, "Complex data not supported: column 'z'"),
        (np.ones((0, 2)), ValueError, r"0 sample\(s\)"),
        (np.ones((2, 0)), ValueError, r"0 feature\(s\)"),
        (pd.DataFrame({"a": []}), ValueError, r"0 sample\(s\) \(shape=\(0, 1\)\)"),
        (pd.DataFrame(index=[0, 1]), ValueError, r"0 feature\(s\) \(shape=\(2, 0\)\)"),
        (pl.LazyFrame({"a": [1]}), TypeError, "collect"),
        (pd.DataFrame([[1, 2], [3, 4]], columns=["a", "a"]), ValueError, "duplicates: a"),
        (pd.DataFrame([[1, 2], [3, 4]], columns=["a", 1]), TypeError, "string names"),
    ],
    ids=str,
)
def test_tables_that_cannot_be_read(X, error, message):
    """In scikit-learn's words where it has some."""
    with pytest.raises(error, match=message):
        fitted(X)


# ---- names ----


def test_columns_are_found_by_name():
    """In any order; numbers, categories, all of them numbers, polars after pandas."""
    X = pd.DataFrame({"a": [1.0, 2, 3], "c": ["x", "y", "z"], "b": [4, 5, 7]})
    for columns in (["a", "c", "b"], ["a", "b"]):
        reader, table = fitted(X[columns])
        for again in (X[columns[::-1]], pl.DataFrame(X[columns[::-1]].to_dict("list"))):
            read = reader.read(again)
            np.testing.assert_array_equal(read.numbers, table.numbers)
            np.testing.assert_array_equal(read.codes, table.codes)
        alone = reader.read(X[columns[::-1]].iloc[1:2])
        np.testing.assert_array_equal(alone.numbers, table.numbers[1:2])


def test_missing_and_unknown_columns_are_named():
    """In scikit-learn's words."""
    reader, _ = fitted(pd.DataFrame({"a": [1.0, 2], "b": [3.0, 4]}))

    with pytest.raises(ValueError, match="yet now missing:\n- b\n"):
        reader.read(pd.DataFrame({"a": [1.0]}))
    with pytest.raises(ValueError, match="unseen at fit time:\n- c\n"):
        reader.read(pd.DataFrame({"a": [1.0], "b": [2.0], "c": [3.0]}))


def test_frames_and_arrays_meet_by_position_with_a_warning():
    """A frame at fit and an array later, and the other way round."""
    X = pd.DataFrame({"a": [1.0, 2, 3], "b": [3.0, 4, 6]})
    of_frame, _ = fitted(X)
    of_array, _ = fitted(X.to_numpy())

    with pytest.warns(UserWarning, match="X does not have valid feature names, but Tabular"):
        assert of_frame.read(X.to_numpy()).numbers.tolist() == X.to_numpy().tolist()
    with pytest.warns(UserWarning, match="X has feature names, but TabularPreprocessor was fitted"):
        assert of_array.read(X).numbers.tolist() == X.to_numpy().tolist()


def test_another_number_of_columns():
    """In scikit-learn's words."""
    reader, _ = fitted(np.arange(8.0).reshape(2, 4))
    message = "X has 3 features, but TabularPreprocessor is expecting 4 features as input"
    with pytest.raises(ValueError, match=message):
        reader.read(np.ones((2, 3)))


# ---- what is kept ----


def test_pickles_hold_no_rows():
    """Levels and ranges alone; the codes are the same afterwards."""
    n = 5000
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"c": rng.choice(["a", "b", "c"], n), "x": rng.normal(size=n)})
    reader, table = fitted(X)
    content = pickle.dumps(reader)

    assert len(content) < 3000
    np.testing.assert_array_equal(pickle.loads(content).read(X).codes, table.codes)


def test_arrays_of_numbers_are_not_copied():
    """500,000 rows need no second copy."""
    X = np.random.default_rng(0).normal(size=(20, 3))
    reader, table = fitted(X)

    assert np.shares_memory(table.numbers, X)
    assert np.shares_memory(reader.read(X).numbers, X)


def test_table_takes_rows():
    """By index, mask and slice."""
    _, table = fitted(pd.DataFrame({"a": [1.0, 2, 3], "c": ["x", "y", "z"]}))

    for rows in ([1, 2], np.array([False, True, True]), slice(1, None)):
        assert table.take(rows).numbers.ravel().tolist() == [2, 3]
        assert table.take(rows).codes.ravel().tolist() == [1, 2]


def test_columns_with_labels_that_are_no_text_are_found_by_label():
    """A frame of integer labels in another order gives the same rows."""
    frame = pd.DataFrame({3: [1.0, 2.0, 4.0], 1: [5.0, 7.0, 6.0], 2: [0.5, 0.25, 8.0]})
    reader = TableReader().fit(frame)
    assert [one.name for one in reader.columns_] == ["3", "1", "2"]
    np.testing.assert_array_equal(reader.read(frame[[1, 2, 3]]).numbers, reader.read(frame).numbers)


def test_masked_cells_are_gaps():
    """A masked array is not taken for its data."""
    values = np.arange(12.0).reshape(4, 3)
    masked = np.ma.masked_array(values, mask=values > 9)
    table = TableReader().fit_read(masked)
    np.testing.assert_array_equal(np.isnan(table.numbers), values > 9)


@pytest.mark.parametrize("text", ["now", "today"])
def test_words_for_the_present_are_no_dates(text):
    """NumPy would read another time at every call."""
    frame = pd.DataFrame({"since": pd.to_datetime(["2020-01-01", "2021-05-03", "2022-02-07"])})
    reader = TableReader().fit(frame)
    with pytest.raises(ValueError, match="'since' held dates"):
        reader.read(pd.DataFrame({"since": [text] * 3}))
