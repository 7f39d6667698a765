"""``python -m benchmarks``: times this package and its peers in turn and prints the table.

Run it with nothing else running. Medians of several rounds; ratios are against the faster peer.
"""

import argparse
import functools
import json
import os
import statistics
import sys
import time
import warnings

# Some machines pin OpenBLAS to an older core, which users do not have; it is read when NumPy loads.
SLOW_BLAS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
if any(name in os.environ for name in SLOW_BLAS):
    clean = {name: value for name, value in os.environ.items() if name not in SLOW_BLAS}
    os.execve(sys.executable, [sys.executable, "-m", "benchmarks", *sys.argv[1:]], clean)

import numpy as np  # noqa: E402
from sklearn.datasets import load_digits  # noqa: E402
from sklearn.exceptions import ConvergenceWarning  # noqa: E402
from sklearn.linear_model import Perceptron  # noqa: E402
from sklearn.neural_network import MLPClassifier  # noqa: E402
from threadpoolctl import threadpool_info, threadpool_limits  # noqa: E402

import rosenblatt  # noqa: E402
from benchmarks.contenders import contenders  # noqa: E402
from benchmarks.problems import NETS  # noqa: E402
from rosenblatt.core import dispatch, network  # noqa: E402

SECONDS_PER_MEASUREMENT = 0.3


def main():
    """Run the chosen sections."""
    arguments = parse_arguments()
    warnings.simplefilter("ignore", ConvergenceWarning)
    rounds = 3 if arguments.quick else 7
    results = {"environment": environment()}
    print("\n".join(f"{name}: {value}" for name, value in results["environment"].items()))
    for section in arguments.sections:
        print(f"\n## {section}\n")
        results[section] = SECTIONS[section](rounds)
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump(results, file, indent=1)


def parse_arguments():
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("sections", nargs="*", default=list(SECTIONS), help=", ".join(SECTIONS))
    parser.add_argument("--quick", action="store_true", help="three rounds instead of seven")
    parser.add_argument("--json", metavar="FILE", help="write all figures")
    arguments = parser.parse_args()
    unknown = set(arguments.sections) - set(SECTIONS)
    if unknown:
        parser.error(f"no section {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
    return arguments


def environment():
    """What ran: instruction set, BLAS core, threads, the processor's limit."""
    blas = {info.get("architecture") for info in threadpool_info() if info["user_api"] == "blas"}
    return {
        "rosenblatt": f"{rosenblatt.__version__}, kernels {dispatch.get_isa()}",
        "BLAS core of NumPy and SciPy": ", ".join(sorted(filter(None, blas))),
        "processors": os.cpu_count(),
        "multiply-add peak of one": ", ".join(
            f"{peak(dtype):.0f} GFLOP/s in {dtype}" for dtype in ("float32", "float64")
        ),
    }


def peak(dtype):
    """Billions of operations a second of multiply-adds on registers, the best of 50 tries."""
    repeats, best = 20_000, np.inf
    for _ in range(50):
        start = time.perf_counter()
        operations = network.multiply_adds(repeats, dtype)
        best = min(best, (time.perf_counter() - start) / operations)
    return 1e-9 / best


def in_turn(functions, rounds):
    """Median seconds of each function, called one after another in every round."""
    for function in functions:
        function()  # the first call loads code and caches
    times = [[function() for function in functions] for _ in range(rounds)]
    return [statistics.median(column) for column in zip(*times, strict=True)]


def time_steps(rounds, n_threads=1, nets=NETS, dtype="float32"):
    """Microseconds of an optimiser step, from whole fits."""
    peers = contenders()
    print(f"microseconds a step, {dtype}, {n_threads} thread(s)\n")
    print(f"{'net, batch':<26}" + "".join(f"{peer.name:>14}" for peer in peers), end="")
    print(f"{'ratio':>8}{'of peak':>9}")
    limit, rows = peak(dtype), []
    for net in nets:
        X, y = net.data(dtype)
        epochs = [enough_epochs(peer, net, X, y, n_threads) for peer in peers]
        functions = [
            lambda peer=peer, n=n, net=net, X=X, y=y: peer.seconds(net, X, y, n, n_threads) / n
            for peer, n in zip(peers, epochs, strict=True)
        ]
        with threadpool_limits(n_threads):
            seconds = in_turn(functions, rounds)
        steps = [1e6 * second / net.n_steps for second in seconds]
        share = net.operations_per_step / (1e3 * steps[0]) / (limit * n_threads)
        ratio = min(steps[1:]) / steps[0]
        print(f"{net.name + ', ' + str(net.batch_size):<26}", end="")
        print("".join(f"{step:>14.1f}" for step in steps) + f"{ratio:>8.1f}{share:>9.0%}")
        names = [peer.name for peer in peers]
        rows.append({"net": net.name, "batch": net.batch_size, "threads": n_threads,
                     "dtype": dtype, **dict(zip(names, steps, strict=True)),
                     "ratio": ratio, "share_of_peak": share})  # fmt: skip
    return rows


def enough_epochs(peer, net, X, y, n_threads):
    """So many epochs that a measurement is long enough to be read off a clock."""
    with threadpool_limits(n_threads):
        seconds = peer.seconds(net, X, y, 2, n_threads) / 2
    return max(2, min(2000, int(SECONDS_PER_MEASUREMENT / seconds)))


def time_threads(rounds):
    """The wide nets with two threads each."""
    return time_steps(rounds, n_threads=2, nets=[NETS[5], NETS[8]])


def time_digits(rounds):
    """A fit of digits with default parameters, in both precisions."""
    pixels, y = load_digits(return_X_y=True)
    rows = []
    for dtype in ("float32", "float64"):
        X = (pixels / 16).astype(dtype)
        ours, theirs = rosenblatt.MLPClassifier(random_state=0), MLPClassifier(random_state=0)
        rows.append(
            compare(
                f"MLPClassifier().fit, {dtype}",
                functools.partial(ours.fit, X, y),
                functools.partial(theirs.fit, X, y),
                rounds,
            )
        )
    return rows


def time_perceptron(rounds):
    """Rosenblatt's rule on digits."""
    X, y = load_digits(return_X_y=True)
    return [
        compare(
            "PerceptronClassifier().fit, digits",
            lambda: rosenblatt.PerceptronClassifier().fit(X, y),
            lambda: Perceptron().fit(X, y),
            rounds,
        )
    ]


def compare(name, ours, theirs, rounds):
    """Milliseconds of a call of this package's and of scikit-learn's, on one thread."""
    with threadpool_limits(1):
        seconds = in_turn([lambda: timed(ours), lambda: timed(theirs)], rounds)
    ratio = seconds[1] / seconds[0]
    print(f"{name:<40}{1e3 * seconds[0]:>10.2f} ms, scikit-learn {1e3 * seconds[1]:>10.2f} ms"
          f"{ratio:>8.1f} times")  # fmt: skip
    return {"name": name, "rosenblatt": seconds[0], "scikit-learn": seconds[1], "ratio": ratio}


def timed(function):
    """Seconds of a call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


SECTIONS = {
    "digits": time_digits,
    "perceptron": time_perceptron,
    "steps": time_steps,
    "threads": time_threads,
}

if __name__ == "__main__":
    main()
