"""Neural network estimators for people who use scikit-learn."""

# SPDX-License-Identifier: BSD-3-Clause
from rosenblatt import callbacks, schedules
from rosenblatt._config import __version__, show_config
from rosenblatt.mlp import MLPClassifier, MLPRegressor
from rosenblatt.perceptron import PerceptronClassifier

__all__ = [
    "MLPClassifier",
    "MLPRegressor",
    "PerceptronClassifier",
    "__version__",
    "callbacks",
    "schedules",
    "show_config",
]
