"""The plot of a training shows the values of history_."""

import numpy as np
import pytest
from problems import diabetes, iris
from rendering import overlapping_texts
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from rosenblatt import MLPClassifier, MLPRegressor, PerceptronClassifier
from rosenblatt.plot import TrainingDisplay

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

COLUMNS = ("loss", "validation_loss", "validation_score", "learning_rate", "gradient_norm")


def classifier(**options):
    """A small net that trained for twelve epochs."""
    options = {"max_iter": 12, "tol": 0, "random_state": 0, **options}
    return MLPClassifier((6,), **options).fit(*iris())


def test_lines_are_the_history():
    """Each column over epochs from 1, in its panel, with both axes named."""
    model = classifier(early_stopping=True)
    display = TrainingDisplay.from_estimator(model)
    assert display.panels_ == ("loss", "score", "learning_rate", "gradient_norm")
    assert set(display.lines_) == set(COLUMNS)
    for column, line in display.lines_.items():
        np.testing.assert_array_equal(line.get_xdata(), np.arange(1, 13))
        np.testing.assert_array_equal(line.get_ydata(), model.history_[column])
    labels = [ax.get_ylabel() for ax in display.axes_]
    assert labels == ["loss", "validation\naccuracy", "learning\nrate", "gradient\nnorm"]
    assert display.axes_[-1].get_xlabel() == "epoch"
    assert display.figure_ is display.axes_[0].figure
    assert display.axes_[0].get_title() == "Training of MLPClassifier"


def test_only_what_was_recorded_is_drawn():
    """Without validation rows there is neither their loss nor a score."""
    display = TrainingDisplay.from_estimator(classifier())
    assert display.panels_ == ("loss", "learning_rate", "gradient_norm")
    assert set(display.lines_) == {"loss", "learning_rate", "gradient_norm"}
    assert display.axes_[0].get_legend() is None


def test_the_best_epoch_is_marked():
    """A ring around the highest score, whose epoch the legend says."""
    history = {"loss": [3.0, 2.0, 1.0], "validation_score": [0.5, 0.9, 0.7]}
    display = TrainingDisplay.from_history(history, score_name="F1")
    axes = display.axes_[1]
    np.testing.assert_array_equal(axes.collections[0].get_offsets(), [[2, 0.9]])
    assert "best: epoch 2" in [text.get_text() for text in axes.get_legend().get_texts()]
    assert axes.get_ylabel() == "F1"


def test_score_that_is_the_loss_is_not_drawn_twice():
    """scoring='loss': unless it is asked for."""
    model = classifier(early_stopping=True, scoring="loss")
    assert TrainingDisplay.from_estimator(model).panels_[:2] == ("loss", "learning_rate")
    display = TrainingDisplay.from_estimator(model, panels=["score"])
    assert display.axes_[0].get_ylabel() == "negative\nvalidation loss"


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (MLPClassifier(scoring="balanced_accuracy"), "validation\nbalanced accuracy"),
        (MLPRegressor(), "validation\n$R^2$"),
        (MLPRegressor(scoring=lambda estimator, X, y: 1.0), "validation\nscore"),
    ],
)
def test_score_has_its_name(model, name):
    """As `scoring` says it."""
    X, y = iris() if isinstance(model, MLPClassifier) else diabetes()
    model.set_params(hidden_layer_sizes=(3,), max_iter=2, early_stopping=True).fit(X, y)
    assert TrainingDisplay.from_estimator(model).axes_[1].get_ylabel() == name


def test_values_over_decades_are_drawn_on_a_log_scale():
    """Two and more, if all are positive; a constant learning rate is shown above 0."""
    history = {
        "loss": [100.0, 10.0, 1.0],
        "validation_loss": [100.0, 10.0, -1.0],
        "learning_rate": [0.1, 0.1, 0.1],
        "gradient_norm": [100.0, 10.0, 0.9],
    }
    loss, rate, gradient = TrainingDisplay.from_history(history).axes_
    assert [ax.get_yscale() for ax in (loss, rate, gradient)] == ["linear", "linear", "log"]
    assert rate.get_ylim()[0] == 0


def test_legend_of_a_comparison_covers_no_line():
    """Curves that leave no room anywhere: it stands above the axes, below a title for them all."""
    rng = np.random.RandomState(0)
    axes = None
    for name in ("one", "another"):
        model = classifier(early_stopping=True)
        model.history_["loss"] = list(rng.uniform(size=len(model.history_["loss"])))
        display = TrainingDisplay.from_estimator(model, name=name, ax=axes)
        axes = display.axes_
    top = axes[0]
    display.figure_.canvas.draw()
    legend, title = top.get_legend().get_window_extent(), top.title.get_window_extent()
    assert legend.y0 >= top.get_window_extent().y1
    assert legend.y1 <= title.y0
    assert title.y1 <= display.figure_.bbox.y1
    assert top.get_title() == "Training"  # of both


def test_trainings_are_compared_in_the_same_axes():
    """Each has its style in every panel; the legend names them, validation dashed and hollow."""
    first = TrainingDisplay.from_estimator(classifier(early_stopping=True), name="adam")
    model = classifier(early_stopping=True, solver="sgd", learning_rate_init=0.1)
    second = TrainingDisplay.from_estimator(model, name="sgd", ax=first.axes_)
    assert second.axes_.tolist() == first.axes_.tolist()
    labels = [text.get_text() for text in first.axes_[0].get_legend().get_texts()]
    assert labels == ["adam, training", "adam, validation", "sgd, training", "sgd, validation"]
    colors = [{line.get_color() for line in each.lines_.values()} for each in (first, second)]
    assert [len(each) for each in colors] == [1, 1]
    assert colors[0] != colors[1]
    for column in ("validation_loss", "validation_score"):
        assert second.lines_[column].get_fillstyle() == "none"
    assert all(ax.get_legend() is None for ax in first.axes_[1:])
    # 0.001 and 0.1: the second spans decades with the first, which lay above 0
    low, high = first.axes_[list(first.panels_).index("learning_rate")].get_ylim()
    assert 0 < low < 0.001
    assert high > 0.1


def test_lines_take_what_plot_takes():
    """Also by the short names."""
    display = TrainingDisplay.from_estimator(classifier(), c="red", linewidth=3, ls=":")
    for line in display.lines_.values():
        assert (line.get_color(), line.get_linewidth(), line.get_linestyle()) == ("red", 3, ":")


def test_panels_are_drawn_in_the_place_of_one_axes():
    """The frame shows nothing any more; a single panel takes the axes themselves."""
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2)
    one = TrainingDisplay.from_estimator(classifier(), ax=left, panels="loss")
    assert one.axes_.tolist() == [left]
    several = TrainingDisplay.from_estimator(classifier(), ax=right)
    assert several.figure_ is figure
    assert not right.axison
    frame = right.get_position()
    for ax in several.axes_:
        place = ax.get_position()
        assert frame.x0 - 1e-9 <= place.x0 < place.x1 <= frame.x1 + 1e-9
        assert frame.y0 - 1e-9 <= place.y0 < place.y1 <= frame.y1 + 1e-9
    free = plt.figure().add_axes((0.2, 0.3, 0.5, 0.6))
    panels = TrainingDisplay.from_estimator(classifier(), ax=free).axes_
    np.testing.assert_allclose([ax.get_position().x0 for ax in panels], 0.2)
    np.testing.assert_allclose(panels[-1].get_position().y0, 0.3)
    np.testing.assert_allclose(panels[0].get_position().y1, 0.9)


def test_panels_are_legible_in_a_quarter_of_a_figure():
    """Four in some four inches."""
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(2, 2, figsize=(13, 10), layout="constrained")
    for ax in axes.flat:
        TrainingDisplay.from_estimator(classifier(early_stopping=True), ax=ax)
    assert overlapping_texts(figure) == []


def test_iterations_of_lbfgs_are_drawn():
    """Loss and gradient norm; there is no rate."""
    model = classifier(solver="lbfgs")
    display = TrainingDisplay.from_estimator(model)
    assert display.panels_ == ("loss", "gradient_norm")
    assert display.axes_[-1].get_xlabel() == "iteration"
    np.testing.assert_array_equal(display.lines_["loss"].get_ydata(), model.history_["loss"])


def test_histories_of_every_kind():
    """A data frame, a dict with the loss alone, one epoch, gaps."""
    model = classifier()
    frame = TrainingDisplay.from_history(model.history_.to_frame())
    np.testing.assert_array_equal(frame.lines_["loss"].get_ydata(), model.loss_curve_)
    alone = TrainingDisplay.from_history({"loss": model.loss_curve_}, title="mine")
    assert alone.panels_ == ("loss",)
    assert alone.axes_[0].get_title() == "mine"
    one = TrainingDisplay.from_history({"loss": [0.5]})
    assert one.lines_["loss"].get_marker() == "o"
    scores = [np.nan, 0.3, np.nan]
    gaps = TrainingDisplay.from_history({"loss": [3, 2, 1], "validation_score": scores})
    np.testing.assert_array_equal(gaps.axes_[1].collections[0].get_offsets(), [[2, 0.3]])


@pytest.mark.parametrize("names", [(None, None, None), (None, "b", "c"), ("a", "b", "c")])
def test_trainings_are_told_apart(names):
    """By colours of their own in every panel; the one legend stands above all, and the title names
    none of them. Without names they have numbers."""
    axes, colours = None, []
    for seed, name in enumerate(names):
        model = classifier(early_stopping=True, random_state=seed)
        display = TrainingDisplay.from_estimator(model, ax=axes, name=name)
        axes = display.axes_
        colours.append({line.get_color() for line in display.lines_.values()})
    assert not set.intersection(*colours)
    assert len(set.union(*colours)) == sum(map(len, colours))
    display.figure_.canvas.draw()
    labels = [text.get_text() for text in axes[0].get_legend().get_texts()]
    assert len(set(labels)) == len(labels) == 6
    if names[1] is None:
        assert labels[:4] == ["training", "validation", "training 2", "validation 2"]
    box = axes[0].get_legend().get_window_extent()
    assert box.y0 >= axes[0].get_window_extent().y1 - 1
    assert all(each.get_legend() is None for each in axes[1:])
    assert axes[0].get_title() == "Training"


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: TrainingDisplay.from_estimator(MLPClassifier()), NotFittedError, "not fitted"),
        (
            lambda: TrainingDisplay.from_estimator(PerceptronClassifier().fit(*iris())),
            TypeError,
            "requires a fitted MLPClassifier or MLPRegressor, .* got PerceptronClassifier",
        ),
        (
            lambda: TrainingDisplay.from_estimator(
                make_pipeline(StandardScaler(), MLPClassifier())
            ),
            NotFittedError,
            "Pipeline is not fitted",
        ),
        (
            lambda: TrainingDisplay.from_estimator(
                GridSearchCV(MLPClassifier((2,), max_iter=2), {"alpha": [0.1]}, cv=2)
            ),
            TypeError,
            "got GridSearchCV. Fit this search first, with refit=True",
        ),
        (
            lambda: TrainingDisplay.from_history({"losses": [1.0]}),
            ValueError,
            r"must have the column 'loss', got \['losses'\]",
        ),
        (
            lambda: TrainingDisplay.from_history({"loss": []}),
            ValueError,
            "no epoch has a finite loss",
        ),
        (
            lambda: TrainingDisplay.from_history({"loss": [1, 2], "gradient_norm": [1.0]}),
            ValueError,
            r"one value per epoch, got {'loss': 2, 'gradient_norm': 1}",
        ),
        (
            lambda: TrainingDisplay.from_estimator(classifier(), panels=["losses"]),
            ValueError,
            r"panels must be a list with items of \['loss', .* got \['losses'\]",
        ),
        (
            lambda: TrainingDisplay.from_estimator(classifier(), panels=["score"]),
            ValueError,
            "no score was recorded. Fit with early_stopping=True or with X_val",
        ),
        (
            lambda: TrainingDisplay.from_estimator(classifier(), ax=[None, None]),
            ValueError,
            r"array of 2 axes, and 3 panels are to be drawn, .*: give as "
            "many axes.*give both the same panels",
        ),
    ],
)
def test_bad_input_gets_the_way_out(call, error, message):
    """And no picture is begun."""
    from matplotlib import pyplot as plt

    with pytest.raises(error, match=message):
        call()
    assert plt.get_fignums() == []
