"""Train a network on the 60,000 handwritten digits of MNIST and test it on 10,000 others.

    python examples/mnist.py                  downloads MNIST from openml.org (needs pandas)
    python examples/mnist.py --data FOLDER    reads FOLDER/mnist.npz

This is an example of a large fit in float32. The network does not use the positions of the pixels,
so the accuracy is not a record.
"""

import argparse
import time
import warnings

from real_data import add_common_arguments, load_images, loading
from sklearn.exceptions import ConvergenceWarning

from rosenblatt import MLPClassifier


def parse_arguments(argv=None):
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--max-iter", type=int, default=15, metavar="N", help="epochs (default: 15)"
    )
    add_common_arguments(parser, "mnist.npz", "a small network, to see that everything works")
    return parser.parse_args(argv)


def build_model(arguments):
    """Return the network; with these parameters it reached 98 % for every seed that was tried."""
    return MLPClassifier(
        hidden_layer_sizes=(32,) if arguments.quick else (256,),
        solver="sgd",
        learning_rate_init=0.1,
        batch_size=100,
        alpha=3e-3,
        max_iter=arguments.max_iter,
        random_state=arguments.random_state,
        dtype="float32",
        verbose=True,  # a line with the loss after every epoch
    )


def main(argv=None):
    """Load, train, test and report."""
    arguments = parse_arguments(argv)
    with loading("MNIST"):
        X_train, y_train, X_test, y_test = load_images(arguments.data, "mnist")
    model = build_model(arguments)
    print(f"Training on {len(X_train):,} images, {arguments.max_iter} epochs ...", flush=True)
    start = time.perf_counter()
    with warnings.catch_warnings():
        # the number of epochs is fixed on purpose: the loss could still fall, but the accuracy
        # would hardly change
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X_train, y_train)
    seconds = time.perf_counter() - start
    accuracy = model.score(X_test, y_test)
    print(
        f"test accuracy {accuracy:.2%} on {len(X_test):,} images, "
        f"trained for {model.n_iter_} epochs in {seconds:.1f} seconds"
    )


if __name__ == "__main__":
    main()
