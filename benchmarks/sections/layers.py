"""Optimiser steps with optional parts of layers and other solvers, compared with PyTorch."""

from dataclasses import replace

from benchmarks import timing
from benchmarks.problems import COVERTYPE, Parts
from benchmarks.report import comparison
from benchmarks.sections.steps import step_functions
from benchmarks.timing import OURS, Times, in_turn, thread_counts

BATCH_SIZES = (200, 512)
PLAIN = "plain (relu, adam)"
PARTS = {
    PLAIN: Parts(),
    "dropout": Parts(dropout=0.2),
    "batch normalisation": Parts(normalization="batch"),
    "layer normalisation": Parts(normalization="layer"),
    "gelu": Parts(activation="gelu"),
    "adamw": Parts(solver="adamw"),
    "dropout, batch norm., gelu, adamw": Parts("gelu", "batch", 0.2, "adamw"),
}


def layers(settings, report):
    """Microseconds of a step with dropout, normalisation, gelu, adamw, and all of them."""
    contenders = settings.contenders(with_scikit_learn=False)
    for dtype in settings.dtypes:
        with timing.threads(1):
            table = report.table(
                f"Microseconds an optimiser step of {COVERTYPE.name}, {dtype}",
                comparison(
                    "batch, hidden layers and solver",
                    (contender.name for contender in contenders),
                    "us",
                    over_plain=("over plain", "times"),
                ),
                notes=[
                    f"threads: {thread_counts()}",
                    "rows of a batch size take turns; over plain: this package's step as a "
                    "multiple of its plain one",
                ],
            )
            for batch_size in BATCH_SIZES:
                net = replace(COVERTYPE, batch_size=batch_size, n_rows=10 * batch_size)
                times = times_of_all(contenders, net, dtype, settings)
                for name in PARTS:
                    mine = Times({one.name: times.rounds[name, one.name] for one in contenders})
                    table.add(name=f"{batch_size}, {name}", net=net.name, batch=batch_size,
                              dtype=dtype, over_plain=times.ratio((name, OURS), (PLAIN, OURS)),
                              **mine.as_row())  # fmt: skip


def times_of_all(contenders, net, dtype, settings):
    """Times by the name of the parts and of the contender."""
    functions = {}
    for name, parts in PARTS.items():
        of_parts = step_functions(contenders, replace(net, parts=parts), dtype, settings)
        functions |= {(name, contender): one for contender, one in of_parts.items()}
    return in_turn(functions, settings.rounds, f"{net.batch_size} rows {dtype}", warm_up=False)
