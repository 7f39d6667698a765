"""Invalid constructor parameters raise scikit-learn's messages.

The estimators here are empty shells with the parameters of scikit-learn's; whether the package's
own estimators have the right rules is tested with them.
"""

import inspect
import re
from fractions import Fraction
from numbers import Integral, Real
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.linear_model import Perceptron
from sklearn.neural_network import MLPClassifier, MLPRegressor

from rosenblatt._parameter_checks import (
    Interval,
    InvalidParameterError,
    Options,
    validate_parameters,
)

COUNT = [Interval(Integral, 1, None)]
NOT_NEGATIVE = [Interval(Real, 0, None)]
POSITIVE = [Interval(Real, 0, None, closed="neither")]
BELOW_ONE = [Interval(Real, 0, 1)]

MLP_CLASSIFIER_RULES = {
    "hidden_layer_sizes": ["array-like", *COUNT],
    "activation": [Options(str, {"identity", "logistic", "tanh", "relu"})],
    "solver": [Options(str, ("lbfgs", "sgd", "adam"))],
    "alpha": NOT_NEGATIVE,
    "batch_size": [Options(str, {"auto"}), *COUNT],
    "learning_rate": [Options(str, {"constant", "invscaling", "adaptive"})],
    "learning_rate_init": POSITIVE,
    "power_t": NOT_NEGATIVE,
    "max_iter": COUNT,
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
    "tol": NOT_NEGATIVE,
    "verbose": ["verbose"],
    "warm_start": ["boolean"],
    "momentum": [Interval(Real, 0, 1, closed="both")],
    "nesterovs_momentum": ["boolean"],
    "early_stopping": ["boolean"],
    "validation_fraction": BELOW_ONE,
    "beta_1": BELOW_ONE,
    "beta_2": BELOW_ONE,
    "epsilon": POSITIVE,
    "n_iter_no_change": [*COUNT, Options(Real, {np.inf})],
    "max_fun": COUNT,
}
MLP_REGRESSOR_RULES = {
    **MLP_CLASSIFIER_RULES,
    "loss": [Options(str, {"squared_error", "poisson"})],
}
PERCEPTRON_RULES = {
    "penalty": [Options(str, {"l2", "l1", "elasticnet"}), None],
    "alpha": NOT_NEGATIVE,
    "l1_ratio": [Interval(Real, 0, 1, closed="both")],
    "fit_intercept": ["boolean"],
    "max_iter": COUNT,
    "tol": [*NOT_NEGATIVE, None],
    "shuffle": ["boolean"],
    "verbose": ["verbose"],
    "eta0": POSITIVE,
    "n_jobs": [Integral, None],
    "random_state": ["random_state"],
    "early_stopping": ["boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "n_iter_no_change": COUNT,
    "class_weight": [Options(str, {"balanced"}), dict, None],
    "warm_start": ["boolean"],
}
ALL_RULES = {
    MLPClassifier: MLP_CLASSIFIER_RULES,
    MLPRegressor: MLP_REGRESSOR_RULES,
    Perceptron: PERCEPTRON_RULES,
}
CASES = [
    pytest.param(reference, name, id=f"{reference.__name__}-{name}")
    for reference, rules in ALL_RULES.items()
    for name in rules
]

INTEGERS = [-1, 0, 1, 2, 2**32 - 1, 2**32, 10**400, -(10**400), True, False]
REALS = [-1.0, -0.0, 0.0, 1e-300, 0.5, np.nextafter(1, 0), 1.0, np.nextafter(1, 2), 2.5, 200.0]
NOT_FINITE = [np.nan, np.inf, -np.inf, float("nan"), np.float32("nan"), np.float64("inf")]
NUMPY_SCALARS = [
    *(np.bool_(True), np.bool_(False), np.int8(-1), np.int8(1), np.int64(0), np.uint64(2**63)),
    *(np.float16(0.5), np.float32(1), np.float32(-1), np.float64(0), np.longdouble(0.5)),
    *(np.complex128(1), np.str_("adam"), np.str_("none"), np.datetime64("nat")),
]
STRINGS = [
    *("", "auto", "Adam", "adam", "sgd", "lbfgs", "relu", "logistic", "constant", "adaptive"),
    *("squared_error", "poisson", "l1", "l2", "elasticnet", "balanced", "1", "0.5", "True", "None"),
    *("boolean", "array-like", b"adam"),
]
CONTAINERS = [
    *([], [1], (), (100,), (5, -2), ["adam"], {}, {0: 1.0}, {"adam"}, range(3), slice(3)),
    *(np.array(1), np.array(0.5), np.array([1]), np.array(["adam"]), np.zeros((0, 2))),
    *(sparse.csr_array((1, 2)), sparse.coo_matrix((1, 2)), memoryview(b"ab")),
    *(SimpleNamespace(shape=(2,)), SimpleNamespace(__array__=None)),
]
OTHERS = [
    *(None, Ellipsis, NotImplemented, 1j, object(), len, int, list, np.float64, Real),
    *(np.random, np.random.RandomState(0), np.random.default_rng(0), BaseEstimator()),
]
VALUES = INTEGERS + REALS + NOT_FINITE + NUMPY_SCALARS + STRINGS + CONTAINERS + OTHERS


def shell(name, signature, rules):
    """Return an estimator class that has parameters and rules, and nothing else."""

    def init(self, **parameters):
        vars(self).update(parameters)

    init.__signature__ = signature
    return type(name, (BaseEstimator,), {"__init__": init, "_parameter_rules": rules})


def shell_like(reference):
    """Return a shell with the name and the parameters of a scikit-learn estimator."""
    return shell(reference.__name__, inspect.signature(reference.__init__), ALL_RULES[reference])


def shell_with(*rules, value):
    """Return an estimator named Shell with one parameter ``size``, its rules and its value."""
    parameters = [
        inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        for name in ("self", "size")
    ]
    return shell("Shell", inspect.Signature(parameters), {"size": list(rules)})(size=value)


def refusal(validate, estimator):
    """Return the error with which ``validate`` refuses the estimator, None if it does not."""
    try:
        validate(estimator)
    except ValueError as error:
        return f"{type(error).__name__}: {error}"
    return None


def sort_options(text):
    """Sort the options in a message: scikit-learn shows them in the order of a set."""
    return text and re.sub(
        r"(?<=among \{)[^}]*", lambda found: ", ".join(sorted(found[0].split(", "))), text
    )


def reference_refusal(estimator):
    """Return scikit-learn's text for one of its estimators, None if it has no objection."""
    return sort_options(refusal(type(estimator)._validate_params, estimator))


def refused(*rules, value):
    """Tell whether the value of the only parameter is refused."""
    return refusal(validate_parameters, shell_with(*rules, value=value)) is not None


@pytest.mark.parametrize(("reference", "name"), CASES)
def test_same_answer_as_scikit_learn(reference, name):
    """Every value is accepted, or refused with the same text, as by scikit-learn's estimator."""
    shell_class = shell_like(reference)
    ours, theirs = {}, {}
    for number, value in enumerate(VALUES):
        # equal values are told apart by their number
        key = f"{number}: {value!r}"
        estimator = reference().set_params(**{name: value})
        theirs[key] = reference_refusal(estimator)
        ours[key] = refusal(validate_parameters, shell_class(**estimator.get_params(deep=False)))
        if type(value) is int and abs(value) == 10**400 and theirs[key] is None and ours[key]:
            # scikit-learn lets it pass, and ends in an OverflowError
            assert "beyond 1.8e+308, the largest number of float64" in ours.pop(key)
            del theirs[key]

    assert ours == theirs
    # values that are all accepted, or all refused, would compare little
    assert 0 < list(theirs.values()).count(None) < len(VALUES)


@pytest.mark.parametrize("reference", ALL_RULES)
def test_same_parameters_as_scikit_learn(reference):
    """The comparison leaves out no parameter of scikit-learn's estimators."""
    assert set(ALL_RULES[reference]) == set(reference().get_params(deep=False))


@pytest.mark.parametrize("reference", ALL_RULES)
def test_first_bad_parameter_is_reported(reference):
    """Among several bad parameters the one scikit-learn reports is reported."""
    bad = dict.fromkeys(ALL_RULES[reference], 1j)
    expected = reference_refusal(reference(**bad))
    assert refusal(validate_parameters, shell_like(reference)(**bad)) == expected


def test_error_can_be_caught_as_value_error_and_type_error():
    """Code written for either of the built-in errors goes on working."""
    with pytest.raises(InvalidParameterError) as caught:
        validate_parameters(shell_with(Integral, value="1"))
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, TypeError)


RANDOM_STATE_TEXT = (
    "an int in the range [0, 4294967295], an instance of 'numpy.random.mtrand.RandomState' or None"
)


@pytest.mark.parametrize(
    ("rules", "text"),
    [
        ([Interval(Real, 0, None)], "a float in the range [0.0, inf)"),
        ([Interval(Real, None, 1, "right")], "a float in the range (-inf, 1.0]"),
        ([Interval(Real, -0.5, 0.5, "both")], "a float in the range [-0.5, 0.5]"),
        ([Interval(Integral, None, 3, "neither")], "an int in the range (-inf, 3)"),
        ([Interval(Integral, 1, 3, "right")], "an int in the range (1, 3]"),
        ([Options(str, ("sgd", "adam", "lbfgs"))], "a str among {'adam', 'lbfgs', 'sgd'}"),
        ([Options(Integral, {10, 9, 1})], "a int among {1, 9, 10}"),
        ([Options(Real, {np.inf})], "a float among {inf}"),
        ([callable], "a callable"),
        ([Real], "an instance of 'float'"),
        ([Integral], "an instance of 'int'"),
        ([dict], "an instance of 'dict'"),
        ([Fraction], "an instance of 'fractions.Fraction'"),
        (["array-like", callable, None], "an array-like, a callable or None"),
        (["random_state"], RANDOM_STATE_TEXT),
        (["random_state", callable], f"{RANDOM_STATE_TEXT} or a callable"),
    ],
)
def test_text(rules, text):
    """Each rule is described word for word, with the options in alphabetical order."""
    with pytest.raises(InvalidParameterError) as caught:
        validate_parameters(shell_with(*rules, value="x"))
    assert str(caught.value) == (f"The 'size' parameter of Shell must be {text}. Got 'x' instead.")


@pytest.mark.parametrize("kind", [Real, Integral])
@pytest.mark.parametrize(
    ("closed", "inside"),
    [("left", {1, 2}), ("right", {2, 3}), ("both", {1, 2, 3}), ("neither", {2})],
)
def test_bounds_of_an_interval(kind, closed, inside):
    """A bound belongs to the interval only on the closed sides."""
    rule = Interval(kind, 1, 3, closed)
    assert {value for value in range(5) if not refused(rule, value=value)} == inside


@pytest.mark.parametrize(
    ("closed", "inside"),
    [
        ("left", {-np.inf}),
        ("right", {np.inf}),
        ("both", {-np.inf, np.inf}),
        ("neither", set()),
    ],
)
def test_infinity_in_an_unbounded_interval(closed, inside):
    """An infinite bound lets infinity in only where the interval is closed."""
    rule = Interval(Real, None, None, closed)
    assert {value for value in (-np.inf, np.inf) if not refused(rule, value=value)} == inside


@pytest.mark.parametrize("kind", [Real, Integral])
@pytest.mark.parametrize("value", [10**400, -(10**400), 10**5000], ids=["+", "-", "long"])
def test_integers_that_no_float_can_be(kind, value):
    """Refused where floats are computed, with a text; Python writes down no 5000 digits."""
    rule = Interval(kind, None, None, "both")
    assert refused(rule, value=value) == (kind is Real)
    assert not refused(rule, value=10**308)
    text = refusal(validate_parameters, shell_with(Interval(kind, 0, 1), value=10**5000))
    assert "an integer of 16,610 bits" in text


@pytest.mark.parametrize("nan", [np.nan, -np.nan, np.float32("nan"), np.longdouble("nan")])
def test_nan_is_in_no_interval(nan):
    """NaN is refused even by the interval of all numbers."""
    assert refused(Interval(Real, None, None, "both"), value=nan)


def test_fraction_is_a_number():
    """Exact fractions, on which scikit-learn's own check breaks down, are compared as numbers."""
    rule = Interval(Real, 0, 1)
    assert not refused(rule, value=Fraction(1, 3))
    assert refused(rule, value=Fraction(4, 3))


def test_option_of_another_type_is_refused():
    """A value equal to an option but of another type is not that option."""
    assert refused(Options(Integral, {1}), value=1.0)
    assert not refused(Options(Integral, {1}), value=1)


def test_what_can_be_called():
    """The marker ``callable`` accepts functions, classes and objects that can be called."""
    assert not refused(callable, value=len)
    assert not refused(callable, value=dict)
    assert refused(callable, value=None)


def test_parameter_without_rules_is_an_internal_error():
    """A forgotten parameter is named, even if another one is bad, and not blamed on the user."""
    signature = inspect.signature(Perceptron.__init__)
    rules = {name: rule for name, rule in PERCEPTRON_RULES.items() if name != "tol"}
    estimator = shell("Perceptron", signature, rules)(**Perceptron(alpha=-1).get_params())
    with pytest.raises(AssertionError, match=r"^Perceptron has no rules for: tol$"):
        validate_parameters(estimator)


@pytest.mark.parametrize(
    ("make", "arguments"),
    [
        (Interval, (float, 0, 1)),
        (Interval, (Real, 0, 1, "Left")),
        (Options, (str, "auto")),
    ],
)
def test_misspelt_rule_is_an_internal_error(make, arguments):
    """A rule that would let wrong values pass cannot be made."""
    with pytest.raises(AssertionError):
        make(*arguments)


def test_unknown_marker_is_an_internal_error():
    """A misspelt marker is named and not blamed on the user."""
    with pytest.raises(KeyError, match="booleen"):
        validate_parameters(shell_with("booleen", value=True))
