"""Learning-rate schedules: their rates are PyTorch's or the formula's, and training uses them."""

import copy
import math
import pickle
import warnings
from dataclasses import fields

import numpy as np
import pytest
from problems import assert_same_bits, call_recording_warnings, diabetes, iris
from reference import OPTIMIZERS
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from rosenblatt import MLPClassifier, MLPRegressor, schedules
from rosenblatt.schedules import SCHEDULES, Clock, FromCallable

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

N_EPOCHS, N_STEPS, INITIAL = 23, 7, 0.3


def clock_of(n_epochs=N_EPOCHS, n_steps=N_STEPS, **others):
    """The clock at the start of a training of so many epochs."""
    values = {"initial": INITIAL, "current": INITIAL, "n_samples_seen": 0, "n_rows": 10 * n_steps}
    return Clock(**{**values, **others}, n_steps=n_steps, n_total=n_epochs * n_steps)


def rates_of(schedule, n_epochs=N_EPOCHS, **options):
    """The rates of all steps of a training, a flat array."""
    return schedule.rates(0, n_epochs, clock_of(n_epochs, **options)).ravel()


def torch_rates(name, n_steps, **options):
    """The rates that a PyTorch scheduler gives so many steps, as the optimiser would read them."""
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle")
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=INITIAL)
    scheduler = getattr(torch.optim.lr_scheduler, name)(optimizer, **options)
    rates = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its order of calls, which do not matter here
        for _ in range(n_steps):
            rates.append(optimizer.param_groups[0]["lr"])
            scheduler.step()
    return np.array(rates)


ALL = N_EPOCHS * N_STEPS
BY_THE_STEP = {
    "linear": (schedules.Linear(), "LinearLR", {"start_factor": 1, "end_factor": 0}, ALL),
    "linear-some": (
        schedules.Linear(0.5, 0.9, total_iters=4),
        "LinearLR",
        {"start_factor": 0.5, "end_factor": 0.9},
        4 * N_STEPS,
    ),
    "cosine": (schedules.Cosine(), "CosineAnnealingLR", {}, ALL),
    "cosine-some": (
        schedules.Cosine(T_max=5, eta_min=0.1),
        "CosineAnnealingLR",
        {"eta_min": 0.1},
        5 * N_STEPS,
    ),
    "restarts": (
        schedules.CosineRestarts(4),
        "CosineAnnealingWarmRestarts",
        {},
        4 * N_STEPS,
    ),
    "restarts-longer": (
        schedules.CosineRestarts(T_0=2, T_mult=3, eta_min=0.01),
        "CosineAnnealingWarmRestarts",
        {"T_mult": 3, "eta_min": 0.01},
        2 * N_STEPS,
    ),
    "one-cycle": (schedules.OneCycle(), "OneCycleLR", {}, ALL),
    "one-cycle-linear": (
        schedules.OneCycle(0.45, "linear", 10, 50),
        "OneCycleLR",
        {"pct_start": 0.45, "anneal_strategy": "linear", "div_factor": 10, "final_div_factor": 50},
        ALL,
    ),
    "one-cycle-three": (
        schedules.OneCycle(three_phase=True),
        "OneCycleLR",
        {"three_phase": True},
        ALL,
    ),
    "one-cycle-down": (schedules.OneCycle(0), "OneCycleLR", {"pct_start": 0.0}, ALL),
}
LENGTHS = {
    "LinearLR": "total_iters",
    "CosineAnnealingLR": "T_max",
    "CosineAnnealingWarmRestarts": "T_0",
    "OneCycleLR": "total_steps",
}


@pytest.mark.parametrize("case", BY_THE_STEP)
def test_schedule_by_the_step_is_pytorchs(case):
    """PyTorch's scheduler called after every step gives the same rates."""
    schedule, name, options, length = BY_THE_STEP[case]
    options = {**options, LENGTHS[name]: length}
    if name == "OneCycleLR":
        options |= {"max_lr": INITIAL, "cycle_momentum": False}
    # a cosine is computed there from the step before, which adds up roundings
    tolerance = {"rtol": 1e-9, "atol": 1e-12}
    np.testing.assert_allclose(rates_of(schedule), torch_rates(name, ALL, **options), **tolerance)


@pytest.mark.parametrize(
    ("schedule", "name", "options"),
    [
        (schedules.Exponential(0.8), "ExponentialLR", {"gamma": 0.8}),
        (schedules.Exponential(), "ExponentialLR", {"gamma": 0.95}),
        (schedules.Step(5, gamma=0.5), "StepLR", {"step_size": 5, "gamma": 0.5}),
        (schedules.Step(6), "StepLR", {"step_size": 6}),
    ],
    ids=str,
)
def test_schedule_by_the_epoch_is_pytorchs(schedule, name, options):
    """PyTorch's scheduler called after every epoch gives the same rates."""
    expected = np.repeat(torch_rates(name, N_EPOCHS, **options), N_STEPS)
    np.testing.assert_allclose(rates_of(schedule), expected, rtol=1e-12)


PLATEAUS = [
    {},
    {"patience": 2, "factor": 0.5},
    {"patience": 1, "cooldown": 3},
    {"patience": 0, "threshold": 0.05},
    {"patience": 0, "threshold": 0.02, "threshold_mode": "abs"},
    {"patience": 1, "min_lr": 0.02},
    {"patience": 0, "eps": 0.05},
]


# With an offset all values are negative, as an R^2 or a log-likelihood may be. There PyTorch's
# best * (1 - threshold) calls values better that are worse, and ours is another: next test.
OFFSET_AND_PLATEAU = [
    *((0, options) for options in PLATEAUS),
    (-3, {"patience": 0, "threshold": 0}),
    (-3, {"patience": 0, "threshold": 0.02, "threshold_mode": "abs"}),
]


@pytest.mark.parametrize(("offset", "options"), OFFSET_AND_PLATEAU, ids=str)
@pytest.mark.parametrize("is_score", [False, True])
def test_plateau_is_pytorchs(offset, options, is_score):
    """Sixty noisy values, of which one is no number, lower the rate at the same epochs."""
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle")
    values = 0.5 + 0.5 * np.exp(-np.arange(60) / 10) + np.random.RandomState(0).normal(0, 0.02, 60)
    values = offset + (1.2 - values if is_score else values)
    values[30] = np.nan
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=INITIAL)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, mode="max" if is_score else "min", **options
    )
    ours, memory, rate = schedules.Plateau(**options), {}, INITIAL
    rates = []
    for value in values.tolist():
        theirs.step(value)
        rate = ours.observe(rate, value, memory, higher_is_better=is_score)
        assert rate == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-12)
        rates.append(rate)
    assert rates[-1] < INITIAL  # the case is one where it acts


@pytest.mark.parametrize("mode", ["rel", "abs"])
def test_plateau_of_scores_below_zero(mode):
    """A negative loss that falls is no improvement; one that rises by the threshold is."""
    plateau = schedules.Plateau(patience=2, factor=0.5, threshold=0.01, threshold_mode=mode)
    memory, rate = {}, 1.0
    for score, expected in [
        (-1.0, 1.0),
        (-1.005, 1.0),
        (-0.995, 1.0),
        (-1.0, 0.5),
        (-1.0, 0.5),
        (-1.0, 0.5),
        (-0.98, 0.5),  # better: the count begins anew
        (-0.98, 0.5),
        (-0.98, 0.5),
        (-0.98, 0.25),
    ]:
        rate = plateau.observe(rate, score, memory, higher_is_better=True)
        assert rate == expected


def test_inverse_scaling_is_scikit_learns_formula():
    """The first epoch of a call has the current rate, each later one that of the rows seen."""
    clock = clock_of(4, current=0.2, n_samples_seen=50, n_rows=70)
    rates = schedules.InverseScaling(0.7).rates(0, 4, clock)
    seen = [120, 190, 260]
    expected = [0.2] + [INITIAL / (t + 1) ** 0.7 for t in seen]
    np.testing.assert_allclose(rates, np.repeat(expected, N_STEPS).reshape(4, -1), rtol=1e-15)
    assert schedules.InverseScaling(0.7).next_rate(2, clock) == pytest.approx(INITIAL / 191**0.7)


def test_callable_is_asked_for_the_share_that_is_done():
    """Its factor multiplies the initial rate; it meets every step's progress once."""
    asked = []

    def factor(progress):
        asked.append(progress)
        return 1 - progress**2

    rates = rates_of(FromCallable(factor))
    assert asked == [step / ALL for step in range(ALL)]
    np.testing.assert_allclose(rates, INITIAL * (1 - (np.arange(ALL) / ALL) ** 2), rtol=1e-15)


@pytest.mark.parametrize("factor", [math.nan, -0.1, math.inf, "a", None])
def test_callable_with_a_bad_factor_is_refused(factor):
    """The error names the parameter and what came back; the estimator stays unfitted."""
    model = MLPClassifier((3,), learning_rate=lambda progress: factor, max_iter=2)
    with pytest.raises(ValueError, match="learning_rate") as error:
        model.fit(*iris())
    assert repr(factor) in str(error.value)
    assert not hasattr(model, "coefs_")


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("warmup", [5, 0.1, 13, 0.29, ALL + 4])  # 0.29 is 46.7 steps
def test_warmup_climbs_to_the_schedule_which_begins_after_it(name, warmup):
    """w steps at (s + 1) / w of the first rate, then the schedule over the steps that are left."""
    n_warmup = round(warmup * ALL) if isinstance(warmup, float) else warmup
    plain, warm = SCHEDULES[name](), SCHEDULES[name](warmup=warmup)
    rates = rates_of(warm)
    ramp = np.arange(1, n_warmup + 1) / n_warmup
    if name == "invscaling":  # follows rows, so that only the factor is added
        factor = np.append(ramp, np.ones(ALL))[:ALL]
        np.testing.assert_allclose(rates, rates_of(plain) * factor, rtol=1e-12)
        return
    clock = Clock(INITIAL, INITIAL, N_STEPS, max(ALL - n_warmup, 1), 0, 70)
    rest = plain.rates(0, N_EPOCHS, clock).ravel()
    expected = np.append(ramp * rest[0], rest)[:ALL]
    np.testing.assert_allclose(rates, expected, rtol=1e-12)


def test_warmup_is_pytorchs_linear_one():
    """LinearLR from 1 / w to 1, then a StepLR, joined at the end of the warmup."""
    warm = rates_of(schedules.Constant(warmup=9))[:20]
    theirs = torch_rates("LinearLR", 20, start_factor=1 / 9, end_factor=1, total_iters=8)
    np.testing.assert_allclose(warm, theirs, rtol=1e-12)


@pytest.mark.parametrize(
    ("schedule", "last"),
    [
        (schedules.Linear(end_factor=0.1), 0.1),
        (schedules.Cosine(eta_min=0.05), 0.05 / INITIAL),
        (schedules.OneCycle(), 1 / 25e4),
        (schedules.OneCycle(anneal_strategy="linear", final_div_factor=5), 1 / 125),
        (FromCallable(lambda progress: 2 - progress), 1),
    ],
    ids=["linear", "cosine", "one_cycle", "one_cycle-linear", "callable"],
)
def test_after_the_end_the_last_rate_stays(schedule, last):
    """partial_fit may be called more than max_iter times."""
    rates = schedule.rates(ALL, 2, clock_of())
    np.testing.assert_allclose(rates, INITIAL * last, rtol=1e-12)


def test_one_cycle_may_rise_in_no_time():
    """A rise of a single step, and of none: no 0 / 0."""
    clock = clock_of(1, n_steps=8)  # of which an eighth is a step to the last bit
    for share in (0, 0.125):
        rates = schedules.OneCycle(pct_start=share).rates(0, 1, clock)[0]
        assert np.isfinite(rates).all()
        assert (np.diff(rates[1:]) < 0).all()
    assert rates[0] == pytest.approx(INITIAL / 25)


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("n_steps", [1, N_STEPS])
def test_where_calls_are_split_changes_no_rate(n_steps, name):
    """Rates asked for epoch by epoch are those asked for at once."""
    schedule, parts, current = SCHEDULES[name](warmup=10), [], INITIAL
    for epoch in range(N_EPOCHS):
        clock = clock_of(n_steps=n_steps, current=current, n_samples_seen=10 * n_steps * epoch)
        parts.append(schedule.rates(epoch * n_steps, 1, clock))
        current = schedule.next_rate(1, clock)
    at_once = rates_of(schedule, n_steps=n_steps)
    np.testing.assert_array_equal(np.concatenate(parts).ravel(), at_once)


# in the estimators ------------------------------------------------------------------------------


def linear_regression_by_hand(solver, rates, X, y, **constants):
    """Weights and intercept after one step on all rows at each of these rates, from zero."""
    X = np.column_stack([X, np.ones(len(y))])
    w = np.zeros(X.shape[1])
    step, n_moments = OPTIMIZERS[solver]
    moments = np.zeros((n_moments, len(w)))
    for t, rate in enumerate(rates, start=1):
        step(w, X.T @ (X @ w - y) / len(y), moments, t, learning_rate=rate, **constants)
    return w


@pytest.mark.parametrize(
    "schedule",
    [*sorted(set(SCHEDULES) - {"adaptive", "plateau", "invscaling"}), math.sqrt],
    ids=str,
)
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_every_step_is_taken_at_the_schedules_rate(schedule, solver):
    """Against the steps of tests/reference.py on a linear regression."""
    X, y = diabetes()
    options = {"solver": solver, "alpha": 0, "batch_size": len(y), "max_iter": 12, "tol": 0}
    options |= {"learning_rate_init": 0.1, "warm_start": True, "n_iter_no_change": np.inf}
    model = MLPRegressor((), learning_rate=schedule, shuffle=False, **options)
    begin(model, X, y)
    model.fit(X, y)
    as_object = SCHEDULES[schedule]() if isinstance(schedule, str) else FromCallable(schedule)
    rates = as_object.rates(0, 12, Clock(0.1, 0.1, 1, 12, 0, len(y))).ravel()
    if solver == "sgd":
        constants = {"momentum": 0.9, "nesterovs_momentum": True}
    else:
        constants = {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8}
    expected = linear_regression_by_hand(solver, rates, X, y, **constants)
    np.testing.assert_allclose(model.coefs_[0][:, 0], expected[:-1], rtol=1e-9)
    np.testing.assert_allclose(model.intercepts_[0], expected[-1:], rtol=1e-9)


def begin(model, X, y):
    """Makes a warm start of the model begin at zero parameters."""
    first = clone(model).set_params(max_iter=1, learning_rate="constant").fit(X, y)
    vars(model).update({key: value for key, value in vars(first).items() if key.endswith("_")})
    for name in ("_architecture", "_n_epochs_without_improvement"):
        setattr(model, name, getattr(first, name))
    model.coefs_ = [np.zeros_like(array) for array in model.coefs_]
    model.intercepts_ = [np.zeros_like(array) for array in model.intercepts_]
    model.loss_curve_, model.best_loss_ = [], np.inf


@pytest.mark.parametrize("early_stopping", [False, True])
def test_plateau_lowers_the_rate_in_training(early_stopping):
    """It looks at the validation score where there is one, else at the loss."""
    plateau = schedules.Plateau(patience=1, factor=0.5, threshold=0.05)
    options = {"learning_rate_init": 0.01, "max_iter": 40, "n_iter_no_change": 50, "tol": 0}
    model = MLPClassifier(
        (5,), learning_rate=plateau, random_state=0, early_stopping=early_stopping, **options
    )
    model.fit(*iris())
    rate, memory = 0.01, {}
    for value in model.validation_scores_ if early_stopping else model.loss_curve_:
        rate = plateau.observe(rate, value, memory, higher_is_better=early_stopping)
    assert model._optimizer.learning_rate == rate < 0.01


def test_plateau_that_training_stops_before_gives_a_warning():
    """Both counts end at the same epoch by default; the warning says which to raise."""
    _, warned = call_recording_warnings(
        MLPClassifier(learning_rate="plateau", max_iter=2).fit, *iris()
    )
    assert any("n_iter_no_change" in text and "patience" in text for _, text in warned)
    model = MLPClassifier(learning_rate="plateau", max_iter=2, n_iter_no_change=11)
    _, warned = call_recording_warnings(model.fit, *iris())
    assert not any("patience" in text for _, text in warned)


def test_object_with_default_parameters_is_the_name():
    """A name stands for the object of that name, with the estimator's power_t."""
    for name, schedule in SCHEDULES.items():
        options = {"solver": "sgd", "max_iter": 6, "random_state": 0, "power_t": 0.3}
        options |= {"learning_rate_init": 0.1, "n_iter_no_change": 100}
        by_name = MLPClassifier((4,), learning_rate=name, **options).fit(*iris())
        given = schedule(0.3) if name == "invscaling" else schedule()
        assert_same_bits(MLPClassifier((4,), learning_rate=given, **options).fit(*iris()), by_name)


@pytest.mark.parametrize("name", sorted(set(SCHEDULES) - {"constant", "plateau"}))
def test_partial_fit_goes_on_with_the_schedule(name):
    """max_iter calls make the steps that one fit makes."""
    options = {"solver": "sgd", "max_iter": 8, "batch_size": 40, "shuffle": False, "alpha": 0}
    options |= {"learning_rate_init": 0.1, "learning_rate": name, "n_iter_no_change": 100}
    whole = MLPClassifier((4,), random_state=0, **options).fit(*iris())
    parts = MLPClassifier((4,), random_state=0, **options)
    for _ in range(8):
        parts.partial_fit(*iris(), classes=[0, 1, 2])
    assert_same_bits(parts, whole)
    parts.partial_fit(*iris())  # beyond the end: the last rate stays
    assert np.isfinite(parts.coefs_[0]).all()


@pytest.mark.parametrize("name", ["invscaling", "adaptive"])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_sgds_schedules_warn_elsewhere_and_stay_constant(name, solver):
    """The model is the one of a constant rate."""
    options = {"solver": solver, "random_state": 0, "max_iter": 5}
    plain = MLPClassifier((4,), **options).fit(*iris())
    for given in (name, SCHEDULES[name]()) if solver == "adam" else (name,):
        model = MLPClassifier((4,), learning_rate=given, **options)
        model, warned = call_recording_warnings(model.fit, *iris())
        assert_same_bits(model, plain)
        assert any(repr(name) in text and "'sgd' only" in text for _, text in warned)


@pytest.mark.parametrize("learning_rate", [schedules.Cosine(), schedules.Constant(), math.sqrt])
def test_schedule_without_steps_is_refused(learning_rate):
    """lbfgs has no learning rate: an object that is meant to act is an error that says so."""
    with pytest.raises(ValueError, match="lbfgs") as error:
        MLPClassifier(solver="lbfgs", learning_rate=learning_rate).fit(*iris())
    assert "learning_rate" in str(error.value)


BAD = {
    schedules.Exponential: {"gamma": [0, 1.1, "a"]},
    schedules.Step: {"step_size": [0, 1.5, None], "gamma": [0, 2]},
    schedules.Linear: {"start_factor": [0, 2], "end_factor": [-1, 2], "total_iters": [0, "a"]},
    schedules.Cosine: {"T_max": [0, -1, "a"], "eta_min": [-1, None]},
    schedules.CosineRestarts: {"T_0": [0, 1.5, None], "T_mult": [0, 1.5], "eta_min": [-1]},
    schedules.CosineCycles: {"n_cycles": [0, 1.5, 33]},
    schedules.OneCycle: {
        "pct_start": [-0.1, 1.1],
        "anneal_strategy": ["sin", None],
        "div_factor": [0],
        "final_div_factor": [0],
        "three_phase": ["yes"],
    },
    schedules.Plateau: {
        "factor": [0, 1],
        "patience": [-1, 1.5],
        "threshold": [-1],
        "threshold_mode": ["both"],
        "cooldown": [-1],
        "min_lr": [-1],
        "eps": [-1],
    },
    schedules.InverseScaling: {"power_t": [-1, "a"]},
    schedules.Adaptive: {},
    schedules.Constant: {},
}


@pytest.mark.parametrize("kind", SCHEDULES.values())
def test_bad_parameters_of_a_schedule_are_refused(kind):
    """Every parameter has bad values, refused when the object is made, with name and value."""
    bad = {**BAD[kind], "warmup": [-1, 1.0, -0.5, "a", None]}
    assert set(bad) == {field.name for field in fields(kind)}
    for name, values in bad.items():
        for value in values:
            with pytest.raises((ValueError, TypeError), match=name) as error:
                kind(**{name: value})
            assert repr(value) in str(error.value)
            assert kind.__name__ in str(error.value)


@pytest.mark.parametrize("kind", SCHEDULES.values())
def test_schedules_are_values(kind):
    """They compare, print, copy and pickle as their parameters do, and estimators with them."""
    schedule = kind(warmup=3)
    assert schedule == kind(warmup=3) != kind(warmup=4)
    assert eval(repr(schedule), vars(schedules)) == schedule
    assert copy.deepcopy(schedule) == pickle.loads(pickle.dumps(schedule)) == schedule
    model = clone(MLPClassifier(learning_rate=schedule))
    assert model.learning_rate == schedule
    assert kind.__name__ in schedules.__all__


def test_schedules_can_be_searched_over():
    """A grid of names, objects and callables."""
    grid = {"learning_rate": ["cosine", schedules.OneCycle(warmup=0.1), math.sqrt]}
    model = MLPClassifier((4,), max_iter=3, random_state=0)
    search = GridSearchCV(model, grid, cv=2).fit(*iris())
    assert len(search.cv_results_["params"]) == 3


def test_documentation_names_every_schedule():
    """The table of schedules is what the estimators' documentation lists."""
    for name, schedule in SCHEDULES.items():
        for estimator in (MLPClassifier, MLPRegressor):
            assert f"- {name!r} {schedule.summary}" in estimator.__doc__


# ties and last steps ----------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["rel", "abs"])
@pytest.mark.parametrize("higher_is_better", [True, False])
def test_equal_values_are_no_improvement_of_a_plateau(mode, higher_is_better):
    """Values that repeat, and ones that are better by just the threshold: strictly more it takes.

    By hand, from the formulas of the class's docstring; the best is 1 until 1 + 3 * step.
    """
    step = 0.25 if higher_is_better else -0.25  # sums of them are exact
    values = [1.0, 1.0, 1.0, 1.0 + step, 1.0 + step, 1.0 + 3 * step, 1.0 + 3 * step]
    for threshold, expected in (
        (0.0, [1, 1, 0.5, 0.5, 0.5, 0.5, 0.5]),
        (0.25, [1, 1, 0.5, 0.5, 0.25, 0.25, 0.25]),
    ):
        plateau = schedules.Plateau(
            factor=0.5, patience=1, threshold=threshold, threshold_mode=mode
        )
        memory, rates = {}, [1.0]
        for value in values:
            rates.append(
                plateau.observe(rates[-1], value, memory, higher_is_better=higher_is_better)
            )
        assert rates[1:] == expected


def test_recorded_rate_is_that_of_the_last_step():
    """Of a schedule by the step: 4 steps an epoch, of which the last counts."""
    model = MLPClassifier(
        (3,),
        learning_rate=lambda progress: 1 - progress,
        learning_rate_init=0.01,
        batch_size=40,
        max_iter=5,
        n_iter_no_change=np.inf,
        random_state=0,
    ).fit(*iris())
    steps = 4 * np.arange(1, 6) - 1
    expected = 0.01 * (1 - steps / 20)
    np.testing.assert_allclose(model.history_["learning_rate"], expected, rtol=1e-12)


@pytest.mark.parametrize("n_cycles", [1, 3, 4])
def test_cosine_cycles_peak_in_the_middle_of_cycles_that_double(n_cycles):
    """Zero between the cycles, where 1 + (2^n - 1) p is a power of 2, and the full rate where it
    is one times the square root of 2; cosine-shaped on its logarithm."""
    n_total = 2**n_cycles - 1
    clock = Clock(INITIAL, INITIAL, 1, n_total, 0, 70)
    ends = np.array([2**k - 1 for k in range(n_cycles + 1)])
    peaks = np.sqrt(2) * 2.0 ** np.arange(n_cycles) - 1
    schedule = schedules.CosineCycles(n_cycles)
    np.testing.assert_allclose(schedule._rates(ends, clock), 0, atol=1e-12)
    np.testing.assert_allclose(schedule._rates(peaks, clock), INITIAL, rtol=1e-12)
    quarter = 2.0 ** (np.arange(n_cycles) + 0.25) - 1
    np.testing.assert_allclose(schedule._rates(quarter, clock), INITIAL / 2, rtol=1e-12)
    assert schedule._rates(np.array([n_total + 5.0]), clock) == pytest.approx(0, abs=1e-12)
