"""The Hessian of the training loss: the matrix for small networks, its spectrum for others.

Hessian products come from _objective.py; the linear algebra is in _lanczos.py.
"""

# SPDX-License-Identifier: BSD-3-Clause
import contextlib
from dataclasses import dataclass, field
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from rosenblatt._parameter_checks import Interval, validate_values
from rosenblatt._progress import open_bar
from rosenblatt._types import Array, Matrix, RandomState
from rosenblatt.inspection._lanczos import (
    dense,
    extreme_eigenpairs,
    smoothed_density,
    stochastic_quadrature,
)
from rosenblatt.inspection._objective import Objective

# Number of parameters up to which the Hessian is computed as a matrix: it takes 72 MB, and its
# eigenvalues about three seconds on one processor.
DENSE_LIMIT = 3000


def hessian(estimator: Any, X: Matrix, y: Matrix, *, intercepts: bool = True) -> Array:
    """Compute the Hessian matrix of the training loss.

    The loss is the mean loss over (X, y) plus the penalty, as in `loss`. The matrix is computed by
    Hessian products with the unit vectors. It is exact up to rounding, and symmetric. For a
    piecewise-linear activation, each row contributes the Hessian of the linear piece that it is
    on.

    Parameters
    ----------
    estimator : MLPClassifier, MLPRegressor, or a Pipeline or search with one inside
        A fitted network; the current values of `coefs_` and `intercepts_` are used.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
    intercepts : bool, default=True
        Whether all parameters vary, or only `coefs_`.

    Returns
    -------
    hessian : ndarray of shape (n_parameters, n_parameters), float64
        The Hessian. Parameters are in the order of `gradient`: coefs_, intercepts_, scales, shifts.

    Raises
    ------
    ValueError
        For more than 3000 parameters. Use `hessian_spectrum` instead.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from rosenblatt import MLPClassifier
    >>> from rosenblatt.inspection import hessian
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier((5,), random_state=0, solver="lbfgs", alpha=0.1).fit(X, y)
    >>> hessian(model, X, y).shape
    (43, 43)
    """
    objective = Objective(estimator, X, y, intercepts=intercepts)
    n = objective.n_parameters
    if n > DENSE_LIMIT:
        raise ValueError(
            f"The Hessian of {n} parameters has {n} x {n} elements; it is computed for up to "
            f"{DENSE_LIMIT} parameters. hessian_spectrum(estimator, X, y) estimates its extreme "
            "eigenvalues, trace and density without the matrix."
        )
    return dense(objective.hessian_vector_product, n)


@dataclass(frozen=True, repr=False)
class Spectrum:
    """Estimates of the eigenvalues of a Hessian from Hessian-vector products.

    Attributes
    ----------
    n_parameters : int
        The number of eigenvalues.
    eigenvalues : ndarray of shape (k,)
        The extreme eigenvalues in ascending order, half of them from each end of the spectrum.
    trace, trace_error : float
        The estimated sum of all eigenvalues, and its standard error over the probes.
    density_grid, density : ndarray of shape (1000,)
        The grid, and the density of eigenvalues on it, which integrates to 1. Every node of the
        quadrature is smoothed by a Gaussian whose standard deviation is 1 % of the range of the
        spectrum.
    nodes, weights : list of ndarray
        The quadrature rule of each probe. Weights are fractions of the eigenvalues.
    coarse : list of (ndarray, ndarray)
        Nodes and weights after three quarters of the steps.
    """

    n_parameters: int
    eigenvalues: np.ndarray
    trace: float
    trace_error: float
    density_grid: np.ndarray
    density: np.ndarray
    nodes: list = field(repr=False)
    weights: list = field(repr=False)
    coarse: list = field(repr=False, default=())

    def share(self, low: float, high: float) -> float:
        """The fraction of eigenvalues in (low, high], and its standard error.

        The error combines two parts in quadrature: the standard error over the probes, and the
        change by the last quarter of the Lanczos steps, which measures how well the nodes resolve
        a bulk of eigenvalues around `low` or `high`. More steps reduce the second part.

        Parameters
        ----------
        low, high : float

        Returns
        -------
        share, error : float
        """
        rules = list(zip(self.nodes, self.weights, strict=True))
        share, error = _mean_and_error([_share(*rule, low, high) for rule in rules])
        changes = [
            _share(*rule, low, high) - _share(*fewer, low, high)
            for rule, fewer in zip(rules, self.coarse, strict=False)
        ]
        return share, float(np.hypot(error, np.mean(changes or [0.0])))

    def __str__(self):
        half = len(self.eigenvalues) // 2
        lowest = ", ".join(f"{value:.4g}" for value in self.eigenvalues[:half])
        highest = ", ".join(f"{value:.4g}" for value in self.eigenvalues[half:])
        return (
            f"Spectrum of the Hessian of {self.n_parameters} parameters\n"
            f"  lowest eigenvalues   {lowest or '-'}\n"
            f"  highest eigenvalues  {highest}\n"
            f"  trace                {self.trace:.4g} +- {self.trace_error:.2g}"
        )

    __repr__ = __str__


def _share(nodes, weights, low, high):
    return weights[(nodes > low) & (nodes <= high)].sum()


def hessian_spectrum(
    estimator: Any,
    X: Matrix,
    y: Matrix,
    k: int = 6,
    *,
    intercepts: bool = True,
    n_probes: int = 10,
    n_steps: int = 60,
    random_state: RandomState = None,
    progress: bool = True,
) -> Spectrum:
    """Estimate extreme eigenvalues, trace and density of the Hessian without forming the matrix.

    The extreme eigenvalues are computed one at a time by ARPACK (Lanczos with restarts,
    `scipy.sparse.linalg.eigsh`). Their accuracy is 2e-5 of the largest magnitude, and far better
    for isolated eigenvalues. Trace and density come from stochastic Lanczos quadrature [1]_ [2]_
    with full reorthogonalisation; the trace is Hutchinson's estimate [3]_ from the same probes.

    The function uses n_probes * n_steps Hessian products for the density and about 40 for each
    extreme eigenvalue (a few hundred in a dense cluster). A product costs about as much as two
    gradients. For a large network it is advisable to start with fewer rows: the spectrum for a
    thousand rows is similar to that for all rows.

    The memory use is n_steps vectors of n_parameters float64 values (480 MB for a million
    parameters and 60 steps) for the density, and 25 + k vectors for the extreme eigenvalues. The
    two are not needed at the same time.

    Parameters
    ----------
    estimator : MLPClassifier, MLPRegressor, or a Pipeline or search with one inside
        A fitted network; the current values of `coefs_` and `intercepts_` are used.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
    k : int >= 1, default=6
        Number of extreme eigenvalues, half from each end; one more from the upper end if k is odd.
        All eigenvalues are computed if there are at most k.
    intercepts : bool, default=True
        Whether all parameters vary, or only `coefs_`.
    n_probes : int >= 2, default=10
        Number of random vectors. Errors decrease with the square root of it.
    n_steps : int >= 1, default=60
        Number of Lanczos steps per vector, which determines the resolution of the density.
    random_state : int, RandomState instance or None, default=None
        Determines the random vectors.
    progress : bool, default=True
        Whether to show a tqdm progress bar in a terminal or a notebook, if tqdm is installed.

    Returns
    -------
    spectrum : Spectrum

    References
    ----------
    .. [1] Ubaru, Chen & Saad (2017). Fast estimation of tr(f(A)) via stochastic Lanczos
       quadrature. SIAM Journal on Matrix Analysis and Applications 38.
    .. [2] Ghorbani, Krishnan & Xiao (2019). An investigation into neural net optimization via
       Hessian eigenvalue density. ICML.
    .. [3] Hutchinson (1989). A stochastic estimator of the trace of the influence matrix for
       Laplacian smoothing splines. Communications in Statistics 18.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from rosenblatt import MLPClassifier
    >>> from rosenblatt.inspection import hessian_spectrum
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier((10,), random_state=0, solver="lbfgs", alpha=0.1).fit(X, y)
    >>> spectrum = hessian_spectrum(model, X, y, random_state=0)
    >>> spectrum.n_parameters, spectrum.eigenvalues.shape
    (83, (6,))
    """
    values = {"k": k, "n_probes": n_probes, "n_steps": n_steps, "random_state": random_state}
    validate_values("hessian_spectrum", values, _RULES)
    objective = Objective(estimator, X, y, intercepts=intercepts)
    return spectrum_of(objective, k, n_probes, n_steps, random_state, progress)


_RULES = {
    "k": [Interval(Integral, 1, None)],
    "n_probes": [Interval(Integral, 2, None)],
    "n_steps": [Interval(Integral, 1, None)],
    "random_state": ["random_state"],
}


def spectrum_of(objective, k, n_probes, n_steps, random_state, progress):
    """The Spectrum of an Objective at its current parameters."""
    random_state = check_random_state(random_state)
    n, product = objective.n_parameters, objective.hessian_vector_product
    n_products = n_probes * min(n_steps, n)
    with counted(product, "spectral density", n_products, progress) as counting:
        nodes, weights, coarse, traces = stochastic_quadrature(
            counting, n, n_probes, n_steps, random_state
        )
    grid, density = smoothed_density(nodes, weights)
    eigenvalues, _ = extremes_of(objective, k // 2, k - k // 2, random_state, progress)
    trace, trace_error = _mean_and_error(traces)
    return Spectrum(n, eigenvalues, trace, trace_error, grid, density, nodes, weights, coarse)


def extremes_of(objective, n_lowest, n_highest, random_state, progress):
    """Extreme eigenvalues and their eigenvectors (columns); all of them if there are no more."""
    n = objective.n_parameters
    n_highest = min(n_highest, n)
    n_lowest = min(n_lowest, n - n_highest)
    product = objective.hessian_vector_product
    with counted(product, "extreme eigenvalues", None, progress) as counting:
        return extreme_eigenpairs(counting, n, n_lowest, n_highest, random_state)


@contextlib.contextmanager
def counted(product, name, n_products, progress):
    """The same function, with a progress bar that counts its calls."""
    # disable=None shows no bar if standard error is not a terminal
    options = {"desc": name, "total": n_products, "unit": "product", "disable": None}
    bar = open_bar(**options) if progress else None
    if bar is None:
        yield product
        return
    with bar:

        def counting(*arguments):
            bar.update(1)
            return product(*arguments)

        yield counting


def _mean_and_error(values):
    return float(np.mean(values)), float(np.std(values, ddof=1) / np.sqrt(len(values)))
