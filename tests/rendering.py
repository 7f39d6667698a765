"""Helpers for tests of plots: rendering, and detection of overlapping texts."""

import io
from itertools import chain, combinations


def rendered(figure):
    """The picture as bytes of a PNG."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _tick_labels(axis):
    """Those that are drawn: an axis also keeps labels beyond its limits."""
    low, high = sorted(axis.get_view_interval())
    reach = 1e-9 * (high - low)
    for tick in chain(axis.get_major_ticks(), axis.get_minor_ticks()):
        if low - reach <= tick.get_loc() <= high + reach:
            yield from (tick.label1, tick.label2)


def _all_texts(figure):
    yield from figure.texts
    for ax in figure.axes:
        yield from chain(ax.texts, [ax.title])
        if legend := ax.get_legend():
            yield from legend.get_texts()
        axes = [ax.xaxis, ax.yaxis, *([ax.zaxis] if hasattr(ax, "zaxis") else [])]
        for axis in axes if ax.axison else []:
            yield from chain(_tick_labels(axis), [axis.label, axis.offsetText])


def texts(figure):
    """(text, its place in pixels) of all that is written in the picture."""
    figure.canvas.draw()
    seen = [t for t in _all_texts(figure) if t.get_visible() and t.get_text().strip()]
    return [(text.get_text(), text.get_window_extent()) for text in seen]


def overlapping_texts(figure):
    """Pairs of texts that share more than the rim of their boxes."""
    return [
        (one, other)
        for (one, a), (other, b) in combinations(texts(figure), 2)
        if a.padded(-1).overlaps(b.padded(-1))
    ]


def texts_outside(figure):
    """Texts that the picture's edge cuts."""
    width, height = figure.bbox.width, figure.bbox.height
    return [
        text
        for text, box in texts(figure)
        if box.x0 < -1 or box.y0 < -1 or box.x1 > width + 1 or box.y1 > height + 1
    ]
