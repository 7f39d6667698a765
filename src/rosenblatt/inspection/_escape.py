"""A step away from a saddle point, along the direction of most negative curvature."""

# SPDX-License-Identifier: BSD-3-Clause
from numbers import Real
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from rosenblatt._parameter_checks import Interval, validate_values
from rosenblatt._types import Matrix, RandomState
from rosenblatt.inspection._critical_point import parameter_length, zero_tolerance_of
from rosenblatt.inspection._hessian import extremes_of
from rosenblatt.inspection._objective import Objective

_RULES = {
    "tol": [Interval(Real, 0, None, closed="left")],
    "random_state": ["random_state"],
}


def escape_saddle(
    estimator: Any,
    X: Matrix,
    y: Matrix,
    *,
    intercepts: bool = True,
    tol: float = 0.0001,
    random_state: RandomState = None,
    progress: bool = True,
) -> Any:
    """Leave a saddle point along the direction of most negative curvature, to a lower loss.

    At a saddle point the gradient is zero, but the loss decreases in both directions along the
    eigenvector of a negative eigenvalue of the Hessian. A line search finds the length of the step
    in both directions, and the lower loss is taken. Training can then continue from there, with
    warm_start=True or `partial_fit`.

    Parameters
    ----------
    estimator : MLPClassifier, MLPRegressor, or a Pipeline or search with one inside
        A fitted network, which is not changed; the current values of `coefs_` and
        `intercepts_` are used. It need not be at a critical point.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
    intercepts : bool, default=True
        Whether all parameters vary, or only `coefs_`.
    tol : float >= 0, default=1e-4
        A negative eigenvalue of magnitude up to tol times the largest counts as zero.
    random_state : int, RandomState instance or None, default=None
        Determines the initial vectors of the eigenvector search.
    progress : bool, default=True
        Whether to show a tqdm progress bar in a terminal or a notebook, if tqdm is installed.

    Returns
    -------
    estimator : MLPClassifier or MLPRegressor
        A copy with a lower loss.

    Raises
    ------
    ValueError
        If there is no negative curvature, or if it is too small to lower the loss in the precision
        of the estimator.

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
    zero = zero_tolerance_of(objective, loss, np.abs(eigenvalues).max(), tol)
    if lowest >= -zero:
        raise ValueError(
            f"There is no negative curvature: the lowest eigenvalue of the Hessian is {lowest:.3g} "
            f"and counts as nonnegative (tolerance {zero:.3g}). This is not a saddle point; "
            "critical_point(estimator, X, y) determines the kind of point. If the gradient is "
            "not zero, ordinary training can continue."
        )
    length = 0.1 * parameter_length(objective.parameters)
    found = [_search_loss(objective, loss, sign * vectors[:, 0], length) for sign in (1, -1)]
    lower, parameters = min(found, key=lambda pair: pair[0])
    if not lower < loss:
        raise ValueError(
            f"No step along the most negative curvature ({lowest:.3g}) lowers the loss in "
            f"{np.result_type(*estimator.coefs_)}; the curvature is too small for this precision."
        )
    return objective.estimator_at(parameters)


def _search_loss(objective, loss, direction, length):
    """The lowest (loss, parameters) along a ray.

    The step length is doubled while the loss falls, or halved until it falls. Losses are those of
    parameters rounded to the precision of the estimator.
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
