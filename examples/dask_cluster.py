"""Train on the workers of a dask cluster: synchronous mini-batches, and L-BFGS as tasks.

    python examples/dask_cluster.py                       downloads MNIST (needs pandas)
    python examples/dask_cluster.py --data FOLDER         reads FOLDER/mnist.npz
    python examples/dask_cluster.py --scheduler ADDRESS   connects to a running cluster

Without an address, two worker processes are started on this machine.
"""

import argparse
import warnings
from contextlib import ExitStack

import dask.array as da
from distributed import Client, LocalCluster
from real_data import add_common_arguments, load_images, loading
from sklearn.exceptions import ConvergenceWarning

from rosenblatt.callbacks import Progress
from rosenblatt.dask import DaskMLPClassifier


def parse_arguments(argv=None):
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--max-iter", type=int, default=5, metavar="N", help="default: 5 epochs")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="default: two workers here")
    add_common_arguments(parser, "mnist.npz", "few images, to see that everything works")
    return parser.parse_args(argv)


def main(argv=None):
    """Distribute the images over the workers, then train and predict on the workers."""
    arguments = parse_arguments(argv)
    with loading("MNIST"):
        X_train, y_train, X_test, y_test = load_images(arguments.data, "mnist")
    n_train = min(2000, len(X_train)) if arguments.quick else len(X_train)
    with ExitStack() as stack:
        address = arguments.scheduler or stack.enter_context(
            LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
        )
        client = stack.enter_context(Client(address))
        warnings.simplefilter("ignore", ConvergenceWarning)  # few epochs, on purpose
        X = client.persist(da.from_array(X_train[:n_train], chunks=(n_train // 4, -1)))
        y = client.persist(da.from_array(y_train[:n_train], chunks=n_train // 4))
        lockstep = DaskMLPClassifier(
            (64,),
            learning_rate_init=3e-3,
            max_iter=arguments.max_iter,
            random_state=arguments.random_state,
            callbacks=[Progress(leave=True)],  # on the client
        )
        search = DaskMLPClassifier(
            (64,), solver="lbfgs", max_iter=arguments.max_iter, random_state=0, verbose=True
        )
        X_test, y_test = da.from_array(X_test, chunks=(5000, -1)), da.from_array(y_test, 5000)
        for name, model in (("adam in lockstep", lockstep), ("L-BFGS as tasks", search)):
            model.fit(X, y)
            accuracy = model.score(X_test, y_test)
            print(f"{name}: loss {model.loss_:.4f}, test accuracy {accuracy:.2%}")


if __name__ == "__main__":
    main()
