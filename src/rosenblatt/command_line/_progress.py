"""Shows the progress of a fit on a terminal: a tqdm bar, or one line that is overwritten.

It parses the lines that estimators print when verbose is set, so it works for scikit-learn's
estimators too. The ensembles of rosenblatt.tabular have their own display.
"""

# SPDX-License-Identifier: BSD-3-Clause
import contextlib
import io
import re
import sys

from rosenblatt._progress import RewrittenLine, line_width, open_bar
from rosenblatt.tabular import TabularMLPClassifier, TabularMLPRegressor

# lines of MLPs (scikit-learn's and ours), of perceptrons and of boosting
STEP_LINE = re.compile(r"(?:Iteration |-- Epoch |\[)(\d+)(?:, loss = (\S+))?")


class StepLines(io.TextIOBase):
    """An output stream that calls ``show(step, loss)`` for each line about an epoch or a boosting
    iteration."""

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
    """A line with the current pass and loss, which is overwritten."""

    def __init__(self, stream, name, max_steps):
        self._line, self._name, self._max_steps = RewrittenLine(stream), name, max_steps
        self.show(0, None)

    def show(self, step, loss):
        text = f"{self._name}: pass {step} of at most {self._max_steps}"
        self._line.show(text + (f", loss {float(loss):.4g}" if loss else ""))

    def close(self):
        self._line.close()


class StepBar:
    """The same as a tqdm bar, which adds the remaining time if all passes are needed."""

    def __init__(self, bar):
        self._bar = bar

    def show(self, step, loss):
        if loss:
            self._bar.set_postfix_str(f"loss {float(loss):.4g}", refresh=False)
        self._bar.update(step - self._bar.n)

    def close(self):
        self._bar.close()


def open_display(stream, name, max_steps):
    """Return a tqdm bar if tqdm is installed, otherwise the plain line."""
    # nrows is passed because tqdm shows nothing on a terminal that does not report its size
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
    """Fit ``model``, and show the progress if the output is a terminal."""
    if isinstance(model, (TabularMLPClassifier, TabularMLPRegressor)):
        return model.set_params(verbose=int(sys.stderr.isatty())).fit(X, y)
    terminal = sys.stdout
    if not terminal.isatty():
        return model.fit(X, y)
    # the network may be a step of a pipeline
    parameters = model.get_params()
    prefix = next(key for key in parameters if key.endswith("max_iter")).removesuffix("max_iter")
    # scikit-learn's boosting prints its iterations only if verbose >= 2
    model.set_params(**{f"{prefix}verbose": 2})
    display = open_display(terminal, name, parameters[f"{prefix}max_iter"])
    try:
        with contextlib.redirect_stdout(StepLines(display.show)):
            return model.fit(X, y)
    finally:
        display.close()
