"""Transformers that turn raw tables into inputs on which a network trains well.

They learn bins, scales, levels and target statistics. They do not train a network.
"""

# SPDX-License-Identifier: BSD-3-Clause
from rosenblatt.preprocessing._piecewise import PiecewiseLinearEncoder
from rosenblatt.preprocessing._preprocessor import TabularPreprocessor
from rosenblatt.preprocessing._scaler import RobustSmoothScaler

__all__ = ["PiecewiseLinearEncoder", "RobustSmoothScaler", "TabularPreprocessor"]
