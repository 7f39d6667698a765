"""Training with rows in several processes, and the same training on one machine."""

import numpy as np
from problems import digits, row_weights

from rosenblatt import MLPClassifier
from rosenblatt._data import training_weights
from rosenblatt._initializers import initial_parameters
from rosenblatt._plan import training_plan
from rosenblatt._training import TrainingRun
from rosenblatt._training_state import State
from rosenblatt.core.epochs import RowOrder
from rosenblatt.core.examples import Examples
from rosenblatt.distributed._batches import batch_ends, epoch_order, noise_seed, taken_after

CASES = {
    "adam": {},
    "weights, sgd": {
        "solver": "sgd",
        "learning_rate": "cosine",
        "learning_rate_init": 0.1,
        "class_weight": "balanced",
        "clip_norm": 0.5,
        "intercept_init": "prior",
    },
    "dropout and noise": {"dropout": 0.3, "input_dropout": 0.2, "input_noise": 0.1, "n_jobs": 2},
    "two layers": {"hidden_layer_sizes": (30, 7), "solver": "nadam", "normalization": "layer"},
}
SETTINGS = {"hidden_layer_sizes": (20,), "batch_size": 32, "max_iter": 4, "random_state": 0}


def settings_of(name):
    """The parameters of a case."""
    return SETTINGS | CASES[name]


def weights_of(name, n_rows):
    """The rows' weights, where the case has some."""
    return row_weights(n_rows) if "weights" in name else None


def row_shares(size):
    """Row numbers for each process: unequal, sorted by class, one without any among four."""
    y = digits()[1]
    by_class = np.argsort(y, kind="stable")
    marks = {1: [], 2: [110], 4: [50, 50, 220]}[size]
    return np.split(by_class, marks)


def replayed(name, shares):
    """(parameters, losses) of one machine that takes the rows of several processes as they do.

    Parameters
    ----------
    name : str
        A case.
    shares : list of ndarray of int
        The row numbers of each process.
    """
    X, y = digits()
    size = len(shares)
    model = MLPClassifier(**settings_of(name))
    data = model._training_data(
        X,
        y,
        weights_of(name, len(y)),
        validation=None,
        continues=False,
        incremental=False,
        classes=None,
    )
    plan = training_plan(model, data, incremental=False)
    random_state = np.random.RandomState(0)
    state = State(initial_parameters(plan, data, random_state), random_state)
    seed = int(random_state.randint(2**31))
    run = TrainingRun(plan, data, state)
    run.examples = Examples(X, data.targets, training_weights(data, run.rows, plan.class_weight))
    run.network.noise_seed = noise_seed(seed)
    counts = np.array(list(map(len, shares)))
    ends = batch_ends(len(y), run.batch_size, run.n_steps)
    taken = np.vstack([0 * counts, taken_after(counts, ends)])
    for epoch in range(plan.max_epochs):
        orders = [epoch_order(seed, rank, epoch, rows) for rank, rows in enumerate(_own(shares))]
        batches = [
            shares[rank][orders[rank][taken[i, rank] : taken[i + 1, rank]]]
            for i in range(run.n_steps)
            for rank in range(size)
        ]
        run.order = RowOrder(np.concatenate(batches))
        run._train_epochs(1, None)
    return run.network.read_flat(run.network.parameters), state.loss_curve


def _own(shares):
    """Row numbers as each process counts its own."""
    return [np.arange(len(rows)) for rows in shares]
