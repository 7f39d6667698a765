"""Parses times from cells and turns them into numbers: calendar fields and days since the earliest
training row. It does not handle data frames.
"""

# SPDX-License-Identifier: BSD-3-Clause
from dataclasses import dataclass

import numpy as np

from rosenblatt._plain_state import stored_as_plain_data
from rosenblatt.preprocessing._cells import is_missing

_MICROSECONDS_A_DAY = 86_400_000_000


def times_of(values, label):
    """The cells as datetime64[us], with NaT for missing cells. Text must be in ISO 8601 format.

    Raises
    ------
    ValueError
        If a cell cannot be read as a time.
    """
    if isinstance(values, np.ndarray) and values.dtype.kind == "M":
        return values.astype("M8[us]")
    times = np.empty(len(values), dtype="M8[us]")
    for row, value in enumerate(values):
        times[row] = _time(value, label, row)
    return times


def _time(value, label, row):
    if is_missing(value):
        return np.datetime64("NaT")
    value = value.to_timestamp() if type(value).__name__ == "Period" else value
    offset = getattr(value, "utcoffset", lambda: None)()
    if offset is not None:  # NumPy has no time zones: convert to UTC
        value = value.replace(tzinfo=None) - offset
    # NumPy parses "now" and "today" as the current time
    if not isinstance(value, (int, float)) and not (isinstance(value, str) and value.isalpha()):
        try:
            return np.datetime64(value).astype("M8[us]")
        except (TypeError, ValueError):
            pass
    raise ValueError(
        f"Column {label!r} held dates in fit but holds {value!r} in row {row}. Allowed are dates, "
        "timestamps and text in ISO 8601 format (2026-11-28)."
    )


def _years(times):
    return times.astype("M8[Y]").astype(np.int64) + 1970


def _months(times):
    return times.astype("M8[M]").astype(np.int64) % 12 + 1


def _days(times):
    first = times.astype("M8[M]").astype("M8[D]")
    return (times.astype("M8[D]") - first).astype(np.int64) + 1


def _weekdays(times):
    return (times.astype("M8[D]").astype(np.int64) + 3) % 7


def _hours(times):
    return times.astype("M8[h]").astype(np.int64) % 24


def _minutes(times):
    return times.astype("M8[m]").astype(np.int64) % 60


_PARTS = {
    "year": _years,
    "month": _months,
    "day": _days,
    "weekday": _weekdays,
    "hour": _hours,
    "minute": _minutes,
}


@stored_as_plain_data
@dataclass(frozen=True)
class DateParts:
    """The numeric columns that a column of times is turned into.

    Attributes
    ----------
    origin : datetime64[us]
        The earliest time of the training rows.
    parts : tuple of str
        The fields that vary in the training rows, out of year, month (1 to 12), day (of the
        month), weekday (Monday is 0), hour and minute.
    """

    origin: np.datetime64
    parts: tuple

    @classmethod
    def fit(cls, times):
        """Learn from datetime64[us] of shape (n,). Returns None if all values are missing."""
        present = times[~np.isnat(times)]
        if not len(present):
            return None
        varying = (name for name, part in _PARTS.items() if np.ptp(part(present)) > 0)
        return cls(present.min(), tuple(varying))

    @property
    def names(self):
        """Names of the columns that `numbers` returns."""
        return (*self.parts, "elapsed_days")

    def numbers(self, times):
        """float64 of shape (n, len(names)); NaT gives a row of NaN."""
        out = np.empty((len(times), len(self.names)))
        for j, name in enumerate(self.parts):
            out[:, j] = _PARTS[name](times)
        out[:, -1] = (times - self.origin).astype(np.int64) / _MICROSECONDS_A_DAY
        out[np.isnat(times)] = np.nan
        return out
