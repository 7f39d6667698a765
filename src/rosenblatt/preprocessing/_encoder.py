"""Encodes a `Table` as the float32 input matrix of a network: scaled numbers, their bins or
cosines, missing-value indicators and one-hot categories. It does not read data frames and does not
learn target statistics.
"""

# SPDX-License-Identifier: BSD-3-Clause
from dataclasses import dataclass, field

import numpy as np
from sklearn.utils import check_random_state

from rosenblatt._architecture import CodedInputs
from rosenblatt._plain_state import stored_as_plain_data
from rosenblatt.preprocessing._bins import (
    LARGEST,
    SortedColumn,
    inverse_widths,
    quantile_edges,
    tree_edges,
    write_codes,
)
from rosenblatt.preprocessing._robust_scale import median_and_scale, smoothly_clipped
from rosenblatt.preprocessing._table_reader import is_nearly_constant

ENCODINGS = ("quantile", "tree", "periodic", "coarse", "one_hot", "none")
N_WAVES, WAVE_SCALE = 12, 0.4
_CHUNK = 2**15  # elements per chunk of rows, so that float64 intermediates stay in cache
_CODED_ROWS = 2**14  # rows of a chunk of codes


@dataclass(frozen=True)
class Bins:
    """Number of bins of an encoding, and how many distinct values may all be edges."""

    n_bins: int
    max_distinct: int


def default_bins(encoding, classification):
    """The default Bins of an encoding, None for an encoding without bins."""
    if encoding in ("coarse", "one_hot"):
        return Bins(8, 16) if classification else Bins(32, 64)
    return {"quantile": Bins(16, 32), "tree": Bins(24, 0)}.get(encoding)


@dataclass
class _Outputs:
    """Collects the output columns of one group during fit: parameters, names, sources."""

    columns: list = field(default_factory=list)  # index of the column in numbers or in codes
    first: list = field(default_factory=list)
    second: list = field(default_factory=list)
    names: list = field(default_factory=list)
    sources: list = field(default_factory=list)

    def add(self, column, name, source, first=0.0, second=0.0):
        self.columns.append(column)
        self.first.append(first)
        self.second.append(second)
        self.names.append(name)
        self.sources.append(source)

    def __len__(self):
        return len(self.columns)

    def arrays(self):
        return (
            np.array(self.columns, dtype=np.intp),
            np.array(self.first, dtype=np.float64),
            np.array(self.second, dtype=np.float64),
        )


@stored_as_plain_data
class ColumnEncoder:
    """Fits an encoding to a Table, and encodes Tables.

    The output columns are, in this order: an indicator for each input column with missing values
    (1 if missing, -1 if not); numbers with two values as -1 and 1 (0 if missing); every other
    number scaled to z / sqrt(1 + (z / 3)**2) with z = (x - median) / (q75 - q25), where missing
    values are replaced by the median; the encoding of these numbers; categories with two levels as
    -1 and 1 (0 for neither); other categories as one column per level. All columns are then
    centred at the training mean. A column that is constant in the rows of `fit` has no output.

    Parameters
    ----------
    encoding : {'quantile', 'tree', 'periodic', 'coarse', 'one_hot', 'none'}, default='quantile'
        A number x with edges e_0 < .. < e_T has the codes clip((x - e_t) / (e_t+1 - e_t), 0, 1),
        t = 0 .. T - 1. 'quantile' has 16 bins of equal weight, or an edge at each value if there
        are at most 32; a value that outweighs a whole bin is one edge. 'tree' takes the splits of
        a tree fitted to this column, with at most 24 leaves. 'coarse' has 8 bins, or an edge at
        each of at most 16 values (32 and 64 in regression). 'one_hot' has the bins of 'coarse',
        and 1 in the bin of x. 'periodic' computes cos(2 pi w z + b) of the scaled number z for 12
        pairs w ~ N(0, 0.4**2), b ~ U(-pi, pi). 'none' has the scaled number alone.
    n_bins : int or None
        Number of bins (or cosines); None is the default of the encoding. Up to twice as many
        distinct values are all edges.
    classification : bool, default=True
        Determines the criterion of the trees and the number of bins of 'coarse'.
    max_categories : int, default=64
        Maximum number of columns of a category. If there are more levels, the rarest share the
        last column.
    scaled_only : collection of str, default=()
        Names of numbers that are scaled but not encoded.
    random_state : int, RandomState or None
        Used by 'periodic'.

    Attributes
    ----------
    n_columns : int
        Number of output columns.
    names : list of str
    column_of_output : ndarray of intp of shape (n_columns,)
        The column of X that each output column comes from.
    centre : ndarray of float32 of shape (n_columns,)
        The training means, which `transform` subtracts.
    """

    def __init__(
        self,
        encoding="quantile",
        *,
        n_bins=None,
        classification=True,
        max_categories=64,
        scaled_only=(),
        random_state=None,
    ):
        if encoding not in ENCODINGS:
            raise ValueError(f"encoding must be one of {ENCODINGS}, got {encoding!r}.")
        self.encoding = encoding
        self.n_bins = n_bins
        self.classification = classification
        self.max_categories = max_categories
        self.scaled_only = tuple(scaled_only)
        self.random_state = random_state

    def fit(self, table, y=None, sample_weight=None):
        """Learn bins, scales, levels and means.

        Parameters
        ----------
        table : Table
        y : ndarray of shape (n,) or (n, n_outputs), or None
            Class indices or numbers. Used by 'tree' only.
        sample_weight : ndarray of float of shape (n,) or None

        Returns
        -------
        self
        """
        self._learn(table, y, sample_weight)
        total, buffer = np.zeros(self.n_columns), None
        for rows in self._chunks(len(table)):
            part = table.take(rows)
            if buffer is None:
                buffer = np.empty((len(part), self.n_columns), np.float32)
            total += _weighted_sum(self._encode(part, buffer[: len(part)]), sample_weight, rows)
        self._set_centre(total, len(table), sample_weight)
        return self

    def fit_transform(self, table, y=None, sample_weight=None, out=None):
        """Equivalent to `fit` and then `transform` of the same rows, at the cost of one of them."""
        self._learn(table, y, sample_weight)
        out = self._output(len(table), out)
        total = np.zeros(self.n_columns)
        for rows in self._chunks(len(table)):
            self._encode(table.take(rows), out[rows])
            total += _weighted_sum(out[rows], sample_weight, rows)
        self._set_centre(total, len(table), sample_weight)
        for rows in self._chunks(len(table)):
            self._adjust(out[rows])
        return out

    def transform(self, table, out=None):
        """Encode the rows of a table.

        Parameters
        ----------
        table : Table
            Must have the columns of the table of `fit`.
        out : ndarray of float32 of shape (n, n_columns) or None
            Output array; None allocates one.

        Returns
        -------
        ndarray of float32 of shape (n, n_columns)
        """
        out = self._output(len(table), out)
        for rows in self._chunks(len(table)):
            self._adjust(self._encode(table.take(rows), out[rows]))
        return out

    @property
    def n_codes(self):
        """The number of columns of the codes; None for an encoding that has no codes."""
        if self.encoding in ("periodic", "one_hot"):
            return None
        n_plain = self.n_columns - len(self._groups["encoded"][0]) - len(self._groups["levels"][0])
        return n_plain + len(self._binned) + len(self._code_columns)

    def fit_codes(self, table, y=None, sample_weight=None):
        """Fit an encoding with bins, and return the codes of the rows in place of the output.

        A number with bins has one code, its bin plus the position in it, and a category with more
        than two levels has the number of its column among those of the category, or -1.

        Returns
        -------
        codes : ndarray of float32 of shape (n, n_codes)
        inputs : CodedInputs
            How the codes encode the output.
        """
        self._learn(table, y, sample_weight)
        codes = self.codes(table)
        n_plain, n_signs = self._slices["encoded"].start, len(self._groups["signs"][0])
        counts = np.bincount(self._groups["encoded"][0], minlength=self._n_numbers)[self._binned]
        columns = [("number", 1)] * n_plain + [("bin", int(count)) for count in counts]
        columns += [("number", 1)] * n_signs
        columns += [("level", int(count)) for count in self._level_counts()]
        means = [
            _means_of_inputs(kind, count, codes[:, c], sample_weight)
            for c, (kind, count) in enumerate(columns)
        ]
        self.centre = np.concatenate(means, dtype=np.float32) if means else np.zeros(0, np.float32)
        return codes, CodedInputs(tuple(columns), tuple(self.centre.tolist()))

    def codes(self, table):
        """The codes of the rows of a table: ndarray of float32 of shape (n, n_codes)."""
        out = np.empty((len(table), self.n_codes), np.float32)
        for start in range(0, len(table), _CODED_ROWS):
            rows = slice(start, start + _CODED_ROWS)
            self._write_codes(table.take(rows), out[rows])
        return out

    def _write_codes(self, table, out):
        n_plain, n_signs = self._slices["encoded"].start, len(self._groups["signs"][0])
        levels = n_plain + len(self._binned) + n_signs
        if self._n_numbers:
            x, _ = self._encode_plain_numbers(table.numbers, out)
            _, low, factor = self._groups["encoded"]
            for place, j in enumerate(self._binned, n_plain):
                bins = self._groups["encoded"][0] == j
                out[:, place] = _place_in_bins(x[:, j], low[bins], factor[bins])
        if n_signs:
            self._encode_signs(table.codes, out[:, levels - n_signs : levels])
        if self._code_columns:
            places = self._positions[table.codes.take(self._code_columns, axis=1) + self._offsets]
            firsts = self._slices["levels"].start + np.cumsum([0, *self._level_counts()[:-1]])
            out[:, levels:] = np.where(places >= 0, places - firsts, -1)

    @property
    def _binned(self):
        """The columns of numbers that have bins."""
        return np.unique(self._groups["encoded"][0])

    def _level_counts(self):
        """The number of columns of each category with more than two levels."""
        parts = np.split(self._positions, [start - 1 for start in self._offsets[1:]])
        return [len(np.unique(part[part >= 0])) for part in parts if len(self._offsets)]

    def _output(self, n_rows, out):
        if out is None:
            return np.empty((n_rows, self.n_columns), np.float32)
        if out.shape != (n_rows, self.n_columns) or out.dtype != np.float32:
            raise ValueError(
                f"out must be float32 of shape {(n_rows, self.n_columns)}, got {out.dtype} of "
                f"shape {out.shape}."
            )
        return out

    def _chunks(self, n_rows):
        length = max(_CHUNK // max(self.n_columns, self._n_numbers, 1), 16)
        return [slice(start, start + length) for start in range(0, n_rows, length)]

    def _adjust(self, part):
        part -= self.centre

    def _set_centre(self, total, n_rows, sample_weight):
        weight = n_rows if sample_weight is None else np.sum(sample_weight, dtype=np.float64)
        self.centre = (total / weight).astype(np.float32)

    def _learn(self, table, y, sample_weight):
        if self.encoding == "tree" and y is None:
            raise ValueError("encoding='tree' requires y, which is None.")
        self._n_numbers = table.numbers.shape[1]
        self._fill = np.zeros(self._n_numbers)
        groups = {name: _Outputs() for name in ("missing", "binary", "scaled", "encoded")}
        random_state = check_random_state(self.random_state)
        for j in range(self._n_numbers):
            self._learn_number(groups, table, j, y, sample_weight, random_state)
        groups["signs"], groups["levels"] = self._learn_categories(table, sample_weight)
        start, self._slices = 0, {}
        for name, group in groups.items():
            self._slices[name] = slice(start, start + len(group))
            start += len(group)
        self.n_columns = start
        self.names = _distinct_names([name for group in groups.values() for name in group.names])
        sources = [source for group in groups.values() for source in group.sources]
        self.column_of_output = np.array(sources, dtype=np.intp)
        self._groups = {name: group.arrays() for name, group in groups.items()}
        if self.encoding == "periodic":
            self._waves = [part.astype(np.float32) for part in self._groups["encoded"][1:]]
        self._positions += self._slices["levels"].start * (self._positions >= 0)

    def _learn_number(self, groups, table, j, y, sample_weight, random_state):
        """Adds the output columns of a column of numbers to their groups."""
        name, source = table.layout.number_names[j], table.layout.number_sources[j]
        column = SortedColumn(table.numbers[:, j], sample_weight)
        if not 0 <= column.n_missing < column.n_rows:
            return
        if column.n_missing and source not in groups["missing"].sources:
            groups["missing"].add(j, f"{name}_missing", source)
        low, high = column.values[[0, -1]]
        if is_nearly_constant(low, high, _are_integers(column.distinct)):
            return
        if len(column.distinct) == 2:
            groups["binary"].add(j, name, source, low, 2 * inverse_widths([low, high])[0])
            self._fill[j] = low / 2 + high / 2
            return
        self._fill[j], scale = median_and_scale(column)
        place = len(groups["scaled"])
        groups["scaled"].add(j, name, source, self._fill[j], scale)
        if self.encoding == "none" or name in self.scaled_only:
            return
        if self.encoding == "periodic":
            n_waves = self.n_bins or N_WAVES
            frequencies = 2 * np.pi * random_state.normal(0, WAVE_SCALE, n_waves)
            phases = random_state.uniform(-np.pi, np.pi, n_waves)
            for k, (frequency, phase) in enumerate(zip(frequencies, phases, strict=True)):
                groups["encoded"].add(place, f"{name}_wave{k}", source, frequency, phase)
            return
        edges = self._edges(column, table.numbers[:, j], y, sample_weight)
        first, second = edges[:-1], inverse_widths(edges)
        if self.encoding == "one_hot":
            first, second = _intervals(edges, len(column.distinct))
        for k, pair in enumerate(zip(first, second, strict=True)):
            groups["encoded"].add(j, f"{name}_bin{k}", source, *pair)

    def _edges(self, column, values, y, sample_weight):
        bins = default_bins(self.encoding, self.classification)
        if self.n_bins is not None:
            bins = Bins(self.n_bins, 2 * self.n_bins)
        if self.encoding != "tree":
            return quantile_edges(column, bins.n_bins, bins.max_distinct)
        return tree_edges(
            values,
            y,
            n_bins=bins.n_bins,
            classification=self.classification,
            sample_weight=sample_weight,
        )

    def _learn_categories(self, table, sample_weight):
        """The groups of categories with two levels and with more; fills `_positions`.

        `_positions[_offsets[j] + code]` is the output column of a level within its group, or -1.
        `_offsets` refers to code -1, which has no output column.
        """
        signs, levels = _Outputs(), _Outputs()
        positions, self._offsets, self._code_columns = [], [], []
        for j, fitted in enumerate(table.layout.levels):
            name, source = table.layout.code_names[j], table.layout.code_sources[j]
            if len(fitted) == 2:
                signs.add(j, f"{name}_{fitted.names[1]}", source)
                continue
            counts = np.bincount(table.codes[:, j] + 1, sample_weight, len(fitted) + 1)[1:]
            column_of, names = _level_columns(counts, fitted, self.max_categories)
            self._offsets.append(len(positions) + 1)
            self._code_columns.append(j)
            positions += [-1, *(k + len(levels) if k >= 0 else -1 for k in column_of)]
            for level in names:
                levels.add(j, f"{name}_{level}", source)
        self._positions = np.array(positions, dtype=np.intp)
        return signs, levels

    def _encode(self, table, out):
        """Write the uncentred codes of a chunk into `out` and return it."""
        if self._n_numbers:
            self._encode_numbers(table.numbers, out)
        if table.codes.shape[1]:
            self._encode_categories(table.codes, out)
        return out

    def _encode_numbers(self, numbers, out):
        x, scaled = self._encode_plain_numbers(numbers, out)
        columns, low, factor = self._groups["encoded"]
        if not len(columns):
            return
        target = out[:, self._slices["encoded"]]
        if self.encoding == "periodic":
            frequency, phase = self._waves
            angle = scaled.astype(np.float32).take(columns, axis=1) * frequency
            np.cos(angle + phase, out=target)
        elif self.encoding == "one_hot":
            value = x.take(columns, axis=1)
            target[:] = (value >= low) & (value < factor)
        else:
            with np.errstate(over="ignore"):
                write_codes(x, columns, low, factor, target)

    def _encode_plain_numbers(self, numbers, out):
        """Writes indicators of gaps, numbers of two values and scaled numbers; returns the numbers
        without gaps, and the scaled ones."""
        groups, slices = self._groups, self._slices
        missing = np.isnan(numbers)
        columns = groups["missing"][0]
        if len(columns):
            out[:, slices["missing"]] = np.where(missing.take(columns, axis=1), 1, -1)
        x = np.clip(np.where(missing, self._fill, numbers), -LARGEST, LARGEST)
        with np.errstate(over="ignore"):
            columns, low, factor = groups["binary"]
            if len(columns):
                value = (x.take(columns, axis=1) - low) * factor - 1
                np.clip(value, -1, 1, out=out[:, slices["binary"]], casting="same_kind")
            columns, median, scale = groups["scaled"]
            scaled = smoothly_clipped((x.take(columns, axis=1) - median) * scale)
            out[:, slices["scaled"]] = scaled
        return x, scaled

    def _encode_signs(self, codes, out):
        """Writes the categories of two levels."""
        code = codes.take(self._groups["signs"][0], axis=1)
        out[:] = np.where(code < 0, 0, 2 * code - 1)

    def _encode_categories(self, codes, out):
        if len(self._groups["signs"][0]):
            self._encode_signs(codes, out[:, self._slices["signs"]])
        if self._code_columns:
            out[:, self._slices["levels"]] = 0
            places = self._positions[codes.take(self._code_columns, axis=1) + self._offsets]
            rows, some = np.nonzero(places >= 0)
            out[rows, places[rows, some]] = 1


def _weighted_sum(values, sample_weight, rows):
    if sample_weight is None:
        return values.sum(axis=0, dtype=np.float64)
    return np.einsum("i,ij->j", sample_weight[rows], values, dtype=np.float64)


def _place_in_bins(x, low, factor):
    """t + f for numbers at the share f of the width of bin t; the bins start at `low`."""
    t = np.maximum(np.searchsorted(low, x, side="right") - 1, 0)
    with np.errstate(over="ignore"):
        return t + np.clip((x - low[t]) * factor[t], 0, 1)


def _means_of_inputs(kind, count, codes, sample_weight):
    """The means of the inputs that a column of codes encodes, see CodedInputs."""
    weights = np.ones(len(codes)) if sample_weight is None else sample_weight.astype(np.float64)
    total = weights.sum()
    if kind == "number":
        return np.array([weights @ codes / total])
    places = np.clip(np.floor(codes), -1 if kind == "level" else 0, count - 1).astype(np.intp)
    of_place = np.bincount(places + 1, weights, count + 1)[1:]
    if kind == "level":
        return of_place / total
    above = total - np.cumsum(of_place)
    return (above + np.bincount(places, weights * (codes - places), count)) / total


def _are_integers(values):
    return bool((values == np.rint(values)).all())


def _intervals(edges, n_distinct):
    """(low, high) of disjoint intervals that cover all numbers: one per bin, or one per value.

    If all `n_distinct` values are edges, the intervals meet midway between adjacent values.
    """
    inner = edges[1:-1]
    if len(edges) == n_distinct:
        inner = edges[:-1] / 2 + edges[1:] / 2
    return np.append(-np.inf, inner), np.append(inner, np.inf)


def _level_columns(counts, levels, max_categories):
    """(column of each code or -1, names of the columns) of a category.

    Levels with zero weight in the rows of `fit` have no column. With more than `max_categories`
    levels, the most frequent have a column each; the others share the last with the rare values.
    """
    present = np.flatnonzero(counts > 0)
    rare = [levels.unseen_code] if levels.has_rare else []
    alone = present[~np.isin(present, rare)]
    merged = len(present) > len(alone)
    if len(alone) + merged > max_categories:
        order = np.argsort(-counts[alone], kind="stable")
        alone, merged = np.sort(alone[order[: max_categories - 1]]), True
    column_of = np.full(len(counts), -1)
    if merged:
        column_of[present] = len(alone)
    if rare and merged:
        column_of[rare] = len(alone)
    column_of[alone] = np.arange(len(alone))
    names = [levels.names[code] for code in alone] + ["infrequent"] * merged
    return column_of.tolist(), names


def _distinct_names(names):
    """The names, with a number appended to repeated ones (as for level 1 and level '1')."""
    seen, distinct = {}, []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        distinct.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return distinct
