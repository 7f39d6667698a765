"""Three classifiers on scikit-learn's handwritten digits: the report of a run without options.

It is also meant as an example of use for newcomers. It times a single fit and is not a benchmark.
"""

# SPDX-License-Identifier: BSD-3-Clause
import numpy as np
from sklearn import neural_network
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from rosenblatt import MLPClassifier, PerceptronClassifier
from rosenblatt.command_line._text import describe_layers, say
from rosenblatt.command_line._training import TEST_SIZE, train

DEFAULT_HIDDEN, DEFAULT_MAX_ITER = (100,), 200
# largest relative difference of weights that rounding explains if the two models are the same
SAME_MODEL = 1e-6


def show_digits(settings):
    """Train the three classifiers and print the table.

    Parameters
    ----------
    settings : argparse.Namespace
        `hidden`, `max_iter` (None for the default of either) and `random_state`.
    """
    images = load_digits()
    X, y = images.data / images.data.max(), images.target
    rows = train_test_split(
        X, y, test_size=TEST_SIZE, stratify=y, random_state=settings.random_state
    )
    hidden = settings.hidden or DEFAULT_HIDDEN
    max_iter = settings.max_iter or DEFAULT_MAX_ITER
    say(
        f"Handwritten digits: {len(X):,} images of 8 x 8 pixels. Every model learns from "
        f"{len(rows[0]):,} of them and is tested on the {len(rows[1]):,} others."
    )
    say(
        f"A perceptron has one layer of neurons. An MLP (multi-layer perceptron) has "
        f"{describe_layers(hidden)} in between."
    )
    models = models_for(hidden, max_iter, settings.random_state)
    results = [train(name, model, rows, is_classification=True) for name, model in models]
    report(results, max_iter)


def models_for(hidden, max_iter, random_state):
    """Return ``(name, unfitted model)`` pairs; the last two are the same MLP from both packages."""
    shared = {"max_iter": max_iter, "random_state": random_state}
    # a larger learning rate and earlier stopping than the defaults: as accurate here, and faster
    mlp = shared | {"hidden_layer_sizes": hidden, "learning_rate_init": 0.005, "tol": 1e-3}
    return [
        ("rosenblatt PerceptronClassifier", PerceptronClassifier(**shared)),
        ("rosenblatt MLPClassifier", MLPClassifier(**mlp)),
        ("scikit-learn MLPClassifier", neural_network.MLPClassifier(**mlp)),
    ]


def report(results, max_iter):
    """Print the table and its explanation."""
    print(f"{'model':<32} {'test accuracy':>13} {'seconds':>9} {'epochs':>7}")
    for result in results:
        print(
            f"{result.name:<32} {result.score:>13.1%} {result.seconds:>9.3f} "
            f"{result.model.n_iter_:>7}"
        )
    print()
    say(
        "Test accuracy is the share of correct predictions on data the model has not seen. An "
        "epoch is one pass over the training data. All models train on one thread."
    )
    if not all(result.settled for result in results):
        limited = ", ".join(result.name for result in results if not result.settled)
        say(
            f"Stopped at the limit of {max_iter} epochs while still improving: {limited}. "
            "A larger --max-iter lets them continue."
        )
    *_, ours, theirs = results
    say(speed_sentence(ours, theirs))
    say(same_model_sentence(ours, theirs))


def speed_sentence(ours, theirs):
    """A sentence on which package trained faster, and by what factor."""
    ratio = theirs.seconds / ours.seconds
    if ratio >= 1:
        return f"rosenblatt's MLP trained {ratio:.1f} times faster than scikit-learn's."
    return f"rosenblatt's MLP took {1 / ratio:.1f} times as long as scikit-learn's."


def same_model_sentence(ours, theirs):
    """A sentence on whether the two MLPs are the same model, judged by their weights."""
    difference = largest_relative_difference(ours.model, theirs.model)
    if not difference <= SAME_MODEL:  # so that NaN counts as a difference
        return (
            f"The two MLPs are not the same model here: their weights differ by up to "
            f"{difference:.0e} of the largest in a layer. Both start from the same weights and see "
            "the same batches; differences in rounding can grow over a long training."
        )
    if not np.array_equal(ours.values, theirs.values):
        return (
            f"Both MLPs are the same model up to {difference:.0e} of the largest weight in a "
            "layer. Even that changes the predictions of a few images near a class boundary."
        )
    return (
        "Both MLPs reached the same accuracy because they are the same model: same parameters, "
        f"same random_state, same weights (largest relative difference {difference:.0e})."
    )


def largest_relative_difference(ours, theirs):
    """The largest difference of weights and biases, relative to the largest in their layer."""
    differences = []
    for name in ("coefs_", "intercepts_"):
        for our, their in zip(getattr(ours, name), getattr(theirs, name), strict=True):
            scale = max(np.abs(their).max(), np.finfo(np.float64).tiny)
            differences.append(np.abs(our - their).max() / scale)
    return np.max(differences)  # NaN if one of them is
