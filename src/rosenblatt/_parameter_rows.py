"""The row of a parameter, and what is built from rows: rules, docstrings, refusals.

The rows themselves are in _parameter_table.py and perceptron.py.
"""

# SPDX-License-Identifier: BSD-3-Clause
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from inspect import cleandoc, signature
from typing import TypeVar

from rosenblatt._docstrings import ATTRIBUTES
from rosenblatt._links import with_links
from rosenblatt.core.dispatch import OPTIMIZERS

Class = TypeVar("Class", bound=type)

# why a parameter does not work with a solver without steps; {solvers} are those that have them
NO_STEPS = "needs a stochastic solver: {solvers}; got solver={solver!r}."
CANNOT_SEARCH = (
    "makes the loss random, which solver={solver!r} cannot minimise; solver must be one of "
    "{solvers}."
)
NO_BATCHES = (
    "needs mini-batches, which solver={solver!r} does not use: use normalization='layer', or "
    "one of the solvers {solvers}."
)


@dataclass(frozen=True)
class Needs:
    """The condition under which a parameter needs a stochastic solver.

    Attributes
    ----------
    is_on : callable
        Takes the value; returns whether it is in effect.
    reason : str
        The message after name and value.
    shapes_loss : bool
        Whether the parameter changes the function that is minimised.
    """

    is_on: Callable
    reason: str = NO_STEPS
    shapes_loss: bool = True


@dataclass(frozen=True)
class Refusal:
    """A combination with other parameters that is refused.

    Attributes
    ----------
    applies : callable
        Takes the estimator; returns whether it has this combination.
    reason : str
        The message after name and value; {model} is the estimator.
    """

    applies: Callable
    reason: str


@dataclass(frozen=True)
class RefusalByData(Refusal):
    """A combination with the data that is refused: `applies` takes the estimator, its
    TrainingData, and whether the call is one of `partial_fit`."""


@dataclass(frozen=True)
class Page:
    """A parameter's line in docs/parameters.md.

    Attributes
    ----------
    section : str
        The section of the page, a key of SECTIONS in scripts/parameter_tables.py.
    text : str
    """

    section: str
    text: str


@dataclass(frozen=True)
class Parameter:
    """The row of a parameter.

    Attributes
    ----------
    kind, text : str
        The type and the description in the docstring.
    rules : list
        The argument of `validate_parameters`; at least one rule must hold.
    needs_steps : Needs or None
    refusals : tuple of Refusal and RefusalByData
        Further combinations that are refused.
    page : Page or None
    is_common : bool
        Whether it is among those that people change first: signatures and docstrings begin with
        them, and the others are numpydoc's "Other Parameters".
    """

    kind: str
    text: str
    rules: list
    needs_steps: Needs | None = None
    refusals: tuple = ()
    page: Page | None = None
    is_common: bool = False


def rules_of(rows: dict[str, Parameter]) -> dict[str, list]:
    """The dict of names and rules that `validate_parameters` takes."""
    return {name: row.rules for name, row in rows.items()}


def keep_parameters(estimator, values):
    """Stores the arguments of an `__init__`, its locals(), as attributes of the estimator."""
    vars(estimator).update({name: value for name, value in values.items() if name != "self"})


def documented(estimator: Class) -> Class:
    """A class decorator that fills in the docstring: @PARAMETERS@ with the rows, in the order and
    with the defaults of the signature, @ATTRIBUTES@ with the attributes of both networks."""
    texts, rows, has_others = [], estimator._parameter_table, False
    has_common = any(row.is_common for row in rows.values())
    for name, parameter in signature(estimator).parameters.items():
        row = rows[name]
        if has_common and not row.is_common and not has_others:
            has_others = True
            texts.append("\n    Other Parameters\n    ----------------")
        text = textwrap.indent(cleandoc(row.text), " " * 8)
        texts.append(f"{name} : {row.kind}, default={parameter.default!r}\n{text}")
    text = estimator.__doc__.replace("@PARAMETERS@\n", "\n    ".join(texts) + "\n\n")
    estimator.__doc__ = text.replace("@ATTRIBUTES@\n", ATTRIBUTES + "\n")
    return with_links(estimator)


def in_need_of_steps(estimator):
    """A dict from the names of parameters that need a stochastic solver to their Needs."""
    return {
        name: row.needs_steps
        for name, row in estimator._parameter_table.items()
        if row.needs_steps is not None and row.needs_steps.is_on(getattr(estimator, name))
    }


def refuse_together(estimator):
    """Raises ValueError for incompatible parameters, whatever the data.

    Names of schedules are ignored by a solver without steps, as in scikit-learn.
    """
    if estimator.solver not in OPTIMIZERS:
        solvers = ", ".join(map(repr, OPTIMIZERS))
        for name, needs in in_need_of_steps(estimator).items():
            _refuse(estimator, name, needs.reason.format(solver=estimator.solver, solvers=solvers))
    for name, refusal in _refusals(type(estimator), Refusal):
        if refusal.applies(estimator):
            _refuse(estimator, name, refusal.reason.format(model=estimator))


def refuse_with_data(estimator, data, *, incremental):
    """Raises ValueError for parameters that are incompatible with the data."""
    for name, refusal in _refusals(type(estimator), RefusalByData):
        if refusal.applies(estimator, data, incremental):
            _refuse(estimator, name, refusal.reason.format(model=estimator))


@cache
def _refusals(owner, kind):
    """Pairs of a parameter's name and a refusal of exactly this kind."""
    rows = owner._parameter_table.items()
    return [(name, each) for name, row in rows for each in row.refusals if type(each) is kind]


def _refuse(estimator, name, reason):
    raise ValueError(f"{name}={getattr(estimator, name)!r} {reason}")
