"""Neural network estimators for people who use scikit-learn."""

# SPDX-License-Identifier: BSD-3-Clause
from typing import TYPE_CHECKING, Any

from rosenblatt import callbacks, schedules
from rosenblatt._config import __version__, show_config
from rosenblatt.mlp import MLPClassifier, MLPRegressor
from rosenblatt.out_of_core._dataset import Dataset
from rosenblatt.perceptron import PerceptronClassifier

if TYPE_CHECKING:  # what `_WHEN_USED` imports, for editors and type checkers
    from rosenblatt import inspection, plot, preprocessing
    from rosenblatt.diagnosis import diagnose
    from rosenblatt.export import SKOPS_TYPES, to_c, to_onnx
    from rosenblatt.tabular import TabularMLPClassifier, TabularMLPRegressor

__all__ = [
    "SKOPS_TYPES",
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
    "to_c",
    "to_onnx",
]

# What stands above the estimators is imported when it is first used: a name, and the module it
# is or is found in.
_WHEN_USED = {
    "SKOPS_TYPES": "rosenblatt.export",
    "TabularMLPClassifier": "rosenblatt.tabular",
    "TabularMLPRegressor": "rosenblatt.tabular",
    "diagnose": "rosenblatt.diagnosis",
    "inspection": "rosenblatt.inspection",
    "plot": "rosenblatt.plot",
    "preprocessing": "rosenblatt.preprocessing",
    "to_c": "rosenblatt.export",
    "to_onnx": "rosenblatt.export",
}


def __getattr__(name: str) -> Any:
    if name not in _WHEN_USED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    module = import_module(_WHEN_USED[name])
    return getattr(module, name, module)


def __dir__() -> list[str]:
    return sorted({*globals(), *_WHEN_USED})
