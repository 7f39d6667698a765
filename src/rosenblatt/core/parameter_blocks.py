"""Where the arrays of a network's catalogue lie in the blocks that kernels work on.

A block is one aligned array with all parameters of a network, padded with zeros to whole vectors
and laid out as the products read them, which may differ between instruction sets; its gradient
and each of its moments are blocks like it. Here blocks are translated to and from plain arrays,
and into flat vectors, which are the same at every level. Which layout a layer has is for its kind
to say (layer_kinds.pyx).
"""

# SPDX-License-Identifier: BSD-3-Clause
from dataclasses import dataclass
from itertools import groupby

import numpy as np


@dataclass(frozen=True)
class Stored:
    """How a layer's weights lie.

    Attributes
    ----------
    n_units : int
    width : int
        The units, padded to whole vectors.
    stride : int
        From row to row of its inputs.
    panel : int
        How many columns lie together; `width` for rows one after another.
    vector : int
        Numbers of a vector.
    is_transposed : bool
        Whether the rows are the units', `stride` apart.
    """

    n_units: int
    width: int
    stride: int
    panel: int
    vector: int
    is_transposed: bool = False

    def size_of(self, shape):
        """Numbers that an array takes, padding included.

        A vector over the units is as long as the rows of outputs, any other is padded to whole
        vectors, which all places are multiples of.
        """
        if len(shape) == 1:
            (count,) = shape
            return self.width if count == self.n_units else -(-count // self.vector) * self.vector
        return shape[1] * self.stride if self.is_transposed else shape[0] * self.width

    def views(self, part, shape):
        """Pairs of some columns of an array and a view of where they are in its part."""
        if len(shape) == 1:
            return [(slice(None), part[: shape[0]])]
        fan_in, fan_out = shape
        if self.is_transposed:
            return [(slice(None), part.reshape(fan_out, self.stride)[:, :fan_in].T)]
        views = []
        for j in range(0, self.width, self.panel):
            n_columns = min(self.panel, self.width - j)  # the last panel may have one vector
            rows = part[fan_in * j : fan_in * (j + n_columns)].reshape(fan_in, n_columns)
            views.append((slice(j, min(j + n_columns, fan_out)), rows[:, : fan_out - j]))
        return views


class Blocks:
    """The places of a catalogue's arrays.

    Parameters
    ----------
    architecture : Architecture
    stored : sequence of Stored
        One per layer.

    Attributes
    ----------
    places : list of (Entry, int, int)
        In the catalogue's order: the array, and where it begins and ends.
    n_learned, n_stored : int
        Length of a block with what is learned, and of one with what is averaged behind it.
    ranges : dict
        From each group's name to the begin and the end of its part.
    """

    def __init__(self, architecture, stored):
        self.architecture, self.stored = architecture, stored
        self.places, self.ranges, start = [], {}, 0
        for group, entries in groupby(architecture.entries, lambda entry: entry.group):
            begin = start
            for entry in entries:
                stop = start + stored[entry.layer].size_of(entry.shape)
                self.places.append((entry, start, stop))
                start = stop
            self.ranges[group] = begin, start
        averaged = self.ranges.pop(None, (start, start))
        self.n_learned, self.n_stored = averaged

    def begin(self, block):
        """Makes of a block of zeros what parameters are before training."""
        for entry, start, stop in self.places:
            if entry.start != 0:
                for _, view in self.stored[entry.layer].views(block[start:stop], entry.shape):
                    view[...] = entry.start

    def read(self, block):
        """Copies of what a block holds: for each attribute of the catalogue a list of arrays.

        Of a block without what is averaged, those that are learned.
        """
        lists = {}
        for entry, views in self._views(block):
            if len(views) == 1:
                array = views[0][1].copy()
            else:
                array = np.empty(entry.shape, block.dtype)
                for columns, view in views:
                    array[:, columns] = view
            lists.setdefault(entry.attribute, []).append(array)
        return list(lists.values())

    def write(self, block, lists):
        """Puts lists like those of `read` into a block; what is not given stays.

        Raises
        ------
        ValueError
            For arrays of other shapes, before anything is written.
        """
        for (name, wanted), arrays in zip(self.architecture.shapes.items(), lists, strict=False):
            shapes = [np.shape(array) for array in arrays]
            if shapes != wanted:  # NumPy might broadcast them
                raise ValueError(f"{name} have the shapes {shapes}, but must have {wanted}")
        given = [array for arrays in lists for array in arrays]
        for array, (_, views) in zip(given, self._views(block), strict=False):
            if len(views) == 1:
                views[0][1][...] = array
                continue
            for columns, view in views:
                view[...] = np.asarray(array)[:, columns]

    def flat(self, block):
        """A block's learned numbers as one vector, in the catalogue's order: a copy."""
        return np.concatenate(
            [array.ravel() for arrays in self.read(block[: self.n_learned]) for array in arrays]
        )

    def write_flat(self, block, vector):
        """Puts a vector like that of `flat` into a block."""
        if np.shape(vector) != (self.architecture.n_parameters,):
            raise ValueError(
                f"a vector of the shape {(self.architecture.n_parameters,)} is wanted, got "
                f"{np.shape(vector)}"
            )
        self.write(block, self.architecture.lists(vector))

    def _views(self, block):
        """Each array that the block has, with its views."""
        for entry, start, stop in self.places:
            if stop > len(block):
                return
            yield entry, self.stored[entry.layer].views(block[start:stop], entry.shape)
