"""Runs one fit in a fresh process and prints its cost as JSON; see sections/memory.py."""

import json
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from benchmarks.contenders import Rosenblatt, ScikitLearn
from benchmarks.problems import Net

STATUS = Path("/proc/self/status")
CONTENDERS = {contender.name: contender for contender in (Rosenblatt(), ScikitLearn())}
WIDTHS = (100, 50, 10)


def net_of(n_bytes):
    """The network, with as many rows of float32 as that."""
    return Net(WIDTHS, 200, n_bytes // (4 * WIDTHS[0]))


def measure(what, name, n_bytes, early_stopping):
    """Do one task: "beyond" or "mapped"."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    net = net_of(n_bytes)
    model = CONTENDERS[name].model(net, max_iter=1, early_stopping=early_stopping)
    random = np.random.default_rng(0)
    few = random.standard_normal((1000, WIDTHS[0]), dtype=np.float32)
    y = random.integers(WIDTHS[-1], size=net.n_rows)
    model.fit(few, y[:1000])  # loads code, and what threads and libraries keep
    if what == "beyond":
        X = np.empty((net.n_rows, WIDTHS[0]), dtype=np.float32)
        fill(X, few)
        return peak_beyond(model, X, y)
    with tempfile.TemporaryDirectory() as folder:
        X = np.memmap(Path(folder) / "X", np.float32, "w+", shape=(net.n_rows, WIDTHS[0]))
        fill(X, few)
        X.flush()
        X = np.memmap(X.filename, np.float32, "r", shape=X.shape)
        return seconds_with_little_memory(model, X, y)


def fill(X, few):
    """Repeat the few rows, without a temporary array."""
    for start in range(0, len(X), len(few)):
        X[start : start + len(few)] = few[: len(X) - start]


def status(key):
    """Bytes that the system counts for this process."""
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(key + ":"))
    return 1024 * int(line.split()[1])


def peak_beyond(model, X, y):
    """Bytes that a fit takes at its peak beyond what the process has before."""
    before = status("VmRSS")
    model.fit(X, y)
    return status("VmHWM") - before


def seconds_with_little_memory(model, X, y):
    """(seconds of a fit or the error that ended it, as text; the limit in bytes)."""
    import resource

    limit = status("VmData") + X.nbytes // 4
    resource.setrlimit(resource.RLIMIT_DATA, (limit, resource.RLIM_INFINITY))
    start = time.perf_counter()
    try:
        model.fit(X, y)
    except MemoryError:
        return "MemoryError", limit
    return f"{time.perf_counter() - start:.2f}", limit


if __name__ == "__main__":
    print(json.dumps(measure(*json.loads(sys.argv[1]))))
