"""Shows on a terminal how far a fit has come: tqdm's bar, or one line that rewrites itself.

It reads the lines that estimators print where verbose is set, so it serves scikit-learn's as well
as this package's. The ensembles of rosenblatt.tabular have a display of their own.
"""

# SPDX-License-Identifier: BSD-3-Clause
import contextlib
import io
import re
import sys

from rosenblatt._progress import RewrittenLine, line_width, open_bar
from rosenblatt.tabular import TabularMLPClassifier, TabularMLPRegressor

# of scikit-learn's networks and ours, of perceptrons, of boosting
STEP_LINE = re.compile(r"(?:Iteration |-- Epoch |\[)(\d+)(?:, loss = (\S+))?")


class StepLines(io.TextIOBase):
    """A stream to print to; every line about an epoch, or a round of boosting, is passed to
    ``show(step, loss)``."""

    def __init__(self, show):
        self._show = show
        self._unfinished = ""

    def writable(self):
        return True

    def write(self, text):
        *lines, self._unfinished = (self._unfinished + text).split("\n")
        for line in lines:
            if found := STEP_LINE.match(line):
                self._show(int(found[1]), found[2])
        return len(text)


class StepLine:
    """A line that is written over itself, with the pass and the loss."""

    def __init__(self, stream, name, max_steps):
        self._line, self._name, self._max_steps = RewrittenLine(stream), name, max_steps
        self.show(0, None)

    def show(self, step, loss):
        text = f"{self._name}: pass {step} of at most {self._max_steps}"
        self._line.show(text + (f", loss {float(loss):.4g}" if loss else ""))

    def close(self):
        self._line.close()


class StepBar:
    """The same with tqdm's bar, which adds the time that is left if all passes are needed."""

    def __init__(self, bar):
        self._bar = bar

    def show(self, step, loss):
        if loss:
            self._bar.set_postfix_str(f"loss {float(loss):.4g}", refresh=False)
        self._bar.update(step - self._bar.n)

    def close(self):
        self._bar.close()


def open_display(stream, name, max_steps):
    """Return tqdm's bar when tqdm is installed, else the plain line."""
    # told how many lines there are, because it shows nothing on a terminal that does not know
    bar = open_bar(
        desc=name,
        total=max_steps,
        file=stream,
        ncols=line_width(),
        nrows=24,
        bar_format="{desc} |{bar}| {n_fmt}/{total_fmt}, {remaining} left{postfix}",
    )
    return StepLine(stream, name, max_steps) if bar is None else StepBar(bar)


def fit_with_progress(model, name, X, y):
    """Fit ``model``; where the output is a terminal, show there how far it has come."""
    if isinstance(model, (TabularMLPClassifier, TabularMLPRegressor)):
        return model.set_params(verbose=int(sys.stderr.isatty())).fit(X, y)
    terminal = sys.stdout
    if not terminal.isatty():
        return model.fit(X, y)
    # a network may be inside a pipeline
    parameters = model.get_params()
    prefix = next(key for key in parameters if key.endswith("max_iter")).removesuffix("max_iter")
    # 2, because scikit-learn's boosting is silent about its rounds below
    model.set_params(**{f"{prefix}verbose": 2})
    display = open_display(terminal, name, parameters[f"{prefix}max_iter"])
    try:
        with contextlib.redirect_stdout(StepLines(display.show)):
            return model.fit(X, y)
    finally:
        display.close()
