"""Networks with a known fault, on scikit-learn's data sets.

Each case is a function that returns (fitted estimator, X, y, X_test, y_test); its place in `CASES`
says what is wrong with it. The nets are small: all cases together take seconds.
"""

import warnings

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from rosenblatt import MLPClassifier, MLPRegressor

LOADERS = {
    "breast_cancer": load_breast_cancer,
    "diabetes": load_diabetes,
    "digits": load_digits,
    "iris": load_iris,
    "wine": load_wine,
}


def rows(name, *, train_size=0.7, scaled=True, target=None):
    """X, y, X_test, y_test, the features standardised by those of X; `target` maps y."""
    X, y = LOADERS[name](return_X_y=True)
    if name == "digits":
        X = X / 16
    elif name == "diabetes":
        y = (y - y.mean()) / y.std()
    if target is not None:
        y = target(y)
    is_class = np.issubdtype(y.dtype, np.integer) and y.ndim == 1
    split = train_test_split(
        X, y, train_size=train_size, random_state=0, stratify=y if is_class else None
    )
    X, X_test, y, y_test = split
    if scaled and name != "digits":
        scaler = StandardScaler().fit(X)
        X, X_test = scaler.transform(X), scaler.transform(X_test)
    return X, y, X_test, y_test


def fitted(model, X, y, X_test, y_test):
    """The case of a model that is yet to be fitted."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(X, y), X, y, X_test, y_test


def classifier(*sizes, **settings):
    """A net whose training is well set up, but for what a case changes."""
    settings = {"learning_rate_init": 0.01, "max_iter": 150, "random_state": 0} | settings
    return MLPClassifier(sizes, **settings)


def regressor(*sizes, **settings):
    """The same for numbers."""
    settings = {"learning_rate_init": 0.01, "max_iter": 150, "random_state": 0} | settings
    return MLPRegressor(sizes, **settings)


def with_noise(name, n_features, train_size):
    """Rows with columns of normal numbers beside the features."""
    X, y, X_test, y_test = rows(name, train_size=train_size)
    random = np.random.RandomState(0)
    X = np.hstack([X, random.normal(size=(len(X), n_features))])
    return X, y, np.hstack([X_test, random.normal(size=(len(X_test), n_features))]), y_test


# what is too simple


def two_units_for_ten_digits():
    return fitted(classifier(2), *rows("digits"))


def straight_line_between_odd_and_even():
    return fitted(classifier(), *rows("digits", target=lambda y: y % 2))


def hidden_layer_without_a_bend():
    return fitted(classifier(32, activation="identity"), *rows("digits", target=lambda y: y // 5))


def straight_line_to_a_digits_value():
    return fitted(regressor(), *rows("digits", target=lambda y: (y - 4.5) / 2.9))


def penalty_that_leaves_nothing():
    return fitted(classifier(32, alpha=300.0), *rows("digits"))


def straight_lines_to_the_bits_of_a_digit():
    bits = np.arange(3)
    return fitted(classifier(), *rows("digits", target=lambda y: (y[:, None] >> bits) & 1))


# what is not trained well


def rate_far_too_small():
    return fitted(classifier(32, learning_rate_init=1e-5), *rows("digits"))


def three_epochs():
    return fitted(classifier(16, max_iter=3, learning_rate_init=0.001), *rows("wine"))


def six_layers_of_sigmoids():
    model = classifier(*[16] * 6, activation="logistic", solver="sgd", learning_rate_init=0.1)
    return fitted(model, *rows("digits"))


def weights_that_begin_at_zero():
    return fitted(classifier(32, weight_init=zeros, intercept_init="zeros"), *rows("digits"))


def zeros(fan_in, fan_out, random_state):
    """Weights from which every unit learns the same."""
    return np.zeros((fan_in, fan_out))


def descent_on_features_of_all_sizes():
    model = classifier(16, solver="sgd", learning_rate_init=1e-4)
    return fitted(model, *rows("breast_cancer", scaled=False))


def descent_to_a_value_too_slow():
    model = regressor(32, solver="sgd", momentum=0.0, learning_rate_init=1e-3, max_iter=30)
    return fitted(model, *rows("digits", target=lambda y: (y - 4.5) / 2.9))


# what has learned by heart


def sixty_digits():
    return fitted(classifier(64), *rows("digits", train_size=60))


def noise_beside_tumours():
    return fitted(classifier(32), *with_noise("breast_cancer", 200, 0.2))


def noise_beside_wines():
    return fitted(classifier(32), *with_noise("wine", 100, 0.4))


def curve_through_every_patient():
    model = regressor(100, solver="lbfgs", alpha=0.0, max_iter=500)
    return fitted(model, *rows("diabetes"))


def wrong_labels_learned():
    X, y, X_test, y_test = rows("digits", train_size=400)
    random = np.random.RandomState(0)
    is_wrong = random.uniform(size=len(y)) < 0.3
    y = np.where(is_wrong, random.randint(10, size=len(y)), y)
    return fitted(classifier(100, max_iter=300), X, y, X_test, y_test)


# what is tested on something else


def turned_images():
    X, y, X_test, y_test = rows("digits")
    X_test = X_test.reshape(-1, 8, 8).transpose(0, 2, 1).reshape(-1, 64)
    return fitted(classifier(32), X, y, X_test, y_test)


def noisy_images():
    X, y, X_test, y_test = rows("digits")
    X_test = X_test + 0.4 * np.random.RandomState(0).normal(size=X_test.shape)
    return fitted(classifier(32), X, y, X_test, y_test)


def another_instrument():
    X, y, X_test, y_test = rows("wine")
    return fitted(classifier(16), X, y, X_test + 2.0, y_test)


def other_patients():
    X, y, X_test, y_test = rows("breast_cancer")
    X_test = X_test + np.where(np.arange(X.shape[1]) % 3 == 0, 3.0, 0.0)
    return fitted(make_pipeline(StandardScaler(), classifier(16)), X, y, X_test, y_test)


def brighter_images_of_known_value():
    X, y, X_test, y_test = rows("digits", target=lambda y: (y - 4.5) / 2.9)
    return fitted(regressor(32), X, y, np.minimum(X_test + 0.3, 1), y_test)


def targets_in_another_order():
    X, y, X_test, y_test = rows("digits")
    return fitted(classifier(32), X, y, X_test, np.random.RandomState(0).permutation(y_test))


# what is in order


def digits_as_they_should_be():
    return fitted(classifier(32), *rows("digits"))


def tumours_as_they_should_be():
    model = make_pipeline(StandardScaler(), classifier(16, dtype="float32"))
    return fitted(model, *rows("breast_cancer", scaled=False))


def wines_as_they_should_be():
    return fitted(classifier(16), *rows("wine"))


def irises_as_they_should_be():
    return fitted(classifier(16), *rows("iris"))


def irises_by_their_petals():
    # some of two kinds look alike: no net is to tell them apart
    X, y, X_test, y_test = rows("iris")
    return fitted(classifier(8), X[:, 2:], y, X_test[:, 2:], y_test)


def odd_and_even_as_they_should_be():
    return fitted(classifier(64, alpha=0.1), *rows("digits", target=lambda y: y % 2))


CASES = {
    "model bias": [
        two_units_for_ten_digits,
        straight_line_between_odd_and_even,
        hidden_layer_without_a_bend,
        straight_line_to_a_digits_value,
        penalty_that_leaves_nothing,
        straight_lines_to_the_bits_of_a_digit,
    ],
    "optimisation": [
        rate_far_too_small,
        three_epochs,
        six_layers_of_sigmoids,
        weights_that_begin_at_zero,
        descent_on_features_of_all_sizes,
        descent_to_a_value_too_slow,
    ],
    "overfitting": [
        sixty_digits,
        noise_beside_tumours,
        noise_beside_wines,
        curve_through_every_patient,
        wrong_labels_learned,
    ],
    "mismatch": [
        turned_images,
        noisy_images,
        another_instrument,
        other_patients,
        brighter_images_of_known_value,
        targets_in_another_order,
    ],
    "fine": [
        digits_as_they_should_be,
        tumours_as_they_should_be,
        wines_as_they_should_be,
        irises_as_they_should_be,
        irises_by_their_petals,
        odd_and_even_as_they_should_be,
    ],
}
