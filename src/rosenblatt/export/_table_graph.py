"""Raw tables as ONNX operators: reading columns as numbers and codes, their encoding, and the
ensembles of the tabular estimators. The steps are those of rosenblatt.preprocessing, in its order.
"""

# SPDX-License-Identifier: BSD-3-Clause
from itertools import pairwise

import numpy as np

from rosenblatt.export._graph import ML_DOMAIN
from rosenblatt.export._network_graph import add_labels, add_network
from rosenblatt.preprocessing._bins import LARGEST
from rosenblatt.preprocessing._frames import NUMBER
from rosenblatt.preprocessing._robust_scale import CLIP, LARGEST_ROOT
from rosenblatt.tabular._calibration import SMALLEST
from rosenblatt.tabular._intervals import GRID, HIGH, LEARNED, LOW

_DOUBLE, _SINGLE = np.dtype(np.float64), np.dtype(np.float32)


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


def add_table(graph, reader, column):
    """Add a table reader; returns (numbers, codes).

    numbers is a float64 value of shape (n, p) or None, codes are int64 values of shape (n, 1).

    Parameters
    ----------
    graph : Graph
    reader : TableReader
    column : callable
        Maps the index of a column of X to (value of shape (n, 1), its dtype).
    """
    numbers, codes = [], []
    for fitted in reader._fitted:
        value, dtype = column(fitted.source)
        if fitted.levels is not None:
            codes.append(_add_codes(graph, fitted.levels, value, dtype, fitted.source))
            continue
        numbers.append(value if dtype == _DOUBLE else graph.cast(value, _DOUBLE))
    if not numbers:
        return None, codes
    numbers = graph.concat(numbers)
    ends = graph.op("Where", graph.op("Greater", numbers, np.float64(0)), reader._high, reader._low)
    return graph.op("Where", graph.op("IsInf", numbers), ends, numbers), codes


def _add_codes(graph, levels, value, dtype, source):
    if all(isinstance(one, str) for one in levels.values):
        if dtype.kind not in "OU":
            raise ValueError(f"column {source} of X must be text, as it was in fit; got {dtype}.")
        if "" in levels.values and levels.missing_code != levels.unseen_code:
            raise ValueError(
                f"to_onnx does not support column {source}: it has the empty string as a category, "
                "which means a missing value in ONNX. Rename this category before fit."
            )
        known = {one: code for code, one in enumerate(levels.values)}
        known.setdefault("", levels.missing_code)
        return graph.op(
            "LabelEncoder",
            value,
            domain=ML_DOMAIN,
            keys_strings=list(known),
            values_int64s=list(known.values()),
            default_int64=levels.unseen_code,
        )
    number = value if dtype == _DOUBLE else graph.cast(value, _DOUBLE)
    keys = np.array([levels.values], dtype=np.float64)
    matches = graph.cast(graph.op("Equal", number, keys), np.int64)
    place = graph.op("ArgMax", matches, axis=1, keepdims=1)
    is_known = graph.cast(graph.op("ReduceMax", matches, np.array([1]), keepdims=1), bool)
    missing, unseen = np.int64(levels.missing_code), np.int64(levels.unseen_code)
    other = graph.op("Where", graph.op("IsNaN", number), missing, unseen)
    return graph.op("Where", is_known, place, other)


def add_statistics(graph, statistics, columns, layout, numbers, codes):
    """The numbers, with the target statistics of some columns of codes appended."""
    parts = [] if numbers is None else [numbers]
    for i, j in enumerate(columns):
        every = np.full((len(layout.levels[j]) + 1, len(columns)), -1)
        every[:, i] = np.arange(-1, len(layout.levels[j]))
        n_each = statistics.n_columns // len(columns)
        table = statistics.transform(every)[:, i * n_each : (i + 1) * n_each]
        parts.append(_rows_of_codes(graph, table, codes[j]))
    return graph.concat(parts)


def _rows_of_codes(graph, table, codes):
    """Row code + 1 of a table for each code of shape (n, 1)."""
    places = graph.op("Squeeze", graph.op("Add", codes, np.int64(1)), np.array([1]))
    return graph.op("Gather", np.ascontiguousarray(table), places, axis=0)


def add_encoder(graph, encoder, numbers, codes):
    """Add a ColumnEncoder; returns float32 values of shape (n, encoder.n_columns)."""
    parts = [] if numbers is None else _add_numbers(graph, encoder, numbers)
    for j in encoder._groups["signs"][0].tolist():
        sign = graph.op("Sub", graph.op("Mul", codes[j], np.int64(2)), np.int64(1))
        known = graph.op("Less", codes[j], np.int64(0))
        parts.append(graph.cast(graph.op("Where", known, np.int64(0), sign), _SINGLE))
    start = encoder._slices["levels"].start
    bounds = [*(offset - 1 for offset in encoder._offsets), len(encoder._positions)]
    for j, (begin, end) in zip(encoder._code_columns, pairwise(bounds), strict=True):
        positions = encoder._positions[begin:end]  # for the codes -1, 0, 1, ...
        n_outputs = len(np.unique(positions[positions >= 0]))
        table = np.zeros((len(positions), n_outputs), np.float32)
        rows = np.flatnonzero(positions >= 0)
        table[rows, positions[rows] - start] = 1
        start += n_outputs
        if n_outputs:
            parts.append(_rows_of_codes(graph, table, codes[j]))
    return graph.op("Sub", graph.concat(parts), encoder.centre)


def _add_numbers(graph, encoder, numbers):
    """Missing-value indicators, numbers with two values, and scaled and encoded numbers."""
    groups, parts = encoder._groups, []
    missing = graph.op("IsNaN", numbers)
    columns = groups["missing"][0]
    if len(columns):
        shown = graph.columns(missing, columns)
        parts.append(graph.op("Where", shown, np.float32(1), np.float32(-1)))
    filled = graph.op("Where", missing, encoder._fill, numbers)
    x = graph.op("Clip", filled, np.float64(-LARGEST), np.float64(LARGEST))
    columns, low, factor = groups["binary"]
    if len(columns):
        value = graph.op("Sub", graph.columns(x, columns), low)
        value = graph.op("Sub", graph.op("Mul", value, factor), np.float64(1))
        value = graph.op("Clip", value, np.float64(-1), np.float64(1))
        parts.append(graph.cast(value, _SINGLE))
    columns, median, scale = groups["scaled"]
    if not len(columns):
        return parts
    value = graph.op("Mul", graph.op("Sub", graph.columns(x, columns), median), scale)
    scaled = graph.cast(add_smooth_clip(graph, value, CLIP), _SINGLE)
    parts.append(scaled)
    columns, first, second = groups["encoded"]
    if not len(columns):
        return parts
    if encoder.encoding == "periodic":
        frequency, phase = encoder._waves
        angle = graph.op("Mul", graph.columns(scaled, columns), frequency)
        return [*parts, graph.op("Cos", graph.op("Add", angle, phase))]
    value = graph.columns(x, columns)
    if encoder.encoding == "one_hot":
        inside = graph.op("And", graph.op("GreaterOrEqual", value, first),
                          graph.op("Less", value, second))  # fmt: skip
        return [*parts, graph.cast(inside, _SINGLE)]
    return [*parts, graph.cast(add_bins(graph, value, first, second), _SINGLE)]


def add_bins(graph, values, low, factor):
    """clip((values - low) * factor, 0, 1)."""
    value = graph.op("Mul", graph.op("Sub", values, low), factor)
    return graph.op("Clip", value, np.float64(0), np.float64(1))


def add_smooth_clip(graph, values, clip):
    """values / sqrt(1 + (values / clip)**2), of float64."""
    values = graph.op("Clip", values, np.float64(-LARGEST_ROOT), np.float64(LARGEST_ROOT))
    share = graph.op("Mul", values, np.float64(1 / clip))
    square = graph.op("Add", graph.op("Mul", share, share), np.float64(1))
    return graph.op("Div", values, graph.op("Sqrt", square))


def add_preprocessor(graph, model, column):
    """{'variable': ..} of a TabularPreprocessor."""
    numbers, codes = add_table(graph, model._reader, column)
    if model._statistics is not None:
        layout = model._reader.layout_
        numbers = add_statistics(graph, model._statistics, model._many, layout, numbers, codes)
    encoder = model._encoder
    return {"variable": (add_encoder(graph, encoder, numbers, codes), _SINGLE, encoder.n_columns)}


def add_scaler(graph, model, column):
    """{'variable': ..} of a RobustSmoothScaler."""
    X, dtype = _columns(graph, model, column)
    scaled = graph.op("Mul", graph.op("Sub", X, model.center_), model.factor_)
    bent = add_smooth_clip(graph, scaled, model.clip)
    # infinity times 0, the factor of a constant column, is NaN
    bent = graph.op(
        "Where", graph.constant(model.factor_ == 0), graph.constant(np.float64(0)), bent
    )
    bent = graph.op("Where", graph.op("IsNaN", X), X, bent)
    return {"variable": (graph.cast(bent, dtype), dtype, model.n_features_in_)}


def add_piecewise(graph, model, column):
    """{'variable': ..} of a PiecewiseLinearEncoder."""
    X, dtype = _columns(graph, model, column)
    filled = graph.op("Where", graph.op("IsNaN", X), model._medians, X)
    x = graph.op("Clip", filled, np.float64(-LARGEST), np.float64(LARGEST))
    parts = [x] if model.keep_input else []
    if len(model._columns):
        parts.append(add_bins(graph, graph.columns(x, model._columns), model._low, model._factor))
    n_columns = len(model._columns) + model.keep_input * model.n_features_in_
    return {"variable": (graph.cast(graph.concat(parts), dtype), dtype, n_columns)}


def _columns(graph, model, column):
    """(all numeric columns as float64, the dtype of the transformer's output)."""
    given = [column(j) for j in range(model.n_features_in_)]
    dtype = _SINGLE if all(dtype == _SINGLE for _, dtype in given) else _DOUBLE
    values = [value if kind == _DOUBLE else graph.cast(value, _DOUBLE) for value, kind in given]
    return graph.concat(values), dtype


def add_ensemble(graph, model, column, quantiles=None):
    """The outputs of a TabularMLPClassifier or TabularMLPRegressor.

    `quantiles` are further outputs of a regressor: names, and the levels of each.
    """
    ensemble = model._ensemble
    numbers, codes = add_table(graph, ensemble.reader, column)
    if ensemble.statistics is not None:
        numbers = add_statistics(
            graph,
            ensemble.statistics.statistics,
            ensemble.statistics.columns,
            ensemble.reader.layout_,
            numbers,
            codes,
        )
    encoded = {}
    for i in sorted(set(ensemble.encoder_of)):
        encoded[i] = add_encoder(graph, ensemble.encoders[i], numbers, codes)
    is_classifier = hasattr(model, "classes_")
    decode = _decoded_classes if is_classifier else _decoded_numbers
    total = None
    for k, member in enumerate(ensemble.members):
        outputs = add_network(graph, member, encoded[ensemble.encoder_of[k]], _SINGLE)
        decoded = decode(graph, ensemble.decoder, member.n_outputs_, outputs)
        part = graph.op("Mul", decoded, np.float64(ensemble.weights[k]))
        total = part if total is None else graph.op("Add", total, part)
    n_outputs = ensemble.decoder.n_outputs
    if not is_classifier:
        limited = _limited(graph, total, ensemble.decoder.scaling)
        outputs = {"variable": (limited, _DOUBLE, n_outputs)}
        if not quantiles:
            return outputs
        every = add_quantiles(graph, ensemble, numbers, codes, limited, quantiles.values())
        shapes = [
            len(levels) if ensemble.decoder.is_flat else (n_outputs, len(levels))
            for levels in quantiles.values()
        ]
        return outputs | {
            name: (value, _DOUBLE, shape)
            for name, value, shape in zip(quantiles, every, shapes, strict=True)
        }
    if ensemble.calibration is not None and n_outputs > 1:
        total = _calibrated(graph, ensemble.calibration, total, n_outputs)
    labels = add_labels(graph, total, n_outputs, np.float64(0), model.classes_)
    return labels | {"probabilities": (total, _DOUBLE, n_outputs)}


def _decoded_classes(graph, decoder, n_network_outputs, outputs):
    if n_network_outputs == 1 and decoder.n_outputs == 1:
        outputs = graph.op("Add", graph.op("Mul", outputs, np.float32(0)), np.float32(1))
    elif n_network_outputs == 1:
        outputs = graph.concat([graph.op("Sub", np.float32(1), outputs), outputs])
    return graph.cast(outputs, _DOUBLE)


def _decoded_numbers(graph, decoder, n_network_outputs, outputs):
    scaling = decoder.scaling
    value = graph.op("Mul", graph.cast(outputs, _DOUBLE), scaling.scale)
    return _limited(graph, graph.op("Add", value, scaling.mean), scaling)


def add_quantiles(graph, ensemble, numbers, codes, prediction, levels):
    """Quantiles of the targets, for each array of levels a value of (n, [n_targets,] n_levels)."""
    distribution, scaling = ensemble.distribution, ensemble.decoder.scaling
    numbers = prediction if numbers is None else graph.concat([numbers, prediction])
    X = add_encoder(graph, distribution.encoder_, numbers, codes)
    parts = [[] for _ in levels]
    for i, residuals in enumerate(distribution.residuals_):
        at_grid = _add_residuals_at_grid(graph, residuals, X)
        center = graph.columns(prediction, [i])
        low, high = scaling.low[i : i + 1], scaling.high[i : i + 1]
        for part, wanted in zip(parts, levels, strict=True):
            shares = residuals._at_levels(np.eye(len(GRID)), wanted)
            value = graph.op("Add", center, graph.op("MatMul", at_grid, shares))
            part.append(graph.op("Min", graph.op("Max", value, low), high))
    if ensemble.decoder.is_flat:
        return [part[0] for part in parts]
    one = np.array([1])
    return [graph.concat([graph.op("Unsqueeze", each, one) for each in part]) for part in parts]


def _add_residuals_at_grid(graph, residuals, X):
    """Sorted quantiles of the residuals of one target: float64 of (n, GRID), or of one row."""
    at_grid, spread = np.zeros((1, len(GRID))), np.ones((1, 1))
    if residuals.networks_:
        total = None
        for network in residuals.networks_:
            outputs = _sorted(graph, add_network(graph, network, X, _SINGLE), len(LEARNED))
            part = graph.cast(outputs, _DOUBLE)
            total = part if total is None else graph.op("Add", total, part)
        known = graph.op("Div", total, np.float64(len(residuals.networks_)))
        at_grid = graph.op("MatMul", known, residuals._at_grid(np.eye(len(LEARNED))))
        distance = graph.op("Sub", graph.columns(known, [HIGH]), graph.columns(known, [LOW]))
        spread = graph.op("Max", distance, np.float64(residuals.smallest_spread_))
    shifted = graph.op("Add", at_grid, graph.op("Mul", spread, residuals.shifts_))
    return graph.op("Mul", _sorted(graph, shifted, len(GRID)), np.float64(residuals.unit_))


def _sorted(graph, values, n_columns):
    """Each row in ascending order."""
    k = np.array([n_columns])
    ascending, _ = graph.op("TopK", values, k, axis=1, largest=0, sorted=1, n_outputs=2)
    return ascending


def _limited(graph, values, scaling):
    """Clip the values to the range of the training targets."""
    return graph.op("Min", graph.op("Max", values, scaling.low), scaling.high)


def _calibrated(graph, calibration, probabilities, n_classes):
    logs = graph.op("Log", graph.op("Max", probabilities, np.float64(SMALLEST)))
    sharper = graph.op("Mul", logs, np.float64(calibration.inverse_temperature_))
    q = graph.op("Softmax", sharper, axis=1)
    share = calibration.uniform_share_
    mixed = graph.op("Mul", q, np.float64(1 - share))
    return graph.op("Add", mixed, np.float64(share / n_classes))
