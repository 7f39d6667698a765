"""The types of public signatures: they say what the tables of parameters allow, and type checkers
pass a person's program and refuse its mistakes."""

import inspect
import json
import os
import re
import subprocess
import sys
import typing
import warnings
from importlib.util import find_spec
from pathlib import Path

import pytest

import rosenblatt
from rosenblatt import preprocessing, schedules
from rosenblatt._parameter_checks import Options

PROGRAM = Path(__file__).parent / "typing" / "program.py"
PACKAGE = Path(rosenblatt.__file__).parent

ESTIMATORS = [getattr(rosenblatt, name) for name in rosenblatt.__all__ if "MLP" in name]
ESTIMATORS += [rosenblatt.PerceptronClassifier]
ESTIMATORS += [getattr(preprocessing, name) for name in preprocessing.__all__]
SCHEDULES = list({type(schedules.as_schedule(name, 0.5)) for name in schedules.SCHEDULES})
SCHEDULES.sort(key=lambda kind: kind.__name__)


def literals_of(annotation):
    """All text that the Literals in an annotation allow."""
    if typing.get_origin(annotation) is typing.Literal:
        return {value for value in typing.get_args(annotation) if isinstance(value, str)}
    return set().union(*map(literals_of, typing.get_args(annotation)))


@pytest.mark.parametrize("kind", [*ESTIMATORS, *SCHEDULES], ids=lambda kind: kind.__name__)
def test_literals_are_the_options_of_the_parameter_tables(kind):
    """A new name in a table that completion does not show, or another way round, fails here."""
    rules = kind.rules if kind in SCHEDULES else kind._parameter_rules
    hints = typing.get_type_hints(kind.__init__)
    assert set(inspect.signature(kind).parameters) <= set(hints)
    for name, allowed in rules.items():
        if str in allowed:  # which texts is for the code to say
            continue
        options = set()
        for rule in allowed:
            if isinstance(rule, Options) and rule.kind is str:
                options |= set(rule.values)
        if "float dtype" in allowed:
            options |= {"float32", "float64"}
        if "scoring" in allowed and kind in ESTIMATORS:
            options |= {"loss"}
        assert literals_of(hints.get(name, None)) == options, name


def public_functions():
    """Every public function and method of the package, by its name."""
    for module in ("", ".inspection", ".plot", ".preprocessing", ".callbacks", ".schedules"):
        space = __import__(f"rosenblatt{module}", fromlist=["x"])
        for name in space.__all__:
            member = getattr(space, name)
            if inspect.isfunction(member):
                yield f"{space.__name__}.{name}", member
            elif inspect.isclass(member) and not issubclass(member, schedules.Schedule):
                for attribute, value in inspect.getmembers(member, inspect.isroutine):
                    is_ours = str(getattr(value, "__module__", "")).startswith("rosenblatt")
                    if not attribute.startswith("_") and is_ours:
                        yield f"{space.__name__}.{name}.{attribute}", value


def test_every_public_signature_is_annotated():
    """Parameters and results."""
    for name, function in public_functions():
        signature = inspect.signature(function)
        assert signature.return_annotation is not inspect.Signature.empty, name
        for parameter in signature.parameters.values():
            if parameter.name not in ("self", "cls"):
                assert parameter.annotation is not inspect.Parameter.empty, f"{name}: {parameter}"


def test_every_compiled_module_has_a_stub():
    """Which stubtest compares with it; the sources are there in a checkout, else the libraries."""
    core = PACKAGE / "core"
    compiled = {path.name.split(".")[0] for pattern in ("*.pyx", "*.so", "*.pyd")
                for path in core.glob(pattern)}  # fmt: skip
    assert compiled == {path.stem for path in core.glob("*.pyi")} != set()
    assert (PACKAGE / "py.typed").is_file()


def test_the_program_runs():
    """It is no text for type checkers alone."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compile(PROGRAM.read_text(), str(PROGRAM), "exec"), {"__name__": "program"})


def run(tool, *arguments):
    """(whether a type checker found nothing, what it printed)."""
    if find_spec(tool) is None:
        pytest.skip(f"needs {tool}: pip install rosenblatt[types]")
    environment = dict(os.environ)
    if PACKAGE.parent.name != "site-packages":
        environment["MYPYPATH"] = str(PACKAGE.parent)
    done = subprocess.run(
        [sys.executable, "-m", tool, *map(str, arguments)],
        capture_output=True,
        text=True,
        env=environment,
    )
    return done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def programs(tmp_path):
    """A folder with the program, and one of mistakes."""
    (tmp_path / "program.py").write_text(PROGRAM.read_text())
    (tmp_path / "mistakes.py").write_text(
        "from rosenblatt import MLPClassifier, MLPRegressor, TabularMLPRegressor\n"
        "MLPClassifier(activation='rellu')\n"
        "MLPClassifier(solvr='adam')\n"
        "MLPRegressor(loss='log_loss')\n"
        "TabularMLPRegressor('quick')\n"
        "MLPRegressor(max_iter=2.5)\n"
        "MLPRegressor().fit([[0.0]], [0.0]).predict_proba([[0.0]])\n"
        "MLPRegressor().fit([[0.0]], [0.0]).summary(1)\n"
    )
    return tmp_path


def lines_with_errors(text):
    """The numbers of the lines of mistakes.py that a checker speaks of."""
    return {int(line) for line in re.findall(r"mistakes\.py:(\d+)\S* (?:- )?error", text)}


def test_mypy_passes_the_program_and_finds_mistakes(programs):
    """In strict mode. What scikit-learn's classes give the estimators has no types."""
    options = ["--strict", "--follow-imports=silent", "--cache-dir", programs / "cache"]
    is_fine, text = run("mypy", *options, programs / "program.py", programs / "mistakes.py")
    assert not is_fine
    assert "program.py" not in text
    # scikit-learn has no types: after its base classes any method may be there
    assert lines_with_errors(text) == {2, 3, 4, 5, 6, 8}


def test_pyright_passes_the_program_and_finds_mistakes(programs):
    """In strict mode."""
    settings = {"extraPaths": [str(PACKAGE.parent)], "typeCheckingMode": "strict"}
    settings["include"] = ["program.py", "mistakes.py"]
    (programs / "pyrightconfig.json").write_text(json.dumps(settings))
    is_fine, text = run("pyright", "-p", programs)
    assert not is_fine
    assert "program.py:" not in text
    assert lines_with_errors(text) == {2, 3, 4, 5, 6, 7, 8}
