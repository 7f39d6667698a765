"""LossSurfaceDisplay: the loss on a plane through the parameters, and the way training took.

The plane is `_plane.py`'s, the loss that of `rosenblatt.inspection`.
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

MARGIN = 0.15  # around a path, of its extent
DECADES = 6  # below the highest loss, that are shown where losses are lower
SMALLEST_PATH = 0.05  # of the view, that is more than the marks at its ends
PATH_MARKERS = 60  # points of a path up to which each has a dot


class LossSurfaceDisplay:
    """The loss over two directions of the parameters, as a contour map or a surface.

    The loss is that of `rosenblatt.inspection.loss`: the mean over the given rows plus the penalty,
    on a log scale where it is positive. Make it with `from_estimator`.

    A plane shows little of a space of thousands of dimensions: what looks convex there need not
    be, and a path that was projected does not lie on the surface. The title therefore says how
    much of the path's variance the plane shows.

    Parameters
    ----------
    losses : array-like of shape (n_y, n_x)
        The losses on the grid; values that are not finite are left white.
    x, y : array-like of shape (n_x,) and (n_y,)
        The grid, ascending.
    estimator_at : (float, float), default=None
        The coordinates of the estimator.
    path : array-like of shape (n_points, 2), default=None
        The path of the training, projected onto the plane.
    path_variance : float, default=None
        The share of the path's variance that the plane shows, from 0 to 1.
    labels : tuple of two str, default=('first direction', 'second direction')
    title : str, default=None

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
    figure_ : matplotlib.figure.Figure
    surface_ : matplotlib.contour.QuadContourSet or mpl_toolkits.mplot3d.art3d.Poly3DCollection
    path_ : matplotlib.lines.Line2D or None
    colorbar_ : matplotlib.colorbar.Colorbar or None
        None for a surface, whose axis has the losses.

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
        """Computes the loss on a grid around a fitted network, and draws it.

        The loss is computed grid_resolution**2 times over all rows: some thousand rows show as
        much as a hundred thousand.

        Parameters
        ----------
        estimator : MLPClassifier, MLPRegressor, or a Pipeline or search with one inside
            Fitted; the plane goes through it.
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        directions : {'random', 'path'}, two int or array of shape (2, n_parameters), default=None
            What spans the plane. 'random': drawn from a normal distribution and filter-normalised
            (Li et al., 2018): a unit's part has the norm of the unit's weights, so that
            1 is a step as long as the weights themselves; the two parts are orthogonal, and
            intercepts, scales and shifts stay where they are. 'path': the two principal
            directions of the path, of length 1. Two numbers: these parameters, in the flat order of
            `rosenblatt.inspection`, shown by their values. An array: any two directions. None:
            'path' where there is one, else 'random'.
        path : Trajectory or array-like of shape (n_points, n_parameters), default=None
            The training's path; None for that of a Trajectory among the estimator's callbacks, if
            there is one.
        extent : float or (x_min, x_max, y_min, y_max), default=None
            What is shown: a float is how far to each side of the estimator. None for 1, or for what
            the path takes if there is one.
        grid_resolution : int >= 2, default=25
            Points along each axis.
        intercepts : bool, default=True
            Whether directions are of all parameters, or of `coefs_` alone.
        random_state : int, RandomState instance or None, default=0
            Of random directions: the same for every estimator, unless it is said otherwise.
        progress : bool, default=True
            Whether to show a tqdm progress bar in a terminal or a notebook, if tqdm is installed.
        kind : {'contour', 'surface'}, default='contour'
        levels : int, default=20
            How many contours.
        ax : matplotlib.axes.Axes, default=None
            With projection='3d' for a surface. None makes a figure.
        **kwargs : dict
            For `Axes.contourf` or `Axes3D.plot_surface`.

        Returns
        -------
        LossSurfaceDisplay

        Raises
        ------
        TypeError, NotFittedError
            For anything but a fitted network of this package.
        ValueError
            If the data are not of the network's shape, or directions, path, extent or
            kind are none of the above.
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
        """Draws the surface.

        Parameters
        ----------
        ax, kind, levels, **kwargs
            As for `from_estimator`.

        Returns
        -------
        LossSurfaceDisplay
            Itself.
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
        else:  # colours everywhere, and what is marked may lie in any corner
            _style.add_legend_above(self.ax_, title, n_columns=3, size="medium")
        return self

    def _draw_contours(self, losses, n_levels, kwargs):
        levels, norm, is_log = _levels(losses, n_levels)
        extend = "min" if losses.min() < levels[0] else "neither"
        style = {"cmap": _style.SEQUENTIAL, "norm": norm, "extend": extend, **kwargs}
        lines = {"colors": "white", "linewidths": 0.5, "alpha": 0.5}
        if is_log:  # what lies below the levels, 0 too, has the colour below theirs
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
        # what is drawn over the surface is over it, not sorted by its distance
        self.ax_.computed_zorder = False
        grid = np.meshgrid(self.x, self.y)
        self.surface_ = self.ax_.plot_surface(*grid, heights, **style, zorder=1)
        if self.path is not None:
            self._draw_path(*np.transpose(self.path), self._height_at(heights, self.path))
        if self.estimator_at is not None:
            self._mark(*self.estimator_at, *self._height_at(heights, [self.estimator_at]))
        self.ax_.set_zlabel("loss (log scale)" if is_log else "loss")
        self.ax_.set_box_aspect(None, zoom=0.85)  # else its labels are cut
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
        # the legend names what is seen
        label = "path of the training" if self._is_seen() else None
        self.path_ = self.ax_.plot(*coordinates, label=label, zorder=3, **look)[0]
        start = [[values[0]] for values in coordinates]
        look = {"linestyle": "", "marker": "s", "markersize": 6, "markeredgecolor": "white"}
        is_first_seen = self._is_seen() and self._is_in_view(self.path[:1]).all()
        label = "its first point" if is_first_seen else None
        self.ax_.plot(*start, color=_style.VERMILION, label=label, zorder=4, **look)

    def _is_seen(self):
        """Whether the path crosses more of the view than its own marks cover."""
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
            said.append("the training's path lies outside")
        elif self.path is not None and not self._is_seen():
            said.append("the training's path is too short here to be seen")
        if self.path_variance is not None:
            said.append(f"the plane shows {percent(self.path_variance)} of the path's variance")
        return "\n".join(said)


def _n_digits(values):
    """How many significant digits tell the values apart, from 2 on."""
    for n_digits in range(2, 12):
        if len({f"{value:.{n_digits}g}" for value in values}) == len(values):
            break
    return n_digits


def _check_kind(kind, ax):
    if kind not in ("contour", "surface"):
        raise ValueError(f"kind must be 'contour' or 'surface', got {kind!r}.")
    if ax is not None and (kind == "surface") != hasattr(ax, "plot_surface"):
        wanted = "with" if kind == "surface" else "without"
        raise ValueError(f"kind={kind!r} needs axes {wanted} projection='3d'.")


def _points_of(estimator, path, n_parameters):
    """The path as an array, its first n_parameters columns; None where there is none."""
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
            f"path has points of {points.shape[1]} parameters, the estimator has "
            f"{estimator.n_parameters_}: it is of another network."
        )
    points = points[:, :n_parameters]
    if not np.isfinite(points).all():
        raise ValueError("path has points that are not finite numbers.")
    return points


def _extent(extent, plane, projected):
    """(x_min, x_max, y_min, y_max)"""
    centre = plane.shift
    if extent is None and projected is not None:
        low, high = (
            np.minimum(projected.min(axis=0), centre),
            np.maximum(projected.max(axis=0), centre),
        )
        widest = (high - low).max()
        # a direction in which nothing moved is shown with some width
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
    """(len(y), len(x)), one evaluation after another: one vector of parameters is in memory."""
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
    reach = max(high - low, 1e-9 * abs(high), 1e-300)  # all the same: one colour
    levels = np.linspace(low, low + reach, n_levels + 1)
    return levels, Normalize(levels[0], levels[-1]), False


def _outlined(width):
    """White around a line: it is seen on every colour."""
    from matplotlib.patheffects import Normal, Stroke

    return [Stroke(linewidth=width, foreground="white"), Normal()]
