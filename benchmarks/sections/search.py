"""Many fits: a grid search over small networks, and concurrent fits."""

import threading
from functools import partial

from joblib import parallel_config
from sklearn.model_selection import GridSearchCV

from benchmarks import problems, timing
from benchmarks.report import comparison
from benchmarks.timing import in_turn, thread_counts, timed

LARGEST_RATE_OF_SAME_SCORES = 1e-2  # above, rounding grows until the fits are different models


def search(settings, report):
    """GridSearchCV over 16 networks of digits, three folds; searches and fits side by side."""
    against_scikit_learn(settings, report)
    side_by_side(settings, report)


def against_scikit_learn(settings, report):
    """The same search with both classes, on one thread."""
    contenders = settings.contenders(with_torch=False)
    with timing.threads(1):
        table = report.table(
            "GridSearchCV on digits, seconds",
            comparison(
                "precision",
                (contender.name for contender in contenders),
                "s",
                difference=("difference", "difference"),
            ),
            notes=[
                f"threads: {thread_counts()}",
                grid_in_words(settings),
                "difference: the largest of mean scores, learning rates up to "
                f"{LARGEST_RATE_OF_SAME_SCORES}",
            ],
        )
        for dtype in ("float32", "float64"):
            X, y = problems.digits(dtype)
            searches = {one.name: grid_search(one, settings) for one in contenders}
            functions = {name: timed(search.fit, X, y) for name, search in searches.items()}
            times = in_turn(functions, settings.few_rounds, f"search {dtype}", warm_up=False)
            table.add(name=dtype, dtype=dtype, difference=largest_difference(searches),
                      **times.as_row())  # fmt: skip


def grid(settings):
    """(learning rates, batch sizes, epochs)."""
    if settings.quick:
        return [1e-3, 1e-2], [64, 200], 5
    return [1e-4, 1e-3, 1e-2, 1e-1], [16, 32, 64, 200], 30


def grid_in_words(settings):
    """A table's note."""
    rates, batch_sizes, n_epochs = grid(settings)
    return f"learning rates {rates} x batch sizes {batch_sizes} x 3 folds x {n_epochs} epochs"


def grid_search(contender, settings, n_jobs=1):
    """The search with a contender's classifier."""
    rates, batch_sizes, n_epochs = grid(settings)
    model = contender.model(
        problems.DIGITS, max_iter=n_epochs, n_iter_no_change=n_epochs + 1, **contender.threads(1)
    )
    choices = {"learning_rate_init": rates, "batch_size": batch_sizes}
    return GridSearchCV(model, choices, cv=3, refit=False, n_jobs=n_jobs)


def largest_difference(searches):
    """Of the mean scores of two searches; None where there is one."""
    if len(searches) < 2:
        return None
    ours, theirs = (search.cv_results_ for search in searches.values())
    return max(
        abs(a - b)
        for a, b, choice in zip(
            ours["mean_test_score"], theirs["mean_test_score"], ours["params"], strict=True
        )
        if choice["learning_rate_init"] <= LARGEST_RATE_OF_SAME_SCORES
    )


def side_by_side(settings, report):
    """This package on two threads of Python: the GIL is free while the core trains."""
    ours = settings.contenders()[0]
    with timing.threads(1):
        table = report.table(
            "Two threads of Python, seconds",
            {
                "name": ("what", "text"),
                "one": ("one at a time", "s"),
                "two": ("two at a time", "s"),
                "gain": ("gain", "times"),
            },
            notes=["each fit on one thread; 2.00 is all that two processors can gain"],
        )
        X, y = problems.digits("float32")
        one, two = (grid_search(ours, settings, n_jobs) for n_jobs in (1, 2))
        add_gain(table, settings, "the search, n_jobs=2, joblib's threading",
                 timed(one.fit, X, y), timed(fit_threaded, two, X, y))  # fmt: skip
        net = problems.COVERTYPE
        fit = partial(ours.seconds, net, *net.data("float32"), 4 if settings.quick else 20)
        add_gain(table, settings, f"two fits of {net.name}", timed(twice, fit), timed(at_once, fit))


def add_gain(table, settings, name, one, two):
    """Time both and add the row."""
    times = in_turn({"one": one, "two": two}, settings.few_rounds, name)
    table.add(name=name, gain=times.ratio("one", "two"), **times.medians)


def fit_threaded(search, X, y):
    """Fit with joblib's threads in place of its processes."""
    with parallel_config(backend="threading"):
        search.fit(X, y)


def twice(function):
    """Call it and call it again."""
    function()
    function()


def at_once(function):
    """Call it in two threads."""
    both = [threading.Thread(target=function) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
