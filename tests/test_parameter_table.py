"""The rows of the networks' parameters agree with signatures, docstrings and refusals."""

import pytest

from rosenblatt import MLPClassifier, MLPRegressor
from rosenblatt._parameter_table import in_need_of_steps


@pytest.mark.parametrize("estimator", [MLPClassifier, MLPRegressor])
def test_each_parameter_is_one_row(estimator):
    """Signature and table name the same; the docstring says what both do."""
    rows, defaults = estimator._parameter_table, estimator().get_params()
    assert set(rows) == set(defaults)
    for name, row in rows.items():
        assert f"    {name} : {row.kind}, default={defaults[name]!r}\n" in estimator.__doc__


@pytest.mark.parametrize(
    "name", [name for name, row in MLPRegressor._parameter_table.items() if row.needs_steps]
)
def test_what_needs_steps_is_off_by_default_and_refused_by_lbfgs(name):
    """The message names the parameter, its value and the solvers to choose from."""
    value = {
        "normalization": "batch",
        "augment": lambda X, random_state: X,
        "learning_rate": lambda share: 1.0,
        "callbacks": [print],
    }.get(name, 0.5)
    assert not in_need_of_steps(MLPRegressor())
    assert list(in_need_of_steps(MLPRegressor(**{name: value}))) == [name]
    model = MLPRegressor(solver="lbfgs", **{name: value})
    with pytest.raises(ValueError, match=rf"^{name}=.*'lbfgs'") as error:
        model.fit([[0.0], [1.0]], [0.0, 1.0])
    assert "'adam', 'adamw'" in str(error.value)
