"""Writes the tables of docs/benchmarks.md from stored results.

Run it from the top folder: python scripts/benchmark_tables.py. A comment on the page, FILE: TITLE,
says which results the table below it shows; the text is the page's own.
"""

# SPDX-License-Identifier: BSD-3-Clause
import contextlib
import functools
import io
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "benchmarks.md"
sys.path.insert(0, str(ROOT))

from benchmarks.report import FORMATS, Report  # noqa: E402
from benchmarks.sections.tables import MOST_ROWS, show  # noqa: E402
from benchmarks.tables.results import Results  # noqa: E402


@functools.cache
def stored_tables(file):
    """Tables by title, as `python -m benchmarks --from FILE` prints them."""
    report = Report()
    with contextlib.redirect_stdout(io.StringIO()):
        report.begin("tables")
        show(Results(ROOT / file).latest(MOST_ROWS), report)
    return {table["title"]: table for table in report.sections["tables"]["tables"]}


def line_of(cells):
    """The row of a table with these cells."""
    return "|".join(["", *(f" {cell} " if cell else " " for cell in cells), ""])


def markdown(table):
    """The lines of a table of the benchmarks."""
    columns = table["columns"]
    yield line_of(heading for heading, _ in columns.values())
    yield "|---|" + (len(columns) - 1) * "--:|"
    for row in table["rows"]:
        values = ((row.get(key), form) for key, (_, form) in columns.items())
        cells = ("" if value is None else FORMATS[form](value) for value, form in values)
        yield line_of(cell.replace(" +-", " ± ") for cell in cells)


STORED = re.compile(r"(<!-- (\S+): (.*) -->\n)(?:\n(?:\|.*\n)+)?")


def page_with_tables(text):
    """The page's text with a table of stored results below each comment `<!-- FILE: TITLE -->`."""

    def table(found):
        lines = markdown(stored_tables(found[2])[found[3]])
        return "\n".join([found[1], *lines, ""])

    return STORED.sub(table, text)


if __name__ == "__main__":
    PAGE.write_text(page_with_tables(PAGE.read_text()))
