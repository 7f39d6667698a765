"""Scores as means over rows, and their noise, against scikit-learn, definitions and resampling."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, d2_pinball_score, r2_score, roc_auc_score

from rosenblatt.diagnosis._statistics import (
    Difference,
    auc_over_chance,
    difference_of_rows,
    difference_of_sets,
    explained_values,
    pinball_losses,
    share_values,
    standard_error,
)


@pytest.fixture
def random():
    return np.random.RandomState(0)


def squares(y, predicted):
    return (y - predicted) ** 2, (y - y.mean(axis=0)) ** 2


def test_row_values_average_to_r2(random):
    """Of several outputs, one of them constant and right, one constant and wrong."""
    y = random.normal(size=(50, 4))
    predicted = y + 0.3 * random.normal(size=y.shape)
    y[:, 2:] = 1.0
    predicted[:, 2] = 1.0
    values = explained_values(*squares(y, predicted))
    assert values.mean() == pytest.approx(r2_score(y, predicted))


def test_row_values_average_to_d2(random):
    """Of the pinball loss."""
    y = random.normal(size=80)
    predicted = y + random.normal(size=80)
    constant = np.quantile(y, 0.8)
    errors, baseline = (pinball_losses(y, f, 0.8)[:, None] for f in (predicted, constant))
    expected = d2_pinball_score(y, predicted, alpha=0.8)
    assert explained_values(errors, baseline).mean() == pytest.approx(expected)


def test_row_values_average_to_accuracy(random):
    """Of single labels and of several, all of which have to be right."""
    y, predicted = random.randint(2, size=(2, 60, 3))
    assert share_values(predicted, y).mean() == accuracy_score(y, predicted)
    assert share_values(predicted[:, 0], y[:, 0]).mean() == accuracy_score(y[:, 0], predicted[:, 0])


def test_noise_of_r2_is_that_of_resampling(random):
    """Within a fifth, which 1000 resamplings of 300 rows leave."""
    y = random.normal(size=(300, 1))
    predicted = 0.7 * y + 0.4 * random.normal(size=y.shape)
    error = standard_error(explained_values(*squares(y, predicted)), is_share=False)
    draws = random.randint(300, size=(1000, 300))
    resampled = np.std([r2_score(y[draw], predicted[draw]) for draw in draws])
    assert error == pytest.approx(resampled, rel=0.2)


def test_noise_of_a_difference_on_the_same_rows_is_that_of_resampling(random):
    """Of pairs: two nets that err on the same rows differ with little noise."""
    y = random.normal(size=(300, 1))
    common = 0.5 * random.normal(size=y.shape)
    nets = [y + common + 0.1 * random.normal(size=y.shape) for _ in range(2)]
    values = [explained_values(*squares(y, net)) for net in nets]
    found = difference_of_rows(*values)
    draws = random.randint(300, size=(1000, 300))
    resampled = np.std([r2_score(y[d], nets[0][d]) - r2_score(y[d], nets[1][d]) for d in draws])
    assert found.noise == pytest.approx(2 * resampled, rel=0.2)
    assert found.noise < difference_of_sets(*values, is_share=False).noise / 2


def test_a_share_of_all_rows_has_noise():
    """Ten of ten: (12 / 14) (2 / 14) / 14 is the variance, of two rows more of either kind."""
    assert standard_error(np.ones(10), is_share=True) == pytest.approx((24 / 14**3) ** 0.5)


def test_area_is_that_of_scikit_learn(random):
    """With ties."""
    of_test, of_train = random.randint(5, size=40) + 1.0, random.randint(5, size=70) + 0.0
    labels = np.repeat([1, 0], [40, 70])
    expected = roc_auc_score(labels, np.concatenate([of_test, of_train]))
    found = auc_over_chance(of_test, of_train)
    assert found.score == pytest.approx(expected)
    assert found.value == pytest.approx(expected - 0.5)


def test_noise_of_the_area_is_delongs(random):
    """The definition: variances of each row's share of pairs that it wins, ties by half."""
    of_test, of_train = random.normal(size=30) + 0.7, random.normal(size=50)
    wins = (of_test[:, None] > of_train) + 0.5 * (of_test[:, None] == of_train)
    variance = wins.mean(axis=1).var(ddof=1) / 30 + wins.mean(axis=0).var(ddof=1) / 50
    assert auc_over_chance(of_test, of_train).noise == pytest.approx(2 * variance**0.5)


@pytest.mark.parametrize(
    ("value", "noise", "counts", "is_settled"),
    [
        (0.2, 0.1, True, True),
        (0.2, 0.25, False, False),
        (0.04, 0.005, False, True),
        (0.06, 0.03, True, False),
        (-0.5, 0.1, False, True),
    ],
)
def test_a_difference_counts_beyond_noise_and_tol(value, noise, counts, is_settled):
    """Both; and it is settled when its noise does not reach tol = 0.05."""
    difference = Difference(1.0, 1.0 - value, value, noise)
    assert difference.counts(0.05) == counts
    assert difference.is_settled(0.05) == is_settled
