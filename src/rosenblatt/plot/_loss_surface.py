"""LossSurfaceDisplay: the loss on a plane through the parameters, and the path of training.

The plane is computed in `_plane.py`, the loss in `rosenblatt.inspection`.
"""

# SPDX-License-Identifier: BSD-3-Clause
from numbers import Integral, Real
from typing import Any, Literal

import numpy as np

from rosenblatt._types import Matrix, RandomState
from rosenblatt.callbacks import Trajectory
from rosenblatt.inspection._objective import Objective, network_in
from rosenblatt.plot import _style
from rosenblatt.plot._plane import percent, plane_through

MARGIN = 0.15  # margin around a path, as a fraction of its extent
DECADES = 6  # maximum number of decades below the highest loss that are shown
SMALLEST_PATH = 0.05  # fraction of the view above which a path is longer than its end markers
PATH_MARKERS = 60  # maximum number of points of a path for which each has a marker


class LossSurfaceDisplay:
    """The loss over two directions of the parameters, as a contour map or a surface.

    The loss is that of `rosenblatt.inspection.loss`: the mean over the given rows plus the penalty.
    It is on a log scale if it is positive. Create the display with `from_estimator`.

    A plane shows only a small part of a space with thousands of dimensions. A loss that looks
    convex on the plane may not be convex, and a projected path does not lie on the surface. The
    title therefore states the fraction of the path's variance that the plane shows.

    Parameters
    ----------
    losses : array-like of shape (n_y, n_x)
        The losses on the grid. Values that are not finite are shown white.
    x, y : array-like of shape (n_x,) and (n_y,)
        The grid, in ascending order.
    estimator_at : (float, float), default=None
        The coordinates of the estimator.
    path : array-like of shape (n_points, 2), default=None
        The path of training, projected onto the plane.
    path_variance : float, default=None
        The fraction of the path's variance that the plane shows, from 0 to 1.
    labels : tuple of two str, default=('first direction', 'second direction')
        Labels of the axes.
    title : str, default=None
        The title.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes.
    figure_ : matplotlib.figure.Figure
        The figure.
    surface_ : matplotlib.contour.QuadContourSet or mpl_toolkits.mplot3d.art3d.Poly3DCollection
        The contours or the surface.
    path_ : matplotlib.lines.Line2D or None
        The path, if there is one.
    colorbar_ : matplotlib.colorbar.Colorbar or None
        The colour bar; None for kind='surface', whose vertical axis shows the losses.

    References
    ----------
    Li, Xu, Taylor, Studer and Goldstein (2018), Visualizing the loss landscape of neural nets,
    NeurIPS.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from rosenblatt import MLPClassifier
    >>> from rosenblatt.callbacks import Trajectory
    >>> from rosenblatt.plot import LossSurfaceDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier((8,), max_iter=300, callbacks=[Trajectory()], random_state=0)
    >>> model = model.fit(X, y)
    >>> display = LossSurfaceDisplay.from_estimator(model, X, y)
    >>> display.losses.shape
    (25, 25)
    >>> display.path.shape == (model.n_iter_, 2)
    True
    """

    def __init__(
        self,
        *,
        losses,
        x,
        y,
        estimator_at=None,
        path=None,
        path_variance=None,
        labels=("first direction", "second direction"),
        title=None,
    ):
        self.losses = losses
        self.x = x
        self.y = y
        self.estimator_at = estimator_at
        self.path = path
        self.path_variance = path_variance
        self.labels = labels
        self.title = title

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Matrix,
        y: Matrix,
        *,
        directions: Any = None,
        path: Any = None,
        extent: Any = None,
        grid_resolution: int = 25,
        intercepts: bool = True,
        random_state: RandomState = 0,
        progress: bool = True,
        kind: Literal["contour", "surface"] = "contour",
        levels: Any = 20,
        ax: Any = None,
        **kwargs: Any,
    ) -> "LossSurfaceDisplay":
        """Compute the loss on a grid around a fitted network, and draw it.

        The loss is computed grid_resolution**2 times over all rows. A few thousand rows usually
        show as much as a hundred thousand.

        Parameters
        ----------
        estimator : MLPClassifier, MLPRegressor, or a Pipeline or search with one inside
            A fitted network, through which the plane passes.
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows over which the loss is averaged.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their targets.
        directions : {'random', 'path'}, two int or array of shape (2, n_parameters), default=None
            The directions that span the plane:

            - 'random': normally distributed and filter-normalised (Li et al., 2018). The part of
              each unit has the norm of the unit's weights, so that 1 is a step as long as the
              weights themselves. The two parts are orthogonal. Intercepts, scales and shifts do
              not vary.
            - 'path': the two principal directions of the path, with length 1.
            - Two ints: two parameters, by their index in the flat order of
              `rosenblatt.inspection`. The axes show their values.
            - An array: any two directions.
            - None: 'path' if there is a path, otherwise 'random'.
        path : Trajectory or array-like of shape (n_points, n_parameters), default=None
            The path of training. None uses that of a Trajectory among the callbacks of the
            estimator, if there is one.
        extent : float or (x_min, x_max, y_min, y_max), default=None
            The limits of the view. A float is the distance to each side of the estimator. None
            means 1, or limits that contain the path if there is one.
        grid_resolution : int >= 2, default=25
            Number of points along each axis.
        intercepts : bool, default=True
            Whether all parameters vary, or only `coefs_`.
        random_state : int, RandomState instance or None, default=0
            Determines the random directions. With the default they are the same for every
            estimator.
        progress : bool, default=True
            Whether to show a tqdm progress bar in a terminal or a notebook, if tqdm is installed.
        kind : {'contour', 'surface'}, default='contour'
            The kind of plot.
        levels : int, default=20
            Number of contour levels.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on, with projection='3d' for a surface. None creates a figure.
        **kwargs : dict
            Keyword arguments for `Axes.contourf` or `Axes3D.plot_surface`.

        Returns
        -------
        display : LossSurfaceDisplay
            The display.

        Raises
        ------
        TypeError
            If the estimator is not an MLPClassifier or MLPRegressor.
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If the data do not match the network, or an argument is invalid.
        """
        network_in(estimator, who=cls.__name__)
        _style.require_matplotlib(cls)
        _check_kind(kind, ax)
        if not isinstance(grid_resolution, Integral) or grid_resolution < 2:
            raise ValueError(
                f"grid_resolution must be an int of at least 2, got {grid_resolution!r}."
            )
        objective = Objective(estimator, X, y, intercepts=intercepts)
        origin = objective.parameters
        estimator = objective.estimator
        points = _points_of(estimator, path, len(origin))
        plane = plane_through(estimator, origin, directions, points, random_state)
        projected = None if points is None else plane.coordinates(points)
        left, right, below, above = _extent(extent, plane, projected)
        grid_x = np.linspace(left, right, grid_resolution)
        grid_y = np.linspace(below, above, grid_resolution)
        n_rows = np.shape(X)[0] if hasattr(X, "shape") else len(X)
        display = cls(
            losses=_losses_on(objective, plane, grid_x, grid_y, progress),
            x=grid_x,
            y=grid_y,
            estimator_at=tuple(plane.shift.tolist()),
            path=projected,
            path_variance=None if points is None else plane.share_of_variance(points),
            labels=plane.labels,
            title=f"Loss of {type(estimator).__name__} over {n_rows} rows",
        )
        return display.plot(ax, kind=kind, levels=levels, **kwargs)

    def plot(
        self,
        ax: Any = None,
        *,
        kind: Literal["contour", "surface"] = "contour",
        levels: Any = 20,
        **kwargs: Any,
    ) -> "LossSurfaceDisplay":
        """Draw the surface.

        Parameters
        ----------
        ax, kind, levels, **kwargs
            As in `from_estimator`.

        Returns
        -------
        display : LossSurfaceDisplay
            The display itself.
        """
        _style.require_matplotlib(self)
        _check_kind(kind, ax)
        if not isinstance(levels, Integral) or levels < 2:
            raise ValueError(f"levels must be an int of at least 2, got {levels!r}.")
        losses = np.asarray(self.losses, dtype=float)
        if not np.isfinite(losses).any():
            raise ValueError("No loss on the grid is finite: pass a smaller extent.")
        losses = np.ma.masked_invalid(losses)
        is_3d = kind == "surface"
        figsize = (_style.WIDTH, 5.4 if is_3d else 4.8)
        self.ax_ = _style.axes_or_new(ax, figsize, **({"projection": "3d"} if is_3d else {}))
        self.figure_ = self.ax_.figure
        self.path_ = self.colorbar_ = None
        (self._draw_surface if is_3d else self._draw_contours)(losses, levels, kwargs)
        self.ax_.set(xlabel=self.labels[0], ylabel=self.labels[1])
        title = self._title()
        if is_3d:
            self.ax_.set_title(title, size="medium")
            self.ax_.legend(loc="best", framealpha=0.85, edgecolor="none", fontsize="small")
        else:  # the contours fill the axes, and the marks may be in any corner
            _style.add_legend_above(self.ax_, title, n_columns=3, size="medium")
        return self

    def _draw_contours(self, losses, n_levels, kwargs):
        levels, norm, is_log = _levels(losses, n_levels)
        extend = "min" if losses.min() < levels[0] else "neither"
        style = {"cmap": _style.SEQUENTIAL, "norm": norm, "extend": extend, **kwargs}
        lines = {"colors": "white", "linewidths": 0.5, "alpha": 0.5}
        if is_log:  # losses below the levels, including 0, get the colour of the lowest level
            losses = np.ma.maximum(losses, levels[0] / 2)
        self.surface_ = self.ax_.contourf(self.x, self.y, losses, levels, **style)
        self.ax_.contour(self.x, self.y, losses, levels, **lines)
        ticks = levels[:: max(1, len(levels) // 8)]
        self.colorbar_ = self.figure_.colorbar(
            self.surface_,
            ax=self.ax_,
            label="loss (log scale)" if is_log else "loss",
            ticks=ticks,
            format=f"%.{_n_digits(ticks)}g",
        )
        self.colorbar_.minorticks_off()
        if self.path is not None:
            self._draw_path(*np.transpose(self.path))
        if self.estimator_at is not None:
            self._mark(*self.estimator_at)
        self.ax_.set(xlim=(self.x[0], self.x[-1]), ylim=(self.y[0], self.y[-1]))

    def _draw_surface(self, losses, n_levels, kwargs):
        from matplotlib.ticker import FuncFormatter, MaxNLocator

        levels, _, is_log = _levels(losses, n_levels)
        heights = np.ma.log10(np.ma.maximum(losses, levels[0])) if is_log else losses
        style = {"cmap": _style.SEQUENTIAL, "rcount": 100, "ccount": 100, "alpha": 0.9, **kwargs}
        # artists are drawn in order of zorder instead of distance, so that marks are on top
        self.ax_.computed_zorder = False
        grid = np.meshgrid(self.x, self.y)
        self.surface_ = self.ax_.plot_surface(*grid, heights, **style, zorder=1)
        if self.path is not None:
            self._draw_path(*np.transpose(self.path), self._height_at(heights, self.path))
        if self.estimator_at is not None:
            self._mark(*self.estimator_at, *self._height_at(heights, [self.estimator_at]))
        self.ax_.set_zlabel("loss (log scale)" if is_log else "loss")
        self.ax_.set_box_aspect(None, zoom=0.85)  # otherwise the labels are cut off
        for axis in (self.ax_.xaxis, self.ax_.yaxis, self.ax_.zaxis):
            axis.set_major_locator(MaxNLocator(5))
            axis.labelpad = 9
        if is_log:
            n_digits = _n_digits(levels[:: max(1, len(levels) // 5)])
            in_losses = FuncFormatter(lambda z, _: f"{10**z:.{n_digits}g}")
            self.ax_.zaxis.set_major_formatter(in_losses)

    def _height_at(self, heights, points):
        """The surface's height at points of the plane; NaN beyond the grid."""
        from scipy.interpolate import RegularGridInterpolator

        surface = RegularGridInterpolator(
            (self.y, self.x), heights.filled(np.nan), bounds_error=False
        )
        return surface(np.asarray(points)[:, ::-1])

    def _draw_path(self, *coordinates):
        n_points = len(coordinates[0])
        look = {"color": _style.VERMILION, "linewidth": 1.5, "path_effects": _outlined(3)}
        if n_points <= PATH_MARKERS:
            look |= {"marker": "o", "markersize": 2.5}
        # the legend lists only artists that are visible
        label = "path of the training" if self._is_seen() else None
        self.path_ = self.ax_.plot(*coordinates, label=label, zorder=3, **look)[0]
        start = [[values[0]] for values in coordinates]
        look = {"linestyle": "", "marker": "s", "markersize": 6, "markeredgecolor": "white"}
        is_first_seen = self._is_seen() and self._is_in_view(self.path[:1]).all()
        label = "its first point" if is_first_seen else None
        self.ax_.plot(*start, color=_style.VERMILION, label=label, zorder=4, **look)

    def _is_seen(self):
        """Whether the path is longer in the view than its markers."""
        if not self._is_in_view(self.path).any():
            return False
        corners = [self.x[0], self.y[0]], [self.x[-1], self.y[-1]]
        crossed = np.ptp(np.clip(self.path, *corners), axis=0)
        return bool(np.max(crossed / [np.ptp(self.x), np.ptp(self.y)]) > SMALLEST_PATH)

    def _is_in_view(self, points):
        """Which points of the plane lie on the grid."""
        x, y = np.transpose(points)
        return (self.x[0] <= x) & (x <= self.x[-1]) & (self.y[0] <= y) & (y <= self.y[-1])

    def _mark(self, *coordinates):
        look = {"marker": "*", "markersize": 13, "markeredgecolor": _style.BLACK, "linestyle": ""}
        point = [[value] for value in coordinates]
        self.ax_.plot(*point, color="white", label="the estimator", zorder=5, **look)

    def _title(self):
        said = [self.title] if self.title else []
        if self.path is not None and not self._is_in_view(self.path).any():
            said.append("the path of training is outside the view")
        elif self.path is not None and not self._is_seen():
            said.append("the path of training is too short to be seen")
        if self.path_variance is not None:
            said.append(f"the plane shows {percent(self.path_variance)} of the path's variance")
        return "\n".join(said)


def _n_digits(values):
    """The number of significant digits that distinguish the values, at least 2."""
    for n_digits in range(2, 12):
        if len({f"{value:.{n_digits}g}" for value in values}) == len(values):
            break
    return n_digits


def _check_kind(kind, ax):
    if kind not in ("contour", "surface"):
        raise ValueError(f"kind must be 'contour' or 'surface', got {kind!r}.")
    if ax is not None and (kind == "surface") != hasattr(ax, "plot_surface"):
        wanted = "with" if kind == "surface" else "without"
        raise ValueError(f"kind={kind!r} requires axes {wanted} projection='3d'.")


def _points_of(estimator, path, n_parameters):
    """The first n_parameters columns of the path, as an array; None if there is no path."""
    if path is None:
        known = [c for c in estimator.callbacks or [] if isinstance(c, Trajectory)]
        path = next((c for c in known if len(c.epochs_)), None)
        if path is None:
            return None
    points = path.parameters_ if isinstance(path, Trajectory) else np.asarray(path)
    if points.ndim != 2 or not len(points) or points.dtype.kind not in "fiu":
        raise ValueError(
            "path must be a Trajectory or an array of shape (n_points, n_parameters), got "
            f"{path!r:.80}."
        )
    if points.shape[1] not in (n_parameters, estimator.n_parameters_):
        raise ValueError(
            f"path has points with {points.shape[1]} parameters, but the estimator has "
            f"{estimator.n_parameters_}."
        )
    points = points[:, :n_parameters]
    if not np.isfinite(points).all():
        raise ValueError("path must be finite.")
    return points


def _extent(extent, plane, projected):
    """The view as (x_min, x_max, y_min, y_max)."""
    centre = plane.shift
    if extent is None and projected is not None:
        low, high = (
            np.minimum(projected.min(axis=0), centre),
            np.maximum(projected.max(axis=0), centre),
        )
        widest = (high - low).max()
        # a direction along which the path did not move still gets some width
        margin = np.maximum(MARGIN * (high - low), 0.05 * widest if widest > 0 else 1)
        low, high = low - margin, high + margin
        if plane.is_relative:
            low, high = np.minimum(low, -1), np.maximum(high, 1)
        return low[0], high[0], low[1], high[1]
    extent = 1.0 if extent is None else extent
    if isinstance(extent, Real) and 0 < extent < np.inf:
        return tuple(c + sign * extent for c in centre for sign in (-1, 1))
    sides = np.asarray(extent)
    is_box = sides.shape == (4,) and sides.dtype.kind in "fiu" and np.isfinite(sides).all()
    if not is_box or sides[0] >= sides[1] or sides[2] >= sides[3]:
        raise ValueError(
            f"extent must be a positive number or (x_min, x_max, y_min, y_max), got {extent!r}."
        )
    return tuple(sides.tolist())


def _losses_on(objective, plane, x, y, progress):
    """Losses of shape (len(y), len(x)), computed one at a time to save memory."""
    losses = np.empty((len(y), len(x)))
    with _style.progress_bar("loss surface", losses.size, "point", progress) as advance:
        for row, b in zip(losses, y, strict=True):
            for column, a in enumerate(x):
                row[column] = objective.loss(plane.point(a, b))
                advance()
    return losses


def _levels(losses, n_levels):
    """(levels, norm, whether both are logarithmic) for contours of these losses."""
    from matplotlib.colors import LogNorm, Normalize

    low, high = float(losses.min()), float(losses.max())
    if low >= 0 < high:
        low = max(low, high * 10.0**-DECADES)
        if low < high * (1 - 1e-9):
            levels = np.geomspace(low, high, n_levels + 1)
            return levels, LogNorm(low, high), True
    reach = max(high - low, 1e-9 * abs(high), 1e-300)  # positive even if all losses are equal
    levels = np.linspace(low, low + reach, n_levels + 1)
    return levels, Normalize(levels[0], levels[-1]), False


def _outlined(width):
    """A white outline around a line, so that it is visible on every colour."""
    from matplotlib.patheffects import Normal, Stroke

    return [Stroke(linewidth=width, foreground="white"), Normal()]
