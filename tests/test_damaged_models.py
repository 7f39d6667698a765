"""Models with corrupted attributes give errors and do not crash."""

import pickle

import numpy as np
import pytest
from problems import iris

from rosenblatt import MLPClassifier
from rosenblatt.callbacks import Checkpoint

X, y = iris()
CONTENT = pickle.dumps(MLPClassifier((6, 5), max_iter=3, random_state=0).fit(X, y))


def set_item(name, index, value):
    """Damage to one item of a fitted list."""
    return lambda model: getattr(model, name).__setitem__(index, value)


DAMAGES = {
    "a layer less": lambda model: model.coefs_.pop(),
    "a layer more": lambda model: model.coefs_.append(model.coefs_[-1]),
    "no layers": lambda model: (model.coefs_.clear(), model.intercepts_.clear()),
    "no weights": set_item("coefs_", 1, None),
    "text": set_item("coefs_", 1, np.full((6, 5), "weight")),
    "objects": set_item("coefs_", 1, np.full((6, 5), None)),
    "complex": set_item("coefs_", 1, np.ones((6, 5), complex)),
    "one dimension": set_item("coefs_", 0, np.ones(24)),
    "three dimensions": set_item("coefs_", 0, np.ones((4, 6, 1))),
    "fewer inputs": set_item("coefs_", 0, np.ones((3, 6))),
    "wider": set_item("coefs_", 1, np.ones((6, 500))),
    "empty": set_item("coefs_", 0, np.ones((4, 0))),
    "short intercepts": set_item("intercepts_", 0, np.ones(1)),
    "long intercepts": set_item("intercepts_", 2, np.ones(10**6)),
    "a number": set_item("intercepts_", 0, 1.0),
    "no description": lambda model: delattr(model, "_architecture"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize(
    "call", [lambda model: model.predict_proba(X), lambda model: model.predict(X[:1])]
)
def test_damaged_model_is_refused(damage, call):
    """Whatever the arrays are, they are looked at before they are read."""
    model = pickle.loads(CONTENT)
    damage(model)

    with pytest.raises((ValueError, TypeError, LookupError, AttributeError)):
        call(model)


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_training_does_not_go_on_from_a_damaged_model(damage):
    """partial_fit looks at what it goes on from, and a fit begins anew without it."""
    model = pickle.loads(CONTENT)
    damage(model)

    try:
        model.partial_fit(X, y)
    except (ValueError, TypeError, LookupError, AttributeError):
        pass
    else:
        assert np.isfinite(model.predict_proba(X)).all()
    model.fit(X, y)
    np.testing.assert_array_equal(model.predict(X), pickle.loads(CONTENT).predict(X))


def test_file_that_ends_early_is_an_error(tmp_path):
    """A checkpoint of which a part is missing loads as nothing."""
    path = tmp_path / "model.pkl"
    for size in [0, 1, 2, *range(3, len(CONTENT), len(CONTENT) // 50)]:
        path.write_bytes(CONTENT[:size])
        with pytest.raises((EOFError, pickle.UnpicklingError, ValueError)):
            Checkpoint.load(path)
