"""Small raw tables with missing values, text and skew, and fast ensembles, for tests."""

# SPDX-License-Identifier: BSD-3-Clause
import numpy as np
import pandas as pd

from rosenblatt import TabularMLPClassifier, TabularMLPRegressor

# two networks of a few epochs: enough to learn what these tables hold
QUICK = {
    "preset": "fast",
    "n_members": 2,
    "n_folds": 2,
    "max_iter": 8,
    "hidden_layer_sizes": (32,),
    "random_state": 0,
}


def classifier(**params):
    return TabularMLPClassifier(**QUICK | params)


def regressor(**params):
    return TabularMLPRegressor(**QUICK | params)


def people(n_rows=240, seed=0):
    """(frame, wage): numbers, text, categories, a truth value, dates and gaps; the wage is of age,
    trade and city, with noise of 10 %."""
    rng = np.random.RandomState(seed)
    age = rng.randint(18, 66, n_rows).astype(float)
    trade = rng.choice(["smith", "baker", "weaver"], n_rows)
    city = rng.choice(["Bern", "Rome", "Oslo", "Lyon"], n_rows, p=[0.4, 0.3, 0.2, 0.1])
    effect = pd.Series(trade).map({"smith": 0.0, "baker": 1.0, "weaver": -1.0}).to_numpy()
    wage = 20 + 0.3 * age + 8 * effect + 2 * (city == "Rome") + rng.normal(size=n_rows)
    frame = pd.DataFrame(
        {
            "age": np.where(rng.random_sample(n_rows) < 0.1, np.nan, age),
            "trade": trade,
            "city": pd.Categorical(city),
            "married": rng.random_sample(n_rows) < 0.5,
            "since": pd.Timestamp("2020-01-01")
            + pd.to_timedelta(rng.randint(0, 900, n_rows), unit="D"),
            "noise": rng.normal(size=n_rows),
        }
    )
    frame.loc[rng.permutation(n_rows)[: n_rows // 10], "trade"] = None
    return frame, wage
