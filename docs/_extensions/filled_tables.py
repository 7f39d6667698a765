"""Tables of the pages that come from the code and from stored results, not from a person's hand.

`python docs/_extensions/filled_tables.py` writes them. In docs/vocabulary.md the cells that the
engine's tables decide (names, parameters, defaults) are filled in; formulas and papers are kept.
In docs/benchmarks.md a comment names the results that the table below it shows. The site is not
built, and a test fails, where a page is behind.
"""

# SPDX-License-Identifier: BSD-3-Clause
import contextlib
import functools
import io
import re
import sys
from pathlib import Path

from rosenblatt.core import dispatch

DOCS = Path(__file__).resolve().parents[1]
ROOT = DOCS.parent


def activation_cells():
    """The first column, which names a row, and those that the engine knows, by column."""
    for row in dispatch.ACTIVATIONS.values():
        yield {0: row.name, 1: ", ".join(row.aliases), 4: f"{row.init_factor:g}"}


def loss_cells(target):
    """Likewise, of a regressor's losses, of those of two classes or of more."""
    for row in dispatch.LOSSES.values():
        if row.target == target:
            variant = row.domain if target == "real" else row.multi_class or ""
            cells = (row.name, row.parameter, variant, row.out_activation, row.constant or "")
            yield dict(enumerate(cells))


def optimizer_cells():
    """Likewise, of the optimisers."""
    for row in dispatch.OPTIMIZERS.values():
        cells = (row.name, ", ".join(row.parameters), f"{row.weight_decay:g}", str(row.n_moments))
        yield dict(enumerate(cells))


# a heading of docs/vocabulary.md, and what the first table below it has
VOCABULARY = {
    "## Activations": activation_cells,
    "### MLPRegressor": lambda: loss_cells("real"),
    "### MLPClassifier, two classes and multilabel": lambda: loss_cells("binary"),
    "### MLPClassifier, three classes or more": lambda: loss_cells("class"),
    "## Optimisers": optimizer_cells,
}


def cells_of(line):
    """What stands between the bars of a table's row."""
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def line_of(cells):
    """The row of a table with these cells."""
    return "|".join(["", *(f" {cell} " if cell else " " for cell in cells), ""])


def vocabulary(text):
    """The page's text with the engine's cells in its tables.

    A row that the engine does not have is left out; a new one has empty cells where only a person
    knows what to write.
    """
    lines = text.split("\n")
    for heading, engine_cells in VOCABULARY.items():
        below = lines.index(heading)
        first = next(i for i in range(below, len(lines)) if lines[i].startswith("|---")) + 1
        end = next(i for i in range(first, len(lines)) if not lines[i].startswith("|"))
        n_columns = len(cells_of(lines[first - 1]))
        written = {row[0]: row for row in map(cells_of, lines[first:end])}
        rows = []
        for known in engine_cells():
            row = list(written.get(known[0], [""] * n_columns))
            for column, cell in known.items():
                row[column] = cell
            rows.append(line_of(row))
        lines[first:end] = rows
    return "\n".join(lines)


@functools.cache
def stored_tables(file):
    """Tables by title, as `python -m benchmarks --from FILE` prints them."""
    sys.path.insert(0, str(ROOT))
    from benchmarks.report import Report
    from benchmarks.sections.tables import MOST_ROWS, show
    from benchmarks.tables.results import Results

    report = Report()
    with contextlib.redirect_stdout(io.StringIO()):
        report.begin("tables")
        show(Results(ROOT / file).latest(MOST_ROWS), report)
    return {table["title"]: table for table in report.sections["tables"]["tables"]}


def markdown(table):
    """The lines of a table of the benchmarks."""
    from benchmarks.report import FORMATS

    columns = table["columns"]
    yield line_of(heading for heading, _ in columns.values())
    yield "|---|" + (len(columns) - 1) * "--:|"
    for row in table["rows"]:
        values = ((row.get(key), form) for key, (_, form) in columns.items())
        cells = ("" if value is None else FORMATS[form](value) for value, form in values)
        yield line_of(cell.replace(" +-", " ± ") for cell in cells)


STORED = re.compile(r"(<!-- (\S+): (.*) -->\n)(?:\n(?:\|.*\n)+)?")


def benchmarks(text):
    """The page's text with a table of stored results below each comment `<!-- FILE: TITLE -->`."""

    def table(found):
        lines = markdown(stored_tables(found[2])[found[3]])
        return "\n".join([found[1], *lines, ""])

    return STORED.sub(table, text)


FILLED = {"vocabulary.md": vocabulary, "benchmarks.md": benchmarks}


def pages_behind():
    """Names of the pages that differ from what the code and the stored results say."""
    texts = {name: (DOCS / name).read_text() for name in FILLED}
    return [name for name, text in texts.items() if FILLED[name](text) != text]


def check(app):
    """Refuses to build a site with such a page."""
    from sphinx.errors import ConfigError

    if behind := pages_behind():
        raise ConfigError(f"{', '.join(behind)}: run python docs/_extensions/filled_tables.py")


def setup(app):
    app.connect("builder-inited", check)
    return {"parallel_read_safe": True}


if __name__ == "__main__":
    for page, fill in FILLED.items():
        (DOCS / page).write_text(fill((DOCS / page).read_text()))
