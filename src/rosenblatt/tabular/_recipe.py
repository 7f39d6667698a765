"""The recipe: which networks an ensemble has, on which encodings, trained how.

Every choice here has a measured reason, see docs/tables_recipe.md. Choices follow the size of a
table, never its content. Nothing is trained here.
"""

# SPDX-License-Identifier: BSD-3-Clause
from dataclasses import dataclass
from math import ceil

import numpy as np

from rosenblatt.mlp import MLPClassifier, MLPRegressor
from rosenblatt.tabular._schedule import four_cycles

FEWEST_STEPS, MOST_EPOCHS = 1500, 200
# up to so many rows: rows of a batch, epochs as a share of the preset's, members at most
SIZES = (
    (20_000, 128, 1.0, None),
    (50_000, 256, 0.75, None),
    (100_000, 256, 0.5, None),
    (250_000, 512, 0.35, 6),
    (np.inf, 512, 0.25, 4),
)
SHARPNESS, TINY = 4, 1e-12  # of the members' weights


@dataclass(frozen=True)
class Preset:
    """How much time a fit takes for how much accuracy."""

    n_members: int
    n_folds: int
    hidden_layer_sizes: tuple
    encodings: tuple
    n_epochs: int


PRESETS = {
    "fast": Preset(4, 4, (64, 64), ("quantile", "tree", "periodic", "coarse"), 48),
    "default": Preset(8, 8, (128, 128), ("quantile", "tree", "periodic", "coarse"), 48),
    "best": Preset(24, 8, (192, 192), ("quantile", "tree", "periodic", "coarse"), 64),
}


@dataclass(frozen=True)
class EnsemblePlan:
    """What is trained.

    Attributes
    ----------
    n_members, n_folds : int
        Member k leaves out fold k modulo n_folds.
    encodings : tuple of str
        One of ColumnEncoder's for each member.
    hidden_layer_sizes : tuple of int
    max_iter, batch_size : int
    power : float
        See WeighingRun.
    """

    n_members: int
    n_folds: int
    encodings: tuple
    hidden_layer_sizes: tuple
    max_iter: int
    batch_size: int
    dropout: float
    learning_rate_init: float
    patience: int
    patience_ratio: float
    label_smoothing: float
    power: float
    is_classification: bool

    def network(self):
        """An unfitted member."""
        shared = {
            "hidden_layer_sizes": self.hidden_layer_sizes,
            "activation": "relu",
            "weight_init": "he_normal",
            "solver": "adamw",
            "learning_rate_init": self.learning_rate_init,
            "learning_rate": four_cycles,
            "beta_2": 0.95,
            "weight_decay": 0.1,
            "alpha": 0.0,
            "dropout": self.dropout,
            "clip_norm": 1.0,
            "batch_size": self.batch_size,
            "max_iter": self.max_iter,
            "tol": 0.0,
            "n_iter_no_change": self.patience,
            "early_stopping": True,
            "scoring": "loss",
            "dtype": "float32",
        }
        if self.is_classification:
            return MLPClassifier(label_smoothing=self.label_smoothing, **shared)
        return MLPRegressor(**shared)


def ensemble_plan(estimator, table, target):
    """The plan for a table of this size.

    Parameters
    ----------
    estimator : TabularMLPClassifier or TabularMLPRegressor
        Its n_members, n_folds, hidden_layer_sizes and max_iter come before the preset's.
    table : Table
    target : ClassTarget or NumberTarget
    """
    preset, n_rows = PRESETS[estimator.preset], len(table)
    batch_size, share, most_members = next(size[1:] for size in SIZES if n_rows <= size[0])
    n_members = estimator.n_members or min(preset.n_members, most_members or preset.n_members)
    n_members = int(n_members)
    n_folds = min(int(estimator.n_folds or preset.n_folds), n_rows)
    if n_members > 1 and estimator.n_folds is None:
        n_folds = min(n_folds, n_members)  # every row is left out by a member
    n_training_rows = n_rows * (n_folds - 1) // n_folds
    batch_size = min(batch_size, n_training_rows)
    n_steps = ceil(n_training_rows / batch_size)
    n_epochs = min(MOST_EPOCHS, max(ceil(preset.n_epochs * share), ceil(FEWEST_STEPS / n_steps)))
    encodings = tuple(
        preset.encodings[(k + k // n_folds) % len(preset.encodings)] for k in range(n_members)
    )
    hidden = estimator.hidden_layer_sizes
    return EnsemblePlan(
        n_members=n_members,
        n_folds=n_folds,
        encodings=encodings,
        hidden_layer_sizes=preset.hidden_layer_sizes if hidden is None else hidden,
        max_iter=estimator.max_iter or n_epochs,
        power=1.5,
        batch_size=batch_size,
        dropout=0.15,
        learning_rate_init=0.008 if target.is_classification else 0.006,
        patience=4,
        patience_ratio=1.2,
        label_smoothing=0.1,
        is_classification=target.is_classification,
    )


def member_weights(encodings, losses):
    """Weights of members in their mean: (least loss / loss)**4, of the mean over an encoding.

    Parameters
    ----------
    encodings : list of str
        Of each member.
    losses : list of float
        Of the rows that each left out.

    Returns
    -------
    weights : ndarray of shape (n_members,)
        Their sum is 1.
    """
    encodings, losses = np.asarray(encodings), np.asarray(losses, dtype=np.float64)
    mean = {name: losses[encodings == name].mean() for name in set(encodings.tolist())}
    ratios = np.array([max(mean[name], TINY) / max(min(mean.values()), TINY) for name in encodings])
    weights = ratios**-SHARPNESS
    return weights / weights.sum()
