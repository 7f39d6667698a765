"""What a network is: layers, loss, and the catalogue of its arrays.

A description, frozen and of plain values: whoever stores, moves, counts or names parameters
reads it, and nobody else knows how many lists of arrays there are. Nothing is computed here, and
how a network is trained is the Plan's (_plan.py).
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
    """Parameters that an optimiser treats alike.

    Attributes
    ----------
    name : str
    is_penalised : bool
        Whether the penalty counts them.
    learning_rate_factor, decay_factor : float
        What a step multiplies the learning rate and `weight_decay` by.
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
        What its arrays are to their layer, see Arrays in core/layer.pxd.
    group : str or None
        The name of the group of its parameters; None where they are not learned but averaged.
    start : float
        What all its numbers are before training, unless it draws them.
    """

    role: str
    group: str | None
    start: float


# All of them, in the order of the flat vector. A group's attributes follow each other, and what is
# learned comes first.
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
    """How the columns of X stand for the inputs of a first layer, which may be many more.

    Inputs are those of the columns one after another, less their means:

    - a 'number' is one input, itself;
    - a 'bin' is a code x = t + f, 0 <= f <= 1, on a scale of `count` bins: clip(x - k, 0, 1) for
      k = 0 .. count - 1;
    - a 'level' is an integer code of `count` levels: 1 at its number and 0 elsewhere; a code
      beyond them, such as -1, has no 1.

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
        """How many inputs there are."""
        return sum(count for _, count in self.columns)

    @cached_property
    def n_stored(self):
        """The most inputs of a row that differ from those of other rows in more than a run of
        ones: what a product has to read."""
        return sum(2 if kind == "bin" else 1 for kind, _ in self.columns)

    @cached_property
    def begins(self):
        """Whether no cumulative sum goes on at an input from the one before."""
        return tuple(kind != "bin" or k == 0 for kind, count in self.columns for k in range(count))

    @cached_property
    def shifts(self):
        """What is subtracted from the factors of cumulative sums to subtract the means."""
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
        A row of activations.def; 'identity' in the output layer, whose activation is the loss's.
    normalization : str or None
    scales_inputs : bool
        Whether each input has a learned factor, which only a first layer's can have.
    coding : CodedInputs or None
        How X has a first layer's inputs; None where its columns are these.
    shapes : dict
        From each attribute that has an array of the layer's to the shape of that; not given.
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
        Of fitted estimators; a list with an array for each layer that has one.
    layer : int
        Counted from 0.
    shape : tuple of int
    role, group, start : str, str or None, float
        As the Attribute says.
    """

    attribute: str
    layer: int
    shape: tuple
    role: str
    group: str | None
    start: float

    @property
    def size(self):
        """How many numbers it holds."""
        return math.prod(self.shape)


@stored_as_plain_data
@dataclass(frozen=True)
class Architecture:
    """A network without its numbers.

    `lists` in its methods are a network's arrays: for each of `attributes`, or for as many of
    the first of them as there are, a list of arrays. A flat vector has the numbers of all arrays
    that are learned, each in C order, in the order of the catalogue.

    Attributes
    ----------
    layers : tuple of Layer
    loss : str
        A row of losses.def, the activation of the output layer included.
    loss_constants : tuple of float
        The loss's constant, for each output.
    dtype : numpy.dtype
    widths : tuple of int
        n_features, the hidden layers' units, n_outputs. This and what follows is not given: it
        is made of the layers, once.
    hidden : tuple of Layer
        Those before the last.
    activations : tuple of str
        The hidden layers'.
    normalization : str or None
        Of the hidden layers; None, too, where there are none.
    entries, learned : tuple of Entry
        The catalogue: an entry for every array, those that are learned first; and these alone,
        which are what flat vectors hold.
    shapes : dict
        From each attribute that the network has to the shapes of its list.
    attributes : tuple of str
        Their names, in the order of the catalogue.
    n_parameters : int
        Length of the flat vectors.
    is_plain : bool
        Whether `coefs_` and `intercepts_` are all its arrays, and X has the inputs:
        core.prediction reads those.
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
        """Pickles are of what it was made from."""
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
        """A dict from each attribute to its list before training, which some are drawn for."""
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
        """Those of the lists that are not learned."""
        named = self.named(lists)
        return [arrays for name, arrays in named.items() if ATTRIBUTES[name].group is None]

    def named(self, lists):
        """A dict from the attributes to their lists."""
        return dict(zip(self.attributes, lists, strict=False))

    def read(self, estimator):
        """The lists that a fitted estimator has, as they are."""
        return [getattr(estimator, attribute) for attribute in self.attributes]

    def refuse_other_shapes(self, lists, needed_for):
        """Raises ValueError for lists, which a person may have assigned, that do not fit.

        Parameters
        ----------
        lists : list of lists of array-like
        needed_for : str
            What the message says of the network.
        """
        for name, arrays in self.named(lists).items():
            shapes = [tuple(np.shape(array)) for array in arrays]
            if shapes != self.shapes[name]:
                raise ValueError(
                    f"{name} have the shapes {shapes}, but must have {self.shapes[name]} for "
                    f"{needed_for}."
                )
            dtypes = [np.asarray(array).dtype for array in arrays]
            if any(dtype.kind not in "biuf" for dtype in dtypes):
                raise ValueError(f"{name} must hold real numbers, got the dtypes {dtypes}.")

    @property
    def scales_inputs(self):
        """Whether the first layer has a learned factor for each input."""
        return self.layers[0].scales_inputs

    @cached_property
    def without_input_scales(self):
        """The same network, whose inputs have no factors."""
        first, *others = self.layers
        return replace(self, layers=(replace(first, scales_inputs=False), *others))

    @cached_property
    def without_coding(self):
        """The same network for X that has the inputs."""
        first, *others = self.layers
        return replace(self, layers=(replace(first, coding=None), *others))

    @property
    def n_columns(self):
        """How many columns X has."""
        first = self.layers[0]
        return first.fan_in if first.coding is None else len(first.coding.columns)

    @cached_property
    def without_normalization(self):
        """The same network, whose layers do not normalise."""
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


@lru_cache  # fits of one shape follow each other, and small ones take little longer than this
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
