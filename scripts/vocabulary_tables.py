"""Writes the cells of docs/vocabulary.md that the engine's tables decide: names and defaults.

Run it from the top folder: python scripts/vocabulary_tables.py. Formulas and papers are the page's
own.
"""

# SPDX-License-Identifier: BSD-3-Clause
import re
from pathlib import Path

from rosenblatt.core import dispatch

PAGE = Path(__file__).resolve().parent.parent / "docs" / "vocabulary.md"


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


def page_with_tables(text):
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


if __name__ == "__main__":
    PAGE.write_text(page_with_tables(PAGE.read_text()))
