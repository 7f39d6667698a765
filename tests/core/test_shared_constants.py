"""Numbers that the core and Python both have are the same."""

import re
from pathlib import Path

import pytest

from rosenblatt import _memory, _plan, _prediction

CORE = Path(__file__).resolve().parent.parent.parent / "src" / "rosenblatt" / "core"


@pytest.mark.parametrize(
    ("value", "file", "pattern"),
    [
        (_plan.MOST_THREADS, "threads.h", r"RB_MOST_THREADS = (\d+)"),
        (_memory.CHUNK_ROWS, "layers.pyx", r" CHUNK_ROWS = (\d+)"),
        (_plan.MOST_HIDDEN_LAYERS + 1, "layers.pxd", r"MOST_LAYERS = (\d+)"),
        (_plan.MOST_HIDDEN_LAYERS + 1, "surface.pyx", r"MOST_LAYERS = (\d+)"),
        (_prediction.VARIANCE_EPSILON, "normalize.h", r"IN_VARIANCE \(\(real\)(1e-\d+)\)"),
    ],
    ids=lambda value: value if isinstance(value, str) and "." in value else "",
)
def test_python_has_the_cores_number(value, file, pattern):
    """Where the core's is written is beside Python's in a comment."""
    assert float(re.search(pattern, read(file))[1]) == value


def test_cython_is_told_of_every_kernel():
    """Names and numbers of arguments; the types are the C compiler's to check."""
    rows = re.findall(r"^KERNEL\(\w+, (\w+), \((.*?)\)\)$", read("kernels.def"), re.S | re.M)
    _, _, table = read("kernels.pxd").partition("ctypedef struct rb_kernels:")
    told = re.findall(r"\(\*(\w+)\)\((.*?)\) noexcept nogil", table, re.S)
    assert len(rows) > 40
    count = {name: arguments.count(",") for name, arguments in rows}
    assert {name: arguments.count(",") for name, arguments in told} == count


def read(file):
    """The text of a source of the core."""
    return (CORE / file).read_text()
