"""Training on data that are read block by block: the same model, in little memory."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from problems import digits, row_weights
from shares import scheduled, settings_of
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from rosenblatt import (
    Dataset,
    MLPClassifier,
    MLPRegressor,
    PerceptronClassifier,
    TabularMLPClassifier,
)
from rosenblatt.out_of_core._sources import source_of
from rosenblatt.out_of_core._stream import Stream

pa = pytest.importorskip("pyarrow", reason="Parquet and Arrow are sources of most of these tests")
pq = pytest.importorskip("pyarrow.parquet")

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

SMALL = 0.03  # megabytes: a buffer of 100 rows of the digits in float32, or about 50
SETTINGS = {"hidden_layer_sizes": (20,), "max_iter": 3, "random_state": 0, "batch_size": 32}


@pytest.fixture(scope="module")
def rows():
    """X, y and weights, in float32."""
    X, y = digits()
    return X.astype(np.float32), y, row_weights(len(y))


@pytest.fixture(scope="module")
def frame(rows):
    """The same as a table."""
    X, y, weights = rows
    columns = {f"pixel {i}": X[:, i] for i in range(64)}
    return pd.DataFrame(columns | {"digit": y, "weight": weights})


@pytest.fixture
def sources(rows, frame, tmp_path):
    """Every kind of Dataset of these rows, by name."""
    X, y, weights = rows
    table = pa.Table.from_pandas(frame)
    np.save(tmp_path / "X.npy", X)
    np.save(tmp_path / "y.npy", y)
    (tmp_path / "parts").mkdir()
    for i in range(2):
        part = table.slice(150 * i, 150)
        pq.write_table(part, tmp_path / "parts" / f"{i}.parquet", row_group_size=40)
    starts = range(0, 300, 70)
    named = {"target": "digit", "sample_weight": "weight", "buffer_size": SMALL}
    beside = {"sample_weight": weights, "buffer_size": SMALL}
    return {
        "array": Dataset(X, y, **beside),
        "mapped": Dataset(np.load(tmp_path / "X.npy", mmap_mode="r"), y, **beside),
        "npy": Dataset(tmp_path / "X.npy", tmp_path / "y.npy", **beside),
        "column": Dataset(np.insert(X, 9, y, axis=1), 9, **beside),
        "parquet": Dataset(tmp_path / "parts", **named),
        "pandas": Dataset(lambda: (frame[i : i + 70] for i in starts), **named),
        "polars": Dataset(lambda: (pl.from_pandas(frame[i : i + 70]) for i in starts), **named),
        "arrow": Dataset(lambda: iter(table.to_batches(max_chunksize=33)), **named),
        "pairs": Dataset(
            lambda: ((X[i : i + 70], y[i : i + 70], weights[i : i + 70]) for i in starts),
            buffer_size=SMALL,
        ),
    }


NAMES = ["array", "mapped", "npy", "column", "parquet", "pandas", "polars", "arrow", "pairs"]


def test_arrows_memory_is_as_it_was(sources, monkeypatch):
    """A Dataset of Parquet files reads with another allocator, and the default is restored."""
    before, used, set_pool = pa.default_memory_pool().backend_name, [], pa.set_memory_pool

    def noted(pool):
        used.append(pool.backend_name)
        set_pool(pool)

    monkeypatch.setattr(pa, "set_memory_pool", noted)
    MLPClassifier(**SETTINGS).fit(sources["parquet"])

    assert used == ["system", before]
    assert pa.default_memory_pool().backend_name == before


def assert_same(ours, theirs):
    """The same bits."""
    for one, other in zip(ours.coefs_, theirs.coefs_, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", NAMES)
def test_every_source_is_the_array(sources, rows, name):
    """To the bit, where rows keep their order; names of columns are known afterwards."""
    X, y, weights = rows
    settings = SETTINGS | {"shuffle": False}
    ours = MLPClassifier(**settings).fit(sources[name], X_val=X[:50], y_val=y[:50])
    theirs = MLPClassifier(**settings).fit(X, y, weights, X_val=X[:50], y_val=y[:50])

    assert_same(ours, theirs)
    assert ours.loss_curve_ == pytest.approx(theirs.loss_curve_, rel=1e-12)
    for figure in ("gradient_norm", "validation_score", "learning_rate"):
        assert ours.history_[figure] == pytest.approx(theirs.history_[figure], rel=1e-6)
    assert ours.t_ == theirs.t_
    assert hasattr(ours, "feature_names_in_") == (name in ("parquet", "pandas", "polars", "arrow"))


@pytest.mark.parametrize(
    "options",
    [
        {"solver": "lbfgs", "class_weight": "balanced", "alpha": 0.1},
        {"intercept_init": "prior", "class_weight": {3: 5.0}, "dtype": "float64"},
        {"normalization": "batch", "batch_size": 23, "learning_rate": "cosine", "solver": "sgd"},
    ],
    ids=lambda options: next(iter(options)),
)
def test_what_all_rows_decide(rows, options):
    """Class weights, starts at the targets' means, rows of a last batch, and the search."""
    X, y, _ = rows
    settings = SETTINGS | {"shuffle": False} | options
    ours = MLPClassifier(**settings).fit(Dataset(X, y, buffer_size=SMALL))
    theirs = MLPClassifier(**settings).fit(X, y)

    for one, other in zip(ours.coefs_, theirs.coefs_, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=2e-5)


def test_every_constant_may_be_scheduled(rows):
    """Buffers take the values of their own steps."""
    X, y, _ = rows
    name = "every constant scheduled"
    settings = settings_of(name) | {"shuffle": False}
    with scheduled(name):
        ours = MLPClassifier(**settings).fit(Dataset(X, y, buffer_size=SMALL))
        theirs = MLPClassifier(**settings).fit(X, y)
    constant = MLPClassifier(**settings).fit(X, y)

    assert_same(ours, theirs)
    assert not np.array_equal(ours.coefs_[0], constant.coefs_[0])


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_fits_go_on_as_with_arrays(rows, kind):
    """Calls of partial_fit, which are an epoch each, and a warm start; with the same bits."""
    X, y, _ = rows
    settings = SETTINGS | {"shuffle": False, "learning_rate": "cosine"}
    ours, theirs = kind(**settings), kind(**settings)
    dataset = Dataset(X, y, buffer_size=SMALL)
    for _ in range(2):
        ours.partial_fit(dataset, X_val=X[:50], y_val=y[:50])
        theirs.partial_fit(X, y, **({"classes": range(10)} if kind is MLPClassifier else {}))
        assert_same(ours, theirs)
    assert len(ours.history_["validation_score"]) == 2
    for model, data in ((ours, (dataset,)), (theirs, (X, y))):
        model.set_params(warm_start="optimizer").fit(*data)
    assert_same(ours, theirs)
    assert ours.t_ == theirs.t_ == 5 * 300


def test_numbers_and_binary_targets(rows):
    """A regressor's means, and one output for two classes."""
    X, y = map(scale, load_diabetes(return_X_y=True))
    settings = SETTINGS | {"shuffle": False, "intercept_init": "prior"}
    for kind, target in ((MLPRegressor, y + 3), (MLPClassifier, np.where(y > 0, "high", "low"))):
        ours = kind(**settings).fit(Dataset(X, target, buffer_size=SMALL))
        theirs = kind(**settings).fit(X, target)
        np.testing.assert_allclose(ours.coefs_[0], theirs.coefs_[0], rtol=1e-9, atol=1e-12)


def test_sorted_rows_are_mixed():
    """As a full shuffle mixes them, nearly, though a buffer holds an eighth of them."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(8000, 20)).astype(np.float32)
    y = (X @ rng.normal(size=(20, 5))).argmax(axis=1)
    order = np.argsort(y, kind="stable")
    X, y = X[order], y[order]
    settings = SETTINGS | {"max_iter": 10, "batch_size": 100}
    full = MLPClassifier(**settings).fit(X, y)
    ours = MLPClassifier(**settings).fit(Dataset(X, y, buffer_size=X.nbytes / 2**23))
    without = MLPClassifier(**settings, shuffle=False).fit(X, y)

    assert ours.loss_ < 1.1 * full.loss_
    assert without.loss_ > 1.5 * full.loss_
    again = MLPClassifier(**settings).fit(Dataset(X, y, buffer_size=X.nbytes / 2**23))
    assert_same(ours, again)


def test_orders_differ_in_every_buffer_and_epoch():
    """And hold each row once; a last batch of one row joins the batch before it."""
    rows = np.arange(101.0)[:, None]
    source = source_of(Dataset(rows, rows[:, 0], buffer_size=20 * 8 / 2**20))
    stream = Stream(source, lambda X, *_: X[:, 0], 101, 1, float, 20 * 8 / 2**20, 5, True)
    epochs = [[(X, order) for X, order in stream.buffers(0, epoch)] for epoch in range(2)]

    for buffers in epochs:
        assert [len(order) for _, order in buffers] == [20, 20, 20, 20, 21]
        np.testing.assert_array_equal(np.sort(np.concatenate([X for X, _ in buffers])), rows[:, 0])
    orders = {tuple(order[order < 20]) for buffers in epochs for _, order in buffers}
    assert len(orders) == 10


class Fails:
    """An `augment` that fails when it is called for the nth time."""

    def __init__(self, n_calls):
        self.n_left = n_calls

    def __call__(self, X, random_state):
        self.n_left -= 1
        if self.n_left == 0:
            raise OSError("the disk is full")
        return X + random_state.normal(scale=0.01, size=X.shape).astype(X.dtype)


def test_training_goes_on_in_the_middle_of_an_epoch(rows, sources, tmp_path):
    """With the bits of a training that nothing has ended, from files and from functions."""
    X, y, _ = rows
    for name, n_buffers in (("array", 4), ("parquet", 4), ("pandas", 4), ("parquet", 1)):
        dataset = sources[name]
        dataset.buffer_size = SMALL if n_buffers == 4 else 64.0
        dataset.checkpoint = None
        settings = SETTINGS | {"early_stopping": True, "dropout": 0.2, "learning_rate": "cosine"}
        validation = {"X_val": X[:50], "y_val": y[:50]}
        if name != "array":
            columns = [f"pixel {i}" for i in range(64)]
            validation["X_val"] = pd.DataFrame(X[:50], columns=columns)
        whole = MLPClassifier(**settings, augment=Fails(0)).fit(dataset, **validation)
        dataset.checkpoint, dataset.checkpoint_seconds = tmp_path / "training", 0
        model = MLPClassifier(**settings, augment=Fails(2 * n_buffers - 1 if n_buffers > 1 else 2))
        with pytest.raises(OSError, match="disk is full"):
            model.fit(dataset, **validation)
        assert dataset.checkpoint.exists()
        other = MLPClassifier(**settings | {"alpha": 1.0}, augment=Fails(0))
        with pytest.raises(ValueError, match="fit with other parameters"):
            other.fit(dataset, **validation)
        resumed = Fails(0)
        model.set_params(augment=resumed).fit(dataset, **validation)

        assert_same(model, whole)
        assert model.loss_curve_ == whole.loss_curve_
        assert model.history_["gradient_norm"] == whole.history_["gradient_norm"]
        assert -resumed.n_left < 3 * n_buffers
        assert not dataset.checkpoint.exists()
        assert list(tmp_path.glob("training*")) == []


def test_the_index_of_a_frame_is_no_feature(frame, tmp_path):
    """Whether it has a name or none, in files and in batches of Arrow; columns= takes it."""
    mixed = frame.sample(frac=1, random_state=0)
    features = frame.columns[:64].tolist()
    for name, index in ((None, "__index_level_0__"), ("number", "number")):
        mixed.rename_axis(name).to_parquet(tmp_path / "rows.parquet")
        table = pq.read_table(tmp_path / "rows.parquet")
        assert index in table.schema.names
        named = {"target": "digit", "sample_weight": "weight"}
        for source in (tmp_path / "rows.parquet", lambda table=table: iter([table])):
            model = MLPClassifier(**SETTINGS).fit(Dataset(source, **named))
            assert model.feature_names_in_.tolist() == features
        dataset = Dataset(tmp_path / "rows.parquet", columns=[index], **named)
        assert MLPClassifier(**SETTINGS).fit(dataset).feature_names_in_.tolist() == [index]


def test_repr_has_what_was_given():
    """Not the rows."""
    shown = "Dataset('a.parquet', target='label', buffer_size=8.0)"
    assert repr(Dataset("a.parquet", "label", buffer_size=8.0)) == shown
    shown = "Dataset(<ndarray of shape (3, 2), float64>, target=<ndarray of shape (3,), int64>)"
    assert repr(Dataset(np.zeros((3, 2)), np.zeros(3, np.int64))) == shown


def test_what_cannot_be_trained_on_is_refused(rows, frame, tmp_path):
    """With the reason; the thread that reads is gone."""
    X, y, _ = rows
    broken = X.copy()
    broken[200, 3] = np.nan
    n_calls = [0]

    def shrinking():
        n_calls[0] += 1
        yield frame[: 300 if n_calls[0] < 3 else 250]

    texts = frame.assign(**{"pixel 1": "dark"})
    table, text = tmp_path / "rows.parquet", tmp_path / "rows.csv"
    pd.DataFrame({"a": [0.0, 1.0], "label": [0, 1]}).to_parquet(table)
    pd.DataFrame({"a": [0.0, 1.0], "label": [0, 1]}).to_csv(text)
    cases = [
        (Dataset(X), ValueError, "array requires target: the index"),
        (Dataset(X, 64), ValueError, "must be column numbers below 64.*got 64"),
        (Dataset(X, "digit"), ValueError, "target='digit' must be a column's number from 0 to 63"),
        (Dataset(X, y[:9]), ValueError, "target has 9 rows, X has 300"),
        (Dataset(broken, y, buffer_size=SMALL), ValueError, "contains NaN"),
        (Dataset(lambda: iter([frame]), "number"), ValueError, r"target='number' is no column of"),
        (Dataset(table, "lab"), ValueError, r"target='lab' is no column.*\['a', 'label'\]"),
        (Dataset(table, 2), ValueError, r"target=2 is no column.*\['a', 'label'\]"),
        (Dataset(table, np.ones(2)), ValueError, r"target=ndarray is no column"),
        (Dataset(table), ValueError, r"target must be .* one of \['a', 'label'\]; got None"),
        (Dataset(table, "label", columns=["b"]), ValueError, "columns='b' is no column"),
        (Dataset(table, "label", sample_weight="w"), ValueError, "sample_weight='w' is no column"),
        (Dataset(text, "label"), ValueError, "no Parquet file .*read_csv"),
        (Dataset(lambda: iter([texts]), "digit"), ValueError, r"\['pixel 1'\] are not numeric"),
        (Dataset(shrinking, "digit"), ValueError, "ended 50 rows short"),
        (
            Dataset(X, y, classes=range(9)),
            ValueError,
            r"labels that are not in `classes`: \[9\]",
        ),
        (Dataset(X[:0], y[:0]), ValueError, "has no rows"),
        (Dataset(tmp_path / "none.npy", y), FileNotFoundError, "there is no file"),
        (Dataset({1: 2}, y), TypeError, "Dataset must be an array, a path"),
        (Dataset(lambda: iter([frame[["digit"]]]), "digit"), ValueError, "no columns besides"),
    ]
    for dataset, kind, message in cases:
        with pytest.raises(kind, match=message):
            MLPClassifier(**SETTINGS).fit(dataset)
    with pytest.raises(ValueError, match="give no y"):
        MLPClassifier().fit(Dataset(X, y), y)
    with pytest.raises(ValueError, match="Pass them to `fit`"):
        MLPClassifier(early_stopping=True).fit(Dataset(X, y))
    with pytest.raises(ValueError, match="buffer_size"):
        Dataset(X, y, buffer_size=0)


def test_the_target_of_a_table_may_be_a_number(rows, tmp_path):
    """The first column too."""
    X, y, _ = rows
    names = [f"x{i}" for i in range(3)]
    pd.DataFrame(X[:, :3], columns=names).assign(y=y).to_parquet(tmp_path / "last")
    pd.DataFrame({"y": y}).join(pd.DataFrame(X[:, :3], columns=names)).to_parquet(
        tmp_path / "first"
    )
    settings = SETTINGS | {"shuffle": False}
    models = [
        MLPClassifier(**settings).fit(Dataset(tmp_path / name, target))
        for name, target in (("last", "y"), ("last", 3), ("first", 0))
    ]
    for model in models:
        assert list(model.feature_names_in_) == names
        assert_same(model, models[0])


@pytest.mark.parametrize("call", ["fit", "fit with y", "predict"])
@pytest.mark.parametrize(
    "estimator",
    [
        TabularMLPClassifier(preset="fast", n_members=2, n_folds=2, max_iter=1),
        PerceptronClassifier(),
        make_pipeline(StandardScaler(), MLPClassifier()),
        MLPClassifier(max_iter=1),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_what_cannot_read_a_dataset_says_what_can(estimator, call, rows):
    """Not that y is missing, nor that it is no number."""
    X, y, _ = rows
    if isinstance(estimator, MLPClassifier) and call != "predict":
        return
    model, dataset = clone(estimator), Dataset(X, y)
    if call == "predict":
        model.fit(X[:, :2], y)
    arguments = (dataset, y) if call == "fit with y" else (dataset,)
    with pytest.raises(TypeError, match="`partial_fit` of MLPClassifier and MLPRegressor alone"):
        getattr(model, call.split()[0])(*arguments)


def test_the_page_about_files_shows_what_runs(tmp_path, monkeypatch):
    """Its first block, in an empty directory."""
    monkeypatch.chdir(tmp_path)
    page = (Path(__file__).parents[1] / "docs" / "several_machines.md").read_text()
    section, names = page.split("## Rows on disk")[1], {}
    exec(section.split("```python\n")[1].split("```")[0], names)
    assert names["model"].score(names["X_val"], names["y_val"]) > 0.8
    assert not (tmp_path / "training.state").exists()


MEASURED = """
import sys
import numpy as np
from rosenblatt import Dataset, MLPRegressor

def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024

def fit(source):
    settings = {"max_iter": 1, "random_state": 0, "batch_size": 1024}
    MLPRegressor((4,), **settings).fit(Dataset(source, 0, buffer_size=1.0))

rows = np.random.RandomState(0).normal(size=(20_000, 25)).astype(np.float32)
np.save(sys.argv[1], rows)
fit(sys.argv[1])
np.save(sys.argv[2], np.tile(rows, (55, 1)))
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")
before = peak()
fit(sys.argv[2])
print(peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peaks are read from /proc")
def test_a_file_ten_times_the_memory_that_training_adds(tmp_path):
    """Of a file of 105 MB, training with a buffer of 1 MB adds a tenth at most."""
    child = subprocess.run(
        [
            sys.executable,
            "-W",
            "ignore",
            "-c",
            MEASURED,
            tmp_path / "small.npy",
            tmp_path / "large.npy",
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert (tmp_path / "large.npy").stat().st_size > 104 * 2**20
    assert float(child.stdout) < 10.4
