"""Sharpness of a minimum: the largest curvature, and the loss around the parameters.

Gradients come from _objective.py, the largest eigenvalue from _hessian.py.
"""

# SPDX-License-Identifier: BSD-3-Clause
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Literal

import numpy as np
from sklearn.utils import check_random_state

from rosenblatt._architecture import NORMALIZATION_ATTRIBUTES
from rosenblatt._parameter_checks import Interval, Options, validate_values
from rosenblatt._prediction import fitted_network
from rosenblatt._types import Matrix, RandomState
from rosenblatt.inspection._hessian import extremes_of
from rosenblatt.inspection._objective import Objective

# steps of the search for the highest loss, from each starting point
ASCENT_STEPS = 20

_RULES = {
    "radius": [Interval(Real, 0, None, closed="neither")],
    "relative_to": [None, Options(str, ("parameters", "units"))],
    "n_directions": [Interval(Integral, 2, None)],
    "random_state": ["random_state"],
}


@dataclass(frozen=True, repr=False)
class Sharpness:
    """The increase of the loss around the parameters of a network.

    Attributes
    ----------
    largest_eigenvalue : float
        The largest eigenvalue of the Hessian: the curvature in the steepest direction.
    loss : float
        The loss including the penalty, at the network's parameters.
    radius, relative_to : float, str or None
        The size of the perturbations.
    highest_loss : float
        The highest loss found within the radius.
    mean_loss, mean_loss_error : float
        The mean loss at the radius in random directions, and its standard error.
    """

    largest_eigenvalue: float
    loss: float
    radius: float
    relative_to: str | None
    highest_loss: float
    mean_loss: float
    mean_loss_error: float

    @property
    def sharpness(self):
        """100 (highest_loss - loss) / (1 + |loss|), the figure of Keskar et al. (2017)."""
        return 100 * (self.highest_loss - self.loss) / (1 + abs(self.loss))

    def __str__(self):
        unit = "" if self.relative_to is None else f" of the {self.relative_to}' norm"
        return (
            f"Sharpness {self.sharpness:.4g}\n"
            f"  largest eigenvalue  {self.largest_eigenvalue:.4g}\n"
            f"  loss                {self.loss:.6g}\n"
            f"  highest within      {self.highest_loss:.6g}  (radius {self.radius:g}{unit})\n"
            f"  mean at the radius  {self.mean_loss:.6g} +- {self.mean_loss_error:.2g}"
        )

    __repr__ = __str__


def sharpness(
    estimator: Any,
    X: Matrix,
    y: Matrix,
    radius: float = 0.05,
    *,
    relative_to: Literal["parameters", "units"] | None = None,
    intercepts: bool = True,
    n_directions: int = 20,
    random_state: RandomState = None,
    progress: bool = True,
) -> Sharpness:
    """Compute the largest eigenvalue of the Hessian and the loss under parameter perturbations.

    Minima found with small batches are often flatter than those found with large batches, and flat
    minima often generalise better [1]_. To compare two networks, use the same X, y and radius.

    The highest loss within the radius is searched for iteratively. Each step goes to the point at
    which a linear loss would be highest, d = radius * g / |g| with the gradient g at the previous
    point. The first step is the perturbation of sharpness-aware minimisation [2]_, and the loss
    increases with each step as long as the surface is convex. The search starts from the gradient
    and from both directions of the eigenvector of the largest eigenvalue. The highest loss found
    is a lower bound of the true maximum.

    Parameters
    ----------
    estimator : MLPClassifier, MLPRegressor, or a Pipeline or search with one inside
        A fitted network; the current values of `coefs_` and `intercepts_` are used.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
    radius : float > 0, default=0.05
        Size of the perturbations. The default is that of [2]_.
    relative_to : {'parameters', 'units'} or None, default=None
        The scale of the radius. None: a perturbation has the Euclidean norm `radius`.
        'parameters': the radius is a fraction of the norm of all parameters. 'units': the
        perturbation of each unit's weights and intercept (and of its scale and shift) is a
        fraction of their norm. Doubling the input weights of ReLU units and halving their output
        weights does not change the function. With 'units' the loss around it is nearly the same,
        otherwise it may look sharp [3]_ [4]_.
    intercepts : bool, default=True
        Whether all parameters vary, or only `coefs_`.
    n_directions : int >= 2, default=20
        Number of random directions for the mean.
    random_state : int, RandomState instance or None, default=None
        Determines the directions and the initial vector of the eigenvector search.
    progress : bool, default=True
        Whether to show a tqdm progress bar in a terminal or a notebook, if tqdm is installed.

    Returns
    -------
    sharpness : Sharpness

    References
    ----------
    .. [1] Keskar, Mudigere, Nocedal, Smelyanskiy & Tang (2017). On large-batch training for deep
       learning: generalization gap and sharp minima. ICLR.
    .. [2] Foret, Kleiner, Mobahi & Neyshabur (2021). Sharpness-aware minimization for efficiently
       improving generalization. ICLR.
    .. [3] Dinh, Pascanu, Bengio & Bengio (2017). Sharp minima can generalize for deep nets. ICML.
    .. [4] Li, Xu, Taylor, Studer & Goldstein (2018). Visualizing the loss landscape of neural
       nets. NeurIPS.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from rosenblatt import MLPClassifier
    >>> from rosenblatt.inspection import sharpness
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier((10,), solver="lbfgs", alpha=0.1, random_state=0).fit(X, y)
    >>> around = sharpness(model, X, y, random_state=0)
    >>> around.loss < around.mean_loss < around.highest_loss
    True
    """
    values = {
        "radius": radius,
        "relative_to": relative_to,
        "n_directions": n_directions,
        "random_state": random_state,
    }
    validate_values("sharpness", values, _RULES)
    objective = Objective(estimator, X, y, intercepts=intercepts)
    random_state = check_random_state(random_state)
    eigenvalues, vectors = extremes_of(objective, 0, 1, random_state, progress)
    ball = _Ball(objective, radius, relative_to)
    loss, gradient = objective.loss_and_gradient()
    begins = (gradient, vectors[:, 0], -vectors[:, 0])
    directions = (random_state.standard_normal(len(gradient)) for _ in range(n_directions))
    around = [objective.loss(ball.centre + ball.furthest(d)) for d in directions]
    return Sharpness(
        largest_eigenvalue=float(eigenvalues[-1]),
        loss=loss,
        radius=radius,
        relative_to=relative_to,
        highest_loss=max(loss, *(_highest_loss(objective, ball, begin) for begin in begins)),
        mean_loss=float(np.mean(around)),
        mean_loss_error=float(np.std(around, ddof=1) / np.sqrt(n_directions)),
    )


def _highest_loss(objective, ball, direction):
    """The highest loss found by repeated steps to the furthest point along the gradient."""
    highest = -np.inf
    for _ in range(ASCENT_STEPS):
        loss, direction = objective.loss_and_gradient(ball.centre + ball.furthest(direction))
        if not loss > highest:
            break
        highest = loss
    return highest


class _Ball:
    """The set of perturbations: one ball, or a separate ball for each unit."""

    def __init__(self, objective, radius, relative_to):
        self.centre = objective.parameters
        self._unit = np.zeros(len(self.centre), dtype=np.intp)
        if relative_to == "units":
            self._unit = units_of_parameters(objective.estimator)[: len(self.centre)]
        self._radii = np.full(self._unit.max() + 1, float(radius))
        if relative_to is not None:
            self._radii *= self._norms(self.centre)

    def furthest(self, direction):
        """The perturbation that goes furthest along a direction."""
        norms = self._norms(direction)
        # a zero direction gives no perturbation
        factors = np.divide(self._radii, norms, out=np.zeros_like(norms), where=norms > 0)
        return factors[self._unit] * direction

    def _norms(self, vector):
        return np.sqrt(np.bincount(self._unit, weights=vector**2))


def units_of_parameters(estimator):
    """The index of the unit to which each parameter belongs, in the order of `gradient`.

    The weights and the intercept of a unit share an index; its scale and shift share another.
    """
    architecture = fitted_network(estimator).architecture
    n_units = [layer.fan_out for layer in architecture.layers]
    begins = np.cumsum([0, *n_units])
    units = []
    for entry in architecture.learned:
        numbers = begins[entry.layer] + np.arange(n_units[entry.layer])
        if entry.attribute in NORMALIZATION_ATTRIBUTES["layer"]:
            numbers += begins[-1]
        units.append(np.tile(numbers, entry.size // len(numbers)))
    return np.concatenate(units)
