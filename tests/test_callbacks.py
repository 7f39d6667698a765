"""Callbacks: their arguments, stopping a fit, and the callbacks of the package."""

import copy
import os
import pickle
import re
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from problems import assert_same_bits, call_recording_warnings, diabetes, iris
from scipy import sparse
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from rosenblatt import MLPClassifier, MLPRegressor, PerceptronClassifier
from rosenblatt._history import EpochRecord
from rosenblatt.callbacks import (
    Callback,
    Checkpoint,
    Progress,
    TimeLimit,
    Trajectory,
    remove_unfinished,
    write_whole,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


class Recorder(Callback):
    """Keeps what it was told, in order."""

    def __init__(self, stop_at=None, fails_at=None):
        self.stop_at, self.fails_at, self.told = stop_at, fails_at, []

    def on_fit_begin(self, estimator, max_epochs):
        self.told.append(("begin", max_epochs))

    def __call__(self, record, estimator):
        self.told.append(record)
        if record.epoch == self.fails_at:
            raise RuntimeError("callback")
        return record.epoch == self.stop_at

    def on_fit_end(self, estimator):
        self.told.append(("end", None))


# the protocol -----------------------------------------------------------------------------------


def test_callback_is_told_of_every_epoch():
    """Records are the lines of history_; the fit's begin comes before, its end after them."""
    recorder = Recorder()
    model = MLPClassifier((4,), max_iter=6, random_state=0, callbacks=[recorder]).fit(*iris())
    assert recorder.told[0] == ("begin", 6)
    assert recorder.told[-1] == ("end", None)
    records = recorder.told[1:-1]
    assert [record.epoch for record in records] == [1, 2, 3, 4, 5, 6]
    for name in ("loss", "learning_rate", "gradient_norm", "seconds"):
        assert [getattr(record, name) for record in records] == model.history_[name]


@pytest.mark.parametrize("early_stopping", [False, True])
def test_estimator_predicts_in_a_callback_as_if_training_had_stopped(early_stopping):
    """Its attributes after epoch n are those of a fit of n epochs."""
    seen = []

    def look(record, estimator):
        assert estimator.n_iter_ == estimator.history_.n_epochs == record.epoch
        seen.append((estimator.predict_proba(iris()[0]), estimator.t_))

    options = {"random_state": 0, "early_stopping": early_stopping, "tol": 0}
    MLPClassifier((4,), max_iter=5, callbacks=[look], **options).fit(*iris())
    for n_epochs, (probabilities, t) in enumerate(seen, start=1):
        model = MLPClassifier((4,), max_iter=n_epochs, **options)
        scores = []
        model.set_params(callbacks=[lambda r, e, s=scores: s.append(copy.deepcopy(e))])
        model.fit(*iris())
        np.testing.assert_array_equal(scores[-1].predict_proba(iris()[0]), probabilities)
        assert model.t_ == t
        if not early_stopping:  # which ends with the best weights, not the last
            np.testing.assert_array_equal(model.predict_proba(iris()[0]), probabilities)


def test_callbacks_change_no_bit():
    """A fit that is looked at is the fit that is not."""
    options = {"random_state": 0, "max_iter": 10, "early_stopping": True}
    plain = MLPClassifier((4,), **options).fit(*iris())
    watched = MLPClassifier((4,), callbacks=[Recorder(), print], **options)
    assert_same_bits(watched.fit(*iris()), plain)


def test_callback_stops_training_by_returning_true():
    """And by nothing else that is true; the others are still asked; no warning is given."""
    last = Recorder()
    callbacks = [lambda *_: 1, Recorder(stop_at=4), last]
    model = MLPClassifier((4,), max_iter=50, random_state=0, callbacks=callbacks)
    model, warned = call_recording_warnings(model.fit, *iris())
    assert model.n_iter_ == 4
    assert last.told[-2].epoch == 4
    assert warned == []
    assert_same_bits(model, MLPClassifier((4,), max_iter=4, random_state=0).fit(*iris()))


def test_truth_of_numpy_stops_training():
    """Comparisons of arrays and of NumPy's numbers give it; other values go on."""
    for answer, n_epochs in [(np.True_, 1), (np.False_, 3), (None, 3), (1, 3), (np.ones(2), 3)]:
        stop = [lambda record, estimator, answer=answer: answer]
        model = MLPClassifier((4,), max_iter=3, callbacks=stop).fit(*iris())
        assert model.n_iter_ == n_epochs


def test_best_weights_come_back_when_a_callback_stops():
    """Early stopping's promise holds for every end."""
    options = {"early_stopping": True, "random_state": 0, "max_iter": 40, "tol": 0}
    options |= {"learning_rate_init": 0.3, "n_iter_no_change": 100}
    model = MLPClassifier((4,), callbacks=[Recorder(stop_at=30)], **options).fit(*iris())
    assert model.n_iter_ == 30
    best = np.argmax(model.validation_scores_) + 1
    assert best < 30
    at_best = []
    keep = [lambda r, e: at_best.append(copy.deepcopy(e)) if r.epoch == best else None]
    MLPClassifier((4,), callbacks=keep, **options).fit(*iris())
    assert_same_bits(model, at_best[0])


def test_failing_callback_leaves_the_estimator_as_it_was():
    """Its exception comes out, and callbacks that were told of the begin hear of the end."""
    first, second = Recorder(), Recorder(fails_at=3)
    model = MLPClassifier((4,), max_iter=5, random_state=0).fit(*iris())
    before = pickle.dumps(model)
    model.set_params(callbacks=[first, second])
    with pytest.raises(RuntimeError, match="callback"):
        model.fit(*iris())
    assert first.told[-1] == second.told[-1] == ("end", None)
    assert pickle.dumps(model.set_params(callbacks=None)) == before


def test_begin_that_fails_ends_those_that_had_begun():
    """A checkpoint without a folder is an error before the first epoch."""
    first, never = Recorder(), Recorder()
    callbacks = [first, Checkpoint("no such folder/x"), never]
    with pytest.raises(FileNotFoundError, match="no such folder"):
        MLPClassifier(callbacks=callbacks).fit(*iris())
    assert first.told == [("begin", 200), ("end", None)]
    assert never.told == []


def test_tracked_change_is_in_the_record():
    """A callback that asks gets it, and only then is it measured."""
    recorder = Recorder()
    options = {"max_iter": 2, "random_state": 0}
    MLPRegressor((4,), callbacks=[recorder], **options).fit(*diabetes())
    assert np.isnan(recorder.told[1].parameter_change)
    recorder = Recorder()
    recorder.tracks_change = True
    MLPRegressor((4,), callbacks=[recorder], **options).fit(*diabetes())
    assert recorder.told[1].parameter_change > 0


def test_clones_get_copies():
    """A search's fits do not share what their callbacks keep."""
    recorder = Recorder()
    model = MLPClassifier((4,), max_iter=2, callbacks=[recorder])
    twin = clone(model)
    assert twin.callbacks[0] is not recorder
    assert type(twin.callbacks[0]) is Recorder
    twin.fit(*iris())
    assert recorder.told == []


def test_partial_fit_is_a_fit_of_one_epoch():
    """Epochs are counted on; the callback's answer has nothing to stop."""
    recorder = Recorder(stop_at=1)
    model = MLPClassifier((4,), callbacks=[recorder], random_state=0)
    for _ in range(2):
        model.partial_fit(*iris(), classes=[0, 1, 2])
    assert [each[0] for each in recorder.told] == ["begin", 1, "end", "begin", 2, "end"]


def lbfgs(**options):
    return MLPRegressor((4,), solver="lbfgs", random_state=0, **options)


def test_lbfgs_tells_of_every_iteration(tmp_path):
    """The record is the line of history_, the estimator what a fit of so many iterations gives;
    nothing differs for their looking on. Checkpoint and Progress work."""
    recorder, seen = Recorder(), []
    callbacks = [recorder, lambda r, e: seen.append((e.loss_, e.n_iter_, e.predict(X)))]
    callbacks += [Checkpoint(tmp_path / "{epoch}", every=4), Progress()]
    X, y = scale(iris()[0]), iris()[1] - 1.0
    model = lbfgs(max_iter=9, callbacks=callbacks).fit(X, y)
    assert recorder.told[0] == ("begin", 9)
    records = recorder.told[1:-1]
    assert [record.loss for record in records] == model.history_["loss"]
    assert [record.epoch for record in records] == list(range(1, model.n_iter_ + 1))
    assert_same_bits(model, lbfgs(max_iter=9).fit(X, y))
    short = lbfgs(max_iter=4).fit(X, y)
    loss, n_iter, predictions = seen[3]
    assert (loss, n_iter) == (short.loss_, 4)
    np.testing.assert_array_equal(predictions, short.predict(X))
    assert_same_bits(Checkpoint.load(tmp_path / "4"), short)
    assert sorted(os.listdir(tmp_path)) == ["4", "8"]


def test_callback_stops_lbfgs():
    """Where it says so, without a warning of convergence."""
    X, y = scale(iris()[0]), iris()[1] - 1.0
    model = lbfgs(max_iter=50, callbacks=[Recorder(stop_at=4)])
    model, warned = call_recording_warnings(model.fit, X, y)
    assert (model.n_iter_, warned) == (4, [])
    assert_same_bits(model, lbfgs(max_iter=4).fit(X, y))


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_pickle_of_a_fitted_model_leaves_out_what_no_pickle_can_hold(solver):
    """With a warning that shows it; the model itself, copies and unfitted estimators keep it."""
    stop, limit = (lambda record, estimator: True), TimeLimit(1000)
    model = MLPClassifier((3,), solver=solver, callbacks=[stop, limit], max_iter=5)
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(model)
    model.fit(*iris())
    with pytest.warns(UserWarning, match=r"callbacks that cannot be pickled.*<lambda>"):
        loaded = pickle.loads(pickle.dumps(model))
    assert_same_bits(loaded, model)
    assert [type(each) for each in loaded.callbacks] == [TimeLimit]
    assert model.callbacks == copy.copy(model).callbacks == [stop, limit]
    assert copy.deepcopy(model).callbacks[0] is stop


@pytest.mark.parametrize("value", [print, [3], ["print"], [None], [TimeLimit], {"a": print}])
def test_bad_callbacks_are_refused(value):
    """A list of callables is wanted, and no classes in place of objects."""
    with pytest.raises((ValueError, TypeError), match="callbacks") as error:
        MLPClassifier(callbacks=value).fit(*iris())
    assert "a list of callables" in str(error.value)


def test_warnings_point_at_the_caller():
    """The line that called fit, not one inside the packages."""
    with pytest.warns(UserWarning, match="clipped") as caught:
        MLPClassifier((4,), batch_size=500, max_iter=1).fit(*iris())
    assert caught[0].filename == __file__


# supplied ---------------------------------------------------------------------------------------


def test_time_limit_ends_after_the_first_epoch_that_is_late(monkeypatch):
    """Counted from the begin of each fit."""
    now = [1000.0]
    monkeypatch.setattr("rosenblatt.callbacks.time.monotonic", lambda: now[0])

    def pass_time(record, estimator):
        now[0] += 2

    model = MLPClassifier((4,), max_iter=50, callbacks=[pass_time, TimeLimit(7)])
    assert model.fit(*iris()).n_iter_ == 4
    assert model.fit(*iris()).n_iter_ == 4


@pytest.mark.parametrize("seconds", [0, -1, "a", None])
def test_bad_time_is_refused(seconds):
    """When the object is made."""
    with pytest.raises((ValueError, TypeError), match="seconds") as error:
        TimeLimit(seconds)
    assert repr(seconds) in str(error.value)


def test_checkpoint_has_the_estimator_of_its_epoch(tmp_path):
    """Written every so many epochs, under the epoch's number if the path has a place for it."""
    path = tmp_path / "model-{epoch}.pkl"
    model = MLPClassifier(
        (4,), max_iter=7, random_state=0, callbacks=[Checkpoint(path, every=3), Progress()]
    ).fit(*iris())
    assert sorted(os.listdir(tmp_path)) == ["model-3.pkl", "model-6.pkl"]
    loaded = Checkpoint.load(tmp_path / "model-6.pkl")
    assert loaded.history_["loss"] == model.history_["loss"][:6]
    assert_same_bits(loaded, MLPClassifier((4,), max_iter=6, random_state=0).fit(*iris()))
    assert loaded.set_params(callbacks=None, warm_start=True).fit(*iris()).history_.n_epochs == 13


def test_checkpoints_of_a_search_do_not_meet(tmp_path):
    """{fit} is new for every fit."""
    model = MLPClassifier((4,), max_iter=2, callbacks=[Checkpoint(tmp_path / "{fit}.pkl")])
    search = GridSearchCV(model, {"alpha": [0.1, 0.2]}, cv=3, refit=False)
    search.fit(*iris())
    assert len(os.listdir(tmp_path)) == 6
    alphas = [Checkpoint.load(tmp_path / name).alpha for name in os.listdir(tmp_path)]
    assert sorted(alphas) == [0.1] * 3 + [0.2] * 3


def test_checkpoint_is_whole_or_not_there(tmp_path):
    """A value that cannot be written leaves the old file, and no rest of the new one."""
    path = tmp_path / "x"
    write_whole(path, [1])
    with pytest.raises((pickle.PicklingError, AttributeError)):
        write_whole(path, [np.zeros(10**6), lambda: 0])
    assert os.listdir(tmp_path) == ["x"]
    assert Checkpoint.load(path) == [1]


@pytest.mark.skipif(os.name != "posix", reason="limits of POSIX")
def test_full_disk_leaves_the_old_checkpoint_and_says_where(tmp_path):
    """No room for the new file: the error names it, the old one and the estimator stay."""
    resource = pytest.importorskip("resource")
    path = tmp_path / "model.pkl"
    model = fit_with(path)
    content, before = path.read_bytes(), copy.deepcopy(model)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    resource.setrlimit(resource.RLIMIT_FSIZE, (len(content) // 2, limits[1]))
    try:
        with pytest.raises(OSError, match=re.escape(str(path))):
            model.fit(*iris())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert path.read_bytes() == content
    assert os.listdir(tmp_path) == ["model.pkl"]
    assert_same_bits(model, before)


def fit_with(path, **parameters):
    """A fit of two epochs whose checkpoints go to a path."""
    callbacks = [Checkpoint(path, **parameters)]
    return MLPClassifier((4,), max_iter=2, random_state=0, callbacks=callbacks).fit(*iris())


posix = pytest.mark.skipif(os.name != "posix", reason="modes, links and devices of POSIX")


@posix
def test_checkpoint_has_the_mode_of_a_new_file_or_keeps_that_of_the_old(tmp_path):
    """0666 less the umask, as open gives it; what a person has set stays."""
    path = tmp_path / "model.pkl"
    before = os.umask(0o027)
    try:
        fit_with(path)
        assert path.stat().st_mode & 0o777 == 0o640
        path.chmod(0o604)
        fit_with(path)
        assert path.stat().st_mode & 0o777 == 0o604
    finally:
        os.umask(before)


@posix
@pytest.mark.parametrize("is_there", [True, False])
def test_checkpoint_goes_through_links(is_there, tmp_path):
    """The link stays one, and the file that it leads to is written, there already or not."""
    (tmp_path / "far").mkdir()
    target, path = tmp_path / "far" / "target.pkl", tmp_path / "model.pkl"
    if is_there:
        target.write_bytes(b"old")
    path.symlink_to(Path("far") / "target.pkl")
    fit_with(path)
    assert path.is_symlink()
    assert Checkpoint.load(target).n_iter_ == 2
    assert os.listdir(tmp_path / "far") == ["target.pkl"]


@posix
def test_checkpoint_of_what_is_no_regular_file_is_refused_before_training(tmp_path):
    """A pipe, a device and a link that leads nowhere stay what they are."""
    pipe, astray, to_device = tmp_path / "pipe", tmp_path / "astray", tmp_path / "device"
    os.mkfifo(pipe)
    astray.symlink_to(tmp_path / "no folder" / "x")
    to_device.symlink_to(os.devnull)
    before = os.stat(os.devnull)
    for path, error in [
        (pipe, ValueError),
        (Path(os.devnull), ValueError),
        (to_device, ValueError),
        (astray, FileNotFoundError),
    ]:
        with pytest.raises(error, match=f"path=.*{path.name}"):
            fit_with(path)
        if error is ValueError:
            with pytest.raises(ValueError, match="must be a regular file"):
                write_whole(path, 1)
    assert os.path.samestat(os.stat(os.devnull), before)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert sorted(os.listdir(tmp_path)) == ["astray", "device", "pipe"]


KILLED_WHILE_WRITING = """
import os, signal, sys
from rosenblatt.callbacks import write_whole

class Deadly:
    def __reduce__(self):
        os.kill(os.getpid(), signal.SIGKILL)

write_whole(sys.argv[1], [bytes(10**6), Deadly()])
"""


@posix
@pytest.mark.parametrize("name", ["model.pkl", "model-{fit}-{epoch:03d}[1].pkl"])
def test_what_a_kill_left_unfinished_is_removed_by_the_next_fit(name, tmp_path):
    """Of this path alone; and nothing that is still being written."""
    killed = tmp_path / name.format(fit="0123", epoch=7)
    other, used = tmp_path / ".other.pkl.0123.unfinished", tmp_path / ".model.pkl"
    process = subprocess.run([sys.executable, "-c", KILLED_WHILE_WRITING, killed], check=False)
    assert process.returncode == -signal.SIGKILL
    (unfinished,) = os.listdir(tmp_path)
    assert unfinished.startswith(f".{killed.name}.")
    for path in (other, used):
        path.write_bytes(b"")

    class Peek:
        def __reduce__(self):  # as `write_whole` comes to it, the file is there
            unfinished = set(tmp_path.glob(".model*.unfinished"))
            remove_unfinished(tmp_path, "model*")
            assert set(tmp_path.glob(".model*.unfinished")) == unfinished
            assert len(unfinished) == 1
            return (int, ())

    fit_with(tmp_path / name, every=2)
    write_whole(tmp_path / "model.pkl", Peek())
    assert not (tmp_path / unfinished).exists()
    assert other.exists()
    assert used.exists()
    assert len(os.listdir(tmp_path)) == (3 if name == "model.pkl" else 4)


@pytest.mark.parametrize("every", [1, 3])
def test_checkpoint_of_the_best_epoch(every, tmp_path):
    """best_only keeps the first epoch of the highest validation score among those it looks at."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(400, 5))
    y = X[:, 0] * X[:, 1] + rng.normal(size=400) > 0  # noise: scores go up and down
    checkpoint = Checkpoint(tmp_path / "{epoch}.pkl", every=every, best_only=True)
    model = MLPClassifier(
        (20,),
        max_iter=15,
        n_iter_no_change=20,
        learning_rate_init=0.003,
        early_stopping=True,
        validation_fraction=0.5,
        random_state=0,
    )
    scores = model.set_params(callbacks=[checkpoint]).fit(X, y).validation_scores_
    written, best = [], -np.inf
    for epoch in range(every, 16, every):
        if scores[epoch - 1] > best:
            best = scores[epoch - 1]
            written.append(epoch)
    assert 1 < len(written) < 15 // every
    assert sorted(int(Path(name).stem) for name in os.listdir(tmp_path)) == written
    assert Checkpoint.load(tmp_path / f"{written[-1]}.pkl").n_iter_ == written[-1]


def test_best_checkpoint_is_of_a_training(tmp_path):
    """One that goes on keeps what was best, one that begins anew writes its first epoch."""
    path = tmp_path / "model.pkl"
    record = EpochRecord(*[1] * len(EpochRecord._fields))
    checkpoint = Checkpoint(path, best_only=True)

    def told(epoch, score):
        path.unlink(missing_ok=True)
        checkpoint.on_fit_begin(None, 1)
        checkpoint(record._replace(epoch=epoch, validation_score=score), epoch)
        return path.exists()

    calls = [(1, 0.5), (2, 0.7), (3, 0.7), (4, 0.6), (5, 0.8), (1, 0.1), (2, 0.2)]
    assert [told(*call) for call in calls] == [True, True, False, False, True, True, True]


def test_best_checkpoint_without_validation_is_refused(tmp_path):
    """Nothing would say which epoch is the best."""
    with pytest.raises(ValueError, match=r"best_only=True.*early_stopping=True"):
        fit_with(tmp_path / "x", best_only=True)
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
def test_checkpoint_loads_after_a_kill(tmp_path):
    """A process that is killed while it trains and writes leaves a checkpoint that loads."""
    code = """
import sys, numpy as np
from rosenblatt import MLPRegressor
from rosenblatt.callbacks import Checkpoint
X = np.random.RandomState(0).normal(size=(50, 10))
model = MLPRegressor((300, 300), max_iter=10**6, n_iter_no_change=np.inf,
                     callbacks=[Checkpoint(sys.argv[1])])
model.fit(X, X[:, 0])
"""
    path = tmp_path / "model.pkl"
    process = subprocess.Popen([sys.executable, "-c", code, path])
    try:
        end = time.monotonic() + 60
        while not path.exists() and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(0.2)
    finally:
        process.kill()
        process.wait()
    loaded = Checkpoint.load(path)
    assert loaded.history_.n_epochs >= 1
    assert np.isfinite(loaded.predict(np.zeros((1, 10)))).all()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("path", 3),
        ("path", None),
        ("path", "{epochs}.pkl"),
        ("path", "{}"),
        ("path", "{fit"),
        ("path", "{fit:03d}"),
        ("path", "{fit.name}"),
        ("every", 0),
        ("best_only", 1),
    ],
)
def test_bad_checkpoint_is_refused(name, value):
    """When the object is made."""
    with pytest.raises((ValueError, TypeError), match=name):
        Checkpoint(**({"path": "x"} | {name: value}))


def test_checkpoint_of_a_folder_is_refused_before_training(tmp_path):
    """One that is not there, and one in the place of the file."""
    for path, error in [(tmp_path / "a" / "b", FileNotFoundError), (tmp_path, IsADirectoryError)]:
        recorder = Recorder()
        with pytest.raises(error, match="path="):
            MLPClassifier(callbacks=[recorder, Checkpoint(path)]).fit(*iris())
        assert recorder.told == [("begin", 200), ("end", None)]
    assert list(tmp_path.iterdir()) == []


def test_callbacks_show_their_parameters():
    """So that an estimator's own text, and errors, tell which they are."""
    assert repr(TimeLimit(2.5)) == "TimeLimit(seconds=2.5)"
    assert repr(Checkpoint("a.pkl", 3)) == "Checkpoint(path='a.pkl', every=3, best_only=False)"
    assert repr(Recorder(stop_at=2)) == "Recorder(stop_at=2, fails_at=None)"
    assert "callbacks=[TimeLimit(seconds=1)]" in repr(MLPClassifier(callbacks=[TimeLimit(1)]))


def test_progress_shows_epochs_and_losses(capsys):
    """The last state of the bar is that of the last epoch."""
    pytest.importorskip("tqdm", reason="the bar is tqdm's")
    model = MLPClassifier((4,), max_iter=5, early_stopping=True, callbacks=[Progress(leave=True)])
    model.fit(*iris())
    shown = capsys.readouterr().err.split("\r")[-1]
    assert "MLPClassifier: 100%" in shown
    assert "5/5" in shown
    assert f"loss={model.history_['loss'][-1]:.4g}" in shown
    assert f"score={model.validation_scores_[-1]:.4g}" in shown


def test_progress_goes_when_the_fit_is_done(capsys):
    """The line is wiped, and there is no score in it without validation rows."""
    pytest.importorskip("tqdm", reason="the bar is tqdm's")
    MLPClassifier((4,), max_iter=5, callbacks=[Progress()]).fit(*iris())
    shown = capsys.readouterr().err
    assert "epoch" in shown
    assert shown.split("\r")[-2].strip() == shown.split("\r")[-1] == ""
    MLPClassifier((4,), max_iter=5, callbacks=[Progress(leave=True)]).fit(*iris())
    shown = capsys.readouterr().err
    assert "loss=" in shown
    assert "score" not in shown


def test_progress_inside_a_search_ends_every_bar(capsys):
    """One after another on the same line, each wiped when its fit is done; none is left open."""
    tqdm = pytest.importorskip("tqdm", reason="the bar is tqdm's")
    outer = tqdm.tqdm(total=3, desc="outer")
    model = MLPClassifier((4,), max_iter=2, callbacks=[Progress()])
    GridSearchCV(model, {"alpha": [0.1]}, cv=3, refit=False, error_score="raise").fit(*iris())
    outer.close()
    lines = capsys.readouterr().err.split("\n")
    assert all("outer" not in line or "MLPClassifier" not in line for line in lines)
    progress = Progress()
    progress.on_fit_begin(model, 3)
    bar = progress._bar
    progress.on_fit_end(model)
    assert bar.disable  # which closing sets


def test_progress_is_silent_in_worker_processes(capfd):
    """Bars of several processes would write over each other."""
    pytest.importorskip("tqdm", reason="the bar is tqdm's")
    model = MLPClassifier((4,), max_iter=2, callbacks=[Progress()])
    search = GridSearchCV(model, {"alpha": [0.1]}, cv=2, refit=False, n_jobs=2)
    search.fit(*iris())
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert "epoch" not in capfd.readouterr().err


def test_progress_copies_without_its_bar():
    """An estimator that is being fitted can be pickled and copied."""
    pytest.importorskip("tqdm", reason="the bar is tqdm's")
    twins = []
    model = MLPClassifier((4,), max_iter=1)
    model.set_params(
        callbacks=[Progress(), lambda r, e: twins.append(pickle.dumps(e.callbacks[0]))]
    ).fit(*iris())
    twin = pickle.loads(twins[0])
    assert twin._bar is None
    twin(model.history_.last(), model)  # never begun: nothing to show, nothing to fail


def test_progress_without_tqdm_says_what_to_install(monkeypatch):
    """tqdm is optional."""
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    monkeypatch.setitem(sys.modules, "tqdm", None)
    with pytest.raises(ImportError, match="pip install tqdm"):
        Progress()


def learned(model):
    """Weights, intercepts, scales and shifts of a model, one after another."""
    return np.concatenate(
        [w.ravel() for w in model.coefs_]
        + model.intercepts_
        + getattr(model, "normalization_scales_", [])
        + getattr(model, "normalization_shifts_", [])
    )


@pytest.mark.parametrize("normalization", [None, "batch", "layer"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_trajectory_has_the_parameters_of_its_epochs(normalization, dtype):
    """Point k is where a fit of as many epochs ends; looking on changes no bit."""
    path, options = Trajectory(every=2), {"random_state": 0, "normalization": normalization}
    options |= {"dtype": dtype, "hidden_layer_sizes": (5, 4)}
    model = MLPClassifier(max_iter=7, callbacks=[path], **options).fit(*iris())
    assert path.epochs_.tolist() == [2, 4, 6]
    assert path.parameters_.shape == (3, model.n_parameters_)
    assert path.parameters_.dtype == dtype
    for epoch, point in zip(path.epochs_, path.parameters_, strict=True):
        same = MLPClassifier(max_iter=epoch, **options).fit(*iris())
        np.testing.assert_array_equal(point, learned(same))
    assert_same_bits(model, MLPClassifier(max_iter=7, **options).fit(*iris()))


def test_trajectory_goes_on_with_the_fit():
    """partial_fit and warm starts add points; a new fit begins a new path, of any size."""
    path = Trajectory()
    model = MLPClassifier((4,), callbacks=[path], max_iter=3, random_state=0)
    for _ in range(2):
        model.partial_fit(*iris(), classes=[0, 1, 2])
    model.set_params(warm_start=True).fit(*iris())
    assert path.epochs_.tolist() == [1, 2, 3, 4, 5]
    model.set_params(warm_start=False, hidden_layer_sizes=(6,)).fit(*iris())
    assert path.epochs_.tolist() == [1, 2, 3]
    assert path.parameters_.shape == (3, model.n_parameters_)


def test_trajectory_of_two_fits_of_one_epoch_is_of_the_second():
    """Epoch 1 after epoch 1: a fit that begins anew, though none was before it."""
    path = Trajectory()
    model = MLPClassifier((4,), max_iter=1, random_state=0, callbacks=[path])
    first = model.fit(*iris()).coefs_[0].copy()
    model.set_params(random_state=1).fit(*iris())
    assert path.epochs_.tolist() == [1]
    np.testing.assert_array_equal(path.parameters_[0], learned(model))
    assert not np.array_equal(model.coefs_[0], first)


def test_trajectory_is_not_copied():
    """Clones, copies and pickles begin empty: a checkpoint does not hold the whole path."""
    path = Trajectory()
    model = MLPClassifier((4,), callbacks=[path], max_iter=3, random_state=0).fit(*iris())
    for twin in (clone(model), copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert twin.callbacks[0].every == 1
        assert len(twin.callbacks[0].epochs_) == 0
        with pytest.raises(AttributeError, match="has no point yet: fit"):
            _ = twin.callbacks[0].parameters_
        np.testing.assert_array_equal(twin.fit(*iris()).callbacks[0].parameters_, path.parameters_)
    assert len(path.epochs_) == 3


@pytest.mark.parametrize("every", [0, 1.5, "a", None])
def test_bad_trajectory_is_refused(every):
    """When the object is made."""
    with pytest.raises((ValueError, TypeError), match="every"):
        Trajectory(every)


# scikit-learn's own -----------------------------------------------------------------------------

callback = pytest.importorskip("sklearn.callback", reason="scikit-learn has callbacks from 1.9 on")


class Hooks:
    """A callback in scikit-learn's protocol that keeps what it is told."""

    def __init__(self, stop_at=None, fails=False):
        self.told, self.stop_at, self.fails = [], stop_at, fails

    def setup(self, estimator, context):
        self.told.append("setup")

    def teardown(self, estimator, context):
        self.told.append("teardown")

    def on_fit_task_begin(self, estimator, context, *, X, y, metadata):
        self.told.append(("begin", context.task_name, context.task_id, context.max_subtasks))
        self.data = X, y, metadata

    def on_fit_task_end(self, estimator, context, *, fitted_estimator):
        if self.fails:
            raise RuntimeError("hook")
        self.told.append(("end", context.task_name, context.task_id))
        if hasattr(fitted_estimator, "predict") and context.task_name == "epoch":
            self.predictions = fitted_estimator.predict(iris()[0])
        return context.task_name == "epoch" and context.task_id == self.stop_at


def test_scikit_learns_callbacks_are_told_of_tasks():
    """The fit is a task, every epoch one inside it; data and a fitted estimator come along."""
    hooks, (X, y) = Hooks(), iris()
    weight = np.ones(len(y))
    model = MLPClassifier((4,), max_iter=2, random_state=0).set_callbacks(hooks)
    model.fit(X, y, weight)
    assert hooks.told == [
        "setup",
        ("begin", "fit", 0, 2),
        ("begin", "epoch", 0, 0),
        ("end", "epoch", 0),
        ("begin", "epoch", 1, 0),
        ("end", "epoch", 1),
        ("end", "fit", 0),
        "teardown",
    ]
    assert hooks.data[0] is X
    assert hooks.data[1] is y
    assert hooks.data[2]["sample_weight"] is weight
    np.testing.assert_array_equal(hooks.predictions, model.predict(X))
    assert not [name for name in vars(model) if "ctx" in name or "teardown" in name]


def test_scikit_learns_callback_stops_training():
    """By what its end of an epoch returns."""
    model = MLPClassifier((4,), max_iter=50).set_callbacks(Hooks(stop_at=2)).fit(*iris())
    assert model.n_iter_ == 3


@pytest.mark.parametrize("fails", ["hook", "data"])
def test_scikit_learns_callbacks_are_torn_down_after_a_failure(fails):
    """And the estimator is as it was."""
    hooks = Hooks(fails=fails == "hook")
    model = MLPClassifier((4,), max_iter=2).set_callbacks(hooks)
    before = dict(vars(model))
    with pytest.raises((RuntimeError, ValueError)):
        model.fit(iris()[0], iris()[1] if fails == "hook" else np.full(150, np.nan))
    assert hooks.told[-1] == "teardown"
    assert vars(model) == before


def test_scikit_learns_callbacks_of_iterations_of_lbfgs():
    """They are its epochs, and stop it."""
    hooks = Hooks(stop_at=1)
    MLPClassifier((4,), solver="lbfgs", max_iter=5).set_callbacks(hooks).fit(*iris())
    epochs = [each for i in (0, 1) for each in (("begin", "epoch", i, 0), ("end", "epoch", i))]
    assert hooks.told == ["setup", ("begin", "fit", 0, 5), *epochs, ("end", "fit", 0), "teardown"]


def test_scikit_learns_callbacks_reach_through_meta_estimators():
    """A search hands its callbacks to the fits inside, through a pipeline too."""
    hooks = Hooks()
    hooks.max_propagation_depth = None
    pipeline = make_pipeline(StandardScaler(), MLPClassifier((4,), max_iter=3))
    search = GridSearchCV(pipeline, {"mlpclassifier__alpha": [0.1]}, cv=2, refit=False)
    search.set_callbacks(hooks).fit(*iris())
    assert [each for each in hooks.told if each[:2] == ("end", "epoch")] == [
        ("end", "epoch", i) for _ in range(2) for i in range(3)
    ]
    assert hooks.told.count("setup") == hooks.told.count("teardown") == 1


def test_scikit_learns_progress_bar_works(capsys):
    """A bar for the fit, of as many steps as there are epochs at most."""
    pytest.importorskip("rich", reason="scikit-learn's bar is rich's")
    MLPClassifier((4,), max_iter=3).set_callbacks(callback.ProgressBar()).fit(*iris())
    assert "MLPClassifier - fit" in capsys.readouterr().out
    search = GridSearchCV(MLPClassifier((4,), max_iter=3), {"alpha": [0.1, 0.2]}, cv=2)
    search.set_callbacks(callback.ProgressBar()).fit(*iris())
    assert "MLPClassifier - fit" in capsys.readouterr().out


def test_estimator_pickles_while_scikit_learns_callbacks_look_on():
    """What they keep in it during a fit is left out."""
    pickled = []
    model = MLPClassifier((4,), max_iter=1).set_callbacks(Hooks())
    model.set_params(callbacks=[lambda r, e: pickled.append(e.__getstate__())]).fit(*iris())
    assert "_skl_callbacks" in pickled[0]
    assert not [name for name in pickled[0] if "ctx" in name or "teardown" in name]


def test_what_is_no_callback_of_scikit_learn_is_told_where_it_belongs():
    """A function goes into callbacks=, a class is to be an instance, a list is not unpacked."""
    callback = pytest.importorskip("sklearn.callback", reason="from scikit-learn 1.9 on")
    for given, remedy in (
        (lambda record, estimator: None, r"<lambda>.*set_params\(callbacks=\[\.\.\.\]\)"),
        (callback.ProgressBar, r"Make an instance: ProgressBar\(\)\."),
        ([callback.ProgressBar()], r"one argument each; got \["),
    ):
        with pytest.raises(TypeError, match=remedy):
            MLPClassifier().set_callbacks(given)
    with pytest.raises(TypeError, match=r"FitCallback.*<lambda> at \w+>\.$"):
        PerceptronClassifier().set_callbacks(lambda: None)
    model = MLPClassifier().set_callbacks(callback.ProgressBar())
    assert not hasattr(model.set_callbacks(), "_skl_callbacks")


def perceptron_data(n_classes):
    """Noise among the classes, so that training goes on for a while."""
    rng = np.random.RandomState(0)
    y = np.arange(90) % n_classes
    return rng.normal(size=(90, 4)) + np.eye(4)[y], y


PERCEPTRONS = [
    {},
    {"average": True},
    {"penalty": "elasticnet", "alpha": 0.01},
    {"tol": 1e-3, "n_iter_no_change": 2},
    {"early_stopping": True},
]


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("parameters", PERCEPTRONS)
@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_array])
def test_perceptron_is_seen_as_if_training_had_stopped(n_classes, parameters, convert):
    """After every epoch it is the one that trains so long; being looked at changes no bit."""
    X, y = perceptron_data(n_classes)
    X, parameters = convert(X), {"tol": None, "max_iter": 6, **parameters}
    seen = []

    class Look(Hooks):
        def on_fit_task_end(self, estimator, context, *, fitted_estimator):
            if context.task_name == "epoch":
                seen.append(copy.deepcopy(fitted_estimator))
            return super().on_fit_task_end(estimator, context, fitted_estimator=fitted_estimator)

    hooks = Look()
    model = PerceptronClassifier(**parameters).set_callbacks(hooks).fit(X, y)
    assert len(seen) == model.n_iter_
    assert hooks.told[:3] == ["setup", ("begin", "fit", 0, 6), ("begin", "epoch", 0, 0)]
    assert hooks.told[-2:] == [("end", "fit", 0), "teardown"]
    np.testing.assert_array_equal(hooks.data[1], y)
    for n_epochs, ours in enumerate([*seen, model], 1):
        n_epochs = min(n_epochs, model.n_iter_)
        theirs = PerceptronClassifier(**{**parameters, "max_iter": n_epochs}).fit(X, y)
        np.testing.assert_array_equal(ours.coef_, theirs.coef_)
        np.testing.assert_array_equal(ours.intercept_, theirs.intercept_)
        assert (ours.n_iter_, ours.t_) == (theirs.n_iter_, theirs.t_)
        assert ours.score(X, y) == theirs.score(X, y)
        assert not [name for name in vars(ours) if "ctx" in name or "teardown" in name]


def test_scikit_learns_callback_stops_a_perceptron():
    """By what its end of an epoch returns; partial_fit is a fit of one epoch."""
    X, y = perceptron_data(3)
    hooks = Hooks(stop_at=2)
    model = PerceptronClassifier(max_iter=50, tol=None).set_callbacks(hooks).fit(X, y)
    assert model.n_iter_ == 3
    hooks.told.clear()
    model.partial_fit(X, y)
    assert ("begin", "fit", 0, 1) in hooks.told
    assert model.t_ == 1 + 4 * 90


def test_callback_that_fails_leaves_a_perceptron_as_it_was():
    """And what the callbacks began is torn down."""
    X, y = perceptron_data(2)
    model = PerceptronClassifier(max_iter=3).fit(X, y)
    hooks = Hooks(fails=True)
    model.set_callbacks(hooks)
    before = dict(vars(model))
    with pytest.raises(RuntimeError, match="hook"):
        model.set_params(max_iter=2).fit(X, y + 5)
    assert hooks.told[-1] == "teardown"
    assert vars(model) == before | {"max_iter": 2}
