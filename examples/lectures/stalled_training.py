"""Loss next to gradient norm when training stalls: a flat loss is not a critical point.

    python examples/lectures/stalled_training.py                  downloads from openml.org
    python examples/lectures/stalled_training.py --data FOLDER    reads FOLDER/mnist.npz

The lectures' claim: when the loss no longer falls, people say that training is stuck at a critical
point. Look at the gradient's norm first: mostly it is not small, the steps go back and forth
between the walls of a valley, and it is the learning rate that has to change.

What is run: small networks on 1000 images of MNIST, all rows in every step, so that the norm is
that of the whole gradient. Three learning rates from the usual start; then two networks that do
stall where the gradient is small: all weights zero at the start, so that all units are alike, and
eight layers of sigmoids, through which hardly any gradient comes. Of each
rosenblatt.inspection.stuck says what it makes of history_.

What to look for: loss and norm of the same epochs, one above the other. Four of the five losses are
flat at the end far above the first one's. With the rate too large the norm there is as large as
ever, and with the rate too small it is too: neither is a critical point. The last two are near one.
"""

import numpy as np
from common import (
    COLORS,
    load_some_images,
    new_figure,
    parse_arguments,
    print_table,
    save_picture,
    train,
)

from rosenblatt import MLPClassifier
from rosenblatt.inspection import stuck
from rosenblatt.plot import TrainingDisplay


def zeros(fan_in, fan_out, random_state):
    """Return weights that are all zero: a weight_init."""
    return np.zeros((fan_in, fan_out))


STALLS = {
    "rate 0.3": {"learning_rate_init": 0.3},
    "rate too large": {"learning_rate_init": 30.0},
    "rate too small": {"learning_rate_init": 0.0001},
    "weights zero": {"learning_rate_init": 0.3, "weight_init": zeros},
    "eight layers of sigmoids": {
        "learning_rate_init": 0.3,
        "hidden_layer_sizes": (30,) * 8,
        "activation": "logistic",
    },
}


def network(n_rows, max_iter, seed, parameters):
    """Return an untrained network that takes plain steps of gradient descent."""
    return MLPClassifier(
        solver="sgd",
        momentum=0,
        batch_size=n_rows,
        max_iter=max_iter,
        n_iter_no_change=np.inf,
        random_state=seed,
        **{"hidden_layer_sizes": (30,), "activation": "tanh", "intercept_init": "zeros"}
        | parameters,
    )


def draw(models):
    """Draw loss above gradient norm, a column for each network."""
    figure, panels = new_figure(2, len(models), size=(14, 5.2), sharex=True, sharey="row")
    for column, (name, model), color in zip(panels.T, models.items(), COLORS, strict=False):
        TrainingDisplay.from_estimator(
            model, panels=["loss", "gradient_norm"], ax=column, color=color, marker="", ls="-"
        )
        column[0].set_title(name, fontsize=10)
        for panel in column:
            panel.set_yscale("log")
    for panel in panels[:, 1:].flat:
        panel.set_ylabel("")
    return figure


def main(argv=None):
    """Train, report and draw; return the networks and what `stuck` says of them."""
    arguments = parse_arguments(
        __file__, __doc__, argv, quick="200 images in place of 1000", data="mnist.npz"
    )
    n_rows, max_iter = (200 if arguments.quick else 1000), 300
    X, y, _, _ = load_some_images(arguments, "mnist", n_rows, 1)
    models, reports = {}, {}
    for name, parameters in STALLS.items():
        model = network(len(X), max_iter, arguments.random_state, parameters)
        models[name], _ = train(model, X, y)
        reports[name] = stuck(model)
    print_table(
        ("network", "loss", "gradient norm: highest", "last", "trend", "verdict"),
        [
            (
                name,
                f"{model.loss_curve_[0]:.2f} to {model.loss_curve_[-1]:.2f}",
                f"{max(model.history_['gradient_norm']):.1e}",
                f"{model.history_['gradient_norm'][-1]:.1e}",
                f"{reports[name].loss_trend:+.1%}",
                reports[name].verdict,
            )
            for name, model in models.items()
        ],
    )
    save_picture(arguments, draw, models)
    return models, reports


if __name__ == "__main__":
    main()
