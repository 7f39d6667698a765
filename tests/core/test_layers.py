"""Optional parts of hidden layers: normalisation, dropout, noise on inputs.

Oracles: closed forms and statistics for what is random, finite differences and a forward pass in
NumPy for what is computed.
"""

import itertools

import numpy as np
import pytest
import reference
from networks import ADAM, TOLERANCE, Problem
from scipy import sparse, stats
from scipy.special import ndtri

from rosenblatt.core import dispatch, probes
from rosenblatt.core.epochs import RowOrder, train_epochs
from rosenblatt.core.examples import Examples
from rosenblatt.core.network import Network

ACTIVATIONS = list(dispatch.ACTIVATIONS)


def dropped(shape, rate, dtype="float64", *, seed=1, step=0, stream=0, first_row=0):
    """The mask of a stream: what dropout makes of ones."""
    ones = np.ones(shape, dtype)
    return probes.drop_out(ones, rate, seed=seed, step=step, stream=stream, first_row=first_row)


def noise(shape, dtype="float64", *, seed=1, step=0, first_row=0):
    """What is added to zeros."""
    zeros = np.zeros(shape, dtype)
    return probes.add_noise(zeros, 1.0, seed=seed, step=step, first_row=first_row)


def classification(hidden, activation, rows, dtype="float64", *, kind="dense", features=6):
    """A random classification in three classes, with weights."""
    return Problem(
        hidden,
        activation,
        "multiclass_log_loss",
        rows=rows,
        features=features,
        dtype=dtype,
        kind=kind,
        weighted=True,
    )


def adam_network(problem, batch_size=None, seed=1, **options):
    """A network for the problem, ready for adam's steps."""
    net = problem.network("adam", batch_size or len(problem.X), **options)
    net.set_optimizer(alpha=0.01, **ADAM)
    net.noise_seed = seed
    return net


def assert_gradient_is_finite_differences(net, problem):
    """By every parameter that is not padding, in float64."""
    step = 1e-6
    net.loss_and_gradient(problem.examples, problem.order)
    gradient = net.gradient.copy()
    assert np.count_nonzero(gradient) > 0.2 * len(gradient)
    for index in np.flatnonzero(net.parameters[: len(gradient)]):
        value = net.parameters[index]
        net.parameters[index] = value + step
        above = net.loss_and_gradient(problem.examples, problem.order)
        net.parameters[index] = value - step
        below = net.loss_and_gradient(problem.examples, problem.order)
        net.parameters[index] = value
        # the loss is of order 10: its rounding, over the step, is 1e-9; the rest is slack
        assert gradient[index] == pytest.approx((above - below) / (2 * step), abs=5e-8)


# -- random numbers ----------------------------------------------------------------------


@pytest.mark.parametrize("rate", [1e-3, 0.1, 0.5, 0.9, 1 - 2**-32])
def test_mask_drops_its_share_and_keeps_the_mean(rate, isa, dtype):
    """Zeros are as many as a binomial gives; the others are 1 / (1 - rate)."""
    mask = dropped((500, 700), rate, dtype)
    values = np.unique(mask)
    assert set(values) <= {0, np.dtype(dtype).type(1 / (1 - rate))}
    zeros, n = np.count_nonzero(mask == 0), mask.size
    assert stats.binomtest(zeros, n, rate).pvalue > 1e-4


def test_masks_of_rows_columns_steps_streams_and_seeds_are_independent(isa):
    """Any two differ in a share of elements that independent bits differ in."""
    base = dropped((200, 300), 0.5)
    others = {
        "next row": dropped((200, 300), 0.5, first_row=1),
        "next column": np.roll(base, 1, axis=1),
        "row of itself": np.roll(base, 1, axis=0),
        "step": dropped((200, 300), 0.5, step=1),
        "stream": dropped((200, 300), 0.5, stream=1),
        "seed": dropped((200, 300), 0.5, seed=2),
        "high half of the seed": dropped((200, 300), 0.5, seed=1 + 2**40),
    }
    for name, other in others.items():
        p = stats.binomtest(np.count_nonzero(base != other), base.size, 0.5).pvalue
        assert p > 1e-4, name
    # and no two rows are the same, nor one the other shifted: all correlations are small
    bits = np.where(base > 0, 1.0, -1.0)
    spectrum = np.fft.rfft(bits, axis=1)
    shifted = np.fft.irfft(spectrum[1:] * spectrum[:-1].conj(), axis=1) / bits.shape[1]
    assert np.abs(shifted).max() < 6 / np.sqrt(bits.shape[1])


def test_mask_is_a_function_of_row_and_column(isa):
    """A part of a batch has that part of the mask, in either precision."""
    mask = dropped((50, 600), 0.3)
    np.testing.assert_array_equal(dropped((7, 600), 0.3, first_row=20), mask[20:27])
    np.testing.assert_array_equal(dropped((50, 35), 0.3), mask[:, :35])
    np.testing.assert_array_equal(dropped((50, 600), 0.3, "float32") > 0, mask > 0)


def test_levels_agree_on_masks():
    """Bits are integers: no instruction set rounds them."""
    before, masks = dispatch.get_isa(), []
    for level in dispatch.available_isas():
        dispatch.set_isa(level)
        masks.append(dropped((20, 300), 0.4).tobytes())
    dispatch.set_isa(before)
    assert len(set(masks)) == 1


def test_noise_is_normal(isa, dtype):
    """Moments, the distribution, and no correlation from column to column or row to row."""
    x = noise((400, 500), dtype).astype(float)
    assert stats.kstest(x.ravel(), "norm").pvalue > 1e-4
    assert x.mean() == pytest.approx(0, abs=4 / np.sqrt(x.size))
    assert x.std() == pytest.approx(1, abs=4 / np.sqrt(2 * x.size))
    assert stats.kurtosis(x.ravel()) == pytest.approx(0, abs=4 * np.sqrt(24 / x.size))
    assert 4 < np.abs(x).max() < 6.5
    for one, other in [(x[1:], x[:-1]), (x[:, 1:], x[:, :-1]), (x, noise(x.shape, step=1))]:
        assert abs(np.mean(one * other)) < 5 / np.sqrt(x.size)


def test_noise_is_the_quantile_of_its_bits(isa, dtype):
    """It takes each of its 2^24 values through scipy's normal quantile, to 1e-6."""
    x = noise((40, 500), dtype).astype(float)
    share = 0.5 * (1 + np.round(2**23 * (2 * stats.norm.cdf(x) - 1)) / 2**23)
    central = np.abs(x) < 3  # farther out the distribution's value does not tell neighbours apart
    np.testing.assert_allclose(x[central], ndtri(share[central]), rtol=0, atol=2e-5)
    low = noise((40, 500), "float32")
    np.testing.assert_allclose(low, noise((40, 500), "float64"), rtol=3e-6, atol=1e-7)


def test_noise_is_a_function_of_row_and_column(isa, dtype):
    """A part of a batch has that part of the noise, times the deviation."""
    x = noise((50, 600), dtype)
    np.testing.assert_array_equal(noise((7, 600), dtype, first_row=20), x[20:27])
    # columns after the last whole vector are rounded at other places; a network's stay so
    np.testing.assert_allclose(noise((50, 35), dtype), x[:, :35], rtol=8 * np.finfo(dtype).eps)
    half = probes.add_noise(np.zeros((50, 600), dtype), 0.5, seed=1, step=0)
    np.testing.assert_allclose(half, 0.5 * x, rtol=1e-6)


# -- dropout and noise in a network ------------------------------------------------------


def loss_and_gradient_with_masks(problem, X, masks):
    """The NumPy network's, with a mask for each hidden layer's output; one chain of lines."""
    zs, slopes, passed_on = [], [], [X]
    rows = problem.order
    functions = [reference.ACTIVATIONS[name] for name in problem.activations]
    for i, (W, b) in enumerate(zip(problem.coefs, problem.intercepts, strict=True)):
        zs.append(passed_on[-1] @ W + b)
        if i < len(functions):
            passed_on.append(functions[i].value(zs[-1]) * masks[i])
            slopes.append(functions[i].slope(zs[-1]) * masks[i])
    loss = reference.LOSSES["multiclass_log_loss"]
    total = problem.weight[rows] @ loss.value(zs[-1], problem.y[rows], 0)
    delta = problem.weight[rows][:, None] * loss.gradient(zs[-1], problem.y[rows], 0)
    dWs, dbs = [], []
    for i in reversed(range(len(zs))):
        dWs.insert(0, passed_on[i].T @ delta)
        dbs.insert(0, delta.sum(axis=0))
        if i > 0:
            delta = (delta @ problem.coefs[i].T) * slopes[i - 1]
    return total, dWs, dbs


@pytest.mark.parametrize(
    ("activation", "hidden", "rows"),
    [
        *itertools.product(ACTIVATIONS, [(17, 3, 8)], [60]),
        *itertools.product(["tanh", "relu"], [(5,), (300, 260)], [1, 3, 500]),
    ],
    ids=str,
)
def test_loss_and_gradient_match_numpy_with_the_same_masks(activation, hidden, rows, isa, dtype):
    """Inputs with noise and dropout, a rate for each layer, in one chunk and in several."""
    problem = classification(hidden, activation, rows, dtype)
    rates = [0.5, 0.2, 0.0][: len(hidden)]
    net = adam_network(problem, dropout=rates, input_dropout=0.1, input_noise=0.3, seed=7)
    net.n_steps = 5

    total = net.loss_and_gradient(problem.examples, problem.order)

    X = probes.add_noise(problem.X[problem.order], 0.3, seed=7, step=5)
    X = probes.drop_out(X, 0.1, seed=7, step=5, stream=probes.INPUT_STREAM)
    masks = [
        dropped((rows, n), rate, dtype, seed=7, step=5, stream=i)
        for i, (n, rate) in enumerate(zip(hidden, rates, strict=True))
    ]
    expected, dWs, dbs = loss_and_gradient_with_masks(problem, X, masks)
    coefs, intercepts = net.read(net.gradient)
    for actual, wanted in zip((total, *coefs, *intercepts), (expected, *dWs, *dbs), strict=True):
        scale = max(1, np.abs(wanted).max())
        if activation == "relu" and dtype == "float32":
            # one of many z may be zero but for a rounding; its slope is then either's
            wrong = np.abs(actual - wanted) > TOLERANCE[dtype] * scale
            assert np.mean(wrong) < 0.01
            continue
        np.testing.assert_allclose(actual, wanted, rtol=0, atol=TOLERANCE[dtype] * scale)


@pytest.mark.parametrize("rows", [1, 60, 500])
def test_stored_values_are_dropped_with_the_masks_of_dense_rows(rows, isa, dtype):
    """The NumPy network on the dense copy, in one chunk and in several; X stays what it was."""
    problem = classification((17,), "tanh", rows, dtype, kind="csr", features=40)
    problem.X[np.random.RandomState(3).uniform(size=problem.X.shape) < 0.7] = 0
    X = sparse.csr_array(problem.X)
    before = X.data.copy()
    net = adam_network(problem, input_dropout=0.4, dropout=(0.2,), seed=7)
    net.n_steps = 5

    total = net.loss_and_gradient(Examples(X, problem.y, problem.weight), problem.order)

    np.testing.assert_array_equal(X.data, before)
    dense = probes.drop_out(
        problem.X[problem.order], 0.4, seed=7, step=5, stream=probes.INPUT_STREAM
    )
    masks = [dropped((rows, 17), 0.2, dtype, seed=7, step=5)]
    expected, dWs, dbs = loss_and_gradient_with_masks(problem, dense, masks)
    coefs, intercepts = net.read(net.gradient)
    for actual, wanted in zip((total, *coefs, *intercepts), (expected, *dWs, *dbs), strict=True):
        scale = max(1, np.abs(wanted).max())
        np.testing.assert_allclose(actual, wanted, rtol=0, atol=TOLERANCE[dtype] * scale)


@pytest.mark.parametrize("kind", ["dense", "csr"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradient_with_dropout_matches_finite_differences(activation, kind, isa):
    """The mask of a step is fixed: the loss is a function of the parameters."""
    problem = classification((5, 9), activation, 7, kind=kind)
    noise_on_inputs = 0.5 if kind == "dense" else 0
    net = adam_network(problem, dropout=(0.3, 0.3), input_dropout=0.2, input_noise=noise_on_inputs)
    assert_gradient_is_finite_differences(net, problem)


def test_prediction_drops_nothing(isa, dtype):
    """Nor adds noise: it is the plain network's, to the bit."""
    problem = classification((20, 9), "tanh", 40, dtype)
    noisy = adam_network(problem, dropout=(0.5, 0.5), input_dropout=0.5, input_noise=1)
    plain = adam_network(problem)
    rows = np.arange(40)
    np.testing.assert_array_equal(
        noisy.predict(problem.examples, rows), plain.predict(problem.examples, rows)
    )


def test_rates_of_zero_change_no_bit(isa, dtype):
    """Of a network that was told of no dropout."""
    problem = classification((20, 9), "tanh", 40, dtype)
    nets = adam_network(problem), adam_network(problem, dropout=(0.0, 0.0))
    for net in nets:
        train_epochs(net, problem.examples, RowOrder(problem.order), np.full((2, 1), 0.01), 40)
    np.testing.assert_array_equal(nets[0].parameters, nets[1].parameters)


def test_steps_draw_new_masks_and_calls_may_be_split(isa):
    """The number of the step decides: a fit in two calls is the fit in one."""
    problem = classification((20, 9), "tanh", 40)
    options = {"batch_size": 16, "dropout": (0.5, 0.2), "input_noise": 0.1}
    whole, parts = adam_network(problem, **options), adam_network(problem, **options)
    train_epochs(whole, problem.examples, RowOrder(problem.order), np.full((4, 3), 0.01), 16)
    order = RowOrder(problem.order)
    for _ in range(2):
        train_epochs(parts, problem.examples, order, np.full((2, 3), 0.01), 16)
    np.testing.assert_array_equal(whole.parameters, parts.parameters)

    losses = []
    for step in range(3):
        whole.n_steps = step
        losses.append(whole.loss_and_gradient(problem.examples, problem.order[:16]))
    assert len(set(losses)) == 3


def test_each_step_of_training_has_its_own_mask():
    """At a rate of nothing only the masks change from epoch to epoch."""
    net = Network((6, 20, 3), ["tanh"], "multiclass_log_loss", 40, "float64", optimizer="sgd",
                  dropout=(0.5,))  # fmt: skip
    net.set_optimizer(alpha=0)
    rng = np.random.RandomState(0)
    net.write(net.parameters, [rng.normal(size=shape) for shape in ((6, 20), (20, 3))])
    examples = Examples(rng.normal(size=(40, 6)), rng.randint(3, size=40))
    losses = train_epochs(net, examples, RowOrder(np.arange(40)), np.zeros((4, 1)), 40)
    assert len(set(losses)) == 4


# -- normalisation -----------------------------------------------------------------------


@pytest.mark.parametrize("dropout", [(), (0.3, 0.0)], ids=["", "dropout"])
@pytest.mark.parametrize("kind", ["dense", "csr"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("normalization", ["batch", "layer"])
def test_normalized_gradient_matches_finite_differences(
    normalization, activation, kind, dropout, isa
):
    """By weights, intercepts, scales and shifts."""
    problem = classification((5, 19), activation, 13, kind=kind)
    net = adam_network(problem, normalization=normalization, dropout=dropout)
    assert_gradient_is_finite_differences(net, problem)


@pytest.mark.parametrize("rows", [2, 3, 5])
@pytest.mark.parametrize("normalization", ["batch", "layer"])
def test_normalized_gradient_of_a_few_rows(normalization, rows, isa):
    """Two rows are the fewest that have a variance; a row of its own has one over its units."""
    problem = classification((5, 19), "tanh", rows)
    # a path of the backward products for a few rows
    assert_gradient_is_finite_differences(
        adam_network(problem, normalization=normalization), problem
    )


@pytest.mark.parametrize("normalization", ["batch", "layer"])
def test_padding_stays_zero(normalization, isa, dtype):
    """Of parameters, gradient and moments; widths are no whole vectors of any level."""
    problem = classification((5, 19), "logistic", 50, dtype)
    net = adam_network(problem, normalization=normalization)
    mask = np.ones(net.parameters.size)
    net.write(mask, *[[0 * array for array in arrays] for arrays in net.read(mask)])
    padding = mask == 1
    train_epochs(net, problem.examples, RowOrder(problem.order), np.full((3, 1), 0.1), 50)
    for block in (net.parameters, net.gradient, *net.moments):
        assert not block[padding[: len(block)]].any()


@pytest.mark.parametrize("normalization", ["batch", "layer"])
def test_what_is_read_of_blocks(normalization, dtype):
    """Scales and variances begin at 1, shifts and means at 0; moments have no running ones."""
    net = Network(
        [6, 5, 9, 3],
        ["relu"] * 2,
        "squared_error",
        8,
        dtype,
        optimizer="adam",
        normalization=normalization,
    )
    _, _, scales, shifts, *running = net.read(net.parameters)
    begin = [(scales, 1), (shifts, 0), *zip(running, (0, 1), strict=False)]
    assert len(running) == (2 if normalization == "batch" else 0)
    for arrays, value in begin:
        assert [array.tolist() for array in arrays] == [[value] * 5, [value] * 9]
    assert len(net.read(net.moments[0])) == len(net.read(net.gradient)) == 4
    lists = net.read(net.parameters)
    numbers = iter(range(1, net.parameters.size + 1))
    lists = [[np.reshape([next(numbers) for _ in a.flat], a.shape) for a in part] for part in lists]
    net.write(net.parameters, *lists)
    for ours, theirs in zip(net.read(net.parameters), lists, strict=True):
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(one, other)
    lists[2][0] = lists[2][0][:1]
    with pytest.raises(ValueError, match=r"scales_ have shapes .* must have"):
        net.write(net.parameters, *lists)


def test_activations_take_the_running_statistics_as_they_are():
    """Also those that were written since, before any prediction."""
    problem = Problem((5,), "tanh", "multiclass_log_loss", rows=8)
    net = problem.network(batch_size=8, normalization="batch")
    (coef, _), (intercept, _), (scale,), (shift,), (mean,), (variance,) = net.read(net.parameters)
    z = (problem.X @ coef + intercept - mean) / np.sqrt(variance + 1e-5)
    actual = net.activations(problem.examples, np.arange(8), 0)
    np.testing.assert_allclose(actual, np.tanh(scale * z + shift), rtol=1e-12)


def test_last_batch_of_one_row_joins_the_one_before(isa, dtype):
    """33 rows in batches of 16 are steps of 16 and of 17."""
    problem = classification((5, 9), "tanh", 33, dtype)
    one, two = (adam_network(problem, batch_size=17, normalization="batch") for _ in range(2))
    rates = np.full((1, 2), 0.01)

    train_epochs(one, problem.examples, RowOrder(problem.order), rates, 16)
    train_epochs(two, problem.examples, RowOrder(problem.order[:16]), rates[:, :1], 16)
    train_epochs(two, problem.examples, RowOrder(problem.order[16:]), rates[:, :1], 17)

    assert one.n_steps == one.steps_per_epoch(33, 16) == 2
    assert [one.steps_per_epoch(n, 16) for n in (15, 16, 17, 18, 32, 34)] == [1, 1, 1, 2, 2, 3]
    plain = adam_network(problem)
    assert [plain.steps_per_epoch(n, 16) for n in (16, 17, 33)] == [1, 2, 3]
    np.testing.assert_array_equal(one.parameters, two.parameters)


def test_batches_without_variance_or_too_large_are_refused():
    """A row alone, and more rows than there is room for."""
    problem = classification((5,), "tanh", 30)
    net = adam_network(problem, batch_size=10, normalization="batch")
    rates = np.full((1, 30), 0.01)
    for rows, batch_size in [(1, 10), (30, 1), (30, 11)]:
        with pytest.raises(ValueError, match="requires batches of 2 to 10 rows"):
            train_epochs(net, problem.examples, RowOrder(problem.order[:rows]), rates, batch_size)
    for rows in (1, 12):
        with pytest.raises(ValueError, match="requires batches of 2 to 11 rows"):
            net.loss_and_gradient(problem.examples, problem.order[:rows])


def test_constant_units_are_normalized_to_their_shift(isa, dtype):
    """No variance is no division by zero: what is left is 1e-5 of it."""
    problem = classification((5,), "identity", 20, dtype)
    problem.coefs[0][...] = 0
    for normalization in ("batch", "layer"):
        net = adam_network(problem, normalization=normalization)
        if normalization == "layer":
            problem.intercepts[0][...] = 0.3
            net = adam_network(problem, normalization=normalization)
        loss = net.loss_and_gradient(problem.examples, problem.order)
        assert np.isfinite(loss)
        assert np.isfinite(net.gradient).all()


@pytest.mark.parametrize("mean", [0, 1e3])
def test_statistics_of_many_rows_keep_their_digits(mean, isa):
    """20,000 rows of float32, far from zero: a tenth of NumPy's in float64, after one step."""
    rng = np.random.RandomState(0)
    X = (rng.normal(size=(20_000, 4)) + mean).astype("float32")
    net = Network(
        [4, 4, 3], ["identity"], "multiclass_log_loss", len(X), "float32", normalization="batch"
    )
    (_, output), intercepts, *normalization = net.read(net.parameters)
    net.write(net.parameters, [np.eye(4), output], intercepts, *normalization)

    net.loss_and_gradient(Examples(X, np.zeros(len(X), int)), np.arange(len(X)))

    *_, (means,), (variances,) = net.read(net.parameters)
    X = X.astype(float)
    np.testing.assert_allclose(means, 0.1 * X.mean(axis=0), rtol=3e-7, atol=1e-7)
    np.testing.assert_allclose(variances, 0.9 + 0.1 * X.var(axis=0, ddof=1), rtol=1e-6)


LAYERS = [
    {"normalization": "batch"},
    {"normalization": "layer"},
    {"normalization": "batch", "dropout": (0.5, 0.2), "input_dropout": 0.1},
    {"normalization": "layer", "dropout": (0.5, 0.2), "input_noise": 0.1},
    {"dropout": (0.5, 0.2), "input_dropout": 0.1, "input_noise": 0.1},
]


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        *itertools.product(LAYERS, ["dense"]),
        ({"dropout": (0.5, 0.2), "input_dropout": 0.1}, "csr"),
        ({"normalization": "batch", "dropout": (0.5, 0.2), "input_dropout": 0.1}, "csr"),
    ],
    ids=str,
)
def test_number_of_threads_changes_no_bit(options, kind, isa, dtype):
    """One thread, two, three and more than there are shares of rows."""
    problem = classification((40, 33), "tanh", 611, dtype, kind=kind)
    results = []
    for n_threads in (1, 2, 3, 30):
        net = adam_network(problem, batch_size=300, n_threads=n_threads, **options)
        net.share_above = 0
        losses = train_epochs(
            net, problem.examples, RowOrder(problem.order), np.full((2, 3), 0.01), 300
        )
        results.append((net.parameters.tobytes(), losses.tobytes()))
    assert len(set(results)) == 1


def test_noise_on_sparse_inputs_is_refused():
    """It would fill them."""
    problem = classification((5,), "tanh", 8, kind="csr")
    net = adam_network(problem, input_noise=0.5)
    with pytest.raises(ValueError, match="requires dense X"):
        net.loss_and_gradient(problem.examples, problem.order)
