"""Eigenvalues of a large symmetric matrix from its products with vectors: Lanczos's method.

Linear algebra alone: a matrix is a function `product` from a vector to a vector and its size.
Nothing here knows of networks; _hessian.py does.
"""

# SPDX-License-Identifier: BSD-3-Clause
import numpy as np
from scipy.linalg import eigh_tridiagonal
from scipy.sparse.linalg import LinearOperator, eigsh

# below this the whole matrix is cheaper than a search for some of its eigenvalues
SMALL = 500

# What ARPACK's residuals may be, relative to twice the largest magnitude. An eigenvalue is as near
# to a true one, and nearer by the square where it stands apart. At 1e-6 the edge of a dense bulk
# took fifty times as many products.
RESIDUAL = 1e-5


def lanczos(product, start, n_steps):
    """The tridiagonal matrix that the first steps from a start vector see.

    Every new vector is made orthogonal to all before it, twice: without, rounding makes copies
    of the extreme eigenvalues. That takes n_steps vectors of memory.

    Parameters
    ----------
    product : callable
        From a vector of shape (n,) to the matrix's product with it.
    start : ndarray of shape (n,)
    n_steps : int
        At most; fewer where the steps have seen all that they can from this start.

    Returns
    -------
    diagonal, off_diagonal : ndarray of shape (m,), (m - 1,)
    """
    n_steps = min(n_steps, len(start))
    basis = np.empty((n_steps, len(start)))
    diagonal, off_diagonal = np.empty(n_steps), np.empty(n_steps)
    basis[0] = start / np.linalg.norm(start)
    for j in range(n_steps):
        vector = product(basis[j])
        diagonal[j] = basis[j] @ vector
        known = basis[: j + 1]
        for _ in range(2):
            vector = vector - (known @ vector) @ known
        off_diagonal[j] = np.linalg.norm(vector)
        scale = np.abs(diagonal[: j + 1]).max() + off_diagonal[: j + 1].max()
        # what is left is rounding: the basis spans an invariant space
        if j + 1 == n_steps or off_diagonal[j] <= len(start) * np.finfo(float).eps * scale:
            break
        basis[j + 1] = vector / off_diagonal[j]
    return diagonal[: j + 1], off_diagonal[:j]


def stochastic_quadrature(product, n, n_probes, n_steps, random_state):
    """Nodes and weights that stand for the distribution of the eigenvalues.

    Stochastic Lanczos quadrature: for a random vector v of length 1 the nodes and weights of the
    Gauss rule of v^T f(A) v, whose mean over v is the mean of f over the eigenvalues.

    Parameters
    ----------
    product, n : callable, int
        The matrix.
    n_probes, n_steps : int
        Random vectors of signs, and Lanczos steps from each.
    random_state : RandomState

    Returns
    -------
    nodes, weights : list of ndarray
        For every random vector; its weights sum to 1.
    coarse : list of (nodes, weights)
        The same of the first three quarters of the steps, to see what the others changed.
    traces : ndarray of shape (n_probes,)
        n v^T A v of each: independent estimates of the trace (Hutchinson).
    """
    rules, coarse, traces = [], [], np.empty(n_probes)
    for i in range(n_probes):
        signs = random_state.randint(0, 2, size=n) * 2.0 - 1.0
        diagonal, off_diagonal = lanczos(product, signs, n_steps)
        rules.append(_gauss_rule(diagonal, off_diagonal))
        fewer = -(-3 * len(diagonal) // 4)
        coarse.append(_gauss_rule(diagonal[:fewer], off_diagonal[: fewer - 1]))
        traces[i] = n * diagonal[0]
    nodes, weights = map(list, zip(*rules, strict=True))
    return nodes, weights, coarse, traces


def _gauss_rule(diagonal, off_diagonal):
    values, vectors = eigh_tridiagonal(diagonal, off_diagonal)
    return values, vectors[0] ** 2


def smoothed_density(nodes, weights, n_points=1000):
    """The mean distribution of the nodes with every one widened to a normal curve.

    The curve's standard deviation is a hundredth of the nodes' range.

    Returns
    -------
    grid, density : ndarray of shape (n_points,)
        The density integrates to 1 over the grid, which reaches four deviations beyond.
    """
    low = min(values[0] for values in nodes)
    high = max(values[-1] for values in nodes)
    width = (high - low) / 100 or abs(high) / 100 or 1.0
    grid = np.linspace(low - 4 * width, high + 4 * width, n_points)
    density = np.zeros(n_points)
    for values, shares in zip(nodes, weights, strict=True):
        distance = (grid[:, np.newaxis] - values) / width
        density += np.exp(-0.5 * distance**2) @ shares
    return grid, density / (len(nodes) * width * np.sqrt(2 * np.pi))


def dense(product, n):
    """The matrix itself, from its products with the unit vectors; exactly symmetric."""
    matrix, unit = np.empty((n, n)), np.zeros(n)
    for i in range(n):
        unit[i] = 1.0
        matrix[i] = product(unit)
        unit[i] = 0.0
    matrix += matrix.T
    matrix *= 0.5
    return matrix


def extreme_eigenpairs(product, n, n_lowest, n_highest, random_state):
    """Eigenvalues at the ends of the spectrum, and their eigenvectors.

    Each is looked for by itself, from a new random vector, with those found before moved out of
    the way: a single search sees an eigenvalue of higher multiplicity once, and dead units give a
    Hessian many zeros.

    Parameters
    ----------
    product, n : callable, int
        The matrix.
    n_lowest, n_highest : int
        How many from each end, together at most n.
    random_state : RandomState

    Returns
    -------
    eigenvalues : ndarray of shape (n_lowest + n_highest,)
        Ascending.
    eigenvectors : ndarray of shape (n, n_lowest + n_highest)
        Their columns.

    Raises
    ------
    ArpackNoConvergence
        Where they are not found within ARPACK's limit of steps.
    """
    if n <= max(SMALL, 2 * (n_lowest + n_highest)):
        values, vectors = np.linalg.eigh(dense(product, n))
        chosen = np.r_[0:n_lowest, n - n_highest : n]
        return values[chosen], vectors[:, chosen]
    low, low_vectors = _lowest(product, n, n_lowest, random_state)
    high, high_vectors = _lowest(lambda v: -product(v), n, n_highest, random_state)
    values = np.concatenate([low, -high[::-1]])
    return values, np.concatenate([low_vectors, high_vectors[::-1]]).T


def _lowest(product, n, k, random_state):
    """The k lowest eigenvalues, ascending, and their vectors as rows, by ARPACK.

    Residuals are asked for relative to the eigenvalue, which one at zero never meets. So ARPACK
    is given A / c + I, with c twice the largest magnitude; those found are moved up by 4.
    """
    values, vectors = np.empty(k), np.empty((k, n))
    scale = 2 * _rough_norm(product, random_state.standard_normal(n)) if k else 0.0
    for i in range(k):
        known = vectors[:i]

        def shifted(v, known=known):
            v = v.ravel()
            return product(v) / scale + v + 4 * ((known @ v) @ known)

        start = random_state.standard_normal(n)
        if scale == 0:  # the matrix is zero: every vector is an eigenvector
            values[i], vectors[i] = 0.0, _orthogonal(start, known)
            continue
        operator = LinearOperator((n, n), matvec=shifted, dtype=float)
        value, vector = eigsh(operator, k=1, which="SA", v0=start, tol=RESIDUAL)
        values[i], vectors[i] = (value[0] - 1) * scale, vector[:, 0]
    order = np.argsort(values)
    return values[order], vectors[order]


def _rough_norm(product, start):
    """The largest magnitude of the eigenvalues, seldom a quarter too low: a few Lanczos steps."""
    diagonal, off_diagonal = lanczos(product, start, 12)
    return np.abs(eigh_tridiagonal(diagonal, off_diagonal, eigvals_only=True)).max()


def _orthogonal(vector, known):
    vector = vector - (known @ vector) @ known
    return vector / np.linalg.norm(vector)
