"""Training on a dask cluster of processes: results, and all kinds of failures."""

import copy
import multiprocessing
import os
import pickle
import re
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from joblib import Parallel, parallel_config
from joblib import delayed as joblib_delayed
from problems import digits, row_weights
from raw_tables import people, regressor
from shares import CASES, replayed, row_shares, scheduled, settings_of, weights_of
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import scale

from rosenblatt import MLPClassifier, MLPRegressor
from rosenblatt.dask import (
    DaskMLPClassifier,
    DaskMLPRegressor,
    _lbfgs,
    _lockstep,
    _partitions,
)

pytest.importorskip("distributed", reason="dask and distributed are not installed")
dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")
dd = pytest.importorskip("dask.dataframe")
from dask import delayed  # noqa: E402
from distributed import Client, LocalCluster, wait  # noqa: E402
from distributed.utils import get_mp_context  # noqa: E402

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:Sending large graph"),
]

WORKERS = 4

if "forkserver" in multiprocessing.get_all_start_methods():
    # a server forks the workers, which need not import everything each
    dask.config.set({"distributed.worker.multiprocessing-method": "forkserver"})
    get_mp_context().set_forkserver_preload(
        ["distributed.nanny", "dask.dataframe", "pytest", "raw_tables", "shares", "rosenblatt.dask"]
    )


def started(n_workers, **options):
    """A cluster of processes; never of threads, whose workers cannot die."""
    return LocalCluster(
        n_workers=n_workers,
        threads_per_worker=1,
        processes=True,
        dashboard_address=None,
        silence_logs=50,
        **options,
    )


@pytest.fixture(scope="module")
def client():
    with started(WORKERS) as cluster, Client(cluster) as client:
        yield client


@pytest.fixture(autouse=True)
def _nothing_is_left(request):
    """No task, no socket, no lock remains of a fit, whatever became of it."""
    yield
    if "client" not in request.fixturenames:
        return
    client = request.getfixturevalue("client")
    client.wait_for_workers(WORKERS, timeout=60)
    end = time.monotonic() + 20
    while any(client.processing().values()) and time.monotonic() < end:
        time.sleep(0.1)
    assert not any(client.processing().values())
    assert not any(client.run(_open_hubs).values())
    locks = client.run_on_scheduler(lambda dask_scheduler: _locks_of(dask_scheduler))
    assert not locks


def _open_hubs():
    return list(_lockstep._HUBS)


def _locks_of(scheduler):
    return [name for name, queue in scheduler.extensions["multi_locks"].locks.items() if queue]


def placed(client, rows, *arrays):
    """For each array a list of futures of its rows, share i on worker i."""
    workers = sorted(client.scheduler_info(n_workers=-1)["workers"])
    return [
        [
            client.scatter(array[share], workers=[workers[i % len(workers)]], hash=False)
            for i, share in enumerate(rows)
        ]
        for array in arrays
    ]


def flat(model):
    """All learned parameters as one vector."""
    return model._architecture.flat(model._architecture.read(model))


@pytest.mark.parametrize("n_partitions", [1, 2, 4, 7])
def test_lbfgs_is_one_machine(client, n_partitions):
    """After 10 iterations, weighted rows and classes; converged, the loss."""
    X, y = digits()
    weights, size = row_weights(len(y)), -(-len(y) // n_partitions)
    settings = {"hidden_layer_sizes": (15,), "solver": "lbfgs", "random_state": 0}
    balanced = {"class_weight": "balanced", "max_iter": 10, "intercept_init": "prior"}
    collections = [da.from_array(array, chunks=size) for array in (y, weights)]
    ours = DaskMLPClassifier(**settings, **balanced)
    ours.fit(da.from_array(X, chunks=(size, 40)), *collections)
    theirs = MLPClassifier(**settings, **balanced).fit(X, y, weights)

    np.testing.assert_allclose(flat(ours), flat(theirs), rtol=1e-10, atol=1e-10)
    if n_partitions != 2:
        return
    X, y = map(scale, load_diabetes(return_X_y=True))
    settings |= {"hidden_layer_sizes": (), "alpha": 100.0, "max_iter": 300, "tol": 1e-6}
    ours = DaskMLPRegressor(**settings).fit(da.from_array(X, 120), da.from_array(y, 120))
    assert ours.loss_ == pytest.approx(MLPRegressor(**settings).fit(X, y).loss_, rel=1e-6)


@pytest.mark.parametrize("size", [1, 2, 4])
def test_lockstep_is_one_machine_on_the_same_rows(client, size, monkeypatch):
    """Unequal partitions, classes that a worker has not, one partition without rows."""
    seen, ask = {}, _lockstep.Gang._parts_of_workers
    monkeypatch.setattr(
        _lockstep.Gang, "_parts_of_workers", lambda gang: seen.setdefault("parts", ask(gang))
    )
    X, y = digits()
    pieces = row_shares(size) if size < 4 else [*row_shares(4), *np.split(row_shares(1)[0], [9])]
    rows = [share for share in pieces if len(share)]
    for name in CASES if size == 2 else ["adam"]:
        weights = weights_of(name, len(y))
        arrays = [X, y] if weights is None else [X, y, weights]
        with scheduled(name):
            model = DaskMLPClassifier(**settings_of(name)).fit(*placed(client, pieces, *arrays))
        shares = [np.concatenate([rows[i] for i in part]) for part in seen.pop("parts").values()]
        assert len(shares) == size
        if size < 4:
            parameters, losses = replayed(name, shares)
            np.testing.assert_allclose(flat(model), parameters, rtol=1e-12, atol=1e-12)
            np.testing.assert_allclose(model.loss_curve_, losses, rtol=1e-12)


def test_predictions_are_collections(client):
    """Of arrays, frames and delayed partitions, with unknown chunks too; nothing is computed."""
    X, y = digits()
    frame = pd.DataFrame(X, columns=[f"pixel {i}" for i in range(64)])
    frames, labels = dd.from_pandas(frame, npartitions=3), dd.from_pandas(pd.Series(y), 3)
    model = DaskMLPClassifier((15,), max_iter=5, random_state=0)
    model.fit(frames, labels, X_val=frame[:50], y_val=y[:50])
    local = model.to_local()
    assert type(local) is MLPClassifier
    assert len(model.history_["validation_score"]) == 5
    assert model.history_["validation_score"][-1] == local.score(frame[:50], y[:50])

    probabilities = local.predict_proba(frame)
    np.testing.assert_array_equal(model.predict(frames).compute(), local.predict(frame))
    predicted = model.predict_proba(frames).compute()
    np.testing.assert_allclose(predicted, probabilities, rtol=1e-12)
    assert list(predicted.columns) == list(range(10))
    assert model.score(frames, labels) == local.score(frame, y)

    unknown, unknown_labels = frames.values, labels.values
    assert np.isnan(unknown.chunks[0]).all()
    again = clone(model).fit(unknown, unknown_labels)
    np.testing.assert_array_equal(again.predict(unknown).compute(), again.to_local().predict(X))
    arrays = again.predict_proba(da.from_array(X, chunks=(70, 20)))
    assert arrays.chunks == ((70, 70, 70, 70, 20), (10,))
    np.testing.assert_allclose(arrays.compute(), again.to_local().predict_proba(X), rtol=1e-12)
    pieces = again.decision_function([delayed(X[:5]), delayed(X[5:9])])
    assert pieces[1].compute().shape == (4, 10)


def test_searches_and_members_run_on_the_cluster(client):
    """By joblib's backend of dask, as the documentation's page says; with the same bits."""
    X, y = digits()
    grid = {"alpha": [1e-4, 1.0]}
    frame, wage = people(120)
    pid = os.getpid()
    with parallel_config(backend="dask"):
        search = GridSearchCV(MLPClassifier((5,), max_iter=3, random_state=0), grid, cv=2)
        search.fit(X, y)
        ensemble = regressor(n_members=2, n_folds=2, max_iter=3).fit(frame, wage)
        workers = set(Parallel()(joblib_delayed(os.getpid)() for _ in range(4)))
    assert pid not in workers
    assert len(search.cv_results_["params"]) == 2
    here = regressor(n_members=2, n_folds=2, max_iter=3).fit(frame, wage)
    np.testing.assert_array_equal(ensemble.predict(frame), here.predict(frame))
    labels = da.from_array(X, 100).map_blocks(
        search.best_estimator_.predict, drop_axis=1, dtype=y.dtype
    )
    np.testing.assert_array_equal(labels.compute(), search.predict(X))


def test_copies_share_the_client(client):
    """And pickles are without it."""
    model = DaskMLPRegressor((3,), client=client, loss="huber", retries=1)

    assert clone(model).client is client
    assert copy.deepcopy(model).client is client
    loaded = pickle.loads(pickle.dumps(model))
    assert loaded.client is None
    assert loaded.get_params() == model.get_params() | {"client": None}
    assert model.to_local().get_params() == MLPRegressor((3,), loss="huber").get_params()


def test_what_does_not_fit_is_refused(client):
    """With the reason, before training."""
    X, y = digits()
    dask_X, dask_y = da.from_array(X, 100), da.from_array(y, 100)
    mixed = [delayed(X[:100].astype(np.float32)), delayed(X[100:])]
    labels = [delayed(y[:100]), delayed(y[100:].astype(str))]
    cases = [
        ((X, y), TypeError, "X must be a dask array, DataFrame .*got ndarray"),
        ((dask_X, dask_y[:200]), ValueError, "y has 200 rows, X has 300"),
        ((mixed, [delayed(y[:100]), delayed(y[100:])]), ValueError, "dtype of X must be the same"),
        ((mixed, labels), ValueError, "numbers in all parts of the data, or strings"),
        ((mixed, [delayed(y)]), ValueError, "same number of partitions, got {'X': 2, 'y': 1}"),
        ((mixed, [delayed(y[:99]), delayed(y[99:])]), ValueError, "A partition of X has"),
        ((dask_X * np.nan, dask_y), ValueError, "contains NaN"),
        ((dask_X[:0], dask_y[:0]), ValueError, "X has no rows"),
    ]
    for data, kind, message in cases:
        with pytest.raises(kind, match=message):
            DaskMLPClassifier().fit(*data)
    with pytest.raises(ZeroDivisionError):
        DaskMLPClassifier(callbacks=[lambda *_: 1 / 0]).fit(dask_X, dask_y)
    with pytest.raises(TypeError, match=r"client must be a distributed\.Client"):
        DaskMLPClassifier(client="tcp://localhost").fit(dask_X, dask_y)


class Once:
    """Does something where it is called, the first time that any process comes to it.

    As `augment` it is called on every worker before every epoch; the rows stay as they are.
    """

    def __init__(self, folder, action, after=2):
        self.folder, self.action, self.after, self.n_calls = str(folder), action, after, 0

    def __call__(self, X, random_state):
        self.n_calls += 1
        if self.n_calls > self.after:
            try:
                (Path(self.folder) / self.action.__name__).touch(exist_ok=False)
            except FileExistsError:
                return X
            self.action()
        return X


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def be_slow():
    time.sleep(3)


def kill_a_worker(client):
    """One that has data."""
    pids = client.run(os.getpid)
    os.kill(pids[sorted(pids)[0]], signal.SIGKILL)


def test_a_killed_worker_changes_nothing_in_a_search(client, monkeypatch):
    """Dask runs its tasks again elsewhere."""
    X, y = digits()
    n_calls, call = [0], _lbfgs.PartitionSums.__call__

    def killing(sums, network):
        n_calls[0] += 1
        if n_calls[0] == 4:
            kill_a_worker(client)
        return call(sums, network)

    monkeypatch.setattr(_lbfgs.PartitionSums, "__call__", killing)
    settings = {"hidden_layer_sizes": (15,), "solver": "lbfgs", "max_iter": 10, "random_state": 0}
    ours = DaskMLPClassifier(**settings).fit(da.from_array(X, 60), da.from_array(y, 60))
    theirs = MLPClassifier(**settings).fit(X, y)

    assert n_calls[0] > 4
    np.testing.assert_allclose(flat(ours), flat(theirs), rtol=1e-10, atol=1e-10)


def test_training_goes_on_when_a_worker_dies(client, tmp_path):
    """In the middle of a round and between two; not where it may not be tried again."""
    X, y = digits()
    data = da.from_array(X, 60), da.from_array(y, 60)
    settings = {"hidden_layer_sizes": (15,), "max_iter": 8, "random_state": 0, "timeout": 20}
    model = DaskMLPClassifier(**settings, augment=Once(tmp_path, die))
    model.fit(*data)
    assert (tmp_path / "die").exists()
    assert model.n_iter_ == 8
    assert model.loss_curve_ == sorted(model.loss_curve_, reverse=True)

    client.wait_for_workers(WORKERS, timeout=60)
    killed = []

    def between_rounds(record, estimator):
        if record.epoch == 3:
            killed.append(kill_a_worker(client))

    model = DaskMLPClassifier(**settings, callbacks=[between_rounds]).fit(*data)
    assert killed == [None]
    assert model.n_iter_ == 8

    client.wait_for_workers(WORKERS, timeout=60)
    (tmp_path / "die").unlink()
    model = DaskMLPClassifier(**settings, retries=0, augment=Once(tmp_path, die))
    began = time.monotonic()
    with pytest.raises(RuntimeError, match="more often than `retries` allows"):
        model.fit(*data)
    assert time.monotonic() - began < 60
    assert not hasattr(model, "coefs_")


@pytest.mark.parametrize("stage", ["checking", "meeting first", "meeting last"])
def test_a_worker_dies_before_training(client, monkeypatch, stage):
    """While partitions are encoded, as the one that the others are to find, as one of these.

    Nobody waits for the dead as long as `timeout` allows.
    """
    X, y = digits()
    labels_of, on, killed = _partitions.labels_of, _lockstep.Gang._on, []

    def kill(worker=None):
        if not killed:
            pids = client.run(os.getpid)
            killed.append(worker or sorted(pids)[0])
            os.kill(pids[killed[0]], signal.SIGKILL)

    def labels(shares):
        kill()
        return labels_of(shares)

    def listening(gang, worker, function, *arguments):
        answer = on(gang, worker, function, *arguments)
        kill(worker if stage == "meeting first" else max(gang._parts_of_workers()))
        return answer

    if stage == "checking":
        monkeypatch.setattr(_partitions, "labels_of", labels)
    else:
        monkeypatch.setattr(_lockstep.Gang, "_on", listening)
    began = time.monotonic()
    model = DaskMLPClassifier((5,), max_iter=3, random_state=0, timeout=300)
    model.fit(da.from_array(X, 60), da.from_array(y, 60))

    assert killed
    assert model.n_iter_ == 3
    assert time.monotonic() - began < 150


def test_slow_workers_and_other_trainings_are_waited_for(client, tmp_path):
    """Two trainings at once take turns; one has a slow worker."""
    X, y = digits()
    data = client.persist(da.from_array(X, 60)), client.persist(da.from_array(y, 60))
    wait(data)
    models = [
        DaskMLPClassifier((15,), max_iter=6, random_state=0, augment=Once(tmp_path, be_slow)),
        DaskMLPClassifier((15,), max_iter=6, random_state=1),
    ]
    errors = []

    def fit(model):
        try:
            model.fit(*data)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=fit, args=(model,)) for model in models]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    assert not errors
    assert [model.n_iter_ for model in models] == [6, 6]
    assert (tmp_path / "be_slow").exists()


def test_a_cluster_that_changes(monkeypatch):
    """A late worker takes part; too little memory and a lost scheduler are errors, in time."""
    X, y = digits()
    with dask.config.set({"distributed.scheduler.allowed-failures": 0}):
        cluster = started(1, memory_limit="1GiB")
    client = Client(cluster, set_as_default=False, timeout=5)
    with client.as_current():
        data, sizes = (da.from_array(X, 100), da.from_array(y, 100)), []
        ask = _lockstep.Gang._parts_of_workers

        def parts_of_workers(gang):
            if len(sizes) == 1:
                cluster.scale(2)
                client.wait_for_workers(2, timeout=60)
                client.replicate(gang.partitions.futures)  # or client.rebalance(), of large data
            parts = ask(gang)
            sizes.append(len(parts))
            return parts

        monkeypatch.setattr(_lockstep.Gang, "_parts_of_workers", parts_of_workers)
        grow = DaskMLPClassifier((5,), max_iter=4, callbacks=[lambda *_: None])
        assert grow.fit(*data).n_iter_ == 4
        assert sizes == [1, 2, 2, 2]
        big = [delayed(np.ones)((2**27, 2)), delayed(np.ones)((5, 2))], [delayed(y), delayed(y[:5])]
        with pytest.raises(Exception, match=r"KilledWorker|MemoryError|killed|rows, but that of y"):
            DaskMLPClassifier((5,), retries=0, timeout=10).fit(*big)

        def close(record, estimator):
            cluster.close(timeout=10)

        model = DaskMLPClassifier((5,), max_iter=5, callbacks=[close], timeout=2, retries=1)
        for solver in ("adam", "lbfgs"):  # when it goes, and when it is gone
            began = time.monotonic()
            with pytest.raises(Exception, match=r"scheduler|Client is closed"):
                model.set_params(solver=solver).fit(*data)
            assert time.monotonic() - began < 60
            assert not hasattr(model, "coefs_")
    client.close(timeout=5)


def test_blocks_of_the_page_run(client, tmp_path, monkeypatch):
    """Those of docs/several_machines.md on files, joblib's backend and dask, with small data."""
    pytest.importorskip("pyarrow", reason="one of them reads a Parquet file")
    monkeypatch.chdir(tmp_path)
    page = Path(__file__).parents[2] / "docs" / "several_machines.md"
    text = page.read_text().replace("tcp://scheduler:8786", client.scheduler.address)
    for slow, quick in (
        ("TabularMLPClassifier()", "TabularMLPClassifier('fast', n_members=2)"),
        ("MLPClassifier()", "MLPClassifier(max_iter=2)"),
        ("(256, 256)", "(8,), max_iter=2"),
    ):
        text = text.replace(slow, quick)
    before, chunks = text.split("## Scaling, text and gaps in chunks")
    text = before + chunks[chunks.index("\n## ") :]  # tests/test_docs.py runs that section
    on_disk, searches, applied, trained, _ = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    X, y = digits()
    frame = pd.DataFrame(X).rename(columns=str)
    frame.assign(label=y).to_parquet("rows.parquet")
    names = {"X_val": X[:50], "y_val": y[:50], "X": X[:200], "y": y[:200]}
    exec(on_disk, names)
    assert names["model"].n_iter_ == 10
    names |= {"grid": {"alpha": [0.1, 1.0]}, "frame": frame[:200], "X": X[:200], "y": y[:200]}
    exec(searches, names)
    assert len(names["search"].cv_results_["params"]) == 2
    names |= {"X_sample": X, "y_sample": y, "X": da.from_array(X), "X_new": da.from_array(X[:9])}
    names |= {"frame": dd.from_pandas(pd.DataFrame(X), npartitions=2), "y": da.from_array(y)}
    exec(applied, names)
    assert names["labels"].compute().shape == y.shape
    exec(trained, names)
    assert type(names["model"].to_local()) is MLPClassifier
