"""The estimators with scikit-learn's tools: checks, copies, pickles, searches, frames, layouts."""

import copy
import io
import pickle
import pydoc
import re
import threading

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st
from problems import (
    assert_close,
    assert_same_bits,
    breast_cancer,
    diabetes,
    diabetes_many,
    digits,
    iris,
    multilabel,
    row_weights,
)
from scipy import sparse
from scipy.special import expit, softmax
from sklearn import neural_network
from sklearn.base import clone, is_classifier
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import rosenblatt
from rosenblatt import (
    MLPClassifier,
    MLPRegressor,
    PerceptronClassifier,
    TabularMLPClassifier,
    TabularMLPRegressor,
    _links,
)
from rosenblatt.core import network

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore:Got `batch_size`"
)

CLASSES = [MLPClassifier, MLPRegressor]
SMALL = {"hidden_layer_sizes": (7,), "max_iter": 5, "random_state": 0, "batch_size": 32}


# scikit-learn's checks -------------------------------------------------------------------------


@parametrize_with_checks(
    [
        MLPClassifier(max_iter=100),
        MLPClassifier((), learning_rate_init=0.1, max_iter=100),
        MLPClassifier((10, 10), activation="tanh", max_iter=100, learning_rate_init=0.01),
        MLPClassifier((5,), solver="lbfgs", max_iter=20),
        MLPClassifier((20,), solver="sgd", learning_rate_init=0.1, max_iter=100),
        MLPRegressor(max_iter=100),
        MLPRegressor((), learning_rate_init=0.1, max_iter=100),
        MLPRegressor((5,), solver="lbfgs", max_iter=20),
        MLPRegressor((20,), solver="sgd", learning_rate_init=0.01, tol=1e-2, max_iter=100),
    ]
)
def test_scikit_learns_checks_pass(estimator, check):
    """check_estimator passes with nothing expected to fail."""
    check(estimator)


@parametrize_with_checks([MLPRegressor(loss="poisson", max_iter=100)], legacy=False)
def test_scikit_learns_interface_checks_pass_for_poisson(estimator, check):
    """The checks of the interface pass for the Poisson loss, whose targets a tag says are not
    negative."""
    check(estimator)


def test_tags_are_scikit_learns():
    """What scikit-learn's tools ask of an estimator is answered as its own classes answer."""
    for estimator in CLASSES:
        ours = estimator().__sklearn_tags__()
        assert ours == getattr(neural_network, estimator.__name__)().__sklearn_tags__()


# copies and pickles ----------------------------------------------------------------------------


def trained(estimator=MLPClassifier, data=digits, **params):
    """A small model, fitted."""
    return estimator(**SMALL | params).fit(*data())


MODELS = {
    "multiclass": lambda: trained(),
    "binary": lambda: trained(data=breast_cancer),
    "multilabel": lambda: trained(data=multilabel),
    "regression": lambda: trained(MLPRegressor, diabetes),
    "many-outputs": lambda: trained(MLPRegressor, diabetes_many),
    "lbfgs": lambda: trained(solver="lbfgs", data=iris),
    "linear": lambda: trained(data=iris, hidden_layer_sizes=()),
    "float32": lambda: trained(dtype="float32"),
}
DATA = {
    "multiclass": digits,
    "binary": breast_cancer,
    "multilabel": multilabel,
    "regression": diabetes,
    "many-outputs": diabetes_many,
    "lbfgs": iris,
    "linear": iris,
    "float32": digits,
}


def answers(model, X):
    """What the model says of X: probabilities where it has them."""
    return model.predict_proba(X) if is_classifier(model) else model.predict(X)


@pytest.mark.parametrize("kind", MODELS)
def test_copies_predict_the_same_bits(kind):
    """pickle in an old and the newest protocol, joblib and deepcopy lose no bit."""
    model = MODELS[kind]()
    X, _ = DATA[kind]()
    buffer = io.BytesIO()
    joblib.dump(model, buffer)
    buffer.seek(0)
    for twin in [
        pickle.loads(pickle.dumps(model)),
        pickle.loads(pickle.dumps(model, protocol=2)),
        joblib.load(buffer),
        copy.deepcopy(model),
    ]:
        assert_same_bits(twin, model)
        np.testing.assert_array_equal(answers(twin, X), answers(model, X))
        np.testing.assert_array_equal(twin.predict(X), model.predict(X))
        assert twin.get_params() == model.get_params()


@pytest.mark.parametrize("kind", ["multiclass", "multilabel", "regression", "float32"])
def test_loaded_model_trains_on(kind):
    """partial_fit, a warm fit and a fit work on a model that was pickled."""
    X, y = DATA[kind]()
    loaded = pickle.loads(pickle.dumps(MODELS[kind]()))
    curve = list(loaded.loss_curve_)
    loaded.partial_fit(X, y)
    assert loaded.loss_curve_[:-1] == curve
    loaded.set_params(warm_start=True).fit(X, y)
    assert len(loaded.loss_curve_) == len(curve) + 1 + 5
    assert_same_bits(loaded.set_params(warm_start=False).fit(X, y), MODELS[kind]())


def test_training_goes_on_over_a_pickle_after_partial_fit():
    """partial_fit, pickle, partial_fit gives the bits of two calls without the pickle."""
    X, y = digits()
    model = MLPClassifier(**SMALL).partial_fit(X, y, classes=range(10))
    loaded = pickle.loads(pickle.dumps(model))
    assert_same_bits(loaded.partial_fit(X, y), model.partial_fit(X, y))


def test_pickling_changes_nothing_in_the_model():
    """The model that was pickled keeps its optimiser: it trains on as if nothing happened."""
    X, y = digits()
    pickled, other = trained(), trained()
    pickle.dumps(pickled)
    assert_same_bits(pickled.partial_fit(X, y), other.partial_fit(X, y))


@pytest.mark.parametrize("kind", MODELS)
def test_clone_is_unfitted_and_equal(kind):
    """clone copies the parameters and nothing that was learned; its fit gives the same bits."""
    model = MODELS[kind]()
    twin = clone(model)
    assert not hasattr(twin, "coefs_")
    assert twin.get_params() == model.get_params()
    assert_same_bits(twin.fit(*DATA[kind]()), model)


def test_set_params_and_get_params_are_inverse():
    """Every parameter can be set by name, and is returned as it was given."""
    model = MLPRegressor()
    params = {"hidden_layer_sizes": [3, 4], "loss": "poisson", "n_jobs": 2, "dtype": "float32"}
    assert model.set_params(**params) is model
    assert {name: model.get_params()[name] for name in params} == params
    assert model.get_params()["hidden_layer_sizes"] is params["hidden_layer_sizes"]
    with pytest.raises(ValueError, match="Invalid parameter 'hidden'"):
        model.set_params(hidden=3)


@pytest.mark.parametrize("kind", ["multiclass", "regression"])
def test_memory_mapped_model_predicts_and_trains_on(kind, tmp_path):
    """joblib.load(mmap_mode='r') gives read-only weights: same bits, and training goes on."""
    model = MODELS[kind]()
    X, y = DATA[kind]()
    joblib.dump(model, tmp_path / "model.joblib")
    mapped = joblib.load(tmp_path / "model.joblib", mmap_mode="r")
    assert isinstance(mapped.coefs_[0], np.memmap)
    np.testing.assert_array_equal(answers(mapped, X), answers(model, X))
    on_disk = (tmp_path / "model.joblib").read_bytes()
    loaded = pickle.loads(pickle.dumps(model))
    assert_same_bits(mapped.partial_fit(X, y), loaded.partial_fit(X, y))
    assert (tmp_path / "model.joblib").read_bytes() == on_disk


@pytest.mark.parametrize("estimator", CLASSES)
def test_memory_mapped_input(estimator, tmp_path):
    """X, y and weights that joblib maps read-only train the bits of arrays in memory."""
    X, y = digits()
    weights = row_weights(len(y))
    joblib.dump((X, y, weights), tmp_path / "data.joblib")
    mapped = joblib.load(tmp_path / "data.joblib", mmap_mode="r")
    assert isinstance(mapped[0], np.memmap)
    assert_same_bits(estimator(**SMALL).fit(*mapped), estimator(**SMALL).fit(X, y, weights))


# pipelines and searches ------------------------------------------------------------------------


def test_pipeline_trains_the_model_of_its_steps():
    """A scaler and a classifier in a Pipeline are the classifier on scaled data."""
    X, y = sklearn.datasets.load_wine(return_X_y=True)
    pipeline = make_pipeline(StandardScaler(), MLPClassifier(**SMALL)).fit(X, y)
    scaled = StandardScaler().fit_transform(X)
    assert_same_bits(pipeline[-1], MLPClassifier(**SMALL).fit(scaled, y))
    np.testing.assert_array_equal(pipeline.predict(X), pipeline[-1].predict(scaled))


@pytest.mark.parametrize("n_jobs", [None, 2])
@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_cross_val_score_gives_scikit_learns_scores(name, n_jobs):
    """The same folds, seeds and models, so the same scores."""
    X, y = {"MLPClassifier": digits, "MLPRegressor": diabetes}[name]()
    ours, theirs = (
        cross_val_score(getattr(module, name)(**SMALL), X, y, cv=3, n_jobs=n_jobs)
        for module in (rosenblatt, neural_network)
    )
    # R2 of models that agree to 1e-8
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def grid_search(n_jobs=None, estimator=MLPClassifier):
    X, y = digits()
    grid = {"learning_rate_init": [1e-3, 1e-2], "batch_size": [16, 64]}
    return GridSearchCV(estimator(**SMALL), grid, cv=2, n_jobs=n_jobs).fit(X, y)


def test_grid_search_over_rate_and_batch_size():
    """GridSearchCV finds scikit-learn's scores for every candidate and refits the best."""
    ours, theirs = grid_search(), grid_search(estimator=neural_network.MLPClassifier)
    np.testing.assert_allclose(
        ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"], rtol=1e-12
    )
    assert ours.best_params_ == theirs.best_params_
    assert_same_bits(ours.best_estimator_, clone(ours.best_estimator_).fit(*digits()))


def test_grid_search_in_threads_gives_the_same_models():
    """Two threads of joblib's threading backend find what one finds, to the last bit."""
    alone = grid_search()
    with joblib.parallel_config(backend="threading", n_jobs=2):
        threaded = grid_search(n_jobs=2)
    np.testing.assert_array_equal(
        alone.cv_results_["mean_test_score"], threaded.cv_results_["mean_test_score"]
    )
    assert_same_bits(alone.best_estimator_, threaded.best_estimator_)


@pytest.mark.parametrize("estimator", CLASSES)
def test_sample_weight_is_routed(estimator):
    """With metadata routing the weights reach fit through a Pipeline and a search."""
    X, y = iris()
    weights = row_weights(len(y))
    with sklearn.config_context(enable_metadata_routing=True):
        model = estimator(**SMALL).set_fit_request(sample_weight=True)
        model.set_score_request(sample_weight=True)
        pipeline = Pipeline([("model", model)]).fit(X, y, sample_weight=weights)
        search = GridSearchCV(model, {"alpha": [1e-4]}, cv=2).fit(X, y, sample_weight=weights)
        ignoring = estimator(**SMALL).set_fit_request(sample_weight=False)
        unweighted = Pipeline([("model", ignoring)]).fit(X, y)
    expected = estimator(**SMALL).fit(X, y, sample_weight=weights)
    assert_same_bits(pipeline[-1], expected)
    assert_same_bits(search.best_estimator_, expected)
    assert_same_bits(unweighted[-1], estimator(**SMALL).fit(X, y))
    assert np.abs(unweighted[-1].coefs_[0] - expected.coefs_[0]).max() > 1e-4


def test_routing_requests_are_scikit_learns():
    """The methods that take metadata, and their names, are those of scikit-learn's classes.

    And the validation sets of fit and partial_fit.
    """
    validation = dict.fromkeys(["X_val", "y_val", "sample_weight_val"])
    for estimator in CLASSES:
        ours = estimator().get_metadata_routing()
        theirs = getattr(neural_network, estimator.__name__)().get_metadata_routing()
        for method in ("fit", "partial_fit", "score"):
            new = {} if method == "score" else validation
            expected = getattr(theirs, method).requests | new
            assert getattr(ours, method).requests == expected


# frames and names ------------------------------------------------------------------------------

NAMES = ["sepal length", "sepal width", "petal length", "petal width"]


def frames():
    X, y = iris()
    return {
        "pandas": (pd.DataFrame(X, columns=NAMES), pd.Series(y)),
        "polars": (pl.DataFrame(X, schema=NAMES), pl.Series(y)),
    }


@pytest.mark.parametrize("estimator", CLASSES)
@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_train_as_arrays_and_leave_their_names(estimator, library):
    """A frame gives the array's bits; feature_names_in_ holds its columns."""
    X, y = frames()[library]
    model = estimator(**SMALL).fit(X, y)
    np.testing.assert_array_equal(model.feature_names_in_, NAMES)
    assert_same_bits(model, estimator(**SMALL).fit(*iris()))
    np.testing.assert_array_equal(model.predict(X), model.predict(frames()["pandas"][0]))
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(X[NAMES[::-1]])
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.predict(iris()[0])


def test_array_leaves_no_names():
    """An array has no feature names, and a later fit on one forgets them."""
    X, y = frames()["pandas"]
    model = MLPClassifier(**SMALL).fit(X, y)
    assert not hasattr(model.fit(*iris()), "feature_names_in_")


def test_string_and_categorical_targets_of_frames():
    """Labels may come as a column of strings or of pandas categories."""
    X, y = iris()
    labels = np.array(["a", "b", "c"])[y]
    for target in [pd.Series(labels), pd.Series(labels, dtype="category"), pl.Series(labels)]:
        model = MLPClassifier(**SMALL).fit(X, target)
        assert list(model.classes_) == ["a", "b", "c"]
        assert set(model.predict(X)) <= {"a", "b", "c"}


@pytest.mark.parametrize("estimator", CLASSES)
def test_html_representation_links_to_the_site_alone(estimator):
    """The HTML links to the class's page on the site, and nowhere while there is none."""
    for model in [estimator(**SMALL), estimator(**SMALL).fit(*iris())]:
        html, link = model._repr_html_(), model._get_doc_link()
        assert estimator.__name__ in html
        assert (f"Documentation for {estimator.__name__}" in html) == bool(_links.DOCUMENTATION)
        assert "https://scikit-learn.org" not in html
        assert link.startswith(_links.DOCUMENTATION)
        assert bool(link) == bool(_links.DOCUMENTATION)


@pytest.mark.parametrize("site", ["", "https://rosenblatt.example/"])
def test_docstrings_name_pages_that_a_reader_finds(monkeypatch, site):
    """A page is an address where there is a site, and else a file of the sources."""
    monkeypatch.setattr(_links, "DOCUMENTATION", site)
    place = f"{site}layers.html" if site else "docs/layers.md (in the sources)"

    @_links.with_links
    class Documented:
        """See docs/layers.md."""

        def fit(self):
            """As docs/layers.md says."""

    assert Documented.__doc__ == f"See {place}."
    assert Documented.fit.__doc__ == f"As {place} says."
    page = f"{site}generated/{{estimator_module}}.{{estimator_name}}.html" if site else ""
    assert _links.estimator_page() == page


@pytest.mark.parametrize("estimator", [*CLASSES, TabularMLPClassifier, TabularMLPRegressor])
def test_no_docstring_names_a_file_that_is_not_installed(estimator):
    """Every page that a docstring names went through `with_links`."""
    text = pydoc.plaintext.document(estimator)
    assert re.findall(r"docs/\w+\.md(?! \(in the sources\))", text) == []


def test_plain_representation_shows_what_was_changed():
    """repr names the parameters that are not the defaults."""
    assert repr(MLPRegressor((3,), alpha=1)) == "MLPRegressor(alpha=1, hidden_layer_sizes=(3,))"


# weights that a person edits -------------------------------------------------------------------


def forward(model, X):
    """The network's answers in NumPy."""
    hidden = {"relu": lambda z: np.maximum(z, 0), "tanh": np.tanh}[model.activation]
    a = X
    for W, b in zip(model.coefs_[:-1], model.intercepts_[:-1], strict=True):
        a = hidden(a @ W + b)
    z = a @ model.coefs_[-1] + model.intercepts_[-1]
    last = {"softmax": lambda z: softmax(z, axis=1), "identity": np.ravel, "logistic": expit}
    return last[model.out_activation_](z)


EDITS = {
    "in place": lambda array: np.multiply(array, 0.5, out=array),
    "assigned": lambda array: array * 0.5,
    "other order": lambda array: np.asfortranarray(array * 0.5),
    "strided": lambda array: np.repeat(array, 2, axis=-1)[..., ::2] * 0.5,
    "rounded to float32": lambda array: (array * 0.5).astype(np.float32),
    "read-only": lambda array: np.frombuffer((array * 0.5).tobytes()).reshape(array.shape),
}


def edit(model, how):
    model.coefs_ = [EDITS[how](array) for array in model.coefs_]
    model.intercepts_ = [EDITS[how](array) for array in model.intercepts_]


@pytest.mark.parametrize("how", EDITS)
@pytest.mark.parametrize("kind", ["multiclass", "regression", "linear"])
def test_edited_weights_are_what_predict_uses(kind, how):
    """coefs_ and intercepts_ that were assigned or edited in place decide the predictions."""
    model = MODELS[kind]()
    X, _ = DATA[kind]()
    before = answers(model, X)
    edit(model, how)
    after = answers(model, X)
    assert np.abs(after - before).max() > 1e-3
    np.testing.assert_allclose(after, forward(model, X), rtol=1e-6 if "32" in how else 1e-12)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("how", ["in place", "assigned", "other order"])
@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_edited_weights_are_what_training_starts_from(name, how, method):
    """A warm fit and partial_fit go on from edited weights, as scikit-learn's do."""
    X, y = digits()
    models = [
        getattr(module, name)(**SMALL, warm_start=method == "fit").fit(X, y)
        for module in (rosenblatt, neural_network)
    ]
    for model in models:
        edit(model, how)
        getattr(model, method)(X, y)
    for a, b in zip(models[0].coefs_, models[1].coefs_, strict=True):
        # twice 5 epochs of float64, see test_against_scikit_learn.py
        assert_close(a, np.ascontiguousarray(b), 1e-8, "coefs_")


@pytest.mark.parametrize("estimator", CLASSES)
def test_edited_weights_of_another_shape_are_refused(estimator):
    """predict, a warm fit and partial_fit say which shapes they found and which they need."""
    X, y = iris()
    edits = {
        "coefs_": [
            lambda model: model.coefs_.__setitem__(0, np.zeros((4, 6))),
            lambda model: model.coefs_.__setitem__(0, np.zeros((3, 7))),
            lambda model: model.coefs_.__setitem__(1, np.zeros((7, 5))),
            lambda model: model.coefs_.__setitem__(0, np.zeros(28)),
            lambda model: model.coefs_.append(np.zeros((3, 3))),
            lambda model: setattr(model, "coefs_", []),
        ],
        "intercepts_": [
            lambda model: model.intercepts_.__setitem__(0, np.zeros(6)),
            lambda model: model.intercepts_.__setitem__(0, np.zeros((7, 1))),
            lambda model: model.intercepts_.pop(),
        ],
    }
    for name, changes in edits.items():
        for change in changes:
            model = estimator(**SMALL, warm_start=True).fit(X, y)
            change(model)
            with pytest.raises(ValueError, match=name):
                model.predict(X)
            with pytest.raises(ValueError, match=name):
                model.partial_fit(X, y)
            with pytest.raises(ValueError, match=name):
                model.fit(X, y)


def test_training_does_not_write_to_weights_handed_out():
    """Arrays taken from coefs_ before a warm fit or partial_fit keep their values."""
    X, y = digits()
    model = trained(warm_start=True)
    handed_out = model.coefs_[0]
    values = handed_out.copy()
    model.fit(X, y)
    model.partial_fit(X, y)
    np.testing.assert_array_equal(handed_out, values)


# bits ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", MODELS)
def test_same_seed_gives_the_same_bits(kind):
    """Two fits with one seed are one model; another seed is another."""
    model = MODELS[kind]()
    assert_same_bits(model, MODELS[kind]())
    other = clone(model).set_params(random_state=1).fit(*DATA[kind]())
    assert np.abs(other.coefs_[0] - model.coefs_[0]).max() > 1e-3


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_threads_that_share_a_step_change_no_bit(solver):
    """A network wide enough that its steps are shared: one, two and more threads than that."""
    rng = np.random.RandomState(0)
    X, y = rng.normal(size=(400, 30)), rng.randint(3, size=400)
    options = {"solver": solver, "batch_size": 200, "max_iter": 3, "random_state": 0}
    assert network.SHARE_ABOVE < 6 * 200 * 64 * (30 + 64 + 3)
    one = MLPClassifier((64, 64), **options).fit(X, y)
    for n_jobs in (2, 3, 100):
        assert_same_bits(MLPClassifier((64, 64), n_jobs=n_jobs, **options).fit(X, y), one)


def test_fits_without_a_seed_do_not_rewind_numpys_generator():
    """Another thread that draws from numpy.random while a fit runs gets no draw twice."""
    X, y = DATA["multiclass"]()
    model = MLPClassifier(max_iter=100, tol=0, n_iter_no_change=1000)
    draws = []
    thread = threading.Thread(target=model.fit, args=(X, y))
    thread.start()
    while thread.is_alive():
        draws += np.random.randint(2**62, size=50).tolist()
    thread.join()
    assert len(set(draws)) == len(draws) > 1000


@pytest.mark.parametrize("n_jobs", [1, 2, 3, -1])
@pytest.mark.parametrize("kind", ["multiclass", "regression", "lbfgs"])
def test_n_jobs_does_not_change_a_bit(kind, n_jobs):
    """Any number of threads gives the bits of one, in training and in predictions."""
    model = MODELS[kind]()
    X, y = DATA[kind]()
    threaded = clone(model).set_params(n_jobs=n_jobs).fit(X, y)
    assert_same_bits(threaded, model)
    np.testing.assert_array_equal(answers(threaded, X), answers(model, X))


def test_partial_fit_after_a_change_of_shape_starts_a_new_optimizer():
    """Moments of other shapes are neither broadcast nor an error: training starts anew."""
    X, y = DATA["multiclass"]()
    n_classes = len(np.unique(y))
    model = MLPClassifier((1,), random_state=0, max_iter=2).fit(X, y)
    rng = np.random.RandomState(0)
    coefs = [rng.normal(size=(X.shape[1], 3)), rng.normal(size=(3, n_classes))]
    model.set_params(hidden_layer_sizes=(3,))
    model.coefs_, model.intercepts_ = coefs, [np.zeros(3), np.zeros(n_classes)]
    fresh = clone(model).partial_fit(X, y, classes=np.unique(y))
    fresh.coefs_, fresh.intercepts_ = coefs, [np.zeros(3), np.zeros(n_classes)]
    del fresh._optimizer
    for trained, started in zip(
        model.partial_fit(X, y).coefs_, fresh.partial_fit(X, y).coefs_, strict=True
    ):
        np.testing.assert_array_equal(trained, started)


@pytest.mark.parametrize("how", [copy.copy, copy.deepcopy])
def test_copies_in_memory_keep_the_optimizer(how):
    """partial_fit on a copy after a fit goes on as on the original."""
    X, y = DATA["multiclass"]()
    model = MLPClassifier((8,), random_state=0, max_iter=3).fit(X, y)
    twin = how(model)
    assert_same_bits(twin.partial_fit(X, y), model.partial_fit(X, y))


def test_multilabel_indicators_of_another_value_than_one():
    """Any value but 0 is a label that is there; two values without 0 are refused."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(60, 4))
    y = (X[:, :3] > 0).astype(int)
    model = MLPClassifier((5,), random_state=0, max_iter=5).fit(X, y)
    assert_same_bits(MLPClassifier((5,), random_state=0, max_iter=5).fit(X, 5 * y), model)
    with pytest.raises(ValueError, match="indicator matrix of 0 and 1"):
        MLPClassifier((5,)).fit(X, 2 * y - 1)


def test_loss_that_is_not_finite_is_told():
    """Finite weights with an infinite loss are no model; a warning says what to change."""
    X, y = np.random.RandomState(0).normal(size=(50, 3)), np.linspace(1, 2, 50) * 1e25
    with pytest.warns(UserWarning, match="loss is not a finite number"):
        MLPRegressor((5,), dtype="float32", random_state=0, max_iter=3).fit(X, y)


def test_fitted_activations_are_not_set():
    """An edit would change nothing: the message says what does."""
    model = trained()
    with pytest.raises(AttributeError, match=r"cannot be set, got \['tanh'\].*activation=\.\.\."):
        model.activations_ = ["tanh"]
    assert not hasattr(MLPClassifier(), "activations_")
    with pytest.raises(AttributeError, match=r"cannot be set, got 'identity'.*decision_function"):
        model.out_activation_ = "identity"
    assert model.out_activation_ == "softmax"
    assert not hasattr(MLPClassifier(), "out_activation_")


def test_predict_keeps_the_activation_of_the_fit():
    """Weights trained under one activation are not read under another."""
    X, y = DATA["multiclass"]()
    model = MLPClassifier((8,), activation="tanh", random_state=0, max_iter=20).fit(X, y)
    expected = model.predict_proba(X)
    np.testing.assert_array_equal(model.set_params(activation="relu").predict_proba(X), expected)


def test_one_array_of_another_precision_does_not_lower_the_others():
    """Predictions are computed in the widest precision of X and all parameters."""
    X, y = DATA["multiclass"]()
    model = MLPClassifier((8,), random_state=0, max_iter=20).fit(X, y)
    model.coefs_[0] = model.coefs_[0].astype(np.float32)
    assert model.predict_proba(X).dtype == np.float64


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("estimator", CLASSES)
def test_dtype_float32_is_float32_whatever_comes_in(estimator, solver):
    """dtype='float32' on float64 rows gives the bits of rows that were rounded before."""
    X, y = iris()
    params = SMALL | {"solver": solver}
    model = estimator(**params, dtype="float32").fit(X, y)
    assert model.coefs_[0].dtype == model.intercepts_[0].dtype == np.float32
    assert_same_bits(model, estimator(**params).fit(X.astype(np.float32), y))
    assert answers(model, X).dtype == np.float32
    np.testing.assert_array_equal(answers(model, X), answers(model, X.astype(np.float32)))


@pytest.mark.parametrize("estimator", CLASSES)
def test_dtype_float32_on_sparse_and_integer_rows(estimator):
    """dtype='float32' holds for sparse rows and for integers too."""
    X, y = iris()
    X = np.round(4 * X)
    model = estimator(**SMALL, dtype="float32").fit(X, y)
    for other in [X.astype(int), X.astype(np.int8), X.tolist()]:
        assert_same_bits(estimator(**SMALL, dtype="float32").fit(other, y), model)
    thin = estimator(**SMALL, dtype="float32").fit(sparse.csr_matrix(X), y)
    assert thin.coefs_[0].dtype == np.float32
    # sums in another order: float32 over 25 steps
    assert_close(thin.coefs_[0], model.coefs_[0], 1e-4, "coefs_")


@pytest.mark.parametrize("dtype", [np.float32, np.dtype("float32"), np.dtype(np.float32).str])
def test_dtype_may_be_numpys(dtype):
    """It stays what was given; clones take it, copies and pickles predict the same."""
    X, y = iris()
    model = clone(MLPClassifier(**SMALL, dtype=dtype)).fit(X, y)
    assert model.get_params()["dtype"] == dtype
    assert_same_bits(model, MLPClassifier(**SMALL, dtype="float32").fit(X, y))
    assert_same_bits(pickle.loads(pickle.dumps(model)), model)
    assert model.predict_proba(X).dtype == np.float32


@pytest.mark.parametrize("dtype", [np.float16, int, np.dtype(">f4"), "single precision", 32])
def test_other_dtypes_are_refused(dtype):
    """None is but float32 and float64, in the machine's order of bytes."""
    with pytest.raises(ValueError, match=r"'dtype' .* among {'float32', 'float64'}, NumPy's type"):
        MLPClassifier(dtype=dtype).fit(*iris())


def test_dtype_float64_is_float64_whatever_comes_in():
    """dtype='float64' computes float32 rows in float64."""
    X, y = iris()
    X = X.astype(np.float32)
    model = MLPClassifier(**SMALL, dtype="float64").fit(X, y)
    assert_same_bits(model, MLPClassifier(**SMALL).fit(X.astype(np.float64), y))
    assert model.predict_proba(X).dtype == np.float64


@pytest.mark.parametrize("estimator", CLASSES)
def test_input_is_never_modified(estimator):
    """fit, partial_fit, predict and score leave every bit of X, y and sample_weight."""
    X, y = digits()
    for rows in [X.copy(), X.astype(np.float32), sparse.csr_matrix(X)]:
        target, weights = y.copy(), row_weights(len(y)).copy()
        values = rows.data if sparse.issparse(rows) else rows
        before = values.tobytes(), target.tobytes(), weights.tobytes()
        for solver in ["adam", "lbfgs"]:
            model = estimator(**SMALL | {"solver": solver, "max_iter": 2})
            model.fit(rows, target, sample_weight=weights)
            model.predict(rows)
            model.score(rows, target, sample_weight=weights)
        model.set_params(solver="sgd").partial_fit(rows, target, sample_weight=weights)
        assert (values.tobytes(), target.tobytes(), weights.tobytes()) == before


def test_two_fits_in_two_threads_give_the_bits_of_each_alone():
    """Fits that run at the same time do not see each other."""
    X, y = digits()
    params = [
        SMALL | {"hidden_layer_sizes": (40,), "random_state": seed, "max_iter": 30}
        for seed in range(4)
    ]
    alone = [MLPClassifier(**p).fit(X, y) for p in params]
    together = [MLPClassifier(**p) for p in params]
    start = threading.Barrier(len(together))
    errors = []

    def work(model):
        try:
            start.wait()
            for _ in range(3):
                model.fit(X, y)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(model,)) for model in together]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    for model, expected in zip(together, alone, strict=True):
        assert_same_bits(model, expected)


@pytest.mark.parametrize("estimator", [MLPClassifier, PerceptronClassifier])
def test_prediction_during_a_fit_is_of_one_fit(estimator, monkeypatch):
    """Where another thread fits between the outputs and the labels, these are of one fit too."""
    X = np.array([[-1.0], [1.0]] * 20)
    first, second = np.array(["a", "b"])[(X[:, 0] > 0).astype(int)], np.where(X[:, 0] > 0, "c", "d")
    model = estimator(max_iter=300, random_state=0).fit(X, first)
    computed = "_outputs" if estimator is MLPClassifier else "decision_function"
    compute = getattr(estimator, computed)

    def then_fit(self, X, **options):
        outputs = compute(self, X, **options)
        monkeypatch.undo()
        model.fit(X_again, second)
        return outputs

    X_again = X
    monkeypatch.setattr(estimator, computed, then_fit)
    assert list(model.predict(X[:2])) == ["a", "b"]
    assert list(model.predict(X[:2])) == ["d", "c"]


@pytest.mark.parametrize("estimator", [MLPClassifier, PerceptronClassifier])
def test_threads_predict_the_last_fit_or_the_next(estimator):
    """While another thread fits again and again to labels and widths that differ."""
    X = np.array([[-1.0, 1.0], [1.0, -1.0]] * 20)
    sides = (X[:, 0] > 0).astype(int)
    targets = [np.array(["a", "b"])[sides], np.array(["c", "d", "e"])[[2, 0] * 18 + [0, 1] * 2]]
    model = estimator(max_iter=20, random_state=0)
    allowed = [list(model.fit(X, y).predict(X[:2])) for y in targets]
    seen, is_over = [], threading.Event()

    def predict():
        while not is_over.is_set():
            seen.append(list(model.predict(X[:2])))

    thread = threading.Thread(target=predict)
    thread.start()
    for i in range(60):
        model.fit(X, targets[i % 2])
    is_over.set()
    thread.join()
    assert seen
    assert all(labels in allowed for labels in seen)


def test_one_model_predicts_in_many_threads():
    """Predictions of one model from several threads at once are those of one thread."""
    model = trained()
    X, _ = digits()
    expected = model.predict_proba(X)
    with joblib.parallel_config(backend="threading"):
        results = joblib.Parallel(n_jobs=4)(
            joblib.delayed(model.predict_proba)(X) for _ in range(40)
        )
    for result in results:
        np.testing.assert_array_equal(result, expected)


def test_prediction_of_a_row_does_not_depend_on_the_others():
    """One row, a slice and all rows at once give the same probabilities to a few roundings."""
    model = trained()
    X, _ = digits()
    expected = model.predict_proba(X)
    for rows in [slice(0, 1), slice(5, 6), slice(3, 40), slice(290, 300)]:
        np.testing.assert_allclose(model.predict_proba(X[rows]), expected[rows], rtol=1e-13)


def test_search_in_threads_is_the_search_of_one():
    """joblib's threading backend: same scores, same best model to the bit, without pickling."""

    class Unpicklable(MLPClassifier):
        def __reduce__(self):
            raise AssertionError("pickled")

    X, y = digits()
    grid = {"learning_rate_init": [1e-3, 1e-2], "batch_size": [16, 64], "early_stopping": [True]}

    def search(n_jobs):
        model = Unpicklable((20,), max_iter=5, random_state=0)
        return GridSearchCV(model, grid, cv=3, n_jobs=n_jobs).fit(X, y)

    one = search(None)
    with joblib.parallel_config("threading"):
        two = search(2)
    for name in ("mean_test_score", "split0_test_score"):
        np.testing.assert_array_equal(two.cv_results_[name], one.cv_results_[name])
    assert_same_bits(two.best_estimator_, one.best_estimator_)


# layouts and shapes ----------------------------------------------------------------------------


def unaligned(array):
    """The same values, one byte off any boundary."""
    raw = np.empty(array.nbytes + 1, dtype=np.uint8)
    shifted = raw[1:].view(array.dtype).reshape(array.shape)
    shifted[...] = array
    assert not shifted.flags.aligned
    return shifted


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


LAYOUTS = {
    "fortran": np.asfortranarray,
    "every second row": lambda a: np.repeat(a, 2, axis=0)[::2],
    "every second column": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    "backwards": lambda a: a[::-1].copy()[::-1],
    "read-only": read_only,
    "big-endian": lambda a: a.astype(a.dtype.newbyteorder(">")),
    "unaligned": unaligned,
    "view of a wider array": lambda a: np.pad(a, [(1, 1)] * a.ndim)[(slice(1, -1),) * a.ndim],
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("estimator", CLASSES)
def test_layout_of_the_input_does_not_change_a_bit(estimator, solver, layout, dtype):
    """Any strides, byte order, alignment and writability of X, y and weights give one model."""
    X, y = digits(100)
    X, weights = X.astype(dtype), row_weights(len(y))
    if (layout, dtype) == ("big-endian", "float32"):
        pytest.skip("computed in float64, see the next test")
    if estimator is MLPRegressor:
        y = np.column_stack([y, -y]) / 5.0
    model = estimator(**SMALL | {"solver": solver}).fit(X, y, sample_weight=weights)
    laid_out = [LAYOUTS[layout](array) for array in (X, y, weights)]
    other = estimator(**SMALL | {"solver": solver}).fit(*laid_out)
    assert_same_bits(other, model)
    np.testing.assert_array_equal(answers(other, laid_out[0]), answers(model, X))


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_big_endian_float32_is_computed_as_in_scikit_learn(name):
    """scikit-learn takes foreign float32 for no float32 and computes in float64; so do we."""
    X, y = digits(100)
    X = X.astype(">f4")
    models = [getattr(module, name)(**SMALL).fit(X, y) for module in (rosenblatt, neural_network)]
    for a, b in zip(models[0].coefs_, models[1].coefs_, strict=True):
        assert a.dtype == np.float64
        assert_close(a, b, 1e-8, "coefs_")  # see test_against_scikit_learn.py


@pytest.mark.parametrize("estimator", CLASSES)
def test_layout_of_sparse_input_does_not_change_the_model(estimator):
    """Unsorted indices, explicit zeros, 64-bit indices and other formats are the same rows."""
    X, y = digits()
    canonical = sparse.csr_matrix(X)
    model = estimator(**SMALL).fit(canonical, y)
    shuffled = canonical.copy()
    for i in range(shuffled.shape[0]):
        row = slice(shuffled.indptr[i], shuffled.indptr[i + 1])
        shuffled.indices[row] = shuffled.indices[row][::-1].copy()
        shuffled.data[row] = shuffled.data[row][::-1].copy()
    shuffled.has_sorted_indices = False
    starts = canonical.indptr.copy()
    starts[-1] += 1
    zeros = sparse.csr_matrix(
        (np.append(canonical.data, 0.0), np.append(canonical.indices, 0), starts), shape=X.shape
    )
    long = canonical.copy()
    long.indices, long.indptr = long.indices.astype(np.int64), long.indptr.astype(np.int64)
    for other in [shuffled, zeros, long, canonical.tocsc(), canonical.tocoo(), canonical.tolil()]:
        fitted = estimator(**SMALL).fit(other, y)
        # sums over a row in another order
        assert_close(fitted.coefs_[0], model.coefs_[0], 1e-9, "coefs_")
        np.testing.assert_allclose(answers(fitted, other), answers(model, X), rtol=1e-6, atol=1e-9)


@st.composite
def problems(draw):
    """Rows, columns, outputs, widths and batch sizes around the borders of vectors and blocks."""
    n_samples = draw(st.sampled_from([1, 2, 3, 7, 16, 33]))
    n_features = draw(st.sampled_from([1, 2, 5, 8, 17]))
    n_outputs = draw(st.sampled_from([1, 2, 3, 9]))
    layers = draw(st.lists(st.sampled_from([1, 2, 7, 8, 9, 16, 31]), max_size=2))
    batch_size = draw(st.sampled_from([1, 2, 5, 8, 1000]))
    rng = np.random.RandomState(draw(st.integers(0, 1000)))
    X = rng.normal(size=(n_samples, n_features))
    Y = rng.normal(size=(n_samples, n_outputs) if n_outputs > 1 else n_samples)
    return X, Y, {"hidden_layer_sizes": tuple(layers), "batch_size": batch_size}


@settings(max_examples=40)
@given(problem=problems(), activation=st.sampled_from(["relu", "tanh", "logistic", "identity"]))
def test_regression_of_any_shape_is_scikit_learns(problem, activation):
    """One row, one column, one output, odd widths, batches larger than the data."""
    X, Y, params = problem
    params |= {"activation": activation, "max_iter": 3, "random_state": 0, "tol": 0}
    ours = MLPRegressor(**params).fit(X, Y)
    theirs = neural_network.MLPRegressor(**params).fit(X, Y)
    for a, b in zip(
        ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_, strict=True
    ):
        assert_close(a, b, 1e-8, "parameters")  # see test_against_scikit_learn.py
    assert_close(ours.predict(X), theirs.predict(X), 1e-8, "predict")


@settings(max_examples=40)
@given(
    problem=problems(),
    n_classes=st.sampled_from([1, 2, 3, 8, 9]),
    solver=st.sampled_from(["adam", "sgd"]),
)
def test_classification_of_any_shape_is_scikit_learns(problem, n_classes, solver):
    """One row, one column, one class, odd widths, batches larger than the data."""
    X, _, params = problem
    y = np.arange(len(X)) % n_classes
    params |= {"solver": solver, "max_iter": 3, "random_state": 0}
    ours = MLPClassifier(**params).fit(X, y)
    theirs = neural_network.MLPClassifier(**params).fit(X, y)
    for a, b in zip(
        ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_, strict=True
    ):
        assert_close(a, b, 1e-8, "parameters")  # see test_against_scikit_learn.py
    assert_close(ours.predict_proba(X), theirs.predict_proba(X), 1e-8, "predict_proba")
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))


# ties -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("tol", "n_iter"), [(1e-4, 5), (0.0, 20)])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_loss_that_stays_where_it_is_stops_training_as_scikit_learns(early_stopping, tol, n_iter):
    """Weights do not move: by less than tol no epoch improves, and with tol=0 an equal one does."""
    X, y = iris()
    parameters = {
        "hidden_layer_sizes": (3,),
        "solver": "sgd",
        "momentum": 0.0,
        "learning_rate_init": 1e-300,
        "batch_size": 150,
        "shuffle": False,
        "alpha": 0.0,
        "tol": tol,
        "n_iter_no_change": 3,
        "max_iter": 20,
        "early_stopping": early_stopping,
        "random_state": 0,
    }
    theirs = neural_network.MLPClassifier(**parameters).fit(X, y)
    ours = MLPClassifier(**parameters).fit(X, y)
    assert len(set(ours.loss_curve_)) == len(set(theirs.loss_curve_)) == 1
    assert ours.n_iter_ == theirs.n_iter_ == n_iter


def test_tol_params_of_zero_never_stops():
    """Parameters that do not move change by 0, which is not below 0."""
    parameters = {"solver": "sgd", "learning_rate_init": 1e-300, "tol": 0.0, "momentum": 0.0}
    parameters |= {"max_iter": 7, "n_iter_no_change": np.inf, "random_state": 0}
    model = MLPClassifier((3,), **parameters, tol_params=0.0).fit(*iris())
    assert model.history_["parameter_change"] == [0.0] * 7
    stopped = MLPClassifier((3,), **parameters, tol_params=1e-9).fit(*iris())
    assert stopped.n_iter_ == 1
