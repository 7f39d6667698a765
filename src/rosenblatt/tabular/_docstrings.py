"""Parts of the docstrings that the two tabular estimators share."""

# SPDX-License-Identifier: BSD-3-Clause

CLASS_WEIGHT = """class_weight : dict, 'balanced' or None, default=None
        Weights of the classes, which multiply the sample weights in the loss, in the choice of
        epochs and in calibration. With 'balanced' the weight of a class is
        n_samples / (n_classes * number of samples of the class).

    """

PARAMETERS = """preset : {{'fast', 'default', 'best'}}, default='default'
        The trade-off between training time and accuracy; each preset takes several times as long
        as the one before. docs/tables.md describes the networks and the accuracy of each.

    time_limit : float > 0, default=None
        Time limit of a fit in seconds. The number of epochs is chosen before training, so that
        learning-rate schedules run to the end; networks are started while time is left. With a
        time limit the model depends on the speed of the machine; docs/tables.md explains how to
        reproduce it without one.

    categorical_features : 'from_dtype', None or array-like, default='from_dtype'
        The categorical columns: names, integer indices or a boolean mask. 'from_dtype' selects the
        columns of a DataFrame with dtype category, object, string or bool, and no column of an
        array. None selects no column.

    scoring : str or callable, default=None
        The scorer for `oof_score_`: the name of a scikit-learn scorer, or a scorer. None means
        {score}.

    {extra}n_members : int >= 1, default=None
        Number of networks in the ensemble. None uses the preset's value.

    hidden_layer_sizes : tuple of int, default=None
        Number of units in each hidden layer of every network. None uses the preset's value.

    max_iter : int >= 1, default=None
        Maximum number of epochs of each network. None chooses it by the preset and the number of
        rows.

    n_folds : int >= 2, default=None
        Number of folds; each network leaves out one. None uses the preset's value, but at most
        `n_members`: with fewer networks than folds some rows have no out-of-fold prediction.

    store_oof : bool, default=True
        Whether to store `oof_prediction_`.

    n_jobs : int, default=None
        Number of threads for training and prediction; None means 1 unless in a
        joblib.parallel_config context, -1 means all processors. Without a time_limit the model
        does not depend on n_jobs.

    random_state : int, RandomState instance or None, default=None
        Determines the folds, the initial weights, the order of rows and dropout. Pass an int for
        reproducible results across multiple function calls.

    verbose : bool or int, default=False
        1 shows a tqdm progress bar with the remaining time, or prints a line for each network if
        tqdm is not installed; 2 prints the lines.

    callbacks : list of callables, default=None
        Each is called as ``callback(record, estimator)`` whenever a network is finished. The record
        has the fields `member`, `n_ready`, `n_members`, `n_epochs`, `validation_loss` and
        `seconds`. If a callback returns True, training stops, and the ensemble consists of the
        finished networks.
    """

ATTRIBUTES = """oof_prediction_ : ndarray of float32 of shape {oof_shape}
        For each training row, the {oof_kind} of the networks that were not trained on it; NaN if
        training ended before such a network was finished. With X_val, the predictions of the rows
        of X_val. Not available with store_oof=False.

    oof_score_, oof_score_stderr_ : float
        The score of `oof_prediction_` by `scoring`, and its standard error, estimated by the
        jackknife over 20 parts of the rows.

    n_members_ : int
        Number of networks in the ensemble.

    n_folds_ : int
        Number of folds; 1 with X_val.

    n_epochs_ : int
        Maximum number of epochs of each network in this fit.

    ended_by_ : None, 'time_limit', 'Ctrl-C' or 'callback'
        The reason why training ended before all networks were finished, or None.

    n_iter_ : int
        The largest number of epochs for which a network was trained.

    members_ : list of {member}
        The networks, fitted to encoded rows. `encode` returns rows as encoded for one of them.

    member_weights_ : ndarray of shape (n_members_,)
        The weights of the networks in the mean prediction.

    history_ : list of History
        The history of each network.

    feature_importances_ : ndarray of shape (n_features_in_,)
        Permutation importances: the increase of the loss when a column is shuffled, computed for
        each network on rows that it was not trained on, and normalised to sum to 1.

    columns_ : list of ColumnSummary
        How each column of X was read and encoded; `summary()` prints it.

    n_features_in_ : int
        Number of columns of X.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns. Defined only if the column names of X are all strings.
    """
