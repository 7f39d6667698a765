"""SpectrumDisplay: how the eigenvalues of a Hessian are spread.

It draws what `rosenblatt.inspection.hessian_spectrum` found, and computes nothing itself.
"""

# SPDX-License-Identifier: BSD-3-Clause
from typing import Any

import numpy as np

from rosenblatt._types import Matrix, RandomState
from rosenblatt.inspection._hessian import hessian_spectrum
from rosenblatt.inspection._objective import network_in
from rosenblatt.plot import _style

BELOW = 0.1  # the lowest density shown, of that of one eigenvalue spread over the whole range
RUG_HEIGHT = 0.06  # of the axes


class SpectrumDisplay:
    """The density of a Hessian's eigenvalues, with the extreme ones and zero marked.

    The density is on a log scale: most eigenvalues lie near zero, and the few far from it decide
    how training goes. Eigenvalues below zero are directions in which the loss falls to both
    sides. The density is smoothed, so a peak at zero is as wide as the smoothing; the extreme
    eigenvalues, the ticks at the bottom, are not. Make it with `from_estimator` or, for a
    computed spectrum, `from_spectrum`.

    Parameters
    ----------
    density_grid, density : array-like of shape (n_points,)
        The grid, ascending, and the density of eigenvalues on it.
    eigenvalues : array-like of shape (k,)
        The extreme eigenvalues.
    n_parameters : int
        The number of eigenvalues.
    trace, trace_error : float, default=None
        The sum of the eigenvalues and its standard error.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
    figure_ : matplotlib.figure.Figure
    line_ : matplotlib.lines.Line2D
        The density.
    rug_ : matplotlib.collections.LineCollection
        The extreme eigenvalues.

    References
    ----------
    Ghorbani, Krishnan and Xiao (2019), An investigation into neural net optimization via Hessian
    eigenvalue density, ICML.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from rosenblatt import MLPClassifier
    >>> from rosenblatt.plot import SpectrumDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier((10,), random_state=0, solver="lbfgs", alpha=0.1).fit(X, y)
    >>> display = SpectrumDisplay.from_estimator(model, X, y, random_state=0)
    >>> display.n_parameters
    83
    """

    def __init__(
        self,
        *,
        density_grid,
        density,
        eigenvalues,
        n_parameters,
        trace=None,
        trace_error=None,
    ):
        self.density_grid = density_grid
        self.density = density
        self.eigenvalues = eigenvalues
        self.n_parameters = n_parameters
        self.trace = trace
        self.trace_error = trace_error

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Matrix,
        y: Matrix,
        *,
        k: int = 6,
        intercepts: bool = True,
        n_probes: int = 10,
        n_steps: int = 60,
        random_state: RandomState = None,
        progress: bool = True,
        name: str | None = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> "SpectrumDisplay":
        """Computes the spectrum of a fitted network's Hessian, and draws it.

        Parameters
        ----------
        estimator : MLPClassifier, MLPRegressor, or a Pipeline or search with one inside
            Fitted.
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        k, intercepts, n_probes, n_steps, random_state, progress
            As for `rosenblatt.inspection.hessian_spectrum`.
        name : str, default=None
            Of this network, in the legend.
        ax : matplotlib.axes.Axes, default=None
            None makes a figure; spectra drawn into the same axes are compared.
        **kwargs : dict
            For `Axes.plot`, for the density.

        Returns
        -------
        SpectrumDisplay

        Raises
        ------
        TypeError, NotFittedError
            For anything but a fitted network of this package.
        ValueError
            If the data are not of the network's shape.
        """
        network_in(estimator, who=cls.__name__)
        _style.require_matplotlib(cls)
        spectrum = hessian_spectrum(
            estimator,
            X,
            y,
            k,
            intercepts=intercepts,
            n_probes=n_probes,
            n_steps=n_steps,
            random_state=random_state,
            progress=progress,
        )
        return cls.from_spectrum(spectrum, name=name, ax=ax, **kwargs)

    @classmethod
    def from_spectrum(
        cls, spectrum: Any, *, name: str | None = None, ax: Any = None, **kwargs: Any
    ) -> "SpectrumDisplay":
        """Draws a spectrum.

        Parameters
        ----------
        spectrum : Spectrum
            What `rosenblatt.inspection.hessian_spectrum` returned.
        name, ax, **kwargs
            As for `from_estimator`.

        Returns
        -------
        SpectrumDisplay
        """
        display = cls(
            density_grid=spectrum.density_grid,
            density=spectrum.density,
            eigenvalues=spectrum.eigenvalues,
            n_parameters=spectrum.n_parameters,
            trace=spectrum.trace,
            trace_error=spectrum.trace_error,
        )
        return display.plot(ax, name=name, **kwargs)

    def plot(self, ax: Any = None, *, name: str | None = None, **kwargs: Any) -> "SpectrumDisplay":
        """Draws the spectrum.

        Parameters
        ----------
        ax, name, **kwargs
            As for `from_estimator`.

        Returns
        -------
        SpectrumDisplay
            Itself.
        """
        _style.require_matplotlib(self)
        self.ax_ = _style.axes_or_new(ax, figsize=(_style.WIDTH, 4))
        self.figure_ = self.ax_.figure
        place = len(self.ax_.lines)
        self._draw_density(place, name, kwargs)
        self._draw_rug(place, name)
        self.ax_.set(xlabel="eigenvalue of the Hessian", ylabel="share of eigenvalues per unit")
        self._set_title(place)
        _style.add_legend(self.ax_)
        return self

    def _draw_density(self, place, name, kwargs):
        grid, density = np.asarray(self.density_grid), np.asarray(self.density)
        _style.plain(self.ax_)
        called = name or (f"density {place + 1}" if place else "density")
        if name is not None and self.trace is not None:
            called += f", trace {self._said_trace()}"
        look = {"label": called, "marker": "", **kwargs}
        self.line_ = _style.add_series(self.ax_, grid, density, place, **look)
        self.ax_.set_yscale("log")
        lowest = BELOW / (self.n_parameters * (grid[-1] - grid[0]))
        if place:
            lowest = min(lowest, self.ax_.get_ylim()[0])
        else:
            look = {"color": _style.BLACK, "linewidth": 1, "linestyle": "--", "label": "zero"}
            self.ax_.vlines([0], 0, 1, transform=self.ax_.get_xaxis_transform(), **look)
        bottom = lowest * 1e-9  # far below: another spectrum may need the limit lower
        fill = {"color": self.line_.get_color(), "alpha": 0.15, "linewidth": 0}
        self.ax_.fill_between(grid, np.maximum(density, bottom), bottom, **fill)
        highest = max(line.get_ydata().max() for line in self.ax_.lines)
        self.ax_.set_ylim(lowest, 3 * highest)

    def _draw_rug(self, place, name):
        """In the density's colour where there are several spectra, one row above the other."""
        eigenvalues = np.asarray(self.eigenvalues)
        is_alone = name is None and not place
        look = {"color": _style.BLACK if is_alone else self.line_.get_color()}
        if is_alone:
            look["label"] = f"{len(eigenvalues)} extreme eigenvalues"
        elif not place:
            look["label"] = "extreme eigenvalues"
        look |= {"linewidth": 2, "transform": self.ax_.get_xaxis_transform(), "zorder": 3}
        bottom = RUG_HEIGHT * place
        self.rug_ = self.ax_.vlines(eigenvalues, bottom, bottom + 0.9 * RUG_HEIGHT, **look)

    def _set_title(self, place):
        title = f"Spectrum of the Hessian of {self.n_parameters} parameters"
        if self.trace is not None:
            title += f"\ntrace {self._said_trace()}"
        if self.trace is not None and self.trace_error is not None:
            title += f" \N{PLUS-MINUS SIGN} {self.trace_error:.2g} (standard error)"
        self.ax_.set_title("Spectra of Hessians" if place else title, size="medium")

    def _said_trace(self):
        return f"{self.trace:.3g}".replace("-", "\N{MINUS SIGN}")
