"""The levels of a categorical column: which values have their own code, and the codes of the cells
of new rows. The encoder decides how codes become columns.
"""

# SPDX-License-Identifier: BSD-3-Clause
from dataclasses import dataclass, field

import numpy as np

from rosenblatt._plain_state import stored_as_plain_data
from rosenblatt.preprocessing._cells import is_missing, refuse_unhashable

UNKNOWN = -1
_FEW_LEVELS = 30  # if a column has no more levels than this, rare ones are kept too
_MIN_COUNT = 3


@stored_as_plain_data
@dataclass(frozen=True)
class Levels:
    """Values with codes 0, 1, ..., then an optional code for missing cells and one for rare values.

    Attributes
    ----------
    values : tuple
        Levels of the training rows, sorted. If there are more than 30, levels that occur in fewer
        than 3 rows are left out.
    has_missing : bool
        Whether missing cells have their own code. They do if the training rows have missing cells,
        unless the column has two values (it is then encoded as -1 or 1, with 0 for neither).
    has_rare : bool
        Whether rare and unseen values share a code. If not, unseen values have code -1, as do
        missing cells without their own code.
    """

    values: tuple
    has_missing: bool = False
    has_rare: bool = False
    _code_of: dict = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self):
        object.__setattr__(self, "_code_of", {value: i for i, value in enumerate(self.values)})

    def __reduce__(self):
        return type(self), (self.values, self.has_missing, self.has_rare)

    def __len__(self):
        return len(self.values) + self.has_missing + self.has_rare

    @classmethod
    def fit(cls, codes, distinct, used=None):
        """Learn the levels.

        Parameters
        ----------
        codes : ndarray of int of shape (n,)
            Indices into `distinct`, -1 for missing cells.
        distinct : list
        used : ndarray of bool of shape (n,) or None
            The rows to use; None for all.
        """
        codes = codes if used is None else codes[used]
        counts = np.bincount(codes + 1, minlength=len(distinct) + 1)
        n_missing, counts = counts[0], counts[1:]
        least = _MIN_COUNT if np.count_nonzero(counts) > _FEW_LEVELS else 1
        kept = [distinct[i] for i in np.flatnonzero(counts >= least)]
        has_missing = bool(n_missing) and len(kept) != 2
        return cls(_sorted(kept), has_missing, bool(((counts > 0) & (counts < least)).any()))

    @property
    def missing_code(self):
        return len(self.values) if self.has_missing else UNKNOWN

    @property
    def unseen_code(self):
        return len(self.values) + self.has_missing if self.has_rare else UNKNOWN

    @property
    def names(self):
        """The names of all codes, as text."""
        names = [str(value) for value in self.values]
        return names + ["missing"] * self.has_missing + ["infrequent"] * self.has_rare

    def codes_of_distinct(self, codes, distinct):
        """int32 codes of shape (n,); cells are given as indices into `distinct`, -1 if missing."""
        table = np.empty(len(distinct) + 1, dtype=np.int32)
        table[-1] = self.missing_code
        if len(distinct) > len(codes):  # a few rows of a dtype with many declared values
            some = np.unique(codes[codes >= 0])
            table[some] = self.codes_of_cells([distinct[i] for i in some], None)
        else:
            table[:-1] = self.codes_of_cells(distinct, None)
        return table.take(codes, mode="wrap")  # index -1 is the last

    def codes_of_cells(self, cells, label):
        """int32 codes of shape (n,) for a list of cells.

        Raises
        ------
        CellError
            If a cell is not hashable. `label` is the column's name.
        """
        code_of, unseen = self._code_of, self.unseen_code
        try:
            found = [code_of.get(cell, -2) for cell in cells]
        except TypeError:
            refuse_unhashable(label, cells)
        codes = np.array(found, dtype=np.int32)
        for row in np.flatnonzero(codes == -2):
            codes[row] = self.missing_code if is_missing(cells[row]) else unseen
        return codes


def _sorted(values):
    """A tuple of the values, sorted if they can be, so that it does not depend on the row order."""
    try:
        return tuple(sorted(values))
    except TypeError:
        return tuple(sorted(values, key=lambda value: (type(value).__name__, str(value))))
