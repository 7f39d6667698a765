"""Planes through the parameters: against NumPy's least squares and scikit-learn's PCA."""

import numpy as np
import pytest
from problems import iris
from sklearn.decomposition import PCA

from rosenblatt import MLPClassifier
from rosenblatt.callbacks import flat_parameters
from rosenblatt.plot import _plane
from rosenblatt.plot._plane import Plane, parameter_name, plane_through

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def network(**options):
    """A net with normalisation: every kind of parameter."""
    options = {"normalization": "batch", "max_iter": 2, "random_state": 0, **options}
    return MLPClassifier((6, 5), **options).fit(*iris())


def walk(n_points, n_parameters, dtype="float64"):
    """Points of a random walk that is longer in some directions than in others."""
    rng = np.random.RandomState(3)
    steps = rng.normal(size=(n_points, n_parameters)) * rng.exponential(size=n_parameters) ** 3
    return np.cumsum(steps, axis=0).astype(dtype)


def test_random_directions_are_filter_normalised():
    """Each unit's part is as long as its weights, the two are orthogonal, the rest is zero."""
    model = network()
    origin = flat_parameters(model).astype(float)
    plane = plane_through(model, origin, "random", None, 0)
    start = 0
    for coef in model.coefs_:
        part = plane.directions[:, start : start + coef.size].reshape(2, *coef.shape)
        for direction in part:
            np.testing.assert_allclose(
                np.linalg.norm(direction, axis=0), np.linalg.norm(coef, axis=0)
            )
        np.testing.assert_allclose((part[0] * part[1]).sum(axis=0), 0, atol=1e-12)
        start += coef.size
    assert not plane.directions[:, start:].any()
    np.testing.assert_array_equal(plane.point(0, 0), origin)


def test_random_directions_come_from_the_seed():
    """The same for the same, another for another."""
    model = network()
    origin = flat_parameters(model).astype(float)
    one, same, other = (plane_through(model, origin, "random", None, s) for s in (0, 0, 1))
    np.testing.assert_array_equal(one.directions, same.directions)
    assert not np.allclose(one.directions, other.directions)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n_points", [3, 40])
def test_principal_directions_are_those_of_pca(monkeypatch, dtype, n_points):
    """scikit-learn's, to the sign, also where parameters are taken in blocks."""
    monkeypatch.setattr(_plane, "BLOCK", 7)
    path = walk(n_points, 30, dtype)
    origin = np.arange(30.0)
    plane = plane_through(None, origin, "path", path, 0)
    pca = PCA(2, svd_solver="full").fit(path.astype(float))
    cosines = np.abs(np.sum(plane.directions * pca.components_, axis=1))
    np.testing.assert_allclose(cosines, 1, rtol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(plane.directions, axis=1), 1)
    shares = pca.explained_variance_ratio_
    assert plane.labels == (
        f"first principal direction ({shares[0]:.0%})",
        f"second principal direction ({shares[1]:.0%})",
    )
    np.testing.assert_allclose(plane.share_of_variance(path), shares.sum())
    projected = plane.coordinates(path)
    assert (projected[-1] >= projected.mean(axis=0)).all()  # it ends on the right, above


def test_path_is_the_default_where_there_is_one():
    """Else directions are random."""
    model = network()
    origin = flat_parameters(model).astype(float)
    path = walk(5, len(origin))
    assert "principal" in plane_through(model, origin, None, path, 0).labels[0]
    assert "random" in plane_through(model, origin, None, None, 0).labels[0]


def test_coordinates_are_least_squares():
    """Of directions of any length and angle; shown values are shifted."""
    rng = np.random.RandomState(0)
    directions, origin = rng.normal(size=(2, 9)) * [[1], [30]], rng.normal(size=9)
    path, shift = walk(4, 9), np.array([5.0, -3.0])
    plane = Plane(origin, directions, ("", ""), shift)
    expected = np.linalg.lstsq(directions.T, (path - origin).T, rcond=None)[0].T + shift
    np.testing.assert_allclose(plane.coordinates(path), expected)
    on_it = np.array([plane.point(2.0, 7.0)])
    np.testing.assert_allclose(plane.coordinates(on_it), [[2, 7]])


def test_share_of_variance_is_that_of_the_projection():
    """By NumPy's variances of the projected and of the whole path."""
    rng = np.random.RandomState(0)
    directions, path = rng.normal(size=(2, 9)), walk(20, 9)
    plane = Plane(np.zeros(9), directions, ("", ""), np.zeros(2))
    fitted = np.linalg.lstsq(directions.T, path.T, rcond=None)[0].T @ directions
    expected = fitted.var(axis=0).sum() / path.var(axis=0).sum()
    assert plane.share_of_variance(path) == pytest.approx(expected)
    assert plane.share_of_variance(path[:1]) == 1  # nothing that it does not show


def test_two_parameters_span_a_plane_of_their_values():
    """The others stay."""
    model = network()
    origin = flat_parameters(model).astype(float)
    plane = plane_through(model, origin, (3, 60), None, 0)
    moved = plane.point(7.0, 8.0)
    assert (moved[3], moved[60]) == (7, 8)
    rest = np.delete(np.arange(len(origin)), [3, 60])
    np.testing.assert_array_equal(moved[rest], origin[rest])
    assert plane.labels == ("coefs_[0][0, 3]", "coefs_[2][2, 0]")


def test_every_parameter_has_its_name():
    """What stands there is its value."""
    model = network()
    origin = flat_parameters(model)
    for number, value in enumerate(origin):
        assert eval(f"model.{parameter_name(model, number)}") == value
    with pytest.raises(IndexError):
        parameter_name(model, len(origin))


@pytest.mark.parametrize(
    ("directions", "path", "message"),
    [
        ("random directions", None, "directions must be 'random', 'path', .* got 'random dir"),
        ([1.5, 2.5], None, r"directions must be .* \(2, 105\), got \[1.5, 2.5\]"),
        (np.zeros((2, 5)), None, r"\(2, 105\), got an array of shape \(2, 5\)"),
        (3, None, "directions must be .* got 3"),
        ((0, 105), None, "two different parameters from 0 to 104"),
        ((4, 4), None, "two different parameters"),
        ((-1, 4), None, "two different parameters"),
        (np.ones((2, 105)), None, "two finite nonzero vectors that are not parallel"),
        (np.zeros((2, 105)), None, "nonzero vectors that are not parallel"),
        (np.full((2, 105), np.nan), None, "two finite nonzero vectors"),
        ("path", None, "requires the path of training. Fit with a Trajectory"),
        (
            "path",
            np.eye(2, 105),
            "2 points of the path do not span a plane.*directions='random'",
        ),
        ("path", np.outer([1, 2, 5, 6], np.ones(105)), "The 4 points .* not on a line"),
        ("path", np.ones((5, 105)), "The 5 points of the path do not span a plane"),
    ],
)
def test_what_spans_no_plane_is_refused(directions, path, message):
    """With what is wanted."""
    model = network()
    origin = flat_parameters(model).astype(float)
    assert len(origin) == 105
    with pytest.raises(ValueError, match=message):
        plane_through(model, origin, directions, path, 0)


def test_weights_without_random_plane_are_refused():
    """All are zero, or there is one weight a unit and the draws are parallel."""
    model = network()
    for coef in model.coefs_:
        coef[:] = 0
    origin = flat_parameters(model).astype(float)
    with pytest.raises(ValueError, match=r"Filter normalisation does not give.*from 0 to 104"):
        plane_through(model, origin, "random", None, 0)
