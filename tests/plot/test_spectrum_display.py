"""The plot of a spectrum shows the result of hessian_spectrum."""

from types import SimpleNamespace

import numpy as np
import pytest
from problems import digits, iris
from rendering import overlapping_texts
from sklearn.exceptions import NotFittedError

from rosenblatt import MLPClassifier, PerceptronClassifier
from rosenblatt.inspection import hessian_spectrum
from rosenblatt.plot import SpectrumDisplay

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

QUICK = {"k": 4, "n_probes": 2, "n_steps": 10, "random_state": 0, "progress": False}


def spectrum(scale=1.0, **fields):
    """Two hundred eigenvalues around 0 and one far off."""
    grid = np.linspace(-2, 12, 300) * scale
    density = (0.995 * np.exp(-(grid**2) / 2) + 0.005 * np.exp(-((grid - 10) ** 2) / 2)) / 2.5
    fields = {"trace": -12.34, "trace_error": 0.567, **fields}
    eigenvalues = np.array([-1.5, 9, 10]) * scale
    return SimpleNamespace(
        density_grid=grid, density=density, eigenvalues=eigenvalues, n_parameters=200, **fields
    )


def rug_of(display):
    return [segment[0, 0] for segment in display.rug_.get_segments()]


def test_density_rug_and_zero_are_drawn():
    """On a log scale that reaches down to single eigenvalues; the title has the trace."""
    found = spectrum()
    display = SpectrumDisplay.from_spectrum(found)
    np.testing.assert_array_equal(display.line_.get_xdata(), found.density_grid)
    np.testing.assert_array_equal(display.line_.get_ydata(), found.density)
    assert rug_of(display) == [-1.5, 9, 10]
    ax = display.ax_
    assert ax.get_yscale() == "log"
    low, high = ax.get_ylim()
    assert low < 0.005 / 2.5  # the one far off
    assert low > 1e-5
    assert high > found.density.max()
    assert ax.get_title() == (
        "Spectrum of the Hessian of 200 parameters\n"
        "trace \N{MINUS SIGN}12.3 \N{PLUS-MINUS SIGN} 0.57 (standard error)"
    )
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert sorted(labels) == ["3 extreme eigenvalues", "density", "zero"]
    (zero,) = [c for c in ax.collections if c.get_label() == "zero"]
    assert zero.get_segments()[0][:, 0].tolist() == [0, 0]
    assert ax.get_xlabel() == "eigenvalue of the Hessian"


def test_from_estimator_is_the_spectrum():
    """With the same options and seed, the same numbers."""
    X, y = iris()
    model = MLPClassifier((4,), max_iter=5, random_state=0).fit(X, y)
    display = SpectrumDisplay.from_estimator(model, X, y, intercepts=False, **QUICK)
    found = hessian_spectrum(model, X, y, intercepts=False, **QUICK)
    np.testing.assert_array_equal(display.line_.get_xdata(), found.density_grid)
    np.testing.assert_array_equal(display.line_.get_ydata(), found.density)
    np.testing.assert_array_equal(rug_of(display), found.eigenvalues)
    assert display.n_parameters == 28
    assert display.trace == found.trace


def test_spectra_are_compared_in_the_same_axes():
    """Each with its name, colour and row of ticks; both are seen to the lowest density."""
    first = SpectrumDisplay.from_spectrum(spectrum(), name="small batches")
    low = first.ax_.get_ylim()[0]
    second = SpectrumDisplay.from_spectrum(spectrum(scale=20), name="large", ax=first.ax_)
    assert second.ax_ is first.ax_
    labels = [text.get_text() for text in first.ax_.get_legend().get_texts()]
    minus = "\N{MINUS SIGN}"
    assert labels == [
        f"small batches, trace {minus}12.3",
        "zero",
        "extreme eigenvalues",
        f"large, trace {minus}12.3",
    ]
    assert first.ax_.get_title() == "Spectra of Hessians"
    assert first.line_.get_color() != second.line_.get_color()
    assert second.ax_.get_ylim()[0] < low
    tops = [display.rug_.get_segments()[0][1, 1] for display in (first, second)]
    assert tops[0] < tops[1]
    assert overlapping_texts(first.figure_) == []


def test_spectra_without_names_are_told_apart():
    """By numbers, and ticks of other colours."""
    first = SpectrumDisplay.from_spectrum(spectrum())
    second = SpectrumDisplay.from_spectrum(spectrum(scale=20), ax=first.ax_)
    labels = [text.get_text() for text in first.ax_.get_legend().get_texts()]
    assert [label for label in labels if "density" in label] == ["density", "density 2"]
    assert len(set(labels)) == len(labels)
    assert not np.array_equal(first.rug_.get_color(), second.rug_.get_color())


def test_spectrum_without_a_trace():
    """Nothing is said of it."""
    display = SpectrumDisplay.from_spectrum(spectrum(trace=None, trace_error=None), lw=3)
    assert display.ax_.get_title() == "Spectrum of the Hessian of 200 parameters"
    assert display.line_.get_linewidth() == 3


@pytest.mark.parametrize(
    ("model", "data", "error", "message"),
    [
        (MLPClassifier(), iris(), NotFittedError, "not fitted"),
        (PerceptronClassifier(), iris(), TypeError, "SpectrumDisplay requires a fitted"),
        (MLPClassifier((2,), max_iter=2).fit(*iris()), digits(), ValueError, "64 features"),
    ],
)
def test_bad_input_gets_the_way_out(model, data, error, message):
    """And no picture is begun."""
    from matplotlib import pyplot as plt

    with pytest.raises(error, match=message):
        SpectrumDisplay.from_estimator(model, *data)
    assert plt.get_fignums() == []
