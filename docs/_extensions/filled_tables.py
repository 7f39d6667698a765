"""Refuses to build the site where a page is behind the script that writes its tables."""

# SPDX-License-Identifier: BSD-3-Clause
import runpy
from pathlib import Path

from sphinx.errors import ConfigError

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


def check(app):
    """Of every script whose name says that it writes tables."""
    for path in SCRIPTS.glob("*_tables.py"):
        script = runpy.run_path(str(path))
        text = script["PAGE"].read_text()
        if script["page_with_tables"](text) != text:
            raise ConfigError(f"{script['PAGE'].name} is behind: run python scripts/{path.name}")


def setup(app):
    app.connect("builder-inited", check)
    return {"parallel_read_safe": True}
