"""The inputs of an ONNX model for rows like X: one matrix of an array, one for each column of a
frame, and their types. What is computed of them is in _onnx_networks.py and _onnx_tables.py.
"""

# SPDX-License-Identifier: BSD-3-Clause
import numpy as np

from rosenblatt.preprocessing._frames import NUMBER

_DOUBLE, _SINGLE = np.dtype(np.float64), np.dtype(np.float32)


def add_rows(graph, model, X):
    """(rows of the dtype to compute in, that dtype) of declared inputs."""
    n_features = model.n_features_in_
    inputs = declared_inputs(graph, X, n_features, type(model).__name__)
    is_single = all(graph.inputs[name][0] == np.float32 for name in inputs)
    dtype = dtype_of(model, is_single)
    return graph.concat([as_type(graph, name, dtype) for name in inputs]), dtype


def dtype_of(model, is_single):
    """What a network is computed in, for rows that are all of float32 or not."""
    dtype = getattr(model, "dtype", None)
    return np.dtype((np.float32 if is_single else np.float64) if dtype is None else dtype)


def as_type(graph, name, dtype):
    """An input in the dtype to compute in."""
    return name if graph.inputs[name][0] == dtype else graph.cast(name, dtype)


def declared_inputs(graph, X, n_features, owner):
    """The names of the inputs of numbers that are declared for rows like X."""
    if not hasattr(X, "columns"):
        dtype = getattr(X, "dtype", None)
        X = np.asarray(X) if dtype is None else X
        refuse_width(X.shape[1] if len(X.shape) == 2 else X.shape, n_features, owner)
        return [graph.input("X", input_dtype(X.dtype, "X"), n_features)]
    refuse_width(len(X.columns), n_features, owner)
    return [
        graph.input(str(name), input_dtype(column_dtype(X, name), f"column {name!r}"), 1)
        for name in X.columns
    ]


def refuse_width(given, wanted, owner):
    """Raises ValueError for rows of another width than the model's."""
    if given != wanted:
        raise ValueError(f"X must have {wanted} columns, as {owner} was fitted with; got {given}.")


def declared_columns(graph, model, X):
    """A function from the number of a column of `fit` to (value, dtype), of declared inputs."""
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
            dtype = input_dtype(dtype, f"column {label!r}")
        else:
            dtype = column_type(fitted.get(names.index(name)), dtype, label)
        if dtype is not None:
            graph.input(name, dtype, 1)
    return lambda j: (names[j], graph.inputs[names[j]][0])


def column_dtype(X, name):
    """The NumPy dtype of a frame's column; object where it is text or anything else."""
    dtype = np.asarray(X[name]).dtype
    return dtype if dtype.kind in "biufmM" else np.dtype(object)


def input_dtype(dtype, where):
    """The type of the input for numbers of a dtype.

    Raises
    ------
    ValueError
        For what are no numbers.
    """
    if dtype.kind == "f":
        return np.dtype(np.float32 if dtype.itemsize <= 4 else np.float64)
    if dtype.kind in "iu":
        return np.dtype(np.int64)
    if dtype.kind == "b":
        return np.dtype(bool)
    raise ValueError(f"to_onnx takes numbers here, and {where} of X is {dtype}.")


def reader_of(model):
    """The TableReader of an estimator of raw tables; None for what takes numbers alone."""
    ensemble = getattr(model, "_ensemble", model)
    return getattr(ensemble, "reader", None) or getattr(ensemble, "_reader", None)


def column_type(fitted, dtype, label):
    """The type of the input for a column, as a TableReader has fitted it.

    Parameters
    ----------
    fitted : object or None
        The reader's recipe; None for a column that is not used.
    dtype : numpy.dtype
        Of the column; object where NumPy has none.
    label : object
        Its name, for messages.

    Returns
    -------
    numpy.dtype or None
        None where ONNX has no such type and the column is not used.

    Raises
    ------
    ValueError
        For dates, durations, and categories that are neither text nor numbers.
    """
    if fitted is None:
        return None if dtype.kind in "mM" else _number_type(dtype) or np.dtype(str)
    if fitted.levels is None:
        if fitted.reads != NUMBER:
            raise ValueError(
                f"to_onnx cannot read column {label!r}: it is a {fitted.reads}, which ONNX has no "
                "type for. Make numbers of it before fit, or leave it out."
            )
        return _number_type(dtype) or _DOUBLE
    values = fitted.levels.values
    if all(isinstance(value, str) for value in values):
        return np.dtype(str)
    if all(isinstance(value, (bool, int, float, np.number, np.bool_)) for value in values):
        return _number_type(dtype) or _DOUBLE
    kinds = sorted({type(value).__name__ for value in values})
    raise ValueError(
        f"to_onnx cannot read column {label!r}, a category of {', '.join(kinds)}: ONNX has "
        "categories that are all text or all numbers."
    )


def _number_type(dtype):
    if dtype.kind == "f":
        return _SINGLE if dtype.itemsize <= 4 else _DOUBLE
    return {"i": np.dtype(np.int64), "u": np.dtype(np.int64), "b": np.dtype(bool)}.get(dtype.kind)
