"""Extracts a fitted network from a Pipeline, a TransformedTargetRegressor or a search.

It is used by functions that analyse networks. Data are transformed as for the network.
"""

# SPDX-License-Identifier: BSD-3-Clause
import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted


def unwrapped(estimator, *data, refuse):
    """The network inside an estimator, and the data as transformed for it.

    Parameters
    ----------
    estimator : object
        A network, or a fitted Pipeline that ends in one, a TransformedTargetRegressor around one,
        a search whose `best_estimator_` is one, or any of these in another.
    *data : pairs of X and y
    refuse : callable
        Called with the inner estimator; must raise if it is not acceptable.

    Returns
    -------
    network : object
    prefix : str
        Prefix of its parameters in `set_params` of the given estimator.
    *data : pairs of X and y
        X transformed by the steps of a Pipeline before the network, y by the transformer of a
        TransformedTargetRegressor.

    Raises
    ------
    NotFittedError
        If a wrapper is not fitted.
    """
    prefix = ""
    while True:
        if isinstance(estimator, Pipeline):
            name, inner = estimator.steps[-1]
            if not is_wrapping(inner):
                refuse(inner)
            check_is_fitted(inner, msg="This Pipeline is not fitted: call fit(X, y) first.")
            if len(estimator.steps) > 1:
                before = estimator[:-1]
                data = [(before.transform(X), y) for X, y in data]
        elif isinstance(estimator, TransformedTargetRegressor):
            check_is_fitted(estimator, msg="This %(name)s is not fitted: call fit(X, y) first.")
            name, inner = "regressor", estimator.regressor_
            data = [(X, _transformed(estimator, y)) for X, y in data]
        elif hasattr(estimator, "best_estimator_"):
            name, inner = "estimator", estimator.best_estimator_
        else:
            refuse(estimator)
            return estimator, prefix, *data
        estimator, prefix = inner, f"{prefix}{name}__"


def is_wrapping(estimator):
    """Whether it is one of the wrappers that `unwrapped` handles."""
    return isinstance(estimator, (Pipeline, TransformedTargetRegressor)) or hasattr(
        estimator, "best_estimator_"
    )


def _transformed(estimator, y):
    """The targets that a TransformedTargetRegressor passes to its regressor."""
    y = np.asarray(y)
    y = estimator.transformer_.transform(y.reshape(len(y), -1))
    return y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
