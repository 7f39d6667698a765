"""Parameters, bits, threads, time limits, Ctrl-C, callbacks and progress of a fit."""

# SPDX-License-Identifier: BSD-3-Clause
import signal
import sys
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pytest
from raw_tables import classifier, people, regressor

from rosenblatt.tabular import _members
from rosenblatt.tabular._member_inputs import dense_rows

pytestmark = pytest.mark.filterwarnings("ignore:Got `batch_size`")

FRAME, WAGE = people(150)
RICH = np.where(np.median(WAGE) < WAGE, "rich", "poor")
MAKERS = [(classifier, RICH), (regressor, WAGE)]
FOUR = {"n_members": 4, "n_folds": 4}


def bits(model, frame=FRAME):
    """All that a fit gave, as one array."""
    parts = [model.predict_proba(frame) if hasattr(model, "classes_") else model.predict(frame)]
    parts += [model.oof_prediction_, model.feature_importances_, model.oof_score_]
    parts += [model.oof_score_stderr_]
    if hasattr(model, "predict_quantiles"):
        parts.append(model.predict_quantiles(frame, [0.1, 0.9]))
    return np.concatenate([np.ravel(part).astype(float) for part in parts])


# parameters ------------------------------------------------------------------------------------

BAD = {
    "preset": ["quick", None, 1],
    "time_limit": [0, -1, "1", np.nan, np.inf],
    "categorical_features": ["all", 3, [0.5], [[0]], ["no column"], [99], [-1]],
    "scoring": ["no scorer", 3, ["accuracy"]],
    "n_members": [0, -1, 1.5, "2"],
    "hidden_layer_sizes": [0, "ab", (0,), (-3,), (2.5,), ("a",)],
    "max_iter": [0, 1.0, "9"],
    "n_folds": [1, 2.0, "3"],
    "store_oof": ["no", 2],
    "n_jobs": [0, 1.5, "2"],
    "random_state": ["a", -1, np.random.default_rng(0)],
    "verbose": [-1, "x"],
    "callbacks": [3, [3], print],
}


@pytest.mark.parametrize(("make", "y"), MAKERS)
@pytest.mark.parametrize("name", BAD)
def test_bad_parameters_are_refused_by_name(make, y, name):
    """Before anything is trained, with the value that was given."""
    for value in BAD[name]:
        model = make(**{name: value})
        with pytest.raises(ValueError, match=name) as caught:
            model.fit(FRAME, y)
        shown = value[0] if isinstance(value, list) and name == "categorical_features" else value
        assert str(shown).strip("()[],'") in str(caught.value).replace("np.float64", "")
        assert "_ensemble" not in vars(model)


@pytest.mark.parametrize("class_weight", ["equal", [1, 2], {"rich": -1}, {"rich": np.nan}])
def test_bad_class_weight_is_refused(class_weight):
    with pytest.raises(ValueError, match="class_weight"):
        classifier(class_weight=class_weight).fit(FRAME, RICH)


@pytest.mark.parametrize(("make", "y"), MAKERS)
@pytest.mark.parametrize(
    ("hidden", "shapes"), [((), 1), (5, 2), ([4, 3], 3), (np.array([4, 3]), 3), (np.int64(5), 2)]
)
def test_hidden_layers_of_any_spelling(make, y, hidden, shapes):
    model = make(hidden_layer_sizes=hidden, max_iter=1).fit(FRAME, y)
    assert {len(member.coefs_) for member in model.members_} == {shapes}
    assert model.n_iter_ == model.n_epochs_ == 1
    assert np.isfinite(bits(model)).all()


def test_members_folds_and_defaults():
    """As many networks as asked for; every row is left out by some, unless more folds than
    networks were asked for by name."""
    for n_members, n_folds in ((5, 3), (4, 4), (2, None), (3, None)):
        model = classifier(n_members=n_members, n_folds=n_folds, max_iter=1).fit(FRAME, RICH)
        assert model.n_members_ == len(model.members_) == len(model.history_) == n_members
        np.testing.assert_allclose(model.member_weights_.sum(), 1)
        assert np.isfinite(model.oof_prediction_).all(), (n_members, n_folds)
    few = classifier(n_members=2, n_folds=8, max_iter=1).fit(FRAME, RICH)
    np.testing.assert_allclose(np.isfinite(few.oof_prediction_).mean(), 2 / 8, atol=0.02)
    sizes = []
    for preset in ("fast", "default", "best"):
        plain = classifier(
            preset=preset, n_members=None, n_folds=None, max_iter=1, hidden_layer_sizes=2
        )
        sizes.append(plain.fit(FRAME, RICH).n_members_)
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[2]


# the same bits ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("make", "y"), MAKERS)
def test_bits_depend_on_the_seed_alone(make, y):
    """On 1, 2 or 3 threads, in another thread, after another fit and beside one; predictions on
    several threads too. NumPy's own random numbers are neither read nor moved."""
    np.random.seed(5)
    before = np.random.get_state()[1].copy()
    expected = bits(make(**FOUR).fit(FRAME, y))
    np.random.seed(6)
    for n_jobs in (2, 3, -1):
        np.testing.assert_array_equal(bits(make(**FOUR, n_jobs=n_jobs).fit(FRAME, y)), expected)
    with joblib.parallel_config("loky", n_jobs=2):  # other processes
        np.testing.assert_array_equal(bits(make(**FOUR).fit(FRAME, y)), expected)
    model = make(**FOUR, random_state=np.int64(0))
    model.fit(FRAME.iloc[:, :2], y)
    np.testing.assert_array_equal(bits(model.fit(FRAME, y)), expected)
    with ThreadPoolExecutor(2) as pool:
        fits = [pool.submit(make(**FOUR, n_jobs=k).fit, FRAME, y) for k in (1, 2)]
        for fit in fits:
            np.testing.assert_array_equal(bits(fit.result()), expected)
    assert not np.array_equal(bits(make(**FOUR, random_state=1).fit(FRAME, y)), expected)
    np.random.seed(5)
    np.testing.assert_array_equal(np.random.get_state()[1], before)


@pytest.mark.parametrize(("make", "y"), MAKERS)
def test_large_tables_share_their_encoded_rows(make, y, monkeypatch):
    """Beyond a limit the rows of one encoding at a time are in memory, with fewer bins: the same
    bits on any number of threads and for one row."""

    small = make(**FOUR, max_iter=60).fit(FRAME, y)
    from rosenblatt.tabular import _member_inputs

    monkeypatch.setattr(_member_inputs, "MOST_KEPT", 100)
    monkeypatch.setattr(_member_inputs, "BINS_OF_LARGE", {"tree": 3})
    large = make(**FOUR, max_iter=60).fit(FRAME, y)
    assert large.oof_score_ > 0.8 * small.oof_score_
    assert not np.array_equal(bits(large), bits(small))
    threads = make(**FOUR, max_iter=60, n_jobs=3).fit(FRAME, y)
    np.testing.assert_array_equal(bits(threads), bits(large))
    np.testing.assert_array_equal(large.predict(FRAME.iloc[[5]]), large.predict(FRAME)[[5]])
    weight = np.random.RandomState(0).uniform(0, 2, len(y))
    held_out = {"X_val": FRAME, "y_val": y, "sample_weight_val": weight}
    assert make(**FOUR).fit(FRAME, y, weight, **held_out).n_members_ == 4


def test_global_random_numbers_are_left_alone():
    np.random.seed(3)
    state = np.random.get_state()[1].copy()
    for make, y in MAKERS:
        make().fit(FRAME, y).predict(FRAME)
    np.testing.assert_array_equal(np.random.get_state()[1], state)


def test_a_random_state_moves_on():
    """A RandomState given gives another model at the next fit, and the same sequence again."""
    source, again = np.random.RandomState(4), np.random.RandomState(4)
    first = bits(classifier(random_state=source).fit(FRAME, RICH))
    second = bits(classifier(random_state=source).fit(FRAME, RICH))
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(bits(classifier(random_state=again).fit(FRAME, RICH)), first)


# time limits -----------------------------------------------------------------------------------


class Clock:
    """time.monotonic(), of which each call takes some time."""

    def __init__(self, step):
        self.now, self.step = 0.0, step

    def __call__(self):
        self.now += self.step
        return self.now


def fitted_by_a_clock(make, y, monkeypatch):
    """(model, seconds) of a fit of 12 networks that a limit of a second cuts short."""
    clock = Clock(0.001)
    with monkeypatch.context() as patch:
        patch.setattr(time, "monotonic", clock)
        model = make(n_members=12, n_folds=2, max_iter=300, time_limit=1).fit(FRAME, y)
    return model, clock.now


@pytest.mark.parametrize(("make", "y"), MAKERS)
@pytest.mark.filterwarnings("ignore:time_limit")
def test_time_limit_ends_in_time_by_its_clock(make, y, monkeypatch):
    """A clock that only its readers move: asked for thousands of epochs, the fit ends before the
    limit and half a second."""
    model, seconds = fitted_by_a_clock(make, y, monkeypatch)
    assert seconds < 1.5
    assert model.n_members_ * model.n_epochs_ < 12 * 300


@pytest.mark.parametrize(("make", "y"), MAKERS)
@pytest.mark.filterwarnings("ignore:time_limit")
def test_n_members_and_n_epochs_repeat_a_fit_with_a_time_limit(make, y, monkeypatch):
    """To the bit, and every row that two networks of two folds left out has a prediction."""
    model, _ = fitted_by_a_clock(make, y, monkeypatch)
    assert model.n_members_ > 1
    assert np.isfinite(model.oof_prediction_).all()
    again = make(n_members=model.n_members_, n_folds=model.n_folds_, max_iter=model.n_epochs_)
    np.testing.assert_array_equal(bits(again.fit(FRAME, y)), bits(model))


@pytest.mark.parametrize(("make", "y"), MAKERS)
@pytest.mark.parametrize("time_limit", [1e-9, 0.01])
@pytest.mark.filterwarnings("ignore:time_limit")
def test_no_time_at_all_gives_a_model_all_the_same(make, y, time_limit):
    model = make(**FOUR, time_limit=time_limit).fit(FRAME, y)
    assert model.n_members_ >= 1
    assert np.isfinite(model.predict_proba(FRAME) if make is classifier else model.predict(FRAME))[
        0
    ].all()


def test_a_generous_time_limit_changes_no_bit():
    expected = bits(classifier(**FOUR).fit(FRAME, RICH))
    limited = classifier(**FOUR, time_limit=3600).fit(FRAME, RICH)
    np.testing.assert_array_equal(bits(limited), expected)


# Ctrl-C ----------------------------------------------------------------------------------------


def after(n_ready, action):
    """A callback that acts once so many networks are ready."""

    def callback(record, estimator):
        if record.n_ready == n_ready:
            return action()
        return None

    return callback


def press_ctrl_c():
    signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize(("make", "y"), MAKERS)
def test_ctrl_c_leaves_the_networks_that_are_ready(make, y):
    """Two of four: a warning says so, and the model is as if two had been asked for, except that
    rows that no network left out have no out-of-fold prediction."""
    model = make(**FOUR, callbacks=[after(2, press_ctrl_c)])
    with pytest.warns(UserWarning, match="Ctrl-C ended training: .* 2 of 4 networks"):
        model.fit(FRAME, y)
    assert model.n_members_ == 2
    missing = np.isnan(model.oof_prediction_).reshape(len(FRAME), -1).any(axis=1)
    assert 0.4 < missing.mean() < 0.6
    assert np.isfinite(model.oof_score_)
    assert np.isfinite(model.predict_proba(FRAME) if make is classifier else 0).all()
    if make is regressor:
        assert np.isfinite(model.predict_interval(FRAME)).all()


@pytest.mark.parametrize(("make", "y"), MAKERS)
def test_ctrl_c_before_a_network_is_ready_leaves_the_estimator(make, y, monkeypatch):
    """KeyboardInterrupt; what an earlier fit left is still there, to the bit."""
    from rosenblatt.tabular import _fit

    model = make().fit(FRAME, y)
    expected = bits(model)
    train = _fit.train_members

    def interrupted(*args):
        press_ctrl_c()
        return train(*args)

    monkeypatch.setattr(_fit, "train_members", interrupted)
    for one in (model, make()):
        with pytest.raises(KeyboardInterrupt):
            one.fit(FRAME.iloc[:, :3], y)
    monkeypatch.undo()
    np.testing.assert_array_equal(bits(model), expected)
    assert not [name for name in vars(one) if name.endswith("_")]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_goes_where_it_went():
    """The handler is in place during the fit alone, also after an error in a callback."""
    handler = signal.getsignal(signal.SIGINT)

    def fail(record, estimator):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        classifier(callbacks=[fail]).fit(FRAME, RICH)
    assert signal.getsignal(signal.SIGINT) is handler


# callbacks and progress ------------------------------------------------------------------------


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_callbacks_hear_of_every_network(n_jobs):
    records, estimators = [], []

    def listen(record, estimator):
        records.append(record)
        estimators.append(estimator)

    model = classifier(**FOUR, n_jobs=n_jobs, callbacks=[listen]).fit(FRAME, RICH)
    assert estimators == [model] * 4
    assert [record.n_ready for record in records] == [1, 2, 3, 4]
    assert sorted(record.member for record in records) == [0, 1, 2, 3]
    assert {record.n_members for record in records} == {4}
    seconds = [record.seconds for record in records]
    assert seconds == sorted(seconds)
    assert seconds[0] >= 0
    for record in records:
        assert record.n_epochs == model.members_[record.member].n_iter_
        assert 0 < record.validation_loss < 5


def test_a_callback_ends_training():
    """True, also NumPy's, ends it without a warning; anything else does not."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message="Got `batch_size`")
        model = classifier(**FOUR, callbacks=[after(3, lambda: np.True_)]).fit(FRAME, RICH)
    assert model.n_members_ == 3
    assert classifier(**FOUR, callbacks=[lambda *_: 1]).fit(FRAME, RICH).n_members_ == 4


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_an_error_in_a_callback_leaves_the_estimator(n_jobs):
    model = classifier(**FOUR, n_jobs=n_jobs).fit(FRAME, RICH)
    expected = bits(model)

    def fail():
        raise OSError("disk full")

    model.set_params(callbacks=[after(2, fail)])
    with pytest.raises(OSError, match="disk full"):
        model.fit(FRAME.iloc[:, :3], RICH)
    np.testing.assert_array_equal(bits(model), expected)


def test_verbose_shows_lines_or_a_bar(capsys, monkeypatch):
    """2: a line a network with what is left; 1: one bar of tqdm, lines without it; 0: nothing."""
    model = classifier(**FOUR, verbose=2).fit(FRAME, RICH)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 4
    for number, line in enumerate(lines, 1):
        assert line.startswith(f"network {number} of 4: ")
        assert "validation loss" in line
        assert "left" in line
    epochs = [int(line.split(": ")[1].split(" epochs")[0]) for line in lines]
    assert sorted(epochs) == sorted(member.n_iter_ for member in model.members_)
    classifier(**FOUR, verbose=1).fit(FRAME, RICH)
    bar = capsys.readouterr().err
    assert "networks:" in bar
    assert "epoch/s" in bar or "s/epoch" in bar
    assert "100%" in bar or "ready=" in bar
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    classifier(**FOUR, verbose=True).fit(FRAME, RICH)
    assert len(capsys.readouterr().err.splitlines()) == 4
    classifier(**FOUR).fit(FRAME, RICH)
    output = capsys.readouterr()
    assert output.out == output.err == ""


def test_threads_work_beside_each_other():
    """Two networks are in training at once with n_jobs=2: each waits for the other to begin."""
    from rosenblatt.tabular import _members

    barrier, train = threading.Barrier(2, timeout=20), _members.train_member

    def together(task, watch):
        if task.number < 2:
            barrier.wait()
        return train(task, watch)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_members, "train_member", together)
        assert classifier(n_jobs=2).fit(FRAME, RICH).n_members_ == 2


def test_fits_in_other_threads_take_no_signals():
    """Python allows signal handlers in the main thread alone; a fit elsewhere works without."""
    with ThreadPoolExecutor(1) as pool:
        model = pool.submit(classifier().fit, FRAME, RICH).result()
    np.testing.assert_array_equal(bits(model), bits(classifier().fit(FRAME, RICH)))


def test_factors_of_the_inputs_end_in_the_first_layer(monkeypatch):
    """What training scored with factors, the member scores by the inputs as they are."""
    losses, scores, train = [], [], _members.train_member

    def spied(task, watch):
        has_factors = task.estimator.input_scale_rate > 0  # the networks of intervals have none
        member = train(task, watch)
        assert not hasattr(member, "input_scales_")
        if has_factors:
            rows = task.data.held_out
            errors = member._outputs(dense_rows(task.data, rows)) - task.data.targets[rows]
            losses.append(np.mean(errors**2) / 2)
            scores.append(member.best_validation_score_)
        return member

    monkeypatch.setattr(_members, "train_member", spied)
    regressor(n_members=2, n_folds=2, max_iter=15).fit(FRAME, WAGE)
    assert len(losses) == 2
    np.testing.assert_allclose(losses, -np.array(scores), rtol=1e-5)  # of float32
