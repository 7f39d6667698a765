"""Fits, times and scores one model, for all reports. It prints only the progress."""

# SPDX-License-Identifier: BSD-3-Clause
import time
import warnings
from dataclasses import dataclass

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits  # comes with scikit-learn

from rosenblatt.command_line._progress import fit_with_progress
from rosenblatt.diagnosis._statistics import explained_values, share_values, standard_error

TEST_SIZE, MANY_ROWS = 0.25, 50_000


@dataclass(frozen=True)
class Result:
    """A trained model.

    Attributes
    ----------
    name : str
    model : estimator
    values : ndarray of shape (n_test,)
        Values of the test rows whose mean is the score (accuracy or R2).
    seconds : float
    settled : bool
        False if training stopped at the maximum number of epochs.
    remarks : tuple of str
        Messages of the warnings during fit.
    error : float
        Mean absolute error; NaN for classification.
    """

    name: str
    model: object
    values: np.ndarray
    seconds: float
    settled: bool
    remarks: tuple = ()
    error: float = np.nan

    @property
    def score(self):
        """Accuracy or R2 on the test rows."""
        return self.values.mean()

    def standard_error(self, *, is_share):
        """Standard error of the score."""
        return standard_error(self.values, is_share=is_share)


def train(name, model, rows, *, is_classification):
    """Fit, time and score one model.

    Parameters
    ----------
    name : str
    model : estimator
    rows : (X_train, X_test, y_train, y_test)
    is_classification : bool

    Returns
    -------
    Result

    Raises
    ------
    KeyboardInterrupt
        On Ctrl-C, even if the model catches it and only warns.
    """
    X_train, X_test, y_train, y_test = rows
    # on a busy machine, waiting BLAS and OpenMP threads can make small work a hundred times slower;
    # boosting gains from threads on large tables only
    limits = threadpool_limits(1, "blas" if len(X_train) > MANY_ROWS else None)
    with warnings.catch_warnings(record=True) as caught, limits:
        warnings.simplefilter("always", UserWarning)
        start = time.perf_counter()
        fit_with_progress(model, name, X_train, y_train)
        seconds = time.perf_counter() - start
    settled, remarks = _remarks(caught)
    predicted = model.predict(X_test)
    if is_classification:
        return Result(name, model, share_values(predicted, y_test), seconds, settled, remarks)
    errors, baseline = (y_test - predicted) ** 2, (y_test - y_test.mean()) ** 2
    values = explained_values(errors[:, None], baseline[:, None])
    distance = float(np.abs(y_test - predicted).mean())
    return Result(name, model, values, seconds, settled, remarks, distance)


def _remarks(caught):
    """(whether training converged, the distinct messages of the other warnings)."""
    settled, remarks = True, {}
    for warning in caught:
        text = str(warning.message)
        if "interrupted" in text or text.startswith("Ctrl-C"):
            raise KeyboardInterrupt
        if issubclass(warning.category, ConvergenceWarning):
            settled = False
        elif issubclass(warning.category, UserWarning):
            remarks[text] = None
        else:
            warnings.warn_explicit(
                warning.message, warning.category, warning.filename, warning.lineno
            )
    return settled, tuple(remarks)
