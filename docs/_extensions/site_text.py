"""Links that lead out of docs/, and docstrings, as the site has them.

In the repository every link leads to a file. On the site, a file that a page shows is that page,
and any other file is on the code host, if there is one: _links.py knows its address.
"""

# SPDX-License-Identifier: BSD-3-Clause
import os
import re
from pathlib import Path

from sphinx.util import logging

from rosenblatt._links import DOCUMENTATION, REPOSITORY

DOCS = Path(__file__).resolve().parents[1]
ROOT = DOCS.parent

# pages that show a file from outside docs/, which stays where code hosts look for it
SHOWN = {"contributing": ROOT / "CONTRIBUTING.md", "changelog": ROOT / "CHANGELOG.md"}
PAGES = {
    ROOT / "README.md": "index.md",
    ROOT / "examples" / "gallery": "gallery/index.rst",
    **{file: f"{page}.md" for page, file in SHOWN.items()},
}

LINK = re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^()\s#:]+)(#[^()\s]*)?\)")
# a page in a docstring, by its file or by its address: rosenblatt._links.page writes either
_FILE = r"docs/(?P<file>\w+)\.md(?: \(in the sources\))?"
_ADDRESS = rf"|{re.escape(DOCUMENTATION)}(?P<page>\w+)\.html" if DOCUMENTATION else "(?P<page>)"
REFERENCE = re.compile(r":(?:ref|term):`([^`<]*?)(?: *<[^`]*>)?`")
MENTION = re.compile(f"`*(?:{_FILE}{_ADDRESS})`*")

logger = logging.getLogger(__name__)


def links_of_site(text, source, page):
    """The text of a file with the links that the site has.

    Parameters
    ----------
    text : str
        Markdown.
    source : Path
        The file that it comes from, to which its links are relative.
    page : str
        The page that shows it, for warnings.
    """

    def replace(found):
        words, target, anchor = found[1], found[2], found[3] or ""
        file = Path(os.path.normpath(source.parent / target))
        if not file.exists():
            logger.warning("there is no %s, to which a link leads", target, location=page)
            return found[0]
        if file in PAGES:
            return f"[{words}]({PAGES[file]}{anchor})"
        if file.is_relative_to(DOCS):
            return f"[{words}]({file.relative_to(DOCS).as_posix()}{anchor})"
        if not REPOSITORY:
            return words
        kind = "tree" if file.is_dir() else "blob"
        return f"[{words}]({REPOSITORY}/{kind}/main/{file.relative_to(ROOT).as_posix()}{anchor})"

    return LINK.sub(replace, text)


def read_page(app, page, text):
    """Of every page that Sphinx reads, before it is parsed."""
    source = SHOWN.get(page, DOCS / f"{page}.md")
    if page in SHOWN:
        text[0] = source.read_text()
    if source.exists():
        text[0] = links_of_site(text[0], source, page)


def join_types(app, what, name, obj, options, lines):
    """A set of values that goes on in the next line, which numpydoc would take for the text."""
    for i in reversed(range(len(lines) - 1)):
        if re.match(r" *\w[\w, ]* : \{[^}]*$", lines[i]):
            lines[i : i + 2] = [f"{lines[i]} {lines[i + 1].strip()}"]


def escaped(line):
    """A docstring's line in which coefs_ is no link and |w| no substitution of reStructuredText."""
    if line.lstrip().startswith((">>>", "...")):
        return line
    parts = re.split(r"(`+[^`]*`+)", line)
    parts[::2] = [re.sub(r"(?<=\w)_(?!\w)|\|", r"\\\g<0>", part) for part in parts[::2]]
    return "".join(parts)


def read_docstring(app, what, name, obj, options, lines):
    """Pages that a docstring names become links to them.

    References to scikit-learn's pages, in what is inherited from it, need its inventory, `sklearn`.
    """
    for i, line in enumerate(lines):
        line = escaped(line)
        lines[i] = MENTION.sub(lambda found: f":doc:`/{found['file'] or found['page']}`", line)
        if "sklearn" not in app.config.intersphinx_mapping:
            lines[i] = REFERENCE.sub(r"\1", lines[i])


def skip_member(app, what, name, obj, skip, options):
    """Which arguments scikit-learn routes is its own affair, and the same for all estimators."""
    return True if re.fullmatch(r"set_\w+_request|get_metadata_routing", name) else None


def find_versions(app, page, template, context, doctree):
    """Of a site without an address the list of versions is found from where the page lies."""
    if not DOCUMENTATION:
        switcher = context["theme_switcher"]
        place = context["pathto"]("_static/versions.json", resource=True)
        context["theme_switcher"] = switcher | {"json_url": place}


def setup(app):
    app.connect("html-page-context", find_versions)
    app.connect("autodoc-skip-member", skip_member)
    app.connect("source-read", read_page)
    app.connect("autodoc-process-docstring", join_types, priority=100)
    app.connect("autodoc-process-docstring", read_docstring, priority=900)
    return {"parallel_read_safe": True}
