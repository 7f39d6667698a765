"""Lets Ctrl-C end a fit between two calls of the core, where nothing is half done.

For this package's training loops; it changes nothing outside the block it guards.
"""

# SPDX-License-Identifier: BSD-3-Clause
import contextlib
import signal
import threading


class Interruption:
    """A context in which Ctrl-C is noted instead of raised.

    Only where Python would raise KeyboardInterrupt anyway: in the main thread, under Python's
    own handler. Elsewhere the block runs as without it. A second Ctrl-C raises at once.

    Parameters
    ----------
    is_noted : bool, default=True
        False: it is raised. What people call in loops of their own must not swallow it.

    Attributes
    ----------
    requested : bool
        Whether there was a Ctrl-C.
    """

    def __init__(self, *, is_noted=True):
        self.is_noted, self.requested = is_noted, False
        self._previous = None

    def __enter__(self):
        in_main_thread = threading.current_thread() is threading.main_thread()
        is_pythons = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if self.is_noted and in_main_thread and is_pythons:
            with contextlib.suppress(ValueError):  # a subinterpreter has no handlers of its own
                self._previous = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *exception):
        if self._previous is not None:
            signal.signal(signal.SIGINT, self._previous)

    def _note(self, number, frame):
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
