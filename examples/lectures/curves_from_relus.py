"""A curve from n ReLUs and from n sigmoids, and a hard sigmoid as the sum of two ReLUs.

    python examples/lectures/curves_from_relus.py

The lectures' claim: a piecewise linear curve is a constant plus a sum of hard sigmoids, each of
which is the sum of two ReLUs; a sigmoid is its smooth form. With enough pieces the sum comes as
close as wanted to any continuous curve, so one hidden layer can represent it.

What is run: a network of two ReLUs whose weights are written by hand, against the formula of the
hard sigmoid; then y = sin(2 pi x) + x sin(6 pi x) at 400 points (synthetic, without noise) from n
ReLUs with corners placed by hand at equal distances, and from n ReLUs and n sigmoids that were
trained (lbfgs, the best of several starts).

What to look for: the two ReLUs are the hard sigmoid to rounding. By hand the error falls about
fourfold for a doubled n, as it must for pieces of half the length. That a curve can be represented
does not say that training finds it: few trained sigmoids are far nearer than as many ReLUs by hand,
but from 16 units on training gains nothing more, and the trained ReLUs stay behind those by hand.
"""

import numpy as np
from common import COLORS, decorate, new_figure, parse_arguments, print_table, save_picture, train

from rosenblatt import MLPRegressor

N_UNITS = (2, 4, 8, 16, 32, 64)
DRAWN = (2, 4, 8, 32)


def curve(x):
    """Return the curve that is to be drawn."""
    return np.sin(2 * np.pi * x) + x * np.sin(6 * np.pi * x)


def network(n_units, activation, seed, max_iter):
    """Return an untrained network of one hidden layer."""
    return MLPRegressor(
        (n_units,),
        activation,
        solver="lbfgs",
        alpha=0,
        max_iter=max_iter,
        max_fun=100_000,
        tol=1e-12,
        random_state=seed,
    )


def network_by_hand(slopes, corners, heights, constant):
    """Return a network constant + sum of heights * relu(slopes * (x - corners))."""
    model, _ = train(network(len(slopes), "relu", 0, 1), np.zeros((2, 1)), [0, 1])
    model.coefs_ = [np.reshape(slopes, (1, -1)).astype(float), np.reshape(heights, (-1, 1))]
    model.intercepts_ = [-np.multiply(slopes, corners), np.array([constant], float)]
    return model


def hard_sigmoid_of_two_relus():
    """Return the network relu(x + 1/2) - relu(x - 1/2)."""
    return network_by_hand([1, 1], [-0.5, 0.5], np.array([1.0, -1.0]), 0)


def relus_at_equal_distances(n_units):
    """Return the network that meets the curve at n + 1 points and is linear between them."""
    corners = np.linspace(0, 1, n_units + 1)
    slopes = np.diff(curve(corners)) * n_units
    return network_by_hand(
        np.ones(n_units), corners[:-1], np.diff(slopes, prepend=0), curve(corners[0])
    )


def best_of(n_starts, n_units, activation, X, y, max_iter):
    """Return the trained network with the smallest loss."""
    models = [
        train(network(n_units, activation, seed, max_iter), X, y)[0] for seed in range(n_starts)
    ]
    return min(models, key=lambda model: model.loss_)


def compare(X, y, n_starts, max_iter):
    """Return {column: {n: network}}."""
    found = {"relu by hand": {n: relus_at_equal_distances(n) for n in N_UNITS}}
    for activation in ("relu", "logistic"):
        found[f"{activation} trained"] = {
            n: best_of(n_starts, n, activation, X, y, max_iter) for n in N_UNITS
        }
    return found


def error(model, X, y):
    """Return the root mean square error."""
    return float(np.sqrt(np.mean((model.predict(X) - y) ** 2)))


def draw(X, y, hard, found, errors):
    """Draw the hard sigmoid, the curve from a few units, and the errors."""
    figure, panels = new_figure(2, 3, size=(11, 6.4))
    panels = panels.ravel()
    x = np.linspace(-1.5, 1.5, 301)
    for center, label, dashes in ((-0.5, "relu(x + 1/2)", "--"), (0.5, "relu(x - 1/2)", ":")):
        panels[0].plot(x, np.maximum(x - center, 0), dashes, color=COLORS[6], label=label)
    panels[0].plot(x, hard.predict(x[:, None]), color=COLORS[0], lw=2.5, label="their difference")
    panels[0].legend(frameon=False, fontsize=8)
    decorate(panels[0], "a hard sigmoid from two ReLUs", "x")
    for panel, n in zip(panels[1:5], DRAWN, strict=True):
        panel.plot(X, y, color="#bbbbbb", lw=5, label="the curve")
        for (name, models), color, dashes in zip(
            found.items(), COLORS, (":", "-", "--"), strict=False
        ):
            panel.plot(X, models[n].predict(X), dashes, color=color, lw=1.6, label=name)
        decorate(panel, f"n = {n}", "x", "y")
    panels[1].legend(frameon=False, fontsize=8)
    for (name, values), color, marker in zip(errors.items(), COLORS, ("^", "o", "s"), strict=False):
        panels[5].loglog(N_UNITS, values, marker=marker, color=color, label=name, base=2)
    panels[5].set_yscale("log")
    panels[5].legend(frameon=False, fontsize=8)
    decorate(panels[5], "error", "n", "root mean square error")
    return figure


def main(argv=None):
    """Compare, report and draw; return the hard sigmoid's difference and the errors."""
    arguments = parse_arguments(
        __file__, __doc__, argv, quick="one start and 200 iterations, not 5 and 2000"
    )
    n_starts, max_iter = (1, 200) if arguments.quick else (5, 2000)
    x = np.linspace(-2, 2, 1001)
    hard = hard_sigmoid_of_two_relus()
    difference = np.abs(hard.predict(x[:, None]) - np.clip(x + 0.5, 0, 1)).max()
    print(f"two ReLUs and the hard sigmoid differ by at most {difference:.1e}\n")
    X = np.linspace(0, 1, 400)[:, None]
    y = curve(X.ravel())
    found = compare(X, y, n_starts, max_iter)
    errors = {
        name: [error(model, X, y) for model in models.values()] for name, models in found.items()
    }
    print("root mean square error of the curve from n units")
    print_table(
        ("n", *errors),
        [
            (f"{n}", *(f"{value:.5f}" for value in values))
            for n, *values in zip(N_UNITS, *errors.values(), strict=True)
        ],
    )
    save_picture(arguments, draw, X, y, hard, found, errors)
    return difference, errors


if __name__ == "__main__":
    main()
