"""A report on a poor network: is it biased, badly optimised, overfitted, or tested on data of
another kind than its training data, and what to try next?

It stands above the estimators, which do not know it. Files: _problem.py checks the input,
_verdict.py decides, by what _mismatch.py, _rivals.py and _training.py give it and _statistics.py
weighs; _next_steps.py says what to try, _report.py shows it.
"""

# SPDX-License-Identifier: BSD-3-Clause
from contextlib import closing
from numbers import Integral, Real
from typing import Any

from threadpoolctl import threadpool_limits  # which scikit-learn depends on

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

    Other networks are trained with the same settings, as far as the decision needs them:

    1. 'mismatch': the test score falls below that of training rows held out of a fit of the same
       net, and a forest tells test rows from training rows by their features (the interval of
       its area under the ROC curve lies above 0.5), or the errors of nets that saw neither do.
       It is checked if the training score exceeds the test score significantly.
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
        For an estimator that is none of the above, such as a PerceptronClassifier or an ensemble.
    sklearn.exceptions.NotFittedError
    ValueError
        For rows of another width, targets of another kind, or parameters that are not those of
        the fit any more.

    Notes
    -----
    The score is accuracy (of whole rows for multilabel targets), R^2, or for loss='quantile' D^2
    of the pinball loss. All rows have equal weight: there are no sample weights. At most 20,000
    rows of each set are scored. The other fits do not use the callbacks of the net, which might
    write files. With the same `random_state` and enough time the result is the same.

    Of a `TabularMLPClassifier` or `TabularMLPRegressor` one network can be diagnosed, a member of
    `members_`, on rows that `encode` gives and, of a regressor, targets that are standardised.
    Such a network has not seen the fold that it left out, which here counts among the training
    rows; the ensemble scores more than any of its members; and of the next steps it takes
    `hidden_layer_sizes` and `max_iter` alone.

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
    # the engine has its own threads; BLAS's, which lbfgs's vectors would wake, only cost time
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
