"""``python -m rosenblatt``: the command line, and nothing but the command line.

_demo.py trains and reports, _csv_table.py reads a person's own file, _progress.py shows progress.
"""

# SPDX-License-Identifier: BSD-3-Clause
import argparse
import os
import sys

from rosenblatt._csv_table import DataError, read_table
from rosenblatt._demo import Settings, show_digits, show_gates, show_table

DESCRIPTION = """\
Trains a perceptron and a multi-layer perceptron (MLP) on handwritten digits,
or on your own CSV file, and scikit-learn's MLP with the same parameters and
seed next to them; without --data also logic gates.
"""

EPILOG = """\
examples:
  python -m rosenblatt
  python -m rosenblatt --data iris.csv --target species
  python -m rosenblatt --data houses.csv.gz --target -1 --hidden 64,32
"""


def hidden_layer_sizes(text):
    """Read "100,50" as (100, 50)."""
    sizes = tuple(int(size) for size in text.split(","))
    if min(sizes) < 1:
        raise ValueError
    return sizes


def positive_int(text):
    """Read an integer that is at least 1."""
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def seed(text):
    """Read an integer that NumPy takes as a seed."""
    number = int(text)
    if not 0 <= number < 2**32:
        raise ValueError
    return number


# argparse names the type in its message: "argument --max-iter: invalid positive integer value: '0'"
hidden_layer_sizes.__name__ = "list of layer sizes (such as 100,50)"
positive_int.__name__ = "positive integer"
seed.__name__ = "seed (0 to 4294967295)"


def build_parser():
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m rosenblatt",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    own = parser.add_argument_group("your own data")
    own.add_argument(
        "--data",
        metavar="FILE.csv",
        help="numeric columns separated by commas, semicolons or tabs, with or without a header "
        "line; may be compressed with gzip",
    )
    own.add_argument(
        "--target",
        metavar="COLUMN",
        help="the column to predict: its name, or its number counted from 0 (-1 is the last)",
    )
    own.add_argument(
        "--task",
        choices=["classification", "regression"],
        help="default: classification if the target holds text or few distinct integers, "
        "else regression",
    )
    model = parser.add_argument_group("the models")
    model.add_argument(
        "--hidden",
        type=hidden_layer_sizes,
        default=(100,),
        metavar="SIZES",
        help="neurons in each hidden layer of the MLPs, such as 100,50 (default: 100)",
    )
    model.add_argument(
        "--max-iter",
        type=positive_int,
        default=200,
        metavar="N",
        help="epochs (passes over the training data) at most (default: 200)",
    )
    model.add_argument(
        "--random-state",
        type=seed,
        default=0,
        metavar="SEED",
        help="seed of the split and of all models (default: 0)",
    )
    return parser


def parse_arguments(argv):
    """Parse the command line and refuse options that do nothing without --data."""
    parser = build_parser()
    arguments = parser.parse_args(argv)
    if arguments.data is None and (arguments.target or arguments.task):
        parser.error("--target and --task need --data")
    return arguments


def run(arguments):
    """Do what the command line asks for."""
    settings = Settings(arguments.hidden, arguments.max_iter, arguments.random_state)
    if arguments.data is None:
        show_digits(settings)
        show_gates(settings.random_state)
    else:
        show_table(read_table(arguments.data, arguments.target, arguments.task), settings)
    sys.stdout.flush()  # here, where a closed pipe is still handled


def main(argv=None):
    """Run the command line and return the exit status."""
    arguments = parse_arguments(argv)
    try:
        run(arguments)
    except DataError as error:
        print(f"rosenblatt: error: {error}", file=sys.stderr)
        return 2
    except MemoryError:
        print("rosenblatt: error: not enough memory for this data and --hidden", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("rosenblatt: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # the reader, such as head, has seen enough; Python must not flush into it again at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


if __name__ == "__main__":
    # a column's name may hold characters that the terminal's encoding lacks
    sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(main())
