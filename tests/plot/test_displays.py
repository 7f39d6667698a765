"""Properties of all displays: they render legibly and do not change matplotlib's settings."""

import doctest
import importlib
import re
from pathlib import Path

import numpy as np
import pytest
from problems import iris
from rendering import overlapping_texts, rendered, texts_outside
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from rosenblatt import MLPClassifier, plot
from rosenblatt.callbacks import Trajectory
from rosenblatt.plot import _style

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def fitted(**options):
    """A small net that trained for twenty epochs."""
    options = {"max_iter": 20, "tol": 0, "random_state": 0, **options}
    return MLPClassifier((6,), **options).fit(*iris())


def training(**options):
    return plot.TrainingDisplay.from_estimator(fitted(early_stopping=True), **options)


def weights(**options):
    return plot.WeightsDisplay.from_estimator(fitted(), **options)


def diagnosis(**options):
    X, y = iris()
    model = MLPClassifier((3,), max_iter=5, random_state=0).fit(X, y)
    return plot.DiagnosisDisplay.from_estimator(model, X, y, X, y, verbose=False, **options)


def loss_surface(**options):
    model = fitted(callbacks=[Trajectory()])
    return plot.LossSurfaceDisplay.from_estimator(model, *iris(), grid_resolution=8, **options)


def spectrum(**options):
    quick = {"k": 4, "n_probes": 2, "n_steps": 10, "random_state": 0, "progress": False}
    return plot.SpectrumDisplay.from_estimator(fitted(), *iris(), **quick, **options)


def test_pictures_take_pipelines():
    """They show the last step, on rows as the others transform them."""
    X, y = iris()
    pipeline = make_pipeline(StandardScaler(), fitted()).fit(X, y)
    scaler, net = pipeline
    options = {"grid_resolution": 3, "directions": "random", "progress": False}
    surfaces = [
        plot.LossSurfaceDisplay.from_estimator(model, rows, y, **options)
        for model, rows in ((pipeline, X), (net, scaler.transform(X)))
    ]
    np.testing.assert_allclose(surfaces[0].losses, surfaces[1].losses, rtol=1e-12)
    images = plot.WeightsDisplay.from_estimator(pipeline).images
    np.testing.assert_array_equal(images, plot.WeightsDisplay.from_estimator(net).images)
    assert plot.TrainingDisplay.from_estimator(pipeline).title == "Training of MLPClassifier"


# one way to draw each display of rosenblatt.plot
DISPLAYS = {
    "DiagnosisDisplay": diagnosis,
    "LossSurfaceDisplay": loss_surface,
    "SpectrumDisplay": spectrum,
    "TrainingDisplay": training,
    "WeightsDisplay": weights,
}


def test_every_display_is_tested():
    """A new one is a row of DISPLAYS."""
    assert set(DISPLAYS) == set(plot.__all__)


@pytest.mark.parametrize("name", DISPLAYS)
def test_default_picture_is_legible(name):
    """At its default size no text lies over another and none is cut; nothing warns."""
    figure = DISPLAYS[name]().figure_
    assert rendered(figure)[:4] == b"\x89PNG"
    assert overlapping_texts(figure) == []
    assert texts_outside(figure) == []


@pytest.mark.parametrize("name", DISPLAYS)
@pytest.mark.parametrize("layout", [None, "constrained", "tight"])
def test_picture_in_given_axes(name, layout):
    """It is drawn there, and leaves the neighbour alone."""
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 6), layout=layout)
    right.plot([1, 2])
    assert DISPLAYS[name](ax=left).figure_ is figure
    rendered(figure)
    assert len(plt.get_fignums()) == 1
    assert len(right.lines) == 1
    assert right.get_title() == ""


@pytest.mark.parametrize("name", DISPLAYS)
def test_picture_can_be_drawn_again(name):
    """`plot` of a display draws what its making drew, and returns itself."""
    display = DISPLAYS[name]()
    before = rendered(display.figure_)
    assert display.plot() is display
    assert rendered(display.figure_) == before


@pytest.mark.parametrize("name", sorted({f"{getattr(plot, n).__module__}" for n in DISPLAYS}))
def test_docstring_examples(name):
    """Every example prints what stands below it."""
    failed, attempted = doctest.testmod(importlib.import_module(name))
    assert attempted > 0
    assert failed == 0


def test_examples_of_the_page_run(tmp_path, monkeypatch):
    """Every block of code of docs/plots.md, one after another, and each display is on it."""
    monkeypatch.chdir(tmp_path)
    text = (Path(__file__).parents[2] / "docs" / "plots.md").read_text()
    names = {}
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(block, names)
    assert set(plot.__all__) <= set(names)


def test_series_are_told_apart_without_colour():
    """No two have the same line or the same marker; their colours differ in lightness too."""
    from matplotlib.colors import to_rgb

    styles = _style.SERIES
    assert len({str(style["linestyle"]) for style in styles}) == len(styles)
    assert len({style["marker"] for style in styles}) == len(styles)
    assert len({style["color"] for style in styles}) == len(styles)
    lightness = [np.dot([0.2126, 0.7152, 0.0722], to_rgb(style["color"])) for style in styles]
    assert all(each < 0.75 for each in lightness)  # seen on white
