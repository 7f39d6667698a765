"""Pictures of a report: microseconds of an optimiser step and whole tasks, or without the section
steps that of the section tables.
"""

import importlib.util

from benchmarks.tables import picture as tables_picture
from benchmarks.timing import OURS, Times

# Okabe & Ito's palette, which people with any colour vision can tell apart; markers differ too
STYLES = {
    "scikit-learn": ("#E69F00", "s"),
    "PyTorch": ("#0072B2", "^"),
    OURS: ("#D55E00", "o"),
}
TASKS = {
    "digits": "Fit of digits, default parameters",
    "search": "Grid search on digits",
    "prediction": "Prediction, rows: {n_rows:,}, {net}",
    "perceptron": "Perceptron, {name}",
    "accuracy": "{task}",
}


class PictureError(Exception):
    """There is nothing to draw, or nothing to draw with."""


def require_matplotlib():
    """Raise PictureError where matplotlib is not installed."""
    if importlib.util.find_spec("matplotlib") is None:
        raise PictureError("it needs matplotlib: python -m pip install matplotlib")


def draw(report, path):
    """Draw what a report holds.

    Parameters
    ----------
    report : Report
    path : Path
        .svg or .png.

    Raises
    ------
    PictureError
        Without matplotlib, or if neither the section steps was measured with peers nor tables.
    """
    require_matplotlib()
    from matplotlib import rc_context

    # the same bytes for the same figures: text as paths, ids that are not random, no date
    with rc_context({"svg.hashsalt": "rosenblatt", "svg.fonttype": "path", "font.size": 10}):
        if float32_rows(report, "steps"):
            figure = figure_of(report)
        elif rows := tables_picture.rows_of(report):
            figure = tables_picture.figure_of(rows)
        else:
            raise PictureError(
                "it shows the section steps in float32 with peers, or tables; run one of them too"
            )
        metadata = {"Date": None} if path.suffix == ".svg" else {}
        figure.savefig(path, dpi=150, metadata=metadata, facecolor="white")


def figure_of(report):
    """Draw the steps and the whole tasks."""
    from matplotlib.figure import Figure

    steps, tasks = float32_rows(report, "steps"), whole_tasks(report)
    figure = Figure(figsize=(8, 2 + 0.27 * (len(steps) + len(tasks))), layout="constrained")
    heights = [len(steps), len(tasks)] if tasks else [1]
    panels = figure.subplots(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
    draw_rows(panels[0], {f"{row['net']}, batch {row['batch']}": row for row in steps}, 1e6)
    panels[0].set_xlabel("microseconds of an optimiser step (less is better)")
    if tasks:
        draw_rows(panels[1], tasks, 1)
        panels[1].set_xlabel("time as a multiple of rosenblatt's (less is better)")
    legend(figure, panels[0])
    figure.supxlabel(fine_print(report), fontsize=8, color="0.3")
    return figure


def float32_rows(report, section):
    """Rows with a ratio to a peer; of those in both precisions float32."""
    tables = report.sections.get(section, {}).get("tables", [])
    every = [row for table in tables for row in table["rows"]]
    return [row for row in every if "ratio" in row and row.get("dtype", "float32") == "float32"]


def whole_tasks(report):
    """Of each task that was measured, by its name, times as multiples of this package's."""
    tasks = {}
    for section, name in TASKS.items():
        for row in float32_rows(report, section):
            times = Times(row["rounds"])
            multiples = {one: times.ratio(one, OURS) for one in STYLES if one in row}
            tasks[name.format(**row)] = {**multiples, "ratio": row["ratio"]}
    return tasks


def draw_rows(axes, rows, scale):
    """A line for each row, a marker for each library, on a logarithmic axis."""
    from matplotlib.ticker import LogLocator, NullLocator

    for library, (colour, marker) in STYLES.items():
        known = [(row[library] * scale, i) for i, row in enumerate(rows.values()) if library in row]
        x, y = zip(*known, strict=True) if known else ((), ())
        axes.scatter(x, y, s=45, color=colour, marker=marker, label=library, zorder=3)
    for i, row in enumerate(rows.values()):
        digits = sum(row["ratio"] < limit for limit in (1, 9.95))
        text = f"{row['ratio']:.{digits}f}\N{MULTIPLICATION SIGN}"
        axes.annotate(text, (1.03, i), xycoords=("axes fraction", "data"), va="center")
    axes.set_xscale("log")
    low, high = axes.get_xlim()
    axes.xaxis.set_major_locator(LogLocator(subs=(1,) if high > 1000 * low else (1, 2, 5)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter("{x:,g}")
    axes.set_yticks(range(len(rows)), list(rows))
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.grid(axis="both", color="0.87", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(axis="both", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)


def legend(figure, axes):
    """The libraries, this package first, and what the numbers at the right are."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles[::-1], labels[::-1], loc="outside upper left", ncols=3, frameon=False)
    axes.annotate("faster peer\n/ rosenblatt", (1.03, 1.01), xycoords="axes fraction", va="bottom",
                  fontsize=8)  # fmt: skip


def fine_print(report):
    """Where and with what it was measured."""
    names = ("scikit-learn", "torch")
    versions = report.environment.get("versions", "").split(", ")
    used = [entry for entry in versions if entry.split(" ")[0] in names]
    machine = report.environment.get("processor", "").split(", ")[0]
    return ", ".join([machine, "one thread", "float32 (perceptron: float64)", *used])
