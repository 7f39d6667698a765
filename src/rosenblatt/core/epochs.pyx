"""Epochs of steps: the order of rows, the stopping rules in the core, and the training loop.

An epoch trains a network (network.pyx) on examples, batch by batch, without the GIL and without
accessing Python objects. `Epochs` has the complete state of one training, so that several can run
concurrently; `train_epochs` runs one of them with a team of threads. The Python training loop
computes the learning rates, and runs between calls.
"""

# SPDX-License-Identifier: BSD-3-Clause
import numpy as np

from libc.math cimport NAN, sqrt

from rosenblatt.core.address cimport address
from rosenblatt.core.examples cimport Examples
from rosenblatt.core.kernels cimport rb_step
from rosenblatt.core.network cimport Network
from rosenblatt.core.threads cimport rb_meet, rb_run_team, rb_team

from rosenblatt.core.buffers import aligned_zeros
from rosenblatt.core.examples import span_of
from rosenblatt.core.optimizer import STEP_CONSTANTS

EPOCH_FIGURES = ("gradient_norm", "seconds", "parameter_change")  # columns, see train_epochs

cdef enum:
    N_FIGURES = 3     # EPOCH_FIGURES
    # Multiply-adds (including the overhead of steps) between two checks for Ctrl-C: about ten
    # milliseconds
    LISTENS_AFTER = 20000000
    COST_OF_A_STEP = 2000


cdef extern from "Python.h":
    int PyErr_CheckSignals() except -1


cdef extern from "shuffle.h" nogil:
    ctypedef struct rb_mt19937:
        unsigned int key[624]
        int position
    void rb_mt19937_temper(rb_mt19937 *)
    void rb_shuffle(Py_ssize_t *, Py_ssize_t, rb_mt19937 *)


cdef extern from "clock.h" nogil:
    double rb_seconds()


def _is_of_mt19937(random_state):
    """Whether the generator is NumPy's MT19937, without copying its state, which is slow."""
    generator = getattr(random_state, "_bit_generator", None)
    if generator is None:
        return random_state.get_state(legacy=False)["bit_generator"] == "MT19937"
    return type(generator) is np.random.MT19937


cdef class RowOrder:
    """The order of the rows, which is shuffled for every epoch.

    As in scikit-learn, each shuffle permutes the order of the previous epoch.

    Parameters
    ----------
    rows : ndarray of intp of shape (n_rows,)
        Row numbers in the initial order. Copied.
    random_state : numpy.random.RandomState or None
        None keeps the order. The state of a RandomState advances as by its own `shuffle`.
    is_private : bool
        Whether no other thread uses `random_state`. The core then continues a copy of its state
        without the GIL. A shared generator, such as NumPy's global one, must shuffle under its own
        lock.

    Attributes
    ----------
    n_taken : int
        Number of rows used in the last epoch: all, unless it was interrupted.
    is_continued_in_core : bool
        Whether consecutive epochs can run without Python; the core implements MT19937 only.
    span : (int, int)
        The lowest and the highest row number.
    """

    cdef object array
    cdef Py_ssize_t[::1] rows   # of the array
    cdef readonly tuple span
    cdef readonly Py_ssize_t n_taken
    cdef object random_state
    cdef dict state
    cdef rb_mt19937 generator
    cdef bint shuffles
    cdef readonly bint is_continued_in_core

    def __init__(self, rows, random_state=None, is_private=True):
        self.rows = self.array = np.array(rows, dtype=np.intp)
        self.span = span_of(self.array)
        self.random_state = random_state
        self.is_continued_in_core = random_state is None or (
            is_private and _is_of_mt19937(random_state))
        self.shuffles = random_state is not None and self.is_continued_in_core

    def _begin(self):
        cdef unsigned int[::1] key
        if self.random_state is None:
            return
        if not self.shuffles:
            self.random_state.shuffle(self.array)
            return
        self.state = self.random_state.get_state(legacy=False)
        key = np.ascontiguousarray(self.state["state"]["key"], dtype=np.uint32)
        for i in range(624):
            self.generator.key[i] = key[i]
        self.generator.position = self.state["state"]["pos"]
        rb_mt19937_temper(&self.generator)

    def _end(self):
        if not self.shuffles:
            return
        array = np.empty(624, dtype=np.uint32)
        cdef unsigned int[::1] key = array
        for i in range(624):
            key[i] = self.generator.key[i]
        self.state["state"] = {"key": array, "pos": self.generator.position}
        self.random_state.set_state(self.state)

    @property
    def current(self):
        """The order of the last epoch."""
        return self.array.copy()

    cdef void next_epoch(self) noexcept nogil:
        if self.shuffles:
            rb_shuffle(&self.rows[0], self.rows.shape[0], &self.generator)


cdef class StoppingRule:
    """Counts consecutive epochs whose loss is not at least `tol` below the best loss.

    Parameters
    ----------
    best : float
    n_without_improvement : int
        The initial state.
    tol : float
    patience, patience_ratio : float
        `is_exhausted` becomes true when the count exceeds patience + patience_ratio * b, where b
        is the epoch of the last improvement.
    n_epochs : int
        The number of epochs before the first one that is counted.
    """

    cdef readonly double best, tol, patience, patience_ratio
    cdef readonly Py_ssize_t n_without_improvement, n_epochs

    def __init__(self, best, n_without_improvement, tol, patience, *, patience_ratio=0.0,
                 n_epochs=0):
        self.best, self.n_without_improvement = best, n_without_improvement
        self.tol, self.patience, self.patience_ratio = tol, patience, patience_ratio
        self.n_epochs = n_epochs

    def observe(self, double loss):
        """Count an epoch with this loss; returns whether the patience is exhausted."""
        return self.is_exhausted(loss)

    cdef bint is_exhausted(self, double loss) noexcept nogil:
        if loss > self.best - self.tol:
            self.n_without_improvement += 1
        else:
            self.n_without_improvement = 0
        if loss < self.best:
            self.best = loss
        self.n_epochs += 1
        return self.n_without_improvement > self.patience + self.patience_ratio * (
            self.n_epochs - self.n_without_improvement)


cdef class Epochs:
    """The arguments and the state of one call of `train_epochs`, whose parameters it has."""

    cdef Network network
    cdef Examples examples
    cdef RowOrder order
    cdef StoppingRule rule      # or None
    cdef const double[:, :, ::1] values     # (n_quantities, n_epochs, n_steps)
    cdef Py_ssize_t[::1] places             # of the quantities in an rb_step
    cdef double[:, ::1] figures
    cdef double[::1] losses
    cdef Py_ssize_t *rows
    cdef Py_ssize_t n_rows, batch_size, n_done
    cdef double tol_params      # negative: parameters may stay where they are
    cdef bint tracks_change, has_rule, is_over, is_interrupted
    cdef object interruption    # or None
    cdef object error           # that a signal's handler raised, or None
    cdef object before          # parameters when `moved` was last called, or None
    cdef char *before_data
    cdef double squared_norm    # summed over the steps of an epoch
    cdef double started

    def __init__(self, Network network, Examples examples, RowOrder order, dict scheduled,
                 Py_ssize_t batch_size, StoppingRule rule, double[:, ::1] figures, tol_params,
                 bint tracks_change, interruption):
        self.interruption = interruption
        self.network, self.examples, self.order = network, examples, order
        self.places = np.array([STEP_CONSTANTS[name] for name in scheduled], dtype=np.intp)
        self.values = np.array(list(scheduled.values()), dtype=np.float64, order="C")
        self.batch_size = batch_size
        self.n_rows, self.figures = order.rows.shape[0], figures
        self._check()
        self.rows = &order.rows[0]
        self.rule, self.has_rule = rule, rule is not None
        self.tol_params = -1 if tol_params is None else tol_params
        self.tracks_change = tracks_change or tol_params is not None
        self.losses = np.empty(self.values.shape[1])

    def _check(self):
        """Check the preconditions of the loop."""
        network, n_epochs = self.network, self.values.shape[1]
        if self.figures.shape[0] < n_epochs or self.figures.shape[1] != N_FIGURES:
            raise ValueError(f"figures must have shape {(n_epochs, N_FIGURES)}.")
        network.check(self.examples, self.order.span)
        if not network.takes_steps or self.n_rows == 0 or self.batch_size < 1:
            raise ValueError("A step requires an optimizer and at least one row")
        network.check_step(self.examples, min(self.batch_size, self.n_rows), network.chunk - 1)
        n_steps = network.steps_per_epoch(self.n_rows, self.batch_size)
        if n_epochs == 0 or self.values.shape[2] < n_steps:
            raise ValueError(f"{n_epochs} epochs of {self.values.shape[2]} "
                             f"learning rates are too few for {self.n_rows} rows in "
                             f"batches of {self.batch_size}.")
        only_in_python = self.order.random_state is not None and not self.order.shuffles
        if n_epochs > 1 and only_in_python:
            raise ValueError("An order that only Python can continue allows one epoch at a time")

    def begin(self):
        """The part before `run` that requires the GIL."""
        self.order._begin()
        if self.tracks_change:
            self.before = aligned_zeros(self.network.n_parameters, self.network.dtype)
            self.before[...] = self.network.parameters[:self.network.n_parameters]
            self.before_data = address(self.before)

    def end(self):
        """The part after `run` that requires the GIL; returns the losses of the epochs."""
        self.order._end()
        if self.error is not None:
            raise self.error
        return np.asarray(self.losses)[:self.n_done]

    cdef void run(self, rb_team *team, int thread) noexcept nogil:
        """Run all epochs, in all threads of the team; thread 0 decides for all threads."""
        cdef rb_step step = self.network.optimizer.step
        cdef double loss
        while not self.is_over:
            if thread == 0:
                self.started = rb_seconds()
                self.order.next_epoch()
            rb_meet(team)
            loss = self.one(&step, team, thread)
            rb_meet(team)
            if thread == 0:
                self.network.optimizer.step = step
                self.end_epoch(loss)
            rb_meet(team)

    cdef double one(self, rb_step *step, rb_team *team, int thread) noexcept nogil:
        """Run one pass over the rows; returns the loss averaged over rows.

        It ends early, after a step, on Ctrl-C.
        """
        cdef Py_ssize_t start = 0, i = 0, j, rows, n_unheard = 0
        cdef double total = 0, squares = 0, t = step.t
        while start < self.n_rows:
            rows = self.network.rows_of_step(self.batch_size, self.n_rows - start)
            for j in range(self.places.shape[0]):
                (<double *> (<char *> step + self.places[j]))[0] = self.values[j, self.n_done, i]
            total += rows * self.network.train_step(self.examples, self.rows + start, rows, step,
                                                    team, thread)
            if thread == 0:
                squares += self.network.optimizer.squared_norm
            start += rows
            i += 1
            # the same count in every thread, so that all decide at the same step
            n_unheard += rows * self.network.optimizer.n_weights + COST_OF_A_STEP
            if n_unheard >= LISTENS_AFTER:
                n_unheard = 0
                rb_meet(team)
                if thread == 0:
                    self.listen()
                rb_meet(team)
                if self.is_interrupted:
                    break
        if thread == 0:
            self.order.n_taken = start
            self.figures[self.n_done, 0] = sqrt(squares / (step.t - t)) if step.t > t else NAN
        return total / start

    cdef void listen(self) noexcept with gil:
        """Let Python handle signals (in its main thread), and record Ctrl-C."""
        try:
            PyErr_CheckSignals()
            self.is_interrupted = self.interruption is not None and self.interruption.requested
        except BaseException as error:
            self.error, self.is_interrupted = error, True

    cdef void end_epoch(self, double loss) noexcept nogil:
        """Record the results of an epoch, and whether it was the last."""
        cdef double change = NAN
        if self.tracks_change:
            change = sqrt(self.network.kernels.update.moved(
                self.before_data, self.network.first, self.network.n_parameters))
        self.losses[self.n_done] = loss
        self.figures[self.n_done, 1] = rb_seconds() - self.started
        self.figures[self.n_done, 2] = change
        self.n_done += 1
        self.is_over = self.is_interrupted or not self.network.is_finite()
        if self.has_rule and self.rule.is_exhausted(loss):
            self.is_over = True
        if change < self.tol_params:
            self.is_over = True
        if self.n_done == self.losses.shape[0]:
            self.is_over = True


cdef void _run(void *epochs, rb_team *team, int thread) noexcept nogil:
    (<Epochs> epochs).run(team, thread)


def train_epochs(Network network, Examples examples, RowOrder order,
                 learning_rates, Py_ssize_t batch_size, StoppingRule rule=None, *,
                 scheduled=None, figures=None, tol_params=None, bint tracks_change=False,
                 interruption=None):
    """Run epochs over the examples until the learning rates are used up or a rule stops training.

    Parameters
    ----------
    network : Network
        Must have an optimizer.
    examples : Examples
    order : RowOrder
        Batches are consecutive slices of it; the last may be shorter.
    learning_rates : array of float64 of shape (n_epochs, n_steps)
        One for each batch of each epoch.
    batch_size : int
    rule : StoppingRule or None
        Observes the loss of every epoch; training stops when it is exhausted.
    scheduled : dict or None
        Maps the name of each other constant that changes from step to step, of those in
        `STEP_CONSTANTS`, to its values, of the same shape.
    figures : ndarray of float64 of shape (n_epochs, 3), C-contiguous, or None
        Filled with each epoch's EPOCH_FIGURES: the root mean square of the norm of the steps'
        gradients (including the penalty; NaN if every batch was skipped), the duration in seconds,
        and the Euclidean norm of the change of all parameters, or NaN.
    tol_params : float or None
        Training stops if the change of the parameters is below it.
    tracks_change : bool
        Whether to compute the change even if tol_params is None.
    interruption : object or None
        Its `requested` is checked between steps every few milliseconds; if it is true, training
        ends after the current step. Exceptions of signal handlers are raised.

    Returns
    -------
    ndarray of shape (n_epochs_done,)
        The loss of each epoch: the batch losses before each step, averaged over rows. There are no
        further epochs after parameters became non-finite. For an interrupted epoch, it is the mean
        over the `n_taken` rows that were used.
    """
    if figures is None:
        figures = np.empty((len(learning_rates), N_FIGURES))
    scheduled = {"learning_rate": learning_rates, **(scheduled or {})}
    cdef Epochs epochs = Epochs(network, examples, order, scheduled, batch_size, rule,
                                figures, tol_params, tracks_change, interruption)
    cdef int n_threads = network.threads_for(min(batch_size, epochs.n_rows))
    epochs.begin()
    with nogil:
        rb_run_team(_run, <void *> epochs, n_threads)
    return epochs.end()
