"""Check the constructor parameters of an estimator before any work is done.

The texts are those scikit-learn users know. Only single values are checked here: how parameters
agree with each other, or with the data, is for the estimators to say.
"""

# SPDX-License-Identifier: BSD-3-Clause
import difflib
import inspect
import math
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import cache
from numbers import Integral, Real
from sys import float_info

import numpy as np
from scipy import sparse
from sklearn import get_config


class InvalidParameterError(ValueError, TypeError):
    """A constructor parameter has a wrong type or a wrong value."""


@dataclass(frozen=True)
class Interval:
    """Numbers between two bounds.

    Parameters
    ----------
    kind : {numbers.Real, numbers.Integral}
        Which numbers are meant. As everywhere in Python, a ``bool`` is an integer and an integer
        is a real number; ``numpy.bool`` is neither.

    left, right : real number or None
        The bounds; None is an infinite one.

    closed : {"left", "right", "both", "neither"}, default="left"
        The bounds which belong to the interval. Closing an infinite bound lets infinity in.
    """

    kind: type
    left: float | None
    right: float | None
    closed: str = "left"

    def __post_init__(self):
        # a misspelt rule would not fail, it would let wrong values pass
        if self.kind not in (Real, Integral):
            raise AssertionError(f"no interval of {self.kind!r}")
        if self.closed not in ("left", "right", "both", "neither"):
            raise AssertionError(f"no interval closed on {self.closed!r}")

    def accepts(self, value):
        """Tell whether ``value`` is a number of the right kind in the interval."""
        return isinstance(value, self.kind) and self._has(value) and not self._is_too_large(value)

    def remark(self, value):
        """What the message adds for a number that is in the range, but too large for any use."""
        if isinstance(value, self.kind) and self._has(value) and self._is_too_large(value):
            return f" It is beyond {float_info.max:.2g}, the largest number of float64."
        return ""

    def _has(self, value):
        # NaN needs no case of its own: it is neither above nor below anything
        left = -math.inf if self.left is None else self.left
        right = math.inf if self.right is None else self.right
        above = value >= left if self.closed in ("left", "both") else value > left
        below = value <= right if self.closed in ("right", "both") else value < right
        return bool(above and below)

    def _is_too_large(self, value):
        """Whether a number that is computed with is an integer that no float can be."""
        if self.kind is Integral:
            return False
        try:
            float(value)
        except OverflowError:
            return True
        return False

    def __str__(self):
        noun, number = ("an int", int) if self.kind is Integral else ("a float", float)
        left = "-inf" if self.left is None else number(self.left)
        right = "inf" if self.right is None else number(self.right)
        opening = "[" if self.closed in ("left", "both") else "("
        closing = "]" if self.closed in ("right", "both") else ")"
        return f"{noun} in the range {opening}{left}, {right}{closing}"


@dataclass(frozen=True)
class Options:
    """A few values of one type.

    Parameters
    ----------
    kind : type
        The type of the values. A value which compares equal but has another type is refused.

    values : collection
        The values, which must be hashable and have an order. They are shown sorted, for the
        message to be the same in every process.

    remarks : dict
        What the message adds for a value that is no option and that people ask for.
    """

    kind: type
    values: Collection
    remarks: dict = field(default_factory=dict)

    def __post_init__(self):
        # Options(str, "auto") would be four options of one letter
        if isinstance(self.values, str):
            raise AssertionError(f"not a collection of options: {self.values!r}")
        object.__setattr__(self, "values", frozenset(self.values))

    def accepts(self, value):
        """Tell whether ``value`` is one of the options."""
        # the type comes first: a list has no hash and cannot be looked up
        return isinstance(value, self.kind) and value in self.values

    def remark(self, value):
        """What the message adds for this value; mostly nothing."""
        return self.remarks.get(value, "") if isinstance(value, self.kind) else ""

    def __str__(self):
        return f"a {_type_name(self.kind)} among {{{', '.join(map(repr, sorted(self.values)))}}}"


@dataclass(frozen=True)
class _InstanceOf:
    """The instances of one type."""

    kind: type

    def accepts(self, value):
        return isinstance(value, self.kind)

    def __str__(self):
        return f"an instance of {_type_name(self.kind)!r}"


@dataclass(frozen=True)
class _Predicate:
    """The values for which a function answers true."""

    accepts: Callable
    text: str

    def __str__(self):
        return self.text


@dataclass(frozen=True)
class _AnyOf:
    """The values which satisfy at least one of several rules."""

    rules: tuple

    def accepts(self, value):
        return any(rule.accepts(value) for rule in self.rules)

    def __str__(self):
        *head, last = map(str, self.rules)
        return f"{', '.join(head)} or {last}" if head else last


def _type_name(kind):
    """Name a type as users write it; the abstract number types are int and float to them."""
    names = {Integral: "int", Real: "float"}
    if kind in names:
        return names[kind]
    # numpy's bool is not named alike in all its versions, hence no fixed texts
    if kind.__module__ == "builtins":
        return kind.__qualname__
    return f"{kind.__module__}.{kind.__qualname__}"


def _is_none(value):
    return value is None


def _is_array_like(value):
    """Tell whether ``value`` has a length or a shape; strings and sparse matrices do not count."""
    if sparse.issparse(value) or np.isscalar(value):
        return False
    return any(hasattr(value, name) for name in ("__len__", "shape", "__array__"))


def _is_function(value):
    """Tell whether ``value`` can be called to some end: a class in place of an object cannot."""
    return callable(value) and not isinstance(value, type)


def _are_functions(value):
    """Tell whether ``value`` is a list or tuple of such callables."""
    return isinstance(value, (list, tuple)) and all(map(_is_function, value))


def _is_float_dtype(value):
    """Tell whether NumPy takes ``value`` as float32 or float64 in the machine's byte order."""
    if not isinstance(value, (str, type, np.dtype)):
        return False
    try:
        return np.dtype(value) in (np.dtype(np.float32), np.dtype(np.float64))
    except TypeError:
        return False


def _is_metric(value):
    """Tell whether ``value`` is a function of (y_true, y_pred), as scikit-learn's metrics are."""
    if not inspect.isfunction(value):
        return False
    names = [*inspect.signature(value).parameters, "", ""]
    return names[0] == "y_true" or names[:2] == ["y", "y_pred"]


class _Scorer:
    """A callable of (estimator, X, y); metrics have another signature."""

    def accepts(self, value):
        return _is_function(value) and not _is_metric(value)

    def remark(self, value):
        if not _is_metric(value):
            return ""
        return (
            f" {value.__name__} is a metric, a function of y_true and y_pred, and no scorer, which "
            "is one of the estimator, X and y: sklearn.metrics.make_scorer makes one of it, "
            f"scoring=make_scorer({value.__name__})."
        )

    def __str__(self):
        return "a callable"


# of scores, and what scikit-learn calls them
_COMMON_NAMES = {
    "acc": ["accuracy"],
    "auc": ["roc_auc"],
    "auroc": ["roc_auc"],
    "pr_auc": ["average_precision"],
    "auprc": ["average_precision"],
    "log_loss": ["loss", "neg_log_loss"],
    "logloss": ["loss", "neg_log_loss"],
    "cross_entropy": ["loss", "neg_log_loss"],
    "val_loss": ["loss"],
    "rmse": ["neg_root_mean_squared_error"],
    "mse": ["neg_mean_squared_error"],
    "mae": ["neg_mean_absolute_error"],
    "mape": ["neg_mean_absolute_percentage_error"],
    "mcc": ["matthews_corrcoef"],
}


class _ScorerNames:
    """The names of scikit-learn's scorers, which take long to import, and 'loss'."""

    def accepts(self, value):
        return isinstance(value, str) and Options(str, self._names()).accepts(value)

    def __str__(self):
        return str(Options(str, self._names()))

    def remark(self, value):
        near = self.near(value)
        return f" Did you mean {' or '.join(map(repr, near))}?" if near else ""

    def near(self, value):
        """The names that someone who gives this one may mean."""
        if not isinstance(value, str):
            return []
        wish = re.sub(r"[\s-]", "_", value.lower()).removesuffix("_score")
        if wish in _COMMON_NAMES:
            return _COMMON_NAMES[wish]
        names = self._names()
        found = [name for name in (wish, f"neg_{wish}") if name in names]
        return found or difflib.get_close_matches(wish, names, 2, cutoff=0.8)

    @staticmethod
    def _names():
        from sklearn.metrics import get_scorer_names

        return ("loss", *get_scorer_names())


_NOTHING = object()  # which no parameter is
_NONE = _Predicate(_is_none, "None")
_BOOLEANS = (_InstanceOf(bool), _InstanceOf(np.bool_))
# numpy.random.RandomState takes 32 bits
_SEED = Interval(Integral, 0, 2**32 - 1, closed="both")

_MARKERS = {
    None: _NONE,
    callable: _Predicate(callable, "a callable"),
    "function": _Predicate(_is_function, "a callable"),
    "functions": _Predicate(_are_functions, "a list of callables"),
    "array-like": _Predicate(_is_array_like, "an array-like"),
    "boolean": _AnyOf(_BOOLEANS),
    "float dtype": _Predicate(
        _is_float_dtype, "a str among {'float32', 'float64'}, NumPy's type of that name"
    ),
    "random_state": _AnyOf((_SEED, _InstanceOf(np.random.RandomState), _NONE)),
    "scorer": _Scorer(),
    "scoring": _ScorerNames(),
    "verbose": _AnyOf((Interval(Integral, 0, None), *_BOOLEANS)),
}


def _as_rule(rule):
    """Replace a type or a marker by the rule it stands for."""
    if isinstance(rule, (Interval, Options)):
        return rule
    if isinstance(rule, type):
        return _InstanceOf(rule)
    return _MARKERS[rule]


def validate_parameters(estimator):
    """Refuse an estimator with a constructor parameter that breaks its rules.

    Parameters
    ----------
    estimator : estimator
        The class attribute ``_parameter_rules`` gives for every constructor parameter the list
        of its rules, of which one must hold. A rule is an `Interval`, an `Options`, a type,
        None, the function ``callable``, or one of "array-like", "boolean", "float dtype" (float32
        or float64 as NumPy takes it), "function" (a callable that is no class), "functions" (a
        list of them), "random_state", "scorer" (a callable that is no metric), "scoring" (a
        scorer's name or 'loss') and "verbose". Under scikit-learn's setting
        ``skip_parameter_validation`` nothing is checked.

    Raises
    ------
    InvalidParameterError
        If a parameter satisfies none of its rules. Only the first one, in the order of
        ``get_params``, is reported.
    AssertionError
        If a parameter has no rules, whatever its value: a mistake in the package, not the
        user's.
    """
    if get_config()["skip_parameter_validation"]:
        return
    owner = type(estimator)
    rules, defaults = _rules_of(owner), _defaults_of(owner)
    values = ((name, getattr(estimator, name)) for name in rules)
    # most are the defaults, which have been looked at once
    changed = {n: value for n, value in values if value is not defaults.get(n, _NOTHING)}
    _refuse_first(owner.__name__, changed, rules)


def validate_values(owner, values, rules):
    """Refuse the first of the values, a dict, that breaks its rules.

    Parameters
    ----------
    owner : str
        What the message calls the thing whose parameters these are.
    values : dict
    rules : dict
        For every name in `values` a list of rules as in `validate_parameters`.

    Raises
    ------
    InvalidParameterError
    """
    rules = {name: _AnyOf(tuple(map(_as_rule, rules[name]))) for name in values}
    _refuse_first(owner, values, rules)


def _refuse_first(owner, values, rules):
    for name, value in values.items():
        rule = rules[name]
        if not rule.accepts(value):
            _refuse(f"The {name!r} parameter of {owner}", value, rule)


@cache  # a class's signature does not change, and reading it takes longer than checking
def _rules_of(owner):
    """The rule of every constructor parameter, in the order of ``get_params``."""
    names = sorted(inspect.signature(owner.__init__).parameters.keys() - {"self"})
    forgotten = [name for name in names if name not in owner._parameter_rules]
    if forgotten:
        raise AssertionError(f"{owner.__name__} has no rules for: {', '.join(forgotten)}")
    return {name: _AnyOf(tuple(map(_as_rule, owner._parameter_rules[name]))) for name in names}


@cache
def _defaults_of(owner):
    """The defaults in the signature that the rules take."""
    rules, parameters = _rules_of(owner), inspect.signature(owner.__init__).parameters
    defaults = {name: parameters[name].default for name in rules}
    return {name: value for name, value in defaults.items() if rules[name].accepts(value)}


def refuse_value(subject, value, rules):
    """Raises InvalidParameterError for a value that satisfies none of the rules."""
    rule = _AnyOf(tuple(map(_as_rule, rules)))
    if not rule.accepts(value):
        _refuse(subject, value, rule)


def _shown(value):
    """The value's repr; of an integer that Python will not write down, how long it is."""
    try:
        return repr(value)
    except ValueError:
        return f"an integer of {int(value).bit_length():,} bits"


def _refuse(subject, value, rule):
    remarks = [one.remark(value) for one in rule.rules if hasattr(one, "remark")]
    # who has a metric in hand is not to read through sixty names
    is_metric = any(isinstance(one, _Scorer) for one in rule.rules) and _is_metric(value)
    is_near = any(isinstance(one, _ScorerNames) and one.near(value) for one in rule.rules)
    allowed = "a scorer or its name" if is_metric or is_near else rule
    raise InvalidParameterError(
        f"{subject} must be {allowed}. Got {_shown(value)} instead." + "".join(remarks)
    )
