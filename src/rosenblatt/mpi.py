"""Multi-layer perceptrons that train on the processes of an MPI program, each with its own rows.

This file has the estimators and the exchange between ranks in a fit. Synchronous steps and L-BFGS
are in distributed/. Processes are started by mpiexec.
"""

# SPDX-License-Identifier: BSD-3-Clause
import contextlib
import warnings
from dataclasses import replace
from functools import partial
from numbers import Real

from sklearn.base import is_classifier

from rosenblatt import _lbfgs
from rosenblatt._interruption import Interruption
from rosenblatt._parameter_rows import Parameter
from rosenblatt._plan import training_plan
from rosenblatt.distributed._communicator import (
    MPICommunicator,
    exchange,
    failing_together,
    from_rank_0,
)
from rosenblatt.distributed._estimator import KeepsConnection, extended
from rosenblatt.distributed._lockstep import LockstepRun
from rosenblatt.distributed._reduced_sums import ReducedSums
from rosenblatt.distributed._rows import (
    labels_of,
    properties_of,
    refuse_differences,
    share_of,
    shared_means,
    without_rows,
)
from rosenblatt.mlp import MLPClassifier, MLPRegressor

__all__ = ["MPIMLPClassifier", "MPIMLPRegressor"]

_ROWS = {
    "comm": Parameter(
        "mpi4py.MPI.Intracomm or None",
        """
        Communicator of the processes that train together. None means MPI.COMM_WORLD. Copies of
        the estimator share it; it is not pickled.
        """,
        [None, object],
    )
}


def _communicator(comm):
    """The MPICommunicator of `comm`, or of MPI.COMM_WORLD if it is None.

    Raises
    ------
    ImportError
        If mpi4py is not installed.
    TypeError
        If `comm` is not a communicator.
    """
    try:
        from mpi4py import MPI
    except ImportError as error:
        raise ImportError(
            "rosenblatt.mpi requires mpi4py and an MPI library: pip install mpi4py mpich"
        ) from error
    if comm is not None and not isinstance(comm, MPI.Intracomm):
        raise TypeError(f"comm must be an mpi4py.MPI.Intracomm or None, got {comm!r}.")
    return MPICommunicator(MPI.COMM_WORLD if comm is None else comm)


class _MPINetwork(KeepsConnection):
    """The stages of a fit that involve all ranks."""

    _connection = "comm"
    _of_a_fit = ("_group",)

    def _fit(self, *args, **kwargs):
        self._group = _communicator(self.comm)
        try:
            with warnings.catch_warnings():
                if self._group.rank:
                    warnings.simplefilter("ignore")  # rank 0 gives the warning
                return super()._fit(*args, **kwargs)
        finally:
            vars(self).pop("_group").close()

    def _fit_dataset(self, dataset, *args, **options):
        raise TypeError(
            f"{type(self).__name__} does not accept a Dataset, which is read on one machine."
        )

    def _calling_callbacks(self, max_epochs, **data):
        if self._group.rank:
            return contextlib.nullcontext()
        return super()._calling_callbacks(max_epochs, **data)

    def _training_data(self, X, y, sample_weight, **options):
        group = vars(self).get("_group")
        if group is None:  # rows passed to inspection after a fit
            return super()._training_data(X, y, sample_weight, **options)
        with failing_together(group):
            share = share_of(X, y, sample_weight, is_classifier(self))
        shares = exchange(group, share)
        if not any(each.n_rows for each in shares):
            raise ValueError("X is empty on every rank.")
        if is_classifier(self):
            self._labels_everywhere, _ = labels_of(shares)
        with failing_together(group):
            if share.n_rows == 0:
                X, y = next(each.sample for each in shares if each.n_rows)
                sample_weight = 1.0 if any(each.has_weights for each in shares) else None
            data = super()._training_data(X, y, sample_weight, **options)
        vars(self).pop("_labels_everywhere", None)
        refuse_differences(exchange(group, properties_of(data, self) | self._plain_parameters()))
        if share.n_rows == 0:
            data = without_rows(data)
        if self.intercept_init == "prior":
            data = replace(data, means=shared_means(data, group))
        return data

    def _plain_parameters(self):
        """The parameters that are compared between ranks."""
        return {
            f"the parameter {name}": value
            for name, value in self.get_params(deep=False).items()
            if isinstance(value, (str, Real, tuple, type(None)))
        }

    def _train(self, data, callbacks, continues, incremental, noted):
        group = self._group
        with failing_together(group):
            plan = training_plan(self, data, incremental=incremental)
            begun = self._begun(plan, data, continues, incremental) if group.rank == 0 else None
        state, seed = from_rank_0(group, begun)
        if group.rank:
            plan = replace(plan, verbose=0)
        update_estimator = partial(self._set_fitted, plan, data, state, noted)
        if not plan.is_stochastic:
            sums = ReducedSums(plan, data, group)
            _lbfgs.minimize(plan, data, state, callbacks, update_estimator, sums)
            return update_estimator()
        with Interruption() as interruption:
            run = LockstepRun(
                plan, data, state, group, seed,
                callbacks=callbacks, update_estimator=update_estimator, interruption=interruption,
            )  # fmt: skip
            run.run()
        return update_estimator()

    def _begun(self, plan, data, continues, incremental):
        """The common initial state of all ranks, and the seed for all later random numbers."""
        state = self._state(plan, data, continues, incremental)
        return state, int(state.random_state.randint(2**31))


@extended(_ROWS, {"comm": None})
class MPIMLPClassifier(_MPINetwork, MLPClassifier):
    """Multi-layer perceptron classifier that trains on the processes of an MPI program.

    Every rank calls `fit` (or `partial_fit`) with its own rows, and all ranks end with the same
    network. A batch has `batch_size` rows in total, to which each rank contributes in proportion
    to its number of rows. Gradients are summed over the ranks, so training is equivalent to
    training on one machine with all rows, in a different order of rows. With solver='lbfgs' the
    result equals that of one machine up to rounding. Classes, class weights and early stopping are
    based on all rows. Callbacks, warnings and `verbose` output are on rank 0. A rank may have no
    rows; its X then has shape (0, n_features).

    normalization='batch' computes statistics over each rank's part of a batch and averages the
    running statistics after every epoch. As with PyTorch's DistributedDataParallel, the result
    differs from that of one machine.

    Run the script as ``mpiexec -n 4 python -m mpi4py train.py``. An exception on one rank then
    ends the script on all ranks.

    Parameters
    ----------
    @PARAMETERS@
    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The sorted labels of all ranks; for multilabel y, the column indices.

    @ATTRIBUTES@
    See Also
    --------
    rosenblatt.MLPClassifier : The same network on one machine.
    rosenblatt.dask.DaskMLPClassifier : Training on the workers of a dask cluster.

    References
    ----------
    P. Goyal et al., "Accurate, large minibatch SGD: training ImageNet in 1 hour", 2017 (on
    learning rates for large batches).
    """


@extended(_ROWS, {"comm": None})
class MPIMLPRegressor(_MPINetwork, MLPRegressor):
    """Multi-layer perceptron regressor that trains on the processes of an MPI program.

    Training is distributed in the same way as in MPIMLPClassifier.

    Parameters
    ----------
    @PARAMETERS@
    Attributes
    ----------
    @ATTRIBUTES@
    See Also
    --------
    MPIMLPClassifier : The classifier; describes the exchange between ranks and how to run it.
    rosenblatt.MLPRegressor : The same network on one machine.
    """
