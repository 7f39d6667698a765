"""Estimators for raw tables with text, dates, missing values and skewed numbers."""

# SPDX-License-Identifier: BSD-3-Clause
from rosenblatt.tabular._estimators import TabularMLPClassifier, TabularMLPRegressor

__all__ = ["TabularMLPClassifier", "TabularMLPRegressor"]
