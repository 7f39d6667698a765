"""The entry point of ``python -m rosenblatt``, which calls rosenblatt.command_line."""

# SPDX-License-Identifier: BSD-3-Clause
import sys

from rosenblatt.command_line import main

if __name__ == "__main__":
    # a column's name may hold characters that the terminal's encoding lacks
    sys.stdout.reconfigure(errors="backslashreplace")
    sys.stderr.reconfigure(errors="backslashreplace")
    sys.exit(main())
