"""The text on fitted attributes in the docstrings of both networks. There is no code here."""

# SPDX-License-Identifier: BSD-3-Clause
ATTRIBUTES = """\
coefs_ : list of ndarray of shape (fan_in, fan_out)
        The weights, a matrix for each layer. They may be assigned or edited: `predict`, a warm
        start and `partial_fit` use the current values. The same holds for the next five.
    intercepts_ : list of ndarray of shape (fan_out,)
        The intercepts, a vector for each layer.
    normalization_scales_, normalization_shifts_ : list of ndarray of shape (n_units,)
        With `normalization`, one array for each hidden layer.
    input_scales_ : list of one ndarray of shape (n_features_in_,)
        With `input_scale_rate`, the factors of the features, likewise.
    running_means_, running_variances_ : list of ndarray of shape (n_units,)
        With normalization='batch', the statistics that predictions are normalised with, one
        array for each hidden layer.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if the feature names of X are all strings.
    n_iter_ : int
        Number of epochs (for 'lbfgs', iterations) of the last fit; `history_` contains the earlier
        epochs too if a fit continued an earlier one.
    activations_ : tuple of str
        The activation of each hidden layer; aliases are resolved.
    n_layers_, n_outputs_ : int
        Number of layers, including input and output layer, and number of outputs.
    n_parameters_ : int
        Number of weights and intercepts, and with `normalization` of scales and shifts.
    out_activation_ : str
        The activation of the output layer: 'identity', 'exp', 'logistic' or 'softmax'. It follows
        from `loss`, and cannot be set.
    batch_size_ : int
        Rows of a mini-batch in the last fit or call of `partial_fit`; for 'lbfgs' all rows.
    loss_ : float
        The loss of the last epoch, including the penalty.
    loss_curve_ : list of float
        The loss of every epoch, averaged over its batches, each evaluated before its step. Warm
        starts and calls of `partial_fit` append to it. Not available for 'lbfgs'.
    history_ : dict of lists of float
        One value per epoch, also over warm starts and calls of `partial_fit`: 'loss';
        'validation_loss' and 'validation_score', NaN without validation rows; 'learning_rate'
        of the last step; 'gradient_norm', the root mean square over the steps of the norm of
        the batch's gradient, including the penalty; 'seconds'; and 'parameter_change', the
        quantity that `tol_params` limits, NaN unless `tol_params` or a callback needs it.
        `history_.to_frame()` returns a pandas.DataFrame. For 'lbfgs', one value per iteration:
        'loss' and 'gradient_norm' over all rows at its end, and 'seconds'; the others are NaN.
    best_loss_ : float or None
        The minimum of `loss_curve_`; None with early stopping. Not available for 'lbfgs'.
    stopped_ : bool
        After `partial_fit` with early stopping: whether training has stopped. The best weights
        are then restored, and further calls only warn.
    validation_scores_ : list of float or None
        With early stopping, the validation score of every epoch; NaN if predictions were not
        finite.
    best_validation_score_ : float or None
        The maximum of `validation_scores_`.
    t_ : int
        Number of rows used for training so far.
"""
