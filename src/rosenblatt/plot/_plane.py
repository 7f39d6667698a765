"""Planes through the space of a network's parameters, for LossSurfaceDisplay to look at.

Arithmetic alone, nothing is drawn here. Vectors are flat, in the order of `Trajectory`.
"""

# SPDX-License-Identifier: BSD-3-Clause
from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh
from sklearn.utils import check_random_state

from rosenblatt._prediction import fitted_network

BLOCK = 2**16  # parameters of a path that are turned into float64 together
PARALLEL = 1e-6  # sine of the angle below which two directions are one


@dataclass(frozen=True)
class Plane:
    """origin + a * directions[0] + b * directions[1].

    Attributes
    ----------
    origin : ndarray of shape (n_parameters,)
        Where the estimator is.
    directions : ndarray of shape (2, n_parameters)
        Not parallel; of any length and angle.
    labels : tuple of two str
        What the axes of the picture are called.
    shift : ndarray of shape (2,)
        Added to (a, b) where they are shown: two parameters are shown by their values.
    is_relative : bool
        Whether 1 is a step as long as the weights.
    """

    origin: np.ndarray
    directions: np.ndarray
    labels: tuple
    shift: np.ndarray
    is_relative: bool = False

    def point(self, a, b):
        """The parameters at what is shown as (a, b)."""
        a, b = a - self.shift[0], b - self.shift[1]
        return self.origin + a * self.directions[0] + b * self.directions[1]

    def coordinates(self, path):
        """(n_points, 2): where the point of the plane lies that is nearest to each of the path."""
        gram = self.directions @ self.directions.T
        products = np.array([self.directions @ (point - self.origin) for point in path])
        return np.linalg.solve(gram, products.T).T + self.shift

    def share_of_variance(self, path):
        """How much of the path's variance around its mean lies along the plane, from 0 to 1."""
        orthonormal = np.linalg.qr(self.directions.T)[0].T
        mean = np.mean(path, axis=0, dtype=float)
        seen = total = 0.0
        for point in path:
            away = point - mean
            seen += float(np.sum((orthonormal @ away) ** 2))
            total += float(away @ away)
        return min(1.0, seen / total) if total > 0 else 1.0


def plane_through(estimator, origin, directions, path, random_state):
    """The plane that `directions` of LossSurfaceDisplay.from_estimator asks for.

    Raises
    ------
    ValueError
        If it is none of those, or spans no plane.
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
        raise ValueError("directions must be two finite vectors that are not parallel, nor 0.")
    return Plane(origin, vectors, ("first direction", "second direction"), np.zeros(2))


def _refuse(directions, n_parameters):
    shape = np.shape(directions)
    given = f"an array of shape {shape}" if len(shape) == 2 else repr(directions)
    raise ValueError(
        "directions must be 'random', 'path', the numbers of two parameters or an array of shape "
        f"(2, {n_parameters}), got {given}."
    )


def are_parallel(directions):
    """Whether two vectors span no plane."""
    norms = np.linalg.norm(directions, axis=1)
    if not norms.all():
        return True
    first, second = directions / norms[:, None]
    return bool(np.linalg.norm(second - (first @ second) * first) < PARALLEL)


def _random(estimator, origin, random_state):
    """Filter-normalised random directions, in which intercepts, scales and shifts stay."""
    random_state = check_random_state(random_state)
    layers = [np.asarray(coef, dtype=float) for coef in estimator.coefs_]
    drawn = [[random_state.normal(size=coef.shape) for coef in layers] for _ in range(2)]
    directions, start = np.zeros((2, len(origin))), 0
    for coef, first, second in zip(layers, *drawn, strict=True):
        if len(coef) > 1:  # a unit with one weight has one direction only
            second -= first * ((first * second).sum(axis=0) / (first * first).sum(axis=0))
        for direction, values in zip(directions, (first, second), strict=True):
            # the weights of a unit, a column, are its filter
            scale = np.linalg.norm(coef, axis=0) / np.linalg.norm(values, axis=0)
            direction[start : start + coef.size] = (values * scale).ravel()
        start += coef.size
    if are_parallel(directions):
        raise ValueError(
            "filter normalisation leaves no plane: weights are 0, or each unit has one. Pass "
            f"directions, the numbers of two parameters from 0 to {len(origin) - 1} or an array "
            f"of shape (2, {len(origin)})."
        )
    labels = ("first random direction", "second random direction")
    return Plane(origin, directions, labels, np.zeros(2), is_relative=True)


def _by_path(origin, path):
    """The two principal directions of a path, of length 1."""
    if path is None:
        raise ValueError(
            "directions='path' needs the path of the training: fit with a Trajectory among the "
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
            f"the {n} points of the path span no plane: directions='path' needs three "
            "that are not on a line. directions='random' does without."
        )
    variances, vectors = variances[::-1], vectors[:, ::-1].T  # the largest first
    vectors *= np.sign(vectors[:, -1:]) + (
        vectors[:, -1:] == 0
    )  # the path ends on the right, above
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
    """(points less their mean, float64, slice) of so many parameters at once."""
    for start in range(0, path.shape[1], BLOCK):
        columns = slice(start, min(start + BLOCK, path.shape[1]))
        block = path[:, columns].astype(float)
        yield block - block.mean(axis=0), columns


def _of_two_parameters(estimator, origin, numbers):
    """Where all others stay; the axes show their values."""
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
    """A share of 1, in words where it would round to nothing."""
    return "less than 1%" if share < 0.005 else f"{share:.0%}"


def parameter_name(estimator, number):
    """The attribute and the indices of one of the flat parameters, 'coefs_[0][2, 1]' say."""
    for entry in fitted_network(estimator).architecture.learned:
        if number < entry.size:
            indices = ", ".join(str(i) for i in np.unravel_index(number, entry.shape))
            return f"{entry.attribute}[{entry.layer}][{indices}]"
        number -= entry.size
    raise IndexError(number)
