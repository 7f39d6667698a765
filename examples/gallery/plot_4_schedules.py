"""
Learning-rate schedules
=======================

The learning rate of every epoch, and the loss that it leads to, for five schedules of the same
network.
"""

# %%
# Schedules are spread over ``max_iter`` epochs; ``n_iter_no_change=np.inf`` lets each come to its
# end.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from rosenblatt import MLPClassifier, schedules

X, y = load_digits(return_X_y=True)
X = X / 16
recipes = {
    "constant": "constant",
    "exponential": schedules.Exponential(gamma=0.93),
    "cosine, warm-up": schedules.Cosine(warmup=0.1),
    "restarts": schedules.CosineRestarts(T_0=8, T_mult=2),
    "one cycle": "one_cycle",
}

figure, (rates, losses) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
for name, learning_rate in recipes.items():
    net = MLPClassifier(
        (64,),
        learning_rate=learning_rate,
        learning_rate_init=0.01,
        max_iter=56,
        n_iter_no_change=np.inf,
        random_state=0,
    )
    net.fit(X, y)
    epochs = np.arange(1, net.n_iter_ + 1)
    rates.plot(epochs, net.history_["learning_rate"], label=name)
    losses.semilogy(epochs, net.history_["loss"], label=name)
rates.set(xlabel="epoch", ylabel="learning rate")
losses.set(xlabel="epoch", ylabel="training loss")
figure.legend(
    *rates.get_legend_handles_labels(), loc="outside upper center", ncols=5, frameon=False
)

# %%
# A low rate at the end takes the noise of the batches out of the loss. Any function of the
# progress, from 0 to 1, is a schedule too: ``learning_rate=lambda progress: 1 - progress``.
