"""`to_c`: a fitted network as the source of one C99 file, for microcontrollers and for audits.
Formulas of activations come from _activations.py. Nothing is compiled here.
"""

# SPDX-License-Identifier: BSD-3-Clause
import re
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from rosenblatt._architecture import dense_network
from rosenblatt._config import __version__
from rosenblatt._prediction import VARIANCE_EPSILON, FittedNetwork, fitted_network
from rosenblatt._types import DType
from rosenblatt.export._activations import FORMULAS
from rosenblatt.mlp import MLPClassifier, MLPRegressor
from rosenblatt.perceptron import PerceptronClassifier

_KEYWORDS = frozenset(
    [
        "auto",
        "break",
        "case",
        "char",
        "const",
        "continue",
        "default",
        "do",
        "double",
        "else",
        "enum",
        "extern",
        "float",
        "for",
        "goto",
        "if",
        "inline",
        "int",
        "long",
        "main",
        "real",
        "register",
        "restrict",
        "return",
        "short",
        "signed",
        "sizeof",
        "static",
        "struct",
        "switch",
        "typedef",
        "union",
        "unsigned",
        "void",
        "volatile",
        "while",
    ]
)

_DENSE = """\
/* z (n) = x (k) times w (k, n) + b (n) */
static void dense(const real *x, const real *w, const real *b, real *z, int k, int n)
{
    int i, j;
    for (j = 0; j < n; j++) z[j] = b[j];
    for (i = 0; i < k; i++)
        for (j = 0; j < n; j++) z[j] += x[i] * w[i * n + j];
}
"""

_NORMALIZE = """\
/* z (n) = scale * (z - mean) / sqrt(variance + {epsilon}) + shift, over the layer's units */
static void normalize(real *z, const real *scale, const real *shift, int n)
{
    real mean = 0, variance = 0;
    int j;
    for (j = 0; j < n; j++) mean += z[j];
    mean /= (real)n;
    for (j = 0; j < n; j++) variance += (z[j] - mean) * (z[j] - mean);
    variance = (real)1 / {sqrt}(variance / (real)n + (real){epsilon});
    for (j = 0; j < n; j++) z[j] = scale[j] * ((z[j] - mean) * variance) + shift[j];
}
"""

_SORT = """\
/* ascending values y (n) at the places order[0], order[1], .. */
static void sort(real *y, const int *order, int n)
{
    int i, k;
    for (i = 1; i < n; i++)
        for (k = i; k > 0 && y[order[k - 1]] > y[order[k]]; k--) {
            real lower = y[order[k]];
            y[order[k]] = y[order[k - 1]];
            y[order[k - 1]] = lower;
        }
}
"""

# the output activations, applied to the logits y in place, for each `out_activation_`
_OUT_ACTIVATIONS = {
    "identity": [],
    "exp": ["for (j = 0; j < {n}; j++) y[j] = {exp}(y[j]);"],
    "logistic": ["for (j = 0; j < {n}; j++) y[j] = (real)1 / ((real)1 + {exp}(-y[j]));"],
    "softmax": [
        "for (j = 1; j < {n}; j++) if (y[j] > top) top = y[j];",
        "for (j = 0; j < {n}; j++) sum += (y[j] = {exp}(y[j] - top));",
        "for (j = 0; j < {n}; j++) y[j] /= sum;",
    ],
}


def to_c(model: Any, *, name: str = "model", dtype: DType = None) -> str:
    """Convert a fitted network to a C99 source file.

    The file includes only math.h, allocates no memory and has no state: weights are constant
    arrays, and hidden outputs are on the stack. Batch normalisation is folded into the weights.

    Parameters
    ----------
    model : MLPClassifier, MLPRegressor or PerceptronClassifier
        The fitted estimator. Changes made to its weights after `fit` are included.
    name : str, default='model'
        Prefix of the names of functions and constants. Must be a C identifier.
    dtype : {'float32', 'float64'} or None, default=None
        Type `real` of the C code: float or double. None means float if all weights are float32,
        otherwise double.

    Returns
    -------
    text : str
        The source file. Its function ``void model_predict(const real *x, real *y)`` maps a row of
        MODEL_N_FEATURES numbers to MODEL_N_OUTPUTS numbers: those of `predict_proba`, of `predict`
        for a regressor, or of `decision_function` if the loss does not give probabilities. A
        classifier also has ``int model_class(const real *x)``, which returns the index of the
        predicted label in `classes_` (listed in a comment). A multilabel classifier has ``void
        model_labels(const real *x, int *labels)`` instead.

    Raises
    ------
    TypeError
        If the model is not one of these estimators.
    ValueError
        If `name` is not a C identifier, `dtype` is invalid, or a weight is not finite.

    Examples
    --------
    >>> from rosenblatt import PerceptronClassifier, to_c
    >>> neuron = PerceptronClassifier().fit([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 0, 0, 1])
    >>> text = to_c(neuron, name="gate")
    >>> "int gate_class(const real *x)" in text
    True
    """
    if not isinstance(model, (MLPClassifier, MLPRegressor, PerceptronClassifier)):
        raise TypeError(
            "to_c takes a fitted MLPClassifier, MLPRegressor or PerceptronClassifier, got "
            f"{type(model).__name__}.{_remedy_of(model)}"
        )
    if not re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII) or name in _KEYWORDS:
        raise ValueError(f"name must be a C identifier, got {name!r}.")
    if dtype is not None and np.dtype(dtype) not in (np.float32, np.float64):
        raise ValueError(f"dtype must be 'float32', 'float64' or None, got {dtype!r}.")
    check_is_fitted(model)
    return _Writer(model, name, dtype).text()


def _remedy_of(model):
    """Advice for a model that contains, or may contain, a network."""
    if isinstance(model, Pipeline):
        before = ", ".join(type(step).__name__ for _, step in model.steps[:-1])
        takes = f", which takes what {before} puts out" if before else ""
        return (
            f" Export its last step, to_c(pipeline[-1]){takes}; rosenblatt.to_onnx(pipeline, X) "
            "exports all steps."
        )
    if hasattr(model, "best_estimator_"):
        return " Export what the search found: to_c(search.best_estimator_)."
    if hasattr(model, "regressor_"):
        return " Export model.regressor_, whose predictions are those of the transformed target."
    if hasattr(model, "members_"):
        return " rosenblatt.to_onnx(model, X) exports tables and ensembles."
    return ""


def _network_of(model):
    """The FittedNetwork with batch normalisation folded in; a perceptron has a single layer."""
    if not isinstance(model, PerceptronClassifier):
        return fitted_network(model).folded()
    coef = model.coef_.toarray() if sp.issparse(model.coef_) else np.asarray(model.coef_)
    architecture = dense_network(coef.T.shape, (), "hinge", coef.dtype)
    return FittedNetwork(architecture, [[coef.T], [np.asarray(model.intercept_)]])


class _Writer:
    """Writes the C source of one model.

    Parameters
    ----------
    model, name, dtype
        As in `to_c`.
    """

    def __init__(self, model, name, dtype):
        self.model, self.name = model, name
        network = _network_of(model)
        arrays = [array for arrays in network.lists for array in arrays]
        self.dtype = np.dtype(np.result_type(np.float32, *arrays) if dtype is None else dtype)
        self.architecture = network.architecture
        self.arrays = {
            attribute: [np.asarray(array, self.dtype) for array in arrays]
            for attribute, arrays in self.architecture.named(network.lists).items()
        }
        if not all(np.isfinite(one).all() for arrays in self.arrays.values() for one in arrays):
            raise ValueError(f"The weights must be finite, but some weights of {model!r} are not.")
        self.is_classifier = hasattr(model, "classes_")
        self.is_multilabel = getattr(model, "_multilabel", False)
        self.out_activation = getattr(model, "out_activation_", "identity")
        self.n_logits = self.architecture.widths[-1]
        # for two classes the network outputs the probability of the second
        is_pair = self.is_classifier and self.n_logits == 1 and not self.is_multilabel
        self.adds_first = is_pair and self.out_activation != "identity"
        self.n_outputs = self.n_logits + self.adds_first

    def text(self):
        """The whole file."""
        parts = [self._head(), *self._functions(), *self._constants(), self._predict()]
        if self.is_classifier:
            parts.append(self._labels() if self.is_multilabel else self._class())
        return "\n".join(parts)

    def _math(self, text):
        """The text with the math.h functions of the type."""
        tail = "f" if self.dtype == np.float32 else ""
        return re.sub(r"\{(exp|expm1|log1p|tanh|erfc|sqrt)\}", rf"\1{tail}", text)

    def _head(self):
        architecture, upper = self.architecture, self.name.upper()
        widths = " -> ".join(map(str, architecture.widths))
        lines = [
            f"/* {type(self.model).__name__} of rosenblatt {__version__}: {widths}",
            f" * activations: {', '.join([*architecture.activations, self.out_activation])}",
            " *",
            f" * {self.name}_predict: a row x of {upper}_N_FEATURES numbers to {upper}_N_OUTPUTS "
            f"{self._what()}",
        ]
        if self.is_classifier:
            lines += self._classes()
        kind = "float" if self.dtype == np.float32 else "double"
        declared = self._declarations()
        lines += [
            " *",
            f" * Another file that calls it declares (cc other.c {self.name}.c -lm):",
            *(f" *     {line.replace('real', kind)}" for line in declared),
            " */",
            "#include <math.h>",
            "",
            f"typedef {kind} real;",
            "",
            f"#define {upper}_N_FEATURES {architecture.widths[0]}",
            f"#define {upper}_N_OUTPUTS {self.n_outputs}",
            "",
            *declared,
        ]
        return "\n".join(lines) + "\n"

    def _declarations(self):
        lines = [f"void {self.name}_predict(const real *x, real *y);"]
        if self.is_multilabel:
            lines.append(f"void {self.name}_labels(const real *x, int *labels);")
        elif self.is_classifier:
            lines.append(f"int {self.name}_class(const real *x);")
        return lines

    def _what(self):
        if not self.is_classifier:
            return "predictions y"
        return "scores y" if self.out_activation == "identity" else "probabilities y"

    def _classes(self):
        """Lines of the comment that list the labels."""
        if self.is_multilabel:
            return [f" * {self.name}_labels: 1 for each label of the row, 0 for the others"]
        labels = [
            re.sub(r"[^ -~]|\*/|/\*|\\", "?", repr(one)) for one in self.model.classes_.tolist()
        ]
        numbered = [f" *     {i}: {label}" for i, label in enumerate(labels)]
        return [f" * {self.name}_class: the predicted label's place among", *numbered]

    def _functions(self):
        """Definitions of the functions that the network uses."""
        parts, hidden = [_DENSE], self.architecture.hidden
        if self.architecture.normalization is not None:
            parts.append(self._math(_NORMALIZE.replace("{epsilon}", repr(VARIANCE_EPSILON))))
        for activation in dict.fromkeys(layer.activation for layer in hidden):
            if activation != "identity":
                parts.append(
                    f"static real activate_{activation}(real z)\n{{\n"
                    f"    return {self._math(FORMULAS[activation].c)};\n}}\n"
                )
        if self._level_order is not None:
            parts.append(_SORT)
        return parts

    def _constants(self):
        """Definitions of the constant arrays."""
        names = {
            "coefs_": "weights",
            "intercepts_": "intercepts",
            "normalization_scales_": "scales",
            "normalization_shifts_": "shifts",
        }
        for attribute, arrays in self.arrays.items():
            for i, array in enumerate(arrays):
                shape = ", ".join(map(str, array.shape))
                numbers = self._numbers(array.ravel())
                yield (
                    f"/* {attribute}[{i}] ({shape}) */\n"
                    f"static const real {names[attribute]}_{i}[{array.size}] = {{\n{numbers}\n}};\n"
                )
        if self._level_order is not None:
            order = ", ".join(map(str, self._level_order))
            yield f"static const int level_order[{self.n_outputs}] = {{ {order} }};\n"

    def _numbers(self, values):
        """The values in the fewest digits that round-trip, several per line."""
        tail = "f" if self.dtype == np.float32 else ""
        texts = [np.format_float_scientific(value, trim="0") + tail for value in values]
        lines = [", ".join(texts[i : i + 6]) for i in range(0, len(texts), 6)]
        return ",\n".join(f"    {line}" for line in lines)

    def _predict(self):
        widths, hidden = self.architecture.widths, self.architecture.hidden
        lines = [f"void {self.name}_predict(const real *x, real *y)", "{"]
        is_softmax = self.out_activation == "softmax"
        some = [f"h{i}[{layer.fan_out}]" for i, layer in enumerate(hidden)]
        if some:
            lines.append(f"    real {', '.join(some)};")
        body, values = [], "x"
        for i, layer in enumerate(hidden):
            body.append(f"dense({values}, weights_{i}, intercepts_{i}, h{i}, {widths[i]}, "
                        f"{layer.fan_out});")  # fmt: skip
            values = f"h{i}"
            if layer.normalization is not None:
                body.append(f"normalize({values}, scales_{i}, shifts_{i}, {layer.fan_out});")
            if layer.activation != "identity":
                body.append(f"for (j = 0; j < {layer.fan_out}; j++) "
                            f"h{i}[j] = activate_{layer.activation}(h{i}[j]);")  # fmt: skip
        i = len(hidden)
        body.append(
            f"dense({values}, weights_{i}, intercepts_{i}, y, {widths[i]}, {self.n_logits});"
        )
        if is_softmax:
            lines.append("    real top, sum = 0;")
            body.append("top = y[0];")
        for line in _OUT_ACTIVATIONS[self.out_activation]:
            body.append(self._math(line.replace("{n}", str(self.n_logits))))
        if self.adds_first:
            body += ["y[1] = y[0];", "y[0] = (real)1 - y[1];"]
        if self._level_order is not None:
            body.append(f"sort(y, level_order, {self.n_outputs});")
        if any(re.search(r"\bj\b", line) for line in body):
            lines.append("    int j;")
        return "\n".join([*lines, *(f"    {line}" for line in body), "}"]) + "\n"

    @property
    def _level_order(self):
        """The indices of a regressor's quantiles in order of level; None if they are not sorted."""
        levels = getattr(self.model, "_levels", None)
        if levels is None or not self.model.non_crossing:
            return None
        return np.argsort(levels, kind="stable").tolist()

    def _class(self):
        upper, name = self.name.upper(), self.name
        lines = [f"int {name}_class(const real *x)", "{", f"    real y[{upper}_N_OUTPUTS];"]
        if self.n_logits > 1:
            body = [
                "int j, best = 0;",
                f"{name}_predict(x, y);",
                f"for (j = 1; j < {upper}_N_OUTPUTS; j++) if (y[j] > y[best]) best = j;",
                "return best;",
            ]
        elif len(self.model.classes_) == 1:
            body = [f"{name}_predict(x, y);", "return 0;"]
        else:
            threshold = "y[1] > (real)0.5" if self.adds_first else "y[0] > (real)0"
            body = [f"{name}_predict(x, y);", f"return {threshold};"]
        return "\n".join([*lines, *(f"    {line}" for line in body), "}"]) + "\n"

    def _labels(self):
        upper, name = self.name.upper(), self.name
        threshold = "0.5" if self.out_activation == "logistic" else "0"
        return (
            f"void {name}_labels(const real *x, int *labels)\n{{\n"
            f"    real y[{upper}_N_OUTPUTS];\n"
            "    int j;\n"
            f"    {name}_predict(x, y);\n"
            f"    for (j = 0; j < {upper}_N_OUTPUTS; j++) labels[j] = y[j] > (real){threshold};\n"
            "}\n"
        )
