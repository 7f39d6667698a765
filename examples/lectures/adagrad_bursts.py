"""Adagrad's late bursts on a narrow valley, with and without decay and warm-up.

    python examples/lectures/adagrad_bursts.py

The lectures' claim: Adagrad divides each weight's gradient by the root of the mean of all its
squared gradients so far. On the floor of a valley the gradients across it are tiny for a long time,
the mean falls, the step across grows until it is unstable and bursts out; the large gradients there
raise the mean, and it comes back. A rate that decays cures it. A warm-up keeps the first steps
small, while the mean is over few gradients.

What is run: linear regression with two weights in a valley (synthetic, as in narrow_valley.py),
all rows in every step. The optimiser of this name everywhere, and of this package, divides by the
root of the *sum*, which is the lectures' with the decay 1 / sqrt(t) built in. A `learning_rate`
that grows as sqrt(t) takes the decay out again. RMSProp, which divides by a mean that forgets, has
no decay either.

What to look for: without decay bursts begin some hundred steps after the path reached the floor,
Adagrad's farther out than where the path began. The decay ends them. The warm-up alone does not: it
puts them off. What it does is to keep the first step small, which without it has the full rate in
both directions, however small the gradient. RMSProp bursts too, half as far as the path began, and
as its mean forgets, decay makes its bursts smaller but does not end them.
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

RATES = {"adagrad": 0.2, "rmsprop": 0.05}
WARMUP = 100  # steps
BOTTOM, START = np.array([1.0, 1.0]), np.array([-2.0, 1.6])
RMSPROP = "RMSProp, rho 0.99"


def make_data(seed):
    """Return (X, y) without noise: the second weight's curvature is 100 times the first's."""
    X = np.random.RandomState(seed).normal(size=(100, 2))
    X = np.linalg.qr(X - X.mean(0))[0] * [1.0, 10.0]  # orthogonal: across is the second weight
    X *= np.sqrt(len(X)) / 10
    return X, X @ BOTTOM


def schedules(n_steps):
    """Return {name: (solver, factor of the rate from the share of training that is done)}."""

    def warmup(progress):
        return min(1.0, (progress * n_steps + 1) / WARMUP)

    def undo_decay(progress):
        return np.sqrt(progress * n_steps + 1)

    return {
        "Adagrad, no decay": ("adagrad", undo_decay),
        "Adagrad, no decay, warm-up": ("adagrad", lambda p: undo_decay(p) * warmup(p)),
        "Adagrad, decay": ("adagrad", "constant"),
        "Adagrad, decay, warm-up": ("adagrad", warmup),
        RMSPROP: ("rmsprop", "constant"),
        f"{RMSPROP}, decay": ("rmsprop", lambda p: 1 / undo_decay(p)),
    }


def descend(X, y, n_steps, solver, schedule):
    """Return the path of the weights."""
    trajectory = Trajectory()
    model = MLPRegressor(
        (),
        solver=solver,
        alpha=0,
        batch_size=len(X),
        learning_rate_init=RATES[solver],
        learning_rate=schedule,
        max_iter=n_steps,
        n_iter_no_change=np.inf,
        tol=0,
        weight_init=start_at(START),
        intercept_init="zeros",  # and so it stays: features and target have no mean
        callbacks=[trajectory],
    )
    train(model, X, y)
    return first_weights(START, trajectory)


def bursts(path):
    """Return (steps at which a burst begins, the farthest from the floor after it was reached).

    The floor is reached where the distance across the valley has been below a hundredth of the
    start's for 20 steps; a burst is what then leaves it by ten times that much.
    """
    across = np.abs(path[:, 1] - BOTTOM[1]) / abs(START[1] - BOTTOM[1])
    begins, quiet, on_floor, reached = [], 0, False, None
    for step, distance in enumerate(across):
        quiet = quiet + 1 if distance < 0.01 else 0
        if quiet == 20:
            on_floor, reached = True, reached or step
        elif on_floor and distance > 0.1:
            begins.append(step)
            on_floor = False
    return begins, np.nan if reached is None else float(across[reached:].max())


def draw(paths):
    """Draw each path on the surface, and its distance across the valley over the steps."""
    figure, panels = new_figure(len(paths), 2, size=(10, 1.9 * len(paths)), sharex="col")
    axes = np.linspace(-2.4, 2.6, 200), np.linspace(0.2, 1.8, 200)
    w1, w2 = np.meshgrid(*axes)
    loss = ((w1 - BOTTOM[0]) ** 2 + 100 * (w2 - BOTTOM[1]) ** 2) / 2
    for (left, right), (name, path), color in zip(panels, paths.items(), COLORS, strict=False):
        left.contour(*axes, loss, levels=2.0 ** np.arange(-5, 6), colors="#bbbbbb", linewidths=0.7)
        left.plot(*path.T, color=color, lw=1)
        left.plot(*BOTTOM, "x", color="black", ms=7, mew=2)
        left.set_xlim(axes[0][[0, -1]])
        left.set_ylim(axes[1][[0, -1]])
        decorate(left, name, "", "w2", grid=False)
        across = np.abs(path[:, 1] - BOTTOM[1])
        right.semilogy(np.maximum(across, 1e-12), color=color, lw=1)
        right.set_ylim(1e-12, 3)
        decorate(right, name, "", "distance across")
    panels[-1, 0].set_xlabel("w1")
    panels[-1, 1].set_xlabel("step")
    return figure


def main(argv=None):
    """Descend, report and draw; return {name: (begins, farthest)} and the paths."""
    arguments = parse_arguments(__file__, __doc__, argv, quick="3500 steps in place of 5000")
    n_steps = 3500 if arguments.quick else 5000
    X, y = make_data(arguments.random_state)
    paths = {name: descend(X, y, n_steps, *recipe) for name, recipe in schedules(n_steps).items()}
    found = {name: bursts(path) for name, path in paths.items()}
    print(f"{n_steps} steps; distances across the valley in units of the start's")
    print_table(
        (
            "optimiser",
            "length of the first step",
            "bursts",
            "the first at step",
            "farthest later",
            "at the end",
        ),
        [
            (
                name,
                f"{np.linalg.norm(path[1] - path[0]):.1e}",
                f"{len(begins)}",
                f"{begins[0]}" if begins else "",
                f"{farthest:.1e}",
                f"{abs(path[-1, 1] - BOTTOM[1]) / abs(START[1] - BOTTOM[1]):.0e}",
            )
            for (name, path), (begins, farthest) in zip(paths.items(), found.values(), strict=True)
        ],
    )
    save_picture(arguments, draw, paths)
    return found, paths


if __name__ == "__main__":
    main()
