"""What ``python -m rosenblatt`` trains, and the words and tables that it prints.

Meant to be read by newcomers as an example of use. Measures one fit, so it is no benchmark.
"""

# SPDX-License-Identifier: BSD-3-Clause
import textwrap
import time
import warnings
from dataclasses import dataclass

import numpy as np
from sklearn import neural_network
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits  # comes with scikit-learn

from rosenblatt import MLPClassifier, MLPRegressor, PerceptronClassifier
from rosenblatt._csv_table import TEST_SIZE
from rosenblatt._progress import fit_with_progress

PAGE_WIDTH = 79
# two trainings of the same model differ by rounding only; anything larger is another model
SAME_MODEL = 1e-6
GATE_INPUTS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])


@dataclass(frozen=True)
class Settings:
    """What the command line decides about the models."""

    hidden: tuple
    max_iter: int
    random_state: int


@dataclass(frozen=True)
class Problem:
    """Data in two parts: models learn from the first and are scored on the second."""

    task: str
    X_train: np.ndarray
    X_test: np.ndarray
    y_train: np.ndarray
    y_test: np.ndarray


@dataclass(frozen=True)
class Result:
    """A trained model; ``settled`` is False when it ran into its limit of epochs."""

    name: str
    model: object
    score: float
    seconds: float
    settled: bool


# the jobs


def show_digits(settings):
    """Train the three classifiers on scikit-learn's handwritten digits and print the table."""
    images = load_digits()
    X, y = images.data / images.data.max(), images.target
    problem = Problem("classification", *split(X, y, y, settings.random_state))
    say(
        f"Handwritten digits: {len(X):,} images of 8 x 8 pixels. Every model learns from "
        f"{len(problem.X_train):,} of them and is tested on the {len(problem.X_test):,} others."
    )
    say(
        f"A perceptron has one layer of neurons. An MLP (multi-layer perceptron) has "
        f"{describe_layers(settings.hidden)} in between."
    )
    # a larger step and an earlier stop than the defaults: as accurate here, in a third of the time
    report(problem, settings, learning_rate_init=0.005, tol=1e-3)


def show_table(table, settings):
    """Train the models that fit the task on a person's own table and print the table."""
    problem = prepare(table, settings.random_state)
    if table.task == "classification":
        target = f"one of the {len(np.unique(table.y))} classes"
    else:
        target = "a number"
    say(
        f"{table.name}: {len(table.X):,} rows with {table.X.shape[1]:,} features, from which to "
        f"predict {table.target!r}, {target} ({table.task}). Every model learns from "
        f"{len(problem.X_train):,} rows and is tested on the {len(problem.X_test):,} others."
    )
    scaled = "Features are" if table.task == "classification" else "Features and target are"
    say(f"{scaled} standardised. The MLPs have {describe_layers(settings.hidden)}.")
    report(problem, settings)


def show_gates(random_state):
    """Print the truth table of logic gates as single neurons and a hidden layer learn them."""
    a, b = GATE_INPUTS.T
    neuron = PerceptronClassifier(max_iter=100, tol=None, random_state=random_state)
    network = MLPClassifier(
        hidden_layer_sizes=(4,), activation="tanh", solver="lbfgs", random_state=random_state
    )
    gates = [
        ("AND", a & b, learn(neuron, GATE_INPUTS, a & b)),
        ("OR", a | b, learn(neuron, GATE_INPUTS, a | b)),
        ("NOT a", 1 - a, learn(neuron, GATE_INPUTS[:, :1], 1 - a)),
        ("XOR", a ^ b, learn(neuron, GATE_INPUTS, a ^ b)),
        ("XOR", a ^ b, learn(network, GATE_INPUTS, a ^ b)),
    ]
    say(
        "Logic gates: one neuron draws one straight line between 0 and 1. That is enough for AND, "
        "OR and NOT, not for XOR, whose ones lie across a diagonal; a hidden layer can do it."
    )
    print_gates(gates)


# training


def split(X, y, classes, random_state):
    """Return X_train, X_test, y_train, y_test; ``classes`` keep their shares in both parts."""
    return train_test_split(X, y, test_size=TEST_SIZE, stratify=classes, random_state=random_state)


def prepare(table, random_state):
    """Split a table, and standardise it with the means and deviations of the training part."""
    classes = table.y if table.task == "classification" else None
    X_train, X_test, y_train, y_test = split(table.X, table.y, classes, random_state)
    scaler = StandardScaler().fit(X_train)
    X_train, X_test = scaler.transform(X_train), scaler.transform(X_test)
    if table.task == "regression":
        # R2 stays what it is, and the network need not learn the unit first
        scaler = StandardScaler().fit(y_train[:, None])
        y_train, y_test = (scaler.transform(y[:, None]).ravel() for y in (y_train, y_test))
    return Problem(table.task, X_train, X_test, y_train, y_test)


def models_for(task, settings, **parameters):
    """Return ``(name, unfitted model)`` pairs; the last two are the same MLP of both packages."""
    parameters |= {"max_iter": settings.max_iter, "random_state": settings.random_state}
    mlp = parameters | {"hidden_layer_sizes": settings.hidden}
    if task == "regression":
        return [
            ("rosenblatt MLPRegressor", MLPRegressor(**mlp)),
            ("scikit-learn MLPRegressor", neural_network.MLPRegressor(**mlp)),
        ]
    perceptron = PerceptronClassifier(
        max_iter=settings.max_iter, random_state=settings.random_state
    )
    return [
        ("rosenblatt PerceptronClassifier", perceptron),
        ("rosenblatt MLPClassifier", MLPClassifier(**mlp)),
        ("scikit-learn MLPClassifier", neural_network.MLPClassifier(**mlp)),
    ]


def train(name, model, problem):
    """Fit, time and score one model."""
    # one thread for every model: a fair comparison, and BLAS threads that wait for a busy
    # processor can make scikit-learn's small products twenty times slower
    with warnings.catch_warnings(record=True) as caught, threadpool_limits(limits=1):
        warnings.simplefilter("always", UserWarning)
        start = time.perf_counter()
        fit_with_progress(model, name, problem.X_train, problem.y_train)
        seconds = time.perf_counter() - start
    settled = True
    for warning in caught:
        if "interrupted" in str(warning.message):
            # an MLP that sees Ctrl-C keeps what it has learned and warns; here it ends the program
            raise KeyboardInterrupt
        if issubclass(warning.category, ConvergenceWarning):
            settled = False
        else:
            warnings.warn_explicit(
                warning.message, warning.category, warning.filename, warning.lineno
            )
    score = model.score(problem.X_test, problem.y_test)
    return Result(name, model, score, seconds, settled)


def learn(model, X, y):
    """Fit a gate and return what it predicts for its four inputs."""
    return model.fit(X, y).predict(X)


# what is printed


def report(problem, settings, **parameters):
    """Train the models of a problem, then print the table and what to learn from it."""
    models = models_for(problem.task, settings, **parameters)
    results = [train(name, model, problem) for name, model in models]
    print_results(results, "test accuracy" if problem.task == "classification" else "test R2")
    explain_columns(problem.task)
    if not all(result.settled for result in results):
        limited = ", ".join(result.name for result in results if not result.settled)
        say(
            f"Stopped at the limit of {settings.max_iter} epochs while still improving: {limited}. "
            "A larger --max-iter lets them go on."
        )
    *_, ours, theirs = results
    say(speed_sentence(ours, theirs))
    say(same_model_sentence(ours, theirs, "accuracy" if len(results) == 3 else "R2"))


def print_results(results, score_name):
    """Print one line a model."""
    print(f"{'model':<32} {score_name:>13} {'seconds':>9} {'epochs':>7}")
    for result in results:
        score = f"{result.score:.1%}" if score_name == "test accuracy" else f"{result.score:.3f}"
        print(f"{result.name:<32} {score:>13} {result.seconds:>9.3f} {result.model.n_iter_:>7}")
    print()


def explain_columns(task):
    """Say what the columns of the results mean."""
    if task == "classification":
        score = "Test accuracy is the share of right answers on data the model has not seen."
    else:
        score = "R2 is 1 for perfect predictions and 0 for always predicting the mean."
    say(f"{score} An epoch is one pass over the training data. All models train on one thread.")


def speed_sentence(ours, theirs):
    """Say which package trained faster, and how much."""
    ratio = theirs.seconds / ours.seconds
    if ratio >= 1:
        return f"rosenblatt's MLP trained {ratio:.1f} times faster than scikit-learn's."
    return f"rosenblatt's MLP took {1 / ratio:.1f} times as long as scikit-learn's."


def same_model_sentence(ours, theirs, score_name):
    """Say whether the two MLPs are the same model, judged by their weights."""
    difference = largest_relative_difference(ours.model, theirs.model)
    if not difference <= SAME_MODEL:  # so that NaN is no agreement
        return (
            f"The two MLPs are not the same model here: their weights differ by up to "
            f"{difference:.0e} of the largest in a layer. Both start from the same weights and see "
            "the same batches; differences in rounding can grow over a long training."
        )
    if round(ours.score, 6) != round(theirs.score, 6):
        return (
            f"Both MLPs are the same model up to {difference:.0e} of the largest weight in a "
            f"layer, but even that changes the {score_name}: some rows lie on the border."
        )
    return (
        f"Both MLPs reached the same {score_name} because they are the same model: same "
        "parameters, same random_state, same weights (largest relative difference "
        f"{difference:.0e})."
    )


def largest_relative_difference(ours, theirs):
    """Compare all weights and biases, relative to the largest in their layer."""
    differences = []
    for name in ("coefs_", "intercepts_"):
        for our, their in zip(getattr(ours, name), getattr(theirs, name), strict=True):
            scale = max(np.abs(their).max(), np.finfo(np.float64).tiny)
            differences.append(np.abs(our - their).max() / scale)
    return np.max(differences)  # NaN if one of them is


def print_gates(gates):
    """Print the truth table of four neurons and a network, with a mark at wrong answers."""
    print("              one neuron             hidden layer")
    print_gate_row(" a  b", [name for name, *_ in gates])
    for row, (a, b) in enumerate(GATE_INPUTS):
        answers = [(predicted[row], wanted[row]) for _, wanted, predicted in gates]
        print_gate_row(
            f" {a}  {b}",
            [f"{answer}" if answer == right else f"{answer} !" for answer, right in answers],
        )
    print("\n! marks a wrong answer")


def print_gate_row(inputs, cells):
    """Print one line of the truth table."""
    *neurons, network = cells
    print(inputs + "   " + "".join(f"{cell:<7}" for cell in neurons) + f"     {network}")


def describe_layers(hidden):
    """Say how many hidden layers there are, and how wide."""
    if len(hidden) == 1:
        return f"a hidden layer of {hidden[0]} neurons"
    return f"{len(hidden)} hidden layers of {', '.join(map(str, hidden))} neurons"


def say(text):
    """Print a paragraph, wrapped, and an empty line."""
    print(textwrap.fill(text, PAGE_WIDTH), end="\n\n", flush=True)
