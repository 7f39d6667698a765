"""Probabilities of one row, of a small table and of large ones."""

from functools import partial

from benchmarks import problems, timing
from benchmarks.environment import peak
from benchmarks.report import comparison
from benchmarks.timing import OURS, in_turn, per_call, thread_counts


def prediction(settings, report):
    """predict_proba of one row, of the digits, and of many rows."""
    contenders = settings.contenders()
    with timing.threads(1):
        table = report.table(
            "predict_proba, milliseconds",
            comparison(
                "net, rows, precision",
                (contender.name for contender in contenders),
                "ms",
                share_of_peak=("of peak", "share"),
            ),
            notes=[
                f"threads: {thread_counts()}",
                "PyTorch: the bare module and a softmax under inference_mode, from an array",
            ],
        )
        for net, n_rows, dtype in cases(settings):
            name = f"{net.name}, {n_rows:,}, {dtype}"
            X, y = net.with_rows(max(n_rows, 1000)).data(dtype)
            functions = {}
            for contender in contenders:
                predict_proba = contender.predictor(net, X[:1000], y[:1000])
                call = partial(predict_proba, X[:n_rows])
                functions[contender.name] = per_call(call, settings.seconds)
            times = in_turn(functions, settings.rounds, name, warm_up=False)
            share = n_rows * net.operations_per_row / times.medians[OURS] / (1e9 * peak(dtype))
            table.add(name=name, net=net.name, n_rows=n_rows, dtype=dtype, share_of_peak=share,
                      **times.as_row())  # fmt: skip


def cases(settings):
    """(network, rows, precision) of each row of the table."""
    many, wide = (20_000, 2_000) if settings.quick else (200_000, 20_000)
    return [
        (problems.DIGITS, 1, "float32"),
        (problems.DIGITS, 1797, "float32"),
        (problems.DIGITS, 1797, "float64"),
        (problems.DIGITS, many, "float32"),
        (problems.DIGITS, many, "float64"),
        (problems.WIDE, wide, "float32"),
        (problems.WIDE, wide, "float64"),
    ]
