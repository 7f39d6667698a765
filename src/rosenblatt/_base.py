"""The base class of all estimators: the link to their documentation, copies and pickles, sample
weights, and the promise that a fit is seen whole or, where it fails, not at all. No training here.
"""

# SPDX-License-Identifier: BSD-3-Clause
import contextlib
import copy
import functools
import numbers
import pickle
import sys
import warnings
from collections.abc import Callable
from types import MethodType
from typing import Any, Self, TypeVar

import numpy as np
from numpy.random.bit_generator import ISeedSequence
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_array

from rosenblatt._links import estimator_page, public_place
from rosenblatt._plain_state import from_plain, to_plain
from rosenblatt._types import Array

# what scikit-learn's callbacks keep in an estimator while it is fitted
_OF_A_RUNNING_FIT = ("_callback_fit_ctx", "_skl_callbacks_to_teardown", "_parent_callback_ctx")

Method = TypeVar("Method", bound=Callable[..., Any])


class _ConditionalMethod:
    """A method that an object has where `check` raises no AttributeError."""

    def __init__(self, method, check):
        self.method, self.check = method, check
        functools.update_wrapper(self, method)

    def __get__(self, estimator, owner=None):
        if estimator is None:
            return self.method
        try:
            self.check(estimator)
        except AttributeError as error:
            name = self.method.__name__
            raise AttributeError(
                f"This {type(estimator).__name__!r} has no attribute {name!r}: {error}"
            ) from error
        return MethodType(self.method, estimator)


def available_if(check: Callable[[Any], bool]) -> Callable[[Method], Method]:
    """scikit-learn's decorator, but that the message has the check's reason in it.

    Editors and type checkers see the method's signature.

    Parameters
    ----------
    check : callable
        Of the estimator; raises AttributeError where there is no such method.
    """
    return lambda method: _ConditionalMethod(method, check)


class RosenblattEstimator(BaseEstimator):
    """Base class of the package's estimators."""

    n_features_in_: int
    feature_names_in_: Array

    _doc_link_module = "rosenblatt"
    _doc_link_template = estimator_page()
    _doc_link_url_param_generator = public_place

    def __getstate__(self):
        """As plain data, without what belongs to a fit that is under way, in which a callback may
        pickle, and of a fitted model without callbacks that no pickle can hold."""
        state = super().__getstate__()
        state = {name: value for name, value in state.items() if name not in _OF_A_RUNNING_FIT}
        is_fitted = any(name[-1] == "_" and name[0] != "_" for name in state)
        if is_fitted and state.get("callbacks"):
            state["callbacks"] = _that_pickle(state["callbacks"])
        parameters = self._get_param_names()  # which are the user's: they stay as they are
        return {
            name: value if name in parameters else to_plain(value) for name, value in state.items()
        }

    def __setstate__(self, state):
        parameters = self._get_param_names()
        super().__setstate__(
            {
                name: value if name in parameters else from_plain(value)
                for name, value in state.items()
            }
        )

    def __copy__(self):
        twin = type(self).__new__(type(self))
        vars(twin).update(vars(self))
        return twin

    def __deepcopy__(self, memo):
        """In memory, of everything: what pickles leave out too."""
        twin = memo[id(self)] = type(self).__new__(type(self))
        state = {n: value for n, value in vars(self).items() if n not in _OF_A_RUNNING_FIT}
        vars(twin).update(copy.deepcopy(state, memo))
        return twin

    def _publish(self, learned, gone=()):
        """Makes what a fit has learned the estimator's attributes, all at once.

        Other threads that predict see the last fit or this one, never some of each: the instance's
        dictionary is replaced by another, as one assignment, and `on_one_fit` reads from one.

        Parameters
        ----------
        learned : dict
            Attributes by name.
        gone : iterable of str
            Attributes of an earlier fit, to be dropped where `learned` has none of the name.
        """
        attributes = dict(vars(self))
        for name in gone:
            attributes.pop(name, None)
        self.__dict__ = attributes | learned

    @contextlib.contextmanager
    def _published_at_the_end(self):
        """A context that gives (a copy of the estimator to learn in its place, a function that
        publishes what that has learned so far); it is called at the end, if there is no error."""
        before, learner = dict(vars(self)), copy.copy(self)

        def publish():
            self._publish(*changes(before, vars(learner)))

        with self._unchanged_on_error():
            yield learner, publish
            publish()

    @contextlib.contextmanager
    def _unchanged_on_error(self):
        """Puts every attribute back when the block raises: bad input costs no fitted model."""
        before = dict(vars(self))
        try:
            yield
        except BaseException:
            self.__dict__ = before
            raise


class ScikitLearnTwinMixin:
    """For estimators that scikit-learn has too: conversion both ways."""

    def to_sklearn(self) -> Any:
        """The fitted scikit-learn estimator that predicts what this one does.

        Batch normalisation is folded into its weights. It has those of this estimator's
        parameters that its class has; the others, which only training reads, are left out.

        Returns
        -------
        estimator : object
            MLPClassifier or MLPRegressor of sklearn.neural_network, or Perceptron of
            sklearn.linear_model.

        Raises
        ------
        ValueError
            For what scikit-learn's class cannot hold: activations but 'identity', 'logistic',
            'tanh' and 'relu', or several; normalization='layer'; losses but 'log_loss' of
            classes, 'squared_error' and 'poisson' of numbers.
        """
        from rosenblatt.export._sklearn import to_sklearn

        return to_sklearn(self)

    @classmethod
    def from_sklearn(cls, fitted: Any) -> Self:
        """An estimator that predicts what a fitted one of scikit-learn's does.

        Its parameters are taken over, and with warm_start=True or `partial_fit` training goes on
        from its weights, with a new optimiser.

        Parameters
        ----------
        fitted : object
            MLPClassifier or MLPRegressor of sklearn.neural_network, or Perceptron of
            sklearn.linear_model.

        Raises
        ------
        TypeError
            For an estimator of another class.
        """
        from rosenblatt.export._sklearn import from_sklearn

        return from_sklearn(cls, fitted)


def on_one_fit(method: Method) -> Method:
    """A decorator of methods that read several attributes: all come from the same fit, also where
    another thread fits the estimator meanwhile."""

    @functools.wraps(method)
    def reading(self, *args, **kwargs):
        as_it_is = object.__new__(type(self))
        as_it_is.__dict__ = vars(self)  # the same, not a copy: `_publish` brings another
        return method(as_it_is, *args, **kwargs)

    return reading


def changes(before, after):
    """(what is new or another in the attributes `after`, a dict; the names that are gone)."""
    missing = object()
    learned = {n: value for n, value in after.items() if before.get(n, missing) is not value}
    return learned, before.keys() - after.keys()


def _that_pickle(callbacks):
    """Those of the callbacks that a pickle can hold, with a warning of the others."""
    kept, lost = [], []
    for callback in callbacks:
        try:
            pickle.dumps(callback)
        except Exception:  # whatever an object of the user's raises
            lost.append(callback)
        else:
            kept.append(callback)
    if lost:
        warn_user(
            f"callbacks that cannot be pickled are left out of the pickle: {lost!r}. The model is "
            "complete. Functions and classes at the top level of a module can be pickled, lambdas "
            "and functions within functions cannot."
        )
    return kept


def warn_user(message, category=UserWarning):
    """Warns at the line of the first caller outside this package."""
    frame, level = sys._getframe(1), 2
    # scikit-learn's callbacks wrap what the estimators do, scipy's search calls ours
    inside = ("rosenblatt.", "sklearn.callback.", "scipy.optimize.")
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(inside):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


@contextlib.contextmanager
def numbers_of(name):
    """Integers of the block that are too large for a float are a ValueError that names them.

    One about missing values also names the estimators that take them.
    """
    try:
        yield
    except OverflowError as error:
        raise ValueError(
            f"{name} has an integer beyond {sys.float_info.max:.2g}, the largest number of "
            "float64: scale it down."
        ) from error
    except ValueError as error:
        if "missing values encoded as NaN natively" in str(error):  # in scikit-learn's words
            kind = "Regressor" if "Regressor does not" in str(error) else "Classifier"
            error.add_note(f"rosenblatt.TabularMLP{kind} takes missing values as they are.")
        raise


class _NoEntropy(ISeedSequence):
    """Zeros in place of the words that a new generator begins with."""

    words = np.zeros(624, np.uint32)

    def generate_state(self, n_words, dtype=np.uint32):
        """What MT19937 asks for; its seed follows."""
        return self.words


def random_state_from(random_state):
    """scikit-learn's `check_random_state`, which for a seed takes a fifth of the time.

    NumPy hashes entropy for a new generator, which the seed then replaces: in a fit to a small
    table that is a sixth of all time.
    """
    if not isinstance(random_state, numbers.Integral):
        return check_random_state(random_state)
    generator = np.random.RandomState(np.random.MT19937(_NoEntropy()))
    generator.seed(random_state)
    return generator


def checked_sample_weight(sample_weight, n_samples, dtype):
    """The weights as a contiguous array of shape (n_samples,), or None.

    Raises
    ------
    ValueError
        If they are not one number, or one number per row, not finite, or all zero.
    """
    if sample_weight is None:
        return None
    with numbers_of("sample_weight"):
        if isinstance(sample_weight, numbers.Number):
            sample_weight = np.full(n_samples, sample_weight, dtype=dtype)
        weights = check_array(
            sample_weight,
            ensure_2d=False,
            dtype=(np.float64, np.float32),
            order="C",
            input_name="sample_weight",
        )
    if weights.ndim != 1:
        raise ValueError(
            f"Sample weights must be 1D array or scalar, got {weights.ndim}D array. Expected "
            f"either a scalar value or a 1D array of length {n_samples}."
        )
    if weights.shape != (n_samples,):
        raise ValueError(f"sample_weight.shape == {weights.shape}, expected {(n_samples,)}!")
    if not weights.any():
        raise ValueError("Sample weights must contain at least one non-zero number.")
    with np.errstate(over="ignore"):
        weights = np.require(weights, dtype=dtype, requirements=["C", "A"])
    if not np.isfinite(weights).all():
        raise ValueError(f"sample_weight has values too large for {np.dtype(dtype)}.")
    if not weights.any():
        raise ValueError(f"All of sample_weight is too small for {np.dtype(dtype)}: scale it up.")
    return weights
