"""Words and layout that all reports share, and the one kind of error that a person is told."""

# SPDX-License-Identifier: BSD-3-Clause
import textwrap

PAGE_WIDTH = 79


class DataError(Exception):
    """What is wrong with the person's data, in one line for that person."""


def say(text):
    """Print a paragraph, wrapped, and an empty line."""
    print(fill(text), end="\n\n", flush=True)


def fill(text):
    """A paragraph's lines; names of columns and options are not broken at their hyphens."""
    return textwrap.fill(text, PAGE_WIDTH, break_on_hyphens=False)


def describe_layers(hidden):
    """Say how many hidden layers there are, and how wide."""
    if len(hidden) == 1:
        return f"a hidden layer of {hidden[0]} neurons"
    return f"{len(hidden)} hidden layers of {', '.join(map(str, hidden))} neurons"


def quoted(text, width=40):
    """The text in quotes, on one line and not too long for a message."""
    return repr(shortened(str(text), width))


def shortened(text, width):
    """At most so many characters of a text."""
    return text if len(text) <= width else text[: width - 3] + "..."


def count(number, singular, plural=None):
    """A number with its noun."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def listed(names, most):
    """Names in quotes, the first of them if there are many."""
    names = list(names)
    text = ", ".join(quoted(name) for name in names[:most])
    return text + (f" and {len(names) - most} more" if len(names) > most else "")
