"""The environment of a run: processor, instruction sets, BLAS core, threads, versions, peak."""

import os
import platform
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version

from threadpoolctl import threadpool_info

from benchmarks import DROPPED
from benchmarks.timing import thread_counts, threads
from rosenblatt.core import dispatch, probes

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
        lines["threads where no other number is given"] = thread_counts()
    for n_threads, name in ((1, "one thread"), (2, "two threads")):
        lines[f"multiply-add peak of {name}"] = ", ".join(
            f"{peak(dtype, n_threads):.0f} GFLOP/s in {dtype}" for dtype in ("float32", "float64")
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


def peak(dtype, n_threads=1, seconds=0.1):
    """Measure billions of operations a second of multiply-adds on registers.

    At the level of rosenblatt's kernels that is in use, kept up for so many seconds, as
    training is: for some milliseconds a processor may run faster than it can for long. Two
    processors may be two threads of one core, and then have little more than one between them.
    """
    with ThreadPoolExecutor(n_threads) as pool:
        return sum(pool.map(lambda _: one_peak(dtype, seconds), range(n_threads)))


def one_peak(dtype, seconds):
    """Measure the same for the thread that calls."""
    operations, start = 0.0, time.perf_counter()
    while (passed := time.perf_counter() - start) < seconds:
        operations += probes.multiply_adds(20_000, dtype)
    return 1e-9 * operations / passed
