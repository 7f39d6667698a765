"""The encoded rows of every member of an ensemble: which encoder it has, and what it may see.

Encoders that see no target are shared by all members of their encoding. The bins of trees and the
target statistics of categories are learned anew for each fold that is left out: otherwise the
rows that judge a member would have had a say in its inputs.
"""

# SPDX-License-Identifier: BSD-3-Clause
from dataclasses import dataclass, replace

import numpy as np

from rosenblatt._data import TrainingData
from rosenblatt.preprocessing._encoder import ColumnEncoder
from rosenblatt.tabular._category_statistics import CategoryStatistics
from rosenblatt.tabular._folds import fold_numbers
from rosenblatt.tabular._recipe import BINS_OF_LARGE, ENCODINGS

SEES_TARGETS = ("tree",)  # encodings
CODED = ("quantile", "tree", "coarse")  # those whose rows may be codes
COST_OF_CODED = 3  # of an input that a row of codes stores, by that of one in a dense row
N_INNER_FOLDS = 5  # of the statistics of training rows, which their own fold is no part of
# encoded numbers of all encodings, some 512 MB, that are kept while members train; and what a
# column makes at most, about
MOST_KEPT, INPUTS_A_NUMBER, MOST_LEVELS = 2**27, 20, 64


@dataclass(frozen=True)
class Rows:
    """Rows as the stages pass them on.

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
    """Encodes the rows of members, when their turn comes.

    Parameters
    ----------
    rows : Rows
    validation : Rows or None
        Held out by the caller.
    folds : ndarray of int of shape (n_repeats, n_samples) or None
        Each row's fold, in every division of the rows; None with `validation`.
    plan : EnsemblePlan
    random_state : numpy.random.RandomState

    Attributes
    ----------
    statistics : CategoryStatistics or None
        Of all training rows, for prediction.
    encoders : list of ColumnEncoder
        In the order in which they were first asked for.
    """

    def __init__(self, rows, validation, folds, plan, random_state):
        self.rows, self.validation, self.folds, self.plan = rows, validation, folds, plan
        # of every encoding, whether a member has it or not: ensembles of any size agree
        self.seeds = {name: random_state.randint(2**31 - 1) for name in ENCODINGS}
        self.encoders, self.numbers, self.kept = [], {}, {}
        self.statistics, self.table = CategoryStatistics(rows.table, rows.target), rows.table
        if not self.statistics.columns:
            self.statistics = None
            return
        self.inner = _inner_folds(rows, random_state)
        self.table = self.statistics.fit_extend(rows.table, rows.target, self.inner)

    def in_turn(self):
        """The members' numbers in the order in which they train.

        As they are, so that wherever training ends the members so far have left out different
        folds. Where the encoded rows of all encodings would take too much memory, those of one
        encoder follow each other.
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
        """(division, fold) that a member leaves out."""
        return divmod(number, self.plan.n_folds)

    def encoder_number(self, number):
        """The place of a member's encoder in `encoders`."""
        return self.numbers[self._key(number)]

    def training_data(self, number):
        """The TrainingData of a member."""
        key = self._key(number)
        data = self.kept.get(key)
        if data is None:
            if not self.keeps_all:
                self.kept.clear()  # before there are two
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
            # all columns are constant but for the fold left out: bins that see no target
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
        """A table of other rows with the statistics of all training rows."""
        return table if self.statistics is None else self.statistics.extend(table)


def _encoded_rows(encoder, table, y, weights, seen):
    """(rows of a table, CodedInputs or None where the rows are the inputs), by an encoder that
    learns from the rows `seen`."""
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
    """Some rows of a TrainingData as predictions read them, with all inputs."""
    X = data.X[rows]
    return X if data.coding is None else data.coding.dense(X)


def _inner_folds(rows, random_state):
    """By rows, or by groups where there are enough that a member's training rows have several."""
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
