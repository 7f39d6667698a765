"""Fixtures for tests of plots: no display, and all figures are closed."""

import pytest


@pytest.fixture(autouse=True)
def no_screen():
    """Draws into memory; where matplotlib is not installed there is nothing to test."""
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg", force=True)
    from matplotlib import pyplot as plt

    before = matplotlib.rcParams.copy()
    yield
    assert matplotlib.rcParams == before
    plt.close("all")
