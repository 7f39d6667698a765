"""Decisions and advice of diagnose from made-up figures, without training."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from rosenblatt import MLPRegressor
from rosenblatt.diagnosis import Finding
from rosenblatt.diagnosis._mismatch import _of_one_net_each
from rosenblatt.diagnosis._next_steps import _advice_on_data, advice, next_steps
from rosenblatt.diagnosis._training import COMPLETE, CUT_SHORT
from rosenblatt.diagnosis._verdict import DiagnosisRun, Rival

N_ROWS = 400


def right(share):
    """Row values of which so many are 1."""
    return (np.arange(N_ROWS) < share * N_ROWS).astype(float)


def rival(verdict, share, loss, test_score=0.9, scaled=(), **params):
    """One that counts."""
    finding = Finding(
        verdict, share, 0.5, share - 0.5, 0.01, True, training_loss=loss, test_score=test_score
    )
    params = params or {"learning_rate_init": loss}
    return Rival(f"{verdict} at {loss}", params, verdict, right(share), finding, scaled)


def run(*rivals, given=0.5, given_loss=1.0, of_test=0.6):
    """One without a case, that has these rivals."""
    made = DiagnosisRun.__new__(DiagnosisRun)
    made.tol, made.rivals, made.findings, made.deciding_rival = 0.05, list(rivals), [], None
    made.given, made.given_loss, made.of_test = right(given), given_loss, right(of_test)
    return made


@pytest.mark.parametrize(
    ("larger", "decides"),
    [
        ((0.95, 0.1), "model bias"),  # better by what counts, and a lower loss
        ((0.95, 0.3), "optimisation"),  # better, but its loss is higher
        ((0.82, 0.1), "optimisation"),  # a lower loss, and not better by what counts
    ],
)
def test_a_larger_net_has_to_do_better_than_the_same_net_well_optimised(larger, decides):
    """In score by what counts, and in training loss."""
    made = run(rival("optimisation", 0.8, 0.2), rival("model bias", *larger))
    made._decide()
    assert made.deciding_rival.verdict == decides


def test_the_lowest_training_loss_decides_among_those_of_a_kind():
    """Not the highest score, nor who was tried first."""
    made = run(rival("optimisation", 0.9, 0.3), rival("optimisation", 0.8, 0.2))
    made._decide()
    assert made.deciding_rival.finding.training_loss == 0.2
    assert run()._decide() is None


@pytest.mark.parametrize(
    ("share", "loss", "status", "counts"),
    [
        (0.8, 0.5, COMPLETE, True),
        (0.8, 0.5, CUT_SHORT, True),
        (0.8, 1.5, COMPLETE, False),  # a better score by chance: its loss is higher
        (0.8, 1.0, COMPLETE, False),  # as high
        (0.8, 1.5, CUT_SHORT, None),  # might still have lowered it
        (0.52, 0.5, COMPLETE, False),
        (0.8, np.nan, COMPLETE, True),  # the loss of a net that overflows is no evidence
    ],
)
def test_a_rival_counts_by_its_score_and_its_loss(share, loss, status, counts):
    """Both must be better; one that was cut short is evidence for a net alone."""
    made = run()
    made.problem = SimpleNamespace(
        X_test=None,
        y_test=None,
        training_values=lambda net: right(share),
        training_loss=lambda net: loss,
        values=lambda net, X, y: right(0.7),
    )
    outcome = SimpleNamespace(net=object(), status=status, seconds=1.0, remark="")
    assert made._weigh("rival", {}, "optimisation", outcome) == bool(counts)
    assert made.findings[-1].counts is counts
    assert made.findings[-1].test_score == 0.7


def test_every_row_is_judged_by_one_net():
    """Row i by net i modulo their number: all nets, and none of the rows twice."""
    errors = [np.arange(7) + 10.0 * net for net in range(3)]
    assert _of_one_net_each(errors).tolist() == [0, 11, 22, 3, 14, 25, 6]


def case():
    """What advice reads of a case."""
    X, y = np.random.RandomState(0).normal(size=(N_ROWS, 3)), np.arange(N_ROWS)
    net = MLPRegressor((8,), max_iter=1, early_stopping=True).fit(X, y / N_ROWS)
    return SimpleNamespace(net=net, prefix="", X=X, y=y)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("scaled", [(), ("features",), ("target",), ("features", "target")])
def test_what_was_standardised_is_advised_and_nothing_else(scaled):
    """Whatever the dtype of the target: y here is of integers."""
    made = run(rival("optimisation", 0.9, 0.1, scaled=scaled))
    made._decide()
    text = advice("optimisation", case(), made)
    assert ("StandardScaler before the network" in text) == ("features" in scaled)
    assert ("TransformedTargetRegressor" in text) == ("target" in scaled)
    assert ("Standardise" in text) == bool(scaled)
    reason = next_steps("optimisation", case(), made)[0].reason
    assert ("standardised columns" in reason) == bool(scaled)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("verdict", ["optimisation", "model bias"])
def test_what_was_measured_to_cost_test_score_is_not_advised(verdict):
    """The advice says why; what keeps the test score is the first step, and all others say that
    they were not tried."""
    made = run(rival(verdict, 0.95, 0.1, test_score=0.599, scaled=("features",), alpha=0.5))
    made._decide()
    steps = next_steps(verdict, case(), made)
    assert steps
    assert {"alpha": 0.5} not in steps
    assert all(step.reason.startswith("Not tried. ") for step in steps)
    assert "dropout" in steps[1]  # against memorising, not for a lower training loss
    text = advice(verdict, case(), made)
    assert "its test score falls (0.599 instead of 0.600), so it is no next step" in text
    assert "Standardise" not in text
    made = run(rival(verdict, 0.95, 0.1, test_score=0.6, alpha=0.5))
    made._decide()
    first, *others = next_steps(verdict, case(), made)
    assert dict(first) == {"alpha": 0.5}
    assert first.reason.endswith("test score 0.600 instead of 0.600.")
    assert all(step.reason.startswith("Not tried. ") for step in others)
    assert "falls" not in advice(verdict, case(), made)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_measured_steps_are_in_the_order_of_their_test_scores():
    """The significant ones first, and each set of parameters once; those that lower a score, and
    larger nets where a better optimiser gained, are left out, tried as they are."""
    untried, *_ = next_steps("optimisation", case(), run())
    slight = rival("optimisation", 0.51, 0.9, test_score=0.9, alpha=0.1)
    slight = replace(slight, finding=replace(slight.finding, counts=False))
    made = run(
        rival("optimisation", 0.95, 0.1, test_score=0.65, scaled=("features",), alpha=0.5),
        rival("optimisation", 0.9, 0.2, test_score=0.8, alpha=0.5),
        rival("optimisation", 0.8, 0.3, test_score=0.7, alpha=0.25),
        slight,
        rival("model bias", 0.9, 0.05, test_score=0.95, alpha=0.2),
        rival("optimisation", 0.45, 0.9, test_score=0.7, **untried),
    )
    made._decide()
    steps = next_steps("optimisation", case(), made)
    assert list(map(dict, steps[:3])) == [{"alpha": 0.5}, {"alpha": 0.25}, {"alpha": 0.1}]
    assert "test score 0.800" in steps[0].reason
    assert dict(untried) not in steps
    assert {"alpha": 0.2} not in steps
    assert dict(steps[3]) == {"normalization": "batch"}
    assert len(steps) == 4
    assert "Standardise" not in advice("optimisation", case(), made)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(("test_score", "is_first"), [(0.66, True), (0.64, False)])
def test_against_overfitting_a_net_that_was_measured_to_generalise_comes_first(
    test_score, is_first
):
    """By more than tol=0.05 of the test score, whatever its training score."""
    made = run(rival("optimisation", 0.45, 0.9, test_score=test_score, hidden_layer_sizes=(2,)))
    first = next_steps("overfitting", case(), made)[0]
    assert ("hidden_layer_sizes" in first) == is_first
    assert first.reason.startswith("Not tried. ") != is_first


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(("given", "tries"), [(0.94, True), (0.95, False), (1.0, False)])
def test_nothing_is_tried_where_no_score_could_count(given, tries, monkeypatch):
    """Within tol=0.05 of the best score there is nothing to gain."""
    made, tried = run(given=given), []
    made.problem = case()
    monkeypatch.setattr(made, "_try", lambda name, *more: tried.append(name))
    monkeypatch.setattr(made, "_try_standardised", lambda: None)
    made._try_rivals()
    assert bool(tried) == tries


@pytest.mark.parametrize(("last", "said"), [(0.73, "would help"), (0.72, "gained little")])
def test_more_rows_help_where_the_last_ones_did(last, said):
    """By more than half of tol=0.05 on held-out rows."""
    curve = SimpleNamespace(n_rows=[100, 200, 400], held_out=[0.5, 0.7, last])
    text = _advice_on_data(SimpleNamespace(learning_curve=curve, tol=0.05))
    assert "From 200 rows to 400" in text
    assert text.endswith(f"{said}.")
    only = SimpleNamespace(n_rows=[400], held_out=[0.7])
    for unknown in (None, only):
        assert "From" not in _advice_on_data(SimpleNamespace(learning_curve=unknown, tol=0.05))
