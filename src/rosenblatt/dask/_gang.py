"""Synchronous training on dask workers: one long-running task per worker, connected by sockets.

The client holds the state of training. It runs training in rounds of several epochs. A round that
fails because a worker was lost is repeated on the remaining workers.
"""

# SPDX-License-Identifier: BSD-3-Clause
import contextlib
import secrets
import threading
import time
import warnings
from concurrent.futures import CancelledError
from dataclasses import dataclass, replace
from functools import partial

from rosenblatt.dask._partitions import for_validation
from rosenblatt.distributed._communicator import PeerError, from_rank_0
from rosenblatt.distributed._lockstep import LockstepRun
from rosenblatt.distributed._rows import put_together
from rosenblatt.distributed._star import Hub, Star, join

SECONDS_A_ROUND = 5.0  # at most this is repeated if a worker is lost; a round starts in about 0.1 s
_LOOK = 1.0  # seconds between two checks that the workers are still there
_HUBS = {}  # listening sockets of this worker process, by the name of the round


class WorkerLostError(RuntimeError):
    """A round cannot complete because a worker was lost or a task ran on a different worker."""


@dataclass(frozen=True)
class Job:
    """The data that all workers of a round receive.

    Attributes
    ----------
    plan : Plan
    estimator : DaskMLPClassifier or DaskMLPRegressor
        The estimator without its client, for user-defined scorers.
    seed : int
    seconds : float
        Time after which the round pauses.
    timeout : float
        Time that workers wait for each other.
    noted : tuple
        Results of the data validation for the estimator.
    validation : TrainingData or None
    """

    plan: object
    estimator: object
    seed: int
    seconds: float
    timeout: float
    noted: tuple
    validation: object = None


class Gang:
    """The workers that hold the partitions of a training.

    Parameters
    ----------
    client : distributed.Client
    partitions : Partitions
    job : Job
    retries : int
        Number of rounds that may fail.
    """

    def __init__(self, client, partitions, job, retries):
        self.client, self.partitions, self.retries = client, partitions, retries
        self.job = client.scatter(job, hash=False, broadcast=False)
        self.given, self.timeout = job, job.timeout

    def round(self, state):
        """Train from a state; returns (state, whether training must continue, warnings).

        Raises
        ------
        RuntimeError
            If workers were lost more often than `retries` allows.
        """
        while True:
            try:
                return self._round(state)
            except (PeerError, WorkerLostError, OSError) as error:
                self.retries -= 1
                if self.retries < 0:
                    raise RuntimeError(
                        "Training failed on the dask workers more often than `retries` allows: "
                        f"{error}"
                    ) from error
                time.sleep(_LOOK)  # dask's scheduler notices a lost worker with a delay
                # it may have been on the lost worker
                self.job = self.client.scatter(self.given, hash=False)

    def _round(self, state):
        self._wait_for_partitions()
        parts = self._parts_of_workers()
        workers = list(parts)
        with self._locked(workers):
            name = f"rosenblatt-{secrets.token_hex(8)}"
            key, address = secrets.token_bytes(32), None
            if len(workers) > 1:
                address = self._on(workers[0], _listen, name, self.timeout)
            sent = self.client.scatter(state, workers=workers[:1], hash=False)
            futures = []
            try:
                for rank, worker in enumerate(workers):
                    numbers = parts[worker]
                    meeting = (worker, name, address, key, rank, len(workers))
                    futures.append(
                        self.client.submit(
                            _take_part,
                            [self.partitions.futures[i] for i in numbers],
                            numbers,
                            self.job,
                            sent if rank == 0 else None,
                            meeting,
                            # other workers are allowed, and the task fails if it runs on one;
                            # otherwise dask would wait for a lost worker to return
                            workers=[worker],
                            allow_other_workers=True,
                            pure=False,
                            retries=0,
                            key=f"{name}-{rank}",
                        )
                    )
                return self._outcome(futures, workers)
            finally:
                self.client.cancel(futures, force=True)
                if address is not None and workers[0] in self._workers():
                    with contextlib.suppress(Exception):  # the worker may be lost by now
                        self.client.run(_close_soon, name, workers=workers[:1], wait=False)

    def _wait_for_partitions(self):
        """Wait until all partitions are in memory; dask recomputes those that were lost."""
        from distributed import wait

        silent_since = time.monotonic()
        while True:
            try:
                wait(self.partitions.futures, timeout=_LOOK)
            except TimeoutError:
                if self._workers():
                    silent_since = time.monotonic()
                if time.monotonic() - silent_since > self.timeout:
                    raise RuntimeError(
                        f"dask has had no worker or no scheduler for {self.timeout:g} s."
                    ) from None
                continue
            for future in self.partitions.futures:
                if future.status == "cancelled":
                    raise RuntimeError(
                        "The partitions were lost; dask's scheduler may have been restarted."
                    )
                if future.status == "error":
                    raise future.exception()
            return

    def _parts_of_workers(self):
        """A dict that maps the workers' addresses, in rank order, to indices of partitions."""
        from collections import defaultdict

        who_has = self.client.who_has(self.partitions.futures)
        rows, parts = defaultdict(int), defaultdict(list)
        for i, future in enumerate(self.partitions.futures):
            owners = who_has.get(future.key, ())
            if not owners:
                raise WorkerLostError("a partition was lost")
            owner = min(sorted(owners), key=lambda worker: rows[worker])
            rows[owner] += self.partitions.n_rows[i]
            parts[owner].append(i)
        return dict(parts)

    @contextlib.contextmanager
    def _locked(self, workers):
        """Lock the workers, because two trainings could deadlock if each had half of them."""
        from distributed import MultiLock

        lock = MultiLock(names=[f"rosenblatt-{worker}" for worker in workers], client=self.client)
        if not lock.acquire(timeout=self.timeout):
            raise RuntimeError(
                f"The workers have been in use by other trainings for {self.timeout:g} s. Increase "
                "`timeout` to wait longer."
            )
        try:
            yield
        finally:
            with contextlib.suppress(Exception):  # the scheduler may be lost
                lock.release()

    def _on(self, worker, function, *arguments):
        """Call a function in a worker's process, outside its tasks."""
        told = self.client.run(function, *arguments, workers=[worker], on_error="return")
        answer = told.get(worker)
        if answer is None or isinstance(answer, BaseException):
            raise WorkerLostError(f"{worker} does not answer: {answer!r}")
        return answer

    def _workers(self):
        """The addresses of all workers; empty if the scheduler is lost."""
        try:
            return set(self.client.scheduler_info(n_workers=-1)["workers"])
        except Exception:
            return set()

    def _outcome(self, futures, workers):
        """The result of rank 0 when all tasks are done. Raises the first error."""
        from distributed import wait

        pending, silent_since = set(futures), None
        while pending:
            try:
                pending = wait(pending, timeout=_LOOK, return_when="FIRST_COMPLETED").not_done
            except TimeoutError:
                silent_since = self._look(workers, silent_since)
                continue
            except CancelledError as error:  # the data sent to the task were on a lost worker
                raise WorkerLostError(str(error)) from error
            if any(future.status != "finished" for future in set(futures) - pending):
                self._raise(futures)
        return futures[0].result()

    def _look(self, workers, silent_since):
        """The time since a worker or the scheduler has been missing; raises after a limit."""
        if set(workers) <= self._workers():
            return None
        now = time.monotonic()
        if silent_since is not None and now - silent_since > self.timeout:
            raise WorkerLostError("a worker of the training or the scheduler was lost")
        return silent_since or now

    def _raise(self, futures):
        """Raise the cause of a failure, not the PeerError of a rank that lost its peer."""
        from distributed import wait

        with contextlib.suppress(TimeoutError):
            wait(futures, timeout=_LOOK)
        errors = [
            future.exception(timeout=self.timeout) for future in futures if future.status == "error"
        ]
        lost = [error for error in errors if _is_of_a_loss(error)]
        for error in errors:
            if error not in lost:
                raise error
        if lost:
            raise WorkerLostError(str(lost[0])) from lost[0]
        raise WorkerLostError("a task of the training was cancelled")


def _is_of_a_loss(error):
    """Whether an error was caused by the loss of a worker, so that a retry may succeed."""
    from distributed import KilledWorker
    from distributed.comm import CommClosedError

    of_dask = (KilledWorker, CommClosedError)
    return isinstance(error, (PeerError, WorkerLostError, *of_dask, ConnectionError, TimeoutError))


def _listen(name, timeout, dask_worker):
    """On rank 0's worker: open the socket of a round and return its address.

    It is closed after a timeout if the client is lost before the round begins.
    """
    from distributed.comm import get_address_host

    _HUBS[name] = Hub(get_address_host(dask_worker.address))
    timer = threading.Timer(timeout, _close, [name])
    timer.daemon = True
    timer.start()
    return _HUBS[name].address


def _close(name):
    """On rank 0's worker: close the socket of a round if it is still open."""
    hub = _HUBS.pop(name, None)
    if hub is not None:
        hub.close()
    return name


async def _close_soon(name):
    """`_close` as a coroutine, which dask requires for callbacks."""
    _close(name)


def _take_part(encoded, numbers, job, state, meeting):
    """Run one worker's part of a round; rank 0 returns the state from which training continues.

    Parameters
    ----------
    encoded : list of (TrainingData, dict)
    numbers : list of int
        Indices of the partitions.
    job : Job
    state : State or None
        The state on rank 0, None on other ranks.
    meeting : tuple
        The address that this worker must have, the name of the round, the address of rank 0, the
        key, rank and size.
    """
    from distributed import get_worker

    worker, name, address, key, rank, size = meeting
    if get_worker().address != worker:
        raise WorkerLostError(f"{worker} was lost")
    if size == 1:
        group = Star(0, 1, [])
    elif rank == 0:
        group = _HUBS.pop(name).gather(size, key, job.timeout)
    else:
        group = join(address, rank, size, key, job.timeout)
    with contextlib.closing(group), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        run = _run(encoded, numbers, job, from_rank_0(group, state), group)
        run.run()
    if rank:
        return None
    told = [(str(each.message), each.category) for each in caught]
    return run.state, run.is_paused, told


def _run(encoded, numbers, job, state, group):
    """The LockstepRun of a worker."""
    data = put_together([data for data, _ in encoded])
    if job.validation is not None:
        data = replace(data, validation=for_validation(job.validation, group.rank, group.size))
    plan = replace(job.plan, verbose=0)
    return LockstepRun(
        plan,
        data,
        state,
        group,
        job.seed,
        update_estimator=partial(job.estimator._set_fitted, plan, data, state, job.noted),
        seconds=job.seconds,
        blocks=[(i, part.X.shape[0]) for i, (part, _) in zip(numbers, encoded, strict=True)],
    )
