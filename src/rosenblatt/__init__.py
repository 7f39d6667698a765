"""Neural network estimators for people who use scikit-learn."""

# SPDX-License-Identifier: BSD-3-Clause
from rosenblatt import callbacks, schedules
from rosenblatt._config import __version__, show_config
from rosenblatt.mlp import MLPClassifier, MLPRegressor
from rosenblatt.out_of_core._dataset import Dataset
from rosenblatt.perceptron import PerceptronClassifier

__all__ = [
    "Dataset",
    "MLPClassifier",
    "MLPRegressor",
    "PerceptronClassifier",
    "TabularMLPClassifier",
    "TabularMLPRegressor",
    "__version__",
    "callbacks",
    "diagnose",
    "inspection",
    "plot",
    "preprocessing",
    "schedules",
    "show_config",
]

# What stands above the estimators is imported when it is first used: a name, and the module it
# is or is found in.
_WHEN_USED = {
    "TabularMLPClassifier": "rosenblatt.tabular",
    "TabularMLPRegressor": "rosenblatt.tabular",
    "diagnose": "rosenblatt.diagnosis",
    "inspection": "rosenblatt.inspection",
    "plot": "rosenblatt.plot",
    "preprocessing": "rosenblatt.preprocessing",
}


def __getattr__(name):
    if name not in _WHEN_USED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    module = import_module(_WHEN_USED[name])
    return getattr(module, name, module)


def __dir__():
    return sorted({*globals(), *_WHEN_USED})
