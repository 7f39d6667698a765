"""The paths of five optimisers across a narrow valley, with and without standardised features.

    python examples/lectures/narrow_valley.py

The lectures' claim: features of different size make the error surface a narrow valley. Gradient
descent then has one rate for a steep and a flat direction: too large, and it is thrown from wall
to wall; too small, and it stands still on the valley's floor though the gradient is not zero.
Momentum, and a rate of its own for each weight (Adagrad, RMSProp, Adam), help. Standardised
features make the valley round, and then plain gradient descent goes straight to the bottom.

What is run: linear regression with two weights on 200 synthetic rows whose second feature is 8
times as large as the first, all rows in every step, all paths from the same function. The
curvatures L and l of the surface (largest and smallest) are known here: gradient descent diverges
at rates above 2 / L. Each optimiser has its best rate of a grid: of those that never climb above
the loss at the start the one that is soonest, and then stays, within a thousandth of it.

What to look for: the ratio L / l, and how many steps each takes on either surface. A rate one part
in a hundred above 2 / L diverges; the small one ends far from the bottom of the valley with a
gradient that is not zero. Momentum, Adagrad and Adam are faster than gradient descent in the valley
and are not on the round surface. RMSProp is not faster here, and at a constant rate it does not
settle: it goes to and fro at the distance of its rate.
"""

import numpy as np
from common import (
    COLORS,
    decorate,
    first_weights,
    new_figure,
    parse_arguments,
    print_table,
    save_picture,
    start_at,
    train,
)

from rosenblatt import MLPRegressor
from rosenblatt.callbacks import Trajectory

OPTIMIZERS = {
    "gradient descent": {"solver": "sgd", "momentum": 0},
    "momentum": {"solver": "sgd", "momentum": 0.9, "nesterovs_momentum": False},
    "Adagrad": {"solver": "adagrad"},
    "RMSProp": {"solver": "rmsprop", "rho": 0.9},
    "Adam": {"solver": "adam"},
}
FACTORS = {"too large": 2.02, "fair": 1.8, "too small": 0.02}  # in units of 1 / L
NEAR = 1e-3
START = np.array([-2.0, 4.0])  # of the standardised weights, seen from the bottom


def make_data(seed):
    """Return {surface: (X, y, start)}: the same problem, raw and standardised."""
    random = np.random.RandomState(seed)
    X = random.normal(size=(200, 2))
    X[:, 1] = 0.3 * X[:, 0] + X[:, 1]
    X = (X - X.mean(0)) / X.std(0)
    y = X @ [1.0, 1.0] + 0.1 * random.normal(size=200)
    y -= y.mean()
    start, scale = bottom(X, y) + START, np.array([1.0, 8.0])
    return {"raw features": (X * scale, y, start / scale), "standardised features": (X, y, start)}


def bottom(X, y):
    """Return the weights of least squares."""
    return np.linalg.lstsq(X, y, rcond=None)[0]


def curvatures(X):
    """Return the smallest and the largest curvature of half the mean squared error."""
    return np.linalg.eigvalsh(X.T @ X / len(X))


def descend(X, y, start, n_steps, rate, **optimizer):
    """Return (path of the weights, loss above the bottom's at each of its points)."""
    trajectory = Trajectory()
    model = MLPRegressor(
        (),
        alpha=0,
        batch_size=len(X),
        learning_rate_init=rate,
        max_iter=n_steps,
        n_iter_no_change=np.inf,
        weight_init=start_at(start),
        intercept_init="zeros",  # and so it stays: features and target have no mean
        callbacks=[trajectory],
        **optimizer,
    )
    train(model, X, y)
    path = first_weights(start, trajectory)
    residuals = (path - bottom(X, y)) @ X.T
    return path, np.mean(residuals**2, axis=1) / 2


def steps_until_near(losses):
    """Return the first step from which the loss stays near the bottom's, else infinity."""
    far = np.flatnonzero(~(losses < NEAR * losses[0]))
    return np.inf if far[-1] == len(losses) - 1 else int(far[-1] + 1)


def best_rate(X, y, start, n_steps, optimizer):
    """Return (rate, path, losses) with the rate that is near the bottom soonest.

    The grid is in units of 1 / L for gradient descent and momentum, whose steps have the
    gradient's size, and of the way's length for the others, whose steps have the rate's.
    """
    is_plain = optimizer["solver"] == "sgd"
    unit = 1 / curvatures(X)[-1] if is_plain else np.abs(start - bottom(X, y)).max()
    grid = (0.1, 0.3, 1, 1.5, 1.9) if is_plain else (0.003, 0.01, 0.03, 0.1, 0.3, 1)
    runs = [
        (factor * unit, *descend(X, y, start, n_steps, factor * unit, **optimizer))
        for factor in grid
    ]
    return min(
        runs,
        key=lambda run: (run[2].max() > run[2][0], steps_until_near(run[2]), run[2][-1]),
    )


def measure(surfaces, n_steps):
    """Return {surface: {optimiser: run}} and {surface: {rate's name: run}} of gradient descent."""
    by_optimizer, by_rate = {}, {}
    for name, (X, y, start) in surfaces.items():
        by_optimizer[name] = {
            optimizer: best_rate(X, y, start, n_steps, parameters)
            for optimizer, parameters in OPTIMIZERS.items()
        }
        rates = {word: factor / curvatures(X)[-1] for word, factor in FACTORS.items()}
        by_rate[name] = {
            word: (rate, *descend(X, y, start, n_steps, rate, **OPTIMIZERS["gradient descent"]))
            for word, rate in rates.items()
        }
    return by_optimizer, by_rate


def draw(surfaces, by_optimizer, by_rate):
    """Draw a row for each surface: rates, optimisers, and their losses."""
    figure, panels = new_figure(2, 3, size=(12, 7.2))
    for row, (name, data) in zip(panels, surfaces.items(), strict=True):
        draw_paths(row[0], data, by_rate[name], shown=25)
        decorate(row[0], f"gradient descent, {name}", "w1", "w2", grid=False)
        draw_paths(row[1], data, by_optimizer[name], shown=None)
        decorate(row[1], f"each at its best rate, {name}", "w1", "w2", grid=False)
        for (_, _, losses), color in zip(by_optimizer[name].values(), COLORS, strict=False):
            row[2].loglog(np.arange(1, len(losses) + 1), losses / losses[0], color=color)
        row[2].axhline(NEAR, color="black", lw=0.8, ls=":")
        row[2].set_ylim(1e-8, 10)
        decorate(row[2], "loss above the bottom, of the start's", "step + 1")
    return figure


def draw_paths(panel, data, runs, shown):
    """Draw contours of the loss and the first steps of each run."""
    X, y, start = data
    target = bottom(X, y)
    reach = 1.35 * np.abs(start - target)
    low, high = curvatures(X)
    # one scale for a round surface; the valley drawn at its true narrowness would show no path
    reach = np.maximum(reach, (0.45 if high > 10 * low else 1) * reach.max())
    axes = [np.linspace(t - r, t + r, 300) for t, r in zip(target, reach, strict=True)]
    offsets = np.stack(np.meshgrid(*axes), -1) - target
    loss = np.einsum("...i,ij,...j", offsets, X.T @ X / len(X), offsets) / 2
    at_start = np.mean(((start - target) @ X.T) ** 2) / 2
    panel.contour(
        *axes, loss, levels=at_start * 2.0 ** np.arange(-7, 6), colors="#bbbbbb", linewidths=0.7
    )
    for (name, (_, path, _)), color, marker in zip(runs.items(), COLORS, "os^Dv", strict=False):
        path = path[:shown]
        panel.plot(*path.T, marker, ls="-", color=color, ms=3, lw=1.2, label=name)
    panel.plot(*target, "x", color="black", ms=8, mew=2)
    panel.set_xlim(axes[0][[0, -1]])
    panel.set_ylim(axes[1][[0, -1]])
    panel.legend(frameon=True, framealpha=0.9, edgecolor="none", fontsize=8)


def text_of(rate, losses):
    """Return the cells of a run: its rate, its steps, and how far it came."""
    steps, left = steps_until_near(losses), losses[-1] / losses[0]
    left = "diverges" if not left < 1 else f"{left:.0e}"
    return f"{rate:.2g}", "never" if steps == np.inf else f"{steps}", left


def main(argv=None):
    """Descend, report and draw; return the curvatures' ratios and the runs."""
    arguments = parse_arguments(__file__, __doc__, argv, quick="300 steps in place of 2000")
    n_steps = 300 if arguments.quick else 2000
    surfaces = make_data(arguments.random_state)
    by_optimizer, by_rate = measure(surfaces, n_steps)
    ratios = {}
    for name, (X, _, _) in surfaces.items():
        low, high = curvatures(X)
        ratios[name] = high / low
        print(f"{name}: curvatures {low:.3g} and {high:.3g}, ratio {high / low:.0f}")
        runs = {f"gradient descent, rate {word}": run for word, run in by_rate[name].items()}
        runs |= {f"{optimizer}, best rate": run for optimizer, run in by_optimizer[name].items()}
        print_table(
            ("path", "rate", f"steps to {NEAR} of the start's loss", f"left after {n_steps}"),
            [(path, *text_of(rate, losses)) for path, (rate, _, losses) in runs.items()],
        )
        print()
    save_picture(arguments, draw, surfaces, by_optimizer, by_rate)
    return ratios, by_optimizer, by_rate


if __name__ == "__main__":
    main()
