"""``python -m benchmarks.compare OLD NEW SECTION ...``: compares two builds.

OLD and NEW are the Python interpreters of two environments, each with its build installed. What
is measured is chosen as for ``python -m benchmarks``, whose sections run without peers.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.progress import progress
from benchmarks.timing import OURS, Times


def parse_arguments(argv):
    """Read the command line; what is not known here goes to ``python -m benchmarks``."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.compare", description=__doc__.split("\n\n")[1]
    )
    parser.add_argument("old", help="Python of the environment with the old build")
    parser.add_argument("new", help="Python of the environment with the new build")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each (default: 5)")
    arguments, chosen = parser.parse_known_args(argv)
    if arguments.rounds < 1:
        parser.error(f"--rounds must be at least 1, got {arguments.rounds}")
    return arguments, chosen


def measured(python, chosen):
    """Seconds by the name of what took them, from one run of a build."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "run.json"
        command = [python, "-m", "benchmarks", *chosen, "--without-peers", "--json", file]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        sections = json.loads(file.read_text())["sections"]
    return {
        f"{section}: {name}": seconds
        for section, content in sections.items()
        for table in content["tables"]
        for row in table["rows"]
        for name, seconds in seconds_of(row).items()
    }


def seconds_of(row):
    """What a row of a table says about this package; of the sweep a value for each batch size."""
    name, dtype = row["name"], row.get("dtype", "")
    if dtype not in name:
        name = f"{name} {dtype}"
    if "seconds_of_a_step" in row:
        steps = row["seconds_of_a_step"].items()
        return {f"width {name}, batch {batch}": seconds for batch, seconds in steps}
    return {name: row[OURS]} if isinstance(row.get(OURS), float) else {}


def main(argv=None):
    """Run both builds in turn and print the median of the ratios of each row."""
    arguments, chosen = parse_arguments(argv)
    runs = {"old": [], "new": []}
    for i in range(arguments.rounds):
        for name, python in (("old", arguments.old), ("new", arguments.new)):
            progress.show(f"{name} build, round {i + 1} of {arguments.rounds}")
            runs[name].append(measured(python, chosen))
    progress.clear()
    print("old / new, above 1: the new build is faster; in brackets the least and the most\n")
    ratios = []
    for row in runs["new"][0]:
        times = Times({name: [run[row] for run in column] for name, column in runs.items()})
        each = [a / b for a, b in zip(*times.rounds.values(), strict=True)]
        ratios.append(times.ratio("old", "new"))
        print(f"{row:<52}{ratios[-1]:>7.2f}  ({min(each):.2f} to {max(each):.2f})")
    print(f"\n{'geometric mean':<52}{statistics.geometric_mean(ratios):>7.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
