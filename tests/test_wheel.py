"""The contents of an installation: the files of the tree, and no interfering libraries."""

import os
import shutil
import subprocess
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

import rosenblatt

INSTALLED = Path(rosenblatt.__file__).parent
TREE = Path(__file__).parents[1] / "src" / "rosenblatt"
EXTENSIONS = sorted(
    path for path in INSTALLED.rglob("*") if path.name.endswith(tuple(EXTENSION_SUFFIXES))
)


def relative_paths(root, pattern):
    """Paths under root that match, relative to it."""
    return {path.relative_to(root).as_posix() for path in root.rglob(pattern)}


@pytest.fixture(scope="module")
def tree():
    """The source tree; there is nothing to compare where the tests or the package stand alone."""
    if not TREE.is_dir():
        pytest.skip("the source tree is not beside the tests")
    if INSTALLED == TREE:
        pytest.skip("the package is imported from the source tree, not from an installation")
    return TREE


def test_installation_has_exactly_the_python_files_of_the_tree(tree):
    """Every module and stub is listed in a meson.build, and no stray file was packed."""
    for pattern in ("*.py", "*.pyi", "*.typed"):
        in_tree = {path for path in relative_paths(tree, pattern) if "__pycache__" not in path}

        assert relative_paths(INSTALLED, pattern) == in_tree


def test_installation_has_no_sources_of_the_core(tree):
    """Beside Python files there are extension modules and typing information only."""
    suffixes = {path.suffix for path in INSTALLED.rglob("*") if path.is_file()}

    assert suffixes <= {".py", ".pyc", ".pyi", ".typed", Path(EXTENSION_SUFFIXES[0]).suffix}


def test_every_cython_file_of_the_tree_became_an_extension_module(tree):
    """Each .pyx is built and installed under its own name, and nothing else is."""
    built = {
        f"{path.parent.relative_to(INSTALLED).as_posix()}/{path.name.split('.')[0]}.pyx"
        for path in EXTENSIONS
    }

    assert built == relative_paths(tree, "*.pyx")
    assert built


@pytest.mark.skipif(sys.platform != "linux", reason="reads the symbols of an ELF library")
@pytest.mark.skipif(shutil.which("nm") is None, reason="nm is not installed")
@pytest.mark.parametrize("extension", EXTENSIONS, ids=lambda path: path.name.split(".")[0])
def test_extension_exports_its_init_function_alone(extension):
    """No kernel is visible to other libraries, whose symbols it could replace or be replaced by."""
    command = ["nm", "--dynamic", "--defined-only", "--format=posix", extension]
    listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout

    exported = {line.split()[0] for line in listing.splitlines()}

    assert exported == {f"PyInit_{extension.name.split('.')[0]}"}


@pytest.mark.parametrize("extension", EXTENSIONS, ids=lambda path: path.name.split(".")[0])
def test_extension_was_not_linked_with_fast_math(extension):
    """gcc's start-up code that sets flush-to-zero for the whole process is not in it."""
    content = extension.read_bytes()

    assert b"set_fast_math" not in content
    assert b"crtfastmath" not in content


def test_import_leaves_denormal_numbers_alone():
    """In a new process numbers below the normal ones survive the import of every extension."""
    modules = [
        ".".join(("rosenblatt", *path.relative_to(INSTALLED).parent.parts, path.name.split(".")[0]))
        for path in EXTENSIONS
    ]
    code = """
import importlib, sys
import numpy as np
for name in sys.argv[1:]:
    importlib.import_module(name)
for dtype in ("float32", "float64"):
    tiny = np.full(64, np.finfo(dtype).tiny)
    halves = tiny * np.array(0.5, dtype)  # flush-to-zero would give 0
    assert (halves > 0).all(), dtype
    assert (halves * np.array(2, dtype) == tiny).all(), dtype  # and denormals-are-zero here
"""
    environment = {**os.environ, "ROSENBLATT_ISA": ""}
    command = [sys.executable, "-c", code, *modules]

    done = subprocess.run(command, env=environment, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
