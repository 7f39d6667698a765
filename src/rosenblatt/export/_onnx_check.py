"""Whether a converted model gives what its estimator gives: rows of X go through both.

It knows ONNX's inputs and outputs and scikit-learn's methods; conversions are in other files.
"""

# SPDX-License-Identifier: BSD-3-Clause
import math
import warnings

import numpy as np
import scipy.sparse as sp
from sklearn.base import is_classifier, is_regressor

from rosenblatt._base import warn_user

MOST_ROWS = 100

# Rounding in float32 moves outputs by about 1e-6 of their size where inputs are scaled, operators
# that compute something else by far more. Where inputs are not scaled, sums round to as much as a
# small relative change of the inputs moves them, times the number of terms.
TOLERANCE, ROUNDING = 1e-4, 1e-6  # relative to the largest output, and of units of size 1
INPUT_CHANGE, CHANGES_ALLOWED = 1e-6, 100
# of the rows: at the edge of a bin or a leaf, rounding decides
SHARE_ALLOWED = 0.05


class NotComparableError(Exception):
    """The model cannot be run here."""


def check_export(onnx_model, model, X):
    """Compares the two on some rows of X.

    Parameters
    ----------
    onnx_model : onnx.ModelProto
    model : estimator
        What it was converted from.
    X : array-like or DataFrame

    Raises
    ------
    ValueError
        If they differ, or onnxruntime cannot run the model.
    """
    rows = _some_rows(X)
    wanted = _method_to_compare(model)
    if wanted is None or rows.shape[0] == 0:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of predictions: arrays have no feature names, say
        failure = _compare(onnx_model, type(model).__name__, rows, *wanted)
    if failure is not None:
        warn_user(failure)


def _compare(onnx_model, owner, rows, name, predict):
    """Raises where they differ; returns why they could not be compared, or None."""
    expected = predict(rows)
    if not isinstance(expected, np.ndarray) or expected.dtype.kind not in "fiu":
        return None
    try:
        found = _outputs(onnx_model, rows).get(name)
    except NotComparableError as error:
        return str(error)
    if found is None or np.size(found) != expected.size:
        return None
    expected = expected.reshape(len(expected), -1).astype(float)
    found = np.reshape(found, expected.shape).astype(float)
    scale = np.nanmax(np.abs(expected), axis=0, initial=0.0)
    moved = predict(_slightly_moved(rows)).reshape(expected.shape) - expected
    allowed = ROUNDING + TOLERANCE * scale + CHANGES_ALLOWED * np.abs(moved)
    difference = np.abs(found - expected)
    is_other = ~(difference <= allowed) & ~(np.isnan(found) & np.isnan(expected))
    n_other = int(is_other.any(axis=1).sum())
    if n_other > SHARE_ALLOWED * len(expected):
        raise ValueError(
            f"{name} of the converted model differ from those of {owner} in "
            f"{n_other} of {len(expected)} rows of X, by up to {np.nanmax(difference):.3g}: it is "
            "not returned. Convert its steps one by one, with to_onnx(step, X), to see which of "
            "them converts otherwise."
        )
    return None


def _some_rows(X):
    """At most MOST_ROWS rows, from all of X."""
    if not hasattr(X, "shape"):
        X = np.asarray(X)
    numbers = np.unique(np.linspace(0, max(0, X.shape[0] - 1), MOST_ROWS).astype(int))
    numbers = numbers[: X.shape[0]]
    if hasattr(X, "iloc"):
        return X.iloc[numbers]
    return X[numbers]


def _method_to_compare(model):
    """(name of the output, method that gives the same), or None."""
    if is_classifier(model):
        if hasattr(model, "predict_proba"):
            return "probabilities", model.predict_proba
        if hasattr(model, "decision_function"):
            return "scores", model.decision_function
        return None
    if is_regressor(model):
        return "variable", model.predict
    if hasattr(model, "transform"):
        return "variable", lambda rows: _dense(model.transform(rows))
    return None


def _dense(outputs):
    outputs = outputs.toarray() if sp.issparse(outputs) else outputs
    return outputs.to_numpy() if hasattr(outputs, "to_numpy") else outputs


def _slightly_moved(rows):
    """The rows, each number that is not an integer changed by a share of INPUT_CHANGE."""
    if hasattr(rows, "columns"):
        if not hasattr(rows, "select_dtypes"):
            return rows
        moved = rows.copy()
        for name in rows.select_dtypes("float").columns:
            moved[name] = _moved(rows[name].to_numpy())
        return moved
    if sp.issparse(rows):
        moved = rows.copy()
        moved.data = _moved(rows.data)
        return moved
    return _moved(rows) if rows.dtype.kind in "fiu" else rows


def _moved(values):
    signs = np.resize([1.0, -1.0, -1.0, 1.0, 1.0], values.shape)
    dtype = values.dtype if values.dtype.kind == "f" else float
    return (values * (1 + INPUT_CHANGE * signs)).astype(dtype)


def _outputs(onnx_model, rows):
    """{name: values} that onnxruntime gives, or without it onnx's own evaluator."""
    feeds = _feeds(onnx_model, rows)
    names = [one.name for one in onnx_model.graph.output]
    try:
        import onnxruntime
    except ImportError:
        return _outputs_by_reference(onnx_model, names, feeds)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 4
    text = onnx_model.SerializeToString()
    try:
        session = onnxruntime.InferenceSession(text, options, providers=["CPUExecutionProvider"])
        return dict(zip(names, session.run(names, feeds), strict=True))
    except Exception as error:  # which are of onnxruntime's own, that derive from nothing else
        raise ValueError(
            f"onnxruntime cannot run the converted model: {error}. Its operators for imputing and "
            "scaling take numbers of float32: fit, convert and predict with such columns "
            "(frame.astype({name: 'float32'}))."
        ) from error


def _outputs_by_reference(onnx_model, names, feeds):
    from onnx.reference import ReferenceEvaluator

    try:
        values = ReferenceEvaluator(onnx_model).run(names, feeds)
    except Exception as error:  # an operator that it does not have
        raise NotComparableError(
            f"to_onnx could not compare the converted model with the estimator ({error}): install "
            "onnxruntime, or compare their predictions."
        ) from error
    return dict(zip(names, values, strict=True))


def _feeds(onnx_model, rows):
    """The rows as the model's inputs; a missing text is the empty text."""
    from onnx import TensorProto, helper

    columns, feeds = {str(name): name for name in getattr(rows, "columns", [])}, {}
    for one in onnx_model.graph.input:
        kind = one.type.tensor_type.elem_type
        values = _dense(rows[columns[one.name]] if columns else rows)
        if kind == TensorProto.STRING:
            values = np.array([_as_text(value) for value in np.ravel(values)], dtype=object)
        elif values.dtype.kind == "O":  # numbers and pandas.NA
            values = np.array([np.nan if is_missing(value) else value for value in values])
        if kind != TensorProto.STRING:
            values = values.astype(helper.tensor_dtype_to_np_dtype(kind))
        feeds[one.name] = values.reshape(rows.shape[0], -1)
    return feeds


def is_missing(value):
    is_nan = isinstance(value, float) and math.isnan(value)
    return value is None or is_nan or type(value).__name__ in ("NAType", "NaTType")


def _as_text(value):
    return "" if is_missing(value) else str(value)
