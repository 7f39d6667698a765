"""The multi-layer perceptrons, a classifier and a regressor: signatures, and predictions from the
outputs. What they share, the stages of a fit, is in _mlp_base.py.
"""

# SPDX-License-Identifier: BSD-3-Clause
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from rosenblatt._base import available_if, on_one_fit
from rosenblatt._classes import fit_classes, partial_fit_classes
from rosenblatt._data import (
    classification_data,
    loss_row,
    quantile_levels,
    regression_data,
)
from rosenblatt._mlp_base import MultiLayerPerceptron, has_partial_fit
from rosenblatt._parameter_rows import documented, keep_parameters, rules_of
from rosenblatt._parameter_table import (
    CLASSIFICATION_LOSSES,
    CLASSIFIER,
    REGRESSION_LOSSES,
    REGRESSOR,
    SHARED,
)
from rosenblatt._scores import mean_d2_score
from rosenblatt._target_scale import warn_of_target_scale
from rosenblatt._types import (
    Activation,
    Array,
    Callbacks,
    ClassificationLoss,
    ClassWeight,
    DType,
    InterceptInit,
    LearningRate,
    Matrix,
    MultiClass,
    Normalization,
    Numbers,
    RandomState,
    RegressionLoss,
    Scoring,
    Solver,
    WeightInit,
)
from rosenblatt._validation_scale import warn_of_other_targets
from rosenblatt.core.dispatch import LOSSES
from rosenblatt.out_of_core._dataset import Dataset
from rosenblatt.schedules import Schedule


def _gives_probabilities(estimator):
    """Whether the loss, of the fit or else of the parameter, gives probabilities."""
    out_activation = getattr(estimator, "out_activation_", None)
    if out_activation is None and estimator.loss in CLASSIFICATION_LOSSES:
        out_activation = loss_row(estimator.loss, "binary").out_activation
    if out_activation == "identity":
        raise AttributeError(
            f"probability estimates are not available for loss={estimator.loss!r}. "
            "decision_function gives scores, of which "
            "sklearn.calibration.CalibratedClassifierCV makes probabilities."
        )
    return True


@documented
class MLPClassifier(ClassifierMixin, MultiLayerPerceptron):
    """Multi-layer perceptron classifier.

    Minimises the mean log loss, the negative logarithm of the probability of the right class, or
    another `loss`, plus a penalty. Probabilities are the softmax of the logits for three or more
    classes, and their sigmoid for two classes and for each label of a multilabel target.

    Parameters, random draws and numerics follow scikit-learn: the same `random_state` gives the
    same model as `sklearn.neural_network.MLPClassifier`, up to rounding.

    Parameters
    ----------
    @PARAMETERS@
    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The sorted class labels; for multilabel targets, the column indices.
    @ATTRIBUTES@
    See Also
    --------
    MLPRegressor : The multi-layer perceptron for regression.
    PerceptronClassifier : One neuron per class, trained by Rosenblatt's rule.

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

    _parameter_table = SHARED | CLASSIFIER
    _parameter_rules = rules_of(_parameter_table)

    classes_: Array

    def __init__(
        self,
        hidden_layer_sizes: ArrayLike | int = (100,),
        activation: Activation | Sequence[Activation] = "relu",
        *,
        loss: ClassificationLoss = "log_loss",
        solver: Solver = "adam",
        alpha: float = 0.0001,
        batch_size: int | Literal["auto"] = "auto",
        learning_rate_init: float = 0.001,
        max_iter: int = 200,
        early_stopping: bool = False,
        random_state: RandomState = None,
        label_smoothing: float = 0.0,
        focal_gamma: float = 2.0,
        multi_class: MultiClass = "ovr",
        normalization: Normalization = None,
        dropout: float | Numbers = 0.0,
        input_dropout: float = 0.0,
        input_noise: float = 0.0,
        input_scale_rate: float = 0.0,
        weight_init: WeightInit | Callable[..., ArrayLike] = "glorot_uniform",
        intercept_init: InterceptInit = "uniform",
        l1_ratio: float = 0.0,
        weight_decay: float | None = None,
        max_norm: float | None = None,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        learning_rate: LearningRate | Schedule | Callable[[float], float] = "constant",
        power_t: float = 0.5,
        shuffle: bool = True,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool | Literal["optimizer"] = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        rho: float = 0.99,
        centered: bool = False,
        rmsprop_momentum: float = 0.0,
        momentum_decay: float = 0.004,
        n_iter_no_change: float = 10,
        patience_ratio: float = 0.0,
        max_fun: int = 15000,
        n_jobs: int | None = None,
        dtype: DType = None,
        scoring: Scoring = None,
        restore_best: bool = True,
        partial_fit_shuffle: Literal["repeat", "continue"] = "repeat",
        augment: Callable[[Any, np.random.RandomState], Any] | None = None,
        tol_params: float | None = None,
        callbacks: Callbacks = None,
        class_weight: ClassWeight = None,
    ) -> None:
        keep_parameters(self, locals())

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    @available_if(has_partial_fit)
    def partial_fit(
        self,
        X: Matrix | Dataset,
        y: Matrix | None = None,
        sample_weight: ArrayLike | None = None,
        classes: ArrayLike | None = None,
        *,
        X_val: Matrix | None = None,
        y_val: Matrix | None = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
        """Train for one epoch over the given rows, from where the last call ended.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to learn from. A rosenblatt.Dataset is read block by block, and contains the
            targets.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            The class labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Sample weights, as in `fit`.
        classes : array-like of shape (n_classes,), default=None
            All labels that occur in any call; required in the first call. Those of a Dataset are
            counted, where it has no classes= itself.
        X_val, y_val, sample_weight_val : as in `fit`
            Validation rows, scored at the end of the call. With early_stopping=True, the score
            decides when training stops, see `stopped_`.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        AttributeError
            With solver='lbfgs', which has no epochs.
        KeyboardInterrupt
            On Ctrl-C, so that it ends a loop of calls. The estimator is unchanged by the call.
        ValueError
            As in `fit`; if classes is missing in the first call; for labels that are not in
            classes; with early_stopping=True and no X_val.

        Notes
        -----
        With an int `random_state` every call draws the same order of rows, as in scikit-learn,
        unless partial_fit_shuffle='continue'. A model loaded from a pickle continues with its
        optimiser's moments if its last training was a `partial_fit`, or a `fit` with
        warm_start='optimizer'; after any other `fit` it starts with new ones.
        """
        validation = self._given_validation(X_val, y_val, sample_weight_val)
        return self._fit(X, y, sample_weight, validation, incremental=True, classes=classes)

    def predict(self, X: Matrix) -> Any:
        """Predict class labels, with the activation of the last fit.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_labels)
            The class with the highest output; of two equally probable classes the first. For
            multilabel targets, the indicators of the labels with a probability above 0.5 (or a
            score above 0, if the loss gives no probabilities), as a CSR matrix if y was sparse
            in `fit`.
        """
        fitted = vars(self)  # a fit replaces it: all that is read from it is of one fit
        outputs = self._outputs(X, fitted)
        is_logistic = LOSSES[fitted["_architecture"].loss].out_activation == "logistic"
        threshold = 0.5 if is_logistic else 0
        if fitted["_multilabel"]:
            labels = (outputs > threshold).astype(int)
            return sp.csr_matrix(labels) if fitted["_sparse_target"] else labels
        classes = fitted["classes_"]
        if outputs.shape[1] > 1:
            return classes[outputs.argmax(axis=1)]
        if len(classes) == 1:
            return np.repeat(classes, len(outputs))
        return classes[(outputs[:, 0] > threshold).astype(int)]

    def decision_function(self, X: Matrix) -> Array:
        """The logits of the output layer, on which `predict` is based.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        scores : ndarray of shape (n_samples,) or (n_samples, n_classes)
            For two classes one number per row, positive for the second of `classes_`; for more
            classes, and for multilabel targets, one number per class or label. If the loss gives
            probabilities, `predict_proba` is their sigmoid or softmax.
        """
        fitted = vars(self)
        outputs = self._outputs(X, fitted, logits=True)
        return outputs[:, 0] if outputs.shape[1] == 1 and not fitted["_multilabel"] else outputs

    @available_if(_gives_probabilities)
    def predict_proba(self, X: Matrix) -> Array:
        """Predict class probabilities; only available if the loss gives probabilities.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`; for multilabel targets, the probability of each label.
        """
        outputs = self._outputs(X)
        if outputs.shape[1] > 1:
            return outputs
        probabilities = np.empty((len(outputs), 2), outputs.dtype)
        np.subtract(1, outputs[:, 0], out=probabilities[:, 0])
        probabilities[:, 1] = outputs[:, 0]
        return probabilities

    @available_if(_gives_probabilities)
    def predict_log_proba(self, X: Matrix) -> Array:
        """Predict the logarithms of the class probabilities.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
            log(predict_proba(X)); -inf if a probability is 0.
        """
        probabilities = self.predict_proba(X)
        with np.errstate(divide="ignore"):
            return np.log(probabilities, out=probabilities)

    def _training_data(self, X, y, sample_weight, *, validation, continues, incremental, classes):
        def resolve(labels, is_multilabel):
            # of rows that are a part of the training, the labels of all
            labels = vars(self).get("_labels_everywhere", labels)
            if incremental:
                return partial_fit_classes(labels, is_multilabel, self, classes)
            return fit_classes(labels, is_multilabel, self)

        return classification_data(
            self,
            X,
            y,
            sample_weight,
            reset=not continues,
            resolve_classes=resolve,
            validation=validation,
        )

    def _attributes_of(self, data):
        return {
            "classes_": data.classes,
            "_multilabel": data.is_multilabel,
            "_sparse_target": data.is_sparse_target,
        }


@documented
class MLPRegressor(RegressorMixin, MultiLayerPerceptron):
    """Multi-layer perceptron regressor.

    Minimises half the mean squared error, or another `loss`, plus a penalty. Several outputs
    are learned together: their losses are summed.

    Parameters, random draws and numerics follow scikit-learn: the same `random_state` gives the
    same model as `sklearn.neural_network.MLPRegressor`, up to rounding. For several outputs the
    gradient is the same, but the reported loss is the one that it is the gradient of: n_outputs
    times that of scikit-learn.

    Parameters
    ----------
    @PARAMETERS@
    Attributes
    ----------
    @ATTRIBUTES@
    See Also
    --------
    MLPClassifier : The multi-layer perceptron for classification.

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

    _parameter_table = SHARED | REGRESSOR
    _parameter_rules = rules_of(_parameter_table)

    def __init__(
        self,
        hidden_layer_sizes: ArrayLike | int = (100,),
        activation: Activation | Sequence[Activation] = "relu",
        *,
        loss: RegressionLoss = "squared_error",
        solver: Solver = "adam",
        alpha: float = 0.0001,
        batch_size: int | Literal["auto"] = "auto",
        learning_rate_init: float = 0.001,
        max_iter: int = 200,
        early_stopping: bool = False,
        random_state: RandomState = None,
        huber_delta: float = 1.0,
        quantile: float | Numbers = 0.5,
        non_crossing: bool = False,
        tweedie_power: float = 1.5,
        normalization: Normalization = None,
        dropout: float | Numbers = 0.0,
        input_dropout: float = 0.0,
        input_noise: float = 0.0,
        input_scale_rate: float = 0.0,
        weight_init: WeightInit | Callable[..., ArrayLike] = "glorot_uniform",
        intercept_init: InterceptInit = "uniform",
        l1_ratio: float = 0.0,
        weight_decay: float | None = None,
        max_norm: float | None = None,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        learning_rate: LearningRate | Schedule | Callable[[float], float] = "constant",
        power_t: float = 0.5,
        shuffle: bool = True,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool | Literal["optimizer"] = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        rho: float = 0.99,
        centered: bool = False,
        rmsprop_momentum: float = 0.0,
        momentum_decay: float = 0.004,
        n_iter_no_change: float = 10,
        patience_ratio: float = 0.0,
        max_fun: int = 15000,
        n_jobs: int | None = None,
        dtype: DType = None,
        scoring: Scoring = None,
        restore_best: bool = True,
        partial_fit_shuffle: Literal["repeat", "continue"] = "repeat",
        augment: Callable[[Any, np.random.RandomState], Any] | None = None,
        tol_params: float | None = None,
        callbacks: Callbacks = None,
    ) -> None:
        keep_parameters(self, locals())

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        is_known = self.loss in REGRESSION_LOSSES
        domain = loss_row(self.loss, "real").domain if is_known else "unbounded"
        tags.target_tags.positive_only = domain != "unbounded" and not (
            domain == "by power" and self.tweedie_power <= 0
        )
        return tags

    @available_if(has_partial_fit)
    def partial_fit(
        self,
        X: Matrix | Dataset,
        y: Matrix | None = None,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: Matrix | None = None,
        y_val: Matrix | None = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
        """Train for one epoch over the given rows, from where the last call ended.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to learn from. A rosenblatt.Dataset is read block by block, and contains the
            targets.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Sample weights, as in `fit`.
        X_val, y_val, sample_weight_val : as in `fit`
            Validation rows, scored at the end of the call. With early_stopping=True, the score
            decides when training stops, see `stopped_`.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        AttributeError
            With solver='lbfgs', which has no epochs.
        KeyboardInterrupt
            On Ctrl-C, so that it ends a loop of calls. The estimator is unchanged by the call.
        ValueError
            As in `fit`, and with early_stopping=True and no X_val.

        Notes
        -----
        With an int `random_state` every call draws the same order of rows, as in scikit-learn,
        unless partial_fit_shuffle='continue'. A model loaded from a pickle continues with its
        optimiser's moments if its last training was a `partial_fit`, or a `fit` with
        warm_start='optimizer'; after any other `fit` it starts with new ones.
        """
        validation = self._given_validation(X_val, y_val, sample_weight_val)
        return self._fit(X, y, sample_weight, validation, incremental=True)

    def predict(self, X: Matrix) -> Array:
        """Predict the targets.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The predictions. With a sequence of quantiles, the shape is (n_samples, n_levels),
            in the order of `quantile`.
        """
        fitted = vars(self)  # a fit replaces it: all that is read from it is of one fit
        outputs = self._outputs(X, fitted)
        levels = fitted["_levels"]
        if levels is None:
            return outputs[:, 0] if outputs.shape[1] == 1 else outputs
        if fitted["non_crossing"]:
            ranks = np.argsort(np.argsort(levels, kind="stable"), kind="stable")
            outputs = np.sort(outputs, axis=1)[:, ranks]
        return outputs

    @on_one_fit
    def score(self, X: Matrix, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """R^2 of the predictions; for several quantiles, the mean of their D^2.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Sample weights.

        Returns
        -------
        score : float
            At most 1. With a sequence of quantiles, the mean over the levels of
            `sklearn.metrics.d2_pinball_score`, which is 0 for a model that always predicts the
            quantiles of y.
        """
        check_is_fitted(self)
        if self._levels is None:
            return super().score(X, y, sample_weight)
        return mean_d2_score(y, self.predict(X), self._levels, sample_weight)

    def _check_parameters(self):
        super()._check_parameters()
        quantile_levels(self)

    def _warn_of_data(self, plan, data):
        super()._warn_of_data(plan, data)
        warn_of_target_scale(plan, data)
        warn_of_other_targets(data)

    def _training_data(self, X, y, sample_weight, *, validation, continues, incremental, classes):
        return regression_data(
            self, X, y, sample_weight, reset=not continues, validation=validation
        )
