"""Validates the `input_features` of `get_feature_names_out`, as scikit-learn's transformers do."""

# SPDX-License-Identifier: BSD-3-Clause
import numpy as np


def checked_input_names(estimator, input_features):
    """The names of the input columns, as a list.

    Raises
    ------
    ValueError
        If the names differ from those of `fit`, or their number is wrong.
    """
    fitted = getattr(estimator, "feature_names_in_", None)
    n_features = estimator.n_features_in_
    if input_features is None:
        return [f"x{j}" for j in range(n_features)] if fitted is None else list(fitted)
    names = np.asarray(input_features, dtype=object)
    if fitted is not None and not np.array_equal(fitted, names):
        raise ValueError("input_features is not equal to feature_names_in_")
    if len(names) != n_features:
        raise ValueError(
            "input_features should have length equal to number of features "
            f"({n_features}), got {len(names)}"
        )
    return list(names)
