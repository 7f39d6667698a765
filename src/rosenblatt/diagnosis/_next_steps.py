"""What to try for each verdict, in order: parameters for `set_params`, with the reason.

Networks that were trained and did better come first; what was not tried follows, and says so. What
was tried and did no better is left out. Nothing is trained here.
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
    steps = [(rival.params, _measured(rival, run)) for rival in _gains(verdict, run)]
    tried = [rival.params for rival in run.rivals]
    decides = run.deciding_rival
    # a lower training loss was measured to cost test score: no more of the same
    by_heart = not steps and decides is not None and _falls(decides, run)
    untried = _for_overfitting if by_heart else _BY_VERDICT[verdict]
    for params, reason in untried(problem, run):
        if params not in tried:
            steps.append((params, f"Not tried. {reason[0].upper()}{reason[1:]}"))
    prefix = problem.prefix
    return [
        NextStep({prefix + name: value for name, value in params.items()}, reason)
        for params, reason in steps
        if params
    ]


def _gains(verdict, run):
    """Rivals that are worth following, the best first: by significance, then by test score.

    Those of another kind than the verdict's, such as a larger net where a better optimiser
    decided, are taken only where its own kind has none. The same parameters on plain and on
    standardised columns are one step: the better one.
    """
    gains = [rival for rival in run.rivals if _is_gain(rival, verdict, run)]
    own = [rival for rival in gains if rival.verdict == verdict]
    steps = []
    for rival in sorted(own or gains, key=_rank):
        if all(rival.params != better.params for better in steps):
            steps.append(rival)
    return steps


def _rank(rival):
    finding = rival.finding
    loss = np.inf if np.isnan(finding.training_loss) else finding.training_loss
    return not finding.counts, -_shown(finding.test_score), loss


def _is_gain(rival, verdict, run):
    """Whether a rival did better, and better is needed. Against overfitting the test score must
    rise by what counts; else the training score must rise, and the test score must not fall."""
    finding, test_score = rival.finding, run.of_test.mean()
    if verdict == "fine":
        return False
    if verdict == "overfitting":
        return finding.test_score > test_score + run.tol
    return _shown(finding.score) > _shown(finding.against) and not _falls(rival, run)


def _falls(rival, run):
    """Whether the test score of a rival is lower, as far as it is shown; NaN counts as lower."""
    return not _shown(rival.finding.test_score) >= _shown(run.of_test.mean())


def _shown(score):
    return round(float(score), 3)


def _measured(rival, run):
    finding = rival.finding
    # parameters alone would not reach this
    too = " (takes standardised columns too, see below)" if rival.scaled else ""
    cut = f" ({finding.remark})" if finding.remark else ""
    return (
        f"{rival.name}{too}, measured{cut}: training score {finding.score:.3f} instead of "
        f"{finding.against:.3f}, training loss {finding.training_loss:.3g}, test score "
        f"{finding.test_score:.3f} instead of {run.of_test.mean():.3f}."
    )


def advice(verdict, problem, run):
    """What no parameter does, and what to expect of those that are advised: a few sentences."""
    scales = _advice_on_scales(verdict, run)
    return scales + _advice_on(verdict, problem, run) + _warning(run)


def _warning(run):
    """Why the net with the lowest training loss, which decides, is no next step."""
    rival, test_score = run.deciding_rival, run.of_test.mean()
    if rival is None or not _falls(rival, run):
        return ""
    return (
        f" The lowest training loss is that of {rival.name}, but its test score falls "
        f"({rival.finding.test_score:.3f} instead of {test_score:.3f}), so it is no next step: it "
        "learns rows by heart."
    )


def _advice_on(verdict, problem, run):
    if verdict == "mismatch":
        return _advice_on_mismatch(problem, run)
    if verdict == "overfitting":
        return _advice_on_data(run)
    if verdict == "optimisation":
        return (
            "rosenblatt.inspection.stuck(estimator) tells whether the loss became flat, and "
            "critical_point(estimator, X, y) whether the net is at a saddle point or a minimum."
        )
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


def _advice_on_scales(verdict, run):
    """Which columns to standardise, where a next step takes that."""
    scaled = {part: None for rival in _gains(verdict, run) for part in rival.scaled}
    if not scaled:
        return ""
    return f"Standardise the columns: {', '.join(_SCALERS[part] for part in scaled)}. "


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


def _for_bias(problem, run):
    net, deciding_rival = problem.net, run.deciding_rival
    steps = [(params, "another way to enlarge the network.") for _, params in larger_nets(net)]
    if net.alpha > WEAK_ALPHA and "alpha" not in deciding_rival.params:
        steps.append(
            ({"alpha": WEAK_ALPHA}, "a penalty keeps weights small and the function simple.")
        )
    if np.any(np.asarray(net.dropout) > 0) and "dropout" not in deciding_rival.params:
        steps.append(({"dropout": 0.0}, "dropout reduces the capacity of the net during training."))
    return steps


def _for_optimisation(problem, run):
    net = problem.net
    steps = [
        (params, f"{name}: another optimiser of the same loss.")
        for name, params in better_optimisers(net, problem.X.shape[0])
    ]
    if net.normalization is None and hidden_widths(net.hidden_layer_sizes):
        params = _with_steps(net, {"normalization": "batch"})
        steps.append((params, "normalised units keep gradients from vanishing or exploding."))
    return steps


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
