"""The program that the tests run under mpiexec; rank 0 writes the results."""

import sys
import warnings

import numpy as np
from mpi4py import MPI
from problems import digits
from shares import CASES, row_shares, settings_of, weights_of
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import scale

from rosenblatt import callbacks
from rosenblatt.mpi import MPIMLPClassifier, MPIMLPRegressor

warnings.simplefilter("ignore")
COMM = MPI.COMM_WORLD
RANK, SIZE = COMM.rank, COMM.size


def fitted_cases():
    """Flat parameters and losses of every case."""
    X, y = digits()
    rows = row_shares(SIZE)[RANK]
    for name in CASES:
        weights = weights_of(name, len(y))
        weights = None if weights is None else weights[rows]
        model = MPIMLPClassifier(**settings_of(name)).fit(X[rows], y[rows], weights)
        flat = model._architecture.flat(model._architecture.read(model))
        yield name, flat
        yield f"{name}, losses", np.array(model.loss_curve_)


def early_stopping():
    """What a training with callbacks and rows held out ends with, as every rank sees it."""
    X, y = digits()
    rows = row_shares(SIZE)[RANK]
    records = []
    model = MPIMLPClassifier(
        early_stopping=True,
        learning_rate_init=0.05,
        n_iter_no_change=3,
        max_iter=30,
        random_state=0,
        scoring="neg_log_loss",
        callbacks=[lambda record, _: records.append(record)],
    ).fit(X[rows], y[rows])
    seen = [len(records), model.n_iter_, model.best_validation_score_, model.coefs_[0].sum()]
    stopped = MPIMLPClassifier(callbacks=[callbacks.TimeLimit(1e-3)]).fit(X[rows], y[rows])
    return np.array(COMM.allgather([*seen, stopped.n_iter_]))


def regressor():
    """L-BFGS on real numbers, 10 iterations; batch normalisation in batches."""
    X, y = map(scale, load_diabetes(return_X_y=True))
    rows = np.array_split(np.arange(len(y)), SIZE)[RANK]
    settings = {"hidden_layer_sizes": (20,), "random_state": 0}
    search = MPIMLPRegressor(**settings, solver="lbfgs", max_iter=10).fit(X[rows], y[rows])
    yield "lbfgs", search._architecture.flat(search._architecture.read(search))
    stopping = [lambda record, _: record.epoch == 3]
    stopped = MPIMLPRegressor(**settings, solver="lbfgs", callbacks=stopping).fit(X[rows], y[rows])
    yield "lbfgs, stopped", np.array(COMM.allgather([stopped.n_iter_, stopped.loss_]))
    normalised = MPIMLPRegressor(**settings, normalization="batch", max_iter=30)
    normalised.fit(X[rows], y[rows])
    yield "batch normalization", np.array(COMM.allgather(normalised.score(X, y)))


def refusals():
    """What every rank says of data that do not fit together."""
    X, y = digits()
    cases = [
        (X[:50].astype("float32" if RANK else "float64"), y[:50], {}),
        (X[:50, RANK:], y[:50], {}),
        (X[:50], y[:50].astype(str if RANK else int), {}),
        (np.full((5, 3), np.nan if RANK else 1.0), y[:5], {}),
        (X[:50], y[:50], {"max_iter": 3 + RANK}),
        (X[:50], y[:50], {"callbacks": [lambda *_: 1 / 0]}),
        (X[:0], y[:0], {}),
    ]
    for X, y, options in cases:
        try:
            MPIMLPClassifier(**options).fit(X, y)
            message = "no error"
        except Exception as error:
            message = f"{type(error).__name__}: {error}"
        yield COMM.gather(message)


if __name__ == "__main__":
    results = dict(fitted_cases())
    results["early stopping"] = early_stopping()
    results |= dict(regressor())
    messages = list(refusals()) if SIZE == 2 else []
    if RANK == 0:
        np.savez(sys.argv[1], messages=np.array(messages), **results)
