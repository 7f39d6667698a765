"""The two estimators for raw tables: parameters, documentation, and calls to the stages of a fit.

There is no arithmetic here: training is in _fit.py, prediction in _ensemble.py.
"""

# SPDX-License-Identifier: BSD-3-Clause
import time
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from rosenblatt._base import RosenblattEstimator, on_one_fit
from rosenblatt._history import History
from rosenblatt._interruption import Interruption
from rosenblatt._links import with_links
from rosenblatt._parameter_checks import Interval, Options, validate_parameters
from rosenblatt._parameter_rows import keep_parameters
from rosenblatt._plan import thread_count
from rosenblatt._types import (
    Array,
    CategoricalFeatures,
    ClassWeight,
    MemberCallbacks,
    Preset,
    RandomState,
    Scoring,
)
from rosenblatt.out_of_core._dataset import refuse_dataset
from rosenblatt.preprocessing._object_columns import distinct_values
from rosenblatt.preprocessing._table_reader import ColumnSummary, TableReader
from rosenblatt.tabular._docstrings import ATTRIBUTES, CLASS_WEIGHT, PARAMETERS
from rosenblatt.tabular._ensemble import CHUNK_ROWS
from rosenblatt.tabular._fit import EnsembleFit
from rosenblatt.tabular._intervals import checked_levels, levels_of_interval
from rosenblatt.tabular._member_inputs import Rows
from rosenblatt.tabular._recipe import PRESETS
from rosenblatt.tabular._summary import summary_lines
from rosenblatt.tabular._targets import ClassTarget, NumberTarget

_AT_LEAST_ONE = Interval(Integral, 1, None, closed="left")


@with_links
class _TabularMLP(RosenblattEstimator):
    """Base class of the classifier and the regressor."""

    _parameter_rules = {  # noqa: RUF012 - read only
        "preset": [Options(str, tuple(PRESETS))],
        "time_limit": [None, Interval(Real, 0, None, closed="neither")],
        "categorical_features": [None, Options(str, ("from_dtype",)), "array-like"],
        "scoring": [None, "scoring", "scorer"],
        "n_members": [None, _AT_LEAST_ONE],
        "hidden_layer_sizes": [None, _AT_LEAST_ONE, "array-like"],
        "max_iter": [None, _AT_LEAST_ONE],
        "n_folds": [None, Interval(Integral, 2, None, closed="left")],
        "store_oof": ["boolean"],
        "n_jobs": [
            None,
            _AT_LEAST_ONE,
            Interval(Integral, None, -1, closed="right"),
        ],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
        "callbacks": [None, "functions"],
    }

    columns_: list[ColumnSummary]
    oof_prediction_: Array
    oof_score_: float
    oof_score_stderr_: float
    feature_importances_: Array
    n_epochs_: int
    n_folds_: int
    ended_by_: str | None

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return tags

    def fit(
        self,
        X: Any,
        y: Any = None,
        sample_weight: ArrayLike | None = None,
        *,
        groups: ArrayLike | None = None,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
        """Fit the ensemble to a raw table.

        Parameters
        ----------
        X : DataFrame of pandas or polars, or array-like, of shape (n_samples, n_features)
            Numbers, text, categories and dates; values may be missing. docs/tables.md describes the
            encoding of each kind of column; `summary` prints the encoding of the columns of X.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Class labels of any type for a classifier; numbers for a regressor, with one target or
            several.
        sample_weight : array-like of shape (n_samples,), default=None
            Sample weights, used in the loss, in the statistics of columns, in the choice of
            epochs, in calibration and in `oof_score_`.
        groups : array-like of shape (n_samples,), default=None
            Group labels; rows of the same group are in the same fold.
        X_val : like X, default=None
            Validation rows, used instead of folds: every network trains on all of X. Requires
            y_val.
        y_val : like y, default=None
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
            For invalid parameters, columns or targets, before any training; the message names
            them. The estimator is then unchanged.
        KeyboardInterrupt
            On Ctrl-C before a network has trained for one epoch.

        Warns
        -----
        UserWarning
            If text columns are not used; if Ctrl-C ended training before all networks were
            finished, in which case the ensemble consists of the finished ones; and if `time_limit`
            ended training before any network was finished.
        """
        started = time.monotonic()
        validate_parameters(self)
        refuse_dataset(X)
        with self._unchanged_on_error(), Interruption() as interruption:
            reader = TableReader(type(self).__name__)
            rows = self._rows(X, y, sample_weight, groups, reader)
            validation = self._validation(X_val, y_val, sample_weight_val, groups, reader, rows)
            fit = EnsembleFit(self, rows, validation, reader, interruption, started)
            return self._set_fitted(rows, reader, fit.run())

    def _rows(self, X, y, sample_weight, groups, reader):
        target = self._target(y, sample_weight)
        table = reader.fit_read(X, self.categorical_features, target.given_weight)
        check_consistent_length(table.numbers, target.y)
        if len(table) < 2:
            raise ValueError(
                f"{type(self).__name__} requires at least 2 rows, one of which is left out; got "
                f"n_samples = {len(table)}."
            )
        if not table.numbers.shape[1] and not table.codes.shape[1]:
            raise ValueError(
                "X has no usable column: "
                + ", ".join(f"{one.name!r} ({one.kind})" for one in reader.columns_[:10])
            )
        if groups is not None:
            groups = _checked_groups(groups, len(table))
        return Rows(table, target, groups)

    def _validation(self, X_val, y_val, sample_weight_val, groups, reader, rows):
        given = {"X_val": X_val, "y_val": y_val}
        missing = [name for name, value in given.items() if value is None]
        if len(missing) == 2:
            if sample_weight_val is not None:
                raise ValueError("sample_weight_val is provided, but X_val was not provided.")
            return None
        if missing:
            (other,) = set(given) - set(missing)
            raise ValueError(f"{other} is provided, but {missing[0]} was not provided.")
        if groups is not None:
            raise ValueError(
                "groups determines the folds, but with X_val there are no folds. Pass either "
                "groups or X_val."
            )
        target = self._target(y_val, sample_weight_val, like=rows.target)
        table = reader.read(X_val)
        check_consistent_length(table.numbers, target.y)
        return Rows(table, target)

    def _set_fitted(self, rows, reader, fitted):
        learned = {
            "_ensemble": fitted.ensemble,
            "n_features_in_": reader.n_features_in_,
            "columns_": reader.columns_,
            "oof_score_": fitted.score,
            "oof_score_stderr_": fitted.score_error,
            "feature_importances_": fitted.importances,
            "n_epochs_": fitted.plan.max_iter,
            "ended_by_": fitted.ended_by,
            "n_folds_": fitted.n_folds,
        }
        if rows.target.is_classification:
            learned["classes_"] = rows.target.classes
        if hasattr(reader, "feature_names_in_"):
            learned["feature_names_in_"] = reader.feature_names_in_
        if self.store_oof:
            learned["oof_prediction_"] = fitted.held_out_prediction
        self._publish(learned, ("feature_names_in_", "oof_prediction_"))
        return self

    @property
    def members_(self) -> list[Any]:
        """The networks, fitted to encoded rows."""
        check_is_fitted(self)
        return list(self._ensemble.members)

    @property
    def n_members_(self) -> int:
        """Number of networks in the ensemble."""
        return len(self.members_)

    @property
    def member_weights_(self) -> Array:
        """The weights of the networks in the mean."""
        check_is_fitted(self)
        return self._ensemble.weights

    @property
    def n_iter_(self) -> int:
        """The largest number of epochs that a network was trained for."""
        return max(member.n_iter_ for member in self.members_)

    @property
    def history_(self) -> list[History]:
        """The History of each network."""
        return [member.history_ for member in self.members_]

    def __sklearn_is_fitted__(self):
        return "_ensemble" in vars(self)

    @on_one_fit
    def encode(self, X: Any, member: int = 0) -> Array:
        """Encode rows as the input of one of the networks.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
        member : int, default=0
            An index into `members_`.

        Returns
        -------
        encoded : ndarray of float32 of shape (n_samples, n_inputs)
        """
        check_is_fitted(self)
        n_members = self.n_members_
        if not isinstance(member, Integral) or not -n_members <= member < n_members:
            raise ValueError(
                f"member must be an int in [{-n_members}, {n_members}), got {member!r}."
            )
        return self._ensemble.encode(self._ensemble.read(X), member)

    @on_one_fit
    def summary(self) -> None:
        """Print the encoding of every column and the networks of the ensemble."""
        check_is_fitted(self)
        print("\n".join(summary_lines(self)))

    def _read(self, X):
        """(Table of the rows, number of threads for prediction)."""
        check_is_fitted(self)
        table = self._ensemble.read(X)
        # joblib takes longer to return the number of threads than the prediction of one row takes
        return table, thread_count(self.n_jobs) if len(table) > CHUNK_ROWS else 1

    def _outputs(self, X):
        table, n_jobs = self._read(X)
        return self._ensemble.predict(table, n_jobs)


def _checked_groups(groups, n_rows):
    """The group number of each row."""
    groups = np.asarray(groups)
    if groups.shape != (n_rows,):
        raise ValueError(f"groups must have shape ({n_rows},), got {groups.shape}.")
    numbers, _ = distinct_values(groups, "groups")
    if (numbers < 0).any():
        row = int(np.argmax(numbers < 0))
        raise ValueError(f"groups must not be missing in any row, got {groups[row]} in row {row}.")
    return numbers


# what Python's own messages about arguments call it; the class is not one that users know
_TabularMLP.fit.__qualname__ = "fit"


@with_links
class TabularMLPClassifier(ClassifierMixin, _TabularMLP):
    __module__ = "rosenblatt.tabular"  # the public one: stored models name it
    __doc__ = f"""Classifier for raw tables: an ensemble of multi-layer perceptrons.

    Accepts raw tables, with text, missing values, dates and skewed numbers, and needs no tuning.
    Columns are encoded in several ways, according to their dtype; networks are trained on folds of
    the rows, each with early stopping on the fold that it leaves out; their mean probabilities are
    calibrated on out-of-fold predictions. docs/tables.md describes the encoding of each column.

    Parameters
    ----------
    {PARAMETERS.format(score="the accuracy", extra=CLASS_WEIGHT)}
    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The sorted class labels.

    {
        ATTRIBUTES.format(
            oof_shape="(n_samples, n_classes)",
            oof_kind="mean probabilities, calibrated,",
            member="MLPClassifier",
        )
    }
    See Also
    --------
    TabularMLPRegressor : The same ensemble for regression.
    MLPClassifier : A single network, for numeric arrays.

    References
    ----------
    D. Holzmueller, L. Grinsztajn, I. Steinwart, "Better by default: strong pre-tuned MLPs and
    boosted trees on tabular data", NeurIPS 2024. Y. Gorishniy, I. Rubachev, A. Babenko, "On
    embeddings for numerical features in tabular deep learning", NeurIPS 2022.

    Examples
    --------
    >>> from rosenblatt import TabularMLPClassifier
    >>> from sklearn.datasets import load_wine
    >>> X, y = load_wine(return_X_y=True, as_frame=True)
    >>> model = TabularMLPClassifier("fast", random_state=0).fit(X, y)
    >>> model.predict_proba(X[:5]).shape
    (5, 3)
    """

    def __init__(
        self,
        preset: Preset = "default",
        *,
        time_limit: float | None = None,
        categorical_features: CategoricalFeatures = "from_dtype",
        scoring: Scoring = None,
        class_weight: ClassWeight = None,
        n_members: int | None = None,
        hidden_layer_sizes: int | Sequence[int] | None = None,
        max_iter: int | None = None,
        n_folds: int | None = None,
        store_oof: bool = True,
        n_jobs: int | None = None,
        random_state: RandomState = None,
        verbose: bool | int = False,
        callbacks: MemberCallbacks = None,
    ) -> None:
        keep_parameters(self, locals())

    _parameter_rules = {  # noqa: RUF012 - read only
        **_TabularMLP._parameter_rules,
        "class_weight": [None, dict, Options(str, ("balanced",))],
    }

    classes_: Array

    def _target(self, y, sample_weight, like=None):
        name = "y" if like is None else "y_val"
        return ClassTarget(y, sample_weight, self.class_weight, like, name)

    @on_one_fit
    def predict(self, X: Any) -> Array:
        """Predict classes.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Columns of a DataFrame are matched by name.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            The predicted classes.
        """
        indices = self.predict_proba(X).argmax(axis=1)
        return self.classes_[indices]

    @on_one_fit
    def predict_proba(self, X: Any) -> Array:
        """Predict calibrated class probabilities.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Columns of a DataFrame are matched by name.

        Returns
        -------
        probabilities : ndarray of float64 of shape (n_samples, n_classes)
            Columns are in the order of `classes_`.
        """
        return self._outputs(X)

    @on_one_fit
    def predict_log_proba(self, X: Any) -> Array:
        """Predict the logarithms of the class probabilities.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Columns of a DataFrame are matched by name.

        Returns
        -------
        log_probabilities : ndarray of float64 of shape (n_samples, n_classes)
            Columns are in the order of `classes_`.
        """
        return np.log(self.predict_proba(X))


@with_links
class TabularMLPRegressor(RegressorMixin, _TabularMLP):
    __module__ = "rosenblatt.tabular"  # the public one: stored models name it
    __doc__ = f"""Regressor for raw tables: an ensemble of multi-layer perceptrons.

    Accepts raw tables, with text, missing values, dates and skewed numbers, and needs no tuning.
    Columns are encoded in several ways, according to their dtype; networks are trained on folds of
    the rows, each with early stopping on the fold that it leaves out. Targets are standardised
    internally, and predictions are clipped to the range of the training targets. `predict` returns
    the mean prediction of the networks; `predict_interval` and `predict_quantiles` describe the
    distribution of the target around it. docs/tables.md describes the encoding of each column.

    Parameters
    ----------
    {PARAMETERS.format(score="R^2", extra="")}
    Attributes
    ----------
    {
        ATTRIBUTES.format(
            oof_shape="(n_samples,) or (n_samples, n_targets)",
            oof_kind="mean prediction",
            member="MLPRegressor",
        )
    }
    See Also
    --------
    TabularMLPClassifier : The same ensemble for classification.
    MLPRegressor : A single network, for numeric arrays.

    References
    ----------
    D. Holzmueller, L. Grinsztajn, I. Steinwart, "Better by default: strong pre-tuned MLPs and
    boosted trees on tabular data", NeurIPS 2024. Y. Romano, E. Patterson, E. Candes,
    "Conformalized quantile regression", NeurIPS 2019.

    Examples
    --------
    >>> from rosenblatt import TabularMLPRegressor
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> model = TabularMLPRegressor("fast", random_state=0).fit(X, y)
    >>> model.predict_interval(X[:5], coverage=0.8).shape
    (5, 2)
    """

    def __init__(
        self,
        preset: Preset = "default",
        *,
        time_limit: float | None = None,
        categorical_features: CategoricalFeatures = "from_dtype",
        scoring: Scoring = None,
        n_members: int | None = None,
        hidden_layer_sizes: int | Sequence[int] | None = None,
        max_iter: int | None = None,
        n_folds: int | None = None,
        store_oof: bool = True,
        n_jobs: int | None = None,
        random_state: RandomState = None,
        verbose: bool | int = False,
        callbacks: MemberCallbacks = None,
    ) -> None:
        keep_parameters(self, locals())

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _target(self, y, sample_weight, like=None):
        scaling, name = (None, "y") if like is None else (like.scaling, "y_val")
        return NumberTarget(y, sample_weight, scaling, name)

    @on_one_fit
    def predict(self, X: Any) -> Array:
        """Predict targets.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Columns of a DataFrame are matched by name.

        Returns
        -------
        y : ndarray of float64 of shape (n_samples,) or (n_samples, n_targets)
            The predictions, within the range of the training targets.
        """
        prediction = self._outputs(X)
        return self._ensemble.decoder.in_shape_of_y(prediction)

    @on_one_fit
    def predict_interval(self, X: Any, coverage: float = 0.9) -> Array:
        """Predict intervals that contain the target with a given probability.

        The bounds are the quantiles (1 - coverage) / 2 and (1 + coverage) / 2 of
        `predict_quantiles`. The coverage is marginal: over rows from the distribution of the
        training rows, about the fraction `coverage` of the targets lies in the intervals. It is
        not guaranteed for an individual row.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Columns of a DataFrame are matched by name.
        coverage : float in (0, 1), default=0.9
            Probability that the interval contains the target. Values above 0.99 are treated as
            0.99.

        Returns
        -------
        intervals : ndarray of float64 of shape (n_samples, 2) or (n_samples, n_targets, 2)
            The lower and the upper bounds.
        """
        return self.predict_quantiles(X, levels_of_interval(coverage))

    @on_one_fit
    def predict_quantiles(self, X: Any, levels: ArrayLike) -> Array:
        """Predict quantiles of the conditional distribution of the target.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Columns of a DataFrame are matched by name.
        levels : array-like of shape (n_levels,)
            Quantile levels in (0, 1). They are clipped to [0.005, 0.995].

        Returns
        -------
        quantiles : ndarray of float64 of shape (n_samples, [n_targets,] n_levels)
            The quantiles in the order of `levels`. Quantiles do not cross: a higher level never
            has a lower value.
        """
        given = checked_levels(levels)
        table, n_jobs = self._read(X)
        order = np.argsort(given, kind="stable")
        quantiles = self._ensemble.quantiles(table, given[order], n_jobs)
        return self._ensemble.decoder.in_shape_of_y(quantiles[:, :, np.argsort(order)])
