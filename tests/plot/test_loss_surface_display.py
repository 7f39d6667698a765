"""The loss on a plane: against scikit-learn's log loss, a closed form, and the drawn artists."""

import copy

import numpy as np
import pytest
from problems import diabetes, digits, iris
from rendering import overlapping_texts, rendered, texts_outside
from sklearn.exceptions import NotFittedError
from sklearn.metrics import log_loss

from rosenblatt import MLPClassifier, MLPRegressor, PerceptronClassifier
from rosenblatt.callbacks import Trajectory
from rosenblatt.plot import LossSurfaceDisplay

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

GRID = {"grid_resolution": 4}


def network(**options):
    """A small net with the path of its training."""
    options = {"max_iter": 12, "tol": 0, "alpha": 0.3, "random_state": 0, **options}
    return MLPClassifier((6,), callbacks=[Trajectory()], **options).fit(*iris())


def loss_at(model, parameters, X, y):
    """Log loss and penalty by scikit-learn and NumPy."""
    twin, start = copy.deepcopy(model), 0
    for arrays in (twin.coefs_, twin.intercepts_):
        for array in arrays:
            array[:] = parameters[start : start + array.size].reshape(array.shape)
            start += array.size
    squares = sum((coef**2).sum() for coef in twin.coefs_)
    penalty = 0.5 * model.alpha * squares / model.batch_size_
    return log_loss(y, twin.predict_proba(X)) + penalty


@pytest.mark.parametrize("directions", ["random", "path", (2, 30)])
def test_losses_are_those_of_the_moved_network(directions):
    """At every point of the grid; rows are along y, columns along x."""
    model, (X, y) = network(), iris()
    display = LossSurfaceDisplay.from_estimator(
        model, X, y, directions=directions, extent=(-0.5, 1, -0.25, 2), grid_resolution=3
    )
    assert display.x.tolist() == [-0.5, 0.25, 1]
    assert display.y.tolist() == [-0.25, 0.875, 2]
    # the plane is found again from the picture's own numbers
    from rosenblatt.callbacks import flat_parameters
    from rosenblatt.plot._plane import plane_through

    path = model.callbacks[0].parameters_
    plane = plane_through(model, flat_parameters(model), directions, path, 0)
    for i, b in enumerate(display.y):
        for j, a in enumerate(display.x):
            expected = loss_at(model, plane.point(a, b), X, y)
            assert display.losses[i, j] == pytest.approx(expected, rel=1e-10)


def test_valley_of_two_weights():
    """Half the mean squared error of a linear net over its two weights, in closed form."""
    X = np.random.RandomState(0).normal(size=(50, 2)) * [1, 10]
    y = X @ [2.0, -1.0]
    model = MLPRegressor((), alpha=0, max_iter=3, random_state=0).fit(X, y)
    display = LossSurfaceDisplay.from_estimator(
        model, X, y, directions=(0, 1), intercepts=False, extent=(0, 4, -2, 0), **GRID
    )
    for i, b in enumerate(display.y):
        for j, a in enumerate(display.x):
            expected = 0.5 * np.mean((X @ [a, b] + model.intercepts_[0] - y) ** 2)
            assert display.losses[i, j] == pytest.approx(expected, rel=1e-10)
    np.testing.assert_allclose(display.estimator_at, model.coefs_[0].ravel())
    assert display.ax_.get_xlabel() == "coefs_[0][0, 0]"
    assert display.ax_.get_ylabel() == "coefs_[0][1, 0]"


def test_path_of_the_callback_is_drawn():
    """Projected, with its first point and the estimator; the title says what the plane shows."""
    model = network()
    display = LossSurfaceDisplay.from_estimator(model, *iris(), **GRID)
    assert display.path.shape == (12, 2)
    line = display.path_
    np.testing.assert_array_equal(np.transpose(line.get_data()), display.path)
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert labels == ["path of the training", "its first point", "the estimator"]
    # the last point is where the estimator is
    np.testing.assert_allclose(display.path[-1], display.estimator_at, atol=1e-9)
    share = f"{display.path_variance:.0%}"
    assert display.ax_.get_title() == (
        f"Loss of MLPClassifier over 150 rows\nthe plane shows {share} of the path's variance"
    )
    assert display.x[0] < display.path[:, 0].min()
    assert display.y[-1] > display.path[:, 1].max()


@pytest.mark.parametrize("intercepts", [True, False])
def test_path_can_be_handed_in(intercepts):
    """As a Trajectory or an array; without intercepts its weights are taken."""
    model = network()
    path = model.callbacks[0]
    options = {"intercepts": intercepts, **GRID}
    own = LossSurfaceDisplay.from_estimator(model, *iris(), **options)
    # in whichever parameters: it ends where the estimator is
    np.testing.assert_allclose(own.path[-1], (0, 0), atol=1e-9)
    other = copy.deepcopy(model).set_params(callbacks=None)
    for given in (path, path.parameters_, path.parameters_.tolist()):
        display = LossSurfaceDisplay.from_estimator(other, *iris(), path=given, **options)
        np.testing.assert_allclose(display.path, own.path)
        np.testing.assert_allclose(display.losses, own.losses)


def test_without_a_path_directions_are_random():
    """One to each side, the estimator in the middle."""
    model = network().set_params(callbacks=None)
    display = LossSurfaceDisplay.from_estimator(model, *iris(), **GRID)
    assert display.path is display.path_ is display.path_variance is None
    assert (display.x[0], display.x[-1], display.y[0], display.y[-1]) == (-1, 1, -1, 1)
    assert display.ax_.get_xlabel() == "first random direction"
    assert display.ax_.get_title() == "Loss of MLPClassifier over 150 rows"
    assert len(display.ax_.lines) == 1


@pytest.mark.parametrize("kind", ["contour", "surface"])
def test_a_path_out_of_view_is_in_no_legend(kind):
    """The title says where it is."""
    model = network()
    away = model.callbacks[0].parameters_ + 1e3
    options = {"directions": "random", "kind": kind, **GRID}
    display = LossSurfaceDisplay.from_estimator(model, *iris(), path=away, extent=1, **options)
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert labels == ["the estimator"]
    assert "the path of training is outside" in display.ax_.get_title()
    # its end alone
    away[-1] = model.callbacks[0].parameters_[-1]
    display = LossSurfaceDisplay.from_estimator(model, *iris(), path=away, extent=1, **options)
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert labels == ["path of the training", "the estimator"]
    assert "outside" not in display.ax_.get_title()
    # in view, and hardly longer than the mark of the estimator
    near = model.callbacks[0].parameters_[-1] + 1e-4 * np.eye(2, model.n_parameters_)
    display = LossSurfaceDisplay.from_estimator(model, *iris(), path=near, extent=1, **options)
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert labels == ["the estimator"]
    assert "path of training is too short to be seen" in display.ax_.get_title()


def test_star_of_two_parameters_is_at_their_values():
    """The first number is the horizontal one; the path's places are told in the same order."""
    model = network()
    display = LossSurfaceDisplay.from_estimator(model, *iris(), directions=(1, 7), **GRID)
    star = next(line for line in display.ax_.lines if line.get_marker() == "*")
    at = model.coefs_[0].ravel()[[1, 7]]
    assert abs(at[0] - at[1]) > 0.1
    np.testing.assert_allclose(np.ravel(star.get_data()), at)
    np.testing.assert_allclose(display.path[-1], at)


def test_random_directions_show_at_least_the_weights_own_length():
    """A path that hardly leaves the middle does not shrink the picture."""
    display = LossSurfaceDisplay.from_estimator(network(), *iris(), directions="random", **GRID)
    assert display.x[0] <= -1
    assert display.y[-1] >= 1
    assert "of the path's variance" in display.ax_.get_title()


def test_contours_are_at_logarithmic_levels():
    """From the lowest loss to the highest, at most six decades below it."""
    from matplotlib.colors import LogNorm

    x = np.linspace(0, 1, 5)
    losses = np.outer(np.ones(5), [1e-9, 1e-3, 1e-2, 1, 10])
    display = LossSurfaceDisplay(losses=losses, x=x, y=x).plot(levels=7)
    np.testing.assert_allclose(display.surface_.levels, np.geomspace(1e-5, 10, 8))
    assert isinstance(display.surface_.norm, LogNorm)
    assert display.surface_.extend == "min"
    assert display.colorbar_.ax.get_ylabel() == "loss (log scale)"
    some = LossSurfaceDisplay(losses=losses + 1, x=x, y=x).plot()
    np.testing.assert_allclose(some.surface_.levels, np.geomspace(1, 11, 21))
    assert some.surface_.extend == "neither"


@pytest.mark.parametrize("kind", ["contour", "surface"])
@pytest.mark.parametrize("values", [[-1, 2, 3], [0, 0, 0], [5, 5, 5], [0, 1, 2]])
def test_losses_of_any_sign_are_drawn(kind, values):
    """Linear where there are negative ones, one colour where all are the same."""
    losses = np.array([values, values[::-1], values], dtype=float)
    x = [0, 1, 2]
    display = LossSurfaceDisplay(losses=losses, x=x, y=x, estimator_at=(1, 1)).plot(kind=kind)
    axis = display.ax_.get_zlabel() if kind == "surface" else display.colorbar_.ax.get_ylabel()
    assert axis == ("loss (log scale)" if values == [0, 1, 2] else "loss")
    rendered(display.figure_)


@pytest.mark.parametrize("kind", ["contour", "surface"])
def test_losses_that_are_not_finite_are_left_out(kind):
    """The others keep their levels; none at all is an error."""
    losses = np.array([[1.0, np.inf, 3], [2, 5, np.nan], [1, 2, 3]])
    x = [0, 1, 2]
    display = LossSurfaceDisplay(losses=losses, x=x, y=x).plot(kind=kind)
    rendered(display.figure_)
    if kind == "contour":
        assert display.surface_.levels[0] == 1
        assert display.surface_.levels[-1] == pytest.approx(5)
    with pytest.raises(ValueError, match="No loss on the grid is finite: pass a smaller extent"):
        LossSurfaceDisplay(losses=losses * np.nan, x=x, y=x).plot(kind=kind)


def test_surface_has_the_path_on_it():
    """Its heights are logarithms of the losses, read off between the grid's points."""
    model = network()
    display = LossSurfaceDisplay.from_estimator(model, *iris(), kind="surface", **GRID)
    x, y, z = display.path_.get_data_3d()
    np.testing.assert_array_equal(np.transpose([x, y]), display.path)
    logs = np.log10(display.losses)
    assert ((z >= logs.min()) & (z <= logs.max())).all()
    # on the grid's own points it is the loss there
    on_grid = np.array([[display.x[1], display.y[2]], [display.x[3], display.y[0]]])
    again = LossSurfaceDisplay(losses=display.losses, x=display.x, y=display.y, path=on_grid)
    z = again.plot(kind="surface").path_.get_data_3d()[2]
    np.testing.assert_allclose(z, [logs[2, 1], logs[0, 3]])


@pytest.mark.parametrize("directions", ["random", "path", (0, 1)])
def test_surface_is_legible(directions):
    """In space labels have less room."""
    display = LossSurfaceDisplay.from_estimator(
        network(), *iris(), directions=directions, kind="surface", **GRID
    )
    assert overlapping_texts(display.figure_) == []
    assert texts_outside(display.figure_) == []


def test_surface_in_given_axes():
    """Three-dimensional ones."""
    from matplotlib import pyplot as plt

    figure = plt.figure()
    ax = figure.add_subplot(1, 2, 2, projection="3d")
    display = LossSurfaceDisplay.from_estimator(
        network(), *iris(), kind="surface", ax=ax, cmap="cividis", **GRID
    )
    assert display.ax_ is ax
    assert display.surface_.get_cmap().name == "cividis"
    assert plt.get_fignums() == [figure.number]


@pytest.mark.parametrize("solver", ["lbfgs", "adam"])
def test_regressors_and_float32(solver):
    """Every network has a surface; its dtype does not matter."""
    X, y = diabetes()
    model = MLPRegressor((5,), solver=solver, dtype="float32", max_iter=20).fit(X, y)
    display = LossSurfaceDisplay.from_estimator(model, X, y, progress=True, **GRID)
    assert display.losses.dtype == np.float64
    assert np.isfinite(display.losses).all()


def surface(model=None, data=None, **options):
    """A picture of a small net, unless something is wrong."""
    model = network() if model is None else model
    return LossSurfaceDisplay.from_estimator(model, *(data or iris()), **{**GRID, **options})


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"model": MLPClassifier()}, NotFittedError, "not fitted"),
        ({"model": PerceptronClassifier().fit(*iris())}, TypeError, "LossSurfaceDisplay requires"),
        ({"data": digits()}, ValueError, "64 features"),
        ({"kind": "wireframe"}, ValueError, "kind must be 'contour' or 'surface', got 'wire"),
        ({"grid_resolution": 1}, ValueError, "grid_resolution must be an int of at least 2, got 1"),
        ({"levels": 1}, ValueError, "levels must be an int of at least 2, got 1"),
        ({"extent": 0}, ValueError, "extent must be a positive number or .* got 0"),
        ({"extent": np.inf}, ValueError, "extent must be a positive number"),
        ({"extent": (0, 1)}, ValueError, r"extent must be .* got \(0, 1\)"),
        ({"extent": (1, 0, 0, 1)}, ValueError, "extent must be"),
        ({"extent": (0, np.nan, 0, 1)}, ValueError, "extent must be"),
        ({"path": Trajectory()}, AttributeError, "has no point yet: fit an estimator with it"),
        (
            {"path": np.ones((3, 5))},
            ValueError,
            "points with 5 parameters, but the estimator has 51",
        ),
        ({"path": np.ones(51)}, ValueError, "path must be a Trajectory or an array of shape"),
        ({"path": "mine"}, ValueError, "path must be a Trajectory .* got 'mine'"),
        ({"path": np.full((3, 51), np.inf)}, ValueError, "path must be finite"),
        ({"directions": "straight"}, ValueError, "directions must be 'random'"),
    ],
)
def test_bad_input_gets_the_way_out(options, error, message):
    """And no picture is begun."""
    from matplotlib import pyplot as plt

    with pytest.raises(error, match=message):
        surface(**options)
    assert plt.get_fignums() == []


def test_axes_of_the_other_kind_are_refused():
    """A surface needs three dimensions, a contour map two."""
    from matplotlib import pyplot as plt

    with pytest.raises(ValueError, match="kind='surface' requires axes with projection='3d'"):
        surface(kind="surface", ax=plt.figure().add_subplot())
    with pytest.raises(ValueError, match="kind='contour' requires axes without projection='3d'"):
        surface(ax=plt.figure().add_subplot(projection="3d"))
