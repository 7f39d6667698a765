"""What a network is: layers, loss, and the catalogue of its arrays.

A description, frozen and of plain values: whoever stores, moves, counts or names parameters
reads it, and nobody else knows how many lists of arrays there are. Nothing is computed here, and
how a network is trained is the Plan's (_plan.py).
"""

# SPDX-License-Identifier: BSD-3-Clause
import math
from dataclasses import dataclass, fields, replace
from functools import cached_property
from itertools import groupby, pairwise

import numpy as np


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
GROUPS = {group.name: group for group in (WEIGHTS, INTERCEPTS)}

# Every fitted attribute that holds arrays, in the order of the flat vector: the group of its
# parameters, None where they are not learned but averaged, and what they are before training,
# unless it draws them. A group's attributes follow each other, and what is learned comes first.
ATTRIBUTES = {
    "coefs_": (WEIGHTS.name, 0.0),
    "intercepts_": (INTERCEPTS.name, 0.0),
    "normalization_scales_": (INTERCEPTS.name, 1.0),
    "normalization_shifts_": (INTERCEPTS.name, 0.0),
    "running_means_": (None, 0.0),
    "running_variances_": (None, 1.0),
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


@dataclass(frozen=True)
class Layer:
    """A dense layer: activation(normalization(inputs @ coef + intercept)).

    Attributes
    ----------
    fan_in, fan_out : int
    activation : str
        A row of activations.def; 'identity' in the output layer, whose activation is the loss's.
    normalization : str or None
    """

    fan_in: int
    fan_out: int
    activation: str
    normalization: str | None = None

    @property
    def shapes(self):
        """Of its arrays: a dict from the attribute to the shape."""
        units = (self.fan_out,)
        shapes = {"coefs_": (self.fan_in, self.fan_out), "intercepts_": units}
        shapes.update(dict.fromkeys(NORMALIZATION_ATTRIBUTES[self.normalization], units))
        return shapes


@dataclass(frozen=True)
class Entry:
    """One array of the catalogue.

    Attributes
    ----------
    attribute : str
        Of fitted estimators; a list with an array for each layer that has one.
    layer : int
        Counted from 0.
    shape : tuple of int
    group : str or None
        The name of its group; None where it is not learned.
    start : float
        What all its numbers are before training, unless it draws them.
    """

    attribute: str
    layer: int
    shape: tuple
    group: str | None
    start: float

    @property
    def size(self):
        """How many numbers it holds."""
        return math.prod(self.shape)


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
    """

    layers: tuple
    loss: str
    loss_constants: tuple
    dtype: np.dtype

    def __getstate__(self):
        """Without what follows from the rest."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @cached_property
    def widths(self):
        """n_features, the hidden layers' units, n_outputs."""
        return (self.layers[0].fan_in, *[layer.fan_out for layer in self.layers])

    @cached_property
    def hidden(self):
        """The layers before the last."""
        return self.layers[:-1]

    @cached_property
    def activations(self):
        """The hidden layers' activations, by name."""
        return tuple(layer.activation for layer in self.hidden)

    @property
    def normalization(self):
        """Of the hidden layers; None, too, where there are none."""
        return self.layers[0].normalization

    @cached_property
    def is_plain(self):
        """Whether `coefs_` and `intercepts_` are all its arrays: core.prediction reads those."""
        return self.attributes == ("coefs_", "intercepts_")

    @cached_property
    def entries(self):
        """The catalogue: an Entry for every array, those that are learned first."""
        return tuple(
            Entry(attribute, i, layer.shapes[attribute], group, start)
            for attribute, (group, start) in ATTRIBUTES.items()
            for i, layer in enumerate(self.layers)
            if attribute in layer.shapes
        )

    @cached_property
    def shapes(self):
        """A dict from each attribute that the network has to the shapes of its list."""
        shapes = {}
        for entry in self.entries:
            shapes.setdefault(entry.attribute, []).append(entry.shape)
        return shapes

    @property
    def attributes(self):
        """Names of the attributes that the network has, in the order of the catalogue."""
        return tuple(self.shapes)

    @cached_property
    def learned(self):
        """The part of the catalogue that training learns: what flat vectors hold."""
        return tuple(entry for entry in self.entries if entry.group is not None)

    @property
    def n_parameters(self):
        """Length of the flat vectors."""
        return sum(entry.size for entry in self.learned)

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
        return [arrays for name, arrays in self.named(lists).items() if ATTRIBUTES[name][0] is None]

    def named(self, lists):
        """A dict from the attributes to their lists."""
        return dict(zip(self.attributes, lists, strict=False))

    def read(self, estimator):
        """The lists that a fitted estimator has, as they are."""
        return [getattr(estimator, attribute) for attribute in self.attributes]

    def put(self, estimator, lists):
        """Makes these lists a fitted estimator's attributes, and no other."""
        for attribute in ATTRIBUTES:
            vars(estimator).pop(attribute, None)
        vars(estimator).update(self.named(lists))

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

    def resized(self, hidden):
        """The same network with other numbers of hidden units."""
        widths = (self.widths[0], *hidden, self.widths[-1])
        layers = zip(self.layers, pairwise(widths), strict=True)
        return replace(
            self, layers=tuple(replace(layer, fan_in=k, fan_out=n) for layer, (k, n) in layers)
        )


def dense_network(widths, activations, loss, dtype, *, normalization=None, loss_constants=0.0):
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
    loss_constants : float or sequence of float
        The loss's constant, one for all outputs or one each.
    """
    *hidden, (fan_in, n_outputs) = pairwise(widths)
    layers = [
        Layer(k, n, activation, normalization)
        for (k, n), activation in zip(hidden, activations, strict=True)
    ]
    if not np.ndim(loss_constants):
        loss_constants = (float(loss_constants),) * n_outputs
    return Architecture(
        layers=(*layers, Layer(fan_in, n_outputs, "identity")),
        loss=loss,
        loss_constants=tuple(loss_constants),
        dtype=np.dtype(dtype),
    )
