"""``python -m rosenblatt``: its output, its display on a terminal, its errors for bad files.

Times are never asserted; that the two MLPs are the same model is (and in depth elsewhere).
"""

import gzip
import os
import re
import signal
import subprocess
import sys
import warnings
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from made_up_files import write_customers

from rosenblatt.command_line import _digits_report, _logic_gates, _training, main
from rosenblatt.command_line._contenders import for_boosting
from rosenblatt.command_line._progress import StepLines
from rosenblatt.command_line._snippet import snippet
from rosenblatt.command_line._table_reading import read_source
from rosenblatt.command_line._target import open_problem
from rosenblatt.command_line._text import DataError
from rosenblatt.command_line._training import Result, train

QUICK = ["--preset", "fast", "--max-iter", "2", "--hidden", "4"]
# blocks tqdm for a child process, as if it were not installed
WITHOUT_TQDM = "import sys, runpy; sys.modules['tqdm'] = None; "
RUN_MODULE = "import sys, runpy; runpy.run_module('rosenblatt', run_name='__main__')"

needs_terminal = pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals are POSIX")
needs_signals = pytest.mark.skipif(os.name != "posix", reason="signals are sent to one process")


def numeric_rows(n_rows=40, delimiter=","):
    """Lines of three features and a class 0 or 1 that depends on them."""
    X = np.random.RandomState(0).normal(size=(n_rows, 3)).round(3)
    return [delimiter.join([*map(str, row), str(int(sum(row) > 0))]) for row in X.tolist()]


def write(path, lines):
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def csv_file(tmp_path):
    """Return a function that writes lines to a file and returns its path."""
    return lambda lines, name="data.csv": write(tmp_path / name, lines)


def run_in_child(*arguments, code=None):
    start = ["-m", "rosenblatt"] if code is None else ["-c", code]
    return subprocess.run(
        [sys.executable, *start, *arguments], capture_output=True, text=True, timeout=120
    )


def rows_of_table(output):
    """Return ``{model: (score, epochs)}`` from the table of digits."""
    pattern = r"^((?:rosenblatt|scikit-learn) \w+) +(-?[\d.]+)%? +\d+\.\d+ +(\d+)$"
    found = re.findall(pattern, output, flags=re.MULTILINE)
    return {name: (float(score), int(epochs)) for name, score, epochs in found}


def scores_of_table(output):
    """Return ``{model: (score, standard error)}`` from the table on a person's own data."""
    pattern = r"^(\w+) +(-?[\d.]+)(?: %)? \+- ([\d.]+) .*\d\.\d$"
    found = re.findall(pattern, output, flags=re.MULTILINE)
    return {name: (float(score), float(error)) for name, score, error in found}


# without a file


@pytest.fixture(scope="module")
def main_job():
    return run_in_child()


def test_main_job_succeeds_in_silence_on_stderr(main_job):
    """Nothing is on stderr and the exit status is 0."""
    assert main_job.stderr == ""
    assert main_job.returncode == 0


def test_main_job_prints_accuracies_of_three_models(main_job):
    """The perceptron is good, both MLPs are better, and equal."""
    rows = rows_of_table(main_job.stdout)

    assert list(rows) == [
        "rosenblatt PerceptronClassifier",
        "rosenblatt MLPClassifier",
        "scikit-learn MLPClassifier",
    ]
    assert rows["rosenblatt PerceptronClassifier"][0] > 90
    assert rows["rosenblatt MLPClassifier"][0] > 97
    assert rows["rosenblatt MLPClassifier"] == rows["scikit-learn MLPClassifier"]


def test_main_job_says_that_the_mlps_are_the_same_model(main_job):
    """The claim names a difference that was measured, and the speed is told."""
    text = " ".join(main_job.stdout.split())

    assert "Both MLPs reached the same accuracy because they are the same model" in text
    difference = float(re.search(r"largest relative difference (\S+)\)", text)[1])
    assert difference < 1e-8
    assert re.search(r"(trained|took) \d+\.\d times", text)


def test_main_job_prints_the_truth_table(main_job):
    """One neuron learns AND, OR and NOT but not XOR; the hidden layer learns XOR."""
    table = re.findall(r"^ ([01])  ([01])   (.*)$", main_job.stdout, flags=re.MULTILINE)

    assert len(table) == 4
    wrong_at_xor = 0
    for a, b, answers in table:
        a, b = int(a), int(b)
        answer_and, answer_or, answer_not, answer_xor, network_xor = re.findall(
            r"[01](?: !)?", answers
        )
        assert (str(a & b), str(a | b), str(1 - a)) == (answer_and, answer_or, answer_not)
        assert str(a ^ b) == network_xor
        assert (int(answer_xor[0]) != a ^ b) == answer_xor.endswith("!")
        wrong_at_xor += answer_xor.endswith("!")
    assert wrong_at_xor >= 1


def test_main_job_is_plain_text_that_fits_80_columns(main_job):
    """Away from a terminal there is no progress, and no line is wider than a terminal."""
    assert main_job.stdout.isascii()
    assert "\r" not in main_job.stdout
    assert "\x1b" not in main_job.stdout
    assert "Iteration" not in main_job.stdout
    assert max(map(len, main_job.stdout.splitlines())) < 80


@pytest.mark.parametrize("random_state", range(5))
def test_gates_are_learned_whatever_the_seed(random_state, capsys):
    """The truth table has mistakes in the column of one neuron's XOR only."""
    _logic_gates.show_gates(random_state)

    answers = re.findall(r"^ [01]  [01]   (.*)$", capsys.readouterr().out, flags=re.MULTILINE)
    marks = [
        [answer.endswith("!") for answer in re.findall(r"[01](?: !)?", row)] for row in answers
    ]
    assert np.any(marks, axis=0).tolist() == [False, False, False, True, False]


def test_help_names_every_option(capsys):
    """--help exits with 0 and fits a terminal."""
    with pytest.raises(SystemExit) as exit_info:
        main(["--help"])

    assert exit_info.value.code == 0
    text = capsys.readouterr().out
    for option in ("data", "target", "task", "preset", "time-limit", "hidden", "max-iter"):
        assert f"--{option} " in text
    assert "--random-state " in text
    assert max(map(len, text.splitlines())) < 80


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--hidden", "5,x"], "--hidden: invalid list of layer sizes (such as 100,50) value"),
        (["--hidden", "0"], "--hidden: invalid list of layer sizes"),
        (["--max-iter", "0"], "--max-iter: invalid positive integer value: '0'"),
        (["--random-state", "-1"], "--random-state: invalid seed (0 to 4294967295) value: '-1'"),
        (["--time-limit", "0"], "--time-limit: invalid positive number of seconds value: '0'"),
        (["--preset", "slow"], "--preset: invalid choice: 'slow'"),
        (["--target", "y"], "--target, --task, --preset and --time-limit need --data"),
        (["--task", "regression"], "need --data"),
        (["--preset", "fast"], "need --data"),
    ],
)
def test_bad_options_are_refused(arguments, message, capsys):
    """Each bad option is named with its value, with exit status 2."""
    with pytest.raises(SystemExit) as exit_info:
        main(arguments)

    assert exit_info.value.code == 2
    assert message in capsys.readouterr().err


def test_network_beyond_memory_is_told(capsys):
    """More neurons than addresses end with one line and status 1."""
    assert main(["--hidden", "99999999999999"]) == 1

    assert capsys.readouterr().err == (
        "rosenblatt: error: not enough memory for this data and --hidden\n"
    )


# honest words about the two MLPs


class StubMLP:
    """Weights and nothing else."""

    def __init__(self, weight):
        self.coefs_ = [np.array([[1.0, weight]])]
        self.intercepts_ = [np.zeros(2)]


def result(name, seconds=1.0, model=None, values=(1.0, 0.0)):
    return Result(name, model, np.array(values), seconds, True)


@pytest.mark.parametrize(
    ("weight", "values", "words"),
    [
        (2.0, (1.0, 0.0), "reached the same accuracy because they are the same model"),
        (2.0 + 1e-9, (1.0, 0.0), "(largest relative difference 5e-10)"),
        (2.0 + 1e-9, (1.0, 1.0), "Even that changes the predictions"),
        (2.2, (1.0, 0.0), "are not the same model here: their weights differ by up to 9e-02"),
        (np.nan, (1.0, 0.0), "are not the same model here"),
    ],
)
def test_sameness_is_judged_by_the_weights(weight, values, words):
    """Equal accuracy alone is no proof, and different weights are told."""
    theirs = result("scikit-learn", model=StubMLP(weight))
    ours = result("rosenblatt", model=StubMLP(2.0), values=values)

    assert words in _digits_report.same_model_sentence(ours, theirs)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.5, "trained 4.0 times faster"), (4.0, "took 2.0 times as long")],
)
def test_speed_is_told_in_both_directions(seconds, words):
    """A slower fit is not called faster."""
    assert words in _digits_report.speed_sentence(
        result("rosenblatt", seconds), result("scikit-learn", 2.0)
    )


def test_limit_of_epochs_is_told_without_a_warning(capsys, recwarn):
    """A ConvergenceWarning becomes a sentence."""
    assert main(["--max-iter", "3", "--hidden", "5"]) == 0

    text = " ".join(capsys.readouterr().out.split())
    assert "Stopped at the limit of 3 epochs while still improving" in text
    assert list(recwarn) == []


# progress on a terminal


def run_on_terminal(code, *arguments):
    """Run code in a child whose standard output is a terminal; return all that it wrote there."""
    import pty

    controller, terminal = pty.openpty()
    # 80 columns whatever terminal the tests are started from
    environment = os.environ | {"COLUMNS": "80", "LINES": "24"}
    with subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdout=terminal,
        stderr=subprocess.PIPE,
        env=environment,
    ) as child:
        os.close(terminal)
        pieces = []
        while True:
            try:
                piece = os.read(controller, 4096)
            except OSError:  # Linux's way to say that the other side is closed
                break
            if not piece:
                break
            pieces.append(piece)
        errors = child.stderr.read().decode()
    os.close(controller)
    assert child.returncode == 0, errors
    assert errors == ""
    return b"".join(pieces).decode().replace("\r\n", "\n")


def last_states_of_lines(output):
    """Return the lines as they stand in the end, after all rewriting."""
    return [line.split("\r")[-1].rstrip() for line in output.split("\n")]


@needs_terminal
def test_terminal_with_tqdm_shows_its_bar():
    """The bar moves with the loss beside it and is wiped before the table."""
    pytest.importorskip("tqdm")

    output = run_on_terminal(RUN_MODULE)

    for model in ("rosenblatt MLPClassifier", "scikit-learn MLPClassifier"):
        assert f"{model} |" in output
    assert re.search(r"\rscikit-learn MLPClassifier \|.*\| [1-9]\d*/200, .* left, loss 0\.", output)
    final = "\n".join(last_states_of_lines(output))
    assert "left, loss" not in final
    assert len(rows_of_table(final)) == 3


@needs_terminal
def test_terminal_shows_progress_on_a_table(csv_file):
    """Boosting counts its rounds, networks in pipelines their epochs; all is wiped in the end."""
    path = csv_file(["a,b,c,kind", *numeric_rows(80)])
    arguments = ["--data", str(path), "--target", "kind", "--preset", "fast", "--max-iter", "9"]

    output = run_on_terminal(WITHOUT_TQDM + RUN_MODULE, *arguments)

    for model in ("HistGradientBoostingClassifier", "MLPClassifier"):
        assert f"\r{model}: pass 0 of at most" in output
    final = "\n".join(last_states_of_lines(output))
    assert "of at most" not in final
    assert len(scores_of_table(final)) == 4


def test_step_lines_are_found_in_pieces():
    """Lines may arrive in parts, and other lines are skipped."""
    shown = []
    stream = StepLines(lambda step, loss: shown.append((step, loss)))

    for piece in (
        "Itera",
        "tion 1, loss = 0.5",
        "\nNorm: 2\n-- Epoch 2\n[3/9] 1 tree\nIteration 4",
    ):
        stream.write(piece)

    assert shown == [(1, "0.5"), (2, None), (3, None)]


@needs_signals
@pytest.mark.parametrize(
    "model", ["rosenblatt MLPClassifier", "scikit-learn MLPClassifier", "TabularMLPClassifier"]
)
def test_ctrl_c_ends_with_a_short_message(model, csv_file, capfd, monkeypatch):
    """Ctrl-C during a fit that catches it, to keep what it learnt, ends with status 130."""
    own = ["--data", str(csv_file(numeric_rows(80))), "--target", "-1", *QUICK]

    def send(*_):
        os.kill(os.getpid(), signal.SIGINT)

    def fit(fitted, name, X, y):
        if name != model:
            return fitted.fit(X, y)
        if name.startswith("Tabular"):  # when its first network is ready, which it would keep
            return fitted.set_params(callbacks=[send]).fit(X, y)
        lines = StepLines(lambda step, loss: step == 3 and send())
        monkeypatch.setattr(sys, "stdout", lines)
        return fitted.set_params(verbose=True).fit(X, y)

    monkeypatch.setattr(_training, "fit_with_progress", fit)

    assert main(own if model.startswith("Tabular") else []) == 130
    assert capfd.readouterr().err == "rosenblatt: interrupted\n"


@pytest.mark.skipif(not hasattr(signal, "SIGPIPE"), reason="closed pipes are POSIX")
def test_closed_pipe_is_no_traceback(csv_file):
    """A reader such as head may leave early."""
    path = csv_file(numeric_rows())
    command = [sys.executable, "-m", "rosenblatt", "--data", str(path), "--target", "-1", *QUICK]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        child.stdout.close()
        errors = child.stderr.read()

    assert errors == b""


# a person's own table


@pytest.fixture(scope="module")
def customers(tmp_path_factory):
    """A table with everything in it, and a run on it."""
    path = write_customers(tmp_path_factory.mktemp("own"))
    return path, run_in_child("--data", str(path), "--target", "left", *QUICK)


def test_raw_table_is_taken_as_it_comes(customers):
    """Text, dates, gaps and rows without a target: one report, and nothing on stderr."""
    _, child = customers
    text = " ".join(child.stdout.split())

    assert child.stderr == ""
    assert child.returncode == 0
    assert "customers.csv.gz: 120 rows with 5 columns from which to predict 'left'" in text
    assert "one of 2 classes (classification). 3 rows without a value in 'left' are dropped" in text
    assert "learns from 90 rows and is tested on the 30 others" in text
    assert "Plain networks require numbers without missing values and are left out" in text
    assert "Logic gates" not in text


def test_report_has_scores_columns_and_the_out_of_fold_score(customers):
    """Models by their scores, columns by their importance, and what to know before the next."""
    output = customers[1].stdout

    scores = scores_of_table(output)
    assert set(scores) == {"TabularMLPClassifier", "HistGradientBoostingClassifier"}
    assert list(scores) == sorted(scores, key=lambda name: -scores[name][0])
    assert all(0 < error < 20 for _, error in scores.values())
    assert re.search(r"^most frequent class \('no'\) +\d\d\.\d %$", output, flags=re.MULTILINE)
    shares = re.findall(r"^(\w+) +([\d.]+) %  #+$", output, flags=re.MULTILINE)
    assert {name for name, _ in shares} <= {"plan", "since", "visits", "city", "remark"}
    assert sum(float(share) for _, share in shares) == pytest.approx(100, abs=0.5)
    assert re.search(r"Out of fold, TabularMLPClassifier reached an accuracy of [\d.]+ %", output)


def test_report_is_plain_text_that_fits_80_columns(customers):
    """Only a path may be wider."""
    output = customers[1].stdout

    assert output.isascii()
    assert "\r" not in output
    assert max(len(line) for line in output.splitlines() if "customers.csv" not in line) < 80


def test_snippet_runs_as_printed(customers):
    """What to type next is a program, with the options of this run."""
    output = customers[1].stdout
    code = output[output.index("import pandas as pd") :]

    assert 'table = table.dropna(subset=["left"])' in code
    child = run_in_child(code="import sys; sys.modules['tqdm'] = None\n" + code)

    assert child.returncode == 0, child.stderr
    assert child.stdout.startswith("out of fold 0.")
    assert "networks of layers" in child.stdout
    assert re.search(r"layers \d+-4 or", child.stdout)


def test_regression_compares_plain_networks_too(csv_file, capsys):
    """Targets in the millions are learnt; the snippet for numbers runs too."""
    X = np.random.RandomState(0).normal(size=(200, 2)).round(4)
    path = csv_file(["a,b,price", *(f"{a},{b},{1e6 * (a - b) + 5e6}" for a, b in X)])

    assert main(["--data", str(path), "--target", "price", "--preset", "fast"]) == 0

    output = capsys.readouterr().out
    scores = scores_of_table(output)
    assert set(scores) == {"TabularMLPRegressor", "HistGradientBoostingRegressor", "MLPRegressor"}
    assert scores["MLPRegressor"][0] > 0.9
    assert scores["TabularMLPRegressor"][0] > 0.9
    exec(compile(output[output.index("import pandas as pd") :], "snippet", "exec"), {})
    assert re.search(r"out of fold 0\.9\d+ \+- 0\.\d+", capsys.readouterr().out)


def test_classification_compares_four_models(csv_file, capsys, recwarn):
    """Without a header the target is a number; the limit of epochs is told, without a warning."""
    path = csv_file(numeric_rows(80))

    assert main(["--data", str(path), "--target", "-1", *QUICK]) == 0

    output = capsys.readouterr().out
    assert "80 rows with 3 columns from which to predict '3'" in output
    assert len(scores_of_table(output)) == 4
    assert "Stopped at the limit of epochs while still improving: MLPClassifier" in output
    assert "pd.read_csv(" in output
    assert "header=None" in output
    assert "y = table.pop(3)" in output
    assert list(recwarn) == []


def test_remarks_of_the_ensemble_are_part_of_the_report(csv_file, capsys, recwarn):
    """Text that is nearly unique is not used, and the report says so."""
    path = csv_file(["a,name,c,kind", *(f"{i},n{i},{i * i % 7},{i % 2}" for i in range(90))])

    assert main(["--data", str(path), "--target", "kind", *QUICK]) == 0

    text = " ".join(capsys.readouterr().out.split())
    assert "'name'" in text[text.index("learns from") :]
    assert list(recwarn) == []


def test_a_model_that_fails_is_told_and_the_others_are_shown(csv_file, capsys, monkeypatch):
    """Boosting refuses some tables that the ensemble takes, and a plain network may diverge."""

    def fail(self, X, y):
        raise ValueError("no such\n  luck")

    monkeypatch.setattr("sklearn.ensemble.HistGradientBoostingRegressor.fit", fail)
    monkeypatch.setattr("rosenblatt.MLPRegressor.fit", fail)
    path = csv_file(["a,y", *(f"{i % 9},{i}.5" for i in range(40))])

    assert main(["--data", str(path), "--target", "y", *QUICK]) == 0

    output = capsys.readouterr().out
    assert list(scores_of_table(output)) == ["TabularMLPRegressor"]
    for model in ("HistGradientBoostingRegressor", "MLPRegressor"):
        assert f"{model} could not be trained: no such luck" in output


def test_columns_that_an_ensemble_cannot_read_end_in_one_line(tmp_path, capsys):
    """What is found out while training is told like what is found out while reading."""
    path = tmp_path / "constant.csv"
    write(path, ["a,b,kind", *(f"1,2,{i % 2}" for i in range(40))])

    assert main(["--data", str(path), "--target", "kind"]) == 2

    error = capsys.readouterr().err
    assert error.startswith("rosenblatt: error: X has no usable column: 'a' (constant)")
    assert error.count("\n") == 1


def test_cells_that_are_no_values_end_in_one_line(tmp_path, capsys):
    """Parquet holds lists too; the column is named."""
    pytest.importorskip("pyarrow", reason="Parquet is read by pyarrow")
    path = tmp_path / "lists.parquet"
    pd.DataFrame({"basket": [[1, 2]] * 40, "kind": [0, 1] * 20}).to_parquet(path)

    assert main(["--data", str(path), "--target", "kind", *QUICK]) == 2

    error = capsys.readouterr().err
    assert "basket" in error
    assert error.count("\n") == 1


def test_boosting_gets_the_most_frequent_levels():
    """More levels than it takes, gaps, dates and new levels are no obstacle."""
    train_frame = pd.DataFrame(
        {
            "city": ["often", "often"] + [f"c{i}" for i in range(400)],
            "day": pd.date_range("2020-01-01", periods=402),
            "flag": [True, False] * 201,
            "n": pd.array([None, *range(401)], dtype="Int64"),
        }
    )
    test_frame = train_frame.assign(city="new")[:5]

    learnt, tested = for_boosting(train_frame, test_frame)

    assert len(learnt["city"].cat.categories) == 255
    assert learnt["city"].cat.categories[0] == "often"
    assert tested["city"].isna().all()
    assert learnt["day"].tolist()[:2] == [0, 86400]
    assert np.isnan(learnt["n"][0])
    assert learnt.drop(columns="city").dtypes.tolist() == [np.float64] * 3


# from the file to a problem


def problem(path, target="-1", task=None):
    return open_problem(read_source(path, target).frame, target, task, random_state=0)


def n_rows_of(problem):
    return len(problem.X_train) + len(problem.X_test)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("header", [True, False])
def test_delimiter_and_header_are_found(delimiter, header, csv_file):
    """All delimiters, with and without names, give the same table."""
    names = [delimiter.join(["a", "b", "c", "kind"])] if header else []
    source = read_source(csv_file(names + numeric_rows(delimiter=delimiter)), "-1")

    expected = np.array([line.split(",") for line in numeric_rows()], dtype=float)
    assert source.frame.columns.tolist() == (["a", "b", "c", "kind"] if header else [0, 1, 2, 3])
    np.testing.assert_array_equal(expected, source.frame.to_numpy())


@pytest.mark.parametrize(
    ("target", "name"), [("b", "b"), ("1", "b"), ("-3", "b"), ("a", "a"), ("-1", "kind")]
)
def test_target_is_a_name_or_a_number(target, name, csv_file):
    """Numbers count from 0, negative ones from the end."""
    found = problem(csv_file(["a,b,c,kind", *numeric_rows()]), target)

    assert name == found.target
    assert found.X_train.shape == (30, 3)


@pytest.mark.parametrize(("header", "target"), [("0,1,2,target", "target"), ("0,1,2,t", "-1")])
def test_header_of_numbers_is_found(header, target, csv_file):
    """pandas names columns 0, 1, 2; a name above numbers, or the target's, makes it a header."""
    assert n_rows_of(problem(csv_file([header, *numeric_rows()]), target)) == 40


def test_blank_lines_quotes_spaces_and_byte_order_mark_are_read(tmp_path):
    """What spreadsheets and people put into files does no harm."""
    lines = ["\ufeffa, b, c, kind", "", *numeric_rows(), ' "1.5", "2" , 3, 1', ""]
    path = tmp_path / "table.txt"  # and gzip is recognised by its first bytes
    path.write_bytes(gzip.compress("\r\n".join(lines).encode()))

    source = read_source(path, "kind")

    assert source.options == {"compression": "gzip", "skipinitialspace": True}
    np.testing.assert_array_equal(source.frame.to_numpy()[-1], [1.5, 2, 3, 1])


def test_decimal_commas_question_marks_and_old_encodings_are_read(tmp_path):
    """What comes from other countries and archives; pandas is told, and so is the person."""
    lines = [
        "stra\xdfe;preis;wann",
        *(f"a{i % 3};{i},5;2020-01-{i + 1:02}" for i in range(30)),
        "b;?;",
    ]
    path = tmp_path / "data.csv"
    path.write_bytes("\n".join(lines).encode("cp1252"))

    source = read_source(path, "preis")

    assert source.options == {
        "sep": ";",
        "encoding": "cp1252",
        "na_values": "?",
        "decimal": ",",
        "parse_dates": ["wann"],
    }
    assert source.frame["preis"].sum() == sum(range(30)) + 15
    assert source.frame["wann"].dt.day[29] == 30
    assert "stra\xdfe" in source.frame


def test_text_file_with_the_name_of_a_compressed_one(tmp_path):
    """The bytes count, not the name; pandas goes by the name unless told."""
    path = write(tmp_path / "data.csv.gz", ["a,b,c,kind", *numeric_rows()])

    assert read_source(path, "kind").options == {"compression": None}


def test_numbers_with_late_text_are_text_in_all_rows(csv_file):
    """pandas reads large files in pieces, whose types may differ."""
    lines = [f"{i % 100},{i % 7}" for i in range(400_000)]
    source = read_source(csv_file(["a,b", *lines, "unknown,1"]), "b")

    assert source.options == {"low_memory": False}
    assert {type(cell) for cell in source.frame["a"]} == {str}


def test_parquet_is_read(tmp_path, capsys):
    """Types come from the file; the snippet reads it the same way."""
    pytest.importorskip("pyarrow", reason="Parquet is read by pyarrow")
    path = tmp_path / "data.parquet"
    frame = pd.DataFrame({"a": pd.array([None, *range(59)], dtype="Int64"), "b": ["x", None] * 30})
    frame["when"] = pd.date_range("2020-01-01", periods=60)
    frame["kind"] = pd.Categorical(["u", "v", "w"] * 20)
    frame.to_parquet(path)

    assert main(["--data", str(path), "--target", "kind", *QUICK]) == 0

    output = capsys.readouterr().out
    assert "one of 3 classes" in " ".join(output.split())
    assert f'table = pd.read_parquet("{path}")' in output.replace("(\n    ", "(").replace(
        ",\n)", ")"
    )


@pytest.mark.parametrize(
    ("missing", "suffix", "message"),
    [
        ("pandas", "csv", "reading a table needs pandas: python -m pip install pandas"),
        ("pyarrow", "parquet", "Parquet files need pyarrow: python -m pip install pyarrow"),
    ],
)
def test_what_is_not_installed_is_named(missing, suffix, message, tmp_path, capsys, monkeypatch):
    """With the command that installs it."""
    monkeypatch.setitem(sys.modules, missing, None)
    path = tmp_path / f"data.{suffix}"
    path.write_bytes(b"PAR1" + b"?" * 20 + b"PAR1")

    assert main(["--data", str(path), "--target", "-1"]) == 2

    assert capsys.readouterr().err == f"rosenblatt: error: {message}\n"


@pytest.mark.parametrize(
    ("targets", "told", "task"),
    [
        (["yes", "no"] * 10, None, "classification"),
        (["True", "False"] * 10, None, "classification"),
        (["1", "2"] * 10, None, "classification"),
        (["1.0", "2.0"] * 10, None, "classification"),
        (["0.5", "2.0"] * 10, None, "regression"),
        (["0.5", "2.0"] * 10, "classification", "classification"),
        (["1", "2"] * 10, "regression", "regression"),
        ([str(number) for number in range(20)], None, "regression"),
        ([str(number % 15) for number in range(20)], None, "regression"),
        (["1", "2", "none", "none"] * 5, "classification", "classification"),
    ],
)
def test_task_is_guessed_or_told(targets, told, task, csv_file):
    """Text and few distinct integers are classes, all else are values, unless told."""
    lines = [f"{row},{target}" for row, target in enumerate(targets)]
    found = problem(csv_file(["a,y", *lines]), "y", told)

    y = np.concatenate([found.y_train, found.y_test])
    assert task == found.task
    assert len(set(targets)) == len(np.unique(y))
    if task == "regression":
        assert sorted(y) == sorted(map(float, targets))


def test_class_of_one_row_is_learnt_and_not_tested(csv_file):
    """Shares of the others are kept."""
    lines = [f"{row},{'ab'[row % 2]}" for row in range(40)]
    found = problem(csv_file(["x,y", *lines, "9,once"]), "y")

    assert "once" in found.y_train
    assert sorted(found.y_test) == ["a"] * 5 + ["b"] * 5


def test_rows_without_a_target_are_left_out(csv_file):
    """They are counted, and are in neither part."""
    found = problem(csv_file(["x,y", *(f"{row},{row % 2}" for row in range(40)), "77,", "78,NA"]))

    assert found.n_without_target == 2
    assert n_rows_of(found) == 40
    assert found.X_train["x"].max() < 77


@pytest.mark.parametrize("path", ["it's.csv", 'a "quoted" name.csv', "C:\\new\\table.csv"])
def test_snippet_quotes_any_name(path):
    """Names of files and columns are literals of Python."""
    source = SimpleNamespace(path=path, function="read_csv", options={"parse_dates": ["a'b"]})
    found = SimpleNamespace(target='the "target"', is_classification=True, n_without_target=0)

    code = snippet(source, found, {"hidden_layer_sizes": (4,), "n_jobs": -1})

    calls = {}
    frame = SimpleNamespace(pop=lambda name: calls.update(target=name), head=lambda: None)
    pandas = SimpleNamespace(
        read_csv=lambda *args, **options: calls.update(a=args, o=options) or frame
    )
    exec(code[code.index("table = ") : code.index("model = ")], {"pd": pandas})
    assert calls == {"a": (path,), "o": {"parse_dates": ["a'b"]}, "target": 'the "target"'}


GOOD = ["a,b,c,kind", *numeric_rows()]
UNREADABLE = {
    "empty": ([""], "-1", "data.csv is empty"),
    "one_column": (["a", "1", "2"], "-1", "the first line has a single column"),
    "only_header": (GOOD[:1], "-1", "there are 0 rows of data; at least 20 are needed"),
    "one_row": (GOOD[:2], "-1", "there is 1 row of data; at least 20 are needed"),
    "few_rows": (GOOD[:8], "-1", "there are 7 rows of data; at least 20 are needed"),
    "few_targets": (
        [*GOOD[:16], *["1,2,3,"] * 9],
        "kind",
        "there are 15 rows of data with a value in 'kind'; at least 20 are needed",
    ),
    "unknown_target": (GOOD, "size", "no column 'size'; the columns are: a, b, c, kind"),
    "nearly_target": (GOOD, "Kinds", "no column 'Kinds', did you mean 'kind'? The columns are: a,"),
    "unknown_number": (GOOD, "4", "no column '4'; the columns are: a, b, c, kind"),
    "number_without_header": (GOOD[1:], "-5", "no column '-5'; the columns are: 0, 1, 2, 3"),
    "name_without_header": (GOOD[1:], "kind", "no column 'kind'; the columns are: 0, 1, 2, 3"),
    "no_target": (GOOD, None, "--target must name the column to predict; the columns are: a, b"),
    "name_twice": (["a,b,b,c", *GOOD[1:]], "b", "2 columns are named 'b'; pass the index"),
    "ragged": ([*GOOD, "1,2,3,4,5"], "-1", "line 42 has 5 values, but the lines before have 4"),
    "short_header": (["a,b,c", *GOOD[1:]], "-1", "has fewer values than the others; it must"),
    "open_quote": ([*GOOD, '"1,2,3,1'], "-1", "EOF inside string starting at row 4"),
    "infinite": (
        ["x,y", *["1,2.5", "2,inf"] * 20],
        "y",
        "row 2 of the data: 'inf' is too large",
    ),
    "huge": (["x,y", *["1,2.5", "2,1e200"] * 20], "y", "row 2 of the data: '1e+200' is too large"),
    "one_class": (
        [line[:-1] + "no" for line in GOOD[1:]],
        "-1",
        "column '3' is 'no' in every row; there is nothing to learn",
    ),
    "constant": (["x,y", *(f"{i},1.5" for i in range(20))], "y", "column 'y' is '1.5' in every"),
    "many_classes": (
        ["x,y", *(f"{row},{'abcdefg'[row % 7]}" for row in range(24))],
        "y",
        "24 rows are too few for the 7 classes of column 'y'; at least 28 are needed",
    ),
    "text_among_numbers": (
        ["x,y", *(f"{row},{row}" for row in range(20)), "1,seven"],
        "y",
        "column 'y', row 21 of the data: 'seven' is text in a column of numbers; correct it",
    ),
    "dates": (
        ["x,y", *(f"{row},2020-01-{row:02}" for row in range(1, 31))],
        "y",
        "column 'y' contains dates or times",
    ),
}


def assert_one_line(arguments, message, capsys):
    assert main(arguments) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert message in output.err
    assert output.err.startswith("rosenblatt: error: ")
    assert output.err.count("\n") == 1


@pytest.mark.parametrize("case", UNREADABLE)
def test_bad_tables_get_one_line_and_status_2(case, csv_file, capsys):
    """The message is one line on stderr, stdout stays empty."""
    lines, target, message = UNREADABLE[case]
    option = [] if target is None else ["--target", target]

    assert_one_line(["--data", str(csv_file(lines)), *option], message, capsys)


def test_regression_of_text_is_refused(csv_file, capsys):
    """What is told by --task must fit the target."""
    path = csv_file(["x,y", *(f"{row},{'yes' if row % 2 else 'no'}" for row in range(20))])
    arguments = ["--data", str(path), "--target", "y", "--task", "regression"]

    assert_one_line(arguments, "row 1 of the data: 'no' is not a number; regression", capsys)


BAD_FILES = {
    "no_file": (None, "cannot read"),
    "empty": (b"", "is empty"),
    "utf16": (b"\xff\xfea\x00,\x00b\x00", "is neither text (such as CSV in UTF-8) nor Parquet"),
    "nul": (b"a,b\n1,\x00\n", "is neither text"),
    "picture": (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "is neither text"),
    "workbook": (b"PK\x03\x04\x14\x00\x06\x00", "is neither text"),
    "cut_gzip": (gzip.compress(b"a,b\n" * 99)[:-9], "ended before the end-of-stream marker"),
    "no_gzip": (b"\x1f\x8bno gzip at all", "cannot read"),
    "no_encoding": (b"a,b\n\x81\xfe,2\n", "cannot read"),
    "cut_parquet": (b"PAR1\x15\x04\x15", "cannot read"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_files_get_one_line_and_status_2(case, tmp_path, capsys):
    """Files that are no tables, or only a part of one, are told, never with a traceback."""
    content, message = BAD_FILES[case]
    if case == "cut_parquet":
        pytest.importorskip("pyarrow", reason="Parquet is read by pyarrow")
    path = tmp_path / "data.csv"
    if content is not None:
        path.write_bytes(content)

    assert_one_line(["--data", str(path), "--target", "-1"], message, capsys)


def test_folder_instead_of_a_file_is_told(tmp_path, capsys):
    """A folder is no file."""
    assert_one_line(["--data", str(tmp_path)], f"cannot read {tmp_path}: it is not a file", capsys)


def test_long_names_and_cells_are_shortened(csv_file, capsys):
    """Messages stay readable whatever is in the file."""
    path = csv_file([f"{'n' * 500},y", *(f"{row},{row}" for row in range(20)), "1," + "x" * 500])

    assert main(["--data", str(path), "--target", "y"]) == 2
    assert "row 21 of the data: '" + "x" * 37 + "...' is text" in capsys.readouterr().err
    assert main(["--data", str(path)]) == 2
    assert len(capsys.readouterr().err) < 200


def test_models_that_warn_are_heard_and_others_pass():
    """Remarks come once; what is none of the package's stays a warning."""

    class Warner:
        max_iter = 1

        def fit(self, X, y):
            warnings.warn("a remark", UserWarning, stacklevel=1)
            warnings.warn("a remark", UserWarning, stacklevel=1)
            warnings.warn("a fault", RuntimeWarning, stacklevel=1)
            return self

        def predict(self, X):
            return X[:, 0]

    X, y = np.array([[1.0], [2.0], [3.0]]), np.array([1.0, 2.0, 4.0])
    with pytest.warns(RuntimeWarning, match="a fault"):
        found = train("warner", Warner(), (X, X, y, y), is_classification=False)
    assert found.remarks == ("a remark",)
    assert found.score == pytest.approx(1 - 1 / np.sum((y - y.mean()) ** 2))
    assert found.error == pytest.approx(1 / 3)


def test_errors_of_reading_are_one_kind(tmp_path):
    """So that a program can use the reader too."""
    with pytest.raises(DataError, match="cannot read"):
        read_source(tmp_path / "none.csv", None)
