"""Which other nets are trained, as parameters for `set_params`: the linear and the smaller net,
the same net under a better optimiser, the larger nets, the same net without what restrains it.

Nothing is trained here, and no verdict drawn.
"""

# SPDX-License-Identifier: BSD-3-Clause
import math

import numpy as np

from rosenblatt._network_description import hidden_widths
from rosenblatt._parameter_rows import in_need_of_steps
from rosenblatt._parameter_table import AUTO_BATCH_SIZE
from rosenblatt.core.dispatch import OPTIMIZERS

TIMES_LARGER = 10  # hidden units of the larger net over the given one's
FEWEST_UNITS_OF_LARGER = 64
TIMES_SMALLER = 4
WEAK_ALPHA = 1e-4  # the default, whose penalty keeps a net from nothing

# One-cycle Adam takes so many steps of 64 rows: ten times what nets of this kind need on the
# tables of scikit-learn, and for 1e5 rows three epochs.
STEPS_OF_ADAM = 4000
BATCH_OF_ADAM = 64
EPOCHS_OF_ADAM = (30, 300)  # at least and at most
PEAK_RATE_OF_ADAM = 0.005  # Adam's default of 0.001 times five, which a cycle's peak may be
ITERATIONS_OF_LBFGS = 1000
# A Newton-like method pays where all rows can be looked at a thousand times
MOST_WORK_OF_LBFGS = 2e9  # weights times rows


def reshaped(net, widths):
    """Parameters for other hidden layers, with a name or a rate for each where there are lists."""
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
    """Whether the net can be the linear model, as far as its widths go.

    Through a layer narrower than inputs and outputs not every linear map passes: a linear model
    that does better than such a net shows that the net is too small.
    """
    hidden = hidden_widths(net.hidden_layer_sizes)
    # of k softmax outputs one is decided by the others
    rank = net.n_outputs_ - (net.out_activation_ == "softmax")
    return bool(hidden) and min(hidden) >= min(net.n_features_in_, rank)


def smaller_nets(net):
    """(name, params) of nets that this one contains: what they reach, it could reach."""
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
    """(name, params): at least ten times the hidden units, no fewer than 64; then a layer more."""
    hidden = hidden_widths(net.hidden_layer_sizes)
    if not hidden:
        wide = (FEWEST_UNITS_OF_LARGER,)
    else:
        times = max(TIMES_LARGER, math.ceil(FEWEST_UNITS_OF_LARGER / sum(hidden)))
        wide = tuple(times * width for width in hidden)
    deep = (*wide, max(FEWEST_UNITS_OF_LARGER, wide[-1] // TIMES_LARGER))
    # a net of identities is a linear model, however large
    bent = {"activation": "relu"} if set(net.activations_) <= {"identity"} else {}
    return [
        ("larger net", reshaped(net, wide) | bent),
        ("larger net, a layer more", reshaped(net, deep) | bent),
    ]


def restraints_of(net):
    """Parameters that would set the net free of what keeps its weights small or its units off."""
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
    """(name, params) of the same net, penalty and restraints under other optimisers.

    lbfgs, where the loss is one function of the parameters and all rows can be seen a thousand
    times; and Adam in small batches, its rate rising and falling once (Smith & Topin, 2018).
    Both begin at new draws, since a net may be stuck where its weights began.
    """
    nets = []
    if _is_one_function(net) and net.n_parameters_ * n_rows <= MOST_WORK_OF_LBFGS:
        nets.append(("same net, lbfgs", changed(net, _lbfgs(net, n_rows))))
    nets.append(("same net, Adam in one cycle", changed(net, _adam(net, n_rows))))
    return nets


def changed(net, params):
    """Those of the parameters that the net does not have yet."""
    now = net.get_params(deep=False)
    return {name: value for name, value in params.items() if not _is_same(now[name], value)}


def _is_same(value, other):
    return type(value) is type(other) and value == other


def _is_one_function(net):
    """Whether lbfgs can minimise what this net's solver minimises."""
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
        "n_iter_no_change": np.inf,  # the cycle is to come to its end
        "tol_params": None,
        "clip_norm": None,
        "clip_value": None,
    }
    params["alpha"] = _as_strong(net, n_rows, params["batch_size"])
    return {**params, "beta_1": 0.9, "beta_2": 0.999, **_usual_draws(net)}


def _as_strong(net, n_rows, n_step_rows):
    """The alpha that penalises a step of so many rows as the net's own does in its steps.

    The penalty is divided by a step's rows. Up to the default of alpha it is of no account.
    """
    if net.alpha <= WEAK_ALPHA:
        return net.alpha
    return float(f"{net.alpha * n_step_rows / _rows_per_step(net, n_rows):.2g}")


def _rows_per_step(net, n_rows):
    if net.solver not in OPTIMIZERS:
        return n_rows
    return min(AUTO_BATCH_SIZE if net.batch_size == "auto" else net.batch_size, n_rows)


def _usual_draws(net):
    """Weights that begin as others' do; a name that was chosen for the activation may stay."""
    return {} if isinstance(net.weight_init, str) else {"weight_init": "glorot_uniform"}
