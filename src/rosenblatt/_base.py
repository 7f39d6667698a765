"""The base class of all estimators: the link to their documentation, copies and pickles, warnings,
and the promise that a fit is seen whole or, where it fails, not at all. No training here.
"""

# SPDX-License-Identifier: BSD-3-Clause
import contextlib
import copy
import functools
import pickle
import sys
import warnings
from collections.abc import Callable
from types import MethodType
from typing import Any, TypeVar

from sklearn.base import BaseEstimator

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
        dictionary is replaced by another, as one assignment. A method that predicts reads from
        one: it asks for `vars(self)` once, or is decorated with `on_one_fit`, which takes 1 us.

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


def on_one_fit(method: Method) -> Method:
    """A decorator of methods that read several attributes: all come from the same fit, also where
    another thread fits the estimator meanwhile."""

    @functools.wraps(method)
    def reading(self, *args, **kwargs):
        return method(with_attributes(self, vars(self)), *args, **kwargs)

    return reading


def with_attributes(estimator, fitted):
    """An object of the estimator's class whose attributes are those of the dictionary `fitted`,
    which was `vars(estimator)`: a fit that has published since does not change them."""
    unchanged = object.__new__(type(estimator))
    unchanged.__dict__ = fitted  # the same, not a copy: `_publish` brings another
    return unchanged


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


def warn_deprecated(old, new, *, removed_in):
    """Warn that a public name, parameter or default is deprecated, see CONTRIBUTING.md.

    `removed_in` is written as "X.Y"; tests/test_release.py fails once the version reaches it.
    """
    warn_user(
        f"{old} is deprecated and will be removed in rosenblatt {removed_in}. Use {new} instead.",
        FutureWarning,
    )
