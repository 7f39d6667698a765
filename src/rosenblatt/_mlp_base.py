"""The base of the multi-layer perceptrons: calls to the stages of a fit, and to what predicts.

No arithmetic here: data are checked in _data, a fit is decided in _plan, begun in _initializers and
run in _training or _lbfgs, predictions come from _prediction. What classifier and regressor do
not share is in mlp.py.
"""

# SPDX-License-Identifier: BSD-3-Clause
from __future__ import annotations

import copy
from dataclasses import replace
from functools import partial
from inspect import signature
from numbers import Integral
from typing import Any, Self

from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from rosenblatt import _lbfgs, _training
from rosenblatt._architecture import ATTRIBUTES as ARRAYS
from rosenblatt._base import (
    RosenblattEstimator,
    changes,
    on_one_fit,
    warn_user,
    with_attributes,
)
from rosenblatt._callback_calls import CallbackSupportMixin, calling_callbacks, with_callbacks
from rosenblatt._data import checked_rows
from rosenblatt._feature_scale import warn_of_feature_scale
from rosenblatt._history import History
from rosenblatt._initializers import initial_parameters, random_state_from
from rosenblatt._links import with_links
from rosenblatt._network_description import hidden_activations, hidden_widths
from rosenblatt._parameter_checks import validate_parameters
from rosenblatt._parameter_rows import refuse_together
from rosenblatt._parameter_table import SHARED
from rosenblatt._plan import dropout_rates, training_plan
from rosenblatt._prediction import arrays_for, fitted_network, outputs_of_plain_rows
from rosenblatt._sklearn_conversion import ScikitLearnTwinMixin
from rosenblatt._training_state import State
from rosenblatt._types import Array, Matrix
from rosenblatt._validation_scale import warn_of_other_rows
from rosenblatt.core.dispatch import LOSSES, OPTIMIZERS
from rosenblatt.out_of_core._dataset import Dataset

_STOCHASTIC_ATTRIBUTES = (
    "loss_curve_",
    "best_loss_",
    "validation_scores_",
    "best_validation_score_",
    "_n_epochs_without_improvement",
    "_optimizer",
    "_random_state",
    "_best_parameters",
    "_rows_set_aside",
    "stopped_",
)


def has_partial_fit(estimator: Any) -> bool:
    """True, or AttributeError: what `available_if` asks."""
    if estimator.solver not in OPTIMIZERS:
        raise AttributeError(
            "partial_fit is only available for stochastic optimizers. "
            f"{estimator.solver} is not stochastic."
        )
    return True


@with_links
class MultiLayerPerceptron(CallbackSupportMixin, ScikitLearnTwinMixin, RosenblattEstimator):
    """The stages of fit and predict that classifier and regressor share.

    A subclass must define:

    `_parameter_table`, `_parameter_rules`
        The rows of what its `__init__` takes, and their rules: SHARED of _parameter_table.py,
        `loss`, and the constants that the rows of its losses name (losses.def). `training_plan`
        and `architecture_of` read these and nothing else of the estimator.
    `_training_data`
        Gives the TrainingData of what was handed in and notes nothing on the estimator but
        `n_features_in_` and `feature_names_in_`. A fitted one is asked for other rows, too, by
        `inspection` and `diagnosis`. The functions of _data.py that it calls read `dtype` and
        `loss`; of a classifier `multi_class`, of a regressor `quantile` and `tweedie_power`.
    `_set_fitted`
        Extended where the data have something to keep, such as the classes.
    `predict` and its like
        Begin at `_outputs`, which takes any X, and read what else they need from the dictionary
        that they hand to it.
    """

    _parameter_table = SHARED

    coefs_: list[Array]
    intercepts_: list[Array]
    normalization_scales_: list[Array]
    normalization_shifts_: list[Array]
    running_means_: list[Array]
    running_variances_: list[Array]
    n_layers_: int
    n_outputs_: int
    n_parameters_: int
    n_iter_: int
    batch_size_: int
    loss_: float
    loss_curve_: list[float]
    history_: History
    best_loss_: float | None
    stopped_: bool
    validation_scores_: list[float] | None
    best_validation_score_: float | None
    t_: int

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def fit(
        self,
        X: Matrix | Dataset,
        y: Matrix | None = None,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: Matrix | None = None,
        y_val: Matrix | None = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
        """Fit the network to X and y.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The training rows. CSR matrices are used as they are; other sparse formats are
            converted to CSR. Sparse data are never converted to dense arrays. A
            rosenblatt.Dataset is read block by block, and contains the targets.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Class labels (an indicator matrix for multilabel targets), or numbers.
        sample_weight : array-like of shape (n_samples,), default=None
            Sample weights, relative to the other rows of a batch: the loss of a batch is
            divided by the sum of its weights; a batch whose weights are all 0 is skipped.
        X_val : {array-like, sparse matrix} of shape (n_val, n_features), default=None
            Validation rows, scored after every epoch (see `history_`). With early_stopping=True
            they are used instead of setting training rows aside. In a Pipeline, they are
            transformed like X by transform_input=["X_val"] and metadata routing, see
            docs/training.md.
        y_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
            Targets of the validation rows.
        sample_weight_val : array-like of shape (n_val,), default=None
            Sample weights of the validation rows.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            For invalid parameters or data, before any work. If training diverged without early
            stopping, or before the first epoch with a score. The estimator is then unchanged.
        MemoryError
            If the network does not fit into the memory of this machine.

        Warns
        -----
        ConvergenceWarning
            If max_iter epochs or iterations were not enough, if lbfgs stopped for another
            reason, or if training diverged under early stopping.
        UserWarning
            If batch_size is larger than the number of rows, if the validation split cannot be
            stratified, if validation_fraction is set together with X_val, or if Ctrl-C ended
            training, in which case the current weights are kept.
        """
        validation = self._given_validation(X_val, y_val, sample_weight_val)
        return self._fit(X, y, sample_weight, validation)

    def _given_validation(self, X_val, y_val, sample_weight_val):
        """What was given as one, or None."""
        if X_val is None and y_val is None:
            if sample_weight_val is not None:
                raise ValueError("sample_weight_val is provided, but X_val was not provided.")
            return None
        if y_val is None:
            raise ValueError("X_val is provided, but y_val was not provided.")
        if X_val is None:
            raise ValueError("y_val is provided, but X_val was not provided.")
        default = signature(type(self)).parameters["validation_fraction"].default
        if self.early_stopping and self.validation_fraction != default:
            warn_user(
                f"validation_fraction={self.validation_fraction!r} is not used: early stopping "
                "looks at X_val."
            )
        return X_val, y_val, sample_weight_val

    @with_callbacks
    def _fit(self, X, y, sample_weight, validation, *, incremental=False, classes=None):
        """Validates the parameters, sets up the callbacks, and fits."""
        self._check_parameters()
        if validation is not None and self.solver not in OPTIMIZERS:
            raise ValueError(
                f"X_val needs a stochastic solver: {', '.join(map(repr, OPTIMIZERS))}; got "
                f"solver={self.solver!r}."
            )
        if incremental and self.early_stopping:
            if validation is None:
                raise ValueError(
                    "partial_fit does not support early_stopping=True without validation rows, "
                    "because it sets none aside: pass X_val and y_val, or set "
                    "early_stopping=False."
                )
            if getattr(self, "stopped_", False):
                warn_user(
                    "Training has stopped because the validation score no longer improved "
                    "(stopped_ is True): partial_fit did nothing."
                )
                return self
        if self.scoring is not None and validation is None and not self.early_stopping:
            warn_user(
                f"scoring={self.scoring!r} is not used: without early_stopping=True or X_val there "
                "are no validation rows to score."
            )
        max_epochs = 1 if incremental else self.max_iter
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        with (
            self._calling_callbacks(max_epochs, X=X, y=y, metadata=metadata) as callbacks,
            self._unchanged_on_error(),
        ):
            continues = hasattr(self, "coefs_") and bool(self.warm_start or incremental)
            if isinstance(X, Dataset):
                return self._fit_dataset(
                    X,
                    y,
                    sample_weight,
                    callbacks,
                    validation=validation,
                    continues=continues,
                    incremental=incremental,
                    classes=classes,
                )
            reader = copy.copy(self)  # what the checks of the data note waits for the weights
            data = reader._training_data(
                X,
                y,
                sample_weight,
                validation=validation,
                continues=continues,
                incremental=incremental,
                classes=classes,
            )
            noted = changes(vars(self), vars(reader))
            return self._train(data, callbacks, continues, incremental, noted)

    def _fit_dataset(self, dataset, y, sample_weight, callbacks, **options):
        """A fit of rows that are read in blocks."""
        from rosenblatt.out_of_core._fit import Fit  # the one place that needs it

        if y is not None or sample_weight is not None:
            raise ValueError(
                "a Dataset has target and sample_weight itself: give no y and no sample_weight."
            )
        fit = Fit(self, dataset, **options)
        return fit.train(callbacks, options["continues"], options["incremental"])

    def _calling_callbacks(self, max_epochs, **data):
        return calling_callbacks(self, max_epochs, **data)

    def _train(self, data, callbacks, continues, incremental, noted):
        plan = training_plan(self, data, incremental=incremental)
        if not continues:
            self._warn_of_data(plan, data)
        state = self._state(plan, data, continues, incremental)
        update_estimator = partial(self._set_fitted, plan, data, state, noted)
        train = _training.train if plan.is_stochastic else _lbfgs.minimize
        train(plan, data, state, callbacks, update_estimator)
        return update_estimator()

    def _warn_of_data(self, plan, data):
        """Warns of data on which a new fit cannot succeed."""
        warn_of_feature_scale(plan, data, type(self).__name__)
        warn_of_other_rows(data)

    def _check_parameters(self):
        """Validates parameters, alone and in combination, before the data."""
        validate_parameters(self)
        n_hidden = len(hidden_widths(self.hidden_layer_sizes))
        hidden_activations(self.activation, n_hidden)
        dropout_rates(self.dropout, n_hidden)
        refuse_together(self)

    def _training_data(self, X, y, sample_weight, *, validation, continues, incremental, classes):
        """TrainingData of what was handed in.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.
        validation : tuple or None
            (X_val, y_val, sample_weight_val).
        continues : bool
            Whether the fit goes on from the last: the columns must be the same.
        incremental : bool
            Whether it is a call of `partial_fit`, and `classes` what that was given.
        """
        raise NotImplementedError

    def _state(self, plan, data, continues, incremental):
        """The initial state of this fit: from new draws, or from the fitted parameters."""
        random_state = random_state_from(self.random_state)
        if incremental and self.partial_fit_shuffle == "continue":
            random_state = self._continued_random_state(random_state)
        if not continues:
            return State(initial_parameters(plan, data, random_state), random_state)
        remedy = "Keep hidden_layer_sizes as it was, or fit with warm_start=False"
        parameters = arrays_for(plan.architecture, self, remedy)
        state = State(parameters, random_state, n_samples_seen=self.t_)
        state.history = History(self.history_)
        if plan.is_stochastic and hasattr(self, "loss_curve_"):
            state.loss_curve = list(self.loss_curve_)
            state.validation_scores = list(self.validation_scores_ or [])
            state.n_epochs_without_improvement = self._n_epochs_without_improvement
            if self.best_loss_ is not None:
                state.best_loss = self.best_loss_
            if self.best_validation_score_ is not None:
                state.best_validation_score = self.best_validation_score_
        if plan.keeps_optimizer and hasattr(self, "_optimizer"):
            # a copy: training changes it, and a call that fails must not
            memory = dict(self._optimizer.schedule_memory)
            state.optimizer = replace(self._optimizer, schedule_memory=memory)
            if not incremental:
                state.optimizer.n_scheduled = 0
        if plan.early_stopping and plan.keeps_optimizer:
            state.best_parameters = getattr(self, "_best_parameters", None)
            if not incremental:
                state.rows_set_aside = getattr(self, "_rows_set_aside", None)
        return state

    def _continued_random_state(self, random_state):
        """The generator as the last call with this seed left it; a user's generator is kept."""
        seed, last = getattr(self, "_random_state", (None, None))
        if not isinstance(self.random_state, Integral) or seed != self.random_state:
            return random_state
        return copy.deepcopy(last)

    def _set_fitted(self, plan, data, state, noted=({}, ())):
        """Publishes the state, and with it what the checks of the data noted: the attributes that
        are new and those that are gone."""
        architecture, (learned, gone) = plan.architecture, noted
        learned = {
            **learned,
            **self._attributes_of(data),
            **architecture.named(state.parameters),
            "_architecture": architecture,
            "n_layers_": len(architecture.widths),
            "n_outputs_": data.n_outputs,
            "n_parameters_": architecture.n_parameters,
            "n_iter_": state.n_epochs,
            "t_": state.n_samples_seen,
            "loss_": state.loss,
            "batch_size_": state.batch_size,
            "_levels": data.levels,
            "history_": state.history,
        }
        if plan.is_stochastic:
            learned |= self._stochastic_attributes(plan, state)
        self._publish(learned, (*gone, *ARRAYS, *_STOCHASTIC_ATTRIBUTES))
        return self

    def _attributes_of(self, data):
        """What an estimator keeps of the data besides, by name."""
        return {}

    def _stochastic_attributes(self, plan, state):
        early = plan.early_stopping
        learned = {
            "loss_curve_": state.loss_curve,
            "best_loss_": None if early else state.best_loss,
            "validation_scores_": state.validation_scores if early else None,
            "best_validation_score_": state.best_validation_score if early else None,
            "_n_epochs_without_improvement": state.n_epochs_without_improvement,
            "_optimizer": state.optimizer,
            "_optimizer_is_pickled": plan.keeps_optimizer,
        }
        if self.partial_fit_shuffle == "continue" and isinstance(self.random_state, Integral):
            learned["_random_state"] = self.random_state, state.random_state
        if plan.incremental and early:
            learned["stopped_"] = state.is_exhausted
        if plan.keeps_optimizer and early:
            learned["_best_parameters"] = state.best_parameters
            learned["_rows_set_aside"] = state.rows_set_aside
        return learned

    def __getstate__(self):
        """The optimiser's moments are several times the model: only partial_fit needs them."""
        state = super().__getstate__()
        if not state.get("_optimizer_is_pickled", False):
            state.pop("_optimizer", None)
        return state

    def _data_to_inspect(self, X, y):
        """TrainingData of rows that this fitted network is to be examined on, unweighted."""
        data = self._training_data(
            X, y, None, validation=None, continues=True, incremental=True, classes=None
        )
        fitted = self._architecture.loss
        if data.loss.name != fitted or data.n_outputs != self.n_outputs_:
            raise ValueError(
                f"loss={self.loss!r} with {data.n_outputs} outputs is not what was fitted, "
                f"{fitted!r} with {self.n_outputs_}: set `loss` and its parameters back, "
                "give y as it was in fit, or fit again."
            )
        return data

    @property
    def activations_(self) -> tuple[str, ...]:
        """The hidden layers' activations, of the last fit."""
        if not hasattr(self, "_architecture"):
            raise AttributeError("activations_ is there after fit.")
        return self._architecture.activations

    @activations_.setter
    def activations_(self, value):
        raise AttributeError(
            f"activations_ says what was fitted and cannot be set, got {value!r}: "
            "set_params(activation=...) and fit again, with warm_start=True from the weights that "
            "are there."
        )

    @property
    def out_activation_(self) -> str:
        """The output layer's activation, of the last fit."""
        if not hasattr(self, "_architecture"):
            raise AttributeError("out_activation_ is there after fit.")
        return LOSSES[self._architecture.loss].out_activation

    @out_activation_.setter
    def out_activation_(self, value):
        raise AttributeError(
            f"out_activation_ says what was fitted and cannot be set, got {value!r}: it follows "
            "from `loss`. For the sums of the output layer of a classifier, call "
            "decision_function(X)."
        )

    @on_one_fit
    def activations(self, X: Matrix, layer: int) -> Array:
        """What a hidden layer puts out.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.
        layer : int
            Which hidden layer, as the indices of `hidden_layer_sizes` count: from 0, or from
            the last at -1.

        Returns
        -------
        outputs : ndarray of shape (n_samples, width of the layer)
            activation(inputs of the layer @ coefs_[layer] + intercepts_[layer]), the sums
            normalised before where the network has `normalization`.

        Raises
        ------
        ValueError
            If there is no such layer.
        """
        check_is_fitted(self)
        n_hidden = len(self._architecture.hidden)
        if not isinstance(layer, Integral) or not -n_hidden <= layer < n_hidden:
            raise ValueError(
                f"layer must be an int in [{-n_hidden}, {n_hidden}), the network has {n_hidden} "
                f"hidden layers; got {layer!r}."
            )
        network, X = self._network_and_rows(X)
        return network.activations(X, int(layer) % n_hidden)

    @on_one_fit
    def summary(self) -> None:
        """Print the layers, the shapes of their weights and how many parameters they have."""
        check_is_fitted(self)
        print(fitted_network(self).summary())

    def _outputs(self, X, fitted=None, *, logits=False):
        """The output layer's predictions, or its sums: ndarray of shape (n_samples, n_outputs).

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        fitted : dict, default=None
            The attributes to predict with: a method that reads others besides hands in the
            `vars(self)` that it takes them from. None is `vars(self)`.
        logits : bool, default=False
        """
        if fitted is None:
            fitted = vars(self)
        outputs = outputs_of_plain_rows(fitted, X, logits=logits)
        if outputs is not None:
            return outputs
        network, X = with_attributes(self, fitted)._network_and_rows(X)
        return network.outputs(X, logits=logits)

    def _network_and_rows(self, X):
        """The network as it is now, batch normalisation folded in, and X checked, of the dtype to
        compute in."""
        check_is_fitted(self)
        X = checked_rows(self, X, dtype=self.dtype)
        network = fitted_network(self).folded()
        return network, X.astype(self.dtype or network.dtype_with(X), copy=False)


# what Python's own messages about arguments call it; the class is not one that users know
MultiLayerPerceptron.fit.__qualname__ = "fit"
