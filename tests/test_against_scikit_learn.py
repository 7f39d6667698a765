"""Same random_state, same model: whole fits beside scikit-learn's own classes.

scikit-learn is the oracle. A float64 model must agree with it to 1e-8, relative to the largest
entry of each array, after 15 epochs of adam or sgd, or after 8 iterations of lbfgs: scikit-learn
itself moves by 1e-12 when the order of its sums changes, and training amplifies that.
"""

import inspect
from typing import NamedTuple

import numpy as np
import pytest
import sklearn
from problems import (
    assert_close,
    breast_cancer,
    call_recording_warnings,
    counts,
    diabetes,
    diabetes_many,
    digits,
    iris,
    multilabel,
    one_class,
    row_weights,
    wine,
)
from scipy import sparse
from sklearn import neural_network
from sklearn.base import is_classifier

import rosenblatt

if not sklearn.__version__.startswith("1.9."):
    pytest.skip(
        f"whole models are compared with scikit-learn 1.9, this is {sklearn.__version__}",
        allow_module_level=True,
    )

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::RuntimeWarning")

CLASSES = ["MLPClassifier", "MLPRegressor"]
TOLERANCE = 1e-8  # the module's docstring has the reason
STOCHASTIC_RESULTS = ["loss_curve_", "best_loss_", "validation_scores_", "best_validation_score_"]


class Case(NamedTuple):
    """A class, its data, the parameters that differ from the small default net."""

    name: str
    data: callable
    params: dict = {}  # noqa: RUF012 (never written to)
    weighted: bool = False

    def estimators(self, **changes):
        """The same estimator of this package and of scikit-learn."""
        params = {
            "hidden_layer_sizes": (12,),
            "batch_size": 32,
            "max_iter": 8 if self.params.get("solver") == "lbfgs" else 15,
            "random_state": 7,
        }
        params |= self.params | changes
        return (
            getattr(rosenblatt, self.name)(**params),
            getattr(neural_network, self.name)(**params),
        )

    def arguments(self):
        X, y = self.data()
        return {"X": X, "y": y} | ({"sample_weight": row_weights(len(y))} if self.weighted else {})


def assert_same_model(ours, theirs, X, tolerance=TOLERANCE):
    """Every fitted attribute and every prediction agrees."""
    fitted = {name for name in vars(theirs) if name.endswith("_") and not name.startswith("_")}
    assert fitted <= {name for name in dir(ours) if hasattr(ours, name)}
    for name in ["n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_", "n_features_in_"]:
        assert getattr(ours, name) == getattr(theirs, name), name
    for name in ["coefs_", "intercepts_"]:
        assert len(getattr(ours, name)) == len(getattr(theirs, name))
        for i, (a, b) in enumerate(zip(getattr(ours, name), getattr(theirs, name), strict=True)):
            assert_close(a, b, tolerance, f"{name}[{i}]")
    for name in ["loss_", *STOCHASTIC_RESULTS]:
        assert hasattr(ours, name) == hasattr(theirs, name), name
        desired = getattr(theirs, name, None)
        if desired is None:
            assert getattr(ours, name, None) is None, name
        else:
            assert_close(
                np.asarray(getattr(ours, name), dtype=float),
                np.asarray(desired, dtype=float),
                tolerance,
                name,
            )
    assert_same_predictions(ours, theirs, X, tolerance)


def assert_same_predictions(ours, theirs, X, tolerance=TOLERANCE):
    """predict and, for classifiers, classes_ and probabilities agree."""
    if is_classifier(theirs):
        np.testing.assert_array_equal(ours.classes_, theirs.classes_)
        assert_same_labels(ours.predict(X), theirs.predict(X))
        assert_close(ours.predict_proba(X), theirs.predict_proba(X), tolerance, "predict_proba")
        with np.errstate(divide="ignore"):
            assert_close(
                ours.predict_log_proba(X), theirs.predict_log_proba(X), tolerance, "log_proba"
            )
    else:
        assert_close(ours.predict(X), theirs.predict(X), tolerance, "predict")


def assert_same_labels(actual, desired):
    assert actual.dtype == desired.dtype
    np.testing.assert_array_equal(actual, desired)


def classifier(data, weighted=False, **params):
    return Case("MLPClassifier", data, params, weighted)


def regressor(data, weighted=False, **params):
    return Case("MLPRegressor", data, params, weighted)


SGD = {"solver": "sgd", "learning_rate_init": 0.05}
NEW_PARAMETERS = {
    "n_jobs": None,
    "dtype": None,
    "tol_params": None,
    "callbacks": None,
    "scoring": None,
    "augment": None,
    "restore_best": True,
    "partial_fit_shuffle": "repeat",
}
VALIDATION = ["X_val", "y_val", "sample_weight_val"]  # of fit and partial_fit, ours alone
CASES = {
    # solvers and targets
    "adam-multiclass": classifier(digits),
    "adam-binary": classifier(breast_cancer),
    "adam-multilabel": classifier(multilabel),
    "adam-one-class": classifier(one_class),
    "adam-string-labels": classifier(wine),
    "adam-regression": regressor(diabetes),
    "adam-poisson": regressor(counts, loss="poisson"),
    "sgd-multiclass": classifier(digits, **SGD),
    "sgd-binary": classifier(breast_cancer, **SGD),
    "sgd-multilabel": classifier(multilabel, **SGD),
    "sgd-one-class": classifier(one_class, **SGD),
    "sgd-regression": regressor(diabetes, **SGD),
    "sgd-poisson": regressor(counts, loss="poisson", solver="sgd", learning_rate_init=0.01),
    "lbfgs-multiclass": classifier(iris, solver="lbfgs"),
    "lbfgs-digits": classifier(digits, solver="lbfgs"),
    "lbfgs-binary": classifier(breast_cancer, solver="lbfgs"),
    "lbfgs-multilabel": classifier(multilabel, solver="lbfgs"),
    "lbfgs-one-class": classifier(one_class, solver="lbfgs"),
    "lbfgs-regression": regressor(diabetes, solver="lbfgs"),
    "lbfgs-poisson": regressor(counts, loss="poisson", solver="lbfgs"),
    "lbfgs-max-fun": classifier(iris, solver="lbfgs", max_fun=4),
    # activations
    **{
        f"{solver}-{activation}": classifier(iris, solver=solver, activation=activation)
        for solver in ["adam", "sgd", "lbfgs"]
        for activation in ["identity", "logistic", "tanh", "relu"]
    },
    **{
        f"deep-regression-{activation}": regressor(
            diabetes, activation=activation, hidden_layer_sizes=(9, 8, 7)
        )
        for activation in ["identity", "logistic", "tanh", "relu"]
    },
    # what sgd and adam can be told
    "sgd-no-momentum": classifier(iris, **SGD, momentum=0),
    "sgd-plain-momentum": classifier(iris, **SGD, nesterovs_momentum=False),
    "sgd-full-momentum": classifier(iris, **SGD, momentum=1.0),
    "sgd-invscaling": classifier(iris, **SGD, learning_rate="invscaling"),
    "sgd-invscaling-power": regressor(diabetes, **SGD, learning_rate="invscaling", power_t=0.25),
    "sgd-adaptive": classifier(iris, **SGD, learning_rate="adaptive", tol=0.1, n_iter_no_change=1),
    "sgd-adaptive-to-its-end": classifier(
        iris,
        solver="sgd",
        learning_rate="adaptive",
        learning_rate_init=6e-6,
        tol=0.1,
        n_iter_no_change=1,
        max_iter=50,
    ),
    "sgd-adaptive-validation": regressor(
        diabetes, **SGD, learning_rate="adaptive", early_stopping=True, n_iter_no_change=1, tol=0.1
    ),
    "adam-ignores-adaptive": classifier(iris, learning_rate="adaptive"),
    "adam-ignores-invscaling": classifier(iris, learning_rate="invscaling"),
    "adam-betas": classifier(iris, beta_1=0.5, beta_2=0.9, epsilon=1e-3),
    "adam-no-betas": classifier(iris, beta_1=0, beta_2=0),
    "adam-fast": classifier(iris, learning_rate_init=0.05),
    # shapes of the net and of the batches
    "int-layer": classifier(iris, hidden_layer_sizes=5),
    "numpy-int-layer": classifier(iris, hidden_layer_sizes=np.int64(5)),
    "list-of-layers": classifier(iris, hidden_layer_sizes=[5, 3]),
    "array-of-layers": classifier(iris, hidden_layer_sizes=np.array([5, 3])),
    "five-layers": classifier(iris, hidden_layer_sizes=(17, 1, 16, 15, 33), activation="tanh"),
    "linear-multiclass": classifier(digits, hidden_layer_sizes=()),
    "linear-binary": classifier(breast_cancer, hidden_layer_sizes=(), **SGD),
    "linear-regression": regressor(diabetes, hidden_layer_sizes=()),
    "linear-logistic": classifier(iris, hidden_layer_sizes=(), activation="logistic"),
    "linear-lbfgs": regressor(diabetes, hidden_layer_sizes=(), solver="lbfgs"),
    "wide": classifier(iris, hidden_layer_sizes=(130,)),
    "batch-auto": classifier(digits, batch_size="auto"),
    "batch-odd": classifier(iris, batch_size=37),
    "batch-of-one": classifier(iris, batch_size=1, max_iter=3),
    "batch-of-all": classifier(iris, batch_size=150),
    "batch-too-large": classifier(iris, batch_size=1000),
    "no-shuffle": classifier(digits, shuffle=False),
    "no-shuffle-sgd": regressor(diabetes, shuffle=False, **SGD),
    # the penalty
    "alpha-zero": classifier(digits, alpha=0),
    "alpha-large": classifier(digits, alpha=10.0),
    "alpha-large-sgd": regressor(diabetes, alpha=10.0, **SGD),
    "alpha-large-lbfgs": classifier(iris, alpha=10.0, solver="lbfgs"),
    # weights of rows
    "weights-multiclass": classifier(digits, weighted=True),
    "weights-binary": classifier(breast_cancer, weighted=True),
    "weights-multilabel": classifier(multilabel, weighted=True, **SGD),
    "weights-regression": regressor(diabetes, weighted=True),
    "weights-poisson": regressor(counts, weighted=True, loss="poisson"),
    "weights-lbfgs": classifier(iris, weighted=True, solver="lbfgs"),
    "weights-lbfgs-regression": regressor(diabetes, weighted=True, solver="lbfgs"),
    # stopping
    "stops-by-loss": classifier(
        iris, tol=0.01, n_iter_no_change=2, max_iter=200, learning_rate_init=0.02
    ),
    "stops-by-score": classifier(
        breast_cancer, early_stopping=True, n_iter_no_change=2, max_iter=200
    ),
    "stops-by-score-regression": regressor(
        diabetes, early_stopping=True, n_iter_no_change=2, max_iter=100, learning_rate_init=0.02
    ),
    "never-counts": classifier(iris, tol=0.5, n_iter_no_change=np.inf),
    "validates-binary": classifier(breast_cancer, early_stopping=True),
    "validates-binary-sgd": classifier(breast_cancer, early_stopping=True, **SGD),
    "validates-half": classifier(breast_cancer, early_stopping=True, validation_fraction=0.5),
    "validates-multilabel": classifier(multilabel, early_stopping=True),
    "validates-regression": regressor(diabetes, early_stopping=True),
    "validates-poisson": regressor(counts, early_stopping=True, loss="poisson"),
    "validates-weighted-binary": classifier(breast_cancer, weighted=True, early_stopping=True),
    "validates-weighted-multilabel": classifier(multilabel, weighted=True, early_stopping=True),
    "validates-weighted-regression": regressor(diabetes, weighted=True, early_stopping=True),
    "validates-in-order": classifier(breast_cancer, early_stopping=True, shuffle=False),
    "lbfgs-ignores-early-stopping": classifier(iris, solver="lbfgs", early_stopping=True),
    "lbfgs-converges": regressor(
        diabetes, solver="lbfgs", hidden_layer_sizes=(), alpha=100.0, tol=1e-2
    ),
}


# everything that is not scikit-learn's is off by default
OWN = {
    "normalization": None,
    "dropout": 0.0,
    "input_dropout": 0.0,
    "input_noise": 0.0,
    "input_scale_rate": 0.0,
    "patience_ratio": 0.0,
    "weight_init": "glorot_uniform",
    "intercept_init": "uniform",
    "l1_ratio": 0.0,
    "weight_decay": None,
    "max_norm": None,
    "clip_norm": None,
    "clip_value": None,
    "rho": 0.99,
    "centered": False,
    "rmsprop_momentum": 0.0,
    "momentum_decay": 0.004,
    **NEW_PARAMETERS,
}
OWN_OF_CLASS = {
    "MLPClassifier": {
        "loss": "log_loss",
        "label_smoothing": 0.0,
        "focal_gamma": 2.0,
        "multi_class": "ovr",
        "class_weight": None,
    },
    "MLPRegressor": {
        "huber_delta": 1.0,
        "quantile": 0.5,
        "non_crossing": False,
        "tweedie_power": 1.5,
    },
}


@pytest.mark.parametrize("name", CLASSES)
def test_parameters_and_defaults_are_scikit_learns(name):
    """Names and defaults are scikit-learn's, plus the table's below; two are positional."""
    ours = inspect.signature(getattr(rosenblatt, name)).parameters
    theirs = inspect.signature(getattr(neural_network, name)).parameters
    defaults = {parameter.name: parameter.default for parameter in theirs.values()}
    assert {p.name: p.default for p in ours.values()} == defaults | OWN | OWN_OF_CLASS[name]
    positional = [p.name for p in ours.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert positional == ["hidden_layer_sizes", "activation"]


@pytest.mark.parametrize("name", CLASSES)
def test_methods_are_scikit_learns(name):
    """Every public method of scikit-learn's class exists with the same arguments."""
    ours, theirs = getattr(rosenblatt, name), getattr(neural_network, name)
    for method in [
        m for m in dir(theirs) if not m.startswith("_") and callable(getattr(theirs, m))
    ]:
        assert callable(getattr(ours, method))
        if not method.startswith("set_"):
            arguments = list(inspect.signature(getattr(ours, method)).parameters)
            new = VALIDATION if method in ("fit", "partial_fit") else []
            assert arguments == [
                *inspect.signature(getattr(theirs, method)).parameters,
                *new,
            ], method


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_fit_gives_scikit_learns_model(case):
    """fit gives the coefficients, losses, scores, counts, predictions and warnings of theirs."""
    ours, theirs = case.estimators()
    arguments = case.arguments()
    ours, our_warnings = call_recording_warnings(ours.fit, **arguments)
    theirs, their_warnings = call_recording_warnings(theirs.fit, **arguments)
    assert_same_model(ours, theirs, arguments["X"])
    assert without_advice(our_warnings) == without_advice(their_warnings)


def without_advice(caught):
    """lbfgs warnings without their last sentence, where scikit-learn links to its own pages.

    And without ours about schedules that do not act, of which scikit-learn says nothing.
    """
    return [
        (category, text.split("You might also want")[0])
        for category, text in caught
        if "it is ignored" not in text
    ]


def test_cases_do_what_their_names_say(capsys):
    """Adaptive cases divide the rate, stopping cases stop early and one lbfgs case converges."""
    for name in ["sgd-adaptive", "sgd-adaptive-validation"]:
        case = CASES[name]
        case.estimators(verbose=True)[1].fit(**case.arguments())
        assert "Setting learning rate to 0.010000" in capsys.readouterr().out
    for name in ["stops-by-loss", "stops-by-score", "stops-by-score-regression"]:
        case = CASES[name]
        _, theirs = case.estimators()
        _, warned = call_recording_warnings(theirs.fit, **case.arguments())
        assert 4 < theirs.n_iter_ < theirs.max_iter
        assert not warned
    case = CASES["lbfgs-converges"]
    assert not call_recording_warnings(case.estimators()[1].fit, **case.arguments())[1]


ON_EVERY_ISA = [
    "adam-multiclass",
    "adam-binary",
    "sgd-multilabel",
    "sgd-poisson",
    "lbfgs-regression",
    "five-layers",
    "adam-logistic",
    "deep-regression-tanh",
    "weights-multiclass",
    "validates-regression",
    "linear-multiclass",
]


@pytest.mark.parametrize("name", ON_EVERY_ISA)
def test_fit_gives_scikit_learns_model_on_every_isa(name, isa):
    """Every instruction set trains and predicts scikit-learn's model."""
    ours, theirs = CASES[name].estimators()
    arguments = CASES[name].arguments()
    assert_same_model(ours.fit(**arguments), theirs.fit(**arguments), arguments["X"])


# Sums over 15 epochs in float32: theirs and ours differ by roundings of 6e-8 that some hundred
# steps amplify; adam divides by the root of small second moments, which amplifies most.
FLOAT32_TOLERANCE = 2e-3


@pytest.mark.parametrize(
    "name",
    [
        "adam-multiclass",
        "adam-binary",
        "adam-multilabel",
        "adam-regression",
        "adam-poisson",
        "sgd-multiclass",
        "sgd-regression",
        "weights-multiclass",
        "deep-regression-logistic",
    ],
)
def test_float32_data_train_a_float32_model_near_scikit_learns(name, isa):
    """float32 in: coefficients, probabilities and regression predictions are float32."""
    ours, theirs = CASES[name].estimators()
    arguments = CASES[name].arguments()
    arguments["X"] = arguments["X"].astype(np.float32)
    ours.fit(**arguments)
    theirs.fit(**arguments)
    for name in ["coefs_", "intercepts_"]:
        for a, b in zip(getattr(ours, name), getattr(theirs, name), strict=True):
            assert a.dtype == np.float32
            assert_close(a, b, FLOAT32_TOLERANCE, name)
    assert_close(ours.loss_curve_, theirs.loss_curve_, 1e-4, "loss_curve_")
    predict = "predict_proba" if is_classifier(ours) else "predict"
    assert_close(
        getattr(ours, predict)(arguments["X"]),
        getattr(theirs, predict)(arguments["X"]),
        FLOAT32_TOLERANCE,
        predict,
    )


def test_float32_model_predicts_float64_data_as_scikit_learns_does():
    """A float32 model takes float64 rows and answers in the dtype in which scikit-learn does."""
    ours, theirs = CASES["adam-regression"].estimators()
    X, y = diabetes()
    ours.fit(X.astype(np.float32), y)
    theirs.fit(X.astype(np.float32), y)
    assert_close(ours.predict(X), theirs.predict(X), FLOAT32_TOLERANCE, "predict")


@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("weighted", [False, True])
def test_several_outputs_train_scikit_learns_weights(solver, weighted):
    """With several real targets adam and sgd give scikit-learn's weights and predictions."""
    case = regressor(diabetes_many, solver=solver, weighted=weighted, tol=0, n_iter_no_change=100)
    ours, theirs = case.estimators()
    arguments = case.arguments()
    ours.fit(**arguments)
    theirs.fit(**arguments)
    for name in ["coefs_", "intercepts_"]:
        for a, b in zip(getattr(ours, name), getattr(theirs, name), strict=True):
            assert_close(a, b, TOLERANCE, name)
    assert (ours.n_outputs_, ours.t_, ours.n_iter_) == (3, theirs.t_, theirs.n_iter_)
    assert_same_predictions(ours, theirs, arguments["X"])


LONG_LBFGS = ["lbfgs-multiclass", "lbfgs-binary", "lbfgs-regression", "lbfgs-poisson"]


@pytest.mark.parametrize("name", LONG_LBFGS)
def test_longer_lbfgs_fits_reach_scikit_learns_loss(name):
    """After 100 lbfgs iterations the loss is no worse than scikit-learn's.

    Roundings grow to wholly different weights by then. 20 % and 0.01 allow for two different
    paths over the same rough ground; a wrong gradient ends the line search far above that.
    """
    ours, theirs = CASES[name].estimators(max_iter=100, alpha=0.1)
    arguments = CASES[name].arguments()
    assert ours.fit(**arguments).loss_ < 1.2 * theirs.fit(**arguments).loss_ + 0.01


@pytest.mark.parametrize("to_sparse", [sparse.csr_matrix, sparse.csc_matrix, sparse.csr_array])
@pytest.mark.parametrize(
    "name",
    [
        "adam-multiclass",
        "sgd-multiclass",
        "lbfgs-digits",
        "linear-multiclass",
        "weights-multiclass",
        "no-shuffle",
    ],
)
def test_sparse_input_gives_scikit_learns_model(name, to_sparse):
    """CSR and CSC input train and predict scikit-learn's model; dense rows predict the same."""
    ours, theirs = CASES[name].estimators()
    arguments = CASES[name].arguments()
    X = arguments["X"]
    arguments["X"] = to_sparse(X)
    assert_same_model(ours.fit(**arguments), theirs.fit(**arguments), arguments["X"])
    assert_same_predictions(ours, theirs, X)


@pytest.mark.parametrize("name", CLASSES)
def test_sparse_input_is_split_for_early_stopping_as_in_scikit_learn(name):
    """Sparse rows give the same validation split, scores and model."""
    case = Case(name, breast_cancer, {"early_stopping": True})
    ours, theirs = case.estimators()
    X, y = breast_cancer()
    X = sparse.csr_matrix(X)
    assert_same_model(ours.fit(X, y), theirs.fit(X, y), X)


WARM_CASES = [
    "adam-multiclass",
    "sgd-regression",
    "sgd-invscaling",
    "sgd-adaptive",
    "lbfgs-multiclass",
    "weights-binary",
    "validates-binary",
    "adam-one-class",
]


@pytest.mark.parametrize("name", WARM_CASES)
def test_warm_start_goes_on_as_in_scikit_learn(name):
    """Three warm fits agree after each: weights go on, curves grow, the optimiser starts anew."""
    ours, theirs = CASES[name].estimators(warm_start=True, max_iter=4)
    arguments = CASES[name].arguments()
    for _ in range(3):
        assert_same_model(ours.fit(**arguments), theirs.fit(**arguments), arguments["X"])


def test_warm_start_takes_changed_parameters():
    """set_params between two warm fits acts on the second as it does in scikit-learn."""
    ours, theirs = CASES["adam-multiclass"].estimators(warm_start=True, max_iter=3)
    X, y = digits()
    for model in (ours, theirs):
        model.fit(X, y)
        model.set_params(solver="sgd", learning_rate_init=0.1, alpha=0.5, batch_size=50)
        model.fit(X, y)
    assert_same_model(ours, theirs, X)


def test_fit_without_warm_start_starts_anew():
    """A second fit without warm_start gives scikit-learn's model of one fit."""
    ours, theirs = CASES["adam-multiclass"].estimators()
    X, y = digits()
    assert_same_model(ours.fit(*iris()).fit(X, y), theirs.fit(X, y), X)


PARTIAL_CASES = [
    "adam-multiclass",
    "adam-binary",
    "adam-multilabel",
    "adam-string-labels",
    "sgd-multiclass",
    "sgd-adaptive",
    "sgd-invscaling",
    "adam-regression",
    "sgd-poisson",
    "weights-multiclass",
    "weights-regression",
    "no-shuffle",
]


def parts(arguments, n_parts=3):
    """The arguments of partial_fit: the data in `n_parts` interleaved parts."""
    for i in range(n_parts):
        yield {name: value[i::n_parts] for name, value in arguments.items()}


@pytest.mark.parametrize("name", PARTIAL_CASES)
def test_partial_fit_agrees_after_every_call(name):
    """partial_fit over parts of the data, five rounds: moments, t_ and loss_curve_ go on."""
    ours, theirs = CASES[name].estimators()
    arguments = CASES[name].arguments()
    y = arguments["y"]
    classes = np.unique(y) if y.ndim == 1 else np.arange(y.shape[1])
    first = {"classes": classes} if is_classifier(theirs) else {}
    for _ in range(5):
        for part in parts(arguments):
            ours.partial_fit(**part, **first)
            theirs.partial_fit(**part, **first)
            first = {}
        assert_same_model(ours, theirs, arguments["X"])


@pytest.mark.parametrize("warm_start", [False, True])
@pytest.mark.parametrize("name", PARTIAL_CASES)
def test_partial_fit_after_fit_keeps_the_optimiser_going(name, warm_start):
    """partial_fit after fit continues the moments and the step count, as in scikit-learn."""
    ours, theirs = CASES[name].estimators(max_iter=5, warm_start=warm_start)
    arguments = CASES[name].arguments()
    for model in (ours, theirs):
        model.fit(**arguments)
        for _ in range(5):
            model.partial_fit(**arguments)
    assert_same_model(ours, theirs, arguments["X"])


def test_fit_after_partial_fit_starts_anew():
    """fit forgets what partial_fit learned, unless warm_start keeps the weights."""
    X, y = digits()
    for warm_start in (False, True):
        ours, theirs = CASES["adam-multiclass"].estimators(warm_start=warm_start, max_iter=4)
        for model in (ours, theirs):
            model.partial_fit(X, y, classes=range(10)).partial_fit(X, y)
            model.fit(X, y)
        assert_same_model(ours, theirs, X)


def test_partial_fit_knows_classes_that_a_part_lacks():
    """The first call's classes count, not the labels of its rows."""
    X, y = iris()
    ours, theirs = CASES["adam-relu"].estimators()
    for model in (ours, theirs):
        model.partial_fit(X[:50], y[:50], classes=[0, 1, 2])
        model.partial_fit(X[50:], y[50:])
        model.partial_fit(X[100:], y[100:], classes=[0, 1, 2])
    assert_same_model(ours, theirs, X)


@pytest.mark.parametrize(
    "name", ["adam-multiclass", "validates-binary", "no-shuffle", "lbfgs-relu"]
)
def test_random_state_instance_is_drawn_from_as_in_scikit_learn(name):
    """A RandomState gives the same model and ends in the same state, fit after fit."""
    our_rng, their_rng = np.random.RandomState(5), np.random.RandomState(5)
    ours, theirs = CASES[name].estimators()
    ours.set_params(random_state=our_rng)
    theirs.set_params(random_state=their_rng)
    arguments = CASES[name].arguments()
    for _ in range(2):
        assert_same_model(ours.fit(**arguments), theirs.fit(**arguments), arguments["X"])
        for a, b in zip(our_rng.get_state(), their_rng.get_state(), strict=True):
            np.testing.assert_array_equal(a, b)


def test_random_state_instance_goes_on_in_partial_fit():
    """With a RandomState every partial_fit draws a new order, the same as scikit-learn's."""
    ours, theirs = CASES["adam-multiclass"].estimators()
    X, y = digits()
    for model in (ours, theirs):
        model.set_params(random_state=np.random.RandomState(9))
        for _ in range(4):
            model.partial_fit(X, y, classes=range(10))
    assert_same_model(ours, theirs, X)


def test_random_state_none_draws_from_numpys_global_state():
    """random_state=None uses and advances np.random, as scikit-learn does."""
    saved = np.random.get_state()
    try:
        ours, theirs = CASES["adam-relu"].estimators(random_state=None)
        X, y = iris()
        np.random.seed(3)
        ours.fit(X, y)
        after_ours = np.random.rand()
        np.random.seed(3)
        theirs.fit(X, y)
        assert after_ours == np.random.rand()
        assert_same_model(ours, theirs, X)
    finally:
        np.random.set_state(saved)


TARGETS = {
    "bool": lambda y: y == 1,
    "float": lambda y: y.astype(float),
    "object": lambda y: np.array(["setosa", "versicolor", "virginica"], dtype=object)[y],
    "negative": lambda y: y - 5,
    "list": lambda y: y.tolist(),
    "column": lambda y: y[:, np.newaxis],
}


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("target", TARGETS)
def test_targets_of_any_form_are_taken_as_in_scikit_learn(name, target):
    """Labels or numbers of any dtype; a column vector gives DataConversionWarning."""
    if name == "MLPRegressor" and target == "object":
        pytest.skip("names of flowers are no target of a regression")
    X, y = iris()
    y = TARGETS[target](y)
    ours, theirs = Case(name, iris).estimators(max_iter=3)
    ours, our_warnings = call_recording_warnings(ours.fit, X, y)
    theirs, their_warnings = call_recording_warnings(theirs.fit, X, y)
    assert our_warnings == their_warnings
    assert ("DataConversionWarning" in str(our_warnings)) == (target == "column")
    assert_same_model(ours, theirs, X)


@pytest.mark.parametrize("name", CLASSES)
def test_input_of_other_dtypes_trains_in_float64(name):
    """Integers, booleans and nested lists are computed in float64, as in scikit-learn."""
    X, y = iris()
    for other in [np.round(X * 2).astype(np.int8), X > 0, X.tolist(), X.astype(np.float16)]:
        ours, theirs = Case(name, iris).estimators(max_iter=2)
        assert_same_model(ours.fit(other, y), theirs.fit(other, y), other)


def test_one_weight_for_all_rows():
    """A number as sample_weight is every row's weight, as in scikit-learn."""
    X, y = iris()
    ours, theirs = CASES["adam-relu"].estimators()
    ours.fit(X, y, sample_weight=2.5)
    assert_same_model(ours, theirs.fit(X, y, sample_weight=2.5), X)


def test_negative_weights_are_taken_as_in_scikit_learn():
    """scikit-learn does not refuse negative weights; where a batch's sum is positive they act."""
    X, y = iris()
    weights = np.where(np.arange(len(y)) % 10 == 0, -0.5, 1.0)
    ours, theirs = CASES["adam-relu"].estimators(max_iter=5)
    ours.fit(X, y, sample_weight=weights)
    assert_same_model(ours, theirs.fit(X, y, sample_weight=weights), X)


@pytest.mark.parametrize(
    "name", ["adam-multiclass", "adam-multilabel", "adam-regression", "adam-binary"]
)
def test_score_is_scikit_learns(name):
    """score is accuracy or R2, with and without weights."""
    ours, theirs = CASES[name].estimators()
    X, y = CASES[name].data()
    ours.fit(X, y)
    theirs.fit(X, y)
    for weights in [None, row_weights(len(y))]:
        assert ours.score(X, y, weights) == pytest.approx(
            theirs.score(X, y, weights), rel=1e-9
        )  # sums of a few hundred terms


VERBOSE = {
    "max-iter": classifier(iris, max_iter=4),
    "loss-stops": classifier(iris, tol=0.05, n_iter_no_change=2),
    "loss-stops-sgd": classifier(iris, **SGD, tol=0.05, n_iter_no_change=2, max_iter=50),
    "score-stops": classifier(breast_cancer, early_stopping=True, n_iter_no_change=2, max_iter=50),
    "score-stops-regression": regressor(
        diabetes, early_stopping=True, n_iter_no_change=1, tol=0.1, max_iter=50
    ),
    "rate-divided": classifier(
        iris, **SGD, learning_rate="adaptive", tol=0.5, n_iter_no_change=1, max_iter=60
    ),
    "lbfgs": classifier(iris, solver="lbfgs"),
}


@pytest.mark.parametrize("case", VERBOSE.values(), ids=VERBOSE.keys())
def test_verbose_prints_what_scikit_learn_prints(case, capsys):
    """verbose=True writes scikit-learn's lines, stopping and rate messages included."""
    ours, theirs = case.estimators(verbose=True)
    arguments = case.arguments()
    ours.fit(**arguments)
    printed = capsys.readouterr()
    theirs.fit(**arguments)
    assert (printed.out, printed.err) == tuple(capsys.readouterr())


def test_verbose_partial_fit_prints_what_scikit_learn_prints(capsys):
    """partial_fit prints one line a call, always of iteration 1."""
    ours, theirs = CASES["adam-relu"].estimators(verbose=True)
    X, y = iris()
    printed = []
    for model in (ours, theirs):
        for _ in range(3):
            model.partial_fit(X, y, classes=[0, 1, 2])
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]
    assert printed[0].count("Iteration 1, ") == 3


def test_silent_by_default(capfd):
    """verbose=False writes nothing at all."""
    for name in ["adam-relu", "lbfgs-relu", "validates-binary"]:
        ours, _ = CASES[name].estimators()
        ours.fit(**CASES[name].arguments())
    assert tuple(capfd.readouterr()) == ("", "")


@pytest.mark.parametrize("name", CLASSES)
def test_default_parameters_train_scikit_learns_model(name):
    """Nothing set but the seed and 15 epochs: the model that most people will compare."""
    X, y = digits()
    ours = getattr(rosenblatt, name)(random_state=0, max_iter=15).fit(X, y)
    theirs = getattr(neural_network, name)(random_state=0, max_iter=15).fit(X, y)
    assert_same_model(ours, theirs, X)


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_attributes_exist_after_the_solvers_that_set_them(solver):
    """loss_curve_ and its companions exist after adam and sgd only, as in scikit-learn."""
    ours, theirs = Case("MLPClassifier", iris, {"solver": solver}).estimators(max_iter=2)
    for model in (ours, theirs):
        model.fit(*iris())
    for name in ["loss_", "t_", "n_iter_", "classes_", *STOCHASTIC_RESULTS]:
        assert hasattr(ours, name) == hasattr(theirs, name), name


def test_failed_fit_raises_what_scikit_learn_raises_for_a_small_validation_set():
    """Too few rows to validate on, or a class of one row in a binary target: the same error."""
    X, y = breast_cancer()
    lonely = np.zeros(40, dtype=int)
    lonely[3] = 1
    for data, params in [
        ((X[:8], y[:8].astype(float)), {"name": "MLPRegressor"}),
        ((X[:40], lonely), {"name": "MLPClassifier"}),
    ]:
        name = params.pop("name")
        errors = []
        for model in Case(name, breast_cancer, params).estimators(early_stopping=True):
            with pytest.raises(ValueError) as error:  # noqa: PT011 (texts are compared below)
                model.fit(*data)
            # a list of the labels that are too few ends the text; scikit-learn names its codes
            errors.append(str(error.value).split("are: [")[0].rstrip("."))
        ours, theirs = errors
        assert ours.startswith(theirs)  # ours may go on with the numbers
