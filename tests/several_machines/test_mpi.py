"""Training in MPI processes is equivalent to training on one machine."""

import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from shares import CASES, replayed, row_shares
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import scale

from rosenblatt import MLPRegressor

HERE = Path(__file__).parent
PATH = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
MPIEXEC = shutil.which("mpiexec", path=PATH)

pytestmark = [
    pytest.mark.skipif(find_spec("mpi4py") is None, reason="mpi4py is not installed"),
    pytest.mark.skipif(MPIEXEC is None, reason="there is no mpiexec"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

# Open MPI asks for these where a container's only user is root, and there are few processors
OPEN_MPI = {
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
}


@pytest.fixture(scope="module", params=[1, 2, 4])
def ran(request, tmp_path_factory):
    """(number of processes, what they wrote)."""
    written = tmp_path_factory.mktemp("mpi") / "results.npz"
    child = subprocess.run(
        [MPIEXEC, "-n", str(request.param), sys.executable, HERE / "mpi_program.py", written],
        env=os.environ | OPEN_MPI | {"PYTHONPATH": str(HERE.parent), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert child.returncode == 0, child.stderr
    with np.load(written) as results:
        return request.param, dict(results)


@pytest.mark.parametrize("name", CASES)
def test_lockstep_is_one_machine_on_the_same_rows(ran, name):
    """Weights after every kind of step, with classes and rows that some ranks have not."""
    size, results = ran
    parameters, losses = replayed(name, row_shares(size))

    np.testing.assert_allclose(results[name], parameters, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(results[f"{name}, losses"], losses, rtol=1e-12)


def test_lbfgs_is_one_machine(ran):
    """After 10 iterations; a sum's order is all that differs."""
    _, results = ran
    X, y = map(scale, load_diabetes(return_X_y=True))
    model = MLPRegressor((20,), solver="lbfgs", max_iter=10, random_state=0).fit(X, y)
    expected = model._architecture.flat(model._architecture.read(model))

    np.testing.assert_allclose(results["lbfgs"], expected, rtol=1e-10, atol=1e-10)
    stopped = results["lbfgs, stopped"]  # by a callback of rank 0
    assert (stopped == stopped[0]).all()
    assert stopped[0, 0] == 3


def test_ranks_agree_when_to_stop(ran):
    """Callbacks run on rank 0 alone, once an epoch; every rank ends with its decision."""
    size, results = ran
    seen = results["early stopping"]

    assert (seen[:, 1:] == seen[0, 1:]).all()
    assert seen[0, 0] == seen[0, 1]
    assert (seen[1:, 0] == 0).all()
    assert seen.shape == (size, 5)
    assert (seen[:, -1] == 1).all()
    assert 3 < seen[0, 1] < 30
    assert -0.6 < seen[0, 2] < 0


def test_batch_normalization_learns(ran):
    """Its running statistics are the same everywhere."""
    scores = ran[1]["batch normalization"]

    assert (scores == scores[0]).all()
    assert scores[0] > 0.4


def test_an_error_of_one_rank_is_an_error_of_all(ran):
    """With its reason, and no rank waits."""
    size, results = ran
    if size != 2:
        return
    reasons = [
        "dtype of X must be the same in all parts of the data, got float64 in part 0 and float32",
        "number of features must be the same in all parts of the data, got 64 in part 0 and 63",
        "y must contain numbers in all parts of the data, or strings in all parts",
        "contains NaN",
        "parameter max_iter must be the same in all parts of the data, got 3 in part 0 and 4",
        "",
        "X is empty on every rank",
    ]
    for messages, reason in zip(results["messages"], reasons, strict=True):
        assert all(reason in message and message != "no error" for message in messages)
    assert "PeerError: rank 1 failed with ValueError" in results["messages"][3][0]
    by_callback = results["messages"][5]
    assert by_callback[0].startswith("ZeroDivisionError")
    assert by_callback[1].startswith("PeerError: Another process")


def test_block_of_the_page_runs(tmp_path):
    """The last of docs/several_machines.md, on two ranks with rows of their own."""
    page = (HERE.parents[1] / "docs" / "several_machines.md").read_text()
    *_, block = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    rows = (
        "from mpi4py import MPI\nfrom sklearn.datasets import load_iris\n"
        "X, y = load_iris(return_X_y=True)\nrank = MPI.COMM_WORLD.rank\n"
        "X_of_this_rank, y_of_this_rank = X[rank::2], y[rank::2]\n"
    )
    (tmp_path / "train.py").write_text(f"{rows}{block}print(model.score(X, y) > 0.5)\n")
    child = subprocess.run(
        [MPIEXEC, "-n", "2", sys.executable, "-m", "mpi4py", tmp_path / "train.py"],
        env=os.environ | OPEN_MPI | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert child.stdout.count("True") == 2, child.stderr  # ranks may print into one line
