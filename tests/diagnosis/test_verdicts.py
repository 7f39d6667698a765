"""Diagnoses of networks with a known fault: the verdicts and their explanation."""

import warnings

import pytest
from diagnosis_cases import CASES
from sklearn.base import clone

import rosenblatt
from rosenblatt.diagnosis import VERDICTS

ENOUGH = 300  # seconds: no verdict is to depend on how fast the machine is


@pytest.fixture(scope="module")
def diagnosed():
    """[(true verdict, name of the case, estimator, Diagnosis)] of all cases."""
    found = []
    for verdict, cases in CASES.items():
        for case in cases:
            handed_in = case()
            diagnosis = rosenblatt.diagnose(*handed_in, ENOUGH, verbose=False)
            found.append((verdict, case.__name__, handed_in[0], diagnosis))
    return found


def test_there_are_four_cases_of_each_verdict():
    """Of every one that there is."""
    assert set(CASES) == set(VERDICTS)
    assert min(map(len, CASES.values())) >= 4


def test_nine_of_ten_verdicts_are_right(diagnosed):
    """Not all, since another machine's rounding may turn what is close."""
    wrong = [(name, true, d.verdict) for true, name, _, d in diagnosed if d.verdict != true]
    assert len(wrong) <= len(diagnosed) / 10, wrong


def test_nothing_is_left_undecided(diagnosed):
    """Where there is time."""
    assert [(name, d.undecided) for _, name, _, d in diagnosed if d.undecided] == []


def test_next_steps_can_be_set_and_fitted(diagnosed):
    """Each is a dict for set_params of what was handed in, and has a reason."""
    data = {case.__name__: case for cases in CASES.values() for case in cases}
    for _, name, estimator, diagnosis in diagnosed:
        _, X, y, _, _ = data[name]()
        for step in diagnosis.next_steps:
            assert isinstance(step, dict)
            assert step
            assert step.reason.endswith(".")
            model = clone(estimator).set_params(**step)
            prefix = "mlpclassifier__" if hasattr(model, "steps") else ""
            model.set_params(**{prefix + "max_iter": 1})
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model.fit(X, y)


def test_a_fault_has_next_steps(diagnosed):
    """And what is fine has none."""
    for _, _, _, diagnosis in diagnosed:
        assert bool(diagnosis.next_steps) == (diagnosis.verdict != "fine")


def test_first_step_mends_what_is_too_simple_or_badly_trained(diagnosed):
    """It was measured: the scores are what the evidence says."""
    data = {case.__name__: case for cases in CASES.values() for case in cases}
    tried = 0
    for _, name, estimator, diagnosis in diagnosed:
        if diagnosis.verdict not in {"model bias", "optimisation"}:
            continue
        step = diagnosis.next_steps[0]
        if "standardised" in step.reason:
            continue  # of rows as they came
        if step.reason.startswith("Not tried"):
            continue  # what was measured costs test score
        _, X, y, X_test, y_test = data[name]()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = clone(estimator).set_params(**step).fit(X, y)
        assert model.score(X, y) > diagnosis.train_score + 0.05
        (measured,) = (f for f in diagnosis.evidence if step.reason.startswith(f"{f.what}, "))
        assert model.score(X, y) == pytest.approx(measured.score, abs=1e-6)
        assert model.score(X_test, y_test) == pytest.approx(measured.test_score, abs=1e-6)
        tried += 1
    assert tried >= 4


def test_memorising_is_told_from_another_kind_of_rows(diagnosed):
    """By training rows that were held out: they fare as test rows do, or as those trained on."""
    for true, _, _, diagnosis in diagnosed:
        if true == "overfitting":
            assert diagnosis.train_score - diagnosis.held_out_score > 0.05
        if true == "mismatch":
            assert diagnosis.held_out_score - diagnosis.test_score > 0.05


def test_text_has_all_that_was_found(diagnosed):
    """The verdict, a line for every finding, the steps and their reasons; nothing too wide."""
    for _, _, _, diagnosis in diagnosed:
        lines = str(diagnosis).split("\n")
        assert lines[0] == f"Diagnosis: {diagnosis.verdict}"
        for finding in diagnosis.evidence:
            assert any(line.startswith(finding.what) for line in lines)
        together = " ".join(map(str.strip, lines))
        for step in diagnosis.next_steps:
            assert f"set_params({step})" in together
            assert step.reason in together
        assert max(map(len, lines)) <= 110


def test_html_is_a_table_of_the_evidence(diagnosed):
    """As many rows as findings, and well formed."""
    from xml.etree import ElementTree

    for _, _, _, diagnosis in diagnosed:
        tree = ElementTree.fromstring(diagnosis._repr_html_())
        assert len(tree.findall(".//tbody/tr")) == len(diagnosis.evidence)
        assert len(tree.findall(".//ol/li")) == len(diagnosis.next_steps)
        assert tree.find("h4").text == f"Diagnosis: {diagnosis.verdict}"


def test_frame_has_a_row_for_every_finding(diagnosed):
    """With pandas."""
    diagnosis = diagnosed[0][3]
    frame = diagnosis.to_frame()
    assert list(frame["what"]) == [finding.what for finding in diagnosis.evidence]
    assert frame["score"].iloc[0] == diagnosis.train_score
