"""
Prediction intervals from quantiles
===================================

One network with several quantiles as its outputs learns how the spread of the targets depends on
the features.
"""

# %%
# The noise grows with the distance from zero. ``non_crossing=True`` sorts each row's quantiles.

import matplotlib.pyplot as plt
import numpy as np

from rosenblatt import MLPRegressor

rng = np.random.default_rng(0)
x = rng.uniform(-3, 3, 2000)
y = np.sin(2 * x) + (0.1 + 0.2 * np.abs(x)) * rng.normal(size=x.size)

net = MLPRegressor(
    (64, 64),
    activation="silu",
    loss="quantile",
    quantile=(0.05, 0.25, 0.5, 0.75, 0.95),
    non_crossing=True,
    learning_rate="one_cycle",
    learning_rate_init=0.01,
    max_iter=150,
    n_iter_no_change=np.inf,
    random_state=0,
)
net.fit(x[:, None], y)

# %%
# On rows that the network has not seen, nine tenths should lie between the outer quantiles and half
# between the inner ones.

x_new = rng.uniform(-3, 3, 2000)
y_new = np.sin(2 * x_new) + (0.1 + 0.2 * np.abs(x_new)) * rng.normal(size=x_new.size)
bounds = net.predict(x_new[:, None])
for low, high, nominal in ((0, 4, 0.9), (1, 3, 0.5)):
    inside = np.mean((bounds[:, low] <= y_new) & (y_new <= bounds[:, high]))
    print(f"nominal {nominal:.0%}, covered {inside:.1%}")

# %%
grid = np.linspace(-3, 3, 400)
q05, q25, q50, q75, q95 = net.predict(grid[:, None]).T
figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
axes.scatter(x_new[::4], y_new[::4], s=4, color="0.6", label="new rows")
axes.fill_between(grid, q05, q95, alpha=0.25, color="tab:blue", label="90 %")
axes.fill_between(grid, q25, q75, alpha=0.35, color="tab:blue", label="50 %")
axes.plot(grid, q50, color="tab:orange", label="median")
axes.legend(ncols=4, loc="upper center", bbox_to_anchor=(0.5, 1.12), frameon=False)
