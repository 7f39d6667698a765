"""The encoded rows of each member of an ensemble: its encoder, and the rows the encoder may use.

Encoders that do not use the target are shared by all members with the same encoding. Tree bins and
target statistics are fitted separately for each fold that is left out. Otherwise the rows on which
a member is validated would influence its inputs.
"""

# SPDX-License-Identifier: BSD-3-Clause
from dataclasses import dataclass, replace

import numpy as np

from rosenblatt._data import TrainingData
from rosenblatt.preprocessing._encoder import ColumnEncoder
from rosenblatt.tabular._category_statistics import CategoryStatistics
from rosenblatt.tabular._folds import fold_numbers
from rosenblatt.tabular._recipe import BINS_OF_LARGE, ENCODINGS

SEES_TARGETS = ("tree",)  # encodings that use the target
CODED = ("quantile", "tree", "coarse")  # encodings that can be passed to the network as codes
# the time of a product per row of weights that it reads for codes, relative to that per dense input
COST_OF_CODED = 3
N_INNER_FOLDS = 5  # folds for the out-of-fold target statistics of training rows
# maximum number of encoded values (about 512 MB) that are kept while members train, and the
# approximate maximum number of inputs per number and per category
MOST_KEPT, INPUTS_A_NUMBER, MOST_LEVELS = 2**27, 20, 64


@dataclass(frozen=True)
class Rows:
    """Rows in the form that the stages of a fit pass on.

    Attributes
    ----------
    table : Table
    target : ClassTarget or NumberTarget
    groups : ndarray or None
    """

    table: object
    target: object
    groups: np.ndarray | None = None


class MemberInputs:
    """Encodes the rows for each member when it is trained.

    Parameters
    ----------
    rows : Rows
    validation : Rows or None
        Validation rows given by the caller.
    folds : ndarray of int of shape (n_repeats, n_samples) or None
        The fold of each row, in each division of the rows; None with `validation`.
    plan : EnsemblePlan
    random_state : numpy.random.RandomState

    Attributes
    ----------
    statistics : CategoryStatistics or None
        Target statistics of all training rows, for prediction.
    encoders : list of ColumnEncoder
        In order of first use.
    """

    def __init__(self, rows, validation, folds, plan, random_state):
        self.rows, self.validation, self.folds, self.plan = rows, validation, folds, plan
        # drawn for all encodings, used or not, so that ensembles of different sizes agree
        self.seeds = {name: random_state.randint(2**31 - 1) for name in ENCODINGS}
        self.encoders, self.numbers, self.kept = [], {}, {}
        self.statistics, self.table = CategoryStatistics(rows.table, rows.target), rows.table
        if not self.statistics.columns:
            self.statistics = None
            return
        self.inner = _inner_folds(rows, random_state)
        self.table = self.statistics.fit_extend(rows.table, rows.target, self.inner)

    def in_turn(self):
        """The members' numbers in the order of training.

        The order is ascending, so that the members leave out different folds wherever training
        ends. If the encoded rows of all encodings would take too much memory, members with the
        same encoder are trained one after another.
        """
        numbers = range(self.plan.n_members)
        keys = [self._key(number) for number in numbers]
        if self.keeps_all:
            return list(numbers)
        return sorted(numbers, key=lambda number: (keys.index(keys[number]), number))

    @property
    def keeps_all(self):
        """Whether the rows of all shared encoders are kept while members train."""
        layout = self.table.layout
        n_inputs = len(layout.number_names) * INPUTS_A_NUMBER
        n_inputs += sum(min(len(levels), MOST_LEVELS) for levels in layout.levels)
        n_encodings = len({kind.encoding for kind in self.plan.kinds})
        return len(self.table) * n_inputs * n_encodings <= MOST_KEPT

    def _key(self, number):
        encoding = self.plan.kinds[number].encoding
        if self.folds is None or (self.statistics is None and encoding not in SEES_TARGETS):
            return encoding, None
        return encoding, self._fold(number)

    def _fold(self, number):
        """The (division, fold) that a member leaves out."""
        return divmod(number, self.plan.n_folds)

    def encoder_number(self, number):
        """The index of a member's encoder in `encoders`."""
        return self.numbers[self._key(number)]

    def training_data(self, number):
        """The TrainingData of a member."""
        key = self._key(number)
        data = self.kept.get(key)
        if data is None:
            if not self.keeps_all:
                self.kept.clear()  # first, so that there are never two in memory
            data = self._encoded(*key)
            if key[1] is None or not self.keeps_all:
                self.kept[key] = data
        if self.folds is None:
            return data
        is_held_out = self._is_held_out(self._fold(number))
        return replace(
            data, rows=np.flatnonzero(~is_held_out), held_out=np.flatnonzero(is_held_out)
        )

    def _is_held_out(self, fold):
        division, number = fold
        return self.folds[division] == number

    def _encoded(self, encoding, fold):
        target, table = self.rows.target, self.table
        y = target.indices if target.is_classification else target.targets
        weights = target.given_weight
        if self.statistics is not None and fold is not None:
            is_left_out = self._is_held_out(fold)
            table = self.statistics.fit_extend(
                self.rows.table,
                target,
                np.where(is_left_out, N_INNER_FOLDS, self.inner),
                is_left_out,
            )
        encoder = ColumnEncoder(
            encoding,
            n_bins=BINS_OF_LARGE.get(encoding) if not self.keeps_all else None,
            classification=target.is_classification,
            random_state=self.seeds[encoding],
        )
        seen = slice(None)
        if encoding in SEES_TARGETS and fold is not None:
            seen = np.flatnonzero(~self._is_held_out(fold))
        X, coding = _encoded_rows(encoder, table, y, weights, seen)
        if not encoder.n_columns:
            # all columns are constant outside the left-out fold: use bins without the target
            encoder = ColumnEncoder(classification=target.is_classification)
            X, coding = _encoded_rows(encoder, table, y, weights, slice(None))
        self.numbers.setdefault((encoding, fold), len(self.encoders))
        if self.numbers[encoding, fold] == len(self.encoders):
            self.encoders.append(encoder)
        data = _training_data(target, X, coding)
        if self.validation is None:
            return data
        table = self.extended(self.validation.table)
        X = encoder.transform(table) if coding is None else encoder.codes(table)
        return replace(data, validation=_training_data(self.validation.target, X, coding))

    def extended(self, table):
        """The table with the target statistics of all training rows added."""
        return table if self.statistics is None else self.statistics.extend(table)


def _encoded_rows(encoder, table, y, weights, seen):
    """Encode the rows of a table by an encoder that is fitted on the rows `seen`.

    Returns
    -------
    X : ndarray
    coding : CodedInputs or None
        How X encodes the inputs of the network; None if its columns are the inputs.
    """
    if encoder.encoding not in CODED:
        if isinstance(seen, slice):
            return encoder.fit_transform(table, y, weights), None
        encoder.fit(table.take(seen), y[seen], None if weights is None else weights[seen])
        return encoder.transform(table), None
    codes, coding = encoder.fit_codes(
        table.take(seen), y[seen], None if weights is None else weights[seen]
    )
    if coding.n_stored * COST_OF_CODED > encoder.n_columns:
        return encoder.transform(table), None
    return (codes if isinstance(seen, slice) else encoder.codes(table)), coding


def dense_rows(data, rows):
    """All inputs of some rows of a TrainingData, which predictions read."""
    X = data.X[rows]
    return X if data.coding is None else data.coding.dense(X)


def _inner_folds(rows, random_state):
    """Inner folds by row, or by group if there are enough groups for every member."""
    if rows.groups is None or rows.groups.max() < 2 * N_INNER_FOLDS:
        return fold_numbers(rows.target.order, N_INNER_FOLDS, random_state)
    of_group = fold_numbers(np.zeros(rows.groups.max() + 1), N_INNER_FOLDS, random_state)
    return of_group[rows.groups]


def _training_data(target, X, coding):
    weights = target.sample_weight
    return TrainingData(
        X=X,
        coding=coding,
        y=target.y,
        targets=target.targets,
        sample_weight=None if weights is None else weights.astype(np.float32),
        loss=target.loss,
        n_outputs=target.n_network_outputs,
        strata=target.indices if target.is_classification else None,
        classes=target.classes,
    )
