"""Plots of networks and of their training, as displays in scikit-learn's style.

There is one file per display; common code is in `_style.py`. matplotlib is imported when a display
is drawn.
"""

# SPDX-License-Identifier: BSD-3-Clause
from rosenblatt.plot._diagnosis import DiagnosisDisplay
from rosenblatt.plot._loss_surface import LossSurfaceDisplay
from rosenblatt.plot._spectrum import SpectrumDisplay
from rosenblatt.plot._training import TrainingDisplay
from rosenblatt.plot._weights import WeightsDisplay

__all__ = [
    "DiagnosisDisplay",
    "LossSurfaceDisplay",
    "SpectrumDisplay",
    "TrainingDisplay",
    "WeightsDisplay",
]
