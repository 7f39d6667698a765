"""The lectures' experiments of examples/lectures/ print what they claim, on small made-up data."""

import importlib
import re
from pathlib import Path

import numpy as np
import pytest
from made_up_files import write_hours, write_images, write_prices

EXPERIMENTS = Path(__file__).parent.parent / "examples" / "lectures"
SCRIPTS = sorted(path.stem for path in EXPERIMENTS.glob("*.py") if path.stem != "common")

pytestmark = pytest.mark.usefixtures("experiments_on_path")


@pytest.fixture
def experiments_on_path(monkeypatch):
    """The scripts import what they share from beside them."""
    monkeypatch.syspath_prepend(EXPERIMENTS)


def run(name, tmp_path, *, data=False):
    """What main of a script returns, run --quick and drawn."""
    pytest.importorskip("matplotlib")
    picture = tmp_path / f"{name}.svg"
    arguments = ["--quick", "--picture", str(picture)]
    found = importlib.import_module(name).main(
        arguments + (["--data", str(tmp_path)] if data else [])
    )
    assert "<svg" in picture.read_text()
    return found


def test_each_file_says_claim_run_and_what_to_look_for():
    """So does the README have a line and the command of each."""
    readme = (EXPERIMENTS / "README.md").read_text()
    for name in SCRIPTS:
        doc = (EXPERIMENTS / f"{name}.py").read_text().split('"""')[1]
        assert f"python examples/lectures/{name}.py" in doc
        for part in ("The lectures' claim", "What is run: ", "What to look for: "):
            assert part in doc, f"{name}.py does not say {part!r}"
        assert f"python examples/lectures/{name}.py" in readme


def test_logic_gates(tmp_path, capsys):
    """A perceptron fails at XOR alone; two hidden neurons solve it from some starts."""
    errors, solved = run("logic_gates", tmp_path)

    assert errors["AND"] == errors["OR"] == errors["hidden"] == 0
    assert errors["XOR"] > 0
    assert solved[1] == 0
    assert 0 < solved[2] < solved[8] == 1
    assert re.search(r"XOR, two hidden neurons +0 of 4", capsys.readouterr().out)


def test_curves_from_relus(tmp_path, capsys):
    """Two ReLUs are a hard sigmoid; pieces of half the length are four times as near."""
    difference, errors = run("curves_from_relus", tmp_path)

    assert difference < 1e-15  # sums of two roundings of numbers below 3
    by_hand = np.array(errors["relu by hand"])
    # the trapezoid's error is h^2 / 8 |y''| once the pieces are shorter than the waves
    np.testing.assert_allclose(by_hand[3:-1] / by_hand[4:], 4, rtol=0.05)
    for column in ("relu trained", "logistic trained"):
        assert errors[column][-1] < errors[column][0]
    assert f"{by_hand[-1]:.5f}" in capsys.readouterr().out


def test_narrow_valley(tmp_path, capsys):
    """A rate above 2 / L diverges; the valley takes long, the round surface does not."""
    module = importlib.import_module("narrow_valley")
    ratios, by_optimizer, by_rate = run("narrow_valley", tmp_path)

    raw, standardised = ratios
    assert ratios[raw] > 30 * ratios[standardised]
    for runs in by_rate.values():
        losses = runs["too large"][2]
        assert losses[-1] > losses[0]
        assert losses[-1] > losses[len(losses) // 2]  # and goes on
        losses = runs["fair"][2]
        assert losses[-1] < 1e-3 * losses[0]
    losses = by_rate[raw]["too small"][2]
    assert losses[-1] > 1e-2 * losses[0]
    steps = {
        surface: {name: module.steps_until_near(run[2]) for name, run in runs.items()}
        for surface, runs in by_optimizer.items()
    }
    assert steps[standardised]["gradient descent"] < steps[raw]["gradient descent"] / 10
    for name in ("momentum", "Adagrad", "Adam"):
        assert steps[raw][name] < steps[raw]["gradient descent"]
        assert steps[standardised][name] > steps[standardised]["gradient descent"]
    assert "diverges" in capsys.readouterr().out


def test_narrow_valleys_path_is_gradient_descent(tmp_path):
    """The path that the estimator recorded is w - rate * gradient, written out."""
    module = importlib.import_module("narrow_valley")
    X, y, start = module.make_data(0)["raw features"]

    path, _ = module.descend(X, y, start, 5, 0.01, solver="sgd", momentum=0)

    w = start
    for found in path:
        np.testing.assert_allclose(found, w, rtol=1e-12)
        w = w - 0.01 * X.T @ (X @ w - y) / len(X)


def test_adagrad_bursts(tmp_path, capsys):
    """Without decay it bursts, with a warm-up later; with decay it does not."""
    found, paths = run("adagrad_bursts", tmp_path)

    begins, farthest = found["Adagrad, no decay"]
    assert begins
    assert farthest > 1  # farther than the start
    late, _ = found["Adagrad, no decay, warm-up"]
    assert late[0] > begins[0]
    for name in ("Adagrad, decay", "Adagrad, decay, warm-up"):
        begins, farthest = found[name]
        assert begins == []
        assert farthest < 0.01
    assert len(found["RMSProp, rho 0.99"][0]) > 1
    assert found["RMSProp, rho 0.99, decay"][1] < found["RMSProp, rho 0.99"][1] / 10
    lengths = {name: np.linalg.norm(path[1] - path[0]) for name, path in paths.items()}
    # a first step has the full rate in both directions
    assert lengths["Adagrad, decay"] == pytest.approx(0.2 * np.sqrt(2), rel=1e-6)
    assert lengths["Adagrad, decay, warm-up"] == pytest.approx(0.002 * np.sqrt(2), rel=1e-6)
    assert re.search(r"Adagrad, decay +\S+ +0 ", capsys.readouterr().out)


def test_adagrad_without_decay_is_the_lectures_rule():
    """rate * g / sqrt(mean of g^2 so far), written out."""
    module = importlib.import_module("adagrad_bursts")
    X, y = module.make_data(0)

    path = module.descend(X, y, 50, *module.schedules(50)["Adagrad, no decay"])

    w, squares = module.START, np.zeros(2)
    for step, found in enumerate(path, start=1):
        # the intercept's gradient is rounding, of which Adagrad makes steps of up to 1e-8
        np.testing.assert_allclose(found, w, atol=1e-6)
        gradient = X.T @ (X @ w - y) / len(X)
        squares = squares + gradient**2
        w = w - module.RATES["adagrad"] * gradient / np.sqrt(squares / step)


def test_stalled_training(tmp_path, capsys):
    """A flat loss with a large gradient and one with a small gradient are told apart."""
    write_images(tmp_path)
    models, reports = run("stalled_training", tmp_path, data=True)

    for name in ("rate too large", "rate too small"):
        assert reports[name].verdict == "not a critical point", name
        assert models[name].history_["gradient_norm"][-1] > 1
    for name in ("weights zero", "eight layers of sigmoids"):
        assert reports[name].verdict == "near a critical point", name
        assert models[name].loss_ > 2  # log(10) is what classes at random give
        # units that begin alike stay alike, and sigmoids let no gradient through
        first = models[name].history_["gradient_norm"]
        assert first[-1] < 0.1 * first[0]
    assert models["rate 0.3"].loss_ < 0.5
    assert capsys.readouterr().out.count("not a critical point") == 2


def test_minimum_ratio(tmp_path, capsys):
    """Of the points that are critical none is a minimum; lower ones have fewer ways down."""
    write_images(tmp_path)
    points = run("minimum_ratio", tmp_path, data=True)

    found = [point for of_stage in points.values() for point in of_stage]
    for point in found:
        assert point.n_negative + point.n_zero + point.n_positive == point.n_parameters == 490
        assert point.minimum_ratio == point.n_positive / 490
    high, low = max(found, key=lambda p: p.loss), min(found, key=lambda p: p.loss)
    assert high.verdict == "saddle point"
    assert high.n_negative > 1.5 * low.n_negative
    assert high.minimum_ratio < low.minimum_ratio < 1
    assert f"{low.loss:.3f} to " in capsys.readouterr().out


def test_batch_size(tmp_path, capsys):
    """Small batches take more updates, train further in as many epochs, and end flatter."""
    write_images(tmp_path, name="fashion_mnist", brightness=60)
    by_epochs, by_loss = run("batch_size", tmp_path, data=True)

    smallest, largest = min(by_epochs), max(by_epochs)
    updates, training = ([found[column] for found in by_epochs.values()] for column in (1, 2))
    assert sorted(updates, reverse=True) == updates
    assert updates[0] == 20 * 300 / smallest
    assert training[0] > training[-1] + 0.1
    for epochs, _, _, loss, _, rise in by_loss.values():
        assert loss < 0.2
        assert rise > 0
        assert epochs < 1000
    assert by_loss[smallest][0] < by_loss[largest][0]
    assert by_loss[smallest][4] < by_loss[largest][4]
    assert "each until the training loss is 0.2" in capsys.readouterr().out


def test_deep_or_wide(tmp_path, capsys):
    """By hand the counts are the formulas'; trained at equal parameters, depth folds better."""
    write_images(tmp_path, name="fashion_mnist")
    by_hand, trained = run("deep_or_wide", tmp_path, data=True)

    for k, (deep, wide, far) in by_hand.items():
        assert (deep, wide) == (6 * k + 1, 3 * 2**k + 1)
        assert far < 1e-12
    for found in trained.values():
        counts = [count for _, count, _ in found.values()]
        assert max(counts) < 1.12 * min(counts)
    folded = {depth: scores.mean(0) for depth, (*_, scores) in trained["folded curve, R²"].items()}
    assert folded[6][0] > folded[1][0] + 0.1
    assert "folded curve, R², mean of 2" in capsys.readouterr().out


def test_daily_counts(tmp_path, capsys):
    """A week of history serves a weekly rhythm; flexible models lower the training error."""
    write_hours(tmp_path)
    found = run("daily_counts", tmp_path, data=True)

    training, test = ([found[days, "linear"][part] for days in (1, 7, 28, 56)] for part in (0, 1))
    assert sorted(training, reverse=True) == training  # more columns, least squares
    assert test[1] < 0.8 * test[0]
    assert found[28, "1000 ReLU"][0] < found[28, "linear"][0]
    assert found[28, "3 layers"][0] < found[28, "1 layer"][0]
    assert found[28, "4 layers"][0] < 0.6 * found[28, "4 layers"][1]  # overfitting
    assert found[28, "linear"][0] > 0.9 * found[28, "linear"][1]
    printed = capsys.readouterr().out
    assert "280 days" in printed
    assert re.search(r"7 days +{:.2f} / {:.2f}".format(*found[7, "linear"]), printed)


def test_windows_predict_the_same_days_from_all_histories():
    """The last of 60 days is 59, from the days right before it."""
    module = importlib.import_module("daily_counts")

    for n_days in module.HISTORIES:
        X, y = module.windows(np.arange(60.0), n_days)
        np.testing.assert_array_equal(y, [56, 57, 58, 59])
        np.testing.assert_array_equal(X[-1], np.arange(59 - n_days, 59))


def test_cross_validation(tmp_path, capsys):
    """The mean of five folds spreads far less over shuffles than one of them."""
    module = importlib.import_module("cross_validation")
    write_prices(tmp_path, module.FEATURES)
    true, scores = run("cross_validation", tmp_path, data=True)

    summary = module.summarise(true, scores)
    for name in true:
        one, folds = summary[name, "one split"], summary[name, "5 folds"]
        assert folds[1] < one[1]
        assert abs(folds[0] - true[name]) < 0.1
    assert np.mean([summary[name, "5 folds"][1] for name in true]) < 0.6 * np.mean(
        [summary[name, "one split"][1] for name in true]
    )
    chosen = module.share_of_best(true, scores)
    assert chosen["5 folds"] >= chosen["one split"]
    assert f"by 5 folds: in {chosen['5 folds']:.0%}" in capsys.readouterr().out


def test_overfitting_remedies(tmp_path, capsys):
    """At its strongest every remedy but more data has a training loss as large as the test's."""
    write_images(tmp_path, n_train=2500, n_test=500)
    found = run("overfitting_remedies", tmp_path, data=True)

    for remedy, by_strength in found.items():
        none, *_, strongest = by_strength.values()
        assert none[0] < 0.05
        if remedy == "more data":
            assert strongest[1] < none[1]
        else:
            assert strongest[0] > 10 * none[0], remedy
            assert strongest[0] > 0.5 * strongest[1], remedy
            assert strongest[1] > none[1], remedy
    assert f"{found['dropout'][0.99][0]:.2f} / " in capsys.readouterr().out


def test_augmentation_moves_whole_images(tmp_path):
    """Every row is its image moved by at most so many pixels, zeros coming in."""
    module = importlib.import_module("overfitting_remedies")
    image = np.zeros((28, 28))
    image[10:13, 5:9] = np.arange(12).reshape(3, 4) + 1

    moved = module.shifted(2)(np.tile(image.ravel(), (200, 1)), np.random.RandomState(0))

    allowed = {
        np.roll(image, shift, (0, 1)).tobytes()
        for shift in np.ndindex(5, 5)
        for shift in [np.subtract(shift, 2)]
    }
    assert {row.tobytes() for row in moved} == allowed


def test_classification_losses(tmp_path, capsys):
    """Surely wrong, squared error has no gradient and does not move; cross-entropy arrives."""
    module = importlib.import_module("classification_losses")
    write_images(tmp_path)
    paths, found = run("classification_losses", tmp_path, data=True)

    path, norms = paths["far", "squared error"]
    # p1 = sigmoid(-20) to float64; by hand the gradient is 2 p1 (1 - p1)^2 (1, -1)
    assert norms[0] == pytest.approx(2 * np.sqrt(2) * np.exp(-20), rel=1e-6)
    assert np.abs(path[-1] - path[0]).max() < 1e-4
    path, norms = paths["far", "cross-entropy"]
    assert norms[0] == pytest.approx(np.sqrt(2), rel=1e-6)
    assert module.surface(*path[-1], "log_loss") < 0.01
    for name, loss in module.LOSSES.items():
        assert module.surface(*paths["near", name][0][-1], loss) < 0.01
    accuracy = {key: scores[-1] for key, (_, scores, _) in found.items()}
    assert accuracy["far-off", "cross-entropy"] > accuracy["far-off", "squared error"] + 0.1
    assert "far, squared error" in capsys.readouterr().out


@pytest.mark.parametrize("asked", [True, False])
def test_without_matplotlib(tmp_path, monkeypatch, capsys, asked):
    """A picture that was asked for ends the script before it trains; else there is none."""
    module = importlib.import_module("adagrad_bursts")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr(module, "schedules", lambda n_steps: {"plain": ("adagrad", "constant")})

    if asked:
        with pytest.raises(SystemExit) as ended:
            module.main(["--quick", "--picture", "bursts.png"])
        assert ended.value.code == 2
    else:
        module.main(["--quick"])

    out, err = capsys.readouterr()
    assert err == "the picture needs matplotlib: python -m pip install matplotlib\n"
    assert bool(out) is not asked
    assert list(tmp_path.iterdir()) == []


def test_the_picture_has_the_scripts_name(tmp_path, monkeypatch):
    """It lies in the current folder where no other file is named."""
    pytest.importorskip("matplotlib")
    module = importlib.import_module("adagrad_bursts")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "schedules", lambda n_steps: {"plain": ("adagrad", "constant")})

    module.main(["--quick"])

    assert [path.name for path in tmp_path.iterdir()] == ["adagrad_bursts.png"]


@pytest.mark.parametrize(
    "name", ["batch_size", "daily_counts", "cross_validation", "overfitting_remedies"]
)
def test_without_its_file_it_says_so(name, tmp_path, capsys):
    """One line and status 2, as the other examples."""
    with pytest.raises(SystemExit) as ended:
        importlib.import_module(name).main(["--quick", "--data", str(tmp_path)])

    assert ended.value.code == 2
    assert re.fullmatch(r"cannot load \w+: .+\n", capsys.readouterr().err)
