"""Lets Ctrl-C end a fit between two calls of the core, where the state is consistent.

It is used by the training loops, and has no effect outside its block.
"""

# SPDX-License-Identifier: BSD-3-Clause
import contextlib
import signal
import threading


class Interruption:
    """A context in which Ctrl-C is recorded instead of raising KeyboardInterrupt.

    This applies only in the main thread and with Python's default handler. Otherwise the context
    has no effect. A second Ctrl-C raises immediately.

    Parameters
    ----------
    is_noted : bool, default=True
        If False, KeyboardInterrupt is raised at the end of the block. This is for methods that
        users call in their own loops, which must not swallow Ctrl-C.

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
