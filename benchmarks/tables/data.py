"""The tables: a folder's or scikit-learn's own, and how their rows are split. It fits nothing.

A folder holds index.json and for each of its names NAME.csv.gz: index.json gives of each name
`task`, "classification" or "regression", and `categorical`, the names of the columns that hold
categories. The column `target` is the target, an empty cell a gap.
"""

import json
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn import datasets
from sklearn.model_selection import train_test_split

from benchmarks.report import SkippedError

LEAST_OF_A_CLASS = 10
INNER = 1000  # splits from here on part the training rows of others
MOST_LEVELS = 250  # more of them are too many for contenders that need one column a level
SHIPPED = {
    "breast_cancer": ("classification", datasets.load_breast_cancer),
    "diabetes": ("regression", datasets.load_diabetes),
    "wine": ("classification", datasets.load_wine),
    "digits": ("classification", datasets.load_digits),
}


@dataclass(frozen=True)
class Split:
    """Rows to train on and rows to test on; labels are integers from 0."""

    X: object
    y: np.ndarray
    X_test: object
    y_test: np.ndarray


@dataclass(frozen=True)
class Table:
    """A table by name: read when it is split.

    Parameters
    ----------
    name : str
    task : str
        "classification" or "regression".
    read : function
        Returns a frame and targets.
    digest : str
        What changes with the content.
    """

    name: str
    task: str
    read: object
    digest: str

    @property
    def is_regression(self):
        return self.task == "regression"

    def split(self, seed, most_rows):
        """Choose rows where there are more than that, and keep a fifth of them for the test.

        Split 1000 + k parts the training rows of split k in the same way: what is chosen by such
        splits has not seen the test rows of split k.
        """
        if seed >= INNER:
            outer = self.split(seed - INNER, most_rows)
            return self._parted(outer.X, outer.y, seed)
        X, y = self._prepared()
        draw = {"random_state": seed, "stratify": None if self.is_regression else y}
        if len(X) > most_rows:
            X, _, y, _ = train_test_split(X, y, train_size=most_rows, **draw)
        return self._parted(X, y, seed)

    def _parted(self, X, y, seed):
        stratify = None if self.is_regression else y
        X, X_test, y, y_test = train_test_split(
            X, y, test_size=0.2, random_state=seed, stratify=stratify
        )
        return Split(X.reset_index(drop=True), y, X_test.reset_index(drop=True), y_test)

    def _prepared(self):
        """The same columns for every contender: numbers as float64, categories of few levels."""
        X, y = self.read()
        if self.is_regression:
            y = np.asarray(y, np.float64)
        else:
            counts = y.value_counts()
            is_kept = y.isin(counts[counts >= LEAST_OF_A_CLASS].index).to_numpy()
            X, y = X[is_kept], np.unique(y[is_kept].to_numpy().astype(str), return_inverse=True)[1]
        is_category = {name: str(X[name].dtype) == "category" for name in X}
        numbers = [name for name in X if not is_category[name]]
        crowded = [name for name in X if is_category[name] and X[name].nunique() > MOST_LEVELS]
        return X.astype(dict.fromkeys(numbers, np.float64)).drop(columns=crowded), y


def find_tables(folder, names=()):
    """Return the tables of a folder, or without one those of scikit-learn; only these names.

    Raises
    ------
    SkippedError
        Without pandas, where the folder's index cannot be read, and for a name that is not there.
    """
    try:
        import pandas  # noqa: F401
    except ImportError:
        raise SkippedError("it needs pandas: python -m pip install pandas") from None
    found = _shipped() if folder is None else _of_folder(Path(folder))
    if unknown := [name for name in names if name not in found]:
        raise SkippedError(f"no table {', '.join(unknown)}; there are {', '.join(found)}")
    return [found[name] for name in names or found]


def _shipped():
    """Those that come with scikit-learn: numbers only."""
    from sklearn import __version__

    return {
        name: Table(name, task, lambda load=load: load(return_X_y=True, as_frame=True), __version__)
        for name, (task, load) in SHIPPED.items()
    }


def _of_folder(folder):
    """Those that index.json names."""
    try:
        index = json.loads((folder / "index.json").read_text())
        return {name: _stored(folder / f"{name}.csv.gz", name, **index[name]) for name in index}
    except OSError as error:
        raise SkippedError(f"cannot read {error.filename}: {error.strerror}") from None
    except (TypeError, ValueError):
        raise SkippedError(f"{folder / 'index.json'} is no index of tables") from None


def _stored(path, name, task, categorical, **_):
    """One file of the folder."""

    def read():
        import pandas as pd

        text = dict.fromkeys(categorical, str)
        if task == "classification":
            text["target"] = str
        frame = pd.read_csv(path, dtype=text, keep_default_na=False, na_values=[""])
        y = frame.pop("target")
        return frame.astype(dict.fromkeys(categorical, "category")), y

    return Table(name, task, read, f"{zlib.crc32(path.read_bytes()):08x}")
