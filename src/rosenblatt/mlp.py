"""The multi-layer perceptrons: parameters, documentation, and calls to the stages of a fit.

No arithmetic here: data are checked in _data, a fit is decided in _plan, begun in _state and
run in _training or _lbfgs, predictions come from the core.
"""

# SPDX-License-Identifier: BSD-3-Clause
import copy
from itertools import pairwise
from numbers import Integral, Real

import numpy as np
import scipy.sparse as sp
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import unique_labels
from sklearn.utils.validation import check_is_fitted

from rosenblatt import _lbfgs, _training
from rosenblatt._base import RosenblattEstimator
from rosenblatt._data import checked_rows, classification_data, regression_data
from rosenblatt._parameters import Interval, Options, validate_parameters
from rosenblatt._plan import (
    dropout_rates,
    hidden_widths,
    refuse_layers_without_steps,
    training_plan,
)
from rosenblatt._state import (
    INTERCEPT_INITS,
    WEIGHT_INITS,
    State,
    fold_normalization,
    initial_parameters,
)
from rosenblatt.core.dispatch import ACTIVATIONS, LOSSES, OPTIMIZERS
from rosenblatt.core.network import NORMALIZATIONS, Examples, Network
from rosenblatt.core.prediction import predict_rows

_PARAMETERS = """\
hidden_layer_sizes : int or array-like of int, default=(100,)
        The number of units of each hidden layer, from the input's side. `()` is a network
        without hidden layers: a linear model.

    activation : {'identity', 'logistic', 'tanh', 'relu'}, default='relu'
        What the hidden units compute of their weighted sum z: z itself, the sigmoid
        1 / (1 + exp(-z)), tanh(z), or max(0, z).
"""

_LAYER_PARAMETERS = f"""\
normalization : {{None, 'batch', 'layer'}}, default=None
        Of the hidden layers' weighted sums z, intercepts included, before the activation:
        scale * (z - mean) / sqrt(variance + 1e-5) + shift, with a scale and a shift learned for
        every unit. 'batch' (Ioffe & Szegedy, 2015) takes mean and variance of each unit over
        the batch, whatever the rows' weights, and for predictions running averages, of which
        every step replaces a tenth; it needs batches of 2 rows or more (a single last row
        joins the batch before it) and is not for solver='lbfgs'. 'layer' (Ba, Kiros & Hinton,
        2016) takes them of each row over the layer's units. Scales and shifts carry no penalty.

    dropout : float in [0, 1) or sequence of float, default=0.0
        The share of a hidden layer's outputs that every step of training sets to zero
        (Srivastava et al., 2014), one for all hidden layers or one for each; the others are
        divided by 1 - dropout, so that predictions, which drop nothing, see the same mean.
        Not with solver='lbfgs', and neither are the next two.

    input_dropout : float in [0, 1), default=0.0
        The same for the features. X must be dense.

    input_noise : float >= 0, default=0.0
        Standard deviation of the normal numbers that every step of training adds to the
        features (Bishop, 1995); scale the features. X must be dense, and is not changed.

    weight_init : {{{", ".join(map(repr, WEIGHT_INITS))}}} or callable, default='glorot_uniform'
        How weights are drawn. 'glorot_uniform' (Glorot & Bengio, 2010) is scikit-learn's:
        uniform within sqrt(6 / (fan_in + fan_out)), for 'logistic' sqrt(2 / ...). 'he_uniform'
        and 'he_normal' (He et al., 2015) have the variance 2 / fan_in, for relu and its kin;
        'lecun_normal' (LeCun et al., 1998) 1 / fan_in, for selu; 'orthogonal' (Saxe et al.,
        2014) keeps lengths: its rows, or its columns if they are fewer, are orthonormal. A
        callable is given (fan_in, fan_out, random_state), for every layer from the input's
        side, and returns an array of shape (fan_in, fan_out).

    intercept_init : {{{", ".join(map(repr, INTERCEPT_INITS))}}}, default='uniform'
        How intercepts begin. 'uniform' is scikit-learn's, drawn within 'glorot_uniform''s
        bounds; 'zeros' draws nothing; 'prior' is zero in the hidden layers and in the output
        layer what predicts, alone, the classes' shares or the targets' mean (by sample_weight;
        a class without rows counts as half a row).
"""

_MORE_PARAMETERS = """\
solver : {'adam', 'sgd', 'lbfgs'}, default='adam'
        'adam' (Kingma & Ba, 2015) and 'sgd' take a step for every batch of rows; 'lbfgs' is
        scipy's quasi-Newton method on all rows at once, good for small data.

    alpha : float >= 0, default=0.0001
        Strength of the L2 penalty, 0.5 * alpha * sum(w**2) over `coefs_`, divided by the sum
        of the batch's weights (its rows, where there are no weights). Intercepts are free.

    batch_size : int >= 1 or 'auto', default='auto'
        Rows of a batch; 'auto' is min(200, n_samples). lbfgs does not use it.

    learning_rate : {'constant', 'invscaling', 'adaptive'}, default='constant'
        With solver='sgd' only: keep `learning_rate_init`; divide it after each epoch by
        (rows seen + 1)**power_t; or divide it by 5 whenever training would stop for want of
        improvement, until it is 1e-6.

    learning_rate_init : float > 0, default=0.001
        The step size, for 'sgd' and 'adam'.

    power_t : float >= 0, default=0.5
        The exponent of learning_rate='invscaling'.

    max_iter : int >= 1, default=200
        The most epochs ('sgd', 'adam': each row is used once in an epoch) or iterations
        ('lbfgs').

    shuffle : bool, default=True
        Whether every epoch takes the rows in a new order. Not used by lbfgs.

    random_state : int, RandomState instance or None, default=None
        Draws the initial weights and intercepts, the validation split and the order of rows.
        The draws are scikit-learn's: the same seed gives the same model.

    tol : float >= 0, default=1e-4
        An epoch that does not lower the loss by `tol` (with early stopping: raise the
        validation score by it) counts as one without improvement. For lbfgs, the largest
        component of the projected gradient at which to stop.

    verbose : bool or int, default=False
        Whether to print each epoch's loss.

    warm_start : bool, default=False
        Whether `fit` goes on from the weights of the last `fit`, with a new optimiser.

    momentum : float in [0, 1], default=0.9
        Of the velocity, for 'sgd'.

    nesterovs_momentum : bool, default=True
        Whether 'sgd' looks ahead along the velocity (Nesterov, 1983).

    early_stopping : bool, default=False
        Whether to set a share of the rows aside, score it after every epoch, stop when the
        score no longer improves, and keep the weights that scored best. The split keeps
        the classes' shares (multilabel targets: it does not). Not used by lbfgs.

    validation_fraction : float in [0, 1), default=0.1
        The share of rows set aside by `early_stopping`.

    beta_1, beta_2 : float in [0, 1), default=0.9, 0.999
        Decay rates of adam's means of the gradient and of its square.

    epsilon : float > 0, default=1e-8
        Added to adam's denominator.

    n_iter_no_change : int >= 1 or inf, default=10
        Training stops once there were more than so many epochs in a row without improvement,
        that is, after n_iter_no_change + 1 of them (scikit-learn counts the same way).

    max_fun : int >= 1, default=15000
        The most evaluations of the loss by lbfgs.

    n_jobs : int or None, default=None
        Threads inside one fit, at most 64; None is 1 unless joblib says otherwise. Steps too
        short to share are left to one. The model's bits do not depend on it.

    dtype : {'float32', 'float64'} or None, default=None
        What to compute in. None follows X (float32 stays, everything else is float64);
        'float32' takes half the memory and about half the time whatever X is.
"""

_ATTRIBUTES = """\
coefs_ : list of ndarray of shape (fan_in, fan_out)
        The weights, a matrix for each layer; `predict`, a warm start and `partial_fit` use
        them as they are, so they may be assigned or edited.

    intercepts_ : list of ndarray of shape (fan_out,)
        The intercepts, likewise.

    normalization_scales_, normalization_shifts_ : list of ndarray of shape (n_units,)
        With `normalization`, one array for each hidden layer, likewise.

    running_means_, running_variances_ : list of ndarray of shape (n_units,)
        With normalization='batch', what predictions normalise by, likewise.

    n_features_in_ : int
        Number of features seen during `fit`.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where X had names that are all strings.

    n_iter_ : int
        Epochs (or iterations of lbfgs) of the last fit.

    n_layers_, n_outputs_ : int
        Layers, input and output included, and outputs.

    out_activation_ : str
        What makes predictions of the last layer's sums: 'identity', 'exp', 'logistic' or
        'softmax'.

    loss_ : float
        The last epoch's loss, penalty included.

    loss_curve_ : list of float
        The loss of every epoch, averaged over its batches, each taken before its step; it
        grows over warm starts and calls of `partial_fit`. Not with lbfgs.

    best_loss_ : float or None
        The lowest of them; None with early stopping. Not with lbfgs.

    validation_scores_ : list of float or None
        With early stopping, every epoch's score on the validation rows; NaN where
        predictions were no numbers.

    best_validation_score_ : float or None
        The highest of them.

    t_ : int
        Rows used for training so far.
"""

# what a fit leaves of normalisation, in the order of Network.read
NORMALIZATION_ATTRIBUTES = {
    None: (),
    "layer": ("normalization_scales_", "normalization_shifts_"),
    "batch": (
        "normalization_scales_",
        "normalization_shifts_",
        "running_means_",
        "running_variances_",
    ),
}

_REGRESSION_LOSSES = tuple(row.parameter for row in LOSSES.values() if row.target == "real")

_STOCHASTIC_ATTRIBUTES = (
    "loss_curve_",
    "best_loss_",
    "validation_scores_",
    "best_validation_score_",
    "_n_epochs_without_improvement",
    "_optimizer",
)


def _has_partial_fit(estimator):
    if estimator.solver not in OPTIMIZERS:
        raise AttributeError(
            "partial_fit is only available for stochastic optimizers. "
            f"{estimator.solver} is not stochastic."
        )
    return True


class _MultiLayerPerceptron(RosenblattEstimator):
    """The stages of fit and predict that classifier and regressor share."""

    _parameter_rules = {  # noqa: RUF012 - read only
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "activation": [Options(str, tuple(ACTIVATIONS))],
        "normalization": [None, Options(str, tuple(NORMALIZATIONS))],
        "dropout": [Interval(Real, 0, 1, closed="left"), "array-like"],
        "input_dropout": [Interval(Real, 0, 1, closed="left")],
        "input_noise": [Interval(Real, 0, None, closed="left")],
        "weight_init": [Options(str, tuple(WEIGHT_INITS)), callable],
        "intercept_init": [Options(str, tuple(INTERCEPT_INITS))],
        "solver": [Options(str, (*OPTIMIZERS, "lbfgs"))],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "batch_size": [Options(str, ("auto",)), Interval(Integral, 1, None, closed="left")],
        "learning_rate": [Options(str, ("constant", "invscaling", "adaptive"))],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "power_t": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "nesterovs_momentum": ["boolean"],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "beta_1": [Interval(Real, 0, 1, closed="left")],
        "beta_2": [Interval(Real, 0, 1, closed="left")],
        "epsilon": [Interval(Real, 0, None, closed="neither")],
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
        n_iter_no_change=10,
        max_fun=15000,
        n_jobs=None,
        dtype=None,
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
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.n_jobs = n_jobs
        self.dtype = dtype

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def fit(self, X, y, sample_weight=None):
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

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            For parameters or data out of range, before any work; for training that
            diverged, when there is no early stopping. The estimator is then as it was.
        MemoryError
            For a network that this machine cannot hold.

        Warns
        -----
        ConvergenceWarning
            If max_iter epochs or iterations were not enough, if lbfgs stopped for another
            reason, or if training diverged under early stopping.
        UserWarning
            If batch_size is larger than the data, if the validation set cannot keep the
            classes' shares, or if Ctrl-C ended training: the weights so far are kept.
        """
        with self._unchanged_on_error():
            return self._fit(X, y, sample_weight)

    def _fit(self, X, y, sample_weight, *, incremental=False, classes=None):
        validate_parameters(self)
        n_hidden = len(hidden_widths(self.hidden_layer_sizes))
        refuse_layers_without_steps(self, dropout_rates(self.dropout, n_hidden))
        if incremental and self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True")
        goes_on = hasattr(self, "coefs_") and (self.warm_start or incremental)
        data = self._training_data(
            X, y, sample_weight, goes_on=goes_on, incremental=incremental, classes=classes
        )
        plan = training_plan(self, data, incremental=incremental)
        state = self._state(plan, data, goes_on, incremental)
        if plan.is_stochastic:
            _training.train(plan, data, state)
        else:
            _lbfgs.minimize(plan, data, state)
        self._set_fitted(plan, data, state)
        return self

    def _state(self, plan, data, goes_on, incremental):
        """Where this fit begins: at new draws, or at the fitted parameters."""
        random_state = check_random_state(self.random_state)
        if not goes_on:
            return State(*initial_parameters(plan, data, random_state), random_state)
        coefs, intercepts = self._checked_parameters(
            plan.widths,
            f"hidden_layer_sizes={self.hidden_layer_sizes!r} with {plan.widths[0]} features and "
            f"{plan.widths[-1]} outputs. Keep hidden_layer_sizes as it was, or fit with "
            "warm_start=False",
        )
        normalization = self._checked_normalization(plan.widths[1:-1], plan.normalization)
        state = State(coefs, intercepts, random_state, normalization, n_samples_seen=self.t_)
        if plan.is_stochastic and hasattr(self, "loss_curve_"):
            state.loss_curve = list(self.loss_curve_)
            state.validation_scores = list(self.validation_scores_ or [])
            state.n_epochs_without_improvement = self._n_epochs_without_improvement
            if self.best_loss_ is not None:
                state.best_loss = self.best_loss_
            if self.best_validation_score_ is not None:
                state.best_validation_score = self.best_validation_score_
        if incremental:
            # a copy: training changes it, and a call that fails must not
            state.optimizer = copy.copy(getattr(self, "_optimizer", None))
        return state

    def _checked_parameters(self, widths, needed_for):
        """coefs_ and intercepts_, which a person may have assigned: real, of the widths' shapes."""
        for name, arrays, wanted in [
            ("coefs_", self.coefs_, list(pairwise(widths))),
            ("intercepts_", self.intercepts_, [(width,) for width in widths[1:]]),
        ]:
            shapes = [tuple(np.shape(array)) for array in arrays]
            if shapes != wanted:
                raise ValueError(
                    f"{name} have the shapes {shapes}, but must have {wanted} for {needed_for}."
                )
            dtypes = [np.asarray(array).dtype for array in arrays]
            if any(dtype.kind not in "biuf" for dtype in dtypes):
                raise ValueError(f"{name} must hold real numbers, got the dtypes {dtypes}.")
        return self.coefs_, self.intercepts_

    def _checked_normalization(self, hidden, wanted):
        """Scales, shifts, running means and variances, of the hidden layers' widths."""
        fitted = getattr(self, "_normalization", None)
        if wanted != fitted:
            raise ValueError(
                f"normalization={wanted!r} cannot go on from a fit with {fitted!r}. Keep "
                f"normalization={fitted!r}, or fit with warm_start=False."
            )
        lists = []
        for name in NORMALIZATION_ATTRIBUTES[fitted]:
            lists.append(getattr(self, name))
            shapes = [tuple(np.shape(array)) for array in lists[-1]]
            if shapes != [(width,) for width in hidden]:
                raise ValueError(
                    f"{name} have the shapes {shapes}, but must have "
                    f"{[(width,) for width in hidden]}, one of each hidden layer."
                )
        return tuple(lists)

    def _set_fitted(self, plan, data, state):
        self.coefs_, self.intercepts_ = state.coefs, state.intercepts
        self._normalization = plan.normalization
        for name in NORMALIZATION_ATTRIBUTES["batch"]:
            vars(self).pop(name, None)
        names = NORMALIZATION_ATTRIBUTES[plan.normalization]
        for name, arrays in zip(names, state.normalization, strict=True):
            setattr(self, name, arrays)
        self.n_layers_, self.n_outputs_ = len(plan.widths), data.n_outputs
        self.out_activation_ = data.loss.out_activation
        self.n_iter_, self.t_, self.loss_ = state.n_epochs, state.n_samples_seen, state.loss
        self._loss_name, self._activations = plan.loss, plan.activations
        for name in _STOCHASTIC_ATTRIBUTES:
            vars(self).pop(name, None)
        if not plan.is_stochastic:
            return
        self.loss_curve_ = state.loss_curve
        early = plan.early_stopping
        self.best_loss_ = None if early else state.best_loss
        self.validation_scores_ = state.validation_scores if early else None
        self.best_validation_score_ = state.best_validation_score if early else None
        self._n_epochs_without_improvement = state.n_epochs_without_improvement
        self._optimizer = state.optimizer
        self._optimizer_is_pickled = plan.incremental

    def __getstate__(self):
        """The optimiser's moments are several times the model: only partial_fit needs them."""
        state = dict(super().__getstate__())  # which may be the estimator's own dictionary
        if not state.get("_optimizer_is_pickled", False):
            state.pop("_optimizer", None)
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

    def _folded(self, coefs, intercepts, hidden):
        """(coefs, intercepts, normalization) to predict with: batch normalisation is in them."""
        fitted = getattr(self, "_normalization", None)
        normalization = self._checked_normalization(hidden, fitted)
        if fitted != "batch":
            return coefs, intercepts, normalization
        return *fold_normalization(coefs, intercepts, *normalization), ()

    def _outputs(self, X):
        """The output layer's predictions, ndarray of shape (n_samples, n_outputs)."""
        outputs = self._outputs_of_plain_rows(X)
        if outputs is not None:
            return outputs
        check_is_fitted(self)
        X = checked_rows(self, X, dtype=self.dtype)
        widths, coefs, intercepts = self._parameters_to_predict_with()
        coefs, intercepts, normalization = self._folded(coefs, intercepts, widths[1:-1])
        lists = (coefs, intercepts, *normalization)
        dtypes = [np.asarray(array).dtype for arrays in lists for array in arrays]
        is_single = np.result_type(X.dtype, *dtypes) == np.float32
        dtype = np.dtype(self.dtype or (np.float32 if is_single else np.float64))
        X = X.astype(dtype, copy=False)
        if sp.issparse(X) or normalization:
            return self._outputs_of_network(X, widths, coefs, intercepts, normalization)
        coefs, intercepts = (
            [np.require(array, dtype, ["C", "A"]) for array in arrays]
            for arrays in (coefs, intercepts)
        )
        return predict_rows(
            X, coefs, intercepts, self._activations, self._loss_name, only_finite=False
        )

    def _outputs_of_plain_rows(self, X):
        """The same for an X that needs no conversion; None where something has to be looked at.

        Validation takes longer than a small network does. Here it is what such an X leaves open:
        fitted, as wide as in fit, finite.
        """
        fitted = vars(self)
        if (
            type(X) is not np.ndarray
            or X.ndim != 2
            or X.shape[1] != fitted.get("n_features_in_")
            or "coefs_" not in fitted
            or fitted.get("_normalization") is not None
            or "feature_names_in_" in fitted  # which an array lacks: there is a warning to give
            or not (self.dtype is None or self.dtype == X.dtype)
        ):
            return None
        outputs = predict_rows(
            X, self.coefs_, self.intercepts_, self._activations, self._loss_name, only_finite=True
        )
        return outputs if outputs is not None and outputs.shape[1] == self.n_outputs_ else None

    def _parameters_to_predict_with(self):
        """(widths, coefs, intercepts), checked."""
        hidden = [np.shape(coef)[1] for coef in self.coefs_[:-1] if np.ndim(coef) == 2]
        hidden = hidden[: len(self._activations)]
        hidden += [hidden[-1] if hidden else 1] * (len(self._activations) - len(hidden))
        widths = (self.n_features_in_, *hidden, self.n_outputs_)
        return widths, *self._checked_parameters(
            widths,
            f"a network of {self.n_features_in_} features, {len(hidden)} hidden layers and "
            f"{self.n_outputs_} outputs",
        )

    def _outputs_of_network(self, X, widths, coefs, intercepts, normalization):
        """The same for sparse X, and where rows are normalised; X has the dtype to compute in."""
        network = Network(
            widths,
            self._activations,
            self._loss_name,
            X.shape[0],
            X.dtype,
            normalization="layer" if normalization else None,
            trainable=False,
            is_sparse=sp.issparse(X),
        )
        network.write(network.parameters, coefs, intercepts, *normalization)
        return network.predict(Examples(X), np.arange(X.shape[0]))


class MLPClassifier(ClassifierMixin, _MultiLayerPerceptron):
    __doc__ = f"""Multi-layer perceptron classifier.

    Minimises the mean log loss, -log of the probability given to the right class, plus an L2
    penalty. Probabilities are a softmax of the output layer's sums for three classes or more,
    a sigmoid for two classes and for each label of a multilabel target.

    Parameters, draws and numerics are scikit-learn's: the same `random_state` gives the same
    model as `sklearn.neural_network.MLPClassifier`, up to rounding.

    Parameters
    ----------
    {_PARAMETERS}
    {_LAYER_PARAMETERS}
    {_MORE_PARAMETERS}
    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted; for multilabel the columns' numbers.

    {_ATTRIBUTES}
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

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    @available_if(_has_partial_fit)
    def partial_fit(self, X, y, sample_weight=None, classes=None):
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
            early_stopping=True.

        Notes
        -----
        With an int `random_state` every call draws the same order of rows, as in
        scikit-learn. A model loaded from a pickle goes on with its optimiser's moments if
        its last training was a `partial_fit`, and starts new ones after a `fit`.
        """
        with self._unchanged_on_error():
            return self._fit(X, y, sample_weight, incremental=True, classes=classes)

    def predict(self, X):
        """Predict the labels of rows, with the activation of the last fit.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_labels)
            The most probable class, of two the first at even odds; for multilabel the
            indicators of the labels with a probability above 0.5, as a CSR matrix where y was
            sparse in `fit`.
        """
        outputs = self._outputs(X)
        if self._multilabel:
            labels = (outputs > 0.5).astype(int)
            return sp.csr_matrix(labels) if self._sparse_target else labels
        if outputs.shape[1] > 1:
            return self.classes_[outputs.argmax(axis=1)]
        if len(self.classes_) == 1:
            return np.repeat(self.classes_, len(outputs))
        return self.classes_[(outputs[:, 0] > 0.5).astype(int)]

    def predict_proba(self, X):
        """Predict the probabilities of the classes.

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

    def _training_data(self, X, y, sample_weight, *, goes_on, incremental, classes):
        def resolve(seen, multilabel):
            return self._resolve_classes(seen, multilabel, incremental, classes)

        self._sparse_target = sp.issparse(y)
        data, (self.classes_, self._multilabel) = classification_data(
            self, X, y, sample_weight, reset=not goes_on, resolve_classes=resolve
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

    Minimises half the mean squared error, or half the mean Poisson deviance, plus an L2
    penalty. Several outputs are learned together: their losses are summed.

    Parameters, draws and numerics are scikit-learn's: the same `random_state` gives the same
    model as `sklearn.neural_network.MLPRegressor`, up to rounding. For several outputs the
    gradient is theirs, and the loss reported is the one that it belongs to: n_outputs times
    theirs.

    Parameters
    ----------
    {_PARAMETERS}
    loss : {{{", ".join(f"{name!r}" for name in _REGRESSION_LOSSES)}}}, default='squared_error'
        'squared_error' is 0.5 * (y - f)**2 for an output f; 'poisson' is
        y log(y / f) - y + f with f the exponential of the output layer's sum, for y >= 0.

    {_LAYER_PARAMETERS}
    {_MORE_PARAMETERS}
    Attributes
    ----------
    {_ATTRIBUTES}
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
    }

    def __init__(
        self,
        hidden_layer_sizes=(100,),
        activation="relu",
        *,
        loss="squared_error",
        normalization=None,
        dropout=0.0,
        input_dropout=0.0,
        input_noise=0.0,
        weight_init="glorot_uniform",
        intercept_init="uniform",
        solver="adam",
        alpha=0.0001,
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
        n_iter_no_change=10,
        max_fun=15000,
        n_jobs=None,
        dtype=None,
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
            n_iter_no_change=n_iter_no_change,
            max_fun=max_fun,
            n_jobs=n_jobs,
            dtype=dtype,
        )
        self.loss = loss

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.positive_only = self.loss == "poisson"
        return tags

    @available_if(_has_partial_fit)
    def partial_fit(self, X, y, sample_weight=None):
        """Train for one epoch over the given rows, from where the last call ended.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to learn from.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Their weights, as in `fit`.

        Returns
        -------
        self : object
            The estimator.

        Raises
        ------
        AttributeError
            With solver='lbfgs', which has no epochs.
        ValueError
            As in `fit`, and with early_stopping=True.

        Notes
        -----
        With an int `random_state` every call draws the same order of rows, as in
        scikit-learn. A model loaded from a pickle goes on with its optimiser's moments if
        its last training was a `partial_fit`, and starts new ones after a `fit`.
        """
        with self._unchanged_on_error():
            return self._fit(X, y, sample_weight, incremental=True)

    def predict(self, X):
        """Predict the targets of rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The predictions.
        """
        outputs = self._outputs(X)
        return outputs[:, 0] if outputs.shape[1] == 1 else outputs

    def _training_data(self, X, y, sample_weight, *, goes_on, incremental, classes):
        return regression_data(self, X, y, sample_weight, reset=not goes_on)
