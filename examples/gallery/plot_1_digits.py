"""
Handwritten digits
==================

A network with one hidden layer is trained on 8 x 8 images. Two displays show the history of
training and the weights of the first layer.
"""

# %%
# Pixels are in [0, 16] and are scaled to [0, 1]. A tenth of the training rows is set aside for
# early stopping.

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from rosenblatt import MLPClassifier
from rosenblatt.plot import TrainingDisplay, WeightsDisplay

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X / 16, y, random_state=0)
net = MLPClassifier((64,), early_stopping=True, learning_rate_init=0.005, random_state=0)
net.fit(X_train, y_train)
print(f"test accuracy {net.score(X_test, y_test):.3f} after {net.n_iter_} epochs")

# %%
# The representation of the estimator in notebooks:

net

# %%
# ``history_`` has one row per epoch. The marked epoch is the one whose weights were kept.

TrainingDisplay.from_estimator(net)

# %%
# The weights of each first-layer unit as an image: positive where ink increases the pre-activation,
# negative where ink decreases it.

WeightsDisplay.from_estimator(net)
