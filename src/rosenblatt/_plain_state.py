"""Converts the states of fitted estimators to plain data for pickles, skops files and copies.

An estimator has attributes of private classes of the package. In a stored state each of them is a
dict with the name of its class and its contents, so that files do not refer to private classes, and
classes can be moved. The estimators decide what is stored (`__getstate__` of _base.py).
"""

# SPDX-License-Identifier: BSD-3-Clause
from dataclasses import fields, is_dataclass
from typing import TypeVar

import numpy as np

_CLASS, _CONTENTS = "rosenblatt class", "contents"
_CLASSES = {"dtype": np.dtype}  # the classes of estimators' attributes, by name

Class = TypeVar("Class", bound=type)


def stored_as_plain_data(cls: Class) -> Class:
    """A class decorator: objects of this class are stored as plain data.

    A dataclass is stored as its constructor's arguments, a dict as its items, another object as
    its attributes.
    """
    if cls.__name__ in _CLASSES:
        raise AssertionError(f"two classes {cls.__name__} cannot be told apart in a file")
    _CLASSES[cls.__name__] = cls
    return cls


def to_plain(value):
    """The value with all objects of these classes, also in lists, tuples and dicts, converted."""
    kind = type(value)
    if kind in (list, tuple):
        return kind(to_plain(item) for item in value)
    if kind is dict:
        return {key: to_plain(item) for key, item in value.items()}
    if isinstance(value, np.dtype):
        return {_CLASS: "dtype", _CONTENTS: value.name}
    if _CLASSES.get(kind.__name__) is not kind:
        return value
    if is_dataclass(value):
        contents = {part.name: getattr(value, part.name) for part in fields(value) if part.init}
    else:
        contents = dict(value) if isinstance(value, dict) else dict(vars(value))
    return {_CLASS: kind.__name__, _CONTENTS: to_plain(contents)}


def from_plain(value):
    """The inverse of `to_plain`.

    Raises
    ------
    ValueError
        If a class does not exist in this version of the package.
    """
    kind = type(value)
    if kind in (list, tuple):
        return kind(from_plain(item) for item in value)
    if kind is not dict:
        return value
    contents = {key: from_plain(item) for key, item in value.items() if key != _CLASS}
    if _CLASS not in value:
        return contents
    cls, contents = _CLASSES.get(value[_CLASS]), contents[_CONTENTS]
    if cls is None:
        raise ValueError(
            f"The file has an object of class {value[_CLASS]!r} of rosenblatt, which does not "
            f"exist in this version; it has {sorted(_CLASSES)}. Load it with the version that "
            "wrote it."
        )
    if is_dataclass(cls):
        return cls(**contents)
    if issubclass(cls, (dict, np.dtype)):
        return cls(contents)
    made = cls.__new__(cls)
    vars(made).update(contents)
    return made
