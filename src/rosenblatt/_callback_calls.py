"""Calls the callbacks during a fit: those of `callbacks=`, and scikit-learn's own protocol.

Training has one object that it notifies of the start and the end of every epoch, or None if there
are no callbacks.
"""

# SPDX-License-Identifier: BSD-3-Clause
import contextlib
from typing import Any, Self

import numpy as np

try:
    from sklearn import callback

    with_callbacks = callback.with_callbacks

    class CallbackSupportMixin(callback.CallbackSupportMixin):
        """scikit-learn's, which says what goes elsewhere."""

        def set_callbacks(self, *callbacks: Any) -> Self:
            """Set scikit-learn's callbacks, such as `sklearn.callback.ProgressBar`.

            Parameters
            ----------
            *callbacks : callback instances
                They follow scikit-learn's FitCallback protocol. Without any, those that are set
                are removed.

            Returns
            -------
            self : object
            """
            for each in callbacks:
                if isinstance(each, type) or not isinstance(each, callback.FitCallback):
                    raise TypeError(_not_of_the_protocol(self, each))
            return super().set_callbacks(*callbacks)

except ImportError:  # scikit-learn before 1.9

    class CallbackSupportMixin:
        """Empty, because this version of scikit-learn has no callbacks."""

    def with_callbacks(method):
        """Return the method unchanged."""
        return method


__all__ = ["CallbackSupportMixin", "calling_callbacks", "with_callbacks"]


def _not_of_the_protocol(estimator, given):
    """The message about what is no callback of scikit-learn's."""
    text = (
        "set_callbacks takes instances that follow scikit-learn's FitCallback protocol, such as "
        f"sklearn.callback.ProgressBar(), one argument each; got {given!r}."
    )
    if isinstance(given, type):
        return f"{text} Make an instance: {given.__name__}()."
    if callable(given) and hasattr(estimator, "callbacks"):
        return (
            f"{text} Functions of (record, estimator), and rosenblatt.callbacks, are a parameter: "
            "set_params(callbacks=[...])."
        )
    return text


@contextlib.contextmanager
def calling_callbacks(estimator, max_epochs, **data):
    """A context that notifies callbacks of the start and end of a fit; gives CallbackCalls or None.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
    max_epochs : int
        0 for a fit without epochs.
    **data : X, y and metadata
        As in scikit-learn's hooks.
    """
    own, theirs = list(estimator.callbacks or []), getattr(estimator, "_skl_callbacks", [])
    if not own and not theirs:
        yield None
        return
    with contextlib.ExitStack() as ends:
        tasks = ScikitLearnTasks(estimator, max_epochs, data) if theirs else None
        for callback in own:
            if hasattr(callback, "on_fit_begin"):
                callback.on_fit_begin(estimator, max_epochs)
                ends.callback(callback.on_fit_end, estimator)
        yield CallbackCalls(estimator, own, tasks)
        if tasks is not None:
            tasks.end_fit()


class CallbackCalls:
    """The callbacks of one fit.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
    callbacks : list of callables
    tasks : ScikitLearnTasks or None

    Attributes
    ----------
    tracks_change : bool
        Whether a callback requires the change of the parameters in each epoch.
    sees_estimator : bool
        If True, the estimator gets the current parameters before every `end_epoch`.
    """

    sees_estimator = True

    def __init__(self, estimator, callbacks, tasks):
        self.estimator, self.callbacks, self.tasks = estimator, callbacks, tasks
        self.tracks_change = any(getattr(each, "tracks_change", False) for each in callbacks)

    def begin_epoch(self):
        if self.tasks is not None:
            self.tasks.begin_epoch()

    def end_epoch(self, record):
        """Call all callbacks; returns whether one of them requests training to stop."""
        # comparisons with NumPy scalars return numpy.bool_ instead of bool
        answers = [
            isinstance(answer, (bool, np.bool_)) and bool(answer)
            for answer in [callback(record, self.estimator) for callback in self.callbacks]
        ]
        if self.tasks is not None:
            answers.append(self.tasks.end_epoch())
        return any(answers)


class ScikitLearnTasks:
    """The callbacks of `set_callbacks`, for which a fit is a task and each epoch a subtask."""

    def __init__(self, estimator, max_epochs, data):
        self.estimator, self.data = estimator, data
        self.fit_task = estimator._init_callback_context(max_subtasks=max_epochs)
        self.fit_task.call_on_fit_task_begin(estimator=estimator, **data)
        self.epoch_task = None

    def begin_epoch(self):
        self.epoch_task = self.fit_task.subcontext(task_name="epoch")
        self.epoch_task.call_on_fit_task_begin(estimator=self.estimator, **self.data)

    def end_epoch(self):
        return self._end(self.epoch_task)

    def end_fit(self):
        self._end(self.fit_task)

    def _end(self, task):
        # the estimator already has all its attributes, so nothing is added to a copy of it
        return task.call_on_fit_task_end(
            estimator=self.estimator, reconstruction_attributes={}, **self.data
        )
