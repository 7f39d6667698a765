"""The report on a user's table: its contents, the scores of the models, and code to continue."""

# SPDX-License-Identifier: BSD-3-Clause
from collections import Counter

import numpy as np

from rosenblatt.command_line._contenders import (
    boosting,
    plain_networks,
    tabular,
    tabular_options,
    why_not_plain,
)
from rosenblatt.command_line._snippet import snippet
from rosenblatt.command_line._table_reading import read_source
from rosenblatt.command_line._target import open_problem
from rosenblatt.command_line._text import DataError, count, quoted, say, shortened
from rosenblatt.command_line._training import train
from rosenblatt.diagnosis._statistics import difference_of_rows

MOST_COLUMNS = 8  # number of important columns that are shown
BAR_WIDTH = 30


def show_table(settings):
    """Read the table, train the models and print the report.

    Parameters
    ----------
    settings : argparse.Namespace
        The options of the command line.

    Raises
    ------
    DataError
    """
    source = read_source(settings.data, settings.target)
    problem = open_problem(source.frame, settings.target, settings.task, settings.random_state)
    _say_what_is_there(source, problem)
    results, remarks = _train_all(problem, settings)
    _print_scores(results, problem)
    _explain_scores(results, problem)
    for remark in remarks:
        say(remark)
    _print_columns(results[0].model)
    _say_out_of_fold(results[0].model, problem)
    say("In Python, with all rows:")
    print(snippet(source, problem, tabular_options(settings)))


def _say_what_is_there(source, problem):
    (n_train, n_columns), n_test = problem.X_train.shape, len(problem.X_test)
    if problem.is_classification:
        target = f"one of {len(_classes(problem)):,} classes"
    else:
        target = "a number"
    without = ""
    if problem.n_without_target:
        without = (
            f" {count(problem.n_without_target, 'row')} without a value in "
            f"{quoted(problem.target)} {'is' if problem.n_without_target == 1 else 'are'} dropped."
        )
    say(
        f"{source.path.name}: {n_train + n_test:,} rows with {count(n_columns, 'column')} from "
        f"which to predict {quoted(problem.target)}, {target} ({problem.task}).{without} Every "
        f"model learns from {n_train:,} rows and is tested on the {n_test:,} others."
    )


def _classes(problem):
    return np.unique(np.concatenate([problem.y_train, problem.y_test]))


def _train_all(problem, settings):
    """The results, the ensemble's first, and remarks on models that could not be trained."""
    try:
        results = [_trained(tabular(problem, settings), problem)]
    except (TypeError, ValueError) as error:
        raise DataError(_one_line(error)) from None
    remarks = [*results[0].remarks]
    others, reason = [boosting(problem, settings)], why_not_plain(problem)
    if reason is None:
        others += plain_networks(problem, settings)
    else:
        remarks.append(
            f"Plain networks require numbers without missing values and are left out: {reason}."
        )
    for contender in others:
        try:
            results.append(_trained(contender, problem))
        except (TypeError, ValueError) as error:
            remarks.append(f"{contender.name} could not be trained: {_one_line(error)}")
    limited = [result.name for result in results if not result.settled]
    if limited:
        remarks.append(
            f"Stopped at the limit of epochs while still improving: {', '.join(limited)}. A larger "
            "--max-iter lets them continue."
        )
    return results, remarks


def _trained(contender, problem):
    return train(
        contender.name,
        contender.model,
        contender.rows,
        is_classification=problem.is_classification,
    )


def _one_line(error):
    return " ".join(str(error).split())


def _print_scores(results, problem):
    """Print one line per model, the best first."""
    results = sorted(results, key=lambda result: -result.score)
    is_share = problem.is_classification
    if is_share:
        print(f"{'model':<34}{'test accuracy':>18}{'seconds':>12}")
    else:
        print(f"{'model':<34}{'test R2':>18}{'typical error':>16}{'seconds':>11}")
    for result in results:
        error = result.standard_error(is_share=is_share)
        if is_share:
            score = f"{100 * result.score:.1f} % +- {100 * error:.1f}"
            print(f"{result.name:<34}{score:>18}{result.seconds:>12.1f}")
        else:
            score = f"{result.score:.3f} +- {error:.3f}"
            typical = f"{float(f'{result.error:.4g}'):,.12g}"
            print(f"{result.name:<34}{score:>18}{typical:>16}{result.seconds:>11.1f}")
    if is_share:
        (label, _), *_ = Counter(problem.y_train.tolist()).most_common(1)
        share = f"{np.mean(problem.y_test == label):.1%}".replace("%", " %")
        print(f"{f'most frequent class ({shortened(repr(label), 12)})':<34}{share:>11}")
    print()


def _explain_scores(results, problem):
    if problem.is_classification:
        score = "Accuracy is the share of correct predictions on rows that no model has seen"
    else:
        score = (
            "R2, on rows that no model has seen, is 1 for perfect predictions and 0 for always "
            "predicting the mean; the typical error is the mean distance between prediction and "
            "truth"
        )
    text = f"{score}. The standard error follows +-."
    if len(results) > 1:
        text += " " + _difference_sentence(results)
    say(text)


def _difference_sentence(results):
    """A sentence on whether the best model's lead is significant, by a paired test on the rows."""
    first, second, *_ = sorted(results, key=lambda result: -result.score)
    difference = difference_of_rows(first.values, second.values)
    lead = f"The lead of {first.name} over {second.name}"
    if difference.value > difference.noise:
        return f"{lead} is more than chance."
    return f"{lead} may be chance."


def _print_columns(model):
    importances = model.feature_importances_
    order = [j for j in np.argsort(-importances, kind="stable") if importances[j] > 0]
    order = order[:MOST_COLUMNS]
    if not order:
        return
    names = [shortened(model.columns_[j].name, 32) for j in order]
    print(f"{'most important columns':<34}share of the total importance")
    for name, j in zip(names, order, strict=True):
        share = f"{100 * importances[j]:.1f} %"
        bar = "#" * max(1, round(BAR_WIDTH * importances[j] / importances[order[0]]))
        print(f"{name:<34}{share:>7}  {bar}")
    print()


def _say_out_of_fold(model, problem):
    score, error = model.oof_score_, model.oof_score_stderr_
    if problem.is_classification:
        text = f"an accuracy of {100 * score:.1f} % +- {100 * error:.1f}"
    else:
        text = f"an R2 of {score:.3f} +- {error:.3f}"
    say(
        f"Out of fold, {type(model).__name__} reached {text}: each row is predicted by networks "
        "that were not trained on it. No test set is needed, so it can be trained on all rows."
    )
