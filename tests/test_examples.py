"""The scripts in examples/ run as they are, here on small made-up data."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np

EXAMPLES = Path(__file__).parent.parent / "examples"


def run_example(name, *arguments):
    return subprocess.run(
        [sys.executable, EXAMPLES / name, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
    )


def write_images(folder, n_train=400, n_test=100):
    """Write noise with one bright square per class in the form of MNIST."""
    random = np.random.RandomState(0)
    y = random.randint(10, size=n_train + n_test).astype(np.uint8)
    X = random.randint(60, size=(len(y), 28, 28)).astype(np.uint8)
    for image, label in zip(X, y, strict=True):
        row, column = divmod(int(label), 5)
        image[14 * row : 14 * row + 5, 5 * column : 5 * column + 5] = 250
    X = X.reshape(len(X), -1)
    np.savez(
        folder / "mnist.npz",
        X_train=X[:n_train],
        y_train=y[:n_train],
        X_test=X[n_train:],
        y_test=y[n_train:],
    )


def test_mnist_trains_and_reports(tmp_path):
    """It shows a line an epoch, then the accuracy, which is high on so easy images."""
    write_images(tmp_path)

    child = run_example("mnist.py", "--data", tmp_path, "--quick", "--max-iter", 8)

    assert child.stderr == ""
    assert child.returncode == 0
    assert [str(epoch) for epoch in range(1, 9)] == re.findall(
        r"Iteration (\d+), loss", child.stdout
    )
    report = re.search(
        r"test accuracy (\S+)% on 100 images, trained for 8 epochs in \S+ seconds", child.stdout
    )
    assert float(report[1]) > 90


def test_mnist_without_its_file_says_so(tmp_path):
    """A folder without mnist.npz ends with one line and status 2."""
    child = run_example("mnist.py", "--data", tmp_path)

    assert child.stderr.startswith("cannot load MNIST: ")
    assert child.stderr.count("\n") == 1
    assert child.returncode == 2
