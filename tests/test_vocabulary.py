"""The rows of the core's tables in the estimators: activations by name, alias and layer, losses,
optimisers and penalties, with their errors. The formulas' own tests are in core and against
PyTorch."""

import pickle
import re

import numpy as np
import pytest
from problems import (
    assert_same_bits,
    breast_cancer,
    diabetes,
    diabetes_many,
    iris,
    multilabel,
    row_weights,
)
from scipy.special import expit, huber, softmax
from sklearn import metrics
from sklearn.base import clone
from sklearn.linear_model import QuantileRegressor
from sklearn.model_selection import train_test_split
from sklearn.svm import LinearSVC

from rosenblatt import MLPClassifier, MLPRegressor
from rosenblatt.core import dispatch

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

# activations -----------------------------------------------------------------------------------


def small(**params):
    """A classifier that is quickly trained."""
    return MLPClassifier(
        **({"hidden_layer_sizes": (5, 4), "max_iter": 3, "random_state": 0} | params)
    )


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("name", dispatch.ACTIVATIONS)
def test_every_activation_trains(name, solver):
    """Each row of the table trains a model that is better than the largest class."""
    model = small(
        hidden_layer_sizes=(9, 8),
        activation=name,
        solver=solver,
        max_iter=100,
        learning_rate_init=0.02,
        tol=0,
    )

    model.fit(*iris())

    assert model.score(*iris()) > 0.8  # the largest class has a third
    assert model.activations_ == (name, name)


ALIASES = [(alias, row.name) for row in dispatch.ACTIVATIONS.values() for alias in row.aliases]


def test_aliases_are_those_of_other_packages():
    """The table's other names, and that none of them hides a row."""
    assert dict(ALIASES) == {"linear": "identity", "sigmoid": "logistic", "swish": "silu"}
    assert not set(dict(ALIASES)) & set(dispatch.ACTIVATIONS)


@pytest.mark.parametrize(("alias", "name"), ALIASES)
def test_alias_is_the_activation(alias, name):
    """The alias trains the same bits; get_params gives what was given, activations_ the name."""
    model = small(activation=alias).fit(*iris())

    assert_same_bits(model, small(activation=name).fit(*iris()))
    assert model.get_params()["activation"] == alias
    assert model.activations_ == (name, name)


@pytest.mark.parametrize("kind", [list, tuple, np.array])
def test_activation_of_each_layer(kind):
    """A sequence gives every hidden layer its own; the draws are bounded by each one's factor."""
    names = kind(["sigmoid", "tanh", "relu", "logistic"])
    sizes = (40, 40, 40, 40)
    model = MLPClassifier(
        sizes, names, solver="sgd", learning_rate_init=1e-300, max_iter=1, random_state=0
    )

    model.fit(*iris())

    assert model.get_params()["activation"] is names
    assert model.activations_ == ("logistic", "tanh", "relu", "logistic")
    assert clone(model).fit(*iris()).activations_ == model.activations_
    draws = np.random.RandomState(0)
    # the output layer's bound is that of the last hidden layer, as where all have one name
    for coef, factor in zip(model.coefs_, [2, 6, 6, 2, 2], strict=True):
        bound = np.sqrt(factor / sum(coef.shape))
        np.testing.assert_array_equal(coef, draws.uniform(-bound, bound, coef.shape))
        draws.uniform(-bound, bound, coef.shape[1])


def test_same_name_for_each_layer_is_the_name_for_all():
    """One name and a sequence of it train the same bits; the prediction passes through them."""
    one, each = small(activation="logistic"), small(activation=["logistic", "sigmoid"])

    assert_same_bits(one.fit(*iris()), each.fit(*iris()))
    np.testing.assert_array_equal(one.predict_proba(iris()[0]), each.predict_proba(iris()[0]))


def test_prediction_uses_each_layers_activation():
    """The forward pass by hand."""
    X, y = diabetes()
    model = MLPRegressor((4, 3), ("tanh", "relu"), max_iter=2, random_state=0).fit(X, y)
    (W, V, U), (a, b, c) = model.coefs_, model.intercepts_

    expected = np.maximum(np.tanh(X @ W + a) @ V + b, 0) @ U + c

    np.testing.assert_allclose(model.predict(X), expected[:, 0], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("activation", "message"),
    [
        ("step", r"'activation' parameter of MLPClassifier .*'tanh'.*Got 'step'.*no gradient"),
        (["relu", "step"], r"activation\[1\] must be a str among .*no gradient.*logistic"),
        (["relu", "rely"], r"activation\[1\] must be a str among .*'relu'.*Got 'rely'"),
        (["relu", None], r"activation\[1\] must be .* Got None"),
        (["relu"], r"one for each of the 2 hidden layers, got \['relu'\]"),
        (["relu"] * 3, "one for each of the 2 hidden layers"),
        ([], r"one for each of the 2 hidden layers, got \[\]"),
        ("Relu", r"must be a str among .*'sigmoid'.*Got 'Relu'"),
        (3, "must be a str among .* or an array-like. Got 3"),
    ],
)
def test_bad_activation_is_told_what_is_allowed(activation, message):
    """Names that are none, and a wrong number of them."""
    with pytest.raises(ValueError, match=message):
        small(activation=activation).fit(*iris())


def test_no_hidden_layer_takes_no_activation():
    """An empty sequence belongs to an empty network, which predicts linearly."""
    model = MLPRegressor((), [], max_iter=2, random_state=0).fit(*diabetes())

    assert model.activations_ == ()


# losses ----------------------------------------------------------------------------------------

ROWS = dispatch.LOSSES.values()
REGRESSION = list(dict.fromkeys(row.parameter for row in ROWS if row.target == "real"))
CLASSIFICATION = list(dict.fromkeys(row.parameter for row in ROWS if row.target != "real"))
MARGINS = [
    row.parameter for row in ROWS if (row.target, row.out_activation) == ("binary", "identity")
]
TARGETS = {"multiclass": iris, "binary": breast_cancer, "multilabel": multilabel}


def test_rows_name_parameters_of_the_estimators():
    """What a loss or an optimiser says it uses can be set."""
    for row in ROWS:
        kind = MLPRegressor if row.target == "real" else MLPClassifier
        assert {row.constant} - {None} <= set(kind().get_params())
    for row in dispatch.OPTIMIZERS.values():
        assert set(row.parameters) <= set(MLPClassifier().get_params())


def linear(loss, **params):
    """A linear classifier, or regressor, that lbfgs fits quickly."""
    kind = MLPClassifier if params.pop("classifies", True) else MLPRegressor
    return kind(
        **(
            {
                "hidden_layer_sizes": (),
                "solver": "lbfgs",
                "loss": loss,
                "random_state": 0,
                "max_iter": 200,
                "alpha": 1e-3,
            }
            | params
        )
    )


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("loss", CLASSIFICATION)
def test_every_classification_loss_learns(loss, solver, target):
    """Better than the most frequent answer, whatever the target."""
    X, y = TARGETS[target]()
    model = linear(loss, solver=solver, learning_rate_init=0.01)

    model.fit(X, y)

    frequent = np.unique(y, axis=0, return_counts=True)[1].max() / len(y)
    assert model.score(X, y) > frequent + 0.1


@pytest.mark.parametrize("target", TARGETS)
def test_squared_error_is_half_the_square_of_all_probabilities(target):
    """Summed over the classes, of which two labels or a label have two, too."""
    X, y = TARGETS[target]()
    model = linear("squared_error", alpha=0, max_iter=3).fit(X, y)
    p = model.predict_proba(X)
    if target == "multilabel":
        expected = ((p - y) ** 2).sum(axis=1).mean()  # half of it for the label, half for its lack
    else:
        expected = 0.5 * ((p - (y[:, None] == model.classes_)) ** 2).sum(axis=1).mean()

    assert model.loss_ == pytest.approx(expected, rel=1e-12)


def test_hinge_is_scikit_learns():
    """Two classes: sklearn's hinge_loss of the scores; more with crammer_singer: also."""
    for data, params in ((breast_cancer, {}), (iris, {"multi_class": "crammer_singer"})):
        X, y = data()
        model = linear("hinge", alpha=0, max_iter=4, **params).fit(X, y)

        assert model.loss_ == pytest.approx(
            metrics.hinge_loss(y, model.decision_function(X)), rel=1e-12
        )


def test_hinge_of_several_classes_is_summed_over_one_vs_rest():
    """By hand from the scores."""
    X, y = iris()
    for loss, power in (("hinge", 1), ("squared_hinge", 2)):
        model = linear(loss, alpha=0, max_iter=4).fit(X, y)
        signs = 2 * (y[:, None] == model.classes_) - 1
        losses = np.maximum(0, 1 - signs * model.decision_function(X)) ** power

        assert model.loss_ == pytest.approx(losses.sum(axis=1).mean(), rel=1e-12)


def test_squared_hinge_reaches_linear_svcs_weights():
    """The same minimum as liblinear's, whose penalty is our alpha / n = 1 / (n C)."""
    X, y = breast_cancer()
    model = linear("squared_hinge", alpha=10.0, max_iter=2000, max_fun=10**5, tol=1e-8).fit(X, y)
    svc = LinearSVC(C=0.1, tol=1e-10, max_iter=10**6, intercept_scaling=1e4).fit(X, y)

    np.testing.assert_allclose(model.coefs_[0][:, 0], svc.coef_[0], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("loss", CLASSIFICATION)
def test_probabilities_exist_where_the_loss_gives_them(loss):
    """hasattr tells, before and after a fit; decision_function is always there."""
    model = linear(loss)
    X, y = iris()
    for _ in range(2):
        for method in ("predict_proba", "predict_log_proba"):
            assert hasattr(model, method) == (loss not in MARGINS)
        model.fit(X, y)
    if loss in MARGINS:
        with pytest.raises(AttributeError, match="predict_proba"):
            model.predict_proba(X)
        np.testing.assert_array_equal(model.out_activation_, "identity")


@pytest.mark.parametrize("loss", CLASSIFICATION)
@pytest.mark.parametrize("target", TARGETS)
def test_decision_function_is_the_last_layers_sums(target, loss):
    """In scikit-learn's shapes; predict chooses by it and the probabilities are made of it."""
    X, y = TARGETS[target]()
    model = linear(loss, max_iter=5).fit(X, y)
    logits = X @ model.coefs_[0] + model.intercepts_[0]
    scores = model.decision_function(X)

    assert scores.shape == ((len(X),) if target == "binary" else logits.shape)
    np.testing.assert_allclose(scores.reshape(logits.shape), logits, rtol=1e-9, atol=1e-9)
    chosen = scores.argmax(axis=1) if target == "multiclass" else (scores > 0).astype(int)
    np.testing.assert_array_equal(model.predict(X), chosen)
    if loss in MARGINS:
        return
    p = softmax(scores, axis=1) if target == "multiclass" else expit(scores)
    found = model.predict_proba(X)
    np.testing.assert_allclose(found[:, 1] if target == "binary" else found, p, rtol=1e-9)


@pytest.mark.parametrize("loss", CLASSIFICATION)
def test_early_stopping_scores_accuracy(loss):
    """The validation score is that of predict, also where outputs are no probabilities."""
    for data in TARGETS.values():
        X, y = data()
        model = MLPClassifier((), loss=loss, early_stopping=True, max_iter=1, random_state=3)
        model.fit(X, y)
        strata = y if y.ndim == 1 else None
        _, rows = train_test_split(
            np.arange(len(y)), test_size=0.1, random_state=after_draws(model), stratify=strata
        )
        assert model.validation_scores_[-1] == pytest.approx(model.score(X[rows], y[rows]))


def after_draws(model):
    """The RandomState as the initial draws of a model without hidden layers leave it."""
    state = np.random.RandomState(3)
    state.uniform(size=model.coefs_[0].size + model.intercepts_[0].size)
    return state


def test_default_loss_is_the_log_loss_without_smoothing():
    """Naming the defaults trains the same bits."""
    named = small(loss="log_loss", label_smoothing=0.0, multi_class="ovr")

    assert_same_bits(named.fit(*iris()), small().fit(*iris()))


def test_focal_without_gamma_is_the_log_loss():
    """(1 - p)^0 = 1; the log loss is clipped where nothing of this is."""
    for data in TARGETS.values():
        models = [
            linear("focal", focal_gamma=0, max_iter=4).fit(*data()),
            linear("log_loss", max_iter=4).fit(*data()),
        ]
        np.testing.assert_allclose(models[0].coefs_[0], models[1].coefs_[0], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("several", [False, True], ids=["one", "several"])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("loss", REGRESSION)
def test_every_regression_loss_learns(loss, solver, several):
    """The loss falls well below that of the start, for one output and for three."""
    X, y = diabetes()
    y = np.exp(0.5 * (np.column_stack([y, 2 * y, X[:, 0]]) if several else y))
    model = linear(loss, classifies=False, solver=solver, learning_rate_init=0.01)

    model.fit(X, y)

    start = model.loss_curve_[0] if solver == "adam" else None
    assert model.predict(X).shape == y.shape
    assert model.score(X, y) > 0.15
    if start is not None:
        assert model.loss_ < 0.8 * start


@pytest.mark.parametrize(
    ("loss", "params", "power"),
    [
        ("poisson", {}, 1),
        ("gamma", {}, 2),
        *[("tweedie", {"tweedie_power": power}, power) for power in (0, 1, 1.5, 2, 3)],
    ],
)
def test_deviances_are_half_of_scikit_learns(loss, params, power):
    """The loss is half the mean Tweedie deviance of the predictions, which are exp(sum)."""
    X, y = diabetes()
    y = np.exp(y)
    model = linear(loss, classifies=False, alpha=0, max_iter=5, **params).fit(X, y)

    expected = 0.5 * metrics.mean_tweedie_deviance(y, model.predict(X), power=power)
    assert model.loss_ == pytest.approx(expected, rel=1e-9)


def test_losses_are_averaged_over_rows_and_summed_over_outputs():
    """Weights count; columns add up."""
    X, y = diabetes_many()
    weight = row_weights(len(y))
    for loss, per_output in (
        ("absolute_error", lambda d: np.abs(d)),
        ("huber", lambda d: huber(0.5, d)),
        ("log_cosh", lambda d: np.log(np.cosh(d))),
        ("quantile", lambda d: np.maximum(0.3 * d, -0.7 * d)),
    ):
        model = linear(loss, classifies=False, alpha=0, max_iter=3, huber_delta=0.5, quantile=0.3)
        model.fit(X, y, weight)

        losses = per_output(y - model.predict(X)).sum(axis=1)
        assert model.loss_ == pytest.approx(np.average(losses, weights=weight), rel=1e-9)


LEVELS = (0.9, 0.1, 0.5)


def test_several_quantiles_are_one_model_of_several_columns():
    """predict has a column a level, score is the mean D^2, and shares lie below each level."""
    X, y = diabetes()
    model = linear(
        "quantile",
        classifies=False,
        quantile=LEVELS,
        solver="adam",
        max_iter=400,
        learning_rate_init=0.05,
        tol=0,
    )
    predictions = model.fit(X, y).predict(X)

    assert predictions.shape == (len(y), 3)
    assert model.n_outputs_ == 3
    np.testing.assert_allclose((y[:, None] <= predictions).mean(axis=0), LEVELS, atol=0.05)
    scores = [
        metrics.d2_pinball_score(y, predictions[:, i], alpha=level)
        for i, level in enumerate(LEVELS)
    ]
    assert model.score(X, y) == pytest.approx(np.mean(scores))
    assert model.get_params()["quantile"] is LEVELS


def test_linear_quantile_reaches_quantile_regressors_loss():
    """The minimum of a linear program, that the steps come close to."""
    X, y = diabetes()
    exact = QuantileRegressor(quantile=0.8, alpha=0).fit(X, y)
    model = linear(
        "quantile",
        classifies=False,
        quantile=0.8,
        solver="adam",
        alpha=0,
        tol=0,
        max_iter=1500,
        learning_rate_init=0.003,
    ).fit(X, y)

    losses = [metrics.mean_pinball_loss(y, m.predict(X), alpha=0.8) for m in (exact, model)]
    assert losses[0] <= losses[1] < 1.01 * losses[0]


def test_non_crossing_sorts_the_quantiles():
    """In the order of the levels, whatever order they were given in; off by default."""
    X, y = diabetes()
    model = linear("quantile", classifies=False, quantile=LEVELS, solver="adam", max_iter=1)
    crossing = model.fit(X, y).predict(X)
    sorted_rows = model.set_params(non_crossing=True).predict(X)

    assert (crossing[:, 1] > crossing[:, 0]).any()
    assert (sorted_rows[:, 1] <= sorted_rows[:, 2]).all()
    assert (sorted_rows[:, 2] <= sorted_rows[:, 0]).all()
    np.testing.assert_array_equal(np.sort(sorted_rows, axis=1), np.sort(crossing, axis=1))


def test_quantiles_stop_early_by_their_own_score():
    """The validation score is the model's own score."""
    X, y = diabetes()
    model = MLPRegressor(
        (), loss="quantile", quantile=[0.2, 0.7], early_stopping=True, max_iter=1, random_state=3
    ).fit(X, y)
    _, rows = train_test_split(np.arange(len(y)), test_size=0.1, random_state=after_draws(model))

    assert model.validation_scores_[-1] == pytest.approx(model.score(X[rows], y[rows]))
    assert model.predict(X[:2]).shape == (2, 2)


def test_one_level_in_a_sequence_keeps_its_column():
    """(n_samples, 1), as the sequence asks for."""
    X, y = diabetes()
    model = linear("quantile", classifies=False, quantile=[0.5], max_iter=2).fit(X, y)

    assert model.predict(X).shape == (len(y), 1)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"loss": "squared_error", "quantile": [0.1, 0.9]}, "loss='squared_error' learns none"),
        ({"loss": "quantile", "quantile": [0.1, 1.0]}, r"quantile\[1\] must be a float .*Got 1.0"),
        ({"loss": "quantile", "quantile": [0.1, "a"]}, r"quantile\[1\] must be"),
        ({"loss": "quantile", "quantile": []}, "a number or a sequence"),
        ({"loss": "quantile", "quantile": [[0.1, 0.2]]}, "a number or a sequence"),
    ],
)
def test_bad_quantiles_are_refused(params, message):
    """Before the data are looked at."""
    with pytest.raises(ValueError, match=message):
        MLPRegressor(**params).fit(None, None)


def test_several_quantiles_of_several_outputs_are_refused():
    """The error says what to do."""
    with pytest.raises(ValueError, match="several quantiles are learned of one output only"):
        MLPRegressor(loss="quantile", quantile=[0.1, 0.9]).fit(*diabetes_many())


@pytest.mark.parametrize(
    ("params", "lowest", "message"),
    [
        ({"loss": "poisson"}, -0.5, "loss='poisson' takes targets y >= 0, got -0.5"),
        ({"loss": "gamma"}, 0, "loss='gamma' takes targets y > 0, got 0"),
        ({"loss": "tweedie"}, -0.5, "tweedie_power=1.5 takes targets y >= 0, got -0.5"),
        ({"loss": "tweedie", "tweedie_power": 2}, 0, "tweedie_power=2 takes targets y > 0, got 0"),
        ({"loss": "gamma", "dtype": "float32"}, 1e-60, "takes targets y > 0, got 0"),
    ],
)
def test_targets_outside_the_losss_domain_are_refused(params, lowest, message):
    """The error names the loss, what it takes and what came."""
    X, y = diabetes()
    y = np.append(np.abs(y[1:]) + 0.1, lowest)
    with pytest.raises(ValueError, match=re.escape(message)):
        MLPRegressor(**params).fit(X, y)


@pytest.mark.parametrize(
    ("params", "lowest"),
    [
        ({"loss": "poisson"}, 0),
        ({"loss": "gamma"}, 1e-300),
        ({"loss": "tweedie"}, 0),
        ({"loss": "tweedie", "tweedie_power": 0}, -1),
        ({"loss": "tweedie", "tweedie_power": 1}, 0),
    ],
)
def test_targets_at_the_domains_border_are_taken(params, lowest):
    """A zero, or a tiny number, trains to finite weights."""
    X, y = diabetes()
    y = np.append(np.abs(y[1:]) + 0.1, lowest)
    model = MLPRegressor((), max_iter=3, random_state=0, **params).fit(X, y)

    assert np.isfinite(model.loss_)
    assert np.isfinite(model.coefs_[0]).all()


def test_crammer_singer_of_labels_is_refused():
    """It compares classes of which a row has one."""
    with pytest.raises(ValueError, match="takes no multilabel target"):
        linear("hinge", multi_class="crammer_singer").fit(*multilabel())


@pytest.mark.parametrize("loss", REGRESSION)
def test_tags_tell_which_losses_take_positive_targets(loss):
    """scikit-learn's checks draw their targets by it."""
    tags = MLPRegressor(loss=loss).__sklearn_tags__()

    assert tags.target_tags.positive_only == (loss in ("poisson", "gamma", "tweedie"))


# optimisers ------------------------------------------------------------------------------------

SOLVERS = list(dispatch.OPTIMIZERS)
# what is added to every solver's parameters that its row names
SETTINGS = {
    "plain": {},
    "limits": {"l1_ratio": 0.5, "weight_decay": 0.01, "max_norm": 2.0, "clip_norm": 0.5},
}


@pytest.mark.parametrize("solver", SOLVERS)
def test_every_solver_learns(solver):
    """Better than the largest class, at a rate of 0.01."""
    model = small(solver=solver, hidden_layer_sizes=(20,), max_iter=100, tol=0)
    model.set_params(learning_rate_init=0.01)

    assert model.fit(*iris()).score(*iris()) > 0.85


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("solver", SOLVERS)
def test_pieces_of_training_are_the_whole(solver, settings):
    """partial_fit over a pickle goes on where it was: counters, moments and carried scalars."""
    X, y = iris()
    params = {"solver": solver, "shuffle": False, "batch_size": 50, "tol": 0, **settings}
    params |= {"momentum_decay": 0.1, "centered": True, "rmsprop_momentum": 0.5}
    whole = small(max_iter=4, **params).fit(X, y)
    pieces = small(**params)
    for _ in range(4):
        pieces = pickle.loads(pickle.dumps(pieces.partial_fit(X, y, classes=[0, 1, 2])))

    assert_same_bits(pieces, whole)


@pytest.mark.parametrize("solver", SOLVERS)
def test_threads_change_no_bit(solver):
    """Norms and limits included, with a step large enough to be shared."""
    generator = np.random.RandomState(0)
    X, y = generator.standard_normal((400, 40)), generator.randint(3, size=400)
    models = [
        MLPClassifier(
            (200, 90),
            solver=solver,
            batch_size=200,
            max_iter=2,
            random_state=0,
            n_jobs=n_jobs,
            **SETTINGS["limits"],
        ).fit(X, y)
        for n_jobs in (1, 2, 3)
    ]

    assert_same_bits(models[1], models[0])
    assert_same_bits(models[2], models[0])


def test_weight_decay_is_adamws_by_default():
    """None is 0.01 for adamw and 0 for all others."""
    for solver in SOLVERS:
        default = 0.01 if solver == "adamw" else 0.0
        assert dispatch.OPTIMIZERS[solver].weight_decay == default
        models = [small(solver=solver, weight_decay=d).fit(*iris()) for d in (None, default)]
        assert_same_bits(*models)


def test_max_norm_bounds_every_unit():
    """The columns of coefs_, in every layer, and the prediction uses them."""
    model = small(max_norm=0.5, max_iter=20).fit(*iris())

    for coef in model.coefs_:
        norms = np.linalg.norm(coef, axis=0)
        assert (norms <= 0.5 * (1 + 1e-12)).all()
        assert (norms > 0.49).any()


def test_penalty_in_the_loss_is_the_formula():
    """alpha (l1_ratio |w| + (1 - l1_ratio) w^2 / 2) over the sum of weights; at a rate of ~0."""
    X, y = diabetes()
    weight = row_weights(len(y))
    losses = []
    for alpha in (0, 3.0):
        model = MLPRegressor(
            (4,),
            alpha=alpha,
            l1_ratio=0.3,
            batch_size=len(y),
            max_iter=1,
            learning_rate_init=1e-300,
            random_state=0,
        ).fit(X, y, weight)
        losses.append(model.loss_)
    w = np.concatenate([coef.ravel() for coef in model.coefs_])

    expected = 3.0 * (0.3 * np.abs(w).sum() + 0.7 * 0.5 * (w**2).sum()) / weight.sum()
    assert losses[1] - losses[0] == pytest.approx(expected)


def test_l1_shrinks_weights_that_do_not_matter():
    """Toward zero, though not to it: the docs say so."""
    X, y = breast_cancer()
    sizes = [
        np.abs(
            MLPClassifier(
                (),
                alpha=20.0,
                l1_ratio=ratio,
                max_iter=1500,
                tol=0,
                random_state=0,
                learning_rate_init=0.001,
            )
            .fit(X, y)
            .coefs_[0]
        )
        for ratio in (0.0, 1.0)
    ]
    assert (sizes[1] < 0.01).sum() > 2 * (sizes[0] < 0.01).sum() + 5


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("l1_ratio", 0.5),
        ("weight_decay", 0.1),
        ("max_norm", 1.0),
        ("clip_norm", 1.0),
        ("clip_value", 1.0),
    ],
)
def test_lbfgs_refuses_what_belongs_to_steps(name, value):
    """The error names the parameter and the solvers that have it; off values are taken."""
    with pytest.raises(ValueError, match=f"{name}={value} needs a stochastic solver: 'sgd'"):
        MLPClassifier(solver="lbfgs", **{name: value}).fit(None, None)
    MLPClassifier((), solver="lbfgs", weight_decay=0.0, l1_ratio=0.0, max_iter=2).fit(*iris())


# refused values -------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", sorted(set(CLASSIFICATION) - {"log_loss"}))
def test_smoothing_of_other_losses_is_refused(loss):
    """It would do nothing; 0 is taken."""
    with pytest.raises(ValueError, match=f"label_smoothing=0.1 .* got loss='{loss}'"):
        MLPClassifier(loss=loss, label_smoothing=0.1).fit(None, None)
    MLPClassifier((2,), loss=loss, label_smoothing=0.0, max_iter=1).fit(*iris())


@pytest.mark.parametrize(
    ("kind", "name", "names"),
    [
        (MLPClassifier, "loss", CLASSIFICATION),
        (MLPRegressor, "loss", REGRESSION),
        (MLPClassifier, "solver", [*SOLVERS, "lbfgs"]),
        (MLPRegressor, "activation", [*dispatch.ACTIVATIONS, *dict(ALIASES)]),
    ],
)
def test_messages_name_what_the_tables_have(kind, name, names):
    """Every choice, from the table, sorted."""
    with pytest.raises(ValueError, match="must be a str among") as error:
        kind(**{name: "nothing"}).fit(None, None)
    assert "{" + ", ".join(map(repr, sorted(names))) + "}" in str(error.value)
