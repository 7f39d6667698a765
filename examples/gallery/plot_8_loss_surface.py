"""
The loss surface and the path of training
=========================================

`Trajectory` stores the parameters of every epoch, and the displays of :doc:`/plots` show the loss
around the final parameters.
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
# The plane through the final parameters, along the two principal directions of the path.

LossSurfaceDisplay.from_estimator(net, X, y)

# %%
# The eigenvalues of the Hessian at the final parameters: a few directions are steep, most are flat.

SpectrumDisplay.from_estimator(net, X, y, random_state=0)
# %%
print(critical_point(net, X, y, progress=False))
