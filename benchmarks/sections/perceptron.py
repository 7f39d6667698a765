"""Rosenblatt's rule on dense and on sparse rows."""

from sklearn.linear_model import Perceptron

from benchmarks import problems, timing
from benchmarks.report import comparison
from benchmarks.timing import OURS, in_turn, timed
from rosenblatt import PerceptronClassifier


def perceptron(settings, report):
    """Fits of the perceptron with default parameters, dense and sparse."""
    n_rows, n_words = (2_000, 5_000) if settings.quick else (20_000, 50_000)
    data = {
        "digits, 10 classes": problems.digits("float64"),
        **{
            f"{n_rows:,} texts, {classes} classes": problems.text_like(n_rows, n_words, classes)
            for classes in (2, 20)
        },
    }
    classes = {OURS: PerceptronClassifier}
    if settings.with_peers:
        classes["scikit-learn"] = Perceptron
    table = report.table(
        "PerceptronClassifier().fit, milliseconds",
        comparison(
            "data",
            classes,
            "ms",
            **{
                f"epochs of {name}": ("our epochs" if name == OURS else "their epochs", "count")
                for name in classes
            },
            ratio_per_epoch=("ratio an epoch", "times"),
        ),
        notes=[
            "float64, one thread; texts: about 100 of "
            f"{n_words:,} words a row, CSR, frequencies as in Zipf's law",
            "epochs: until the last class stopped; the rules differ, see "
            "docs/differences_from_scikit_learn.md",
        ],
    )
    with timing.threads(1):
        for name, (X, y) in data.items():
            models = {contender: kind().fit(X, y) for contender, kind in classes.items()}
            functions = {contender: timed(model.fit, X, y) for contender, model in models.items()}
            row = in_turn(functions, settings.rounds, name).as_row()
            for contender, model in models.items():
                row[f"epochs of {contender}"] = int(model.n_iter_)
            if "ratio" in row:
                epochs = [row[f"epochs of {contender}"] for contender in classes]
                row["ratio_per_epoch"] = row["ratio"] * epochs[0] / epochs[1]
            table.add(name=name, **row)
