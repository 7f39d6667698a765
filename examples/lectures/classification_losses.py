"""Cross-entropy against squared error for classification, near and far from the goal.

    python examples/lectures/classification_losses.py                  downloads from openml.org
    python examples/lectures/classification_losses.py --data FOLDER    reads FOLDER/mnist.npz

The lectures' claim: after a softmax the squared error is flat where it is large: far from the goal
its gradient vanishes and training stays there. The cross-entropy is steep where it is large. So for
classification cross-entropy is used, though both have the same best point.

What is run: (1) the lectures' picture: one row of three classes, with logits y1 and y2 free, y3
fixed at -1000, and class 1 the right one; gradient descent from the corner y1 = -10, y2 = 10 that
is wrong and sure of it, and from y1 = y2 = 0. The logits are the intercepts of a network without
layers whose only feature is 0. (2) a linear softmax classifier of MNIST with either loss, each with
the best of a few rates, from the usual start and from a far-off one: weights 50 times as large.

What to look for: the gradient's length at the corner, 6e-9 for the squared error and 1.4 for
cross-entropy, and where the paths end: the squared error's never leaves the corner. On MNIST the
two are equal from the usual start; from the far-off one cross-entropy recovers in an epoch, and the
squared error, flat where a row is surely wrong, does not in ten.
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
from scipy.special import log_softmax, softmax

from rosenblatt import MLPClassifier

LOSSES = {"cross-entropy": "log_loss", "squared error": "squared_error"}
STARTS = {"far": (-10.0, 10.0), "near": (0.0, 0.0)}
N_STEPS = 400
FACTORS = {"usual": 1, "far-off": 50}


def surface(y1, y2, loss):
    """Return the loss of one row of class 1 with these logits, the third being -1000."""
    logits = np.stack([y1, y2, np.full_like(y1, -1000)], -1)
    if loss == "log_loss":
        return -log_softmax(logits, -1)[..., 0]
    return np.sum((softmax(logits, -1) - [1, 0, 0]) ** 2, -1) / 2


def descend(loss, start):
    """Return (path of y1 and y2 in plain gradient descent, length of the gradient on it)."""
    model = MLPClassifier(
        (), loss=loss, solver="sgd", momentum=0, alpha=0, learning_rate_init=0.5, random_state=0
    )
    X, y, classes = [[0.0]], [0], [0, 1, 2]
    model.partial_fit(X, y, classes=classes)  # makes the arrays
    model.intercepts_[0][:] = [*start, -1000]
    path = [np.array(start)]
    for _ in range(N_STEPS):
        model.partial_fit(X, y)
        path.append(model.intercepts_[0][:2].copy())
    return np.array(path), np.array(model.history_["gradient_norm"][1:])


def network(loss, rate, factor, max_iter, seed):
    """Return an untrained network whose output weights begin `factor` times as large."""

    def weight_init(fan_in, fan_out, random_state):
        bound = np.sqrt(6 / (fan_in + fan_out)) * factor
        return random_state.uniform(-bound, bound, size=(fan_in, fan_out))

    return MLPClassifier(
        (),
        loss=loss,
        weight_init=weight_init,
        solver="sgd",
        batch_size=100,
        learning_rate_init=rate,
        max_iter=max_iter,
        n_iter_no_change=np.inf,
        random_state=seed,
        dtype="float32",
    )


def compare(images, rates, max_iter, seed):
    """Return {(start, loss): (rate, training accuracy of every epoch, test accuracy)}."""
    X, y, X_test, y_test = images
    found = {}
    for start, factor in FACTORS.items():
        for name, loss in LOSSES.items():
            runs = []
            for rate in rates:
                model, _ = train(
                    network(loss, rate, factor, max_iter, seed), X, y, X_val=X, y_val=y
                )
                scores = model.history_["validation_score"]
                runs.append((rate, scores, model.score(X_test, y_test)))
            found[start, name] = max(runs, key=lambda run: run[1][-1])
    return found


def draw(paths, found):
    """Draw both surfaces with their paths, and the training accuracies on the images."""
    figure, panels = new_figure(1, 3, size=(12, 3.9))
    axis = np.linspace(-12, 12, 200)
    y1, y2 = np.meshgrid(axis, axis)
    for panel, (name, loss) in zip(panels[0], LOSSES.items(), strict=False):
        filled = panel.contourf(axis, axis, surface(y1, y2, loss), 24, cmap="cividis")
        figure.colorbar(filled, ax=panel, label="loss")
        for start, marker, color in zip(STARTS, MARKERS, ("#D55E00", "white"), strict=False):
            path = paths[start, name][0]
            panel.plot(*path.T, color=color, lw=2)
            panel.plot(*path[0], marker, color=color, ms=8)
            panel.plot(*path[-1], "*", color=color, ms=13, mec="black")
        decorate(panel, f"{name}, {N_STEPS} steps to the star", "y1", "y2", grid=False)
    for (start, name), (_, scores, _) in found.items():
        color = COLORS[list(LOSSES).index(name)]
        dashes = "-" if start == "usual" else "--"
        epochs = range(1, len(scores) + 1)
        panels[0, 2].plot(epochs, scores, dashes, color=color, lw=2, label=f"{name}, {start} start")
    panels[0, 2].set_ylim(0, 1)
    # outside: the four curves fill the panel
    panels[0, 2].legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    decorate(panels[0, 2], "MNIST", "epoch", "training accuracy")
    return figure


def main(argv=None):
    """Descend, train, report and draw; return the paths and what the images gave."""
    arguments = parse_arguments(
        __file__, __doc__, argv, quick="500 images, one rate", data="mnist.npz"
    )
    quick = arguments.quick
    images = load_some_images(arguments, "mnist", *((500, 500) if quick else (6000, 10000)))
    paths = {
        (start, name): descend(loss, STARTS[start])
        for start in STARTS
        for name, loss in LOSSES.items()
    }
    print(f"one row, three classes: {N_STEPS} steps of rate 0.5")
    print_table(
        ("start, loss", "loss there", "gradient's length there", "loss at the end", "probability"),
        [
            (
                f"{start}, {name}",
                *(f"{surface(*path[0], LOSSES[name]):.3f}", f"{norms[0]:.1e}"),
                *(
                    f"{surface(*path[-1], LOSSES[name]):.4f}",
                    f"{np.exp(-surface(*path[-1], 'log_loss')):.3f}",
                ),
            )
            for (start, name), (path, norms) in paths.items()
        ],
    )
    found = compare(
        images, (0.1,) if quick else (0.01, 0.1, 1), 20 if quick else 10, arguments.random_state
    )
    print(f"\nMNIST, {len(images[0]):,} images")
    print_table(
        ("start, loss", "rate", "training after 1 epoch", "training", "test"),
        [
            (f"{start}, {name}", f"{rate}", f"{scores[0]:.1%}", f"{scores[-1]:.1%}", f"{test:.1%}")
            for (start, name), (rate, scores, test) in found.items()
        ],
    )
    save_picture(arguments, draw, paths, found)
    return paths, found


if __name__ == "__main__":
    main()
