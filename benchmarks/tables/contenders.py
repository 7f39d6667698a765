"""One class per contender: an estimator for raw DataFrames, on one thread."""

import contextlib
import importlib.util
from dataclasses import replace
from importlib.metadata import version

import numpy as np
from sklearn.compose import (
    TransformedTargetRegressor,
    make_column_selector,
    make_column_transformer,
)
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

import rosenblatt

numbers = make_column_selector(dtype_include=np.number)
categories = make_column_selector(dtype_exclude=np.number)


class Contender:
    """A package's estimators.

    Attributes
    ----------
    option : str
        What --methods calls it.
    name : str
        What tables and pictures call it.
    family : str
        Contenders of a family look alike in the picture.
    module, package : str
        What is imported, and the distribution that it comes with.
    """

    quantiles = None  # where there are some: a function of (split, levels), (n_rows, n_levels)

    def is_installed(self):
        return importlib.util.find_spec(self.module) is not None

    @property
    def version(self):
        return f"{self.package} {version(self.package)}"

    def model(self, X, is_regression):
        """The estimator for such a frame; what it needs is imported here, outside of a fit."""
        raise NotImplementedError


class ScikitLearnMLP(Contender):
    """The plain network behind the preprocessing that a careful person writes."""

    option, name, family = "mlp", "MLP", "scikit-learn"
    module, package = "sklearn", "scikit-learn"

    def model(self, X, is_regression):
        preprocessing = make_column_transformer(
            (make_pipeline(SimpleImputer(), StandardScaler()), numbers),
            (OneHotEncoder(handle_unknown="ignore", max_categories=64), categories),
        )
        if not is_regression:
            return make_pipeline(preprocessing, MLPClassifier(random_state=0))
        network = TransformedTargetRegressor(
            MLPRegressor(random_state=0), transformer=StandardScaler()
        )
        return make_pipeline(preprocessing, network)


class HistGradientBoosting(Contender):
    """scikit-learn's boosting, which tells categories by their dtype."""

    option, name, family = "histgb", "HistGB", "boosting"
    module, package = "sklearn", "scikit-learn"
    parameters = {"categorical_features": "from_dtype", "random_state": 0}  # noqa: RUF012

    def model(self, X, is_regression):
        if is_regression:
            return HistGradientBoostingRegressor(**self.parameters)
        return HistGradientBoostingClassifier(**self.parameters)

    def quantiles(self, split, levels):
        """A model a level."""
        models = (
            HistGradientBoostingRegressor(loss="quantile", quantile=level, **self.parameters)
            for level in levels
        )
        return np.column_stack(
            [model.fit(split.X, split.y).predict(split.X_test) for model in models]
        )


class LightGBM(Contender):
    """It tells categories by their dtype."""

    option, name, family = "lightgbm", "LightGBM", "boosting"
    module = package = "lightgbm"

    def model(self, X, is_regression):
        import lightgbm

        kind = lightgbm.LGBMRegressor if is_regression else lightgbm.LGBMClassifier
        return kind(n_jobs=1, random_state=0, verbosity=-1)


class CatBoost(Contender):
    """It takes categories as text, and no gap among them."""

    option, name, family = "catboost", "CatBoost", "boosting"
    module = package = "catboost"

    def model(self, X, is_regression):
        import catboost

        kind = catboost.CatBoostRegressor if is_regression else catboost.CatBoostClassifier
        boosting = kind(thread_count=1, random_seed=0, verbose=False, allow_writing_files=False,
                        cat_features=categories(X))  # fmt: skip
        return make_pipeline(FunctionTransformer(gaps_are_text), boosting)


class XGBoost(Contender):
    """It tells categories by their dtype."""

    option, name, family = "xgboost", "XGBoost", "boosting"
    module = package = "xgboost"

    def model(self, X, is_regression):
        import xgboost

        kind = xgboost.XGBRegressor if is_regression else xgboost.XGBClassifier
        return kind(n_jobs=1, random_state=0, enable_categorical=True)


class RealMLP(Contender):
    """RealMLP-TD, one network; it takes no gap among numbers."""

    option, name, family = "realmlp", "RealMLP-TD", "networks"
    module = package = "pytabkit"
    estimators = "RealMLP_TD_Classifier", "RealMLP_TD_Regressor"

    def model(self, X, is_regression):
        import pytabkit

        kind = getattr(pytabkit, self.estimators[is_regression])
        fill = make_column_transformer(
            (SimpleImputer(strategy="median", keep_empty_features=True), numbers),
            remainder="passthrough",
            verbose_feature_names_out=False,
        )
        network = kind(device="cpu", random_state=0, n_cv=1, n_refit=0, n_threads=1, verbosity=0)
        return make_pipeline(fill.set_output(transform="pandas"), network)


class TabM(RealMLP):
    """pytabkit's TabM with its defaults."""

    option, name = "tabm", "TabM"
    estimators = "TabM_D_Classifier", "TabM_D_Regressor"


class Rosenblatt(Contender):
    """This package's estimators for tables.

    Parameters
    ----------
    preset : str
    build : str, default=""
        Stands behind the name, to tell builds of the same version apart.
    """

    family = module = package = "rosenblatt"

    def __init__(self, preset, build=""):
        self.option, self.name = preset, f"{preset} {build}".rstrip()

    def is_installed(self):
        """Not every build of the package has them."""
        return hasattr(rosenblatt, "TabularMLPClassifier")

    def model(self, X, is_regression):
        kind = "TabularMLPRegressor" if is_regression else "TabularMLPClassifier"
        return getattr(rosenblatt, kind)(preset=self.option, n_jobs=1, random_state=0)

    def quantiles(self, split, levels):
        """All levels of one model."""
        model = self.model(split.X, is_regression=True).fit(split.X, split.y)
        return model.predict_quantiles(split.X_test, levels)


@contextlib.contextmanager
def recipe_with(changes):
    """A context in which this package's estimators for tables have another recipe.

    Parameters
    ----------
    changes : dict
        Fields of its plan: what each ingredient brings is seen by leaving it out.
    """
    if not changes:
        yield
        return
    from rosenblatt.tabular import _fit

    whole = _fit.ensemble_plan
    _fit.ensemble_plan = lambda *args: replace(whole(*args), **changes)
    try:
        yield
    finally:
        _fit.ensemble_plan = whole


def gaps_are_text(X):
    """Categories as text, a gap as the text "nan"."""
    names = categories(X)
    text = {name: X[name].astype(object).where(X[name].notna(), "nan") for name in names}
    return X.assign(**{name: column.astype(str) for name, column in text.items()})


BASELINE, BOOSTING = ScikitLearnMLP(), HistGradientBoosting()
PEERS = [BASELINE, BOOSTING, LightGBM(), CatBoost(), XGBoost(), RealMLP(), TabM()]
PRESETS = ("fast", "default", "best")
OPTIONS = [*(peer.option for peer in PEERS), *PRESETS]


def contenders(options, build="", *, with_peers=True):
    """Those of the names that are installed; without names, all.

    Returns
    -------
    list of Contender
    """
    every = [*(PEERS if with_peers else []), *(Rosenblatt(preset, build) for preset in PRESETS)]
    chosen = [one for one in every if not options or one.option in options]
    return [one for one in chosen if one.is_installed()]
