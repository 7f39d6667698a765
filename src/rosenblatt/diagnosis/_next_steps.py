"""What to try for each verdict, in order: parameters for `set_params`, with the reason.

What was measured comes first, but for what costs test score. Nothing is trained here.
"""

# SPDX-License-Identifier: BSD-3-Clause
import numpy as np
import scipy.sparse as sp

from rosenblatt._network_description import hidden_widths
from rosenblatt._parameter_table import AUTO_BATCH_SIZE
from rosenblatt.core.dispatch import OPTIMIZERS
from rosenblatt.diagnosis._report import NextStep
from rosenblatt.diagnosis._rivals import (
    TIMES_SMALLER,
    WEAK_ALPHA,
    better_optimisers,
    changed,
    larger_nets,
    reshaped,
)

FEWEST_ROWS_TO_STOP_BY = 200  # below, a tenth set aside scores too coarsely to stop by


_SCALERS = {
    "features": "StandardScaler before the network",
    "target": "TransformedTargetRegressor(transformer=StandardScaler()) around it",
}


def next_steps(verdict, problem, run):
    """List of NextStep for the estimator that was handed in."""
    steps = _BY_VERDICT[verdict](problem, run)
    prefix = problem.prefix
    return [
        NextStep({prefix + name: value for name, value in params.items()}, reason)
        for params, reason in steps
        if params
    ]


def advice(verdict, problem, run):
    """What no parameter does, and what to expect of those that are advised: a few sentences."""
    return _advice_on(verdict, problem, run) + _warning(run)


def _warning(run):
    """What the training loss, which decides first, does not tell of the test rows."""
    deciding_rival, test_score = run.deciding_rival, run.of_test.mean()
    if deciding_rival is None or deciding_rival.finding.test_score >= test_score - run.tol:
        return ""
    return (
        f" But the test score falls ({deciding_rival.name}: "
        f"{deciding_rival.finding.test_score:.3f} instead of {test_score:.3f}): rows are learned "
        "by heart, and the next diagnosis may say 'overfitting'."
    )


def _advice_on(verdict, problem, run):
    if verdict == "mismatch":
        return _advice_on_mismatch(problem, run)
    if verdict == "overfitting":
        return _advice_on_data(run)
    if verdict == "optimisation":
        text = (
            "rosenblatt.inspection.stuck(estimator) tells whether the loss became flat, and "
            "critical_point(estimator, X, y) whether the net is at a saddle point or a minimum."
        )
        scalers = [_SCALERS[part] for part in run.deciding_rival.scaled]
        return f"Standardise the columns: {', '.join(scalers)}. {text}" if scalers else text
    if verdict == "model bias":
        return "More or better features help any model. Diagnose the new fit again."
    if any(finding.counts is None for finding in run.findings):
        return "Undecided evidence may change the verdict: use a larger time_budget."
    if run.given.mean() < 1 - run.tol:
        return (
            "None of the nets does better on the training rows: the features may lack information, "
            "or the targets may be noisy."
        )
    return "Nothing to improve: all differences are within their noise, or smaller than tol."


def _advice_on_mismatch(problem, run):
    if run.telling_features is None:
        return (
            "The features look alike, but the nets that saw neither are wrong far more often on "
            "test rows: are the rows of y_test in the same order as those of X_test, and its "
            "labels or numbers of the same kind as those of y?"
        )
    names = ", ".join(problem.name_of(feature) for feature in run.telling_features)
    return (
        "The test rows are of another kind, which no parameter can fix: collect training rows like "
        f"them, or prepare both in the same way. They differ most in {names}."
    )


def _advice_on_data(run):
    curve = run.learning_curve
    text = "More rows are the most reliable remedy, including those made by `augment`."
    if curve is None or len(curve.n_rows) < 2:
        return text
    rise = curve.held_out[-1] - curve.held_out[-2]
    return (
        f"{text} From {curve.n_rows[-2]:,} rows to {curve.n_rows[-1]:,} the held-out score went "
        f"from {curve.held_out[-2]:.3f} to {curve.held_out[-1]:.3f}: "
        + ("more would help." if rise > run.tol / 2 else "that gained little.")
    )


def _measured(rival, run):
    finding = rival.finding
    # parameters alone would not reach this
    too = " (takes standardised columns too, see below)" if rival.scaled else ""
    against = f" instead of {run.of_test.mean():.3f}" if _falls(rival, run) else ""
    return (
        f"{rival.name}{too}, measured: training score {finding.score:.3f} instead of "
        f"{finding.against:.3f}, training loss {finding.training_loss:.3g}, test score "
        f"{finding.test_score:.3f}{against}."
    )


def _falls(rival, run):
    """Whether the test score of a rival is lower, as far as it is shown."""
    return round(rival.finding.test_score, 3) < round(float(run.of_test.mean()), 3)


def _in_order(rivals, others, run):
    """Steps: measured ones, those that were not, and at the end what costs test score, which is
    left out where nothing would come before it."""
    rising, falling = [], []
    for rival in rivals:
        steps = falling if _falls(rival, run) else rising
        if all(rival.params != params for params, _ in rising + falling):
            steps.append((rival.params, _measured(rival, run)))
    measured = [params for params, _ in rising + falling]
    first = rising + [step for step in others if step[0] not in measured]
    return first + falling if first else []


def _for_bias(problem, run):
    net = problem.net
    deciding_rival = run.deciding_rival
    steps = []
    for _, params in larger_nets(net):
        if params != deciding_rival.params:
            steps.append((params, "another way to enlarge the network."))
    if net.alpha > WEAK_ALPHA and "alpha" not in deciding_rival.params:
        steps.append(
            ({"alpha": WEAK_ALPHA}, "a penalty keeps weights small and the function simple.")
        )
    if np.any(np.asarray(net.dropout) > 0) and "dropout" not in deciding_rival.params:
        steps.append(({"dropout": 0.0}, "dropout reduces the capacity of the net during training."))
    return _in_order([deciding_rival], steps, run)


def _for_optimisation(problem, run):
    net, deciding_rival = problem.net, run.deciding_rival
    steps = [
        (params, f"{name}: another optimiser of the same loss.")
        for name, params in better_optimisers(net, problem.X.shape[0])
    ]
    if net.normalization is None and hidden_widths(net.hidden_layer_sizes):
        params = _with_steps(net, {"normalization": "batch"})
        steps.append((params, "normalised units keep gradients from vanishing or exploding."))
    return _in_order([deciding_rival, *run.better("optimisation")], steps, run)


def _for_overfitting(problem, run):
    net, n_rows = problem.net, problem.X.shape[0]
    hidden, steps = hidden_widths(net.hidden_layer_sizes), []
    if not net.early_stopping and n_rows >= FEWEST_ROWS_TO_STOP_BY:
        params = _with_steps(net, {"early_stopping": True})
        steps.append((params, "keeps the weights with the best validation score."))
    of_step = n_rows if net.solver not in OPTIMIZERS else min(AUTO_BATCH_SIZE, n_rows)
    alpha = float(f"{max(10 * net.alpha, of_step / AUTO_BATCH_SIZE):.2g}")
    steps.append(({"alpha": alpha}, "a stronger penalty: smaller weights, a smoother function."))
    if hidden and not np.any(np.asarray(net.dropout) > 0):
        params = _with_steps(net, {"dropout": 0.3})
        steps.append((params, "units cannot rely on what others have memorised."))
    if hidden and min(hidden) >= 2 * TIMES_SMALLER:
        params = reshaped(net, [width // TIMES_SMALLER for width in hidden])
        steps.append((params, "fewer parameters can memorise less."))
    if not sp.issparse(problem.X) and net.input_dropout == 0 and problem.X.shape[1] > 1:
        params = _with_steps(net, {"input_dropout": 0.2})
        steps.append(
            (params, "fewer features per step; consider leaving out those that do not help.")
        )
    return steps


def _for_mismatch(problem, run):
    net, n_rows, steps = problem.net, problem.X.shape[0], []
    if not sp.issparse(problem.X) and net.input_noise == 0:
        spread = float(f"{0.3 * np.median(np.std(problem.X, axis=0)):.2g}")
        params = _with_steps(net, {"input_noise": spread} if spread > 0 else {"dropout": 0.3})
        steps.append((params, "a mitigation: noise makes the net depend less on exact values."))
    of_step = n_rows if net.solver not in OPTIMIZERS else min(AUTO_BATCH_SIZE, n_rows)
    alpha = float(f"{max(10 * net.alpha, of_step / AUTO_BATCH_SIZE):.2g}")
    steps.append(
        ({"alpha": alpha}, "a mitigation: with smaller weights, the net extrapolates less.")
    )
    return steps


def _with_steps(net, params):
    """With a solver that takes steps, which these parameters need."""
    if net.solver in OPTIMIZERS:
        return params
    return {**changed(net, {"solver": "adam", "max_iter": max(net.max_iter, 200)}), **params}


_BY_VERDICT = {
    "mismatch": _for_mismatch,
    "optimisation": _for_optimisation,
    "model bias": _for_bias,
    "overfitting": _for_overfitting,
    "fine": lambda problem, run: [],
}
