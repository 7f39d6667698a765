"""
Activations and decision boundaries
===================================

Two half moons, divided by networks that differ in the activation of their hidden layers.
"""

# %%
import matplotlib.pyplot as plt
from sklearn.datasets import make_moons
from sklearn.inspection import DecisionBoundaryDisplay

from rosenblatt import MLPClassifier

X, y = make_moons(300, noise=0.25, random_state=0)
figure, panels = plt.subplots(2, 3, figsize=(9, 6), layout="constrained", sharex=True, sharey=True)
for name, axes in zip(
    ("identity", "relu", "tanh", "gelu", "silu", "softplus"), panels.flat, strict=True
):
    net = MLPClassifier((16, 16), activation=name, solver="lbfgs", alpha=0.3, max_iter=1000,
                        random_state=0)  # fmt: skip
    net.fit(X, y)
    DecisionBoundaryDisplay.from_estimator(
        net, X, response_method="predict_proba", cmap="RdBu", alpha=0.6, ax=axes
    )
    axes.scatter(*X.T, c=y, cmap="RdBu", edgecolors="0.2", linewidths=0.4, s=14)
    axes.set(title=f"{name}, accuracy {net.score(X, y):.2f}", xlabel="", ylabel="")

# %%
# ReLU cuts the plane into pieces that are linear, the others bend smoothly. With ``identity`` the
# whole network is a linear model. :doc:`/vocabulary` has all thirteen.
