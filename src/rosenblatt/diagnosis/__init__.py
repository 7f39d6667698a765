"""A report on a poor network: whether it is biased, badly optimised, overfitted, or tested on data
that differ from its training data, and what to try next.

It uses the estimators; they do not depend on it. _problem.py validates the input. _verdict.py
decides, using _mismatch.py, _rivals.py, _training.py and _statistics.py. _next_steps.py lists what
to try, _report.py presents the result.
"""

# SPDX-License-Identifier: BSD-3-Clause
from contextlib import closing
from numbers import Integral, Real
from typing import Any

from threadpoolctl import threadpool_limits  # a dependency of scikit-learn

from rosenblatt._parameter_checks import Interval, validate_values
from rosenblatt._types import Matrix
from rosenblatt.diagnosis._budget import Budget
from rosenblatt.diagnosis._next_steps import advice, next_steps
from rosenblatt.diagnosis._problem import checked_problem
from rosenblatt.diagnosis._report import (
    VERDICTS,
    Diagnosis,
    Finding,
    LearningCurve,
    NetScores,
    NextStep,
)
from rosenblatt.diagnosis._statistics import STANDARD_ERRORS, standard_error
from rosenblatt.diagnosis._training import Trainer
from rosenblatt.diagnosis._verdict import DiagnosisRun

__all__ = ["VERDICTS", "Diagnosis", "Finding", "LearningCurve", "NetScores", "NextStep", "diagnose"]

RULES = {
    "time_budget": [Interval(Real, 0, None, closed="neither")],
    "tol": [Interval(Real, 0, 1, closed="left")],
    "random_state": [Interval(Integral, 0, 2**32 - 1, closed="both")],
    "verbose": ["boolean"],
}


def diagnose(
    estimator: Any,
    X: Matrix,
    y: Matrix,
    X_test: Matrix,
    y_test: Matrix,
    time_budget: float = 30,
    *,
    tol: float = 0.05,
    random_state: int = 0,
    verbose: bool = True,
) -> Diagnosis:
    """Find out why the score of a fitted network is poor, and what to try.

    Other networks ("nets") are trained with the same settings, as far as the decision requires
    them:

    1. 'mismatch': the test score is below that of training rows held out of a fit of the same net,
       and test rows can be distinguished from training rows. Either a random forest distinguishes
       them by their features (the interval of its area under the ROC curve lies above 0.5), or the
       errors of nets that were trained on neither do. This is checked if the training score
       exceeds the test score significantly.
    2. 'optimisation' or 'model bias', if the training score can improve significantly. The
       training loss is compared with that of the same net trained by a better optimiser (lbfgs,
       Adam in one cycle; on standardised columns if their scales are very different), of a linear
       model and a smaller net that this one contains, and of a larger net (ten times the hidden
       units, at least 64; then one more layer; then the same net without penalty and dropout). The
       lowest loss decides: 'model bias' for a larger net, 'optimisation' for the others. A larger
       net must be significantly better than the same net, well optimised.
    3. 'overfitting': the training score exceeds the test score significantly.
    4. 'fine'.

    A difference is significant if it exceeds both its noise, two standard errors over the rows
    (over pairs, if two nets are scored on the same rows), and `tol`.

    Parameters
    ----------
    estimator : MLPClassifier, MLPRegressor, or a Pipeline, TransformedTargetRegressor or search \
with one inside
        A fitted estimator, which is not changed. The steps before the net in a Pipeline, and the
        transformer of the target, are not refitted. Scores refer to the transformed target.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The rows it was fitted on.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Their targets.
    X_test : {array-like, sparse matrix} of shape (n_test, n_features)
        Rows that it was not fitted on.
    y_test : array-like of shape (n_test,) or (n_test, n_outputs)
        Their targets.
    time_budget : float > 0, default=30
        Upper limit in seconds; the function returns as soon as the evidence suffices. A single
        fit takes at most half of the remaining time; a fit that was cut short can be evidence for
        a net, but not against one: such findings are 'undecided'.
    tol : float in [0, 1), default=0.05
        The smallest difference of the score that is worth acting on.
    random_state : int, default=0
        Determines the held-out rows, and the seed of nets without a `random_state`.
    verbose : bool, default=True
        Whether to show progress: a tqdm bar in a terminal or notebook, or lines in a terminal if
        tqdm is not installed.

    Returns
    -------
    diagnosis : Diagnosis
        The result, with `verdict`, `evidence` and `next_steps`. It can be printed, displayed in a
        notebook, and plotted (`plot`).

    Raises
    ------
    TypeError
        If the estimator is none of the above, such as a PerceptronClassifier or an ensemble.
    sklearn.exceptions.NotFittedError
        If the estimator is not fitted.
    ValueError
        If the number of features or the kind of target differs from that of the fit, or if
        parameters were changed after the fit.

    Notes
    -----
    The score is accuracy (of whole rows for multilabel targets), R^2, or for loss='quantile' D^2
    of the pinball loss. All rows have equal weight; sample weights are not supported. At most
    20,000 rows of each set are scored. The other fits do not use the callbacks of the net, which
    might write files. With the same `random_state` and enough time the result is deterministic.

    For a `TabularMLPClassifier` or `TabularMLPRegressor`, a single network of `members_` can be
    diagnosed, on rows returned by `encode` and, for a regressor, on standardised targets. Three
    limitations apply. The network was not trained on the fold that it left out, which here counts
    among the training rows. The score of the ensemble is higher than that of its members. The only
    next steps that the ensemble supports are `hidden_layer_sizes` and `max_iter`.

    Examples
    --------
    >>> import rosenblatt
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import train_test_split
    >>> X, y = load_digits(return_X_y=True)
    >>> X, X_test, y, y_test = train_test_split(X / 16, y, random_state=0)
    >>> model = rosenblatt.MLPClassifier((2,), learning_rate_init=0.01, random_state=0).fit(X, y)
    >>> diagnosis = rosenblatt.diagnose(model, X, y, X_test, y_test, verbose=False)
    >>> diagnosis.verdict
    'model bias'
    >>> print(diagnosis.next_steps[0])
    hidden_layer_sizes=(64,)
    """
    given = {"time_budget": time_budget, "tol": tol, "random_state": random_state}
    validate_values("diagnose", {**given, "verbose": verbose}, RULES)
    budget = Budget(time_budget, verbose=verbose)
    # the kernels have their own threads; BLAS threads, used on the vectors of lbfgs, only cost time
    with threadpool_limits(1, "blas"), closing(budget):
        problem = checked_problem(estimator, X, y, X_test, y_test)
        trainer = Trainer(problem.net, problem.X.shape[0], budget, random_state)
        run = DiagnosisRun(problem, trainer, tol, random_state)
        return _diagnosis(run.verdict(), problem, run, budget)


def _diagnosis(verdict, problem, run, budget):
    held_out, is_share = run.held_out, problem.is_classifier
    return Diagnosis(
        verdict=verdict,
        evidence=run.findings,
        next_steps=next_steps(verdict, problem, run),
        advice=advice(verdict, problem, run),
        undecided=[each.what for each in run.findings if each.counts is None],
        score_name=problem.score_name,
        train_score=float(run.given.mean()),
        test_score=float(run.of_test.mean()),
        train_noise=_noise(run.given, is_share),
        test_noise=_noise(run.of_test, is_share),
        held_out_score=float("nan") if held_out is None else float(held_out.fall.score),
        learning_curve=run.learning_curve,
        nets=run.nets(),
        tol=run.tol,
        seconds=budget.spent,
    )


def _noise(values, is_share):
    return float(STANDARD_ERRORS * standard_error(values, is_share=is_share))
