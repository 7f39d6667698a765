"""Critical points: which kind one is, how to get to one, how to get away from a saddle.

Gradients and products with the Hessian are the engine's (_objective.py), eigenvalues come from
_hessian.py.
"""

# SPDX-License-Identifier: BSD-3-Clause
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import NamedTuple

import numpy as np
from scipy.linalg import eigvalsh
from scipy.sparse.linalg import LinearOperator, minres
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from rosenblatt._base import warn_user
from rosenblatt._parameters import Interval, validate_values
from rosenblatt.inspection._hessian import DENSE_LIMIT, Spectrum, counted, extremes_of, spectrum_of
from rosenblatt.inspection._lanczos import dense
from rosenblatt.inspection._objective import Objective

_NOT_NEGATIVE = Interval(Real, 0, None, closed="left")
_RULES = {
    "tol": [_NOT_NEGATIVE],
    "gradient_tol": [_NOT_NEGATIVE],
    "max_iter": [Interval(Integral, 1, None)],
    "random_state": ["random_state"],
}


@dataclass(frozen=True, repr=False)
class CriticalPoint:
    """What kind of point of the error surface a network is at.

    Attributes
    ----------
    verdict : str
        'not a critical point': the gradient's norm is above its tolerance. Otherwise by the
        Hessian's eigenvalues: 'saddle point', some positive and some negative; 'local minimum',
        no negative one (with zero ones the surface is level in some directions, and higher terms
        decide there); 'local maximum', no positive one; 'flat', all zero.
    loss : float
        What training descends, here.
    gradient_norm, gradient_tolerance : float
        The Euclidean norm of the gradient, and up to which it counts as zero.
    n_parameters : int
        The number of eigenvalues.
    eigenvalues : ndarray
        All, ascending; beyond 3000 parameters the six most extreme.
    zero_tolerance : float
        The magnitude up to which an eigenvalue counts as zero.
    n_negative, n_zero, n_positive : int
        How many eigenvalues there are of each kind; estimates where `spectrum` is not None.
    minimum_ratio, minimum_ratio_error : float
        The share of positive eigenvalues, 1 at a minimum that no direction leaves level; and its
        error (`Spectrum.share`), 0 where all were computed.
    spectrum : Spectrum or None
        Beyond 3000 parameters what the counts were estimated from.
    """

    verdict: str
    loss: float
    gradient_norm: float
    gradient_tolerance: float
    n_parameters: int
    eigenvalues: np.ndarray
    zero_tolerance: float
    n_negative: int
    n_zero: int
    n_positive: int
    minimum_ratio: float
    minimum_ratio_error: float
    spectrum: Spectrum | None = field(default=None)

    def __str__(self):
        sign = "<=" if self.gradient_norm <= self.gradient_tolerance else ">"
        about = "about " if self.spectrum is not None else ""
        error = f" +- {self.minimum_ratio_error:.1g}" if self.spectrum is not None else ""
        return (
            f"{self.verdict}\n"
            f"  loss           {self.loss:.6g}\n"
            f"  gradient norm  {self.gradient_norm:.3g} {sign} {self.gradient_tolerance:.3g}, "
            "its tolerance\n"
            f"  eigenvalues    {about}{self.n_negative} negative, {self.n_zero} zero, "
            f"{self.n_positive} positive of {self.n_parameters}, from {self.eigenvalues[0]:.4g} "
            f"to {self.eigenvalues[-1]:.4g}\n"
            f"  minimum ratio  {self.minimum_ratio:.3g}{error}"
        )

    __repr__ = __str__


def critical_point(
    estimator,
    X,
    y,
    *,
    intercepts=True,
    tol=1e-4,
    gradient_tol=0.1,
    random_state=None,
    progress=True,
):
    """Says whether a network is at a critical point, and of which kind.

    Near a critical point the loss is L + d^T H d / 2 for a step d: the signs of the Hessian's
    eigenvalues tell a minimum from a saddle point. The eigenvalues are computed wherever the
    network is, with the share of positive ones (the minimum ratio), also where the verdict is
    'not a critical point'.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        Fitted; `coefs_` and `intercepts_` are read as they are now.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
    intercepts : bool, default=True
        Whether all parameters vary, or `coefs_` alone.
    tol : float >= 0, default=1e-4
        An eigenvalue of magnitude up to tol times the largest counts as zero. So does one that
        changes the loss by less than its last digit over a step of the parameters' length:
        rounding makes such of zeros.
    gradient_tol : float >= 0, default=0.1
        The gradient counts as zero up to the norm gradient_tol * S / max(|w|, 1), where |w| is
        the parameters' norm and S the loss, or that of parameters that are all 0, whichever is
        larger in magnitude: a step of a tenth of the parameters' length then changes the loss, to
        first order, by at most a hundredth of S. The norm alone does not say what is small: it
        has the unit of the loss, and of one over the weights.
    random_state : int, RandomState instance or None, default=None
        Draws the vectors of `hessian_spectrum`, which is used beyond 3000 parameters.
    progress : bool, default=True
        Whether to show a bar of tqdm where that is installed, on a terminal or in a notebook.

    Returns
    -------
    point : CriticalPoint

    Notes
    -----
    A ReLU's output weights can grow by what its input weights shrink by without changing the
    function; such symmetries, and units that are off for all rows, make eigenvalues that are
    zero at every critical point. With alpha > 0 there are fewer.

    Examples
    --------
    The product of two weights, y = w1 w2 x, is to give 1 at x = 1. At w1 = w2 = 0 the gradient
    is zero: no step of gradient descent leads away, and yet it is no minimum.

    >>> import numpy as np
    >>> from rosenblatt import MLPRegressor
    >>> from rosenblatt.inspection import critical_point
    >>> model = MLPRegressor((1,), activation="identity", alpha=0, solver="lbfgs", random_state=0)
    >>> model = model.fit([[1.0]], [1.0])
    >>> model.coefs_ = [np.zeros((1, 1)), np.zeros((1, 1))]
    >>> model.intercepts_ = [np.zeros(1), np.zeros(1)]
    >>> critical_point(model, [[1.0]], [1.0], intercepts=False)
    saddle point
      loss           0.5
      gradient norm  0 <= 0.05, its tolerance
      eigenvalues    1 negative, 0 zero, 1 positive of 2, from -1 to 1
      minimum ratio  0.5
    """
    values = {"tol": tol, "gradient_tol": gradient_tol, "random_state": random_state}
    validate_values("critical_point", values, _RULES)
    objective = Objective(estimator, X, y, intercepts=intercepts)
    loss, gradient = objective.loss_and_gradient()
    gradient_norm = float(np.linalg.norm(gradient))
    gradient_tolerance = gradient_tol * gradient_unit(objective, loss)
    figures = _signs(objective, loss, tol, random_state, progress)
    verdict = "not a critical point"
    if gradient_norm <= gradient_tolerance:
        verdict = _kind(figures["eigenvalues"], figures["zero_tolerance"])
    return CriticalPoint(
        verdict=verdict,
        loss=loss,
        gradient_norm=gradient_norm,
        gradient_tolerance=gradient_tolerance,
        n_parameters=objective.n_parameters,
        **figures,
    )


def gradient_unit(objective, loss):
    """What gradients are compared with: a loss over a length, both typical of this network."""
    loss_at_zero = objective.loss(np.zeros(objective.n_parameters))
    return max(abs(loss), abs(loss_at_zero)) / _length(objective.parameters)


def _length(parameters):
    """The parameters' norm, which is no scale of theirs near the origin."""
    return max(float(np.linalg.norm(parameters)), 1.0)


def _zero_tolerance(objective, loss, largest, tol):
    rounding = np.finfo(float).eps * abs(loss) / _length(objective.parameters) ** 2
    return max(tol * largest, rounding)


def _signs(objective, loss, tol, random_state, progress):
    """The eigenvalues and how many of them are negative, zero and positive."""
    n = objective.n_parameters
    if n > DENSE_LIMIT:
        return _estimated_signs(objective, loss, tol, random_state, progress)
    with counted(objective.hessian_vector_product, "Hessian", n, progress) as product:
        eigenvalues = eigvalsh(dense(product, n), overwrite_a=True)
    zero = _zero_tolerance(objective, loss, np.abs(eigenvalues).max(), tol)
    n_negative, n_positive = int(np.sum(eigenvalues < -zero)), int(np.sum(eigenvalues > zero))
    return {
        "eigenvalues": eigenvalues,
        "zero_tolerance": zero,
        "n_negative": n_negative,
        "n_zero": n - n_negative - n_positive,
        "n_positive": n_positive,
        "minimum_ratio": n_positive / n,
        "minimum_ratio_error": 0.0,
    }


# Zero lies within the bulk, and counting on both sides of it takes many steps: with 60 the ratio of
# a net on digits was 0.41 in place of 0.48, with 200 it was 0.52. Their vectors hold this many
# numbers, half a gigabyte.
LANCZOS_NUMBERS = 6e7


def _estimated_signs(objective, loss, tol, random_state, progress):
    """The same from the extreme eigenvalues and the spectral density."""
    n = objective.n_parameters
    n_steps = int(np.clip(LANCZOS_NUMBERS // n, 60, 200))
    spectrum = spectrum_of(objective, 6, 5, n_steps, random_state, progress)
    eigenvalues = spectrum.eigenvalues
    zero = _zero_tolerance(objective, loss, np.abs(eigenvalues).max(), tol)
    ratio, error = spectrum.share(zero, np.inf)
    negative, _ = spectrum.share(-np.inf, -zero)
    # those that were found are certain, the others estimated
    n_positive = max(round(ratio * n), int(np.sum(eigenvalues > zero)))
    n_negative = max(round(negative * n), int(np.sum(eigenvalues < -zero)))
    return {
        "eigenvalues": eigenvalues,
        "zero_tolerance": zero,
        "n_negative": n_negative,
        "n_zero": max(n - n_negative - n_positive, 0),
        "n_positive": n_positive,
        "minimum_ratio": ratio,
        "minimum_ratio_error": error,
        "spectrum": spectrum,
    }


def _kind(eigenvalues, zero):
    """The verdict at a critical point, from the lowest and the highest eigenvalue."""
    has_negative, has_positive = eigenvalues[0] < -zero, eigenvalues[-1] > zero
    if has_negative and has_positive:
        return "saddle point"
    if has_positive:
        return "local minimum"
    return "local maximum" if has_negative else "flat"


class Approach(NamedTuple):
    """What approach_critical_point returns: an estimator, and how it got there.

    Attributes
    ----------
    estimator : MLPClassifier or MLPRegressor
        A copy of the one given, at the end of the path.
    path : ApproachPath
        The figures of every iteration.
    """

    estimator: object
    path: "ApproachPath"


@dataclass(frozen=True, repr=False)
class ApproachPath:
    """The way to a critical point, the begin included.

    Attributes
    ----------
    loss, gradient_norm : ndarray of shape (n_iterations + 1,)
        What training descends, and the Euclidean norm of its gradient. The norm never rises; the
        loss may.
    gradient_tolerance : float
        The norm at which the way ends.
    """

    loss: np.ndarray
    gradient_norm: np.ndarray
    gradient_tolerance: float

    @property
    def has_arrived(self):
        """Whether the gradient's norm is within its tolerance."""
        return bool(self.gradient_norm[-1] <= self.gradient_tolerance)

    def __str__(self):
        arrived = "" if self.has_arrived else "not "
        return (
            f"{len(self.loss) - 1} iterations, {arrived}arrived\n"
            f"  loss           from {self.loss[0]:.6g} to {self.loss[-1]:.6g}\n"
            f"  gradient norm  from {self.gradient_norm[0]:.3g} to {self.gradient_norm[-1]:.3g}, "
            f"tolerance {self.gradient_tolerance:.3g}"
        )

    __repr__ = __str__


def approach_critical_point(
    estimator, X, y, *, intercepts=True, max_iter=200, gradient_tol=0.01, progress=True
):
    """Walks to a critical point of whatever kind, by making the gradient small.

    It minimises |g|^2 / 2, whose gradient is H g, and so is drawn to saddle points and maxima as
    much as to minima, where a descent of the loss ends at minima alone. Each step is about that
    of Newton's method, which would land where the gradient vanishes if the surface were
    quadratic: MINRES lowers |g + H d| over some 20 products with the Hessian, and a line search
    sees that the norm falls (Newton-MR [1]_).

    Where the surface has kinks, as with ReLU, or where g lies in directions without curvature,
    it can end before the gradient is small; the path says so, and a warning.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        Fitted; where its `coefs_` and `intercepts_` are now, the way begins. It stays there.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
    intercepts : bool, default=True
        Whether all parameters vary, or `coefs_` alone.
    max_iter : int >= 1, default=200
        The most steps.
    gradient_tol : float >= 0, default=0.01
        Where to stop, in the unit of `critical_point`: at a tenth of what counts as zero there.
    progress : bool, default=True
        Whether to show a bar of tqdm where that is installed, on a terminal or in a notebook.

    Returns
    -------
    estimator : MLPClassifier or MLPRegressor
        A copy, at the end of the way.
    path : ApproachPath
        Loss and gradient norm of every iteration.

    Warns
    -----
    ConvergenceWarning
        If the way ended before the gradient was within its tolerance.

    References
    ----------
    .. [1] Roosta, Liu, Xu & Mahoney (2022). Newton-MR: inexact Newton method with minimum
       residual sub-problem solver. EURO Journal on Computational Optimization 10.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from rosenblatt import MLPClassifier
    >>> from rosenblatt.inspection import approach_critical_point, critical_point
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier((4,), activation="tanh", alpha=1, random_state=0, max_iter=5)
    >>> model, path = approach_critical_point(model.fit(X, y), X, y)
    >>> path.has_arrived
    True
    """
    validate_values(
        "approach_critical_point", {"max_iter": max_iter, "gradient_tol": gradient_tol}, _RULES
    )
    objective = Objective(estimator, X, y, intercepts=intercepts)
    parameters, (loss, gradient) = objective.parameters, objective.loss_and_gradient()
    tolerance = gradient_tol * gradient_unit(objective, loss)
    losses, norms = [loss], [np.linalg.norm(gradient)]
    with counted(objective.hessian_vector_product, "approach", None, progress) as product:
        while norms[-1] > tolerance and len(losses) <= max_iter:
            step = _newton_step(product, parameters, gradient)
            found = _search_gradient(objective, parameters, gradient, *step)
            if found is None:
                break
            parameters, loss, gradient = found
            losses.append(loss)
            norms.append(np.linalg.norm(gradient))
    path = ApproachPath(np.array(losses), np.array(norms), tolerance)
    if not path.has_arrived:
        why = "after max_iter steps" if len(losses) > max_iter else "no step lowers the norm"
        warn_user(
            f"the gradient norm is {norms[-1]:.3g}, its tolerance {tolerance:.3g}: {why}. Try a "
            f"larger max_iter (it is {max_iter}), or another begin.",
            ConvergenceWarning,
        )
    return Approach(objective.estimator_at(parameters), path)


# Products with the Hessian for a step. On eight small nets (tanh and ReLU) the work of 2000
# gradients brought the norm lower than L-BFGS on |g|^2 / 2 did on seven and as low on one; with 10
# or 50 in place of 20 L-BFGS was ahead on two.
PRODUCTS_PER_STEP = 20


def _newton_step(product, parameters, gradient):
    """A direction d with a small |g + H d|, and the slope of |g|^2 / 2 along it."""
    n = len(gradient)
    operator = LinearOperator(
        (n, n), matvec=lambda v: product(v.ravel(), parameters), dtype=np.float64
    )
    direction, _ = minres(operator, -gradient, maxiter=PRODUCTS_PER_STEP)
    return direction, direction @ product(gradient, parameters)


def _search_gradient(objective, parameters, gradient, direction, slope):
    """(parameters, loss, gradient) where the norm has fallen enough (Armijo's rule), or None."""
    square, length = gradient @ gradient / 2, 1.0
    for _ in range(30):
        there = parameters + length * direction
        loss, new = objective.loss_and_gradient(there)
        if new @ new / 2 <= square + 1e-4 * length * slope and slope < 0:
            return there, loss, new
        length /= 2
    return None


def escape_saddle(estimator, X, y, *, intercepts=True, tol=1e-4, random_state=None, progress=True):
    """Leaves a saddle point along the most negative curvature, to a lower loss.

    At a saddle point the gradient is zero and tells nothing, but along the eigenvector of a
    negative eigenvalue of the Hessian the loss falls, to either side. The step's length is found
    by a line search on both sides, and the lower one is taken. Training can then go on from
    there, with warm_start=True or `partial_fit`.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        Fitted; `coefs_` and `intercepts_` are read as they are now. It stays as it is. It need
        not be at a critical point.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
    intercepts : bool, default=True
        Whether all parameters vary, or `coefs_` alone.
    tol : float >= 0, default=1e-4
        A negative eigenvalue of magnitude up to tol times the largest counts as zero.
    random_state : int, RandomState instance or None, default=None
        Draws the vectors that the search for the eigenvector begins with.
    progress : bool, default=True
        Whether to show a bar of tqdm where that is installed, on a terminal or in a notebook.

    Returns
    -------
    estimator : MLPClassifier or MLPRegressor
        A copy with a lower loss.

    Raises
    ------
    ValueError
        Where there is no negative curvature, or none that lowers the loss in the estimator's
        precision.

    Examples
    --------
    >>> import numpy as np
    >>> from rosenblatt import MLPRegressor
    >>> from rosenblatt.inspection import escape_saddle
    >>> model = MLPRegressor((1,), activation="identity", alpha=0, solver="lbfgs", random_state=0)
    >>> model = model.fit([[1.0]], [1.0])
    >>> model.coefs_ = [np.zeros((1, 1)), np.zeros((1, 1))]
    >>> model.intercepts_ = [np.zeros(1), np.zeros(1)]
    >>> model = escape_saddle(model, [[1.0]], [1.0], intercepts=False)
    >>> product = model.coefs_[0] * model.coefs_[1]
    >>> bool(0 < product < 2)
    True
    """
    validate_values("escape_saddle", {"tol": tol, "random_state": random_state}, _RULES)
    objective = Objective(estimator, X, y, intercepts=intercepts)
    random_state = check_random_state(random_state)
    eigenvalues, vectors = extremes_of(objective, 1, 1, random_state, progress)
    loss, lowest = objective.loss(), eigenvalues[0]
    zero = _zero_tolerance(objective, loss, np.abs(eigenvalues).max(), tol)
    if lowest >= -zero:
        raise ValueError(
            f"there is no negative curvature: the lowest eigenvalue of the Hessian is {lowest:.3g} "
            f"and counts as zero or more (within {zero:.3g}). This is no saddle point; "
            "critical_point(estimator, X, y) says what it is. Where the gradient is not zero, "
            "training goes on by itself."
        )
    length = 0.1 * _length(objective.parameters)
    found = [_search_loss(objective, loss, sign * vectors[:, 0], length) for sign in (1, -1)]
    lower, parameters = min(found, key=lambda pair: pair[0])
    if not lower < loss:
        raise ValueError(
            f"no step along the most negative curvature ({lowest:.3g}) lowers the loss in "
            f"{np.result_type(*estimator.coefs_)}: it is too slight for this precision."
        )
    return objective.estimator_at(parameters)


def _search_loss(objective, loss, direction, length):
    """The lowest (loss, parameters) along a ray: lengths double while it falls, or halve until.

    Losses are those of parameters rounded to the estimator's precision.
    """
    dtype = np.result_type(*objective.estimator.coefs_)
    begin = objective.parameters

    def at(length):
        parameters = (begin + length * direction).astype(dtype).astype(np.float64)
        value = objective.loss(parameters)
        return (value if np.isfinite(value) else np.inf), parameters

    best = at(length)
    factor = 2.0 if best[0] < loss else 0.5
    for _ in range(50):
        length *= factor
        tried = at(length)
        if factor == 2.0 and tried[0] >= best[0]:
            break
        if tried[0] < best[0]:
            best = tried
        elif best[0] < loss:
            break
    return best
