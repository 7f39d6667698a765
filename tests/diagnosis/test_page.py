"""The outputs on the page of diagnose are those of its code."""

import contextlib
import io
import re
import warnings
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_page_shows_what_its_code_prints():
    """Every verdict and what was compared; figures may turn with rounding."""
    text = (DOCS / "when_training_fails.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```\n(?:\n```text\n(.*?)```\n)?", text, re.DOTALL)
    names, n_verdicts = {}, 0
    for code, shown in blocks:
        printed = io.StringIO()
        with warnings.catch_warnings(), contextlib.redirect_stdout(printed):
            exec(code, names)
        if not shown.startswith("Diagnosis"):
            continue
        n_verdicts += 1
        assert printed.getvalue().split("\n")[0] == shown.split("\n")[0]
        # the first column, up to what may depend on rounding: how many folds were needed
        (found, said) = (
            re.findall(r"^(\D+?)  ", report.split("\n\n")[2], re.MULTILINE)
            for report in (printed.getvalue(), shown)
        )
        assert found == said
    assert n_verdicts == 5


def test_readme_shows_a_diagnosis_of_its_example():
    """The verdict that it has."""
    text = (DOCS.parent / "README.md").read_text()
    section = text.split("## When training fails\n")[1]
    code, shown = re.search(
        r"```python\n(.*?)```\n\n```text\n(.*?)```\n", section, re.DOTALL
    ).groups()
    first = re.search(r"```python\n(.*?)search = ", text, re.DOTALL).group(1)
    names, printed = {}, io.StringIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(printed):
        exec(first, names)
        exec(code, names)
    assert printed.getvalue().split("\n")[0] == shown.split("\n")[0] == "Diagnosis: model bias"
