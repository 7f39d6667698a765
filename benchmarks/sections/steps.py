"""Optimiser steps: nine networks, from whole fits; at another instruction set; with two threads."""

import json
import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from benchmarks import timing
from benchmarks.environment import peak
from benchmarks.problems import COVERTYPE, DIGITS, NETS, WIDE
from benchmarks.report import SkippedError, comparison
from benchmarks.timing import OURS, enough, in_turn, thread_counts
from rosenblatt.core import dispatch

SLOW_LEVEL = "avx2"
LIMIT, ONE_THREAD = "multiply-add peak", "one thread"
NETS_OF_SKORCH = (DIGITS, COVERTYPE)


def steps(settings, report):
    """Microseconds of an optimiser step on one thread, nine networks."""
    contenders = settings.contenders(with_skorch=True)
    for dtype in settings.dtypes:
        with timing.threads(1):
            table = report.table(
                f"Microseconds an optimiser step, {dtype}",
                comparison(
                    "net, batch",
                    (contender.name for contender in contenders),
                    "us",
                    share_of_peak=("of peak", "share"),
                ),
                notes=[
                    f"threads: {thread_counts()}",
                    "whole fits of several epochs, divided by their steps",
                ],
            )
            for net in NETS:
                some = [one for one in contenders if one.name != "skorch" or net in NETS_OF_SKORCH]
                functions = step_functions(some, net, dtype, settings)
                functions[LIMIT] = limit_function(net, dtype, settings)
                times = in_turn(functions, settings.rounds, label(net), warm_up=False)
                table.add(name=label(net), net=net.name, batch=net.batch_size, dtype=dtype,
                          share_of_peak=times.ratio(LIMIT, OURS),
                          **times.without(LIMIT).as_row())  # fmt: skip


def label(net):
    """Name of a row."""
    return f"{net.name}, {net.batch_size}"


def step_functions(contenders, net, dtype, settings, n_threads=1):
    """What to time, by contender: each returns the seconds of a step."""
    X, y = net.data(dtype)

    def seconds_of_a_step(contender, n_epochs):
        return contender.seconds(net, X, y, n_epochs, n_threads) / (n_epochs * net.n_steps)

    functions = {}
    for contender in contenders:
        whole = partial(contender.seconds, net, X, y, n_threads=n_threads)
        n_epochs = enough(whole, settings.seconds, most=5000)
        functions[contender.name] = partial(seconds_of_a_step, contender, n_epochs)
    return functions


def limit_function(net, dtype, settings, n_threads=1):
    """What to time beside them: the seconds a step's multiply-adds take at the processor's peak."""

    def seconds_at_peak():
        return net.operations_per_step / (1e9 * peak(dtype, n_threads, settings.seconds))

    return seconds_at_peak


def isa(settings, report):
    """The same steps at the AVX2 level, this package alone, in a process of its own."""
    if SLOW_LEVEL not in dispatch.available_isas():
        raise SkippedError(f"this processor has {', '.join(dispatch.available_isas())}")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "steps.json"
        command = [sys.executable, "-m", "benchmarks", "steps", "--without-peers", "--json", file]
        command += ["--quick"] if settings.quick else []
        command += ["--dtype", "both" if len(settings.dtypes) > 1 else settings.dtypes[0]]
        child = {**os.environ, "ROSENBLATT_ISA": SLOW_LEVEL}
        subprocess.run(command, env=child, check=True, stdout=subprocess.DEVNULL)
        measured = json.loads(file.read_text())
    table = report.table(
        f"Microseconds an optimiser step at the level {SLOW_LEVEL}",
        {
            "name": ("net, batch", "text"),
            "dtype": ("precision", "text"),
            OURS: (OURS, "us"),
            "share_of_peak": ("of peak", "share"),
        },
        notes=[
            "threads: rosenblatt 1",
            "multiply-add peak at this level: "
            + measured["environment"]["multiply-add peak of one thread"],
        ],
    )
    for kept in measured["sections"]["steps"]["tables"]:
        for row in kept["rows"]:
            table.add(**row)


def threads(settings, report):
    """Wide networks with two threads each, and what the second thread brings."""
    if (os.cpu_count() or 1) < 2:
        raise SkippedError("this machine has one processor")
    contenders = settings.contenders()
    for dtype in settings.dtypes:
        with timing.threads(2):
            table = report.table(
                f"Microseconds an optimiser step with two threads, {dtype}",
                comparison(
                    "net, batch",
                    [ONE_THREAD, *(contender.name for contender in contenders)],
                    "us",
                    gain=("two over one", "times"),
                    share_of_peak=("of two threads' peak", "share"),
                ),
                notes=[
                    f"threads: {thread_counts(2)}",
                    *(["--quick: fits of five steps"] if settings.quick else []),
                ],
            )
            for net in (COVERTYPE, WIDE):
                if settings.quick:  # pools that wait for each other take long on a busy machine
                    net = net.with_rows(5 * net.batch_size)
                functions = step_functions(contenders, net, dtype, settings, n_threads=2)
                alone = step_functions(contenders[:1], net, dtype, settings)[OURS]
                functions |= {ONE_THREAD: alone, LIMIT: limit_function(net, dtype, settings, 2)}
                times = in_turn(functions, settings.rounds, label(net), warm_up=False)
                row = times.medians | times.without(LIMIT, ONE_THREAD).as_row()
                table.add(name=label(net), net=net.name, batch=net.batch_size, dtype=dtype,
                          gain=times.ratio(ONE_THREAD, OURS),
                          share_of_peak=times.ratio(LIMIT, OURS), **row)  # fmt: skip
