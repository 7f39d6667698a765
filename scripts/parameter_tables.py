"""Writes the tables of docs/parameters.md from the parameters' rows.

Run it from the top folder: python scripts/parameter_tables.py. The text between the
tables is the page's own.
"""

import re
from pathlib import Path

from rosenblatt import MLPClassifier, MLPRegressor
from rosenblatt._parameter_table import CLASSIFIER, REGRESSOR, SHARED

PAGE = Path(__file__).resolve().parent.parent / "docs" / "parameters.md"

# the first words of each section, and the column headings of its table
SECTIONS = {
    "The network": ("## The network", "parameter", "default", "meaning"),
    "What is learned": ("## What is learned", "parameter", "of", "default", "meaning"),
    "Steps": ("## Steps", "parameter", "default", "meaning"),
    "Of one optimiser": ("Parameters of single optimisers", "parameter", "default", "used by"),
    "Against overfitting": ("## Against overfitting", "parameter", "default", "meaning"),
    "When to stop": ("## When to stop", "parameter", "default", "meaning"),
    "Running": ("## Running", "parameter", "default", "meaning"),
}


def page_with_tables(page):
    """The page's text with regenerated tables."""
    for section, (begin, *heads) in SECTIONS.items():
        pattern = rf"^({re.escape(begin)}.*?\n\n)(?:\|.*\n)*"
        table = [heads, ["---"] * len(heads), *table_rows(section, has_owner="of" in heads[:-1])]
        text = "".join(f"| {' | '.join(cells)} |\n".replace("| --- |", "|---|") for cells in table)
        text = text.replace(" --- |", "---|")
        page, n = re.subn(pattern, lambda m, text=text: m[1] + text, page, count=1, flags=re.M)
        if n != 1:
            raise ValueError(f"docs/parameters.md has no section that begins with {begin!r}")
    return page


def table_rows(section, *, has_owner):
    """The cells of each parameter of a section, in the order of the rows."""
    for rows, owner, estimator in (
        (SHARED, "both", MLPClassifier),
        (CLASSIFIER, "classifier", MLPClassifier),
        (REGRESSOR, "regressor", MLPRegressor),
    ):
        defaults = estimator().get_params()
        for name, row in rows.items():
            if row.page.section == section:
                of = [owner] if has_owner else []
                yield [f"`{name}`", *of, f"`{defaults[name]!r}`", row.page.text]


if __name__ == "__main__":
    PAGE.write_text(page_with_tables(PAGE.read_text()))
