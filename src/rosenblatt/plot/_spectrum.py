"""SpectrumDisplay: the distribution of the eigenvalues of a Hessian.

It draws the result of `rosenblatt.inspection.hessian_spectrum`.
"""

# SPDX-License-Identifier: BSD-3-Clause
from typing import Any

import numpy as np

from rosenblatt._types import Matrix, RandomState
from rosenblatt.inspection._objective import network_in
from rosenblatt.plot import _style

BELOW = 0.1  # the lowest density shown, relative to one eigenvalue spread over the whole range
RUG_HEIGHT = 0.06  # as a fraction of the axes


class SpectrumDisplay:
    """The density of a Hessian's eigenvalues, with the extreme ones and zero marked.

    The density is on a log scale, because most eigenvalues are near zero and the few large ones
    determine the behaviour of training. A negative eigenvalue belongs to a direction along which
    the loss falls to both sides. The density is smoothed, so a peak at zero is as wide as the
    smoothing kernel. The extreme eigenvalues, shown as ticks at the bottom, are not smoothed.
    Create the display with `from_estimator` or, for a computed spectrum, with `from_spectrum`.

    Parameters
    ----------
    density_grid, density : array-like of shape (n_points,)
        The grid, in ascending order, and the density of eigenvalues on it.
    eigenvalues : array-like of shape (k,)
        The extreme eigenvalues.
    n_parameters : int
        The number of eigenvalues.
    trace, trace_error : float, default=None
        The sum of the eigenvalues and its standard error.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes.
    figure_ : matplotlib.figure.Figure
        The figure.
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
        """Compute the spectrum of a fitted network's Hessian, and draw it.

        Parameters
        ----------
        estimator : MLPClassifier, MLPRegressor, or a Pipeline or search with one inside
            A fitted network; the current values of `coefs_` and `intercepts_` are used.
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows over which the loss is averaged.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their targets.
        k, intercepts, n_probes, n_steps, random_state, progress
            As in `rosenblatt.inspection.hessian_spectrum`.
        name : str, default=None
            Name of this network in the legend.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on. None creates a figure. Several spectra can be drawn on the same axes.
        **kwargs : dict
            Keyword arguments for `Axes.plot`, which draws the density.

        Returns
        -------
        display : SpectrumDisplay
            The display.

        Raises
        ------
        TypeError
            If the estimator is not an MLPClassifier or MLPRegressor.
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If the data do not match the network.
        """
        from rosenblatt.inspection import hessian_spectrum

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
        """Draw a computed spectrum.

        Parameters
        ----------
        spectrum : Spectrum
            The result of `rosenblatt.inspection.hessian_spectrum`.
        name, ax, **kwargs
            As in `from_estimator`.

        Returns
        -------
        display : SpectrumDisplay
            The display.
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
        """Draw the spectrum.

        Parameters
        ----------
        ax, name, **kwargs
            As in `from_estimator`.

        Returns
        -------
        display : SpectrumDisplay
            The display itself.
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
        bottom = lowest * 1e-9  # far below, because another spectrum may lower the limit
        fill = {"color": self.line_.get_color(), "alpha": 0.15, "linewidth": 0}
        self.ax_.fill_between(grid, np.maximum(density, bottom), bottom, **fill)
        highest = max(line.get_ydata().max() for line in self.ax_.lines)
        self.ax_.set_ylim(lowest, 3 * highest)

    def _draw_rug(self, place, name):
        """Draw the extreme eigenvalues; several spectra are stacked, in the density's colours."""
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
