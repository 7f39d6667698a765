"""The picture of the section tables: error against seconds of a fit, a panel for each score."""

from itertools import pairwise

import numpy as np

from benchmarks.tables.scores import SCORES

# Okabe & Ito's palette, as in benchmarks/picture.py; markers differ too
STYLES = {
    "scikit-learn": ("#E69F00", "s"),
    "boosting": ("#0072B2", "^"),
    "networks": ("#009E73", "D"),
    "rosenblatt": ("#D55E00", "o"),
}
FAMILIES = {"rosenblatt": "rosenblatt's presets", "boosting": "gradient boosting",
            "networks": "other networks"}  # fmt: skip
NAMES = {"MLP": "scikit-learn's MLP"}
# where a label may stand: points to the right of its mark and above it, and how it is aligned
PLACES = [
    (x, y, ha, va)
    for far in (1, 2, 3, 4.5, 6)
    for x, y, ha, va in (
        (8 * far, 0, "left", "center"),
        (-8 * far, 0, "right", "center"),
        (6 * far, 7 * far, "left", "bottom"),
        (6 * far, -7 * far, "left", "top"),
        (-6 * far, 7 * far, "right", "bottom"),
        (-6 * far, -7 * far, "right", "top"),
        (0, 14 * far, "center", "bottom"),
        (0, -14 * far, "center", "top"),
    )
]


def rows_of(report):
    """The contenders with a mean, from the section's table of means."""
    kept = report.sections.get("tables", {}).get("tables", [])
    every = [row for table in kept for row in table["rows"] if "family" in row]
    return [row for row in every if any(row.get(score) for score in SCORES)]


def figure_of(rows):
    """Draw a panel for each score that there is.

    Parameters
    ----------
    rows : list of dict
        As `rows_of` gives them.

    Returns
    -------
    Figure
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    drawn = [score for score in SCORES if any(row.get(score) for row in rows)]
    figure = Figure(figsize=(1 + 3.7 * len(drawn), 4.6), layout="constrained")
    panels = figure.subplots(1, len(drawn), squeeze=False)[0]
    for axes, score in zip(panels, drawn, strict=True):
        draw_panel(axes, [row for row in rows if row.get(score)], score)
    panels[0].set_ylabel("multiple of scikit-learn's MLP's (less is better)")
    legend(figure, rows)
    figure.supxlabel(fine_print(rows), fontsize=8, color="0.3")
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw_without_rendering()  # labels are placed where the marks then are
    figure.set_layout_engine("none")
    for axes, score in zip(panels, drawn, strict=True):
        place_labels(axes, [row for row in rows if row.get(score)], score, renderer)
    return figure


def draw_panel(axes, rows, score):
    """A mark with its standard error for each contender; this package's are joined."""
    from matplotlib.ticker import LogLocator, MultipleLocator, NullLocator

    for row in rows:
        colour, marker = STYLES[row["family"]]
        mean = row[score]
        axes.errorbar(
            mean["seconds"], mean["ratio"], yerr=mean["stderr"] or 0, color=colour, marker=marker,
            markersize=7, linewidth=1.2, capsize=2.5, zorder=3,
        )  # fmt: skip
    if ours := own_line(rows, score):
        axes.plot(*zip(*ours, strict=True), color=STYLES["rosenblatt"][0], alpha=0.4, zorder=2)
    axes.set(xscale="log", yscale="log", title=SCORES[score], xlabel="seconds of a fit")
    axes.margins(x=0.22, y=0.14)
    low, high = axes.get_ylim()
    step = next(step for step in (0.02, 0.05, 0.1, 0.2, 0.5, 1, 5) if high - low < 11 * step)
    axes.yaxis.set_major_locator(MultipleLocator(step))
    axes.yaxis.set_major_formatter("{x:.2f}")
    low, high = axes.get_xlim()
    axes.xaxis.set_major_locator(LogLocator(subs=(1,) if high > 300 * low else (1, 3)))
    axes.xaxis.set_major_formatter("{x:g}")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_locator(NullLocator())
    axes.grid(color="0.87", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0)
    axes.spines[["top", "right", "left", "bottom"]].set_visible(False)


def own_line(rows, score):
    """Where this package's marks are, by time."""
    means = [row[score] for row in rows if row["family"] == "rosenblatt"]
    return sorted((mean["seconds"], mean["ratio"]) for mean in means)


def place_labels(axes, rows, score, renderer):
    """Name each mark beside it, where no other mark or name is.

    Parameters
    ----------
    axes : Axes
        Drawn once, so that places on the page are known.
    rows : list of dict
    score : str
    renderer : RendererBase
        Knows how large a text is.
    """
    taken = [mark_box(axes, row[score], renderer) for row in rows]
    taken += line_boxes(axes.transData.transform(own_line(rows, score) or np.empty((0, 2))))
    most = max(row[score]["n_tables"] for row in rows)
    for row in sorted(rows, key=lambda row: row[score]["ratio"]):
        mean, name = row[score], NAMES.get(row["name"], row["name"])
        if mean["n_tables"] < most:
            name += f" ({mean['n_tables']} of {most})"
        label = axes.annotate(
            name, (mean["seconds"], mean["ratio"]), (0, 0), textcoords="offset points",
            color=STYLES[row["family"]][0], fontsize=9, zorder=4,
        )  # fmt: skip
        taken += place(label, taken, axes, renderer)


def mark_box(axes, mean, renderer):
    """The rectangle of a mark and its interval, in pixels."""
    from matplotlib.transforms import Bbox

    error, radius = mean["stderr"] or 0, renderer.points_to_pixels(5)
    corners = axes.transData.transform(
        [(mean["seconds"], mean["ratio"] - error), (mean["seconds"], mean["ratio"] + error)]
    )
    return Bbox.from_extents(*(corners[0] - radius), *(corners[1] + radius))


def line_boxes(corners):
    """Small squares along a line, all in pixels."""
    from matplotlib.transforms import Bbox

    centres = [
        start + part * (end - start)
        for start, end in pairwise(corners)
        for part in np.linspace(0.1, 0.9, 17)
    ]
    return [Bbox.from_extents(*(centre - 1), *(centre + 1)) for centre in centres]


def place(label, taken, axes, renderer):
    """Move a label to the first place that is free, or to the least crowded.

    Returns
    -------
    list of Bbox
        What it takes: the text, and the line that leads to one far from its mark.
    """
    panel, choices = axes.get_window_extent(renderer), []
    mark = axes.transData.transform(label.xy)
    others = [box for box in taken if not box.contains(*mark)]
    for i, (x, y, ha, va) in enumerate(PLACES):
        label.set(position=(x, y), ha=ha, va=va)
        box, boxes = label.get_window_extent(renderer).padded(1), []
        if is_far(x, y):
            boxes = line_boxes([mark, mark + renderer.points_to_pixels(np.array([x, y]))])
        is_outside = not (panel.contains(*box.min) and panel.contains(*box.max))
        n_crossed = sum(line.overlaps(other) for line in boxes for other in others)
        crowd = 5 * box.count_overlaps(taken) + n_crossed + 50 * is_outside
        choices.append((crowd, i, [box, *boxes]))
    _, i, boxes = min(choices, key=lambda choice: choice[:2])
    x, y, ha, va = PLACES[i]
    label.set(position=(x, y), ha=ha, va=va)
    if is_far(x, y):
        axes.annotate(
            "", label.xy, (x, y), textcoords="offset points",
            arrowprops={"arrowstyle": "-", "color": "0.6", "linewidth": 0.8, "shrinkB": 4},
        )  # fmt: skip
    return boxes


def is_far(x, y):
    """Whether a line must lead from a mark to its name, so many points away."""
    return max(abs(x), abs(y)) > 20


def legend(figure, rows):
    """What the colours and markers are, this package first."""
    from matplotlib.lines import Line2D

    found = [family for family in reversed(STYLES) if family in {row["family"] for row in rows}]
    handles = [
        Line2D([], [], color=STYLES[family][0], marker=STYLES[family][1], linewidth=1.2,
               markersize=7, label=FAMILIES.get(family, family))
        for family in found
    ]  # fmt: skip
    figure.legend(handles=handles, loc="outside upper left", ncols=len(handles), frameon=False)


def fine_print(rows):
    """What the marks are, and where they were measured."""
    processors = sorted({name for row in rows for name in row["processors"]})
    versions = sorted({row["version"] for row in rows})
    n_tables = {row[score]["n_tables"] for row in rows for score in ("error", "nrmse")
                if row.get(score)}  # fmt: skip
    return (
        f"geometric means over up to {max(n_tables)} tables a panel, bars: standard errors; "
        f"mean processor seconds of one thread, {', '.join(processors)}\n{', '.join(versions)}"
    )
