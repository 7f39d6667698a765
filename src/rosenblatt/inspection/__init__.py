"""What training does to a network, seen from where it is: public names only.

It stands above the estimators, which know nothing of it.
"""

# SPDX-License-Identifier: BSD-3-Clause
from rosenblatt.inspection._objective import gradient, hessian_vector_product, loss
from rosenblatt.inspection._stuck import StuckReport, stuck

__all__ = ["StuckReport", "gradient", "hessian_vector_product", "loss", "stuck"]
