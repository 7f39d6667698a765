"""The recipe: which networks an ensemble has, on which encodings, trained how.

Every choice here has a measured reason, see docs/tables_recipe.md. Choices follow the size of a
table, never its content. Nothing is trained here.
"""

# SPDX-License-Identifier: BSD-3-Clause
from dataclasses import dataclass
from math import ceil

from rosenblatt.mlp import MLPClassifier, MLPRegressor
from rosenblatt.tabular._schedule import four_cycles, one_cycle

FEWEST_STEPS, MOST_EPOCHS = 1500, 200


@dataclass(frozen=True)
class Preset:
    """How much time a fit takes for how much accuracy."""

    n_members: int
    n_folds: int
    hidden_layer_sizes: tuple
    encodings: tuple
    pilot_epochs: int
    n_epochs: int


PRESETS = {
    "fast": Preset(4, 4, (64, 64), ("quantile", "tree", "periodic", "coarse"), 10, 48),
    "default": Preset(8, 8, (128, 128), ("quantile", "tree", "periodic", "coarse"), 12, 48),
    "best": Preset(24, 8, (192, 192), ("quantile", "tree", "periodic", "coarse"), 12, 64),
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
    max_iter, pilot_epochs, batch_size : int
    """

    n_members: int
    n_folds: int
    encodings: tuple
    hidden_layer_sizes: tuple
    max_iter: int
    pilot_epochs: int
    batch_size: int
    dropout: float
    learning_rate_init: float
    patience: float
    patience_ratio: float
    label_smoothing: float
    is_classification: bool

    def encoder_of(self, member):
        """The number of a member's encoding among the different ones."""
        return list(dict.fromkeys(self.encodings)).index(self.encodings[member])

    def member_weights(self, trained):
        """The members' weights in the mean."""
        return [1.0] * len(trained)

    def network(self, encoding):
        """An unfitted member."""
        return self._network(encoding, self.max_iter, four_cycles, early_stopping=True)

    def pilot(self, encoding):
        """The unfitted network that weighs a member's inputs, or None."""
        if not self.pilot_epochs:
            return None
        return self._network(encoding, self.pilot_epochs, one_cycle, early_stopping=False)

    def _network(self, encoding, max_iter, schedule, *, early_stopping):
        shared = {
            "hidden_layer_sizes": self.hidden_layer_sizes,
            "activation": "relu",
            "weight_init": "he_normal",
            "solver": "adamw",
            "learning_rate_init": self.learning_rate_init,
            "learning_rate": schedule,
            "beta_2": 0.95,
            "weight_decay": 0.1,
            "alpha": 0.0,
            "dropout": self.dropout,
            "clip_norm": 1.0,
            "batch_size": self.batch_size,
            "max_iter": max_iter,
            "tol": 0.0,
            "n_iter_no_change": self.patience if early_stopping else float("inf"),
            "early_stopping": early_stopping,
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
    n_members = estimator.n_members or preset.n_members
    n_folds = min(estimator.n_folds or preset.n_folds, n_rows)
    batch_size = 128
    n_steps = ceil(n_rows * (n_folds - 1) / n_folds / batch_size)
    n_epochs = min(MOST_EPOCHS, max(preset.n_epochs, ceil(FEWEST_STEPS / n_steps)))
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
        pilot_epochs=preset.pilot_epochs,
        batch_size=batch_size,
        dropout=0.15,
        learning_rate_init=0.008 if target.is_classification else 0.006,
        patience=4.0,
        patience_ratio=1.2,
        label_smoothing=0.1,
        is_classification=target.is_classification,
    )
