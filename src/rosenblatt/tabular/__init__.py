"""Estimators for raw tables: text, gaps and skewed numbers go in as they come."""

# SPDX-License-Identifier: BSD-3-Clause
from rosenblatt.tabular._estimators import TabularMLPClassifier, TabularMLPRegressor

__all__ = ["TabularMLPClassifier", "TabularMLPRegressor"]
