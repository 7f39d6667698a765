"""What ran: processor, instruction sets, BLAS core, threads, versions, the multiply-add peak."""

import os
import platform
import time
from importlib.metadata import PackageNotFoundError, version

import numpy as np
from threadpoolctl import threadpool_info

from benchmarks import DROPPED
from benchmarks.timing import thread_counts, threads
from rosenblatt.core import dispatch, network

PACKAGES = ("rosenblatt", "numpy", "scipy", "scikit-learn", "torch", "skorch")


def environment(with_peers):
    """Return lines of text by name."""
    blas = {info.get("architecture") for info in threadpool_info() if info["user_api"] == "blas"}
    lines = {
        "processor": f"{processor()}, {os.cpu_count()} in this machine",
        "system": f"{platform.system()} {platform.machine()}",
        "versions": ", ".join([f"Python {platform.python_version()}", *installed(PACKAGES)]),
        "rosenblatt's kernels": dispatch.get_isa(),
        "BLAS core of NumPy and SciPy": ", ".join(sorted(filter(None, blas))) or "not known",
    }
    if DROPPED:
        lines["dropped from the environment"] = ", ".join(f"{k}={v}" for k, v in DROPPED.items())
    if with_peers and installed(["torch"]):
        import torch

        lines["PyTorch's kernels"] = torch.backends.cpu.get_cpu_capability()
        lines["PyTorch's threads if left alone"] = str(torch.get_num_threads())
    with threads(1):
        lines["threads where no other number is given"] = f"rosenblatt 1, {thread_counts()}"
    lines["multiply-add peak of one thread"] = ", ".join(
        f"{peak(dtype):.0f} GFLOP/s in {dtype}" for dtype in ("float32", "float64")
    )
    return lines


def installed(names):
    """Return "name version" of those distributions that are installed."""
    found = []
    for name in names:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return found


def processor():
    """Return the processor's name."""
    try:
        with open("/proc/cpuinfo") as file:
            names = [
                line.split(":", 1)[1].strip() for line in file if line.startswith("model name")
            ]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()


def peak(dtype):
    """Measure billions of operations a second of multiply-adds on registers, one thread.

    At the level of rosenblatt's kernels that is in use; the best of 50 tries, since nothing
    but a disturbance can make one slower.
    """
    repeats, best = 20_000, np.inf
    for _ in range(50):
        start = time.perf_counter()
        operations = network.multiply_adds(repeats, dtype)
        best = min(best, (time.perf_counter() - start) / operations)
    return 1e-9 / best
