"""The positions of a network's arrays in the blocks that kernels work on.

A block is one aligned array with all parameters of a network, padded with zeros to whole vectors
and in the layout that the products read, which may depend on the instruction set. The gradient and
each moment are blocks of the same layout. This file converts blocks to and from plain arrays and
flat vectors, which do not depend on the instruction set. layers.pyx chooses the layout of a layer.
"""

# SPDX-License-Identifier: BSD-3-Clause
from dataclasses import dataclass
from itertools import groupby

import numpy as np


@dataclass(frozen=True)
class Stored:
    """The layout of a layer's weights.

    Attributes
    ----------
    n_units : int
    width : int
        The number of units, padded to whole vectors.
    stride : int
        Distance between rows of its inputs.
    panel : int
        Number of columns per panel; `width` for row-major weights.
    vector : int
        Number of elements of a vector.
    is_transposed : bool
        Whether there is one row per unit, with distance `stride`.
    """

    n_units: int
    width: int
    stride: int
    panel: int
    vector: int
    is_transposed: bool = False

    def size_of(self, shape):
        """Number of elements of an array, including padding.

        An array with one value per unit is as long as a row of outputs. Other arrays are padded to
        whole vectors, so that all positions are multiples of a vector.
        """
        if len(shape) == 1:
            (count,) = shape
            return self.width if count == self.n_units else -(-count // self.vector) * self.vector
        return shape[1] * self.stride if self.is_transposed else shape[0] * self.width

    def views(self, part, shape):
        """Pairs of column indices of an array and the view of these columns in its part."""
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
    """The positions of the arrays of a catalogue.

    Parameters
    ----------
    architecture : Architecture
    stored : sequence of Stored
        One per layer.

    Attributes
    ----------
    places : list of (Entry, int, int)
        In the order of the catalogue: each array, and its start and end.
    n_learned, n_stored : int
        Length of a block of learned arrays, and of a block that also has averaged arrays.
    ranges : dict
        Maps the name of each group to the start and end of its part.
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
        """Set the initial values of parameters in a block of zeros."""
        for entry, start, stop in self.places:
            if entry.start != 0:
                for _, view in self.stored[entry.layer].views(block[start:stop], entry.shape):
                    view[...] = entry.start

    def read(self, block):
        """Copies of the arrays of a block: a list for each attribute of the catalogue.

        For a block without averaged arrays, only the learned attributes.
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
        """Write lists like those of `read` into a block; arrays that are not given are unchanged.

        Raises
        ------
        ValueError
            If shapes are wrong. Nothing is written then.
        """
        for (name, wanted), arrays in zip(self.architecture.shapes.items(), lists, strict=False):
            shapes = [np.shape(array) for array in arrays]
            if shapes != wanted:  # otherwise NumPy could broadcast them
                raise ValueError(f"{name} have shapes {shapes}, but must have shapes {wanted}")
        given = [array for arrays in lists for array in arrays]
        for array, (_, views) in zip(given, self._views(block), strict=False):
            if len(views) == 1:
                views[0][1][...] = array
                continue
            for columns, view in views:
                view[...] = np.asarray(array)[:, columns]

    def flat(self, block):
        """A copy of the learned values of a block as a flat vector, in catalogue order."""
        return np.concatenate(
            [array.ravel() for arrays in self.read(block[: self.n_learned]) for array in arrays]
        )

    def write_flat(self, block, vector):
        """Write a vector like that of `flat` into a block."""
        if np.shape(vector) != (self.architecture.n_parameters,):
            raise ValueError(
                f"The vector must have shape {(self.architecture.n_parameters,)}, got "
                f"{np.shape(vector)}"
            )
        self.write(block, self.architecture.lists(vector))

    def _views(self, block):
        """Each array of the block, with its views."""
        for entry, start, stop in self.places:
            if stop > len(block):
                return
            yield entry, self.stored[entry.layer].views(block[start:stop], entry.shape)
