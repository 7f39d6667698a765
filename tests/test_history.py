"""The history of a fit, against PyTorch, scikit-learn and NumPy; stopping rules based on it."""

import copy
import pickle
import sys
import time
from itertools import pairwise

import numpy as np
import pytest
from problems import assert_same_bits, diabetes, digits, iris, row_weights
from sklearn import neural_network
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from rosenblatt import MLPClassifier, MLPRegressor
from rosenblatt._history import COLUMNS, EpochRecord, History
from rosenblatt.core.epochs import RowOrder, train_epochs
from rosenblatt.core.examples import Examples
from rosenblatt.core.network import Network

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def torch_gradient_norm(torch, model, X, y, sample_weight, alpha):
    """The norm of the gradient of a batch's loss at the model's parameters."""
    layers = [
        (torch.tensor(w, requires_grad=True), torch.tensor(b, requires_grad=True))
        for w, b in zip(model.coefs_, model.intercepts_, strict=True)
    ]
    z = torch.tensor(X)
    for i, (w, b) in enumerate(layers):
        z = z @ w + b
        z = torch.relu(z) if i + 1 < len(layers) else z
    losses = torch.nn.functional.cross_entropy(z, torch.tensor(y), reduction="none")
    weight = torch.tensor(sample_weight)
    penalty = 0.5 * alpha * sum((w**2).sum() for w, _ in layers)
    ((losses * weight).sum() + penalty).div(weight.sum()).backward()
    return np.sqrt(sum(float((p.grad**2).sum()) for pair in layers for p in pair))


@pytest.mark.parametrize("alpha", [0.0, 0.5])
@pytest.mark.parametrize("weighted", [False, True])
def test_gradient_norm_is_pytorchs(alpha, weighted):
    """The root mean square over the steps of the norm that autograd finds, penalty included."""
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle")
    X, y = digits()
    weight = row_weights(len(y)) if weighted else np.ones(len(y))
    options = {"alpha": alpha, "batch_size": 64, "shuffle": False, "random_state": 0}
    options |= {"solver": "sgd", "momentum": 0, "learning_rate_init": 0.1, "max_iter": 1}
    model = MLPClassifier((70, 20), **options).fit(X, y, weight if weighted else None)

    from rosenblatt._initializers import initial_parameters
    from rosenblatt._plan import training_plan  # only to begin where the fit began

    data = MLPClassifier(**options)._training_data(
        X, y, None, validation=None, continues=False, incremental=False, classes=None
    )
    twin = copy.copy(model)
    plan = training_plan(model, data, incremental=False)
    twin.coefs_, twin.intercepts_ = initial_parameters(plan, data, np.random.RandomState(0))
    norms = []
    for start in range(0, len(y), 64):
        rows = slice(start, start + 64)
        norms.append(torch_gradient_norm(torch, twin, X[rows], y[rows], weight[rows], alpha))
        step = copy.deepcopy(twin).set_params(batch_size=len(y[rows]))
        step.partial_fit(X[rows], y[rows], weight[rows])
        twin.coefs_, twin.intercepts_ = step.coefs_, step.intercepts_

    assert_same_bits(twin, model)  # the steps are those of the fit
    assert model.history_["gradient_norm"] == [
        pytest.approx(np.sqrt(np.mean(np.square(norms))), rel=1e-10)
    ]


# whole vectors and not, one block of the update kernel and several
@pytest.mark.parametrize("widths", [(1, 1), (3, 5, 2), (63, 65, 3), (70, 200, 10)])
@pytest.mark.parametrize("n_threads", [1, 3])
def test_figures_are_what_numpy_finds(widths, n_threads, isa, dtype):
    """Gradient norm and movement of one step on all rows, at every level."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(40, widths[0])).astype(dtype)
    targets = rng.normal(size=(40, widths[-1])).astype(dtype)
    net = Network(
        widths,
        ["tanh"] * (len(widths) - 2),
        "squared_error",
        40,
        dtype,
        optimizer="sgd",
        n_threads=n_threads,
    )
    net.share_above = 0
    net.set_optimizer(alpha=0.3)
    coefs = [rng.uniform(-0.5, 0.5, shape).astype(dtype) for shape in pairwise(widths)]
    net.write(net.parameters, coefs, [rng.uniform(-0.5, 0.5, n).astype(dtype) for n in widths[1:]])
    examples, rows = Examples(X, targets), np.arange(40)
    net.loss_and_gradient(examples, rows)
    of_coefs, of_intercepts = net.read(net.gradient)
    of_coefs = [g + 0.3 * w for g, w in zip(of_coefs, coefs, strict=True)]
    gradient = np.concatenate([g.ravel() for g in [*of_coefs, *of_intercepts]]) / 40
    before = net.parameters.astype(float)
    figures = np.full((1, 3), np.nan)
    train_epochs(
        net, examples, RowOrder(rows), np.array([[0.1]]), 40, figures=figures, tracks_change=True
    )

    tolerance = 1e-4 if dtype == "float32" else 1e-12  # sums of up to 16,000 squares
    assert figures[0, 0] == pytest.approx(np.linalg.norm(gradient.astype(float)), rel=tolerance)
    moved = np.linalg.norm(net.parameters - before)
    assert figures[0, 2] == pytest.approx(moved, rel=tolerance)
    assert 0 < figures[0, 1] < 600


def test_norm_of_an_epoch_is_the_root_mean_square_of_its_steps():
    """Of three batches, at a rate that leaves the parameters where they are."""
    rng = np.random.RandomState(0)
    net = Network((3, 5, 2), ["tanh"], "squared_error", 10, "float64", optimizer="sgd")
    net.set_optimizer(alpha=0)
    net.write(net.parameters, [rng.normal(size=shape) for shape in ((3, 5), (5, 2))])
    examples = Examples(rng.normal(size=(30, 3)), rng.normal(size=(30, 2)))
    norms, figures = [], np.empty((1, 3))
    for rows in np.arange(30).reshape(3, 10):
        net.loss_and_gradient(examples, rows)
        norms.append(np.linalg.norm(net.read_flat(net.gradient)) / 10)
    train_epochs(net, examples, RowOrder(np.arange(30)), np.zeros((1, 3)), 10, figures=figures)
    assert figures[0, 0] == pytest.approx(np.sqrt(np.mean(np.square(norms))), rel=1e-12)


def test_skipped_batches_have_no_gradient():
    """The mean is over the steps that were taken; NaN where there was none."""
    X, y = diabetes()
    weight = np.zeros(len(y))
    weight[:10] = 1
    options = {"batch_size": 10, "shuffle": False, "max_iter": 1, "random_state": 0}
    model = MLPRegressor((4,), **options).fit(X, y, weight)
    alone = MLPRegressor((4,), **options).fit(X[:10], y[:10])
    assert model.history_["gradient_norm"] == alone.history_["gradient_norm"]


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_history_has_every_epochs_figures(solver):
    """Losses, rates, times: a finite number for each epoch, NaN where nothing was measured."""
    model = MLPClassifier(
        (5,), solver=solver, learning_rate="exponential", max_iter=30, random_state=0
    ).fit(*iris())
    history = model.history_
    assert tuple(history) == COLUMNS
    assert all(len(column) == model.n_iter_ == 30 for column in history.values())
    assert history["loss"] == model.loss_curve_
    np.testing.assert_allclose(history["learning_rate"], 0.001 * 0.95 ** np.arange(30))
    assert np.isnan(history["validation_loss"]).all()
    assert np.isnan(history["validation_score"]).all()
    assert np.isnan(history["parameter_change"]).all()
    assert all(0 < seconds < 600 for seconds in history["seconds"])
    assert all(type(value) is float for column in history.values() for value in column)


def test_history_is_recorded_over_many_epochs_a_call(monkeypatch):
    """Nothing in Python sees an epoch, and yet all are there, the same as one by one."""
    calls = []

    def counting(*args, **kwargs):
        calls.append(len(args[3]))
        return train_epochs(*args, **kwargs)

    monkeypatch.setattr("rosenblatt._training.train_epochs", counting)
    options = {"max_iter": 60, "random_state": 0, "tol_params": 1e-9}
    model = MLPClassifier((5,), **options).fit(*iris())
    assert len(calls) < 30
    calls.clear()
    by_one = MLPClassifier((5,), callbacks=[lambda *_: None], **options).fit(*iris())
    assert len(calls) == 60
    assert_same_bits(model, by_one)
    for name in set(COLUMNS) - {"seconds"}:
        np.testing.assert_array_equal(model.history_[name], by_one.history_[name])


def test_validation_figures_are_scikit_learns():
    """Log loss and accuracy of the validation rows after each epoch."""
    X, y = iris()
    weight = row_weights(len(y)) + 0.1
    seen = []

    def score(record, estimator):
        probabilities = estimator.predict_proba(X[rows])
        loss = log_loss(y[rows], probabilities, sample_weight=weight[rows], labels=[0, 1, 2])
        seen.append((loss, estimator.score(X[rows], y[rows], weight[rows])))
        assert (record.validation_loss, record.validation_score) == pytest.approx(seen[-1])

    options = {"early_stopping": True, "random_state": 3, "max_iter": 12, "alpha": 0.5}
    model = MLPClassifier((5,), callbacks=[score], **options)
    random_state = np.random.RandomState(3)
    for size in [(4, 5), (5,), (5, 3), (3,)]:  # the initial parameters, drawn before the split
        random_state.uniform(size=size)
    _, rows = train_test_split(
        np.arange(len(y)), test_size=0.1, random_state=random_state, stratify=y
    )
    model.fit(X, y, weight)
    np.testing.assert_allclose(
        np.transpose([model.history_["validation_loss"], model.history_["validation_score"]]), seen
    )
    assert model.history_["validation_score"] == model.validation_scores_
    assert all(0 < seconds < 600 for seconds in model.history_["seconds"])


def test_validation_loss_of_a_regression():
    """Half the mean squared error on the validation rows, in float32 too."""
    X, y = diabetes()
    seen = []
    model = MLPRegressor(
        (5,),
        early_stopping=True,
        validation_fraction=0.99,
        batch_size=1,
        dtype="float32",
        max_iter=3,
        random_state=0,
        callbacks=[lambda r, e: seen.append((r.validation_loss, np.mean((e.predict(X) - y) ** 2)))],
    ).fit(X, y)
    # all rows but two are for validation: the mean over all rows is close
    for loss, mean in seen:
        assert loss == pytest.approx(mean / 2, rel=0.1)
    assert len(seen) == model.n_iter_


# stopping on the parameters ---------------------------------------------------------------------


@pytest.mark.parametrize("early_stopping", [False, True])
def test_training_stops_when_parameters_hardly_move(early_stopping):
    """The first epoch whose change is below tol_params is the last; it is the real change."""
    parameters = []

    def remember(record, estimator):
        flat = [array.ravel() for array in (*estimator.coefs_, *estimator.intercepts_)]
        parameters.append(np.concatenate(flat))

    options = {"max_iter": 300, "tol": 0, "n_iter_no_change": np.inf, "random_state": 0}
    options |= {"learning_rate": "exponential", "early_stopping": early_stopping}
    model = MLPClassifier((5,), tol_params=1e-3, **options).fit(*iris())
    MLPClassifier((5,), callbacks=[remember], **options).fit(*iris())
    changes = np.linalg.norm(np.diff(parameters, axis=0), axis=1)
    expected = 2 + np.argmax(changes < 1e-3)  # the change of the first epoch is not in the list
    assert model.n_iter_ == expected < 300
    np.testing.assert_allclose(
        model.history_["parameter_change"][1:], changes[: expected - 1], rtol=1e-9
    )


def test_tol_params_is_told_with_verbose(capsys):
    """The reason for the end is printed, and no warning of too few epochs is given."""
    MLPClassifier((5,), tol_params=1e9, verbose=True, max_iter=5).fit(*iris())
    assert "tol_params=1e+09" in capsys.readouterr().out.splitlines()[-1]


@pytest.mark.parametrize(("name", "value"), [("tol_params", 1e-3), ("augment", abs)])
def test_what_needs_epochs_is_refused_with_lbfgs(name, value):
    """lbfgs has none; the error names the parameter, the value and the solvers."""
    with pytest.raises(ValueError, match=name) as error:
        MLPClassifier(solver="lbfgs", **{name: value}).fit(*iris())
    assert "'adam'" in str(error.value)
    assert repr(value) in str(error.value)


# lbfgs ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
def test_lbfgs_remembers_every_iteration(weighted):
    """The loss is that of scikit-learn's fits of so many iterations, the norm PyTorch's there."""
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle")
    X, y = digits()
    weight = row_weights(len(y)) if weighted else np.ones(len(y))
    options = {"solver": "lbfgs", "alpha": 0.5, "random_state": 0}
    began = time.perf_counter()
    model = MLPClassifier((7,), max_iter=6, **options).fit(X, y, weight)
    elapsed = time.perf_counter() - began

    history = model.history_
    assert history.n_epochs == model.n_iter_ == 6
    for i in range(6):
        peer = neural_network.MLPClassifier((7,), max_iter=i + 1, **options).fit(X, y, weight)
        assert history["loss"][i] == pytest.approx(peer.loss_, rel=1e-9)
        norm = torch_gradient_norm(torch, peer, X, y, weight, 0.5)
        # the paths of two searches part by rounding, which grows from iteration to iteration
        assert history["gradient_norm"][i] == pytest.approx(norm, rel=1e-6)
    assert history["loss"][-1] == model.loss_
    assert type(model.loss_) is type(history["loss"][0]) is float  # as with the other solvers
    assert min(history["seconds"]) > 0
    assert sum(history["seconds"]) < elapsed  # each iteration's own
    for name in set(COLUMNS) - {"loss", "gradient_norm", "seconds"}:
        assert np.isnan(history[name]).all()
    assert not hasattr(model, "loss_curve_")  # as in scikit-learn


def test_lbfgs_history_goes_on_over_warm_starts():
    """Also from another solver's epochs; without warm_start it begins anew."""
    model = MLPClassifier((4,), solver="lbfgs", max_iter=3, warm_start=True, random_state=0)
    assert model.fit(*iris()).fit(*iris()).history_.n_epochs == 6
    assert model.set_params(solver="adam").fit(*iris()).history_.n_epochs == 9
    assert model.history_["loss"][6:] == model.loss_curve_
    assert model.set_params(solver="lbfgs").fit(*iris()).history_.n_epochs == 12
    assert model.set_params(warm_start=False).fit(*iris()).history_.n_epochs == 3


def test_lbfgs_that_takes_no_step_remembers_none():
    """A fit that is at its minimum already has an empty table."""
    X, y = diabetes()
    model = MLPRegressor((), solver="lbfgs", tol=1e9).fit(X, y)
    assert (model.n_iter_, model.history_.n_epochs) == (0, 0)


# the table --------------------------------------------------------------------------------------


def test_history_goes_on_over_warm_starts_and_partial_fit():
    """And begins anew with a fit without warm_start; a fit that fails adds nothing."""
    model = MLPClassifier((4,), max_iter=3, warm_start=True, random_state=0)
    model.fit(*iris()).fit(*iris())
    model.partial_fit(*iris())
    kept = pickle.loads(pickle.dumps(model.history_))
    assert model.history_.n_epochs == 7
    assert model.history_["loss"] == model.loss_curve_
    with pytest.raises(ValueError, match="infinity"):
        model.fit(np.full((150, 4), np.inf), iris()[1])
    assert model.history_["loss"] == kept["loss"]
    assert model.set_params(warm_start=False).fit(*iris()).history_.n_epochs == 3


def test_history_survives_copies():
    """Pickles and copies are of the same kind and have the same numbers."""
    history = MLPClassifier((4,), max_iter=3, early_stopping=True).fit(*iris()).history_
    for twin in (pickle.loads(pickle.dumps(history)), copy.deepcopy(history), History(history)):
        assert type(twin) is History
        assert str(dict(twin)) == str(dict(history))  # as text, because NaN is not NaN
        assert twin["loss"] is not history["loss"]
    last = EpochRecord(3, *(column[-1] for column in history.values()))
    assert str(history.last()) == str(last)  # as text again


def test_history_as_a_frame():
    """Epochs from 1 in the index, figures in the columns."""
    pd = pytest.importorskip("pandas", reason="the frame is pandas's")
    model = MLPClassifier((4,), max_iter=3).fit(*iris())
    frame = model.history_.to_frame()
    assert isinstance(frame, pd.DataFrame)
    assert list(frame.index) == [1, 2, 3]
    assert tuple(frame.columns) == COLUMNS
    assert frame["loss"].tolist() == model.loss_curve_


def test_frame_without_pandas_says_what_to_install(monkeypatch):
    """pandas is optional."""
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install pandas"):
        History().to_frame()


def test_history_says_what_it_has():
    """Its repr is a line of the last epoch; a wrong name is answered by the right ones."""
    history = MLPClassifier((4,), max_iter=3, random_state=0).fit(*iris()).history_
    assert repr(history).startswith(
        f"History of 3 epochs, the last: loss {history['loss'][-1]:.4g}, "
    )
    assert "nan" not in repr(history)
    with pytest.raises(KeyError, match=r"no 'epoch': it has a list for each of loss, .*to_frame"):
        history["epoch"]
    assert history.get("epoch") is None
