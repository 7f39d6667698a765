"""How Sphinx makes the site of the pages in this folder: `python -m sphinx -W docs docs/_build`.

The build needs no network. DOCS_INTERSPHINX names other projects whose objects shall be linked, as
`NAME=ADDRESS` separated by blanks, and then needs one; scikit-learn's NAME is sklearn.
"""

# SPDX-License-Identifier: BSD-3-Clause
import os
import sys
import warnings
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_extensions"))

from sklearn.exceptions import ConvergenceWarning  # noqa: E402

import rosenblatt  # noqa: E402
from rosenblatt._links import DOCUMENTATION, REPOSITORY  # noqa: E402

project = "rosenblatt"
author = copyright = "The rosenblatt developers"
release = rosenblatt.__version__
version = ".".join(release.split(".")[:2])

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
    "filled_tables",
    "site_text",
]
exclude_patterns = ["_build", "_extensions", "_templates", "gallery/*.ipynb", "gallery/*.md5"]
templates_path = ["_templates"]

# Pages: CommonMark as code hosts read it, with anchors at headings as they have them.
myst_heading_anchors = 4
smartquotes = False  # what stands in quotes is what to type
suppress_warnings = ["config.cache"]

# Docstrings. What stands between single backquotes is a link where it names an object, else code.
default_role = "py:obj"
autosummary_generate = True
autodoc_typehints = "none"
toc_object_entries_show_parents = "hide"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

intersphinx_mapping = {
    name: (address, None)
    for name, address in (
        pair.split("=", 1) for pair in os.environ.get("DOCS_INTERSPHINX", "").split()
    )
}

sphinx_gallery_conf = {
    "examples_dirs": "../examples/gallery",
    "gallery_dirs": "gallery",
    "abort_on_example_error": True,
    "backreferences_dir": "generated/examples",
    "doc_module": ("rosenblatt",),
    "copyfile_regex": "",
    "download_all_examples": False,
    "ignore_repr_types": r"rosenblatt\.plot|matplotlib",
    "image_scrapers": ("matplotlib",),
    "matplotlib_animations": False,
    "min_reported_time": 60,
    "plot_gallery": True,
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    "write_computation_times": False,
    "within_subsection_order": "FileNameSortKey",
}
# what the examples do on purpose: few epochs, pictures that no window shows
warnings.filterwarnings("ignore", category=ConvergenceWarning)
warnings.filterwarnings("ignore", message="FigureCanvasAgg is non-interactive")

html_theme = "pydata_sphinx_theme"
html_title = f"rosenblatt {version}"
html_baseurl = DOCUMENTATION
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "logo": {"text": "rosenblatt"},
    "navbar_align": "left",
    "navbar_end": ["version-switcher", "theme-switcher", "navbar-icon-links"],
    "header_links_before_dropdown": 6,
    "show_toc_level": 2,
    "show_nav_level": 2,
    "secondary_sidebar_items": {"**": ["page-toc"], "index": []},
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
    # the list of versions that are published, beside the newest pages
    "switcher": {
        "json_url": f"{DOCUMENTATION}_static/versions.json",
        "version_match": "dev" if "dev" in release else version,
    },
    "check_switcher": False,
    "icon_links": [
        {"name": "Source code", "url": REPOSITORY, "icon": "fa-solid fa-code-branch"},
    ]
    if REPOSITORY
    else [],
}
html_sidebars = {page: [] for page in ("index", "benchmarks", "changelog", "search", "genindex")}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
