"""
A table with text and missing values
====================================

`TabularMLPClassifier` accepts a raw DataFrame. It reports its out-of-fold score, the encoding of
each column and the importance of the columns.
"""

# %%
# scikit-learn's wine data are numeric. To resemble a real table, one column is converted to text, a
# fifth of the values of another are removed, and the labels are replaced by names.

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
# Importances are the increase of the loss when a column is shuffled, normalised to sum to 1.

importances = pd.Series(model.feature_importances_, X.columns).sort_values()
figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
importances.plot.barh(ax=axes, color="tab:blue")
axes.set_xlabel("share of the importance")
