"""Rows of X with their targets and weights, which a network reads in place, without a copy."""

# SPDX-License-Identifier: BSD-3-Clause
import numpy as np

from libc.stdint cimport int32_t

from rosenblatt.core.address cimport address

from rosenblatt.core.buffers import csr_parts


cdef class Examples:
    """Rows of X with their targets and weights, for a network.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), C-contiguous, or scipy CSR
        Must have the dtype of the network. Neither copied nor modified.
    targets : ndarray or None
        Targets of the loss: (n_samples, n_outputs) of X's dtype, or intp class indices
        (n_samples,).
    sample_weight : ndarray of shape (n_samples,) of X's dtype, or None
    """

    def __init__(self, X, targets=None, sample_weight=None):
        self.n_samples, self.n_features = X.shape
        self.inputs.n_features = self.n_features
        self.inputs.is_sparse = not isinstance(X, np.ndarray)
        if self.inputs.is_sparse:
            self.csr_parts = csr_parts(X)
            self.inputs.csr.values = address(self.csr_parts[0])
            self.inputs.csr.columns = <const int32_t *> address(self.csr_parts[1])
            self.inputs.csr.starts = <const Py_ssize_t *> address(self.csr_parts[2])
            X = self.csr_parts[0]
        else:
            X = np.require(X, requirements=["C", "A"])
            self.inputs.rows = address(X)
        if targets is not None:
            targets = np.require(targets, requirements=["C", "A"])
            if len(targets) != self.n_samples:
                raise ValueError(f"targets have {len(targets)} rows, X has {self.n_samples}.")
        if sample_weight is not None:
            sample_weight = np.require(sample_weight, X.dtype, requirements=["C", "A"])
            if sample_weight.shape != (self.n_samples,):
                raise ValueError(f"sample_weight has the shape {sample_weight.shape}, X has "
                                 f"{self.n_samples} rows.")
        self.X = X
        self.targets = targets
        self.sample_weight = sample_weight
        self.inputs.targets = NULL if targets is None else address(targets)
        self.inputs.weights = NULL if sample_weight is None else address(sample_weight)


def span_of(rows):
    """(lowest, highest) of an array of row numbers."""
    return (int(rows.min()), int(rows.max())) if len(rows) else (0, -1)
