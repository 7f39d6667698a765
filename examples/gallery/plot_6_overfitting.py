"""
Overfitting, and remedies
=========================

A wide network learns 200 images by heart. Its validation loss shows where that begins, and what
dropout, weight decay and noise on the inputs do about it.
"""

# %%
# ``X_val`` and ``y_val`` are scored after every epoch. Without early stopping they only watch.

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from rosenblatt import MLPClassifier

X, y = load_digits(return_X_y=True)
X_train, X_val, y_train, y_val = train_test_split(
    X / 16, y, train_size=200, stratify=y, random_state=0
)
remedies = {
    "none": {},
    "dropout=0.5": {"dropout": 0.5},
    "adamw, weight_decay=0.3": {"solver": "adamw", "weight_decay": 0.3},
    "input_noise=0.3": {"input_noise": 0.3},
}

figure, panels = plt.subplots(1, 4, figsize=(11, 3.2), sharey=True, layout="constrained")
for (name, parameters), axes in zip(remedies.items(), panels, strict=True):
    net = MLPClassifier(
        (256,), learning_rate_init=0.003, batch_size=32, max_iter=120, tol=0,
        n_iter_no_change=200, random_state=0, **parameters,
    )  # fmt: skip
    net.fit(X_train, y_train, X_val=X_val, y_val=y_val)
    axes.semilogy(net.history_["loss"], label="training")
    axes.semilogy(net.history_["validation_loss"], "--", label="validation")
    axes.set(title=name, xlabel="epoch")
    best = min(net.history_["validation_loss"])
    accuracy = net.history_["validation_score"][-1]
    print(f"{name:24} lowest validation loss {best:.3f}, accuracy at the end {accuracy:.3f}")
panels[0].set_ylabel("loss")
panels[0].legend(frameon=False)
