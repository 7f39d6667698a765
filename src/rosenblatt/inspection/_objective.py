"""The training loss of a fitted estimator as a function of its parameters, with its derivatives.

`Objective` defines the function; the arithmetic is in core/loss_derivatives.pyx. The other files
of this folder use it for spectra, critical points and the rest.
"""

# SPDX-License-Identifier: BSD-3-Clause
import copy
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from rosenblatt._architecture import WEIGHTS
from rosenblatt._network_description import loss_constants
from rosenblatt._parameter_checks import validate_values
from rosenblatt._prediction import fitted_network
from rosenblatt._types import Array, Matrix
from rosenblatt._unwrapping import unwrapped
from rosenblatt.core.loss_derivatives import LossDerivatives
from rosenblatt.mlp import MLPClassifier, MLPRegressor

_RULES = {"intercepts": ["boolean"]}
ROWS_AT_ONCE = 4096  # number of rows that are converted to float64 at a time


class Objective:
    """The training loss as a function of one flat vector of parameters.

    It is the unweighted mean loss over (X, y) plus the penalty
    alpha * (l1_ratio * sum(|w|) + (1 - l1_ratio) / 2 * sum(w**2)) of `coefs_`, divided by
    `batch_size_` as in every step of the fit. Dropout and noise are off; batch normalisation uses
    its running statistics, which are treated as constants. The computation is in float64. The
    estimator is not changed.

    A vector has all coefs_ ravelled in C order, then all intercepts_ and then, with normalisation,
    all scales and all shifts.

    Parameters
    ----------
    estimator : MLPClassifier, MLPRegressor, or a Pipeline or search with one inside
        A fitted network, possibly inside a Pipeline (whose other steps transform X), a
        TransformedTargetRegressor (whose transformer transforms y) or a search. The current values
        of `coefs_` and `intercepts_` are used.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The rows over which the loss is averaged.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Their targets. Labels must be among the fitted classes.
    intercepts : bool, default=True
        Whether all parameters vary, or only `coefs_`.

    Attributes
    ----------
    n_parameters : int
        Length of the vectors.
    parameters : ndarray of shape (n_parameters,), float64
        The current parameters of the estimator.

    Raises
    ------
    TypeError
        If the estimator is not an MLPClassifier or MLPRegressor.
    NotFittedError
        If the estimator is not fitted.
    ValueError
        If the shapes of X, y and the fitted arrays are inconsistent, or parameters are not finite.
    """

    def __init__(self, estimator, X, y, *, intercepts=True):
        estimator, (X, y) = network_in(estimator, (X, y))
        validate_values("rosenblatt.inspection", {"intercepts": intercepts}, _RULES)
        self.estimator = estimator
        data = estimator._data_to_inspect(X, y)
        self._X, self._targets = data.X, data.targets
        network = fitted_network(estimator)
        if network.architecture.scales_inputs:
            raise ValueError(
                "rosenblatt.inspection does not support learned input factors, got "
                f"input_scale_rate={estimator.input_scale_rate!r}. Fit with input_scale_rate=0."
            )
        self._architecture = replace(
            network.architecture,
            dtype=np.dtype(np.float64),
            loss_constants=loss_constants(estimator, data),
        )
        averaged = self._architecture.averaged(network.lists)
        self._derivatives = LossDerivatives(self._architecture, averaged)
        self._all = self._architecture.flat(network.lists).astype(float)
        self._n_coefs = self._architecture.ranges[WEIGHTS.name].stop
        self.n_parameters = len(self._all) if intercepts else self._n_coefs
        if not np.isfinite(self._all).all():
            raise ValueError(
                "coefs_ and intercepts_ must be finite, but some values are NaN or infinite. Fit "
                "again with a lower learning rate, or set other values."
            )

    @property
    def parameters(self):
        """A copy of the current parameters."""
        return self._all[: self.n_parameters].copy()

    def loss(self, parameters=None):
        """The loss, a float; None means the current parameters."""
        point = self._moved_to(parameters)
        return self._sum("loss") / self._X.shape[0] + self._penalty(point)

    def loss_and_gradient(self, parameters=None):
        """(loss, gradient of shape (n_parameters,))."""
        point = self._moved_to(parameters)
        loss = self._sum("gradient") / self._X.shape[0] + self._penalty(point)
        gradient = self._mean()
        estimator, coefs = self.estimator, point[: self._n_coefs]
        l1, l2 = estimator.l1_ratio, 1 - estimator.l1_ratio
        if estimator.alpha:
            gradient[: self._n_coefs] += self._strength() * (l1 * np.sign(coefs) + l2 * coefs)
        return loss, gradient

    def hessian_vector_product(self, v, parameters=None):
        """The Hessian times v, of shape (n_parameters,)."""
        v = np.asarray(v, dtype=float)
        if v.shape != (self.n_parameters,) or not np.isfinite(v).all():
            raise ValueError(
                f"v must have {self.n_parameters} finite values, one for each parameter that "
                f"varies ({'only coefs_' if self._holds_back else 'coefs_ and intercepts_'}), got "
                f"an array of shape {v.shape}{_not_finite(v)}."
            )
        self._moved_to(parameters)
        direction = v
        if self._holds_back:
            direction = np.zeros(len(self._all))
            direction[: self._n_coefs] = v
        self._derivatives.look_along(direction)
        self._sum("product")
        product = self._mean()
        if self.estimator.alpha:
            strength = self._strength() * (1 - self.estimator.l1_ratio)
            product[: self._n_coefs] += strength * v[: self._n_coefs]
        if not np.isfinite(product).all():
            raise ValueError(
                "The Hessian has values out of range for float64, because the parameters, X or a "
                "regression target are too large. Standardise the data, or fit again."
            )
        return product

    def estimator_at(self, parameters):
        """A fitted copy of the estimator with these parameters, in its own dtypes.

        The copy does not have the state of the optimiser.
        """
        estimator = copy.copy(self.estimator)
        lists = self._architecture.lists(self._checked(parameters))
        for name, arrays in self._architecture.named(lists).items():
            dtypes = [np.asarray(array).dtype for array in getattr(estimator, name)]
            moved = zip(arrays, dtypes, strict=True)
            setattr(
                estimator,
                name,
                [array.astype(dtype if dtype.kind == "f" else float) for array, dtype in moved],
            )
        for name in ("_optimizer", "_best_parameters"):
            vars(estimator).pop(name, None)
        return estimator

    @property
    def _holds_back(self):
        return self.n_parameters < len(self._all)

    def _checked(self, parameters):
        """All parameters; those that do not vary have the values of the estimator."""
        if parameters is None:
            return self._all
        parameters = np.asarray(parameters, dtype=float)
        if parameters.shape != (self.n_parameters,):
            raise ValueError(
                f"parameters must have shape ({self.n_parameters},), got an array of shape "
                f"{parameters.shape}."
            )
        if not self._holds_back:
            return parameters
        return np.concatenate([parameters, self._all[self._n_coefs :]])

    def _moved_to(self, parameters):
        point = self._checked(parameters)
        self._derivatives.move_to(point)
        return point

    def _sum(self, what):
        """Accumulate over all rows; returns the sum of their losses."""
        self._derivatives.begin()
        total, n_rows = 0.0, self._X.shape[0]
        at_once = n_rows if self._X.dtype == np.float64 else ROWS_AT_ONCE
        for start in range(0, n_rows, at_once):
            rows = self._X[start : start + at_once].astype(np.float64, copy=False)
            targets = self._targets[start : start + at_once]
            if targets.dtype.kind == "f":
                targets = targets.astype(np.float64, copy=False)
            total += self._derivatives.add(rows, targets, what)
        return total

    def _mean(self):
        """The accumulated sums of the varying parameters, divided by the number of rows."""
        sums = self._derivatives.sums()[: self.n_parameters]
        sums /= self._X.shape[0]
        return sums

    def _strength(self):
        return self.estimator.alpha / self.estimator.batch_size_

    def _penalty(self, point):
        estimator, coefs = self.estimator, point[: self._n_coefs]
        if not estimator.alpha:
            return 0.0
        l1, l2 = estimator.l1_ratio, 1 - estimator.l1_ratio
        return self._strength() * float(l1 * np.abs(coefs).sum() + l2 / 2 * (coefs @ coefs))


def _not_finite(v):
    n_bad = np.count_nonzero(~np.isfinite(v))
    return f" of which {n_bad} are NaN or infinite" if n_bad else ""


def network_in(estimator, *data, who="rosenblatt.inspection"):
    """The fitted network that an estimator is or contains. With data, which are pairs of X and y, a
    tuple of the network and the data as transformed for it.

    Raises
    ------
    TypeError
        If there is no such network; the message names an alternative.
    NotFittedError
        If the estimator is not fitted.
    """
    network, _, *data = unwrapped(estimator, *data, refuse=partial(_refuse, who=who))
    check_is_fitted(network)
    return (network, *data) if data else network


def _refuse(estimator, who):
    if isinstance(estimator, (MLPClassifier, MLPRegressor)):
        return
    name = type(estimator).__name__
    hint = ""
    if hasattr(estimator, "refit") and hasattr(estimator, "fit"):
        hint = " Fit this search first, with refit=True."
    elif hasattr(type(estimator), "members_"):
        hint = (
            " This is an ensemble: pass one of its networks, estimator.members_[0], with its "
            "encoded rows, estimator.encode(X)."
        )
    elif name == "PerceptronClassifier":
        hint = (
            " The perceptron's rule does not minimise a smooth loss; the closest network is "
            "MLPClassifier(hidden_layer_sizes=(), loss='hinge')."
        )
    elif name in (MLPClassifier.__name__, MLPRegressor.__name__):
        package = type(estimator).__module__.partition(".")[0]
        hint = f" This class is from {package}; use the class of rosenblatt instead."
    raise TypeError(
        f"{who} requires a fitted MLPClassifier or MLPRegressor, possibly inside a Pipeline, a "
        f"TransformedTargetRegressor or a search, got {name}.{hint}"
    )


def loss(estimator: Any, X: Matrix, y: Matrix, *, intercepts: bool = True) -> float:
    """Compute the training loss on (X, y) at the current parameters.

    Parameters
    ----------
    estimator : MLPClassifier, MLPRegressor, or a Pipeline or search with one inside
        A fitted network; the current values of `coefs_` and `intercepts_` are used.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The rows over which the loss is averaged.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Their targets.
    intercepts : bool, default=True
        Ignored. It is present so that all functions of this module have the same signature.

    Returns
    -------
    loss : float
        The unweighted mean loss of the rows, without dropout and noise, plus the penalty divided
        by `batch_size_`.

    Raises
    ------
    TypeError
        If the estimator is not an MLPClassifier or MLPRegressor.
    NotFittedError
        If the estimator is not fitted.
    ValueError
        If the shapes of X, y and the fitted arrays are inconsistent, or parameters are not finite.

    Examples
    --------
    >>> from rosenblatt import MLPRegressor
    >>> from rosenblatt.inspection import loss
    >>> X, y = [[1.0]], [1.0]
    >>> net = MLPRegressor((1,), activation="identity", solver="lbfgs", alpha=0).fit(X, y)
    >>> net.coefs_ = [0 * coef for coef in net.coefs_]
    >>> net.intercepts_ = [0 * intercept for intercept in net.intercepts_]
    >>> loss(net, X, y)
    0.5
    """
    return Objective(estimator, X, y, intercepts=intercepts).loss()


def gradient(estimator: Any, X: Matrix, y: Matrix, *, intercepts: bool = True) -> Array:
    """Compute the gradient of `loss`.

    Parameters
    ----------
    estimator, X, y
        As in `loss`.
    intercepts : bool, default=True
        Whether to differentiate with respect to all parameters, or only `coefs_`.

    Returns
    -------
    gradient : ndarray of shape (n_parameters,), float64
        The derivatives with respect to all coefs_ ravelled in C order, then all intercepts_ and
        then, with normalisation, all scales and all shifts. At a kink, such as that of ReLU at 0,
        it is the derivative that training uses; sign(0) = 0 in the L1 penalty.

    Raises
    ------
    TypeError, NotFittedError, ValueError
        As in `loss`.
    """
    return Objective(estimator, X, y, intercepts=intercepts).loss_and_gradient()[1]


def hessian_vector_product(
    estimator: Any, X: Matrix, y: Matrix, v: ArrayLike, *, intercepts: bool = True
) -> Array:
    """Compute the product of the Hessian of `loss` and a vector.

    The product is the derivative of the gradient along v, computed exactly by the R-operator
    (Pearlmutter, 1994) at the cost of about two gradients. Memory does not depend on the number of
    rows. Piecewise-linear functions (relu, leaky_relu, hard_sigmoid, and the losses
    'absolute_error', 'quantile' and 'hinge') have zero second derivative everywhere, including at
    their kinks; only their slopes enter the Hessian.

    Parameters
    ----------
    estimator, X, y
        As in `loss`.
    v : array-like of shape (n_parameters,)
        A direction, in the order of `gradient`.
    intercepts : bool, default=True
        Whether all parameters vary, or only `coefs_`.

    Returns
    -------
    product : ndarray of shape (n_parameters,), float64
        The Hessian times v.

    Raises
    ------
    TypeError, NotFittedError, ValueError
        As in `loss`. ValueError also if v has the wrong length.
    """
    return Objective(estimator, X, y, intercepts=intercepts).hessian_vector_product(v)
