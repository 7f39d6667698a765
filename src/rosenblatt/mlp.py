"""The multi-layer perceptrons: parameters, documentation, and calls to the stages of a fit.

No arithmetic here: data are checked in _data, a fit is decided in _plan, begun in _state and
run in _training or _lbfgs, predictions come from the core.
"""

# SPDX-License-Identifier: BSD-3-Clause
import copy
from dataclasses import replace
from functools import partial
from inspect import signature
from numbers import Integral, Real

import numpy as np
import scipy.sparse as sp
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import unique_labels
from sklearn.utils.validation import check_is_fitted

from rosenblatt import _lbfgs, _training
from rosenblatt._architecture import NORMALIZATION_ATTRIBUTES
from rosenblatt._base import RosenblattEstimator, warn_user
from rosenblatt._data import (
    QUANTILE_LEVEL,
    checked_rows,
    classification_data,
    loss_row,
    quantile_levels,
    regression_data,
)
from rosenblatt._descriptions import (
    ATTRIBUTES,
    LAYER_PARAMETERS,
    MORE_PARAMETERS,
    PARAMETERS,
)
from rosenblatt._history import History
from rosenblatt._onlookers import CallbackSupportMixin, looking_on, with_callbacks
from rosenblatt._parameters import Interval, Options, validate_parameters
from rosenblatt._plan import (
    ACTIVATION_OPTIONS,
    dropout_rates,
    hidden_activations,
    hidden_widths,
    refuse_layers_without_steps,
    refuse_without_epochs,
    training_plan,
)
from rosenblatt._prediction import arrays_for, fitted_network, outputs_of_plain_rows
from rosenblatt._scores import mean_d2_score
from rosenblatt._state import INTERCEPT_INITS, WEIGHT_INITS, State, initial_parameters
from rosenblatt.core.dispatch import LOSSES, OPTIMIZERS
from rosenblatt.schedules import SCHEDULES, Schedule


def _loss_parameters(is_regression):
    """What `loss=` takes, in the table's order."""
    rows = [row for row in LOSSES.values() if (row.target == "real") == is_regression]
    return tuple(dict.fromkeys(row.parameter for row in rows))


_REGRESSION_LOSSES, _CLASSIFICATION_LOSSES = _loss_parameters(True), _loss_parameters(False)
_MULTI_CLASS = tuple(sorted({row.multi_class for row in LOSSES.values()} - {None}))

_STOCHASTIC_ATTRIBUTES = (
    "loss_curve_",
    "best_loss_",
    "validation_scores_",
    "best_validation_score_",
    "_n_epochs_without_improvement",
    "_optimizer",
    "_random_state",
    "_best_parameters",
    "stopped_",
)


# what scikit-learn's callbacks keep in an estimator while it is fitted
_OF_A_RUNNING_FIT = ("_callback_fit_ctx", "_skl_callbacks_to_teardown", "_parent_callback_ctx")


def _has_partial_fit(estimator):
    if estimator.solver not in OPTIMIZERS:
        raise AttributeError(
            "partial_fit is only available for stochastic optimizers. "
            f"{estimator.solver} is not stochastic."
        )
    return True


def _gives_probabilities(estimator):
    """Whether the loss, of the fit or else of the parameter, is one of probabilities."""
    out_activation = getattr(estimator, "out_activation_", None)
    if out_activation is None and estimator.loss in _CLASSIFICATION_LOSSES:
        out_activation = loss_row(estimator.loss, "binary").out_activation
    if out_activation == "identity":
        raise AttributeError(f"probability estimates are not available for loss={estimator.loss!r}")
    return True


class _MultiLayerPerceptron(CallbackSupportMixin, RosenblattEstimator):
    """The stages of fit and predict that classifier and regressor share."""

    _parameter_rules = {  # noqa: RUF012 - read only
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "activation": [ACTIVATION_OPTIONS, "array-like"],
        "normalization": [None, Options(str, tuple(filter(None, NORMALIZATION_ATTRIBUTES)))],
        "dropout": [Interval(Real, 0, 1, closed="left"), "array-like"],
        "input_dropout": [Interval(Real, 0, 1, closed="left")],
        "input_noise": [Interval(Real, 0, None, closed="left")],
        "weight_init": [Options(str, tuple(WEIGHT_INITS)), "function"],
        "intercept_init": [Options(str, tuple(INTERCEPT_INITS))],
        "solver": [Options(str, (*OPTIMIZERS, "lbfgs"))],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "l1_ratio": [Interval(Real, 0, 1, closed="both")],
        "weight_decay": [None, Interval(Real, 0, None, closed="left")],
        "max_norm": [None, Interval(Real, 0, None, closed="neither")],
        "clip_norm": [None, Interval(Real, 0, None, closed="neither")],
        "clip_value": [None, Interval(Real, 0, None, closed="neither")],
        "batch_size": [Options(str, ("auto",)), Interval(Integral, 1, None, closed="left")],
        "learning_rate": [Options(str, tuple(SCHEDULES)), Schedule, "function"],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "power_t": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "verbose": ["verbose"],
        "warm_start": ["boolean", Options(str, ("optimizer",))],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "nesterovs_momentum": ["boolean"],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "beta_1": [Interval(Real, 0, 1, closed="left")],
        "beta_2": [Interval(Real, 0, 1, closed="left")],
        "epsilon": [Interval(Real, 0, None, closed="neither")],
        "rho": [Interval(Real, 0, 1, closed="left")],
        "centered": ["boolean"],
        "rmsprop_momentum": [Interval(Real, 0, 1, closed="left")],
        "momentum_decay": [Interval(Real, 0, None, closed="left")],
        "n_iter_no_change": [
            Interval(Integral, 1, None, closed="left"),
            Options(Real, (np.inf,)),
        ],
        "max_fun": [Interval(Integral, 1, None, closed="left")],
        "n_jobs": [
            None,
            Interval(Integral, 1, None, closed="left"),
            Interval(Integral, None, -1, closed="right"),
        ],
        "dtype": [None, Options(str, ("float32", "float64"))],
        "scoring": [None, "scoring", "function"],
        "restore_best": ["boolean"],
        "partial_fit_shuffle": [Options(str, ("repeat", "continue"))],
        "augment": [None, "function"],
        "tol_params": [None, Interval(Real, 0, None, closed="left")],
        "callbacks": [None, "functions"],
    }

    def __init__(
        self,
        hidden_layer_sizes=(100,),
        activation="relu",
        *,
        normalization=None,
        dropout=0.0,
        input_dropout=0.0,
        input_noise=0.0,
        weight_init="glorot_uniform",
        intercept_init="uniform",
        solver="adam",
        alpha=0.0001,
        l1_ratio=0.0,
        weight_decay=None,
        max_norm=None,
        clip_norm=None,
        clip_value=None,
        batch_size="auto",
        learning_rate="constant",
        learning_rate_init=0.001,
        power_t=0.5,
        max_iter=200,
        shuffle=True,
        random_state=None,
        tol=1e-4,
        verbose=False,
        warm_start=False,
        momentum=0.9,
        nesterovs_momentum=True,
        early_stopping=False,
        validation_fraction=0.1,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        rho=0.99,
        centered=False,
        rmsprop_momentum=0.0,
        momentum_decay=0.004,
        n_iter_no_change=10,
        max_fun=15000,
        n_jobs=None,
        dtype=None,
        scoring=None,
        restore_best=True,
        partial_fit_shuffle="repeat",
        augment=None,
        tol_params=None,
        callbacks=None,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.normalization = normalization
        self.dropout = dropout
        self.input_dropout = input_dropout
        self.input_noise = input_noise
        self.weight_init = weight_init
        self.intercept_init = intercept_init
        self.solver = solver
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.weight_decay = weight_decay
        self.max_norm = max_norm
        self.clip_norm = clip_norm
        self.clip_value = clip_value
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.rho = rho
        self.centered = centered
        self.rmsprop_momentum = rmsprop_momentum
        self.momentum_decay = momentum_decay
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.n_jobs = n_jobs
        self.dtype = dtype
        self.scoring = scoring
        self.restore_best = restore_best
        self.partial_fit_shuffle = partial_fit_shuffle
        self.augment = augment
        self.tol_params = tol_params
        self.callbacks = callbacks

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def fit(self, X, y, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None):
        """Fit the network to X and y.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to learn from. CSR is used as it is, never made dense; other sparse
            formats are converted to CSR.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Class labels (an indicator matrix for multilabel), or numbers.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, relative to the others of their batch: a batch's loss is
            divided by the sum of its weights; a batch of weight 0 is skipped.
        X_val : {array-like, sparse matrix} of shape (n_val, n_features), default=None
            Rows to score after every epoch, recorded in `history_`; early_stopping=True looks
            at them instead of setting rows aside. In a Pipeline, transform_input=["X_val"]
            and metadata routing transform them as X, see docs/training.md.
        y_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
            Their targets.
        sample_weight_val : array-like of shape (n_val,), default=None
            Their weights.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            For parameters or data out of range, before any work; for training that
            diverged, when there is no early stopping, or it did before an epoch had a score.
            The estimator is then as it was.
        MemoryError
            For a network that this machine cannot hold.

        Warns
        -----
        ConvergenceWarning
            If max_iter epochs or iterations were not enough, if lbfgs stopped for another
            reason, or if training diverged under early stopping.
        UserWarning
            If batch_size is larger than the data, if the validation set cannot keep the
            classes' shares, if validation_fraction was set though there is an X_val, or if
            Ctrl-C ended training: the weights so far are kept.
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
        """Checks the parameters, calls in the onlookers, and fits."""
        self._check_parameters()
        refuse_without_epochs(self, None if validation is None else validation[0])
        if incremental and self.early_stopping:
            if validation is None:
                raise ValueError("partial_fit does not support early_stopping=True")
            if getattr(self, "stopped_", False):
                warn_user(
                    "The validation score has not improved for too long: training is over, and "
                    "stopped_ is True. partial_fit did nothing."
                )
                return self
        max_epochs = 1 if incremental else self.max_iter if self.solver in OPTIMIZERS else 0
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        with (
            looking_on(self, max_epochs, X=X, y=y, metadata=metadata) as onlookers,
            self._unchanged_on_error(),
        ):
            goes_on = hasattr(self, "coefs_") and bool(self.warm_start or incremental)
            data = self._training_data(
                X,
                y,
                sample_weight,
                validation=validation,
                goes_on=goes_on,
                incremental=incremental,
                classes=classes,
            )
            return self._train(data, onlookers, goes_on, incremental)

    def _train(self, data, onlookers, goes_on, incremental):
        plan = training_plan(self, data, incremental=incremental)
        state = self._state(plan, data, goes_on, incremental)
        if plan.is_stochastic:
            publish = partial(self._set_fitted, plan, data, state)
            _training.train(plan, data, state, onlookers, publish)
        else:
            _lbfgs.minimize(plan, data, state)
        return self._set_fitted(plan, data, state)

    def _check_parameters(self):
        """Refuses parameters by themselves and together, before the data are looked at."""
        validate_parameters(self)
        n_hidden = len(hidden_widths(self.hidden_layer_sizes))
        hidden_activations(self.activation, n_hidden)
        refuse_layers_without_steps(self, dropout_rates(self.dropout, n_hidden))

    def _state(self, plan, data, goes_on, incremental):
        """Where this fit begins: at new draws, or at the fitted parameters."""
        random_state = check_random_state(self.random_state)
        if incremental and self.partial_fit_shuffle == "continue":
            random_state = self._continued_random_state(random_state)
        if not goes_on:
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
        if incremental and plan.early_stopping:
            state.best_parameters = getattr(self, "_best_parameters", None)
        return state

    def _continued_random_state(self, random_state):
        """Where the last call with this seed ended; a generator of the user's goes on anyway."""
        seed, last = getattr(self, "_random_state", (None, None))
        if not isinstance(self.random_state, Integral) or seed != self.random_state:
            return random_state
        return copy.deepcopy(last)

    def _set_fitted(self, plan, data, state):
        self._architecture = plan.architecture
        plan.architecture.put(self, state.parameters)
        self.n_layers_, self.n_outputs_ = len(plan.architecture.widths), data.n_outputs
        self.n_parameters_ = plan.architecture.n_parameters
        self.out_activation_ = data.loss.out_activation
        self.n_iter_, self.t_, self.loss_ = state.n_epochs, state.n_samples_seen, state.loss
        self.batch_size_ = state.batch_size
        self._levels = data.levels
        self.activations_ = list(plan.architecture.activations)
        self.history_ = state.history
        for name in _STOCHASTIC_ATTRIBUTES:
            vars(self).pop(name, None)
        if not plan.is_stochastic:
            return self
        self.loss_curve_ = state.loss_curve
        early = plan.early_stopping
        self.best_loss_ = None if early else state.best_loss
        self.validation_scores_ = state.validation_scores if early else None
        self.best_validation_score_ = state.best_validation_score if early else None
        self._n_epochs_without_improvement = state.n_epochs_without_improvement
        self._optimizer = state.optimizer
        self._optimizer_is_pickled = plan.keeps_optimizer
        if self.partial_fit_shuffle == "continue" and isinstance(self.random_state, Integral):
            self._random_state = self.random_state, state.random_state
        if plan.incremental and early:
            self.stopped_, self._best_parameters = state.is_exhausted, state.best_parameters
        return self

    def __getstate__(self):
        """The optimiser's moments are several times the model: only partial_fit needs them."""
        state = dict(super().__getstate__())  # which may be the estimator's own dictionary
        if not state.get("_optimizer_is_pickled", False):
            state.pop("_optimizer", None)
        for name in _OF_A_RUNNING_FIT:  # which a callback may pickle
            state.pop(name, None)
        return state

    def __copy__(self):
        twin = type(self).__new__(type(self))
        vars(twin).update(vars(self))
        return twin

    def __deepcopy__(self, memo):
        """A copy in memory goes on with its own copy of the optimiser, as the original would."""
        twin = memo[id(self)] = type(self).__new__(type(self))
        vars(twin).update(copy.deepcopy(vars(self), memo))
        return twin

    def _data_to_inspect(self, X, y):
        """TrainingData of rows that this fitted network is to be examined on, unweighted."""
        twin = copy.copy(self)  # what the checks of a fit note in it stays there
        twin.class_weight = None
        data = twin._training_data(
            X, y, None, validation=None, goes_on=True, incremental=True, classes=None
        )
        fitted = self._architecture.loss
        if data.loss.name != fitted or data.n_outputs != self.n_outputs_:
            raise ValueError(
                f"loss={self.loss!r} with {data.n_outputs} outputs is not what was fitted, "
                f"{fitted!r} with {self.n_outputs_}: set `loss` and its parameters back, "
                "give y as it was in fit, or fit again."
            )
        return data

    def activations(self, X, layer):
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
        n_hidden = len(self.activations_)
        if not isinstance(layer, Integral) or not -n_hidden <= layer < n_hidden:
            raise ValueError(
                f"layer must be an int in [{-n_hidden}, {n_hidden}), the network has {n_hidden} "
                f"hidden layers; got {layer!r}."
            )
        network, X = self._network_and_rows(X)
        return network.activations(X, int(layer) % n_hidden)

    def summary(self):
        """Print the layers, the shapes of their weights and how many parameters they have."""
        check_is_fitted(self)
        print(fitted_network(self).summary())

    def _outputs(self, X, *, logits=False):
        """The output layer's predictions, or its sums: ndarray of shape (n_samples, n_outputs)."""
        outputs = outputs_of_plain_rows(self, X, logits=logits)
        if outputs is not None:
            return outputs
        network, X = self._network_and_rows(X)
        return network.outputs(X, logits=logits)

    def _network_and_rows(self, X):
        """The network as it is now, batch normalisation folded in, and X checked, of the dtype to
        compute in."""
        check_is_fitted(self)
        X = checked_rows(self, X, dtype=self.dtype)
        network = fitted_network(self).folded()
        return network, X.astype(self.dtype or network.dtype_with(X), copy=False)


class MLPClassifier(ClassifierMixin, _MultiLayerPerceptron):
    __doc__ = f"""Multi-layer perceptron classifier.

    Minimises the mean log loss, -log of the probability given to the right class, or another
    `loss`, plus a penalty. Probabilities are a softmax of the output layer's sums for three
    classes or more, a sigmoid for two classes and for each label of a multilabel target.

    Parameters, draws and numerics are scikit-learn's: the same `random_state` gives the same
    model as `sklearn.neural_network.MLPClassifier`, up to rounding.

    Parameters
    ----------
    {PARAMETERS}
    loss : {{{", ".join(f"{name!r}" for name in _CLASSIFICATION_LOSSES)}}}, default='log_loss'
        'log_loss' is -log p of the right class. 'squared_error' is half the squared errors of
        the probabilities, summed over the classes (two also where one output serves them).
        'focal' is -(1 - p)**focal_gamma log p. 'hinge' is max(0, 1 - s f) for an output f
        and s = 1 for the right class, -1 for another; 'squared_hinge' its square; they
        give no probabilities. Multilabel: summed over the labels. Formulas and papers are in
        docs/vocabulary.md.

    label_smoothing : float in [0, 1], default=0.0
        The right class's target is 1 - label_smoothing, and label_smoothing / n_classes is
        added to every class's. With a loss other than 'log_loss' it must be 0.

    focal_gamma : float >= 0, default=2.0
        How much less a row counts that is well predicted. Only used when loss='focal'.

    multi_class : {{'ovr', 'crammer_singer'}}, default='ovr'
        For three classes or more: one hinge for every class, summed, or
        max(0, 1 - f of the right class + the highest other f). Only used when loss is 'hinge'
        or 'squared_hinge'.

    {LAYER_PARAMETERS}
    {MORE_PARAMETERS}
    class_weight : dict, 'balanced' or None, default=None
        Weights of the classes, one where a dict has none, or n_rows / (n_classes * rows of the
        class). A row trained on weighs sample_weight * class_weight / mean of class_weight
        over the rows trained on; validation rows have their sample_weight alone. Not for
        multilabel; 'balanced' not in `partial_fit`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted; for multilabel the columns' numbers.

    {ATTRIBUTES}
    See Also
    --------
    MLPRegressor : The same network for numbers.
    PerceptronClassifier : One neuron a class, Rosenblatt's rule.

    References
    ----------
    X. Glorot and Y. Bengio, "Understanding the difficulty of training deep feedforward neural
    networks", AISTATS 2010. D. P. Kingma and J. Ba, "Adam: a method for stochastic
    optimization", ICLR 2015.

    Examples
    --------
    >>> from rosenblatt import MLPClassifier
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import train_test_split
    >>> X, y = load_digits(return_X_y=True)
    >>> X_train, X_test, y_train, y_test = train_test_split(X / 16, y, random_state=0)
    >>> model = MLPClassifier(random_state=0, max_iter=300).fit(X_train, y_train)
    >>> round(model.score(X_test, y_test), 2)
    0.98
    """

    _parameter_rules = {  # noqa: RUF012 - read only
        **_MultiLayerPerceptron._parameter_rules,
        "class_weight": [None, dict, Options(str, ("balanced",))],
        "loss": [Options(str, _CLASSIFICATION_LOSSES)],
        "label_smoothing": [Interval(Real, 0, 1, closed="both")],
        "focal_gamma": [Interval(Real, 0, None, closed="left")],
        "multi_class": [Options(str, _MULTI_CLASS)],
    }

    def __init__(
        self,
        hidden_layer_sizes=(100,),
        activation="relu",
        *,
        loss="log_loss",
        label_smoothing=0.0,
        focal_gamma=2.0,
        multi_class="ovr",
        normalization=None,
        dropout=0.0,
        input_dropout=0.0,
        input_noise=0.0,
        weight_init="glorot_uniform",
        intercept_init="uniform",
        solver="adam",
        alpha=0.0001,
        l1_ratio=0.0,
        weight_decay=None,
        max_norm=None,
        clip_norm=None,
        clip_value=None,
        batch_size="auto",
        learning_rate="constant",
        learning_rate_init=0.001,
        power_t=0.5,
        max_iter=200,
        shuffle=True,
        random_state=None,
        tol=1e-4,
        verbose=False,
        warm_start=False,
        momentum=0.9,
        nesterovs_momentum=True,
        early_stopping=False,
        validation_fraction=0.1,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        rho=0.99,
        centered=False,
        rmsprop_momentum=0.0,
        momentum_decay=0.004,
        n_iter_no_change=10,
        max_fun=15000,
        n_jobs=None,
        dtype=None,
        scoring=None,
        restore_best=True,
        partial_fit_shuffle="repeat",
        augment=None,
        tol_params=None,
        callbacks=None,
        class_weight=None,
    ):
        super().__init__(
            hidden_layer_sizes=hidden_layer_sizes,
            activation=activation,
            normalization=normalization,
            dropout=dropout,
            input_dropout=input_dropout,
            input_noise=input_noise,
            weight_init=weight_init,
            intercept_init=intercept_init,
            solver=solver,
            alpha=alpha,
            l1_ratio=l1_ratio,
            weight_decay=weight_decay,
            max_norm=max_norm,
            clip_norm=clip_norm,
            clip_value=clip_value,
            batch_size=batch_size,
            learning_rate=learning_rate,
            learning_rate_init=learning_rate_init,
            power_t=power_t,
            max_iter=max_iter,
            shuffle=shuffle,
            random_state=random_state,
            tol=tol,
            verbose=verbose,
            warm_start=warm_start,
            momentum=momentum,
            nesterovs_momentum=nesterovs_momentum,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=epsilon,
            rho=rho,
            centered=centered,
            rmsprop_momentum=rmsprop_momentum,
            momentum_decay=momentum_decay,
            n_iter_no_change=n_iter_no_change,
            max_fun=max_fun,
            n_jobs=n_jobs,
            dtype=dtype,
            scoring=scoring,
            restore_best=restore_best,
            partial_fit_shuffle=partial_fit_shuffle,
            augment=augment,
            tol_params=tol_params,
            callbacks=callbacks,
        )
        self.class_weight = class_weight
        self.loss = loss
        self.label_smoothing = label_smoothing
        self.focal_gamma = focal_gamma
        self.multi_class = multi_class

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    @available_if(_has_partial_fit)
    def partial_fit(
        self,
        X,
        y,
        sample_weight=None,
        classes=None,
        *,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
    ):
        """Train for one epoch over the given rows, from where the last call ended.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to learn from.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Their class labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Their weights, as in `fit`.
        classes : array-like of shape (n_classes,), default=None
            All labels that any call will see; needed at the first call.
        X_val, y_val, sample_weight_val : as in `fit`
            The call scores them. With early_stopping=True the score counts towards patience,
            see `stopped_`.

        Returns
        -------
        self : object
            The estimator.

        Raises
        ------
        AttributeError
            With solver='lbfgs', which has no epochs.
        ValueError
            As in `fit`; without classes at the first call; for labels not among them; with
            early_stopping=True and no X_val.

        Notes
        -----
        With an int `random_state` every call draws the same order of rows, as in
        scikit-learn, but for partial_fit_shuffle='continue'. A model loaded from a pickle
        goes on with its optimiser's moments if its last training was a `partial_fit`, or a
        `fit` with warm_start='optimizer', and starts new ones after another `fit`.
        """
        validation = self._given_validation(X_val, y_val, sample_weight_val)
        return self._fit(X, y, sample_weight, validation, incremental=True, classes=classes)

    def predict(self, X):
        """Predict the labels of rows, with the activation of the last fit.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_labels)
            The class with the highest output, of two the first at even odds; for multilabel
            the indicators of the labels with a probability above 0.5 (a score above 0 where
            the loss gives no probabilities), as a CSR matrix where y was sparse in `fit`.
        """
        outputs = self._outputs(X)
        threshold = 0.5 if self.out_activation_ == "logistic" else 0
        if self._multilabel:
            labels = (outputs > threshold).astype(int)
            return sp.csr_matrix(labels) if self._sparse_target else labels
        if outputs.shape[1] > 1:
            return self.classes_[outputs.argmax(axis=1)]
        if len(self.classes_) == 1:
            return np.repeat(self.classes_, len(outputs))
        return self.classes_[(outputs[:, 0] > threshold).astype(int)]

    def decision_function(self, X):
        """The output layer's sums, from which `predict` chooses.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        scores : ndarray of shape (n_samples,) or (n_samples, n_classes)
            For two classes one number a row, above 0 for the second of `classes_`; for more,
            and for the labels of a multilabel target, one each. Where the loss is one of
            probabilities these are the logits: `predict_proba` is their sigmoid or softmax.
        """
        outputs = self._outputs(X, logits=True)
        return outputs[:, 0] if outputs.shape[1] == 1 and not self._multilabel else outputs

    @available_if(_gives_probabilities)
    def predict_proba(self, X):
        """Predict the probabilities of the classes, where the loss is one of probabilities.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`; for multilabel each label's own probability.
        """
        outputs = self._outputs(X)
        if outputs.shape[1] > 1:
            return outputs
        probabilities = np.empty((len(outputs), 2), outputs.dtype)
        np.subtract(1, outputs[:, 0], out=probabilities[:, 0])
        probabilities[:, 1] = outputs[:, 0]
        return probabilities

    @available_if(_gives_probabilities)
    def predict_log_proba(self, X):
        """Predict the logarithms of the classes' probabilities.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
            log(predict_proba(X)); -inf where a probability is 0.
        """
        probabilities = self.predict_proba(X)
        with np.errstate(divide="ignore"):
            return np.log(probabilities, out=probabilities)

    def _check_parameters(self):
        super()._check_parameters()
        if self.label_smoothing > 0 and self.loss != "log_loss":
            raise ValueError(
                f"label_smoothing={self.label_smoothing!r} smooths the targets of loss='log_loss', "
                f"got loss={self.loss!r}: use label_smoothing=0."
            )

    def _training_data(self, X, y, sample_weight, *, validation, goes_on, incremental, classes):
        def resolve(seen, multilabel):
            return self._resolve_classes(seen, multilabel, incremental, classes)

        self._sparse_target = sp.issparse(y)
        data, (self.classes_, self._multilabel) = classification_data(
            self,
            X,
            y,
            sample_weight,
            reset=not goes_on,
            resolve_classes=resolve,
            validation=validation,
        )
        if self.class_weight is not None and self._multilabel:
            raise ValueError(
                f"class_weight={self.class_weight!r} is not supported for multilabel targets: a "
                "row has no one class. Use sample_weight."
            )
        if incremental and isinstance(self.class_weight, str):
            raise ValueError(
                f"class_weight={self.class_weight!r} is not supported for partial_fit, which does "
                "not see all rows: give the weights as a dict."
            )
        return data

    def _resolve_classes(self, seen, multilabel, incremental, classes):
        """The classes of this call, where earlier calls and y's labels agree."""
        known = getattr(self, "classes_", None)
        goes_on = known is not None and (incremental or self.warm_start)
        if goes_on and multilabel != self._multilabel:
            raise ValueError(
                "`y` must stay what it was in the first call, "
                f"{'an indicator matrix' if self._multilabel else 'one label a row'}."
            )
        if incremental:
            return self._resolve_partial_classes(seen, known, classes)
        if known is not None and self.warm_start and set(seen) != set(known):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous "
                f"call to fit. Previously got {known}, `y` has {seen}"
            )
        return seen

    @staticmethod
    def _resolve_partial_classes(seen, known, classes):
        if known is None and classes is None:
            raise ValueError("classes must be passed on the first call to partial_fit.")
        if known is None:
            known = unique_labels(classes)
        elif classes is not None and not np.array_equal(known, unique_labels(classes)):
            raise ValueError(
                f"`classes={classes!r}` is not the same as on last call to partial_fit, was: "
                f"{known!r}"
            )
        if len(np.setdiff1d(seen, known, assume_unique=True)):
            raise ValueError(
                "`y` has classes not in `self.classes_`. "
                f"`self.classes_` has {known}. 'y' has {seen}."
            )
        return known


class MLPRegressor(RegressorMixin, _MultiLayerPerceptron):
    __doc__ = f"""Multi-layer perceptron regressor.

    Minimises half the mean squared error, or another `loss`, plus a penalty. Several outputs
    are learned together: their losses are summed.

    Parameters, draws and numerics are scikit-learn's: the same `random_state` gives the same
    model as `sklearn.neural_network.MLPRegressor`, up to rounding. For several outputs the
    gradient is theirs, and the loss reported is the one that it belongs to: n_outputs times
    theirs.

    Parameters
    ----------
    {PARAMETERS}
    loss : {{{", ".join(f"{name!r}" for name in _REGRESSION_LOSSES)}}}, default='squared_error'
        Of an output f: 'squared_error' is 0.5 * (y - f)**2, 'absolute_error' |y - f|,
        'log_cosh' log(cosh(y - f)), 'huber' the first within `huber_delta` of y and
        huber_delta * (|y - f| - huber_delta / 2) beyond, 'quantile' the pinball loss.
        'poisson', for y >= 0, is y log(y / f) - y + f with f the exponential of the output
        layer's sum; 'gamma', for y > 0, and 'tweedie' are half their deviances, with the
        same f. Formulas and papers are in docs/vocabulary.md.

    huber_delta : float > 0, default=1.0
        In the unit of y. Only used when loss='huber'.

    quantile : float in (0, 1) or sequence of them, default=0.5
        The level that is learned; a sequence learns several of one target at once, and
        `predict` gives a column for each. Only used when loss='quantile'.

    non_crossing : bool, default=False
        Whether `predict` sorts each row's quantiles, so that a higher level has no lower
        value. Only used when `quantile` is a sequence.

    tweedie_power : float <= 0 or >= 1, default=1.5
        The variance's power of the mean: 0 is normal, 1 Poisson, 2 gamma, 3 inverse
        Gaussian. y may be any number up to 0, y >= 0 from 1, y > 0 from 2 on. Only used when
        loss='tweedie'.

    {LAYER_PARAMETERS}
    {MORE_PARAMETERS}
    Attributes
    ----------
    {ATTRIBUTES}
    See Also
    --------
    MLPClassifier : The same network for classes.

    References
    ----------
    X. Glorot and Y. Bengio, "Understanding the difficulty of training deep feedforward neural
    networks", AISTATS 2010. D. P. Kingma and J. Ba, "Adam: a method for stochastic
    optimization", ICLR 2015.

    Examples
    --------
    >>> from rosenblatt import MLPRegressor
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.preprocessing import scale
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = MLPRegressor((20,), solver="lbfgs", alpha=1.0, random_state=0, max_iter=50)
    >>> model.fit(scale(X), scale(y)).n_outputs_
    1
    """

    _parameter_rules = {  # noqa: RUF012 - read only
        **_MultiLayerPerceptron._parameter_rules,
        "loss": [Options(str, _REGRESSION_LOSSES)],
        "huber_delta": [Interval(Real, 0, None, closed="neither")],
        "quantile": [QUANTILE_LEVEL, "array-like"],
        "non_crossing": ["boolean"],
        "tweedie_power": [
            Interval(Real, None, 0, closed="right"),
            Interval(Real, 1, None, closed="left"),
        ],
    }

    def __init__(
        self,
        hidden_layer_sizes=(100,),
        activation="relu",
        *,
        loss="squared_error",
        huber_delta=1.0,
        quantile=0.5,
        non_crossing=False,
        tweedie_power=1.5,
        normalization=None,
        dropout=0.0,
        input_dropout=0.0,
        input_noise=0.0,
        weight_init="glorot_uniform",
        intercept_init="uniform",
        solver="adam",
        alpha=0.0001,
        l1_ratio=0.0,
        weight_decay=None,
        max_norm=None,
        clip_norm=None,
        clip_value=None,
        batch_size="auto",
        learning_rate="constant",
        learning_rate_init=0.001,
        power_t=0.5,
        max_iter=200,
        shuffle=True,
        random_state=None,
        tol=1e-4,
        verbose=False,
        warm_start=False,
        momentum=0.9,
        nesterovs_momentum=True,
        early_stopping=False,
        validation_fraction=0.1,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        rho=0.99,
        centered=False,
        rmsprop_momentum=0.0,
        momentum_decay=0.004,
        n_iter_no_change=10,
        max_fun=15000,
        n_jobs=None,
        dtype=None,
        scoring=None,
        restore_best=True,
        partial_fit_shuffle="repeat",
        augment=None,
        tol_params=None,
        callbacks=None,
    ):
        super().__init__(
            hidden_layer_sizes=hidden_layer_sizes,
            activation=activation,
            normalization=normalization,
            dropout=dropout,
            input_dropout=input_dropout,
            input_noise=input_noise,
            weight_init=weight_init,
            intercept_init=intercept_init,
            solver=solver,
            alpha=alpha,
            l1_ratio=l1_ratio,
            weight_decay=weight_decay,
            max_norm=max_norm,
            clip_norm=clip_norm,
            clip_value=clip_value,
            batch_size=batch_size,
            learning_rate=learning_rate,
            learning_rate_init=learning_rate_init,
            power_t=power_t,
            max_iter=max_iter,
            shuffle=shuffle,
            random_state=random_state,
            tol=tol,
            verbose=verbose,
            warm_start=warm_start,
            momentum=momentum,
            nesterovs_momentum=nesterovs_momentum,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=epsilon,
            rho=rho,
            centered=centered,
            rmsprop_momentum=rmsprop_momentum,
            momentum_decay=momentum_decay,
            n_iter_no_change=n_iter_no_change,
            max_fun=max_fun,
            n_jobs=n_jobs,
            dtype=dtype,
            scoring=scoring,
            restore_best=restore_best,
            partial_fit_shuffle=partial_fit_shuffle,
            augment=augment,
            tol_params=tol_params,
            callbacks=callbacks,
        )
        self.loss = loss
        self.huber_delta = huber_delta
        self.quantile = quantile
        self.non_crossing = non_crossing
        self.tweedie_power = tweedie_power

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        is_known = self.loss in _REGRESSION_LOSSES
        domain = loss_row(self.loss, "real").domain if is_known else "unbounded"
        tags.target_tags.positive_only = domain != "unbounded" and not (
            domain == "by power" and self.tweedie_power <= 0
        )
        return tags

    @available_if(_has_partial_fit)
    def partial_fit(
        self, X, y, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None
    ):
        """Train for one epoch over the given rows, from where the last call ended.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to learn from.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Their weights, as in `fit`.
        X_val, y_val, sample_weight_val : as in `fit`
            The call scores them. With early_stopping=True the score counts towards patience,
            see `stopped_`.

        Returns
        -------
        self : object
            The estimator.

        Raises
        ------
        AttributeError
            With solver='lbfgs', which has no epochs.
        ValueError
            As in `fit`, and with early_stopping=True and no X_val.

        Notes
        -----
        With an int `random_state` every call draws the same order of rows, as in
        scikit-learn, but for partial_fit_shuffle='continue'. A model loaded from a pickle
        goes on with its optimiser's moments if its last training was a `partial_fit`, or a
        `fit` with warm_start='optimizer', and starts new ones after another `fit`.
        """
        validation = self._given_validation(X_val, y_val, sample_weight_val)
        return self._fit(X, y, sample_weight, validation, incremental=True)

    def predict(self, X):
        """Predict the targets of rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The predictions; with a sequence of quantiles of shape (n_samples, n_levels), in
            the order of `quantile`.
        """
        outputs = self._outputs(X)
        if self._levels is None:
            return outputs[:, 0] if outputs.shape[1] == 1 else outputs
        if self.non_crossing:
            ranks = np.argsort(np.argsort(self._levels, kind="stable"), kind="stable")
            outputs = np.sort(outputs, axis=1)[:, ranks]
        return outputs

    def score(self, X, y, sample_weight=None):
        """R^2 of the predictions; of several quantiles, the mean of their D^2.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Their weights.

        Returns
        -------
        score : float
            At most 1. With a sequence of quantiles the average over its levels of
            `sklearn.metrics.d2_pinball_score`, which is 0 for constant predictions of the
            quantiles of y.
        """
        check_is_fitted(self)
        if self._levels is None:
            return super().score(X, y, sample_weight)
        return mean_d2_score(y, self.predict(X), self._levels, sample_weight)

    def _check_parameters(self):
        super()._check_parameters()
        quantile_levels(self)

    def _training_data(self, X, y, sample_weight, *, validation, goes_on, incremental, classes):
        return regression_data(self, X, y, sample_weight, reset=not goes_on, validation=validation)
