"""Predictions from parameters in place, against NumPy and bitwise against the network."""

import itertools

import numpy as np
import pytest
from reference import MLP
from scipy import sparse

from rosenblatt.core.dispatch import ACTIVATIONS, LOSSES
from rosenblatt.core.examples import Examples
from rosenblatt.core.network import Network
from rosenblatt.core.prediction import predict_rows

# One row, few rows (to 3), a tile's and one more, more than a chunk of 480
ROWS = [1, 3, 4, 12, 13, 500]
# Below, at and above whole vectors of every level; steps of 8 in depth and a rest;
# 1030 columns are more than are laid out at once
WIDTHS = [(6, 3), (7, 5, 3), (16, 16, 7, 16), (33, 17, 1), (65, 100, 10), (3, 1030, 2)]


def arrays(widths, n_rows, dtype, seed=0):
    """X, coefs, intercepts at random."""
    draw = np.random.RandomState(seed).standard_normal
    coefs = [
        (draw(shape) / np.sqrt(shape[0])).astype(dtype) for shape in itertools.pairwise(widths)
    ]
    intercepts = [draw(width).astype(dtype) for width in widths[1:]]
    return draw((n_rows, widths[0])).astype(dtype), coefs, intercepts


def network_of(coefs, intercepts, activations, loss, n_rows, is_sparse=False):
    """The network with the same parameters."""
    widths = [coefs[0].shape[0], *(len(intercept) for intercept in intercepts)]
    net = Network(
        widths,
        activations,
        loss,
        n_rows,
        coefs[0].dtype,
        trainable=False,
        is_sparse=is_sparse,
    )
    net.write(net.parameters, coefs, intercepts)
    return net


@pytest.mark.parametrize("n_rows", ROWS)
@pytest.mark.parametrize("widths", WIDTHS, ids=str)
def test_products_are_numpys_and_bits_the_networks(widths, n_rows, isa, dtype):
    """Values are the NumPy network's in float64; bits are Network.predict's, dense and CSR."""
    X, coefs, intercepts = arrays(widths, n_rows, dtype)
    activations = ["tanh"] * (len(widths) - 2)
    actual = predict_rows(X, coefs, intercepts, activations, "squared_error", only_finite=True)
    wide = [[array.astype(float) for array in arrays] for arrays in (coefs, intercepts)]
    expected = MLP(*wide, activations, "squared_error").predict(X.astype(float))
    # tanh and a product of up to 1030 terms of order one, each rounded: see TOLERANCE of
    # networks.py
    tolerance = 500 * np.finfo(dtype).eps
    np.testing.assert_allclose(actual, expected, rtol=0, atol=tolerance * np.abs(expected).max())
    assert actual.dtype == dtype
    for rows in (X, sparse.csr_array(X)):
        is_sparse = rows is not X
        net = network_of(coefs, intercepts, activations, "squared_error", n_rows, is_sparse)
        np.testing.assert_array_equal(actual, net.predict(Examples(rows), np.arange(n_rows)))


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("loss", LOSSES)
def test_every_activation_and_loss_has_the_networks_bits(activation, loss, isa, dtype):
    """A row's bits are the same alone, among three and among many, and in the network."""
    X, coefs, intercepts = arrays((9, 21, 5, 3), 40, dtype)
    activations = [activation] * 2
    net = network_of(coefs, intercepts, activations, loss, len(X))
    expected = net.predict(Examples(X), np.arange(len(X)))
    for size in (1, 3, 40):
        parts = [
            predict_rows(
                np.ascontiguousarray(X[i : i + size]),
                coefs,
                intercepts,
                activations,
                loss,
                only_finite=True,
            )
            for i in range(0, len(X), size)
        ]
        np.testing.assert_array_equal(np.concatenate(parts), expected)


def other_byte_order(array):
    """The same values, stored the other way round."""
    return array.astype(array.dtype.newbyteorder())


def unaligned(array):
    """The same values, a byte off any boundary."""
    raw = np.empty(array.nbytes + 1, dtype=np.uint8)
    shifted = raw[1:].view(array.dtype).reshape(array.shape)
    shifted[...] = array
    return shifted


NOT_PLAIN = {
    "fortran": np.asfortranarray,
    "every second": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    "other byte order": other_byte_order,
    "unaligned": unaligned,
    "float16": lambda a: a.astype(np.float16),
    "other precision": lambda a: a.astype("f4" if a.dtype == "f8" else "f8"),
    "integers": lambda a: a.astype(int),
    "a list": np.ndarray.tolist,
    "one dimension more": lambda a: a[None],
    "one dimension less": lambda a: a[0],
    "one column more": lambda a: np.ascontiguousarray(np.repeat(a, 2, axis=-1)[..., :-1]),
}


@pytest.mark.parametrize("which", ["X", "coef", "intercept"])
@pytest.mark.parametrize("how", NOT_PLAIN)
def test_other_arrays_are_declined(how, which, dtype):
    """What is not contiguous, aligned, of one precision and of fitting shapes gives None."""
    if (which, how) == ("intercept", "fortran"):
        pytest.skip("one dimension has one order")
    X, coefs, intercepts = arrays((6, 5, 3), 4, dtype)
    if which == "X":
        X = NOT_PLAIN[how](X)
    else:
        layers = coefs if which == "coef" else intercepts
        layers[1] = NOT_PLAIN[how](layers[1])
    assert predict_rows(X, coefs, intercepts, ["relu"], "poisson", only_finite=True) is None


def test_wrong_numbers_of_layers_or_rows_are_declined():
    """A layer too few or too many, and no row or no output at all."""
    X, coefs, intercepts = arrays((6, 5, 3), 4, "float64")

    def predict(X, coefs, intercepts):
        return predict_rows(X, coefs, intercepts, ["relu"], "poisson", only_finite=True)

    assert predict(X, coefs, intercepts) is not None
    assert predict(X, coefs[:1], intercepts) is None
    assert predict(X, coefs, [*intercepts, intercepts[-1]]) is None
    assert predict(X[:0], coefs, intercepts) is None
    no_outputs = [coefs[0], np.empty((5, 0))], [intercepts[0], np.empty(0)]
    assert predict(X, *no_outputs) is None


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("n_rows", [1, 500])
def test_rows_that_are_not_finite(n_rows, bad, isa, dtype):
    """Declined where that is asked, in whichever chunk; else they go their way."""
    X, coefs, intercepts = arrays((6, 5, 3), n_rows, dtype)
    X[-1, -1] = bad
    arguments = (X, coefs, intercepts, ["identity"], "squared_error")
    assert predict_rows(*arguments, only_finite=True) is None
    outputs = predict_rows(*arguments, only_finite=False)
    assert np.isfinite(outputs[:-1]).all()
    assert not np.isfinite(outputs[-1]).any()


def test_arrays_are_let_go():
    """No array is held after the call, whatever came of it."""
    X, coefs, intercepts = arrays((6, 5, 3), 4, "float64")
    for layers in (coefs, [coefs[0], coefs[1].T]):
        predict_rows(X, layers, intercepts, ["relu"], "poisson", only_finite=True)
    for array in (X, *coefs, *intercepts):
        array.resize(array.size + 1, refcheck=False)  # refused while a buffer is exported
