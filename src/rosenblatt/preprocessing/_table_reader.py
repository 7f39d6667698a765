"""Reads raw tables: it determines whether a column is a number, a category or a date and whether it
is used, and reads rows as an array of numbers and an array of category codes. It does not see the
target and does not scale.
"""

# SPDX-License-Identifier: BSD-3-Clause
from dataclasses import dataclass, field, replace

import numpy as np

from rosenblatt._base import warn_user
from rosenblatt._links import page
from rosenblatt._plain_state import stored_as_plain_data
from rosenblatt.preprocessing._categorical_features import categorical_mask
from rosenblatt.preprocessing._category_levels import Levels
from rosenblatt.preprocessing._dates import DateParts
from rosenblatt.preprocessing._frames import CATEGORY, DATE, DURATION, NUMBER, TEXT, open_table

# a range below this fraction of the largest magnitude is rounding, unless the values are integers
NEARLY_CONSTANT = 1e-6
# text with more distinct values per row than this is free text (names, remarks), not a category
_NEARLY_UNIQUE, _ROWS_TO_TELL = 0.95, 50


@stored_as_plain_data
@dataclass(frozen=True)
class ColumnSummary:
    """How one column of X is read.

    Attributes
    ----------
    name : str
        Name of the column, or e.g. 'x3' if it has none.
    kind : str
        'number', 'integer', 'binary' (a number with two values), 'category', 'date' or 'duration';
        'constant', 'all missing' or 'dropped text' if the column is not used. A constant with
        missing values is used: its output is the missing-value indicator.
    detail : str
        Short description: range or number of levels, and how the column was handled.
    n_missing : int
        Number of missing values in the training rows.
    used : bool
        Whether the column contributes to the output.
    """

    name: str
    kind: str
    detail: str
    n_missing: int
    used: bool


@stored_as_plain_data
@dataclass(frozen=True)
class Layout:
    """The origin of the columns of a `Table`.

    Attributes
    ----------
    n_features : int
        Number of columns of X.
    number_names, code_names : tuple of str
        Names of the columns of `numbers` ('sold_year' is a field of the date 'sold') and `codes`.
    number_sources, code_sources : tuple of int
        The columns of X that they come from.
    levels : tuple of Levels
        Levels of each column of `codes`.
    """

    n_features: int
    number_names: tuple = ()
    number_sources: tuple = ()
    code_names: tuple = ()
    code_sources: tuple = ()
    levels: tuple = ()


@dataclass(frozen=True)
class Table:
    """Rows of a raw table as two arrays.

    Attributes
    ----------
    numbers : ndarray of float64 of shape (n, p)
        NaN marks missing values; there are no infinities. Read-only: it may share memory with X.
    codes : ndarray of int32 of shape (n, q)
        From 0 to len(layout.levels[j]) - 1, or -1 for a cell without a level.
    layout : Layout
    """

    numbers: np.ndarray
    codes: np.ndarray
    layout: Layout

    def __len__(self):
        return len(self.numbers)

    def take(self, rows):
        """The Table of the given rows (indices, a mask or a slice)."""
        return Table(self.numbers[rows], self.codes[rows], self.layout)

    def with_numbers(self, numbers, names, sources):
        """The Table with columns of numbers appended."""
        layout = replace(
            self.layout,
            number_names=(*self.layout.number_names, *names),
            number_sources=(*self.layout.number_sources, *sources),
        )
        return Table(np.hstack([self.numbers, numbers]), self.codes, layout)


@stored_as_plain_data
@dataclass(frozen=True)
class _Fitted:
    """How `read` reads one used column of X."""

    source: int
    reads: str  # NUMBER, DURATION, DATE or CATEGORY
    parts: DateParts | None = None
    levels: Levels | None = None

    def read(self, column):
        """(n, k) float64, or (n,) int32 codes."""
        if self.levels is not None:
            cells = column.cells()
            if cells is not None:
                return self.levels.codes_of_cells(cells, column.label)
            return self.levels.codes_of_distinct(*column.distinct())
        if self.parts is not None:
            return self.parts.numbers(column.times())
        values = column.seconds() if self.reads == DURATION else column.numbers()
        return values.reshape(-1, 1)


@dataclass
class _Findings:
    """What `fit` collects, column by column."""

    summaries: list = field(default_factory=list)
    fitted: list = field(default_factory=list)
    values: list = field(default_factory=list)  # (n, k) numbers or (n,) codes of each fitted

    def add(self, name, kind, detail, n_missing, fitted=None, values=None):
        used = fitted is not None
        self.summaries.append(ColumnSummary(name, kind, detail, int(n_missing), used))
        if used:
            self.fitted.append(fitted)
            self.values.append(values)


@stored_as_plain_data
class TableReader:
    """Learns the columns of a raw table, and reads its rows as a `Table`.

    The dtype determines how a column is read. category, object, string and bool columns are
    categories. Numbers, and object columns in which every cell is a number (or Decimal), are
    numbers. Times become calendar fields and days since the earliest training row; times with a
    time zone are converted to UTC. Durations become seconds. All columns of an array are numbers.
    `categorical_features` overrides these rules.

    Categories are compared with ==: 1, 1.0 and True are one level, '1' is another. Infinities are
    clipped to the finite training range. Not used are columns that are constant, nearly constant
    (a range below 1e-6 of the largest magnitude, for values that are not integers) or empty, and
    text that is nearly unique (more than 95 % distinct in more than 50 rows; a warning names these
    columns).

    Parameters
    ----------
    owner : str
        The estimator's name, for messages.

    Attributes
    ----------
    n_features_in_ : int
    feature_names_in_ : ndarray of object of shape (n_features_in_,)
        Defined only if X was a DataFrame whose column names are all strings.
    columns_ : list of ColumnSummary
        One for each column of X.
    layout_ : Layout
    """

    def __init__(self, owner="TableReader"):
        self.owner = owner

    def fit(self, X, categorical_features="from_dtype", sample_weight=None):
        """Like `fit_read`, but returns the reader."""
        self.fit_read(X, categorical_features, sample_weight)
        return self

    def fit_read(self, X, categorical_features="from_dtype", sample_weight=None):
        """Learn the columns of X, and read its rows.

        Parameters
        ----------
        X : DataFrame of pandas or polars, or array-like, of shape (n_samples, n_features)
        categorical_features : 'from_dtype', None, or array-like
            Names, indices or a mask of the categories, as in HistGradientBoosting. None means that
            no column is a category.
        sample_weight : ndarray of shape (n_samples,) or None
            Rows of weight 0 are ignored.

        Returns
        -------
        Table

        Raises
        ------
        ValueError, TypeError
            If a column cannot be read; the message names it.
        """
        table = open_table(X, self.owner)
        used = None
        if sample_weight is not None and not np.all(sample_weight):
            used = np.asarray(sample_weight) > 0
        columns = table.columns(range(len(table.labels)))
        kinds = [columns[j].kind() for j in range(len(columns))]
        flags = categorical_mask(categorical_features, table.labels, table.has_names)
        findings = _Findings()
        for j, column in columns.items():
            reads = _reads(kinds[j], None if flags is None else flags[j])
            _examine(findings, column, str(column.label), j, reads, used)
        self._keep(table, findings, used)
        _warn_of_text(self.owner, findings.summaries)
        rows = self._read_matrix(table, None)
        return self._table(findings.values, table.n_rows) if rows is None else rows

    def _keep(self, table, findings, used):
        self.n_features_in_ = len(table.labels)
        self.labels_ = table.labels
        if hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        if table.has_names:
            self.feature_names_in_ = np.array(table.labels, dtype=object)
        self.columns_ = findings.summaries
        self._fitted = findings.fitted
        self._sources = [one.source for one in self._fitted]
        self._only_numbers = all(one.reads == NUMBER for one in self._fitted)
        self.layout_ = _layout(self._fitted, findings.summaries)
        self._low, self._high = _finite_range(findings, used)

    def read(self, X):
        """Read the rows of a table that has the columns of `fit`.

        Columns of a DataFrame are matched by name and may be in any order; columns of an array are
        matched by position. Labels that are not strings are matched by name if they are the labels
        of `fit`.

        Returns
        -------
        Table

        Raises
        ------
        ValueError
            If a column is missing, unknown or cannot be read.
        """
        table = open_table(X, self.owner)
        place = self._place(table)
        if (rows := self._read_matrix(table, place)) is not None:
            return rows
        sources = self._sources if place is None else [place[j] for j in self._sources]
        columns = table.columns(sources, fitted=True)
        pairs = zip(self._fitted, sources, strict=True)
        return self._table([one.read(columns[j]) for one, j in pairs], table.n_rows)

    def _read_matrix(self, table, place):
        """The Table if all columns are numbers, copied only if necessary; otherwise None."""
        matrix = table.matrix() if self._only_numbers else None
        if matrix is None:
            return None
        sources = self._sources if place is None else [place[j] for j in self._sources]
        if len(sources) < matrix.shape[1] or place is not None:
            matrix = matrix[:, sources]
        with np.errstate(over="ignore"):
            numbers = self._finite(matrix.astype(np.float64, copy=False))
        return Table(numbers, np.empty((len(numbers), 0), np.int32), self.layout_)

    def _table(self, values, n_rows):
        numbers = [value for value in values if value.ndim == 2]
        codes = [value for value in values if value.ndim == 1]
        return Table(
            self._finite(np.hstack(numbers) if numbers else np.empty((n_rows, 0))),
            np.column_stack(codes) if codes else np.empty((n_rows, 0), np.int32),
            self.layout_,
        )

    def _finite(self, numbers):
        """The numbers with infinities clipped to the training range."""
        infinite = np.isinf(numbers)
        if not infinite.any():
            return numbers
        ends = np.where(numbers > 0, self._high, self._low)
        return np.where(infinite, ends, numbers)

    def _place(self, table):
        """The position in the table of each column of `fit`; None if the order is that of `fit`."""
        labels = table.labels
        named = hasattr(self, "feature_names_in_")
        if labels == self.labels_:
            return None
        if named and table.has_names:
            _refuse_other_names(self.labels_, labels)
        if named == table.has_names and set(labels) == set(self.labels_):
            return {j: labels.index(name) for j, name in enumerate(self.labels_)}
        if named:
            warn_user(
                f"X does not have valid feature names, but {self.owner} was fitted with feature "
                "names"
            )
        elif table.has_names:
            warn_user(f"X has feature names, but {self.owner} was fitted without feature names")
        if len(labels) != self.n_features_in_:
            raise ValueError(
                f"X has {len(labels)} features, but {self.owner} is expecting "
                f"{self.n_features_in_} features as input."
            )
        return None


def _reads(kind, is_category):
    """How a column of this kind is read; `is_category` is None if the dtype decides."""
    if is_category is None:
        return CATEGORY if kind in (CATEGORY, TEXT) else kind
    if is_category:
        return CATEGORY
    return NUMBER if kind in (CATEGORY, TEXT) else kind


def _examine(findings, column, name, j, reads, used):
    """Add the finding about one column."""
    if reads == CATEGORY:
        _examine_category(findings, column, name, j, used)
    elif reads == DATE:
        _examine_date(findings, column, name, j, used)
    else:
        _examine_numbers(findings, column, name, j, reads, used)


def _examine_category(findings, column, name, j, used):
    codes, distinct = column.distinct()
    seen = codes if used is None else codes[used]
    counts = np.bincount(seen + 1, minlength=len(distinct) + 1)
    n_missing, n_distinct = counts[0], np.count_nonzero(counts[1:])
    n_present = len(seen) - n_missing
    if not n_distinct:
        findings.add(name, "all missing", "no value", n_missing)
        return
    of_text = all(isinstance(value, str) for value in distinct)
    if of_text and n_present > _ROWS_TO_TELL and n_distinct > _NEARLY_UNIQUE * n_present:
        detail = f"{n_distinct} distinct texts in {n_present} rows"
        findings.add(name, "dropped text", detail, n_missing)
        return
    levels = Levels.fit(codes, distinct, used)
    if len(levels) < 2:
        detail = f"{n_distinct} levels, all in fewer than 3 rows" if levels.has_rare else "1 level"
        findings.add(name, "constant", detail, n_missing)
        return
    detail = f"{n_distinct} levels"
    if levels.has_rare:
        detail += f", {n_distinct - len(levels.values)} in fewer than 3 rows merged"
    fitted = _Fitted(j, CATEGORY, levels=levels)
    codes = levels.codes_of_distinct(codes, distinct)
    findings.add(name, "category", detail, n_missing, fitted, codes)


def _examine_date(findings, column, name, j, used):
    times = column.times()
    seen = times if used is None else times[used]
    parts = DateParts.fit(seen)
    n_missing = np.count_nonzero(np.isnat(seen))
    if parts is None:
        findings.add(name, "all missing", "no value", n_missing)
        return
    first, last = np.nanmin(seen), np.nanmax(seen)
    if first == last and not n_missing:
        findings.add(name, "constant", f"always {_shown(first)}", 0)
        return
    kind = "constant" if first == last else "date"
    detail = f"{_shown(first)} to {_shown(last)}: {', '.join(parts.names)}"
    fitted = _Fitted(j, DATE, parts=parts)
    findings.add(name, kind, detail, n_missing, fitted, parts.numbers(times))


def _shown(time):
    return str(time.astype("M8[s]")).replace("T", " ")


def _examine_numbers(findings, column, name, j, reads, used):
    values = column.seconds() if reads == DURATION else column.numbers()
    seen = values if used is None else values[used]
    present = seen[~np.isnan(seen)]
    finite = present[np.isfinite(present)] if np.isinf(present).any() else present
    n_missing = len(seen) - len(present)
    if not len(finite):
        detail = "no finite value" if len(present) else "no value"
        findings.add(name, "all missing", detail, n_missing)
        return
    low, high = finite.min(), finite.max()
    is_integer = bool((finite == np.rint(finite)).all())
    constant = is_nearly_constant(low, high, is_integer)
    if constant and not n_missing:
        findings.add(name, "constant", f"always near {low:.6g}", 0)
        return
    detail = f"{low:.6g} to {high:.6g}"
    kind = reads
    if constant:
        kind, detail = "constant", f"near {low:.6g}; only the missing-value indicator is used"
    elif ((finite == low) | (finite == high)).all():
        kind = "binary"
    elif reads != DURATION and is_integer:
        kind = "integer"
    fitted = _Fitted(j, reads)
    findings.add(name, kind, detail, n_missing, fitted, values.reshape(-1, 1))


def is_nearly_constant(low, high, is_integer):
    """Whether numbers between low and high differ only by rounding."""
    if is_integer:
        return bool(low == high)
    return bool(high / 2 - low / 2 <= NEARLY_CONSTANT / 2 * max(abs(low), abs(high)))


def _finite_range(findings, used):
    """The smallest and the largest finite number of each column of `numbers`."""
    low, high = [], []
    for value in findings.values:
        if value.ndim == 2:
            value = value if used is None else value[used]
            finite = np.isfinite(value)
            low.append(np.min(value, axis=0, where=finite, initial=np.inf))
            high.append(np.max(value, axis=0, where=finite, initial=-np.inf))
    return np.concatenate(low or [[]]), np.concatenate(high or [[]])


def _layout(fitted, summaries):
    numbers, codes = [], []
    for one in fitted:
        name = summaries[one.source].name
        if one.levels is not None:
            codes.append((name, one.source, one.levels))
        elif one.parts is not None:
            numbers += [(f"{name}_{part}", one.source) for part in one.parts.names]
        else:
            numbers.append((name, one.source))
    number_names, number_sources = tuple(zip(*numbers, strict=True)) or ((), ())
    code_names, code_sources, levels = tuple(zip(*codes, strict=True)) or ((), (), ())
    return Layout(len(summaries), number_names, number_sources, code_names, code_sources, levels)


def _warn_of_text(owner, summaries):
    dropped = [repr(one.name) for one in summaries if one.kind == "dropped text"]
    if dropped:
        warn_user(
            f"{owner} ignores the text columns {', '.join(dropped)} because nearly every row has a "
            "different value. Drop them, make coarser categories of them, or convert their words "
            "to numbers: make_column_transformer((make_pipeline(TfidfVectorizer(), "
            f"TruncatedSVD(20)), {dropped[0]}), remainder=TabularPreprocessor()). Example: "
            f"{page('tables')}."
        )


def _refuse_other_names(fitted, given):
    unseen, missing = set(given) - set(fitted), set(fitted) - set(given)
    if not unseen and not missing:
        return
    message = "The feature names should match those that were passed during fit.\n"
    if unseen:
        message += "Feature names unseen at fit time:\n" + _listed(unseen)
    if missing:
        message += "Feature names seen at fit time, yet now missing:\n" + _listed(missing)
    raise ValueError(message)


def _listed(names):
    lines = [f"- {name}\n" for name in sorted(names)]
    return "".join(lines[:5] + ["- ...\n"] * (len(lines) > 5))
