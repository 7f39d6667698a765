"""Creates the Architecture of a network from an estimator's parameters and validated data.

How the network is trained is described by the Plan (_plan.py), which is not needed for inspection
of a fitted network.
"""

# SPDX-License-Identifier: BSD-3-Clause
from numbers import Integral

from rosenblatt._architecture import dense_network
from rosenblatt._parameter_checks import refuse_value
from rosenblatt._parameter_table import ACTIVATION_OPTIONS
from rosenblatt.core.dispatch import ACTIVATION_NAMES

MOST_HIDDEN_LAYERS = 255  # see core/layer.pxd


def architecture_of(estimator, data):
    """The Architecture for an estimator's parameters and validated data."""
    hidden = hidden_widths(estimator.hidden_layer_sizes)
    fan_in = data.X.shape[1] if data.coding is None else data.coding.fan_in
    return dense_network(
        (fan_in, *hidden, data.n_outputs),
        hidden_activations(estimator.activation, len(hidden)),
        data.loss.name,
        data.X.dtype,
        normalization=estimator.normalization,
        scales_inputs=estimator.input_scale_rate > 0,
        coding=data.coding,
        loss_constants=loss_constants(estimator, data),
    )


def hidden_widths(hidden_layer_sizes):
    """hidden_layer_sizes as a tuple of positive ints.

    Raises
    ------
    ValueError
        If a width is not an integer of at least 1, or there are more than 255.
    """
    given = hidden_layer_sizes
    sizes = _items(given)
    if not all(isinstance(size, Integral) and not isinstance(size, bool) for size in sizes):
        raise ValueError(f"hidden_layer_sizes must be integers, got {given!r}.")
    if any(size <= 0 for size in sizes):
        raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}.")
    if len(sizes) > MOST_HIDDEN_LAYERS:
        raise ValueError(
            f"hidden_layer_sizes must have at most {MOST_HIDDEN_LAYERS} layers, got {len(sizes)}."
        )
    return tuple(int(size) for size in sizes)


def hidden_activations(activation, n_hidden):
    """The activation of each hidden layer, by the name of its row, from one name or one per layer.

    Raises
    ------
    ValueError
        If the number of names differs from that of the hidden layers, or a name is unknown.
    """
    if isinstance(activation, str):
        return (ACTIVATION_NAMES[activation],) * n_hidden
    names = _items(activation)
    for i, name in enumerate(names):
        refuse_value(f"activation[{i}]", name, [ACTIVATION_OPTIONS])
    if len(names) != n_hidden:
        raise ValueError(
            f"activation must be one name, or one for each of the {n_hidden} hidden layers, got "
            f"{activation!r}."
        )
    return tuple(ACTIVATION_NAMES[name] for name in names)


def loss_constants(estimator, data):
    """The constant of the loss for each output; for `quantile` they may differ."""
    if data.loss.constant is None:
        return (0.0,) * data.n_outputs
    if data.levels is not None:
        return data.levels
    return (float(getattr(estimator, data.loss.constant)),) * data.n_outputs


def _items(given):
    """The items of a sequence; a scalar or 0-d array is a single item."""
    try:
        return list(given)
    except TypeError:
        return [given]
