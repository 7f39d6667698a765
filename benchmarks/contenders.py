"""One adapter per library, which trains the same network and predicts with it.

All use the log loss or the squared error, and shuffle; unless a network says otherwise, Adam with
the same constants, and ReLU. What is not timed: making the network in PyTorch, whose users do it
once.
"""

import importlib.util
import time
import warnings
from itertools import pairwise

import numpy as np
from sklearn import neural_network
from sklearn.exceptions import ConvergenceWarning

import rosenblatt


class Estimators:
    """A package with scikit-learn's two classes."""

    def is_installed(self):
        return True

    def model(self, net, **parameters):
        """The estimator of a network; no rule stops it before `max_iter`."""
        kind = "MLPRegressor" if net.is_regression else "MLPClassifier"
        model = getattr(self.module, kind)(
            hidden_layer_sizes=net.widths[1:-1], batch_size=net.batch_size, random_state=0
        )
        return model.set_params(**net.parts.parameters, **parameters)

    def seconds(self, net, X, y, n_epochs, n_threads=1):
        """Time of one `fit`, everything included."""
        model = self.model(
            net, max_iter=n_epochs, tol=0, n_iter_no_change=n_epochs + 1, **self.threads(n_threads)
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            start = time.perf_counter()
            model.fit(X, y)
            return time.perf_counter() - start

    def trainer(self, net, X, y, seed):
        """(function that trains an epoch, function that predicts labels)."""
        # an int would draw the same order of rows for every epoch
        model = self.model(net, random_state=np.random.RandomState(seed))
        classes = np.unique(y)
        return lambda: model.partial_fit(X, y, classes=classes), model.predict

    def predictor(self, net, X, y):
        """predict_proba of a network that saw the rows once."""
        return self.model(net).partial_fit(X, y, classes=np.unique(y)).predict_proba


class Rosenblatt(Estimators):
    """This package."""

    name, module = "rosenblatt", rosenblatt

    def threads(self, n_threads):
        return {"n_jobs": n_threads}


class ScikitLearn(Estimators):
    """scikit-learn's own; threads are those of NumPy's BLAS."""

    name, module = "scikit-learn", neural_network

    def threads(self, n_threads):
        return {}


class PyTorch:
    """Plain eager PyTorch: fused Adam, batches by index, no DataLoader."""

    name = "PyTorch"

    def is_installed(self):
        return importlib.util.find_spec("torch") is not None

    def module(self, net, dtype):
        """The layers, without a softmax."""
        import torch

        layers = []
        for fan_in, fan_out in pairwise(net.widths[:-1]):
            layers.append(torch.nn.Linear(fan_in, fan_out, dtype=dtype))
            layers += self.after_the_product(net.parts, fan_out, dtype)
        layers.append(torch.nn.Linear(*net.widths[-2:], dtype=dtype))
        return torch.nn.Sequential(*layers)

    def after_the_product(self, parts, width, dtype):
        """What else a hidden layer does, in order."""
        from torch import nn

        normalizations = {"batch": nn.BatchNorm1d, "layer": nn.LayerNorm}
        if parts.normalization:
            yield normalizations[parts.normalization](width, dtype=dtype)
        yield {"relu": nn.ReLU, "gelu": nn.GELU}[parts.activation]()
        if parts.dropout:
            yield nn.Dropout(parts.dropout)

    def optimizer(self, net, parameters):
        """Fused, with the constants of this package's default penalty or decay."""
        from torch import optim

        kind, decay = {"adam": (optim.Adam, 1e-6), "adamw": (optim.AdamW, 1e-2)}[net.parts.solver]
        return kind(parameters, weight_decay=decay, fused=True)

    def seconds(self, net, X, y, n_epochs, n_threads=1):
        """Time of the training loop, from a network that is built."""
        import torch

        torch.set_num_threads(n_threads)
        train_epoch, _ = self.trainer(net, X, y, seed=0)
        start = time.perf_counter()
        for _ in range(n_epochs):
            train_epoch()
        return time.perf_counter() - start

    def trainer(self, net, X, y, seed):
        """(function that trains an epoch, function that predicts labels)."""
        import torch

        torch.manual_seed(seed)
        X, y = torch.from_numpy(X), torch.from_numpy(y)
        model = self.module(net, X.dtype)
        if net.is_regression:
            loss_function, y = torch.nn.MSELoss(), y[:, None]
        else:
            loss_function = torch.nn.CrossEntropyLoss()
        optimizer = self.optimizer(net, model.parameters())

        def train_epoch():
            model.train()
            for batch in torch.randperm(len(X)).split(net.batch_size):
                optimizer.zero_grad()
                loss_function(model(X[batch]), y[batch]).backward()
                optimizer.step()

        def predict(rows):
            model.eval()
            with torch.inference_mode():
                return model(torch.from_numpy(rows)).argmax(dim=1).numpy()

        return train_epoch, predict

    def predictor(self, net, X, y):
        """The bare module and its softmax under inference_mode; X is made a tensor here too."""
        import torch

        model = self.module(net, torch.from_numpy(X[:1]).dtype).eval()

        def predict_proba(rows):
            with torch.inference_mode():
                return torch.softmax(model(torch.from_numpy(rows)), dim=1).numpy()

        return predict_proba


class Skorch:
    """PyTorch as an estimator, with skorch's defaults but for what defines the network."""

    name = "skorch"

    def is_installed(self):
        return all(importlib.util.find_spec(name) for name in ("torch", "skorch"))

    def model(self, net, X, n_epochs):
        import skorch
        import torch

        kind = skorch.NeuralNetRegressor if net.is_regression else skorch.NeuralNetClassifier
        loss = torch.nn.MSELoss if net.is_regression else torch.nn.CrossEntropyLoss
        return kind(
            PyTorch().module(net, torch.from_numpy(X[:1]).dtype),
            criterion=loss,
            optimizer=torch.optim.Adam,
            optimizer__weight_decay=1e-6,
            optimizer__fused=True,
            lr=1e-3,
            max_epochs=n_epochs,
            batch_size=net.batch_size,
            iterator_train__shuffle=True,
            train_split=None,
            verbose=0,
        )

    def seconds(self, net, X, y, n_epochs, n_threads=1):
        """Time of one `fit`."""
        import torch

        torch.set_num_threads(n_threads)
        torch.manual_seed(0)
        model = self.model(net, X, n_epochs)
        y = y[:, None] if net.is_regression else y
        start = time.perf_counter()
        model.fit(X, y)
        return time.perf_counter() - start

    def trainer(self, net, X, y, seed):
        """(function that trains an epoch, function that predicts labels)."""
        import torch

        torch.manual_seed(seed)
        model = self.model(net, X, 1)
        return lambda: model.partial_fit(X, y), model.predict
