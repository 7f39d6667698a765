"""Where the documentation and the code are published: the one place that knows the addresses.

Docstrings and messages name pages as they lie in the repository, `docs/vocabulary.md`, and
`with_links` says where a reader of the installed package finds them.
"""

# SPDX-License-Identifier: BSD-3-Clause
import re
from inspect import isfunction

# The address of the site, with a slash at its end. Empty: there is no site yet.
DOCUMENTATION = ""

# The address of the repository on its code host, without a slash at its end. Empty: none yet.
REPOSITORY = ""

# An estimator's page below it, with {estimator_module} and {estimator_name} to fill in: where
# scikit-learn's HTML representation links to.
ESTIMATOR_PAGE = "generated/{estimator_module}.{estimator_name}.html"

# from which users import estimators; all others they import from the package itself
MODULES_OF_ESTIMATORS = ("rosenblatt.dask", "rosenblatt.mpi", "rosenblatt.preprocessing")

_PAGE = re.compile(r"\bdocs/(\w+)\.md\b")


def estimator_page():
    """The template of an estimator's address, empty without a site: then there is no link."""
    return DOCUMENTATION and DOCUMENTATION + ESTIMATOR_PAGE


def public_place(estimator):
    """What ESTIMATOR_PAGE is filled in with: the class and the module that users import it from."""
    own = type(estimator)
    module = ".".join(own.__module__.split(".")[:2])
    return {
        "estimator_module": module if module in MODULES_OF_ESTIMATORS else "rosenblatt",
        "estimator_name": own.__name__,
    }


def page(name):
    """What to tell a reader who looks for a page.

    Parameters
    ----------
    name : str
        The page's file in `docs`, without its ending.

    Returns
    -------
    place : str
        The address on the site, or else the file in the source code.
    """
    return f"{DOCUMENTATION}{name}.html" if DOCUMENTATION else f"docs/{name}.md (in the sources)"


def with_links(documented):
    """A decorator of classes and functions: the pages that docstrings name become `page` of them.

    Of a class, the docstrings of its own methods too.
    """
    members = vars(documented).values() if isinstance(documented, type) else ()
    for each in (documented, *filter(isfunction, members)):
        if each.__doc__:
            each.__doc__ = _PAGE.sub(lambda found: page(found[1]), each.__doc__)
    return documented
