"""The options of the command line: their validation and their help texts."""

# SPDX-License-Identifier: BSD-3-Clause
import argparse
import math

DESCRIPTION = """\
Trains the networks of this package and other models, and prints their scores.

With --data, on your own table: TabularMLP, gradient boosting and, if all
columns are numbers, plain networks. The report ends with Python code to
continue with. Without --data, on handwritten digits: a perceptron, a
multi-layer perceptron (MLP) and scikit-learn's MLP with the same parameters
and seed, followed by logic gates.
"""

EPILOG = """\
examples:
  python -m rosenblatt
  python -m rosenblatt --data titanic.csv --target survived
  python -m rosenblatt --data houses.parquet --target price --preset fast
"""

# options that have no effect without --data
OF_TABLES = ("target", "task", "preset", "time_limit")


def hidden_layer_sizes(text):
    """Parse "100,50" as (100, 50)."""
    sizes = tuple(int(size) for size in text.split(","))
    if min(sizes) < 1:
        raise ValueError
    return sizes


def positive_int(text):
    """Parse an integer >= 1."""
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def seconds(text):
    """Parse a positive number, as an int if it is integral."""
    number = float(text)
    if not 0 < number < math.inf:
        raise ValueError
    return int(number) if number.is_integer() else number


def seed(text):
    """Parse an integer that NumPy accepts as a seed."""
    number = int(text)
    if not 0 <= number < 2**32:
        raise ValueError
    return number


# argparse names the type in its message: "argument --max-iter: invalid positive integer value: '0'"
hidden_layer_sizes.__name__ = "list of layer sizes (such as 100,50)"
positive_int.__name__ = "positive integer"
seconds.__name__ = "positive number of seconds"
seed.__name__ = "seed (0 to 4294967295)"


def parse_arguments(argv):
    """Parse the command line and reject options that have no effect without --data."""
    parser = _build_parser()
    arguments = parser.parse_args(argv)
    if arguments.data is None and any(getattr(arguments, name) is not None for name in OF_TABLES):
        options = [f"--{name.replace('_', '-')}" for name in OF_TABLES]
        parser.error(f"{', '.join(options[:-1])} and {options[-1]} need --data")
    return arguments


def _build_parser():
    parser = argparse.ArgumentParser(
        prog="python -m rosenblatt",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_table_options(parser.add_argument_group("your own table"))
    _add_model_options(parser.add_argument_group("the models"))
    return parser


def _add_table_options(group):
    group.add_argument(
        "--data",
        metavar="FILE",
        help="table as a text file (CSV, separated by commas, semicolons, tabs or bars, optionally "
        "gzipped) or Parquet; it may contain text, dates and missing values",
    )
    group.add_argument(
        "--target",
        metavar="COLUMN",
        help="column to predict: its name, or its index from 0 (-1 is the last)",
    )
    group.add_argument(
        "--task",
        choices=["classification", "regression"],
        help="default: classification if the target contains text or few distinct integers, "
        "otherwise regression",
    )
    group.add_argument(
        "--preset",
        choices=["fast", "default", "best"],
        help="trade-off between time and accuracy of TabularMLP (default: default)",
    )
    group.add_argument(
        "--time-limit",
        type=seconds,
        metavar="SECONDS",
        help="time limit for training TabularMLP, in seconds (default: no limit)",
    )


def _add_model_options(group):
    group.add_argument(
        "--hidden",
        type=hidden_layer_sizes,
        metavar="SIZES",
        help="number of neurons in each hidden layer, such as 100,50 (default: 100; for "
        "TabularMLP, as in the preset)",
    )
    group.add_argument(
        "--max-iter",
        type=positive_int,
        metavar="N",
        help="maximum number of epochs (passes over the training data) (default: 200; for "
        "TabularMLP, as in the preset)",
    )
    group.add_argument(
        "--random-state",
        type=seed,
        default=0,
        metavar="SEED",
        help="seed for the train/test split and for all models (default: 0)",
    )
