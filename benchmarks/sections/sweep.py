"""Whole steps over a grid of shapes, to check a rule that chooses a kernel by shape.

Run it with the rule and without, in turn, and compare the tables' JSON. The grid is the command
line's: ``python -m benchmarks sweep --widths 16,20,24 --batches 1,2,4,8``.
"""

from functools import partial
from itertools import pairwise

import numpy as np

from benchmarks import timing
from benchmarks.environment import peak
from benchmarks.problems import Net
from benchmarks.timing import OURS, enough, in_turn
from rosenblatt.core.epochs import RowOrder, train_epochs
from rosenblatt.core.examples import Examples
from rosenblatt.core.network import Network

ROWS_OF_AN_EPOCH = 1024  # at least, so that reading a clock costs nothing


def sweep(settings, report):
    """Share of the peak that whole steps reach, over widths and batch sizes."""
    for dtype in settings.dtypes:
        with timing.threads(1):
            limit = 1e9 * peak(dtype)
            table = report.table(
                f"Share of the multiply-add peak by width and batch size, {dtype}",
                {
                    "name": ("width \\ batch", "text"),
                    **{str(batch): (str(batch), "share") for batch in settings.batches},
                },
                notes=["steps of Adam on a network width-width-width, ReLU, one thread, rows of X "
                       "taken in a random order"],
            )  # fmt: skip
            for width in settings.widths:
                seconds, shares = {}, {}
                for batch in settings.batches:
                    net = Net((width,) * 3, batch, batch * -(-ROWS_OF_AN_EPOCH // batch))
                    seconds[batch] = step_seconds(net, dtype, settings)
                    shares[str(batch)] = net.operations_per_step / seconds[batch] / limit
                table.add(name=str(width), dtype=dtype, seconds_of_a_step=seconds, **shares)


def step_seconds(net, dtype, settings):
    """Seconds of one step through the core, nothing of an estimator."""
    rng = np.random.RandomState(0)
    network = Network(
        net.widths, ["relu"], "squared_error", net.batch_size, dtype, optimizer="adam"
    )
    network.set_optimizer(alpha=1e-4, beta_1=0.9, beta_2=0.999, epsilon=1e-8)
    shapes = pairwise(net.widths)
    coefs = [rng.normal(scale=(2 / shape[0]) ** 0.5, size=shape) for shape in shapes]
    network.write(network.parameters, coefs, [np.zeros(width) for width in net.widths[1:]])
    X, targets = (
        rng.normal(size=(net.n_rows, width)).astype(dtype)
        for width in (net.widths[0], net.widths[-1])
    )
    examples, order = Examples(X, targets), RowOrder(np.arange(net.n_rows), rng)

    def seconds_of(n_epochs):
        rates = np.full((n_epochs, net.n_steps), 1e-6)
        return timing.timed(train_epochs, network, examples, order, rates, net.batch_size)()

    target = settings.seconds / 3
    n_epochs = enough(seconds_of, target, most=1000)
    name = f"width {net.widths[0]}, batch {net.batch_size}"
    times = in_turn({OURS: partial(seconds_of, n_epochs)}, settings.few_rounds, name, warm_up=False)
    return times.medians[OURS] / (n_epochs * net.n_steps)
