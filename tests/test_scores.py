"""Scores of the validation rows and labels of y: against scikit-learn's functions."""

import numpy as np
import pytest
from problems import call_recording_warnings, row_weights
from sklearn import neural_network
from sklearn.metrics import accuracy_score, d2_pinball_score, r2_score
from sklearn.utils.multiclass import check_classification_targets

import rosenblatt
from rosenblatt._classes import checked_labels
from rosenblatt._scores import validation_score

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def weights_of(n_samples, dtype, weighted):
    return row_weights(n_samples).astype(dtype) if weighted else None


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_r2_is_scikit_learns(n_outputs, weighted, dtype):
    """The same value: to the bit in float64, in float32 to the roundings of its sums."""
    rng = np.random.RandomState(0)
    y, f = rng.normal(size=(2, 50, n_outputs)).astype(dtype)
    weights = weights_of(50, dtype, weighted)
    ours = validation_score(f, y, weights, "real")
    expected = r2_score(y, f, sample_weight=weights)
    # scikit-learn's versions sum float32 in different precisions
    assert ours == expected if dtype == "float64" else ours == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("offset", [0, 1])
def test_r2_of_a_constant_target_is_scikit_learns(offset):
    """1 where predictions are right, else 0, averaged with the other outputs."""
    rng = np.random.RandomState(1)
    y = np.column_stack([np.full(9, 2.0), rng.normal(size=9)])
    f = y + np.array([offset, 0.3])
    assert validation_score(f, y, None, "real") == r2_score(y, f)
    assert validation_score(y, y, None, "real") == r2_score(y, y) == 1


def test_r2_of_what_is_no_number_is_nan():
    """Where scikit-learn's raises: training goes on without the score."""
    y = np.arange(3.0)[:, None]
    for bad in (np.nan, np.inf):
        assert np.isnan(validation_score(np.array([[bad], [1], [2]]), y, None, "real"))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("target", ["class", "binary", "labels"])
def test_accuracy_is_scikit_learns(target, weighted, dtype):
    """The share of rows that are right; for several labels in all of them."""
    rng = np.random.RandomState(2)
    n_outputs = 1 if target == "binary" else 3
    p = rng.uniform(size=(40, n_outputs)).astype(dtype)
    weights = weights_of(40, dtype, weighted)
    if target == "class":
        y = rng.randint(3, size=40)
        expected = accuracy_score(y, p.argmax(axis=1), sample_weight=weights)
    else:
        y = rng.randint(2, size=p.shape).astype(dtype)
        expected = accuracy_score(y, p > 0.5, sample_weight=weights)
    ours = validation_score(p, y, weights, "class" if target == "class" else "binary")
    assert ours == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("threshold", "dtype"), [(0.5, "float32"), (0.0, "float64")])
def test_output_at_the_threshold_is_a_zero(threshold, dtype):
    """As in scikit-learn's predictions, of probabilities and of margins."""
    y = np.array([[0], [0], [1]], dtype)
    f = np.array([[threshold], [threshold], [threshold + 0.1]], dtype)
    assert validation_score(f, y, None, "binary", threshold=threshold) == 1


@pytest.mark.parametrize("weighted", [False, True])
def test_d2_of_several_quantiles_is_scikit_learns(weighted):
    """Averaged over the levels; NaN where predictions are no numbers."""
    rng = np.random.RandomState(4)
    y, f = np.repeat(rng.normal(size=(30, 1)), 2, axis=1), rng.normal(size=(30, 2))
    weights = weights_of(30, "float64", weighted)
    scores = [
        d2_pinball_score(y[:, 0], f[:, i], alpha=level, sample_weight=weights)
        for i, level in enumerate([0.2, 0.9])
    ]
    ours = validation_score(f, y, weights, "real", levels=(0.2, 0.9))
    assert ours == pytest.approx(np.mean(scores), rel=1e-12)
    f[3, 1] = np.nan
    assert np.isnan(validation_score(f, y, weights, "real", levels=(0.2, 0.9)))


@pytest.mark.parametrize(
    "dtype", ["int8", "int64", "uint8", "uint16", "bool", "float32", "U3", "O"]
)
def test_labels_are_scikit_learns(dtype):
    """classes_ have the values and the type that scikit-learn's class finds."""
    rng = np.random.RandomState(3)
    X, y = rng.normal(size=(30, 2)), rng.randint(2 if dtype == "bool" else 4, size=30)
    y = y.astype(str).astype(object) if dtype == "O" else y.astype(dtype)
    ours, theirs = (
        module.MLPClassifier(hidden_layer_sizes=(2,), max_iter=1).fit(X, y).classes_
        for module in (rosenblatt, neural_network)
    )
    np.testing.assert_array_equal(ours, theirs)
    assert ours.dtype == theirs.dtype
    _, labels, multilabel = checked_labels(y)
    np.testing.assert_array_equal(labels, theirs)
    assert not multilabel


@pytest.mark.parametrize("n_classes", [10, 12, 13, 24])
@pytest.mark.parametrize("n_samples", [20, 24])
def test_very_many_classes_are_warned_of(n_samples, n_classes):
    """More than half as many as rows, of which there must be more than 20: scikit-learn's rule."""
    y = np.arange(n_samples) % n_classes
    warned = [
        "unique classes" in " ".join(text for _, text in call_recording_warnings(function, y)[1])
        for function in (checked_labels, check_classification_targets)
    ]
    assert warned == [n_samples == 24 and n_classes > 12] * 2
