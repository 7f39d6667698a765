"""What the estimators for several machines share: a parameter more than the networks have, which
names who computes and is neither copied nor pickled.
"""

# SPDX-License-Identifier: BSD-3-Clause
import textwrap
from inspect import Parameter as SignatureParameter
from inspect import signature

from sklearn.base import clone

from rosenblatt._parameter_rows import documented, keep_parameters, rules_of

# what docstrings of all these estimators say, in the words of each: a place is a rank or a worker
_TEXTS = {
    "@LOCKSTEP@": """
        A batch holds `batch_size` rows of all {place}s together, of each {place} its share, and its
        gradients are summed over the {place}s: the training is that of one machine on all rows, in
        another order. With solver='lbfgs' the result is one machine's, to rounding. Classes, class
        weights, early stopping and its score are those of all rows.
        """,
    "@NORMALIZATION@": """
        normalization='batch' takes the statistics of each {place}'s part of a batch, and averages
        the running ones after every epoch, as PyTorch's DistributedDataParallel does: that result
        is not one machine's.
        """,
    "@CLASSES@": """
        The labels of all {place}s, sorted; for multilabel the columns' numbers.
        """,
    "@LARGE_BATCHES@": """
        P. Goyal et al., "Accurate, large minibatch SGD: training ImageNet in 1 hour", 2017: what
        learning rates large batches take.
        """,
}


def _filled_in(text, place):
    """A docstring with the shared texts, as lines of its own indent."""
    for mark, shared in _TEXTS.items():
        words = " ".join(shared.format(place=place).split())
        lines = []
        for line in text.split("\n"):
            indent = line[: len(line) - len(line.lstrip())]
            if line.strip() == mark:
                line = textwrap.fill(words, 96, initial_indent=indent, subsequent_indent=indent)
            lines.append(line)
        text = "\n".join(lines)
    return text


def extended(rows, defaults, place):
    """A class decorator: parameters besides those of the network that the class extends.

    Parameters
    ----------
    rows : dict
        From the names to rows of a parameter table.
    defaults : dict
    place : str
        What has rows, in the docstring.
    """

    def extend(estimator):
        own = signature(estimator.__init__)
        kept = list(own.parameters.values())
        kept += [
            SignatureParameter(name, SignatureParameter.KEYWORD_ONLY, default=defaults[name])
            for name in rows
        ]
        taken = own.replace(parameters=kept)

        def __init__(self, *args, **kwargs):  # noqa: N807
            bound = taken.bind(self, *args, **kwargs)
            bound.apply_defaults()
            keep_parameters(self, bound.arguments)

        __init__.__signature__ = taken
        __init__.__qualname__ = f"{estimator.__qualname__}.__init__"
        estimator.__init__ = __init__
        estimator._parameter_table = estimator._parameter_table | rows
        estimator._parameter_rules = rules_of(estimator._parameter_table)
        estimator.__doc__ = _filled_in(estimator.__doc__, place)
        return documented(estimator)

    return extend


class KeepsConnection:
    """Copies share what `_connection` names, and pickles are without it.

    A class says in `_connection` which parameter that is, and in `_of_a_fit` which attributes
    last no longer than a fit.
    """

    _connection = ""
    _of_a_fit = ()

    def __getstate__(self):
        state = super().__getstate__()
        state[self._connection] = None
        for name in self._of_a_fit:
            state.pop(name, None)
        return state

    def __deepcopy__(self, memo):
        for name in (self._connection, *self._of_a_fit):
            memo[id(vars(self).get(name))] = vars(self).get(name)
        return super().__deepcopy__(memo)

    def __sklearn_clone__(self):
        values = self.get_params(deep=False)
        connection = values.pop(self._connection)
        values = {name: clone(value, safe=False) for name, value in values.items()}
        twin = type(self)(**values, **{self._connection: connection})
        if hasattr(self, "_metadata_request"):
            twin._metadata_request = self._metadata_request
        if hasattr(self, "_sklearn_output_config"):
            twin._sklearn_output_config = dict(self._sklearn_output_config)
        return twin

    def to_local(self):
        """The ordinary estimator with these parameters and, where there are, fitted attributes.

        Returns
        -------
        estimator : MLPClassifier or MLPRegressor
        """
        local = self._local_class()
        twin = local.__new__(local)
        left_out = {*signature(type(self)).parameters} - {*signature(local).parameters}
        left_out |= {*self._of_a_fit}
        vars(twin).update(
            {name: value for name, value in vars(self).items() if name not in left_out}
        )
        return twin

    @classmethod
    def _local_class(cls):
        """The first class that it extends which has no connection."""
        return next(
            each
            for each in cls.__mro__
            if not issubclass(each, KeepsConnection) and "_parameter_table" in vars(each)
        )
