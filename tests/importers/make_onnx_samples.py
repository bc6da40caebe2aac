"""Writes the sample ONNX models in `data/`, with what ONNX Runtime computes of them.

    python tests/importers/make_onnx_samples.py

Beside each `onnx_<name>.onnx` lies `onnx_<name>.onnx.npz`: for every call `k` its inputs `k/in/<input>` and outputs
`k/out/<output>`. `onnx_torch_tagger` is written by PyTorch's exporter, the others by hand.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

DATA = Path(__file__).parent / "data"
FEATURES, UNITS = 3, 5
SIZES = ((3, 4), (1, 1), (9, 5))  # batch, time
Array = np.ndarray[Any, Any]
SIMPLE = (
    "Relu", "Sigmoid", "Tanh", "Softplus", "Softsign", "Erf", "Abs", "Neg", "Exp", "Floor", "Ceil", "Elu", "LeakyRelu",
    "HardSigmoid", "Selu", "HardSwish", "Dropout", "Identity",
)  # fmt: skip
"""Operators on single elements, with the defaults of their attributes."""


class Graph:
    """Collects nodes; every final tensor is an output."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.nodes: list[Any] = []
        self.arrays: list[Any] = []
        self.outputs: list[str] = []

    def drawn(self, *shape: int, scale: float = 1.0) -> str:
        return self.array((scale * self.random.standard_normal(shape)).astype(np.float32))

    def array(self, value: Any) -> str:
        name = f"array_{len(self.arrays)}"
        self.arrays.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def integers(self, *values: int) -> str:
        return self.array(np.array(values, np.int64))

    def add(self, op: str, *inputs: str, count: int = 1, final: bool = True, **attributes: Any) -> Any:
        name = f"{op.lower()}_{len(self.nodes)}"
        outputs = [name] if count == 1 else [f"{name}/{place}" for place in range(count)]
        self.nodes.append(helper.make_node(op, inputs, outputs, name=name, **attributes))
        if final:
            self.outputs += outputs
        return outputs[0] if count == 1 else outputs

    def model(self, inputs: dict[str, tuple[int, list[Any]]], opset: int) -> bytes:
        given = [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in inputs.items()]
        made = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in self.outputs]
        graph = helper.make_graph(self.nodes, "sample", given, made, self.arrays)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
        return bytes(model.SerializeToString())


def lstms() -> bytes:
    """LSTM nodes that have each attribute and input of the operator at least once."""
    g = Graph(1)

    def lstm(
        directions: int, *, lengths: bool = False, start: bool = False, peepholes: bool = False, **kw: Any
    ) -> None:
        weights = [g.drawn(directions, 4 * UNITS, FEATURES), g.drawn(directions, 4 * UNITS, UNITS)]
        rest = ["lengths" if lengths else ""]
        rest += [f"h{directions}", f"c{directions}"] if start else ["", ""]
        rest += [g.drawn(directions, 3 * UNITS)] if peepholes else []
        g.add("LSTM", "x", *weights, g.drawn(directions, 8 * UNITS), *rest, count=3, hidden_size=UNITS, **kw)

    lstm(2, lengths=True, start=True, direction="bidirectional")
    lstm(2, lengths=True, peepholes=True, clip=0.4, input_forget=1, direction="bidirectional")
    lstm(
        1,
        start=True,
        direction="reverse",
        activations=["HardSigmoid", "ScaledTanh", "LeakyRelu"],
        activation_alpha=[0.3, 1.5, 0.2],
        activation_beta=[0.4, 0.8],
    )
    states = {f"{s}{d}": (TensorProto.FLOAT, [d, "batch", UNITS]) for d in (1, 2) for s in "hc"}
    x = (TensorProto.FLOAT, ["time", "batch", FEATURES])
    return g.model({"x": x, "lengths": (TensorProto.INT32, ["batch"]), **states}, 14)


def recurrences() -> bytes:
    """GRU and RNN nodes that have each attribute and input of the operators at least once."""
    g = Graph(4)

    def add(op: str, gates: int, directions: int, *, lengths: bool = False, start: bool = False, **kw: Any) -> None:
        weights = [g.drawn(directions, gates * UNITS, size, scale=0.4) for size in (FEATURES, UNITS)]
        bias = g.drawn(directions, 2 * gates * UNITS) if lengths or start else ""
        rest = ["lengths" if lengths else "", f"h{directions}" if start else ""]
        g.add(op, "x", *weights, bias, *rest, count=2, hidden_size=UNITS, **kw)

    both = {"direction": "bidirectional"}
    add("GRU", 3, 2, lengths=True, start=True, linear_before_reset=1, **both)
    add("GRU", 3, 2, lengths=True, linear_before_reset=1, activations=["HardSigmoid", "Softsign"] * 2, **both)
    add("GRU", 3, 1, start=True, linear_before_reset=1, direction="reverse", clip=0.4)
    add("GRU", 3, 1, linear_before_reset=1)
    add("GRU", 3, 2, lengths=True, start=True, clip=0.8, **both)
    add("RNN", 1, 2, lengths=True, start=True, **both)
    add("RNN", 1, 1, start=True, direction="reverse", activations=["LeakyRelu"], activation_alpha=[0.3])
    add("RNN", 1, 1, clip=0.5)
    states = {f"h{d}": (TensorProto.FLOAT, [d, "batch", UNITS]) for d in (1, 2)}
    x = (TensorProto.FLOAT, ["time", "batch", FEATURES])
    return g.model({"x": x, "lengths": (TensorProto.INT32, ["batch"]), **states}, 14)


def choices() -> bytes:
    """Truth values and integers, windows of a sequence, and elements picked by numbers."""
    g = Graph(5)
    channels = g.add("Transpose", "x", perm=[0, 2, 1], final=False)
    half, zero = g.array(np.float32(0.5)), g.array(np.float32(0))

    def told(value: str) -> str:
        return str(g.add("Cast", value, to=TensorProto.FLOAT))

    padding = g.add("Equal", "ids", g.array(np.int64(0)), final=False)
    kept = g.add("Not", padding, final=False)
    told(padding)
    told(g.add("Cast", "ids", to=TensorProto.BOOL, final=False))
    more = g.add("Greater", "x", half, final=False)
    less = g.add("LessOrEqual", "x", g.drawn(FEATURES), final=False)
    for op in ("And", "Or", "Xor"):
        told(g.add(op, more, less, final=False))
    told(g.add("GreaterOrEqual", "ids", g.array(np.int64(3)), final=False))
    rows = g.add("Unsqueeze", kept, g.integers(2), final=False)
    g.add("Where", rows, "x", zero)
    g.add("Where", g.add("And", rows, more, final=False), half, "x")
    # The steps before the end of each row, and the last one of them.
    steps = g.add("Gather", g.add("Shape", "x", final=False), g.array(np.array(1, np.int64)), axis=0, final=False)
    numbers = g.add("Range", g.array(np.int64(0)), steps, g.array(np.int64(1)), final=False)
    ends = g.add("Unsqueeze", "lengths", g.integers(1), final=False)
    before = g.add("Less", g.add("Unsqueeze", numbers, g.integers(0), final=False), ends, final=False)
    told(before)
    counted = g.add("Cast", g.add("Unsqueeze", before, g.integers(2), final=False), to=TensorProto.FLOAT, final=False)
    total = g.add("ReduceSum", g.add("Mul", "x", counted, final=False), g.integers(1), keepdims=0, final=False)
    g.add("Div", total, g.add("ReduceSum", counted, g.integers(1), keepdims=0, final=False))
    last = g.add("Sub", "lengths", g.array(np.int64(1)), final=False)
    place = g.add("Unsqueeze", last, g.integers(1, 2), final=False)
    shape = g.add("Shape", g.add("Slice", "x", g.integers(0), g.integers(1), g.integers(1), final=False), final=False)
    g.add("GatherElements", "x", g.add("Expand", place, shape, final=False), axis=1)
    axes = {"batch_axis": 0, "time_axis": 1}
    g.add("ReverseSequence", "x", "lengths", **axes)
    rows_shape = g.add("Shape", "lengths", final=False)
    everywhere = g.add("Expand", g.add("Unsqueeze", steps, g.integers(0), final=False), rows_shape, final=False)
    g.add("ReverseSequence", "x", everywhere, **axes)
    for op in ("Sign", "Sin", "Cos", "ThresholdedRelu"):
        g.add(op, "x")
    g.add("Pad", "x", g.integers(0, 2, -1, 0, 1, 1), half)
    g.add("Conv", channels, g.drawn(4, FEATURES, 3), g.drawn(4), pads=[2, 1])
    g.add("Conv", channels, g.drawn(6, 1, 2), group=3, strides=[2], auto_pad="SAME_LOWER")
    g.add("Conv", channels, g.drawn(2, FEATURES, 2), dilations=[2], pads=[1, 1])
    g.add("MaxPool", channels, kernel_shape=[2], strides=[2], pads=[1, 0])
    g.add("AveragePool", channels, kernel_shape=[3], strides=[2], auto_pad="SAME_UPPER")
    g.add("AveragePool", channels, kernel_shape=[2], pads=[1, 0], count_include_pad=1)
    branches = {
        f"{name}_branch": helper.make_graph(
            [helper.make_node(op, ["x"], [name])], name, [], [helper.make_empty_tensor_value_info(name)]
        )
        for name, op in (("then", "Neg"), ("else", "Abs"))
    }
    g.add("If", g.array(np.array(True)), **branches)
    shapes = {
        "x": (TensorProto.FLOAT, ["batch", "time", FEATURES]),
        "ids": (TensorProto.INT64, ["batch", "time"]),
        "lengths": (TensorProto.INT64, ["batch"]),
    }
    return g.model(shapes, 17)


def operators() -> bytes:
    """A model with the operators that exporters write around LSTMs, each tensor an output."""
    g = Graph(2)
    u = UNITS
    xt = g.add("Transpose", "x", perm=[1, 0, 2], final=False)
    weights = [g.drawn(2, 4 * u, FEATURES), g.drawn(2, 4 * u, u), g.drawn(2, 8 * u)]
    y, _, _ = g.add("LSTM", xt, *weights, count=3, final=False, hidden_size=u, direction="bidirectional")
    rows = g.add("Reshape", g.add("Transpose", y, perm=[2, 0, 1, 3], final=False), g.integers(0, 0, 2 * u))
    batch = g.add("Slice", g.add("Shape", "x", final=False), g.integers(0), g.integers(1), final=False)
    shape = g.add("Concat", g.integers(1), batch, g.integers(u), axis=0, final=False)
    start = [
        g.add("ConstantOfShape", shape, final=False),
        g.add("Expand", g.array(np.zeros((1, 1, 1), np.float32)), shape, final=False),
    ]
    second = [g.drawn(1, 4 * u, FEATURES), g.drawn(1, 4 * u, u), "", ""]
    sequence = g.add("LSTM", xt, *second, *start, count=3, final=False, hidden_size=u)[0]
    steps = g.add("Squeeze", sequence, g.integers(1))
    g.add("Slice", steps, g.integers(-1), g.integers(2**63 - 1), g.integers(0))
    g.add("Slice", steps, g.integers(-1), g.integers(-(2**63)), g.integers(0), g.integers(-1))
    last = g.add("Gather", steps, g.array(np.array(-1, np.int64)), axis=0)
    product = g.add("MatMul", rows, g.drawn(2 * u, 6))
    a = g.add("Add", product, g.drawn(6))
    for op in SIMPLE:
        g.add(op, a)
    positive = g.add("Abs", a, final=False)
    g.add("Sqrt", positive)
    g.add("Log", g.add("Exp", a, final=False))
    g.add("Reciprocal", g.add("Exp", a, final=False))
    g.add("Pow", a, g.array(np.float32(2)))
    g.add("Pow", positive, g.array(np.float32(1.7)))
    g.add("Clip", a, g.array(np.float32(-0.5)), g.array(np.float32(0.7)))
    g.add("Softmax", a, axis=-1)
    g.add("Softmax", a, axis=1)
    g.add("LogSoftmax", a, axis=2)
    g.add("Sub", a, g.drawn(1, 6))
    g.add("Div", a, g.array(np.float32(3)))
    g.add("Mul", a, a)
    g.add("Max", a, g.drawn(6), g.array(np.float32(0)))
    g.add("Min", a, product)
    g.add("Sum", a, product, a)
    g.add("Mean", a, product)
    g.add("LayerNormalization", a, g.drawn(6), g.drawn(6), axis=-1)
    g.add("ReduceMean", a, axes=[1], keepdims=0)
    g.add("ReduceMean", a, axes=[-1])
    g.add("ReduceMax", a, axes=[1])
    g.add("ReduceMin", a, axes=[2], keepdims=0)
    g.add("ReduceSum", a, g.integers(1), keepdims=0)
    g.add("ReduceL2", a, axes=[2])
    dense = g.add("Gemm", last, g.drawn(4, u), g.drawn(4), transB=1, alpha=0.5, beta=2.0)
    channels = g.add("Transpose", a, perm=[0, 2, 1], final=False)
    for value, size in ((dense, 4), (channels, 6)):
        variance = g.array(g.random.uniform(0.1, 1, size).astype(np.float32))
        g.add("BatchNormalization", value, g.drawn(size), g.drawn(size), g.drawn(size), variance)
    g.add("GlobalAveragePool", channels)
    g.add("GlobalMaxPool", channels)
    g.add("Split", a, g.integers(2, 4), count=2, axis=2)
    g.add("Concat", a, product, axis=2)
    g.add("Concat", a, product, axis=1)
    g.add("Flatten", a, axis=2)
    g.add("Unsqueeze", a, g.integers(0, 2))
    g.add("Cast", a, to=TensorProto.FLOAT)
    g.add("MatMul", a, channels)
    g.add("Tile", dense, g.integers(1, 2))
    g.add("Reshape", a, g.integers(-1, 3, 2))
    g.add("Add", g.add("Gather", g.drawn(7, FEATURES), "ids"), "x")
    g.add("Gather", a, g.array(np.array([[0, -1], [2, 1]], np.int64)), axis=2)
    shapes = {"x": (TensorProto.FLOAT, ["batch", "time", FEATURES]), "ids": (TensorProto.INT64, ["batch", "time"])}
    return g.model(shapes, 17)


def torch_tagger() -> bytes:
    """A tagger with two bidirectional layers, as PyTorch exports it."""
    import io

    import torch

    class Tagger(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words = torch.nn.Embedding(11, 4)
            self.lstm = torch.nn.LSTM(4, 5, num_layers=2, bidirectional=True, batch_first=True)
            self.norm = torch.nn.LayerNorm(10)
            self.drop = torch.nn.Dropout(0.3)
            self.tags = torch.nn.Linear(10, 3)

        def forward(self, ids: Any) -> Any:
            y, (h, _) = self.lstm(self.words(ids))
            return torch.log_softmax(self.tags(self.drop(self.norm(y))), -1), h[-1]

    torch.manual_seed(0)
    stream = io.BytesIO()
    axes = {"ids": {0: "batch", 1: "time"}, "tags": {0: "batch", 1: "time"}, "last": {0: "batch"}}
    torch.onnx.export(
        Tagger().eval(),
        (torch.zeros(2, 6, dtype=torch.long),),
        stream,
        dynamo=False,
        input_names=["ids"],
        output_names=["tags", "last"],
        dynamic_axes=axes,
    )
    return stream.getvalue()


def torch_packed() -> bytes:
    """A tagger of packed sequences, whose batch PyTorch sorts by length and puts back."""
    import io

    import torch

    rnn = torch.nn.utils.rnn

    class Tagger(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words = torch.nn.Embedding(11, 4, padding_idx=0)
            self.lstm = torch.nn.LSTM(4, 5, bidirectional=True, batch_first=True)
            self.tags = torch.nn.Linear(10, 3)

        def forward(self, ids: Any, lengths: Any) -> Any:
            packed = rnn.pack_padded_sequence(self.words(ids), lengths, batch_first=True, enforce_sorted=False)
            y, (h, _) = self.lstm(packed)
            y, _ = rnn.pad_packed_sequence(y, batch_first=True)
            keep = (ids != 0).unsqueeze(-1).float()
            return self.tags(y), h, (y * keep).sum(1) / keep.sum(1).clamp(min=1.0)

    torch.manual_seed(0)
    stream = io.BytesIO()
    torch.onnx.export(
        Tagger().eval(),
        (torch.ones(3, 6, dtype=torch.long), torch.tensor([4, 6, 2])),
        stream,
        dynamo=False,
        input_names=["ids", "lengths"],
        output_names=["tags", "last", "mean"],
        dynamic_axes={"ids": {0: "batch", 1: "time"}, "lengths": {0: "batch"}},
    )
    return stream.getvalue()


def feed(session: Any, random: np.random.Generator, batch: int, time: int) -> dict[str, Array]:
    """Inputs for a call."""
    known: dict[Any, int] = {"batch": batch, "time": time}
    arrays: dict[str, Array] = {}
    for given in session.get_inputs():
        shape = [known.get(size, size) for size in given.shape]
        if given.name == "lengths":
            arrays[given.name] = random.integers(1, time + 1, batch).astype(given.type[7:-1])
        elif "int64" in given.type:
            arrays[given.name] = random.integers(0, 7, shape)
        else:
            arrays[given.name] = random.standard_normal(shape).astype(np.float32)
    return arrays


def main() -> None:
    for maker in (lstms, recurrences, choices, operators, torch_tagger, torch_packed):
        data = maker()
        path = DATA / f"onnx_{maker.__name__}.onnx"
        path.write_bytes(data)
        session = onnxruntime.InferenceSession(data)
        names = [made.name for made in session.get_outputs()]
        random, recorded = np.random.default_rng(3), {}
        for number, (batch, time) in enumerate(SIZES):
            arrays = feed(session, random, batch, time)
            results = session.run(names, arrays)
            recorded |= {f"{number}/in/{name}": array for name, array in arrays.items()}
            recorded |= {f"{number}/out/{name}": array for name, array in zip(names, results, strict=True)}
        np.savez_compressed(f"{path}.npz", **recorded)
        print(path.name, len(data))  # noqa: T201  # a script


if __name__ == "__main__":
    main()
