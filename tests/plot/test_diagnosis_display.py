"""The plot of a diagnosis: the scores of all nets, noise, and significance."""

import numpy as np
import pytest
from diagnosis_cases import (
    curve_through_every_patient,
    digits_as_they_should_be,
    two_units_for_ten_digits,
)
from rendering import overlapping_texts, texts, texts_outside

from rosenblatt import diagnose


@pytest.fixture(scope="module")
def biased():
    return diagnose(*two_units_for_ten_digits(), verbose=False)


def test_a_mark_for_every_score(biased):
    """On its net's line."""
    display = biased.plot()
    assert set(display.marks_) == {"train", "test"}
    for attribute, marks in display.marks_.items():
        x, y = marks.get_data()
        assert list(x) == [getattr(net, attribute) for net in biased.nets]
        assert list(y) == list(range(len(biased.nets)))
    labels = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert labels == [net.name for net in biased.nets]
    assert labels[0] == "as given"
    assert display.ax_.get_title(loc="left") == "Diagnosis: model bias"


def test_every_net_of_the_evidence_is_drawn(biased):
    """With the training score that the evidence has."""
    drawn = {net.name: net.train for net in biased.nets}
    for finding in biased.evidence[1:]:
        assert drawn[finding.what] == finding.score


def test_the_grey_band_is_explained(biased):
    """In the legend, with its width, above the axes and below the title."""
    display = biased.plot()
    display.figure_.canvas.draw()
    legend = display.ax_.get_legend()
    labels = [text.get_text() for text in legend.get_texts()]
    assert labels[-1] == f"better by less than {biased.tol:g}"
    assert legend.get_window_extent().y0 >= display.ax_.get_window_extent().y1
    title = display.ax_._left_title.get_window_extent()
    assert legend.get_window_extent().y1 <= title.y0
    assert legend.get_window_extent().x1 <= display.figure_.bbox.x1


def test_bars_are_the_noise(biased):
    """Two standard errors to either side of the given net's scores."""
    bars = [c for c in biased.plot().ax_.collections if len(c.get_segments())]
    ends = sorted(tuple(bar.get_segments()[0][:, 0]) for bar in bars)
    assert ends == sorted(
        (score - noise, score + noise)
        for score, noise in (
            (biased.train_score, biased.train_noise),
            (biased.test_score, biased.test_noise),
        )
    )


def test_scores_far_below_are_named_at_the_edge():
    """And all others stay apart; held-out rows have marks of their own."""
    diagnosis = diagnose(*curve_through_every_patient(), verbose=False)
    far = diagnosis.nets[0]._replace(test=-30.0)
    nets = [far, *diagnosis.nets[1:]]
    vars(diagnosis)["nets"] = nets
    display = diagnosis.plot()
    assert "held_out" in display.marks_
    assert display.ax_.get_xlim()[0] > -2
    assert any("-30" in text for text, _ in texts(display.figure_))
    assert overlapping_texts(display.figure_) == []
    assert texts_outside(display.figure_) == []


def test_one_net_alone_is_legible():
    """What is fine may have been compared with nothing."""
    display = diagnose(*digits_as_they_should_be(), verbose=False).plot()
    assert np.ptp(display.ax_.get_xlim()) > 0.05
    assert overlapping_texts(display.figure_) == []
    assert texts_outside(display.figure_) == []
