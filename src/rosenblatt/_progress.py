"""Progress displays: a tqdm bar if tqdm is installed, otherwise a line of text.

The callers decide what is counted and whether it is shown.
"""

# SPDX-License-Identifier: BSD-3-Clause
import shutil
import time

SECONDS_BETWEEN_UPDATES = 0.1


def open_bar(**options):
    """A tqdm bar, for a terminal or a notebook; None if tqdm is not installed.

    Parameters
    ----------
    **options
        Arguments of `tqdm.tqdm`. Unless `leave` is given, the bar is removed when it is closed.
    """
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return None
    return tqdm(**{"leave": False, **options})


def line_width():
    """Columns of the terminal minus one, because some terminals wrap after the last column."""
    return min(shutil.get_terminal_size().columns, 80) - 1


class RewrittenLine:
    """One line of text that is overwritten; `close` leaves an empty line.

    Parameters
    ----------
    stream : file
        A terminal.
    """

    def __init__(self, stream):
        self._stream, self._width = stream, line_width()
        self._shown_at = -SECONDS_BETWEEN_UPDATES

    def show(self, text):
        """Write the text, unless the last one was written a moment ago."""
        now = time.monotonic()
        if now - self._shown_at >= SECONDS_BETWEEN_UPDATES:
            self._shown_at = now
            self._rewrite(text)

    def close(self):
        """Empty the line."""
        self._rewrite("")
        self._stream.write("\r")
        self._stream.flush()

    def _rewrite(self, text):
        self._stream.write("\r" + text[: self._width].ljust(self._width))
        self._stream.flush()
