"""The inputs of an ONNX model for rows like X: one matrix for an array, one input per column for a
DataFrame, and their types. The operators are in _onnx_networks.py and _onnx_tables.py.
"""

# SPDX-License-Identifier: BSD-3-Clause
import numpy as np

from rosenblatt.preprocessing._frames import NUMBER

_DOUBLE, _SINGLE = np.dtype(np.float64), np.dtype(np.float32)


def add_rows(graph, model, X):
    """Declare the inputs; returns (rows cast to the dtype of the computation, that dtype)."""
    n_features = model.n_features_in_
    inputs = declared_inputs(graph, X, n_features, type(model).__name__)
    is_single = all(graph.inputs[name][0] == np.float32 for name in inputs)
    dtype = dtype_of(model, is_single)
    return graph.concat([as_type(graph, name, dtype) for name in inputs]), dtype


def dtype_of(model, is_single):
    """The dtype of a network's computation; `is_single` says whether all rows are float32."""
    dtype = getattr(model, "dtype", None)
    return np.dtype((np.float32 if is_single else np.float64) if dtype is None else dtype)


def as_type(graph, name, dtype):
    """The input, cast to the dtype of the computation."""
    return name if graph.inputs[name][0] == dtype else graph.cast(name, dtype)


def declared_inputs(graph, X, n_features, owner):
    """Declare numeric inputs for rows like X; returns their names."""
    if not hasattr(X, "columns"):
        dtype = getattr(X, "dtype", None)
        X = np.asarray(X) if dtype is None else X
        refuse_width(X.shape[1] if len(X.shape) == 2 else X.shape, n_features, owner)
        return [graph.input("X", input_dtype(X.dtype, "X"), n_features)]
    refuse_width(len(X.columns), n_features, owner)
    return [
        graph.input(str(name), input_dtype(column_dtype(X, name), f"column {name!r} of X"), 1)
        for name in X.columns
    ]


def refuse_width(given, wanted, owner):
    """Raise ValueError if the number of columns differs from that of the model."""
    if given != wanted:
        raise ValueError(f"X must have {wanted} columns, as in fit of {owner}; got {given}.")


def declared_columns(graph, model, X):
    """Declare inputs; returns a function from the index of a column of `fit` to (value, dtype)."""
    owner, reader = type(model).__name__, reader_of(model)
    if not hasattr(X, "columns"):
        (name,) = declared_inputs(graph, X, model.n_features_in_, owner)
        dtype = graph.inputs[name][0]
        return lambda j: (graph.columns(name, [j]), dtype)
    given = [str(one) for one in X.columns]
    refuse_width(len(given), model.n_features_in_, owner)
    names = [str(one) for one in getattr(model, "feature_names_in_", given)]
    if set(names) != set(given):
        raise ValueError(f"X must have the columns {names}, as in fit; got {given}.")
    fitted = {} if reader is None else {one.source: one for one in reader._fitted}
    for label, name in zip(X.columns, given, strict=True):
        dtype = column_dtype(X, label)
        if reader is None:
            dtype = input_dtype(dtype, f"column {label!r} of X")
        else:
            dtype = column_type(fitted.get(names.index(name)), dtype, label)
        if dtype is not None:
            graph.input(name, dtype, 1)
    return lambda j: (names[j], graph.inputs[names[j]][0])


def column_dtype(X, name):
    """The NumPy dtype of a column of a DataFrame; object for text and other types."""
    dtype = np.asarray(X[name]).dtype
    return dtype if dtype.kind in "biufmM" else np.dtype(object)


def input_dtype(dtype, where):
    """The type of an ONNX input for numbers of a dtype.

    Raises
    ------
    ValueError
        If the dtype is not numeric.
    """
    if dtype.kind == "f":
        return np.dtype(np.float32 if dtype.itemsize <= 4 else np.float64)
    if dtype.kind in "iu":
        return np.dtype(np.int64)
    if dtype.kind == "b":
        return np.dtype(bool)
    raise ValueError(f"to_onnx requires numeric input for this model, but {where} is {dtype}.")


def reader_of(model):
    """The TableReader of an estimator for raw tables; None for estimators of numeric arrays."""
    ensemble = getattr(model, "_ensemble", model)
    return getattr(ensemble, "reader", None) or getattr(ensemble, "_reader", None)


def column_type(fitted, dtype, label):
    """The type of the ONNX input for a column that a TableReader was fitted to.

    Parameters
    ----------
    fitted : object or None
        How the reader reads the column; None for a column that is not used.
    dtype : numpy.dtype
        The dtype of the column; object if it is not a NumPy dtype.
    label : object
        Name of the column, for messages.

    Returns
    -------
    numpy.dtype or None
        None if ONNX does not support the type and the column is not used.

    Raises
    ------
    ValueError
        If the column is a date, a duration, or a category that is neither text nor numbers.
    """
    if fitted is None:
        return None if dtype.kind in "mM" else _number_type(dtype) or np.dtype(str)
    if fitted.levels is None:
        if fitted.reads != NUMBER:
            raise ValueError(
                f"to_onnx does not support column {label!r}: ONNX has no type for a "
                f"{fitted.reads}. Convert it to numbers before fit, or drop it."
            )
        return _number_type(dtype) or _DOUBLE
    values = fitted.levels.values
    if all(isinstance(value, str) for value in values):
        return np.dtype(str)
    if all(isinstance(value, (bool, int, float, np.number, np.bool_)) for value in values):
        return _number_type(dtype) or _DOUBLE
    kinds = sorted({type(value).__name__ for value in values})
    raise ValueError(
        f"to_onnx does not support column {label!r}, a category of {', '.join(kinds)}: in ONNX "
        "categories must be all text or all numbers."
    )


def _number_type(dtype):
    if dtype.kind == "f":
        return _SINGLE if dtype.itemsize <= 4 else _DOUBLE
    return {"i": np.dtype(np.int64), "u": np.dtype(np.int64), "b": np.dtype(bool)}.get(dtype.kind)
