"""Reads a person's CSV file into numbers, or says in one sentence why it cannot.

Not a general reader: every feature must be a number, nothing is filled in, nothing is encoded.
Needs no pandas.
"""

# SPDX-License-Identifier: BSD-3-Clause
import csv
import gzip
import io
import math
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

GZIP_MAGIC = b"\x1f\x8b"
MISSING = {"", "?", "na", "n/a", "nan", "null"}
MIN_ROWS = 10
MAX_GUESSED_CLASSES = 20
TEST_SIZE = 0.25
# beyond this the variance overflows, and nothing can be standardised
LARGEST_VALUE = 1e100


class DataError(Exception):
    """What is wrong with the person's data, in one sentence for that person."""


@dataclass(frozen=True)
class Table:
    """A file that was read: ``y`` holds class numbers, or the values of a regression."""

    name: str
    target: str
    task: str
    X: np.ndarray
    y: np.ndarray


@dataclass(frozen=True)
class _Column:
    """The cells of one column as text; ``lines`` are their line numbers in the file."""

    name: str
    cells: tuple
    lines: tuple

    def cell(self, row):
        """Where and what a cell is, for messages."""
        return f"column {_quoted(self.name)}, line {self.lines[row]}: {_quoted(self.cells[row])}"


def read_table(path, target, task=None):
    """Read ``path``; ``target`` is a column's name or number, ``task`` None guesses from it."""
    path = Path(path)
    features, target = _split_columns(_read_rows(_read_text(path)), target)
    n_rows = len(target.cells)
    if n_rows < MIN_ROWS:
        raise DataError(f"{path.name} has {n_rows} rows of data; at least {MIN_ROWS} are needed")
    X = _parse_features(features)
    _refuse_missing(features, X, target)
    for column, values in zip(features, X.T, strict=True):
        _refuse_too_large(column, values)
    task, y = _parse_target(target, task)
    return Table(path.name, target.name, task, X, y)


# from the file to columns of text


def _read_text(path):
    """Return the file's text; gzip is recognised by its first bytes, whatever the name."""
    try:
        content = path.read_bytes()
        if content.startswith(GZIP_MAGIC):
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"cannot read {path}: {reason}") from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise DataError(f"{path} is not text in UTF-8; save it as CSV in UTF-8")
    if not text.strip():
        raise DataError(f"{path} is empty")
    return text


def _read_rows(text):
    """Return ``(line number, cells)`` of every line that is not blank; all have the same length."""
    delimiter = _find_delimiter(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    rows = []
    try:
        for cells in reader:
            if any(cells):
                rows.append((reader.line_num, [cell.strip() for cell in cells]))
    except csv.Error as error:
        raise DataError(f"line {reader.line_num} cannot be read: {error}") from None
    _refuse_ragged(rows)
    return rows


def _find_delimiter(text):
    """Return the first of tab, semicolon and comma that divides the first line.

    In this order because files with semicolons often have commas inside their numbers.
    """
    first_line = text.lstrip().splitlines()[0]
    for delimiter in "\t;,":
        if len(next(csv.reader([first_line], delimiter=delimiter))) > 1:
            return delimiter
    raise DataError(
        "the first line is a single column; separate a target and at least one feature with "
        "commas, semicolons or tabs"
    )


def _refuse_ragged(rows):
    first_line, first_row = rows[0]
    ragged = [(line, cells) for line, cells in rows if len(cells) != len(first_row)]
    if ragged:
        line, cells = ragged[0]
        others = f"; {len(ragged)} lines differ in all" if len(ragged) > 1 else ""
        raise DataError(
            f"line {line} has {_count(len(cells), 'value')} where line {first_line} has "
            f"{len(first_row)}{others}"
        )


def _split_columns(rows, target):
    """Return the feature columns and the target column."""
    first_row = rows[0][1]
    if _is_header(rows, target):
        # some programs leave the name of a first column of row numbers empty
        names = [name or f"column {number}" for number, name in enumerate(first_row)]
        rows = rows[1:]
    else:
        names = [str(number) for number in range(len(first_row))]
    position = _find_target(names, target)
    lines = tuple(line for line, _ in rows)
    cells = zip(*(cells for _, cells in rows), strict=True) if rows else [()] * len(names)
    columns = [_Column(name, column, lines) for name, column in zip(names, cells, strict=True)]
    return columns[:position] + columns[position + 1 :], columns[position]


def _is_header(rows, target):
    """Whether the first row names the columns.

    It does if it holds no numbers, or the target's name, or text above nothing but numbers.
    """
    first_row = rows[0][1]
    texts = [j for j, cell in enumerate(first_row) if not (_is_number(cell) or _is_missing(cell))]
    if not any(_is_number(cell) for cell in first_row):
        return True
    if target in first_row and not _is_number(target):
        return True
    below = [cells for _, cells in rows[1:]]
    return any(all(_is_number(c[j]) or _is_missing(c[j]) for c in below) for j in texts if below)


def _find_target(names, target):
    """Return the position of the column that ``target`` names or counts."""
    # the first and the last, because the target is often there
    known = ", ".join(names if len(names) <= 20 else [*names[:15], "...", *names[-5:]])
    if target is None:
        raise DataError(f"say with --target which column to predict; the columns are: {known}")
    if names.count(target) > 1:
        raise DataError(f"{names.count(target)} columns are called {_quoted(target)}; use a number")
    if target in names:
        return names.index(target)
    try:
        return range(len(names))[int(target)]
    except (ValueError, IndexError):
        raise DataError(f"no column {_quoted(target)}; the columns are: {known}") from None


# from text to numbers


def _parse_features(features):
    """Return the features as a matrix, NaN where a value is missing."""
    parsed = [_parse_column(column) for column in features]
    text = [
        (column, row) for column, (_, row) in zip(features, parsed, strict=True) if row is not None
    ]
    if text:
        column, row = text[0]
        others = ", ".join(_quoted(other.name) for other, _ in text[1:6])
        others += f" and {len(text) - 6} more" if len(text) > 6 else ""
        raise DataError(
            f"{column.cell(row)} is not a number"
            + (" (write decimals with a point)" if _has_decimal_comma(column.cells[row]) else "")
            + (f" (nor are there only numbers in {others})" if others else "")
            + "; turn text into numbers, for example with pandas.get_dummies, or remove the column"
        )
    return np.column_stack([values for values, _ in parsed])


def _parse_column(column):
    """Return ``(values, row)``: NaN for what is missing; ``row`` is the first that is text."""
    try:
        return np.array(column.cells, dtype=np.float64), None
    except ValueError:
        values = np.empty(len(column.cells))
    for row, cell in enumerate(column.cells):
        if not _is_missing(cell) and not _is_number(cell):
            return values, row
        values[row] = math.nan if _is_missing(cell) else float(cell)
    return values, None


def _refuse_missing(features, X, target):
    missing = np.isnan(X)
    missing_target = np.array([_is_missing(cell) for cell in target.cells])
    n_rows = np.count_nonzero(missing.any(axis=1) | missing_target)
    if n_rows == 0:
        return
    holes = missing.any(axis=0)
    names = [column.name for column, hole in zip(features, holes, strict=True) if hole]
    names += [target.name] if missing_target.any() else []
    listed = ", ".join(_quoted(name) for name in names[:10])
    listed += f" and {len(names) - 10} more" if len(names) > 10 else ""
    raise DataError(
        f"{n_rows} of {len(X)} rows have missing values, in {listed}; delete these rows or fill "
        "the gaps, for example with the column's median"
    )


def _refuse_too_large(column, values):
    too_large = np.flatnonzero(np.abs(values) > LARGEST_VALUE)
    if len(too_large):
        raise DataError(f"{column.cell(too_large[0])} is too large or infinite; correct the value")


def _parse_target(target, task):
    """Return the task, and the target as class numbers or as values."""
    values, text_row = _parse_column(target)
    if task is None:
        task = _guess_task(target, values, text_row)
    if text_row is None:
        _refuse_too_large(target, values)
    elif task == "regression":
        raise DataError(f"{target.cell(text_row)} is not a number; a regression needs numbers")
    labels = values if text_row is None else np.array(target.cells)
    if len(np.unique(labels)) == 1:
        raise DataError(
            f"column {_quoted(target.name)} holds {_quoted(target.cells[0])} in every row: there "
            "is nothing to learn"
        )
    return task, values if task == "regression" else _parse_classes(target, labels)


def _guess_task(target, values, text_row):
    """Text or few distinct integers are classes, other numbers are values to predict."""
    if text_row is None:
        distinct = np.unique(values)
        few = len(distinct) <= min(MAX_GUESSED_CLASSES, len(values) / 2)
        return "classification" if few and np.all(distinct == np.rint(distinct)) else "regression"
    n_numbers = sum(_is_number(cell) for cell in target.cells)
    if n_numbers > len(target.cells) / 2:
        raise DataError(
            f"{target.cell(text_row)} is text among numbers; correct it, or add "
            "--task classification if the numbers are classes"
        )
    return "classification"


def _parse_classes(target, labels):
    """Return each row's class number; every class must reach both parts of the split."""
    classes, first_rows, y, counts = np.unique(
        labels, return_index=True, return_inverse=True, return_counts=True
    )
    rare = np.flatnonzero(counts == 1)
    if len(rare):
        raise DataError(
            f"{_count(len(rare), 'class', 'classes')} of {len(classes)} in the target have a "
            f"single row, the first is in {target.cell(first_rows[rare[0]])}; a class needs at "
            "least two rows (or use --task regression)"
        )
    if len(classes) > math.ceil(TEST_SIZE * len(y)):
        raise DataError(
            f"{len(y)} rows are too few for the {len(classes)} classes of column "
            f"{_quoted(target.name)}; at least {4 * len(classes)} are needed"
        )
    return y


# single cells, and words for messages


def _is_missing(cell):
    return cell.lower() in MISSING


def _is_number(cell):
    try:
        return not math.isnan(float(cell))
    except (TypeError, ValueError):
        return False


def _has_decimal_comma(cell):
    return cell.count(",") == 1 and _is_number(cell.replace(",", "."))


def _quoted(text):
    """The text in quotes, on one line and not too long for a message."""
    return repr(text if len(text) <= 40 else text[:37] + "...")


def _count(number, singular, plural=None):
    return f"{number} {singular if number == 1 else plural or singular + 's'}"
