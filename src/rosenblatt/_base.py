"""What the three estimators share: the link to their documentation, checked sample weights,
and the promise that a call that fails leaves the estimator as it was. No training here.
"""

# SPDX-License-Identifier: BSD-3-Clause
import contextlib
import numbers
import sys
import warnings

import numpy as np
from numpy.random.bit_generator import ISeedSequence
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_array

from rosenblatt._links import estimator_page

# what scikit-learn's callbacks keep in an estimator while it is fitted
_OF_A_RUNNING_FIT = ("_callback_fit_ctx", "_skl_callbacks_to_teardown", "_parent_callback_ctx")


class RosenblattEstimator(BaseEstimator):
    """Base class of the package's estimators."""

    _doc_link_module = "rosenblatt"
    _doc_link_template = estimator_page()

    def __getstate__(self):
        """Without what belongs to a fit that is under way, in which a callback may pickle."""
        state = super().__getstate__()
        return {name: value for name, value in state.items() if name not in _OF_A_RUNNING_FIT}

    @contextlib.contextmanager
    def _unchanged_on_error(self):
        """Puts every attribute back when the block raises: bad input costs no fitted model."""
        before = dict(vars(self))
        try:
            yield
        except BaseException:
            vars(self).clear()
            vars(self).update(before)
            raise


def warn_user(message, category=UserWarning):
    """Warns at the line of the first caller outside this package."""
    frame, level = sys._getframe(1), 2
    # scikit-learn's callbacks wrap what the estimators do
    inside = ("rosenblatt.", "sklearn.callback.")
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(inside):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


@contextlib.contextmanager
def numbers_of(name):
    """Integers of the block that are too large for a float are a ValueError that names them."""
    try:
        yield
    except OverflowError as error:
        raise ValueError(
            f"{name} has an integer beyond {sys.float_info.max:.2g}, the largest number of "
            "float64: scale it down."
        ) from error


class _NoEntropy(ISeedSequence):
    """Zeros in place of the words that a new generator begins with."""

    words = np.zeros(624, np.uint32)

    def generate_state(self, n_words, dtype=np.uint32):
        """What MT19937 asks for; its seed follows."""
        return self.words


def random_state_from(random_state):
    """scikit-learn's `check_random_state`, which for a seed takes a fifth of the time.

    NumPy hashes entropy for a new generator, which the seed then replaces: in a fit to a small
    table that is a sixth of all time.
    """
    if not isinstance(random_state, numbers.Integral):
        return check_random_state(random_state)
    generator = np.random.RandomState(np.random.MT19937(_NoEntropy()))
    generator.seed(random_state)
    return generator


def checked_sample_weight(sample_weight, n_samples, dtype):
    """The weights as a contiguous array of shape (n_samples,), or None.

    Raises
    ------
    ValueError
        If they are not one number, or one number per row, not finite, or all zero.
    """
    if sample_weight is None:
        return None
    with numbers_of("sample_weight"):
        if isinstance(sample_weight, numbers.Number):
            sample_weight = np.full(n_samples, sample_weight, dtype=dtype)
        weights = check_array(
            sample_weight,
            ensure_2d=False,
            dtype=(np.float64, np.float32),
            order="C",
            input_name="sample_weight",
        )
    if weights.ndim != 1:
        raise ValueError(
            f"Sample weights must be 1D array or scalar, got {weights.ndim}D array. Expected "
            f"either a scalar value or a 1D array of length {n_samples}."
        )
    if weights.shape != (n_samples,):
        raise ValueError(f"sample_weight.shape == {weights.shape}, expected {(n_samples,)}!")
    if not weights.any():
        raise ValueError("Sample weights must contain at least one non-zero number.")
    with np.errstate(over="ignore"):
        weights = np.require(weights, dtype=dtype, requirements=["C", "A"])
    if not np.isfinite(weights).all():
        raise ValueError(f"sample_weight has values too large for {np.dtype(dtype)}.")
    if not weights.any():
        raise ValueError(f"All of sample_weight is too small for {np.dtype(dtype)}: scale it up.")
    return weights
