"""Models with corrupted attributes give errors and do not crash."""

import io
import json
import pickle
import zipfile

import numpy as np
import pytest
from problems import iris

from rosenblatt import SKOPS_TYPES, MLPClassifier
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


# what calls of a damaged model may raise; anything else is a defect
REFUSALS = (ValueError, TypeError, LookupError, AttributeError)


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize(
    "call", [lambda model: model.predict_proba(X), lambda model: model.predict(X[:1])]
)
def test_damaged_model_is_refused(damage, call):
    """Whatever the arrays are, they are looked at before they are read."""
    model = pickle.loads(CONTENT)
    damage(model)

    with pytest.raises(REFUSALS):
        call(model)


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_training_does_not_go_on_from_a_damaged_model(damage):
    """partial_fit looks at what it goes on from, and a fit begins anew without it."""
    model = pickle.loads(CONTENT)
    damage(model)

    try:
        model.partial_fit(X, y)
    except REFUSALS:
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


ARRAY_DAMAGES = {
    "shorter": lambda array: array[:-1],
    "empty": lambda array: array[:0],
    "flat": lambda array: array.reshape(-1),
    "wider": lambda array: np.repeat(array, 3, axis=-1),
    "more dimensions": lambda array: array[np.newaxis],
    "other numbers": lambda array: array.astype(np.int8),
    "complex": lambda array: array.astype(complex),
    "text": lambda array: array.astype("U5"),
}


@pytest.fixture(scope="module")
def skops():
    return pytest.importorskip("skops.io", reason="needs skops: pip install rosenblatt[export]")


@pytest.fixture(scope="module")
def skops_files(skops):
    """{name: content} of what is packed into a model's skops file."""
    model = MLPClassifier((6, 5), max_iter=3, random_state=0, normalization="batch").fit(X, y)
    with zipfile.ZipFile(io.BytesIO(skops.dumps(model))) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def packed_again(files):
    """The content of a skops file with these files in it."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return target.getvalue()


def refused(skops, data):
    """Whether loading or the first calls raise; if not, the outputs must be of the right shape."""
    try:
        model = skops.loads(data, trusted=SKOPS_TYPES)
    except Exception:  # skops raises a dozen kinds
        return True
    try:
        assert model.predict_proba(X).shape == (len(X), 3)
        assert model.predict(X[:1]).shape == (1,)
        model.partial_fit(X, y)
    except REFUSALS:
        return True
    return False


@pytest.mark.parametrize("damage", ARRAY_DAMAGES.values(), ids=ARRAY_DAMAGES)
def test_skops_file_with_damaged_arrays_is_refused_or_predicts(damage, skops, skops_files):
    """One array after the other is damaged; no kernel reads beyond it."""
    arrays = {
        name: np.load(io.BytesIO(content))
        for name, content in skops_files.items()
        if name.endswith(".npy")
    }
    arrays = {name: array for name, array in arrays.items() if array.ndim}
    assert len(arrays) > 5
    assert not refused(skops, packed_again(skops_files))

    for name, array in arrays.items():
        target = io.BytesIO()
        np.save(target, damage(array))
        is_refused = refused(skops, packed_again(skops_files | {name: target.getvalue()}))
        assert is_refused or array.ndim < 2 or damage(array).shape == array.shape, name


def test_skops_file_with_damaged_values_is_refused_or_predicts(skops, skops_files):
    """One value of its description after the other is another one, or of another type."""
    values = [None, -1, 2**40, "text", "[]", [], {}, "rosenblatt.MLPRegressor"]
    schema = json.loads(skops_files["schema.json"])
    places = []

    def find_places(node):
        for key, child in node.items() if isinstance(node, dict) else enumerate(node):
            if isinstance(child, dict | list):
                find_places(child)
            elif key == "content":
                places.append((node, key))

    find_places(schema)
    n_refused = 0
    for number, (node, key) in enumerate(places):
        before, node[key] = node[key], values[number % len(values)]
        content = json.dumps(schema).encode()
        n_refused += refused(skops, packed_again(skops_files | {"schema.json": content}))
        node[key] = before

    assert n_refused > len(places) / 4


def test_skops_file_that_names_another_class_is_refused(skops, skops_files):
    """A class outside of SKOPS_TYPES is not imported, whatever stands beside it."""
    schema = json.loads(skops_files["schema.json"])
    schema |= {"__module__": "subprocess", "__class__": "Popen"}
    data = packed_again(skops_files | {"schema.json": json.dumps(schema).encode()})

    with pytest.raises(TypeError, match=r"subprocess\.Popen"):
        skops.loads(data, trusted=SKOPS_TYPES)
