"""The remedies for overfitting side by side, each up to where it turns into model bias.

    python examples/lectures/overfitting_remedies.py                  downloads from openml.org
    python examples/lectures/overfitting_remedies.py --data FOLDER    reads FOLDER/mnist.npz

The lectures' claim: where the training error is small and the test error is not, more data is the
best remedy, then augmentation; then a less flexible model: fewer parameters, fewer features, early
stopping, regularisation, dropout. Whoever goes too far with one of these is back at model bias: the
training error is large too.

What is run: a network of 256 ReLUs on 500 images of MNIST, which it learns by heart. Each remedy
alone, in steps from none to far too much; augmentation moves the images by up to so many pixels, in
every epoch anew, fewer features are the means of larger and larger squares of pixels.

What to look for: the losses and, in the table, the test accuracy. Augmentation by two pixels is
worth as much as several times the data. The restrictions of the model lower the test loss by less,
and raise the accuracy by one per cent or not at all. Beyond the best strength of each, augmentation
included, both losses rise together: model bias. More data alone has no such end.
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

SIDE = 28
N_ROWS = 500
STRENGTHS = {
    "more data": (500, 1000, 2000, 4000, 8000),
    "augmentation": (0, 1, 2, 4, 8, 14),
    "fewer parameters": (256, 64, 16, 8, 4, 2, 1),
    "fewer features": (784, 196, 49, 16, 4, 1),
    "early stopping": (60, 30, 20, 10, 5, 2, 1),
    "L2": (0, 0.1, 1, 3, 10, 30, 100),
    "dropout": (0, 0.2, 0.5, 0.8, 0.95, 0.99),
}
UNITS = {
    "more data": "images",
    "augmentation": "pixels moved at most",
    "fewer parameters": "hidden units",
    "fewer features": "features",
    "early stopping": "epochs",
    "L2": "alpha",
    "dropout": "share left out",
}


def shifted(pixels):
    """Return a function for `augment` that moves every image by up to so many pixels."""

    def augment(X, random_state):
        images = X.reshape(-1, SIDE, SIDE)
        padded = np.pad(images, ((0, 0), (pixels, pixels), (pixels, pixels)))
        rows, columns = random_state.randint(2 * pixels + 1, size=(2, len(X), 1))
        down, right = rows + np.arange(SIDE), columns + np.arange(SIDE)
        moved = padded[np.arange(len(X))[:, None, None], down[:, :, None], right[:, None, :]]
        return moved.reshape(X.shape)

    return augment


def coarse(X, n_features):
    """Return images of fewer pixels, each the mean of a square of theirs."""
    side = int(np.sqrt(n_features))
    square = SIDE // side
    means = X.reshape(-1, side, square, side, square).mean(axis=(2, 4))
    return means.reshape(len(X), -1)


def network(seed, max_iter, n_units=256, **parameters):
    """Return an untrained network, without any remedy but those that are given."""
    return MLPClassifier(
        (n_units,),
        **{"alpha": 0} | parameters,
        batch_size=50,
        max_iter=max_iter,
        n_iter_no_change=np.inf,
        random_state=seed,
        dtype="float32",
    )


def treat(images, remedy, strength, max_iter, seed):
    """Return (training loss, test loss, test accuracy) of a network with one remedy."""
    X, y, X_test, y_test = images
    n_rows = strength if remedy == "more data" else N_ROWS
    X, y = X[:n_rows], y[:n_rows]
    if remedy == "fewer features" and strength < X.shape[1]:
        X, X_test = coarse(X, strength), coarse(X_test, strength)
    parameters = {
        "augmentation": {"augment": shifted(strength) if strength else None},
        "fewer parameters": {"n_units": strength},
        "early stopping": {"max_iter": min(strength, max_iter)},
        "L2": {"alpha": strength},
        "dropout": {"dropout": strength},
    }.get(remedy, {})
    model, _ = train(network(seed, **{"max_iter": max_iter} | parameters), X, y)
    return (
        cross_entropy(model, X, y),
        cross_entropy(model, X_test, y_test),
        model.score(X_test, y_test),
    )


def cross_entropy(model, X, y):
    """Return the mean loss of some rows, dropout off and without the penalty."""
    of_classes = model.predict_log_proba(X)
    return -np.mean(of_classes[np.arange(len(y)), np.searchsorted(model.classes_, y)])


def draw(found):
    """Draw a panel for each remedy, from none to far too much."""
    figure, panels = new_figure(2, 4, size=(12, 6), sharey=True)
    for panel, (remedy, by_strength) in zip(panels.flat, found.items(), strict=False):
        places = range(len(by_strength))
        for part, (label, color) in enumerate((("training", COLORS[0]), ("test", COLORS[1]))):
            scores = [scores[part] for scores in by_strength.values()]
            panel.plot(places, scores, marker=MARKERS[part], color=color, label=label)
        panel.set_xticks(places, by_strength)
        decorate(panel, remedy, UNITS[remedy])
    panels[0, 0].set_ylim(0, 2.5)
    for row in panels:
        row[0].set_ylabel("cross-entropy")
    panels[0, 0].legend(frameon=False, loc="upper right")
    panels[1, 3].set_axis_off()
    return figure


def main(argv=None):
    """Treat, report and draw; return {remedy: {strength: (training, test, accuracy)}}."""
    arguments = parse_arguments(
        __file__,
        __doc__,
        argv,
        quick="none, one and the last strength; fewer epochs",
        data="mnist.npz",
    )
    max_iter, n_test = (20, 500) if arguments.quick else (60, 5000)
    images = load_some_images(arguments, "mnist", max(STRENGTHS["more data"]), n_test)
    found = {}
    for remedy, strengths in STRENGTHS.items():
        chosen = [strengths[i] for i in (0, 2, -1)] if arguments.quick else strengths
        found[remedy] = {
            s: treat(images, remedy, s, max_iter, arguments.random_state) for s in chosen
        }
    print(f"cross-entropy of training / test images ({n_test:,}) of MNIST, test accuracy")
    print_table(
        ("remedy", "none", "best for the test", "at", "the strongest", "at"),
        [row_of(remedy, by_strength) for remedy, by_strength in found.items()],
    )
    save_picture(arguments, draw, found)
    return found


def row_of(remedy, by_strength):
    """Return the cells of a remedy: the first strength, the best and the last."""
    strongest, none = list(by_strength)[-1], next(iter(by_strength))
    best = min(by_strength, key=lambda strength: by_strength[strength][1])
    cells = {
        strength: f"{training:.2f} / {test:.2f}, {accuracy:.1%}"
        for strength, (training, test, accuracy) in by_strength.items()
    }
    unit = UNITS[remedy]
    at_best, at_end = f"{best} {unit}", f"{strongest} {unit}"
    return remedy, cells[none], cells[best], at_best, cells[strongest], at_end


if __name__ == "__main__":
    main()
