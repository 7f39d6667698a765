"""The elementary functions and activations of the kernels against values of higher precision."""

from decimal import Context, Decimal, localcontext
from functools import cache

import numpy as np
import pytest
import reference
from scipy.special import expit, ndtr

from rosenblatt.core import dispatch, probes

# units in the last place that vec_math.h promises
MOST_ULPS = {
    **dict.fromkeys(["exp", "log", "tanh", "logistic", "softplus", "expm1"], 4),
    "sqrt": 1,
}
FUNCTIONS = [*MOST_ULPS, "normal_cdf"]

# float64 is a true value to float32: its own error is 2e-9 of a unit in the last place there
IN_FLOAT64 = {
    "exp": np.exp,
    "log": np.log,
    "tanh": np.tanh,
    "logistic": expit,
    "softplus": lambda x: np.logaddexp(0, x),
    "sqrt": np.sqrt,
    "expm1": np.expm1,
    "normal_cdf": ndtr,
}


def exact_expm1(x):
    """exp(x) - 1, which for a small x would lose its digits."""
    return x + x**2 / 2 + x**3 / 6 if abs(x) < Decimal("1e-15") else x.exp() - 1


PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494")


def exact_erf(x):
    """Taylor's series, whose terms of exp(x^2) times more than the sum take 40 digits of 100."""
    if abs(x) > 8:
        return Decimal(1).copy_sign(x)
    with localcontext(Context(prec=100)):
        total = term = x
        n = 0
        while abs(term) > abs(total) * Decimal("1e-60"):
            n += 1
            term = -term * x * x / n
            total += term / (2 * n + 1)
        return 2 * total / PI.sqrt()


def exact_normal_cdf(x):
    """By erf, of which 40 digits are left where the result is 1e-17."""
    with localcontext(Context(prec=100)):
        return (1 + exact_erf(x / Decimal(2).sqrt())) / 2


def exact_tanh(x):
    """tanh, which for a small x would lose its digits in exp(2 x) - 1."""
    if abs(x) < Decimal("1e-10"):
        return x - x**3 / 3
    e = (2 * x).exp()
    return (e - 1) / (e + 1)


def exact_softplus(x):
    """log(1 + exp(x)), which for a small e = exp(x) would lose its digits in 1 + e."""
    e = x.exp()
    return e - e * e / 2 if e < Decimal("1e-25") else (1 + e).ln()


# to 50 digits, the true values for float64
IN_DECIMAL = {
    "exp": lambda x: x.exp(),
    "log": lambda x: x.ln(),
    "tanh": exact_tanh,
    "logistic": lambda x: 1 / (1 + (-x).exp()),
    "softplus": exact_softplus,
    "sqrt": lambda x: x.sqrt(),
    "expm1": exact_expm1,
    "normal_cdf": exact_normal_cdf,
}


def arguments(function, dtype):
    """A grid, random values of every magnitude and the borders where something happens."""
    generator = np.random.RandomState(0)
    number = np.finfo(dtype)
    size = 100_000 if dtype == "float32" else 2_000
    largest = np.log(float(number.max))
    magnitudes = generator.uniform(np.log2(float(number.tiny)), np.log2(largest), size)
    anywhere = np.exp2(magnitudes)
    x = np.concatenate(
        [
            np.linspace(-5, 5, size),
            np.linspace(-largest, largest, size),
            np.concatenate([anywhere, -anywhere]),
            np.log(float(number.tiny)) + np.linspace(-2, 2, 41),  # where exp becomes denormal
            np.log(2) * (np.arange(-20, 21) + 0.5),  # where exp changes its power of two
            [0.0, 1.0, -1.0, 1 + number.eps, 1 - number.eps, float(number.tiny)],
        ]
    )
    if function in ("log", "sqrt"):
        everywhere = np.exp2(
            generator.uniform(np.log2(float(number.tiny)), np.log2(float(number.max)), size)
        )
        near_one = 1 + generator.uniform(-1, 1, size) * 10 ** generator.uniform(-15, 0, size)
        x = np.concatenate([everywhere, near_one, [number.tiny, number.max, 1, np.sqrt(0.5)]])
        x = x[x >= number.tiny]
    return np.unique(x.astype(dtype))


@cache
def true_values(function, dtype):
    """(x, high, low): the function at x is high + low, high having the precision float64."""
    x = arguments(function, dtype)
    if dtype == "float32":
        high = IN_FLOAT64[function](x.astype("float64"))
        return x, high, np.zeros_like(high)
    with localcontext(Context(prec=50)):
        exact = [IN_DECIMAL[function](Decimal(float(value))) for value in x]
        high = np.array([float(value) for value in exact])
        low = [float(e - Decimal(float(e))) if e < Decimal("1.7e308") else 0.0 for e in exact]
    return x, high, np.array(low)


def ulps_between(actual, high, low):
    """|actual - (high + low)| in units in the last place that `actual`'s precision has there."""
    unit = np.spacing(np.abs(high).astype(actual.dtype)).astype("float64")
    return np.abs((actual.astype("float64") - high) - low) / unit


def lengths(vector):
    """Nothing, one element, and a loop's tail of every kind around whole vectors."""
    return [0, 1, vector - 1, vector, vector + 1, 2 * vector + 3]


@pytest.mark.parametrize("function", MOST_ULPS)
def test_function_is_within_its_bound(function, isa, dtype):
    """Wherever the true value is a normal number, the error is at most what is promised."""
    x, high, low = true_values(function, dtype)
    number = np.finfo(dtype)
    # exp gives zero below 2 tiny, and loses digits in what follows from it there
    normal = (np.abs(high) > 2.2 * float(number.tiny)) & (high < float(number.max))
    if function in ("tanh", "expm1"):
        normal = (np.abs(high) >= float(number.tiny)) & (high < float(number.max))

    actual = probes.evaluate(function, x)

    errors = ulps_between(actual[normal], high[normal], low[normal])
    worst = errors.argmax()
    assert errors[worst] <= MOST_ULPS[function], f"{errors[worst]:.2f} ulp at {x[normal][worst]!r}"
    assert normal.mean() > 0.8


def test_normal_cdf_is_within_its_bounds(isa, dtype):
    """To an epsilon of 1, and below 0, as far as a tail is more than that, to 4 + x^2 units in its
    own last place: what rounding of x^2 / 2 makes of the exponential."""
    x, high, low = true_values("normal_cdf", dtype)

    actual = probes.evaluate("normal_cdf", x)

    assert np.abs(actual.astype("float64") - high).max() <= np.finfo(dtype).eps
    tail = (x < 0) & (x > (-6 if dtype == "float32" else -8.5))
    assert tail.sum() > 500
    errors = ulps_between(actual[tail], high[tail], low[tail])
    assert (errors <= 4 + x[tail].astype("float64") ** 2).all()


@pytest.mark.parametrize("function", ["exp", "logistic", "softplus"])
def test_function_vanishes_below_the_normal_numbers(function, isa, dtype):
    """Where the true value is below 2.2 tiny the result is off by no more than that."""
    x, high, _ = true_values(function, dtype)
    tiny = float(np.finfo(dtype).tiny)
    small = high <= 2.2 * tiny

    actual = probes.evaluate(function, x[small]).astype("float64")

    assert small.any()
    assert (np.abs(actual - high[small]) <= 2.2 * tiny).all()
    assert (actual >= 0).all()


SPECIAL = {  # at -inf, -1e4, -0.0, 0.0, 1e4, inf
    "exp": [0, 0, 1, 1, np.inf, np.inf],
    "tanh": [-1, -1, -0.0, 0.0, 1, 1],
    "logistic": [0, 0, 0.5, 0.5, 1, 1],
    "softplus": [0, 0, np.log(2), np.log(2), 1e4, np.inf],
    "expm1": [-1, -1, -0.0, 0.0, np.inf, np.inf],
    "normal_cdf": [0, 0, 0.5, 0.5, 1, 1],
}


@pytest.mark.parametrize("function", SPECIAL)
def test_function_of_special_values(function, isa, dtype):
    """Zeros with their sign, infinities and arguments beyond the overflow are exact."""
    x = np.array([-np.inf, -1e4, -0.0, 0.0, 1e4, np.inf], dtype=dtype)
    expected = np.array(SPECIAL[function], dtype=dtype)

    actual = probes.evaluate(function, x)

    np.testing.assert_array_max_ulp(actual, expected, maxulp=1)
    np.testing.assert_array_equal(np.signbit(actual), np.signbit(expected))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_function_of_nan_is_nan(function, isa, dtype, vector_length):
    """A NaN stays a NaN at every position of a vector: it tells of divergence."""
    size = 2 * vector_length + 3
    for position in range(size):
        x = np.ones(size, dtype=dtype)
        x[position] = np.nan

        actual = probes.evaluate(function, x)

        assert np.flatnonzero(np.isnan(actual)).tolist() == [position]


def test_square_roots_of_special_values(isa, dtype):
    """Exact at zero and infinity, and no number below zero."""
    x = np.array([-0.0, 0.0, np.inf, -1e-30, -1e4, -np.inf], dtype=dtype)

    actual = probes.evaluate("sqrt", x)

    np.testing.assert_array_equal(actual, [0, 0, np.inf, np.nan, np.nan, np.nan])


def test_log_of_infinity_is_infinite(isa, dtype):
    """A sum that overflowed has an infinite logarithm, not a finite one."""
    x = np.array([np.inf], dtype=dtype)

    assert probes.evaluate("log", x)[0] == np.inf


@pytest.mark.parametrize("function", ["exp", "expm1", "softplus"])
def test_function_around_its_overflow(function, isa, dtype):
    """The largest argument with a finite exp is not cut off, and the first beyond gives inf."""
    number = np.finfo(dtype)
    border = np.log(np.longdouble(number.max)).astype(dtype)
    below, beyond = (np.array([border * (1 + d)], dtype) for d in (-4 * number.eps, 4 * number.eps))

    finite, infinite = probes.evaluate(function, below), probes.evaluate(function, beyond)

    assert np.isfinite(finite[0])
    assert infinite[0] == (beyond[0] if function == "softplus" else np.inf)


@pytest.mark.parametrize("function", ["tanh", "logistic", "softplus"])
def test_function_of_denormal_numbers(function, isa, dtype):
    """The smallest numbers are neither flushed nor disturbed: tanh(x) = x, the others constant."""
    number = np.finfo(dtype)
    x = np.array([1, 2, 3, 1000], dtype=dtype) * number.smallest_subnormal
    x = np.concatenate([x, -x])
    expected = {"tanh": x, "logistic": np.full_like(x, 0.5), "softplus": np.full_like(x, np.log(2))}

    actual = probes.evaluate(function, x)

    np.testing.assert_array_max_ulp(actual, expected[function], maxulp=1)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_function_writes_every_length_right(function, isa, dtype, vector_length):
    """Loop tails: any number of elements, each with the value that the true function has."""
    for length in lengths(vector_length):
        x = np.linspace(0.5, 3, length).astype(dtype)

        actual = probes.evaluate(function, x)

        expected = IN_FLOAT64[function](x.astype("float64"))
        assert actual.shape == (length,)
        # 4 ulp of ours and a rounding of the float64 truth, which for float64 is an ulp as well
        np.testing.assert_allclose(actual, expected, rtol=6 * np.finfo(dtype).eps)


@pytest.mark.parametrize("name", dispatch.ACTIVATIONS)
def test_activation_and_slope_match_reference(name, isa, dtype):
    """Value and slope of each row of activations.def, at every loop length, on all magnitudes."""
    row = reference.ACTIVATIONS[name]
    epsilon = np.finfo(dtype).eps
    tiny = float(np.finfo(dtype).tiny)
    x = arguments("tanh", dtype)
    wider = x.astype(np.longdouble)  # where it is no wider, the reference's own ulp is in the 4

    value, slope = probes.activate(name, x)

    true_value, true_slope = row.value(wider), row.slope(wider)
    unit = np.spacing(np.abs(true_value).astype(dtype))
    if row.ulps_of_z:
        unit = np.maximum(unit, np.spacing(np.abs(x)))
    # below 2.2 tiny a factor of z may be zero, see test_function_vanishes_below_the_normal_numbers
    smallest = 2.2 * tiny * np.maximum(1, np.abs(x))
    normal = (np.abs(true_value) > smallest) | (np.array(row.value_ulps[dtype]) == 0)
    errors = np.abs(value - true_value)[normal] / unit[normal]
    assert errors.max() <= row.value_ulps[dtype], x[normal][errors.argmax()]
    assert (np.abs(value - true_value) <= smallest)[~normal].all()
    slope_errors = np.abs(slope - true_slope) / epsilon
    assert slope_errors.max() <= row.slope_epsilons[dtype], x[slope_errors.argmax()]


def test_slope_of_softplus_keeps_the_digits_of_a_small_one(isa, dtype):
    """It is about e^z far below zero, where 1 - e^-a would be 0."""
    z = np.linspace(-80, -5, 1000).astype(dtype)
    _, slope = probes.activate("softplus", z)
    # 4 ulp each of the value and of expm1, and the roundings of both
    np.testing.assert_allclose(slope, expit(z.astype(float)), rtol=10 * np.finfo(dtype).eps)


@pytest.mark.parametrize("name", dispatch.ACTIVATIONS)
def test_activation_of_every_length(name, isa, dtype, vector_length):
    """Loop tails: any number of elements, as the reference has them."""
    row = reference.ACTIVATIONS[name]
    for length in lengths(vector_length):
        z = np.linspace(-2, 2, length).astype(dtype)

        value, slope = probes.activate(name, z)

        # the rows' tolerances, for values and slopes of order one
        tolerance = 16 * np.finfo(dtype).eps
        np.testing.assert_allclose(value, row.value(z), rtol=tolerance, atol=tolerance)
        np.testing.assert_allclose(slope, row.slope(z), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", dispatch.ACTIVATIONS)
def test_activation_keeps_a_nan(name, isa, dtype, vector_length):
    """Each activation of a NaN is a NaN, whatever stands beside it in the vector."""
    z = np.linspace(-3, 3, 2 * vector_length + 3).astype(dtype)
    z[::3] = np.nan

    value, _ = probes.activate(name, z)

    np.testing.assert_array_equal(np.isnan(value), np.isnan(z))


@pytest.mark.parametrize(
    ("name", "limits", "slopes"),
    [
        ("identity", (-np.inf, np.inf), (1, 1)),
        ("logistic", (0, 1), (0, 0)),
        ("tanh", (-1, 1), (0, 0)),
        ("relu", (0, np.inf), (0, 1)),
        ("hard_sigmoid", (0, 1), (0, 0)),
        ("leaky_relu", (-np.inf, np.inf), (0.01, 1)),
        ("elu", (-1, np.inf), (0, 1)),
        ("selu", (-reference.SELU_SCALE * reference.SELU_ALPHA, np.inf), (0, reference.SELU_SCALE)),
        ("gelu", (0, np.inf), (0, 1)),
        ("silu", (0, np.inf), (0, 1)),
        ("mish", (0, np.inf), (0, 1)),
        ("softplus", (0, np.inf), (0, 1)),
        ("hard_swish", (0, np.inf), (0, 1)),
    ],
)
def test_activation_at_infinity(name, limits, slopes, isa, dtype):
    """At both infinities, and near them, value and slope are the limits, never a NaN."""
    largest = np.finfo(dtype).max / 2
    for z in ([-np.inf, np.inf], [-largest, largest]):
        value, slope = probes.activate(name, np.array(z, dtype=dtype))

        if np.isinf(z[0]):
            np.testing.assert_allclose(value, limits, rtol=np.finfo(dtype).eps, atol=0)
        # the slope of selu's lower end is what is left of two roundings
        np.testing.assert_allclose(slope, slopes, rtol=0, atol=2 * np.finfo(dtype).eps)


@pytest.mark.parametrize("z", [0.0, -0.0])
def test_relu_has_no_slope_at_zero(z, isa, dtype):
    """The subgradient at zero is 0, as in scikit-learn."""
    _, slope = probes.activate("relu", np.full(5, z, dtype=dtype))

    np.testing.assert_array_equal(slope, np.zeros(5, dtype=dtype))


@pytest.mark.parametrize(
    ("table", "rows"),
    [
        (reference.ACTIVATIONS, dispatch.ACTIVATIONS),
        (reference.LOSSES, dispatch.LOSSES),
        (reference.OPTIMIZERS, dispatch.OPTIMIZERS),
    ],
    ids=["activations", "losses", "optimizers"],
)
def test_every_row_of_the_tables_has_a_reference(table, rows):
    """What a person adds to a .def file is tested, or this names it."""
    assert sorted(table) == sorted(rows), f"without reference: {sorted(set(rows) - set(table))}"
