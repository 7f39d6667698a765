"""Rows of codes, against dense rows of the inputs that they stand for."""

import numpy as np
import pytest
from networks import assert_close

from rosenblatt._architecture import CodedInputs, dense_network
from rosenblatt.core.examples import Examples
from rosenblatt.core.network import Network

COLUMNS = (
    ("number", 1), ("bin", 5), ("bin", 1), ("number", 1), ("level", 4), ("bin", 16), ("level", 3)
)  # fmt: skip
N_ROWS = 61


def codes_and_inputs(dtype, seed=0):
    """(CodedInputs, rows of codes, the same rows of inputs)."""
    rng = np.random.RandomState(seed)
    codes = np.empty((N_ROWS, len(COLUMNS)), dtype)
    for c, (kind, count) in enumerate(COLUMNS):
        if kind == "bin":
            codes[:, c] = rng.choice([0, count, *rng.uniform(0, count, 20)], N_ROWS)
        else:
            codes[:, c] = rng.randn(N_ROWS) if kind == "number" else rng.randint(-1, count, N_ROWS)
    fan_in = sum(count for _, count in COLUMNS)
    coding = CodedInputs(COLUMNS, tuple(rng.uniform(-0.5, 0.5, fan_in)))
    return coding, codes, inputs_of(codes, coding.means)


def inputs_of(codes, means):
    """What a code stands for, written out number by number."""
    rows = []
    for row in codes.astype(np.float64):
        inputs = []
        for (kind, count), code in zip(COLUMNS, row, strict=True):
            if kind == "number":
                inputs.append(code)
            elif kind == "level":
                inputs += [float(code == k) for k in range(count)]
            else:
                inputs += [min(max(code - k, 0.0), 1.0) for k in range(count)]
        rows.append(inputs)
    return (np.array(rows) - means).astype(codes.dtype)


def two_networks(coding, hidden, dtype, *, scales_inputs=False, batch_size=N_ROWS, **options):
    """The networks for codes and for inputs, with the same parameters."""
    networks = []
    for of_codes in (coding, None):
        architecture = dense_network(
            (coding.fan_in, *hidden, 2), ["tanh"] * len(hidden), "squared_error", dtype,
            scales_inputs=scales_inputs, coding=of_codes,
        )  # fmt: skip
        networks.append(Network.of(architecture, batch_size, **options))
    vector = np.random.RandomState(3).uniform(-0.7, 0.7, networks[0].architecture.n_parameters)
    for network in networks:
        network.write_flat(network.parameters, vector.astype(dtype))
    return networks


@pytest.mark.parametrize("scales_inputs", [False, True])
@pytest.mark.parametrize("hidden", [(), (5,), (24, 3), (203,)], ids=str)
def test_gradients_and_predictions_are_those_of_the_inputs(hidden, scales_inputs, isa, dtype):
    """For panels of every width, several chunks of rows and any number of threads."""
    coding, codes, X = codes_and_inputs(dtype)
    y = np.random.RandomState(1).randn(N_ROWS, 2).astype(dtype)
    order = np.random.RandomState(2).permutation(N_ROWS)
    coded, dense = two_networks(coding, hidden, dtype, scales_inputs=scales_inputs, batch_size=25)
    coded_rows, dense_rows = Examples(codes, y), Examples(X, y)

    losses = [
        coded.loss_and_gradient(coded_rows, order), dense.loss_and_gradient(dense_rows, order)
    ]  # fmt: skip
    gradient = coded.read_flat(coded.gradient)

    assert losses[0] == pytest.approx(losses[1], rel=1e-5 if dtype == "float32" else 1e-12)
    assert_close(gradient, dense.read_flat(dense.gradient), dtype)
    assert_close(coded.predict(coded_rows, order), dense.predict(dense_rows, order), dtype)
    (shared, _) = two_networks(
        coding, hidden, dtype, scales_inputs=scales_inputs, batch_size=25, n_threads=2
    )
    shared.share_above = 0
    shared.loss_and_gradient(coded_rows, order)
    np.testing.assert_array_equal(shared.read_flat(shared.gradient), gradient)
