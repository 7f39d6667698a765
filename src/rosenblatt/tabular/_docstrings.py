"""The texts that the docstrings of the two tabular estimators share."""

# SPDX-License-Identifier: BSD-3-Clause

CLASS_WEIGHT = """class_weight : dict, 'balanced' or None, default=None
        Weights of the classes, by which the rows' weights are multiplied in the loss, in the
        choice of epochs and in calibration. 'balanced' is n_samples / (n_classes * count of the
        class).

    """

PARAMETERS = """preset : {{'fast', 'default', 'best'}}, default='default'
        How much time a fit takes for how much accuracy; each step takes several times the time of
        the one before. What each trains, and what it reaches, is in docs/tables.md.

    time_limit : float > 0, default=None
        Seconds that a fit may take. The number of epochs is chosen before training begins, so that
        learning-rate schedules end; networks start as long as there is time for another one. With
        a limit the model depends on the speed of the machine; docs/tables.md says how to repeat
        it without one.

    categorical_features : 'from_dtype', None or array-like, default='from_dtype'
        Which columns hold categories. 'from_dtype': those of a frame whose dtype is category,
        object, string or bool; in an array none. None: none. Otherwise names, integer indices or
        a boolean mask.

    scoring : str or callable, default=None
        What `oof_score_` is: a name or a scorer of scikit-learn's. None is {score}.

    {extra}n_members : int >= 1, default=None
        Networks in the ensemble. None is the preset's choice.

    hidden_layer_sizes : tuple of int, default=None
        Units of the hidden layers of each network. None is the preset's choice.

    max_iter : int >= 1, default=None
        Epochs of each network at most. None is chosen by the preset and the number of rows.

    n_folds : int >= 2, default=None
        Parts into which the rows are divided; each network leaves out one. None is the preset's
        choice, and not more than `n_members`: with fewer networks than folds some rows have no
        out-of-fold prediction.

    store_oof : bool, default=True
        Whether to keep `oof_prediction_`.

    n_jobs : int, default=None
        Threads that train and predict; -1 is one for each processor. Without a time_limit the
        model does not depend on it.

    random_state : int, RandomState instance or None, default=None
        Folds, initial weights, the order of rows, dropout. An int gives the same model again.

    verbose : bool or int, default=False
        1 shows a bar of tqdm with the time left, or a line for each network where tqdm is not
        installed; 2 the lines.

    callbacks : list of callables, default=None
        Each is called with a record and the estimator whenever a network is ready. The record
        has the fields `member`, `n_ready`, `n_members`, `n_epochs`, `validation_loss` and
        `seconds`. One that returns True ends training: the ensemble then consists of the networks
        that are ready.
    """

ATTRIBUTES = """oof_prediction_ : ndarray of float32 of shape {oof_shape}
        For each training row the {oof_kind} of the networks that did not see it; NaN where
        training was ended before there was one. Not there with store_oof=False; with X_val it
        belongs to the rows of X_val.

    oof_score_, oof_score_stderr_ : float
        `scoring` of `oof_prediction_`, and its standard error by the jackknife over 20 parts of
        the rows.

    n_members_ : int
        Networks in the ensemble.

    n_folds_ : int
        Folds; 1 with X_val.

    n_epochs_ : int
        Epochs that each network was to train at most.

    ended_by_ : None, 'time_limit', 'Ctrl-C' or 'callback'
        What ended training before all networks of the plan were ready.

    n_iter_ : int
        Most epochs that a network trained.

    members_ : list of {member}
        The networks, fitted to encoded rows; each has its `history_`. `encode` gives the rows as
        one of them sees them.

    member_weights_ : ndarray of shape (n_members_,)
        Their weights in the mean.

    history_ : list of History
        Of each network.

    feature_importances_ : ndarray of shape (n_features_in_,)
        What shuffling a column adds to the loss of rows that a network did not see, as shares of
        the sum over columns.

    columns_ : list of ColumnSummary
        What became of each column of X; `summary()` prints it.

    n_features_in_ : int
        Columns of X.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where X was a frame whose column names are text.
    """
