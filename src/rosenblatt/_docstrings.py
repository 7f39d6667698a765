"""What the attributes of fitted networks are: a text of their docstrings. No code is here."""

# SPDX-License-Identifier: BSD-3-Clause
ATTRIBUTES = """\
coefs_ : list of ndarray of shape (fan_in, fan_out)
        The weights, a matrix for each layer; `predict`, a warm start and `partial_fit` use
        them as they are, so they may be assigned or edited.

    intercepts_ : list of ndarray of shape (fan_out,)
        The intercepts, likewise.

    normalization_scales_, normalization_shifts_ : list of ndarray of shape (n_units,)
        With `normalization`, one array for each hidden layer, likewise.

    running_means_, running_variances_ : list of ndarray of shape (n_units,)
        With normalization='batch', what predictions normalise by, likewise.

    n_features_in_ : int
        Number of features seen during `fit`.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where X had names that are all strings.

    n_iter_ : int
        Epochs (or iterations of lbfgs) of the last fit.

    activations_ : tuple of str
        Each hidden layer's activation, by its own name where an alias was given.

    n_layers_, n_outputs_ : int
        Layers, input and output included, and outputs.

    n_parameters_ : int
        Weights and intercepts, and with `normalization` scales and shifts, all together.

    out_activation_ : str
        What makes predictions of the last layer's sums: 'identity', 'exp', 'logistic' or
        'softmax'.

    batch_size_ : int
        Rows of a batch in the last fit or call of `partial_fit`; with lbfgs all of them.

    loss_ : float
        The last epoch's loss, penalty included.

    loss_curve_ : list of float
        The loss of every epoch, averaged over its batches, each taken before its step; it
        grows over warm starts and calls of `partial_fit`. Not with lbfgs.

    history_ : dict of lists of float
        For every epoch, over warm starts and calls of `partial_fit`: 'loss'; 'validation_loss'
        and 'validation_score', NaN without validation rows; 'learning_rate', the last step's;
        'gradient_norm', the root mean square over the steps of the norm of the batch's gradient,
        penalty included; 'seconds'; and 'parameter_change', what `tol_params` looks at, NaN
        where neither it nor a callback asks. `history_.to_frame()` is a pandas.DataFrame. With
        lbfgs, for every iteration 'loss' and 'gradient_norm' of all rows where it ended, and
        'seconds'; the others are NaN.

    best_loss_ : float or None
        The lowest of `loss_curve_`; None with early stopping. Not with lbfgs.

    stopped_ : bool
        After `partial_fit` with early stopping: whether patience is at its end. The best
        weights are then put back, and further calls warn and do nothing.

    validation_scores_ : list of float or None
        With early stopping, every epoch's score on the validation rows; NaN where
        predictions were no numbers.

    best_validation_score_ : float or None
        The highest of them.

    t_ : int
        Rows used for training so far.
"""
