"""What a parameter's row says, and what is made of rows: rules, docstrings, refusals.

The rows themselves are in _parameter_table.py and perceptron.py.
"""

# SPDX-License-Identifier: BSD-3-Clause
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from inspect import cleandoc, signature

from rosenblatt._docstrings import ATTRIBUTES
from rosenblatt._links import with_links
from rosenblatt.core.dispatch import OPTIMIZERS

# why a solver without steps cannot have a parameter; {solver} is the one, {solvers} are others
NO_STEPS = "needs a solver that takes steps: {solvers}; got solver={solver!r}."
CANNOT_SEARCH = (
    "makes the loss another one at every look, which solver={solver!r} cannot search; it must be "
    "one of {solvers}."
)
NO_BATCHES = (
    "needs batches, which solver={solver!r} has not: use normalization='layer', or a solver among "
    "{solvers}."
)


@dataclass(frozen=True)
class Needs:
    """What makes a parameter need a solver that takes steps.

    Attributes
    ----------
    is_on : callable
        Of the value: whether it asks for something.
    reason : str
        What the message goes on with after name and value.
    shapes_loss : bool
        Whether what is minimised is another function then.
    """

    is_on: Callable
    reason: str = NO_STEPS
    shapes_loss: bool = True


@dataclass(frozen=True)
class Refusal:
    """What a parameter does not go with among the others.

    Attributes
    ----------
    applies : callable
        Of the estimator.
    reason : str
        What the message goes on with after name and value; {model} is the estimator.
    """

    applies: Callable
    reason: str


@dataclass(frozen=True)
class RefusalByData(Refusal):
    """What a parameter does not go with in the data: `applies` is a function of the estimator,
    its TrainingData, and whether the call is of `partial_fit`."""


@dataclass(frozen=True)
class Page:
    """A parameter's line in docs/parameters.md.

    Attributes
    ----------
    section : str
        Of the page, as scripts/parameter_tables.py knows them.
    text : str
    """

    section: str
    text: str


@dataclass(frozen=True)
class Parameter:
    """A row.

    Attributes
    ----------
    kind, text : str
        Of the docstring: behind the name, and below it.
    rules : list
        As `validate_parameters` takes them; one must hold.
    needs_steps : Needs or None
    refusals : tuple of Refusal and RefusalByData
        What it does not go with besides.
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


def rules_of(rows):
    """A dict from the names to the rules, as `validate_parameters` reads it."""
    return {name: row.rules for name, row in rows.items()}


def keep_parameters(estimator, values):
    """What an `__init__` is given, locals() and all, becomes the estimator's attributes."""
    vars(estimator).update({name: value for name, value in values.items() if name != "self"})


def documented(estimator):
    """A class decorator that fills in the docstring: for @PARAMETERS@ the rows, in the order and
    with the defaults of the signature, for @ATTRIBUTES@ what both networks have."""
    texts, rows, has_others = [], estimator._parameter_table, False
    has_common = any(row.is_common for row in rows.values())
    for name, parameter in signature(estimator).parameters.items():
        row = rows[name]
        if has_common and not row.is_common and not has_others:
            has_others = True
            texts.append("Other Parameters\n    ----------------")
        text = textwrap.indent(cleandoc(row.text), " " * 8)
        texts.append(f"{name} : {row.kind}, default={parameter.default!r}\n{text}\n")
    text = estimator.__doc__.replace("@PARAMETERS@\n", "\n    ".join(texts) + "\n")
    estimator.__doc__ = text.replace("@ATTRIBUTES@\n", ATTRIBUTES)
    return with_links(estimator)


def in_need_of_steps(estimator):
    """A dict of the parameters that ask for what only a solver with steps has: name and Needs."""
    return {
        name: row.needs_steps
        for name, row in estimator._parameter_table.items()
        if row.needs_steps is not None and row.needs_steps.is_on(getattr(estimator, name))
    }


def refuse_together(estimator):
    """Raises ValueError for parameters that do not go together, whatever the data.

    Names of schedules, with a solver without steps, are only ignored, as in scikit-learn.
    """
    if estimator.solver not in OPTIMIZERS:
        solvers = ", ".join(map(repr, OPTIMIZERS))
        for name, needs in in_need_of_steps(estimator).items():
            _refuse(estimator, name, needs.reason.format(solver=estimator.solver, solvers=solvers))
    for name, refusal in _refusals(type(estimator), Refusal):
        if refusal.applies(estimator):
            _refuse(estimator, name, refusal.reason.format(model=estimator))


def refuse_with_data(estimator, data, *, incremental):
    """Raises ValueError for parameters that do not go with the data."""
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
