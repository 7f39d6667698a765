"""Networks as C: the compiled file computes the estimators' predictions."""

import ctypes
import re
import shutil
import subprocess

import numpy as np
import pytest
import reference
from problems import fitted, iris, multilabel, wine
from sklearn.compose import TransformedTargetRegressor
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from rosenblatt import MLPClassifier, MLPRegressor, PerceptronClassifier, TabularMLPRegressor, to_c
from rosenblatt.core import dispatch

TOLERANCE = {"float32": 1e-6, "float64": 1e-12}
DTYPES = pytest.mark.parametrize("dtype", TOLERANCE)
FLAGS = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-O1", "-shared", "-fPIC"]
needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="cc compiles the files")


class Compiled:
    """The functions of a file, called with rows of its type."""

    def __init__(self, text, folder, dtype, n_outputs):
        source, library = folder / "model.c", folder / "model.so"
        source.write_text(text)
        subprocess.run(["cc", *FLAGS, "-o", library, source, "-lm"], check=True)
        self.library, self.dtype = ctypes.CDLL(str(library)), dtype
        self.n_outputs = n_outputs

    def predict(self, X):
        """The outputs of all rows."""
        X, out = np.ascontiguousarray(X, self.dtype), np.empty((len(X), self.n_outputs), self.dtype)
        for row, to in zip(X, out, strict=True):
            self.library.model_predict(self.address(row), self.address(to))
        return out

    def classes(self, X):
        """The places of the labels of all rows."""
        X = np.ascontiguousarray(X, self.dtype)
        return np.array([self.library.model_class(self.address(row)) for row in X])

    def labels(self, X):
        """The indicators of all rows."""
        X = np.ascontiguousarray(X, self.dtype)
        out = np.empty((len(X), self.n_outputs), np.intc)
        for row, to in zip(X, out, strict=True):
            self.library.model_labels(self.address(row), self.address(to))
        return out

    @staticmethod
    def address(array):
        return array.ctypes.data_as(ctypes.c_void_p)


def assert_agrees(found, expected, dtype):
    """Numbers within the precision's tolerance times max(1, |expected|)."""
    expected = np.asarray(expected)
    found = found.reshape(expected.shape)
    error = np.abs(found - expected) / np.maximum(1, np.abs(expected))
    assert error.max() <= TOLERANCE[dtype]


@needs_compiler
@DTYPES
@pytest.mark.parametrize("activation", dispatch.ACTIVATIONS)
def test_activations_are_their_formulas(activation, dtype, tmp_path):
    """Against the mathematics in SciPy; far out the limits, and a NaN stays one."""
    model = MLPRegressor((1,), activation=activation, dtype=dtype, max_iter=1)
    fitted(model, np.zeros((4, 1), dtype), np.arange(4.0))
    model.coefs_ = [np.ones((1, 1), dtype), np.ones((1, 1), dtype)]
    model.intercepts_ = [np.zeros(1, dtype), np.zeros(1, dtype)]
    compiled = Compiled(to_c(model), tmp_path, dtype, 1)
    z = np.concatenate([np.linspace(-12, 12, 241), [-3, 3, -1e-4, 1e-4, -80, 80, -999, 999]])
    z = z.astype(dtype)
    expected = reference.ACTIVATIONS[activation].value(z.astype(np.float64))
    assert_agrees(compiled.predict(z[:, None])[:, 0], expected, dtype)
    # a finite limit on the left is reached, and is no infinity times zero
    if abs(compiled.predict([[-1e4]])[0, 0]) < 9:
        assert abs(compiled.predict([[-np.inf]])[0, 0]) < 9
    assert np.isnan(compiled.predict([[np.nan]])[0, 0])


@needs_compiler
@DTYPES
@pytest.mark.parametrize("normalization", [None, "batch", "layer"])
def test_networks_of_several_layers_and_outputs(normalization, dtype, tmp_path):
    """Every activation in one network, every normalisation, edited weights, two targets."""
    X, _ = iris()
    X, names = X.astype(dtype), list(dispatch.ACTIVATIONS)
    options = {"normalization": normalization, "input_scale_rate": 20, "max_iter": 3}
    model = MLPRegressor((5,) * len(names), names, **options)
    fitted(model.set_params(dtype=dtype, random_state=0), X[:, :2], X[:, 2:])
    model.coefs_[0] *= 1.5
    text = to_c(model)
    assert re.findall("#include.*", text) == ["#include <math.h>"]
    assert f"typedef {'float' if dtype == 'float32' else 'double'} real;" in text
    compiled = Compiled(text, tmp_path, dtype, 2)
    assert_agrees(compiled.predict(X[:, :2]), model.predict(X[:, :2]), dtype)


@needs_compiler
@DTYPES
@pytest.mark.parametrize("loss", ["log_loss", "hinge"])
@pytest.mark.parametrize("case", ["three", "two", "one", "multilabel"])
def test_classifiers(case, loss, dtype, tmp_path):
    """Probabilities or scores, and the label."""
    X, y = multilabel() if case == "multilabel" else wine()
    if case in ("one", "two"):
        y = y == "barolo" if case == "two" else np.full(len(y), 3)
    model = fitted(MLPClassifier((8,), loss=loss, dtype=dtype, max_iter=5), X, y)
    X = X.astype(dtype)
    is_share = loss == "log_loss"
    expected = model.predict_proba(X) if is_share else model.decision_function(X)
    compiled = Compiled(to_c(model), tmp_path, dtype, expected.size // len(X))
    assert_agrees(compiled.predict(X), expected, dtype)
    if case == "multilabel":
        np.testing.assert_array_equal(compiled.labels(X), model.predict(X))
    else:
        np.testing.assert_array_equal(model.classes_[compiled.classes(X)], model.predict(X))


@needs_compiler
@pytest.mark.parametrize("loss", ["poisson", "quantile"])
def test_regression_losses(loss, tmp_path):
    """The exponential, and quantiles sorted by levels that are not."""
    X, y = iris()
    model = MLPRegressor((), loss=loss, max_iter=1, random_state=0)
    if loss == "quantile":
        model.set_params(quantile=(0.9, 0.1, 0.5), non_crossing=True)
    fitted(model, X, y)
    compiled = Compiled(to_c(model), tmp_path, "float64", 3 if loss == "quantile" else 1)
    assert_agrees(compiled.predict(X), model.predict(X), "float64")


@needs_compiler
@pytest.mark.parametrize("n_classes", [2, 3])
def test_perceptrons(n_classes, tmp_path):
    """Also of sparse weights, and as float where it is asked for."""
    X, y = iris()
    model = PerceptronClassifier().fit(X, np.minimum(y, n_classes - 1)).sparsify()
    text = to_c(model, dtype="float32")
    compiled = Compiled(text, tmp_path, "float32", 1 if n_classes == 2 else 3)
    np.testing.assert_allclose(
        compiled.predict(X).squeeze(), model.decision_function(X), rtol=1e-5, atol=1e-5
    )
    np.testing.assert_array_equal(compiled.classes(X), model.predict(X))


@needs_compiler
def test_labels_cannot_end_the_comment(tmp_path):
    """Whatever they are called."""
    X, y = iris()
    names = np.array(["*/ int", "/* \\", "caf\u00e9 \n"])
    model = fitted(MLPClassifier((3,), max_iter=1), X, names[y])
    Compiled(to_c(model), tmp_path, "float64", 3)


def test_what_cannot_be_written_is_refused():
    """Other estimators, names that C has not, weights that are no numbers."""
    X, y = iris()
    model = fitted(MLPRegressor((3,), max_iter=1), X, y)
    with pytest.raises(TypeError, match="PerceptronClassifier, got TabularMLPRegressor"):
        to_c(TabularMLPRegressor())
    search = GridSearchCV(MLPRegressor(max_iter=1), {"alpha": [0.1]}, cv=2).fit(X, y)
    for wrapping, remedy in (
        (make_pipeline(StandardScaler(), model), r"Pipeline\. .*to_c\(pipeline\[-1\]\).*Standard"),
        (search, r"to_c\(search\.best_estimator_\)"),
        (TransformedTargetRegressor(model).fit(X, y), r"model\.regressor_"),
    ):
        with pytest.raises(TypeError, match=remedy):
            to_c(wrapping)
    for name in ("for", "2nd", "a b", ""):
        with pytest.raises(ValueError, match=f"name must be a C identifier, got '{name}'"):
            to_c(model, name=name)
    with pytest.raises(ValueError, match="dtype must be 'float32', 'float64' or None, got 'half'"):
        to_c(model, dtype="half")
    model.coefs_[0][0, 0] = np.inf
    with pytest.raises(ValueError, match="The weights must be finite"):
        to_c(model)
