"""Predict intervals for house prices: several quantiles of one target, from one network.

    python examples/price_intervals.py                  downloads from openml.org (needs pandas)
    python examples/price_intervals.py --data FOLDER    reads FOLDER/kc_house.csv.gz

The data are 21,613 houses sold in King County in 2014 and 2015. The network predicts the logarithm
of the price. Quantiles are preserved by increasing functions, so exp gives quantiles of the price.
The script measures the coverage on held-out prices before and after calibration by conformalised
quantile regression (Romano, Patterson & Candes, 2019), which uses a fifth of the training rows.
"""

import argparse
import math
import warnings

import numpy as np
from real_data import add_common_arguments, load_table, loading, print_table
from sklearn.compose import make_column_transformer
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, QuantileTransformer

from rosenblatt import MLPRegressor

CATEGORICAL = ["zipcode"]
NUMERIC = [
    *("bedrooms", "bathrooms", "floors", "waterfront", "view", "condition", "grade"),
    *("sqft_living", "sqft_lot", "sqft_above", "sqft_basement", "sqft_living15", "sqft_lot15"),
    *("yr_built", "yr_renovated", "lat", "long"),
]
LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
INTERVALS = ((0.25, 0.75), (0.1, 0.9), (0.05, 0.95))


def parse_arguments(argv=None):
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_common_arguments(parser, "kc_house.csv.gz", "a small network and a few epochs")
    return parser.parse_args(argv)


def build_model(arguments):
    """Return a pipeline of scaling, one-hot zip codes, and a network with an output per level."""
    columns = make_column_transformer(
        (QuantileTransformer(output_distribution="normal", subsample=None), NUMERIC),
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), CATEGORICAL),
    )
    network = MLPRegressor(
        hidden_layer_sizes=(16,) if arguments.quick else (64, 64),
        loss="quantile",
        quantile=LEVELS,
        non_crossing=True,
        learning_rate="cosine",
        learning_rate_init=0.003,
        batch_size=128,
        max_iter=20 if arguments.quick else 40,
        early_stopping=True,
        scoring="loss",
        n_iter_no_change=np.inf,  # so that the schedule runs to its end; the best epoch is kept
        random_state=arguments.random_state,
        dtype="float32",
    )
    return make_pipeline(columns, network)


def conformal_shift(y, lower, upper, share):
    """Return the distance to move both bounds outwards so that they cover `share` of the rows."""
    outside = np.maximum(lower - y, y - upper)  # negative between the bounds
    rank = math.ceil((len(y) + 1) * share)  # + 1 for the new row, which has any rank
    return np.sort(outside)[min(rank, len(y)) - 1]


def coverage(y, lower, upper):
    """Return the share of y from lower to upper."""
    return np.mean((lower <= y) & (y <= upper))


def interval_rows(kept, held_out):
    """Return a line of the table for each interval; both are (log prices, their quantiles)."""
    rows = []
    for low, high in INTERVALS:
        columns = [LEVELS.index(low), LEVELS.index(high)]
        shift = conformal_shift(kept[0], *kept[1][:, columns].T, high - low)
        y, (lower, upper) = held_out[0], held_out[1][:, columns].T
        without_features = np.ptp(np.exp(np.quantile(kept[0], (low, high))))
        rows.append(
            (
                f"{low:.0%} to {high:.0%}",
                f"{high - low:.0%}",
                f"{coverage(y, lower, upper):.1%}",
                f"{coverage(y, lower - shift, upper + shift):.1%}",
                f"{np.median(np.exp(upper + shift) - np.exp(lower - shift)):,.0f}",
                f"{without_features:,.0f}",
            )
        )
    return rows


def main(argv=None):
    """Load, train, calibrate and report."""
    arguments = parse_arguments(argv)
    with loading("house prices"):
        X, price = load_table(arguments.data, "kc_house", NUMERIC, CATEGORICAL)
    y = np.log(price.to_numpy(dtype=float))
    split = {"random_state": arguments.random_state}
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, **split)
    X_train, X_kept, y_train, y_kept = train_test_split(X_train, y_train, test_size=0.2, **split)
    print(f"Training on {len(y_train):,} houses, testing on {len(y_test):,} ...", flush=True)
    center = y_train.mean()  # centred targets need no large intercepts of the output layer
    model = build_model(arguments)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the schedule ends with max_iter
        model.fit(X_train, y_train - center)
    kept, held_out = (model.predict(rows) + center for rows in (X_kept, X_test))

    off = np.abs(np.exp(held_out[:, LEVELS.index(0.5)] - y_test) - 1)
    print(f"the median is off by {np.median(off):.1%} of the price (median over houses)")
    print_table(
        ("interval", "share", "found", "calibrated", "median width", "without features"),
        interval_rows((y_kept, kept), (y_test, held_out)),
    )


if __name__ == "__main__":
    main()
