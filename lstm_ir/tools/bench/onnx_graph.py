"""A network as an ONNX graph: one LSTM node a layer, its weights in the graph."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from lstm_ir.tools.bench.network import Affine, Array, Direction, InexpressibleError, Network, Recurrence, reorder_gates

GATES = "iofc"
"""The order of the gates in ONNX's weights."""
_OPSET = 17
_IR_VERSION = 8
_FUNCTIONS = {
    "tanh": "Tanh", "sigmoid": "Sigmoid", "relu": "Relu", "softsign": "Softsign", "softplus": "Softplus",
    # 0.2 x + 0.5 by the operator's default, as in Keras 2
    "hard_sigmoid": "HardSigmoid",
}  # fmt: skip
_AFFINE_FUNCTIONS = {"tanh": "Tanh", "sigmoid": "Sigmoid", "relu": "Relu", "softmax": "Softmax"}
_LAST_INDEX = np.iinfo(np.int64).min


def onnx_model(network: Network, x: Array) -> bytes:
    """Return the network for this input as a serialised ONNX model: input ``x``, outputs ``y0``, ``y1`` ...

    Inside, sequences are time-major, which is ONNX Runtime's only layout; batch-major ones are transposed on their way
    in and out.

    Raises:
        InexpressibleError: Masks or activations that ONNX's LSTM has not.
    """
    graph = _Graph()
    value = "x" if network.is_time_major else graph.add("Transpose", ["x"], perm=[1, 0, 2])
    outputs, sequences = [value], 1
    for stage in network.stages:
        if isinstance(stage, Recurrence):
            outputs = _recurrence(graph, stage, outputs[0])
            sequences = stage.sequences
        else:
            assert isinstance(stage, Affine)
            outputs = [_affine(graph, stage, outputs[0])]
    if not network.is_time_major:
        outputs[:sequences] = [graph.add("Transpose", [name], perm=[1, 0, 2]) for name in outputs[:sequences]]
    return graph.model({"x": x.shape}, outputs)


def onnx_step_model(lstm: Direction, batch: int) -> bytes:
    """Return one step of one LSTM as an ONNX model.

    Its inputs are ``x`` [1, B, I], ``h`` and ``c`` [1, B, U]; its outputs y [1, B, U], h and c.
    """
    graph = _Graph()
    y, h, c = _lstm_node(graph, (lstm,), "x", state=("h", "c"))
    state = (1, batch, lstm.units)
    shapes = {"x": (1, batch, lstm.features), "h": state, "c": state}
    return graph.model(shapes, [graph.add("Squeeze", [y, graph.integers([1])]), h, c])


class _Graph:
    """Collects nodes and constants; every result gets a name of its own."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def add(self, op: str, inputs: list[str], outputs: int = 1, **attributes: Any) -> Any:
        """Add a node; returns the name of its result, or a list of names if there are several."""
        from onnx import helper

        names = [f"v{len(self.nodes)}_{k}" for k in range(outputs)]
        self.nodes.append(helper.make_node(op, inputs, names, **attributes))
        return names[0] if outputs == 1 else names

    def constant(self, array: Array) -> str:
        """Add a constant; returns its name."""
        from onnx import numpy_helper

        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.array(array, order="C"), name))
        return name

    def integers(self, values: list[int]) -> str:
        """Add a constant of int64."""
        return self.constant(np.array(values, np.int64))

    def model(self, inputs: Mapping[str, tuple[int, ...]], outputs: list[str]) -> bytes:
        """Return the serialised model."""
        from onnx import TensorProto, helper

        for k, name in enumerate(outputs):
            self.nodes.append(helper.make_node("Identity", [name], [f"y{k}"]))
        graph = helper.make_graph(
            self.nodes,
            "lstm",
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()],
            [helper.make_tensor_value_info(f"y{k}", TensorProto.FLOAT, None) for k in range(len(outputs))],
            self.constants,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)])
        model.ir_version = _IR_VERSION
        serialised: bytes = model.SerializeToString()
        return serialised


def _lstm_node(graph: _Graph, directions: tuple[Direction, ...], x: str, state: tuple[str, ...] = ()) -> Any:
    """Add an LSTM node; returns the names of Y [T, D, B, U], Y_h and Y_c [D, B, U]."""
    kernels = np.stack([reorder_gates(lstm.kernel, GATES).T for lstm in directions])
    recurrent = np.stack([reorder_gates(lstm.recurrent_kernel, GATES).T for lstm in directions])
    biases = np.stack([reorder_gates(lstm.bias, GATES) for lstm in directions])
    bias = np.concatenate([biases, np.zeros_like(biases)], axis=1)  # ONNX has one for each kernel
    directed = "bidirectional" if len(directions) > 1 else "reverse" if directions[0].goes_backwards else "forward"
    names: list[str] = []
    for lstm in directions:
        names += [_function(lstm.recurrent_activation.name), *[_function(lstm.activation.name)] * 2]
    inputs = [x, *(graph.constant(array) for array in (kernels, recurrent, bias))]
    if state:
        inputs += ["", *state]  # no lengths of sequences
    return graph.add("LSTM", inputs, 3, hidden_size=directions[0].units, direction=directed, activations=names)


def _function(name: str) -> str:
    if name not in _FUNCTIONS:
        raise InexpressibleError(f"activation {name}: ONNX's LSTM has none of that meaning")
    return _FUNCTIONS[name]


def _recurrence(graph: _Graph, stage: Recurrence, x: str) -> list[str]:
    lstms = stage.directions
    if any(lstm.units != lstms[0].units for lstm in lstms):
        raise InexpressibleError("both directions have the same number of units in ONNX's LSTM")
    y, h, c = _lstm_node(graph, lstms, x)
    per_direction = [
        [graph.add("Gather", [state, graph.constant(np.array(k, np.int64))], axis=0) for state in (h, c)]
        for k in range(len(lstms))
        if stage.returns_state or not stage.returns_sequences
    ]
    if not stage.returns_sequences:
        outputs = _merged(graph, stage, [states[0] for states in per_direction])
    elif not stage.is_bidirectional:
        outputs = [graph.add("Squeeze", [y, graph.integers([1])])]
        if lstms[0].goes_backwards:  # ONNX gives the outputs in the order of the input, Keras in that of the visits
            ends = [graph.integers([value]) for value in (-1, _LAST_INDEX, 0, -1)]
            outputs = [graph.add("Slice", [outputs[0], *ends])]
    elif stage.merge_mode == "concat":
        swapped = graph.add("Transpose", [y], perm=[0, 2, 1, 3])
        outputs = [graph.add("Reshape", [swapped, graph.integers([0, 0, -1])])]
    else:
        sequences = [graph.add("Gather", [y, graph.constant(np.array(k, np.int64))], axis=1) for k in (0, 1)]
        outputs = _merged(graph, stage, sequences)
    if stage.returns_state:
        outputs += [state for states in per_direction for state in states]
    return outputs


def _merged(graph: _Graph, stage: Recurrence, parts: list[str]) -> list[str]:
    if len(parts) == 1 or stage.merge_mode is None:
        return parts
    if stage.merge_mode == "concat":
        return [graph.add("Concat", parts, axis=-1)]
    result = graph.add("Mul" if stage.merge_mode == "mul" else "Add", parts)
    if stage.merge_mode == "ave":
        result = graph.add("Mul", [result, graph.constant(np.array(0.5, np.float32))])
    return [result]


def _affine(graph: _Graph, stage: Affine, x: str) -> str:
    name = stage.activation.name
    product = graph.add("MatMul", [x, graph.constant(stage.kernel)])
    result = str(graph.add("Add", [product, graph.constant(stage.bias)]))
    if name == "linear":
        return result
    if name not in _AFFINE_FUNCTIONS:
        raise InexpressibleError(f"activation {name} of a Dense layer is not given to it")
    return str(graph.add(_AFFINE_FUNCTIONS[name], [result]))
