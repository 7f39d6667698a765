"""All memory layouts of rows, and empty inputs."""

import numpy as np
import pytest
from networks import (
    SGD,
    Problem,
    assert_close,
    assert_gradient_close,
    padding_of,
    train_both,
)
from scipy import sparse

from rosenblatt.core.examples import Examples
from rosenblatt.core.network import Network


def fortran_ordered(X):
    """X, its columns contiguous."""
    return np.asfortranarray(X)


def strided(X):
    """X as every second row and column of a larger array."""
    larger = np.full((2 * X.shape[0], 2 * X.shape[1]), np.nan, X.dtype)
    larger[::2, ::2] = X
    return larger[::2, ::2]


def read_only(X):
    """X, not writeable, as from a memory map."""
    X = X.copy()
    X.flags.writeable = False
    return X


def unaligned(X):
    """X one byte off the alignment of its elements."""
    block = np.empty(X.nbytes + 1, np.uint8)[1:].view(X.dtype).reshape(X.shape)
    block[...] = X
    return block


def unsorted_csr(X):
    """X as CSR with the columns of each row backwards and every value in two halves."""
    rows = [np.flatnonzero(row)[::-1].repeat(2) for row in X]
    values = [row[columns] / 2 for row, columns in zip(X, rows, strict=True)]
    starts = np.cumsum([0, *map(len, rows)])
    return sparse.csr_array((np.concatenate(values), np.concatenate(rows), starts), shape=X.shape)


def wide_index_csr(X):
    """X as CSR with 64-bit indices."""
    X = sparse.csr_array(X)
    X.indices, X.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    return X


@pytest.mark.parametrize(
    "form", [fortran_ordered, strided, read_only, unaligned, unsorted_csr, wide_index_csr]
)
def test_any_form_of_x_is_read_right(form, isa, dtype):
    """However X lies in memory, the network reads the same numbers."""
    problem = Problem((9,), "tanh", "squared_error", rows=20, dtype=dtype)
    X = form(problem.X)
    assert (X if sparse.issparse(X) else np.ascontiguousarray(X)).dtype == dtype

    predictions = problem.network().predict(Examples(X), problem.order)

    assert_close(predictions, problem.reference().predict(problem.X[problem.order]), dtype)


def test_sparse_rows_and_columns_may_be_empty(isa, dtype):
    """A sparse X of zeros is the intercepts' network; its gradient by the weights is zero."""
    problem = Problem((9,), "tanh", "squared_error", rows=20, dtype=dtype)
    zeros = np.zeros_like(problem.X)
    examples = Examples(sparse.csr_array(zeros), problem.y)
    net = problem.network()
    net.gradient[~padding_of(net)] = np.nan  # what an earlier batch left

    total = net.loss_and_gradient(examples, problem.order)

    expected, dWs, dbs = problem.reference().loss_and_gradient(zeros, problem.y, problem.weight)
    assert_close(total, expected, dtype)
    assert_gradient_close(net, dWs, dbs, dtype)


@pytest.mark.parametrize("kind", ["dense", "csr"])
def test_data_are_not_written_to(kind, isa, dtype):
    """Training reads X, targets and weights and changes none of them."""
    problem = Problem((9,), "logistic", "poisson", rows=20, weighted=True, kind=kind, dtype=dtype)
    before = [problem.X.copy(), problem.y.copy(), problem.weight.copy()]

    train_both(problem, "sgd", SGD, batch_size=7)

    for now, then in zip((problem.X, problem.y, problem.weight), before, strict=True):
        np.testing.assert_array_equal(now, then)
    if kind == "csr":
        np.testing.assert_array_equal(sparse.csr_array(before[0]).data, problem.examples.X)


def test_prediction_of_no_rows_is_empty(isa, dtype):
    """No rows in, no rows out, of the right width and precision."""
    problem = Problem((9,), "tanh", "squared_error", dtype=dtype)

    predictions = problem.network().predict(problem.examples, np.array([], dtype=np.intp))

    assert predictions.shape == (0, 3)
    assert predictions.dtype == dtype


def test_network_for_prediction_predicts_the_same(isa, dtype):
    """Without room for training, predictions have the bits of a network that can train."""
    problem = Problem((9, 20), "tanh", "multiclass_log_loss", rows=50, dtype=dtype)
    trainable = problem.network(batch_size=20)
    net = Network(problem.widths, problem.activations, problem.loss, 20, dtype, trainable=False)
    net.parameters[:] = trainable.parameters

    predictions = net.predict(problem.examples, problem.order)

    expected = trainable.predict(problem.examples, problem.order)
    np.testing.assert_array_equal(predictions, expected)
    assert net.gradient.size == len(net.moments) == 0
