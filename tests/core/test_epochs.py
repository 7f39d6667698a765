"""Many epochs in one call: NumPy's shuffles, the stopping rule, threads."""

import numpy as np
import pytest

from rosenblatt.core.epochs import RowOrder, StoppingRule, train_epochs
from rosenblatt.core.examples import Examples
from rosenblatt.core.network import Network


def small_problem(rows=60, features=5, classes=3, dtype="float64"):
    """Examples of a random classification."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(rows, features)).astype(dtype)
    return Examples(X, rng.randint(classes, size=rows))


def small_network(widths=(5, 8, 3), batch_size=16, dtype="float64", **options):
    """An adam network with random parameters."""
    rng = np.random.RandomState(1)
    net = Network(
        widths,
        ["tanh"] * (len(widths) - 2),
        "multiclass_log_loss",
        batch_size,
        dtype,
        optimizer="adam",
        **options,
    )
    net.set_optimizer(alpha=1e-3, beta_1=0.9, beta_2=0.999, epsilon=1e-8)
    arrays = net.read(net.parameters)
    net.write(
        net.parameters,
        *[[rng.uniform(-0.5, 0.5, array.shape) for array in part] for part in arrays],
    )
    return net


def run(net, examples, order, n_epochs, batch_size=16, rule=None):
    """Losses of so many epochs at a rate of 0.01."""
    n_steps = -(-examples.n_samples // batch_size)
    rates = np.full((n_epochs, n_steps), 0.01)
    return train_epochs(net, examples, order, rates, batch_size, rule)


@pytest.mark.parametrize("n_rows", [1, 2, 3, 7, 8, 9, 255, 256, 257, 1000, 70_000])
@pytest.mark.parametrize("draws_before", [0, 1, 623, 624, 1000])
def test_shuffles_are_numpys_and_leave_its_state(n_rows, draws_before):
    """Three epochs' shuffles, from any place in the generator's block of words."""
    ours, theirs = np.random.RandomState(3), np.random.RandomState(3)
    ours.randint(2**31, size=draws_before, dtype=np.uint32)
    theirs.randint(2**31, size=draws_before, dtype=np.uint32)
    examples = Examples(np.arange(n_rows, dtype=float)[:, None] / n_rows, np.zeros((n_rows, 1)))
    net = Network((1, 1), [], "squared_error", n_rows, "float64", optimizer="sgd")
    net.set_optimizer(alpha=0)
    order = RowOrder(np.arange(n_rows), ours)
    run(net, examples, order, 3, batch_size=n_rows)

    expected = np.arange(n_rows)
    for _ in range(3):
        permutation = np.arange(n_rows)
        theirs.shuffle(permutation)
        expected = expected[permutation]

    np.testing.assert_array_equal(order.current, expected)
    np.testing.assert_array_equal(ours.randint(2**31, size=700), theirs.randint(2**31, size=700))


def test_gaussian_that_numpy_keeps_survives_the_shuffles():
    """RandomState makes normal numbers in pairs; the second of a pair is not lost."""
    ours, theirs = np.random.RandomState(5), np.random.RandomState(5)
    assert ours.normal() == theirs.normal()
    run(small_network(), small_problem(), RowOrder(np.arange(60), ours), 2)
    for _ in range(2):
        theirs.shuffle(np.arange(60))
    assert ours.normal() == theirs.normal()


def test_other_generators_are_shuffled_by_numpy_itself():
    """A RandomState over another bit generator trains too, an epoch at a call."""
    order = RowOrder(np.arange(60), np.random.RandomState(np.random.PCG64(3)))
    assert not order.is_continued_in_core
    run(small_network(), small_problem(), order, 1)
    permutation = np.arange(60)
    np.random.RandomState(np.random.PCG64(3)).shuffle(permutation)
    np.testing.assert_array_equal(order.current, permutation)
    with pytest.raises(ValueError, match="one epoch at a time"):
        run(small_network(), small_problem(), order, 2)


@pytest.mark.parametrize("split", [[12], [1] * 12, [5, 7], [1, 10, 1]])
def test_where_calls_are_split_changes_no_bit(split, isa):
    """Twelve epochs in one call or in many: losses, parameters and the random state."""
    whole, parts = small_network(), small_network()
    states = np.random.RandomState(7), np.random.RandomState(7)
    examples = small_problem()
    expected = run(whole, examples, RowOrder(np.arange(60), states[0]), 12)
    order = RowOrder(np.arange(60), states[1])
    losses = np.concatenate([run(parts, examples, order, n_epochs) for n_epochs in split])

    np.testing.assert_array_equal(losses, expected)
    np.testing.assert_array_equal(parts.parameters, whole.parameters)
    assert states[0].randint(2**31) == states[1].randint(2**31)


def test_loss_rule_stops_when_patience_is_at_its_end():
    """The rule counts as its formula says, over calls, and ends the call early."""
    examples, tol, patience = small_problem(), 0.01, 2
    losses = run(small_network(), examples, RowOrder(np.arange(60)), 40)
    best, count, n_epochs = np.inf, 0, 0
    for loss in losses:
        n_epochs += 1
        count = count + 1 if loss > best - tol else 0
        best = min(best, loss)
        if count > patience:
            break
    assert 3 < n_epochs < 40  # the case is one where the rule acts

    net, order = small_network(), RowOrder(np.arange(60))
    first = StoppingRule(np.inf, 0, tol, patience)
    done = list(run(net, examples, order, 3, rule=first))
    second = StoppingRule(first.best, first.n_without_improvement, tol, patience)
    done += list(run(net, examples, order, 37, rule=second))

    np.testing.assert_array_equal(done, losses[:n_epochs])
    assert (second.best, second.n_without_improvement) == (best, count)


def test_equal_losses_improve_by_nothing():
    """Which tol=0 takes for an improvement, and any larger one not, as scikit-learn does."""
    for tol, n_epochs in ((0.0, 10), (1e-9, 4)):
        rule = StoppingRule(np.inf, 0, tol, patience=2)
        losses = train_epochs(
            small_network(), small_problem(), RowOrder(np.arange(60)), np.zeros((10, 4)), 16, rule
        )
        assert len(set(losses)) == 1
        assert len(losses) == n_epochs


@pytest.mark.parametrize(("tol_params", "n_epochs"), [(0.0, 3), (1e-300, 1)])
def test_parameters_that_stay_have_moved_by_no_less_than_nothing(tol_params, n_epochs):
    """A call ends below tol_params, not at it."""
    order, rates = RowOrder(np.arange(60)), np.zeros((3, 4))
    losses = train_epochs(small_network(), small_problem(), order, rates, 16, tol_params=tol_params)
    assert len(losses) == n_epochs


def test_call_ends_after_the_epoch_that_left_no_numbers():
    """There is nothing to learn once parameters are not finite."""
    net = small_network()
    net.parameters[0] = np.inf
    assert len(run(net, small_problem(), RowOrder(np.arange(60)), 10)) == 1


@pytest.mark.parametrize(
    ("n_epochs", "n_steps", "batch_size"), [(1, 3, 16), (2, 0, 60), (0, 4, 16), (1, 60, 0)]
)
def test_rates_that_are_not_there_are_refused(n_epochs, n_steps, batch_size):
    """A last batch that is shorter is a step too; no epoch and no row in a batch are none."""
    with pytest.raises(ValueError, match=r"learning rates are too few|at least one row"):
        train_epochs(
            small_network(),
            small_problem(),
            RowOrder(np.arange(60)),
            np.ones((n_epochs, n_steps)),
            batch_size,
        )


@pytest.mark.parametrize("n_threads", [1, 2])
def test_constants_of_a_step_may_change_from_step_to_step(n_threads):
    """Inputs of zero leave a first layer nothing but its decay, product by product."""
    rates, decays = np.random.RandomState(2).uniform(0.01, 0.2, (2, 3, 4))
    net = small_network(n_threads=n_threads)
    net.set_optimizer(alpha=0.0, beta_1=0.9, beta_2=0.999, epsilon=1e-8, weight_decay=0.7)
    examples = Examples(np.zeros((60, 5)), small_problem().targets)
    before = net.read(net.parameters)[0][0]
    scheduled = {"weight_decay": decays}
    train_epochs(net, examples, RowOrder(np.arange(60)), rates, 16, scheduled=scheduled)
    expected = before * np.prod(1 - rates * decays)
    np.testing.assert_allclose(net.read(net.parameters)[0][0], expected, rtol=1e-13)
    with pytest.raises(KeyError, match="speed"):
        train_epochs(net, examples, RowOrder(np.arange(60)), rates, 16, scheduled={"speed": decays})


# rows that no number of threads divides; weights of every layout; deltas that are packed (of 512)
@pytest.mark.parametrize(
    "widths", [(5, 300, 3), (40, 64, 64, 64, 10), (300, 7), (200, 512, 201, 9)]
)
@pytest.mark.parametrize("kind", ["dense", "csr"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_number_of_threads_changes_no_bit(widths, kind, dtype, isa):
    """One thread, two, three and more than there are shares of rows."""
    from scipy import sparse

    rng = np.random.RandomState(0)
    rows = 1111
    X = (rng.normal(size=(rows, widths[0])) * (rng.uniform(size=(rows, widths[0])) < 0.5)).astype(
        dtype
    )
    X = X if kind == "dense" else sparse.csr_array(X)
    weights = rng.uniform(0.5, 2, size=rows).astype(dtype)
    examples = Examples(X, rng.randint(widths[-1], size=rows), weights)
    results = []
    for n_threads in (1, 2, 3, 40):
        net = small_network(widths, 1000, dtype, n_threads=n_threads, is_sparse=kind == "csr")
        net.share_above = 0  # share every step, however small
        order = RowOrder(np.arange(rows), np.random.RandomState(2))
        losses = run(net, examples, order, 2, batch_size=1000)
        results.append((net.parameters.tobytes(), losses.tobytes()))
    assert len(set(results)) == 1


# -- subnormal numbers -------------------------------------------------------------------


@pytest.mark.parametrize("call", ["train_epochs", "loss_and_gradient", "predict"])
def test_subnormal_numbers_are_there_again_after_a_call(call, isa, dtype):
    """The core takes them for zero; the thread that called it does not."""
    net, examples = small_network(dtype=dtype), small_problem(dtype=dtype)
    smallest = np.finfo(dtype).smallest_subnormal

    if call == "train_epochs":
        run(net, examples, RowOrder(np.arange(60)), 1)
    else:
        getattr(net, call)(examples, np.arange(60))

    assert smallest * np.ones(1, dtype) > 0


@pytest.mark.parametrize("n_threads", [1, 2])
def test_moments_of_a_dead_unit_end_at_zero(n_threads, isa):
    """They do not linger as subnormal numbers, for which processors are slow."""
    rng = np.random.RandomState(0)
    net = Network(
        [3, 8, 1], ["relu"], "squared_error", 8, "float32", optimizer="adam", n_threads=n_threads
    )
    net.share_above = 0
    net.set_optimizer(alpha=0, beta_1=0.9, beta_2=0.9, epsilon=1e-8)
    coefs, intercepts = net.read(net.parameters)
    net.write(net.parameters, coefs, [np.full(8, -1.0), intercepts[1]])  # no row activates them
    for moment in net.moments:
        moment[:24] = 1
    X = rng.uniform(size=(8, 3)).astype("float32")

    run(net, Examples(X, np.zeros((8, 1), "float32")), RowOrder(np.arange(8)), 2000, batch_size=8)

    assert not net.read(net.moments[0])[0][0].any()
    assert not net.read(net.moments[1])[0][0].any()
