"""The models that are trained on a table, each with the rows in the form that it requires.

It is also meant as an example of use for newcomers.
"""

# SPDX-License-Identifier: BSD-3-Clause
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pandas.api import types
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from rosenblatt import (
    MLPClassifier,
    MLPRegressor,
    PerceptronClassifier,
    TabularMLPClassifier,
    TabularMLPRegressor,
)
from rosenblatt.command_line._target import LARGEST_VALUE
from rosenblatt.command_line._text import listed

MOST_LEVELS = 255  # maximum number of levels per category in scikit-learn's boosting


@dataclass(frozen=True)
class Contender:
    """A model to train, with the rows in the form that it requires."""

    name: str
    model: object
    rows: tuple


def tabular_options(settings):
    """The ensemble's parameters that are set on the command line."""
    options = {
        "preset": settings.preset,
        "time_limit": settings.time_limit,
        "hidden_layer_sizes": settings.hidden,
        "max_iter": settings.max_iter,
    }
    options = {name: value for name, value in options.items() if value is not None}
    return options | {"n_jobs": -1, "random_state": settings.random_state}


def tabular(problem, settings):
    """The ensemble for raw tables."""
    kind = TabularMLPClassifier if problem.is_classification else TabularMLPRegressor
    return Contender(kind.__name__, kind(**tabular_options(settings)), problem.rows)


def boosting(problem, settings):
    """scikit-learn's gradient boosting, which supports missing values and categories."""
    kind = HistGradientBoostingRegressor
    if problem.is_classification:
        kind = HistGradientBoostingClassifier
    model = kind(categorical_features="from_dtype", random_state=settings.random_state)
    frames = for_boosting(problem.X_train, problem.X_test)
    return Contender(kind.__name__, model, (*frames, problem.y_train, problem.y_test))


def plain_networks(problem, settings):
    """Networks that require numeric input, on standardised columns."""
    rows = [X.to_numpy(dtype=float) for X in (problem.X_train, problem.X_test)]
    rows += [problem.y_train, problem.y_test]
    shared = {"max_iter": settings.max_iter or 200, "random_state": settings.random_state}
    mlp = shared | {"hidden_layer_sizes": settings.hidden or (100,)}
    if not problem.is_classification:
        network = make_pipeline(StandardScaler(), MLPRegressor(**mlp))
        model = TransformedTargetRegressor(network, transformer=StandardScaler())
        return [Contender("MLPRegressor", model, rows)]
    networks = [MLPClassifier(**mlp), PerceptronClassifier(**shared)]
    return [
        Contender(type(network).__name__, make_pipeline(StandardScaler(), network), rows)
        for network in networks
    ]


def why_not_plain(problem):
    """The reason why the plain networks cannot use these columns, as text, or None."""
    frame = pd.concat([problem.X_train, problem.X_test])
    text = [name for name in frame if not types.is_numeric_dtype(frame[name])]
    if text:
        return f"no numbers are in {listed(text, 3)}"
    gaps = [name for name in frame if frame[name].isna().any()]
    if gaps:
        return f"there are gaps in {listed(gaps, 3)}"
    far = [name for name in frame if not (np.abs(frame[name]) <= LARGEST_VALUE).all()]
    return f"values are too large or infinite in {listed(far, 3)}" if far else None


def for_boosting(X_train, X_test):
    """Both data frames with dates converted to seconds and text to categories.

    Only the 255 most frequent levels of the training rows are kept; others become missing values.
    """
    pairs = {str(label): _for_boosting(X_train[label], X_test[label]) for label in X_train}
    return tuple(pd.DataFrame({name: pair[i] for name, pair in pairs.items()}) for i in (0, 1))


def _for_boosting(train, test):
    if types.is_datetime64_any_dtype(train) or types.is_timedelta64_dtype(train):
        first = train.min()
        return tuple((part - first).dt.total_seconds().to_numpy() for part in (train, test))
    if types.is_numeric_dtype(train):
        return tuple(part.to_numpy(dtype=float, na_value=np.nan) for part in (train, test))
    levels = list(train.value_counts().index[:MOST_LEVELS])
    known = (part.astype(object).where(part.isin(levels)) for part in (train, test))
    return tuple(pd.Categorical(part, categories=levels) for part in known)
