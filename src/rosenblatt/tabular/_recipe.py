"""The recipe: the networks of an ensemble, their encodings and their training parameters.

docs/tables_recipe.md gives the measurements behind each choice. Choices depend on the size of a
table, never on its content. Nothing is trained here.
"""

# SPDX-License-Identifier: BSD-3-Clause
from dataclasses import dataclass
from math import ceil

import numpy as np

from rosenblatt._network_description import hidden_widths
from rosenblatt.mlp import MLPClassifier, MLPRegressor

FEWEST_STEPS, MOST_EPOCHS = 1500, 200
FEW_ROWS = 2000  # with fewer, more dropout
# (maximum number of rows, batch size, factor of the preset's epochs, factor of its members)
SIZES = (
    (20_000, 128, 1.0, 1.0),
    (50_000, 256, 0.75, 1.0),
    (100_000, 256, 0.5, 1.0),
    (250_000, 512, 0.35, 0.75),
    (np.inf, 512, 0.25, 0.5),
)
# exponent, lower bound and smallest loss for the weights of the members
SHARPNESS, LEAST_WEIGHT, TINY = 4, 0.5, 1e-12


ENCODINGS = ("quantile", "tree", "periodic", "coarse")  # see ColumnEncoder
# bins for tables so large that one encoding at a time is in memory; with its 24 bins, 'tree' would
# be half as large again as the others
BINS_OF_LARGE = {"tree": 16}


@dataclass(frozen=True)
class Kind:
    """The properties in which members differ: encoding, widths and activation of the network."""

    encoding: str
    hidden_layer_sizes: tuple
    activation: str


@dataclass(frozen=True)
class Preset:
    """A trade-off between the time and the accuracy of a fit.

    Attributes
    ----------
    n_members, n_folds, n_epochs : int
    of_classes, of_numbers : tuple of (tuple of int, str)
        Hidden layer sizes and activations for classification and regression. The first pair is
        for the first member of each encoding, the second for the second, and so on cyclically.
    """

    n_members: int
    n_folds: int
    n_epochs: int
    of_classes: tuple
    of_numbers: tuple


_NARROW = (((64, 64), "relu"), ((64, 64), "silu"))
_WIDE, _OTHER = ((256, 256), "relu"), ((128, 128), "silu")
PRESETS = {
    "fast": Preset(5, 5, 48, _NARROW, _NARROW),
    "default": Preset(8, 8, 48, (_WIDE, _OTHER), (((128, 128), "relu"), _OTHER)),
    "best": Preset(24, 8, 48, (_WIDE, _OTHER), (((128, 128), "relu"), _OTHER, _WIDE)),
}


@dataclass(frozen=True)
class EnsemblePlan:
    """The networks to train.

    Attributes
    ----------
    n_folds : int
        Member k leaves out fold k modulo n_folds.
    kinds : tuple of Kind
        The kind of each member.
    max_iter, batch_size : int
    input_scale_rate : float
        Parameters of the networks.
    """

    n_folds: int
    kinds: tuple
    max_iter: int
    batch_size: int
    dropout: float
    learning_rate_init: float
    patience: int
    patience_ratio: float
    label_smoothing: float
    input_scale_rate: float
    is_classification: bool

    @property
    def n_members(self):
        return len(self.kinds)

    def network(self, number, n_jobs=1):
        """The unfitted network of a member; `n_jobs` threads share each of its steps."""
        kind = self.kinds[number]
        shared = {
            "hidden_layer_sizes": kind.hidden_layer_sizes,
            "activation": kind.activation,
            "weight_init": "he_normal",
            "solver": "adamw",
            "learning_rate_init": self.learning_rate_init,
            "learning_rate": "cosine_cycles",
            "beta_2": 0.95,
            "weight_decay": 0.1,
            "alpha": 0.0,
            "dropout": self.dropout,
            "input_scale_rate": self.input_scale_rate,
            "clip_norm": 1.0,
            "batch_size": self.batch_size,
            "max_iter": self.max_iter,
            "tol": 0.0,
            "n_iter_no_change": self.patience,
            "patience_ratio": self.patience_ratio,
            "early_stopping": True,
            "scoring": "loss",
            "dtype": "float32",
            "n_jobs": n_jobs,
        }
        if self.is_classification:
            return MLPClassifier(label_smoothing=self.label_smoothing, **shared)
        return MLPRegressor(**shared)


def ensemble_plan(estimator, table, target):
    """The plan for a table of this size.

    Parameters
    ----------
    estimator : TabularMLPClassifier or TabularMLPRegressor
        Its n_members, n_folds, hidden_layer_sizes and max_iter override the preset's.
    table : Table
    target : ClassTarget or NumberTarget
    """
    preset, n_rows = PRESETS[estimator.preset], len(table)
    batch_size, share, share_of_members = next(size[1:] for size in SIZES if n_rows <= size[0])
    n_members = int(estimator.n_members or ceil(preset.n_members * share_of_members))
    n_folds = min(int(estimator.n_folds or preset.n_folds), n_rows)
    if n_members > 1 and estimator.n_folds is None:
        n_folds = min(n_folds, n_members)  # so that every row is left out by some member
    n_training_rows = n_rows * (n_folds - 1) // n_folds
    batch_size = min(batch_size, n_training_rows)
    n_steps = ceil(n_training_rows / batch_size)
    n_epochs = min(MOST_EPOCHS, max(ceil(preset.n_epochs * share), ceil(FEWEST_STEPS / n_steps)))
    nets = preset.of_classes if target.is_classification else preset.of_numbers
    if estimator.hidden_layer_sizes is not None:
        widths = hidden_widths(estimator.hidden_layer_sizes)
        nets = tuple((widths, activation) for _, activation in nets)
    return EnsemblePlan(
        n_folds=n_folds,
        kinds=tuple(_kind(number, n_folds, nets) for number in range(n_members)),
        max_iter=estimator.max_iter or n_epochs,
        input_scale_rate=20.0,
        batch_size=batch_size,
        dropout=0.15 if n_rows < FEW_ROWS else 0.05,
        learning_rate_init=0.008 if target.is_classification else 0.006,
        patience=4,
        patience_ratio=1.2,
        label_smoothing=0.1,
        is_classification=target.is_classification,
    )


def _kind(number, n_folds, nets):
    """Encodings cycle, shifted in each repeat so that a fold meets a different encoding."""
    n_encodings = len(ENCODINGS)
    encoding = ENCODINGS[(number + number // n_folds) % n_encodings]
    return Kind(encoding, *nets[number // n_encodings % len(nets)])


def member_weights(kinds, losses):
    """Weights of the members in the mean: (smallest loss / loss)**4, but at least one half.

    Losses are averaged over the members of a kind. The lower bound is there because the loss of a
    kind with a single member comes from one fold, which an outlier may dominate.

    Parameters
    ----------
    kinds : list of Kind
        The kind of each member.
    losses : list of float
        The loss of each member on the rows that it left out.

    Returns
    -------
    weights : ndarray of shape (n_members,)
        The weights; they sum to 1.
    """
    losses_of = {kind: [] for kind in kinds}
    for kind, loss in zip(kinds, losses, strict=True):
        losses_of[kind].append(loss)
    mean = {kind: max(float(np.mean(those)), TINY) for kind, those in losses_of.items()}
    best = min(mean.values())
    weights = np.array([max((best / mean[kind]) ** SHARPNESS, LEAST_WEIGHT) for kind in kinds])
    return weights / weights.sum()
