"""The public transformers: scikit-learn's contract, their formulas, inverses, whole tables."""

import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.preprocessing import RobustScaler, TargetEncoder
from sklearn.tree import DecisionTreeRegressor
from sklearn.utils.estimator_checks import parametrize_with_checks

import rosenblatt
from rosenblatt.preprocessing import (
    PiecewiseLinearEncoder,
    RobustSmoothScaler,
    TabularPreprocessor,
)

TRANSFORMERS = [
    RobustSmoothScaler(),
    PiecewiseLinearEncoder(),
    PiecewiseLinearEncoder(strategy="tree", keep_input=True),
    TabularPreprocessor(random_state=0),
    TabularPreprocessor("tree", random_state=0),
    TabularPreprocessor("periodic", target_statistics=True, random_state=0),
    TabularPreprocessor("one_hot", random_state=0),
]


def expected_failures(transformer):
    """The leaves of trees count rows, whatever these weigh."""
    if "tree" in transformer.get_params().values():
        return {"check_sample_weight_equivalence_on_dense_data": "leaves of trees count rows"}
    return {}


@parametrize_with_checks(TRANSFORMERS, expected_failed_checks=expected_failures)
def test_scikit_learns_contract(estimator, check):
    """All checks of scikit-learn."""
    check(estimator)


def test_package_has_the_module():
    """It is imported when it is first used."""
    assert rosenblatt.preprocessing.TabularPreprocessor is TabularPreprocessor
    assert "preprocessing" in dir(rosenblatt)


@pytest.mark.parametrize("transformer", TRANSFORMERS, ids=str)
def test_repeats_bit_by_bit_and_pickles_without_rows(transformer):
    """Of one seed; a pickle transforms alike."""
    X = np.random.default_rng(0).normal(size=(2000, 3))
    y = np.arange(2000) % 2
    first, second = (clone(transformer).fit(X, y) for _ in range(2))

    np.testing.assert_array_equal(first.transform(X), second.transform(X))
    content = pickle.dumps(first)
    assert len(content) < 9000
    np.testing.assert_array_equal(pickle.loads(content).transform(X), first.transform(X))


@pytest.mark.parametrize(
    ("transformer", "message"),
    [
        (RobustSmoothScaler(clip=0), r"'clip' parameter of RobustSmoothScaler.*Got 0"),
        (PiecewiseLinearEncoder(0), r"'n_bins' parameter .* Got 0"),
        (PiecewiseLinearEncoder(strategy="kmeans"), "'strategy' parameter .* Got 'kmeans'"),
        (TabularPreprocessor("ple"), "'numerical_encoding' parameter .*'periodic'.* Got 'ple'"),
        (TabularPreprocessor(max_categories=1), "'max_categories' parameter .* Got 1"),
        (TabularPreprocessor(cv=1), "'cv' parameter .* Got 1"),
        (TabularPreprocessor(target_type="binary"), "'target_type' parameter .* Got 'binary'"),
    ],
    ids=str,
)
def test_wrong_parameters(transformer, message):
    """The message names parameter, value and what is allowed."""
    with pytest.raises(ValueError, match=message):
        transformer.fit(np.arange(6.0).reshape(3, 2), [0, 1, 0])


# ---- RobustSmoothScaler ----


def test_scaler_is_robust_scaler_and_smooth_clipping():
    """n = 4k + 1 leaves no choice of quantile."""
    X = np.random.default_rng(0).normal(2, 3, size=(201, 4)) ** 3
    z = RobustScaler().fit_transform(X)

    Z = RobustSmoothScaler(clip=2.0).fit_transform(X)

    np.testing.assert_allclose(Z, z / np.sqrt(1 + (z / 2) ** 2), rtol=1e-12)


def test_scaler_falls_back_to_the_range_and_to_zero():
    """Equal quartiles: 2 / (max - min); equal values: 0."""
    X = np.column_stack([np.zeros(9), np.full(9, 7.0)])
    X[0, 0] = 4

    scaler = RobustSmoothScaler().fit(X)

    assert scaler.factor_.tolist() == [0.5, 0]
    z = 4 * 0.5
    np.testing.assert_allclose(scaler.transform(X)[0], [z / np.sqrt(1 + (z / 3) ** 2), 0])


def test_scaler_keeps_gaps_and_bends_infinities():
    """In a constant column, here one without any value, they are 0; no warning at 1e300."""
    X = np.array([[1.0, np.nan], [2, np.nan], [np.nan, np.nan], [4, np.nan], [1e300, np.nan]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scaler = RobustSmoothScaler().fit(X)
        Z = scaler.transform(
            [[np.inf, np.inf], [-np.inf, 2], [np.nan, np.nan], [-1e300, 0], [3, 0]]
        )
        back = scaler.inverse_transform(Z)

    np.testing.assert_allclose(Z[:3, 0], [3, -3, np.nan])
    np.testing.assert_array_equal(Z[:3, 1], [0, 0, np.nan])
    assert back[:2, 0].tolist() == [np.inf, -np.inf]


def test_scaler_maps_infinity_where_quartiles_are_huge():
    """The scale of values of 1e300 does not bring infinity back."""
    X = np.linspace(-1e300, 1e300, 9).reshape(-1, 1)

    Z = RobustSmoothScaler().fit(X).transform([[np.inf], [-np.inf]])

    assert Z.ravel().tolist() == [3, -3]


@pytest.mark.parametrize(("dtype", "rtol"), [("float64", 1e-9), ("float32", 1e-3)])
def test_scaler_inverse(dtype, rtol):
    """Within a few quartile ranges of the median; a constant column is its value."""
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(50, 3, size=99), np.full(99, 7)]).astype(dtype)
    scaler = RobustSmoothScaler().fit(X)
    Z = scaler.transform(X)

    back = scaler.inverse_transform(Z)

    assert Z.dtype == back.dtype == dtype
    np.testing.assert_allclose(back, X, rtol=rtol)


def test_scaler_weights_count_rows():
    """A weight of 2 is the row twice."""
    X = np.random.default_rng(0).normal(size=(50, 2))
    weights = np.arange(50) % 3

    weighted = RobustSmoothScaler().fit(X, sample_weight=weights)

    repeated = RobustSmoothScaler().fit(np.repeat(X, weights, axis=0))
    np.testing.assert_array_equal(weighted.center_, repeated.center_)
    np.testing.assert_array_equal(weighted.factor_, repeated.factor_)


# ---- PiecewiseLinearEncoder ----


def test_encoder_codes_are_interpolations():
    """np.interp within every bin, for two columns at once; names count the bins."""
    X = np.random.default_rng(0).normal(size=(500, 2))
    encoder = PiecewiseLinearEncoder(4).fit(X)
    expected = [
        np.interp(X[:, j], encoder.bin_edges_[j][k : k + 2], [0, 1])
        for j in range(2)
        for k in range(4)
    ]
    for j in range(2):
        quartiles = np.quantile(X[:, j], [0, 0.25, 0.5, 0.75, 1], method="averaged_inverted_cdf")
        np.testing.assert_allclose(encoder.bin_edges_[j], quartiles)

    np.testing.assert_allclose(encoder.transform(X), np.transpose(expected), atol=1e-12)
    assert encoder.get_feature_names_out(["a", "b"])[[0, 7]].tolist() == ["a_bin0", "b_bin3"]


def test_encoder_takes_each_of_few_values_as_an_edge():
    """Up to max_distinct; a constant column has no code."""
    X = np.column_stack([np.arange(12) % 4 * 10.0, np.full(12, 5)])

    encoder = PiecewiseLinearEncoder(2).fit(X)
    assert encoder.bin_edges_[0].tolist() == [0, 10, 20, 30]
    assert encoder.transform([[15.0, 9]]).tolist() == [[1, 0.5, 0]]
    fewer = PiecewiseLinearEncoder(2, max_distinct=3).fit(X)
    assert fewer.bin_edges_[0].tolist() == [0, 15, 30]


def test_encoder_of_a_tree_finds_the_steps_of_y():
    """Its edges are where y jumps; labels may be text."""
    x = np.arange(200.0)
    for y in (np.where(x < 70, "low", "high"), np.where(x < 70, 0.5, 2.25)):
        encoder = PiecewiseLinearEncoder(strategy="tree").fit(x.reshape(-1, 1), y)
        assert encoder.bin_edges_[0].tolist() == [0, 69.5, 199]
    with pytest.raises(ValueError, match=r"strategy='tree' .* the target y is None"):
        PiecewiseLinearEncoder(strategy="tree").fit(x.reshape(-1, 1))


def test_encoder_of_a_tree_limits_bins_and_leaves():
    """At most 24, or `n_bins`; at least max(5, n / 200), or `min_samples_leaf` rows."""
    x = np.arange(400.0)
    y = np.random.default_rng(0).normal(size=400)
    fitted = [
        PiecewiseLinearEncoder(n, strategy="tree", min_samples_leaf=leaf)
        .fit(x.reshape(-1, 1), y)
        .bin_edges_[0]
        for n, leaf in ((None, None), (3, None), (None, 100))
    ]
    peer = DecisionTreeRegressor(max_leaf_nodes=24, min_samples_leaf=5, random_state=0)
    peer = peer.fit(x.reshape(-1, 1), y).tree_

    np.testing.assert_allclose(fitted[0][1:-1], np.sort(peer.threshold[peer.children_left >= 0]))
    assert len(fitted[1]) == 4
    assert np.diff(fitted[2]).min() >= 99


@pytest.mark.parametrize("keep_input", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_encoder_inverse_and_gaps(keep_input, dtype):
    """Numbers within the edges come back; a gap is the median; float32 stays float32."""
    X = np.random.default_rng(0).normal(size=(301, 2)).astype(dtype)
    X[0, 0] = np.nan
    encoder = PiecewiseLinearEncoder(8, keep_input=keep_input).fit(X)
    Z = encoder.transform(X)

    back = encoder.inverse_transform(Z)

    assert Z.dtype == back.dtype == dtype
    assert Z.shape == (301, 16 + 2 * keep_input)
    expected = X.copy()
    expected[0, 0] = np.nanmedian(X[:, 0])
    np.testing.assert_allclose(back, expected, atol=1e-6)
    if keep_input:
        np.testing.assert_array_equal(Z[:, :2], expected)


def test_encoder_inverse_of_values_beyond_the_edges_and_of_constants():
    """The nearest edge; the constant."""
    X = np.column_stack([np.arange(10.0), np.full(10, 3.0)])
    encoder = PiecewiseLinearEncoder().fit(X)

    assert encoder.inverse_transform(encoder.transform([[99, 4], [-5, 4]])).tolist() == [
        [9, 3],
        [0, 3],
    ]


def test_encoder_takes_extreme_numbers_without_a_warning():
    """Infinities too."""
    X = np.append(np.random.default_rng(0).normal(size=98), [1e300, -np.inf]).reshape(-1, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Z = PiecewiseLinearEncoder().fit(X).transform(np.vstack([X, [[np.inf]]]))

    assert Z.min() == 0
    assert Z.max() == 1
    assert Z[-1].tolist() == [1] * Z.shape[1]


def test_encoder_weights_count_rows():
    """A weight of 2 is the row twice."""
    X = np.random.default_rng(0).normal(size=(200, 1))
    weights = np.arange(200) % 3

    weighted = PiecewiseLinearEncoder().fit(X, sample_weight=weights)

    repeated = PiecewiseLinearEncoder().fit(np.repeat(X, weights, axis=0))
    np.testing.assert_array_equal(weighted.bin_edges_[0], repeated.bin_edges_[0])


# ---- TabularPreprocessor ----


@pytest.fixture
def people():
    """A table of many kinds of columns, and its target."""
    rng = np.random.default_rng(0)
    n = 400
    frame = pd.DataFrame(
        {
            "age": rng.integers(18, 90, n),
            "income": np.where(rng.random(n) < 0.2, np.nan, rng.lognormal(size=n)),
            "city": rng.choice([f"city{i:02}" for i in range(40)], n),
            "job": pd.Categorical(rng.choice(["a", "b", "c"], n)),
            "smokes": rng.random(n) < 0.3,
            "since": pd.Timestamp("2020") + pd.to_timedelta(rng.integers(0, 900, n), "D"),
            "constant": 1.0,
        }
    )
    return frame, rng.integers(0, 2, n)


def test_frames_of_pandas_and_polars_give_the_same(people):
    """Also with their columns in another order, and row by row."""
    X, y = people
    preprocessor = TabularPreprocessor(random_state=0).fit(X, y)
    Z = preprocessor.transform(X)
    columns = {name: X[name].to_list() for name in reversed(X.columns)}

    assert Z.dtype == np.float32
    np.testing.assert_array_equal(preprocessor.transform(pl.DataFrame(columns)), Z)
    of_polars = TabularPreprocessor(random_state=0).fit(pl.DataFrame(columns)[list(X.columns)], y)
    np.testing.assert_array_equal(of_polars.transform(X), Z)
    one = np.vstack([preprocessor.transform(X.iloc[i : i + 1]) for i in range(5)])
    np.testing.assert_array_equal(one, Z[:5])


def test_names_and_sources_of_outputs(people):
    """Every output begins with the name of its input column; set_output gives frames."""
    X, y = people
    preprocessor = TabularPreprocessor(random_state=0).set_output(transform="pandas")
    Z = preprocessor.fit_transform(X, y)
    names = preprocessor.get_feature_names_out()

    assert Z.columns.tolist() == names.tolist()
    assert len(set(names)) == len(names)
    for name, source in zip(names, preprocessor.source_of_output_, strict=True):
        assert name.startswith(X.columns[source])
    expected = ["income_missing", "income", "income_bin15", "city_target", "city_city07"]
    expected += ["job_b", "smokes_True", "since_month", "since_elapsed_days_bin3"]
    assert set(expected) <= set(names)
    assert not any(name.startswith("constant") for name in names)
    preprocessor.set_output(transform="polars")
    assert preprocessor.transform(X).columns == names.tolist()


def test_columns_say_what_became_of_them(people):
    """One summary a column."""
    preprocessor = TabularPreprocessor().fit(people[0])

    kinds = ["integer", "number", "category", "category", "category", "date", "constant"]
    assert [column.kind for column in preprocessor.columns_] == kinds
    assert [column.name for column in preprocessor.columns_] == list(people[0].columns)
    assert preprocessor.columns_[1].n_missing == people[0]["income"].isna().sum()


@pytest.mark.parametrize("classification", [True, False])
def test_target_statistics_are_out_of_fold(people, classification):
    """In fit_transform those of other folds' rows, later those of all; as TargetEncoder's."""
    X, y = people
    y = y if classification else y + np.random.default_rng(1).normal(size=len(y))
    folds = [(np.flatnonzero(np.arange(400) % 4 != k), np.arange(k, 400, 4)) for k in range(4)]
    preprocessor = TabularPreprocessor(None, cv=folds).set_output(transform="pandas")
    city = X[["city"]].to_numpy()
    peer = TargetEncoder(smooth=10.0, target_type="binary" if classification else "continuous")
    out_of_fold = np.empty((400, 1))
    for train, test in folds:
        out_of_fold[test] = peer.fit(city[train], y[train]).transform(city[test])

    training = preprocessor.fit_transform(X, y)["city_target"].to_numpy()
    later = preprocessor.transform(X)["city_target"].to_numpy()

    scaler = RobustSmoothScaler().fit(out_of_fold)
    centre = scaler.transform(out_of_fold).mean()
    expected = scaler.transform(out_of_fold).ravel() - centre
    np.testing.assert_allclose(training, expected, atol=1e-5)
    whole = peer.fit(city, y).transform(city)
    np.testing.assert_allclose(later, scaler.transform(whole).ravel() - centre, atol=1e-5)


def test_target_statistics_when_and_of_what(people):
    """'auto' of more than 30 levels where y is given; True of more than two; False of none."""
    X, y = people

    def statistics(target_statistics, y):
        preprocessor = TabularPreprocessor(None, target_statistics=target_statistics).fit(X, y)
        return [name for name in preprocessor.get_feature_names_out() if "_target" in name]

    assert statistics("auto", y) == ["city_target"]
    assert statistics("auto", None) == []
    assert statistics(True, y) == ["city_target", "job_target"]
    assert statistics(False, y) == []
    assert statistics("auto", np.arange(400) % 3) == [f"city_target_{k}" for k in range(3)]
    assert statistics("auto", np.array(["no", "yes"])[y]) == ["city_target"]
    with pytest.raises(ValueError, match="target_statistics=True requires y"):
        statistics(True, None)


@pytest.mark.parametrize(
    "y", [[0.5] * 399 + [np.nan], [1] * 399, [[1, 2]] * 399], ids=["gap", "short", "short 2-D"]
)
def test_wrong_targets(people, y):
    """A gap, too few rows."""
    with pytest.raises(ValueError, match=r"NaN|inconsistent numbers"):
        TabularPreprocessor("tree").fit(people[0], y)


def test_statistics_of_more_than_two_classes_have_no_bins(people):
    """They are many columns already."""
    X, y = people
    names = TabularPreprocessor().fit(X, y).get_feature_names_out()
    of_three = TabularPreprocessor().fit(X, np.arange(400) % 3).get_feature_names_out()

    assert "city_target_bin0" in names
    assert "city_target_0" in of_three
    assert "city_target_0_bin0" not in of_three


def test_several_targets(people):
    """Statistics of each, and trees of all."""
    X, y = people
    targets = np.column_stack([y + 0.5, np.arange(400)])
    preprocessor = TabularPreprocessor("tree").fit(X, targets)

    assert {"city_target_0", "city_target_1"} <= set(preprocessor.get_feature_names_out())


def test_coarse_bins_are_finer_for_regression(people):
    """8 for classes, 32 for numbers."""
    X, y = people
    n_bins = [
        sum(name.startswith("income_bin") for name in fitted.get_feature_names_out())
        for fitted in (
            TabularPreprocessor("coarse").fit(X, y),
            TabularPreprocessor("coarse").fit(X, y + 0.5),
            TabularPreprocessor("coarse", target_type="regression").fit(X),
            TabularPreprocessor("coarse", n_bins=5).fit(X, y),
        )
    ]

    assert n_bins == [8, 32, 32, 5]


def test_weights_of_zero_are_rows_left_out(people):
    """No level, no bin and no statistic is learnt from them."""
    X, _ = people
    used = np.arange(len(X)) % 4 > 0
    X = X.copy()
    X.loc[~used, "city"] = "elsewhere"
    X.loc[~used, "age"] = -1000

    weighted = TabularPreprocessor(random_state=0).fit(X, sample_weight=used.astype(float))

    rest = TabularPreprocessor(random_state=0).fit(X[used])
    assert weighted.get_feature_names_out().tolist() == rest.get_feature_names_out().tolist()
    np.testing.assert_allclose(weighted.transform(X), rest.transform(X), atol=1e-6)


def test_failed_fit_leaves_the_transformer_as_it_was(people):
    """A column or a target that cannot be read costs no fitted transformer."""
    X, _ = people
    preprocessor = TabularPreprocessor().fit(X)
    before = preprocessor.transform(X)
    with pytest.raises(ValueError, match="Column 'bad'"):
        preprocessor.fit(X.assign(bad=[[1]] * len(X)))
    with pytest.raises(ValueError, match="NaN"):
        preprocessor.fit(X.assign(more=np.arange(len(X))), np.full(len(X), np.nan))

    np.testing.assert_array_equal(preprocessor.transform(X), before)


def test_table_without_anything_to_learn_has_no_output():
    """No column varies."""
    Z = TabularPreprocessor().fit_transform(np.ones((5, 2)))

    assert Z.shape == (5, 0)
