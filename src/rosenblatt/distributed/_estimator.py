"""The base of the estimators for several machines: additional parameters, one of which is a
connection (an MPI communicator or a dask client) that is neither copied nor pickled.
"""

# SPDX-License-Identifier: BSD-3-Clause
from inspect import Parameter as SignatureParameter
from inspect import signature

from sklearn.base import clone

from rosenblatt._parameter_rows import documented, keep_parameters, rules_of


def extended(rows, defaults):
    """A class decorator that adds parameters to those of the network that the class extends.

    Parameters
    ----------
    rows : dict
        Maps names to rows of a parameter table.
    defaults : dict
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
        return documented(estimator)

    return extend


class KeepsConnection:
    """Mixin for a parameter that copies share and that is not pickled.

    `_connection` is the name of that parameter. `_of_a_fit` lists attributes that exist only
    during a fit.
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
        """Convert to the ordinary estimator, with the same parameters and fitted attributes.

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
        """The first base class without a connection."""
        return next(
            each
            for each in cls.__mro__
            if not issubclass(each, KeepsConnection) and "_parameter_table" in vars(each)
        )
