"""Reports the kernels that were built and those in use."""

# SPDX-License-Identifier: BSD-3-Clause
import os
import platform
from importlib.metadata import version

from rosenblatt.core import dispatch

__version__ = version("rosenblatt")


def show_config() -> None:
    """Print versions, the kernels that were built and those in use.

    The environment variable ROSENBLATT_ISA, which is read at import, selects another of the
    available instruction-set levels.

    Examples
    --------
    >>> import rosenblatt
    >>> rosenblatt.show_config()  # doctest: +SKIP
    """
    lines = {
        "rosenblatt": __version__,
        "python": f"{platform.python_version()} on {platform.system()} {platform.machine()}",
        **{name: version(name) for name in ("numpy", "scipy", "scikit-learn")},
        "kernels built": ", ".join(dispatch.built_isas()),
        "available here": ", ".join(dispatch.available_isas()),
        "in use": dispatch.get_isa(),
        "ROSENBLATT_ISA": os.environ.get("ROSENBLATT_ISA", "not set"),
        "precisions": "float32, float64",
    }
    for name, value in lines.items():
        print(f"{name:>15}: {value}")
