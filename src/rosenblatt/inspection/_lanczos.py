"""Eigenvalues of a large symmetric matrix from its products with vectors: Lanczos's method.

A matrix is given by a function `product`, which multiplies a vector by it, and its size. The
linear algebra here does not depend on networks; see _hessian.py.
"""

# SPDX-License-Identifier: BSD-3-Clause
import numpy as np
from scipy.linalg import eigh_tridiagonal
from scipy.sparse.linalg import LinearOperator, eigsh

# below this size, the full eigendecomposition is cheaper than the search for some eigenvalues
SMALL = 500

# The tolerance of ARPACK's residuals, relative to twice the largest magnitude. It bounds the error
# of an eigenvalue; the error of an isolated eigenvalue is quadratically smaller. With 1e-6 the edge
# of a dense bulk took fifty times as many products.
RESIDUAL = 1e-5


def lanczos(product, start, n_steps):
    """The tridiagonal matrix of the Lanczos iteration from a start vector.

    Each new vector is orthogonalised twice against all previous ones. Otherwise rounding would
    create copies of the extreme eigenvalues. This requires memory for n_steps vectors.

    Parameters
    ----------
    product : callable
        Maps a vector of shape (n,) to its product with the matrix.
    start : ndarray of shape (n,)
    n_steps : int
        Maximum number of steps. The iteration ends early in an invariant subspace.

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
        # the remainder is rounding error: the basis spans an invariant subspace
        if j + 1 == n_steps or off_diagonal[j] <= len(start) * np.finfo(float).eps * scale:
            break
        basis[j + 1] = vector / off_diagonal[j]
    return diagonal[: j + 1], off_diagonal[:j]


def stochastic_quadrature(product, n, n_probes, n_steps, random_state):
    """Nodes and weights that approximate the distribution of the eigenvalues.

    In stochastic Lanczos quadrature, each random unit vector v gives the nodes and weights of the
    Gauss rule for v^T f(A) v. Its mean over v is the mean of f over the eigenvalues.

    Parameters
    ----------
    product, n : callable, int
        The matrix.
    n_probes, n_steps : int
        Number of random sign vectors, and of Lanczos steps from each.
    random_state : RandomState

    Returns
    -------
    nodes, weights : list of ndarray
        The rule of each random vector; its weights sum to 1.
    coarse : list of (nodes, weights)
        The same after three quarters of the steps, to estimate the error.
    traces : ndarray of shape (n_probes,)
        n v^T A v for each vector: independent Hutchinson estimates of the trace.
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
    """The mean distribution of the nodes, each smoothed by a Gaussian.

    The standard deviation of the Gaussian is a hundredth of the range of the nodes.

    Returns
    -------
    grid, density : ndarray of shape (n_points,)
        The density integrates to 1 over the grid, which extends four standard deviations beyond
        the nodes.
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
    """The matrix, from its products with the unit vectors; exactly symmetric."""
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

    Each is searched for separately, from a new random vector, after deflation of the ones found
    before. A single search would find an eigenvalue of higher multiplicity only once, and dead
    units give a Hessian many zero eigenvalues.

    Parameters
    ----------
    product, n : callable, int
        The matrix.
    n_lowest, n_highest : int
        Number of eigenvalues from each end, at most n in total.
    random_state : RandomState

    Returns
    -------
    eigenvalues : ndarray of shape (n_lowest + n_highest,)
        In ascending order.
    eigenvectors : ndarray of shape (n, n_lowest + n_highest)
        The eigenvectors, as columns.

    Raises
    ------
    ArpackNoConvergence
        If ARPACK reaches its limit of steps.
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
    """The k lowest eigenvalues, ascending, and their eigenvectors as rows, by ARPACK.

    ARPACK's tolerance is relative to the eigenvalue, so an eigenvalue of zero would never
    converge. ARPACK is therefore applied to A / c + I, with c twice the largest magnitude.
    Eigenvalues found before are shifted up by 4.
    """
    values, vectors = np.empty(k), np.empty((k, n))
    scale = 2 * _rough_norm(product, random_state.standard_normal(n)) if k else 0.0
    for i in range(k):
        known = vectors[:i]

        def shifted(v, known=known):
            v = v.ravel()
            return product(v) / scale + v + 4 * ((known @ v) @ known)

        start = random_state.standard_normal(n)
        if scale == 0:  # the matrix is zero, and every vector is an eigenvector
            values[i], vectors[i] = 0.0, _orthogonal(start, known)
            continue
        operator = LinearOperator((n, n), matvec=shifted, dtype=float)
        value, vector = eigsh(operator, k=1, which="SA", v0=start, tol=RESIDUAL)
        values[i], vectors[i] = (value[0] - 1) * scale, vector[:, 0]
    order = np.argsort(values)
    return values[order], vectors[order]


def _rough_norm(product, start):
    """The largest magnitude of the eigenvalues, by a few Lanczos steps; rarely 25 % too low."""
    diagonal, off_diagonal = lanczos(product, start, 12)
    return np.abs(eigh_tridiagonal(diagonal, off_diagonal, eigvals_only=True)).max()


def _orthogonal(vector, known):
    vector = vector - (known @ vector) @ known
    return vector / np.linalg.norm(vector)
