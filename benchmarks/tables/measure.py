"""Runs the fits that are not yet among the results, one at a time, on one thread."""

import gc
import statistics
import time
import warnings

from benchmarks import timing
from benchmarks.environment import processor
from benchmarks.progress import progress
from benchmarks.tables import scores
from benchmarks.tables.results import Result


def measure_all(tables, contenders, results, options, most_rows):
    """Add what is missing: the first split of every table, then the second, and so on.

    Contenders whose fits of split 0 took longer than `options.one_split_above` seconds on average
    have that split alone.

    Parameters
    ----------
    tables : list of Table
    contenders : list of Contender
    results : Results
    options : TableOptions
    most_rows : int
    """
    for seed in options.seeds:
        kept = [
            one for one in contenders if seed == 0 or not _is_slow(one, results, options, most_rows)
        ]
        missing = [
            (table, work)
            for table in tables
            if (work := _missing(table, seed, kept, results, options, most_rows))
        ]
        n_missing = n_left = sum(len(work) for _, work in missing)
        for table, work in missing:
            split = table.split(seed, most_rows)
            for kind, contender, result in work:
                progress.show(
                    f"split {seed}, {contender.name} on {table.name}, "
                    f"{n_missing - n_left + 1} of {n_missing}"
                )
                results.add(_measured(kind, contender, split, result))
                n_left -= 1


def _is_slow(contender, results, options, most_rows):
    """Whether its fits of split 0 took too long for others."""
    whose = ("predictions", contender.name, 0, most_rows)
    seconds = [
        one.seconds
        for one in results.every
        if (one.kind, one.method, one.split, one.most_rows) == whose and not one.failure
    ]
    return bool(seconds) and statistics.fmean(seconds) > options.one_split_above


def _missing(table, seed, contenders, results, options, most_rows):
    """(kind, contender, a result without figures) of each that is to be measured."""
    work = []
    for contender in contenders:
        kinds = ["predictions"]
        if options.quantiles and table.is_regression and contender.quantiles is not None:
            kinds.append("quantiles")
        for kind in kinds:
            empty = {
                "kind": kind, "method": contender.name, "family": contender.family,
                "version": contender.version, "table": table.name, "task": table.task,
                "digest": table.digest, "split": seed, "most_rows": most_rows,
            }  # fmt: skip
            known = results.find(Result(**empty, n_rows=0, n_columns=0, processor="").key)
            if known is None or (known.failure and options.retry_failed):
                work.append((kind, contender, empty))
    return work


def _measured(kind, contender, split, empty):
    """The result, which may be a failure."""
    n_rows, n_columns = split.X.shape
    frame = {**empty, "n_rows": n_rows, "n_columns": n_columns, "processor": processor()}
    gc.collect()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return Result(**frame, **MEASURES[kind](contender, split, empty["task"]))
        except Exception as error:  # whatever it is, the other contenders go on
            text = " ".join(str(error).split())[:300]
            return Result(**frame, failure=f"{type(error).__name__}: {text}")


def _predictions(contender, split, task):
    """Seconds of a fit and of a prediction, and the scores."""
    is_regression = task == "regression"
    model = contender.model(split.X, is_regression)
    with timing.threads(1):
        start = time.process_time()
        model.fit(split.X, split.y)
        fitted = time.process_time()
        predict = model.predict if is_regression else model.predict_proba
        predicted = predict(split.X_test)
        done = time.process_time()
    score = scores.of_values if is_regression else scores.of_probabilities
    return {"scores": score(predicted, split.y_test), "seconds": fitted - start,
            "predict_seconds": done - fitted}  # fmt: skip


def _quantiles(contender, split, task):
    """Seconds of fits and predictions together, and the scores."""
    with timing.threads(1):
        start = time.process_time()
        predicted = contender.quantiles(split, scores.LEVELS)
        seconds = time.process_time() - start
    return {"scores": scores.of_quantiles(predicted, split.y_test), "seconds": seconds}


MEASURES = {"predictions": _predictions, "quantiles": _quantiles}
