"""The types that skops must trust to load the package's models. All of them are public."""

# SPDX-License-Identifier: BSD-3-Clause

SKOPS_TYPES = [
    "rosenblatt.callbacks.Checkpoint",
    "rosenblatt.callbacks.Progress",
    "rosenblatt.callbacks.TimeLimit",
    "rosenblatt.callbacks.Trajectory",
    "rosenblatt.mlp.MLPClassifier",
    "rosenblatt.mlp.MLPRegressor",
    "rosenblatt.perceptron.PerceptronClassifier",
    "rosenblatt.preprocessing.PiecewiseLinearEncoder",
    "rosenblatt.preprocessing.RobustSmoothScaler",
    "rosenblatt.preprocessing.TabularPreprocessor",
    "rosenblatt.schedules.Adaptive",
    "rosenblatt.schedules.Constant",
    "rosenblatt.schedules.Cosine",
    "rosenblatt.schedules.CosineCycles",
    "rosenblatt.schedules.CosineRestarts",
    "rosenblatt.schedules.Exponential",
    "rosenblatt.schedules.InverseScaling",
    "rosenblatt.schedules.Linear",
    "rosenblatt.schedules.OneCycle",
    "rosenblatt.schedules.Plateau",
    "rosenblatt.schedules.Step",
    "rosenblatt.tabular.TabularMLPClassifier",
    "rosenblatt.tabular.TabularMLPRegressor",
]
