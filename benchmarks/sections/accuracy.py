"""Time to train MNIST to a given test accuracy."""

import socket
import time

import numpy as np
from sklearn.datasets import fetch_openml

from benchmarks import timing
from benchmarks.problems import Net
from benchmarks.progress import progress
from benchmarks.report import SkippedError, comparison
from benchmarks.timing import OURS, Times, thread_counts

N_TRAIN = 60_000
MOST_EPOCHS = 40


def accuracy(settings, report):
    """Seconds until 98 % of MNIST's test images are right, the same network in each library."""
    X, y, X_test, y_test = load_mnist(settings)
    n_rows, goal = (10_000, 0.92) if settings.quick else (N_TRAIN, 0.98)
    data = X[:n_rows], y[:n_rows], X_test, y_test
    net = Net((784, 256, 10), 128, n_rows)
    contenders = settings.contenders(with_skorch=not settings.quick)
    with timing.threads(1):
        table = report.table(
            f"MNIST to a test accuracy of {goal:.1%}",
            comparison("", (contender.name for contender in contenders), "s"),
            notes=[
                f"threads: {thread_counts()}",
                f"{net.name}, batch {net.batch_size}, Adam, {n_rows:,} images, float32",
                f"medians over {settings.few_rounds} seed(s); the libraries take epochs in turn",
                "each epoch is followed by a test, which is not counted",
                *(["--quick: without skorch"] if settings.quick else []),
            ],
        )
        runs = [race(contenders, net, data, goal, seed) for seed in range(settings.few_rounds)]
    seconds = {one.name: [run[one.name]["seconds"] for run in runs] for one in contenders}
    epochs = {one.name: [run[one.name]["epochs"] for run in runs] for one in contenders}
    reached = {
        name: column
        for name, column in seconds.items()
        if all(run[name]["accuracy"] >= goal for run in runs)
    }
    if OURS in reached:
        table.add(name="seconds", task=f"MNIST to {goal:.0%} test accuracy", runs=runs,
                  **Times(reached).as_row())  # fmt: skip
    table.add(name="epochs", **Times(epochs).medians)
    an_epoch = {
        name: [a / n for a, n in zip(seconds[name], epochs[name], strict=True)] for name in seconds
    }
    table.add(name="seconds an epoch", task="MNIST, an epoch", **Times(an_epoch).as_row())


def load_mnist(settings):
    """X, y, X_test, y_test: pixels from 0 to 1 in float32, labels as integers."""
    if settings.data is not None:
        try:
            with np.load(settings.data / "mnist.npz") as stored:
                arrays = [stored[key] for key in ("X_train", "y_train", "X_test", "y_test")]
        except (OSError, KeyError) as error:
            raise SkippedError(f"cannot read {settings.data / 'mnist.npz'}: {error}") from error
    elif settings.quick:
        raise SkippedError("--quick downloads nothing; give --data FOLDER with mnist.npz")
    else:
        arrays = download_mnist()
    X, y, X_test, y_test = arrays
    return as_rows(X), y.astype(np.int64), as_rows(X_test), y_test.astype(np.int64)


def download_mnist():
    """The same from openml.org, or from what scikit-learn kept of it."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(20)
    try:
        X, y = fetch_openml(
            "mnist_784", version=1, return_X_y=True, as_frame=False, parser="liac-arff", n_retries=0
        )
    except Exception as error:  # whatever a network, a proxy or a half download may raise
        raise SkippedError(
            f"MNIST could not be downloaded ({error}); give --data FOLDER"
        ) from error
    finally:
        socket.setdefaulttimeout(before)
    return X[:N_TRAIN], y[:N_TRAIN], X[N_TRAIN:], y[N_TRAIN:]


def as_rows(images):
    """One row of values from 0 to 1 an image."""
    return images.reshape(len(images), -1).astype(np.float32) / np.float32(255)


def race(contenders, net, data, goal, seed):
    """Train all in turn, an epoch each, until each has reached the goal.

    Returns
    -------
    dict of str to dict
        Of each contender seconds, epochs, accuracy.
    """
    X, y, X_test, y_test = data
    trainers = {one.name: one.trainer(net, X, y, seed) for one in contenders}
    outcome = {name: {"seconds": 0.0, "epochs": 0, "accuracy": 0.0} for name in trainers}
    for epoch in range(1, MOST_EPOCHS + 1):
        for name, (train_epoch, predict) in trainers.items():
            mine = outcome[name]
            if mine["accuracy"] >= goal:
                continue
            progress.show(f"seed {seed}, {name}, epoch {epoch}, {mine['accuracy']:.2%}")
            start = time.perf_counter()
            train_epoch()
            mine["seconds"] += time.perf_counter() - start
            mine["epochs"] = epoch
            mine["accuracy"] = float(np.mean(predict(X_test) == y_test))
    return outcome
