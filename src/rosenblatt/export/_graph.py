"""Builds graphs of ONNX operators (nodes, constants and inputs) and converts them to a model.

It does not depend on networks. onnx is imported when a model is created.
"""

# SPDX-License-Identifier: BSD-3-Clause
import numpy as np

OPSET, ML_OPSET, IR_VERSION = 18, 3, 8
ML_DOMAIN = "ai.onnx.ml"


class Graph:
    """Nodes and constants, in the order of computation.

    Parameters
    ----------
    unique_name : callable or None
        Maps a proposed name to one that is unique in the model. None appends numbers.

    Attributes
    ----------
    nodes : list of (kind, inputs, outputs, domain, attributes)
    constants : dict
        Maps names to arrays.
    inputs : dict
        Maps names to (dtype, number of columns).
    """

    def __init__(self, unique_name=None):
        self.nodes, self.constants, self.inputs = [], {}, {}
        self._unique_name = unique_name or self._numbered
        self._names, self._known = {}, {}

    def _numbered(self, wish):
        count = self._names[wish] = self._names.get(wish, 0) + 1
        return f"{wish}_{count}"

    def input(self, name, dtype, n_columns):
        """Declare an input of shape (n_rows, n_columns); returns its name."""
        self.inputs[name] = np.dtype(dtype), n_columns
        return name

    def op(self, kind, *inputs, domain="", n_outputs=1, **attributes):
        """Add a node; returns the name of its output, or of the last of several outputs.

        Inputs are names of values, or NumPy arrays and scalars, which become constants.
        """
        names = [one if isinstance(one, str) else self.constant(one) for one in inputs]
        outputs = [self._unique_name(kind.lower()) for _ in range(n_outputs)]
        self.nodes.append((kind, names, outputs, domain, attributes))
        return outputs[0] if n_outputs == 1 else outputs

    def constant(self, value):
        """Add a constant; returns its name, which equal constants share."""
        array = np.asarray(value)
        key = (
            array.dtype.str,
            array.shape,
            array.tobytes() if array.dtype != object else id(value),
        )
        if key not in self._known:
            self._known[key] = self._unique_name("constant")
            self.constants[self._known[key]] = array
        return self._known[key]

    def cast(self, value, dtype):
        """Cast the values to another type."""
        return self.op("Cast", value, to=element_type(dtype))

    def columns(self, value, columns):
        """Select columns of a matrix."""
        return self.op("Gather", value, np.asarray(columns, np.int64), axis=1)

    def concat(self, values, axis=1):
        """Concatenate values."""
        return values[0] if len(values) == 1 else self.op("Concat", *values, axis=axis)

    def to_model(self, outputs, name):
        """Convert the graph to a ModelProto.

        Parameters
        ----------
        outputs : dict
            Maps output names to (value, dtype, columns), where columns is the number of columns, a
            tuple of the dimensions after the rows, or None for a vector.
        name : str
            The name of the graph.
        """
        from onnx import checker, helper

        for wanted, (value, _, _) in outputs.items():
            self.nodes.append(("Identity", [value], [wanted], "", {}))
        nodes = [
            helper.make_node(kind, inputs, made, domain=domain, **attributes)
            for kind, inputs, made, domain, attributes in self.nodes
        ]
        graph = helper.make_graph(
            nodes,
            name,
            [
                helper.make_tensor_value_info(one, element_type(dtype), [None, n_columns])
                for one, (dtype, n_columns) in self.inputs.items()
            ],
            [
                helper.make_tensor_value_info(one, element_type(dtype), shape_of_rows(columns))
                for one, (_, dtype, columns) in outputs.items()
            ],
            [tensor(array, one) for one, array in self.constants.items()],
        )
        model = helper.make_model(
            graph,
            producer_name="rosenblatt",
            ir_version=IR_VERSION,
            opset_imports=[
                helper.make_opsetid("", OPSET),
                helper.make_opsetid(ML_DOMAIN, ML_OPSET),
            ],
        )
        checker.check_model(model)
        return model


def shape_of_rows(columns):
    """ONNX's shape of any number of rows; `columns` as in Graph.to_model."""
    if columns is None:
        return [None]
    return [None, *(columns if isinstance(columns, tuple) else (columns,))]


def tensor(array, name):
    """An array of numbers or text as a TensorProto."""
    from onnx import helper, numpy_helper

    if array.dtype.kind in "OU":
        text = [str(one).encode() for one in array.ravel()]
        return helper.make_tensor(name, element_type("U"), array.shape, text)
    return numpy_helper.from_array(array, name)


def element_type(dtype):
    """The ONNX element type of a NumPy dtype."""
    from onnx import TensorProto, helper

    dtype = np.dtype(dtype)
    return TensorProto.STRING if dtype.kind in "OU" else helper.np_dtype_to_tensor_dtype(dtype)
