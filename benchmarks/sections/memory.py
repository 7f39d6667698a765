"""Memory of a fit beyond the data, and fits of data larger than memory, in fresh processes."""

import json
import subprocess
import sys

from benchmarks.fresh_fit import STATUS, net_of
from benchmarks.progress import progress
from benchmarks.report import SkippedError
from benchmarks.timing import OURS


def memory(settings, report):
    """Peak memory of a fit beyond X, and an epoch over a file larger than the allowed memory."""
    if not STATUS.exists() or "VmHWM" not in STATUS.read_text():
        raise SkippedError("the peak of a process is read from Linux's /proc")
    names = [OURS, "scikit-learn"] if settings.with_peers else [OURS]
    n_bytes = 40_000_000 if settings.quick else 400_000_000
    cases = [True] if settings.quick else [False, True]
    beyond_the_data(names, n_bytes, cases, report)
    larger_than_memory(names, n_bytes, cases, report)


def beyond_the_data(names, n_bytes, cases, report):
    """How much more than X, y and the loaded libraries a fit takes."""
    table = report.table(
        "Peak memory of a fit beyond its data, MB",
        {
            "name": ("fit", "text"),
            **{name: (name, "MB") for name in names},
            **{
                f"{name} of X": ("ours / X" if name == OURS else "theirs / X", "share")
                for name in names
            },
        },
        notes=[
            f"X of {n_bytes / 1e6:.0f} MB in float32, {net_of(n_bytes).name}, one epoch, one thread"
        ],
    )
    for early_stopping in cases:
        row = {name: fresh_fit("beyond", name, n_bytes, early_stopping) for name in names}
        row |= {f"{name} of X": row[name] / n_bytes for name in names}
        table.add(name=f"early_stopping={early_stopping}", n_bytes=n_bytes, **row)


def larger_than_memory(names, n_bytes, cases, report):
    """An epoch over a memory-mapped file of which a quarter could be allocated."""
    table = report.table(
        "An epoch over a memory-mapped X, seconds",
        {
            "name": ("fit", "text"),
            **{name: (name, "text") for name in names},
            "limit": ("limit, MB", "MB"),
        },
        notes=[
            f"X of {n_bytes / 1e6:.0f} MB in float32; limit: RLIMIT_DATA, what the process had "
            "allocated before the fit and a quarter of X"
        ],
    )
    for early_stopping in cases:
        row = {name: fresh_fit("mapped", name, n_bytes, early_stopping) for name in names}
        outcomes = {name: outcome for name, (outcome, _) in row.items()}
        table.add(name=f"early_stopping={early_stopping}", n_bytes=n_bytes, limit=row[OURS][1],
                  **outcomes)  # fmt: skip


def fresh_fit(what, name, n_bytes, early_stopping):
    """Run one measurement of benchmarks/fresh_fit.py in a process of its own."""
    progress.show(f"{what}, {name}, early_stopping={early_stopping}")
    task = json.dumps([what, name, n_bytes, early_stopping])
    command = [sys.executable, "-m", "benchmarks.fresh_fit", task]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
