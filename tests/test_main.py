"""``python -m rosenblatt``: what it prints, what it shows on a terminal, what it says of bad files.

Times are never asserted; that the two MLPs are the same model is (and in depth elsewhere).
"""

import gzip
import os
import re
import signal
import subprocess
import sys

import numpy as np
import pytest

from rosenblatt import _demo
from rosenblatt.__main__ import main
from rosenblatt._csv_table import read_table
from rosenblatt._progress import EpochLines

FEW_EPOCHS = ["--max-iter", "3", "--hidden", "5"]
# blocks tqdm for a child process, as if it were not installed
WITHOUT_TQDM = "import sys, runpy; sys.modules['tqdm'] = None; "
RUN_MODULE = "import sys, runpy; runpy.run_module('rosenblatt', run_name='__main__')"

needs_terminal = pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals are POSIX")


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
    """Return ``{model: (score, epochs)}`` from the printed table."""
    pattern = r"^((?:rosenblatt|scikit-learn) \w+) +(-?[\d.]+)%? +\d+\.\d+ +(\d+)$"
    found = re.findall(pattern, output, flags=re.MULTILINE)
    return {name: (float(score), int(epochs)) for name, score, epochs in found}


# the main job


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
    _demo.show_gates(random_state)

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
    for option in ("--data", "--target", "--task", "--hidden", "--max-iter", "--random-state"):
        assert option in text
    assert max(map(len, text.splitlines())) < 80


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--hidden", "5,x"], "--hidden: invalid list of layer sizes (such as 100,50) value"),
        (["--hidden", "0"], "--hidden: invalid list of layer sizes"),
        (["--max-iter", "0"], "--max-iter: invalid positive integer value: '0'"),
        (["--random-state", "-1"], "--random-state: invalid seed (0 to 4294967295) value: '-1'"),
        (["--target", "y"], "--target and --task need --data"),
        (["--task", "regression"], "--target and --task need --data"),
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


@pytest.mark.parametrize(
    ("weight", "score", "words"),
    [
        (2.0, 0.9, "reached the same accuracy because they are the same model"),
        (2.0 + 1e-9, 0.9, "(largest relative difference 5e-10)"),
        (2.0 + 1e-9, 0.8, "even that changes the accuracy"),
        (2.2, 0.9, "are not the same model here: their weights differ by up to 9e-02"),
        (np.nan, 0.9, "are not the same model here"),
    ],
)
def test_sameness_is_judged_by_the_weights(weight, score, words):
    """Equal accuracy alone is no proof, and different weights are told."""
    theirs = _demo.Result("scikit-learn", StubMLP(weight), 0.9, 1.0, True)
    ours = _demo.Result("rosenblatt", StubMLP(2.0), score, 1.0, True)

    assert words in _demo.same_model_sentence(ours, theirs, "accuracy")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.5, "trained 4.0 times faster"), (4.0, "took 2.0 times as long")],
)
def test_speed_is_told_in_both_directions(seconds, words):
    """A slower fit is not called faster."""
    theirs = _demo.Result("scikit-learn", None, 0.9, 2.0, True)

    assert words in _demo.speed_sentence(
        _demo.Result("rosenblatt", None, 0.9, seconds, True), theirs
    )


# progress on a terminal


def run_on_terminal(code):
    """Run code in a child whose standard output is a terminal; return all that it wrote there."""
    import pty

    controller, terminal = pty.openpty()
    # 80 columns whatever terminal the tests are started from
    environment = os.environ | {"COLUMNS": "80", "LINES": "24"}
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=terminal, stderr=subprocess.PIPE, env=environment
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
def test_terminal_without_tqdm_shows_a_line_that_rewrites_itself():
    """The line counts epochs for each model and is wiped before the table."""
    output = run_on_terminal(WITHOUT_TQDM + RUN_MODULE)

    for model in ("rosenblatt MLPClassifier", "scikit-learn MLPClassifier"):
        assert f"\r{model}: epoch 0 of at most 200" in output
    assert re.search(r"\rscikit-learn MLPClassifier: epoch [1-9]\d* of at most 200, loss 0", output)
    final = "\n".join(last_states_of_lines(output))
    assert "of at most" not in final
    assert len(rows_of_table(final)) == 3


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


def test_epoch_lines_are_found_in_pieces():
    """Lines may arrive in parts, and other lines are skipped."""
    shown = []
    stream = EpochLines(lambda epoch, loss: shown.append((epoch, loss)))

    for piece in ("Itera", "tion 1, loss = 0.5", "\nNorm: 2\n-- Epoch 2\nIteration 3, loss = 1"):
        stream.write(piece)

    assert shown == [(1, "0.5"), (2, None)]


@pytest.mark.skipif(os.name != "posix", reason="signals are sent to one process")
@pytest.mark.parametrize("model", ["rosenblatt MLPRegressor", "scikit-learn MLPRegressor"])
def test_ctrl_c_ends_with_a_short_message(model, csv_file):
    """Ctrl-C during either MLP's fit, which both catch it, ends the program with status 130."""
    path = csv_file(numeric_rows(400))
    # sends the signal from inside the fit at its third epoch
    code = (
        "import os, signal, sys; from rosenblatt import _demo, __main__\n"
        "from rosenblatt._progress import EpochLines\n"
        "def fit(model, name, X, y):\n"
        f"    if name != {model!r}: return model.fit(X, y)\n"
        "    def show(epoch, loss):\n"
        "        if epoch == 3: os.kill(os.getpid(), signal.SIGINT)\n"
        "    sys.stdout = EpochLines(show)\n"
        "    return model.set_params(verbose=True).fit(X, y)\n"
        "_demo.fit_with_progress = fit\n"
        f"sys.exit(__main__.main(['--data', {str(path)!r}, '--target', '0']))"
    )

    child = run_in_child(code=code)

    assert child.stderr == "rosenblatt: interrupted\n"
    assert child.returncode == 130


@pytest.mark.skipif(not hasattr(signal, "SIGPIPE"), reason="closed pipes are POSIX")
def test_closed_pipe_is_no_traceback(csv_file):
    """A reader such as head may leave early."""
    path = csv_file(numeric_rows())
    command = [sys.executable, "-m", "rosenblatt", "--data", str(path), "--target", "-1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        child.stdout.close()
        errors = child.stderr.read()

    assert errors == b""


# a person's own table


def test_own_classification_compares_three_models(csv_file, capsys):
    """Few distinct integers are classes; without a header the target is a number."""
    path = csv_file(numeric_rows())

    assert main(["--data", str(path), "--target", "-1", *FEW_EPOCHS]) == 0

    output = capsys.readouterr().out
    text = " ".join(output.split())
    assert "data.csv: 40 rows with 3 features" in text
    assert "'3', one of the 2 classes (classification)" in text
    assert "learns from 30 rows and is tested on the 10 others" in text
    assert len(rows_of_table(output)) == 3
    assert "same accuracy because they are the same model" in text
    assert "Logic gates" not in text


def test_own_regression_compares_two_models(csv_file, capsys):
    """Numbers that are no integers are values; targets in the millions are learned all the same."""
    X = np.random.RandomState(0).normal(size=(80, 2)).round(4)
    lines = [f"{a},{b},{1e6 * (a - b) + 5e6}" for a, b in X]
    path = csv_file(["a,b,price", *lines])

    assert main(["--data", str(path), "--target", "price", "--hidden", "20"]) == 0

    output = capsys.readouterr().out
    assert "Features and target are standardised" in output
    rows = rows_of_table(output)
    assert list(rows) == ["rosenblatt MLPRegressor", "scikit-learn MLPRegressor"]
    assert rows["rosenblatt MLPRegressor"][0] > 0.8
    assert "same R2 because they are the same model" in " ".join(output.split())


def test_limit_of_epochs_is_told_without_a_warning(csv_file, capsys, recwarn):
    """A ConvergenceWarning becomes a sentence."""
    path = csv_file(numeric_rows())

    main(["--data", str(path), "--target", "-1", *FEW_EPOCHS])

    text = " ".join(capsys.readouterr().out.split())
    assert "Stopped at the limit of 3 epochs while still improving" in text
    assert list(recwarn) == []


def read(path, target="-1", task=None):
    return read_table(path, target, task)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("header", [True, False])
def test_delimiter_and_header_are_found(delimiter, header, csv_file):
    """All delimiters, with and without names, give the same table."""
    names = [delimiter.join(["a", "b", "c", "kind"])] if header else []
    table = read(csv_file(names + numeric_rows(delimiter=delimiter)))

    expected = np.array([line.split(",") for line in numeric_rows()], dtype=float)
    assert ("kind" if header else "3") == table.target
    np.testing.assert_array_equal(expected[:, :3], table.X)
    np.testing.assert_array_equal(expected[:, 3], table.y)


@pytest.mark.parametrize(
    ("target", "name"), [("b", "b"), ("1", "b"), ("-3", "b"), ("a", "a"), ("-1", "kind")]
)
def test_target_is_a_name_or_a_number(target, name, csv_file):
    """Numbers count from 0, negative ones from the end."""
    table = read(csv_file(["a,b,c,kind", *numeric_rows()]), target)

    assert name == table.target
    assert table.X.shape == (40, 3)


def test_header_of_numbers_is_found_by_the_target_name(csv_file):
    """pandas names columns 0, 1, 2; a target that is named in the first line makes it a header."""
    table = read(csv_file(["0,1,2,target", *numeric_rows()]), "target")

    assert len(table.y) == 40


def test_gzip_blank_lines_quotes_spaces_and_byte_order_mark_are_read(tmp_path):
    """What spreadsheets and people put into files does no harm."""
    lines = ["\ufeffa, b, c, kind", "", *numeric_rows(), ' "1.5", "2" , 3, 1', ",,,", ""]
    path = tmp_path / "table.csv.gz"
    path.write_bytes(gzip.compress("\r\n".join(lines).encode()))

    table = read(path, "kind")

    assert len(table.y) == 41
    np.testing.assert_array_equal(table.X[-1], [1.5, 2, 3])


@pytest.mark.parametrize(
    ("targets", "told", "task"),
    [
        (["yes", "no"] * 10, None, "classification"),
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
    table = read(csv_file([f"{row},{target}" for row, target in enumerate(targets)]), "1", told)

    assert task == table.task
    if task == "classification":
        assert len(set(targets)) == len(np.unique(table.y))
    else:
        np.testing.assert_array_equal(np.array(targets, dtype=float), table.y)


GOOD = ["a,b,c,kind", *numeric_rows()]
UNREADABLE = {
    "empty": ([""], "-1", "is empty"),
    "one_column": (["a", "1", "2"], "-1", "the first line is a single column"),
    "only_header": (GOOD[:1], "-1", "has 0 rows of data; at least 10 are needed"),
    "few_rows": (GOOD[:8], "-1", "has 7 rows of data; at least 10 are needed"),
    "unknown_target": (GOOD, "size", "no column 'size'; the columns are: a, b, c, kind"),
    "unknown_number": (GOOD, "4", "no column '4'; the columns are: a, b, c, kind"),
    "number_without_header": (GOOD[1:], "-5", "no column '-5'; the columns are: 0, 1, 2, 3"),
    "name_without_header": (GOOD[1:], "kind", "no column 'kind'; the columns are: 0, 1, 2, 3"),
    "no_target": (GOOD, None, "say with --target which column to predict; the columns are: a, b"),
    "name_twice": (["a,b,b,c", *GOOD[1:]], "b", "2 columns are called 'b'; use a number"),
    "ragged": ([*GOOD, "1,2,3"], "-1", "line 42 has 3 values where line 1 has 4"),
    "ragged_twice": ([*GOOD, "1", "2"], "-1", "line 42 has 1 value where line 1 has 4; 2 lines"),
    "text": ([*GOOD, "1,red,3,1"], "-1", "column 'b', line 42: 'red' is not a number; turn text"),
    "text_twice": ([*GOOD, "red,red,3,1"], "-1", "'red' is not a number (nor are there only num"),
    "decimal_comma": (
        ["a;b", *["1,5;2"] * 20],
        "b",
        "column 'a', line 2: '1,5' is not a number (write decimals with a point)",
    ),
    "missing": (
        [*GOOD, ",2,3,1", "1,2,NaN,1", "NA,2,3,"],
        "-1",
        "3 of 43 rows have missing values, in 'a', 'c', 'kind'; delete these rows or fill the gaps",
    ),
    "infinite": ([*GOOD, "1,inf,3,1"], "-1", "column 'b', line 42: 'inf' is too large or infinite"),
    "overflow": ([*GOOD, "1,-1e400,3,1"], "-1", "line 42: '-1e400' is too large or infinite"),
    "huge": ([*GOOD, "1,2,3,1e200"], "-1", "column 'kind', line 42: '1e200' is too large"),
    "one_class": (
        [*[line[:-1] + "no" for line in GOOD[1:]]],
        "-1",
        "column '3' holds 'no' in every row: there is nothing to learn",
    ),
    "constant": ([f"{row},1.5" for row in range(20)], "1", "column '1' holds '1.5' in every row"),
    "rare_class": (
        [*GOOD, "1,2,3,7"],
        "-1",
        "1 class of 3 in the target have a single row, the first is in column 'kind', line 42: '7'",
    ),
    "many_classes": (
        [f"{row},{'abcdef'[row % 6]}" for row in range(12)],
        "1",
        "12 rows are too few for the 6 classes of column '1'; at least 24 are needed",
    ),
    "text_among_numbers": (
        [f"{row},{row}" for row in range(20)] + ["1,seven"],
        "1",
        "column '1', line 21: 'seven' is text among numbers; correct it, or add --task",
    ),
    "long_cell": ([*GOOD, "1," + "x" * 99 + ",3,1"], "-1", "line 42: '" + "x" * 37 + "...' is not"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_bad_tables_get_one_line_and_status_2(case, csv_file, capsys):
    """The message is one line on stderr, stdout stays empty."""
    lines, target, message = UNREADABLE[case]
    target_option = [] if target is None else ["--target", target]

    assert main(["--data", str(csv_file(lines)), *target_option]) == 2

    output = capsys.readouterr()
    assert output.out == ""
    assert message in output.err
    assert output.err.startswith("rosenblatt: error: ")
    assert output.err.count("\n") == 1


def test_regression_of_text_is_refused(csv_file, capsys):
    """What is told by --task must fit the target."""
    path = csv_file([f"{row},{'yes' if row % 2 else 'no'}" for row in range(20)])

    assert main(["--data", str(path), "--target", "1", "--task", "regression"]) == 2

    assert "column '1', line 1: 'no' is not a number; a regression" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot read"),
        (b"\xff\xfea\x00,\x00b\x00", "is not text in UTF-8"),
        (b"a,b\n1,\x00\n", "is not text in UTF-8"),
        (gzip.compress(b"a,b\n" * 99)[:-9], "cannot read"),
        (b"\x1f\x8bno gzip at all", "cannot read"),
        (b"a,b\n" + b"x" * 200_000 + b",1\n", "line 2 cannot be read: field larger"),
    ],
    ids=["no_file", "utf16", "nul", "cut_gzip", "no_gzip", "huge_cell"],
)
def test_bad_files_get_one_line_and_status_2(content, message, tmp_path, capsys):
    """Files that are no text are told as such, never with a traceback."""
    path = tmp_path / "data.csv"
    if content is not None:
        path.write_bytes(content)

    assert main(["--data", str(path), "--target", "-1"]) == 2

    output = capsys.readouterr()
    assert message in output.err
    assert output.err.count("\n") == 1


def test_folder_instead_of_a_file_is_told(tmp_path, capsys):
    """A folder is no file."""
    assert main(["--data", str(tmp_path), "--target", "-1"]) == 2

    assert "cannot read" in capsys.readouterr().err


def test_header_of_numbers_with_one_name_is_a_header(tmp_path, capsys):
    """Text above nothing but numbers is a name, even next to names that are numbers."""
    rows = [f"{i},{i * i % 7},{i % 2}" for i in range(40)]
    path = tmp_path / "table.csv"
    path.write_text("\n".join(["0,1,target", *rows]))
    assert main(["--data", str(path), "--target=-1", "--max-iter", "2"]) == 0
    assert "'target'" in capsys.readouterr().out
