"""Runs converted models in onnxruntime, for the tests of export."""

import numpy as np
import pytest

from rosenblatt import to_onnx

pytest.importorskip("onnx", reason="needs onnx: pip install rosenblatt[export]")
onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime runs the models")


def session_of(model, X, **options):
    """onnxruntime's session of a converted model; X are some rows."""
    text = to_onnx(model, X, **options).SerializeToString()
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = 1
    settings.log_severity_level = 3
    return onnxruntime.InferenceSession(text, settings, providers=["CPUExecutionProvider"])


def feeds_of(session, X):
    """X as the session's inputs: text as objects, a missing one as the empty text."""
    if not hasattr(X, "columns"):
        return {"X": X}
    feeds = {}
    for one in session.get_inputs():
        column = X[one.name]
        if one.type == "tensor(string)":
            values = column.astype(object).where(column.notna(), "").to_numpy()
        elif one.type == "tensor(double)":
            values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        else:
            values = column.to_numpy()
        feeds[one.name] = values.reshape(-1, 1)
    return feeds


def outputs_of(model, X, **options):
    """What onnxruntime makes of the rows, by the outputs' names."""
    session = session_of(model, X[:2], **options)
    names = [one.name for one in session.get_outputs()]
    return dict(zip(names, session.run(names, feeds_of(session, X)), strict=True))


def assert_agrees(found, expected, tolerance):
    """Numbers within tolerance * max(1, |expected|), in the same precision."""
    expected = np.asarray(expected)
    found = found.reshape(expected.shape)
    error = np.abs(found - expected) / np.maximum(1, np.abs(expected))
    assert np.array_equal(np.isnan(found), np.isnan(expected))
    assert np.nanmax(error, initial=0) <= tolerance
