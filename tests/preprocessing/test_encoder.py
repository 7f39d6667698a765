"""Encoding a table: formulas, centring, weights, levels and chunks."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import KBinsDiscretizer
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from rosenblatt.preprocessing import _encoder
from rosenblatt.preprocessing._bins import SortedColumn, quantile_edges, tree_edges
from rosenblatt.preprocessing._encoder import ENCODINGS, ColumnEncoder
from rosenblatt.preprocessing._table_reader import TableReader

ROUNDING = 1e-6  # of float32 values up to 3


def table_of(X, categorical_features="from_dtype"):
    """The table of X, read by a new reader."""
    return TableReader().fit_read(X, categorical_features)


def uncentred(encoder, table):
    """The encoded rows, before the means were subtracted, by name."""
    values = encoder.transform(table).astype(np.float64) + encoder.centre
    return dict(zip(encoder.names, values.T, strict=True))


@pytest.fixture
def mixed():
    """300 rows of numbers with gaps and ties, two values, dates and categories."""
    rng = np.random.default_rng(3)
    n = 300
    return pd.DataFrame(
        {
            "x": np.where(rng.random(n) < 0.1, np.nan, rng.normal(size=n) ** 3),
            "few": rng.integers(0, 5, n),
            "two": np.where(rng.random(n) < 0.1, np.nan, rng.integers(0, 2, n) * 4.0 + 1),
            "when": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 10**7, n), "s"),
            "level": rng.choice(["a", "b", "c", None], n),
            "sex": rng.choice(["f", "m"], n),
        }
    )


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_columns_are_centred_and_have_names_and_sources(mixed, encoding):
    """Every output column has mean 0 over the training rows, a name and its input column."""
    encoder = ColumnEncoder(encoding, random_state=0)
    y = np.arange(len(mixed)) % 3
    Z = encoder.fit_transform(table_of(mixed), y)

    assert Z.dtype == np.float32
    assert Z.shape == (300, encoder.n_columns)
    np.testing.assert_allclose(Z.mean(axis=0, dtype=np.float64), 0, atol=ROUNDING)
    assert len(set(encoder.names)) == encoder.n_columns == len(encoder.column_of_output)
    for name, source in zip(encoder.names, encoder.column_of_output, strict=True):
        assert name.startswith(mixed.columns[source])


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_rows_are_encoded_alike_alone_in_chunks_and_in_fit(mixed, encoding, monkeypatch):
    """fit_transform, fit and transform, one row at a time, chunks of 16 rows, given memory."""
    table, y = table_of(mixed), np.arange(len(mixed)) % 2
    Z = ColumnEncoder(encoding, random_state=0).fit_transform(table, y)
    encoder = ColumnEncoder(encoding, random_state=0).fit(table, y)
    np.testing.assert_array_equal(encoder.transform(table), Z)

    monkeypatch.setattr(_encoder, "_CHUNK", 1)
    out = np.empty_like(Z)
    assert encoder.transform(table, out=out) is out
    np.testing.assert_allclose(out, Z, atol=ROUNDING)  # cosines of vectors and of their tails
    one = np.vstack([encoder.transform(table.take([i])) for i in range(20)])
    np.testing.assert_allclose(one, Z[:20], atol=ROUNDING)
    again = pickle.loads(pickle.dumps(encoder))
    np.testing.assert_array_equal(again.transform(table), out)
    assert len(pickle.dumps(encoder)) < 15_000


def test_given_memory_is_checked(mixed):
    """Shape and type."""
    encoder = ColumnEncoder("none").fit(table_of(mixed))
    with pytest.raises(ValueError, match=r"out must be float32 of shape \(300,.*got float64"):
        encoder.transform(table_of(mixed), out=np.empty((300, encoder.n_columns)))


def test_gaps_are_indicated_and_filled_with_the_median(mixed):
    """1 and -1; the scaled number is 0; one indicator for all parts of a date."""
    mixed.loc[:9, "when"] = pd.NaT
    table = table_of(mixed)
    encoder = ColumnEncoder("none").fit(table)
    columns = uncentred(encoder, table)

    missing = [name for name in encoder.names if "_missing" in name and "level" not in name]
    assert missing == ["x_missing", "two_missing", "when_month_missing"]
    gaps = mixed["x"].isna().to_numpy()
    np.testing.assert_allclose(columns["x_missing"], np.where(gaps, 1, -1), atol=ROUNDING)
    np.testing.assert_allclose(columns["x"][gaps], 0, atol=ROUNDING)
    np.testing.assert_allclose(columns["two"][mixed["two"].isna()], 0, atol=ROUNDING)


def test_gap_without_indicator_is_the_median():
    """Where training rows had none."""
    X = np.arange(1.0, 10).reshape(-1, 1)
    reader = TableReader()
    encoder = ColumnEncoder("quantile").fit(reader.fit_read(X))

    gap, median = encoder.transform(reader.read([[np.nan], [5.0]]))

    np.testing.assert_array_equal(gap, median)


def test_two_values_are_minus_one_and_one():
    """Numbers in between lie in between, those beyond are the nearer."""
    reader = TableReader()
    table = reader.fit_read([[3.0], [7.0], [7.0]])
    encoder = ColumnEncoder("quantile").fit(table)

    assert encoder.names == ["x0"]
    columns = uncentred(encoder, reader.read([[3.0], [7.0], [5.0], [99.0]]))
    np.testing.assert_allclose(columns["x0"], [-1, 1, 0, 1], atol=ROUNDING)


def test_number_is_scaled_by_quartiles_and_bent():
    """z / sqrt(1 + (z/3)**2), z = (x - median) / (q75 - q25); n = 4k + 1 leaves no choice of
    quantile."""
    x = np.random.default_rng(0).normal(3, 5, size=401) ** 3
    table = table_of(x.reshape(-1, 1))
    low, median, high = np.percentile(x, [25, 50, 75])
    z = (x - median) / (high - low)

    columns = uncentred(ColumnEncoder("none").fit(table), table)

    np.testing.assert_allclose(columns["x0"], z / np.sqrt(1 + (z / 3) ** 2), atol=ROUNDING)


@pytest.mark.parametrize(
    ("encoding", "classification", "n_distinct", "n_bins"),
    [
        ("quantile", True, 32, 31),
        ("quantile", True, 33, 16),
        ("coarse", True, 16, 15),
        ("coarse", True, 17, 8),
        ("coarse", False, 64, 63),
        ("coarse", False, 65, 32),
        ("one_hot", True, 16, 16),
        ("one_hot", True, 17, 8),
    ],
)
def test_number_of_bins(encoding, classification, n_distinct, n_bins):
    """Each value is an edge where they are few; else bins of equal weight."""
    table = table_of(np.repeat(np.arange(n_distinct) ** 1.5, 3).reshape(-1, 1))
    encoder = ColumnEncoder(encoding, classification=classification).fit(table)

    assert encoder.names == ["x0", *(f"x0_bin{k}" for k in range(n_bins))]


def test_quantile_codes_are_linear_in_their_bin():
    """np.interp along the edges of scikit-learn's KBinsDiscretizer."""
    x = np.random.default_rng(1).normal(size=1000)
    table = table_of(x.reshape(-1, 1))
    encoder = ColumnEncoder("quantile").fit(table)
    bins = KBinsDiscretizer(16, strategy="quantile", quantile_method="averaged_inverted_cdf")
    edges = bins.fit(x.reshape(-1, 1)).bin_edges_[0]
    columns = uncentred(encoder, table)

    codes = np.column_stack([columns[f"x0_bin{k}"] for k in range(16)])

    expected = [np.interp(x, edges[k : k + 2], [0, 1]) for k in range(16)]
    np.testing.assert_allclose(codes, np.transpose(expected), atol=ROUNDING)


def test_one_hot_bins_hold_each_row_once():
    """Also rows beyond the training range and gaps; the bins are those of KBinsDiscretizer."""
    x = np.random.default_rng(1).normal(size=800)
    reader = TableReader()
    encoder = ColumnEncoder("one_hot").fit(reader.fit_read(x.reshape(-1, 1)))
    bins = KBinsDiscretizer(
        8, encode="onehot-dense", strategy="quantile", quantile_method="averaged_inverted_cdf"
    ).fit(x.reshape(-1, 1))
    rows = np.append(x, [1e9, -1e9]).reshape(-1, 1)
    columns = uncentred(encoder, reader.read(rows))

    codes = np.column_stack([columns[f"x0_bin{k}"] for k in range(8)])

    np.testing.assert_allclose(codes, bins.transform(rows), atol=ROUNDING)


def test_one_hot_of_few_values_has_one_column_a_value():
    """As pandas' get_dummies."""
    x = np.array([1.0, 5, 2, 5, 9, 1])
    table = table_of(x.reshape(-1, 1))
    columns = uncentred(ColumnEncoder("one_hot").fit(table), table)

    codes = np.column_stack([columns[f"x0_bin{k}"] for k in range(4)])

    np.testing.assert_allclose(codes, pd.get_dummies(x).to_numpy(), atol=ROUNDING)


@pytest.mark.parametrize("classification", [True, False])
def test_tree_edges_are_the_splits_of_a_tree(classification):
    """scikit-learn's tree of the column itself."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=600).astype(np.float32).astype(np.float64)  # as the tree sees it
    y = (np.sin(3 * x) > 0).astype(int) if classification else np.sin(3 * x)
    kind = DecisionTreeClassifier if classification else DecisionTreeRegressor
    tree = kind(max_leaf_nodes=24, min_samples_leaf=5, random_state=0)
    tree = tree.fit(x.reshape(-1, 1), y).tree_
    splits = np.sort(tree.threshold[tree.children_left >= 0])

    edges = tree_edges(x, y, n_bins=24, classification=classification)

    assert len(splits) > 3
    np.testing.assert_allclose(edges, [x.min(), *splits, x.max()], rtol=1e-5)


def test_tree_finds_a_step_at_any_scale():
    """Values of 1e300 and differences of one in a billion: it splits ranks."""
    steps = np.arange(100)
    y = (steps >= 40).astype(int)
    for x in (1e300 * (steps - 50) / 60, 1e9 + steps / 8):
        edges = tree_edges(x, y, n_bins=24, classification=True)
        np.testing.assert_allclose(edges, [x[0], x[39] / 2 + x[40] / 2, x[-1]], rtol=1e-15)


def test_tree_needs_y():
    """The message says so."""
    with pytest.raises(ValueError, match="encoding='tree' requires y, which is None"):
        ColumnEncoder("tree").fit(table_of(np.arange(10.0).reshape(-1, 1)))


def test_waves_are_cosines_of_the_scaled_number():
    """cos(2 pi w z + b), w of standard deviation 0.4, b within pi; another seed, other waves."""
    x = np.random.default_rng(0).normal(size=(100, 60))
    table = table_of(x)
    encoder = ColumnEncoder("periodic", random_state=5).fit(table)
    columns = uncentred(encoder, table)
    _, frequency, phase = encoder._groups["encoded"]

    expected = np.cos(frequency[0] * columns["x0"] + phase[0])
    np.testing.assert_allclose(columns["x0_wave0"], expected, atol=1e-5)  # angles in float32
    assert encoder.n_columns == 60 * 13
    # 720 draws: the standard deviation is known to 2.6 %
    assert abs(frequency.std() / (2 * np.pi) - 0.4) < 0.05
    assert np.abs(phase).max() <= np.pi
    other = ColumnEncoder("periodic", random_state=6).fit(table)
    assert not np.allclose(other.transform(table), encoder.transform(table))


def test_only_the_numbers_wanted_are_encoded(mixed):
    """`scaled_only` leaves out the bins of some."""
    encoder = ColumnEncoder("quantile", scaled_only=["x"]).fit(table_of(mixed))

    assert "x" in encoder.names
    assert "few_bin0" in encoder.names
    assert "x_bin0" not in encoder.names


# ---- categories ----


def test_levels_are_columns():
    """As pandas' get_dummies; a gap that fit saw has its own, an unseen level has none."""
    reader = TableReader()
    X = pd.DataFrame({"c": ["b", "a", None, "c", "a"]})
    encoder = ColumnEncoder("none").fit(reader.fit_read(X))
    again = pd.DataFrame({"c": ["a", "b", "c", None, "new"]})
    columns = uncentred(encoder, reader.read(again))

    assert encoder.names == ["c_a", "c_b", "c_c", "c_missing"]
    expected = pd.get_dummies(again["c"], dummy_na=True).to_numpy()[:, [0, 1, 2, 4]]
    np.testing.assert_allclose(np.transpose(list(columns.values())), expected, atol=ROUNDING)


def test_two_levels_are_one_column():
    """-1 and 1; a gap or an unseen level is 0."""
    reader = TableReader()
    encoder = ColumnEncoder("none").fit(reader.fit_read(pd.DataFrame({"c": ["b", "a", None]})))
    columns = uncentred(encoder, reader.read(pd.DataFrame({"c": ["a", "b", None, "new"]})))

    assert encoder.names == ["c_b"]
    np.testing.assert_allclose(columns["c_b"], [-1, 1, 0, 0], atol=ROUNDING)


def test_one_level_with_gaps_is_one_column():
    """Whether it is there."""
    table = table_of(pd.DataFrame({"c": ["a", None, "a"]}))
    columns = uncentred(ColumnEncoder("none").fit(table), table)

    np.testing.assert_allclose(columns["c_missing"], [-1, 1, -1], atol=ROUNDING)


def test_rarest_levels_share_the_last_column():
    """With more than `max_categories` of them."""
    values = ["a"] * 5 + ["b"] * 2 + ["c"] * 4 + ["d"] + ["e"] * 3
    table = table_of(pd.DataFrame({"c": values}))
    encoder = ColumnEncoder("none", max_categories=4).fit(table)
    columns = uncentred(encoder, table)

    assert encoder.names == ["c_a", "c_c", "c_e", "c_infrequent"]
    expected = [value in "bd" for value in values]
    np.testing.assert_allclose(columns["c_infrequent"], expected, atol=ROUNDING)
    assert ColumnEncoder("none", max_categories=5).fit(table).names[-1] == "c_e"


def test_levels_that_the_rows_of_fit_lack_have_no_column():
    """The encoder may see a fold of the rows that the reader saw."""
    table = table_of(pd.DataFrame({"c": ["a", "b", "c", "d"], "x": [1.0, 2, 4, 8]}))
    encoder = ColumnEncoder("none").fit(table.take([0, 1, 2]))

    assert encoder.names == ["x", "c_a", "c_b", "c_c"]
    assert np.isfinite(encoder.transform(table)).all()


def test_rare_and_unseen_values_share_a_column():
    """Which the reader merged; with a few columns too."""
    often = [f"often{i:02}" for i in range(35)] * 3
    reader = TableReader()
    table = reader.fit_read(pd.DataFrame({"c": [*often, "once", "twice", "twice"]}))
    for max_categories in (64, 10):
        encoder = ColumnEncoder("none", max_categories=max_categories).fit(table)
        columns = uncentred(encoder, reader.read(pd.DataFrame({"c": ["once", "new", "often00"]})))
        np.testing.assert_allclose(columns["c_infrequent"], [1, 1, 0], atol=ROUNDING)
        assert encoder.n_columns == min(36, max_categories)


def test_names_of_levels_that_read_alike_differ():
    """1 and '1'."""
    table = table_of(pd.DataFrame({"c": pd.Series([1, "1", "2"], dtype=object)}))

    assert sorted(ColumnEncoder().fit(table).names) == ["c_1", "c_1_2", "c_2"]


# ---- weights, extremes ----


@pytest.mark.parametrize("encoding", [name for name in ENCODINGS if name != "tree"])
def test_weights_count_rows(mixed, encoding):
    """A weight of 2 is the row twice, of 0 no row: bins, medians, levels, means. (The leaves of
    trees count rows.)"""
    weights = np.random.default_rng(0).integers(0, 3, len(mixed)).astype(float)
    rows = np.repeat(np.arange(len(mixed)), weights.astype(int))
    table = table_of(mixed)

    weighted = ColumnEncoder(encoding, random_state=0).fit(table, sample_weight=weights)
    repeated = ColumnEncoder(encoding, random_state=0).fit(table.take(rows))

    assert weighted.names == repeated.names
    np.testing.assert_allclose(weighted.transform(table), repeated.transform(table), atol=ROUNDING)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_extreme_numbers_are_encoded_without_a_warning(encoding):
    """1e300, the largest float, denormal steps: finite codes that keep the order."""
    big = np.finfo(np.float64).max
    rng = np.random.default_rng(0)
    X = np.column_stack(
        [
            np.append(rng.normal(size=98), [1e300, -big]),
            rng.normal(size=100) * 1e300,
            np.arange(100) * 5e-324,
            np.append(np.arange(99), big),
            5e-324 * (np.arange(100) % 2),
            np.where(np.arange(100) % 2, big, -big),
        ]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        reader = TableReader()
        encoder = ColumnEncoder(encoding, random_state=0)
        Z = encoder.fit_transform(reader.fit_read(X), np.arange(100) % 2)
        new = encoder.transform(reader.read([[np.inf] * 6, [-np.inf] * 6, [big] * 6]))

    assert np.isfinite(Z).all()
    assert np.isfinite(new).all()
    assert np.abs(Z).max() < 7


def test_column_that_is_constant_in_the_rows_of_fit_has_no_output():
    """With gaps it has their indicator."""
    table = table_of(np.array([[1.0, 1, 1], [1, np.nan, 2], [1, 1, 4], [2, 3, 9]]))

    encoder = ColumnEncoder("quantile").fit(table.take([0, 1, 2]))

    assert encoder.names == ["x1_missing", "x2", "x2_bin0", "x2_bin1"]


@pytest.mark.parametrize("levels", [[0.5], [0, 0.25, 0.5, 0.75, 1], [1 / 3, 0.9]], ids=str)
def test_quantiles_are_numpys(levels):
    """method='averaged_inverted_cdf', for any number of rows, with ties."""
    rng = np.random.default_rng(0)
    for n in range(2, 40):
        x = np.round(rng.normal(size=n), 1)
        expected = np.quantile(x, levels, method="averaged_inverted_cdf")
        np.testing.assert_allclose(SortedColumn(x).quantiles(levels), expected, rtol=1e-15)


def test_a_frequent_value_is_one_edge_and_the_rest_has_the_other_bins():
    """A column that is mostly 0: the zeros are an edge, the others have their own quantiles."""
    x = np.zeros(1000)
    x[:40] = np.arange(1, 41)

    edges = quantile_edges(SortedColumn(x), 16, 32)

    levels, method = np.linspace(0, 1, 15), "averaged_inverted_cdf"
    np.testing.assert_allclose(edges, [0, *np.quantile(x[:40], levels, method=method)])
    weights = np.ones(1000)
    weights[:40] = 2
    repeated = np.append(x, x[:40])
    np.testing.assert_allclose(
        quantile_edges(SortedColumn(x, weights), 16, 32),
        quantile_edges(SortedColumn(repeated), 16, 32),
    )


def test_edges_of_values_that_are_all_frequent():
    """Each is an edge, and there are two at the least."""
    x = np.repeat([-1.0, 0.0, 2.0], [100, 800, 100])
    assert quantile_edges(SortedColumn(x), 16, 0).tolist() == [-1, 0, 2]
    assert quantile_edges(SortedColumn(x), 1, 0).tolist() == [-1, 2]


@pytest.mark.parametrize("encoding", ["quantile", "tree", "coarse", "none"])
@pytest.mark.parametrize("weighted", [False, True])
def test_codes_stand_for_the_encoded_rows(mixed, encoding, weighted):
    """One code a number and a category, means included, also for rows that fit did not see."""
    y = np.random.default_rng(5).normal(size=len(mixed))
    weights = np.random.default_rng(6).integers(0, 3, len(mixed)) if weighted else None
    table = table_of(mixed)
    dense = ColumnEncoder(encoding, classification=False)
    X = dense.fit_transform(table, y, weights)
    coded = ColumnEncoder(encoding, classification=False)

    codes, inputs = coded.fit_codes(table, y, weights)

    assert codes.shape == (300, coded.n_codes)
    assert codes.dtype == np.float32
    assert inputs.fan_in == dense.n_columns
    np.testing.assert_allclose(coded.centre, dense.centre, atol=ROUNDING)
    np.testing.assert_allclose(inputs.dense(codes), X, atol=4 * ROUNDING)  # of codes up to 16
    others = mixed.sample(frac=1, random_state=0)
    others["x"] *= 3
    others.loc[::7, "level"] = "unseen"
    others = TableReader().fit(mixed, "from_dtype").read(others)
    np.testing.assert_allclose(
        inputs.dense(coded.codes(others)), coded.transform(others), atol=4 * ROUNDING
    )
