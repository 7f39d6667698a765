"""What the experiments share: their command line, data, training, and the look of their pictures.

Imported by the scripts beside it; it is no script itself, and draws nothing that one of them
alone needs.
"""

import argparse
import importlib.util
import sys
import time
import warnings
from pathlib import Path

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from real_data import load_images, load_table, loading, print_table

__all__ = [
    "COLORS",
    "MARKERS",
    "decorate",
    "first_weights",
    "load_images",
    "load_some_images",
    "load_table",
    "loading",
    "new_figure",
    "parse_arguments",
    "print_table",
    "save_picture",
    "start_at",
    "train",
]

# Okabe & Ito's palette, which people with any colour vision can tell apart
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#555555")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
NO_MATPLOTLIB = "the picture needs matplotlib: python -m pip install matplotlib"


def parse_arguments(script, doc, argv, *, quick, data=None):
    """Read the command line of a script.

    Parameters
    ----------
    script, doc : str
        Its __file__, which names the picture, and its __doc__, whose first line is shown.
    argv : list of str or None
        None reads that of the process.
    quick : str
        What --quick does.
    data : str or None
        The file that --data FOLDER holds, or None where no data are read.
    """
    name = Path(script).stem
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    if data:
        parser.add_argument(
            "--data",
            type=Path,
            metavar="FOLDER",
            help=f"a folder with {data} (default: download from openml.org, kept by "
            "scikit-learn for the next time)",
        )
    parser.add_argument(
        "--picture",
        type=Path,
        metavar="FILE",
        help=f"an .svg, .png or .pdf to draw into (default: {name}.png)",
    )
    parser.add_argument("--random-state", type=int, default=0, metavar="SEED", help="default: 0")
    parser.add_argument("--quick", action="store_true", help=quick)
    arguments = parser.parse_args(argv)
    if importlib.util.find_spec("matplotlib") is None:
        print(NO_MATPLOTLIB, file=sys.stderr)
        if arguments.picture:
            raise SystemExit(2)
    elif arguments.picture is None:
        arguments.picture = Path(f"{name}.png")
    return arguments


def load_some_images(arguments, name, n_train, n_test):
    """Return the first rows of images as load_images does: X_train, y_train, X_test, y_test."""
    with loading(name):
        X, y, X_test, y_test = load_images(arguments.data, name)
    return X[:n_train], y[:n_train], X_test[:n_test], y_test[:n_test]


def train(model, X, y, **validation):
    """Return (model, seconds): the fitted model, without a warning that it could go on."""
    start = time.perf_counter()
    # the vectors of lbfgs are short here: a second thread of BLAS would only wait for the first
    with warnings.catch_warnings(), threadpool_limits(1, "blas"):
        # how long to train is the experiment's, and so is the size of a batch
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", "Got `batch_size`")
        model.fit(X, y, **validation)
    return model, time.perf_counter() - start


def start_at(*weights):
    """Return a weight_init: the given array for each layer, from the input's side."""
    layers = iter(weights)

    def weight_init(fan_in, fan_out, random_state):
        return np.reshape(next(layers), (fan_in, fan_out))

    return weight_init


def first_weights(start, trajectory):
    """Return the path of the first layer's weights: the start, then each point of a Trajectory."""
    return np.vstack([start, trajectory.parameters_[:, : len(start)]])


def new_figure(n_rows=1, n_columns=1, *, size=None, **panels):
    """Return (figure, array of panels of shape (n_rows, n_columns)), drawn without a screen."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=size or (4.0 * n_columns, 3.4 * n_rows), layout="constrained")
    return figure, figure.subplots(n_rows, n_columns, squeeze=False, **panels)


def decorate(panel, title, xlabel="", ylabel="", *, grid=True):
    """Give a panel its words, a light grid and no frame."""
    panel.set_title(title, fontsize=10)
    panel.set_xlabel(xlabel)
    panel.set_ylabel(ylabel)
    if grid:
        panel.grid(color="#dddddd")
        panel.set_axisbelow(True)
    panel.spines[["top", "right"]].set_visible(False)


def save_picture(arguments, draw, *found):
    """Draw what was found into the picture's file: draw(*found) returns a figure."""
    if arguments.picture:
        draw(*found).savefig(arguments.picture, dpi=150)
        print(f"picture in {arguments.picture}")
