"""Minimum ratio against training loss: which critical points there are, and where.

    python examples/lectures/minimum_ratio.py                  downloads from openml.org
    python examples/lectures/minimum_ratio.py --data FOLDER    reads FOLDER/mnist.npz

The lectures' claim: what training gets stuck at is seldom a local minimum. The minimum ratio, the
share of positive eigenvalues of the Hessian, is 1 at a minimum; of the critical points that
were found none came near it. The ratio is larger where the loss is lower: high up are saddle points
from which many directions lead down.

What is run: a small network (images of MNIST shrunk to 7 x 7 pixels, 8 tanh units), trained for a
while from several random starts. From each of these stages rosenblatt.inspection's
approach_critical_point walks to where the gradient vanishes, which may be any kind of critical
point, and critical_point counts the eigenvalues there.

What to look for: the verdicts, and minimum ratio and loss of the points: the lectures' picture.
The ratio stays below 0.6 here too, and is larger where the loss is lower. That it is far from 1
does not mean that many directions lead down: about half of the eigenvalues are zero (pixels that
are always dark, a loss that is flat where all is right). The share of negative ones falls with the
loss, from a fifth to a twentieth; it does not reach zero: none of these points is a minimum.
"""

import warnings
from collections import Counter

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
from sklearn.exceptions import ConvergenceWarning

from rosenblatt import MLPClassifier
from rosenblatt.inspection import approach_critical_point, critical_point

STAGES = (0, 10, 20, 30, 100)  # epochs
SIDE = 7


def shrink(X):
    """Return images of 7 x 7 pixels, means of 4 x 4."""
    return X.reshape(-1, SIDE, 4, SIDE, 4).mean(axis=(2, 4)).reshape(len(X), -1).astype(float)


def network(n_rows, n_epochs, seed):
    """Return an untrained network that takes plain steps over all rows."""
    return MLPClassifier(
        (8,),
        activation="tanh",
        solver="sgd",
        alpha=0,
        batch_size=n_rows,
        learning_rate_init=0.3 if n_epochs else 1e-9,
        max_iter=max(n_epochs, 1),
        n_iter_no_change=np.inf,
        random_state=seed,
    )


def visit(X, y, n_epochs, seed):
    """Return the critical point that is nearest to a stage of training, a CriticalPoint."""
    model, _ = train(network(len(X), n_epochs, seed), X, y)
    with warnings.catch_warnings():
        # a walk may end early: whether where it ended is a critical point is asked next
        warnings.simplefilter("ignore", ConvergenceWarning)
        at_point, _ = approach_critical_point(model, X, y, max_iter=100, progress=False)
    return critical_point(at_point, X, y, progress=False)


def draw(points):
    """Draw the shares of positive and of negative eigenvalues over the loss, stage by stage."""
    figure, panels = new_figure(1, 2, size=(9.6, 4.2), sharey=True)
    for (stage, found), color, marker in zip(points.items(), COLORS, MARKERS, strict=False):
        losses = [point.loss for point in found]
        shares = (
            [point.minimum_ratio for point in found],
            [point.n_negative / point.n_parameters for point in found],
        )
        for panel, values in zip(panels[0], shares, strict=True):
            panel.plot(losses, values, marker, color=color, label=f"{stage} epochs")
    panels[0, 0].set_ylim(0, 1)
    panels[0, 1].legend(frameon=False, title="walked from")
    decorate(panels[0, 0], "minimum ratio", "training loss", "share of the eigenvalues")
    decorate(panels[0, 1], "negative ones", "training loss")
    return figure


def main(argv=None):
    """Visit, report and draw; return {epochs: list of CriticalPoint}."""
    arguments = parse_arguments(
        __file__, __doc__, argv, quick="100 images, three stages, two starts", data="mnist.npz"
    )
    n_rows, n_starts, stages = (100, 2, STAGES[::2]) if arguments.quick else (200, 4, STAGES)
    X, y, _, _ = load_some_images(arguments, "mnist", n_rows, 1)
    X, first = shrink(X), arguments.random_state
    points = {
        stage: [visit(X, y, stage, seed) for seed in range(first, first + n_starts)]
        for stage in stages
    }
    print(f"{points[stages[0]][0].n_parameters} parameters, {n_rows} images, {n_starts} starts")
    print_table(
        ("walked from", "loss", "minimum ratio", "zero", "negative", "verdicts"),
        [(f"{stage} epochs", *cells_of(found)) for stage, found in points.items()],
    )
    save_picture(arguments, draw, points)
    return points


def cells_of(found):
    """Return the ranges of the points of a stage, and what kinds they are."""
    n = found[0].n_parameters
    columns = (
        [point.loss for point in found],
        [point.minimum_ratio for point in found],
        [point.n_zero / n for point in found],
        [point.n_negative / n for point in found],
    )
    kinds = Counter(point.verdict for point in found)
    return (
        *(f"{min(values):.3f} to {max(values):.3f}" for values in columns),
        ", ".join(f"{count} {kind}" for kind, count in kinds.items()),
    )


if __name__ == "__main__":
    main()
