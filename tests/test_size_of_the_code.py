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


def statements_of(path):
    """(module, names or None) of the imports of one file, those within functions included."""
    text = path.read_text()
    if path.suffix == ".pyx":
        for found in re.finditer(r"^ *from (\S+) c?import ([^(\n]*)|^ *c?import (\S+)", text, re.M):
            yield found[1] or found[3], (found[2] or "").replace(" ", "").split(",")
        return
    tree = ast.parse(text)
    never_run = {
        node
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If) and ast.unparse(branch.test) == "TYPE_CHECKING"
        for node in ast.walk(branch)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node not in never_run:
            yield node.module, [alias.name for alias in node.names]
        elif isinstance(node, ast.Import) and node not in never_run:
            yield from ((alias.name, []) for alias in node.names)


def imported_modules(name, path, modules):
    """This package's modules that one imports, and the packages that these lie in."""
    for base, members in statements_of(path):
        for imported in [base, *(f"{base}.{member}" for member in members)]:
            parts = imported.split(".")
            for n_parts in range(1, len(parts) + 1):
                module = ".".join(parts[:n_parts])
                # a package that holds the module itself has begun to be imported before
                if module in modules and module != name and not name.startswith(f"{module}."):
                    yield module


# (importer, imported) of imports within a function that do close a circle, with the reason
ALLOWED = {
    # DiagnosisDisplay draws a Diagnosis, whose method `plot` makes one; `from_estimator`, which all
    # displays have, makes the Diagnosis too
    ("rosenblatt.plot._diagnosis", "rosenblatt.diagnosis"),
}


def test_imports_form_no_circle():
    """Of Python and Cython modules: each knows only those below it, within functions too."""
    modules = {}
    for path in FILES:
        if path.suffix in (".py", ".pyx"):
            name = ".".join(path.relative_to(SOURCES).with_suffix("").parts)
            modules[name.removesuffix(".__init__")] = path
    below = {name: set(imported_modules(name, path, modules)) for name, path in modules.items()}
    for importer, imported in ALLOWED:
        below[importer].remove(imported)
    assert sum(map(len, below.values())) > 300
    graphlib.TopologicalSorter(below).prepare()  # raises CycleError, which names the circle
    for importer, imported in ALLOWED:  # each is one
        with pytest.raises(graphlib.CycleError):
            graphlib.TopologicalSorter(below | {importer: below[importer] | {imported}}).prepare()
