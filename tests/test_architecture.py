"""The catalogue of a network's arrays, and the blocks that the core makes of it."""

import copy
import pickle
from itertools import pairwise

import numpy as np
import pytest
from problems import digits, iris

from rosenblatt import MLPClassifier
from rosenblatt._architecture import ATTRIBUTES, GROUPS, dense_network
from rosenblatt._prediction import fitted_network
from rosenblatt.core.network import Network

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

NORMALIZATIONS = pytest.mark.parametrize("normalization", [None, "layer", "batch"])
WIDTHS = (300, 310, 3, 17, 5)  # weights in panels, narrow, and in rows


def described(normalization, dtype="float64"):
    """A network of every layout."""
    return dense_network(WIDTHS, ["relu"] * 3, "squared_error", dtype, normalization=normalization)


def test_factors_of_inputs_are_a_group_of_their_own():
    """One array, of the first layer, behind the others that are learned."""
    network = dense_network((4, 3, 2), ["relu"], "squared_error", "float64", scales_inputs=True)
    entry = network.learned[-1]
    assert (entry.attribute, entry.layer, entry.shape) == ("input_scales_", 0, (4,))
    assert network.ranges["input_scales"] == slice(23, 27)
    assert network.without_input_scales == dense_network(
        (4, 3, 2), ["relu"], "squared_error", "float64"
    )


@NORMALIZATIONS
def test_catalogue_has_what_is_learned_first_and_groups_together(normalization):
    """Counted by hand; group by group, and each group's attributes in the table's order."""
    network = described(normalization)
    n_weights = sum(k * n for k, n in pairwise(WIDTHS))
    n_units = sum(WIDTHS[1:])
    n_scales = 2 * sum(WIDTHS[1:-1]) if normalization else 0
    assert network.n_parameters == n_weights + n_units + n_scales
    assert network.ranges == {
        "weights": slice(0, n_weights),
        "intercepts": slice(n_weights, network.n_parameters),
    }
    order = [name for name in ATTRIBUTES if name in network.attributes]
    assert list(network.attributes) == order
    is_learned = [entry.group is not None for entry in network.entries]
    assert is_learned == sorted(is_learned, reverse=True)
    assert {entry.group for entry in network.learned} == {"weights", "intercepts"} <= set(GROUPS)


@NORMALIZATIONS
def test_flat_vectors_are_the_arrays_in_the_catalogues_order(normalization, isa, dtype):
    """The same at every level, though blocks differ; and back."""
    network = Network.of(described(normalization, dtype), 4, optimizer="adam")
    vector = np.arange(network.architecture.n_parameters, dtype=dtype)
    network.write_flat(network.parameters, vector)
    np.testing.assert_array_equal(network.read_flat(network.parameters), vector)
    lists = network.read(network.parameters)
    np.testing.assert_array_equal(network.architecture.flat(lists), vector)
    arrays = [array for arrays in lists for array in arrays]
    learned = network.architecture.learned
    np.testing.assert_array_equal(
        np.concatenate([a.ravel() for a in arrays[: len(learned)]]), vector
    )
    for ours, theirs in zip(network.architecture.lists(vector), lists, strict=False):
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(one, other)
    with pytest.raises(ValueError, match=rf"must have shape \({len(vector)},\), got \(3,\)"):
        network.write_flat(network.parameters, vector[:3])


@NORMALIZATIONS
def test_fitted_attributes_are_those_of_the_catalogue(normalization):
    """No more and no fewer, of its shapes, also after a fit of another kind; and it pickles."""
    X, y = iris()
    model = MLPClassifier((7, 5), normalization="batch", max_iter=1).fit(X, y)
    model.set_params(normalization=normalization).fit(X, y)
    network = model._architecture
    assert {name for name in ATTRIBUTES if hasattr(model, name)} == set(network.attributes)
    for name, shapes in network.shapes.items():
        assert [array.shape for array in getattr(model, name)] == shapes
    assert network.ranges["weights"] == slice(0, sum(coef.size for coef in model.coefs_))
    for twin in (pickle.loads(pickle.dumps(network)), copy.deepcopy(network)):
        assert twin == network
        assert twin.entries == network.entries


def test_an_edited_network_is_described_as_it_is():
    """A person may take units away: what looks at the network sees what is left."""
    X, y = digits()
    model = MLPClassifier((8, 6), max_iter=2, random_state=0).fit(X, y)
    outputs = model.predict_proba(X)
    first, second, third = model.coefs_
    model.coefs_ = [first, np.hstack([second, np.ones((8, 2))]), np.vstack([third, 0 * third[:2]])]
    model.intercepts_[1] = np.append(model.intercepts_[1], [0, 0])
    network = fitted_network(model)
    assert network.architecture.widths == (64, 8, 8, 10)
    np.testing.assert_allclose(model.predict_proba(X), outputs, rtol=1e-12)
    assert network.outputs(X).shape == (len(X), 10)


def test_the_loss_of_rows_is_the_mean_log_loss():
    """By the probabilities that the network predicts."""
    X, y = digits()
    model = MLPClassifier((8,), max_iter=2, normalization="batch", random_state=0).fit(X, y)
    expected = -np.mean(np.log(model.predict_proba(X)[np.arange(len(y)), y]))
    assert fitted_network(model).loss(X, y) == pytest.approx(expected, rel=1e-12)
