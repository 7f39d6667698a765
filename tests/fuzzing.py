"""Small random fits: estimator, parameters and data drawn from one seed, and invariants.

`tests/test_fuzz.py` runs a few of them, `scripts/fuzz` as many as it is asked for.
"""

import pickle
import warnings

import numpy as np
from scipy import sparse
from sklearn.base import clone

from rosenblatt import MLPClassifier, MLPRegressor, PerceptronClassifier
from rosenblatt.core.dispatch import ACTIVATIONS, OPTIMIZERS
from rosenblatt.schedules import SCHEDULES

# values worth trying; a case takes a few of the parameters, so that many cases get to training
NETWORK = {
    "activation": [*ACTIVATIONS, ("tanh", "relu"), ["gelu"], "softsigm"],
    "solver": [*OPTIMIZERS, "lbfgs", "lion"],
    "alpha": [0.0, 1e-4, 1.0, 1e6, -1.0, np.nan],
    "batch_size": ["auto", 1, 2, 7, 1000, 0],
    "learning_rate": list(SCHEDULES),
    "learning_rate_init": [1e-3, 0.1, 1e3, 1e300, 0.0],
    "shuffle": [True, False],
    "tol": [0.0, 1e-4, np.inf],
    "tol_params": [None, 0.0, 1e-3],
    "warm_start": [False, True, "optimizer"],
    "early_stopping": [True, False],
    "validation_fraction": [0.1, 0.5, 0.99],
    "n_iter_no_change": [1, 2, np.inf],
    "restore_best": [True, False],
    "nesterovs_momentum": [True, False],
    "momentum": [0.0, 0.9, 1.0],
    "beta_1": [0.0, 0.5, 1.0],
    "beta_2": [0.0, 0.5],
    "epsilon": [1e-8, 1e-300, 0.1],
    "clip_norm": [None, 1e-3, 1.0],
    "clip_value": [None, 1e-3],
    "max_norm": [None, 0.5],
    "weight_decay": [None, 0.1],
    "l1_ratio": [0.0, 0.5, 1.0],
    "dropout": [0.0, 0.5, 0.999, [0.2, 0.0]],
    "input_dropout": [0.0, 0.3],
    "input_noise": [0.0, 0.5],
    "normalization": [None, "batch", "layer"],
    "weight_init": ["glorot_uniform", "he_normal", "orthogonal", "zeros"],
    "intercept_init": ["uniform", "zeros"],
    "dtype": [None, "float32", "float64"],
    "n_jobs": [None, 1, 2, -1],
    "partial_fit_shuffle": ["repeat", "continue"],
}
CLASSIFIER = {
    "loss": ["log_loss", "squared_error", "focal", "hinge", "squared_hinge", "poisson"],
    "multi_class": ["ovr", "crammer_singer"],
    "label_smoothing": [0.0, 0.1],
    "focal_gamma": [0.0, 2.0],
    "class_weight": [None, "balanced"],
}
REGRESSOR = {
    "loss": [
        "squared_error",
        "absolute_error",
        "huber",
        "log_cosh",
        "quantile",
        "poisson",
        "gamma",
        "tweedie",
    ],
    "quantile": [0.5, 0.01, [0.1, 0.9]],
    "non_crossing": [True, False],
    "huber_delta": [1.0, 1e-3],
    "tweedie_power": [1.5, 0, 3],
}
PERCEPTRON = {
    "penalty": [None, "l2", "l1", "elasticnet"],
    "alpha": [1e-4, 1.0, 0.0],
    "l1_ratio": [0.15, 1.0, 0.0],
    "fit_intercept": [True, False],
    "max_iter": [1, 5, 50],
    "tol": [None, 1e-3, np.inf],
    "shuffle": [True, False],
    "eta0": [1.0, 1e-3, 1e300],
    "early_stopping": [True, False],
    "n_iter_no_change": [1, 5],
    "class_weight": [None, "balanced"],
    "average": [True, False, 3],
    "warm_start": [True, False],
}

# What a person may be told. Everything else is a defect.
REFUSALS = (ValueError, MemoryError)


def drawn(rng, values):
    """One of the values: `rng.choice` would make an array of them."""
    return values[rng.integers(len(values))]


def drawn_parameters(rng, table, share):
    """About so many of the table's parameters, with a value each."""
    return {name: drawn(rng, values) for name, values in table.items() if rng.random() < share}


def estimator_of(rng):
    """An estimator with a few parameters that are not the default."""
    kind = rng.integers(5)
    if kind == 0:
        return PerceptronClassifier(random_state=0, **drawn_parameters(rng, PERCEPTRON, 0.3))
    cls, table = (MLPClassifier, CLASSIFIER) if kind < 3 else (MLPRegressor, REGRESSOR)
    widths = tuple(int(width) for width in rng.integers(1, 20, rng.integers(0, 4)))
    parameters = drawn_parameters(rng, NETWORK | table, drawn(rng, [0.05, 0.15, 0.3]))
    return cls(widths, max_iter=int(rng.integers(1, 6)), random_state=0, **parameters)


def rows_of(rng):
    """X: mostly ordinary, at times of another type, order, scale, or with what is no number."""
    X = rng.normal(size=(rng.integers(1, 40), rng.integers(1, 12)))
    X = X * 10.0 ** rng.integers(-3, 4) if rng.random() < 0.3 else X
    if rng.random() < 0.05:
        X.flat[rng.integers(X.size)] = drawn(rng, [np.nan, np.inf, 1e300, -0.0, 5e-324])
    kind = rng.integers(8)
    if kind == 0:
        return sparse.random_array(X.shape, density=0.3, format="csr", rng=rng)
    if kind == 1:
        with np.errstate(over="ignore"):
            return X.astype(np.float32)
    if kind == 2:
        return np.asfortranarray(X)
    if kind == 3:
        return np.repeat(X, 2, axis=1)[:, ::2]
    return X


def targets_of(rng, estimator, n_rows):
    """y that mostly fits the estimator, and weights or None."""
    if isinstance(estimator, MLPRegressor):
        y = rng.normal(size=(n_rows, *rng.integers(1, 4, rng.integers(2))))
        y = np.abs(y) if rng.random() < 0.5 else y
        y = y * 10.0 ** rng.integers(-3, 9) if rng.random() < 0.2 else y
    else:
        y = rng.integers(drawn(rng, [1, 2, 2, 3, 5]), size=n_rows)
        kind = rng.integers(6)
        if kind == 0:
            y = np.array(["no", "yes", "perhaps", "never", "often"])[y]
        elif kind == 1:
            y = rng.integers(2, size=(n_rows, 3))
    weights = np.abs(rng.normal(size=n_rows)) if rng.random() < 0.2 else None
    return y, weights


def state_of(estimator):
    """All that the estimator remembers, as bytes."""
    return pickle.dumps(vars(estimator))


def fitted_or_refused(estimator, call):
    """Whether the call went through; a refusal must leave the estimator as it was."""
    before = state_of(estimator)
    try:
        call()
    except REFUSALS:
        assert state_of(estimator) == before, "a refused call changed the estimator"
        return False
    return True


def same_output(first, second):
    """Equal to the bit, whatever is no number included."""
    return np.asarray(first).tobytes() == np.asarray(second).tobytes()


def check_fitted(estimator, X, fresh_fit):
    """The same seed gives the same bits; a pickle predicts the same; shapes are right."""
    prediction = estimator.predict(X)
    assert len(prediction) == X.shape[0]
    assert same_output(pickle.loads(pickle.dumps(estimator)).predict(X), prediction)
    for coef in getattr(estimator, "coefs_", []):
        assert np.isfinite(coef).all(), "weights are no numbers"
    twin = fresh_fit()
    if twin is not None:
        assert same_output(twin.predict(X), prediction), "the same seed gave another model"


def check(seed):
    """Runs a case; whether it was trained. Raises whatever it should not have."""
    rng = np.random.default_rng(seed)
    estimator, X = estimator_of(rng), rows_of(rng)
    y, weights = targets_of(rng, estimator, X.shape[0])

    def fit(model):
        return model.fit(X, y, sample_weight=weights)

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        is_trained = fitted_or_refused(estimator, lambda: fit(estimator))
        if is_trained:
            check_fitted(estimator, X, lambda: fit(clone(estimator)))
        for _ in range(rng.integers(3)):  # goes on, from a fitted model or from none
            other = rows_of(rng) if rng.random() < 0.2 else X
            labels = {} if isinstance(estimator, MLPRegressor) else {"classes": np.unique(y)}
            if not hasattr(estimator, "partial_fit"):
                break
            went_on = fitted_or_refused(
                estimator, lambda rows=other, extra=labels: estimator.partial_fit(rows, y, **extra)
            )
            is_trained = is_trained or went_on
            if is_trained:
                fitted_or_refused(estimator, lambda: estimator.predict(X))
    return is_trained
