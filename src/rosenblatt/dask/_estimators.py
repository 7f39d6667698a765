"""The estimators that train on a dask cluster: fitting collections, and predictions.

_partitions.py validates and encodes partitions, _search.py runs L-BFGS, _gang.py runs synchronous
mini-batch training.
"""

# SPDX-License-Identifier: BSD-3-Clause
import copy
from dataclasses import replace
from functools import partial
from numbers import Integral, Real
from types import SimpleNamespace

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from rosenblatt import _lbfgs
from rosenblatt._base import warn_user
from rosenblatt._interruption import Interruption
from rosenblatt._parameter_checks import Interval
from rosenblatt._parameter_rows import Parameter
from rosenblatt._plan import training_plan
from rosenblatt.dask._collections import computed, is_collection, mapped, pieces_of
from rosenblatt.dask._gang import SECONDS_A_ROUND, Gang, Job
from rosenblatt.dask._partitions import partitions_of
from rosenblatt.dask._search import PartitionSums
from rosenblatt.distributed._estimator import KeepsConnection, extended
from rosenblatt.mlp import MLPClassifier, MLPRegressor

_ROWS = {
    "client": Parameter(
        "distributed.Client or None",
        """
        Client of the cluster to train on. None means the current client. Copies of the estimator
        share it; it is not pickled.
        """,
        [None, object],
    ),
    "retries": Parameter(
        "int >= 0",
        """
        How many times training is resumed on the remaining workers after a worker was lost. At
        most the last 5 s of training are repeated. Not used by solver='lbfgs', whose tasks dask
        reruns.
        """,
        [Interval(Integral, 0, None)],
    ),
    "timeout": Parameter(
        "float > 0",
        """
        Time in seconds to wait for other workers of the training, for workers in use by another
        training, or for any worker at all. An error is raised after this time.
        """,
        [Interval(Real, 0, None, closed="neither")],
    ),
}
_DEFAULTS = {"client": None, "retries": 3, "timeout": 60.0}


def _client(client):
    """The given client, or the current one.

    Raises
    ------
    ImportError
        If dask.distributed is not installed.
    TypeError
        If `client` is not a distributed.Client.
    ValueError
        If there is no client.
    """
    try:
        from distributed import Client, default_client
    except ImportError as error:
        raise ImportError(
            "rosenblatt.dask requires dask and distributed: "
            'pip install "dask[array,dataframe]" distributed'
        ) from error
    if client is not None and not isinstance(client, Client):
        raise TypeError(f"client must be a distributed.Client or None, got {client!r}.")
    try:
        return default_client() if client is None else client
    except ValueError:
        raise ValueError(
            "No dask client found. Create one with distributed.Client(...), or pass client."
        ) from None


def _has(method):
    """A check for `available_if`: whether the ordinary estimator has the method."""

    def check(self):
        getattr(self.to_local(), method)
        return True

    return check


class _DaskNetwork(KeepsConnection):
    """The stages of a fit on collections, and predictions for collections."""

    _connection = "client"
    _of_a_fit = ("_of_fit",)

    def _fit(self, X, y, sample_weight, validation, **options):
        self._of_fit = SimpleNamespace(client=_client(self.client), partitions=None)
        try:
            return super()._fit(X, y, sample_weight, validation, **options)
        finally:
            for name in self._of_a_fit:
                vars(self).pop(name, None)

    def _training_data(self, X, y, sample_weight, *, validation, **options):
        of_fit = vars(self).get("_of_fit")
        if of_fit is None:  # on a worker, or for inspection
            return super()._training_data(X, y, sample_weight, validation=validation, **options)
        pieces = pieces_of(X, y, sample_weight)
        validation = validation and tuple(map(computed, validation))

        def make_template(X, y, sample_weight, labels):
            if labels is not None:
                self._labels_everywhere = labels
            return super(_DaskNetwork, self)._training_data(
                X, y, sample_weight, validation=validation, **options
            )

        of_fit.partitions = partitions_of(
            of_fit.client, self._for_workers, pieces, is_classifier(self), make_template
        )
        vars(self).pop("_labels_everywhere", None)
        data = of_fit.partitions.template
        if self.intercept_init == "prior":
            data = replace(data, means=of_fit.partitions.means(of_fit.client))
        return data

    def _rows_in_memory(self, X, y, sample_weight):
        """TrainingData of a partition, on its worker, with the columns of the template."""
        return super()._training_data(
            X, y, sample_weight, validation=None, continues=True, incremental=False, classes=None
        )

    def _fit_dataset(self, dataset, *args, **options):
        raise TypeError(
            f"{type(self).__name__} does not accept a Dataset, which is read on one machine."
        )

    def _for_workers(self):
        """A copy without callbacks, which stay on the client and need not be picklable."""
        twin = copy.copy(self)
        for name in (*self._of_a_fit, "_skl_callbacks"):
            vars(twin).pop(name, None)
        twin.client, twin.callbacks = None, None
        return twin

    def _train(self, data, callbacks, continues, incremental, noted):
        client, partitions = self._of_fit.client, self._of_fit.partitions
        n_rows = sum(partitions.n_rows)
        plan = training_plan(self, data, incremental=incremental)
        state = self._state(plan, data, continues, incremental)
        if not plan.is_stochastic:
            update_estimator = partial(self._set_fitted, plan, data, state, noted)
            sums = PartitionSums(client, plan, partitions)
            _lbfgs.minimize(plan, data, state, callbacks, update_estimator, sums)
            return update_estimator()
        plan.rows_per_step(n_rows)  # warns of a batch_size that is too large
        looks = callbacks is not None or plan.verbose
        job = Job(
            plan,
            self._for_workers(),
            int(state.random_state.randint(2**31)),
            0.0 if looks else SECONDS_A_ROUND,
            self.timeout,
            noted,
            data.validation,
        )
        gang, goes_on = Gang(client, partitions, job, self.retries), True
        with Interruption() as interruption:
            while goes_on:
                if callbacks is not None:
                    callbacks.begin_epoch()
                state, goes_on, told = gang.round(state)
                self._report(plan, state, told)
                if callbacks is not None:
                    self._set_fitted(plan, data, state, noted)
                    goes_on = not callbacks.end_epoch(state.history.last()) and goes_on
                if goes_on and interruption.requested:
                    warn_user("Training interrupted by user.")
                    goes_on = False
        if plan.early_stopping and state.best_parameters is not None and not incremental:
            state.parameters = state.best_parameters
        return self._set_fitted(plan, data, state, noted)

    def _report(self, plan, state, told):
        """Print progress and give the warnings of the workers on the client."""
        for message, category in told:
            if "batch_size" not in message:
                warn_user(message, category)
        if plan.verbose:
            record = state.history.last()
            print(f"Iteration {state.n_epochs}, loss = {record.loss:.8f}")
            if not np.isnan(record.validation_score):
                print(f"Validation score: {record.validation_score:f}")

    def _predicted(self, method, X):
        check_is_fitted(self)
        local = self.to_local()
        return mapped(method, local, X) if is_collection(X) else getattr(local, method)(X)

    def predict(self, X):
        """Predict like the ordinary estimator; lazily for a dask collection.

        Parameters
        ----------
        X : dask array, dask DataFrame, list of delayed partitions, or array-like
            The rows to predict.

        Returns
        -------
        y : dask array or DataFrame, list of Delayed, or ndarray
            Predictions of the same kind as X. For a collection nothing is computed yet.
        """
        return self._predicted("predict", X)

    def score(self, X, y, sample_weight=None):
        """Score like the ordinary estimator; collections are predicted on the workers."""
        if not is_collection(X):
            return super().score(X, y, sample_weight)
        y_true, y_pred = computed(y), computed(self.predict(X))
        sample_weight = computed(sample_weight)
        if is_classifier(self):
            from sklearn.metrics import accuracy_score

            return float(accuracy_score(y_true, y_pred, sample_weight=sample_weight))
        from sklearn.metrics import r2_score

        return float(r2_score(y_true, y_pred, sample_weight=sample_weight))


@extended(_ROWS, _DEFAULTS)
class DaskMLPClassifier(_DaskNetwork, MLPClassifier):
    """Multi-layer perceptron classifier that trains on the workers of a dask cluster.

    `fit` accepts dask arrays, dask DataFrames and lists of delayed partitions, and trains on the
    workers that hold the partitions. With solver='lbfgs' the loss and the gradient of each
    partition are dask tasks, and the result equals that of one machine up to rounding. With the
    other solvers, one task on each worker that has rows takes synchronous steps. A batch has
    `batch_size` rows in total, to which each worker contributes in proportion to its number of
    rows. Gradients are summed over the workers, so training is equivalent to training on one
    machine with all rows, in a different order of rows. Classes, class weights and early stopping
    are based on all rows. Callbacks run on the client between epochs, which adds about 0.1 s to
    each epoch. X_val and y_val may be collections; they are transferred to the client.

    Workers connect to the first worker through a free port, in addition to dask's own connections,
    and authenticate with a random key.

    normalization='batch' computes statistics over each worker's part of a batch and averages the
    running statistics after every epoch. As with PyTorch's DistributedDataParallel, the result
    differs from that of one machine.

    Parameters
    ----------
    @PARAMETERS@
    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The sorted labels of all partitions; for multilabel y, the column indices.

    @ATTRIBUTES@
    See Also
    --------
    rosenblatt.MLPClassifier : The same network on one machine; `to_local` converts to it.
    rosenblatt.mpi.MPIMLPClassifier : Training on the processes of an MPI program.

    References
    ----------
    P. Goyal et al., "Accurate, large minibatch SGD: training ImageNet in 1 hour", 2017 (on
    learning rates for large batches).
    """

    @available_if(_has("predict_proba"))
    def predict_proba(self, X):
        """Predict class probabilities; lazily for a dask collection."""
        return self._predicted("predict_proba", X)

    @available_if(_has("predict_log_proba"))
    def predict_log_proba(self, X):
        """Predict the logarithms of class probabilities; lazily for a dask collection."""
        return self._predicted("predict_log_proba", X)

    def decision_function(self, X):
        """Predict the logits of the output layer; lazily for a dask collection."""
        return self._predicted("decision_function", X)


@extended(_ROWS, _DEFAULTS)
class DaskMLPRegressor(_DaskNetwork, MLPRegressor):
    """Multi-layer perceptron regressor that trains on the workers of a dask cluster.

    Training is distributed in the same way as in DaskMLPClassifier.

    Parameters
    ----------
    @PARAMETERS@
    Attributes
    ----------
    @ATTRIBUTES@
    See Also
    --------
    DaskMLPClassifier : The classifier; describes how training is distributed.
    rosenblatt.MLPRegressor : The same network on one machine; `to_local` converts to it.
    """
