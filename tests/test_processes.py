"""Training in processes that are forked or spawned after and during training."""

import multiprocessing
import os
import subprocess
import sys

import pytest

FORKED_WHILE_TRAINING = """
import os, sys, threading
import numpy as np
from rosenblatt import MLPRegressor

X = np.random.default_rng(0).normal(size=(600, 40))

def trained():
    # wide enough for several threads in a step
    model = MLPRegressor((256, 256), batch_size=300, max_iter=2, n_jobs=2, random_state=0)
    return model.fit(X, X[:, 0])

expected = trained().coefs_[0].tobytes()
over = threading.Event()

def train_until_over():
    while not over.is_set():
        trained()

thread = threading.Thread(target=train_until_over)
if sys.argv[1] == "during":
    thread.start()
statuses = []
for _ in range(5):
    child = os.fork()
    if child == 0:
        os._exit(0 if trained().coefs_[0].tobytes() == expected else 1)
    statuses.append(os.waitpid(child, 0)[1])
over.set()
if thread.ident:
    thread.join()
assert statuses == [0] * 5, statuses
assert trained().coefs_[0].tobytes() == expected
"""

SPAWNED = """
import multiprocessing
import numpy as np
from sklearn.base import clone
from rosenblatt import MLPRegressor

X = np.random.default_rng(0).normal(size=(100, 5))

def bits(model):
    return model.fit(X, X[:, 0]).coefs_[0].tobytes()

if __name__ == "__main__":
    model = MLPRegressor((20,), max_iter=3, random_state=0)
    here = bits(model)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(bits, [clone(model)]) == here
        assert pool.apply(bits, [model]) == here
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("when", ["after", "during"])
def test_forked_process_trains(when):
    """Neither threads that were, nor those of a fit that runs meanwhile, keep a child waiting."""
    command = [sys.executable, "-c", FORKED_WHILE_TRAINING, when]

    subprocess.run(command, check=True, timeout=300)


@pytest.mark.skipif("spawn" not in multiprocessing.get_all_start_methods(), reason="no spawn here")
def test_spawned_process_trains(tmp_path):
    """A model that was fitted, or not, trains in a new process to the same bits."""
    script = tmp_path / "spawned.py"
    script.write_text(SPAWNED)

    subprocess.run([sys.executable, script], check=True, timeout=300)
