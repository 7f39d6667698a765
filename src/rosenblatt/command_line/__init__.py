"""The command line ``python -m rosenblatt``: options in, a report on standard output, exit status.

It uses the estimators; they do not depend on it. _arguments.py parses the options.
_digits_report.py and _logic_gates.py are the demonstration that runs without a file. For a user's
table, _table_reading.py reads the file, _target.py finds the target and splits the rows,
_contenders.py lists the models and _table_report.py prints the report. _training.py and
_progress.py fit one model. _text.py has the layout and wording that all reports share.
"""

# SPDX-License-Identifier: BSD-3-Clause
import os
import sys

from rosenblatt.command_line._arguments import parse_arguments
from rosenblatt.command_line._text import DataError

__all__ = ["main"]


def main(argv=None):
    """Run the command line and return the exit status."""
    arguments = parse_arguments(argv)
    try:
        _run(arguments)
    except DataError as error:
        return _fail(f"error: {error}", 2)
    except MemoryError:
        return _fail("error: not enough memory for this data and --hidden", 1)
    except KeyboardInterrupt:
        return _fail("interrupted", 130)
    except BrokenPipeError:
        # the reader of the pipe, such as head, has closed it; Python must not flush again at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


def _run(arguments):
    # imported here so that unused dependencies may be missing and Ctrl-C is already caught
    if arguments.data is None:
        from rosenblatt.command_line._digits_report import show_digits
        from rosenblatt.command_line._logic_gates import show_gates

        show_digits(arguments)
        show_gates(arguments.random_state)
    else:
        from rosenblatt.command_line._table_report import show_table

        show_table(arguments)
    sys.stdout.flush()  # here, where a closed pipe is still handled


def _fail(text, status):
    sys.stdout.flush()
    print(f"rosenblatt: {text}", file=sys.stderr)
    return status
