"""Tables: printed while they grow, saved as JSON, and printed again from JSON."""

import json
import math
from pathlib import Path

from benchmarks.progress import progress

FORMATS = {
    "text": str,
    "count": "{:,}".format,
    "us": lambda seconds: three_digits(1e6 * seconds),
    "ms": lambda seconds: three_digits(1e3 * seconds),
    "s": "{:.3g}".format,
    "MB": lambda n_bytes: f"{n_bytes / 1e6:.1f}",
    "times": "{:.2f}".format,
    "share": "{:.0%}".format,
    "accuracy": "{:.2%}".format,
    "difference": "{:.1e}".format,
    "share1": "{:.1%}".format,
    "score": lambda value: value if isinstance(value, str) else f"{value:.4f}",
    "ratio": lambda row: f"{row['ratio']:.3f}" + with_stderr(row["stderr"]),
}
WIDTH, FIRST_WIDTH = 15, 40


def with_stderr(stderr):
    """What stands behind a mean; nothing of a single value."""
    return "" if stderr is None else f" +-{stderr:.3f}"


def three_digits(value):
    """Three digits that count, and all before the point."""
    decimals = 2 - math.floor(math.log10(value)) if value > 0 else 2
    return f"{value:,.{min(max(decimals, 0), 3)}f}"


class SkippedError(Exception):
    """A section that cannot run here, with the reason."""


class ReportError(Exception):
    """A file that holds no report, with the reason."""


def comparison(first, names, unit, **further):
    """A table's columns: what is measured, times by the names of who took them, the ratio.

    Parameters
    ----------
    first : str
        The heading of the column that names the rows.
    names : iterable of str
    unit : str
        One of FORMATS.
    **further : (str, str)
        Columns after the ratio, see Table.
    """
    times = {name: (name, unit) for name in names}
    return {"name": (first, "text"), **times, "ratio": ("ratio", "times"), **further}


class Table:
    """Rows of values by column; the first column names the row.

    Parameters
    ----------
    title : str
    columns : dict of str to (str, str)
        Of each key the heading and one of FORMATS. Rows may hold further keys, for JSON.
    notes : sequence of str
        What a reader must know; printed above the table.
    """

    def __init__(self, title, columns, notes=()):
        self.title, self.columns, self.notes, self.rows = title, columns, list(notes), []
        print("\n".join(["", title, *(f"  {note}" for note in notes), ""]))
        print(self._line(heading for heading, _ in columns.values()), flush=True)

    def add(self, **row):
        """Print and keep a row; a value that is missing or None is printed as a dash."""
        progress.clear()
        self.rows.append(row)
        values = ((row.get(key), form) for key, (_, form) in self.columns.items())
        cells = ("-" if value is None else FORMATS[form](value) for value, form in values)
        print(self._line(cells), flush=True)

    def _line(self, cells):
        first, *others = cells
        return f"{first:<{FIRST_WIDTH}}" + "".join(f"{cell:>{WIDTH}}" for cell in others)


class Report:
    """All tables of a run.

    Attributes
    ----------
    environment : dict of str to str
    sections : dict of str to dict
        Of each section its tables and its seconds, or why it was skipped.
    """

    def __init__(self):
        self.environment, self.sections = {}, {}

    def set_environment(self, lines):
        self.environment = lines
        print("\n".join(f"{name}: {text}" for name, text in lines.items()), flush=True)

    def begin(self, section):
        progress.clear()
        print(f"\n## {section}", flush=True)
        self.sections[section] = {"tables": []}

    def table(self, title, columns, notes=()):
        """Begin a table of the latest section."""
        progress.clear()
        table = Table(title, columns, notes)
        self._latest["tables"].append(vars(table))
        return table

    def end(self, seconds):
        progress.clear()
        self._latest["seconds"] = seconds
        print(f"\n({seconds:.1f} s)", flush=True)

    def skip(self, reason):
        progress.clear()
        self._latest["skipped"] = reason
        print(f"\nskipped: {reason}", flush=True)

    @property
    def _latest(self):
        return list(self.sections.values())[-1]

    def write(self, path):
        """Write everything as JSON; times are in seconds, sizes in bytes."""
        Path(path).write_text(json.dumps(vars(self), indent=1) + "\n")

    @classmethod
    def read(cls, path):
        """Print what `write` kept, and return it."""
        kept, report = _content(path), cls()
        report.set_environment(kept["environment"])
        for section, content in kept["sections"].items():
            report.begin(section)
            for table in content["tables"]:
                again = report.table(table["title"], table["columns"], table["notes"])
                for row in table["rows"]:
                    again.add(**row)
            if "skipped" in content:
                report.skip(content["skipped"])
            if "seconds" in content:
                report.end(content["seconds"])
        return report


def _content(path):
    """What a file of --json holds."""
    try:
        kept = json.loads(Path(path).read_text())
    except OSError as error:
        raise ReportError(f"cannot read {path}: {error.strerror}") from None
    except ValueError:  # no JSON, or no text
        kept = None
    if not isinstance(kept, dict) or not {"environment", "sections"} <= set(kept):
        raise ReportError(f"{path} was not written by --json")
    return kept
