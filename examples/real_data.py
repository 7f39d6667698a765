"""Functions that the examples share: loading data from a folder or openml.org, printing a table.

The scripts in this folder import it. It does not depend on models.
"""

import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from sklearn.datasets import fetch_openml

N_TRAIN_IMAGES = 60_000

# the data set ids on openml.org, and the names of the targets
OPENML_IMAGES = {"mnist": 554, "fashion_mnist": 40996}
OPENML_TABLES = {
    "bike_sharing": (42712, "count"),
    "churn": (40701, "class"),
    "kc_house": (42731, "price"),
}


def add_common_arguments(parser, file, quick):
    """Add --data, --random-state and --quick to a parser."""
    parser.add_argument(
        "--data",
        type=Path,
        metavar="FOLDER",
        help=f"a folder with {file} (default: download from openml.org, cached by scikit-learn)",
    )
    parser.add_argument("--random-state", type=int, default=0, metavar="SEED", help="default: 0")
    parser.add_argument("--quick", action="store_true", help=quick)


@contextmanager
def loading(what):
    """End the script with a one-line message and status 2 if data cannot be loaded."""
    try:
        yield
    except (OSError, KeyError, ImportError, ValueError) as error:
        print(f"cannot load {what}: {error}", file=sys.stderr)
        raise SystemExit(2) from None


def load_images(folder, name):
    """Return X_train, y_train, X_test, y_test with pixels from 0 to 1 in float32.

    FOLDER/name.npz holds arrays of these four names.
    """
    if folder is None:
        X, y = fetch_openml(data_id=OPENML_IMAGES[name], return_X_y=True, as_frame=False)
        X_train, X_test = np.split(X, [N_TRAIN_IMAGES])
        y_train, y_test = np.split(y, [N_TRAIN_IMAGES])
    else:
        with np.load(folder / f"{name}.npz") as stored:
            X_train, y_train, X_test, y_test = (
                stored[key] for key in ("X_train", "y_train", "X_test", "y_test")
            )
    return _scale_pixels(X_train), y_train, _scale_pixels(X_test), y_test


def _scale_pixels(images):
    """Return one row of values in [0, 1] per image."""
    return images.reshape(len(images), -1).astype(np.float32) / np.float32(255)


def load_table(folder, name, numeric, categorical):
    """Return (X, y): a DataFrame of the named columns, numbers and text, and a Series.

    FOLDER/name.csv.gz has a header; the target column is named target.
    """
    try:
        import pandas as pd
    except ImportError:
        raise ImportError("tables are read with pandas: python -m pip install pandas") from None
    if folder is None:
        number, target = OPENML_TABLES[name]
        frame = fetch_openml(data_id=number, as_frame=True).frame
    else:
        frame, target = pd.read_csv(folder / f"{name}.csv.gz"), "target"
    types = dict.fromkeys(numeric, float) | dict.fromkeys(categorical, str)
    return frame[list(types)].astype(types), frame[target]


def print_table(header, rows):
    """Print rows of text below a header: the first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    for row in (header, *rows):
        first, *others = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join([row[0].ljust(len(first)), *others]))
