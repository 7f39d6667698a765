"""Batch size against time per epoch, updates, accuracy, and sharpness.

    python examples/lectures/batch_size.py                  downloads from openml.org
    python examples/lectures/batch_size.py --data FOLDER    reads FOLDER/fashion_mnist.npz

The lectures' claim: a large batch takes less time an epoch, but for the same epochs small batches
train better, as their noisy steps are many and leave places where the whole data's gradient is
small; and they test better, as they end in flatter minima.

What is run: one network for 2000 images of Fashion-MNIST, plain gradient descent at one rate. First
the same number of epochs for every batch size; then each until the training loss is 0.2, whatever
the epochs it takes, so that the places where they end can be compared: the largest eigenvalue
of the Hessian there, and how much the loss rises within a small radius
(rosenblatt.inspection.sharpness).

What to look for: in the first table the time, which from batches of 50 on hardly falls on one
processor, and training and test accuracy, which fall with the number of updates. In the second the
largest eigenvalue and the sharpness, several times higher for the full batch than for batches of
10, as claimed; the test accuracies there differ by one per cent or two, and not in that order.
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

from rosenblatt import MLPClassifier
from rosenblatt.inspection import sharpness

BATCHES = (10, 50, 200, 1000, 2000)
RATE = 0.1
GOAL = 0.2  # training loss


def network(batch_size, max_iter, seed, **parameters):
    """Return an untrained network that takes plain steps of gradient descent."""
    return MLPClassifier(
        (50,),
        solver="sgd",
        momentum=0,
        alpha=0,
        learning_rate_init=RATE,
        batch_size=batch_size,
        max_iter=max_iter,
        n_iter_no_change=np.inf,
        random_state=seed,
        **parameters,
    )


def same_epochs(images, n_epochs, seed):
    """Return {batch: (seconds an epoch, updates, training accuracy, test accuracy)}."""
    X, y, X_test, y_test = images
    found = {}
    for batch_size in (b for b in BATCHES if b <= len(X)):
        model, _ = train(network(batch_size, n_epochs, seed), X, y)
        seconds = np.median(model.history_["seconds"])
        updates = n_epochs * -(-len(X) // batch_size)
        found[batch_size] = seconds, updates, model.score(X, y), model.score(X_test, y_test)
    return found


def same_loss(images, goal, max_iter, seed):
    """Return {batch: (epochs, updates, test accuracy, loss, largest eigenvalue, sharpness)}."""
    X, y, X_test, y_test = images
    found = {}
    for batch_size in (b for b in BATCHES if b <= len(X)):
        # the recorded training loss is a mean over the epoch, while weights moved
        model = network(
            batch_size,
            max_iter,
            seed,
            callbacks=[lambda record, estimator: record.validation_loss < goal],
        )
        train(model, X, y, X_val=X, y_val=y)
        around = sharpness(model, X, y, random_state=0, progress=False)
        found[batch_size] = (
            model.n_iter_,
            model.n_iter_ * -(-len(X) // batch_size),
            model.score(X_test, y_test),
            around.loss,
            around.largest_eigenvalue,
            around.sharpness,
        )
    return found


def draw(by_epochs, by_loss):
    """Draw time, accuracies, and sharpness over the batch size."""
    figure, panels = new_figure(1, 4, size=(14, 3.6))
    batches = list(by_epochs)
    seconds, _, training, test = zip(*by_epochs.values(), strict=True)
    _, _, test_later, _, eigenvalues, rises = zip(*by_loss.values(), strict=True)
    content = {
        "milliseconds an epoch": {"": 1000 * np.array(seconds)},
        "accuracy after the same epochs": {"training": training, "test": test},
        f"accuracy at a training loss of {GOAL}": {"test": test_later},
        f"the surface at a training loss of {GOAL}": {
            "largest eigenvalue": eigenvalues,
            "sharpness": rises,
        },
    }
    labels = ("training", "test", "largest eigenvalue", "sharpness", "")
    styles = dict(zip(labels, zip(COLORS, MARKERS, strict=True), strict=False))
    for panel, (title, lines) in zip(panels[0], content.items(), strict=True):
        for label, values in lines.items():
            color, marker = styles[label]
            panel.semilogx(batches, values, marker=marker, color=color, label=label)
        if label:
            panel.legend(frameon=False)
        panel.set_ylim(*((0.5, 1) if "accuracy" in title else (0, None)))
        decorate(panel, title, "batch size")
    return figure


def main(argv=None):
    """Train, report and draw; return what each batch size gave in both ways."""
    arguments = parse_arguments(
        __file__, __doc__, argv, quick="300 images, fewer epochs", data="fashion_mnist.npz"
    )
    quick, seed = arguments.quick, arguments.random_state
    images = load_some_images(arguments, "fashion_mnist", *((300, 500) if quick else (2000, 10000)))
    n_epochs = 20
    by_epochs = same_epochs(images, n_epochs, seed)
    print(f"{len(images[0]):,} images, {n_epochs} epochs each, rate {RATE}")
    print_table(
        ("batch size", "seconds an epoch", "updates", "training", "test"),
        [
            (f"{b:,}", f"{seconds:.4f}", f"{updates:,}", f"{training:.1%}", f"{test:.1%}")
            for b, (seconds, updates, training, test) in by_epochs.items()
        ],
    )
    by_loss = same_loss(images, GOAL, 2000, seed)
    print(f"\neach until the training loss is {GOAL}")
    print_table(
        ("batch size", "epochs", "updates", "test", "loss", "largest eigenvalue", "sharpness"),
        [
            (
                *(f"{b:,}", f"{epochs:,}", f"{updates:,}", f"{test:.1%}", f"{loss:.3f}"),
                *(f"{eigenvalue:.1f}", f"{rise:.2f}"),
            )
            for b, (epochs, updates, test, loss, eigenvalue, rise) in by_loss.items()
        ],
    )
    save_picture(arguments, draw, by_epochs, by_loss)
    return by_epochs, by_loss


if __name__ == "__main__":
    main()
