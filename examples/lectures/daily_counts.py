"""Predict tomorrow's count from 1, 7, 28 and 56 days: linear, then ReLUs, then layers.

    python examples/lectures/daily_counts.py                  downloads from openml.org
    python examples/lectures/daily_counts.py --data FOLDER    reads FOLDER/bike_sharing.csv.gz

The lectures' claim, on the daily views of a channel: a linear model of a week of history is far
better than one of a day, and more weeks help a little. 10 ReLUs hardly improve on it, 100 and 1000
do on the training days and little on new ones. More layers lower the training error on and on, and
with four of them the error on new days rises: overfitting.

What is run: the rides of a bicycle hire, summed by day (731 days of two years), from the days
before. The first three quarters of the days are for training, the others, all later, for testing.
The linear models are least squares (lbfgs); the networks (100 units a layer) are trained with Adam,
each three times, and the table has the means. The error is the root mean square one, in thousand
rides.

What to look for: the linear row agrees with the lectures: a week is better than a day, on training
and on new days, and longer histories lower the training error alone. The networks agree on the
training days only: with a week of history the error there falls with every unit and every layer,
and on new days none of them is better than the line. There are 492 days to learn from, so
overfitting begins where the lectures' three years still gained: with 28 days ten ReLUs suffice.
"""

import numpy as np
from common import (
    COLORS,
    MARKERS,
    decorate,
    load_table,
    loading,
    new_figure,
    parse_arguments,
    print_table,
    save_picture,
    train,
)

from rosenblatt import MLPRegressor

HISTORIES = (1, 7, 28, 56)
MODELS = {
    "linear": (),
    "10 ReLU": (10,),
    "100 ReLU": (100,),
    "1000 ReLU": (1000,),
    "1 layer": (100,),
    "2 layers": (100, 100),
    "3 layers": (100, 100, 100),
    "4 layers": (100, 100, 100, 100),
}
TABLES = (tuple(MODELS)[:4], tuple(MODELS)[4:])


def load_daily_counts(folder):
    """Return the rides of each day, in the order of the file's hours."""
    with loading("bike_sharing"):
        X, y = load_table(folder, "bike_sharing", ["weekday"], [])
    begins = np.flatnonzero(np.diff(X["weekday"], prepend=-1))
    return np.add.reduceat(y.to_numpy(float), begins)


def windows(counts, n_days):
    """Return (X, y): the counts of the days before, and of the day itself.

    All histories predict the same days: those that have the longest behind them.
    """
    longest = max(HISTORIES)
    rows = np.lib.stride_tricks.sliding_window_view(counts, n_days + 1)[longest - n_days :]
    return rows[:, :-1], rows[:, -1]


def network(hidden_layer_sizes, seed, max_iter):
    """Return an untrained model; without hidden layers it is least squares."""
    return MLPRegressor(
        hidden_layer_sizes,
        solver="adam" if hidden_layer_sizes else "lbfgs",
        alpha=0,
        batch_size=32,
        max_iter=max_iter if hidden_layer_sizes else 5000,
        tol=1e-10,
        n_iter_no_change=np.inf,
        random_state=seed,
    )


def errors(counts, n_train, n_days, hidden_layer_sizes, seeds, max_iter):
    """Return the root mean square errors, (training, test), in thousand rides."""
    mean, scale = counts[:n_train].mean(), counts[:n_train].std()
    X, y = windows((counts - mean) / scale, n_days)
    n = n_train - max(HISTORIES)
    found = []
    for seed in seeds if hidden_layer_sizes else seeds[:1]:
        model, _ = train(network(hidden_layer_sizes, seed, max_iter), X[:n], y[:n])
        wrong = (model.predict(X) - y) * scale / 1000
        found.append([np.sqrt(np.mean(part**2)) for part in (wrong[:n], wrong[n:])])
    return np.mean(found, axis=0)


def as_yesterday(counts, n_train):
    """Return the errors of predicting for each day what the day before had."""
    wrong = np.diff(counts[max(HISTORIES) - 1 :]) / 1000
    n = n_train - max(HISTORIES)
    return [np.sqrt(np.mean(part**2)) for part in (wrong[:n], wrong[n:])]


def measure(counts, n_train, seeds, max_iter):
    """Return {(days, model): (training, test)}; what is the same network is trained once."""
    known = {
        (n_days, sizes): errors(counts, n_train, n_days, sizes, seeds, max_iter)
        for n_days in HISTORIES
        for sizes in dict.fromkeys(MODELS.values())
    }
    return {
        (n_days, name): known[n_days, sizes]
        for n_days in HISTORIES
        for name, sizes in MODELS.items()
    }


def draw(found):
    """Draw training and test errors of every model, a panel for each history."""
    names = [name for name in MODELS if name != "1 layer"]
    figure, panels = new_figure(1, len(HISTORIES), size=(12, 3.8), sharey=True)
    for panel, n_days in zip(panels[0], HISTORIES, strict=True):
        for part, (label, color) in enumerate((("training", COLORS[0]), ("test", COLORS[1]))):
            values = [found[n_days, name][part] for name in names]
            panel.plot(names, values, marker=MARKERS[part], color=color, label=label)
        panel.tick_params(axis="x", rotation=60)
        decorate(panel, f"{n_days} day{'s' * (n_days > 1)} of history")
    panels[0, 0].set_ylim(0, 1.05 * np.max(list(found.values())))
    panels[0, 0].set_ylabel("error, thousand rides")
    panels[0, 0].legend(frameon=False, loc="lower left")
    return figure


def main(argv=None):
    """Train, report and draw; return {(days, model): (training, test)}."""
    arguments = parse_arguments(
        __file__,
        __doc__,
        argv,
        quick="30 epochs and one seed, not 150 and three",
        data="bike_sharing.csv.gz",
    )
    n_seeds, max_iter = (1, 30) if arguments.quick else (3, 150)
    counts = load_daily_counts(arguments.data)
    n_train = 3 * len(counts) // 4
    seeds = range(arguments.random_state, arguments.random_state + n_seeds)
    found = measure(counts, n_train, seeds, max_iter)
    print(
        f"{len(counts)} days, {counts.mean() / 1000:.2f} thousand rides each; the first {n_train} "
        f"train, of which {max(HISTORIES)} are history only\n"
        "root mean square error in thousand rides, training / test; as the day before: "
        + " / ".join(f"{error:.2f}" for error in as_yesterday(counts, n_train))
    )
    for names in TABLES:
        print()
        print_table(
            ("history", *names),
            [
                (
                    f"{n_days} day{'s' * (n_days > 1)}",
                    *(" / ".join(f"{e:.2f}" for e in found[n_days, name]) for name in names),
                )
                for n_days in HISTORIES
            ],
        )
    save_picture(arguments, draw, found)
    return found


if __name__ == "__main__":
    main()
