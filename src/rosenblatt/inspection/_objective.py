"""The function that training descends, on the estimator and the data that a person has.

What it is stands in `Objective`; its arithmetic is the engine's (core/loss_derivatives.pyx). What
is done with it, spectra, critical points and the rest, stands in the other files here.
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
ROWS_AT_ONCE = 4096  # that are turned into float64 together


class Objective:
    """What training descends, as a function of one flat vector of parameters.

    The mean loss over (X, y), every row counting the same, plus the penalty
    alpha * (l1_ratio * sum(|w|) + (1 - l1_ratio) / 2 * sum(w**2)) of `coefs_` divided by
    `batch_size_`, as every step of the fit divided it. Dropout and noise are off; batch
    normalisation uses its running statistics, which are constants here. All is computed in
    float64. The estimator is not changed.

    Vectors hold all coefs_ ravelled in C order, then all intercepts_, then, with normalisation,
    all its scales and then all its shifts.

    Parameters
    ----------
    estimator : MLPClassifier, MLPRegressor, or a Pipeline or search with one inside
        Fitted, alone or inside a Pipeline, whose other steps transform X, a
        TransformedTargetRegressor, whose transformer transforms y, or a search. `coefs_` and
        `intercepts_` are read as they are now.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Rows: as many as wanted, of the width that was fitted.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Their targets: of the classes that were fitted, or numbers.
    intercepts : bool, default=True
        Whether everything varies, or coefs_ alone.

    Attributes
    ----------
    n_parameters : int
        Length of the vectors.
    parameters : ndarray of shape (n_parameters,), float64
        Where the estimator is.

    Raises
    ------
    TypeError
        For what is no MLPClassifier or MLPRegressor.
    NotFittedError
        If it was not fitted.
    ValueError
        If X, y or the fitted arrays do not fit each other, or parameters are not finite.
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
                "rosenblatt.inspection takes networks without learned factors of the features, got "
                f"input_scale_rate={estimator.input_scale_rate!r}: fit with input_scale_rate=0."
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
                "coefs_ and intercepts_ must be finite numbers, and some are NaN or infinite: fit "
                "again with a lower learning rate, or set them to others."
            )

    @property
    def parameters(self):
        """A copy of where the estimator is."""
        return self._all[: self.n_parameters].copy()

    def loss(self, parameters=None):
        """The value, a float; None is where the estimator is."""
        point = self._moved_to(parameters)
        return self._sum("loss") / self._X.shape[0] + self._penalty(point)

    def loss_and_gradient(self, parameters=None):
        """(value, gradient of shape (n_parameters,))."""
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
                f"v must hold {self.n_parameters} finite numbers, one for each parameter that "
                f"varies (coefs_{' alone' if self._holds_back else ' and intercepts_'}), got an "
                f"array of shape {v.shape}{_not_finite(v)}."
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
                "the Hessian has numbers that float64 cannot hold: the parameters, X or a "
                "regression target are too large. Standardise the data, or fit again."
            )
        return product

    def estimator_at(self, parameters):
        """A fitted copy of the estimator that has these parameters, in its own dtypes.

        What the optimiser remembers of the fit is not in it.
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
        """All parameters, with those that do not vary where the estimator has them."""
        if parameters is None:
            return self._all
        parameters = np.asarray(parameters, dtype=float)
        if parameters.shape != (self.n_parameters,):
            raise ValueError(
                f"parameters must be a vector of {self.n_parameters} numbers, got an array of "
                f"shape {parameters.shape}."
            )
        if not self._holds_back:
            return parameters
        return np.concatenate([parameters, self._all[self._n_coefs :]])

    def _moved_to(self, parameters):
        point = self._checked(parameters)
        self._derivatives.move_to(point)
        return point

    def _sum(self, what):
        """Passes all rows through the surface; the sum of their losses."""
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
        """What was summed, over the rows, of what varies."""
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
    """The fitted network that an estimator is or has inside; with data, a tuple of it and of these,
    pairs of X and y, as it sees them.

    Raises
    ------
    TypeError
        For another estimator, with the way out.
    NotFittedError
        If it was not fitted.
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
            " This is the mean of several: give one of its networks, estimator.members_[0], "
            "with the rows as that one sees them, estimator.encode(X)."
        )
    elif name == "PerceptronClassifier":
        hint = (
            " The perceptron's rule descends no smooth loss: "
            "MLPClassifier(hidden_layer_sizes=(), loss='hinge') is its nearest network."
        )
    elif name in (MLPClassifier.__name__, MLPRegressor.__name__):
        package = type(estimator).__module__.partition(".")[0]
        hint = f" This one is {package}'s: import rosenblatt's, and fit that."
    raise TypeError(
        f"{who} takes a fitted MLPClassifier or MLPRegressor, alone or inside a Pipeline, a "
        f"TransformedTargetRegressor or a search, got {name}.{hint}"
    )


def loss(estimator: Any, X: Matrix, y: Matrix, *, intercepts: bool = True) -> float:
    """What training descends, on (X, y), at the parameters that the estimator has now.

    Parameters
    ----------
    estimator : MLPClassifier, MLPRegressor, or a Pipeline or search with one inside
        Fitted.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Rows.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Their targets.
    intercepts : bool, default=True
        Taken for the sake of the other functions: the value does not depend on it.

    Returns
    -------
    loss : float
        The mean loss of the rows, unweighted, without dropout and noise, plus the penalty
        divided by `batch_size_`.

    Raises
    ------
    TypeError, NotFittedError, ValueError
        For what is no fitted network of the package, and for data that do not fit it.

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
    """The gradient of `loss`.

    Parameters
    ----------
    estimator, X, y
        As for `loss`.
    intercepts : bool, default=True
        Whether by all parameters, or by coefs_ alone.

    Returns
    -------
    gradient : ndarray of shape (n_parameters,), float64
        By all coefs_ ravelled in C order, then all intercepts_, then, with normalisation, all
        its scales and all its shifts. Where a slope jumps, at the joint of a relu, it is the one
        that training takes; sign(0) = 0 in the L1 penalty.

    Raises
    ------
    TypeError, NotFittedError, ValueError
        As for `loss`.
    """
    return Objective(estimator, X, y, intercepts=intercepts).loss_and_gradient()[1]


def hessian_vector_product(
    estimator: Any, X: Matrix, y: Matrix, v: ArrayLike, *, intercepts: bool = True
) -> Array:
    """The Hessian of `loss` times a vector, exactly, at the cost of about two gradients.

    By the R-operator (Pearlmutter, 1994): the derivative of the gradient along v. Memory does
    not depend on the number of rows. Piecewise linear functions have no curvature here, neither
    between their joints nor at them: what relu, leaky_relu and hard_sigmoid, and the losses
    'absolute_error', 'quantile' and 'hinge', add to a Hessian is what passes through their slopes.

    Parameters
    ----------
    estimator, X, y
        As for `loss`.
    v : array-like of shape (n_parameters,)
        A direction, in the order of `gradient`.
    intercepts : bool, default=True
        Whether all parameters vary, or coefs_ alone.

    Returns
    -------
    product : ndarray of shape (n_parameters,), float64

    Raises
    ------
    TypeError, NotFittedError, ValueError
        As for `loss`; ValueError for a v of another length.
    """
    return Objective(estimator, X, y, intercepts=intercepts).hessian_vector_product(v)
