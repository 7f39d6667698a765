"""N-fold cross-validation with its spread against one split.

    python examples/lectures/cross_validation.py                  downloads from openml.org
    python examples/lectures/cross_validation.py --data FOLDER    reads FOLDER/kc_house.csv.gz

The lectures' claim: a validation set that is one part of the data may by chance be a strange one.
N-fold cross-validation lets every row be validated once, and the mean of the N scores is the one to
choose a model by.

What is run: three strengths of the penalty for a network of the prices of houses
(kc_house, the logarithm of the price). "All the
data" are 300 rows; the thousands of others tell what each network, trained on the 300, is
really worth, which nobody knows in earnest. One split (a fifth is validated) and 5-fold
cross-validation are both repeated with many shuffles of the 300 rows.

What to look for: the standard deviation over the shuffles, three to four times smaller for the 5
folds, so they choose the best network more often. That is what five times as many fits buy. The
means are nearly the same, and differ from what the other rows tell: these 300 are not quite like
all houses, which no shuffle of them shows. The last column is what one cross-validation says of
its spread without repetition: the standard deviation of its folds, about that of one split.
"""

import numpy as np
from common import (
    COLORS,
    decorate,
    load_table,
    loading,
    new_figure,
    parse_arguments,
    print_table,
    save_picture,
    train,
)
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from rosenblatt import MLPRegressor

FEATURES = [
    *("bedrooms", "bathrooms", "floors", "waterfront", "view", "condition", "grade"),
    *("sqft_living", "sqft_lot", "sqft_above", "sqft_basement", "sqft_living15", "sqft_lot15"),
    *("yr_built", "yr_renovated", "lat", "long"),
]
N_ROWS, N_FOLDS = 300, 5
NETWORKS = {f"alpha {alpha}": {"alpha": alpha} for alpha in (5, 15, 45)}


def load_prices(folder, seed):
    """Return (X, y) of all the rows in random order, y the logarithm of the price, scaled."""
    with loading("kc_house"):
        X, y = load_table(folder, "kc_house", FEATURES, [])
    order = np.random.RandomState(seed).permutation(len(X))
    y = np.log(y.to_numpy(float)[order])
    return X.to_numpy(float)[order], (y - y.mean()) / y.std()


def score(parameters, seed, X, y, fitted, scored):
    """Return R² on some rows of a network trained on others."""
    scaler = make_pipeline(StandardScaler())
    network = MLPRegressor((30,), solver="lbfgs", max_iter=150, random_state=seed, **parameters)
    train(network, scaler.fit_transform(X[fitted]), y[fitted])
    return network.score(scaler.transform(X[scored]), y[scored])


def true_scores(X, y, n_seeds):
    """Return {network: R² on the rows that nobody has}, each a mean over a few starts."""
    mine, others = np.arange(N_ROWS), np.arange(N_ROWS, len(X))
    return {
        name: np.mean([score(parameters, s, X, y, mine, others) for s in range(n_seeds)])
        for name, parameters in NETWORKS.items()
    }


def shuffled_scores(X, y, n_shuffles):
    """Return {network: scores of shape (shuffles, folds)}; the first fold alone is one split."""
    X, y = X[:N_ROWS], y[:N_ROWS]
    return {
        name: np.array(
            [
                [
                    score(parameters, shuffle, X, y, *rows)
                    for rows in KFold(N_FOLDS, shuffle=True, random_state=shuffle).split(X)
                ]
                for shuffle in range(n_shuffles)
            ]
        )
        for name, parameters in NETWORKS.items()
    }


def summarise(true, scores):
    """Return {(network, way): (mean, deviation, lowest, highest, deviation of the folds)}."""
    return {
        (name, way): (values.mean(), values.std(ddof=1), values.min(), values.max(), np.mean(folds))
        for name in true
        for way, values, folds in (
            ("one split", scores[name][:, 0], np.nan),
            (f"{N_FOLDS} folds", scores[name].mean(1), scores[name].std(1, ddof=1)),
        )
    }


def share_of_best(true, scores):
    """Return {way: how often it prefers the network that is truly best}."""
    best = list(true).index(max(true, key=true.get))
    table = np.array([scores[name] for name in true])
    return {
        "one split": np.mean(table[:, :, 0].argmax(0) == best),
        f"{N_FOLDS} folds": np.mean(table.mean(2).argmax(0) == best),
    }


def draw(true, scores):
    """Draw a dot for each shuffle, one split beside the folds, and the truth as a line."""
    figure, panels = new_figure(1, len(true), size=(10, 3.8), sharey=True)
    jitter = np.random.RandomState(0).uniform(-0.15, 0.15, len(next(iter(scores.values()))))
    for panel, name in zip(panels[0], true, strict=True):
        panel.axhline(true[name], color="black", ls="--", lw=1, label="on the other rows")
        for place, values in enumerate((scores[name][:, 0], scores[name].mean(1))):
            panel.plot(place + jitter, values, "os"[place], color=COLORS[place], alpha=0.5, ms=5)
            panel.errorbar(
                place + 0.3, values.mean(), values.std(), fmt="_", color=COLORS[place], capsize=4
            )
        panel.set_xticks((0, 1), ("one split", f"{N_FOLDS} folds"))
        panel.set_xlim(-0.5, 1.6)
        decorate(panel, name)
    panels[0, 0].set_ylabel("validation R²")
    panels[0, 0].legend(frameon=False, fontsize=8, loc="lower left")
    return figure


def main(argv=None):
    """Score, report and draw; return the true scores and those of every shuffle."""
    arguments = parse_arguments(
        __file__, __doc__, argv, quick="8 shuffles in place of 40", data="kc_house.csv.gz"
    )
    n_shuffles = 8 if arguments.quick else 40
    X, y = load_prices(arguments.data, arguments.random_state)
    true = true_scores(X, y, 2 if arguments.quick else 5)
    scores = shuffled_scores(X, y, n_shuffles)
    print(f"R² of prices, {N_ROWS} rows, {n_shuffles} shuffles; {len(X) - N_ROWS:,} other rows\n")
    print_table(
        ("network", "other rows", "way", "mean", "deviation", "lowest", "highest", "of its folds"),
        [
            (name, f"{true[name]:.3f}", way, *("" if v != v else f"{v:.3f}" for v in values))
            for (name, way), values in summarise(true, scores).items()
        ],
    )
    best = max(true, key=true.get)
    print(f"\nbest on the other rows is {best}; chosen")
    for way, share in share_of_best(true, scores).items():
        print(f"  by {way}: in {share:.0%} of the shuffles")
    save_picture(arguments, draw, true, scores)
    return true, scores


if __name__ == "__main__":
    main()
