"""Training in several processes: the parts of a step, and the predicted speedup."""

import multiprocessing
import time
from functools import partial
from itertools import pairwise

import numpy as np

from benchmarks import scaling
from rosenblatt import MLPClassifier
from rosenblatt._initializers import initial_parameters
from rosenblatt._plan import training_plan
from rosenblatt._training_state import State
from rosenblatt.distributed._communicator import Communicator
from rosenblatt.distributed._lockstep import LockstepRun
from rosenblatt.distributed._socket_communicator import Hub, Star, join

WIDTHS = (54, 256, 256, 7)
ROWS = 512
KEY, PATIENCE = b"benchmarks", 120.0


def machines(settings, report):
    """Steps of 1 and 2 processes over sockets, and the model of 2 to 1,024 workers."""
    n_steps = 10 if settings.quick else 100
    measured = {
        (kind, size): steps_of(size, rows, n_steps)
        for kind, size, rows in (("strong", 1, ROWS), ("strong", 2, ROWS), ("weak", 2, 2 * ROWS))
    }
    name = "-".join(map(str, WIDTHS))
    columns = {
        "name": ("scaling", "text"),
        "processes": ("processes", "text"),
        "batch": ("batch", "text"),
        "step": ("step", "ms"),
        "computing": ("computing", "ms"),
        "waiting": ("waiting", "ms"),
        "transfer": ("transfer", "ms"),
    }
    table = report.table(
        f"{name} in lockstep over sockets, milliseconds a step",
        columns,
        notes=[
            f"float32, adam, {n_steps} steps, one thread a process; medians of rank 0",
            "waiting: until the slowest process is ready; transfer: of the gradients and their sum",
        ],
    )
    for (kind, size), told in measured.items():
        rows = ROWS * (size if kind == "weak" else 1)
        table.add(name=kind, processes=str(size), batch=str(rows), **told)
    foreseen(report, name, measured["strong", 1], half_step(n_steps))


def half_step(n_steps):
    """A step of half the rows, which tells what a row takes from what a step takes besides."""
    return steps_of(1, ROWS // 2, n_steps)


def foreseen(report, name, whole, half):
    """The model's table."""
    seconds_a_row = max((whole["step"] - half["step"]) / (ROWS - ROWS // 2), 1e-9)
    besides = max(whole["step"] - ROWS * seconds_a_row, 0.0)
    n_parameters = sum((k + 1) * n for k, n in pairwise(WIDTHS))
    step = scaling.Step(seconds_a_row, besides, 4 * n_parameters)
    columns = {"name": ("network, all-reduce", "text")}
    columns |= {f"w{n}": (str(n), "times") for n in scaling.WORKERS}
    columns["pays"] = ("worthwhile up to", "text")
    for kind, speed_up in (("strong", scaling.strong), ("weak", scaling.weak)):
        table = report.table(
            f"{name}, predicted speedup for {kind} scaling by number of workers",
            columns,
            notes=[
                f"batches of {ROWS} rows {'in total' if kind == 'strong' else 'per worker'}: "
                f"{1e6 * seconds_a_row:.2f} microseconds per row, {1e3 * besides:.2f} ms overhead, "
                f"{step.n_bytes / 2**20:.2f} MB of gradients",
                "; ".join(
                    f"{each.name}: {1e6 * each.latency:g} microseconds" for each in scaling.NETWORKS
                ),
                "worthwhile up to: the largest number reached by a doubling that gains a fifth",
            ],
        )
        for network in scaling.NETWORKS:
            for transport, all_reduce in (("MPI", scaling.by_tree), ("star", scaling.by_star)):
                faster = partial(_speed_up, speed_up, step, network=network, all_reduce=all_reduce)
                table.add(
                    name=f"{network.name}, {transport}",
                    pays=str(scaling.where_it_stops_paying(faster)),
                    **{f"w{n}": faster(n) for n in scaling.WORKERS},
                )


def _speed_up(speed_up, step, workers, *, network, all_reduce):
    return speed_up(step, ROWS, workers, network, all_reduce)


class Timed(Communicator):
    """Another communicator, whose large sums are timed; the processes meet before each."""

    def __init__(self, group):
        self.group, self.rank, self.size = group, group.rank, group.size
        self.waiting, self.transfer, self.ends = [], [], []

    def all_reduce(self, block):
        if block.size < 1000:
            self.group.all_reduce(block)
            return
        began = time.perf_counter()
        self.group.all_reduce(np.zeros(1))
        met = time.perf_counter()
        self.group.all_reduce(block)
        self.ends.append(time.perf_counter())
        self.waiting.append(met - began)
        self.transfer.append(self.ends[-1] - met)

    def broadcast(self, block):
        self.group.broadcast(block)

    def close(self):
        self.group.close()

    def medians(self):
        """Seconds of a step and of its parts."""
        step = float(np.median(np.diff(self.ends)))
        waiting, transfer = float(np.median(self.waiting)), float(np.median(self.transfer))
        return {
            "step": step,
            "computing": step - waiting - transfer,
            "waiting": waiting,
            "transfer": transfer,
        }


def steps_of(size, batch_size, n_steps):
    """What a step is made of, where so many processes share batches of this size."""
    if size == 1:
        return trained(Star(0, 1, []), batch_size, n_steps)
    hub, spawn = Hub("127.0.0.1"), multiprocessing.get_context("spawn")
    others = [
        spawn.Process(target=take_part, args=(hub.address, rank, size, batch_size, n_steps))
        for rank in range(1, size)
    ]
    for process in others:
        process.start()
    group = hub.gather(size, KEY, PATIENCE)
    told = trained(group, batch_size, n_steps)
    group.close()
    for process in others:
        process.join()
    return told


def take_part(address, rank, size, batch_size, n_steps):
    """What the other processes do."""
    group = join(address, rank, size, KEY, PATIENCE)
    trained(group, batch_size, n_steps)


def trained(group, batch_size, n_steps):
    """Trains for so many steps; the medians of this process."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(batch_size * n_steps // group.size, WIDTHS[0])).astype(np.float32)
    y = (X @ rng.normal(size=(WIDTHS[0], WIDTHS[-1]))).argmax(axis=1)
    model = MLPClassifier(WIDTHS[1:-1], batch_size=batch_size, max_iter=1)
    data = model._training_data(
        X, y, None, validation=None, continues=False, incremental=False, classes=None
    )
    plan, draws = training_plan(model, data, incremental=False), np.random.RandomState(0)
    state, timed = State(initial_parameters(plan, data, draws), draws), Timed(group)
    run = LockstepRun(plan, data, state, timed, 0)
    run.epochs(run.agreed)
    return timed.medians()
