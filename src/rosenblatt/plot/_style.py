"""Colours, line styles and helper functions of all displays.

The settings of matplotlib are not changed; each artist is given its style. matplotlib is imported
inside the functions, after `require_matplotlib`.
"""

# SPDX-License-Identifier: BSD-3-Clause
import contextlib

import numpy as np

# The palette of Okabe and Ito (2008), which is safe for colour-blind readers, without the yellow,
# which is hard to see on white.
BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
BLUE, VERMILION, PURPLE, GREY = "#0072B2", "#D55E00", "#CC79A7", "#767676"

# colour, line style and marker of each series; each of the three identifies the series
SERIES = tuple(
    {"color": color, "linestyle": line, "marker": marker}
    for color, line, marker in [
        (BLUE, "-", "o"),
        (VERMILION, "--", "s"),
        (GREEN, "-.", "^"),
        (PURPLE, ":", "D"),
        (ORANGE, (0, (5, 1, 1, 1, 1, 1)), "v"),
        (SKY, (0, (8, 2)), "P"),
        (BLACK, (0, (1, 1)), "X"),
    ]
)

SEQUENTIAL = "viridis"  # perceptually uniform
DIVERGING = "RdBu_r"  # red and blue with white at 0, for values of both signs

WIDTH = 6.4  # inches; width of a figure with one column
LINE_WIDTH = 1.5  # points
LEGEND_COLUMNS, LEGEND_LINE = 2, 14  # columns and line height (points) of a legend above axes
MARKER_SIZE = 4  # points
N_MARKERS = 10  # number of markers along a line
DECADES_FOR_LOG = 2  # values that span more decades are drawn on a log scale


def require_matplotlib(display):
    """Raise ImportError with installation instructions if matplotlib is not installed.

    Parameters
    ----------
    display : object or type
        The display or its class, which the message names.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        name = (display if isinstance(display, type) else type(display)).__name__
        raise ImportError(f"{name} requires matplotlib: pip install matplotlib") from error


def axes_or_new(ax, figsize=(WIDTH, 4.2), **subplot_kw):
    """The given axes, or those of a new figure with constrained layout.

    Parameters
    ----------
    ax : matplotlib.axes.Axes or None
    figsize : (float, float)
        Size of the new figure in inches.
    **subplot_kw : dict
        Keyword arguments for the new axes, e.g. projection='3d'.
    """
    if ax is not None:
        return ax
    from matplotlib import pyplot as plt

    return plt.subplots(figsize=figsize, layout="constrained", subplot_kw=subplot_kw)[1]


def stacked_axes(ax, panels, height=1.7):
    """Vertically stacked axes that share the x-axis.

    Parameters
    ----------
    ax : matplotlib.axes.Axes, array of Axes, or None
        None creates a figure. A single Axes is the frame into which the panels are placed (a
        single panel uses it directly). An array is used as given.
    panels : sequence of str
        The names of the panels, from top to bottom.
    height : float
        Height of each panel in inches, in a new figure.

    Returns
    -------
    ndarray of matplotlib.axes.Axes of shape (n_panels,)

    Raises
    ------
    ValueError
        If the array has the wrong length.
    """
    n_panels = len(panels)
    if ax is None:
        ax = axes_or_new(None, figsize=(WIDTH, max(3.2, 0.8 + height * n_panels)))
    given = np.atleast_1d(np.asarray(ax, dtype=object)).ravel()
    if len(given) == n_panels:
        return given
    if len(given) != 1:
        raise ValueError(
            f"ax is an array of {len(given)} axes, and {n_panels} "
            f"{'panels are' if n_panels > 1 else 'panel is'} to be drawn, {list(panels)}: give as "
            "many axes, or one Axes as the frame of all. To draw into the axes of another display, "
            "give both the same panels, which both have recorded: panels=['loss'], say."
        )
    return _inside(given[0], n_panels)


def _inside(frame, n_panels):
    """New axes in the place of the given axes, which are made invisible."""
    from matplotlib.gridspec import GridSpec

    figure, place = frame.figure, frame.get_subplotspec()
    if place is not None:
        grid = place.subgridspec(n_panels, 1)
    else:
        left, bottom, right, top = frame.get_position().extents
        grid = GridSpec(n_panels, 1, figure, left=left, bottom=bottom, right=right, top=top)
    frame.set_axis_off()
    panels = [figure.add_subplot(grid[0])]
    panels += [figure.add_subplot(grid[i], sharex=panels[0]) for i in range(1, n_panels)]
    for panel in panels[:-1]:
        panel.tick_params(labelbottom=False)
    return np.array(panels, dtype=object)


def plain(ax):
    """Remove decorations without data, and draw a light grid."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(True, color="0.9", linewidth=0.8)
    ax.set_axisbelow(True)


def add_series(ax, x, y, place=None, **kwargs):
    """Draw a line in one of the styles of `SERIES`.

    All lines of an axes are series; other artists of a display are collections and texts.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    x, y : array-like of shape (n,)
    place : int, default=None
        Index of the style, taken modulo their number. None uses the next style of these axes.
    **kwargs : dict
        Keyword arguments for `Axes.plot`, which override the style.

    Returns
    -------
    matplotlib.lines.Line2D
    """
    place = len(ax.lines) if place is None else place
    style = {
        **SERIES[place % len(SERIES)],
        "linewidth": LINE_WIDTH,
        "markersize": MARKER_SIZE,
        # including the first point, which may be the only one
        "markevery": max(1, -(-len(x) // N_MARKERS)),
    }
    # the short names that Axes.plot also accepts
    short = {"c": "color", "ls": "linestyle", "lw": "linewidth", "ms": "markersize"}
    for name, long in short.items():
        if name in kwargs:
            del style[long]
    return ax.plot(x, y, **{**style, **kwargs})[0]


def free_place(axes):
    """The first style, for `add_series`, whose colour no line of some axes has."""
    used = {line.get_color() for each in axes for line in each.lines}
    free = [i for i, style in enumerate(SERIES) if style["color"] not in used]
    return free[0] if free else len(used)


def add_legend(ax):
    """Add a legend at the best location, in a transparent frame."""
    ax.legend(loc="best", frameon=True, framealpha=0.8, edgecolor="none")


def add_legend_above(ax, title="", n_columns=LEGEND_COLUMNS, **title_look):
    """Add a legend between the axes and their title, where it covers no line.

    The user's figure must leave room for it, as with layout='constrained'.
    """
    n_entries = len(ax.get_legend_handles_labels()[1])
    if not n_entries:
        ax.set_title(title, **title_look)
        return
    ax.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=n_columns,
        frameon=False,
        fontsize="small",
        borderaxespad=0.2,
    )
    ax.set_title(title, pad=8 + LEGEND_LINE * -(-n_entries // n_columns), **title_look)


def count_from_one(ax, unit):
    """Label the x-axis with the counted unit, e.g. epochs, and place ticks at integers."""
    from matplotlib.ticker import MaxNLocator

    ax.set_xlabel(unit)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10], min_n_ticks=1))


def log_where_wide(ax):
    """Use a log scale for y if all values of the lines are positive and span decades."""
    values = np.concatenate([np.asarray(line.get_ydata(), dtype=float) for line in ax.lines])
    values = values[np.isfinite(values)]
    wide = values.size > 0 and values.min() > 0
    wide = wide and values.max() >= values.min() * 10.0**DECADES_FOR_LOG
    ax.set_yscale("log" if wide else "linear")
    ax.autoscale(axis="y")  # reset limits that were set for earlier lines


@contextlib.contextmanager
def progress_bar(name, total, unit, progress):
    """A function to call after each unit of work, which advances a progress bar if wanted."""
    try:
        from tqdm.auto import tqdm
    except ImportError:
        progress = False
    if not progress:
        yield lambda: None
        return
    # disable=None shows no bar if standard error is not a terminal
    with tqdm(desc=name, total=total, unit=unit, leave=False, disable=None) as bar:
        yield lambda: bar.update(1)
