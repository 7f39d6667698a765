"""The scripts in examples/ run, on small made-up data."""

import importlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_up_files import write_images
from sklearn.utils import Bunch

EXAMPLES = Path(__file__).parent.parent / "examples"


def run_example(name, *arguments):
    """The finished process."""
    return subprocess.run(
        [sys.executable, EXAMPLES / name, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
    )


def import_example(name, monkeypatch):
    """A script of examples/ as a module."""
    monkeypatch.syspath_prepend(EXAMPLES)
    return importlib.import_module(name)


@pytest.fixture
def run_here(monkeypatch, capsys):
    """A function that runs the main of an example here; it returns status, output and errors."""

    def run_here(name, *arguments):
        try:
            import_example(name, monkeypatch).main([str(argument) for argument in arguments])
        except SystemExit as end:
            return end.code, *capsys.readouterr()
        return 0, *capsys.readouterr()

    return run_here


def table(printed, header):
    """Rows below a header as {first cell: other cells}; cells stand two blanks apart."""
    lines = printed.split("\n")
    first = next(i for i, line in enumerate(lines) if line.startswith(header)) + 1
    rows = [re.split(r"  +", line) for line in lines[first:] if "  " in line]
    return {name: cells for name, *cells in rows}


def share(cell):
    """The number of '12.3%'."""
    return float(cell.removesuffix("%")) / 100


def test_mnist_trains_and_reports(tmp_path):
    """It shows a line an epoch, then the accuracy, which is high on so easy images."""
    write_images(tmp_path)

    child = run_example("mnist.py", "--data", tmp_path, "--quick", "--max-iter", 8)

    assert child.stderr == ""
    assert child.returncode == 0
    assert [str(epoch) for epoch in range(1, 9)] == re.findall(
        r"Iteration (\d+), loss", child.stdout
    )
    report = re.search(
        r"test accuracy (\S+)% on 100 images, trained for 8 epochs in \S+ seconds", child.stdout
    )
    assert float(report[1]) > 90


def made_up_columns(example, n_rows):
    """A frame of noise with the columns that an example reads."""
    random = np.random.RandomState(0)
    numbers = {name: random.normal(size=n_rows) for name in example.NUMERIC}
    categories = {name: random.randint(3, size=n_rows) for name in example.CATEGORICAL}
    return random, pd.DataFrame(numbers | categories)


def made_up_customers(example, n_rows=3000):
    """One in eight leaves, and two noisy features tell which."""
    random, frame = made_up_columns(example, n_rows)
    hint = frame["total_day_minutes"] + frame["number_customer_service_calls"]
    odds = hint + random.normal(size=n_rows)
    return frame.assign(target=np.where(odds > np.quantile(odds, 7 / 8), "yes", "no"))


def made_up_houses(example, n_rows=6000):
    """Prices whose logarithm is normal, with a spread that grows with the size."""
    random, frame = made_up_columns(example, n_rows)
    spread = 0.1 * np.exp(frame["sqft_living"] / 2)
    log_price = 13 + 0.5 * frame["grade"] + spread * random.normal(size=n_rows)
    return frame.assign(target=np.exp(log_price))


def test_churn_shows_what_class_weights_and_scorers_do(tmp_path, monkeypatch):
    """Balanced weights find more of the rare class, at the price of precision."""
    example = import_example("churn", monkeypatch)
    made_up_customers(example).to_csv(tmp_path / "churn.csv.gz", index=False)

    child = run_example("churn.py", "--data", tmp_path, "--quick")

    assert child.stderr == ""
    assert child.returncode == 0
    assert child.stdout.startswith("3,000 customers, of whom 12.5% leave\n")
    rows = table(child.stdout, "network")
    assert list(rows) == list(example.RECIPES)
    figures = {
        name: dict(zip(example.MEASURES, map(float, cells), strict=True))
        for name, cells in rows.items()
    }
    plain, balanced = figures["plain"], figures["both, scoring='balanced_accuracy'"]
    assert balanced["recall"] > plain["recall"] + 0.1
    assert balanced["balanced accuracy"] > plain["balanced accuracy"] + 0.05
    assert balanced["precision"] < plain["precision"]
    assert min(row["average precision"] for row in figures.values()) > 0.4  # 0.125 by chance


def test_price_intervals_cover_what_they_say(tmp_path, monkeypatch):
    """As many held-out rows as named lie between the bounds, calibrated or nearly."""
    example = import_example("price_intervals", monkeypatch)
    made_up_houses(example).to_csv(tmp_path / "kc_house.csv.gz", index=False)

    child = run_example("price_intervals.py", "--data", tmp_path, "--quick")

    assert child.stderr == ""
    assert child.returncode == 0
    assert "Training on 3,360 houses, testing on 1,800" in child.stdout
    rows = table(child.stdout, "interval")
    assert list(rows) == ["25% to 75%", "10% to 90%", "5% to 95%"]
    for said, found, calibrated, width, without_features in rows.values():
        # four standard errors of a share: of 1,800 rows and of the 840 that calibrate
        assert abs(share(calibrated) - share(said)) < 4 * 0.5 * (1 / 1800 + 1 / 840) ** 0.5
        assert abs(share(found) - share(said)) < 0.15
        assert float(width.replace(",", "")) < float(without_features.replace(",", ""))


def test_conformal_shift_is_the_papers_quantile(monkeypatch):
    """Of nine rows the eighth covers 80 % of ten; bounds that are too wide move inwards."""
    example = import_example("price_intervals", monkeypatch)
    y = np.array([3.0, 1, 9, 4, 5, 2, 8, 7, 6])

    assert example.conformal_shift(y, 0 * y, 0 * y, 0.8) == 8
    assert example.conformal_shift(y, y - 5, y + 3, 0.8) == -3
    assert example.conformal_shift(y, 0 * y, 0 * y, 0.99) == 9


def test_recipes_compares_and_draws(tmp_path, monkeypatch):
    """A row for each optimiser with each schedule, and a picture of them."""
    pytest.importorskip("matplotlib")
    example = import_example("recipes", monkeypatch)
    write_images(tmp_path, name="fashion_mnist", n_train=1200)

    child = run_example(
        "recipes.py", "--data", tmp_path, "--quick", "--picture", tmp_path / "recipes.svg"
    )

    assert child.stderr == ""
    assert child.returncode == 0
    rows = table(child.stdout, "optimiser")
    assert list(rows) == [f"{o}, {s}" for o in example.OPTIMIZERS for s in example.SCHEDULES]
    assert max(share(test) for _, test, _ in rows.values()) > 0.5  # 0.1 by chance
    assert "<svg" in (tmp_path / "recipes.svg").read_text()


def assert_legend_is_beside(panel):
    """Where no curve can be, and inside the figure."""
    panel.figure.draw_without_rendering()
    legend = panel.get_legend().get_window_extent()
    assert legend.x0 >= panel.get_window_extent().x1
    assert legend.x1 <= panel.figure.bbox.x1


def test_legends_of_many_curves_cover_none(tmp_path, monkeypatch):
    """Of the recipes and of the lecture's classification losses."""
    figure = pytest.importorskip("matplotlib.figure")
    example, drawn = import_example("recipes", monkeypatch), []
    monkeypatch.setattr(figure.Figure, "savefig", lambda self, *_, **__: drawn.append(self))
    scores = np.linspace(0, 1, 5)
    example.draw(
        {(o, s): (scores, 1, 1) for o in example.OPTIMIZERS for s in example.SCHEDULES}, ""
    )
    assert_legend_is_beside(drawn[0].axes[len(example.OPTIMIZERS) - 1])

    monkeypatch.syspath_prepend(EXAMPLES / "lectures")
    example = importlib.import_module("classification_losses")
    paths = {
        (start, name): (np.zeros((2, 2)),) for start in example.STARTS for name in example.LOSSES
    }
    found = {(f, name): (0.1, scores, 0.5) for f in example.FACTORS for name in example.LOSSES}
    picture = example.draw(paths, found)
    assert_legend_is_beside(next(panel for panel in picture.axes if panel.get_legend()))


def test_recipes_without_matplotlib_says_so_before_training(run_here, tmp_path, monkeypatch):
    """Not after a minute of work; without --picture it is not needed."""
    write_images(tmp_path, name="fashion_mnist")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    arguments = ("recipes", "--data", tmp_path, "--quick")

    status, out, err = run_here(*arguments, "--picture", tmp_path / "recipes.png")

    assert err == "--picture needs matplotlib: python -m pip install matplotlib\n"
    assert out == ""
    assert status == 2
    assert run_here(*arguments)[0] == 0


@pytest.mark.parametrize("name", ["mnist", "churn", "price_intervals", "recipes"])
def test_an_example_without_its_file_says_so(run_here, tmp_path, name):
    """One line and status 2."""
    status, _, err = run_here(name, "--data", tmp_path)

    assert err.startswith("cannot load ")
    assert err.count("\n") == 1
    assert status == 2


def test_tables_without_pandas_say_so(run_here, tmp_path, monkeypatch):
    """The line names what to install."""
    monkeypatch.setitem(sys.modules, "pandas", None)

    status, _, err = run_here("churn", "--data", tmp_path)

    assert err == "cannot load churn: tables are read with pandas: python -m pip install pandas\n"
    assert status == 2


def test_tables_from_openml_are_those_of_a_folder(tmp_path, monkeypatch):
    """There categories are pandas's, the target has another name, and more columns come along."""
    real_data, example = (import_example(name, monkeypatch) for name in ("real_data", "churn"))
    frame = made_up_customers(example, 50)
    frame.to_csv(tmp_path / "churn.csv.gz", index=False)
    there = frame.astype(dict.fromkeys(example.CATEGORICAL, "category"))
    there = there.assign(phone_number=1).rename(columns={"target": "class"})
    asked = []
    monkeypatch.setattr(
        real_data, "fetch_openml", lambda **which: asked.append(which) or Bunch(frame=there)
    )

    X, y = real_data.load_table(None, "churn", example.NUMERIC, example.CATEGORICAL)

    stored_X, stored_y = real_data.load_table(
        tmp_path, "churn", example.NUMERIC, example.CATEGORICAL
    )
    assert asked == [{"data_id": 40701, "as_frame": True}]
    pd.testing.assert_frame_equal(X, stored_X)
    pd.testing.assert_series_equal(y, stored_y, check_names=False)


def test_images_from_openml_are_those_of_a_folder(tmp_path, monkeypatch):
    """There one array holds all rows: the first 60,000 are for training."""
    real_data = import_example("real_data", monkeypatch)
    write_images(tmp_path)
    with np.load(tmp_path / "mnist.npz") as stored:
        X = np.concatenate([stored["X_train"], stored["X_test"]]).astype(float)
        y = np.concatenate([stored["y_train"], stored["y_test"]])
    monkeypatch.setattr(real_data, "N_TRAIN_IMAGES", 400)
    monkeypatch.setattr(real_data, "fetch_openml", lambda **which: (X, y))

    for fetched, read in zip(
        real_data.load_images(None, "mnist"), real_data.load_images(tmp_path, "mnist"), strict=True
    ):
        np.testing.assert_array_equal(fetched, read)


@pytest.mark.parametrize("name", ["larger_than_memory.py", "dask_cluster.py"])
def test_larger_trainings_report(name, tmp_path):
    """Rows from a file, and on the workers of a cluster."""
    if name == "dask_cluster.py":
        pytest.importorskip("distributed", reason="dask and distributed are not installed")
    write_images(tmp_path)

    n_epochs = 20 if name == "larger_than_memory.py" else 8
    child = run_example(name, "--data", tmp_path, "--quick", "--max-iter", n_epochs)

    assert child.returncode == 0, child.stderr
    accuracies = re.findall(r"test accuracy (\d+\.\d+)%", child.stdout)
    assert accuracies
    assert all(float(accuracy) > 50 for accuracy in accuracies)
    assert "epoch" in child.stderr  # of a bar


def test_processes_of_mpi_train_together(tmp_path):
    """One report, of rank 0."""
    pytest.importorskip("mpi4py", reason="mpi4py is not installed")
    mpiexec = shutil.which("mpiexec", path=Path(sys.executable).parent) or shutil.which("mpiexec")
    if mpiexec is None:
        pytest.skip("there is no mpiexec")
    write_images(tmp_path)
    command = [mpiexec, "-n", "2", sys.executable, "-m", "mpi4py", EXAMPLES / "mpi_training.py"]
    command += ["--data", tmp_path, "--quick", "--max-iter", "20"]
    child = subprocess.run(command, capture_output=True, text=True, timeout=120)

    assert child.returncode == 0, child.stderr
    (accuracy,) = re.findall(r"2 processes: .* test accuracy (\d+\.\d+)%", child.stdout)
    assert float(accuracy) > 80
