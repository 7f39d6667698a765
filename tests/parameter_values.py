"""Valid and invalid values of a parameter, generated from its row."""

from numbers import Integral

import numpy as np

from rosenblatt._parameter_checks import Interval, Options, refuse_value

WRONG_TYPES = ("no such", 1.5, True, None, int, {"a": 1})
OF_MARKERS = {
    "boolean": (True, False),
    "function": (lambda *arguments: arguments[0],),
    "functions": ([print],),
    "array-like": ((0.25, 0.5), (3, 4)),
    "random_state": (3, np.random.RandomState(0)),
    "scoring": ("loss",),
    "verbose": (1,),
    None: (None,),
    dict: ({0: 1.0},),
}


def around(rule):
    """Values in an interval, and at and beyond its bounds."""
    step = 1 if rule.kind is Integral else 1e-3
    bounds = [bound for bound in (rule.left, rule.right) if bound is not None]
    inner = np.mean([rule.left, rule.right]) if len(bounds) == 2 else bounds[0]
    signs = (-1, 1) if len(bounds) == 1 else (0,)
    inside = [inner + sign * (1 if rule.kind is Integral else 0.5) for sign in signs]
    near = [bound + sign * step for bound in bounds for sign in (-1, 0, 1)]
    return [(rule.kind is Integral and int(value)) or value for value in (*inside, *near)] + [
        np.nan,
        -np.inf,
        np.inf,
    ]


def candidates(row):
    """Values that the rules may take, each rule's own first, then some of other types."""
    values = []
    for rule in row.rules:
        if isinstance(rule, Interval):
            values += around(rule)
        elif isinstance(rule, Options):
            values += sorted(rule.values)
        else:
            values += OF_MARKERS.get(rule, ())
    return [*values, *WRONG_TYPES]


def is_taken(row, value):
    """Whether a rule takes the value."""
    try:
        refuse_value("it", value, row.rules)
    except ValueError:
        return False
    return True


def good_values(row):
    """Values that the row takes."""
    return [value for value in candidates(row) if is_taken(row, value)]


def bad_values(row):
    """Values that the row refuses."""
    return [value for value in candidates(row) if not is_taken(row, value)]
