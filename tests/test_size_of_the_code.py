"""Limits on the size of files, classes and functions, and the direction of imports."""

import ast
import graphlib
import re
from pathlib import Path

import pytest

SOURCES = Path(__file__).resolve().parent.parent / "src"
FILES = sorted(
    path
    for suffix in ("py", "pyx", "pxd", "c", "h", "def")
    for path in SOURCES.rglob(f"*.{suffix}")
)
MOST_LINES_OF_A_FILE, MOST_LINES_OF_A_CLASS, MOST_LINES_OF_A_FUNCTION = 800, 500, 60

named = pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)


def python_sizes(text):
    """(name, lines, whether it is a class); of a function without signature and docstring."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ClassDef):
            yield node.name, node.end_lineno - node.lineno + 1, True
        elif isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) is not None else node.body
            yield node.name, node.end_lineno - body[0].lineno + 1 if body else 0, False


def cython_sizes(text):
    """The same of Cython, by indentation."""
    lines = text.split("\n")
    for start, line in enumerate(lines):
        found = re.match(r"( *)(?:cdef |cpdef )?(class|def|cdef|inline)\b[^=]*?(\w+) ?[(:]", line)
        if not found:
            continue
        indent, is_class = len(found[1]), found[2] == "class"
        end = start + 1
        while end < len(lines) and (
            not lines[end].strip()
            or len(lines[end]) - len(lines[end].lstrip()) > indent
            or lines[end].lstrip().startswith(")")
        ):
            end += 1
        body = "\n".join(lines[start:end])
        if not is_class:
            body = body[re.search(r":\n|$", body).end() :]
            body = re.sub(r'\A\s*"""[^"]*"""\n', "", body)
        yield found[3], body.rstrip().count("\n") + 1, is_class


@named
def test_files_are_no_longer_than_can_be_read(path):
    """Lines of all kinds."""
    assert path.read_text().count("\n") <= MOST_LINES_OF_A_FILE


@named
def test_classes_and_functions_are_no_longer_than_can_be_held(path):
    """Of Python and Cython; C has its macros."""
    if path.suffix not in {".py", ".pyx"}:
        return
    sizes = cython_sizes if path.suffix == ".pyx" else python_sizes
    too_long = {
        name: n_lines
        for name, n_lines, is_class in sizes(path.read_text())
        if n_lines > (MOST_LINES_OF_A_CLASS if is_class else MOST_LINES_OF_A_FUNCTION)
    }
    assert not too_long


def test_sizes_are_those_of_the_body():
    """Neither signature nor docstring counts; of a class everything."""
    text = 'class One:\n    def two(\n        self\n    ):\n        """Doc."""\n        return 1\n'
    assert sorted(python_sizes(text)) == [("One", 6, True), ("two", 1, False)]
    assert sorted(cython_sizes("cdef " + text)) == [("One", 6, True), ("two", 1, False)]


def imported_modules(path, modules):
    """Names of this package's modules that one imports when it is imported itself."""
    lines = path.read_text().split("\n")
    for line in lines:  # those inside functions are indented
        found = re.match(r"from (rosenblatt[\w.]*) c?import (.*)|import (rosenblatt[\w.]*)", line)
        if found:
            base = found[1] or found[3]
            names = [f"{base}.{name.strip()}" for name in (found[2] or "").split(",")]
            yield from (name for name in names if name in modules)
            yield from [base] if base in modules else []


def test_imports_form_no_circle():
    """Of Python and Cython modules: each layer knows only those below it."""
    modules = {}
    for path in FILES:
        if path.suffix in (".py", ".pyx"):
            name = ".".join(path.relative_to(SOURCES).with_suffix("").parts)
            modules[name.removesuffix(".__init__")] = path
    below = {name: set(imported_modules(path, modules)) for name, path in modules.items()}
    # a package's own __init__ is run before its modules, and imports them in its turn
    below = {name: {n for n in names if not name.startswith(n)} for name, names in below.items()}
    assert sum(map(len, below.values())) > 300
    graphlib.TopologicalSorter(below).prepare()  # raises CycleError, which names the circle
