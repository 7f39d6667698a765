"""Reads a table with pandas, and records the call so that the report can print it.

A first pass over a text file finds out whether it is text and which options pandas needs. The
meaning of the columns is not decided here.
"""

# SPDX-License-Identifier: BSD-3-Clause
import codecs
import csv
import gzip
import io
import re
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path

from rosenblatt.command_line._text import DataError, quoted

GZIP, PARQUET = b"\x1f\x8b", b"PAR1"
CONTROL_CHARACTERS = re.compile(rb"[\x00-\x08\x0e-\x1f]")
CHUNK_BYTES = 1 << 20
SAMPLE_ROWS = 1000  # rows by which the header and dates are recognised
# semicolons come first because such files often have commas inside their numbers
DELIMITERS = "\t;|,"
DATE = r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d.*)?"


@dataclass(frozen=True)
class Source:
    """A file that was read.

    Attributes
    ----------
    path : Path
    frame : pandas.DataFrame
    function : str
        The pandas function that read the file.
    options : dict
        The arguments of the function besides the path.
    """

    path: Path
    frame: object
    function: str
    options: dict


@dataclass(frozen=True)
class _Text:
    """Findings of the first pass over a text file: its first lines, encoding and contents."""

    head: str
    encoding: str
    has_question_marks: bool


def read_source(path, target):
    """Read a table.

    Parameters
    ----------
    path : str
    target : str or None
        The column to predict, as given by the user. It helps to recognise a header.

    Returns
    -------
    Source

    Raises
    ------
    DataError
        If the file cannot be read as a table.
    """
    pandas, path = _import_pandas(), Path(path)
    if path.exists() and not path.is_file():
        raise DataError(f"cannot read {path}: it is not a file")
    try:
        with path.open("rb") as file:
            start = file.read(4)
        if start == PARQUET:
            return Source(path, _read_parquet(pandas, path), "read_parquet", {})
        options = _text_options(pandas, path, start.startswith(GZIP), target)
        return Source(path, _read_text(pandas, path, options), "read_csv", options)
    except (OSError, EOFError, zlib.error, csv.Error, TypeError, ValueError) as error:
        raise DataError(f"cannot read {path}: {_reason(error)}") from None


def _import_pandas():
    try:
        import pandas
    except ImportError:
        raise DataError("reading a table needs pandas: python -m pip install pandas") from None
    return pandas


def _reason(error):
    """The message of an OSError or of an error of pandas or pyarrow, on one line."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    ragged = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", text)
    if ragged:
        return f"line {ragged[2]} has {ragged[3]} values, but the lines before have {ragged[1]}"
    return " ".join(text.removeprefix("Error tokenizing data. C error: ").split())


def _read_parquet(pandas, path):
    try:
        return pandas.read_parquet(path)
    except ImportError:
        raise DataError("Parquet files need pyarrow: python -m pip install pyarrow") from None
    except NotImplementedError as error:
        raise ValueError(*error.args) from None


# the options of pandas for a text file


def _text_options(pandas, path, is_gzip, target):
    text = _look_through(path, is_gzip)
    if not text.head.strip():
        raise DataError(f"{path} is empty")
    first_line = text.head.lstrip("\r\n").splitlines()[0]
    delimiter, names = _find_delimiter(text.head)
    options = {
        "sep": None if delimiter == "," else delimiter,
        "compression": None if is_gzip == path.name.lower().endswith(".gz") else "gzip",
        "encoding": None if text.encoding == "utf-8" else text.encoding,
        "skipinitialspace": f"{delimiter} " in first_line or None,
        "na_values": "?" if text.has_question_marks else None,
        "decimal": "," if delimiter == ";" and _has_decimal_commas(text.head) else None,
    }
    options = {name: value for name, value in options.items() if value is not None}
    if path.name.lower().endswith(".gz") and not is_gzip:
        options["compression"] = None
    sample = _read_text(pandas, path, options, nrows=SAMPLE_ROWS)
    if not _is_header(pandas, sample, target):
        options["header"] = None
        sample = _read_text(pandas, path, options, nrows=SAMPLE_ROWS)
    elif names.count(target) > 1:
        raise DataError(
            f"{names.count(target)} columns are named {quoted(target)}; pass the index of one"
        )
    if dates := [name for name in sample if _holds_dates(pandas, sample[name])]:
        options["parse_dates"] = dates
    return options


def _look_through(path, is_gzip):
    """Read the whole file in chunks to find out whether it is text, and its encoding."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    head, encoding, has_question_marks = b"", "utf-8", False
    with (gzip.open if is_gzip else open)(path, "rb") as file:
        while piece := file.read(CHUNK_BYTES):
            if CONTROL_CHARACTERS.search(piece):
                raise DataError(f"{path} is neither text (such as CSV in UTF-8) nor Parquet")
            if encoding == "utf-8":
                try:
                    decoder.decode(piece)
                except UnicodeDecodeError:
                    encoding = "cp1252"  # the default of spreadsheets on Windows
            head = head or piece
            has_question_marks |= b"?" in piece
    return _Text(head.decode(encoding, "replace").lstrip("\ufeff"), encoding, has_question_marks)


def _find_delimiter(head):
    """The first delimiter that splits the first line, and the cells of that line."""
    for delimiter in DELIMITERS:
        reader = csv.reader(io.StringIO(head, newline=""), delimiter=delimiter)
        cells = [cell.strip() for cell in next(cells for cells in reader if any(cells))]
        if len(cells) > 1:
            return delimiter, cells
    raise DataError(
        "the first line has a single column; a target and at least one other column are needed, "
        "separated by commas, semicolons, tabs or bars"
    )


def _has_decimal_commas(head):
    def holds(mark):
        return re.search(rf"(?:^|;) *[-+]?\d+{mark}\d+ *(?:;|\r?$)", head, re.MULTILINE)

    return bool(holds(",") and not holds(r"\."))


def _is_header(pandas, sample, target):
    """Whether the first row, which pandas read as column names, is a header.

    It is if it contains no number, or the name of the target, or text above a numeric column.
    """
    names = [str(name) for name in sample.columns]
    if not any(map(_is_number, names)) or (target in names and not _is_number(target)):
        return True
    return any(
        pandas.api.types.is_numeric_dtype(sample[name])
        for name in names
        if not _is_number(name) and not name.startswith("Unnamed: ") and sample[name].notna().any()
    )


def _is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


def _holds_dates(pandas, column):
    if pandas.api.types.is_numeric_dtype(column):
        return False
    cells = column.dropna().astype(str)
    return len(cells) > 0 and bool(cells.str.fullmatch(DATE).all())


def _read_text(pandas, path, options, **more):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # pandas warns if text is not a date
        warnings.simplefilter("error", pandas.errors.DtypeWarning)
        try:
            frame = pandas.read_csv(path, **options, **more)
        except pandas.errors.DtypeWarning:
            # a column that mixes numbers and text is read as text throughout
            options["low_memory"] = False
            frame = pandas.read_csv(path, **options, **more)
    if not isinstance(frame.index, pandas.RangeIndex):
        raise DataError(
            f"the first line of {path} has fewer values than the others; it must name all columns"
        )
    return frame
