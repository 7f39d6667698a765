"""Find the few customers who leave: class weights and a choice of scorer, on imbalanced data.

    python examples/churn.py                  downloads churn from openml.org (needs pandas)
    python examples/churn.py --data FOLDER    reads FOLDER/churn.csv.gz

One customer in seven of a telephone company leaves. Four networks differ in two parameters; each
is trained on three quarters of the customers and measured on the others, for several splits.
"""

import argparse
import warnings

import numpy as np
from real_data import add_common_arguments, load_table, loading, print_table
from sklearn.compose import make_column_transformer
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    balanced_accuracy_score,
    precision_score,
    recall_score,
)
from sklearn.model_selection import StratifiedShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from rosenblatt import MLPClassifier

CATEGORICAL = ["state", "area_code", "international_plan", "voice_mail_plan"]
NUMERIC = [
    "account_length",
    "number_vmail_messages",
    *(
        f"total_{time}_{figure}"
        for time in ("day", "eve", "night", "intl")
        for figure in ("minutes", "calls", "charge")
    ),
    "number_customer_service_calls",
]
LEAVES = ("yes", "1")  # the positive label in each of the two data sources

RECIPES = {
    "plain": {},
    "scoring='average_precision'": {"scoring": "average_precision"},
    "class_weight='balanced'": {"class_weight": "balanced"},
    "both, scoring='balanced_accuracy'": {
        "class_weight": "balanced",
        "scoring": "balanced_accuracy",
    },
}
MEASURES = ("accuracy", "balanced accuracy", "recall", "precision", "average precision")


def parse_arguments(argv=None):
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--splits", type=int, default=10, metavar="N", help="random splits (default: 10)"
    )
    add_common_arguments(parser, "churn.csv.gz", "two splits and a few epochs")
    return parser.parse_args(argv)


def build_model(arguments, recipe, seed):
    """Return a pipeline of scaling, one-hot encoding, and a network with early stopping."""
    columns = make_column_transformer(
        (StandardScaler(), NUMERIC),
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), CATEGORICAL),
    )
    network = MLPClassifier(
        hidden_layer_sizes=(64,),
        alpha=1.0,
        learning_rate_init=0.002,
        batch_size=64,
        early_stopping=True,
        validation_fraction=0.2,
        n_iter_no_change=15,
        max_iter=10 if arguments.quick else 200,
        random_state=seed,
        dtype="float32",
        **recipe,
    )
    return make_pipeline(columns, network)


def measure(model, X, y):
    """Return the MEASURES on held-out rows."""
    predicted, probability = model.predict(X), model.predict_proba(X)[:, 1]
    return (
        accuracy_score(y, predicted),
        balanced_accuracy_score(y, predicted),
        recall_score(y, predicted),
        precision_score(y, predicted, zero_division=0),
        average_precision_score(y, probability),
    )


def compare(arguments, X, y):
    """Return {recipe: mean of each measure over the splits}."""
    n_splits = 2 if arguments.quick else arguments.splits
    splits = StratifiedShuffleSplit(n_splits, test_size=0.25, random_state=arguments.random_state)
    found = {name: [] for name in RECIPES}
    for seed, (train, test) in enumerate(splits.split(X, y), start=arguments.random_state):
        for name, recipe in RECIPES.items():
            model = build_model(arguments, recipe, seed).fit(X.iloc[train], y[train])
            found[name].append(measure(model, X.iloc[test], y[test]))
    return {name: np.mean(measures, axis=0) for name, measures in found.items()}


def main(argv=None):
    """Load, compare and report."""
    arguments = parse_arguments(argv)
    with loading("churn"):
        X, y = load_table(arguments.data, "churn", NUMERIC, CATEGORICAL)
    y = y.astype(str).isin(LEAVES).to_numpy().astype(int)
    print(f"{len(y):,} customers, of whom {y.mean():.1%} leave", flush=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # early stopping keeps the best epoch
        found = compare(arguments, X, y)
    print_table(
        ("network", *MEASURES),
        [(name, *(f"{value:.3f}" for value in values)) for name, values in found.items()],
    )


if __name__ == "__main__":
    main()
