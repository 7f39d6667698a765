"""Import time and size of the installation."""

import importlib.metadata
import importlib.util
import statistics
import subprocess
import sys

from benchmarks.timing import in_turn

DISTRIBUTIONS = {
    "sklearn.base": "scikit-learn",
    "rosenblatt": "rosenblatt",
    "sklearn.neural_network": "scikit-learn",
    "torch": "torch",
    "skorch": "skorch",
}


def imports(settings, report):
    """Time of the import in a fresh process, and installed size."""
    modules = list(DISTRIBUTIONS)[: 2 if settings.quick or not settings.with_peers else None]
    modules = [name for name in modules if importlib.util.find_spec(name.split(".")[0])]
    table = report.table(
        "Import in a fresh process, milliseconds",
        {
            "name": ("module", "text"),
            "seconds": ("import", "ms"),
            "beyond": ("beyond sklearn", "ms"),
            "over": ("over sklearn", "times"),
            "size": ("installed MB", "MB"),
        },
        notes=[
            "beyond and over sklearn: more than, and a multiple of, `import sklearn.base` in the "
            "same round",
            "installed: its own files, without what it depends on",
            *(["--quick: one round, two modules"] if settings.quick else []),
        ],
    )
    functions = {name: lambda name=name: import_seconds(name) for name in modules}
    rounds = 1 if settings.quick else settings.rounds
    times = in_turn(functions, rounds, "import", warm_up=False)
    base = times.rounds["sklearn.base"]
    for name in modules:
        beyond = [a - b for a, b in zip(times.rounds[name], base, strict=True)]
        table.add(
            name=name,
            seconds=times.medians[name],
            beyond=statistics.median(beyond),
            over=times.ratio(name, "sklearn.base"),
            size=installed_size(DISTRIBUTIONS[name]),
            rounds=times.rounds[name],
        )


def import_seconds(name):
    """Seconds of an import, measured by the fresh process itself."""
    code = f"import time; start = time.perf_counter(); import {name}; "
    code += "print(time.perf_counter() - start)"
    return float(
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout
    )


def installed_size(distribution):
    """Bytes of the files that were installed, compiled Python left out."""
    files = importlib.metadata.files(distribution) or []
    paths = (file.locate() for file in files if file.suffix != ".pyc")
    return sum(path.stat().st_size for path in paths if path.is_file())
