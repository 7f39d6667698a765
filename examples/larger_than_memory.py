"""Train on a Parquet file that is read block by block, with MNIST's images as an example.

    python examples/larger_than_memory.py                  downloads MNIST (needs pandas)
    python examples/larger_than_memory.py --data FOLDER    reads FOLDER/mnist.npz

The images would fit into memory. The script first writes the file, and then trains with a buffer of
--buffer megabytes. After Ctrl-C, run it again to resume training.
"""

import argparse
import tempfile
import warnings
from pathlib import Path

from real_data import add_common_arguments, load_images, loading
from sklearn.exceptions import ConvergenceWarning

from rosenblatt import Dataset, MLPClassifier


def parse_arguments(argv=None):
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--max-iter", type=int, default=5, metavar="N", help="default: 5 epochs")
    parser.add_argument(
        "--buffer", type=float, default=16.0, metavar="MB", help="shuffle buffer (default: 16)"
    )
    add_common_arguments(parser, "mnist.npz", "a small network, to see that everything works")
    return parser.parse_args(argv)


def write_table(path, X, y):
    """Write pixels and digits as Parquet, with 4,096 rows per row group."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {f"pixel {i}": X[:, i] for i in range(X.shape[1])}
    pq.write_table(pa.table(columns | {"digit": y}), path, row_group_size=4096)


def main(argv=None):
    """Write the file, train from it, test."""
    arguments = parse_arguments(argv)
    with loading("MNIST"):
        X_train, y_train, X_test, y_test = load_images(arguments.data, "mnist")
    folder = Path(tempfile.gettempdir())
    path = folder / "rosenblatt_mnist.parquet"
    write_table(path, X_train, y_train)
    print(
        f"{path.stat().st_size / 2**20:.0f} MB in {path}, {X_train.nbytes / 2**20:.0f} MB as rows"
    )
    data = Dataset(
        path,
        target="digit",
        buffer_size=arguments.buffer,
        checkpoint=folder / "rosenblatt_mnist.checkpoint",
        progress=True,  # a progress bar over the rows of each epoch
    )
    model = MLPClassifier(
        (16,) if arguments.quick else (256,),
        max_iter=arguments.max_iter,
        random_state=arguments.random_state,
        verbose=True,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # few epochs, on purpose
        model.fit(data)
        warnings.filterwarnings("ignore", "X does not have valid feature names")
        print(f"test accuracy {model.score(X_test, y_test):.2%} on {len(X_test):,} images")
    path.unlink()


if __name__ == "__main__":
    main()
