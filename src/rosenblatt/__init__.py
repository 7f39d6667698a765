"""Neural network estimators for people who use scikit-learn."""

# SPDX-License-Identifier: BSD-3-Clause
from rosenblatt._config import __version__, show_config
from rosenblatt.mlp import MLPClassifier, MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor", "__version__", "show_config"]
