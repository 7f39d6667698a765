"""Distinguishes a different test distribution from memorising, by held-out training rows.

The same net is retrained on part of the training rows and scored on the others and on the test
rows. It was trained on neither, so a difference between their scores is due to the rows. A random
forest that classifies rows as test or training rows by their features is the second criterion.
"""

# SPDX-License-Identifier: BSD-3-Clause
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.model_selection import KFold, train_test_split

from rosenblatt.diagnosis._statistics import (
    Difference,
    auc_over_chance,
    difference_of_sets,
)
from rosenblatt.diagnosis._training import COMPLETE

# A quarter of the rows is held out at a time. A net trained on the others has nearly as many rows
# as the diagnosed net, and with four nets every row is held out once.
N_FOLDS = 4
FEWEST_ROWS_TO_SPLIT = 8

# The maximum numbers of rows of each set and of features that the forest uses. The standard error
# of its area under the ROC curve is then at most 0.011.
MOST_ROWS_OF_FOREST = 3000
MOST_FEATURES_OF_FOREST = 1000
N_TREES = 100
ROWS_OF_A_LEAF = 5
FEATURES_NAMED = 3

# The area by the nets' own errors is based on the same figures as the fall of the score, so it is
# not independent evidence. It must exceed 0.5 by three standard errors instead of two.
STRICTER = 1.5


@dataclass(frozen=True)
class HeldOut:
    """Scores of nets trained without some of the training rows.

    Attributes
    ----------
    fall : Difference
        The score of held-out training rows minus that of test rows.
    memorised : Difference
        The score of these nets' training rows minus that of held-out rows.
    of_errors : Difference
        The area under the ROC curve by the nets' errors, compared with 0.5.
    is_complete : bool
        Whether all fits completed.
    seconds : float
    n_folds : int
    first : tuple
        (training rows, held-out rows, mean scores on both) of the first net.
    """

    fall: Difference
    memorised: Difference
    of_errors: Difference
    is_complete: bool
    seconds: float
    n_folds: int
    first: tuple


def hold_out(problem, trainer, tol, random_state):
    """Train nets on folds; returns HeldOut, or None if no net could be trained.

    Folds are added until the fall is settled, that is, until its noise is below tol.
    """
    n_rows = problem.X.shape[0]
    if n_rows < FEWEST_ROWS_TO_SPLIT:
        return None
    held, trained_on, of_test, errors, test_errors = [], [], [], [], []
    outcomes, first = [], None
    # not stratified by class, like the test rows: stratified folds would be more similar to the
    # training rows than test rows are
    folds = KFold(N_FOLDS, shuffle=True, random_state=random_state)
    for fit_rows, held_rows in folds.split(np.zeros(n_rows)):
        name = f"same net, fold {len(outcomes) + 1} of {N_FOLDS} held out"
        outcome = trainer.train(name, {}, problem.X[fit_rows], problem.y[fit_rows])
        if outcome.net is None:
            break
        outcomes.append(outcome)
        net = outcome.net
        seen_rows, held_rows = problem.some_of(fit_rows), problem.some_of(held_rows)
        held.append(problem.values(net, problem.X[held_rows], problem.y[held_rows]))
        trained_on.append(problem.values(net, problem.X[seen_rows], problem.y[seen_rows]))
        of_test.append(problem.values(net, problem.X_test, problem.y_test))
        errors.append(problem.errors(net, problem.X[held_rows], problem.y[held_rows]))
        test_errors.append(problem.errors(net, problem.X_test, problem.y_test))
        first = first or (fit_rows, held_rows, trained_on[0].mean(), held[0].mean())
        is_share = problem.is_classifier
        held_values, test_values = np.concatenate(held), np.mean(of_test, axis=0)
        fall = difference_of_sets(held_values, test_values, is_share=is_share)
        if fall.is_settled(tol):
            break
    if first is None:
        return None
    return HeldOut(
        fall=fall,
        memorised=difference_of_sets(np.concatenate(trained_on), held_values, is_share=is_share),
        of_errors=auc_over_chance(_of_one_net_each(test_errors), np.concatenate(errors)),
        is_complete=all(outcome.status == COMPLETE for outcome in outcomes),
        seconds=sum(outcome.seconds for outcome in outcomes),
        n_folds=len(outcomes),
        first=first,
    )


def _of_one_net_each(errors):
    """Errors of each row by one of several nets. Held-out rows have one net each too; means over
    nets would have a different distribution."""
    rows = np.arange(len(errors[0]))
    return np.stack(errors)[rows % len(errors), rows]


def auc_of_forest(problem, random_state):
    """Train a forest to distinguish test rows from training rows.

    Returns the area under the ROC curve compared with 0.5, and the most important features. The
    forest is trained on one half of the rows of each set and evaluated on the other, so that the
    standard error of the area is valid. (With cross-validation the spread is half as large again
    as DeLong's formula, because folds are trained on each other's test rows.) Trees are
    insensitive to the scale of features, and detect differences in spread as well as in means.
    """
    draw = np.random.RandomState(random_state)
    rows = draw.permutation(problem.X.shape[0])[:MOST_ROWS_OF_FOREST]
    test_rows = draw.permutation(problem.X_test.shape[0])[:MOST_ROWS_OF_FOREST]
    features = _most_used(problem.X, draw)
    stack = sp.vstack if sp.issparse(problem.X) else np.vstack
    both = stack([problem.X[rows][:, features], problem.X_test[test_rows][:, features]])
    both = both.tocsr() if sp.issparse(both) else both
    is_test = np.arange(both.shape[0]) >= len(rows)
    learns, judges = train_test_split(
        np.arange(len(is_test)), test_size=0.5, stratify=is_test, random_state=random_state
    )
    forest = ExtraTreesClassifier(
        N_TREES, min_samples_leaf=ROWS_OF_A_LEAF, random_state=random_state
    )
    forest.fit(both[learns], is_test[learns])
    of_test = forest.predict_proba(both[judges])[:, 1]
    area = auc_over_chance(of_test[is_test[judges]], of_test[~is_test[judges]])
    return area, features[np.argsort(-forest.feature_importances_)[:FEATURES_NAMED]]


def _most_used(X, draw):
    """Indices of the features that the forest uses; for sparse X those with the most values."""
    order = draw.permutation(X.shape[1])
    if sp.issparse(X):
        order = np.argsort(-np.bincount(X.indices, minlength=X.shape[1]), kind="stable")
    return np.sort(order[:MOST_FEATURES_OF_FOREST])


def is_separable_by_errors(of_errors):
    """Whether the area by the nets' errors exceeds 0.5 by three standard errors."""
    return bool(of_errors.value > STRICTER * of_errors.noise)
