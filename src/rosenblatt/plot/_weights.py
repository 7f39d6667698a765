"""WeightsDisplay: the weights of the units of the first layer, as images."""

# SPDX-License-Identifier: BSD-3-Clause
import math
from numbers import Integral
from typing import Any

import numpy as np

from rosenblatt.inspection._objective import network_in
from rosenblatt.plot import _style

GAP = 0.25  # gap between images, relative to their width, with room for the unit's number
LARGEST_NUMBER, SMALLEST_NUMBER = 9, 5  # font sizes of the units' numbers, in points


class WeightsDisplay:
    """First-layer weights as images, one for each unit.

    All images share one colour scale, centred on 0. For bright pixels, red weights increase the
    pre-activation of the unit and blue weights decrease it. Colour images show the weights of each
    channel in that channel, with grey for 0. The number above an image is the unit's column in
    `coefs_[0]`. Create the display with `from_estimator`.

    Parameters
    ----------
    images : array-like of shape (n_images, height, width) or (n_images, height, width, 3)
        The weights.
    units : array-like of int of shape (n_images,), default=None
        The numbers that are written above the images. None writes no numbers.
    title : str, default=None
        The title.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes.
    figure_ : matplotlib.figure.Figure
        The figure.
    images_ : list of matplotlib.image.AxesImage
        The images, in the order of `units`.
    colorbar_ : matplotlib.colorbar.Colorbar or None
        The colour bar; None for colour images.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from rosenblatt import MLPClassifier
    >>> from rosenblatt.plot import WeightsDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> model = MLPClassifier((16,), alpha=1, tol=1e-3, random_state=0).fit(X / 16, y)
    >>> display = WeightsDisplay.from_estimator(model)
    >>> len(display.images_)
    16
    >>> display.images.shape
    (16, 8, 8)
    """

    def __init__(self, *, images, units=None, title=None):
        self.images = images
        self.units = units
        self.title = title

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        image_shape: tuple[int, int] | None = None,
        units: Any = None,
        max_units: int = 25,
        ax: Any = None,
        **kwargs: Any,
    ) -> "WeightsDisplay":
        """Draw the first layer of a fitted network.

        Parameters
        ----------
        estimator : MLPClassifier, MLPRegressor, or a Pipeline or search with one inside
            A network fitted on images, each of which is a row of X. Without hidden layers the units
            are the outputs.
        image_shape : tuple of int, default=None
            (height, width), or for colour images (height, width, 3) or (3, height, width),
            according to the order in the rows. None means square images with n_features pixels or,
            with three channels last, n_features / 3 pixels.
        units : list of int, default=None
            The units to draw, in this order. None draws all units or, if there are more than
            `max_units`, those with the largest Euclidean norm of the weights in descending order.
        max_units : int >= 1, default=25
            Maximum number of units if `units` is None.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on. None creates a figure.
        **kwargs : dict
            Keyword arguments for `Axes.imshow`, such as cmap and vmax (the weight with the last
            colour).

        Returns
        -------
        display : WeightsDisplay
            The display.

        Raises
        ------
        TypeError
            If the estimator is not an MLPClassifier or MLPRegressor.
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If the number of features does not match the image shape, or a unit does not exist.
        """
        estimator = network_in(estimator, who=cls.__name__)
        weights = np.asarray(estimator.coefs_[0], dtype=float).T
        shape = _image_shape(image_shape, weights.shape[1])
        chosen, said = _chosen_units(units, max_units, weights)
        images = weights[chosen].reshape(-1, *shape)
        if shape[0] == 3 and len(shape) == 3 and shape[2] != 3:
            images = images.transpose(0, 2, 3, 1)
        display = cls(images=images, units=chosen, title=f"First-layer weights\n{said}")
        return display.plot(ax, **kwargs)

    def plot(self, ax: Any = None, **kwargs: Any) -> "WeightsDisplay":
        """Draw the images.

        Parameters
        ----------
        ax, **kwargs
            As in `from_estimator`.

        Returns
        -------
        display : WeightsDisplay
            The display itself.
        """
        _style.require_matplotlib(self)
        images = np.asarray(self.images, dtype=float)
        kwargs = {"cmap": _style.DIVERGING, "interpolation": "nearest", **kwargs}
        in_colour = images.ndim == 4
        if in_colour:
            images = _shown_colours(images, kwargs.pop("vmax", None))
        elif "norm" not in kwargs:
            limit = kwargs.setdefault("vmax", _largest(images))
            kwargs.setdefault("vmin", -limit)
        places, size = _places(images)
        self.ax_ = _style.axes_or_new(ax, figsize=_figure_size(size))
        self.figure_ = self.ax_.figure
        self.images_ = [
            self.ax_.imshow(image, extent=place, **kwargs)
            for image, place in zip(images, places, strict=True)
        ]
        self.ax_.set(xlim=(0, size[0]), ylim=(size[1], -GAP), aspect="equal")
        self.ax_.set_axis_off()
        self._frame(places)
        self._number(places, size)
        self.colorbar_ = None if in_colour else self._add_colorbar(size)
        if self.title:
            title = self.title + (" (grey: 0)" if in_colour else "")
            self.ax_.set_title(title, size="medium")
        return self

    def _frame(self, places):
        """Draw a thin line around each image, because many have white borders."""
        from matplotlib.patches import Rectangle

        for left, right, bottom, top in places:
            frame = {"fill": False, "edgecolor": "0.6", "linewidth": 0.5, "clip_on": False}
            self.ax_.add_patch(Rectangle((left, top), right - left, bottom - top, **frame))

    def _number(self, places, size):
        """Write the units' numbers above their images, if there is room."""
        if self.units is None:
            return
        box = self.ax_.get_window_extent()
        points = 72 / self.figure_.dpi * min(box.width / size[0], box.height / (size[1] + GAP))
        font = min(LARGEST_NUMBER, 0.7 * GAP * points)
        if font < SMALLEST_NUMBER:
            return
        for unit, (left, right, _, top) in zip(self.units, places, strict=True):
            middle = (left + right) / 2
            self.ax_.text(middle, top - 0.04, str(unit), size=font, ha="center", va="bottom")

    def _add_colorbar(self, size):
        """Add a colour bar as high as the images, if the layout makes room for it."""
        where = {"ax": self.ax_, "fraction": 0.046, "pad": 0.03}
        if self.figure_.get_layout_engine() is not None:
            left, height = 1 + 0.15 / size[0], size[1] / (size[1] + GAP)
            width = min(0.05, 0.25 / size[0])
            where = {"cax": self.ax_.inset_axes((left, 0, width, height))}
        return self.figure_.colorbar(self.images_[0], label="weight", **where)


def _image_shape(image_shape, n_features):
    """The shape of the image in a row, in the order of its values."""
    if image_shape is None:
        for shape in ((math.isqrt(n_features),) * 2, (math.isqrt(n_features // 3),) * 2 + (3,)):
            if math.prod(shape) == n_features:
                return shape
        raise ValueError(
            f"{n_features} features do not form a square image with one or three values per pixel. "
            "Pass image_shape=(height, width), or (height, width, 3) for colour images."
        )
    shape = tuple(image_shape) if np.iterable(image_shape) else ()
    is_image = all(isinstance(n, Integral) and n > 0 for n in shape)
    is_image = is_image and (len(shape) == 2 or (len(shape) == 3 and 3 in (shape[0], shape[2])))
    if not is_image:
        raise ValueError(
            "image_shape must be (height, width), (height, width, 3) or (3, height, width), got "
            f"{image_shape!r}."
        )
    if math.prod(shape) != n_features:
        raise ValueError(
            f"image_shape={image_shape!r} has {math.prod(shape)} values, but the network was "
            f"fitted on {n_features} features."
        )
    return shape


def _chosen_units(units, max_units, weights):
    """The indices of the units to draw, and their description for the title."""
    n_units = len(weights)
    if units is not None:
        chosen = np.asarray(units)
        is_list = chosen.ndim == 1 and chosen.size and np.issubdtype(chosen.dtype, np.integer)
        if not is_list or chosen.min() < 0 or chosen.max() >= n_units:
            raise ValueError(f"units must be a list of int from 0 to {n_units - 1}, got {units!r}.")
        return chosen, f"{len(chosen)} of {n_units} units"
    if not isinstance(max_units, Integral) or max_units < 1:
        raise ValueError(f"max_units must be an int of at least 1, got {max_units!r}.")
    if n_units <= max_units:
        return np.arange(n_units), f"{n_units} unit{'s' if n_units > 1 else ''}"
    norms = np.linalg.norm(weights, axis=1)
    largest = np.argsort(-norms, kind="stable")[:max_units]
    return largest, f"{max_units} of {n_units} units, largest norm first"


def _largest(images):
    """The largest magnitude, or 1 if all weights are 0."""
    return float(np.abs(images[np.isfinite(images)]).max(initial=0)) or 1.0


def _shown_colours(images, limit):
    """Weights in [-limit, limit], mapped to channels in [0, 1]."""
    return np.clip(0.5 + 0.5 * images / (limit or _largest(images)), 0, 1)


def _places(images):
    """(left, right, bottom, top) of each image in units of its width, and the total size."""
    n_images, height, width = images.shape[:3]
    height /= width
    n_columns = min(n_images, max(1, round(math.sqrt(1.4 * n_images * (height + GAP)))))
    columns, rows = np.arange(n_images) % n_columns, np.arange(n_images) // n_columns
    left, top = columns * (1 + GAP), rows * (height + GAP)
    places = np.column_stack([left, left + 1, top + height, top])
    return places, (places[:, 1].max(), places[:, 2].max())


def _figure_size(size):
    """The figure size in inches for images of this size, with room for title and colour bar."""
    width, height = size
    one = min(1.6, (_style.WIDTH - 1) / width)  # inches per image width
    return max(3.6, one * width + 1), float(np.clip(one * (height + GAP) + 0.6, 1.6, 9))
