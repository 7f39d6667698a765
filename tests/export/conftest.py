"""Fixtures of the tests of export."""

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def same_networks_every_time():
    """Estimators without random_state draw from NumPy's global generator: errors of rounding, which
    the tests bound, are then those of the last run."""
    state = np.random.get_state()
    np.random.seed(0)
    yield
    np.random.set_state(state)
