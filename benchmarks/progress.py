"""A progress line on standard error, if that is a terminal."""

import shutil
import sys
import time

SECONDS_BETWEEN_UPDATES = 0.1


class Progress:
    """A line that is written over itself until `clear`.

    Attributes
    ----------
    section : str
        What stands before every text.
    """

    def __init__(self, stream):
        self.stream, self.section = stream, ""
        self.is_shown, self.shown_at = False, 0.0
        self.began = time.monotonic()

    def show(self, text):
        now = time.monotonic()
        if not self.stream.isatty() or now - self.shown_at < SECONDS_BETWEEN_UPDATES:
            return
        # a character in the last column would move some terminals to the next line
        width = shutil.get_terminal_size().columns - 1
        line = f"[{now - self.began:.0f} s] {self.section}: {text}"
        self.stream.write("\r" + line[:width].ljust(width))
        self.stream.flush()
        self.is_shown, self.shown_at = True, now

    def clear(self):
        if self.is_shown:
            self.stream.write("\r" + " " * (shutil.get_terminal_size().columns - 1) + "\r")
            self.stream.flush()
            self.is_shown = False


progress = Progress(sys.stderr)
