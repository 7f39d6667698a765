"""The command line of ``python -m benchmarks``.

Run it with nothing else running. sections/ has what is measured, timing.py how.
"""

import argparse
import ast
import sys
import time
import warnings
from pathlib import Path

from sklearn.exceptions import ConvergenceWarning

from benchmarks.environment import environment
from benchmarks.picture import PictureError, draw, require_matplotlib
from benchmarks.progress import progress
from benchmarks.report import Report, ReportError, SkippedError
from benchmarks.sections import SECTIONS
from benchmarks.sections.tables import MOST_ROWS, show
from benchmarks.settings import Settings, TableOptions
from benchmarks.tables.contenders import OPTIONS
from benchmarks.tables.results import Results

DESCRIPTION = """\
Times this package next to scikit-learn and, where they are installed, PyTorch
and skorch. Every value is a median of several rounds in which all sides took
turns; ratios are to the faster of scikit-learn and PyTorch: above 1, this
package is faster.
"""


def sizes(text):
    """Read "1,16" as (1, 16)."""
    numbers = tuple(int(number) for number in text.split(","))
    if min(numbers) < 1:
        raise ValueError
    return numbers


sizes.__name__ = "list of sizes (such as 1,16,256)"  # which argparse names in its message


def words(text):
    """Read "adult,titanic" as ("adult", "titanic")."""
    return tuple(text.split(","))


def methods(text):
    """Read names of contenders."""
    if unknown := [name for name in words(text) if name not in OPTIONS]:
        raise argparse.ArgumentTypeError(
            f"no contender {', '.join(unknown)}; there are {', '.join(OPTIONS)}"
        )
    return words(text)


def changes(text):
    """Read "power=0,dropout=0.3" as a dict."""
    pairs = (pair.split("=", 1) for pair in words(text))
    return {name.strip(): ast.literal_eval(value) for name, value in pairs}


changes.__name__ = "list of changes (such as power=0,dropout=0.3)"


def count(text):
    """Read a number from 1."""
    if int(text) < 1:
        raise ValueError
    return int(text)


def parse_arguments(argv):
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=DESCRIPTION,
        epilog="sections:\n"
        + "\n".join(f"  {name:<12}{run.__doc__.splitlines()[0]}" for name, run in SECTIONS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("sections", nargs="*", metavar="SECTION", help="default: all, see below")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a minute for everything: fewer rounds, shorter measurements, smaller problems. To "
        "see that all works; the figures are rough",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures to FILE")
    parser.add_argument(
        "--picture",
        type=Path,
        metavar="FILE",
        help="draw the section steps with whole tasks, or without it the section tables (.svg, "
        ".png)",
    )
    parser.add_argument(
        "--from",
        dest="source",
        type=Path,
        metavar="FILE",
        help="measure nothing: print, and draw, what --json, or --results to a file .jsonl, wrote "
        "to FILE",
    )
    parser.add_argument(
        "--data",
        type=Path,
        metavar="FOLDER",
        help="a folder with mnist.npz, which holds X_train, y_train, X_test and y_test, for the "
        "section accuracy (default: download from openml.org, kept by scikit-learn), or with "
        "index.json and NAME.csv.gz for the section tables (default: data of scikit-learn)",
    )
    parser.add_argument(
        "--dtype",
        choices=["float32", "float64", "both"],
        help="of the sections steps, layers, isa, threads and sweep (default: both; with --quick "
        "float32)",
    )
    parser.add_argument("--without-peers", action="store_true", help="time this package alone")
    sweep = parser.add_argument_group("the section sweep")
    sweep.add_argument("--widths", type=sizes, metavar="SIZES", help="1 to 1024 by default")
    sweep.add_argument("--batches", type=sizes, metavar="SIZES", help="1 to 4096 by default")
    add_table_options(parser.add_argument_group("the section tables"))
    arguments = parser.parse_args(argv)
    if unknown := [name for name in arguments.sections if name not in SECTIONS]:
        parser.error(f"no section {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
    for path in filter(None, (arguments.json, arguments.picture, arguments.results)):
        if not path.absolute().parent.is_dir():
            parser.error(f"the folder of {path} does not exist")
    if arguments.picture and arguments.picture.suffix not in (".svg", ".png"):
        parser.error(f"--picture must end in .svg or .png, got {arguments.picture}")
    return arguments


def add_table_options(group):
    """What the section tables may be asked for."""
    default = TableOptions()
    group.add_argument("--tables", type=words, metavar="NAMES", help="default: all of the folder")
    group.add_argument(
        "--methods",
        type=methods,
        metavar="NAMES",
        help=f"of {', '.join(OPTIONS)} (default: all that are installed)",
    )
    group.add_argument(
        "--splits", type=count, metavar="N", help=f"{default.splits} by default; with --quick 1"
    )
    group.add_argument(
        "--results",
        type=Path,
        metavar="FILE",
        help="add each result to FILE, and do not measure again what is there. The tables hold "
        "those of all contenders in it, of other environments too",
    )
    group.add_argument(
        "--quantiles", action="store_true", help="measure intervals and quantiles of numbers, too"
    )
    group.add_argument(
        "--build",
        default=default.build,
        metavar="TEXT",
        help="stands behind the names of this package's presets: results of several builds of one "
        "version in one file",
    )
    group.add_argument(
        "--changes",
        type=changes,
        default={},
        metavar="NAME=VALUE,..",
        help="fields of the recipe's plan, power=0 say, in place of its own: what an ingredient "
        "brings; they stand behind the names of the presets",
    )
    group.add_argument(
        "--inner",
        action="store_true",
        help="split the training rows of each split again and leave its test rows aside, to choose",
    )
    group.add_argument(
        "--one-split-above",
        type=float,
        default=default.one_split_above,
        metavar="SECONDS",
        help="contenders whose fits take longer on average have one split (default: %(default)g)",
    )
    group.add_argument(
        "--retry-failed", action="store_true", help="try again what ended with an error"
    )


def settings_of(arguments):
    """What the sections need of the command line; the sweep's default grid is log-spaced."""
    quick = arguments.quick
    dtype = arguments.dtype or ("float32" if quick else "both")
    return Settings(
        quick=quick,
        dtypes=("float32", "float64") if dtype == "both" else (dtype,),
        with_peers=not arguments.without_peers,
        data=arguments.data,
        widths=arguments.widths
        or ((1, 16, 256) if quick else (1, 3, 8, 20, 50, 128, 300, 600, 1024)),
        batches=arguments.batches or ((1, 16, 256) if quick else (1, 4, 16, 48, 200, 800, 4096)),
        tables=TableOptions(
            names=arguments.tables or (),
            methods=arguments.methods or (),
            splits=arguments.splits or (1 if quick else TableOptions.splits),
            results=arguments.results,
            quantiles=arguments.quantiles,
            build=arguments.build,
            changes=arguments.changes,
            inner=arguments.inner,
            one_split_above=arguments.one_split_above,
            retry_failed=arguments.retry_failed,
        ),
    )


def run(sections, settings, report):
    """Run the chosen sections."""
    report.set_environment(environment(settings.with_peers))
    if settings.quick:
        print("--quick: fewer rounds, shorter measurements, smaller problems; rough figures")
    for number, section in enumerate(sections, 1):
        progress.section = f"{section} ({number} of {len(sections)})"
        report.begin(section)
        start = time.perf_counter()
        try:
            SECTIONS[section](settings, report)
        except SkippedError as reason:
            report.skip(str(reason))
        report.end(time.perf_counter() - start)


def read(source):
    """Print what --json or --results wrote, and return the report."""
    if source.suffix != ".jsonl":
        return Report.read(source)
    results, report = Results(source).latest(MOST_ROWS), Report()
    if not results:
        raise ReportError(f"{source} holds no results of --results")
    report.set_environment({"processor": ", ".join(sorted({one.processor for one in results}))})
    report.begin("tables")
    show(results, report)
    return report


def main(argv=None):
    """Run the command line and return the exit status."""
    arguments = parse_arguments(argv)
    warnings.simplefilter("ignore", ConvergenceWarning)  # numbers of epochs are fixed on purpose
    report = Report()
    try:
        if arguments.picture:
            require_matplotlib()  # rather than after all measurements
        if arguments.source:
            report = read(arguments.source)
        else:
            run(arguments.sections or list(SECTIONS), settings_of(arguments), report)
        if arguments.picture:
            draw(report, arguments.picture)
    except PictureError as error:
        print(f"benchmarks: no picture: {error}", file=sys.stderr)
        return 1
    except ReportError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        progress.clear()
        print("benchmarks: interrupted", file=sys.stderr)
        return 130
    finally:
        if arguments.json and report.environment:  # also what was measured until an error
            report.write(arguments.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
