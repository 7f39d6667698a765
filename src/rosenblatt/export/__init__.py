"""Export of fitted models to ONNX, C, scikit-learn's classes and skops files.

There is one file for each format. They read fitted networks (FittedNetwork of _prediction.py), and
nothing else in the package depends on them.
"""

# SPDX-License-Identifier: BSD-3-Clause
from rosenblatt.export._c import to_c
from rosenblatt.export._onnx import to_onnx
from rosenblatt.export._skops import SKOPS_TYPES

__all__ = ["SKOPS_TYPES", "to_c", "to_onnx"]
