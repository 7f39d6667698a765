"""Deep against wide at equal parameters: on a folded curve, and on images.

    python examples/lectures/deep_or_wide.py                  downloads from openml.org
    python examples/lectures/deep_or_wide.py --data FOLDER    reads FOLDER/fashion_mnist.npz

The lectures' claim: one hidden layer can represent any function, but a deep network needs fewer
parameters for functions that are complicated and regular, as folding paper makes many cuts with
one. So at equal parameters the deep network is the better one, and needs less data.

What is run: (1) by hand, without training: a zigzag of 2^k pieces from k layers of two ReLUs, each
of which folds the interval once, and from one layer, which needs a ReLU for each piece. (2) trained
networks of 1 to 6 layers of equal width with nearly the same number of parameters: on two inputs
that are folded, averaged and folded again (synthetic, without noise), and on Fashion-MNIST.

What to look for: (1) the parameters grow as 6 k + 1 when deep, as 3 * 2^k + 1 when wide, for the
same curve. (2) Where folding is what is to be learned, every further layer helps, in training and
on new rows alike. On images depth raises the training accuracy, but the test accuracy gains half a
per cent from it at most: depth is no gain by itself, it suits functions that are made of steps.
"""

import numpy as np
from common import (
    COLORS,
    MARKERS,
    decorate,
    load_some_images,
    new_figure,
    parse_arguments,
    print_table,
    save_picture,
    train,
)

from rosenblatt import MLPClassifier, MLPRegressor

DEPTHS = (1, 2, 3, 4, 6)
FOLDS = (1, 2, 3, 4, 5, 6)


def zigzag(x, n_folds):
    """Return the curve of 2^n_folds straight pieces between 0 and 1, for x from 0 to 1."""
    for _ in range(n_folds):
        x = 1 - np.abs(2 * x - 1)
    return x


def network_of(coefs, intercepts):
    """Return a network of ReLUs with these weights."""
    widths = tuple(len(intercept) for intercept in intercepts[:-1])
    model, _ = train(MLPRegressor(widths, max_iter=1), np.zeros((2, len(coefs[0]))), [0, 1])
    model.coefs_ = [np.array(coef, float) for coef in coefs]
    model.intercepts_ = [np.array(intercept, float) for intercept in intercepts]
    return model


def zigzag_deep(n_folds):
    """Return the zigzag from n_folds layers of two: 2 relu(x) - 4 relu(x - 1/2) is one fold."""
    fold = [[2, 2], [-4, -4]]
    return network_of(
        [[[1, 1]], *[fold] * (n_folds - 1), [[2], [-4]]], [*[[0, -0.5]] * n_folds, [0]]
    )


def zigzag_wide(n_folds):
    """Return the same from one layer, with a ReLU at the beginning of each piece."""
    n = 2**n_folds
    slopes = n * np.where(np.arange(n) % 2, -1, 1)
    heights = np.diff(slopes, prepend=0)[:, None]
    return network_of([np.ones((1, n)), heights], [-np.arange(n) / n, [0]])


def compare_by_hand():
    """Return {folds: (parameters deep, parameters wide, their largest distance from the curve)}."""
    x = np.linspace(0, 1, 4001)
    found = {}
    for n_folds in FOLDS:
        deep, wide = zigzag_deep(n_folds), zigzag_wide(n_folds)
        far = max(
            np.abs(model.predict(x[:, None]) - zigzag(x, n_folds)).max() for model in (deep, wide)
        )
        found[n_folds] = deep.n_parameters_, wide.n_parameters_, far
    return found


def width_for(n_parameters, n_inputs, n_outputs, depth):
    """Return the width at which `depth` equal layers come nearest to that many parameters."""
    widths = np.arange(1, n_parameters // (n_inputs + n_outputs + 1) + 2)
    counts = (
        (n_inputs + 1) * widths + (depth - 1) * (widths + 1) * widths + (widths + 1) * n_outputs
    )
    return int(widths[np.abs(counts - n_parameters).argmin()])


def folded_data(n_rows, seed):
    """Return (X, y): two inputs, each folded into 4 pieces; their mean, folded into 4 again."""
    X = np.random.RandomState(seed).uniform(size=(n_rows, 2))
    y = zigzag(zigzag(X, 2).mean(1), 2)
    return 2 * X - 1, (y - y.mean()) / y.std()


def train_depths(estimator, training, test, n_parameters, n_outputs, seeds, **parameters):
    """Return {depth: (width, parameters, scores of the seeds (training, test))}."""
    found = {}
    for depth in DEPTHS:
        width = width_for(n_parameters, training[0].shape[1], n_outputs, depth)
        scores = []
        for seed in seeds:
            model = estimator(
                (width,) * depth,
                random_state=seed,
                dtype="float32",
                n_iter_no_change=np.inf,
                learning_rate="cosine",
                weight_init="he_uniform",
                intercept_init="zeros",
                **parameters,
            )
            train(model, *training)
            scores.append([model.score(*training), model.score(*test)])
        found[depth] = width, model.n_parameters_, np.array(scores)
    return found


def draw(by_hand, trained):
    """Draw parameters by hand, and the scores of trained networks over their depth."""
    figure, panels = new_figure(1, 3, size=(12, 3.8))
    for place, (name, color) in enumerate((("deep", COLORS[0]), ("wide", COLORS[1]))):
        values = [found[place] for found in by_hand.values()]
        panels[0, 0].semilogy(
            [2**k for k in FOLDS], values, marker=MARKERS[place], color=color, label=name
        )
    panels[0, 0].set_xscale("log", base=2)
    panels[0, 0].legend(frameon=False)
    decorate(panels[0, 0], "a zigzag by hand", "pieces", "parameters")
    for panel, (name, found) in zip(panels[0, 1:], trained.items(), strict=True):
        for part, (label, color) in enumerate((("training", COLORS[0]), ("test", COLORS[1]))):
            scores = np.array([found[depth][2][:, part] for depth in DEPTHS])
            panel.plot(DEPTHS, scores.mean(1), marker=MARKERS[part], color=color, label=label)
            panel.fill_between(DEPTHS, scores.min(1), scores.max(1), color=color, alpha=0.2, lw=0)
        panel.set_xticks(DEPTHS)
        panel.legend(frameon=False)
        decorate(panel, name, "hidden layers", "score")
    return figure


def main(argv=None):
    """Compare, report and draw; return what was found by hand and by training."""
    arguments = parse_arguments(
        __file__, __doc__, argv, quick="few rows and epochs, one seed", data="fashion_mnist.npz"
    )
    quick = arguments.quick
    images = load_some_images(arguments, "fashion_mnist", *((500, 500) if quick else (6000, 10000)))
    first = arguments.random_state
    by_hand = compare_by_hand()
    print("a zigzag by hand")
    print_table(
        ("pieces", "parameters, deep", "parameters, wide", "farthest from the curve"),
        [
            (f"{2**k}", f"{deep}", f"{wide}", f"{far:.0e}")
            for k, (deep, wide, far) in by_hand.items()
        ],
    )
    n_rows = 1000 if quick else 4000
    folded = folded_data(n_rows + 4000, first)
    trained = {
        "folded curve, R²": train_depths(
            MLPRegressor,
            [part[:n_rows] for part in folded],
            [part[n_rows:] for part in folded],
            1500,
            1,
            range(first, first + (2 if quick else 5)),
            alpha=0,
            batch_size=32,
            learning_rate_init=0.005,
            max_iter=100,
        ),
        "Fashion-MNIST, accuracy": train_depths(
            MLPClassifier,
            images[:2],
            images[2:],
            50_000,
            10,
            range(first, first + (1 if quick else 3)),
            batch_size=100,
            max_iter=3 if quick else 20,
        ),
    }
    for name, found in trained.items():
        print(f"\n{name}, mean of {len(found[1][2])}")
        print_table(
            ("hidden layers", "width", "parameters", "training", "test"),
            [
                (f"{depth}", f"{width}", f"{count:,}", *(f"{s:.3f}" for s in scores.mean(0)))
                for depth, (width, count, scores) in found.items()
            ],
        )
    save_picture(arguments, draw, by_hand, trained)
    return by_hand, trained


if __name__ == "__main__":
    main()
