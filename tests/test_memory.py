"""Peak memory of fits and predictions in fresh processes, and the modules that an import loads."""

import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from rosenblatt import MLPRegressor
from rosenblatt._memory import memory_needed

STATUS = Path("/proc/self/status")
pytestmark = pytest.mark.skipif(
    not STATUS.exists() or "VmHWM" not in STATUS.read_text(),
    reason="reads Linux's figures of a process",
)

# Every script begins so; `grown` is how far the peak rose in MB while a function ran. The peak is
# the kernel's VmHWM: ru_maxrss begins at what the process had that started this one.
PREAMBLE = """
import re, resource, sys, warnings
from pathlib import Path
import numpy as np
from rosenblatt import MLPClassifier, MLPRegressor
warnings.simplefilter("ignore")

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])

def grown(function):
    before = peak()
    function()
    return (peak() - before) / 1024

def rows(n, n_features, dtype="float32"):
    X = np.empty((n, n_features), dtype)
    for start in range(0, n, 100):  # no temporary that would hide a later one
        X[start : start + 100] = np.random.RandomState(start).uniform(-1, 1, (100, n_features))
    return X
"""


def run(script, *arguments):
    """The numbers that a script prints in a process of its own."""
    process = subprocess.run(
        [sys.executable, "-c", PREAMBLE + script, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    return [float(word) for word in process.stdout.split()]


FIT_ON_MUCH = """
name, target, early = sys.argv[1], sys.argv[2], sys.argv[3] == "True"
X = rows(25_000, 1000)
y = X[:, 0].copy() if target == "real" else np.digitize(X[:, 0], [-0.5, 0, 0.5])
weights = np.ones(len(X), X.dtype)
kind = {"MLPClassifier": MLPClassifier, "MLPRegressor": MLPRegressor}[name]
def model():
    return kind(hidden_layer_sizes=(8,), max_iter=2, early_stopping=early, random_state=0)
model().fit(X[:200], y[:200], weights[:200]).predict(X[:200])  # loads what is loaded late
fitted = model()
print(grown(lambda: fitted.fit(X, y, weights)), grown(lambda: fitted.predict(X)))
"""


@pytest.mark.parametrize(
    ("name", "target", "early_stopping"),
    [("MLPRegressor", "real", False), ("MLPClassifier", "class", True)],
)
def test_no_copy_of_x(name, target, early_stopping):
    """95 MB of float32: training on and predicting them takes less than a tenth of that more.

    There are a few arrays of 8 bytes a row, 0.2 MB each (numbers of rows, encoded targets), and
    the activations of a batch. A mask with a byte for each value would be 24 MB.
    """
    for megabytes in run(FIT_ON_MUCH, name, target, early_stopping):
        assert megabytes < 9.5


FIT_MANY_WEIGHTS = """
early = sys.argv[1] == "True"
X = rows(100, 2000)
y = X[:, 0].copy()
def model(width):
    return MLPRegressor((width,), max_iter=2, early_stopping=early, random_state=0, batch_size=20)
model(8).fit(X, y)
fitted = model(4000)
n_bytes = (2002 * 4000 + 1) * 4
print(grown(lambda: fitted.fit(X, y)) * 2**20 / n_bytes)
print(grown(lambda: fitted.predict(X)) * 2**20 / n_bytes)
"""


@pytest.mark.parametrize("early_stopping", [False, True])
def test_copies_of_the_parameters(early_stopping):
    """Parameters, gradient, two moments, with early stopping the best; the rest is 0.2 of them.

    31 MB each. The fitted arrays are not one more: they come after the gradient. A prediction
    holds none.
    """
    fit, predict = run(FIT_MANY_WEIGHTS, early_stopping)
    assert fit < 4.2 + early_stopping
    assert predict < 0.2


LAYERS = {
    "plain": {},
    "some dropout": {"dropout": (0.5, 0.0)},
    "slopes": {"activation": ("gelu", "tanh")},
    "batch": {"normalization": "batch", "batch_size": 2000},
    "batch and more": {
        "normalization": "batch",
        "batch_size": 2000,
        "activation": "gelu",
        "dropout": 0.2,
        "early_stopping": True,
        "tol_params": 0.0,
    },
    "a batch of all rows": {"normalization": "batch", "batch_size": 2999},
    "layer": {"normalization": "layer", "batch_size": 2000, "n_jobs": 2},
    "lbfgs": {"solver": "lbfgs"},
    "few parameters": {"hidden_layer_sizes": (2000,), "normalization": "batch", "batch_size": 2500},
}


@pytest.mark.parametrize("options", LAYERS.values(), ids=LAYERS.keys())
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_fit_takes_what_the_memory_check_expects(options, monkeypatch):
    """By tracemalloc, which counts NumPy's arrays, to a tenth; padding is part of that."""
    rng = np.random.RandomState(0)
    X, y = rng.normal(size=(3000, 50)), rng.normal(size=3000)
    expected = []

    def remembered(*arguments):
        expected.append(memory_needed(*arguments))
        return expected[-1]

    monkeypatch.setattr("rosenblatt._memory.memory_needed", remembered)
    model = MLPRegressor(**{"hidden_layer_sizes": (310, 410), "max_iter": 2} | options)
    model.fit(X[:100], y[:100])  # loads what is loaded late
    tracemalloc.start()
    model.fit(X, y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 0.9 < peak / expected[-1] < 1.1


PERCEPTRON_OF_MANY_FEATURES = """
import scipy.sparse as sp
from rosenblatt import PerceptronClassifier
n_features, y = 2**20, np.arange(36) % 9
X = sp.csr_array((np.ones(36), (np.arange(36), 1000 * np.arange(36))), shape=(36, n_features))
PerceptronClassifier(max_iter=1).fit(X[:, :100], y)  # loads what is loaded late
print(grown(lambda: PerceptronClassifier(max_iter=1).fit(X, y)))
"""


def test_perceptron_of_many_features_holds_its_weights_twice():
    """As they are learned, 9 classes in 12 places of AVX or 16 of AVX-512, and handed over.

    A ninth of them once more: each class is converted by itself.
    """
    (megabytes,) = run(PERCEPTRON_OF_MANY_FEATURES)
    assert megabytes < (16 + 9 + 2) * 2**20 * 8 / 2**20 * 1.05


MEMORY_MAP = """
model = MLPClassifier((8,), max_iter=1, random_state=0)
small = rows(200, 250)
model.fit(small, np.arange(200) % 2).predict(small)
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
limit = int(status["VmData"].split()[0]) * 1024 + 2**26  # 64 MB more than it has
n_rows = (limit + 2**26) // (250 * 4)
X = np.memmap(sys.argv[1], np.float32, "w+", shape=(n_rows, 250))  # a file with holes
X[::1000] = small[0]
y = np.zeros(n_rows, np.int8)
y[::1000] = 1
X.flush()
X = np.memmap(sys.argv[1], np.float32, "r", shape=(n_rows, 250))
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
try:
    np.ones(X.shape, X.dtype)
except MemoryError:
    model.fit(X, y)
    print(model.score(X, y), model.n_iter_)
"""


def test_epoch_over_a_memory_map_larger_than_the_data_limit(tmp_path):
    """Rows are read where they lie: what a copy would not fit into, an epoch does."""
    score, n_epochs = run(MEMORY_MAP, tmp_path / "rows.f4")
    assert score > 0.99
    assert n_epochs == 1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_initial_weights_drawn_in_parts_are_numpys_draws(dtype):
    """More than are drawn at once: the same as one call of uniform, rounded."""
    from rosenblatt._initializers import DRAWS_AT_ONCE, _uniform

    shape = (3, DRAWS_AT_ONCE // 2)
    drawn = _uniform(np.random.RandomState(3), 0.5, shape, dtype)
    expected = np.random.RandomState(3).uniform(-0.5, 0.5, shape).astype(dtype)
    np.testing.assert_array_equal(drawn, expected)
