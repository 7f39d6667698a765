"""A program like those of users. Type checkers accept it in their strictest mode, and
it runs; each assert_type fails them where a result has lost its type.
"""

from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

import rosenblatt
from rosenblatt import (
    MLPClassifier,
    MLPRegressor,
    PerceptronClassifier,
    TabularMLPClassifier,
    TabularMLPRegressor,
    callbacks,
    diagnose,
    inspection,
)
from rosenblatt.preprocessing import (
    PiecewiseLinearEncoder,
    RobustSmoothScaler,
    TabularPreprocessor,
)
from rosenblatt.schedules import Cosine, OneCycle

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3))
y = X.sum(axis=1)
labels = (y > 0).astype(int)


def stops_early(record: Any, estimator: MLPClassifier) -> bool:
    """A callback of one's own."""
    return bool(record.loss < 1e-9)


classifier = MLPClassifier(
    (20, 10),
    activation=["relu", "tanh"],
    normalization="batch",
    dropout=[0.1, 0.2],
    weight_init="he_normal",
    batch_size=32,
    learning_rate=Cosine(warmup=0.1),
    warm_start="optimizer",
    verbose=0,
    n_iter_no_change=np.inf,
    max_iter=2,
    class_weight={0: 1, 1: 2},
    scoring="roc_auc",
    callbacks=[callbacks.TimeLimit(100), stops_early, lambda record, estimator: False],
)
assert_type(classifier.fit(X, labels, X_val=X, y_val=labels), MLPClassifier)
assert_type(classifier.partial_fit(X, labels), MLPClassifier)
assert_type(classifier.predict_proba(X), NDArray[Any])
assert_type(classifier.history_["loss"], list[float])
assert_type(classifier.coefs_, list[NDArray[Any]])
assert_type(classifier.activations(X, -1), NDArray[Any])
MLPClassifier(
    verbose=2, random_state=np.random.RandomState(0), learning_rate=lambda share: 1 - share
)

regressor = MLPRegressor(
    hidden_layer_sizes=5,
    activation="gelu",
    solver="adamw",
    loss="quantile",
    quantile=(0.1, 0.9),
    non_crossing=True,
    learning_rate=OneCycle(anneal_strategy="linear"),
    early_stopping=True,
    dtype="float32",
    max_iter=2,
)
low, high = regressor.fit(X.tolist(), y).predict(X).T
assert_type(regressor.score(X, y), float)
assert_type(regressor.best_validation_score_, float | None)

neuron = PerceptronClassifier(penalty="l1", average=10).fit(X, labels.tolist())
assert_type(neuron, PerceptronClassifier)
assert_type(neuron.coef_, NDArray[Any])
assert_type(PerceptronClassifier.from_sklearn(neuron.to_sklearn()), PerceptronClassifier)
assert_type(rosenblatt.to_c(neuron, name="neuron", dtype="float32"), str)
assert_type(rosenblatt.SKOPS_TYPES, list[str])

table = TabularMLPRegressor("fast", n_members=2, n_folds=2, max_iter=2, callbacks=[lambda r, e: 0])
assert_type(table.fit(X, y), TabularMLPRegressor)
assert_type(table.predict_interval(X, coverage=0.8), NDArray[Any])
assert_type([column.kind for column in table.columns_], list[str])
assert_type(TabularMLPClassifier(class_weight="balanced"), TabularMLPClassifier)

scaled = RobustSmoothScaler(clip=2.0).fit(X).transform(X)
assert_type(scaled, NDArray[Any])
assert_type(PiecewiseLinearEncoder(8, strategy="tree").fit(X, y), PiecewiseLinearEncoder)
assert_type(TabularPreprocessor("coarse").fit_transform(X, y), NDArray[Any])

# deciding takes seconds: the type alone
if X.shape[0] > 10**6:
    report = diagnose(classifier, X, labels, X, labels, time_budget=5, verbose=False)
    assert_type(report.verdict, str)
    assert_type(report.evidence[0].difference, float)
    assert_type(inspection.hessian_spectrum(regressor, X, y).trace, float)
