"""One adapter a library: each trains the same network for so many epochs and says how long.

All use Adam with the same constants, ReLU, the log loss or the squared error, and shuffle.
"""

import importlib.util
import time
import warnings

from sklearn import neural_network
from sklearn.exceptions import ConvergenceWarning

import rosenblatt


class Estimators:
    """A package with scikit-learn's two classes."""

    def __init__(self, name, module, takes_n_jobs):
        self.name, self.module, self.takes_n_jobs = name, module, takes_n_jobs

    def seconds(self, net, X, y, n_epochs, n_threads=1):
        """Time of one `fit`, everything included."""
        kind = "MLPRegressor" if net.is_regression else "MLPClassifier"
        model = getattr(self.module, kind)(
            hidden_layer_sizes=net.widths[1:-1],
            batch_size=net.batch_size,
            max_iter=n_epochs,
            tol=0,
            n_iter_no_change=n_epochs + 1,
            random_state=0,
            **({"n_jobs": n_threads} if self.takes_n_jobs else {}),
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            start = time.perf_counter()
            model.fit(X, y)
            return time.perf_counter() - start


class PyTorch:
    """Plain eager PyTorch: fused Adam, batches by index, no DataLoader."""

    name = "PyTorch"

    def seconds(self, net, X, y, n_epochs, n_threads=1):
        """Time of the training loop, from a network that is built."""
        import torch

        torch.set_num_threads(n_threads)
        torch.manual_seed(0)
        X, y = torch.from_numpy(X), torch.from_numpy(y)
        layers = []
        for fan_in, fan_out in zip(net.widths[:-1], net.widths[1:], strict=True):
            layers += [torch.nn.Linear(fan_in, fan_out, dtype=X.dtype), torch.nn.ReLU()]
        model = torch.nn.Sequential(*layers[:-1])
        if net.is_regression:
            loss_function, y = torch.nn.MSELoss(), y[:, None]
        else:
            loss_function = torch.nn.CrossEntropyLoss()
        optimizer = torch.optim.Adam(model.parameters(), weight_decay=1e-6, fused=True)
        start = time.perf_counter()
        for _ in range(n_epochs):
            order = torch.randperm(len(X))
            for batch in order.split(net.batch_size):
                optimizer.zero_grad()
                loss_function(model(X[batch]), y[batch]).backward()
                optimizer.step()
        return time.perf_counter() - start


def contenders():
    """This package first, then the peers that are installed."""
    found = [
        Estimators("rosenblatt", rosenblatt, True),
        Estimators("scikit-learn", neural_network, False),
    ]
    if importlib.util.find_spec("torch"):
        found.append(PyTorch())
    return found
