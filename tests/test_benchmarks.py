"""The benchmarks run, and write what they say they write. No time is asserted."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

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


def test_sections_that_do_not_exist_are_refused(tmp_path):
    """The message names those that do, and nothing is measured or written."""
    file = tmp_path / "run.json"

    child = run("digits", "speed", "--json", file)

    assert child.returncode == 2
    assert "no section speed; there are digits, steps" in child.stderr
    assert not file.exists()


def test_accuracy_without_its_data_is_skipped(tmp_path):
    """A folder without mnist.npz is a reason that is told and kept, not an error."""
    file = tmp_path / "run.json"

    child = run("accuracy", "--data", tmp_path, "--without-peers", "--json", file)

    assert child.returncode == 0, child.stderr
    reason = json.loads(file.read_text())["sections"]["accuracy"]["skipped"]
    assert reason.startswith("cannot read ")
    assert f"skipped: {reason}" in child.stdout


@needs_matplotlib
@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_picture_is_drawn_from_kept_figures(suffix, tmp_path):
    """Nothing is measured; the kept tables are printed, and the same figures draw the same."""
    file = tmp_path / "run.json"
    file.write_text(json.dumps(report_of_steps()))
    first, second = (tmp_path / f"{name}.{suffix}" for name in ("first", "second"))

    children = [run("--from", file, "--picture", picture) for picture in (first, second)]

    assert [child.returncode for child in children] == [0, 0], children[0].stderr
    assert "A title" in children[0].stdout
    assert "4-16-3, 16" in children[0].stdout
    assert first.read_bytes().startswith({"svg": b"<?xml", "png": b"\x89PNG"}[suffix])
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("content", [None, b"net, batch", b"\xff\x00", b"[]", b"{}"])
def test_kept_figures_that_cannot_be_read_are_refused(content, tmp_path):
    """No file, no JSON, no text, and JSON of something else: one line, and its reason."""
    file = tmp_path / "run.json"
    if content is not None:
        file.write_bytes(content)

    child = run("--from", file)

    assert child.returncode == 1
    assert child.stdout == ""
    reason = (
        f"cannot read {file}: No such file or directory"
        if content is None
        else f"{file} was not written by --json"
    )
    assert child.stderr == f"benchmarks: {reason}\n"


def test_picture_without_matplotlib_is_refused_at_once(tmp_path):
    """Before a quarter of an hour of measurements, in one line."""
    code = (
        "import sys; sys.modules['matplotlib'] = None; from benchmarks.__main__ import main; "
        "sys.exit(main(sys.argv[1:]))"
    )

    child = run("--picture", tmp_path / "speed.svg", code=code)

    assert child.returncode == 1
    assert child.stdout == ""
    assert child.stderr == (
        "benchmarks: no picture: it needs matplotlib: python -m pip install matplotlib\n"
    )


def test_ratio_is_the_median_of_the_rounds():
    """A round that was slow on both sides does not count more: by hand, 2, 3 and 10 have 3."""
    code = (
        "from benchmarks.timing import Times; times = Times({'rosenblatt': [1, 10, 1], "
        "'a': [2, 30, 10], 'b': [50, 50, 50]}); print(times.faster_peer, times.as_row()['ratio'])"
    )

    assert run(code=code).stdout == "a 3.0\n"


def test_times_without_a_contender_are_other_times():
    """What was measured stays as it is."""
    code = (
        "from benchmarks.timing import Times; times = Times({'rosenblatt': [2], 'a': [4], "
        "'limit': [1]}); print(times.without('limit').rounds, sorted(times.rounds))"
    )

    assert run(code=code).stdout == "{'rosenblatt': [2], 'a': [4]} ['a', 'limit', 'rosenblatt']\n"


def test_builds_are_compared_in_turn():
    """The same build twice: a line for each row, of the sweep for each shape."""
    pythons = (sys.executable, sys.executable)
    code = "import sys; from benchmarks.compare import main; sys.exit(main(sys.argv[1:]))"

    child = run(*pythons, "--rounds", "1", "sweep", "--widths", "2", "--batches", "1,4", "--quick",
                code=code)  # fmt: skip

    assert child.returncode == 0, child.stderr
    assert "sweep: width 2 float32, batch 1 " in child.stdout
    assert "sweep: width 2 float32, batch 4 " in child.stdout
