"""The fitted ensemble: preprocessing, networks and their weights, as one function of raw rows.

It stores no training row. It is built by _fit.py; the public methods are in _estimators.py.
"""

# SPDX-License-Identifier: BSD-3-Clause
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from rosenblatt._plain_state import stored_as_plain_data

CHUNK_ROWS = 2048  # rows that are encoded at a time


@stored_as_plain_data
@dataclass
class Ensemble:
    """Networks on encoded rows.

    Attributes
    ----------
    reader : TableReader
    statistics : CategoryStatistics or None
    encoders : list of ColumnEncoder
    members : list of MLPClassifier or MLPRegressor
        Fitted to encoded rows.
    encoder_of : list of int
        For each member, the index of its encoder.
    weights : ndarray of shape (n_members,)
        Weights of the members; they sum to 1.
    decoder : ClassDecoder or NumberDecoder
    calibration : TemperatureScaling or None
        For classification.
    distribution : PredictionDistribution or None
        For regression.
    """

    reader: object
    statistics: object
    decoder: object
    encoders: list = field(default_factory=list)
    members: list = field(default_factory=list)
    encoder_of: list = field(default_factory=list)
    weights: np.ndarray | None = None
    calibration: object = None
    distribution: object = None

    def read(self, X):
        """Read raw rows as a Table."""
        table = self.reader.read(X)
        return table if self.statistics is None else self.statistics.extend(table)

    def encode(self, table, member):
        """Encode the rows as the input of a member."""
        return self.encoders[self.encoder_of[member]].transform(table)

    def predict(self, table, n_jobs=1):
        """The weighted mean of the members' decoded outputs, calibrated.

        Parameters
        ----------
        table : Table
        n_jobs : int
            Number of threads. The result does not depend on it.

        Returns
        -------
        predictions : ndarray of float64 of shape (n_samples, n_outputs)
        """
        return self._in_chunks(self._predict, table, (self.decoder.n_outputs,), n_jobs)

    @staticmethod
    def _in_chunks(function, table, shape, n_jobs):
        """Apply `function` to chunks of rows, so that memory is bounded."""
        n_rows = len(table)
        starts = range(0, n_rows, CHUNK_ROWS)
        out = np.empty((n_rows, *shape))

        def compute_chunk(start):
            rows = slice(start, start + CHUNK_ROWS)
            out[rows] = function(table.take(rows))

        if n_jobs == 1 or len(starts) == 1:
            for start in starts:
                compute_chunk(start)
        else:
            with ThreadPoolExecutor(n_jobs, thread_name_prefix="rosenblatt") as pool:
                list(pool.map(compute_chunk, starts))
        return out

    def quantiles(self, table, levels, n_jobs=1):
        """Quantiles of the target: ndarray of float64 of shape (n_samples, n_targets, n_levels).

        Parameters
        ----------
        table : Table
        levels : ndarray of shape (n_levels,)
            In ascending order.
        n_jobs : int
        """
        shape = (self.decoder.n_outputs, len(levels))

        def of_rows(table):
            return self.distribution.quantiles(table, self._predict(table), levels)

        return self._in_chunks(of_rows, table, shape, n_jobs)

    def _predict(self, table):
        total = 0.0
        for i, encoder in enumerate(self.encoders):
            numbers = [k for k, used in enumerate(self.encoder_of) if used == i]
            if not numbers:
                continue
            X = encoder.transform(table)
            for k in numbers:
                decoded = self.decoder.decoded(member_outputs(self.members[k], X))
                total = total + self.weights[k] * decoded
        total = self.decoder.limited(total)
        return total if self.calibration is None else self.calibration.transform(total)


def member_outputs(member, X):
    """The outputs of a member's network for encoded rows, of shape (n_rows, n_outputs)."""
    return member._outputs(X)
