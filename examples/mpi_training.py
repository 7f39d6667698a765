"""Train on the processes of an MPI program, each of which has its own part of MNIST.

    mpiexec -n 2 python -m mpi4py examples/mpi_training.py --data FOLDER    reads FOLDER/mnist.npz

Without --data the images are downloaded from openml.org (needs pandas).
"""

import argparse
import warnings

from mpi4py import MPI
from real_data import add_common_arguments, load_images, loading
from sklearn.exceptions import ConvergenceWarning

from rosenblatt.callbacks import Progress
from rosenblatt.mpi import MPIMLPClassifier


def parse_arguments(argv=None):
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--max-iter", type=int, default=5, metavar="N", help="default: 5 epochs")
    add_common_arguments(parser, "mnist.npz", "few images, to see that everything works")
    return parser.parse_args(argv)


def main(argv=None):
    """Each rank trains on every comm.size-th image; rank 0 reports."""
    arguments, comm = parse_arguments(argv), MPI.COMM_WORLD
    with loading("MNIST"):
        X_train, y_train, X_test, y_test = load_images(arguments.data, "mnist")
    n_train = min(2000, len(X_train)) if arguments.quick else len(X_train)
    rows = slice(comm.rank, n_train, comm.size)
    model = MPIMLPClassifier(
        (64,),
        max_iter=arguments.max_iter,
        random_state=arguments.random_state,
        callbacks=[Progress(leave=True)],  # of rank 0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # few epochs, on purpose
        model.fit(X_train[rows], y_train[rows])
    if comm.rank == 0:
        accuracy = model.score(X_test, y_test)
        print(f"{comm.size} processes: loss {model.loss_:.4f}, test accuracy {accuracy:.2%}")


if __name__ == "__main__":
    main()
