"""The perceptron: parameters, documentation, the draws of a fit, and calls to the core.

No arithmetic here: the rule is in core/perceptron.h, epochs and stopping in core/perceptron.pyx.
"""

# SPDX-License-Identifier: BSD-3-Clause
import sys
import threading
import time
import warnings
from numbers import Integral, Real
from typing import Literal, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike
from sklearn.base import ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_array, check_is_fitted

from rosenblatt._base import (
    RosenblattEstimator,
    ScikitLearnTwinMixin,
    on_one_fit,
    warn_user,
)
from rosenblatt._callback_calls import CallbackSupportMixin, ScikitLearnTasks, with_callbacks
from rosenblatt._classes import (
    checked_labels,
    class_weights,
    partial_fit_classes,
    refuse_one_class,
)
from rosenblatt._data import checked_pair, checked_rows, is_plain, training_sample_weight
from rosenblatt._interruption import Interruption
from rosenblatt._memory import refuse_beyond_memory
from rosenblatt._parameter_checks import Interval, Options, validate_parameters
from rosenblatt._parameter_rows import Parameter, documented, keep_parameters, rules_of
from rosenblatt._types import Array, ClassWeight, Matrix, RandomState
from rosenblatt._validation_set import random_split
from rosenblatt.core.buffers import csr_parts
from rosenblatt.core.perceptron import PerceptronTrainer, Rows, permutation

_LARGEST_SEED = np.iinfo(np.int32).max


class _Generator(threading.local):
    """A generator for each thread: a new one takes as long as an epoch of a small fit."""

    def __init__(self):
        self.random_state = np.random.RandomState(0)

    def seeded(self, seed):
        """RandomState(seed), until the next call."""
        self.random_state.seed(seed)
        return self.random_state


_GENERATOR = _Generator()


PARAMETERS = {
    "penalty": Parameter(
        "{'l2', 'l1', 'elasticnet'} or None",
        """
        The penalty, added to the objective: alpha * ((1 - r) / 2 * ||w||_2^2 + r * ||w||_1), with
        r = 0 for 'l2', 1 for 'l1' and `l1_ratio` for 'elasticnet'. The l2 part multiplies w
        by max(0, 1 - (1 - r) * eta0 * alpha) at every row before the step; the l1 part moves
        each weight by r * eta0 * alpha towards zero and not across it (Tsuruoka et al., 2009).
        """,
        [Options(str, {"l2", "l1", "elasticnet"}), None],
    ),
    "alpha": Parameter(
        "float >= 0",
        """
        Strength of the penalty. Only used with a penalty.
        """,
        [Interval(Real, 0, None)],
    ),
    "l1_ratio": Parameter(
        "float in [0, 1]",
        """
        The share of the l1 penalty. Only used when penalty='elasticnet'.
        """,
        [Interval(Real, 0, 1, closed="both")],
    ),
    "fit_intercept": Parameter(
        "bool",
        """
        Whether to learn the intercept b; otherwise it keeps its initial value, 0.
        """,
        ["boolean"],
    ),
    "max_iter": Parameter(
        "int >= 1",
        """
        Maximum number of passes over the training rows (epochs). `partial_fit` always makes one.
        """,
        [Interval(Integral, 1, None)],
    ),
    "tol": Parameter(
        "float >= 0 or None",
        """
        A class stops when its objective, the mean over an epoch of max(0, -t * p) and the
        penalty, has not fallen below its lowest value by more than `tol` for
        `n_iter_no_change` consecutive epochs; with `early_stopping`, when its accuracy on the
        validation set has not risen by more than `tol`. None trains for `max_iter` epochs.
        """,
        [Interval(Real, 0, None), None],
    ),
    "shuffle": Parameter(
        "bool",
        """
        Whether to shuffle the rows before each epoch; see Notes.
        """,
        ["boolean"],
    ),
    "verbose": Parameter(
        "int >= 0",
        """
        If 1 or more, progress is printed after each epoch.
        """,
        ["verbose"],
    ),
    "eta0": Parameter(
        "float > 0",
        """
        The constant by which updates are multiplied.
        """,
        [Interval(Real, 0, None, closed="neither")],
    ),
    "n_jobs": Parameter(
        "int or None",
        """
        Ignored, accepted for compatibility with scikit-learn: all classes are learned together
        in one pass over the data, on one thread.
        """,
        [Integral, None],
    ),
    "random_state": Parameter(
        "int in [0, 2**32 - 1], RandomState or None",
        """
        Determines the shuffling and the validation set. None uses NumPy's global random state.
        """,
        ["random_state"],
    ),
    "early_stopping": Parameter(
        "bool",
        """
        Whether to set aside a stratified validation set and stop by its score. The last weights
        are kept, not the best ones.
        """,
        ["boolean"],
    ),
    "validation_fraction": Parameter(
        "float in (0, 1)",
        """
        The share of rows set aside by `early_stopping`.
        """,
        [Interval(Real, 0, 1, closed="neither")],
    ),
    "n_iter_no_change": Parameter(
        "int >= 1",
        """
        The number of epochs without improvement after which a class stops.
        """,
        [Interval(Integral, 1, None)],
    ),
    "class_weight": Parameter(
        "dict, 'balanced' or None",
        """
        Weight c of each class, {label: weight}, for rows that belong to the class being learned
        (with more than two classes, the rows of the other classes have c = 1). 'balanced' is
        n_samples / (n_classes * count of the class); None is 1.
        """,
        [Options(str, {"balanced"}), dict, None],
    ),
    "warm_start": Parameter(
        "bool",
        """
        Whether `fit` starts from the current `coef_` and `intercept_`.
        """,
        ["boolean"],
    ),
    "average": Parameter(
        "bool or int >= 1",
        """
        If True, `coef_` and `intercept_` are the mean of their values after each row, over all
        rows of all epochs, instead of the last values (Freund & Schapire, 1999). An int starts
        the mean at that row, counted from 1 across epochs; before it, the last values are used.
        """,
        [Interval(Integral, 0, None, closed="neither"), "boolean"],
    ),
}


@documented
class PerceptronClassifier(
    ClassifierMixin, CallbackSupportMixin, ScikitLearnTwinMixin, RosenblattEstimator
):
    """Rosenblatt's perceptron: a linear classifier that learns from its mistakes, row by row.

    For a row x with target t (+1 for the class, -1 for the others) and score
    p = w . x + b, the weights change only if the sign is wrong or the score is zero::

        if t * p <= 0:    w += eta0 * c * s * t * x    and    b += eta0 * c * s * t

    with the row's class weight c and sample weight s. Two classes have one such w, more have
    one for each class against all others; all of them learn in the same pass over the rows.
    If some w separates the classes, the rule finds one after finitely many mistakes.

    With the same parameters this is scikit-learn's `Perceptron`. In float64 on dense data it
    gives the same model: always for two classes, for more classes if shuffle=False. `average` is
    an addition.

    Parameters
    ----------
    @PARAMETERS@
    Attributes
    ----------
    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
        The weights, float32 or float64 like the training data. With two classes there is one
        row, and positive scores mean `classes_[1]`. May be edited or assigned: predictions,
        `warm_start` and `partial_fit` use the current values.

    intercept_ : ndarray of shape (1,) or (n_classes,)

    classes_ : ndarray of shape (n_classes,)
        The sorted class labels.

    n_iter_ : int
        Number of epochs until the last class stopped.

    t_ : float
        1 + n_iter_ * n_samples, summed over calls of `partial_fit`.

    n_features_in_ : int

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if the feature names of X are all strings.

    Notes
    -----
    Rows are shuffled as in scikit-learn: by the Fisher-Yates algorithm with a 32-bit xorshift
    generator, which is seeded with the same seed in every epoch and applied to the order of the
    last epoch. For two classes the seed is the second draw of ``randint(2**31 - 1)`` from
    `random_state` (the first draw is made as in scikit-learn, but unused). For more classes,
    scikit-learn shuffles separately for each class; this class uses one order for all classes,
    the one that scikit-learn would use for the first of them.

    Sparse data give the same model as dense data. scikit-learn makes the intercept's step a
    hundred times smaller for sparse data; this class does not.

    References
    ----------
    F. Rosenblatt (1958). The perceptron: a probabilistic model for information storage and
    organization in the brain. Psychological Review 65(6), 386-408.

    Y. Freund and R. E. Schapire (1999). Large margin classification using the perceptron
    algorithm. Machine Learning 37(3), 277-296.

    Y. Tsuruoka, J. Tsujii and S. Ananiadou (2009). Stochastic gradient descent training for
    l1-regularized log-linear models with cumulative penalty. ACL-IJCNLP, 477-485.

    Examples
    --------
    One neuron learns the logical AND:

    >>> from rosenblatt import PerceptronClassifier
    >>> X = [[0, 0], [0, 1], [1, 0], [1, 1]]
    >>> neuron = PerceptronClassifier(tol=None, max_iter=10).fit(X, [0, 0, 0, 1])
    >>> neuron.predict(X)
    array([0, 0, 0, 1])
    """

    _parameter_table = PARAMETERS
    _parameter_rules = rules_of(PARAMETERS)

    coef_: Array
    intercept_: Array
    classes_: Array
    n_iter_: int
    t_: float

    def __init__(
        self,
        *,
        penalty: Literal["l2", "l1", "elasticnet"] | None = None,
        alpha: float = 0.0001,
        l1_ratio: float = 0.15,
        fit_intercept: bool = True,
        max_iter: int = 1000,
        tol: float | None = 1e-3,
        shuffle: bool = True,
        verbose: bool | int = 0,
        eta0: float = 1.0,
        n_jobs: int | None = None,
        random_state: RandomState = 0,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 5,
        class_weight: ClassWeight = None,
        warm_start: bool = False,
        average: bool | int = False,
    ) -> None:
        keep_parameters(self, locals())

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    # -- training -------------------------------------------------------------------------

    def fit(
        self,
        X: Matrix,
        y: ArrayLike | None = None,
        coef_init: ArrayLike | None = None,
        intercept_init: ArrayLike | None = None,
        sample_weight: ArrayLike | float | None = None,
    ) -> Self:
        """Train until every class has stopped, or for `max_iter` epochs.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            float32 and float64 are kept, other dtypes are converted to float64; sparse matrices
            are converted to CSR.

        y : array-like of shape (n_samples,)
            Class labels, numbers or strings, with at least two classes.

        coef_init : array-like of shape (n_classes, n_features), or (n_features,) or \
(1, n_features) for two classes, default=None
            Weights to start from instead of zeros. Copied.

        intercept_init : array-like of shape (n_classes,), or (1,) or () for two classes, \
default=None
            Intercepts to start from instead of zeros. Copied.

        sample_weight : float or array-like of shape (n_samples,), default=None
            Sample weights, which multiply the steps in addition to the class weights. None is 1
            for all rows.

        Returns
        -------
        self : PerceptronClassifier

        Raises
        ------
        ValueError
            For a parameter outside its range, data that are not finite numbers, fewer than
            two classes, starting weights of a wrong shape, and weights that overflow.
        MemoryError
            For weights that this machine cannot hold.

        Warns
        -----
        ConvergenceWarning
            If `max_iter` epochs were made although `tol` is set.
        UserWarning
            If training was interrupted from the keyboard: the weights so far are kept.
        """
        validate_parameters(self)
        with self._published_at_the_end() as (learner, publish):
            X, y, classes = learner._checked_data(X, y, reset=True)
            refuse_one_class(classes)
            if self.warm_start and hasattr(self, "coef_"):
                coef_init = self._dense_coef() if coef_init is None else coef_init
                intercept_init = self.intercept_ if intercept_init is None else intercept_init
            _refuse_too_large(self, X, len(classes))
            start = _starting_weights(coef_init, intercept_init, len(classes), X)
            learner.classes_ = classes
            learner.t_ = 1.0
            learner._average_state = None
            self._train(learner, publish, (X, y, sample_weight), start)
        if self.tol is not None and self.n_iter_ == self.max_iter:
            warnings.warn(
                "Maximum number of iteration reached before convergence. Consider increasing "
                "max_iter to improve the fit.",
                ConvergenceWarning,
                stacklevel=2,
            )
        return self

    def partial_fit(
        self,
        X: Matrix,
        y: ArrayLike | None = None,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | float | None = None,
    ) -> Self:
        """Make one pass over some rows, from the weights that are there.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        y : array-like of shape (n_samples,)
            Labels, all of them among the classes; not every class need be there.

        classes : array-like of shape (n_classes,), default=None
            All labels that will ever come. Needed in the first call only.

        sample_weight : float or array-like of shape (n_samples,), default=None
            As in `fit`.

        Returns
        -------
        self : PerceptronClassifier

        Raises
        ------
        ValueError
            As `fit`; for missing or changed `classes` and labels that are not among them; and,
            on an estimator that is not fitted, for class_weight='balanced' (which needs all
            labels at once) and for `early_stopping`.
        KeyboardInterrupt
            For Ctrl-C, so that it ends a loop of calls. The estimator is as it was before the call.
        """
        validate_parameters(self)
        with self._published_at_the_end() as (learner, publish):
            first = not hasattr(self, "classes_")
            if first:
                self._refuse_in_partial_fit()
            X, y, labels = learner._checked_data(X, y, reset=first)
            learner.classes_ = partial_fit_classes(labels, False, self, classes)
            refuse_one_class(learner.classes_)
            _refuse_too_large(self, X, len(learner.classes_))
            coef, intercept = (None, None) if first else (self._dense_coef(), self.intercept_)
            start = _starting_weights(
                coef, intercept, len(learner.classes_), X, ("coef_", "intercept_")
            )
            if first:
                learner.t_ = 1.0
                learner._average_state = None
            self._train(learner, publish, (X, y, sample_weight), start, incremental=True)
        return self

    def _refuse_in_partial_fit(self):
        if self.early_stopping:
            raise ValueError("early_stopping should be False with partial_fit")
        if isinstance(self.class_weight, str):
            raise ValueError(
                f"class_weight {self.class_weight!r} is not supported for partial_fit. In order "
                "to use 'balanced' weights, pass the dict that compute_class_weight('balanced', "
                "classes=classes, y=y) gives, for all the labels or a large enough sample."
            )

    def _checked_data(self, X, y, reset):
        """(X, y, the labels in y)."""
        X, y = checked_pair(self, X, y, reset=reset, multi_output=False)
        y, labels, _ = checked_labels(y)
        return X, y, labels

    @with_callbacks
    def _train(self, learner, publish, rows, start, *, incremental=False):
        """One fit or one pass, from the weights `start` to the learner's attributes."""
        X, y, sample_weight = rows
        n_samples, n_classes = X.shape[0], len(learner.classes_)
        max_iter = 1 if incremental else self.max_iter
        least = np.finfo(X.dtype).tiny
        weights = training_sample_weight(sample_weight, n_samples, X.dtype, least=least)
        encoded = np.searchsorted(learner.classes_, y).astype(np.intp, copy=False)
        own_step, other_step = learner._steps(encoded, n_classes)
        validation, order = self._draws(encoded, n_classes, weights)
        coef, intercept, average_from = learner._averaging_start(*start)
        l1_ratio = {"l1": 1.0, "elasticnet": self.l1_ratio}.get(self.penalty, 0.0)
        trainer = PerceptronTrainer(
            Rows(X, encoded, weights),
            coef,
            intercept,
            classes=[1] if n_classes == 2 else range(n_classes),
            n_classes=n_classes,
            own_step=own_step,
            other_step=other_step,
            alpha=0.0 if self.penalty is None else self.alpha,
            l1_ratio=l1_ratio,
            eta=self.eta0,
            count_penalty=self._objective_counts() and self.penalty is not None,
            fit_intercept=self.fit_intercept,
            average_from=average_from,
            order=order,
            validation=validation,
            max_iter=min(max_iter, sys.maxsize),
            patience=min(self.n_iter_no_change, sys.maxsize),
            tol=-np.inf if self.tol is None else self.tol,
        )
        tasks = None
        if getattr(self, "_skl_callbacks", []):
            metadata = None if sample_weight is None else {"sample_weight": sample_weight}
            tasks = ScikitLearnTasks(self, max_iter, {"X": X, "y": y, "metadata": metadata})
        t_before, average_before = learner.t_, learner._average_state

        def update_estimator(learned, n_epochs):
            learner.n_iter_, learner.t_ = n_epochs, t_before + n_epochs * n_samples
            learner._set_weights(learned, average_before)
            publish()

        _run(learner, trainer, tasks, update_estimator, Interruption(is_noted=not incremental))
        update_estimator(trainer.learned, int(trainer.n_epochs.max()))
        if tasks is not None:
            tasks.end_fit()

    def _objective_counts(self):
        """Whether anything looks at the objective: the stopping rule, or a person."""
        return bool(self.verbose) or (self.tol is not None and not self.early_stopping)

    def _steps(self, encoded, n_classes):
        """Lengths of the steps of each class's weights: for its own rows and for the others."""
        weight = np.ones(n_classes)
        if self.class_weight is not None:
            counts = np.bincount(encoded, minlength=len(self.classes_))
            weight = class_weights(self.classes_, counts, self.class_weight)
        if n_classes == 2:
            return self.eta0 * weight[1:], self.eta0 * weight[:1]
        return self.eta0 * weight, np.full(n_classes, self.eta0)

    def _draws(self, encoded, n_classes, weights):
        """(mask of the validation rows or None, permutation of an epoch or None).

        The order of the draws is scikit-learn's, whether `random_state` is a seed or a
        generator: for two classes the first seed, the split, the second seed; for more the
        split, then a seed for each class, from which the first class's two are drawn.
        """
        validation, order = None, None
        if n_classes > 2 and self.early_stopping:
            validation = self._validation_mask(encoded, weights)
        if isinstance(self.random_state, Integral):
            random_state = _GENERATOR.seeded(self.random_state)
        else:
            random_state = check_random_state(self.random_state)
        if n_classes > 2:
            seeds = random_state.randint(_LARGEST_SEED, size=n_classes)
            random_state = _GENERATOR.seeded(seeds[0])
        random_state.randint(1, _LARGEST_SEED)
        if n_classes == 2 and self.early_stopping:
            validation = self._validation_mask(encoded, weights)
        seed = random_state.randint(_LARGEST_SEED)
        if self.shuffle:
            order = permutation(len(encoded), seed)
        return validation, order

    def _validation_mask(self, encoded, weights):
        _, rows = random_split(
            np.arange(len(encoded)), self.validation_fraction, self.random_state, encoded
        )
        if weights is not None and not np.any(weights[rows] > 0):
            raise ValueError(
                "The sample weights for validation set are all zero, consider using a different "
                "random state."
            )
        mask = np.zeros(len(encoded), dtype=np.bool_)
        mask[rows] = True
        return mask

    # -- averaging ------------------------------------------------------------------------

    def _averaging_start(self, coef, intercept):
        """(coef, intercept) to start from, and the row of this call that averaging starts with.

        A mean goes on where the last call of partial_fit left it, as long as coef_ and
        intercept_ are still that mean; else it starts anew from them.
        """
        if not self.average:
            self._average_state = None
            return coef, intercept, 0
        state = getattr(self, "_average_state", None)
        if state is not None:
            mean = _mean_weights(state)
            if not (np.array_equal(mean[0], coef) and np.array_equal(mean[1], intercept)):
                self._average_state = state = None
        if state is not None:
            coef, intercept = state["coef"], state["intercept"]
        return coef, intercept, min(max(1, int(self.average) - int(self.t_) + 1), sys.maxsize)

    def _set_weights(self, learned, before):
        """Makes what was learned, or its mean with the rows of a state `before`, the attributes."""
        if not self.average:
            self.coef_, self.intercept_ = learned.coef, learned.intercept
            _refuse_infinite(self.coef_)
            return
        state = {
            "coef": learned.coef,
            "intercept": learned.intercept,
            "coef_sum": learned.coef_sum,
            "intercept_sum": learned.intercept_sum,
            "count": learned.n_averaged,
        }
        if before is not None:
            for name in ("coef_sum", "intercept_sum", "count"):
                state[name] = state[name] + before[name]
        self._average_state = state
        self.coef_, self.intercept_ = _mean_weights(state)
        _refuse_infinite(self.coef_)

    # -- prediction -----------------------------------------------------------------------

    @on_one_fit
    def decision_function(self, X: Matrix) -> Array:
        """The scores X @ coef_.T + intercept_.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        scores : ndarray of shape (n_samples,) or (n_samples, n_classes)
            For two classes one score a row, positive for `classes_[1]`.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If X has another number of features or is a CSR matrix that points outside itself,
            or `coef_` or `intercept_` was assigned a wrong shape.
        """
        if not is_plain(self, X, reset=False):
            check_is_fitted(self)
            X = checked_rows(self, X)
        coef, intercept = self._checked_coef(), np.asarray(self.intercept_)
        n_rows = 1 if len(self.classes_) == 2 else len(self.classes_)
        _check_shape("coef_", coef, [(n_rows, X.shape[1])])
        _check_shape("intercept_", intercept, [(n_rows,)])
        if sp.issparse(X):  # scipy's product does not check where its parts point
            X = sp.csr_array(csr_parts(X), shape=X.shape)
        scores = X @ coef.T
        if sp.issparse(scores):
            scores = scores.toarray()
        scores = np.asarray(scores) + intercept
        return scores.ravel() if n_rows == 1 else scores

    @on_one_fit
    def predict(self, X: Matrix) -> Array:
        """The class of each row: that of the highest score, or of its sign for two classes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        y : ndarray of shape (n_samples,)
            Of the labels' dtype.
        """
        scores = self.decision_function(X)
        best = (scores > 0).astype(np.intp) if scores.ndim == 1 else scores.argmax(axis=1)
        return self.classes_[best]

    # -- storage --------------------------------------------------------------------------

    def densify(self) -> Self:
        """Make `coef_` an ndarray again, after `sparsify`.

        Returns
        -------
        self : PerceptronClassifier
        """
        check_is_fitted(self)
        self.coef_ = self._dense_coef()
        return self

    def sparsify(self) -> Self:
        """Make `coef_` a CSR array, which is smaller where most weights are zero.

        Predictions and further training go on as before.

        Returns
        -------
        self : PerceptronClassifier
        """
        check_is_fitted(self)
        self.coef_ = sp.csr_array(self.coef_)
        return self

    def _dense_coef(self):
        coef = self._checked_coef()
        return coef.toarray() if sp.issparse(coef) else coef

    def _checked_coef(self):
        """`coef_`, of whose sparse form, which may be edited, scipy does not check the parts."""
        coef = self.coef_
        if not sp.issparse(coef):
            return coef
        if coef.format != "csr":
            raise ValueError(
                f"coef_ must be an array or a CSR matrix, got one of format {coef.format!r}: "
                "coef_.tocsr() makes one."
            )
        return sp.csr_array(csr_parts(coef, "coef_"), shape=coef.shape)


def _run(estimator, trainer, tasks, update_estimator, interruption):
    """Trains to the end, until a callback says so, or until the keyboard interrupts.

    `update_estimator` makes what was learned, and in how many epochs, the estimator's attributes.
    """
    started, stops = time.perf_counter(), False
    by_epochs = bool(estimator.verbose) or tasks is not None
    with interruption:
        while not (trainer.done or stops or interruption.requested):
            if estimator.verbose and not trainer.in_epoch:
                print(f"-- Epoch {trainer.epoch + 1}")
            if tasks is not None and not trainer.in_epoch:
                tasks.begin_epoch()
            report = trainer.advance(one_epoch=by_epochs)
            if report and estimator.verbose:
                _print(estimator, report, trainer.epoch, time.perf_counter() - started)
            if report and tasks is not None and not trainer.overflow:
                update_estimator(trainer.so_far(), trainer.epoch)
                stops = tasks.end_epoch()
        if not trainer.done:
            trainer.stop()
    if interruption.requested:
        warn_user("Training interrupted by user.")
    if trainer.overflow:
        raise ValueError(
            f"Floating-point under-/overflow occurred at epoch #{trainer.epoch}. Scaling "
            "input data with StandardScaler or MinMaxScaler might help, and so might "
            f"smaller steps: eta0={estimator.eta0!r}, class_weight and sample_weight multiply "
            "each."
        )


def _print(estimator, report, epoch, seconds):
    for row in report:
        if len(estimator.classes_) > 2:
            print(f"Class {estimator.classes_[row['column']]}:", end=" ")
        print(
            f"Norm: {row['norm']:.2f}, NNZs: {row['n_nonzero']}, "
            f"Bias: {row['intercept']:.6f}, T: {row['n_learned']}, "
            f"Avg. loss: {row['loss']:f}, Objective: {row['objective']:f}",
            end="\n" if row["score"] is None else f", Validation score: {row['score']:f}\n",
        )
    print(f"Total training time: {seconds:.2f} seconds.")
    for row in report:
        if row["stopped"]:
            if len(estimator.classes_) > 2:
                print(f"Class {estimator.classes_[row['column']]}:", end=" ")
            print(f"Convergence after {epoch} epochs took {seconds:.2f} seconds")


def _refuse_too_large(estimator, X, n_classes):
    """Raises MemoryError for weights that this machine cannot hold, before any work."""
    n_columns, n_features = 1 if n_classes == 2 else n_classes, X.shape[1]
    averages, shrinks = bool(estimator.average), estimator.penalty in ("l1", "elasticnet")
    # while they are learned, feature by feature, and as they are handed over, class by class;
    # with averaging their sums both times, and the mean
    n_copies = 2 + 3 * averages + shrinks
    needed = n_copies * n_columns * n_features * X.dtype.itemsize
    refuse_beyond_memory(
        needed, f"X has {n_features:,} features and y has {n_classes} classes: training"
    )


def _check_shape(name, array, allowed):
    if array.shape not in allowed:
        shapes = " or ".join(map(str, allowed))
        raise ValueError(f"{name} must have shape {shapes}, got {array.shape}.")


def _starting_weights(coef, intercept, n_classes, X, names=("coef_init", "intercept_init")):
    """(coef, intercept) of X's dtype and of full shape, zero where None is given."""
    n_rows, n_features = 1 if n_classes == 2 else n_classes, X.shape[1]
    starts = []
    for name, given, shape in zip(
        names, (coef, intercept), ((n_rows, n_features), (n_rows,)), strict=True
    ):
        if given is None:
            starts.append(np.zeros(shape, dtype=X.dtype))
            continue
        array = check_array(
            given, dtype=X.dtype, ensure_2d=False, ensure_min_samples=0, input_name=name
        )
        _check_shape(name, array, [shape, shape[1:]] if n_rows == 1 else [shape])
        starts.append(array.reshape(shape))
    return starts


def _mean_weights(state):
    """(coef, intercept): the mean over the averaged rows, or the last ones if there are none."""
    count = state["count"]
    if not count.all():
        return state["coef"].copy(), state["intercept"].copy()
    dtype = state["coef"].dtype
    coef = (state["coef_sum"] / count[:, np.newaxis]).astype(dtype)
    return coef, (state["intercept_sum"] / count).astype(dtype)


def _refuse_infinite(coef):
    # the sums that are averaged can overflow where the weights themselves do not
    if not np.isfinite(coef).all():
        raise ValueError(
            "Floating-point under-/overflow occurred in the mean of the weights. Scaling input "
            "data with StandardScaler or MinMaxScaler might help."
        )
