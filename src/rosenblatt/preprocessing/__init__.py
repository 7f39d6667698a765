"""Transformers that turn raw tables into what a network learns from quickly.

They learn bins, scales, levels and target statistics; they train no network.
"""

# SPDX-License-Identifier: BSD-3-Clause
from rosenblatt.preprocessing._piecewise import PiecewiseLinearEncoder
from rosenblatt.preprocessing._preprocessor import TabularPreprocessor
from rosenblatt.preprocessing._scaler import RobustSmoothScaler

__all__ = ["PiecewiseLinearEncoder", "RobustSmoothScaler", "TabularPreprocessor"]
