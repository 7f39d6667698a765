"""A fit of scikit-learn's digits."""

from benchmarks import problems
from benchmarks.contenders import Estimators
from benchmarks.environment import peak
from benchmarks.report import comparison
from benchmarks.timing import OURS, in_turn, thread_counts, threads, timed


def digits(settings, report):
    """A fit of scikit-learn's digits with default parameters, in both precisions."""
    net = problems.DIGITS
    contenders = settings.contenders()
    with threads(1):
        table = report.table(
            "MLPClassifier().fit on digits, milliseconds",
            comparison(
                "precision",
                (contender.name for contender in contenders),
                "ms",
                share_of_peak=("of peak", "share"),
                epochs=("epochs", "count"),
            ),
            notes=[
                f"threads: {thread_counts()}",
                "PyTorch trains as many epochs as the default rules of the other two took",
                *(["--quick: max_iter=20"] if settings.quick else []),
            ],
        )
        for dtype in ("float32", "float64"):
            X, y = problems.digits(dtype)
            functions, n_epochs = fits(contenders, X, y, 20 if settings.quick else 200)
            times = in_turn(functions, settings.rounds, f"digits {dtype}")
            operations = net.operations_per_step * net.n_steps * n_epochs
            share = operations / times.medians[OURS] / (1e9 * peak(dtype))
            table.add(name=dtype, dtype=dtype, epochs=n_epochs, share_of_peak=share,
                      **times.as_row())  # fmt: skip


def fits(contenders, X, y, max_iter):
    """What to time, by contender, and the epochs that the default rules take."""
    functions = {}
    for contender in contenders:
        if isinstance(contender, Estimators):
            model = contender.model(problems.DIGITS, max_iter=max_iter)
            functions[contender.name] = timed(model.fit, X, y)
            n_epochs = model.fit(X, y).n_iter_
        else:
            functions[contender.name] = lambda contender=contender, n=n_epochs: contender.seconds(
                problems.DIGITS, X, y, n
            )
    return functions, n_epochs
