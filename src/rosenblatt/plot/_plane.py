"""Planes through the space of a network's parameters, for LossSurfaceDisplay.

Nothing is drawn here. Vectors are flat, in the order of `Trajectory`.
"""

# SPDX-License-Identifier: BSD-3-Clause
from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh
from sklearn.utils import check_random_state

from rosenblatt._prediction import fitted_network

BLOCK = 2**16  # number of elements of a path that are converted to float64 at a time
PARALLEL = 1e-6  # sine of the angle below which two directions count as parallel


@dataclass(frozen=True)
class Plane:
    """The plane origin + a * directions[0] + b * directions[1].

    Attributes
    ----------
    origin : ndarray of shape (n_parameters,)
        The parameters of the estimator.
    directions : ndarray of shape (2, n_parameters)
        Two directions that are not parallel, of any length and angle.
    labels : tuple of two str
        The labels of the axes.
    shift : ndarray of shape (2,)
        Offset of the displayed coordinates from (a, b), so that axes can show parameter values.
    is_relative : bool
        Whether a step of 1 is as long as the weights.
    """

    origin: np.ndarray
    directions: np.ndarray
    labels: tuple
    shift: np.ndarray
    is_relative: bool = False

    def point(self, a, b):
        """The parameters at the displayed coordinates (a, b)."""
        a, b = a - self.shift[0], b - self.shift[1]
        return self.origin + a * self.directions[0] + b * self.directions[1]

    def coordinates(self, path):
        """The displayed coordinates of the projected path, of shape (n_points, 2)."""
        gram = self.directions @ self.directions.T
        products = np.array([self.directions @ (point - self.origin) for point in path])
        return np.linalg.solve(gram, products.T).T + self.shift

    def share_of_variance(self, path):
        """The fraction of the path's variance around its mean that lies in the plane."""
        orthonormal = np.linalg.qr(self.directions.T)[0].T
        mean = np.mean(path, axis=0, dtype=float)
        seen = total = 0.0
        for point in path:
            away = point - mean
            seen += float(np.sum((orthonormal @ away) ** 2))
            total += float(away @ away)
        return min(1.0, seen / total) if total > 0 else 1.0


def plane_through(estimator, origin, directions, path, random_state):
    """The plane given by `directions` of LossSurfaceDisplay.from_estimator.

    Raises
    ------
    ValueError
        If `directions` is invalid or does not span a plane.
    """
    if directions is None:
        directions = "random" if path is None else "path"
    if isinstance(directions, str) and directions == "random":
        return _random(estimator, origin, random_state)
    if isinstance(directions, str) and directions == "path":
        return _by_path(origin, path)
    vectors = np.asarray(directions)
    if vectors.shape == (2,) and np.issubdtype(vectors.dtype, np.integer):
        return _of_two_parameters(estimator, origin, vectors)
    if vectors.shape != (2, len(origin)) or vectors.dtype.kind not in "fiu":
        _refuse(directions, len(origin))
    vectors = vectors.astype(float)
    if not np.isfinite(vectors).all() or are_parallel(vectors):
        raise ValueError("directions must be two finite nonzero vectors that are not parallel.")
    return Plane(origin, vectors, ("first direction", "second direction"), np.zeros(2))


def _refuse(directions, n_parameters):
    shape = np.shape(directions)
    given = f"an array of shape {shape}" if len(shape) == 2 else repr(directions)
    raise ValueError(
        "directions must be 'random', 'path', the indices of two parameters or an array of shape "
        f"(2, {n_parameters}), got {given}."
    )


def are_parallel(directions):
    """Whether two vectors do not span a plane."""
    norms = np.linalg.norm(directions, axis=1)
    if not norms.all():
        return True
    first, second = directions / norms[:, None]
    return bool(np.linalg.norm(second - (first @ second) * first) < PARALLEL)


def _random(estimator, origin, random_state):
    """Filter-normalised random directions that do not change intercepts, scales and shifts."""
    random_state = check_random_state(random_state)
    layers = [np.asarray(coef, dtype=float) for coef in estimator.coefs_]
    drawn = [[random_state.normal(size=coef.shape) for coef in layers] for _ in range(2)]
    directions, start = np.zeros((2, len(origin))), 0
    for coef, first, second in zip(layers, *drawn, strict=True):
        if len(coef) > 1:  # a unit with a single weight has only one direction
            second -= first * ((first * second).sum(axis=0) / (first * first).sum(axis=0))
        for direction, values in zip(directions, (first, second), strict=True):
            # the weights of a unit, a column, are its filter
            scale = np.linalg.norm(coef, axis=0) / np.linalg.norm(values, axis=0)
            direction[start : start + coef.size] = (values * scale).ravel()
        start += coef.size
    if are_parallel(directions):
        raise ValueError(
            "Filter normalisation does not give a plane because all weights are 0 or each unit has "
            "a single weight. Pass directions: the indices of two parameters from 0 to "
            f"{len(origin) - 1} or an array of shape (2, {len(origin)})."
        )
    labels = ("first random direction", "second random direction")
    return Plane(origin, directions, labels, np.zeros(2), is_relative=True)


def _by_path(origin, path):
    """The two principal directions of a path, of length 1."""
    if path is None:
        raise ValueError(
            "directions='path' requires the path of training. Fit with a Trajectory among the "
            "callbacks, or pass path."
        )
    path = np.asarray(path)
    gram = np.zeros((len(path), len(path)))
    for block, _ in _centred_blocks(path):
        gram += block @ block.T
    n = len(path)
    variances, vectors = eigh(gram, subset_by_index=[max(n - 2, 0), n - 1])
    if n < 3 or variances[0] <= PARALLEL**2 * variances[1]:
        raise ValueError(
            f"The {n} points of the path do not span a plane; directions='path' requires three "
            "points that are not on a line. directions='random' needs no path."
        )
    variances, vectors = variances[::-1], vectors[:, ::-1].T  # the largest first
    vectors *= np.sign(vectors[:, -1:]) + (
        vectors[:, -1:] == 0
    )  # signs are chosen so that the path ends at the upper right
    directions = np.empty((2, len(origin)))
    for block, columns in _centred_blocks(path):
        directions[:, columns] = vectors @ block
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    shares = variances / np.trace(gram)
    labels = tuple(
        f"{name} principal direction ({percent(share)})"
        for name, share in zip(("first", "second"), shares, strict=True)
    )
    return Plane(origin, directions, labels, np.zeros(2))


def _centred_blocks(path):
    """Yield (centred points in float64, slice) for blocks of parameters."""
    for start in range(0, path.shape[1], BLOCK):
        columns = slice(start, min(start + BLOCK, path.shape[1]))
        block = path[:, columns].astype(float)
        yield block - block.mean(axis=0), columns


def _of_two_parameters(estimator, origin, numbers):
    """A plane in which only two parameters vary; the axes show their values."""
    n_parameters = len(origin)
    if numbers[0] == numbers[1] or numbers.min() < 0 or numbers.max() >= n_parameters:
        raise ValueError(
            f"directions={numbers.tolist()} must be two different parameters from 0 to "
            f"{n_parameters - 1}."
        )
    directions = np.zeros((2, n_parameters))
    directions[[0, 1], numbers] = 1
    labels = tuple(parameter_name(estimator, int(number)) for number in numbers)
    return Plane(origin, directions, labels, origin[numbers])


def percent(share):
    """A fraction as a percentage, 'less than 1%' if it would round to 0."""
    return "less than 1%" if share < 0.005 else f"{share:.0%}"


def parameter_name(estimator, number):
    """The attribute and the indices of a flat parameter, e.g. 'coefs_[0][2, 1]'."""
    for entry in fitted_network(estimator).architecture.learned:
        if number < entry.size:
            indices = ", ".join(str(i) for i in np.unravel_index(number, entry.shape))
            return f"{entry.attribute}[{entry.layer}][{indices}]"
        number -= entry.size
    raise IndexError(number)
