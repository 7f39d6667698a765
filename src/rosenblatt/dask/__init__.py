"""Multi-layer perceptrons that train on the workers of a dask cluster.

The estimators are in _estimators.py. dask is imported when they are fitted.
"""

# SPDX-License-Identifier: BSD-3-Clause
from rosenblatt.dask._estimators import DaskMLPClassifier, DaskMLPRegressor

__all__ = ["DaskMLPClassifier", "DaskMLPRegressor"]
