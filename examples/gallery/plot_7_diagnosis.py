"""
Why is the network not better?
==============================

`rosenblatt.diagnose` trains other networks under the same settings, says which fault is likely, and
proposes parameters to change.
"""

# %%
# Three hidden units are few for ten digits.

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from rosenblatt import MLPClassifier, diagnose
from rosenblatt.plot import DiagnosisDisplay

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X / 16, y, random_state=0)
net = MLPClassifier((3,), max_iter=1000, random_state=0).fit(X_train, y_train)
diagnosis = diagnose(net, X_train, y_train, X_test, y_test, verbose=False)
print(diagnosis)

# %%
# The evidence as a picture: training, held-out and test scores of the network and its rivals.

DiagnosisDisplay(diagnosis).plot()

# %%
# A next step is a dictionary for ``set_params``.

better = net.set_params(**diagnosis.next_steps[0]).fit(X_train, y_train)
print(f"test accuracy {better.score(X_test, y_test):.3f}")
