"""Images of the first layer are the columns of coefs_[0]."""

import numpy as np
import pytest
from problems import digits, iris
from sklearn.exceptions import NotFittedError

from rosenblatt import MLPClassifier, PerceptronClassifier
from rosenblatt.plot import WeightsDisplay

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def network(n_features=64, n_units=6, **options):
    """A net with weights of every norm, and one unit without any."""
    X = np.random.RandomState(0).normal(size=(20, n_features))
    model = MLPClassifier((n_units,), max_iter=1, **options).fit(X, np.arange(20) % 2)
    rng = np.random.RandomState(1)
    model.coefs_[0][:] = rng.normal(size=(n_features, n_units)) * rng.permutation(n_units)
    return model


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_images_are_the_columns_of_the_weights(dtype):
    """In their order, row by row, on one scale that is as wide on both sides of 0."""
    model = network(dtype=dtype)
    display = WeightsDisplay.from_estimator(model)
    assert len(display.images_) == 6
    for unit, image in enumerate(display.images_):
        np.testing.assert_array_equal(image.get_array(), model.coefs_[0][:, unit].reshape(8, 8))
        limit = np.abs(model.coefs_[0]).max()
        assert image.get_clim() == (-limit, limit)
    assert [text.get_text() for text in display.ax_.texts] == list("012345")
    assert display.ax_.get_title() == "First-layer weights\n6 units"
    assert display.colorbar_.ax.get_ylabel() == "weight"


def test_white_is_zero():
    """The colour of a weight of 0 is the middle of the map, whatever the other weights."""
    model = network()
    model.coefs_[0][:] = 0
    model.coefs_[0][:3] = 5
    image = WeightsDisplay.from_estimator(model).images_[0]
    red, green, blue, _ = image.to_rgba(np.zeros((1, 1)))[0, 0]
    assert min(red, green, blue) > 0.95


def test_images_lie_upright():
    """The first pixel is at the top left, the first unit too."""
    display = WeightsDisplay.from_estimator(network(), units=[0, 1, 2, 3, 4, 5])
    to_pixels = display.ax_.transData.transform
    display.figure_.canvas.draw()
    corners = []
    for image in display.images_:
        left, right, bottom, top = image.get_extent()
        (x0, y0), (x1, y1) = to_pixels((left, top)), to_pixels((right, bottom))
        assert x0 < x1
        assert y0 > y1  # pixels count from below
        assert image.origin == "upper"
        corners.append((-round(y0), round(x0)))
    assert corners == sorted(corners)


def test_of_many_units_those_with_the_largest_norm_come_first():
    """And the title says so."""
    model = network(n_units=40)
    norms = np.linalg.norm(model.coefs_[0], axis=0)
    display = WeightsDisplay.from_estimator(model, max_units=12)
    np.testing.assert_array_equal(display.units, np.argsort(-norms)[:12])
    shown = [np.linalg.norm(image.get_array()) for image in display.images_]
    np.testing.assert_allclose(shown, np.sort(norms)[::-1][:12])
    assert display.ax_.get_title() == "First-layer weights\n12 of 40 units, largest norm first"
    assert len(WeightsDisplay.from_estimator(model).images_) == 25
    assert len(WeightsDisplay.from_estimator(model, max_units=40).images_) == 40


def test_units_are_chosen_by_number():
    """In the order of the list."""
    model = network()
    display = WeightsDisplay.from_estimator(model, units=[4, 1])
    for unit, image in zip([4, 1], display.images_, strict=True):
        np.testing.assert_array_equal(image.get_array().ravel(), model.coefs_[0][:, unit])
    assert [text.get_text() for text in display.ax_.texts] == ["4", "1"]


@pytest.mark.parametrize(
    ("n_features", "image_shape", "shape"),
    [(64, None, (8, 8)), (64, (4, 16), (4, 16)), (1, None, (1, 1)), (6, [2, 3], (2, 3))],
)
def test_shapes_of_images(n_features, image_shape, shape):
    """Squares are recognised, others are said."""
    display = WeightsDisplay.from_estimator(network(n_features), image_shape=image_shape)
    assert display.images_[0].get_array().shape == shape
    place = display.images_[0].get_extent()
    ratio = abs(place[2] - place[3]) / (place[1] - place[0])
    assert ratio == pytest.approx(shape[0] / shape[1])  # pixels are square


@pytest.mark.parametrize(
    ("image_shape", "channels_first"),
    [(None, False), ((4, 4, 3), False), ((3, 4, 4), True), ((2, 8, 3), False)],
)
def test_colour_images(image_shape, channels_first):
    """Channels last or first; 0 is grey, the largest weight ends the scale; no colour bar."""
    model = network(48)
    display = WeightsDisplay.from_estimator(model, image_shape=image_shape)
    weights = model.coefs_[0][:, 2]
    limit = np.abs(model.coefs_[0]).max()
    if channels_first:
        expected = np.stack([weights[16 * c : 16 * c + 16].reshape(4, 4) for c in range(3)], axis=2)
    else:
        expected = weights.reshape(image_shape or (4, 4, 3))
    np.testing.assert_allclose(display.images_[2].get_array(), 0.5 + 0.5 * expected / limit)
    assert display.colorbar_ is None
    assert display.ax_.get_title().endswith("(grey: 0)")


def test_images_take_what_imshow_takes():
    """A limit is the same on both sides."""
    display = WeightsDisplay.from_estimator(network(), vmax=0.5, cmap="PuOr")
    assert display.images_[0].get_clim() == (-0.5, 0.5)
    assert display.images_[0].get_cmap().name == "PuOr"
    colours = WeightsDisplay.from_estimator(network(48), vmax=0.01)
    assert set(np.unique(colours.images_[0].get_array())) >= {0.0, 1.0}  # beyond it: the ends


def test_weights_that_are_all_zero():
    """Nothing to scale by."""
    model = network()
    model.coefs_[0][:] = 0
    assert WeightsDisplay.from_estimator(model).images_[0].get_clim() == (-1, 1)


def test_network_without_hidden_layers():
    """The units are the outputs."""
    model = MLPClassifier((), max_iter=2).fit(*digits())
    assert len(WeightsDisplay.from_estimator(model).images_) == 10


def four_features(**options):
    return WeightsDisplay.from_estimator(MLPClassifier((2,), max_iter=2).fit(*iris()), **options)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: WeightsDisplay.from_estimator(MLPClassifier()), NotFittedError, "not fitted"),
        (
            lambda: WeightsDisplay.from_estimator(PerceptronClassifier().fit(*iris())),
            TypeError,
            "WeightsDisplay requires a fitted MLPClassifier or MLPRegressor",
        ),
        (
            lambda: WeightsDisplay.from_estimator(network(10)),
            ValueError,
            r"10 features do not form a square image.*image_shape=\(height, width\)",
        ),
        (
            lambda: four_features(image_shape=(3, 2)),
            ValueError,
            r"image_shape=\(3, 2\) has 6 values, but the network was fitted on 4 features",
        ),
        (lambda: four_features(image_shape=(4,)), ValueError, r"image_shape must be .*\(4,\)"),
        (lambda: four_features(image_shape=4), ValueError, "image_shape must be .* got 4"),
        (lambda: four_features(image_shape=(2, 2.0)), ValueError, "image_shape must be"),
        (lambda: four_features(image_shape=(1, 2, 2)), ValueError, "image_shape must be"),
        (lambda: four_features(units=[2]), ValueError, r"from 0 to 1, got \[2\]"),
        (lambda: four_features(units=[-1]), ValueError, "units must be a list of int"),
        (lambda: four_features(units=[]), ValueError, "units must be a list of int"),
        (lambda: four_features(units=[0.0]), ValueError, "units must be a list of int"),
        (lambda: four_features(max_units=0), ValueError, "max_units must be an int of at least 1"),
    ],
)
def test_bad_input_gets_the_way_out(call, error, message):
    """And no picture is begun."""
    from matplotlib import pyplot as plt

    with pytest.raises(error, match=message):
        call()
    assert plt.get_fignums() == []
