"""Layout and wording that all reports share, and the exception for errors shown to the user."""

# SPDX-License-Identifier: BSD-3-Clause
import textwrap

PAGE_WIDTH = 79


class DataError(Exception):
    """An error in the user's data, described in one line."""


def say(text):
    """Print a wrapped paragraph and an empty line."""
    print(fill(text), end="\n\n", flush=True)


def fill(text):
    """Wrap a paragraph; names of columns and options are not broken at hyphens."""
    return textwrap.fill(text, PAGE_WIDTH, break_on_hyphens=False)


def describe_layers(hidden):
    """The number and the widths of the hidden layers, as text."""
    if len(hidden) == 1:
        return f"a hidden layer of {hidden[0]} neurons"
    return f"{len(hidden)} hidden layers of {', '.join(map(str, hidden))} neurons"


def quoted(text, width=40):
    """The text in quotes, on one line and shortened to `width`."""
    return repr(shortened(str(text), width))


def shortened(text, width):
    """The text, shortened to `width` characters."""
    return text if len(text) <= width else text[: width - 3] + "..."


def count(number, singular, plural=None):
    """A number with its noun."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def listed(names, most):
    """Names in quotes, of which at most `most` are listed."""
    names = list(names)
    text = ", ".join(quoted(name) for name in names[:most])
    return text + (f" and {len(names) - most} more" if len(names) > most else "")
