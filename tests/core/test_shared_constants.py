"""Numbers that the core and Python both have are the same."""

import re
from pathlib import Path

import pytest

from rosenblatt import _plan, _prediction

CORE = Path(__file__).resolve().parent.parent.parent / "src" / "rosenblatt" / "core"


@pytest.mark.parametrize(
    ("value", "file", "pattern"),
    [
        (_plan.MOST_THREADS, "threads.h", r"RB_MOST_THREADS = (\d+)"),
        (_plan.CHUNK_ROWS, "layers.pyx", r" CHUNK_ROWS = (\d+)"),
        (_plan.MOST_HIDDEN_LAYERS + 1, "layers.pxd", r"MOST_LAYERS = (\d+)"),
        (_plan.MOST_HIDDEN_LAYERS + 1, "surface.pyx", r"MOST_LAYERS = (\d+)"),
        (_prediction.VARIANCE_EPSILON, "normalize.h", r"IN_VARIANCE \(\(real\)(1e-\d+)\)"),
    ],
    ids=lambda value: value if isinstance(value, str) and "." in value else "",
)
def test_python_has_the_cores_number(value, file, pattern):
    """Where the core's is written is beside Python's in a comment."""
    assert float(re.search(pattern, (CORE / file).read_text())[1]) == value
