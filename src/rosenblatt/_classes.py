"""The classes of a classifier: validation of labels, their order, and class weights.

Shared by the networks and the perceptron. Classes are encoded for a loss in _data.py.
"""

# SPDX-License-Identifier: BSD-3-Clause
from numbers import Real

import numpy as np
import scipy.sparse as sp
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import (
    check_classification_targets,
    type_of_target,
    unique_labels,
)


def checked_labels(y):
    """(y, its sorted labels, whether it is an indicator matrix); sparse y is made dense.

    Raises
    ------
    ValueError
        If the targets are not classes, or have several columns that are not indicators.
    """
    if y.ndim == 1 and y.dtype.kind in "biu":
        # plain integers, which scikit-learn would scan five times
        labels = np.unique(y)
        if len(labels) > len(y) / 2:
            check_classification_targets(y)  # warns of so many, where there are rows enough
        return y, labels, False
    kind = type_of_target(y, input_name="y")
    if kind == "multiclass-multioutput":
        raise ValueError("Multioutput target data is not supported with label binarization")
    check_classification_targets(y)
    y = y.toarray() if sp.issparse(y) else y
    return y, unique_labels(y), kind.startswith("multilabel")


def refuse_one_class(classes):
    """Raise ValueError for fewer than two classes, with scikit-learn's message."""
    if len(classes) < 2:
        raise ValueError(
            f"The number of classes has to be greater than one; got {len(classes)} class"
        )


def fit_classes(labels, is_multilabel, estimator):
    """The classes for a call of `fit` with the labels of y; for a warm start those of the last fit.

    Raises
    ------
    ValueError
        If a warm start has other classes or another kind of target than the last fit.
    """
    known = getattr(estimator, "classes_", None)
    if known is None or not estimator.warm_start:
        return labels
    _refuse_other_kind(estimator, is_multilabel)
    if set(labels) != set(known):
        raise ValueError(
            "warm_start can only be used where `y` has the same classes as in the previous "
            f"call to fit. Previously got {known}, `y` has {labels}"
        )
    return labels


def partial_fit_classes(labels, is_multilabel, estimator, classes):
    """The classes for a call of `partial_fit`: those of earlier calls, or the argument `classes`.

    Raises
    ------
    ValueError
        If there are neither, they disagree, or y has other labels or is of another kind.
    """
    known = getattr(estimator, "classes_", None)
    if known is not None:
        _refuse_other_kind(estimator, is_multilabel)
    if known is None and classes is None:
        raise ValueError("classes must be passed on the first call to partial_fit.")
    if known is None:
        known = unique_labels(classes)
    elif classes is not None and not np.array_equal(known, unique_labels(classes)):
        raise ValueError(
            f"`classes={classes!r}` is not the same as on last call to partial_fit, was: {known!r}"
        )
    if len(np.setdiff1d(labels, known, assume_unique=True)):
        raise ValueError(
            "`y` has classes not in `self.classes_`. "
            f"`self.classes_` has {known}. 'y' has {labels}."
        )
    return known


def _refuse_other_kind(estimator, is_multilabel):
    was_multilabel = getattr(estimator, "_multilabel", False)
    if is_multilabel != was_multilabel:
        raise ValueError(
            "`y` must be of the same kind as in the first call, "
            f"{'an indicator matrix' if was_multilabel else '1-d labels'}."
        )


def class_weights(classes, counts, class_weight):
    """The weight of each class; `counts` are the numbers of rows."""
    if isinstance(class_weight, str):  # 'balanced'
        return counts.sum() / (np.count_nonzero(counts) * np.maximum(counts, 1))
    largest = float(np.finfo(float).max)  # a Python int can be larger without being infinite
    if not all(isinstance(w, Real) and 0 <= w <= largest for w in class_weight.values()):
        raise ValueError(f"class_weight must hold finite numbers >= 0, got {class_weight!r}.")
    return compute_class_weight(class_weight, classes=classes, y=classes).astype(float)
