"""Accuracy and time of the estimators for tables, compared with networks and gradient boosting."""

from benchmarks.tables import scores
from benchmarks.tables.contenders import BASELINE, BOOSTING, contenders, recipe_with
from benchmarks.tables.data import find_tables
from benchmarks.tables.measure import measure_all
from benchmarks.tables.results import Results

MOST_ROWS, FEW_ROWS = 10_000, 500


def tables(settings, report):
    """Class error, log loss and nRMSE on tables, with the seconds of fits."""
    options = settings.tables
    found, methods = find_tables(settings.data, options.names), options.methods
    if settings.quick:
        methods = methods or ("mlp", "histgb", "fast")
        if not options.names:  # one of each task
            found = list({table.task: table for table in reversed(found)}.values())
    most_rows = FEW_ROWS if settings.quick else MOST_ROWS
    results = Results(options.results)
    build = " ".join([options.build, *(f"{name}={v}" for name, v in options.changes.items())])
    chosen = contenders(methods, build.strip(), with_peers=settings.with_peers)
    with recipe_with(options.changes):
        measure_all(found, chosen, results, options, most_rows)
    show(results.read().latest(most_rows, found, options.seeds), report)


def show(results, report):
    """Print tables of results.

    Parameters
    ----------
    results : list of Result
    report : Report
    """
    predictions = [one for one in results if one.kind == "predictions"]
    quantiles = [one for one in results if one.kind == "quantiles"]
    for score in scores.SCORES:
        show_each(predictions, score, report)
    show_means(predictions, report)
    show_pairs(predictions, report)
    show_quantiles(quantiles, report)
    show_failures(results, report)


def methods_of(results):
    """Their names: the baseline, boosting, other peers, this package last."""
    first = {BASELINE.name: 0, BOOSTING.name: 1}
    last = {one.method: one.family == "rosenblatt" for one in results}
    return sorted(last, key=lambda name: first.get(name, 2 + last[name]))


def of_method(results, method, value):
    """Values by (table, split), where there are some.

    Parameters
    ----------
    results : list of Result
    method : str
    value : str
        A score, "seconds" or "predict_seconds".
    """
    found = {}
    for one in results:
        if one.method == method and not one.failure:
            got = one.scores.get(value, getattr(one, value, None))
            if got is not None:
                found[one.table, one.split] = got
    return found


def having(results, score):
    """Results that have this score, or would if nothing had failed."""
    regression = score in ("nrmse", "pinball")
    return [one for one in results if (one.task == "regression") == regression]


def show_each(results, score, report):
    """A row for each table, a column for each contender."""
    results = having(results, score)
    if not results:
        return
    methods = methods_of(results)
    columns = {"name": ("table, training rows x columns", "text")}
    table = report.table(
        f"{scores.SCORES[score]}, mean over splits",
        columns | {method: (method, "score") for method in methods},
    )
    for name in dict.fromkeys(one.table for one in results):
        of_table = [one for one in results if one.table == name]
        values = {
            method: scores.mean_over_tables(of_method(of_table, method, score))
            or ("failed" if any(one.method == method for one in of_table) else None)
            for method in methods
        }
        shape = f"{of_table[0].n_rows} x {of_table[0].n_columns}"
        table.add(name=f"{name}, {shape}", **values)


def show_means(results, report):
    """A row for each contender: ratios to scikit-learn's MLP, and seconds."""
    n_splits = len({one.split for one in results})
    columns = {
        "name": ("contender", "text"),
        "tables": ("tables", "text"),
        **{score: (heading, "ratio") for score, heading in scores.SCORES.items()},
        "seconds": ("fit, s", "s"),
        "predict_seconds": ("prediction, s", "s"),
    }
    table = report.table(
        "Scores as multiples of scikit-learn's MLP's, less is better",
        columns,
        notes=[
            f"geometric means over tables ({n_splits} split(s)) with standard errors over tables",
            "tables: of classes + of numbers, of all that there are; the means are over these",
            "seconds: processor time of one thread, mean over tables",
            *versions(results),
        ],
    )
    for method in methods_of(results):
        row, counts = {}, []
        for score in scores.SCORES:
            of_score = having(results, score)
            these, base = (of_method(of_score, one, score) for one in (method, BASELINE.name))
            n_tables = len({name for name, _ in these})
            if score != "log_loss":
                counts.append(f"{n_tables}/{len({one.table for one in of_score})}")
            if pair := scores.paired(these, base):
                seconds = scores.mean_over_tables(of_method(of_score, method, "seconds"))
                row[score] = pair.as_row() | {"seconds": seconds}
        for value in ("seconds", "predict_seconds"):
            row[value] = scores.mean_over_tables(of_method(results, method, value))
        own = [one for one in results if one.method == method]
        row["processors"] = sorted({one.processor for one in own})
        table.add(name=method, tables=" + ".join(counts), **row, family=own[-1].family,
                  version=own[-1].version)  # fmt: skip


def versions(results):
    """Of each version the contenders, a line each."""
    found = {}
    for one in results:
        found.setdefault(one.version, set()).add(one.method)
    return [f"{version}: {', '.join(sorted(found[version]))}" for version in sorted(found)]


def show_pairs(results, report):
    """This package beside each peer, on the tables and splits that both have."""
    methods = methods_of(results)
    ours = {one.method for one in results if one.family == "rosenblatt"}
    pairs = [(a, b) for a in methods if a in ours or not ours for b in methods if b not in ours]
    pairs = [(a, b) for a, b in pairs if a != b]
    if not pairs:
        return
    columns = {"name": ("contenders", "text")}
    for score, heading in scores.SCORES.items():
        columns |= {score: (heading, "ratio"), f"{score}_wins": ("tables won", "text")}
    table = report.table(
        "Each beside each peer: scores of the first over the second's, less is better", columns,
        notes=["over the tables and splits that both have"],
    )  # fmt: skip
    for a, b in pairs:
        row = {}
        for score in scores.SCORES:
            of_score = having(results, score)
            pair = scores.paired(*(of_method(of_score, one, score) for one in (a, b)))
            if pair:
                row[score] = pair.as_row()
                row[f"{score}_wins"] = f"{pair.n_wins} of {pair.n_tables}"
        table.add(name=f"{a} / {b}", **row)


def show_quantiles(results, report):
    """Coverage of intervals and pinball loss: a row for each contender."""
    if not results:
        return
    levels = ", ".join(f"{level:g}" for level in scores.LEVELS)
    table = report.table(
        "Intervals and quantiles of numbers",
        {
            "name": ("contender", "text"),
            "coverage": ("coverage", "share1"),
            "least_coverage": ("least", "share1"),
            "pinball": ("pinball/HistGB", "ratio"),
            "wins": ("tables won", "text"),
            "seconds": ("seconds", "s"),
        },
        notes=[
            f"coverage: targets between the quantiles {levels[:4]} and {levels[-4:]}, mean over "
            "tables, and the table with least",
            f"pinball loss: mean over the levels {levels}",
            "seconds: of fits and predictions; HistGradientBoosting fits a model a level",
        ],
    )
    for method in methods_of(results):
        coverage = of_method(results, method, "coverage")
        by_table = [
            scores.mean_over_tables({key: coverage[key] for key in coverage if key[0] == name})
            for name in sorted({name for name, _ in coverage})
        ]
        losses = (of_method(results, one, "pinball") for one in (method, BOOSTING.name))
        row, pair = {}, scores.paired(*losses)
        if pair:
            row = {"pinball": pair.as_row(), "wins": f"{pair.n_wins} of {pair.n_tables}"}
        table.add(
            name=method,
            coverage=scores.mean_over_tables(coverage),
            least_coverage=min(by_table, default=None),
            seconds=scores.mean_over_tables(of_method(results, method, "seconds")),
            coverage_by_table=by_table,
            **row,
        )


def show_failures(results, report):
    """A row for each fit that ended with an error."""
    failed = [one for one in results if one.failure]
    if not failed:
        return
    table = report.table(
        "What failed, and is in no mean", {"name": ("fit", "text"), "failure": ("  error", "text")}
    )
    for one in failed:
        table.add(
            name=f"{one.method} on {one.table}, split {one.split}", failure=f"  {one.failure}"
        )
