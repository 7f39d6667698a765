"""Networks as ONNX models: onnxruntime computes the estimators' predictions."""

import copy
import sys

import numpy as np
import pandas as pd
import pytest
import reference
from onnx_sessions import assert_agrees, outputs_of, session_of
from problems import fitted, iris, multilabel, wine
from sklearn.datasets import load_breast_cancer

from rosenblatt import MLPClassifier, MLPRegressor, PerceptronClassifier, to_onnx
from rosenblatt.core import dispatch
from rosenblatt.export import _c, _network_graph
from rosenblatt.export._activations import FORMULAS

# float32: the bound that the documentation gives, for numbers as they are after scaling
TOLERANCE = {"float32": 1e-6, "float64": 1e-12}
DTYPES = pytest.mark.parametrize("dtype", TOLERANCE)


def one_unit(activation, dtype):
    """A network that is one activation: its output is that of its one hidden unit."""
    model = MLPRegressor((1,), activation=activation, dtype=dtype, max_iter=1)
    fitted(model, np.zeros((4, 1), dtype), np.arange(4.0))
    model.coefs_ = [np.ones((1, 1), dtype), np.ones((1, 1), dtype)]
    model.intercepts_ = [np.zeros(1, dtype), np.zeros(1, dtype)]
    return model


def test_every_row_of_the_engines_tables_can_be_exported():
    """A new activation or last activation without a formula fails here, by its name."""
    assert set(FORMULAS) == set(dispatch.ACTIVATIONS)
    wanted = {row.out_activation for row in dispatch.LOSSES.values()}
    assert set(_network_graph._OUT_ACTIVATIONS) == set(_c._OUT_ACTIVATIONS) == wanted


@DTYPES
@pytest.mark.parametrize("activation", dispatch.ACTIVATIONS)
def test_activations_are_their_formulas(activation, dtype):
    """Against the mathematics in SciPy, near zero, where parts meet, and far out."""
    z = np.concatenate([np.linspace(-12, 12, 241), [-3, 3, -1e-4, 1e-4, -80, 80]]).astype(dtype)
    model = one_unit(activation, dtype)
    expected = reference.ACTIVATIONS[activation].value(z.astype(np.float64))
    found = outputs_of(model, z[:, None])["variable"]
    assert found.dtype == dtype
    assert_agrees(found[:, 0], expected, TOLERANCE[dtype])


@DTYPES
@pytest.mark.parametrize("normalization", [None, "batch", "layer"])
def test_networks_of_several_layers_and_outputs(normalization, dtype):
    """Every normalisation, activations by layer, weights that were edited, two targets."""
    X, _ = iris()
    X = X.astype(dtype)
    options = {"normalization": normalization, "input_scale_rate": 20, "max_iter": 5}
    model = MLPRegressor((9, 6), ["tanh", "mish"], **options)
    fitted(model.set_params(dtype=dtype), X[:, :2], X[:, 2:])
    model.coefs_[0] *= 1.5
    outputs = outputs_of(model, X[:, :2])
    assert list(outputs) == ["variable"]
    assert outputs["variable"].dtype == dtype
    assert_agrees(outputs["variable"], model.predict(X[:, :2]), TOLERANCE[dtype])


@pytest.mark.parametrize("normalization", [None, "batch", "layer"])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_single_precision_is_as_exact_as_predict(activation, normalization):
    """On rows of up to 4000 that nobody scaled rounding costs more than 1e-6, as the sums of the
    first layer cancel. The same weights in float64 give the exact values."""
    X, y = load_breast_cancer(return_X_y=True)
    model = MLPRegressor((100, 50), activation, normalization=normalization, max_iter=10)
    fitted(model.set_params(dtype="float32", random_state=0), X.astype(np.float32), y)
    exact = copy.deepcopy(model).set_params(dtype="float64")
    exact = outputs_of(exact, X.astype(np.float32).astype(float))["variable"][:, 0]
    scale = np.maximum(1, np.abs(exact))
    ours = np.max(np.abs(model.predict(X.astype(np.float32)) - exact) / scale)
    theirs = outputs_of(model, X.astype(np.float32))["variable"][:, 0]
    assert np.max(np.abs(theirs - exact) / scale) < max(1e-6, 3 * ours)
    assert ours < 1e-3


@pytest.mark.parametrize("loss", ["log_loss", "squared_hinge"])
@pytest.mark.parametrize(
    "case", ["text", "two", "truth values", "multilabel", "floats", "one class"]
)
def test_classifiers_have_labels_and_probabilities_or_scores(case, loss):
    """In skl2onnx's order, the labels in their own type."""
    X, y = wine()
    if case == "two":
        y = (y == "barolo").astype(int) + 7
    elif case == "truth values":
        y = y == "barolo"
    elif case == "floats":
        y = np.unique(y, return_inverse=True)[1] * 2.0
    elif case == "one class":
        y = np.full(len(y), 3)
    elif case == "multilabel":
        X, y = multilabel()
    model = fitted(MLPClassifier((8,), loss=loss, max_iter=5, random_state=0), X, y)
    outputs = outputs_of(model, X)
    if loss == "log_loss":
        assert list(outputs) == ["label", "probabilities"]
        assert_agrees(outputs["probabilities"], model.predict_proba(X), 1e-12)
    else:
        assert list(outputs) == ["label", "scores"]
        assert_agrees(outputs["scores"], model.decision_function(X), 1e-12)
    np.testing.assert_array_equal(outputs["label"], model.predict(X))


@pytest.mark.parametrize("loss", ["poisson", "gamma", "tweedie", "huber", "log_cosh"])
def test_regression_losses_have_their_last_activation(loss):
    """Exponential or none."""
    X, y = iris()
    model = fitted(MLPRegressor((5,), loss=loss, max_iter=5, random_state=0), X, y + 1.0)
    assert_agrees(outputs_of(model, X)["variable"], model.predict(X), 1e-12)


@pytest.mark.parametrize("non_crossing", [False, True])
def test_quantiles_are_sorted_where_the_model_sorts_them(non_crossing):
    """In the order of `quantile`, which is not ascending here; the network's own cross."""
    X, y = iris()
    levels = (0.9, 0.1, 0.5)
    model = MLPRegressor((5,), loss="quantile", quantile=levels, max_iter=1, random_state=0)
    fitted(model, X, y)
    crossing = model.predict(X)
    assert not (np.argsort(crossing, axis=1) == [1, 2, 0]).all()
    model.set_params(non_crossing=non_crossing)
    assert_agrees(outputs_of(model, X)["variable"], model.predict(X), 1e-12)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("is_sparse", [False, True])
def test_perceptrons(n_classes, is_sparse):
    """Labels and scores, also of sparse weights."""
    X, y = iris()
    model = PerceptronClassifier().fit(X, np.minimum(y, n_classes - 1))
    if is_sparse:
        model.sparsify()
    outputs = outputs_of(model, X)
    assert_agrees(outputs["scores"], model.decision_function(X), 1e-12)
    np.testing.assert_array_equal(outputs["label"], model.predict(X))


def test_a_frame_has_an_input_for_each_column():
    """By its name and of its type; computed in float64 where not all are float32."""
    X, y = iris()
    frame = pd.DataFrame(X, columns=list("abcd")).astype({"a": np.float32})
    frame["c"] = frame["c"].round().astype(int)
    frame["d"] = frame["d"] > 0
    model = fitted(MLPClassifier((8,), max_iter=5, random_state=0), frame, y)
    inputs = {one.name: (one.type, one.shape[1]) for one in session_of(model, frame).get_inputs()}
    assert inputs == {
        "a": ("tensor(float)", 1),
        "b": ("tensor(double)", 1),
        "c": ("tensor(int64)", 1),
        "d": ("tensor(bool)", 1),
    }
    assert_agrees(outputs_of(model, frame)["probabilities"], model.predict_proba(frame), 1e-12)


def test_the_dtype_is_the_models_or_else_that_of_the_rows():
    """A network of dtype='float32' takes rows of float64 and computes in float32."""
    X, y = iris()
    model = fitted(MLPRegressor((5,), dtype="float32", max_iter=3), X, y)
    assert session_of(model, X).get_inputs()[0].type == "tensor(double)"
    assert_agrees(outputs_of(model, X)["variable"], model.predict(X), 1e-6)
    model = fitted(MLPRegressor((5,), max_iter=3), X, y)
    found = outputs_of(model, X.astype(np.float32))["variable"]
    assert found.dtype == np.float32
    assert_agrees(found, model.predict(X), 1e-5)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.zeros((2, 3)), "X must have 4 columns, as in fit of MLPRegressor; got 3"),
        (np.array([["a"] * 4]), "requires numeric input for this model, but X is"),
        (pd.DataFrame({c: ["a"] for c in "abcd"}), "this model, but column 'a' of X"),
    ],
)
def test_other_rows_are_refused(X, message):
    """The message says what was fitted."""
    rows, y = iris()
    model = fitted(MLPRegressor((3,), max_iter=1), rows, y)
    with pytest.raises(ValueError, match=message):
        to_onnx(model, X)


def test_a_missing_package_is_named(monkeypatch):
    """With what installs it."""
    X, y = iris()
    model = fitted(MLPRegressor((3,), max_iter=1), X, y)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r"to_onnx requires onnx: pip install onnx"):
        to_onnx(model, X)
