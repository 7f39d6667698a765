"""Bars and lines that show how far something is: tqdm's bar where it is installed, a line without.

What is counted, and whether it is shown at all, is the callers' affair.
"""

# SPDX-License-Identifier: BSD-3-Clause
import shutil
import time

SECONDS_BETWEEN_UPDATES = 0.1


def open_bar(**options):
    """A bar of tqdm's, for a terminal or a notebook; None where tqdm is not installed.

    Parameters
    ----------
    **options
        Of `tqdm.tqdm`. Unless `leave` is given, the bar vanishes when it is closed.
    """
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return None
    return tqdm(**{"leave": False, **options})


def line_width():
    """Columns of the terminal but one: a character in the last would move some to the next line."""
    return min(shutil.get_terminal_size().columns, 80) - 1


class RewrittenLine:
    """One line of text that is written over itself; `close` leaves an empty line.

    Parameters
    ----------
    stream : file
        A terminal.
    """

    def __init__(self, stream):
        self._stream, self._width = stream, line_width()
        self._shown_at = -SECONDS_BETWEEN_UPDATES

    def show(self, text):
        """Write the text, unless the last one has hardly been seen."""
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
