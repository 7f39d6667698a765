"""Initial parameters of a network: the tables of initialisers for weights and intercepts.

The order of random draws must be that of scikit-learn. `initial_parameters` makes the first draws,
training makes the others: a seed if layers have noise (not in scikit-learn), the validation split,
and shuffles.
"""

# SPDX-License-Identifier: BSD-3-Clause
import numpy as np
from scipy.special import logit

DRAWS_AT_ONCE = 2**16  # half a megabyte of float64


def _drawn(draw, shape, dtype):
    """The draws of one call of `draw`, taken and rounded a part at a time."""
    array = np.empty(shape, dtype)
    draws = array.reshape(-1)
    for start in range(0, draws.size, DRAWS_AT_ONCE):
        part = draws[start : start + DRAWS_AT_ONCE]
        part[...] = draw(part.size)
    return array


def _uniform(random_state, bound, shape, dtype):
    return _drawn(lambda count: random_state.uniform(-bound, bound, count), shape, dtype)


def _normal(random_state, deviation, shape, dtype):
    return _drawn(lambda count: random_state.normal(0, deviation, count), shape, dtype)


def _glorot_bound(fan_in, fan_out, init_factor):
    return np.sqrt(init_factor / (fan_in + fan_out))


def _glorot_uniform(shape, random_state, init_factor, dtype):
    return _uniform(random_state, _glorot_bound(*shape, init_factor), shape, dtype)


def _he_uniform(shape, random_state, init_factor, dtype):
    return _uniform(random_state, np.sqrt(6 / shape[0]), shape, dtype)


def _he_normal(shape, random_state, init_factor, dtype):
    return _normal(random_state, np.sqrt(2 / shape[0]), shape, dtype)


def _lecun_normal(shape, random_state, init_factor, dtype):
    return _normal(random_state, np.sqrt(1 / shape[0]), shape, dtype)


def _orthogonal(shape, random_state, init_factor, dtype):
    tall = random_state.normal(size=(max(shape), min(shape)))
    q, r = np.linalg.qr(tall)
    # the signs of r's diagonal are needed for a uniform distribution (Mezzadri, 2007)
    q *= np.where(np.diag(r) < 0, -1, 1)
    return (q if shape[0] >= shape[1] else q.T).astype(dtype)


WEIGHT_INITS = {
    "glorot_uniform": _glorot_uniform,
    "he_uniform": _he_uniform,
    "he_normal": _he_normal,
    "lecun_normal": _lecun_normal,
    "orthogonal": _orthogonal,
}


def _uniform_intercepts(i, plan, data, random_state):
    layer = plan.architecture.layers[i]
    bound = _glorot_bound(layer.fan_in, layer.fan_out, plan.init_factors[i])
    return _uniform(random_state, bound, (layer.fan_out,), plan.architecture.dtype)


def _zero_intercepts(i, plan, data, random_state):
    return np.zeros(plan.architecture.layers[i].fan_out)


def _prior_intercepts(i, plan, data, random_state):
    if i < len(plan.architecture.hidden):
        return np.zeros(plan.architecture.layers[i].fan_out)
    means, n_rows = data.target_means()
    half_a_row = 0.5 / n_rows
    if data.loss.target == "class":
        return np.log(np.maximum(means, half_a_row))
    if data.loss.target == "binary":
        return logit(np.clip(means, half_a_row, 1 - half_a_row))
    if data.loss.out_activation == "exp":
        return np.log(np.where(means > 0, means, half_a_row))
    return means


INTERCEPT_INITS = {
    "uniform": _uniform_intercepts,
    "zeros": _zero_intercepts,
    "prior": _prior_intercepts,
}


def initial_parameters(plan, data, random_state):
    """The initial arrays of the network, in lists in the order of the catalogue.

    Weights and intercepts are drawn by the initialisers of the plan, layer by layer, with the
    weights of a layer before its intercepts. With the defaults these are scikit-learn's draws. They
    are drawn in float64 and then rounded, so that float32 starts from the same network.
    """
    architecture, drawn = plan.architecture, {"coefs_": [], "intercepts_": []}
    for i, layer in enumerate(architecture.layers):
        drawn["coefs_"].append(_initial_weights(i, plan, layer.shapes["coefs_"], random_state))
        start = INTERCEPT_INITS[plan.intercept_init](i, plan, data, random_state)
        drawn["intercepts_"].append(start.astype(architecture.dtype, copy=False))
    lists = drawn | architecture.starts(but_for=drawn)
    return [lists[attribute] for attribute in architecture.attributes]


def _initial_weights(i, plan, shape, random_state):
    dtype = plan.architecture.dtype
    if callable(plan.weight_init):
        return _weights_of(plan.weight_init, shape, random_state, dtype)
    return WEIGHT_INITS[plan.weight_init](shape, random_state, plan.init_factors[i], dtype)


def _weights_of(weight_init, shape, random_state, dtype):
    """The validated result of a user-defined weight_init for a layer."""
    weights = np.asarray(weight_init(*shape, random_state))
    if weights.shape != shape:
        raise ValueError(
            f"weight_init must return an array of shape {shape} for fan_in={shape[0]}, "
            f"fan_out={shape[1]}, got one of shape {weights.shape}."
        )
    if weights.dtype.kind not in "fiub":
        raise ValueError(f"weight_init must return finite numbers, got {weights.dtype}.")
    with np.errstate(over="ignore"):
        weights = weights.astype(dtype)  # a copy, because the caller may keep the returned array
    if not np.isfinite(weights).all():
        raise ValueError(
            "weight_init must return finite numbers, got NaN, infinity or a value out of range "
            f"for {dtype}."
        )
    return weights


def draw_noise_seed(plan, random_state):
    """The seed of dropout and noise; nothing is drawn for a fit without them."""
    if not plan.is_noisy:
        return 0
    low, high = random_state.randint(2**32, size=2, dtype=np.uint32).tolist()
    return high << 32 | low
