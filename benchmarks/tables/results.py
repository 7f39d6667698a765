"""Results, one line per fit in a file, so that an interrupted run can be resumed."""

import json
from dataclasses import asdict, dataclass, field, fields

from benchmarks.report import ReportError


@dataclass(frozen=True)
class Result:
    """What one contender did on one split of a table.

    Parameters
    ----------
    kind : str
        "predictions" or "quantiles".
    method, family, version : str
        The contender's.
    table, task, digest : str
        The table's.
    split : int
    most_rows : int
        What larger tables were reduced to.
    n_rows, n_columns : int
        Of the training rows.
    processor : str
    scores : dict of str to float
    seconds, predict_seconds : float or None
        Processor seconds.
    failure : str or None
        The error that ended it.
    """

    kind: str
    method: str
    family: str
    version: str
    table: str
    task: str
    digest: str
    split: int
    most_rows: int
    n_rows: int
    n_columns: int
    processor: str
    scores: dict = field(default_factory=dict)
    seconds: float | None = None
    predict_seconds: float | None = None
    failure: str | None = None

    @property
    def key(self):
        """What need not be measured again if it is the same."""
        return (self.kind, self.method, self.version, self.table, self.digest, self.split,
                self.most_rows)  # fmt: skip


class Results:
    """All results so far.

    Parameters
    ----------
    path : Path or None
        Where they are kept; each is added to the file as it comes. None: nowhere.
    """

    def __init__(self, path=None):
        self.path, self.every = path, []
        self.read()

    def read(self):
        """Take what the file holds, which other processes may have added to."""
        if self.path is not None and self.path.exists():
            try:
                lines = self.path.read_text().splitlines()
            except (OSError, UnicodeDecodeError) as error:
                raise ReportError(f"cannot read {self.path}: {error}") from None
            self.every = [result for line in lines if (result := _of_line(line))]
        return self

    def find(self, key):
        """The latest result of that key, or None."""
        return next((one for one in reversed(self.every) if one.key == key), None)

    def add(self, result):
        """Keep it, on the disk at once."""
        self.every.append(result)
        if self.path is not None:
            is_torn = self.path.exists() and not self.path.read_bytes().endswith(b"\n")
            with self.path.open("a") as file:  # in one piece: others may write too
                file.write(("\n" if is_torn else "") + json.dumps(asdict(result)) + "\n")

    def latest(self, most_rows, tables=None, seeds=None):
        """Of each contender and split the latest result, of any version.

        Parameters
        ----------
        most_rows : int
        tables : list of Table, default=None
            None: of all that there are; else only of these, with this content.
        seeds : collection of int, default=None
        """
        digests = None if tables is None else {table.name: table.digest for table in tables}
        chosen = {}
        for one in self.every:
            if (
                one.most_rows == most_rows
                and (digests is None or digests.get(one.table) == one.digest)
                and (seeds is None or one.split in seeds)
            ):
                chosen[one.kind, one.method, one.table, one.split] = one
        return list(chosen.values())


def _of_line(line):
    """The result of a line; None of one that an interruption tore, or that is something else."""
    try:
        content = json.loads(line)
        return Result(**{one.name: content[one.name] for one in fields(Result)})
    except (ValueError, TypeError, KeyError):
        return None
