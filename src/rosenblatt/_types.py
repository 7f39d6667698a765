"""The types of public signatures, for editors and type checkers. They are not checked at run time;
the rules that are checked are in the tables of parameters, and tests compare the two.
"""

# SPDX-License-Identifier: BSD-3-Clause
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rosenblatt._history import EpochRecord

if TYPE_CHECKING:
    from scipy.sparse import sparray, spmatrix

    Matrix: TypeAlias = ArrayLike | sparray | spmatrix
else:
    Matrix: TypeAlias = ArrayLike

Array: TypeAlias = NDArray[Any]
Numbers: TypeAlias = Sequence[float] | NDArray[Any]
RandomState: TypeAlias = int | np.random.RandomState | None
Scoring: TypeAlias = Literal["loss"] | str | Callable[..., float] | None
ClassWeight: TypeAlias = Mapping[Any, float] | Literal["balanced"] | None
Callbacks: TypeAlias = Sequence[Callable[[EpochRecord, Any], object]] | None
MemberCallbacks: TypeAlias = Sequence[Callable[[Any, Any], object]] | None

Activation: TypeAlias = Literal[
    "identity",
    "linear",
    "logistic",
    "sigmoid",
    "hard_sigmoid",
    "tanh",
    "relu",
    "leaky_relu",
    "elu",
    "selu",
    "gelu",
    "silu",
    "swish",
    "mish",
    "softplus",
    "hard_swish",
]
ClassificationLoss: TypeAlias = Literal[
    "log_loss", "squared_error", "focal", "hinge", "squared_hinge"
]
RegressionLoss: TypeAlias = Literal[
    "squared_error",
    "absolute_error",
    "huber",
    "log_cosh",
    "quantile",
    "poisson",
    "gamma",
    "tweedie",
]
MultiClass: TypeAlias = Literal["ovr", "crammer_singer"]
Normalization: TypeAlias = Literal["batch", "layer"] | None
Solver: TypeAlias = Literal[
    "sgd", "adagrad", "rmsprop", "adam", "adamw", "nadam", "radam", "adabelief", "lbfgs"
]
LearningRate: TypeAlias = Literal[
    "constant",
    "invscaling",
    "adaptive",
    "exponential",
    "step",
    "linear",
    "cosine",
    "cosine_restarts",
    "cosine_cycles",
    "one_cycle",
    "plateau",
]
WeightInit: TypeAlias = Literal[
    "glorot_uniform", "he_uniform", "he_normal", "lecun_normal", "orthogonal"
]
InterceptInit: TypeAlias = Literal["uniform", "zeros", "prior"]
DType: TypeAlias = (
    Literal["float32", "float64"] | type[np.float32] | type[np.float64] | np.dtype[Any] | None
)

Preset: TypeAlias = Literal["fast", "default", "best"]
NumericalEncoding: TypeAlias = (
    Literal["quantile", "tree", "periodic", "coarse", "one_hot", "none"] | None
)
TargetType: TypeAlias = Literal["auto", "classification", "regression"]
CategoricalFeatures: TypeAlias = Literal["from_dtype"] | Sequence[Any] | NDArray[Any] | None
