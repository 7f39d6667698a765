"""Logic gates learned by single neurons and by a hidden layer: the truth table and its text."""

# SPDX-License-Identifier: BSD-3-Clause
import numpy as np

from rosenblatt import MLPClassifier, PerceptronClassifier
from rosenblatt.command_line._text import say

GATE_INPUTS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])


def show_gates(random_state):
    """Print the truth table of logic gates learned by single neurons and by a hidden layer."""
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
        "Logic gates: one neuron separates 0 from 1 by a straight line. That is enough for AND, OR "
        "and NOT, but not for XOR, whose ones lie on a diagonal. A hidden layer can learn XOR."
    )
    print_gates(gates)


def learn(model, X, y):
    """Fit a gate and return the predictions for its inputs."""
    return model.fit(X, y).predict(X)


def print_gates(gates):
    """Print the truth table of four neurons and a network, with wrong answers marked."""
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
