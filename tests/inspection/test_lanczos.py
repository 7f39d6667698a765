"""Lanczos's method and functions based on it, on matrices with known eigenvalues."""

import numpy as np
import pytest

from rosenblatt.inspection import _lanczos


def matrix_with(eigenvalues, seed=0):
    """A dense symmetric matrix with the given eigenvalues, in random directions."""
    rng = np.random.RandomState(seed)
    Q, _ = np.linalg.qr(rng.standard_normal((len(eigenvalues), len(eigenvalues))))
    return (Q * eigenvalues) @ Q.T


def reflected(eigenvalues, seed=0):
    """The product with a large matrix of these eigenvalues: diagonal between two reflections."""
    axis = np.random.RandomState(seed).standard_normal(len(eigenvalues))
    axis /= np.linalg.norm(axis)

    def product(v):
        v = eigenvalues * (v - 2 * (axis @ v) * axis)
        return v - 2 * (axis @ v) * axis

    return product


# what Hessians of networks have: a bulk near zero of both signs, a few that stand apart
BULK = np.random.RandomState(1).laplace(scale=1e-3, size=600)
SPECTRA = {
    "bulk": np.sort([-0.3, -0.1, *BULK, 1.0, 2.0, 5.0]),
    "many zeros": np.r_[np.zeros(600), 0.5, 1.0, 2.0, 5.0],
    "negative": np.r_[-5.0, -3.0, -2.0, np.linspace(-1.5, -1, 600)],
    "uniform": np.linspace(-1, 1, 601),
    "small": np.array([-2.0, -1.0, 0.0, 0.0, 0.5, 3.0]),
    "tiny": 1e-12 * np.r_[-3, np.linspace(-1, 1, 600), 2, 4],
    "huge": 1e12 * np.r_[-3, np.linspace(-1, 1, 600), 2, 4],
}


@pytest.mark.parametrize("name", SPECTRA)
@pytest.mark.parametrize(("n_lowest", "n_highest"), [(1, 1), (3, 3), (0, 2), (2, 0)])
def test_extreme_eigenvalues_of_known_spectra(name, n_lowest, n_highest):
    """Each as often as it occurs, to the residual asked for, and with its eigenvector."""
    spectrum = SPECTRA[name]
    n, product = len(spectrum), reflected(spectrum)
    values, vectors = _lanczos.extreme_eigenpairs(
        product, n, n_lowest, n_highest, np.random.RandomState(0)
    )
    scale = np.abs(spectrum).max()
    expected = np.r_[spectrum[:n_lowest], spectrum[n - n_highest :]]
    # residuals are relative to twice the largest magnitude, plus that again for the shift
    tolerance = 4 * _lanczos.RESIDUAL * scale
    np.testing.assert_allclose(values, expected, rtol=0, atol=tolerance)
    for value, vector in zip(values, vectors.T, strict=True):
        assert np.linalg.norm(vector) == pytest.approx(1, rel=1e-6)
        assert np.linalg.norm(product(vector) - value * vector) < tolerance


@pytest.mark.parametrize("n", [3, 700])
def test_a_matrix_of_zeros_has_zeros_for_eigenvalues(n):
    """And any orthogonal vectors."""
    values, vectors = _lanczos.extreme_eigenpairs(
        lambda v: 0 * v, n, 1, 2, np.random.RandomState(0)
    )
    np.testing.assert_array_equal(values, 0)
    assert np.linalg.norm(vectors[:, 1:].T @ vectors[:, 1:] - np.eye(2)) < 1e-12


def test_lanczos_finds_all_eigenvalues_of_a_small_matrix():
    """As many steps as rows give a tridiagonal matrix with the same eigenvalues."""
    spectrum = np.array([-1.0, 0.0, 0.25, 2.0, 7.0])
    A = matrix_with(spectrum)
    diagonal, off_diagonal = _lanczos.lanczos(lambda v: A @ v, np.ones(5), 50)
    T = np.diag(diagonal) + np.diag(off_diagonal, 1) + np.diag(off_diagonal, -1)
    np.testing.assert_allclose(np.linalg.eigvalsh(T), spectrum, atol=1e-13)


def test_lanczos_stops_where_there_is_nothing_more_to_see():
    """Three distinct eigenvalues take three steps, however large the matrix."""
    A = matrix_with(np.repeat([0.0, 1.0, 3.0], 20))
    diagonal, off_diagonal = _lanczos.lanczos(lambda v: A @ v, np.ones(60), 50)
    assert (len(diagonal), len(off_diagonal)) == (3, 2)


def test_lanczos_keeps_its_vectors_orthogonal():
    """Without that the eigenvalue that stands apart would come again and again."""
    spectrum = np.r_[np.linspace(0, 1, 999), 1000.0]
    diagonal, off_diagonal = _lanczos.lanczos(reflected(spectrum), np.ones(1000), 100)
    T = np.diag(diagonal) + np.diag(off_diagonal, 1) + np.diag(off_diagonal, -1)
    found = np.linalg.eigvalsh(T)
    assert found[-1] == pytest.approx(1000)
    assert found[-2] < 1 + 1e-9


@pytest.mark.parametrize("name", ["bulk", "uniform", "negative"])
def test_quadrature_gives_the_moments_of_the_spectrum(name):
    """Means of f over the eigenvalues, within three standard errors of the probes."""
    spectrum = SPECTRA[name]
    n = len(spectrum)
    nodes, weights, coarse, traces = _lanczos.stochastic_quadrature(
        reflected(spectrum), n, 40, 60, np.random.RandomState(0)
    )
    for shares in (*weights, *(pair[1] for pair in coarse)):
        assert shares.sum() == pytest.approx(1, rel=1e-12)
    assert {len(values) for values, _ in coarse} == {45}
    for function in (lambda t: t, np.square, lambda t: np.exp(-np.abs(t))):
        estimates = [w @ function(t) for t, w in zip(nodes, weights, strict=True)]
        error = np.std(estimates, ddof=1) / np.sqrt(len(estimates))
        assert abs(np.mean(estimates) - function(spectrum).mean()) < 3 * error
    error = traces.std(ddof=1) / np.sqrt(40)
    assert abs(traces.mean() - spectrum.sum()) < 3 * error


def test_hutchinson_is_exact_on_a_diagonal_matrix():
    """Signs squared are 1: only elements off the diagonal bring variance."""
    diagonal = np.arange(1.0, 6.0)
    *_, traces = _lanczos.stochastic_quadrature(
        lambda v: diagonal * v, 5, 3, 5, np.random.RandomState(0)
    )
    np.testing.assert_allclose(traces, 15, rtol=1e-14)


def test_error_of_the_trace_is_what_repetitions_spread_by():
    """The standard error over 10 probes, on average, against the spread of 300 estimates."""
    A = matrix_with(np.r_[np.zeros(28), 1.0, 4.0])
    variance = 2 * (np.sum(A**2) - np.sum(np.diag(A) ** 2))  # of one probe, of signs
    rng = np.random.RandomState(0)
    estimates, errors = [], []
    for _ in range(300):
        *_, traces = _lanczos.stochastic_quadrature(lambda v: A @ v, 30, 10, 1, rng)
        estimates.append(traces.mean())
        errors.append(traces.var(ddof=1) / 10)
    # a variance from 300 values is good to 8 %
    assert np.var(estimates) == pytest.approx(variance / 10, rel=0.25)
    assert np.mean(errors) == pytest.approx(variance / 10, rel=0.25)


@pytest.mark.parametrize("name", SPECTRA)
def test_density_integrates_to_one_and_follows_the_eigenvalues(name):
    """Its distribution function against the eigenvalues counted, a few widths apart."""
    spectrum = SPECTRA[name]
    n = len(spectrum)
    nodes, weights, _, _ = _lanczos.stochastic_quadrature(
        reflected(spectrum), n, 10, 80, np.random.RandomState(0)
    )
    grid, density = _lanczos.smoothed_density(nodes, weights)
    distribution = np.cumsum(density) * (grid[1] - grid[0])
    assert distribution[-1] == pytest.approx(1, rel=1e-3)
    if n > 100:
        # kernel and quadrature both blur by about a hundredth of the range
        blur = 3 * (spectrum.max() - spectrum.min()) / 100
        counted = np.searchsorted(np.sort(spectrum), [grid - blur, grid + blur]) / n
        assert np.all(distribution > counted[0] - 0.02)
        assert np.all(distribution < counted[1] + 0.02)


def test_dense_is_the_matrix_itself():
    """And symmetric to the bit."""
    A = matrix_with(np.array([-1.0, 2.0, 3.0]))
    found = _lanczos.dense(lambda v: A @ v, 3)
    np.testing.assert_allclose(found, A, atol=1e-15)
    np.testing.assert_array_equal(found, found.T)
