"""Callbacks, which are called after every epoch and can stop training: the values of `callbacks=`.

This file has those that come with the package; _callback_calls.py calls them.
"""

# SPDX-License-Identifier: BSD-3-Clause
import contextlib
import glob
import math
import multiprocessing
import os
import pickle
import stat
import time
import uuid
from inspect import signature
from numbers import Integral, Real
from pathlib import Path
from string import Formatter
from typing import Any

import numpy as np

from rosenblatt._history import EpochRecord
from rosenblatt._parameter_checks import Interval, validate_values
from rosenblatt._progress import open_bar
from rosenblatt._types import Array

try:
    import fcntl
except ImportError:  # no POSIX system
    fcntl = None

__all__ = ["Callback", "Checkpoint", "EpochRecord", "Progress", "TimeLimit", "Trajectory"]


class Callback:
    """Base class of callbacks that are also called at the start and the end of a fit.

    A callback can be any callable with the signature (record, estimator); deriving from this class
    is optional. A fit is one call of `fit` or `partial_fit`; for solver='lbfgs' an epoch is an
    iteration. Clones of an estimator get copies of its callbacks, and pickles include them, as with
    scikit-learn's `set_callbacks`. Callbacks that cannot be pickled, such as lambdas, are left out
    of the pickle of a fitted estimator, with a warning.

    Attributes
    ----------
    tracks_change : bool
        Whether records include `parameter_change`, which costs a pass over the parameters.
    """

    tracks_change = False

    def __repr__(self):
        """The class name and the parameters, as in the repr of an estimator."""
        names = [name for name in signature(type(self)).parameters if hasattr(self, name)]
        values = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{type(self).__name__}({values})"

    def on_fit_begin(self, estimator: Any, max_epochs: int) -> None:
        """Called before the first epoch of a fit of at most `max_epochs` epochs."""

    def __call__(self, record, estimator):
        """Called after every epoch, except one after which the parameters are not finite.

        Parameters
        ----------
        record : EpochRecord
            The epoch's row of `history_`.
        estimator : MLPClassifier or MLPRegressor
            The estimator, with its fitted attributes after this epoch, so that it can predict.

        Returns
        -------
        stop : bool or None
            True stops training.
        """

    def on_fit_end(self, estimator: Any) -> None:
        """Called at the end of the fit, also if an exception ended it."""


class TimeLimit(Callback):
    """Stops a fit after the first epoch that ends past the time limit.

    Parameters
    ----------
    seconds : float > 0
        The time limit in seconds, from the start of the fit.
    """

    def __init__(self, seconds: float) -> None:
        rules = {"seconds": [Interval(Real, 0, None, closed="neither")]}
        validate_values("TimeLimit", {"seconds": seconds}, rules)
        self.seconds = seconds
        self._end = math.inf

    def on_fit_begin(self, estimator: Any, max_epochs: int) -> None:
        self._end = time.monotonic() + self.seconds

    def __call__(self, record: Any, estimator: Any) -> bool:
        return time.monotonic() >= self._end


class Progress(Callback):
    """Shows a tqdm progress bar of the fit, in a terminal or a notebook.

    Bars of nested fits, as in a search, are shown below each other and disappear when the fit ends.
    In the worker processes of a parallel search no bar is shown, since bars would overwrite each
    other.

    Parameters
    ----------
    leave : bool, default=False
        Whether to keep the bar after the fit.

    Raises
    ------
    ImportError
        If tqdm is not installed.
    """

    def __init__(self, leave: bool = False) -> None:
        validate_values("Progress", {"leave": leave}, {"leave": ["boolean"]})
        try:
            import tqdm.auto  # noqa: F401
        except ImportError as error:  # which open_bar would keep silent about
            raise ImportError("Progress needs tqdm: pip install tqdm") from error
        self.leave = leave
        self._bar = None

    def on_fit_begin(self, estimator: Any, max_epochs: int) -> None:
        if multiprocessing.current_process().name != "MainProcess":
            return
        name = type(estimator).__name__
        self._bar = open_bar(total=max_epochs, desc=name, unit="epoch", leave=self.leave)

    def __call__(self, record, estimator):
        if self._bar is None:
            return
        shown = {"loss": record.loss, "score": record.validation_score}
        shown = {name: f"{value:.4g}" for name, value in shown.items() if not math.isnan(value)}
        self._bar.set_postfix(shown, refresh=False)
        self._bar.update(1)

    def on_fit_end(self, estimator: Any) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def __getstate__(self):
        """The state without the bar: a copy opens its own."""
        return {**vars(self), "_bar": None}


class Checkpoint(Callback):
    """Saves the estimator to a file every `every` epochs.

    The file is written atomically: to a temporary name first, then renamed. An existing file keeps
    its mode, a symbolic link is followed, and temporary files of a killed process are removed by
    the next fit that writes to this path. The file is a pickle, so load only files that you trust.
    The estimator that `Checkpoint.load` returns can predict, and continues training with
    warm_start=True or `partial_fit`. It includes the optimiser's state, so that training resumes
    where it was, if it was trained by `partial_fit` or with warm_start='optimizer'.

    Parameters
    ----------
    path : str or path-like
        The file, in an existing folder. The placeholder '{fit}' is replaced by letters that are
        unique to each fit, '{epoch}' by the number of the epoch. With '{fit}', the fits of a search
        do not overwrite each other's files.
    every : int >= 1, default=1
        The number of epochs between two checkpoints.
    best_only : bool, default=False
        Whether to save only if the validation score is higher than at all earlier checkpoints of
        this training. Requires validation rows: early_stopping=True, or `X_val` in `fit`.
    """

    def __init__(
        self, path: str | os.PathLike[str], every: int = 1, best_only: bool = False
    ) -> None:
        validate_values(
            "Checkpoint",
            {"path": path, "every": every, "best_only": best_only},
            {
                "path": [str, os.PathLike],
                "every": [Interval(Integral, 1, None)],
                "best_only": ["boolean"],
            },
        )
        self.path, self.every, self.best_only = os.fspath(path), every, best_only
        self._fit, self._last_epoch, self._best_score = "", 0, -math.inf
        try:
            self._path_of(0)
        except (LookupError, ValueError, AttributeError) as error:
            raise ValueError(
                f"path supports the placeholders {{fit}} and {{epoch}}, and {{{{ for a brace; got "
                f"{self.path!r}."
            ) from error

    def on_fit_begin(self, estimator: Any, max_epochs: int) -> None:
        self._fit = uuid.uuid4().hex[:12]
        path = Path(self._path_of(0))
        if not path.parent.is_dir():
            raise FileNotFoundError(f"path={self.path!r} of Checkpoint: there is no {path.parent}.")
        target = target_of(path)
        if not target.parent.is_dir():
            raise FileNotFoundError(
                f"path={self.path!r} of Checkpoint is a link to {target}: there is no "
                f"{target.parent}."
            )
        is_of_this_path = target.name == path.name  # and no link to another name
        remove_unfinished(
            target.parent, self._name_pattern() if is_of_this_path else glob.escape(target.name)
        )

    def __call__(self, record, estimator):
        if record.epoch <= self._last_epoch:  # a new training
            self._best_score = -math.inf
        self._last_epoch = record.epoch
        if record.epoch % self.every == 0 and self._is_wanted(record.validation_score):
            write_whole(self._path_of(record.epoch), estimator)

    def _is_wanted(self, score):
        """Whether to save an epoch with this validation score."""
        if not self.best_only:
            return True
        if math.isnan(score):
            raise ValueError(
                "best_only=True of Checkpoint needs a validation score in every epoch, got none: "
                "use early_stopping=True, pass X_val and y_val to fit, or set best_only=False."
            )
        is_best = score > self._best_score
        self._best_score = max(self._best_score, score)
        return is_best

    def _name_pattern(self):
        """The glob pattern of the files of all fits and epochs."""
        parts = Formatter().parse(os.path.basename(self.path))
        return "".join(
            glob.escape(text) + ("" if field is None else "*") for text, field, _, _ in parts
        )

    def _path_of(self, epoch):
        return self.path.format(fit=self._fit, epoch=epoch)

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Any:
        """Loads the estimator that a Checkpoint saved; load only files that you trust."""
        with open(path, "rb") as file:
            return pickle.load(file)


class Trajectory(Callback):
    """Records the parameters every `every` epochs: the path of the training.

    `rosenblatt.plot.LossSurfaceDisplay` draws it. It stores n_points x n_parameters_ numbers in the
    fit's precision (200 epochs of 10,000 parameters in float64: 16 MB), and `parameters_` returns a
    copy. Copies of the callback, in a clone or a pickle of its estimator, are empty.

    Parameters
    ----------
    every : int >= 1, default=1
        The number of epochs between two points; the first point is recorded after epoch `every`.

    Attributes
    ----------
    parameters_ : ndarray of shape (n_points, n_parameters)
        A row for each point: all of `coefs_` ravelled in C order, then all of `intercepts_`, then,
        with normalisation, all scales and all shifts. A fit that continues an earlier one appends
        to it; a new fit replaces it.
    epochs_ : ndarray of int of shape (n_points,)
        The epochs after which the points were recorded.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from rosenblatt import MLPClassifier
    >>> from rosenblatt.callbacks import Trajectory
    >>> path = Trajectory(every=50)
    >>> model = MLPClassifier((5,), max_iter=200, tol=0, callbacks=[path])
    >>> model = model.fit(*load_iris(return_X_y=True))
    >>> path.parameters_.shape  # 4 x 5 + 5 x 3 weights, 5 + 3 intercepts
    (4, 43)
    >>> path.epochs_.tolist()
    [50, 100, 150, 200]
    """

    def __init__(self, every: int = 1) -> None:
        validate_values("Trajectory", {"every": every}, {"every": [Interval(Integral, 1, None)]})
        self.every = every
        self._points, self._epochs = [], []

    def __call__(self, record, estimator):
        if self._epochs and record.epoch <= self._epochs[-1]:
            self._points, self._epochs = [], []
        if record.epoch % self.every == 0:
            self._points.append(flat_parameters(estimator))
            self._epochs.append(record.epoch)

    @property
    def parameters_(self) -> Array:
        if not self._points:
            raise AttributeError(
                f"Trajectory(every={self.every}) has no point yet: fit an estimator with it among "
                "its callbacks, for at least that many epochs."
            )
        return np.array(self._points)

    @property
    def epochs_(self) -> Array:
        return np.array(self._epochs, dtype=int)

    def __getstate__(self):
        """The state without the points, which a search or a Checkpoint would duplicate."""
        return {**vars(self), "_points": [], "_epochs": []}


def flat_parameters(estimator: Any) -> Array:
    """All learned parameters of a fitted network as one vector, in the order of `Trajectory`."""
    architecture = estimator._architecture
    return architecture.flat(architecture.read(estimator))


def target_of(path):
    """The file that is written for a path, with symbolic links resolved.

    Raises
    ------
    IsADirectoryError, ValueError
        If the path exists and is not a regular file.
    """
    target = Path(os.path.realpath(path))
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return target
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(f"path={str(path)!r} of Checkpoint is a folder: name a file.")
    if not stat.S_ISREG(mode):
        raise ValueError(
            f"path={str(path)!r} of Checkpoint must be a regular file or a name that is not in "
            f"use, got a device, pipe or socket ({stat.filemode(mode)})."
        )
    return target


def write_whole(path, value):
    """Pickles a value to a file, which changes from its old content to the new at once.

    Raises
    ------
    OSError
        If it cannot be written, because the disk is full say; the old content is still there.
    """
    target = target_of(path)
    mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else None
    unfinished, handle = _begin_file(target)
    try:
        with os.fdopen(handle, "wb") as file:
            if mode is not None:
                os.chmod(unfinished, mode)
            pickle.dump(value, file, protocol=pickle.HIGHEST_PROTOCOL)
            file.flush()
            os.fsync(file.fileno())
            if fcntl is not None:
                os.replace(unfinished, target)  # while it is locked
        if fcntl is None:
            os.replace(unfinished, target)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.unlink(unfinished)
        if isinstance(error, OSError) and error.filename is None:  # a full disk: say where
            error.filename = str(path)
            error.add_note("This checkpoint was not written; an earlier one is still there.")
        raise


def _begin_file(target):
    """(path, handle) of a new file beside the target, locked while it is being written."""
    while True:
        path = target.with_name(f".{target.name}.{uuid.uuid4().hex[:12]}.unfinished")
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)  # less the umask
        if fcntl is None:
            return path, handle
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        if os.fstat(handle).st_nlink:
            return path, handle
        os.close(handle)  # `remove_unfinished` was faster than the lock


def remove_unfinished(folder, pattern):
    """Removes temporary files of `write_whole` for such names that a killed process left."""
    if fcntl is None:
        return
    for path in folder.glob(f".{pattern}.*.unfinished"):
        with contextlib.suppress(OSError), open(path, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # or it is being written
            os.unlink(path)
