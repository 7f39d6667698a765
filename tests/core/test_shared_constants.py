"""Constants that are defined both in the core and in Python are the same."""

import re
from pathlib import Path

import pytest

from rosenblatt import _memory, _network_description, _plan, _prediction

CORE = Path(__file__).resolve().parent.parent.parent / "src" / "rosenblatt" / "core"


@pytest.mark.parametrize(
    ("value", "file", "pattern"),
    [
        (_plan.MOST_THREADS, "threads.h", r"RB_MOST_THREADS = (\d+)"),
        (_memory.CHUNK_ROWS, "layers.pyx", r" CHUNK_ROWS = (\d+)"),
        (_network_description.MOST_HIDDEN_LAYERS + 1, "layer.pxd", r"MOST_LAYERS = (\d+)"),
        (_prediction.VARIANCE_EPSILON, "normalize.h", r"IN_VARIANCE \(\(real\)(1e-\d+)\)"),
    ],
    ids=lambda value: value if isinstance(value, str) and "." in value else "",
)
def test_python_has_the_cores_number(value, file, pattern):
    """Where the core's is written is beside Python's in a comment."""
    assert float(re.search(pattern, read(file))[1]) == value


def test_cython_is_told_of_every_kernel():
    """Names in their tables; what they take is the C compiler's to check."""
    subjects = re.findall(
        r"^SUBJECT\((\w+)\)$(.*?)^END_OF_SUBJECT", read("kernels.def"), re.S | re.M
    )
    tables = re.findall(r"struct rb_(\w+)_table:\n((?: {8}.*\n)*)", read("kernels.pxd"))
    rows = {name: re.findall(r"^KERNEL\(\w+, (\w+),", part, re.M) for name, part in subjects}
    told = {name: re.findall(r"\(\*(\w+)\)", part) for name, part in tables}
    assert sum(map(len, rows.values())) > 40
    assert told == rows


def read(file):
    """The text of a source of the core."""
    return (CORE / file).read_text()
