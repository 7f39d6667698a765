"""The rows of the networks' parameters agree with signatures, docstrings and refusals."""

import inspect
import re

import pytest
from parameter_values import bad_values, good_values

from rosenblatt import MLPClassifier, MLPRegressor, PerceptronClassifier
from rosenblatt._parameter_rows import in_need_of_steps


@pytest.mark.parametrize("estimator", [MLPClassifier, MLPRegressor])
def test_each_parameter_is_one_row(estimator):
    """Signature and table name the same; the docstring says what both do."""
    rows, defaults = estimator._parameter_table, estimator().get_params()
    assert set(rows) == set(defaults)
    for name, row in rows.items():
        assert f"    {name} : {row.kind}, default={defaults[name]!r}\n" in estimator.__doc__


@pytest.mark.parametrize("estimator", [MLPClassifier, MLPRegressor])
def test_docstring_follows_the_signature_and_begins_with_what_people_change(estimator):
    """The ten, and below numpydoc's second heading all others."""
    names = list(inspect.signature(estimator).parameters)
    common = [name for name, row in estimator._parameter_table.items() if row.is_common]
    assert set(names[:10]) == set(common)
    assert names[:4] == ["hidden_layer_sizes", "activation", "loss", "solver"]
    first, others = inspect.getdoc(estimator).split("Other Parameters\n----------------\n")
    others = others.split("\nAttributes\n")[0]
    written = [re.findall(r"^(\w+) : ", part, re.MULTILINE) for part in (first, others)]
    assert written == [names[:10], names[10:]]


@pytest.mark.parametrize("estimator", [MLPClassifier, MLPRegressor, PerceptronClassifier])
def test_bad_values_are_refused_before_any_work(estimator):
    """Of every parameter, before the data are looked at: with name, value and what is allowed."""
    for name, row in estimator._parameter_table.items():
        values = bad_values(row)
        assert values, name
        for value in values:
            expected = f"The {name!r} parameter of {estimator.__name__} must be .* Got "
            with pytest.raises(ValueError, match=expected) as error:
                estimator(**{name: value}).fit(None, None)
            assert repr(value) in str(error.value)


@pytest.mark.parametrize(
    "name", [name for name, row in MLPRegressor._parameter_table.items() if row.needs_steps]
)
def test_what_needs_steps_is_off_by_default_and_refused_by_lbfgs(name):
    """The message names the parameter, its value and the solvers to choose from."""
    row = MLPRegressor._parameter_table[name]
    value = next(value for value in good_values(row) if row.needs_steps.is_on(value))
    assert not in_need_of_steps(MLPRegressor())
    assert list(in_need_of_steps(MLPRegressor(**{name: value}))) == [name]
    model = MLPRegressor((4, 4), solver="lbfgs", **{name: value})
    with pytest.raises(ValueError, match=rf"^{name}=.*'lbfgs'") as error:
        model.fit([[0.0], [1.0]], [0.0, 1.0])
    assert "'adam', 'adamw'" in str(error.value)
