"""Imports, in fresh processes: `import rosenblatt` stays fast."""

import subprocess
import sys

import pytest

import rosenblatt


def printed(code):
    """What a new Python prints."""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_what_takes_time_is_loaded_on_first_use():
    """Metrics, model selection, plots, inspection and diagnosis; dir() shows their names before."""
    code = """
import sys, rosenblatt
print(*sys.modules)
print(*dir(rosenblatt))
print(rosenblatt.plot.__name__, rosenblatt.inspection.__name__, rosenblatt.diagnose.__name__)
print(*sys.modules)
"""
    first, names, loaded, then = (line.split() for line in printed(code).splitlines())
    assert "sklearn.base" in first
    subpackages = {f"rosenblatt.{name}" for name in ("plot", "inspection", "diagnosis")}
    later = {"sklearn.metrics", "sklearn.model_selection", "matplotlib", "tqdm", "polars"}
    later |= {"onnx", "rosenblatt.export"}
    assert not (subpackages | later) & set(first)
    assert {"plot", "inspection", "diagnose"} <= set(names)
    assert loaded == ["rosenblatt.plot", "rosenblatt.inspection", "diagnose"]
    assert subpackages <= set(then)
    assert "matplotlib" not in then
    with pytest.raises(AttributeError, match="nothing"):
        _ = rosenblatt.nothing


def test_what_is_optional_may_be_missing():
    """Arrays and the command without a file need no pandas; a plot says what it needs."""
    code = """
import sys
for name in ("pandas", "polars", "pyarrow", "matplotlib"):
    sys.modules[name] = None  # importing it fails
import rosenblatt.__main__
from rosenblatt.command_line import _digits_report, _logic_gates
from rosenblatt.preprocessing import TabularPreprocessor
print(TabularPreprocessor().fit_transform([[1, 2.5], [2, 3.5], [4, 9]]).shape[0])
try:
    rosenblatt.plot.TrainingDisplay.from_history({'loss': [1.0]})
except ImportError as error:
    print(error)
"""
    assert printed(code) == "3\nTrainingDisplay requires matplotlib: pip install matplotlib\n"
