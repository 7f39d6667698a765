"""Compare recipes, optimiser by learning-rate schedule, on the images of Fashion-MNIST.

    python examples/recipes.py                  downloads from openml.org
    python examples/recipes.py --data FOLDER    reads FOLDER/fashion_mnist.npz
    python examples/recipes.py --picture FILE   plots the score of each epoch (needs matplotlib)

All recipes train the same network with the same seed for the same few epochs. 10,000 of the
training images are a validation set, scored after every epoch (X_val); the 10,000 test images are
scored once.
"""

import argparse
import importlib.util
import sys
import time
import warnings
from pathlib import Path

from real_data import add_common_arguments, load_images, loading, print_table
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from rosenblatt import MLPClassifier

# each with a learning rate that works well with a constant schedule
OPTIMIZERS = {
    "sgd": {"learning_rate_init": 0.1},
    "adam": {"learning_rate_init": 0.002},
    "adamw": {"learning_rate_init": 0.002, "weight_decay": 0.05},
}
# Okabe & Ito's palette, which people with any colour vision can tell apart; dashes differ too
SCHEDULES = {
    "constant": ("#555555", "-"),
    "exponential": ("#E69F00", ":"),
    "cosine": ("#0072B2", "--"),
    "one_cycle": ("#D55E00", "-."),
}


def parse_arguments(argv=None):
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--max-iter", type=int, default=8, metavar="N", help="epochs (default: 8)")
    parser.add_argument(
        "--picture", type=Path, metavar="FILE", help="an .svg, .png or .pdf to draw into"
    )
    parser.add_argument("--n-jobs", type=int, metavar="N", help="threads inside a fit (default: 1)")
    add_common_arguments(parser, "fashion_mnist.npz", "a small network, two epochs")
    arguments = parser.parse_args(argv)
    if arguments.quick:
        arguments.max_iter = 2
    return arguments


def build_model(arguments, solver, schedule):
    """Return the network of a recipe."""
    return MLPClassifier(
        hidden_layer_sizes=(16,) if arguments.quick else (128,),
        solver=solver,
        learning_rate=schedule,
        batch_size=100,
        max_iter=arguments.max_iter,
        random_state=arguments.random_state,
        n_jobs=arguments.n_jobs,
        dtype="float32",
        **OPTIMIZERS[solver],
    )


def compare(arguments, training, validation, test):
    """Return {(solver, schedule): (score of every epoch, test accuracy, seconds of the fit)}."""
    found = {}
    for solver in OPTIMIZERS:
        for schedule in SCHEDULES:
            model = build_model(arguments, solver, schedule)
            start = time.perf_counter()
            model.fit(*training, X_val=validation[0], y_val=validation[1])
            seconds = time.perf_counter() - start
            scores = model.history_["validation_score"]
            found[solver, schedule] = scores, model.score(*test), seconds
    return found


def draw(found, path):
    """Draw a panel for each optimiser with a line for each schedule."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    panels = figure.subplots(1, len(OPTIMIZERS), sharey=True)
    for panel, solver in zip(panels, OPTIMIZERS, strict=True):
        for schedule, (color, dashes) in SCHEDULES.items():
            scores = found[solver, schedule][0]
            panel.plot(
                range(1, len(scores) + 1), scores, dashes, color=color, lw=1.8, label=schedule
            )
        panel.set_title(f"{solver}, rate {OPTIMIZERS[solver]['learning_rate_init']}")
        panel.set_xlabel("epoch")
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
        panel.yaxis.set_major_formatter(PercentFormatter(1))
        panel.grid(color="#dddddd")
        panel.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("accuracy on validation images")
    # outside the panel, because the position of the curves depends on the data
    panels[-1].legend(title="learning_rate", loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    figure.savefig(path, dpi=150)


def main(argv=None):
    """Load, compare, report, and plot if requested."""
    arguments = parse_arguments(argv)
    if arguments.picture and importlib.util.find_spec("matplotlib") is None:
        print("--picture needs matplotlib: python -m pip install matplotlib", file=sys.stderr)
        raise SystemExit(2)
    with loading("Fashion-MNIST"):
        X, y, *test = load_images(arguments.data, "fashion_mnist")
    X_train, X_val, y_train, y_val = train_test_split(
        X, y, test_size=len(X) // 6, stratify=y, random_state=arguments.random_state
    )
    print(
        f"Training {len(OPTIMIZERS) * len(SCHEDULES)} networks on {len(X_train):,} images, "
        f"{arguments.max_iter} epochs each ...",
        flush=True,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the number of epochs is the recipe's
        found = compare(arguments, (X_train, y_train), (X_val, y_val), test)
    print_table(
        ("optimiser, learning_rate", "validation", "test", "seconds"),
        [
            (f"{solver}, {schedule}", f"{scores[-1]:.2%}", f"{accuracy:.2%}", f"{seconds:.1f}")
            for (solver, schedule), (scores, accuracy, seconds) in found.items()
        ],
    )
    if arguments.picture:
        draw(found, arguments.picture)
        print(f"picture in {arguments.picture}")


if __name__ == "__main__":
    main()
