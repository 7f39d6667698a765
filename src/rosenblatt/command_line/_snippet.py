"""Python code to continue with, using the names of the user's table. It runs as printed."""

# SPDX-License-Identifier: BSD-3-Clause
from rosenblatt.command_line._text import PAGE_WIDTH

CLASSIFICATION = """\
print(f"out of fold {model.oof_score_:.3f} +- {model.oof_score_stderr_:.3f}")
print(model.predict_proba(table.head()))  # of the classes in model.classes_
"""

REGRESSION = """\
print(f"out of fold {model.oof_score_:.3f} +- {model.oof_score_stderr_:.3f}")
print(model.predict(table.head()))
print(model.predict_interval(table.head(), coverage=0.9))
"""


def snippet(source, problem, options):
    """A program that reads the table and fits the ensemble to all of its rows.

    Parameters
    ----------
    source : Source
    problem : Problem
    options : dict
        Parameters of the ensemble.
    """
    name = "TabularMLPClassifier" if problem.is_classification else "TabularMLPRegressor"
    target = _literal(problem.target)
    preset = [options["preset"]] if "preset" in options else []
    options = {key: value for key, value in options.items() if key != "preset"}
    drops = f"table = table.dropna(subset=[{target}])\n" if problem.n_without_target else ""
    return (
        "import pandas as pd\n"
        f"from rosenblatt import {name}\n"
        "\n"
        + _call("table = pd.", source.function, [str(source.path)], source.options)
        + drops
        + f"y = table.pop({target})\n"
        + _call("model = ", name, preset, options | {"verbose": 1})
        + "model.fit(table, y)\n"
        + (CLASSIFICATION if problem.is_classification else REGRESSION)
        + "model.summary()"
    )


def _call(before, function, positional, keywords):
    """A call on one line, or with one argument per line if that is too long."""
    arguments = [_literal(value) for value in positional]
    arguments += [f"{name}={_literal(value)}" for name, value in keywords.items()]
    line = f"{before}{function}({', '.join(arguments)})\n"
    if len(line) <= PAGE_WIDTH + 1:
        return line
    return f"{before}{function}(\n" + "".join(f"    {each},\n" for each in arguments) + ")\n"


def _literal(value):
    """A literal as people write it, with text in double quotes."""
    if isinstance(value, list):
        return f"[{', '.join(map(_literal, value))}]"
    text = repr(value)
    if isinstance(value, str) and '"' not in text and text.startswith("'"):
        return f'"{text[1:-1]}"'
    return text
