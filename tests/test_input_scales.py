"""input_scale_rate: learned factors of the features, in the estimators."""

import pickle

import numpy as np
import pytest
from problems import diabetes, digits, iris
from scipy import sparse
from sklearn.base import clone

from rosenblatt import MLPClassifier, MLPRegressor
from rosenblatt.inspection import gradient


def fitted(**params):
    """A classifier of flowers with learned factors."""
    params = {"hidden_layer_sizes": (8,), "max_iter": 5, "random_state": 0} | params
    return MLPClassifier(**{"input_scale_rate": 10, **params}).fit(*iris())


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
class TestInputScales:
    """Fits of a few epochs."""

    def test_factors_are_an_attribute_and_count_in_predictions(self):
        """`input_scales_` times X is what a network without factors reads."""
        X, _ = iris()
        model = fitted()
        (scales,) = model.input_scales_
        assert scales.shape == (4,)
        assert not np.allclose(scales, 1)

        plain = fitted(input_scale_rate=0)
        plain.coefs_, plain.intercepts_ = model.coefs_, model.intercepts_

        np.testing.assert_allclose(
            model.predict_proba(X), plain.predict_proba(X * scales), rtol=1e-12
        )
        assert model.n_parameters_ == plain.n_parameters_ + 4

    def test_useful_features_grow(self):
        """Of eight features two have to do with the target."""
        rng = np.random.RandomState(0)
        X = rng.normal(size=(400, 8))
        y = X[:, 2] * X[:, 5]
        model = MLPRegressor((32,), input_scale_rate=20, max_iter=60, random_state=0).fit(X, y)
        assert set(np.argsort(np.abs(model.input_scales_[0]))[-2:]) == {2, 5}

    def test_sparse_rows_learn_what_dense_ones_learn(self):
        """To rounding."""
        X, y = digits()
        models = [
            MLPClassifier((9,), input_scale_rate=5, max_iter=3, random_state=0).fit(rows, y)
            for rows in (X, sparse.csr_array(X))
        ]
        np.testing.assert_allclose(models[0].input_scales_, models[1].input_scales_, rtol=1e-6)

    def test_warm_starts_partial_fits_and_pickles_go_on(self):
        """Factors are parameters like others."""
        X, y = iris()
        model = fitted(warm_start=True)
        before = model.input_scales_[0].copy()
        model.fit(X, y)
        assert not np.array_equal(model.input_scales_[0], before)
        model.partial_fit(X, y)
        again = pickle.loads(pickle.dumps(model))
        np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
        assert not hasattr(clone(model), "input_scales_")
        model.set_params(input_scale_rate=0)
        with pytest.raises(ValueError, match="input_scale_rate=0 cannot go on from a fit with"):
            model.fit(X, y)

    def test_edited_factors_count(self):
        """As edited weights do; what does not fit is refused."""
        X, _ = iris()
        model = fitted()
        before = model.predict_proba(X)
        model.input_scales_[0] = np.zeros(4)
        assert not np.allclose(model.predict_proba(X), before)
        model.input_scales_[0] = np.zeros(3)
        with pytest.raises(ValueError, match=r"input_scales_ have shapes \[\(3,\)\]"):
            model.predict_proba(X)

    def test_what_has_no_place_for_factors_says_so(self):
        """lbfgs has no rates; inspection works on networks without factors."""
        X, y = diabetes()
        with pytest.raises(ValueError, match="input_scale_rate=3"):
            MLPRegressor(input_scale_rate=3, solver="lbfgs").fit(X, y)
        with pytest.raises(ValueError, match=r"input_scale_rate=10\. Fit with input_scale_rate=0"):
            gradient(fitted(), *iris())
