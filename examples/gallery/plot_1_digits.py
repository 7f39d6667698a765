"""
Handwritten digits
==================

A network of one hidden layer learns 8 x 8 images, and two displays show how the training went and
what the units of its first layer look for.
"""

# %%
# Pixels go from 0 to 16; divided by 16 they are as large as a network likes its features. A tenth
# of the training rows is set aside to stop by.

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
# The estimator as notebooks show it:

net

# %%
# Every epoch left a line in ``history_``. The marked epoch is the one whose weights were kept.

TrainingDisplay.from_estimator(net)

# %%
# Weights into the first layer as images, one for each unit: positive where a unit wants ink,
# negative where it wants none.

WeightsDisplay.from_estimator(net)
