"""The examples in docstrings and documentation run and print the documented output."""

import contextlib
import doctest
import importlib
import importlib.util
import inspect
import io
import itertools
import os
import pydoc
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import rosenblatt
from rosenblatt.core import dispatch

ROOT = Path(__file__).parents[1]


# with examples in their docstrings
PUBLIC_MODULES = [
    "_config",
    "callbacks",
    "diagnosis",
    "export._c",
    "export._onnx",
    "inspection._approach",
    "inspection._critical_point",
    "inspection._escape",
    "inspection._hessian",
    "inspection._objective",
    "inspection._sharpness",
    "inspection._stuck",
    "mlp",
    "perceptron",
    "preprocessing",
    "tabular",
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


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_readme_example_on_threads_has_the_same_results():
    """The search of the first example, shortened, and again as the section on threads says."""
    first, _, threads = blocks_of((ROOT / "README.md").read_text())
    names = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(first.replace("(random_state=0)", "(max_iter=2, random_state=0)"), names)
    alone = names["search"].cv_results_["mean_test_score"]
    exec(threads, names)
    assert (names["search"].cv_results_["mean_test_score"] == alone).all()


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


SCRIPTS = sorted((ROOT / "scripts").glob("*_tables.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_pages_have_the_tables_that_scripts_write(script):
    """A script of scripts/ is to be run after a change of what it reads."""
    names = runpy.run_path(str(script))
    page = names["PAGE"].read_text()
    assert page == names["page_with_tables"](page)


def test_every_row_of_the_vocabulary_has_its_formula():
    """What only a person can write is written."""
    script = runpy.run_path(str(ROOT / "scripts" / "vocabulary_tables.py"))
    lines = map(script["cells_of"], script["PAGE"].read_text().split("\n"))
    rows = {cells[0]: cells for cells in lines if cells}
    for engine_cells in script["VOCABULARY"].values():
        for known in engine_cells():
            by_hand = [cell for i, cell in enumerate(rows[known[0]]) if i not in known]
            assert by_hand[0], known[0]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_examples_of_the_layers_page_run():
    """Every block of code of the page, one after another."""
    text = (ROOT / "docs" / "layers.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert blocks
    names = {}
    for block in blocks:
        exec(block, names)
    assert names["model"].coefs_[0].shape == (64, 20)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("error:The validation score has not improved")
def test_examples_of_the_training_page_run(tmp_path, monkeypatch):
    """Each section after the first block, and what the text says of them."""
    pytest.importorskip("tqdm", reason="one of them shows bars")
    pytest.importorskip("pandas", reason="one of them makes a frame")
    monkeypatch.chdir(tmp_path)
    parts = re.split(r"^## (.*)$", (ROOT / "docs" / "training.md").read_text(), flags=re.M)
    named = {
        heading: run(parts[0], section)[0]
        for heading, section in zip(parts[1::2], parts[2::2], strict=True)
    }
    assert len(list(tmp_path.glob("search-*.pkl"))) == 2 * 3 + 1  # fits of the search, and the last
    assert named["Callbacks"]["model"].history_["loss"][-1] < 0.1
    assert named["A validation set in a Pipeline"]["pipeline"]["net"].best_validation_score_ > 0.95
    assert named["A validation set of your own"]["model"].regressor_.best_validation_score_ > 0.3
    assert named["Data in parts"]["net"].stopped_

    (script,) = blocks_of(parts[parts.index("After a kill") + 1])
    (tmp_path / "model.pkl").unlink()
    killed = script.replace(
        "[Checkpoint(path)]", "[Checkpoint(path), lambda epoch, _: kill(epoch)]"
    )
    names = {"kill": lambda record: record.epoch == 20}
    exec(blocks_of(parts[0])[0], names)
    with pytest.warns(UserWarning, match="cannot be pickled"):
        exec(killed, names)
    assert names["net"].n_iter_ == 20
    for n_done in (40, 0):
        before = (tmp_path / "model.pkl").read_bytes()
        exec(script, names)
        assert names["net"].history_.n_epochs == 60
        assert ((tmp_path / "model.pkl").read_bytes() != before) == bool(n_done)


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


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_parameters_page_has_those_of_fit(name):
    """And the one that partial_fit has besides."""
    estimator = getattr(importlib.import_module("rosenblatt"), name)
    text = (ROOT / "docs" / "parameters.md").read_text()
    of_fit = text.split("## Of `fit`\n")[1]
    for method in (estimator.fit, estimator.partial_fit):
        for parameter in list(inspect.signature(method).parameters)[1:]:
            assert f"`{parameter}`" in of_fit


def test_every_example_has_its_output_on_the_page():
    """With the date: scripts/example_outputs stores it."""
    text = (ROOT / "docs" / "examples.md").read_text()
    stored = r"<!-- output of: .*examples/(\w+)\.py -->\n```console\n\$ .*\n[^`]+\n```\n\n\*20\d\d-"
    scripts = {path.stem for path in (ROOT / "examples").glob("*.py")} - {"real_data"}
    assert sorted(re.findall(stored, text)) == sorted(scripts)


def test_every_page_with_code_has_a_test_that_runs_it():
    """A new page is named in a test file, most easily in GUIDE."""
    tests = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    for page in PAGES:
        if blocks_of(page.read_text()):
            assert f'"{page.name}"' in tests or f'"{page.stem}"' in tests, page.name


def anchors_of(page):
    """What code hosts, and the site, make of a page's headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.M)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}


PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *ROOT.glob("examples/**/*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_inside_the_repository_lead_somewhere(page):
    """Files are there, and so are the headings: a renamed one would leave a dead link."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for target, anchor in re.findall(r"\]\(([^()\s#:]*)(#[^()\s]*)?\)", text):
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), target
        if anchor:
            assert anchor[1:] in anchors_of(file), f"{target}{anchor}"


def test_reference_lists_everything_that_is_public():
    """Each name of each public module's `__all__`, and nothing else."""
    import rosenblatt

    modules = {
        f"rosenblatt.{name}": importlib.import_module(f"rosenblatt.{name}")
        for name in (
            *("callbacks", "dask", "diagnosis", "inspection", "mpi", "plot", "preprocessing"),
            "schedules",
        )
    }
    public = {
        f"{place}.{name}"
        for place, module in {"rosenblatt": rosenblatt, **modules}.items()
        for name in module.__all__
        if callable(getattr(module, name))
    } - {"rosenblatt.diagnosis.diagnose"}
    text = (ROOT / "docs" / "reference.rst").read_text()
    assert set(re.findall(r"^   (rosenblatt\.\S+)$", text, re.M)) == public


def test_estimators_link_to_their_pages(monkeypatch):
    """The link of the HTML representation is one of the reference's pages."""
    import rosenblatt
    from rosenblatt import _base, _links, preprocessing

    monkeypatch.setattr(_links, "DOCUMENTATION", "https://docs.example/")
    monkeypatch.setattr(_base.RosenblattEstimator, "_doc_link_template", _links.estimator_page())
    text = (ROOT / "docs" / "reference.rst").read_text()
    for estimator in (
        rosenblatt.MLPClassifier(),
        rosenblatt.PerceptronClassifier(),
        rosenblatt.TabularMLPRegressor(),
        preprocessing.TabularPreprocessor(),
    ):
        link = re.search(r'href="(https://docs.example/[^"#]*)"', estimator._repr_html_())[1]
        place = re.fullmatch(r"https://docs.example/generated/(.*)\.html", link)[1]
        assert f"   {place}\n" in text


def blocks_of(text):
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


def run(*texts):
    """Their blocks, one after the other; what they define and print."""
    names, printed = {}, io.StringIO()
    with contextlib.redirect_stdout(printed):
        for code in itertools.chain.from_iterable(map(blocks_of, texts)):
            exec(code, names)
    return names, printed.getvalue()


# whose sections run by themselves after what stands above the first of them
BY_SECTION = ["coming_from", "first_fit", "speed"]
GUIDE = [
    "coming_from",
    "first_fit",
    "index",
    "install",
    "losses_and_intervals",
    "searching",
    "speed",
]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("page", GUIDE)
def test_examples_of_the_guide_run(page, tmp_path, monkeypatch):
    """And print about what the page says, where it says what they print."""
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "docs" / f"{page}.md").read_text()
    if page in BY_SECTION:
        first, *sections = re.split(r"^## .*$", text, flags=re.M)
        printed = "".join(run(first, section)[1] for section in sections)
    else:
        printed = run(text)[1]
    assert "False" not in printed
    for said in re.findall(r"```text\n(.*?)```", text, re.DOTALL):
        *words, number = said.split()
        found = re.search(rf"{re.escape(' '.join(words))} (\S+)", printed)
        assert abs(float(found[1]) - float(number)) < 0.03
    covered = [float(share) for share in re.findall(r"covered (\S+)", printed)]
    assert all(0.8 < share < 0.96 for share in covered)


OTHER_TOOLS = re.split(r"^## (.*)\n", (ROOT / "docs" / "other_tools.md").read_text(), flags=re.M)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore::FutureWarning:sklearn", "ignore::UserWarning:mlflow")
@pytest.mark.parametrize(
    ("heading", "section"), list(zip(OTHER_TOOLS[1::2], OTHER_TOOLS[2::2], strict=True))
)
def test_other_tools(heading, section, tmp_path, monkeypatch):
    """Each section by itself, after the page's first block; False would be a failed round trip."""
    pyplot = pytest.importorskip("matplotlib.pyplot")
    for needed in re.findall(r"<!-- needs: (.*) -->", section):
        for name in needed.split(", "):
            pytest.importorskip(name, reason=f"{heading} needs {name}")
    monkeypatch.chdir(tmp_path)
    _, printed = run(OTHER_TOOLS[0], section)
    assert "False" not in printed
    pyplot.close("all")


def test_other_tools_have_every_field_of_a_record():
    """In their order."""
    from rosenblatt.callbacks import EpochRecord

    section = OTHER_TOOLS[OTHER_TOOLS.index("What a callback receives") + 1]
    assert tuple(re.findall(r"^\| `(\w+)` \|", section, re.M)) == EpochRecord._fields


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_chunks_are_scaled_and_encoded_as_the_page_says(tmp_path, monkeypatch):
    """Of a Dataset."""
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "docs" / "several_machines.md").read_text()
    section = re.split(r"^## ", text, flags=re.M)[2]
    assert section.startswith("Scaling, text and gaps in chunks")
    _, printed = run(section)
    assert float(printed.split()[0]) > 0.95
    assert "['yes' 'no' 'no']" in printed


def test_page_on_tables_runs():
    """Its blocks, one after the other."""
    text = (ROOT / "docs" / "tables.md").read_text()
    names = {}
    with contextlib.redirect_stdout(io.StringIO()):
        for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
            exec(code, names)
    assert 0.5 < names["model"].oof_score_ < 1
    assert names["encoded"].shape[0] == 400


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_examples_of_the_export_page_run(tmp_path, monkeypatch):
    """Every block in its place; those of a package that is not installed are left out."""
    monkeypatch.chdir(tmp_path)
    names, text = {}, (ROOT / "docs" / "persistence_and_export.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    optional = ("skops", "mlflow", "onnxruntime", "skl2onnx")
    missing = [name for name in optional if importlib.util.find_spec(name) is None]
    for block in blocks:
        if not any(name in block for name in missing) and not (missing and "onnx" in block):
            exec(block, names)
    assert (tmp_path / "digit.c").read_text() == names["text"]
    if shutil.which("cc"):
        (program,) = re.findall(r"```c\n(.*?)```", text, re.DOTALL)
        (tmp_path / "main.c").write_text(program)
        subprocess.run(["cc", "-std=c99", "main.c", "digit.c", "-o", "digit", "-lm"], check=True)
        printed = subprocess.run(["./digit"], capture_output=True, text=True, check=True).stdout
        expected = names["small"].predict([[0.0, 0.1, 0.5, 0.9]])[0]
        assert float(printed) == pytest.approx(expected, abs=1e-4)
    if missing:
        pytest.skip(f"without the blocks of {', '.join(missing)}: pip install .[test-export]")


def test_help_can_be_read():
    """Signatures name their types, whose members would fill pages; the ten parameters that are
    changed most come first."""
    for estimator in (rosenblatt.MLPClassifier, rosenblatt.MLPRegressor):
        text = pydoc.render_doc(estimator, renderer=pydoc.plaintext)
        assert "_SupportsArray" not in text
        assert len(text.splitlines()) < 850
        first = estimator.__doc__.split("Other Parameters")[0].split("Parameters\n")[1]
        assert len(re.findall(r"^ *\w+ : ", first, re.MULTILINE)) == 10
