"""Ways of fitted models out of this package: ONNX, C, skops files.

They read fitted networks (FittedNetwork of _prediction.py); nothing else in the package knows of
them. scikit-learn's own classes, which the estimators convert to, are in _sklearn_conversion.py.
"""

# SPDX-License-Identifier: BSD-3-Clause
from rosenblatt.export._c import to_c
from rosenblatt.export._onnx import to_onnx
from rosenblatt.export._skops import SKOPS_TYPES

__all__ = ["SKOPS_TYPES", "to_c", "to_onnx"]
