"""What is measured: a module a concern, a function a section, a table for each comparison.

A section is a function of (settings, report). It makes its tables with `report.table` and raises
`SkippedError` with the reason where it cannot run.
"""

from benchmarks.sections.accuracy import accuracy
from benchmarks.sections.digits import digits
from benchmarks.sections.imports import imports
from benchmarks.sections.layers import layers
from benchmarks.sections.machines import machines
from benchmarks.sections.memory import memory
from benchmarks.sections.perceptron import perceptron
from benchmarks.sections.prediction import prediction
from benchmarks.sections.search import search
from benchmarks.sections.steps import isa, steps, threads
from benchmarks.sections.sweep import sweep
from benchmarks.sections.tables import tables

SECTIONS = {
    "digits": digits,
    "steps": steps,
    "layers": layers,
    "isa": isa,
    "threads": threads,
    "search": search,
    "prediction": prediction,
    "perceptron": perceptron,
    "memory": memory,
    "import": imports,
    "accuracy": accuracy,
    "sweep": sweep,
    "tables": tables,
    "machines": machines,
}
