"""The benchmarks run and write their reports. No time is asserted."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.skipif(
    not (ROOT / "benchmarks").is_dir(), reason="benchmarks/ is not beside the tests"
)
needs_matplotlib = pytest.mark.skipif(
    find_spec("matplotlib") is None, reason="matplotlib is not installed"
)


def run(*arguments, code=None, **environment):
    """Run ``python -m benchmarks`` from the top folder, or code in its place."""
    program = ["-m", "benchmarks"] if code is None else ["-c", code]
    return subprocess.run(
        [sys.executable, *program, *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture
def in_process(monkeypatch):
    """Modules of benchmarks can be imported here; what that drops from the environment is back."""
    for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
        monkeypatch.setenv(name, os.environ.get(name, ""))
        monkeypatch.delenv(name)
    monkeypatch.syspath_prepend(ROOT)
    from benchmarks.progress import progress

    monkeypatch.setattr(progress, "stream", sys.stderr)  # not that of the test that imported it


@pytest.fixture
def run_here(in_process, capsys, monkeypatch):
    """A function that does what `run` does, in this process, which takes a tenth of the time."""
    from benchmarks.__main__ import main

    def run_here(*arguments):
        monkeypatch.chdir(ROOT)
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as end:
            status = end.code
        return SimpleNamespace(returncode=status, **capsys.readouterr()._asdict())

    return run_here


def report_of_steps():
    """A report as the section steps writes it, with made-up times."""
    rounds = {"rosenblatt": [1e-6, 2e-6], "scikit-learn": [8e-6, 16e-6], "PyTorch": [5e-6, 9e-6]}
    row = {"name": "4-16-3, 16", "net": "4-16-3", "batch": 16, "dtype": "float32",
           "rosenblatt": 1.5e-6, "scikit-learn": 12e-6, "PyTorch": 7e-6, "ratio": 4.75,
           "rounds": rounds}  # fmt: skip
    table = {"title": "A title", "columns": {"name": ["net", "text"], "rosenblatt": ["us", "us"]},
             "notes": ["a note"], "rows": [row]}  # fmt: skip
    return {"environment": {"processor": "a name"}, "sections": {"steps": {"tables": [table]}}}


def test_quick_run_writes_json(tmp_path):
    """Two cheap sections: the rows, the environment, and OpenBLAS's core is the machine's own."""
    file = tmp_path / "run.json"

    child = run("perceptron", "sweep", "--widths", "1,8", "--batches", "3", "--quick",
                "--without-peers", "--json", file, OPENBLAS_CORETYPE="Nehalem")  # fmt: skip

    assert child.returncode == 0, child.stderr
    assert child.stderr == ""
    written = json.loads(file.read_text())
    assert set(written["sections"]) == {"perceptron", "sweep"}
    (table,) = written["sections"]["perceptron"]["tables"]
    assert [row["rosenblatt"] > 0 for row in table["rows"]] == [True] * 3
    (table,) = written["sections"]["sweep"]["tables"]
    assert [list(row["seconds_of_a_step"]) for row in table["rows"]] == [["3"], ["3"]]
    assert written["environment"]["dropped from the environment"] == "OPENBLAS_CORETYPE=Nehalem"
    assert "Nehalem" not in written["environment"]["BLAS core of NumPy and SciPy"]
    for line in written["environment"].values():
        assert line in child.stdout


@pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")
def test_layers_are_timed_next_to_the_same_layers():
    """A row for each part and batch size, with PyTorch's seconds and both ratios."""
    code = """
import json
from benchmarks.report import Report
from benchmarks.sections.layers import layers
from benchmarks.settings import Settings

class Shortest(Settings):
    seconds, rounds = 0.0, 1

report = Report()
report.begin("layers")
layers(Shortest(True, ("float32",), True, None, (), ()), report)
print("json", json.dumps(vars(report)["sections"]))
"""

    child = run(code=code)

    assert child.returncode == 0, child.stderr
    (table,) = json.loads(child.stdout.split("json ")[-1])["layers"]["tables"]
    parts = ("plain (relu, adam)", "dropout", "batch normalisation", "layer normalisation", "gelu",
             "adamw", "dropout, batch norm., gelu, adamw")  # fmt: skip
    names = [f"{batch_size}, {name}" for batch_size in (200, 512) for name in parts]
    assert [row["name"] for row in table["rows"]] == names
    for row in table["rows"]:
        assert row["ratio"] == pytest.approx(row["PyTorch"] / row["rosenblatt"])
        plain = table["rows"][0 if row["batch"] == 200 else len(parts)]
        assert row["over_plain"] == pytest.approx(row["rosenblatt"] / plain["rosenblatt"])


@pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")
def test_peers_train_the_network_they_are_asked_for():
    """PyTorch's modules in the order of this package's layers, and the estimator's parameters."""
    code = """
import torch
from benchmarks.contenders import PyTorch, Rosenblatt
from benchmarks.problems import Net, Parts

net = Net((5, 4, 3, 2), 8, 16, Parts("gelu", "batch", 0.25, "adamw"))
module = PyTorch().module(net, torch.float32)
print(*(type(layer).__name__ for layer in module), module[3].p)
print(type(PyTorch().optimizer(net, module.parameters())).__name__)
print(Rosenblatt().model(net).get_params())
"""

    child = run(code=code)

    assert child.returncode == 0, child.stderr
    modules, optimizer, parameters = child.stdout.splitlines()
    hidden = ["Linear", "BatchNorm1d", "GELU", "Dropout"]
    assert modules.split() == [*hidden, *hidden, "Linear", "0.25"]
    assert optimizer == "AdamW"
    for text in ("'activation': 'gelu'", "'normalization': 'batch'", "'dropout': 0.25",
                 "'solver': 'adamw'", "'hidden_layer_sizes': (4, 3)"):  # fmt: skip
        assert text in parameters


def test_sections_that_do_not_exist_are_refused(run_here, tmp_path):
    """The message names those that do, and nothing is measured or written."""
    file = tmp_path / "run.json"

    child = run_here("digits", "speed", "--json", file)

    assert child.returncode == 2
    assert "no section speed; there are digits, steps" in child.err
    assert not file.exists()


def test_accuracy_without_its_data_is_skipped(run_here, tmp_path):
    """A folder without mnist.npz is a reason that is told and kept, not an error."""
    file = tmp_path / "run.json"

    child = run_here("accuracy", "--data", tmp_path, "--without-peers", "--json", file)

    assert child.returncode == 0, child.err
    reason = json.loads(file.read_text())["sections"]["accuracy"]["skipped"]
    assert reason.startswith("cannot read ")
    assert f"skipped: {reason}" in child.out


@needs_matplotlib
@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_picture_is_drawn_from_kept_figures(suffix, run_here, tmp_path):
    """Nothing is measured; the kept tables are printed, and the same figures draw the same."""
    file = tmp_path / "run.json"
    file.write_text(json.dumps(report_of_steps()))
    first, second = (tmp_path / f"{name}.{suffix}" for name in ("first", "second"))

    children = [run_here("--from", file, "--picture", picture) for picture in (first, second)]

    assert [child.returncode for child in children] == [0, 0], children[0].err
    assert "A title" in children[0].out
    assert "4-16-3, 16" in children[0].out
    assert first.read_bytes().startswith({"svg": b"<?xml", "png": b"\x89PNG"}[suffix])
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("content", [None, b"net, batch", b"\xff\x00", b"[]", b"{}"])
def test_kept_figures_that_cannot_be_read_are_refused(content, run_here, tmp_path):
    """No file, no JSON, no text, and JSON of something else: one line, and its reason."""
    file = tmp_path / "run.json"
    if content is not None:
        file.write_bytes(content)

    child = run_here("--from", file)

    assert child.returncode == 1
    assert child.out == ""
    reason = (
        f"cannot read {file}: No such file or directory"
        if content is None
        else f"{file} was not written by --json"
    )
    assert child.err == f"benchmarks: {reason}\n"


def test_picture_without_matplotlib_is_refused_at_once(run_here, tmp_path, monkeypatch):
    """Before a quarter of an hour of measurements, in one line."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    child = run_here("--picture", tmp_path / "speed.svg")

    assert child.returncode == 1
    assert child.out == ""
    assert child.err == (
        "benchmarks: no picture: it needs matplotlib: python -m pip install matplotlib\n"
    )


def test_ratio_is_the_median_of_the_rounds(in_process):
    """A round that was slow on both sides does not count more: by hand, 2, 3 and 10 have 3."""
    from benchmarks.timing import Times

    times = Times({"rosenblatt": [1, 10, 1], "a": [2, 30, 10], "b": [50, 50, 50]})

    assert times.faster_peer == "a"
    assert times.as_row()["ratio"] == 3


def test_times_without_a_contender_are_other_times(in_process):
    """What was measured stays as it is."""
    from benchmarks.timing import Times

    times = Times({"rosenblatt": [2], "a": [4], "limit": [1]})

    assert times.without("limit").rounds == {"rosenblatt": [2], "a": [4]}
    assert sorted(times.rounds) == ["a", "limit", "rosenblatt"]


def test_builds_are_compared_in_turn():
    """The same build twice: a line for each row, of the sweep for each shape."""
    pythons = (sys.executable, sys.executable)
    code = "import sys; from benchmarks.compare import main; sys.exit(main(sys.argv[1:]))"

    child = run(*pythons, "--rounds", "1", "sweep", "--widths", "2", "--batches", "1,4", "--quick",
                code=code)  # fmt: skip

    assert child.returncode == 0, child.stderr
    assert "sweep: width 2 float32, batch 1 " in child.stdout
    assert "sweep: width 2 float32, batch 4 " in child.stdout


@pytest.fixture
def table_folder(tmp_path):
    """Two made-up tables, of classes and of numbers: gaps, categories, a class of three rows."""
    pd = pytest.importorskip("pandas")
    rng = np.random.RandomState(0)
    n = 80
    x, colour = rng.normal(size=n), rng.choice(["red", "green", ""], n)
    index = {}
    for name, task, target in (
        ("letters", "classification", np.where(np.arange(n) < 3, "c", np.where(x > 0, "a", "b"))),
        ("values", "regression", x + (colour == "red")),
    ):
        frame = pd.DataFrame({"x": x, "colour": colour, "row": np.arange(n).astype(str)})
        frame["many"] = [f"level {i % 300}" for i in range(n)]
        frame.loc[5, "x"] = np.nan
        frame.assign(target=target).to_csv(tmp_path / f"{name}.csv.gz", index=False)
        index[name] = {"task": task, "categorical": ["colour", "many"], "rows": n}
    (tmp_path / "index.json").write_text(json.dumps(index))
    return tmp_path


class Constant:
    """A contender that predicts the same for every row, or fails on numbers."""

    family, version, quantiles = "boosting", "constant 1", None

    def __init__(self, name, *, fails_on_numbers=False):
        self.name, self.fails_on_numbers, self.n_fits = name, fails_on_numbers, 0

    def model(self, X, is_regression):
        if is_regression and self.fails_on_numbers:
            raise ValueError("numbers\nare not taken")
        self.n_fits += 1
        return DummyRegressor() if is_regression else DummyClassifier()


def measured(folder, contenders, file=None, **options):
    """The results of contenders on all tables of a folder."""
    from benchmarks.settings import TableOptions
    from benchmarks.tables.data import find_tables
    from benchmarks.tables.measure import measure_all
    from benchmarks.tables.results import Results

    results = Results(file)
    measure_all(find_tables(folder), contenders, results, TableOptions(**options), 40)
    return results.every


def test_tables_are_split_as_the_protocol_says(in_process, table_folder):
    """Rare classes go, labels are numbers, rows are drawn by class and a fifth of them is kept."""
    from benchmarks.tables.data import find_tables

    (letters,) = find_tables(table_folder, ["letters"])
    whole, part = letters.split(0, 1000), letters.split(0, 40)

    assert (len(whole.X), len(whole.X_test)) == (61, 16)  # of 77: three rows are of class c
    assert (len(part.X), len(part.X_test)) == (32, 8)
    assert set(whole.y) == set(whole.y_test) == {0, 1}
    assert whole.X.dtypes.astype(str).to_dict() == {
        "x": "float64", "colour": "category", "row": "float64", "many": "category",
    }  # fmt: skip
    assert whole.X["colour"].isna().any()
    assert not whole.X.equals(letters.split(1, 1000).X)


def test_categories_of_many_levels_are_dropped(in_process, table_folder, monkeypatch):
    """As one column a level would be too many."""
    from benchmarks.tables import data

    monkeypatch.setattr(data, "MOST_LEVELS", 60)
    (values,) = data.find_tables(table_folder, ["values"])

    assert list(values.split(0, 1000).X) == ["x", "colour", "row"]


def test_results_are_not_measured_again(in_process, table_folder):
    """A second run reads them, also behind a torn line; a new version is measured."""
    file, one = table_folder / "results.jsonl", Constant("one")

    first = measured(table_folder, [one], file, splits=2)
    file.write_text(file.read_text() + '{"kind": "predic')
    again = measured(table_folder, [one], file, splits=2)
    one.version = "constant 2"
    newer = measured(table_folder, [one], file, splits=1)

    assert one.n_fits == 4 + 2
    assert again == first
    assert [(result.table, result.split) for result in first] == [
        ("letters", 0), ("values", 0), ("letters", 1), ("values", 1),
    ]  # fmt: skip
    assert [result.version for result in newer] == 4 * ["constant 1"] + 2 * ["constant 2"]
    assert len(file.read_text().splitlines()) == 7


def test_a_contender_that_fails_is_reported(in_process, table_folder, capsys):
    """Its other tables count; the error stands in a table of its own and is kept."""
    from benchmarks.report import Report
    from benchmarks.sections.tables import show

    file, weak = table_folder / "results.jsonl", Constant("weak", fails_on_numbers=True)
    results = measured(table_folder, [Constant("MLP"), weak], file, splits=1)
    report = Report()
    report.begin("tables")

    show(results, report)
    again = measured(table_folder, [weak], file, splits=1)
    weak.fails_on_numbers = False
    tried = measured(table_folder, [weak], file, splits=1, retry_failed=True)

    *_, failures = report.sections["tables"]["tables"]
    assert failures["rows"] == [
        {"name": "weak on values, split 0", "failure": "  ValueError: numbers are not taken"}
    ]
    means = {row["name"]: row for row in report.sections["tables"]["tables"][3]["rows"]}
    assert means["weak"]["tables"] == "1/1 + 0/1"
    assert means["weak"]["error"]["ratio"] == 1
    assert "nrmse" not in means["weak"]
    assert "failed" in capsys.readouterr().out
    assert again == results
    assert [result.failure for result in tried[len(results) :]] == [None]


def test_slow_contenders_have_one_split(in_process, table_folder):
    """Those above the limit; the others have all."""
    one = Constant("one")

    measured(table_folder, [one], splits=3, one_split_above=0.0)

    assert one.n_fits == 2


def test_ratios_by_hand(in_process):
    """Splits within a table first, then tables; only common splits; tiny scores count as 0.001."""
    from benchmarks.tables.scores import paired

    own = {("a", 0): 0.2, ("a", 1): 0.8, ("b", 0): 0.0, ("c", 0): 0.5}
    other = {("a", 0): 0.1, ("a", 1): 0.1, ("b", 0): 0.002, ("d", 0): 0.5}

    found = paired(own, other)

    # a: sqrt(2 * 8) = 4, b: .001 / .002 = 1/2; sqrt(4 / 2); logarithms log 4 and -log 2 are
    # 3 log 2 apart, whose standard error is half of that
    assert found.ratio == pytest.approx(2**0.5)
    assert found.stderr == pytest.approx(2**0.5 * 1.5 * np.log(2))
    assert (found.n_tables, found.n_wins) == (2, 1)
    assert paired({("a", 0): 1.0}, {("a", 0): 2.0}).stderr is None
    assert paired({("a", 0): 1.0}, {("b", 0): 1.0}) is None


def test_scores_by_hand(in_process):
    """Wrong classes, clipped probabilities, standard deviations of the targets, both sides."""
    from benchmarks.tables import scores

    classes = scores.of_probabilities(np.array([[1.0, 0.0], [0.5, 0.5]]), np.array([1, 0]))
    values = scores.of_values(np.array([1.0, 3.0]), np.array([0.0, 4.0]))
    quantiles = scores.of_quantiles(
        np.array([[1.0, 3.0], [1.0, 3.0]]), np.array([0.0, 2.0]), levels=(0.1, 0.9)
    )

    assert classes["error"] == 0.5
    assert classes["log_loss"] == pytest.approx(0.5 * (7 * np.log(10) + np.log(2)))
    assert values["nrmse"] == 0.5
    # target 0: .9 * 1 below the first, .1 * 3 below the second; target 2: .1 * 1 twice
    assert quantiles["pinball"] == pytest.approx((0.9 + 0.3 + 0.1 + 0.1) / 4)
    assert quantiles["coverage"] == 0.5


def test_tables_from_the_command_line(run_here, table_folder):
    """Contenders that are always there, quantiles, and the picture of the results that are kept."""
    file, drawn = table_folder / "results.jsonl", table_folder / "tables.svg"
    has_matplotlib = find_spec("matplotlib") is not None
    picture = ["--picture", drawn] if has_matplotlib else []

    child = run("tables", "--data", table_folder, "--methods", "mlp,histgb", "--splits", "1",
                "--quantiles", "--results", file, *picture)  # fmt: skip
    kept = run_here("--from", file)

    assert child.returncode == 0, child.stderr
    assert kept.returncode == 0, kept.err
    assert child.stderr == kept.err == ""
    results = [json.loads(line) for line in file.read_text().splitlines()]
    assert [(one["kind"], one["method"], one["table"], one["failure"]) for one in results] == [
        ("predictions", "MLP", "letters", None),
        ("predictions", "HistGB", "letters", None),
        ("predictions", "MLP", "values", None),
        ("predictions", "HistGB", "values", None),
        ("quantiles", "HistGB", "values", None),
    ]
    tables = child.stdout[child.stdout.index("class error") :]
    for heading in ("log loss", "nRMSE", "Scores as multiples", "Each beside each", "Intervals"):
        assert heading in tables
    assert tables.split("\n\n(")[0].strip() in kept.out
    if has_matplotlib:
        assert drawn.read_bytes().startswith(b"<?xml")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--tables", "numbers"], "no table numbers; there are letters, values"),
        (["--data", "nowhere"], "cannot read nowhere/index.json: No such file or directory"),
    ],
)
def test_tables_that_are_not_there_are_skipped(arguments, reason, in_process, table_folder, capsys):
    """With the reason."""
    from benchmarks.__main__ import parse_arguments, settings_of
    from benchmarks.report import SkippedError
    from benchmarks.sections.tables import tables

    settings = settings_of(parse_arguments(["tables", "--data", str(table_folder), *arguments]))

    with pytest.raises(SkippedError) as skipped:
        tables(settings, None)

    assert str(skipped.value) == reason


def test_contenders_that_do_not_exist_are_refused(in_process, capsys):
    """The message names those that do."""
    from benchmarks.__main__ import parse_arguments

    with pytest.raises(SystemExit):
        parse_arguments(["tables", "--methods", "mlp,forest"])

    assert "no contender forest; there are mlp, histgb, lightgbm" in capsys.readouterr().err


@needs_matplotlib
def test_names_in_the_picture_do_not_overlap(in_process):
    """Ten contenders, three of which are close to each other."""
    from benchmarks.tables.picture import figure_of

    rows = [
        {"name": f"contender {i}", "family": family, "version": "a 1", "processors": ["p"],
         "error": {"ratio": ratio, "stderr": 0.02, "n_tables": 12 - i % 2, "seconds": seconds}}
        for i, (family, ratio, seconds) in enumerate([
            ("scikit-learn", 1.0, 4), ("boosting", 0.8, 0.9), ("boosting", 0.81, 1),
            ("boosting", 0.805, 1.1), ("boosting", 0.79, 9), ("networks", 0.78, 48),
            ("networks", 0.77, 150), ("rosenblatt", 0.78, 1), ("rosenblatt", 0.74, 4),
            ("rosenblatt", 0.72, 30),
        ])
    ]  # fmt: skip

    figure = figure_of(rows)

    (axes,) = figure.axes
    names = [text for text in axes.texts if text.get_text()]
    assert len(names) == 10
    assert [text.get_text() for text in names if "(11 of 12)" in text.get_text()]
    boxes = [text.get_window_extent() for text in names]
    for i, box in enumerate(boxes):
        assert box.count_overlaps(boxes[i + 1 :]) == 0
        assert axes.get_window_extent().contains(*box.min)


def test_inner_splits_leave_the_test_rows_aside(in_process):
    """Split 1000 + k has training and test rows from the training rows of split k alone."""
    from benchmarks.tables.data import INNER, find_tables

    table = find_tables(None, ["breast_cancer"])[0]
    outer, inner = table.split(1, 10_000), table.split(INNER + 1, 10_000)
    rows = {tuple(row) for row in outer.X.to_numpy()}
    assert {tuple(row) for row in inner.X.to_numpy()} | {
        tuple(row) for row in inner.X_test.to_numpy()
    } == rows


def test_changes_of_the_recipe_reach_the_plan_and_end(in_process):
    """They act within the context alone."""
    from benchmarks.tables.contenders import contenders, recipe_with
    from benchmarks.tables.data import find_tables

    table = find_tables(None, ["wine"])[0].split(0, 10_000)
    fitted = []
    for changed in ({"max_iter": 2}, {}):
        with recipe_with(changed):
            model = contenders(["fast"])[0].model(table.X, is_regression=False)
            fitted.append(model.fit(table.X, table.y).n_epochs_)
    assert fitted[0] == 2
    assert fitted[1] > 2
