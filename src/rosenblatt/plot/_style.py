"""What the displays share: colours, line styles, axes to draw into.

No setting of matplotlib is changed: every artist is given its style. matplotlib is imported inside
the functions, after `require_matplotlib`.
"""

# SPDX-License-Identifier: BSD-3-Clause
import contextlib

import numpy as np

from rosenblatt._progress import open_bar

# Okabe and Ito (2008): told apart with any kind of colour vision. The yellow is left out, it is
# hard to see on white.
BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
BLUE, VERMILION, PURPLE, GREY = "#0072B2", "#D55E00", "#CC79A7", "#767676"

# what tells one series from the next: colour, line and marker, each enough by itself
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
DIVERGING = "RdBu_r"  # red and blue, white between: for values around 0

WIDTH = 6.4  # inches, of a figure with one column
LINE_WIDTH = 1.5  # points
LEGEND_COLUMNS, LEGEND_LINE = 2, 14  # of a legend above its axes; points
MARKER_SIZE = 4  # points
N_MARKERS = 10  # along a line
DECADES_FOR_LOG = 2  # values that span more are drawn on a log scale


def require_matplotlib(display):
    """Raises ImportError, with the way out, where matplotlib is not installed.

    Parameters
    ----------
    display : object or type
        Who asks, or its class.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        name = (display if isinstance(display, type) else type(display)).__name__
        raise ImportError(f"{name} needs matplotlib: pip install matplotlib") from error


def axes_or_new(ax, figsize=(WIDTH, 4.2), **subplot_kw):
    """The axes, or those of a new figure with constrained layout.

    Parameters
    ----------
    ax : matplotlib.axes.Axes or None
    figsize : (float, float)
        Inches, of the new figure.
    **subplot_kw : dict
        For the new axes, projection='3d' say.
    """
    if ax is not None:
        return ax
    from matplotlib import pyplot as plt

    return plt.subplots(figsize=figsize, layout="constrained", subplot_kw=subplot_kw)[1]


def stacked_axes(ax, n_panels, height=1.7):
    """Axes one below the other that share x.

    Parameters
    ----------
    ax : matplotlib.axes.Axes, array of them, or None
        None makes a figure; one Axes is the frame that they are put into (for one panel it is the
        panel itself); an array is used as it is.
    n_panels : int
    height : float
        Inches of each, in a new figure.

    Returns
    -------
    ndarray of matplotlib.axes.Axes of shape (n_panels,)

    Raises
    ------
    ValueError
        If the array has another length.
    """
    if ax is None:
        ax = axes_or_new(None, figsize=(WIDTH, max(3.2, 0.8 + height * n_panels)))
    given = np.atleast_1d(np.asarray(ax, dtype=object)).ravel()
    if len(given) == n_panels:
        return given
    if len(given) != 1:
        raise ValueError(
            f"ax has {len(given)} axes, {n_panels} panels need one or {n_panels}. Other displays' "
            "axes fit where both are given the same panels."
        )
    return _inside(given[0], n_panels)


def _inside(frame, n_panels):
    """New axes in the place of one, which shows nothing any more."""
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
    """Removes what shows no data, and draws a light grid."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(True, color="0.9", linewidth=0.8)
    ax.set_axisbelow(True)


def add_series(ax, x, y, place=None, **kwargs):
    """Draws a line in one of the styles of `SERIES`.

    The lines of an axes are its series: what else a display draws are collections and texts.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    x, y : array-like of shape (n,)
    place : int, default=None
        Of the style, from 0, beginning again after the last; None for what comes next in these
        axes.
    **kwargs : dict
        For `Axes.plot`, before the style.

    Returns
    -------
    matplotlib.lines.Line2D
    """
    place = len(ax.lines) if place is None else place
    style = {
        **SERIES[place % len(SERIES)],
        "linewidth": LINE_WIDTH,
        "markersize": MARKER_SIZE,
        # the first point too: a series may have no other
        "markevery": max(1, -(-len(x) // N_MARKERS)),
    }
    # the short names that Axes.plot takes as well
    short = {"c": "color", "ls": "linestyle", "lw": "linewidth", "ms": "markersize"}
    for name, long in short.items():
        if name in kwargs:
            del style[long]
    return ax.plot(x, y, **{**style, **kwargs})[0]


def add_legend(ax):
    """The legend where there is most room, in a frame that lets the data through."""
    ax.legend(loc="best", frameon=True, framealpha=0.8, edgecolor="none")


def add_legend_above(ax, title="", n_columns=LEGEND_COLUMNS, **title_look):
    """A legend between the axes and their title, which covers no line however these run.

    In a few columns, the title above them: a person's figure has to leave the room, as one with
    layout='constrained' does.
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
    """Names the axis of what is counted, epochs say, and puts its ticks at whole numbers."""
    from matplotlib.ticker import MaxNLocator

    ax.set_xlabel(unit)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10], min_n_ticks=1))


def log_where_wide(ax):
    """A log scale for y where all values of the lines are positive and span decades."""
    values = np.concatenate([np.asarray(line.get_ydata(), dtype=float) for line in ax.lines])
    values = values[np.isfinite(values)]
    wide = values.size > 0 and values.min() > 0
    wide = wide and values.max() >= values.min() * 10.0**DECADES_FOR_LOG
    ax.set_yscale("log" if wide else "linear")
    ax.autoscale(axis="y")  # whatever limits were set for the lines before


@contextlib.contextmanager
def progress_bar(name, total, unit, progress):
    """A function to call after every piece of work, which moves a bar where one is wanted."""
    # disable=None: no bar where standard error is no terminal
    bar = open_bar(desc=name, total=total, unit=unit, disable=None) if progress else None
    if bar is None:
        yield lambda: None
        return
    with bar:
        yield lambda: bar.update(1)
