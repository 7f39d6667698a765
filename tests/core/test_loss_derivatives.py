"""Derivatives of the loss in the core: gradients and Hessian-vector products by finite differences,
whatever the rows, the chunks and the instruction set. PyTorch's are in test_against_torch.py and
tests/inspection.
"""

import itertools

import numpy as np
import pytest
import reference
from scipy import sparse

from rosenblatt._architecture import dense_network
from rosenblatt.core import dispatch
from rosenblatt.core.examples import Examples
from rosenblatt.core.loss_derivatives import LossDerivatives
from rosenblatt.core.network import Network

CONSTANTS = {
    "label_smoothing": 0.1,
    "focal_gamma": 2.0,
    "huber_delta": 0.7,
    "quantile": 0.3,
    "tweedie_power": 1.5,
}
# widths below, at and above whole vectors, and one whose rows are padded for the caches
HIDDEN = [(), (5,), (16, 7), (3, 256, 2)]
# every loss with a plain activation, every activation with a plain loss
ACTIVATION_LOSS = [
    *(("tanh", loss) for loss in dispatch.LOSSES),
    *((activation, "multiclass_log_loss") for activation in dispatch.ACTIVATIONS),
]


class Problem:
    """A surface with random rows, more than a chunk of them, and a random point on it."""

    def __init__(self, hidden, activation, loss, *, normalization=None, kind="dense", rows=300):
        self.generator = generator = np.random.RandomState(0)
        self.hidden, self.activation, self.loss = hidden, activation, loss
        X = generator.standard_normal((rows, 6))
        self.X = sparse.csr_array(X * (generator.uniform(size=X.shape) < 0.5))
        self.X = self.X if kind == "csr" else self.X.toarray()
        self.targets = self._targets(rows, 3)
        self.running = ((), ())
        if normalization == "batch":
            self.running = (
                [generator.standard_normal(width) for width in hidden],
                [generator.uniform(0.5, 2, width) for width in hidden],
            )
        self.normalization = normalization
        self.constant = CONSTANTS.get(dispatch.LOSSES[loss].constant, 0.0)
        self.surface = self.new_surface()
        size = self.surface.n_parameters
        self.point = 0.4 * generator.standard_normal(size)
        self.direction = generator.standard_normal(size)

    def _targets(self, rows, outputs):
        kind = dispatch.LOSSES[self.loss].target
        if kind == "class":
            return self.generator.randint(outputs, size=rows)
        if kind == "binary":
            return self.generator.randint(2, size=(rows, outputs)).astype(float)
        draw = reference.LOSSES[self.loss].targets or (lambda g, shape: g.standard_normal(shape))
        return draw(self.generator, (rows, outputs)).astype(float)

    def new_surface(self, dtype="float64"):
        """A surface for this problem."""
        network = dense_network(
            [6, *self.hidden, 3],
            [self.activation] * len(self.hidden),
            self.loss,
            dtype,
            loss_constants=self.constant,
            normalization=self.normalization,
        )
        return LossDerivatives(network, self.running)

    def summed(self, what, point, surface=None):
        """(sum of losses, sums) of all rows at a point."""
        surface = surface or self.surface
        surface.move_to(point)
        surface.begin()
        loss = surface.add(self.X.astype(surface.dtype), self._of(surface.dtype), what)
        return loss, surface.sums()

    def _of(self, dtype):
        return self.targets if self.targets.ndim == 1 else self.targets.astype(dtype)

    def product(self, surface=None):
        """The Hessian times the direction."""
        surface = surface or self.surface
        surface.look_along(self.direction)
        return self.summed("product", self.point, surface)[1]


def assert_derivatives(problem):
    """Gradient and product are central differences of the loss and of the gradient."""
    point, direction = problem.point, problem.direction
    _, gradient = problem.summed("gradient", point)
    product = problem.product()

    # errors of a difference: step^2 and rounding / step, relative to what is differenced
    step = 1e-5
    ahead, behind = (problem.summed("gradient", point + s * direction) for s in (step, -step))
    slope = (ahead[0] - behind[0]) / (2 * step)
    scale = np.abs(direction) @ np.abs(gradient)
    assert gradient @ direction == pytest.approx(slope, abs=1e-7 * scale)
    difference = (ahead[1] - behind[1]) / (2 * step)
    scale = max(np.abs(product).max(), np.abs(gradient).max())
    np.testing.assert_allclose(product, difference, rtol=0, atol=1e-7 * scale)


@pytest.mark.parametrize(("activation", "loss"), ACTIVATION_LOSS)
def test_derivatives(activation, loss):
    """Of every row of the tables."""
    assert_derivatives(Problem((5, 4), activation, loss))


@pytest.mark.parametrize(
    ("hidden", "kind", "normalization"),
    list(itertools.product(HIDDEN, ["dense", "csr"], [None, "batch", "layer"])),
)
def test_derivatives_of_any_network(hidden, kind, normalization, isa):
    """Of every depth, kind of X and normalisation, at every level."""
    assert_derivatives(
        Problem(hidden, "tanh", "multiclass_log_loss", kind=kind, normalization=normalization)
    )


@pytest.mark.parametrize("normalization", [None, "layer"])
@pytest.mark.parametrize("loss", dispatch.LOSSES)
def test_loss_and_gradient_are_trainings(loss, normalization):
    """Where nothing is random and no statistics run, what training descends is the same."""
    problem = Problem((5, 4), "gelu", loss, normalization=normalization)
    net = Network(
        [6, 5, 4, 3],
        ["gelu"] * 2,
        loss,
        300,
        "float64",
        loss_constants=problem.constant,
        normalization=normalization,
    )
    shapes = [
        (6, 5),
        (5, 4),
        (4, 3),
        (5,),
        (4,),
        (3,),
        *([(5,), (4,)] * 2 if normalization else []),
    ]
    parts = iter(np.split(problem.point, np.cumsum([np.prod(shape) for shape in shapes])))
    arrays = [next(parts).reshape(shape) for shape in shapes]
    lists = [arrays[:3], arrays[3:6], arrays[6:8], arrays[8:]]
    net.write(net.parameters, *(lists if normalization else lists[:2]))
    expected = net.loss_and_gradient(Examples(problem.X, problem.targets), np.arange(300))
    flat = np.concatenate([array.ravel() for part in net.read(net.gradient) for array in part])

    loss_sum, gradient = problem.summed("gradient", problem.point)

    assert loss_sum == pytest.approx(expected, rel=1e-13)
    np.testing.assert_allclose(gradient, flat, rtol=0, atol=1e-12 * np.abs(flat).max())


@pytest.mark.parametrize("normalization", [None, "batch", "layer"])
def test_rows_may_come_in_pieces(normalization):
    """Sums over pieces, of other lengths than chunks, are those over all rows."""
    problem = Problem((16, 7), "silu", "multiclass_focal", normalization=normalization, rows=700)
    expected = problem.product()
    surface = problem.new_surface()
    surface.move_to(problem.point)
    surface.look_along(problem.direction)
    surface.begin()
    for start, stop in itertools.pairwise([0, 1, 100, 340, 700]):
        surface.add(problem.X[start:stop], problem.targets[start:stop], "product")
    # sums of hundreds of terms, in another order
    np.testing.assert_allclose(surface.sums(), expected, rtol=0, atol=1e-12 * abs(expected).max())


def test_float32():
    """Single precision gives differences of the NumPy network's gradients, to its digits."""
    problem = Problem((16, 7), "gelu", "multiclass_log_loss")
    shapes = [*itertools.pairwise([6, 16, 7, 3]), (16,), (7,), (3,)]
    sizes = np.cumsum([np.prod(shape) for shape in shapes])

    def gradient(point):
        parts = np.split(point, sizes[:-1])
        arrays = [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]
        mlp = reference.MLP(arrays[:3], arrays[3:], ["gelu"] * 2, problem.loss, problem.constant)
        _, dWs, dbs = mlp.loss_and_gradient(problem.X, problem.targets, np.ones(len(problem.X)))
        return np.concatenate([array.ravel() for array in (*dWs, *dbs)])

    step = 1e-5 * problem.direction
    expected = (gradient(problem.point + step) - gradient(problem.point - step)) / 2e-5

    actual = problem.product(problem.new_surface("float32"))

    assert actual.dtype == "float32"
    # a few hundred terms go through a handful of layers: some hundred roundings
    np.testing.assert_allclose(actual, expected, rtol=0, atol=3e-5 * abs(expected).max())


def test_product_is_linear_and_symmetric():
    """H(a u + b v) = a H u + b H v, and u H v = v H u."""
    problem = Problem((5, 4), "softplus", "tweedie")
    u, v = problem.direction, np.roll(problem.direction, 7)
    products = []
    for direction in (u, v, 2 * u - 3 * v):
        problem.direction = direction
        products.append(problem.product())
    hu, hv, both = products
    np.testing.assert_allclose(both, 2 * hu - 3 * hv, rtol=0, atol=1e-11 * abs(both).max())
    assert u @ hv == pytest.approx(v @ hu, rel=1e-11)


def test_small_tangents_near_certainty():
    """Where one class is as good as certain, products keep the digits of the others."""
    surface = LossDerivatives(dense_network([3, 3], [], "multiclass_log_loss", "float64"))
    surface.move_to(np.append(np.eye(3), np.zeros(3)))
    surface.look_along(np.append(np.zeros(9), [1.0, 2.0, 4.0]))
    surface.begin()
    surface.add(np.array([[40.0, 0.0, 0.0]]), np.array([0]), "product")
    p = np.exp(-40.0)
    # p_j (r_j - mean) with mean = 1 + p (1 + 3), to first order in p
    expected = [-4 * p, p, 3 * p]
    np.testing.assert_allclose(surface.sums()[-3:], expected, rtol=1e-13)


@pytest.mark.parametrize(
    ("X", "targets", "what", "message"),
    [
        (np.zeros((2, 5)), np.zeros(2, np.intp), "loss", "must have 6 features"),
        (np.zeros((2, 6), "f4"), np.zeros(2, np.intp), "loss", "of float64"),
        (np.zeros((2, 6)), np.array([0, 3]), "loss", "targets"),
        (np.zeros((2, 6)), np.zeros(3, np.intp), "loss", "targets"),
        (np.zeros((2, 6)), np.zeros((2, 3)), "loss", "targets"),
        (np.zeros((2, 6)), np.zeros(2, np.intp), "product", "direction"),
    ],
)
def test_what_kernels_cannot_refuse(X, targets, what, message):
    """Sizes that do not fit never reach them."""
    with pytest.raises(ValueError, match=message):
        LossDerivatives(dense_network([6, 3], [], "multiclass_log_loss", "float64")).add(
            X, targets, what
        )


def test_vectors_of_another_length():
    """A point or a direction that is not the network's is refused."""
    surface = LossDerivatives(dense_network([6, 3], [], "multiclass_log_loss", "float64"))
    for place in (surface.move_to, surface.look_along):
        with pytest.raises(ValueError, match=r"\(21,\)"):
            place(np.zeros(20))
