"""The examples in docstrings and README do what they say."""

import contextlib
import doctest
import importlib
import io
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("name", ["mlp", "perceptron", "_config"])
def test_docstring_examples(name):
    """Every example in the public modules prints what stands below it."""
    failed, attempted = doctest.testmod(importlib.import_module(f"rosenblatt.{name}"))
    assert attempted > 0
    assert failed == 0


def test_readme_example_prints_what_it_says():
    """The README's first example, run as it stands."""
    text = (ROOT / "README.md").read_text()
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL).group(1)
    expected = re.search(r"prints\n\n```text\n(.*?)```", text, re.DOTALL).group(1)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code, {})
    # the accuracy's last digit may turn with another level's rounding
    number = r"\d\.\d+"
    assert re.sub(number, "", printed.getvalue()) == re.sub(number, "", expected)
    found, said = (
        float(re.search(r"accuracy (.*)", t).group(1)) for t in (printed.getvalue(), expected)
    )
    assert abs(found - said) < 0.015


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor", "PerceptronClassifier"])
def test_every_parameter_is_documented(name):
    """A parameter that is not in the docstring does not exist for users."""
    estimator = getattr(importlib.import_module("rosenblatt"), name)
    for parameter in estimator().get_params():
        assert re.search(rf"^    (\w+, )*{parameter}(, \w+)* : ", estimator.__doc__, re.MULTILINE)


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


def test_the_layers_page_names_what_there_is():
    """Each initialiser by its name."""
    from rosenblatt._state import INTERCEPT_INITS, WEIGHT_INITS

    text = (ROOT / "docs" / "layers.md").read_text()
    for name in (*WEIGHT_INITS, *INTERCEPT_INITS):
        assert f"`{name!r}`" in text
