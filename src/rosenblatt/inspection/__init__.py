"""Analysis of the training loss around a fitted network: public names only.

It uses the estimators; they do not depend on it.
"""

# SPDX-License-Identifier: BSD-3-Clause
from rosenblatt.inspection._approach import Approach, ApproachPath, approach_critical_point
from rosenblatt.inspection._critical_point import CriticalPoint, critical_point
from rosenblatt.inspection._escape import escape_saddle
from rosenblatt.inspection._hessian import Spectrum, hessian, hessian_spectrum
from rosenblatt.inspection._objective import gradient, hessian_vector_product, loss
from rosenblatt.inspection._sharpness import Sharpness, sharpness
from rosenblatt.inspection._stuck import StuckReport, stuck

__all__ = [
    "Approach",
    "ApproachPath",
    "CriticalPoint",
    "Sharpness",
    "Spectrum",
    "StuckReport",
    "approach_critical_point",
    "critical_point",
    "escape_saddle",
    "gradient",
    "hessian",
    "hessian_spectrum",
    "hessian_vector_product",
    "loss",
    "sharpness",
    "stuck",
]
