"""Random sequences of operations on an estimator: nothing is lost, nothing crashes.

Short in every run; `scripts/state_machine` looks for longer and rarer orders.
"""

import os
import pickle
import signal
import warnings

import numpy as np
import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from scipy.special import expit, softmax
from sklearn.base import clone

from rosenblatt import MLPClassifier, MLPRegressor

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 4))
CLASSES = RNG.integers(3, size=30)
NUMBERS = X @ RNG.normal(size=(4, 2))

CHANGES = st.one_of(
    st.fixed_dictionaries({"warm_start": st.sampled_from([False, True, "optimizer"])}),
    st.fixed_dictionaries({"solver": st.sampled_from(["adam", "sgd", "rmsprop", "lbfgs"])}),
    st.fixed_dictionaries({"early_stopping": st.booleans()}),
    st.fixed_dictionaries({"batch_size": st.sampled_from(["auto", 1, 8])}),
    st.fixed_dictionaries({"hidden_layer_sizes": st.sampled_from([(5,), (3, 4)])}),
    st.fixed_dictionaries({"learning_rate_init": st.sampled_from([0.01, 1e6])}),
    st.fixed_dictionaries({"normalization": st.sampled_from([None, "batch", "layer"])}),
    st.fixed_dictionaries({"dtype": st.sampled_from([None, "float32"])}),
    st.fixed_dictionaries({"partial_fit_shuffle": st.sampled_from(["repeat", "continue"])}),
    st.fixed_dictionaries({"max_iter": st.sampled_from([1, 4, -1])}),
)


class StopError(Exception):
    """What a callback raises."""


class Disturbance:
    """A callback that raises, or presses Ctrl-C, after so many epochs of its fit."""

    def __init__(self, kind, epochs):
        self.kind, self.epochs = kind, epochs

    def __call__(self, record, estimator):
        self.epochs -= 1
        if self.epochs > 0:
            return
        if self.kind == "error":
            raise StopError
        os.kill(os.getpid(), signal.SIGINT)


def outputs_by_numpy(model, rows):
    """What the network's arrays say, for one without normalisation: the textbook's forward pass."""
    a = rows.astype(model.coefs_[0].dtype)
    for coef, intercept in zip(model.coefs_[:-1], model.intercepts_[:-1], strict=True):
        a = np.maximum(a @ coef + intercept, 0)
    z = a @ model.coefs_[-1] + model.intercepts_[-1]
    if isinstance(model, MLPRegressor):
        return z
    return softmax(z, axis=1) if z.shape[1] > 1 else expit(z)


def outputs(model, rows):
    return model.predict(rows) if isinstance(model, MLPRegressor) else model.predict_proba(rows)


class Life(RuleBasedStateMachine):
    """One estimator and what was done to it."""

    @initialize(cls=st.sampled_from([MLPClassifier, MLPRegressor]))
    def begin(self, cls):
        self.model = cls((5,), max_iter=3, random_state=0)
        self.y = CLASSES if cls is MLPClassifier else NUMBERS
        self.normalized = False

    @property
    def is_fitted(self):
        return hasattr(self.model, "coefs_")

    def tried(self, call):
        """Whether the call went through; after an error everything is as it was."""
        before = pickle.dumps(vars(self.model))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                call()
            except (ValueError, AttributeError, StopError, KeyboardInterrupt):
                assert pickle.dumps(vars(self.model)) == before
                return False
        self.normalized = self.model.normalization is not None
        return True

    @rule()
    def fit(self):
        self.tried(lambda: self.model.fit(X, self.y))

    @rule(rows=st.slices(30))
    def partial_fit(self, rows):
        is_classifier = isinstance(self.model, MLPClassifier)
        options = {"classes": [0, 1, 2]} if is_classifier else {}
        self.tried(lambda: self.model.partial_fit(X[rows], self.y[rows], **options))

    @rule(change=CHANGES)
    def set_params(self, change):
        self.model.set_params(**change)

    @rule(fault=st.sampled_from(["rows", "nan", "columns", "weights", "targets"]))
    def fit_bad_data(self, fault):
        rows, y, weights = X, self.y, None
        if fault == "rows":
            y = y[:-1]
        elif fault == "nan":
            rows = np.where(X[3, 1] == X, np.nan, X)
        elif fault == "columns":
            rows = X[:, :0]
        elif fault == "weights":
            weights = np.zeros(30)
        else:
            y = np.full(30, None)
        assert not self.tried(lambda: self.model.fit(rows, y, sample_weight=weights))

    @rule(kind=st.sampled_from(["error", "ctrl-c"]), epochs=st.integers(1, 3))
    def disturb(self, kind, epochs):
        """A fit in which a callback raises or Ctrl-C is pressed."""

        def disturbed():
            self.model.set_params(callbacks=[Disturbance(kind, epochs)])
            try:
                self.model.fit(X, self.y)
            finally:
                self.model.set_params(callbacks=None)

        self.tried(disturbed)

    @precondition(lambda self: self.is_fitted)
    @rule(factor=st.sampled_from([0.0, -1.0, 0.5]))
    def edit_weights(self, factor):
        """Predictions follow what was written into an array or assigned to it."""
        self.model.coefs_[0][:, 0] *= factor
        self.model.intercepts_[-1] = self.model.intercepts_[-1] * factor

    @precondition(lambda self: self.is_fitted)
    @rule()
    def assign_a_wrong_shape(self):
        whole = self.model.coefs_[0]
        self.model.coefs_[0] = whole[:-1]
        with pytest.raises(ValueError, match="coefs_"):
            self.model.predict(X)
        self.model.coefs_[0] = whole

    @rule()
    def pickle_it(self):
        self.model = pickle.loads(pickle.dumps(self.model))

    @rule()
    def clone_it(self):
        twin = clone(self.model)
        assert not hasattr(twin, "coefs_")
        assert twin.get_params() == self.model.get_params()

    @invariant()
    def predicts_what_its_arrays_say(self):
        if not hasattr(self, "model") or not self.is_fitted:
            return
        predicted = outputs(self.model, X)
        assert np.isfinite(predicted).all()
        assert len(predicted) == len(X)
        if not self.normalized:
            is_float32 = "float32" in (self.model.coefs_[0].dtype, self.model.dtype)
            tolerance = 1e-3 if is_float32 else 1e-9
            wanted = outputs_by_numpy(self.model, X)
            scale = np.abs(wanted).max()
            np.testing.assert_allclose(
                predicted, wanted.reshape(predicted.shape), rtol=tolerance, atol=tolerance * scale
            )

    @invariant()
    def records_fit_the_epochs(self):
        if not hasattr(self, "model") or not hasattr(self.model, "loss_curve_"):
            return
        assert self.model.n_iter_ <= len(self.model.loss_curve_)
        assert len(self.model.history_["loss"]) == len(self.model.loss_curve_)


Life.TestCase.settings = settings(
    settings.get_profile("rosenblatt"),
    max_examples=int(os.environ.get("ROSENBLATT_STATE_MACHINE_EXAMPLES", "25")),
    stateful_step_count=20,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],  # no explanations: slow
)
TestLife = Life.TestCase
