"""From an estimator's parameters and checked data to the description of its network.

What a network is, as an Architecture; how it is trained is the Plan's (_plan.py), which those who
only look at a fitted network do not need.
"""

# SPDX-License-Identifier: BSD-3-Clause
from numbers import Integral

from rosenblatt._architecture import dense_network
from rosenblatt._parameter_checks import refuse_value
from rosenblatt._parameter_table import ACTIVATION_OPTIONS
from rosenblatt.core.dispatch import ACTIVATION_NAMES

MOST_HIDDEN_LAYERS = 255  # see core/layer.pxd


def architecture_of(estimator, data):
    """The network that an estimator's parameters and checked data ask for."""
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
        raise ValueError(f"hidden_layer_sizes must hold integers, got {given!r}.")
    if any(size <= 0 for size in sizes):
        raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}.")
    if len(sizes) > MOST_HIDDEN_LAYERS:
        raise ValueError(
            f"hidden_layer_sizes must name at most {MOST_HIDDEN_LAYERS} layers, got {len(sizes)}."
        )
    return tuple(int(size) for size in sizes)


def hidden_activations(activation, n_hidden):
    """Each hidden layer's activation, by its row's own name, from one name or a name for each.

    Raises
    ------
    ValueError
        If there are not as many names as hidden layers, or one is no activation.
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
    """The loss's constant for each output: that of `quantile` may differ between them."""
    if data.loss.constant is None:
        return (0.0,) * data.n_outputs
    if data.levels is not None:
        return data.levels
    return (float(getattr(estimator, data.loss.constant)),) * data.n_outputs


def _items(given):
    """What a sequence holds; what is none, as an array without dimensions, is the only one."""
    try:
        return list(given)
    except TypeError:
        return [given]
