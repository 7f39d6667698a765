"""The other nets that are trained, as parameters for `set_params`: linear and smaller nets, the
same net with a better optimiser, larger nets, and the same net without regularisation.

Nothing is trained or decided here.
"""

# SPDX-License-Identifier: BSD-3-Clause
import math

import numpy as np

from rosenblatt._network_description import hidden_widths
from rosenblatt._parameter_rows import in_need_of_steps
from rosenblatt._parameter_table import AUTO_BATCH_SIZE
from rosenblatt.core.dispatch import OPTIMIZERS

TIMES_LARGER = 10  # ratio of the hidden units of the larger net to those of the given net
FEWEST_UNITS_OF_LARGER = 64
TIMES_SMALLER = 4
WEAK_ALPHA = 1e-4  # the default, a negligible penalty

# Number of steps of 64 rows of one-cycle Adam: ten times what nets of this kind need on
# scikit-learn's data sets, and three epochs of 1e5 rows.
STEPS_OF_ADAM = 4000
BATCH_OF_ADAM = 64
EPOCHS_OF_ADAM = (30, 300)  # minimum and maximum
PEAK_RATE_OF_ADAM = 0.005  # five times Adam's default of 0.001, suitable for the peak of a cycle
ITERATIONS_OF_LBFGS = 1000
# lbfgs is used if a thousand passes over all rows are affordable
MOST_WORK_OF_LBFGS = 2e9  # weights times rows


def reshaped(net, widths):
    """Parameters for other hidden layers; lists with one item per layer are adapted."""
    params = {"hidden_layer_sizes": tuple(widths)}
    for name, default in (("activation", "relu"), ("dropout", 0.0)):
        given = getattr(net, name)
        if isinstance(given, str) or np.ndim(given) == 0:
            continue
        given = list(given)
        if not given:
            params[name] = default
        else:
            params[name] = (given + given[-1:] * len(widths))[: len(widths)]
    return params


def contains_linear(net):
    """Whether the net can represent the linear model, judged by its widths.

    A layer narrower than both inputs and outputs cannot represent every linear map. A linear model
    that is better than such a net shows that the net is too small.
    """
    hidden = hidden_widths(net.hidden_layer_sizes)
    # k softmax outputs have k - 1 degrees of freedom
    rank = net.n_outputs_ - (net.out_activation_ == "softmax")
    return bool(hidden) and min(hidden) >= min(net.n_features_in_, rank)


def smaller_nets(net):
    """(name, params) of nets that this one contains, so that it could reach their loss."""
    hidden = hidden_widths(net.hidden_layer_sizes)
    nets = []
    if contains_linear(net):
        nets.append(("linear model", reshaped(net, ())))
    if len(hidden) > 1:
        nets.append(("first hidden layer alone", reshaped(net, hidden[:1])))
    elif hidden and hidden[0] >= TIMES_SMALLER:
        nets.append(("smaller net", reshaped(net, (hidden[0] // TIMES_SMALLER,))))
    return nets


def larger_nets(net):
    """(name, params) of nets with ten times the hidden units, at least 64; then one more layer."""
    hidden = hidden_widths(net.hidden_layer_sizes)
    if not hidden:
        wide = (FEWEST_UNITS_OF_LARGER,)
    else:
        times = max(TIMES_LARGER, math.ceil(FEWEST_UNITS_OF_LARGER / sum(hidden)))
        wide = tuple(times * width for width in hidden)
    deep = (*wide, max(FEWEST_UNITS_OF_LARGER, wide[-1] // TIMES_LARGER))
    # a net with identity activations is a linear model of any size
    bent = {"activation": "relu"} if set(net.activations_) <= {"identity"} else {}
    return [
        ("larger net", reshaped(net, wide) | bent),
        ("larger net, a layer more", reshaped(net, deep) | bent),
    ]


def restraints_of(net):
    """Parameters that remove the penalty, dropout and other regularisation of the net."""
    free = {}
    if net.alpha > WEAK_ALPHA:
        free["alpha"] = 0.0
    for name in ("dropout", "input_dropout", "input_noise"):
        if np.any(np.asarray(getattr(net, name)) > 0):
            free[name] = 0.0
    if net.solver in OPTIMIZERS:
        free |= {"weight_decay": 0.0} if (net.weight_decay or 0) > 0.01 else {}
        free |= {"max_norm": None} if net.max_norm is not None else {}
    return free


def better_optimisers(net, n_rows):
    """(name, params) of the same net and regularisation with other optimisers.

    These are lbfgs, if the loss is a deterministic function of the parameters and a thousand
    passes over all rows are affordable, and Adam with small batches in one cycle of the learning
    rate (Smith & Topin, 2018). Both start from new initial weights, because a net may be stuck near
    its own.
    """
    nets = []
    if _is_one_function(net) and net.n_parameters_ * n_rows <= MOST_WORK_OF_LBFGS:
        nets.append(("same net, lbfgs", changed(net, _lbfgs(net, n_rows))))
    nets.append(("same net, Adam in one cycle", changed(net, _adam(net, n_rows))))
    return nets


def changed(net, params):
    """The parameters whose values differ from those of the net."""
    now = net.get_params(deep=False)
    return {name: value for name, value in params.items() if not _is_same(now[name], value)}


def _is_same(value, other):
    return type(value) is type(other) and value == other


def _is_one_function(net):
    """Whether the loss is deterministic, so that lbfgs can minimise it."""
    if net.solver == "lbfgs":
        return True
    decay = net.weight_decay
    if decay is None:
        decay = OPTIMIZERS[net.solver].weight_decay
    shapes_loss = any(needs.shapes_loss for needs in in_need_of_steps(net).values())
    return not (net.early_stopping or decay > 0 or shapes_loss)


def _lbfgs(net, n_rows):
    params = {
        "solver": "lbfgs",
        "max_iter": max(ITERATIONS_OF_LBFGS, net.max_iter),
        "max_fun": max(15000, net.max_fun),
        "tol": min(net.tol, 1e-5),
        "weight_decay": None,
        "learning_rate": "constant",
        "alpha": _as_strong(net, n_rows, n_rows),
    }
    defaults = type(net)().get_params(deep=False)
    without = {name: defaults[name] for name in in_need_of_steps(net)}
    return {**params, **without, **_usual_draws(net)}


def _adam(net, n_rows):
    least, most = EPOCHS_OF_ADAM
    n_epochs = min(max(STEPS_OF_ADAM * BATCH_OF_ADAM // n_rows, least), most)
    params = {
        "solver": net.solver if net.solver == "adamw" else "adam",
        "learning_rate": "one_cycle",
        "learning_rate_init": PEAK_RATE_OF_ADAM,
        "batch_size": min(BATCH_OF_ADAM, n_rows),
        "max_iter": n_epochs,
        "n_iter_no_change": np.inf,  # so that the cycle completes
        "tol_params": None,
        "clip_norm": None,
        "clip_value": None,
    }
    params["alpha"] = _as_strong(net, n_rows, params["batch_size"])
    return {**params, "beta_1": 0.9, "beta_2": 0.999, **_usual_draws(net)}


def _as_strong(net, n_rows, n_step_rows):
    """The alpha that has the same effect in steps of `n_step_rows` rows as the net's own alpha.

    The penalty is divided by the number of rows of a step. Up to the default of alpha it is
    negligible.
    """
    if net.alpha <= WEAK_ALPHA:
        return net.alpha
    return float(f"{net.alpha * n_step_rows / _rows_per_step(net, n_rows):.2g}")


def _rows_per_step(net, n_rows):
    if net.solver not in OPTIMIZERS:
        return n_rows
    return min(AUTO_BATCH_SIZE if net.batch_size == "auto" else net.batch_size, n_rows)


def _usual_draws(net):
    """The usual initialisation of weights; a named scheme for the activation is kept."""
    return {} if isinstance(net.weight_init, str) else {"weight_init": "glorot_uniform"}
