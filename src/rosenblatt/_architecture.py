"""The description of a network: layers, loss, and the catalogue of its arrays.

It is frozen and has plain values. All code that stores, copies, counts or names parameters uses it;
no other code depends on the number of lists of arrays. Nothing is computed here. How a network is
trained is described by the Plan (_plan.py).
"""

# SPDX-License-Identifier: BSD-3-Clause
import math
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import accumulate, groupby, pairwise
from typing import NamedTuple

import numpy as np

from rosenblatt._plain_state import stored_as_plain_data


@dataclass(frozen=True)
class Group:
    """Parameters that an optimiser treats in the same way.

    Attributes
    ----------
    name : str
    is_penalised : bool
        Whether the penalty includes them.
    learning_rate_factor, decay_factor : float
        Factors of the learning rate and of `weight_decay`.
    """

    name: str
    is_penalised: bool
    learning_rate_factor: float = 1.0
    decay_factor: float = 1.0


WEIGHTS = Group("weights", is_penalised=True)
INTERCEPTS = Group("intercepts", is_penalised=False, decay_factor=0.0)
INPUT_SCALES = Group("input_scales", is_penalised=False, decay_factor=0.0)
GROUPS = {group.name: group for group in (WEIGHTS, INTERCEPTS, INPUT_SCALES)}


class Attribute(NamedTuple):
    """A fitted attribute that holds arrays.

    Attributes
    ----------
    role : str
        The role of its arrays in their layer, see Arrays in core/layer.pxd.
    group : str or None
        The name of the group of its parameters; None if they are averaged instead of learned.
    start : float
        The initial value, unless the array is initialised randomly.
    """

    role: str
    group: str | None
    start: float


# All attributes in the order of the flat vector. The attributes of a group are adjacent, and
# learned attributes come first.
ATTRIBUTES = {
    "coefs_": Attribute("weights", WEIGHTS.name, 0.0),
    "intercepts_": Attribute("intercepts", INTERCEPTS.name, 0.0),
    "normalization_scales_": Attribute("scales", INTERCEPTS.name, 1.0),
    "normalization_shifts_": Attribute("shifts", INTERCEPTS.name, 0.0),
    "input_scales_": Attribute("input_scales", INPUT_SCALES.name, 1.0),
    "running_means_": Attribute("running_means", None, 0.0),
    "running_variances_": Attribute("running_variances", None, 1.0),
}

NORMALIZATION_ATTRIBUTES = {
    None: (),
    "layer": ("normalization_scales_", "normalization_shifts_"),
    "batch": (
        "normalization_scales_",
        "normalization_shifts_",
        "running_means_",
        "running_variances_",
    ),
}


@stored_as_plain_data
@dataclass(frozen=True)
class CodedInputs:
    """How the columns of X encode the inputs of a first layer, of which there may be many more.

    Each column encodes one or several consecutive inputs, from which their means are subtracted:

    - 'number': one input, the value itself;
    - 'bin': a value x = t + f, where t is a bin and 0 <= f <= 1 the position in it, encodes
      clip(x - k, 0, 1) for k = 0 .. count - 1;
    - 'level': an integer encodes 1 in the input of its number and 0 in the others; a value outside
      0 .. count - 1, such as -1, encodes zeros.

    Attributes
    ----------
    columns : tuple of (str, int)
        The kind of each column of X and its count.
    means : tuple of float
        Of each input.
    """

    columns: tuple
    means: tuple

    @cached_property
    def firsts(self):
        """The number of each column's first input."""
        return tuple(accumulate((count for _, count in self.columns[:-1]), initial=0))

    @property
    def fan_in(self):
        """The number of inputs."""
        return sum(count for _, count in self.columns)

    @cached_property
    def n_stored(self):
        """The number of rows of weights that the product of one row of X reads."""
        return sum(2 if kind == "bin" else 1 for kind, _ in self.columns)

    @cached_property
    def begins(self):
        """Whether a cumulative sum of weights starts at each input."""
        return tuple(kind != "bin" or k == 0 for kind, count in self.columns for k in range(count))

    @cached_property
    def shifts(self):
        """The means of the factors of cumulative sums."""
        following = zip(self.means[1:], self.begins[1:], strict=True)
        after = [0.0 if begins else mean for mean, begins in following] + [0.0]
        return tuple(mean - other for mean, other in zip(self.means, after, strict=True))

    def dense(self, codes):
        """The inputs of rows of codes: ndarray of shape (n_rows, fan_in)."""
        parts = []
        for (kind, count), column in zip(self.columns, codes.T, strict=True):
            column, numbers = column[:, np.newaxis], np.arange(count, dtype=codes.dtype)
            if kind == "bin":
                parts.append(np.clip(column - numbers, 0, 1))
            else:
                parts.append(column if kind == "number" else column == numbers)
        inputs = np.concatenate(parts, axis=1, dtype=codes.dtype)
        inputs -= np.array(self.means, codes.dtype)
        return inputs


@stored_as_plain_data
@dataclass(frozen=True)
class Layer:
    """A dense layer: activation(normalization((scales * inputs) @ coef + intercept)).

    Attributes
    ----------
    fan_in, fan_out : int
    activation : str
        A row of activations.def; 'identity' in the output layer, whose activation belongs to the
        loss.
    normalization : str or None
    scales_inputs : bool
        Whether each input has a learned factor, which is possible in the first layer only.
    coding : CodedInputs or None
        How the columns of X encode the inputs of a first layer; None if they are the inputs.
    shapes : dict
        Maps each attribute with an array of this layer to its shape. Not a constructor argument.
    """

    fan_in: int
    fan_out: int
    activation: str
    normalization: str | None = None
    scales_inputs: bool = False
    coding: CodedInputs | None = None

    def __post_init__(self):
        units = (self.fan_out,)
        shapes = {"coefs_": (self.fan_in, self.fan_out), "intercepts_": units}
        shapes.update(dict.fromkeys(NORMALIZATION_ATTRIBUTES[self.normalization], units))
        if self.scales_inputs:
            shapes["input_scales_"] = (self.fan_in,)
        vars(self)["shapes"] = shapes


class Entry(NamedTuple):
    """One array of the catalogue.

    Attributes
    ----------
    attribute : str
        Attribute of fitted estimators, a list with an array for each layer that has one.
    layer : int
        Index of the layer, from 0.
    shape : tuple of int
    role, group, start : str, str or None, float
        Those of the Attribute.
    """

    attribute: str
    layer: int
    shape: tuple
    role: str
    group: str | None
    start: float

    @property
    def size(self):
        """Number of elements."""
        return math.prod(self.shape)


@stored_as_plain_data
@dataclass(frozen=True)
class Architecture:
    """A network without the values of its parameters.

    `lists` in its methods are the arrays of a network: a list of arrays for each of `attributes`,
    or for the first several of them. A flat vector has the values of all learned arrays, each in C
    order, in the order of the catalogue.

    Attributes
    ----------
    layers : tuple of Layer
    loss : str
        A row of losses.def, which includes the activation of the output layer.
    loss_constants : tuple of float
        The constant of the loss, for each output.
    dtype : numpy.dtype
    widths : tuple of int
        n_features, the units of the hidden layers, n_outputs. This and the following attributes
        are computed from the layers.
    hidden : tuple of Layer
        The layers before the last.
    activations : tuple of str
        The activations of the hidden layers.
    normalization : str or None
        The normalisation of the hidden layers; None if there are none.
    entries, learned : tuple of Entry
        The catalogue, with an entry for every array, learned arrays first; and the learned entries
        only, whose values form a flat vector.
    shapes : dict
        Maps each attribute of the network to the shapes of its list.
    attributes : tuple of str
        The names of the attributes, in the order of the catalogue.
    n_parameters : int
        Length of the flat vectors.
    is_plain : bool
        Whether `coefs_` and `intercepts_` are its only arrays, and the columns of X its inputs;
        core.prediction requires this.
    """

    layers: tuple
    loss: str
    loss_constants: tuple
    dtype: np.dtype

    def __post_init__(self):
        layers = self.layers
        entries = tuple(
            Entry(name, i, layer.shapes[name], *attribute)
            for name, attribute in ATTRIBUTES.items()
            for i, layer in enumerate(layers)
            if name in layer.shapes
        )
        learned = tuple(entry for entry in entries if entry.group is not None)
        shapes = {}
        for entry in entries:
            shapes.setdefault(entry.attribute, []).append(entry.shape)
        vars(self).update(
            widths=(layers[0].fan_in, *[layer.fan_out for layer in layers]),
            hidden=layers[:-1],
            activations=tuple(layer.activation for layer in layers[:-1]),
            normalization=layers[-2].normalization if len(layers) > 1 else None,
            entries=entries,
            learned=learned,
            shapes=shapes,
            attributes=tuple(shapes),
            n_parameters=sum(entry.size for entry in learned),
            is_plain=len(shapes) == 2 and layers[0].coding is None,
        )

    def __reduce__(self):
        """Pickle the constructor arguments only."""
        return Architecture, (self.layers, self.loss, self.loss_constants, self.dtype)

    @cached_property
    def ranges(self):
        """A dict from each group's name to its slice of the flat vectors."""
        ranges, start = {}, 0
        for group, entries in groupby(self.learned, lambda entry: entry.group):
            stop = start + sum(entry.size for entry in entries)
            ranges[group], start = slice(start, stop), stop
        return ranges

    def starts(self, but_for=()):
        """A dict from each attribute, except those in `but_for`, to its initial list."""
        starts = {attribute: [] for attribute in self.attributes if attribute not in but_for}
        for entry in self.entries:
            if entry.attribute in starts:
                starts[entry.attribute].append(np.full(entry.shape, entry.start, self.dtype))
        return starts

    def flat(self, lists):
        """The flat vector of a network's arrays, a copy."""
        arrays = [array for arrays in lists for array in arrays]
        return np.concatenate([np.ravel(array) for array in arrays[: len(self.learned)]])

    def lists(self, vector):
        """Lists of views into a flat vector."""
        lists, start = {}, 0
        for entry in self.learned:
            part = vector[start : start + entry.size].reshape(entry.shape)
            lists.setdefault(entry.attribute, []).append(part)
            start += entry.size
        return list(lists.values())

    def averaged(self, lists):
        """The lists that are averaged instead of learned."""
        named = self.named(lists)
        return [arrays for name, arrays in named.items() if ATTRIBUTES[name].group is None]

    def named(self, lists):
        """A dict from the attributes to their lists."""
        return dict(zip(self.attributes, lists, strict=False))

    def read(self, estimator):
        """The lists of a fitted estimator, not copied."""
        return [getattr(estimator, attribute) for attribute in self.attributes]

    def refuse_other_shapes(self, lists, needed_for):
        """Raise ValueError if the shapes of lists, which the user may have assigned, are wrong.

        Parameters
        ----------
        lists : list of lists of array-like
        needed_for : str
            Description of the network in the message.
        """
        for name, arrays in self.named(lists).items():
            shapes = [tuple(np.shape(array)) for array in arrays]
            if shapes != self.shapes[name]:
                raise ValueError(
                    f"{name} have shapes {shapes}, but must have shapes {self.shapes[name]} for "
                    f"{needed_for}."
                )
            dtypes = [np.asarray(array).dtype for array in arrays]
            if any(dtype.kind not in "biuf" for dtype in dtypes):
                raise ValueError(f"{name} must be real numbers, got dtypes {dtypes}.")

    @property
    def scales_inputs(self):
        """Whether the first layer has a learned factor for each input."""
        return self.layers[0].scales_inputs

    @cached_property
    def without_input_scales(self):
        """The same network without input factors."""
        first, *others = self.layers
        return replace(self, layers=(replace(first, scales_inputs=False), *others))

    @cached_property
    def without_coding(self):
        """The same network for X whose columns are the inputs."""
        first, *others = self.layers
        return replace(self, layers=(replace(first, coding=None), *others))

    @property
    def n_columns(self):
        """The number of columns of X."""
        first = self.layers[0]
        return first.fan_in if first.coding is None else len(first.coding.columns)

    @cached_property
    def without_normalization(self):
        """The same network without normalisation."""
        layers = tuple(replace(layer, normalization=None) for layer in self.layers)
        return replace(self, layers=layers)

    def resized(self, hidden):
        """The same network with other numbers of hidden units."""
        if tuple(hidden) == self.widths[1:-1]:
            return self
        widths = (self.widths[0], *hidden, self.widths[-1])
        layers = zip(self.layers, pairwise(widths), strict=True)
        return replace(
            self, layers=tuple(replace(layer, fan_in=k, fan_out=n) for layer, (k, n) in layers)
        )


def dense_network(
    widths,
    activations,
    loss,
    dtype,
    *,
    normalization=None,
    scales_inputs=False,
    coding=None,
    loss_constants=0.0,
):
    """The Architecture of a multi-layer perceptron.

    Parameters
    ----------
    widths : sequence of int
        n_features, the hidden layers' units, n_outputs.
    activations : sequence of str
        One name per hidden layer.
    loss : str
        A row of losses.def.
    dtype : float32 or float64
    normalization : {None, 'batch', 'layer'}
        Of the hidden layers.
    scales_inputs : bool
        Whether each input has a learned factor.
    coding : CodedInputs or None
        How X has the inputs.
    loss_constants : float or sequence of float
        The loss's constant, one for all outputs or one each.
    """
    if not np.ndim(loss_constants):
        loss_constants = (float(loss_constants),) * widths[-1]
    return _dense_network(
        tuple(widths), tuple(activations), loss, np.dtype(dtype), normalization, scales_inputs,
        coding, tuple(loss_constants),
    )  # fmt: skip


@lru_cache  # consecutive fits often have the same shape, and this is slow for small ones
def _dense_network(
    widths, activations, loss, dtype, normalization, scales_inputs, coding, loss_constants
):
    *hidden, (fan_in, n_outputs) = pairwise(widths)
    layers = [
        Layer(k, n, activation, normalization)
        for (k, n), activation in zip(hidden, activations, strict=True)
    ]
    layers.append(Layer(fan_in, n_outputs, "identity"))
    layers[0] = replace(layers[0], scales_inputs=scales_inputs, coding=coding)
    return Architecture(tuple(layers), loss, loss_constants, dtype)
