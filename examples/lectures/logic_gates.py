"""Logic gates: what one neuron can learn, what it cannot, and what a hidden layer adds.

    python examples/lectures/logic_gates.py

The lectures' claim: a perceptron divides the plane by one line, so it learns AND and OR and never
XOR. A hidden layer of two neurons is enough for XOR: it moves the four points to where one line
divides them.

What is run: Rosenblatt's perceptron on each gate's four rows, and a network of two tanh neurons on
XOR; then the same network with more hidden neurons from many random starts.

What to look for: the perceptron's row of XOR has errors however long it trains. Two neurons can
represent XOR, but training finds it from only some of the starts; more neurons than are needed
make it easy.
"""

import numpy as np
from common import COLORS, decorate, new_figure, parse_arguments, print_table, save_picture, train

from rosenblatt import MLPClassifier, PerceptronClassifier

INPUTS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
GATES = {"AND": [0, 0, 0, 1], "OR": [0, 1, 1, 1], "XOR": [0, 1, 1, 0]}
N_UNITS = (1, 2, 3, 4, 8)


def hidden_layer(n_units, seed):
    """Return an untrained network for XOR."""
    return MLPClassifier(
        (n_units,), "tanh", solver="lbfgs", alpha=0, max_iter=200, random_state=seed
    )


def train_perceptrons():
    """Return {gate: a perceptron after 1000 epochs}."""
    return {
        gate: PerceptronClassifier(max_iter=1000, tol=None, random_state=0).fit(INPUTS, y)
        for gate, y in GATES.items()
    }


def count_solved(n_starts):
    """Return {hidden neurons: share of random starts from which training solves XOR}."""
    return {
        n_units: np.mean(
            [
                train(hidden_layer(n_units, seed), INPUTS, GATES["XOR"])[0].score(
                    INPUTS, GATES["XOR"]
                )
                == 1
                for seed in range(n_starts)
            ]
        )
        for n_units in N_UNITS
    }


def first_solution(n_starts):
    """Return the first network of two hidden neurons that learned XOR, else the last."""
    for seed in range(n_starts):
        model, _ = train(hidden_layer(2, seed), INPUTS, GATES["XOR"])
        if model.score(INPUTS, GATES["XOR"]) == 1:
            break
    return model


def draw(perceptrons, solution, solved):
    """Draw the regions of each model, the hidden layer's view, and the share of good starts."""
    figure, panels = new_figure(2, 3, size=(10, 6.6))
    for panel, (gate, perceptron) in zip(panels.flat, perceptrons.items(), strict=False):
        draw_regions(panel, perceptron.decision_function, INPUTS, GATES[gate])
        decorate(panel, f"{gate}, a perceptron", "input 1", "input 2", grid=False)
    panels[0, 0].legend(title="the gate's value", loc="center", ncols=2, fontsize=8)
    draw_regions(panels[1, 0], solution.decision_function, INPUTS, GATES["XOR"])
    decorate(panels[1, 0], "XOR, two hidden neurons", "input 1", "input 2", grid=False)
    hidden = solution.activations(INPUTS, 0)
    output, intercept = solution.coefs_[1], solution.intercepts_[1]
    draw_regions(panels[1, 1], lambda rows: rows @ output + intercept, hidden, GATES["XOR"])
    decorate(panels[1, 1], "the same, as its output sees it", "neuron 1", "neuron 2", grid=False)
    places = range(len(solved))
    panels[1, 2].bar(places, solved.values(), color=COLORS[0], width=0.6)
    panels[1, 2].set_xticks(places, solved)
    panels[1, 2].set_ylim(0, 1)
    decorate(panels[1, 2], "starts from which XOR is learned", "hidden neurons", "share")
    return figure


def draw_regions(panel, decide, points, labels):
    """Colour the plane by the sign of decide(rows), and mark the four points."""
    middle, half = (points.max(0) + points.min(0)) / 2, np.ptp(points, axis=0).max() * 0.75
    axes = [np.linspace(m - half, m + half, 200) for m in middle]
    grid = np.stack(np.meshgrid(*axes), -1)
    scores = np.ravel(decide(grid.reshape(-1, 2))).reshape(200, 200)
    panel.contourf(*axes, scores > 0, levels=[-0.5, 0.5, 1.5], colors=["#f6d5bd", "#c5ddec"])
    for label, marker, color in ((0, "s", COLORS[1]), (1, "o", COLORS[0])):
        chosen = points[np.equal(labels, label)]
        panel.plot(*chosen.T, marker, color=color, ms=10, mec="white", label=f"{label}")
    panel.set_aspect("equal")


def main(argv=None):
    """Train, report and draw; return the errors of each model and the share of good starts."""
    arguments = parse_arguments(__file__, __doc__, argv, quick="20 random starts in place of 50")
    n_starts = 20 if arguments.quick else 50
    perceptrons, solution = train_perceptrons(), first_solution(n_starts)
    errors = {
        gate: int(np.sum(model.predict(INPUTS) != GATES[gate]))
        for gate, model in perceptrons.items()
    }
    rows = [(f"{gate}, a perceptron", f"{errors[gate]} of 4") for gate in perceptrons]
    errors["hidden"] = int(np.sum(solution.predict(INPUTS) != GATES["XOR"]))
    rows.append(("XOR, two hidden neurons", f"{errors['hidden']} of 4"))
    print_table(("gate", "errors"), rows)
    solved = count_solved(n_starts)
    print(f"\nXOR from {n_starts} random starts:")
    print_table(
        ("hidden neurons", "solved"), [(f"{n}", f"{share:.0%}") for n, share in solved.items()]
    )
    save_picture(arguments, draw, perceptrons, solution, solved)
    return errors, solved


if __name__ == "__main__":
    main()
