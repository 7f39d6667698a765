"""The examples in docstrings and README do what they say."""

import contextlib
import doctest
import importlib
import inspect
import io
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from rosenblatt.core import dispatch

ROOT = Path(__file__).parents[1]


# with examples in their docstrings
PUBLIC_MODULES = [
    "_config",
    "callbacks",
    "diagnosis",
    "inspection._approach",
    "inspection._critical_point",
    "inspection._escape",
    "inspection._hessian",
    "inspection._objective",
    "inspection._sharpness",
    "inspection._stuck",
    "mlp",
    "perceptron",
    "preprocessing._piecewise",
    "preprocessing._scaler",
    "preprocessing._preprocessor",
    "tabular._estimators",
]


@pytest.mark.parametrize("name", PUBLIC_MODULES)
def test_docstring_examples(name):
    """Every example in the public modules prints what stands below it."""
    failed, attempted = doctest.testmod(importlib.import_module(f"rosenblatt.{name}"))
    assert attempted > 0
    assert failed == 0


@pytest.mark.parametrize(
    "isa", dispatch.available_isas()[:: len(dispatch.available_isas()) - 1 or 1]
)
def test_readme_example_prints_what_it_says(isa):
    """The README's first example as it stands, to the digit at the lowest level and the highest."""
    text = (ROOT / "README.md").read_text()
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL).group(1)
    expected = re.search(r"prints\n\n```text\n(.*?)```", text, re.DOTALL).group(1)
    environment = {**os.environ, "ROSENBLATT_ISA": isa}
    command = [sys.executable, "-W", "error", "-c", code]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert run.stdout == expected


@pytest.mark.parametrize(
    "name",
    [
        "MLPClassifier",
        "MLPRegressor",
        "PerceptronClassifier",
        "TabularMLPClassifier",
        "TabularMLPRegressor",
    ],
)
def test_every_parameter_is_documented(name):
    """A parameter that is not in the docstring does not exist for users."""
    estimator = getattr(importlib.import_module("rosenblatt"), name)
    for parameter in estimator().get_params():
        assert re.search(rf"^    (\w+, )*{parameter}(, \w+)* : ", estimator.__doc__, re.MULTILINE)


def table_after(heading):
    """Rows of the first table below a heading of docs/vocabulary.md, without the last cell."""
    text = (ROOT / "docs" / "vocabulary.md").read_text()
    lines = text.split(f"{heading}\n", 1)[1].split("\n")
    first = next(i for i, line in enumerate(lines) if line.startswith("|---")) + 1
    rows = []
    for line in lines[first:]:
        if not line.startswith("|"):
            return rows
        rows.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
    return rows


def test_vocabulary_has_the_engines_activations():
    """Names, aliases and factors, in the table's order."""
    written = [
        (name, aliases, factor) for name, aliases, _, _, factor, _ in table_after("## Activations")
    ]

    rows = dispatch.ACTIVATIONS.values()
    assert written == [(r.name, ", ".join(r.aliases), f"{r.init_factor:g}") for r in rows]


@pytest.mark.parametrize(
    ("heading", "target"),
    [
        ("### MLPRegressor", "real"),
        ("### MLPClassifier, two classes and multilabel", "binary"),
        ("### MLPClassifier, three classes or more", "class"),
    ],
)
def test_vocabulary_has_the_engines_losses(heading, target):
    """Every row with what `loss=` takes, its target or variant, output and parameter."""
    written = {row[0]: row[1:5] for row in table_after(heading)}

    assert written == {
        row.name: [
            row.parameter,
            row.domain if target == "real" else row.multi_class or "",
            row.out_activation,
            row.constant or "",
        ]
        for row in dispatch.LOSSES.values()
        if row.target == target
    }


def test_vocabulary_has_the_engines_optimisers():
    """Names, parameters, default decay and memory, in the table's order."""
    written = [row[:4] for row in table_after("## Optimisers")]

    assert written == [
        [row.name, ", ".join(row.parameters), f"{row.weight_decay:g}", str(row.n_moments)]
        for row in dispatch.OPTIMIZERS.values()
    ]


def test_examples_of_the_layers_page_run():
    """Every block of code of the page, one after another."""
    text = (ROOT / "docs" / "layers.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert blocks
    names = {}
    for block in blocks:
        exec(block, names)
    X, y = [[0.0], [1.0], [2.0], [3.0]] * 5, [0, 1, 0, 1] * 5
    names["model"].set_params(max_iter=300, tol=0).fit(X, y)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("error:The validation score has not improved")
def test_examples_of_the_training_page_run(tmp_path, monkeypatch):
    """Every block in its place, and what the text says of them."""
    pytest.importorskip("tqdm", reason="one of them shows bars")
    pytest.importorskip("pandas", reason="one of them makes a frame")
    monkeypatch.chdir(tmp_path)
    names, text = {}, (ROOT / "docs" / "training.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    for block in blocks:
        exec(block, names)
    assert len(list(tmp_path.glob("search-*.pkl"))) == 2 * 3 + 1  # fits of the search, and the last
    assert (tmp_path / "model.pkl").exists()
    assert names["model"].history_["loss"][-1] < 0.1
    assert names["pipeline"]["net"].best_validation_score_ > 0.95
    assert names["net"].stopped_


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_examples_of_the_inspection_page_say_what_it_says():
    """Every block runs; the story of the saddle ends as it is told, whatever the last digits."""
    text = (ROOT / "docs" / "inspection.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == 6
    names, number = {}, r"-?[\d.]+(e-?\d+)?%?"
    for i, (code, expected) in enumerate(blocks):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(code, names)
        if i < 3:
            words = [re.sub(number, "", t).split() for t in (printed.getvalue(), expected)]
            assert words[0] == words[1]


def test_the_inspection_page_names_every_function():
    """Each that is public."""
    from rosenblatt import inspection

    text = (ROOT / "docs" / "inspection.md").read_text()
    for name in inspection.__all__:
        if name[0].islower():
            assert f"`{name}" in text


def test_the_layers_page_names_what_there_is():
    """Each initialiser by its name."""
    from rosenblatt._initializers import INTERCEPT_INITS, WEIGHT_INITS

    text = (ROOT / "docs" / "layers.md").read_text()
    for name in (*WEIGHT_INITS, *INTERCEPT_INITS):
        assert f"`{name!r}`" in text


def test_parameters_page_has_the_tables_of_the_rows():
    """What scripts/parameter_tables.py writes: run it after a change of a row."""
    script = runpy.run_path(str(ROOT / "scripts" / "parameter_tables.py"))
    page = script["PAGE"].read_text()
    assert page == script["page_with_tables"](page)


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_parameters_page_has_those_of_fit(name):
    """And the one that partial_fit has besides."""
    estimator = getattr(importlib.import_module("rosenblatt"), name)
    text = (ROOT / "docs" / "parameters.md").read_text()
    of_fit = text.split("## Of `fit`\n")[1]
    for method in (estimator.fit, estimator.partial_fit):
        for parameter in list(inspect.signature(method).parameters)[1:]:
            assert f"`{parameter}`" in of_fit


def test_parameters_page_links_to_headings_of_the_vocabulary():
    """A renamed heading would leave a link that goes nowhere."""
    text = (ROOT / "docs" / "parameters.md").read_text()
    vocabulary = (ROOT / "docs" / "vocabulary.md").read_text()
    anchors = {
        heading.lower().replace(" ", "-") for heading in re.findall("^#+ (.*)$", vocabulary, re.M)
    }
    linked = set(re.findall(r"\(vocabulary\.md#([^)]*)\)", text))
    assert linked
    assert linked <= anchors


def test_page_on_tables_runs():
    """Its blocks, one after the other."""
    text = (ROOT / "docs" / "tables.md").read_text()
    names = {}
    with contextlib.redirect_stdout(io.StringIO()):
        for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
            exec(code, names)
    assert 0.5 < names["model"].oof_score_ < 1
    assert names["encoded"].shape[0] == 400
