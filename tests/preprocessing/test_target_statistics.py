"""Statistics of the target by level: scikit-learn's TargetEncoder, out of fold, with weights."""

import numpy as np
import pytest
from sklearn.preprocessing import TargetEncoder

from rosenblatt.preprocessing._target_statistics import TargetStatistics, indicators
from rosenblatt.preprocessing._transformer_target import fold_of_rows


@pytest.fixture
def codes():
    """400 rows of two columns of codes."""
    rng = np.random.default_rng(0)
    return np.column_stack([rng.integers(0, 40, 400), rng.integers(0, 3, 400)]).astype(np.int32)


def targets_of(kind):
    """(targets for the encoder, for the statistics)."""
    rng = np.random.default_rng(1)
    if kind == "regression":
        y = rng.normal(size=400)
        return y, y.reshape(-1, 1)
    n_classes = 2 if kind == "binary" else 4
    y = rng.integers(0, n_classes, 400)
    return y, indicators(y, n_classes)


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
def test_agrees_with_target_encoder(codes, kind):
    """With the same smoothing, also of codes that fit did not see."""
    y, targets = targets_of(kind)
    target_type = {"regression": "continuous"}.get(kind, kind)
    peer = TargetEncoder(smooth=10.0, target_type=target_type).fit(codes, y)
    statistics = TargetStatistics().fit(codes, targets)
    unseen = np.array([[99, 1], [-1, 99]])

    for rows in (codes, unseen):
        np.testing.assert_allclose(statistics.transform(rows), peer.transform(rows), rtol=1e-12)
    assert statistics.n_columns == 2 * targets.shape[1]


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
def test_training_rows_get_the_statistics_of_other_folds(codes, kind):
    """Each fold as by a TargetEncoder that was fitted to the others."""
    y, targets = targets_of(kind)
    folds = np.arange(400) % 4
    target_type = {"regression": "continuous"}.get(kind, kind)
    expected = np.empty((400, 2 * targets.shape[1]))
    for fold in range(4):
        peer = TargetEncoder(smooth=10.0, target_type=target_type)
        peer.fit(codes[folds != fold], y[folds != fold])
        expected[folds == fold] = peer.transform(codes[folds == fold])

    statistics = TargetStatistics()
    out = statistics.fit_transform(codes, targets, folds)

    np.testing.assert_allclose(out, expected, rtol=1e-9)
    whole = TargetStatistics().fit(codes, targets)
    np.testing.assert_array_equal(statistics.transform(codes), whole.transform(codes))


def test_no_row_sees_its_own_target():
    """A level of one row has the mean of the other folds, whatever its target is."""
    codes = np.arange(40).reshape(-1, 1)
    targets = np.random.default_rng(0).normal(size=(40, 1))
    folds = np.arange(40) % 2

    out = TargetStatistics().fit_transform(codes, targets, folds).ravel()

    for fold in range(2):
        np.testing.assert_allclose(out[folds == fold], targets[folds != fold].mean(), rtol=1e-12)


def test_weights_count_rows_and_their_scale_does_not_matter(codes):
    """Rows of weight 0 count nothing; all weights doubled change nothing."""
    _, targets = targets_of("regression")
    used = np.arange(400) % 3 > 0
    weights = used.astype(float)

    weighted = TargetStatistics().fit(codes, targets, weights).transform(codes)

    rest = TargetStatistics().fit(codes[used], targets[used]).transform(codes)
    np.testing.assert_allclose(weighted, rest, rtol=1e-12)
    doubled = TargetStatistics().fit(codes, targets, 2 * weights).transform(codes)
    np.testing.assert_allclose(weighted, doubled, rtol=1e-12)


def test_codes_without_level_have_the_mean():
    """Missing and unseen."""
    codes = np.array([[0], [0], [-1], [-1]])
    targets = np.array([[1.0], [2], [3], [10]])

    out = TargetStatistics(smooth=2).fit(codes, targets).transform(np.array([[-1], [0]]))

    np.testing.assert_allclose(out.ravel(), [4, (3 + 2 * 4) / 4])


def test_fold_whose_rest_has_no_weight_is_finite():
    """Where all weight lies in one fold."""
    out = TargetStatistics().fit_transform(
        np.array([[0], [1]]), np.array([[1.0], [2]]), np.array([0, 1]), np.array([1.0, 0])
    )

    assert np.isfinite(out).all()


def test_random_folds_share_every_class():
    """And each row is in one."""
    y = np.array([0] * 20 + [1] * 5)
    folds = fold_of_rows(5, y, 2, np.random.RandomState(0))

    assert [np.sum(folds[:20] == fold) for fold in range(5)] == [4] * 5
    assert sorted(folds[20:]) == [0, 1, 2, 3, 4]


def test_given_folds_must_test_each_row_once():
    """The message says so."""
    rows = np.arange(4)
    y = np.array([0, 1, 0, 1])
    given = [(rows[2:], rows[:2]), (rows[:2], rows[2:])]
    assert fold_of_rows(given, y, 2, None).tolist() == [0, 0, 1, 1]
    with pytest.raises(ValueError, match="must test every row of X in exactly one fold"):
        fold_of_rows(given[:1], y, 2, None)
    with pytest.raises(ValueError, match="must test every row of X in exactly one fold"):
        fold_of_rows([*given, given[0]], y, 2, None)
