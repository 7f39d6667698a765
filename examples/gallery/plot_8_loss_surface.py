"""
The error surface, and the path across it
=========================================

`Trajectory` keeps the parameters of every epoch, and the displays of :doc:`/plots` draw the loss
around where the training ended.
"""

# %%
from sklearn.datasets import load_iris
from sklearn.preprocessing import StandardScaler

from rosenblatt import MLPClassifier
from rosenblatt.callbacks import Trajectory
from rosenblatt.inspection import critical_point
from rosenblatt.plot import LossSurfaceDisplay, SpectrumDisplay

X, y = load_iris(return_X_y=True)
X = StandardScaler().fit_transform(X)
path = Trajectory()
net = MLPClassifier(
    (8,), solver="sgd", learning_rate_init=0.1, batch_size=32, max_iter=100, tol=0,
    n_iter_no_change=200, random_state=0, callbacks=[path],
)  # fmt: skip
net.fit(X, y)

# %%
# The plane through the end along the two directions in which the path went farthest.

LossSurfaceDisplay.from_estimator(net, X, y)

# %%
# Eigenvalues of the Hessian at the end: a few steep directions, most of them flat.

SpectrumDisplay.from_estimator(net, X, y, random_state=0)
# %%
print(critical_point(net, X, y, progress=False))
