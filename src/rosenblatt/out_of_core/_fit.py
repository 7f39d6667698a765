"""Fits on a Dataset: the count of rows and classes, epochs over buffers, and L-BFGS.

Steps, schedules, stopping and history are implemented in _training.py and _lbfgs.py.
"""

# SPDX-License-Identifier: BSD-3-Clause
import contextlib
import copy
import math
import os
import pickle
import tempfile
import time
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path

import numpy as np
from sklearn.base import is_classifier

from rosenblatt import _lbfgs
from rosenblatt._base import changes
from rosenblatt._classes import checked_labels, class_weights
from rosenblatt._data import augmented_rows
from rosenblatt._interruption import Interruption
from rosenblatt._plan import training_plan
from rosenblatt._progress import open_bar
from rosenblatt._training import TrainingRun, run_to_its_end
from rosenblatt._validation_set import ValidationSet
from rosenblatt.core.epochs import EPOCH_FIGURES, RowOrder, train_epochs
from rosenblatt.core.examples import Examples
from rosenblatt.distributed._batches import augmentation_state, noise_seed
from rosenblatt.out_of_core._sources import source_of
from rosenblatt.out_of_core._stream import ReadAhead, Stream


@dataclass
class Counted:
    """The result of one pass over the targets.

    Attributes
    ----------
    n_rows : int
    labels : ndarray or None
        The sorted labels of a classifier.
    counts : ndarray or None
        Number of rows of each label; None for indicator matrices.
    weight : float
        Sum of the weights of all rows.
    sums : ndarray or float
        Sum of target times weight; for a classifier, the sum of weights of each class.
    """

    n_rows: int = 0
    labels: object = None
    counts: object = None
    weight: float = 0.0
    sums: object = 0.0


def counted(source, given_classes, is_classifier, needs_sums):
    """Count rows, labels and weights, without a pass over the targets if it is not needed.

    Raises
    ------
    ValueError
        If the source has no rows.
    """
    known = Counted(labels=None if given_classes is None else np.unique(given_classes))
    suffices = known.labels is not None or not is_classifier
    if suffices and not needs_sums and source.block_rows is not None:
        known.n_rows = sum(source.block_rows)
    else:
        _count_targets(source, known, is_classifier)
    if not known.n_rows:
        raise ValueError("the source of the Dataset has no rows.")
    return known


def _count_targets(source, known, is_classifier):
    weight_of, rows_of = {}, {}
    for y, weight in source.targets():
        known.n_rows += len(y)
        weights = np.ones(len(y)) if weight is None else np.asarray(weight, dtype=float)
        known.weight += float(weights.sum())
        if not is_classifier:
            known.sums = known.sums + weights @ np.asarray(y, dtype=float).reshape(len(y), -1)
            continue
        y, labels, is_multilabel = checked_labels(np.asarray(y))
        if is_multilabel:
            known.labels, known.sums = labels, known.sums + weights @ y
            continue
        found, inverse = np.unique(y, return_inverse=True)
        added = zip(found, np.bincount(inverse, weights), np.bincount(inverse), strict=True)
        for label, own_weight, n_rows in added:
            weight_of[label] = weight_of.get(label, 0.0) + own_weight
            rows_of[label] = rows_of.get(label, 0) + int(n_rows)
    if rows_of:
        known.labels = np.array(sorted(rows_of)) if known.labels is None else known.labels
        known.counts = np.array([rows_of.get(label, 0) for label in known.labels])
        known.sums = np.array([weight_of.get(label, 0.0) for label in known.labels])


class Fit:
    """A fit of an estimator to a Dataset.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
    dataset : Dataset
    validation : tuple or None
        (X_val, y_val, sample_weight_val), in memory.
    continues, incremental, classes
        As in `_training_data`.
    """

    def __init__(self, estimator, dataset, validation, *, continues, incremental, classes):
        self.estimator, self.dataset = estimator, dataset
        if estimator.early_stopping and validation is None:
            raise ValueError(
                "early_stopping=True requires X_val and y_val with a Dataset. Pass them to `fit`."
            )
        self.source = source_of(dataset)
        classifies = is_classifier(estimator)
        weighs_classes = getattr(estimator, "class_weight", None) is not None
        if classes is None:
            classes = dataset.classes if dataset.classes is not None or not incremental else None
        if incremental and classes is None:
            classes = getattr(estimator, "classes_", None)
        self.counted = counted(
            self.source,
            classes,
            classifies,
            weighs_classes or estimator.intercept_init == "prior",
        )
        self.labels = self.counted.labels
        self.data = self._template(validation, continues, incremental)
        if estimator.intercept_init == "prior":
            self.data = replace(self.data, means=self._means())
        self.twin = copy.copy(self.reader)
        vars(self.twin).pop("feature_names_in_", None)  # so that arrays without names do not warn
        vars(self.reader).pop("_labels_everywhere", None)
        self.noted = changes(vars(estimator), vars(self.reader))

    def _template(self, validation, continues, incremental):
        """TrainingData of the first row, which gives the estimator its classes and columns."""
        X, y, weight = next(block for block in self.source.blocks() if len(block[1]))
        names, X = getattr(X, "names", None), np.asarray(X[:1])
        if names is not None and all(isinstance(name, str) for name in names):
            X = _named(X, names)
        self.reader = copy.copy(self.estimator)
        if self.labels is not None:
            self.reader._labels_everywhere = self.labels
        return self.reader._training_data(
            X,
            y[:1],
            None if weight is None else np.ones(1),
            validation=validation,
            continues=continues,
            incremental=incremental,
            classes=self.labels if incremental else None,
        )

    def _means(self):
        sums, known = np.atleast_1d(self.counted.sums), self.counted
        if self.data.loss.target == "binary" and is_classifier(self.estimator):
            sums = sums[-1:] if known.counts is not None else sums
        if self.data.levels is not None:
            sums = np.repeat(sums, len(self.data.levels))
        return sums / known.weight, known.n_rows

    def encode(self, X, y, weight):
        """TrainingData of a buffer's rows."""
        if self.labels is not None and self.counted.counts is None and y.ndim == 1:
            unknown = np.setdiff1d(y, self.labels)
            if len(unknown):
                raise ValueError(f"y contains labels that are not in `classes`: {unknown}.")
        data = self.twin._training_data(
            X, y, weight, validation=None, continues=True, incremental=False, classes=None
        )
        if getattr(self.twin, "class_weight", None) is not None:
            weights = self._of_class()[data.strata]
            if data.sample_weight is not None:
                weights = weights * data.sample_weight
            data = replace(data, sample_weight=weights.astype(data.X.dtype))
        return data

    def _of_class(self):
        """The weight of each class, divided by the mean class weight of the rows."""
        counts = self.counted.counts
        weights = class_weights(self.labels, counts, self.twin.class_weight)
        return weights / np.average(weights, weights=counts)

    def stream(self, batch_size):
        """The Stream of the training rows."""
        return Stream(
            self.source,
            self.encode,
            self.counted.n_rows,
            self.data.X.shape[1],
            self.data.X.dtype,
            self.dataset.buffer_size,
            batch_size,
            joins_last=self.estimator.normalization == "batch",
        )

    def train(self, callbacks, continues, incremental):
        """Train the estimator; it is then fitted."""
        estimator, data = self.estimator, self.data
        plan = training_plan(estimator, data, incremental=incremental)
        state = estimator._state(plan, data, continues, incremental)
        update = partial(estimator._set_fitted, plan, data, state, self.noted)
        if not plan.is_stochastic:
            _lbfgs.minimize(plan, data, state, callbacks, update, StreamSums(self))
            return update()
        seed = int(state.random_state.randint(2**31))
        note = Note(self.dataset, plan, self.counted.n_rows)
        kept = note.read()
        if kept is not None:
            seed, state = kept["seed"], kept["state"]
            update = partial(estimator._set_fitted, plan, data, state, self.noted)
        with Interruption() as interruption:
            run = StreamedRun(plan, self, state, seed, note, interruption, callbacks, update)
            if kept is not None:
                run.resume(kept)
            run_to_its_end(run, interruption)
        if not interruption.requested:
            note.remove()
        return update()


def _named(X, names):
    """The rows as a DataFrame, so that the estimator stores the column names."""
    import pandas as pd

    return pd.DataFrame(X, columns=list(names))


class StreamSums:
    """The counterpart of _lbfgs.RowSums for a Dataset: each evaluation is a pass over the data."""

    def __init__(self, fit):
        self.stream, self.n_rows = fit.stream(1), fit.counted.n_rows
        self.weight = 0.0
        for data, order in self._buffers():
            weights = data.sample_weight
            self.weight += len(order) if weights is None else float(weights.sum(dtype=float))

    def _buffers(self):
        return self.stream.buffers(0, 0, shuffle=False)

    def __call__(self, network):
        total, gradient = 0.0, 0.0
        with ReadAhead(self._buffers()) as buffers:
            for data, order in buffers:
                examples = Examples(data.X, data.targets, data.sample_weight)
                total += network.loss_and_gradient(examples, order)
                gradient = gradient + network.read_flat(network.gradient).astype(np.float64)
        return total, gradient

    def agreed(self, ask):
        return ask()


class StreamedRun(TrainingRun):
    """A TrainingRun that reads its rows in buffers.

    Parameters
    ----------
    plan : Plan
    fit : Fit
    state : State
    seed : int
        Determines the orders of rows and the noise.
    note : Note
    interruption : Interruption
        Checked between two buffers.
    callbacks, update_estimator
        As in TrainingRun.
    """

    def __init__(self, plan, fit, state, seed, note, interruption, callbacks, update_estimator):
        self.fit, self.seed, self.note, self.interruption = fit, seed, note, interruption
        super().__init__(plan, fit.data, state, callbacks, update_estimator)
        self.network.noise_seed = noise_seed(seed)
        self.stream = fit.stream(self.batch_size)
        self.partial = _Partial()

    def _divide_rows(self):
        validation = self.data.validation
        scored = None if validation is None else ValidationSet(self.plan, validation)
        return np.empty(0, dtype=np.intp), scored

    def _count_rows(self):
        return self.fit.counted.n_rows

    def _weights(self):
        return None

    def _examples(self, weights):
        return None

    def _begin_augmentation(self, weights):
        """Do nothing: each buffer is augmented separately."""

    def _may_core_run_alone(self):
        return False

    def resume(self, kept):
        """Resume in the epoch in which a checkpoint was written."""
        self.partial = kept["partial"]
        if kept["best"] is not None:
            self.network.write(self.best_parameters, *kept["best"])

    def _take_steps(self, rates, scheduled, rule, figures, interruption):
        done, plan, began = self.partial, self.plan, time.perf_counter()
        if self.state.n_epochs and not done.n_rows:
            self.note.write_if_due(self, done)  # at the end of an epoch, that is
        tracks = self._tracks_change() or plan.tol_params is not None
        if tracks and done.before is None:
            done.before = self.network.read_flat(self.network.parameters)
        buffers = self.stream.buffers(self.seed, self.state.n_epochs, plan.shuffle, done.n_rows)
        with ReadAhead(buffers) as buffers, self._bar(done.n_rows) as bar:
            for data, order in buffers:
                self._train_on(data, order, rates, scheduled)
                bar.update(len(order))
                del data
                if self.interruption.requested:
                    break
                if done.n_rows < self.n_rows:
                    self.note.write_if_due(self, done)
        loss = done.loss / done.n_rows
        norm = math.sqrt(done.squares / done.n_steps) if done.n_steps else math.nan
        change = math.nan
        if tracks:
            now = self.network.read_flat(self.network.parameters).astype(float)
            change = float(np.linalg.norm(now - done.before))
        figures[0] = norm, time.perf_counter() - began, change
        if self.interruption.requested and done.n_rows < self.n_rows:
            self.note.write(self, done)
        self.partial = _Partial()
        if rule is not None:
            rule.observe(loss)
        return np.array([loss]), done.n_rows

    def _train_on(self, data, order, rates, scheduled):
        """Run the steps of one buffer without returning to Python."""
        done, X = self.partial, data.X
        if self.plan.augment is not None:
            draws = augmentation_state(self.seed, done.n_rows, self.state.n_epochs)
            X = augmented_rows(self.plan.augment, X, draws)
        examples = Examples(X, data.targets, data.sample_weight)
        n_batches = self.network.steps_per_epoch(len(order), self.batch_size)
        own_steps = slice(done.n_batches, done.n_batches + n_batches)
        taken, own = self.network.n_steps, np.empty((1, len(EPOCH_FIGURES)))
        (loss,) = train_epochs(
            self.network,
            examples,
            RowOrder(order),
            np.ascontiguousarray(rates[:, own_steps]),
            self.batch_size,
            scheduled={name: values[:, own_steps] for name, values in scheduled.items()},
            figures=own,
        )
        taken = self.network.n_steps - taken
        done.n_batches += n_batches
        done.n_rows += len(order)
        done.loss += float(loss) * len(order)
        done.n_steps += taken
        done.squares += taken * own[0, 0] ** 2 if taken else 0.0

    def _bar(self, n_done):
        name, bar = f"epoch {self.state.n_epochs + 1}", None
        if self.fit.dataset.progress:
            bar = open_bar(total=self.n_rows, initial=n_done, desc=name, unit="row")
        return contextlib.nullcontext(_NoBar()) if bar is None else bar

    def kept(self, done):
        """The contents of a checkpoint: everything from which training resumes."""
        self._keep_optimizer()
        state = replace(self.state, parameters=self.network.read(self.network.parameters))
        best = self.best_parameters
        best = None if best is None else self.network.read(best)
        return {"state": state, "seed": self.seed, "partial": done, "best": best}


class _NoBar:
    def update(self, n_rows):
        pass


@dataclass
class _Partial:
    """Sums over the completed part of an epoch."""

    n_rows: int = 0
    n_batches: int = 0
    n_steps: int = 0
    loss: float = 0.0
    squares: float = 0.0
    before: object = None


class Note:
    """The checkpoint file of a training run.

    Parameters
    ----------
    dataset : Dataset
    plan : Plan
    n_rows : int
        A checkpoint is resumed only if it has the same number of rows and the same plan.
    """

    def __init__(self, dataset, plan, n_rows):
        self.path = None if dataset.checkpoint is None else Path(dataset.checkpoint)
        self.seconds, self.written = dataset.checkpoint_seconds, time.monotonic()
        plain = {each.name: getattr(plan, each.name) for each in fields(plan)}
        plain = {name: value for name, value in plain.items() if not callable(value)}
        architecture = plain.pop("architecture")
        self.belongs_to = repr((architecture, sorted(plain.items()), n_rows, dataset.buffer_size))

    def read(self):
        """The contents of the checkpoint, or None if there is none."""
        if self.path is None or not self.path.exists():
            return None
        with open(self.path, "rb") as file:
            kept = pickle.load(file)
        if kept["belongs to"] != self.belongs_to:
            raise ValueError(
                f"checkpoint={str(self.path)!r} was written by a fit with other parameters or "
                "other rows. Use the same ones, or delete the file."
            )
        return kept

    def write_if_due(self, run, done):
        """Write a checkpoint if `checkpoint_seconds` have passed since the last one."""
        if self.path is not None and time.monotonic() >= self.written + self.seconds:
            self.write(run, done)

    def write(self, run, done):
        """Write a checkpoint; the file is replaced atomically."""
        if self.path is None:
            return
        kept = run.kept(done) | {"belongs to": self.belongs_to}
        handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=self.path.name)
        try:
            with open(handle, "wb") as file:
                pickle.dump(kept, file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, self.path)
        except BaseException:
            os.unlink(name)
            raise
        self.written = time.monotonic()

    def remove(self):
        """Delete the checkpoint of a completed fit."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)
