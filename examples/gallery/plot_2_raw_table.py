"""
A table with text and missing values
====================================

`TabularMLPClassifier` takes a data frame as it is. It says how well it predicts rows that its
networks did not see, what became of each column, and which columns matter.
"""

# %%
# scikit-learn's wine data have numbers only. To make them look like a real table, one column
# becomes text, another loses a fifth of its values, and the labels become names.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split

from rosenblatt import TabularMLPClassifier

X, y = load_wine(return_X_y=True, as_frame=True)
y = y.map({0: "Barolo", 1: "Grignolino", 2: "Barbera"})
X["hue"] = pd.cut(X["hue"], 3, labels=["red", "ruby", "purple"]).astype(object)
X.loc[np.random.RandomState(0).rand(len(X)) < 0.2, "flavanoids"] = np.nan
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

model = TabularMLPClassifier("fast", random_state=0).fit(X_train, y_train)
print(f"out-of-fold accuracy {model.oof_score_:.3f} ± {model.oof_score_stderr_:.3f}")
print(f"test accuracy        {model.score(X_test, y_test):.3f}")

# %%
model.summary()

# %%
# Importances are shares of what shuffling each column adds to the loss.

importances = pd.Series(model.feature_importances_, X.columns).sort_values()
figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
importances.plot.barh(ax=axes, color="tab:blue")
axes.set_xlabel("share of the importance")
